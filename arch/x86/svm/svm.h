/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the AMD-V part share: features, per-CPU and per-vCPU state, and
 * the functions one file calls of another.  Section numbers are of the AMD64
 * Architecture Programmer's Manual (APM) vol. 2.
 */
#ifndef BERTH_SVM_H
#define BERTH_SVM_H

#include <asm/svm.h>
#include <linux/irq_work.h>
#include <linux/percpu.h>
#include "irq.h"
#include "npt.h"

/*
 * Optional features: what the CPU has and the module parameter of the same name left
 * on.  Set once by svm_setup(). [I]
 */
extern bool svm_nrips;			/* next RIP saved on exits (15.7.1) */
extern bool svm_decode_assists;		/* operands and bytes saved on exits (15.10) */
extern bool svm_flush_by_asid;		/* (15.16.2) */
extern bool svm_pause_filter;		/* (15.14.4) */
extern bool svm_lbrv;			/* the guest's own branch recording (15.23) */
extern bool svm_tsc_scale;		/* the ratio of the guest's TSC (15.30.5) */
extern u32 svm_clean_mask;		/* what VMCB.clean may claim; 0 without the feature */
extern u64 svm_host_xcr0;		/* 0 without XSAVE */
extern bool svm_xsetbv_exits;		/* one has: the CPU intercepts it */
extern phys_addr_t svm_iopm_pa;
extern phys_addr_t svm_msrpm_pa;	/* some MSRs pass, see setup.c */
extern phys_addr_t svm_msrpm_none_pa;	/* none does */

/* VMCB clean bits (15.15.3). */
enum svm_clean {
	SVM_CLEAN_INTERCEPTS,		/* also the TSC offset and the pause filter */
	SVM_CLEAN_PERMISSION_MAPS,
	SVM_CLEAN_ASID,
	SVM_CLEAN_INTERRUPT,		/* int_ctl, int_vector */
	SVM_CLEAN_NESTED_PAGING,	/* also g_pat */
	SVM_CLEAN_CR,			/* CR0, 3, 4 and EFER */
	SVM_CLEAN_DR,
	SVM_CLEAN_TABLES,		/* GDTR, IDTR */
	SVM_CLEAN_SEGMENTS,		/* ES, CS, SS, DS and the CPL */
	SVM_CLEAN_CR2,
	SVM_CLEAN_LBR,
	SVM_NR_CLEAN,
};

struct svm_cpu {
	phys_addr_t hsave_pa;		/* [I] where VMRUN keeps the host's state */
	phys_addr_t host_pa;		/* [I] where vcpu_load keeps what VMLOAD brings back */
	u64 generation;			/* of the ASIDs handed out on this CPU */
	u32 next_asid;
	u32 max_asid;
	u64 tsc_aux;			/* the host's */
	u64 tsc_ratio;			/* the last guest's: the host's own TSC has none */
	u64 trained_by;			/* serial of the guest that branch prediction knows */
	struct irq_work exit_now;	/* its interrupt ends a guest's first instruction */
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/* What the next entry needs beyond the usual. */
#define SVM_ENTER_XCR0		BIT(0)	/* the guest's differs from the host's, or may */
#define SVM_ENTER_DEBUG		BIT(1)	/* DR0..DR3 are in use */
#define SVM_ENTER_NMI_STEP	BIT(2)	/* one instruction, then the NMI that waits */
#define SVM_ENTER_EXIT_NOW	BIT(3)	/* exit as soon as the injected event is delivered */
#define SVM_ENTER_OWN_DR	BIT(4)	/* until the next exit the guest has its own DRs */

/* What the next exit must finish. */
#define SVM_EXITING_EXCEPTION	BIT(0)	/* EVENTINJ held v->ev.exception ... */
#define SVM_EXITING_INTERRUPT	BIT(1)
#define SVM_EXITING_NMI		BIT(2)
#define SVM_EXITING_SOFT	BIT(3)	/* ... an INT's, for which RIP was moved */
#define SVM_EXITING_IRET	BIT(4)	/* the IRET that ends an NMI handler is under way */

#define SVM_EXITING_INJECTED \
	(SVM_EXITING_EXCEPTION | SVM_EXITING_INTERRUPT | SVM_EXITING_NMI | SVM_EXITING_SOFT)

/* All [o] but for what is said. */
struct svm_vcpu {
	struct vmcb *vmcb;		/* [I] */
	u64 serial;			/* [I] no other vCPU has, had or will have it */
	phys_addr_t vmcb_pa;		/* [I] */
	u32 entering;			/* SVM_ENTER_* */
	u32 exiting;			/* SVM_EXITING_* */
	u64 generation;			/* of the ASID in the VMCB; 0: none */
	unsigned int cpu;		/* the ASID's, and where the VMCB may be cached */
	bool loaded;
	bool irq_window;		/* a virtual interrupt waits to tell when IF is set */
	bool stepping;			/* user space single-steps: RFLAGS.TF is its */
	bool stepped;			/* the last exit may be SVM_ENTER_NMI_STEP's #DB */

	u64 cr0;			/* as the guest sees it, but for TS and MP: VMCB */
	u64 cr4;
	u64 efer;
	u64 iret_rip;
	u64 shadow_rip;			/* of the last host interrupt in an interrupt shadow */
	u64 soft_rip;			/* of the INT before SVM_EXITING_SOFT moved it */
	phys_addr_t msrpm_pa;		/* which MSRs exit: one of the two maps */
	u64 tsc_aux;			/* the guest's */
	bool use_tsc_aux;		/* the guest can read it without an exit */
	bool tsc_aux_live;		/* and the CPU holds it */
};

static inline struct svm_vcpu *to_svm(struct x86_vcpu *v)
{
	return v->vendor;
}

/* A group of VMCB fields changed: the CPU's copy is stale. */
static inline void svm_dirty(struct svm_vcpu *svm, enum svm_clean group)
{
	svm->vmcb->control.clean &= ~BIT(group);
}

/* @bit: INTERCEPT_* as <asm/svm.h> counts them */
static inline void svm_intercept(struct svm_vcpu *svm, unsigned int bit, bool on)
{
	u32 *word = &svm->vmcb->control.intercepts[bit / 32];

	*word = on ? *word | BIT(bit % 32) : *word & ~BIT(bit % 32);
}

/* The length of the instruction that exited, 0 when the CPU does not tell. */
static inline unsigned int svm_insn_len(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	return svm_nrips ? svm->vmcb->control.next_rip - v->rip : 0;
}

/* ---- switch.S ---- */
/*
 * Run the guest until it exits.  @gpr: the registers in hardware order, of which RAX
 * and RSP go through the VMCB.  False when AMD-V is off and nothing happened.
 * Context: interrupts off.
 */
bool svm_world_switch(u64 *gpr, phys_addr_t vmcb, phys_addr_t host);

/* ---- setup.c ---- */
int svm_setup(const char **why);
/* Does the VM's filter deny any of those that pass? */
bool svm_passed_msrs_filtered(struct berth_vm *vm);
void svm_unsetup(void);
int svm_cpu_enable(void);
void svm_cpu_disable(void);

/* ---- vcpu.c ---- */
int svm_vcpu_init(struct x86_vcpu *v);
void svm_vcpu_destroy(struct x86_vcpu *v);
void svm_vcpu_load(struct x86_vcpu *v, unsigned int cpu);
void svm_vcpu_put(struct x86_vcpu *v);
void svm_update_traps(struct x86_vcpu *v);
/* Its part for debug registers. */
void svm_update_debug(struct x86_vcpu *v);
/* Let the guest access its debug registers until its next exit; and after that. */
void svm_give_debug_registers(struct x86_vcpu *v);
void svm_take_debug_registers(struct x86_vcpu *v);
void svm_tlb_flush(struct x86_vcpu *v);
void svm_write_tsc(struct x86_vcpu *v);
/* No ratio, for the guests of whoever is next on this CPU. */
void svm_reset_tsc_ratio(void);
void svm_update_msr_filter(struct x86_vcpu *v);
/* The guest's TSC_AUX is now @value. */
void svm_set_tsc_aux(struct svm_vcpu *svm, u64 value);
/* An ASID of this CPU for the next entry.  Context: interrupts off. */
void svm_new_asid(struct svm_vcpu *svm, struct svm_cpu *sc);
/* A VMCB that can be entered once the registers are set. */
void svm_vmcb_init(struct x86_vcpu *v);

/* ---- state.c ---- */
void svm_get_segment(struct x86_vcpu *v, struct kvm_segment *seg, unsigned int nr);
void svm_set_segment(struct x86_vcpu *v, const struct kvm_segment *seg, unsigned int nr);
void svm_get_table(struct x86_vcpu *v, struct kvm_dtable *gdt, struct kvm_dtable *idt);
void svm_set_table(struct x86_vcpu *v, const struct kvm_dtable *gdt,
		   const struct kvm_dtable *idt);
u64 svm_get_cr(struct x86_vcpu *v, unsigned int nr);
void svm_set_cr(struct x86_vcpu *v, unsigned int nr, u64 value);
u64 svm_get_efer(struct x86_vcpu *v);
void svm_set_efer(struct x86_vcpu *v, u64 value);
unsigned int svm_get_cpl(struct x86_vcpu *v);
void svm_get_context(struct x86_vcpu *v, struct x86_context *c);
void svm_get_emul_seg(struct x86_vcpu *v, struct x86_seg *seg, unsigned int nr);
int svm_get_msr(struct x86_vcpu *v, u32 index, u64 *data);
int svm_set_msr(struct x86_vcpu *v, u32 index, u64 data);
u32 svm_get_shadow(struct x86_vcpu *v);
void svm_set_shadow(struct x86_vcpu *v, u32 shadow);

/* ---- run.c ---- */
int svm_run(struct x86_vcpu *v);

/* ---- inject.c ---- */
/* Something waits to be brought to the guest, or to be noticed when it is ready. */
static inline bool svm_event_waits(const struct x86_vcpu *v)
{
	const struct x86_events *ev = &v->ev;

	return ev->exception.pending | ev->exception.injected | ev->interrupt.injected |
	       ev->nmi.pending | ev->nmi.injected | ev->triple_fault | ev->apic |
	       v->want_irq_window;
}

/* Bring it, or ask the CPU to exit when it can be brought.  enum berth_run. */
int svm_inject(struct x86_vcpu *v, struct svm_vcpu *svm);
/* The guest was not entered: take back what svm_inject() prepared. */
void svm_inject_cancel(struct x86_vcpu *v, struct svm_vcpu *svm);
/* After an exit: what was delivered, and what must be delivered again. */
void svm_inject_finish(struct x86_vcpu *v, struct svm_vcpu *svm);
void svm_close_irq_window(struct svm_vcpu *svm);

/* ---- exits.c ---- */
/* enum berth_run or -errno.  Context: interrupts on. */
int svm_handle_exit(struct x86_vcpu *v, struct svm_vcpu *svm);

/* ---- dump.c ---- */
void svm_dump(struct x86_vcpu *v);

#endif
