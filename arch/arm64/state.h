/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vCPU's architected state as the exits and the run loop use it: system registers,
 * hypercalls, exceptions into the guest, power, timers, debug.
 */
#ifndef BERTH_ARM64_STATE_H
#define BERTH_ARM64_STATE_H

#include "abi.h"
#include "arm64.h"
#include <asm/debug-monitors.h>
#include <linux/irqreturn.h>

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

/* inject.c: exceptions into the guest's EL1, whichever width it has. */
void arm_inject_undef(struct arm_vcpu *v);
void arm_inject_dabt(struct arm_vcpu *v, u64 far);
void arm_inject_iabt(struct arm_vcpu *v, u64 far);
void arm_inject_size_fault(struct arm_vcpu *v, u64 far);
void arm_inject_serror(struct arm_vcpu *v, u64 esr);

/* features.c: FEAT_RAS is there. */
extern bool arm_ras;
static inline bool arm_has_ras(void)
{
	return arm_ras;
}

/* power.c: requests from BERTH_REQ_ARCH on: AGAIN, BLOCK or USER.  Interrupts on. */
int arm_serve_requests(struct arm_vcpu *v);
void arm_power_reset(struct arm_vcpu *v);
bool arm_runnable(struct arm_vcpu *v);

/* features.c: the first run ever, which may refuse; and the state after reset. */
int arm_first_run(struct arm_vcpu *v);
void arm_vcpu_reset(struct arm_vcpu *v);

/* The affinity fields as in MPIDR_EL1. */
static inline u64 arm_mpidr(const struct arm_vcpu *v)
{
	return v->ctxt.vmpidr;
}

struct arm_vcpu *arm_vcpu_by_mpidr(struct arm_vm *vm, u64 affinity);

/* debug.c.  Begin comes before an instruction that user space completed is skipped. */
void arm_debug_run_begin(struct arm_vcpu *v);
void arm_debug_run_end(struct arm_vcpu *v);
void arm_debug_setup(void);
void arm_debug_reset(struct arm_vcpu *v);
void arm_debug_update(struct arm_vcpu *v);
void arm_debug_load(struct arm_vcpu *v);
void arm_debug_put(struct arm_vcpu *v);

/*
 * Around the world switch, all exceptions masked: flush says whether there will be something
 * to sync.  The host's own breakpoints, which an interrupt may bring while the vCPU is loaded,
 * are not the guest's: without MDE there are none at any level (Arm ARM D2.2).
 */
static __always_inline bool arm_debug_flush(struct arm_vcpu *v)
{
	bool exchange = v->debug.active || read_sysreg(mdscr_el1) & DBG_MDSCR_MDE;

	if (unlikely(exchange))
		arm_debug_load(v);
	return exchange;
}

static __always_inline void arm_debug_sync(struct arm_vcpu *v, bool exchanged)
{
	if (unlikely(exchanged))
		arm_debug_put(v);
}

/* timer.c.  A loaded vCPU's timers go to the CPU when it enters the guest. */
void arm_timer_enter(struct arm_vcpu *v);
void arm_timer_put(struct arm_vcpu *v);
bool arm_timer_due(struct arm_vcpu *v);
bool arm_timer_line(struct arm_vcpu *v, u32 intid);
void arm_timer_serve(struct arm_vcpu *v);
int arm_timer_first_run(struct arm_vcpu *v);
void arm_timer_reset(struct arm_vcpu *v);
void arm_timer_vm_init(struct arm_vm_state *s);
void arm_timer_vcpu_init(struct arm_vcpu *v);
void arm_timer_vcpu_destroy(struct arm_vcpu *v);
int arm_timer_has_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr);
int arm_timer_get_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr);
int arm_timer_set_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr);
irqreturn_t arm_vtimer_interrupt(int irq, void *unused);

/* Before the guest is entered, interrupts off. */
static __always_inline void arm_timer_flush(struct arm_vcpu *v)
{
	if (unlikely(!v->timer.loaded))
		arm_timer_enter(v);
}

/* timer_irq.c */
int arm_timer_irq_setup(const char **why);
void arm_timer_irq_unsetup(void);
void arm_timer_irq_enable(void);
void arm_timer_irq_disable(void);
unsigned int arm_vtimer_irq(void);

/* sve.c */
static inline bool arm_has_sve(const struct arm_vcpu *v)
{
	return arm_vm_of(v)->state.features & ARM_FEATURE(SVE);
}

void arm_sve_cpu_enable(void);
unsigned int arm_sve_max_vq(void);
void arm_sve_reset(struct arm_vcpu *v);
int arm_sve_finalize(struct arm_vcpu *v);
void arm_sve_destroy(struct arm_vcpu *v);
int arm_sve_get_reg(struct arm_vcpu *v, u64 id, void *data);
int arm_sve_set_reg(struct arm_vcpu *v, u64 id, const void *data);
long arm_sve_list(struct arm_vcpu *v, u64 __user *ids);

/* pvtime.c */
void arm_pvtime_init(struct arm_vcpu *v);
void arm_steal_load(struct arm_vcpu *v);
void arm_steal_write(struct arm_vcpu *v);
int arm_pvtime_has_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr);
int arm_pvtime_get_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr);
int arm_pvtime_set_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr);

/* The vCPU is loaded: what STATE has to do then; the timers wait for the first entry. */
static inline void arm_state_load(struct arm_vcpu *v)
{
	arm_steal_load(v);
}

/* features.c: life. */
int arm_state_setup(const char **why);
void arm_state_unsetup(void);
void arm_state_cpu_enable(void);
void arm_state_cpu_disable(void);
int arm_state_vm_init(struct arm_vm *vm);
void arm_state_vm_destroy(struct arm_vm *vm);
int arm_state_vcpu_init(struct arm_vcpu *v);
void arm_state_vcpu_destroy(struct arm_vcpu *v);

/* Rows of ioctls.c. */
long arm_ioctl_preferred_target(struct berth_vm *vm, void *data, unsigned long uarg);
long arm_ioctl_vcpu_init(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_vcpu_finalize(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_get_reg_list(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_get_one_reg(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_set_one_reg(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_writable_masks(struct berth_vm *vm, void *data, unsigned long uarg);
long arm_ioctl_get_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_set_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_get_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_set_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_set_guest_debug(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_set_counter_offset(struct berth_vm *vm, void *data, unsigned long uarg);
long arm_ioctl_has_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_get_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_set_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long arm_ioctl_has_vm_attr(struct berth_vm *vm, void *data, unsigned long uarg);
long arm_ioctl_set_vm_attr(struct berth_vm *vm, void *data, unsigned long uarg);
int arm_cap_el1_32bit(struct berth_vm *vm);
int arm_cap_sve(struct berth_vm *vm);
int arm_cap_ptrauth(struct berth_vm *vm);
int arm_cap_serror_esr(struct berth_vm *vm);
int arm_cap_guest_debug2(struct berth_vm *vm);
int arm_cap_hw_bps(struct berth_vm *vm);
int arm_cap_hw_wps(struct berth_vm *vm);
int arm_cap_steal_time(struct berth_vm *vm);
int arm_enable_system_suspend(struct berth_vm *vm, const struct kvm_enable_cap *args);

#endif
