/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * s390 part of the conformance suite: the guest's memory map, its interruptions, and helpers for the s390 tests. Guests are a
 * few lines of assembly beside the test that uses them (GUEST); guest.S has the common ones. They run in supervisor state
 * with 64-bit addresses and DAT off, interruptions masked; those that come, exit to the test by a DIAGNOSE of the handler.
 */
#ifndef CONFORMANCE_ARCH_S390_H
#define CONFORMANCE_ARCH_S390_H

/* The guest's own memory, slot 0. guest.S includes this part. */
#define CODE_SIZE	0x100000
#define BLOB_GPA	0x2000	/* all guest code */
#define DATA_GPA	0x20000	/* for the test's own use */
#define DATA_SIZE	0x8000
#define PREFIX_GPA	0x30000	/* prefix areas: 8 KB for each vCPU of the first four */
#define TABLES_GPA	0x40000	/* for a test's own region, segment and page tables */

/* Function codes of DIAGNOSE that no hypervisor knows: they come to the test. */
#define DIAG_DONE	0x5f0
#define DIAG_RESTART	0x5f1
#define DIAG_EXTERNAL	0x5f2
#define DIAG_SVC	0x5f3
#define DIAG_PROGRAM	0x5f4
#define DIAG_MCHECK	0x5f5
#define DIAG_IO		0x5f6

/* The prefix area, z/Architecture Principles of Operation, chapter 3, "assigned storage locations". */
#define LC_EXT_PARAMS	0x80
#define LC_EXT_CPU	0x84
#define LC_EXT_CODE	0x86
#define LC_SVC_CODE	0x8a
#define LC_PGM_ILC	0x8c
#define LC_PGM_CODE	0x8e
#define LC_TEID		0xa8
#define LC_SUBCHANNEL	0xb8
#define LC_IO_PARAM	0xbc
#define LC_IO_WORD	0xc0
#define LC_FACILITIES	0xc8
#define LC_MCHECK_CODE	0xe8
#define LC_RESTART_OLD	0x120
#define LC_EXT_OLD	0x130
#define LC_SVC_OLD	0x140
#define LC_PGM_OLD	0x150
#define LC_MCHECK_OLD	0x160
#define LC_IO_OLD	0x170
#define LC_RESTART_NEW	0x1a0
#define LC_EXT_NEW	0x1b0
#define LC_SVC_NEW	0x1c0
#define LC_PGM_NEW	0x1d0
#define LC_MCHECK_NEW	0x1e0
#define LC_IO_NEW	0x1f0
#define LC_EXT_PARAMS2	0x11b8

#ifndef __ASSEMBLER__

#include "../arch.h"

#define STR2(x) #x
#define STR(x) STR2(x)
#define DONE "diag %r0, %r0, " STR(DIAG_DONE) "\n"

/* r2, r3, r4 are a, b, c; what is in r2 at DONE is the result. */
#define GUEST(name, code)						\
	extern const unsigned char name[];				\
	asm(".pushsection guest_code, \"a\"\n"				\
	    "	.balign 8\n"						\
	    "	.globl " #name "\n"					\
	    #name ":\n"							\
	    code "\n"							\
	    "	.popsection\n")

/* Program status words: Principles of Operation, chapter 4. */
#define PSW_PER		(1ULL << 62)
#define PSW_DAT		(1ULL << 58)
#define PSW_IO		(1ULL << 57)
#define PSW_EXT		(1ULL << 56)
#define PSW_KEY_SHIFT	52
#define PSW_MCHECK	(1ULL << 50)
#define PSW_WAIT	(1ULL << 49)
#define PSW_PROBLEM	(1ULL << 48)
#define PSW_SPACE	(3ULL << 46)	/* which space operands are in; 0 is the primary one */
#define PSW_ACCESS_REGISTER (1ULL << 46)
#define PSW_SECONDARY	(2ULL << 46)
#define PSW_HOME	(3ULL << 46)
#define PSW_CC_SHIFT	44
#define PSW_64		(3ULL << 31)	/* extended and basic addressing */

/* Program interruption codes, chapter 6. */
#define PGM_OPERATION		0x01
#define PGM_PRIVILEGED		0x02
#define PGM_EXECUTE		0x03
#define PGM_PROTECTION		0x04
#define PGM_ADDRESSING		0x05
#define PGM_SPECIFICATION	0x06
#define PGM_DATA		0x07
#define PGM_SEGMENT		0x10
#define PGM_PAGE		0x11
#define PGM_SPECIAL		0x13

/* Where a piece of guest code or a routine lies in the guest. */
uint64_t s390_gpa(const unsigned char *code);
/* Ready to run @code: r2, r3, r4 are a, b, c. */
void s390_start(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c);
/* Start, run to DONE, result. */
uint64_t s390_call(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c);
/* Whether the last exit is a DIAGNOSE with this function code. */
bool s390_is_diag(struct vcpu *vcpu, unsigned int function);
/* KVM_RUN that must come back with it. */
void run_diag(struct vcpu *vcpu, unsigned int function);
/* Runs into a program interruption of this code. */
void run_program(struct vcpu *vcpu, unsigned int code);

/* Tables of the guest for DAT: 1 MB one to one, then one whose pages are the test's. Chapter 3, "dynamic address translation". */
#define SEGMENT_TABLE	TABLES_GPA
#define FIRST_PAGES	(TABLES_GPA + 0x4000)
#define SECOND_PAGES	(TABLES_GPA + 0x4800)
#define SECOND_GVA	0x100000ULL
#define ASCE_SEGMENTS	3ULL		/* a segment table of full length */
#define ASCE_REGION_THIRD (1ULL << 2)
#define ENTRY_INVALID	0x20ULL
#define ENTRY_REGION_THIRD (1ULL << 2)
#define SEGMENT_FRAME	0x400ULL	/* of 1 MB, with CR0_EDAT */
#define PAGE_INVALID	0x400ULL
#define PAGE_PROTECTED	0x200ULL
#define CR0_EDAT	(1ULL << 23)

/* Fills the tables; the entries of the second MB, which are invalid. */
uint64_t *dat_tables(struct vm *vm);
/* What was started uses them. */
void dat_on(struct vcpu *vcpu);

/* In the vCPU's prefix area. */
void *s390_lowcore(struct vcpu *vcpu, unsigned int offset);
uint16_t lowcore16(struct vcpu *vcpu, unsigned int offset);
uint32_t lowcore32(struct vcpu *vcpu, unsigned int offset);
uint64_t lowcore64(struct vcpu *vcpu, unsigned int offset);
/* At a gpa of the guest's own memory. */
void *code_at(struct vm *vm, uint64_t gpa);

uint64_t get_gpr(struct vcpu *vcpu, unsigned int n);
void set_gpr(struct vcpu *vcpu, unsigned int n, uint64_t value);
uint64_t get_cr(struct vcpu *vcpu, unsigned int n);
void set_cr(struct vcpu *vcpu, unsigned int n, uint64_t value);

/* Attributes of a VM or a device: 0 or -errno. */
int get_attr(int fd, uint32_t group, uint64_t attr, void *value);
int set_attr(int fd, uint32_t group, uint64_t attr, const void *value);
int has_attr(int fd, uint32_t group, uint64_t attr);

/* Whether guests of @vm have facility @nr: STFLE's list, chapter 4. */
bool has_facility(struct vm *vm, unsigned int nr);

int mp_state(struct vcpu *vcpu);
void set_mp_state(struct vcpu *vcpu, uint32_t state);

#endif
#endif
