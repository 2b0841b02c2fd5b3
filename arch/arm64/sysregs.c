// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's switched system registers by number: in the CPU, under the names VHE gives
 * them, or in memory.
 */
#include "state.h"

/* To a kernel at EL2 the names of EL1 mean its own registers; the guest's have op1 5. */
#define EL12(a)		(SYS_##a + sys_reg(0, 5, 0, 0, 0))

#define READ_EL12(a)	case ARM_##a: return read_sysreg_s(EL12(a));
#define READ_PLAIN(a)	case ARM_##a: return read_sysreg(a);
#define READ_EL12_PAIR(a, b)	READ_EL12(a) READ_EL12(b)
#define READ_PLAIN_PAIR(a, b)	READ_PLAIN(a) READ_PLAIN(b)

#define WRITE_EL12(a)	case ARM_##a: write_sysreg_s(value, EL12(a)); return;
#define WRITE_PLAIN(a)	case ARM_##a: write_sysreg(value, a); return;
#define WRITE_EL12_PAIR(a, b)	WRITE_EL12(a) WRITE_EL12(b)
#define WRITE_PLAIN_PAIR(a, b)	WRITE_PLAIN(a) WRITE_PLAIN(b)

/* The SError that the guest has deferred, at EL2: only with FEAT_RAS. */
static u64 read_disr(const struct arm_vcpu *v)
{
	return arm_has_ras() ? read_sysreg_s(SYS_VDISR_EL2) : v->ctxt.sys[ARM_DISR_EL1];
}

static void write_disr(u64 value)
{
	if (arm_has_ras())
		write_sysreg_s(value, SYS_VDISR_EL2);
}

u64 arm_read_sys(const struct arm_vcpu *v, enum arm_sysreg r)
{
	if (!v->on_cpu)
		return v->ctxt.sys[r];
	switch (r) {
	ARM_EL12_PAIRS(READ_EL12_PAIR)
	ARM_PLAIN_PAIRS(READ_PLAIN_PAIR)
	case ARM_DISR_EL1:
		return read_disr(v);
	default:
		return v->ctxt.sys[r];
	}
}

void arm_write_sys(struct arm_vcpu *v, enum arm_sysreg r, u64 value)
{
	if (v->on_cpu) {
		switch (r) {
		ARM_EL12_PAIRS(WRITE_EL12_PAIR)
		ARM_PLAIN_PAIRS(WRITE_PLAIN_PAIR)
		case ARM_DISR_EL1:
			write_disr(value);
			break;
		default:
			break;
		}
	}
	v->ctxt.sys[r] = value;
}

#define LOAD_EL12(a, b)								\
	write_sysreg_s(v->ctxt.sys[ARM_##a], EL12(a));				\
	write_sysreg_s(v->ctxt.sys[ARM_##b], EL12(b));
#define LOAD_PLAIN(a, b)							\
	write_sysreg(v->ctxt.sys[ARM_##a], a);					\
	write_sysreg(v->ctxt.sys[ARM_##b], b);
#define PUT_EL12(a, b)								\
	v->ctxt.sys[ARM_##a] = read_sysreg_s(EL12(a));				\
	v->ctxt.sys[ARM_##b] = read_sysreg_s(EL12(b));
#define PUT_PLAIN(a, b)								\
	v->ctxt.sys[ARM_##a] = read_sysreg(a);					\
	v->ctxt.sys[ARM_##b] = read_sysreg(b);

void arm_sys_load(struct arm_vcpu *v)
{
	/* What the host's own programs have in these comes back in arm_sys_put(). */
	v->host_tpidr[0] = read_sysreg(tpidr_el0);
	v->host_tpidr[1] = read_sysreg(tpidrro_el0);
	ARM_EL12_PAIRS(LOAD_EL12)
	ARM_PLAIN_PAIRS(LOAD_PLAIN)
	write_disr(v->ctxt.sys[ARM_DISR_EL1]);
	v->on_cpu = true;
}

void arm_sys_put(struct arm_vcpu *v)
{
	ARM_EL12_PAIRS(PUT_EL12)
	ARM_PLAIN_PAIRS(PUT_PLAIN)
	v->ctxt.sys[ARM_DISR_EL1] = read_disr(v);
	write_sysreg(v->host_tpidr[0], tpidr_el0);
	write_sysreg(v->host_tpidr[1], tpidrro_el0);
	v->on_cpu = false;
}
