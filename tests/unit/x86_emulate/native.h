/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running one instruction on the host CPU: what native.S and test_native.c agree on. Everything
 * lies below 4 GiB so that 32- and 16-bit code reaches it; addresses are fixed.
 */
#ifndef BERTH_X86_EMULATE_NATIVE_H
#define BERTH_X86_EMULATE_NATIVE_H

#define ARENA		0x10000000	/* segments begin here or a little above */
#define WINDOW		(ARENA + 0x8000)	/* the memory that instructions work on */
#define WINDOW_SIZE	0x400
#define CODE		0x10020000	/* the page of code, also the base of the code segments */
#define CODE_INSN	0x400		/* offset of the instruction under test */
#define CODE_EXIT	0x600		/* offset of a jump out, for branches */
#define CTL		0x800		/* offset of struct control */
#define TMP_STACK	(CODE + 0xff0)

/* Selectors: entries of the LDT, and Linux's own flat ones. */
#define LDT(n)		((n) * 8 + 7)
#define SEL_CODE32	LDT(0)
#define SEL_CODE16	LDT(1)
#define SEL_DS		LDT(2)
#define SEL_ES		LDT(3)
#define SEL_SS		LDT(4)
#define SEL_GS		LDT(5)
#define SEL_USER64	0x33
#define SEL_FLAT	0x2b

/* Offsets in struct control. */
#define CTL_FLAGS	128
#define CTL_HOST_RSP	136
#define CTL_ENTRY	144
#define CTL_DS		152
#define CTL_ES		154
#define CTL_SS		156
#define CTL_GS		158
#define CTL_FLAT	160

#ifndef __ASSEMBLER__
struct control {
	unsigned long long gpr[16];	/* in and out */
	unsigned long long rflags;	/* in and out */
	unsigned long long host_rsp;
	unsigned int entry;		/* 32- and 16-bit: far pointer to the instruction */
	unsigned short entry_cs, pad;
	unsigned short ds, es, ss, gs, flat;
};

void native_run64(void);
void native_run_legacy(void);
extern char native_exit64[], native_abort[], native_blob[], native_blob_end[], native_exit32[];
#endif

#endif /* BERTH_X86_EMULATE_NATIVE_H */
