/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the local APIC share: its registers, and VMs that have it in the kernel. */
#ifndef CONFORMANCE_X86_LAPIC_H
#define CONFORMANCE_X86_LAPIC_H

#include "arch_x86.h"

#define APIC_BASE	0xfee00000ULL
#define APIC_ID		0x020
#define APIC_VERSION	0x030
#define APIC_TPR	0x080
#define APIC_PPR	0x0a0
#define APIC_EOI	0x0b0
#define APIC_LDR	0x0d0
#define APIC_DFR	0x0e0
#define APIC_SVR	0x0f0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_THERMAL	0x330
#define APIC_PERF	0x340
#define APIC_LINT0	0x350
#define APIC_LINT1	0x360
#define APIC_ERROR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define APIC_SELF_IPI	0x3f0

#define SVR_ON		0x1ff
#define LVT_MASKED	0x10000
#define LVT_PERIODIC	0x20000
#define LVT_DEADLINE	0x40000
#define TDCR_BY_1	0xb
#define ICR_NMI		0x400
#define ICR_INIT	0x500
#define ICR_SIPI	0x600
#define ICR_LOWEST	0x100
#define ICR_LOGICAL	0x800
#define ICR_ASSERT	0x4000
#define ICR_LEVEL	0x8000
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000

#define MSR_X2APIC(offset)	(0x800 + (offset) / 16)
#define MSR_TIME_STAMP	0x10
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_APIC_BASE		0x1b
#define BASE_ENABLE		0x800
#define BASE_EXTD		0x400

/*
 * With the local APICs in the kernel and the I/O APIC, of 24 pins, here. When a guest takes interrupts is what tests of
 * controllers are about: it begins with them off, with --interruptible, too.
 */
struct vm *vm_new_split(void);
/* A vCPU that can run at once, whether it is the first or not, with its APIC enabled. */
struct vcpu *vcpu_new_on(struct vm *vm, unsigned int id);
struct vcpu *new_split_vcpu(void);
/* The same without the supported CPUID and mode: to be given @ecx more of leaf 1. */
struct vcpu *vcpu_new_with(struct vm *vm, unsigned int id, uint32_t ecx);

struct kvm_lapic_state get_lapic(struct vcpu *vcpu);
uint32_t lapic_reg(struct vcpu *vcpu, unsigned int offset);
void set_lapic_reg(struct vcpu *vcpu, unsigned int offset, uint32_t value);
/* One of the 256 bits from @offset on. */
bool lapic_bit(struct vcpu *vcpu, unsigned int offset, unsigned int vector);

/* The guest's own accesses, with its interrupts off. */
uint32_t apic_read(struct vcpu *vcpu, unsigned int offset);
void apic_write(struct vcpu *vcpu, unsigned int offset, uint32_t value);
void apic_wrmsr(struct vcpu *vcpu, uint32_t index, uint64_t value);
uint64_t apic_rdmsr(struct vcpu *vcpu, uint32_t index);
/* Ends in #GP. */
void apic_wrmsr_faults(struct vcpu *vcpu, uint32_t index, uint64_t value);
void apic_rdmsr_faults(struct vcpu *vcpu, uint32_t index);

/* Interrupts on: the next is this vector; or none comes. */
struct x86_trap *take_interrupt(struct vcpu *vcpu, unsigned int vector);
void take_none(struct vcpu *vcpu);

int signal_msi(struct vm *vm, uint32_t address, uint32_t address_hi, uint32_t data);
uint32_t mp_state(struct vcpu *vcpu);
int set_mp_state(struct vcpu *vcpu, uint32_t state);

#endif
