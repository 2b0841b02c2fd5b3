// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's contract with its caller: replay after EXIT, faults and limits, REP instructions
 * in pieces, string I/O, locked accesses. Memory here is 64 KiB that every linear address aliases.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulate.h"
#include "ktap.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define MEMORY		0x10000
#define MAX_LOG		2048

enum kind { READ, WRITE, RMW, IN, OUT };

/* An access that reached memory or a port. */
struct access {
	enum kind kind;
	u64 where;
	unsigned int len, count;
	bool for_write, locked;
	u8 data[X86_EMUL_MAX_BYTES];
};

/* What the ops do. The caller's list for replay is kept[0..nkept). */
static struct machine {
	u8 memory[MEMORY];
	struct access log[MAX_LOG];
	unsigned int nlog;
	bool exit_on_each;	/* each access ends in EXIT once, then is completed */
	struct access kept[8];
	unsigned int nkept, next;
	unsigned int exits, retired;
	u8 port;		/* what the port gives next */
	int fail_at, fail_with;	/* the access of this number (from 0) has this result */
	u64 fault_at;		/* pages from here to fault_end fault, if it is not 0 */
	u64 fault_end;
	bool change_before_rmw;
} m;

static unsigned long long seed = 0xe301;

static u64 rnd(void)
{
	return test_random(&seed);
}

static void copy_in(u64 linear, void *data, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		((u8 *)data)[i] = m.memory[(linear + i) % MEMORY];
}

static void copy_out(u64 linear, const void *data, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		m.memory[(linear + i) % MEMORY] = ((const u8 *)data)[i];
}

static int page_fault(struct x86_emul *e, u64 linear, unsigned int len, bool write)
{
	if (!m.fault_at || linear + len <= m.fault_at || linear >= m.fault_end)
		return 0;
	e->vector = 14;
	e->has_error = true;
	e->error = write ? 2 : 0;
	e->cr2 = linear < m.fault_at ? m.fault_at : linear;
	return X86_EMUL_FAULT;
}

/* Does the access, or finds that it was done before; @data is in or out. */
static int access(struct x86_emul *e, enum kind kind, u64 where, void *data, unsigned int len,
		  unsigned int count)
{
	struct access a = { .kind = kind, .where = where, .len = len, .count = count,
			    .for_write = e->for_write, .locked = e->locked };
	unsigned int bytes = len * count, i;
	struct access *old;

	if (m.fail_at >= 0 && m.fail_at == (int)m.nlog)
		return m.fail_with;
	if (m.next < m.nkept) {
		old = &m.kept[m.next++];
		ktap_check(old->kind == kind && old->where == where && old->len == len &&
			   old->count == count, "replay asks for %u at %llx+%u*%u, was %u at %llx+%u*%u",
			   kind, where, len, count, old->kind, old->where, old->len, old->count);
		if (kind == READ || kind == IN)
			memcpy(data, old->data, bytes);
		else
			ktap_check(!memcmp(data, old->data, bytes), "replay writes other data");
		return 0;
	}
	if (kind == READ)
		copy_in(where, data, bytes);
	else if (kind == IN)
		for (i = 0; i < bytes; i++)
			((u8 *)data)[i] = m.port++;
	else if (kind != OUT)
		copy_out(where, data, bytes);
	memcpy(a.data, data, bytes);
	if (m.nlog < MAX_LOG)
		m.log[m.nlog] = a;
	m.nlog++;
	if (!m.exit_on_each)
		return 0;
	if (!ktap_check(m.nkept < 2, "more than two accesses in an iteration"))
		return X86_EMUL_UNHANDLED;
	m.kept[m.nkept++] = a;
	m.exits++;
	return X86_EMUL_EXIT;
}

static int op_read(struct x86_emul *e, u64 linear, void *data, unsigned int len)
{
	int r = page_fault(e, linear, len, e->for_write);

	return r ? r : access(e, READ, linear, data, len, 1);
}

static int op_write(struct x86_emul *e, u64 linear, const void *data, unsigned int len)
{
	int r = page_fault(e, linear, len, true);

	return r ? r : access(e, WRITE, linear, (void *)data, len, 1);
}

static int op_rmw(struct x86_emul *e, u64 linear, const void *old, const void *new,
		  unsigned int len)
{
	u8 now[16];

	if (m.change_before_rmw)
		m.memory[linear % MEMORY] ^= 0xff;
	copy_in(linear, now, len);
	if (e->locked && !m.exit_on_each && memcmp(now, old, len))
		return X86_EMUL_RETRY;
	return access(e, RMW, linear, (void *)new, len, 1);
}

static int op_in(struct x86_emul *e, u16 port, void *data, unsigned int size, unsigned int count)
{
	return access(e, IN, port, data, size, count);
}

static int op_out(struct x86_emul *e, u16 port, const void *data, unsigned int size,
		  unsigned int count)
{
	return access(e, OUT, port, (void *)data, size, count);
}

static int op_probe(struct x86_emul *e, u64 linear, unsigned int len, bool write)
{
	return page_fault(e, linear, len, write);
}

static void op_retire(struct x86_emul *e)
{
	m.retired++;
	ktap_check(m.next == m.nkept || !m.exit_on_each, "retired with accesses left");
	m.nkept = 0;
	m.next = 0;
}

static const struct x86_emul_ops ops = {
	.read = op_read, .write = op_write, .rmw = op_rmw, .pio_in = op_in, .pio_out = op_out,
	.probe = op_probe, .retire = op_retire,
};

static const struct x86_emul_ops ops_without_probe = {
	.read = op_read, .write = op_write, .rmw = op_rmw, .pio_in = op_in, .pio_out = op_out,
	.retire = op_retire,
};

/* What instructions are decoded to and work on; and a copy of the latter. */
static struct x86_insn insn;
static u64 gpr[X86_NR_GPR];

struct state {
	u64 gpr[X86_NR_GPR], rip, rflags;
};

static struct state state_of(const struct x86_emul *e)
{
	struct state s = { .rip = e->rip, .rflags = e->rflags };

	memcpy(s.gpr, e->gpr, sizeof(s.gpr));
	return s;
}

/* A vCPU in @mode with flat segments, an instruction given in hexadecimal, and known memory. */
static void begin(struct x86_emul *e, enum x86_mode mode, const char *hex)
{
	u8 bytes[16];
	unsigned int i, v, n = strlen(hex) / 2;

	memset(e, 0, sizeof(*e));
	memset(gpr, 0, sizeof(gpr));
	e->gpr = gpr;
	e->insn = &insn;
	for (i = 0; i < n; i++) {
		sscanf(hex + 2 * i, "%2x", &v);
		bytes[i] = v;
	}
	ktap_check(!x86_decode(&insn, bytes, n, mode) && insn.len == n, "%s is decoded", hex);
	e->mode = mode;
	e->rip = 0x1000;
	e->rflags = 0x202;
	e->cr0 = mode != X86_MODE_REAL;
	e->ops = &ops;
	for (i = 0; i < X86_NR_SEG; i++) {
		e->seg[i].limit = mode == X86_MODE_REAL ? 0xffff : 0xffffffff;
		e->seg[i].attr = i == X86_CS ? 0x9b : 0x93;
		if (mode >= X86_MODE_32)
			e->seg[i].attr |= X86_SEG_DB;
	}
	memset(&m, 0, sizeof(m));
	m.fail_at = -1;
	for (i = 0; i < MEMORY; i++)
		m.memory[i] = i * 7 + (i >> 8);
}

static bool same(const struct x86_emul *e, const struct state *s)
{
	return !memcmp(e->gpr, s->gpr, sizeof(s->gpr)) && e->rip == s->rip && e->rflags == s->rflags;
}

static int to_the_end(struct x86_emul *e)
{
	int r;

	do {
		m.next = 0;
		r = x86_emulate(e);
	} while (r == X86_EMUL_EXIT || (!r && e->partial));
	return r;
}

/* 64-bit instructions with a memory operand, a string, or a port. */
static const char *const replayed[] = {
	"8903", "488b03", "8803", "8a03", "c7031234abcd", "a3f0debc9a78560000", "a1f0debc9a78560000",
	"0fc303", "0fb603", "480fbf03", "486303", "0103", "480303", "8083123456781f", "f0ff03",
	"48fe0b", "f613", "66f71b", "8503", "f60355", "3903", "870b", "f00fb10b", "480fb10b", "0fc70b",
	"f0480fc70b", "0fc10b", "0fa30b", "0fab0b", "f00fba3b07", "ff33", "8f03", "ff13", "ff23",
	"0f38f003", "480f38f10b", "0f9403", "0f4403", "480f4503", "d123", "c10305", "d21b", "48c12b21",
	"a4", "48a5", "f3a4", "f366a5", "f2a7", "f3a6", "f348ab", "ac", "f3ad", "f2ae", "f3af",
	"6c", "f36d", "66f36d", "6e", "f36f", "f3666e",
};

static void start_of_replay(struct x86_emul *e, const char *hex, unsigned int round)
{
	unsigned int i;

	begin(e, X86_MODE_64, hex);
	seed = 0x1000 + round;
	for (i = 0; i < 16; i++)
		e->gpr[i] = rnd() >> 18;
	e->gpr[X86_RBX] &= ~15ULL;
	e->gpr[X86_RCX] = round ? rnd() % 90 : 5;
	e->rflags |= rnd() & (X86_FL_STATUS | (round & 1 ? X86_FL_DF : 0));
	if (round & 2)
		memset(m.memory, 0, MEMORY);
	/* Every aligned quadword is a target that may be jumped to. */
	for (i = 0; i < MEMORY; i += 8) {
		m.memory[i + 5] &= 0x7f;
		m.memory[i + 6] = m.memory[i + 7] = 0;
	}
}

static void replay_ends_in_the_same_state(void)
{
	static struct machine direct;
	struct state ended;
	struct x86_emul e;
	unsigned int i, round, j;

	for (i = 0; i < COUNT(replayed); i++)
		for (round = 0; round < 40; round++) {
			start_of_replay(&e, replayed[i], round);
			e.ops = &ops_without_probe;
			ktap_check(to_the_end(&e) == X86_EMUL_DONE, "%s is executed", replayed[i]);
			direct = m;
			ended = state_of(&e);

			start_of_replay(&e, replayed[i], round);
			e.ops = &ops_without_probe;
			m.exit_on_each = true;
			ktap_check(to_the_end(&e) == X86_EMUL_DONE, "%s is replayed", replayed[i]);
			ktap_check(same(&e, &ended), "%s: registers differ", replayed[i]);
			ktap_check(!memcmp(m.memory, direct.memory, MEMORY), "%s: memory differs",
				   replayed[i]);
			ktap_check(m.nlog == direct.nlog && m.exits == m.nlog, "%s: %u accesses, %u exits; "
				   "%u directly", replayed[i], m.nlog, m.exits, direct.nlog);
			for (j = 0; j < m.nlog && j < MAX_LOG; j++)
				ktap_check(!memcmp(&m.log[j], &direct.log[j], sizeof(m.log[j])),
					   "%s: access %u differs", replayed[i], j);
		}
	ktap_end("replay_ends_in_the_same_state");
}

/* Stop at access n, for every n and every way to stop: nothing of that iteration is visible. */
static void stopped_iteration_changes_nothing(void)
{
	static const int ways[] = { X86_EMUL_EXIT, X86_EMUL_FAULT, X86_EMUL_UNHANDLED,
				    X86_EMUL_RETRY };
	struct state before;
	struct x86_emul e;
	unsigned int i, n, way, retired;
	int r;

	for (i = 0; i < COUNT(replayed); i++)
		for (n = 0; n < 8; n++) {
			way = n % COUNT(ways);
			start_of_replay(&e, replayed[i], n);
			before = state_of(&e);
			m.fail_at = n;
			m.fail_with = ways[way];
			r = x86_emulate(&e);
			if ((int)m.nlog < m.fail_at || !r)
				continue;
			ktap_check(r == ways[way], "%s: result %d", replayed[i], r);
			ktap_check(e.rip == before.rip, "%s: rip has moved", replayed[i]);
			retired = m.retired;
			if (!retired)
				ktap_check(same(&e, &before), "%s: state has changed", replayed[i]);
			else
				ktap_check(insn.rep && before.gpr[X86_RCX] - e.gpr[X86_RCX] >= retired,
					   "%s: %u retired, rcx %llx", replayed[i], retired,
					   e.gpr[X86_RCX]);
		}
	ktap_end("stopped_iteration_changes_nothing");
}

static void rep_is_done_in_bounded_pieces(void)
{
	struct x86_emul e;
	unsigned int calls = 1;

	begin(&e, X86_MODE_64, "f3a4");
	e.gpr[X86_RCX] = 200;
	e.gpr[X86_RSI] = 0x2000;
	e.gpr[X86_RDI] = 0x4000;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && e.partial, "the first piece is partial");
	ktap_check(e.gpr[X86_RCX] == 200 - X86_EMUL_MAX_ITERATIONS && e.rip == 0x1000,
		   "rcx %llu rip %llx", e.gpr[X86_RCX], e.rip);
	ktap_check(e.rflags & X86_FL_RF, "RF is set between iterations");
	while (e.partial && calls < 10) {
		ktap_check(x86_emulate(&e) == X86_EMUL_DONE, "goes on");
		calls++;
	}
	ktap_check(calls == 4 && m.retired == 200, "%u calls, %u retired", calls, m.retired);
	ktap_check(e.rip == 0x1002 && !(e.rflags & X86_FL_RF) && e.gpr[X86_RSI] == 0x20c8, "end");
	ktap_check(!memcmp(m.memory + 0x2000, m.memory + 0x4000, 200), "200 bytes are copied");

	begin(&e, X86_MODE_64, "f3aa");
	e.gpr[X86_RCX] = 3;
	e.rflags |= X86_FL_TF;
	x86_emulate(&e);
	ktap_check(e.partial && e.gpr[X86_RCX] == 2, "one iteration when single-stepped");

	begin(&e, X86_MODE_64, "f3aa");
	x86_emulate(&e);
	ktap_check(!e.partial && e.rip == 0x1002 && !m.nlog, "a count of 0 does nothing");
	ktap_end("rep_is_done_in_bounded_pieces");
}

static void rep_fault_keeps_what_retired(void)
{
	struct x86_emul e;

	begin(&e, X86_MODE_64, "f348ab");
	e.gpr[X86_RCX] = 20;
	e.gpr[X86_RDI] = 0x2fe0;
	m.fault_at = 0x3000;
	m.fault_end = 0x4000;
	ktap_check(x86_emulate(&e) == X86_EMUL_FAULT && e.vector == 14 && e.error == 2 &&
		   e.cr2 == 0x3000, "the fault is the op's");
	ktap_check(e.gpr[X86_RCX] == 16 && e.gpr[X86_RDI] == 0x3000 && e.rip == 0x1000,
		   "rcx %llu rdi %llx", e.gpr[X86_RCX], e.gpr[X86_RDI]);
	ktap_end("rep_fault_keeps_what_retired");
}

static void ins_moves_a_batch_where_memory_takes_it(void)
{
	struct x86_emul e;

	begin(&e, X86_MODE_64, "66f36d");
	e.gpr[X86_RCX] = 256;
	e.gpr[X86_RDX] = 0xffff01f0;
	e.gpr[X86_RDI] = 0x2000;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && e.partial && e.gpr[X86_RCX] == 128, "rcx %llu",
		   e.gpr[X86_RCX]);
	ktap_check(m.nlog == 2 && m.log[0].kind == IN && m.log[0].where == 0x1f0 &&
		   m.log[0].len == 2 && m.log[0].count == 128 && m.log[1].len == 256, "one transfer");
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && !e.partial && e.gpr[X86_RDI] == 0x2200, "end");
	ktap_check(m.memory[0x2000] == 0 && m.memory[0x2101] == 1, "data is the port's");

	begin(&e, X86_MODE_64, "66f36d");
	e.gpr[X86_RCX] = 10;
	e.gpr[X86_RDI] = 0x2ff8;
	m.fault_at = 0x3000;
	m.fault_end = 0x4000;
	ktap_check(x86_emulate(&e) == X86_EMUL_FAULT && e.gpr[X86_RCX] == 6 && m.nlog == 8,
		   "rcx %llu: elements before the page", e.gpr[X86_RCX]);
	ktap_check(m.port == 8, "nothing is taken from the port for the element that faults");

	begin(&e, X86_MODE_64, "f36c");
	e.gpr[X86_RCX] = 4;
	e.gpr[X86_RDI] = 0x2000;
	e.rflags |= X86_FL_DF;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && m.nlog == 8 && m.log[6].count == 1 &&
		   e.gpr[X86_RDI] == 0x1ffc, "downwards one by one");

	begin(&e, X86_MODE_REAL, "f36c");
	e.gpr[X86_RCX] = 0x20;
	e.gpr[X86_RDI] = 0xfff8;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && e.gpr[X86_RDI] == 0x18, "di wraps: %llx",
		   e.gpr[X86_RDI]);

	begin(&e, X86_MODE_64, "6c");
	e.ops = &(const struct x86_emul_ops){ .read = op_read, .write = op_write, .rmw = op_rmw };
	ktap_check(x86_emulate(&e) == X86_EMUL_UNHANDLED, "no ports, no INS");
	ktap_end("ins_moves_a_batch_where_memory_takes_it");
}

static void outs_moves_a_batch(void)
{
	struct x86_emul e;

	begin(&e, X86_MODE_32, "f36e");
	e.gpr[X86_RCX] = 50;
	e.gpr[X86_RDX] = 0x3f8;
	e.gpr[X86_RSI] = 0x2000;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && !e.partial && e.gpr[X86_RSI] == 0x2032, "end");
	ktap_check(m.nlog == 2 && m.log[1].kind == OUT && m.log[1].count == 50 &&
		   !memcmp(m.log[1].data, m.memory + 0x2000, 50), "one transfer");
	ktap_end("outs_moves_a_batch");
}

static void faults_are(struct x86_emul *e, int vector, bool has_error, const char *what)
{
	struct state before = state_of(e);
	int r = x86_emulate(e);

	if (vector < 0)
		ktap_check(r == X86_EMUL_DONE, "%s: result %d vector %u", what, r, e->vector);
	else
		ktap_check(r == X86_EMUL_FAULT && e->vector == vector && e->has_error == has_error &&
			   !e->error && same(e, &before) && !m.nlog,
			   "%s: result %d vector %u has_error %d", what, r, e->vector, e->has_error);
}

static void lock_where_it_may_not_be_is_ud(void)
{
	static const char *const bad[] = {
		"f08903", "f08b03", "f00303", "f03903", "f08503", "f0f60355", "f0a4", "f00fa30b",
		"f00fba2307", "f001c3", "f087cb", "f0ff33", "f0d123", "f00f4403", "f0f4",
	};
	static const char *const good[] = {
		"f00103", "f0830305", "f0f713", "f0ff03", "f0870b", "f00fb10b", "f00fc10b", "f00fab0b",
		"f00fba2b07", "f00fc70b",
	};
	struct x86_emul e;
	unsigned int i;

	for (i = 0; i < COUNT(bad); i++) {
		begin(&e, X86_MODE_64, bad[i]);
		e.gpr[X86_RBX] = 0x2000;
		faults_are(&e, X86_VEC_UD, false, bad[i]);
	}
	for (i = 0; i < COUNT(good); i++) {
		begin(&e, X86_MODE_64, good[i]);
		e.gpr[X86_RBX] = 0x2000;
		faults_are(&e, -1, false, good[i]);
		ktap_check(m.nlog == 2 && m.log[0].for_write && m.log[1].locked, "%s: locked", good[i]);
	}
	ktap_end("lock_where_it_may_not_be_is_ud");
}

static void ops_are_told_of_the_kind_of_access(void)
{
	struct x86_emul e;

	begin(&e, X86_MODE_64, "870b");
	x86_emulate(&e);
	ktap_check(m.log[0].for_write && m.log[1].kind == RMW && m.log[1].locked, "XCHG is locked");
	begin(&e, X86_MODE_64, "010b");
	x86_emulate(&e);
	ktap_check(m.log[0].for_write && !m.log[1].locked, "ADD is not");
	begin(&e, X86_MODE_64, "390b");
	x86_emulate(&e);
	ktap_check(m.nlog == 1 && !m.log[0].for_write, "CMP only reads");
	begin(&e, X86_MODE_64, "8903");
	x86_emulate(&e);
	ktap_check(m.nlog == 1 && m.log[0].kind == WRITE, "MOV only writes");
	begin(&e, X86_MODE_64, "0f4403");
	e.gpr[X86_RAX] = ~0ULL;
	x86_emulate(&e);
	ktap_check(m.nlog == 1 && e.gpr[X86_RAX] == 0xffffffff, "CMOV reads although it does not move");
	begin(&e, X86_MODE_64, "0fb10b");
	e.gpr[X86_RAX] = 0x12345678;
	x86_emulate(&e);
	ktap_check(m.nlog == 2 && m.log[1].kind == RMW && !memcmp(m.log[0].data, m.log[1].data, 4),
		   "CMPXCHG writes what it read when it fails");
	ktap_end("ops_are_told_of_the_kind_of_access");
}

static void locked_access_that_lost_is_retried(void)
{
	struct state before;
	struct x86_emul e;

	begin(&e, X86_MODE_64, "f0480fc103");
	e.gpr[X86_RBX] = 0x2000;
	before = state_of(&e);
	m.change_before_rmw = true;
	ktap_check(x86_emulate(&e) == X86_EMUL_RETRY && same(&e, &before), "nothing has changed");
	m.change_before_rmw = false;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && !same(&e, &before), "then it succeeds");
	ktap_end("locked_access_that_lost_is_retried");
}

/* One access of four bytes by mov [ebx],eax or the like against a segment. */
struct limit {
	const char *what, *hex;
	enum x86_mode mode;
	u64 offset;
	u32 limit;
	u16 attr;
	int vector;		/* -1: none */
};

#define RW	0x93
#define DOWN	0x97
#define BIG	X86_SEG_DB

static const struct limit limits[] = {
	{ "last dword", "8903", X86_MODE_32, 0xffc, 0xfff, RW | BIG, -1 },
	{ "one past", "8903", X86_MODE_32, 0xffd, 0xfff, RW | BIG, X86_VEC_GP },
	{ "far past", "8903", X86_MODE_32, 0xfffffffc, 0xfff, RW | BIG, X86_VEC_GP },
	{ "flat, last dword", "8903", X86_MODE_32, 0xfffffffc, 0xffffffff, RW | BIG, -1 },
	{ "flat, wraps", "8903", X86_MODE_32, 0xfffffffd, 0xffffffff, RW | BIG, X86_VEC_GP },
	{ "limit 0, one byte", "8803", X86_MODE_32, 0, 0, RW, -1 },
	{ "limit 0, four bytes", "8903", X86_MODE_32, 0, 0, RW, X86_VEC_GP },
	{ "stack segment", "368903", X86_MODE_32, 0xffd, 0xfff, RW | BIG, X86_VEC_SS },
	{ "ebp is the stack's", "894500", X86_MODE_32, 0xffd, 0xfff, RW | BIG, X86_VEC_SS },
	{ "expand-down, at the limit", "8903", X86_MODE_32, 0xfff, 0xfff, DOWN | BIG, X86_VEC_GP },
	{ "expand-down, above it", "8903", X86_MODE_32, 0x1000, 0xfff, DOWN | BIG, -1 },
	{ "expand-down, top", "8903", X86_MODE_32, 0xfffffffc, 0xfff, DOWN | BIG, -1 },
	{ "expand-down, 64K, top", "8903", X86_MODE_32, 0xfffc, 0xfff, DOWN, -1 },
	{ "expand-down, 64K, past", "8903", X86_MODE_32, 0xfffd, 0xfff, DOWN, X86_VEC_GP },
	{ "expand-down, no room", "8903", X86_MODE_32, 0x8000, 0xffffffff, DOWN | BIG, X86_VEC_GP },
	{ "not present", "8b03", X86_MODE_32, 0, 0xfff, 0x13, X86_VEC_GP },
	{ "read-only, read", "8b03", X86_MODE_32, 0, 0xfff, 0x91, -1 },
	{ "read-only, write", "8903", X86_MODE_32, 0, 0xfff, 0x91, X86_VEC_GP },
	{ "read-only, add", "0103", X86_MODE_32, 0, 0xfff, 0x91, X86_VEC_GP },
	{ "read-only, cmp", "3903", X86_MODE_32, 0, 0xfff, 0x91, -1 },
	{ "code, read", "8b03", X86_MODE_32, 0, 0xfff, 0x9b, -1 },
	{ "code, write", "8903", X86_MODE_32, 0, 0xfff, 0x9b, X86_VEC_GP },
	{ "execute-only, read", "8b03", X86_MODE_32, 0, 0xfff, 0x99, X86_VEC_GP },
	{ "conforming code is not expand-down", "8b03", X86_MODE_32, 0, 0xfff, 0x9f, -1 },
	{ "16-bit code", "678903", X86_MODE_16, 0xffe, 0xfff, RW, -1 },
	{ "16-bit code, past", "678903", X86_MODE_16, 0xfff, 0xfff, RW, X86_VEC_GP },
	{ "real, last word", "678903", X86_MODE_REAL, 0xfffe, 0xffff, RW, -1 },
	{ "real, past", "678903", X86_MODE_REAL, 0xffff, 0xffff, RW, X86_VEC_GP },
	{ "real, bp", "67894500", X86_MODE_REAL, 0xffff, 0xffff, RW, X86_VEC_SS },
	{ "real, past with 32-bit address", "678903", X86_MODE_REAL, 0x10000, 0xffff, RW, X86_VEC_GP },
	{ "real, big segment", "678903", X86_MODE_REAL, 0x10000, 0xffffffff, RW, -1 },
	{ "real, code may be written", "678903", X86_MODE_REAL, 0, 0xffff, 0x9b, -1 },
	{ "64: no limit", "8903", X86_MODE_64, 0x100000000, 0, 0, -1 },
	{ "64: top of the low half", "8903", X86_MODE_64, 0x7ffffffffffc, 0, 0, -1 },
	{ "64: into the hole", "8903", X86_MODE_64, 0x7ffffffffffd, 0, 0, X86_VEC_GP },
	{ "64: hole", "8903", X86_MODE_64, 0x800000000000, 0, 0, X86_VEC_GP },
	{ "64: end of the hole", "8903", X86_MODE_64, 0xffff7fffffffffff, 0, 0, X86_VEC_GP },
	{ "64: high half", "8903", X86_MODE_64, 0xffff800000000000, 0, 0, -1 },
	{ "64: rbp", "894500", X86_MODE_64, 0x800000000000, 0, 0, X86_VEC_SS },
	{ "64: gs", "658903", X86_MODE_64, 0x800000000000, 0, 0, X86_VEC_GP },
	{ "64: ds override of rbp is ignored", "3e894500", X86_MODE_64, 0x800000000000, 0, 0,
	  X86_VEC_SS },
	{ "64: 32-bit address", "678903", X86_MODE_64, 0x8000000000000000, 0, 0, -1 },
};

static void limits_and_types_are_checked(void)
{
	struct x86_emul e;
	unsigned int i, s;

	for (i = 0; i < COUNT(limits); i++) {
		const struct limit *l = &limits[i];

		begin(&e, l->mode, l->hex);
		for (s = 0; s < X86_NR_SEG; s++) {
			e.seg[s].limit = l->limit;
			e.seg[s].attr = l->attr;
		}
		e.gpr[X86_RBX] = l->offset;
		e.gpr[X86_RBP] = l->offset;
		faults_are(&e, l->vector, l->mode != X86_MODE_REAL, l->what);
	}
	begin(&e, X86_MODE_64, "8903");
	e.cr4 = 0x1000;
	e.gpr[X86_RBX] = 0x800000000000;
	faults_are(&e, -1, false, "5-level paging has 57 bits");
	begin(&e, X86_MODE_64, "8903");
	e.cr4 = 0x1000;
	e.gpr[X86_RBX] = 0x0100000000000000;
	faults_are(&e, X86_VEC_GP, true, "and not more");
	begin(&e, X86_MODE_64, "480fc70b");
	e.gpr[X86_RBX] = 0x2008;
	faults_are(&e, X86_VEC_GP, true, "CMPXCHG16B is aligned");
	begin(&e, X86_MODE_REAL, "678903");
	e.cr0 = 1;
	e.gpr[X86_RBX] = 0xffff;
	faults_are(&e, X86_VEC_GP, true, "virtual-8086 mode has an error code");
	ktap_end("limits_and_types_are_checked");
}

static void bases_are_added_where_the_mode_has_them(void)
{
	struct x86_emul e;
	unsigned int mode;

	for (mode = 0; mode < 4; mode++) {
		begin(&e, mode, mode < X86_MODE_32 ? "678903" : "8903");
		e.seg[X86_DS].base = 0xfffff000;
		e.gpr[X86_RBX] = 0x3000;
		x86_emulate(&e);
		ktap_check(m.log[0].where == (mode == X86_MODE_64 ? 0x3000 : 0x2000), "mode %u: ds %llx",
			   mode, m.log[0].where);
		begin(&e, mode, mode < X86_MODE_32 ? "67648903" : "648903");
		e.seg[X86_FS].base = 0xfffff000;
		e.gpr[X86_RBX] = 0x3000;
		x86_emulate(&e);
		ktap_check(m.log[0].where == (mode == X86_MODE_64 ? 0x100002000 : 0x2000),
			   "mode %u: fs %llx", mode, m.log[0].where);
	}
	begin(&e, X86_MODE_REAL, "8900");
	e.seg[X86_DS].base = 0x12340;
	e.gpr[X86_RBX] = 0xffff8000;
	e.gpr[X86_RSI] = 0xffff9004;
	x86_emulate(&e);
	ktap_check(m.log[0].where == 0x12340 + 0x1004, "bx + si wraps at 64K: %llx", m.log[0].where);
	begin(&e, X86_MODE_64, "890578563412");
	x86_emulate(&e);
	ktap_check(m.log[0].where == 0x1006 + 0x12345678, "rip-relative: %llx", m.log[0].where);
	begin(&e, X86_MODE_64, "c705785634120000000a");
	x86_emulate(&e);
	ktap_check(m.log[0].where == 0x100a + 0x12345678, "past the immediate: %llx", m.log[0].where);
	begin(&e, X86_MODE_64, "67890500f0ffff");
	x86_emulate(&e);
	ktap_check(m.log[0].where == 0x7, "eip-relative: %llx", m.log[0].where);
	begin(&e, X86_MODE_64, "65a3f0debc9a78560000");
	e.seg[X86_GS].base = 0x10;
	x86_emulate(&e);
	ktap_check(m.log[0].where == 0x56789abcdf00, "gs: offset in the instruction: %llx",
		   m.log[0].where);
	ktap_end("bases_are_added_where_the_mode_has_them");
}

static void stack_pointer_wraps_at_its_size(void)
{
	struct x86_emul e;

	begin(&e, X86_MODE_16, "8f07");
	e.gpr[X86_RSP] = 0x1234fffe;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && m.log[0].where == 0xfffe &&
		   e.gpr[X86_RSP] == 0x12340000, "16 bits, pop: %llx", e.gpr[X86_RSP]);
	begin(&e, X86_MODE_16, "ff37");
	e.gpr[X86_RSP] = 0x12340000;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && m.log[1].where == 0xfffe &&
		   e.gpr[X86_RSP] == 0x1234fffe, "16 bits, push: %llx", e.gpr[X86_RSP]);
	begin(&e, X86_MODE_32, "8f03");
	e.gpr[X86_RSP] = 0xfffffffc;
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && !e.gpr[X86_RSP], "32 bits, pop: %llx",
		   e.gpr[X86_RSP]);
	begin(&e, X86_MODE_32, "ff33");
	ktap_check(x86_emulate(&e) == X86_EMUL_DONE && e.gpr[X86_RSP] == 0xfffffffc,
		   "32 bits, push: %llx", e.gpr[X86_RSP]);
	ktap_end("stack_pointer_wraps_at_its_size");
}

static void the_rest_is_unhandled(void)
{
	static const char *const rest[] = {
		"90", "f4", "0fa2", "0f1103", "660f7f03", "f723", "f733", "8d03", "ff1b",
		"c3", "50", "f20f38f103", "f20f38f003", "0fc7f0", "66ff13", "666303", "d803", "0f0113",
	};
	struct state before;
	struct x86_emul e;
	unsigned int i;

	for (i = 0; i < COUNT(rest); i++) {
		begin(&e, X86_MODE_64, rest[i]);
		before = state_of(&e);
		ktap_check(x86_emulate(&e) == X86_EMUL_UNHANDLED && same(&e, &before) && !m.nlog &&
			   !m.retired, "%s is left alone", rest[i]);
	}
	begin(&e, X86_MODE_32, "6303");
	ktap_check(x86_emulate(&e) == X86_EMUL_UNHANDLED, "ARPL is not MOVSXD");
	begin(&e, X86_MODE_64, "ff13");
	e.cr4 = 0x800000;
	ktap_check(x86_emulate(&e) == X86_EMUL_UNHANDLED, "CALL with CET");
	ktap_end("the_rest_is_unhandled");
}

/* Random instructions in random states: the sanitizers watch, and results are the known ones. */
static void random_instructions_are_harmless(void)
{
	struct state before;
	struct x86_emul e;
	unsigned int i, j, done = 0;
	u8 bytes[15];
	int r;

	begin(&e, X86_MODE_64, "90");
	for (i = 0; i < 400000; i++) {
		memset(&e, 0, sizeof(e));
		e.gpr = gpr;
		e.insn = &insn;
		seed = 0xabc + i * 77;
		for (j = 0; j < 4; j++)
			rnd();
		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = rnd() >> 40;
		if (rnd() & 1 << 20)
			bytes[0] = 0x0f;
		e.mode = i & 3;
		if (x86_decode(&insn, bytes, sizeof(bytes), e.mode))
			continue;
		for (j = 0; j < 16; j++)
			e.gpr[j] = rnd() >> (rnd() & 63);
		for (j = 0; j < X86_NR_SEG; j++) {
			e.seg[j].base = rnd() >> (rnd() & 63);
			e.seg[j].limit = rnd() & 1 << 30 ? ~0U : rnd();
			e.seg[j].attr = 0x83 | (rnd() & 0xfff);
		}
		e.rflags = rnd() & 0xffffff;
		e.rip = rnd() >> 20;
		e.cr0 = 1;
		e.ops = &ops;
		m.nlog = 0;
		m.retired = 0;
		before = state_of(&e);
		r = x86_emulate(&e);
		done += r == X86_EMUL_DONE;
		ktap_check(r >= X86_EMUL_DONE && r <= X86_EMUL_RETRY, "result %d", r);
		ktap_check((r == X86_EMUL_DONE) == (m.retired && (e.partial || e.rip != before.rip ||
								  insn.opcode == 0xff)) || m.retired,
			   "DONE means retired");
		if (!m.retired)
			ktap_check(same(&e, &before), "result %d, but state has changed", r);
	}
	ktap_check(done > 50000, "only %u were executed", done);
	ktap_end("random_instructions_are_harmless");
}

int main(void)
{
	ktap_plan(14);
	replay_ends_in_the_same_state();
	stopped_iteration_changes_nothing();
	rep_is_done_in_bounded_pieces();
	rep_fault_keeps_what_retired();
	ins_moves_a_batch_where_memory_takes_it();
	outs_moves_a_batch();
	lock_where_it_may_not_be_is_ud();
	ops_are_told_of_the_kind_of_access();
	locked_access_that_lost_is_retried();
	limits_and_types_are_checked();
	bases_are_added_where_the_mode_has_them();
	stack_pointer_wraps_at_its_size();
	the_rest_is_unhandled();
	random_instructions_are_harmless();
	return ktap_result();
}
