// SPDX-License-Identifier: GPL-2.0-only
/* The toy machine's two second-stage formats, as the engine sees them. */
#include "fake.h"

static u64 fake_leaf(phys_addr_t pa, unsigned int level, u32 attr)
{
	u64 entry = pa | TOY_S2_VALID;

	if (attr & S2_W)
		entry |= TOY_S2_W;
	if (attr & S2_X)
		entry |= TOY_S2_X;
	if (attr & S2_ACCESSED)
		entry |= TOY_S2_ACCESSED;
	if (attr & S2_DIRTY)
		entry |= TOY_S2_DIRTY;
	if (attr & S2_DEVICE)
		entry |= TOY_S2_DEVICE;
	return entry;
}

static u64 fake_table(phys_addr_t pa, unsigned int level)
{
	return pa | TOY_S2_VALID | TOY_S2_TABLE;
}

static u32 fake_attr(u64 entry, unsigned int level)
{
	u32 attr = S2_LEAF | S2_R;

	if (!(entry & TOY_S2_VALID))
		return 0;
	if (entry & TOY_S2_TABLE)
		return S2_TABLE | S2_RWX;
	if (entry & TOY_S2_W)
		attr |= S2_W;
	if (entry & TOY_S2_X)
		attr |= S2_X;
	if (entry & TOY_S2_ACCESSED)
		attr |= S2_ACCESSED;
	if (entry & TOY_S2_DIRTY)
		attr |= S2_DIRTY;
	if (entry & TOY_S2_DEVICE)
		attr |= S2_DEVICE;
	return attr;
}

static phys_addr_t fake_pa(u64 entry, unsigned int level)
{
	return entry & (entry & TOY_S2_TABLE ? TOY_S2_NEXT : TOY_S2_PA);
}

const struct s2_format fake_plain_format = {
	.name = "toy",
	.levels = 3,
	.shift = { 12, 21, 30 },
	.bits = { 9, 9, 9 },
	.leaf_levels = BIT(0) | BIT(1),
	.hw_dirty = true,
	.leaf = fake_leaf,
	.table = fake_table,
	.attr = fake_attr,
	.pa = fake_pa,
};

/* Tables as s390's: 2K of entries and 2K of something else, 1M leaves. */
const struct s2_format fake_strict_format = {
	.name = "toy, strict",
	.levels = 4,
	.shift = { 12, 20, 27, 34 },
	.bits = { 8, 7, 7, 4 },
	.leaf_levels = BIT(0) | BIT(1),
	.table_bytes = { 4096, },
	.empty = { TOY_S2_INVALID, TOY_S2_INVALID, TOY_S2_INVALID, TOY_S2_INVALID },
	.break_before_make = true,
	.flush_on_grant = true,
	.exec_on_fetch = true,
	.leaf = fake_leaf,
	.table = fake_table,
	.attr = fake_attr,
	.pa = fake_pa,
};
