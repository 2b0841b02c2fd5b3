// SPDX-License-Identifier: GPL-2.0-only
/* Bad input to every ioctl of the table: arguments that are not there, and file descriptors of the wrong kind. */
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"
#include "ioctl_table.h"

struct ioctl_row {
	const char *name;
	unsigned long request;
	enum scope scope;
	int need;
};

#define ROW(request, scope, need) { #request, request, scope, need },
static const struct ioctl_row rows[] = { CORE_IOCTLS(ROW) ARCH_IOCTLS(ROW) };

static const struct ioctl_exception exceptions[] = {
	/* No mask is one, too. */
	{ KVM_SET_SIGNAL_MASK, 0, -EFAULT, 0 },
	{ 0, 0, 0, 0 }
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

static const char *name_of(enum scope scope)
{
	return scope == SCOPE_SYSTEM ? "the system fd" : scope == SCOPE_VM ? "a VM fd" : "a vCPU fd";
}

/* Devices are types of their own: their tests are with them. */
static bool left_out(const struct ioctl_row *row)
{
	static struct vm *vm;

	if (!vm)
		vm = vm_new_bare();
	return row->scope == SCOPE_DEVICE || (row->need && cap(row->need) <= 0) ||
	       arch_lacks_ioctl(vm, row->request, row->scope);
}

static bool known_on(unsigned long request, enum scope scope)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].request == request && rows[i].scope == scope)
			return true;
	}
	return false;
}

static const struct ioctl_exception *find(const struct ioctl_exception *e, const struct ioctl_row *row)
{
	for (; e->request; e++) {
		if (e->request == row->request && (!e->scope || e->scope == row->scope))
			return e;
	}
	return NULL;
}

static const struct ioctl_exception *exception(const struct ioctl_row *row)
{
	const struct ioctl_exception *e = find(exceptions, row);

	return e ? e : find(arch_exceptions, row);
}

static unsigned int wrong;

static void compare(const struct ioctl_row *row, const char *what, int seen, int expected)
{
	check_true(true, row->name, __FILE__, __LINE__);
	if (seen == expected)
		return;
	note("%s on %s with %s: expected %d, seen %d", row->name, name_of(row->scope), what, expected, seen);
	wrong++;
}

/* All on one VM: a call that fails has changed nothing. */
TEST(bad_argument_of_every_ioctl)
{
	struct fds fds = new_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ioctl_row *row = &rows[i];
		const struct ioctl_exception *e = exception(row);
		size_t size = _IOC_SIZE(row->request);
		int fd = fd_of(&fds, row->scope), null = e ? e->null : -EFAULT, bad = e ? e->bad : -EFAULT;
		uint8_t *guard = guard_page();

		if (left_out(row) || (!size && !e))
			continue;
		compare(row, "a NULL argument", kvm_ioctl(fd, row->request, 0L), null);
		compare(row, "an unmapped argument", kvm_ioctl(fd, row->request, guard), bad);
		compare(row, "a kernel address", kvm_ioctl(fd, row->request, -4096L), bad);
		compare(row, "an argument half mapped", kvm_ioctl(fd, row->request, guard - size + 1), bad);
	}
	expect_eq(wrong, 0);
}

/* What is written where it cannot be has been asked for in vain, and is asked for again. */
TEST(argument_in_readonly_memory)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct fds fds = { kvm_fd(), vcpu->vm->fd, vcpu->fd };
	uint8_t *page = alloc_pages(page_size());

	expect_eq(mprotect(page, page_size(), PROT_READ), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ioctl_row *row = &rows[i];

		/* Those that only give something. */
		if (left_out(row) || _IOC_DIR(row->request) != _IOC_READ || exception(row))
			continue;
		compare(row, "a read-only argument", kvm_ioctl(fd_of(&fds, row->scope), row->request, page), -EFAULT);
	}
	expect_eq(wrong, 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

/* No byte of a struct that comes out is left as it was: what nobody wrote would be what the kernel had there before. */
TEST(what_comes_out_is_written_whole)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct fds fds = { kvm_fd(), vcpu->vm->fd, vcpu->fd };
	static uint8_t a[1 << 14], b[1 << 14];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ioctl_row *row = &rows[i];
		size_t size = _IOC_SIZE(row->request), left = 0;

		if (left_out(row) || _IOC_DIR(row->request) != _IOC_READ || exception(row))
			continue;
		memset(a, 0xaa, sizeof(a));
		memset(b, 0x55, sizeof(b));
		if (kvm_ioctl(fd_of(&fds, row->scope), row->request, a) < 0 ||
		    kvm_ioctl(fd_of(&fds, row->scope), row->request, b) < 0)
			continue;
		for (size_t at = 0; at < size; at++)
			left += a[at] == 0xaa && b[at] == 0x55;
		compare(row, "bytes that are left out", left, 0);
	}
	expect_eq(wrong, 0);
}

/* What an ioctl gives that an fd of this kind does not know. */
static int unknown(enum scope scope)
{
	return scope == SCOPE_VM ? arch_unknown_vm_ioctl : scope == SCOPE_VCPU ? arch_unknown_vcpu_ioctl : -EINVAL;
}

TEST(every_ioctl_on_the_wrong_fd)
{
	struct fds fds = new_fds();
	static uint8_t zero[1 << 16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (left_out(&rows[i]))
			continue;
		for (enum scope scope = SCOPE_SYSTEM; scope <= SCOPE_VCPU; scope <<= 1) {
			if (!known_on(rows[i].request, scope))
				compare(&rows[i], name_of(scope), kvm_ioctl(fd_of(&fds, scope), rows[i].request, zero),
					unknown(scope));
		}
	}
	expect_eq(wrong, 0);
}

/* A number with another size is another ioctl, which there is not. */
TEST(every_ioctl_with_the_wrong_size)
{
	struct fds fds = new_fds();
	static uint8_t zero[1 << 16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ioctl_row *row = &rows[i];
		unsigned int size = _IOC_SIZE(row->request);
		unsigned int sizes[] = { size + 1, size ? size - 1 : 4, size ^ 0x1000 };

		if (left_out(row))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
			unsigned long other = _IOC(_IOC_DIR(row->request), KVMIO, _IOC_NR(row->request), sizes[j]);

			compare(row, "another size", kvm_ioctl(fd_of(&fds, row->scope), other, zero), unknown(row->scope));
		}
	}
	expect_eq(wrong, 0);
}

static void use_all(void *arg)
{
	static uint8_t zero[1 << 16];
	const struct fds *fds = arg;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].scope == SCOPE_VM || rows[i].scope == SCOPE_VCPU)
			compare(&rows[i], "another process's fd",
				kvm_ioctl(fd_of(fds, rows[i].scope), rows[i].request, zero), -EIO);
	}
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
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IO('Z', 0x80), 0L),
			   scope == SCOPE_VCPU ? -EINVAL : unknown(scope));
		/* A known number of another size is another ioctl. */
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IOW(KVMIO, 0x46, char[24]), 0L), unknown(scope));
		expect_ret(kvm_ioctl(fd_of(&fds, scope), _IOC_NR(KVM_RUN), 0L),
			   scope == SCOPE_VCPU ? -EINVAL : unknown(scope));
	}
}

/* Whatever there is, the answer is a number; without a VM, too. */
TEST(check_extension_of_every_number)
{
	struct fds fds = new_fds();

	for (long which = 0; which < 1024; which++) {
		/* The kernel's own KVM has no answer there on arm64: it is about the VM's interrupt controller. */
		if (which != KVM_CAP_MSI_DEVID)
			expect_ok(kvm_ioctl(fds.system, KVM_CHECK_EXTENSION, which));
		expect_ok(kvm_ioctl(fds.vm, KVM_CHECK_EXTENSION, which));
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
