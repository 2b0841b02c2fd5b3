// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG and the manual-protect capability. */
#define _GNU_SOURCE
#include <endian.h>
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"

#define P page_size()
/* No multiple of 64, where slots may be that small; tests write to the first 200. */
#define NPAGES (slot_unit() == P ? 200 : 256)
#define WORDS 4
#define MANUAL (KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)

static int get_log(struct vm *vm, uint32_t slot, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return kvm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(struct vm *vm, uint32_t slot, uint64_t first, uint32_t n, void *bitmap)
{
	struct kvm_clear_dirty_log log = { .slot = slot, .first_page = first, .num_pages = n, .dirty_bitmap = bitmap };

	return kvm_ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

static int enable_manual(struct vm *vm, uint32_t flags, uint64_t mode)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .flags = flags, .args = { mode } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &c);
}

/* The log, whose bits are in little-endian order, must have exactly these pages; a negative one ends the list. */
static void expect_dirty(struct vm *vm, const int *pages)
{
	uint64_t seen[WORDS + 1], expected[WORDS + 1] = { 0 };

	memset(seen, 0xa5, sizeof(seen));
	memset(&expected[WORDS], 0xa5, 8);
	for (; *pages >= 0; pages++)
		expected[*pages / 64] |= 1ULL << *pages % 64;
	expect_ret(get_log(vm, 1, seen), 0);
	for (size_t i = 0; i < WORDS + 1; i++)
		expect_eq(le64toh(seen[i]), expected[i]);
}

#define DIRTY(vm, ...) expect_dirty(vm, (const int[]){ __VA_ARGS__ __VA_OPT__(,) -1 })

struct log_vm {
	struct vm *vm;
	struct vcpu *vcpu;
	void *mem;
};

static struct log_vm log_vm(uint64_t manual)
{
	struct log_vm l = { .vm = vm_new() };

	if (manual)
		expect_ret(enable_manual(l.vm, 0, manual), 0);
	l.vcpu = vcpu_new(l.vm, 0);
	l.mem = add_slot(l.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, NPAGES * P);
	return l;
}

static void touch(struct log_vm *l, int page)
{
	guest_store(l->vcpu, TEST_GPA + page * P + 8 * (page % 100), 8, page + 1);
}

TEST(dirty_log_has_exactly_the_written_pages)
{
	struct log_vm l = log_vm(0);

	DIRTY(l.vm);
	touch(&l, 0);
	touch(&l, 63);
	touch(&l, 64);
	touch(&l, 130);
	touch(&l, 199);
	guest_load(l.vcpu, TEST_GPA + 5 * P, 8);
	DIRTY(l.vm, 0, 63, 64, 130, 199);
}

TEST(get_dirty_log_clears_it)
{
	struct log_vm l = log_vm(0);

	touch(&l, 7);
	DIRTY(l.vm, 7);
	DIRTY(l.vm);
}

TEST(write_after_get_dirties_again)
{
	struct log_vm l = log_vm(0);

	for (int i = 0; i < 4; i++) {
		touch(&l, 9);
		touch(&l, 10 + i);
		DIRTY(l.vm, 9, 10 + i);
	}
}

TEST(store_across_pages_dirties_both)
{
	struct log_vm l = log_vm(0);

	guest_store(l.vcpu, TEST_GPA + 20 * P - 4, 8, -1);
	DIRTY(l.vm, 19, 20);
}

TEST(user_space_writes_are_not_logged)
{
	struct log_vm l = log_vm(0);

	memset(l.mem, 1, NPAGES * P);
	DIRTY(l.vm);
}

TEST(logging_may_be_turned_off_and_on)
{
	struct log_vm l = log_vm(0);
	uint64_t bitmap[WORDS];

	touch(&l, 1);
	expect_ret(set_slot(l.vm, 1, 0, TEST_GPA, NPAGES * P, l.mem), 0);
	expect_ret(get_log(l.vm, 1, bitmap), -ENOENT);
	touch(&l, 2);
	expect_ret(set_slot(l.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, NPAGES * P, l.mem), 0);
	/* The bitmap is a new one; pages mapped before are protected again. */
	DIRTY(l.vm);
	touch(&l, 2);
	touch(&l, 3);
	DIRTY(l.vm, 2, 3);
}

TEST(logging_enabled_over_huge_pages_is_exact)
{
	const size_t size = 4 << 20;
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t *raw = mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *mem;
	size_t words = size / P / 64;
	uint64_t bitmap[words];

	mem = (uint8_t *)(((uintptr_t)raw + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	madvise(mem, size, MADV_HUGEPAGE);
	memset(mem, 1, size);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, size, mem), 0);
	guest_call(vcpu, GUEST_FILL, TEST_GPA, 4, 1 << 20);
	expect_ret(set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, size, mem), 0);
	guest_store(vcpu, TEST_GPA + 77 * P, 8, 5);
	guest_store(vcpu, TEST_GPA + size - 8, 8, 6);
	expect_ret(get_log(vm, 1, bitmap), 0);
	for (size_t i = 0; i < words; i++) {
		uint64_t expected = 0;

		if (i == 77 / 64)
			expected = 1ULL << 77 % 64;
		if (i == words - 1)
			expected = 1ULL << 63;
		expect_eq(le64toh(bitmap[i]), expected);
	}
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, size, mem), 0);
	guest_store(vcpu, TEST_GPA + 78 * P, 1, 7);
	expect_eq(mem[78 * P], 7);
}

TEST(dirty_log_of_wrong_slots_fails)
{
	struct log_vm l = log_vm(0);
	uint64_t bitmap[WORDS];

	add_slot(l.vm, 2, 0, TEST_GPA2, P);
	expect_ret(get_log(l.vm, 2, bitmap), -ENOENT);
	expect_ret(get_log(l.vm, 3, bitmap), -ENOENT);
	expect_ret(get_log(l.vm, cap(KVM_CAP_NR_MEMSLOTS), bitmap), -EINVAL);
	expect_ret(get_log(l.vm, 1 | 7 << 16, bitmap), -EINVAL);
	expect_ret(get_log(l.vm, 1, NULL), -EFAULT);
	expect_ret(get_log(l.vm, 1, guard_page() - 8), -EFAULT);
}

TEST(deleted_slot_has_no_log)
{
	struct log_vm l = log_vm(0);
	uint64_t bitmap[WORDS];

	touch(&l, 1);
	expect_ret(set_slot(l.vm, 1, 0, 0, 0, NULL), 0);
	expect_ret(get_log(l.vm, 1, bitmap), -ENOENT);
}

TEST(moved_slot_keeps_logging)
{
	struct log_vm l = log_vm(0);

	touch(&l, 4);
	expect_ret(set_slot(l.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA2, NPAGES * P, l.mem), 0);
	expect_ret(get_log(l.vm, 1, (uint64_t[WORDS]){ 0 }), 0);
	guest_store(l.vcpu, TEST_GPA2 + 6 * P, 8, 1);
	DIRTY(l.vm, 6);
}

TEST(manual_protect_options_are_checked, NEED(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
{
	struct vm *vm = vm_new_bare();
	int options = cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);

	expect_eq(options & MANUAL, MANUAL);
	expect_ret(enable_manual(vm, 1, MANUAL), -EINVAL);
	expect_ret(enable_manual(vm, 0, 1ULL << 5), -EINVAL);
	expect_ret(enable_manual(vm, 0, KVM_DIRTY_LOG_INITIALLY_SET), -EINVAL);
	expect_ret(enable_manual(vm, 0, options), 0);
	expect_ret(enable_manual(vm, 0, 0), 0);
}

TEST(manual_protect_get_does_not_clear, NEED(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
{
	struct log_vm l = log_vm(MANUAL);
	uint64_t bits[WORDS] = { htole64(1ULL << 5) };

	touch(&l, 5);
	touch(&l, 70);
	DIRTY(l.vm, 5, 70);
	DIRTY(l.vm, 5, 70);
	expect_ret(clear_log(l.vm, 1, 0, NPAGES, bits), 0);
	DIRTY(l.vm, 70);
	touch(&l, 5);
	DIRTY(l.vm, 5, 70);
}

TEST(initially_set_log_is_full, NEED(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
{
	uint64_t bitmap[WORDS], full[WORDS];
	struct log_vm l;

	if (!(cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & KVM_DIRTY_LOG_INITIALLY_SET))
		skip_test("KVM_DIRTY_LOG_INITIALLY_SET");
	l = log_vm(MANUAL | KVM_DIRTY_LOG_INITIALLY_SET);
	memset(full, 0xff, sizeof(full));
	expect_ret(get_log(l.vm, 1, bitmap), 0);
	for (int i = 0; i < NPAGES; i++)
		expect(le64toh(bitmap[i / 64]) >> i % 64 & 1);
	touch(&l, 3);
	expect_ret(clear_log(l.vm, 1, 0, NPAGES, full), 0);
	DIRTY(l.vm);
	touch(&l, 3);
	touch(&l, 150);
	DIRTY(l.vm, 3, 150);
}

TEST(clear_of_a_part_leaves_the_rest, NEED(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
{
	struct log_vm l = log_vm(MANUAL);
	uint64_t ones[WORDS];

	memset(ones, 0xff, sizeof(ones));
	touch(&l, 10);
	touch(&l, 64);
	touch(&l, 127);
	touch(&l, 128);
	touch(&l, 199);
	expect_ret(clear_log(l.vm, 1, 64, 64, ones), 0);
	DIRTY(l.vm, 10, 128, 199);
	expect_ret(clear_log(l.vm, 1, 192, NPAGES - 192, ones), 0);
	DIRTY(l.vm, 10, 128);
	touch(&l, 64);
	touch(&l, 199);
	DIRTY(l.vm, 10, 64, 128, 199);
}

TEST(clear_ranges_are_checked, NEED(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
{
	struct log_vm l = log_vm(MANUAL);
	uint64_t ones[WORDS];

	memset(ones, 0xff, sizeof(ones));
	touch(&l, 1);
	expect_ret(clear_log(l.vm, 1, 1, 64, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 63, 64, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 0, 63, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 0, NPAGES + 1, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 0, NPAGES / 64 * 64 + 64, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 256, 64, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, -64ULL, 128, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 0, 0xffffffc0, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 2, 0, 64, ones), -ENOENT);
	expect_ret(clear_log(l.vm, 0, 0, 64, ones), -ENOENT);
	expect_ret(clear_log(l.vm, cap(KVM_CAP_NR_MEMSLOTS), 0, 64, ones), -EINVAL);
	expect_ret(clear_log(l.vm, 1, 0, NPAGES, guard_page()), -EFAULT);
	DIRTY(l.vm, 1);
}

TEST(readonly_slot_is_never_dirty, NEED(KVM_CAP_READONLY_MEM))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	add_slot(vm, 1, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, NPAGES * P);
	arch_start(vcpu, GUEST_STORE, TEST_GPA, 8, 1);
	run_until(vcpu, KVM_EXIT_MMIO);
	run_done(vcpu);
	guest_load(vcpu, TEST_GPA, 8);
	DIRTY(vm);
}
