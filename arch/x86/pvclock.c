// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM's clock: KVM_GET/SET_CLOCK, and the pages guests read it from (kvmclock,
 * Documentation/virt/kvm/x86/msr.rst).
 *
 * While the host keeps time by its TSC and all vCPUs' TSCs agree, all of them get the
 * same numbers and the clock runs by the TSC alone; the guest is told so.  Otherwise a
 * vCPU gets new numbers where it comes to another CPU, and now and then.  When one goes
 * over into the other the clock goes on from where it is.
 */
#include <linux/clocksource.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>
#include "pv.h"
#include "state.h"

/* The host's clock against its TSC's nominal rate: some ppm, which this long bounds. */
#define UNSTABLE_PERIOD		(60 * HZ)

#define CLOCK_SET_FLAGS		(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

/* ---- the host's time ---- */

/* What the kernel's timekeeping said last.  Written under its lock. */
static s64 host_offs_boot;
static bool host_by_tsc;
static u8 host_clock_seq;

static DEFINE_SPINLOCK(clocks_lock);
static LIST_HEAD(clocks);

/* One moment on the clocks of the host. */
struct moment {
	u64 tsc;
	s64 ns;			/* since boot, suspended time included, no corrections */
	u64 real;
	bool by_tsc;		/* all three are worked out from tsc */
};

static void host_now(struct moment *m)
{
	struct system_time_snapshot now;

	ktime_get_snapshot(&now);
	m->by_tsc = READ_ONCE(host_by_tsc) && READ_ONCE(host_clock_seq) == now.cs_was_changed_seq;
	m->tsc = m->by_tsc ? now.cycles : rdtsc_ordered();
	m->ns = ktime_to_ns(now.raw) + READ_ONCE(host_offs_boot);
	m->real = ktime_to_ns(now.real);
}

/* The spinlock holds off a VM that is destroyed: it waits for RCU, then frees its vCPUs. */
static void all_stale(struct work_struct *work)
{
	struct x86_vm *vm;

	spin_lock(&clocks_lock);
	list_for_each_entry(vm, &clocks, clock.link) {
		/* The host's clock has gone on; what the TSC did is not known. */
		raw_spin_lock_irq(&vm->clock.lock);
		vm->clock.stable = false;
		raw_spin_unlock_irq(&vm->clock.lock);
		x86_clock_stale(vm);
	}
	spin_unlock(&clocks_lock);
}

static DECLARE_WORK(stale_work, all_stale);

static void queue_stale(struct irq_work *work)
{
	schedule_work(&stale_work);
}

static DEFINE_IRQ_WORK(stale_irq_work, queue_stale);

/* Context: timekeeping's lock held, under which nobody may be woken. */
static int timekeeping_changed(struct notifier_block *nb, unsigned long was_set, void *data)
{
	const struct timekeeper *tk = data;
	bool by_tsc = tk->tkr_mono.clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC;
	bool other = by_tsc != host_by_tsc || tk->cs_was_changed_seq != host_clock_seq;

	WRITE_ONCE(host_offs_boot, tk->offs_boot);
	WRITE_ONCE(host_clock_seq, tk->cs_was_changed_seq);
	WRITE_ONCE(host_by_tsc, by_tsc);
	if (other)
		irq_work_queue(&stale_irq_work);
	return 0;
}

static struct notifier_block timekeeping_notifier = {
	.notifier_call = timekeeping_changed,
};

/* The TSC when a CPU was last disabled. */
static u64 tsc_at_disable;

/* A CPU comes or goes, in suspend, too.  Context: preemption off. */
void x86_clock_cpu_disabled(void)
{
	WRITE_ONCE(tsc_at_disable, rdtsc());
}

/* The TSC may have begun anew in suspend: guests must not see it behind their clock's. */
void x86_clock_cpu_enabled(void)
{
	if (rdtsc() < READ_ONCE(tsc_at_disable))
		irq_work_queue(&stale_irq_work);
}

/* x86_clock_setup() - follow the host's time.  0 or -errno.  Inverse: x86_clock_unsetup(). */
int x86_clock_setup(void)
{
	return pvclock_gtod_register_notifier(&timekeeping_notifier);
}

void x86_clock_unsetup(void)
{
	pvclock_gtod_unregister_notifier(&timekeeping_notifier);
	irq_work_sync(&stale_irq_work);
	cancel_work_sync(&stale_work);
}

/* ---- the VM's clock ---- */

/* A new VM's clock starts at zero now.  Inverse: x86_clock_destroy(). */
void x86_clock_init(struct x86_vm *vm)
{
	struct x86_clock *c = &vm->clock;
	struct moment m;

	raw_spin_lock_init(&c->lock);
	host_now(&m);
	c->offset = -m.ns;
	c->stale = true;
	spin_lock(&clocks_lock);
	list_add(&c->link, &clocks);
	spin_unlock(&clocks_lock);
}

void x86_clock_destroy(struct x86_vm *vm)
{
	spin_lock(&clocks_lock);
	list_del(&vm->clock.link);
	spin_unlock(&clocks_lock);
}

/*
 * The multiplier has its highest bit set, for precision: the frequency is brought
 * between 10^9 and 2 * 10^9.  kHz times 1000 has three zero bits to lose.
 */
static void ticks_to_ns(u32 khz, u32 *mul, s8 *shift)
{
	u64 hz = (u64)khz * 1000;

	*shift = 0;
	for (; hz > 2 * NSEC_PER_SEC; hz >>= 1)
		(*shift)--;
	for (; hz <= NSEC_PER_SEC; hz <<= 1)
		(*shift)++;
	*mul = div64_u64((u64)NSEC_PER_SEC << 32, hz);
}

static u64 clock_at(const struct x86_clock *c, const struct moment *m)
{
	/* A TSC that went back was stopped with the host: its clock has counted on. */
	if (!c->stable || m->tsc < c->tsc)
		return m->ns + c->offset;
	return c->base + pvclock_scale_delta(m->tsc - c->tsc, c->mul, c->shift);
}

/* Have all vCPUs the same TSC?  There is one at least. */
static bool tscs_agree(struct x86_vm *vm)
{
	struct berth_vcpu *vcpu;
	u64 offset = 0, ratio = 0;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vm->core) {
		u64 their_offset = READ_ONCE(to_x86(vcpu)->tsc_offset);
		u64 their_ratio = READ_ONCE(to_x86(vcpu)->tsc_ratio);

		if (i && (their_offset != offset || their_ratio != ratio))
			return false;
		offset = their_offset;
		ratio = their_ratio;
	}
	return i;
}

/* Start anew from the moment @m, with the clock at @value.  Lock held. */
static void restart(struct x86_vm *vm, const struct moment *m, u64 value)
{
	struct x86_clock *c = &vm->clock;

	/* Who makes it stale from here on is heard next time; without vCPUs it stays so. */
	WRITE_ONCE(c->stale, !atomic_read(&vm->core.online_vcpus));
	smp_mb();	/* pairs with x86_clock_stale() */
	c->stable = m->by_tsc && tscs_agree(vm);
	c->tsc = m->tsc;
	c->base = value;
	c->offset = value - m->ns;
	ticks_to_ns(tsc_khz, &c->mul, &c->shift);
}

/* Bring the clock up to date.  @m: now.  Lock held. */
static void refresh(struct x86_vm *vm, struct moment *m)
{
	host_now(m);
	if (READ_ONCE(vm->clock.stale))
		restart(vm, m, clock_at(&vm->clock, m));
}

/* Every vCPU whose guest has a clock writes it again before it goes on. */
static void rewrite_all(struct x86_vm *vm)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vm->core) {
		if (!(READ_ONCE(to_x86(vcpu)->pv.active) & X86_PV_CLOCK))
			continue;
		berth_vcpu_request(vcpu, X86_REQ_CLOCK);
		berth_vcpu_kick(vcpu);
	}
}

/*
 * x86_clock_stale() - a vCPU's TSC is new, or the host's clock another one.
 *
 * Context: any but hard interrupts.
 */
void x86_clock_stale(struct x86_vm *vm)
{
	WRITE_ONCE(vm->clock.stale, true);
	smp_mb();	/* after the TSC's new offset; pairs with restart() */
	rewrite_all(vm);
}

/* KVM_GET_CLOCK: the flags say what holds of this answer. */
long x86_ioctl_get_clock(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_vm *x86 = to_x86_vm(vm);
	struct kvm_clock_data *clock = data;
	unsigned long flags;
	struct moment m;

	raw_spin_lock_irqsave(&x86->clock.lock, flags);
	refresh(x86, &m);
	clock->clock = clock_at(&x86->clock, &m);
	clock->flags = KVM_CLOCK_REALTIME;
	if (x86->clock.stable)
		clock->flags |= KVM_CLOCK_TSC_STABLE;
	raw_spin_unlock_irqrestore(&x86->clock.lock, flags);
	clock->realtime = m.real;
	if (m.by_tsc) {
		clock->flags |= KVM_CLOCK_HOST_TSC;
		clock->host_tsc = m.tsc;
	}
	return 0;
}

/* KVM_SET_CLOCK: with KVM_CLOCK_REALTIME the time since then is added, never taken off. */
long x86_ioctl_set_clock(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_vm *x86 = to_x86_vm(vm);
	const struct kvm_clock_data *clock = data;
	u64 value = clock->clock;
	unsigned long flags;
	struct moment m;

	if (clock->flags & ~CLOCK_SET_FLAGS)
		return -EINVAL;
	raw_spin_lock_irqsave(&x86->clock.lock, flags);
	refresh(x86, &m);
	if ((clock->flags & KVM_CLOCK_REALTIME) && m.real > clock->realtime)
		value += m.real - clock->realtime;
	restart(x86, &m, value);
	raw_spin_unlock_irqrestore(&x86->clock.lock, flags);
	rewrite_all(x86);
	return 0;
}

/* ---- the guest's pages ---- */

/* The structure as it is to be, but for version and flags. */
static void fill(struct x86_vcpu *v, struct pvclock_vcpu_time_info *info)
{
	struct x86_vm *vm = to_x86_vm(v->core.vm);
	struct x86_clock *c = &vm->clock;
	unsigned long flags;
	struct moment m;

	raw_spin_lock_irqsave(&vm->clock.lock, flags);
	refresh(vm, &m);
	if (c->stable) {
		info->flags = PVCLOCK_TSC_STABLE_BIT;
		info->tsc_timestamp = x86_guest_tsc_at(v, c->tsc);
		info->system_time = c->base;
	} else {
		info->flags = 0;
		info->tsc_timestamp = x86_guest_tsc_at(v, m.tsc);
		info->system_time = clock_at(c, &m);
	}
	info->tsc_to_system_mul = c->mul;
	info->tsc_shift = c->shift;
	if (x86_tsc_scaled(v))
		ticks_to_ns(v->tsc_khz, &info->tsc_to_system_mul, &info->tsc_shift);
	v->pv.clock_cpu = c->stable ? UINT_MAX : v->core.cpu;
	raw_spin_unlock_irqrestore(&vm->clock.lock, flags);
	v->pv.clock_due = jiffies + UNSTABLE_PERIOD;
}

/*
 * The version is odd while the rest changes.  Without memory there nothing is written;
 * what was left of it in a page that went is the guest's loss.
 */
void x86_clock_write(struct x86_vcpu *v)
{
	gpa_t gpa = v->pv.system_time & ~(u64)KVM_MSR_ENABLED;
	struct pvclock_vcpu_time_info info, old;
	u32 version;

	if (!(v->pv.active & X86_PV_CLOCK) ||
	    berth_read_guest(v->core.vm, gpa, &old, sizeof(old)))
		return;
	memset(&info, 0, sizeof(info));
	fill(v, &info);
	/* That it was stopped is the guest's to clear. */
	info.flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	if (v->pv.stopped)
		info.flags |= PVCLOCK_GUEST_STOPPED;
	version = (old.version + 1) | 1;
	if (berth_write_guest(&v->core, gpa, &version, sizeof(version)))
		return;
	v->pv.stopped = false;
	smp_wmb();
	info.version = version;
	if (berth_write_guest(&v->core, gpa, &info, sizeof(info)))
		return;
	smp_wmb();
	version++;
	berth_write_guest(&v->core, gpa, &version, sizeof(version));
}

/*
 * MSR_KVM_SYSTEM_TIME(_NEW): where the clock goes, with bit 0 to switch it on.  The
 * address is looked up at each write, so any value will do.
 */
int x86_set_system_time(struct x86_vcpu *v, u64 data, unsigned int feature)
{
	if (!x86_pv_has(&v->pv, feature))
		return 1;
	v->pv.system_time = data;
	if (!(data & KVM_MSR_ENABLED)) {
		WRITE_ONCE(v->pv.active, v->pv.active & ~X86_PV_CLOCK);
		return 0;
	}
	WRITE_ONCE(v->pv.active, v->pv.active | X86_PV_CLOCK);
	berth_vcpu_request(&v->core, X86_REQ_CLOCK);
	return 0;
}

/* MSR_KVM_WALL_CLOCK(_NEW): the date at which the VM's clock was zero goes there, once. */
int x86_set_wall_clock(struct x86_vcpu *v, u64 data, unsigned int feature)
{
	struct x86_vm *vm = to_x86_vm(v->core.vm);
	struct pvclock_wall_clock wall;
	unsigned long flags;
	struct moment m;
	u32 version;
	u64 ns;

	if (!x86_pv_has(&v->pv, feature))
		return 1;
	WRITE_ONCE(vm->clock.wall_clock, data);
	if (!data || berth_read_guest(&vm->core, data, &version, sizeof(version)))
		return 0;
	version = (version + 1) | 1;
	if (berth_write_guest(&v->core, data, &version, sizeof(version)))
		return 0;
	raw_spin_lock_irqsave(&vm->clock.lock, flags);
	refresh(vm, &m);
	ns = m.real - clock_at(&vm->clock, &m);
	raw_spin_unlock_irqrestore(&vm->clock.lock, flags);
	wall.version = version;
	wall.sec = div_u64_rem(ns, NSEC_PER_SEC, &wall.nsec);
	smp_wmb();
	if (berth_write_guest(&v->core, data, &wall, sizeof(wall)))
		return 0;
	smp_wmb();
	version++;
	berth_write_guest(&v->core, data, &version, sizeof(version));
	return 0;
}

/*
 * KVM_KVMCLOCK_CTRL (api.rst 4.67): the guest was stopped, its watchdogs are to know.
 * -EINVAL while it has no clock.
 */
long x86_ioctl_kvmclock_ctrl(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);

	if (!(v->pv.active & X86_PV_CLOCK))
		return -EINVAL;
	v->pv.stopped = true;
	berth_vcpu_request(vcpu, X86_REQ_CLOCK);
	return 0;
}
