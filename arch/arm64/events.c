// SPDX-License-Identifier: GPL-2.0-only
/* KVM_{GET,SET}_VCPU_EVENTS and the attributes of a vCPU. */
#include "state.h"
#include "sysreg.h"

int arm_cap_serror_esr(struct berth_vm *vm)
{
	return arm_has_ras();
}

/* KVM_GET_VCPU_EVENTS (api.rst 4.31): the SError that waits.  Aborts are taken at once. */
long arm_ioctl_get_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_vcpu_events *events = data;
	struct arm_vcpu *v = to_arm(vcpu);

	memset(events, 0, sizeof(*events));
	events->exception.serror_pending = !!(v->ctxt.hcr & HCR_VSE);
	events->exception.serror_has_esr = arm_has_ras();
	if (events->exception.serror_pending && events->exception.serror_has_esr)
		events->exception.serror_esr = v->ctxt.vsesr;
	return 0;
}

/*
 * KVM_SET_VCPU_EVENTS (api.rst 4.32): -EINVAL for a syndrome without RAS or with more than
 * ISS in it, and for padding that is not zero.
 */
long arm_ioctl_set_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_vcpu_events *events = data;
	struct arm_vcpu *v = to_arm(vcpu);
	bool has_esr = events->exception.serror_has_esr;

	if (memchr_inv(events->reserved, 0, sizeof(events->reserved)) ||
	    memchr_inv(events->exception.pad, 0, sizeof(events->exception.pad)))
		return -EINVAL;
	if (events->exception.serror_pending) {
		if (has_esr && (!arm_has_ras() || (events->exception.serror_esr & ~ESR_ELx_ISS_MASK)))
			return -EINVAL;
		/* Without a syndrome: implementation defined, and valid. */
		arm_inject_serror(v, has_esr ? events->exception.serror_esr : ESR_ELx_ISV);
	}
	if (events->exception.ext_dabt_pending) {
		/* The access that user space was to complete is what aborts. */
		v->mmio_pending = false;
		arm_inject_dabt(v, v->ctxt.far);
	}
	return 0;
}

/* ---- attributes: devices/vcpu.rst ---- */

struct attr_group {
	u32 group;
	int (*has)(struct arm_vcpu *v, const struct kvm_device_attr *attr);
	int (*get)(struct arm_vcpu *v, const struct kvm_device_attr *attr);
	int (*set)(struct arm_vcpu *v, const struct kvm_device_attr *attr);
};

static const struct attr_group groups[] = {
	{ KVM_ARM_VCPU_TIMER_CTRL, arm_timer_has_attr, arm_timer_get_attr, arm_timer_set_attr },
	{ KVM_ARM_VCPU_PVTIME_CTRL, arm_pvtime_has_attr, arm_pvtime_get_attr,
	  arm_pvtime_set_attr },
};

static const struct attr_group *group_of(const struct kvm_device_attr *attr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].group == attr->group)
			return &groups[i];
	return NULL;
}

long arm_ioctl_has_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct attr_group *group = group_of(data);

	return group ? group->has(to_arm(vcpu), data) : -ENXIO;
}

long arm_ioctl_get_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct attr_group *group = group_of(data);

	return group ? group->get(to_arm(vcpu), data) : -ENXIO;
}

long arm_ioctl_set_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct attr_group *group = group_of(data);

	return group ? group->set(to_arm(vcpu), data) : -ENXIO;
}
