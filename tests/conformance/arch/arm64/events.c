// SPDX-License-Identifier: GPL-2.0-only
/* arm64: KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS, KVM_GET_MP_STATE and KVM_SET_MP_STATE. */
#include "arch_arm64.h"

GUEST(guest_unmask_serror, "	msr	daifclr, #4\n	nop\n	nop\n	msr	daifset, #4\n" DONE);
/* ESB; DISR_EL1 is told, and takes x1. */
GUEST(guest_defer_serror, "	hint	#16\n	mrs	x0, s3_0_c12_c1_1\n" DONE "	msr	s3_0_c12_c1_1, x1\n	isb\n" DONE);

#define DISR_EL1	SYS(3, 0, 12, 1, 1)
#define DISR_A		(1ULL << 31)

static struct kvm_vcpu_events get_events(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	memset(&events, 0xa5, sizeof(events));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events), 0);
	return events;
}

TEST(new_vcpu_has_no_events, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events = get_events(vcpu), none;

	memset(&none, 0, sizeof(none));
	none.exception.serror_has_esr = events.exception.serror_has_esr;
	expect_mem(&events, &none, sizeof(none));
	expect_eq(events.exception.serror_has_esr, cap(KVM_CAP_ARM_INJECT_SERROR_ESR) > 0);
}

TEST(serror_waits_until_it_is_unmasked, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events = { .exception.serror_pending = 1 };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	expect_eq(get_events(vcpu).exception.serror_pending, 1);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_events(vcpu).exception.serror_pending, 1);
	arm_start(vcpu, guest_unmask_serror, 0, 0, 0);
	run_trap(vcpu, VECTOR_SERROR);
	expect_eq(get_events(vcpu).exception.serror_pending, 0);
	run_done(vcpu);
}

TEST(serror_brings_its_syndrome, NEED(KVM_CAP_ARM_INJECT_SERROR_ESR))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events = { .exception = { .serror_pending = 1, .serror_has_esr = 1, .serror_esr = 0x123456 } };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	expect_eq(get_events(vcpu).exception.serror_esr, 0x123456);
	arm_start(vcpu, guest_unmask_serror, 0, 0, 0);
	expect_eq(run_trap(vcpu, VECTOR_SERROR)->esr & 0xffffff, 0x123456);
	/* The class of the exception is not user space's. */
	events.exception.serror_esr = 1 << 26;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
}

TEST(serror_that_is_deferred_is_the_vcpus_own, NEED(KVM_CAP_ARM_INJECT_SERROR_ESR))
{
	struct kvm_vcpu_events events = { .exception = { .serror_pending = 1, .serror_has_esr = 1, .serror_esr = 0x11 } };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0), *other = vcpu_new(vm, 1);

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	arm_start(vcpu, guest_defer_serror, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_reg(vcpu, XREG(0)), DISR_A | 0x11);
	expect_eq(get_reg(vcpu, DISR_EL1), DISR_A | 0x11);
	expect_eq(get_events(vcpu).exception.serror_pending, 0);
	expect_eq(arm_call(other, guest_defer_serror, 0, DISR_A | 0x22, 0), 0);
	run_done(other);
	/* What the guest writes, and what user space does. */
	run_done(vcpu);
	expect_eq(get_reg(vcpu, DISR_EL1), 0);
	expect_eq(get_reg(other, DISR_EL1), DISR_A | 0x22);
	set_reg(vcpu, DISR_EL1, DISR_A | 0x33);
	expect_eq(arm_call(vcpu, guest_defer_serror, 0, 0, 0), DISR_A | 0x33);
}

TEST(serror_syndrome_needs_its_capability, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events = { .exception = { .serror_pending = 1, .serror_has_esr = 1 } };

	if (cap(KVM_CAP_ARM_INJECT_SERROR_ESR) > 0)
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	else
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
}

TEST(data_abort_is_injected, NEED(KVM_CAP_ARM_INJECT_EXT_DABT))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
	struct arm_trap *trap;

	arch_start(vcpu, GUEST_LOAD, MMIO_GPA + 0x20, 8, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	trap = run_sync(vcpu, EC_DABT);
	expect_eq(trap->esr & 0x3f, 0x10);
	expect_eq(trap->far, MMIO_GPA + 0x20);
	/* The access that waited is not made any more. */
	expect_eq(trap->spsr & 0xf, PSTATE_EL1H);
	expect_eq(get_events(vcpu).exception.ext_dabt_pending, 0);
}

static int set_mp_state(struct vcpu *vcpu, uint32_t value)
{
	struct kvm_mp_state state = { value };

	return kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state);
}

TEST(mp_states_are_runnable_and_stopped)
{
	static const uint32_t bad[] = { KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_HALTED,
					KVM_MP_STATE_SIPI_RECEIVED, KVM_MP_STATE_CHECK_STOP, 11, 0xffffffff };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_mp_state state = { 77 };
	struct runner r;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state), 0);
	expect_eq(state.mp_state, KVM_MP_STATE_RUNNABLE);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_ret(set_mp_state(vcpu, bad[i]), -EINVAL);
	expect_ret(set_mp_state(vcpu, KVM_MP_STATE_STOPPED), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state), 0);
	expect_eq(state.mp_state, KVM_MP_STATE_STOPPED);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	runner_start(&r, vcpu);
	expect_ret(runner_stop(&r), -EINTR);
	expect_ret(set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE), 0);
	run_done(vcpu);
}

GUEST(guest_undefined, "	mov	x3, #3\n	udf	#0\n" DONE);
GUEST(guest_el0_svc, "	svc	#17\n" DONE);

TEST(guest_takes_its_own_exceptions)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct arm_trap *trap;

	arm_start(vcpu, guest_undefined, 0, 0, 0);
	trap = run_sync(vcpu, EC_UNKNOWN);
	expect_eq(trap->elr, arm_gpa(guest_undefined) + 4);
	arm_start(vcpu, guest_el0_svc, 0, 0, 0);
	trap = run_sync(vcpu, EC_SVC64);
	expect_eq(trap->esr & 0xffff, 17);
	run_done(vcpu);
	arch_start(vcpu, GUEST_LOAD, UNMAPPED_GVA, 8, 0);
	trap = run_sync(vcpu, EC_DABT);
	expect_eq(trap->far, UNMAPPED_GVA);
}

TEST(hvc_at_el0_is_undefined)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *code = add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());

	/* A block that EL0 may use. */
	code_word(vcpu->vm, L1_GPA)[UNMAPPED_GVA >> 30] = SPARE_GPA | 3;
	*code_word(vcpu->vm, SPARE_GPA) = (*code_word(vcpu->vm, L2_GPA) & 0xfff) | 1 << 6 | TEST_GPA;
	code[0] = 0xd4000002;	/* hvc #0 */
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	set_reg(vcpu, CORE(regs.pc), UNMAPPED_GVA);
	set_reg(vcpu, CORE(regs.pstate), PSTATE_DAIF);
	expect_eq(run_trap(vcpu, VECTOR_SYNC_EL0)->esr >> 26 & 0x3f, EC_UNKNOWN);
}
