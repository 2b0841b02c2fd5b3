// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second stage on this machine (Arm ARM D8.2): which sizes of guest address space there
 * can be, and what caches need before a page is the guest's.
 */
#include <asm/cpufeature.h>
#include "arm64.h"
#include "cache.h"
#include "s2_format.h"

#define MIN_IPA_BITS	32
#define MAX_IPA_BITS	48

/* The CPU overrules the guest's caches being off (FEAT_S2FWB). */
bool arm_s2_fwb __ro_after_init;

/* Instruction caches need no help to see what was stored (CTR_EL0.DIC). */
static bool fetch_coherent __ro_after_init;

static unsigned int max_ipa_bits __ro_after_init;
static struct s2_format formats[MAX_IPA_BITS - MIN_IPA_BITS + 1] __ro_after_init;
static u64 vtcr_common __ro_after_init;

unsigned int arm_s2_max_ipa_bits(void)
{
	return max_ipa_bits;
}

const struct s2_format *arm_s2_format(unsigned int bits, u64 *vtcr)
{
	const struct s2_format *format;

	if (bits < MIN_IPA_BITS || bits > max_ipa_bits)
		return NULL;
	format = &formats[bits - MIN_IPA_BITS];
	*vtcr = vtcr_common | VTCR_EL2_T0SZ(bits) |
		((VTCR_EL2_TGRAN_SL0_BASE - (4 - format->levels)) << VTCR_EL2_SL0_SHIFT);
	return format;
}

void arm_s2_setup(void)
{
	static const u8 pa_bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	u64 mmfr1 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR1_EL1);
	u64 mmfr2 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR2_EL1);
	unsigned int range, bits;

	range = cpuid_feature_extract_unsigned_field(mmfr0, ID_AA64MMFR0_EL1_PARANGE_SHIFT);
	/* 5 is 48 bits: more would be another descriptor format. */
	range = min(range, 5u);
	max_ipa_bits = pa_bits[range];
	vtcr_common = VTCR_EL2_FLAGS | VTCR_EL2_RES1 | (u64)range << VTCR_EL2_PS_SHIFT;
	if (cpuid_feature_extract_unsigned_field(mmfr1, ID_AA64MMFR1_EL1_VMIDBits_SHIFT) == 2)
		vtcr_common |= VTCR_EL2_VS_16BIT;
	if (cpuid_feature_extract_unsigned_field(mmfr1, ID_AA64MMFR1_EL1_HAFDBS_SHIFT))
		vtcr_common |= VTCR_EL2_HA;
	fetch_coherent = read_sanitised_ftr_reg(SYS_CTR_EL0) & BIT(CTR_EL0_DIC_SHIFT);
	arm_s2_fwb = cpuid_feature_extract_unsigned_field(mmfr2, ID_AA64MMFR2_EL1_FWB_SHIFT);
	for (bits = MIN_IPA_BITS; bits <= max_ipa_bits; bits++)
		arm_s2_format_init(&formats[bits - MIN_IPA_BITS], bits, arm_s2_fwb,
				   fetch_coherent);
}

/*
 * A guest whose caches are off, as they are when it starts, or which maps the memory uncached,
 * would not see what the host's caches hold, unless FEAT_S2FWB has its way with that.  And what
 * an instruction cache has of a page may be from the page's life before.
 */
void arm_s2_prepare(struct berth_vm *vm, gfn_t gfn, phys_addr_t pa, size_t size, u32 gained)
{
	if ((gained & S2_R) && !arm_s2_fwb)
		arm_clean_inval_poc(phys_to_virt(pa), size);
	if ((gained & S2_X) && !fetch_coherent)
		arm_inval_icache(phys_to_virt(pa), size);
}

void arm_flush_vm(struct berth_vm *vm)
{
	if (!arm_s2_fwb)
		berth_s2_prepare_again(vm);
}
