// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN around the backend's run loop: signals, task work, requests to the core,
 * and sleeping until a halted vCPU has a reason to run.
 */
#include <berth/backend.h>
#include <berth/trace.h>
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

/* Halt polling: the window doubles while it pays, and is forgotten when it does not. */
#define POLL_START_NS	10000

/* Signals the program wants KVM_RUN to see, for the time it runs. */
static void sigset_enter(struct berth_vcpu *vcpu)
{
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void sigset_leave(struct berth_vcpu *vcpu)
{
	if (!vcpu->sigset_active)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

static int signal_exit(struct berth_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	vcpu->stats.signal_exits++;
	return -EINTR;
}

/*
 * What made the backend come back before the guest could run.  0 to go on.
 *
 * Other task work is done on the way to user space: the ioctl is restarted unless
 * a handler ran meanwhile, so the program does not notice.
 */
static int run_work(struct berth_vcpu *vcpu)
{
	berth_vcpu_take_request(vcpu, BERTH_REQ_KICK);
	berth_vcpu_take_request(vcpu, BERTH_REQ_UNBLOCK);
	if (test_bit(BERTH_REQ_DEAD, &vcpu->requests))
		return -EIO;
	if (signal_pending(current))
		return signal_exit(vcpu);
	if (need_resched())
		schedule();
	if (!test_thread_flag(TIF_NOTIFY_RESUME))
		return 0;
	/* The work may raise a signal; then this is what the program finds. */
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	return -ERESTARTNOHAND;
}

static bool wake_reason(struct berth_vcpu *vcpu)
{
	return berth_backend.vcpu_runnable(vcpu) || signal_pending(current) ||
	       (READ_ONCE(vcpu->requests) & ~BERTH_BACKEND_REQUESTS);
}

/*
 * Spin for a while before sleeping: a wake-up soon after is cheaper so.  Not while another
 * thread waits for this CPU: it may be who is to wake this one.
 */
static bool poll(struct berth_vcpu *vcpu)
{
	ktime_t stop = ktime_add_ns(ktime_get(), vcpu->poll_ns);

	vcpu->stats.halt_attempted_poll++;
	do {
		if (wake_reason(vcpu)) {
			vcpu->stats.halt_successful_poll++;
			return true;
		}
		cpu_relax();
	} while (single_task_running() && !need_resched() && ktime_before(ktime_get(), stop));
	return false;
}

static void poll_adjust(struct berth_vcpu *vcpu, u64 blocked_ns)
{
	unsigned int limit = READ_ONCE(vcpu->vm->halt_poll_ns);

	if (!limit || blocked_ns > limit)
		vcpu->poll_ns = 0;
	else if (blocked_ns > vcpu->poll_ns)
		vcpu->poll_ns = min(limit, max(POLL_START_NS, vcpu->poll_ns * 2));
	vcpu->poll_ns = min(vcpu->poll_ns, limit);
}

/* Sleep until the vCPU is runnable, a signal comes or the core is asked for. */
static void block(struct berth_vcpu *vcpu)
{
	ktime_t start = ktime_get();

	if (vcpu->poll_ns && !vcpu->no_poll && poll(vcpu))
		goto out;
	berth_vcpu_check_state(vcpu, BERTH_VCPU_BLOCKED);
	WRITE_ONCE(vcpu->state, BERTH_VCPU_BLOCKED);
	vcpu->stats.blocking = 1;
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (wake_reason(vcpu))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	vcpu->stats.blocking = 0;
	vcpu->stats.halt_wakeup++;
	berth_vcpu_check_state(vcpu, BERTH_VCPU_LOADED);
	WRITE_ONCE(vcpu->state, BERTH_VCPU_LOADED);
out:
	poll_adjust(vcpu, ktime_to_ns(ktime_sub(ktime_get(), start)));
}

/* A guest whose state the hardware refuses can be made again and again. */
static DEFINE_RATELIMIT_STATE(dump_limit, 5 * HZ, 2);

static int run_loop(struct berth_vcpu *vcpu)
{
	int r;

	/* What a run that fails leaves there; it is not to be taken for the exit before. */
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	for (;;) {
		r = berth_backend.vcpu_run(vcpu);
		switch (r) {
		case BERTH_RUN_WORK:
			if (berth_dirty_ring_exit(vcpu))
				return 0;
			r = run_work(vcpu);
			if (r)
				return r;
			break;
		case BERTH_RUN_BLOCK:
			block(vcpu);
			if (signal_pending(current))
				return signal_exit(vcpu);
			break;
		case BERTH_RUN_FAILED:
			if (__ratelimit(&dump_limit))
				berth_backend.vcpu_dump(vcpu);
			return 0;
		default:
			return r;
		}
	}
}

/* Remember who runs the vCPU.  Programs seldom change that. */
static void note_thread(struct berth_vcpu *vcpu)
{
	struct pid *old = rcu_dereference_protected(vcpu->pid, lockdep_is_held(&vcpu->mutex));

	if (likely(old == task_pid(current)))
		return;
	rcu_assign_pointer(vcpu->pid, get_task_pid(current, PIDTYPE_PID));
	if (old)
		synchronize_rcu();
	put_pid(old);
}

int berth_vcpu_run(struct berth_vcpu *vcpu)
{
	int r;

	note_thread(vcpu);
	berth_vcpu_load(vcpu);
	sigset_enter(vcpu);
	r = berth_backend.run_begin(vcpu);
	if (r == BERTH_RUN_AGAIN)
		r = berth_run_immediate_exit(vcpu->run) ? -EINTR : run_loop(vcpu);
	berth_backend.run_end(vcpu);
	if (!r)
		trace_berth_user_exit(vcpu->id, vcpu->run->exit_reason);
	sigset_leave(vcpu);
	berth_vcpu_put(vcpu);
	/* Last, since changing the mask recalculates it: it makes the restart happen. */
	if (r == -ERESTARTNOHAND)
		set_thread_flag(TIF_SIGPENDING);
	return r;
}
