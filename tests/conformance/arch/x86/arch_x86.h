/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 part of the conformance suite: the guest's memory map, its modes, traps, and helpers for the x86 tests. Guests are a
 * few lines of assembly beside the test that uses them (GUEST64 and so on); guest.S has the common ones.
 */
#ifndef CONFORMANCE_ARCH_X86_H
#define CONFORMANCE_ARCH_X86_H

/* The guest's own memory, slot 0. guest.S includes this part. */
#define CODE_SIZE	0x80000
#define IVT_GPA		0x0000
#define GDT_GPA		0x1000
#define IDT_GPA		0x2000
#define TSS_GPA		0x3000
#define TRAP_GPA	0x4000	/* struct x86_trap */
#define DATA_GPA	0x5000	/* two pages for the test's own use */
#define BLOB_GPA	0x8000	/* all guest code */
#define PML4_GPA	0x20000
#define PDPT_GPA	0x21000
#define PD_GPA		0x22000	/* four: the first 4 GB */
#define WINDOW_PD_GPA	0x26000	/* addresses 4 GB to 5 GB, for arch_window() */
#define SPARE_GPA	0x30000	/* page tables of a test's own */
#define STACK_GPA	0x7f000	/* top; a page per vCPU below it */

#define WINDOW_GVA	0x100000000
#define UNMAPPED_GVA	0x140000000	/* 5 GB: nothing there */

#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_TSS		0x28

#define DONE_PORT	0xe0
#define TRAP_PORT	0xe1

#ifndef __ASSEMBLER__

#include "../arch.h"

#define STR2(x) #x
#define STR(x) STR2(x)
#define DONE "out %al, $" STR(DONE_PORT) "\n"
/* Lets an interrupt in that waits. Twice: there is an emulator that lets go of it when one of the host's comes first. */
#define OPEN "sti\n nop\n cli\n sti\n nop\n"

#define GUEST_CODE(bits, name, code)					\
	extern const unsigned char name[];				\
	asm(".pushsection guest_code, \"a\"\n"				\
	    "	.balign 16\n"						\
	    "	.code" #bits "\n"					\
	    "	.globl " #name "\n"					\
	    #name ":\n"							\
	    code "\n"							\
	    "	.code64\n"						\
	    "	.popsection\n")

#define GUEST16(name, code) GUEST_CODE(16, name, code)
#define GUEST32(name, code) GUEST_CODE(32, name, code)
#define GUEST64(name, code) GUEST_CODE(64, name, code)

enum x86_mode {
	X86_KEEP,	/* whatever it is in */
	X86_REAL,
	X86_FLAT32,	/* protected, no paging */
	X86_LONG,	/* 64 bit, first 4 GB mapped one to one */
};

/* What the trap handler of guest.S saw, all vectors; it then writes to TRAP_PORT, and returns if run on. */
struct x86_trap {
	uint64_t vector, error, rip, cs, rflags, rsp, cr2, count;
};

/* Where a piece of guest code or a routine lies in the guest. */
uint64_t x86_gpa(const unsigned char *code);
void x86_set_mode(struct vcpu *vcpu, enum x86_mode mode);
/* Ready to run @code: rdi, rsi, rdx are a, b, c; interrupts off, unless --interruptible. */
void x86_start(struct vcpu *vcpu, enum x86_mode mode, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c);
struct x86_trap *x86_trap(struct vcpu *vcpu);
/* Runs into an OUT to this port. */
void run_port(struct vcpu *vcpu, uint16_t port);
/* Runs into a trap of this vector, as the guest's handler reports it. */
struct x86_trap *run_trap(struct vcpu *vcpu, unsigned int vector);
struct kvm_regs get_regs(struct vcpu *vcpu);
void set_regs(struct vcpu *vcpu, const struct kvm_regs *regs);
struct kvm_sregs get_sregs(struct vcpu *vcpu);
int set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs);
int get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value);	/* KVM_GET_MSRS of one: 1, 0 or -errno */
int set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value);
/* KVM_GET_SUPPORTED_CPUID, with a vCPU's identity left as it comes. The caller may change it. */
#define CPUID_MAX 256
struct cpuid_table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_MAX];
};
void supported_cpuid(struct cpuid_table *table);
const struct kvm_cpuid_entry2 *cpuid_find(const struct cpuid_table *table, uint32_t function, uint32_t index);
/* Whether a bit is set in a register (0..3: eax, ebx, ecx, edx) of the supported CPUID. */
bool cpu_has(uint32_t function, uint32_t index, unsigned int reg, unsigned int bit);
/* Writes the 64-bit word at a gpa of the guest's own memory. */
uint64_t *code_word(struct vm *vm, uint64_t gpa);

#endif
#endif
