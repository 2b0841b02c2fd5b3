// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any state that the setters take, and any program: what a run ends with, the registers and the memory
 * must be those of an interpreter that knows neither slots nor second stages nor exits in between.
 */
#include "core.h"

#define RAM_PAGES	4UL
#define RAM		(RAM_PAGES * PAGE_SIZE)
#define STEPS		300

/* The machine as its manual has it, with RAM at 0. */
static struct model {
	u64 reg[TOY_NR_REGS];
	u8 ram[RAM];
	unsigned int answered;		/* a register that the next run sets; 0: none */
	u64 answer;
} model;

static struct session {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	unsigned long ram;
} s;

/* Why the model stopped. */
struct stop {
	unsigned int exit;
	u64 insn, gpa;
	bool write;
};

static void set(unsigned int reg, u64 value)
{
	if (reg)
		model.reg[reg] = value;
}

static void interrupt(void)
{
	u64 *reg = model.reg;

	if (!reg[TOY_INTS_ON] || !reg[TOY_PENDING])
		return;
	reg[TOY_CAUSE] = __ffs(reg[TOY_PENDING]);
	reg[TOY_PENDING] &= reg[TOY_PENDING] - 1;
	reg[TOY_EPC] = reg[TOY_PC];
	reg[TOY_PC] = reg[TOY_VECTOR];
	reg[TOY_INTS_ON] = 0;
}

/* A load or store; false when the model has to stop. */
static bool access_memory(u64 insn, struct stop *stop)
{
	unsigned int op = insn & 0xff, a = insn >> 8 & 0xff,
		     size = op == TOY_SWAP ? 8 : insn >> 24 & 0xff;
	u64 gpa = model.reg[insn >> 16 & 0xff] + (u64)(s64)(s32)(insn >> 32), old = 0;

	stop->exit = KVM_EXIT_SHUTDOWN;
	if ((size != 1 && size != 2 && size != 4 && size != 8) || gpa & (size - 1))
		return false;
	stop->gpa = gpa;
	stop->write = op != TOY_LOAD;
	if (gpa >= RAM) {
		stop->exit = op == TOY_SWAP ? KVM_EXIT_INTERNAL_ERROR : KVM_EXIT_MMIO;
		if (op != TOY_SWAP)
			model.reg[TOY_PC] += 8;
		return false;
	}
	memcpy(&old, &model.ram[gpa], size);
	if (op != TOY_LOAD)
		memcpy(&model.ram[gpa], &model.reg[a], size);
	if (op != TOY_STORE)
		set(a, old);
	return true;
}

/* Calls that the hypervisor answers, of which the model knows nothing. */
static bool own_call(s64 nr)
{
	return nr >= TOY_CALL_READ && nr <= TOY_CALL_YIELD;
}

/* Until something is user space's; exit 0: so many steps are over, or nothing is known. */
static struct stop model_run(void)
{
	u64 *reg = model.reg;
	unsigned int n;

	set(model.answered, model.answer);
	model.answered = 0;
	if (reg[TOY_PC] % 8)
		return (struct stop) { .exit = KVM_EXIT_FAIL_ENTRY };
	for (n = 0; n < STEPS; n++) {
		struct stop stop = { .exit = KVM_EXIT_SHUTDOWN };
		unsigned int a, b, c;
		s64 imm;

		interrupt();
		if (reg[TOY_PC] % 8)
			return stop;
		if (reg[TOY_PC] >= RAM) {
			stop.exit = KVM_EXIT_INTERNAL_ERROR;
			return stop;
		}
		memcpy(&stop.insn, &model.ram[reg[TOY_PC]], 8);
		a = stop.insn >> 8 & 0xff;
		b = stop.insn >> 16 & 0xff;
		c = stop.insn >> 24 & 0xff;
		imm = (s32)(stop.insn >> 32);
		if (a >= TOY_NR_GPRS || b >= TOY_NR_GPRS || c >= TOY_NR_GPRS)
			return stop;
		switch (stop.insn & 0xff) {
		case TOY_ADD:
			set(a, reg[b] + reg[c] + (u64)imm);
			break;
		case TOY_HIGH:
			set(a, reg[b] + ((u64)imm << 32));
			break;
		case TOY_LOAD:
		case TOY_STORE:
		case TOY_SWAP:
			if (!access_memory(stop.insn, &stop))
				return stop;
			break;
		case TOY_BNE:
			if (reg[a] != reg[b]) {
				reg[TOY_PC] += (u64)imm * 8;
				continue;
			}
			break;
		case TOY_INTS:
			reg[TOY_INTS_ON] = !!imm;
			break;
		case TOY_RETURN:
			reg[TOY_PC] = reg[TOY_EPC];
			reg[TOY_INTS_ON] = 1;
			continue;
		case TOY_DONE:
			break;
		case TOY_CALL:
			/* The hypervisor's own: program() has none, but a guest may write itself one. */
			if (own_call(imm))
				return (struct stop) { };
			stop.exit = KVM_EXIT_HYPERCALL;
			reg[TOY_PC] += 8;
			return stop;
		case TOY_IN:
		case TOY_OUT:
			stop.exit = c == 1 || c == 2 || c == 4 ? KVM_EXIT_IO :
								 KVM_EXIT_INTERNAL_ERROR;
			reg[TOY_PC] += 8;
			return stop;
		case TOY_HALT:
			stop.exit = KVM_EXIT_HLT;
			reg[TOY_PC] += 8;
			return stop;
		default:
			return stop;
		}
		reg[TOY_PC] += 8;
	}
	return (struct stop) { };
}

static void check_state(void)
{
	struct toy_state *state = (void *)arena;
	unsigned int i;

	HOST_BUG_ON(HOST_IOCTL(s.vcpu, TOY_GET_STATE, state));
	for (i = 0; i < TOY_NR_REGS; i++)
		FUZZ_CHECK(state->reg[i] == model.reg[i], "register %u is 0x%llx, not 0x%llx", i,
			   state->reg[i], model.reg[i]);
	for (i = 0; i < RAM_PAGES; i++)
		FUZZ_CHECK(!memcmp(host_user(s.ram + i * PAGE_SIZE), &model.ram[i * PAGE_SIZE],
				   PAGE_SIZE),
			   "page %u differs", i);
}

/* User space's answer to an exit, which the next run takes in. */
static void answer(const struct stop *stop, u64 value)
{
	unsigned int op = stop->insn & 0xff, a = stop->insn >> 8 & 0xff,
		     size = stop->insn >> 24 & 0xff;
	void *to = NULL;

	switch (stop->exit) {
	case KVM_EXIT_MMIO:
		FUZZ_CHECK(s.run->mmio.phys_addr == stop->gpa && s.run->mmio.len == size &&
			   s.run->mmio.is_write == stop->write, "at 0x%llx, %u bytes",
			   s.run->mmio.phys_addr, s.run->mmio.len);
		if (op == TOY_STORE)
			FUZZ_CHECK(!memcmp(s.run->mmio.data, &model.reg[a], size), "of register %u",
				   a);
		else
			to = s.run->mmio.data;
		break;
	case KVM_EXIT_IO:
		if (op == TOY_IN)
			to = (char *)s.run + s.run->io.data_offset;
		break;
	case KVM_EXIT_HYPERCALL:
		s.run->hypercall.ret = value;
		model.answered = 1;
		model.answer = value;
		return;
	}
	if (!to)
		return;
	memcpy(to, &value, size);
	model.answered = a;
	model.answer = size == 8 ? value : value & (BIT_ULL(size * 8) - 1);
}

static void op_run(struct input *in)
{
	struct stop stop;
	long r = 0;
	u64 value = take(in, 2);

	stop = model_run();
	/* Faults and interrupts take steps as well. */
	r = fuzz_run(s.vcpu, STEPS * 4);
	if (!stop.exit) {
		/* They have stopped at different places. What waits for an answer gets one. */
		s.run->immediate_exit = 1;
		fuzz_run(s.vcpu, 1);
		s.run->immediate_exit = 0;
		model.reg[TOY_PC] = 0;
		memcpy(arena, model.reg, sizeof(model.reg));
		memset(arena + sizeof(model.reg), 0, sizeof(struct toy_state) - sizeof(model.reg));
		HOST_BUG_ON(HOST_IOCTL(s.vcpu, TOY_SET_STATE, arena));
		for (r = 0; r < (long)RAM_PAGES; r++)
			memcpy(host_user(s.ram + r * PAGE_SIZE), &model.ram[r * PAGE_SIZE],
			       PAGE_SIZE);
		return;
	}
	FUZZ_CHECK(!r, "the run ends with %ld", r);
	FUZZ_CHECK(s.run->exit_reason == stop.exit, "exit %u, not %u", s.run->exit_reason,
		   stop.exit);
	check_state();
	answer(&stop, value);
}

static void op_state(struct input *in)
{
	struct toy_state *state = (void *)arena;
	unsigned int i, n = choose(in, 8), reg;

	memset(state, 0, sizeof(*state));
	memcpy(state->reg, model.reg, sizeof(model.reg));
	for (; n; n--) {
		reg = choose(in, TOY_NR_REGS + 1);
		state->reg[reg] = take(in, 1 << choose(in, 4));
	}
	if (state->reg[TOY_NR_REGS]) {
		FUZZ_CHECK(HOST_IOCTL(s.vcpu, TOY_SET_STATE, state) == -EINVAL,
			   "there is no register %u", TOY_NR_REGS);
		return;
	}
	HOST_BUG_ON(HOST_IOCTL(s.vcpu, TOY_SET_STATE, state));
	for (i = 1; i < TOY_NR_REGS; i++)
		model.reg[i] = i == TOY_INTS_ON ? !!state->reg[i] : state->reg[i];
}

static void op_one(struct input *in)
{
	unsigned int reg = choose(in, TOY_NR_REGS + 2);
	struct kvm_one_reg *one = (void *)arena;
	u64 value = take(in, 1 << choose(in, 4));
	long r;

	*one = (struct kvm_one_reg) { TOY_REG_ID(reg), (unsigned long)arena + 64 };
	*(u64 *)(arena + 64) = value;
	r = HOST_IOCTL(s.vcpu, KVM_SET_ONE_REG, one);
	FUZZ_CHECK(r == (reg < TOY_NR_REGS ? 0 : -ENOENT), "%ld of register %u", r, reg);
	if (!r)
		set(reg, reg == TOY_INTS_ON ? !!value : value);
}

static void op_interrupt(struct input *in)
{
	struct kvm_interrupt *args = (void *)arena;
	unsigned int pin = choose(in, 66);
	long r;

	args->irq = pin;
	r = HOST_IOCTL(s.vcpu, KVM_INTERRUPT, args);
	FUZZ_CHECK(r == (pin < 64 ? 0 : -EINVAL), "%ld of pin %u", r, pin);
	if (!r)
		model.reg[TOY_PENDING] |= BIT_ULL(pin);
}

static void op_program(struct input *in)
{
	unsigned int at = choose(in, 8) * 64, n = 1 + choose(in, 24);
	u64 insn;

	for (; n && more(in); n--, at += 8) {
		unsigned int op = choose(in, TOY_NR_OPS);
		int imm = (signed char)take(in, 1);

		if (choose(in, 2))
			imm *= choose(in, 2) ? 8 : 4096;
		if (op == TOY_CALL)
			imm = TOY_CALL_USER + 1;
		insn = TOY_INSN(op, choose(in, 16), choose(in, 16),
				op == TOY_ADD ? choose(in, 16) : 1 << choose(in, 4), imm);
		memcpy(&model.ram[at], &insn, 8);
		memcpy(host_user(s.ram + at), &insn, 8);
	}
}

static void op_memory(struct input *in)
{
	unsigned long page = s.ram + (choose(in, RAM_PAGES) << PAGE_SHIFT);

	if (choose(in, 2))
		host_write_protect(page, 1);
	else
		host_migrate(page);
}

void fuzz_one(struct input *in)
{
	static void (*const ops[])(struct input *in) = {
		op_run, op_run, op_program, op_state, op_one, op_interrupt, op_memory,
	};
	struct kvm_userspace_memory_region *ram = (void *)arena;
	unsigned int n = 0;

	memset(&model, 0, sizeof(model));
	s.kvm = host_open();
	s.vm = HOST_IOCTL(s.kvm, KVM_CREATE_VM, choose(in, 2) ? TOY_STRICT : TOY_PLAIN);
	s.ram = host_map(RAM_PAGES, VM_READ | VM_WRITE);
	*ram = (struct kvm_userspace_memory_region) { .memory_size = RAM, .userspace_addr = s.ram };
	HOST_BUG_ON(HOST_IOCTL(s.vm, KVM_SET_USER_MEMORY_REGION, ram));
	s.vcpu = HOST_IOCTL(s.vm, KVM_CREATE_VCPU, 0);
	s.run = host_page(s.vcpu, 0);
	while (more(in) && n++ < 50)
		ops[choose(in, ARRAY_SIZE(ops))](in);
	host_unmap_page(s.run);
	host_close(s.vcpu);
	host_close(s.vm);
	host_close(s.kvm);
}
