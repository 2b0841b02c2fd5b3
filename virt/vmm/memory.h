/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's memory, and the one way from a guest's address to a pointer. */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include "util.h"

#define MEMORY_REGIONS	2

struct memory_region {
	u64 gpa, size;
	u8 *hva;
};

struct memory {
	struct memory_region region[MEMORY_REGIONS];
	unsigned int nr;
};

/* Makes memory of `size` bytes where arch_memory_layout() wants it; ends the program on failure. */
void memory_create(struct memory *m, u64 size);
/* Gives it to the VM behind `vm_fd` as memory slots. */
void memory_map(const struct memory *m, int vm_fd);
/*
 * The memory at guest address `gpa`, or NULL unless all `len` bytes are memory of one region. Any
 * value may be given: this is where the guest's addresses are judged.
 */
void *memory_at(const struct memory *m, u64 gpa, u64 len);

#endif
