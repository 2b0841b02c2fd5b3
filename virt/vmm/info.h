/* SPDX-License-Identifier: GPL-2.0-only */
/* `berth info`. */
#ifndef VMM_INFO_H
#define VMM_INFO_H

#include "options.h"

/* Writes the table of capabilities to stdout, returns the exit status. */
int info_show(const struct options *options);

#endif
