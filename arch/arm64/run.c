// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: everything between two exits, and the vCPU's way to a CPU and from it.  It is
 * the hot path: what a guest does not need costs it one test.
 */
#include <asm/daifflags.h>
#include <asm/neon.h>
#include <berth/trace.h>
#include "state.h"
#include "vgic/loop.h"

#define HOLDS(member, offset)	static_assert(offsetof(struct arm_context, member) == (offset))

HOLDS(sp_el0, CTX_SP_EL0);
HOLDS(pc, CTX_PC);
HOLDS(pstate, CTX_PSTATE);
HOLDS(hcr, CTX_HCR);
HOLDS(cptr, CTX_CPTR);
HOLDS(mdcr, CTX_MDCR);
HOLDS(vttbr, CTX_VTTBR);
HOLDS(vtcr, CTX_VTCR);
HOLDS(vmpidr, CTX_VMPIDR);
HOLDS(cnthctl, CTX_CNTHCTL);
HOLDS(enter, CTX_ENTER);
HOLDS(host, CTX_HOST);
HOLDS(vsesr, CTX_VSESR);
HOLDS(sve, CTX_SVE);
HOLDS(exit, CTX_EXIT);
HOLDS(esr, CTX_ESR);
HOLDS(far, CTX_FAR);
HOLDS(hpfar, CTX_HPFAR);
HOLDS(gic.hcr, CTX_GIC_HCR);
HOLDS(gic.nr, CTX_GIC_NR);
HOLDS(gic.lr, CTX_GIC_LR(0));
HOLDS(gic.vmcr, CTX_GIC_VMCR);
HOLDS(gic.nr_apr, CTX_GIC_NR_APR);
HOLDS(gic.ap0r, CTX_GIC_AP0R(0));
HOLDS(gic.ap1r, CTX_GIC_AP1R(0));
HOLDS(fp, CTX_FP);
HOLDS(fp.fpsr, CTX_FPSR);
HOLDS(fp.fpcr, CTX_FPCR);
HOLDS(sys, CTX_SYS);

/*
 * What traps to EL2, beyond what STATE's tables ask for: physical interrupts, waiting, set/way
 * maintenance, SMC, implementation defined registers, ID registers, LORegions.
 */
#define HCR_GUEST	(HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | \
			 HCR_BSU_IS | HCR_TWI | HCR_TWE | HCR_TID3 | HCR_TSC | HCR_TIDCP | \
			 HCR_TACR | HCR_TSW | HCR_TLOR | HCR_RW)

/* CPTR_EL2 with E2H is as CPACR_EL1: FPEN and ZEN zero trap. */
#define CPACR_FPEN	(3UL << 20)
#define CPACR_ZEN	(3UL << 16)
#define CPTR_VHE_GUEST	(CPACR_EL1_TTA | CPTR_EL2_TAM)
#define CPTR_NVHE_GUEST	(CPTR_NVHE_EL2_RES1 | CPTR_EL2_TTA | CPTR_EL2_TAM | CPTR_EL2_TZ)

/* Entries that find the FP registers loaded after the guest has asked for them. */
#define FP_TURNS	32

/* SVE, where the guest has it, comes and goes with FP. */
static void fp_traps(struct arm_vcpu *v, bool trap)
{
	u64 sve = v->ctxt.enter & BIT(ARM_ENTER_SVE);

	if (arm_vhe())
		v->ctxt.cptr = CPTR_VHE_GUEST |
			       (trap ? 0 : CPACR_FPEN | (sve ? CPACR_ZEN : 0));
	else
		v->ctxt.cptr = (CPTR_NVHE_GUEST & (trap || !sve ? ~0UL : ~CPTR_EL2_TZ)) |
			       (trap ? CPTR_EL2_TFP : 0);
	if (trap)
		v->ctxt.enter &= ~BIT(ARM_ENTER_FP);
	else
		v->ctxt.enter |= BIT(ARM_ENTER_FP);
}

void arm_fp_trap(struct arm_vcpu *v)
{
	v->fp_turns = FP_TURNS;
	fp_traps(v, false);
}

void arm_run_init(struct arm_vcpu *v)
{
	v->ctxt.hcr = HCR_GUEST | (arm_vhe() ? HCR_E2H : 0) | (arm_s2_fwb ? HCR_FWB : 0);
	v->ctxt.vtcr = arm_vm_of(v)->vtcr;
	if (!arm_vhe() && arm_has_ras())
		v->ctxt.enter |= BIT(ARM_ENTER_VDISR);
	fp_traps(v, true);
}

bool arm_host_has_sme __ro_after_init;

/* A guest is not told of SME, but without FEAT_FGT this register of it does not trap. */
static void swap_tpidr2(struct arm_vcpu *v)
{
	u64 other = v->tpidr2;

	if (!arm_host_has_sme)
		return;
	v->tpidr2 = read_sysreg_s(SYS_TPIDR2_EL0);
	write_sysreg_s(other, SYS_TPIDR2_EL0);
}

void arm_vcpu_load(struct berth_vcpu *b, unsigned int cpu)
{
	struct arm_vcpu *v = to_arm(b);
	struct arm_context *host = arm_host_context();
	u64 mdcr = arm_vhe() ? read_sysreg(mdcr_el2) : host->mdcr;

	v->ctxt.host = arm_vhe() ? (u64)host : virt_to_phys(host);
	/* The number of event counters below EL2 is the host's business. */
	v->ctxt.mdcr = (v->ctxt.mdcr & ~MDCR_EL2_HPMN_MASK) | (mdcr & MDCR_EL2_HPMN_MASK);
	arm_tlb_vcpu_load(v);
	/* Not what is in VTTBR_EL2: the next entry sets it. */
	v->ctxt.vttbr = 0;
	if (arm_vhe()) {
		write_sysreg(v->ctxt.vmpidr, vmpidr_el2);
		arm_sys_load(v);
	}
	swap_tpidr2(v);
	vgic_load(v);
	arm_state_load(v);
}

void arm_vcpu_put(struct berth_vcpu *b)
{
	struct arm_vcpu *v = to_arm(b);

	arm_timer_put(v);
	vgic_put(v);
	swap_tpidr2(v);
	if (!arm_vhe())
		return;
	arm_sys_put(v);
	write_sysreg(0, vttbr_el2);
}

int arm_run_begin(struct berth_vcpu *b)
{
	struct arm_vcpu *v = to_arm(b);
	int r;

	if (unlikely(!v->has_run)) {
		r = arm_first_run(v);
		if (r)
			return r;
		v->has_run = true;
	}
	b->run->flags = 0;
	/* Before the instruction that user space has completed is skipped: it may be stepped. */
	arm_debug_run_begin(v);
	if (v->mmio_pending)
		arm_mmio_finish(v);
	return BERTH_RUN_AGAIN;
}

void arm_run_end(struct berth_vcpu *b)
{
	arm_debug_run_end(to_arm(b));
}

bool arm_vcpu_runnable(struct berth_vcpu *b)
{
	return arm_runnable(to_arm(b));
}

static noinstr void run_guest(struct arm_vcpu *v)
{
	berth_guest_context_enter(&v->core);
	if (arm_vhe())
		arm_vhe_run(&v->ctxt);
	else if (unlikely(arm_nvhe_run(virt_to_phys(&v->ctxt), v->ctxt.host) == HVC_STUB_ERR))
		v->ctxt.exit = ARM_EXIT_OFF;
	berth_guest_context_exit();
}

/* The VM's second stage, as its VMID is now.  With VHE it stays until another takes its place. */
static __always_inline void load_s2(struct arm_vcpu *v, struct arm_vm *vm)
{
	u64 vttbr = arm_vttbr(vm);

	if (likely(v->ctxt.vttbr == vttbr))
		return;
	v->ctxt.vttbr = vttbr;
	if (arm_vhe()) {
		write_sysreg(vttbr, vttbr_el2);
		write_sysreg(v->ctxt.vtcr, vtcr_el2);
		isb();
	}
}

/* WORK: the guest was not entered. */
static __always_inline int enter(struct arm_vcpu *v, struct arm_vm *vm)
{
	bool debug;

	local_irq_disable();
	arm_timer_flush(v);
	vgic_flush(v);
	if (unlikely(!berth_enter_guest(&v->core))) {
		local_irq_enable();
		return BERTH_RUN_WORK;
	}
	if (unlikely(!arm_vmid_current(vm))) {
		berth_leave_guest(&v->core);
		local_irq_enable();
		return BERTH_RUN_AGAIN;
	}
	trace_berth_entry(v->core.id, v->ctxt.pc);
	load_s2(v, vm);
	local_daif_mask();
	debug = arm_debug_flush(v);
	run_guest(v);
	arm_debug_sync(v, debug);
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
	vgic_sync(v);
	if (v->ctxt.exit == ARM_EXIT_IRQ || v->ctxt.exit == ARM_EXIT_FIQ) {
		/* Not scheduled away as one that is in the guest; the loop looks at that. */
		preempt_disable();
		berth_take_interrupt(&v->core);
		preempt_enable();
	}
	berth_leave_guest(&v->core);
	local_irq_enable();
	return BERTH_RUN_USER;
}

static int serve_requests(struct arm_vcpu *v)
{
	/* TLBs are flushed for all CPUs by who changes the tables. */
	berth_vcpu_take_request(&v->core, BERTH_REQ_TLB_FLUSH);
	return arm_serve_requests(v);
}

int arm_vcpu_run(struct berth_vcpu *b)
{
	struct arm_vcpu *v = to_arm(b);
	struct arm_vm *vm = arm_vm_of(v);
	bool fp;
	int r;

	do {
		/* The GIC's is served on the way into the guest. */
		if (unlikely(READ_ONCE(b->requests) & BERTH_BACKEND_REQUESTS & ~BIT(ARM_REQ_VGIC))) {
			r = serve_requests(v);
			if (r != BERTH_RUN_AGAIN)
				break;
		}
		arm_vmid_update(vm);
		fp = unlikely(v->fp_turns);
		if (fp)
			kernel_neon_begin();
		r = enter(v, vm);
		if (fp) {
			kernel_neon_end();
			if (!--v->fp_turns)
				fp_traps(v, true);
		}
		if (likely(r == BERTH_RUN_USER))
			r = arm_handle_exit(v);
	} while (r == BERTH_RUN_AGAIN);
	return r;
}

void arm_vcpu_dump(struct berth_vcpu *b)
{
	struct arm_vcpu *v = to_arm(b);
	const struct arm_context *c = &v->ctxt;
	unsigned int i;

	pr_err("vcpu %u: pc %016llx pstate %08llx exit %llu esr %08llx far %016llx hpfar %llx\n",
	       b->id, c->pc, c->pstate, c->exit, c->esr, c->far, c->hpfar);
	pr_err("  hcr %016llx cptr %llx mdcr %llx vttbr %016llx vtcr %llx vmpidr %llx\n", c->hcr,
	       c->cptr, c->mdcr, c->vttbr, c->vtcr, c->vmpidr);
	for (i = 0; i < 30; i += 3)
		pr_err("  x%-2u %016llx %016llx %016llx\n", i, c->x[i], c->x[i + 1], c->x[i + 2]);
	pr_err("  x30 %016llx sp_el0 %016llx sp_el1 %016llx\n", c->x[30], c->sp_el0,
	       arm_read_sys(v, ARM_SP_EL1));
	pr_err("  sctlr %llx tcr %016llx ttbr0 %016llx ttbr1 %016llx\n",
	       arm_read_sys(v, ARM_SCTLR_EL1), arm_read_sys(v, ARM_TCR_EL1),
	       arm_read_sys(v, ARM_TTBR0_EL1), arm_read_sys(v, ARM_TTBR1_EL1));
	pr_err("  vbar %016llx esr %llx far %016llx elr %016llx spsr %llx\n",
	       arm_read_sys(v, ARM_VBAR_EL1), arm_read_sys(v, ARM_ESR_EL1),
	       arm_read_sys(v, ARM_FAR_EL1), arm_read_sys(v, ARM_ELR_EL1),
	       arm_read_sys(v, ARM_SPSR_EL1));
}
