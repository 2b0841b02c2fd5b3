/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests are offered beyond the hardware (Documentation/virt/kvm/x86/msr.rst,
 * cpuid.rst, hypercalls.rst): the clock, stolen time, hypercalls.  Guests name the
 * memory for it; it is looked up again at each write.
 */
#ifndef BERTH_X86_PV_H
#define BERTH_X86_PV_H

#include <berth/types.h>
#include <linux/kvm_para.h>
#include <linux/list.h>
#include <linux/spinlock.h>

struct x86_vcpu;
struct x86_vm;

/* What the guest has switched on: x86_pv_vcpu::active. */
#define X86_PV_CLOCK	BIT(0)
#define X86_PV_STEAL	BIT(1)

/* A vCPU's part. [o] unless said otherwise */
struct x86_pv_vcpu {
	u32 active;
	u32 features;			/* those the guest may use: KVM_FEATURE_* */
	bool enforce;			/* KVM_CAP_ENFORCE_PV_FEATURE_CPUID */
	u64 system_time;		/* MSR_KVM_SYSTEM_TIME */
	bool stopped;			/* KVM_KVMCLOCK_CTRL, not yet told the guest */
	unsigned int clock_cpu;		/* where the clock was last written */
	unsigned long clock_due;	/* jiffies; when an unstable one must be again */
	u64 steal;			/* MSR_KVM_STEAL_TIME */
	u64 run_delay;			/* of the thread, as far as the guest was told */
	bool told_preempted;
	bool unhalted;			/* [a] KVM_HC_KICK_CPU: the next HLT does not wait */
};

/*
 * The VM's clock: nanoseconds that go on at the rate of the host's TSC (@stable), or of
 * the host's monotonic clock without corrections.
 */
struct x86_clock {
	raw_spinlock_t lock;		/* all below but stale */
	bool stale;			/* [a] a TSC or the host's clock changed */
	bool stable;			/* from tsc on, for all vCPUs alike */
	u64 tsc;			/* the host's ... */
	u64 base;			/* ... when the clock was this */
	s64 offset;			/* to the host's clock, while not stable */
	u32 mul;			/* ticks to nanoseconds, as pvclock_scale_delta() */
	s8 shift;
	u64 wall_clock;			/* MSR_KVM_WALL_CLOCK */
	struct list_head link;		/* clocks_lock */
};

/* ---- pvclock.c ---- */
int x86_clock_setup(void);
void x86_clock_unsetup(void);
void x86_clock_cpu_enabled(void);
void x86_clock_cpu_disabled(void);
void x86_clock_init(struct x86_vm *vm);
void x86_clock_destroy(struct x86_vm *vm);
/* A vCPU's TSC changed: clocks are worked out anew.  Context: any but interrupts. */
void x86_clock_stale(struct x86_vm *vm);
/* Give the guest its clock (X86_REQ_CLOCK).  Context: vCPU thread, may sleep. */
void x86_clock_write(struct x86_vcpu *v);
/* The MSRs: 0, or 1 for #GP. */
int x86_set_system_time(struct x86_vcpu *v, u64 data, unsigned int feature);
int x86_set_wall_clock(struct x86_vcpu *v, u64 data, unsigned int feature);

/* ---- pv.c ---- */
/* KVM_FEATURE_* a guest may be shown. */
u32 x86_pv_supported(void);
static inline bool x86_pv_has(const struct x86_pv_vcpu *pv, unsigned int feature)
{
	return pv->features & BIT(feature);
}
/* Power-on and INIT state: nothing is switched on. */
void x86_pv_reset(struct x86_vcpu *v);
/* CPUID or the enforcement changed (in cpuid.c). */
void x86_pv_update(struct x86_vcpu *v);
/* Being loaded on a CPU, and put, while something is active. */
void x86_pv_load(struct x86_vcpu *v, unsigned int cpu);
/* Steal time; X86_REQ_STEAL. */
void x86_steal_put(struct x86_vcpu *v);
void x86_steal_write(struct x86_vcpu *v);
int x86_set_steal_time(struct x86_vcpu *v, u64 data);

#endif
