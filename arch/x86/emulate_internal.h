/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the instruction emulator share; nobody else includes this. */
#ifndef BERTH_X86_EMULATE_INTERNAL_H
#define BERTH_X86_EMULATE_INTERNAL_H

#include "emulate.h"

/* Arithmetic by the number that opcodes 00-3F and 80-83 give it. */
enum x86_alu_op {
	X86_ALU_ADD, X86_ALU_OR, X86_ALU_ADC, X86_ALU_SBB,
	X86_ALU_AND, X86_ALU_SUB, X86_ALU_XOR, X86_ALU_CMP,
};

/* Shifts and rotates by ModRM.reg of C0, C1 and D0-D3. */
enum x86_shift_op {
	X86_SHIFT_ROL, X86_SHIFT_ROR, X86_SHIFT_RCL, X86_SHIFT_RCR,
	X86_SHIFT_SHL, X86_SHIFT_SHR, X86_SHIFT_SAL, X86_SHIFT_SAR,
};

enum x86_string_op {
	X86_STRING_MOVS, X86_STRING_CMPS, X86_STRING_STOS, X86_STRING_LODS,
	X86_STRING_SCAS, X86_STRING_INS, X86_STRING_OUTS,
};

/* The bits that an operand of @size bytes has. */
static inline u64 x86_size_mask(unsigned int size)
{
	return size == 8 ? ~0ULL : (1ULL << (8 * size)) - 1;
}

/* emulate_alu.c: pure functions on values and flags */
u64 x86_alu(enum x86_alu_op op, u64 dst, u64 src, unsigned int size, u64 *rflags);
u64 x86_alu_shift(enum x86_shift_op op, u64 dst, unsigned int count, unsigned int size,
		  u64 *rflags);
bool x86_condition(unsigned int cc, u64 rflags);

/* emulate.c */
u64 x86_gpr_read(const struct x86_emul *e, unsigned int reg, unsigned int size);
void x86_gpr_write(struct x86_emul *e, unsigned int reg, unsigned int size, u64 val);
u64 x86_next_rip(const struct x86_emul *e);
int x86_retire(struct x86_emul *e, u64 rip);

/* emulate_string.c */
int x86_exec_string(struct x86_emul *e, unsigned int op);

#endif /* BERTH_X86_EMULATE_INTERNAL_H */
