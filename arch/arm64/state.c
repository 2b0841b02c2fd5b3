// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU's architected state: what traps and what is injected. */
#include "state.h"

int arm_hypercall(struct arm_vcpu *v)
{
	v->ctxt.x[0] = -1;	/* SMCCC_RET_NOT_SUPPORTED */
	return BERTH_RUN_AGAIN;
}

int arm_smc(struct arm_vcpu *v)
{
	arm_skip_insn(v);
	return arm_hypercall(v);
}

int arm_sysreg_trap(struct arm_vcpu *v, u64 esr)
{
	arm_inject_undef(v);
	return BERTH_RUN_AGAIN;
}

int arm_cp15_trap(struct arm_vcpu *v, u64 esr)
{
	arm_inject_undef(v);
	return BERTH_RUN_AGAIN;
}

int arm_debug_exit(struct arm_vcpu *v, u64 esr)
{
	arm_inject_undef(v);
	return BERTH_RUN_AGAIN;
}

void arm_inject_undef(struct arm_vcpu *v)
{
}

void arm_inject_dabt(struct arm_vcpu *v, u64 far)
{
}

void arm_inject_iabt(struct arm_vcpu *v, u64 far)
{
}

void arm_inject_size_fault(struct arm_vcpu *v, u64 far)
{
}

void arm_inject_serror(struct arm_vcpu *v, u64 esr)
{
}

int arm_serve_requests(struct arm_vcpu *v)
{
	return BERTH_RUN_AGAIN;
}

int arm_first_run(struct arm_vcpu *v)
{
	return vgic_first_run(v);
}

void arm_debug_run_begin(struct arm_vcpu *v)
{
}

void arm_debug_run_end(struct arm_vcpu *v)
{
}

void arm_timer_flush(struct arm_vcpu *v)
{
}

void arm_debug_flush(struct arm_vcpu *v)
{
}

void arm_debug_sync(struct arm_vcpu *v)
{
}

void arm_timer_load(struct arm_vcpu *v)
{
}

void arm_timer_put(struct arm_vcpu *v)
{
}

void arm_timer_block(struct arm_vcpu *v)
{
}

bool arm_runnable(struct arm_vcpu *v)
{
	return true;
}

int arm_state_setup(const char **why)
{
	return 0;
}

void arm_state_unsetup(void)
{
}

void arm_state_cpu_enable(void)
{
}

void arm_state_cpu_disable(void)
{
}

int arm_state_vm_init(struct arm_vm *vm)
{
	return 0;
}

void arm_state_vm_destroy(struct arm_vm *vm)
{
}

int arm_state_vcpu_init(struct arm_vcpu *v)
{
	return 0;
}

void arm_state_vcpu_destroy(struct arm_vcpu *v)
{
}

struct arm_vcpu *arm_vcpu_by_mpidr(struct arm_vm *vm, u64 affinity)
{
	return NULL;
}

bool arm_timer_line(struct arm_vcpu *v, u32 intid)
{
	return false;
}
