/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC as its own files see it: lapic.c (registers, delivery, priorities),
 * lapic_timer.c, lapic_state.c (APIC_BASE, reset, ioctls) and apic_map.c.
 *
 * Messages arrive from any context: they set bits of irr, tmr, events and nmis, then
 * request X86_REQ_EVENT.  All else is the vCPU thread's, though others read the
 * registers that say whether and where an APIC is addressed.
 */
#ifndef BERTH_X86_LAPIC_H
#define BERTH_X86_LAPIC_H

#include <asm/apicdef.h>
#include <linux/hrtimer.h>
#include "irq.h"

#define LAPIC_NR_REGS		64	/* 16 bytes apart, in a page of 1 KiB */
#define LAPIC_NR_VECTORS	256
#define LAPIC_WORDS		BITS_TO_LONGS(LAPIC_NR_VECTORS)
#define LAPIC_X2APIC_BROADCAST	(~0u)
#define LAPIC_XAPIC_BROADCAST	0xffu

/* Bits of x86_lapic::events. */
enum { LAPIC_INIT, LAPIC_SIPI };

struct x86_lapic {
	struct x86_vcpu *v;		/* [I] */

	unsigned long irr[LAPIC_WORDS];	/* [a] */
	unsigned long tmr[LAPIC_WORDS];	/* [a] written before irr */
	unsigned long events;		/* [a] LAPIC_INIT, LAPIC_SIPI */
	atomic_t nmis;			/* [a] not yet in v->ev.nmi */
	u8 sipi_vector;			/* [a] before LAPIC_SIPI */

	unsigned long isr[LAPIC_WORDS];	/* [o] */
	s16 extint;			/* [o] KVM_INTERRUPT's vector, or -1 */
	s16 eoi_vector;			/* [o] for KVM_EXIT_IOAPIC_EOI, or -1 */

	/*
	 * [o] by offset / 16; SPIV, ID, LDR, DFR and the LVTs are also read elsewhere.
	 * Those that are bitmaps or computed are not here.
	 */
	u32 reg[LAPIC_NR_REGS];

	struct hrtimer timer;		/* [o] */
	u64 period;			/* [o] of TMICT in ns, 0: not counting */
	ktime_t expires;		/* [a] when the count is 0 next */
	u64 deadline;			/* [a] IA32_TSC_DEADLINE, the last; see interrupt_waits() */
};

static inline u32 lapic_get(const struct x86_lapic *l, unsigned int offset)
{
	return READ_ONCE(l->reg[offset / 16]);
}

static inline void lapic_set(struct x86_lapic *l, unsigned int offset, u32 value)
{
	WRITE_ONCE(l->reg[offset / 16], value);
}

static inline bool lapic_hw_enabled(const struct x86_lapic *l)
{
	return READ_ONCE(l->v->apic_base) & MSR_IA32_APICBASE_ENABLE;
}

static inline bool lapic_enabled(const struct x86_lapic *l)
{
	return lapic_hw_enabled(l) && (lapic_get(l, APIC_SPIV) & APIC_SPIV_APIC_ENABLED);
}

/* Both modes are in APIC_BASE: EXTD is set only with ENABLE. */
static inline bool lapic_is_x2apic(const struct x86_lapic *l)
{
	return READ_ONCE(l->v->apic_base) & X2APIC_ENABLE;
}

static inline u8 lapic_xapic_id(const struct x86_lapic *l)
{
	return lapic_get(l, APIC_ID) >> 24;
}

static inline u32 lapic_x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

/* The highest bit of a vector register, or -1. */
static inline int lapic_highest(const unsigned long *bitmap)
{
	int i;

	for (i = LAPIC_WORDS - 1; i >= 0; i--) {
		unsigned long word = READ_ONCE(bitmap[i]);

		if (word)
			return i * BITS_PER_LONG + __fls(word);
	}
	return -1;
}

/* ---- lapic.c ---- */

/*
 * A message for this one APIC arrives: 1 when it is taken, else 0.  @source: the vCPU
 * whose thread sends it, or NULL.  Any context.
 */
int lapic_accept_msg(struct x86_lapic *l, const struct x86_irq_msg *msg,
		     const struct x86_vcpu *source);
/* The event behind an LVT entry happened.  Any context. */
void lapic_local_event(struct x86_lapic *l, unsigned int lvt);
/* What a register reads as, and writes to it; 1 for one that cannot be. */
u32 lapic_read(struct x86_lapic *l, unsigned int offset);
int lapic_write(struct x86_lapic *l, unsigned int offset, u32 value);
/* As KVM_SET_LAPIC has it: no effect but the value. */
void lapic_load(struct x86_lapic *l, unsigned int offset, u32 value);
/* Something may be deliverable now: the run loop looks.  vCPU thread. */
static inline void lapic_look(struct x86_lapic *l)
{
	l->v->ev.apic = true;
}

/* ---- lapic_timer.c ---- */

void lapic_timer_init(struct x86_lapic *l);
/* Stop it; the interrupt of one that expires meanwhile is in IRR. */
void lapic_timer_cancel(struct x86_lapic *l);
/* Writes to the registers; TMICT and TDCR hold the new value. */
void lapic_timer_set_lvt(struct x86_lapic *l, u32 value);
void lapic_timer_set_count(struct x86_lapic *l);
void lapic_timer_set_divider(struct x86_lapic *l, u32 old);
/* TMCCT */
u32 lapic_timer_count(struct x86_lapic *l);
/* TMCCT to go on from: 0 only when its interrupt is in IRR, which is read after it. */
u32 lapic_timer_save(struct x86_lapic *l);
/* Goes on from a saved count, or waits for the deadline.  It is cancelled. */
void lapic_timer_restore(struct x86_lapic *l, u32 count);

#endif
