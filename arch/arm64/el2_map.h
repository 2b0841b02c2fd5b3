/* SPDX-License-Identifier: GPL-2.0-only */
/* EL2's own translation when the kernel runs at EL1 (nVHE); see el2_map.c. */
#ifndef BERTH_ARM64_EL2_MAP_H
#define BERTH_ARM64_EL2_MAP_H

#include <linux/types.h>

/* [@p, @p + @size) of the linear map, read-only and executable.  0, -ENOMEM, -EFAULT. */
int arm_el2_map_text(const void *p, size_t size);
/* TTBR0_EL2; 0 before the first mapping. */
phys_addr_t arm_el2_map_root(void);
/* TCR_EL2, for physical addresses as in ID_AA64MMFR0_EL1.PARange. */
u64 arm_el2_map_tcr(unsigned int parange);
/* No CPU has it in use any more. */
void arm_el2_map_free(void);

#endif
