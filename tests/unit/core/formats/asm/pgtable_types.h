/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's page-table bits as the manual has them (AMD APM vol. 2, 5.4), for npt.c in user space. */
#ifndef FORMATS_ASM_PGTABLE_TYPES_H
#define FORMATS_ASM_PGTABLE_TYPES_H

#define _PAGE_PRESENT	(1ULL << 0)
#define _PAGE_RW	(1ULL << 1)
#define _PAGE_USER	(1ULL << 2)
#define _PAGE_PWT	(1ULL << 3)
#define _PAGE_PCD	(1ULL << 4)
#define _PAGE_ACCESSED	(1ULL << 5)
#define _PAGE_DIRTY	(1ULL << 6)
#define _PAGE_PSE	(1ULL << 7)
#define _PAGE_NX	(1ULL << 63)

#endif
