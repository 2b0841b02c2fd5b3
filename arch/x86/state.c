// SPDX-License-Identifier: GPL-2.0-only
/*
 * The remaining small pieces of VM and vCPU state: MP state, address translation, and
 * addresses other hypervisors need.
 */
#include "irq.h"
#include "state.h"

/* Where three pages below 4 GiB end, for KVM_SET_TSS_ADDR. */
#define TSS_ADDR_MAX		((u32)(-3 * (int)PAGE_SIZE))

/* An INIT or SIPI that has come is part of the state that is told. */
long x86_ioctl_get_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_mp_state *state = data;

	if (v->lapic)
		x86_lapic_take_init_sipi(v);
	state->mp_state = v->mp_state;
	/* Nothing else tells that a hypercall has ended its halt. */
	if (v->mp_state == KVM_MP_STATE_HALTED && READ_ONCE(v->pv.unhalted))
		state->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

/* Without an interrupt controller in the kernel a vCPU is never anything but runnable. */
long x86_ioctl_set_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct kvm_mp_state *state = data;

	if (v->lapic ? !x86_lapic_set_mp_state(v, state->mp_state) :
		       state->mp_state != KVM_MP_STATE_RUNNABLE)
		return -EINVAL;
	berth_vcpu_request(vcpu, X86_REQ_EVENT);
	return 0;
}

/* KVM_TRANSLATE: where a linear address leads now, without touching accessed bits. */
long x86_ioctl_translate(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_translation *tr = data;
	struct x86_vcpu *v = to_x86(vcpu);
	gpa_t gpa = BERTH_INVALID_GPA;
	struct x86_context c;
	u32 error;

	x86_vendor->get_context(v, &c);
	tr->valid = !x86_walk(v, &c, tr->linear_address, X86_WALK_PEEK, &gpa, &error);
	tr->physical_address = tr->valid ? gpa : BERTH_INVALID_GPA;
	tr->writeable = 1;
	tr->usermode = 0;
	return 0;
}

/* ---- addresses ---- */

/* Both only matter where real mode is not virtualized by the processor: kept, unused. */
long x86_ioctl_set_tss_addr(struct berth_vm *vm, void *data, unsigned long uarg)
{
	if (uarg > TSS_ADDR_MAX)
		return -EINVAL;
	to_x86_vm(vm)->tss_addr = uarg;
	return 0;
}

long x86_ioctl_set_identity_map_addr(struct berth_vm *vm, void *data, unsigned long uarg)
{
	if (vm->created_vcpus)
		return -EINVAL;
	to_x86_vm(vm)->identity_map_addr = *(u64 *)data;
	return 0;
}
