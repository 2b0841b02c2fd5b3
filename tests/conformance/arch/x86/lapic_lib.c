// SPDX-License-Identifier: GPL-2.0-only
/* What the tests of the local APIC share. */
#include "lapic.h"

struct vm *vm_new_split(void)
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct vm *vm = vm_new();

	expect_ok(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args));
	interruptible = false;
	return vm;
}

struct vcpu *vcpu_new_with(struct vm *vm, unsigned int id, uint32_t ecx)
{
	struct vcpu *vcpu = vcpu_new_bare(vm, id);
	struct cpuid_table table;

	supported_cpuid(&table);
	for (unsigned int i = 0; i < table.head.nent; i++) {
		if (table.entries[i].function == 1)
			table.entries[i].ecx |= ecx;
	}
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table));
	x86_set_mode(vcpu, X86_LONG);
	expect_ok(set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE));
	set_lapic_reg(vcpu, APIC_SVR, SVR_ON);
	return vcpu;
}

struct vcpu *vcpu_new_on(struct vm *vm, unsigned int id)
{
	return vcpu_new_with(vm, id, 0);
}

struct vcpu *new_split_vcpu(void)
{
	return vcpu_new_on(vm_new_split(), 0);
}

struct kvm_lapic_state get_lapic(struct vcpu *vcpu)
{
	struct kvm_lapic_state state;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_LAPIC, &state));
	return state;
}

uint32_t lapic_reg(struct vcpu *vcpu, unsigned int offset)
{
	struct kvm_lapic_state state = get_lapic(vcpu);
	uint32_t value;

	memcpy(&value, state.regs + offset, sizeof(value));
	return value;
}

void set_lapic_reg(struct vcpu *vcpu, unsigned int offset, uint32_t value)
{
	struct kvm_lapic_state state = get_lapic(vcpu);

	memcpy(state.regs + offset, &value, sizeof(value));
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
}

bool lapic_bit(struct vcpu *vcpu, unsigned int offset, unsigned int vector)
{
	return lapic_reg(vcpu, offset + vector / 32 * 16) >> vector % 32 & 1;
}

uint32_t apic_read(struct vcpu *vcpu, unsigned int offset)
{
	return guest_load(vcpu, APIC_BASE + offset, 4);
}

void apic_write(struct vcpu *vcpu, unsigned int offset, uint32_t value)
{
	guest_call(vcpu, GUEST_STORE, APIC_BASE + offset, 4, value);
}

GUEST64(guest_wrmsr_args,
	"mov	%edi, %ecx\n"
	"mov	%esi, %eax\n"
	"wrmsr\n"
	DONE);

GUEST64(guest_rdmsr_args,
	"mov	%edi, %ecx\n"
	"rdmsr\n"
	DONE);

void apic_wrmsr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	x86_start(vcpu, X86_KEEP, guest_wrmsr_args, index, (uint32_t)value, value >> 32);
	run_done(vcpu);
}

void apic_wrmsr_faults(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	x86_start(vcpu, X86_KEEP, guest_wrmsr_args, index, (uint32_t)value, value >> 32);
	run_trap(vcpu, 13);
}

uint64_t apic_rdmsr(struct vcpu *vcpu, uint32_t index)
{
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_rdmsr_args, index, 0, 0);
	run_done(vcpu);
	regs = get_regs(vcpu);
	return (uint32_t)regs.rax | regs.rdx << 32;
}

void apic_rdmsr_faults(struct vcpu *vcpu, uint32_t index)
{
	x86_start(vcpu, X86_KEEP, guest_rdmsr_args, index, 0, 0);
	run_trap(vcpu, 13);
}

GUEST64(guest_take, OPEN DONE);

struct x86_trap *take_interrupt(struct vcpu *vcpu, unsigned int vector)
{
	x86_start(vcpu, X86_KEEP, guest_take, 0, 0, 0);
	return run_trap(vcpu, vector);
}

void take_none(struct vcpu *vcpu)
{
	x86_start(vcpu, X86_KEEP, guest_take, 0, 0, 0);
	run_done(vcpu);
}

int signal_msi(struct vm *vm, uint32_t address, uint32_t address_hi, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = address, .address_hi = address_hi, .data = data };

	return kvm_ioctl(vm->fd, KVM_SIGNAL_MSI, &msi);
}

uint32_t mp_state(struct vcpu *vcpu)
{
	struct kvm_mp_state state;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state));
	return state.mp_state;
}

int set_mp_state(struct vcpu *vcpu, uint32_t state)
{
	struct kvm_mp_state arg = { state };

	return kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &arg);
}
