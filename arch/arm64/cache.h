/* SPDX-License-Identifier: GPL-2.0-only */
/* Cache maintenance by address, which the kernel does not export (Arm ARM D7.5.9). */
#ifndef BERTH_ARM64_CACHE_H
#define BERTH_ARM64_CACHE_H

#include <asm/barrier.h>
#include <asm/cache.h>
#include <asm/cputype.h>
#include <linux/sizes.h>

/* @op of each line; @min: the field of CTR_EL0 with the size of the smallest. */
#define ARM_CACHE_OP(op, min, p, size)						\
do {										\
	unsigned long line_ = 4UL << cpuid_feature_extract_unsigned_field(	\
		read_cpuid_cachetype(), CTR_EL0_##min##_SHIFT);			\
	unsigned long at_ = (unsigned long)(p) & ~(line_ - 1);			\
	unsigned long end_ = (unsigned long)(p) + (size);			\
										\
	for (; at_ < end_; at_ += line_)					\
		asm volatile(op ", %0" : : "r" (at_) : "memory");		\
} while (0)

/* Memory has what the caches have, and they nothing: for who reads without them. */
static inline void arm_clean_inval_poc(const void *p, size_t size)
{
	ARM_CACHE_OP("dc civac", DminLine, p, size);
	dsb(sy);
}

/* Lines are found by physical address alone: CTR_EL0.L1Ip. */
static inline bool arm_icache_physical(void)
{
	return (read_cpuid_cachetype() >> CTR_EL0_L1Ip_SHIFT & 3) == CTR_EL0_L1Ip_PIPT;
}

/* Above this one instruction for all lines is quicker than one each. */
#define ARM_ICACHE_RANGE	SZ_64K

/*
 * Instruction fetches of all CPUs see what is in memory.  Where lines are found by virtual
 * address others may map the page at, all go.
 */
static inline void arm_inval_icache(const void *p, size_t size)
{
	if (size > ARM_ICACHE_RANGE || !arm_icache_physical())
		asm volatile("ic ialluis" : : : "memory");
	else
		ARM_CACHE_OP("ic ivau", IminLine, p, size);
	dsb(ish);
	isb();
}

#endif
