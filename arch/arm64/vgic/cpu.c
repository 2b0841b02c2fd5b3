// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPU's side of the virtual GIC: its list registers and CPU interface go to the CPU it
 * runs on and come back (IHI 0069, 6.4 and 12.4).
 *
 * The world switch writes list registers at entry and reads them back at exit, while there
 * are any in use.
 */
#include "loop.h"
#include "internal.h"
#include <linux/irqchip/arm-gic-v3.h>

DEFINE_STATIC_KEY_FALSE(vgic_host_is_v2);

/* The one that is loaded, and how many list registers it may have left behind. */
struct vgic_here {
	struct vgic_cpu *cpu;
	unsigned int lrs;
};

static DEFINE_PER_CPU(struct vgic_here, here);

struct vgic_cpu *vgic_loaded_cpu(void)
{
	return this_cpu_read(here.cpu);
}

/* ---- the run loop ---- */

/*
 * Interrupts that are routed elsewhere by now, and not active here any longer, go there.
 * Context: the lock is held, and dropped in between.
 */
static void move_out(struct vgic_cpu *cpu, unsigned long *flags)
{
	struct vgic_irq *irq;
again:
	list_for_each_entry(irq, &cpu->queue, link) {
		if (irq->active || irq->lr >= 0 || irq->target == cpu)
			continue;
		list_del_init(&irq->link);
		/* Its own reference keeps the LPI until it is in the other queue. */
		vgic_irq_queue_unlock(irq, cpu, *flags);
		vgic_lpi_put(irq);
		vgic_cpu_lock(cpu, flags);
		goto again;
	}
}

/* What is in the list registers comes back, and what belongs there goes in. */
void vgic_update(struct arm_vcpu *v)
{
	struct vgic_cpu *cpu = &v->vgic;
	struct arm_gic_cpu *regs = cpu->regs;
	struct vgic_vm *vgic = vgic_of(cpu);
	unsigned int ended = regs->hcr >> ICH_HCR_EOIcount_SHIFT;
	struct vgic_acks acks = {};
	unsigned long flags;
	u32 hcr;

	/* Before the queue is looked at: pairs with vgic_kick(). */
	berth_vcpu_take_request(&v->core, ARM_REQ_VGIC);
	if (unlikely((v->ctxt.hcr & (HCR_VI | HCR_VF)) != READ_ONCE(cpu->lines)))
		v->ctxt.hcr = (v->ctxt.hcr & ~(HCR_VI | HCR_VF)) | READ_ONCE(cpu->lines);
	if (!vgic_initialized(vgic))
		return;

	vgic_cpu_lock(cpu, &flags);
	if (unlikely(ended))
		vgic_count_eois(cpu, ended, &acks);
	vgic_take_lrs(cpu, regs->lr, &acks, cpu == vgic_loaded_cpu());
	move_out(cpu, &flags);
	vgic_fill_lrs(cpu, regs->lr, vgic_host.nr_lrs, READ_ONCE(vgic->ctlr), &hcr);
	vgic_cpu_unlock(cpu, flags);

	regs->hcr = ICH_HCR_EN | hcr;
	/* Those that have become empty are written, too, once. */
	if (cpu->used < regs->nr)
		memset(&regs->lr[cpu->used], 0, (regs->nr - cpu->used) * sizeof(regs->lr[0]));
	else
		regs->nr = cpu->used;
	if (unlikely(acks.nr))
		vgic_tell_acks(vgic, &acks);
}

/*
 * The guest was left with list registers in use.  When one has become empty, the next is
 * due; what else the maintenance interrupt tells of comes with that, but for the count of
 * ends.  A physical interrupt that is still pending may have lost its reason.
 */
void vgic_left(struct arm_vcpu *v)
{
	struct vgic_cpu *cpu = &v->vgic;
	const struct arm_gic_cpu *regs = cpu->regs;
	bool stale = regs->hcr & ICH_HCR_EOIcount_MASK;
	unsigned int i;

	for (i = 0; i < cpu->used; i++) {
		u64 lr = regs->lr[i];

		stale |= !(lr & ICH_LR_STATE) ||
			 (lr & (ICH_LR_HW | ICH_LR_STATE)) == (ICH_LR_HW | ICH_LR_PENDING_BIT);
	}
	cpu->regs->nr = cpu->used;
	/* Together with what the exit may bring. */
	if (stale)
		berth_vcpu_request(&v->core, ARM_REQ_VGIC);
}

/* ---- load and put ---- */

#define EACH_APR(F, r, nr)						\
	do {								\
		F(AP0R0, r->ap0r[0]); F(AP1R0, r->ap1r[0]);		\
		if ((nr) < 2)						\
			break;						\
		F(AP0R1, r->ap0r[1]); F(AP1R1, r->ap1r[1]);		\
		if ((nr) < 4)						\
			break;						\
		F(AP0R2, r->ap0r[2]); F(AP1R2, r->ap1r[2]);		\
		F(AP0R3, r->ap0r[3]); F(AP1R3, r->ap1r[3]);		\
	} while (0)
#define LOAD_APR(name, val)	write_sysreg_s(val, SYS_ICH_##name##_EL2)
#define SAVE_APR(name, val)	((val) = read_sysreg_s(SYS_ICH_##name##_EL2))

/*
 * Where a GIC has the older interface, too, ICC_SRE_EL1 could turn the registers off under
 * the host: accesses trap (12.2.22, ICC_SRE_EL2.Enable).
 */
static void allow_sre(bool allow)
{
	u64 sre = read_sysreg_s(SYS_ICC_SRE_EL2);

	write_sysreg_s(allow ? sre | ICC_SRE_EL2_ENABLE : sre & ~(u64)ICC_SRE_EL2_ENABLE,
		       SYS_ICC_SRE_EL2);
	isb();
}

static void v3_load(struct arm_context *ctxt)
{
	struct arm_gic_cpu *regs = &ctxt->gic;

	if (!arm_vhe()) {
		arm_el2_call(ARM_EL2_GIC_LOAD, virt_to_phys(ctxt), 0, 0, 0);
		return;
	}
	allow_sre(false);
	write_sysreg_s(regs->vmcr, SYS_ICH_VMCR_EL2);
	EACH_APR(LOAD_APR, regs, regs->nr_apr);
}

/* Read them all back; what is in the CPU stays. */
static void v3_save(struct arm_context *ctxt)
{
	struct arm_gic_cpu *regs = &ctxt->gic;

	if (!arm_vhe()) {
		arm_el2_call(ARM_EL2_GIC_PUT, virt_to_phys(ctxt), 0, 0, 0);
		return;
	}
	regs->vmcr = read_sysreg_s(SYS_ICH_VMCR_EL2);
	EACH_APR(SAVE_APR, regs, regs->nr_apr);
}

/* A CPU that comes online may hold anything. */
void vgic_cpu_fresh(void)
{
	this_cpu_write(here.cpu, NULL);
	this_cpu_write(here.lrs, vgic_host.nr_lrs);
}

void vgic_load(struct arm_vcpu *v)
{
	struct vgic_cpu *cpu = &v->vgic;

	if (!vgic_host.model)
		return;
	/* Those that another vCPU left are cleared: lr[] is zero beyond used. */
	cpu->regs->nr = max_t(u64, cpu->used, this_cpu_read(here.lrs));
	this_cpu_write(here.cpu, cpu);
	cpu->loaded = true;
	if (static_branch_unlikely(&vgic_host_is_v2))
		vgic_v2_load(cpu);
	else
		v3_load(&v->ctxt);
}

/* What is in memory takes the place of what is in the CPU.  Loaded, preemption off. */
void vgic_reload(struct arm_vcpu *v)
{
	if (static_branch_unlikely(&vgic_host_is_v2))
		vgic_v2_load(&v->vgic);
	else
		v3_load(&v->ctxt);
}

void vgic_put(struct arm_vcpu *v)
{
	struct vgic_cpu *cpu = &v->vgic;

	if (!vgic_host.model)
		return;
	if (static_branch_unlikely(&vgic_host_is_v2))
		vgic_v2_put(cpu);
	else
		v3_save(&v->ctxt);
	if (arm_vhe() && !static_key_enabled(&vgic_host_is_v2))
		allow_sre(true);
	cpu->loaded = false;
	this_cpu_write(here.cpu, NULL);
	this_cpu_write(here.lrs, cpu->regs->nr);
}

/* ---- is anything pending? ---- */

/* Priority mask and group enables as they are now. */
static struct vgic_vmcr current_vmcr(struct vgic_cpu *cpu)
{
	/* Stays loaded, or not, and then on this CPU. */
	preempt_disable();
	if (cpu->loaded && static_key_enabled(&vgic_host_is_v2))
		vgic_v2_save(cpu);
	else if (cpu->loaded)
		v3_save(&vgic_vcpu(cpu)->ctxt);
	preempt_enable();
	return vgic_get_vmcr(cpu);
}

/* Pending, wherever the state is now. */
static bool pending_now(const struct vgic_cpu *cpu, const struct vgic_irq *irq, u32 ctlr)
{
	if (irq->lr >= 0)
		return (cpu->regs->lr[irq->lr] & ICH_LR_STATE) == ICH_LR_PENDING_BIT;
	return !irq->active && irq->target == cpu && vgic_irq_deliverable(irq, ctlr);
}

bool vgic_pending(struct arm_vcpu *v)
{
	struct vgic_cpu *cpu = &v->vgic;
	struct vgic_irq *irq;
	struct vgic_vmcr vmcr;
	unsigned long flags;
	bool pending = false;
	u32 ctlr;

	if (READ_ONCE(cpu->lines))
		return true;
	if (!vgic_initialized(vgic_of(cpu)) || list_empty(&cpu->queue))
		return false;
	/* What has ended may be pending again. */
	if (test_bit(ARM_REQ_VGIC, &v->core.requests))
		vgic_update(v);
	vmcr = current_vmcr(cpu);
	ctlr = READ_ONCE(vgic_of(cpu)->ctlr);
	vgic_cpu_lock(cpu, &flags);
	list_for_each_entry(irq, &cpu->queue, link)
		if (pending_now(cpu, irq, ctlr) && irq->priority < vmcr.pmr &&
		    (irq->group1 ? vmcr.group1 : vmcr.group0)) {
			pending = true;
			break;
		}
	vgic_cpu_unlock(cpu, flags);
	return pending;
}

/* ---- the CPU interface's control state ---- */

struct vgic_vmcr vgic_get_vmcr(const struct vgic_cpu *cpu)
{
	u64 vmcr = cpu->regs->vmcr;

	if (static_key_enabled(&vgic_host_is_v2))
		return vgic_v2_decode_vmcr(vmcr);
	return (struct vgic_vmcr) {
		.pmr = vmcr >> ICH_VMCR_PMR_SHIFT,
		.bpr0 = vmcr >> ICH_VMCR_BPR0_SHIFT & 7,
		.bpr1 = vmcr >> ICH_VMCR_BPR1_SHIFT & 7,
		.group0 = vmcr & ICH_VMCR_ENG0_MASK,
		.group1 = vmcr & ICH_VMCR_ENG1_MASK,
		.cbpr = vmcr & ICH_VMCR_CBPR_MASK,
		.eoim = vmcr & ICH_VMCR_EOIM_MASK,
	};
}

void vgic_set_vmcr(struct vgic_cpu *cpu, const struct vgic_vmcr *vmcr)
{
	if (static_key_enabled(&vgic_host_is_v2)) {
		cpu->regs->vmcr = vgic_v2_encode_vmcr(vmcr);
		return;
	}
	/* With system registers VFIQEn is wired to 1 (12.4.10). */
	cpu->regs->vmcr = (u64)vmcr->pmr << ICH_VMCR_PMR_SHIFT |
			  (u64)vmcr->bpr0 << ICH_VMCR_BPR0_SHIFT |
			  (u64)vmcr->bpr1 << ICH_VMCR_BPR1_SHIFT |
			  (vmcr->group0 ? ICH_VMCR_ENG0_MASK : 0) |
			  (vmcr->group1 ? ICH_VMCR_ENG1_MASK : 0) |
			  (vmcr->cbpr ? ICH_VMCR_CBPR_MASK : 0) |
			  (vmcr->eoim ? ICH_VMCR_EOIM_MASK : 0) | ICH_VMCR_FIQ_EN_MASK;
}
