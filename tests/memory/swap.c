// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory goes to swap and comes back as the guest left it. Wants swap space: prepare.sh makes some. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>

#include "memory.h"

#define SIZE (4 * MB)
#define ROUNDS 4

static void need_swap(void)
{
	cpu_set_t one;

	if (!file_field("/proc/meminfo", "SwapFree:"))
		skip_test("swap space");
	/* Pages not yet on the lists that MADV_PAGEOUT looks at wait in a list per processor: be on one, which it empties. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	expect_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

struct range {
	void *mem;
	size_t size;
};

static bool swapped(void *arg)
{
	struct range *r = arg;

	expect_eq(madvise(r->mem, r->size, MADV_PAGEOUT), 0);
	return swapped_pages(r->mem, r->size) == r->size / P;
}

static void swap_out_and_back(void *mem)
{
	uint8_t *pattern = malloc(SIZE);
	struct range all = { mem, SIZE };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct window window = window_new(vcpu, SIZE);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, SIZE, mem), 0);
	for (int i = 0; i < ROUNDS; i++) {
		fill_pattern(pattern, SIZE, i);
		window_write(&window, TEST_GPA, pattern, SIZE);
		wait_until(swapped, &all, "all of the guest's memory is in swap");
		window_check(&window, TEST_GPA, pattern, SIZE);
		expect_eq(swapped_pages(mem, SIZE), 0);
		/* Of pages that came back some are written, some were only read, and have a copy in swap. */
		for (size_t at = 0; at < SIZE; at += 3 * P) {
			guest_store(vcpu, TEST_GPA + at, 8, i);
			*(uint64_t *)(pattern + at) = i;
		}
		wait_until(swapped, &all, "all of the guest's memory is in swap again");
		window_check(&window, TEST_GPA, pattern, SIZE);
		expect_mem(mem, pattern, SIZE);
	}
}

TEST(guest_memory_swaps_out_and_back)
{
	need_swap();
	swap_out_and_back(alloc_aligned(SIZE, MADV_NOHUGEPAGE));
}

TEST(huge_guest_memory_swaps_out_and_back)
{
	need_swap();
	swap_out_and_back(alloc_aligned(SIZE, MADV_HUGEPAGE));
}

/* A guest adds to a word all the time while its page is thrown out again and again: what it added is never lost. */
TEST(counting_guest_loses_nothing_to_swap)
{
	volatile uint64_t *mem;
	struct runner runner;
	struct vcpu *vcpu;
	uint64_t last = 0;
	size_t out = 0;
	struct vm *vm;

	need_swap();
	vm = vm_new();
	vcpu = vcpu_new(vm, 0);
	mem = add_slot(vm, 1, 0, TEST_GPA, 4 * P);
	arch_start(vcpu, GUEST_SPIN, TEST_GPA + P, 0, 0);
	runner_start(&runner, vcpu);
	for (int i = 0; i < 200; i++) {
		uint64_t now = wait_change(&mem[P / 8], last);

		if (now < last)
			fail_test("expected a count of at least %llu, seen %llu", (unsigned long long)last,
				  (unsigned long long)now);
		last = now;
		/* Young when first looked at: the guest has just used it. */
		for (int try = 0; try < 3 && !swapped_pages((void *)(mem + P / 8), P); try++)
			expect_eq(madvise((void *)mem, 4 * P, MADV_PAGEOUT), 0);
		out += swapped_pages((void *)(mem + P / 8), P);
	}
	trace("in swap when looked at: %zu of 200", out);
	expect(out);
	expect_ret(runner_stop(&runner), -EINTR);
	expect(mem[P / 8] >= last);
}
