/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual GIC's part of every turn of the run loop.  When nothing is pending it is a
 * test on the way in and one on the way out.
 */
#ifndef BERTH_ARM64_VGIC_LOOP_H
#define BERTH_ARM64_VGIC_LOOP_H

#include "arm64.h"
#include "state.h"
#include <linux/jump_label.h>

/* The host's GIC is a GICv2: its registers are in memory, and ours to access. */
DECLARE_STATIC_KEY_FALSE(vgic_host_is_v2);

void vgic_update(struct arm_vcpu *v);
void vgic_left(struct arm_vcpu *v);
void vgic_v2_flush(struct arm_vcpu *v);
void vgic_v2_sync(struct arm_vcpu *v);

/*
 * What the guest is to see of its interrupts goes to the list registers, before
 * berth_enter_guest(): whatever changes later makes the request again.  Interrupts off.
 */
static __always_inline void vgic_flush(struct arm_vcpu *v)
{
	if (unlikely(test_bit(ARM_REQ_VGIC, &v->core.requests)))
		vgic_update(v);
	if (static_branch_unlikely(&vgic_host_is_v2))
		vgic_v2_flush(v);
}

/* What the guest did with them, before berth_leave_guest() lets others look.  Interrupts off. */
static __always_inline void vgic_sync(struct arm_vcpu *v)
{
	if (static_branch_unlikely(&vgic_host_is_v2))
		vgic_v2_sync(v);
	else if (unlikely(v->ctxt.gic.nr))
		vgic_left(v);
}

#endif
