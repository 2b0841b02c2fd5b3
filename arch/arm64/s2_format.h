/* SPDX-License-Identifier: GPL-2.0-only */
/* Stage 2 tables: the second stage's format. */
#ifndef BERTH_ARM64_S2_FORMAT_H
#define BERTH_ARM64_S2_FORMAT_H

#include <linux/types.h>

struct s2_format;

/*
 * The format for guest addresses of @ipa_bits, 32 to 48.
 * @fwb: the CPU has FEAT_S2FWB; one answer for all formats
 * @fetch_coherent: instruction caches need no help to see what was stored (CTR_EL0.DIC)
 */
void arm_s2_format_init(struct s2_format *f, unsigned int ipa_bits, bool fwb, bool fetch_coherent);

#endif
