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
	{ KVM_CAP_ONE_REG, 1 },
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
	.let_go = "boot with kvm-arm.mode=none",
);
