// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables (APM vol. 2, 15.25): long-mode page tables with as many levels as
 * the host itself runs with, in which every access counts as a user access.  Pure: unit tests
 * compile it in user space.
 */
#include <asm/pgtable_types.h>
#include <berth/s2.h>
#include <linux/cache.h>
#include "npt.h"

#define NPT_BITS	9
#define NPT_SHIFT(level) (PAGE_SHIFT + NPT_BITS * (level))
#define NPT_PA		GENMASK_ULL(51, PAGE_SHIFT)

/* Entries obey the host's EFER.NXE, without which the bit is reserved. */
static u64 npt_nx __ro_after_init;

static u64 npt_leaf(phys_addr_t pa, unsigned int level, u32 attr)
{
	u64 entry = pa | _PAGE_PRESENT | _PAGE_USER;

	if (attr & S2_W)
		entry |= _PAGE_RW;
	if (!(attr & S2_X))
		entry |= npt_nx;
	if (attr & S2_ACCESSED)
		entry |= _PAGE_ACCESSED;
	if (attr & S2_DIRTY)
		entry |= _PAGE_DIRTY;
	if (attr & S2_DEVICE)
		entry |= _PAGE_PCD | _PAGE_PWT;
	if (level)
		entry |= _PAGE_PSE;
	return entry;
}

static u64 npt_table(phys_addr_t pa, unsigned int level)
{
	return pa | _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED;
}

static u32 npt_attr(u64 entry, unsigned int level)
{
	u32 attr = S2_R;

	if (!(entry & _PAGE_PRESENT))
		return 0;
	if (level && !(entry & _PAGE_PSE))
		return S2_TABLE | S2_RWX;
	if (entry & _PAGE_RW)
		attr |= S2_W;
	if (!(entry & npt_nx))
		attr |= S2_X;
	if (entry & _PAGE_ACCESSED)
		attr |= S2_ACCESSED;
	if (entry & _PAGE_DIRTY)
		attr |= S2_DIRTY;
	if (entry & _PAGE_PCD)
		attr |= S2_DEVICE;
	return attr | S2_LEAF;
}

static phys_addr_t npt_pa(u64 entry, unsigned int level)
{
	return entry & NPT_PA;
}

static struct s2_format npt_format __ro_after_init = {
	.name = "NPT",
	.levels = 4,
	.shift = { NPT_SHIFT(0), NPT_SHIFT(1), NPT_SHIFT(2), NPT_SHIFT(3), NPT_SHIFT(4) },
	.bits = { NPT_BITS, NPT_BITS, NPT_BITS, NPT_BITS, NPT_BITS },
	.leaf_levels = BIT(0) | BIT(1),
	.hw_dirty = true,
	.leaf = npt_leaf,
	.table = npt_table,
	.attr = npt_attr,
	.pa = npt_pa,
};

void svm_npt_setup(bool nx, bool five_levels, bool gigabyte_pages)
{
	npt_nx = nx ? _PAGE_NX : 0;
	if (five_levels)
		npt_format.levels = 5;
	if (gigabyte_pages)
		npt_format.leaf_levels |= BIT(2);
}

const struct s2_format *svm_npt_format(void)
{
	return &npt_format;
}
