// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer (SDM 3A, 11.5.4): one-shot, periodic and TSC-deadline, each an
 * hrtimer of the host that sets the vector in IRR where it expires.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include "lapic.h"
#include "state.h"

/* No shorter period: a guest must not keep the host in its timer interrupt. */
#define MIN_PERIOD_NS		200000

/* Nor a later end, so that the host's time, which is signed, has room for it. */
#define MAX_NS			(KTIME_MAX / 2)

/* A deadline this near is now: below it a timer costs more than the wait. */
#define NEAR_NS			500

static u32 timer_mode(const struct x86_lapic *l)
{
	return lapic_get(l, APIC_LVTT) & (APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE);
}

/* TDCR's bits 0, 1 and 3: divide by 2, 4 ... 128, 1. */
static unsigned int divide_shift(u32 tdcr)
{
	return ((tdcr & 3) + (tdcr >> 1 & 4) + 1) & 7;
}

static unsigned int shift_now(const struct x86_lapic *l)
{
	return divide_shift(lapic_get(l, APIC_TDCR));
}

/* Of the counter's clock, undivided. */
static u32 tick_ns(const struct x86_lapic *l)
{
	return to_x86_vm(l->v->core.vm)->apic_tick_ns;
}

static u64 host_period(const struct x86_lapic *l)
{
	return clamp_t(u64, READ_ONCE(l->period), MIN_PERIOD_NS, MAX_NS);
}

/* How long until the guest's TSC is @deadline; 0 when it is. */
static u64 deadline_ns(struct x86_lapic *l, u64 deadline)
{
	u64 now = x86_guest_tsc(l->v), ticks = deadline - now;

	if (deadline <= now)
		return 0;
	/* Later than that is looked at again then. */
	ticks = min(ticks, 1ull << 40);
	return div_u64(ticks * 1000000, l->v->tsc_khz) + 1;
}

static void arm(struct x86_lapic *l, u64 ns)
{
	ktime_t expires = ktime_add_ns(ktime_get(), min_t(u64, ns, MAX_NS));

	WRITE_ONCE(l->expires, expires);
	hrtimer_start(&l->timer, expires, HRTIMER_MODE_ABS_HARD);
}

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	struct x86_lapic *l = container_of(timer, struct x86_lapic, timer);
	u64 ns;

	switch (timer_mode(l)) {
	case APIC_LVT_TIMER_TSCDEADLINE:
		/* The TSC and the host's clock do not run at quite the same rate. */
		ns = deadline_ns(l, READ_ONCE(l->deadline));
		if (ns > NEAR_NS) {
			hrtimer_forward_now(timer, ns);
			return HRTIMER_RESTART;
		}
		lapic_local_event(l, APIC_LVTT);
		return HRTIMER_NORESTART;
	case APIC_LVT_TIMER_PERIODIC:
		lapic_local_event(l, APIC_LVTT);
		hrtimer_forward_now(timer, host_period(l));
		WRITE_ONCE(l->expires, hrtimer_get_expires(timer));
		return HRTIMER_RESTART;
	default:
		lapic_local_event(l, APIC_LVTT);
		return HRTIMER_NORESTART;
	}
}

void lapic_timer_init(struct x86_lapic *l)
{
	hrtimer_init(&l->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	l->timer.function = expired;
}

static bool interrupt_waits(const struct x86_lapic *l)
{
	return test_bit(lapic_get(l, APIC_LVTT) & APIC_VECTOR_MASK, l->irr);
}

/*
 * User space may save IRR before the deadline and the MSR after it: until the interrupt is
 * taken the deadline is told, and comes again where it is given back.
 */
void lapic_timer_cancel(struct x86_lapic *l)
{
	if (!hrtimer_cancel(&l->timer) && !interrupt_waits(l))
		l->deadline = 0;
}

static u64 count_ns(struct x86_lapic *l, u32 count)
{
	return ((u64)count * tick_ns(l)) << shift_now(l);
}

static void start_deadline(struct x86_lapic *l)
{
	u64 ns;

	if (!l->deadline)
		return;
	ns = deadline_ns(l, l->deadline);
	if (ns > NEAR_NS) {
		arm(l, ns);
		return;
	}
	lapic_local_event(l, APIC_LVTT);
}

/* @first: until the count is 0 for the first time. */
static void start_count(struct x86_lapic *l, u64 first)
{
	if (!l->period)
		return;
	if (timer_mode(l) == APIC_LVT_TIMER_PERIODIC)
		first = max_t(u64, first, MIN_PERIOD_NS);
	arm(l, first);
}

/* Into and out of TSC-deadline mode the timer is disarmed (SDM 3A, 11.5.4.1). */
void lapic_timer_set_lvt(struct x86_lapic *l, u32 value)
{
	u32 changed = lapic_get(l, APIC_LVTT) ^ value;

	if (!(changed & APIC_LVT_TIMER_TSCDEADLINE)) {
		lapic_set(l, APIC_LVTT, value);
		return;
	}
	lapic_timer_cancel(l);
	lapic_set(l, APIC_LVTT, value);
	lapic_set(l, APIC_TMICT, 0);
	l->period = 0;
	l->deadline = 0;
}

void lapic_timer_set_count(struct x86_lapic *l)
{
	lapic_timer_cancel(l);
	l->period = count_ns(l, lapic_get(l, APIC_TMICT));
	start_count(l, l->period);
}

static u64 remaining_ns(struct x86_lapic *l)
{
	s64 ns = ktime_to_ns(ktime_sub(READ_ONCE(l->expires), ktime_get()));

	if (ns > 0)
		return ns;
	/* The host is late with it. */
	return timer_mode(l) == APIC_LVT_TIMER_PERIODIC ? l->period : 0;
}

void lapic_timer_set_divider(struct x86_lapic *l, u32 old)
{
	u64 rest;

	if (divide_shift(old) == shift_now(l) || !l->period)
		return;
	lapic_timer_cancel(l);
	rest = remaining_ns(l) >> divide_shift(old) << shift_now(l);
	l->period = count_ns(l, lapic_get(l, APIC_TMICT));
	if (rest)
		start_count(l, rest);
}

u32 lapic_timer_count(struct x86_lapic *l)
{
	u64 ns;

	if (!l->period || timer_mode(l) == APIC_LVT_TIMER_TSCDEADLINE)
		return 0;
	ns = remaining_ns(l);
	/* A period that was made longer for the host's sake. */
	if (ns > l->period)
		ns = l->period;
	return div_u64(ns, tick_ns(l)) >> shift_now(l);
}

u32 lapic_timer_save(struct x86_lapic *l)
{
	bool active = l->period && hrtimer_active(&l->timer);
	u32 count = lapic_timer_count(l);

	return active && !count ? 1 : count;
}

void lapic_timer_restore(struct x86_lapic *l, u32 count)
{
	u64 rest;

	if (timer_mode(l) == APIC_LVT_TIMER_TSCDEADLINE) {
		l->period = 0;
		start_deadline(l);
		return;
	}
	l->deadline = 0;
	l->period = count_ns(l, lapic_get(l, APIC_TMICT));
	rest = min(count_ns(l, count), l->period);
	if (!rest && timer_mode(l) == APIC_LVT_TIMER_PERIODIC)
		rest = l->period;
	/* A one-shot that was over stays so. */
	if (rest)
		start_count(l, rest);
	else
		WRITE_ONCE(l->expires, 0);
}

/* ---- IA32_TSC_DEADLINE (SDM 3A, 11.5.4.1) ---- */

/* In other modes it reads as 0 and writes are ignored. */
u64 x86_lapic_get_deadline(struct x86_vcpu *v, bool host)
{
	struct x86_lapic *l = v->lapic;

	if (!l || timer_mode(l) != APIC_LVT_TIMER_TSCDEADLINE)
		return 0;
	return hrtimer_active(&l->timer) || (host && interrupt_waits(l)) ? l->deadline : 0;
}

void x86_lapic_set_deadline(struct x86_vcpu *v, u64 value)
{
	struct x86_lapic *l = v->lapic;

	if (!l || !lapic_hw_enabled(l) || timer_mode(l) != APIC_LVT_TIMER_TSCDEADLINE)
		return;
	lapic_timer_cancel(l);
	l->deadline = value;
	start_deadline(l);
}
