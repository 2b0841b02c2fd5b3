// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's time-stamp counter: the host's times a ratio, where the processor has one for
 * guests, plus an offset.
 */
#include <linux/math64.h>
#include <asm/tsc.h>
#include "state.h"

/* The TSC counts within this of what was asked for, or it is another frequency. */
#define TSC_TOLERANCE_PPM	250

struct x86_tsc_scale x86_tsc_scale __ro_after_init;

/* 1, as a ratio. */
static u64 unscaled(void)
{
	return BIT_ULL(x86_tsc_scale.fraction);
}

bool x86_tsc_scaled(const struct x86_vcpu *v)
{
	return READ_ONCE(v->tsc_ratio) != unscaled();
}

static u64 scale(const struct x86_vcpu *v, u64 tsc)
{
	return mul_u64_u64_shr(tsc, READ_ONCE(v->tsc_ratio), x86_tsc_scale.fraction);
}

/* What the guest's TSC says when the host's says @tsc.  Context: any. */
u64 x86_guest_tsc_at(const struct x86_vcpu *v, u64 tsc)
{
	return scale(v, tsc) + READ_ONCE(v->tsc_offset);
}

/* The guest's TSC now.  Context: any. */
u64 x86_guest_tsc(struct x86_vcpu *v)
{
	return x86_guest_tsc_at(v, rdtsc());
}

static void write_tsc(struct x86_vcpu *v)
{
	x86_vendor->write_tsc(v);
	x86_clock_stale(to_x86_vm(v->core.vm));
}

/* Context: as x86_set_guest_tsc(). */
void x86_set_tsc_offset(struct x86_vcpu *v, u64 offset)
{
	WRITE_ONCE(v->tsc_offset, offset);
	write_tsc(v);
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
		const struct x86_vcpu *their = to_x86(other);
		s64 apart = value - x86_guest_tsc_at(their, now);

		if (their == v || READ_ONCE(their->tsc_ratio) != v->tsc_ratio)
			continue;
		if (value && abs(apart) >= (s64)v->tsc_khz * 1000)
			continue;
		*offset = READ_ONCE(their->tsc_offset);
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
		offset = value - scale(v, now);
	x86_set_tsc_offset(v, offset);
}

/* ---- its frequency ---- */

/* 0 is the host's. */
static u32 khz_or_host(u32 khz)
{
	return khz ? khz : tsc_khz;
}

/* The ratio for @khz; 0 where this machine has none. */
static u64 ratio_for(u32 khz)
{
	u32 tolerance = (u64)tsc_khz * TSC_TOLERANCE_PPM / 1000000;
	u64 ratio;

	if (abs((s64)khz - (s64)tsc_khz) <= tolerance)
		return unscaled();
	if (!x86_tsc_scale.width)
		return 0;
	ratio = mul_u64_u32_div(unscaled(), khz, tsc_khz);
	return ratio > GENMASK_ULL(x86_tsc_scale.width - 1, 0) ? 0 : ratio;
}

/* A new vCPU's.  Does not touch the vendor's part. */
void x86_tsc_init(struct x86_vcpu *v)
{
	v->tsc_khz = khz_or_host(READ_ONCE(to_x86_vm(v->core.vm)->default_tsc_khz));
	v->tsc_ratio = ratio_for(v->tsc_khz);
}

long x86_ioctl_get_tsc_khz(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	return to_x86(vcpu)->tsc_khz;
}

/* KVM_SET_TSC_KHZ: the offset stays, so that the TSC may jump. */
long x86_ioctl_set_tsc_khz(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	u32 khz = khz_or_host(uarg);
	u64 ratio = ratio_for(khz);

	if (!ratio)
		return -EINVAL;
	v->tsc_khz = khz;
	if (ratio != v->tsc_ratio) {
		WRITE_ONCE(v->tsc_ratio, ratio);
		write_tsc(v);
	}
	return 0;
}

long x86_ioctl_vm_get_tsc_khz(struct berth_vm *vm, void *data, unsigned long uarg)
{
	return khz_or_host(READ_ONCE(to_x86_vm(vm)->default_tsc_khz));
}

/* KVM_SET_TSC_KHZ of a VM: for the vCPUs that it gets from now on. */
long x86_ioctl_vm_set_tsc_khz(struct berth_vm *vm, void *data, unsigned long uarg)
{
	u32 khz = khz_or_host(uarg);

	if (!ratio_for(khz))
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(vm)->default_tsc_khz, khz);
	return 0;
}

/* KVM_CAP_TSC_CONTROL, KVM_CAP_VM_TSC_CONTROL: is any frequency as good as the host's? */
int x86_cap_tsc_control(struct berth_vm *vm)
{
	return x86_tsc_scale.width != 0;
}
