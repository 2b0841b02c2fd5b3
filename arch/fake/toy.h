/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The toy machine's architecture: what a manual of it would say.  Its guests' programs and tests
 * include this as well; nothing here needs the kernel.
 *
 * Sixteen 64-bit registers, of which register 0 is always 0.  Addresses are guest-physical;
 * instructions are 8 bytes, little-endian, aligned; accesses are aligned to their size.
 * What breaks a rule shuts the machine down.
 */
#ifndef BERTH_FAKE_TOY_H
#define BERTH_FAKE_TOY_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* An instruction: op, a, b, c in a byte each, then a signed 32-bit immediate. */
enum toy_op {
	TOY_ILLEGAL,
	TOY_ADD,	/* a = b + c + imm */
	TOY_HIGH,	/* a = b + (imm << 32) */
	TOY_LOAD,	/* a = memory[b + imm], c bytes (1, 2, 4, 8), the rest 0 */
	TOY_STORE,	/* memory[b + imm] = a, c bytes */
	TOY_SWAP,	/* a and memory[b + imm] change places as one, 8 bytes */
	TOY_BNE,	/* a != b: imm instructions on from here */
	TOY_IN,		/* a = port[b + imm], c bytes (1, 2, 4) */
	TOY_OUT,	/* port[b + imm] = a, c bytes */
	TOY_CALL,	/* the hypervisor, see below: arguments in r1..r6, result in r1 */
	TOY_HALT,	/* wait for an interrupt */
	TOY_INTS,	/* interrupts are taken from now on when imm is not 0; not when 0 */
	TOY_DONE,	/* pin imm + b is dealt with: tell its controller */
	TOY_RETURN,	/* from an interrupt */
	TOY_NR_OPS,
};

#define TOY_INSN(op, a, b, c, imm) \
	((__u64)(op) | (__u64)(a) << 8 | (__u64)(b) << 16 | (__u64)(c) << 24 | \
	 (__u64)(__u32)(imm) << 32)

/* What the hypervisor does itself; other numbers are user space's (KVM_EXIT_HYPERCALL). */
enum toy_call {
	TOY_CALL_READ,		/* r1 = the 8 bytes at r2, which may cross pages */
	TOY_CALL_WRITE,		/* r1 goes to r2; r1 = 0 or -errno */
	TOY_CALL_WRITE_NOW,	/* the same, as from where nobody may sleep */
	TOY_CALL_YIELD,		/* to the vCPU with index r1 */
	TOY_CALL_USER = 16,
};

/* Registers by number, KVM_GET_ONE_REG's too. */
#define TOY_NR_GPRS	16
enum toy_reg {
	TOY_PC = TOY_NR_GPRS,
	TOY_VECTOR,	/* where interrupts go */
	TOY_EPC,	/* where they came from */
	TOY_CAUSE,	/* the pin */
	TOY_INTS_ON,	/* 0 or 1 */
	TOY_PENDING,	/* a bit per pin */
	TOY_NR_REGS,
};
struct toy_state { __u64 reg[64]; };		/* the rest is 0 */
#define TOY_GET_STATE	_IOR(0xAE, 0xe0, struct toy_state)
#define TOY_SET_STATE	_IOW(0xAE, 0xe1, struct toy_state)
#define TOY_SET_RESET	_IOW(0xAE, 0xe2, __u64)	/* VM: where new vCPUs begin */
#define TOY_REG_ID(n)	(0x0030000000000000ULL | (n))	/* KVM_REG_SIZE_U64 */

/*
 * Two interrupt controllers of 32 pins: chip 0 has edges and serves vCPU 0, chip 1 has levels and
 * serves the second one, where there is one.  A vCPU knows 64 pins, chip 1's are the upper half.  A message goes
 * to the vCPU (address) and pin (data) it names.
 */
#define TOY_CHIPS	2
#define TOY_PINS	32

/*
 * Second-stage entries.  The plain format (machine type 0): three levels of 9 bits, 2M leaves,
 * hardware keeps ACCESSED and DIRTY.  The strict one (type 1) is all a format may ask of its users:
 * entries that are not present are TOY_S2_INVALID, tables have a second half, a live entry must be
 * broken before it changes, and what is not ACCESSED, or not DIRTY for a store, faults.
 */
#define TOY_S2_VALID	(1ULL << 0)
#define TOY_S2_W	(1ULL << 1)
#define TOY_S2_X	(1ULL << 2)
#define TOY_S2_TABLE	(1ULL << 3)
#define TOY_S2_ACCESSED	(1ULL << 4)
#define TOY_S2_DIRTY	(1ULL << 5)
#define TOY_S2_DEVICE	(1ULL << 6)
#define TOY_S2_INVALID	(1ULL << 7)
#define TOY_S2_PA	0x000ffffffffff000ULL	/* of a leaf */
#define TOY_S2_NEXT	0x000ffffffffffc00ULL	/* of a table */

/* KVM_CREATE_VM's types. */
#define TOY_PLAIN	0
#define TOY_STRICT	1
#define TOY_CHOSEN	2	/* as plain; vCPUs cannot be used before KVM_SET_MP_STATE */
#define TOY_NR_TYPES	3

#define TOY_MAX_VCPUS	16
#define TOY_MAX_VCPU_ID	64

/* A vCPU's mapping: kvm_run, a page for port data, the coalesced ring; and the dirty ring. */
#define TOY_PIO_PAGE		1
#define TOY_RING_PAGE		2
#define TOY_DIRTY_RING_PAGE	64

/*
 * KVM_CREATE_DEVICE: one 64-bit register.  Attribute 0 of group TOY_DEVICE_VALUE is what it holds, of
 * TOY_DEVICE_ADDRESS where guests find it, set once.
 */
#define TOY_DEVICE		0x70
#define TOY_DEVICE_VALUE	0
#define TOY_DEVICE_ADDRESS	1

#endif
