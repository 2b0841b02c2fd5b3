// SPDX-License-Identifier: GPL-2.0-only
/* The state in which vCPUs begin, and the features that they are given. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arm64.h"

#define CORE(field)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 (offsetof(struct kvm_regs, field) / sizeof(u32)))
#define MPIDR_EL1	ARM64_SYS_REG(3, 0, 0, 0, 5)
#define AFFINITY	0xff00ffffffull

static int get_register(const struct vcpu *vcpu, u64 id, u64 *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg);
}

static void set_register(const struct vcpu *vcpu, u64 id, u64 value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	if (ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) < 0)
		die_errno("cannot set the state of CPU %u", vcpu->id);
}

u64 arm64_affinity(const struct vcpu *vcpu)
{
	u64 mpidr;

	if (get_register(vcpu, MPIDR_EL1, &mpidr) < 0)
		die_errno("cannot get the state of CPU %u", vcpu->id);
	return mpidr & AFFINITY;
}

static u32 features(const struct vcpu *vcpu)
{
	u32 f = 1 << KVM_ARM_VCPU_PSCI_0_2;

	if (vcpu->id)
		f |= 1 << KVM_ARM_VCPU_POWER_OFF;
	if (vm_capability(vcpu->vm, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
	    vm_capability(vcpu->vm, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0)
		f |= 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	if (vm_capability(vcpu->vm, KVM_CAP_ARM_SVE) > 0)
		f |= 1 << KVM_ARM_VCPU_SVE;
	return f;
}

void arch_create_vcpu(struct vcpu *vcpu)
{
	struct kvm_vcpu_init init;
	int sve = KVM_ARM_VCPU_SVE;

	memset(&init, 0, sizeof(init));
	if (ioctl(vcpu->vm->fd, KVM_ARM_PREFERRED_TARGET, &init) < 0)
		die_errno("cannot tell what a CPU is to be");
	init.features[0] |= features(vcpu);
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init) < 0)
		die_errno("cannot initialize CPU %u", vcpu->id);
	if (init.features[0] & (1 << KVM_ARM_VCPU_SVE) &&
	    ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &sve) < 0)
		die_errno("cannot give CPU %u its vectors", vcpu->id);
	if (!vcpu->id) {
		set_register(vcpu, CORE(regs.pc), boot.entry);
		set_register(vcpu, CORE(regs.regs[0]), boot.fdt);
	}
	if (vcpu->id == vcpu->vm->nr_vcpus - 1)
		arm64_gic_init();
}

bool arch_may_run(struct vcpu *vcpu)
{
	(void)vcpu;
	return true;
}

bool arch_exit(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}

void arch_dump(struct vcpu *vcpu)
{
	static const struct {
		const char *name;
		u64 id;
	} registers[] = {
		{ "pc", CORE(regs.pc) }, { "pstate", CORE(regs.pstate) }, { "sp", CORE(sp_el1) },
		{ "x0", CORE(regs.regs[0]) }, { "x1", CORE(regs.regs[1]) },
		{ "x2", CORE(regs.regs[2]) }, { "x29", CORE(regs.regs[29]) },
		{ "x30", CORE(regs.regs[30]) }, { "elr_el1", CORE(elr_el1) },
		{ "esr_el1", ARM64_SYS_REG(3, 0, 5, 2, 0) }, { "far_el1", ARM64_SYS_REG(3, 0, 6, 0, 0) },
		{ "sctlr_el1", ARM64_SYS_REG(3, 0, 1, 0, 0) },
	};
	size_t i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(registers); i++)
		if (!get_register(vcpu, registers[i].id, &value))
			warn("%-9s %016llx", registers[i].name, (unsigned long long)value);
}
