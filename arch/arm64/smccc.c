// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls by HVC and SMC after the SMC calling convention (Arm DEN0028): which services there
 * are, and the small ones among them.  What user space wants to answer itself it says with a
 * filter (KVM_ARM_VM_SMCCC_FILTER).
 */
#include <clocksource/arm_arch_timer.h>
#include <linux/arm-smccc.h>
#include <linux/clocksource_ids.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <berth/compat.h>
#include "psci.h"

/* True random numbers (Arm DEN0098). */
#define TRNG_VERSION_1_0	0x10000
#define TRNG_INVALID_PARAMS	(-2)
#define TRNG_MAX_BITS64		192
#define TRNG_MAX_BITS32		96

/* Who makes them: an identity of this implementation. */
static const u32 trng_uuid[4] = { 0x5e3c2a91, 0x4f0b7d16, 0x8ac6e2b3, 0x19d4f07c };

/* The vendor's services are KVM's (virt/kvm/arm/hypercalls.rst). */
static const u32 vendor_uid[4] = {
	ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_0, ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_1,
	ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_2, ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_3,
};

static void result(struct arm_vcpu *v, u64 a0, u64 a1, u64 a2, u64 a3)
{
	arm_set_reg(v, 0, a0);
	arm_set_reg(v, 1, a1);
	arm_set_reg(v, 2, a2);
	arm_set_reg(v, 3, a3);
}

static int done(struct arm_vcpu *v, u64 a0)
{
	arm_set_reg(v, 0, a0);
	return BERTH_RUN_AGAIN;
}

/* ---- random numbers ---- */

static int random(struct arm_vcpu *v, u32 fn)
{
	bool wide = fn == ARM_SMCCC_TRNG_RND64;
	u64 bits = arm_get_reg(v, 1), word[3];

	if (!wide)
		bits = lower_32_bits(bits);
	if (!bits || bits > (wide ? TRNG_MAX_BITS64 : TRNG_MAX_BITS32)) {
		result(v, TRNG_INVALID_PARAMS, 0, 0, 0);
		return BERTH_RUN_AGAIN;
	}
	get_random_bytes(word, sizeof(word));
	if (wide) {
		/* Bits beyond what was asked for are zero, from x1's highest down. */
		word[2] &= bits < 64 ? GENMASK_ULL(bits - 1, 0) : ~0ull;
		word[1] &= bits <= 64 ? 0 : bits < 128 ? GENMASK_ULL(bits - 65, 0) : ~0ull;
		word[0] &= bits <= 128 ? 0 : bits < 192 ? GENMASK_ULL(bits - 129, 0) : ~0ull;
	} else {
		u64 low = bits < 64 ? GENMASK_ULL(bits - 1, 0) : ~0ull;

		word[1] &= low;
		word[0] &= bits <= 64 ? 0 : GENMASK_ULL(bits - 65, 0);
		word[2] = lower_32_bits(word[1]);
		word[1] = upper_32_bits(word[1]);
		word[0] = lower_32_bits(word[0]);
	}
	result(v, SMCCC_RET_SUCCESS, word[0], word[1], word[2]);
	memzero_explicit(word, sizeof(word));
	return BERTH_RUN_AGAIN;
}

static int trng(struct arm_vcpu *v, u32 fn)
{
	switch (fn) {
	case ARM_SMCCC_TRNG_VERSION:
		return done(v, TRNG_VERSION_1_0);
	case ARM_SMCCC_TRNG_FEATURES:
		switch ((u32)arm_get_reg(v, 1)) {
		case ARM_SMCCC_TRNG_VERSION:
		case ARM_SMCCC_TRNG_FEATURES:
		case ARM_SMCCC_TRNG_GET_UUID:
		case ARM_SMCCC_TRNG_RND32:
		case ARM_SMCCC_TRNG_RND64:
			return done(v, SMCCC_RET_SUCCESS);
		default:
			return done(v, SMCCC_RET_NOT_SUPPORTED);
		}
	case ARM_SMCCC_TRNG_GET_UUID:
		result(v, trng_uuid[0], trng_uuid[1], trng_uuid[2], trng_uuid[3]);
		return BERTH_RUN_AGAIN;
	default:
		return random(v, fn);
	}
}

/* ---- the host's time (virt/kvm/arm/ptp_kvm.rst) ---- */

static int ptp(struct arm_vcpu *v)
{
	const struct arm_vm_state *s = &arm_vm_of(v)->state;
	struct system_time_snapshot now;
	u64 cycles;

	ktime_get_snapshot(&now);
	if (now.cs_id != CSID_ARM_ARCH_COUNTER)
		return done(v, SMCCC_RET_NOT_SUPPORTED);
	switch ((u32)arm_get_reg(v, 1)) {
	case KVM_PTP_VIRT_COUNTER:
		cycles = now.cycles - READ_ONCE(s->virt_offset);
		break;
	case KVM_PTP_PHYS_COUNTER:
		cycles = now.cycles - READ_ONCE(s->phys_offset);
		break;
	default:
		return done(v, SMCCC_RET_NOT_SUPPORTED);
	}
	result(v, upper_32_bits(now.real), lower_32_bits(now.real), upper_32_bits(cycles),
	       lower_32_bits(cycles));
	return BERTH_RUN_AGAIN;
}

/* ---- which call ---- */

/* ARCH_FEATURES: of the calls that have no such question of their own. */
static u64 arch_features(const struct arm_vcpu *v, u32 fn)
{
	switch (fn) {
	case ARM_SMCCC_ARCH_WORKAROUND_1:
	case ARM_SMCCC_ARCH_WORKAROUND_2:
	case ARM_SMCCC_ARCH_WORKAROUND_3:
		return arm_fw_workaround(fn);
	case ARM_SMCCC_HV_PV_TIME_FEATURES:
		return arm_fw_has(v, ARM_FW_STD_HYP, KVM_REG_ARM_STD_HYP_BIT_PV_TIME) ?
		       SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED;
	default:
		return SMCCC_RET_NOT_SUPPORTED;
	}
}

static u64 pv_time_features(const struct arm_vcpu *v, u32 fn)
{
	switch (fn) {
	case ARM_SMCCC_HV_PV_TIME_FEATURES:
	case ARM_SMCCC_HV_PV_TIME_ST:
		return v->pvtime.base != BERTH_INVALID_GPA ? SMCCC_RET_SUCCESS :
							     SMCCC_RET_NOT_SUPPORTED;
	default:
		return SMCCC_RET_NOT_SUPPORTED;
	}
}

/* The firmware's own mitigation, as the guest would have called it. */
static int workaround(struct arm_vcpu *v, u32 fn)
{
	struct arm_smccc_res res;

	if (arm_fw_workaround(fn) == SMCCC_RET_SUCCESS)
		arm_smccc_1_1_invoke(fn, 0, 0, 0, 0, 0, 0, 0, &res);
	return done(v, SMCCC_RET_SUCCESS);
}

/* Of which bitmap and bit a service is, where user space may take it away. */
static bool offered(const struct arm_vcpu *v, u32 fn)
{
	switch (fn) {
	case ARM_SMCCC_TRNG_VERSION:
	case ARM_SMCCC_TRNG_FEATURES:
	case ARM_SMCCC_TRNG_GET_UUID:
	case ARM_SMCCC_TRNG_RND32:
	case ARM_SMCCC_TRNG_RND64:
		return arm_fw_has(v, ARM_FW_STD, KVM_REG_ARM_STD_BIT_TRNG_V1_0);
	case ARM_SMCCC_HV_PV_TIME_FEATURES:
	case ARM_SMCCC_HV_PV_TIME_ST:
		return arm_fw_has(v, ARM_FW_STD_HYP, KVM_REG_ARM_STD_HYP_BIT_PV_TIME);
	case ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID:
	case ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID:
		return arm_fw_has(v, ARM_FW_VENDOR_HYP, KVM_REG_ARM_VENDOR_HYP_BIT_FUNC_FEAT);
	case ARM_SMCCC_VENDOR_HYP_KVM_PTP_FUNC_ID:
		return arm_fw_has(v, ARM_FW_VENDOR_HYP, KVM_REG_ARM_VENDOR_HYP_BIT_PTP);
	default:
		return true;
	}
}

static int handle(struct arm_vcpu *v, u32 fn)
{
	if (!offered(v, fn))
		return done(v, SMCCC_RET_NOT_SUPPORTED);
	switch (fn) {
	case ARM_SMCCC_VERSION_FUNC_ID:
		return done(v, ARM_SMCCC_VERSION_1_1);
	case ARM_SMCCC_ARCH_FEATURES_FUNC_ID:
		return done(v, arch_features(v, arm_get_reg(v, 1)));
	case ARM_SMCCC_ARCH_WORKAROUND_1:
	case ARM_SMCCC_ARCH_WORKAROUND_2:
	case ARM_SMCCC_ARCH_WORKAROUND_3:
		return workaround(v, fn);
	case ARM_SMCCC_HV_PV_TIME_FEATURES:
		return done(v, pv_time_features(v, arm_get_reg(v, 1)));
	case ARM_SMCCC_HV_PV_TIME_ST:
		return done(v, arm_steal_begin(v));
	case ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID:
		result(v, vendor_uid[0], vendor_uid[1], vendor_uid[2], vendor_uid[3]);
		return BERTH_RUN_AGAIN;
	case ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID:
		return done(v, arm_vm_of(v)->state.fw[ARM_FW_VENDOR_HYP]);
	case ARM_SMCCC_VENDOR_HYP_KVM_PTP_FUNC_ID:
		return ptp(v);
	case ARM_SMCCC_TRNG_VERSION:
	case ARM_SMCCC_TRNG_FEATURES:
	case ARM_SMCCC_TRNG_GET_UUID:
	case ARM_SMCCC_TRNG_RND32:
	case ARM_SMCCC_TRNG_RND64:
		return trng(v, fn);
	default:
		return arm_psci_call(v, fn);
	}
}

/* ---- the filter (devices/vm.rst 6) ---- */

static int to_user(struct arm_vcpu *v, u32 fn)
{
	struct kvm_run *run = v->core.run;
	u64 esr = v->ctxt.esr, flags = 0;

	if (ESR_ELx_EC(esr) == ESR_ELx_EC_SMC64 || ESR_ELx_EC(esr) == ESR_ELx_EC_SMC32)
		flags |= KVM_HYPERCALL_EXIT_SMC;
	if (!(esr & ESR_ELx_IL))
		flags |= KVM_HYPERCALL_EXIT_16BIT;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = fn;
	berth_run_set_hypercall_flags(run, flags);
	run->exit_reason = KVM_EXIT_HYPERCALL;
	return BERTH_RUN_USER;
}

static enum kvm_smccc_filter_action action_of(struct arm_vcpu *v, u32 fn)
{
	struct arm_vm_state *s = &arm_vm_of(v)->state;
	void *entry;

	if (likely(!READ_ONCE(s->smccc_filtered)))
		return KVM_SMCCC_FILTER_HANDLE;
	entry = mtree_load(&s->smccc_filter, fn);
	/* What has no entry is handled: actions are kept one higher. */
	return entry ? xa_to_value(entry) - 1 : KVM_SMCCC_FILTER_HANDLE;
}

/* arm_hypercall() - HVC, whatever its immediate.  PC is behind it.  Returns enum berth_run. */
int arm_hypercall(struct arm_vcpu *v)
{
	u32 fn = arm_get_reg(v, 0);

	switch (action_of(v, fn)) {
	case KVM_SMCCC_FILTER_HANDLE:
		return handle(v, fn);
	case KVM_SMCCC_FILTER_FWD_TO_USER:
		return to_user(v, fn);
	default:
		return done(v, SMCCC_RET_NOT_SUPPORTED);
	}
}

/*
 * arm_smc() - SMC, which traps (HCR_EL2.TSC) before it has been done: PC is at it.  One with
 * an immediate is reserved (DEN0028, 2.9).
 */
int arm_smc(struct arm_vcpu *v)
{
	bool immediate = ESR_ELx_EC(v->ctxt.esr) == ESR_ELx_EC_SMC64 &&
			 (v->ctxt.esr & ESR_ELx_xVC_IMM_MASK);

	arm_skip_insn(v);
	return immediate ? done(v, SMCCC_RET_NOT_SUPPORTED) : arm_hypercall(v);
}

/* Arm's architecture calls, which no filter may touch: of 32 and of 64 bits. */
static bool reserved(u64 first, u64 last)
{
	return (first <= 0x8000ffff && last >= 0x80000000) ||
	       (first <= 0xc000ffff && last >= 0xc0000000);
}

static int set_filter(struct arm_vm *vm, const struct kvm_device_attr *attr)
{
	struct arm_vm_state *s = &vm->state;
	struct kvm_smccc_filter filter;
	u64 last;
	int r;

	if (copy_from_user(&filter, u64_to_user_ptr(attr->addr), sizeof(filter)))
		return -EFAULT;
	last = (u64)filter.base + filter.nr_functions - 1;
	if (memchr_inv(filter.pad, 0, sizeof(filter.pad)) || !filter.nr_functions ||
	    last > U32_MAX || filter.action >= NR_SMCCC_FILTER_ACTIONS)
		return -EINVAL;
	mutex_lock(&s->lock);
	if (s->has_run)
		r = -EBUSY;
	else if (reserved(filter.base, last))
		r = -EEXIST;
	else
		r = mtree_insert_range(&s->smccc_filter, filter.base, last,
				       xa_mk_value(filter.action + 1), GFP_KERNEL_ACCOUNT);
	if (!r)
		WRITE_ONCE(s->smccc_filtered, true);
	mutex_unlock(&s->lock);
	return r;
}

/* KVM_{HAS,SET}_DEVICE_ATTR on a VM (devices/vm.rst). */
long arm_ioctl_has_vm_attr(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct kvm_device_attr *attr = data;

	return attr->group == KVM_ARM_VM_SMCCC_CTRL && attr->attr == KVM_ARM_VM_SMCCC_FILTER ?
	       0 : -ENXIO;
}

long arm_ioctl_set_vm_attr(struct berth_vm *vm, void *data, unsigned long uarg)
{
	long r = arm_ioctl_has_vm_attr(vm, data, uarg);

	return r ?: set_filter(to_arm_vm(vm), data);
}
