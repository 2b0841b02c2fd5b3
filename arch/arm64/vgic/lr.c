// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of an interrupt, and how it goes into a list register and comes back.  Nothing
 * here touches hardware or takes a lock: the home's lock is held by whoever calls.
 *
 * List registers are in the format of ICH_LR<n>_EL2 (IHI 0069, 12.4.6); host_v2.c
 * translates.  While an interrupt is in one, the pending and active state is there, and
 * struct vgic_irq has what has been added meanwhile.
 */
#include "lr.h"
#include <linux/kernel.h>
#include <linux/list_sort.h>

/* The sender of a GICv2 SGI, where GICH_LR<n> has it when the interrupt is virtual only. */
#define LR_SOURCE_SHIFT	ICH_LR_PHYS_ID_SHIFT
#define LR_SOURCE(lr)	((lr) >> LR_SOURCE_SHIFT & 7)

/* As after reset: SGIs are enabled, and edges as LPIs are. */
void vgic_irq_init(struct vgic_irq *irq, u32 intid, struct vgic_cpu *home)
{
	INIT_LIST_HEAD(&irq->link);
	irq->intid = intid;
	irq->home = home;
	irq->target = home;
	irq->lr = -1;
	irq->edge = vgic_is_sgi(intid) || vgic_is_lpi(intid);
	irq->enabled = vgic_is_sgi(intid);
}

/* Pending: by its line, or by what is latched (IHI 0069, 4.1). */
bool vgic_irq_pends(const struct vgic_irq *irq)
{
	return irq->latch || (!irq->edge && irq->lines);
}

/* Must it be in a queue? */
bool vgic_irq_wants(const struct vgic_irq *irq)
{
	return irq->active || irq->lr >= 0 || (irq->enabled && vgic_irq_pends(irq));
}

/* Would the distributor forward it, with these group enables? */
bool vgic_irq_deliverable(const struct vgic_irq *irq, u32 ctlr)
{
	return irq->enabled && vgic_irq_pends(irq) &&
	       (ctlr & (irq->group1 ? VGIC_CTLR_GROUP1 : VGIC_CTLR_GROUP0));
}

/* The pending state moves to the list register. */
static u64 take_pending(struct vgic_irq *irq)
{
	u64 lr = ICH_LR_PENDING_BIT;
	unsigned int source;

	irq->lr_latch = irq->latch;
	irq->latch = false;
	if (!irq->by_source)
		return lr;
	/* One sender at a time; the end of this request makes way for the next. */
	source = __ffs(irq->sources);
	irq->sources &= ~BIT(source);
	irq->latch = irq->sources;
	lr |= (u64)source << LR_SOURCE_SHIFT;
	return irq->sources ? lr | ICH_LR_EOI : lr;
}

/*
 * What a list register says of it.  A level-sensitive one is not made pending while it is
 * active: its line is looked at when it ends, of which the maintenance interrupt tells.
 */
u64 vgic_irq_to_lr(struct vgic_irq *irq, u32 ctlr)
{
	u64 lr = irq->intid | (u64)irq->priority << ICH_LR_PRIORITY_SHIFT;
	bool line = !irq->edge && irq->lines;

	if (irq->group1)
		lr |= ICH_LR_GROUP;
	if (irq->active)
		lr |= ICH_LR_ACTIVE_BIT | (u64)irq->active_source << LR_SOURCE_SHIFT;
	if (irq->hw && (irq->active || line)) {
		/* What is latched beside it comes when the physical interrupt has ended. */
		if (!irq->active && vgic_irq_deliverable(irq, ctlr))
			lr |= ICH_LR_PENDING_BIT;
		return lr | ICH_LR_HW | (u64)irq->hw_intid << ICH_LR_PHYS_ID_SHIFT;
	}
	if (vgic_irq_deliverable(irq, ctlr) && !(irq->active && (!irq->edge || irq->sources)))
		lr |= take_pending(irq);
	if (!irq->edge || (irq->active && irq->sources))
		lr |= ICH_LR_EOI;
	return lr;
}

/* It is active no longer; its listeners want to know when its line is still high. */
void vgic_irq_ended(struct vgic_irq *irq, struct vgic_acks *acks)
{
	irq->active = false;
	if (!irq->edge && !vgic_is_private(irq->intid) && acks->nr < ARRAY_SIZE(acks->pin))
		acks->pin[acks->nr++] = irq->intid - VGIC_PRIVATE_IRQS;
}

/* What the guest has made of it. */
void vgic_irq_from_lr(struct vgic_irq *irq, u64 lr, struct vgic_acks *acks)
{
	bool pending = lr & ICH_LR_PENDING_BIT;

	if (pending && irq->lr_latch) {
		irq->latch = true;
		if (irq->by_source)
			irq->sources |= BIT(LR_SOURCE(lr));
	}
	irq->lr_latch = false;
	irq->lr = -1;
	irq->active = lr & ICH_LR_ACTIVE_BIT;
	if (irq->by_source)
		irq->active_source = irq->active ? LR_SOURCE(lr) : 0;
	if (!(lr & ICH_LR_STATE) && !(lr & ICH_LR_HW))
		vgic_irq_ended(irq, acks);
	/* Nobody tells us when a physical line falls: ask, unless its end is still to come. */
	if ((lr & ICH_LR_HW) && !irq->active) {
		irq->lines = vgic_phys_line(irq) ? BIT(BERTH_IRQ_ARCH) : 0;
		if (!irq->lines && pending)
			vgic_phys_deactivate(irq);
	}
}

/*
 * Take back what is in list registers; @here: by the CPU that the vCPU is loaded on, which
 * alone can deal with physical interrupts: others leave those where they are.
 */
void vgic_take_lrs(struct vgic_cpu *cpu, const u64 *lr, struct vgic_acks *acks, bool here)
{
	struct vgic_irq *irq;
	unsigned int i;

	for (i = 0; i < cpu->used; i++) {
		irq = cpu->lr_irq[i];
		if (!irq)
			continue;
		if (irq->hw && !here) {
			irq->active = lr[i] & ICH_LR_ACTIVE_BIT;
			continue;
		}
		cpu->lr_irq[i] = NULL;
		vgic_irq_from_lr(irq, lr[i], acks);
	}
}

/* Pending ones first, then by priority. */
static int order(void *ctlr, const struct list_head *a, const struct list_head *b)
{
	const struct vgic_irq *x = list_entry(a, struct vgic_irq, link);
	const struct vgic_irq *y = list_entry(b, struct vgic_irq, link);
	bool x_new = !x->active && vgic_irq_deliverable(x, *(u32 *)ctlr);
	bool y_new = !y->active && vgic_irq_deliverable(y, *(u32 *)ctlr);

	if (x_new != y_new)
		return x_new ? -1 : 1;
	return x->priority - y->priority;
}

/* Is it to be in a list register of @cpu? */
static bool belongs(const struct vgic_cpu *cpu, const struct vgic_irq *irq, u32 ctlr)
{
	return irq->active || (irq->target == cpu && vgic_irq_deliverable(irq, ctlr));
}

/* Those that need not be in the queue leave it.  Returns how many want a list register. */
static unsigned int prune(struct vgic_cpu *cpu, u32 ctlr)
{
	struct vgic_irq *irq, *next;
	unsigned int nr = 0;

	list_for_each_entry_safe(irq, next, &cpu->queue, link) {
		if (!vgic_irq_wants(irq) || (!irq->active && !irq->target)) {
			list_del_init(&irq->link);
			vgic_lpi_put(irq);
		} else {
			nr += belongs(cpu, irq, ctlr);
		}
	}
	return nr;
}

/*
 * Fill the @nr list registers from the queue, all of which vgic_take_lrs() has emptied.
 * @hcr: ICH_HCR_EL2's bits for those that found no place.  They come when the others are
 * served (underflow), and the ends of active ones are counted.
 */
void vgic_fill_lrs(struct vgic_cpu *cpu, u64 *lr, unsigned int nr, u32 ctlr, u32 *hcr)
{
	struct vgic_irq *irq;
	unsigned int used = 0;

	*hcr = 0;
	if (prune(cpu, ctlr) > nr)
		list_sort(&ctlr, &cpu->queue, order);
	list_for_each_entry(irq, &cpu->queue, link) {
		if (!belongs(cpu, irq, ctlr))
			continue;
		if (used == nr) {
			*hcr |= irq->active ? ICH_HCR_LRENPIE : ICH_HCR_UIE;
			continue;
		}
		lr[used] = vgic_irq_to_lr(irq, ctlr);
		irq->lr = used;
		cpu->lr_irq[used++] = irq;
	}
	cpu->used = used;
}

/*
 * The guest has ended @nr active interrupts that are in no list register.  It ends the one
 * with the highest priority first (IHI 0069, 4.8: priority drops in order).
 */
void vgic_count_eois(struct vgic_cpu *cpu, unsigned int nr, struct vgic_acks *acks)
{
	struct vgic_irq *irq, *first;

	while (nr--) {
		first = NULL;
		list_for_each_entry(irq, &cpu->queue, link)
			if (irq->active && irq->lr < 0 && (!first || irq->priority < first->priority))
				first = irq;
		if (!first)
			return;
		vgic_irq_ended(first, acks);
	}
}
