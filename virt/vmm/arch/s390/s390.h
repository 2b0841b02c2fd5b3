/* SPDX-License-Identifier: GPL-2.0-only */
/* The s390 machine: what its files share. */
#ifndef VMM_S390_H
#define VMM_S390_H

#include "../../arch.h"

/* Program status word: z/Architecture Principles of Operation, chapter 4. */
#define PSW_64		(3ull << 31)	/* 64-bit addresses */
#define PSW_CC_SHIFT	44

#define ENTRY		0x10000u	/* of a kernel image */

/* Program interruption codes, chapter 6. */
#define PGM_OPERATION		0x01
#define PGM_ADDRESSING		0x05
#define PGM_SPECIFICATION	0x06
#define PGM_OPERAND		0x15

/* An instruction that user space answers, decoded from the interception parameters. */
struct insn {
	struct vcpu *vcpu;
	u16 opcode;		/* its first two bytes */
	u32 ipb;		/* what follows */
	struct kvm_regs regs;
};

/* The second-operand address of S-format instructions. */
u64 insn_address(const struct insn *i);
/* Copies an operand, as the guest's own access would; false: that has an exception, which the guest has now. */
bool insn_read(struct insn *i, u64 address, void *to, u32 len);
bool insn_write(struct insn *i, u64 address, const void *from, u32 len);
/* Ends an instruction: by its condition code, or by a program interruption. */
void insn_cc(struct insn *i, unsigned int cc);
void insn_program(struct insn *i, unsigned int code);
/* Gives general register n to the guest. */
void insn_set(struct insn *i, unsigned int n, u64 value);

/* An interruption of the machine, in the encoding of KVM_S390_INTERRUPT. Any thread. */
void s390_interrupt(struct vm *vm, u64 type, u32 parm, u64 parm64);

/* SERVICE CALL. */
void sclp_service_call(struct insn *i);
void sclp_create(struct vm *vm);

/* Instructions of the channel subsystem; false: not one of them. */
bool css_instruction(struct insn *i);
/* TEST SUBCHANNEL, whose exit is of its own. */
void css_test_subchannel(struct insn *i);
/* DIAGNOSE 0x500: a driver's notification. */
void css_notify(struct insn *i);

/* A channel command word of format 1: chapter 15. */
struct ccw {
	u8 command, flags;
	u16 count;
	u32 address;
};

#define CCW_CHAIN_DATA		0x80
#define CCW_CHAIN_COMMAND	0x40
#define CCW_SUPPRESS_LENGTH	0x20

enum ccw_result { CCW_DONE, CCW_REJECT, CCW_PROGRAM_CHECK };

/* A device on a subchannel. */
struct css_device {
	u16 cu_type;		/* what SENSE ID tells */
	u8 cu_model;
	/* Does a command; *count is what it took or gave. In the vCPU's thread. */
	enum ccw_result (*command)(void *ctx, const struct ccw *ccw, u32 *count);
	void (*notify)(void *ctx, u32 queue);
	void *ctx;
};

/* Returns its subchannel's number. */
unsigned int css_add(struct vm *vm, const struct css_device *device);
/* The identification word of that subchannel. */
u32 css_schid(unsigned int number);
/* The device wants attention: an interruption, unless one is pending. Any thread. */
void css_attention(struct vm *vm, unsigned int number);

#endif
