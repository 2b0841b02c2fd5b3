/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's <linux/string.h> for unit tests in user space. */
#include <string.h>
