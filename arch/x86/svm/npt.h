/* SPDX-License-Identifier: GPL-2.0-only */
/* Nested page tables: the second stage's format. */
#ifndef BERTH_SVM_NPT_H
#define BERTH_SVM_NPT_H

#include <linux/types.h>

struct s2_format;

/*
 * Once, before the format is used: does the host run with EFER.NXE and with five levels, which
 * nested tables then have at VMRUN (15.25.3), and has the CPU 1G pages?
 */
void svm_npt_setup(bool nx, bool five_levels, bool gigabyte_pages);
const struct s2_format *svm_npt_format(void);

#endif
