// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's VMCB: its life, what it intercepts, its ASID, and what a CPU must hold while
 * the vCPU is loaded on it.
 */
#include <asm/cpufeature.h>
#include <asm/asm.h>
#include <asm/debugreg.h>
#include <asm/desc_defs.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/traps.h>
#include <linux/slab.h>
#include "state.h"
#include "svm.h"

#define PAUSE_FILTER_COUNT	3000	/* PAUSEs before an exit ... */
#define PAUSE_FILTER_THRESHOLD	128	/* ... fewer cycles than this apart */

#define DR_INTERCEPTS		0x00ff00ff	/* reads and writes of DR0..DR7 */

/* Exits every guest has; svm_update_traps() adds those that depend on its state. */
static const u8 always_intercepted[] = {
	INTERCEPT_CR4_WRITE, INTERCEPT_CR8_WRITE,
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	INTERCEPT_SELECTIVE_CR0,
	INTERCEPT_RDPMC, INTERCEPT_CPUID, INTERCEPT_RSM, INTERCEPT_INVD,
	INTERCEPT_INVLPGA, INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT, INTERCEPT_FERR_FREEZE,
	INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE,
	INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT, INTERCEPT_WBINVD,
	INTERCEPT_XSETBV, INTERCEPT_RDPRU,
};

void svm_vmcb_init(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb_control_area *c = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;
	unsigned int i;

	clear_page(svm->vmcb);
	for (i = 0; i < ARRAY_SIZE(always_intercepted); i++)
		svm_intercept(svm, always_intercepted[i], true);
	c->intercepts[INTERCEPT_DR] = DR_INTERCEPTS;
	if (svm_pause_filter) {
		c->pause_filter_count = PAUSE_FILTER_COUNT;
		if (boot_cpu_has(X86_FEATURE_PFTHRESHOLD))
			c->pause_filter_thresh = PAUSE_FILTER_THRESHOLD;
	}
	c->iopm_base_pa = svm_iopm_pa;
	c->msrpm_base_pa = svm->msrpm_pa;
	c->tsc_offset = v->tsc_offset;
	c->int_ctl = V_INTR_MASKING_MASK;
	c->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	c->nested_cr3 = berth_s2_root_pa(&v->core.vm->s2);

	save->efer = EFER_SVME;
	save->dr6 = X86_DR6_FIXED;
	save->dr7 = X86_DR7_FIXED;
	save->rflags = X86_EFLAGS_FIXED;

	svm->generation = 0;
	svm->entering = 0;
	svm->exiting = 0;
	svm->irq_window = false;
	svm->shadow_rip = ~0ull;
}

int svm_vcpu_init(struct x86_vcpu *v)
{
	static atomic64_t serial;
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	svm->vmcb_pa = virt_to_phys(svm->vmcb);
	svm->msrpm_pa = svm_msrpm_pa;
	svm->cpu = -1;
	svm->serial = atomic64_inc_return(&serial);
	v->vendor = svm;
	svm_vmcb_init(v);
	return 0;
}

void svm_vcpu_destroy(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
}

/* ---- intercepts and debug registers ---- */

static void update_cr_intercepts(struct svm_vcpu *svm)
{
	bool cr0_differs = (svm->cr0 ^ svm->vmcb->save.cr0) & (X86_CR0_CD | X86_CR0_NW);

	svm_intercept(svm, INTERCEPT_CR0_READ, cr0_differs);
	svm_intercept(svm, INTERCEPT_CR0_WRITE, cr0_differs);
	svm_intercept(svm, INTERCEPT_CR4_READ, svm->cr4 != svm->vmcb->save.cr4);
}

/*
 * #AC and #DB are always taken, since a guest can have them without end while they are
 * delivered; #MC is the host's.
 */
static void update_exception_intercepts(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	u32 vectors = BIT(DB_VECTOR) | BIT(UD_VECTOR) | BIT(AC_VECTOR) | BIT(MC_VECTOR);

	if (v->core.guest_debug & KVM_GUESTDBG_USE_SW_BP)
		vectors |= BIT(BP_VECTOR);
	svm->vmcb->control.intercepts[INTERCEPT_EXCEPTION] = vectors;
}

/*
 * MOVs to and from DRs exit: the guest's values are in v, and the CPU needs DR0..DR3
 * only to compare with.  The VMCB's DR6 just collects what the next #DB reports.
 * Under SVM_ENTER_OWN_DR all of them are the guest's own for one entry.
 */
void svm_update_debug(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb_save_area *save = &svm->vmcb->save;
	bool user = v->core.guest_debug & KVM_GUESTDBG_USE_HW_BP;
	bool own = !user && (svm->entering & SVM_ENTER_OWN_DR);

	if (own)
		save->dr6 = v->dr6;
	else if (svm->entering & SVM_ENTER_OWN_DR)
		save->dr6 = X86_DR6_FIXED;
	save->dr7 = user ? v->debug.debugreg[7] : v->dr7;
	svm->vmcb->control.intercepts[INTERCEPT_DR] = own ? 0 : DR_INTERCEPTS;

	svm->entering &= ~(SVM_ENTER_DEBUG | SVM_ENTER_OWN_DR);
	if (own)
		svm->entering |= SVM_ENTER_OWN_DR | SVM_ENTER_DEBUG;
	if (save->dr7 & (DR_GLOBAL_ENABLE_MASK | DR_LOCAL_ENABLE_MASK))
		svm->entering |= SVM_ENTER_DEBUG;
	svm_dirty(svm, SVM_CLEAN_DR);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

/*
 * User space's single step is the guest's RFLAGS.TF, set when it begins: it goes over
 * an interrupt's handler, which runs with TF clear, and on after it.
 */
static void update_single_step(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	bool step = v->core.guest_debug & KVM_GUESTDBG_SINGLESTEP;

	if (step && !svm->stepping)
		v->rflags |= X86_EFLAGS_TF;
	else if (!step && svm->stepping)
		v->rflags &= ~(u64)X86_EFLAGS_TF;
	svm->stepping = step;
}

/* One access is seldom the last: after the first the CPU deals with them itself. */
void svm_give_debug_registers(struct x86_vcpu *v)
{
	to_svm(v)->entering |= SVM_ENTER_OWN_DR;
	svm_update_debug(v);
}

/* Context: interrupts off, DR0..DR3 not yet the host's. */
void svm_take_debug_registers(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb_save_area *save = &svm->vmcb->save;
	unsigned long db[4];
	unsigned int i;

	get_debugreg(db[0], 0);
	get_debugreg(db[1], 1);
	get_debugreg(db[2], 2);
	get_debugreg(db[3], 3);
	for (i = 0; i < ARRAY_SIZE(db); i++)
		v->db[i] = db[i];
	v->dr6 = save->dr6;
	v->dr7 = save->dr7;
	svm->entering &= ~SVM_ENTER_OWN_DR;
	svm_update_debug(v);
	/* #DB's handler looks for its news there. */
	if (svm->vmcb->control.exit_code != SVM_EXIT_EXCP_BASE + DB_VECTOR)
		save->dr6 = X86_DR6_FIXED;
}

/* Instructions by which a guest gives its CPU away (KVM_CAP_X86_DISABLE_EXITS). */
static void update_instruction_intercepts(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	u32 disabled = READ_ONCE(to_x86_vm(v->core.vm)->disabled_exits);

	svm_intercept(svm, INTERCEPT_HLT, !(disabled & KVM_X86_DISABLE_EXITS_HLT));
	svm_intercept(svm, INTERCEPT_MONITOR, !(disabled & KVM_X86_DISABLE_EXITS_MWAIT));
	svm_intercept(svm, INTERCEPT_MWAIT, !(disabled & KVM_X86_DISABLE_EXITS_MWAIT));
	svm_intercept(svm, INTERCEPT_PAUSE,
		      svm_pause_filter && !(disabled & KVM_X86_DISABLE_EXITS_PAUSE));
}

void svm_update_traps(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	update_cr_intercepts(svm);
	update_exception_intercepts(v, svm);
	svm_update_debug(v);
	update_single_step(v, svm);

	if (!v->nmi_masked)
		svm->exiting &= ~SVM_EXITING_IRET;
	svm_intercept(svm, INTERCEPT_IRET,
		      v->nmi_masked && !(svm->exiting & SVM_EXITING_IRET));
	update_instruction_intercepts(v, svm);
	svm_intercept(svm, INTERCEPT_RDTSCP, !x86_guest_has(v, X86_FEATURE_RDTSCP));
	svm_intercept(svm, INTERCEPT_INVPCID, boot_cpu_has(X86_FEATURE_INVPCID) &&
		      !x86_guest_has(v, X86_FEATURE_INVPCID));

	/*
	 * Without OSXSAVE no instruction of the guest heeds XCR0.  With the host's value in it
	 * there is nothing to switch where XSETBV exits, which is known once it has.
	 */
	if ((svm->cr4 & X86_CR4_OSXSAVE) &&
	    (v->xcr0 != svm_host_xcr0 || !READ_ONCE(svm_xsetbv_exits)))
		svm->entering |= SVM_ENTER_XCR0;
	else
		svm->entering &= ~SVM_ENTER_XCR0;

	svm->use_tsc_aux = (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID)) &&
			   (x86_guest_has(v, X86_FEATURE_RDTSCP) ||
			    x86_guest_has(v, X86_FEATURE_RDPID));
	svm_set_tsc_aux(svm, svm->tsc_aux);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

/* The offset is the VMCB's, the ratio the CPU's (15.30.5). */
static void tsc_ratio_load(u64 ratio)
{
	if (svm_tsc_scale && ratio != this_cpu_read(svm_cpu.tsc_ratio)) {
		wrmsrl(MSR_AMD64_TSC_RATIO, ratio);
		this_cpu_write(svm_cpu.tsc_ratio, ratio);
	}
}

void svm_reset_tsc_ratio(void)
{
	this_cpu_write(svm_cpu.tsc_ratio, 0);
	tsc_ratio_load(SVM_TSC_RATIO_DEFAULT);
}

void svm_write_tsc(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->vmcb->control.tsc_offset = v->tsc_offset;
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
	preempt_disable();
	if (svm->loaded)
		tsc_ratio_load(v->tsc_ratio);
	preempt_enable();
}

/* A filter that is about one of the passed MSRs is rare: then all of them exit. */
void svm_update_msr_filter(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->msrpm_pa = svm_passed_msrs_filtered(v->core.vm) ? svm_msrpm_none_pa : svm_msrpm_pa;
	svm->vmcb->control.msrpm_base_pa = svm->msrpm_pa;
	svm_dirty(svm, SVM_CLEAN_PERMISSION_MAPS);
}

/* ---- ASIDs ---- */

/*
 * ASIDs are a CPU's own.  When they have run out all are free again, and all that the
 * TLB holds of them goes (15.16.1).
 */
void svm_new_asid(struct svm_vcpu *svm, struct svm_cpu *sc)
{
	struct vmcb_control_area *c = &svm->vmcb->control;

	if (sc->next_asid > sc->max_asid) {
		sc->generation++;
		sc->next_asid = 1;	/* 0 is the host */
		c->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	c->asid = sc->next_asid++;
	svm->generation = sc->generation;
	svm_dirty(svm, SVM_CLEAN_ASID);
}

void svm_tlb_flush(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	if (svm_flush_by_asid)
		svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	else
		svm->generation = 0;
}

/* ---- loading ---- */

static void tsc_aux_load(struct svm_vcpu *svm)
{
	if (svm->use_tsc_aux && svm->tsc_aux != this_cpu_read(svm_cpu.tsc_aux)) {
		wrmsrl(MSR_TSC_AUX, svm->tsc_aux);
		svm->tsc_aux_live = true;
	}
}

static void tsc_aux_put(struct svm_vcpu *svm)
{
	if (svm->tsc_aux_live) {
		wrmsrl(MSR_TSC_AUX, this_cpu_read(svm_cpu.tsc_aux));
		svm->tsc_aux_live = false;
	}
}

void svm_set_tsc_aux(struct svm_vcpu *svm, u64 value)
{
	preempt_disable();
	svm->tsc_aux = value;
	if (svm->loaded) {
		tsc_aux_put(svm);
		tsc_aux_load(svm);
	}
	preempt_enable();
}

/* What one guest has taught the branch predictors is not for the next (APM vol. 2, 3.2.9). */
static void forget_branches(const struct svm_vcpu *svm)
{
	if (this_cpu_read(svm_cpu.trained_by) == svm->serial)
		return;
	this_cpu_write(svm_cpu.trained_by, svm->serial);
	/* Else each exit does so. */
	if (!cpu_feature_enabled(X86_FEATURE_IBPB_ON_VMEXIT))
		indirect_branch_prediction_barrier();
}

/*
 * What VMLOAD brings back after each exit (FS, GS, TR, LDTR, KERNEL_GS_BASE and the
 * syscall MSRs) changes on this CPU only by a task switch, before which the vCPU is
 * put, and in user mode, where it is not loaded: once per load is enough.
 */
void svm_vcpu_load(struct x86_vcpu *v, unsigned int cpu)
{
	struct svm_vcpu *svm = to_svm(v);

	/* An ASID is of its CPU, and so is what a CPU remembers of a VMCB (15.15). */
	if (svm->cpu != cpu) {
		svm->cpu = cpu;
		svm->generation = 0;
		svm->vmcb->control.clean = 0;
	}
	/* #UD when a reboot has turned AMD-V off: then no guest is entered, either. */
	asm volatile("1: vmsave %%rax\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : : "a" (this_cpu_read(svm_cpu.host_pa)) : "memory");
	svm->loaded = true;
	forget_branches(svm);
	tsc_aux_load(svm);
	tsc_ratio_load(v->tsc_ratio);
}

/*
 * Another thread's modify_ldt() interrupts this CPU to load a new LDT, which the next
 * exit's VMLOAD undoes.  The descriptor in the GDT is the right one; where it is yet
 * to be written, the interrupt is yet to come.
 */
static void reload_ldt(void)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	if (unlikely(current->mm && READ_ONCE(current->mm->context.ldt)))
		asm volatile("1: lldt %w0\n2:\n" _ASM_EXTABLE(1b, 2b)
			     : : "q" (GDT_ENTRY_LDT * 8) : "memory");
#endif
}

void svm_vcpu_put(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	tsc_aux_put(svm);
	svm->loaded = false;
	reload_ldt();
}
