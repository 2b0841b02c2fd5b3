// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64: guests that execute every system-register encoding. Each works or is undefined in the guest; none does anything to
 * the host, nor keeps the vCPU from going on.
 */
#include "arch_arm64.h"

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

static void write_all(uint64_t value)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
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
	/* The host is whole and so is the VM. */
	vcpu = vcpu_new(vcpu->vm, 1);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(every_system_register_is_written_with_zeros)
{
	write_all(0);
}

TEST(every_system_register_is_written_with_ones)
{
	write_all(-1ULL);
}

TEST(every_system_register_is_written_with_a_pattern)
{
	write_all(0xa5c3965a3c0ff069);
}
