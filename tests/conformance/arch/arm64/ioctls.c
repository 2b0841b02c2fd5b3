// SPDX-License-Identifier: GPL-2.0-only
/* arm64: what the bad-input tests must know of the architecture's ioctls. */
#include "arch_arm64.h"

/* One number: which of the two it is depends on the fd. */
_Static_assert(KVM_ARM_SET_DEVICE_ADDR == KVM_GET_ONE_REG, "one ioctl number");

const struct ioctl_exception arch_exceptions[] = {
	/* The vCPU is not initialized: that is looked at first. */
	{ KVM_ARM_VCPU_FINALIZE, -ENOEXEC, -ENOEXEC, 0 },
	{ KVM_GET_ONE_REG, -ENOEXEC, -ENOEXEC, SCOPE_VCPU },
	{ KVM_SET_ONE_REG, -ENOEXEC, -ENOEXEC, 0 },
	{ KVM_GET_REG_LIST, -ENOEXEC, -ENOEXEC, 0 },
	{ KVM_GET_VCPU_EVENTS, -ENOEXEC, -ENOEXEC, 0 },
	{ KVM_SET_VCPU_EVENTS, -ENOEXEC, -ENOEXEC, 0 },
	{ 0, 0, 0, 0 }
};

/* Attributes of a VM: since Linux 6.4. */
bool arch_lacks_ioctl(struct vm *vm, unsigned long request, enum scope scope)
{
	struct kvm_device_attr attr = { .group = 0 /* KVM_ARM_VM_SMCCC_CTRL */ };

	if (scope != SCOPE_VM || (request != KVM_HAS_DEVICE_ATTR && request != KVM_SET_DEVICE_ATTR))
		return false;
	return kvm_ioctl(vm->fd, KVM_HAS_DEVICE_ATTR, &attr) < 0;
}
