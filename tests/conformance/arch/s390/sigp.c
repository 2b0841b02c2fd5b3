// SPDX-License-Identifier: GPL-2.0-only
/* s390: SIGNAL PROCESSOR, resets, CPU states. */
#include <sys/mman.h>

#include "arch_s390.h"

/* Order r2 to CPU r3 with parameter r4; the result is the condition code, and the status in r5. */
GUEST(guest_sigp, "lgr %r6, %r2\n lgr %r7, %r3\n lgr %r9, %r4\n"
		       "lghi %r8, 0\n sigp %r8, %r7, 0(%r6)\n"
		       "ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n lgr %r5, %r8\n" DONE);

#define SIGP_SENSE		0x01
#define SIGP_EXTERNAL_CALL	0x02
#define SIGP_EMERGENCY		0x03
#define SIGP_START		0x04
#define SIGP_STOP		0x05
#define SIGP_RESTART		0x06
#define SIGP_STOP_AND_STORE	0x09
#define SIGP_INITIAL_RESET	0x0b
#define SIGP_RESET		0x0c
#define SIGP_SET_PREFIX		0x0d
#define SIGP_STORE_STATUS	0x0e
#define SIGP_SET_ARCHITECTURE	0x12
#define SIGP_COND_EMERGENCY	0x13
#define SIGP_SENSE_RUNNING	0x15

#define STATUS_STOPPED		0x40
#define STATUS_CALL_PENDING	0x80
#define STATUS_INVALID_PARM	0x100
#define STATUS_INVALID_ORDER	0x02
#define STATUS_INCORRECT_STATE	0x200
#define STATUS_NOT_RUNNING	0x400

static bool is_sigp_exit(struct vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_S390_SIEIC && vcpu->run->s390_sieic.icptcode == 4 &&
	       vcpu->run->s390_sieic.ipa >> 8 == 0xae;
}

/* The condition code, or -1 when user space is to answer. */
static int sigp(struct vcpu *vcpu, unsigned int order, uint64_t cpu, uint64_t parm)
{
	s390_start(vcpu, guest_sigp, order, cpu, parm);
	expect_ret(vcpu_run(vcpu), 0);
	if (is_sigp_exit(vcpu))
		return -1;
	expect(arch_is_done(vcpu));
	return arch_result(vcpu);
}

static uint32_t sigp_status(struct vcpu *vcpu)
{
	return get_gpr(vcpu, 5);
}

#define STOP_EXIT	0x28		/* the interception that a stop ends in */

struct pair {
	struct vcpu *a, *b;
};

static struct pair two_cpus(void)
{
	struct vm *vm = vm_new();
	struct pair p = { vcpu_new(vm, 0), vcpu_new(vm, 1) };

	guest_call(p.a, GUEST_NOP, 0, 0, 0);
	guest_call(p.b, GUEST_NOP, 0, 0, 0);
	return p;
}

TEST(sigp_to_an_absent_cpu_is_not_operational)
{
	struct pair p = two_cpus();

	for (unsigned int order = 0; order < 256; order++) {
		int cc = sigp(p.a, order, 77, 0);

		trace("order %#x: %d", order, cc);
		/* Setting the architecture is for all CPUs, whatever the address. */
		if (order != SIGP_SET_ARCHITECTURE)
			expect(cc == 3 || cc == -1);
	}
	expect_eq(sigp(p.a, SIGP_SENSE, 77, 0), 3);
	expect_eq(sigp(p.a, SIGP_EXTERNAL_CALL, 77, 0), 3);
	expect_eq(sigp(p.a, SIGP_STOP, 0xffff, 0), 3);
}

TEST(sigp_sense_tells_of_the_state)
{
	struct pair p = two_cpus();

	expect_eq(sigp(p.a, SIGP_SENSE, 1, 0), 0);
	set_mp_state(p.b, KVM_MP_STATE_STOPPED);
	expect_eq(sigp(p.a, SIGP_SENSE, 1, 0), 1);
	expect_eq(sigp_status(p.a), STATUS_STOPPED);
	set_mp_state(p.b, KVM_MP_STATE_OPERATING);
	expect_eq(sigp(p.a, SIGP_SENSE, 1, 0), 0);
}

TEST(sigp_external_call_and_emergency_interrupt)
{
	struct pair p = two_cpus();

	expect_eq(sigp(p.a, SIGP_EXTERNAL_CALL, 1, 0), 0);
	expect_eq(sigp(p.a, SIGP_EXTERNAL_CALL, 1, 0), 1);
	expect_eq(sigp_status(p.a), STATUS_CALL_PENDING);
	expect_eq(sigp(p.a, SIGP_EMERGENCY, 1, 0), 0);
	expect_eq(sigp(p.a, SIGP_EMERGENCY, 1, 0), 0);
	set_cr(p.b, 0, 0xe0 | 1 << 14 | 1 << 13);
	arch_start(p.b, GUEST_NOP, 0, 0, 0);
	p.b->run->psw_mask |= PSW_EXT;
	run_diag(p.b, DIAG_EXTERNAL);
	expect_eq(lowcore16(p.b, LC_EXT_CODE), 0x1201);
	expect_eq(lowcore16(p.b, LC_EXT_CPU), 0);
	run_diag(p.b, DIAG_EXTERNAL);
	expect_eq(lowcore16(p.b, LC_EXT_CODE), 0x1202);
	run_done(p.b);
}

TEST(sigp_set_prefix_is_for_stopped_cpus)
{
	struct pair p = two_cpus();

	expect_eq(sigp(p.a, SIGP_SET_PREFIX, 1, PREFIX_GPA + 0x4000), 1);
	expect_eq(sigp_status(p.a), STATUS_INCORRECT_STATE);
	set_mp_state(p.b, KVM_MP_STATE_STOPPED);
	expect_eq(sigp(p.a, SIGP_SET_PREFIX, 1, MMIO_GPA), 1);
	expect_eq(sigp_status(p.a), STATUS_INVALID_PARM);
	expect_eq(sigp(p.a, SIGP_SET_PREFIX, 1, PREFIX_GPA + 0x4000), 0);
	set_mp_state(p.b, KVM_MP_STATE_OPERATING);
	arch_start(p.b, GUEST_NOP, 0, 0, 0);
	run_done(p.b);
	expect_eq(p.b->run->s.regs.prefix, PREFIX_GPA + 0x4000);
}

TEST(sigp_store_status_is_for_stopped_cpus)
{
	struct pair p = two_cpus();
	uint64_t *saved = code_at(p.a->vm, DATA_GPA);

	arch_start(p.b, GUEST_NOP, 0x1234, 0x5678, 0);
	run_done(p.b);
	expect_eq(sigp(p.a, SIGP_STORE_STATUS, 1, DATA_GPA), 1);
	expect_eq(sigp_status(p.a), STATUS_INCORRECT_STATE);
	set_mp_state(p.b, KVM_MP_STATE_STOPPED);
	memset(saved, 0xee, 512);
	expect_eq(sigp(p.a, SIGP_STORE_STATUS, 1, DATA_GPA), 0);
	/* Principles of Operation, chapter 4, "store status": general registers at 128, PSW at 256, prefix at 280. */
	expect_eq(saved[(128 + 2 * 8) / 8], 0x1234);
	expect_eq(saved[(128 + 3 * 8) / 8], 0x5678);
	expect_eq(saved[256 / 8], p.b->run->psw_mask);
	expect_eq(saved[280 / 8] >> 32, PREFIX_GPA + 0x2000);
	expect_eq(sigp(p.a, SIGP_STORE_STATUS, 1, MMIO_GPA), 1);
	expect_eq(sigp_status(p.a), STATUS_INVALID_PARM);
}

/* CPU 1 counts at DATA_GPA, with @value in r3; where that is. */
static volatile uint64_t *spin(struct pair *p, struct runner *r, uint64_t value)
{
	volatile uint64_t *word = code_at(p->a->vm, DATA_GPA);

	*word = 0;
	arch_start(p->b, GUEST_SPIN, DATA_GPA, value, 0);
	runner_start(r, p->b);
	wait_change(word, 0);
	return word;
}

TEST(sigp_stop_stops_a_running_cpu)
{
	struct pair p = two_cpus();
	struct runner r;

	spin(&p, &r, 0);
	expect_eq(sigp(p.a, SIGP_STOP, 1, 0), 0);
	expect_ret(runner_join(&r), 0);
	expect_eq(p.b->run->exit_reason, KVM_EXIT_S390_SIEIC);
	expect_eq(p.b->run->s390_sieic.icptcode, STOP_EXIT);
}

/* Which orders are user space's to do. */
static bool is_of_user_space(unsigned int order)
{
	return order == SIGP_START || order == SIGP_RESTART || order == SIGP_INITIAL_RESET || order == SIGP_RESET;
}

TEST(sigp_stop_of_a_stopped_cpu_is_done_at_once)
{
	struct pair p = two_cpus();
	uint64_t *saved = code_at(p.a->vm, 0x1200);

	arch_start(p.b, GUEST_NOP, 0x1234, 0x5678, 0);
	run_done(p.b);
	set_mp_state(p.b, KVM_MP_STATE_STOPPED);
	expect_eq(sigp(p.a, SIGP_STOP, 1, 0), 0);
	expect_eq(sigp(p.a, SIGP_SENSE, 1, 0), 1);
	expect_eq(sigp_status(p.a), STATUS_STOPPED);
	expect_eq(sigp(p.a, SIGP_STOP_AND_STORE, 1, 0), 0);
	/* Chapter 4, "store status": general registers are the second of the save areas. */
	expect_eq(saved[(128 + 2 * 8) / 8], 0x1234);
	expect_eq(saved[(128 + 3 * 8) / 8], 0x5678);
	/* Nothing is left that would stop it. */
	expect_eq(sigp(p.a, SIGP_START, 1, 0), -1);
	set_mp_state(p.b, KVM_MP_STATE_OPERATING);
	arch_start(p.b, GUEST_NOP, 0, 0, 0);
	run_done(p.b);
}

TEST(sigp_finds_a_cpu_busy_that_is_to_stop_or_restart)
{
	struct kvm_s390_irq restart = { .type = KVM_S390_RESTART };
	static const unsigned int orders[] = {
		SIGP_SENSE, SIGP_EXTERNAL_CALL, SIGP_EMERGENCY, SIGP_START, SIGP_STOP, SIGP_RESTART, SIGP_STOP_AND_STORE,
		SIGP_SET_PREFIX, SIGP_STORE_STATUS, SIGP_COND_EMERGENCY, SIGP_SENSE_RUNNING,
	};
	struct pair p = two_cpus();

	expect_eq(sigp(p.a, SIGP_STOP, 1, 0), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++)
		expect_eq(sigp(p.a, orders[i], 1, 0), 2);
	expect_eq(sigp(p.a, SIGP_INITIAL_RESET, 1, 0), -1);
	expect_eq(sigp(p.a, SIGP_RESET, 1, 0), -1);
	set_mp_state(p.b, KVM_MP_STATE_STOPPED);
	expect_eq(sigp(p.a, SIGP_SENSE, 1, 0), 1);
	expect_ret(kvm_ioctl(p.b->fd, KVM_S390_IRQ, &restart), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++)
		expect_eq(sigp(p.a, orders[i], 1, 0), 2);
	expect_eq(sigp(p.a, SIGP_RESET, 1, 0), -1);
}

TEST(sigp_stop_and_store_status_leaves_the_registers)
{
	struct pair p = two_cpus();
	uint64_t *saved = code_at(p.a->vm, 0x1200);
	struct runner r;

	spin(&p, &r, 0x5678);
	expect_eq(sigp(p.a, SIGP_STOP_AND_STORE, 1, 0), 0);
	expect_ret(runner_join(&r), 0);
	expect_eq(p.b->run->s390_sieic.icptcode, STOP_EXIT);
	expect_eq(saved[(128 + 2 * 8) / 8], DATA_GPA);
	expect_eq(saved[(128 + 3 * 8) / 8], 0x5678);
	expect_eq(saved[256 / 8 + 1], p.b->run->psw_addr);
}

TEST(sigp_answers_of_the_rarer_orders)
{
	struct pair p = two_cpus();
	bool senses = has_facility(p.a->vm, 9);

	expect_eq(sigp(p.a, SIGP_SENSE_RUNNING, 1, 0), 1);
	expect_eq(sigp_status(p.a), senses ? STATUS_NOT_RUNNING : STATUS_INVALID_ORDER);
	expect_eq(sigp(p.a, SIGP_SET_ARCHITECTURE, 1, 0), 1);
	expect_eq(sigp_status(p.a), STATUS_INVALID_PARM);
	for (unsigned int order = 0; order < 256; order++)
		if (is_of_user_space(order))
			expect_eq(sigp(p.a, order, 1, 0), -1);
	/* Its interruptions are off: it is signalled. */
	expect_eq(sigp(p.a, SIGP_COND_EMERGENCY, 1, 7), 0);
	set_cr(p.b, 0, 0xe0 | 1 << 14);
	arch_start(p.b, GUEST_NOP, 0, 0, 0);
	p.b->run->psw_mask |= PSW_EXT | PSW_IO;
	run_diag(p.b, DIAG_EXTERNAL);
	expect_eq(lowcore16(p.b, LC_EXT_CODE), 0x1201);
}

TEST(sigp_orders_to_a_running_cpu_are_answered)
{
	struct pair p = two_cpus();
	volatile uint64_t *word;
	struct runner r;

	word = spin(&p, &r, 0);
	for (unsigned int order = 0; order < 256; order++) {
		int cc = sigp(p.a, order, 1, DATA_GPA + 0x1000);

		trace("order %#x: %d", order, cc);
		expect(cc != 3);
		if (is_of_user_space(order))
			expect_eq(cc, -1);
		if (order == SIGP_SET_PREFIX || order == SIGP_STORE_STATUS) {
			expect_eq(cc, 1);
			expect_eq(sigp_status(p.a), STATUS_INCORRECT_STATE);
		}
		if (order == SIGP_STOP || order == SIGP_STOP_AND_STORE) {
			expect_eq(cc, 0);
			expect_ret(runner_join(&r), 0);
			expect_eq(p.b->run->s390_sieic.icptcode, STOP_EXIT);
			set_mp_state(p.b, KVM_MP_STATE_STOPPED);
			set_mp_state(p.b, KVM_MP_STATE_OPERATING);
			runner_start(&r, p.b);
		}
	}
	/* It runs still. */
	wait_change(word, *word);
	expect_ret(runner_stop(&r), -EINTR);
}

TEST(sigp_orders_to_every_state_are_answered)
{
	static const uint32_t states[] = { KVM_MP_STATE_OPERATING, KVM_MP_STATE_STOPPED };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		for (unsigned int order = 0; order < 256; order++) {
			struct vm *vm = vm_new();
			struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
			int cc;

			set_mp_state(a, KVM_MP_STATE_OPERATING);
			set_mp_state(b, states[i]);
			cc = sigp(a, order, 1, DATA_GPA);
			if (cc == 1)
				expect(sigp_status(a) != 0);
			close(a->fd);
			close(b->fd);
			close(vm->fd);
			munmap(vm->code, CODE_SIZE);
		}
	}
}

TEST(sigp_in_problem_state_is_privileged)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_sigp, SIGP_SENSE, 0, 0);
	vcpu->run->psw_mask |= PSW_PROBLEM;
	run_program(vcpu, PGM_PRIVILEGED);
}

TEST(sigp_goes_to_user_space_that_wants_it, NEED(KVM_CAP_S390_USER_SIGP))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_USER_SIGP };
	struct pair p = two_cpus();

	expect_ret(kvm_ioctl(p.a->vm->fd, KVM_ENABLE_CAP, &c), 0);
	expect_eq(sigp(p.a, SIGP_STOP, 1, 0), -1);
	expect_eq(sigp(p.a, SIGP_RESTART, 1, 0), -1);
	expect_eq(sigp(p.a, SIGP_SET_PREFIX, 1, 0), -1);
	expect_eq(sigp(p.a, 0x99, 1, 0), -1);
	/* What must be fast stays. */
	expect_eq(sigp(p.a, SIGP_SENSE, 1, 0), 0);
	expect_eq(sigp(p.a, SIGP_EXTERNAL_CALL, 1, 0), 0);
	expect_eq(sigp(p.a, SIGP_EMERGENCY, 1, 0), 0);
	expect_eq(sigp(p.a, SIGP_SENSE, 77, 0), 3);
}

static void dirty_state(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_fpu fpu = { .fpc = 1 };
	uint64_t value = 0xff00000000000000;

	memset(&sregs, 0x11, sizeof(sregs));
	memset(&regs, 0x22, sizeof(regs));
	memset(fpu.fprs, 0x33, sizeof(fpu.fprs));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_FPU, &fpu), 0);
	expect_ret(set_one_reg(vcpu, KVM_REG_S390_CLOCK_COMP, &value), 0);
	expect_ret(set_one_reg(vcpu, KVM_REG_S390_PP, &value), 0);
}

static void expect_reset(struct vcpu *vcpu, bool initial, bool clear)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_fpu fpu;
	uint64_t value = 1;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &regs), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &fpu), 0);
	for (unsigned int i = 0; i < 16; i++) {
		uint64_t cr = initial ? (i == 0 ? 0xe0 : i == 14 ? 0xc2000000 : 0) : 0x1111111111111111;

		expect_eq(sregs.crs[i], cr);
		expect_eq(sregs.acrs[i], clear ? 0 : 0x11111111);
		expect_eq(regs.gprs[i], clear ? 0 : 0x2222222222222222);
		expect_eq(fpu.fprs[i], clear ? 0 : 0x3333333333333333);
	}
	expect_eq(fpu.fpc, initial ? 0 : 1);
	expect_ret(get_one_reg(vcpu, KVM_REG_S390_CLOCK_COMP, &value), 0);
	expect_eq(value, initial ? 0 : 0xff00000000000000);
	if (initial) {
		expect_eq(vcpu->run->psw_mask, 0);
		expect_eq(vcpu->run->psw_addr, 0);
		expect_ret(get_one_reg(vcpu, KVM_REG_S390_CPU_TIMER, &value), 0);
		expect_eq(value, 0);
		arch_start(vcpu, GUEST_NOP, 0, 0, 0);
		run_done(vcpu);
		expect_eq(vcpu->run->s.regs.prefix, 0);
	}
}

TEST(initial_reset_keeps_general_registers)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	dirty_state(vcpu);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_INITIAL_RESET, 0L), 0);
	expect_reset(vcpu, true, false);
}

TEST(normal_reset_keeps_control_registers, NEED(KVM_CAP_S390_VCPU_RESETS))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_INT_EMERGENCY }, irqs[4];
	struct kvm_s390_irq_state state = { .buf = (uintptr_t)irqs, .len = sizeof(irqs) };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	dirty_state(vcpu);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_IRQ, &irq), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_GET_IRQ_STATE, &state), sizeof(irq));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_NORMAL_RESET, 0L), 0);
	expect_reset(vcpu, false, false);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_GET_IRQ_STATE, &state), 0);
}

TEST(clear_reset_clears_all, NEED(KVM_CAP_S390_VCPU_RESETS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	dirty_state(vcpu);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_CLEAR_RESET, 0L), 0);
	expect_reset(vcpu, true, true);
}

TEST(mp_state_is_kept, NEED(KVM_CAP_MP_STATE))
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_STOPPED };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	set_mp_state(vcpu, KVM_MP_STATE_STOPPED);
	expect_eq(mp_state(vcpu), KVM_MP_STATE_STOPPED);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	/* Once user space has named a state, no CPU starts by itself. */
	expect_ret(vcpu_run(vcpu), -EINVAL);
	set_mp_state(vcpu, KVM_MP_STATE_OPERATING);
	expect_eq(mp_state(vcpu), KVM_MP_STATE_OPERATING);
	run_done(vcpu);
	for (uint32_t bad = 9; bad < 40; bad++) {
		state.mp_state = bad;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), -ENXIO);
	}
}
