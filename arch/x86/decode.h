/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 instruction decoder: from bytes to prefixes, operand and address size, ModRM/SIB fields,
 * displacement, immediate and length. It reads no guest state and judges no privilege; what the
 * instruction means is for emulate.c or an exit handler.
 */
#ifndef BERTH_X86_DECODE_H
#define BERTH_X86_DECODE_H

#include <linux/types.h>

/* The longest instruction the architecture allows (AMD APM vol. 3 §1.1). */
#define X86_INSN_MAX		15

/* What the code segment and the control registers make of an instruction's bytes. */
enum x86_mode {
	X86_MODE_REAL,		/* real mode and virtual-8086: 16 bits, no segment protection */
	X86_MODE_16,		/* protected (or compatibility) mode, CS.D = 0 */
	X86_MODE_32,		/* protected (or compatibility) mode, CS.D = 1 */
	X86_MODE_64,		/* long mode, CS.L = 1 */
};

/* General registers by their hardware number; r8 to r15 are 8 to 15. */
enum x86_gpr {
	X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI,
	X86_NR_GPR = 16,
	X86_REG_RIP = 0xfe,	/* as a base: the address of the next instruction */
	X86_REG_NONE = 0xff,	/* no base, or no index */
};

/* Segment registers by their hardware number. */
enum x86_segreg {
	X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS,
	X86_NR_SEG,
};

/* Opcode maps: which escape bytes came before the opcode. */
enum x86_map {
	X86_MAP_ONE,		/* none */
	X86_MAP_0F,		/* 0F */
	X86_MAP_0F38,		/* 0F 38: MOVBE and CRC32 only */
};

/* Where explicit operands are; the destination is named first. */
enum x86_form {
	X86_FORM_NONE,		/* implied by the opcode, or not described */
	X86_FORM_EG,		/* r/m, register */
	X86_FORM_GE,		/* register, r/m */
	X86_FORM_EI,		/* r/m, immediate */
	X86_FORM_AI,		/* accumulator, immediate */
	X86_FORM_AO,		/* accumulator, memory at an offset in the instruction */
	X86_FORM_OA,		/* the reverse */
	X86_FORM_E,		/* r/m alone; ModRM.reg extends the opcode or is unused */
};

/*
 * A decoded instruction. Register numbers include the REX bits. Where the operation is on bytes
 * op_size is 1. Without a memory operand base and index are X86_REG_NONE and disp is 0.
 */
struct x86_insn {
	u8 bytes[X86_INSN_MAX];	/* the instruction itself, len bytes */
	u8 len;
	u8 map;			/* enum x86_map */
	u8 opcode;		/* the byte after the escape bytes */
	u8 form;		/* enum x86_form */
	u8 rep;			/* 0, 0xf2 or 0xf3: the last one of the two seen */
	u8 rex;			/* 0, or the REX byte in effect (0x40 to 0x4f) */
	u8 seg;			/* segment of the memory operand: override, else the default */
	u8 op_size;		/* operand size in bytes: 1, 2, 4 or 8 */
	u8 addr_size;		/* address size in bytes: 2, 4 or 8 */
	u8 modrm;		/* the raw byte, 0 if there is none */
	u8 mod, reg, rm;	/* rm holds no register number when has_mem */
	u8 base, index, scale;	/* address = base + (index << scale) + disp */
	bool lock;		/* LOCK was given */
	bool lock_ok;		/* LOCK is legal here: else the instruction is #UD with it */
	bool op_prefix;		/* 66 was given */
	bool addr_prefix;	/* 67 was given */
	bool seg_prefix;	/* seg is from an override */
	bool has_modrm;
	bool has_mem;		/* memory operand by ModRM, or by an offset (A0 to A3) */
	s64 disp;		/* displacement sign-extended; an A0-A3 offset zero-extended */
	u64 imm;		/* sign-extended; ENTER: imm16 | imm8 << 16; far pointer: offset | selector << 32 */
};

int x86_decode(struct x86_insn *insn, const u8 *bytes, unsigned int n, enum x86_mode mode);

#endif /* BERTH_X86_DECODE_H */
