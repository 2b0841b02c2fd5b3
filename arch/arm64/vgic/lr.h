/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of an interrupt and the list registers: lr.c, which needs nothing of the machine
 * but what is declared at the end.  tests/unit/arm64_vgic runs it on the build host.
 */
#ifndef BERTH_ARM64_VGIC_LR_H
#define BERTH_ARM64_VGIC_LR_H

#include "vgic.h"
#include <asm/sysreg.h>

/* GICD_CTLR as a GIC with one security state has it (IHI 0069, 12.9.4). */
#define VGIC_CTLR_GROUP0	BIT(0)
#define VGIC_CTLR_GROUP1	BIT(1)
#define VGIC_CTLR_GROUPS	(VGIC_CTLR_GROUP0 | VGIC_CTLR_GROUP1)

/* ICH_HCR_EL2.LRENPIE, which the kernel's header does not have. */
#define ICH_HCR_LRENPIE		BIT(2)

static inline bool vgic_is_sgi(u32 intid)
{
	return intid < VGIC_SGIS;
}

static inline bool vgic_is_private(u32 intid)
{
	return intid < VGIC_PRIVATE_IRQS;
}

static inline bool vgic_is_lpi(u32 intid)
{
	return intid >= VGIC_FIRST_LPI;
}

/* Ends of level-sensitive SPIs, to be told when no lock is held. */
struct vgic_acks {
	unsigned int nr;
	u16 pin[VGIC_MAX_LRS + 32];
};

void vgic_irq_init(struct vgic_irq *irq, u32 intid, struct vgic_cpu *home);
bool vgic_irq_pends(const struct vgic_irq *irq);
bool vgic_irq_wants(const struct vgic_irq *irq);
bool vgic_irq_deliverable(const struct vgic_irq *irq, u32 ctlr);
u64 vgic_irq_to_lr(struct vgic_irq *irq, u32 ctlr);
void vgic_irq_from_lr(struct vgic_irq *irq, u64 lr, struct vgic_acks *acks);
void vgic_irq_ended(struct vgic_irq *irq, struct vgic_acks *acks);
void vgic_take_lrs(struct vgic_cpu *cpu, const u64 *lr, struct vgic_acks *acks, bool here);
void vgic_fill_lrs(struct vgic_cpu *cpu, u64 *lr, unsigned int nr, u32 ctlr, u32 *hcr);
void vgic_count_eois(struct vgic_cpu *cpu, unsigned int nr, struct vgic_acks *acks);

/*
 * irq.c: the line of a mapped interrupt, and its end when the guest will not bring it about;
 * a queue's reference to an LPI is given back, to any other interrupt there is none.
 */
bool vgic_phys_line(struct vgic_irq *irq);
void vgic_phys_deactivate(struct vgic_irq *irq);
void vgic_lpi_put(struct vgic_irq *irq);

#endif
