/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state description that SIE runs a guest by (SA22-7095; the kernel's interface to sie64a()
 * fixes prog0c and prog20), and what the words of it mean.
 */
#ifndef BERTH_S390_SIE_H
#define BERTH_S390_SIE_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/ptrace.h>

/* cpuflags: intervention requests, state and mode controls. */
#define SIE_STOPPED	0x80000000
#define SIE_WAIT	0x10000000
#define SIE_STOP_INT	0x04000000
#define SIE_IO_INT	0x02000000
#define SIE_EXT_INT	0x01000000
#define SIE_RUNNING	0x00800000
#define SIE_ZARCH	0x00000800
#define SIE_SM		0x00000080
#define SIE_GED2	0x00000010	/* the guest may have EDAT 2 */
#define SIE_GED		0x00000004	/* the guest may have EDAT 1 */
#define SIE_P		0x00000001	/* PER events of the guest's are the host's */

/* prog20: sie64a() does not enter the guest while one of these is set. */
#define SIE_PROG_REQUEST 2

/* lctl: loads of control registers that are intercepted. */
#define SIE_LCTL_CR0	0x8000
#define SIE_LCTL_CR6	0x0200
#define SIE_LCTL_CR9	0x0040
#define SIE_LCTL_CR10	0x0020
#define SIE_LCTL_CR11	0x0010
#define SIE_LCTL_CR14	0x0002

/* ictl: instructions and exceptions that are intercepted. */
#define SIE_ICTL_OPEREXC 0x80000000
#define SIE_ICTL_PINT	0x20000000
#define SIE_ICTL_LPSW	0x00400000
#define SIE_ICTL_STCTL	0x00040000
#define SIE_ICTL_ISKE	0x00004000
#define SIE_ICTL_SSKE	0x00002000
#define SIE_ICTL_RRBE	0x00001000
#define SIE_ICTL_TPROT	0x00000200

/* eca: MOVE PAGE is done by the machine, but for pages that the host has to bring. */
#define SIE_ECA_MVPGI	0x01000000

/* ecb: what of the host's the guest may use. */
#define SIE_ECB_SRSI	0x04
#define SIE_ECB_HOSTPROTINT 0x02

/* icptcode: why the guest was left. */
enum sie_icpt {
	SIE_ICPT_NONE		= 0x00,
	SIE_ICPT_INST		= 0x04,
	SIE_ICPT_PROGI		= 0x08,
	SIE_ICPT_INSTPROGI	= 0x0c,
	SIE_ICPT_EXTREQ		= 0x10,
	SIE_ICPT_EXTINT		= 0x14,
	SIE_ICPT_IOREQ		= 0x18,
	SIE_ICPT_WAIT		= 0x1c,
	SIE_ICPT_VALIDITY	= 0x20,
	SIE_ICPT_STOP		= 0x28,
	SIE_ICPT_OPEREXC	= 0x2c,
	SIE_ICPT_PARTEXEC	= 0x38,
	SIE_ICPT_IOINST		= 0x40,
};

/* icptstatus: the instruction is the target of an EXECUTE. */
#define SIE_ICPT_EXECUTE 0x01
#define SIE_ICPT_PER_FETCH 0x02		/* and its fetch is a PER event */

/* Validity interception code in ipb: the prefix area is not there for stores. */
#define SIE_VALIDITY_PREFIX 0x0037

#define SIE_HPID	0x4

struct sie_block {
	atomic_t cpuflags;		/* 000 */
	u32 prefix;			/* 004: bits 1-18; IBC in the low 12 */
	u32 reserved008;
	u32 prog0c;
	u8 reserved010[16];
	atomic_t prog20;		/* 020 */
	u32 reserved024;
	u64 cputm;			/* 028: CPU timer */
	u64 ckc;			/* 030: clock comparator */
	u64 epoch;			/* 038: what the guest's TOD clock is ahead of the host's */
	u32 svcc;			/* 040 */
	u16 lctl;			/* 044 */
	u16 icpua;			/* 046: CPU address */
	u32 ictl;			/* 048 */
	u32 eca;			/* 04c */
	u8 icptcode;			/* 050 */
	u8 icptstatus;			/* 051 */
	u16 ihcpu;			/* 052: the host CPU whose TLB may know the guest */
	u8 reserved054[2];
	u16 ipa;			/* 056: an intercepted instruction's first halfword */
	u32 ipb;			/* 058: and the two that follow */
	u32 scaoh;			/* 05c */
	u8 fpf;				/* 060 */
	u8 ecb, ecb2, ecb3;		/* 061 */
	u32 scaol;			/* 064 */
	u8 sdf, epdx;			/* 068 */
	u8 cpnc;			/* 06a: control program name code */
	u8 reserved06b;
	u32 todpr;			/* 06c: TOD programmable register */
	u32 gd;				/* 070 */
	u8 reserved074[12];
	u64 mso;			/* 080: main storage origin */
	u64 msl;			/* 088: and limit */
	psw_t gpsw;			/* 090 */
	u64 gg14, gg15;			/* 0a0: general registers 14 and 15 */
	u8 reserved0b0[8];
	u8 hpid;			/* 0b8 */
	u8 reserved0b9[7];
	u32 eiparams;			/* 0c0: of an interruption that was intercepted, from here */
	u16 extcpuaddr, eic;
	u32 reserved0c8;
	u16 pgmilc, iprcc;		/* 0cc */
	u32 dxc;			/* 0d0 */
	u16 mcn;			/* 0d4 */
	u8 perc, peratmid;		/* 0d6 */
	u64 peraddr;			/* 0d8 */
	u8 eai, peraid, oai, armid;	/* 0e0 */
	u32 reserved0e4;
	u64 tecmc;			/* 0e8 */
	u8 reserved0f0[12];
	u32 crycbd;			/* 0fc */
	u64 gcr[16];			/* 100 */
	u64 gbea;			/* 180: breaking-event address */
	u8 reserved188[24];
	u32 fac;			/* 1a0: the guest's facility list, below 2 GiB */
	u8 reserved1a4[36];
	u32 ecd;			/* 1c8 */
	u8 reserved1cc[18];
	u64 pp;				/* 1de: program parameter */
	u8 reserved1e6[26];
} __packed __aligned(512);

static_assert(sizeof(struct sie_block) == 512);
static_assert(offsetof(struct sie_block, prog0c) == 0x0c);
static_assert(offsetof(struct sie_block, prog20) == 0x20);
static_assert(offsetof(struct sie_block, ipa) == 0x56);
static_assert(offsetof(struct sie_block, gpsw) == 0x90);
static_assert(offsetof(struct sie_block, hpid) == 0xb8);
static_assert(offsetof(struct sie_block, tecmc) == 0xe8);
static_assert(offsetof(struct sie_block, crycbd) == 0xfc);
static_assert(offsetof(struct sie_block, gbea) == 0x180);
static_assert(offsetof(struct sie_block, fac) == 0x1a0);
static_assert(offsetof(struct sie_block, ecd) == 0x1c8);
static_assert(offsetof(struct sie_block, pp) == 0x1de);

/* Program interruption codes (PoP ch. 6). */
enum sie_pgm {
	PGM_OPERATION		= 0x01,
	PGM_PRIVILEGED		= 0x02,
	PGM_EXECUTE		= 0x03,
	PGM_PROTECTION		= 0x04,
	PGM_ADDRESSING		= 0x05,
	PGM_SPECIFICATION	= 0x06,
	PGM_DATA		= 0x07,
	PGM_SEGMENT_TRANSLATION	= 0x10,
	PGM_PAGE_TRANSLATION	= 0x11,
	PGM_TRANSLATION_SPEC	= 0x12,
	PGM_SPECIAL_OPERATION	= 0x13,
	PGM_OPERAND		= 0x15,
	PGM_SPACE_SWITCH	= 0x1c,
	PGM_ALET_SPECIFICATION	= 0x28,
	PGM_ALEN_TRANSLATION	= 0x29,
	PGM_ALE_SEQUENCE	= 0x2a,
	PGM_ASTE_VALIDITY	= 0x2b,
	PGM_ASTE_SEQUENCE	= 0x2c,
	PGM_EXTENDED_AUTHORITY	= 0x2d,
	PGM_LSTE_SEQUENCE	= 0x2e,
	PGM_ASTE_INSTANCE	= 0x2f,
	PGM_ASCE_TYPE		= 0x38,
	PGM_REGION_FIRST	= 0x39,
	PGM_REGION_SECOND	= 0x3a,
	PGM_REGION_THIRD	= 0x3b,
	PGM_MONITOR		= 0x40,
	PGM_PER			= 0x80,
};

/* Masks of interruption classes in control registers (PoP ch. 6). */
#define GCR0_LOW_PROTECTION	0x10000000UL
#define GCR0_FETCH_OVERRIDE	0x02000000UL
#define GCR0_STORAGE_OVERRIDE	0x01000000UL
#define GCR0_EDAT		0x00800000UL
#define GCR0_MALFUNCTION		0x00008000UL
#define GCR0_EMERGENCY		0x00004000UL
#define GCR0_EXTERNAL_CALL	0x00002000UL
#define GCR0_CLOCK_COMPARATOR	0x00000800UL
#define GCR0_CPU_TIMER		0x00000400UL
#define GCR0_SERVICE_SIGNAL	0x00000200UL
#define GCR0_CLOCK_SIGN		0x00200000UL
/* After an initial CPU reset. */
#define GCR0_INITIAL		0x000000e0UL
#define GCR14_INITIAL		0xc2000000UL

#define PSW_INTERRUPTS	(PSW_MASK_IO | PSW_MASK_EXT | PSW_MASK_MCHECK)

#endif
