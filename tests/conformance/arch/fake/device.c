// SPDX-License-Identifier: GPL-2.0-only
/* Devices of KVM_CREATE_DEVICE, as the core makes them: the toy machine's register stands for all. */
#include <fcntl.h>

#include "../arch.h"
#include "../../../../arch/fake/toy.h"

static const unsigned long requests[] = { KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR };

static int new_device(struct vm *vm)
{
	struct kvm_create_device d = { .type = TOY_DEVICE, .fd = 0xffffffff };

	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d), 0);
	return d.fd;
}

static int attr(int fd, unsigned long request, uint32_t group, uint64_t which, const void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = which, .addr = (uintptr_t)value };

	return kvm_ioctl(fd, request, &a);
}

TEST(device_is_made_or_only_asked_for)
{
	struct vm *vm = vm_new_bare();
	struct kvm_create_device d = { .type = TOY_DEVICE, .fd = 1234, .flags = KVM_CREATE_DEVICE_TEST };
	unsigned int before = count_fds();
	int fd;

	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d), 0);
	expect_eq(d.fd, 1234);
	expect_eq(count_fds(), before);
	fd = new_device(vm);
	expect_eq(count_fds(), before + 1);
	expect_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(device_attributes_go_in_and_out)
{
	struct vm *vm = vm_new_bare();
	int fd = new_device(vm), other = new_device(vm);
	uint64_t in = 0x1122334455667788, out = 0;

	expect_ret(attr(fd, KVM_HAS_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, NULL), 0);
	expect_ret(attr(fd, KVM_SET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, &in), 0);
	expect_ret(attr(fd, KVM_GET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, &out), 0);
	expect_eq(out, in);
	expect_ret(attr(other, KVM_GET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, &out), 0);
	expect_eq(out, 0);
	expect_ret(attr(fd, KVM_SET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, NULL), -EFAULT);
	expect_ret(attr(fd, KVM_GET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, guard_page()), -EFAULT);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		expect_ret(attr(fd, requests[i], 7, 0, &in), -ENXIO);
		expect_ret(attr(fd, requests[i], TOY_DEVICE_VALUE, 1, &in), -ENXIO);
	}
}

TEST(device_arguments_and_numbers_are_checked)
{
	struct vm *vm = vm_new_bare();
	int fd = new_device(vm), vcpu = expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0L));
	struct kvm_device_attr a = { 0 };
	uint8_t *guard = guard_page();

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		expect_ret(kvm_ioctl(fd, requests[i], 0L), -EFAULT);
		expect_ret(kvm_ioctl(fd, requests[i], guard), -EFAULT);
		expect_ret(kvm_ioctl(fd, requests[i], guard - sizeof(a) + 1), -EFAULT);
		expect_ret(kvm_ioctl(vm->fd, requests[i], &a), -ENOTTY);
		expect_ret(kvm_ioctl(vcpu, requests[i], &a), -EINVAL);
	}
	expect_ret(kvm_ioctl(fd, KVM_CREATE_VCPU, 1L), -ENOTTY);
	expect_ret(kvm_ioctl(fd, KVM_RUN, 0L), -ENOTTY);
	expect_ret(kvm_ioctl(fd, KVM_CREATE_DEVICE, &a), -ENOTTY);
}

static void use_device(void *arg)
{
	uint64_t value = 1;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		expect_ret(attr(*(int *)arg, requests[i], TOY_DEVICE_VALUE, 0, &value), -EIO);
}

TEST(forked_child_may_not_use_the_device)
{
	int fd = new_device(vm_new_bare());

	in_child(use_device, &fd);
}

TEST(device_answers_guests_after_its_fd_is_closed)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t where = MMIO_GPA, elsewhere = MMIO_GPA + 64;
	int fd = new_device(vcpu->vm);

	expect_ret(attr(fd, KVM_SET_DEVICE_ATTR, TOY_DEVICE_ADDRESS, 0, &where), 0);
	expect_ret(attr(fd, KVM_SET_DEVICE_ATTR, TOY_DEVICE_ADDRESS, 0, &elsewhere), -EEXIST);
	guest_store(vcpu, MMIO_GPA, 8, 77);
	close(fd);
	expect_eq(guest_load(vcpu, MMIO_GPA, 8), 77);
	/* Other sizes are none of its own. */
	arch_start(vcpu, GUEST_LOAD, MMIO_GPA, 4, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
}

TEST(device_outlives_the_fds_of_its_vm)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	int fd = new_device(vcpu->vm);
	uint64_t value = 5;

	close(vcpu->vm->fd);
	close(vcpu->fd);
	expect_ret(attr(fd, KVM_SET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, &value), 0);
	value = 0;
	expect_ret(attr(fd, KVM_GET_DEVICE_ATTR, TOY_DEVICE_VALUE, 0, &value), 0);
	expect_eq(value, 5);
}
