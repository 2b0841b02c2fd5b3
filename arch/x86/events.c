// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions, interrupts and NMIs on their way to the guest: what waits, how two
 * exceptions become one, and the ioctls that add to it or move it elsewhere.  Handing
 * an event to the hardware is the vendor's.
 */
#include <asm/traps.h>
#include "irq.h"
#include "lapic.h"
#include "state.h"

#define MAX_EXCEPTION		31
#define MAX_VECTOR		255
#define DR7_GD			BIT(13)

/* Of a #DB's payload: not a bit of DR6; and bits of DR6 that are clear when they hold. */
#define DR6_ENABLED_BREAKPOINT	BIT_ULL(12)
#define DR6_ACTIVE_LOW		(BIT_ULL(11) | BIT_ULL(16))	/* bus lock, RTM */

#define VECTORS2(a, b)		(BIT(a) | BIT(b))
#define VECTORS5(a, b, c, d, e)	(VECTORS2(a, b) | VECTORS2(c, d) | BIT(e))

/* Exceptions that report the instruction before as done: RIP is past it. */
#define TRAPS		(BIT(DB_VECTOR) | VECTORS2(BP_VECTOR, OF_VECTOR))
#define ABORTS		VECTORS2(DF_VECTOR, MC_VECTOR)

/* What two exceptions in a row become (APM vol. 2, 8.2.9). */
#define CONTRIBUTORY	VECTORS5(DE_VECTOR, TS_VECTOR, NP_VECTOR, SS_VECTOR, GP_VECTOR)

static bool contributory(u8 vector)
{
	return BIT(vector) & CONTRIBUTORY;
}

static bool makes_double_fault(u8 first, u8 second)
{
	if (first == PF_VECTOR)
		return second == PF_VECTOR || contributory(second);
	return contributory(first) && contributory(second);
}

/*
 * Where the second does not make it worse it takes the first one's place: the first
 * comes again when its instruction does.
 */
static void queue(struct x86_vcpu *v, u8 vector, bool has_error, u32 error)
{
	struct x86_events *ev = &v->ev;

	if (ev->exception.pending || ev->exception.injected) {
		if (ev->exception.vector == DF_VECTOR) {
			ev->triple_fault = true;
			return;
		}
		if (makes_double_fault(ev->exception.vector, vector)) {
			vector = DF_VECTOR;
			has_error = true;
			error = 0;
		}
	}
	ev->exception.pending = true;
	ev->exception.injected = false;
	ev->exception.vector = vector;
	ev->exception.has_error = has_error;
	ev->exception.error = error;
	ev->exception.has_payload = false;
	ev->exception.payload = 0;
}

/*
 * What the exception brings besides: CR2's address or DR6's bits, in the form of VT-x's
 * pending debug exceptions (api.rst, KVM_CAP_EXCEPTION_PAYLOAD).  The CPU sets B0..B3
 * anew and leaves the other bits for software to clear (APM vol. 2, 13.1.1.3).
 */
static void deliver_payload(struct x86_vcpu *v)
{
	struct x86_events *ev = &v->ev;
	u64 payload = ev->exception.payload;

	if (!ev->exception.has_payload)
		return;
	switch (ev->exception.vector) {
	case DB_VECTOR:
		v->dr6 = (v->dr6 & ~(u64)DR_TRAP_BITS) | DR6_ACTIVE_LOW |
			 (payload & ~DR6_ENABLED_BREAKPOINT);
		v->dr6 ^= payload & DR6_ACTIVE_LOW;
		x86_vendor->update_traps(v);
		break;
	case PF_VECTOR:
		x86_vendor->set_cr(v, 2, payload);
		break;
	}
	ev->exception.has_payload = false;
	ev->exception.payload = 0;
}

/*
 * User space that does not know payloads finds them in their registers at once: it has
 * nowhere else to see them.
 */
static void queue_with_payload(struct x86_vcpu *v, u8 vector, bool has_error, u32 error,
			       u64 payload)
{
	struct x86_events *ev = &v->ev;

	queue(v, vector, has_error, error);
	/* Two became one, which has none: the registers change as the first had it. */
	if (ev->exception.vector != vector || !ev->exception.pending) {
		if (vector == PF_VECTOR)
			x86_vendor->set_cr(v, 2, payload);
		return;
	}
	ev->exception.has_payload = true;
	ev->exception.payload = payload;
	if (!READ_ONCE(to_x86_vm(v->core.vm)->exception_payload))
		deliver_payload(v);
}

void x86_queue_exception(struct x86_vcpu *v, u8 vector)
{
	queue(v, vector, false, 0);
}

void x86_queue_exception_error(struct x86_vcpu *v, u8 vector, u32 error)
{
	queue(v, vector, true, error);
}

void x86_queue_page_fault(struct x86_vcpu *v, u64 cr2, u32 error)
{
	queue_with_payload(v, PF_VECTOR, true, error, cr2);
}

void x86_queue_debug(struct x86_vcpu *v, u64 dr6_bits)
{
	queue_with_payload(v, DB_VECTOR, false, 0, dr6_bits);
}

/*
 * x86_deliver_exception() - the pending exception is handed to the hardware now.
 *
 * A fault's instruction comes again, and must not meet its own breakpoint twice: RF
 * (APM vol. 2, 3.1.6).  #DB's handler may access the debug registers (13.1.1.4).
 * Context: loaded.
 */
void x86_deliver_exception(struct x86_vcpu *v)
{
	struct x86_events *ev = &v->ev;

	deliver_payload(v);
	ev->exception.pending = false;
	ev->exception.injected = true;
	if (!(BIT(ev->exception.vector) & (TRAPS | ABORTS)))
		v->rflags |= X86_EFLAGS_RF;
	if (ev->exception.vector == DB_VECTOR && (v->dr7 & DR7_GD)) {
		v->dr7 &= ~(u64)DR7_GD;
		x86_vendor->update_traps(v);
	}
}

bool x86_interrupt_allowed(struct x86_vcpu *v)
{
	const struct x86_events *ev = &v->ev;

	return (v->rflags & X86_EFLAGS_IF) && !ev->exception.pending &&
	       !ev->exception.injected && !ev->interrupt.injected && !ev->nmi.injected &&
	       !x86_vendor->get_shadow(v);
}

/*
 * May user space's interrupt controller interrupt the guest now?  Beside a local APIC in
 * the kernel it can only be what drives LINT0.
 */
bool x86_window_open(struct x86_vcpu *v)
{
	return x86_interrupt_allowed(v) && (!v->lapic || x86_lapic_takes_extint(v));
}

/*
 * x86_exit_window() - KVM_EXIT_IRQ_WINDOW_OPEN, if user space waits for it.
 *
 * False while it does not, or the window is closed.
 */
bool x86_exit_window(struct x86_vcpu *v)
{
	if (!v->want_irq_window || !x86_window_open(v))
		return false;
	v->want_irq_window = false;
	v->core.run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	return true;
}

/* ---- ioctls ---- */

/*
 * x86_ioctl_interrupt() - KVM_INTERRUPT (api.rst 4.16), with the interrupt controller
 * in user space.
 *
 * It has been acknowledged there, so it goes in with the next entry whatever IF says,
 * and takes the place of one that waits, as the kernel's own KVM has it.  With a local
 * APIC in the kernel it is the PIC's, for LINT0 to let in.  -EINVAL for what is no
 * vector, -ENXIO when the PIC is the kernel's, -EEXIST when one waits.
 */
long x86_ioctl_interrupt(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_interrupt *irq = data;
	struct x86_events *ev = &to_x86(vcpu)->ev;

	if (irq->irq > MAX_VECTOR)
		return -EINVAL;
	if (to_x86(vcpu)->lapic)
		return x86_lapic_interrupt(to_x86(vcpu), irq->irq);
	ev->interrupt.injected = true;
	ev->interrupt.soft = false;
	ev->interrupt.nr = irq->irq;
	return 0;
}

u8 x86_nmi_limit(const struct x86_vcpu *v)
{
	return v->nmi_masked || v->ev.nmi.injected ? 1 : 2;
}

long x86_ioctl_nmi(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);

	v->ev.nmi.pending = min_t(u8, v->ev.nmi.pending + 1, x86_nmi_limit(v));
	return 0;
}

static bool is_soft_exception(u8 vector)
{
	return vector == BP_VECTOR || vector == OF_VECTOR;
}

/*
 * INT3, INTO and INT happen again by themselves, since RIP is still at them: they are
 * not told.  Pending exceptions are told as injected, too, where user space has not
 * enabled KVM_CAP_EXCEPTION_PAYLOAD, because it gives only those back then.
 */
long x86_ioctl_get_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct x86_vm *vm = to_x86_vm(vcpu->vm);
	bool payload = READ_ONCE(vm->exception_payload);
	const struct x86_events *ev = &v->ev;
	struct kvm_vcpu_events *events = data;

	if (!payload && ev->exception.pending)
		deliver_payload(v);
	memset(events, 0, sizeof(*events));
	if (v->lapic)
		x86_lapic_take_nmis(v);
	if (!is_soft_exception(ev->exception.vector)) {
		events->exception.pending = ev->exception.pending;
		events->exception.injected = ev->exception.injected ||
					     (ev->exception.pending && !payload);
	}
	events->exception_has_payload = ev->exception.has_payload;
	events->exception_payload = ev->exception.payload;
	events->exception.nr = ev->exception.vector;
	events->exception.has_error_code = ev->exception.has_error;
	events->exception.error_code = ev->exception.error;
	events->interrupt.injected = ev->interrupt.injected && !ev->interrupt.soft;
	events->interrupt.nr = ev->interrupt.nr;
	events->interrupt.shadow = x86_vendor->get_shadow(v);
	events->nmi.injected = ev->nmi.injected;
	events->nmi.pending = ev->nmi.pending;
	events->nmi.masked = v->nmi_masked;
	events->smi.latched_init = v->lapic && test_bit(LAPIC_INIT, &v->lapic->events);
	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			KVM_VCPUEVENT_VALID_SMM;
	if (payload)
		events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (READ_ONCE(vm->triple_fault_event)) {
		events->triple_fault.pending = ev->triple_fault;
		events->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

/* Flags whose fields exist without a capability that must be enabled. */
#define EVENT_FLAGS	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
			 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM)

static bool events_valid(struct x86_vm *vm, const struct kvm_vcpu_events *events)
{
	bool pending = (events->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && events->exception.pending;
	u32 flags = EVENT_FLAGS;

	if (READ_ONCE(vm->exception_payload))
		flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (READ_ONCE(vm->triple_fault_event))
		flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	if (events->flags & ~flags)
		return false;
	if ((events->exception.injected || pending) &&
	    (events->exception.nr > MAX_EXCEPTION || events->exception.nr == NMI_VECTOR))
		return false;
	/* There is no system management mode to be in. */
	return !(events->flags & KVM_VCPUEVENT_VALID_SMM) ||
	       !(events->smi.smm || events->smi.pending);
}

/*
 * x86_ioctl_set_events() - KVM_SET_VCPU_EVENTS (api.rst 4.32).
 *
 * Without KVM_VCPUEVENT_VALID_PAYLOAD exception.pending means nothing.  -EINVAL for
 * unknown flags, an exception that is none, or SMM state; nothing has changed then.
 */
long x86_ioctl_set_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct x86_events *ev = &v->ev;
	const struct kvm_vcpu_events *events = data;

	bool pending = (events->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && events->exception.pending;

	if (!events_valid(to_x86_vm(vcpu->vm), events))
		return -EINVAL;

	ev->exception.pending = pending;
	ev->exception.injected = events->exception.injected && !pending;
	ev->exception.has_payload = pending && events->exception_has_payload;
	ev->exception.payload = ev->exception.has_payload ? events->exception_payload : 0;
	ev->exception.vector = events->exception.nr;
	ev->exception.has_error = events->exception.has_error_code;
	ev->exception.error = events->exception.error_code;
	ev->interrupt.injected = events->interrupt.injected;
	ev->interrupt.soft = events->interrupt.soft;
	ev->interrupt.nr = events->interrupt.nr;
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW)
		x86_vendor->set_shadow(v, events->interrupt.shadow);
	v->nmi_masked = events->nmi.masked;
	ev->nmi.injected = events->nmi.injected;
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		ev->nmi.pending = min(events->nmi.pending, x86_nmi_limit(v));
	if (v->lapic)
		x86_lapic_set_events(v, events);
	if (events->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		ev->triple_fault = events->triple_fault.pending;
	x86_vendor->update_traps(v);
	berth_vcpu_request(vcpu, X86_REQ_EVENT);
	return 0;
}
