// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buses: which in-kernel device takes a guest's access to an address.
 *
 * Devices may overlap; all that hold the whole access are asked in ascending order
 * of address until one takes it.  Behind the array's devices stands one address per
 * device: how far this one and those before it reach.  It ends the search backwards.
 */
#include <berth/vcpu.h>
#include <linux/slab.h>
#include "bus_internal.h"

static_assert(sizeof(struct berth_io_device *) == sizeof(u64));

static u64 *bus_reach(struct berth_bus *bus)
{
	return (u64 *)(bus->dev + bus->nr);
}

static gpa_t last_byte(const struct berth_io_device *dev)
{
	gpa_t last = dev->addr + (dev->len ? dev->len - 1 : 0);

	return last < dev->addr ? ~(gpa_t)0 : last;
}

/*
 * Is the access one that @dev, which begins at or below @addr, is asked about?  A len
 * of 0 is for any-length devices.
 */
static bool device_holds(const struct berth_io_device *dev, gpa_t addr, unsigned int len)
{
	u64 offset = addr - dev->addr;

	if (!dev->len)
		return !offset;
	return len && offset < dev->len && len <= dev->len - offset;
}

/* The first device that could hold an access to @addr; nr when there is none. */
static unsigned int bus_first(struct berth_bus *bus, gpa_t addr)
{
	const u64 *reach = bus_reach(bus);
	unsigned int low = 0, high = bus->nr;

	/* reach[] never falls: whoever stands before the first that gets to @addr ends
	 * below it, and so do all before. */
	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (reach[mid] < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int ask_device(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		      unsigned int len, void *in, const void *out)
{
	return in ? dev->ops->read(vcpu, dev, addr, len, in) :
		    dev->ops->write(vcpu, dev, addr, len, out);
}

/*
 * @in: where a load goes, NULL for a store
 * @out: what a store brings; NULL with a @len of 0, which only devices of any length
 *	are asked about
 */
static int bus_access(struct berth_vcpu *vcpu, enum berth_bus_id id, gpa_t addr,
		      unsigned int len, void *in, const void *out)
{
	struct berth_vm *vm = vcpu->vm;
	struct berth_bus *bus;
	unsigned int i;
	int idx, r = -EOPNOTSUPP;

	if (!rcu_access_pointer(vm->bus[id]))
		return -EOPNOTSUPP;

	idx = srcu_read_lock(&vm->srcu);
	bus = srcu_dereference(vm->bus[id], &vm->srcu);
	if (!bus)
		goto out;
	for (i = bus_first(bus, addr); i < bus->nr && bus->dev[i]->addr <= addr; i++) {
		if (!device_holds(bus->dev[i], addr, len))
			continue;
		r = ask_device(vcpu, bus->dev[i], addr, len, in, out);
		if (r != -EOPNOTSUPP)
			break;
	}
out:
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

int berth_bus_write(struct berth_vcpu *vcpu, enum berth_bus_id bus, gpa_t addr,
		    unsigned int len, const void *data)
{
	return bus_access(vcpu, bus, addr, len, NULL, data);
}

int berth_bus_read(struct berth_vcpu *vcpu, enum berth_bus_id bus, gpa_t addr,
		   unsigned int len, void *data)
{
	return bus_access(vcpu, bus, addr, len, data, NULL);
}

static struct berth_bus *bus_alloc(unsigned int nr)
{
	struct berth_bus *bus;

	bus = kvzalloc(struct_size(bus, dev, nr) + nr * sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (bus)
		bus->nr = nr;
	return bus;
}

/* The array is filled: compute what follows from it. */
static void bus_finish(struct berth_bus *bus)
{
	u64 *reach = bus_reach(bus);
	gpa_t far = 0;
	unsigned int i;

	for (i = 0; i < bus->nr; i++) {
		far = max(far, last_byte(bus->dev[i]));
		reach[i] = far;
		bus->nr_any_len += !bus->dev[i]->len;
	}
}

/* Replace the array and free @old once nobody reads it. */
static void bus_publish(struct berth_vm *vm, enum berth_bus_id id, struct berth_bus *bus,
			struct berth_bus *old)
{
	rcu_assign_pointer(vm->bus[id], bus);
	if (old)
		synchronize_srcu_expedited(&vm->srcu);
	kvfree(old);
}

/* Of those at one address the shorter is asked first, then the older. */
static bool stands_after(const struct berth_io_device *dev, const struct berth_io_device *new)
{
	if (dev->addr != new->addr)
		return dev->addr > new->addr;
	return new->len && dev->len > new->len;
}

static unsigned int count_limited(const struct berth_bus *bus)
{
	unsigned int i, n = 0;

	for (i = 0; bus && i < bus->nr; i++)
		n += bus->dev[i]->ops != &berth_ioeventfd_ops;
	return n;
}

int berth_bus_add(struct berth_vm *vm, enum berth_bus_id id, struct berth_io_device *dev)
{
	struct berth_bus *old, *bus;
	unsigned int i, nr;

	lockdep_assert_held(&vm->slots_lock);
	old = rcu_dereference_protected(vm->bus[id], lockdep_is_held(&vm->slots_lock));
	nr = old ? old->nr : 0;
	if (dev->ops != &berth_ioeventfd_ops && count_limited(old) >= BERTH_MAX_IO_DEVICES)
		return -ENOSPC;

	bus = bus_alloc(nr + 1);
	if (!bus)
		return -ENOMEM;
	for (i = 0; i < nr && !stands_after(old->dev[i], dev); i++)
		bus->dev[i] = old->dev[i];
	bus->dev[i] = dev;
	for (; i < nr; i++)
		bus->dev[i + 1] = old->dev[i];
	bus_finish(bus);
	bus_publish(vm, id, bus, old);
	return 0;
}

int berth_bus_remove(struct berth_vm *vm, enum berth_bus_id id, struct berth_io_device *dev)
{
	struct berth_bus *old, *bus = NULL;
	unsigned int i, at = 0;

	lockdep_assert_held(&vm->slots_lock);
	old = rcu_dereference_protected(vm->bus[id], lockdep_is_held(&vm->slots_lock));
	while (old && at < old->nr && old->dev[at] != dev)
		at++;
	if (!old || at == old->nr)
		return 0;

	if (old->nr > 1) {
		bus = bus_alloc(old->nr - 1);
		if (!bus)
			return -ENOMEM;
		for (i = 0; i < bus->nr; i++)
			bus->dev[i] = old->dev[i + (i >= at)];
		bus_finish(bus);
	}
	bus_publish(vm, id, bus, old);
	return 0;
}

/* An empty bus is no array at all: there is nothing to make yet. */
int berth_bus_init(struct berth_vm *vm)
{
	return 0;
}

void berth_bus_destroy(struct berth_vm *vm)
{
	unsigned int i;

	berth_ioeventfds_destroy(vm);
	berth_coalesced_zones_destroy(vm);
	for (i = 0; i < BERTH_NR_BUSES; i++) {
		kvfree(rcu_dereference_protected(vm->bus[i], true));
		RCU_INIT_POINTER(vm->bus[i], NULL);
	}
}
