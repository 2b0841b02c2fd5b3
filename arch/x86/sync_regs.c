// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_SYNC_REGS: registers that come and go in kvm_run instead of by ioctls.
 */
#include "state.h"

/* Each piece is copied out of the page user space may write, and only then looked at. */
static int set_regs(struct berth_vcpu *vcpu, const struct kvm_sync_regs *sync)
{
	struct kvm_regs regs;

	memcpy(&regs, &sync->regs, sizeof(regs));
	return x86_ioctl_set_regs(vcpu, &regs, 0);
}

static noinline int set_sregs(struct berth_vcpu *vcpu, const struct kvm_sync_regs *sync)
{
	struct kvm_sregs sregs;

	memcpy(&sregs, &sync->sregs, sizeof(sregs));
	return x86_ioctl_set_sregs(vcpu, &sregs, 0);
}

static int set_events(struct berth_vcpu *vcpu, const struct kvm_sync_regs *sync)
{
	struct kvm_vcpu_events events;

	memcpy(&events, &sync->events, sizeof(events));
	return x86_ioctl_set_events(vcpu, &events, 0);
}

/* A set that is taken is clean from then on.  -EINVAL for one that cannot be. */
static noinline int take(struct berth_vcpu *vcpu, u64 dirty)
{
	struct kvm_run *run = vcpu->run;

	if (dirty & KVM_SYNC_X86_REGS) {
		if (set_regs(vcpu, &run->s.regs))
			return -EINVAL;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_REGS;
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		if (set_sregs(vcpu, &run->s.regs))
			return -EINVAL;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_SREGS;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		if (set_events(vcpu, &run->s.regs))
			return -EINVAL;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_EVENTS;
	}
	return 0;
}

/*
 * x86_sync_begin() - KVM_RUN begins: what user space marked dirty is the guest's now.
 *
 * -EINVAL for sets there are not, or that the registers cannot have.
 */
int x86_sync_begin(struct x86_vcpu *v)
{
	u64 valid = READ_ONCE(v->core.run->kvm_valid_regs);
	u64 dirty = READ_ONCE(v->core.run->kvm_dirty_regs);

	v->sync_regs = 0;
	if ((valid | dirty) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	v->sync_regs = valid;
	return dirty ? take(&v->core, dirty) : 0;
}

/* x86_sync_end() - KVM_RUN ends: show what user space asked for when it began. */
void x86_sync_end(struct x86_vcpu *v)
{
	struct kvm_sync_regs *sync = &v->core.run->s.regs;

	if (v->sync_regs & KVM_SYNC_X86_REGS)
		x86_ioctl_get_regs(&v->core, &sync->regs, 0);
	if (v->sync_regs & KVM_SYNC_X86_SREGS) {
		/* Handlers fill what the dispatcher has zeroed. */
		memset(&sync->sregs, 0, sizeof(sync->sregs));
		x86_ioctl_get_sregs(&v->core, &sync->sregs, 0);
	}
	if (v->sync_regs & KVM_SYNC_X86_EVENTS)
		x86_ioctl_get_events(&v->core, &sync->events, 0);
}
