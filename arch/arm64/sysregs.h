/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's system registers that hardware holds while the guest runs, listed once: the
 * enum, the accessors and the world switch are made from these lists.  Read by C and by the
 * assembler.
 */
#ifndef BERTH_ARM64_SYSREGS_H
#define BERTH_ARM64_SYSREGS_H

/*
 * Pairs, since the switch stores two at a time.  With VHE the host runs at EL2 and these of
 * EL1 are the guest's own, under the names that end in 2 (Arm ARM D13.1, "_EL12").  TCR_EL1
 * comes last: see nvhe_run.
 */
#define ARM_EL12_PAIRS(P)			\
	P(TTBR0_EL1, TTBR1_EL1)			\
	P(ESR_EL1, FAR_EL1)			\
	P(AFSR0_EL1, AFSR1_EL1)			\
	P(VBAR_EL1, CONTEXTIDR_EL1)		\
	P(AMAIR_EL1, CNTKCTL_EL1)		\
	P(ELR_EL1, SPSR_EL1)			\
	P(MAIR_EL1, CPACR_EL1)			\
	P(SCTLR_EL1, TCR_EL1)

/* Those that have one name at both levels. */
#define ARM_PLAIN_PAIRS(P)			\
	P(TPIDR_EL0, TPIDRRO_EL0)		\
	P(TPIDR_EL1, SP_EL1)			\
	P(CSSELR_EL1, PAR_EL1)

/* Those that only AArch32 at EL1 uses: switched when the guest's EL1 is AArch32. */
#define ARM_AARCH32_PAIRS(P)			\
	P(SPSR_abt, SPSR_und)			\
	P(SPSR_irq, SPSR_fiq)			\
	P(DACR32_EL2, IFSR32_EL2)		\
	P(FPEXC32_EL2, DBGVCR32_EL2)

/* Pointer authentication keys: switched when the guest has the feature and uses it. */
#define ARM_KEY_PAIRS(P)			\
	P(APIAKEYLO_EL1, APIAKEYHI_EL1)		\
	P(APIBKEYLO_EL1, APIBKEYHI_EL1)		\
	P(APDAKEYLO_EL1, APDAKEYHI_EL1)		\
	P(APDBKEYLO_EL1, APDBKEYHI_EL1)		\
	P(APGAKEYLO_EL1, APGAKEYHI_EL1)

#define ARM_SWITCHED_PAIRS(P)			\
	ARM_EL12_PAIRS(P)			\
	ARM_PLAIN_PAIRS(P)			\
	ARM_AARCH32_PAIRS(P)			\
	ARM_KEY_PAIRS(P)

/*
 * What only memory holds, since accesses trap or are never made by hardware; and what is switched
 * under other names or conditions: DISR_EL1, which is VDISR_EL2 to the host, and the vector
 * lengths, of which ZCR_EL2 is the vCPU's limit.
 */
#define ARM_KEPT(S)				\
	S(ACTLR_EL1)				\
	S(MDSCR_EL1)				\
	S(MDCCINT_EL1)				\
	S(OSLSR_EL1)				\
	S(DISR_EL1)				\
	S(ZCR_EL1)				\
	S(ZCR_EL2)

#ifndef __ASSEMBLY__

#define ARM_PAIR_ENUM(a, b)	ARM_##a, ARM_##b,
#define ARM_SINGLE_ENUM(a)	ARM_##a,

/* Index of arm_context::sys. */
enum arm_sysreg {
	ARM_SWITCHED_PAIRS(ARM_PAIR_ENUM)
	ARM_KEPT(ARM_SINGLE_ENUM)
	ARM_NR_SYSREGS,
};

#endif
#endif
