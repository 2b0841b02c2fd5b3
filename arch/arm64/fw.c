// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the firmware that we play is like: PSCI's version, the workarounds it knows, the
 * services it offers.  To user space these are registers (virt/kvm/arm/
 * fw-pseudo-registers.rst).
 */
#include <linux/arm-smccc.h>
#include <linux/bitfield.h>
#include <linux/uaccess.h>
#include "psci.h"
#include "sysreg.h"

/* All services of each bitmap. */
static const u64 all[ARM_NR_FW_BITMAPS] = {
	[ARM_FW_STD]		= BIT(KVM_REG_ARM_STD_BIT_TRNG_V1_0),
	[ARM_FW_STD_HYP]	= BIT(KVM_REG_ARM_STD_HYP_BIT_PV_TIME),
	[ARM_FW_VENDOR_HYP]	= BIT(KVM_REG_ARM_VENDOR_HYP_BIT_FUNC_FEAT) |
				  BIT(KVM_REG_ARM_VENDOR_HYP_BIT_PTP),
};

/* In the order in which they are listed. */
static const u64 regs[] = {
	KVM_REG_ARM_PSCI_VERSION,
	KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
	KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2,
	KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3,
	KVM_REG_ARM_STD_BMAP,
	KVM_REG_ARM_STD_HYP_BMAP,
	KVM_REG_ARM_VENDOR_HYP_BMAP,
};

void arm_fw_vm_init(struct arm_vm_state *s)
{
	memcpy(s->fw, all, sizeof(s->fw));
}

bool arm_fw_has(const struct arm_vcpu *v, enum arm_fw_bitmap map, unsigned int bit)
{
	return READ_ONCE(arm_vm_of(v)->state.fw[map]) & BIT(bit);
}

/* What the host's own firmware says of a workaround. */
static int ask_firmware(u32 call)
{
	struct arm_smccc_res res = { .a0 = SMCCC_RET_NOT_SUPPORTED };

	arm_smccc_1_1_invoke(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, call, 0, 0, 0, 0, 0, 0, &res);
	return (int)res.a0 < 0 ? SMCCC_RET_NOT_SUPPORTED : res.a0;
}

/*
 * arm_fw_workaround() - as ARCH_FEATURES answers for a workaround (Arm DEN0070):
 * SMCCC_RET_SUCCESS: the call is there and needed; 1: it is not needed here;
 * SMCCC_RET_NOT_REQUIRED: nor ever; SMCCC_RET_NOT_SUPPORTED: there is none.
 */
int arm_fw_workaround(u32 call)
{
	int r;

	switch (call) {
	case ARM_SMCCC_ARCH_WORKAROUND_1:
		if (arm_id_offers(SYS_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_CSV2_SHIFT, 1))
			return SMCCC_ARCH_WORKAROUND_RET_UNAFFECTED;
		return ask_firmware(call);
	case ARM_SMCCC_ARCH_WORKAROUND_2:
		/* Guests with PSTATE.SSBS see to it themselves; else it stays as the host's. */
		if (arm_id_offers(SYS_ID_AA64PFR1_EL1, ID_AA64PFR1_EL1_SSBS_SHIFT, 1))
			return SMCCC_RET_NOT_SUPPORTED;
		r = ask_firmware(call);
		return r >= 0 ? SMCCC_RET_NOT_REQUIRED : r;
	default:
		return ask_firmware(call);
	}
}

/* The same as a register's value; all three have the same order, from none to not needed. */
static u64 level(u64 id)
{
	bool second = id == KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2;
	u32 call = id == KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1 ? ARM_SMCCC_ARCH_WORKAROUND_1 :
		   second ? ARM_SMCCC_ARCH_WORKAROUND_2 : ARM_SMCCC_ARCH_WORKAROUND_3;

	switch (arm_fw_workaround(call)) {
	case SMCCC_RET_NOT_SUPPORTED:
		return KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_AVAIL;
	case SMCCC_RET_SUCCESS:
		return KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_AVAIL;
	default:
		return second ? KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED :
				KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_REQUIRED;
	}
}

/* User space writes a workaround's level: what another host had must hold here, too. */
static int check_level(u64 id, u64 value)
{
	if (id != KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2)
		return value > level(id) ? -EINVAL : 0;
	if (value & ~(u64)(KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_ENABLED |
			   KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED))
		return -EINVAL;
	if ((value & KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_ENABLED) &&
	    value != (KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_ENABLED |
		      KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_AVAIL))
		return -EINVAL;
	/* "Unknown" counts as none, "available" as always on. */
	return (value & KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_AVAIL) && !level(id) ? -EINVAL : 0;
}

static int set_version(struct arm_vm_state *s, u64 value)
{
	int r = -EINVAL;

	mutex_lock(&s->lock);
	switch (value) {
	case ARM_PSCI_0_1:
		if (!(s->features & ARM_FEATURE(PSCI_0_2)))
			r = 0;
		break;
	case ARM_PSCI_0_2:
	case ARM_PSCI_1_0:
	case ARM_PSCI_1_1:
		if (s->features & ARM_FEATURE(PSCI_0_2))
			r = 0;
		break;
	}
	if (!r)
		WRITE_ONCE(s->psci_version, value);
	mutex_unlock(&s->lock);
	return r;
}

static int set_bitmap(struct arm_vm_state *s, enum arm_fw_bitmap map, u64 value)
{
	int r = 0;

	if (value & ~all[map])
		return -EINVAL;
	mutex_lock(&s->lock);
	if (s->has_run && value != s->fw[map])
		r = -EBUSY;
	else
		WRITE_ONCE(s->fw[map], value);
	mutex_unlock(&s->lock);
	return r;
}

/* KVM_{GET,SET}_ONE_REG; -ENOENT for registers that there are not. */
int arm_fw_get_reg(struct arm_vcpu *v, u64 id, u64 *value)
{
	const struct arm_vm_state *s = &arm_vm_of(v)->state;

	switch (id) {
	case KVM_REG_ARM_PSCI_VERSION:
		*value = s->psci_version;
		return 0;
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1:
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2:
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3:
		*value = level(id);
		return 0;
	case KVM_REG_ARM_STD_BMAP:
		*value = s->fw[ARM_FW_STD];
		return 0;
	case KVM_REG_ARM_STD_HYP_BMAP:
		*value = s->fw[ARM_FW_STD_HYP];
		return 0;
	case KVM_REG_ARM_VENDOR_HYP_BMAP:
		*value = s->fw[ARM_FW_VENDOR_HYP];
		return 0;
	default:
		return -ENOENT;
	}
}

int arm_fw_set_reg(struct arm_vcpu *v, u64 id, u64 value)
{
	struct arm_vm_state *s = &arm_vm_of(v)->state;

	switch (id) {
	case KVM_REG_ARM_PSCI_VERSION:
		return set_version(s, value);
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1:
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2:
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3:
		return check_level(id, value);
	case KVM_REG_ARM_STD_BMAP:
		return set_bitmap(s, ARM_FW_STD, value);
	case KVM_REG_ARM_STD_HYP_BMAP:
		return set_bitmap(s, ARM_FW_STD_HYP, value);
	case KVM_REG_ARM_VENDOR_HYP_BMAP:
		return set_bitmap(s, ARM_FW_VENDOR_HYP, value);
	default:
		return -ENOENT;
	}
}

/* Write the ids to @ids, where not NULL; how many there are, or -EFAULT. */
long arm_fw_list(u64 __user *ids)
{
	if (ids && copy_to_user(ids, regs, sizeof(regs)))
		return -EFAULT;
	return ARRAY_SIZE(regs);
}
