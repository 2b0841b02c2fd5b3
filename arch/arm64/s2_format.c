// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stage 2 tables (Arm ARM D8.2, D8.3) as a format of the engine, in the granule of the host's
 * pages, for any size of guest address space.  Pure: unit tests compile it in user space.
 */
#include <berth/s2.h>
#include <linux/cache.h>
#include "s2_format.h"

#define LEVEL_BITS	(PAGE_SHIFT - 3)
#define CONCAT_BITS	4		/* up to 16 tables side by side at the root */

/* Descriptors of stage 2 (D8.3). */
#define DESC_VALID	BIT_ULL(0)
#define DESC_TABLE_OR_PAGE BIT_ULL(1)
#define DESC_PA		GENMASK_ULL(47, PAGE_SHIFT)
#define DESC_R		BIT_ULL(6)
#define DESC_W		BIT_ULL(7)
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

static u64 mem_normal __ro_after_init = DESC_MEM_NORMAL;

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

/*
 * As many levels as the root's concatenation does not save; two at least, since with one (64K
 * pages, 33 bits) there were no blocks.
 */
static unsigned int levels_for(unsigned int ipa_bits)
{
	return max(DIV_ROUND_UP(ipa_bits - PAGE_SHIFT - CONCAT_BITS, LEVEL_BITS), 2U);
}

void arm_s2_format_init(struct s2_format *f, unsigned int ipa_bits, bool fwb, bool fetch_coherent)
{
	unsigned int level;

	mem_normal = fwb ? DESC_FWB_NORMAL : DESC_MEM_NORMAL;
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
