// SPDX-License-Identifier: GPL-2.0-only
/*
 * General, segment and control registers: the checks an instruction or an ioctl
 * that sets them must pass, reset values, and KVM_GET/SET_REGS, SREGS, SREGS2.
 * Debug registers are in debug.c, XCR0's ioctls in fpu.c.
 */
#include "irq.h"
#include "state.h"

#define CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG)
#define RESET_RIP	0xfff0
#define RESET_CS	0xf000
#define RESET_CS_BASE	0xffff0000

#define CR0_FLUSH	(X86_CR0_PG | X86_CR0_WP)
#define CR4_FLUSH	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_LA57 | \
			 X86_CR4_SMEP | X86_CR4_SMAP)

/* Where kvm_sregs keeps each segment; offsets are the same in kvm_sregs2. */
static const u16 sregs_segment[X86_NR_SEGMENTS] = {
	[X86_ES] = offsetof(struct kvm_sregs, es),
	[X86_CS] = offsetof(struct kvm_sregs, cs),
	[X86_SS] = offsetof(struct kvm_sregs, ss),
	[X86_DS] = offsetof(struct kvm_sregs, ds),
	[X86_FS] = offsetof(struct kvm_sregs, fs),
	[X86_GS] = offsetof(struct kvm_sregs, gs),
	[X86_TR] = offsetof(struct kvm_sregs, tr),
	[X86_LDTR] = offsetof(struct kvm_sregs, ldt),
};

/* Both structs begin alike; the bitmap or the flags and PDPTEs come behind. */
#define SREGS_COMMON	offsetofend(struct kvm_sregs, apic_base)
static_assert(offsetof(struct kvm_sregs, interrupt_bitmap) == SREGS_COMMON);
static_assert(offsetof(struct kvm_sregs2, flags) == SREGS_COMMON);
static_assert(offsetof(struct kvm_sregs2, apic_base) == offsetof(struct kvm_sregs, apic_base));
static_assert(offsetof(struct kvm_sregs2, cr0) == offsetof(struct kvm_sregs, cr0));

/* Where kvm_regs keeps each general register. */
static const u8 regs_gpr[X86_NR_GPRS] = {
	[X86_RAX] = offsetof(struct kvm_regs, rax), [X86_RCX] = offsetof(struct kvm_regs, rcx),
	[X86_RDX] = offsetof(struct kvm_regs, rdx), [X86_RBX] = offsetof(struct kvm_regs, rbx),
	[X86_RSP] = offsetof(struct kvm_regs, rsp), [X86_RBP] = offsetof(struct kvm_regs, rbp),
	[X86_RSI] = offsetof(struct kvm_regs, rsi), [X86_RDI] = offsetof(struct kvm_regs, rdi),
	[X86_R8] = offsetof(struct kvm_regs, r8), [X86_R9] = offsetof(struct kvm_regs, r9),
	[X86_R10] = offsetof(struct kvm_regs, r10), [X86_R11] = offsetof(struct kvm_regs, r11),
	[X86_R12] = offsetof(struct kvm_regs, r12), [X86_R13] = offsetof(struct kvm_regs, r13),
	[X86_R14] = offsetof(struct kvm_regs, r14), [X86_R15] = offsetof(struct kvm_regs, r15),
};

/* ---- control registers ---- */

/* What holds for CR0 alone (APM vol. 2, 3.1.1).  Undefined low bits are dropped elsewhere. */
static bool cr0_valid(u64 cr0)
{
	if (upper_32_bits(cr0))
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || (cr0 & X86_CR0_PE);
}

static bool cs_is_long(struct x86_vcpu *v)
{
	struct kvm_segment cs;

	x86_vendor->get_segment(v, &cs, X86_CS);
	return cs.l;
}

/*
 * x86_write_cr0() - MOV to CR0 and its kin (LMSW, CLTS).
 *
 * Paging on with EFER.LME is what enters long mode, so EFER.LMA follows (APM vol. 2,
 * 14.6).  0, or 1 for #GP.  Context: loaded.
 */
int x86_write_cr0(struct x86_vcpu *v, u64 value)
{
	u64 old = x86_vendor->get_cr(v, 0);
	u64 cr4 = x86_vendor->get_cr(v, 4);
	u64 efer = x86_vendor->get_efer(v);

	if (!cr0_valid(value))
		return 1;
	value = (value & CR0_DEFINED) | X86_CR0_ET;

	if ((value & X86_CR0_PG) && !(old & X86_CR0_PG) && (efer & EFER_LME)) {
		if (!(cr4 & X86_CR4_PAE) || cs_is_long(v))
			return 1;
		efer |= EFER_LMA;
	} else if (!(value & X86_CR0_PG) && (old & X86_CR0_PG)) {
		if ((cr4 & X86_CR4_PCIDE) || ((efer & EFER_LMA) && cs_is_long(v)))
			return 1;
		efer &= ~EFER_LMA;
	}

	if ((value ^ old) & X86_CR0_PG)
		x86_vendor->set_efer(v, efer);
	x86_vendor->set_cr(v, 0, value);
	if ((value ^ old) & CR0_FLUSH)
		x86_vendor->tlb_flush(v);
	if (value != old)
		x86_vendor->update_traps(v);
	return 0;
}

/*
 * x86_write_cr3() - MOV to CR3.
 *
 * Under nested paging the processor reads legacy PAE's four top entries with each
 * walk and judges them then (APM vol. 2, 15.25.10): they are not checked here.
 * 0, or 1 for #GP.  Context: loaded.
 */
int x86_write_cr3(struct x86_vcpu *v, u64 value)
{
	bool flush = true;

	if (x86_vendor->get_cr(v, 4) & X86_CR4_PCIDE) {
		flush = !(value & X86_CR3_PCID_NOFLUSH);
		value &= ~X86_CR3_PCID_NOFLUSH;
	}
	if (value & x86_gpa_reserved(v))
		return 1;
	x86_vendor->set_cr(v, 3, value);
	if (flush)
		x86_vendor->tlb_flush(v);
	return 0;
}

/*
 * x86_write_cr4() - MOV to CR4 (APM vol. 2, 3.1.3).
 *
 * 0, or 1 for #GP.  Context: loaded.
 */
int x86_write_cr4(struct x86_vcpu *v, u64 value)
{
	u64 old = x86_vendor->get_cr(v, 4);
	bool lma = x86_vendor->get_efer(v) & EFER_LMA;

	if (value & v->cr4_reserved)
		return 1;
	if (lma && (!(value & X86_CR4_PAE) || ((value ^ old) & X86_CR4_LA57)))
		return 1;
	if ((value & X86_CR4_PCIDE) && !(old & X86_CR4_PCIDE) &&
	    (!lma || (x86_vendor->get_cr(v, 3) & X86_CR3_PCID_MASK)))
		return 1;

	x86_vendor->set_cr(v, 4, value);
	if ((value ^ old) & CR4_FLUSH)
		x86_vendor->tlb_flush(v);
	if (value != old)
		x86_vendor->update_traps(v);
	return 0;
}

/* MOV to CR8: the task priority, four bits.  0, or 1 for #GP. */
int x86_write_cr8(struct x86_vcpu *v, u64 value)
{
	if (value & ~X86_CR8_TPR)
		return 1;
	v->cr8 = value;
	if (v->lapic)
		x86_lapic_write_cr8(v);
	return 0;
}

static int write_efer(struct x86_vcpu *v, u64 value, u64 reserved)
{
	u64 old = x86_vendor->get_efer(v);

	if (value & reserved)
		return 1;
	/* LMA is the processor's own: a write leaves it (APM vol. 2, 3.1.7). */
	value = (value & ~EFER_LMA) | (old & EFER_LMA);
	x86_vendor->set_efer(v, value);
	if ((value ^ old) & EFER_NX)
		x86_vendor->tlb_flush(v);
	return 0;
}

/*
 * x86_write_efer() - WRMSR to EFER by the guest; x86_write_efer_host(): KVM_SET_MSRS.
 *
 * User space may set whatever the host has and switch LME under paging.
 * 0, or 1 for #GP.  Context: loaded.
 */
int x86_write_efer(struct x86_vcpu *v, u64 value)
{
	if ((x86_vendor->get_cr(v, 0) & X86_CR0_PG) &&
	    ((x86_vendor->get_efer(v) ^ value) & EFER_LME))
		return 1;
	return write_efer(v, value, v->efer_reserved);
}

int x86_write_efer_host(struct x86_vcpu *v, u64 value)
{
	return write_efer(v, value, x86_host_efer_reserved);
}

/* Whether XSETBV may set XCR0 to this (SDM vol. 1, 13.3). */
bool x86_xcr0_valid(const struct x86_vcpu *v, u64 value)
{
	u64 avx512 = value & XFEATURE_MASK_AVX512;

	if (!(value & XFEATURE_MASK_FP))
		return false;
	if (value & ~(v->supported_xcr0 | XFEATURE_MASK_FP))
		return false;
	if ((value & XFEATURE_MASK_YMM) && !(value & XFEATURE_MASK_SSE))
		return false;
	return !avx512 || (avx512 == XFEATURE_MASK_AVX512 && (value & XFEATURE_MASK_YMM));
}

/*
 * x86_write_xcr0() - XSETBV with ECX = 0.
 *
 * The caller has checked CPL and CR4.OSXSAVE.  0, or 1 for #GP.  Context: loaded.
 */
int x86_write_xcr0(struct x86_vcpu *v, u64 value)
{
	if (!x86_xcr0_valid(v, value))
		return 1;
	if (value != v->xcr0) {
		v->xcr0 = value;
		x86_vendor->update_traps(v);
	}
	return 0;
}

/* ---- reset ---- */

static void reset_segments(struct x86_vcpu *v)
{
	const struct kvm_segment data = { .limit = 0xffff, .type = 3, .present = 1, .s = 1 };
	const struct kvm_segment code = {
		.base = RESET_CS_BASE, .limit = 0xffff, .selector = RESET_CS, .type = 11,
		.present = 1, .s = 1,
	};
	const struct kvm_segment ldtr = { .limit = 0xffff, .type = 2, .present = 1 };
	const struct kvm_segment tr = { .limit = 0xffff, .type = 3, .present = 1 };
	const struct kvm_dtable table = { .limit = 0xffff };
	unsigned int nr;

	for (nr = X86_ES; nr <= X86_GS; nr++)
		x86_vendor->set_segment(v, nr == X86_CS ? &code : &data, nr);
	x86_vendor->set_segment(v, &tr, X86_TR);
	x86_vendor->set_segment(v, &ldtr, X86_LDTR);
	x86_vendor->set_table(v, &table, &table);
}

/*
 * x86_reset_regs() - power-on state (APM vol. 2, 14.1.3), or that after INIT with @init.
 *
 * INIT keeps CR0's cache bits, XCR0, the APIC's base, memory types, the TSC and all
 * other MSRs.  Context: the vendor's part of the vCPU is built.
 */
void x86_reset_regs(struct x86_vcpu *v, bool init)
{
	u64 cr0 = X86_CR0_NW | X86_CR0_CD;
	u32 eax = 1, ebx, ecx = 0, edx;

	if (init)
		cr0 &= x86_vendor->get_cr(v, 0);

	memset(v->gpr, 0, sizeof(v->gpr));
	x86_cpuid(v, &eax, &ebx, &ecx, &edx);
	v->gpr[X86_RDX] = eax ? eax : 0x600;	/* family, model, stepping */
	v->rip = RESET_RIP;
	v->rflags = X86_EFLAGS_FIXED;
	v->cr8 = 0;
	memset(v->db, 0, sizeof(v->db));
	v->dr6 = X86_DR6_FIXED;
	v->dr7 = X86_DR7_FIXED;
	v->nmi_masked = false;
	memset(&v->ev, 0, sizeof(v->ev));
	v->mp_state = KVM_MP_STATE_RUNNABLE;
	x86_pv_reset(v);

	if (!init) {
		v->xcr0 = XFEATURE_MASK_FP;
		v->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
			       (v->core.id == to_x86_vm(v->core.vm)->bsp_id ?
				MSR_IA32_APICBASE_BSP : 0);
		x86_vendor->set_msr(v, MSR_IA32_CR_PAT, 0x0007040600070406ull);
		x86_set_guest_tsc(v, 0);
	}

	reset_segments(v);
	x86_vendor->set_efer(v, 0);
	x86_vendor->set_cr(v, 0, cr0 | X86_CR0_ET);
	x86_vendor->set_cr(v, 2, 0);
	x86_vendor->set_cr(v, 3, 0);
	x86_vendor->set_cr(v, 4, 0);
	x86_vendor->update_traps(v);
	x86_vendor->tlb_flush(v);
	berth_vcpu_request(&v->core, X86_REQ_EVENT);
}

/* ---- KVM_GET/SET_REGS ---- */

long x86_ioctl_get_regs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_regs *regs = data;
	unsigned int i;

	for (i = 0; i < X86_NR_GPRS; i++)
		*(u64 *)((u8 *)regs + regs_gpr[i]) = v->gpr[i];
	regs->rip = v->rip;
	regs->rflags = v->rflags;
	/* Of a guest that user space steps, TF is ours (KVM_CAP_X86_ROBUST_SINGLESTEP). */
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		regs->rflags &= ~(u64)X86_EFLAGS_TF;
	return 0;
}

/* An exception that waits belongs to the registers that are replaced: it goes. */
long x86_ioctl_set_regs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct kvm_regs *regs = data;
	unsigned int i;

	for (i = 0; i < X86_NR_GPRS; i++)
		v->gpr[i] = *(const u64 *)((const u8 *)regs + regs_gpr[i]);
	v->rip = regs->rip;
	v->rflags = regs->rflags | X86_EFLAGS_FIXED;
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		v->rflags |= X86_EFLAGS_TF;
	v->ev.exception.pending = false;
	berth_vcpu_request(vcpu, X86_REQ_EVENT);
	return 0;
}

/* ---- KVM_GET/SET_SREGS(2) ---- */

static void get_sregs_common(struct x86_vcpu *v, struct kvm_sregs *sregs)
{
	unsigned int nr;

	for (nr = 0; nr < X86_NR_SEGMENTS; nr++)
		x86_vendor->get_segment(v, (void *)sregs + sregs_segment[nr], nr);
	x86_vendor->get_table(v, &sregs->gdt, &sregs->idt);
	sregs->cr0 = x86_vendor->get_cr(v, 0);
	sregs->cr2 = x86_vendor->get_cr(v, 2);
	sregs->cr3 = x86_vendor->get_cr(v, 3);
	sregs->cr4 = x86_vendor->get_cr(v, 4);
	sregs->cr8 = v->cr8;
	sregs->efer = x86_vendor->get_efer(v);
	sregs->apic_base = v->apic_base;
}

static bool sregs_valid(struct x86_vcpu *v, const struct kvm_sregs *sregs)
{
	if ((sregs->efer & EFER_LME) && (sregs->cr0 & X86_CR0_PG)) {
		if (!(sregs->cr4 & X86_CR4_PAE) || !(sregs->efer & EFER_LMA))
			return false;
		if (sregs->cr3 & x86_gpa_reserved(v))
			return false;
	} else if ((sregs->efer & EFER_LMA) || sregs->cs.l) {
		return false;
	}
	if (sregs->efer & x86_host_efer_reserved)
		return false;
	return cr0_valid(sregs->cr0) && !(sregs->cr4 & v->cr4_reserved) &&
	       !x86_check_apic_base(v, sregs->apic_base);
}

/* The common part is checked as a whole before the first register changes. */
static int set_sregs_common(struct x86_vcpu *v, const struct kvm_sregs *sregs)
{
	unsigned int nr;

	if (!sregs_valid(v, sregs))
		return -EINVAL;

	x86_set_apic_base(v, sregs->apic_base);
	x86_write_cr8(v, sregs->cr8);
	x86_vendor->set_table(v, &sregs->gdt, &sregs->idt);
	x86_vendor->set_efer(v, sregs->efer);
	x86_vendor->set_cr(v, 0, sregs->cr0);
	x86_vendor->set_cr(v, 2, sregs->cr2);
	x86_vendor->set_cr(v, 3, sregs->cr3);
	x86_vendor->set_cr(v, 4, sregs->cr4);
	for (nr = 0; nr < X86_NR_SEGMENTS; nr++)
		x86_vendor->set_segment(v, (const void *)sregs + sregs_segment[nr], nr);
	x86_vendor->update_traps(v);
	x86_vendor->tlb_flush(v);
	/* Programs that do not know KVM_SET_MP_STATE restart the boot CPU so. */
	if ((v->apic_base & MSR_IA32_APICBASE_BSP) && v->rip == RESET_RIP &&
	    sregs->cs.selector == RESET_CS && sregs->cs.base == RESET_CS_BASE &&
	    !(sregs->cr0 & X86_CR0_PE))
		v->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

long x86_ioctl_get_sregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_sregs *sregs = data;

	get_sregs_common(v, sregs);
	if (v->ev.interrupt.injected && !v->ev.interrupt.soft)
		sregs->interrupt_bitmap[v->ev.interrupt.nr / 64] |=
			BIT_ULL(v->ev.interrupt.nr % 64);
	return 0;
}

long x86_ioctl_set_sregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct kvm_sregs *sregs = data;
	unsigned int i;
	int r;

	r = set_sregs_common(v, sregs);
	if (r)
		return r;
	for (i = 0; i < ARRAY_SIZE(sregs->interrupt_bitmap); i++) {
		if (!sregs->interrupt_bitmap[i])
			continue;
		v->ev.interrupt.injected = true;
		v->ev.interrupt.soft = false;
		v->ev.interrupt.nr = i * 64 + __ffs64(sregs->interrupt_bitmap[i]);
		break;
	}
	berth_vcpu_request(vcpu, X86_REQ_EVENT);
	return 0;
}

static bool sregs2_pae(const struct kvm_sregs2 *sregs)
{
	return (sregs->cr0 & X86_CR0_PG) && (sregs->cr4 & X86_CR4_PAE) &&
	       !(sregs->efer & EFER_LMA);
}

/*
 * Legacy PAE's top entries live in guest memory and nowhere else (see
 * x86_write_cr3()); they are told where they can be read.
 */
long x86_ioctl_get_sregs2(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_sregs2 *sregs = data;

	get_sregs_common(v, data);
	if (!sregs2_pae(sregs))
		return 0;
	if (berth_read_guest(vcpu->vm, (u32)sregs->cr3 & ~31u, sregs->pdptrs,
			     sizeof(sregs->pdptrs)))
		memset(sregs->pdptrs, 0, sizeof(sregs->pdptrs));
	sregs->flags |= KVM_SREGS2_FLAGS_PDPTRS_VALID;
	return 0;
}

long x86_ioctl_set_sregs2(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_sregs2 *sregs = data;
	int r;

	if (sregs->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if ((sregs->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) && !sregs2_pae(sregs))
		return -EINVAL;
	r = set_sregs_common(to_x86(vcpu), data);
	if (!r)
		berth_vcpu_request(vcpu, X86_REQ_EVENT);
	return r;
}
