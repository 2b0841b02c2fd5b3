// SPDX-License-Identifier: GPL-2.0-only
/* arm64: KVM_GET_ONE_REG, KVM_SET_ONE_REG, KVM_GET_REG_LIST, and what guests see of it. */
#include "arch_arm64.h"

#define PATTERN 0x8877665544332211ULL
#define VREG(n)	(KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE | \
		 (offsetof(struct kvm_regs, fp_regs.vregs) / 4 + 4 * (n)))
#define FPSR	(KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, fp_regs.fpsr) / 4))
#define FPCR	(KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, fp_regs.fpcr) / 4))

TEST(reg_list_says_how_long_it_is)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_reg_list *list = reg_list(vcpu);
	uint64_t n = list->n;
	uint8_t *guard = guard_page();

	expect(n > 64);
	list->n = n - 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, list), -E2BIG);
	expect_eq(list->n, n);
	/* Room for the count, none for the list. */
	memcpy(guard - 8, &n, 8);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, guard - 8), -EFAULT);
}

TEST(every_listed_register_is_read_and_written_back)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_reg_list *list = reg_list(vcpu);

	for (uint64_t i = 0; i < list->n; i++) {
		uint8_t value[2048], again[2048];
		size_t size = 1 << ((list->reg[i] & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
		int r = get_one_reg(vcpu, list->reg[i], value);

		if (r || (r = set_one_reg(vcpu, list->reg[i], value)))
			fail_test("register %#llx: %d", (unsigned long long)list->reg[i], r);
		/* Counters go on. */
		if (list->reg[i] == KVM_REG_ARM_TIMER_CNT || list->reg[i] == KVM_REG_ARM_PTIMER_CNT)
			continue;
		expect_ret(get_one_reg(vcpu, list->reg[i], again), 0);
		if (memcmp(value, again, size))
			fail_test("register %#llx: not what was written back", (unsigned long long)list->reg[i]);
	}
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(no_register_is_listed_twice)
{
	struct kvm_reg_list *list = reg_list(vcpu_new(vm_new(), 0));

	for (uint64_t i = 0; i < list->n; i++) {
		expect_eq(list->reg[i] & KVM_REG_ARCH_MASK, KVM_REG_ARM64);
		for (uint64_t j = 0; j < i; j++) {
			if (list->reg[i] == list->reg[j])
				fail_test("register %#llx: twice", (unsigned long long)list->reg[i]);
		}
	}
}

TEST(core_registers_keep_what_is_set)
{
	static const uint64_t others[] = { CORE(regs.sp), CORE(regs.pc), CORE(sp_el1), CORE(elr_el1), CORE(spsr[0]),
					   CORE(spsr[1]), CORE(spsr[2]), CORE(spsr[3]), CORE(spsr[4]) };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_reg_list *list = reg_list(vcpu);
	uint32_t word = 0x08000000;

	for (unsigned int n = 0; n < 31; n++)
		set_reg(vcpu, XREG(n), PATTERN + n);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		set_reg(vcpu, others[i], i << 2);
	for (unsigned int n = 0; n < 32; n++) {
		uint64_t v[2] = { PATTERN + n, ~PATTERN - n };

		expect_ret(set_one_reg(vcpu, VREG(n), v), 0);
		expect(has_reg(list, VREG(n)));
	}
	expect_ret(set_one_reg(vcpu, FPSR, &word), 0);
	expect_ret(set_one_reg(vcpu, FPCR, &word), 0);
	for (unsigned int n = 0; n < 31; n++) {
		expect_eq(get_reg(vcpu, XREG(n)), PATTERN + n);
		expect(has_reg(list, XREG(n)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		expect_eq(get_reg(vcpu, others[i]), i << 2);
		expect(has_reg(list, others[i]));
	}
	for (unsigned int n = 0; n < 32; n++) {
		uint64_t v[2], expected[2] = { PATTERN + n, ~PATTERN - n };

		expect_ret(get_one_reg(vcpu, VREG(n), v), 0);
		expect_mem(v, expected, 16);
	}
	expect_eq(get_reg(vcpu, FPSR), word);
	expect_eq(get_reg(vcpu, FPCR), word);
}

GUEST(guest_sum_all,
	"	add	x0, x0, x1\n	add	x0, x0, x2\n	add	x0, x0, x3\n	add	x0, x0, x4\n	add	x0, x0, x5\n"
	"	add	x0, x0, x6\n	add	x0, x0, x7\n	add	x0, x0, x8\n	add	x0, x0, x9\n	add	x0, x0, x10\n"
	"	add	x0, x0, x11\n	add	x0, x0, x12\n	add	x0, x0, x13\n	add	x0, x0, x14\n	add	x0, x0, x15\n"
	"	add	x0, x0, x16\n	add	x0, x0, x17\n	add	x0, x0, x18\n	add	x0, x0, x19\n	add	x0, x0, x20\n"
	"	add	x0, x0, x21\n	add	x0, x0, x22\n	add	x0, x0, x23\n	add	x0, x0, x24\n	add	x0, x0, x25\n"
	"	add	x0, x0, x26\n	add	x0, x0, x27\n	add	x0, x0, x28\n	add	x0, x0, x29\n	add	x0, x0, x30\n"
	DONE);

TEST(guest_has_the_general_registers_that_are_set)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t sum = 0;

	arm_start(vcpu, guest_sum_all, 0, 0, 0);
	for (unsigned int n = 0; n < 31; n++) {
		set_reg(vcpu, XREG(n), PATTERN * (n + 1));
		sum += PATTERN * (n + 1);
	}
	run_done(vcpu);
	expect_eq(arch_result(vcpu), sum);
	for (unsigned int n = 10; n < 31; n++)
		expect_eq(get_reg(vcpu, XREG(n)), PATTERN * (n + 1));
}

GUEST(guest_swap_simd,
	"	fmov	x0, d7\n"
	"	fmov	d8, x1\n"
	"	fmov	v9.d[1], x2\n"
	DONE);

TEST(guest_and_user_space_share_the_simd_registers)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t v[2] = { PATTERN, 1 };

	expect_ret(set_one_reg(vcpu, VREG(7), v), 0);
	expect_ret(set_one_reg(vcpu, VREG(31), v), 0);
	expect_eq(arm_call(vcpu, guest_swap_simd, 0, 55, 66), PATTERN);
	expect_ret(get_one_reg(vcpu, VREG(8), v), 0);
	expect_eq(v[0], 55);
	expect_eq(v[1], 0);
	expect_ret(get_one_reg(vcpu, VREG(9), v), 0);
	expect_eq(v[1], 66);
	expect_ret(get_one_reg(vcpu, VREG(31), v), 0);
	expect_eq(v[0], PATTERN);
	expect_eq(v[1], 1);
}

GUEST(guest_bump_thread_registers,
	"	mrs	x0, tpidr_el0\n	add	x0, x0, #1\n	msr	tpidr_el0, x0\n"
	"	mrs	x0, tpidrro_el0\n	add	x0, x0, #1\n	msr	tpidrro_el0, x0\n"
	"	mrs	x0, contextidr_el1\n	add	x0, x0, #1\n	msr	contextidr_el1, x0\n"
	"	mrs	x0, par_el1\n	mrs	x0, afsr0_el1\n	add	x0, x0, #1\n	msr	afsr0_el1, x0\n"
	"	mrs	x0, tpidr_el1\n	add	x0, x0, #1\n	msr	tpidr_el1, x0\n"
	DONE);

TEST(guest_and_user_space_share_the_system_registers)
{
	static const uint64_t ids[] = { TPIDR_EL0, SYS(3, 3, 13, 0, 3), SYS(3, 0, 13, 0, 1), TPIDR_EL1 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0), *other = vcpu_new(vcpu->vm, 1);

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		set_reg(vcpu, ids[i], 0x1000 * (i + 1));
		set_reg(other, ids[i], 0x9000 * (i + 1));
	}
	for (unsigned int turn = 0; turn < 3; turn++) {
		arm_call(vcpu, guest_bump_thread_registers, 0, 0, 0);
		arm_call(other, guest_bump_thread_registers, 0, 0, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		expect_eq(get_reg(vcpu, ids[i]), 0x1000 * (i + 1) + 3);
		expect_eq(get_reg(other, ids[i]), 0x9000 * (i + 1) + 3);
	}
}

#define OFFSET(field) (offsetof(struct kvm_regs, field) / 4)

/* log2 of the size of the register at this offset, or -1. */
static int size_at(unsigned int offset)
{
	if (offset >= OFFSET(fp_regs.fpsr))
		return offset <= OFFSET(fp_regs.fpcr) ? 2 : -1;
	if (offset >= OFFSET(fp_regs.vregs))
		return (offset - OFFSET(fp_regs.vregs)) % 4 ? -1 : 4;
	/* What follows the last SPSR is for alignment. */
	return offset % 2 || offset >= OFFSET(spsr) + 2 * KVM_NR_SPSR ? -1 : 3;
}

TEST(core_register_sizes_and_offsets_are_checked)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t base = KVM_REG_ARM64 | KVM_REG_ARM_CORE, v[32];

	set_reg(vcpu, XREG(0), PATTERN);
	set_reg(vcpu, XREG(1), PATTERN);
	memset(v, 0x5a, sizeof(v));
	for (unsigned int offset = 0; offset < sizeof(struct kvm_regs) / 4; offset++) {
		for (int size = 0; size < 9; size++) {
			uint64_t id = base | (uint64_t)size << KVM_REG_SIZE_SHIFT | offset, seen[32];
			int r = get_one_reg(vcpu, id, seen);

			if (size == size_at(offset)) {
				expect_ret(r, 0);
				continue;
			}
			expect(r == -EINVAL || r == -ENOENT);
			expect(set_one_reg(vcpu, id, v) < 0);
		}
	}
	expect_ret(get_one_reg(vcpu, base | KVM_REG_SIZE_U64 | 0x8000, v), -ENOENT);
	expect_ret(set_one_reg(vcpu, base | KVM_REG_SIZE_U64 | 0xfffe, v), -ENOENT);
	expect_eq(get_reg(vcpu, XREG(0)), PATTERN);
	expect_eq(get_reg(vcpu, XREG(1)), PATTERN);
}

TEST(unknown_kinds_of_registers_are_not_there)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t v = 0;

	expect_ret(get_one_reg(vcpu, KVM_REG_X86 | KVM_REG_SIZE_U64, &v), -EINVAL);
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE, &v), -EINVAL);
	expect_ret(get_one_reg(vcpu, KVM_REG_SIZE_U64, &v), -EINVAL);
	for (uint64_t kind = 0x17; kind < 0x40; kind++) {
		expect_ret(get_one_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U64 | kind << 16, &v), -ENOENT);
		expect_ret(set_one_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U64 | kind << 16, &v), -ENOENT);
	}
	/* A system register of another size, one with bits behind its encoding, ones that nobody has. */
	expect_ret(get_one_reg(vcpu, (TTBR0_EL1 & ~KVM_REG_SIZE_MASK) | KVM_REG_SIZE_U32, &v), -ENOENT);
	expect_ret(get_one_reg(vcpu, SYS(3, 0, 1, 7, 7), &v), -ENOENT);
	expect_ret(set_one_reg(vcpu, SYS(3, 4, 1, 1, 7), &v), -ENOENT);
}

/* Each register has one size; with another the id is nobody's. */
TEST(register_ids_of_other_sizes_are_not_there)
{
	const uint64_t kinds[] = {
		KVM_REG_ARM_TIMER_CTL, KVM_REG_ARM_TIMER_CNT, KVM_REG_ARM_TIMER_CVAL, KVM_REG_ARM_PTIMER_CTL,
		KVM_REG_ARM_PSCI_VERSION, KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
		KVM_REG_ARM_FW_FEAT_BMAP_REG(0), KVM_REG_ARM_FW_FEAT_BMAP_REG(1),
		KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | KVM_REG_ARM_DEMUX_ID_CCSIDR,
		KVM_REG_ARM64_SVE_ZREG(0, 0), KVM_REG_ARM64_SVE_PREG(0, 0), KVM_REG_ARM64_SVE_VLS,
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t v[256], before[256];

	memset(before, 0x5a, sizeof(before));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (uint64_t size = KVM_REG_SIZE_U8; size <= KVM_REG_SIZE_U2048; size += 1ULL << KVM_REG_SIZE_SHIFT) {
			uint64_t id = (kinds[i] & ~KVM_REG_SIZE_MASK) | size;
			int r;

			if (size == (kinds[i] & KVM_REG_SIZE_MASK))
				continue;
			memcpy(v, before, sizeof(v));
			r = get_one_reg(vcpu, id, v);
			if (r != -ENOENT && r != -EINVAL)
				fail_test("KVM_GET_ONE_REG of %#llx: seen %d", (unsigned long long)id, r);
			expect_mem(v, before, sizeof(v));
			r = set_one_reg(vcpu, id, v);
			if (r != -ENOENT && r != -EINVAL)
				fail_test("KVM_SET_ONE_REG of %#llx: seen %d", (unsigned long long)id, r);
		}
	}
}

TEST(register_pointers_are_checked)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *guard = guard_page();

	set_reg(vcpu, XREG(5), PATTERN);
	expect_ret(get_one_reg(vcpu, XREG(5), guard), -EFAULT);
	expect_ret(set_one_reg(vcpu, XREG(5), guard), -EFAULT);
	expect_ret(set_one_reg(vcpu, XREG(5), guard - 7), -EFAULT);
	expect_ret(get_one_reg(vcpu, XREG(5), NULL), -EFAULT);
	expect_ret(set_one_reg(vcpu, TPIDR_EL1, guard - 4), -EFAULT);
	expect_ret(get_one_reg(vcpu, MPIDR_EL1, guard), -EFAULT);
	expect_eq(get_reg(vcpu, XREG(5)), PATTERN);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_ONE_REG, guard), -EFAULT);
}

TEST(pstate_has_only_modes_of_the_guest)
{
	static const unsigned int bad[] = { 0x8, 0x9, 0xc, 0xd, 0x1, 0x2, 0x3, 0x6, 0x7, 0xe, 0xf, 0x11, 0x13, 0x16, 0x1a, 0x1b, 0x1f };
	static const unsigned int good[] = { 0x0, 0x4, 0x5 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t before = get_reg(vcpu, CORE(regs.pstate));

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t v = PSTATE_DAIF | bad[i];

		expect_ret(set_one_reg(vcpu, CORE(regs.pstate), &v), -EINVAL);
		expect_eq(get_reg(vcpu, CORE(regs.pstate)), before);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		set_reg(vcpu, CORE(regs.pstate), PSTATE_DAIF | good[i]);
		expect_eq(get_reg(vcpu, CORE(regs.pstate)), PSTATE_DAIF | good[i]);
	}
}

GUEST(guest_mpidr, "	mrs	x0, mpidr_el1\n" DONE);

TEST(mpidr_is_made_of_the_vcpu_id)
{
	static const unsigned int ids[] = { 0, 1, 5, 7 };
	struct vm *vm = vm_new();

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct vcpu *vcpu = vcpu_new(vm, ids[i]);

		expect_eq(get_reg(vcpu, MPIDR_EL1) & ~(1ULL << 31), ids[i]);
		expect_eq(arm_call(vcpu, guest_mpidr, 0, 0, 0), get_reg(vcpu, MPIDR_EL1));
	}
}

GUEST(guest_ids,
	"	mrs	x3, midr_el1\n"
	"	mrs	x4, id_aa64pfr0_el1\n	mrs	x5, id_aa64pfr1_el1\n	mrs	x6, id_aa64dfr0_el1\n"
	"	mrs	x7, id_aa64isar0_el1\n	mrs	x8, id_aa64isar1_el1\n	mrs	x10, id_aa64mmfr0_el1\n"
	"	mrs	x11, id_aa64mmfr1_el1\n	mrs	x12, id_aa64mmfr2_el1\n\n"
	DONE);

TEST(guest_sees_the_id_registers_that_user_space_sees)
{
	static const struct {
		unsigned int in;
		uint64_t id;
	} regs[] = {
		{ 3, SYS(3, 0, 0, 0, 0) }, { 4, SYS(3, 0, 0, 4, 0) }, { 5, SYS(3, 0, 0, 4, 1) }, { 6, SYS(3, 0, 0, 5, 0) },
		{ 7, SYS(3, 0, 0, 6, 0) }, { 8, SYS(3, 0, 0, 6, 1) }, { 10, SYS(3, 0, 0, 7, 0) }, { 11, SYS(3, 0, 0, 7, 1) },
		{ 12, SYS(3, 0, 0, 7, 2) },
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arm_call(vcpu, guest_ids, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		expect_eq(get_reg(vcpu, XREG(regs[i].in)), get_reg(vcpu, regs[i].id));
}

/* EL2 and EL3 are not the guest's; SVE and pointer authentication are, when they are asked for. */
TEST(id_registers_show_no_more_than_the_guest_has)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t pfr0 = get_reg(vcpu, ID_AA64PFR0_EL1), isar1 = get_reg(vcpu, SYS(3, 0, 0, 6, 1));

	expect(pfr0 & 0xf);		/* EL0 */
	expect(pfr0 >> 4 & 0xf);	/* EL1 */
	expect_eq(pfr0 >> 32 & 0xf, 0);	/* SVE */
	expect_eq(isar1 >> 4 & 0xff, 0);	/* APA, API */
	expect_eq(isar1 >> 24 & 0xff, 0);	/* GPA, GPI */
	expect_eq(get_reg(vcpu, SYS(3, 0, 0, 5, 0)) >> 8 & 0xf, 0);	/* PMU */
}

TEST(invariant_registers_do_not_change)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t v = get_reg(vcpu, ID_AA64PFR0_EL1), wrong;

	set_reg(vcpu, ID_AA64PFR0_EL1, v);
	/* A processor without EL0 and with an EL1 that nobody knows. */
	wrong = (v & ~0xffULL) | 0x70;
	expect_ret(set_one_reg(vcpu, ID_AA64PFR0_EL1, &wrong), -EINVAL);
	expect_eq(get_reg(vcpu, ID_AA64PFR0_EL1), v);
	wrong = ~get_reg(vcpu, SYS(3, 0, 0, 5, 4));
	expect_ret(set_one_reg(vcpu, SYS(3, 0, 0, 5, 4), &wrong), -EINVAL);
}
