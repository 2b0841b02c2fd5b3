// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtualization registers of a GICv2 host (IHI 0048, chapter 5).  They are in memory,
 * each CPU sees its own, and the kernel reaches them at either exception level.
 *
 * The rest of the virtual GIC knows list registers in GICv3's format only; here they are
 * translated, and so is the CPU interface's state.
 */
#include "loop.h"
#include "internal.h"
#include <linux/io.h>
#include <linux/irqchip/arm-gic.h>

static void __iomem *gich;

int vgic_v2_setup(void)
{
	gich = ioremap(vgic_host.gich, vgic_host.gich_size);
	return gich ? 0 : -ENOMEM;
}

void vgic_v2_unsetup(void)
{
	if (gich)
		iounmap(gich);
	gich = NULL;
}

void vgic_v2_cpu_enable(void)
{
	vgic_host_features(readl_relaxed(gich + GICH_VTR));
	writel_relaxed(0, gich + GICH_HCR);
}

/* ---- list registers (5.3.8) ---- */


static u32 lr_to_v2(u64 lr)
{
	u32 v2 = lr & GICH_LR_VIRTUALID;

	/* The sender, the physical interrupt or the EOI bit: laid out alike. */
	v2 |= (lr >> ICH_LR_PHYS_ID_SHIFT & 0x3ff) << GICH_LR_PHYSID_CPUID_SHIFT;
	v2 |= (lr >> (ICH_LR_PRIORITY_SHIFT + 3) & 0x1f) << GICH_LR_PRIORITY_SHIFT;
	if (lr & ICH_LR_PENDING_BIT)
		v2 |= GICH_LR_PENDING_BIT;
	if (lr & ICH_LR_ACTIVE_BIT)
		v2 |= GICH_LR_ACTIVE_BIT;
	if (lr & ICH_LR_GROUP)
		v2 |= GICH_LR_GROUP1;
	return lr & ICH_LR_HW ? v2 | GICH_LR_HW : v2;
}

/* Only the state changes while the guest has it. */
static u64 lr_state(u64 lr, u32 v2)
{
	lr &= ~ICH_LR_STATE;
	if (v2 & GICH_LR_PENDING_BIT)
		lr |= ICH_LR_PENDING_BIT;
	if (v2 & GICH_LR_ACTIVE_BIT)
		lr |= ICH_LR_ACTIVE_BIT;
	return lr;
}

/* As the world switch does for a GICv3.  Interrupts off. */
void vgic_v2_flush(struct arm_vcpu *v)
{
	struct arm_gic_cpu *regs = v->vgic.regs;
	unsigned int i;

	if (likely(!regs->nr))
		return;
	for (i = 0; i < regs->nr; i++)
		writel_relaxed(lr_to_v2(regs->lr[i]), gich + GICH_LR0 + 4 * i);
	writel_relaxed(regs->hcr, gich + GICH_HCR);
}

/*
 * The maintenance interrupt goes before the host could take it: with what it is about when
 * that is an empty list register, with its enable bits otherwise.
 */
void vgic_v2_sync(struct arm_vcpu *v)
{
	struct arm_gic_cpu *regs = v->vgic.regs;
	unsigned int i;

	if (likely(!regs->nr))
		return;
	for (i = 0; i < regs->nr; i++) {
		regs->lr[i] = lr_state(regs->lr[i], readl_relaxed(gich + GICH_LR0 + 4 * i));
		if (!(regs->lr[i] & ICH_LR_STATE))
			writel_relaxed(0, gich + GICH_LR0 + 4 * i);
	}
	if (regs->hcr & (ICH_HCR_UIE | ICH_HCR_LRENPIE)) {
		regs->hcr = readl_relaxed(gich + GICH_HCR);
		writel_relaxed(GICH_HCR_EN, gich + GICH_HCR);
	}
	vgic_left(v);
}

/* ---- load and put ---- */

/*
 * On, but with no reason for the maintenance interrupt: until the next entry the list registers
 * are another's, and empty ones would interrupt the host without end.
 */
void vgic_v2_load(struct vgic_cpu *cpu)
{
	writel_relaxed(cpu->regs->vmcr, gich + GICH_VMCR);
	writel_relaxed(cpu->regs->ap1r[0], gich + GICH_APR);
	writel_relaxed(cpu->regs->hcr & GICH_HCR_EN, gich + GICH_HCR);
}

void vgic_v2_save(struct vgic_cpu *cpu)
{
	cpu->regs->vmcr = readl_relaxed(gich + GICH_VMCR);
	cpu->regs->ap1r[0] = readl_relaxed(gich + GICH_APR);
}

void vgic_v2_put(struct vgic_cpu *cpu)
{
	vgic_v2_save(cpu);
	writel_relaxed(0, gich + GICH_HCR);
}

/* ---- GICH_VMCR (5.3.3) ---- */

struct vgic_vmcr vgic_v2_decode_vmcr(u32 vmcr)
{
	return (struct vgic_vmcr) {
		.pmr = (vmcr & GICH_VMCR_PRIMASK_MASK) >> GICH_VMCR_PRIMASK_SHIFT
			<< GICV_PMR_PRIORITY_SHIFT,
		.bpr0 = (vmcr & GICH_VMCR_BINPOINT_MASK) >> GICH_VMCR_BINPOINT_SHIFT,
		.bpr1 = (vmcr & GICH_VMCR_ALIAS_BINPOINT_MASK) >> GICH_VMCR_ALIAS_BINPOINT_SHIFT,
		.group0 = vmcr & GICH_VMCR_ENABLE_GRP0_MASK,
		.group1 = vmcr & GICH_VMCR_ENABLE_GRP1_MASK,
		.ack_ctl = vmcr & GICH_VMCR_ACK_CTL_MASK,
		.fiq_en = vmcr & GICH_VMCR_FIQ_EN_MASK,
		.cbpr = vmcr & GICH_VMCR_CBPR_MASK,
		.eoim = vmcr & GICH_VMCR_EOI_MODE_MASK,
	};
}

u32 vgic_v2_encode_vmcr(const struct vgic_vmcr *vmcr)
{
	return (u32)(vmcr->pmr >> GICV_PMR_PRIORITY_SHIFT) << GICH_VMCR_PRIMASK_SHIFT |
	       (u32)(vmcr->bpr0 & 7) << GICH_VMCR_BINPOINT_SHIFT |
	       (u32)(vmcr->bpr1 & 7) << GICH_VMCR_ALIAS_BINPOINT_SHIFT |
	       (vmcr->group0 ? GICH_VMCR_ENABLE_GRP0_MASK : 0) |
	       (vmcr->group1 ? GICH_VMCR_ENABLE_GRP1_MASK : 0) |
	       (vmcr->ack_ctl ? GICH_VMCR_ACK_CTL_MASK : 0) |
	       (vmcr->fiq_en ? GICH_VMCR_FIQ_EN_MASK : 0) |
	       (vmcr->cbpr ? GICH_VMCR_CBPR_MASK : 0) |
	       (vmcr->eoim ? GICH_VMCR_EOI_MODE_MASK : 0);
}
