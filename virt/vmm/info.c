// SPDX-License-Identifier: GPL-2.0-only
/* What this machine's KVM can do, as one table. The names come from <linux/kvm.h> by the build. */
#include <stdio.h>
#include <sys/ioctl.h>

#include "info.h"
#include "vm.h"

static const struct {
	unsigned int number;
	const char *name;
} names[] = {
#define CAPABILITY(name) { KVM_CAP_##name, #name },
#include "capabilities.h"
#undef CAPABILITY
};

static int ask(int fd, unsigned int capability)
{
	int value = ioctl(fd, KVM_CHECK_EXTENSION, capability);

	return value < 0 ? 0 : value;
}

int info_show(const struct options *o)
{
	int kvm = vm_open_kvm(o->kvm);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	unsigned int i, present = 0;

	if (vm < 0)
		die_errno("cannot create a VM");
	printf("%-28s %10s %10s\n", o->kvm, "system", "VM");
	printf("%-28s %10d\n", "api version", ioctl(kvm, KVM_GET_API_VERSION, 0));
	printf("%-28s %10d\n", "vcpu mmap size", ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		int system = ask(kvm, names[i].number), here = ask(vm, names[i].number);

		present += system || here;
		if (system || here || o->all)
			printf("%-28s %10d %10d\n", names[i].name, system, here);
	}
	printf("%u of %zu capabilities\n", present, ARRAY_SIZE(names));
	return STATUS_OK;
}
