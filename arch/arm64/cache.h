/* SPDX-License-Identifier: GPL-2.0-only */
/* Cache maintenance by address, which the kernel does not export (Arm ARM D7.5.9). */
#ifndef BERTH_ARM64_CACHE_H
#define BERTH_ARM64_CACHE_H

#include <asm/barrier.h>
#include <asm/cache.h>
#include <asm/cputype.h>

#define ARM_CACHE_OP(op, p, size)						\
do {										\
	unsigned long line_ = 4UL << cpuid_feature_extract_unsigned_field(	\
		read_cpuid_cachetype(), CTR_EL0_DminLine_SHIFT);		\
	unsigned long at_ = (unsigned long)(p) & ~(line_ - 1);			\
	unsigned long end_ = (unsigned long)(p) + (size);			\
										\
	for (; at_ < end_; at_ += line_)					\
		asm volatile("dc " op ", %0" : : "r" (at_) : "memory");		\
} while (0)

/* Memory has what the caches have, and they nothing: for who reads without them. */
static inline void arm_clean_inval_poc(const void *p, size_t size)
{
	ARM_CACHE_OP("civac", p, size);
	dsb(sy);
}

/* Instruction fetches see what was stored. */
static inline void arm_sync_icache(const void *p, size_t size)
{
	ARM_CACHE_OP("cvau", p, size);
	dsb(ish);
	asm volatile("ic ialluis");
	dsb(ish);
	isb();
}

#endif
