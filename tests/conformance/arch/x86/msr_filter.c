// SPDX-License-Identifier: GPL-2.0-only
/* x86 MSRs that user space denies or answers: KVM_X86_SET_MSR_FILTER, KVM_CAP_X86_USER_SPACE_MSR. */
#include "arch_x86.h"

#define MSR_NONE	0x0bad0000
#define MSR_SYSENTER_EIP 0x176
#define MSR_EFER	0xc0000080
#define MSR_LSTAR	0xc0000082
#define MSR_FS_BASE	0xc0000100

#define FILTER NEED(KVM_CAP_X86_MSR_FILTER), NEED(KVM_CAP_X86_USER_SPACE_MSR)

extern const unsigned char guest_rdmsr[], guest_wrmsr[];

static int enable(struct vm *vm, uint64_t reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = reasons };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int set_filter(struct vm *vm, const struct kvm_msr_filter *filter)
{
	return kvm_ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, filter);
}

/* One range of one MSR: @allow says what its bit does. */
static struct kvm_msr_filter filter_one(uint32_t index, uint32_t flags, bool deny_others, bool allow)
{
	static const uint64_t bitmap[2] = { 0, 1 };
	struct kvm_msr_filter filter = { .flags = deny_others ? KVM_MSR_FILTER_DEFAULT_DENY : 0 };

	filter.ranges[0].flags = flags;
	filter.ranges[0].base = index;
	filter.ranges[0].nmsrs = 1;
	filter.ranges[0].bitmap = (uint8_t *)&bitmap[allow];
	return filter;
}

static void start_read(struct vcpu *vcpu, uint32_t index)
{
	x86_start(vcpu, X86_KEEP, guest_rdmsr, index, 0, 0);
}

static void start_write(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	x86_start(vcpu, X86_KEEP, guest_wrmsr, index, value, 0);
}

static void expect_read_exit(struct vcpu *vcpu, uint32_t index, uint32_t reason)
{
	run_until(vcpu, KVM_EXIT_X86_RDMSR);
	expect_eq(vcpu->run->msr.index, index);
	expect_eq(vcpu->run->msr.reason, reason);
	expect_eq(vcpu->run->msr.error, 0);
}

static void expect_write_exit(struct vcpu *vcpu, uint32_t index, uint32_t reason, uint64_t data)
{
	run_until(vcpu, KVM_EXIT_X86_WRMSR);
	expect_eq(vcpu->run->msr.index, index);
	expect_eq(vcpu->run->msr.reason, reason);
	expect_eq(vcpu->run->msr.data, data);
	expect_eq(vcpu->run->msr.error, 0);
}

TEST(user_space_answers_unknown_msrs, NEED(KVM_CAP_X86_USER_SPACE_MSR))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(enable(vcpu->vm, KVM_MSR_EXIT_REASON_UNKNOWN), 0);
	start_read(vcpu, MSR_NONE);
	expect_read_exit(vcpu, MSR_NONE, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu->run->msr.data = 0x1122334455667788;
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 0x1122334455667788);
	start_write(vcpu, MSR_NONE, 0x99aabbccddeeff00);
	expect_write_exit(vcpu, MSR_NONE, KVM_MSR_EXIT_REASON_UNKNOWN, 0x99aabbccddeeff00);
	run_done(vcpu);
}

TEST(user_space_refuses_an_msr, NEED(KVM_CAP_X86_USER_SPACE_MSR))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct x86_trap *t;

	expect_ret(enable(vcpu->vm, KVM_MSR_EXIT_REASON_UNKNOWN), 0);
	start_read(vcpu, MSR_NONE);
	expect_read_exit(vcpu, MSR_NONE, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu->run->msr.error = 1;
	t = run_trap(vcpu, 13);
	expect_eq(t->rip, x86_gpa(guest_rdmsr) + 2);
	start_write(vcpu, MSR_NONE, 1);
	expect_write_exit(vcpu, MSR_NONE, KVM_MSR_EXIT_REASON_UNKNOWN, 1);
	vcpu->run->msr.error = 0xff;
	t = run_trap(vcpu, 13);
	expect_eq(t->error, 0);
}

TEST(user_space_is_told_of_invalid_values, NEED(KVM_CAP_X86_USER_SPACE_MSR))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(enable(vcpu->vm, KVM_MSR_EXIT_REASON_INVAL), 0);
	start_write(vcpu, MSR_EFER, 1ULL << 63);
	expect_write_exit(vcpu, MSR_EFER, KVM_MSR_EXIT_REASON_INVAL, 1ULL << 63);
	run_done(vcpu);
	/* What was not asked for stays a fault. */
	start_read(vcpu, MSR_NONE);
	run_trap(vcpu, 13);
	expect_ret(enable(vcpu->vm, 0), 0);
	start_write(vcpu, MSR_EFER, 1ULL << 63);
	run_trap(vcpu, 13);
}

TEST(user_space_msr_reasons_are_checked, NEED(KVM_CAP_X86_USER_SPACE_MSR))
{
	struct vm *vm = vm_new();

	/* Newer kernels have no more of them, either. */
	for (unsigned int bit = 3; bit < 64; bit++)
		expect_ret(enable(vm, 1ULL << bit), -EINVAL);
	expect_ret(enable(vm, 7), 0);
}

TEST(msr_filter_tells_reads_from_writes, FILTER)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_msr_filter filter = filter_one(MSR_SYSENTER_EIP, KVM_MSR_FILTER_READ, false, false);
	uint64_t value;

	expect_ret(enable(vcpu->vm, KVM_MSR_EXIT_REASON_FILTER), 0);
	expect_ret(set_filter(vcpu->vm, &filter), 0);
	start_write(vcpu, MSR_SYSENTER_EIP, 0x1234);
	run_done(vcpu);
	start_read(vcpu, MSR_SYSENTER_EIP);
	expect_read_exit(vcpu, MSR_SYSENTER_EIP, KVM_MSR_EXIT_REASON_FILTER);
	vcpu->run->msr.data = 0x5678;
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 0x5678);
	/* User space itself is not filtered. */
	expect_eq(get_msr(vcpu, MSR_SYSENTER_EIP, &value), 1);
	expect_eq(value, 0x1234);
	filter = filter_one(MSR_SYSENTER_EIP, KVM_MSR_FILTER_WRITE, false, false);
	expect_ret(set_filter(vcpu->vm, &filter), 0);
	start_read(vcpu, MSR_SYSENTER_EIP);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 0x1234);
	start_write(vcpu, MSR_SYSENTER_EIP, 0x9abc);
	expect_write_exit(vcpu, MSR_SYSENTER_EIP, KVM_MSR_EXIT_REASON_FILTER, 0x9abc);
	run_done(vcpu);
	expect_eq(get_msr(vcpu, MSR_SYSENTER_EIP, &value), 1);
	expect_eq(value, 0x1234);
}

TEST(msr_filter_reaches_msrs_that_need_no_exit, FILTER)
{
	static const uint32_t msrs[] = { MSR_FS_BASE, MSR_LSTAR };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(enable(vcpu->vm, KVM_MSR_EXIT_REASON_FILTER), 0);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		struct kvm_msr_filter filter = filter_one(msrs[i], KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
							  false, false);
		struct kvm_msr_filter none = { 0 };

		start_write(vcpu, msrs[i], 0x1000);
		run_done(vcpu);
		expect_ret(set_filter(vcpu->vm, &filter), 0);
		start_write(vcpu, msrs[i], 0x2000);
		expect_write_exit(vcpu, msrs[i], KVM_MSR_EXIT_REASON_FILTER, 0x2000);
		run_done(vcpu);
		/* The others still work. */
		start_write(vcpu, msrs[!i], 0x3000);
		run_done(vcpu);
		start_read(vcpu, msrs[!i]);
		run_done(vcpu);
		expect_eq(get_regs(vcpu).rax, 0x3000);
		expect_ret(set_filter(vcpu->vm, &none), 0);
		start_read(vcpu, msrs[i]);
		run_done(vcpu);
		expect_eq(get_regs(vcpu).rax, 0x1000);
	}
}

TEST(msr_filter_may_deny_all_but_some, FILTER)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_msr_filter filter = filter_one(MSR_SYSENTER_EIP, KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
						  true, true);

	expect_ret(set_filter(vcpu->vm, &filter), 0);
	start_write(vcpu, MSR_SYSENTER_EIP, 0x1234);
	run_done(vcpu);
	/* Nobody asked to be told: a fault. */
	start_write(vcpu, MSR_LSTAR, 0);
	run_trap(vcpu, 13);
	start_read(vcpu, MSR_NONE);
	run_trap(vcpu, 13);
	/* Denied, not unknown. */
	expect_ret(enable(vcpu->vm, 7), 0);
	start_read(vcpu, MSR_NONE);
	expect_read_exit(vcpu, MSR_NONE, KVM_MSR_EXIT_REASON_FILTER);
}

TEST(msr_filter_holds_for_vcpus_to_come, FILTER)
{
	struct vm *vm = vm_new();
	struct kvm_msr_filter filter = filter_one(MSR_FS_BASE, KVM_MSR_FILTER_READ, false, false);
	struct vcpu *vcpu;

	expect_ret(set_filter(vm, &filter), 0);
	vcpu = vcpu_new(vm, 0);
	start_read(vcpu, MSR_FS_BASE);
	run_trap(vcpu, 13);
}

TEST(msr_filter_arguments_are_checked, FILTER)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_msr_filter good = filter_one(MSR_LSTAR, KVM_MSR_FILTER_READ, false, false), bad;

	bad = good;
	bad.flags = 2;
	expect_ret(set_filter(vcpu->vm, &bad), -EINVAL);
	bad.flags = 0x80000000;
	expect_ret(set_filter(vcpu->vm, &bad), -EINVAL);
	bad = good;
	bad.ranges[0].flags = 4;
	expect_ret(set_filter(vcpu->vm, &bad), -EINVAL);
	bad = good;
	bad.ranges[0].nmsrs = KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8 + 1;
	expect_ret(set_filter(vcpu->vm, &bad), -EINVAL);
	bad.ranges[0].nmsrs = 0xffffffff;
	expect_ret(set_filter(vcpu->vm, &bad), -EINVAL);
	bad = good;
	bad.ranges[0].bitmap = guard_page();
	expect_ret(set_filter(vcpu->vm, &bad), -EFAULT);
	memset(&bad, 0, sizeof(bad));
	bad.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	expect_ret(set_filter(vcpu->vm, &bad), -EINVAL);
	/* None of them took effect. */
	start_read(vcpu, MSR_LSTAR);
	run_done(vcpu);
	/* The last MSR of all; a range that wraps around covers no more. */
	good = filter_one(0xffffffff, KVM_MSR_FILTER_READ, false, false);
	good.ranges[0].nmsrs = 64;
	expect_ret(set_filter(vcpu->vm, &good), 0);
	start_read(vcpu, 0x10);
	run_done(vcpu);
}

GUEST64(guest_read_fs_base_forever,
	"1:	incq	(%rdi)\n"
	"mov	$0xc0000100, %ecx\n"
	"rdmsr\n"
	"jmp	1b\n");

TEST(msr_filter_reaches_a_running_vcpu, FILTER)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_msr_filter filter = filter_one(MSR_FS_BASE, KVM_MSR_FILTER_READ, false, false);
	volatile uint64_t *word = code_word(vcpu->vm, DATA_GPA);
	struct runner r;

	catch_sigusr1();
	expect_ret(enable(vcpu->vm, KVM_MSR_EXIT_REASON_FILTER), 0);
	x86_start(vcpu, X86_KEEP, guest_read_fs_base_forever, DATA_GPA, 0, 0);
	runner_start(&r, vcpu);
	wait_change(word, 0);
	expect_ret(set_filter(vcpu->vm, &filter), 0);
	expect_ret(runner_join(&r), 0);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_X86_RDMSR);
	expect_eq(vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
}
