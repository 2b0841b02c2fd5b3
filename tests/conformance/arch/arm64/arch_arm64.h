/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arm64 part of the conformance suite: the guest's memory map, its traps, and helpers for the arm64 tests. Guests are a few
 * lines of assembly beside the test that uses them (GUEST); guest.S has the common ones. They run at EL1 with the first 4 GB
 * mapped one to one as normal memory, interrupts masked, traps reported through struct arm_trap.
 */
#ifndef CONFORMANCE_ARCH_ARM64_H
#define CONFORMANCE_ARCH_ARM64_H

/* The guest's own memory, slot 0. guest.S includes this part. */
#define CODE_SIZE	0x80000
#define TRAP_GPA	0x1000	/* struct arm_trap, a page per vCPU of the first four */
#define DATA_GPA	0x6000	/* two pages for the test's own use */
#define BLOB_GPA	0x8000	/* all guest code */
#define L1_GPA		0x20000
#define L2_GPA		0x21000	/* four: the first 4 GB */
#define WINDOW_L2_GPA	0x25000	/* addresses 4 GB to 5 GB, for arch_window() */
#define SPARE_GPA	0x30000	/* page tables of a test's own */
#define STACK_GPA	0x7f000	/* top; a page per vCPU below it */

#define WINDOW_GVA	0x100000000
#define UNMAPPED_GVA	0x140000000	/* 5 GB: nothing there */

/* Where the tests' interrupt controllers are. */
#define GICD_GPA	0x08000000
#define GICC_GPA	0x08010000
#define GITS_GPA	0x08080000
#define GICR_GPA	0x080a0000

/* Stores here, where no slot is, are for the harness. */
#define DONE_GPA	0x0f000000
#define TRAPPED_GPA	0x0f000008

/* ESR_EL1.EC, Arm ARM D17.2.37. */
#define EC_UNKNOWN	0x00
#define EC_WFX		0x01
#define EC_SVC64	0x15
#define EC_IABT		0x21
#define EC_DABT		0x25

#ifndef __ASSEMBLER__

#include "../arch.h"

#define STR2(x) #x
#define STR(x) STR2(x)
/* Uses x9. */
#define TELL(offset) "movz x9, #0x0f00, lsl #16\n str x0, [x9, #" #offset "]\n"
#define DONE TELL(0)

/* x0, x1, x2 are a, b, c; what is in x0 at DONE is the result. */
#define GUEST(name, code)						\
	extern const unsigned char name[];				\
	asm(".pushsection guest_code, \"a\"\n"				\
	    "	.balign 16\n"						\
	    "	.globl " #name "\n"					\
	    #name ":\n"							\
	    code "\n"							\
	    "	.popsection\n")

/* The vectors of the table, Arm ARM D1.3.1: those that the tests meet. */
enum arm_vector {
	VECTOR_SYNC = 4,	/* from this exception level with its own stack */
	VECTOR_IRQ = 5,
	VECTOR_SERROR = 7,
	VECTOR_SYNC_EL0 = 8,
};

/* What the trap handler of guest.S saw; it then stores to TRAPPED_GPA, and returns if run on. */
struct arm_trap {
	uint64_t vector, esr, elr, far, spsr, count;
};

/* Register numbers of KVM_GET_ONE_REG. */
#define CORE(field)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 (offsetof(struct kvm_regs, field) / sizeof(uint32_t)))
#define XREG(n)		(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (2 * (n)))
#define SYS(op0, op1, crn, crm, op2) ARM64_SYS_REG(op0, op1, crn, crm, op2)

#define MPIDR_EL1	SYS(3, 0, 0, 0, 5)
#define ID_AA64PFR0_EL1	SYS(3, 0, 0, 4, 0)
#define SCTLR_EL1	SYS(3, 0, 1, 0, 0)
#define CPACR_EL1	SYS(3, 0, 1, 0, 2)
#define TTBR0_EL1	SYS(3, 0, 2, 0, 0)
#define TTBR1_EL1	SYS(3, 0, 2, 0, 1)
#define TCR_EL1		SYS(3, 0, 2, 0, 2)
#define ESR_EL1		SYS(3, 0, 5, 2, 0)
#define FAR_EL1		SYS(3, 0, 6, 0, 0)
#define MAIR_EL1	SYS(3, 0, 10, 2, 0)
#define VBAR_EL1	SYS(3, 0, 12, 0, 0)
#define TPIDR_EL1	SYS(3, 0, 13, 0, 4)
#define TPIDR_EL0	SYS(3, 3, 13, 0, 2)

#define PSTATE_EL1H	0x5
#define PSTATE_F	(1 << 6)
#define PSTATE_I	(1 << 7)
#define PSTATE_A	(1 << 8)
#define PSTATE_D	(1 << 9)
#define PSTATE_DAIF	(PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)

/* Registers of 32 or 64 bits that must be there. */
uint64_t get_reg(struct vcpu *vcpu, uint64_t id);
void set_reg(struct vcpu *vcpu, uint64_t id, uint64_t value);
/* KVM_GET_REG_LIST; to be freed. */
struct kvm_reg_list *reg_list(struct vcpu *vcpu);
bool has_reg(const struct kvm_reg_list *list, uint64_t id);

/* What vcpu_new() initializes with: the preferred target and PSCI. */
struct kvm_vcpu_init arm_target(struct vm *vm);
int arm_init(struct vcpu *vcpu, const struct kvm_vcpu_init *init);
/* Page tables, vectors, stack, so that guest code may run. */
void arm_setup(struct vcpu *vcpu);

/* Where a piece of guest code or a routine lies in the guest. */
uint64_t arm_gpa(const unsigned char *code);
/* Ready to run @code: x0, x1, x2 are a, b, c; interrupts masked, unless --interruptible. */
void arm_start(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c);
/* Start, run to DONE, result. */
uint64_t arm_call(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c);
struct arm_trap *arm_trap(struct vcpu *vcpu);
/* Runs into a trap of this vector, as the guest's handler reports it. */
struct arm_trap *run_trap(struct vcpu *vcpu, enum arm_vector vector);
/* The same for a synchronous one of this class. */
struct arm_trap *run_sync(struct vcpu *vcpu, unsigned int ec);
/* Completes the access that the last exit was about, without running the guest. */
void arm_complete(struct vcpu *vcpu);
/* A 64-bit word at a gpa of the guest's own memory. */
uint64_t *code_word(struct vm *vm, uint64_t gpa);

#endif
#endif
