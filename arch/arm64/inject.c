// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions into the guest's EL1, taken here as its CPU would take them: AArch64 by Arm ARM
 * D1.3 ("AArch64.TakeException"), AArch32 by G1.12.  SErrors are left to the hardware.
 */
#include <asm/debug-monitors.h>
#include "state.h"

/* Vectors of AArch64 (Table D1-5): where from. */
#define VECTOR_CUR_SP0		0x000
#define VECTOR_CUR_SPX		0x200
#define VECTOR_LOWER_64		0x400
#define VECTOR_LOWER_32		0x600

/* AArch32: PSTATE bits that SPSR_EL2 has elsewhere than the guest's own SPSRs do. */
#define SPSR_EL2_DIT		BIT(24)
#define SPSR_A32_DIT		BIT(21)
#define PSR_AA32_IT		(GENMASK(15, 10) | GENMASK(26, 25))
#define PSR_AA32_IL		BIT(20)

/* SCTLR's bits of both widths that are asked for here. */
#define SCTLR_SPAN		BIT(23)
#define SCTLR64_DSSBS		BIT_ULL(44)
#define SCTLR32_V		BIT(13)
#define SCTLR32_EE		BIT(25)
#define SCTLR32_TE		BIT(30)
#define SCTLR32_DSSBS		BIT(31)
#define TTBCR_EAE		BIT(31)

/* Fault status: ESR_EL1's, and AArch32's in its two formats (G8.2.43, "DFSR"). */
#define FSC_EXTERNAL		0x10
#define FSC_SIZE_L0		0x00
#define FSR_LPAE		BIT(9)
#define FSR_SHORT_EXTERNAL	0x08

/* PSTATE as the guest would save it: stepping by user space is none of its business. */
static u64 guest_pstate(const struct arm_vcpu *v)
{
	u64 pstate = v->ctxt.pstate;

	if (v->debug.stepping)
		pstate = (pstate & ~DBG_SPSR_SS) | v->debug.guest_ss;
	return pstate;
}

/* ---- AArch64 ---- */

static u64 vector64(const struct arm_vcpu *v)
{
	u64 pstate = v->ctxt.pstate;

	if (pstate & PSR_MODE32_BIT)
		return VECTOR_LOWER_32;
	switch (pstate & PSR_MODE_MASK) {
	case PSR_MODE_EL1t:
		return VECTOR_CUR_SP0;
	case PSR_MODE_EL1h:
		return VECTOR_CUR_SPX;
	default:
		return VECTOR_LOWER_64;
	}
}

static void enter64(struct arm_vcpu *v, u64 esr)
{
	u64 sctlr = arm_read_sys(v, ARM_SCTLR_EL1), old = v->ctxt.pstate;
	u64 new = (old & (PSR_N_BIT | PSR_Z_BIT | PSR_C_BIT | PSR_V_BIT | PSR_PAN_BIT)) |
		  PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT | PSR_MODE_EL1h;

	/* AArch32 has DIT where AArch64 has it, in SPSR_EL2. */
	new |= old & PSR_DIT_BIT;
	if (!(sctlr & SCTLR_SPAN))
		new |= PSR_PAN_BIT;
	if (sctlr & SCTLR64_DSSBS)
		new |= PSR_SSBS_BIT;
	arm_write_sys(v, ARM_ESR_EL1, esr);
	arm_write_sys(v, ARM_SPSR_EL1, guest_pstate(v));
	arm_write_sys(v, ARM_ELR_EL1, v->ctxt.pc);
	v->ctxt.pc = arm_read_sys(v, ARM_VBAR_EL1) + vector64(v);
	v->ctxt.pstate = new;
}

static bool from_el0(const struct arm_vcpu *v)
{
	u64 pstate = v->ctxt.pstate;

	return (pstate & PSR_MODE32_BIT) || (pstate & PSR_MODE_MASK) == PSR_MODE_EL0t;
}

static void abort64(struct arm_vcpu *v, bool fetch, u64 far, u32 fsc)
{
	u64 ec;

	if (fetch)
		ec = from_el0(v) ? ESR_ELx_EC_IABT_LOW : ESR_ELx_EC_IABT_CUR;
	else
		ec = from_el0(v) ? ESR_ELx_EC_DABT_LOW : ESR_ELx_EC_DABT_CUR;
	arm_write_sys(v, ARM_FAR_EL1, far);
	enter64(v, ec << ESR_ELx_EC_SHIFT | ESR_ELx_IL | fsc);
}

/* ---- AArch32 ---- */

/* AArch64's names of the banked link registers (Table D1-79). */
#define X_LR_ABT	20
#define X_LR_UND	22

struct mode32 {
	u32 mode;		/* PSR_AA32_MODE_* */
	u32 vector;
	u8 lr;			/* which register is its LR */
	u8 lr_arm, lr_thumb;	/* from the instruction to what LR holds (Table G1-10) */
	enum arm_sysreg spsr;
	bool mask_abort;
};

static const struct mode32 undef32 = {
	PSR_AA32_MODE_UND, 0x04, X_LR_UND, 4, 2, ARM_SPSR_und, false,
};

static const struct mode32 prefetch32 = {
	PSR_AA32_MODE_ABT, 0x0c, X_LR_ABT, 4, 4, ARM_SPSR_abt, true,
};

static const struct mode32 data32 = {
	PSR_AA32_MODE_ABT, 0x10, X_LR_ABT, 8, 8, ARM_SPSR_abt, true,
};

static u32 spsr32(u64 pstate)
{
	u32 spsr = pstate & ~(SPSR_EL2_DIT | SPSR_A32_DIT);

	if (pstate & SPSR_EL2_DIT)
		spsr |= SPSR_A32_DIT;
	return spsr;
}

static void enter32(struct arm_vcpu *v, const struct mode32 *m)
{
	u32 sctlr = arm_read_sys(v, ARM_SCTLR_EL1), old = v->ctxt.pstate;
	bool thumb = old & PSR_AA32_T_BIT;
	u32 new = old & ~(PSR_AA32_MODE_MASK | PSR_AA32_T_BIT | PSR_AA32_E_BIT | PSR_AA32_IT |
			  PSR_AA32_IL | PSR_AA32_SSBS_BIT | DBG_SPSR_SS);

	new |= m->mode | PSR_MODE32_BIT | PSR_AA32_I_BIT;
	if (m->mask_abort)
		new |= PSR_AA32_A_BIT;
	if (sctlr & SCTLR32_TE)
		new |= PSR_AA32_T_BIT;
	if (sctlr & SCTLR32_EE)
		new |= PSR_AA32_E_BIT;
	if (sctlr & SCTLR32_DSSBS)
		new |= PSR_AA32_SSBS_BIT;
	if (!(sctlr & SCTLR_SPAN))
		new |= PSR_AA32_PAN_BIT;
	arm_write_sys(v, m->spsr, spsr32(guest_pstate(v)));
	v->ctxt.x[m->lr] = (u32)v->ctxt.pc + (thumb ? m->lr_thumb : m->lr_arm);
	v->ctxt.pc = m->vector + (sctlr & SCTLR32_V ? 0xffff0000 :
						      (u32)arm_read_sys(v, ARM_VBAR_EL1));
	v->ctxt.pstate = new;
}

static void abort32(struct arm_vcpu *v, bool fetch, u32 far, bool size)
{
	bool lpae = arm_read_sys(v, ARM_TCR_EL1) & TTBCR_EAE;
	u64 fars = arm_read_sys(v, ARM_FAR_EL1);
	u32 fsr = lpae ? FSR_LPAE | (size ? FSC_SIZE_L0 : FSC_EXTERNAL) : FSR_SHORT_EXTERNAL;

	/* DFAR and IFAR are the halves of FAR_EL1; DFSR is ESR_EL1. */
	if (fetch) {
		arm_write_sys(v, ARM_FAR_EL1, (u64)far << 32 | lower_32_bits(fars));
		arm_write_sys(v, ARM_IFSR32_EL2, fsr);
	} else {
		arm_write_sys(v, ARM_FAR_EL1, (fars & GENMASK_ULL(63, 32)) | far);
		arm_write_sys(v, ARM_ESR_EL1, fsr);
	}
	enter32(v, fetch ? &prefetch32 : &data32);
}

/* ---- both ---- */

/* arm_inject_undef() - the instruction at PC is undefined.  Context: the vCPU's thread. */
void arm_inject_undef(struct arm_vcpu *v)
{
	v->core.stats.injections++;
	if (v->aarch32)
		enter32(v, &undef32);
	else
		enter64(v, (u64)ESR_ELx_EC_UNKNOWN << ESR_ELx_EC_SHIFT | ESR_ELx_IL);
}

/* A synchronous external abort at virtual address @far: of a load or store, of a fetch. */
void arm_inject_dabt(struct arm_vcpu *v, u64 far)
{
	v->core.stats.injections++;
	if (v->aarch32)
		abort32(v, false, far, false);
	else
		abort64(v, false, far, FSC_EXTERNAL);
}

void arm_inject_iabt(struct arm_vcpu *v, u64 far)
{
	v->core.stats.injections++;
	if (v->aarch32)
		abort32(v, true, far, false);
	else
		abort64(v, true, far, FSC_EXTERNAL);
}

/*
 * arm_inject_size_fault() - the address is beyond what the VM's physical addresses reach:
 * an address size fault, level 0, of what the last exit's ESR_EL2 tells.
 */
void arm_inject_size_fault(struct arm_vcpu *v, u64 far)
{
	bool fetch = ESR_ELx_EC(v->ctxt.esr) == ESR_ELx_EC_IABT_LOW;

	v->core.stats.injections++;
	if (v->aarch32)
		abort32(v, fetch, far, true);
	else
		abort64(v, fetch, far, FSC_SIZE_L0);
}

/*
 * arm_inject_serror() - a virtual SError becomes pending; the hardware delivers it when the
 * guest lets it in.  @esr: the syndrome's ISS, heeded with RAS.
 */
void arm_inject_serror(struct arm_vcpu *v, u64 esr)
{
	v->core.stats.injections++;
	v->ctxt.vsesr = esr & ESR_ELx_ISS_MASK;
	v->ctxt.hcr |= HCR_VSE;
	if (arm_has_ras())
		v->ctxt.enter |= BIT(ARM_ENTER_VSESR);
}
