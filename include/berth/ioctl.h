/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One table row per ioctl.  The dispatcher takes the size and direction from the
 * number itself: arguments going in are copied before the handler runs, those
 * coming out after it succeeded, zeroed before.  Rows with IOC_VARIABLE get the
 * header copied in and deal with the array behind it through @uarg; rows with
 * IOC_VALUE take the argument's value (or ignore it).
 */
#ifndef BERTH_IOCTL_H
#define BERTH_IOCTL_H

#include <berth/types.h>

enum berth_scope {
	BERTH_SCOPE_SYSTEM,
	BERTH_SCOPE_VM,
	BERTH_SCOPE_VCPU,
	BERTH_SCOPE_DEVICE,
	BERTH_NR_SCOPES,
};

/* Preconditions the dispatcher establishes, and how the argument travels. */
#define IOC_VALUE	BIT(0)	/* uarg is a number, nothing is copied */
#define IOC_VARIABLE	BIT(1)	/* header in; handler copies the rest and the header out */
#define IOC_VM_LOCK	BIT(2)	/* vm->lock held */
#define IOC_SLOTS_LOCK	BIT(3)	/* vm->slots_lock held */
#define IOC_NO_LOAD	BIT(4)	/* vCPU: mutex held, but not loaded on a CPU */
#define IOC_ASYNC	BIT(5)	/* vCPU: neither mutex nor load: may come from any thread */
#define IOC_UNINIT	BIT(6)	/* vCPU: allowed before the vCPU is initialized */
#define IOC_NO_VCPUS	BIT(8)	/* VM: -EINVAL once a vCPU exists, whatever the argument */
#define IOC_IN_ONLY	BIT(7)	/* nothing goes out, whatever the number's direction says */

union berth_ioctl_object {
	struct berth_vm *vm;
	struct berth_vcpu *vcpu;
	struct berth_device *dev;
};

/*
 * @data: the argument's copy (in), what goes to user space (out)
 * @uarg: the raw argument
 * Returns what the ioctl returns.
 */
typedef long (*berth_sys_fn)(void *data, unsigned long uarg);
typedef long (*berth_vm_fn)(struct berth_vm *vm, void *data, unsigned long uarg);
typedef long (*berth_vcpu_fn)(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
typedef long (*berth_dev_fn)(struct berth_device *dev, void *data, unsigned long uarg);

struct berth_ioctl {
	u32 cmd;
	u8 scope;
	u16 flags;
	u32 cap;		/* the capability it comes with; 0: always there */
	const char *name;
	union {
		berth_sys_fn sys;
		berth_vm_fn vm;
		berth_vcpu_fn vcpu;
		berth_dev_fn dev;
	};
};

#define SYS_IOCTL(c, fl, capability, fn) \
	{ .cmd = c, .scope = BERTH_SCOPE_SYSTEM, .flags = fl, .cap = capability, .name = #c, .sys = fn }
#define VM_IOCTL(c, fl, capability, fn) \
	{ .cmd = c, .scope = BERTH_SCOPE_VM, .flags = fl, .cap = capability, .name = #c, .vm = fn }
#define VCPU_IOCTL(c, fl, capability, fn) \
	{ .cmd = c, .scope = BERTH_SCOPE_VCPU, .flags = fl, .cap = capability, .name = #c, .vcpu = fn }
#define DEVICE_IOCTL(c, fl, capability, fn) \
	{ .cmd = c, .scope = BERTH_SCOPE_DEVICE, .flags = fl, .cap = capability, .name = #c, .dev = fn }

/*
 * One row per capability: what KVM_CHECK_EXTENSION answers, and what
 * KVM_ENABLE_CAP does.  @check, where present, computes the answer (@vm is NULL on
 * the system fd).  @enable_vm/@enable_vcpu: NULL where the capability cannot be
 * enabled on that fd (-EINVAL).
 */
struct berth_cap {
	u32 cap;
	int value;
	int (*check)(struct berth_vm *vm);
	int (*enable_vm)(struct berth_vm *vm, const struct kvm_enable_cap *args);
	int (*enable_vcpu)(struct berth_vcpu *vcpu, const struct kvm_enable_cap *args);
};

/* Build the dispatch index from the core's and the backend's rows.  0 or -EINVAL
 * when two rows claim one number. */
int berth_ioctl_init(void);

/* Find and run the row for @cmd.  Without one: -ENOTTY or -EINVAL, as KVM for that fd. */
long berth_ioctl_dispatch(enum berth_scope scope, union berth_ioctl_object obj,
			  unsigned int cmd, unsigned long uarg);

/* KVM_CHECK_EXTENSION, KVM_ENABLE_CAP. */
int berth_cap_check(struct berth_vm *vm, u32 cap);
int berth_cap_enable_vm(struct berth_vm *vm, const struct kvm_enable_cap *args);
int berth_cap_enable_vcpu(struct berth_vcpu *vcpu, const struct kvm_enable_cap *args);

#endif
