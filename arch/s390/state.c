// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPU's state as user space sees it: resets (PoP ch. 4), registers in and out, and kvm_run's
 * copy of them.  General, access and floating-point registers are in kvm_run while the vCPU does
 * not run, and count from there whatever kvm_dirty_regs says.
 */
#include <asm/sclp.h>
#include <linux/uaccess.h>
#include "s390.h"

static struct kvm_sync_regs *sync(struct sie_vcpu *v)
{
	return &v->core.run->s.regs;
}

static void pfault_off(struct sie_vcpu *v)
{
	v->pft = KVM_S390_PFAULT_TOKEN_INVALID;
}

void sie_start(struct sie_vcpu *v)
{
	atomic_andnot(SIE_STOPPED, &v->block->cpuflags);
}

void sie_stop(struct sie_vcpu *v)
{
	unsigned long flags;

	spin_lock_irqsave(&v->local.lock, flags);
	/* A stop that waits has come. */
	__clear_bit(SIE_IRQ_STOP, &v->local.pending);
	v->local.stop_flags = 0;
	atomic_or(SIE_STOPPED, &v->block->cpuflags);
	spin_unlock_irqrestore(&v->local.lock, flags);
}

/* The machine hears of its first byte. */
static void set_diag318(struct sie_vcpu *v, u64 value)
{
	v->diag318 = value;
	if (sclp.has_diag318)
		v->block->cpnc = value >> 56;
}

void sie_reset_normal(struct sie_vcpu *v)
{
	v->core.run->psw_mask &= ~PSW_MASK_RI;
	pfault_off(v);
	memset(sync(v)->riccb, 0, sizeof(sync(v)->riccb));
	sie_clear_local(v);
	if (!sie_user(sie_vm_of(v), SIE_USER_CPU_STATE))
		sie_stop(v);
}

void sie_reset_initial(struct sie_vcpu *v)
{
	struct sie_block *block = v->block;
	struct kvm_sync_regs *regs = sync(v);

	sie_reset_normal(v);
	v->core.run->psw_mask = 0;
	v->core.run->psw_addr = 0;
	block->gpsw = (psw_t) { };
	sie_set_prefix(v, 0);
	block->cputm = 0;
	block->ckc = 0;
	block->todpr = 0;
	block->pp = 0;
	block->gbea = 1;
	memset(block->gcr, 0, sizeof(block->gcr));
	block->gcr[0] = GCR0_INITIAL;
	block->gcr[14] = GCR14_INITIAL;
	v->fpc = 0;
	regs->fpc = 0;
	/* What user space finds there before the first KVM_RUN. */
	regs->prefix = 0;
	memcpy(regs->crs, block->gcr, sizeof(regs->crs));
	regs->ckc = 0;
	regs->cputm = 0;
	regs->todpr = 0;
	regs->pp = 0;
	regs->gbea = 1;
}

void sie_reset_clear(struct sie_vcpu *v)
{
	struct kvm_sync_regs *regs = sync(v);

	sie_reset_initial(v);
	memset(regs->gprs, 0, sizeof(regs->gprs));
	memset(regs->acrs, 0, sizeof(regs->acrs));
	memset(regs->fprs, 0, sizeof(regs->fprs));
	memset(regs->gscb, 0, sizeof(regs->gscb));
}

/* KVM_RUN begins: user space may write the page at any moment, so each word is read once. */
void sie_sync_in(struct sie_vcpu *v)
{
	struct kvm_run *run = v->core.run;
	struct kvm_sync_regs *regs = sync(v);
	struct sie_block *block = v->block;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	u32 fpc = READ_ONCE(regs->fpc);

	block->gpsw.mask = READ_ONCE(run->psw_mask);
	block->gpsw.addr = READ_ONCE(run->psw_addr);
	memcpy(v->gprs, regs->gprs, sizeof(v->gprs));
	memcpy(v->acrs, regs->acrs, sizeof(v->acrs));
	memcpy(v->fprs, regs->fprs, sizeof(v->fprs));
	v->fpc = sie_fpc_valid(fpc) ? fpc : 0;
	if (dirty & KVM_SYNC_PREFIX)
		sie_set_prefix(v, READ_ONCE(regs->prefix));
	if (dirty & KVM_SYNC_CRS)
		memcpy(block->gcr, regs->crs, sizeof(block->gcr));
	if (dirty & KVM_SYNC_ARCH0) {
		block->todpr = READ_ONCE(regs->todpr);
		block->cputm = READ_ONCE(regs->cputm);
		block->ckc = READ_ONCE(regs->ckc);
		block->pp = READ_ONCE(regs->pp);
		block->gbea = READ_ONCE(regs->gbea);
	}
	if (dirty & KVM_SYNC_PFAULT) {
		v->pft = READ_ONCE(regs->pft);
		v->pfs = READ_ONCE(regs->pfs);
		v->pfc = READ_ONCE(regs->pfc);
	}
	if (dirty & KVM_SYNC_DIAG318)
		set_diag318(v, READ_ONCE(regs->diag318));
	run->kvm_dirty_regs = 0;
}

void sie_sync_out(struct sie_vcpu *v)
{
	struct kvm_run *run = v->core.run;
	struct kvm_sync_regs *regs = sync(v);
	struct sie_block *block = v->block;

	run->psw_mask = block->gpsw.mask;
	run->psw_addr = block->gpsw.addr;
	memcpy(regs->gprs, v->gprs, sizeof(v->gprs));
	memcpy(regs->acrs, v->acrs, sizeof(v->acrs));
	memcpy(regs->fprs, v->fprs, sizeof(v->fprs));
	regs->fpc = v->fpc;
	regs->prefix = v->prefix;
	memcpy(regs->crs, block->gcr, sizeof(regs->crs));
	regs->todpr = block->todpr;
	regs->cputm = block->cputm;
	regs->ckc = block->ckc;
	regs->pp = block->pp;
	regs->gbea = block->gbea;
	regs->pft = v->pft;
	regs->pfs = v->pfs;
	regs->pfc = v->pfc;
	regs->diag318 = v->diag318;
}

void sie_snapshot(struct sie_vcpu *v)
{
	sie_fpu_put(&v->fpu, v->fprs, &v->fpc);
	sie_fpu_load(&v->fpu, v->fprs, v->fpc);
	save_access_regs(v->acrs);
	sie_sync_out(v);
}

long sie_ioctl_get_regs(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct kvm_regs *regs = data;

	memcpy(regs->gprs, sync(to_sie(b))->gprs, sizeof(regs->gprs));
	return 0;
}

long sie_ioctl_set_regs(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_regs *regs = data;

	memcpy(sync(to_sie(b))->gprs, regs->gprs, sizeof(regs->gprs));
	return 0;
}

long sie_ioctl_get_sregs(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct sie_vcpu *v = to_sie(b);
	struct kvm_sregs *sregs = data;

	memcpy(sregs->acrs, sync(v)->acrs, sizeof(sregs->acrs));
	memcpy(sregs->crs, v->block->gcr, sizeof(sregs->crs));
	return 0;
}

long sie_ioctl_set_sregs(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct sie_vcpu *v = to_sie(b);
	const struct kvm_sregs *sregs = data;

	memcpy(sync(v)->acrs, sregs->acrs, sizeof(sregs->acrs));
	memcpy(v->block->gcr, sregs->crs, sizeof(sregs->crs));
	return 0;
}

long sie_ioctl_get_fpu(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct kvm_fpu *fpu = data;

	memcpy(fpu->fprs, sync(to_sie(b))->fprs, sizeof(fpu->fprs));
	fpu->fpc = sync(to_sie(b))->fpc;
	return 0;
}

long sie_ioctl_set_fpu(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_fpu *fpu = data;

	if (!sie_fpc_valid(fpu->fpc))
		return -EINVAL;
	memcpy(sync(to_sie(b))->fprs, fpu->fprs, sizeof(fpu->fprs));
	sync(to_sie(b))->fpc = fpu->fpc;
	return 0;
}

/* Where KVM_GET_ONE_REG and KVM_SET_ONE_REG find a register. */
static void *one_reg(struct sie_vcpu *v, u64 id)
{
	switch (id) {
	case KVM_REG_S390_EPOCHDIFF:
		sie_update_tod(v);
		return &v->block->epoch;
	case KVM_REG_S390_CPU_TIMER:
		return &v->block->cputm;
	case KVM_REG_S390_CLOCK_COMP:
		return &v->block->ckc;
	case KVM_REG_S390_PFTOKEN:
		return &v->pft;
	case KVM_REG_S390_PFCOMPARE:
		return &v->pfc;
	case KVM_REG_S390_PFSELECT:
		return &v->pfs;
	case KVM_REG_S390_GBEA:
		return &v->block->gbea;
	default:
		return NULL;
	}
}

long sie_ioctl_get_one_reg(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct sie_vcpu *v = to_sie(b);
	const struct kvm_one_reg *reg = data;
	u64 *place = one_reg(v, reg->id);

	if (place)
		return put_user(*place, (u64 __user *)reg->addr);
	switch (reg->id) {
	case KVM_REG_S390_TODPR:
		return put_user(v->block->todpr, (u32 __user *)reg->addr);
	case KVM_REG_S390_PP:
		return put_user(v->block->pp, (u64 __user *)reg->addr);
	default:
		return -EINVAL;
	}
}

long sie_ioctl_set_one_reg(struct berth_vcpu *b, void *data, unsigned long arg)
{
	struct sie_vcpu *v = to_sie(b);
	const struct kvm_one_reg *reg = data;
	u64 *place = one_reg(v, reg->id);
	u64 value;
	u32 word;

	if (reg->id == KVM_REG_S390_TODPR) {
		if (get_user(word, (u32 __user *)reg->addr))
			return -EFAULT;
		v->block->todpr = word;
		return 0;
	}
	if (!place && reg->id != KVM_REG_S390_PP)
		return -EINVAL;
	if (get_user(value, (u64 __user *)reg->addr))
		return -EFAULT;
	if (place)
		*place = value;
	else
		v->block->pp = value;
	return 0;
}

/* The state is what the ioctl returns, as on the kernel's own KVM, which leaves the struct alone. */
long sie_ioctl_get_mp_state(struct berth_vcpu *b, void *data, unsigned long arg)
{
	return sie_stopped(to_sie(b)) ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_OPERATING;
}

/* Whoever calls this is who decides from now on, even when it was for nothing. */
long sie_ioctl_set_mp_state(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_mp_state *state = data;
	struct sie_vcpu *v = to_sie(b);

	set_bit(SIE_USER_CPU_STATE, &sie_vm_of(v)->user);
	switch (state->mp_state) {
	case KVM_MP_STATE_STOPPED:
		sie_stop(v);
		return 0;
	case KVM_MP_STATE_OPERATING:
		sie_start(v);
		return 0;
	default:
		return -ENXIO;
	}
}

long sie_ioctl_set_initial_psw(struct berth_vcpu *b, void *data, unsigned long arg)
{
	const struct kvm_s390_psw *psw = data;

	if (!sie_stopped(to_sie(b)))
		return -EBUSY;
	b->run->psw_mask = psw->mask;
	b->run->psw_addr = psw->addr;
	return 0;
}

/*
 * The save areas of the lowcore (PoP ch. 4, "Store Status"), at the absolute address @gpa of the
 * first one, for the two special values in the guest's first page or in its prefix area.
 */
int sie_store_status(struct sie_vcpu *v, struct berth_vcpu *writer, unsigned long gpa)
{
	const unsigned long mode = 163;		/* "z/Architecture" */
	struct kvm_sync_regs *regs = sync(v);
	const psw_t psw = { v->core.run->psw_mask, v->core.run->psw_addr };
	const u64 clock = v->block->ckc >> 8;
	const u32 prefix = v->prefix;
	const u8 zarch = 1;
	const struct {
		unsigned int offset, size;
		const void *from;
	} areas[] = {
		{ offsetof(struct lowcore, floating_pt_save_area), 128, regs->fprs },
		{ offsetof(struct lowcore, gpregs_save_area), 128, regs->gprs },
		{ offsetof(struct lowcore, psw_save_area), 16, &psw },
		{ offsetof(struct lowcore, prefixreg_save_area), 4, &prefix },
		{ offsetof(struct lowcore, fpt_creg_save_area), 4, &regs->fpc },
		{ offsetof(struct lowcore, tod_progreg_save_area), 4, &v->block->todpr },
		{ offsetof(struct lowcore, cpu_timer_save_area), 8, &v->block->cputm },
		{ offsetof(struct lowcore, clock_comp_save_area), 8, &clock },
		{ offsetof(struct lowcore, access_regs_save_area), 64, regs->acrs },
		{ offsetof(struct lowcore, cregs_save_area), 128, v->block->gcr },
	};
	unsigned int i;
	int r = 0;

	if (gpa == KVM_S390_STORE_STATUS_NOADDR) {
		gpa = 0;
		r = berth_write_guest(writer, mode, &zarch, 1);
	} else if (gpa == KVM_S390_STORE_STATUS_PREFIXED) {
		gpa = v->prefix;
		r = berth_write_guest(writer, gpa + mode, &zarch, 1);
	} else {
		gpa -= areas[0].offset;
	}
	for (i = 0; i < ARRAY_SIZE(areas) && !r; i++)
		r = berth_write_guest(writer, gpa + areas[i].offset, areas[i].from, areas[i].size);
	return r;
}

int sie_stop_done(struct sie_vcpu *v, struct berth_vcpu *writer, u32 flags)
{
	return flags & KVM_S390_STOP_FLAG_STORE_STATUS ?
	       sie_store_status(v, writer, KVM_S390_STORE_STATUS_NOADDR) : 0;
}

long sie_ioctl_store_status(struct berth_vcpu *b, void *data, unsigned long arg)
{
	return sie_store_status(to_sie(b), b, arg);
}

long sie_ioctl_normal_reset(struct berth_vcpu *b, void *data, unsigned long arg)
{
	sie_reset_normal(to_sie(b));
	return 0;
}

long sie_ioctl_initial_reset(struct berth_vcpu *b, void *data, unsigned long arg)
{
	sie_reset_initial(to_sie(b));
	return 0;
}

long sie_ioctl_clear_reset(struct berth_vcpu *b, void *data, unsigned long arg)
{
	sie_reset_clear(to_sie(b));
	return 0;
}
