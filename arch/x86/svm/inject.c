// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing events to the guest by EVENTINJ, finding out when it can take one, and
 * taking back those whose delivery exited (APM vol. 2, 15.20, 15.21, 15.7.2).
 */
#include <asm/traps.h>
#include <berth/trace.h>
#include "svm.h"

static void set_eventinj(struct x86_vcpu *v, struct svm_vcpu *svm, u32 event,
			 enum berth_inject_kind kind)
{
	svm->vmcb->control.event_inj = event | SVM_EVTINJ_VALID;
	v->core.stats.injections++;
	trace_berth_inject(v->core.id, kind, event & SVM_EVTINJ_VEC_MASK);
}

static bool is_int_of(const struct x86_insn *insn, u8 vector)
{
	if (insn->map != X86_MAP_ONE)
		return false;
	return (insn->opcode == 0xcc && vector == BP_VECTOR) ||
	       (insn->opcode == 0xce && vector == OF_VECTOR) ||
	       (insn->opcode == 0xcd && (u8)insn->imm == vector);
}

/*
 * INT, INT3 and INTO return to what follows them, which the CPU does not work out for
 * an injected one: RIP (and next_rip where there is one) must be there already.
 * BERTH_RUN_AGAIN with *@read, or without when the instruction cannot be read.
 */
static int move_past_int(struct x86_vcpu *v, struct svm_vcpu *svm, u8 vector, bool *read)
{
	struct x86_insn insn;
	int r = x86_fetch_insn(v, &insn);

	*read = r == BERTH_RUN_AGAIN && insn.len;
	if (!*read)
		return r;
	svm->soft_rip = v->rip;
	svm->exiting |= SVM_EXITING_SOFT;
	/* User space may bring one up where none is: it returns to where it is. */
	if (is_int_of(&insn, vector))
		v->rip += insn.len;
	svm->vmcb->control.next_rip = v->rip;
	return r;
}

static bool is_soft_exception(u8 vector)
{
	return vector == BP_VECTOR || vector == OF_VECTOR;
}

/* As move_past_int(): without *@done the exception is given up. */
static int inject_exception(struct x86_vcpu *v, struct svm_vcpu *svm, bool *done)
{
	u8 vector = v->ev.exception.vector;
	u32 event = vector | SVM_EVTINJ_TYPE_EXEPT;
	int r;

	*done = true;
	if (is_soft_exception(vector)) {
		r = move_past_int(v, svm, vector, done);
		if (!*done) {
			v->ev.exception.injected = false;
			return r;
		}
	}
	/* Real mode pushes no error codes, and VMRUN refuses one there. */
	if (v->ev.exception.has_error && (svm->cr0 & X86_CR0_PE)) {
		event |= SVM_EVTINJ_VALID_ERR;
		svm->vmcb->control.event_inj_err = v->ev.exception.error;
	}
	set_eventinj(v, svm, event, BERTH_INJECT_EXCEPTION);
	svm->exiting |= SVM_EXITING_EXCEPTION;
	return BERTH_RUN_AGAIN;
}

static int inject_interrupt(struct x86_vcpu *v, struct svm_vcpu *svm, bool *done)
{
	u32 type = SVM_EVTINJ_TYPE_INTR;
	int r;

	*done = true;
	if (v->ev.interrupt.soft) {
		r = move_past_int(v, svm, v->ev.interrupt.nr, done);
		if (!*done) {
			v->ev.interrupt.injected = false;
			return r;
		}
		type = SVM_EVTINJ_TYPE_SOFT;
	}
	set_eventinj(v, svm, v->ev.interrupt.nr | type, BERTH_INJECT_INTERRUPT);
	svm->exiting |= SVM_EXITING_INTERRUPT;
	return BERTH_RUN_AGAIN;
}

static void inject_nmi(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	set_eventinj(v, svm, NMI_VECTOR | SVM_EVTINJ_TYPE_NMI, BERTH_INJECT_NMI);
	svm->exiting |= SVM_EXITING_NMI;
}

/*
 * One event goes in per entry.  First one whose delivery was interrupted or that user
 * space already had acknowledged; an exception that came up meanwhile goes before it.
 */
static int inject_begun(struct x86_vcpu *v, struct svm_vcpu *svm, bool *busy)
{
	struct x86_events *ev = &v->ev;
	int r;

	*busy = true;
	while (ev->exception.pending || ev->exception.injected) {
		bool done;

		if (ev->exception.pending)
			x86_deliver_exception(v);
		r = inject_exception(v, svm, &done);
		if (done || r != BERTH_RUN_AGAIN)
			return r;
	}
	if (ev->nmi.injected) {
		inject_nmi(v, svm);
		return BERTH_RUN_AGAIN;
	}
	if (ev->interrupt.injected)
		return inject_interrupt(v, svm, busy);
	*busy = false;
	return BERTH_RUN_AGAIN;
}

/*
 * Where the guest cannot take an NMI yet: after an IRET that must exit first (15.8),
 * after the event going in now, or after the instruction in the interrupt shadow.
 */
static void inject_or_await_nmi(struct x86_vcpu *v, struct svm_vcpu *svm, bool *busy)
{
	if (v->nmi_masked) {
		if (svm->exiting & SVM_EXITING_IRET)
			svm->entering |= SVM_ENTER_NMI_STEP;
	} else if (*busy) {
		svm->entering |= SVM_ENTER_EXIT_NOW;
	} else if (svm_get_shadow(v)) {
		svm->entering |= SVM_ENTER_NMI_STEP;
	} else {
		v->ev.nmi.pending--;
		v->ev.nmi.injected = true;
		v->nmi_masked = true;
		svm_update_traps(v);
		inject_nmi(v, svm);
		*busy = true;
	}
}

/* A virtual interrupt that is never taken: it exits when it could be (15.21.4). */
static void open_irq_window(struct svm_vcpu *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;

	if (svm->irq_window)
		return;
	svm->irq_window = true;
	c->int_ctl |= V_IRQ_MASK | V_IGN_TPR_MASK | V_INTR_PRIO_MASK;
	c->int_vector = 0;
	svm_intercept(svm, INTERCEPT_VINTR, true);
	svm_dirty(svm, SVM_CLEAN_INTERRUPT);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

void svm_close_irq_window(struct svm_vcpu *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;

	svm->irq_window = false;
	c->int_ctl &= ~(V_IRQ_MASK | V_IGN_TPR_MASK | V_INTR_PRIO_MASK);
	svm_intercept(svm, INTERCEPT_VINTR, false);
	svm_dirty(svm, SVM_CLEAN_INTERRUPT);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

/*
 * MOV to CR8 need not exit where the priority is the local APIC's in the kernel, unless
 * lowering it lets an interrupt through.  While one waits for IF it exits, too: QEMU's
 * TCG ends when CR8 is written under a pending virtual interrupt.
 */
static void intercept_cr8(struct x86_vcpu *v, struct svm_vcpu *svm, bool waits)
{
	bool on = waits || x86_lapic_held_by_tpr(v);
	bool was = svm->vmcb->control.intercepts[INTERCEPT_CR8_WRITE / 32] &
		   BIT(INTERCEPT_CR8_WRITE % 32);

	if (on == was)
		return;
	svm_intercept(svm, INTERCEPT_CR8_WRITE, on);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

#define OPCODE_HLT	0xf4

/*
 * STI and HLT, between which nothing interrupts: with an interrupt that waits the HLT is
 * over as soon as it begins.  It need not be executed, and where the CPU would lose the
 * shadow must not be: the interrupt would come before it, and nothing would end it.
 */
static void pass_hlt(struct x86_vcpu *v)
{
	if (!svm_get_shadow(v) || !(v->rflags & X86_EFLAGS_IF) ||
	    (v->rflags & X86_EFLAGS_TF) || v->core.guest_debug || svm_get_cpl(v) ||
	    !x86_code_is(v, OPCODE_HLT, 1))
		return;
	x86_skip_insn(v, 1);
}

/*
 * What the controllers in the kernel have, now or as soon as the guest can take it.  Whether
 * there is any is asked once: one that comes in between is for the next look, which its
 * request brings about.
 */
static void inject_or_await_interrupt(struct x86_vcpu *v, struct svm_vcpu *svm, bool *busy)
{
	bool waits = x86_interrupt_waits(v);
	int vector = -1;

	if (waits && !*busy) {
		pass_hlt(v);
		if (x86_interrupt_allowed(v))
			vector = x86_take_interrupt(v);
	}
	if (vector >= 0) {
		v->ev.interrupt.injected = true;
		v->ev.interrupt.soft = false;
		v->ev.interrupt.nr = vector;
		inject_interrupt(v, svm, busy);
		waits = x86_interrupt_waits(v);
	}
	if (waits)
		open_irq_window(svm);
	else if (svm->irq_window)
		svm_close_irq_window(svm);
	/* Looked at again when something changes. */
	v->ev.apic = waits;
	intercept_cr8(v, svm, waits);
}

int svm_inject(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	bool busy;
	int r;

	if (v->ev.apic) {
		r = x86_lapic_look(v);
		if (r != BERTH_RUN_AGAIN)
			return r;
	}

	if (v->ev.triple_fault) {
		v->ev.triple_fault = false;
		v->core.run->exit_reason = KVM_EXIT_SHUTDOWN;
		return BERTH_RUN_USER;
	}
	r = inject_begun(v, svm, &busy);
	if (r != BERTH_RUN_AGAIN)
		return r;
	if (v->ev.nmi.pending)
		inject_or_await_nmi(v, svm, &busy);
	if (v->ev.apic)
		inject_or_await_interrupt(v, svm, &busy);
	if (v->want_irq_window) {
		if (x86_exit_window(v))
			return BERTH_RUN_USER;
		if (!v->lapic || x86_lapic_accepts_pic(v))
			open_irq_window(svm);
	}
	return BERTH_RUN_AGAIN;
}

void svm_inject_cancel(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	if (svm->exiting & SVM_EXITING_SOFT)
		v->rip = svm->soft_rip;
	svm->exiting &= ~SVM_EXITING_INJECTED;
	svm->vmcb->control.event_inj = 0;
}

/*
 * @info: EXITINTINFO.  An INT that the guest executed itself is simply executed again:
 * RIP is still at it.
 */
static void take_back(struct x86_vcpu *v, struct svm_vcpu *svm, u32 info, bool moved)
{
	struct x86_events *ev = &v->ev;
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_NMI:
		ev->nmi.injected = true;
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		if (is_soft_exception(vector)) {
			if (!moved)
				break;
			v->rip = svm->soft_rip;
		}
		ev->exception.pending = false;
		ev->exception.injected = true;
		ev->exception.vector = vector;
		ev->exception.has_error = info & SVM_EXITINTINFO_VALID_ERR;
		ev->exception.error = svm->vmcb->control.exit_int_info_err;
		break;
	case SVM_EXITINTINFO_TYPE_INTR:
		ev->interrupt.injected = true;
		ev->interrupt.soft = false;
		ev->interrupt.nr = vector;
		break;
	case SVM_EXITINTINFO_TYPE_SOFT:
		if (!moved)
			break;
		v->rip = svm->soft_rip;
		ev->interrupt.injected = true;
		ev->interrupt.soft = true;
		ev->interrupt.nr = vector;
		break;
	}
}

void svm_inject_finish(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	u32 exiting = svm->exiting;

	if (c->exit_code == SVM_EXIT_ERR) {
		svm_inject_cancel(v, svm);
		return;
	}
	c->event_inj = 0;
	svm->exiting &= ~SVM_EXITING_INJECTED;
	if (exiting & SVM_EXITING_EXCEPTION)
		v->ev.exception.injected = false;
	if (exiting & SVM_EXITING_INTERRUPT)
		v->ev.interrupt.injected = false;
	if (exiting & SVM_EXITING_NMI)
		v->ev.nmi.injected = false;

	/* The IRET is over when RIP has moved; a trap comes after it in any case. */
	if ((exiting & SVM_EXITING_IRET) &&
	    (v->rip != svm->iret_rip || c->exit_code == SVM_EXIT_EXCP_BASE + DB_VECTOR)) {
		v->nmi_masked = false;
		svm_update_traps(v);
	}
	if (c->exit_int_info & SVM_EXITINTINFO_VALID)
		take_back(v, svm, c->exit_int_info, exiting & SVM_EXITING_SOFT);
}
