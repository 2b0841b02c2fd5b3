// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guests know of their hypervisor: which features (CPUID leaf 0x40000001) and how
 * much time others took from them (Documentation/virt/kvm/x86/msr.rst).  The clock is
 * in pvclock.c, hypercalls are in hypercall.c.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include "pv.h"
#include "state.h"

u32 x86_pv_supported(void)
{
	u32 features = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
		       BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) |
		       BIT(KVM_FEATURE_POLL_CONTROL) | BIT(KVM_FEATURE_PV_SCHED_YIELD) |
		       BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_SEND_IPI);

	if (sched_info_on())
		features |= BIT(KVM_FEATURE_STEAL_TIME);
	return features;
}

int x86_cap_steal_time(struct berth_vm *vm)
{
	return sched_info_on();
}

void x86_pv_reset(struct x86_vcpu *v)
{
	WRITE_ONCE(v->pv.active, 0);
	v->pv.system_time = 0;
	v->pv.stopped = false;
	v->pv.steal = 0;
	WRITE_ONCE(v->pv.unhalted, false);
}

/*
 * The vCPU is on a CPU again, or about to be entered there.  Context: from the
 * scheduler, too; nothing is written now.
 */
void x86_pv_load(struct x86_vcpu *v, unsigned int cpu)
{
	const struct x86_pv_vcpu *pv = &v->pv;

	if ((pv->active & X86_PV_CLOCK) && pv->clock_cpu != UINT_MAX &&
	    (pv->clock_cpu != cpu || time_after(jiffies, pv->clock_due)))
		berth_vcpu_request(&v->core, X86_REQ_CLOCK);
	if (pv->active & X86_PV_STEAL)
		berth_vcpu_request(&v->core, X86_REQ_STEAL);
}

/* ---- stolen time ---- */

#define STEAL_ADDRESS	(~63ull)	/* a structure never crosses a page */

/*
 * The vCPU leaves its CPU: others need not wait for what it holds.  A page that is
 * not there is not fetched.  Context: from the scheduler, too.
 */
void x86_steal_put(struct x86_vcpu *v)
{
	static const u8 preempted = KVM_VCPU_PREEMPTED;
	gpa_t gpa = v->pv.steal & STEAL_ADDRESS;

	if (v->pv.told_preempted || current->mm != v->core.vm->mm)
		return;
	v->pv.told_preempted =
		!berth_write_guest_nofault(&v->core, gpa + offsetof(struct kvm_steal_time, preempted),
					   &preempted, sizeof(preempted));
}

/* What the thread waited for a CPU since the guest was told, in nanoseconds. */
static u64 take_delay(struct x86_pv_vcpu *pv)
{
#ifdef CONFIG_SCHED_INFO
	u64 now = current->sched_info.run_delay, before = pv->run_delay;

	pv->run_delay = now;
	/* Less than before: another thread runs the vCPU. */
	return now > before ? now - before : 0;
#else
	return 0;
#endif
}

/* x86_steal_write() - tell the guest.  Context: the vCPU's thread, may sleep. */
void x86_steal_write(struct x86_vcpu *v)
{
	gpa_t gpa = v->pv.steal & STEAL_ADDRESS;
	struct kvm_steal_time st;
	u32 version;
	u64 delay;

	if (!(v->pv.active & X86_PV_STEAL))
		return;
	if (v->pv.told_preempted) {
		static const u8 running;

		v->pv.told_preempted = false;
		berth_write_guest(&v->core, gpa + offsetof(struct kvm_steal_time, preempted),
				  &running, sizeof(running));
	}
	delay = take_delay(&v->pv);
	if (!delay || berth_read_guest(v->core.vm, gpa, &st, sizeof(st)))
		return;
	version = (st.version + 1) | 1;
	if (berth_write_guest(&v->core, gpa + offsetof(struct kvm_steal_time, version),
			      &version, sizeof(version)))
		return;
	smp_wmb();
	st.steal += delay;
	berth_write_guest(&v->core, gpa, &st.steal, sizeof(st.steal));
	smp_wmb();
	version++;
	berth_write_guest(&v->core, gpa + offsetof(struct kvm_steal_time, version),
			  &version, sizeof(version));
}

/* MSR_KVM_STEAL_TIME: a multiple of 64, with bit 0 to switch it on. */
int x86_set_steal_time(struct x86_vcpu *v, u64 data)
{
	struct x86_pv_vcpu *pv = &v->pv;

	if (!x86_pv_has(pv, KVM_FEATURE_STEAL_TIME) || !sched_info_on() ||
	    (data & ~STEAL_ADDRESS & ~(u64)KVM_MSR_ENABLED))
		return 1;
	pv->steal = data;
	if (!(data & KVM_MSR_ENABLED)) {
		WRITE_ONCE(pv->active, pv->active & ~X86_PV_STEAL);
		return 0;
	}
	/* What the memory says of being preempted is not known. */
	pv->told_preempted = true;
	WRITE_ONCE(pv->active, pv->active | X86_PV_STEAL);
	berth_vcpu_request(&v->core, X86_REQ_STEAL);
	return 0;
}
