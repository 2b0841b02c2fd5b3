/* SPDX-License-Identifier: GPL-2.0-only */
/* The second stage's format on s390, and what only the backend does with its entries. */
#ifndef BERTH_S390_DAT_FORMAT_H
#define BERTH_S390_DAT_FORMAT_H

#include <berth/s2.h>

/* Of a region, segment or page-table entry (PoP ch. 3, "Translation Tables"). */
#define SIE_PTE_INVALID		0x400ULL
#define SIE_PTE_PROTECT		0x200ULL

#define SIE_PAGE_ENTRIES	256
/* The PGSTE of a page-table entry is this many entries behind it. */
#define SIE_PGSTE_OFFSET	SIE_PAGE_ENTRIES

/* A guest's storage key in a PGSTE while its page has no frame: bits 0-4 and 13-14 (SA22-7095). */
#define SIE_PGSTE_ACC_F		0xf800000000000000ULL
#define SIE_PGSTE_GR		0x0004000000000000ULL
#define SIE_PGSTE_GC		0x0002000000000000ULL

/* A format of 3 levels, up to 4 TiB, of 4, up to 8 PiB, or of 5, for all 64 bits of an address. */
void sie_s2_format_init(struct s2_format *format, unsigned int levels);

/* The storage key that a PGSTE holds, as ISKE gives it, and back. */
static inline u8 sie_pgste_key(u64 pgste)
{
	return (pgste & SIE_PGSTE_ACC_F) >> 56 | (pgste & SIE_PGSTE_GR ? 4 : 0) |
	       (pgste & SIE_PGSTE_GC ? 2 : 0);
}

static inline u64 sie_pgste_with_key(u64 pgste, u8 key)
{
	pgste &= ~(SIE_PGSTE_ACC_F | SIE_PGSTE_GR | SIE_PGSTE_GC);
	return pgste | ((u64)(key & 0xf8) << 56) | (key & 4 ? SIE_PGSTE_GR : 0) |
	       (key & 2 ? SIE_PGSTE_GC : 0);
}

#endif
