// SPDX-License-Identifier: GPL-2.0-only
/* The run loop: everything between two exits. */
#include "state.h"

void arm_run_init(struct arm_vcpu *v)
{
}

void arm_vcpu_load(struct berth_vcpu *b, unsigned int cpu)
{
}

void arm_vcpu_put(struct berth_vcpu *b)
{
}

int arm_run_begin(struct berth_vcpu *b)
{
	return BERTH_RUN_AGAIN;
}

int arm_vcpu_run(struct berth_vcpu *b)
{
	return -EOPNOTSUPP;
}

void arm_run_end(struct berth_vcpu *b)
{
}

bool arm_vcpu_runnable(struct berth_vcpu *b)
{
	return arm_runnable(to_arm(b));
}

void arm_vcpu_dump(struct berth_vcpu *b)
{
}

void arm_skip_insn(struct arm_vcpu *v)
{
}
