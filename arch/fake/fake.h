/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the toy machine's backend share. */
#ifndef BERTH_FAKE_H
#define BERTH_FAKE_H

#include <berth/backend.h>
#include "toy.h"

struct fake_vm {
	struct berth_vm vm;
	bool strict;				/* [I] the second stage's format */
	bool chosen;				/* [I] vCPUs begin uninitialized */
	u64 reset_pc;				/* [l] */
	atomic_long_t prepared, prepared_exec;	/* [a] pages s2_prepare() was called for */
	bool irqchip;				/* [a] set once, under vm.lock */
	raw_spinlock_t lines_lock;		/* lines; interrupts off */
	u32 lines[TOY_CHIPS][TOY_PINS];		/* lines_lock: sources that hold it high */
};

/* The toy CPU's translations: only s2_flush takes them away. */
#define FAKE_TLB	64

struct fake_tlb_entry {
	bool valid;
	gfn_t gfn;
	u64 entry;				/* as a leaf of level 0 */
};

/* Why the toy CPU left its guest. */
enum fake_exit {
	FAKE_EXIT_INTERRUPT,	/* the host's */
	FAKE_EXIT_FAULT,	/* second stage; access_gpa and access */
	FAKE_EXIT_IN,
	FAKE_EXIT_OUT,
	FAKE_EXIT_CALL,
	FAKE_EXIT_HALT,
	FAKE_EXIT_DONE,
	FAKE_EXIT_SHUTDOWN,
	FAKE_EXIT_BAD_STATE,	/* entry refused: the program counter is not aligned */
	FAKE_NR_EXITS,
};

/* What user space owes an answer to, at its next KVM_RUN. */
enum fake_pending {
	FAKE_NOTHING,
	FAKE_MMIO_READ,
	FAKE_PIO_READ,
	FAKE_CALL,
};

struct fake_vcpu {
	struct berth_vcpu vcpu;
	u64 regs[TOY_NR_REGS];			/* [v]; TOY_PENDING: [a] */
	u32 mp_state;				/* [v] */
	bool loaded;				/* [o] between load and put, as the contract says */
	struct fake_tlb_entry tlb[FAKE_TLB];	/* [o] */

	/* The last exit. [o] */
	u64 insn;
	gpa_t access_gpa;
	u32 access;
	enum fake_pending pending;
};

static inline struct fake_vm *to_fake_vm(struct berth_vm *vm)
{
	return container_of(vm, struct fake_vm, vm);
}

static inline struct fake_vcpu *to_fake(struct berth_vcpu *vcpu)
{
	return container_of(vcpu, struct fake_vcpu, vcpu);
}

/* The fields of an instruction. */
static inline unsigned int insn_op(u64 insn) { return insn & 0xff; }
static inline unsigned int insn_a(u64 insn) { return insn >> 8 & 0xff; }
static inline unsigned int insn_b(u64 insn) { return insn >> 16 & 0xff; }
static inline unsigned int insn_c(u64 insn) { return insn >> 24 & 0xff; }
static inline u64 insn_imm(u64 insn) { return (s64)(s32)(insn >> 32); }

/* cpu.c: the machine itself. */
enum fake_exit fake_cpu_run(struct fake_vcpu *vcpu);
void fake_tlb_flush(struct fake_vcpu *vcpu);
void fake_set_gpr(struct fake_vcpu *vcpu, unsigned int reg, u64 value);

/* format.c */
extern const struct s2_format fake_plain_format, fake_strict_format;

/* irq.c: interrupt controllers. */
extern const struct berth_irq_ops fake_irq_ops;
void fake_irq_init(struct fake_vm *vm);
long fake_create_irqchip(struct berth_vm *vm, void *data, unsigned long arg);
long fake_irq_line(struct berth_vm *vm, void *data, unsigned long arg);
void fake_raise(struct berth_vcpu *vcpu, unsigned int pin);
void fake_irq_done(struct fake_vcpu *vcpu, unsigned int pin);

BERTH_DECLARE_BACKEND(fake)

#endif
