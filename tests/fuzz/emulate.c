// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 emulator on any instruction and state, with memory that is there, faults or belongs to a
 * device. Run directly, and with each access answered by user space (EXIT, then replay): both end in
 * the same state. Memory is 4 KiB that every linear address aliases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "emulate.h"
#include "input.h"

#define MEMORY	4096U

#define CHECK(c) do {								\
	if (!(c)) {								\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);		\
		abort();							\
	}									\
} while (0)

enum kind { READ, WRITE, RMW, IN, OUT };

struct access {
	enum kind kind;
	u64 where;
	unsigned int len;
	u8 data[X86_EMUL_MAX_BYTES];
};

/* One way to run it. */
struct run {
	struct x86_emul e;
	u64 gpr[X86_NR_GPR];
	u8 memory[MEMORY];
	u8 port;
	bool exits;			/* each access ends in EXIT once */
	u64 fault_from, fault_to;	/* linear addresses that fault */
	struct access kept[2];
	unsigned int nkept, next;
};

static int access(struct x86_emul *e, enum kind kind, u64 where, void *data, unsigned int len,
		  unsigned int bytes)
{
	struct run *run = e->ctx;
	struct access *a = &run->kept[run->next];
	unsigned int i;

	CHECK(bytes && bytes <= X86_EMUL_MAX_BYTES);
	if (run->next < run->nkept) {
		run->next++;
		CHECK(a->kind == kind && a->where == where && a->len == len);
		if (kind == READ || kind == IN)
			memcpy(data, a->data, bytes);
		else
			CHECK(!memcmp(data, a->data, bytes));
		return 0;
	}
	for (i = 0; i < bytes; i++) {
		u8 *memory = &run->memory[(where + i) % MEMORY], *byte = (u8 *)data + i;

		if (kind == READ)
			*byte = *memory;
		else if (kind == IN)
			*byte = run->port++;
		else if (kind != OUT)
			*memory = *byte;
	}
	if (!run->exits)
		return 0;
	CHECK(run->nkept < 2);
	*a = (struct access) { .kind = kind, .where = where, .len = len };
	memcpy(a->data, data, bytes);
	run->nkept++;
	return X86_EMUL_EXIT;
}

static int page_fault(struct x86_emul *e, u64 linear, unsigned int len)
{
	struct run *run = e->ctx;

	if (linear + len <= run->fault_from || linear >= run->fault_to)
		return 0;
	e->vector = 14;
	e->has_error = true;
	e->cr2 = linear;
	return X86_EMUL_FAULT;
}

static int op_read(struct x86_emul *e, u64 linear, void *data, unsigned int len)
{
	return page_fault(e, linear, len) ?: access(e, READ, linear, data, len, len);
}

static int op_write(struct x86_emul *e, u64 linear, const void *data, unsigned int len)
{
	return page_fault(e, linear, len) ?: access(e, WRITE, linear, (void *)data, len, len);
}

static int op_rmw(struct x86_emul *e, u64 linear, const void *old, const void *new,
		  unsigned int len)
{
	CHECK(len == 1 || len == 2 || len == 4 || len == 8 || len == 16);
	return page_fault(e, linear, len) ?: access(e, RMW, linear, (void *)new, len, len);
}

static int op_in(struct x86_emul *e, u16 port, void *data, unsigned int size, unsigned int count)
{
	return access(e, IN, port, data, size, size * count);
}

static int op_out(struct x86_emul *e, u16 port, const void *data, unsigned int size,
		  unsigned int count)
{
	return access(e, OUT, port, (void *)data, size, size * count);
}

static void op_retire(struct x86_emul *e)
{
	struct run *run = e->ctx;

	CHECK(run->next == run->nkept);
	run->nkept = run->next = 0;
}

static const struct x86_emul_ops ops = {
	.read = op_read, .write = op_write, .rmw = op_rmw, .pio_in = op_in, .pio_out = op_out,
	.retire = op_retire,
};

static void begin(struct run *run, struct input *in, const struct x86_insn *insn,
		  enum x86_mode mode)
{
	static const u16 attrs[] = { 0x93, 0x91, 0x97, 0x9b, 0x99, 0x00, 0x93, 0x93 };
	unsigned int i, odd = choose(in, 16);

	memset(run, 0, sizeof(*run));
	run->e.ctx = run;
	run->e.ops = &ops;
	run->e.insn = insn;
	run->e.gpr = run->gpr;
	run->e.mode = mode;
	run->e.rip = 0x1000;
	run->e.rflags = 2 | (take(in, 2) & (X86_FL_STATUS | X86_FL_DF | X86_FL_TF));
	run->e.cr0 = mode != X86_MODE_REAL;
	for (i = 0; i < X86_NR_SEG; i++) {
		struct x86_seg *seg = &run->e.seg[i];

		seg->limit = mode == X86_MODE_REAL ? 0xffff : 0xffffffff;
		seg->attr = (i == X86_CS ? 0x9b : 0x93) | (mode >= X86_MODE_32 ? X86_SEG_DB : 0);
		if (odd == i) {
			seg->limit = take(in, 2);
			seg->attr = attrs[choose(in, 8)];
			seg->base = take(in, 4);
		}
	}
	for (i = 0; i < X86_NR_GPR; i++)
		run->gpr[i] = take(in, 1 << choose(in, 4));
	run->gpr[X86_RCX] &= 0xff;
	if (choose(in, 4) == 3) {
		run->fault_from = take(in, 2);
		run->fault_to = run->fault_from + take(in, 1);
	}
	for (i = 0; i < MEMORY; i++)
		run->memory[i] = more(in) ? *in->at++ : i * 7;
}

static int to_the_end(struct run *run)
{
	unsigned int rounds = 0;
	int r;

	do {
		CHECK(rounds++ < 2000);
		run->next = 0;
		r = x86_emulate(&run->e);
		CHECK(r >= X86_EMUL_DONE && r <= X86_EMUL_RETRY);
		CHECK(run->exits || r != X86_EMUL_EXIT);
	} while (r == X86_EMUL_EXIT || (r == X86_EMUL_DONE && run->e.partial));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run direct, replayed;
	struct input in = { data, data + size };
	unsigned int mode = choose(&in, 4), n = in.end - in.at < 15 ? in.end - in.at : 15;
	struct x86_insn insn;
	int r;

	if (x86_decode(&insn, in.at, n, mode))
		return 0;
	in.at += n;
	begin(&direct, &in, &insn, mode);
	replayed = direct;
	replayed.exits = true;
	replayed.e.gpr = replayed.gpr;
	replayed.e.ctx = &replayed;
	r = to_the_end(&direct);
	CHECK(to_the_end(&replayed) == r);
	CHECK(direct.e.rip == replayed.e.rip && direct.e.rflags == replayed.e.rflags);
	CHECK(!memcmp(direct.gpr, replayed.gpr, sizeof(direct.gpr)));
	if (r == X86_EMUL_DONE)
		CHECK(!memcmp(direct.memory, replayed.memory, MEMORY));
	if (r == X86_EMUL_FAULT)
		CHECK(direct.e.vector == replayed.e.vector && direct.e.error == replayed.e.error);
	return 0;
}
