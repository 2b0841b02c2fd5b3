// SPDX-License-Identifier: GPL-2.0-only
/* s390: interruptions of a vCPU and floating ones, their masks, KVM_S390_{GET,SET}_IRQ_STATE, timers, the FLIC. */
#include <sys/eventfd.h>
#include <sys/timex.h>

#include "arch_s390.h"

#define CR0_CLOCK_COMPARATOR	(1ULL << 11)
#define CR0_CPU_TIMER		(1ULL << 10)
#define CR0_EMERGENCY		(1ULL << 14)
#define CR0_EXTERNAL_CALL	(1ULL << 13)
#define CR0_SERVICE		(1ULL << 9)
#define CR6_ISC(n)		(0x80000000ULL >> (n))

#define EXT_CLOCK_COMPARATOR	0x1004
#define EXT_CPU_TIMER		0x1005
#define EXT_EMERGENCY		0x1201
#define EXT_EXTERNAL_CALL	0x1202
#define EXT_SERVICE		0x2401
#define EXT_VIRTIO		0x2603

static int vcpu_irq(struct vcpu *vcpu, struct kvm_s390_irq irq)
{
	return kvm_ioctl(vcpu->fd, KVM_S390_IRQ, &irq);
}

static int interrupt(int fd, uint32_t type, uint32_t parm, uint64_t parm64)
{
	struct kvm_s390_interrupt i = { .type = type, .parm = parm, .parm64 = parm64 };

	return kvm_ioctl(fd, KVM_S390_INTERRUPT, &i);
}

/* A guest that enables the interruptions of r2, a mask of its PSW, and is at its end when none comes. */
GUEST(guest_enable, "epsw %r5, %r6\n"
		    "st %r5, 0(%r3)\n st %r6, 4(%r3)\n larl %r7, 1f\n stg %r7, 8(%r3)\n"
		    "lg %r5, 0(%r3)\n ogr %r5, %r2\n stg %r5, 0(%r3)\n"
		    "lpswe 0(%r3)\n"
		    "1: nopr\n" DONE);

static void start_enabled(struct vcpu *vcpu, uint64_t mask)
{
	s390_start(vcpu, guest_enable, mask, DATA_GPA, 0);
	vcpu->run->psw_mask = PSW_64;
}

static void expect_external(struct vcpu *vcpu, unsigned int code)
{
	run_diag(vcpu, DIAG_EXTERNAL);
	expect_eq(lowcore16(vcpu, LC_EXT_CODE), code);
}

TEST(interrupt_waits_for_both_masks, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_INT_EMERGENCY, .u.emerg.code = 1 };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	vcpu_new(vm, 1);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	start_enabled(vcpu, PSW_EXT);
	set_cr(vcpu, 0, get_cr(vcpu, 0) & ~CR0_EMERGENCY);
	run_done(vcpu);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_EMERGENCY);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_EMERGENCY);
	expect_eq(lowcore16(vcpu, LC_EXT_CPU), 1);
	run_done(vcpu);
	/* Once. */
	start_enabled(vcpu, PSW_EXT);
	run_done(vcpu);
}

TEST(external_call_is_one_at_a_time, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_INT_EXTERNAL_CALL, .u.extcall.code = 2 };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	vcpu_new(vm, 2);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	expect_ret(vcpu_irq(vcpu, irq), -EBUSY);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_EXTERNAL_CALL);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_EXTERNAL_CALL);
	expect_eq(lowcore16(vcpu, LC_EXT_CPU), 2);
	run_done(vcpu);
	expect_ret(vcpu_irq(vcpu, irq), 0);
}

TEST(emergency_signals_of_each_cpu_come_one_by_one, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	for (unsigned int id = 1; id < 4; id++) {
		struct kvm_s390_irq irq = { .type = KVM_S390_INT_EMERGENCY, .u.emerg.code = id };

		vcpu_new(vm, id);
		expect_ret(vcpu_irq(vcpu, irq), 0);
	}
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_EMERGENCY);
	start_enabled(vcpu, PSW_EXT);
	for (unsigned int id = 1; id < 4; id++) {
		expect_external(vcpu, EXT_EMERGENCY);
		expect_eq(lowcore16(vcpu, LC_EXT_CPU), id);
	}
	run_done(vcpu);
}

TEST(interrupts_of_unknown_types_are_refused, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	static const uint64_t bad[] = { 0, 0xffffffff, 0x12345, 0xfffe0005, 0xfffe0006, 0xffff1203, 0xfffff000 };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kvm_s390_irq irq = { .type = bad[i] };

		trace("type %#llx", (unsigned long long)bad[i]);
		expect_ret(vcpu_irq(vcpu, irq), -EINVAL);
		expect_ret(interrupt(vcpu->fd, bad[i], 0, 0), -EINVAL);
	}
	/* Floating ones are not a vCPU's, and the other way round. */
	expect_ret(interrupt(vcpu->fd, KVM_S390_INT_VIRTIO, 0, 0), -EINVAL);
	expect_ret(interrupt(vcpu->fd, KVM_S390_INT_SERVICE, 0, 0), -EINVAL);
	expect_ret(interrupt(vm->fd, KVM_S390_RESTART, 0, 0), -EINVAL);
	expect_ret(interrupt(vm->fd, KVM_S390_INT_EMERGENCY, 0, 0), -EINVAL);
	/* Nothing of it is pending. */
	set_cr(vcpu, 0, CR0_EMERGENCY | CR0_EXTERNAL_CALL | CR0_SERVICE | 0xe0);
	start_enabled(vcpu, PSW_EXT | PSW_IO);
	run_done(vcpu);
}

TEST(service_signal_comes_with_its_parameter)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(interrupt(vm->fd, KVM_S390_INT_SERVICE, 0x12345678 & ~7, 0), 0);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_SERVICE);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_SERVICE);
	expect_eq(lowcore32(vcpu, LC_EXT_PARAMS), 0x12345678 & ~7);
	run_done(vcpu);
}

TEST(virtio_interrupt_comes_with_its_parameters)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(interrupt(vm->fd, KVM_S390_INT_VIRTIO, 0x0d00, 0x1122334455667788), 0);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_SERVICE);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_VIRTIO);
	expect_eq(lowcore32(vcpu, LC_EXT_PARAMS), 0x0d00);
	expect_eq(lowcore64(vcpu, LC_EXT_PARAMS2), 0x1122334455667788);
	run_done(vcpu);
}

/* KVM_S390_INT_IO() of subchannel @schid, ISC @isc. */
static int io_interrupt(struct vm *vm, unsigned int schid, unsigned int isc, uint32_t parm)
{
	return interrupt(vm->fd, KVM_S390_INT_IO(0, 0, 0, schid), 1u << 16 | schid, (uint64_t)parm << 32 | isc << 27);
}

TEST(io_interrupts_obey_the_subclass_mask)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(io_interrupt(vm, 7, 3, 0xabcd), 0);
	expect_ret(io_interrupt(vm, 8, 5, 0xef01), 0);
	set_cr(vcpu, 6, CR6_ISC(5));
	start_enabled(vcpu, PSW_IO);
	run_diag(vcpu, DIAG_IO);
	expect_eq(lowcore32(vcpu, LC_SUBCHANNEL), 0x10008);
	expect_eq(lowcore32(vcpu, LC_IO_PARAM), 0xef01);
	expect_eq(lowcore32(vcpu, LC_IO_WORD), 5 << 27);
	run_done(vcpu);
	set_cr(vcpu, 6, CR6_ISC(5) | CR6_ISC(3));
	start_enabled(vcpu, PSW_IO);
	run_diag(vcpu, DIAG_IO);
	expect_eq(lowcore32(vcpu, LC_SUBCHANNEL), 0x10007);
	run_done(vcpu);
}

TEST(io_interrupts_of_a_class_keep_their_order)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	for (unsigned int i = 0; i < 10; i++)
		expect_ret(io_interrupt(vm, i, 2, i * 11), 0);
	set_cr(vcpu, 6, CR6_ISC(2));
	start_enabled(vcpu, PSW_IO);
	for (unsigned int i = 0; i < 10; i++) {
		run_diag(vcpu, DIAG_IO);
		expect_eq(lowcore32(vcpu, LC_IO_PARAM), i * 11);
	}
	run_done(vcpu);
}

TEST(restart_interrupt_loads_the_restart_psw, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_RESTART };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_diag(vcpu, DIAG_RESTART);
	run_done(vcpu);
}

TEST(program_interrupt_of_user_space_reaches_the_guest, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_PROGRAM_INT, .u.pgm.code = PGM_OPERATION };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	run_program(vcpu, PGM_OPERATION);
	run_done(vcpu);
}

TEST(irq_state_goes_to_another_vcpu, NEED(KVM_CAP_S390_IRQ_STATE))
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	struct kvm_s390_irq irqs[8], emergency = { .type = KVM_S390_INT_EMERGENCY, .u.emerg.code = 1 },
		call = { .type = KVM_S390_INT_EXTERNAL_CALL, .u.extcall.code = 1 };
	struct kvm_s390_irq_state state = { .buf = (uintptr_t)irqs, .len = sizeof(irqs) };
	int n;

	expect_ret(kvm_ioctl(a->fd, KVM_S390_GET_IRQ_STATE, &state), 0);
	expect_ret(vcpu_irq(a, emergency), 0);
	expect_ret(vcpu_irq(a, call), 0);
	n = expect_ok(kvm_ioctl(a->fd, KVM_S390_GET_IRQ_STATE, &state));
	expect_eq(n, 2 * sizeof(irqs[0]));
	state.len = sizeof(irqs[0]);
	expect_ret(kvm_ioctl(a->fd, KVM_S390_GET_IRQ_STATE, &state), -ENOBUFS);
	state.len = 0;
	expect_ret(kvm_ioctl(a->fd, KVM_S390_GET_IRQ_STATE, &state), -EINVAL);
	state.len = n - 1;
	expect_ret(kvm_ioctl(b->fd, KVM_S390_SET_IRQ_STATE, &state), -EINVAL);
	state.len = n;
	expect_ret(kvm_ioctl(b->fd, KVM_S390_SET_IRQ_STATE, &state), 0);
	expect_ret(kvm_ioctl(b->fd, KVM_S390_SET_IRQ_STATE, &state), -EBUSY);
	set_cr(b, 0, get_cr(b, 0) | CR0_EMERGENCY | CR0_EXTERNAL_CALL);
	start_enabled(b, PSW_EXT);
	expect_external(b, EXT_EMERGENCY);
	expect_external(b, EXT_EXTERNAL_CALL);
	run_done(b);
}

/* Machine-check interruption codes, and the subclass masks of CR14: chapter 11. */
#define MCIC_SYSTEM_DAMAGE	(1ULL << 63)
#define MCIC_EXTERNAL_DAMAGE	(1ULL << 58)
#define MCIC_CHANNEL_REPORT	(1ULL << 54)
#define CR14_CHANNEL_REPORT	(1ULL << 28)
#define CR14_EXTERNAL_DAMAGE	(1ULL << 25)

static void expect_machine_check(struct vcpu *vcpu, uint64_t mcic)
{
	run_diag(vcpu, DIAG_MCHECK);
	expect_eq(lowcore64(vcpu, LC_MCHECK_CODE), mcic);
}

TEST(machine_check_waits_for_both_masks, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = {
		.type = KVM_S390_MCHK, .u.mchk = { .cr14 = CR14_EXTERNAL_DAMAGE, .mcic = MCIC_EXTERNAL_DAMAGE },
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(vcpu_irq(vcpu, irq), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	set_cr(vcpu, 14, 0);
	start_enabled(vcpu, PSW_MCHECK);
	run_done(vcpu);
	set_cr(vcpu, 14, CR14_EXTERNAL_DAMAGE);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	start_enabled(vcpu, PSW_MCHECK);
	expect_machine_check(vcpu, MCIC_EXTERNAL_DAMAGE);
	run_done(vcpu);
	/* What damages the system no subclass holds off; it takes along what waits. */
	set_cr(vcpu, 14, 0);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	irq.u.mchk.cr14 = 0;
	irq.u.mchk.mcic = MCIC_SYSTEM_DAMAGE;
	expect_ret(vcpu_irq(vcpu, irq), 0);
	start_enabled(vcpu, PSW_MCHECK);
	expect_machine_check(vcpu, MCIC_SYSTEM_DAMAGE | MCIC_EXTERNAL_DAMAGE);
	run_done(vcpu);
}

TEST(channel_report_comes_before_external_interrupts, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_INT_EMERGENCY };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(vcpu_irq(vcpu, irq), 0);
	expect_ret(interrupt(vm->fd, KVM_S390_MCHK, CR14_CHANNEL_REPORT, MCIC_CHANNEL_REPORT), 0);
	set_cr(vcpu, 0, 0xe0 | CR0_EMERGENCY);
	set_cr(vcpu, 14, CR14_CHANNEL_REPORT);
	start_enabled(vcpu, PSW_MCHECK | PSW_EXT);
	expect_machine_check(vcpu, MCIC_CHANNEL_REPORT);
	expect_external(vcpu, EXT_EMERGENCY);
	run_done(vcpu);
}

#define CPU_PFAULT_INIT	0x0600
#define CPU_PFAULT_DONE	0x0680

TEST(pseudo_page_faults_come_with_their_token, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_INT_PFAULT_INIT, .u.ext.ext_params2 = 0x1122334455667788 };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(vcpu_irq(vcpu, irq), 0);
	set_cr(vcpu, 0, 0xe0 | CR0_SERVICE);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_VIRTIO);
	expect_eq(lowcore16(vcpu, LC_EXT_CPU), CPU_PFAULT_INIT);
	expect_eq(lowcore64(vcpu, LC_EXT_PARAMS2), 0x1122334455667788);
	run_done(vcpu);
	expect_ret(interrupt(vm->fd, KVM_S390_INT_PFAULT_DONE, 0, 0x99), 0);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_VIRTIO);
	expect_eq(lowcore16(vcpu, LC_EXT_CPU), CPU_PFAULT_DONE);
	expect_eq(lowcore64(vcpu, LC_EXT_PARAMS2), 0x99);
	run_done(vcpu);
}

TEST(stop_of_user_space_stops, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_SIGP_STOP, .u.stop.flags = 2 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *saved = code_at(vcpu->vm, 0x1200);

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(vcpu_irq(vcpu, irq), -EINVAL);
	irq.u.stop.flags = KVM_S390_STOP_FLAG_STORE_STATUS;
	expect_ret(vcpu_irq(vcpu, irq), 0);
	expect_ret(vcpu_irq(vcpu, irq), -EBUSY);
	arch_start(vcpu, GUEST_SPIN, DATA_GPA, 0x5678, 0);
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->s390_sieic.icptcode, 0x28);
	expect_eq(saved[(128 + 3 * 8) / 8], 0x5678);
	/* It stands: the next one is done at once. */
	set_mp_state(vcpu, KVM_MP_STATE_STOPPED);
	saved[(128 + 3 * 8) / 8] = 0;
	expect_ret(vcpu_irq(vcpu, irq), 0);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	expect_eq(saved[(128 + 3 * 8) / 8], 0x5678);
}

TEST(restart_is_by_the_prefix_that_was_set_before, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_SIGP_SET_PREFIX, .u.prefix.address = PREFIX_GPA + 0x4000 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *restart = code_at(vcpu->vm, PREFIX_GPA + LC_RESTART_NEW);
	extern const unsigned char routine_nop[];

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(vcpu_irq(vcpu, irq), -EBUSY);
	set_mp_state(vcpu, KVM_MP_STATE_STOPPED);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	irq = (struct kvm_s390_irq){ .type = KVM_S390_RESTART };
	expect_ret(vcpu_irq(vcpu, irq), 0);
	restart[1] = s390_gpa(routine_nop);
	set_mp_state(vcpu, KVM_MP_STATE_OPERATING);
	run_diag(vcpu, DIAG_RESTART);
	expect_eq(vcpu->run->s.regs.prefix, PREFIX_GPA + 0x4000);
}

TEST(irq_state_has_every_kind, NEED(KVM_CAP_S390_IRQ_STATE))
{
	static const uint32_t types[] = {
		KVM_S390_PROGRAM_INT, KVM_S390_MCHK, KVM_S390_INT_EMERGENCY, KVM_S390_INT_EXTERNAL_CALL,
		KVM_S390_INT_CLOCK_COMP, KVM_S390_INT_CPU_TIMER, KVM_S390_INT_PFAULT_INIT, KVM_S390_RESTART,
		KVM_S390_SIGP_SET_PREFIX,
	};
	struct vm *vm = vm_new();
	struct vcpu *cpus[2] = { vcpu_new(vm, 0), vcpu_new(vm, 1) };
	struct kvm_s390_irq irqs[16];
	struct kvm_s390_irq_state state = { .buf = (uintptr_t)irqs, .len = sizeof(irqs) };

	set_mp_state(cpus[0], KVM_MP_STATE_STOPPED);
	set_mp_state(cpus[1], KVM_MP_STATE_STOPPED);
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		struct kvm_s390_irq irq = { .type = types[i] };

		if (types[i] == KVM_S390_PROGRAM_INT)
			irq.u.pgm.code = PGM_DATA;
		else if (types[i] == KVM_S390_MCHK)
			irq.u.mchk.mcic = MCIC_EXTERNAL_DAMAGE;
		else if (types[i] == KVM_S390_SIGP_SET_PREFIX)
			irq.u.prefix.address = PREFIX_GPA + 0x4000;
		else if (types[i] == KVM_S390_INT_PFAULT_INIT)
			irq.u.ext.ext_params2 = 0x4242;
		expect_ret(vcpu_irq(cpus[0], irq), 0);
	}
	for (unsigned int n = 0; n < 2; n++) {
		unsigned int seen = 0;

		memset(irqs, 0, sizeof(irqs));
		state.len = sizeof(irqs);
		expect_ret(kvm_ioctl(cpus[n]->fd, KVM_S390_GET_IRQ_STATE, &state), sizeof(irqs[0]) * ARRAY_SIZE(types));
		for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
			for (unsigned int t = 0; t < ARRAY_SIZE(types); t++)
				if (irqs[i].type == types[t])
					seen |= 1 << t;
			if (irqs[i].type == KVM_S390_PROGRAM_INT)
				expect_eq(irqs[i].u.pgm.code, PGM_DATA);
			else if (irqs[i].type == KVM_S390_MCHK)
				expect_eq(irqs[i].u.mchk.mcic, MCIC_EXTERNAL_DAMAGE);
			else if (irqs[i].type == KVM_S390_SIGP_SET_PREFIX)
				expect_eq(irqs[i].u.prefix.address, PREFIX_GPA + 0x4000);
			else if (irqs[i].type == KVM_S390_INT_PFAULT_INIT)
				expect_eq(irqs[i].u.ext.ext_params2, 0x4242);
		}
		expect_eq(seen, (1 << ARRAY_SIZE(types)) - 1);
		if (n)
			break;
		state.len = sizeof(irqs[0]) * ARRAY_SIZE(types);
		expect_ret(kvm_ioctl(cpus[1]->fd, KVM_S390_SET_IRQ_STATE, &state), 0);
	}
}

static void set_reg64(struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	expect_ret(set_one_reg(vcpu, id, &value), 0);
}

TEST(clock_comparator_interrupts)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	set_reg64(vcpu, KVM_REG_S390_CLOCK_COMP, -1ULL);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_CLOCK_COMPARATOR);
	start_enabled(vcpu, PSW_EXT);
	run_done(vcpu);
	set_reg64(vcpu, KVM_REG_S390_CLOCK_COMP, 0);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_CLOCK_COMPARATOR);
	/* It stays until the comparator is another. */
	expect_external(vcpu, EXT_CLOCK_COMPARATOR);
	set_reg64(vcpu, KVM_REG_S390_CLOCK_COMP, -1ULL);
	run_done(vcpu);
}

TEST(cpu_timer_interrupts_when_it_is_negative)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	set_reg64(vcpu, KVM_REG_S390_CPU_TIMER, 0x7000000000000000);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_CPU_TIMER);
	start_enabled(vcpu, PSW_EXT);
	run_done(vcpu);
	set_reg64(vcpu, KVM_REG_S390_CPU_TIMER, -1ULL);
	start_enabled(vcpu, PSW_EXT);
	expect_external(vcpu, EXT_CPU_TIMER);
	set_reg64(vcpu, KVM_REG_S390_CPU_TIMER, 0x7000000000000000);
	run_done(vcpu);
}

TEST(timer_interrupt_that_is_not_due_is_none, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	set_reg64(vcpu, KVM_REG_S390_CLOCK_COMP, -1ULL);
	set_reg64(vcpu, KVM_REG_S390_CPU_TIMER, 0x7000000000000000);
	expect_ret(vcpu_irq(vcpu, (struct kvm_s390_irq){ .type = KVM_S390_INT_CLOCK_COMP }), 0);
	expect_ret(vcpu_irq(vcpu, (struct kvm_s390_irq){ .type = KVM_S390_INT_CPU_TIMER }), 0);
	set_cr(vcpu, 0, 0xe0 | CR0_CLOCK_COMPARATOR | CR0_CPU_TIMER);
	start_enabled(vcpu, PSW_EXT);
	run_done(vcpu);
}

GUEST(guest_wait, "lpswe 0(%r2)\n");

static uint64_t *wait_psw(struct vcpu *vcpu, uint64_t mask)
{
	uint64_t *psw = code_at(vcpu->vm, DATA_GPA);
	extern const unsigned char routine_nop[];

	psw[0] = PSW_64 | PSW_WAIT | mask;
	psw[1] = s390_gpa(routine_nop);
	return psw;
}

TEST(disabled_wait_exits)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	wait_psw(vcpu, 0);
	s390_start(vcpu, guest_wait, DATA_GPA, 0, 0);
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->s390_sieic.icptcode, 0x1c);
	expect_eq(vcpu->run->psw_mask, PSW_64 | PSW_WAIT);
}

/* 4096 are a microsecond. */
static void clock_ends_a_wait(uint64_t tod)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_device_attr attr = { .group = KVM_S390_VM_TOD, .attr = KVM_S390_VM_TOD_LOW };
	uint64_t now;

	attr.addr = (uintptr_t)&now;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_GET_DEVICE_ATTR, &attr), 0);
	set_reg64(vcpu, KVM_REG_S390_CLOCK_COMP, now + tod);
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_CLOCK_COMPARATOR);
	wait_psw(vcpu, PSW_EXT);
	s390_start(vcpu, guest_wait, DATA_GPA, 0, 0);
	expect_external(vcpu, EXT_CLOCK_COMPARATOR);
	expect_eq(lowcore64(vcpu, LC_EXT_OLD) & PSW_WAIT, PSW_WAIT);
}

TEST(clock_comparator_ends_a_wait)
{
	clock_ends_a_wait(20000ULL << 12);
}

/* The host's time is steered, the TOD clock is not. */
TEST(clock_comparator_ends_a_wait_on_a_host_that_is_ahead)
{
	struct timex fast = { .modes = ADJ_TICK, .tick = 11000 }, usual = { .modes = ADJ_TICK, .tick = 10000 };

	expect(adjtimex(&fast) >= 0);
	clock_ends_a_wait(500000ULL << 12);
	expect(adjtimex(&usual) >= 0);
}

TEST(signal_ends_a_wait)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct runner r;

	set_cr(vcpu, 0, 0xe0 | CR0_EMERGENCY);
	wait_psw(vcpu, PSW_EXT);
	s390_start(vcpu, guest_wait, DATA_GPA, 0, 0);
	runner_start(&r, vcpu);
	expect_ret(runner_stop(&r), -EINTR);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_INTR);
}

TEST(interrupt_ends_a_wait, NEED(KVM_CAP_S390_INJECT_IRQ))
{
	struct kvm_s390_irq irq = { .type = KVM_S390_INT_EMERGENCY, .u.emerg.code = 0 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct runner r;

	set_cr(vcpu, 0, 0xe0 | CR0_EMERGENCY);
	wait_psw(vcpu, PSW_EXT);
	s390_start(vcpu, guest_wait, DATA_GPA, 0, 0);
	runner_start(&r, vcpu);
	expect_ret(vcpu_irq(vcpu, irq), 0);
	expect_ret(runner_join(&r), 0);
	expect(s390_is_diag(vcpu, DIAG_EXTERNAL));
	expect_eq(lowcore16(vcpu, LC_EXT_CODE), EXT_EMERGENCY);
}

/* Adapters have numbers below this. */
#define ADAPTERS	64

static int new_flic(struct vm *vm)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_FLIC };

	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d), 0);
	return d.fd;
}

TEST(flic_is_one_per_vm)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_FLIC };
	struct vm *vm = vm_new_bare();

	new_flic(vm);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d), -EINVAL);
}

/* The buffer's length is the attribute's number; the result is how many there are. */
static int flic_get(int flic, void *buf, uint64_t len)
{
	return get_attr(flic, KVM_DEV_FLIC_GET_ALL_IRQS, len, buf);
}

TEST(flic_gives_and_takes_floating_interrupts)
{
	struct vm *vm = vm_new(), *other = vm_new();
	struct vcpu *vcpu = vcpu_new(other, 0);
	int flic = new_flic(vm), flic2 = new_flic(other);
	struct kvm_s390_irq *irqs = alloc_pages(65536);

	expect_ret(flic_get(flic, irqs, 65536), 0);
	expect_ret(io_interrupt(vm, 7, 3, 0xabcd), 0);
	expect_ret(interrupt(vm->fd, KVM_S390_INT_SERVICE, 0x100, 0), 0);
	expect_ret(interrupt(vm->fd, KVM_S390_INT_VIRTIO, 0x200, 0x300), 0);
	expect_ret(flic_get(flic, irqs, 65536), 3);
	expect_ret(flic_get(flic, irqs, sizeof(*irqs)), -ENOMEM);
	expect_ret(flic_get(flic, irqs, 0), -EINVAL);
	expect_ret(flic_get(flic, irqs, 1ULL << 40), -EINVAL);
	expect_ret(set_attr(flic2, KVM_DEV_FLIC_ENQUEUE, 3 * sizeof(*irqs), irqs), 0);
	expect_ret(set_attr(flic2, KVM_DEV_FLIC_ENQUEUE, sizeof(*irqs) - 1, irqs), -EINVAL);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IRQS, 0, NULL), 0);
	expect_ret(flic_get(flic, irqs, 65536), 0);
	set_cr(vcpu, 0, 0xe0 | CR0_SERVICE);
	set_cr(vcpu, 6, CR6_ISC(3));
	start_enabled(vcpu, PSW_EXT | PSW_IO);
	expect_external(vcpu, EXT_SERVICE);
	expect_eq(lowcore32(vcpu, LC_EXT_PARAMS), 0x100);
	expect_external(vcpu, EXT_VIRTIO);
	run_diag(vcpu, DIAG_IO);
	expect_eq(lowcore32(vcpu, LC_SUBCHANNEL), 0x10007);
	run_done(vcpu);
}

TEST(flic_clears_the_interrupts_of_a_subchannel)
{
	struct vm *vm = vm_new_bare();
	int flic = new_flic(vm);
	uint32_t schid = 0x10007, none = 0;
	struct kvm_s390_irq irqs[4];

	expect_ret(io_interrupt(vm, 7, 3, 1), 0);
	expect_ret(io_interrupt(vm, 8, 3, 2), 0);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IO_IRQ, sizeof(schid), &schid), 0);
	expect_ret(flic_get(flic, irqs, sizeof(irqs)), 1);
	expect_eq(irqs[0].u.io.subchannel_nr, 8);
	/* There is none of it any more. */
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IO_IRQ, sizeof(schid), &schid), 0);
	expect_ret(flic_get(flic, irqs, sizeof(irqs)), 1);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IO_IRQ, sizeof(schid) - 1, &schid), -EINVAL);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IO_IRQ, sizeof(none), &none), -EINVAL);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IO_IRQ, sizeof(schid), guard_page()), -EFAULT);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_APF_ENABLE, 0, NULL), 0);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_APF_DISABLE_WAIT, 0, NULL), 0);
}

TEST(flic_adapters_are_registered_once)
{
	struct kvm_s390_io_adapter a = { .id = 5, .isc = 3, .maskable = 1 };
	struct vm *vm = vm_new();
	int flic = new_flic(vm);

	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, &a), 0);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, &a), -EINVAL);
	a.id = ADAPTERS;
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, &a), -EINVAL);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, guard_page()), -EFAULT);
}

TEST(flic_attributes_are_known)
{
	int flic = new_flic(vm_new_bare());

	for (unsigned int group = 1; group <= 13; group++) {
		trace("group %u", group);
		expect_ret(has_attr(flic, group, 0), group <= KVM_DEV_FLIC_AISM_ALL ? 0 : -ENXIO);
	}
	expect_ret(has_attr(flic, 0, 0), -ENXIO);
	expect_ret(has_attr(flic, 1000, 0), -ENXIO);
}

static unsigned int waiting(int flic)
{
	struct kvm_s390_irq irqs[8];

	return get_attr(flic, KVM_DEV_FLIC_GET_ALL_IRQS, sizeof(irqs), irqs);
}

static void clear_waiting(int flic)
{
	expect_ret(set_attr(flic, KVM_DEV_FLIC_CLEAR_IRQS, 0, NULL), 0);
}

static int set_ais(int flic, uint8_t isc, uint16_t mode)
{
	struct kvm_s390_ais_req req = { .isc = isc, .mode = mode };

	return set_attr(flic, KVM_DEV_FLIC_AISM, 0, &req);
}

static int inject_adapter(int flic, uint64_t id)
{
	return set_attr(flic, KVM_DEV_FLIC_AIRQ_INJECT, id, NULL);
}

TEST(flic_suppresses_adapter_interrupts, NEED(KVM_CAP_S390_AIS))
{
	struct kvm_s390_io_adapter a = { .id = 5, .isc = 3, .flags = KVM_S390_ADAPTER_SUPPRESSIBLE };
	struct kvm_enable_cap enable = { .cap = KVM_CAP_S390_AIS };
	struct vm *vm = vm_new_bare();
	struct kvm_s390_ais_all all;
	int flic = new_flic(vm);

	expect_ret(set_ais(flic, 3, 1), -EOPNOTSUPP);
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &enable), 0);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, &a), 0);
	a = (struct kvm_s390_io_adapter){ .id = 6, .isc = 3 };
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, &a), 0);
	expect_ret(inject_adapter(flic, 7), -EINVAL);
	expect_ret(set_ais(flic, 8, 1), -EINVAL);
	expect_ret(set_ais(flic, 3, 2), -EINVAL);
	/* All of them. */
	expect_ret(inject_adapter(flic, 5), 0);
	expect_eq(waiting(flic), 1);
	clear_waiting(flic);
	/* A single one, until the guest says so again; of those that can be suppressed. */
	expect_ret(set_ais(flic, 3, 1), 0);
	expect_ret(inject_adapter(flic, 5), 0);
	expect_eq(waiting(flic), 1);
	clear_waiting(flic);
	expect_ret(get_attr(flic, KVM_DEV_FLIC_AISM_ALL, sizeof(all), &all), 0);
	expect_eq(all.simm, 0x80 >> 3);
	expect_eq(all.nimm, 0x80 >> 3);
	expect_ret(inject_adapter(flic, 5), 0);
	expect_eq(waiting(flic), 0);
	expect_ret(inject_adapter(flic, 6), 0);
	expect_eq(waiting(flic), 1);
	clear_waiting(flic);
	expect_ret(set_ais(flic, 3, 0), 0);
	expect_ret(inject_adapter(flic, 5), 0);
	expect_eq(waiting(flic), 1);
	clear_waiting(flic);
	/* As after a migration. */
	all = (struct kvm_s390_ais_all){ .simm = 0xff, .nimm = 0x80 >> 3 };
	expect_ret(set_attr(flic, KVM_DEV_FLIC_AISM_ALL, 0, &all), 0);
	expect_ret(inject_adapter(flic, 5), 0);
	expect_eq(waiting(flic), 0);
}

/* A route of an adapter's interruption sets a bit and a summary in the guest's memory, and interrupts. */
TEST(adapter_interrupt_sets_indicator_and_summary, NEED(KVM_CAP_IRQ_ROUTING))
{
	struct kvm_s390_io_adapter a = { .id = 1, .isc = 3, .swap = 1, .maskable = 1 };
	struct kvm_s390_io_adapter_req mask = { .id = 1, .type = KVM_S390_IO_ADAPTER_MASK };
	struct kvm_s390_io_adapter_req map = { .id = 1, .type = KVM_S390_IO_ADAPTER_MAP, .addr = DATA_GPA };
	struct kvm_enable_cap enable = { .cap = KVM_CAP_S390_IRQCHIP };
	struct kvm_irqfd irqfd = { .gsi = 3 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct vm *vm = vcpu->vm;
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = { .head.nr = 1 };
	uint8_t *data = code_at(vm, DATA_GPA);
	int flic = new_flic(vm);
	uint64_t one = 1;

	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &enable), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), 0);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_REGISTER, 0, &a), 0);
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_MODIFY, 0, &map), 0);
	routes.entry.gsi = 3;
	routes.entry.type = KVM_IRQ_ROUTING_S390_ADAPTER;
	routes.entry.u.adapter.ind_addr = DATA_GPA + 0x100;
	routes.entry.u.adapter.summary_addr = DATA_GPA + 0x108;
	routes.entry.u.adapter.ind_offset = 5;
	routes.entry.u.adapter.summary_offset = 2;
	routes.entry.u.adapter.adapter_id = 1;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), 0);
	irqfd.fd = eventfd(0, EFD_NONBLOCK);
	expect_ret(kvm_ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	expect_eq(write(irqfd.fd, &one, sizeof(one)), sizeof(one));
	wait_psw(vcpu, PSW_IO);
	set_cr(vcpu, 6, CR6_ISC(3));
	s390_start(vcpu, guest_wait, DATA_GPA, 0, 0);
	run_diag(vcpu, DIAG_IO);
	expect_eq(data[0x100], 0x80 >> 5);
	expect_eq(data[0x108], 0x80 >> 2);
	expect_eq(lowcore32(vcpu, LC_IO_WORD), 0x80000000 | 3 << 27);
	/* While it is masked it sets them still. */
	data[0x100] = data[0x108] = 0;
	mask.mask = 1;
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_MODIFY, 0, &mask), 0);
	expect_eq(write(irqfd.fd, &one, sizeof(one)), sizeof(one));
	wait_change((uint64_t *)(data + 0x108), 0);
	expect_eq(data[0x100], 0x80 >> 5);
	expect_eq(waiting(flic), 0);
	mask.id = 2;
	expect_ret(set_attr(flic, KVM_DEV_FLIC_ADAPTER_MODIFY, 0, &mask), -EINVAL);
	routes.entry.flags = 1;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), -EINVAL);
	routes.entry.flags = 0;
	routes.entry.type = KVM_IRQ_ROUTING_IRQCHIP;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), -EINVAL);
}
