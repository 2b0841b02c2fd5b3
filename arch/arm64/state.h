/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vCPU's architected state as the exits and the run loop use it: system registers,
 * hypercalls, exceptions into the guest, timers, debug.
 */
#ifndef BERTH_ARM64_STATE_H
#define BERTH_ARM64_STATE_H

#include "arm64.h"

/* Requests, beside the core's. */
enum arm_request {
	ARM_REQ_RESET = BERTH_REQ_ARCH,	/* CPU_ON: begin where arm_power says */
	ARM_REQ_SLEEP,			/* off or suspended: look at arm_power::mp_state */
	ARM_REQ_TIMER,			/* a timer's time has come */
	ARM_REQ_STEAL,			/* tell the guest of stolen time */
	ARM_REQ_VGIC,			/* the VGIC's: queue and list registers differ */
};

/* Exits: enum berth_run or -errno.  PC is behind an HVC, at any other instruction. */
int arm_hypercall(struct arm_vcpu *v);
int arm_smc(struct arm_vcpu *v);
int arm_sysreg_trap(struct arm_vcpu *v, u64 esr);
int arm_cp15_trap(struct arm_vcpu *v, u64 esr);
int arm_debug_exit(struct arm_vcpu *v, u64 esr);

/* Exceptions into the guest's EL1, whichever width it has. */
void arm_inject_undef(struct arm_vcpu *v);
void arm_inject_dabt(struct arm_vcpu *v, u64 far);
void arm_inject_iabt(struct arm_vcpu *v, u64 far);
void arm_inject_size_fault(struct arm_vcpu *v, u64 far);
void arm_inject_serror(struct arm_vcpu *v, u64 esr);

/* Requests from BERTH_REQ_ARCH on: AGAIN, BLOCK or USER.  Interrupts on. */
int arm_serve_requests(struct arm_vcpu *v);

/* The affinity fields as in MPIDR_EL1. */
static inline u64 arm_mpidr(const struct arm_vcpu *v)
{
	return v->ctxt.vmpidr;
}

struct arm_vcpu *arm_vcpu_by_mpidr(struct arm_vm *vm, u64 affinity);

/* Is the line of a timer's interrupt high?  Loaded, interrupts off. */
bool arm_timer_line(struct arm_vcpu *v, u32 intid);

/* The run's begin and end; the first ever, which may refuse. */
int arm_first_run(struct arm_vcpu *v);
void arm_debug_run_begin(struct arm_vcpu *v);
void arm_debug_run_end(struct arm_vcpu *v);

/* Around the world switch, interrupts off. */
void arm_timer_flush(struct arm_vcpu *v);
void arm_debug_flush(struct arm_vcpu *v);
void arm_debug_sync(struct arm_vcpu *v);

void arm_timer_load(struct arm_vcpu *v);
void arm_timer_put(struct arm_vcpu *v);
/* The vCPU is about to sleep.  Preemption on. */
void arm_timer_block(struct arm_vcpu *v);

bool arm_runnable(struct arm_vcpu *v);

int arm_state_setup(const char **why);
void arm_state_unsetup(void);
void arm_state_cpu_enable(void);
void arm_state_cpu_disable(void);
int arm_state_vm_init(struct arm_vm *vm);
void arm_state_vm_destroy(struct arm_vm *vm);
int arm_state_vcpu_init(struct arm_vcpu *v);
void arm_state_vcpu_destroy(struct arm_vcpu *v);

#endif
