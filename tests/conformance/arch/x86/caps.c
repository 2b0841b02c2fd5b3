// SPDX-License-Identifier: GPL-2.0-only
/* x86 capabilities that user space enables: quirks, exits that are given up, hypercalls, what the guest may see. */
#include "arch_x86.h"

#define MSR_PLATFORM_INFO	0xce
#define MSR_MISC_ENABLE		0x1a0
#define MISC_ENABLE_MWAIT	(1 << 18)
#define MSR_SYSTEM_TIME_NEW	0x4b564d01
#define MSR_STEAL_TIME		0x4b564d03
#define MSR_POLL_CONTROL	0x4b564d05

#define KVM_ENOSYS_		1000
#define KVM_EINVAL_		22
#define HC_MAP_GPA_RANGE	12

extern const unsigned char guest_rdmsr[], guest_cpuid[];

static int enable(struct vm *vm, uint32_t which, uint64_t value)
{
	struct kvm_enable_cap cap = { .cap = which, .args[0] = value };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int enable_flags(struct vm *vm, uint32_t which)
{
	struct kvm_enable_cap cap = { .cap = which, .flags = 1 };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

TEST(enabled_capabilities_have_no_flags)
{
	static const uint32_t caps[] = {
		KVM_CAP_DISABLE_QUIRKS, KVM_CAP_DISABLE_QUIRKS2, KVM_CAP_X86_DISABLE_EXITS, KVM_CAP_MSR_PLATFORM_INFO,
		KVM_CAP_EXCEPTION_PAYLOAD, KVM_CAP_X86_TRIPLE_FAULT_EVENT, KVM_CAP_X86_USER_SPACE_MSR,
		KVM_CAP_EXIT_HYPERCALL, KVM_CAP_EXIT_ON_EMULATION_FAILURE,
	};
	struct vm *vm = vm_new();

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		expect_ret(enable_flags(vm, caps[i]), -EINVAL);
}

/* ---- quirks ---- */

#define QUIRKS NEED(KVM_CAP_DISABLE_QUIRKS2)

TEST(quirks_that_are_none_are_refused, QUIRKS)
{
	struct vm *vm = vm_new();
	uint64_t all = cap(KVM_CAP_DISABLE_QUIRKS2);

	expect(all);
	for (unsigned int bit = 0; bit < 64; bit++)
		expect_ret(enable(vm, KVM_CAP_DISABLE_QUIRKS2, 1ULL << bit), all >> bit & 1 ? 0 : -EINVAL);
	expect_ret(enable(vm, KVM_CAP_DISABLE_QUIRKS2, all), 0);
	expect_ret(enable(vm, KVM_CAP_DISABLE_QUIRKS2, 0), 0);
	/* The older one takes what it does not know. */
	expect_ret(enable(vm, KVM_CAP_DISABLE_QUIRKS, ~0ULL), 0);
}

GUEST64(guest_out_7e,
	"out	%al, $0x7e\n"
	DONE);

TEST(quirk_of_port_7e_moves_rip_first, QUIRKS)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_out_7e, 0, 0, 0);
	run_port(vcpu, 0x7e);
	expect_eq(get_regs(vcpu).rip, x86_gpa(guest_out_7e) + 2);
	run_done(vcpu);
	expect_ret(enable(vcpu->vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_OUT_7E_INC_RIP), 0);
	x86_start(vcpu, X86_KEEP, guest_out_7e, 0, 0, 0);
	run_port(vcpu, 0x7e);
	expect_eq(get_regs(vcpu).rip, x86_gpa(guest_out_7e));
	run_done(vcpu);
}

GUEST64(guest_poll_vmcall,
	"mov	$1, %eax\n"		/* KVM_HC_VAPIC_POLL_IRQ */
	"vmcall\n"
	DONE);
GUEST64(guest_poll_vmmcall,
	"mov	$1, %eax\n"
	"vmmcall\n"
	DONE);

TEST(quirk_fixes_the_other_vendors_hypercall, QUIRKS)
{
	bool amd = cpu_has(0x80000001, 0, 2, 0) && !cpu_has(1, 0, 2, 5);
	const unsigned char *other = amd ? guest_poll_vmcall : guest_poll_vmmcall;
	const unsigned char *own = amd ? guest_poll_vmmcall : guest_poll_vmcall;
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *code = (uint8_t *)vcpu->vm->code + x86_gpa(other) + 5;

	/* Without the quirk it is what the processor says. */
	expect_ret(enable(vcpu->vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN), 0);
	x86_start(vcpu, X86_KEEP, other, 0, 0, 0);
	run_trap(vcpu, 6);
	expect_mem(code, other + 5, 3);
	/* Newer kernels do not give a quirk back. */
	vcpu = vcpu_new(vm_new(), 0);
	code = (uint8_t *)vcpu->vm->code + x86_gpa(other) + 5;
	x86_start(vcpu, X86_KEEP, other, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 0);
	expect_mem(code, own + 5, 3);
}

GUEST64(guest_monitor,
	"mov	%rdi, %rax\n"
	"xor	%ecx, %ecx\n"
	"xor	%edx, %edx\n"
	"monitor\n"
	DONE);

static bool cpuid_mwait(struct vcpu *vcpu)
{
	x86_start(vcpu, X86_KEEP, guest_cpuid, 1, 0, 0);
	run_done(vcpu);
	return get_regs(vcpu).rcx >> 3 & 1;
}

TEST(quirk_of_mwait_makes_it_a_nop, QUIRKS)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	if (cpuid_mwait(vcpu))
		skip_test("a guest without MWAIT");
	x86_start(vcpu, X86_KEEP, guest_monitor, DATA_GPA, 0, 0);
	run_done(vcpu);
	expect_ret(enable(vcpu->vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS), 0);
	x86_start(vcpu, X86_KEEP, guest_monitor, DATA_GPA, 0, 0);
	run_trap(vcpu, 6);
}

TEST(quirk_of_misc_enable_keeps_mwait_out_of_it, QUIRKS)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value;

	expect_eq(get_msr(vcpu, MSR_MISC_ENABLE, &value), 1);
	expect_eq(set_msr(vcpu, MSR_MISC_ENABLE, value | MISC_ENABLE_MWAIT), 1);
	expect_eq(cpuid_mwait(vcpu), 0);
	expect_eq(set_msr(vcpu, MSR_MISC_ENABLE, value & ~MISC_ENABLE_MWAIT), 1);
	expect_ret(enable(vcpu->vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT), 0);
	expect_eq(set_msr(vcpu, MSR_MISC_ENABLE, value | MISC_ENABLE_MWAIT), 1);
	expect_eq(cpuid_mwait(vcpu), 1);
	expect_eq(set_msr(vcpu, MSR_MISC_ENABLE, value & ~MISC_ENABLE_MWAIT), 1);
	expect_eq(cpuid_mwait(vcpu), 0);
}

/* ---- exits that are given up ---- */

TEST(disabled_exits_are_checked, NEED(KVM_CAP_X86_DISABLE_EXITS))
{
	struct vm *vm = vm_new();

	for (unsigned int bit = 4; bit < 64; bit++)
		expect_ret(enable(vm, KVM_CAP_X86_DISABLE_EXITS, 1ULL << bit), -EINVAL);
	expect_ret(enable(vm, KVM_CAP_X86_DISABLE_EXITS, cap(KVM_CAP_X86_DISABLE_EXITS)), 0);
}

GUEST64(guest_sti_hlt_forever,
	"incq	(%rdi)\n"
	"sti\n"
	"1:	hlt\n"
	"jmp	1b\n");

TEST(disabled_hlt_exit_stays_in_the_guest, NEED(KVM_CAP_X86_DISABLE_EXITS))
{
	struct vm *vm = vm_new();
	volatile uint64_t *word = code_word(vm, DATA_GPA);
	struct vcpu *vcpu;
	struct runner r;

	if (!(cap(KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_HLT))
		skip_test("a HLT without exit");
	expect_ret(enable(vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT), 0);
	vcpu = vcpu_new(vm, 0);
	catch_sigusr1();
	x86_start(vcpu, X86_KEEP, guest_sti_hlt_forever, DATA_GPA, 0, 0);
	runner_start(&r, vcpu);
	wait_change(word, 0);
	/* Only the signal ends it. */
	expect_ret(runner_stop(&r), -EINTR);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_INTR);
}

/* ---- what the guest may see ---- */

TEST(platform_info_may_be_hidden, NEED(KVM_CAP_MSR_PLATFORM_INFO))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value;

	expect_eq(set_msr(vcpu, MSR_PLATFORM_INFO, 0x1200), 1);
	x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_PLATFORM_INFO, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 0x1200);
	expect_ret(enable(vcpu->vm, KVM_CAP_MSR_PLATFORM_INFO, 0), 0);
	x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_PLATFORM_INFO, 0, 0);
	run_trap(vcpu, 13);
	expect_eq(get_msr(vcpu, MSR_PLATFORM_INFO, &value), 1);
	expect_eq(value, 0x1200);
	expect_ret(enable(vcpu->vm, KVM_CAP_MSR_PLATFORM_INFO, 1), 0);
	x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_PLATFORM_INFO, 0, 0);
	run_done(vcpu);
}

static void enforce(struct vcpu *vcpu, uint64_t on)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args[0] = on };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &cap), 0);
}

static void set_pv_cpuid(struct vcpu *vcpu, uint32_t base, uint32_t features)
{
	struct cpuid_table table;

	supported_cpuid(&table);
	for (unsigned int i = 0; i < table.head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &table.entries[i];

		if (e->function >> 8 != 0x400000)
			continue;
		if (e->function == 0x40000001)
			e->eax = features;
		e->function = base + (e->function & 0xff);
	}
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), 0);
}

TEST(pv_features_may_be_enforced, NEED(KVM_CAP_ENFORCE_PV_FEATURE_CPUID))
{
	static const uint32_t bases[] = { 0x40000000, 0x40000100 };

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);

		set_pv_cpuid(vcpu, bases[i], 1 << 3);
		x86_set_mode(vcpu, X86_LONG);
		expect_eq(set_msr(vcpu, MSR_STEAL_TIME, 0), 1);
		enforce(vcpu, 1);
		expect_eq(set_msr(vcpu, MSR_SYSTEM_TIME_NEW, 0), 1);
		/* What is zero newer kernels let user space read and write. */
		expect_eq(set_msr(vcpu, 0x12, DATA_GPA | 1), 0);
		expect_eq(set_msr(vcpu, MSR_STEAL_TIME, DATA_GPA | 1), 0);
		x86_start(vcpu, X86_KEEP, guest_rdmsr, 0x12, 0, 0);
		run_trap(vcpu, 13);
		x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_STEAL_TIME, 0, 0);
		run_trap(vcpu, 13);
		x86_start(vcpu, X86_KEEP, guest_rdmsr, MSR_SYSTEM_TIME_NEW, 0, 0);
		run_done(vcpu);
	}
}

/* ---- hypercalls ---- */

GUEST64(guest_map_gpa_range,
	"mov	$" STR(HC_MAP_GPA_RANGE) ", %eax\n"
	"mov	%rdi, %rbx\n"
	"mov	%rsi, %rcx\n"
	"vmmcall\n"
	DONE);

static int64_t map_gpa_range(struct vcpu *vcpu, uint64_t gpa, uint64_t npages)
{
	x86_start(vcpu, X86_KEEP, guest_map_gpa_range, gpa, npages, 0x10);
	run_done(vcpu);
	return get_regs(vcpu).rax;
}

TEST(hypercall_map_gpa_range_is_user_spaces, NEED(KVM_CAP_EXIT_HYPERCALL))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_eq(map_gpa_range(vcpu, 0x1000, 1), -KVM_ENOSYS_);
	expect_eq(cap(KVM_CAP_EXIT_HYPERCALL), 1 << HC_MAP_GPA_RANGE);
	expect_ret(enable(vcpu->vm, KVM_CAP_EXIT_HYPERCALL, 1 << 1), -EINVAL);
	expect_ret(enable(vcpu->vm, KVM_CAP_EXIT_HYPERCALL, 1 << HC_MAP_GPA_RANGE), 0);
	expect_eq(map_gpa_range(vcpu, 0x1001, 1), -KVM_EINVAL_);
	expect_eq(map_gpa_range(vcpu, 0x1000, 0), -KVM_EINVAL_);
	expect_eq(map_gpa_range(vcpu, 0x1000, ~0ULL), -KVM_EINVAL_);
	x86_start(vcpu, X86_KEEP, guest_map_gpa_range, 0x3000, 7, 0x10);
	run_until(vcpu, KVM_EXIT_HYPERCALL);
	expect_eq(vcpu->run->hypercall.nr, HC_MAP_GPA_RANGE);
	expect_eq(vcpu->run->hypercall.args[0], 0x3000);
	expect_eq(vcpu->run->hypercall.args[1], 7);
	expect_eq(vcpu->run->hypercall.args[2], 0x10);
	expect_eq(vcpu->run->hypercall.longmode, 1);
	vcpu->run->hypercall.ret = 77;
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 77);
}

GUEST64(guest_sched_yield,
	"mov	$11, %eax\n"
	"mov	%rdi, %rbx\n"
	"vmmcall\n"
	DONE);

TEST(hypercall_sched_yield_takes_any_target)
{
	static const uint64_t targets[] = { 0, 1, 2, 0xffffffff, ~0ULL };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	if (!cpu_has(0x40000001, 0, 0, 13))
		skip_test("KVM_FEATURE_PV_SCHED_YIELD");
	/* One that never ran. */
	vcpu_new(vm, 1);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		x86_start(vcpu, X86_KEEP, guest_sched_yield, targets[i], 0, 0);
		run_done(vcpu);
		expect_eq(get_regs(vcpu).rax, 0);
	}
	enforce(vcpu, 1);
	x86_start(vcpu, X86_KEEP, guest_sched_yield, 1, 0, 0);
	run_done(vcpu);
	/* A vCPU without CPUID has no features; one with all of them has this. */
	expect(get_regs(vcpu).rax == 0 || (int64_t)get_regs(vcpu).rax == -KVM_ENOSYS_);
}

TEST(poll_control_is_one_bit)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value;

	if (!cpu_has(0x40000001, 0, 0, 12))
		skip_test("KVM_FEATURE_POLL_CONTROL");
	expect_eq(get_msr(vcpu, MSR_POLL_CONTROL, &value), 1);
	expect_eq(value, 1);
	expect_eq(set_msr(vcpu, MSR_POLL_CONTROL, 0), 1);
	expect_eq(get_msr(vcpu, MSR_POLL_CONTROL, &value), 1);
	expect_eq(value, 0);
	for (unsigned int bit = 1; bit < 64; bit++)
		expect_eq(set_msr(vcpu, MSR_POLL_CONTROL, 1ULL << bit), 0);
}

/* ---- memory for shadow page tables ---- */

TEST(mmu_pages_have_a_least_number, NEED(KVM_CAP_MMU_SHADOW_CACHE_CONTROL))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (long n = 0; n < 64; n++)
		expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SET_NR_MMU_PAGES, n), -EINVAL);
	for (int bit = 6; bit < 64; bit++)
		expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SET_NR_MMU_PAGES, 1UL << bit), 0);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SET_NR_MMU_PAGES, 64L), 0);
	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	run_done(vcpu);
}

/* ---- emulation ---- */

GUEST64(guest_flds,
	"flds	(%rdi)\n"
	DONE);

TEST(emulation_failure_exits_with_the_instruction, NEED(KVM_CAP_EXIT_ON_EMULATION_FAILURE))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(enable(vcpu->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2), -EINVAL);
	expect_ret(enable(vcpu->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1), 0);
	x86_start(vcpu, X86_KEEP, guest_flds, MMIO_GPA, 0, 0);
	run_until(vcpu, KVM_EXIT_INTERNAL_ERROR);
	expect_eq(vcpu->run->emulation_failure.suberror, KVM_INTERNAL_ERROR_EMULATION);
	expect(vcpu->run->emulation_failure.ndata >= 3);
	expect_eq(vcpu->run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
		  KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	expect(vcpu->run->emulation_failure.insn_size >= 2);
	expect_mem(vcpu->run->emulation_failure.insn_bytes, guest_flds, 2);
	/* The guest has heard nothing of it: user space may go on behind it. */
	x86_start(vcpu, X86_KEEP, guest_flds + 2, 0, 0, 0);
	run_done(vcpu);
}

/* ---- what programs look for before they begin ---- */

struct wanted {
	int cap;
	const char *name;
};

#define WANTED(c) { KVM_CAP_##c, #c }

static void expect_caps(const char *program, const struct wanted *list, size_t nr)
{
	struct vm *vm = vm_new_bare();

	for (size_t i = 0; i < nr; i++) {
		if (cap(list[i].cap) <= 0 || vm_cap(vm, list[i].cap) <= 0)
			fail_test("%s does not start without KVM_CAP_%s", program, list[i].name);
		expect(cap(list[i].cap) > 0);
	}
}

/* kvmtool, x86/kvm.c: kvm_req_ext[] */
TEST(kvmtool_finds_what_it_requires)
{
	static const struct wanted list[] = {
		WANTED(COALESCED_MMIO), WANTED(SET_TSS_ADDR), WANTED(PIT2), WANTED(USER_MEMORY), WANTED(IRQ_ROUTING),
		WANTED(IRQCHIP), WANTED(HLT), WANTED(IRQ_INJECT_STATUS), WANTED(EXT_CPUID),
	};

	expect_caps("kvmtool", list, ARRAY_SIZE(list));
}

/* Firecracker, src/vmm/src/arch/x86_64/kvm.rs: DEFAULT_CAPABILITIES */
TEST(firecracker_finds_what_it_requires)
{
	static const struct wanted list[] = {
		WANTED(IRQCHIP), WANTED(IOEVENTFD), WANTED(IRQFD), WANTED(USER_MEMORY), WANTED(SET_TSS_ADDR), WANTED(PIT2),
		WANTED(PIT_STATE2), WANTED(ADJUST_CLOCK), WANTED(DEBUGREGS), WANTED(MP_STATE), WANTED(VCPU_EVENTS),
		WANTED(XCRS), WANTED(XSAVE), WANTED(EXT_CPUID),
	};

	expect_caps("Firecracker", list, ARRAY_SIZE(list));
}

/* Cloud Hypervisor, hypervisor/src/kvm/x86_64/mod.rs: check_required_extensions() */
TEST(cloud_hypervisor_finds_what_it_requires)
{
	static const struct wanted list[] = {
		WANTED(ADJUST_CLOCK), WANTED(EXT_CPUID), WANTED(GET_TSC_KHZ), WANTED(IMMEDIATE_EXIT), WANTED(IOEVENTFD),
		WANTED(IRQCHIP), WANTED(IRQFD), WANTED(IRQ_ROUTING), WANTED(MP_STATE), WANTED(SET_IDENTITY_MAP_ADDR),
		WANTED(SET_TSS_ADDR), WANTED(SPLIT_IRQCHIP), WANTED(TSC_DEADLINE_TIMER), WANTED(USER_MEMORY),
		WANTED(USER_NMI), WANTED(VCPU_EVENTS), WANTED(XSAVE),
	};

	expect_caps("Cloud Hypervisor", list, ARRAY_SIZE(list));
}

/* QEMU 10.0, accel/kvm/kvm-all.c and target/i386/kvm/kvm.c: kvm_required_capabilites, kvm_arch_required_capabilities */
TEST(qemu_finds_what_it_requires)
{
	static const struct wanted list[] = {
		WANTED(USER_MEMORY), WANTED(DESTROY_MEMORY_REGION_WORKS), WANTED(JOIN_MEMORY_REGIONS_WORKS),
		WANTED(INTERNAL_ERROR_DATA), WANTED(IOEVENTFD), WANTED(IOEVENTFD_ANY_LENGTH), WANTED(SET_TSS_ADDR),
		WANTED(EXT_CPUID), WANTED(MP_STATE), WANTED(SIGNAL_MSI), WANTED(IRQ_ROUTING), WANTED(DEBUGREGS),
		WANTED(XSAVE), WANTED(VCPU_EVENTS), WANTED(X86_ROBUST_SINGLESTEP), WANTED(MCE), WANTED(ADJUST_CLOCK),
		WANTED(SET_IDENTITY_MAP_ADDR),
	};

	expect_caps("QEMU", list, ARRAY_SIZE(list));
}
