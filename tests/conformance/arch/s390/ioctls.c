// SPDX-License-Identifier: GPL-2.0-only
/* s390: what the bad-input tests must know of the architecture's ioctls. */
#include "arch_s390.h"

const struct ioctl_exception arch_exceptions[] = {
	/* The result is the state; the argument is not looked at. */
	{ KVM_GET_MP_STATE, KVM_MP_STATE_STOPPED, KVM_MP_STATE_STOPPED, 0 },
	{ 0, 0, 0, 0 }
};

bool arch_lacks_ioctl(struct vm *vm, unsigned long request, enum scope scope)
{
	(void)vm;
	(void)request;
	(void)scope;
	return false;
}
