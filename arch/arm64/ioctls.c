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
	{ KVM_CAP_ARM_NISV_TO_USER, 1, .enable_vm = enable_nisv },
};

static const struct berth_ioctl ioctls[] = {
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
	.device_types = NULL,
	.nr_device_types = 0,
	.irq = NULL,
);
