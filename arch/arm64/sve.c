// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Scalable Vector Extension: which vector lengths guests may have, a vCPU's Z, P and FFR
 * registers, and how user space sees them (api.rst 4.68, 4.82, 4.119).  Lengths are in
 * quadwords ("vq"), as in ZCR_ELx.LEN, which is one less (Arm ARM D19.2.169).
 */
#include <asm/neon.h>
#include <linux/gfp.h>
#include <linux/uaccess.h>
#include "sysreg.h"

#define VQ_MAX		16
#define NR_ZREGS	32
#define NR_PREGS	16

static_assert(KVM_ARM64_SVE_VQ_MAX <= 64 * KVM_ARM64_SVE_VLS_WORDS);

/* ---- the lengths that the CPUs have, bit 0 being one quadword ---- */

static DEFINE_PER_CPU(bool, probed);
static u32 on_all = ~0u, on_any;	/* changed by one CPU at a time, as they come online */

static unsigned int read_vq(void)
{
	u64 bytes;

	asm volatile(".arch_extension sve\n rdvl %0, #1" : "=r" (bytes));
	return bytes / 16;
}

/* A length that a CPU lacks becomes the next shorter one. */
static u32 probe(void)
{
	u64 zcr = read_sysreg_s(SYS_ZCR_EL1);
	u32 lengths = 0;
	int vq;

	for (vq = VQ_MAX; vq > 0; vq--) {
		write_sysreg_s((zcr & ~(u64)ZCR_ELx_LEN_MASK) | (vq - 1), SYS_ZCR_EL1);
		isb();
		vq = min_t(int, read_vq(), vq);
		lengths |= BIT(vq - 1);
	}
	write_sysreg_s(zcr, SYS_ZCR_EL1);
	isb();
	return lengths;
}

/*
 * arm_sve_cpu_enable() - a CPU is there to run guests.  One that comes later has the lengths
 * of the others: the kernel does not take it else.  Context: a thread of this CPU.
 */
void arm_sve_cpu_enable(void)
{
	u32 lengths;

	if (!arm_id_offers(SYS_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_SVE_SHIFT, 1) ||
	    this_cpu_read(probed))
		return;
	/* A shorter length loses what a program has in its registers: they are saved by this. */
	kernel_neon_begin();
	preempt_disable();
	lengths = probe();
	preempt_enable();
	kernel_neon_end();
	on_all &= lengths;
	on_any |= lengths;
	this_cpu_write(probed, true);
}

/* The longest that all CPUs have, with all that are shorter being the same on all; 0: none. */
unsigned int arm_sve_max_vq(void)
{
	u32 odd = on_all ^ on_any, same = odd ? BIT(__ffs(odd)) - 1 : ~0u;

	return on_any ? fls(on_all & same) : 0;
}

/* ---- a vCPU's registers, as the world switch has them ---- */

/* Z, P and FFR one behind the other, at the vCPU's greatest length. */
static size_t state_size(unsigned int vq)
{
	return vq * (16 * NR_ZREGS + 2 * (NR_PREGS + 1));
}

void arm_sve_reset(struct arm_vcpu *v)
{
	if (v->sve)
		memset(v->sve, 0, state_size(v->sve_vq));
}

/* KVM_ARM_VCPU_FINALIZE: the length is chosen.  0, -EPERM the second time, -ENOMEM. */
int arm_sve_finalize(struct arm_vcpu *v)
{
	size_t size = state_size(v->sve_vq);
	void *state;
	int r;

	if (v->sve)
		return -EPERM;
	state = alloc_pages_exact(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!state)
		return -ENOMEM;
	r = arm_el2_map(state, size);
	if (r) {
		free_pages_exact(state, size);
		return r;
	}
	v->sve = state;
	v->ctxt.sve = arm_vhe() ? (u64)state : virt_to_phys(state);
	v->ctxt.sys[ARM_ZCR_EL2] = v->sve_vq - 1;
	v->ctxt.enter |= BIT(ARM_ENTER_SVE);
	return 0;
}

void arm_sve_destroy(struct arm_vcpu *v)
{
	if (v->sve)
		free_pages_exact(v->sve, state_size(v->sve_vq));
}

/* ---- KVM_{GET,SET}_ONE_REG ---- */

#define NR_REGS		(NR_ZREGS + NR_PREGS + 1)

/* In the order of the state. */
static u64 nth_id(unsigned int n)
{
	if (n < NR_ZREGS)
		return KVM_REG_ARM64_SVE_ZREG(n, 0);
	return n < NR_ZREGS + NR_PREGS ? KVM_REG_ARM64_SVE_PREG(n - NR_ZREGS, 0) :
					 KVM_REG_ARM64_SVE_FFR(0);
}

/* @bytes: how many of the register there are.  -ENOENT for what is none, -EPERM too early. */
static int find(struct arm_vcpu *v, u64 id, void **state, size_t *bytes)
{
	size_t z = 16 * v->sve_vq, p = 2 * v->sve_vq;
	unsigned int n;

	if (!v->sve)
		return arm_has_sve(v) ? -EPERM : -ENOENT;
	for (n = 0; n < NR_REGS; n++) {
		if (id != nth_id(n))
			continue;
		*state = v->sve + (n < NR_ZREGS ? n * z : NR_ZREGS * z + (n - NR_ZREGS) * p);
		*bytes = n < NR_ZREGS ? z : p;
		return 0;
	}
	return -ENOENT;
}

static u64 lengths_up_to(unsigned int vq)
{
	return on_all & GENMASK(vq - 1, 0);
}

/* @data is zero and has room for the longest register. */
int arm_sve_get_reg(struct arm_vcpu *v, u64 id, void *data)
{
	size_t bytes;
	void *state;
	int r;

	if (id == KVM_REG_ARM64_SVE_VLS && arm_has_sve(v)) {
		*(u64 *)data = lengths_up_to(v->sve_vq);
		return 0;
	}
	r = find(v, id, &state, &bytes);
	if (!r)
		memcpy(data, state, bytes);
	return r;
}

/* All lengths up to one of them: hardware has no other way to leave some out. */
static int set_lengths(struct arm_vcpu *v, const u64 *lengths)
{
	unsigned int vq = fls64(lengths[0]);

	if (v->sve)
		return -EPERM;
	if (memchr_inv(lengths + 1, 0, (KVM_ARM64_SVE_VLS_WORDS - 1) * sizeof(*lengths)) ||
	    !vq || vq > arm_sve_max_vq() || lengths[0] != lengths_up_to(vq))
		return -EINVAL;
	v->sve_vq = vq;
	return 0;
}

int arm_sve_set_reg(struct arm_vcpu *v, u64 id, const void *data)
{
	size_t bytes;
	void *state;
	int r;

	if (id == KVM_REG_ARM64_SVE_VLS && arm_has_sve(v))
		return set_lengths(v, data);
	r = find(v, id, &state, &bytes);
	if (!r)
		memcpy(state, data, bytes);
	return r;
}

/* Write the ids to @ids, where not NULL; how many there are, or -EFAULT. */
long arm_sve_list(struct arm_vcpu *v, u64 __user *ids)
{
	unsigned int n;

	if (!arm_has_sve(v))
		return 0;
	for (n = 0; ids && n <= NR_REGS; n++)
		if (put_user(n < NR_REGS ? nth_id(n) : KVM_REG_ARM64_SVE_VLS, ids + n))
			return -EFAULT;
	return NR_REGS + 1;
}
