// SPDX-License-Identifier: GPL-2.0-only
/* x86 paravirtual time: the clock and wall clock in guest memory, KVM_GET/SET_CLOCK, stolen time, the CPUID leaves. */
#include <sys/mman.h>
#include "arch_x86.h"

#define MSR_WALL_CLOCK		0x11
#define MSR_SYSTEM_TIME		0x12
#define MSR_WALL_CLOCK_NEW	0x4b564d00
#define MSR_SYSTEM_TIME_NEW	0x4b564d01
#define MSR_STEAL_TIME		0x4b564d03
#define FEATURE_STEAL_TIME	5

#define CLOCK_STABLE	1
#define CLOCK_STOPPED	2

#define SECOND		1000000000ULL

struct clock_page {
	uint32_t version, pad0;
	uint64_t tsc_timestamp, system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad[2];
};

struct wall_page {
	uint32_t version, sec, nsec;
};

struct steal_page {
	uint64_t steal;
	uint32_t version, flags;
	uint8_t preempted, pad[47];
};

static struct kvm_clock_data get_clock(struct vm *vm)
{
	struct kvm_clock_data clock = { 0 };

	expect_ret(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &clock), 0);
	return clock;
}

static void set_clock(struct vm *vm, uint64_t ns)
{
	struct kvm_clock_data clock = { .clock = ns };

	expect_ret(kvm_ioctl(vm->fd, KVM_SET_CLOCK, &clock), 0);
}

static void run_nop(struct vcpu *vcpu)
{
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

static bool host_counts_by_tsc(void)
{
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	char name[16] = "";

	if (f) {
		if (!fgets(name, sizeof(name), f))
			name[0] = 0;
		fclose(f);
	}
	return !strcmp(name, "tsc\n");
}

/* What a guest that read the TSC as @tsc makes of the page. */
static uint64_t clock_of(const volatile struct clock_page *page, uint64_t tsc)
{
	uint64_t delta = tsc - page->tsc_timestamp;

	delta = page->shift < 0 ? delta >> -page->shift : delta << page->shift;
	return page->system_time + (uint64_t)(((unsigned __int128)delta * page->mul) >> 32);
}

GUEST64(guest_read_tsc,
	"rdtsc\n"
	"shl	$32, %rdx\n"
	"or	%rdx, %rax\n"
	DONE);

static uint64_t guest_clock(struct vcpu *vcpu, const volatile struct clock_page *page)
{
	x86_start(vcpu, X86_KEEP, guest_read_tsc, 0, 0, 0);
	run_done(vcpu);
	return clock_of(page, get_regs(vcpu).rax);
}

static volatile struct clock_page *start_clock(struct vcpu *vcpu, uint32_t msr, uint64_t gpa)
{
	volatile struct clock_page *page = (void *)code_word(vcpu->vm, gpa);

	memset((void *)page, 0, sizeof(*page));
	expect_eq(set_msr(vcpu, msr, gpa | 1), 1);
	run_nop(vcpu);
	expect(page->version && !(page->version & 1));
	expect(page->mul);
	expect_eq(page->pad0, 0);
	return page;
}

TEST(pvclock_is_in_supported_cpuid)
{
	const struct kvm_cpuid_entry2 *e;
	struct cpuid_table table;

	supported_cpuid(&table);
	e = cpuid_find(&table, 0x40000000, 0);
	expect(e);
	expect_mem(&e->ebx, "KVMK", 4);
	expect_mem(&e->ecx, "VMKV", 4);
	expect_mem(&e->edx, "M\0\0\0", 4);
	expect(e->eax >= 0x40000001);
	e = cpuid_find(&table, 0x40000001, 0);
	expect(e);
	/* Both clocks, and the flag that says whether they need no correction. */
	expect_eq(e->eax & (1 | 1 << 3 | 1 << 24), 1 | 1 << 3 | 1 << 24);
	expect_eq(e->edx, 0);
}

/* The guest's clock is the VM's. */
static void expect_clock(struct vcpu *vcpu, const volatile struct clock_page *page)
{
	uint64_t before = get_clock(vcpu->vm).clock;
	uint64_t now = guest_clock(vcpu, page);
	uint64_t after = get_clock(vcpu->vm).clock;

	/* The host's clock and the TSC may differ by some ppm. */
	expect(now + 50000 >= before);
	expect(now <= after + 50000);
}

TEST(pvclock_is_written_when_switched_on)
{
	static const uint32_t msrs[] = { MSR_SYSTEM_TIME, MSR_SYSTEM_TIME_NEW };

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		struct vcpu *vcpu = vcpu_new(vm_new(), 0);
		volatile struct clock_page *page = start_clock(vcpu, msrs[i], DATA_GPA);
		uint64_t value;

		expect_clock(vcpu, page);
		expect_eq(get_msr(vcpu, msrs[i], &value), 1);
		expect_eq(value, DATA_GPA | 1);
	}
}

TEST(pvclock_counts_by_a_tsc_of_another_rate, NEED(KVM_CAP_TSC_CONTROL))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct clock_page *page = start_clock(vcpu, MSR_SYSTEM_TIME_NEW, DATA_GPA);
	long khz = expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L));

	for (int i = 0; i < 3; i++) {
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, i == 0 ? khz / 2 : i == 1 ? 2 * khz : khz), 0);
		run_nop(vcpu);
		expect_clock(vcpu, page);
		set_clock(vcpu->vm, 1000 * SECOND);
		run_nop(vcpu);
		expect_clock(vcpu, page);
	}
}

TEST(pvclock_is_one_for_all_vcpus)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	volatile struct clock_page *pa = start_clock(a, MSR_SYSTEM_TIME_NEW, DATA_GPA);
	volatile struct clock_page *pb = start_clock(b, MSR_SYSTEM_TIME_NEW, DATA_GPA + 64);
	uint64_t last = 0;

	for (int i = 0; i < 50; i++) {
		uint64_t now = guest_clock(i & 1 ? b : a, i & 1 ? pb : pa);

		expect(now + 50000 >= last);
		last = now;
	}
	if (!host_counts_by_tsc())
		return;
	expect_eq(pa->flags & CLOCK_STABLE, CLOCK_STABLE);
	expect_eq(pb->flags & CLOCK_STABLE, CLOCK_STABLE);
	/* A structure may differ in its reference, not in the clock. */
	expect_eq(clock_of(pa, pa->tsc_timestamp + (1 << 30)), clock_of(pb, pa->tsc_timestamp + (1 << 30)));
}

TEST(pvclock_follows_set_clock)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct clock_page *page = start_clock(vcpu, MSR_SYSTEM_TIME_NEW, DATA_GPA);
	uint32_t version = page->version;
	uint64_t now;

	set_clock(vcpu->vm, 1000 * SECOND);
	now = guest_clock(vcpu, page);
	expect(now >= 1000 * SECOND && now < 1060 * SECOND);
	expect(page->version != version && !(page->version & 1));
	set_clock(vcpu->vm, 10 * SECOND);
	now = guest_clock(vcpu, page);
	expect(now >= 10 * SECOND && now < 70 * SECOND);
}

TEST(pvclock_is_left_alone_when_switched_off)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct clock_page *page = start_clock(vcpu, MSR_SYSTEM_TIME_NEW, DATA_GPA);

	expect_eq(set_msr(vcpu, MSR_SYSTEM_TIME_NEW, 0), 1);
	memset((void *)page, 0xa5, sizeof(*page));
	set_clock(vcpu->vm, 1000 * SECOND);
	run_nop(vcpu);
	expect_eq(page->version, 0xa5a5a5a5);
	expect_eq(page->mul, 0xa5a5a5a5);
}

GUEST64(guest_start_clock,
	"mov	%edi, %ecx\n"
	"mov	%esi, %eax\n"
	"xor	%edx, %edx\n"
	"wrmsr\n"
	"mov	-1(%rsi), %eax\n"
	DONE);

TEST(pvclock_is_there_after_the_guests_own_wrmsr)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t version;

	x86_start(vcpu, X86_KEEP, guest_start_clock, MSR_SYSTEM_TIME_NEW, DATA_GPA | 1, 0);
	run_done(vcpu);
	version = get_regs(vcpu).rax;
	expect(version && !(version & 1));
}

TEST(pvclock_without_memory_is_no_error)
{
	static const uint64_t gpas[] = { 0x40000000, 0xfffffffff000, 0x7fffffffffffff00, 0xfffffffffffffff0 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(gpas); i++) {
		expect_eq(set_msr(vcpu, MSR_SYSTEM_TIME_NEW, gpas[i] | 1), 1);
		expect_eq(set_msr(vcpu, MSR_WALL_CLOCK_NEW, gpas[i]), 1);
		run_nop(vcpu);
	}
}

TEST(pvclock_finds_its_memory_anew)
{
	const uint64_t gpa = 0x40000000, size = page_size();
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct clock_page *old = add_slot(vcpu->vm, 1, 0, gpa, size), *page;

	expect_eq(set_msr(vcpu, MSR_SYSTEM_TIME_NEW, gpa | 1), 1);
	run_nop(vcpu);
	expect(old->version);
	/* Gone: the clock has nowhere to go, and the old page is not the guest's any more. */
	expect_ret(set_slot(vcpu->vm, 1, 0, gpa, 0, (void *)old), 0);
	memset((void *)old, 0, sizeof(*old));
	set_clock(vcpu->vm, 1000 * SECOND);
	run_nop(vcpu);
	expect_eq(old->version, 0);
	/* Back, elsewhere. */
	page = add_slot(vcpu->vm, 1, 0, gpa, size);
	set_clock(vcpu->vm, 2000 * SECOND);
	run_nop(vcpu);
	expect_eq(old->version, 0);
	/* The kernel's own KVM forgets a clock whose memory went, until the MSR is written again. */
	expect_eq(set_msr(vcpu, MSR_SYSTEM_TIME_NEW, gpa | 1), 1);
	run_nop(vcpu);
	expect(page->version && !(page->version & 1));
	expect(page->system_time >= 2000 * SECOND);
	munmap((void *)old, size);
	set_clock(vcpu->vm, 3000 * SECOND);
	run_nop(vcpu);
	expect(page->system_time >= 3000 * SECOND);
}

TEST(pvclock_write_is_logged_as_dirty)
{
	const uint64_t gpa = 0x40000000, size = page_size();
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t bitmap = 0;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bitmap };

	add_slot(vcpu->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, gpa, 2 * size);
	expect_eq(set_msr(vcpu, MSR_SYSTEM_TIME_NEW, (gpa + size) | 1), 1);
	run_nop(vcpu);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	expect_eq(bitmap, 2);
}

TEST(kvmclock_ctrl_tells_that_it_was_stopped, NEED(KVM_CAP_KVMCLOCK_CTRL))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct clock_page *page;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0), -EINVAL);
	page = start_clock(vcpu, MSR_SYSTEM_TIME_NEW, DATA_GPA);
	expect_eq(page->flags & CLOCK_STOPPED, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0), 0);
	run_nop(vcpu);
	expect_eq(page->flags & CLOCK_STOPPED, CLOCK_STOPPED);
	/* It stays until the guest clears it. */
	set_clock(vcpu->vm, SECOND);
	run_nop(vcpu);
	expect_eq(page->flags & CLOCK_STOPPED, CLOCK_STOPPED);
	page->flags &= ~CLOCK_STOPPED;
	set_clock(vcpu->vm, SECOND);
	run_nop(vcpu);
	expect_eq(page->flags & CLOCK_STOPPED, 0);
}

TEST(wall_clock_is_when_the_clock_was_zero)
{
	static const uint32_t msrs[] = { MSR_WALL_CLOCK, MSR_WALL_CLOCK_NEW };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct wall_page *page = (void *)code_word(vcpu->vm, DATA_GPA);

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		struct kvm_clock_data clock;
		struct timespec now;
		uint64_t date, value;

		set_clock(vcpu->vm, (100 + i) * SECOND);
		page->version = 2;
		page->sec = page->nsec = 0;
		expect_eq(set_msr(vcpu, msrs[i], DATA_GPA), 1);
		expect_eq(get_msr(vcpu, msrs[i], &value), 1);
		expect_eq(value, DATA_GPA);
		expect_eq(page->version, 4);
		expect(page->nsec < SECOND);
		clock_gettime(CLOCK_REALTIME, &now);
		clock = get_clock(vcpu->vm);
		date = page->sec * SECOND + page->nsec + clock.clock;
		value = now.tv_sec * SECOND + now.tv_nsec;
		expect(date + SECOND > value && date < value + SECOND);
	}
}

TEST(clock_flags_are_those_of_the_capability, NEED(KVM_CAP_ADJUST_CLOCK))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_clock_data clock;

	run_nop(vcpu);
	clock = get_clock(vcpu->vm);
	expect_eq(clock.flags & ~cap(KVM_CAP_ADJUST_CLOCK), 0);
	if (!host_counts_by_tsc())
		return;
	expect_eq(clock.flags, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC);
	expect(clock.host_tsc);
	expect(clock.realtime > SECOND);
}

TEST(clock_is_not_stable_where_tscs_differ, NEED(KVM_CAP_ADJUST_CLOCK))
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	volatile struct clock_page *page = start_clock(a, MSR_SYSTEM_TIME_NEW, DATA_GPA);
	uint64_t before = get_clock(vm).clock, now;

	expect_eq(set_msr(b, 0x10, 1ULL << 50), 1);
	run_nop(b);
	expect_eq(get_clock(vm).flags & KVM_CLOCK_TSC_STABLE, 0);
	now = guest_clock(a, page);
	expect_eq(page->flags & CLOCK_STABLE, 0);
	expect(now >= before && now < before + 60 * SECOND);
}

TEST(set_clock_checks_its_flags, NEED(KVM_CAP_ADJUST_CLOCK))
{
	struct vm *vm = vm_new();
	struct kvm_clock_data clock = { .clock = SECOND };

	for (unsigned int bit = 0; bit < 32; bit++) {
		bool valid = cap(KVM_CAP_ADJUST_CLOCK) >> bit & 1;

		clock.flags = 1u << bit;
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_CLOCK, &clock), valid ? 0 : -EINVAL);
	}
}

TEST(set_clock_adds_the_real_time_since, NEED(KVM_CAP_ADJUST_CLOCK))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_clock_data clock;
	uint64_t now;

	run_nop(vcpu);
	clock = get_clock(vcpu->vm);
	if (!(clock.flags & KVM_CLOCK_REALTIME))
		skip_test("real time beside the clock");
	clock.flags = KVM_CLOCK_REALTIME;
	clock.clock = 10 * SECOND;
	clock.realtime -= 1000 * SECOND;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SET_CLOCK, &clock), 0);
	now = get_clock(vcpu->vm).clock;
	expect(now >= 1010 * SECOND && now < 1070 * SECOND);
	/* Never taken off. */
	clock.realtime += 100000 * SECOND;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SET_CLOCK, &clock), 0);
	now = get_clock(vcpu->vm).clock;
	expect(now >= 10 * SECOND && now < 70 * SECOND);
}

static void need_steal_time(void)
{
	if (!cpu_has(0x40000001, 0, 0, FEATURE_STEAL_TIME))
		skip_test("steal time");
}

TEST(steal_time_is_told)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct steal_page *page = (void *)code_word(vcpu->vm, DATA_GPA);
	uint64_t value;

	need_steal_time();
	memset((void *)page, 0, sizeof(*page));
	page->preempted = 1;
	expect_eq(set_msr(vcpu, MSR_STEAL_TIME, DATA_GPA | 1), 1);
	expect_eq(get_msr(vcpu, MSR_STEAL_TIME, &value), 1);
	expect_eq(value, DATA_GPA | 1);
	arch_start(vcpu, GUEST_LOAD, DATA_GPA + 16, 1, 0);
	run_done(vcpu);
	/* While it runs it is not preempted. */
	expect_eq(get_regs(vcpu).rax, 0);
	expect_eq(page->version & 1, 0);
	expect_eq(page->flags, 0);
	for (size_t i = 0; i < sizeof(page->pad); i++)
		expect_eq(page->pad[i], 0);
}

TEST(steal_time_is_left_alone_when_switched_off)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	volatile struct steal_page *page = (void *)code_word(vcpu->vm, DATA_GPA);

	need_steal_time();
	expect_eq(set_msr(vcpu, MSR_STEAL_TIME, DATA_GPA | 1), 1);
	run_nop(vcpu);
	expect_eq(set_msr(vcpu, MSR_STEAL_TIME, 0), 1);
	memset((void *)page, 0xa5, sizeof(*page));
	run_nop(vcpu);
	expect_eq(page->preempted, 0xa5);
	expect_eq(page->version, 0xa5a5a5a5);
}

TEST(steal_time_checks_its_address)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_steal_time();
	for (unsigned int bit = 1; bit < 6; bit++)
		expect_eq(set_msr(vcpu, MSR_STEAL_TIME, DATA_GPA | 1 | 1 << bit), 0);
	/* No memory there: nothing is written, nothing fails. */
	expect_eq(set_msr(vcpu, MSR_STEAL_TIME, 0x40000000 | 1), 1);
	run_nop(vcpu);
	expect_eq(set_msr(vcpu, MSR_STEAL_TIME, 0xffffffffffffffc1), 1);
	run_nop(vcpu);
}
