// SPDX-License-Identifier: GPL-2.0-only
/* File descriptors of every kind where they do not belong: copies, closed ones, strangers' ones, none left; and exec. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "harness.h"
#include "arch/arch.h"

TEST(copied_fds_are_the_same_vm_and_vcpu)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int vm_copy = dup(vm->fd), vcpu_copy = dup(vcpu->fd);

	expect(vm_copy >= 0 && vcpu_copy >= 0);
	close(vm->fd);
	close(vcpu->fd);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_RUN, 0L), -EBADF);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 1L), -EBADF);
	vm->fd = vm_copy;
	vcpu->fd = vcpu_copy;
	expect_ret(kvm_ioctl(vm_copy, KVM_CREATE_VCPU, 0L), -EEXIST);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(fds_have_nothing_to_read_or_write)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	const int fds[] = { kvm_fd(), vcpu->vm->fd, vcpu->fd };
	char byte = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		expect(read(fds[i], &byte, 1) < 0 && errno == EINVAL);
		expect(write(fds[i], &byte, 1) < 0 && errno == EINVAL);
	}
}

TEST(only_vcpus_are_mapped)
{
	struct vm *vm = vm_new_bare();
	const int fds[] = { kvm_fd(), vm->fd };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		void *p = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fds[i], 0);

		expect(p == MAP_FAILED && errno == ENODEV);
	}
}

static int ioeventfd(struct vm *vm, int fd)
{
	struct kvm_ioeventfd e = { .addr = MMIO_GPA, .len = 4, .fd = fd };

	return kvm_ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

static int irqfd(struct vm *vm, int fd, uint32_t flags, int resample)
{
	struct kvm_irqfd i = { .fd = fd, .gsi = 5, .flags = flags, .resamplefd = resample };

	return kvm_ioctl(vm->fd, KVM_IRQFD, &i);
}

TEST(ioeventfd_wants_an_eventfd, NEED(KVM_CAP_IOEVENTFD))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct vm *vm = vcpu->vm;
	int fds[2];

	expect_eq(pipe(fds), 0);
	expect_ret(ioeventfd(vm, -1), -EBADF);
	expect_ret(ioeventfd(vm, 12345), -EBADF);
	expect_ret(ioeventfd(vm, fds[1]), -EINVAL);
	expect_ret(ioeventfd(vm, kvm_fd()), -EINVAL);
	expect_ret(ioeventfd(vm, vm->fd), -EINVAL);
	expect_ret(ioeventfd(vm, vcpu->fd), -EINVAL);
	arch_start(vcpu, GUEST_STORE, MMIO_GPA, 4, 1);
	run_nothing(vcpu, true, MMIO_GPA, 4);
}

void irqfd_takes_eventfds_only(struct vm *vm)
{
	int fds[2], good = eventfd(0, 0);

	expect_eq(pipe(fds), 0);
	expect_ret(irqfd(vm, -1, 0, 0), -EBADF);
	expect_ret(irqfd(vm, fds[0], 0, 0), -EINVAL);
	expect_ret(irqfd(vm, vm->fd, 0, 0), -EINVAL);
	if (cap(KVM_CAP_IRQFD_RESAMPLE)) {
		expect_ret(irqfd(vm, good, KVM_IRQFD_FLAG_RESAMPLE, -1), -EBADF);
		expect_ret(irqfd(vm, good, KVM_IRQFD_FLAG_RESAMPLE, fds[1]), -EINVAL);
		expect_ret(irqfd(vm, good, KVM_IRQFD_FLAG_RESAMPLE, vm->fd), -EINVAL);
	}
	expect_ret(irqfd(vm, good, 0, 0), 0);
	expect_ret(irqfd(vm, good, 0, 0), -EBUSY);
	expect_ret(irqfd(vm, good, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	expect_ret(irqfd(vm, fds[0], KVM_IRQFD_FLAG_DEASSIGN, 0), -EINVAL);
}

/* Without an interrupt controller nothing is looked at: so it was before there were those of user space. */
TEST(irqfd_wants_an_eventfd, NEED(KVM_CAP_IRQFD))
{
	struct vm *vm = vm_new_bare();

	if (!cap(KVM_CAP_IRQCHIP) || kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L))
		skip_test("an interrupt controller that KVM_CREATE_IRQCHIP makes");
	if (irqfd(vm, -1, 0, 0) == -EAGAIN)
		skip_test("an interrupt controller that is ready without vCPUs");
	irqfd_takes_eventfds_only(vm);
}

/* It goes on, or is over where a run that something else interrupts is begun anew by the kernel: there is no fd then. */
TEST(vcpu_closed_while_it_runs_is_no_loss)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile uint64_t *word = add_slot(vm, 1, 0, TEST_GPA, page_size());
	struct runner r;
	int ret;

	arch_start(vcpu, GUEST_SPIN, TEST_GPA, 0, 0);
	runner_start(&r, vcpu);
	wait_change(word, 0);
	close(vcpu->fd);
	close(vm->fd);
	ret = runner_stop(&r);
	expect(ret == -EINTR || ret == -EBADF);
	expect_ret(vcpu_run(vcpu), -EBADF);
}

/* With no number left for a file nothing is made, and what was asked for is still free. */
TEST(no_fd_left_makes_nothing)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct rlimit old, none;
	int vm = vcpu->vm->fd;

	expect_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ 3, old.rlim_max };
	expect_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, 0L), -EMFILE);
	expect_ret(kvm_ioctl(vm, KVM_CREATE_VCPU, 1L), -EMFILE);
	if (cap(KVM_CAP_BINARY_STATS_FD)) {
		expect_ret(kvm_ioctl(vm, KVM_GET_STATS_FD, 0L), -EMFILE);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_STATS_FD, 0L), -EMFILE);
	}
	expect_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	expect_ok(kvm_ioctl(vm, KVM_CREATE_VCPU, 1L));
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

static void exec_self(int vm, int vcpu)
{
	char vm_text[16], vcpu_text[16];

	snprintf(vm_text, sizeof(vm_text), "%d", vm);
	snprintf(vcpu_text, sizeof(vcpu_text), "%d", vcpu);
	execl("/proc/self/exe", "conformance", USE_FDS, vm_text, vcpu_text, NULL);
	_exit(127);
}

TEST(vm_ends_with_the_memory_of_an_exec)
{
	pid_t pid = fork();
	int status;

	expect(pid >= 0);
	if (!pid) {
		struct vcpu *vcpu = vcpu_new(vm_new(), 0);

		arch_start(vcpu, GUEST_NOP, 0, 0, 0);
		run_done(vcpu);
		fcntl(vcpu->vm->fd, F_SETFD, 0);
		fcntl(vcpu->fd, F_SETFD, 0);
		exec_self(vcpu->vm->fd, vcpu->fd);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFEXITED(status));
	expect_eq(WEXITSTATUS(status), 0);
}
