// SPDX-License-Identifier: GPL-2.0-only
/* Two vCPUs run while the host's memory management, or user space, does its worst to the memory below them. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "memory.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define NCPUS 2
#define ROUNDS 100

struct cpu {
	pthread_t thread;
	struct vcpu *vcpu;
	struct crowd *crowd;
	unsigned int index;
	_Atomic bool ended;
	_Atomic unsigned long turns;	/* calls of work() that came back */
};

/* NCPUS vCPUs, each in a thread that calls work() over and over, until crowd_stop(). */
struct crowd {
	struct vm *vm;
	uint8_t *mem;
	size_t size;
	struct cpu cpu[NCPUS];
	void (*work)(struct cpu *cpu);
	_Atomic bool stop;
	bool mmio;		/* the slot may be away: accesses may leave as MMIO */
};

/*
 * Runs a routine to its end. An address that is away for the moment (-EFAULT, or the guest's own exception) is tried again.
 * False when the crowd is to stop first.
 */
static bool call(struct cpu *cpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c)
{
	struct crowd *crowd = cpu->crowd;
	struct kvm_run *run = cpu->vcpu->run;

	arch_start(cpu->vcpu, routine, a, b, c);
	for (;;) {
		int r = vcpu_run(cpu->vcpu);

		if (!r && arch_is_done(cpu->vcpu))
			return true;
		if (!r && crowd->mmio && run->exit_reason == KVM_EXIT_MMIO) {
			expect(run->mmio.phys_addr - TEST_GPA < crowd->size);
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0, sizeof(run->mmio.data));
		} else if (!r && !arch_has_mmio && arch_is_nothing(cpu->vcpu)) {
			arch_start(cpu->vcpu, routine, a, b, c);
			r = -EFAULT;
		} else if (!r || (r != -EFAULT && r != -EINTR && r != -EAGAIN)) {
			char regs[200] = "";

			arch_describe(cpu->vcpu, regs, sizeof(regs));
			fail_test("vCPU %u: expected an end, -EFAULT or -EINTR, seen %d and exit %s; %s", cpu->index, r,
				  exit_name(run->exit_reason), regs);
		}
		if (atomic_load(&crowd->stop))
			return false;
		if (r == -EFAULT)
			sched_yield();
	}
}

static void *cpu_main(void *arg)
{
	struct cpu *cpu = arg;

	while (!atomic_load(&cpu->crowd->stop)) {
		cpu->crowd->work(cpu);
		atomic_fetch_add(&cpu->turns, 1);
	}
	atomic_store(&cpu->ended, true);
	return NULL;
}

/* The slot is at @gpa. */
static void put_slot(struct crowd *crowd, uint32_t flags, uint64_t gpa)
{
	expect_ret(set_slot(crowd->vm, 1, flags, gpa, slot_size(crowd->size), crowd->mem), 0);
}

static struct crowd *crowd_new(void *mem, size_t size, void (*work)(struct cpu *cpu))
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));

	catch_sigusr1();
	crowd->vm = vm_new();
	crowd->mem = mem;
	crowd->size = size;
	crowd->work = work;
	put_slot(crowd, 0, TEST_GPA);
	for (unsigned int i = 0; i < NCPUS; i++) {
		struct cpu *cpu = &crowd->cpu[i];

		cpu->crowd = crowd;
		cpu->index = i;
		cpu->vcpu = vcpu_new(crowd->vm, i);
	}
	return crowd;
}

static void crowd_start(struct crowd *crowd)
{
	atomic_store(&crowd->stop, false);
	for (unsigned int i = 0; i < NCPUS; i++) {
		atomic_store(&crowd->cpu[i].ended, false);
		expect_eq(pthread_create(&crowd->cpu[i].thread, NULL, cpu_main, &crowd->cpu[i]), 0);
	}
}

static void crowd_stop(struct crowd *crowd)
{
	atomic_store(&crowd->stop, true);
	for (unsigned int i = 0; i < NCPUS; i++) {
		while (!atomic_load(&crowd->cpu[i].ended)) {
			pthread_kill(crowd->cpu[i].thread, SIGUSR1);
			usleep(1000);
		}
		pthread_join(crowd->cpu[i].thread, NULL);
	}
}

/* Waits until every vCPU has begun a turn and ended it. */
static void wait_turn(struct crowd *crowd)
{
	unsigned long before[NCPUS];

	for (unsigned int i = 0; i < NCPUS; i++)
		before[i] = atomic_load(&crowd->cpu[i].turns);
	/* The first that ends may have been under way. */
	for (unsigned int i = 0; i < NCPUS; i++) {
		while (atomic_load(&crowd->cpu[i].turns) < before[i] + 2)
			sched_yield();
	}
	expect(true);
}

/*
 * Counters: each vCPU adds to a word of its own of one page, for ever. Whatever is done to the page, no count may be lost,
 * and where the page is taken from the guest the count must stand still.
 */
#define COUNTER_PAGE 3
#define COUNTER_SIZE (16 * P)

static volatile uint64_t *counter(uint8_t *mem, unsigned int i)
{
	return (volatile uint64_t *)(mem + COUNTER_PAGE * P) + i;
}

static void count(struct cpu *cpu)
{
	call(cpu, GUEST_SPIN, TEST_GPA + COUNTER_PAGE * P + 8 * cpu->index, 0, 0);
}

static void expect_still(uint8_t *mem)
{
	uint64_t seen[NCPUS];

	for (unsigned int i = 0; i < NCPUS; i++)
		seen[i] = *counter(mem, i);
	sched_yield();
	for (unsigned int i = 0; i < NCPUS; i++)
		expect_eq(*counter(mem, i), seen[i]);
}

/* @disturb must leave the memory where it was, with its contents. */
static void count_under(void *mem, size_t size, void (*disturb)(struct crowd *crowd))
{
	struct crowd *crowd = crowd_new(mem, size, count);
	uint64_t last[NCPUS] = { 0 };

	crowd_start(crowd);
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < NCPUS; i++) {
			uint64_t now = wait_change(counter(mem, i), last[i]);

			if (now < last[i])
				fail_test("vCPU %u: expected a count of at least %llu, seen %llu", i,
					  (unsigned long long)last[i], (unsigned long long)now);
			last[i] = now;
		}
		disturb(crowd);
	}
	crowd_stop(crowd);
	for (unsigned int i = 0; i < NCPUS; i++)
		expect(*counter(mem, i) >= last[i]);
}

static void by_fork(struct crowd *crowd)
{
	int status;
	pid_t pid = fork();

	expect(pid >= 0);
	if (!pid) {
		uint64_t a = *counter(crowd->mem, 0), b = *counter(crowd->mem, 1);

		sched_yield();
		_exit(*counter(crowd->mem, 0) != a || *counter(crowd->mem, 1) != b);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
}

static void by_mprotect(struct crowd *crowd)
{
	expect_eq(mprotect(crowd->mem, crowd->size, PROT_READ), 0);
	expect_still(crowd->mem);
	expect_eq(mprotect(crowd->mem, crowd->size, PROT_READ | PROT_WRITE), 0);
}

static void by_mremap(struct crowd *crowd)
{
	static void *elsewhere;

	if (!elsewhere)
		elsewhere = alloc_aligned(crowd->size, MADV_NOHUGEPAGE);
	expect(mremap(crowd->mem, crowd->size, crowd->size, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) == elsewhere);
	expect_still(elsewhere);
	expect(mremap(elsewhere, crowd->size, crowd->size, MREMAP_MAYMOVE | MREMAP_FIXED, crowd->mem) == crowd->mem);
}

/* A discarded page is a new one: the guest must go on in the one that this process sees. */
static void by_discard(struct crowd *crowd)
{
	volatile uint64_t *witness = counter(crowd->mem, NCPUS);
	uint64_t seen;

	*witness = 0x77;
	expect_eq(madvise(crowd->mem, crowd->size, MADV_DONTNEED), 0);
	expect_eq(*witness, 0);
	seen = *counter(crowd->mem, 0);
	wait_change(counter(crowd->mem, 0), seen);
}

static void by_collapse(struct crowd *crowd)
{
	/* A table is there, and an entry of it empty. */
	crowd->mem[MB + P] = 1;
	expect_eq(madvise(crowd->mem + MB, P, MADV_DONTNEED), 0);
	if (madvise(crowd->mem, crowd->size, MADV_COLLAPSE) && errno != EAGAIN && errno != EBUSY)
		fail_test("MADV_COLLAPSE: %s", strerror(errno));
}

TEST(counts_survive_fork)
{
	count_under(alloc_pages(COUNTER_SIZE), COUNTER_SIZE, by_fork);
}

TEST(counts_survive_fork_of_huge_page)
{
	count_under(alloc_aligned(HUGE_2M, MADV_HUGEPAGE), HUGE_2M, by_fork);
}

TEST(counts_stand_still_while_write_protected)
{
	count_under(alloc_pages(COUNTER_SIZE), COUNTER_SIZE, by_mprotect);
}

TEST(counts_in_huge_page_stand_still_while_write_protected)
{
	count_under(alloc_aligned(HUGE_2M, MADV_HUGEPAGE), HUGE_2M, by_mprotect);
}

TEST(counts_stand_still_while_moved_away)
{
	count_under(alloc_pages(COUNTER_SIZE), COUNTER_SIZE, by_mremap);
}

TEST(counts_in_huge_page_stand_still_while_moved_away)
{
	count_under(alloc_aligned(HUGE_2M, MADV_HUGEPAGE), HUGE_2M, by_mremap);
}

TEST(counts_survive_collapse)
{
	count_under(alloc_aligned(HUGE_2M, MADV_HUGEPAGE), HUGE_2M, by_collapse);
}

TEST(discarded_page_is_replaced_under_running_vcpus)
{
	struct crowd *crowd = crowd_new(alloc_pages(COUNTER_SIZE), COUNTER_SIZE, count);

	crowd_start(crowd);
	for (int round = 0; round < ROUNDS; round++)
		by_discard(crowd);
	crowd_stop(crowd);
}

/* Pages 0 and 1 of four are a vCPU's own, pages 2 and 3 the disturber's. */
#define OWN_PAGES 100
#define STRIDE (4 * P)
#define OWN_SIZE (OWN_PAGES * STRIDE)

/* What GUEST_FILL makes of a word that was 0: it stores bytes. */
static uint64_t filled(uint8_t n)
{
	uint64_t word = 0;

	memcpy(&word, &n, 1);
	return word;
}

static void fill_own(struct cpu *cpu)
{
	uint64_t at = TEST_GPA + cpu->index * P, sum = 0;
	uint8_t *own = cpu->crowd->mem + cpu->index * P;

	if (!call(cpu, GUEST_FILL, at, OWN_PAGES, STRIDE) || !call(cpu, GUEST_SUM, at, OWN_PAGES, STRIDE))
		return;
	for (size_t i = 0; i < OWN_PAGES; i++)
		sum += filled(i + 1);
	expect_eq(arch_result(cpu->vcpu), sum);
	for (size_t i = 0; i < OWN_PAGES; i++) {
		expect_eq(*(uint64_t *)(own + i * STRIDE), filled(i + 1));
		/* Next time it is a new page. */
		expect_eq(madvise(own + i * STRIDE, P, MADV_DONTNEED), 0);
	}
}

static void disturb_neighbours(struct crowd *crowd)
{
	crowd_start(crowd);
	for (int round = 0; round < 6; round++) {
		for (size_t i = 0; i < OWN_PAGES; i++) {
			uint8_t *theirs = crowd->mem + i * STRIDE + 2 * P;

			expect_eq(mprotect(theirs, P, PROT_READ), 0);
			expect_eq(madvise(theirs, 2 * P, MADV_DONTNEED), 0);
			expect_eq(mprotect(theirs, P, PROT_READ | PROT_WRITE), 0);
			theirs[P] = 1;
		}
		wait_turn(crowd);
	}
	crowd_stop(crowd);
}

TEST(disjoint_faults_keep_contents_while_neighbours_are_discarded)
{
	disturb_neighbours(crowd_new(alloc_pages(OWN_SIZE), OWN_SIZE, fill_own));
}

TEST(disjoint_faults_keep_contents_while_huge_pages_split)
{
	disturb_neighbours(crowd_new(alloc_aligned(2 * HUGE_2M, MADV_HUGEPAGE), OWN_SIZE, fill_own));
}

/* Both vCPUs write to all pages, each to bytes of its own. */
#define SHARED_PAGES 200

static void fill_shared(struct cpu *cpu)
{
	call(cpu, GUEST_FILL, TEST_GPA + 64 * cpu->index, SHARED_PAGES, P);
}

TEST(same_pages_are_faulted_by_two_vcpus_at_once)
{
	struct crowd *crowd = crowd_new(alloc_pages(SHARED_PAGES * P), SHARED_PAGES * P, fill_shared);

	for (int round = 0; round < ROUNDS; round++) {
		crowd_start(crowd);
		/* Both are under way; then all pages go, and both find them gone. */
		expect_eq(madvise(crowd->mem, SHARED_PAGES * P, MADV_DONTNEED), 0);
		wait_turn(crowd);
		crowd_stop(crowd);
		for (unsigned int c = 0; c < NCPUS; c++) {
			/* A last turn that was cut short wrote the same bytes again. */
			for (size_t i = 0; i < SHARED_PAGES; i++)
				expect_eq(crowd->mem[i * P + 64 * c], (i + 1) & 0xff);
		}
	}
}

#define CHURN_PAGES 64

static void fill_churned(struct cpu *cpu)
{
	call(cpu, GUEST_FILL, TEST_GPA + 64 * cpu->index, CHURN_PAGES, P);
}

TEST(slots_come_and_go_under_running_vcpus)
{
	const size_t size = CHURN_PAGES * P;
	struct crowd *crowd = crowd_new(alloc_pages(size), size, fill_churned);
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = calloc(slot_size(size) / P, 1) };

	crowd->mmio = true;
	crowd_start(crowd);
	for (int round = 0; round < ROUNDS; round++) {
		expect_ret(set_slot(crowd->vm, 1, 0, 0, 0, NULL), 0);
		put_slot(crowd, 0, TEST_GPA);
		put_slot(crowd, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA);
		expect_ret(kvm_ioctl(crowd->vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
		put_slot(crowd, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA2);
		put_slot(crowd, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA);
		put_slot(crowd, 0, TEST_GPA);
		wait_turn(crowd);
	}
	memset(crowd->mem, 0, size);
	wait_turn(crowd);
	crowd_stop(crowd);
	for (unsigned int c = 0; c < NCPUS; c++) {
		for (size_t i = 0; i < CHURN_PAGES; i++)
			expect_eq(crowd->mem[i * P + 64 * c], i + 1);
	}
}

/* A deleted slot's memory is no longer the guest's, from the moment that the ioctl is back. */
TEST(deleted_slot_is_out_of_reach_of_running_vcpus)
{
	const size_t size = CHURN_PAGES * P;
	struct crowd *crowd = crowd_new(alloc_pages(size), size, fill_churned);

	crowd->mmio = true;
	crowd_start(crowd);
	for (int round = 0; round < ROUNDS; round++) {
		wait_change((uint64_t *)crowd->mem, 0);
		expect_ret(set_slot(crowd->vm, 1, 0, 0, 0, NULL), 0);
		memset(crowd->mem, 0, size);
		sched_yield();
		for (size_t at = 0; at < size; at += 64)
			expect_eq(crowd->mem[at], 0);
		put_slot(crowd, 0, TEST_GPA);
	}
	crowd_stop(crowd);
}
