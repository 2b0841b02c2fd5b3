/* SPDX-License-Identifier: GPL-2.0-only */
/* How the toy CPU, which runs with the host's interrupts off, sees that one waits. */
#ifndef BERTH_FAKE_INTERRUPT_H
#define BERTH_FAKE_INTERRUPT_H

#include <berth/vcpu.h>

/*
 * A processor's pending interrupts cannot be asked for in general: a kick says so in the vCPU's
 * state before it sends one, and all others are let in when the @turn is over.
 */
static inline bool fake_interrupted(struct berth_vcpu *vcpu, bool turn)
{
	return turn || READ_ONCE(vcpu->state) == BERTH_VCPU_EXITING;
}

#endif
