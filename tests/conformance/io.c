// SPDX-License-Identifier: GPL-2.0-only
/* Loads and stores where no slot is: KVM_EXIT_MMIO. */
#include "harness.h"
#include "arch/arch.h"

#define P page_size()
#define PATTERN 0x8877665544332211ULL

static uint64_t low(uint64_t v, unsigned int len)
{
	return len == 8 ? v : v & ((1ULL << 8 * len) - 1);
}

static void answer(struct vcpu *vcpu, uint64_t value)
{
	memcpy(vcpu->run->mmio.data, &value, 8);
}

TEST(mmio_store_of_each_size)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_mmio();
	for (unsigned int len = 1; len <= 8; len *= 2) {
		arch_start(vcpu, GUEST_STORE, MMIO_GPA + 8 * len, len, PATTERN);
		run_until(vcpu, KVM_EXIT_MMIO);
		expect_mmio(vcpu, true, MMIO_GPA + 8 * len, len, PATTERN);
		run_done(vcpu);
	}
}

TEST(mmio_load_of_each_size)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_mmio();
	for (unsigned int len = 1; len <= 8; len *= 2) {
		arch_start(vcpu, GUEST_LOAD, MMIO_GPA + 8 * len, len, 0);
		run_until(vcpu, KVM_EXIT_MMIO);
		expect_mmio(vcpu, false, MMIO_GPA + 8 * len, len, 0);
		answer(vcpu, PATTERN);
		run_done(vcpu);
		expect_eq(arch_result(vcpu), low(PATTERN, len));
	}
}

TEST(mmio_unaligned_within_a_page)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_mmio();
	arch_start(vcpu, GUEST_STORE, MMIO_GPA + 3, 4, PATTERN);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, MMIO_GPA + 3, 4, PATTERN);
	run_done(vcpu);
}

TEST(mmio_beyond_4g)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t gpa = arch_gpa_limit() - 16;

	need_mmio();
	arch_start(vcpu, GUEST_STORE, arch_window(vm, gpa), 4, PATTERN);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, gpa, 4, PATTERN);
	run_done(vcpu);
}

TEST(many_mmio_exits_lose_nothing)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	const unsigned int n = 200;
	uint64_t sum = 0;

	need_mmio();
	arch_start(vcpu, GUEST_SUM, MMIO_GPA, n, 4096);
	for (unsigned int i = 0; i < n; i++) {
		run_until(vcpu, KVM_EXIT_MMIO);
		expect_mmio(vcpu, false, MMIO_GPA + i * 4096, 8, 0);
		answer(vcpu, i * PATTERN);
		sum += i * PATTERN;
	}
	run_done(vcpu);
	expect_eq(arch_result(vcpu), sum);
}

TEST(readonly_slot_write_exits_as_mmio, NEED(KVM_CAP_READONLY_MEM))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t *mem = add_slot(vm, 1, KVM_MEM_READONLY, TEST_GPA, P);

	*mem = 0x1234;
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 0x1234);
	arch_start(vcpu, GUEST_STORE, TEST_GPA, 4, PATTERN);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, TEST_GPA, 4, PATTERN);
	run_done(vcpu);
	expect_eq(*mem, 0x1234);
	/* User space may write; the guest sees it. */
	*mem = 0x4321;
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 0x4321);
}

TEST(readonly_slot_of_readonly_mapping_is_readable, NEED(KVM_CAP_READONLY_MEM))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	static const uint64_t text __attribute__((aligned(4096), section(".rodata.page"))) = 0x600d;
	void *page = (void *)((uintptr_t)&text & ~(P - 1));

	expect_ret(set_slot(vm, 1, KVM_MEM_READONLY, TEST_GPA, P, page), 0);
	expect_eq(guest_load(vcpu, TEST_GPA + ((uintptr_t)&text & (P - 1)), 8), 0x600d);
}
