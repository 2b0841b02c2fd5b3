// SPDX-License-Identifier: GPL-2.0-only
/* x86: a guest's TSC that runs at another rate than the host's. */
#include <x86intrin.h>

#include "arch_x86.h"

#define MSR_TSC		0x10
#define SPIN		50000000	/* ticks of the host: what two looks are apart, and more than what one takes */

extern const unsigned char guest_read_tsc[];	/* pvclock.c */

/* The guest's TSC, and the host's before and after. */
struct look {
	uint64_t before, tsc, after;
};

static struct look from_inside(struct vcpu *vcpu)
{
	struct look l;

	x86_start(vcpu, X86_KEEP, guest_read_tsc, 0, 0, 0);
	l.before = __rdtsc();
	run_done(vcpu);
	l.after = __rdtsc();
	l.tsc = get_regs(vcpu).rax;
	return l;
}

static struct look from_outside(struct vcpu *vcpu)
{
	struct look l;

	l.before = __rdtsc();
	expect_eq(get_msr(vcpu, MSR_TSC, &l.tsc), 1);
	l.after = __rdtsc();
	return l;
}

static uint64_t scaled(uint64_t ticks, long khz, long host_khz)
{
	return (unsigned __int128)ticks * khz / host_khz;
}

static void expect_rate(struct look a, struct look b, long khz, long host_khz)
{
	uint64_t ticks = b.tsc - a.tsc;

	/* A ratio has 32 binary digits behind the point. */
	expect(ticks + 4 >= scaled(b.before - a.after, khz, host_khz));
	expect(ticks <= 4 + scaled(b.after - a.before, khz, host_khz));
}

static void spin(void)
{
	uint64_t end = __rdtsc() + SPIN;

	while (__rdtsc() < end)
		;
}

TEST(tsc_runs_at_the_rate_that_is_set, NEED(KVM_CAP_TSC_CONTROL))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	long host_khz = expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L));
	const long rates[] = { host_khz / 2, host_khz * 2, host_khz / 3 * 4, host_khz };

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct look in, out;

		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, rates[i]), 0);
		expect_eq(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L), rates[i]);
		in = from_inside(vcpu);
		out = from_outside(vcpu);
		expect_rate(in, out, rates[i], host_khz);
		spin();
		expect_rate(in, from_inside(vcpu), rates[i], host_khz);
		expect_rate(out, from_outside(vcpu), rates[i], host_khz);
		/* From where it is set, it goes on at this rate. */
		expect_eq(set_msr(vcpu, MSR_TSC, 1ULL << 50), 1);
		in = from_inside(vcpu);
		expect(in.tsc >= 1ULL << 50);
		expect_rate(in, from_outside(vcpu), rates[i], host_khz);
	}
}

TEST(tsc_rate_of_a_vm_is_its_new_vcpus, NEED(KVM_CAP_VM_TSC_CONTROL))
{
	struct vm *vm = vm_new();
	struct vcpu *old = vcpu_new(vm, 0), *new;
	long host_khz = expect_ok(kvm_ioctl(old->fd, KVM_GET_TSC_KHZ, 0L));
	struct look a;

	expect_ret(kvm_ioctl(vm->fd, KVM_SET_TSC_KHZ, host_khz / 2), 0);
	expect_eq(kvm_ioctl(vm->fd, KVM_GET_TSC_KHZ, 0L), host_khz / 2);
	expect_eq(kvm_ioctl(old->fd, KVM_GET_TSC_KHZ, 0L), host_khz);
	new = vcpu_new(vm, 1);
	expect_eq(kvm_ioctl(new->fd, KVM_GET_TSC_KHZ, 0L), host_khz / 2);
	/* Both, in turn, on the same CPU. */
	for (int i = 0; i < 2; i++) {
		struct vcpu *vcpu = i ? old : new;

		a = from_inside(vcpu);
		spin();
		expect_rate(a, from_inside(vcpu), i ? host_khz : host_khz / 2, host_khz);
	}
}
