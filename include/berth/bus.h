/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses the kernel answers for: ioeventfds, coalesced zones, and the
 * register blocks of in-kernel devices.  A bus is a sorted array, replaced as a
 * whole under slots_lock and read under SRCU.
 */
#ifndef BERTH_BUS_H
#define BERTH_BUS_H

#include <berth/types.h>

enum berth_bus_id {
	BERTH_MMIO_BUS,
	BERTH_PIO_BUS,
	BERTH_CCW_BUS,		/* virtio-ccw's notifications: a subchannel is the address */
	BERTH_NR_BUSES,
};

struct berth_io_device;

/*
 * read, write: 0 when the access was taken, -EOPNOTSUPP when it is not this
 * device's after all (the next one is asked).  Context: vCPU thread, may sleep,
 * inside the VM's SRCU read side.
 */
struct berth_io_ops {
	int (*read)(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		    unsigned int len, void *data);
	int (*write)(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, const void *data);
};

struct berth_io_device {
	const struct berth_io_ops *ops;		/* [I] */
	gpa_t addr;				/* [I] */
	u64 len;				/* [I] 0: any length at exactly addr */
};

struct berth_bus {
	unsigned int nr;			/* [I] */
	unsigned int nr_any_len;		/* [I] of them with len 0 */
	struct berth_io_device *dev[];		/* [I] ascending address */
};

#define BERTH_MAX_IO_DEVICES	1000		/* per bus, as the kernel's KVM limits it */

/**
 * berth_bus_write() - offer a guest's store to the kernel's devices; read: a load.
 *
 * 0 when taken, -EOPNOTSUPP when user space must see it.
 * Context: vCPU thread, may sleep.
 */
int berth_bus_write(struct berth_vcpu *vcpu, enum berth_bus_id bus, gpa_t addr,
		    unsigned int len, const void *data);
int berth_bus_read(struct berth_vcpu *vcpu, enum berth_bus_id bus, gpa_t addr,
		   unsigned int len, void *data);

/**
 * berth_bus_add() - put a device on a bus; berth_bus_remove() takes it off.
 *
 * -ENOSPC (bus full), -ENOMEM.  After remove returns, no reader uses the device.
 * Removal cannot fail half way: without memory for the smaller array it is -ENOMEM
 * and the device stays.  Context: may sleep, slots_lock held.
 */
int berth_bus_add(struct berth_vm *vm, enum berth_bus_id bus, struct berth_io_device *dev);
int berth_bus_remove(struct berth_vm *vm, enum berth_bus_id bus, struct berth_io_device *dev);

/* KVM_IOEVENTFD: api.rst 4.59. */
int berth_ioeventfd(struct berth_vm *vm, const struct kvm_ioeventfd *args);

/* KVM_(UN)REGISTER_COALESCED_MMIO: api.rst 4.116. */
int berth_coalesced_register(struct berth_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
int berth_coalesced_unregister(struct berth_vm *vm, const struct kvm_coalesced_mmio_zone *zone);

int berth_bus_init(struct berth_vm *vm);
void berth_bus_destroy(struct berth_vm *vm);

#endif
