// SPDX-License-Identifier: GPL-2.0-only
/* Finds the device for a guest's access to ports or to memory-mapped registers. */
#include <string.h>

#include "bus.h"

void bus_add(struct bus *bus, u64 base, u64 len, bus_access_fn access, void *ctx)
{
	if (bus->nr == BUS_REGIONS)
		die("too many devices");
	bus->region[bus->nr++] = (struct bus_region){ base, len, access, ctx };
}

void bus_access(const struct bus *bus, u64 addr, u8 *data, unsigned int len, bool write)
{
	const struct bus_region *r;

	for (r = bus->region; r < bus->region + bus->nr; r++) {
		if (addr >= r->base && addr - r->base < r->len &&
		    len <= r->len - (addr - r->base)) {
			r->access(r->ctx, addr - r->base, data, len, write);
			return;
		}
	}
	if (!write)
		memset(data, 0xff, len);
}
