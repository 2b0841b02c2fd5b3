// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest state that lives in the VMCB, as the ABI and the neutral files see it.
 * FS, GS, TR, LDTR and the syscall MSRs are in it because every exit is followed by
 * VMSAVE; RAX, RSP, RIP and RFLAGS are in struct x86_vcpu outside the guest.
 */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/tlbflush.h>
#include "svm.h"

#define SEGMENT(reg)	offsetof(struct vmcb_save_area, reg)
#define G_LIMIT		0xfffff		/* a larger limit was scaled by the granularity bit */

static const u16 segment_offset[X86_NR_SEGMENTS] = {
	[X86_ES] = SEGMENT(es), [X86_CS] = SEGMENT(cs), [X86_SS] = SEGMENT(ss),
	[X86_DS] = SEGMENT(ds), [X86_FS] = SEGMENT(fs), [X86_GS] = SEGMENT(gs),
	[X86_TR] = SEGMENT(tr), [X86_LDTR] = SEGMENT(ldtr),
};

static struct vmcb_seg *vmcb_segment(struct x86_vcpu *v, unsigned int nr)
{
	return (void *)&to_svm(v)->vmcb->save + segment_offset[nr];
}

/*
 * The CPU may drop G where the limit already tells, does not show TR's busy bit, and
 * keeps the privilege level in a field of its own (15.5.1, appendix B).
 */
void svm_get_segment(struct x86_vcpu *v, struct kvm_segment *seg, unsigned int nr)
{
	const struct vmcb_seg *s = vmcb_segment(v, nr);
	u16 attr = s->attrib;

	*seg = (struct kvm_segment) {
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = attr & SVM_SELECTOR_TYPE_MASK,
		.s = !!(attr & SVM_SELECTOR_S_MASK),
		.dpl = (attr & SVM_SELECTOR_DPL_MASK) >> SVM_SELECTOR_DPL_SHIFT,
		.present = !!(attr & SVM_SELECTOR_P_MASK),
		.avl = !!(attr & SVM_SELECTOR_AVL_MASK),
		.l = !!(attr & SVM_SELECTOR_L_MASK),
		.db = !!(attr & SVM_SELECTOR_DB_MASK),
		.g = (attr & SVM_SELECTOR_G_MASK) || s->limit > G_LIMIT,
		.unusable = !(attr & SVM_SELECTOR_P_MASK),
	};
	if (nr == X86_TR)
		seg->type |= 2;
	else if (nr == X86_SS)
		seg->dpl = to_svm(v)->vmcb->save.cpl;
}

void svm_set_segment(struct x86_vcpu *v, const struct kvm_segment *seg, unsigned int nr)
{
	struct vmcb_seg *s = vmcb_segment(v, nr);
	bool present = seg->present && !seg->unusable;

	s->base = seg->base;
	s->limit = seg->limit;
	s->selector = seg->selector;
	s->attrib = (seg->type & SVM_SELECTOR_TYPE_MASK) |
		    (seg->s & 1) << SVM_SELECTOR_S_SHIFT |
		    (seg->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		    present << SVM_SELECTOR_P_SHIFT |
		    (seg->avl & 1) << SVM_SELECTOR_AVL_SHIFT |
		    (seg->l & 1) << SVM_SELECTOR_L_SHIFT |
		    (seg->db & 1) << SVM_SELECTOR_DB_SHIFT |
		    (seg->g & 1) << SVM_SELECTOR_G_SHIFT;
	if (nr == X86_SS)
		to_svm(v)->vmcb->save.cpl = seg->dpl & 3;
	svm_dirty(to_svm(v), SVM_CLEAN_SEGMENTS);
}

void svm_get_table(struct x86_vcpu *v, struct kvm_dtable *gdt, struct kvm_dtable *idt)
{
	const struct vmcb_save_area *save = &to_svm(v)->vmcb->save;

	*gdt = (struct kvm_dtable) { .base = save->gdtr.base, .limit = save->gdtr.limit };
	*idt = (struct kvm_dtable) { .base = save->idtr.base, .limit = save->idtr.limit };
}

void svm_set_table(struct x86_vcpu *v, const struct kvm_dtable *gdt,
		   const struct kvm_dtable *idt)
{
	struct vmcb_save_area *save = &to_svm(v)->vmcb->save;

	save->gdtr.base = gdt->base;
	save->gdtr.limit = gdt->limit;
	save->idtr.base = idt->base;
	save->idtr.limit = idt->limit;
	svm_dirty(to_svm(v), SVM_CLEAN_TABLES);
}

/* ---- control registers ---- */

/* CR0.TS and MP are all of CR0 that a guest changes without an exit (15.9). */
#define CR0_UNSEEN	(X86_CR0_TS | X86_CR0_MP)

u64 svm_get_cr(struct x86_vcpu *v, unsigned int nr)
{
	struct svm_vcpu *svm = to_svm(v);
	const struct vmcb_save_area *save = &svm->vmcb->save;

	switch (nr) {
	case 0:
		return (svm->cr0 & ~CR0_UNSEEN) | (save->cr0 & CR0_UNSEEN);
	case 2:
		return save->cr2;
	case 3:
		return save->cr3;
	default:
		return svm->cr4;
	}
}

/*
 * Caches stay on whatever the guest says (CR0.CD, NW), and so do the host's machine
 * checks (CR4.MCE): one in the guest would shut the machine down.
 */
void svm_set_cr(struct x86_vcpu *v, unsigned int nr, u64 value)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb_save_area *save = &svm->vmcb->save;

	switch (nr) {
	case 0:
		svm->cr0 = value;
		save->cr0 = value;
		if (x86_quirk(v, KVM_X86_QUIRK_CD_NW_CLEARED))
			save->cr0 &= ~(u64)(X86_CR0_CD | X86_CR0_NW);
		break;
	case 2:
		save->cr2 = value;
		svm_dirty(svm, SVM_CLEAN_CR2);
		return;
	case 3:
		save->cr3 = value;
		break;
	default:
		svm->cr4 = value;
		save->cr4 = value | (cr4_read_shadow() & X86_CR4_MCE);
		break;
	}
	svm_dirty(svm, SVM_CLEAN_CR);
}

u64 svm_get_efer(struct x86_vcpu *v)
{
	return to_svm(v)->efer;
}

/* VMRUN insists on SVME (15.5.1); the guest does not see it. */
void svm_set_efer(struct x86_vcpu *v, u64 value)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->efer = value;
	svm->vmcb->save.efer = value | EFER_SVME;
	svm_dirty(svm, SVM_CLEAN_CR);
}

unsigned int svm_get_cpl(struct x86_vcpu *v)
{
	return to_svm(v)->vmcb->save.cpl;
}

void svm_get_emul_seg(struct x86_vcpu *v, struct x86_seg *seg, unsigned int nr)
{
	const struct vmcb_seg *s = vmcb_segment(v, nr);

	seg->base = s->base;
	seg->limit = s->limit;
	seg->selector = s->selector;
	seg->attr = s->attrib;
}

void svm_get_context(struct x86_vcpu *v, struct x86_context *c)
{
	const struct vmcb_save_area *save = &to_svm(v)->vmcb->save;

	c->cr0 = svm_get_cr(v, 0);
	c->cr3 = save->cr3;
	c->cr4 = svm_get_cr(v, 4);
	c->efer = save->efer & ~EFER_SVME;
	c->cpl = save->cpl;
	c->linear_rip = (u32)(v->rip + save->cs.base);
	if (!(c->cr0 & X86_CR0_PE) || (v->rflags & X86_EFLAGS_VM)) {
		c->mode = X86_MODE_REAL;
	} else if ((c->efer & EFER_LMA) && (save->cs.attrib & SVM_SELECTOR_L_MASK)) {
		c->mode = X86_MODE_64;
		c->linear_rip = v->rip;
	} else {
		c->mode = save->cs.attrib & SVM_SELECTOR_DB_MASK ? X86_MODE_32 : X86_MODE_16;
	}
}

/* ---- MSRs ---- */

/* DebugCtl: LBR, BTF, PB0 to PB3 (13.1.1.6). */
#define DEBUGCTL_DEFINED	0x3full

static u64 *vmcb_msr(struct vmcb_save_area *save, u32 index)
{
	switch (index) {
	case MSR_FS_BASE:
		return &save->fs.base;
	case MSR_GS_BASE:
		return &save->gs.base;
	case MSR_KERNEL_GS_BASE:
		return &save->kernel_gs_base;
	case MSR_STAR:
		return &save->star;
	case MSR_LSTAR:
		return &save->lstar;
	case MSR_CSTAR:
		return &save->cstar;
	case MSR_SYSCALL_MASK:
		return &save->sfmask;
	case MSR_IA32_SYSENTER_CS:
		return &save->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &save->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &save->sysenter_eip;
	case MSR_IA32_CR_PAT:
		return &save->g_pat;
	case MSR_IA32_DEBUGCTLMSR:
		return &save->dbgctl;
	case MSR_IA32_LASTBRANCHFROMIP:
		return &save->br_from;
	case MSR_IA32_LASTBRANCHTOIP:
		return &save->br_to;
	case MSR_IA32_LASTINTFROMIP:
		return &save->last_excp_from;
	case MSR_IA32_LASTINTTOIP:
		return &save->last_excp_to;
	default:
		return NULL;
	}
}

int svm_get_msr(struct x86_vcpu *v, u32 index, u64 *data)
{
	struct svm_vcpu *svm = to_svm(v);
	const u64 *msr = vmcb_msr(&svm->vmcb->save, index);

	if (index == MSR_TSC_AUX)
		*data = svm->tsc_aux;
	else if (msr)
		*data = *msr;
	else
		return -ENOENT;
	return 0;
}

/*
 * Only a guest that uses it has the register switched (15.23).  Without the feature it is
 * there and does nothing, as with the kernel's own KVM.
 */
static int set_debugctl(struct svm_vcpu *svm, u64 data)
{
	struct vmcb_control_area *c = &svm->vmcb->control;

	if (!svm_lbrv)
		return 0;
	if (data & ~DEBUGCTL_DEFINED)
		return -EINVAL;
	svm->vmcb->save.dbgctl = data;
	c->virt_ext = data ? c->virt_ext | LBR_CTL_ENABLE_MASK :
			     c->virt_ext & ~LBR_CTL_ENABLE_MASK;
	svm_dirty(svm, SVM_CLEAN_LBR);
	return 0;
}

int svm_set_msr(struct x86_vcpu *v, u32 index, u64 data)
{
	struct svm_vcpu *svm = to_svm(v);
	u64 *msr = vmcb_msr(&svm->vmcb->save, index);

	if (index == MSR_IA32_DEBUGCTLMSR)
		return set_debugctl(svm, data);
	if (index == MSR_TSC_AUX)
		svm_set_tsc_aux(svm, data);
	else if (msr)
		*msr = data;
	else
		return -ENOENT;
	if (index == MSR_IA32_CR_PAT)
		svm_dirty(svm, SVM_CLEAN_NESTED_PAGING);
	return 0;
}

/* ---- the interrupt shadow ---- */

/* The VMCB does not say which instruction cast it (15.21.5). */
u32 svm_get_shadow(struct x86_vcpu *v)
{
	return to_svm(v)->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK ?
	       KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
}

void svm_set_shadow(struct x86_vcpu *v, u32 shadow)
{
	u32 *state = &to_svm(v)->vmcb->control.int_state;

	*state &= ~SVM_INTERRUPT_SHADOW_MASK;
	if (shadow)
		*state |= SVM_INTERRUPT_SHADOW_MASK;
}
