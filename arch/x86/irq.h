/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interrupt controllers in the kernel, as they see each other.  Messages go from
 * the I/O APIC, MSIs and local APICs to local APICs (x86_apic_send()); the PIC pair
 * reaches a vCPU through its LINT0.
 *
 * Locks: a controller's own raw spinlock, interrupts off.  Not the PIC's inside the I/O
 * APIC's nor the other way round; the PIT's for its ticks is inside both.  A local APIC
 * has none (its IRR and TMR change by atomic bits).
 */
#ifndef BERTH_X86_IRQ_H
#define BERTH_X86_IRQ_H

#include <berth/irq.h>
#include "x86.h"

/* Delivery modes, as in an MSI's data, an ICR and a redirection entry (SDM 3A, 11.6.1). */
enum x86_delivery {
	X86_FIXED = 0,
	X86_LOWEST = 1,
	X86_SMI = 2,
	X86_NMI = 4,
	X86_INIT = 5,
	X86_SIPI = 6,
	X86_EXTINT = 7,
};

/* An ICR's shorthand for whom it is for. */
enum { X86_SHORTHAND_NONE, X86_SHORTHAND_SELF, X86_SHORTHAND_ALL, X86_SHORTHAND_OTHERS };

/* An interrupt message on its way to local APICs. */
struct x86_irq_msg {
	u32 dest;		/* xAPIC: 8 bits; x2APIC: 32 */
	u8 vector;
	u8 mode;		/* enum x86_delivery */
	u8 shorthand;		/* X86_SHORTHAND_*; with one, dest and logical mean nothing */
	bool logical;
	bool level;		/* level-triggered */
	bool assert;		/* false only for INIT level de-assert */
	bool redirect;		/* an MSI's redirection hint: lowest priority */
};

/* What KVM_CREATE_IRQCHIP or KVM_CAP_SPLIT_IRQCHIP made of the VM. */
enum x86_irqchip {
	X86_IRQCHIP_NONE,	/* all controllers are user space's */
	X86_IRQCHIP_SPLIT,	/* local APICs are the kernel's */
	X86_IRQCHIP_KERNEL,	/* and I/O APIC and PIC */
};

/* Sources of line levels besides those of the core. */
enum { X86_IRQ_SOURCE_PIT = BERTH_IRQ_ARCH };

static inline enum x86_irqchip x86_irqchip(struct berth_vm *vm)
{
	/* Pairs with the release where it is set: the controllers are whole. */
	return smp_load_acquire(&to_x86_vm(vm)->irqchip);
}

static inline bool x86_has_lapic(const struct x86_vcpu *v)
{
	return v->lapic;
}

/* ---- apic_map.c: which local APICs a message is for ---- */

/**
 * x86_apic_send() - deliver a message.
 * @source: the vCPU whose ICR it comes from, for shorthands and x2APIC; else NULL.
 *
 * Returns the number of vCPUs that take it; as in the kernel's KVM one in which it waits
 * already counts, too.
 * Context: any, also hard interrupt.
 */
int x86_apic_send(struct x86_vm *vm, struct x86_vcpu *source, const struct x86_irq_msg *msg);

/* An MSI (address and data as a PCI device writes them); -EINVAL when it cannot be. */
int x86_msi_check(struct x86_vm *vm, u32 address_hi);
int x86_msi_send(struct x86_vm *vm, u32 address_lo, u32 address_hi, u32 data);

/* An id, LDR, DFR, mode or enable bit changed: build the map again.  May sleep. */
void x86_apic_map_update(struct x86_vm *vm);
void x86_apic_map_destroy(struct x86_vm *vm);

/* ---- lapic.c, lapic_timer.c ---- */

/*
 * PIC and I/O APIC to the local APIC: the PIC's INTR line changed to high.  Vcpus that
 * take it (LINT0 unmasked, ExtINT) are woken.  Any context.
 */
void x86_lapic_extint(struct x86_vm *vm);
/* May vCPU @v take the PIC's interrupt now, as far as its local APIC goes? */
bool x86_lapic_accepts_pic(struct x86_vcpu *v);
/* And from user space's PIC: is there room for its vector, too? */
bool x86_lapic_takes_extint(struct x86_vcpu *v);

/* The highest vector that may be delivered now (above the processor priority), or -1. */
int x86_lapic_deliverable(struct x86_vcpu *v);
/* It is delivered: IRR to ISR. */
void x86_lapic_accept(struct x86_vcpu *v, u8 vector);

/*
 * The run loop, in the vCPU's thread.  Of the PIC and the local APIC: does an interrupt
 * wait that only RFLAGS.IF and the shadow could hold back?  Take it: its vector, or -1.
 */
bool x86_interrupt_waits(struct x86_vcpu *v);
int x86_take_interrupt(struct x86_vcpu *v);
/* X86_REQ_EVENT: INIT, SIPI and NMIs from elsewhere.  May change v->mp_state. */
void x86_lapic_take_events(struct x86_vcpu *v);
void x86_lapic_take_nmis(struct x86_vcpu *v);
/* An exit that the guest's accesses left behind: BERTH_RUN_USER, else BERTH_RUN_AGAIN. */
int x86_lapic_look(struct x86_vcpu *v);
/* Has a vCPU that is not running a reason to? */
bool x86_lapic_runnable(struct x86_vcpu *v);
/* Does only the task priority hold an interrupt back?  Then its lowering must exit. */
bool x86_lapic_held_by_tpr(struct x86_vcpu *v);
/* The guest or user space wrote v->cr8. */
void x86_lapic_write_cr8(struct x86_vcpu *v);

static inline bool x86_lapic_has_page(const struct x86_vcpu *v, gpa_t gpa)
{
	return v->lapic && !((gpa ^ v->apic_base) & MSR_IA32_APICBASE_BASE);
}

/* The page at APIC_BASE: 0, or -EOPNOTSUPP when the APIC does not answer there. */
int x86_lapic_mmio_read(struct x86_vcpu *v, gpa_t gpa, void *data, unsigned int len);
int x86_lapic_mmio_write(struct x86_vcpu *v, gpa_t gpa, const void *data, unsigned int len);
/* MSRs of x2APIC mode, from 0x800 on: 0, or 1 for #GP. */
int x86_lapic_get_msr(struct x86_vcpu *v, u32 index, u64 *data);
int x86_lapic_set_msr(struct x86_vcpu *v, u32 index, u64 data);
/* IA32_TSC_DEADLINE; user space (@host) sees it until its interrupt is taken. */
u64 x86_lapic_get_deadline(struct x86_vcpu *v, bool host);
void x86_lapic_set_deadline(struct x86_vcpu *v, u64 value);

/* ---- lapic_state.c ---- */

/* vCPU creation in a VM with local APICs in the kernel.  0 or -ENOMEM. */
int x86_lapic_create(struct x86_vcpu *v);
void x86_lapic_destroy(struct x86_vcpu *v);
/* Power-up or INIT state (SDM 3A, 11.4.7). */
void x86_lapic_reset(struct x86_vcpu *v, bool init);
/* APIC_BASE was @old; user space gave the guest another CPUID.  May sleep. */
void x86_lapic_base_changed(struct x86_vcpu *v, u64 old);
void x86_lapic_cpuid_changed(struct x86_vcpu *v);

/* KVM_INTERRUPT and KVM_SET_VCPU_EVENTS where they mean the local APIC. */
long x86_lapic_interrupt(struct x86_vcpu *v, u8 vector);
void x86_lapic_set_events(struct x86_vcpu *v, const struct kvm_vcpu_events *events);
/* KVM_GET/SET_MP_STATE */
void x86_lapic_take_init_sipi(struct x86_vcpu *v);
bool x86_lapic_set_mp_state(struct x86_vcpu *v, u32 state);

#define X86_MAX_VCPU_IDS	4096
#define X86_X2APIC_API_FLAGS	(KVM_X2APIC_API_USE_32BIT_IDS | \
				 KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

long x86_ioctl_get_lapic(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_lapic(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_vapic_addr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_boot_cpu_id(struct berth_vm *vm, void *data, unsigned long uarg);
int x86_enable_x2apic_api(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_enable_max_vcpu_id(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_enable_apic_bus_cycles(struct berth_vm *vm, const struct kvm_enable_cap *args);

/* ---- pic.c: the 8259 pair ---- */

/* Does the master drive INTR?  Any context. */
bool x86_pic_output(struct x86_vm *vm);
/* INTA cycle: the vector; a spurious one (IR7) when nothing waits any more. */
u8 x86_pic_acknowledge(struct x86_vm *vm);

/* ---- ioapic.c ---- */

/*
 * A local APIC ends @vector, whatever its trigger mode: who waits for a pin's
 * acknowledgement is told.  @level: it was level-triggered (TMR) and the EOI is
 * broadcast (SDM 3A, 11.8.5).  vCPU thread, no lock held.
 */
void x86_ioapic_eoi(struct x86_vm *vm, u8 vector, bool level);
/* Does an entry have @vector, so that its EOI must get here?  Any context. */
bool x86_ioapic_has_vector(struct x86_vm *vm, u8 vector);

/* ---- irqchip.c: what user space asks of all of them ---- */

extern const struct berth_irq_ops x86_irq_ops;

void x86_irqchip_destroy(struct x86_vm *vm);
int x86_enable_split_irqchip(struct berth_vm *vm, const struct kvm_enable_cap *args);
long x86_ioctl_create_irqchip(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_get_irqchip(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_set_irqchip(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_irq_line(struct berth_vm *vm, void *data, unsigned long uarg);

/* ---- pit.c ---- */

long x86_ioctl_create_pit(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_get_pit(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_set_pit(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_create_pit2(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_get_pit2(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_set_pit2(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_reinject_control(struct berth_vm *vm, void *data, unsigned long uarg);

#endif
