// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's life and state: creation, reset, APIC_BASE and its modes,
 * KVM_GET/SET_LAPIC, and what user space chooses for all APICs of a VM.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lapic.h"
#include "state.h"

#define LAPIC_VERSION		(0x14 | (APIC_LVTERR - APIC_LVTT) / 16 << 16)
#define SPIV_RESET		0xff

static void set_xapic_id(struct x86_lapic *l)
{
	lapic_set(l, APIC_ID, l->v->core.id << 24);
}

/* In x2APIC mode both ids are the vCPU's number, and cannot be changed (11.12.5). */
static void set_x2apic_id(struct x86_lapic *l)
{
	lapic_set(l, APIC_ID, l->v->core.id);
	lapic_set(l, APIC_LDR, lapic_x2apic_ldr(l->v->core.id));
}

/*
 * Suppressing the broadcast is for I/O APICs with an EOI register, which the kernel's has
 * not: it is offered where the I/O APIC is user space's, to guests that know x2APIC.
 */
static void set_version(struct x86_lapic *l)
{
	u32 version = LAPIC_VERSION;

	if (x86_irqchip(l->v->core.vm) == X86_IRQCHIP_SPLIT &&
	    x86_guest_has(l->v, X86_FEATURE_X2APIC))
		version |= APIC_LVR_DIRECTED_EOI;
	lapic_set(l, APIC_LVR, version);
}

static void update_map(struct x86_lapic *l)
{
	x86_apic_map_update(to_x86_vm(l->v->core.vm));
}

/* ---- life ---- */

int x86_lapic_create(struct x86_vcpu *v)
{
	struct x86_lapic *l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);

	if (!l)
		return -ENOMEM;
	l->v = v;
	l->extint = -1;
	l->eoi_vector = -1;
	lapic_timer_init(l);
	v->lapic = l;
	return 0;
}

void x86_lapic_destroy(struct x86_vcpu *v)
{
	if (!v->lapic)
		return;
	lapic_timer_cancel(v->lapic);
	kfree(v->lapic);
	v->lapic = NULL;
}

/*
 * x86_lapic_reset() - power-up state, or that after INIT with @init, which keeps APIC_BASE
 * and the id (SDM 3A, 11.4.7).
 *
 * Context: may sleep; the vendor's part of the vCPU is reset already.
 */
void x86_lapic_reset(struct x86_vcpu *v, bool init)
{
	struct x86_lapic *l = v->lapic;
	struct x86_vm *vm = to_x86_vm(v->core.vm);
	u32 id = lapic_get(l, APIC_ID), lvt;

	lapic_timer_cancel(l);
	memset(l->reg, 0, sizeof(l->reg));
	bitmap_zero(l->irr, LAPIC_NR_VECTORS);
	bitmap_zero(l->isr, LAPIC_NR_VECTORS);
	bitmap_zero(l->tmr, LAPIC_NR_VECTORS);
	atomic_set(&l->nmis, 0);
	l->period = 0;
	l->deadline = 0;
	l->extint = -1;
	l->eoi_vector = -1;

	set_version(l);
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 16)
		lapic_set(l, lvt, APIC_LVT_MASKED);
	/* The boot CPU takes the PIC's interrupts before any software set LINT0 up. */
	if (v->core.id == vm->bsp_id && !(vm->disabled_quirks & KVM_X86_QUIRK_LINT0_REENABLED))
		lapic_set(l, APIC_LVT0, SET_APIC_DELIVERY_MODE(0, X86_EXTINT));
	lapic_set(l, APIC_DFR, APIC_DFR_FLAT);
	lapic_set(l, APIC_SPIV, SPIV_RESET);
	if (lapic_is_x2apic(l))
		set_x2apic_id(l);
	else if (init)
		lapic_set(l, APIC_ID, id);
	else
		set_xapic_id(l);
	update_map(l);
	lapic_look(l);
}

/* ---- APIC_BASE (SDM 3A, 11.12.1) ---- */

/*
 * x86_lapic_base_changed() - v->apic_base has a new value, @old before.
 *
 * Context: may sleep.
 */
void x86_lapic_base_changed(struct x86_vcpu *v, u64 old)
{
	struct x86_lapic *l = v->lapic;
	u64 changed = v->apic_base ^ old;

	if (!(changed & (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)))
		return;
	if (v->apic_base & X2APIC_ENABLE)
		set_x2apic_id(l);
	else if (v->apic_base & MSR_IA32_APICBASE_ENABLE)
		set_xapic_id(l);
	update_map(l);
	lapic_look(l);
}

void x86_lapic_cpuid_changed(struct x86_vcpu *v)
{
	set_version(v->lapic);
	/* Every vCPU passes here, so none stays unmapped that was created last. */
	update_map(v->lapic);
}

/* ---- KVM_GET/SET_LAPIC: the register page, of which 1 KiB is used ---- */

static u32 *page_reg(struct kvm_lapic_state *state, unsigned int offset)
{
	return (u32 *)(state->regs + offset);
}

/* Without KVM_X2APIC_API_USE_32BIT_IDS ids are where xAPIC mode has them. */
static u32 shown_id(struct x86_lapic *l)
{
	u32 id = lapic_get(l, APIC_ID);

	if (lapic_is_x2apic(l) && !to_x86_vm(l->v->core.vm)->x2apic_format)
		id <<= 24;
	return id;
}

long x86_ioctl_get_lapic(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_lapic *l = to_x86(vcpu)->lapic;
	struct kvm_lapic_state *state = data;
	unsigned int offset;
	u32 count;

	if (!l)
		return -EINVAL;
	count = lapic_timer_save(l);
	for (offset = 0; offset < LAPIC_NR_REGS * 16; offset += 16)
		*page_reg(state, offset) = lapic_read(l, offset);
	*page_reg(state, APIC_ID) = shown_id(l);
	*page_reg(state, APIC_TMCCT) = count;
	return 0;
}

static bool id_valid(struct x86_lapic *l, u32 id)
{
	return !lapic_is_x2apic(l) || !to_x86_vm(l->v->core.vm)->x2apic_format ||
	       id == l->v->core.id;
}

static void set_vectors(unsigned long *bitmap, struct kvm_lapic_state *state, unsigned int first)
{
	unsigned int i;

	for (i = 0; i < LAPIC_WORDS; i++)
		WRITE_ONCE(bitmap[i], *page_reg(state, first + 32 * i) |
				      (u64)*page_reg(state, first + 32 * i + 16) << 32);
}

static int set_state(struct x86_lapic *l, struct kvm_lapic_state *state)
{
	unsigned int offset;

	if (!id_valid(l, *page_reg(state, APIC_ID)))
		return -EINVAL;
	lapic_timer_cancel(l);
	for (offset = 0; offset < LAPIC_NR_REGS * 16; offset += 16)
		lapic_load(l, offset, *page_reg(state, offset));
	set_vectors(l->isr, state, APIC_ISR);
	set_vectors(l->tmr, state, APIC_TMR);
	set_vectors(l->irr, state, APIC_IRR);
	set_version(l);
	if (lapic_is_x2apic(l))
		set_x2apic_id(l);
	update_map(l);
	lapic_timer_restore(l, *page_reg(state, APIC_TMCCT));
	berth_vcpu_request(&l->v->core, X86_REQ_EVENT);
	return 0;
}

/*
 * x86_ioctl_set_lapic() - KVM_SET_LAPIC (api.rst 4.58): the counter goes on from TMCCT.
 *
 * What a guest could not write there is dropped.  -EINVAL without a local APIC, or for
 * another id than the vCPU's where user space gives 32 bits of it.
 */
long x86_ioctl_set_lapic(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_lapic *l = to_x86(vcpu)->lapic;
	struct kvm_lapic_state *state;
	int r;

	if (!l)
		return -EINVAL;
	state = memdup_user((void __user *)uarg, sizeof(*state));
	if (IS_ERR(state))
		return PTR_ERR(state);
	r = set_state(l, state);
	kfree(state);
	return r;
}

/* ---- other ioctls that mean a local APIC in the kernel ---- */

long x86_lapic_interrupt(struct x86_vcpu *v, u8 vector)
{
	if (x86_irqchip(v->core.vm) == X86_IRQCHIP_KERNEL)
		return -ENXIO;
	if (v->lapic->extint >= 0)
		return -EEXIST;
	v->lapic->extint = vector;
	lapic_look(v->lapic);
	return 0;
}

/* An INIT that waits travels as "latched", though nothing here latches one. */
void x86_lapic_set_events(struct x86_vcpu *v, const struct kvm_vcpu_events *events)
{
	struct x86_lapic *l = v->lapic;

	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		atomic_set(&l->nmis, 0);
	if (events->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR)
		WRITE_ONCE(l->sipi_vector, events->sipi_vector);
	if (!(events->flags & KVM_VCPUEVENT_VALID_SMM))
		return;
	if (events->smi.latched_init)
		set_bit(LAPIC_INIT, &l->events);
	else
		clear_bit(LAPIC_INIT, &l->events);
}

/*
 * KVM_SET_VAPIC_ADDR: where a guest that user space has patched looks for its task
 * priority.  None is patched, since accesses to it are not reported (KVM_CAP_VAPIC is 0);
 * but QEMU aborts where it may not say the address.  -EINVAL for what is no memory.
 */
long x86_ioctl_set_vapic_addr(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct berth_vm *vm = vcpu->vm;
	struct kvm_vapic_addr vapic;
	bool valid;
	int idx;

	if (!to_x86(vcpu)->lapic)
		return -EINVAL;
	if (copy_from_user(&vapic, (void __user *)uarg, sizeof(vapic)))
		return -EFAULT;
	idx = srcu_read_lock(&vm->srcu);
	valid = !vapic.vapic_addr || berth_guest_hva(vm, vapic.vapic_addr, true);
	srcu_read_unlock(&vm->srcu, idx);
	return valid ? 0 : -EINVAL;
}

/* False for what is no state. */
bool x86_lapic_set_mp_state(struct x86_vcpu *v, u32 state)
{
	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		v->mp_state = state;
		return true;
	case KVM_MP_STATE_SIPI_RECEIVED:
		v->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(LAPIC_SIPI, &v->lapic->events);
		return true;
	default:
		return false;
	}
}

/* ---- for all APICs of a VM ---- */

/* KVM_SET_BOOT_CPU_ID: -EBUSY once a vCPU exists, -EINVAL for what can be no id. */
long x86_ioctl_set_boot_cpu_id(struct berth_vm *vm, void *data, unsigned long uarg)
{
	u32 max = to_x86_vm(vm)->max_vcpu_ids;

	if (vm->created_vcpus)
		return -EBUSY;
	if (uarg > X86_MAX_VCPU_IDS || (max && uarg > max))
		return -EINVAL;
	to_x86_vm(vm)->bsp_id = uarg;
	return 0;
}

/* KVM_CAP_X2APIC_API: flags add up, none goes away again. */
int x86_enable_x2apic_api(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	struct x86_vm *x86 = to_x86_vm(vm);

	if (args->flags || (args->args[0] & ~(u64)X86_X2APIC_API_FLAGS))
		return -EINVAL;
	if (args->args[0] & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(x86->x2apic_format, true);
	if (args->args[0] & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		WRITE_ONCE(x86->x2apic_quirk_off, true);
	return 0;
}

/*
 * KVM_CAP_X86_APIC_BUS_CYCLES_NS: how long a tick of the APICs' timers is.  The longest
 * period, of the largest count and divisor, must be a number.  Before the first vCPU; -ENXIO
 * before there are APICs.
 */
int x86_enable_apic_bus_cycles(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	u64 ns = args->args[0];
	int r = 0;

	if (args->flags || !ns || ns > div_u64(U64_MAX / 128, U32_MAX))
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (x86_irqchip(vm) == X86_IRQCHIP_NONE)
		r = -ENXIO;
	else if (vm->created_vcpus)
		r = -EINVAL;
	else
		to_x86_vm(vm)->apic_tick_ns = ns;
	mutex_unlock(&vm->lock);
	return r;
}

/* KVM_CAP_MAX_VCPU_ID: once, before the first vCPU; the same value again is fine. */
int x86_enable_max_vcpu_id(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	struct x86_vm *x86 = to_x86_vm(vm);
	int r = -EINVAL;

	if (args->flags || args->args[0] > X86_MAX_VCPU_IDS)
		return r;
	mutex_lock(&vm->lock);
	if (args->args[0] >= x86->bsp_id &&
	    (x86->max_vcpu_ids == args->args[0] || !x86->max_vcpu_ids)) {
		x86->max_vcpu_ids = args->args[0];
		r = 0;
	}
	mutex_unlock(&vm->lock);
	return r;
}
