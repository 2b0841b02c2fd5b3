// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN: signals, immediate_exit, the signal mask, and a hostile neighbour in the process. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"

#define P slot_unit()

struct helper {
	pthread_t thread, main;
	struct vm *vm;
	struct vcpu *vcpu;
	void *mem;
	_Atomic bool stop, stopped;
};

TEST(immediate_exit_returns_eintr, NEED(KVM_CAP_IMMEDIATE_EXIT))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	vcpu->run->immediate_exit = 1;
	expect_ret(vcpu_run(vcpu), -EINTR);
	expect_ret(vcpu_run(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
	run_done(vcpu);
}

TEST(immediate_exit_completes_what_user_space_answered, NEED(KVM_CAP_IMMEDIATE_EXIT))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value = 0x1234567;

	need_mmio();
	arch_start(vcpu, GUEST_LOAD, MMIO_GPA, 8, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	memcpy(vcpu->run->mmio.data, &value, 8);
	vcpu->run->immediate_exit = 1;
	expect_ret(vcpu_run(vcpu), -EINTR);
	expect_eq(arch_result(vcpu), value);
	vcpu->run->immediate_exit = 0;
	memset(vcpu->run->mmio.data, 0, 8);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), value);
}

TEST(signal_brings_a_looping_guest_back)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile uint64_t *word = add_slot(vm, 1, 0, TEST_GPA, P);
	struct runner r;

	arch_start(vcpu, GUEST_SPIN, TEST_GPA, 0, 0);
	for (int i = 0; i < 3; i++) {
		uint64_t before = *word;

		runner_start(&r, vcpu);
		wait_change(word, before);
		expect_ret(runner_stop(&r), -EINTR);
		expect_eq(vcpu->run->exit_reason, KVM_EXIT_INTR);
	}
}

static void *stormer(void *arg)
{
	struct helper *h = arg;

	for (int i = 0; i < 300; i++) {
		pthread_kill(h->main, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

TEST(signal_storm_loses_no_state)
{
	struct vm *vm = vm_new();
	struct helper h = { .vcpu = vcpu_new(vm, 0), .main = pthread_self() };
	const uint64_t n = 3000000;
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);
	unsigned int interrupted = 0;
	int ret;

	catch_sigusr1();
	*mem = 3;
	arch_start(h.vcpu, GUEST_SUM, TEST_GPA, n, 0);
	expect_eq(pthread_create(&h.thread, NULL, stormer, &h), 0);
	while ((ret = vcpu_run(h.vcpu))) {
		expect_ret(ret, -EINTR);
		interrupted++;
	}
	expect(arch_is_done(h.vcpu));
	expect_eq(arch_result(h.vcpu), 3 * n);
	trace("interrupted %u times", interrupted);
	pthread_join(h.thread, NULL);
}

static int set_mask(struct vcpu *vcpu, uint32_t len, uint64_t mask)
{
	struct {
		struct kvm_signal_mask head;
		uint64_t mask;
	} __attribute__((packed)) m = { { .len = len }, mask };

	return kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &m);
}

TEST(signal_mask_length_is_checked)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);

	expect_ret(set_mask(vcpu, 0, 0), -EINVAL);
	expect_ret(set_mask(vcpu, 4, 0), -EINVAL);
	expect_ret(set_mask(vcpu, 16, 0), -EINVAL);
	expect_ret(set_mask(vcpu, 0xffffffff, 0), -EINVAL);
	expect_ret(set_mask(vcpu, 8, 0), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, 0L), 0);
}

TEST(signal_mask_holds_during_run_only)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	sigset_t set, now;

	add_slot(vm, 1, 0, TEST_GPA, P);
	catch_sigusr1();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	/* Blocked: does not disturb. */
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	/* Unblocked in KVM_RUN only. */
	expect_ret(set_mask(vcpu, 8, 0), 0);
	arch_start(vcpu, GUEST_SPIN, TEST_GPA, 0, 0);
	expect_ret(vcpu_run(vcpu), -EINTR);
	sigprocmask(SIG_BLOCK, NULL, &now);
	expect_eq(sigismember(&now, SIGUSR1), 1);
}

TEST(signal_mask_taken_back)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	sigset_t set;

	catch_sigusr1();
	expect_ret(set_mask(vcpu, 8, 0), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, 0L), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(run_argument_must_be_zero)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_RUN, 1L), -EINVAL);
	run_done(vcpu);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void scribble(struct vcpu *vcpu, uint64_t *random)
{
	volatile uint64_t *p = (volatile uint64_t *)vcpu->run;

	for (size_t i = 0; i < vcpu->run_size / 8; i++)
		p[i] = next_random(random);
	/* So that the guest is entered now and then. */
	if (next_random(random) & 3)
		vcpu->run->immediate_exit = 0;
}

static void *scribbler(void *arg)
{
	struct helper *h = arg;
	uint64_t random = 0x9e3779b97f4a7c15;

	while (!atomic_load(&h->stop)) {
		scribble(h->vcpu, &random);
		/* A guest with scribbled registers may never come back by itself. */
		pthread_kill(h->main, SIGUSR1);
		usleep(200);
	}
	atomic_store(&h->stopped, true);
	return NULL;
}

static void run_scribbled(bool coalesced)
{
	struct vm *vm = vm_new();
	struct helper h = { .vcpu = vcpu_new(vm, 0), .main = pthread_self() };
	struct kvm_coalesced_mmio_zone z = { .addr = MMIO_GPA, .size = 4096 };
	struct vcpu *other;

	catch_sigusr1();
	if (coalesced && cap(KVM_CAP_COALESCED_MMIO))
		expect_ret(kvm_ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &z), 0);
	expect_eq(pthread_create(&h.thread, NULL, scribbler, &h), 0);
	for (int i = 0; i < 400; i++) {
		static const enum guest_routine what[] = { GUEST_BEAT, GUEST_LOAD, GUEST_STORE, GUEST_SUM };

		if (i % 8 == 0) {
			arch_vcpu_init(h.vcpu);
			arch_start(h.vcpu, what[i / 8 % 4], MMIO_GPA, 8, 8);
		}
		vcpu_run(h.vcpu);
	}
	atomic_store(&h.stop, true);
	pthread_join(h.thread, NULL);
	/* The host is whole and so is the VM. */
	other = vcpu_new(vm, 1);
	arch_start(other, GUEST_NOP, 0, 0, 0);
	run_done(other);
}

TEST(scribbled_run_page_is_survived)
{
	run_scribbled(false);
}

TEST(scribbled_ring_page_is_survived)
{
	run_scribbled(true);
}

static void *churner(void *arg)
{
	struct helper *h = arg;

	for (int i = 0; i < 150; i++) {
		set_slot(h->vm, 1, 0, 0, 0, NULL);
		sched_yield();
		set_slot(h->vm, 1, i & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0, TEST_GPA, 16 * P, h->mem);
		set_slot(h->vm, 1, i & 1 ? 0 : KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, 16 * P, h->mem);
		sched_yield();
		set_slot(h->vm, 1, 0, TEST_GPA2, 16 * P, h->mem);
	}
	atomic_store(&h->stopped, true);
	return NULL;
}

TEST(slot_churn_while_a_vcpu_runs)
{
	struct vm *vm = vm_new();
	struct helper h = { .vm = vm, .vcpu = vcpu_new(vm, 0) };
	uint64_t from_slot = 0x5107, from_mmio = 0x3310, seen[2] = { 0 }, nothing = 0;

	h.mem = add_slot(vm, 1, 0, TEST_GPA, 16 * P);
	*(uint64_t *)h.mem = from_slot;
	expect_eq(pthread_create(&h.thread, NULL, churner, &h), 0);
	while (!atomic_load(&h.stopped)) {
		bool mmio = false;

		arch_start(h.vcpu, GUEST_LOAD, TEST_GPA, 8, 0);
		expect_ret(vcpu_run(h.vcpu), 0);
		if (arch_is_nothing(h.vcpu)) {
			nothing++;
			continue;
		}
		if (!arch_is_done(h.vcpu)) {
			expect_mmio(h.vcpu, false, TEST_GPA, 8, 0);
			memcpy(h.vcpu->run->mmio.data, &from_mmio, 8);
			mmio = true;
			run_done(h.vcpu);
		}
		seen[mmio]++;
		expect_eq(arch_result(h.vcpu), mmio ? from_mmio : from_slot);
	}
	pthread_join(h.thread, NULL);
	trace("%llu from memory, %llu from MMIO, %llu times nothing there", (unsigned long long)seen[0],
	      (unsigned long long)seen[1], (unsigned long long)nothing);
}

static void *unmapper(void *arg)
{
	struct helper *h = arg;

	for (int i = 0; i < 300; i++) {
		madvise(h->mem, 16 * P, MADV_DONTNEED);
		sched_yield();
		mmap(h->mem, 16 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		sched_yield();
	}
	atomic_store(&h->stopped, true);
	return NULL;
}

TEST(remapping_while_a_vcpu_writes)
{
	struct vm *vm = vm_new();
	struct helper h = { .vm = vm, .vcpu = vcpu_new(vm, 0) };

	h.mem = add_slot(vm, 1, 0, TEST_GPA, 16 * P);
	expect_eq(pthread_create(&h.thread, NULL, unmapper, &h), 0);
	while (!atomic_load(&h.stopped)) {
		int ret;

		arch_start(h.vcpu, GUEST_FILL, TEST_GPA, 16, P);
		ret = vcpu_run(h.vcpu);
		expect(ret == 0 || ret == -EFAULT);
		if (!ret)
			expect(arch_is_done(h.vcpu) || arch_is_nothing(h.vcpu));
	}
	pthread_join(h.thread, NULL);
	/* What the guest writes now lands in what is mapped now. */
	guest_call(h.vcpu, GUEST_FILL, TEST_GPA, 16, P);
	for (size_t i = 0; i < 16; i++)
		expect_eq(((uint8_t *)h.mem)[i * P], i + 1);
}

TEST(vcpu_may_move_between_threads)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (int i = 0; i < 10; i++) {
		struct runner r;

		arch_start(vcpu, GUEST_NOP, 0, 0, 0);
		runner_start(&r, vcpu);
		expect_ret(runner_join(&r), 0);
		expect(arch_is_done(vcpu));
	}
}

TEST(four_vcpus_run_at_once)
{
	struct vm *vm = vm_new();
	volatile uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, 4 * P);
	struct runner r[4];

	for (int i = 0; i < 4; i++) {
		struct vcpu *vcpu = vcpu_new(vm, i);

		arch_start(vcpu, GUEST_SPIN, TEST_GPA + i * P, 0, 0);
		runner_start(&r[i], vcpu);
	}
	for (int i = 0; i < 4; i++)
		wait_change(&mem[i * P / 8], 0);
	for (int i = 0; i < 4; i++)
		expect_ret(runner_stop(&r[i]), -EINTR);
}
