// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of system registers: what a trapped access does, and what user space reads and
 * writes.  A register that has no row, or no access, is undefined to the guest.
 */
#include <asm/cputype.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "sysreg.h"
#include "vgic/vgic.h"

typedef const struct sysreg_row row_t;

/* ---- what the guest's access does ---- */

static bool raz_wi(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = 0;
	return true;
}

static bool raz(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = 0;
	return !a->write;
}

static bool stored(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	if (a->write)
		arm_write_sys(v, row->store, a->val);
	else
		a->val = arm_read_sys(v, row->store);
	return true;
}

/* Stage 1's registers trap so that caches going on or off are seen. */
static bool stage1(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	bool on = arm_caches_on(v);

	stored(v, row, a);
	if (a->write)
		arm_caches_toggled(v, on);
	return true;
}

/* ACTLR_EL1 is read as the host has it; nothing in it is the guest's. */
static bool actlr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = arm_read_sys(v, ARM_ACTLR_EL1);
	return true;
}

static bool id_reg(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = arm_vm_of(v)->state.id[(a->enc >> Op2_shift) & (ARM_NR_ID_REGS - 1)];
	return !a->write;
}

static bool ctr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = arm_vm_of(v)->state.ctr;
	return !a->write;
}

static bool clidr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = v->caches.clidr;
	return !a->write;
}

static bool ccsidr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = arm_ccsidr(v, arm_read_sys(v, ARM_CSSELR_EL1));
	return !a->write;
}

static bool csselr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val &= 0xf;
	return stored(v, row, a);
}

static bool set_way(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	if (!a->write)
		return false;
	arm_set_way(v);
	return true;
}

static bool gic(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	return vgic_sysreg(v, a->enc, a->write, &a->val);
}

static bool oslar(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	u64 lock = a->val & OSLAR_LOCKED ? OSLSR_LOCKED : 0;

	if (!a->write)
		return false;
	arm_write_sys(v, ARM_OSLSR_EL1, OSLSR_OSLM | lock);
	arm_debug_update(v);
	return true;
}

static bool oslsr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = arm_read_sys(v, ARM_OSLSR_EL1);
	return !a->write;
}

/* All kinds of debug are allowed to this world (Arm ARM D19.3.4). */
static bool dbgauthstatus(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	a->val = read_sysreg(dbgauthstatus_el1);
	return !a->write;
}

/* ---- what user space's does ---- */

static u64 get_stored(struct arm_vcpu *v, row_t *row, u32 enc)
{
	return arm_read_sys(v, row->store);
}

static int set_stored(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	arm_write_sys(v, row->store, value);
	return 0;
}

static u64 get_id(struct arm_vcpu *v, row_t *row, u32 enc)
{
	return arm_vm_of(v)->state.id[(enc >> Op2_shift) & (ARM_NR_ID_REGS - 1)];
}

static int set_id(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	return arm_id_set(&arm_vm_of(v)->state, (enc >> Op2_shift) & (ARM_NR_ID_REGS - 1), value);
}

/* The same on every CPU of this host, and not to be changed. */
static u64 get_host(struct arm_vcpu *v, row_t *row, u32 enc)
{
	switch (enc) {
	case SYS_MIDR_EL1:
		return read_cpuid_id();
	case SYS_REVIDR_EL1:
		return read_cpuid(REVIDR_EL1);
	default:
		return read_cpuid(AIDR_EL1);
	}
}

static int set_host(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	return value == get_host(v, row, enc) ? 0 : -EINVAL;
}

static u64 get_mpidr(struct arm_vcpu *v, row_t *row, u32 enc)
{
	return v->ctxt.vmpidr;
}

static int set_mpidr(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	v->ctxt.vmpidr = value;
	return 0;
}

static u64 get_ctr(struct arm_vcpu *v, row_t *row, u32 enc)
{
	return arm_vm_of(v)->state.ctr;
}

static int set_ctr(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	return arm_ctr_set(&arm_vm_of(v)->state, value);
}

static u64 get_clidr(struct arm_vcpu *v, row_t *row, u32 enc)
{
	return v->caches.clidr;
}

static int set_clidr(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	return arm_clidr_set(v, value);
}

static int set_oslsr(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	if ((value ^ arm_read_sys(v, ARM_OSLSR_EL1)) & ~OSLSR_LOCKED)
		return -EINVAL;
	arm_write_sys(v, ARM_OSLSR_EL1, value);
	arm_debug_update(v);
	return 0;
}

static int set_mdscr(struct arm_vcpu *v, row_t *row, u32 enc, u64 value)
{
	arm_write_sys(v, ARM_MDSCR_EL1, value);
	arm_debug_update(v);
	return 0;
}

static bool mdscr(struct arm_vcpu *v, row_t *row, struct sysreg_access *a)
{
	stored(v, row, a);
	if (a->write)
		arm_debug_update(v);
	return true;
}

/* ---- the table ---- */

#define STORED(reg, acc, rst) \
	{ .enc = SYS_##reg, .access = acc, .store = ARM_##reg, .reset = rst, \
	  .get = get_stored, .set = set_stored }
#define FEATURE(reg, feat) \
	{ .enc = SYS_##reg, .store = ARM_##reg, .feature = KVM_ARM_VCPU_##feat, \
	  .get = get_stored, .set = set_stored }
#define TRAP(reg, acc)		{ .enc = SYS_##reg, .access = acc }
#define TRAPS(first, n, m, acc)	{ .enc = first, .nr = n, .nr_op2 = m, .access = acc }
#define DEBUG(op2)		{ .enc = sys_reg(2, 0, 0, 0, op2), .nr = 16, \
				  .access = arm_debug_access, .get = arm_debug_get, \
				  .set = arm_debug_set }

/* Names that one of the kernels' headers lacks. */
#define SYS_CNTPCT	sys_reg(3, 3, 14, 0, 1)
#define SYS_CNTP_TVAL	sys_reg(3, 3, 14, 2, 0)
#define SYS_CNTP_CTL	sys_reg(3, 3, 14, 2, 1)
#define SYS_CNTP_CVAL	sys_reg(3, 3, 14, 2, 2)
#define SYS_CNTPCTSS	sys_reg(3, 3, 14, 0, 5)

#define SCTLR_RESET	0x00c50078	/* the bits that are 1 in every implementation */
#define FPEXC_RESET	0x700

static const struct sysreg_row rows[] = {
	/* Cache maintenance that HCR_EL2.TSW traps. */
	{ .enc = sys_insn(1, 0, 7, 6, 2), .access = set_way },		/* DC ISW */
	{ .enc = sys_insn(1, 0, 7, 10, 2), .access = set_way },		/* DC CSW */
	{ .enc = sys_insn(1, 0, 7, 14, 2), .access = set_way },		/* DC CISW */

	/* Debug: MDCR_EL2.{TDA,TDOSA,TDRA}. */
	DEBUG(4),							/* DBGBVR<n>_EL1 */
	DEBUG(5),							/* DBGBCR<n>_EL1 */
	DEBUG(6),							/* DBGWVR<n>_EL1 */
	DEBUG(7),							/* DBGWCR<n>_EL1 */
	{ .enc = SYS_MDCCINT_EL1, .access = raz_wi, .store = ARM_MDCCINT_EL1,
	  .get = get_stored, .set = set_stored },
	{ .enc = SYS_MDSCR_EL1, .access = mdscr, .store = ARM_MDSCR_EL1,
	  .get = get_stored, .set = set_mdscr },
	TRAP(OSDTRRX_EL1, raz_wi),
	TRAP(OSDTRTX_EL1, raz_wi),
	TRAP(OSECCR_EL1, raz_wi),
	TRAP(MDRAR_EL1, raz),
	TRAP(OSLAR_EL1, oslar),
	{ .enc = SYS_OSLSR_EL1, .access = oslsr, .store = ARM_OSLSR_EL1, .reset = OSLSR_OSLM,
	  .get = get_stored, .set = set_oslsr },
	TRAP(OSDLR_EL1, raz_wi),
	TRAP(DBGPRCR_EL1, raz_wi),
	TRAP(DBGCLAIMSET_EL1, raz_wi),
	TRAP(DBGCLAIMCLR_EL1, raz_wi),
	TRAP(DBGAUTHSTATUS_EL1, dbgauthstatus),
	TRAP(MDCCSR_EL0, raz),
	TRAP(DBGDTR_EL0, raz_wi),
	TRAP(DBGDTRRX_EL0, raz_wi),					/* and DBGDTRTX_EL0 */
	STORED(DBGVCR32_EL2,	NULL,	0),

	/* Identification: HCR_EL2.{TID2,TID3}. */
	{ .enc = SYS_MIDR_EL1, .get = get_host, .set = set_host },
	{ .enc = SYS_MPIDR_EL1, .get = get_mpidr, .set = set_mpidr },
	{ .enc = SYS_REVIDR_EL1, .get = get_host, .set = set_host },
	{ .enc = sys_reg(3, 0, 0, 1, 0), .nr = 7, .nr_op2 = 8, .access = id_reg,
	  .get = get_id, .set = set_id },				/* ID_*_EL1, MVFR<n>_EL1 */
	{ .enc = SYS_CLIDR_EL1, .access = clidr, .get = get_clidr, .set = set_clidr },
	{ .enc = SYS_CCSIDR_EL1, .access = ccsidr },
	{ .enc = SYS_AIDR_EL1, .get = get_host, .set = set_host },
	{ .enc = SYS_CTR_EL0, .access = ctr, .get = get_ctr, .set = set_ctr },
	STORED(CSSELR_EL1,	csselr,	0),

	/* Stage 1 and its friends: HCR_EL2.TVM, TACR. */
	STORED(SCTLR_EL1,	stage1,	SCTLR_RESET),
	{ .enc = SYS_ACTLR_EL1, .access = actlr, .store = ARM_ACTLR_EL1,
	  .get = get_stored, .set = set_stored },
	STORED(CPACR_EL1,	NULL,	0),
	FEATURE(ZCR_EL1, SVE),
	STORED(TTBR0_EL1,	stage1,	0),
	STORED(TTBR1_EL1,	stage1,	0),
	STORED(TCR_EL1,		stage1,	0),
	STORED(AFSR0_EL1,	stage1,	0),
	STORED(AFSR1_EL1,	stage1,	0),
	STORED(ESR_EL1,		stage1,	0),
	STORED(FAR_EL1,		stage1,	0),
	STORED(PAR_EL1,		NULL,	0),
	STORED(MAIR_EL1,	stage1,	0),
	STORED(AMAIR_EL1,	stage1,	0),
	STORED(VBAR_EL1,	NULL,	0),
	STORED(DISR_EL1,	NULL,	0),
	STORED(CONTEXTIDR_EL1,	stage1,	0),
	STORED(TPIDR_EL1,	NULL,	0),
	STORED(CNTKCTL_EL1,	NULL,	0),
	STORED(TPIDR_EL0,	NULL,	0),
	STORED(TPIDRRO_EL0,	NULL,	0),
	STORED(DACR32_EL2,	stored,	0),
	STORED(IFSR32_EL2,	stored,	0),
	STORED(FPEXC32_EL2,	NULL,	FPEXC_RESET),

	/* Pointer authentication: HCR_EL2.APK is clear without the feature. */
	FEATURE(APIAKEYLO_EL1, PTRAUTH_ADDRESS),
	FEATURE(APIAKEYHI_EL1, PTRAUTH_ADDRESS),
	FEATURE(APIBKEYLO_EL1, PTRAUTH_ADDRESS),
	FEATURE(APIBKEYHI_EL1, PTRAUTH_ADDRESS),
	FEATURE(APDAKEYLO_EL1, PTRAUTH_ADDRESS),
	FEATURE(APDAKEYHI_EL1, PTRAUTH_ADDRESS),
	FEATURE(APDBKEYLO_EL1, PTRAUTH_ADDRESS),
	FEATURE(APDBKEYHI_EL1, PTRAUTH_ADDRESS),
	FEATURE(APGAKEYLO_EL1, PTRAUTH_GENERIC),
	FEATURE(APGAKEYHI_EL1, PTRAUTH_GENERIC),

	/* RAS: no error records, HCR_EL2.TERR. */
	TRAP(ERRIDR_EL1, raz),
	TRAP(ERRSELR_EL1, raz_wi),
	TRAP(ERXFR_EL1, raz),
	TRAP(ERXCTLR_EL1, raz_wi),
	TRAP(ERXSTATUS_EL1, raz_wi),
	TRAP(ERXADDR_EL1, raz_wi),
	TRAP(ERXMISC0_EL1, raz_wi),
	TRAP(ERXMISC1_EL1, raz_wi),

	/* GICv3's CPU interface, where it traps. */
	TRAP(ICC_PMR_EL1, gic),
	TRAPS(sys_reg(3, 0, 12, 8, 0), 2, 8, gic),
	TRAPS(sys_reg(3, 0, 12, 11, 0), 2, 8, gic),

	/*
	 * Timers: CNTHCTL_EL2.  User space has two of the virtual one's registers under each
	 * other's number (asm/kvm.h).
	 */
	{ .enc = SYS_CNTPCT, .access = arm_timer_access, .get = arm_timer_get,
	  .set = arm_timer_set },
	{ .enc = SYS_CNTPCTSS, .access = arm_timer_access },
	{ .enc = SYS_CNTP_TVAL, .access = arm_timer_access },
	{ .enc = SYS_CNTP_CTL, .access = arm_timer_access, .get = arm_timer_get,
	  .set = arm_timer_set },
	{ .enc = SYS_CNTP_CVAL, .access = arm_timer_access, .get = arm_timer_get,
	  .set = arm_timer_set },
	{ .enc = sys_reg(3, 3, 14, 3, 1), .get = arm_timer_get, .set = arm_timer_set },
	{ .enc = sys_reg(3, 3, 14, 0, 2), .get = arm_timer_get, .set = arm_timer_set },
	{ .enc = sys_reg(3, 3, 14, 3, 2), .get = arm_timer_get, .set = arm_timer_set },
};

/* ---- looking up ---- */

/* By op0, op1 and CRn, then by CRm and op2. */
#define NR_GROUPS	512
#define GROUP_SIZE	128

static const struct sysreg_row **groups[NR_GROUPS] __ro_after_init;

static __always_inline unsigned int group_of(u32 enc)
{
	return enc >> CRn_shift & (NR_GROUPS - 1);
}

static __always_inline unsigned int place_of(u32 enc)
{
	return enc >> Op2_shift & (GROUP_SIZE - 1);
}

const struct sysreg_row *arm_sysreg_find(u32 enc)
{
	const struct sysreg_row **group = groups[group_of(enc)];

	return group ? group[place_of(enc)] : NULL;
}

static unsigned int nr_encodings(row_t *row)
{
	return max_t(unsigned int, row->nr, 1) * max_t(unsigned int, row->nr_op2, 1);
}

static u32 nth_encoding(row_t *row, unsigned int n)
{
	unsigned int nr_op2 = max_t(unsigned int, row->nr_op2, 1);

	return row->enc + (n / nr_op2 << CRm_shift) + (n % nr_op2 << Op2_shift);
}

static int enter_row(row_t *row)
{
	unsigned int i;

	for (i = 0; i < nr_encodings(row); i++) {
		u32 enc = nth_encoding(row, i);
		const struct sysreg_row ***group = &groups[group_of(enc)];

		if (!*group)
			*group = kcalloc(GROUP_SIZE, sizeof(**group), GFP_KERNEL);
		if (!*group)
			return -ENOMEM;
		if (WARN_ON((*group)[place_of(enc)]))
			return -EINVAL;
		(*group)[place_of(enc)] = row;
	}
	return 0;
}

/* Build the index.  0 or -ENOMEM.  Inverse: arm_sysreg_unsetup(). */
int arm_sysreg_setup(void)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(rows) && !r; i++)
		r = enter_row(&rows[i]);
	if (r)
		arm_sysreg_unsetup();
	return r;
}

void arm_sysreg_unsetup(void)
{
	unsigned int i;

	/* The pointers are read-only by now. */
	for (i = 0; i < NR_GROUPS; i++)
		kfree(groups[i]);
}

/* ---- traps ---- */

bool arm_sysreg_access(struct arm_vcpu *v, struct sysreg_access *a)
{
	row_t *row = arm_sysreg_find(a->enc);

	return row && row->access && row->access(v, row, a);
}

/*
 * arm_sysreg_trap() - MSR, MRS or a system instruction of AArch64 trapped (Arm ARM D17.2.37,
 * "ISS encoding for an exception from MSR, MRS, or System instruction execution").
 */
int arm_sysreg_trap(struct arm_vcpu *v, u64 esr)
{
	unsigned int rt = esr >> ESR_ELx_SYS64_ISS_RT_SHIFT & 31;
	struct sysreg_access a = {
		.enc = esr_sys64_to_sysreg(esr),
		.write = !(esr & ESR_ELx_SYS64_ISS_DIR_READ),
	};

	if (a.write)
		a.val = arm_get_reg(v, rt);
	if (!arm_sysreg_access(v, &a)) {
		arm_inject_undef(v);
		return BERTH_RUN_AGAIN;
	}
	if (!a.write)
		arm_set_reg(v, rt, a.val);
	arm_skip_insn(v);
	return BERTH_RUN_AGAIN;
}

/* ---- user space ---- */

static bool visible(const struct arm_vcpu *v, row_t *row)
{
	return row && row->get &&
	       (!row->feature || (arm_vm_of(v)->state.features & BIT(row->feature)));
}

int arm_sysreg_get(struct arm_vcpu *v, u32 enc, u64 *value)
{
	row_t *row = arm_sysreg_find(enc);

	if (!visible(v, row))
		return -ENOENT;
	*value = row->get(v, row, enc);
	return 0;
}

int arm_sysreg_set(struct arm_vcpu *v, u32 enc, u64 value)
{
	row_t *row = arm_sysreg_find(enc);

	if (!visible(v, row))
		return -ENOENT;
	return row->set(v, row, enc, value);
}

static u64 user_id(u32 enc)
{
	return ARM64_SYS_REG(sys_reg_Op0(enc), sys_reg_Op1(enc), sys_reg_CRn(enc),
			     sys_reg_CRm(enc), sys_reg_Op2(enc));
}

long arm_sysreg_list(struct arm_vcpu *v, u64 __user *ids)
{
	unsigned int i, n;
	long count = 0;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!visible(v, &rows[i]))
			continue;
		for (n = 0; n < nr_encodings(&rows[i]); n++, count++)
			if (ids && put_user(user_id(nth_encoding(&rows[i], n)), ids + count))
				return -EFAULT;
	}
	return count;
}

void arm_sysreg_reset(struct arm_vcpu *v)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].set == set_stored || rows[i].set == set_oslsr ||
		    rows[i].set == set_mdscr)
			arm_write_sys(v, rows[i].store, rows[i].reset);
	arm_write_sys(v, ARM_ACTLR_EL1, read_sysreg(actlr_el1));
	arm_write_sys(v, ARM_AMAIR_EL1, read_sysreg(amair_el1));
}
