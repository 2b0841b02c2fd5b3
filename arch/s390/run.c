// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: everything between two exits.
 *
 * Host interrupts are on while the guest runs: one of them ends SIE as if nothing had happened.
 * One that comes just before SIE does not, so a kick also sets a bit that sie64a() looks at.
 */
#include <berth/trace.h>
#include "s390.h"

void sie_vcpu_load(struct berth_vcpu *b, unsigned int cpu)
{
	struct sie_vcpu *v = to_sie(b);

	sie_space_load(&sie_vm_of(v)->space);
	atomic_or(SIE_RUNNING, &v->block->cpuflags);
}

void sie_vcpu_put(struct berth_vcpu *b)
{
	struct sie_vcpu *v = to_sie(b);

	atomic_andnot(SIE_RUNNING, &v->block->cpuflags);
	sie_space_put(&sie_vm_of(v)->space);
}

void sie_vcpu_kick(struct berth_vcpu *b)
{
	atomic_or(SIE_PROG_REQUEST, &to_sie(b)->block->prog20);
}

int sie_run_begin(struct berth_vcpu *b)
{
	struct sie_vcpu *v = to_sie(b);
	struct kvm_run *run = b->run;

	if ((run->kvm_valid_regs | run->kvm_dirty_regs) & ~KVM_SYNC_S390_VALID_FIELDS)
		goto invalid;
	if (!sie_user(sie_vm_of(v), SIE_USER_CPU_STATE))
		sie_start(v);
	else if (sie_stopped(v))
		goto invalid;
	sie_sync_in(v);
	save_access_regs(v->host_acrs);
	restore_access_regs(v->acrs);
	sie_fpu_load(&v->fpu, v->fprs, v->fpc);
	v->running = true;
	return BERTH_RUN_AGAIN;

invalid:
	return -EINVAL;
}

void sie_run_end(struct berth_vcpu *b)
{
	struct sie_vcpu *v = to_sie(b);

	/* Refused before anything was loaded. */
	if (!v->running)
		return;
	v->running = false;
	sie_fpu_put(&v->fpu, v->fprs, &v->fpc);
	save_access_regs(v->acrs);
	restore_access_regs(v->host_acrs);
	sie_sync_out(v);
}

/* Into SIE and out of it, with interrupts on in between. */
static int run_guest(struct sie_vcpu *v)
{
	int r;

	berth_guest_context_enter(&v->core);
	local_irq_enable();
	r = sie_enter(v->block, v->gprs, &sie_vm_of(v)->space);
	local_irq_disable();
	berth_guest_context_exit();
	return r;
}

/* BERTH_RUN_WORK: the guest was not entered. */
static int enter(struct sie_vcpu *v)
{
	struct sie_block *block = v->block;
	struct sie_host_fault fault;
	int r;

	block->gg14 = v->gprs[14];
	block->gg15 = v->gprs[15];
	block->icptcode = SIE_ICPT_NONE;
	/* What says whether there is an interruption beside an instruction's interception. */
	block->iprcc = 0;
	local_irq_disable();
	/* Before the look at requests: who sets it after that wants this entry not to be. */
	atomic_andnot(SIE_PROG_REQUEST, &block->prog20);
	if (!berth_enter_guest(&v->core)) {
		local_irq_enable();
		return BERTH_RUN_WORK;
	}
	trace_berth_entry(v->core.id, block->gpsw.addr);
	sie_fpu_ready();
	if (unlikely(v->core.guest_debug))
		sie_debug_enter(v);
	r = run_guest(v);
	if (unlikely(v->core.guest_debug))
		sie_debug_leave(v);
	berth_leave_guest(&v->core);
	local_irq_enable();
	v->gprs[14] = block->gg14;
	v->gprs[15] = block->gg15;
	if (block->icptcode)
		return sie_handle_exit(v);
	fault = sie_host_fault();
	/* One that has no code is a fault without an address: there is no storage. */
	if (fault.code || r == -EFAULT) {
		trace_berth_exit(v->core.id, BERTH_EXIT_FAULT, fault.code, block->gpsw.addr,
				 fault.address, fault.write);
		return sie_s2_host_fault(v, fault);
	}
	trace_berth_exit(v->core.id, BERTH_EXIT_INTERRUPT, 0, block->gpsw.addr, 0, 0);
	v->core.stats.irq_exits++;
	v->core.rcu_note = true;
	return BERTH_RUN_AGAIN;
}

/* What is pending is looked at in every turn, and no translation is kept from before an entry. */
static void take_requests(struct sie_vcpu *v)
{
	berth_vcpu_take_request(&v->core, SIE_REQ_IRQ);
	berth_vcpu_take_request(&v->core, BERTH_REQ_TLB_FLUSH);
	sie_update_tod(v);
}

int sie_vcpu_run(struct berth_vcpu *b)
{
	struct sie_vcpu *v = to_sie(b);
	struct kvm_run *run = b->run;
	int r;

	sie_wait_end(v);
	if (unlikely(v->debug.pending))
		return sie_debug_exit(v);
	do {
		/* The hint keeps a guest that only faults or exits from holding on to the CPU. */
		if (berth_work_pending(b))
			return BERTH_RUN_WORK;
		if (unlikely(READ_ONCE(b->requests)))
			take_requests(v);
		r = sie_deliver(v);
		if (!r && unlikely(v->debug.pending))
			return sie_debug_exit(v);
		if (!r && unlikely(!READ_ONCE(v->prefix_mapped)))
			r = sie_s2_ready(v);
		if (!r)
			r = enter(v);
	} while (r == BERTH_RUN_AGAIN && likely(!v->debug.pending));
	if (r == BERTH_RUN_AGAIN)
		return sie_debug_exit(v);
	if (r == SIE_TO_USER) {
		run->exit_reason = KVM_EXIT_S390_SIEIC;
		run->s390_sieic.icptcode = v->block->icptcode;
		run->s390_sieic.ipa = v->block->ipa;
		run->s390_sieic.ipb = v->block->ipb;
		r = BERTH_RUN_USER;
	}
	return r;
}

bool sie_vcpu_runnable(struct berth_vcpu *b)
{
	/* A clock that was set is another time to wait for. */
	return !sie_wait_goes_on(to_sie(b)) || test_bit(SIE_REQ_TOD, &b->requests);
}

void sie_vcpu_dump(struct berth_vcpu *b)
{
	const struct sie_vcpu *v = to_sie(b);
	const struct sie_block *s = v->block;
	unsigned int i;

	pr_err("vcpu %u: psw %016lx %016lx icpt %02x/%02x ipa %04x ipb %08x\n", b->id, s->gpsw.mask,
	       s->gpsw.addr, s->icptcode, s->icptstatus, s->ipa, s->ipb);
	pr_err("  flags %08x prefix %08x prog20 %x ictl %08x lctl %04x eca %08x ecb %02x%02x%02x\n",
	       atomic_read(&s->cpuflags), s->prefix, atomic_read(&s->prog20), s->ictl, s->lctl,
	       s->eca, s->ecb, s->ecb2, s->ecb3);
	pr_err("  cpu timer %016llx clock comparator %016llx epoch %016llx\n", s->cputm, s->ckc,
	       s->epoch);
	pr_err("  origin %llx limit %llx fac %x asce %llx\n", s->mso, s->msl, s->fac,
	       sie_vm_of(v)->space.asce);
	for (i = 0; i < 16; i += 4)
		pr_err("  gr%-2u %016llx %016llx %016llx %016llx\n", i, v->gprs[i], v->gprs[i + 1],
		       v->gprs[i + 2], v->gprs[i + 3]);
	for (i = 0; i < 16; i += 4)
		pr_err("  cr%-2u %016llx %016llx %016llx %016llx\n", i, s->gcr[i], s->gcr[i + 1],
		       s->gcr[i + 2], s->gcr[i + 3]);
}
