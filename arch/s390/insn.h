/* SPDX-License-Identifier: GPL-2.0-only */
/* Operands of an intercepted instruction, by its format (PoP ch. 5). */
#ifndef BERTH_S390_INSN_H
#define BERTH_S390_INSN_H

#include "s390.h"

/* Bytes, by the first one. */
static inline unsigned int sie_insn_length(u8 op)
{
	return op < 0x40 ? 2 : op < 0xc0 ? 4 : 6;
}

struct sie_operand {
	u64 address;
	unsigned int ar;		/* the base register, whose access register counts */
};

struct sie_regs {
	unsigned int r1, r2, r3;
};

static inline u64 sie_base(const struct sie_vcpu *v, unsigned int base)
{
	return base ? v->gprs[base] : 0;
}

/* S, RS, SI, SSE's first: base and 12 bits in the second halfword. */
static inline struct sie_operand sie_operand_s(const struct sie_vcpu *v)
{
	unsigned int base = v->block->ipb >> 28;

	return (struct sie_operand) {
		.address = (sie_base(v, base) + (v->block->ipb >> 16 & 0xfff)) & sie_address_mask(v),
		.ar = base,
	};
}

/* SSE's second: in the third halfword. */
static inline struct sie_operand sie_operand_second(const struct sie_vcpu *v)
{
	unsigned int base = v->block->ipb >> 12 & 0xf;

	return (struct sie_operand) {
		.address = (sie_base(v, base) + (v->block->ipb & 0xfff)) & sie_address_mask(v),
		.ar = base,
	};
}

/* RSY: 20 bits with a sign, the low 12 first. */
static inline struct sie_operand sie_operand_rsy(const struct sie_vcpu *v)
{
	unsigned int base = v->block->ipb >> 28;
	s64 offset = (v->block->ipb >> 16 & 0xfff) + (s64)(s8)(v->block->ipb >> 8) * 4096;

	return (struct sie_operand) {
		.address = (sie_base(v, base) + offset) & sie_address_mask(v),
		.ar = base,
	};
}

/* RS, RSY: r1 and r3 in the first halfword. */
static inline struct sie_regs sie_regs_rs(const struct sie_vcpu *v)
{
	return (struct sie_regs) { .r1 = v->block->ipa >> 4 & 0xf, .r3 = v->block->ipa & 0xf };
}

/* RRE, RRF: r1 and r2 at the end, r3 or m3 before. */
static inline struct sie_regs sie_regs_rre(const struct sie_vcpu *v)
{
	return (struct sie_regs) {
		.r1 = v->block->ipb >> 20 & 0xf,
		.r2 = v->block->ipb >> 16 & 0xf,
		.r3 = v->block->ipb >> 28,
	};
}

/* Storage that the guest has. */
static inline bool sie_has_storage(struct sie_vcpu *v, gpa_t gpa)
{
	return sie_has_page(v->core.vm, gpa);
}

/* priv.c: what LPSWE finds wrong with a PSW as such; STHYI; MVPG that met a host fault. */
bool sie_psw_valid(const psw_t *psw);
int sie_sthyi(struct sie_vcpu *v);
int sie_mvpg(struct sie_vcpu *v);

/* skey.c: storage-key instructions. */
int sie_iske(struct sie_vcpu *v);
int sie_sske(struct sie_vcpu *v);
int sie_rrbe(struct sie_vcpu *v);
int sie_pfmf(struct sie_vcpu *v);

/* s390.c: the guest's TOD clock, for all its vCPUs. */
void sie_set_tod(struct sie_vm *vm, u64 tod);

#endif
