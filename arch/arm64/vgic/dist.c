// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the distributors of both versions have: the group enables and the identification.
 */
#include "internal.h"
#include <linux/irqchip/arm-gic-v3.h>

int vgic_write_ctlr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	u32 ctlr = vgic_merge(READ_ONCE(vgic->ctlr), val, mask) & VGIC_CTLR_GROUPS;

	if (ctlr == READ_ONCE(vgic->ctlr))
		return 0;
	WRITE_ONCE(vgic->ctlr, ctlr);
	/* What waits in queues goes to list registers, or leaves them. */
	vgic_kick_all(vgic);
	return 0;
}

u64 vgic_read_iidr(struct vgic_cpu *cpu, u32 offset)
{
	return VGIC_PRODUCT << GICD_IIDR_PRODUCT_ID_SHIFT |
	       READ_ONCE(vgic_of(cpu)->revision) << GICD_IIDR_REVISION_SHIFT |
	       VGIC_IMPLEMENTER << GICD_IIDR_IMPLEMENTER_SHIFT;
}

/* The revision is user space's to choose; the rest must be what it was read as. */
int vgic_user_write_iidr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	u32 revision = (val & GICD_IIDR_REVISION_MASK) >> GICD_IIDR_REVISION_SHIFT;

	if ((vgic_read_iidr(cpu, offset) ^ (u32)val) & ~GICD_IIDR_REVISION_MASK)
		return -EINVAL;
	if (revision < 2 || revision > VGIC_REVISION)
		return -EINVAL;
	WRITE_ONCE(vgic->revision, revision);
	vgic->user_rev = true;
	return 0;
}
