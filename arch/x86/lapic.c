// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC (SDM 3A, chapter 11; APM vol. 2, chapter 16): its registers as the
 * guest accesses them, messages that arrive, priorities, and the end of an interrupt.
 */
#include <linux/nospec.h>
#include "lapic.h"
#include "state.h"

/* What of an LVT entry can be written. */
#define LVT_TIMER	(APIC_LVT_MASKED | APIC_SEND_PENDING | APIC_VECTOR_MASK)
#define LVT_MODE	(LVT_TIMER | APIC_MODE_MASK)
#define LVT_LINT	(LVT_MODE | APIC_INPUT_POLARITY | APIC_LVT_REMOTE_IRR | \
			 APIC_LVT_LEVEL_TRIGGER)

#define SPIV_WRITABLE	(APIC_VECTOR_MASK | APIC_SPIV_APIC_ENABLED | APIC_SPIV_FOCUS_DISABLED)
#define TDCR_WRITABLE	0xb
#define PRIORITY_CLASS	0xf0u

/* ---- priorities (SDM 3A, 11.8.3) ---- */

/*
 * CR8 is the task priority's class; the guest may have written it without an exit.  Then
 * the register's other half is 0.
 */
static u32 task_priority(struct x86_lapic *l)
{
	u32 tpr = lapic_get(l, APIC_TASKPRI);

	if (unlikely(tpr >> 4 != l->v->cr8)) {
		tpr = l->v->cr8 << 4;
		lapic_set(l, APIC_TASKPRI, tpr);
	}
	return tpr;
}

static u32 processor_priority(struct x86_lapic *l)
{
	int isr = lapic_highest(l->isr);
	u32 tpr = task_priority(l), class = isr < 0 ? 0 : isr & PRIORITY_CLASS;

	return (tpr & PRIORITY_CLASS) >= class ? tpr : class;
}

static bool above(int vector, u32 priority)
{
	return vector >= 0 && (vector & PRIORITY_CLASS) > (priority & PRIORITY_CLASS);
}

int x86_lapic_deliverable(struct x86_vcpu *v)
{
	struct x86_lapic *l = v->lapic;
	int vector = lapic_highest(l->irr);

	if (vector < 0 || !lapic_hw_enabled(l))
		return -1;
	return above(vector, processor_priority(l)) ? vector : -1;
}

void x86_lapic_accept(struct x86_vcpu *v, u8 vector)
{
	clear_bit(vector, v->lapic->irr);
	__set_bit(vector, v->lapic->isr);
}

bool x86_lapic_held_by_tpr(struct x86_vcpu *v)
{
	struct x86_lapic *l = v->lapic;
	int isr = lapic_highest(l->isr), irr = lapic_highest(l->irr);

	return above(irr, isr < 0 ? 0 : isr) && !above(irr, task_priority(l));
}

void x86_lapic_write_cr8(struct x86_vcpu *v)
{
	lapic_set(v->lapic, APIC_TASKPRI, v->cr8 << 4);
	lapic_look(v->lapic);
}

static void set_task_priority(struct x86_lapic *l, u32 value)
{
	lapic_set(l, APIC_TASKPRI, value & 0xff);
	l->v->cr8 = (value & 0xff) >> 4;
	lapic_look(l);
}

/* ---- messages ---- */

static void notify(struct x86_lapic *l)
{
	berth_vcpu_request(&l->v->core, X86_REQ_EVENT);
	berth_vcpu_kick(&l->v->core);
}

/* @source: the vCPU whose thread this is, if any. */
static void post(struct x86_lapic *l, u8 vector, bool level, const struct x86_vcpu *source)
{
	if (test_bit(vector, l->tmr) != level)
		assign_bit(vector, l->tmr, level);
	/* A full barrier: TMR before it.  One that waits already has been announced. */
	if (test_and_set_bit(vector, l->irr))
		return;
	if (source == l->v)
		lapic_look(l);
	else
		notify(l);
}

static void post_nmi(struct x86_lapic *l)
{
	/* Of more than two none is seen (APM vol. 2, 8.2.3). */
	if (atomic_add_unless(&l->nmis, 1, 2))
		notify(l);
}

int lapic_accept_msg(struct x86_lapic *l, const struct x86_irq_msg *msg,
		     const struct x86_vcpu *source)
{
	switch (msg->mode) {
	case X86_FIXED:
	case X86_LOWEST:
		if ((msg->level && !msg->assert) || !lapic_enabled(l))
			return 0;
		post(l, msg->vector, msg->level, source);
		return 1;
	case X86_NMI:
		post_nmi(l);
		return 1;
	case X86_INIT:
		if (msg->level && !msg->assert)
			return 0;
		/* It takes back a start-up that has not begun. */
		WRITE_ONCE(l->events, BIT(LAPIC_INIT));
		notify(l);
		return 1;
	case X86_SIPI:
		WRITE_ONCE(l->sipi_vector, msg->vector);
		/* Pairs with the one in x86_lapic_take_init_sipi(): the vector first. */
		smp_wmb();
		set_bit(LAPIC_SIPI, &l->events);
		notify(l);
		return 1;
	default:
		/* There is no system management mode; ExtINT comes by LINT0 alone. */
		return 0;
	}
}

void lapic_local_event(struct x86_lapic *l, unsigned int lvt)
{
	u32 entry = lapic_get(l, lvt);

	if (!lapic_hw_enabled(l) || (entry & APIC_LVT_MASKED))
		return;
	if (lvt == APIC_LVTT || GET_APIC_DELIVERY_MODE(entry) == X86_FIXED)
		post(l, entry & APIC_VECTOR_MASK, entry & APIC_LVT_LEVEL_TRIGGER, NULL);
	else if (GET_APIC_DELIVERY_MODE(entry) == X86_NMI)
		post_nmi(l);
}

/* ---- the PIC behind LINT0 ---- */

/* An APIC that is off lets the PIC through (SDM 3A, 11.4.3). */
bool x86_lapic_accepts_pic(struct x86_vcpu *v)
{
	u32 lint0 = lapic_get(v->lapic, APIC_LVT0);

	if (!lapic_hw_enabled(v->lapic))
		return true;
	return !(lint0 & APIC_LVT_MASKED) && GET_APIC_DELIVERY_MODE(lint0) == X86_EXTINT;
}

bool x86_lapic_takes_extint(struct x86_vcpu *v)
{
	return v->lapic->extint < 0 && x86_lapic_accepts_pic(v);
}

void x86_lapic_extint(struct x86_vm *vm)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	/* INTR before the look at LINT0; pairs with write_lvt(). */
	smp_mb();
	berth_for_each_vcpu(i, vcpu, &vm->core)
		if (x86_has_lapic(to_x86(vcpu)) && x86_lapic_accepts_pic(to_x86(vcpu)))
			notify(to_x86(vcpu)->lapic);
}

/* ---- what the run loop asks ---- */

static bool extint_waits(struct x86_vcpu *v)
{
	if (!x86_lapic_accepts_pic(v))
		return false;
	if (x86_irqchip(v->core.vm) == X86_IRQCHIP_SPLIT)
		return v->lapic->extint >= 0;
	return x86_pic_output(to_x86_vm(v->core.vm));
}

bool x86_interrupt_waits(struct x86_vcpu *v)
{
	return x86_lapic_deliverable(v) >= 0 || extint_waits(v);
}

int x86_take_interrupt(struct x86_vcpu *v)
{
	int vector;

	if (extint_waits(v)) {
		if (x86_irqchip(v->core.vm) != X86_IRQCHIP_SPLIT)
			return x86_pic_acknowledge(to_x86_vm(v->core.vm));
		vector = v->lapic->extint;
		v->lapic->extint = -1;
		return vector;
	}
	vector = x86_lapic_deliverable(v);
	if (vector >= 0)
		x86_lapic_accept(v, vector);
	return vector;
}

int x86_lapic_look(struct x86_vcpu *v)
{
	struct x86_lapic *l = v->lapic;

	if (likely(l->eoi_vector < 0))
		return BERTH_RUN_AGAIN;
	v->core.run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	v->core.run->eoi.vector = l->eoi_vector;
	l->eoi_vector = -1;
	return BERTH_RUN_USER;
}

void x86_lapic_take_init_sipi(struct x86_vcpu *v)
{
	struct x86_lapic *l = v->lapic;
	struct kvm_segment cs;
	u8 vector;

	if (test_and_clear_bit(LAPIC_INIT, &l->events)) {
		x86_reset_regs(v, true);
		x86_lapic_reset(v, true);
		v->mp_state = v->apic_base & MSR_IA32_APICBASE_BSP ? KVM_MP_STATE_RUNNABLE :
								     KVM_MP_STATE_INIT_RECEIVED;
	}
	if (!test_and_clear_bit(LAPIC_SIPI, &l->events) ||
	    v->mp_state != KVM_MP_STATE_INIT_RECEIVED)
		return;
	smp_rmb();	/* pairs with lapic_accept_msg() */
	vector = READ_ONCE(l->sipi_vector);
	x86_vendor->get_segment(v, &cs, X86_CS);
	cs.selector = vector << 8;
	cs.base = vector << 12;
	x86_vendor->set_segment(v, &cs, X86_CS);
	v->rip = 0;
	v->mp_state = KVM_MP_STATE_RUNNABLE;
}

void x86_lapic_take_nmis(struct x86_vcpu *v)
{
	int nmis = atomic_xchg(&v->lapic->nmis, 0);

	v->ev.nmi.pending = min_t(u8, v->ev.nmi.pending + nmis, x86_nmi_limit(v));
}

void x86_lapic_take_events(struct x86_vcpu *v)
{
	struct x86_lapic *l = v->lapic;

	if (unlikely(READ_ONCE(l->events)))
		x86_lapic_take_init_sipi(v);
	if (unlikely(atomic_read(&l->nmis)))
		x86_lapic_take_nmis(v);
	lapic_look(l);
}

bool x86_lapic_runnable(struct x86_vcpu *v)
{
	struct x86_lapic *l = v->lapic;

	if (v->mp_state == KVM_MP_STATE_RUNNABLE || READ_ONCE(l->events))
		return true;
	if (v->mp_state != KVM_MP_STATE_HALTED)
		return false;
	if (v->ev.exception.pending || v->ev.exception.injected || v->ev.interrupt.injected ||
	    v->ev.nmi.injected || l->eoi_vector >= 0)
		return true;
	if ((v->ev.nmi.pending || atomic_read(&l->nmis)) && !v->nmi_masked)
		return true;
	return x86_interrupt_allowed(v) && x86_interrupt_waits(v);
}

/* ---- the end of an interrupt (SDM 3A, 11.8.5) ---- */

static void broadcast_eoi(struct x86_lapic *l, u8 vector)
{
	struct x86_vm *vm = to_x86_vm(l->v->core.vm);
	bool level = test_bit(vector, l->tmr) &&
		     !(lapic_get(l, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI);

	if (x86_irqchip(&vm->core) == X86_IRQCHIP_KERNEL) {
		/* Of edge-triggered ones only who listens to a pin wants to know. */
		if (x86_ioapic_has_vector(vm, vector))
			x86_ioapic_eoi(vm, vector, level);
	} else if (level) {
		l->eoi_vector = vector;
		lapic_look(l);
	}
}

static void end_of_interrupt(struct x86_lapic *l)
{
	int vector = lapic_highest(l->isr);

	if (vector < 0)
		return;
	__clear_bit(vector, l->isr);
	broadcast_eoi(l, vector);
	/* One that comes now is announced. */
	if (lapic_highest(l->irr) >= 0)
		lapic_look(l);
}

/* ---- registers ---- */

/* Who may read and write a register; those of x2APIC mode are MSRs. */
#define XR	BIT(0)
#define XW	BIT(1)
#define X2R	BIT(2)
#define X2W	BIT(3)
#define R	(XR | X2R)
#define RW	(R | XW | X2W)
#define REG(offset)	[(offset) / 16]
#define REGS(offset)	[(offset) / 16 ... (offset) / 16 + 7]

static const u8 access[LAPIC_NR_REGS] = {
	REG(APIC_ID) = R | XW,
	REG(APIC_LVR) = R,
	REG(APIC_TASKPRI) = RW,
	REG(APIC_ARBPRI) = XR,
	REG(APIC_PROCPRI) = R,
	REG(APIC_EOI) = XW | X2W,
	REG(APIC_LDR) = R | XW,
	REG(APIC_DFR) = XR | XW,
	REG(APIC_SPIV) = RW,
	REGS(APIC_ISR) = R,
	REGS(APIC_TMR) = R,
	REGS(APIC_IRR) = R,
	REG(APIC_ESR) = RW,
	REG(APIC_ICR) = RW,
	REG(APIC_ICR2) = XR | XW,
	REG(APIC_LVTT) = RW,
	REG(APIC_LVTTHMR) = RW,
	REG(APIC_LVTPC) = RW,
	REG(APIC_LVT0) = RW,
	REG(APIC_LVT1) = RW,
	REG(APIC_LVTERR) = RW,
	REG(APIC_TMICT) = RW,
	REG(APIC_TMCCT) = R,
	REG(APIC_TDCR) = RW,
	REG(APIC_SELF_IPI) = X2W,
};

static bool may(unsigned int offset, u8 right)
{
	return access[array_index_nospec(offset / 16 % LAPIC_NR_REGS, LAPIC_NR_REGS)] & right;
}

/* A 32-bit part of a bitmap of vectors. */
static u32 bitmap_word(const unsigned long *bitmap, unsigned int offset)
{
	unsigned int word = offset / 16 % 8;

	return READ_ONCE(bitmap[word / 2]) >> (word % 2 * 32);
}

u32 lapic_read(struct x86_lapic *l, unsigned int offset)
{
	switch (offset) {
	case APIC_TASKPRI:
		return task_priority(l);
	case APIC_PROCPRI:
		return processor_priority(l);
	case APIC_ISR ... APIC_ISR + 0x70:
		return bitmap_word(l->isr, offset);
	case APIC_TMR ... APIC_TMR + 0x70:
		return bitmap_word(l->tmr, offset);
	case APIC_IRR ... APIC_IRR + 0x70:
		return bitmap_word(l->irr, offset);
	case APIC_TMCCT:
		return lapic_timer_count(l);
	default:
		return l->reg[array_index_nospec(offset / 16 % LAPIC_NR_REGS, LAPIC_NR_REGS)];
	}
}

/* Bits of x2APIC mode's ICR that must be 0 (SDM 3A, 11.12.9).  Busy only AMD minds. */
#define X2APIC_ICR_RESERVED	(GENMASK(31, 20) | GENMASK(17, 16) | BIT(13))

/* @high: ICR2, or the upper half of x2APIC mode's ICR. */
static void send_ipi(struct x86_lapic *l, u32 low, u32 high)
{
	struct x86_irq_msg msg = {
		.dest = lapic_is_x2apic(l) ? high : high >> 24,
		.vector = low & APIC_VECTOR_MASK,
		.mode = GET_APIC_DELIVERY_MODE(low),
		.shorthand = low >> 18 & 3,
		.logical = low & APIC_DEST_LOGICAL,
		.level = low & APIC_INT_LEVELTRIG,
		.assert = low & APIC_INT_ASSERT,
	};

	x86_apic_send(to_x86_vm(l->v->core.vm), l->v, &msg);
}

static void write_icr(struct x86_lapic *l, u32 low, u32 high)
{
	/* It is sent at once: never busy. */
	low &= ~APIC_ICR_BUSY;
	lapic_set(l, APIC_ICR, low);
	lapic_set(l, APIC_ICR2, high);
	send_ipi(l, low, high);
}

/* While the APIC is disabled by software every LVT entry is masked (SDM 3A, 11.4.7.2). */
static void mask_lvts(struct x86_lapic *l)
{
	unsigned int lvt;

	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 16)
		lapic_set(l, lvt, lapic_get(l, lvt) | APIC_LVT_MASKED);
}

static void write_spiv(struct x86_lapic *l, u32 value)
{
	u32 old = lapic_get(l, APIC_SPIV);

	value &= SPIV_WRITABLE |
		 (lapic_get(l, APIC_LVR) & APIC_LVR_DIRECTED_EOI ? APIC_SPIV_DIRECTED_EOI : 0);
	lapic_set(l, APIC_SPIV, value);
	if (!(value & APIC_SPIV_APIC_ENABLED))
		mask_lvts(l);
	if ((value ^ old) & APIC_SPIV_APIC_ENABLED)
		x86_apic_map_update(to_x86_vm(l->v->core.vm));
}

static u32 lvt_writable(unsigned int offset)
{
	switch (offset) {
	case APIC_LVTT:
		return LVT_TIMER | APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE;
	case APIC_LVT0:
	case APIC_LVT1:
		return LVT_LINT;
	case APIC_LVTERR:
		return LVT_TIMER;
	default:
		return LVT_MODE;
	}
}

static void write_lvt(struct x86_lapic *l, unsigned int offset, u32 value)
{
	value &= lvt_writable(offset);
	if (offset == APIC_LVTT && !x86_guest_has(l->v, X86_FEATURE_TSC_DEADLINE_TIMER))
		value &= ~APIC_LVT_TIMER_TSCDEADLINE;
	if (!(lapic_get(l, APIC_SPIV) & APIC_SPIV_APIC_ENABLED))
		value |= APIC_LVT_MASKED;
	if (offset == APIC_LVTT)
		lapic_timer_set_lvt(l, value);
	else
		lapic_set(l, offset, value);
	/* LINT0 may let the PIC's interrupt in: before the look at INTR (x86_lapic_extint()). */
	smp_mb();
	lapic_look(l);
}

/* Where and as what this APIC is addressed. */
static void write_address(struct x86_lapic *l, unsigned int offset, u32 value)
{
	lapic_set(l, offset, value);
	x86_apic_map_update(to_x86_vm(l->v->core.vm));
}

int lapic_write(struct x86_lapic *l, unsigned int offset, u32 value)
{
	u32 old;

	switch (offset) {
	case APIC_EOI:
		end_of_interrupt(l);
		break;
	case APIC_ICR:
		write_icr(l, value, lapic_get(l, APIC_ICR2));
		break;
	case APIC_ICR2:
		lapic_set(l, offset, value & 0xff000000);
		break;
	case APIC_TASKPRI:
		set_task_priority(l, value);
		break;
	case APIC_TMICT:
		if (lapic_get(l, APIC_LVTT) & APIC_LVT_TIMER_TSCDEADLINE)
			break;
		lapic_set(l, offset, value);
		lapic_timer_set_count(l);
		break;
	case APIC_TDCR:
		old = lapic_get(l, APIC_TDCR);
		lapic_set(l, offset, value & TDCR_WRITABLE);
		lapic_timer_set_divider(l, old);
		break;
	case APIC_LVTT ... APIC_LVTERR:
		write_lvt(l, offset, value);
		break;
	case APIC_SPIV:
		write_spiv(l, value);
		break;
	case APIC_ID:
	case APIC_LDR:
		write_address(l, offset, value & 0xff000000);
		break;
	case APIC_DFR:
		write_address(l, offset, value | 0x0fffffff);
		break;
	case APIC_ESR:
		/* No error is ever detected. */
		return lapic_is_x2apic(l) && value;
	case APIC_SELF_IPI:
		post(l, value & APIC_VECTOR_MASK, false, l->v);
		break;
	}
	return 0;
}

void lapic_load(struct x86_lapic *l, unsigned int offset, u32 value)
{
	switch (offset) {
	case APIC_ID:
	case APIC_LDR:
		value &= 0xff000000;
		break;
	case APIC_TASKPRI:
		value &= 0xff;
		l->v->cr8 = value >> 4;
		break;
	case APIC_DFR:
		value |= 0x0fffffff;
		break;
	case APIC_SPIV:
		value &= SPIV_WRITABLE | APIC_SPIV_DIRECTED_EOI;
		break;
	case APIC_ICR:
		value &= ~APIC_ICR_BUSY;
		break;
	case APIC_LVTT ... APIC_LVTERR:
		value &= lvt_writable(offset);
		break;
	case APIC_TDCR:
		value &= TDCR_WRITABLE;
		break;
	case APIC_ESR:
	case APIC_ICR2:
	case APIC_TMICT:
		break;
	default:	/* bitmaps, what is computed, and what is reserved */
		return;
	}
	lapic_set(l, offset, value);
}

/* ---- xAPIC mode: the page at APIC_BASE ---- */

/*
 * The page is there while APIC_BASE enables it, in xAPIC mode.  Else it reads as ones,
 * unless user space disabled that quirk and sees the access itself.
 */
static bool page_open(struct x86_vcpu *v, bool *hole)
{
	*hole = !(to_x86_vm(v->core.vm)->disabled_quirks & KVM_X86_QUIRK_LAPIC_MMIO_HOLE);
	return lapic_hw_enabled(v->lapic) && !lapic_is_x2apic(v->lapic);
}

int x86_lapic_mmio_read(struct x86_vcpu *v, gpa_t gpa, void *data, unsigned int len)
{
	unsigned int offset = offset_in_page(gpa);
	u32 value = 0;
	bool hole;

	if (!page_open(v, &hole)) {
		memset(data, 0xff, len);
		return hole ? 0 : -EOPNOTSUPP;
	}
	memset(data, 0, len);
	/* Within one register's first four bytes; all else reads as zeros. */
	if ((offset & 15) + len > 4 || offset >= LAPIC_NR_REGS * 16)
		return 0;
	if (may(offset, XR))
		value = lapic_read(v->lapic, offset & ~15u);
	value >>= (offset & 3) * 8;
	memcpy(data, &value, len);
	return 0;
}

int x86_lapic_mmio_write(struct x86_vcpu *v, gpa_t gpa, const void *data, unsigned int len)
{
	unsigned int offset = offset_in_page(gpa);
	bool hole;

	if (!page_open(v, &hole))
		return hole ? 0 : -EOPNOTSUPP;
	if (len != 4 || (offset & 15) || offset >= LAPIC_NR_REGS * 16 || !may(offset, XW))
		return 0;
	lapic_write(v->lapic, offset, *(const u32 *)data);
	return 0;
}

/* ---- x2APIC mode: MSRs ---- */

int x86_lapic_get_msr(struct x86_vcpu *v, u32 index, u64 *data)
{
	struct x86_lapic *l = v->lapic;
	unsigned int offset = (index - APIC_BASE_MSR) * 16;

	if (!l || !lapic_is_x2apic(l) || offset >= LAPIC_NR_REGS * 16 || !may(offset, X2R))
		return 1;
	*data = lapic_read(l, offset);
	if (offset == APIC_ICR)
		*data |= (u64)lapic_get(l, APIC_ICR2) << 32;
	return 0;
}

int x86_lapic_set_msr(struct x86_vcpu *v, u32 index, u64 data)
{
	struct x86_lapic *l = v->lapic;
	unsigned int offset = (index - APIC_BASE_MSR) * 16;

	if (!l || !lapic_is_x2apic(l) || offset >= LAPIC_NR_REGS * 16 || !may(offset, X2W))
		return 1;
	if (offset == APIC_ICR) {
		if (data & X2APIC_ICR_RESERVED)
			return 1;
		write_icr(l, data, data >> 32);
		return 0;
	}
	return data >> 32 ? 1 : lapic_write(l, offset, data);
}
