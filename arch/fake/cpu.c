// SPDX-License-Identifier: GPL-2.0-only
/*
 * The toy CPU: an interpreter that walks the second stage itself, as hardware would, and caches
 * what it found until it is told to forget.  It knows nothing of slots, user space or the core.
 */
#include <linux/io.h>
#include "fake.h"
#include "interrupt.h"

/* What the machine does in one go before it looks whether the host wants its processor. */
#define TURN	1000

/* The tables' geometry, as the hardware has it. */
struct walk_level {
	u8 shift, bits;
};

static const struct walk_level plain_walk[] = { { 30, 9 }, { 21, 9 }, { 12, 9 }, { } };
static const struct walk_level strict_walk[] = { { 34, 4 }, { 27, 7 }, { 20, 7 }, { 12, 8 }, { } };

void fake_tlb_flush(struct fake_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < FAKE_TLB; i++)
		vcpu->tlb[i].valid = false;
}

void fake_set_gpr(struct fake_vcpu *vcpu, unsigned int reg, u64 value)
{
	if (reg)
		vcpu->regs[reg] = value;
}

/* May an entry that says this be used so?  Else a fault has to see to it. */
static bool permits(const struct fake_vm *vm, u64 entry, u32 access)
{
	u64 need = TOY_S2_VALID;

	if (access & S2_W)
		need |= TOY_S2_W;
	if (access & S2_X)
		need |= TOY_S2_X;
	if (vm->strict)
		need |= TOY_S2_ACCESSED | (access & S2_W ? TOY_S2_DIRTY : 0);
	return !(need & ~entry) && !(entry & TOY_S2_INVALID);
}

/* Hardware of the plain format notes accesses in the entry; false when it changed. */
static bool note_access(const struct fake_vm *vm, u64 *where, u64 *entry, u32 access)
{
	u64 old = *entry;

	if (vm->strict)
		return true;
	*entry |= TOY_S2_ACCESSED | (access & S2_W ? TOY_S2_DIRTY : 0);
	return *entry == old || cmpxchg64(where, old, *entry) == old;
}

/* The entry for @gpa as a leaf of level 0; 0: a fault. */
static u64 walk(struct fake_vcpu *vcpu, gpa_t gpa, u32 access)
{
	const struct fake_vm *vm = to_fake_vm(vcpu->vcpu.vm);
	const struct walk_level *level;
	u64 *table, *where, entry, offset;

again:
	table = phys_to_virt(berth_s2_root_pa(&vm->vm.s2));
	level = vm->strict ? strict_walk : plain_walk;
	if (gpa >> level->shift >> level->bits)
		return 0;
	for (;; level++) {
		where = &table[gpa >> level->shift & (BIT(level->bits) - 1)];
		/* What the entry leads to is seen as whoever put it there left it. */
		entry = smp_load_acquire(where);
		if (!(entry & TOY_S2_VALID) || !(entry & TOY_S2_TABLE))
			break;
		table = phys_to_virt(entry & TOY_S2_NEXT);
	}
	if (!permits(vm, entry, access))
		return 0;
	if (!note_access(vm, where, &entry, access))
		goto again;
	offset = gpa & (BIT_ULL(level->shift) - 1) & PAGE_MASK;
	return entry + offset;
}

/* Where the byte at @gpa is; NULL: a fault, noted for the exit. */
static void *translate(struct fake_vcpu *vcpu, gpa_t gpa, u32 access)
{
	struct fake_tlb_entry *tlb = &vcpu->tlb[gpa_to_gfn(gpa) % FAKE_TLB];
	const struct fake_vm *vm = to_fake_vm(vcpu->vcpu.vm);

	if (!tlb->valid || tlb->gfn != gpa_to_gfn(gpa) || !permits(vm, tlb->entry, access) ||
	    ((access & S2_W) && !(tlb->entry & TOY_S2_DIRTY))) {
		u64 entry = walk(vcpu, gpa, access);

		if (!entry) {
			vcpu->access_gpa = gpa;
			vcpu->access = access;
			return NULL;
		}
		*tlb = (struct fake_tlb_entry) {
			.valid = true, .gfn = gpa_to_gfn(gpa), .entry = entry,
		};
	}
	return phys_to_virt(tlb->entry & TOY_S2_PA) + offset_in_page(gpa);
}

static u64 load(const void *p, unsigned int size)
{
	switch (size) {
	case 1:
		return READ_ONCE(*(const u8 *)p);
	case 2:
		return READ_ONCE(*(const u16 *)p);
	case 4:
		return READ_ONCE(*(const u32 *)p);
	default:
		return READ_ONCE(*(const u64 *)p);
	}
}

static void store(void *p, unsigned int size, u64 value)
{
	switch (size) {
	case 1:
		WRITE_ONCE(*(u8 *)p, value);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)p, value);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)p, value);
		break;
	default:
		WRITE_ONCE(*(u64 *)p, value);
	}
}

static void interrupt(struct fake_vcpu *vcpu)
{
	u64 *regs = vcpu->regs;
	u64 pending = READ_ONCE(regs[TOY_PENDING]);
	unsigned int pin;

	if (!regs[TOY_INTS_ON] || !pending)
		return;
	pin = __ffs(pending);
	clear_bit(pin, (unsigned long *)&regs[TOY_PENDING]);
	regs[TOY_CAUSE] = pin;
	regs[TOY_EPC] = regs[TOY_PC];
	regs[TOY_PC] = regs[TOY_VECTOR];
	regs[TOY_INTS_ON] = 0;
}

static bool valid_access(gpa_t gpa, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && !(gpa & (size - 1));
}

static const enum fake_exit exit_of[TOY_NR_OPS] = {
	[TOY_IN] = FAKE_EXIT_IN,
	[TOY_OUT] = FAKE_EXIT_OUT,
	[TOY_CALL] = FAKE_EXIT_CALL,
	[TOY_HALT] = FAKE_EXIT_HALT,
	[TOY_DONE] = FAKE_EXIT_DONE,
};

/* One instruction.  FAKE_NR_EXITS to go on with the next. */
static enum fake_exit step(struct fake_vcpu *vcpu, u64 insn)
{
	unsigned int a = insn_a(insn), b = insn_b(insn), c = insn_c(insn);
	u64 *regs = vcpu->regs, imm = insn_imm(insn);
	gpa_t gpa;
	void *p;

	if (!insn_op(insn) || insn_op(insn) >= TOY_NR_OPS || a >= TOY_NR_GPRS || b >= TOY_NR_GPRS ||
	    c >= TOY_NR_GPRS)
		return FAKE_EXIT_SHUTDOWN;
	gpa = regs[b] + imm;
	switch (insn_op(insn)) {
	case TOY_ADD:
		fake_set_gpr(vcpu, a, regs[b] + regs[c] + imm);
		break;
	case TOY_HIGH:
		fake_set_gpr(vcpu, a, regs[b] + (imm << 32));
		break;
	case TOY_LOAD:
	case TOY_STORE:
	case TOY_SWAP:
		if (!valid_access(gpa, insn_op(insn) == TOY_SWAP ? 8 : c))
			return FAKE_EXIT_SHUTDOWN;
		p = translate(vcpu, gpa, insn_op(insn) == TOY_LOAD ? S2_R : S2_W);
		if (!p)
			return FAKE_EXIT_FAULT;
		if (insn_op(insn) == TOY_LOAD)
			fake_set_gpr(vcpu, a, load(p, c));
		else if (insn_op(insn) == TOY_STORE)
			store(p, c, regs[a]);
		else
			fake_set_gpr(vcpu, a, xchg((u64 *)p, regs[a]));
		break;
	case TOY_BNE:
		if (regs[a] != regs[b]) {
			regs[TOY_PC] += imm * sizeof(insn);
			return FAKE_NR_EXITS;
		}
		break;
	case TOY_INTS:
		regs[TOY_INTS_ON] = !!imm;
		break;
	case TOY_RETURN:
		regs[TOY_PC] = regs[TOY_EPC];
		regs[TOY_INTS_ON] = 1;
		return FAKE_NR_EXITS;
	default:
		/* The hypervisor's: the program counter is behind it. */
		regs[TOY_PC] += sizeof(insn);
		return exit_of[insn_op(insn)];
	}
	regs[TOY_PC] += sizeof(insn);
	return FAKE_NR_EXITS;
}

enum fake_exit fake_cpu_run(struct fake_vcpu *vcpu)
{
	u64 *regs = vcpu->regs;
	enum fake_exit r = FAKE_NR_EXITS;
	unsigned int turn;
	u64 *p;

	if (regs[TOY_PC] % sizeof(vcpu->insn))
		return FAKE_EXIT_BAD_STATE;
	for (turn = 0; r == FAKE_NR_EXITS; turn++) {
		if (fake_interrupted(&vcpu->vcpu, turn >= TURN))
			return FAKE_EXIT_INTERRUPT;
		interrupt(vcpu);
		if (regs[TOY_PC] % sizeof(vcpu->insn))
			return FAKE_EXIT_SHUTDOWN;
		p = translate(vcpu, regs[TOY_PC], S2_X);
		if (!p)
			return FAKE_EXIT_FAULT;
		vcpu->insn = READ_ONCE(*p);
		r = step(vcpu, vcpu->insn);
	}
	return r;
}
