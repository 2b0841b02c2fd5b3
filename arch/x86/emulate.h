/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executes one decoded x86 instruction on a vCPU's registers, with memory and ports reached through
 * callbacks: for instructions that touched a device's memory, and for string I/O. It knows nothing
 * of exits, page tables or user space.
 */
#ifndef BERTH_X86_EMULATE_H
#define BERTH_X86_EMULATE_H

#include <linux/types.h>

#include "decode.h"

/* Most bytes that one read, write or port transfer moves. Memory other than string I/O: 16. */
#define X86_EMUL_MAX_BYTES	256

/* Most iterations of a REP instruction per x86_emulate() call; one with RFLAGS.TF. */
#define X86_EMUL_MAX_ITERATIONS	64

/* RFLAGS (AMD APM vol. 2 §3.1.6). */
#define X86_FL_CF	0x000001
#define X86_FL_PF	0x000004
#define X86_FL_AF	0x000010
#define X86_FL_ZF	0x000040
#define X86_FL_SF	0x000080
#define X86_FL_TF	0x000100
#define X86_FL_DF	0x000400
#define X86_FL_OF	0x000800
#define X86_FL_RF	0x010000
#define X86_FL_STATUS	(X86_FL_CF | X86_FL_PF | X86_FL_AF | X86_FL_ZF | X86_FL_SF | X86_FL_OF)

/* Vectors that the emulator itself raises. */
#define X86_VEC_UD	6
#define X86_VEC_SS	12
#define X86_VEC_GP	13

enum x86_emul_result {
	X86_EMUL_DONE,		/* retired, or a part of a REP instruction: see x86_emul.partial */
	X86_EMUL_EXIT,		/* data is not there yet: ask user space, then run it again */
	X86_EMUL_FAULT,		/* an exception is to be injected: vector, error and cr2 are set */
	X86_EMUL_UNHANDLED,	/* not an instruction, or not an access, that is supported */
	X86_EMUL_RETRY,		/* memory changed under a locked access: re-enter the guest */
};

/* A segment register's hidden part, attributes as in the VMCB (APM vol. 2 appendix B). */
struct x86_seg {
	u64 base;
	u32 limit;		/* in bytes: granularity is already applied */
	u16 selector;
	u16 attr;
};

#define X86_SEG_TYPE_WRITE	0x0002	/* data: writable. Code: readable */
#define X86_SEG_TYPE_DOWN	0x0004	/* data: expand-down */
#define X86_SEG_TYPE_CODE	0x0008
#define X86_SEG_P		0x0080
#define X86_SEG_L		0x0200
#define X86_SEG_DB		0x0400

struct x86_emul;

/*
 * What the emulator reaches out with. Addresses are linear. Every op returns 0, or any
 * x86_emul_result but DONE, which x86_emulate() returns at once; FAULT means the op has filled
 * vector, has_error, error and cr2.
 *
 * Replay. After EXIT the caller completes that one access and calls x86_emulate() again with the
 * same state and instruction. The same ops are then called in the same order with the same
 * arguments (a write's data too, as long as what was read is the same), so an op must answer those
 * that a device has already completed from what it kept, without doing them again. One iteration
 * of any instruction makes at most two such calls. When ->retire is called they belong to the
 * past: whatever was kept is dropped. Memory accesses may cross page boundaries; segment limits
 * and canonical form are checked already. Alignment is not.
 */
struct x86_emul_ops {
	int (*read)(struct x86_emul *e, u64 linear, void *data, unsigned int len);
	int (*write)(struct x86_emul *e, u64 linear, const void *data, unsigned int len);

	/*
	 * The write half of a read-modify-write whose read half returned @old; len is 1, 2, 4, 8 or
	 * 16. With e->locked it must be one atomic compare-and-exchange in ordinary memory, and
	 * RETRY when that no longer holds @old.
	 */
	int (*rmw)(struct x86_emul *e, u64 linear, const void *old, const void *new,
		   unsigned int len);

	/*
	 * One or more elements of INS or OUTS; NULL: those are UNHANDLED. More than one only where
	 * ->probe promised plain memory. The processor checked the I/O permission before it exited.
	 */
	int (*pio_in)(struct x86_emul *e, u16 port, void *data, unsigned int size,
		      unsigned int count);
	int (*pio_out)(struct x86_emul *e, u16 port, const void *data, unsigned int size,
		       unsigned int count);

	/*
	 * Would an access to this range succeed as one to ordinary memory? 0: yes; FAULT: it would
	 * fault; anything else: it is a device's, or not known. Has no side effect but FAULT's.
	 * NULL: not known; string I/O then moves one element at a time, and INS to a page that
	 * faults loses the element that the device gave.
	 */
	int (*probe)(struct x86_emul *e, u64 linear, unsigned int len, bool write);

	/* The instruction, or an iteration of it, has retired. May be NULL. */
	void (*retire)(struct x86_emul *e);
};

struct x86_emul {
	/* In and out. */
	u64 *gpr;		/* general registers by hardware number, changed in place */
	u64 rip;
	u64 rflags;

	/* In. */
	enum x86_mode mode;
	struct x86_seg seg[X86_NR_SEG];
	u64 cr0;
	u64 cr4;
	u8 cpl;			/* for the ops: the emulator does not look at it */
	const struct x86_insn *insn;	/* of the bytes at rip */
	const struct x86_emul_ops *ops;
	void *ctx;		/* the caller's */

	/* For the ops. */
	bool for_write;		/* ->read is the first half of a read-modify-write: a page
				 * that is not writable faults as for a write */
	bool locked;		/* ->rmw must be atomic: LOCK, or XCHG */

	/* Out on DONE. */
	bool partial;		/* a REP instruction with iterations left: rip is still at it */

	/* Out on FAULT. */
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;
};

enum x86_emul_result x86_emulate(struct x86_emul *e);
u64 x86_effective_address(const struct x86_emul *e);
int x86_linear_address(struct x86_emul *e, unsigned int seg, u64 offset, unsigned int len,
		       bool write, u64 *linear);
int x86_raise(struct x86_emul *e, u8 vector);

#endif /* BERTH_X86_EMULATE_H */
