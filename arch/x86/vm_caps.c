// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities that user space enables for a VM or a vCPU, and KVM_{HAS,GET,SET}_DEVICE_ATTR
 * on a vCPU and on /dev/kvm: switches that other files look at.
 */
#include <linux/uaccess.h>
#include "state.h"

/* KVM_CAP_EXCEPTION_PAYLOAD: see events.c. */
int x86_enable_exception_payload(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags)
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->exception_payload, !!args->args[0]);
	return 0;
}

/* KVM_CAP_X86_TRIPLE_FAULT_EVENT: see events.c. */
int x86_enable_triple_fault_event(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags)
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->triple_fault_event, !!args->args[0]);
	return 0;
}

/* ---- attributes ---- */

/* One 64-bit value in user space.  -ENXIO for what there is not. */
static u64 __user *attr_address(const struct kvm_device_attr *attr)
{
	return u64_to_user_ptr(attr->addr);
}

long x86_ioctl_has_sys_attr(void *data, unsigned long uarg)
{
	const struct kvm_device_attr *attr = data;

	return attr->group || attr->attr != KVM_X86_XCOMP_GUEST_SUPP ? -ENXIO : 0;
}

/* KVM_GET_DEVICE_ATTR on /dev/kvm: the XCR0 bits that guests may have. */
long x86_ioctl_get_sys_attr(void *data, unsigned long uarg)
{
	long r = x86_ioctl_has_sys_attr(data, uarg);

	if (r)
		return r;
	return put_user(x86_host_xcr0, attr_address(data)) ? -EFAULT : 0;
}

long x86_ioctl_has_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_device_attr *attr = data;

	return attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET ? -ENXIO : 0;
}

/* KVM_VCPU_TSC_OFFSET: from the host's TSC to the guest's (devices/vcpu.rst, 4.1). */
long x86_ioctl_get_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	long r = x86_ioctl_has_vcpu_attr(vcpu, data, uarg);

	if (r)
		return r;
	return put_user(to_x86(vcpu)->tsc_offset, attr_address(data)) ? -EFAULT : 0;
}

long x86_ioctl_set_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	long r = x86_ioctl_has_vcpu_attr(vcpu, data, uarg);
	u64 offset;

	if (r)
		return r;
	if (get_user(offset, attr_address(data)))
		return -EFAULT;
	x86_set_tsc_offset(to_x86(vcpu), offset);
	return 0;
}
