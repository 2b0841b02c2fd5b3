/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch, and all of our code that runs at EL2 when the kernel does not (nVHE).
 *
 * General registers: of the host x0-x17 are the caller's to lose; x18-x30, SP and SP_EL0 (the
 * kernel's "current") are kept, with VHE on the stack, else in the CPU's host context.  All of
 * the guest's are in its context while it does not run.  Both sides run with interrupts, SError
 * and debug exceptions masked here.
 *
 * System registers: with VHE only those that govern the host are exchanged here; EL1's stay
 * loaded (sysregs.c).  With nVHE EL1 is the host's own, and all of it is exchanged.
 *
 * The nVHE part, from arm_el2_text on, is copied to pages of its own and runs there, mapped at
 * its physical address: it must be position independent and touch only what its callers had
 * mapped by arm_el2_map().
 */
#include <linux/linkage.h>
#include <asm/assembler.h>
#include <asm/sysreg.h>
#include <asm/virt.h>
#include "switch.h"
#include "sysregs.h"

	.arch	armv8.5-a+sve

/* The enum of sysregs.h once more: ARM_<name>, an index of arm_context::sys. */
	.set	sysreg_index, 0
.macro	enum_pair a:req, b:req
	.set	ARM_\a, sysreg_index
	.set	ARM_\b, sysreg_index + 1
	.set	sysreg_index, sysreg_index + 2
.endm
.macro	enum_single a:req
	.set	ARM_\a, sysreg_index
	.set	sysreg_index, sysreg_index + 1
.endm
#define ENUM_PAIR(a, b)		enum_pair a, b;
#define ENUM_SINGLE(a)		enum_single a;
	ARM_SWITCHED_PAIRS(ENUM_PAIR)
	ARM_KEPT(ENUM_SINGLE)
#define CTX_ZCR_EL1	(CTX_SYS + 8 * ARM_ZCR_EL1)
#define CTX_ZCR_EL2	(CTX_SYS + 8 * ARM_ZCR_EL2)
#define CTX_DISR	(CTX_SYS + 8 * ARM_DISR_EL1)

/* x2: &context->sys.  Clobbers x3, x4. */
.macro	save_pair a:req, b:req
	mrs	x3, \a
	mrs	x4, \b
	stp	x3, x4, [x2, #8 * ARM_\a]
.endm
.macro	load_pair a:req, b:req
	ldp	x3, x4, [x2, #8 * ARM_\a]
	msr	\a, x3
	msr	\b, x4
.endm
#define SAVE_PAIR(a, b)		save_pair a, b;
#define LOAD_PAIR(a, b)		load_pair a, b;

#define EC(esr)			esr, #26, #6
#define EC_ABORT		0x20	/* instruction abort from below; data abort without bit 2 */
#define EC_ILLEGAL		0x0e
#define ESR_S1PTW		7	/* bit: of a walk of stage 1 */
#define FSC_TYPE		0x3c
#define FSC_PERMISSION		0x0c
#define HCR_VSE_BIT		8
#define PAR_FAILED		0	/* bit F */
#define ICC_SRE_EL2_ENABLE	(1 << 3)
#define TCR_NO_WALKS		((1 << 7) | (1 << 23))	/* EPD0, EPD1 */

/* ---- parts of both modes; x0: the guest's context ---- */

/* All but x0 and x1, then these. */
.macro	load_guest_gprs
	ldp	x2, x3, [x0, #CTX_X(2)]
	ldp	x4, x5, [x0, #CTX_X(4)]
	ldp	x6, x7, [x0, #CTX_X(6)]
	ldp	x8, x9, [x0, #CTX_X(8)]
	ldp	x10, x11, [x0, #CTX_X(10)]
	ldp	x12, x13, [x0, #CTX_X(12)]
	ldp	x14, x15, [x0, #CTX_X(14)]
	ldp	x16, x17, [x0, #CTX_X(16)]
	ldp	x18, x19, [x0, #CTX_X(18)]
	ldp	x20, x21, [x0, #CTX_X(20)]
	ldp	x22, x23, [x0, #CTX_X(22)]
	ldp	x24, x25, [x0, #CTX_X(24)]
	ldp	x26, x27, [x0, #CTX_X(26)]
	ldp	x28, x29, [x0, #CTX_X(28)]
	ldr	x30, [x0, #CTX_X(30)]
	ldp	x0, x1, [x0, #CTX_X(0)]
.endm

/* The guest's x0 and x1 are on the stack, and are taken from there. */
.macro	save_guest_gprs
	stp	x2, x3, [x0, #CTX_X(2)]
	ldp	x2, x3, [sp], #16
	stp	x4, x5, [x0, #CTX_X(4)]
	stp	x2, x3, [x0, #CTX_X(0)]
	stp	x6, x7, [x0, #CTX_X(6)]
	stp	x8, x9, [x0, #CTX_X(8)]
	stp	x10, x11, [x0, #CTX_X(10)]
	stp	x12, x13, [x0, #CTX_X(12)]
	stp	x14, x15, [x0, #CTX_X(14)]
	stp	x16, x17, [x0, #CTX_X(16)]
	stp	x18, x19, [x0, #CTX_X(18)]
	stp	x20, x21, [x0, #CTX_X(20)]
	stp	x22, x23, [x0, #CTX_X(22)]
	stp	x24, x25, [x0, #CTX_X(24)]
	stp	x26, x27, [x0, #CTX_X(26)]
	stp	x28, x29, [x0, #CTX_X(28)]
	str	x30, [x0, #CTX_X(30)]
.endm

/*
 * What the CPU says about the exit; w1: ARM_EXIT_*.  HPFAR_EL2 does not hold the address of a
 * permission fault that is not of a table walk (Arm ARM D13.2, HPFAR_EL2): it is looked up, as
 * long as the guest's translation is there to do it.
 */
.macro	save_exit
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	str	x1, [x0, #CTX_EXIT]
	stp	x2, x3, [x0, #CTX_PC]
	cbnz	w1, .Lserror\@
	mrs	x2, esr_el2
	mrs	x3, far_el2
	stp	x2, x3, [x0, #CTX_ESR]
	ubfx	x4, EC(x2)
	and	w4, w4, #~4
	cmp	w4, #EC_ABORT
	b.ne	.Ldone\@
	mrs	x4, hpfar_el2
	str	x4, [x0, #CTX_HPFAR]
	tbnz	x2, #ESR_S1PTW, .Ldone\@
	and	w2, w2, #FSC_TYPE
	cmp	w2, #FSC_PERMISSION
	b.ne	.Ldone\@
	mrs	x4, par_el1
	at	s1e1r, x3
	isb
	mrs	x2, par_el1
	msr	par_el1, x4
	mov	x3, #-1			/* ARM_HPFAR_UNKNOWN */
	tbnz	x2, #PAR_FAILED, .Lstore\@
	ubfx	x3, x2, #12, #36
	lsl	x3, x3, #4
.Lstore\@:
	str	x3, [x0, #CTX_HPFAR]
	b	.Ldone\@
.Lserror\@:
	cmp	w1, #ARM_EXIT_SERROR
	b.ne	.Ldone\@
	mrs	x2, esr_el2
	str	x2, [x0, #CTX_ESR]
.Ldone\@:
	ldr	x2, [x0, #CTX_HCR]
	tbz	x2, #HCR_VSE_BIT, .Lnone\@
	mrs	x2, hcr_el2			/* taken, or still pending */
	str	x2, [x0, #CTX_HCR]
.Lnone\@:
.endm

/* GICv3's list registers, in use or not.  Clobbers x2, x3. */
.macro	lr_enter n:req
	ldr	x3, [x0, #CTX_GIC_LR(\n)]
	msr	ich_lr\n\()_el2, x3
.endm
.macro	lr_exit	n:req
	mrs	x3, ich_lr\n\()_el2
	str	x3, [x0, #CTX_GIC_LR(\n)]
.endm
.macro	gic_enter
	ldr	x2, [x0, #CTX_GIC_HCR]
	cbz	x2, .Lnone\@
	msr	ich_hcr_el2, x2
	ldr	x2, [x0, #CTX_GIC_NR]
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	cmp	x2, #\n
	b.eq	.Lnone\@
	lr_enter \n
	.endr
.Lnone\@:
.endm

.macro	gic_exit
	ldr	x2, [x0, #CTX_GIC_HCR]
	cbz	x2, .Lnone\@
	mrs	x2, ich_hcr_el2
	str	x2, [x0, #CTX_GIC_HCR]
	msr	ich_hcr_el2, xzr
	ldr	x2, [x0, #CTX_GIC_NR]
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	cmp	x2, #\n
	b.eq	.Lnone\@
	lr_exit	\n
	.endr
.Lnone\@:
.endm

/* FP/SIMD registers; x2: &context->fp. */
.macro	fp_registers op:req
	\op	q0, q1, [x2, #16 * 0]
	\op	q2, q3, [x2, #16 * 2]
	\op	q4, q5, [x2, #16 * 4]
	\op	q6, q7, [x2, #16 * 6]
	\op	q8, q9, [x2, #16 * 8]
	\op	q10, q11, [x2, #16 * 10]
	\op	q12, q13, [x2, #16 * 12]
	\op	q14, q15, [x2, #16 * 14]
	\op	q16, q17, [x2, #16 * 16]
	\op	q18, q19, [x2, #16 * 18]
	\op	q20, q21, [x2, #16 * 20]
	\op	q22, q23, [x2, #16 * 22]
	\op	q24, q25, [x2, #16 * 24]
	\op	q26, q27, [x2, #16 * 26]
	\op	q28, q29, [x2, #16 * 28]
	\op	q30, q31, [x2, #16 * 30]
.endm

/* SVE's registers at EL2's vector length, which is the guest's limit; x2: where they are.  Clobbers x3. */
.macro	sve_predicates op:req
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op	p\n, [x3, #\n, mul vl]
	.endr
.endm
.macro	sve_vectors op:req
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, \
		   22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op	z\n, [x2, #\n, mul vl]
	.endr
	addvl	x3, x2, #16
	addvl	x3, x3, #16
.endm
.macro	sve_load
	sve_vectors ldr
	ldr	p0, [x3, #16, mul vl]
	wrffr	p0.b
	sve_predicates ldr
.endm
.macro	sve_save
	sve_vectors str
	sve_predicates str
	rdffr	p0.b
	str	p0, [x3, #16, mul vl]
.endm

/*
 * What context->enter asks for, while the host's traps are not in force, which let SVE pass where
 * the CPU has it; the host's keys and vector lengths wait in its own context.  @zcr: the guest's
 * ZCR_EL1; under its own name, nVHE, the host has one, too.  Clobbers x2-x5.
 */
.macro	extra_enter zcr:req
	ldr	x5, [x0, #CTX_ENTER]
	cbz	x5, .Lnone\@
	tbz	x5, #ARM_ENTER_FP, .Lno_fp\@
	add	x2, x0, #CTX_FP
	tbnz	x5, #ARM_ENTER_SVE, .Lsve\@
	fp_registers ldp
	b	.Lfpsr\@
.Lsve\@:
	ldr	x2, [x0, #CTX_HOST]
	mrs	x3, zcr_el2
	str	x3, [x2, #CTX_ZCR_EL2]
	.ifc	\zcr, zcr_el1
	mrs	x3, zcr_el1
	str	x3, [x2, #CTX_ZCR_EL1]
	.endif
	ldr	x2, [x0, #CTX_ZCR_EL2]
	ldr	x3, [x0, #CTX_ZCR_EL1]
	msr	zcr_el2, x2
	msr	\zcr, x3
	isb
	ldr	x2, [x0, #CTX_SVE]
	sve_load
.Lfpsr\@:
	ldr	w3, [x0, #CTX_FPSR]
	ldr	w4, [x0, #CTX_FPCR]
	msr	fpsr, x3
	msr	fpcr, x4
.Lno_fp\@:
	tbz	x5, #ARM_ENTER_KEYS, .Lno_keys\@
	ldr	x2, [x0, #CTX_HOST]
	add	x2, x2, #CTX_SYS
	ARM_KEY_PAIRS(SAVE_PAIR)
	add	x2, x0, #CTX_SYS
	ARM_KEY_PAIRS(LOAD_PAIR)
.Lno_keys\@:
	tbz	x5, #ARM_ENTER_AARCH32, .Lno_aarch32\@
	add	x2, x0, #CTX_SYS
	ARM_AARCH32_PAIRS(LOAD_PAIR)
.Lno_aarch32\@:
	tbz	x5, #ARM_ENTER_VSESR, .Lno_vsesr\@
	ldr	x2, [x0, #CTX_VSESR]
	msr	vsesr_el2, x2
.Lno_vsesr\@:
	tbz	x5, #ARM_ENTER_VDISR, .Lnone\@
	ldr	x2, [x0, #CTX_DISR]
	msr	vdisr_el2, x2
.Lnone\@:
.endm

.macro	extra_exit zcr:req
	ldr	x5, [x0, #CTX_ENTER]
	cbz	x5, .Lnone\@
	tbz	x5, #ARM_ENTER_FP, .Lno_fp\@
	isb				/* the traps are gone */
	add	x2, x0, #CTX_FP
	tbnz	x5, #ARM_ENTER_SVE, .Lsve\@
	fp_registers stp
	b	.Lfpsr\@
.Lsve\@:
	ldr	x2, [x0, #CTX_SVE]
	sve_save
	mrs	x2, \zcr
	str	x2, [x0, #CTX_ZCR_EL1]
	ldr	x2, [x0, #CTX_HOST]
	ldr	x3, [x2, #CTX_ZCR_EL2]
	msr	zcr_el2, x3
	.ifc	\zcr, zcr_el1
	ldr	x3, [x2, #CTX_ZCR_EL1]
	msr	zcr_el1, x3
	.endif
.Lfpsr\@:
	mrs	x3, fpsr
	mrs	x4, fpcr
	str	w3, [x0, #CTX_FPSR]
	str	w4, [x0, #CTX_FPCR]
.Lno_fp\@:
	tbz	x5, #ARM_ENTER_KEYS, .Lno_keys\@
	add	x2, x0, #CTX_SYS
	ARM_KEY_PAIRS(SAVE_PAIR)
	ldr	x2, [x0, #CTX_HOST]
	add	x2, x2, #CTX_SYS
	ARM_KEY_PAIRS(LOAD_PAIR)
	isb
.Lno_keys\@:
	tbz	x5, #ARM_ENTER_AARCH32, .Lno_aarch32\@
	add	x2, x0, #CTX_SYS
	ARM_AARCH32_PAIRS(SAVE_PAIR)
.Lno_aarch32\@:
	tbz	x5, #ARM_ENTER_VDISR, .Lnone\@
	mrs	x2, vdisr_el2
	str	x2, [x0, #CTX_DISR]
.Lnone\@:
.endm

/* VMCR and the active priorities of a vCPU that comes to this CPU, or leaves it. */
.macro	gic_load_put move:req
	\move	CTX_GIC_VMCR, ich_vmcr_el2
	ldr	x2, [x0, #CTX_GIC_NR_APR]
	cbz	x2, .Lnone\@
	\move	CTX_GIC_AP0R(0), ich_ap0r0_el2
	\move	CTX_GIC_AP1R(0), ich_ap1r0_el2
	cmp	x2, #2
	b.lo	.Lnone\@
	\move	CTX_GIC_AP0R(1), ich_ap0r1_el2
	\move	CTX_GIC_AP1R(1), ich_ap1r1_el2
	b.eq	.Lnone\@
	\move	CTX_GIC_AP0R(2), ich_ap0r2_el2
	\move	CTX_GIC_AP1R(2), ich_ap1r2_el2
	\move	CTX_GIC_AP0R(3), ich_ap0r3_el2
	\move	CTX_GIC_AP1R(3), ich_ap1r3_el2
.Lnone\@:
.endm
.macro	to_cpu offset:req, reg:req
	ldr	x3, [x0, #\offset]
	msr	\reg, x3
.endm
.macro	from_cpu offset:req, reg:req
	mrs	x3, \reg
	str	x3, [x0, #\offset]
.endm

/* ---- VHE ---- */

/* The frame that arm_vhe_run() leaves on the stack for the exit. */
#define F_CTX		0	/* guest's context, x18 */
#define F_VBAR		16	/* VBAR_EL2, SP_EL0 */
#define F_HCR		32	/* HCR_EL2, CPTR_EL2 */
#define F_MDCR		48	/* MDCR_EL2 */
#define F_X19		64	/* x19-x30 */
#define F_SIZE		160

/* void arm_vhe_run(struct arm_context *guest) */
SYM_FUNC_START(arm_vhe_run)
	sub	sp, sp, #F_SIZE
	stp	x0, x18, [sp, #F_CTX]
	mrs	x1, vbar_el2
	mrs	x2, sp_el0
	stp	x1, x2, [sp, #F_VBAR]
	mrs	x1, hcr_el2
	mrs	x2, cpacr_el1		/* CPTR_EL2 by its short name: E2H is set */
	stp	x1, x2, [sp, #F_HCR]
	mrs	x1, mdcr_el2
	str	x1, [sp, #F_MDCR]
	stp	x19, x20, [sp, #F_X19]
	stp	x21, x22, [sp, #F_X19 + 16]
	stp	x23, x24, [sp, #F_X19 + 32]
	stp	x25, x26, [sp, #F_X19 + 48]
	stp	x27, x28, [sp, #F_X19 + 64]
	stp	x29, x30, [sp, #F_X19 + 80]

	gic_enter
	extra_enter zcr_el12
	adr	x1, arm_vhe_vectors
	msr	vbar_el2, x1
	ldp	x1, x2, [x0, #CTX_HCR]
	ldr	x3, [x0, #CTX_MDCR]
	msr	hcr_el2, x1
	msr	cpacr_el1, x2
	msr	mdcr_el2, x3
	ldr	x1, [x0, #CTX_SP_EL0]
	ldp	x2, x3, [x0, #CTX_PC]
	msr	sp_el0, x1
	msr	elr_el2, x2
	msr	spsr_el2, x3
	load_guest_gprs
	eret
	sb
SYM_FUNC_END(arm_vhe_run)

/* x1: ARM_EXIT_*; the guest's x0 and x1 on the stack, the frame above. */
SYM_CODE_START_LOCAL(vhe_exit)
	ldr	x0, [sp, #16 + F_CTX]
	save_guest_gprs
	save_exit
	mrs	x1, sp_el0
	str	x1, [x0, #CTX_SP_EL0]
vhe_restore:
	ldp	x1, x2, [sp, #F_VBAR]
	ldp	x3, x4, [sp, #F_HCR]
	ldr	x5, [sp, #F_MDCR]
	msr	vbar_el2, x1
	msr	sp_el0, x2
	msr	hcr_el2, x3
	msr	cpacr_el1, x4
	msr	mdcr_el2, x5
	isb
	gic_exit
	extra_exit zcr_el12
	ldr	x18, [sp, #F_CTX + 8]
	ldp	x19, x20, [sp, #F_X19]
	ldp	x21, x22, [sp, #F_X19 + 16]
	ldp	x23, x24, [sp, #F_X19 + 32]
	ldp	x25, x26, [sp, #F_X19 + 48]
	ldp	x27, x28, [sp, #F_X19 + 64]
	ldp	x29, x30, [sp, #F_X19 + 80]
	add	sp, sp, #F_SIZE
	ret
SYM_CODE_END(vhe_exit)

/*
 * A synchronous exception of EL2 itself.  PSTATE that ERET refuses leaves the CPU at EL2, with
 * the guest's registers: an exit of its kind.  Anything else is a fault of ours between the two
 * changes of VBAR_EL2: the host's own vectors report it.
 */
SYM_CODE_START_LOCAL(vhe_fault)
	ubfx	x1, EC(x1)
	ldr	x0, [sp, #16 + F_CTX]
	cmp	x1, #EC_ILLEGAL
	b.ne	1f
	save_guest_gprs
	mov	x1, #ARM_EXIT_ILLEGAL
	str	x1, [x0, #CTX_EXIT]
	b	vhe_restore
1:	ldp	x0, x1, [sp, #16 + F_HCR]
	msr	cpacr_el1, x1
	msr	hcr_el2, x0
	ldp	x0, x1, [sp, #16 + F_VBAR]
	msr	sp_el0, x1
	msr	vbar_el2, x0
	isb
	add	x1, x0, #0x200
	ldr	x0, [sp], #16
	br	x1
SYM_CODE_END(vhe_fault)

.macro	vhe_vector exit:req
	.align	7
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\exit
	b	vhe_exit
.endm

.macro	never
	.align	7
	b	.
.endm

	.align	11
SYM_CODE_START_LOCAL(arm_vhe_vectors)
	never; never; never; never			/* EL2 with SP_EL0 */
	.align	7					/* EL2, synchronous */
	stp	x0, x1, [sp, #-16]!
	mrs	x1, esr_el2
	b	vhe_fault
	never; never; never				/* masked */
	vhe_vector ARM_EXIT_SYNC			/* below, AArch64 */
	vhe_vector ARM_EXIT_IRQ
	vhe_vector ARM_EXIT_FIQ
	vhe_vector ARM_EXIT_SERROR
	vhe_vector ARM_EXIT_SYNC			/* below, AArch32 */
	vhe_vector ARM_EXIT_IRQ
	vhe_vector ARM_EXIT_FIQ
	vhe_vector ARM_EXIT_SERROR
SYM_CODE_END(arm_vhe_vectors)

/* ---- the kernel's side of nVHE ---- */

/* u64 arm_el2_call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4) */
SYM_FUNC_START(arm_el2_call)
	hvc	#0
	ret
SYM_FUNC_END(arm_el2_call)

/* u64 arm_nvhe_run(phys_addr_t guest, phys_addr_t host) */
SYM_FUNC_START(arm_nvhe_run)
	mov	x2, x1
	mov	x1, x0
	mov	x0, #ARM_EL2_RUN
	hvc	#0
	ret
SYM_FUNC_END(arm_nvhe_run)

/* ---- nVHE: at EL2 ---- */

.macro	nvhe_vector exit:req
	.align	7
	stp	x0, x1, [sp, #-16]!
	mrs	x0, tpidr_el2
	mov	x1, #\exit
	b	nvhe_exit
.endm

	.align	11
SYM_CODE_START(arm_el2_text)
	never; never; never; never			/* EL2 with SP_EL0 */
	.align	7					/* EL2, synchronous */
	stp	x0, x1, [sp, #-16]!
	mrs	x0, tpidr_el2
	b	nvhe_fault
	never; never; never				/* masked */
	.align	7					/* below, synchronous: guest or host */
	stp	x0, x1, [sp, #-16]!
	mrs	x0, tpidr_el2
	mov	x1, #ARM_EXIT_SYNC
	cbnz	x0, nvhe_exit
	b	nvhe_call
	nvhe_vector ARM_EXIT_IRQ
	nvhe_vector ARM_EXIT_FIQ
	nvhe_vector ARM_EXIT_SERROR
	nvhe_vector ARM_EXIT_SYNC			/* below, AArch32 */
	nvhe_vector ARM_EXIT_IRQ
	nvhe_vector ARM_EXIT_FIQ
	nvhe_vector ARM_EXIT_SERROR

/* TPIDR_EL2: the running guest's context, or 0 while the host runs.  At the top of the stack: */
#define S_VBAR		0	/* the stub's VBAR_EL2, SCTLR_EL2 */
#define S_SIZE		16

nvhe_run:
	stp	x18, x19, [x2, #CTX_X(18)]
	stp	x20, x21, [x2, #CTX_X(20)]
	stp	x22, x23, [x2, #CTX_X(22)]
	stp	x24, x25, [x2, #CTX_X(24)]
	stp	x26, x27, [x2, #CTX_X(26)]
	stp	x28, x29, [x2, #CTX_X(28)]
	mrs	x3, sp_el0
	stp	x30, x3, [x2, #CTX_X(30)]
	mrs	x3, elr_el2
	mrs	x4, spsr_el2
	stp	x3, x4, [x2, #CTX_PC]
	mov	x0, x1
	str	x2, [x0, #CTX_HOST]
	msr	tpidr_el2, x0
	add	x2, x2, #CTX_SYS
	ARM_EL12_PAIRS(SAVE_PAIR)
	ARM_PLAIN_PAIRS(SAVE_PAIR)

	gic_enter
	extra_enter zcr_el1
	/* No speculative walk may mix the two sides: EL1's translation comes last, with TCR_EL1. */
	mrs	x3, tcr_el1
	mov	w4, #TCR_NO_WALKS
	orr	x3, x3, x4
	msr	tcr_el1, x3
	isb
	ldp	x3, x4, [x0, #CTX_VTTBR]
	msr	vttbr_el2, x3
	msr	vtcr_el2, x4
	isb
	add	x2, x0, #CTX_SYS
	ARM_PLAIN_PAIRS(LOAD_PAIR)
	ARM_EL12_PAIRS(LOAD_PAIR)
	ldp	x1, x2, [x0, #CTX_HCR]
	ldr	x3, [x0, #CTX_MDCR]
	msr	hcr_el2, x1
	msr	cptr_el2, x2
	msr	mdcr_el2, x3
	ldp	x1, x2, [x0, #CTX_VMPIDR]
	msr	vmpidr_el2, x1
	msr	cnthctl_el2, x2
	ldr	x1, [x0, #CTX_SP_EL0]
	ldp	x2, x3, [x0, #CTX_PC]
	msr	sp_el0, x1
	msr	elr_el2, x2
	msr	spsr_el2, x3
	load_guest_gprs
	eret
	sb

/* x0: the guest's context, x1: ARM_EXIT_*; its x0 and x1 on the stack. */
nvhe_exit:
	save_guest_gprs
	save_exit
nvhe_restore:
	mrs	x1, sp_el0
	str	x1, [x0, #CTX_SP_EL0]
	add	x2, x0, #CTX_SYS
	ARM_PLAIN_PAIRS(SAVE_PAIR)
	ARM_EL12_PAIRS(SAVE_PAIR)

	ldr	x1, [x0, #CTX_HOST]
	ldp	x2, x3, [x1, #CTX_HCR]
	ldr	x4, [x1, #CTX_MDCR]
	mrs	x5, tcr_el1
	mov	w6, #TCR_NO_WALKS
	orr	x5, x5, x6
	msr	tcr_el1, x5
	isb
	msr	hcr_el2, x2
	msr	cptr_el2, x3
	msr	mdcr_el2, x4
	ldp	x2, x3, [x1, #CTX_VMPIDR]
	msr	vmpidr_el2, x2
	msr	cnthctl_el2, x3
	isb
	add	x2, x1, #CTX_SYS
	ARM_PLAIN_PAIRS(LOAD_PAIR)
	ARM_EL12_PAIRS(LOAD_PAIR)
	gic_exit
	extra_exit zcr_el1

	ldr	x2, [x0, #CTX_HOST]
	msr	tpidr_el2, xzr
	ldp	x3, x4, [x2, #CTX_PC]
	msr	elr_el2, x3
	msr	spsr_el2, x4
	ldp	x18, x19, [x2, #CTX_X(18)]
	ldp	x20, x21, [x2, #CTX_X(20)]
	ldp	x22, x23, [x2, #CTX_X(22)]
	ldp	x24, x25, [x2, #CTX_X(24)]
	ldp	x26, x27, [x2, #CTX_X(26)]
	ldp	x28, x29, [x2, #CTX_X(28)]
	ldp	x30, x3, [x2, #CTX_X(30)]
	msr	sp_el0, x3
	eret
	sb

/* As vhe_fault; a fault of ours becomes an exit that ends the VM.  Without a guest: nothing can. */
nvhe_fault:
	cbz	x0, .
	mrs	x1, esr_el2
	ubfx	x1, EC(x1)
	cmp	x1, #EC_ILLEGAL
	b.ne	1f
	save_guest_gprs
	mov	x1, #ARM_EXIT_ILLEGAL
	str	x1, [x0, #CTX_EXIT]
	b	nvhe_restore
1:	add	sp, sp, #16
	mov	x1, #ARM_EXIT_BROKEN
	str	x1, [x0, #CTX_EXIT]
	mrs	x1, esr_el2
	mrs	x2, far_el2
	mrs	x3, elr_el2
	str	x1, [x0, #CTX_ESR]
	stp	x2, x3, [x0, #CTX_FAR]
	b	nvhe_restore

/* The host's HVC: x0 the call, the rest its arguments. */
nvhe_call:
	ldp	x0, x1, [sp], #16
	cmp	x0, #ARM_EL2_RUN
	b.eq	nvhe_run
	cmp	x0, #HVC_STUB_HCALL_NR
	b.lo	nvhe_stub_call
	sub	x0, x0, #ARM_EL2_RUN
	cmp	x0, #ARM_EL2_TLB_RANGE - ARM_EL2_RUN
	b.eq	tlb_range
	cmp	x0, #ARM_EL2_TLB_VM - ARM_EL2_RUN
	b.eq	tlb_vm
	cmp	x0, #ARM_EL2_TLB_LOCAL - ARM_EL2_RUN
	b.eq	tlb_local
	cmp	x0, #ARM_EL2_TLB_ALL - ARM_EL2_RUN
	b.eq	tlb_all
	cmp	x0, #ARM_EL2_GIC_LOAD - ARM_EL2_RUN
	b.eq	gic_load
	cmp	x0, #ARM_EL2_GIC_PUT - ARM_EL2_RUN
	b.eq	gic_put
	cmp	x0, #ARM_EL2_GIC_VTR - ARM_EL2_RUN
	b.eq	gic_vtr
	cmp	x0, #ARM_EL2_CNTVOFF - ARM_EL2_RUN
	b.eq	cntvoff
stub_error:
	mov_q	x0, HVC_STUB_ERR
	eret
	sb

tlb_range:
	msr	vttbr_el2, x1
	isb
1:	tlbi	ipas2e1is, x2
	add	x2, x2, x4
	subs	x3, x3, #1
	b.ne	1b
	dsb	ish
	tlbi	vmalle1is
	b	tlb_done
tlb_vm:
	msr	vttbr_el2, x1
	isb
	tlbi	vmalls12e1is
	b	tlb_done
tlb_local:
	msr	vttbr_el2, x1
	isb
	tlbi	vmalle1
	b	tlb_done
tlb_all:
	tlbi	alle1is
tlb_done:
	dsb	ish
	isb
	mov	x0, xzr
	eret
	sb

/* A guest is not to turn the system registers off where the GIC has the old interface, too. */
gic_load:
	mrs	x2, icc_sre_el2
	bic	x2, x2, #ICC_SRE_EL2_ENABLE
	msr	icc_sre_el2, x2
	isb
	mov	x0, x1
	gic_load_put to_cpu
	mov	x0, xzr
	eret
	sb
gic_put:
	mov	x0, x1
	gic_load_put from_cpu
	mrs	x2, icc_sre_el2
	orr	x2, x2, #ICC_SRE_EL2_ENABLE
	msr	icc_sre_el2, x2
	isb
	mov	x0, xzr
	eret
	sb
cntvoff:
	msr	cntvoff_el2, x1
	mov	x0, xzr
	eret
	sb
gic_vtr:
	mrs	x0, ich_vtr_el2
	eret
	sb

/*
 * What the stub answers (asm/virt.h), for kexec, suspend and CPU hotplug.  It runs without
 * translation and has its own vectors: both are put back, and EL2 is no longer ours.
 */
nvhe_stub_call:
	cmp	x0, #HVC_FINALISE_EL2
	b.eq	stub_error
	ldp	x5, x6, [sp, #S_VBAR]
	msr	sctlr_el2, x6
	isb
	tlbi	alle2
	dsb	nsh
	isb
	cmp	x0, #HVC_SET_VECTORS
	csel	x5, x1, x5, eq
	msr	vbar_el2, x5
	isb
	cmp	x0, #HVC_SOFT_RESTART
	b.ne	1f
	mov	x5, x1
	mov	x0, x2
	mov	x1, x3
	mov	x2, x4
	br	x5
1:	mov	x0, xzr
	eret
	sb

/*
 * The way in, by HVC_SOFT_RESTART, still without translation.  x0: struct arm_el2_start; the
 * stub has left ELR_EL2 and SPSR_EL2 as its caller's HVC set them.
 */
SYM_INNER_LABEL(arm_el2_init, SYM_L_GLOBAL)
	ldp	x1, x2, [x0, #START_TTBR]
	ldp	x3, x4, [x0, #START_TCR]
	ldp	x5, x6, [x0, #START_SP]
	msr	ttbr0_el2, x1
	msr	mair_el2, x2
	msr	tcr_el2, x3
	msr	tpidr_el2, xzr
	mrs	x1, vbar_el2
	mrs	x2, sctlr_el2
	mov	sp, x5
	tlbi	alle2
	dsb	nsh
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el2, x4
	isb
	stp	x1, x2, [sp, #-S_SIZE]!
	adr	x1, arm_el2_text
	msr	vbar_el2, x1
	isb
	mrs	x1, hcr_el2
	mrs	x2, cptr_el2
	stp	x1, x2, [x6, #CTX_HCR]
	mrs	x1, mdcr_el2
	str	x1, [x6, #CTX_MDCR]
	mrs	x1, vmpidr_el2
	mrs	x2, cnthctl_el2
	stp	x1, x2, [x6, #CTX_VMPIDR]
	mov	x0, xzr
	eret
	sb
SYM_INNER_LABEL(arm_el2_text_end, SYM_L_GLOBAL)
	nop
SYM_CODE_END(arm_el2_text)
