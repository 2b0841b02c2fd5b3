/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of the tests of the interrupt controllers and the timer that KVM_CREATE_IRQCHIP and KVM_CREATE_PIT2 make. */
#ifndef CONFORMANCE_CHIPS_H
#define CONFORMANCE_CHIPS_H

#include "arch_x86.h"

#define LAPIC_GPA	0xfee00000
#define LAPIC_EOI	(LAPIC_GPA + 0xb0)

#define IOAPIC_GPA	0xfec00000
#define ENTRY_NMI	(4ULL << 8)
#define ENTRY_LOGICAL	(1ULL << 11)
#define ENTRY_REMOTE	(1ULL << 14)
#define ENTRY_LEVEL	(1ULL << 15)
#define ENTRY_MASKED	(1ULL << 16)

#define PIC_BASE	0x30	/* vectors of the lines 0 to 15 after pic_init() */
#define PIC_NON_SPECIFIC_EOI 0x20

/* All controllers in the kernel. Guests begin with interrupts off, with --interruptible, too. */
struct vm *vm_new_irqchip(void);
/* A vCPU whose local APIC is on, with LINT0 for the PIC. */
struct vcpu *vcpu_new_lapic(struct vm *vm);
/* KVM_GET_LAPIC, a register, KVM_SET_LAPIC. */
void lapic_set(struct vcpu *vcpu, unsigned int reg, uint32_t value);

int irq_line(struct vm *vm, uint32_t gsi, uint32_t level);
int irq_line_status(struct vm *vm, uint32_t gsi, uint32_t level);
void irq_pulse(struct vm *vm, uint32_t gsi);
struct kvm_irqchip get_chip(struct vm *vm, uint32_t id);
int set_chip(struct vm *vm, struct kvm_irqchip *chip);

/* The guest's access to a byte at a port; to an I/O APIC register. All begin the guest anew. */
void port_out(struct vcpu *vcpu, uint16_t port, uint8_t value);
uint8_t port_in(struct vcpu *vcpu, uint16_t port);
void ioapic_write(struct vcpu *vcpu, uint8_t reg, uint32_t value);
uint32_t ioapic_read(struct vcpu *vcpu, uint8_t reg);
void ioapic_entry(struct vcpu *vcpu, unsigned int pin, uint64_t entry);
uint64_t ioapic_read_entry(struct vcpu *vcpu, unsigned int pin);
void lapic_eoi(struct vcpu *vcpu);
/* Both chips, with vectors from PIC_BASE on, all but @unmasked masked. */
void pic_init(struct vcpu *vcpu, uint8_t master_icw4, uint16_t unmasked);

/* The guest, begun anew, opens for interrupts: the next it gets is this one; there is none; it halts until there is. */
extern const unsigned char guest_open_halt[];
void expect_interrupt(struct vcpu *vcpu, unsigned int vector);
void expect_no_interrupt(struct vcpu *vcpu);
void wait_interrupt(struct vcpu *vcpu, unsigned int vector);

#endif
