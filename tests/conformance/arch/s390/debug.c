// SPDX-License-Identifier: GPL-2.0-only
/* s390: KVM_SET_GUEST_DEBUG: steps, breakpoints and watchpoints by PER; and the guest's own PER (Principles of Operation, ch. 4). */
#include "arch_s390.h"

#define LC_PER_CODE	0x96
#define LC_PER_ADDRESS	0x98
#define CR9_BRANCH	0x80000000UL
#define CR9_FETCH	0x40000000UL
#define CR9_STORE	0x20000000UL
#define PER_BRANCH	0x80
#define PER_FETCH	0x40
#define PGM_PER		0x80

GUEST(guest_steps, "lghi %r2, 1\n lghi %r2, 2\n lghi %r2, 3\n lghi %r2, 4\n" DONE);
GUEST(guest_step_privileged, "stap 0(%r2)\n lghi %r3, 2\n diag %r0, %r0, 0x44\n lghi %r3, 3\n" DONE);
GUEST(guest_step_user, "diag %r0, %r0, 0x777\n lghi %r2, 1\n" DONE);
GUEST(guest_store_two, "stg %r4, 0(%r2)\n stg %r4, 0(%r3)\n nopr\n" DONE);
GUEST(guest_loop, "lghi %r2, 3\n0: nopr\n brctg %r2, 0b\n" DONE);
GUEST(guest_controls, "stctg %c9, %c11, 0(%r2)\n lctlg %c9, %c11, 24(%r2)\n stctg %c9, %c11, 48(%r2)\n" DONE);
GUEST(guest_step_svc, "svc 7\n" DONE);
GUEST(guest_bad_load, "lghi %r2, 1\n lg %r2, 0(%r3)\n" DONE);

static int set_debug(struct vcpu *vcpu, uint32_t control)
{
	struct kvm_guest_debug debug = { .control = control };

	return kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static int set_points(struct vcpu *vcpu, uint32_t control, struct kvm_hw_breakpoint *points, uint32_t n)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP | control,
		.arch = { .nr_hw_bp = n, .hw_bp = points },
	};

	return kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static void run_debug(struct vcpu *vcpu, unsigned int type, uint64_t address)
{
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->debug.arch.type, type);
	expect_eq(vcpu->run->debug.arch.addr, address);
}

static void step_on(struct vcpu *vcpu)
{
	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP), 0);
}

static void run_step(struct vcpu *vcpu, uint64_t next)
{
	run_debug(vcpu, KVM_SINGLESTEP, next);
	expect_eq(vcpu->run->psw_addr, next);
}

TEST(debug_control_is_checked, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_hw_breakpoint points[51] = { };

	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | 1 << 2), -EINVAL);
	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | 0x00020000), -EINVAL);
	expect_ret(set_debug(vcpu, 1U << 31), -EINVAL);
	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP), 0);
	for (unsigned int i = 0; i < 51; i++)
		points[i] = (struct kvm_hw_breakpoint) { .addr = TEST_GPA, .len = 1, .type = KVM_HW_BP };
	expect_ret(set_points(vcpu, 0, points, 50), 0);
	expect_ret(set_points(vcpu, 0, points, 51), -EINVAL);
	/* No type that there is. */
	points[1].type = 3;
	expect_ret(set_points(vcpu, 0, points, 2), 0);
	points[1] = (struct kvm_hw_breakpoint) { DATA_GPA, DATA_GPA, 101, KVM_HW_WP_WRITE, { } };
	expect_ret(set_points(vcpu, 0, points, 2), -EINVAL);
	points[1].len = 100;
	expect_ret(set_points(vcpu, 0, points, 2), 0);
	points[1].phys_addr = MMIO_GPA;
	expect_ret(set_points(vcpu, 0, points, 2), -EFAULT);
	expect_ret(set_points(vcpu, 0, (void *)8, 2), -EFAULT);
	/* One that was refused turns off what was on. */
	expect_eq(s390_call(vcpu, guest_steps, 0, 0, 0), 4);
}

TEST(single_step_exits_after_each_instruction, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	step_on(vcpu);
	s390_start(vcpu, guest_steps, 0, 0, 0);
	for (unsigned int i = 1; i <= 4; i++) {
		run_step(vcpu, s390_gpa(guest_steps) + 4 * i);
		expect_eq(get_gpr(vcpu, 2), i);
		/* The guest's own state does not show it. */
		expect_eq(vcpu->run->psw_mask & PSW_PER, 0);
		expect_eq(get_cr(vcpu, 9) | get_cr(vcpu, 10) | get_cr(vcpu, 11), 0);
	}
	expect_ret(set_debug(vcpu, 0), 0);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 4);
}

TEST(single_step_over_instructions_that_exit, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t at = s390_gpa(guest_step_privileged);

	step_on(vcpu);
	s390_start(vcpu, guest_step_privileged, DATA_GPA, 0, 0);
	for (unsigned int i = 1; i <= 4; i++)
		run_step(vcpu, at + 4 * i);
	expect_eq(get_gpr(vcpu, 3), 3);
	/* User space does it, and is told when it runs the guest again: where, Linux's own KVM has forgotten by then. */
	at = s390_gpa(guest_step_user);
	s390_start(vcpu, guest_step_user, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->psw_addr, at + 4);
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->psw_addr, at + 4);
	expect_eq(get_gpr(vcpu, 2), 0);
	run_step(vcpu, at + 8);
	expect_eq(get_gpr(vcpu, 2), 1);
}

TEST(single_step_into_an_interruption, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	step_on(vcpu);
	s390_start(vcpu, guest_bad_load, 0, MMIO_GPA, 0);
	run_step(vcpu, s390_gpa(guest_bad_load) + 4);
	expect_ret(set_debug(vcpu, 0), 0);
	run_program(vcpu, PGM_ADDRESSING);
	/* No event of the debugger's is in the guest's code. */
	expect_eq(lowcore16(vcpu, LC_PGM_CODE), PGM_ADDRESSING);
}

static void expect_step_to(struct vcpu *vcpu, unsigned int new_psw, unsigned int code)
{
	run_step(vcpu, *(uint64_t *)s390_lowcore(vcpu, new_psw + 8));
	if (code)
		expect_eq(lowcore16(vcpu, LC_PGM_CODE), code);
}

/* By the machine, by the kernel, and by user space. */
TEST(single_step_ends_at_the_handler_of_an_interruption, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_PROGRAM_INT, .u.pgm.code = PGM_DATA };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	step_on(vcpu);
	s390_start(vcpu, guest_bad_load, 0, MMIO_GPA, 0);
	run_step(vcpu, s390_gpa(guest_bad_load) + 4);
	expect_step_to(vcpu, LC_PGM_NEW, PGM_ADDRESSING);
	s390_start(vcpu, guest_step_privileged, 1, 0, 0);
	expect_step_to(vcpu, LC_PGM_NEW, PGM_SPECIFICATION);
	s390_start(vcpu, guest_step_svc, 0, 0, 0);
	expect_step_to(vcpu, LC_SVC_NEW, 0);
	s390_start(vcpu, guest_step_user, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_IRQ, &irq), 0);
	expect_step_to(vcpu, LC_PGM_NEW, PGM_DATA);
}

TEST(breakpoint_exits_before_its_instruction, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t at = s390_gpa(guest_steps) + 8, loop = s390_gpa(guest_loop) + 4;
	struct kvm_hw_breakpoint points[2] = {
		{ .addr = at, .len = 1, .type = KVM_HW_BP },
		{ .addr = loop, .len = 1, .type = KVM_HW_BP },
	};

	expect_ret(set_points(vcpu, 0, points, 2), 0);
	s390_start(vcpu, guest_steps, 0, 0, 0);
	run_debug(vcpu, KVM_HW_BP, at);
	expect_eq(vcpu->run->psw_addr, at);
	expect_eq(get_gpr(vcpu, 2), 2);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 4);
	/* By a branch, too. */
	s390_start(vcpu, guest_loop, 0, 0, 0);
	for (unsigned int i = 3; i; i--) {
		run_debug(vcpu, KVM_HW_BP, loop);
		expect_eq(vcpu->run->psw_addr, loop);
		expect_eq(get_gpr(vcpu, 2), i);
	}
	run_done(vcpu);
}

TEST(watchpoint_exits_when_its_storage_changes, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_hw_breakpoint point = { DATA_GPA + 64, DATA_GPA + 64, 8, KVM_HW_WP_WRITE, { } };
	uint64_t at = s390_gpa(guest_store_two);

	expect_ret(set_points(vcpu, 0, &point, 1), 0);
	s390_start(vcpu, guest_store_two, DATA_GPA, DATA_GPA + 64, 77);
	run_debug(vcpu, KVM_HW_WP_WRITE, DATA_GPA + 64);
	expect_eq(vcpu->run->psw_addr, at + 12);
	expect_eq(*(uint64_t *)code_at(vcpu->vm, DATA_GPA + 64), 77);
	run_done(vcpu);
	/* What was there already is no change. */
	expect_ret(set_points(vcpu, 0, &point, 1), 0);
	s390_call(vcpu, guest_store_two, DATA_GPA, DATA_GPA + 64, 77);
	/* Nor is what lies beside. */
	s390_call(vcpu, guest_store_two, DATA_GPA, DATA_GPA + 72, 78);
}

TEST(debugged_guest_has_its_own_control_registers, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *data = code_at(vcpu->vm, DATA_GPA);
	struct kvm_hw_breakpoint point = { .addr = s390_gpa(guest_steps), .len = 1, .type = KVM_HW_BP };

	set_cr(vcpu, 10, 0x123000);
	data[3] = CR9_FETCH;
	data[4] = 0x456000;
	data[5] = 0x456fff;
	expect_ret(set_points(vcpu, 0, &point, 1), 0);
	s390_call(vcpu, guest_controls, DATA_GPA, 0, 0);
	expect_eq(data[0], 0);
	expect_eq(data[1], 0x123000);
	expect_eq(data[6], CR9_FETCH);
	expect_eq(data[7], 0x456000);
	expect_eq(data[8], 0x456fff);
	expect_eq(get_cr(vcpu, 9), CR9_FETCH);
}

/* @from: where the instruction is whose fetch is the guest's event; @to: what follows it. */
static void expect_event(struct vcpu *vcpu, uint64_t from, uint64_t to)
{
	run_diag(vcpu, DIAG_PROGRAM);
	expect_eq(lowcore16(vcpu, LC_PGM_CODE), PGM_PER);
	expect_eq(lowcore16(vcpu, LC_PER_CODE) >> 8, PER_FETCH);
	expect_eq(lowcore64(vcpu, LC_PER_ADDRESS), from);
	expect_eq(lowcore64(vcpu, LC_PGM_OLD + 8), to);
}

static void guest_per(struct vcpu *vcpu, uint64_t address)
{
	set_cr(vcpu, 9, CR9_FETCH);
	set_cr(vcpu, 10, address);
	set_cr(vcpu, 11, address + 1);
	vcpu->run->psw_mask |= PSW_PER;
}

TEST(guests_own_per_events_are_its_interruptions)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t at = s390_gpa(guest_step_privileged);

	/* The machine does it. */
	s390_start(vcpu, guest_steps, 0, 0, 0);
	guest_per(vcpu, s390_gpa(guest_steps) + 4);
	expect_event(vcpu, s390_gpa(guest_steps) + 4, s390_gpa(guest_steps) + 8);
	expect_eq(get_gpr(vcpu, 2), 2);
	/* The kernel does it, as STAP. */
	s390_start(vcpu, guest_step_privileged, DATA_GPA, 0, 0);
	guest_per(vcpu, at);
	expect_event(vcpu, at, at + 4);
	/* Outside of its range nothing is an event. */
	s390_start(vcpu, guest_step_privileged, DATA_GPA, 0, 0);
	guest_per(vcpu, TEST_GPA);
	run_done(vcpu);
}

TEST(guests_own_per_events_while_it_is_debugged, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t at = s390_gpa(guest_steps), other = s390_gpa(guest_loop);
	struct kvm_hw_breakpoint points[2] = {
		{ .addr = at, .len = 1, .type = KVM_HW_BP },
		{ .addr = other, .len = 1, .type = KVM_HW_BP },
	};

	/* The range is all that is between them. */
	expect_ret(set_points(vcpu, 0, points, 2), 0);
	s390_start(vcpu, guest_steps, 0, 0, 0);
	guest_per(vcpu, at + 8);
	run_debug(vcpu, KVM_HW_BP, at);
	expect_event(vcpu, at + 8, at + 12);
	/* Those of the debugger's alone are not the guest's. */
	s390_start(vcpu, guest_loop, 0, 0, 0);
	guest_per(vcpu, TEST_GPA);
	run_debug(vcpu, KVM_HW_BP, other);
	run_done(vcpu);
}
