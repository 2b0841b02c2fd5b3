// SPDX-License-Identifier: GPL-2.0-only
/* arm64: KVM_SET_GUEST_DEBUG: single step, software and hardware breakpoints, watchpoints. */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "arch_arm64.h"

#define EC_HARD_BREAK	0x30
#define EC_STEP		0x32
#define EC_WATCH	0x34
#define EC_BRK		0x3c
/* DBGBCR: enabled, EL1 and EL0, all bytes, Arm ARM D17.3.1; DBGWCR the same for stores. */
#define BCR_ON		(1 | 3 << 1 | 0xf << 5)
#define WCR_STORE	(1 | 3 << 1 | 2 << 3 | 0xff << 5)

GUEST(guest_steps, "	mov	x0, #1\n	mov	x0, #2\n	mov	x0, #3\n	mov	x0, #4\n" DONE);
GUEST(guest_brk, "	mov	x0, #1\n	brk	#0x12\n	mov	x0, #2\n" DONE);
GUEST(guest_store_two, "	str	x2, [x0]\n	str	x2, [x1]\n	nop\n" DONE);

static int set_debug(struct vcpu *vcpu, uint32_t control)
{
	struct kvm_guest_debug debug = { .control = control };

	return kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static void run_debug(struct vcpu *vcpu, unsigned int ec)
{
	run_until(vcpu, KVM_EXIT_DEBUG);
	expect_eq(vcpu->run->debug.arch.hsr >> 26 & 0x3f, ec);
}

TEST(debug_control_is_checked, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | 1 << 2), -EINVAL);
	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | 1U << 31), -EINVAL);
	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | 1 << 20), -EINVAL);
	expect_ret(set_debug(vcpu, 0), 0);
	expect_eq(arm_call(vcpu, guest_steps, 0, 0, 0), 4);
}

TEST(single_step_exits_after_each_instruction, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP), 0);
	arm_start(vcpu, guest_steps, 0, 0, 0);
	for (unsigned int i = 1; i <= 4; i++) {
		run_debug(vcpu, EC_STEP);
		expect_eq(get_reg(vcpu, CORE(regs.pc)), arm_gpa(guest_steps) + 4 * i);
		expect_eq(get_reg(vcpu, XREG(0)), i);
		/* The guest's own state does not show it. */
		expect_eq(get_reg(vcpu, CORE(regs.pstate)), PSTATE_EL1H | PSTATE_DAIF);
	}
	expect_ret(set_debug(vcpu, 0), 0);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 4);
}

TEST(software_breakpoint_exits, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct arm_trap *trap;

	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP), 0);
	arm_start(vcpu, guest_brk, 0, 0, 0);
	run_debug(vcpu, EC_BRK);
	expect_eq(vcpu->run->debug.arch.hsr & 0xffff, 0x12);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), arm_gpa(guest_brk) + 4);
	/* Without a debugger it is the guest's. */
	expect_ret(set_debug(vcpu, 0), 0);
	arm_start(vcpu, guest_brk, 0, 0, 0);
	trap = run_sync(vcpu, EC_BRK);
	expect_eq(trap->elr, arm_gpa(guest_brk) + 4);
}

TEST(hardware_breakpoint_exits, NEED(KVM_CAP_GUEST_DEBUG_HW_BPS))
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	debug.arch.dbg_bvr[0] = arm_gpa(guest_steps) + 8;
	debug.arch.dbg_bcr[0] = BCR_ON;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug), 0);
	arm_start(vcpu, guest_steps, 0, 0, 0);
	run_debug(vcpu, EC_HARD_BREAK);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), arm_gpa(guest_steps) + 8);
	expect_eq(get_reg(vcpu, XREG(0)), 2);
	expect_ret(set_debug(vcpu, 0), 0);
	run_done(vcpu);
}

TEST(hardware_watchpoint_exits, NEED(KVM_CAP_GUEST_DEBUG_HW_WPS))
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	debug.arch.dbg_wvr[0] = DATA_GPA + 64;
	debug.arch.dbg_wcr[0] = WCR_STORE;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug), 0);
	arm_start(vcpu, guest_store_two, DATA_GPA, DATA_GPA + 64, 5);
	run_debug(vcpu, EC_WATCH);
	expect_eq(vcpu->run->debug.arch.far, DATA_GPA + 64);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), arm_gpa(guest_store_two) + 4);
	expect_eq(*code_word(vcpu->vm, DATA_GPA + 64), 0);
	expect_ret(set_debug(vcpu, 0), 0);
	run_done(vcpu);
	expect_eq(*code_word(vcpu->vm, DATA_GPA + 64), 5);
}

TEST(exit_flags_are_of_this_exit, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP), 0);
	arm_start(vcpu, guest_steps, 0, 0, 0);
	run_debug(vcpu, EC_STEP);
	expect_eq(vcpu->run->flags, KVM_DEBUG_ARCH_HSR_HIGH_VALID);
	expect_ret(set_debug(vcpu, 0), 0);
	run_done(vcpu);
	expect_eq(vcpu->run->flags, 0);
}

/* A watchpoint that the host's kernel sets for this thread. */
static int watch_here(void *address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)address,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		skip_test("PERF_TYPE_BREAKPOINT");
	return fd;
}

static uint64_t times(int fd)
{
	uint64_t n = 0;

	expect_eq(read(fd, &n, sizeof(n)), sizeof(n));
	return n;
}

TEST(watchpoint_of_the_host_is_not_the_guests)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *code = add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());
	uint64_t *here = mmap((void *)UNMAPPED_GVA, page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	int fd;

	expect_eq((uintptr_t)here, UNMAPPED_GVA);
	/* The same virtual address in a block that EL0 may use: watched are accesses of EL0. */
	code_word(vcpu->vm, L1_GPA)[UNMAPPED_GVA >> 30] = SPARE_GPA | 3;
	*code_word(vcpu->vm, SPARE_GPA) = (*code_word(vcpu->vm, L2_GPA) & 0xfff) | 1 << 6 | TEST_GPA;
	code[2] = 0xf9000002;	/* str x2, [x0] */
	code[3] = 0xd4000001;	/* svc #0 */
	fd = watch_here(here);
	*(volatile uint64_t *)here = 1;
	expect_eq(times(fd), 1);
	for (unsigned int turn = 0; turn < 2; turn++) {
		arch_start(vcpu, GUEST_NOP, UNMAPPED_GVA, 0, 5);
		set_reg(vcpu, CORE(regs.pc), UNMAPPED_GVA + 8);
		set_reg(vcpu, CORE(regs.pstate), PSTATE_DAIF);
		expect_eq(run_trap(vcpu, VECTOR_SYNC_EL0)->esr >> 26 & 0x3f, EC_SVC64);
		expect_eq(*(uint64_t *)code, 5);
		expect_eq(times(fd), 1 + turn);
		*(volatile uint64_t *)here = 1;
		expect_eq(times(fd), 2 + turn);
	}
	close(fd);
	munmap(here, page_size());
}
