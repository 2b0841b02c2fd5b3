// SPDX-License-Identifier: GPL-2.0-only
/* x86 CPUID tables and MSR lists. */
#include "arch_x86.h"

#define MSR_APIC_BASE	0x1b
#define MSR_SYSENTER_CS	0x174
#define MSR_SYSENTER_EIP 0x176
#define MSR_PAT		0x277
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_FS_BASE	0xc0000100
#define MSR_KERNEL_GS	0xc0000102
#define MSR_ASYNC_PF_INT 0x4b564d06
#define MSR_NONE	0x12345678

#define MAX_MSRS 512

struct msr_list {
	struct kvm_msr_list head;
	uint32_t indices[MAX_MSRS];
};

TEST(supported_cpuid_wants_room)
{
	struct cpuid_table table;
	uint32_t all;

	supported_cpuid(&table);
	all = table.head.nent;
	expect(all > 10 && all < CPUID_MAX);
	expect(cpuid_find(&table, 0, 0));
	expect(cpuid_find(&table, 0x80000000, 0));
	table.head.nent = 0;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &table), -E2BIG);
	table.head.nent = 1;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &table), -E2BIG);
	table.head.nent = all - 1;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &table), -E2BIG);
	table.head.nent = all;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &table), 0);
	expect_eq(table.head.nent, all);
	table.head.nent = 0xffffffff;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &table), 0);
	expect_eq(table.head.nent, all);
}

TEST(supported_cpuid_padding_is_zero)
{
	struct cpuid_table table;

	memset(&table, 0xa5, sizeof(table));
	table.head.nent = CPUID_MAX;
	expect_ok(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &table));
	for (unsigned int i = 0; i < table.head.nent; i++)
		expect_eq(table.entries[i].padding[0] | table.entries[i].padding[1] | table.entries[i].padding[2], 0);
}

TEST(emulated_cpuid_wants_room)
{
	struct cpuid_table table = { 0 };

	table.head.nent = CPUID_MAX;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_EMULATED_CPUID, &table), 0);
	expect(table.head.nent >= 1 && table.head.nent < CPUID_MAX);
	table.head.nent = 0;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_EMULATED_CPUID, &table), -E2BIG);
	table.head.nent = 0xffffffff;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_EMULATED_CPUID, &table), 0);
}

TEST(cpuid2_round_trip)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct cpuid_table in, out = { 0 };

	supported_cpuid(&in);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &in), 0);
	out.head.nent = CPUID_MAX;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &out), 0);
	/* Linux before 6.9 leaves the count as it was given. */
	expect(out.head.nent == in.head.nent || out.head.nent == CPUID_MAX);
	for (unsigned int i = 0; i < in.head.nent; i++) {
		expect_eq(out.entries[i].function, in.entries[i].function);
		expect_eq(out.entries[i].index, in.entries[i].index);
	}
	out.head.nent = in.head.nent - 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &out), -E2BIG);
	out.head.nent = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &out), -E2BIG);
}

TEST(cpuid2_count_is_limited)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct cpuid_table table = { 0 };

	table.head.nent = CPUID_MAX + 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), -E2BIG);
	table.head.nent = 0x80000000;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), -E2BIG);
	table.head.nent = 0xffffffff;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), -E2BIG);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID, &table), -E2BIG);
	table.head.nent = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), 0);
}

TEST(cpuid2_may_not_change_after_run)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct cpuid_table table = { .head.nent = CPUID_MAX }, supported;

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &table));
	supported_cpuid(&supported);
	table.head.nent = supported.head.nent;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), 0);
	table.entries[0].ebx ^= 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), -EINVAL);
	table.entries[0].ebx ^= 1;
	table.head.nent--;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), -EINVAL);
}

GUEST64(guest_cpuid,
	"mov	%edi, %eax\n"
	"mov	%esi, %ecx\n"
	"cpuid\n"
	DONE);

static struct kvm_regs run_cpuid(struct vcpu *vcpu, uint32_t function, uint32_t index)
{
	x86_start(vcpu, X86_KEEP, guest_cpuid, function, index, 0);
	run_done(vcpu);
	return get_regs(vcpu);
}

TEST(guest_cpuid_gives_what_was_set)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct kvm_cpuid_entry2 *e;
	struct cpuid_table table;
	struct kvm_regs r;

	supported_cpuid(&table);
	e = &table.entries[table.head.nent++];
	*e = (struct kvm_cpuid_entry2){ .function = 0x40001000, .eax = 1, .ebx = 0x22222222, .ecx = 3, .edx = 0x80000000 };
	e = &table.entries[table.head.nent++];
	*e = (struct kvm_cpuid_entry2){ .function = 0x40001001, .index = 5, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
					.eax = 55, .ebx = 56, .ecx = 57, .edx = 58 };
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table));
	x86_set_mode(vcpu, X86_LONG);
	r = run_cpuid(vcpu, 0x40001000, 77);
	expect_eq(r.rax, 1);
	expect_eq(r.rbx, 0x22222222);
	expect_eq(r.rcx, 3);
	expect_eq(r.rdx, 0x80000000);
	r = run_cpuid(vcpu, 0x40001001, 5);
	expect_eq(r.rax, 55);
	expect_eq(r.rdx, 58);
	r = run_cpuid(vcpu, 0x40001001, 6);
	expect_eq(r.rax, 0);
	expect_eq(r.rbx, 0);
	r = run_cpuid(vcpu, 0, 0);
	expect_eq(r.rbx, cpuid_find(&table, 0, 0)->ebx);
	expect_eq(r.rcx, cpuid_find(&table, 0, 0)->ecx);
}

GUEST64(guest_osxsave,
	"mov	$1, %eax\n"
	"cpuid\n"
	"mov	%ecx, %esi\n"
	"mov	%cr4, %rax\n"
	"or	$0x40000, %rax\n"
	"mov	%rax, %cr4\n"
	"mov	$1, %eax\n"
	"cpuid\n"
	"mov	%ecx, %eax\n"
	DONE);

TEST(cpuid_osxsave_follows_cr4)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	if (!cpu_has(1, 0, 2, 26))
		skip_test("XSAVE");
	x86_start(vcpu, X86_KEEP, guest_osxsave, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rsi >> 27 & 1, 0);
	expect_eq(get_regs(vcpu).rax >> 27 & 1, 1);
}

static unsigned int msr_list(unsigned long request, struct msr_list *list)
{
	list->head.nmsrs = MAX_MSRS;
	expect_ok(kvm_ioctl(kvm_fd(), request, list));
	return list->head.nmsrs;
}

TEST(msr_lists_want_room)
{
	static const unsigned long requests[] = { KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST };
	struct msr_list list;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		unsigned int n = msr_list(requests[i], &list);

		expect(n < MAX_MSRS);
		if (!n)
			continue;
		/* Too small: says how many there are. */
		list.head.nmsrs = 0;
		expect_ret(kvm_ioctl(kvm_fd(), requests[i], &list), -E2BIG);
		expect_eq(list.head.nmsrs, n);
		list.head.nmsrs = n - 1;
		expect_ret(kvm_ioctl(kvm_fd(), requests[i], &list), -E2BIG);
		list.head.nmsrs = 0xffffffff;
		expect_ret(kvm_ioctl(kvm_fd(), requests[i], &list), 0);
		expect_eq(list.head.nmsrs, n);
	}
}

TEST(listed_msrs_are_unique_and_have_the_basic_ones)
{
	static const uint32_t basic[] = { MSR_SYSENTER_CS, MSR_STAR, MSR_LSTAR, MSR_KERNEL_GS, MSR_PAT, 0x10 };
	struct msr_list list;
	unsigned int n = msr_list(KVM_GET_MSR_INDEX_LIST, &list);

	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int j = 0; j < i; j++)
			expect(list.indices[i] != list.indices[j]);
	}
	for (size_t b = 0; b < ARRAY_SIZE(basic); b++) {
		unsigned int i;

		for (i = 0; i < n && list.indices[i] != basic[b]; i++)
			;
		if (i == n)
			fail_test("expected MSR %#x in the list, seen that it is not", basic[b]);
	}
}

TEST(every_listed_msr_is_read_and_written_back)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	unsigned int bad = 0, n;
	struct msr_list list;

	n = msr_list(KVM_GET_MSR_INDEX_LIST, &list);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t value, again;
		int get = get_msr(vcpu, list.indices[i], &value), set = set_msr(vcpu, list.indices[i], value);

		/* The interrupt of asynchronous page faults wants an in-kernel interrupt controller. */
		if (list.indices[i] == MSR_ASYNC_PF_INT && get == 1)
			continue;
		if (get != 1 || set != 1) {
			note("MSR %#x: expected 1 and 1, seen read %d, write back %d", list.indices[i], get, set);
			bad++;
			continue;
		}
		expect_eq(get_msr(vcpu, list.indices[i], &again), 1);
		/* All but the time-stamp counter and what counts with it, as two clocks of Hyper-V's do. */
		if (list.indices[i] != 0x10 && list.indices[i] != 0x3b && list.indices[i] != 0x40000010 &&
		    list.indices[i] != 0x40000020 && again != value) {
			note("MSR %#x: expected %#llx, seen %#llx", list.indices[i], (unsigned long long)value,
			     (unsigned long long)again);
			bad++;
		}
	}
	expect_eq(bad, 0);
}

TEST(feature_msrs_are_readable_on_the_system_fd)
{
	struct msr_list list;
	unsigned int n = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST, &list);

	for (unsigned int i = 0; i < n; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} m = { .head.nmsrs = 1, .entry.index = list.indices[i] };

		expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_MSRS, &m), 1);
	}
	expect_eq(n, list.head.nmsrs);
}

/* Programs ask before they look whether there is one. */
TEST(feature_msr_of_a_pmu_can_be_asked_for)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m = { .head.nmsrs = 1, .entry.index = 0x345, .entry.data = ~0ULL };

	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_MSRS, &m), 1);
	if (!cpu_has(1, 0, 2, 15))
		expect_eq(m.entry.data, 0);
}

TEST(msr_values_round_trip)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msrs[] = {
		{ MSR_SYSENTER_CS, 0x10 }, { MSR_SYSENTER_EIP, 0x1234567 }, { MSR_STAR, 0x23001000000000 },
		{ MSR_LSTAR, 0xffffffff81001122 }, { MSR_KERNEL_GS, 0xffff888012345678 }, { MSR_FS_BASE, 0x7fff12345678 },
		{ MSR_PAT, 0x0606060606060606 },
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t value;

		expect_eq(set_msr(vcpu, msrs[i].index, msrs[i].value), 1);
		expect_eq(get_msr(vcpu, msrs[i].index, &value), 1);
		expect_eq(value, msrs[i].value);
	}
	expect_eq(get_sregs(vcpu).fs.base, 0x7fff12345678);
}

TEST(forbidden_msr_values_are_refused)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t pat, value;

	expect_eq(get_msr(vcpu, MSR_PAT, &pat), 1);
	expect_eq(set_msr(vcpu, MSR_PAT, 0x02), 0);
	expect_eq(set_msr(vcpu, MSR_PAT, 0x0808080808080808), 0);
	expect_eq(set_msr(vcpu, MSR_LSTAR, 0x8000000000000000), 0);
	expect_eq(set_msr(vcpu, MSR_FS_BASE, 0x1234800000000000), 0);
	expect_eq(set_msr(vcpu, MSR_EFER, 1ULL << 63), 0);
	expect_eq(set_msr(vcpu, MSR_NONE, 0), 0);
	expect_eq(get_msr(vcpu, MSR_NONE, &value), 0);
	expect_eq(get_msr(vcpu, MSR_PAT, &value), 1);
	expect_eq(value, pat);
}

struct four_msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[4];
};

TEST(msrs_stop_at_the_first_bad_one)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct four_msrs m = { .head.nmsrs = 4, .entry = {
		{ .index = MSR_SYSENTER_CS, .data = 0x50 }, { .index = MSR_SYSENTER_EIP, .data = 0x60 },
		{ .index = MSR_NONE, .data = 0x70 }, { .index = MSR_LSTAR, .data = 0x80 } } };
	uint64_t value;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m), 2);
	expect_eq(get_msr(vcpu, MSR_SYSENTER_EIP, &value), 1);
	expect_eq(value, 0x60);
	expect_eq(get_msr(vcpu, MSR_LSTAR, &value), 1);
	expect_eq(value, 0);
	m.entry[0].data = m.entry[1].data = m.entry[3].data = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m), 2);
	expect_eq(m.entry[0].data, 0x50);
	expect_eq(m.entry[1].data, 0x60);
	expect_eq(m.entry[3].data, 1);
}

TEST(msr_count_is_limited)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct four_msrs m = { 0 };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m), 0);
	m.head.nmsrs = 256;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m), -E2BIG);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m), -E2BIG);
	m.head.nmsrs = 0xffffffff;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m), -E2BIG);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_MSRS, &m), -E2BIG);
}

GUEST64(guest_rdmsr,
	"mov	%edi, %ecx\n"
	"rdmsr\n"
	"shl	$32, %rdx\n"
	"or	%rdx, %rax\n"
	DONE);

GUEST64(guest_wrmsr,
	"mov	%edi, %ecx\n"
	"mov	%rsi, %rax\n"
	"mov	%rsi, %rdx\n"
	"shr	$32, %rdx\n"
	"wrmsr\n"
	DONE);

GUEST64(guest_debugctl,
	"mov	$0x1d9, %ecx\n"
	"mov	$1, %eax\n"
	"xor	%edx, %edx\n"
	"wrmsr\n"
	".globl guest_debugctl_branch\n"
	"guest_debugctl_branch:\n"
	"jmp	1f\n"
	"nop\n"
	"1: rdmsr\n"
	"mov	%eax, %r8d\n"
	"mov	$0x1db, %ecx\n"
	"rdmsr\n"
	"mov	%eax, %r9d\n"
	"mov	$0x1d9, %ecx\n"
	"xor	%eax, %eax\n"
	"xor	%edx, %edx\n"
	"wrmsr\n"
	DONE);

extern const unsigned char guest_debugctl_branch[];

/*
 * Where guests cannot have the processor's branch recording the register is there and does nothing. (Bochs keeps it and
 * records nothing either.)
 */
TEST(guest_records_its_branches_or_none)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_debugctl, 0, 0, 0);
	run_done(vcpu);
	regs = get_regs(vcpu);
	expect(regs.r8 <= 1);
	if (regs.r9)
		expect_eq(regs.r9, regs.r8 ? x86_gpa(guest_debugctl_branch) : 0);
}

/* What CPUID offers of a paravirtual kind has its register, and what it does not offer has none. */
TEST(pv_features_and_their_msrs_go_together)
{
	static const struct {
		uint32_t index;
		unsigned int bit;	/* of leaf 0x40000001's EAX */
	} pv[] = {
		{ 0x11, 0 }, { 0x12, 0 },			/* wall clock and system time, old */
		{ 0x4b564d00, 3 }, { 0x4b564d01, 3 },		/* and new */
		{ 0x4b564d02, 4 },				/* asynchronous page faults */
		{ 0x4b564d03, 5 },				/* stolen time */
		{ 0x4b564d04, 6 },				/* PV EOI */
		{ 0x4b564d05, 12 },				/* host polling */
		{ 0x4b564d06, 14 }, { 0x4b564d07, 14 },		/* asynchronous page faults by interrupt */
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(pv); i++) {
		trace("MSR %#x, feature %u", pv[i].index, pv[i].bit);
		expect_ret(get_msr(vcpu, pv[i].index, &value), cpu_has(0x40000001, 0, 0, pv[i].bit));
	}
}

TEST(guest_and_user_space_see_the_same_msr)
{
	static const uint32_t msrs[] = { MSR_SYSENTER_EIP, MSR_LSTAR, MSR_KERNEL_GS, MSR_FS_BASE };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t value;

		expect_eq(set_msr(vcpu, msrs[i], 0x11223344 + i), 1);
		x86_start(vcpu, X86_KEEP, guest_rdmsr, msrs[i], 0, 0);
		run_done(vcpu);
		expect_eq(get_regs(vcpu).rax, 0x11223344 + i);
		x86_start(vcpu, X86_KEEP, guest_wrmsr, msrs[i], 0x556677 + i, 0);
		run_done(vcpu);
		expect_eq(get_msr(vcpu, msrs[i], &value), 1);
		expect_eq(value, 0x556677 + i);
	}
}

TEST(guest_reads_apic_base)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_APIC_BASE, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, get_sregs(vcpu).apic_base);
}

TEST(guest_access_to_unknown_msr_is_gp)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct x86_trap *t;

	x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_NONE, 0, 0);
	t = run_trap(vcpu, 13);
	expect_eq(t->error, 0);
	expect_eq(t->rip, x86_gpa(guest_rdmsr) + 2);
	x86_start(vcpu, X86_KEEP, guest_wrmsr, MSR_NONE, 0, 0);
	t = run_trap(vcpu, 13);
	expect_eq(t->error, 0);
}

TEST(guest_write_of_forbidden_msr_value_is_gp)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_wrmsr, MSR_EFER, 1ULL << 63, 0);
	run_trap(vcpu, 13);
	x86_start(vcpu, X86_KEEP, guest_wrmsr, MSR_PAT, 2, 0);
	run_trap(vcpu, 13);
}

TEST(guest_tsc_follows_the_tsc_msr)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	const uint64_t far = 1ULL << 60;
	uint64_t value;

	expect_eq(set_msr(vcpu, 0x10, far), 1);
	x86_start(vcpu, X86_KEEP, guest_rdmsr, 0x10, 0, 0);
	run_done(vcpu);
	expect(get_regs(vcpu).rax >= far);
	expect_eq(get_msr(vcpu, 0x10, &value), 1);
	expect(value >= get_regs(vcpu).rax);
}
