/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In the place of arch/fake/interrupt.h: a guest runs for a number of instructions, then its thread
 * is killed, so that no program is endless.
 */
#ifndef BERTH_FAKE_INTERRUPT_H
#define BERTH_FAKE_INTERRUPT_H

#include <stdbool.h>

struct berth_vcpu;
extern unsigned int fuzz_steps;
void fuzz_kill(void);
bool host_interrupt_pending(void);

static inline bool fake_interrupted(struct berth_vcpu *vcpu, bool turn)
{
	if (fuzz_steps)
		fuzz_steps--;
	else
		fuzz_kill();
	return host_interrupt_pending();
}

#endif
