// SPDX-License-Identifier: GPL-2.0-only
/* arm64: which calls user space answers itself: KVM_ARM_VM_SMCCC_FILTER; Documentation/virt/kvm/devices/vm.rst. */
#include <linux/psci.h>

#include "vgic.h"

#define NOT_SUPPORTED	-1
#define SMCCC_VERSION	0x80000000
#define SERVICE		0xc3000000	/* of a silicon provider */

extern const unsigned char guest_hvc[], guest_smc[];

static int set_filter(struct vm *vm, uint32_t base, uint32_t nr, uint8_t action)
{
	struct kvm_smccc_filter filter = { .base = base, .nr_functions = nr, .action = action };

	return dev_attr(vm->fd, KVM_SET_DEVICE_ATTR, KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER, &filter);
}

/* A VM of which calls can be filtered, or the test ends here. */
static struct vm *filtered_vm(void)
{
	struct vm *vm = vm_new();

	if (dev_attr(vm->fd, KVM_HAS_DEVICE_ATTR, KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER, NULL))
		skip_test("KVM_ARM_VM_SMCCC_FILTER");
	return vm;
}

TEST(smccc_filter_is_checked)
{
	struct vm *vm = filtered_vm();
	const uint32_t group = KVM_ARM_VM_SMCCC_CTRL, attr = KVM_ARM_VM_SMCCC_FILTER;
	struct kvm_smccc_filter filter = { .base = SERVICE, .nr_functions = 1, .action = KVM_SMCCC_FILTER_DENY };

	expect_ret(dev_attr(vm->fd, KVM_HAS_DEVICE_ATTR, group, attr + 1, NULL), -ENXIO);
	expect_ret(dev_attr(vm->fd, KVM_SET_DEVICE_ATTR, group, attr + 1, &filter), -ENXIO);
	expect_ret(dev_attr(vm->fd, KVM_SET_DEVICE_ATTR, group, attr, guard_page()), -EFAULT);
	for (size_t i = 0; i < sizeof(filter.pad); i++) {
		filter.pad[i] = 1;
		expect_ret(dev_attr(vm->fd, KVM_SET_DEVICE_ATTR, group, attr, &filter), -EINVAL);
		filter.pad[i] = 0;
	}
	expect_ret(set_filter(vm, SERVICE, 0, KVM_SMCCC_FILTER_DENY), -EINVAL);
	expect_ret(set_filter(vm, SERVICE, 1, KVM_SMCCC_FILTER_FWD_TO_USER + 1), -EINVAL);
	expect_ret(set_filter(vm, 0xfffffff0, 0x11, KVM_SMCCC_FILTER_DENY), -EINVAL);
	/* Arm's architecture calls are none of user space's. */
	expect_ret(set_filter(vm, SMCCC_VERSION, 1, KVM_SMCCC_FILTER_DENY), -EEXIST);
	expect_ret(set_filter(vm, 0xc000ffff, 2, KVM_SMCCC_FILTER_DENY), -EEXIST);
	expect_ret(set_filter(vm, 0, 0xffffffff, KVM_SMCCC_FILTER_DENY), -EEXIST);
	expect_ret(set_filter(vm, SERVICE, 0x10, KVM_SMCCC_FILTER_DENY), 0);
	expect_ret(set_filter(vm, SERVICE + 0xf, 2, KVM_SMCCC_FILTER_DENY), -EEXIST);
	expect_ret(set_filter(vm, SERVICE, 0x10, KVM_SMCCC_FILTER_HANDLE), -EEXIST);
	expect_ret(set_filter(vm, SERVICE + 0x10, 1, KVM_SMCCC_FILTER_HANDLE), 0);
	expect_ret(set_filter(vm, 0xfffffff0, 0x10, KVM_SMCCC_FILTER_DENY), 0);
}

TEST(smccc_filter_comes_before_the_first_run)
{
	struct vcpu *vcpu = vcpu_new(filtered_vm(), 0);

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	expect_ret(set_filter(vcpu->vm, SERVICE, 1, KVM_SMCCC_FILTER_DENY), -EBUSY);
	/* Which is told before what it overlaps, and after what is wrong with it. */
	expect_ret(set_filter(vcpu->vm, SMCCC_VERSION, 1, KVM_SMCCC_FILTER_DENY), -EBUSY);
	expect_ret(set_filter(vcpu->vm, SERVICE, 0, KVM_SMCCC_FILTER_DENY), -EINVAL);
}

static void run_call(struct vcpu *vcpu, const unsigned char *code, uint64_t number, uint64_t flags)
{
	uint64_t seen;

	arm_start(vcpu, code, number, 0x11, 0x22);
	run_until(vcpu, KVM_EXIT_HYPERCALL);
	expect_eq(vcpu->run->hypercall.nr, (uint32_t)number);
	/* The flags have taken the place of this member. */
	memcpy(&seen, &vcpu->run->hypercall.longmode, sizeof(seen));
	expect_eq(seen, flags);
	/* The call is over; arguments and results are in the registers. */
	expect_eq(get_reg(vcpu, CORE(regs.pc)), arm_gpa(code) + 4);
	expect_eq(get_reg(vcpu, XREG(1)), 0x11);
	set_reg(vcpu, XREG(0), 0x77);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0x77);
}

TEST(smccc_filter_says_who_answers)
{
	struct vcpu *vcpu;
	struct vm *vm = filtered_vm();

	expect_ret(set_filter(vm, SERVICE, 2, KVM_SMCCC_FILTER_FWD_TO_USER), 0);
	expect_ret(set_filter(vm, PSCI_0_2_FN_PSCI_VERSION, 1, KVM_SMCCC_FILTER_DENY), 0);
	vcpu = vcpu_new(vm, 0);
	run_call(vcpu, guest_hvc, SERVICE, 0);
	run_call(vcpu, guest_hvc, SERVICE + 1, 0);
	run_call(vcpu, guest_smc, SERVICE, KVM_HYPERCALL_EXIT_SMC);
	/* The number has 32 bits. */
	run_call(vcpu, guest_hvc, 0x100000000 + SERVICE, 0);
	expect_ret(arm_call(vcpu, guest_hvc, SERVICE + 2, 0, 0), NOT_SUPPORTED);
	expect_ret(arm_call(vcpu, guest_hvc, PSCI_0_2_FN_PSCI_VERSION, 0, 0), NOT_SUPPORTED);
	expect(arm_call(vcpu, guest_hvc, SMCCC_VERSION, 0, 0) >= 0x10001);
}
