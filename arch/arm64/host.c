// SPDX-License-Identifier: GPL-2.0-only
/* EL2 on the host: is it there, whose is it, and taking it on each CPU. */
#include "arm64.h"

int arm_host_setup(const char **why)
{
	*why = "guests on arm64 are not there yet";
	return -EOPNOTSUPP;
}

void arm_host_unsetup(void)
{
}

int arm_host_cpu_enable(void)
{
	return -EOPNOTSUPP;
}

void arm_host_cpu_disable(void)
{
}

u64 arm_el2_call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4)
{
	return 0;
}

int arm_el2_map(const void *p, size_t size)
{
	return 0;
}
