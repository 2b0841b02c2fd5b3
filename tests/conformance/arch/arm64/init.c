// SPDX-License-Identifier: GPL-2.0-only
/* arm64: KVM_ARM_PREFERRED_TARGET, KVM_ARM_VCPU_INIT and its features, KVM_ARM_VCPU_FINALIZE. */
#include "arch_arm64.h"

/* Features and what they depend on, as api.rst has it. */
static const struct {
	unsigned int bits;
	int need;
} features[] = {
	{ 1 << KVM_ARM_VCPU_POWER_OFF, KVM_CAP_ARM_PSCI },
	{ 1 << KVM_ARM_VCPU_EL1_32BIT, KVM_CAP_ARM_EL1_32BIT },
	{ 1 << KVM_ARM_VCPU_PSCI_0_2, KVM_CAP_ARM_PSCI_0_2 },
	{ 1 << KVM_ARM_VCPU_PMU_V3, KVM_CAP_ARM_PMU_V3 },
	{ 1 << KVM_ARM_VCPU_SVE, KVM_CAP_ARM_SVE },
	{ 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC, KVM_CAP_ARM_PTRAUTH_ADDRESS },
};

static struct kvm_vcpu_init target_with(struct vm *vm, unsigned int bits)
{
	struct kvm_vcpu_init init = arm_target(vm);

	init.features[0] = bits;
	return init;
}

TEST(vcpu_is_nothing_before_its_init)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct kvm_reg_list list = { .n = 0 };
	struct kvm_vcpu_events events = { 0 };
	uint64_t value = 0;
	int sve = KVM_ARM_VCPU_SVE;

	expect_ret(vcpu_run(vcpu), -ENOEXEC);
	expect_ret(get_one_reg(vcpu, XREG(0), &value), -ENOEXEC);
	expect_ret(set_one_reg(vcpu, XREG(0), &value), -ENOEXEC);
	expect_ret(get_one_reg(vcpu, MPIDR_EL1, &value), -ENOEXEC);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, &list), -ENOEXEC);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events), -ENOEXEC);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), -ENOEXEC);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &sve), -ENOEXEC);
	vcpu->run->immediate_exit = 1;
	expect_ret(vcpu_run(vcpu), -ENOEXEC);
}

TEST(init_of_an_unknown_target_fails)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm), good = init;

	init.target = 0xffffffff;
	expect_ret(arm_init(vcpu, &init), -EINVAL);
	init.target = KVM_ARM_NUM_TARGETS;
	expect_ret(arm_init(vcpu, &init), -EINVAL);
	expect_ret(vcpu_run(vcpu), -ENOEXEC);
	expect_ret(arm_init(vcpu, &good), 0);
}

TEST(init_with_unknown_features_fails)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);

	for (unsigned int i = 8; i < 32 * 7; i++) {
		struct kvm_vcpu_init init = arm_target(vcpu->vm);

		init.features[i / 32] |= 1U << i % 32;
		expect_ret(arm_init(vcpu, &init), -ENOENT);
	}
	expect_ret(vcpu_run(vcpu), -ENOEXEC);
}

TEST(features_follow_their_capabilities)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
		struct kvm_vcpu_init init = target_with(vcpu->vm, features[i].bits);

		trace("features %#x: capability %d", features[i].bits, cap(features[i].need));
		if (cap(features[i].need) > 0)
			expect_ret(arm_init(vcpu, &init), 0);
		else
			expect_ret(arm_init(vcpu, &init), -EINVAL);
	}
}

TEST(one_half_of_pointer_authentication_is_refused)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct kvm_vcpu_init init = target_with(vcpu->vm, 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS);

	expect_ret(arm_init(vcpu, &init), -EINVAL);
	init = target_with(vcpu->vm, 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC);
	expect_ret(arm_init(vcpu, &init), -EINVAL);
}

TEST(second_init_must_be_like_the_first)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm), other = init;

	expect_ret(arm_init(vcpu, &init), 0);
	expect_ret(arm_init(vcpu, &init), 0);
	other.features[0] &= ~(1 << KVM_ARM_VCPU_PSCI_0_2);
	expect_ret(arm_init(vcpu, &other), -EINVAL);
	other = init;
	other.target ^= 1;
	expect_ret(arm_init(vcpu, &other), -EINVAL);
	expect_ret(arm_init(vcpu, &init), 0);
}

/* Since Linux 6.4 all of a VM have the same features. */
TEST(vcpus_of_a_vm_have_features_in_common)
{
	struct vm *vm = vm_new();
	struct vcpu *first = vcpu_new_bare(vm, 0), *second = vcpu_new_bare(vm, 1);
	struct kvm_vcpu_init init = arm_target(vm), other = init;
	int r;

	other.features[0] &= ~(1 << KVM_ARM_VCPU_PSCI_0_2);
	expect_ret(arm_init(first, &init), 0);
	r = arm_init(second, &other);
	expect(r == 0 || r == -EINVAL);
	/* One that was refused is as it was; whether it is on is no such feature. */
	if (r)
		expect_ret(vcpu_run(second), -ENOEXEC);
	init.features[0] |= 1 << KVM_ARM_VCPU_POWER_OFF;
	second = vcpu_new_bare(vm, 2);
	expect_ret(arm_init(second, &init), 0);
	arm_setup(first);
	arch_start(first, GUEST_NOP, 0, 0, 0);
	run_done(first);
}

static void expect_reset(struct vcpu *vcpu)
{
	for (unsigned int n = 0; n < 31; n++)
		expect_eq(get_reg(vcpu, XREG(n)), 0);
	expect_eq(get_reg(vcpu, CORE(regs.sp)), 0);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), 0);
	expect_eq(get_reg(vcpu, CORE(regs.pstate)), PSTATE_EL1H | PSTATE_DAIF);
	/* MMU and caches off. */
	expect_eq(get_reg(vcpu, SCTLR_EL1) & (1 << 0 | 1 << 2 | 1 << 12), 0);
}

TEST(init_resets_the_vcpu)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm);

	expect_ret(arm_init(vcpu, &init), 0);
	expect_reset(vcpu);
	arm_setup(vcpu);
	for (unsigned int n = 0; n < 31; n++)
		set_reg(vcpu, XREG(n), 1000 + n);
	arch_start(vcpu, GUEST_NOP, 1, 2, 3);
	run_done(vcpu);
	arm_complete(vcpu);
	expect_ret(arm_init(vcpu, &init), 0);
	expect_reset(vcpu);
	arm_setup(vcpu);
	arch_start(vcpu, GUEST_NOP, 1, 2, 3);
	run_done(vcpu);
}

TEST(powered_off_vcpu_does_not_run)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm);
	struct kvm_mp_state state;
	struct runner r;

	init.features[0] |= 1 << KVM_ARM_VCPU_POWER_OFF;
	expect_ret(arm_init(vcpu, &init), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state), 0);
	expect_eq(state.mp_state, KVM_MP_STATE_STOPPED);
	arm_setup(vcpu);
	arch_start(vcpu, GUEST_NOP, 77, 0, 0);
	runner_start(&r, vcpu);
	expect_ret(runner_stop(&r), -EINTR);
	expect_eq(get_reg(vcpu, XREG(0)), 77);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), 0);
	run_done(vcpu);
}

TEST(finalize_of_what_needs_none_fails)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	int what;

	for (what = 0; what < 8; what++)
		expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &what), -EINVAL);
	what = -1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &what), -EINVAL);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, guard_page()), -EFAULT);
}

TEST(sve_is_finalized_before_it_runs, NEED(KVM_CAP_ARM_SVE))
{
	uint64_t zreg = KVM_REG_ARM64_SVE_ZREG(3, 0), vls[KVM_ARM64_SVE_VLS_WORDS];
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm);
	struct kvm_reg_list list = { .n = 0 };
	uint8_t z[256] = { 1, 2, 3 }, seen[256];
	int what = KVM_ARM_VCPU_SVE;

	init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
	expect_ret(arm_init(vcpu, &init), 0);
	expect_ret(vcpu_run(vcpu), -EPERM);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, &list), -EPERM);
	expect_ret(get_one_reg(vcpu, zreg, z), -EPERM);
	expect_ret(set_one_reg(vcpu, zreg, z), -EPERM);
	expect_ret(get_one_reg(vcpu, KVM_REG_ARM64_SVE_VLS, vls), 0);
	expect(vls[0] & 1);
	/* The set may become smaller, but not empty. */
	memset(vls, 0, sizeof(vls));
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_VLS, vls), -EINVAL);
	vls[0] = 1;
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_VLS, vls), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &what), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &what), -EPERM);
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_VLS, vls), -EPERM);
	expect_ret(set_one_reg(vcpu, zreg, z), 0);
	expect_ret(get_one_reg(vcpu, zreg, seen), 0);
	/* 128 bits are there, what is beyond reads as zero. */
	memset(z + 16, 0, sizeof(z) - 16);
	expect_mem(seen, z, sizeof(z));
	arm_setup(vcpu);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	expect(has_reg(reg_list(vcpu), zreg));
}
