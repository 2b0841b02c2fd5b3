// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGNAL PROCESSOR (PoP ch. 4): the orders that one CPU gives another.  Those that start, stop or
 * reset one are user space's where it decides about that.
 */
#include "s390.h"
#include <asm/sigp.h>
#include "insn.h"

static int status(u64 *reg, u32 bits)
{
	*reg = (*reg & ~0xffffffffULL) | bits;
	return SIGP_CC_STATUS_STORED;
}

static bool pending(const struct sie_vcpu *to, enum sie_irq irq)
{
	return READ_ONCE(to->local.pending) & BIT(irq);
}

static int sense(struct sie_vcpu *to, u64 *reg)
{
	u32 bits = (sie_stopped(to) ? SIGP_STATUS_STOPPED : 0) |
		   (pending(to, SIE_IRQ_EXTERNAL_CALL) ? SIGP_STATUS_EXT_CALL_PENDING : 0);

	return bits ? status(reg, bits) : SIGP_CC_ORDER_CODE_ACCEPTED;
}

static int external_call(struct sie_vcpu *v, struct sie_vcpu *to, u64 *reg)
{
	int r = sie_inject(to, &(struct kvm_s390_irq) {
		.type = KVM_S390_INT_EXTERNAL_CALL,
		.u.extcall.code = v->core.id,
	});

	return r == -EBUSY ? status(reg, SIGP_STATUS_EXT_CALL_PENDING) : r;
}

static int emergency(struct sie_vcpu *v, struct sie_vcpu *to)
{
	return sie_inject(to, &(struct kvm_s390_irq) {
		.type = KVM_S390_INT_EMERGENCY,
		.u.emerg.code = v->core.id,
	});
}

static int stop(struct sie_vcpu *v, struct sie_vcpu *to, u32 flags)
{
	const struct kvm_s390_irq irq = { .type = KVM_S390_SIGP_STOP, .u.stop.flags = flags };
	int r = sie_inject(to, &irq);

	if (r == SIE_STANDS)
		r = sie_stop_done(to, &v->core, flags);
	return r == -EBUSY ? SIGP_CC_BUSY : r;
}

static int order_prefix(struct sie_vcpu *v, struct sie_vcpu *to, u32 address, u64 *reg)
{
	struct kvm_s390_irq irq = {
		.type = KVM_S390_SIGP_SET_PREFIX,
		.u.prefix.address = address & 0x7fffe000,
	};

	if (!sie_has_storage(v, irq.u.prefix.address) ||
	    !sie_has_storage(v, irq.u.prefix.address + PAGE_SIZE))
		return status(reg, SIGP_STATUS_INVALID_PARAMETER);
	if (sie_inject(to, &irq))
		return status(reg, SIGP_STATUS_INCORRECT_STATE);
	return SIGP_CC_ORDER_CODE_ACCEPTED;
}

static int store_status(struct sie_vcpu *v, struct sie_vcpu *to, u32 address, u64 *reg)
{
	if (!sie_stopped(to))
		return status(reg, SIGP_STATUS_INCORRECT_STATE);
	if (sie_store_status(to, &v->core, address & 0x7ffffe00))
		return status(reg, SIGP_STATUS_INVALID_PARAMETER);
	return SIGP_CC_ORDER_CODE_ACCEPTED;
}

static int conditional_emergency(struct sie_vcpu *v, struct sie_vcpu *to, u16 asn, u64 *reg)
{
	u64 mask = READ_ONCE(to->block->gpsw.mask);
	bool idle = (mask & PSW_MASK_WAIT) && READ_ONCE(to->block->gpsw.addr);
	u16 primary = READ_ONCE(to->block->gcr[4]), secondary = READ_ONCE(to->block->gcr[3]);
	u64 mode = mask & PSW_MASK_ASC;

	/* It is in a place where it may be held up, as the order's conditions have it. */
	if ((mask & (PSW_MASK_IO | PSW_MASK_EXT)) != (PSW_MASK_IO | PSW_MASK_EXT) || idle ||
	    ((mask & PSW_MASK_PSTATE) && (asn == primary || asn == secondary)) ||
	    (!(mask & PSW_MASK_PSTATE) &&
	     ((mode == PSW_ASC_HOME && asn == primary) || (mode == PSW_ASC_SECONDARY && asn == secondary))))
		return emergency(v, to);
	return status(reg, SIGP_STATUS_INCORRECT_STATE);
}

static int sense_running(struct sie_vcpu *to, u64 *reg)
{
	if (!sie_has_fac(&sie_vm_of(to)->model, 9))
		return status(reg, SIGP_STATUS_INVALID_ORDER);
	return atomic_read(&to->block->cpuflags) & SIE_RUNNING ? SIGP_CC_ORDER_CODE_ACCEPTED :
								status(reg, SIGP_STATUS_NOT_RUNNING);
}

/* Where a VM's user space wants to see orders: all but what is needed all the time. */
static bool is_users(struct sie_vcpu *v, unsigned int order)
{
	switch (order) {
	case SIGP_SENSE:
	case SIGP_EXTERNAL_CALL:
	case SIGP_EMERGENCY_SIGNAL:
	case SIGP_COND_EMERGENCY_SIGNAL:
	case SIGP_SENSE_RUNNING:
		return false;
	default:
		return sie_user(sie_vm_of(v), SIE_USER_SIGP);
	}
}

static int order(struct sie_vcpu *v, unsigned int code, u16 address, u32 parameter, u64 *reg)
{
	struct berth_vcpu *b = address < SIE_MAX_CPU_ADDRESS ?
			       berth_vcpu_by_id(v->core.vm, address) : NULL;
	struct sie_vcpu *to;

	/* It is for all CPUs, which have no other architecture. */
	if (code == SIGP_SET_ARCHITECTURE)
		return status(reg, SIGP_STATUS_INVALID_PARAMETER);
	if (!b)
		return SIGP_CC_NOT_OPERATIONAL;
	to = to_sie(b);
	/* While it is about to stop or restart nothing can be said of it; a reset ends that. */
	if ((pending(to, SIE_IRQ_STOP) || pending(to, SIE_IRQ_RESTART)) &&
	    code != SIGP_INITIAL_CPU_RESET && code != SIGP_CPU_RESET)
		return SIGP_CC_BUSY;
	switch (code) {
	case SIGP_SENSE:
		return sense(to, reg);
	case SIGP_EXTERNAL_CALL:
		return external_call(v, to, reg);
	case SIGP_EMERGENCY_SIGNAL:
		return emergency(v, to);
	case SIGP_STOP:
		return stop(v, to, 0);
	case SIGP_STOP_AND_STORE_STATUS:
		return stop(v, to, KVM_S390_STOP_FLAG_STORE_STATUS);
	case SIGP_SET_PREFIX:
		return order_prefix(v, to, parameter, reg);
	case SIGP_STORE_STATUS_AT_ADDRESS:
		return store_status(v, to, parameter, reg);
	case SIGP_COND_EMERGENCY_SIGNAL:
		return conditional_emergency(v, to, parameter, reg);
	case SIGP_SENSE_RUNNING:
		return sense_running(to, reg);
	default:
		/* Start, restart, resets. */
		return SIE_TO_USER;
	}
}

int sie_sigp(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rs(v);
	unsigned int code = sie_operand_s(v).address & 0xff;
	u32 parameter = v->gprs[regs.r1 | 1];
	int cc;

	if (v->block->gpsw.mask & PSW_MASK_PSTATE)
		return sie_pgm(v, PGM_PRIVILEGED);
	if (is_users(v, code))
		return SIE_TO_USER;
	cc = order(v, code, v->gprs[regs.r3], parameter, &v->gprs[regs.r1]);
	if (cc < 0)
		return cc;
	sie_set_cc(v, cc);
	return BERTH_RUN_AGAIN;
}
