// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second stage (Arm ARM D8.2, "stage 2"): the engine's format for every size of guest
 * address space the machine can have, in the granule of the host's pages.
 */
#include <asm/cpufeature.h>
#include <asm/pgtable-hwdef.h>
#include "arm64.h"
#include "cache.h"

#define LEVEL_BITS	(PAGE_SHIFT - 3)
#define CONCAT_BITS	4		/* up to 16 tables side by side at the root */
#define MIN_IPA_BITS	32
#define MAX_IPA_BITS	48

/* Descriptors of stage 2 (D8.3). */
#define DESC_VALID	BIT_ULL(0)
#define DESC_TABLE_OR_PAGE BIT_ULL(1)
#define DESC_PA		GENMASK_ULL(47, PAGE_SHIFT)
#define DESC_R	BIT_ULL(6)
#define DESC_W	BIT_ULL(7)
#define DESC_SH_INNER	(3ULL << 8)
#define DESC_AF		BIT_ULL(10)
#define DESC_XN		BIT_ULL(54)
/* MemAttr[3:0] without FEAT_S2FWB. */
#define DESC_MEMATTR(x)	((u64)(x) << 2)
#define DESC_MEM_NORMAL	DESC_MEMATTR(0xf)	/* write-back, inner and outer */
#define DESC_MEM_DEVICE	DESC_MEMATTR(0x1)	/* Device-nGnRE */
/* With it: what the guest says is overruled. */
#define DESC_FWB_NORMAL	DESC_MEMATTR(0x6)
#define DESC_MEM_MASK	DESC_MEMATTR(0xf)

/* The CPU overrules the guest's caches being off (FEAT_S2FWB). */
bool arm_s2_fwb __ro_after_init;

/* Instruction caches need no help to see what was stored (CTR_EL0.DIC). */
static bool fetch_coherent __ro_after_init;

static u64 mem_normal __ro_after_init = DESC_MEM_NORMAL;
static unsigned int max_ipa_bits __ro_after_init;
static struct s2_format formats[MAX_IPA_BITS - MIN_IPA_BITS + 1] __ro_after_init;
static u64 vtcr_common __ro_after_init;

/* With 64K pages bits 51:48 of an address would be in 15:12; such memory is not used. */
static u64 arm_leaf(phys_addr_t pa, unsigned int level, u32 attr)
{
	u64 entry = pa | DESC_VALID | DESC_R | DESC_SH_INNER;

	if (!level)
		entry |= DESC_TABLE_OR_PAGE;
	if (attr & S2_W)
		entry |= DESC_W;
	if (!(attr & S2_X))
		entry |= DESC_XN;
	if (attr & S2_ACCESSED)
		entry |= DESC_AF;
	return entry | (attr & S2_DEVICE ? DESC_MEM_DEVICE : mem_normal);
}

static u64 arm_table(phys_addr_t pa, unsigned int level)
{
	return pa | DESC_VALID | DESC_TABLE_OR_PAGE;
}

static u32 arm_attr(u64 entry, unsigned int level)
{
	u32 attr = S2_LEAF | S2_R;

	if (!(entry & DESC_VALID))
		return 0;
	if (level && (entry & DESC_TABLE_OR_PAGE))
		return S2_TABLE | S2_RWX;
	if (entry & DESC_W)
		attr |= S2_W;
	if (!(entry & DESC_XN))
		attr |= S2_X;
	if (entry & DESC_AF)
		attr |= S2_ACCESSED;
	if ((entry & DESC_MEM_MASK) == DESC_MEM_DEVICE)
		attr |= S2_DEVICE;
	return attr;
}

static phys_addr_t arm_pa(u64 entry, unsigned int level)
{
	return entry & DESC_PA;
}

/* As many levels as the root's concatenation does not save. */
static unsigned int levels_for(unsigned int ipa_bits)
{
	return DIV_ROUND_UP(ipa_bits - PAGE_SHIFT - CONCAT_BITS, LEVEL_BITS);
}

static void format_init(struct s2_format *f, unsigned int ipa_bits)
{
	unsigned int level;

	f->name = "stage 2";
	f->levels = levels_for(ipa_bits);
	for (level = 0; level < f->levels; level++) {
		f->shift[level] = PAGE_SHIFT + level * LEVEL_BITS;
		f->bits[level] = LEVEL_BITS;
	}
	f->bits[f->levels - 1] = ipa_bits - f->shift[f->levels - 1];
	/* Blocks: 2M and 1G with 4K pages, 32M with 16K, 512M with 64K. */
	f->leaf_levels = BIT(0) | BIT(1) | (PAGE_SHIFT == 12 ? BIT(2) : 0);
	f->leaf_levels &= BIT(f->levels) - 1;
	f->break_before_make = true;
	f->flush_on_grant = true;
	f->exec_on_fetch = !fetch_coherent;
	f->leaf = arm_leaf;
	f->table = arm_table;
	f->attr = arm_attr;
	f->pa = arm_pa;
}

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
	if (arm_s2_fwb)
		mem_normal = DESC_FWB_NORMAL;
	for (bits = MIN_IPA_BITS; bits <= max_ipa_bits; bits++)
		format_init(&formats[bits - MIN_IPA_BITS], bits);
}

/*
 * A guest whose caches are off, as they are when it starts, or which maps the memory uncached,
 * would not see what the host's caches hold, unless FEAT_S2FWB has its way with that.  And what
 * an instruction cache has of a page may be from the page's life before.
 */
void arm_s2_prepare(struct berth_vm *vm, phys_addr_t pa, size_t size, u32 gained)
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
