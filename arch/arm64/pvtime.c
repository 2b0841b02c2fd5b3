// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stolen time (Arm DEN0057, virt/kvm/arm/pvtime.rst): how long the vCPU's thread waited for
 * a CPU, in a structure of guest memory that user space has chosen.
 */
#include <linux/arm-smccc.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>
#include "psci.h"

/* DEN0057, 3.2.2: little-endian. */
struct stolen_time {
	__le32 revision;
	__le32 attributes;
	__le64 stolen;
	u8 padding[48];
};

bool arm_steal_supported(void)
{
	return sched_info_on();
}

int arm_cap_steal_time(struct berth_vm *vm)
{
	return arm_steal_supported();
}

void arm_pvtime_init(struct arm_vcpu *v)
{
	v->pvtime.base = BERTH_INVALID_GPA;
}

static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/* The vCPU is on a CPU again.  Context: from the scheduler, too; nothing is written now. */
void arm_steal_load(struct arm_vcpu *v)
{
	if (v->pvtime.base != BERTH_INVALID_GPA)
		berth_vcpu_request(&v->core, ARM_REQ_STEAL);
}

/* arm_steal_write() - tell the guest.  Context: the vCPU's thread, may sleep. */
void arm_steal_write(struct arm_vcpu *v)
{
	gpa_t where = v->pvtime.base + offsetof(struct stolen_time, stolen);
	u64 now = run_delay(), before = v->pvtime.run_delay;
	__le64 stolen;

	v->pvtime.run_delay = now;
	/* Less than before: another thread runs the vCPU. */
	if (v->pvtime.base == BERTH_INVALID_GPA || now <= before ||
	    berth_read_guest(v->core.vm, where, &stolen, sizeof(stolen)))
		return;
	stolen = cpu_to_le64(le64_to_cpu(stolen) + now - before);
	berth_write_guest(&v->core, where, &stolen, sizeof(stolen));
}

/* arm_steal_begin() - PV_TIME_ST: the guest wants to know from now on. */
u64 arm_steal_begin(struct arm_vcpu *v)
{
	static const struct stolen_time none;

	if (v->pvtime.base == BERTH_INVALID_GPA)
		return SMCCC_RET_NOT_SUPPORTED;
	v->pvtime.run_delay = run_delay();
	berth_write_guest(&v->core, v->pvtime.base, &none, sizeof(none));
	return v->pvtime.base;
}

/* ---- KVM_ARM_VCPU_PVTIME_CTRL (devices/vcpu.rst 3) ---- */

int arm_pvtime_has_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr)
{
	return arm_steal_supported() && attr->attr == KVM_ARM_VCPU_PVTIME_IPA ? 0 : -ENXIO;
}

int arm_pvtime_get_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr)
{
	int r = arm_pvtime_has_attr(v, attr);

	if (r)
		return r;
	return put_user(v->pvtime.base, (u64 __user *)u64_to_user_ptr(attr->addr)) ? -EFAULT : 0;
}

int arm_pvtime_set_attr(struct arm_vcpu *v, const struct kvm_device_attr *attr)
{
	int r = arm_pvtime_has_attr(v, attr), idx;
	bool mapped;
	u64 ipa;

	if (r)
		return r;
	if (get_user(ipa, (u64 __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;
	if (!IS_ALIGNED(ipa, sizeof(struct stolen_time)))
		return -EINVAL;
	if (v->pvtime.base != BERTH_INVALID_GPA)
		return -EEXIST;
	idx = srcu_read_lock(&v->core.vm->srcu);
	mapped = berth_guest_hva(v->core.vm, ipa, false);
	srcu_read_unlock(&v->core.vm->srcu, idx);
	if (!mapped)
		return -EINVAL;
	v->pvtime.base = ipa;
	return 0;
}
