// SPDX-License-Identifier: GPL-2.0-only
/* arm64: VMs with guest addresses of other sizes than 40 bits: KVM_CREATE_VM's type, KVM_CAP_ARM_VM_IPA_SIZE. */
#include "arch_arm64.h"

#define TCR_IPS		(7ULL << 32)
#define TCR_IPS_48	(5ULL << 32)
#define FSC_MASK	0x3f
#define FSC_EXTERNAL	0x10

/* On both sides of where the tables of the second stage get another level, and where they have but some entries. */
static const unsigned int sizes[] = { 32, 36, 40, 42, 43, 44, 47 };

static struct vcpu *vcpu_of_size(unsigned int bits)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct vcpu *vcpu;

	vm->fd = expect_ok(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, (unsigned long)bits));
	vm->code = add_slot(vm, 0, 0, arch_code_gpa, arch_code_size);
	arch_vm_init(vm);
	vcpu = vcpu_new(vm, 0);
	set_reg(vcpu, TCR_EL1, (get_reg(vcpu, TCR_EL1) & ~TCR_IPS) | TCR_IPS_48);
	return vcpu;
}

/* Those that the guest's own tables can name. */
static unsigned int max_size(void)
{
	unsigned int max = cap(KVM_CAP_ARM_VM_IPA_SIZE);

	return max < 48 ? max : 48;
}

/* Which of the sizes there are, and the largest one. */
static unsigned int size(unsigned int i)
{
	if (i == ARRAY_SIZE(sizes))
		return max_size();
	return sizes[i] < max_size() ? sizes[i] : 0;
}

#define for_each_size(i)					\
	for (unsigned int i = 0; i <= ARRAY_SIZE(sizes); i++)	\
		if (size(i))

TEST(size_of_guest_addresses_is_checked, NEED(KVM_CAP_ARM_VM_IPA_SIZE))
{
	unsigned long max = cap(KVM_CAP_ARM_VM_IPA_SIZE);

	expect(max >= 32 && max <= 52);
	for (unsigned long bits = 1; bits < 32; bits++)
		expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, bits), -EINVAL);
	for (unsigned long bits = max + 1; bits < 0x100; bits++)
		expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, bits), -EINVAL);
	for (unsigned long bits = 32; bits <= max; bits++)
		close(expect_ok(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, bits)));
}

TEST(memory_at_the_top_of_guest_addresses, NEED(KVM_CAP_ARM_VM_IPA_SIZE))
{
	for_each_size(i) {
		struct vcpu *vcpu = vcpu_of_size(size(i));
		uint64_t end = 1ULL << size(i), at = end - slot_unit();
		uint64_t *memory = add_slot(vcpu->vm, 1, 0, at, slot_unit());

		trace("%u bits", size(i));
		memory[1] = 7;
		expect_eq(guest_load(vcpu, arch_window(vcpu->vm, at + 8), 8), 7);
		guest_store(vcpu, arch_window(vcpu->vm, end - 8), 8, size(i));
		expect_eq(memory[slot_unit() / 8 - 1], size(i));
		expect_ret(set_slot(vcpu->vm, 2, 0, end, slot_unit(), alloc_pages(slot_unit())), arch_slot_too_high);
	}
}

TEST(access_beyond_guest_addresses_is_an_abort, NEED(KVM_CAP_ARM_VM_IPA_SIZE))
{
	for_each_size(i) {
		struct vcpu *vcpu = vcpu_of_size(size(i));
		uint64_t end = 1ULL << size(i);
		struct arm_trap *trap;

		trace("%u bits", size(i));
		/* Below it is a device's. */
		arch_start(vcpu, GUEST_LOAD, arch_window(vcpu->vm, end - 16), 8, 0);
		run_nothing(vcpu, false, end - 16, 8);
		if (size(i) == max_size())
			continue;
		arch_start(vcpu, GUEST_LOAD, arch_window(vcpu->vm, end + 16), 8, 0);
		trap = run_sync(vcpu, EC_DABT);
		expect_eq(trap->esr & FSC_MASK, FSC_EXTERNAL);
		expect_eq(trap->far, end + 16);
	}
}
