/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In-kernel devices created by KVM_CREATE_DEVICE (api.rst 4.79): interrupt
 * controllers and the like.  A backend lists its types; the core owns the fd,
 * the reference to the VM and the attribute ioctls.
 */
#ifndef BERTH_DEVICE_H
#define BERTH_DEVICE_H

#include <berth/ioctl.h>
#include <berth/types.h>
#include <linux/list.h>

/* All members are present.  Context of all: may sleep; create, destroy: vm->lock held. */
struct berth_device_type {
	u32 type;			/* enum kvm_device_type */
	const char *name;
	/* has this machine what it takes?  Else it is as if there were no such type. */
	bool (*supported)(void);
	/* build @dev->data; 0 or a negative errno.  Inverse: destroy. */
	int (*create)(struct berth_device *dev);
	void (*destroy)(struct berth_device *dev);
	/* KVM_SET/GET/HAS_DEVICE_ATTR: 0, -ENXIO for an unknown group or attribute */
	int (*set_attr)(struct berth_device *dev, const struct kvm_device_attr *attr);
	int (*get_attr)(struct berth_device *dev, const struct kvm_device_attr *attr);
	int (*has_attr)(struct berth_device *dev, const struct kvm_device_attr *attr);
};

struct berth_device {
	const struct berth_device_type *type;	/* [I] */
	struct berth_vm *vm;			/* [I] referenced by the fd */
	struct list_head link;			/* [l] */
	void *data;				/* [I] the type's own */
};

/*
 * KVM_CREATE_DEVICE: fills @args->fd.  -ENODEV for a type the backend does not have,
 * -EMFILE, -ENOMEM, or what the type's create says.  Context: may sleep, takes vm->lock.
 */
int berth_device_create(struct berth_vm *vm, struct kvm_create_device *args);

/* KVM_SET/GET/HAS_DEVICE_ATTR: the rows of a device fd. */
extern const struct berth_ioctl berth_device_ioctls[];
extern const unsigned int berth_nr_device_ioctls;

/*
 * Devices live as long as their VM; called once nothing can run, before the buses
 * are destroyed.  Takes vm->lock.
 */
void berth_devices_destroy(struct berth_vm *vm);

#endif
