// SPDX-License-Identifier: GPL-2.0-only
/* s390: privileged instructions that the kernel answers, and those that come to user space. */
#include <sys/eventfd.h>

#include "arch_s390.h"

static void run_exit(struct vcpu *vcpu, unsigned int ipa)
{
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->s390_sieic.icptcode, 4);
	expect_eq(vcpu->run->s390_sieic.ipa, ipa);
}

GUEST(guest_diag_0, "diag %r1, %r3, 0\n" DONE);
GUEST(guest_diag_500, "diag %r2, %r3, 0x500\n" DONE);
GUEST(guest_diag_777, "diag %r2, %r3, 0x777\n" DONE);
GUEST(guest_diag_44, "diag %r0, %r0, 0x44\n" DONE);
GUEST(guest_diag_9c, "diag %r2, %r0, 0x9c\n" DONE);

TEST(diagnose_comes_to_user_space_or_yields)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_diag_777, 0, 0, 0);
	run_exit(vcpu, 0x8323);
	expect_eq(vcpu->run->s390_sieic.ipb >> 16, 0x777);
	/* It is answered, and the guest goes on behind it. */
	run_done(vcpu);
	s390_start(vcpu, guest_diag_500, 0, 0, 0);
	run_exit(vcpu, 0x8323);
	s390_start(vcpu, guest_diag_0, 0, 0, 0);
	run_exit(vcpu, 0x8313);
	s390_call(vcpu, guest_diag_44, 0, 0, 0);
	/* To itself, and to nobody. */
	s390_call(vcpu, guest_diag_9c, 0, 0, 0);
	s390_call(vcpu, guest_diag_9c, 77, 0, 0);
}

TEST(diagnose_in_problem_state_is_privileged)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_diag_44, 0, 0, 0);
	vcpu->run->psw_mask |= PSW_PROBLEM;
	run_program(vcpu, PGM_PRIVILEGED);
	s390_start(vcpu, guest_diag_777, 0, 0, 0);
	vcpu->run->psw_mask |= PSW_PROBLEM;
	run_program(vcpu, PGM_PRIVILEGED);
}

GUEST(guest_diag_10, "diag %r2, %r3, 0x10\n" DONE);

TEST(released_pages_are_zero_and_the_others_stay)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 1 << 20);

	memset(mem, 0x5a, 1 << 20);
	/* From the first page to the last one. */
	s390_call(vcpu, guest_diag_10, TEST_GPA + 0x3000, TEST_GPA + 0x4000, 0);
	for (unsigned int i = 0; i < 8; i++)
		expect_eq(mem[i * 4096], i == 3 || i == 4 ? 0 : 0x5a);
	expect_eq(guest_call(vcpu, GUEST_LOAD, TEST_GPA + 0x4ff8, 8, 0), 0);
	expect_eq(guest_call(vcpu, GUEST_LOAD, TEST_GPA + 0x5000, 8, 0), 0x5a5a5a5a5a5a5a5a);
	/* What no slot has is passed over. */
	s390_call(vcpu, guest_diag_10, TEST_GPA + 0xff000, MMIO_GPA, 0);
	expect_eq(mem[0xff000], 0);
	expect_eq(mem[0xfe000], 0x5a);
}

TEST(release_of_pages_wants_pages)
{
	static const uint64_t bad[][2] = {
		{ TEST_GPA + 8, TEST_GPA }, { TEST_GPA, TEST_GPA + 1 }, { TEST_GPA + 0x1000, TEST_GPA },
		{ 0x1000, TEST_GPA }, { 0, 0 }, { TEST_GPA, -4096ULL },
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (unsigned int i = 0; i < 6; i++) {
		trace("%u", i);
		arch_vcpu_init(vcpu);
		s390_start(vcpu, guest_diag_10, bad[i][0], bad[i][1], 0);
		run_program(vcpu, PGM_SPECIFICATION);
	}
}

GUEST(guest_prefix, "stpx 0(%r2)\n spx 8(%r2)\n stpx 16(%r2)\n" DONE);

TEST(prefix_is_set_and_stored)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *data = code_at(vcpu->vm, DATA_GPA);

	data[2] = PREFIX_GPA + 0x4000 + 0x1234;
	s390_call(vcpu, guest_prefix, DATA_GPA, 0, 0);
	expect_eq(data[0], PREFIX_GPA);
	expect_eq(data[4], (PREFIX_GPA + 0x4000 + 0x1234) & ~0x1fff);
	expect_eq(vcpu->run->s.regs.prefix, data[4]);
	/* To where no memory is. */
	data[2] = MMIO_GPA;
	arch_vcpu_init(vcpu);
	s390_start(vcpu, guest_prefix, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
}

GUEST(guest_spx_odd, "spx 2(%r2)\n" DONE);
GUEST(guest_stap, "stap 0(%r2)\n llgh %r2, 0(%r2)\n" DONE);
GUEST(guest_stap_odd, "stap 1(%r2)\n" DONE);

TEST(operands_of_privileged_instructions_are_aligned)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0), *third = vcpu_new(vm, 3);

	s390_start(vcpu, guest_spx_odd, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_stap_odd, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_stap, MMIO_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
	expect_eq(s390_call(third, guest_stap, DATA_GPA, 0, 0), 3);
}

/* Function code and selectors in r3, r4; the condition code is the result. */
GUEST(guest_stsi, "lgr %r0, %r3\n lgr %r1, %r4\n stsi 0(%r2)\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n lgr %r5, %r0\n" DONE);

TEST(store_system_information_is_answered)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *block = code_at(vcpu->vm, DATA_GPA);

	/* The current level: a virtual machine is the third. */
	expect_eq(s390_call(vcpu, guest_stsi, DATA_GPA, 0, 0), 0);
	expect_eq(get_gpr(vcpu, 5) >> 28 & 15, 3);
	memset(block, 0, 4096);
	expect_eq(s390_call(vcpu, guest_stsi, DATA_GPA, 3 << 28 | 2, 2), 0);
	/* One description at least, and its name. */
	expect((block[31 / 4] & 0xff) >= 1);
	expect_eq(s390_call(vcpu, guest_stsi, DATA_GPA, 4 << 28 | 1, 1), 3);
	s390_start(vcpu, guest_stsi, DATA_GPA + 8, 1 << 28 | 1, 1);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_stsi, DATA_GPA, 1 << 28 | 1 << 16 | 1, 1);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_stsi, MMIO_GPA, 3 << 28 | 2, 2);
	run_program(vcpu, PGM_ADDRESSING);
}

/* Function code in r4, where in r2; the condition code is the result, and the return code in r3. */
GUEST(guest_sthyi, ".insn rre, 0xb2560000, %r4, %r2\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n" DONE);
GUEST(guest_sthyi_odd, ".insn rre, 0xb2560000, %r5, %r2\n" DONE);
GUEST(guest_essa, ".insn rrf, 0xb9ab0000, %r4, %r2, 1, 0\n" DONE);

TEST(store_hypervisor_information_is_a_facility)
{
	struct kvm_s390_vm_cpu_processor proc;
	struct vm *vm = vm_new();
	struct vcpu *vcpu;

	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR, &proc), 0);
	expect(has_facility(vm, 74));
	expect(has_facility(vm, 138));
	vcpu = vcpu_new(vm, 0);
	expect_eq(s390_call(vcpu, guest_sthyi, DATA_GPA, 0, 0), 0);
	expect_eq(get_gpr(vcpu, 3), 0);
	expect_eq(s390_call(vcpu, guest_sthyi, DATA_GPA, 0, 7), 3);
	expect_eq(get_gpr(vcpu, 3), 4);
	s390_start(vcpu, guest_sthyi, DATA_GPA + 8, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_sthyi_odd, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_sthyi, MMIO_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
	/* A guest without it. */
	vm = vm_new();
	proc.fac_list[74 / 64] &= ~(1ULL << (63 - 74 % 64));
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR, &proc), 0);
	vcpu = vcpu_new(vm, 0);
	s390_start(vcpu, guest_sthyi, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_OPERATION);
}

TEST(collaborative_memory_is_off_until_it_is_asked_for)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_essa, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_OPERATION);
}

TEST(system_information_may_be_completed_by_user_space, NEED(KVM_CAP_S390_USER_STSI))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_USER_STSI };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ENABLE_CAP, &c), 0);
	s390_start(vcpu, guest_stsi, DATA_GPA, 3 << 28 | 2, 2);
	run_until(vcpu, KVM_EXIT_S390_STSI);
	expect_eq(vcpu->run->s390_stsi.addr, DATA_GPA);
	expect_eq(vcpu->run->s390_stsi.fc, 3);
	expect_eq(vcpu->run->s390_stsi.sel1, 2);
	expect_eq(vcpu->run->s390_stsi.sel2, 2);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0);
}

/* Channel subsystem: subchannel r1, block r2; the condition code is the result. */
GUEST(guest_tsch, "lgr %r1, %r3\n tsch 0(%r2)\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n" DONE);
GUEST(guest_ssch, "lgr %r1, %r3\n ssch 0(%r2)\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n" DONE);
GUEST(guest_tpi, "tpi 0(%r2)\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n" DONE);

TEST(channel_subsystem_is_user_spaces_if_at_all, NEED(KVM_CAP_S390_CSS_SUPPORT))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_CSS_SUPPORT };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_eq(s390_call(vcpu, guest_ssch, DATA_GPA, 0x10001, 0), 3);
	expect_eq(s390_call(vcpu, guest_tsch, DATA_GPA, 0x10001, 0), 3);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &c), 0);
	s390_start(vcpu, guest_ssch, DATA_GPA, 0x10001, 0);
	run_exit(vcpu, 0xb233);
	s390_start(vcpu, guest_tsch, DATA_GPA, 0x10001, 0);
	run_until(vcpu, KVM_EXIT_S390_TSCH);
	expect_eq(vcpu->run->s390_tsch.dequeued, 0);
	expect_eq(vcpu->run->s390_tsch.ipb, 0x20000000);
	/* Nothing is pending. */
	expect_eq(s390_call(vcpu, guest_tpi, DATA_GPA, 0, 0), 0);
}

TEST(test_subchannel_takes_its_interrupt_along, NEED(KVM_CAP_S390_CSS_SUPPORT))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_CSS_SUPPORT };
	struct kvm_s390_interrupt io = {
		.type = KVM_S390_INT_IO(0, 0, 0, 1), .parm = 0x10001, .parm64 = 0x1234ULL << 32 | 3 << 27,
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &c), 0);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_S390_INTERRUPT, &io), 0);
	s390_start(vcpu, guest_tsch, DATA_GPA, 0x10001, 0);
	run_until(vcpu, KVM_EXIT_S390_TSCH);
	expect_eq(vcpu->run->s390_tsch.dequeued, 1);
	expect_eq(vcpu->run->s390_tsch.subchannel_id, 1);
	expect_eq(vcpu->run->s390_tsch.subchannel_nr, 1);
	expect_eq(vcpu->run->s390_tsch.io_int_parm, 0x1234);
	expect_eq(vcpu->run->s390_tsch.io_int_word, 3 << 27);
	s390_start(vcpu, guest_tsch, DATA_GPA, 0x10001, 0);
	run_until(vcpu, KVM_EXIT_S390_TSCH);
	expect_eq(vcpu->run->s390_tsch.dequeued, 0);
}

TEST(test_pending_interruption_stores_what_is_pending, NEED(KVM_CAP_S390_CSS_SUPPORT))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_CSS_SUPPORT };
	struct kvm_s390_interrupt io = {
		.type = KVM_S390_INT_IO(0, 0, 0, 9), .parm = 0x10009, .parm64 = 0x4321ULL << 32 | 5 << 27,
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *data = code_at(vcpu->vm, DATA_GPA);

	expect_ret(kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &c), 0);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_S390_INTERRUPT, &io), 0);
	set_cr(vcpu, 6, 0x80000000 >> 3);
	expect_eq(s390_call(vcpu, guest_tpi, DATA_GPA, 0, 0), 0);
	set_cr(vcpu, 6, 0x80000000 >> 5);
	expect_eq(s390_call(vcpu, guest_tpi, DATA_GPA, 0, 0), 1);
	expect_eq(data[0], 0x10009);
	expect_eq(data[1], 0x4321);
	expect_eq(s390_call(vcpu, guest_tpi, DATA_GPA, 0, 0), 0);
	/* Without an address it goes where an interruption has it. */
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_S390_INTERRUPT, &io), 0);
	expect_eq(s390_call(vcpu, guest_tpi, 0, 0, 0), 1);
	expect_eq(lowcore32(vcpu, LC_SUBCHANNEL), 0x10009);
	expect_eq(lowcore32(vcpu, LC_IO_PARAM), 0x4321);
	expect_eq(lowcore32(vcpu, LC_IO_WORD), 5 << 27);
}

GUEST(guest_servc, ".insn rre, 0xb2200000, %r2, %r3\n" DONE);

TEST(service_call_comes_to_user_space)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_servc, 0x00020001, DATA_GPA, 0);
	run_exit(vcpu, 0xb220);
	expect_eq(vcpu->run->s390_sieic.ipb, 0x00230000);
	run_done(vcpu);
}

GUEST(guest_tprot, "tprot 0(%r2), 0(%r3)\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n" DONE);
GUEST(guest_tb, "lghi %r0, 0\n tb %r0, %r2\n ipm %r2\n srl %r2, 28\n llgfr %r2, %r2\n" DONE);
GUEST(guest_epsw, "epsw %r4, %r5\n lgr %r2, %r4\n" DONE);

TEST(memory_is_tested_and_cleared)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *data = code_at(vcpu->vm, DATA_GPA);

	data[0] = data[511] = 1;
	expect_eq(s390_call(vcpu, guest_tprot, DATA_GPA, 0, 0), 0);
	expect_eq(s390_call(vcpu, guest_tb, DATA_GPA, 0, 0), 0);
	expect_eq(data[0] | data[511], 0);
	s390_start(vcpu, guest_tprot, MMIO_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
	s390_start(vcpu, guest_tb, MMIO_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
	expect_eq(s390_call(vcpu, guest_epsw, 0, 0, 0) & 1, 1);
}

GUEST(guest_zero, ".short 0\n" DONE);

TEST(invalid_operation_is_the_guests_or_user_spaces)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_USER_INSTR0 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_zero, 0, 0, 0);
	run_program(vcpu, PGM_OPERATION);
	expect_eq(lowcore64(vcpu, LC_PGM_OLD + 8), s390_gpa(guest_zero) + 2);
	if (!vm_cap(vcpu->vm, KVM_CAP_S390_USER_INSTR0))
		return;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ENABLE_CAP, &c), 0);
	s390_start(vcpu, guest_zero, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->s390_sieic.icptcode, 0x2c);
	expect_eq(vcpu->run->s390_sieic.ipa, 0);
}

TEST(invalid_operation_without_end_is_user_spaces)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *new = s390_lowcore(vcpu, LC_PGM_NEW);

	new[1] = s390_gpa(guest_zero);
	s390_start(vcpu, guest_zero, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->s390_sieic.icptcode, 0x2c);
	expect_eq(vcpu->run->psw_addr, s390_gpa(guest_zero) + 2);
	/* From problem state it is the guest's: the new PSW is another. */
	s390_start(vcpu, guest_zero, 0, 0, 0);
	vcpu->run->psw_mask |= PSW_PROBLEM;
	new[1] = s390_gpa(guest_zero) + 2;
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect(s390_is_diag(vcpu, DIAG_DONE));
	expect_eq(lowcore64(vcpu, LC_PGM_OLD + 8), s390_gpa(guest_zero) + 2);
}

/* To each page of r3, from r2 on. */
GUEST(guest_store_pages, "1: stg %r2, 8(%r2)\n aghi %r2, 4096\n brctg %r3, 1b\n" DONE);

TEST(stores_of_two_vcpus_to_the_same_pages_are_done)
{
	const uint64_t pages = 4096;
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, pages * 4096);
	struct runner r;

	/* Each finds pages that the other is bringing in; none of them is the guest's to protect. */
	s390_start(b, guest_store_pages, TEST_GPA, pages, 0);
	runner_start(&r, b);
	s390_start(a, guest_store_pages, TEST_GPA, pages, 0);
	run_diag(a, DIAG_DONE);
	expect_ret(runner_join(&r), 0);
	expect_eq(b->run->exit_reason, KVM_EXIT_S390_SIEIC);
	expect(s390_is_diag(b, DIAG_DONE));
	for (uint64_t n = 0; n < pages; n++)
		expect_eq(*(uint64_t *)(mem + n * 4096 + 8), TEST_GPA + n * 4096);
}

GUEST(guest_spin_short, "0: j 0b\n");

TEST(specification_exception_without_end_is_user_spaces)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *new = s390_lowcore(vcpu, LC_PGM_NEW);

	/* A new PSW that is none: the exception that it makes would load it again. */
	new[0] = PSW_64 | 1ULL << 63;
	s390_start(vcpu, guest_spin_short, 0, 0, 0);
	vcpu->run->psw_mask |= 1ULL << 63;
	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	expect_eq(vcpu->run->s390_sieic.icptcode, 8);
	/* One that is good: the guest's. */
	new[0] = PSW_64;
	s390_start(vcpu, guest_spin_short, 0, 0, 0);
	vcpu->run->psw_mask |= 1ULL << 63;
	run_program(vcpu, PGM_SPECIFICATION);
}

GUEST(guest_diag_258, "lghi %r3, 99\n diag %r2, %r3, 0x258\n lgr %r2, %r3\n" DONE);

/* Pages that the host has to fetch: what the guest says of them is at a real address. */
TEST(handshake_of_pseudo_page_faults_is_answered)
{
	struct {
		uint16_t code, subcode, length, version;
		uint64_t token, select, compare, zarch;
	} *parm;
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	parm = code_at(vcpu->vm, DATA_GPA);
	/* Where its address leads by DAT there is nothing of it. */
	dat_tables(vcpu->vm);
	*(uint64_t *)code_at(vcpu->vm, FIRST_PAGES + (DATA_GPA >> 12) * 8) = DATA_GPA + 0x1000;
	*parm = (typeof(*parm)){ 0x258, 0, 5, 2, DATA_GPA + 0x800, 0, 0, 1ULL << 63 };
	s390_start(vcpu, guest_diag_258, DATA_GPA, 0, 0);
	dat_on(vcpu);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0);
	/* It is agreed on already. */
	parm->token += 8;
	expect_eq(s390_call(vcpu, guest_diag_258, DATA_GPA, 0, 0), 8);
	*parm = (typeof(*parm)){ 0x258, 1, 5, 2, 0, 0, 0, 0 };
	expect_eq(s390_call(vcpu, guest_diag_258, DATA_GPA, 0, 0), 0);
	expect_eq(s390_call(vcpu, guest_diag_258, DATA_GPA, 0, 0), 4);
	/* What makes no sense. */
	parm->token = 8;
	s390_start(vcpu, guest_diag_258, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	*parm = (typeof(*parm)){ 0x258, 0, 5, 2, DATA_GPA + 0x801, 0, 0, 1ULL << 63 };
	s390_start(vcpu, guest_diag_258, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	parm->token = MMIO_GPA;
	s390_start(vcpu, guest_diag_258, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
	parm->version = 1;
	s390_start(vcpu, guest_diag_258, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_diag_258, DATA_GPA + 4, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_diag_258, MMIO_GPA, 0, 0);
	run_program(vcpu, PGM_ADDRESSING);
}

GUEST(guest_diag_308, "diag %r2, %r3, 0x308\n" DONE);

TEST(initial_program_load_again_is_user_spaces)
{
	const uint64_t both = KVM_S390_RESET_SUBSYSTEM | KVM_S390_RESET_IPL | KVM_S390_RESET_CPU_INIT;
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_diag_308, 0, 3, 0);
	run_until(vcpu, KVM_EXIT_S390_RESET);
	expect_eq(vcpu->run->s390_reset_flags, both | KVM_S390_RESET_CLEAR);
	s390_start(vcpu, guest_diag_308, 0, 4, 0);
	run_until(vcpu, KVM_EXIT_S390_RESET);
	expect_eq(vcpu->run->s390_reset_flags, both);
	s390_start(vcpu, guest_diag_308, 0, 5, 0);
	run_exit(vcpu, 0x8323);
}

GUEST(guest_sckpf, "lgr %r0, %r2\n .insn e, 0x0107\n" DONE);
GUEST(guest_sck, "sck 0(%r2)\n" DONE);
GUEST(guest_stck_of_another, "stckf 0(%r2)\n lg %r2, 0(%r2)\n" DONE);

TEST(clock_is_set_for_all_cpus)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1), *c;
	uint64_t *data = code_at(vm, DATA_GPA), seen;
	const uint64_t tod = 0x2000000000000000, minute = 60000000ULL << 12;
	uint32_t word = 0;

	*data = tod;
	s390_call(a, guest_sck, DATA_GPA, 0, 0);
	seen = s390_call(b, guest_stck_of_another, DATA_GPA + 8, 0, 0);
	expect(seen >= tod && seen < tod + minute);
	c = vcpu_new(vm, 2);
	seen = s390_call(c, guest_stck_of_another, DATA_GPA + 8, 0, 0);
	expect(seen >= tod && seen < tod + minute);
	s390_start(a, guest_sck, DATA_GPA + 4, 0, 0);
	run_program(a, PGM_SPECIFICATION);
	/* The programmable field. */
	s390_call(a, guest_sckpf, 0x1234, 0, 0);
	expect_ret(get_one_reg(a, KVM_REG_S390_TODPR, &word), 0);
	expect_eq(word, 0x1234);
	s390_start(a, guest_sckpf, 0x11234, 0, 0);
	run_program(a, PGM_SPECIFICATION);
}

TEST(clock_of_one_cpu_can_be_set_apart)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	uint64_t epoch, other, seen;

	expect_ret(get_one_reg(a, KVM_REG_S390_EPOCHDIFF, &epoch), 0);
	expect_ret(get_one_reg(b, KVM_REG_S390_EPOCHDIFF, &other), 0);
	expect_eq(epoch, other);
	epoch += 1ULL << 60;
	expect_ret(set_one_reg(a, KVM_REG_S390_EPOCHDIFF, &epoch), 0);
	seen = s390_call(b, guest_stck_of_another, DATA_GPA, 0, 0);
	expect(s390_call(a, guest_stck_of_another, DATA_GPA, 0, 0) - seen >= 1ULL << 60);
	expect_ret(get_one_reg(a, KVM_REG_S390_EPOCHDIFF, &other), 0);
	expect_eq(epoch, other);
}

GUEST(guest_lctl, "stctl %c14, %c1, 0(%r2)\n lctl %c14, %c1, 16(%r2)\n stctl %c14, %c1, 32(%r2)\n" DONE);
GUEST(guest_lpsw, "larl %r5, 1f\n oilh %r5, 0x8000\n st %r5, 4(%r2)\n lpsw 0(%r2)\n 1: nopr\n" DONE);

TEST(control_registers_are_loaded_in_a_ring)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *data = code_at(vcpu->vm, DATA_GPA);
	uint64_t high = 0xabcd000000000000;

	set_cr(vcpu, 0, 0xe0);
	set_cr(vcpu, 15, high);
	data[4] = 0xc2000000;
	data[5] = 0x1230;
	data[6] = 0xe0 | 1 << 14;
	data[7] = 0x4560;
	s390_call(vcpu, guest_lctl, DATA_GPA, 0, 0);
	expect_eq(data[2], 0xe0);
	expect_mem((uint8_t *)(data + 8), (uint8_t *)(data + 4), 16);
	expect_eq(get_cr(vcpu, 15), high | 0x1230);
	expect_eq(get_cr(vcpu, 1), 0x4560);
	s390_start(vcpu, guest_lctl, DATA_GPA + 2, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
}

TEST(short_psw_is_loaded)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *data = code_at(vcpu->vm, DATA_GPA);

	data[0] = 0x00080000;
	s390_start(vcpu, guest_lpsw, DATA_GPA, 0, 0);
	run_done(vcpu);
	/* 31-bit addresses. */
	expect_eq(vcpu->run->psw_mask, 1ULL << 31);
	data[0] = 0;
	s390_start(vcpu, guest_lpsw, DATA_GPA, 0, 0);
	run_program(vcpu, PGM_SPECIFICATION);
}

GUEST(guest_pfmf, "pfmf %r3, %r2\n" DONE);
GUEST(guest_key_of, "iske %r3, %r2\n lgr %r2, %r3\n nill %r2, 0xff\n" DONE);

TEST(frames_are_cleared_and_get_their_key)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 2 << 20);

	if (!has_facility(vcpu->vm, 8)) {
		s390_start(vcpu, guest_pfmf, TEST_GPA, 0x10000, 0);
		run_program(vcpu, PGM_OPERATION);
		return;
	}
	memset(mem, 0x5a, 2 << 20);
	s390_call(vcpu, guest_pfmf, TEST_GPA + 0x3000, 0x10000, 0);
	expect_eq(mem[0x2fff], 0x5a);
	expect_eq(mem[0x3000] | mem[0x3fff], 0);
	expect_eq(mem[0x4000], 0x5a);
	/* From the middle of a frame of 1 MB to its end, with a key; the address moves on. */
	s390_call(vcpu, guest_pfmf, TEST_GPA + 0xfe000, 0x10000 | 0x20000 | 0x1000 | 0x30, 0);
	expect_eq(get_gpr(vcpu, 2), TEST_GPA + 0x100000);
	expect_eq(mem[0xfdfff], 0x5a);
	expect_eq(mem[0xfe000] | mem[0xfffff], 0);
	expect_eq(mem[0x100000], 0x5a);
	/* The guest has them before it asks: the reference's are none for it until then. */
	guest_call(vcpu, GUEST_LOAD, TEST_GPA + 0xff000, 8, 0);
	guest_call(vcpu, GUEST_LOAD, TEST_GPA + 0x100000, 8, 0);
	expect_eq(s390_call(vcpu, guest_key_of, TEST_GPA + 0xff000, 0, 0) & 0xf8, 0x30);
	expect_eq(s390_call(vcpu, guest_key_of, TEST_GPA + 0x100000, 0, 0) & 0xf8, 0);
	s390_start(vcpu, guest_pfmf, TEST_GPA, 0x100, 0);
	run_program(vcpu, PGM_SPECIFICATION);
	s390_start(vcpu, guest_pfmf, MMIO_GPA, 0x10000, 0);
	run_program(vcpu, PGM_ADDRESSING);
}

GUEST(guest_mvpg, "lghi %r0, 0\n mvpg %r2, %r3\n" DONE);

TEST(pages_move_that_the_host_has_to_bring)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 1 << 20);

	memset(mem + 0x1000, 0x77, 4096);
	s390_call(vcpu, guest_mvpg, TEST_GPA + 0x8000, TEST_GPA + 0x1000, 0);
	expect_mem(mem + 0x8000, mem + 0x1000, 4096);
	expect_eq(mem[0x9000], 0);
	s390_start(vcpu, guest_mvpg, MMIO_GPA, TEST_GPA, 0);
	run_program(vcpu, PGM_ADDRESSING);
}

GUEST(guest_svc, "svc 0x42\n" DONE);

TEST(supervisor_call_is_the_guests)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	s390_start(vcpu, guest_svc, 0, 0, 0);
	vcpu->run->psw_mask |= PSW_PROBLEM;
	run_diag(vcpu, DIAG_SVC);
	expect_eq(lowcore16(vcpu, LC_SVC_CODE), 0x42);
}

/* A store over a virtio-ccw notification is an eventfd's. */
GUEST(guest_notify, "lghi %r1, 3\n diag %r2, %r3, 0x500\n" DONE);

TEST(virtio_ccw_notification_goes_to_the_eventfd, NEED(KVM_CAP_IOEVENTFD))
{
	struct kvm_ioeventfd e = { .len = 8, .flags = KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY | KVM_IOEVENTFD_FLAG_DATAMATCH };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_enable_cap c = { .cap = KVM_CAP_S390_CSS_SUPPORT };
	uint64_t n = 0;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &c), 0);
	e.fd = eventfd(0, EFD_NONBLOCK);
	e.addr = 0x10005;
	e.datamatch = 1;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IOEVENTFD, &e), 0);
	s390_start(vcpu, guest_notify, 0x10005, 1, 0);
	run_done(vcpu);
	expect_eq(read(e.fd, &n, 8), 8);
	expect_eq(n, 1);
	/* Another queue, another subchannel. */
	s390_start(vcpu, guest_notify, 0x10005, 2, 0);
	run_exit(vcpu, 0x8323);
	s390_start(vcpu, guest_notify, 0x10006, 1, 0);
	run_exit(vcpu, 0x8323);
	e.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IOEVENTFD, &e), 0);
	s390_start(vcpu, guest_notify, 0x10005, 1, 0);
	run_exit(vcpu, 0x8323);
}
