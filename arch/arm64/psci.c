// SPDX-License-Identifier: GPL-2.0-only
/*
 * PSCI 0.1 to 1.1 (Arm DEN0022): vCPUs switched on and off, the machine's end.  The version
 * is the VM's, by KVM_REG_ARM_PSCI_VERSION; without KVM_ARM_VCPU_PSCI_0_2 it is 0.1.
 */
#include <linux/arm-smccc.h>
#include <linux/nospec.h>
#include "psci.h"

#define AFF_MASK	MPIDR_HWID_BITMASK

/* The vCPU with that affinity, of which bits in @mask count; or NULL. */
struct arm_vcpu *arm_vcpu_by_mpidr(struct arm_vm *vm, u64 affinity)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vm->vm)
		if ((to_arm(vcpu)->ctxt.vmpidr & AFF_MASK) == affinity)
			return to_arm(vcpu);
	return NULL;
}

/* Functions exist for 32 and 64 bits wide arguments, told apart by bit 30 of their number. */
static u64 arg(const struct arm_vcpu *v, u32 fn, unsigned int n)
{
	u64 x = arm_get_reg(v, n);

	return fn & PSCI_0_2_64BIT ? x : lower_32_bits(x);
}

static u64 cpu_on(struct arm_vcpu *v, u64 affinity, u64 pc, u64 x0)
{
	struct arm_vm *vm = arm_vm_of(v);
	bool old = vm->state.psci_version == ARM_PSCI_0_1;
	struct arm_vcpu *target;
	bool be = v->ctxt.pstate & PSR_AA32_E_BIT;

	if (!v->aarch32)
		be = arm_read_sys(v, ARM_SCTLR_EL1) & SCTLR_ELx_EE;
	if (affinity & ~AFF_MASK)
		return PSCI_RET_INVALID_PARAMS;
	target = arm_vcpu_by_mpidr(vm, affinity);
	if (!target)
		return PSCI_RET_INVALID_PARAMS;
	if (!arm_power_on(target, pc, x0, be))
		return old ? PSCI_RET_INVALID_PARAMS : PSCI_RET_ALREADY_ON;
	return PSCI_RET_SUCCESS;
}

/* AFFINITY_INFO: is any CPU below that node of the topology on? */
static u64 affinity_info(struct arm_vcpu *v, u64 affinity, u64 level)
{
	static const u64 masks[] = {
		GENMASK_ULL(39, 32) | GENMASK_ULL(23, 0),
		GENMASK_ULL(39, 32) | GENMASK_ULL(23, 8),
		GENMASK_ULL(39, 32) | GENMASK_ULL(23, 16),
		GENMASK_ULL(39, 32),
	};
	struct berth_vcpu *vcpu;
	bool found = false;
	unsigned int i;
	u64 mask;

	if (level >= ARRAY_SIZE(masks))
		return PSCI_RET_INVALID_PARAMS;
	mask = masks[array_index_nospec(level, ARRAY_SIZE(masks))];
	berth_for_each_vcpu(i, vcpu, v->core.vm) {
		if ((to_arm(vcpu)->ctxt.vmpidr & mask) != (affinity & mask))
			continue;
		found = true;
		if (!arm_powered_off(to_arm(vcpu)))
			return PSCI_0_2_AFFINITY_LEVEL_ON;
	}
	return found ? PSCI_0_2_AFFINITY_LEVEL_OFF : PSCI_RET_INVALID_PARAMS;
}

/*
 * The machine stops or starts anew: user space does it, with all vCPUs off until then.  To
 * the guest the call never returns; if user space lets it, it has failed.  SYSTEM_SUSPEND is
 * all user space's: nothing is changed (api.rst 5, KVM_EXIT_SYSTEM_EVENT).
 */
static int system_event(struct arm_vcpu *v, u32 type, u64 flags)
{
	struct kvm_run *run = v->core.run;
	struct berth_vcpu *vcpu;
	unsigned int i;

	if (type != KVM_SYSTEM_EVENT_SUSPEND) {
		arm_set_reg(v, 0, PSCI_RET_INTERNAL_FAILURE);
		berth_for_each_vcpu(i, vcpu, v->core.vm)
			arm_power_off(to_arm(vcpu));
	}
	memset(&run->system_event, 0, sizeof(run->system_event));
	run->system_event.type = type;
	run->system_event.ndata = 1;
	run->system_event.data[0] = flags;
	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	return BERTH_RUN_USER;
}

/* SYSTEM_RESET2: the kinds that Arm defines or leaves to vendors. */
static bool known_reset(u32 kind)
{
	return kind == PSCI_1_1_RESET_TYPE_SYSTEM_WARM_RESET ||
	       kind >= PSCI_1_1_RESET_TYPE_VENDOR_START;
}

static u64 features(const struct arm_vcpu *v, u32 fn)
{
	const struct arm_vm_state *s = &arm_vm_of(v)->state;

	switch (fn) {
	case PSCI_0_2_FN_PSCI_VERSION:
	case PSCI_0_2_FN_CPU_SUSPEND:
	case PSCI_0_2_FN64_CPU_SUSPEND:
	case PSCI_0_2_FN_CPU_OFF:
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN64_CPU_ON:
	case PSCI_0_2_FN_AFFINITY_INFO:
	case PSCI_0_2_FN64_AFFINITY_INFO:
	case PSCI_0_2_FN_MIGRATE_INFO_TYPE:
	case PSCI_0_2_FN_SYSTEM_OFF:
	case PSCI_0_2_FN_SYSTEM_RESET:
	case PSCI_1_0_FN_PSCI_FEATURES:
	case ARM_SMCCC_VERSION_FUNC_ID:
		return 0;
	case PSCI_1_0_FN_SYSTEM_SUSPEND:
	case PSCI_1_0_FN64_SYSTEM_SUSPEND:
		return READ_ONCE(s->system_suspend) ? 0 : PSCI_RET_NOT_SUPPORTED;
	case PSCI_1_1_FN_SYSTEM_RESET2:
	case PSCI_1_1_FN64_SYSTEM_RESET2:
		return s->psci_version >= ARM_PSCI_1_1 ? 0 : PSCI_RET_NOT_SUPPORTED;
	default:
		return PSCI_RET_NOT_SUPPORTED;
	}
}

static int done(struct arm_vcpu *v, u64 result)
{
	arm_set_reg(v, 0, result);
	return BERTH_RUN_AGAIN;
}

/* PSCI 0.1's numbers are the device tree's; these are what KVM's users write there. */
static int call_0_1(struct arm_vcpu *v, u32 fn)
{
	switch (fn) {
	case KVM_PSCI_FN_CPU_OFF:
		arm_power_off(v);
		return done(v, PSCI_RET_SUCCESS);
	case KVM_PSCI_FN_CPU_ON:
		return done(v, cpu_on(v, arm_get_reg(v, 1), arm_get_reg(v, 2), arm_get_reg(v, 3)));
	default:
		return done(v, PSCI_RET_NOT_SUPPORTED);
	}
}

static int call_1_x(struct arm_vcpu *v, u32 fn)
{
	const struct arm_vm_state *s = &arm_vm_of(v)->state;

	switch (fn) {
	case PSCI_1_0_FN_PSCI_FEATURES:
		return done(v, features(v, arm_get_reg(v, 1)));
	case PSCI_1_0_FN_SYSTEM_SUSPEND:
	case PSCI_1_0_FN64_SYSTEM_SUSPEND:
		if (!READ_ONCE(s->system_suspend))
			break;
		return system_event(v, KVM_SYSTEM_EVENT_SUSPEND, 0);
	case PSCI_1_1_FN_SYSTEM_RESET2:
	case PSCI_1_1_FN64_SYSTEM_RESET2:
		if (s->psci_version < ARM_PSCI_1_1)
			break;
		if (!known_reset(arm_get_reg(v, 1)))
			return done(v, PSCI_RET_INVALID_PARAMS);
		return system_event(v, KVM_SYSTEM_EVENT_RESET,
				    KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2);
	default:
		break;
	}
	return done(v, PSCI_RET_NOT_SUPPORTED);
}

/* arm_psci_call() - enum berth_run.  Context: an exit by HVC or SMC, PC behind it. */
int arm_psci_call(struct arm_vcpu *v, u32 fn)
{
	u32 version = arm_vm_of(v)->state.psci_version;

	if (version == ARM_PSCI_0_1)
		return call_0_1(v, fn);
	/* What is for 64 bits is not for AArch32 (DEN0028, 2.1). */
	if ((fn & PSCI_0_2_64BIT) && v->aarch32)
		return done(v, PSCI_RET_NOT_SUPPORTED);
	switch (fn) {
	case PSCI_0_2_FN_PSCI_VERSION:
		return done(v, version);
	case PSCI_0_2_FN_CPU_SUSPEND:
	case PSCI_0_2_FN64_CPU_SUSPEND:
		/* A standby state, whatever was asked for: it may always be less deep. */
		arm_set_reg(v, 0, PSCI_RET_SUCCESS);
		v->core.stats.halt_exits++;
		return BERTH_RUN_BLOCK;
	case PSCI_0_2_FN_CPU_OFF:
		arm_power_off(v);
		return done(v, PSCI_RET_SUCCESS);
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN64_CPU_ON:
		return done(v, cpu_on(v, arg(v, fn, 1), arg(v, fn, 2), arg(v, fn, 3)));
	case PSCI_0_2_FN_AFFINITY_INFO:
	case PSCI_0_2_FN64_AFFINITY_INFO:
		return done(v, affinity_info(v, arg(v, fn, 1), arg(v, fn, 2)));
	case PSCI_0_2_FN_MIGRATE_INFO_TYPE:
		return done(v, PSCI_0_2_TOS_MP);
	case PSCI_0_2_FN_SYSTEM_OFF:
		return system_event(v, KVM_SYSTEM_EVENT_SHUTDOWN, 0);
	case PSCI_0_2_FN_SYSTEM_RESET:
		return system_event(v, KVM_SYSTEM_EVENT_RESET, 0);
	default:
		break;
	}
	return version >= ARM_PSCI_1_0 ? call_1_x(v, fn) : done(v, PSCI_RET_NOT_SUPPORTED);
}

/* KVM_CAP_ARM_SYSTEM_SUSPEND (api.rst 8.36). */
int arm_enable_system_suspend(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags)
		return -EINVAL;
	WRITE_ONCE(to_arm_vm(vm)->state.system_suspend, true);
	return 0;
}
