// SPDX-License-Identifier: GPL-2.0-only
/* Huge pages of the host, transparent or of hugetlbfs, are large mappings of the guest, and split and come back with them. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "memory.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#define MAP_HUGE_1GB (30 << 26)
#endif

#define SIZE (8 * MB)
#define NHUGE (SIZE / HUGE_2M)
#define GB (1UL << 30)

struct huge_vm {
	struct vm *vm;
	struct vcpu *vcpu;
	struct window window;
	uint8_t *mem, *pattern;
	uint64_t before;	/* pages_2m when no test memory is mapped */
};

/* The guest reads one byte of each page: whatever can be mapped is mapped. */
static void touch_all(struct huge_vm *h)
{
	guest_call(h->vcpu, GUEST_SUM, TEST_GPA, SIZE / P, P);
}

static uint64_t mapped_2m(struct huge_vm *h)
{
	return vm_stat(h->vm, "pages_2m") - h->before;
}

/* Backed by @mem, which the guest has filled and of which all is mapped. */
static struct huge_vm huge_vm(void *mem)
{
	struct huge_vm h = { .vm = vm_new(), .mem = mem };

	h.vcpu = vcpu_new(h.vm, 0);
	h.window = window_new(h.vcpu, SIZE);
	h.pattern = malloc(SIZE);
	fill_pattern(h.pattern, SIZE, 1);
	memset(h.window.mem, 1, SIZE);
	h.before = vm_stat(h.vm, "pages_2m");
	expect_ret(set_slot(h.vm, 1, 0, TEST_GPA, SIZE, mem), 0);
	window_write(&h.window, TEST_GPA, h.pattern, SIZE);
	touch_all(&h);
	return h;
}

static void collapse(struct huge_vm *h)
{
	if (madvise(h->mem, SIZE, MADV_COLLAPSE)) {
		if (errno == EINVAL)
			skip_test("MADV_COLLAPSE");
		fail_test("MADV_COLLAPSE: %s", strerror(errno));
	}
	expect_eq(smaps_bytes(h->mem, "AnonHugePages"), SIZE);
}

/* Transparent huge pages; that a fault found one is luck, that collapsing finds one is not. */
static struct huge_vm thp_vm(void)
{
	void *mem = alloc_aligned(SIZE, MADV_HUGEPAGE);
	struct huge_vm h = { .mem = mem };

	memset(mem, 0, SIZE);
	if (smaps_bytes(mem, "AnonHugePages") != SIZE)
		collapse(&h);
	return huge_vm(mem);
}

static void *hugetlb(size_t size, int size_flag, const char *what)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size_flag, -1, 0);

	if (mem == MAP_FAILED)
		skip_test(what);
	return mem;
}

TEST(thp_backed_guest_uses_2m_mappings, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = thp_vm();

	expect_eq(mapped_2m(&h), NHUGE);
	window_check(&h.window, TEST_GPA, h.pattern, SIZE);
	expect_mem(h.mem, h.pattern, SIZE);
}

TEST(hugetlbfs_backed_guest_uses_2m_mappings, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = huge_vm(hugetlb(SIZE, MAP_HUGE_2MB, "8 MB of 2 MB huge pages (nr_hugepages)"));

	expect_eq(mapped_2m(&h), NHUGE);
	window_check(&h.window, TEST_GPA, h.pattern, SIZE);
	expect_mem(h.mem, h.pattern, SIZE);
}

TEST(hugetlbfs_backed_guest_uses_1g_mappings, NEED(KVM_CAP_BINARY_STATS_FD))
{
	uint64_t *mem = hugetlb(GB, MAP_HUGE_1GB, "a 1 GB huge page (hugepagesz=1G hugepages=1)");
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	mem[GB / 8 - 1] = 77;
	expect_ret(set_slot(vm, 1, 0, GB, GB, mem), 0);
	expect_eq(guest_load(vcpu, 2 * GB - 8, 8), 77);
	guest_store(vcpu, GB + 300 * MB, 8, 78);
	expect_eq(mem[300 * MB / 8], 78);
	expect_eq(vm_stat(vm, "pages_1g"), 1);
	/* A log is kept by small pages whatever the host's are. */
	expect_ret(set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GB, GB, mem), 0);
	guest_store(vcpu, GB + 400 * MB, 8, 79);
	expect_eq(mem[400 * MB / 8], 79);
	expect_eq(vm_stat(vm, "pages_1g"), 0);
	expect_ret(set_slot(vm, 1, 0, GB, GB, mem), 0);
	expect_eq(guest_load(vcpu, GB + 400 * MB, 8), 79);
	expect_eq(guest_load(vcpu, GB + 300 * MB, 8), 78);
	expect_eq(vm_stat(vm, "pages_1g"), 1);
}

TEST(small_pages_of_the_host_are_small_mappings, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = huge_vm(alloc_aligned(SIZE, MADV_NOHUGEPAGE));

	expect_eq(mapped_2m(&h), 0);
	expect(vm_stat(h.vm, "pages_4k") >= SIZE / P);
}

TEST(hole_in_a_huge_page_splits_only_that_one, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = thp_vm();
	size_t hole = HUGE_2M + 16 * P;

	expect_eq(madvise(h.mem + hole, P, MADV_DONTNEED), 0);
	memset(h.pattern + hole, 0, P);
	window_check(&h.window, TEST_GPA, h.pattern, SIZE);
	expect_eq(mapped_2m(&h), NHUGE - 1);
	/* What the guest writes beside the hole and in it stays. */
	guest_store(h.vcpu, TEST_GPA + hole + 8, 8, 1);
	guest_store(h.vcpu, TEST_GPA + hole + P, 8, 2);
	h.pattern[hole + 8] = 1;
	*(uint64_t *)(h.pattern + hole + P) = 2;
	expect_mem(h.mem, h.pattern, SIZE);
}

TEST(partial_munmap_of_a_huge_page_keeps_the_rest, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = thp_vm();

	expect_eq(munmap(h.mem + MB, 4 * P), 0);
	window_check(&h.window, TEST_GPA, h.pattern, MB);
	arch_start(h.vcpu, GUEST_LOAD, TEST_GPA + MB, 8, 0);
	expect_ret(vcpu_run(h.vcpu), -EFAULT);
	window_check(&h.window, TEST_GPA + MB + 4 * P, h.pattern + MB + 4 * P, SIZE - MB - 4 * P);
	expect_eq(mapped_2m(&h), NHUGE - 1);
}

TEST(collapse_maps_2m_again, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = thp_vm();

	for (int i = 0; i < 3; i++) {
		for (size_t at = i * P; at < SIZE; at += HUGE_2M) {
			expect_eq(madvise(h.mem + at, P, MADV_DONTNEED), 0);
			memset(h.pattern + at, 0, P);
		}
		window_check(&h.window, TEST_GPA, h.pattern, SIZE);
		expect_eq(mapped_2m(&h), 0);
		collapse(&h);
		window_check(&h.window, TEST_GPA, h.pattern, SIZE);
		expect_eq(mapped_2m(&h), NHUGE);
	}
}

/* Memory that was small pages from the first is collapsed under a guest that has it mapped. */
TEST(collapse_of_small_pages_keeps_contents, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = huge_vm(alloc_aligned(SIZE, MADV_NOHUGEPAGE));

	expect_eq(mapped_2m(&h), 0);
	expect_eq(madvise(h.mem, SIZE, MADV_HUGEPAGE), 0);
	collapse(&h);
	window_check(&h.window, TEST_GPA, h.pattern, SIZE);
	expect_eq(mapped_2m(&h), NHUGE);
}

static void expect_logged(struct vm *vm, size_t first, size_t second)
{
	uint64_t bitmap[SIZE / 4096 / 64] = { 0 }, wanted[SIZE / 4096 / 64] = { 0 };
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	wanted[first / 64] |= 1ULL << first % 64;
	wanted[second / 64] |= 1ULL << second % 64;
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	for (size_t i = 0; i < SIZE / P / 64; i++)
		expect_eq(bitmap[i], wanted[i]);
}

static void log_pages_of(struct huge_vm *h)
{
	for (int i = 0; i < 3; i++) {
		size_t pages_2m = HUGE_2M / P, first = 77 + i, second = 3 * pages_2m + 5;

		expect_eq(mapped_2m(h), NHUGE);
		expect_ret(set_slot(h->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, SIZE, h->mem), 0);
		guest_store(h->vcpu, TEST_GPA + first * P, 8, i);
		guest_store(h->vcpu, TEST_GPA + second * P + 8, 8, i + 1);
		*(uint64_t *)(h->pattern + first * P) = i;
		*(uint64_t *)(h->pattern + second * P + 8) = i + 1;
		expect_logged(h->vm, first, second);
		/* The neighbours of a logged page may not have become writable with it. */
		guest_store(h->vcpu, TEST_GPA + (first + 1) * P, 8, i);
		guest_store(h->vcpu, TEST_GPA + (pages_2m + 9) * P, 8, i);
		*(uint64_t *)(h->pattern + (first + 1) * P) = i;
		*(uint64_t *)(h->pattern + (pages_2m + 9) * P) = i;
		expect_logged(h->vm, first + 1, pages_2m + 9);
		touch_all(h);
		expect_mem(h->mem, h->pattern, SIZE);
		expect_ret(set_slot(h->vm, 1, 0, TEST_GPA, SIZE, h->mem), 0);
		window_check(&h->window, TEST_GPA, h->pattern, SIZE);
	}
	expect_eq(mapped_2m(h), NHUGE);
}

TEST(dirty_log_of_thp_has_single_pages_and_2m_comes_back, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = thp_vm();

	log_pages_of(&h);
}

TEST(dirty_log_of_hugetlbfs_has_single_pages_and_2m_comes_back, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = huge_vm(hugetlb(SIZE, MAP_HUGE_2MB, "8 MB of 2 MB huge pages (nr_hugepages)"));

	log_pages_of(&h);
}

TEST(mprotect_of_a_part_splits_and_keeps_contents, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct huge_vm h = thp_vm();

	expect_eq(mprotect(h.mem + P, P, PROT_READ), 0);
	window_check(&h.window, TEST_GPA, h.pattern, SIZE);
	arch_start(h.vcpu, GUEST_STORE, TEST_GPA + P, 8, 1);
	expect_ret(vcpu_run(h.vcpu), -EFAULT);
	guest_store(h.vcpu, TEST_GPA + 2 * P, 8, 5);
	*(uint64_t *)(h.pattern + 2 * P) = 5;
	expect_mem(h.mem, h.pattern, SIZE);
	expect_eq(mapped_2m(&h), NHUGE - 1);
}
