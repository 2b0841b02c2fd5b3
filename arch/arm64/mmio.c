// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses that no memory answers: one register to or from a device, as the syndrome of the
 * data abort describes it (Arm ARM D13.2, ESR_ELx, "ISS encoding for a Data Abort").
 */
#include <berth/trace.h>
#include "state.h"

struct access {
	unsigned int len;	/* 1, 2, 4 or 8 */
	unsigned int rt;
	bool write;
	bool sign_extend;
	bool sf;		/* the register is 64 bits wide */
};

static struct access decode(u64 esr)
{
	return (struct access) {
		.len = 1 << ((esr & ESR_ELx_SAS) >> ESR_ELx_SAS_SHIFT),
		.rt = (esr & ESR_ELx_SRT_MASK) >> ESR_ELx_SRT_SHIFT,
		.write = esr & ESR_ELx_WNR,
		.sign_extend = esr & ESR_ELx_SSE,
		.sf = esr & ESR_ELx_SF,
	};
}

/* Does the guest's access, at the level it runs, see data big-endian? */
static bool big_endian(const struct arm_vcpu *v)
{
	u64 sctlr;

	if (arm_in_aarch32(v))
		return v->ctxt.pstate & PSR_AA32_E_BIT;
	sctlr = arm_read_sys(v, ARM_SCTLR_EL1);
	return sctlr & ((v->ctxt.pstate & PSR_MODE_MASK) == PSR_MODE_EL0t ? SCTLR_EL1_E0E :
									     SCTLR_ELx_EE);
}

/* The register's value as the bytes on the bus, and back. */
static __le64 to_bytes(const struct arm_vcpu *v, const struct access *a)
{
	u64 value = arm_get_reg(v, a->rt) & GENMASK_ULL(8 * a->len - 1, 0);

	if (big_endian(v))
		value = swab64(value) >> (64 - 8 * a->len);
	return cpu_to_le64(value);
}

static void from_bytes(struct arm_vcpu *v, const struct access *a, __le64 bytes)
{
	u64 value = le64_to_cpu(bytes) & GENMASK_ULL(8 * a->len - 1, 0);

	if (big_endian(v))
		value = swab64(value) >> (64 - 8 * a->len);
	if (a->sign_extend && a->len < sizeof(value))
		value = sign_extend64(value, 8 * a->len - 1);
	if (!a->sf)
		value = (u32)value;
	arm_set_reg(v, a->rt, value);
}

/* Without a description only user space can know what it was, when it asked to be told. */
static int no_syndrome(struct arm_vcpu *v, gpa_t gpa)
{
	struct kvm_run *run = v->core.run;

	if (!READ_ONCE(arm_vm_of(v)->nisv_to_user))
		return -ENOSYS;
	run->exit_reason = KVM_EXIT_ARM_NISV;
	run->arm_nisv.esr_iss = v->ctxt.esr & GENMASK(24, 0);
	run->arm_nisv.fault_ipa = gpa;
	return BERTH_RUN_USER;
}

int arm_mmio(struct arm_vcpu *v, gpa_t gpa)
{
	struct kvm_run *run = v->core.run;
	struct access a = decode(v->ctxt.esr);
	__le64 bytes = 0;
	int r;

	if (!(v->ctxt.esr & ESR_ELx_ISV))
		return no_syndrome(v, gpa);
	v->core.stats.instructions_emulated++;
	if (a.write) {
		bytes = to_bytes(v, &a);
		r = berth_bus_write(&v->core, BERTH_MMIO_BUS, gpa, a.len, &bytes);
	} else {
		r = berth_bus_read(&v->core, BERTH_MMIO_BUS, gpa, a.len, &bytes);
	}
	/* What user space reads is told when it has answered. */
	if (a.write || !r)
		trace_berth_mmio(v->core.id, a.write, gpa, a.len, le64_to_cpu(bytes));
	if (!r) {
		if (!a.write)
			from_bytes(v, &a, bytes);
		arm_skip_insn(v);
		return BERTH_RUN_AGAIN;
	}
	v->core.stats.mmio_exits++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = a.len;
	run->mmio.is_write = a.write;
	memcpy(run->mmio.data, &bytes, sizeof(bytes));
	v->mmio_pending = true;
	return BERTH_RUN_USER;
}

/* The syndrome is still that of the access: the guest has not run since. */
void arm_mmio_finish(struct arm_vcpu *v)
{
	struct access a = decode(v->ctxt.esr);
	__le64 bytes;

	v->mmio_pending = false;
	if (!a.write) {
		memcpy(&bytes, v->core.run->mmio.data, sizeof(bytes));
		trace_berth_mmio(v->core.id, false, arm_fault_gpa(v), a.len, le64_to_cpu(bytes));
		from_bytes(v, &a, bytes);
	}
	arm_skip_insn(v);
}
