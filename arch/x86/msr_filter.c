// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that user space denies the guest (KVM_X86_SET_MSR_FILTER), and those it wants to
 * answer itself (KVM_CAP_X86_USER_SPACE_MSR).
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "state.h"

#define X2APIC_FIRST	0x800u		/* a local APIC's registers cannot be filtered */
#define X2APIC_LAST	0x8ffu

#define RANGE_FLAGS	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)
#define REASONS		(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | \
			 KVM_MSR_EXIT_REASON_FILTER)

struct x86_msr_filter {
	bool deny;			/* what no range speaks about */
	unsigned int nr;
	struct msr_range {
		u32 flags;
		u32 base;
		u32 nmsrs;
		unsigned long *bitmap;	/* a set bit: allowed */
	} range[KVM_MSR_FILTER_MAX_RANGES];
};

bool x86_msr_allowed(struct berth_vm *vm, u32 index, bool write)
{
	u32 type = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	const struct x86_msr_filter *filter;
	bool allowed = true;
	unsigned int i;
	int idx;

	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;
	idx = srcu_read_lock(&vm->srcu);
	filter = srcu_dereference(to_x86_vm(vm)->msr_filter, &vm->srcu);
	if (!filter)
		goto out;
	allowed = !filter->deny;
	for (i = 0; i < filter->nr; i++) {
		const struct msr_range *range = &filter->range[i];
		u32 bit = index - range->base;

		if (!(range->flags & type) || index < range->base || bit >= range->nmsrs)
			continue;
		allowed = test_bit(array_index_nospec(bit, range->nmsrs), range->bitmap);
		break;
	}
out:
	srcu_read_unlock(&vm->srcu, idx);
	return allowed;
}

static void filter_free(struct x86_msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->nr; i++)
		kfree(filter->range[i].bitmap);
	kfree(filter);
}

void x86_msr_filter_destroy(struct x86_vm *vm)
{
	filter_free(rcu_dereference_protected(vm->msr_filter, true));
}

/* A range without MSRs is none. */
static int filter_add(struct x86_msr_filter *filter, const struct kvm_msr_filter_range *user)
{
	struct msr_range *range = &filter->range[filter->nr];
	size_t size = BITS_TO_LONGS((u64)user->nmsrs) * sizeof(long);

	if (!user->nmsrs)
		return 0;
	if ((user->flags & ~RANGE_FLAGS) || size > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;
	range->bitmap = memdup_user((void __user *)user->bitmap, size);
	if (IS_ERR(range->bitmap))
		return PTR_ERR(range->bitmap);
	range->flags = user->flags;
	range->base = user->base;
	range->nmsrs = user->nmsrs;
	filter->nr++;
	return 0;
}

static struct x86_msr_filter *filter_build(const struct kvm_msr_filter *user)
{
	struct x86_msr_filter *filter;
	unsigned int i;
	int r = 0;

	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return ERR_PTR(-EINVAL);
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->deny = user->flags & KVM_MSR_FILTER_DEFAULT_DENY;
	for (i = 0; i < ARRAY_SIZE(user->ranges) && !r; i++)
		r = filter_add(filter, &user->ranges[i]);
	/* Nothing at all would be left. */
	if (!r && filter->deny && !filter->nr)
		r = -EINVAL;
	if (!r)
		return filter;
	filter_free(filter);
	return ERR_PTR(r);
}

/*
 * x86_ioctl_set_msr_filter() - KVM_X86_SET_MSR_FILTER (api.rst 4.97), which replaces the
 * one before.  -EINVAL, -EFAULT, -ENOMEM; nothing has changed then.
 *
 * When it returns no vCPU is in the guest with the old one.  Context: vm->lock held.
 */
long x86_ioctl_set_msr_filter(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_vm *x86 = to_x86_vm(vm);
	struct x86_msr_filter *filter = filter_build(data), *old;

	if (IS_ERR(filter))
		return PTR_ERR(filter);
	old = rcu_dereference_protected(x86->msr_filter, lockdep_is_held(&vm->lock));
	rcu_assign_pointer(x86->msr_filter, filter);
	WRITE_ONCE(x86->msr_policy, x86->msr_policy | X86_MSR_POLICY_FILTER);
	synchronize_srcu_expedited(&vm->srcu);
	filter_free(old);
	berth_request_all(vm, X86_REQ_MSR_FILTER);
	return 0;
}

/* KVM_CAP_X86_USER_SPACE_MSR: which failed accesses are user space's, KVM_MSR_EXIT_REASON_*. */
int x86_enable_user_space_msr(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	struct x86_vm *x86 = to_x86_vm(vm);

	if (args->flags || (args->args[0] & ~(u64)REASONS))
		return -EINVAL;
	mutex_lock(&vm->lock);
	WRITE_ONCE(x86->msr_policy,
		   (x86->msr_policy & X86_MSR_POLICY_FILTER) | (u32)args->args[0]);
	mutex_unlock(&vm->lock);
	return 0;
}

/* ---- guest accesses ---- */

/* User space has answered: a value, or that there is none. */
static int complete_msr(struct x86_vcpu *v, bool write)
{
	struct kvm_run *run = v->core.run;
	u64 data = READ_ONCE(run->msr.data);

	if (READ_ONCE(run->msr.error)) {
		x86_inject_gp(v);
		return BERTH_RUN_AGAIN;
	}
	return x86_finish_msr(v, v->insn_len, write ? NULL : &data);
}

static int complete_rdmsr(struct x86_vcpu *v)
{
	return complete_msr(v, false);
}

static int complete_wrmsr(struct x86_vcpu *v)
{
	return complete_msr(v, true);
}

/*
 * x86_exit_msr_policy() - RDMSR or WRMSR in a VM whose user space has its say.
 *
 * What is filtered is not even looked at.
 */
int x86_exit_msr_policy(struct x86_vcpu *v, unsigned int len, bool write)
{
	u32 policy = READ_ONCE(to_x86_vm(v->core.vm)->msr_policy);
	struct kvm_run *run = v->core.run;
	u32 index = v->gpr[X86_RCX], reason;
	u64 data = write ? (u32)v->gpr[X86_RAX] | v->gpr[X86_RDX] << 32 : 0;
	int r;

	if (!x86_msr_allowed(v->core.vm, index, write)) {
		reason = KVM_MSR_EXIT_REASON_FILTER;
	} else {
		r = write ? x86_set_msr(v, index, data, false) :
			    x86_get_msr(v, index, &data, false);
		if (!r)
			return x86_finish_msr(v, len, write ? NULL : &data);
		reason = r == X86_MSR_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN :
						KVM_MSR_EXIT_REASON_INVAL;
	}
	if (!(policy & reason)) {
		x86_inject_gp(v);
		return BERTH_RUN_AGAIN;
	}
	memset(&run->msr, 0, sizeof(run->msr));
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.reason = reason;
	run->msr.index = index;
	run->msr.data = write ? data : 0;
	v->insn_len = len;
	v->complete = write ? complete_wrmsr : complete_rdmsr;
	return BERTH_RUN_USER;
}
