// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interruptions as user space gives and takes them (api.rst 4.77, 4.93 to 4.95).
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "s390.h"

/* The old format of a vCPU's: what parm and parm64 are depends on the type.  0 or -EINVAL. */
static int from_old(const struct kvm_s390_interrupt *old, struct kvm_s390_irq *irq)
{
	irq->type = old->type;
	switch (old->type) {
	case KVM_S390_PROGRAM_INT:
		irq->u.pgm.code = old->parm;
		return 0;
	case KVM_S390_SIGP_SET_PREFIX:
		irq->u.prefix.address = old->parm;
		return 0;
	case KVM_S390_SIGP_STOP:
		irq->u.stop.flags = old->parm;
		return 0;
	case KVM_S390_INT_EXTERNAL_CALL:
		if (old->parm & 0xffff0000)
			return -EINVAL;
		irq->u.extcall.code = old->parm;
		return 0;
	case KVM_S390_INT_EMERGENCY:
		if (old->parm & 0xffff0000)
			return -EINVAL;
		irq->u.emerg.code = old->parm;
		return 0;
	case KVM_S390_MCHK:
		irq->u.mchk.cr14 = old->parm;
		irq->u.mchk.mcic = old->parm64;
		return 0;
	case KVM_S390_INT_PFAULT_INIT:
		irq->u.ext.ext_params = old->parm;
		irq->u.ext.ext_params2 = old->parm64;
		return 0;
	case KVM_S390_RESTART:
	case KVM_S390_INT_CLOCK_COMP:
	case KVM_S390_INT_CPU_TIMER:
		return 0;
	default:
		return -EINVAL;
	}
}

/* The old format of a floating one. */
static int from_old_vm(const struct kvm_s390_interrupt *old, struct kvm_s390_irq *irq)
{
	irq->type = old->type;
	switch (old->type) {
	case KVM_S390_INT_VIRTIO:
		irq->u.ext.ext_params = old->parm;
		irq->u.ext.ext_params2 = old->parm64;
		return 0;
	case KVM_S390_INT_SERVICE:
		irq->u.ext.ext_params = old->parm;
		return 0;
	case KVM_S390_INT_PFAULT_DONE:
		irq->u.ext.ext_params2 = old->parm64;
		return 0;
	case KVM_S390_MCHK:
		irq->u.mchk.cr14 = old->parm;
		irq->u.mchk.mcic = old->parm64;
		return 0;
	case KVM_S390_INT_IO_MIN ... KVM_S390_INT_IO_MAX:
		irq->u.io.subchannel_id = old->parm >> 16;
		irq->u.io.subchannel_nr = old->parm;
		irq->u.io.io_int_parm = old->parm64 >> 32;
		irq->u.io.io_int_word = old->parm64;
		return 0;
	default:
		return -EINVAL;
	}
}

static int inject(struct sie_vcpu *v, const struct kvm_s390_irq *irq)
{
	int r;

	if (irq->type == KVM_S390_PROGRAM_INT)
		sie_debug_injected(v);
	r = sie_inject(v, irq);
	return r == SIE_STANDS ? sie_stop_done(v, &v->core, irq->u.stop.flags) : r;
}

long sie_ioctl_interrupt(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct kvm_s390_irq irq = { };

	return from_old(data, &irq) ?: inject(to_sie(b), &irq);
}

long sie_ioctl_irq(struct berth_vcpu *b, void *data, unsigned long arg)
{
	return inject(to_sie(b), data);
}

long sie_ioctl_vm_interrupt(struct berth_vm *vm, void *data, unsigned long arg)
{
	struct kvm_s390_irq irq = { };

	return from_old_vm(data, &irq) ?: sie_inject_vm(to_sie_vm(vm), &irq);
}

#define MAX_STATE	((SIE_MAX_CPU_ADDRESS + 32) * sizeof(struct kvm_s390_irq))

long sie_ioctl_set_irq_state(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_s390_irq_state *state = data;
	struct sie_vcpu *v = to_sie(b);
	struct kvm_s390_irq *irqs;
	unsigned int i;
	int r = 0;

	if (!state->len || state->len > MAX_STATE || state->len % sizeof(*irqs))
		return -EINVAL;
	irqs = vmemdup_user((void __user *)state->buf, state->len);
	if (IS_ERR(irqs))
		return PTR_ERR(irqs);
	/* What is to be restored is all there is. */
	if (READ_ONCE(v->local.pending))
		r = -EBUSY;
	for (i = 0; i < state->len / sizeof(*irqs) && !r; i++)
		r = inject(v, &irqs[i]);
	kvfree(irqs);
	return r;
}

/* One pending interruption, of an emergency signal the one of CPU @source. */
static void to_abi(const struct sie_local *local, enum sie_irq irq, unsigned int source,
		   struct kvm_s390_irq *out)
{
	static const u32 type[] = {
		[SIE_IRQ_MCHK_EXIGENT]		= KVM_S390_MCHK,
		[SIE_IRQ_PROGRAM]		= KVM_S390_PROGRAM_INT,
		[SIE_IRQ_MCHK]			= KVM_S390_MCHK,
		[SIE_IRQ_EMERGENCY]		= KVM_S390_INT_EMERGENCY,
		[SIE_IRQ_EXTERNAL_CALL]		= KVM_S390_INT_EXTERNAL_CALL,
		[SIE_IRQ_CLOCK_COMPARATOR]	= KVM_S390_INT_CLOCK_COMP,
		[SIE_IRQ_CPU_TIMER]		= KVM_S390_INT_CPU_TIMER,
		[SIE_IRQ_PFAULT_INIT]		= KVM_S390_INT_PFAULT_INIT,
		[SIE_IRQ_RESTART]		= KVM_S390_RESTART,
		[SIE_IRQ_SET_PREFIX]		= KVM_S390_SIGP_SET_PREFIX,
		[SIE_IRQ_STOP]			= KVM_S390_SIGP_STOP,
	};

	*out = (struct kvm_s390_irq) { .type = type[irq] };
	switch (irq) {
	case SIE_IRQ_PROGRAM:
		out->u.pgm = local->pgm;
		break;
	case SIE_IRQ_MCHK_EXIGENT:
	case SIE_IRQ_MCHK:
		out->u.mchk = local->mchk;
		break;
	case SIE_IRQ_EMERGENCY:
		out->u.emerg.code = source;
		break;
	case SIE_IRQ_EXTERNAL_CALL:
		out->u.extcall.code = local->external_call;
		break;
	case SIE_IRQ_PFAULT_INIT:
		out->u.ext = local->pfault;
		break;
	case SIE_IRQ_SET_PREFIX:
		out->u.prefix.address = local->prefix;
		break;
	case SIE_IRQ_STOP:
		out->u.stop.flags = local->stop_flags;
		break;
	default:
		break;
	}
}

/* How many there are; as many as fit go to @out. */
static unsigned int collect(struct sie_local *local, struct kvm_s390_irq *out, unsigned int max)
{
	unsigned int n = 0, source;
	unsigned long irq;

	for_each_set_bit(irq, &local->pending, SIE_IRQ_STOP + 1) {
		if (irq != SIE_IRQ_EMERGENCY) {
			if (n < max)
				to_abi(local, irq, 0, &out[n]);
			n++;
			continue;
		}
		for_each_set_bit(source, local->emergency, SIE_MAX_CPU_ADDRESS) {
			if (n < max)
				to_abi(local, irq, source, &out[n]);
			n++;
		}
	}
	return n;
}

long sie_ioctl_get_irq_state(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_s390_irq_state *state = data;
	struct sie_local local;
	struct kvm_s390_irq *irqs;
	unsigned int n;
	long r;

	if (!state->len)
		return -EINVAL;
	irqs = kvmalloc(MAX_STATE, GFP_KERNEL_ACCOUNT);
	if (!irqs)
		return -ENOMEM;
	spin_lock_irq(&to_sie(b)->local.lock);
	local = to_sie(b)->local;
	spin_unlock_irq(&to_sie(b)->local.lock);
	n = collect(&local, irqs, MAX_STATE / sizeof(*irqs));
	r = n * sizeof(*irqs);
	if (r > state->len)
		r = -ENOBUFS;
	else if (copy_to_user((void __user *)state->buf, irqs, r))
		r = -EFAULT;
	kvfree(irqs);
	return r;
}
