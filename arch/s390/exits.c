// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interceptions (SA22-7095): what made SIE come back, one small function each.
 */
#include <asm/irq.h>
#include <berth/trace.h>
#include "s390.h"
#include "insn.h"

unsigned int sie_ilc(const struct sie_vcpu *v)
{
	const struct sie_block *block = v->block;

	switch (block->icptcode) {
	case SIE_ICPT_INST:
	case SIE_ICPT_INSTPROGI:
	case SIE_ICPT_OPEREXC:
	case SIE_ICPT_PARTEXEC:
	case SIE_ICPT_IOINST:
		/* Of an EXECUTE the length, where the machine says it, is that of the EXECUTE. */
		if (block->icptstatus & SIE_ICPT_EXECUTE)
			return block->icptstatus >> 4 & 6 ?: 4;
		return sie_insn_length(block->ipa >> 8);
	case SIE_ICPT_PROGI:
		return block->pgmilc & 6;
	default:
		return 0;
	}
}

void sie_rewind(struct sie_vcpu *v)
{
	v->block->gpsw.addr = (v->block->gpsw.addr - sie_ilc(v)) & sie_address_mask(v);
	/* It has not been done. */
	v->block->icptstatus &= ~SIE_ICPT_PER_FETCH;
}

/* The guest became enabled for something that waits: the loop delivers it. */
static int exit_request(struct sie_vcpu *v)
{
	return BERTH_RUN_AGAIN;
}

static int program_new_psw(struct sie_vcpu *v, psw_t *psw)
{
	return berth_read_guest(v->core.vm, v->prefix + offsetof(struct lowcore, program_new_psw),
				psw, sizeof(*psw));
}

/* As SIE has it in the state description. */
static int reflect(struct sie_vcpu *v)
{
	const struct sie_block *block = v->block;
	psw_t psw;

	/* Where the new PSW is wrong as well it would not end: user space may end it. */
	if (block->iprcc == PGM_SPECIFICATION) {
		if (program_new_psw(v, &psw))
			return -EFAULT;
		if (!sie_psw_valid(&psw))
			return SIE_TO_USER;
	}
	if (v->core.guest_debug && (block->iprcc & PGM_PER)) {
		sie_debug_program(v);
		if (!block->iprcc)
			return BERTH_RUN_AGAIN;
	}
	return sie_inject(v, &(struct kvm_s390_irq) {
		.type = KVM_S390_PROGRAM_INT,
		.u.pgm = {
			.code = block->iprcc,
			.trans_exc_code = block->tecmc,
			.mon_code = block->tecmc,
			.mon_class_nr = block->mcn,
			.data_exc_code = block->dxc,
			.exc_access_id = block->eai,
			.op_access_id = block->oai,
			.per_code = block->perc,
			.per_atmid = block->peratmid,
			.per_address = block->peraddr,
			.per_access_id = block->peraid,
			/* The PSW is what the guest shall see already. */
			.flags = (block->pgmilc & 6) | KVM_S390_PGM_FLAGS_ILC_VALID |
				 KVM_S390_PGM_FLAGS_NO_REWIND,
		},
	}) ?: BERTH_RUN_AGAIN;
}

/* Is it the same store as at the last exit, so often that it is no coincidence? */
static bool refused_again(struct sie_vcpu *v)
{
	struct sie_refused now = {
		.exit = v->core.stats.exits,
		.psw = v->block->gpsw.addr,
		.address = v->block->tecmc,
	}, *last = &v->refused;

	if (now.exit == last->exit + 1 && now.psw == last->psw && now.address == last->address)
		now.times = last->times + 1;
	*last = now;
	return now.times > 3;
}

/* May the instruction store with a key that is not the PSW's?  Those of PoP ch. 10, or one by EXECUTE. */
static bool has_own_key(struct sie_vcpu *v)
{
	u64 address = (v->block->gpsw.addr - sie_ilc(v)) & sie_address_mask(v);
	struct sie_fault fault;
	gpa_t gpa;
	u8 op;

	/* Without keys nothing is protected by one. */
	if (!READ_ONCE(sie_vm_of(v)->skeys))
		return false;
	if (sie_translate(v, address, 0, SIE_IFETCH, &gpa, &fault) ||
	    berth_read_guest(v->core.vm, gpa, &op, 1))
		return true;
	switch (op) {
	case 0x44:			/* EX */
	case 0xb2:			/* MVPG */
	case 0xc6:			/* EXRL */
	case 0xc8:			/* MVCOS */
	case 0xd9 ... 0xdb:		/* MVCK, MVCP, MVCS */
	case 0xe5:			/* MVCSK, MVCDK */
		return true;
	default:
		return false;
	}
}

/*
 * Without enhanced suppression on protection a page that the host protects looks as one that the
 * guest does.  Where the guest would not, the instruction, which was suppressed, is tried again
 * when the page can be stored to; it cannot, and the guest has no storage there.
 *
 * A page that can be stored to already is one that another vCPU has brought in meanwhile, or
 * the guest does protect it, by a key that is the instruction's own.
 */
static int exit_protection(struct sie_vcpu *v)
{
	struct sie_block *block = v->block;
	u8 key = block->gpsw.mask >> 52 & 0xf;
	struct sie_fault fault;
	gpa_t gpa;
	int r;

	if (sie_translate_refused(v, block->tecmc, block->eai, key, &gpa, &fault)) {
		if (fault.code == PGM_PROTECTION)
			return reflect(v);
		/* What it was refused by is no longer there: the next try meets what is. */
		sie_rewind(v);
		return BERTH_RUN_AGAIN;
	}
	r = sie_s2_unprotect(v, gpa);
	if (!r && has_own_key(v) && refused_again(v))
		return reflect(v);
	if (r == -EFAULT) {
		block->iprcc = PGM_ADDRESSING;
		return reflect(v);
	}
	if (r < 0)
		return r;
	sie_rewind(v);
	return BERTH_RUN_AGAIN;
}

static int exit_program(struct sie_vcpu *v)
{
	if ((v->block->iprcc & ~PGM_PER) == PGM_PROTECTION)
		return exit_protection(v);
	return reflect(v);
}

static int exit_instruction_program(struct sie_vcpu *v)
{
	int r = sie_instruction(v);

	if (r == BERTH_RUN_AGAIN && v->block->iprcc)
		return reflect(v);
	return r;
}

/*
 * An external interruption that SIE began and the machine could not complete by itself: with
 * a new PSW that lets the same one in again.
 */
static int exit_external(struct sie_vcpu *v)
{
	psw_t psw;

	if (berth_read_guest(v->core.vm, v->prefix + offsetof(struct lowcore, external_new_psw),
			     &psw, sizeof(psw)))
		return -EFAULT;
	switch (v->block->eic) {
	case EXT_IRQ_CLK_COMP:
		return (psw.mask & PSW_MASK_EXT) && (v->block->gcr[0] & GCR0_CLOCK_COMPARATOR) ?
		       SIE_TO_USER :
		       sie_inject(v, &(struct kvm_s390_irq) { .type = KVM_S390_INT_CLOCK_COMP }) ?:
		       BERTH_RUN_AGAIN;
	case EXT_IRQ_CPU_TIMER:
		return (psw.mask & PSW_MASK_EXT) && (v->block->gcr[0] & GCR0_CPU_TIMER) ?
		       SIE_TO_USER :
		       sie_inject(v, &(struct kvm_s390_irq) { .type = KVM_S390_INT_CPU_TIMER }) ?:
		       BERTH_RUN_AGAIN;
	default:
		return SIE_TO_USER;
	}
}

static int exit_wait(struct sie_vcpu *v)
{
	v->core.stats.halt_exits++;
	/* Nothing could end this: user space knows what it means. */
	if (!sie_deliverable(v) && !(v->block->gpsw.mask & PSW_INTERRUPTS))
		return SIE_TO_USER;
	return sie_wait(v) ? BERTH_RUN_BLOCK : BERTH_RUN_AGAIN;
}

static int exit_validity(struct sie_vcpu *v)
{
	/* The prefix area went since the last look, or was never there. */
	if (v->block->ipb >> 16 == SIE_VALIDITY_PREFIX)
		return sie_s2_ready(v) ?: BERTH_RUN_AGAIN;
	pr_warn_ratelimited("vcpu %u: the machine refuses the guest's state (validity %04x)\n",
			    v->core.id, v->block->ipb >> 16);
	return -EINVAL;
}

/* The CPU was told to stop (SIGP), and nothing that comes before that is left. */
static int exit_stop(struct sie_vcpu *v)
{
	bool pending;
	u32 flags;
	int r;

	spin_lock_irq(&v->local.lock);
	pending = v->local.pending & BIT(SIE_IRQ_STOP);
	flags = v->local.stop_flags;
	spin_unlock_irq(&v->local.lock);
	if (!pending)
		return BERTH_RUN_AGAIN;
	sie_snapshot(v);
	r = sie_stop_done(v, &v->core, flags);
	if (r)
		return r;
	if (!sie_user(sie_vm_of(v), SIE_USER_CPU_STATE))
		sie_stop(v);
	return SIE_TO_USER;
}

/*
 * Would the interruption lead to the same operation again?  In supervisor state, to an
 * instruction that ends where this one does, in the same space.
 */
static bool operation_repeats(struct sie_vcpu *v, const psw_t *new)
{
	const psw_t *old = &v->block->gpsw;

	return !(old->mask & PSW_MASK_PSTATE) && !(new->mask & PSW_MASK_WAIT) &&
	       old->addr - new->addr <= 6 &&
	       !((old->mask ^ new->mask) & (PSW_MASK_DAT | PSW_MASK_ASC));
}

/* A guest that would take it for ever is user space's, which may end it. */
static int exit_operation(struct sie_vcpu *v)
{
	psw_t psw;

	if (v->block->ipa == 0xb256)
		return sie_sthyi(v);
	if (!v->block->ipa && sie_user(sie_vm_of(v), SIE_USER_INSTR0))
		return SIE_TO_USER;
	if (program_new_psw(v, &psw))
		return -EFAULT;
	return operation_repeats(v, &psw) ? SIE_TO_USER : sie_pgm(v, PGM_OPERATION);
}

/* What SIE leaves in the middle. */
static int exit_partial(struct sie_vcpu *v)
{
	if (v->block->ipa == 0xb254)
		return sie_mvpg(v);
	return v->block->ipa >> 8 == 0xae ? sie_sigp(v) : SIE_TO_USER;
}

struct exit {
	enum berth_exit_reason reason;
	int (*handle)(struct sie_vcpu *v);
};

static const struct exit exits[] = {
	[SIE_ICPT_INST]		= { BERTH_EXIT_INSTRUCTION, sie_instruction },
	[SIE_ICPT_PROGI]	= { BERTH_EXIT_EXCEPTION, exit_program },
	[SIE_ICPT_INSTPROGI]	= { BERTH_EXIT_EXCEPTION, exit_instruction_program },
	[SIE_ICPT_EXTREQ]	= { BERTH_EXIT_WINDOW, exit_request },
	[SIE_ICPT_EXTINT]	= { BERTH_EXIT_TIMER, exit_external },
	[SIE_ICPT_IOREQ]	= { BERTH_EXIT_WINDOW, exit_request },
	[SIE_ICPT_WAIT]		= { BERTH_EXIT_HALT, exit_wait },
	[SIE_ICPT_VALIDITY]	= { BERTH_EXIT_ENTRY_FAILED, exit_validity },
	[SIE_ICPT_STOP]		= { BERTH_EXIT_KICK, exit_stop },
	[SIE_ICPT_OPEREXC]	= { BERTH_EXIT_EXCEPTION, exit_operation },
	[SIE_ICPT_PARTEXEC]	= { BERTH_EXIT_INSTRUCTION, exit_partial },
	[SIE_ICPT_IOINST]	= { BERTH_EXIT_INSTRUCTION, sie_instruction },
};

/* In words every architecture has. */
static enum berth_exit_reason reason(const struct sie_block *block, const struct exit *exit)
{
	if (!exit)
		return BERTH_EXIT_UNKNOWN;
	return exit->reason == BERTH_EXIT_INSTRUCTION && block->ipa >> 8 == 0x83 ?
	       BERTH_EXIT_HYPERCALL : exit->reason;
}

int sie_handle_exit(struct sie_vcpu *v)
{
	const struct sie_block *block = v->block;
	const struct exit *exit = NULL;
	struct sie_per per;
	int r;

	if (block->icptcode < ARRAY_SIZE(exits) && exits[block->icptcode].handle)
		exit = &exits[block->icptcode];
	trace_berth_exit(v->core.id, reason(block, exit), block->icptcode, block->gpsw.addr,
			 (u64)block->ipa << 32 | block->ipb, block->tecmc);
	if (!exit)
		return SIE_TO_USER;
	if (block->icptstatus & SIE_ICPT_PER_FETCH)
		sie_per_begin(v, &per);
	r = exit->handle(v);
	/* Whoever completes it, it is done before anything else is. */
	if ((block->icptstatus & SIE_ICPT_PER_FETCH) && (r >= 0 || r == SIE_TO_USER))
		sie_per_end(v, &per);
	return r;
}
