// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the host CPU: random instructions with random operands, prefixes and
 * addressing forms run natively in 64-bit, 32-bit and 16-bit (protected) code, and through
 * x86_emulate(). Registers, defined flags, memory, and the exceptions of faulting ones must agree.
 *
 * The emulator goes first, on a copy of the memory: a case in which it leaves the window of memory
 * set aside is dropped before the CPU could do harm. A test fails when too many were dropped.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "emulate.h"
#include "ktap.h"
#include "native.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define GS_BASE64	0x120
#define STUCK		255	/* as a vector: the CPU went astray and did not come back */
#define DROPPED		100	/* an op's result: the access is outside of the window */

/* Instructions to make, by opcode and what is variable in it. */
struct template {
	const char *name;
	u8 map;			/* 0, or 0f; 0x38 for 0f 38 */
	u8 opcode, mask;	/* opcode | (random & mask) */
	u8 ext_low, ext_high;	/* range of ModRM.reg, 0 to 7 if it is a register */
	u8 imm;			/* IB, or IZ by operand size */
	unsigned int flags;
};

enum { IB = 1, IZ };
#define W	0x001	/* opcode bit 0 clear: bytes */
#define BYTE	0x002
#define LOCK	0x004	/* worth locking */
#define LOGIC	0x008	/* AF is undefined */
#define SHIFT	0x010
#define BITS	0x020	/* OF, SF, AF, PF are undefined */
#define OFFSET	0x040	/* bit offset in a register */
#define STACK	0x080
#define BRANCH	0x100
#define STRING	0x200
#define MOFFS	0x400
#define MEM	0x800	/* memory form only */
#define ATOMIC	0x1000	/* locked without saying so */
#define NOMODRM	0x2000
#define LONG	0x4000	/* 64-bit mode only, with REX.W */
#define PAIR	0x8000
#define PRODUCT	0x10000	/* SF, ZF, AF, PF are undefined */

static const struct template templates[] = {
	{ "alu r/m,r", 0, 0x00, 0x3b, 0, 7, 0, W | LOCK },
	{ "and/xor r/m,r", 0, 0x20, 0x13, 0, 7, 0, W | LOCK | LOGIC },
	{ "alu acc,imm", 0, 0x04, 0x39, 0, 0, IZ, W | NOMODRM },
	{ "alu r/m,imm", 0, 0x80, 0x01, 0, 7, IZ, W | LOCK },
	{ "alu r/m,imm8", 0, 0x83, 0, 0, 7, IB, LOCK },
	{ "test", 0, 0x84, 0x01, 0, 7, 0, W | LOGIC },
	{ "test acc,imm", 0, 0xa8, 0x01, 0, 0, IZ, W | NOMODRM | LOGIC },
	{ "test imm", 0, 0xf6, 0x01, 0, 1, IZ, W | LOGIC },
	{ "not/neg", 0, 0xf6, 0x01, 2, 3, 0, W | LOCK },
	{ "inc/dec", 0, 0xfe, 0x01, 0, 1, 0, W | LOCK },
	{ "xchg", 0, 0x86, 0x01, 0, 7, 0, W | LOCK | ATOMIC },
	{ "mov", 0, 0x88, 0x03, 0, 7, 0, W },
	{ "mov imm", 0, 0xc6, 0x01, 0, 0, IZ, W },
	{ "mov moffs", 0, 0xa0, 0x03, 0, 0, 0, W | MOFFS | NOMODRM },
	{ "movnti", 0x0f, 0xc3, 0, 0, 7, 0, MEM },
	{ "movzx/movsx", 0x0f, 0xb6, 0x09, 0, 7, 0, 0 },
	{ "movsxd", 0, 0x63, 0, 0, 7, 0, LONG },
	{ "movbe", 0x38, 0xf0, 0x01, 0, 7, 0, MEM },
	{ "setcc", 0x0f, 0x90, 0x0f, 0, 7, 0, BYTE },
	{ "cmov", 0x0f, 0x40, 0x0f, 0, 7, 0, 0 },
	{ "cmpxchg", 0x0f, 0xb0, 0x01, 0, 7, 0, W | LOCK | PAIR },
	{ "cmpxchg8b/16b", 0x0f, 0xc7, 0, 1, 1, 0, LOCK | MEM | PAIR },
	{ "xadd", 0x0f, 0xc0, 0x01, 0, 7, 0, W | LOCK },
	{ "imul", 0x0f, 0xaf, 0, 0, 7, 0, PRODUCT },
	{ "imul imm", 0, 0x69, 0, 0, 7, IZ, PRODUCT },
	{ "imul imm8", 0, 0x6b, 0, 0, 7, IB, PRODUCT },
	{ "bt r", 0x0f, 0xa3, 0x18, 0, 7, 0, LOCK | BITS | OFFSET },
	{ "bt imm", 0x0f, 0xba, 0, 4, 7, IB, LOCK | BITS },
	{ "shift imm", 0, 0xc0, 0x01, 0, 7, IB, W | SHIFT },
	{ "shift 1/cl", 0, 0xd0, 0x03, 0, 7, 0, W | SHIFT },
	{ "push", 0, 0xff, 0, 6, 6, 0, STACK },
	{ "pop", 0, 0x8f, 0, 0, 0, 0, STACK },
	{ "call/jmp", 0, 0xff, 0, 2, 2, 0, STACK | BRANCH | MEM },
	{ "jmp", 0, 0xff, 0, 4, 4, 0, BRANCH | MEM },
	{ "movs/cmps", 0, 0xa4, 0x03, 0, 0, 0, W | STRING | NOMODRM },
	{ "stos", 0, 0xaa, 0x01, 0, 0, 0, W | STRING | NOMODRM },
	{ "lods", 0, 0xac, 0x01, 0, 0, 0, W | STRING | NOMODRM },
	{ "scas", 0, 0xae, 0x01, 0, 0, 0, W | STRING | NOMODRM },
};

static unsigned long long seed;
static u8 *const window = (u8 *)(unsigned long)WINDOW;
static u8 shadow[WINDOW_SIZE], initial[WINDOW_SIZE];
static struct control *const ctl = (struct control *)(unsigned long)(CODE + CTL);
static struct x86_seg segments[X86_NR_SEG];

static u64 rnd(void)
{
	return test_random(&seed);
}

static unsigned int below(unsigned int n)
{
	return (rnd() >> 32) % n;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* Values at the edges are as likely as any. */
static u64 operand(void)
{
	static const u64 edges[] = {
		0, 1, ~0ULL, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0x0f, 0x10,
	};

	return one_in(3) ? edges[below(COUNT(edges))] : rnd();
}

/* One case: an instruction and the state that it begins with. */
struct test_case {
	const struct template *t;
	struct x86_emul e;	/* at the beginning; insn and gpr belong to it */
	struct x86_insn insn;
	u64 gpr[X86_NR_GPR];
	u8 bytes[24];
	unsigned int n, imm_size;
	unsigned int size;	/* operand size, bytes instructions included */
};

static u64 size_mask(unsigned int size)
{
	return size == 8 ? ~0ULL : (1ULL << (8 * size)) - 1;
}

static void prefixes(struct test_case *c, bool lock)
{
	static const u8 overrides[] = { 0x65, 0x65, 0x2e, 0x3e, 0x26, 0x36 };
	bool long_mode = c->e.mode == X86_MODE_64;

	if (one_in(5) && !(c->t->flags & STRING))
		c->bytes[c->n++] = overrides[below(COUNT(overrides))];
	if (one_in(5) && (c->t->flags & STRING))
		c->bytes[c->n++] = 0x65;
	if ((c->t->flags & STRING) ? !one_in(3) : !c->t->map && one_in(30))
		c->bytes[c->n++] = 0xf2 + below(2);
	if (lock)
		c->bytes[c->n++] = 0xf0;
	if (c->size == (c->e.mode == X86_MODE_16 ? 4 : 2) || (c->size == 8 && one_in(8) &&
							      !(c->t->flags & (STACK | BRANCH))))
		c->bytes[c->n++] = 0x66;
	if (one_in(long_mode ? 5 : 2))
		c->bytes[c->n++] = 0x67;
	if (!long_mode)
		return;
	if (c->size == 8 && !(c->t->flags & (STACK | BRANCH)))
		c->bytes[c->n++] = 0x48 | below(8);
	else if (one_in(2))
		c->bytes[c->n++] = 0x40 | below(8);
}

/* Bytes after the opcode are random; make_addresses() mends the displacement if it must. */
static void opcode(struct test_case *c)
{
	const struct template *t = c->t;
	unsigned int mod = one_in(6) && !(t->flags & MEM) ? 3 : below(3), i;
	u8 op = t->opcode | (rnd() >> 40 & t->mask);

	if (t->map)
		c->bytes[c->n++] = 0x0f;
	if (t->map == 0x38)
		c->bytes[c->n++] = 0x38;
	c->bytes[c->n++] = op;
	if ((t->flags & BYTE) || ((t->flags & W) && !(op & 1)))
		c->size = 1;
	if (!(t->flags & NOMODRM))
		c->bytes[c->n++] = mod << 6 | (t->ext_low + below(t->ext_high - t->ext_low + 1)) << 3 |
				   below(8);
	for (i = c->n; i < sizeof(c->bytes); i++)
		c->bytes[i] = one_in(4) ? 0 : rnd() >> 40;
	c->imm_size = !t->imm ? 0 : t->imm == IB || c->size == 1 ? 1 : c->size == 2 ? 2 : 4;
}

/* Inverse of an odd number modulo 2^64. */
static u64 inverse(u64 a)
{
	u64 x = a;
	unsigned int i;

	for (i = 0; i < 6; i++)
		x *= 2 - a * x;
	return x;
}

static void set_low(u64 *reg, u64 val, unsigned int size)
{
	*reg = (*reg & ~size_mask(size)) | (val & size_mask(size));
}

static u64 segment_base(const struct test_case *c, unsigned int seg)
{
	return c->e.mode == X86_MODE_64 && seg < X86_FS ? 0 : segments[seg].base;
}

/* Chooses registers, or a displacement, so that the memory operand is at @linear. */
static bool place_operand(struct test_case *c, u64 linear)
{
	struct x86_insn *insn = &c->insn;
	u64 *gpr = c->gpr, want = linear - segment_base(c, insn->seg), disp = insn->disp, rest;
	unsigned int size = insn->addr_size, at, disp_size;

	if (insn->base == X86_REG_NONE && insn->index == X86_REG_NONE) {
		disp_size = size == 2 ? 2 : c->t->flags & MOFFS ? size : 4;
		at = insn->len - c->imm_size - disp_size;
		memcpy(c->bytes + at, &want, disp_size);
	} else if (insn->base == X86_REG_RIP) {
		want -= CODE + CODE_INSN + insn->len;
		memcpy(c->bytes + insn->len - c->imm_size - 4, &want, 4);
	} else if (insn->index == X86_REG_NONE) {
		set_low(&gpr[insn->base], want - disp, size);
	} else if (insn->base == X86_REG_NONE) {
		rest = (want - disp) & ~((1ULL << insn->scale) - 1);
		set_low(&gpr[insn->index], rest >> insn->scale, size);
	} else if (insn->base == insn->index) {
		rest = want - disp;
		if (insn->scale)
			set_low(&gpr[insn->base], rest * inverse(1 + (1ULL << insn->scale)), size);
		else
			set_low(&gpr[insn->base], (rest & size_mask(size)) >> 1, size);
	} else {
		rest = want - disp - (gpr[insn->index] << insn->scale);
		set_low(&gpr[insn->base], rest, size);
	}
	return !x86_decode(insn, c->bytes, sizeof(c->bytes), c->e.mode);
}

static u64 in_window(unsigned int align)
{
	return (WINDOW + WINDOW_SIZE / 4 + below(WINDOW_SIZE / 2)) & ~(u64)(align - 1);
}

static void string_operands(struct test_case *c)
{
	unsigned int size = c->insn.addr_size, i;
	u64 *gpr = c->gpr;

	set_low(&gpr[X86_RSI], in_window(1) - segment_base(c, c->insn.seg), size);
	set_low(&gpr[X86_RDI], in_window(1) - segment_base(c, X86_ES), size);
	if (c->insn.rep)
		set_low(&gpr[X86_RCX], 1 + below(24), size);
	if (one_in(2))
		for (i = 0; i < WINDOW_SIZE; i++)
			initial[i] = one_in(16);
	if (one_in(2))
		gpr[X86_RAX] = 0;
}

/* Half of the comparisons that exchange should succeed. */
static void pair_operands(struct test_case *c, u64 linear)
{
	const u8 *at = initial + (linear - WINDOW);
	u64 *gpr = c->gpr;
	unsigned int half = c->size;

	if (one_in(2) || !c->insn.has_mem || c->insn.base == X86_RAX ||
	    c->insn.index == X86_RAX || c->insn.base == X86_RDX || c->insn.index == X86_RDX)
		return;
	if (c->t->opcode == 0xc7) {
		half = c->insn.rex & 8 ? 8 : 4;
		memcpy(&gpr[X86_RDX], at + half, half);
	}
	memcpy(&gpr[X86_RAX], at, half);
}

/* The stack pointer; then operands in memory, which may want the same register. */
static bool operands(struct test_case *c)
{
	struct x86_insn *insn = &c->insn;
	bool locked = insn->lock || (c->t->flags & ATOMIC);
	u64 linear = in_window(locked ? (c->t->opcode == 0xc7 ? 16 : c->size) : 1), target;
	unsigned int stack = c->e.mode == X86_MODE_64 ? 8 : segments[X86_SS].attr & X86_SEG_DB ? 4 : 2;

	if (c->t->flags & STACK)
		set_low(&c->gpr[X86_RSP], in_window(1) - segment_base(c, X86_SS), stack);
	if (c->t->flags & STRING)
		string_operands(c);
	if ((c->t->flags & OFFSET) && insn->has_mem)
		set_low(&c->gpr[insn->reg], (s64)below(2048) - 1024, c->size);
	if (insn->has_mem && !place_operand(c, linear))
		return false;
	/* Some forms cannot reach every address; then it is one close by. */
	linear = x86_effective_address(&c->e) + segment_base(c, insn->seg);
	if (insn->has_mem && !(c->t->flags & (OFFSET | STACK)) &&
	    (linear < WINDOW || linear > WINDOW + WINDOW_SIZE - 16))
		return false;
	if (c->t->flags & PAIR)
		pair_operands(c, linear);
	if ((c->t->flags & BRANCH) && linear >= WINDOW && linear <= WINDOW + WINDOW_SIZE - 16) {
		target = c->e.mode == X86_MODE_64 ? CODE + CODE_EXIT : CODE_EXIT;
		memcpy(initial + (linear - WINDOW), &target, 8);
	}
	return true;
}

/* Random bytes: a part, chosen by chance, of many that are made once. */
static void fill_window(void)
{
	static u64 pool[8192];
	unsigned int i;

	if (!pool[0])
		for (i = 0; i < COUNT(pool); i++)
			pool[i] = rnd() | 1;
	memcpy(initial, (u8 *)pool + below(sizeof(pool) - WINDOW_SIZE), WINDOW_SIZE);
}

static bool generate(struct test_case *c, const struct template *t, enum x86_mode mode)
{
	static const u64 statuses = X86_FL_STATUS;
	unsigned int i, sizes = mode == X86_MODE_64 ? 3 : 2;
	bool locked;

	memset(c, 0, sizeof(*c));
	c->t = t;
	c->e.gpr = c->gpr;
	c->e.insn = &c->insn;
	c->e.mode = mode;
	c->e.cr0 = 0x80000001;
	c->size = 2 << below(sizes);
	if (mode == X86_MODE_64 && (t->flags & (STACK | BRANCH)))
		c->size = t->flags & BRANCH || one_in(2) ? 8 : 2;
	if (t->flags & LONG)
		c->size = 8;
	locked = t->flags & LOCK ? one_in(3) : one_in(60);
	prefixes(c, locked);
	opcode(c);
	if (x86_decode(&c->insn, c->bytes, sizeof(c->bytes), mode))
		return false;

	for (i = 0; i < 16; i++)
		c->gpr[i] = operand() & (mode == X86_MODE_64 ? ~0ULL : 0xffffffff);
	if (mode != X86_MODE_64)
		memset(c->gpr + 8, 0, 64);
	c->e.rflags = 0x202 | (rnd() & statuses) | (one_in(3) ? X86_FL_DF : 0);
	c->e.rip = mode == X86_MODE_64 ? CODE + CODE_INSN : CODE_INSN;
	memcpy(c->e.seg, segments, sizeof(segments));
	fill_window();
	return operands(c);
}

/* The emulator's side: memory is the shadow of the window. */
static int at_shadow(u64 linear, unsigned int len, u8 **at)
{
	if (linear < WINDOW || linear + len > WINDOW + WINDOW_SIZE)
		return DROPPED;
	*at = shadow + (linear - WINDOW);
	return 0;
}

static int op_read(struct x86_emul *e, u64 linear, void *data, unsigned int len)
{
	u8 *at;
	int r = at_shadow(linear, len, &at);

	if (!r)
		memcpy(data, at, len);
	return r;
}

static int op_write(struct x86_emul *e, u64 linear, const void *data, unsigned int len)
{
	u8 *at;
	int r = at_shadow(linear, len, &at);

	if (!r)
		memcpy(at, data, len);
	return r;
}

static int op_rmw(struct x86_emul *e, u64 linear, const void *old, const void *new,
		  unsigned int len)
{
	u8 *at;
	int r = at_shadow(linear, len, &at);

	if (r)
		return r;
	if (memcmp(at, old, len))
		return X86_EMUL_RETRY;
	memcpy(at, new, len);
	return 0;
}

static const struct x86_emul_ops ops = { .read = op_read, .write = op_write, .rmw = op_rmw };

static int emulate(struct x86_emul *e)
{
	int r;

	e->ops = &ops;
	memcpy(shadow, initial, sizeof(shadow));
	do {
		r = x86_emulate(e);
	} while (!r && e->partial);
	return r;
}

/* The CPU's side. */
static struct {
	int vector;
	u64 error, gpr[16], rip;
} fault;

static volatile unsigned int cases;
static volatile bool on_cpu;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	static const int order[16] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	static unsigned int last;
	unsigned int i;

	/* The timer finds the same case running that it found before. */
	if (sig == SIGVTALRM && (!on_cpu || last != cases)) {
		last = cases;
		return;
	}
	fault.vector = sig == SIGVTALRM ? STUCK : regs[REG_TRAPNO];
	fault.error = regs[REG_ERR];
	fault.rip = regs[REG_RIP];
	for (i = 0; i < 16; i++)
		fault.gpr[i] = regs[order[i]];
	regs[REG_RIP] = (greg_t)native_abort;
	regs[REG_EFL] = 0x202;
	regs[REG_CSGSFS] = SEL_USER64 | (greg_t)SEL_FLAT << 48;
}

/* The instruction, and after it the way out. */
static void write_code(const struct test_case *c)
{
	static const u8 jump64[6] = { 0xff, 0x25 };
	u8 *code = (u8 *)(unsigned long)CODE, exit[16], *p = exit;
	u64 target = (u64)(unsigned long)native_exit64;
	u32 offset = native_exit32 - native_blob;
	u16 cs = SEL_CODE32;

	if (c->e.mode == X86_MODE_64) {
		memcpy(exit, jump64, 6);
		memcpy(exit + 6, &target, 8);
	} else {
		if (c->e.mode == X86_MODE_16)
			*p++ = 0x66;
		*p++ = 0xea;
		memcpy(p, &offset, 4);
		memcpy(p + 4, &cs, 2);
	}
	memcpy(code + CODE_INSN, c->insn.bytes, c->insn.len);
	memcpy(code + CODE_INSN + c->insn.len, exit, sizeof(exit));
	memcpy(code + CODE_EXIT, exit, sizeof(exit));
}

static void run_native(const struct test_case *c)
{
	fault.vector = -1;
	memcpy(window, initial, WINDOW_SIZE);
	memcpy(ctl->gpr, c->gpr, sizeof(ctl->gpr));
	ctl->rflags = c->e.rflags;
	ctl->entry = CODE_INSN;
	ctl->entry_cs = c->e.mode == X86_MODE_16 ? SEL_CODE16 : SEL_CODE32;
	ctl->ds = SEL_DS;
	ctl->es = SEL_ES;
	ctl->ss = SEL_SS;
	ctl->gs = SEL_GS;
	ctl->flat = SEL_FLAT;
	write_code(c);
	cases++;
	on_cpu = true;
	if (c->e.mode == X86_MODE_64)
		native_run64();
	else
		native_run_legacy();
	on_cpu = false;
}

/* Status flags that the manuals leave undefined after this case. */
static u64 undefined_flags(const struct test_case *c)
{
	const struct x86_insn *insn = &c->insn;
	unsigned int count, bits = 8 * c->size;
	u64 flags = 0;

	if (c->t->flags & BITS)
		return X86_FL_OF | X86_FL_SF | X86_FL_AF | X86_FL_PF;
	if (c->t->flags & PRODUCT)
		return X86_FL_ZF | X86_FL_SF | X86_FL_AF | X86_FL_PF;
	if (!(c->t->flags & SHIFT))
		return 0;
	count = insn->opcode < 0xd0 ? insn->imm : insn->opcode & 2 ? c->gpr[X86_RCX] & 0xff : 1;
	count &= c->size == 8 ? 63 : 31;
	if (!count)
		return 0;
	if (count != 1)
		flags |= X86_FL_OF;
	if ((insn->reg & 7) >= 4)
		flags |= X86_FL_AF;
	if ((insn->reg & 7) >= 4 && (insn->reg & 7) < 7 && count >= bits)
		flags |= X86_FL_CF;
	return flags;
}

static void hex(const struct test_case *c, char *out)
{
	unsigned int i;

	for (i = 0; i < c->insn.len; i++)
		sprintf(out + 2 * i, "%02x", c->insn.bytes[i]);
}

/*
 * In 32-bit code the upper halves are nobody's: an interrupt on a 16-bit stack comes back
 * with the kernel's in RSP.
 */
static bool same_gpr(const struct x86_emul *e, u64 ours, u64 cpus)
{
	return e->mode == X86_MODE_64 ? ours == cpus : (u32)ours == (u32)cpus;
}

static void compare_fault(const struct test_case *c, const struct x86_emul *e, const char *text)
{
	unsigned int i;

	/*
	 * CALL with a bad target and a stack page that is not there: the CPU reports the page; the
	 * emulator judges the target before it touches the stack.
	 */
	if (c->t->flags & STACK && c->t->flags & BRANCH && e->vector == X86_VEC_GP &&
	    fault.vector == 14)
		return;
	ktap_check(fault.vector == e->vector, "%s %s: vector %u, CPU has %d", c->t->name, text,
		   e->vector, fault.vector);
	ktap_check(fault.error == e->error, "%s %s: error %x, CPU has %llx", c->t->name, text,
		   e->error, fault.error);
	if (fault.vector != e->vector)
		return;
	for (i = 0; i < 16; i++)
		if (e->mode == X86_MODE_64 || i < 8)
			ktap_check(same_gpr(e, e->gpr[i], fault.gpr[i]), "%s %s: faulting, r%u %llx, CPU has %llx",
				   c->t->name, text, i, e->gpr[i], fault.gpr[i]);
	ktap_check(e->rip == fault.rip, "%s %s: rip %llx, CPU has %llx", c->t->name, text, e->rip,
		   fault.rip);
}

static void compare_state(const struct test_case *c, const struct x86_emul *e, const char *text)
{
	u64 mask = (X86_FL_STATUS | X86_FL_DF) & ~undefined_flags(c);
	unsigned int i;

	if (!ktap_check(fault.vector < 0, "%s %s: the CPU faults with vector %d, error %llx",
			c->t->name, text, fault.vector, fault.error))
		return;
	for (i = 0; i < 16; i++)
		ktap_check(same_gpr(e, e->gpr[i], ctl->gpr[i]), "%s %s: r%u %llx, CPU has %llx (was %llx)",
			   c->t->name, text, i, e->gpr[i], ctl->gpr[i], c->gpr[i]);
	ktap_check(!((e->rflags ^ ctl->rflags) & mask), "%s %s: rflags %llx, CPU has %llx (was %llx)",
		   c->t->name, text, e->rflags, ctl->rflags, c->e.rflags);
	for (i = memcmp(shadow, window, WINDOW_SIZE) ? 0 : WINDOW_SIZE; i < WINDOW_SIZE; i++)
		if (shadow[i] != window[i])
			break;
	ktap_check(i == WINDOW_SIZE, "%s %s: memory at %x is %02x, CPU has %02x (was %02x)", c->t->name,
		   text, i, shadow[i % WINDOW_SIZE], window[i % WINDOW_SIZE],
		   initial[i % WINDOW_SIZE]);
}

struct tally {
	unsigned int run, dropped, faulted;
};

/* Where the CPU must come to, or it would run what is not code. */
static u64 expected_rip(const struct test_case *c)
{
	u64 rip = c->t->flags & BRANCH ? CODE_EXIT : CODE_INSN + c->insn.len;

	return c->e.mode == X86_MODE_64 ? rip + CODE : rip;
}

static void one_case(const struct test_case *c, struct tally *tally)
{
	struct x86_emul e = c->e;
	u64 gpr[X86_NR_GPR];
	char text[32];
	int r;

	memcpy(gpr, c->gpr, sizeof(gpr));
	e.gpr = gpr;
	r = emulate(&e);
	if (r != X86_EMUL_DONE && r != X86_EMUL_FAULT) {
		tally->dropped++;
		return;
	}
	hex(c, text);
	if (r == X86_EMUL_DONE && (c->t->flags & BRANCH) && e.rip != expected_rip(c)) {
		tally->dropped++;
		return;
	}
	if (r == X86_EMUL_DONE && !ktap_check(e.rip == expected_rip(c), "%s %s: rip %llx", c->t->name,
					      text, e.rip))
		return;
	run_native(c);
	tally->run++;
	if (r == X86_EMUL_FAULT) {
		tally->faulted++;
		compare_fault(c, &e, text);
	} else {
		compare_state(c, &e, text);
	}
}

/* Every template @n times. @twist spoils a case, so that it faults; NULL for none. */
static void agree(const char *name, enum x86_mode mode, unsigned int n,
		  void (*twist)(struct test_case *c))
{
	struct test_case c;
	struct tally all = { 0 };
	unsigned int i, j;

	seed = 0xbe47 + mode;
	for (i = 0; i < COUNT(templates); i++) {
		struct tally t = { 0 };

		if ((templates[i].flags & LONG) && mode != X86_MODE_64)
			continue;
		for (j = 0; j < n; j++) {
			if (!generate(&c, &templates[i], mode))
				continue;
			if (twist)
				twist(&c);
			one_case(&c, &t);
		}
		if (!twist)
			ktap_check(t.run > n * 8 / 10, "%s: only %u of %u run, %u dropped",
				   templates[i].name, t.run, n, t.dropped);
		all.run += t.run;
		all.dropped += t.dropped;
		all.faulted += t.faulted;
	}
	printf("# %u compared, %u of them faults, %u dropped\n", all.run, all.faulted, all.dropped);
	if (twist)
		ktap_check(all.faulted > n, "only %u faults", all.faulted);
	ktap_end(name);
}

/* Addresses that are not canonical, just, or by far. */
static void not_canonical(struct test_case *c)
{
	static const u64 holes[] = {
		0x0000800000000000, 0x00007ffffffffffe, 0xffff7ffffffffff0, 0x8000000000000000,
	};
	static const u8 regs[] = { X86_RSP, X86_RSI, X86_RDI };
	struct x86_insn *insn = &c->insn;
	u8 reg = insn->base < 16 && insn->base != insn->index ? insn->base : regs[below(3)];

	c->gpr[reg] = holes[below(COUNT(holes))] - insn->disp;
	if (insn->index < 16 && reg == insn->base)
		c->gpr[reg] -= c->gpr[insn->index] << insn->scale;
}

static void near_the_limit(struct test_case *c)
{
	struct x86_insn *insn = &c->insn;
	static const u8 regs[] = { X86_RSP, X86_RSI, X86_RDI };

	if (insn->has_mem)
		place_operand(c, segments[insn->seg].base + segments[insn->seg].limit - 8 + below(16));
	else
		set_low(&c->gpr[regs[below(3)]], segments[X86_DS].limit - 40 + below(48),
			insn->addr_size);
}

/* A descriptor for the LDT, and the same for the emulator. */
static void set_segment(unsigned int entry, int seg, u32 base, u32 limit, unsigned int contents,
			bool big, bool read_only)
{
	struct user_desc d = {
		.entry_number = entry, .base_addr = base, .limit = limit, .seg_32bit = big,
		.contents = contents, .read_exec_only = read_only, .useable = 1,
	};

	if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d))) {
		printf("Bail out! modify_ldt: %s\n", strerror(errno));
		exit(1);
	}
	if (seg < 0)
		return;
	segments[seg].base = base;
	segments[seg].limit = limit;
	segments[seg].selector = LDT(entry);
	segments[seg].attr = 0xf1 | contents << 2 | (read_only ? 0 : X86_SEG_TYPE_WRITE) |
			     (big ? X86_SEG_DB : 0);
}

/* Segments of protected mode: each has its own base. */
static void legacy_segments(u32 limit, unsigned int contents, bool big_stack, bool read_only)
{
	set_segment(2, X86_DS, ARENA, limit, contents, true, read_only);
	set_segment(3, X86_ES, ARENA + 0x40, limit, contents, true, read_only);
	set_segment(4, X86_SS, ARENA + 0x10, limit, contents, big_stack, false);
	set_segment(5, X86_GS, ARENA + 0x20, limit, contents, true, read_only);
}

static void code_segment(enum x86_mode mode)
{
	set_segment(0, mode == X86_MODE_32 ? X86_CS : -1, CODE, 0xfff, 2, true, false);
	set_segment(1, mode == X86_MODE_16 ? X86_CS : -1, CODE, 0xfff, 2, false, false);
}

static void set_up(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static u8 signal_stack[65536];
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGVTALRM };
	static const struct itimerval tick = { { 0, 100000 }, { 0, 100000 } };
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (mmap((void *)(unsigned long)(i ? CODE : WINDOW & ~0xfff), 4096,
			 PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
			printf("Bail out! mmap: %s\n", strerror(errno));
			exit(1);
		}
	memset((void *)(unsigned long)CODE, 0xcc, 4096);
	memcpy((void *)(unsigned long)CODE, native_blob, native_blob_end - native_blob);
	sigaltstack(&stack, NULL);
	for (i = 0; i < COUNT(signals); i++)
		sigaction(signals[i], &sa, NULL);
	setitimer(ITIMER_VIRTUAL, &tick, NULL);
}

static void in_long_mode(void)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE64);
	memset(segments, 0, sizeof(segments));
	segments[X86_GS].base = GS_BASE64;
	agree("agrees_with_cpu_64", X86_MODE_64, 8000, NULL);
	agree("not_canonical_faults_as_cpu_64", X86_MODE_64, 2000, not_canonical);
}

static void in_protected_mode(enum x86_mode mode, const char *const names[])
{
	code_segment(mode);
	legacy_segments(0xffff, 0, true, false);
	agree(names[0], mode, 4000, NULL);
	legacy_segments(0xffff, 0, false, false);
	agree(names[1], mode, 2000, NULL);
	legacy_segments(0x8200, 0, true, false);
	agree(names[2], mode, 1000, near_the_limit);
	legacy_segments(0x8200, 1, true, false);
	agree(names[3], mode, 1000, near_the_limit);
	legacy_segments(0xffff, 0, true, true);
	agree(names[4], mode, 1000, near_the_limit);
}

int main(void)
{
	static const char *const names32[] = {
		"agrees_with_cpu_32", "agrees_with_cpu_32_small_stack", "limit_faults_as_cpu_32",
		"expand_down_limit_faults_as_cpu_32", "read_only_segment_faults_as_cpu_32",
	};
	static const char *const names16[] = {
		"agrees_with_cpu_16", "agrees_with_cpu_16_small_stack", "limit_faults_as_cpu_16",
		"expand_down_limit_faults_as_cpu_16", "read_only_segment_faults_as_cpu_16",
	};

	ktap_plan(12);
	set_up();
	in_long_mode();
	in_protected_mode(X86_MODE_32, names32);
	in_protected_mode(X86_MODE_16, names16);
	return ktap_result();
}
