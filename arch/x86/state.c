// SPDX-License-Identifier: GPL-2.0-only
/*
 * The remaining small pieces of VM and vCPU state: MP state, address translation,
 * TSC and its frequency, and addresses other hypervisors need.
 */
#include <asm/tsc.h>
#include "irq.h"
#include "state.h"

/* The TSC counts within this of what was asked for, or it is another frequency. */
#define TSC_TOLERANCE_PPM	250

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

/* ---- the time-stamp counter ---- */

/* The guest's TSC now.  Context: any. */
u64 x86_guest_tsc(struct x86_vcpu *v)
{
	return rdtsc() + v->tsc_offset;
}

/* Context: as x86_set_guest_tsc(). */
void x86_set_tsc_offset(struct x86_vcpu *v, u64 offset)
{
	WRITE_ONCE(v->tsc_offset, offset);
	x86_vendor->write_tsc_offset(v);
	x86_clock_stale(to_x86_vm(v->core.vm));
}

/*
 * Another vCPU's offset when @value says what its TSC says, to within a second: user
 * space restores one vCPU after the other and means them to agree.  Zero is a CPU
 * that is added: it joins the others.
 */
static bool find_tsc_partner(struct x86_vcpu *v, u64 value, u64 now, u64 *offset)
{
	struct berth_vcpu *other;
	unsigned int i;

	berth_for_each_vcpu(i, other, v->core.vm) {
		u64 their = READ_ONCE(to_x86(other)->tsc_offset);
		s64 apart = value - (now + their);

		if (other == &v->core)
			continue;
		if (value && abs(apart) >= (s64)tsc_khz * 1000)
			continue;
		*offset = their;
		return true;
	}
	return false;
}

/*
 * x86_set_guest_tsc() - user space sets the TSC; TSC_ADJUST stays.
 *
 * Context: loaded, or the vendor's part of the vCPU is built and nothing runs it.
 */
void x86_set_guest_tsc(struct x86_vcpu *v, u64 value)
{
	u64 now = rdtsc();
	u64 offset;

	if (!find_tsc_partner(v, value, now, &offset))
		offset = value - now;
	x86_set_tsc_offset(v, offset);
}

/* Frequency is the host's: only what counts as the same is taken (0: the host's). */
static bool tsc_khz_usable(u32 khz)
{
	u32 tolerance = (u64)tsc_khz * TSC_TOLERANCE_PPM / 1000000;

	return !khz || abs((s64)khz - (s64)tsc_khz) <= tolerance;
}

long x86_ioctl_get_tsc_khz(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	return to_x86(vcpu)->tsc_khz;
}

long x86_ioctl_set_tsc_khz(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	u32 khz = uarg;

	if (!tsc_khz_usable(khz))
		return -EINVAL;
	to_x86(vcpu)->tsc_khz = khz ? khz : tsc_khz;
	return 0;
}

long x86_ioctl_vm_get_tsc_khz(struct berth_vm *vm, void *data, unsigned long uarg)
{
	u32 khz = READ_ONCE(to_x86_vm(vm)->default_tsc_khz);

	return khz ? khz : tsc_khz;
}

long x86_ioctl_vm_set_tsc_khz(struct berth_vm *vm, void *data, unsigned long uarg)
{
	u32 khz = uarg;

	if (!tsc_khz_usable(khz))
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->default_tsc_khz, khz ? khz : tsc_khz);
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
