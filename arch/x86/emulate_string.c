// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions of the emulator: MOVS, CMPS, STOS, LODS, SCAS, INS and OUTS, alone and with
 * REP prefixes (AMD APM vol. 3 §1.2.6). An iteration retires as a whole: pointers, count and flags
 * change only after its last access succeeded, so that whatever stops the instruction finds it
 * ready to be resumed, or replayed, at the iteration that did not.
 */
#include <linux/types.h>

#include "emulate_internal.h"

/* Byte offsets of the two operands: DS:rSI (or an override) and ES:rDI. */
static u64 source(const struct x86_emul *e)
{
	return x86_gpr_read(e, X86_RSI, e->insn->addr_size);
}

static u64 destination(const struct x86_emul *e)
{
	return x86_gpr_read(e, X86_RDI, e->insn->addr_size);
}

/* Moves a pointer register past @n elements. */
static void advance(struct x86_emul *e, unsigned int reg, unsigned int n)
{
	unsigned int addr_size = e->insn->addr_size;
	u64 delta = (u64)n * e->insn->op_size;
	u64 val = x86_gpr_read(e, reg, addr_size);

	val = e->rflags & X86_FL_DF ? val - delta : val + delta;
	x86_gpr_write(e, reg, addr_size, val);
}

static int step_movs(struct x86_emul *e)
{
	unsigned int size = e->insn->op_size;
	u64 from, to, val = 0;
	int r;

	r = x86_linear_address(e, e->insn->seg, source(e), size, false, &from);
	if (!r)
		r = e->ops->read(e, from, &val, size);
	if (!r)
		r = x86_linear_address(e, X86_ES, destination(e), size, true, &to);
	if (!r)
		r = e->ops->write(e, to, &val, size);
	if (r)
		return r;
	advance(e, X86_RSI, 1);
	advance(e, X86_RDI, 1);
	return 0;
}

static int step_stos(struct x86_emul *e)
{
	unsigned int size = e->insn->op_size;
	u64 to, val = x86_gpr_read(e, X86_RAX, size);
	int r;

	r = x86_linear_address(e, X86_ES, destination(e), size, true, &to);
	if (!r)
		r = e->ops->write(e, to, &val, size);
	if (r)
		return r;
	advance(e, X86_RDI, 1);
	return 0;
}

static int step_lods(struct x86_emul *e)
{
	unsigned int size = e->insn->op_size;
	u64 from, val = 0;
	int r;

	r = x86_linear_address(e, e->insn->seg, source(e), size, false, &from);
	if (!r)
		r = e->ops->read(e, from, &val, size);
	if (r)
		return r;
	x86_gpr_write(e, X86_RAX, size, val);
	advance(e, X86_RSI, 1);
	return 0;
}

static int step_cmps(struct x86_emul *e)
{
	unsigned int size = e->insn->op_size;
	u64 first, second, a = 0, b = 0;
	int r;

	r = x86_linear_address(e, e->insn->seg, source(e), size, false, &first);
	if (!r)
		r = e->ops->read(e, first, &a, size);
	if (!r)
		r = x86_linear_address(e, X86_ES, destination(e), size, false, &second);
	if (!r)
		r = e->ops->read(e, second, &b, size);
	if (r)
		return r;
	x86_alu(X86_ALU_CMP, a, b, size, &e->rflags);
	advance(e, X86_RSI, 1);
	advance(e, X86_RDI, 1);
	return 0;
}

static int step_scas(struct x86_emul *e)
{
	unsigned int size = e->insn->op_size;
	u64 from, val = 0;
	int r;

	r = x86_linear_address(e, X86_ES, destination(e), size, false, &from);
	if (!r)
		r = e->ops->read(e, from, &val, size);
	if (r)
		return r;
	x86_alu(X86_ALU_CMP, x86_gpr_read(e, X86_RAX, size), val, size, &e->rflags);
	advance(e, X86_RDI, 1);
	return 0;
}

/*
 * How many elements of string I/O go in one transfer, and where they are in memory. More than one
 * only upwards, without a wrap of the offset, and in memory that is known to take them: nothing
 * may go wrong between the device and the memory then. *n is the most wanted, and what it is.
 */
static int io_extent(struct x86_emul *e, unsigned int seg, u64 offset, bool write, u64 *linear,
		     unsigned int *n)
{
	unsigned int size = e->insn->op_size, want = *n;
	u64 room = (x86_size_mask(e->insn->addr_size) - offset) / size;
	int r;

	*n = 1;
	if (e->rflags & X86_FL_DF)
		want = 1;
	else if (want > room)
		want = room ? room : 1;
	if (want > 1 && e->ops->probe &&
	    !x86_linear_address(e, seg, offset, want * size, write, linear) &&
	    !e->ops->probe(e, *linear, want * size, write)) {
		*n = want;
		return 0;
	}
	r = x86_linear_address(e, seg, offset, size, write, linear);
	if (r || !write || !e->ops->probe)
		return r;
	r = e->ops->probe(e, *linear, size, write);
	return r == X86_EMUL_FAULT ? r : 0;
}

static int step_ins(struct x86_emul *e, unsigned int *n)
{
	unsigned int size = e->insn->op_size;
	u8 data[X86_EMUL_MAX_BYTES];
	u64 to;
	int r;

	if (!e->ops->pio_in)
		return X86_EMUL_UNHANDLED;
	r = io_extent(e, X86_ES, destination(e), true, &to, n);
	if (!r)
		r = e->ops->pio_in(e, (u16)e->gpr[X86_RDX], data, size, *n);
	if (!r)
		r = e->ops->write(e, to, data, *n * size);
	if (r)
		return r;
	advance(e, X86_RDI, *n);
	return 0;
}

static int step_outs(struct x86_emul *e, unsigned int *n)
{
	unsigned int size = e->insn->op_size;
	u8 data[X86_EMUL_MAX_BYTES];
	u64 from;
	int r;

	if (!e->ops->pio_out)
		return X86_EMUL_UNHANDLED;
	r = io_extent(e, e->insn->seg, source(e), false, &from, n);
	if (!r)
		r = e->ops->read(e, from, data, *n * size);
	if (!r)
		r = e->ops->pio_out(e, (u16)e->gpr[X86_RDX], data, size, *n);
	if (r)
		return r;
	advance(e, X86_RSI, *n);
	return 0;
}

/* One iteration, or for string I/O up to *n of them; *n is how many were done. */
static int step(struct x86_emul *e, enum x86_string_op op, unsigned int *n)
{
	if (op == X86_STRING_INS)
		return step_ins(e, n);
	if (op == X86_STRING_OUTS)
		return step_outs(e, n);
	*n = 1;
	switch (op) {
	case X86_STRING_MOVS:
		return step_movs(e);
	case X86_STRING_CMPS:
		return step_cmps(e);
	case X86_STRING_STOS:
		return step_stos(e);
	case X86_STRING_LODS:
		return step_lods(e);
	case X86_STRING_SCAS:
		return step_scas(e);
	default:
		return X86_EMUL_UNHANDLED;
	}
}

/* REPE and REPNE end on what CMPS and SCAS found; the others know only the count. */
static bool found(const struct x86_emul *e, enum x86_string_op op)
{
	bool equal = e->rflags & X86_FL_ZF;

	if (op != X86_STRING_CMPS && op != X86_STRING_SCAS)
		return false;
	return equal != (e->insn->rep == 0xf3);
}

/* Iterations that a call may do: what fits a transfer for string I/O, one when single-stepped. */
static unsigned int iterations(const struct x86_emul *e, enum x86_string_op op)
{
	if (!e->insn->rep || (e->rflags & X86_FL_TF))
		return 1;
	if (op == X86_STRING_INS || op == X86_STRING_OUTS)
		return X86_EMUL_MAX_BYTES / e->insn->op_size;
	return X86_EMUL_MAX_ITERATIONS;
}

/*
 * Executes a string instruction, or a part of its iterations. RF is set while iterations are left,
 * for an interrupt that is taken in between (APM vol. 2 §3.1.6).
 */
int x86_exec_string(struct x86_emul *e, unsigned int op)
{
	unsigned int left = iterations(e, op), n;
	u64 count;
	int r;

	for (;;) {
		count = x86_gpr_read(e, X86_RCX, e->insn->addr_size);
		if (!e->insn->rep)
			count = 1;
		if (!count)
			return x86_retire(e, x86_next_rip(e));
		n = left < count ? left : count;
		r = step(e, op, &n);
		if (r)
			return r;
		if (!e->insn->rep)
			return x86_retire(e, x86_next_rip(e));

		count -= n;
		left -= n;
		x86_gpr_write(e, X86_RCX, e->insn->addr_size, count);
		if (!count || found(e, op))
			return x86_retire(e, x86_next_rip(e));
		e->rflags |= X86_FL_RF;
		if (e->ops->retire)
			e->ops->retire(e);
		if (!left) {
			e->partial = true;
			return X86_EMUL_DONE;
		}
	}
}
