/* SPDX-License-Identifier: GPL-2.0-only */
/* ICH_LR<n>_EL2 and ICH_HCR_EL2 (IHI 0069, 12.4.6 and 12.4.3), by the kernel's names. */
#ifndef TEST_ASM_SYSREG_H
#define TEST_ASM_SYSREG_H

#define ICH_LR_VIRTUAL_ID_MASK	0xffffffffULL
#define ICH_LR_EOI		(1ULL << 41)
#define ICH_LR_GROUP		(1ULL << 60)
#define ICH_LR_HW		(1ULL << 61)
#define ICH_LR_STATE		(3ULL << 62)
#define ICH_LR_PENDING_BIT	(1ULL << 62)
#define ICH_LR_ACTIVE_BIT	(1ULL << 63)
#define ICH_LR_PHYS_ID_SHIFT	32
#define ICH_LR_PRIORITY_SHIFT	48
#define ICH_HCR_UIE		(1 << 1)

#endif
