// SPDX-License-Identifier: GPL-2.0-only
/*
 * EL2's own translation when the kernel runs at EL1 (nVHE): what our code there may touch, at
 * its physical address.  Nothing is taken away before all of it is: what was a vCPU's is
 * ordinary memory of the kernel's, as cacheable as EL2 sees it.
 */
#include <asm/memory.h>
#include <asm/pgtable-hwdef.h>
#include <linux/gfp.h>
#include <linux/mutex.h>
#include "arm64.h"
#include "el2_map.h"

#define VA_BITS_EL2	48
#define LEVEL_BITS	(PAGE_SHIFT - 3)
#define LEVELS		DIV_ROUND_UP(VA_BITS_EL2 - PAGE_SHIFT, LEVEL_BITS)

/* Descriptors of EL2's stage 1 (Arm ARM D8.3): one level of privilege. */
#define DESC_VALID	3ULL		/* table, or page at the last level */
#define DESC_RES1	BIT_ULL(6)
#define DESC_READONLY	BIT_ULL(7)
#define DESC_SH_INNER	(3ULL << 8)
#define DESC_AF		BIT_ULL(10)
#define DESC_XN		BIT_ULL(54)
#define DESC_PAGE	(DESC_VALID | (MT_NORMAL << 2) | DESC_RES1 | DESC_SH_INNER | DESC_AF)
#define DESC_PA		GENMASK_ULL(VA_BITS_EL2 - 1, PAGE_SHIFT)

static u64 *root;
static DEFINE_MUTEX(lock);

static int map_page(phys_addr_t pa, u64 flags)
{
	unsigned int level;
	u64 *table, *next;

	if (pa >> VA_BITS_EL2)
		return -EFAULT;
	if (!root)
		root = (u64 *)get_zeroed_page(GFP_KERNEL);
	table = root;
	for (level = LEVELS - 1; table && level; level--) {
		u64 *entry = &table[(pa >> (PAGE_SHIFT + level * LEVEL_BITS)) &
				    (BIT(LEVEL_BITS) - 1)];

		if (!*entry) {
			next = (u64 *)get_zeroed_page(GFP_KERNEL);
			if (!next)
				return -ENOMEM;
			/* CPUs may walk here: the empty table is seen before the entry. */
			smp_store_release(entry, virt_to_phys(next) | DESC_VALID);
		}
		table = phys_to_virt(*entry & DESC_PA);
	}
	if (!table)
		return -ENOMEM;
	WRITE_ONCE(table[(pa >> PAGE_SHIFT) & (BIT(LEVEL_BITS) - 1)], pa | flags);
	return 0;
}

static int map(const void *p, size_t size, u64 flags)
{
	phys_addr_t pa = virt_to_phys(p) & PAGE_MASK, end = virt_to_phys(p) + size;
	int r = 0;

	mutex_lock(&lock);
	for (; !r && pa < end; pa += PAGE_SIZE)
		r = map_page(pa, flags);
	mutex_unlock(&lock);
	dsb(ishst);
	return r;
}

int arm_el2_map(const void *p, size_t size)
{
	return arm_vhe() ? 0 : map(p, size, DESC_PAGE | DESC_XN);
}

int arm_el2_map_text(const void *p, size_t size)
{
	return map(p, size, DESC_PAGE | DESC_READONLY);
}

phys_addr_t arm_el2_map_root(void)
{
	return root ? virt_to_phys(root) : 0;
}

u64 arm_el2_map_tcr(unsigned int parange)
{
	u64 granule = PAGE_SHIFT == 12 ? TCR_TG0_4K : PAGE_SHIFT == 14 ? TCR_TG0_16K : TCR_TG0_64K;

	return TCR_EL2_RES1 | TCR_T0SZ(VA_BITS_EL2) | TCR_IRGN0_WBWA | TCR_ORGN0_WBWA |
	       TCR_SH0_INNER | granule | (u64)parange << TCR_EL2_PS_SHIFT;
}

static void table_free(u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level && i < BIT(LEVEL_BITS); i++)
		if (table[i])
			table_free(phys_to_virt(table[i] & DESC_PA), level - 1);
	free_page((unsigned long)table);
}

void arm_el2_map_free(void)
{
	if (root)
		table_free(root, LEVELS - 1);
	root = NULL;
}
