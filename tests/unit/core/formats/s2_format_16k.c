// SPDX-License-Identifier: GPL-2.0-only
/* arm64's second stage once more, as a host with pages of 16K has it. */
#include <berth/s2.h>

#undef PAGE_SHIFT
#define PAGE_SHIFT	14
#define arm_s2_format_init arm_s2_format_init_16k
#include "../../../../arch/arm64/s2_format.c"
