// SPDX-License-Identifier: GPL-2.0-only
/* s390: what the bad-input tests must know of the architecture's ioctls. */
#include "arch_s390.h"

const struct ioctl_exception arch_exceptions[] = {
	{ 0, 0, 0, 0 }
};

bool arch_lacks_ioctl(struct vm *vm, unsigned long request, enum scope scope)
{
	(void)vm;
	(void)request;
	(void)scope;
	return false;
}
