/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The neutral part of entering and leaving a guest, inline in every backend's
 * run loop: requests, pending task work, state changes, accounting.
 */
#ifndef BERTH_RUN_H
#define BERTH_RUN_H

#include <berth/vcpu.h>
#include <linux/context_tracking.h>
#include <linux/rcupdate.h>
#include <linux/vtime.h>

/* What the backend's run loop tells the core. */
enum berth_run {
	BERTH_RUN_USER = 0,	/* kvm_run is filled: back to user space */
	BERTH_RUN_AGAIN = 1,	/* inside the backend: enter the guest again */
	BERTH_RUN_WORK = 2,	/* a core request or task work is pending */
	BERTH_RUN_BLOCK = 3,	/* the vCPU waits for an event: block, then call again */
	BERTH_RUN_FAILED = 4,	/* as USER, but the hardware refused the state: dump it */
};

/* The backend's own requests, which it must serve before berth_enter_guest(). */
#define BERTH_BACKEND_REQUESTS	(BIT(BERTH_REQ_TLB_FLUSH) | ~(BIT(BERTH_REQ_ARCH) - 1))

/* Must the thread go back to the core before the guest runs?  A racy hint. */
static inline bool berth_work_pending(struct berth_vcpu *vcpu)
{
	return (READ_ONCE(vcpu->requests) & ~BERTH_BACKEND_REQUESTS) || need_resched() ||
	       signal_pending(current) || test_thread_flag(TIF_NOTIFY_RESUME);
}

/**
 * berth_enter_guest() - last step before the world switch; berth_leave_guest() first after.
 *
 * False when a request or task work came up: the state is as before and the guest
 * must not be entered.  Context: interrupts off from before the call until after
 * berth_leave_guest(), but for the world switch itself where the backend's vcpu_kick
 * keeps it from being entered late.
 */
static __always_inline bool berth_enter_guest(struct berth_vcpu *vcpu)
{
	lockdep_assert_irqs_disabled();
	berth_vcpu_check_state(vcpu, BERTH_VCPU_IN_GUEST);
	/* Orders the state before the look at requests; pairs with berth_vcpu_request(). */
	smp_store_mb(vcpu->state, BERTH_VCPU_IN_GUEST);
	if (unlikely(READ_ONCE(vcpu->requests) || berth_work_pending(vcpu))) {
		WRITE_ONCE(vcpu->state, BERTH_VCPU_LOADED);
		return false;
	}
	vtime_account_guest_enter();
	return true;
}

static __always_inline void berth_leave_guest(struct berth_vcpu *vcpu)
{
	vtime_account_guest_exit();
	berth_vcpu_check_state(vcpu, BERTH_VCPU_LOADED);
	/* Pairs with the barrier in berth_request_all(): guest accesses are over. */
	smp_store_release(&vcpu->state, BERTH_VCPU_LOADED);
	vcpu->stats.exits++;
}

/*
 * Around the world switch itself.  While the CPU is in the guest RCU may treat it
 * as in user space.  Where context tracking is off a quiescent state is reported
 * only after exits by interrupt (berth_take_interrupt()): those are what a guest
 * that never leaves by itself has.  Context: interrupts off.
 */
static __always_inline void berth_guest_context_enter(struct berth_vcpu *vcpu)
{
	if (!context_tracking_guest_enter() && vcpu->rcu_note) {
		vcpu->rcu_note = false;
		berth_rcu_note();
	}
}

static __always_inline void berth_guest_context_exit(void)
{
	context_tracking_guest_exit();
}

/*
 * The guest was ended by a host interrupt: take it now, so that its time is the guest's
 * in the accounts.  Context: interrupts off before and after, berth_leave_guest() still
 * to come.
 */
static inline void berth_take_interrupt(struct berth_vcpu *vcpu)
{
	local_irq_enable();
	/* Between the two something must be done: on x86 STI holds for one instruction more. */
	vcpu->stats.irq_exits++;
	vcpu->rcu_note = true;
	local_irq_disable();
}

#endif
