// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory is ordinary host memory: what happens to a mapping happens to what the guest sees. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "arch/arch.h"

#define P slot_unit()

static void expect_fault(struct vcpu *vcpu, enum guest_routine routine, uint64_t gpa)
{
	arch_start(vcpu, routine, gpa, 8, 1);
	run_fault(vcpu);
}

/* The same access once more, now that it may be: by itself, unless it has ended in an exception. */
static void goes_on(struct vcpu *vcpu, enum guest_routine routine, uint64_t gpa)
{
	if (!arch_has_mmio)
		arch_start(vcpu, routine, gpa, 8, 1);
	run_done(vcpu);
}

TEST(unmapped_slot_memory_is_efault)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	void *mem = add_slot(vm, 1, 0, TEST_GPA, 2 * P);

	guest_store(vcpu, TEST_GPA, 8, 1);
	munmap(mem, 2 * P);
	expect_fault(vcpu, GUEST_LOAD, TEST_GPA);
	expect_fault(vcpu, GUEST_STORE, TEST_GPA);
	expect_fault(vcpu, GUEST_LOAD, TEST_GPA + P);
}

TEST(access_goes_on_when_memory_is_mapped_again)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	munmap(mem, P);
	expect_fault(vcpu, GUEST_LOAD, TEST_GPA);
	expect(mmap(mem, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem);
	*mem = 8;
	goes_on(vcpu, GUEST_LOAD, TEST_GPA);
	expect_eq(arch_result(vcpu), 8);
}

TEST(replaced_mapping_is_seen)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P), *other = alloc_pages(P);

	*mem = 1;
	*other = 2;
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 1);
	expect(mremap(other, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == mem);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 2);
	guest_store(vcpu, TEST_GPA, 8, 3);
	expect_eq(*mem, 3);
}

TEST(discarded_memory_reads_zero)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, 4 * P);

	for (int i = 0; i < 3; i++) {
		guest_store(vcpu, TEST_GPA + P, 8, 5);
		expect_eq(mem[P / 8], 5);
		expect_eq(madvise(mem, 4 * P, MADV_DONTNEED), 0);
		expect_eq(guest_load(vcpu, TEST_GPA + P, 8), 0);
	}
}

TEST(write_after_read_of_untouched_memory_is_seen)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	/* The read maps the zero page. */
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 0);
	*mem = 6;
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 6);
	guest_store(vcpu, TEST_GPA, 8, 7);
	expect_eq(*mem, 7);
}

TEST(readonly_mapping_refuses_stores)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	guest_store(vcpu, TEST_GPA, 8, 9);
	expect_eq(mprotect(mem, P, PROT_READ), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 9);
	expect_fault(vcpu, GUEST_STORE, TEST_GPA);
	expect_eq(*mem, 9);
	expect_eq(mprotect(mem, P, PROT_READ | PROT_WRITE), 0);
	goes_on(vcpu, GUEST_STORE, TEST_GPA);
	expect_eq(*mem, 1);
}

TEST(inaccessible_mapping_is_efault)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	guest_store(vcpu, TEST_GPA, 8, 9);
	expect_eq(mprotect(mem, P, PROT_NONE), 0);
	expect_fault(vcpu, GUEST_LOAD, TEST_GPA);
}

static int shared_file(size_t size)
{
	int fd = memfd_create("guest", 0);

	expect(fd >= 0);
	expect_eq(ftruncate(fd, size), 0);
	return fd;
}

TEST(truncated_file_is_efault)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = shared_file(2 * P);
	uint64_t *mem = mmap(slot_room(2 * P), 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);

	expect(mem != MAP_FAILED);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 2 * P, mem), 0);
	guest_store(vcpu, TEST_GPA, 8, 1);
	guest_store(vcpu, TEST_GPA + P, 8, 2);
	expect_eq(ftruncate(fd, P), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 1);
	expect_fault(vcpu, GUEST_LOAD, TEST_GPA + P);
	expect_eq(ftruncate(fd, 2 * P), 0);
	goes_on(vcpu, GUEST_LOAD, TEST_GPA + P);
	expect_eq(arch_result(vcpu), 0);
}

TEST(shared_file_is_written_through)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = shared_file(P);
	uint64_t *mem = mmap(slot_room(P), P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), value = 0;

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, mem), 0);
	guest_store(vcpu, TEST_GPA + 16, 8, 0xabcdef);
	expect_eq(pread(fd, &value, 8, 16), 8);
	expect_eq(value, 0xabcdef);
	value = 0x123;
	expect_eq(pwrite(fd, &value, 8, 24), 8);
	expect_eq(guest_load(vcpu, TEST_GPA + 24, 8), 0x123);
}

TEST(private_file_is_copied_on_write)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t value = 1, *mem;
	int fd = shared_file(P);

	expect_eq(pwrite(fd, &value, 8, 0), 8);
	mem = mmap(slot_room(P), P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, mem), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 1);
	guest_store(vcpu, TEST_GPA, 8, 2);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 2);
	expect_eq(*mem, 2);
	expect_eq(pread(fd, &value, 8, 0), 8);
	expect_eq(value, 1);
}

TEST(fork_separates_guest_and_child)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, 2 * P);
	int to_child[2], to_parent[2], status;
	char c = 0;
	pid_t pid;

	guest_store(vcpu, TEST_GPA, 8, 1);
	guest_store(vcpu, TEST_GPA + P, 8, 1);
	expect_eq(pipe(to_child) | pipe(to_parent), 0);
	pid = fork();
	if (!pid) {
		bool ok;

		if (read(to_child[0], &c, 1) != 1)
			_exit(2);
		ok = mem[0] == 1 && mem[P / 8] == 1;
		mem[0] = 50;
		mem[P / 8] = 51;
		if (write(to_parent[1], &c, 1) != 1)
			_exit(2);
		_exit(!ok);
	}
	guest_store(vcpu, TEST_GPA, 8, 2);
	mem[P / 8] = 3;
	expect_eq(write(to_child[1], &c, 1), 1);
	expect_eq(read(to_parent[0], &c, 1), 1);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 2);
	expect_eq(guest_load(vcpu, TEST_GPA + P, 8), 3);
	expect_eq(mem[0], 2);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
}

TEST(huge_pages_and_small_ones_hold_the_same)
{
	const size_t size = 8 << 20;
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t *raw = mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *mem;

	mem = (uint8_t *)(((uintptr_t)raw + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	madvise(mem, size, MADV_HUGEPAGE);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, size, mem), 0);
	guest_call(vcpu, GUEST_FILL, TEST_GPA, 64, size / 64);
	for (size_t i = 0; i < 64; i++)
		expect_eq(mem[i * (size / 64)], i + 1);
	/* A hole in the middle of a huge page. */
	expect_eq(madvise(mem + (1 << 20), page_size(), MADV_DONTNEED), 0);
	expect_eq(guest_load(vcpu, TEST_GPA + (1 << 20), 1), 0);
	expect_eq(guest_load(vcpu, TEST_GPA + (1 << 20) + size / 64, 1), 10);
	expect_eq(mprotect(mem + (3 << 20), page_size(), PROT_READ), 0);
	expect_fault(vcpu, GUEST_STORE, TEST_GPA + (3 << 20));
	guest_store(vcpu, TEST_GPA + (3 << 20) + page_size(), 1, 77);
	expect_eq(mem[(3 << 20) + page_size()], 77);
}

TEST(slot_of_a_huge_page_off_by_one_page)
{
	const size_t size = 6 << 20;
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t *raw = mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *mem;

	mem = (uint8_t *)(((uintptr_t)raw + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	madvise(mem, size, MADV_HUGEPAGE);
	memset(mem, 0, size);
	/* Host and guest addresses differ modulo 2 MB: no huge mapping is possible. */
	expect_ret(set_slot(vm, 1, 0, TEST_GPA + P, size, mem), 0);
	guest_call(vcpu, GUEST_FILL, TEST_GPA + P, 96, size / 96);
	for (size_t i = 0; i < 96; i++)
		expect_eq(mem[i * (size / 96)], i + 1);
}
