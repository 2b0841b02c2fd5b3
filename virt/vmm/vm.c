// SPDX-License-Identifier: GPL-2.0-only
/* Creates the VM; interrupts and events through the KVM ABI. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch.h"

#define KVM_VERSION	12

int vm_open_kvm(const char *file)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	int version;

	if (fd < 0)
		die_errno("cannot open %s", file);
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		die_errno("%s does not speak the KVM interface", file);
	if (version != KVM_VERSION)
		die("%s speaks version %d of the KVM interface, not %d", file, version, KVM_VERSION);
	return fd;
}

int vm_capability(const struct vm *vm, unsigned int capability)
{
	int value = ioctl(vm->fd, KVM_CHECK_EXTENSION, capability);

	if (value < 0)
		value = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, capability);
	return value < 0 ? 0 : value;
}

void vm_create(struct vm *vm)
{
	int size;

	vm->kvm_fd = vm_open_kvm(vm->options->kvm);
	size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		die("%s: bad size %d of the vCPU's shared page", vm->options->kvm, size);
	vm->run_size = size;
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		die_errno("cannot create a VM");
	if (vm_capability(vm, KVM_CAP_USER_MEMORY) <= 0)
		die("%s lacks KVM_CAP_USER_MEMORY", vm->options->kvm);
	vm->ioeventfd = vm_capability(vm, KVM_CAP_IOEVENTFD) > 0;
	vm->irqfd = vm_capability(vm, KVM_CAP_IRQFD) > 0;
	memory_map(&vm->memory, vm->fd);
	arch_create_irqchip(vm);
}

void vm_irq_line(struct vm *vm, u32 gsi, bool level)
{
	struct kvm_irq_level line = { .irq = arch_irq_line(gsi), .level = level };

	if (ioctl(vm->fd, KVM_IRQ_LINE, &line) < 0)
		die_errno("cannot set interrupt line %u", gsi);
}

bool vm_irqfd(struct vm *vm, u32 gsi, int event_fd)
{
	struct kvm_irqfd irqfd = { .fd = event_fd, .gsi = gsi };

	return vm->irqfd && !ioctl(vm->fd, KVM_IRQFD, &irqfd);
}

bool vm_ioeventfd(struct vm *vm, u64 gpa, u32 value, int event_fd)
{
	struct kvm_ioeventfd event = {
		.datamatch = value,
		.addr = gpa,
		.len = 4,
		.fd = event_fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return vm->ioeventfd && !ioctl(vm->fd, KVM_IOEVENTFD, &event);
}
