// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backend for a toy machine, which an interpreter runs: the core under test, in user space
 * (tests/unit/core) or as a module on a machine that has no virtualization extension.
 */
#include <linux/module.h>
#include <linux/percpu.h>
#include "fake.h"

static bool absent;
module_param(absent, bool, 0444);
MODULE_PARM_DESC(absent, "Behave as on a machine that cannot run guests");

static int busy_cpu = -1;
module_param(busy_cpu, int, 0444);
MODULE_PARM_DESC(busy_cpu, "Processor on which another hypervisor is at work");

static DEFINE_PER_CPU(bool, enabled);

int fake_setup(const char **why)
{
	if (!absent)
		return 0;
	*why = "no toy machine here";
	return -EOPNOTSUPP;
}

void fake_unsetup(void)
{
}

int fake_cpu_enable(void)
{
	if ((int)smp_processor_id() == busy_cpu)
		return -EBUSY;
	WARN_ON(*this_cpu_ptr(&enabled));
	*this_cpu_ptr(&enabled) = true;
	return 0;
}

void fake_cpu_disable(void)
{
	*this_cpu_ptr(&enabled) = false;
}

int fake_vm_init(struct berth_vm *vm, unsigned long type)
{
	struct fake_vm *fake = to_fake_vm(vm);

	if (type >= TOY_NR_TYPES)
		return -EINVAL;
	fake->strict = type == TOY_STRICT;
	fake->chosen = type == TOY_CHOSEN;
	fake_irq_init(fake);
	return berth_s2_init(&vm->s2, fake->strict ? &fake_strict_format : &fake_plain_format);
}

void fake_vm_destroy(struct berth_vm *vm)
{
	berth_s2_destroy(&vm->s2);
}

int fake_slot_check(struct berth_vm *vm, const struct berth_slot *slot)
{
	return slot->base_gfn + slot->npages > vm->s2.max_gfn ? -EINVAL : 0;
}

int fake_vcpu_check(struct berth_vm *vm, unsigned int id)
{
	return 0;
}

int fake_vcpu_init(struct berth_vcpu *vcpu)
{
	struct fake_vm *vm = to_fake_vm(vcpu->vm);

	to_fake(vcpu)->regs[TOY_PC] = READ_ONCE(vm->reset_pc);
	to_fake(vcpu)->mp_state = vm->chosen ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	vcpu->initialized = !vm->chosen;
	return 0;
}

/* All of a vCPU is in its struct. */
void fake_vcpu_destroy(struct berth_vcpu *vcpu)
{
}

void fake_vcpu_load(struct berth_vcpu *vcpu, unsigned int cpu)
{
	WARN_ON_ONCE(!*per_cpu_ptr(&enabled, cpu) || to_fake(vcpu)->loaded);
	to_fake(vcpu)->loaded = true;
}

void fake_vcpu_put(struct berth_vcpu *vcpu)
{
	WARN_ON_ONCE(!to_fake(vcpu)->loaded);
	to_fake(vcpu)->loaded = false;
}

/* The interrupt that follows is enough. */
void fake_vcpu_kick(struct berth_vcpu *vcpu)
{
}

void fake_s2_flush(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	vm->stats.remote_tlb_flush_requests++;
	if (berth_request_all(vm, BERTH_REQ_TLB_FLUSH))
		vm->stats.remote_tlb_flush++;
}

void fake_s2_prepare(struct berth_vm *vm, gfn_t gfn, phys_addr_t pa, size_t size, u32 gained)
{
	struct fake_vm *fake = to_fake_vm(vm);

	if (gained & S2_R)
		atomic_long_add(size >> PAGE_SHIFT, &fake->prepared);
	if (gained & S2_X)
		atomic_long_add(size >> PAGE_SHIFT, &fake->prepared_exec);
}
