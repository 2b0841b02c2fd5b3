// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: everything between two exits.  It is the hot path: what a guest does
 * not need costs it one test of a flag word.
 */
#include "svm.h"
#include <asm/debugreg.h>
#include <asm/fpu/xcr.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>
#include <asm/traps.h>
#include <berth/trace.h>

static void load_debug_registers(struct x86_vcpu *v)
{
	bool user = v->core.guest_debug & KVM_GUESTDBG_USE_HW_BP;

	/* The host's breakpoints, if any, must not see the guest's addresses. */
	set_debugreg(0ul, 7);
	set_debugreg(user ? v->debug.debugreg[0] : v->db[0], 0);
	set_debugreg(user ? v->debug.debugreg[1] : v->db[1], 1);
	set_debugreg(user ? v->debug.debugreg[2] : v->db[2], 2);
	set_debugreg(user ? v->debug.debugreg[3] : v->db[3], 3);
}

/* What svm->entering asks for.  Interrupts off, the registers are in the VMCB. */
static noinline void enter_extra(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	if (svm->entering & SVM_ENTER_NMI_STEP)
		svm->vmcb->save.rflags |= X86_EFLAGS_TF;
	if (svm->entering & SVM_ENTER_DEBUG)
		load_debug_registers(v);
	if (svm->entering & SVM_ENTER_EXIT_NOW)
		irq_work_queue(this_cpu_ptr(&svm_cpu.exit_now));
	if (svm->entering & SVM_ENTER_XCR0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, v->xcr0);
}

/*
 * An emulator that does not intercept XSETBV lets the guest change the CPU's own XCR0.
 * What may be the guest's is then the guest's; the rest is gone at the next entry.
 */
static void leave_xcr0(struct x86_vcpu *v)
{
	u64 xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);

	if (unlikely(xcr0 != v->xcr0) && x86_xcr0_valid(v, xcr0))
		v->xcr0 = xcr0;
	xsetbv(XCR_XFEATURE_ENABLED_MASK, svm_host_xcr0);
}

/*
 * The inverse.  v->rflags is still from before the entry.  The TF we put in goes out
 * again, unless an IRET has replaced it by the guest's own.
 */
static noinline void leave_extra(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	u32 entered = svm->entering;

	if (entered & SVM_ENTER_XCR0)
		leave_xcr0(v);
	if (entered & SVM_ENTER_OWN_DR)
		svm_take_debug_registers(v);
	svm->stepped = (entered & SVM_ENTER_NMI_STEP) && !(v->rflags & X86_EFLAGS_TF);
	if (svm->stepped && !(svm->exiting & SVM_EXITING_IRET &&
			      svm->vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + DB_VECTOR))
		svm->vmcb->save.rflags &= ~(u64)X86_EFLAGS_TF;
	svm->entering &= ~(SVM_ENTER_NMI_STEP | SVM_ENTER_EXIT_NOW);
}

static __always_inline void load_guest(struct x86_vcpu *v, struct svm_vcpu *svm,
				       struct svm_cpu *sc)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;

	save->rax = v->gpr[X86_RAX];
	save->rsp = v->gpr[X86_RSP];
	save->rip = v->rip;
	save->rflags = v->rflags;
	if (unlikely((c->int_ctl & V_TPR_MASK) != v->cr8)) {
		c->int_ctl = (c->int_ctl & ~V_TPR_MASK) | v->cr8;
		svm_dirty(svm, SVM_CLEAN_INTERRUPT);
	}
	if (unlikely(svm->generation != sc->generation))
		svm_new_asid(svm, sc);
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
	if (unlikely(svm->entering))
		enter_extra(v, svm);
}

static __always_inline void store_guest(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (likely(c->exit_code != (u32)SVM_EXIT_ERR)) {
		c->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	} else {
		/* Refused before anything was flushed: all ASIDs start anew. */
		svm->generation = 0;
		this_cpu_ptr(&svm_cpu)->next_asid = U32_MAX;
	}
	c->clean = svm_clean_mask;
	/* Nor is what the guest taught the branch predictors for this program of user space. */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	if (unlikely(svm->entering))
		leave_extra(v, svm);
	/* The exit has cleared DR7 (APM vol. 2, 15.6). */
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
	v->gpr[X86_RAX] = save->rax;
	v->gpr[X86_RSP] = save->rsp;
	v->rip = save->rip;
	v->rflags = save->rflags;
	/* Beside a local APIC in the kernel the guest may write it without an exit. */
	v->cr8 = c->int_ctl & V_TPR_MASK;
}

static noinstr bool run_guest(struct x86_vcpu *v, struct svm_vcpu *svm, phys_addr_t host)
{
	bool ran;

	berth_guest_context_enter(&v->core);
	/* On CPUs that leak it the host's last division is not for the guest. */
	if (static_cpu_has_bug(X86_BUG_DIV0))
		amd_clear_divider();
	ran = svm_world_switch(v->gpr, svm->vmcb_pa, host);
	berth_guest_context_exit();
	return ran;
}

/*
 * The host's machine check interrupted the guest: its handler runs now, as if user
 * mode had been interrupted, so that it may kill this task.  A kernel without one
 * keeps CR4.MCE clear: then the CPU has shut down already.
 */
static noinline void machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

static __always_inline int enter(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	struct svm_cpu *sc;
	u32 code;
	bool ran;

	local_irq_disable();
	if (unlikely(!berth_enter_guest(&v->core))) {
		local_irq_enable();
		return BERTH_RUN_WORK;
	}
	trace_berth_entry(v->core.id, v->rip);
	sc = this_cpu_ptr(&svm_cpu);
	load_guest(v, svm, sc);
	ran = run_guest(v, svm, sc->host_pa);
	if (likely(ran))
		store_guest(v, svm);
	else if (svm->entering)
		leave_extra(v, svm);
	code = ran ? svm->vmcb->control.exit_code : (u32)SVM_EXIT_ERR;
	if (code == SVM_EXIT_INTR) {
		/* Not scheduled away as one that is in the guest; the loop looks at that. */
		preempt_disable();
		berth_take_interrupt(&v->core);
		preempt_enable();
	} else if (unlikely(code == SVM_EXIT_EXCP_BASE + MC_VECTOR)) {
		machine_check();
	}
	berth_leave_guest(&v->core);
	local_irq_enable();
	/* AMD-V is off: the machine is going down. */
	return likely(ran) ? BERTH_RUN_AGAIN : -EIO;
}

/* Another vCPU's INIT may end the run: BERTH_RUN_BLOCK. */
static int serve_requests(struct x86_vcpu *v)
{
	if (berth_vcpu_take_request(&v->core, BERTH_REQ_TLB_FLUSH))
		svm_tlb_flush(v);
	if (READ_ONCE(v->core.requests) & X86_COMMON_REQUESTS)
		x86_serve_requests(v);
	if (!berth_vcpu_take_request(&v->core, X86_REQ_EVENT) || !v->lapic)
		return BERTH_RUN_AGAIN;
	x86_lapic_take_events(v);
	return v->mp_state == KVM_MP_STATE_RUNNABLE ? BERTH_RUN_AGAIN : BERTH_RUN_BLOCK;
}

int svm_run(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	const struct vmcb_control_area *c = &svm->vmcb->control;
	int r;

	do {
		if (unlikely(READ_ONCE(v->core.requests))) {
			r = serve_requests(v);
			if (r != BERTH_RUN_AGAIN)
				return r;
		}
		if (unlikely(svm_event_waits(v))) {
			r = svm_inject(v, svm);
			if (r != BERTH_RUN_AGAIN) {
				svm_inject_cancel(v, svm);
				return r;
			}
		}
		r = enter(v, svm);
		if (unlikely(r != BERTH_RUN_AGAIN)) {
			svm_inject_cancel(v, svm);
			return r;
		}
		if (unlikely(svm->exiting || (c->exit_int_info & SVM_EXITINTINFO_VALID)))
			svm_inject_finish(v, svm);
		r = svm_handle_exit(v, svm);
	} while (r == BERTH_RUN_AGAIN);
	return r;
}
