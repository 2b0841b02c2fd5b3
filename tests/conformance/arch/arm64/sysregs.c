// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64: guests that execute every system-register encoding. Each works or is undefined in the guest; none does anything to
 * the host, nor keeps the vCPU from going on.
 */
#include "vgic.h"

#define ENCODINGS	32768	/* op0 2 and 3 */
#define SWEEP_GPA	TEST_GPA
#define SWEEP_SIZE	0x80000
#define RESULT_GPA	TEST_GPA2	/* a byte per encoding: how often it was undefined */

/* Which encoding is at a position, as the bits of the instruction, Arm ARM C6.2.230. */
static uint32_t encoding(unsigned int n)
{
	return n << 5 | 2 << 19;
}

#define MRS(n)	(0xd5300000 | encoding(n))
#define MSR(n)	(0xd5100000 | encoding(n))
#define RET	0xd65f03c0
/* CPACR_EL1: nothing of FP, SVE and SME traps to EL1, so that what is not there is undefined, Arm ARM D19.2.30. */
#define CPACR_ALL	(3ULL << 16 | 3ULL << 20 | 3ULL << 24)
/* The position of a register. */
#define AT(op0, op1, crn, crm, op2) (((op0) - 2) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/*
 * x0: address of the instructions, which end with a return; x1: address of the results; x2: bytes for an encoding. Its vectors skip what is undefined; any other trap is told to user space.
 */
GUEST(guest_sweep,
	"	adr	x9, sweep_vectors\n"
	"	msr	vbar_el1, x9\n"
	"	isb\n"
	"	mov	x20, x0\n"
	"	mov	x21, x1\n"
	"	mov	x22, x2\n"
	"	blr	x20\n"
	DONE
	"	b	.\n"
	"	.balign 2048\n"
	"sweep_vectors:\n"
	"	.rept 16\n"
	"	.balign 128\n"
	"	b	sweep_trap\n"
	"	.endr\n"
	"	.balign 128\n"
	"sweep_trap:\n"
	"	mrs	x9, esr_el1\n"
	"	lsr	x10, x9, #26\n"
	"	cbz	x10, 1f\n"
	"	cmp	x10, #0x18\n"
	"	b.eq	1f\n"
	"	mov	x0, x9\n"
	"	movz	x9, #0x0f00, lsl #16\n"
	"	str	x0, [x9, #8]\n"
	"1:	mrs	x9, elr_el1\n"
	"	sub	x10, x9, x20\n"
	"	add	x9, x9, #4\n"
	"	msr	elr_el1, x9\n"
	"	udiv	x10, x10, x22\n"
	"	ldrb	w9, [x21, x10]\n"
	"	add	w9, w9, #1\n"
	"	strb	w9, [x21, x10]\n"
	"	eret\n");

/* Runs code of @words instructions, @group of them for each encoding, with @value in x19; what was undefined. */
static const uint8_t *sweep(struct vcpu *vcpu, const uint32_t *code, size_t words, unsigned int group, uint64_t value)
{
	uint32_t *mem = add_slot(vcpu->vm, 1, 0, SWEEP_GPA, SWEEP_SIZE);
	uint8_t *result = add_slot(vcpu->vm, 2, 0, RESULT_GPA, ENCODINGS);

	expect((words + 1) * 4 <= SWEEP_SIZE);
	memcpy(mem, code, words * 4);
	mem[words] = RET;
	arm_start(vcpu, guest_sweep, SWEEP_GPA, RESULT_GPA, group * 4);
	set_reg(vcpu, XREG(19), value);
	set_reg(vcpu, CPACR_EL1, CPACR_ALL);
	run_done(vcpu);
	return result;
}

TEST(every_system_register_is_read_or_undefined)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *code = calloc(ENCODINGS, 4);
	unsigned int undefined = 0;
	const uint8_t *result;

	for (unsigned int n = 0; n < ENCODINGS; n++)
		code[n] = MRS(n);
	result = sweep(vcpu, code, ENCODINGS, 1, 0);
	for (unsigned int n = 0; n < ENCODINGS; n++) {
		unsigned int op0 = 2 + (n >> 14), op1 = n >> 11 & 7;

		expect(result[n] <= 1);
		undefined += result[n];
		/* EL2, secure EL1 and EL3 are not the guest's. */
		if (op0 == 3 && (op1 == 4 || op1 == 5 || op1 == 6 || op1 == 7) && !result[n])
			fail_test("op1 %u CRn %u CRm %u op2 %u is defined", op1, n >> 7 & 15, n >> 3 & 15, n & 7);
	}
	trace("%u of %u are undefined", undefined, ENCODINGS);
	expect_eq(result[AT(3, 0, 0, 0, 0)], 0);	/* MIDR_EL1 */
	expect_eq(result[AT(3, 0, 0, 0, 5)], 0);	/* MPIDR_EL1 */
	expect_eq(result[AT(3, 0, 0, 7, 7)], 0);	/* an identification register that is not allocated */
	expect_eq(result[AT(3, 0, 1, 0, 1)], 0);	/* ACTLR_EL1 */
	expect_eq(result[AT(3, 3, 14, 0, 2)], 0);	/* CNTVCT_EL0 */
	expect_eq(result[AT(2, 0, 0, 2, 2)], 0);	/* MDSCR_EL1 */
	/* No PMU. */
	expect_eq(result[AT(3, 3, 9, 12, 0)], 1);	/* PMCR_EL0 */
	expect_eq(result[AT(3, 3, 9, 13, 0)], 1);	/* PMCCNTR_EL0 */
	/* Neither SVE nor SME, unless asked for. */
	expect_eq(result[AT(3, 0, 1, 2, 0)], 1);	/* ZCR_EL1 */
	expect_eq(result[AT(3, 0, 1, 2, 6)], 1);	/* SMCR_EL1 */
	expect_eq(result[AT(3, 3, 4, 2, 2)], 1);	/* SVCR */
}

/* What the guest needs to go on, and the timers: there is no interrupt controller, so user space gets their signals. */
static bool needed(unsigned int n)
{
	static const unsigned int registers[] = {
		AT(3, 0, 1, 0, 0), AT(3, 0, 2, 0, 0), AT(3, 0, 2, 0, 1), AT(3, 0, 2, 0, 2), AT(3, 0, 2, 0, 3),
		AT(3, 0, 4, 0, 0), AT(3, 0, 4, 0, 1), AT(3, 0, 4, 1, 0), AT(3, 0, 4, 2, 0), AT(3, 0, 10, 2, 0),
		AT(3, 0, 12, 0, 0), AT(3, 3, 4, 2, 1), AT(3, 0, 1, 0, 3), AT(3, 0, 2, 1, 0), AT(3, 0, 2, 1, 1),
		AT(3, 3, 14, 2, 1), AT(3, 3, 14, 3, 1),
	};

	for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
		if (registers[i] == n)
			return true;
	}
	return false;
}

static void write_all(struct vcpu *vcpu, uint64_t value)
{
	uint32_t *code = calloc(3 * ENCODINGS, 4);
	const uint8_t *result;

	for (unsigned int n = 0; n < ENCODINGS; n++) {
		/* Saved, written, restored. */
		code[3 * n] = MRS(n) | 0;
		code[3 * n + 1] = MSR(n) | (needed(n) ? 0 : 19);
		code[3 * n + 2] = MSR(n) | 0;
	}
	result = sweep(vcpu, code, 3 * ENCODINGS, 3, value);
	expect_eq(result[AT(3, 3, 13, 0, 2)], 0);	/* TPIDR_EL0 */
	expect_eq(result[AT(3, 4, 1, 1, 0)], 3);	/* HCR_EL2 */
	expect_eq(result[AT(3, 0, 0, 0, 5)], 2);	/* MPIDR_EL1 is read only */
	/* The host is whole. */
	vcpu = vcpu_new(vm_new(), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

/* What it is written with: none, all, and some of the bits. */
static const uint64_t values[] = { 0, -1ULL, 0xa5c3965a3c0ff069 };

TEST(every_system_register_is_written_with_zeros)
{
	write_all(vcpu_new(vm_new(), 0), values[0]);
}

TEST(every_system_register_is_written_with_ones)
{
	write_all(vcpu_new(vm_new(), 0), values[1]);
}

TEST(every_system_register_is_written_with_a_pattern)
{
	write_all(vcpu_new(vm_new(), 0), values[2]);
}

static struct vcpu *vcpu_with_gic(void)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct gic gic = gic_new(vcpu->vm);

	gic_on(vcpu, &gic);
	return vcpu;
}

/* The interface to a GICv3 is registers; to a GICv2 it is none. */
TEST(every_system_register_beside_a_gic)
{
	struct vcpu *vcpu = vcpu_with_gic();
	bool v3 = has_device(vcpu->vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	uint32_t *code = calloc(ENCODINGS, 4);
	const uint8_t *result;

	for (unsigned int n = 0; n < ENCODINGS; n++)
		code[n] = MRS(n);
	result = sweep(vcpu, code, ENCODINGS, 1, 0);
	expect_eq(result[AT(3, 0, 4, 6, 0)], !v3);	/* ICC_PMR_EL1 */
	expect_eq(result[AT(3, 0, 12, 12, 0)], !v3);	/* ICC_IAR1_EL1 */
	expect_eq(result[AT(3, 0, 12, 12, 1)], 1);	/* ICC_EOIR1_EL1 is written only */
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		write_all(vcpu_with_gic(), values[i]);
}

static struct vcpu *vcpu_with_all(void)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct kvm_vcpu_init init = arm_target(vcpu->vm);
	int what = KVM_ARM_VCPU_SVE;

	init.features[0] |= 1 << KVM_ARM_VCPU_SVE | 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	expect_ret(arm_init(vcpu, &init), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &what), 0);
	arm_setup(vcpu);
	return vcpu;
}

TEST(every_system_register_with_sve_and_ptrauth, NEED(KVM_CAP_ARM_SVE), NEED(KVM_CAP_ARM_PTRAUTH_ADDRESS))
{
	uint32_t *code = calloc(ENCODINGS, 4);
	const uint8_t *result;

	for (unsigned int n = 0; n < ENCODINGS; n++)
		code[n] = MRS(n);
	result = sweep(vcpu_with_all(), code, ENCODINGS, 1, 0);
	expect_eq(result[AT(3, 0, 1, 2, 0)], 0);	/* ZCR_EL1 */
	expect_eq(result[AT(3, 0, 2, 1, 0)], 0);	/* APIAKeyLo_EL1 */
	expect_eq(result[AT(3, 0, 2, 3, 1)], 0);	/* APGAKeyHi_EL1 */
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		write_all(vcpu_with_all(), values[i]);
}

/* Maintenance of caches and TLBs, address translation: op0 is 1; with a result and without, Arm ARM C5.5. */
#define INSTRUCTIONS	16384
#define SYS_INSN(n)	(0xd5080000 | (n) << 5)
#define SYSL_INSN(n)	(0xd5280000 | (n) << 5)
#define INSN_AT(op1, crn, crm, op2) ((op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define VICTIM		(SWEEP_GPA + 0x60000)	/* DC ZVA stores zeros there */

TEST(every_system_instruction_is_done_or_undefined)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint32_t *code = calloc(INSTRUCTIONS, 4);
	const uint8_t *result;

	for (unsigned int n = 0; n < INSTRUCTIONS; n++)
		code[n] = SYS_INSN(n) | 19;
	result = sweep(vcpu, code, INSTRUCTIONS, 1, VICTIM);
	for (unsigned int n = 0; n < INSTRUCTIONS; n++) {
		unsigned int op1 = n >> 11 & 7;

		expect(result[n] <= 1);
		/* Those of EL2 and EL3. */
		if ((op1 == 4 || op1 == 6) && !result[n])
			fail_test("op1 %u CRn %u CRm %u op2 %u is defined", op1, n >> 7 & 15, n >> 3 & 15, n & 7);
	}
	expect_eq(result[INSN_AT(0, 7, 5, 0)], 0);	/* IC IALLU */
	expect_eq(result[INSN_AT(0, 7, 8, 0)], 0);	/* AT S1E1R */
	expect_eq(result[INSN_AT(0, 7, 14, 2)], 0);	/* DC CISW */
	expect_eq(result[INSN_AT(0, 8, 3, 0)], 0);	/* TLBI VMALLE1IS */
	expect_eq(result[INSN_AT(3, 7, 4, 1)], 0);	/* DC ZVA */
	vcpu = vcpu_new(vm_new(), 0);
	for (unsigned int n = 0; n < INSTRUCTIONS; n++)
		code[n] = SYSL_INSN(n) | 0;
	sweep(vcpu, code, INSTRUCTIONS, 1, VICTIM);
	vcpu = vcpu_new(vm_new(), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}
