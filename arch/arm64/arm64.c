// SPDX-License-Identifier: GPL-2.0-only
/* The arm64 backend: the contract's callbacks, which lead to its files. */

#include <asm/cpufeature.h>
#include <linux/percpu.h>
#include "state.h"

int arm_setup(const char **why)
{
	int r = arm_host_setup(why);

	if (r)
		return r;
	arm_host_has_sme = cpuid_feature_extract_unsigned_field(
		read_sanitised_ftr_reg(SYS_ID_AA64PFR1_EL1), ID_AA64PFR1_EL1_SME_SHIFT);
	arm_s2_setup();
	arm_vmid_setup();
	r = vgic_host_setup(why);
	if (r)
		goto out_host;
	r = arm_state_setup(why);
	if (!r)
		return 0;
	vgic_host_unsetup();
out_host:
	arm_host_unsetup();
	return r;
}

void arm_unsetup(void)
{
	arm_state_unsetup();
	vgic_host_unsetup();
	arm_host_unsetup();
}

int arm_cpu_enable(void)
{
	int r = arm_host_cpu_enable();

	if (r)
		return r;
	vgic_cpu_enable();
	arm_state_cpu_enable();
	return 0;
}

void arm_cpu_disable(void)
{
	arm_state_cpu_disable();
	vgic_cpu_disable();
	arm_host_cpu_disable();
}

/* api.rst 4.2: bits 7:0 are the size of the guest's physical addresses, 0 for 40 bits. */
#define DEFAULT_IPA_BITS	40

int arm_vm_init(struct berth_vm *b, unsigned long type)
{
	struct arm_vm *vm = to_arm_vm(b);
	const struct s2_format *format;
	unsigned int cpu;
	int r;

	if (type & ~KVM_VM_TYPE_ARM_IPA_SIZE_MASK)
		return -EINVAL;
	vm->ipa_bits = KVM_VM_TYPE_ARM_IPA_SIZE(type) ?: DEFAULT_IPA_BITS;
	format = arm_s2_format(vm->ipa_bits, &vm->vtcr);
	if (!format)
		return -EINVAL;
	vm->last_vcpu = alloc_percpu_gfp(int, GFP_KERNEL_ACCOUNT);
	if (!vm->last_vcpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(vm->last_vcpu, cpu) = -1;
	r = berth_s2_init(&b->s2, format);
	if (r)
		goto out_percpu;
	r = vgic_vm_init(vm);
	if (r)
		goto out_s2;
	r = arm_state_vm_init(vm);
	if (!r)
		return 0;
	vgic_vm_destroy(vm);
out_s2:
	berth_s2_destroy(&b->s2);
out_percpu:
	free_percpu(vm->last_vcpu);
	return r;
}

void arm_vm_destroy(struct berth_vm *b)
{
	struct arm_vm *vm = to_arm_vm(b);

	arm_state_vm_destroy(vm);
	vgic_vm_destroy(vm);
	berth_s2_destroy(&b->s2);
	free_percpu(vm->last_vcpu);
}

int arm_slot_check(struct berth_vm *vm, const struct berth_slot *slot)
{
	return slot->base_gfn + slot->npages > vm->s2.max_gfn ? -EFAULT : 0;
}

int arm_vcpu_check(struct berth_vm *vm, unsigned int id)
{
	return vgic_vcpu_check(to_arm_vm(vm), id);
}

int arm_vcpu_init(struct berth_vcpu *b)
{
	struct arm_vcpu *v = to_arm(b);
	int r;

	r = arm_el2_map(&v->ctxt, sizeof(v->ctxt));
	if (r)
		return r;
	arm_run_init(v);
	r = vgic_vcpu_init(v);
	if (r)
		return r;
	r = arm_state_vcpu_init(v);
	if (r)
		vgic_vcpu_destroy(v);
	return r;
}

/* The guest is entered with interrupts off: the interrupt that follows is enough. */
void arm_vcpu_kick(struct berth_vcpu *vcpu)
{
}

void arm_vcpu_destroy(struct berth_vcpu *b)
{
	struct arm_vcpu *v = to_arm(b);

	arm_state_vcpu_destroy(v);
	vgic_vcpu_destroy(v);
}
