// SPDX-License-Identifier: GPL-2.0-only
/*
 * Program-event recording (PoP ch. 4): the guest's own events where the kernel does an instruction
 * for it, and guest debugging.  User space's breakpoints, watchpoints and steps are PER events that
 * SIE gives to the host; in SIE the control registers are for them as well as for the guest's own.
 */
#include <asm/sclp.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "s390.h"

#define DEBUG_CONTROLS	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)

#define MAX_POINTS	50		/* as the kernel's own KVM has it */
#define MAX_WATCHED	100		/* bytes */
#define INSN_MAX	6

/* Control register 9. */
#define CR9_EVENTS	0xff000000UL
#define CR9_BRANCH	0x80000000UL
#define CR9_FETCH	0x40000000UL
#define CR9_STORE	0x20000000UL
#define CR9_NULLIFY	0x01000000UL	/* fetches: before the instruction instead of after it */
#define CR9_TO_RANGE	0x00800000UL	/* branches: into the range only */
#define CR9_SPACES	0x00200000UL	/* stores: in spaces that say so only */
/* A PER code has the events' bits, and the ATMID the mode's (PoP ch. 4, "Identification of Cause"). */
#define PER_BRANCH	(CR9_BRANCH >> 24)
#define PER_FETCH	(CR9_FETCH >> 24)
#define PER_STORE	(CR9_STORE >> 24)
#define ATMID_EA	0x80
#define ATMID_VALID	0x40
#define ATMID_BA	0x20
#define ATMID_DAT	0x10

#define ASCE_SPACE_SWITCH 0x40

struct sie_point {
	struct kvm_hw_breakpoint at;
	u8 seen[MAX_WATCHED];		/* of a watchpoint: what it held at the last look */
};

static bool per_in_range(u64 address, u64 first, u64 last)
{
	/* One that ends before it begins goes around the end of all addresses. */
	return first <= last ? address >= first && address <= last :
			       address >= first || address <= last;
}

/*
 * Into SIE and out of it.
 */
static void per_add_range(u64 *gcr, u64 first, u64 last)
{
	if (!(gcr[9] & CR9_EVENTS)) {
		gcr[10] = first;
		gcr[11] = last;
	} else if (gcr[10] > gcr[11] || first > last) {
		gcr[10] = 0;
		gcr[11] = ~0ULL;
	} else {
		gcr[10] = min(gcr[10], first);
		gcr[11] = max(gcr[11], last);
	}
}

/* An instruction is about to be run that was come to by another one's end, or by a branch. */
static void add_breakpoint(u64 *gcr, const struct kvm_hw_breakpoint *at)
{
	per_add_range(gcr, at->addr - min_t(u64, at->addr, INSN_MAX), at->addr + max(at->len, 1ULL) - 1);
	if (!(gcr[9] & CR9_BRANCH))
		gcr[9] |= CR9_TO_RANGE;
	gcr[9] |= CR9_FETCH | CR9_BRANCH;
}

static void add_watchpoint(u64 *gcr, const struct kvm_hw_breakpoint *at)
{
	if (!at->len)
		return;
	per_add_range(gcr, at->addr, at->addr + at->len - 1);
	gcr[9] = (gcr[9] & ~CR9_SPACES) | CR9_STORE;
}

void sie_debug_enter(struct sie_vcpu *v)
{
	struct sie_debug *d = &v->debug;
	u64 *gcr = v->block->gcr;
	unsigned int i;

	d->cr0 = gcr[0];
	memcpy(d->cr9, &gcr[9], sizeof(d->cr9));
	gcr[9] &= ~CR9_NULLIFY;
	if (sie_stepping(v)) {
		gcr[0] &= ~GCR0_CLOCK_COMPARATOR;
		per_add_range(gcr, 0, ~0ULL);
		gcr[9] |= CR9_FETCH;
	}
	for (i = 0; i < d->nr_points; i++) {
		if (d->points[i].at.type == KVM_HW_BP)
			add_breakpoint(gcr, &d->points[i].at);
		else if (d->points[i].at.type == KVM_HW_WP_WRITE)
			add_watchpoint(gcr, &d->points[i].at);
	}
}

void sie_debug_leave(struct sie_vcpu *v)
{
	v->block->gcr[0] = v->debug.cr0;
	memcpy(&v->block->gcr[9], v->debug.cr9, sizeof(v->debug.cr9));
}

/* The registers that are not the guest's own in SIE are not for it to see there. */
void sie_debug_intercept(struct sie_vcpu *v)
{
	v->block->lctl |= SIE_LCTL_CR0 | SIE_LCTL_CR9 | SIE_LCTL_CR10 | SIE_LCTL_CR11;
	v->block->ictl |= SIE_ICTL_STCTL | SIE_ICTL_PINT;
}

/*
 * What user space hears of.
 */
static bool watched_changed(struct sie_vcpu *v, u64 *address)
{
	struct sie_debug *d = &v->debug;
	struct sie_point *p;
	u8 now[MAX_WATCHED];

	for (p = d->points; p < d->points + d->nr_points; p++) {
		if (p->at.type != KVM_HW_WP_WRITE ||
		    berth_read_guest(v->core.vm, p->at.phys_addr, now, p->at.len) ||
		    !memcmp(now, p->seen, p->at.len))
			continue;
		memcpy(p->seen, now, p->at.len);
		*address = p->at.addr;
		return true;
	}
	return false;
}

static bool at_breakpoint(const struct sie_debug *d, u64 address)
{
	const struct sie_point *p;

	for (p = d->points; p < d->points + d->nr_points; p++)
		if (p->at.type == KVM_HW_BP && address - p->at.addr < max(p->at.len, 1ULL))
			return true;
	return false;
}

/* An instruction at @address has ended, with the events of @code. */
static void judge(struct sie_vcpu *v, u8 code, u64 address, bool stored)
{
	struct sie_debug *d = &v->debug;
	u64 next = v->block->gpsw.addr;

	if (stored && watched_changed(v, &d->address)) {
		d->type = KVM_HW_WP_WRITE;
	} else if (next != address && at_breakpoint(d, next)) {
		d->type = KVM_HW_BP;
		d->address = next;
		d->last = next;
	} else if (d->last != address && at_breakpoint(d, address)) {
		/* KVM_RUN began there. */
		d->type = KVM_HW_BP;
		d->address = address;
	} else if (sie_stepping(v) && (code & PER_FETCH)) {
		d->type = KVM_SINGLESTEP;
		d->address = next;
	} else {
		return;
	}
	d->pending = true;
}

void sie_debug_interrupted(struct sie_vcpu *v)
{
	v->debug.type = KVM_SINGLESTEP;
	v->debug.address = v->block->gpsw.addr;
	v->debug.pending = true;
}

void sie_debug_injected(struct sie_vcpu *v)
{
	if (sie_stepping(v) && READ_ONCE(v->debug.type) == KVM_SINGLESTEP)
		WRITE_ONCE(v->debug.pending, false);
}

int sie_debug_exit(struct sie_vcpu *v)
{
	struct kvm_run *run = v->core.run;

	v->debug.pending = false;
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch = (struct kvm_debug_exit_arch) {
		.addr = v->debug.address,
		.type = v->debug.type,
	};
	return BERTH_RUN_USER;
}

/*
 * What the guest hears of.
 */
/*
 * A PER event makes a space-switch event of each instruction that could have one (PoP ch. 6): without
 * an event of the guest's own it is one when an ASCE says so.
 */
static bool space_switch(struct sie_vcpu *v)
{
	const struct sie_block *block = v->block;
	bool home = (block->gpsw.mask & PSW_MASK_ASC) == PSW_ASC_HOME;
	bool was_home = !(block->tecmc & 0xffff);
	bool primary = block->gcr[1] & ASCE_SPACE_SWITCH;

	if (home != was_home)
		return primary || (block->gcr[13] & ASCE_SPACE_SWITCH);
	return !home && (primary || (block->tecmc & 0x80000000));
}

void sie_debug_program(struct sie_vcpu *v)
{
	struct sie_block *block = v->block;
	u64 cr9 = block->gcr[9], first = block->gcr[10], last = block->gcr[11];
	u8 code = block->perc;

	code &= block->gpsw.mask & PSW_MASK_PER ? cr9 >> 24 : 0;
	if ((cr9 & CR9_TO_RANGE) && !per_in_range(block->gpsw.addr, first, last))
		code &= ~PER_BRANCH;
	if (!per_in_range(block->peraddr, first, last))
		code &= ~PER_FETCH;
	if (!code)
		block->iprcc &= ~PGM_PER;
	if (block->iprcc == PGM_SPACE_SWITCH && !space_switch(v))
		block->iprcc = 0;
	/* A step that ends in an interruption is over when that is. */
	if (!sie_stepping(v) || !(block->iprcc & ~PGM_PER))
		judge(v, block->perc, block->peraddr, block->perc & PER_STORE);
	block->perc = code;
}

void sie_per_begin(struct sie_vcpu *v, struct sie_per *per)
{
	const struct sie_block *block = v->block;
	psw_t psw = block->gpsw;

	per->address = (psw.addr - sie_ilc(v)) & sie_address_mask(v);
	per->atmid = ATMID_VALID | (psw.mask & PSW_MASK_EA ? ATMID_EA : 0) |
		     (psw.mask & PSW_MASK_BA ? ATMID_BA : 0) |
		     (psw.mask & PSW_MASK_DAT ? ATMID_DAT : 0) | (psw.mask & PSW_MASK_ASC) >> 44;
	per->guest = (psw.mask & PSW_MASK_PER) && (block->gcr[9] & CR9_FETCH) &&
		     per_in_range(per->address, block->gcr[10], block->gcr[11]);
}

void sie_per_end(struct sie_vcpu *v, const struct sie_per *per)
{
	bool interrupted = READ_ONCE(v->local.pending) & BIT(SIE_IRQ_PROGRAM);

	if (v->core.guest_debug && !(sie_stepping(v) && interrupted))
		judge(v, PER_FETCH, per->address, true);
	if (per->guest)
		sie_inject(v, &(struct kvm_s390_irq) {
			.type = KVM_S390_PROGRAM_INT,
			.u.pgm = {
				.code = PGM_PER,
				.per_code = PER_FETCH,
				.per_atmid = per->atmid,
				.per_address = per->address,
			},
		});
}

/*
 * KVM_SET_GUEST_DEBUG (api.rst 4.87).
 */
static int import(struct sie_vcpu *v, struct sie_point *p, const struct kvm_hw_breakpoint __user *from)
{
	if (copy_from_user(&p->at, from, sizeof(p->at)))
		return -EFAULT;
	/* Of a type that is not known it is passed over, as by the kernel's own KVM. */
	if (p->at.type != KVM_HW_WP_WRITE)
		return 0;
	if (p->at.len > MAX_WATCHED)
		return -EINVAL;
	return berth_read_guest(v->core.vm, p->at.phys_addr, p->seen, p->at.len);
}

static struct sie_point *import_all(struct sie_vcpu *v, const struct kvm_guest_debug_arch *arch)
{
	struct sie_point *points;
	unsigned int i;
	int r = 0;

	if (arch->nr_hw_bp > MAX_POINTS)
		return ERR_PTR(-EINVAL);
	points = kvcalloc(arch->nr_hw_bp, sizeof(*points), GFP_KERNEL_ACCOUNT);
	if (!points)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < arch->nr_hw_bp && !r; i++)
		r = import(v, &points[i], &arch->hw_bp[i]);
	if (!r)
		return points;
	kvfree(points);
	return ERR_PTR(r);
}

void sie_debug_off(struct sie_vcpu *v)
{
	v->core.guest_debug = 0;
	kvfree(v->debug.points);
	v->debug = (struct sie_debug) { };
	atomic_andnot(SIE_P, &v->block->cpuflags);
}

/* Whatever was on before is off, even when this one is refused. */
long sie_ioctl_set_guest_debug(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_guest_debug *debug = data;
	struct sie_vcpu *v = to_sie(b);
	struct sie_point *points = NULL;
	u64 last = v->debug.last;

	sie_debug_off(v);
	if ((debug->control & ~DEBUG_CONTROLS) || !sclp.has_gpere)
		return -EINVAL;
	if (!(debug->control & KVM_GUESTDBG_ENABLE))
		return 0;
	if ((debug->control & KVM_GUESTDBG_USE_HW_BP) && debug->arch.nr_hw_bp && debug->arch.hw_bp) {
		points = import_all(v, &debug->arch);
		if (IS_ERR(points))
			return PTR_ERR(points);
		v->debug.points = points;
		v->debug.nr_points = debug->arch.nr_hw_bp;
	}
	/* Where the guest stands at a breakpoint it goes on, though the breakpoints were set anew. */
	v->debug.last = last;
	b->guest_debug = debug->control;
	atomic_or(SIE_P, &v->block->cpuflags);
	return 0;
}

int sie_cap_guest_debug(struct berth_vm *vm)
{
	return sclp.has_gpere;
}

int sie_cap_guest_debug2(struct berth_vm *vm)
{
	return sclp.has_gpere ? DEBUG_CONTROLS : 0;
}
