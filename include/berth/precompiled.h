/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compiler reads before nearly every file: Kbuild has it compiled once. */
#include <linux/kconfig.h>
#include <linux/compiler_types.h>

#include <linux/uaccess.h>
#include <linux/slab.h>

#include <berth/backend.h>
