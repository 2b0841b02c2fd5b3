/* SPDX-License-Identifier: GPL-2.0-only */
/* Which device answers at which address. */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include "util.h"

#define BUS_REGIONS	24

/*
 * A guest's access to a region, at `offset` in it; on a read it fills `data`. 1 to 8 bytes, all
 * within the region. Called by the vCPU's thread, by several at once.
 */
typedef void (*bus_access_fn)(void *ctx, u64 offset, u8 *data, unsigned int len, bool write);

struct bus_region {
	u64 base, len;
	bus_access_fn access;
	void *ctx;
};

struct bus {
	struct bus_region region[BUS_REGIONS];
	unsigned int nr;
};

/* Adds a region; only before the vCPUs run, since they look without a lock. */
void bus_add(struct bus *bus, u64 base, u64 len, bus_access_fn access, void *ctx);
/* Does a guest's access. Where nothing is, reads have all bits set and writes are lost. */
void bus_access(const struct bus *bus, u64 addr, u8 *data, unsigned int len, bool write);

#endif
