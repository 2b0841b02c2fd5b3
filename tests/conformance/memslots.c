// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots: the rules of KVM_SET_USER_MEMORY_REGION and what a guest sees of them. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"

#define P slot_unit()

static int slot_count(void)
{
	return cap(KVM_CAP_NR_MEMSLOTS);
}

TEST(slot_is_created_and_deleted)
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(4 * P);

	for (int i = 0; i < 5; i++) {
		expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
		expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), 0);
	}
}

TEST(deleting_an_absent_slot_fails)
{
	struct vm *vm = vm_new_bare();

	expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), -EINVAL);
	add_slot(vm, 1, 0, TEST_GPA, P);
	expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), 0);
	expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), -EINVAL);
}

TEST(same_slot_again_changes_nothing)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	*mem = 7;
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, mem), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 7);
}

TEST(slot_overlap_fails)
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(8 * P);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA, 4 * P, mem), -EEXIST);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA + 3 * P, 4 * P, mem), -EEXIST);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA - P, 2 * P, mem), -EEXIST);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA - P, 8 * P, mem), -EEXIST);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA + P, P, mem), -EEXIST);
	/* Neighbours touch without overlap; host memory may be shared. */
	expect_ret(set_slot(vm, 2, 0, TEST_GPA + 4 * P, P, mem), 0);
	expect_ret(set_slot(vm, 3, 0, TEST_GPA - P, P, mem), 0);
}

TEST(slot_moved_onto_another_fails)
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(4 * P);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA2, 4 * P, mem), 0);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA + P, 4 * P, mem), -EEXIST);
	/* Onto itself, by a page. */
	expect_ret(set_slot(vm, 2, 0, TEST_GPA2 + P, 4 * P, mem), 0);
}

TEST(slot_geometry_is_checked)
{
	struct vm *vm = vm_new_bare();
	uint8_t *mem = alloc_pages(4 * P);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA + 1, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA + page_size() / 2, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P - 1, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P + 1, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 1, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, mem + 1), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, -(uint64_t)P, 2 * P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, -(uint64_t)P, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, -(uint64_t)P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 1ULL << 63, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, 1, 0, mem), -EINVAL);
}

TEST(slot_host_address_is_checked)
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(P);

	if (arch_kernel_address) {
		expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, (void *)-P), -EINVAL);
		expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, (void *)arch_kernel_address), -EINVAL);
		expect_ret(set_slot(vm, 1, 0, TEST_GPA, 1ULL << 30, (void *)(-1UL / 2 + 1 - P)), -EINVAL);
	}
	/* Unmapped memory is nobody's business before it is used. */
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, slot_room(P)), 0);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA2, P, mem), 0);
}

TEST(slot_number_is_limited)
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(P);

	expect_ret(set_slot(vm, slot_count() - 1, 0, TEST_GPA, P, mem), 0);
	expect_ret(set_slot(vm, slot_count(), 0, TEST_GPA2, P, mem), -EINVAL);
	expect_ret(set_slot(vm, slot_count() + 1, 0, TEST_GPA2, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 0xffff, 0, TEST_GPA2, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 0xffffffff, 0, TEST_GPA2, P, mem), -EINVAL);
}

TEST(slot_address_space_is_limited)
{
	struct vm *vm = vm_new_bare();
	int spaces = vm_cap(vm, KVM_CAP_MULTI_ADDRESS_SPACE);
	void *mem = alloc_pages(P);

	if (!spaces)
		spaces = 1;
	expect_ret(set_slot(vm, 1 | spaces << 16, 0, TEST_GPA, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1 | 0xffffU << 16, 0, TEST_GPA, P, mem), -EINVAL);
	/* Different spaces do not overlap. */
	for (int i = 0; i < spaces; i++)
		expect_ret(set_slot(vm, 1 | i << 16, 0, TEST_GPA, P, mem), 0);
}

TEST(slot_flags_are_checked)
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(P);

	for (int bit = 2; bit < 32; bit++)
		expect_ret(set_slot(vm, 1, 1U << bit, TEST_GPA, P, mem), -EINVAL);
	if (!cap(KVM_CAP_READONLY_MEM))
		expect_ret(set_slot(vm, 1, KVM_MEM_READONLY, TEST_GPA, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, P, mem), 0);
}

TEST(slot_size_and_memory_may_not_change)
{
	struct vm *vm = vm_new_bare();
	uint8_t *mem = alloc_pages(8 * P);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 5 * P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 3 * P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem + P), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA2, 4 * P, mem + P), -EINVAL);
	expect_ret(set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, 4 * P, mem), 0);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
}

TEST(slot_readonly_flag_may_not_change, NEED(KVM_CAP_READONLY_MEM))
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(P);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, P, mem), 0);
	expect_ret(set_slot(vm, 1, KVM_MEM_READONLY, TEST_GPA, P, mem), -EINVAL);
	expect_ret(set_slot(vm, 2, KVM_MEM_READONLY, TEST_GPA2, P, mem), 0);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA2, P, mem), -EINVAL);
}

TEST(readonly_and_logged_slot_is_allowed, NEED(KVM_CAP_READONLY_MEM))
{
	struct vm *vm = vm_new_bare();
	void *mem = alloc_pages(P);

	expect_ret(set_slot(vm, 1, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, P, mem), 0);
}

TEST(slot_at_the_top_of_guest_physical_memory)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t limit = arch_gpa_limit();
	uint64_t *mem = alloc_pages(2 * P);

	mem[0] = 0x55;
	expect_ret(set_slot(vm, 1, 0, limit - P, P, mem), 0);
	expect_eq(guest_load(vcpu, arch_window(vm, limit - P), 8), 0x55);
	guest_store(vcpu, arch_window(vm, limit - 8), 8, 0x66);
	expect_eq(mem[P / 8 - 1], 0x66);
	expect_ret(set_slot(vm, 2, 0, limit, P, mem), arch_slot_too_high);
	expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), 0);
	expect_ret(set_slot(vm, 1, 0, limit - P, 2 * P, mem), arch_slot_too_high);
}

static int region2(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = (uintptr_t)hva,
	};

	return kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

TEST(region2_is_region_with_more_room, NEED(KVM_CAP_USER_MEMORY2))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = alloc_pages(P);

	*mem = 99;
	expect_ret(region2(vm, 1, 0, TEST_GPA, P, mem), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 99);
	expect_ret(region2(vm, 2, 0, TEST_GPA, P, mem), -EEXIST);
	expect_ret(region2(vm, 2, 0, TEST_GPA2 + 1, P, mem), -EINVAL);
	expect_ret(region2(vm, 2, 1U << 31, TEST_GPA2, P, mem), -EINVAL);
	expect_ret(region2(vm, 1, 0, 0, 0, NULL), 0);
	expect_ret(region2(vm, 1, 0, 0, 0, NULL), -EINVAL);
}

TEST(region2_is_unknown_without_its_capability)
{
	struct vm *vm = vm_new_bare();

	if (cap(KVM_CAP_USER_MEMORY2)) {
		expect(cap(KVM_CAP_USER_MEMORY2) == 1);
		return;
	}
	expect_ret(region2(vm, 1, 0, TEST_GPA, P, alloc_pages(P)), arch_unknown_vm_ioctl);
}

TEST(failed_change_leaves_the_slot_as_it_was)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	*mem = 3;
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 3);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 2 * P, mem), -EINVAL);
	expect_ret(set_slot(vm, 1, 0, arch_code_gpa, P, mem), -EEXIST);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 3);
}

TEST(deleted_slot_exits_as_mmio)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t value = 0x77;

	need_mmio();
	add_slot(vm, 1, 0, TEST_GPA, P);
	guest_store(vcpu, TEST_GPA, 8, 5);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 5);
	expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), 0);
	arch_start(vcpu, GUEST_LOAD, TEST_GPA, 8, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, TEST_GPA, 8, 0);
	memcpy(vcpu->run->mmio.data, &value, 8);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), value);
}

TEST(slot_made_where_mmio_was_is_memory)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint32_t *mem;

	for (int i = 0; i < 3; i++) {
		arch_start(vcpu, GUEST_STORE, TEST_GPA, 4, 1);
		run_nothing(vcpu, true, TEST_GPA, 4);
		if (arch_has_mmio)
			run_done(vcpu);
		mem = add_slot(vm, 1, 0, TEST_GPA, P);
		guest_store(vcpu, TEST_GPA, 4, 40 + i);
		expect_eq(*mem, 40 + i);
		expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), 0);
	}
}

TEST(moved_slot_is_found_at_its_new_place_only)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, 4 * P);

	guest_store(vcpu, TEST_GPA + P, 8, 11);
	expect_ret(set_slot(vm, 1, 0, TEST_GPA2, 4 * P, mem), 0);
	expect_eq(guest_load(vcpu, TEST_GPA2 + P, 8), 11);
	arch_start(vcpu, GUEST_LOAD, TEST_GPA + P, 8, 0);
	run_nothing(vcpu, false, TEST_GPA + P, 8);
}

TEST(slots_may_share_host_memory)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	expect_ret(set_slot(vm, 2, 0, TEST_GPA2, P, mem), 0);
	guest_store(vcpu, TEST_GPA, 8, 21);
	expect_eq(guest_load(vcpu, TEST_GPA2, 8), 21);
	guest_store(vcpu, TEST_GPA2, 8, 22);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 22);
	expect_eq(*mem, 22);
}

TEST(every_page_of_a_slot_is_its_own)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, 200 * P);

	guest_call(vcpu, GUEST_FILL, TEST_GPA, 200, P);
	for (size_t i = 0; i < 200; i++)
		expect_eq(mem[i * P], (uint8_t)(i + 1));
}

TEST(thousand_slots_are_all_found)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	const unsigned int n = 1000;
	uint8_t *mem = alloc_pages(n * P);
	uint64_t sum = 0;

	if (slot_count() <= (int)n)
		skip_test("1000 memory slots");
	/* In an order that is neither the guest's nor the host's. */
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = k * 389 % n;

		*(uint64_t *)(mem + i * P) = i * 3 + 1;
		sum += i * 3 + 1;
		expect_ret(set_slot(vm, 1 + k, 0, TEST_GPA + 2 * i * P, P, mem + i * P), 0);
	}
	expect_eq(guest_call(vcpu, GUEST_SUM, TEST_GPA, n, 2 * P), sum);
	/* The gaps are none of them. */
	arch_start(vcpu, GUEST_LOAD, TEST_GPA + 777 * P, 8, 0);
	run_nothing(vcpu, false, TEST_GPA + 777 * P, 8);
	expect_ret(set_slot(vm, n + 1, 0, TEST_GPA + 500 * P, P, mem), -EEXIST);
	for (unsigned int k = 0; k < n; k += 2)
		expect_ret(set_slot(vm, 1 + k, 0, 0, 0, NULL), 0);
}

TEST(two_vms_have_memory_of_their_own)
{
	struct vm *a = vm_new(), *b = vm_new();
	struct vcpu *va = vcpu_new(a, 0), *vb = vcpu_new(b, 0);

	add_slot(a, 1, 0, TEST_GPA, P);
	add_slot(b, 1, 0, TEST_GPA, P);
	guest_store(va, TEST_GPA, 8, 1);
	guest_store(vb, TEST_GPA, 8, 2);
	expect_eq(guest_load(va, TEST_GPA, 8), 1);
	expect_eq(guest_load(vb, TEST_GPA, 8), 2);
}
