/* SPDX-License-Identifier: GPL-2.0-only */
/* What an architecture supplies to the benchmark: a counter, a vCPU in its guest's mode, and guest loops. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

/* Memory map of the guest, the same on every architecture. */
#define CODE_GPA	0x1000ULL
#define RAM_SIZE	0x200000ULL	/* slot 0, from address 0: code */
#define FAULT_GPA	0x400000ULL	/* slot 1: touched page by page */
#define FAULT_SIZE	0x1800000ULL
#define MMIO_GPA	0xd0000000ULL
#define SIGNAL_GPA	(MMIO_GPA + 0x1000)	/* an ioeventfd */
#define SLOTS_GPA	0x40000000ULL	/* where the slots of the slot benchmark lie */

enum loop {
	LOOP_EMPTY,	/* turns of nothing: what a turn costs by itself */
	LOOP_CPUID,
	LOOP_HYPERCALL,
	LOOP_MSR_READ,
	LOOP_SYSREG,	/* a system register that is trapped */
	LOOP_PREFIX,	/* STORE PREFIX */
	LOOP_SIGP,	/* SIGNAL PROCESSOR: sense oneself */
	LOOP_DIAGNOSE,	/* of a function that only user space knows */
	LOOP_PIO_OUT,
	LOOP_PIO_IN,
	LOOP_MMIO_STORE,
	LOOP_MMIO_LOAD,
	LOOP_EOI,	/* from here to LOOP_IDLE: with the interrupt controllers in the kernel */
	LOOP_GIC_REGISTER,
	LOOP_ACK,	/* sent to oneself, acknowledged, completed, without an exception */
	LOOP_SELF_IPI,
	LOOP_SELF_IPI_MSR,
	LOOP_DEADLINE_ARM,
	LOOP_DEADLINE_PASSED,
	LOOP_DEADLINE_WAIT,	/* halted until then, DEADLINE_TICKS */
	LOOP_IPI,	/* to vCPU 1, which answers with one, for which this one halts */
	LOOP_TAKE,	/* interrupts are taken for a moment */
	LOOP_IDLE,	/* halted but for interrupts; has no end but MESSAGE_END */
	LOOP_TOUCH,	/* a load from each page of the fault slot, beginning at an address */
	LOOPS
};

#define DEADLINE_TICKS	20000

/* What the vCPU does that an interrupt message comes to. */
enum message {
	MESSAGE_EOI,	/* acknowledges it */
	MESSAGE_SIGNAL,	/* first stores to SIGNAL_GPA */
	MESSAGE_END,	/* ends its loop */
};

struct bench_vcpu {
	int kvm, vm, fd, id;
	struct kvm_run *run;
	int irqchip;	/* with controllers in the kernel */
};

/* Prints and ends the program where the call fails. */
int must(int fd, unsigned long request, unsigned long arg, const char *what);

uint64_t arch_counter(void);
/* For the output: the architecture, the unit of arch_counter(). */
extern const char arch_name[], arch_unit[];
/* A slot's address, user address and size are multiples of it. */
extern const unsigned long arch_slot_unit;
/* Copies all loops to the guest's memory at CODE_GPA. */
void arch_load(void *ram);
/* What a new vCPU wants before it may be asked to run; then what the loops want of it. */
void arch_vcpu_init(int vm, int vcpu);
void arch_vcpu_setup(struct bench_vcpu *v);
/* Gives the VM interrupt controllers in the kernel; 0 where there are none to give. */
int arch_irqchip(struct bench_vcpu *v);
/* The route to the interrupt that makes vCPU @id do so. */
struct kvm_irq_routing_entry arch_message(int id, enum message message);
/* Readies the vCPU for @turns of a loop, which then ends with an exit for which arch_ended() holds. */
void arch_start(struct bench_vcpu *v, enum loop loop, uint64_t turns, uint64_t address);
/* Is it an exit that loops have; and the last one? */
int arch_exited(const struct kvm_run *run);
int arch_ended(const struct kvm_run *run);
/* Whether this architecture has the loop. */
int arch_has(enum loop loop);

#endif
