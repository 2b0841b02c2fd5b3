// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers as the guest and user space see them, and KVM_SET_GUEST_DEBUG.
 * Which of the two sets the processor holds is the vendor's (update_traps).
 */
#include <asm/traps.h>
#include <linux/nospec.h>
#include "state.h"

/*
 * x86_write_dr() - MOV to DR0..DR7 (APM vol. 2, 13.1.1); x86_read_dr(): from it.
 *
 * DR4 and DR5 stand for DR6 and DR7: with CR4.DE set the processor raised #UD before
 * the access was seen.  0, or 1 for #GP.  Context: loaded.
 */
int x86_write_dr(struct x86_vcpu *v, unsigned int nr, u64 value)
{
	switch (nr) {
	case 0 ... 3:
		v->db[array_index_nospec(nr, ARRAY_SIZE(v->db))] = value;
		break;
	case 4:
	case 6:
		if (upper_32_bits(value))
			return 1;
		v->dr6 = (value & X86_DR6_STATUS) | X86_DR6_FIXED;
		break;
	default:
		if (upper_32_bits(value))
			return 1;
		v->dr7 = (value & X86_DR7_WRITE) | X86_DR7_FIXED;
		break;
	}
	x86_vendor->update_traps(v);
	return 0;
}

u64 x86_read_dr(struct x86_vcpu *v, unsigned int nr)
{
	switch (nr) {
	case 0 ... 3:
		return v->db[array_index_nospec(nr, ARRAY_SIZE(v->db))];
	case 4:
	case 6:
		return v->dr6;
	default:
		return v->dr7;
	}
}

long x86_ioctl_get_debugregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_debugregs *regs = data;

	memset(regs, 0, sizeof(*regs));
	memcpy(regs->db, v->db, sizeof(regs->db));
	regs->dr6 = v->dr6;
	regs->dr7 = v->dr7;
	return 0;
}

/* Values go in as they are, so that what was read can be written back. */
long x86_ioctl_set_debugregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct kvm_debugregs *regs = data;

	if (regs->flags || upper_32_bits(regs->dr6) || upper_32_bits(regs->dr7))
		return -EINVAL;
	memcpy(v->db, regs->db, sizeof(v->db));
	v->dr6 = regs->dr6;
	v->dr7 = regs->dr7;
	x86_vendor->update_traps(v);
	return 0;
}

/*
 * x86_ioctl_set_guest_debug() - KVM_SET_GUEST_DEBUG (api.rst 4.87).
 *
 * -EBUSY when an exception is to be injected and another waits.  Bits that mean
 * nothing here are dropped.
 */
long x86_ioctl_set_guest_debug(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct kvm_guest_debug *dbg = data;
	struct kvm_segment cs;
	u32 control = dbg->control & X86_GUESTDBG_VALID;

	if (control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		if (v->ev.exception.pending || v->ev.triple_fault)
			return -EBUSY;
		x86_queue_exception(v, control & KVM_GUESTDBG_INJECT_DB ? X86_TRAP_DB :
									   X86_TRAP_BP);
	}

	vcpu->guest_debug = control & KVM_GUESTDBG_ENABLE ? control : 0;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP)
		v->debug = dbg->arch;
	else
		memset(&v->debug, 0, sizeof(v->debug));
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP) {
		x86_vendor->get_segment(v, &cs, X86_CS);
		v->singlestep_rip = v->rip + (cs.l ? 0 : cs.base);
	}
	x86_vendor->update_traps(v);
	return 0;
}
