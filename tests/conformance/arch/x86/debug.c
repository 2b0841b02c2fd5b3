// SPDX-License-Identifier: GPL-2.0-only
/* x86 KVM_SET_GUEST_DEBUG: single step, breakpoints, and what the guest gets without it. */
#include <cpuid.h>

#include "arch_x86.h"

#define DR6_BS (1ULL << 14)

static void set_debug(struct vcpu *vcpu, uint32_t control, uint64_t dr0, uint64_t dr7)
{
	struct kvm_guest_debug d = { .control = control, .arch.debugreg = { [0] = dr0, [7] = dr7 } };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &d), 0);
}

GUEST64(guest_steps,
	"mov	$1, %eax\n"	/* 5 bytes */
	"nop\n"			/* 1 */
	"xor	%ecx, %ecx\n"	/* 2 */
	"cpuid\n"		/* 2 */
	DONE);

TEST(single_step_stops_after_each_instruction)
{
	static const unsigned int offsets[] = { 5, 6, 8, 10 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_debug_exit_arch *arch = &vcpu->run->debug.arch;

	x86_start(vcpu, X86_KEEP, guest_steps, 0, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		run_until(vcpu, KVM_EXIT_DEBUG);
		expect_eq(arch->exception, 1);
		expect_eq(arch->pc, x86_gpa(guest_steps) + offsets[i]);
		expect_eq(arch->dr6 & DR6_BS, DR6_BS);
		expect_eq(get_regs(vcpu).rip, x86_gpa(guest_steps) + offsets[i]);
		/* The trap flag is the debugger's, not the guest's. */
		expect_eq(get_regs(vcpu).rflags & 0x100, 0);
	}
	set_debug(vcpu, 0, 0, 0);
	run_done(vcpu);
}

GUEST64(guest_int3, "nop\n int3\n" DONE);

/*
 * QEMU's TCG does not intercept INT3 as #BP, and does not arm the DR7 that VMRUN loads: what needs them says so and is
 * skipped there.
 */
static void need_real_breakpoints(void)
{
	unsigned int eax, ebx = 0, ecx, edx;

	__cpuid(0x40000000, eax, ebx, ecx, edx);
	if (ebx == 0x54474354)	/* "TCGT" */
		skip_test("breakpoint interception, which TCG lacks");
}

TEST(software_breakpoint_exits)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_real_breakpoints();
	x86_start(vcpu, X86_KEEP, guest_int3, 0, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->debug.arch.exception, 3);
	expect_eq(vcpu->run->debug.arch.pc, x86_gpa(guest_int3) + 1);
	expect_eq(get_regs(vcpu).rip, x86_gpa(guest_int3) + 1);
}

TEST(breakpoint_goes_to_the_guest_without_debugging)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_int3, 0, 0, 0);
	expect_eq(run_trap(vcpu, 3)->rip, x86_gpa(guest_int3) + 2);
	run_done(vcpu);
	/* Other debugging leaves it to the guest, too. */
	x86_start(vcpu, X86_KEEP, guest_int3, 0, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE, 0, 0);
	run_trap(vcpu, 3);
}

GUEST64(guest_break_here,
	"nop\n"
	"nop\n"
	"nop\n"
	DONE);

TEST(hardware_breakpoint_exits)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t at = x86_gpa(guest_break_here) + 2;

	need_real_breakpoints();
	x86_start(vcpu, X86_KEEP, guest_break_here, 0, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, at, 0x401);
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->debug.arch.exception, 1);
	expect_eq(vcpu->run->debug.arch.pc, at);
	expect_eq(vcpu->run->debug.arch.dr6 & 0xf, 1);
	expect_eq(get_regs(vcpu).rip, at);
	set_debug(vcpu, 0, 0, 0);
	run_done(vcpu);
}

GUEST64(guest_watched, "movl $1, (%rdi)\n nop\n" DONE);

TEST(hardware_watchpoint_exits_after_the_store)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_real_breakpoints();
	/* Write, four bytes. */
	x86_start(vcpu, X86_KEEP, guest_watched, DATA_GPA, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, DATA_GPA, 0xd0401);
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->debug.arch.pc, x86_gpa(guest_watched) + 6);
	expect_eq(vcpu->run->debug.arch.dr6 & 0xf, 1);
	expect_eq(*(uint32_t *)code_word(vcpu->vm, DATA_GPA), 1);
}

GUEST64(guest_trap_flag,
	"pushf\n"
	"orl	$0x100, (%rsp)\n"
	"popf\n"
	"nop\n"
	"nop\n"
	DONE);

TEST(trap_flag_of_the_guest_is_the_guests)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_trap_flag, 0, 0, 0);
	expect_eq(run_trap(vcpu, 1)->rip, x86_gpa(guest_trap_flag) + 10);
}

TEST(debug_exception_is_injected_on_demand)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_break_here, 0, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, 0, 0);
	set_debug(vcpu, 0, 0, 0);
	run_trap(vcpu, 1);
	run_done(vcpu);
}

GUEST64(guest_step_load, "mov (%rdi), %eax\n nop\n" DONE);

TEST(stepping_over_an_mmio_load_stops_after_it)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_step_load, MMIO_GPA, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, MMIO_GPA, 4, 0);
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->debug.arch.pc, x86_gpa(guest_step_load) + 2);
}

TEST(debug_registers_of_the_guest_come_back)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_debugregs d;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &d));
	d.db[0] = 0x1234;
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &d));
	x86_start(vcpu, X86_KEEP, guest_break_here, 0, 0, 0);
	set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_SINGLESTEP,
		  x86_gpa(guest_break_here) + 2, 0x401);
	run_until(vcpu, KVM_EXIT_DEBUG);
	set_debug(vcpu, 0, 0, 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &d));
	expect_eq(d.db[0], 0x1234);
	expect_eq(d.dr7, 0x400);
}
