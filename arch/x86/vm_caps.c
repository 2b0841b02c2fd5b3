// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities that user space enables for a VM or a vCPU, and KVM_{HAS,GET,SET}_DEVICE_ATTR
 * on a vCPU and on /dev/kvm: switches that other files look at.
 */
#include <linux/kvm_para.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include "state.h"

#define MIN_MMU_PAGES	64

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

/* KVM_CAP_EXIT_ON_EMULATION_FAILURE: also what the guest's user programs did. */
int x86_enable_emulation_exits(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags || (args->args[0] & ~1ull))
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->exit_on_emulation_failure, args->args[0]);
	return 0;
}

/* KVM_CAP_MSR_PLATFORM_INFO: may the guest read it? */
int x86_enable_platform_info(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags)
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->platform_info_hidden, !args->args[0]);
	return 0;
}

/* KVM_CAP_EXIT_HYPERCALL: hypercalls that are user space's. */
int x86_enable_hypercall_exits(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags || (args->args[0] & ~(u64)X86_HYPERCALL_EXITS))
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->hypercall_exits, args->args[0]);
	return 0;
}

/* KVM_CAP_DISABLE_QUIRKS, which takes any bits, and its second version. */
int x86_disable_quirks(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags)
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->disabled_quirks, args->args[0]);
	return 0;
}

int x86_disable_quirks2(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	return args->args[0] & ~(u64)X86_QUIRKS ? -EINVAL : x86_disable_quirks(vm, args);
}

/* MWAIT waits without an exit only where it wakes for interrupts and its timer goes on. */
int x86_cap_disable_exits(struct berth_vm *vm)
{
	int exits = KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE;

	if (boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	    !boot_cpu_has_bug(X86_BUG_MONITOR))
		exits |= KVM_X86_DISABLE_EXITS_MWAIT;
	return exits;
}

/*
 * KVM_CAP_X86_DISABLE_EXITS: once disabled they stay so.  What the host cannot disable is
 * ignored, as with the kernel's KVM.  -EINVAL for what is no such exit.
 */
int x86_disable_exits(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	struct x86_vm *x86 = to_x86_vm(vm);

	if (args->flags || (args->args[0] & ~(u64)KVM_X86_DISABLE_VALID_EXITS))
		return -EINVAL;
	mutex_lock(&vm->lock);
	WRITE_ONCE(x86->disabled_exits,
		   x86->disabled_exits | (args->args[0] & x86_cap_disable_exits(vm)));
	mutex_unlock(&vm->lock);
	berth_request_all(vm, X86_REQ_TRAPS);
	return 0;
}

/* KVM_CAP_ENFORCE_PV_FEATURE_CPUID: the guest may use what its CPUID shows, no more. */
int x86_enforce_pv(struct berth_vcpu *vcpu, const struct kvm_enable_cap *args)
{
	struct x86_vcpu *v = to_x86(vcpu);

	if (args->flags)
		return -EINVAL;
	v->pv.enforce = args->args[0];
	x86_pv_update(v);
	return 0;
}

/*
 * KVM_SET_NR_MMU_PAGES: how many pages shadow page tables may take, at least what the kernel's
 * KVM wants.  There are none, so that any limit holds.
 */
long x86_ioctl_set_nr_mmu_pages(struct berth_vm *vm, void *data, unsigned long uarg)
{
	return uarg < MIN_MMU_PAGES ? -EINVAL : 0;
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
