// SPDX-License-Identifier: GPL-2.0-only
/* x86 local APIC timer: one-shot, periodic, TSC-deadline. No test says how long anything takes. */
#include "lapic.h"

#define SPLIT NEED(KVM_CAP_SPLIT_IRQCHIP)
#define CPUID_DEADLINE	(1u << 24)
#define LONG_COUNT	0xf0000000u

GUEST64(guest_wait_in_hlt,
	OPEN
	"1:	hlt\n"
	"jmp	1b\n");

GUEST64(guest_wait_busily,
	"sti\n"
	"1:	pause\n"
	"jmp	1b\n");

static void start_timer(struct vcpu *vcpu, uint32_t lvt, uint32_t count)
{
	apic_write(vcpu, APIC_TDCR, TDCR_BY_1);
	apic_write(vcpu, APIC_LVTT, lvt);
	apic_write(vcpu, APIC_TMICT, count);
}

TEST(lapic_timer_one_shot_wakes_from_hlt, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	start_timer(vcpu, 0x71, 1000000);
	x86_start(vcpu, X86_KEEP, guest_wait_in_hlt, 0, 0, 0);
	run_trap(vcpu, 0x71);
	apic_write(vcpu, APIC_EOI, 0);
	/* Once. */
	expect_eq(apic_read(vcpu, APIC_TMCCT), 0);
	take_none(vcpu);
}

TEST(lapic_timer_interrupts_a_running_guest, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	start_timer(vcpu, 0x72, 1000000);
	x86_start(vcpu, X86_KEEP, guest_wait_busily, 0, 0, 0);
	run_trap(vcpu, 0x72);
}

TEST(lapic_timer_periodic_comes_again, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	start_timer(vcpu, LVT_PERIODIC | 0x73, 1000000);
	for (int i = 0; i < 4; i++) {
		x86_start(vcpu, X86_KEEP, guest_wait_in_hlt, 0, 0, 0);
		run_trap(vcpu, 0x73);
		apic_write(vcpu, APIC_EOI, 0);
	}
	apic_write(vcpu, APIC_TMICT, 0);
	expect_eq(apic_read(vcpu, APIC_TMCCT), 0);
}

/* The guest asks for a billion a second; the host goes on, and ticks come. */
TEST(lapic_timer_shortest_period_does_not_stop_the_host, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	start_timer(vcpu, LVT_PERIODIC | 0x74, 1);
	for (int i = 0; i < 20; i++) {
		x86_start(vcpu, X86_KEEP, guest_wait_in_hlt, 0, 0, 0);
		run_trap(vcpu, 0x74);
		apic_write(vcpu, APIC_EOI, 0);
	}
	/* Neither while nobody takes them. */
	usleep(20000);
	apic_write(vcpu, APIC_TMICT, 0);
}

TEST(lapic_timer_counts_down, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	uint32_t first, second;

	start_timer(vcpu, LVT_MASKED | 0x75, LONG_COUNT);
	first = apic_read(vcpu, APIC_TMCCT);
	expect(first && first <= LONG_COUNT);
	do {
		second = apic_read(vcpu, APIC_TMCCT);
	} while (second == first);
	expect(second < first);
	expect_eq(apic_read(vcpu, APIC_TMICT), LONG_COUNT);
	/* Slower by 128 from now on: the same count goes a longer way. */
	apic_write(vcpu, APIC_TDCR, 0xa);
	second = apic_read(vcpu, APIC_TMCCT);
	expect(second && second <= first);
	apic_write(vcpu, APIC_TMICT, 0);
	expect_eq(apic_read(vcpu, APIC_TMCCT), 0);
}

TEST(lapic_timer_masked_is_silent, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	start_timer(vcpu, LVT_MASKED | 0x76, 1000);
	while (apic_read(vcpu, APIC_TMCCT))
		;
	expect(!lapic_bit(vcpu, APIC_IRR, 0x76));
	take_none(vcpu);
}

TEST(lapic_timer_goes_on_from_saved_state, SPLIT)
{
	struct vcpu *a = new_split_vcpu(), *b;
	struct kvm_lapic_state state;
	uint32_t left;

	start_timer(a, 0x77, LONG_COUNT);
	state = get_lapic(a);
	memcpy(&left, state.regs + APIC_TMCCT, sizeof(left));
	expect(left && left <= LONG_COUNT);
	/* A short rest, or nobody would see its end. */
	left = 1000000;
	memcpy(state.regs + APIC_TMCCT, &left, sizeof(left));
	b = new_split_vcpu();
	expect_ok(kvm_ioctl(b->fd, KVM_SET_LAPIC, &state));
	expect(apic_read(b, APIC_TMCCT) <= left);
	x86_start(b, X86_KEEP, guest_wait_in_hlt, 0, 0, 0);
	run_trap(b, 0x77);
}

/* ---- the counter's clock ---- */

#define BUS_CLOCK NEED(KVM_CAP_X86_APIC_BUS_CYCLES_NS)

static int set_tick(struct vm *vm, uint64_t ns)
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS, .args[0] = ns };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args);
}

static struct vcpu *new_vcpu_with_tick(uint64_t ns)
{
	struct vm *vm = vm_new_split();

	expect_ret(set_tick(vm, ns), 0);
	return vcpu_new_on(vm, 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

TEST(lapic_timer_tick_is_checked, SPLIT, BUS_CLOCK)
{
	const uint64_t most = ~0ULL / 128 / 0xffffffff;
	struct vm *vm = vm_new_bare();

	expect(cap(KVM_CAP_X86_APIC_BUS_CYCLES_NS) > 0);
	expect_ret(set_tick(vm, 1), -ENXIO);
	vm = vm_new_split();
	expect_ret(set_tick(vm, 0), -EINVAL);
	expect_ret(set_tick(vm, most), 0);
	expect_ret(set_tick(vm, most + 1), -EINVAL);
	for (int bit = 26; bit < 64; bit++)
		expect_ret(set_tick(vm, 1ULL << bit), -EINVAL);
	expect_ret(set_tick(vm, 40), 0);
	vcpu_new_on(vm, 0);
	expect_ret(set_tick(vm, 40), -EINVAL);
}

/* Between two readings of the host's clock go as many ticks as fit there, whatever the speed. */
TEST(lapic_timer_tick_is_as_long_as_set, SPLIT, BUS_CLOCK)
{
	static const uint64_t lengths[] = { 1, 10, 40, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct vcpu *vcpu = new_vcpu_with_tick(lengths[i]);
		uint64_t before, armed, read, after, ticks;

		before = now_ns();
		start_timer(vcpu, LVT_MASKED | 0x78, LONG_COUNT);
		armed = now_ns();
		do {
			read = now_ns();
		} while (read - armed < 3000000);
		ticks = LONG_COUNT - apic_read(vcpu, APIC_TMCCT);
		after = now_ns();
		expect(ticks <= (after - before) / lengths[i] + 1);
		expect(ticks + 1 >= (read - armed) / lengths[i]);
		apic_write(vcpu, APIC_TMICT, 0);
	}
}

TEST(lapic_timer_longest_period_is_far_away, SPLIT, BUS_CLOCK)
{
	struct vcpu *vcpu = new_vcpu_with_tick(~0ULL / 128 / 0xffffffff);

	start_timer(vcpu, 0x79, 0xffffffff);
	expect(apic_read(vcpu, APIC_TMCCT) >= LONG_COUNT);
	take_none(vcpu);
	/* As long as 64 bits of nanoseconds: longer than a kernel's clock has room for. */
	apic_write(vcpu, APIC_TDCR, 0xa);
	apic_write(vcpu, APIC_TMICT, 0xffffffff);
	apic_read(vcpu, APIC_TMCCT);
	apic_write(vcpu, APIC_TMICT, 0);
	expect_eq(apic_read(vcpu, APIC_TMCCT), 0);
}

GUEST64(guest_deadline,
	"rdtsc\n"
	"shl	$32, %rdx\n"
	"or	%rdx, %rax\n"
	"add	%rdi, %rax\n"
	"mov	%rax, %rdx\n"
	"shr	$32, %rdx\n"
	"mov	$" STR(MSR_TSC_DEADLINE) ", %ecx\n"
	"wrmsr\n"
	"sti\n"
	"1:	hlt\n"
	"jmp	1b\n");

TEST(lapic_deadline_wakes_from_hlt, SPLIT, NEED(KVM_CAP_TSC_DEADLINE_TIMER))
{
	struct vcpu *vcpu = vcpu_new_with(vm_new_split(), 0, CPUID_DEADLINE);
	uint64_t value;

	apic_write(vcpu, APIC_LVTT, LVT_DEADLINE | 0x81);
	expect_eq(apic_read(vcpu, APIC_LVTT), LVT_DEADLINE | 0x81);
	x86_start(vcpu, X86_KEEP, guest_deadline, 3000000, 0, 0);
	run_trap(vcpu, 0x81);
	expect_eq(apic_rdmsr(vcpu, MSR_TSC_DEADLINE), 0);
	apic_write(vcpu, APIC_EOI, 0);
	/* One that has passed comes at once. */
	apic_wrmsr(vcpu, MSR_TSC_DEADLINE, 1);
	take_interrupt(vcpu, 0x81);
	apic_write(vcpu, APIC_EOI, 0);
	/* A distant one waits, is told, and can be taken back. */
	apic_wrmsr(vcpu, MSR_TSC_DEADLINE, 1ULL << 62);
	expect_eq(apic_rdmsr(vcpu, MSR_TSC_DEADLINE), 1ULL << 62);
	expect_ret(get_msr(vcpu, MSR_TSC_DEADLINE, &value), 1);
	expect_eq(value, 1ULL << 62);
	take_none(vcpu);
	apic_wrmsr(vcpu, MSR_TSC_DEADLINE, 0);
	expect_eq(apic_rdmsr(vcpu, MSR_TSC_DEADLINE), 0);
	take_none(vcpu);
}

TEST(lapic_deadline_that_passes_while_it_is_saved, SPLIT, NEED(KVM_CAP_TSC_DEADLINE_TIMER))
{
	struct vcpu *vcpu = vcpu_new_with(vm_new_split(), 0, CPUID_DEADLINE);
	struct kvm_lapic_state state;
	uint64_t deadline, now;

	apic_write(vcpu, APIC_LVTT, LVT_DEADLINE | 0x84);
	state = get_lapic(vcpu);
	expect_ret(get_msr(vcpu, MSR_TIME_STAMP, &now), 1);
	deadline = now + 1000000;
	expect_ret(set_msr(vcpu, MSR_TSC_DEADLINE, deadline), 1);
	do {
		expect_ret(get_msr(vcpu, MSR_TIME_STAMP, &now), 1);
	} while (now <= deadline);
	/* Nobody has taken its interrupt, and the saved registers do not have it. */
	expect_ret(get_msr(vcpu, MSR_TSC_DEADLINE, &now), 1);
	expect_eq(now, deadline);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
	expect_ret(set_msr(vcpu, MSR_TSC_DEADLINE, deadline), 1);
	take_interrupt(vcpu, 0x84);
	apic_write(vcpu, APIC_EOI, 0);
	take_none(vcpu);
	expect_ret(get_msr(vcpu, MSR_TSC_DEADLINE, &now), 1);
	expect_eq(now, 0);
}

TEST(lapic_deadline_is_nothing_in_other_modes, SPLIT, NEED(KVM_CAP_TSC_DEADLINE_TIMER))
{
	struct vcpu *vcpu = vcpu_new_with(vm_new_split(), 0, CPUID_DEADLINE);

	apic_write(vcpu, APIC_LVTT, 0x82);
	apic_wrmsr(vcpu, MSR_TSC_DEADLINE, 1);
	expect_eq(apic_rdmsr(vcpu, MSR_TSC_DEADLINE), 0);
	take_none(vcpu);
	/* Leaving the mode disarms it, and the counter does nothing within. */
	apic_write(vcpu, APIC_LVTT, LVT_DEADLINE | 0x82);
	apic_wrmsr(vcpu, MSR_TSC_DEADLINE, 1ULL << 62);
	apic_write(vcpu, APIC_TMICT, 1000);
	expect_eq(apic_read(vcpu, APIC_TMCCT), 0);
	apic_write(vcpu, APIC_LVTT, 0x82);
	expect_eq(apic_rdmsr(vcpu, MSR_TSC_DEADLINE), 0);
	take_none(vcpu);
}

TEST(lapic_deadline_mode_needs_cpuid, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_LVTT, LVT_DEADLINE | 0x83);
	expect_eq(apic_read(vcpu, APIC_LVTT), 0x83);
}
