// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction emulator: operands, addresses, and the integer instructions by which guests reach
 * device memory. The decoder is decode.c, arithmetic emulate_alu.c, strings emulate_string.c.
 *
 * Every handler makes all accesses that may fail before it changes a register, so that an
 * instruction either retires or leaves the vCPU as it was.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "emulate_internal.h"

#define CR0_PE		0x00000001ULL
#define CR4_LA57	0x00001000ULL
#define CR4_CET		0x00800000ULL

/* Shorter, where a handler leaves what it does not do. */
#define UNHANDLED	X86_EMUL_UNHANDLED

/**
 * x86_raise - fill in an exception of the emulator's own
 * @e: the instruction
 * @vector: #UD, #SS or #GP. The last two have the error code 0, but none in real mode.
 *
 * Return: X86_EMUL_FAULT. Context: any.
 */
int x86_raise(struct x86_emul *e, u8 vector)
{
	e->vector = vector;
	e->has_error = vector != X86_VEC_UD && (e->cr0 & CR0_PE);
	e->error = 0;
	e->cr2 = 0;
	return X86_EMUL_FAULT;
}

/* Byte registers 4 to 7 are AH, CH, DH and BH, unless there is a REX prefix. */
static bool high_byte(const struct x86_emul *e, unsigned int reg, unsigned int size)
{
	return size == 1 && !e->insn->rex && reg >= 4 && reg < 8;
}

u64 x86_gpr_read(const struct x86_emul *e, unsigned int reg, unsigned int size)
{
	if (high_byte(e, reg, size))
		return (e->gpr[reg - 4] >> 8) & 0xff;
	return e->gpr[reg] & x86_size_mask(size);
}

/* Four-byte results clear the upper half, smaller ones leave the rest (APM vol. 1 §3.1.2). */
void x86_gpr_write(struct x86_emul *e, unsigned int reg, unsigned int size, u64 val)
{
	u64 mask = x86_size_mask(size);

	if (high_byte(e, reg, size))
		e->gpr[reg - 4] = (e->gpr[reg - 4] & ~0xff00ULL) | (val & 0xff) << 8;
	else if (size >= 4)
		e->gpr[reg] = val & mask;
	else
		e->gpr[reg] = (e->gpr[reg] & ~mask) | (val & mask);
}

u64 x86_next_rip(const struct x86_emul *e)
{
	u64 next = e->rip + e->insn->len;

	return e->mode == X86_MODE_64 ? next : next & 0xffffffff;
}

int x86_retire(struct x86_emul *e, u64 rip)
{
	e->rip = rip;
	e->rflags &= ~(u64)X86_FL_RF;
	if (e->ops->retire)
		e->ops->retire(e);
	return X86_EMUL_DONE;
}

static int done(struct x86_emul *e)
{
	return x86_retire(e, x86_next_rip(e));
}

/* POP computes its destination's address with the stack pointer that it leaves behind. */
static u64 effective_address(const struct x86_emul *e, u64 rsp)
{
	const struct x86_insn *insn = e->insn;
	u64 ea = (u64)insn->disp;

	if (insn->base == X86_REG_RIP)
		ea += x86_next_rip(e);
	else if (insn->base == X86_RSP)
		ea += rsp;
	else if (insn->base != X86_REG_NONE)
		ea += e->gpr[insn->base];
	if (insn->index != X86_REG_NONE)
		ea += e->gpr[insn->index] << insn->scale;
	return ea & x86_size_mask(insn->addr_size);
}

/**
 * x86_effective_address - offset of the instruction's memory operand in its segment
 * @e: registers, rip and the decoded instruction
 *
 * Return: the offset, truncated to the address size (APM vol. 1 §2.2.2). Context: any.
 */
u64 x86_effective_address(const struct x86_emul *e)
{
	return effective_address(e, e->gpr[X86_RSP]);
}

static bool canonical(const struct x86_emul *e, u64 linear)
{
	unsigned int unused = e->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

/* Is offset to last within the limit, and the segment's type right? APM vol. 2 §4.7, §4.12. */
static bool segment_allows(const struct x86_emul *e, const struct x86_seg *s, u64 offset, u64 last,
			   bool write)
{
	bool code = s->attr & X86_SEG_TYPE_CODE;

	if (e->mode != X86_MODE_REAL) {
		if (!(s->attr & X86_SEG_P))
			return false;
		if (code ? write || !(s->attr & X86_SEG_TYPE_WRITE) :
			   write && !(s->attr & X86_SEG_TYPE_WRITE))
			return false;
	}
	if (!code && (s->attr & X86_SEG_TYPE_DOWN))
		return offset > s->limit && last <= (s->attr & X86_SEG_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

/**
 * x86_linear_address - segmentation: from a logical to a linear address
 * @e: mode, segments, and where a fault is reported
 * @seg: enum x86_segreg
 * @offset: effective address, already truncated to the address size
 * @len: bytes accessed, at least 1
 * @write: it is a write
 * @linear: the result
 *
 * In 64-bit mode only FS and GS have a base, and both ends must be canonical (APM vol. 2 §4.8,
 * §5.3.1); otherwise presence, type and limit are checked, and the sum wraps at 4 GiB. Real and
 * virtual-8086 mode check the limit alone.
 *
 * Return: 0, or X86_EMUL_FAULT with #SS(0) for the stack segment and #GP(0) for others.
 * Context: any.
 */
int x86_linear_address(struct x86_emul *e, unsigned int seg, u64 offset, unsigned int len,
		       bool write, u64 *linear)
{
	const struct x86_seg *s = &e->seg[seg];
	u64 last = offset + len - 1;
	bool ok;

	if (e->mode == X86_MODE_64) {
		*linear = offset + (seg >= X86_FS ? s->base : 0);
		ok = canonical(e, *linear) && canonical(e, *linear + len - 1);
	} else {
		*linear = (s->base + offset) & 0xffffffff;
		ok = segment_allows(e, s, offset, last, write);
	}
	if (ok)
		return 0;
	return x86_raise(e, seg == X86_SS ? X86_VEC_SS : X86_VEC_GP);
}

/* The ModRM.rm operand, once loaded: a register or memory. */
struct rm {
	u64 linear;
	u64 val;
	unsigned int size;
};

enum access { ACCESS_READ, ACCESS_UPDATE };

static int rm_load_at(struct x86_emul *e, struct rm *rm, u64 ea, unsigned int size,
		      enum access access)
{
	bool update = access == ACCESS_UPDATE;
	int r;

	rm->size = size;
	rm->val = 0;
	r = x86_linear_address(e, e->insn->seg, ea, size, update, &rm->linear);
	if (r)
		return r;
	e->for_write = update;
	r = e->ops->read(e, rm->linear, &rm->val, size);
	e->for_write = false;
	return r;
}

static int rm_load(struct x86_emul *e, struct rm *rm, unsigned int size, enum access access)
{
	if (e->insn->has_mem)
		return rm_load_at(e, rm, x86_effective_address(e), size, access);
	rm->size = size;
	rm->val = x86_gpr_read(e, e->insn->rm, size);
	return 0;
}

/* Writes back what rm_load() loaded for an update. */
static int rm_update(struct x86_emul *e, const struct rm *rm, u64 val)
{
	if (e->insn->has_mem)
		return e->ops->rmw(e, rm->linear, &rm->val, &val, rm->size);
	x86_gpr_write(e, e->insn->rm, rm->size, val);
	return 0;
}

/* Writes the operand without having read it. */
static int rm_store(struct x86_emul *e, unsigned int size, u64 val)
{
	u64 linear;
	int r;

	if (!e->insn->has_mem) {
		x86_gpr_write(e, e->insn->rm, size, val);
		return 0;
	}
	r = x86_linear_address(e, e->insn->seg, x86_effective_address(e), size, true, &linear);
	return r ? r : e->ops->write(e, linear, &val, size);
}

/* Both values of a two-operand instruction; the r/m operand, if there is one, is also in @rm. */
static int load_pair(struct x86_emul *e, struct rm *rm, enum access access, u64 *dst, u64 *src)
{
	unsigned int size = e->insn->op_size;
	int r;

	switch (e->insn->form) {
	case X86_FORM_EG:
	case X86_FORM_EI:
		r = rm_load(e, rm, size, access);
		*dst = rm->val;
		*src = e->insn->form == X86_FORM_EI ? e->insn->imm :
		       x86_gpr_read(e, e->insn->reg, size);
		return r;
	case X86_FORM_GE:
		r = rm_load(e, rm, size, ACCESS_READ);
		*dst = x86_gpr_read(e, e->insn->reg, size);
		*src = rm->val;
		return r;
	case X86_FORM_AI:
		*dst = x86_gpr_read(e, X86_RAX, size);
		*src = e->insn->imm;
		return 0;
	}
	return UNHANDLED;
}

/* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP. */
static int exec_alu(struct x86_emul *e, unsigned int op)
{
	enum access access = op == X86_ALU_CMP ? ACCESS_READ : ACCESS_UPDATE;
	unsigned int size = e->insn->op_size;
	u64 dst, src, rflags = e->rflags;
	struct rm rm;
	int r;

	r = load_pair(e, &rm, access, &dst, &src);
	if (r)
		return r;
	dst = x86_alu(op, dst, src, size, &rflags);
	if (op != X86_ALU_CMP) {
		if (e->insn->form == X86_FORM_GE)
			x86_gpr_write(e, e->insn->reg, size, dst);
		else if (e->insn->form == X86_FORM_AI)
			x86_gpr_write(e, X86_RAX, size, dst);
		else
			r = rm_update(e, &rm, dst);
		if (r)
			return r;
	}
	e->rflags = rflags;
	return done(e);
}

/* 80 to 83: the operation is in ModRM.reg. */
static int exec_alu_group(struct x86_emul *e, unsigned int unused)
{
	return exec_alu(e, e->insn->reg & 7);
}

static int exec_test(struct x86_emul *e, unsigned int unused)
{
	u64 dst, src;
	struct rm rm;
	int r;

	r = load_pair(e, &rm, ACCESS_READ, &dst, &src);
	if (r)
		return r;
	x86_alu(X86_ALU_AND, dst, src, e->insn->op_size, &e->rflags);
	return done(e);
}

/* INC and DEC leave CF alone. */
static int exec_incdec(struct x86_emul *e, unsigned int op)
{
	u64 val, rflags = e->rflags;
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (r)
		return r;
	val = x86_alu(op, rm.val, 1, rm.size, &rflags);
	r = rm_update(e, &rm, val);
	if (r)
		return r;
	e->rflags = (rflags & ~(u64)X86_FL_CF) | (e->rflags & X86_FL_CF);
	return done(e);
}

static int exec_not(struct x86_emul *e)
{
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (!r)
		r = rm_update(e, &rm, ~rm.val);
	return r ? r : done(e);
}

static int exec_neg(struct x86_emul *e)
{
	u64 val, rflags = e->rflags;
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (r)
		return r;
	val = x86_alu(X86_ALU_SUB, 0, rm.val, rm.size, &rflags);
	r = rm_update(e, &rm, val);
	if (r)
		return r;
	e->rflags = rflags;
	return done(e);
}

/* F6 and F7; MUL, IMUL, DIV and IDIV are left out. */
static int exec_group3(struct x86_emul *e, unsigned int unused)
{
	switch (e->insn->reg & 7) {
	case 0:
	case 1:
		return exec_test(e, 0);
	case 2:
		return exec_not(e);
	case 3:
		return exec_neg(e);
	}
	return UNHANDLED;
}

/* 88 to 8B, A0 to A3, C6 and C7. */
static int exec_mov(struct x86_emul *e, unsigned int unused)
{
	unsigned int size = e->insn->op_size;
	struct rm rm;
	int r;

	switch (e->insn->form) {
	case X86_FORM_EG:
		r = rm_store(e, size, x86_gpr_read(e, e->insn->reg, size));
		break;
	case X86_FORM_EI:
		r = rm_store(e, size, e->insn->imm);
		break;
	case X86_FORM_OA:
		r = rm_store(e, size, x86_gpr_read(e, X86_RAX, size));
		break;
	case X86_FORM_GE:
		r = rm_load(e, &rm, size, ACCESS_READ);
		if (!r)
			x86_gpr_write(e, e->insn->reg, size, rm.val);
		break;
	case X86_FORM_AO:
		r = rm_load(e, &rm, size, ACCESS_READ);
		if (!r)
			x86_gpr_write(e, X86_RAX, size, rm.val);
		break;
	default:
		r = UNHANDLED;
	}
	return r ? r : done(e);
}

/* Without REX.W the operand is four bytes, in 16-bit code too; other prefixes are #UD. */
static int exec_movnti(struct x86_emul *e, unsigned int unused)
{
	unsigned int size = e->insn->rex & 8 ? 8 : 4;
	int r;

	if (e->insn->op_prefix || e->insn->rep)
		return x86_raise(e, X86_VEC_UD);
	r = rm_store(e, size, x86_gpr_read(e, e->insn->reg, size));
	return r ? r : done(e);
}

/* A segment register's selector to memory, always 16 bits there. */
static int exec_store_selector(struct x86_emul *e, unsigned int unused)
{
	unsigned int size = e->insn->has_mem ? 2 : e->insn->op_size;
	int r;

	if (e->insn->reg >= X86_NR_SEG)
		return x86_raise(e, X86_VEC_UD);
	r = rm_store(e, size, e->seg[e->insn->reg].selector);
	return r ? r : done(e);
}

/*
 * IMUL with two or three operands: the low half of the product. CF and OF say that the
 * high half is more than its sign; the other flags are undefined and stay.
 */
static int exec_imul(struct x86_emul *e, unsigned int has_imm)
{
	unsigned int size = e->insn->op_size, shift = 64 - 8 * size;
	__int128 product;
	struct rm rm;
	s64 a, b, low;
	int r;

	r = rm_load(e, &rm, size, ACCESS_READ);
	if (r)
		return r;
	a = (s64)(rm.val << shift) >> shift;
	b = (s64)((has_imm ? e->insn->imm : x86_gpr_read(e, e->insn->reg, size)) << shift) >> shift;
	product = (__int128)a * b;
	low = (s64)((u64)product << shift) >> shift;
	e->rflags &= ~(u64)(X86_FL_CF | X86_FL_OF);
	if (low != product)
		e->rflags |= X86_FL_CF | X86_FL_OF;
	x86_gpr_write(e, e->insn->reg, size, low);
	return done(e);
}

static void write_extended(struct x86_emul *e, const struct rm *rm, bool sign)
{
	unsigned int shift = 64 - 8 * rm->size;
	u64 val = rm->val;

	if (sign)
		val = (u64)((s64)(val << shift) >> shift);
	x86_gpr_write(e, e->insn->reg, e->insn->op_size, val);
}

/* MOVZX and MOVSX: opcode bit 0 gives the source's size, bit 3 the sign. */
static int exec_movx(struct x86_emul *e, unsigned int unused)
{
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->opcode & 1 ? 2 : 1, ACCESS_READ);
	if (r)
		return r;
	write_extended(e, &rm, e->insn->opcode & 8);
	return done(e);
}

/* 63: ARPL outside of 64-bit mode. Vendors differ in what they read with 66. */
static int exec_movsxd(struct x86_emul *e, unsigned int unused)
{
	struct rm rm;
	int r;

	if (e->mode != X86_MODE_64 || e->insn->op_size == 2)
		return UNHANDLED;
	r = rm_load(e, &rm, 4, ACCESS_READ);
	if (r)
		return r;
	write_extended(e, &rm, true);
	return done(e);
}

static u64 swap_bytes(u64 val, unsigned int size)
{
	u64 res = 0;

	while (size--) {
		res = res << 8 | (val & 0xff);
		val >>= 8;
	}
	return res;
}

/* With F2 it is CRC32. */
static int exec_movbe(struct x86_emul *e, unsigned int unused)
{
	unsigned int size = e->insn->op_size;
	struct rm rm;
	int r;

	if (e->insn->rep)
		return UNHANDLED;
	if (e->insn->form == X86_FORM_EG) {
		r = rm_store(e, size, swap_bytes(x86_gpr_read(e, e->insn->reg, size), size));
	} else {
		r = rm_load(e, &rm, size, ACCESS_READ);
		if (!r)
			x86_gpr_write(e, e->insn->reg, size, swap_bytes(rm.val, size));
	}
	return r ? r : done(e);
}

static int exec_setcc(struct x86_emul *e, unsigned int unused)
{
	int r = rm_store(e, 1, x86_condition(e->insn->opcode & 0xf, e->rflags));

	return r ? r : done(e);
}

/* The load happens, and a four-byte destination is zero-extended, in any case. */
static int exec_cmov(struct x86_emul *e, unsigned int unused)
{
	unsigned int size = e->insn->op_size;
	struct rm rm;
	u64 val;
	int r;

	r = rm_load(e, &rm, size, ACCESS_READ);
	if (r)
		return r;
	val = x86_gpr_read(e, e->insn->reg, size);
	if (x86_condition(e->insn->opcode & 0xf, e->rflags))
		val = rm.val;
	x86_gpr_write(e, e->insn->reg, size, val);
	return done(e);
}

/* Locked with memory, whether or not it says so (APM vol. 3, XCHG). */
static int exec_xchg(struct x86_emul *e, unsigned int unused)
{
	struct rm rm;
	u64 reg;
	int r;

	e->locked = true;
	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (r)
		return r;
	reg = x86_gpr_read(e, e->insn->reg, rm.size);
	r = rm_update(e, &rm, reg);
	if (r)
		return r;
	x86_gpr_write(e, e->insn->reg, rm.size, rm.val);
	return done(e);
}

static int exec_xadd(struct x86_emul *e, unsigned int unused)
{
	u64 sum, rflags = e->rflags;
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (r)
		return r;
	sum = x86_alu(X86_ALU_ADD, rm.val, x86_gpr_read(e, e->insn->reg, rm.size), rm.size, &rflags);
	/* Where both are one register, the sum stays. */
	if (!e->insn->has_mem)
		x86_gpr_write(e, e->insn->reg, rm.size, rm.val);
	r = rm_update(e, &rm, sum);
	if (r)
		return r;
	if (e->insn->has_mem)
		x86_gpr_write(e, e->insn->reg, rm.size, rm.val);
	e->rflags = rflags;
	return done(e);
}

/*
 * Memory is written in any case: with what it held, if the comparison fails. A register is not
 * then, and keeps its upper half.
 */
static int exec_cmpxchg(struct x86_emul *e, unsigned int unused)
{
	u64 acc, src, rflags = e->rflags;
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (r)
		return r;
	acc = x86_gpr_read(e, X86_RAX, rm.size);
	src = x86_gpr_read(e, e->insn->reg, rm.size);
	x86_alu(X86_ALU_CMP, acc, rm.val, rm.size, &rflags);
	if (e->insn->has_mem || acc == rm.val)
		r = rm_update(e, &rm, acc == rm.val ? src : rm.val);
	if (r)
		return r;
	if (acc != rm.val)
		x86_gpr_write(e, X86_RAX, rm.size, rm.val);
	e->rflags = rflags;
	return done(e);
}

/* CMPXCHG8B and CMPXCHG16B: rDX:rAX is compared, rCX:rBX stored, ZF alone says which. */
static int exec_cmpxchg_pair(struct x86_emul *e, unsigned int unused)
{
	unsigned int half = e->insn->rex & 8 ? 8 : 4;
	u8 old[16] = { 0 }, new[16] = { 0 };
	u64 linear, low = 0, high = 0, val;
	bool equal;
	int r;

	if ((e->insn->reg & 7) != 1 || !e->insn->has_mem)
		return UNHANDLED;
	r = x86_linear_address(e, e->insn->seg, x86_effective_address(e), 2 * half, true, &linear);
	/* A misaligned address is #GP even where a stack address would be #SS. */
	if (half == 8 && (linear & 15))
		r = x86_raise(e, X86_VEC_GP);
	if (r)
		return r;
	e->for_write = true;
	r = e->ops->read(e, linear, old, 2 * half);
	e->for_write = false;
	if (r)
		return r;

	memcpy(&low, old, half);
	memcpy(&high, old + half, half);
	equal = low == x86_gpr_read(e, X86_RAX, half) && high == x86_gpr_read(e, X86_RDX, half);
	memcpy(new, old, sizeof(new));
	if (equal) {
		val = x86_gpr_read(e, X86_RBX, half);
		memcpy(new, &val, half);
		val = x86_gpr_read(e, X86_RCX, half);
		memcpy(new + half, &val, half);
	}
	r = e->ops->rmw(e, linear, old, new, 2 * half);
	if (r)
		return r;
	e->rflags &= ~(u64)X86_FL_ZF;
	if (equal) {
		e->rflags |= X86_FL_ZF;
	} else {
		x86_gpr_write(e, X86_RAX, half, low);
		x86_gpr_write(e, X86_RDX, half, high);
	}
	return done(e);
}

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static u64 bit_result(enum bit_op op, u64 val, u64 bit)
{
	switch (op) {
	case BIT_SET:
		return val | bit;
	case BIT_RESET:
		return val & ~bit;
	case BIT_COMPLEMENT:
		return val ^ bit;
	default:
		return val;
	}
}

/* @offset is signed and, in memory, reaches past the operand: APM vol. 3, BT. */
static int exec_bit(struct x86_emul *e, enum bit_op op, s64 offset)
{
	enum access access = op == BIT_TEST ? ACCESS_READ : ACCESS_UPDATE;
	unsigned int size = e->insn->op_size, shift = size == 8 ? 6 : size == 4 ? 5 : 4;
	u64 bit = 1ULL << (offset & ((1 << shift) - 1)), ea;
	struct rm rm;
	int r;

	if (e->insn->has_mem) {
		ea = x86_effective_address(e) + (u64)(offset >> shift) * size;
		r = rm_load_at(e, &rm, ea & x86_size_mask(e->insn->addr_size), size, access);
	} else {
		r = rm_load(e, &rm, size, access);
	}
	if (!r && op != BIT_TEST)
		r = rm_update(e, &rm, bit_result(op, rm.val, bit));
	if (r)
		return r;
	e->rflags &= ~(u64)X86_FL_CF;
	if (rm.val & bit)
		e->rflags |= X86_FL_CF;
	return done(e);
}

/* 0F A3, AB, B3, BB. */
static int exec_bit_reg(struct x86_emul *e, unsigned int op)
{
	unsigned int shift = 64 - 8 * e->insn->op_size;

	return exec_bit(e, op, (s64)(e->gpr[e->insn->reg] << shift) >> shift);
}

/* 0F BA: an immediate never reaches past the operand. */
static int exec_bit_imm(struct x86_emul *e, unsigned int unused)
{
	return exec_bit(e, e->insn->reg & 3, e->insn->imm & (8 * e->insn->op_size - 1));
}

/* C0, C1, D0 to D3. */
static int exec_shift(struct x86_emul *e, unsigned int unused)
{
	u64 val, rflags = e->rflags;
	unsigned int count;
	struct rm rm;
	int r;

	if (e->insn->opcode < 0xd0)
		count = e->insn->imm;
	else
		count = e->insn->opcode & 2 ? e->gpr[X86_RCX] & 0xff : 1;
	r = rm_load(e, &rm, e->insn->op_size, ACCESS_UPDATE);
	if (r)
		return r;
	val = x86_alu_shift(e->insn->reg & 7, rm.val, count, rm.size, &rflags);
	r = rm_update(e, &rm, val);
	if (r)
		return r;
	e->rflags = rflags;
	return done(e);
}

/* How much of rSP is the stack pointer: SS.B, whatever the code segment says. */
static unsigned int stack_size(const struct x86_emul *e)
{
	if (e->mode == X86_MODE_64)
		return 8;
	return e->seg[X86_SS].attr & X86_SEG_DB ? 4 : 2;
}

/* Where a push of the operand size goes: the new stack pointer, and its linear address. */
static int push_address(struct x86_emul *e, u64 *sp, u64 *linear)
{
	unsigned int size = e->insn->op_size;

	*sp = (e->gpr[X86_RSP] - size) & x86_size_mask(stack_size(e));
	return x86_linear_address(e, X86_SS, *sp, size, true, linear);
}

static int exec_push(struct x86_emul *e)
{
	u64 sp, linear;
	struct rm rm;
	int r;

	r = rm_load(e, &rm, e->insn->op_size, ACCESS_READ);
	if (!r)
		r = push_address(e, &sp, &linear);
	if (!r)
		r = e->ops->write(e, linear, &rm.val, rm.size);
	if (r)
		return r;
	x86_gpr_write(e, X86_RSP, stack_size(e), sp);
	return done(e);
}

static int exec_pop(struct x86_emul *e, unsigned int unused)
{
	unsigned int size = e->insn->op_size, width = stack_size(e);
	u64 mask = x86_size_mask(width), rsp = e->gpr[X86_RSP], linear, val = 0;
	int r;

	r = x86_linear_address(e, X86_SS, rsp & mask, size, false, &linear);
	if (!r)
		r = e->ops->read(e, linear, &val, size);
	if (r)
		return r;
	rsp = ((rsp + size) & mask) | (width == 2 ? rsp & ~mask : 0);
	if (e->insn->has_mem) {
		r = x86_linear_address(e, e->insn->seg, effective_address(e, rsp), size, true,
				       &linear);
		if (!r)
			r = e->ops->write(e, linear, &val, size);
		if (r)
			return r;
		e->gpr[X86_RSP] = rsp;
	} else {
		e->gpr[X86_RSP] = rsp;
		x86_gpr_write(e, e->insn->rm, size, val);
	}
	return done(e);
}

static bool branch_allowed(const struct x86_emul *e, u64 rip)
{
	if (e->mode == X86_MODE_64)
		return canonical(e, rip);
	return rip <= e->seg[X86_CS].limit;
}

/*
 * Near CALL and JMP through memory. Left out: a 2-byte target in 64-bit mode, where vendors differ,
 * and control-flow enforcement. The stack's limit is judged before the target.
 */
static int exec_branch(struct x86_emul *e, bool call)
{
	u64 sp, linear, next = x86_next_rip(e);
	struct rm rm;
	int r;

	if ((e->mode == X86_MODE_64 && e->insn->op_size != 8) || (e->cr4 & CR4_CET))
		return UNHANDLED;
	r = rm_load(e, &rm, e->insn->op_size, ACCESS_READ);
	if (!r && call)
		r = push_address(e, &sp, &linear);
	if (!r && !branch_allowed(e, rm.val))
		r = x86_raise(e, X86_VEC_GP);
	if (!r && call)
		r = e->ops->write(e, linear, &next, rm.size);
	if (r)
		return r;
	if (call)
		x86_gpr_write(e, X86_RSP, stack_size(e), sp);
	return x86_retire(e, rm.val);
}

/* FE and FF; far branches are left out. */
static int exec_group5(struct x86_emul *e, unsigned int unused)
{
	switch (e->insn->reg & 7) {
	case 0:
		return exec_incdec(e, X86_ALU_ADD);
	case 1:
		return exec_incdec(e, X86_ALU_SUB);
	case 2:
		return exec_branch(e, true);
	case 4:
		return exec_branch(e, false);
	case 6:
		return exec_push(e);
	}
	return UNHANDLED;
}

struct handler {
	int (*exec)(struct x86_emul *e, unsigned int arg);
	unsigned int arg;
};

static const struct handler one_byte[256] = {
	[0x00 ... 0x05] = { exec_alu, X86_ALU_ADD },
	[0x08 ... 0x0d] = { exec_alu, X86_ALU_OR },
	[0x10 ... 0x15] = { exec_alu, X86_ALU_ADC },
	[0x18 ... 0x1d] = { exec_alu, X86_ALU_SBB },
	[0x20 ... 0x25] = { exec_alu, X86_ALU_AND },
	[0x28 ... 0x2d] = { exec_alu, X86_ALU_SUB },
	[0x30 ... 0x35] = { exec_alu, X86_ALU_XOR },
	[0x38 ... 0x3d] = { exec_alu, X86_ALU_CMP },
	[0x63]		= { exec_movsxd },
	[0x69]		= { exec_imul, true },
	[0x6b]		= { exec_imul, true },
	[0x6c ... 0x6d] = { x86_exec_string, X86_STRING_INS },
	[0x6e ... 0x6f] = { x86_exec_string, X86_STRING_OUTS },
	[0x80 ... 0x83] = { exec_alu_group },
	[0x84 ... 0x85] = { exec_test },
	[0x86 ... 0x87] = { exec_xchg },
	[0x88 ... 0x8b] = { exec_mov },
	[0x8c]		= { exec_store_selector },
	[0x8f]		= { exec_pop },
	[0xa0 ... 0xa3] = { exec_mov },
	[0xa4 ... 0xa5] = { x86_exec_string, X86_STRING_MOVS },
	[0xa6 ... 0xa7] = { x86_exec_string, X86_STRING_CMPS },
	[0xa8 ... 0xa9] = { exec_test },
	[0xaa ... 0xab] = { x86_exec_string, X86_STRING_STOS },
	[0xac ... 0xad] = { x86_exec_string, X86_STRING_LODS },
	[0xae ... 0xaf] = { x86_exec_string, X86_STRING_SCAS },
	[0xc0 ... 0xc1] = { exec_shift },
	[0xc6 ... 0xc7] = { exec_mov },
	[0xd0 ... 0xd3] = { exec_shift },
	[0xf6 ... 0xf7] = { exec_group3 },
	[0xfe ... 0xff] = { exec_group5 },
};

static const struct handler two_byte[256] = {
	[0x40 ... 0x4f] = { exec_cmov },
	[0x90 ... 0x9f] = { exec_setcc },
	[0xa3]		= { exec_bit_reg, BIT_TEST },
	[0xaf]		= { exec_imul },
	[0xab]		= { exec_bit_reg, BIT_SET },
	[0xb0 ... 0xb1] = { exec_cmpxchg },
	[0xb3]		= { exec_bit_reg, BIT_RESET },
	[0xb6 ... 0xb7] = { exec_movx },
	[0xba]		= { exec_bit_imm },
	[0xbb]		= { exec_bit_reg, BIT_COMPLEMENT },
	[0xbe ... 0xbf] = { exec_movx },
	[0xc0 ... 0xc1] = { exec_xadd },
	[0xc3]		= { exec_movnti },
	[0xc7]		= { exec_cmpxchg_pair },
};

static const struct handler movbe = { exec_movbe };

static const struct handler *find_handler(const struct x86_insn *insn)
{
	switch (insn->map) {
	case X86_MAP_ONE:
		return &one_byte[insn->opcode];
	case X86_MAP_0F:
		return &two_byte[insn->opcode];
	default:
		return &movbe;
	}
}

/**
 * x86_emulate - execute one instruction, or a bounded part of a REP one
 * @e: the vCPU's registers and the decoded instruction at rip; see struct x86_emul
 *
 * Registers change when the instruction retires (or an iteration of a REP string instruction, of
 * which one call does at most X86_EMUL_MAX_ITERATIONS; string I/O X86_EMUL_MAX_BYTES). So the
 * caller takes over rip and rflags after every result: those of a REP instruction may have moved
 * on to the iteration that stopped it, as the general registers have.
 * Left to the caller: instruction fetch, a single-step trap and the end of an interrupt shadow
 * when an instruction retires, and whether the guest's CPUID has the instruction.
 *
 * Return: DONE; EXIT, RETRY, UNHANDLED or FAULT as an op returned it; FAULT for #UD (LOCK where
 * it may not be), #GP and #SS; UNHANDLED for an instruction not executed here, with nothing done.
 * Context: as the ops need it; itself any.
 */
enum x86_emul_result x86_emulate(struct x86_emul *e)
{
	const struct handler *h = find_handler(e->insn);

	e->partial = false;
	e->for_write = false;
	e->locked = e->insn->lock;
	if (e->insn->lock && !e->insn->lock_ok)
		return x86_raise(e, X86_VEC_UD);
	if (!h->exec)
		return X86_EMUL_UNHANDLED;
	return h->exec(e, h->arg);
}
