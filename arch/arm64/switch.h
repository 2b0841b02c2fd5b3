/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the world switch and C agree on: where the members of struct arm_context are, what is
 * to be done at entry, why the guest was left, and the calls that our code at EL2 answers
 * when the kernel itself runs at EL1.  Read by C and by the assembler.
 */
#ifndef BERTH_ARM64_SWITCH_H
#define BERTH_ARM64_SWITCH_H

/* Offsets in struct arm_context; arm64.h holds them to it. */
#define CTX_X(n)	(8 * (n))
#define CTX_SP_EL0	248
#define CTX_PC		256
#define CTX_PSTATE	264
#define CTX_HCR		272
#define CTX_CPTR	280
#define CTX_MDCR	288
#define CTX_VTTBR	296
#define CTX_VTCR	304
#define CTX_VMPIDR	312
#define CTX_CNTHCTL	320
#define CTX_ENTER	328
#define CTX_HOST	336
#define CTX_VSESR	344
#define CTX_SVE		352
#define CTX_EXIT	360
#define CTX_ESR		368
#define CTX_FAR		376
#define CTX_HPFAR	384
#define CTX_GIC_HCR	392
#define CTX_GIC_NR	400
#define CTX_GIC_LR(n)	(408 + 8 * (n))
#define CTX_GIC_VMCR	536
#define CTX_GIC_NR_APR	544
#define CTX_GIC_AP0R(n)	(552 + 8 * (n))
#define CTX_GIC_AP1R(n)	(584 + 8 * (n))
#define CTX_FP		624
#define CTX_FPSR	(CTX_FP + 512)
#define CTX_FPCR	(CTX_FP + 516)
#define CTX_SYS		1152

/* And in struct arm_el2_start (host.c). */
#define START_TTBR	0
#define START_TCR	16
#define START_SP	32

/* arm_context::enter: what this entry needs beyond the usual. */
#define ARM_ENTER_FP		0	/* the guest's FP/SIMD registers */
#define ARM_ENTER_KEYS		1	/* its pointer authentication keys */
#define ARM_ENTER_AARCH32	2	/* the registers of AArch32 at EL1 */
#define ARM_ENTER_VSESR		3	/* the syndrome of a virtual SError (FEAT_RAS) */
#define ARM_ENTER_SVE		4	/* with FP: the guest's vector registers are SVE's */
#define ARM_ENTER_VDISR		5	/* nVHE with FEAT_RAS: the SError it has deferred */

/* arm_context::exit: the vector that was taken. */
#define ARM_EXIT_SYNC		0
#define ARM_EXIT_IRQ		1
#define ARM_EXIT_FIQ		2
#define ARM_EXIT_SERROR		3
#define ARM_EXIT_ILLEGAL	4	/* ERET refused PSTATE (Arm ARM D1.4, "Illegal exception returns") */
#define ARM_EXIT_BROKEN		5	/* our own code at EL2 faulted: ESR, FAR, ELR in hpfar */
#define ARM_EXIT_OFF		6	/* no exit: this CPU's EL2 is the stub's, or the host reboots */

/* hpfar when the address of the fault could not be had: the guest is to try again. */
#define ARM_HPFAR_UNKNOWN	(~0UL)

/* Calls to EL2 (nVHE), beyond the stub's own 0 to 3 (asm/virt.h). */
#define ARM_EL2_RUN		0x1000	/* x1: guest's context, x2: host's; physical */
#define ARM_EL2_TLB_RANGE	0x1001	/* x1: VTTBR, x2: first IPA >> 12, x3: pages, x4: step */
#define ARM_EL2_TLB_VM		0x1002	/* x1: VTTBR: all of the VM, both stages, all CPUs */
#define ARM_EL2_TLB_LOCAL	0x1003	/* x1: VTTBR: the VM's stage 1, this CPU */
#define ARM_EL2_TLB_ALL		0x1004	/* every VM, all CPUs */
#define ARM_EL2_GIC_LOAD	0x1005	/* x1: struct arm_context, physical: VMCR and active priorities */
#define ARM_EL2_GIC_PUT		0x1006	/* the same, read back */
#define ARM_EL2_GIC_VTR		0x1007	/* returns ICH_VTR_EL2 */
#define ARM_EL2_CNTVOFF		0x1008	/* x1: CNTVOFF_EL2 */

#endif
