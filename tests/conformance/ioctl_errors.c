// SPDX-License-Identifier: GPL-2.0-only
/* Bad input to every ioctl of a table: arguments that are not there, and file descriptors of the wrong kind. */
#include "harness.h"
#include "arch/arch.h"

static const struct ioctl_desc neutral[] = {
	FAULTS(KVM_SET_USER_MEMORY_REGION, SCOPE_VM),
	FAULTS(KVM_GET_DIRTY_LOG, SCOPE_VM),
	FAULTS(KVM_CLEAR_DIRTY_LOG, SCOPE_VM),
	FAULTS(KVM_IOEVENTFD, SCOPE_VM),
	FAULTS(KVM_REGISTER_COALESCED_MMIO, SCOPE_VM),
	FAULTS(KVM_UNREGISTER_COALESCED_MMIO, SCOPE_VM),
	IOCTL(KVM_IRQFD, SCOPE_VM, KVM_CAP_IRQFD, -EFAULT, -EFAULT),
	IOCTL(KVM_SET_GSI_ROUTING, SCOPE_VM, KVM_CAP_IRQ_ROUTING, -EFAULT, -EFAULT),
	IOCTL(KVM_SIGNAL_MSI, SCOPE_VM, KVM_CAP_SIGNAL_MSI, -EFAULT, -EFAULT),
	FAULTS(KVM_CREATE_DEVICE, SCOPE_VM),
	FAULTS(KVM_ENABLE_CAP, SCOPE_VM | SCOPE_VCPU),
	FAULTS(KVM_GET_MP_STATE, SCOPE_VCPU),
	FAULTS(KVM_SET_MP_STATE, SCOPE_VCPU),
	IOCTL(KVM_SET_SIGNAL_MASK, SCOPE_VCPU, 0, 0, -EFAULT),
	FAULTS(KVM_SET_GUEST_DEBUG, SCOPE_VCPU),
	IOCTL(KVM_SET_USER_MEMORY_REGION2, SCOPE_VM, KVM_CAP_USER_MEMORY2, -EFAULT, -EFAULT),
	IOCTL(KVM_PRE_FAULT_MEMORY, SCOPE_VCPU, KVM_CAP_PRE_FAULT_MEMORY, -EFAULT, -EFAULT),
	IOCTL_END
};

/* No argument, or a number: any argument will do. */
static const struct ioctl_desc numbers[] = {
	FAULTS(KVM_GET_API_VERSION, SCOPE_SYSTEM),
	FAULTS(KVM_CREATE_VM, SCOPE_SYSTEM),
	FAULTS(KVM_GET_VCPU_MMAP_SIZE, SCOPE_SYSTEM),
	FAULTS(KVM_CHECK_EXTENSION, SCOPE_SYSTEM | SCOPE_VM),
	FAULTS(KVM_CREATE_VCPU, SCOPE_VM),
	FAULTS(KVM_RESET_DIRTY_RINGS, SCOPE_VM),
	FAULTS(KVM_RUN, SCOPE_VCPU),
	FAULTS(KVM_GET_STATS_FD, SCOPE_VM | SCOPE_VCPU),
	IOCTL_END
};

struct fds {
	int system, vm, vcpu;
};

static struct fds new_fds(void)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);

	return (struct fds){ kvm_fd(), vcpu->vm->fd, vcpu->fd };
}

static int fd_of(const struct fds *fds, enum scope scope)
{
	return scope == SCOPE_SYSTEM ? fds->system : scope == SCOPE_VM ? fds->vm : fds->vcpu;
}

static unsigned int wrong;

static void compare(const struct ioctl_desc *d, const char *what, int seen, int expected)
{
	check_true(true, d->name, __FILE__, __LINE__);
	if (seen == expected)
		return;
	note("%s with %s: expected %d, seen %d", d->name, what, expected, seen);
	wrong++;
}

/* All on one VM: a call that fails has changed nothing. */
static void bad_arguments(const struct ioctl_desc *d, const struct fds *fds)
{
	for (; d->name; d++) {
		size_t size = _IOC_SIZE(d->request);
		uint8_t *guard = guard_page();

		if (d->need && cap(d->need) <= 0)
			continue;
		for (unsigned int scope = SCOPE_SYSTEM; scope <= SCOPE_VCPU; scope <<= 1) {
			int fd = fd_of(fds, scope);

			if (!(d->scopes & scope))
				continue;
			compare(d, "a NULL argument", kvm_ioctl(fd, d->request, 0L), d->null);
			compare(d, "an unmapped argument", kvm_ioctl(fd, d->request, guard), d->bad);
			compare(d, "a kernel address", kvm_ioctl(fd, d->request, -4096L), d->bad);
			compare(d, "an argument half mapped", kvm_ioctl(fd, d->request, guard - size + 1), d->bad);
		}
	}
}

TEST(bad_argument_of_every_ioctl)
{
	struct fds fds = new_fds();

	bad_arguments(neutral, &fds);
	bad_arguments(arch_ioctls, &fds);
	expect_eq(wrong, 0);
}

/* What an ioctl gives that an fd of this kind does not know. */
static int unknown(enum scope scope)
{
	return scope == SCOPE_VM ? -ENOTTY : -EINVAL;
}

static void wrong_scopes(const struct ioctl_desc *d, const struct fds *fds)
{
	static const char *const names[] = { "the system fd", "a VM fd", "", "a vCPU fd" };
	static uint8_t zero[1 << 16];

	for (; d->name; d++) {
		if (d->need && cap(d->need) <= 0)
			continue;
		for (unsigned int scope = SCOPE_SYSTEM; scope <= SCOPE_VCPU; scope <<= 1) {
			if (d->scopes & scope)
				continue;
			compare(d, names[scope - 1], kvm_ioctl(fd_of(fds, scope), d->request, zero), unknown(scope));
		}
	}
}

TEST(every_ioctl_on_the_wrong_fd)
{
	struct fds fds = new_fds();

	wrong_scopes(numbers, &fds);
	wrong_scopes(neutral, &fds);
	wrong_scopes(arch_ioctls, &fds);
	wrong_scopes(arch_numbers, &fds);
	expect_eq(wrong, 0);
}

static void in_another_process(const struct ioctl_desc *d, const struct fds *fds)
{
	static uint8_t zero[1 << 16];

	for (; d->name; d++) {
		for (unsigned int scope = SCOPE_VM; scope <= SCOPE_VCPU; scope <<= 1) {
			if (d->scopes & scope)
				compare(d, "another process's fd", kvm_ioctl(fd_of(fds, scope), d->request, zero), -EIO);
		}
	}
}

static void use_all(void *arg)
{
	in_another_process(numbers, arg);
	in_another_process(neutral, arg);
	in_another_process(arch_ioctls, arg);
	in_another_process(arch_numbers, arg);
	expect_eq(wrong, 0);
}

TEST(every_ioctl_in_a_forked_child)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct fds fds = { kvm_fd(), vcpu->vm->fd, vcpu->fd };

	in_child(use_all, &fds);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(unknown_ioctl_fails)
{
	struct fds fds = new_fds();

	for (unsigned int scope = SCOPE_SYSTEM; scope <= SCOPE_VCPU; scope <<= 1) {
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IO(KVMIO, 0x3f), 0L), unknown(scope));
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IO('Z', 0x80), 0L), unknown(scope));
		/* A known number of another size is another ioctl. */
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IOW(KVMIO, 0x46, char[24]), 0L), unknown(scope));
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IOC_NR(KVM_RUN), 0L), unknown(scope));
	}
}

TEST(ioctl_on_no_kvm_fd_fails)
{
	int fds[2];

	expect_eq(pipe(fds), 0);
	expect_ret(kvm_ioctl(fds[0], KVM_CREATE_VM, 0L), -ENOTTY);
	expect_ret(kvm_ioctl(-1, KVM_CREATE_VM, 0L), -EBADF);
}

TEST(enable_cap_of_unknown_capability_fails)
{
	struct fds fds = new_fds();
	struct kvm_enable_cap c = { .cap = 0x7fffffff };

	expect_ret(kvm_ioctl(fds.vm, KVM_ENABLE_CAP, &c), -EINVAL);
	expect_ret(kvm_ioctl(fds.vcpu, KVM_ENABLE_CAP, &c), -EINVAL);
}

TEST(create_device_of_unknown_type_fails)
{
	struct kvm_create_device d = { .type = 0xffffffff };
	struct fds fds = new_fds();

	expect_ret(kvm_ioctl(fds.vm, KVM_CREATE_DEVICE, &d), -ENODEV);
	d.type = 0x7fff;
	d.flags = KVM_CREATE_DEVICE_TEST;
	expect_ret(kvm_ioctl(fds.vm, KVM_CREATE_DEVICE, &d), -ENODEV);
}
