// SPDX-License-Identifier: GPL-2.0-only
/*
 * LPIs (IHI 0069, chapter 5): interrupts that are messages.  Which there are is the ITSs' to
 * say; whether they are enabled and how urgent is in a table of the guest's memory, and so
 * is which of them are pending while a redistributor does not look after them.
 */
#include "internal.h"
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/slab.h>

#define LPI_PRIORITY	GENMASK(7, 2)

bool vgic_has_its(const struct vgic_vm *vgic)
{
	return atomic_read(&vgic->nr_itss);
}

/* ---- the tables in guest memory ---- */

void vgic_lpi_configure(struct vgic_vm *vgic, struct vgic_irq *irq)
{
	u64 propbaser = READ_ONCE(vgic->propbaser);
	gpa_t entry = GICR_PROPBASER_ADDRESS(propbaser) + irq->intid - VGIC_FIRST_LPI;
	struct vgic_cpu *home;
	unsigned long flags;
	u8 byte;

	lockdep_assert_held(&vgic->lpi_lock);
	/* The table may be shorter than ours; beyond it nothing is enabled. */
	if (irq->intid >> ((propbaser & GICR_PROPBASER_IDBITS_MASK) + 1))
		byte = 0;
	else if (berth_read_guest(&vgic_arm_vm(vgic)->vm, entry, &byte, sizeof(byte)))
		return;
	home = vgic_irq_lock(irq, &flags);
	irq->priority = byte & LPI_PRIORITY;
	irq->enabled = byte & LPI_PROP_ENABLED;
	vgic_irq_queue_unlock(irq, home, flags);
}

void vgic_lpi_configure_all(struct vgic_vm *vgic, struct vgic_cpu *cpu)
{
	struct vgic_irq *irq;
	unsigned long i;

	xa_for_each(&vgic->lpis, i, irq) {
		if (READ_ONCE(irq->target) == cpu)
			vgic_lpi_configure(vgic, irq);
		cond_resched();
	}
}

/* Where a redistributor's pending table has the LPI's bit. */
static gpa_t pending_byte(const struct vgic_cpu *cpu, u32 intid)
{
	return GICR_PENDBASER_ADDRESS(READ_ONCE(cpu->pendbaser)) + intid / 8;
}

/* The table says that it is pending: from now on we do. */
static void load_pending(struct vgic_irq *irq, struct vgic_cpu *cpu)
{
	struct vgic_cpu *home;
	unsigned long flags;
	u8 byte;

	if (berth_read_guest(vgic_vcpu(cpu)->core.vm, pending_byte(cpu, irq->intid), &byte, 1) ||
	    !(byte & BIT(irq->intid % 8)))
		return;
	home = vgic_irq_lock(irq, &flags);
	irq->latch = true;
	vgic_irq_queue_unlock(irq, home, flags);
}

void vgic_lpi_enable(struct vgic_cpu *cpu)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	struct vgic_irq *irq;
	unsigned long i;

	if (cpu->lpis_enabled)
		return;
	WRITE_ONCE(cpu->lpis_enabled, true);
	xa_for_each(&vgic->lpis, i, irq) {
		if (READ_ONCE(irq->target) != cpu)
			continue;
		vgic_lpi_configure(vgic, irq);
		/* PTZ: the guest says that the table is all zero. */
		if (!(cpu->pendbaser & GICR_PENDBASER_PTZ))
			load_pending(irq, cpu);
		cond_resched();
	}
}

/* Not pending any longer, and out of the queue at once. */
void vgic_lpi_clear(struct vgic_irq *irq)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);

	irq->latch = false;
	if (!vgic_irq_wants(irq) && !list_empty(&irq->link)) {
		list_del_init(&irq->link);
		vgic_lpi_put(irq);
	}
	vgic_cpu_unlock(home, flags);
}

void vgic_lpi_disable(struct vgic_cpu *cpu)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	struct vgic_irq *irq;
	unsigned long i;

	if (!cpu->lpis_enabled)
		return;
	WRITE_ONCE(cpu->lpis_enabled, false);
	xa_for_each(&vgic->lpis, i, irq) {
		if (READ_ONCE(irq->target) == cpu)
			vgic_lpi_clear(irq);
		cond_resched();
	}
}

/* The latch, in whichever of the two states it is now. */
static bool is_pending(struct vgic_irq *irq)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);
	bool pending = irq->latch;

	vgic_cpu_unlock(home, flags);
	return pending;
}

int vgic_lpi_save_pending(struct vgic_vm *vgic)
{
	struct vgic_irq *irq;
	struct vgic_cpu *cpu;
	unsigned long i;
	u8 old, new;
	gpa_t gpa;
	int r;

	lockdep_assert_held(&vgic->lpi_lock);
	xa_for_each(&vgic->lpis, i, irq) {
		cpu = irq->target;
		if (!cpu)
			continue;
		gpa = pending_byte(cpu, irq->intid);
		r = berth_read_guest(&vgic_arm_vm(vgic)->vm, gpa, &old, 1);
		if (r)
			return r;
		new = old & ~BIT(irq->intid % 8);
		if (is_pending(irq))
			new |= BIT(irq->intid % 8);
		if (new == old)
			continue;
		/* Its mutex is held: nobody else uses what it keeps of its own. */
		r = berth_write_guest(&vgic_vcpu(cpu)->core, gpa, &new, 1);
		if (r)
			return r;
		cond_resched();
	}
	return 0;
}

/* ---- which there are ---- */

static struct vgic_irq *alloc(struct vgic_vm *vgic, u32 intid, struct vgic_cpu *target)
{
	struct berth_vcpu *first = xa_load(&vgic_arm_vm(vgic)->vm.vcpus, 0);
	struct vgic_irq *irq = first ? kzalloc(sizeof(*irq), GFP_KERNEL_ACCOUNT) : NULL;

	if (!irq)
		return NULL;
	vgic_irq_init(irq, intid, target ?: &to_arm(first)->vgic);
	irq->target = target;
	irq->group1 = true;
	kref_init(&irq->refs);
	if (!xa_err(xa_store(&vgic->lpis, intid, irq, GFP_KERNEL_ACCOUNT)))
		return irq;
	kfree(irq);
	return NULL;
}

struct vgic_irq *vgic_lpi_map(struct vgic_vm *vgic, u32 intid, struct vgic_cpu *target)
{
	struct vgic_irq *irq = xa_load(&vgic->lpis, intid);

	lockdep_assert_held(&vgic->lpi_lock);
	if (!irq) {
		irq = alloc(vgic, intid, target);
		if (!irq)
			return NULL;
		vgic_lpi_configure(vgic, irq);
		if (target && READ_ONCE(target->lpis_enabled))
			load_pending(irq, target);
	}
	irq->events++;
	return irq;
}

void vgic_lpi_unmap(struct vgic_vm *vgic, struct vgic_irq *irq)
{
	struct vgic_cpu *home;
	unsigned long flags;

	lockdep_assert_held(&vgic->lpi_lock);
	if (--irq->events)
		return;
	xa_erase(&vgic->lpis, irq->intid);
	home = vgic_irq_lock(irq, &flags);
	irq->enabled = false;
	irq->latch = false;
	/* One in a list register leaves the queue when that is looked at. */
	if (!vgic_irq_wants(irq) && !list_empty(&irq->link)) {
		list_del_init(&irq->link);
		vgic_lpi_put(irq);
	}
	vgic_cpu_unlock(home, flags);
	vgic_kick(home);
	vgic_lpi_put(irq);
}

void vgic_lpi_move_all(struct vgic_vm *vgic, struct vgic_cpu *from, struct vgic_cpu *to)
{
	struct vgic_irq *irq;
	unsigned long i;

	xa_for_each(&vgic->lpis, i, irq) {
		if (READ_ONCE(irq->target) == from)
			vgic_irq_set_target(irq, to, 0);
		cond_resched();
	}
}

void vgic_lpi_destroy(struct vgic_vm *vgic)
{
	WARN_ON_ONCE(!xa_empty(&vgic->lpis));
	xa_destroy(&vgic->lpis);
}
