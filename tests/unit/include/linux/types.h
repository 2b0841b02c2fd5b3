/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's <linux/types.h> for unit tests in user space: integer types and bool. */
#ifndef BERTH_UNIT_LINUX_TYPES_H
#define BERTH_UNIT_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#endif /* BERTH_UNIT_LINUX_TYPES_H */
