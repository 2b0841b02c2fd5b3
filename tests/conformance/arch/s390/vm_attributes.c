// SPDX-License-Identifier: GPL-2.0-only
/* s390: attributes of a VM: memory, TOD clock, CPU model. */
#include "arch_s390.h"

TEST(vm_attribute_groups_are_known, NEED(KVM_CAP_VM_ATTRIBUTES))
{
	struct vm *vm = vm_new_bare();
	uint8_t buf[64] = { 0 };

	expect_ret(has_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE), 0);
	expect_ret(has_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_LOW), 0);
	expect_ret(has_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_HIGH), 0);
	expect_ret(has_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE), 0);
	expect_ret(has_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR), 0);
	for (unsigned int group = 5; group < 40; group++) {
		expect_ret(has_attr(vm->fd, group, 0), -ENXIO);
		expect_ret(get_attr(vm->fd, group, 0, buf), -ENXIO);
		expect_ret(set_attr(vm->fd, group, 0, buf), -ENXIO);
	}
	for (unsigned int attr = 20; attr < 40; attr++) {
		expect_ret(has_attr(vm->fd, KVM_S390_VM_MEM_CTRL, attr), -ENXIO);
		expect_ret(has_attr(vm->fd, KVM_S390_VM_TOD, attr), -ENXIO);
		expect_ret(has_attr(vm->fd, KVM_S390_VM_CPU_MODEL, attr), -ENXIO);
		expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, attr, buf), -ENXIO);
		expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, attr, buf), -ENXIO);
	}
}

TEST(memory_limit_is_set_before_the_vcpus, NEED(KVM_CAP_VM_ATTRIBUTES))
{
	uint64_t limit = 64 << 20, seen = 0;
	struct vm *vm = vm_new_bare();

	expect_ret(set_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, &limit), 0);
	/* What is given is what could be set. */
	expect_ret(get_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, &seen), 0);
	expect(seen > limit);
	add_slot(vm, 1, 0, limit - (1 << 20), 1 << 20);
	expect_ret(set_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, guard_page()), -EFAULT);
	seen++;
	expect_ret(set_attr(vm_new_bare()->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, &seen), -E2BIG);
	limit = 0;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, &limit), -EINVAL);
	vcpu_new_bare(vm, 0);
	limit = 32 << 20;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, &limit), -EBUSY);
}

GUEST(guest_stck, "stckf 0(%r2)\n lg %r2, 0(%r2)\n" DONE);

TEST(tod_clock_is_the_vms, NEED(KVM_CAP_VM_ATTRIBUTES))
{
	uint64_t low = 0x1000000000000000, seen;
	struct kvm_s390_vm_tod_clock ext = { 0 };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t high = 1;

	expect_ret(set_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_LOW, &low), 0);
	expect_ret(get_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_LOW, &seen), 0);
	/* 100 seconds are plenty. */
	expect(seen >= low && seen < low + (100000000ULL << 12));
	seen = s390_call(vcpu, guest_stck, DATA_GPA, 0, 0);
	expect(seen >= low && seen < low + (100000000ULL << 12));
	expect_ret(get_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_HIGH, &high), 0);
	expect_eq(high, 0);
	high = 1;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_HIGH, &high), -EINVAL);
	/* Both in one; there is no second epoch. */
	ext.tod = 0x3000000000000000;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_EXT, &ext), 0);
	expect_ret(get_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_EXT, &ext), 0);
	expect(ext.tod >= 0x3000000000000000 && ext.tod < 0x3000000000000000 + (100000000ULL << 12));
	expect_eq(ext.epoch_idx, 0);
	ext.epoch_idx = 1;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_TOD, KVM_S390_VM_TOD_EXT, &ext), -EINVAL);
}

GUEST(guest_stidp, "stidp 0(%r2)\n lg %r2, 0(%r2)\n" DONE);
GUEST(guest_stfl, ".insn s, 0xb2b10000, 0(%r0)\n" DONE);

TEST(cpu_model_is_what_the_guest_sees, NEED(KVM_CAP_VM_ATTRIBUTES))
{
	struct kvm_s390_vm_cpu_processor proc;
	struct kvm_s390_vm_cpu_machine *machine = calloc(1, sizeof(*machine));
	struct vm *vm = vm_new();
	struct vcpu *vcpu;

	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE, machine), 0);
	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR, &proc), 0);
	/* z/Architecture is installed and active, and facilities are told of. */
	expect(machine->fac_list[0] >> 61 & 1);
	/* A facility less, another id. */
	proc.fac_list[0] &= ~(1ULL << (63 - 27));
	proc.cpuid = 0x0012345678900000;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR, &proc), 0);
	vcpu = vcpu_new(vm, 0);
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR, &proc), -EBUSY);
	expect_eq(s390_call(vcpu, guest_stidp, DATA_GPA, 0, 0), proc.cpuid);
	/* STFLE is the processor's own here, and not all have a list for it. */
	s390_call(vcpu, guest_stfl, 0, 0, 0);
	expect_eq(lowcore32(vcpu, LC_FACILITIES), proc.fac_list[0] >> 32);
}

TEST(cpu_subfunctions_are_given, NEED(KVM_CAP_VM_ATTRIBUTES))
{
	struct kvm_s390_vm_cpu_subfunc *sub = calloc(1, sizeof(*sub)), *seen = calloc(1, sizeof(*seen));
	struct vm *vm = vm_new_bare();

	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE_SUBFUNC, sub), 0);
	/* PTFF's query is function 0 of each. */
	expect(sub->ptff[0] & 0x80);
	/* What user space says of the guest's is kept, for the VM that it moves to. */
	sub->km[0] ^= 1;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, sub), 0);
	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, seen), 0);
	expect_mem(seen, sub, sizeof(*sub));
	vcpu_new_bare(vm, 0);
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, sub), -EBUSY);
}

TEST(cpu_features_are_those_that_there_are, NEED(KVM_CAP_VM_ATTRIBUTES))
{
	struct kvm_s390_vm_cpu_feat machine, feat;
	struct vm *vm = vm_new_bare();

	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE_FEAT, &machine), 0);
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_FEAT, &machine), 0);
	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_FEAT, &feat), 0);
	expect_mem(&feat, &machine, sizeof(feat));
	/* One that nobody has. */
	machine.feat[0] ^= 1;
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_FEAT, &machine), -EINVAL);
	vcpu_new_bare(vm, 0);
	expect_ret(set_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_FEAT, &feat), -EBUSY);
}
