// SPDX-License-Identifier: GPL-2.0-only
/* arm64: guests with pointer authentication, whose keys are their own. */
#include "arch_arm64.h"

#define NR_KEYS		5
#define SCTLR_KEYS	(1ULL << 31 | 1ULL << 30 | 1ULL << 27 | 1ULL << 13)
#define POINTER		0x12345000

/* PACIA, PACIB, PACDA, PACDB x0, x1; PACGA x0, x0, x1: Arm ARM C6.2. */
#define SIGN(name, instruction) GUEST(name, "	.inst " instruction "\n" DONE)
SIGN(guest_pacia, "0xdac10020");
SIGN(guest_pacib, "0xdac10420");
SIGN(guest_pacda, "0xdac10820");
SIGN(guest_pacdb, "0xdac10c20");
SIGN(guest_pacga, "0x9ac13000");

static const unsigned char *const signs[NR_KEYS] = { guest_pacia, guest_pacib, guest_pacda, guest_pacdb, guest_pacga };

/* APIA 2_1_0, APIB 2_1_2, APDA 2_2_0, APDB 2_2_2, APGA 2_3_0: CRn, CRm, op2 of the low half. */
static uint64_t key_id(unsigned int key, unsigned int high)
{
	return SYS(3, 0, 2, 1 + key / 2, key % 2 * 2 + high);
}

static struct vcpu *vcpu_with_keys(struct vm *vm, unsigned int id, uint64_t seed)
{
	struct vcpu *vcpu = vcpu_new_bare(vm, id);
	struct kvm_vcpu_init init = arm_target(vm);

	init.features[0] |= 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	expect_ret(arm_init(vcpu, &init), 0);
	arm_setup(vcpu);
	set_reg(vcpu, SCTLR_EL1, get_reg(vcpu, SCTLR_EL1) | SCTLR_KEYS);
	for (unsigned int key = 0; key < NR_KEYS; key++) {
		set_reg(vcpu, key_id(key, 0), seed * (2 * key + 1));
		set_reg(vcpu, key_id(key, 1), ~seed * (2 * key + 3));
	}
	return vcpu;
}

static uint64_t sign(struct vcpu *vcpu, unsigned int key)
{
	return arm_call(vcpu, signs[key], POINTER, 0x77, 0);
}

TEST(ptrauth_keys_are_the_vcpus_own, NEED(KVM_CAP_ARM_PTRAUTH_ADDRESS), NEED(KVM_CAP_ARM_PTRAUTH_GENERIC))
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_with_keys(vm, 0, 0x9e3779b97f4a7c15), *b = vcpu_with_keys(vm, 1, 0xd1342543de82ef95);
	struct vcpu *like_a = vcpu_with_keys(vm_new(), 0, 0x9e3779b97f4a7c15);
	uint64_t first[NR_KEYS];

	for (unsigned int key = 0; key < NR_KEYS; key++) {
		first[key] = sign(a, key);
		expect(first[key] != POINTER);
		for (unsigned int other = 0; other < key; other++)
			expect(first[key] != first[other]);
		expect(sign(b, key) != first[key]);
		expect_eq(sign(like_a, key), first[key]);
	}
	/* After others have run. */
	for (unsigned int key = 0; key < NR_KEYS; key++) {
		expect_eq(sign(a, key), first[key]);
		expect_eq(get_reg(a, key_id(key, 0)), 0x9e3779b97f4a7c15 * (2 * key + 1));
	}
}

/* PACDA x0, x1 here, as the thread's own keys have it. */
static uint64_t sign_here(void)
{
	register uint64_t pointer asm("x0") = POINTER;
	register uint64_t modifier asm("x1") = 0x77;

	asm volatile(".inst 0xdac10820" : "+r"(pointer) : "r"(modifier));
	return pointer;
}

TEST(ptrauth_of_the_guest_leaves_the_thread_its_keys, NEED(KVM_CAP_ARM_PTRAUTH_ADDRESS))
{
	uint64_t before = sign_here();
	struct vcpu *vcpu = vcpu_with_keys(vm_new(), 0, 0x9e3779b97f4a7c15);

	expect(sign(vcpu, 2) != before);
	expect_eq(sign_here(), before);
}

/* The instructions that have another meaning elsewhere stay hints; the keys are not there. */
TEST(ptrauth_is_undefined_without_the_feature, NEED(KVM_CAP_ARM_PTRAUTH_ADDRESS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value;

	set_reg(vcpu, SCTLR_EL1, get_reg(vcpu, SCTLR_EL1) | SCTLR_KEYS);
	for (unsigned int key = 0; key < NR_KEYS; key++) {
		arm_start(vcpu, signs[key], POINTER, 0x77, 0);
		run_sync(vcpu, EC_UNKNOWN);
		expect_ret(get_one_reg(vcpu, key_id(key, 0), &value), -ENOENT);
	}
}
