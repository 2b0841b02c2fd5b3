// SPDX-License-Identifier: GPL-2.0-only
/* arm64: what user space says of a VM and a vCPU before they run: stolen time, counters, which ID registers may change. */
#include "arch_arm64.h"
#include "vgic.h"

GUEST(guest_ends, DONE "	b	.\n");

static void guest_memory(struct vm *vm)
{
	add_slot(vm, 1, 0, TEST_GPA, 0x10000);
}

TEST(stolen_time_address_is_checked, NEED(KVM_CAP_STEAL_TIME))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	const uint32_t group = KVM_ARM_VCPU_PVTIME_CTRL, attr = KVM_ARM_VCPU_PVTIME_IPA;
	uint64_t ipa = TEST_GPA + 8, seen = 0;

	guest_memory(vcpu->vm);
	expect_ret(dev_attr(vcpu->fd, KVM_HAS_DEVICE_ATTR, group, attr, NULL), 0);
	expect_ret(dev_attr(vcpu->fd, KVM_HAS_DEVICE_ATTR, group, 77, NULL), -ENXIO);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, 77, &ipa), -ENXIO);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, guard_page()), -EFAULT);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &ipa), -EINVAL);
	ipa = 1ull << 38;
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &ipa), -EINVAL);
	ipa = TEST_GPA + 64;
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &ipa), 0);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &ipa), -EEXIST);
	expect_ret(dev_attr(vcpu->fd, KVM_GET_DEVICE_ATTR, group, attr, &seen), 0);
	expect_eq(seen, ipa);
}

TEST(counter_offset_is_for_both_counters, NEED(KVM_CAP_COUNTER_OFFSET))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_arm_counter_offset offset = { .counter_offset = 1ull << 60, .reserved = 1 };

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ARM_SET_COUNTER_OFFSET, &offset), -EINVAL);
	offset.reserved = 0;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ARM_SET_COUNTER_OFFSET, &offset), 0);
	/* What is counted from there is negative. */
	expect(get_reg(vcpu, KVM_REG_ARM_TIMER_CNT) >> 60 == 0xf);
	expect(get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT) >> 60 == 0xf);
	/* From now on they are not set one by one, which is no error. */
	set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, 0);
	expect(get_reg(vcpu, KVM_REG_ARM_TIMER_CNT) >> 60 == 0xf);
}

TEST(writable_masks_of_id_registers_are_checked, NEED(KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES))
{
	struct vm *vm = vm_new();
	static uint64_t masks[192];
	struct reg_mask_range range = { .addr = (uintptr_t)masks, .range = 1 };

	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_GET_REG_WRITABLE_MASKS, &range), -EINVAL);
	range.range = 0;
	range.reserved[12] = 1;
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_GET_REG_WRITABLE_MASKS, &range), -EINVAL);
	range.reserved[12] = 0;
	range.addr = (uintptr_t)guard_page();
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_GET_REG_WRITABLE_MASKS, &range), -EFAULT);
	range.addr = (uintptr_t)masks;
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_GET_REG_WRITABLE_MASKS, &range), 0);
	/* ID_AA64PFR0_EL1.EL0, by KVM_ARM_FEATURE_ID_RANGE_IDX(3, 0, 0, 4, 0). */
	expect_eq(masks[4 * 8] & 0xf, 0xf);
}

TEST(id_registers_are_fixed_once_the_vm_has_run, NEED(KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t pfr0 = get_reg(vcpu, ID_AA64PFR0_EL1), less = (pfr0 & ~0xfull) | 1, more = pfr0 | 0xf;

	expect_ret(set_one_reg(vcpu, ID_AA64PFR0_EL1, &more), -EINVAL);
	expect_eq(get_reg(vcpu, ID_AA64PFR0_EL1), pfr0);
	expect_ret(set_one_reg(vcpu, ID_AA64PFR0_EL1, &less), 0);
	expect_eq(get_reg(vcpu, ID_AA64PFR0_EL1), less);
	arm_call(vcpu, guest_ends, 0, 0, 0);
	less = get_reg(vcpu, ID_AA64PFR0_EL1);
	expect_ret(set_one_reg(vcpu, ID_AA64PFR0_EL1, &less), 0);
	less--;
	expect_ret(set_one_reg(vcpu, ID_AA64PFR0_EL1, &less), -EBUSY);
}
