// SPDX-License-Identifier: GPL-2.0-only
/*
 * Integer arithmetic of the instruction emulator: results and status flags as the processor makes
 * them (AMD APM vol. 3 §3, vol. 1 §3.1.4), in plain C on values, without a vCPU.
 */
#include <linux/types.h>

#include "emulate_internal.h"

static u64 flag_if(bool set, u64 flag)
{
	return set ? flag : 0;
}

static bool top_bit(u64 val, unsigned int size)
{
	return (val >> (8 * size - 1)) & 1;
}

/* ZF, SF and PF of a result; PF is even parity of the low byte. */
static u64 result_flags(u64 res, unsigned int size)
{
	u8 fold = res ^ (res >> 4);
	bool odd = (0x6996 >> (fold & 0xf)) & 1;

	return flag_if(!(res & x86_size_mask(size)), X86_FL_ZF) |
	       flag_if(top_bit(res, size), X86_FL_SF) | flag_if(!odd, X86_FL_PF);
}

/* CF and AF from the carries (or borrows) out of each bit. */
static u64 carry_flags(u64 carries, unsigned int size)
{
	return flag_if(top_bit(carries, size), X86_FL_CF) | flag_if(carries & 8, X86_FL_AF);
}

static u64 add(u64 a, u64 b, bool carry, unsigned int size, u64 *flags)
{
	u64 res = a + b + carry;

	*flags = carry_flags((a & b) | ((a | b) & ~res), size) |
		 flag_if(top_bit((a ^ res) & (b ^ res), size), X86_FL_OF);
	return res;
}

static u64 sub(u64 a, u64 b, bool borrow, unsigned int size, u64 *flags)
{
	u64 res = a - b - borrow;

	*flags = carry_flags((~a & b) | ((~a | b) & res), size) |
		 flag_if(top_bit((a ^ b) & (a ^ res), size), X86_FL_OF);
	return res;
}

/**
 * x86_alu - one of the eight two-operand operations
 * @op: which; CMP returns the difference
 * @dst: first operand; bits past @size do not matter
 * @src: second operand, likewise
 * @size: operand size in bytes
 * @rflags: CF is read by ADC and SBB; all six status flags are set. AF, which the manuals leave
 *	    undefined after AND, OR and XOR, is cleared, as processors do.
 *
 * Return: the result, @size bytes of it. Context: any.
 */
u64 x86_alu(enum x86_alu_op op, u64 dst, u64 src, unsigned int size, u64 *rflags)
{
	bool carry = *rflags & X86_FL_CF;
	u64 flags = 0, res = 0;

	switch (op) {
	case X86_ALU_ADD:
		res = add(dst, src, false, size, &flags);
		break;
	case X86_ALU_ADC:
		res = add(dst, src, carry, size, &flags);
		break;
	case X86_ALU_SUB:
	case X86_ALU_CMP:
		res = sub(dst, src, false, size, &flags);
		break;
	case X86_ALU_SBB:
		res = sub(dst, src, carry, size, &flags);
		break;
	case X86_ALU_OR:
		res = dst | src;
		break;
	case X86_ALU_AND:
		res = dst & src;
		break;
	case X86_ALU_XOR:
		res = dst ^ src;
		break;
	}
	*rflags = (*rflags & ~(u64)X86_FL_STATUS) | flags | result_flags(res, size);
	return res & x86_size_mask(size);
}

/* Rotates: only CF and OF change, and CF goes through the ring in RCL and RCR. */
static u64 rotate(enum x86_shift_op op, u64 val, unsigned int count, unsigned int size,
		  u64 *rflags)
{
	unsigned int top = 8 * size - 1;
	bool left = op == X86_SHIFT_ROL || op == X86_SHIFT_RCL;
	bool through = op == X86_SHIFT_RCL || op == X86_SHIFT_RCR;
	bool carry = *rflags & X86_FL_CF;
	bool out, in, of;

	while (count--) {
		out = left ? (val >> top) & 1 : val & 1;
		in = through ? carry : out;
		if (left)
			val = ((val << 1) | in) & x86_size_mask(size);
		else
			val = (val >> 1) | ((u64)in << top);
		carry = out;
	}
	of = left ? ((val >> top) & 1) != carry : ((val >> top) ^ (val >> (top - 1))) & 1;
	*rflags &= ~(u64)(X86_FL_CF | X86_FL_OF);
	*rflags |= flag_if(carry, X86_FL_CF) | flag_if(of, X86_FL_OF);
	return val;
}

/**
 * x86_alu_shift - a shift or rotate
 * @op: which
 * @dst: the operand; bits past @size do not matter
 * @count: the count as given: it is masked here to five bits, six for 8-byte operands
 * @size: operand size in bytes
 * @rflags: CF is read by RCL and RCR; a masked count of 0 changes no flag, rotates change CF and
 *	    OF alone. OF is computed as for a count of 1; AF is cleared by shifts.
 *
 * Return: the result, @size bytes of it. Context: any.
 */
u64 x86_alu_shift(enum x86_shift_op op, u64 dst, unsigned int count, unsigned int size,
		  u64 *rflags)
{
	unsigned int bits = 8 * size;
	u64 val = dst & x86_size_mask(size);
	bool carry, of;
	s64 wide;
	u64 res;

	count &= size == 8 ? 63 : 31;
	if (!count)
		return val;
	switch (op) {
	case X86_SHIFT_SHL:
	case X86_SHIFT_SAL:
		carry = count <= bits && ((val >> (bits - count)) & 1);
		res = (val << count) & x86_size_mask(size);
		of = top_bit(res, size) != carry;
		break;
	case X86_SHIFT_SHR:
		carry = (val >> (count - 1)) & 1;
		res = val >> count;
		of = top_bit(val, size);
		break;
	case X86_SHIFT_SAR:
		wide = (s64)(val << (64 - bits)) >> (64 - bits);
		carry = (wide >> (count - 1)) & 1;
		res = (u64)(wide >> count) & x86_size_mask(size);
		of = false;
		break;
	default:
		return rotate(op, val, count, size, rflags);
	}
	*rflags &= ~(u64)X86_FL_STATUS;
	*rflags |= flag_if(carry, X86_FL_CF) | flag_if(of, X86_FL_OF) | result_flags(res, size);
	return res;
}

/**
 * x86_condition - does a condition code hold?
 * @cc: the low four bits of a Jcc, SETcc or CMOVcc opcode
 * @rflags: the flags
 *
 * Context: any.
 */
bool x86_condition(unsigned int cc, u64 rflags)
{
	bool cf = rflags & X86_FL_CF, zf = rflags & X86_FL_ZF, sf = rflags & X86_FL_SF;
	bool of = rflags & X86_FL_OF, pf = rflags & X86_FL_PF;
	const bool holds[8] = { of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of };

	return holds[(cc >> 1) & 7] != (cc & 1);
}
