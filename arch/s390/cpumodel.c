// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU model (devices/vm.rst, KVM_S390_VM_CPU_MODEL): what of the machine the guest may have,
 * and what of it user space lets it have.
 */
#include <asm/facility.h>
#include <asm/sclp.h>
#include <linux/uaccess.h>
#include "s390.h"

/* What the kernel's headers say that a guest can have of what a hypervisor must manage. */
static const unsigned long managed[] = { FACILITIES_KVM };

/* What this hypervisor does not do: its state is not exchanged. */
static const u8 withheld[] = {
	11,				/* CPU topology */
	50, 73,				/* transactions */
	64,				/* runtime instrumentation */
	129, 134, 135, 148, 152, 165, 192,	/* vectors */
	133,				/* guarded storage */
	139,				/* multiple epochs */
};

static const u8 emulated[] = { SIE_FAC_STHYI, SIE_FAC_CZAM };

static u64 facility_bit(unsigned int nr)
{
	return 1ULL << (63 - nr % 64);
}

/* Of word @i of a facility list, what needs no hypervisor: SCLP says where it begins. */
static u64 unmanaged(unsigned int i)
{
	unsigned int quarters = i < 16 ? sclp.hmfai << i * 2 >> 30 : 3;

	return 0x0000ffffffffffffULL >> quarters * 16;
}

void sie_model_init(struct sie_vm *vm)
{
	struct sie_model *model = &vm->model;
	struct cpuid id;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stfle_fac_list); i++)
		model->fac_mask[i] = stfle_fac_list[i] &
				     (unmanaged(i) | (i < ARRAY_SIZE(managed) ? managed[i] : 0));
	for (i = 0; i < ARRAY_SIZE(withheld); i++)
		model->fac_mask[withheld[i] / 64] &= ~facility_bit(withheld[i]);
	for (i = 0; i < ARRAY_SIZE(emulated); i++)
		model->fac_mask[emulated[i] / 64] |= facility_bit(emulated[i]);
	memcpy(model->fac_list, model->fac_mask, sizeof(model->fac_list));
	get_cpu_id(&id);
	id.version = 0xff;
	memcpy(&model->cpuid, &id, sizeof(model->cpuid));
	model->ibc = sclp.ibc & 0xfff;
	sie_subfunctions(&model->subfunc);
}

void sie_model_apply(struct sie_vm *vm)
{
	memcpy(vm->fac_page, vm->model.fac_list, sizeof(vm->model.fac_list));
}

static int set_processor(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_vm_cpu_processor *cpu;
	u16 lowest = sclp.ibc >> 16 & 0xfff, highest = sclp.ibc & 0xfff;
	int r = -EBUSY;

	cpu = memdup_user((void __user *)attr->addr, sizeof(*cpu));
	if (IS_ERR(cpu))
		return PTR_ERR(cpu);
	mutex_lock(&vm->vm.lock);
	if (!vm->vm.created_vcpus) {
		vm->model.cpuid = cpu->cpuid;
		/* Within what the machine can block. */
		if (lowest && cpu->ibc)
			vm->model.ibc = clamp(cpu->ibc, lowest, highest);
		memcpy(vm->model.fac_list, cpu->fac_list, sizeof(cpu->fac_list));
		r = 0;
	}
	mutex_unlock(&vm->vm.lock);
	kfree(cpu);
	return r;
}

static int get_processor(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_vm_cpu_processor *cpu = kzalloc(sizeof(*cpu), GFP_KERNEL_ACCOUNT);
	int r;

	if (!cpu)
		return -ENOMEM;
	mutex_lock(&vm->vm.lock);
	cpu->cpuid = vm->model.cpuid;
	cpu->ibc = vm->model.ibc;
	memcpy(cpu->fac_list, vm->model.fac_list, sizeof(cpu->fac_list));
	mutex_unlock(&vm->vm.lock);
	r = copy_to_user((void __user *)attr->addr, cpu, sizeof(*cpu)) ? -EFAULT : 0;
	kfree(cpu);
	return r;
}

static int get_machine(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_vm_cpu_machine *machine = kzalloc(sizeof(*machine), GFP_KERNEL_ACCOUNT);
	struct cpuid id;
	int r;

	if (!machine)
		return -ENOMEM;
	get_cpu_id(&id);
	memcpy(&machine->cpuid, &id, sizeof(machine->cpuid));
	machine->ibc = sclp.ibc;
	memcpy(machine->fac_mask, vm->model.fac_mask, sizeof(machine->fac_mask));
	memcpy(machine->fac_list, stfle_fac_list, sizeof(stfle_fac_list));
	r = copy_to_user((void __user *)attr->addr, machine, sizeof(*machine)) ? -EFAULT : 0;
	kfree(machine);
	return r;
}

/* What SIE interprets beyond instructions: we use none of it, and offer none. */
static int set_features(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_vm_cpu_feat feat;
	int r = -EINVAL;

	if (copy_from_user(&feat, (void __user *)attr->addr, sizeof(feat)))
		return -EFAULT;
	mutex_lock(&vm->vm.lock);
	if (!memchr_inv(&feat, 0, sizeof(feat)))
		r = vm->vm.created_vcpus ? -EBUSY : 0;
	mutex_unlock(&vm->vm.lock);
	return r;
}

/* It is for migration alone: what an instruction can do is not ours to take away. */
static int set_subfunctions(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_vm_cpu_subfunc *subfunc;
	int r = -EBUSY;

	subfunc = memdup_user((void __user *)attr->addr, sizeof(*subfunc));
	if (IS_ERR(subfunc))
		return PTR_ERR(subfunc);
	mutex_lock(&vm->vm.lock);
	if (!vm->vm.created_vcpus) {
		vm->model.subfunc = *subfunc;
		r = 0;
	}
	mutex_unlock(&vm->vm.lock);
	kfree(subfunc);
	return r;
}

static int get_subfunctions(struct sie_vm *vm, const struct kvm_device_attr *attr, bool machine)
{
	struct kvm_s390_vm_cpu_subfunc *subfunc = kmalloc(sizeof(*subfunc), GFP_KERNEL_ACCOUNT);
	int r;

	if (!subfunc)
		return -ENOMEM;
	if (machine) {
		sie_subfunctions(subfunc);
	} else {
		mutex_lock(&vm->vm.lock);
		*subfunc = vm->model.subfunc;
		mutex_unlock(&vm->vm.lock);
	}
	r = copy_to_user((void __user *)attr->addr, subfunc, sizeof(*subfunc)) ? -EFAULT : 0;
	kfree(subfunc);
	return r;
}

int sie_model_set_attr(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	switch (attr->attr) {
	case KVM_S390_VM_CPU_PROCESSOR:
		return set_processor(vm, attr);
	case KVM_S390_VM_CPU_PROCESSOR_FEAT:
		return set_features(vm, attr);
	case KVM_S390_VM_CPU_PROCESSOR_SUBFUNC:
		return set_subfunctions(vm, attr);
	default:
		return -ENXIO;
	}
}

int sie_model_get_attr(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	switch (attr->attr) {
	case KVM_S390_VM_CPU_PROCESSOR:
		return get_processor(vm, attr);
	case KVM_S390_VM_CPU_MACHINE:
		return get_machine(vm, attr);
	case KVM_S390_VM_CPU_PROCESSOR_FEAT:
	case KVM_S390_VM_CPU_MACHINE_FEAT:
		return clear_user((void __user *)attr->addr, sizeof(struct kvm_s390_vm_cpu_feat)) ?
		       -EFAULT : 0;
	case KVM_S390_VM_CPU_PROCESSOR_SUBFUNC:
	case KVM_S390_VM_CPU_MACHINE_SUBFUNC:
		return get_subfunctions(vm, attr, attr->attr == KVM_S390_VM_CPU_MACHINE_SUBFUNC);
	default:
		return -ENXIO;
	}
}

int sie_model_has_attr(const struct kvm_device_attr *attr)
{
	switch (attr->attr) {
	case KVM_S390_VM_CPU_PROCESSOR:
	case KVM_S390_VM_CPU_MACHINE:
	case KVM_S390_VM_CPU_PROCESSOR_FEAT:
	case KVM_S390_VM_CPU_MACHINE_FEAT:
	case KVM_S390_VM_CPU_PROCESSOR_SUBFUNC:
	case KVM_S390_VM_CPU_MACHINE_SUBFUNC:
		return 0;
	default:
		return -ENXIO;
	}
}
