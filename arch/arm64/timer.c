// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's two timers (Arm ARM D11.2).
 *
 * The virtual one is the CPU's own: from the first entry after the vCPU is loaded until it
 * is put or sleeps, the hardware has its registers, and its interrupt comes to us while the
 * guest runs.  The host's interrupt stays active until the guest ends the virtual one, which
 * is mapped to it; where there is no virtual GIC it stays so until the vCPU is loaded again.
 * The physical one traps and is made from an hrtimer, as both are while the vCPU sleeps.
 */
#include <asm/arch_timer.h>
#include <linux/interrupt.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/uaccess.h>
#include "sysreg.h"
#include "vgic/vgic.h"

#define CTL_WRITE	(ARCH_TIMER_CTRL_ENABLE | ARCH_TIMER_CTRL_IT_MASK)

/* CNTHCTL_EL2.EL1PCTEN: the guest reads the physical counter itself.  By E2H (D19.12.5). */
#define CNTHCTL_PCTEN		BIT(0)
#define CNTHCTL_PCTEN_E2H	BIT(10)
#define CNTHCTL_PTEN_E2H	BIT(11)

/* KVM_{GET,SET}_ONE_REG's numbers, with two of them exchanged for ever (asm/kvm.h). */
#define USER_CNTPCT	sys_reg(3, 3, 14, 0, 1)
#define USER_CNTP_CTL	sys_reg(3, 3, 14, 2, 1)
#define USER_CNTP_CVAL	sys_reg(3, 3, 14, 2, 2)
#define USER_CNTV_CTL	sys_reg(3, 3, 14, 3, 1)
#define USER_CNTV_CVAL	sys_reg(3, 3, 14, 0, 2)
#define USER_CNTVCT	sys_reg(3, 3, 14, 3, 2)

#define TRAP_CNTP_TVAL	sys_reg(3, 3, 14, 2, 0)

/* Whose virtual timer the CPU has.  Changed with interrupts off. */
static DEFINE_PER_CPU(struct arm_vcpu *, owner);
/* The host's interrupt may be active; false: it is not. */
static DEFINE_PER_CPU(bool, active);

static u64 counter(void)
{
	return __arch_counter_get_cntpct();
}

static u64 offset_of(const struct arm_vcpu *v, enum arm_timer_id id)
{
	const struct arm_vm_state *s = &arm_vm_of(v)->state;

	return id == ARM_VTIMER ? READ_ONCE(s->virt_offset) : READ_ONCE(s->phys_offset);
}

static bool enabled(u64 ctl)
{
	return (ctl & CTL_WRITE) == ARCH_TIMER_CTRL_ENABLE;
}

/* Counts until the timer's condition is met; 0: it is. */
static u64 remaining(const struct arm_vcpu *v, enum arm_timer_id id)
{
	u64 now = counter() - offset_of(v, id), cval = v->timer.regs[id].cval;

	return cval > now ? cval - now : 0;
}

/* ---- the virtual timer's registers in the CPU ---- */

static u64 hw_ctl(void)
{
	return arm_vhe() ? read_sysreg_s(SYS_CNTV_CTL_EL02) : read_sysreg(cntv_ctl_el0);
}

static void hw_set_ctl(u64 ctl)
{
	if (arm_vhe())
		write_sysreg_s(ctl, SYS_CNTV_CTL_EL02);
	else
		write_sysreg(ctl, cntv_ctl_el0);
	isb();
}

static u64 hw_cval(void)
{
	return arm_vhe() ? read_sysreg_s(SYS_CNTV_CVAL_EL02) : read_sysreg(cntv_cval_el0);
}

static void hw_set_cval(u64 cval)
{
	if (arm_vhe())
		write_sysreg_s(cval, SYS_CNTV_CVAL_EL02);
	else
		write_sysreg(cval, cntv_cval_el0);
	isb();
}

static void set_offset(u64 offset)
{
	if (arm_vhe())
		write_sysreg(offset, cntvoff_el2);
	else
		arm_el2_call(ARM_EL2_CNTVOFF, offset, 0, 0, 0);
}

/* ---- lines ---- */

static bool hw_due(void)
{
	u64 ctl = hw_ctl();

	return enabled(ctl) && (ctl & ARCH_TIMER_CTRL_IT_STAT);
}

static bool due(const struct arm_vcpu *v, enum arm_timer_id id)
{
	if (id == ARM_VTIMER && v->timer.loaded)
		return hw_due();
	return enabled(v->timer.regs[id].ctl) && !remaining(v, id);
}

/* Tell the interrupt controller, if there is one, how the line is now. */
static void set_line(struct arm_vcpu *v, enum arm_timer_id id, bool level)
{
	if (v->timer.regs[id].line == level)
		return;
	v->timer.regs[id].line = level;
	vgic_inject_owned(v, arm_vm_of(v)->state.timer_ppi[id], level, &v->timer);
}

static void update_lines(struct arm_vcpu *v)
{
	set_line(v, ARM_VTIMER, due(v, ARM_VTIMER));
	set_line(v, ARM_PTIMER, due(v, ARM_PTIMER));
}

/*
 * arm_timer_line() - the guest has acknowledged or ended @intid, which is mapped to the
 * host's interrupt: how is its line now?  Context: the vCPU's thread, interrupts off.
 */
bool arm_timer_line(struct arm_vcpu *v, u32 intid)
{
	enum arm_timer_id id = intid == arm_vm_of(v)->state.timer_ppi[ARM_VTIMER] ? ARM_VTIMER :
										    ARM_PTIMER;

	v->timer.regs[id].line = due(v, id);
	return v->timer.regs[id].line;
}

/* ---- the hrtimer ---- */

static enum hrtimer_restart wake(struct hrtimer *timer)
{
	struct arm_vcpu *v = container_of(timer, struct arm_vcpu, timer.wake);

	berth_vcpu_request(&v->core, ARM_REQ_TIMER);
	berth_vcpu_kick(&v->core);
	return HRTIMER_NORESTART;
}

/* A day is never waited longer: it is asked again then. */
#define LONGEST_NS	(24ull * 3600 * NSEC_PER_SEC)

static u64 to_ns(u64 counts)
{
	u64 freq = arch_timer_get_cntfrq();

	if (counts / freq >= LONGEST_NS / NSEC_PER_SEC)
		return LONGEST_NS;
	return mul_u64_u32_div(counts, NSEC_PER_SEC, freq);
}

/*
 * Have the vCPU look at its timers when the first of @ids, a mask, is due.  Not again for one
 * whose line is high; one that has come due since its line was looked at is due now.
 */
static void wake_for(struct arm_vcpu *v, unsigned long ids)
{
	u64 first = U64_MAX;
	unsigned int id;

	for_each_set_bit(id, &ids, ARM_NR_TIMERS)
		if (enabled(v->timer.regs[id].ctl) && !v->timer.regs[id].line)
			first = min(first, remaining(v, id));
	if (first == U64_MAX)
		hrtimer_try_to_cancel(&v->timer.wake);
	else
		hrtimer_start(&v->timer.wake, ktime_add_ns(ktime_get(), to_ns(first)),
			      HRTIMER_MODE_ABS_HARD);
}

/* The emulated timer's registers changed, or its time has come. */
static void update_physical(struct arm_vcpu *v)
{
	set_line(v, ARM_PTIMER, due(v, ARM_PTIMER));
	wake_for(v, BIT(ARM_PTIMER));
}

/* arm_timer_serve() - ARM_REQ_TIMER.  Context: the vCPU's thread, interrupts on. */
void arm_timer_serve(struct arm_vcpu *v)
{
	update_physical(v);
}

/* ---- load and put ---- */

/* So that the host's interrupt does not come while the guest has the virtual one already. */
static void set_active(struct arm_vcpu *v)
{
	struct arm_vm *vm = arm_vm_of(v);
	bool want = v->timer.regs[ARM_VTIMER].line;

	if (vgic_model(&vm->vgic))
		want |= vgic_irq_live(v, vm->state.timer_ppi[ARM_VTIMER]);
	if (want == __this_cpu_read(active))
		return;
	irq_set_irqchip_state(arm_vtimer_irq(), IRQCHIP_STATE_ACTIVE, want);
	__this_cpu_write(active, want);
}

static void allow_counter(struct arm_vcpu *v)
{
	u64 direct = offset_of(v, ARM_PTIMER) ? 0 : ~0ull;

	if (arm_vhe())
		sysreg_clear_set(cnthctl_el2, CNTHCTL_PCTEN_E2H | CNTHCTL_PTEN_E2H,
				 direct & CNTHCTL_PCTEN_E2H);
	else
		v->ctxt.cnthctl = direct & CNTHCTL_PCTEN;
}

/*
 * arm_timer_enter() - the vCPU's first entry since it was loaded.  Inverse: arm_timer_put().
 * Context: interrupts off.
 */
void arm_timer_enter(struct arm_vcpu *v)
{
	struct arm_timer *t = &v->timer;

	update_lines(v);
	wake_for(v, BIT(ARM_PTIMER));
	allow_counter(v);
	set_active(v);
	/* Before the timer: by another offset it might be due, and interrupt. */
	set_offset(offset_of(v, ARM_VTIMER));
	hw_set_cval(t->regs[ARM_VTIMER].cval);
	hw_set_ctl(t->regs[ARM_VTIMER].ctl);
	t->loaded = true;
	__this_cpu_write(owner, v);
}

/*
 * arm_timer_put() - the vCPU leaves this CPU, or sleeps: it has its registers again.  Context:
 * preemption off, scheduler.
 */
void arm_timer_put(struct arm_vcpu *v)
{
	struct arm_timer_regs *r = &v->timer.regs[ARM_VTIMER];
	unsigned long flags;

	local_irq_save(flags);
	if (v->timer.loaded) {
		r->ctl = hw_ctl() & CTL_WRITE;
		r->cval = hw_cval();
		hw_set_ctl(0);
		/* User space reads the virtual counter where the kernel runs at EL1. */
		if (!arm_vhe())
			set_offset(0);
		v->timer.loaded = false;
		__this_cpu_write(owner, NULL);
	}
	local_irq_restore(flags);
}

/*
 * arm_timer_due() - does a timer's interrupt wait that no GIC takes?  Tells the GIC where
 * there is one.  While a halt is polled, the CPU's own timer goes on and interrupts; of a
 * vCPU that sleeps after this it is taken back, and an hrtimer stands in for it.  Context:
 * the vCPU's thread, interrupts on.
 */
bool arm_timer_due(struct arm_vcpu *v)
{
	bool sleeps = v->core.state == BERTH_VCPU_BLOCKED, any;

	preempt_disable();
	if (sleeps)
		arm_timer_put(v);
	update_lines(v);
	any = v->timer.regs[ARM_VTIMER].line || v->timer.regs[ARM_PTIMER].line;
	preempt_enable();
	if (sleeps)
		wake_for(v, BIT(ARM_VTIMER) | BIT(ARM_PTIMER));
	return any && !vgic_model(&arm_vm_of(v)->vgic);
}

/*
 * arm_vtimer_interrupt() - the host's interrupt of the virtual timer.  It stays active when
 * it was the guest's.  Context: hard interrupt.
 */
irqreturn_t arm_vtimer_interrupt(int irq, void *unused)
{
	struct arm_vcpu *v = __this_cpu_read(owner);

	if (v && hw_due()) {
		__this_cpu_write(active, true);
		/* Again, where the guest has ended the one before: the line did not move. */
		v->timer.regs[ARM_VTIMER].line = false;
		set_line(v, ARM_VTIMER, true);
	} else {
		irq_set_irqchip_state(irq, IRQCHIP_STATE_ACTIVE, false);
		__this_cpu_write(active, false);
	}
	return IRQ_HANDLED;
}

/* ---- registers ---- */

static u64 ctl_of(const struct arm_vcpu *v, enum arm_timer_id id)
{
	return v->timer.regs[id].ctl | (remaining(v, id) ? 0 : ARCH_TIMER_CTRL_IT_STAT);
}

/* A trapped access to the physical timer or counter. */
bool arm_timer_access(struct arm_vcpu *v, const struct sysreg_row *row, struct sysreg_access *a)
{
	struct arm_timer_regs *r = &v->timer.regs[ARM_PTIMER];
	u64 now = counter() - offset_of(v, ARM_PTIMER);

	switch (a->enc) {
	case USER_CNTP_CTL:
		if (a->write)
			r->ctl = a->val & CTL_WRITE;
		else
			a->val = ctl_of(v, ARM_PTIMER);
		break;
	case USER_CNTP_CVAL:
		if (a->write)
			r->cval = a->val;
		else
			a->val = r->cval;
		break;
	case TRAP_CNTP_TVAL:
		/* 32 bits, signed, from now (D11.2.4). */
		if (a->write)
			r->cval = now + sign_extend64(lower_32_bits(a->val), 31);
		else
			a->val = lower_32_bits(r->cval - now);
		break;
	default:
		a->val = now;
		return !a->write;
	}
	if (a->write)
		update_physical(v);
	return true;
}

u64 arm_timer_get(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc)
{
	switch (enc) {
	case USER_CNTPCT:
		return counter() - offset_of(v, ARM_PTIMER);
	case USER_CNTVCT:
		return counter() - offset_of(v, ARM_VTIMER);
	case USER_CNTP_CTL:
		return ctl_of(v, ARM_PTIMER);
	case USER_CNTV_CTL:
		return ctl_of(v, ARM_VTIMER);
	case USER_CNTP_CVAL:
		return v->timer.regs[ARM_PTIMER].cval;
	default:
		return v->timer.regs[ARM_VTIMER].cval;
	}
}

/* Counters belong to the VM; who sets an offset for it ends their being set so. */
static void set_counter(struct arm_vcpu *v, enum arm_timer_id id, u64 value)
{
	struct arm_vm_state *s = &arm_vm_of(v)->state;

	mutex_lock(&s->lock);
	if (!s->offset_set)
		WRITE_ONCE(*(id == ARM_VTIMER ? &s->virt_offset : &s->phys_offset),
			   counter() - value);
	mutex_unlock(&s->lock);
}

int arm_timer_set(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc, u64 value)
{
	switch (enc) {
	case USER_CNTPCT:
		set_counter(v, ARM_PTIMER, value);
		break;
	case USER_CNTVCT:
		set_counter(v, ARM_VTIMER, value);
		break;
	case USER_CNTP_CTL:
		v->timer.regs[ARM_PTIMER].ctl = value & CTL_WRITE;
		break;
	case USER_CNTV_CTL:
		v->timer.regs[ARM_VTIMER].ctl = value & CTL_WRITE;
		break;
	case USER_CNTP_CVAL:
		v->timer.regs[ARM_PTIMER].cval = value;
		break;
	default:
		v->timer.regs[ARM_VTIMER].cval = value;
	}
	return 0;
}

/*
 * KVM_ARM_SET_COUNTER_OFFSET (api.rst 4.138): -EBUSY while a vCPU is used by another thread.
 * Context: vm->lock held.
 */
long arm_ioctl_set_counter_offset(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct kvm_arm_counter_offset *args = data;
	struct arm_vm_state *s = &to_arm_vm(vm)->state;
	struct berth_vcpu *vcpu;
	unsigned int i, locked;
	int r = 0;

	if (args->reserved)
		return -EINVAL;
	berth_for_each_vcpu(i, vcpu, vm) {
		if (!mutex_trylock(&vcpu->mutex)) {
			r = -EBUSY;
			break;
		}
	}
	locked = i;
	if (!r) {
		mutex_lock(&s->lock);
		s->offset_set = true;
		WRITE_ONCE(s->virt_offset, args->counter_offset);
		WRITE_ONCE(s->phys_offset, args->counter_offset);
		mutex_unlock(&s->lock);
	}
	while (locked--)
		mutex_unlock(&((struct berth_vcpu *)xa_load(&vm->vcpus, locked))->mutex);
	return r;
}

/* ---- the interrupts' numbers: KVM_ARM_VCPU_TIMER_CTRL (devices/vcpu.rst 2) ---- */

static int ppi_index(const struct kvm_device_attr *attr)
{
	switch (attr->attr) {
	case KVM_ARM_VCPU_TIMER_IRQ_VTIMER:
		return ARM_VTIMER;
	case KVM_ARM_VCPU_TIMER_IRQ_PTIMER:
		return ARM_PTIMER;
	default:
		return -ENXIO;
	}
}

int arm_timer_has_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr)
{
	return min(ppi_index(attr), 0);
}

int arm_timer_get_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr)
{
	int id = ppi_index(attr), ppi;

	if (id < 0)
		return id;
	ppi = arm_vm_of(v)->state.timer_ppi[id];
	return put_user(ppi, (int __user *)u64_to_user_ptr(attr->addr)) ? -EFAULT : 0;
}

int arm_timer_set_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr)
{
	struct arm_vm *vm = arm_vm_of(v);
	int id = ppi_index(attr), ppi, r = 0;

	if (!vgic_model(&vm->vgic))
		return -EINVAL;
	if (get_user(ppi, (int __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;
	if (ppi < VGIC_SGIS || ppi >= VGIC_PRIVATE_IRQS)
		return -EINVAL;
	if (id < 0)
		return id;
	mutex_lock(&vm->state.lock);
	if (vm->state.has_run)
		r = -EBUSY;
	else
		vm->state.timer_ppi[id] = ppi;
	mutex_unlock(&vm->state.lock);
	return r;
}

/*
 * arm_timer_first_run() - the vCPU is about to run for the first time: its interrupts are
 * the timers' from here on.  -EINVAL when they cannot be.  Context: may sleep.
 */
int arm_timer_first_run(struct arm_vcpu *v)
{
	struct arm_vm *vm = arm_vm_of(v);
	const u8 *ppi = vm->state.timer_ppi;

	if (!vgic_model(&vm->vgic))
		return 0;
	if (ppi[ARM_VTIMER] == ppi[ARM_PTIMER])
		return -EINVAL;
	if (vgic_set_owner(v, ppi[ARM_VTIMER], &v->timer) ||
	    vgic_set_owner(v, ppi[ARM_PTIMER], &v->timer))
		return -EINVAL;
	return vgic_map_phys_irq(v, arm_vtimer_irq(), ppi[ARM_VTIMER]);
}

/* ---- life ---- */

#define DEFAULT_VTIMER_PPI	27
#define DEFAULT_PTIMER_PPI	30

void arm_timer_vm_init(struct arm_vm_state *s)
{
	s->timer_ppi[ARM_VTIMER] = DEFAULT_VTIMER_PPI;
	s->timer_ppi[ARM_PTIMER] = DEFAULT_PTIMER_PPI;
	/* The guest's time begins with it. */
	s->virt_offset = counter();
}

void arm_timer_vcpu_init(struct arm_vcpu *v)
{
	hrtimer_init(&v->timer.wake, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	v->timer.wake.function = wake;
}

void arm_timer_vcpu_destroy(struct arm_vcpu *v)
{
	hrtimer_cancel(&v->timer.wake);
}

/* Both off (D11.2.4).  Context: the vCPU's thread, or nobody runs it. */
void arm_timer_reset(struct arm_vcpu *v)
{
	unsigned int id;

	preempt_disable();
	arm_timer_put(v);
	preempt_enable();
	hrtimer_try_to_cancel(&v->timer.wake);
	for (id = 0; id < ARM_NR_TIMERS; id++) {
		v->timer.regs[id].ctl = 0;
		v->timer.regs[id].cval = 0;
	}
	update_lines(v);
}
