// SPDX-License-Identifier: GPL-2.0-only
/*
 * s390: guests that execute every instruction of the families which hypervisors meet, and random ones. Each is executed,
 * intercepted and answered, or an exception of the guest; none hangs KVM_RUN, and the next guest runs.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/time.h>

#include "arch_s390.h"

/* Where the instruction is, on a page of its own, with what ends the guest after it. */
#define INSN_GPA	(DATA_GPA + 0x4000)
#define OPERAND_GPA	DATA_GPA

static void set_timer(long usec)
{
	/* It comes again: the first one may be early. */
	struct itimerval t = { { 0, usec }, { 0, usec } };

	setitimer(ITIMER_REAL, &t, NULL);
}

static void ignore_signal(int sig)
{
	(void)sig;
}

static void catch_timer(void)
{
	struct sigaction sa = { .sa_handler = ignore_signal };

	sigaction(SIGALRM, &sa, NULL);
}

struct seen {
	unsigned int done, program, exits, waits, looping;
};

/* What may come of it: @insn, of @len bytes, left-aligned, with @psw beside the mode's bits. */
static void execute(struct vcpu *vcpu, uint64_t insn, unsigned int len, uint64_t psw, struct seen *seen)
{
	static const uint8_t end[] = { 0x83, 0x00, 0x05, 0xf0, 0xa7, 0xf4, 0xff, 0xfe };	/* DONE; back to it */
	uint8_t *at = code_at(vcpu->vm, INSN_GPA);
	struct kvm_regs regs;
	int ret;

	/* It may have written anywhere before. */
	arch_vm_init(vcpu->vm);
	memset(at, 0, 4096);
	for (unsigned int i = 0; i < len; i++)
		at[i] = insn >> (56 - 8 * i);
	memcpy(at + len, end, sizeof(end));
	/* General registers are addresses of operands, so that what wants one finds it. */
	for (unsigned int i = 0; i < 16; i++)
		regs.gprs[i] = OPERAND_GPA + 0x100 * i;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_INITIAL_RESET, 0L), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs), 0);
	arch_vcpu_init(vcpu);
	set_mp_state(vcpu, KVM_MP_STATE_OPERATING);
	vcpu->run->psw_mask = PSW_64 | psw;
	vcpu->run->psw_addr = INSN_GPA;
	set_timer(50000);
	ret = vcpu_run(vcpu);
	set_timer(0);
	if (ret == -EINTR) {
		seen->looping++;
		return;
	}
	if (!ret && vcpu->run->exit_reason == KVM_EXIT_S390_TSCH) {
		seen->exits++;
		return;
	}
	if (ret || vcpu->run->exit_reason != KVM_EXIT_S390_SIEIC)
		fail_test("instruction %016llx: expected 0 and S390_SIEIC, seen %d and exit %s", (unsigned long long)insn, ret,
			  exit_name(vcpu->run->exit_reason));
	if (arch_is_done(vcpu))
		seen->done++;
	else if (s390_is_diag(vcpu, DIAG_PROGRAM))
		seen->program++;
	else if (vcpu->run->s390_sieic.icptcode == 4)
		seen->exits++;
	else
		seen->waits++;
}

static void still_alive(struct vcpu *vcpu, const struct seen *seen)
{
	struct vcpu *next = vcpu_new(vm_new(), 0);

	trace("%u executed, %u exceptions, %u to user space, %u waits and stops, %u looping", seen->done, seen->program,
	      seen->exits, seen->waits, seen->looping);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_INITIAL_RESET, 0L), 0);
	arch_vm_init(vcpu->vm);
	arch_vcpu_init(vcpu);
	set_mp_state(vcpu, KVM_MP_STATE_OPERATING);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	arch_start(next, GUEST_NOP, 0, 0, 0);
	run_done(next);
}

/* All second bytes of a first one, with operands in registers, and with a base and a displacement. */
static void sweep_on(struct vcpu *vcpu, uint8_t first, unsigned int len, uint64_t psw)
{
	struct seen seen = { 0 };

	catch_timer();
	for (unsigned int op = 0; op < 256; op++) {
		uint64_t insn = (uint64_t)first << 56;

		if (first == 0xeb || first == 0xe3 || first == 0xed)	/* the second byte is the last one */
			insn |= 0x0024200800000000ULL | (uint64_t)op << 16;
		else
			insn |= (uint64_t)op << 48 | (len == 4 ? 0x0000002400000000ULL : 0x0000200820080000ULL);
		execute(vcpu, insn, len, psw, &seen);
	}
	still_alive(vcpu, &seen);
}

static void sweep(uint8_t first, unsigned int len)
{
	sweep_on(vcpu_new(vm_new(), 0), first, len, 0);
}

TEST(every_b2_instruction_is_answered)
{
	sweep(0xb2, 4);
}

TEST(every_b9_instruction_is_answered)
{
	sweep(0xb9, 4);
}

TEST(every_e5_instruction_is_answered)
{
	sweep(0xe5, 6);
}

TEST(every_eb_instruction_is_answered)
{
	sweep(0xeb, 6);
}

TEST(every_instruction_is_answered_in_problem_state)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	sweep_on(vcpu, 0xb2, 4, PSW_PROBLEM);
	sweep_on(vcpu, 0xb9, 4, PSW_PROBLEM);
	sweep_on(vcpu, 0xe5, 6, PSW_PROBLEM);
	sweep_on(vcpu, 0xeb, 6, PSW_PROBLEM);
}

TEST(every_b2_instruction_is_answered_with_channels, NEED(KVM_CAP_S390_CSS_SUPPORT))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_CSS_SUPPORT };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &c), 0);
	sweep_on(vcpu, 0xb2, 4, 0);
}

/* First bytes alone decide for all the others. */
TEST(every_first_byte_is_answered)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct seen seen = { 0 };

	catch_timer();
	for (unsigned int op = 0; op < 256; op++)
		execute(vcpu, (uint64_t)op << 56 | 0x0024200820080000ULL, op < 0x40 ? 2 : op < 0xc0 ? 4 : 6, 0, &seen);
	still_alive(vcpu, &seen);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void random_instructions(unsigned int len, uint64_t seed)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct seen seen = { 0 };

	catch_timer();
	for (unsigned int i = 0; i < 1500; i++) {
		uint64_t insn = next_random(&seed);

		/* The two bits that are its length. */
		insn &= ~(3ULL << 62);
		if (len == 4)
			insn |= (1 + (i & 1)) * (1ULL << 62);
		else if (len == 6)
			insn |= 3ULL << 62;
		execute(vcpu, insn, len, 0, &seen);
	}
	still_alive(vcpu, &seen);
}

TEST(random_instructions_of_2_bytes_are_answered)
{
	random_instructions(2, 0x9e3779b97f4a7c15);
}

TEST(random_instructions_of_4_bytes_are_answered)
{
	random_instructions(4, 0xbf58476d1ce4e5b9);
}

TEST(random_instructions_of_6_bytes_are_answered)
{
	random_instructions(6, 0x94d049bb133111eb);
}
