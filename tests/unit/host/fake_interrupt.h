/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In the place of arch/fake/interrupt.h: here a processor's pending interrupts can be asked for, so
 * that the toy CPU leaves its guest for nothing else, and one that is not sent is missed.
 */
#ifndef BERTH_FAKE_INTERRUPT_H
#define BERTH_FAKE_INTERRUPT_H

#include <stdbool.h>

struct berth_vcpu;
bool host_interrupt_pending(void);

static inline bool fake_interrupted(struct berth_vcpu *vcpu, bool turn)
{
	return host_interrupt_pending();
}

#endif
