// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl table and its dispatcher: the one place where an argument comes from user
 * space, a precondition is established and a result goes back.
 */
#include <berth/backend.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static long sys_get_api_version(void *data, unsigned long arg)
{
	return arg ? -EINVAL : KVM_API_VERSION;
}

static long sys_create_vm(void *data, unsigned long arg)
{
	return berth_vm_create_fd(arg);
}

static long sys_check_extension(void *data, unsigned long arg)
{
	return arg == (u32)arg ? berth_cap_check(NULL, arg) : 0;
}

static long sys_get_vcpu_mmap_size(void *data, unsigned long arg)
{
	return arg ? -EINVAL : berth_backend.data.run_pages * PAGE_SIZE;
}

static long vm_check_extension(struct berth_vm *vm, void *data, unsigned long arg)
{
	return arg == (u32)arg ? berth_cap_check(vm, arg) : 0;
}

static long vm_create_vcpu(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_vcpu_create_fd(vm, arg);
}

static long vm_enable_cap(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_cap_enable_vm(vm, data);
}

static long vm_set_region(struct berth_vm *vm, void *data, unsigned long arg)
{
	const struct kvm_userspace_memory_region *old = data;
	struct kvm_userspace_memory_region2 mem = {
		.slot = old->slot,
		.flags = old->flags,
		.guest_phys_addr = old->guest_phys_addr,
		.memory_size = old->memory_size,
		.userspace_addr = old->userspace_addr,
	};

	return berth_slot_set_region(vm, &mem);
}

static long vm_set_region2(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_slot_set_region(vm, data);
}

static long vm_get_dirty_log(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_dirty_log_get(vm, data);
}

static long vm_clear_dirty_log(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_dirty_log_clear(vm, data);
}

static long vm_reset_dirty_rings(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_dirty_rings_reset(vm);
}

static long vm_ioeventfd(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_ioeventfd(vm, data);
}

static long vm_coalesced_register(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_coalesced_register(vm, data);
}

static long vm_coalesced_unregister(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_coalesced_unregister(vm, data);
}

static long vm_irqfd(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_irqfd(vm, data);
}

static long vm_set_gsi_routing(struct berth_vm *vm, void *data, unsigned long arg)
{
	struct kvm_irq_routing __user *user = (void __user *)arg;

	return berth_irq_set_routing(vm, data, user->entries);
}

static long vm_signal_msi(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_irq_signal_msi(vm, data);
}

static long vm_create_device(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_device_create(vm, data);
}

static long vm_get_stats_fd(struct berth_vm *vm, void *data, unsigned long arg)
{
	return berth_vm_stats_fd(vm);
}

static long vcpu_run(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	return arg ? -EINVAL : berth_vcpu_run(vcpu);
}

static long vcpu_enable_cap(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	return berth_cap_enable_vcpu(vcpu, data);
}

static long vcpu_set_signal_mask(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	struct kvm_signal_mask __user *argp = (void __user *)arg;
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!arg) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&mask, argp, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, argp->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}

static long vcpu_pre_fault(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	return berth_s2_pre_fault(vcpu, data);
}

static long vcpu_get_stats_fd(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	return berth_vcpu_stats_fd(vcpu);
}

static const struct berth_ioctl core_ioctls[] = {
	SYS_IOCTL(KVM_GET_API_VERSION, IOC_VALUE, 0, sys_get_api_version),
	SYS_IOCTL(KVM_CREATE_VM, IOC_VALUE, 0, sys_create_vm),
	SYS_IOCTL(KVM_CHECK_EXTENSION, IOC_VALUE, 0, sys_check_extension),
	SYS_IOCTL(KVM_GET_VCPU_MMAP_SIZE, IOC_VALUE, 0, sys_get_vcpu_mmap_size),

	VM_IOCTL(KVM_CHECK_EXTENSION, IOC_VALUE, KVM_CAP_CHECK_EXTENSION_VM, vm_check_extension),
	VM_IOCTL(KVM_ENABLE_CAP, 0, KVM_CAP_ENABLE_CAP_VM, vm_enable_cap),
	VM_IOCTL(KVM_CREATE_VCPU, IOC_VALUE, 0, vm_create_vcpu),
	VM_IOCTL(KVM_SET_USER_MEMORY_REGION, IOC_SLOTS_LOCK, KVM_CAP_USER_MEMORY, vm_set_region),
	VM_IOCTL(KVM_SET_USER_MEMORY_REGION2, IOC_SLOTS_LOCK, KVM_CAP_USER_MEMORY2, vm_set_region2),
	VM_IOCTL(KVM_GET_DIRTY_LOG, IOC_SLOTS_LOCK, 0, vm_get_dirty_log),
	VM_IOCTL(KVM_CLEAR_DIRTY_LOG, IOC_SLOTS_LOCK | IOC_IN_ONLY,
		 KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, vm_clear_dirty_log),
	VM_IOCTL(KVM_RESET_DIRTY_RINGS, IOC_VALUE | IOC_SLOTS_LOCK, KVM_CAP_DIRTY_LOG_RING,
		 vm_reset_dirty_rings),
	VM_IOCTL(KVM_IOEVENTFD, 0, KVM_CAP_IOEVENTFD, vm_ioeventfd),
	VM_IOCTL(KVM_REGISTER_COALESCED_MMIO, 0, KVM_CAP_COALESCED_MMIO, vm_coalesced_register),
	VM_IOCTL(KVM_UNREGISTER_COALESCED_MMIO, 0, KVM_CAP_COALESCED_MMIO,
		 vm_coalesced_unregister),
	VM_IOCTL(KVM_IRQFD, 0, KVM_CAP_IRQFD, vm_irqfd),
	VM_IOCTL(KVM_SET_GSI_ROUTING, IOC_VARIABLE, KVM_CAP_IRQ_ROUTING, vm_set_gsi_routing),
	VM_IOCTL(KVM_SIGNAL_MSI, 0, KVM_CAP_SIGNAL_MSI, vm_signal_msi),
	VM_IOCTL(KVM_CREATE_DEVICE, 0, KVM_CAP_DEVICE_CTRL, vm_create_device),
	VM_IOCTL(KVM_GET_STATS_FD, IOC_VALUE, KVM_CAP_BINARY_STATS_FD, vm_get_stats_fd),

	VCPU_IOCTL(KVM_RUN, IOC_VALUE | IOC_NO_LOAD, 0, vcpu_run),
	VCPU_IOCTL(KVM_ENABLE_CAP, IOC_UNINIT, KVM_CAP_ENABLE_CAP, vcpu_enable_cap),
	VCPU_IOCTL(KVM_PRE_FAULT_MEMORY, IOC_UNINIT, KVM_CAP_PRE_FAULT_MEMORY, vcpu_pre_fault),
	VCPU_IOCTL(KVM_SET_SIGNAL_MASK, IOC_VALUE | IOC_NO_LOAD | IOC_UNINIT, 0,
		   vcpu_set_signal_mask),
	VCPU_IOCTL(KVM_GET_STATS_FD, IOC_VALUE | IOC_NO_LOAD | IOC_UNINIT, KVM_CAP_BINARY_STATS_FD,
		   vcpu_get_stats_fd),
};

/*
 * The row of an ioctl by scope, direction and number.  The ABI uses some numbers twice:
 * with an argument and without, or with one going in and one going both ways.
 */
static const struct berth_ioctl *
rows[BERTH_NR_SCOPES][_IOC_DIRMASK + 1][_IOC_NRMASK + 1] __ro_after_init;

static const struct berth_ioctl **row_of(enum berth_scope scope, unsigned int cmd)
{
	return &rows[scope][_IOC_DIR(cmd)][_IOC_NR(cmd)];
}

static int __init rows_add(const struct berth_ioctl *row, unsigned int nr)
{
	for (; nr; nr--, row++) {
		const struct berth_ioctl **slot = row_of(row->scope, row->cmd);

		if (*slot) {
			pr_err("ioctls %s and %s share a number\n", (*slot)->name, row->name);
			return -EINVAL;
		}
		*slot = row;
	}
	return 0;
}

int __init berth_ioctl_init(void)
{
	int r = rows_add(core_ioctls, ARRAY_SIZE(core_ioctls));

	if (!r)
		r = rows_add(berth_device_ioctls, berth_nr_device_ioctls);
	if (!r)
		r = rows_add(berth_backend.data.ioctls, berth_backend.data.nr_ioctls);
	return r;
}

static long call_vm(const struct berth_ioctl *row, struct berth_vm *vm, void *data,
		    unsigned long arg)
{
	long r;

	if (row->flags & IOC_VM_LOCK)
		mutex_lock(&vm->lock);
	if (row->flags & IOC_SLOTS_LOCK)
		mutex_lock(&vm->slots_lock);
	r = row->vm(vm, data, arg);
	if (row->flags & IOC_SLOTS_LOCK)
		mutex_unlock(&vm->slots_lock);
	if (row->flags & IOC_VM_LOCK)
		mutex_unlock(&vm->lock);
	return r;
}

static long call_vcpu(const struct berth_ioctl *row, struct berth_vcpu *vcpu, void *data,
		      unsigned long arg)
{
	long r;

	if (row->flags & IOC_ASYNC)
		return row->vcpu(vcpu, data, arg);
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (unlikely(!vcpu->initialized) && !(row->flags & IOC_UNINIT)) {
		r = -ENOEXEC;
	} else if (row->flags & IOC_NO_LOAD) {
		r = row->vcpu(vcpu, data, arg);
	} else {
		berth_vcpu_load(vcpu);
		r = row->vcpu(vcpu, data, arg);
		berth_vcpu_put(vcpu);
	}
	mutex_unlock(&vcpu->mutex);
	return r;
}

static long call(const struct berth_ioctl *row, union berth_ioctl_object obj, void *data,
		 unsigned long arg)
{
	switch (row->scope) {
	case BERTH_SCOPE_SYSTEM:
		return row->sys(data, arg);
	case BERTH_SCOPE_VM:
		return call_vm(row, obj.vm, data, arg);
	case BERTH_SCOPE_VCPU:
		return call_vcpu(row, obj.vcpu, data, arg);
	default:
		return row->dev(obj.dev, data, arg);
	}
}

/* Arguments up to this size travel on the stack. */
#define SMALL_ARG	320

static noinline long call_with_data(const struct berth_ioctl *row, union berth_ioctl_object obj,
				    unsigned int cmd, unsigned long arg)
{
	u64 small[SMALL_ARG / sizeof(u64)];
	size_t size = _IOC_SIZE(cmd);
	void *data = small;
	long r = -EFAULT;

	if (size > sizeof(small)) {
		data = kmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!data)
			return -ENOMEM;
	}
	if (_IOC_DIR(cmd) & _IOC_WRITE || row->flags & IOC_VARIABLE) {
		if (copy_from_user(data, (void __user *)arg, size))
			goto out;
	} else {
		memset(data, 0, size);
	}
	r = call(row, obj, data, arg);
	if (r >= 0 && (_IOC_DIR(cmd) & _IOC_READ) && !(row->flags & (IOC_VARIABLE | IOC_IN_ONLY)) &&
	    copy_to_user((void __user *)arg, data, size))
		r = -EFAULT;
out:
	if (data != small)
		kfree(data);
	return r;
}

/* What KVM says to a number it does not know differs by file descriptor, and by architecture. */
static int unknown_ioctl(enum berth_scope scope)
{
	switch (scope) {
	case BERTH_SCOPE_VM:
		return berth_backend.data.unknown_vm_ioctl;
	case BERTH_SCOPE_VCPU:
		return berth_backend.data.unknown_vcpu_ioctl;
	case BERTH_SCOPE_DEVICE:
		return -ENOTTY;
	default:
		return -EINVAL;
	}
}

long berth_ioctl_dispatch(enum berth_scope scope, union berth_ioctl_object obj,
			  unsigned int cmd, unsigned long arg)
{
	const struct berth_ioctl *row = *row_of(scope, cmd);

	if (!row || row->cmd != cmd)
		return unknown_ioctl(scope);
	if (row->flags & IOC_VALUE)
		return call(row, obj, NULL, arg);
	/* Said before the argument is looked at; asked again with the vCPU's lock held. */
	if (scope == BERTH_SCOPE_VCPU && !(row->flags & IOC_UNINIT) &&
	    unlikely(!READ_ONCE(obj.vcpu->initialized)))
		return -ENOEXEC;
	/* The handler looks again, with the lock that holds new vCPUs off. */
	if ((row->flags & IOC_NO_VCPUS) && READ_ONCE(obj.vm->created_vcpus))
		return -EINVAL;
	return call_with_data(row, obj, cmd, arg);
}
