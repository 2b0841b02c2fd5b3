// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64: guests whose EL1 is AArch32 (KVM_ARM_VCPU_EL1_32BIT). Their code is A32 in words, with the MMU off: addresses are
 * physical. All vectors store r0 to DONE_GPA; which one it was, PC tells.
 */
#include "arch_arm64.h"

#define VECTORS_GPA	0x30000
#define CODE32_GPA	0x31000
#define CODE32_END	0x7f000
#define RESULT_GPA	TEST_GPA

#define VECTOR_UND	0x04
#define VECTOR_PABT	0x0c
#define VECTOR_DABT	0x10

/* PSTATE as core registers have it, Arm ARM C5.2.18, "SPSR_EL1, when exception taken from AArch32". */
#define MODE32_SVC	0x13
#define MODE32_ABT	0x17
#define MODE32_UND	0x1b
#define MODE32_MASK	0x1f
#define AIF32		(1 << 8 | 1 << 7 | 1 << 6)
#define T32		(1 << 5)

/* AArch64's names of the banked registers, Arm ARM D1.20.1. */
#define R_LR_ABT	20
#define R_LR_UND	22
#define SPSR(n)		CORE(spsr[KVM_SPSR_##n])

/* A32. r12 holds DONE_GPA. */
#define STORE_R0	0xe58c0000	/* str r0, [r12] */
#define LOAD_R0_R1	0xe5910000	/* ldr r0, [r1] */
#define BX_R1		0xe12fff11
#define HVC		0xe1400070
#define MOV_R4_LR	0xe1a0400e
#define CPS_SVC		0xf1020013
#define MOV_PC_R4	0xe1a0f004
#define ADD_R3_1	0xe2833001
#define STRB_R3_R2_1	0xe4c23001	/* strb r3, [r2], #1 */
#define MOV_R3_0	0xe3a03000
#define MOV_R0_0	0xe3a00000
#define MRC(cp, op1, crn, crm, op2, rt) \
	(0xee100010 | (op1) << 21 | (crn) << 16 | (rt) << 12 | (cp) << 8 | (op2) << 5 | (crm))
#define MCR(cp, op1, crn, crm, op2, rt)	(MRC(cp, op1, crn, crm, op2, rt) & ~(1U << 20))
#define MRRC(cp, op1, crm, rt, rt2)	(0xec500000 | (rt2) << 16 | (rt) << 12 | (cp) << 8 | (op1) << 4 | (crm))

#define IFSR32_EL2	SYS(3, 4, 5, 0, 1)

static struct vcpu *vcpu_of_32_bits(struct vm *vm, unsigned int id)
{
	uint32_t *vectors = (uint32_t *)code_word(vm, VECTORS_GPA);
	struct vcpu *vcpu = vcpu_new_bare(vm, id);
	struct kvm_vcpu_init init = arm_target(vm);

	init.features[0] |= 1 << KVM_ARM_VCPU_EL1_32BIT;
	expect_ret(arm_init(vcpu, &init), 0);
	for (unsigned int i = 0; i < 8; i++)
		vectors[i] = STORE_R0;
	set_reg(vcpu, VBAR_EL1, VECTORS_GPA);
	set_reg(vcpu, XREG(12), DONE_GPA);
	return vcpu;
}

/* Ready to run these words, from the beginning. */
static void start32(struct vcpu *vcpu, const uint32_t *code, size_t words)
{
	expect(CODE32_GPA + 4 * words <= CODE32_END);
	if (vcpu->run->exit_reason == KVM_EXIT_MMIO)
		arm_complete(vcpu);
	memcpy(code_word(vcpu->vm, CODE32_GPA), code, 4 * words);
	set_reg(vcpu, CORE(regs.pc), CODE32_GPA);
	set_reg(vcpu, CORE(regs.pstate), MODE32_SVC | 1 << 4 | AIF32);
}
#define START32(vcpu, ...) \
	start32(vcpu, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

/* Runs to the next store to DONE_GPA; what was stored. */
static uint32_t run32(struct vcpu *vcpu)
{
	uint32_t value;

	run_done(vcpu);
	expect_eq(vcpu->run->mmio.len, 4);
	memcpy(&value, vcpu->run->mmio.data, 4);
	return value;
}

/* Runs into this vector, in this mode; its LR, of this number. */
static uint32_t run32_into(struct vcpu *vcpu, unsigned int vector, unsigned int mode, unsigned int lr)
{
	run32(vcpu);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), VECTORS_GPA + vector);
	expect_eq(get_reg(vcpu, CORE(regs.pstate)) & MODE32_MASK, mode);
	return get_reg(vcpu, XREG(lr));
}

TEST(aarch32_guest_begins_as_its_reset_says, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	expect_eq(get_reg(vcpu, CORE(regs.pstate)), 0x10 | MODE32_SVC | AIF32);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), 0);
	START32(vcpu, STORE_R0, ADD_R3_1, STORE_R0);
	set_reg(vcpu, XREG(0), 0x1234567800000042);
	expect_eq(run32(vcpu), 0x42);
	set_reg(vcpu, XREG(0), 0x43);
	expect_eq(run32(vcpu), 0x43);
	expect_eq(get_reg(vcpu, XREG(3)), 1);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), CODE32_GPA + 8);
}

TEST(aarch32_pstate_has_only_modes_of_the_guest, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	static const unsigned int good[] = { 0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f };
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		set_reg(vcpu, CORE(regs.pstate), good[i] | AIF32);
		expect_eq(get_reg(vcpu, CORE(regs.pstate)), good[i] | AIF32);
	}
	/* EL1h, EL0t, EL2h; monitor and hypervisor mode. */
	for (value = 0; value < 0x20; value++) {
		bool is_good = false;

		for (size_t i = 0; i < ARRAY_SIZE(good); i++)
			is_good |= good[i] == value;
		if (!is_good)
			expect_ret(set_one_reg(vcpu, CORE(regs.pstate), &value), -EINVAL);
	}
}

TEST(aarch32_identification_is_that_of_aarch64, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 3);

	START32(vcpu, MRC(15, 0, 0, 0, 5, 0), STORE_R0, MRC(15, 0, 0, 1, 0, 0), STORE_R0,
		MRC(15, 0, 0, 2, 5, 0), STORE_R0, MRC(15, 0, 0, 0, 0, 0), STORE_R0);
	expect_eq(run32(vcpu), (uint32_t)get_reg(vcpu, MPIDR_EL1));
	expect_eq(run32(vcpu), (uint32_t)get_reg(vcpu, SYS(3, 0, 0, 1, 0)));	/* ID_PFR0 */
	expect_eq(run32(vcpu), (uint32_t)get_reg(vcpu, SYS(3, 0, 0, 2, 5)));	/* ID_ISAR5 */
	expect_eq(run32(vcpu), (uint32_t)get_reg(vcpu, SYS(3, 0, 0, 0, 0)));	/* MIDR */
}

TEST(aarch32_reserved_identification_is_zero, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	/* Where AArch64 has ID_AA64PFR0_EL1, ID_AA64DFR0_EL1 and ID_AA64MMFR0_EL1. */
	START32(vcpu, MRC(15, 0, 0, 4, 0, 0), STORE_R0, MRC(15, 0, 0, 5, 0, 0), STORE_R0, MRC(15, 0, 0, 7, 0, 0), STORE_R0);
	for (unsigned int n = 0; n < 3; n++) {
		set_reg(vcpu, XREG(0), 0x55);
		expect_eq(run32(vcpu), 0);
	}
}

/* Registers that trap while caches are off, and those that never do; halves of those of AArch64. */
TEST(aarch32_registers_are_halves_of_those_of_aarch64, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	set_reg(vcpu, MAIR_EL1, 0x1111111122222222);
	START32(vcpu, MRC(15, 0, 10, 2, 1, 0), STORE_R0, MCR(15, 0, 10, 2, 0, 0), MCR(15, 0, 6, 0, 2, 0),
		MCR(15, 0, 3, 0, 0, 0), MCR(15, 0, 13, 0, 4, 0), STORE_R0);
	expect_eq(run32(vcpu), 0x11111111);
	set_reg(vcpu, XREG(0), 0x33445566);
	run32(vcpu);
	expect_eq(get_reg(vcpu, MAIR_EL1), 0x1111111133445566);
	expect_eq(get_reg(vcpu, FAR_EL1) >> 32, 0x33445566);		/* IFAR */
	expect_eq((uint32_t)get_reg(vcpu, SYS(3, 4, 3, 0, 0)), 0x33445566);	/* DACR32_EL2 */
	expect_eq((uint32_t)get_reg(vcpu, TPIDR_EL1), 0x33445566);	/* TPIDRPRW */
}

TEST(aarch32_undefined_is_taken_in_undefined_mode, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	START32(vcpu, MOV_R0_0, MRC(15, 0, 9, 12, 0, 0));	/* PMCR: no PMU */
	expect_eq(run32_into(vcpu, VECTOR_UND, MODE32_UND, R_LR_UND), CODE32_GPA + 8);
	expect_eq(get_reg(vcpu, SPSR(UND)) & (MODE32_MASK | AIF32 | T32), MODE32_SVC | AIF32);
}

TEST(aarch32_abort_is_injected, NEED(KVM_CAP_ARM_EL1_32BIT), NEED(KVM_CAP_ARM_INJECT_EXT_DABT))
{
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	START32(vcpu, LOAD_R0_R1);
	set_reg(vcpu, XREG(1), MMIO_GPA + 0x20);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_eq(vcpu->run->mmio.phys_addr, MMIO_GPA + 0x20);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	expect_eq(run32_into(vcpu, VECTOR_DABT, MODE32_ABT, R_LR_ABT), CODE32_GPA + 8);
	expect_eq(get_reg(vcpu, ESR_EL1) & 0x40f, 0x8);		/* DFSR: external, not of a walk */
	expect_eq((uint32_t)get_reg(vcpu, FAR_EL1), MMIO_GPA + 0x20);
	expect_eq(get_reg(vcpu, SPSR(ABT)) & MODE32_MASK, MODE32_SVC);
}

TEST(aarch32_fetch_from_nowhere_is_a_prefetch_abort, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	START32(vcpu, BX_R1);
	set_reg(vcpu, XREG(1), MMIO_GPA);
	expect_eq(run32_into(vcpu, VECTOR_PABT, MODE32_ABT, R_LR_ABT), MMIO_GPA + 4);
	expect_eq(get_reg(vcpu, IFSR32_EL2) & 0x40f, 0x8);
	expect_eq(get_reg(vcpu, FAR_EL1) >> 32, MMIO_GPA);
}

TEST(aarch32_guest_calls_psci, NEED(KVM_CAP_ARM_EL1_32BIT), NEED(KVM_CAP_ARM_PSCI_0_2))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);

	START32(vcpu, HVC, STORE_R0, HVC, STORE_R0);
	set_reg(vcpu, XREG(0), 0x84000000);	/* PSCI_VERSION */
	expect(run32(vcpu) >= 0x2);
	set_reg(vcpu, XREG(0), 0x12345678);
	expect_eq(run32(vcpu), 0xffffffff);	/* unknown */
}

TEST(aarch32_counters_go_on, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vcpu *vcpu = vcpu_of_32_bits(vm_new(), 0);
	uint32_t first;

	/* CNTVCT and CNTPCT by MRRC. */
	START32(vcpu, MRRC(15, 1, 14, 0, 4), STORE_R0, MRRC(15, 1, 14, 0, 4), STORE_R0, MRRC(15, 0, 14, 0, 4), STORE_R0);
	first = run32(vcpu);
	expect((int32_t)(run32(vcpu) - first) > 0);
	run32(vcpu);
}

/* Runs words that skip what is undefined, and count it in r3; r2 is where results go. */
static void sweep32(struct vcpu *vcpu, const uint32_t *code, size_t words)
{
	uint32_t *vectors = (uint32_t *)code_word(vcpu->vm, VECTORS_GPA);

	/*
	 * b VECTORS_GPA + 0x40: there it is counted. The way back is not by SPSR, which QEMU 7.2 leaves as it was when EL2
	 * returns to another mode of AArch32.
	 */
	vectors[1] = 0xea000000 | (0x40 - 4 - 8) / 4;
	vectors[16] = ADD_R3_1;
	vectors[17] = MOV_R4_LR;
	vectors[18] = CPS_SVC;
	vectors[19] = MOV_PC_R4;
	start32(vcpu, code, words);
	set_reg(vcpu, XREG(2), RESULT_GPA);
	run32(vcpu);
	expect_eq(get_reg(vcpu, CORE(regs.pc)), CODE32_GPA + 4 * (words - 1));
}

#define ENCODINGS32	16384

static unsigned int at(unsigned int op1, unsigned int crn, unsigned int crm, unsigned int op2)
{
	return op1 << 11 | crn << 7 | crm << 3 | op2;
}

#define N_OP1(n) ((n) >> 11)
#define N_CRN(n) ((n) >> 7 & 15)
#define N_CRM(n) ((n) >> 3 & 15)
#define N_OP2(n) ((n) & 7)

TEST(aarch32_every_register_is_read_or_undefined, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vm *vm = vm_new();
	uint8_t *result = add_slot(vm, 1, 0, RESULT_GPA, 2 * ENCODINGS32);
	struct vcpu *vcpu = vcpu_of_32_bits(vm, 0);
	uint32_t *code = calloc(3 * ENCODINGS32 + 1, 4);

	for (unsigned int cp = 14; cp < 16; cp++) {
		for (unsigned int n = 0; n < ENCODINGS32; n++) {
			code[3 * n] = MOV_R3_0;
			code[3 * n + 1] = MRC(cp, N_OP1(n), N_CRN(n), N_CRM(n), N_OP2(n), 0);
			code[3 * n + 2] = STRB_R3_R2_1;
		}
		code[3 * ENCODINGS32] = STORE_R0;
		sweep32(vcpu, code, 3 * ENCODINGS32 + 1);
		for (unsigned int n = 0; n < ENCODINGS32; n++)
			expect(result[n] <= 1);
		if (cp == 14)
			continue;
		expect_eq(result[at(0, 0, 0, 0)], 0);	/* MIDR */
		expect_eq(result[at(0, 0, 1, 0)], 0);	/* ID_PFR0 */
		expect_eq(result[at(0, 1, 0, 0)], 0);	/* SCTLR */
		expect_eq(result[at(0, 13, 0, 2)], 0);	/* TPIDRURW */
		expect_eq(result[at(0, 9, 12, 0)], 1);	/* PMCR */
		expect_eq(result[at(4, 1, 1, 0)], 1);	/* HCR */
	}
}

TEST(aarch32_every_register_is_written_with_zeros, NEED(KVM_CAP_ARM_EL1_32BIT))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_of_32_bits(vm, 0);
	uint32_t *code = calloc(ENCODINGS32 + 1, 4);

	for (unsigned int cp = 14; cp < 16; cp++) {
		for (unsigned int n = 0; n < ENCODINGS32; n++) {
			/* Not what the guest needs to go on: VBAR. */
			bool needed = cp == 15 && n == at(0, 12, 0, 0);

			code[n] = needed ? MOV_R0_0 : MCR(cp, N_OP1(n), N_CRN(n), N_CRM(n), N_OP2(n), 0);
		}
		code[ENCODINGS32] = STORE_R0;
		set_reg(vcpu, XREG(0), 0);
		sweep32(vcpu, code, ENCODINGS32 + 1);
		expect(get_reg(vcpu, XREG(3)) > 1000);
	}
	/* The host is whole and so is the VM. */
	vcpu = vcpu_of_32_bits(vm, 1);
	START32(vcpu, STORE_R0);
	run32(vcpu);
}
