// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64 loads and stores where no slot is: registers, widths and signs; forms that the processor does not describe; fetches
 * and page-table walks that lead there.
 */
#include "arch_arm64.h"

#define VALUE 0x8182838485868788ULL
#define FSC_EXTERNAL	0x10	/* Arm ARM D17.2.37, ISS of an abort */
#define FSC_EXTERNAL_WALK 0x14	/* and the levels above it */

GUEST(load_ldrb, "	ldrb	w0, [x0]\n" DONE);
GUEST(load_ldrh, "	ldrh	w0, [x0]\n" DONE);
GUEST(load_ldr_w, "	ldr	w0, [x0]\n" DONE);
GUEST(load_ldr_x, "	ldr	x0, [x0]\n" DONE);
GUEST(load_ldrsb_w, "	ldrsb	w0, [x0]\n" DONE);
GUEST(load_ldrsb_x, "	ldrsb	x0, [x0]\n" DONE);
GUEST(load_ldrsh_w, "	ldrsh	w0, [x0]\n" DONE);
GUEST(load_ldrsh_x, "	ldrsh	x0, [x0]\n" DONE);
GUEST(load_ldrsw, "	ldrsw	x0, [x0]\n" DONE);
GUEST(load_ldar, "	ldar	w0, [x0]\n" DONE);
GUEST(load_ldur, "	sub	x0, x0, #1\n	ldur	w0, [x0, #1]\n" DONE);
GUEST(load_indexed, "	ldr	x0, [x1, x0]\n" DONE);
GUEST(load_xzr, "	ldr	xzr, [x0]\n	mov	x0, #7\n" DONE);
GUEST(load_x30, "	ldr	x30, [x0]\n	mov	x0, x30\n" DONE);

struct load {
	const char *name;
	const unsigned char *code;
	unsigned int len;
	uint64_t result;
};

static const struct load loads[] = {
	{ "ldrb", load_ldrb, 1, 0x88 },
	{ "ldrh", load_ldrh, 2, 0x8788 },
	{ "ldr w", load_ldr_w, 4, 0x85868788 },
	{ "ldr x", load_ldr_x, 8, VALUE },
	{ "ldar", load_ldar, 4, 0x85868788 },
	{ "ldur", load_ldur, 4, 0x85868788 },
	{ "indexed", load_indexed, 8, VALUE },
	{ "to xzr", load_xzr, 8, 7 },
	{ "to x30", load_x30, 8, VALUE },
};

static const struct load signed_loads[] = {
	{ "ldrsb w", load_ldrsb_w, 1, 0xffffff88 },
	{ "ldrsb x", load_ldrsb_x, 1, 0xffffffffffffff88 },
	{ "ldrsh w", load_ldrsh_w, 2, 0xffff8788 },
	{ "ldrsh x", load_ldrsh_x, 2, 0xffffffffffff8788 },
	{ "ldrsw", load_ldrsw, 4, 0xffffffff85868788 },
};

static void run_loads(const struct load *load, size_t n)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value = VALUE;

	for (; n--; load++) {
		arm_start(vcpu, load->code, MMIO_GPA, 0, 0);
		run_until(vcpu, KVM_EXIT_MMIO);
		expect_mmio(vcpu, false, MMIO_GPA, load->len, 0);
		memcpy(vcpu->run->mmio.data, &value, 8);
		run_done(vcpu);
		if (arch_result(vcpu) != load->result)
			fail_test("%s: expected %#llx, seen %#llx", load->name, (unsigned long long)load->result,
				  (unsigned long long)arch_result(vcpu));
	}
}

TEST(mmio_load_of_each_form)
{
	run_loads(loads, ARRAY_SIZE(loads));
}

TEST(mmio_load_with_sign)
{
	run_loads(signed_loads, ARRAY_SIZE(signed_loads));
}

GUEST(store_strb, "	strb	w2, [x0]\n" DONE);
GUEST(store_strh, "	strh	w2, [x0]\n" DONE);
GUEST(store_str_w, "	str	w2, [x0]\n" DONE);
GUEST(store_str_x, "	str	x2, [x0]\n" DONE);
GUEST(store_stlr, "	stlr	w2, [x0]\n" DONE);
GUEST(store_xzr, "	str	xzr, [x0]\n" DONE);
GUEST(store_wzr, "	strb	wzr, [x0]\n" DONE);

static const struct {
	const unsigned char *code;
	unsigned int len;
	uint64_t data;
} stores[] = {
	{ store_strb, 1, 0x88 },
	{ store_strh, 2, 0x8788 },
	{ store_str_w, 4, 0x85868788 },
	{ store_str_x, 8, VALUE },
	{ store_stlr, 4, 0x85868788 },
	{ store_xzr, 8, 0 },
	{ store_wzr, 1, 0 },
};

TEST(mmio_store_of_each_form)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		arm_start(vcpu, stores[i].code, MMIO_GPA, 0, VALUE);
		run_until(vcpu, KVM_EXIT_MMIO);
		expect_mmio(vcpu, true, MMIO_GPA, stores[i].len, stores[i].data);
		run_done(vcpu);
	}
}

TEST(mmio_across_pages_comes_in_one)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arm_start(vcpu, store_str_x, MMIO_GPA + page_size() - 3, 0, VALUE);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, MMIO_GPA + page_size() - 3, 8, VALUE);
	run_done(vcpu);
}

GUEST(load_pair, "	ldp	x3, x4, [x0]\n" DONE);
GUEST(load_post_index, "	ldr	x3, [x0], #8\n" DONE);
GUEST(store_pair, "	stp	x2, x2, [x0]\n" DONE);

TEST(access_without_syndrome_fails, NEED(KVM_CAP_ARM_NISV_TO_USER))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	/* An exit for memory-mapped I/O comes before, and is not what the failed run tells of. */
	expect_eq(arm_call(vcpu, load_post_index, DATA_GPA, 0, 0), DATA_GPA + 8);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_MMIO);
	arm_start(vcpu, load_pair, MMIO_GPA, 0, 0);
	expect_ret(vcpu_run(vcpu), -ENOSYS);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_UNKNOWN);
	arm_start(vcpu, store_pair, MMIO_GPA, 0, 0);
	expect_ret(vcpu_run(vcpu), -ENOSYS);
	arm_start(vcpu, load_post_index, MMIO_GPA, 0, 0);
	expect_ret(vcpu_run(vcpu), -ENOSYS);
	/* Memory is memory. */
	expect_eq(arm_call(vcpu, load_post_index, DATA_GPA, 0, 0), DATA_GPA + 8);
}

TEST(access_without_syndrome_is_told_on_request, NEED(KVM_CAP_ARM_NISV_TO_USER))
{
	struct kvm_enable_cap nisv = { .cap = KVM_CAP_ARM_NISV_TO_USER };
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct arm_trap *trap;

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ENABLE_CAP, &nisv), 0);
	arm_start(vcpu, store_pair, MMIO_GPA + 0x40, 0, 0);
	run_until(vcpu, KVM_EXIT_ARM_NISV);
	expect_eq(vcpu->run->arm_nisv.fault_ipa, MMIO_GPA + 0x40);
	expect_eq(vcpu->run->arm_nisv.esr_iss >> 24 & 1, 0);
	expect_eq(vcpu->run->arm_nisv.esr_iss >> 6 & 1, 1);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), arm_gpa(store_pair));
	/* User space may skip it, */
	set_reg(vcpu, CORE(regs.pc), arm_gpa(store_pair) + 4);
	run_done(vcpu);
	/* or let the guest have an abort. */
	arm_start(vcpu, load_pair, MMIO_GPA, 0, 0);
	run_until(vcpu, KVM_EXIT_ARM_NISV);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	trap = run_sync(vcpu, EC_DABT);
	expect_eq(trap->esr & 0x3f, FSC_EXTERNAL);
	expect_eq(trap->elr, arm_gpa(load_pair));
}

TEST(fetch_where_no_slot_is_aborts_in_the_guest)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct arm_trap *trap;

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	set_reg(vcpu, CORE(regs.pc), MMIO_GPA + 0x100);
	trap = run_sync(vcpu, EC_IABT);
	expect_eq(trap->esr & 0x3f, FSC_EXTERNAL);
	expect_eq(trap->elr, MMIO_GPA + 0x100);
	expect_eq(trap->far, MMIO_GPA + 0x100);
}

TEST(walk_through_no_slot_aborts_in_the_guest)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct arm_trap *trap;

	/* A table at the first level that leads out of memory. */
	code_word(vcpu->vm, L1_GPA)[UNMAPPED_GVA >> 30] = MMIO_GPA | 3;
	arch_start(vcpu, GUEST_LOAD, UNMAPPED_GVA + 0x1230, 8, 0);
	trap = run_sync(vcpu, EC_DABT);
	expect(((trap->esr & 0x3f) == FSC_EXTERNAL) || (trap->esr & 0x3c) == FSC_EXTERNAL_WALK);
	expect_eq(trap->far, UNMAPPED_GVA + 0x1230);
	arch_start(vcpu, GUEST_STORE, UNMAPPED_GVA + 0x1230, 8, 0);
	run_sync(vcpu, EC_DABT);
	/* A fetch by way of it, too. */
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	set_reg(vcpu, CORE(regs.pc), UNMAPPED_GVA + 0x40);
	run_trap(vcpu, VECTOR_SYNC);
}

TEST(walk_of_tables_in_a_readonly_slot, NEED(KVM_CAP_READONLY_MEM))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *table = add_slot(vcpu->vm, 1, KVM_MEM_READONLY, TEST_GPA, page_size());

	table[0] = DATA_GPA | 0x703;
	code_word(vcpu->vm, SPARE_GPA)[0] = TEST_GPA | 3;
	code_word(vcpu->vm, L1_GPA)[UNMAPPED_GVA >> 30] = SPARE_GPA | 3;
	*code_word(vcpu->vm, DATA_GPA) = 0x600d;
	expect_eq(guest_load(vcpu, UNMAPPED_GVA, 8), 0x600d);
	guest_store(vcpu, UNMAPPED_GVA + 8, 8, 0xbeef);
	expect_eq(*code_word(vcpu->vm, DATA_GPA + 8), 0xbeef);
}

GUEST(guest_clean, "	dc	civac, x0\n	dc	cvau, x0\n	ic	ivau, x0\n" DONE);

TEST(cache_maintenance_where_no_slot_is_does_nothing)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arm_call(vcpu, guest_clean, MMIO_GPA, 0, 0);
}

GUEST(guest_exclusive, "1:	ldxr	x3, [x0]\n	add	x3, x3, x1\n	stxr	w4, x3, [x0]\n	cbnz	w4, 1b\n	mov	x0, x3\n" DONE);

TEST(exclusives_work_on_memory)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());
	expect_eq(arm_call(vcpu, guest_exclusive, TEST_GPA, 5, 0), 5);
	expect_eq(arm_call(vcpu, guest_exclusive, TEST_GPA, 6, 0), 11);
}

/* Code that user space has written, and writes again, is what the guest runs. */
TEST(guest_runs_what_is_written)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *code = add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());

	for (unsigned int turn = 0; turn < 4; turn++) {
		if (turn) {
			/* As a debugger does it: slots of memory that is new to the guest are coherent by themselves. */
			expect_ret(set_slot(vcpu->vm, 1, 0, 0, 0, NULL), 0);
			code[0] = 0xd2800000 | (turn + 100) << 5;	/* mov x0, #turn + 100 */
			expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, page_size(), code), 0);
		} else {
			code[0] = 0xd2800000 | (turn + 100) << 5;
		}
		code[1] = 0xd2a1e009;	/* mov x9, #DONE_GPA */
		code[2] = 0xf9000120;	/* str x0, [x9] */
		arch_start(vcpu, GUEST_NOP, 0, 0, 0);
		set_reg(vcpu, CORE(regs.pc), TEST_GPA);
		run_done(vcpu);
		expect_eq(arch_result(vcpu), turn + 100);
	}
}

GUEST(guest_mmu_off, "	mrs	x3, sctlr_el1\n	bic	x3, x3, #4\n	bic	x3, x3, #1\n	msr	sctlr_el1, x3\n	isb\n	str	x2, [x0]\n	ldr	x0, [x1]\n" DONE);

TEST(guest_without_mmu_sees_user_memory)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());

	mem[1] = 0x1122;
	expect_eq(arm_call(vcpu, guest_mmu_off, TEST_GPA, TEST_GPA + 8, 0x3344), 0x1122);
	expect_eq(mem[0], 0x3344);
}
