// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: why the guest was left, by the exception class of ESR_EL2 (Arm ARM D13.2, ESR_ELx),
 * and what is done about it.
 */
#include <asm/debug-monitors.h>
#include <berth/trace.h>
#include <linux/nospec.h>
#include "state.h"

#define FSC_EXCLUSIVE	0x35	/* unsupported exclusive or atomic access */

typedef int (*exit_fn)(struct arm_vcpu *v, u64 esr);

/* ---- the instruction ---- */

/* AArch32: the IT block's state moves on (Arm ARM F1.8.1, ITAdvance). */
#define IT_LOW		GENMASK(26, 25)		/* IT[1:0] */
#define IT_HIGH		GENMASK(15, 10)		/* IT[7:2] */

static u64 it_advance(u64 pstate)
{
	u64 it = FIELD_GET(IT_HIGH, pstate) << 2 | FIELD_GET(IT_LOW, pstate);

	if (!(it & 7))
		it = 0;
	else
		it = (it & 0xe0) | (it << 1 & 0x1f);
	pstate &= ~(IT_LOW | IT_HIGH);
	return pstate | FIELD_PREP(IT_HIGH, it >> 2) | FIELD_PREP(IT_LOW, it & 3);
}

void arm_skip_insn(struct arm_vcpu *v)
{
	u64 *pstate = &v->ctxt.pstate;

	if (unlikely(arm_in_aarch32(v))) {
		v->ctxt.pc = (u32)(v->ctxt.pc + arm_insn_len(v));
		if (*pstate & PSR_AA32_T_BIT)
			*pstate = it_advance(*pstate);
	} else {
		v->ctxt.pc += 4;
		*pstate &= ~PSR_BTYPE_MASK;
	}
	*pstate &= ~DBG_SPSR_SS;
}

/* The condition @cond, as the flags are (Arm ARM F1.3.1, ConditionHolds). */
static bool condition_holds(u64 pstate, unsigned int cond)
{
	bool n = pstate & PSR_N_BIT, z = pstate & PSR_Z_BIT;
	bool c = pstate & PSR_C_BIT, o = pstate & PSR_V_BIT, r;

	switch (cond >> 1) {
	case 0:
		r = z;
		break;
	case 1:
		r = c;
		break;
	case 2:
		r = n;
		break;
	case 3:
		r = o;
		break;
	case 4:
		r = c && !z;
		break;
	case 5:
		r = n == o;
		break;
	case 6:
		r = n == o && !z;
		break;
	default:
		return true;
	}
	return cond & 1 ? !r : r;
}

/* A conditional AArch32 instruction may trap though its condition fails. */
static bool passed(struct arm_vcpu *v, u64 esr)
{
	u64 pstate = v->ctxt.pstate;
	unsigned int cond;

	if (esr & ESR_ELx_CV) {
		cond = (esr & ESR_ELx_COND_MASK) >> ESR_ELx_COND_SHIFT;
	} else {
		u64 it = FIELD_GET(IT_HIGH, pstate) << 2 | FIELD_GET(IT_LOW, pstate);

		cond = it ? it >> 4 : 0xe;
	}
	return condition_holds(pstate, cond);
}

/* ---- exits ---- */

static int do_wfx(struct arm_vcpu *v, u64 esr)
{
	if (arm_in_aarch32(v) && !passed(v, esr)) {
		arm_skip_insn(v);
		return BERTH_RUN_AGAIN;
	}
	arm_skip_insn(v);
	/* With a time-out (FEAT_WFxT) it is a hint to let others run. */
	if (esr & ESR_ELx_WFx_ISS_WFE || (esr & ESR_ELx_WFx_ISS_TI) > ESR_ELx_WFx_ISS_WFE) {
		yield();
		return BERTH_RUN_AGAIN;
	}
	v->core.stats.halt_exits++;
	return BERTH_RUN_BLOCK;
}

static int do_cp15(struct arm_vcpu *v, u64 esr)
{
	if (!passed(v, esr)) {
		arm_skip_insn(v);
		return BERTH_RUN_AGAIN;
	}
	return arm_cp15_trap(v, esr);
}

/* FP/SIMD, or SVE where the guest has it. */
static int do_fp(struct arm_vcpu *v, u64 esr)
{
	if (ESR_ELx_EC(esr) == ESR_ELx_EC_SVE && !v->sve)
		arm_inject_undef(v);
	else
		arm_fp_trap(v);
	return BERTH_RUN_AGAIN;
}

static int do_hvc(struct arm_vcpu *v, u64 esr)
{
	return arm_hypercall(v);
}

static int do_smc(struct arm_vcpu *v, u64 esr)
{
	if (arm_in_aarch32(v) && !passed(v, esr)) {
		arm_skip_insn(v);
		return BERTH_RUN_AGAIN;
	}
	return arm_smc(v);
}

/* ---- aborts of the second stage ---- */

/* Where no memory is, or none that can be written. */
static int no_memory(struct arm_vcpu *v, u64 esr, gpa_t gpa, bool fetch)
{
	if (fetch) {
		arm_inject_iabt(v, v->ctxt.far);
		return BERTH_RUN_AGAIN;
	}
	if (esr & ESR_ELx_S1PTW) {
		arm_inject_dabt(v, v->ctxt.far);
		return BERTH_RUN_AGAIN;
	}
	/* Cache maintenance of what is not memory: there is nothing to maintain. */
	if (esr & ESR_ELx_CM) {
		arm_skip_insn(v);
		return BERTH_RUN_AGAIN;
	}
	return arm_mmio(v, gpa);
}

static int do_abort(struct arm_vcpu *v, u64 esr)
{
	bool fetch = ESR_ELx_EC(esr) == ESR_ELx_EC_IABT_LOW;
	u64 type = esr & ESR_ELx_FSC_TYPE;
	gpa_t gpa = arm_fault_gpa(v);
	u32 access = S2_R;
	int r;

	if (unlikely(type != ESR_ELx_FSC_FAULT && type != ESR_ELx_FSC_PERM &&
		     type != ESR_ELx_FSC_ACCESS)) {
		/*
		 * An exclusive or atomic access to what takes none may as well end so (B2.9).
		 * A synchronous external abort: the memory is broken, and the guest is told so.
		 */
		if ((esr & ESR_ELx_FSC) == FSC_EXCLUSIVE)
			arm_inject_dabt(v, v->ctxt.far);
		else if ((esr & ESR_ELx_FSC) >= ESR_ELx_FSC_EXTABT)
			arm_inject_serror(v, 0);
		else
			arm_inject_size_fault(v, v->ctxt.far);
		return BERTH_RUN_AGAIN;
	}
	/* Another vCPU has changed the tables meanwhile. */
	if (unlikely(v->ctxt.hpfar == ARM_HPFAR_UNKNOWN))
		return BERTH_RUN_AGAIN;
	if (unlikely(gpa >> arm_vm_of(v)->ipa_bits)) {
		if (gpa >> arm_s2_max_ipa_bits())
			arm_inject_size_fault(v, v->ctxt.far);
		else if (fetch)
			arm_inject_iabt(v, gpa);
		else
			arm_inject_dabt(v, gpa);
		return BERTH_RUN_AGAIN;
	}
	/* A walk of stage 1 writes only where it found that it may not: access flags. */
	if (esr & ESR_ELx_S1PTW)
		access = type == ESR_ELx_FSC_PERM ? S2_W : S2_R;
	else if (fetch)
		access = S2_X;
	else if (esr & ESR_ELx_WNR)
		access = S2_W;
	r = berth_s2_fault(&v->core, gpa, access);
	if (likely(r == S2_FAULT_MAPPED))
		return BERTH_RUN_AGAIN;
	if (r == -EINTR)
		return BERTH_RUN_WORK;
	return r < 0 ? r : no_memory(v, esr, gpa, fetch);
}

/* ---- the table ---- */

#define EXIT(ec, fn, why)	[ESR_ELx_EC_##ec] = { fn, BERTH_EXIT_##why }

static const struct {
	exit_fn fn;
	u8 reason;			/* enum berth_exit_reason */
} exits[ESR_ELx_EC_MAX + 1] = {
	EXIT(WFx, do_wfx, HALT),
	EXIT(CP15_32, do_cp15, SYSREG),
	EXIT(CP15_64, do_cp15, SYSREG),
	EXIT(CP14_MR, do_cp15, SYSREG),
	EXIT(CP14_LS, do_cp15, SYSREG),
	EXIT(CP10_ID, do_cp15, SYSREG),
	EXIT(CP14_64, do_cp15, SYSREG),
	EXIT(FP_ASIMD, do_fp, INSTRUCTION),
	EXIT(SVE, do_fp, INSTRUCTION),
	EXIT(HVC32, do_hvc, HYPERCALL),
	EXIT(SMC32, do_smc, HYPERCALL),
	EXIT(HVC64, do_hvc, HYPERCALL),
	EXIT(SMC64, do_smc, HYPERCALL),
	EXIT(SYS64, arm_sysreg_trap, SYSREG),
	EXIT(IABT_LOW, do_abort, FAULT),
	EXIT(DABT_LOW, do_abort, FAULT),
	EXIT(BREAKPT_LOW, arm_debug_exit, DEBUG),
	EXIT(SOFTSTP_LOW, arm_debug_exit, DEBUG),
	EXIT(WATCHPT_LOW, arm_debug_exit, DEBUG),
	EXIT(BKPT32, arm_debug_exit, DEBUG),
	EXIT(BRK64, arm_debug_exit, DEBUG),
};

static noinline void trace_exit(struct arm_vcpu *v)
{
	const struct arm_context *c = &v->ctxt;
	enum berth_exit_reason reason;

	switch (c->exit) {
	case ARM_EXIT_SYNC:
		reason = exits[ESR_ELx_EC(c->esr)].reason;
		break;
	case ARM_EXIT_SERROR:
		reason = BERTH_EXIT_MACHINE_CHECK;
		break;
	case ARM_EXIT_IRQ:
	case ARM_EXIT_FIQ:
		reason = BERTH_EXIT_INTERRUPT;
		break;
	default:
		reason = BERTH_EXIT_ENTRY_FAILED;
	}
	trace_berth_exit(v->core.id, reason, c->exit ? c->exit : c->esr, c->pc, c->far, c->hpfar);
}

/* What is no exception of the guest's own. */
static noinline int other_exit(struct arm_vcpu *v)
{
	struct kvm_run *run = v->core.run;

	switch (v->ctxt.exit) {
	case ARM_EXIT_IRQ:
	case ARM_EXIT_FIQ:
		return BERTH_RUN_AGAIN;
	case ARM_EXIT_SERROR:
		/* The guest's doing, as far as anyone can tell. */
		arm_inject_serror(v, v->ctxt.esr & ESR_ELx_ISS_MASK);
		return BERTH_RUN_AGAIN;
	case ARM_EXIT_BROKEN:
		pr_err("fault at EL2: esr %llx far %llx elr %llx\n", v->ctxt.esr, v->ctxt.far,
		       v->ctxt.hpfar);
		berth_vm_kill(v->core.vm);
		break;
	case ARM_EXIT_OFF:
		/* Another CPU has it, or none will have it again. */
		return BERTH_RUN_WORK;
	}
	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = v->ctxt.exit;
	run->fail_entry.cpu = v->core.cpu;
	return BERTH_RUN_FAILED;
}

/* The frequent ones are compared for: an indirect call costs more than all of that. */
int arm_handle_exit(struct arm_vcpu *v)
{
	u64 esr = v->ctxt.esr;
	unsigned int ec = ESR_ELx_EC(esr);
	exit_fn fn;

	if (trace_berth_exit_enabled())
		trace_exit(v);
	if (v->ctxt.exit != ARM_EXIT_SYNC)
		return other_exit(v);
	if (ec == ESR_ELx_EC_SYS64)
		return arm_sysreg_trap(v, esr);
	if (ec == ESR_ELx_EC_DABT_LOW || ec == ESR_ELx_EC_IABT_LOW)
		return do_abort(v, esr);
	if (ec == ESR_ELx_EC_HVC64)
		return arm_hypercall(v);
	fn = exits[array_index_nospec(ec, ARRAY_SIZE(exits))].fn;
	if (fn)
		return fn(v, esr);
	/* Nothing that was asked to trap. */
	arm_inject_undef(v);
	return BERTH_RUN_AGAIN;
}
