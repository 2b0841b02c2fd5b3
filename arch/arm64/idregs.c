// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's processor says of itself: the ID registers, CTR_EL0 and the caches.
 * Features that are not in the table are hidden; what user space may take away is decided
 * here (Arm ARM D19.1.3, "Principles of the ID scheme").
 */
#include <asm/cputype.h>
#include <linux/bitfield.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include "state.h"
#include "sysreg.h"

/* Place of a register in arm_vm_state::id. */
#define ID(reg)		(sys_reg_CRm(SYS_##reg) << 3 | sys_reg_Op2(SYS_##reg))

/* In which direction a field may be changed from what the machine can. */
enum id_rule {
	FIXED,		/* not at all */
	LOWER,		/* to less: unsigned */
	SLOWER,		/* to less: signed, 0xf being "none" */
	HIGHER,		/* to more */
};

/*
 * A field of four bits that guests see: the host's value, at most @most.  What is listed
 * with 0 is hidden, but has a writable place.
 */
struct id_field {
	u8 id, shift, rule, most;
};

#define F(reg, field, rule, most)	{ ID(reg), reg##_##field##_SHIFT, rule, most }

static const struct id_field fields[] = {
	F(ID_AA64PFR0_EL1, EL0,		LOWER,	2),
	F(ID_AA64PFR0_EL1, EL1,		LOWER,	2),
	F(ID_AA64PFR0_EL1, EL2,		LOWER,	0),
	F(ID_AA64PFR0_EL1, EL3,		LOWER,	0),
	F(ID_AA64PFR0_EL1, FP,		FIXED,	15),
	F(ID_AA64PFR0_EL1, AdvSIMD,	FIXED,	15),
	F(ID_AA64PFR0_EL1, GIC,		LOWER,	1),
	F(ID_AA64PFR0_EL1, RAS,		FIXED,	1),
	F(ID_AA64PFR0_EL1, SVE,		FIXED,	1),
	F(ID_AA64PFR0_EL1, SEL2,	LOWER,	0),
	F(ID_AA64PFR0_EL1, DIT,		LOWER,	1),
	F(ID_AA64PFR0_EL1, CSV2,	LOWER,	1),
	F(ID_AA64PFR0_EL1, CSV3,	LOWER,	1),

	F(ID_AA64PFR1_EL1, BT,		LOWER,	1),
	F(ID_AA64PFR1_EL1, SSBS,	LOWER,	2),
	F(ID_AA64PFR1_EL1, CSV2_frac,	LOWER,	1),

	F(ID_AA64ZFR0_EL1, SVEver,	LOWER,	15),
	F(ID_AA64ZFR0_EL1, AES,		LOWER,	15),
	F(ID_AA64ZFR0_EL1, BitPerm,	LOWER,	15),
	F(ID_AA64ZFR0_EL1, BF16,	LOWER,	15),
	F(ID_AA64ZFR0_EL1, SHA3,	LOWER,	15),
	F(ID_AA64ZFR0_EL1, SM4,		LOWER,	15),
	F(ID_AA64ZFR0_EL1, I8MM,	LOWER,	15),
	F(ID_AA64ZFR0_EL1, F32MM,	LOWER,	15),
	F(ID_AA64ZFR0_EL1, F64MM,	LOWER,	15),

	/* Armv8 debug: what debug.c keeps. */
	F(ID_AA64DFR0_EL1, DebugVer,	LOWER,	6),
	F(ID_AA64DFR0_EL1, PMUVer,	SLOWER,	0),
	F(ID_AA64DFR0_EL1, BRPs,	FIXED,	15),
	F(ID_AA64DFR0_EL1, WRPs,	LOWER,	15),
	F(ID_AA64DFR0_EL1, CTX_CMPs,	FIXED,	15),
	F(ID_AA64DFR0_EL1, DoubleLock,	SLOWER,	15),

	F(ID_AA64ISAR0_EL1, AES,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, SHA1,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, SHA2,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, CRC32,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, ATOMIC,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, TME,	LOWER,	0),
	F(ID_AA64ISAR0_EL1, RDM,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, SHA3,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, SM3,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, SM4,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, DP,		LOWER,	15),
	F(ID_AA64ISAR0_EL1, FHM,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, TS,		LOWER,	15),
	F(ID_AA64ISAR0_EL1, TLB,	LOWER,	15),
	F(ID_AA64ISAR0_EL1, RNDR,	LOWER,	15),

	F(ID_AA64ISAR1_EL1, DPB,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, APA,	FIXED,	15),
	F(ID_AA64ISAR1_EL1, API,	FIXED,	15),
	F(ID_AA64ISAR1_EL1, JSCVT,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, FCMA,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, LRCPC,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, GPA,	FIXED,	15),
	F(ID_AA64ISAR1_EL1, GPI,	FIXED,	15),
	F(ID_AA64ISAR1_EL1, FRINTTS,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, SB,		LOWER,	15),
	F(ID_AA64ISAR1_EL1, SPECRES,	LOWER,	1),
	F(ID_AA64ISAR1_EL1, BF16,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, DGH,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, I8MM,	LOWER,	15),
	F(ID_AA64ISAR1_EL1, XS,		LOWER,	0),
	F(ID_AA64ISAR1_EL1, LS64,	LOWER,	0),

	F(ID_AA64ISAR2_EL1, WFxT,	LOWER,	0),
	F(ID_AA64ISAR2_EL1, RPRES,	LOWER,	15),
	F(ID_AA64ISAR2_EL1, GPA3,	FIXED,	15),
	F(ID_AA64ISAR2_EL1, APA3,	FIXED,	15),
	F(ID_AA64ISAR2_EL1, BC,		LOWER,	15),
	F(ID_AA64ISAR2_EL1, PAC_frac,	FIXED,	15),

	F(ID_AA64MMFR0_EL1, PARANGE,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, ASIDBITS,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, BIGEND,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, SNSMEM,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, BIGENDEL0,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, TGRAN16,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, TGRAN64,	SLOWER,	15),
	F(ID_AA64MMFR0_EL1, TGRAN4,	SLOWER,	15),
	F(ID_AA64MMFR0_EL1, EXS,	LOWER,	15),
	F(ID_AA64MMFR0_EL1, ECV,	LOWER,	0),

	F(ID_AA64MMFR1_EL1, HAFDBS,	LOWER,	2),
	F(ID_AA64MMFR1_EL1, HPDS,	LOWER,	15),
	F(ID_AA64MMFR1_EL1, LO,		LOWER,	0),
	F(ID_AA64MMFR1_EL1, PAN,	LOWER,	15),
	F(ID_AA64MMFR1_EL1, SpecSEI,	HIGHER,	15),
	F(ID_AA64MMFR1_EL1, ETS,	LOWER,	15),
	F(ID_AA64MMFR1_EL1, AFP,	LOWER,	15),
	F(ID_AA64MMFR1_EL1, TIDCP1,	LOWER,	15),
	F(ID_AA64MMFR1_EL1, ECBHB,	FIXED,	15),

	F(ID_AA64MMFR2_EL1, CnP,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, UAO,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, LSM,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, IESB,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, VARange,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, ST,		LOWER,	15),
	F(ID_AA64MMFR2_EL1, AT,		LOWER,	15),
	F(ID_AA64MMFR2_EL1, TTL,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, BBM,	LOWER,	15),
	F(ID_AA64MMFR2_EL1, E0PD,	LOWER,	15),

	/* AArch32's, of which the rest is in shown32[]: CopDbg and PerfMon. */
	{ ID(ID_DFR0_EL1), 0,		LOWER,	6 },
	{ ID(ID_DFR0_EL1), 24,		SLOWER,	0 },
	{ ID(ID_PFR1_EL1), 28,		FIXED,	1 },
};

/* AArch32's registers: bits that guests see as they are, and cannot change. */
static const struct {
	u8 id;
	u64 shown;
} shown32[] = {
	{ ID(ID_PFR0_EL1),	0xff0fffff },	/* not AMU */
	{ ID(ID_PFR1_EL1),	0x0fff0fff },	/* not Virtualization; GIC is a field above */
	{ ID(ID_PFR2_EL1),	0x00000fff },
	{ ID(ID_MMFR0_EL1),	0xffffffff },
	{ ID(ID_MMFR1_EL1),	0xffffffff },
	{ ID(ID_MMFR2_EL1),	0xffffffff },
	{ ID(ID_MMFR3_EL1),	0xffffffff },
	{ ID(ID_MMFR4_EL1),	0x0fffffff },	/* not EVT */
	{ ID(ID_MMFR5_EL1),	0x0000000f },
	{ ID(ID_ISAR0_EL1),	0xffffffff },
	{ ID(ID_ISAR1_EL1),	0xffffffff },
	{ ID(ID_ISAR2_EL1),	0xffffffff },
	{ ID(ID_ISAR3_EL1),	0xffffffff },
	{ ID(ID_ISAR4_EL1),	0xffffffff },
	{ ID(ID_ISAR5_EL1),	0xffffffff },
	{ ID(ID_ISAR6_EL1),	0xffffffff },
	{ ID(MVFR0_EL1),	0xffffffff },
	{ ID(MVFR1_EL1),	0xffffffff },
	{ ID(MVFR2_EL1),	0xffffffff },
};

/* What this machine can offer, by arm_vm_state::id's index, before a VM's features. */
static u64 offer[ARM_NR_ID_REGS] __ro_after_init;
static u64 host_ctr __ro_after_init;

static u32 encoding(unsigned int id)
{
	return sys_reg(3, 0, 0, id >> 3, id & 7);
}

static s64 value_of(const struct id_field *f, u64 reg)
{
	u64 v = reg >> f->shift & 0xf;

	return f->rule == SLOWER ? sign_extend64(v, 3) : v;
}

static bool field32(const struct id_field *f)
{
	return f->id < ID(ID_AA64PFR0_EL1);
}

bool arm_aarch32_el0(void)
{
	return FIELD_GET(ID_AA64PFR0_EL1_EL0_MASK, read_sanitised_ftr_reg(SYS_ID_AA64PFR0_EL1)) == 2;
}

/* Read the host's registers once.  Context: load. */
void arm_idregs_setup(void)
{
	bool aarch32 = arm_aarch32_el0();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct id_field *f = &fields[i];
		u64 host;

		if (!f->most || (field32(f) && !aarch32))
			continue;
		host = read_sanitised_ftr_reg(encoding(f->id));
		if (value_of(f, host) > f->most)
			host = (u64)f->most << f->shift;
		offer[f->id] |= host & 0xfull << f->shift;
	}
	for (i = 0; i < ARRAY_SIZE(shown32) && aarch32; i++)
		offer[shown32[i].id] |= read_sanitised_ftr_reg(encoding(shown32[i].id)) &
					shown32[i].shown;
	host_ctr = read_sanitised_ftr_reg(SYS_CTR_EL0);
}

/* Does the host's field, as far as we offer it, say at least @least? */
bool arm_id_offers(u32 reg, unsigned int shift, unsigned int least)
{
	return (offer[sys_reg_CRm(reg) << 3 | sys_reg_Op2(reg)] >> shift & 0xf) >= least;
}

#define PTRAUTH_ISAR1	(ID_AA64ISAR1_EL1_APA_MASK | ID_AA64ISAR1_EL1_API_MASK |	\
			 ID_AA64ISAR1_EL1_GPA_MASK | ID_AA64ISAR1_EL1_GPI_MASK)
#define PTRAUTH_ISAR2	(ID_AA64ISAR2_EL1_APA3_MASK | ID_AA64ISAR2_EL1_GPA3_MASK |	\
			 ID_AA64ISAR2_EL1_PAC_frac_MASK)

/* The most that this VM's register may say: the offer, without features it did not ask for. */
static u64 limit(const struct arm_vm_state *s, unsigned int id)
{
	u64 v = offer[id];

	if (!(s->features & ARM_FEATURE(SVE))) {
		if (id == ID(ID_AA64PFR0_EL1))
			v &= ~ID_AA64PFR0_EL1_SVE_MASK;
		else if (id == ID(ID_AA64ZFR0_EL1))
			v = 0;
	}
	if (!(s->features & ARM_FEATURE(PTRAUTH_ADDRESS))) {
		if (id == ID(ID_AA64ISAR1_EL1))
			v &= ~(u64)PTRAUTH_ISAR1;
		else if (id == ID(ID_AA64ISAR2_EL1))
			v &= ~(u64)PTRAUTH_ISAR2;
	}
	return v;
}

/* The VM's registers as they are before user space changes them.  Config lock held. */
void arm_idregs_reset(struct arm_vm_state *s)
{
	unsigned int id;

	for (id = 0; id < ARM_NR_ID_REGS; id++)
		s->id[id] = limit(s, id);
	s->ctr = host_ctr;
}

/* The VM has no GICv3, whose CPU interface the registers promise.  Config lock held. */
void arm_idregs_no_gicv3(struct arm_vm_state *s)
{
	s->id[ID(ID_AA64PFR0_EL1)] &= ~ID_AA64PFR0_EL1_GIC_MASK;
	s->id[ID(ID_PFR1_EL1)] &= ~GENMASK_ULL(31, 28);
}

static bool field_ok(const struct id_field *f, u64 value, u64 old, u64 most)
{
	switch (f->rule) {
	case LOWER:
	case SLOWER:
		return value_of(f, value) <= value_of(f, most);
	case HIGHER:
		return value_of(f, value) >= value_of(f, most);
	default:
		return value_of(f, value) == value_of(f, old);
	}
}

/* Earlier KVMs said "implementation defined" of a PMU that is not there: it means none. */
static u64 forgive_pmu(unsigned int id, u64 value)
{
	unsigned int shift;

	if (id == ID(ID_AA64DFR0_EL1))
		shift = ID_AA64DFR0_EL1_PMUVer_SHIFT;
	else if (id == ID(ID_DFR0_EL1))
		shift = 24;
	else
		return value;
	return (value >> shift & 0xf) == 0xf ? value & ~(0xfull << shift) : value;
}

/*
 * arm_id_set() - user space writes an ID register (vcpu-features.rst).
 *
 * -EINVAL for more than the machine and the VM's features allow, -EBUSY for a change once
 * a vCPU has run.
 */
int arm_id_set(struct arm_vm_state *s, unsigned int id, u64 value)
{
	u64 most, known = 0;
	unsigned int i;
	int r = 0;

	id = array_index_nospec(id, ARM_NR_ID_REGS);
	mutex_lock(&s->lock);
	most = limit(s, id);
	value = forgive_pmu(id, value);
	if (value == s->id[id])
		goto out;
	if (s->has_run) {
		r = -EBUSY;
		goto out;
	}
	for (i = 0; i < ARRAY_SIZE(fields) && !r; i++) {
		if (fields[i].id != id || (field32(&fields[i]) && !arm_aarch32_el0()))
			continue;
		known |= 0xfull << fields[i].shift;
		if (!field_ok(&fields[i], value, s->id[id], most))
			r = -EINVAL;
	}
	if ((value ^ s->id[id]) & ~known)
		r = -EINVAL;
	if (!r)
		WRITE_ONCE(s->id[id], value);
out:
	mutex_unlock(&s->lock);
	return r;
}

/* ---- CTR_EL0 and the caches ---- */

#define CTR_WRITABLE	(CTR_EL0_DIC_MASK | CTR_EL0_IDC_MASK | CTR_EL0_DminLine_MASK |	\
			 CTR_EL0_IminLine_MASK)

u64 arm_host_ctr(void)
{
	return host_ctr;
}

/* arm_ctr_set() - as arm_id_set(): lines may be said to be smaller, coherence to be absent. */
int arm_ctr_set(struct arm_vm_state *s, u64 value)
{
	int r = 0;

	mutex_lock(&s->lock);
	if (value == s->ctr)
		goto out;
	if (s->has_run)
		r = -EBUSY;
	else if (((value ^ host_ctr) & ~(u64)CTR_WRITABLE) ||
		 (value & ~host_ctr & (CTR_EL0_DIC_MASK | CTR_EL0_IDC_MASK)) ||
		 FIELD_GET(CTR_EL0_DminLine_MASK, value) >
			 FIELD_GET(CTR_EL0_DminLine_MASK, host_ctr) ||
		 FIELD_GET(CTR_EL0_IminLine_MASK, value) >
			 FIELD_GET(CTR_EL0_IminLine_MASK, host_ctr))
		r = -EINVAL;
	else
		WRITE_ONCE(s->ctr, value);
out:
	mutex_unlock(&s->lock);
	return r;
}

/* ---- KVM_ARM_GET_REG_WRITABLE_MASKS ---- */

static u64 writable(unsigned int id)
{
	bool aarch32 = arm_aarch32_el0();
	u64 mask = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].id == id && fields[i].rule != FIXED &&
		    (!field32(&fields[i]) || aarch32))
			mask |= 0xfull << fields[i].shift;
	return mask;
}

/* The range has op1 0, 1 and 3, each with CRm 0 to 7 and op2 0 to 7. */
static u64 range_mask(unsigned int index)
{
	unsigned int op1 = index >> 6, id = index & 63;

	if (op1 == 0)
		return writable(id);
	if (op1 == 1 && id == 1)
		return CLIDR_EL1_WRITABLE;
	if (op1 == 2 && id == 1)
		return CTR_WRITABLE;
	return 0;
}

/* The argument goes in, whatever the ioctl's number says; the array it points to comes out. */
long arm_ioctl_writable_masks(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct reg_mask_range *range = data;
	u64 __user *masks = u64_to_user_ptr(range->addr);
	unsigned int i;

	if (range->range != KVM_ARM_FEATURE_ID_RANGE ||
	    memchr_inv(range->reserved, 0, sizeof(range->reserved)))
		return -EINVAL;
	for (i = 0; i < KVM_ARM_FEATURE_ID_RANGE_SIZE; i++)
		if (put_user(range_mask(i), masks + i))
			return -EFAULT;
	return 0;
}
