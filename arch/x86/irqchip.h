/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What irqchip.c, pic.c, ioapic.c and pit.c share: making, freeing, saving and
 * restoring the chips, and their pins.  What others call of them is in irq.h.
 */
#ifndef BERTH_X86_IRQCHIP_H
#define BERTH_X86_IRQCHIP_H

#include "irq.h"

#define X86_PIC_PINS	16
#define X86_IOAPIC_PINS	KVM_IOAPIC_NUM_PINS

/*
 * A chip's registers on a bus.  A device that is on it once stays as long as the VM;
 * it takes no access before the chip is whole.
 */
struct x86_chip_dev {
	struct berth_io_device io;	/* [I] */
	bool on_bus;			/* [l] */
};

/* Put @dev on @bus unless it is there.  0, -ENOSPC or -ENOMEM.  vm->lock held. */
int x86_chip_dev_add(struct x86_vm *vm, enum berth_bus_id bus, struct x86_chip_dev *dev);

/* A line of a chip: high while any of its sources is.  Returns whether it is now. */
static inline bool x86_line_level(u32 *sources, unsigned int source, bool level)
{
	if (level)
		*sources |= BIT(source);
	else
		*sources &= ~BIT(source);
	return *sources;
}

/*
 * *_create: the chip, its registers on their buses; again after an error it goes on
 *	where it stopped.  0, -ENOMEM or -ENOSPC.  vm->lock held.  Inverse: *_destroy,
 *	when no vCPU and no route is left.
 * *_set: @pin goes to @level for @source.  1 when it changes something, 0 when it
 *	merges with what waits, -1 when masked; the I/O APIC: as x86_apic_send().
 *	Any context.
 * *_get_state, *_set_state: -EINVAL for a state that cannot be, nothing changed then.
 */
int x86_pic_create(struct x86_vm *vm);
void x86_pic_destroy(struct x86_vm *vm);
int x86_pic_set(struct x86_vm *vm, unsigned int pin, unsigned int source, bool level);
void x86_pic_get_state(struct x86_vm *vm, unsigned int chip, struct kvm_pic_state *state);
int x86_pic_set_state(struct x86_vm *vm, unsigned int chip, const struct kvm_pic_state *state);

int x86_ioapic_create(struct x86_vm *vm);
void x86_ioapic_destroy(struct x86_vm *vm);
int x86_ioapic_set(struct x86_vm *vm, unsigned int pin, unsigned int source, bool level);
void x86_ioapic_get_state(struct x86_vm *vm, struct kvm_ioapic_state *state);
void x86_ioapic_set_state(struct x86_vm *vm, const struct kvm_ioapic_state *state);

void x86_pit_destroy(struct x86_vm *vm);

/*
 * A pin that somebody wants acknowledgements of was unmasked: one that got lost by the
 * mask is not waited for any longer.  Any context.
 */
void x86_pit_unmasked(struct x86_vm *vm);

#endif
