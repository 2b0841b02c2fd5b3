// SPDX-License-Identifier: GPL-2.0-only
/*
 * The toy machine (arch/fake/toy.h): guest memory and the neutral routines, in its instructions. Addresses are
 * guest-physical, so that there is no window to open. r1, r2, r3 are a, b, c; the result is r10.
 */
#include "../arch.h"
#include "../../../../arch/fake/toy.h"

#define CODE_SIZE	0x10000
#define ROUTINE_SIZE	0x100
#define DONE_PORT	0xe0

#define ADD(a, b, c, imm)	TOY_INSN(TOY_ADD, a, b, c, imm)
#define SET(a, imm)		ADD(a, 0, 0, imm)
#define LOAD(a, b, size)	TOY_INSN(TOY_LOAD, a, b, size, 0)
#define STORE(a, b, size)	TOY_INSN(TOY_STORE, a, b, size, 0)
/* Instructions on from here, where a and b differ; r6 is never 0. */
#define UNLESS(a, b, on)	TOY_INSN(TOY_BNE, a, b, 0, on)
#define JUMP(on)		UNLESS(6, 0, on)
#define DONE			TOY_INSN(TOY_OUT, 0, 0, 1, DONE_PORT)
/* Not reached: a guest that has been answered goes round. */
#define AGAIN			JUMP(-1)

#define SIZED(access, reg)							\
	SET(5, 1), UNLESS(2, 5, 3), access(reg, 1, 1), JUMP(11),		\
	SET(5, 2), UNLESS(2, 5, 3), access(reg, 1, 2), JUMP(7),			\
	SET(5, 4), UNLESS(2, 5, 3), access(reg, 1, 4), JUMP(3),			\
	access(reg, 1, 8), SET(5, 0), DONE, AGAIN

static const uint64_t routines[GUEST_ROUTINES][ROUTINE_SIZE / 8] = {
	[GUEST_NOP] = { SET(5, 0), DONE, AGAIN },
	[GUEST_LOAD] = { SIZED(LOAD, 10) },
	[GUEST_STORE] = { SIZED(STORE, 3) },
	[GUEST_FILL] = {
		SET(5, 0), UNLESS(5, 2, 2), JUMP(5),
		ADD(5, 5, 0, 1), STORE(5, 1, 1), ADD(1, 1, 3, 0), JUMP(-5),
		DONE, AGAIN,
	},
	[GUEST_SUM] = {
		SET(10, 0), UNLESS(2, 0, 2), JUMP(6),
		LOAD(5, 1, 8), ADD(10, 10, 5, 0), ADD(1, 1, 3, 0), ADD(2, 2, 0, -1), JUMP(-6),
		DONE, AGAIN,
	},
	[GUEST_SPIN] = { LOAD(5, 1, 8), ADD(5, 5, 0, 1), STORE(5, 1, 8), JUMP(-3) },
	[GUEST_BEAT] = { DONE, JUMP(-1) },
	[GUEST_COPY] = {
		UNLESS(2, 0, 2), JUMP(7),
		LOAD(5, 1, 8), STORE(5, 3, 8), ADD(1, 1, 0, 8), ADD(3, 3, 0, 8), ADD(2, 2, 0, -8), JUMP(-7),
		DONE, AGAIN,
	},
};

const char arch_name[] = "fake";
const uint64_t arch_code_gpa;
const uint64_t arch_code_size = CODE_SIZE;
const int arch_unknown_vm_ioctl = -ENOTTY, arch_unknown_vcpu_ioctl = -EINVAL, arch_slot_too_high = -EINVAL;
const uint64_t arch_slot_unit = 1, arch_kernel_address = 0xffff800000000000;
const bool arch_has_mmio = true, arch_takes_hugetlb = true;

const struct ioctl_exception arch_exceptions[] = {
	/* Too late, as the VM has a vCPU: that is looked at first. */
	{ TOY_SET_RESET, -EINVAL, -EINVAL, 0 },
	{ 0, 0, 0, 0 }
};

bool arch_lacks_ioctl(struct vm *vm, unsigned long request, enum scope scope)
{
	(void)vm;
	(void)request;
	(void)scope;
	return false;
}

/* Three levels of nine bits. */
uint64_t arch_gpa_limit(void)
{
	return 1ULL << 39;
}

uint64_t arch_window(struct vm *vm, uint64_t gpa)
{
	(void)vm;
	return gpa;
}

void arch_vm_init(struct vm *vm)
{
	memcpy(vm->code, routines, sizeof(routines));
}

void arch_vcpu_init(struct vcpu *vcpu)
{
	struct toy_state state = { .reg = { [6] = 1 } };

	expect_ok(kvm_ioctl(vcpu->fd, TOY_SET_STATE, &state));
}

void arch_start(struct vcpu *vcpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c)
{
	struct toy_state state = { .reg = { [1] = a, [2] = b, [3] = c, [6] = 1, [TOY_PC] = routine * ROUTINE_SIZE } };

	expect_ok(kvm_ioctl(vcpu->fd, TOY_SET_STATE, &state));
}

bool arch_is_done(struct vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_IO && vcpu->run->io.port == DONE_PORT;
}

uint64_t arch_result(struct vcpu *vcpu)
{
	struct toy_state state;

	expect_ok(kvm_ioctl(vcpu->fd, TOY_GET_STATE, &state));
	return state.reg[10];
}

void arch_describe(struct vcpu *vcpu, char *buf, size_t len)
{
	struct toy_state s;

	if (!kvm_ioctl(vcpu->fd, TOY_GET_STATE, &s))
		snprintf(buf, len, "pc %#llx r1 %#llx r2 %#llx r3 %#llx r5 %#llx", (unsigned long long)s.reg[TOY_PC],
			 (unsigned long long)s.reg[1], (unsigned long long)s.reg[2], (unsigned long long)s.reg[3],
			 (unsigned long long)s.reg[5]);
}

bool arch_is_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}
