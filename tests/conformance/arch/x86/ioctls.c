// SPDX-License-Identifier: GPL-2.0-only
/* x86: what the bad-input tests must know of the architecture's ioctls. */
#include "arch_x86.h"

const struct ioctl_exception arch_exceptions[] = {
	/* Too late, as the VM has a vCPU: that is looked at first. */
	{ KVM_SET_IDENTITY_MAP_ADDR, -EINVAL, -EINVAL, 0 },
	/* There is none: that is looked at first. */
	{ KVM_GET_PIT2, -ENXIO, -ENXIO, 0 },
	/* There is no local APIC: that is looked at first. */
	{ KVM_GET_LAPIC, -EINVAL, -EINVAL, 0 },
	{ KVM_SET_LAPIC, -EINVAL, -EINVAL, 0 },
	{ KVM_SET_VAPIC_ADDR, -EINVAL, -EINVAL, 0 },
	/* Their numbers say that the argument comes out, but it goes in. */
	{ KVM_SET_IRQCHIP, -EFAULT, -EFAULT, 0 },
	{ KVM_SET_PIT, -EFAULT, -EFAULT, 0 },
	/* A struct, though its number says that there is none. */
	{ KVM_REINJECT_CONTROL, -EFAULT, -EFAULT, 0 },
	{ 0, 0, 0, 0 }
};

bool arch_lacks_ioctl(struct vm *vm, unsigned long request, enum scope scope)
{
	(void)vm;
	(void)request;
	(void)scope;
	return false;
}
