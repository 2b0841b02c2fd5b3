// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 instruction decoder: two opcode tables and the walk over prefixes, opcode, ModRM, SIB,
 * displacement and immediate (AMD APM vol. 3 chapter 1 and appendix A; Intel SDM vol. 2 chapter 2
 * and appendix A). VEX, EVEX and XOP encodings are not instructions here.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "decode.h"

/* Immediate kinds. */
enum {
	IMM_NONE,
	IMM_SB,		/* one byte, sign-extended */
	IMM_UB,		/* one byte, zero-extended: a count, a port, a vector */
	IMM_W,		/* two bytes, zero-extended */
	IMM_Z,		/* two or four bytes by operand size, sign-extended */
	IMM_V,		/* two, four or eight bytes by operand size */
	IMM_ENTER,	/* two bytes, then one */
	IMM_FAR,	/* offset by operand size, then a selector */
	IMM_OFFS,	/* a memory offset by address size */
	IMM_TEST,	/* as IMM_SB or IMM_Z, but only for ModRM.reg 0 and 1 */
};

/* An opcode's attributes: an immediate kind, a form, and flags. */
#define ATTR_IMM(attr)		((attr) & 0xf)
#define ATTR_FORM(attr)		(((attr) >> 4) & 0xf)
#define ATTR_VALID		0x000100	/* in the table */
#define ATTR_MODRM		0x000200
#define ATTR_BYTE		0x000400	/* operates on bytes */
#define ATTR_D64		0x000800	/* 64-bit mode: operand size 8 without REX.W */
#define ATTR_N64		0x001000	/* #UD in 64-bit mode */
#define ATTR_NEAR64		0x002000	/* 64-bit mode: vendors differ on 66 and a Z immediate */
#define ATTR_LOCK		0x004000	/* LOCK allowed with a memory operand */
#define ATTR_MEM		0x008000	/* #UD with a register operand */
#define ATTR_REG		0x010000	/* #UD with a memory operand */
#define ATTR_SYSREG		0x020000	/* MOV CR/DR: mod is ignored, operand size is the mode's */
#define ATTR_IO			0x040000	/* operand size is never 8 */
#define ATTR_GROUP		0x080000	/* ModRM.reg extends the opcode: see groups[] */
#define ATTR_F3			0x100000	/* #UD without F3 */

/* Short names that keep a table row on a line. */
#define o	ATTR_VALID
#define UD	0
#define F(form)	(X86_FORM_##form << 4)
#define M	(o | ATTR_MODRM)
#define MM	(M | ATTR_MEM)
#define MR	(M | ATTR_REG)
#define ME	(M | F(E))
#define G	(M | ATTR_GROUP)
#define EG	(M | F(EG))
#define GE	(M | F(GE))
#define B	ATTR_BYTE
#define L	ATTR_LOCK
#define N64	(o | ATTR_N64)
#define D64	(o | ATTR_D64)
#define IO	(o | ATTR_IO)
#define SB	(o | IMM_SB)
#define UB	(o | IMM_UB)
#define JB	(D64 | IMM_SB)
#define JZ	(D64 | ATTR_NEAR64 | IMM_Z)
#define SYS	(M | ATTR_SYSREG)

/* The six encodings every two-operand arithmetic instruction begins with. */
#define ALU(lock) \
	EG|B|(lock), EG|(lock), GE|B, GE, o|B|IMM_SB|F(AI), o|IMM_Z|F(AI)

static const u32 one_byte[256] = {
/* 00 */ ALU(L), N64, N64,
/* 08 */ ALU(L), N64, UD /* escape */,
/* 10 */ ALU(L), N64, N64,
/* 18 */ ALU(L), N64, N64,
/* 20 */ ALU(L), UD /* ES: */, N64,
/* 28 */ ALU(L), UD /* CS: */, N64,
/* 30 */ ALU(L), UD /* SS: */, N64,
/* 38 */ ALU(0), UD /* DS: */, N64,
/* 40: REX in 64-bit mode */
	N64, N64, N64, N64, N64, N64, N64, N64,
/* 48 */ N64, N64, N64, N64, N64, N64, N64, N64,
/* 50 */ D64, D64, D64, D64, D64, D64, D64, D64,
/* 58 */ D64, D64, D64, D64, D64, D64, D64, D64,
/* 60: 62 is BOUND, or EVEX; 63 is ARPL, or MOVSXD */
	N64, N64, N64|MM, GE, UD /* FS: */, UD /* GS: */, UD /* 66 */, UD /* 67 */,
/* 68 */ D64|IMM_Z, M|IMM_Z, D64|IMM_SB, M|IMM_SB, IO|B, IO, IO|B, IO,
/* 70 */ JB, JB, JB, JB, JB, JB, JB, JB,
/* 78 */ JB, JB, JB, JB, JB, JB, JB, JB,
/* 80 */ G|L|B|IMM_SB|F(EI), G|L|IMM_Z|F(EI), G|L|B|ATTR_N64|IMM_SB|F(EI), G|L|IMM_SB|F(EI),
	 EG|B, EG, EG|B|L, EG|L,
/* 88 */ EG|B, EG, GE|B, GE, G, MM, G, G|D64|F(E),
/* 90 */ o, o, o, o, o, o, o, o,
/* 98 */ o, o, N64|IMM_FAR, o, D64, D64, o, o,
/* a0 */ o|B|IMM_OFFS|F(AO), o|IMM_OFFS|F(AO), o|B|IMM_OFFS|F(OA), o|IMM_OFFS|F(OA),
	 o|B, o, o|B, o,
/* a8 */ SB|B|F(AI), o|IMM_Z|F(AI), o|B, o, o|B, o, o|B, o,
/* b0 */ SB|B, SB|B, SB|B, SB|B, SB|B, SB|B, SB|B, SB|B,
/* b8 */ o|IMM_V, o|IMM_V, o|IMM_V, o|IMM_V, o|IMM_V, o|IMM_V, o|IMM_V, o|IMM_V,
/* c0: c4 and c5 are LES and LDS, or VEX */
	ME|B|IMM_UB, ME|IMM_UB, D64|IMM_W, D64, N64|MM, N64|MM, G|B|IMM_SB|F(EI), G|IMM_Z|F(EI),
/* c8 */ D64|IMM_ENTER, D64, o|IMM_W, o, o, UB, N64, o,
/* d0 */ ME|B, ME, ME|B, ME, N64|IMM_UB, N64|IMM_UB, N64, o,
/* d8: x87 */
	M, M, M, M, M, M, M, M,
/* e0 */ JB, JB, JB, JB, IO|B|IMM_UB, IO|IMM_UB, IO|B|IMM_UB, IO|IMM_UB,
/* e8 */ JZ, JZ, N64|IMM_FAR, JB, IO|B, IO, IO|B, IO,
/* f0 */ UD /* LOCK */, o, UD /* REPNE */, UD /* REP */, o, o,
	 G|L|B|IMM_TEST|F(EI), G|L|IMM_TEST|F(EI),
/* f8 */ o, o, o, o, o, o, G|L|B|F(E), G|L|F(E),
};

/* 0F 78 and 79 are VMREAD and VMWRITE; with 66 or F2 SSE4a, which x86_decode() refuses. */
static const u32 two_byte[256] = {
/* 00 */ G, M, M, M, UD, o, o, o,
/* 08 */ o, o, UD, o, UD, M, o, M|IMM_UB,
/* 10: SSE moves; 13, 17 store */
	M, M, M, MM, M, M, M, MM,
/* 18 */ M, M, M, M, M, M, M, M,
/* 20 */ SYS, SYS, SYS, SYS, UD, UD, UD, UD,
/* 28 */ M, M, M, MM, M, M, M, M,
/* 30 */ o, o, o, o, o, o, UD, o,
/* 38 */ UD, UD, UD, UD, UD, UD, UD, UD,
/* 40 */ GE, GE, GE, GE, GE, GE, GE, GE,
/* 48 */ GE, GE, GE, GE, GE, GE, GE, GE,
/* 50 */ MR, M, M, M, M, M, M, M,
/* 58 */ M, M, M, M, M, M, M, M,
/* 60 */ M, M, M, M, M, M, M, M,
/* 68 */ M, M, M, M, M, M, M, M,
/* 70 */ M|IMM_UB, G|IMM_UB, G|IMM_UB, G|IMM_UB, M, M, M, o,
/* 78 */ M|D64, M|D64, UD, UD, M, M, M, M,
/* 80 */ JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ,
/* 88 */ JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ,
/* 90 */ ME|B, ME|B, ME|B, ME|B, ME|B, ME|B, ME|B, ME|B,
/* 98 */ ME|B, ME|B, ME|B, ME|B, ME|B, ME|B, ME|B, ME|B,
/* a0 */ D64, D64, o, EG, M|IMM_UB, M, UD, UD,
/* a8 */ D64, D64, o, EG|L, M|IMM_UB, M, M, GE,
/* b0: MOVZX and MOVSX have the destination's operand size */
	EG|B|L, EG|L, MM, EG|L, MM, MM, GE, GE,
/* b8 */ M|ATTR_F3, M, G|L|IMM_UB|F(EI), EG|L, M, M, GE, GE,
/* c0 */ EG|B|L, EG|L, M|IMM_UB, EG|ATTR_MEM, M|IMM_UB, MR|IMM_UB, M|IMM_UB, G|L|F(E),
/* c8 */ o, o, o, o, o, o, o, o,
/* d0 */ M, M, M, M, M, M, M, MR,
/* d8 */ M, M, M, M, M, M, M, M,
/* e0 */ M, M, M, M, M, M, M, MM,
/* e8 */ M, M, M, M, M, M, M, M,
/* f0 */ M, M, M, M, M, M, M, MR,
/* f8 */ M, M, M, M, M, M, M, UD,
};

/* 0F 38: F0 and F1 with F2 are CRC32, which may also name a register. */
static u32 three_byte_attr(u8 opcode, u8 rep)
{
	if ((opcode & 0xfe) != 0xf0 || rep == 0xf3)
		return UD;
	if (rep)
		return opcode & 1 ? GE : GE|B;
	return opcode & 1 ? EG|ATTR_MEM : GE|ATTR_MEM;
}

#undef o
#undef UD
#undef F
#undef M
#undef MM
#undef MR
#undef ME
#undef G
#undef EG
#undef GE
#undef B
#undef L
#undef N64
#undef D64
#undef IO
#undef SB
#undef UB
#undef JB
#undef JZ
#undef SYS
#undef ALU

/*
 * Opcodes extended by ModRM.reg: bit n of a mask speaks for reg = n. mem and regs: encodings that
 * exist; lock: may be locked; d64: operand size 8 by default in 64-bit mode. MOV of an immediate,
 * as to a local APIC's EOI register, is found at once.
 */
static const struct group {
	u8 map, opcode, mem, regs, lock, d64;
} groups[] = {
	{ X86_MAP_ONE, 0xc7, 0x01, 0x01 },
	{ X86_MAP_ONE, 0x80, 0xff, 0xff, 0x7f },
	{ X86_MAP_ONE, 0x81, 0xff, 0xff, 0x7f },
	{ X86_MAP_ONE, 0x82, 0xff, 0xff, 0x7f },
	{ X86_MAP_ONE, 0x83, 0xff, 0xff, 0x7f },
	{ X86_MAP_ONE, 0x8c, 0x3f, 0x3f },		/* MOV from a segment register */
	{ X86_MAP_ONE, 0x8e, 0x3d, 0x3d },		/* to one: never CS */
	{ X86_MAP_ONE, 0x8f, 0x01, 0x01 },		/* POP; the rest is XOP */
	{ X86_MAP_ONE, 0xc6, 0x01, 0x01 },
	{ X86_MAP_ONE, 0xf6, 0xff, 0xff, 0x0c },
	{ X86_MAP_ONE, 0xf7, 0xff, 0xff, 0x0c },
	{ X86_MAP_ONE, 0xfe, 0x03, 0x03, 0x03 },
	{ X86_MAP_ONE, 0xff, 0x7f, 0x57, 0x03, 0x54 },
	{ X86_MAP_0F, 0x00, 0x3f, 0x3f },
	{ X86_MAP_0F, 0x71, 0x00, 0x54 },
	{ X86_MAP_0F, 0x72, 0x00, 0x54 },
	{ X86_MAP_0F, 0x73, 0x00, 0xcc },
	{ X86_MAP_0F, 0xba, 0xf0, 0xf0, 0xe0 },
	{ X86_MAP_0F, 0xc7, 0xfa, 0xc0, 0x02 },
};

/* Base and index of 16-bit addressing, by ModRM.rm (APM vol. 3 table A-33). */
static const struct {
	u8 base, index;
} addr16[8] = {
	{ X86_RBX, X86_RSI }, { X86_RBX, X86_RDI }, { X86_RBP, X86_RSI }, { X86_RBP, X86_RDI },
	{ X86_RSI, X86_REG_NONE }, { X86_RDI, X86_REG_NONE },
	{ X86_RBP, X86_REG_NONE }, { X86_RBX, X86_REG_NONE },
};

/* The bytes at hand and how far the decoder has come. */
struct cursor {
	const u8 *bytes;
	unsigned int n;
	unsigned int pos;
};

/*
 * Takes @size bytes, little-endian as all here is: 0, -EAGAIN or -EINVAL as x86_decode() has
 * them.  The two sizes that most have need no loop.
 */
static int take(struct cursor *c, unsigned int size, u64 *val)
{
	const u8 *from = c->bytes + c->pos;

	if (c->pos + size > X86_INSN_MAX)
		return -EINVAL;
	if (c->pos + size > c->n)
		return -EAGAIN;
	c->pos += size;
	*val = 0;
	if (size == 1)
		*val = *from;
	else if (size == 4)
		memcpy(val, from, 4);
	else
		memcpy(val, from, size);
	return 0;
}

static int take_byte(struct cursor *c, u8 *val)
{
	u64 v;
	int r = take(c, 1, &v);

	if (!r)
		*val = v;
	return r;
}

static u64 sign_extend(u64 val, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(val << shift) >> shift);
}

static int take_signed(struct cursor *c, unsigned int size, u64 *val)
{
	int r = take(c, size, val);

	if (!r)
		*val = sign_extend(*val, size);
	return r;
}

/*
 * Notes @byte if it is a legacy prefix. ES, CS, SS and DS overrides mean nothing in 64-bit mode
 * (APM vol. 3 §1.2.4); they do not undo an FS or GS one.
 */
static bool legacy_prefix(struct x86_insn *insn, u8 byte, enum x86_mode mode)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		if (mode != X86_MODE_64) {
			insn->seg = (byte >> 3) & 3;
			insn->seg_prefix = true;
		}
		return true;
	case 0x64: case 0x65:
		insn->seg = X86_FS + (byte & 1);
		insn->seg_prefix = true;
		return true;
	case 0x66:
		insn->op_prefix = true;
		return true;
	case 0x67:
		insn->addr_prefix = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2: case 0xf3:
		insn->rep = byte;
		return true;
	}
	return false;
}

/* Prefixes up to the opcode's first byte; REX counts only right before it. */
static int decode_prefixes(struct x86_insn *insn, struct cursor *c, enum x86_mode mode, u8 *first)
{
	int r;

	for (;;) {
		r = take_byte(c, first);
		if (r)
			return r;
		if (legacy_prefix(insn, *first, mode)) {
			insn->rex = 0;
			continue;
		}
		if (mode != X86_MODE_64 || (*first & 0xf0) != 0x40)
			return 0;
		insn->rex = *first;
	}
}

static int decode_opcode(struct x86_insn *insn, struct cursor *c, u8 byte, u32 *attr)
{
	int r;

	if (byte != 0x0f) {
		insn->opcode = byte;
		*attr = one_byte[byte];
		return 0;
	}
	insn->map = X86_MAP_0F;
	r = take_byte(c, &insn->opcode);
	if (r)
		return r;
	if (insn->opcode != 0x38) {
		*attr = two_byte[insn->opcode];
		return 0;
	}
	insn->map = X86_MAP_0F38;
	r = take_byte(c, &insn->opcode);
	if (r)
		return r;
	*attr = three_byte_attr(insn->opcode, insn->rep);
	return 0;
}

/* Refuses what the tables hold but this mode, or these prefixes, do not have. */
static int check_opcode(const struct x86_insn *insn, u32 attr, enum x86_mode mode)
{
	bool sse4a = insn->map == X86_MAP_0F && (insn->opcode & 0xfe) == 0x78 &&
		     (insn->op_prefix || insn->rep == 0xf2);

	if (!(attr & ATTR_VALID) || sse4a)
		return -EINVAL;
	if ((attr & ATTR_F3) && insn->rep != 0xf3)
		return -EINVAL;
	if (mode != X86_MODE_64)
		return 0;
	if (attr & ATTR_N64)
		return -EINVAL;
	/* Intel ignores 66 there, AMD has a 16-bit displacement: the length is not known. */
	if ((attr & ATTR_NEAR64) && insn->op_prefix && !(insn->rex & 8))
		return -EINVAL;
	return 0;
}

static int decode_sib(struct x86_insn *insn, struct cursor *c, unsigned int *disp_size)
{
	u8 sib;
	int r = take_byte(c, &sib);

	if (r)
		return r;
	insn->scale = sib >> 6;
	insn->index = ((sib >> 3) & 7) | (insn->rex & 2 ? 8 : 0);
	insn->base = (sib & 7) | (insn->rex & 1 ? 8 : 0);
	if (insn->index == X86_RSP) {
		insn->index = X86_REG_NONE;
		insn->scale = 0;
	}
	if ((sib & 7) == X86_RBP && !insn->mod) {
		insn->base = X86_REG_NONE;
		*disp_size = 4;
	}
	return 0;
}

/* The memory operand of a ModRM byte: APM vol. 3 §1.4, SDM vol. 2 §2.1.5. */
static int decode_memory(struct x86_insn *insn, struct cursor *c, enum x86_mode mode)
{
	unsigned int rm = insn->modrm & 7, disp_size = 0;
	u64 disp;
	int r;

	insn->has_mem = true;
	if (insn->mod == 1)
		disp_size = 1;
	else if (insn->mod == 2)
		disp_size = insn->addr_size == 2 ? 2 : 4;

	if (insn->addr_size == 2) {
		insn->base = addr16[rm].base;
		insn->index = addr16[rm].index;
		if (rm == 6 && !insn->mod) {
			insn->base = X86_REG_NONE;
			disp_size = 2;
		}
	} else if (rm == X86_RSP) {
		r = decode_sib(insn, c, &disp_size);
		if (r)
			return r;
	} else if (rm == X86_RBP && !insn->mod) {
		insn->base = mode == X86_MODE_64 ? X86_REG_RIP : X86_REG_NONE;
		disp_size = 4;
	} else {
		insn->base = insn->rm;
	}

	if (!insn->seg_prefix && (insn->base == X86_RSP || insn->base == X86_RBP))
		insn->seg = X86_SS;
	if (!disp_size)
		return 0;
	r = take_signed(c, disp_size, &disp);
	insn->disp = (s64)disp;
	return r;
}

static int decode_modrm(struct x86_insn *insn, struct cursor *c, u32 attr, enum x86_mode mode)
{
	int r = take_byte(c, &insn->modrm);

	if (r)
		return r;
	insn->has_modrm = true;
	insn->mod = insn->modrm >> 6;
	insn->reg = ((insn->modrm >> 3) & 7) | (insn->rex & 4 ? 8 : 0);
	insn->rm = (insn->modrm & 7) | (insn->rex & 1 ? 8 : 0);
	if (attr & ATTR_SYSREG)
		insn->mod = 3;
	if (insn->mod == 3)
		return attr & ATTR_MEM ? -EINVAL : 0;
	if (attr & ATTR_REG)
		return -EINVAL;
	return decode_memory(insn, c, mode);
}

static const struct group *find_group(const struct x86_insn *insn)
{
	unsigned int i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].map == insn->map && groups[i].opcode == insn->opcode)
			return &groups[i];
	return NULL;
}

/* An opcode extended by ModRM.reg: does it exist, and what is special with it? */
static int decode_group(struct x86_insn *insn, u32 *attr)
{
	const struct group *g = find_group(insn);
	u8 bit = 1 << ((insn->modrm >> 3) & 7);

	if (!g || !((insn->has_mem ? g->mem : g->regs) & bit))
		return -EINVAL;
	if (!(g->lock & bit))
		*attr &= ~ATTR_LOCK;
	if (g->d64 & bit)
		*attr |= ATTR_D64;
	return 0;
}

static unsigned int operand_size(const struct x86_insn *insn, u32 attr, enum x86_mode mode)
{
	bool is16 = mode == X86_MODE_16 || mode == X86_MODE_REAL;
	unsigned int size;

	if (attr & ATTR_SYSREG)
		return mode == X86_MODE_64 ? 8 : 4;
	if (insn->rex & 8)
		size = 8;
	else if (is16 != insn->op_prefix)
		size = 2;
	else
		size = mode == X86_MODE_64 && (attr & ATTR_D64) ? 8 : 4;
	if ((attr & ATTR_IO) && size == 8)
		size = 4;
	return size;
}

static unsigned int address_size(const struct x86_insn *insn, enum x86_mode mode)
{
	if (mode == X86_MODE_64)
		return insn->addr_prefix ? 4 : 8;
	return (mode == X86_MODE_32) != insn->addr_prefix ? 4 : 2;
}

/* The immediate, given the operand size that the non-byte form of the opcode would have. */
static int decode_immediate(struct x86_insn *insn, struct cursor *c, u32 attr)
{
	unsigned int kind = ATTR_IMM(attr);
	unsigned int z = insn->op_size == 2 ? 2 : 4;
	u64 high;
	int r;

	if (kind == IMM_TEST) {
		if (insn->modrm & 0x30)
			return 0;
		kind = attr & ATTR_BYTE ? IMM_SB : IMM_Z;
	}
	switch (kind) {
	case IMM_SB:
		return take_signed(c, 1, &insn->imm);
	case IMM_UB:
		return take(c, 1, &insn->imm);
	case IMM_W:
		return take(c, 2, &insn->imm);
	case IMM_Z:
		return take_signed(c, z, &insn->imm);
	case IMM_V:
		return take_signed(c, insn->op_size, &insn->imm);
	case IMM_ENTER:
		return take(c, 3, &insn->imm);
	case IMM_FAR:
		r = take(c, z, &insn->imm);
		if (!r)
			r = take(c, 2, &high);
		if (!r)
			insn->imm |= high << 32;
		return r;
	case IMM_OFFS:
		insn->has_mem = true;
		r = take(c, insn->addr_size, &high);
		if (!r)
			insn->disp = (s64)high;
		return r;
	}
	return 0;
}

/**
 * x86_decode - decode one instruction
 * @insn: filled; undefined when the function fails
 * @bytes: the instruction's bytes, as fetched from CS:rIP
 * @n: how many of them there are; more than 15 are not looked at
 * @mode: the mode of the code segment
 *
 * The result depends on the bytes and @mode alone. LOCK where it is not allowed, privilege, and
 * whether the processor has the instruction's extension are not errors here: see @insn->lock_ok.
 *
 * Return: 0; -EAGAIN when @n bytes are not enough (fetch more, up to X86_INSN_MAX); -EINVAL when
 * the bytes are no instruction in the tables, longer than 15 bytes (the processor raises #GP then),
 * or a near branch with 66 in 64-bit mode, whose length depends on the vendor.
 * Context: any.
 */
int x86_decode(struct x86_insn *insn, const u8 *bytes, unsigned int n, enum x86_mode mode)
{
	struct cursor c = { .bytes = bytes, .n = n };
	u32 attr = 0;
	u8 first;
	int r;

	memset(insn, 0, sizeof(*insn));
	insn->seg = X86_DS;
	insn->base = X86_REG_NONE;
	insn->index = X86_REG_NONE;

	r = decode_prefixes(insn, &c, mode, &first);
	if (!r)
		r = decode_opcode(insn, &c, first, &attr);
	if (!r)
		r = check_opcode(insn, attr, mode);
	if (r)
		return r;
	insn->form = ATTR_FORM(attr);
	insn->addr_size = address_size(insn, mode);

	if (attr & ATTR_MODRM) {
		r = decode_modrm(insn, &c, attr, mode);
		if (!r && (attr & ATTR_GROUP))
			r = decode_group(insn, &attr);
		if (r)
			return r;
	}
	insn->op_size = operand_size(insn, attr, mode);
	r = decode_immediate(insn, &c, attr);
	if (r)
		return r;

	if (attr & ATTR_BYTE)
		insn->op_size = 1;
	insn->lock_ok = (attr & ATTR_LOCK) && insn->has_mem;
	insn->len = c.pos;
	memcpy(insn->bytes, bytes, insn->len);
	return 0;
}
