// SPDX-License-Identifier: GPL-2.0-only
/* arm64: PSCI and SMCCC, by HVC. Arm DEN0022 (PSCI), DEN0028 (SMCCC). */
#include <linux/psci.h>

#include "vgic.h"

#define PSCI_RESET2_64	0xc4000012
#define SMCCC_VERSION	0x80000000
#define SMCCC_FEATURES	0x80000001
#define NOT_SUPPORTED	-1
#define INVALID_PARAMETERS -2
#define ALREADY_ON	-4

/* x0 to x3 are the call. */
GUEST(guest_hvc, "	hvc	#0\n" DONE);
GUEST(guest_smc, "	smc	#0\n" DONE);

static int64_t hvc(struct vcpu *vcpu, uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	arm_start(vcpu, guest_hvc, function, a, b);
	set_reg(vcpu, XREG(3), c);
	run_done(vcpu);
	return arch_result(vcpu);
}

static struct vcpu *vcpu_off(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = vcpu_new_bare(vm, id);
	struct kvm_vcpu_init init = arm_target(vm);

	init.features[0] |= 1 << KVM_ARM_VCPU_POWER_OFF;
	expect_ret(arm_init(vcpu, &init), 0);
	return vcpu;
}

static uint32_t mp_state(struct vcpu *vcpu)
{
	struct kvm_mp_state state;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state), 0);
	return state.mp_state;
}

TEST(psci_version_is_what_user_space_sees)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t version = get_reg(vcpu, KVM_REG_ARM_PSCI_VERSION);

	expect(version >= 0x10001);
	expect_eq(hvc(vcpu, PSCI_0_2_FN_PSCI_VERSION, 0, 0, 0), version);
	version = 0x10000;
	set_reg(vcpu, KVM_REG_ARM_PSCI_VERSION, version);
	expect_eq(hvc(vcpu, PSCI_0_2_FN_PSCI_VERSION, 0, 0, 0), version);
	version = 0x20000;
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM_PSCI_VERSION, &version), -EINVAL);
}

TEST(psci_features_are_those_that_work)
{
	static const uint32_t known[] = { PSCI_0_2_FN_PSCI_VERSION, PSCI_0_2_FN_CPU_SUSPEND, PSCI_0_2_FN64_CPU_SUSPEND,
					  PSCI_0_2_FN_CPU_OFF, PSCI_0_2_FN_CPU_ON, PSCI_0_2_FN64_CPU_ON,
					  PSCI_0_2_FN_AFFINITY_INFO, PSCI_0_2_FN64_AFFINITY_INFO,
					  PSCI_0_2_FN_SYSTEM_OFF, PSCI_0_2_FN_SYSTEM_RESET,
					  PSCI_1_0_FN_PSCI_FEATURES, SMCCC_VERSION };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, known[i], 0, 0), 0);
	/* MIGRATE, CPU_FREEZE, and a number that nobody has. */
	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, PSCI_0_2_FN_MIGRATE, 0, 0), NOT_SUPPORTED);
	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, 0x8400000b, 0, 0), NOT_SUPPORTED);
	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, 0x8400001f, 0, 0), NOT_SUPPORTED);
}

TEST(unknown_calls_are_not_supported)
{
	static const uint32_t unknown[] = { 0, 1, 0x8400001f, 0x8400ffff, 0x8600fff0, 0xbf00ff00, 0xffffffff };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		expect_ret(hvc(vcpu, unknown[i], 1, 2, 3), NOT_SUPPORTED);
}

/* Linux before 6.4 has no conduit but HVC. */
TEST(smc_is_answered_and_left_behind)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t r = arm_call(vcpu, guest_smc, PSCI_0_2_FN_PSCI_VERSION, 0, 0);

	expect(r == (uint64_t)NOT_SUPPORTED || r == get_reg(vcpu, KVM_REG_ARM_PSCI_VERSION));
}

TEST(smccc_is_1_1_at_least)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect(hvc(vcpu, SMCCC_VERSION, 0, 0, 0) >= 0x10001);
	expect_ret(hvc(vcpu, SMCCC_FEATURES, 0x80007ffe, 0, 0), NOT_SUPPORTED);
}

TEST(cpu_on_starts_a_vcpu)
{
	struct vm *vm = vm_new();
	struct vcpu *boot = vcpu_new(vm, 0), *other = vcpu_off(vm, 1);
	extern const unsigned char guest_entry[];

	expect_ret(hvc(boot, PSCI_0_2_FN64_AFFINITY_INFO, 1, 0, 0), PSCI_0_2_AFFINITY_LEVEL_OFF);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 1, arm_gpa(guest_entry), 0xc0ffee), 0);
	expect_ret(hvc(boot, PSCI_0_2_FN64_AFFINITY_INFO, 1, 0, 0), PSCI_0_2_AFFINITY_LEVEL_ON);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 1, arm_gpa(guest_entry), 0), ALREADY_ON);
	expect_eq(mp_state(other), KVM_MP_STATE_RUNNABLE);
	run_done(other);
	/* The context, at EL1 with its own stack pointer, everything masked, no MMU. */
	expect_eq(arch_result(other), 0xc0ffee);
	expect_eq(get_reg(other, XREG(1)), 1 << 2);
	expect_eq(get_reg(other, XREG(2)), PSTATE_DAIF);
	expect_eq(get_reg(other, XREG(3)) & 5, 0);
	expect_eq(get_reg(other, XREG(4)), 1);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 0, arm_gpa(guest_entry), 0), ALREADY_ON);
}

GUEST(guest_entry,
	"	mrs	x1, currentel\n	mrs	x2, daif\n	mrs	x3, sctlr_el1\n	mrs	x4, spsel\n"
	DONE);

TEST(cpu_on_of_nobody_fails)
{
	struct vm *vm = vm_new();
	struct vcpu *boot = vcpu_new(vm, 0);

	vcpu_off(vm, 1);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 2, 0, 0), INVALID_PARAMETERS);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 0x100, 0, 0), INVALID_PARAMETERS);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 0xff00000000, 0, 0), INVALID_PARAMETERS);
	expect_ret(hvc(boot, PSCI_0_2_FN64_AFFINITY_INFO, 2, 0, 0), INVALID_PARAMETERS);
	expect_ret(hvc(boot, PSCI_0_2_FN64_AFFINITY_INFO, 0, 4, 0), INVALID_PARAMETERS);
	/* The affinity above both of them: one is on. */
	expect_ret(hvc(boot, PSCI_0_2_FN64_AFFINITY_INFO, 0, 1, 0), PSCI_0_2_AFFINITY_LEVEL_ON);
}

TEST(call_of_32_bits_has_no_high_halves)
{
	struct vm *vm = vm_new();
	struct vcpu *boot = vcpu_new(vm, 0), *other = vcpu_off(vm, 1);

	expect_ret(hvc(boot, PSCI_0_2_FN_CPU_ON, 0x1100000001, 0x2200000000 + arm_gpa(guest_entry), 0x3300000044), 0);
	run_done(other);
	expect_eq(arch_result(other), 0x44);
}

TEST(cpu_off_stops_the_vcpu)
{
	struct vm *vm = vm_new();
	struct vcpu *boot = vcpu_new(vm, 0), *other = vcpu_new(vm, 1);
	struct runner r;

	arm_start(other, guest_hvc, PSCI_0_2_FN_CPU_OFF, 0, 0);
	runner_start(&r, other);
	while (hvc(boot, PSCI_0_2_FN64_AFFINITY_INFO, 1, 0, 0) != PSCI_0_2_AFFINITY_LEVEL_OFF)
		;
	expect_ret(runner_stop(&r), -EINTR);
	expect_eq(mp_state(other), KVM_MP_STATE_STOPPED);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 1, arm_gpa(guest_entry), 9), 0);
	run_done(other);
	expect_eq(arch_result(other), 9);
}

TEST(cpu_on_wakes_a_vcpu_that_waits_in_run)
{
	struct vm *vm = vm_new();
	struct vcpu *boot = vcpu_new(vm, 0), *other = vcpu_off(vm, 1);
	struct runner r;

	runner_start(&r, other);
	expect_ret(hvc(boot, PSCI_0_2_FN64_CPU_ON, 1, arm_gpa(guest_entry), 10), 0);
	expect_ret(runner_join(&r), 0);
	expect(arch_is_done(other));
	expect_eq(arch_result(other), 10);
}

static void run_event(struct vcpu *vcpu, uint64_t function, uint32_t type)
{
	arm_start(vcpu, guest_hvc, function, 0, 0);
	run_until(vcpu, KVM_EXIT_SYSTEM_EVENT);
	expect_eq(vcpu->run->system_event.type, type);
	/* Nobody runs until user space says so. */
	expect_eq(mp_state(vcpu), KVM_MP_STATE_STOPPED);
}

TEST(system_off_and_reset_are_events)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	run_event(vcpu, PSCI_0_2_FN_SYSTEM_OFF, KVM_SYSTEM_EVENT_SHUTDOWN);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable), 0);
	run_event(vcpu, PSCI_0_2_FN_SYSTEM_RESET, KVM_SYSTEM_EVENT_RESET);
}

TEST(system_reset2_has_its_own_flag)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, PSCI_RESET2_64, 0, 0), 0);
	arm_start(vcpu, guest_hvc, PSCI_RESET2_64, 0, 0);
	run_until(vcpu, KVM_EXIT_SYSTEM_EVENT);
	expect_eq(vcpu->run->system_event.type, KVM_SYSTEM_EVENT_RESET);
	expect_eq(vcpu->run->system_event.ndata, 1);
	expect_eq(vcpu->run->system_event.data[0], KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2);
}

TEST(system_reset2_kinds_are_checked)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	uint64_t version = 0x10000;

	/* Architected ones are below the vendor's, of which only 0 is there. */
	expect_ret(hvc(vcpu, PSCI_RESET2_64, 1, 0, 0), INVALID_PARAMETERS);
	expect_ret(hvc(vcpu, PSCI_RESET2_64, 0x7fffffff, 0, 0), INVALID_PARAMETERS);
	arm_start(vcpu, guest_hvc, PSCI_RESET2_64, 0x80000000, 0);
	run_until(vcpu, KVM_EXIT_SYSTEM_EVENT);
	expect_eq(vcpu->run->system_event.type, KVM_SYSTEM_EVENT_RESET);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable), 0);
	arm_start(vcpu, guest_hvc, PSCI_1_1_FN_SYSTEM_RESET2, 0, 0);
	run_until(vcpu, KVM_EXIT_SYSTEM_EVENT);
	expect_eq(vcpu->run->system_event.data[0], KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable), 0);
	/* PSCI 1.1 has brought it. */
	set_reg(vcpu, KVM_REG_ARM_PSCI_VERSION, version);
	expect_ret(hvc(vcpu, PSCI_RESET2_64, 0, 0, 0), NOT_SUPPORTED);
	expect_ret(hvc(vcpu, PSCI_1_1_FN_SYSTEM_RESET2, 0, 0, 0), NOT_SUPPORTED);
	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, PSCI_RESET2_64, 0, 0), NOT_SUPPORTED);
}

TEST(system_suspend_is_an_event_when_user_space_wants_it, NEED(KVM_CAP_ARM_SYSTEM_SUSPEND))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_enable_cap enable = { .cap = KVM_CAP_ARM_SYSTEM_SUSPEND };

	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, PSCI_1_0_FN64_SYSTEM_SUSPEND, 0, 0), NOT_SUPPORTED);
	expect_ret(hvc(vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND, 0, 0, 0), NOT_SUPPORTED);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ENABLE_CAP, &enable), 0);
	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, PSCI_1_0_FN64_SYSTEM_SUSPEND, 0, 0), 0);
	arm_start(vcpu, guest_hvc, PSCI_1_0_FN64_SYSTEM_SUSPEND, 0, 0);
	run_until(vcpu, KVM_EXIT_SYSTEM_EVENT);
	expect_eq(vcpu->run->system_event.type, KVM_SYSTEM_EVENT_SUSPEND);
	/* User space may refuse: nothing has changed. */
	expect_eq(mp_state(vcpu), KVM_MP_STATE_RUNNABLE);
	set_reg(vcpu, XREG(0), NOT_SUPPORTED);
	run_done(vcpu);
	expect_ret(arch_result(vcpu), NOT_SUPPORTED);
}

TEST(suspended_vcpu_tells_of_an_interrupt, NEED(KVM_CAP_ARM_SYSTEM_SUSPEND))
{
	struct kvm_mp_state state = { KVM_MP_STATE_SUSPENDED };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct gic gic = gic_new(vcpu->vm);
	struct runner r;

	gic_on(vcpu, &gic);
	irq_enable(vcpu, &gic, SPI_FIRST);
	arch_start(vcpu, GUEST_NOP, 3, 0, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), 0);
	runner_start(&r, vcpu);
	expect_ret(spi_line(vcpu->vm, SPI_FIRST, 1), 0);
	expect_ret(runner_join(&r), 0);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	expect_eq(vcpu->run->system_event.type, KVM_SYSTEM_EVENT_WAKEUP);
	/* Whether it goes on is for user space to say. */
	expect_eq(mp_state(vcpu), KVM_MP_STATE_SUSPENDED);
	run_until(vcpu, KVM_EXIT_SYSTEM_EVENT);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), 0);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 3);
}

/* A call while the virtual timer is on: its control register comes back in x4. */
GUEST(guest_hvc_timer,
	"	mrs	x3, cntvct_el0\n"
	"	add	x3, x3, #0x10, lsl #12\n"
	"	msr	cntv_cval_el0, x3\n"
	"	mov	x3, #1\n"
	"	msr	cntv_ctl_el0, x3\n"
	"	isb\n"
	"	hvc	#0\n"
	"	mrs	x4, cntv_ctl_el0\n"
	DONE);

TEST(timer_ends_cpu_suspend)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct gic gic = gic_new(vcpu->vm);

	gic_on(vcpu, &gic);
	irq_enable(vcpu, &gic, PPI_VTIMER);
	/* Masked as they are, interrupts end it all the same. */
	expect_eq(arm_call(vcpu, guest_hvc_timer, PSCI_0_2_FN64_CPU_SUSPEND, 0, 0), 0);
	expect_eq(get_reg(vcpu, XREG(4)) & 7, 5);
}

TEST(psci_is_absent_without_its_feature)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm);

	init.features[0] &= ~(1 << KVM_ARM_VCPU_PSCI_0_2);
	expect_ret(arm_init(vcpu, &init), 0);
	arm_setup(vcpu);
	expect_ret(hvc(vcpu, PSCI_1_0_FN_PSCI_FEATURES, 0, 0, 0), NOT_SUPPORTED);
	expect_ret(hvc(vcpu, PSCI_0_2_FN_SYSTEM_OFF, 0, 0, 0), NOT_SUPPORTED);
}
