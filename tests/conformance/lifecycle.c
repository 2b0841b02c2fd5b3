// SPDX-License-Identifier: GPL-2.0-only
/* /dev/kvm, VM and vCPU file descriptors: creation, limits, and what outlives what. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"

TEST(api_version_is_12)
{
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_API_VERSION, 0L), KVM_API_VERSION);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_API_VERSION, 1L), -EINVAL);
}

TEST(check_extension_knows_the_basic_capabilities)
{
	static const int basic[] = { KVM_CAP_USER_MEMORY, KVM_CAP_DESTROY_MEMORY_REGION_WORKS, KVM_CAP_SYNC_MMU,
				     KVM_CAP_MP_STATE, KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_CHECK_EXTENSION_VM,
				     KVM_CAP_IMMEDIATE_EXIT };

	for (size_t i = 0; i < ARRAY_SIZE(basic); i++) {
		if (cap(basic[i]) <= 0)
			fail_test("expected capability %d, seen %d", basic[i], cap(basic[i]));
	}
	expect(cap(KVM_CAP_NR_MEMSLOTS) >= 32);
	expect(cap(KVM_CAP_MAX_VCPUS) >= 1);
	expect(cap(KVM_CAP_NR_VCPUS) <= cap(KVM_CAP_MAX_VCPUS));
	expect(cap(KVM_CAP_MAX_VCPU_ID) >= cap(KVM_CAP_MAX_VCPUS));
}

TEST(check_extension_of_unknown_number_is_zero)
{
	struct vm *vm = vm_new_bare();

	expect_ret(kvm_ioctl(kvm_fd(), KVM_CHECK_EXTENSION, 0x7fffffffL), 0);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_CHECK_EXTENSION, -1L), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_CHECK_EXTENSION, 0x7fffffffL), 0);
}

TEST(check_extension_agrees_on_system_and_vm, NEED(KVM_CAP_CHECK_EXTENSION_VM))
{
	static const int same[] = { KVM_CAP_USER_MEMORY, KVM_CAP_NR_MEMSLOTS, KVM_CAP_NR_VCPUS, KVM_CAP_MAX_VCPUS,
				    KVM_CAP_MAX_VCPU_ID, KVM_CAP_MP_STATE, KVM_CAP_IOEVENTFD, KVM_CAP_COALESCED_MMIO,
				    KVM_CAP_READONLY_MEM, KVM_CAP_BINARY_STATS_FD, KVM_CAP_IMMEDIATE_EXIT };
	struct vm *vm = vm_new_bare();

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		expect_eq(vm_cap(vm, same[i]), cap(same[i]));
}

TEST(create_vm_of_bad_type_fails)
{
	expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, 0x4000000000000000L), -EINVAL);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, -1L), -EINVAL);
}

TEST(vcpu_mmap_size_holds_run_page_and_rings)
{
	int size = expect_ok(kvm_ioctl(kvm_fd(), KVM_GET_VCPU_MMAP_SIZE, 0L));

	expect(size >= (int)page_size());
	expect_eq(size % page_size(), 0);
	if (cap(KVM_CAP_COALESCED_MMIO))
		expect(size >= (int)page_size() * (cap(KVM_CAP_COALESCED_MMIO) + 1));
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_VCPU_MMAP_SIZE, 1L), -EINVAL);
}

TEST(vcpu_mmap_beyond_its_size_faults)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	uint8_t *p = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, vcpu->fd, 4096 * page_size());
	int fds[2];

	if (p == MAP_FAILED) {
		expect(errno == EINVAL);
		return;
	}
	/* A read by the kernel shows the fault as an errno. */
	expect_eq(pipe(fds), 0);
	expect(write(fds[1], p, 1) < 0 && errno == EFAULT);
}

TEST(vcpu_id_is_limited)
{
	long max = cap(KVM_CAP_MAX_VCPU_ID);
	struct vm *vm = vm_new_bare();

	if (!max)
		max = cap(KVM_CAP_MAX_VCPUS);
	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, max - 1));
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, max), -EINVAL);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, max + 1), -EINVAL);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, -1L), -EINVAL);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0x80000000L), -EINVAL);
}

TEST(vcpu_id_is_unique_in_a_vm)
{
	struct vm *vm = vm_new_bare(), *other = vm_new_bare();
	int fd = expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 3L));

	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 3L), -EEXIST);
	expect_ok(kvm_ioctl(other->fd, KVM_CREATE_VCPU, 3L));
	/* A closed fd does not destroy the vCPU: it lives as long as its VM. */
	close(fd);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 3L), -EEXIST);
	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 1L));
}

TEST(failed_calls_leave_no_fd)
{
	struct vm *vm = vm_new_bare();
	unsigned int before;

	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0L));
	before = count_fds();
	for (int i = 0; i < 20; i++) {
		kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0L);
		kvm_ioctl(vm->fd, KVM_CREATE_VCPU, -1L);
		kvm_ioctl(kvm_fd(), KVM_CREATE_VM, -1L);
	}
	expect_eq(count_fds(), before);
}

TEST(new_fds_are_close_on_exec)
{
	struct vm *vm = vm_new_bare();
	int vcpu = expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0L));

	expect_eq(fcntl(vm->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	expect_eq(fcntl(vcpu, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(vcpu_runs_after_its_vm_fd_is_closed)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	close(kvm_fd());
	close(vm->fd);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(run_page_stays_after_the_vcpu_fd_is_closed)
{
	struct vm *vm = vm_new_bare();
	struct vcpu *vcpu = vcpu_new_bare(vm, 0);

	close(vm->fd);
	close(vcpu->fd);
	vcpu->run->immediate_exit = 1;
	expect_eq(vcpu->run->immediate_exit, 1);
}

struct fds {
	int vm, vcpu;
};

static void use_from_child(void *arg)
{
	struct kvm_mp_state state;
	struct fds *fds = arg;

	expect_ret(kvm_ioctl(fds->vm, KVM_CREATE_VCPU, 1L), -EIO);
	expect_ret(kvm_ioctl(fds->vm, KVM_CHECK_EXTENSION, (long)KVM_CAP_USER_MEMORY), -EIO);
	expect_ret(kvm_ioctl(fds->vcpu, KVM_RUN, 0L), -EIO);
	expect_ret(kvm_ioctl(fds->vcpu, KVM_GET_MP_STATE, &state), -EIO);
}

TEST(forked_child_may_not_use_the_vm)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct fds fds = { vm->fd, vcpu->fd };

	in_child(use_from_child, &fds);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(second_run_of_a_busy_vcpu_waits_its_turn)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile uint64_t *word = add_slot(vm, 1, 0, TEST_GPA, page_size());
	struct runner first, second;

	arch_start(vcpu, GUEST_SPIN, TEST_GPA, 0, 0);
	runner_start(&first, vcpu);
	wait_change(word, 0);
	runner_start(&second, vcpu);
	/* The wait for the vCPU is not ended by a signal; the first one's run is. */
	expect_ret(runner_stop(&first), -EINTR);
	wait_change(word, *word);
	expect_eq(atomic_load(&second.done), 0);
	expect_ret(runner_stop(&second), -EINTR);
}

/* More than some processors have tags for in their TLBs: what is cached of one is not another's. */
TEST(vms_that_run_in_turn_keep_their_memory)
{
	enum { VMS = 6, ROUNDS = 8 };
	struct vcpu *vcpu[VMS];
	uint64_t *memory[VMS], gva[VMS];

	for (unsigned int i = 0; i < VMS; i++) {
		vcpu[i] = vcpu_new(vm_new(), 0);
		memory[i] = add_slot(vcpu[i]->vm, 1, 0, TEST_GPA, slot_unit());
		gva[i] = arch_window(vcpu[i]->vm, TEST_GPA);
	}
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < VMS; i++) {
			guest_store(vcpu[i], gva[i], 8, VMS * round + i);
			expect_eq(memory[i][0], VMS * round + i);
		}
		for (unsigned int i = 0; i < VMS; i++)
			expect_eq(guest_load(vcpu[i], gva[i], 8), VMS * round + i);
	}
}

TEST(many_vms_in_one_process)
{
	for (int i = 0; i < 15; i++) {
		struct vm *vm = vm_new();
		struct vcpu *vcpu = vcpu_new(vm, 0);

		arch_start(vcpu, GUEST_NOP, 0, 0, 0);
		run_done(vcpu);
		munmap(vcpu->run, vcpu->run_size);
		close(vcpu->fd);
		close(vm->fd);
		munmap(vm->code, arch_code_size);
	}
}

static void die_with_a_running_vcpu(void *arg)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile uint64_t *word = add_slot(vm, 1, 0, TEST_GPA, page_size());
	struct runner r, waiting;

	(void)arg;
	arch_start(vcpu, GUEST_SPIN, TEST_GPA, 0, 0);
	runner_start(&r, vcpu);
	wait_change(word, 0);
	runner_start(&waiting, vcpu);
	/* Returning ends the process with one thread in the guest and one that waits for the vCPU. */
}

TEST(process_may_end_while_its_vcpu_runs)
{
	for (int i = 0; i < 3; i++)
		in_child(die_with_a_running_vcpu, NULL);
}

TEST(two_vcpus_see_each_others_stores)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);

	add_slot(vm, 1, 0, TEST_GPA, page_size());
	guest_store(a, TEST_GPA, 8, 0x1122334455667788);
	expect_eq(guest_load(b, TEST_GPA, 8), 0x1122334455667788);
}
