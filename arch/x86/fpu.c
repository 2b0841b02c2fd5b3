// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU and extended state between user space and the guest's fpstate, which is in
 * memory while an ioctl runs: KVM_GET/SET_FPU, XSAVE, XSAVE2, XCRS.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/xcr.h>
#include "state.h"

extern unsigned int mxcsr_feature_mask;

/* Components a fresh FPU has: SDM vol. 1, 13.6. */
#define FPU_INIT_FCW	0x037f
#define FPU_INIT_MXCSR	0x1f80

/* A component whose header bit is clear is in its initial state, whatever memory holds. */
static u64 live_components(struct x86_vcpu *v)
{
	if (!x86_host_xcr0)
		return XFEATURE_MASK_FPSSE;
	return v->fpu.fpstate->regs.xsave.header.xfeatures;
}

long x86_ioctl_get_fpu(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct fxregs_state *fx = &v->fpu.fpstate->regs.fxsave;
	u64 live = live_components(v);
	struct kvm_fpu *fpu = data;

	fpu->fcw = FPU_INIT_FCW;
	fpu->mxcsr = FPU_INIT_MXCSR;
	if (live & XFEATURE_MASK_FP) {
		memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
		fpu->fcw = fx->cwd;
		fpu->fsw = fx->swd;
		fpu->ftwx = fx->twd;
		fpu->last_opcode = fx->fop;
		fpu->last_ip = fx->rip;
		fpu->last_dp = fx->rdp;
	}
	if (live & XFEATURE_MASK_SSE)
		memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	/* MXCSR goes with either register file that it governs (SDM vol. 1, 13.5.2). */
	if (live & (XFEATURE_MASK_SSE | XFEATURE_MASK_YMM))
		fpu->mxcsr = fx->mxcsr;
	return 0;
}

long x86_ioctl_set_fpu(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct fxregs_state *fx = &v->fpu.fpstate->regs.fxsave;
	const struct kvm_fpu *fpu = data;

	/* The processor refuses to load bits that it does not have. */
	if (fpu->mxcsr & ~mxcsr_feature_mask)
		return -EINVAL;

	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	fx->mxcsr = fpu->mxcsr;
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	if (x86_host_xcr0)
		v->fpu.fpstate->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/* KVM_CAP_XSAVE2: bytes of the largest state a vCPU can have. */
int x86_cap_xsave2(struct berth_vm *vm)
{
	return max_t(u32, x86_xsave_size(x86_host_xcr0, false), sizeof(struct kvm_xsave));
}

static void get_xsave(struct x86_vcpu *v, void *buf, unsigned int size)
{
	fpu_copy_guest_fpstate_to_uabi(&v->fpu, buf, size,
				       v->supported_xcr0 | XFEATURE_MASK_FPSSE, 0);
}

long x86_ioctl_get_xsave(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);

	if (v->fpu.uabi_size > sizeof(struct kvm_xsave))
		return -EINVAL;
	get_xsave(v, data, sizeof(struct kvm_xsave));
	return 0;
}

/* The size is the vCPU's, which the ioctl's number does not say. */
long x86_ioctl_get_xsave2(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	unsigned int size = v->fpu.uabi_size;
	void *buf;
	long r = 0;

	buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	get_xsave(v, buf, size);
	if (copy_to_user((void __user *)uarg, buf, size))
		r = -EFAULT;
	kvfree(buf);
	return r;
}

/* A header with components or reserved bits that cannot be: -EINVAL, nothing changed. */
long x86_ioctl_set_xsave(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	u32 pkru = 0;	/* PKU is not offered: the component is refused before this is used */
	void *buf;
	long r;

	buf = vmemdup_user((void __user *)uarg, v->fpu.uabi_size);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	r = fpu_copy_uabi_to_guest_fpstate(&v->fpu, buf, x86_host_xcr0, &pkru);
	kvfree(buf);
	return r;
}

int x86_cap_xcrs(struct berth_vm *vm)
{
	return x86_host_xcr0 != 0;
}

long x86_ioctl_get_xcrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_xcrs *xcrs = data;

	if (!x86_host_xcr0)
		return 0;
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = to_x86(vcpu)->xcr0;
	return 0;
}

/* XCR0 is the only one there is; others in the list are passed over. */
long x86_ioctl_set_xcrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_xcrs *xcrs = data;
	unsigned int i;

	if (!x86_host_xcr0 || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (xcrs->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return x86_write_xcr0(to_x86(vcpu), xcrs->xcrs[i].value) ? -EINVAL : 0;
	return 0;
}
