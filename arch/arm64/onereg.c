// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_{GET,SET}_ONE_REG and KVM_GET_REG_LIST (api.rst 4.68, 4.69, 4.84): which kind of
 * register a number is of, and the core registers, which are numbered by their place in
 * struct kvm_regs.  The other kinds have their own files.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include "sysreg.h"

/* The largest register that is copied here: an SVE vector register. */
#define MAX_SIZE	256

/* ---- core registers ---- */

enum core_kind {
	CORE_X, CORE_SP, CORE_PC, CORE_PSTATE, CORE_SP_EL1, CORE_ELR, CORE_SPSR, CORE_V,
	CORE_FPSR, CORE_FPCR,
};

struct core_row {
	u16 first;		/* words from the beginning of struct kvm_regs */
	u8 words;		/* of one register */
	u8 nr;
	enum core_kind kind;
};

static const struct core_row core[] = {
	{ KVM_REG_ARM_CORE_REG(regs.regs[0]),		2, 31, CORE_X },
	{ KVM_REG_ARM_CORE_REG(regs.sp),		2, 1, CORE_SP },
	{ KVM_REG_ARM_CORE_REG(regs.pc),		2, 1, CORE_PC },
	{ KVM_REG_ARM_CORE_REG(regs.pstate),		2, 1, CORE_PSTATE },
	{ KVM_REG_ARM_CORE_REG(sp_el1),			2, 1, CORE_SP_EL1 },
	{ KVM_REG_ARM_CORE_REG(elr_el1),		2, 1, CORE_ELR },
	{ KVM_REG_ARM_CORE_REG(spsr[0]),		2, KVM_NR_SPSR, CORE_SPSR },
	{ KVM_REG_ARM_CORE_REG(fp_regs.vregs[0]),	4, 32, CORE_V },
	{ KVM_REG_ARM_CORE_REG(fp_regs.fpsr),		1, 1, CORE_FPSR },
	{ KVM_REG_ARM_CORE_REG(fp_regs.fpcr),		1, 1, CORE_FPCR },
};

#define CORE_WORDS	(sizeof(struct kvm_regs) / sizeof(u32))

/* What a number says beyond its kind and size. */
static u64 place_of(u64 id)
{
	return id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | KVM_REG_ARM_COPROC_MASK);
}

/* The row, and which of its registers; -ENOENT, or -EINVAL unless it is exactly one. */
static int find_core(const struct arm_vcpu *v, u64 id, const struct core_row **row,
		     unsigned int *n)
{
	u64 place = place_of(id), words = KVM_REG_SIZE(id) / sizeof(u32);
	unsigned int i;

	if (place >= CORE_WORDS || place + words >= CORE_WORDS)
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(core); i++) {
		const struct core_row *r = &core[i];

		if (place < r->first || place >= r->first + r->nr * r->words)
			continue;
		if (words != r->words || (place - r->first) % r->words ||
		    (r->kind == CORE_V && arm_has_sve(v)))
			return -EINVAL;
		*row = r;
		*n = array_index_nospec((place - r->first) / r->words, r->nr);
		return 0;
	}
	return -EINVAL;
}

static const enum arm_sysreg spsrs[KVM_NR_SPSR] = {
	[KVM_SPSR_SVC] = ARM_SPSR_EL1,
	[KVM_SPSR_ABT] = ARM_SPSR_abt,
	[KVM_SPSR_UND] = ARM_SPSR_und,
	[KVM_SPSR_IRQ] = ARM_SPSR_irq,
	[KVM_SPSR_FIQ] = ARM_SPSR_fiq,
};

static int get_core(struct arm_vcpu *v, u64 id, void *data)
{
	const struct arm_context *c = &v->ctxt;
	const struct core_row *row;
	unsigned int n;
	u64 *value = data;
	int r = find_core(v, id, &row, &n);

	if (r)
		return r;
	switch (row->kind) {
	case CORE_X:
		*value = c->x[n];
		break;
	case CORE_SP:
		*value = c->sp_el0;
		break;
	case CORE_PC:
		*value = c->pc;
		break;
	case CORE_PSTATE:
		*value = c->pstate;
		break;
	case CORE_SP_EL1:
		*value = arm_read_sys(v, ARM_SP_EL1);
		break;
	case CORE_ELR:
		*value = arm_read_sys(v, ARM_ELR_EL1);
		break;
	case CORE_SPSR:
		*value = arm_read_sys(v, spsrs[n]);
		break;
	case CORE_V:
		memcpy(data, &c->fp.vregs[n], sizeof(c->fp.vregs[n]));
		break;
	case CORE_FPSR:
		*(u32 *)data = c->fp.fpsr;
		break;
	case CORE_FPCR:
		*(u32 *)data = c->fp.fpcr;
		break;
	}
	return 0;
}

/* Modes that this vCPU's EL0 and EL1 have; all else would be the host's. */
static bool mode_allowed(const struct arm_vcpu *v, u64 pstate)
{
	switch (pstate & (PSR_MODE32_BIT | PSR_MODE_MASK)) {
	case PSR_MODE_EL0t:
	case PSR_MODE_EL1t:
	case PSR_MODE_EL1h:
		return !v->aarch32;
	case PSR_AA32_MODE_USR:
		return arm_aarch32_el0();
	case PSR_AA32_MODE_FIQ:
	case PSR_AA32_MODE_IRQ:
	case PSR_AA32_MODE_SVC:
	case PSR_AA32_MODE_ABT:
	case PSR_AA32_MODE_UND:
	case PSR_AA32_MODE_SYS:
		return v->aarch32;
	default:
		return false;
	}
}

/* AArch32 has no upper halves.  R0 to R14 are the first 15; the banked ones are EL1's. */
static void narrow(struct arm_vcpu *v)
{
	unsigned int i, nr = v->aarch32 ? 31 : 15;

	for (i = 0; i < nr; i++)
		v->ctxt.x[i] = lower_32_bits(v->ctxt.x[i]);
	v->ctxt.pc = lower_32_bits(v->ctxt.pc);
}

static int set_core(struct arm_vcpu *v, u64 id, const void *data)
{
	struct arm_context *c = &v->ctxt;
	const struct core_row *row;
	const u64 *value = data;
	unsigned int n;
	int r = find_core(v, id, &row, &n);

	if (r)
		return r;
	switch (row->kind) {
	case CORE_X:
		c->x[n] = *value;
		break;
	case CORE_SP:
		c->sp_el0 = *value;
		break;
	case CORE_PC:
		c->pc = *value;
		break;
	case CORE_PSTATE:
		if (!mode_allowed(v, *value))
			return -EINVAL;
		c->pstate = lower_32_bits(*value);
		break;
	case CORE_SP_EL1:
		arm_write_sys(v, ARM_SP_EL1, *value);
		break;
	case CORE_ELR:
		arm_write_sys(v, ARM_ELR_EL1, *value);
		break;
	case CORE_SPSR:
		arm_write_sys(v, spsrs[n], *value);
		break;
	case CORE_V:
		memcpy(&c->fp.vregs[n], data, sizeof(c->fp.vregs[n]));
		break;
	case CORE_FPSR:
		c->fp.fpsr = *(const u32 *)data;
		break;
	case CORE_FPCR:
		c->fp.fpcr = *(const u32 *)data;
		break;
	}
	if (arm_in_aarch32(v))
		narrow(v);
	return 0;
}

static u64 core_id(const struct core_row *row, unsigned int n)
{
	u64 size = row->words == 1 ? KVM_REG_SIZE_U32 :
		   row->words == 2 ? KVM_REG_SIZE_U64 : KVM_REG_SIZE_U128;

	return KVM_REG_ARM64 | KVM_REG_ARM_CORE | size | (row->first + n * row->words);
}

static long list_core(struct arm_vcpu *v, u64 __user *ids)
{
	unsigned int i, n;
	long count = 0;

	for (i = 0; i < ARRAY_SIZE(core); i++) {
		if (core[i].kind == CORE_V && arm_has_sve(v))
			continue;
		for (n = 0; n < core[i].nr; n++, count++)
			if (ids && put_user(core_id(&core[i], n), ids + count))
				return -EFAULT;
	}
	return count;
}

/* ---- caches, of which CSSELR_EL1 selects one ---- */

#define CCSIDR_ID	(KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX |	\
			 KVM_REG_ARM_DEMUX_ID_CCSIDR)

static int find_ccsidr(u64 id, unsigned int *csselr)
{
	*csselr = id & KVM_REG_ARM_DEMUX_VAL_MASK;
	return (id & ~(u64)KVM_REG_ARM_DEMUX_VAL_MASK) == CCSIDR_ID && *csselr < ARM_NR_CCSIDRS ?
	       0 : -ENOENT;
}

static int get_ccsidr(struct arm_vcpu *v, u64 id, void *data)
{
	unsigned int csselr;
	int r = find_ccsidr(id, &csselr);

	if (!r)
		*(u32 *)data = arm_ccsidr(v, csselr);
	return r;
}

static int set_ccsidr(struct arm_vcpu *v, u64 id, const void *data)
{
	unsigned int csselr;
	int r = find_ccsidr(id, &csselr);

	return r ?: arm_ccsidr_set(v, csselr, *(const u32 *)data);
}

static long list_ccsidr(struct arm_vcpu *v, u64 __user *ids)
{
	unsigned int i;

	for (i = 0; ids && i < ARM_NR_CCSIDRS; i++)
		if (put_user(CCSIDR_ID | i, ids + i))
			return -EFAULT;
	return ARM_NR_CCSIDRS;
}

/* ---- system registers and firmware: 64 bits ---- */

static u32 encoding_of(u64 id)
{
	return sys_reg((id & KVM_REG_ARM64_SYSREG_OP0_MASK) >> KVM_REG_ARM64_SYSREG_OP0_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_OP1_MASK) >> KVM_REG_ARM64_SYSREG_OP1_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_CRN_MASK) >> KVM_REG_ARM64_SYSREG_CRN_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_CRM_MASK) >> KVM_REG_ARM64_SYSREG_CRM_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_OP2_MASK) >> KVM_REG_ARM64_SYSREG_OP2_SHIFT);
}

static int get_sysreg(struct arm_vcpu *v, u64 id, void *data)
{
	if ((id & KVM_REG_SIZE_MASK) != KVM_REG_SIZE_U64 || place_of(id) > U16_MAX)
		return -ENOENT;
	return arm_sysreg_get(v, encoding_of(id), data);
}

static int set_sysreg(struct arm_vcpu *v, u64 id, const void *data)
{
	if ((id & KVM_REG_SIZE_MASK) != KVM_REG_SIZE_U64 || place_of(id) > U16_MAX)
		return -ENOENT;
	return arm_sysreg_set(v, encoding_of(id), *(const u64 *)data);
}

static int get_fw(struct arm_vcpu *v, u64 id, void *data)
{
	return arm_fw_get_reg(v, id, data);
}

static int set_fw(struct arm_vcpu *v, u64 id, const void *data)
{
	return arm_fw_set_reg(v, id, *(const u64 *)data);
}

static long list_fw(struct arm_vcpu *v, u64 __user *ids)
{
	return arm_fw_list(ids);
}

/* ---- kinds ---- */

/* @list: write the ids to @ids, where not NULL; how many there are, or -EFAULT. */
static const struct reg_kind {
	u64 coproc;
	int (*get)(struct arm_vcpu *v, u64 id, void *data);
	int (*set)(struct arm_vcpu *v, u64 id, const void *data);
	long (*list)(struct arm_vcpu *v, u64 __user *ids);
} kinds[] = {
	{ KVM_REG_ARM_CORE,		get_core,	set_core,	list_core },
	{ KVM_REG_ARM_FW,		get_fw,		set_fw,		list_fw },
	{ KVM_REG_ARM_FW_FEAT_BMAP,	get_fw,		set_fw,		NULL },
	{ KVM_REG_ARM64_SYSREG,		get_sysreg,	set_sysreg,	arm_sysreg_list },
	{ KVM_REG_ARM64_SVE,		arm_sve_get_reg, arm_sve_set_reg, arm_sve_list },
	{ KVM_REG_ARM_DEMUX,		get_ccsidr,	set_ccsidr,	list_ccsidr },
};

/* -EINVAL for another architecture's number, -ENOENT for a kind that there is not. */
static int find_kind(u64 id, const struct reg_kind **kind)
{
	unsigned int i;

	if ((id & KVM_REG_ARCH_MASK) != KVM_REG_ARM64)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].coproc == (id & KVM_REG_ARM_COPROC_MASK)) {
			*kind = &kinds[i];
			return 0;
		}
	}
	return -ENOENT;
}

long arm_ioctl_get_one_reg(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_one_reg *reg = data;
	u64 value[MAX_SIZE / sizeof(u64)] = {};
	size_t size = KVM_REG_SIZE(reg->id);
	const struct reg_kind *kind;
	int r = find_kind(reg->id, &kind);

	arm_power_reset(to_arm(vcpu));
	if (!r)
		r = kind->get(to_arm(vcpu), reg->id, value);
	if (r)
		return r;
	return copy_to_user(u64_to_user_ptr(reg->addr), value, size) ? -EFAULT : 0;
}

long arm_ioctl_set_one_reg(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_one_reg *reg = data;
	u64 value[MAX_SIZE / sizeof(u64)] = {};
	size_t size = KVM_REG_SIZE(reg->id);
	const struct reg_kind *kind;
	int r = find_kind(reg->id, &kind);

	if (r)
		return r;
	if (size > sizeof(value))
		return -EINVAL;
	if (copy_from_user(value, u64_to_user_ptr(reg->addr), size))
		return -EFAULT;
	arm_power_reset(to_arm(vcpu));
	return kind->set(to_arm(vcpu), reg->id, value);
}

/* -E2BIG when @list->n is too small: it then says how many there are. */
long arm_ioctl_get_reg_list(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_reg_list __user *user = (void __user *)uarg;
	const struct kvm_reg_list *list = data;
	struct arm_vcpu *v = to_arm(vcpu);
	u64 __user *ids = user->reg;
	u64 total = 0;
	unsigned int i;
	long n;

	if (arm_has_sve(v) && !v->sve)
		return -EPERM;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].list)
			total += kinds[i].list(v, NULL);
	if (put_user(total, &user->n))
		return -EFAULT;
	if (list->n < total)
		return -E2BIG;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		n = kinds[i].list ? kinds[i].list(v, ids) : 0;
		if (n < 0)
			return n;
		ids += n;
	}
	return 0;
}
