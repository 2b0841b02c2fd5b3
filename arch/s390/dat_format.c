// SPDX-License-Identifier: GPL-2.0-only
/*
 * The translation tables that SIE walks as the host's primary space (PoP ch. 3, "Dynamic Address
 * Translation"; SA22-7095 for the PGSTEs behind a page table): region, segment and page tables as
 * a format of the engine.  Pure: unit tests compile it in user space.
 */
#include <linux/cache.h>
#include "dat_format.h"

#define ENTRY_INVALID	0x20ULL		/* of region and segment-table entries */
#define ENTRY_TYPE(l)	((u64)((l) - 1) << 2)	/* segment 0, region third 1, second 2, first 3 */
#define ENTRY_LENGTH	0x3ULL		/* region tables: all 4 quarters of the next table */
#define ENTRY_ORIGIN	(~0xfffULL)
#define SEGMENT_ORIGIN	(~0x7ffULL)

/*
 * The low byte of a page-table entry is the program's.  Nothing in the hardware tells whether a
 * page was accessed: one that is to tell is invalid until it is.
 */
#define PTE_MAPPED	0x01ULL
#define PTE_ACCESSED	0x02ULL
#define PTE_DIRTY	0x04ULL
#define PTE_FRAME	(~0xfffULL)

static u64 sie_leaf(phys_addr_t pa, unsigned int level, u32 attr)
{
	u64 entry = pa | PTE_MAPPED;

	if (!(attr & S2_W))
		entry |= SIE_PTE_PROTECT;
	if (attr & S2_DIRTY)
		entry |= PTE_DIRTY;
	if (attr & S2_ACCESSED)
		entry |= PTE_ACCESSED;
	else
		entry |= SIE_PTE_INVALID;
	return entry;
}

static u64 sie_table(phys_addr_t pa, unsigned int level)
{
	u64 entry = pa | ENTRY_TYPE(level);

	return level > 1 ? entry | ENTRY_LENGTH : entry;
}

static u32 sie_attr(u64 entry, unsigned int level)
{
	u32 attr = S2_LEAF | S2_R | S2_X;

	if (level)
		return entry & ENTRY_INVALID ? 0 : S2_TABLE | S2_RWX;
	if (!(entry & PTE_MAPPED))
		return 0;
	if (!(entry & SIE_PTE_PROTECT))
		attr |= S2_W;
	if (entry & PTE_DIRTY)
		attr |= S2_DIRTY;
	if (entry & PTE_ACCESSED)
		attr |= S2_ACCESSED;
	return attr;
}

static phys_addr_t sie_pa(u64 entry, unsigned int level)
{
	return entry & (level == 1 ? SEGMENT_ORIGIN : level ? ENTRY_ORIGIN : PTE_FRAME);
}

void sie_s2_format_init(struct s2_format *f, unsigned int levels)
{
	unsigned int level;

	f->name = "DAT tables";
	f->levels = levels;
	f->shift[0] = 12;
	f->bits[0] = 8;
	f->empty[0] = SIE_PTE_INVALID;
	/* The entries, and as many PGSTEs. */
	f->table_bytes[0] = 2 * SIE_PAGE_ENTRIES * sizeof(u64);
	for (level = 1; level < levels; level++) {
		f->shift[level] = 20 + 11 * (level - 1);
		f->bits[level] = 11;
		f->empty[level] = ENTRY_INVALID | ENTRY_TYPE(level);
	}
	f->leaf_levels = BIT(0);
	f->break_before_make = true;
	f->leaf = sie_leaf;
	f->table = sie_table;
	f->attr = sie_attr;
	f->pa = sie_pa;
}
