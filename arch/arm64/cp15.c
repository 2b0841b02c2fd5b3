// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coprocessor accesses of AArch32 guests that trap: what of AArch64 each register is, in
 * whole or by halves (Arm ARM G8.1, "AArch32 System register descriptions" and the
 * mappings given there).  The access itself is the AArch64 row's.
 */
#include "sysreg.h"

/* Which bits of the AArch64 register. */
enum part {
	ALL32,		/* the low half, the high one reads as zero and is not written */
	LOW,		/* the low half, the high one stays */
	HIGH,		/* the high half */
	ALL64,		/* by MCRR and MRRC */
};

struct cp_row {
	u16 key;
	u8 part;
	u32 enc;
};

/* MCR and MRC: op1, CRn, CRm, op2.  MCRR and MRRC: op1 and CRm. */
#define KEY(op1, crn, crm, op2)	((op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define KEY64(op1, crm)		(BIT(15) | (op1) << 4 | (crm))

#define CP(op1, crn, crm, op2, part, reg)	{ KEY(op1, crn, crm, op2), part, reg }
#define CP64(op1, crm, reg)			{ KEY64(op1, crm), ALL64, reg }

static const struct cp_row cp15[] = {
	CP(0, 0, 0, 1,	ALL32,	SYS_CTR_EL0),
	CP(0, 1, 0, 0,	ALL32,	SYS_SCTLR_EL1),
	CP(0, 1, 0, 1,	LOW,	SYS_ACTLR_EL1),
	CP(0, 1, 0, 3,	HIGH,	SYS_ACTLR_EL1),			/* ACTLR2 */
	CP(0, 2, 0, 0,	LOW,	SYS_TTBR0_EL1),
	CP(0, 2, 0, 1,	LOW,	SYS_TTBR1_EL1),
	CP(0, 2, 0, 2,	LOW,	SYS_TCR_EL1),			/* TTBCR */
	CP(0, 2, 0, 3,	HIGH,	SYS_TCR_EL1),			/* TTBCR2 */
	CP(0, 3, 0, 0,	ALL32,	SYS_DACR32_EL2),
	CP(0, 4, 6, 0,	ALL32,	SYS_ICC_PMR_EL1),
	CP(0, 5, 0, 0,	ALL32,	SYS_ESR_EL1),			/* DFSR */
	CP(0, 5, 0, 1,	ALL32,	SYS_IFSR32_EL2),
	CP(0, 5, 1, 0,	ALL32,	SYS_AFSR0_EL1),			/* ADFSR */
	CP(0, 5, 1, 1,	ALL32,	SYS_AFSR1_EL1),			/* AIFSR */
	CP(0, 6, 0, 0,	LOW,	SYS_FAR_EL1),			/* DFAR */
	CP(0, 6, 0, 2,	HIGH,	SYS_FAR_EL1),			/* IFAR */
	CP(0, 7, 6, 2,	ALL32,	sys_insn(1, 0, 7, 6, 2)),	/* DCISW */
	CP(0, 7, 10, 2,	ALL32,	sys_insn(1, 0, 7, 10, 2)),	/* DCCSW */
	CP(0, 7, 14, 2,	ALL32,	sys_insn(1, 0, 7, 14, 2)),	/* DCCISW */
	CP(0, 10, 2, 0,	LOW,	SYS_MAIR_EL1),			/* PRRR, MAIR0 */
	CP(0, 10, 2, 1,	HIGH,	SYS_MAIR_EL1),			/* NMRR, MAIR1 */
	CP(0, 10, 3, 0,	LOW,	SYS_AMAIR_EL1),
	CP(0, 10, 3, 1,	HIGH,	SYS_AMAIR_EL1),
	CP(0, 13, 0, 1,	ALL32,	SYS_CONTEXTIDR_EL1),
	CP(0, 14, 2, 0,	ALL32,	sys_reg(3, 3, 14, 2, 0)),	/* CNTP_TVAL */
	CP(0, 14, 2, 1,	ALL32,	sys_reg(3, 3, 14, 2, 1)),	/* CNTP_CTL */
	CP(1, 0, 0, 0,	ALL32,	SYS_CCSIDR_EL1),
	CP(1, 0, 0, 1,	ALL32,	SYS_CLIDR_EL1),
	CP(2, 0, 0, 0,	ALL32,	SYS_CSSELR_EL1),
	CP64(0, 2, SYS_TTBR0_EL1),
	CP64(1, 2, SYS_TTBR1_EL1),
	CP64(0, 14, sys_reg(3, 3, 14, 0, 1)),			/* CNTPCT */
	CP64(2, 14, sys_reg(3, 3, 14, 2, 2)),			/* CNTP_CVAL */
	CP64(8, 14, sys_reg(3, 3, 14, 0, 5)),			/* CNTPCTSS */
	CP64(0, 12, SYS_ICC_SGI1R_EL1),
	CP64(1, 12, SYS_ICC_ASGI1R_EL1),
	CP64(2, 12, SYS_ICC_SGI0R_EL1),
};

static const struct cp_row cp14[] = {
	CP(0, 0, 1, 0,	ALL32,	SYS_MDCCSR_EL0),		/* DBGDSCRint */
	CP(0, 0, 2, 0,	ALL32,	SYS_MDCCINT_EL1),
	CP(0, 0, 2, 2,	ALL32,	SYS_MDSCR_EL1),			/* DBGDSCRext */
	CP(0, 0, 0, 2,	ALL32,	SYS_OSDTRRX_EL1),
	CP(0, 0, 3, 2,	ALL32,	SYS_OSDTRTX_EL1),
	CP(0, 0, 5, 0,	ALL32,	SYS_DBGDTRRX_EL0),
	CP(0, 0, 6, 2,	ALL32,	SYS_OSECCR_EL1),
	CP(0, 1, 0, 0,	ALL32,	SYS_MDRAR_EL1),			/* DBGDRAR */
	CP(0, 1, 0, 4,	ALL32,	SYS_OSLAR_EL1),
	CP(0, 1, 1, 4,	ALL32,	SYS_OSLSR_EL1),
	CP(0, 1, 3, 4,	ALL32,	SYS_OSDLR_EL1),
	CP(0, 1, 4, 4,	ALL32,	SYS_DBGPRCR_EL1),
	CP(0, 7, 8, 6,	ALL32,	SYS_DBGCLAIMSET_EL1),
	CP(0, 7, 9, 6,	ALL32,	SYS_DBGCLAIMCLR_EL1),
	CP(0, 7, 14, 6,	ALL32,	SYS_DBGAUTHSTATUS_EL1),
	CP64(0, 1, SYS_MDRAR_EL1),
};

/* One access, of either coprocessor, as its syndrome tells (D17.2.37). */
struct cp_access {
	u16 key;
	u8 op1, crn, crm, op2;
	u8 rt, rt2;
	bool write, wide;
};

static struct cp_access decode(u64 esr, bool wide)
{
	struct cp_access c = {
		.wide = wide,
		.write = !(esr & 1),
		.crm = esr >> 1 & 0xf,
		.rt = esr >> 5 & 0x1f,
	};

	if (wide) {
		c.rt2 = esr >> 10 & 0x1f;
		c.op1 = esr >> 16 & 0xf;
		c.key = KEY64(c.op1, c.crm);
	} else {
		c.crn = esr >> 10 & 0xf;
		c.op1 = esr >> 14 & 0x7;
		c.op2 = esr >> 17 & 0x7;
		c.key = KEY(c.op1, c.crn, c.crm, c.op2);
	}
	return c;
}

/* Whole families that have the same numbers in both: ID registers, GICv3, breakpoints. */
static bool by_rule(unsigned int cp, const struct cp_access *c, struct cp_row *row)
{
	row->part = ALL32;
	if (c->wide || c->op1)
		return false;
	if (cp == 15 && c->crn == 0 && c->crm) {
		/* From c4 on AArch64 has its own: here they are reserved, and zero. */
		row->enc = c->crm < 4 ? sys_reg(3, 0, 0, c->crm, c->op2) : sys_reg(3, 0, 0, 7, 7);
		return true;
	}
	if (cp == 15 && c->crn == 12 && (c->crm == 8 || c->crm == 11 || c->crm == 12)) {
		row->enc = sys_reg(3, 0, 12, c->crm, c->op2);
		return true;
	}
	if (cp == 14 && c->crn == 0 && c->op2 >= 4) {
		row->part = LOW;
		row->enc = sys_reg(2, 0, 0, c->crm, c->op2);
		return true;
	}
	/* DBGBXVR<n>: the context breakpoints' high halves. */
	if (cp == 14 && c->crn == 1 && c->op2 == 1) {
		row->part = HIGH;
		row->enc = sys_reg(2, 0, 0, c->crm, 4);
		return true;
	}
	return false;
}

static bool find(unsigned int cp, const struct cp_access *c, struct cp_row *row)
{
	const struct cp_row *rows = cp == 15 ? cp15 : cp14;
	unsigned int i, nr = cp == 15 ? ARRAY_SIZE(cp15) : ARRAY_SIZE(cp14);

	for (i = 0; i < nr; i++) {
		if (rows[i].key == c->key) {
			*row = rows[i];
			return true;
		}
	}
	return by_rule(cp, c, row);
}

/*
 * DBGDIDR: how many breakpoints, of what version; DBGVCR.  DBGDEVID and
 * its like say that nothing further is there.
 */
static bool special(struct arm_vcpu *v, unsigned int cp, const struct cp_access *c, u64 *val)
{
	u64 dfr0 = arm_vm_of(v)->state.id[5 << 3];

	if (cp != 14)
		return false;
	if (c->key == KEY(0, 0, 0, 0) && !c->write) {
		*val = (dfr0 >> ID_AA64DFR0_EL1_WRPs_SHIFT & 0xf) << 28 |
		       (dfr0 >> ID_AA64DFR0_EL1_BRPs_SHIFT & 0xf) << 24 |
		       (dfr0 >> ID_AA64DFR0_EL1_CTX_CMPs_SHIFT & 0xf) << 20 | 6 << 16 | BIT(15);
		return true;
	}
	if (c->key == KEY(0, 0, 7, 0)) {
		if (c->write)
			arm_write_sys(v, ARM_DBGVCR32_EL2, *val);
		else
			*val = arm_read_sys(v, ARM_DBGVCR32_EL2);
		return true;
	}
	/* DBGDSAR, DBGDEVID, DBGDEVID1, DBGDEVID2, DBGWFAR. */
	if (c->key == KEY(0, 2, 0, 0) || c->key == KEY64(0, 2) || c->key == KEY(0, 7, 2, 7) ||
	    c->key == KEY(0, 7, 1, 7) || c->key == KEY(0, 7, 0, 7) || c->key == KEY(0, 0, 6, 0)) {
		if (!c->write)
			*val = 0;
		return true;
	}
	return false;
}

/* @val is what the instruction moves: a word, or two for MCRR and MRRC. */
static bool access(struct arm_vcpu *v, unsigned int cp, const struct cp_access *c, u64 *val)
{
	struct sysreg_access a = { .write = c->write };
	struct sysreg_access whole;
	struct cp_row row;

	if (special(v, cp, c, val))
		return true;
	if (!find(cp, c, &row))
		return false;
	a.enc = row.enc;
	a.val = *val;
	if (c->write && (row.part == LOW || row.part == HIGH)) {
		whole = (struct sysreg_access) { .enc = row.enc };
		if (!arm_sysreg_access(v, &whole))
			return false;
		a.val = row.part == HIGH ? lower_32_bits(whole.val) | *val << 32 :
					   (whole.val & GENMASK_ULL(63, 32)) | *val;
	}
	if (!arm_sysreg_access(v, &a))
		return false;
	*val = row.part == HIGH ? upper_32_bits(a.val) :
	       row.part == ALL64 ? a.val : lower_32_bits(a.val);
	return true;
}

/*
 * arm_cp15_trap() - an instruction of AArch32 for coprocessor 10, 14 or 15 trapped.
 *
 * Registers that are switched, not kept (DACR, FAR ...), trap in AArch32 guests only, whose
 * kernel is AArch32: what a program of an AArch64 guest cannot have is undefined.
 */
int arm_cp15_trap(struct arm_vcpu *v, u64 esr)
{
	unsigned int ec = ESR_ELx_EC(esr);
	bool wide = ec == ESR_ELx_EC_CP15_64 || ec == ESR_ELx_EC_CP14_64;
	unsigned int cp = ec == ESR_ELx_EC_CP15_32 || ec == ESR_ELx_EC_CP15_64 ? 15 : 14;
	struct cp_access c = decode(esr, wide);
	u64 val = 0;

	/* VMRS of MVFR<n> or FPSID: CRn is the register, whose ID has the same number. */
	if (ec == ESR_ELx_EC_CP10_ID) {
		static const u32 ids[16] = {
			[5] = SYS_MVFR2_EL1, [6] = SYS_MVFR1_EL1, [7] = SYS_MVFR0_EL1,
		};
		struct sysreg_access a = { .enc = ids[esr >> 10 & 0xf] };

		if (a.enc ? !arm_sysreg_access(v, &a) : (esr >> 10 & 0xf) != 0)
			goto undefined;
		if (!(esr & 1))
			goto done;
		arm_set_reg(v, c.rt, lower_32_bits(a.val));
		goto done;
	}
	/* LDC and STC to DBGDTR: nobody is at the other end. */
	if (ec == ESR_ELx_EC_CP14_LS)
		goto undefined;
	if (c.write)
		val = wide ? lower_32_bits(arm_get_reg(v, c.rt)) | arm_get_reg(v, c.rt2) << 32 :
			     lower_32_bits(arm_get_reg(v, c.rt));
	if (!access(v, cp, &c, &val))
		goto undefined;
	if (!c.write) {
		arm_set_reg(v, c.rt, lower_32_bits(val));
		if (wide)
			arm_set_reg(v, c.rt2, upper_32_bits(val));
	}
done:
	arm_skip_insn(v);
	return BERTH_RUN_AGAIN;
undefined:
	arm_inject_undef(v);
	return BERTH_RUN_AGAIN;
}
