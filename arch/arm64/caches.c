// SPDX-License-Identifier: GPL-2.0-only
/*
 * Caches as the guest sees them.  It is shown one level, of one set and one way: maintenance
 * by set and way cannot be done for a guest that moves between CPUs, so that each such
 * operation is cleaning all of its memory, and the fewer the better.  User space may
 * describe others.
 *
 * Guests with caches off read memory behind what the host's caches hold.  Where stage 2 does
 * not force caching (FEAT_S2FWB), the moment they go on or off is watched by trapping the
 * registers of stage 1 (HCR_EL2.TVM), and memory is cleaned then (Arm ARM D7.5, D13.2.48).
 */
#include <linux/bitfield.h>
#include <linux/nospec.h>
#include "sysreg.h"

#define CTYPE_UNIFIED	4

/* CCSIDR_EL1 without FEAT_CCIDX: NumSets [27:13], Associativity [12:3], LineSize [2:0]. */
#define CCSIDR_RES0	GENMASK_ULL(31, 28)
#define CCSIDR_LINE	GENMASK_ULL(2, 0)

/* Bytes of a line, log2 minus 4: as CCSIDR_EL1 counts it.  CTR_EL0 has words, log2. */
static u32 line_size(const struct arm_vcpu *v, unsigned int csselr)
{
	u64 ctr = arm_vm_of(v)->state.ctr;
	u64 words = csselr & 1 ? FIELD_GET(CTR_EL0_IminLine_MASK, ctr) :
				 FIELD_GET(CTR_EL0_DminLine_MASK, ctr);

	return words > 2 ? words - 2 : 0;
}

void arm_caches_reset(struct arm_vcpu *v)
{
	u64 clidr = CTYPE_UNIFIED | FIELD_PREP(CLIDR_EL1_LoC_MASK, 1);

	/* Without IDC data must be cleaned to the point of unification. */
	if (!(arm_vm_of(v)->state.ctr & CTR_EL0_IDC_MASK))
		clidr |= FIELD_PREP(CLIDR_EL1_LoUU_MASK, 1) | FIELD_PREP(CLIDR_EL1_LoUIS_MASK, 1);
	v->caches.clidr = clidr;
	memset(v->caches.ccsidr_set, 0, sizeof(v->caches.ccsidr_set));
}

/* CCSIDR_EL1 for a value of CSSELR_EL1; unknown where there is no such cache. */
u64 arm_ccsidr(const struct arm_vcpu *v, u64 csselr)
{
	unsigned int i = csselr & 0xf;

	if (i >= ARM_NR_CCSIDRS)
		return 0;
	i = array_index_nospec(i, ARM_NR_CCSIDRS);
	return v->caches.ccsidr_set[i] ? v->caches.ccsidr[i] : line_size(v, i);
}

/* User space describes the caches.  -EINVAL for what there cannot be. */
int arm_clidr_set(struct arm_vcpu *v, u64 value)
{
	bool coherent = !FIELD_GET(CLIDR_EL1_LoC_MASK, value) ||
			(!FIELD_GET(CLIDR_EL1_LoUIS_MASK, value) &&
			 !FIELD_GET(CLIDR_EL1_LoUU_MASK, value));

	if ((value & ~CLIDR_EL1_WRITABLE) ||
	    (coherent && !(arm_vm_of(v)->state.ctr & CTR_EL0_IDC_MASK)))
		return -EINVAL;
	v->caches.clidr = value;
	return 0;
}

int arm_ccsidr_set(struct arm_vcpu *v, unsigned int csselr, u32 value)
{
	if ((value & CCSIDR_RES0) || (value & CCSIDR_LINE) < line_size(v, csselr))
		return -EINVAL;
	csselr = array_index_nospec(csselr, ARM_NR_CCSIDRS);
	v->caches.ccsidr[csselr] = value;
	v->caches.ccsidr_set[csselr] = true;
	return 0;
}

bool arm_caches_on(const struct arm_vcpu *v)
{
	u64 on = SCTLR_ELx_M | SCTLR_ELx_C;

	return (arm_read_sys(v, ARM_SCTLR_EL1) & on) == on;
}

/* Maintenance by set and way: the guest is about to switch its caches, or believes it can. */
void arm_set_way(struct arm_vcpu *v)
{
	if (v->ctxt.hcr & (HCR_FWB | HCR_TVM))
		return;
	arm_flush_vm(v->core.vm);
	v->ctxt.hcr |= HCR_TVM;
}

void arm_caches_toggled(struct arm_vcpu *v, bool were_on)
{
	bool on = arm_caches_on(v);

	if (on != were_on)
		arm_flush_vm(v->core.vm);
	if (on)
		v->ctxt.hcr &= ~HCR_TVM;
}
