// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of a VM (devices/vm.rst): its memory's end, its clock, its CPU model. */
#include <asm/sclp.h>
#include <linux/uaccess.h>
#include "s390.h"
#include "insn.h"

/* How far the guest's absolute storage may reach; a slot may be anywhere all the same. */
static int set_mem_limit(struct sie_vm *vm, u64 __user *addr)
{
	u64 limit;
	int r = 0;

	if (get_user(limit, addr))
		return -EFAULT;
	if (limit != KVM_S390_NO_MEM_LIMIT && limit > sie_max_memory())
		return -E2BIG;
	if (!limit)
		return -EINVAL;
	mutex_lock(&vm->vm.lock);
	if (vm->vm.created_vcpus)
		r = -EBUSY;
	else
		vm->mem_limit = min(limit, sie_max_memory());
	mutex_unlock(&vm->vm.lock);
	return r;
}

/* What it could be at most, as on the kernel's own KVM. */
static int get_mem_limit(u64 __user *addr)
{
	return put_user(sie_max_memory(), addr);
}

static int set_mem(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	return attr->attr == KVM_S390_VM_MEM_LIMIT_SIZE ?
	       set_mem_limit(vm, (u64 __user *)attr->addr) : -ENXIO;
}

static int get_mem(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	return attr->attr == KVM_S390_VM_MEM_LIMIT_SIZE ?
	       get_mem_limit((u64 __user *)attr->addr) : -ENXIO;
}

/* The clock has 64 bits for us: what is left of them is zero. */
static int set_tod(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	void __user *addr = (void __user *)attr->addr;
	struct kvm_s390_vm_tod_clock ext;
	u64 tod;
	u8 high;

	switch (attr->attr) {
	case KVM_S390_VM_TOD_EXT:
		if (copy_from_user(&ext, addr, sizeof(ext)))
			return -EFAULT;
		if (ext.epoch_idx)
			return -EINVAL;
		sie_set_tod(vm, ext.tod);
		return 0;
	case KVM_S390_VM_TOD_HIGH:
		if (get_user(high, (u8 __user *)addr))
			return -EFAULT;
		return high ? -EINVAL : 0;
	case KVM_S390_VM_TOD_LOW:
		if (get_user(tod, (u64 __user *)addr))
			return -EFAULT;
		sie_set_tod(vm, tod);
		return 0;
	default:
		return -ENXIO;
	}
}

static int get_tod(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	void __user *addr = (void __user *)attr->addr;
	struct kvm_s390_vm_tod_clock ext;

	switch (attr->attr) {
	case KVM_S390_VM_TOD_EXT:
		memset(&ext, 0, sizeof(ext));
		ext.tod = get_tod_clock_fast() + READ_ONCE(vm->epoch);
		return copy_to_user(addr, &ext, sizeof(ext)) ? -EFAULT : 0;
	case KVM_S390_VM_TOD_HIGH:
		return put_user((u8)0, (u8 __user *)addr);
	case KVM_S390_VM_TOD_LOW:
		return put_user(get_tod_clock_fast() + READ_ONCE(vm->epoch), (u64 __user *)addr);
	default:
		return -ENXIO;
	}
}

long sie_ioctl_set_vm_attr(struct berth_vm *b, void *data, unsigned long arg)
{
	const struct kvm_device_attr *attr = data;

	switch (attr->group) {
	case KVM_S390_VM_MEM_CTRL:
		return set_mem(to_sie_vm(b), attr);
	case KVM_S390_VM_TOD:
		/* There are no flags. */
		return attr->flags ? -EINVAL : set_tod(to_sie_vm(b), attr);
	case KVM_S390_VM_CPU_MODEL:
		return sie_model_set_attr(to_sie_vm(b), attr);
	default:
		return -ENXIO;
	}
}

long sie_ioctl_get_vm_attr(struct berth_vm *b, void *data, unsigned long arg)
{
	const struct kvm_device_attr *attr = data;

	switch (attr->group) {
	case KVM_S390_VM_MEM_CTRL:
		return get_mem(to_sie_vm(b), attr);
	case KVM_S390_VM_TOD:
		return attr->flags ? -EINVAL : get_tod(to_sie_vm(b), attr);
	case KVM_S390_VM_CPU_MODEL:
		return sie_model_get_attr(to_sie_vm(b), attr);
	default:
		return -ENXIO;
	}
}

long sie_ioctl_has_vm_attr(struct berth_vm *b, void *data, unsigned long arg)
{
	const struct kvm_device_attr *attr = data;

	switch (attr->group) {
	case KVM_S390_VM_MEM_CTRL:
		return attr->attr == KVM_S390_VM_MEM_LIMIT_SIZE ? 0 : -ENXIO;
	case KVM_S390_VM_TOD:
		return attr->attr == KVM_S390_VM_TOD_LOW || attr->attr == KVM_S390_VM_TOD_HIGH ||
		       attr->attr == KVM_S390_VM_TOD_EXT ? 0 : -ENXIO;
	case KVM_S390_VM_CPU_MODEL:
		return sie_model_has_attr(attr);
	default:
		return -ENXIO;
	}
}
