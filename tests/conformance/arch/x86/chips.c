// SPDX-License-Identifier: GPL-2.0-only
/* x86: helpers for the tests of interrupt controllers and timer; see chips.h. */
#include "chips.h"

GUEST64(guest_out, "mov %edi, %edx\n mov %esi, %eax\n out %al, %dx\n" DONE);
GUEST64(guest_in, "mov %edi, %edx\n xor %eax, %eax\n in %dx, %al\n" DONE);
GUEST64(guest_open, OPEN "1:\n" DONE "jmp 1b\n");
/* An interrupt that waits already comes before the HLT; whether it ends one is for lapic.c to ask. */
GUEST64(guest_open_halt, OPEN "1: hlt\n jmp 1b\n");

struct vm *vm_new_irqchip(void)
{
	struct vm *vm = vm_new();

	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L));
	interruptible = false;
	return vm;
}

void lapic_set(struct vcpu *vcpu, unsigned int reg, uint32_t value)
{
	struct kvm_lapic_state lapic;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic));
	memcpy(lapic.regs + reg, &value, sizeof(value));
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic));
}

struct vcpu *vcpu_new_lapic(struct vm *vm)
{
	struct vcpu *vcpu = vcpu_new(vm, 0);

	lapic_set(vcpu, 0xf0, 0x1ff);
	lapic_set(vcpu, 0x350, 0x700);
	return vcpu;
}

int irq_line(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return kvm_ioctl(vm->fd, KVM_IRQ_LINE, &line);
}

int irq_line_status(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	expect_ok(kvm_ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &line));
	return line.status;
}

void irq_pulse(struct vm *vm, uint32_t gsi)
{
	expect_ret(irq_line(vm, gsi, 1), 0);
	expect_ret(irq_line(vm, gsi, 0), 0);
}

struct kvm_irqchip get_chip(struct vm *vm, uint32_t id)
{
	struct kvm_irqchip chip = { .chip_id = id };

	expect_ok(kvm_ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	return chip;
}

int set_chip(struct vm *vm, struct kvm_irqchip *chip)
{
	return kvm_ioctl(vm->fd, KVM_SET_IRQCHIP, chip);
}

void port_out(struct vcpu *vcpu, uint16_t port, uint8_t value)
{
	x86_start(vcpu, X86_KEEP, guest_out, port, value, 0);
	run_done(vcpu);
}

uint8_t port_in(struct vcpu *vcpu, uint16_t port)
{
	x86_start(vcpu, X86_KEEP, guest_in, port, 0, 0);
	run_done(vcpu);
	return get_regs(vcpu).rax;
}

void ioapic_write(struct vcpu *vcpu, uint8_t reg, uint32_t value)
{
	guest_store(vcpu, IOAPIC_GPA, 4, reg);
	guest_store(vcpu, IOAPIC_GPA + 0x10, 4, value);
}

uint32_t ioapic_read(struct vcpu *vcpu, uint8_t reg)
{
	guest_store(vcpu, IOAPIC_GPA, 4, reg);
	return guest_load(vcpu, IOAPIC_GPA + 0x10, 4);
}

void ioapic_entry(struct vcpu *vcpu, unsigned int pin, uint64_t entry)
{
	ioapic_write(vcpu, 0x11 + 2 * pin, entry >> 32);
	ioapic_write(vcpu, 0x10 + 2 * pin, entry);
}

uint64_t ioapic_read_entry(struct vcpu *vcpu, unsigned int pin)
{
	return (uint64_t)ioapic_read(vcpu, 0x11 + 2 * pin) << 32 | ioapic_read(vcpu, 0x10 + 2 * pin);
}

void lapic_eoi(struct vcpu *vcpu)
{
	guest_store(vcpu, LAPIC_EOI, 4, 0);
}

void pic_init(struct vcpu *vcpu, uint8_t master_icw4, uint16_t unmasked)
{
	port_out(vcpu, 0x20, 0x11);
	port_out(vcpu, 0x21, PIC_BASE);
	port_out(vcpu, 0x21, 4);
	port_out(vcpu, 0x21, master_icw4);
	port_out(vcpu, 0xa0, 0x11);
	port_out(vcpu, 0xa1, PIC_BASE + 8);
	port_out(vcpu, 0xa1, 2);
	port_out(vcpu, 0xa1, 1);
	port_out(vcpu, 0x21, ~unmasked);
	port_out(vcpu, 0xa1, ~unmasked >> 8);
}

void expect_interrupt(struct vcpu *vcpu, unsigned int vector)
{
	x86_start(vcpu, X86_KEEP, guest_open, 0, 0, 0);
	run_trap(vcpu, vector);
}

void expect_no_interrupt(struct vcpu *vcpu)
{
	x86_start(vcpu, X86_KEEP, guest_open, 0, 0, 0);
	run_done(vcpu);
	run_done(vcpu);
}

void wait_interrupt(struct vcpu *vcpu, unsigned int vector)
{
	x86_start(vcpu, X86_KEEP, guest_open_halt, 0, 0, 0);
	run_trap(vcpu, vector);
}
