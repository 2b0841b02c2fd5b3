// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a vCPU runs: off, on or suspended, by PSCI and by KVM_SET_MP_STATE; and what is to
 * be done before it is entered.
 */
#include "psci.h"
#include "state.h"
#include "vgic/vgic.h"

void arm_power_init(struct arm_vcpu *v)
{
	spin_lock_init(&v->power.lock);
	v->power.mp_state = KVM_MP_STATE_RUNNABLE;
}

bool arm_powered_off(const struct arm_vcpu *v)
{
	return READ_ONCE(v->power.mp_state) == KVM_MP_STATE_STOPPED;
}

void arm_power_set(struct arm_vcpu *v, u32 mp_state)
{
	spin_lock(&v->power.lock);
	WRITE_ONCE(v->power.mp_state, mp_state);
	spin_unlock(&v->power.lock);
	berth_vcpu_request(&v->core, ARM_REQ_SLEEP);
}

/* The vCPU stops, now or as soon as it has left the guest.  Context: any. */
void arm_power_off(struct arm_vcpu *v)
{
	arm_power_set(v, KVM_MP_STATE_STOPPED);
	berth_vcpu_kick(&v->core);
}

/*
 * arm_power_on() - CPU_ON: the vCPU begins at @pc with @x0, in the byte order of its caller.
 * False when it is on already.  Context: any vCPU's thread.
 */
bool arm_power_on(struct arm_vcpu *v, u64 pc, u64 x0, bool big_endian)
{
	bool was_off;

	spin_lock(&v->power.lock);
	was_off = v->power.mp_state == KVM_MP_STATE_STOPPED;
	if (was_off) {
		v->power.reset_pc = pc;
		v->power.reset_x0 = x0;
		v->power.reset_be = big_endian;
		/* Asked for before it may run: it must not begin with what it was. */
		berth_vcpu_request(&v->core, ARM_REQ_RESET);
		WRITE_ONCE(v->power.mp_state, KVM_MP_STATE_RUNNABLE);
	}
	spin_unlock(&v->power.lock);
	if (was_off)
		berth_vcpu_kick(&v->core);
	return was_off;
}

/*
 * arm_power_reset() - ARM_REQ_RESET: CPU_ON's reset, in the thread of the vCPU that was
 * switched on.  User space finds it done, too.  Context: loaded.
 */
void arm_power_reset(struct arm_vcpu *v)
{
	struct arm_power *p = &v->power;
	u64 pc, x0;
	bool be;

	if (likely(!berth_vcpu_take_request(&v->core, ARM_REQ_RESET)))
		return;
	spin_lock(&p->lock);
	pc = p->reset_pc;
	x0 = p->reset_x0;
	be = p->reset_be;
	spin_unlock(&p->lock);

	arm_vcpu_reset(v);
	/* AArch32: bit 0 asks for T32 (PSCI 6.4). */
	if (v->aarch32 && (pc & 1)) {
		pc &= ~1ull;
		v->ctxt.pstate |= PSR_AA32_T_BIT;
	}
	if (be && v->aarch32)
		v->ctxt.pstate |= PSR_AA32_E_BIT;
	else if (be)
		arm_write_sys(v, ARM_SCTLR_EL1, arm_read_sys(v, ARM_SCTLR_EL1) | SCTLR_ELx_EE);
	v->ctxt.pc = pc;
	arm_set_reg(v, 0, x0);
}

/* KVM_SYSTEM_EVENT_WAKEUP: a suspended VM has something to wake for. */
static int wakeup(struct arm_vcpu *v)
{
	struct kvm_run *run = v->core.run;

	memset(&run->system_event, 0, sizeof(run->system_event));
	run->system_event.type = KVM_SYSTEM_EVENT_WAKEUP;
	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	return BERTH_RUN_USER;
}

/* The timers, whose time may have come only now, are asked where nothing else is the reason. */
static bool interrupted(struct arm_vcpu *v)
{
	return (v->ctxt.hcr & (HCR_VI | HCR_VF | HCR_VSE)) || vgic_pending(v) ||
	       arm_timer_due(v) || vgic_pending(v);
}

/*
 * arm_serve_requests() - do what others asked of the vCPU before it enters the guest.
 *
 * BERTH_RUN_AGAIN: enter; BERTH_RUN_BLOCK: it is off or suspended; BERTH_RUN_USER: see
 * kvm_run.  Context: the vCPU's thread, loaded, interrupts on.
 */
int arm_serve_requests(struct arm_vcpu *v)
{
	struct berth_vcpu *b = &v->core;

	berth_vcpu_take_request(b, ARM_REQ_SLEEP);
	arm_power_reset(v);
	if (berth_vcpu_take_request(b, ARM_REQ_TIMER))
		arm_timer_serve(v);
	switch (READ_ONCE(v->power.mp_state)) {
	case KVM_MP_STATE_STOPPED:
		berth_vcpu_request(b, ARM_REQ_SLEEP);
		return BERTH_RUN_BLOCK;
	case KVM_MP_STATE_SUSPENDED:
		berth_vcpu_request(b, ARM_REQ_SLEEP);
		if (interrupted(v))
			return wakeup(v);
		return BERTH_RUN_BLOCK;
	default:
		break;
	}
	if (berth_vcpu_take_request(b, ARM_REQ_STEAL))
		arm_steal_write(v);
	return BERTH_RUN_AGAIN;
}

/* arm_runnable() - has the blocked vCPU a reason to run?  Context: its thread. */
bool arm_runnable(struct arm_vcpu *v)
{
	return !arm_powered_off(v) &&
	       (test_bit(ARM_REQ_RESET, &v->core.requests) || interrupted(v));
}

/* KVM_GET_MP_STATE, KVM_SET_MP_STATE (api.rst 4.38, 4.39). */
long arm_ioctl_get_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_mp_state *state = data;

	state->mp_state = READ_ONCE(to_arm(vcpu)->power.mp_state);
	return 0;
}

long arm_ioctl_set_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_mp_state *state = data;

	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
	case KVM_MP_STATE_STOPPED:
	case KVM_MP_STATE_SUSPENDED:
		arm_power_set(to_arm(vcpu), state->mp_state);
		return 0;
	default:
		return -EINVAL;
	}
}
