// SPDX-License-Identifier: GPL-2.0-only
/* The backend's rows of the ioctl table and of the capabilities. */
#include "state.h"

static int check_ipa_size(struct berth_vm *vm)
{
	return arm_s2_max_ipa_bits();
}

static int enable_nisv(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags)
		return -EINVAL;
	WRITE_ONCE(to_arm_vm(vm)->nisv_to_user, true);
	return 0;
}

static const struct berth_cap caps[] = {
	/* A vCPU has no capability to enable, and no ioctl for it. */
	{ KVM_CAP_ENABLE_CAP, 0 },
	{ KVM_CAP_MAX_VCPUS, .check = vgic_max_vcpus },
	{ KVM_CAP_MAX_VCPU_ID, .check = vgic_max_vcpus },
	{ KVM_CAP_ONE_REG, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_VCPU_ATTRIBUTES, 1 },
	{ KVM_CAP_ARM_PSCI, 1 },
	{ KVM_CAP_ARM_PSCI_0_2, 1 },
	{ KVM_CAP_SYSTEM_EVENT_DATA, 1 },
	{ KVM_CAP_ARM_SYSTEM_SUSPEND, 1, .enable_vm = arm_enable_system_suspend },
	{ KVM_CAP_ARM_EL1_32BIT, .check = arm_cap_el1_32bit },
	{ KVM_CAP_ARM_SVE, .check = arm_cap_sve },
	{ KVM_CAP_ARM_PTRAUTH_ADDRESS, .check = arm_cap_ptrauth },
	{ KVM_CAP_ARM_PTRAUTH_GENERIC, .check = arm_cap_ptrauth },
	{ KVM_CAP_ARM_INJECT_SERROR_ESR, .check = arm_cap_serror_esr },
	{ KVM_CAP_ARM_INJECT_EXT_DABT, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG2, .check = arm_cap_guest_debug2 },
	{ KVM_CAP_GUEST_DEBUG_HW_BPS, .check = arm_cap_hw_bps },
	{ KVM_CAP_GUEST_DEBUG_HW_WPS, .check = arm_cap_hw_wps },
	{ KVM_CAP_STEAL_TIME, .check = arm_cap_steal_time },
	{ KVM_CAP_COUNTER_OFFSET, 1 },
	{ KVM_CAP_PTP_KVM, 1 },
	{ KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES, BIT(KVM_ARM_FEATURE_ID_RANGE) },
	{ KVM_CAP_ARM_VM_IPA_SIZE, .check = check_ipa_size },
	{ KVM_CAP_IRQCHIP, .check = vgic_cap_irqchip },
	{ KVM_CAP_ARM_SET_DEVICE_ADDR, 1 },
	{ KVM_CAP_ARM_IRQ_LINE_LAYOUT_2, 1 },
	{ KVM_CAP_MSI_DEVID, .check = vgic_cap_msi_devid },
	{ KVM_CAP_ARM_NISV_TO_USER, 1, .enable_vm = enable_nisv },
};

static const struct berth_ioctl ioctls[] = {
	VM_IOCTL(KVM_CREATE_IRQCHIP, IOC_VALUE | IOC_VM_LOCK, KVM_CAP_IRQCHIP,
		 arm_ioctl_create_irqchip),
	VM_IOCTL(KVM_ARM_SET_DEVICE_ADDR, 0, KVM_CAP_ARM_SET_DEVICE_ADDR,
		 arm_ioctl_set_device_addr),
	VM_IOCTL(KVM_IRQ_LINE, 0, KVM_CAP_IRQCHIP, arm_ioctl_irq_line),
	VM_IOCTL(KVM_ARM_PREFERRED_TARGET, 0, 0, arm_ioctl_preferred_target),
	VM_IOCTL(KVM_ARM_SET_COUNTER_OFFSET, IOC_VM_LOCK, KVM_CAP_COUNTER_OFFSET,
		 arm_ioctl_set_counter_offset),
	/* The argument goes in, though its number says that it comes out. */
	VM_IOCTL(KVM_ARM_GET_REG_WRITABLE_MASKS, IOC_VARIABLE,
		 KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES, arm_ioctl_writable_masks),
	VM_IOCTL(KVM_HAS_DEVICE_ATTR, 0, 0, arm_ioctl_has_vm_attr),
	VM_IOCTL(KVM_SET_DEVICE_ATTR, 0, 0, arm_ioctl_set_vm_attr),

	VCPU_IOCTL(KVM_ARM_VCPU_INIT, IOC_UNINIT | IOC_NO_LOAD, 0, arm_ioctl_vcpu_init),
	VCPU_IOCTL(KVM_ARM_VCPU_FINALIZE, IOC_NO_LOAD, 0, arm_ioctl_vcpu_finalize),
	VCPU_IOCTL(KVM_GET_ONE_REG, IOC_IN_ONLY, KVM_CAP_ONE_REG, arm_ioctl_get_one_reg),
	VCPU_IOCTL(KVM_SET_ONE_REG, 0, KVM_CAP_ONE_REG, arm_ioctl_set_one_reg),
	VCPU_IOCTL(KVM_GET_REG_LIST, IOC_VARIABLE, 0, arm_ioctl_get_reg_list),
	VCPU_IOCTL(KVM_GET_VCPU_EVENTS, 0, KVM_CAP_VCPU_EVENTS, arm_ioctl_get_events),
	VCPU_IOCTL(KVM_SET_VCPU_EVENTS, 0, KVM_CAP_VCPU_EVENTS, arm_ioctl_set_events),
	/* These do not need to know which processor it is. */
	VCPU_IOCTL(KVM_GET_MP_STATE, IOC_UNINIT | IOC_NO_LOAD, KVM_CAP_MP_STATE,
		   arm_ioctl_get_mp_state),
	VCPU_IOCTL(KVM_SET_MP_STATE, IOC_UNINIT | IOC_NO_LOAD, KVM_CAP_MP_STATE,
		   arm_ioctl_set_mp_state),
	VCPU_IOCTL(KVM_SET_GUEST_DEBUG, IOC_UNINIT | IOC_NO_LOAD, KVM_CAP_SET_GUEST_DEBUG,
		   arm_ioctl_set_guest_debug),
	VCPU_IOCTL(KVM_HAS_DEVICE_ATTR, IOC_UNINIT | IOC_NO_LOAD, KVM_CAP_VCPU_ATTRIBUTES,
		   arm_ioctl_has_vcpu_attr),
	VCPU_IOCTL(KVM_GET_DEVICE_ATTR, IOC_UNINIT | IOC_NO_LOAD, KVM_CAP_VCPU_ATTRIBUTES,
		   arm_ioctl_get_vcpu_attr),
	VCPU_IOCTL(KVM_SET_DEVICE_ATTR, IOC_UNINIT | IOC_NO_LOAD, KVM_CAP_VCPU_ATTRIBUTES,
		   arm_ioctl_set_vcpu_attr),
};

BERTH_DEFINE_BACKEND(arm,
	.name = "arm64 (EL2)",
	.vm_size = sizeof(struct arm_vm),
	.vcpu_size = sizeof(struct arm_vcpu),
	.max_vcpus = ARM_MAX_VCPUS,
	.max_vcpu_ids = ARM_MAX_VCPUS,
	.run_pages = 2,
	.ring_page = KVM_COALESCED_MMIO_PAGE_OFFSET,
	.dirty_ring_page = ARM_DIRTY_RING_PAGE,
	.ioctls = ioctls,
	.nr_ioctls = ARRAY_SIZE(ioctls),
	.caps = caps,
	.nr_caps = ARRAY_SIZE(caps),
	.device_types = vgic_device_types,
	.nr_device_types = VGIC_NR_DEVICE_TYPES,
	.irq = &vgic_irq_ops,
	.unknown_vm_ioctl = -EINVAL,
	.unknown_vcpu_ioctl = -EINVAL,
	.let_go = "boot with kvm-arm.mode=none",
);
