// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interruptions: injecting, waiting and delivering them (PoP ch. 6).  One that may not be taken
 * yet makes SIE come back when the guest opens the mask that holds it off.
 */
#include <asm/irq.h>
#include <berth/trace.h>
#include <linux/slab.h>
#include "s390.h"

/* Whose external interruption the host's is (CP services: ext_cpu_addr). */
#define CP_PFAULT_INIT	0x0600
#define CP_PFAULT_DONE	0x0680
#define CP_VIRTIO	0x0d00

/* Of a service signal's parameter: an SCCB's address, and that there are events. */
#define SERVICE_SCCB	0xfffffff8
#define SERVICE_EVENTS	0x00000003

/*
 * Machine-check interruption codes (PoP ch. 11): damage to the system or an instruction, which CR14
 * does not hold off, and what of the rest is a CPU's own: external damage, degradation, a warning.
 */
#define MCIC_EXIGENT		(3ULL << 62)
#define MCIC_REPRESSIBLE	(BIT(58) | BIT(56) | BIT(55))

/*
 * Saying that there is something.
 */
static void kick(struct sie_vcpu *v)
{
	berth_vcpu_request(&v->core, SIE_REQ_IRQ);
	berth_vcpu_kick(&v->core);
}

/* A floating one: a vCPU that sleeps and would take it, else whoever runs. */
static void kick_any(struct sie_vm *vm)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vm->vm) {
		if (READ_ONCE(vcpu->state) == BERTH_VCPU_BLOCKED && sie_deliverable(to_sie(vcpu))) {
			kick(to_sie(vcpu));
			return;
		}
	}
	berth_for_each_vcpu(i, vcpu, &vm->vm)
		if (!sie_stopped(to_sie(vcpu)))
			kick(to_sie(vcpu));
}

static bool vcpu_exists(struct sie_vcpu *v, u32 address)
{
	return address < SIE_MAX_CPU_ADDRESS && berth_vcpu_by_id(v->core.vm, address);
}

static void merge_pgm(struct sie_local *local, const struct kvm_s390_pgm_info *pgm)
{
	struct kvm_s390_pgm_info old = local->pgm;
	bool pending = test_bit(SIE_IRQ_PROGRAM, &local->pending);

	if (pending && pgm->code == PGM_PER) {
		/* A PER event goes along with what is there. */
		local->pgm.code |= PGM_PER;
	} else {
		local->pgm = *pgm;
		if (!pending || !(old.code & PGM_PER))
			return;
		local->pgm.code |= PGM_PER;
		pgm = &old;
	}
	local->pgm.per_address = pgm->per_address;
	local->pgm.per_code = pgm->per_code;
	local->pgm.per_atmid = pgm->per_atmid;
	local->pgm.per_access_id = pgm->per_access_id;
}

static int inject(struct sie_vcpu *v, const struct kvm_s390_irq *irq)
{
	struct sie_local *local = &v->local;

	switch (irq->type) {
	case KVM_S390_PROGRAM_INT:
		merge_pgm(local, &irq->u.pgm);
		__set_bit(SIE_IRQ_PROGRAM, &local->pending);
		return 0;
	case KVM_S390_SIGP_SET_PREFIX:
		if (!sie_stopped(v))
			return -EBUSY;
		local->prefix = irq->u.prefix.address & 0x7fffe000;
		__set_bit(SIE_IRQ_SET_PREFIX, &local->pending);
		return 0;
	case KVM_S390_SIGP_STOP:
		if (irq->u.stop.flags & ~KVM_S390_STOP_FLAG_STORE_STATUS)
			return -EINVAL;
		if (sie_stopped(v))
			return SIE_STANDS;
		if (__test_and_set_bit(SIE_IRQ_STOP, &local->pending))
			return -EBUSY;
		local->stop_flags = irq->u.stop.flags;
		return 0;
	case KVM_S390_RESTART:
		__set_bit(SIE_IRQ_RESTART, &local->pending);
		return 0;
	case KVM_S390_INT_CLOCK_COMP:
		__set_bit(SIE_IRQ_CLOCK_COMPARATOR, &local->pending);
		return 0;
	case KVM_S390_INT_CPU_TIMER:
		__set_bit(SIE_IRQ_CPU_TIMER, &local->pending);
		return 0;
	case KVM_S390_INT_EXTERNAL_CALL:
		if (!vcpu_exists(v, irq->u.extcall.code))
			return -EINVAL;
		if (__test_and_set_bit(SIE_IRQ_EXTERNAL_CALL, &local->pending))
			return -EBUSY;
		local->external_call = irq->u.extcall.code;
		return 0;
	case KVM_S390_INT_EMERGENCY:
		if (!vcpu_exists(v, irq->u.emerg.code))
			return -EINVAL;
		__set_bit(irq->u.emerg.code, local->emergency);
		__set_bit(SIE_IRQ_EMERGENCY, &local->pending);
		return 0;
	case KVM_S390_INT_PFAULT_INIT:
		local->pfault = irq->u.ext;
		__set_bit(SIE_IRQ_PFAULT_INIT, &local->pending);
		return 0;
	case KVM_S390_MCHK:
		/* Several are one, which says all that they say. */
		local->mchk.cr14 |= irq->u.mchk.cr14;
		local->mchk.mcic |= irq->u.mchk.mcic;
		local->mchk.failing_storage_address = irq->u.mchk.failing_storage_address;
		local->mchk.ext_damage_code |= irq->u.mchk.ext_damage_code;
		memcpy(local->mchk.fixed_logout, irq->u.mchk.fixed_logout,
		       sizeof(local->mchk.fixed_logout));
		if (local->mchk.mcic & MCIC_EXIGENT)
			__set_bit(SIE_IRQ_MCHK_EXIGENT, &local->pending);
		else if (local->mchk.mcic & MCIC_REPRESSIBLE)
			__set_bit(SIE_IRQ_MCHK, &local->pending);
		return 0;
	default:
		return -EINVAL;
	}
}

int sie_inject(struct sie_vcpu *v, const struct kvm_s390_irq *irq)
{
	unsigned long flags;
	int r;

	spin_lock_irqsave(&v->local.lock, flags);
	r = inject(v, irq);
	spin_unlock_irqrestore(&v->local.lock, flags);
	if (!r)
		kick(v);
	return r;
}

int sie_pgm(struct sie_vcpu *v, u16 code)
{
	const struct kvm_s390_irq irq = { .type = KVM_S390_PROGRAM_INT, .u.pgm.code = code };
	unsigned long flags;

	/* From the vCPU's own thread: nobody is to be kicked. */
	spin_lock_irqsave(&v->local.lock, flags);
	inject(v, &irq);
	spin_unlock_irqrestore(&v->local.lock, flags);
	return BERTH_RUN_AGAIN;
}

static int io_isc(const struct kvm_s390_irq *irq)
{
	return irq->u.io.io_int_word >> 27 & 7;
}

static int inject_list(struct sie_vm *vm, const struct kvm_s390_irq *irq)
{
	struct sie_waiting *w = kzalloc(sizeof(*w), GFP_ATOMIC | __GFP_ACCOUNT);
	struct sie_floating *f = &vm->floating;
	unsigned long flags, bit;
	struct list_head *list;
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->irq = *irq;
	if (irq->type == KVM_S390_INT_VIRTIO) {
		list = &f->virtio;
		bit = SIE_FLOATING_VIRTIO;
	} else if (irq->type == KVM_S390_INT_PFAULT_DONE) {
		list = &f->pfault_done;
		bit = SIE_FLOATING_PFAULT;
	} else {
		list = &f->io[io_isc(irq)];
		bit = SIE_FLOATING_IO(io_isc(irq));
	}
	spin_lock_irqsave(&f->lock, flags);
	if (f->nr >= KVM_S390_MAX_FLOAT_IRQS) {
		r = -EBUSY;
	} else {
		f->nr++;
		list_add_tail(&w->link, list);
		WRITE_ONCE(f->pending, f->pending | bit);
	}
	spin_unlock_irqrestore(&f->lock, flags);
	if (r)
		kfree(w);
	return r;
}

static int inject_once(struct sie_vm *vm, const struct kvm_s390_irq *irq)
{
	struct sie_floating *f = &vm->floating;
	unsigned long flags;

	spin_lock_irqsave(&f->lock, flags);
	if (irq->type == KVM_S390_MCHK) {
		f->mchk.cr14 |= irq->u.mchk.cr14;
		f->mchk.mcic |= irq->u.mchk.mcic;
		WRITE_ONCE(f->pending, f->pending | SIE_FLOATING_MCHK);
	} else {
		f->service.ext_params |= irq->u.ext.ext_params & SERVICE_EVENTS;
		/* The guest has one SCCB under way: another one is user space's mistake. */
		if (!(f->service.ext_params & SERVICE_SCCB))
			f->service.ext_params |= irq->u.ext.ext_params & SERVICE_SCCB;
		WRITE_ONCE(f->pending, f->pending | SIE_FLOATING_SERVICE);
	}
	spin_unlock_irqrestore(&f->lock, flags);
	return 0;
}

int sie_inject_vm(struct sie_vm *vm, const struct kvm_s390_irq *irq)
{
	int r;

	switch (irq->type) {
	case KVM_S390_INT_SERVICE:
	case KVM_S390_MCHK:
		r = inject_once(vm, irq);
		break;
	case KVM_S390_INT_VIRTIO:
	case KVM_S390_INT_PFAULT_DONE:
	case KVM_S390_INT_IO_MIN ... KVM_S390_INT_IO_MAX:
		r = inject_list(vm, irq);
		break;
	default:
		return -EINVAL;
	}
	if (!r)
		kick_any(vm);
	return r;
}

/*
 * Looking at what there is.
 */
static bool clock_due(const struct sie_vcpu *v)
{
	u64 tod = sie_guest_tod(v), ckc = v->block->ckc;

	/* With the sign control both are signed. */
	return v->block->gcr[0] & GCR0_CLOCK_SIGN ? (s64)ckc < (s64)tod : ckc < tod;
}

/* The CPU timer goes on while the guest waits, which SIE does not know. */
static s64 cpu_timer(const struct sie_vcpu *v)
{
	return v->block->cputm - (v->wait_since ? get_tod_clock_fast() - v->wait_since : 0);
}

/* External interruptions of the vCPU's own, and their masks in CR0. */
static const struct {
	enum sie_irq irq;
	u64 mask;
} externals[] = {
	{ SIE_IRQ_EMERGENCY, GCR0_EMERGENCY },
	{ SIE_IRQ_EXTERNAL_CALL, GCR0_EXTERNAL_CALL },
	{ SIE_IRQ_CLOCK_COMPARATOR, GCR0_CLOCK_COMPARATOR },
	{ SIE_IRQ_CPU_TIMER, GCR0_CPU_TIMER },
	{ SIE_IRQ_PFAULT_INIT, GCR0_SERVICE_SIGNAL },
};

#define FLOATING_EXTERNAL (SIE_FLOATING_SERVICE | SIE_FLOATING_PFAULT | SIE_FLOATING_VIRTIO)

/* ISCs that CR6 lets through, ISC 0 in bit 0. */
static unsigned long open_iscs(u64 cr6)
{
	unsigned long open = 0;
	unsigned int isc;

	for (isc = 0; isc < SIE_NR_ISC; isc++)
		if (cr6 & 0x80000000 >> isc)
			open |= SIE_FLOATING_IO(isc);
	return open;
}

/* Of what is pending, what the masks let through: bits of enum sie_irq, floating ones in @f. */
static unsigned long open_irqs(struct sie_vcpu *v, unsigned long *f)
{
	unsigned long pending = READ_ONCE(v->local.pending), open;
	unsigned long floating = READ_ONCE(sie_vm_of(v)->floating.pending);
	const struct sie_block *block = v->block;
	u64 psw = block->gpsw.mask;
	unsigned int i;

	/* For a guest that is taken step by step time passes in leaps. */
	if (clock_due(v) && !sie_stepping(v))
		pending |= BIT(SIE_IRQ_CLOCK_COMPARATOR);
	if (cpu_timer(v) < 0)
		pending |= BIT(SIE_IRQ_CPU_TIMER);
	open = pending & (BIT(SIE_IRQ_PROGRAM) | BIT(SIE_IRQ_RESTART) | BIT(SIE_IRQ_SET_PREFIX));
	*f = 0;
	if (psw & PSW_MASK_EXT) {
		for (i = 0; i < ARRAY_SIZE(externals); i++)
			if (block->gcr[0] & externals[i].mask)
				open |= pending & BIT(externals[i].irq);
		if (block->gcr[0] & GCR0_SERVICE_SIGNAL)
			*f |= floating & FLOATING_EXTERNAL;
	}
	if (psw & PSW_MASK_IO)
		*f |= floating & open_iscs(block->gcr[6]);
	if (psw & PSW_MASK_MCHECK) {
		open |= pending & BIT(SIE_IRQ_MCHK_EXIGENT);
		if (block->gcr[14] & READ_ONCE(v->local.mchk.cr14))
			open |= pending & BIT(SIE_IRQ_MCHK);
		if (block->gcr[14] & READ_ONCE(sie_vm_of(v)->floating.mchk.cr14))
			*f |= floating & SIE_FLOATING_MCHK;
	}
	return open;
}

bool sie_deliverable(struct sie_vcpu *v)
{
	unsigned long floating, open = open_irqs(v, &floating);

	return open || floating || (READ_ONCE(v->local.pending) & BIT(SIE_IRQ_STOP));
}

/* SIE comes back when the guest lets in what it holds off now. */
static void ask_about(struct sie_vcpu *v)
{
	unsigned long pending = READ_ONCE(v->local.pending);
	unsigned long floating = READ_ONCE(sie_vm_of(v)->floating.pending);
	struct sie_block *block = v->block;
	u64 psw = block->gpsw.mask;
	u32 flags = 0;
	bool external;

	block->lctl = 0;
	block->ictl &= ~(SIE_ICTL_LPSW | SIE_ICTL_STCTL | SIE_ICTL_PINT);
	external = (pending & (BIT(SIE_IRQ_EMERGENCY) | BIT(SIE_IRQ_EXTERNAL_CALL) |
			       BIT(SIE_IRQ_CLOCK_COMPARATOR) | BIT(SIE_IRQ_CPU_TIMER) |
			       BIT(SIE_IRQ_PFAULT_INIT))) || (floating & FLOATING_EXTERNAL);
	if (external && !(psw & PSW_MASK_EXT))
		flags |= SIE_EXT_INT;
	else if (external)
		block->lctl |= SIE_LCTL_CR0;
	if ((floating & SIE_FLOATING_IO_ALL) && !(psw & PSW_MASK_IO))
		flags |= SIE_IO_INT;
	else if (floating & SIE_FLOATING_IO_ALL)
		block->lctl |= SIE_LCTL_CR6;
	if ((pending & (BIT(SIE_IRQ_MCHK_EXIGENT) | BIT(SIE_IRQ_MCHK))) ||
	    (floating & SIE_FLOATING_MCHK)) {
		/* Of the mask in the PSW SIE knows nothing: LPSW and LPSWE are watched. */
		if (!(psw & PSW_MASK_MCHECK))
			block->ictl |= SIE_ICTL_LPSW;
		else
			block->lctl |= SIE_LCTL_CR14;
	}
	if (unlikely(v->core.guest_debug))
		sie_debug_intercept(v);
	if (pending & BIT(SIE_IRQ_STOP))
		flags |= SIE_STOP_INT;
	atomic_andnot((SIE_EXT_INT | SIE_IO_INT | SIE_STOP_INT) & ~flags, &block->cpuflags);
	if (flags)
		atomic_or(flags, &block->cpuflags);
}

/*
 * Delivering.
 */
/* At most as much as the registers of one kind; a vCPU's own struct is not for user copies. */
static int store(struct sie_vcpu *v, unsigned int offset, const void *data, unsigned int len)
{
	u8 copy[128];

	memcpy(copy, data, len);
	return berth_write_guest(&v->core, v->prefix + offset, copy, len);
}

#define STORE(v, field, value) ({							\
	typeof(((struct lowcore *)0)->field) _value = (value);				\
	store(v, offsetof(struct lowcore, field), &_value, sizeof(_value));		\
})

static int swap_psw(struct sie_vcpu *v, unsigned int old, unsigned int new)
{
	psw_t psw;
	int r = store(v, old, &v->block->gpsw, sizeof(psw));

	if (!r)
		r = berth_read_guest(v->core.vm, v->prefix + new, &psw, sizeof(psw));
	if (!r)
		v->block->gpsw = psw;
	return r;
}

#define SWAP_PSW(v, old, new) \
	swap_psw(v, offsetof(struct lowcore, old), offsetof(struct lowcore, new))

static int external(struct sie_vcpu *v, u16 code, u16 address)
{
	int r = STORE(v, ext_int_code, code) ?: STORE(v, ext_cpu_addr, address);

	trace_berth_inject(v->core.id, BERTH_INJECT_INTERRUPT, code);
	v->core.stats.injections++;
	return r ?: SWAP_PSW(v, external_old_psw, external_new_psw);
}

static bool nullifies(u16 code)
{
	switch (code & ~PGM_PER) {
	case PGM_SEGMENT_TRANSLATION:
	case PGM_PAGE_TRANSLATION:
	case 0x20 ... 0x34:		/* of ASNs, access lists, linkage stacks */
	case PGM_ASCE_TYPE:
	case PGM_REGION_FIRST:
	case PGM_REGION_SECOND:
	case PGM_REGION_THIRD:
		return true;
	default:
		return false;
	}
}

static int program(struct sie_vcpu *v)
{
	struct sie_local *local = &v->local;
	struct kvm_s390_pgm_info pgm;
	unsigned int ilc;
	int r;

	spin_lock_irq(&local->lock);
	pgm = local->pgm;
	memset(&local->pgm, 0, sizeof(local->pgm));
	__clear_bit(SIE_IRQ_PROGRAM, &local->pending);
	spin_unlock_irq(&local->lock);

	ilc = pgm.flags & KVM_S390_PGM_FLAGS_ILC_VALID ? pgm.flags & KVM_S390_PGM_FLAGS_ILC_MASK :
							 sie_ilc(v);
	if (nullifies(pgm.code) && !(pgm.flags & KVM_S390_PGM_FLAGS_NO_REWIND))
		v->block->gpsw.addr = (v->block->gpsw.addr - ilc) & sie_address_mask(v);
	trace_berth_inject(v->core.id, BERTH_INJECT_EXCEPTION, pgm.code);
	v->core.stats.injections++;
	r = STORE(v, pgm_code, pgm.code) ?: STORE(v, pgm_ilc, ilc) ?:
	    STORE(v, pgm_last_break, v->block->gbea);
	switch (pgm.code & ~PGM_PER) {
	case PGM_DATA:
	case 0x1b:			/* vector processing */
		r = r ?: STORE(v, data_exc_code, pgm.data_exc_code);
		break;
	case PGM_MONITOR:
		r = r ?: STORE(v, mon_class_num, pgm.mon_class_nr) ?:
		    STORE(v, monitor_code, pgm.mon_code);
		break;
	case PGM_PROTECTION:
	case PGM_SEGMENT_TRANSLATION:
	case PGM_PAGE_TRANSLATION:
	case PGM_ASCE_TYPE:
	case PGM_REGION_FIRST:
	case PGM_REGION_SECOND:
	case PGM_REGION_THIRD:
		r = r ?: STORE(v, op_access_id, pgm.op_access_id);
		fallthrough;
	case PGM_SPACE_SWITCH:
	case 0x20 ... 0x27:
		r = r ?: STORE(v, trans_exc_code, pgm.trans_exc_code);
		fallthrough;
	case PGM_ALET_SPECIFICATION ... 0x34:
		r = r ?: STORE(v, exc_access_id, pgm.exc_access_id);
		break;
	}
	if (pgm.code & PGM_PER)
		r = r ?: STORE(v, per_code, pgm.per_code) ?: STORE(v, per_atmid, pgm.per_atmid) ?:
		    STORE(v, per_address, pgm.per_address) ?:
		    STORE(v, per_access_id, pgm.per_access_id);
	return r ?: SWAP_PSW(v, program_old_psw, program_new_psw);
}

static int machine_check(struct sie_vcpu *v, const struct kvm_s390_mchk_info *mchk)
{
	u64 clock = v->block->ckc >> 8;
	int r;

	sie_snapshot(v);
	v->core.stats.injections++;
	/* The registers as at the interruption (PoP ch. 11); the PSW is the old PSW. */
	r = STORE(v, mcck_interruption_code, mchk->mcic) ?:
	    STORE(v, failing_storage_address, mchk->failing_storage_address) ?:
	    STORE(v, external_damage_code, mchk->ext_damage_code) ?:
	    store(v, offsetof(struct lowcore, gpregs_save_area), v->gprs, sizeof(v->gprs)) ?:
	    store(v, offsetof(struct lowcore, access_regs_save_area), v->acrs, sizeof(v->acrs)) ?:
	    store(v, offsetof(struct lowcore, cregs_save_area), v->block->gcr, 128) ?:
	    STORE(v, tod_progreg_save_area, v->block->todpr) ?:
	    store(v, offsetof(struct lowcore, cpu_timer_save_area), &v->block->cputm, 8) ?:
	    store(v, offsetof(struct lowcore, clock_comp_save_area), &clock, 8) ?:
	    store(v, offsetof(struct lowcore, floating_pt_save_area), v->fprs, sizeof(v->fprs)) ?:
	    STORE(v, fpt_creg_save_area, v->fpc);
	return r ?: SWAP_PSW(v, mcck_old_psw, mcck_new_psw);
}

static int local_machine_check(struct sie_vcpu *v)
{
	struct sie_local *local = &v->local;
	struct kvm_s390_mchk_info mchk;

	spin_lock_irq(&local->lock);
	mchk = local->mchk;
	memset(&local->mchk, 0, sizeof(local->mchk));
	__clear_bit(SIE_IRQ_MCHK_EXIGENT, &local->pending);
	__clear_bit(SIE_IRQ_MCHK, &local->pending);
	spin_unlock_irq(&local->lock);
	return machine_check(v, &mchk);
}

static int local_external(struct sie_vcpu *v, enum sie_irq irq)
{
	struct sie_local *local = &v->local;
	struct kvm_s390_ext_info pfault;
	unsigned int address = 0;

	spin_lock_irq(&local->lock);
	if (irq == SIE_IRQ_EMERGENCY) {
		address = find_first_bit(local->emergency, SIE_MAX_CPU_ADDRESS);
		__clear_bit(address, local->emergency);
	}
	if (irq != SIE_IRQ_EMERGENCY || bitmap_empty(local->emergency, SIE_MAX_CPU_ADDRESS))
		__clear_bit(irq, &local->pending);
	if (irq == SIE_IRQ_EXTERNAL_CALL)
		address = local->external_call;
	pfault = local->pfault;
	spin_unlock_irq(&local->lock);

	switch (irq) {
	case SIE_IRQ_EMERGENCY:
		return external(v, EXT_IRQ_EMERGENCY_SIG, address);
	case SIE_IRQ_EXTERNAL_CALL:
		return external(v, EXT_IRQ_EXTERNAL_CALL, address);
	case SIE_IRQ_CLOCK_COMPARATOR:
		return external(v, EXT_IRQ_CLK_COMP, 0);
	case SIE_IRQ_CPU_TIMER:
		return external(v, EXT_IRQ_CPU_TIMER, 0);
	default:
		return STORE(v, ext_params2, pfault.ext_params2) ?:
		       external(v, EXT_IRQ_CP_SERVICE, CP_PFAULT_INIT);
	}
}

static int restart(struct sie_vcpu *v)
{
	spin_lock_irq(&v->local.lock);
	__clear_bit(SIE_IRQ_RESTART, &v->local.pending);
	spin_unlock_irq(&v->local.lock);
	v->core.stats.injections++;
	return SWAP_PSW(v, restart_old_psw, restart_psw);
}

static int set_prefix_late(struct sie_vcpu *v)
{
	spin_lock_irq(&v->local.lock);
	__clear_bit(SIE_IRQ_SET_PREFIX, &v->local.pending);
	sie_set_prefix(v, v->local.prefix);
	spin_unlock_irq(&v->local.lock);
	return 0;
}

static int deliver_local(struct sie_vcpu *v, enum sie_irq irq)
{
	switch (irq) {
	case SIE_IRQ_PROGRAM:
		return program(v);
	case SIE_IRQ_MCHK_EXIGENT:
	case SIE_IRQ_MCHK:
		return local_machine_check(v);
	case SIE_IRQ_RESTART:
		return restart(v);
	case SIE_IRQ_SET_PREFIX:
		return set_prefix_late(v);
	default:
		return local_external(v, irq);
	}
}

/* The first of a list, which may be empty by now: another vCPU was faster. */
static struct sie_waiting *take_first(struct sie_vm *vm, struct list_head *list, unsigned long bit)
{
	struct sie_floating *f = &vm->floating;
	struct sie_waiting *w;
	unsigned long flags;

	spin_lock_irqsave(&f->lock, flags);
	w = list_first_entry_or_null(list, struct sie_waiting, link);
	if (w) {
		list_del(&w->link);
		f->nr--;
	}
	if (list_empty(list))
		WRITE_ONCE(f->pending, f->pending & ~bit);
	spin_unlock_irqrestore(&f->lock, flags);
	return w;
}

struct sie_waiting *sie_take_io(struct sie_vm *vm, u8 isc_mask, u32 schid)
{
	struct sie_floating *f = &vm->floating;
	struct sie_waiting *w;
	unsigned long flags;
	unsigned int isc;

	spin_lock_irqsave(&f->lock, flags);
	for (isc = 0; isc < SIE_NR_ISC; isc++) {
		if (!(isc_mask & 0x80 >> isc))
			continue;
		list_for_each_entry(w, &f->io[isc], link) {
			if (schid && ((u32)w->irq.u.io.subchannel_id << 16 |
				      w->irq.u.io.subchannel_nr) != schid)
				continue;
			list_del(&w->link);
			f->nr--;
			if (list_empty(&f->io[isc]))
				WRITE_ONCE(f->pending, f->pending & ~SIE_FLOATING_IO(isc));
			goto out;
		}
	}
	w = NULL;
out:
	spin_unlock_irqrestore(&f->lock, flags);
	return w;
}

void sie_return_io(struct sie_vm *vm, struct sie_waiting *w)
{
	struct sie_floating *f = &vm->floating;
	unsigned int isc = io_isc(&w->irq);
	unsigned long flags;

	spin_lock_irqsave(&f->lock, flags);
	list_add(&w->link, &f->io[isc]);
	f->nr++;
	WRITE_ONCE(f->pending, f->pending | SIE_FLOATING_IO(isc));
	spin_unlock_irqrestore(&f->lock, flags);
	kick_any(vm);
}

static int deliver_io(struct sie_vcpu *v, unsigned int isc)
{
	struct sie_vm *vm = sie_vm_of(v);
	struct sie_waiting *w = take_first(vm, &vm->floating.io[isc], SIE_FLOATING_IO(isc));
	struct kvm_s390_io_info io;

	if (!w)
		return 0;
	io = w->irq.u.io;
	kfree(w);
	trace_berth_inject(v->core.id, BERTH_INJECT_INTERRUPT, io.subchannel_nr);
	v->core.stats.injections++;
	return STORE(v, subchannel_id, io.subchannel_id) ?:
	       STORE(v, subchannel_nr, io.subchannel_nr) ?:
	       STORE(v, io_int_parm, io.io_int_parm) ?: STORE(v, io_int_word, io.io_int_word) ?:
	       SWAP_PSW(v, io_old_psw, io_new_psw);
}

static int deliver_service(struct sie_vcpu *v)
{
	struct sie_floating *f = &sie_vm_of(v)->floating;
	u32 parm;

	spin_lock_irq(&f->lock);
	if (!(f->pending & SIE_FLOATING_SERVICE)) {
		spin_unlock_irq(&f->lock);
		return 0;
	}
	parm = f->service.ext_params;
	f->service.ext_params = 0;
	WRITE_ONCE(f->pending, f->pending & ~SIE_FLOATING_SERVICE);
	spin_unlock_irq(&f->lock);
	return STORE(v, ext_params, parm) ?: external(v, EXT_IRQ_SERVICE_SIG, 0);
}

static int deliver_cp_service(struct sie_vcpu *v, unsigned long bit)
{
	struct sie_vm *vm = sie_vm_of(v);
	bool virtio = bit == SIE_FLOATING_VIRTIO;
	struct sie_waiting *w;
	u64 parm2;
	u32 parm;

	w = take_first(vm, virtio ? &vm->floating.virtio : &vm->floating.pfault_done, bit);
	if (!w)
		return 0;
	parm = w->irq.u.ext.ext_params;
	parm2 = w->irq.u.ext.ext_params2;
	kfree(w);
	if (virtio)
		return STORE(v, ext_params, parm) ?: STORE(v, ext_params2, parm2) ?:
		       external(v, EXT_IRQ_CP_SERVICE, CP_VIRTIO);
	return STORE(v, ext_params2, parm2) ?: external(v, EXT_IRQ_CP_SERVICE, CP_PFAULT_DONE);
}

static int deliver_floating_mchk(struct sie_vcpu *v)
{
	struct sie_floating *f = &sie_vm_of(v)->floating;
	struct kvm_s390_mchk_info mchk;

	spin_lock_irq(&f->lock);
	mchk = f->mchk;
	memset(&f->mchk, 0, sizeof(f->mchk));
	WRITE_ONCE(f->pending, f->pending & ~SIE_FLOATING_MCHK);
	spin_unlock_irq(&f->lock);
	return mchk.mcic ? machine_check(v, &mchk) : 0;
}

static int deliver_floating(struct sie_vcpu *v, unsigned long open)
{
	if (open & SIE_FLOATING_SERVICE)
		return deliver_service(v);
	if (open & SIE_FLOATING_PFAULT)
		return deliver_cp_service(v, SIE_FLOATING_PFAULT);
	if (open & SIE_FLOATING_VIRTIO)
		return deliver_cp_service(v, SIE_FLOATING_VIRTIO);
	return deliver_io(v, __ffs(open));
}

/* A timer's that was queued, and whose time was put off since, is none. */
static void drop_undue(struct sie_vcpu *v)
{
	struct sie_local *local = &v->local;
	unsigned long queued, undue = 0;

	queued = READ_ONCE(local->pending) & (BIT(SIE_IRQ_CLOCK_COMPARATOR) | BIT(SIE_IRQ_CPU_TIMER));
	if (likely(!queued))
		return;
	if (!clock_due(v))
		undue |= BIT(SIE_IRQ_CLOCK_COMPARATOR);
	if (cpu_timer(v) >= 0)
		undue |= BIT(SIE_IRQ_CPU_TIMER);
	spin_lock_irq(&local->lock);
	local->pending &= ~undue;
	spin_unlock_irq(&local->lock);
}

/* Those of the vCPU that come before all floating ones, and the one that comes after them. */
#define FIRST	(BIT(SIE_IRQ_SET_PREFIX) | BIT(SIE_IRQ_MCHK_EXIGENT) | BIT(SIE_IRQ_PROGRAM) | \
		 BIT(SIE_IRQ_MCHK))
#define LAST	BIT(SIE_IRQ_RESTART)

int sie_deliver(struct sie_vcpu *v)
{
	unsigned long floating, open;
	bool delivered = false;
	int r;

	drop_undue(v);
	for (;; delivered = true) {
		open = open_irqs(v, &floating);
		if (open & FIRST)
			r = deliver_local(v, __ffs(open & FIRST));
		else if (floating & SIE_FLOATING_MCHK)
			r = deliver_floating_mchk(v);
		else if (open & ~LAST)
			r = deliver_local(v, __ffs(open & ~LAST));
		else if (floating)
			r = deliver_floating(v, floating);
		else if (open)
			r = deliver_local(v, __ffs(open));
		else
			break;
		if (r)
			return r;
	}
	ask_about(v);
	if (delivered && sie_stepping(v))
		sie_debug_interrupted(v);
	return 0;
}

/*
 * Waiting.
 */
bool sie_wait(struct sie_vcpu *v)
{
	if (sie_deliverable(v))
		return false;
	v->wait_since = get_tod_clock_fast();
	return true;
}

/*
 * The clock is read before it is asked whether anything is due: what comes due in between has its
 * timer, which fires at once.  The host's own time may be steered, and go faster than the clock:
 * who is woken too early sleeps for the rest.
 */
bool sie_wait_goes_on(struct sie_vcpu *v)
{
	const struct sie_block *block = v->block;
	u64 wait = ~0ULL, tod = sie_guest_tod(v);

	if (sie_deliverable(v))
		return false;
	if (v->core.state != BERTH_VCPU_BLOCKED)
		return true;
	if (block->gpsw.mask & PSW_MASK_EXT) {
		if ((block->gcr[0] & GCR0_CLOCK_COMPARATOR) && !sie_stepping(v))
			wait = block->ckc - tod;
		if (block->gcr[0] & GCR0_CPU_TIMER)
			wait = min(wait, (u64)max(cpu_timer(v), 0LL));
	}
	/* One that is years away is none: the timer would not hold the number. */
	if (wait < 1ULL << 62)
		hrtimer_start(&v->timer, ns_to_ktime(tod_to_ns(wait) + 1), HRTIMER_MODE_REL);
	return true;
}

void sie_wait_end(struct sie_vcpu *v)
{
	if (!v->wait_since)
		return;
	hrtimer_cancel(&v->timer);
	v->block->cputm = cpu_timer(v);
	v->wait_since = 0;
}

/*
 * Making and forgetting.
 */
void sie_clear_local(struct sie_vcpu *v)
{
	struct sie_local *local = &v->local;
	unsigned long flags;

	spin_lock_irqsave(&local->lock, flags);
	local->pending = 0;
	bitmap_zero(local->emergency, SIE_MAX_CPU_ADDRESS);
	memset(&local->pgm, 0, sizeof(local->pgm));
	memset(&local->mchk, 0, sizeof(local->mchk));
	memset(&local->pfault, 0, sizeof(local->pfault));
	local->stop_flags = 0;
	spin_unlock_irqrestore(&local->lock, flags);
}

void sie_floating_init(struct sie_vm *vm)
{
	struct sie_floating *f = &vm->floating;
	unsigned int isc;

	spin_lock_init(&f->lock);
	mutex_init(&f->adapters_lock);
	for (isc = 0; isc < SIE_NR_ISC; isc++)
		INIT_LIST_HEAD(&f->io[isc]);
	INIT_LIST_HEAD(&f->pfault_done);
	INIT_LIST_HEAD(&f->virtio);
}

void sie_clear_floating(struct sie_vm *vm)
{
	struct sie_floating *f = &vm->floating;
	struct sie_waiting *w, *next;
	LIST_HEAD(all);
	unsigned int isc;

	spin_lock_irq(&f->lock);
	for (isc = 0; isc < SIE_NR_ISC; isc++)
		list_splice_init(&f->io[isc], &all);
	list_splice_init(&f->pfault_done, &all);
	list_splice_init(&f->virtio, &all);
	memset(&f->service, 0, sizeof(f->service));
	memset(&f->mchk, 0, sizeof(f->mchk));
	f->nr = 0;
	WRITE_ONCE(f->pending, 0);
	spin_unlock_irq(&f->lock);
	list_for_each_entry_safe(w, next, &all, link)
		kfree(w);
}

void sie_floating_destroy(struct sie_vm *vm)
{
	struct sie_floating *f = &vm->floating;
	unsigned int i;

	sie_flic_flush();
	sie_clear_floating(vm);
	for (i = 0; i < SIE_MAX_ADAPTERS; i++)
		kfree(f->adapters[i]);
}
