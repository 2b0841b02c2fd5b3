/* SPDX-License-Identifier: GPL-2.0-only */
/* For the kernel's selftests of 6.1: arm64's vgic_init includes it, and tools/include has none before 6.3. */
#include <linux/types.h>

#define FIELD_PREP(mask, value) (((__u64)(value) << __builtin_ctzll(mask)) & (mask))
