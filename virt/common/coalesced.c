// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and PIO: stores to a zone are noted in a ring user space reads at
 * its next exit.  The ring's page is mapped writable there, so what stands in it is
 * read once and believed only within bounds.
 */
#include <berth/backend.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "bus_internal.h"

struct coalesced_zone {
	struct berth_io_device dev;	/* [I] on the bus */
	struct list_head link;		/* [s] vm->coalesced_zones */
	u32 pio;			/* [I] 1: ports, 0: memory */
};

static enum berth_bus_id zone_bus(u32 pio)
{
	return pio ? BERTH_PIO_BUS : BERTH_MMIO_BUS;
}

/* Lies [@addr, @addr + @len) in the zone? */
static bool zone_holds(const struct coalesced_zone *zone, gpa_t addr, u64 len)
{
	u64 offset = addr - zone->dev.addr;

	return addr >= zone->dev.addr && offset <= zone->dev.len && len <= zone->dev.len - offset;
}

/* Not taken when the ring is full: user space sees the exit and empties it. */
static int zone_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		      unsigned int len, const void *data)
{
	struct coalesced_zone *zone = container_of(dev, struct coalesced_zone, dev);
	struct berth_vm *vm = vcpu->vm;
	struct kvm_coalesced_mmio_ring *ring = vm->ring;
	struct kvm_coalesced_mmio *entry;
	u32 last, next;
	int r = -EOPNOTSUPP;

	if (!len || len > sizeof(entry->data) || !zone_holds(zone, addr, len))
		return -EOPNOTSUPP;

	spin_lock(&vm->ring_lock);
	last = READ_ONCE(ring->last);
	if (last >= KVM_COALESCED_MMIO_MAX)
		goto out;
	last = array_index_nospec(last, KVM_COALESCED_MMIO_MAX);
	/* One entry stays free: a ring with first == last is empty. */
	next = last + 1 == KVM_COALESCED_MMIO_MAX ? 0 : last + 1;
	if (next == READ_ONCE(ring->first))
		goto out;

	entry = &ring->coalesced_mmio[last];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = zone->pio;
	memcpy(entry->data, data, len);
	/* The entry before the index; pairs with user space's read of last. */
	smp_store_release(&ring->last, next);
	r = 0;
out:
	spin_unlock(&vm->ring_lock);
	return r;
}

static int zone_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, void *data)
{
	return -EOPNOTSUPP;
}

static const struct berth_io_ops zone_ops = {
	.read = zone_read,
	.write = zone_write,
};

/* -ENOTTY on an architecture that shows no ring to user space. */
static int check_args(const struct kvm_coalesced_mmio_zone *args)
{
	if (!berth_backend.data.ring_page)
		return -ENOTTY;
	return args->pio > 1 ? -EINVAL : 0;
}

int berth_coalesced_register(struct berth_vm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct coalesced_zone *zone;
	int r = check_args(args);

	if (r)
		return r;
	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->dev.ops = &zone_ops;
	zone->dev.addr = args->addr;
	zone->dev.len = args->size;
	zone->pio = args->pio;

	mutex_lock(&vm->slots_lock);
	r = berth_bus_add(vm, zone_bus(zone->pio), &zone->dev);
	if (r)
		kfree(zone);
	else
		list_add_tail(&zone->link, &vm->coalesced_zones);
	mutex_unlock(&vm->slots_lock);
	return r;
}

/* All zones around the range go; that there is none is no error. */
int berth_coalesced_unregister(struct berth_vm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct coalesced_zone *zone, *next;
	int r = check_args(args);

	if (r)
		return r;
	mutex_lock(&vm->slots_lock);
	list_for_each_entry_safe(zone, next, &vm->coalesced_zones, link) {
		if (zone->pio != args->pio || !zone_holds(zone, args->addr, args->size))
			continue;
		r = berth_bus_remove(vm, zone_bus(zone->pio), &zone->dev);
		if (r)
			break;
		list_del(&zone->link);
		kfree(zone);
	}
	mutex_unlock(&vm->slots_lock);
	return r;
}

void berth_coalesced_zones_destroy(struct berth_vm *vm)
{
	struct coalesced_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->coalesced_zones, link) {
		list_del(&zone->link);
		kfree(zone);
	}
}
