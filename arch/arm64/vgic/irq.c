// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: finding, locking and raising them, and the queues of the vCPUs.
 */
#include "internal.h"
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/nospec.h>
#include <linux/slab.h>

struct vgic_irq *vgic_irq_find(struct vgic_vm *vgic, struct vgic_cpu *cpu, u32 intid)
{
	if (intid < VGIC_PRIVATE_IRQS)
		return cpu ? &cpu->priv[array_index_nospec(intid, VGIC_PRIVATE_IRQS)] : NULL;
	if (vgic_is_lpi(intid))
		return xa_load(&vgic->lpis, intid);
	intid -= VGIC_PRIVATE_IRQS;
	if (intid >= vgic->nr_spis)
		return NULL;
	return &vgic->spis[array_index_nospec(intid, vgic->nr_spis)];
}

struct vgic_cpu *vgic_irq_lock(struct vgic_irq *irq, unsigned long *flags)
{
	struct vgic_cpu *cpu;

	for (;;) {
		cpu = READ_ONCE(irq->home);
		vgic_cpu_lock(cpu, flags);
		if (likely(cpu == irq->home))
			return cpu;
		vgic_cpu_unlock(cpu, *flags);
	}
}

void vgic_kick(struct vgic_cpu *cpu)
{
	struct arm_vcpu *v = vgic_vcpu(cpu);

	berth_vcpu_request(&v->core, ARM_REQ_VGIC);
	/* Its own thread looks at requests on its way back to the guest. */
	if (!(in_task() && vgic_loaded_cpu() == cpu))
		berth_vcpu_kick(&v->core);
}

void vgic_kick_all(struct vgic_vm *vgic)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vgic_arm_vm(vgic)->vm)
		vgic_kick(&to_arm(vcpu)->vgic);
}

void vgic_tell_acks(struct vgic_vm *vgic, const struct vgic_acks *acks)
{
	unsigned int i;

	for (i = 0; i < acks->nr; i++)
		berth_irq_acked(&vgic_arm_vm(vgic)->vm, 0, acks->pin[i]);
}

/* ---- queues ---- */

/*
 * A queued interrupt stays where it is while it is active; its home looks again at what
 * it is.  One that is not queued goes to where it is routed.
 */
void vgic_irq_queue_unlock(struct vgic_irq *irq, struct vgic_cpu *cpu, unsigned long flags)
{
	struct vgic_cpu *target;

	while (list_empty(&irq->link)) {
		target = irq->active ? cpu : irq->target;
		if (!vgic_irq_wants(irq) || !target)
			goto unlock;
		if (target == cpu) {
			if (vgic_is_lpi(irq->intid) && !vgic_lpi_get(irq))
				goto unlock;
			list_add_tail(&irq->link, &cpu->queue);
			break;
		}
		/* Nobody's queue has it: whoever locks it from here on locks its new home. */
		WRITE_ONCE(irq->home, target);
		vgic_cpu_unlock(cpu, flags);
		cpu = vgic_irq_lock(irq, &flags);
	}
	vgic_cpu_unlock(cpu, flags);
	vgic_kick(cpu);
	return;
unlock:
	vgic_cpu_unlock(cpu, flags);
}

/* The lock of the home is held.  Can its list registers be read now, and stay as they are? */
static bool outside(struct vgic_cpu *cpu)
{
	struct arm_vcpu *v = vgic_vcpu(cpu);
	enum berth_vcpu_state state;

	/* It will not enter before it has served this, for which it needs the lock. */
	berth_vcpu_request(&v->core, ARM_REQ_VGIC);
	state = smp_load_acquire(&v->core.state);
	return state != BERTH_VCPU_IN_GUEST && state != BERTH_VCPU_EXITING;
}

struct vgic_cpu *vgic_irq_lock_taken(struct vgic_irq *irq, unsigned long *flags)
{
	struct vgic_acks acks = {};
	struct vgic_cpu *cpu;
	bool out;

	for (;;) {
		cpu = vgic_irq_lock(irq, flags);
		if (irq->lr < 0)
			return cpu;
		out = outside(cpu);
		if (out)
			vgic_take_lrs(cpu, cpu->regs->lr, &acks, cpu == vgic_loaded_cpu());
		/* Another vCPU's physical interrupt is left to it. */
		if (out && irq->lr >= 0)
			return cpu;
		vgic_cpu_unlock(cpu, *flags);
		if (!out)
			berth_vcpu_kick(&vgic_vcpu(cpu)->core);
		vgic_tell_acks(vgic_of(cpu), &acks);
		acks.nr = 0;
		cpu_relax();
	}
}

void vgic_irq_set_target(struct vgic_irq *irq, struct vgic_cpu *target, u32 route)
{
	unsigned long flags;
	struct vgic_cpu *cpu = vgic_irq_lock_taken(irq, &flags);

	irq->route = route;
	irq->target = target;
	/* An active one goes when it has ended. */
	if (target == cpu || irq->active || list_empty(&irq->link)) {
		vgic_irq_queue_unlock(irq, cpu, flags);
		return;
	}
	/* The queue's reference goes along: an LPI has one more here, its table's. */
	list_del_init(&irq->link);
	vgic_lpi_put(irq);
	vgic_irq_queue_unlock(irq, cpu, flags);
}

/* ---- raising ---- */

void vgic_irq_pulse(struct vgic_irq *irq)
{
	unsigned long flags;
	struct vgic_cpu *cpu = vgic_irq_lock(irq, &flags);

	irq->latch = true;
	vgic_irq_queue_unlock(irq, cpu, flags);
}

void vgic_irq_set_line(struct vgic_irq *irq, unsigned int source, bool level, const void *owner)
{
	unsigned long flags;
	struct vgic_cpu *cpu = vgic_irq_lock(irq, &flags);
	u8 before = irq->lines;

	if (irq->owner != owner)
		goto unlock;
	irq->lines = level ? before | BIT(source) : before & ~BIT(source);
	if (irq->edge && level) {
		irq->latch = true;
	} else if (irq->edge || !before == !irq->lines) {
		goto unlock;
	} else if (!irq->lines) {
		/* It may be in a list register still: taken out before the next entry. */
		if (irq->lr >= 0)
			berth_vcpu_request(&vgic_vcpu(cpu)->core, ARM_REQ_VGIC);
		goto unlock;
	}
	vgic_irq_queue_unlock(irq, cpu, flags);
	return;
unlock:
	vgic_cpu_unlock(cpu, flags);
}

void vgic_send_sgi(struct vgic_cpu *cpu, u32 intid, unsigned int from, bool group1)
{
	struct vgic_irq *irq = &cpu->priv[intid % VGIC_SGIS];
	unsigned long flags;

	vgic_cpu_lock(cpu, &flags);
	if (irq->group1 && !group1) {
		vgic_cpu_unlock(cpu, flags);
		return;
	}
	irq->latch = true;
	if (irq->by_source)
		irq->sources |= BIT(from);
	vgic_irq_queue_unlock(irq, cpu, flags);
}

int vgic_inject(struct arm_vm *vm, struct arm_vcpu *v, u32 intid, bool level)
{
	struct vgic_irq *irq;

	if (!vgic_initialized(&vm->vgic))
		return -EBUSY;
	if (vgic_is_lpi(intid))
		return -EINVAL;
	irq = vgic_irq_find(&vm->vgic, v ? &v->vgic : NULL, intid);
	if (!irq)
		return -EINVAL;
	vgic_irq_set_line(irq, BERTH_IRQ_USER, level, NULL);
	return 0;
}

void vgic_inject_owned(struct arm_vcpu *v, u32 intid, bool level, const void *owner)
{
	if (likely(vgic_initialized(vgic_of(&v->vgic))))
		vgic_irq_set_line(&v->vgic.priv[intid], BERTH_IRQ_ARCH, level, owner);
}

/* ---- interrupts that others own, and physical ones ---- */

static bool is_ppi(u32 intid)
{
	return intid >= VGIC_SGIS && intid < VGIC_PRIVATE_IRQS;
}

int vgic_set_owner(struct arm_vcpu *v, u32 intid, const void *owner)
{
	struct vgic_irq *irq;
	unsigned long flags;
	int r = 0;

	if (!is_ppi(intid))
		return -EINVAL;
	irq = &v->vgic.priv[intid];
	vgic_cpu_lock(&v->vgic, &flags);
	if (irq->owner && irq->owner != owner)
		r = -EEXIST;
	else
		irq->owner = owner;
	vgic_cpu_unlock(&v->vgic, flags);
	return r;
}

/* The number that the physical GIC has for it: the outermost domain's. */
static int hw_intid(unsigned int host_irq)
{
	struct irq_data *data = irq_get_irq_data(host_irq);

	while (data && data->parent_data)
		data = data->parent_data;
	return data ? data->hwirq : -EINVAL;
}

int vgic_map_phys_irq(struct arm_vcpu *v, unsigned int host_irq, u32 intid)
{
	int physical = hw_intid(host_irq);
	struct vgic_irq *irq;
	unsigned long flags;

	if (!is_ppi(intid) || physical < 0)
		return -EINVAL;
	irq = &v->vgic.priv[intid];
	vgic_cpu_lock(&v->vgic, &flags);
	irq->hw = true;
	irq->host_irq = host_irq;
	irq->hw_intid = physical;
	vgic_cpu_unlock(&v->vgic, flags);
	return 0;
}

void vgic_unmap_phys_irq(struct arm_vcpu *v, u32 intid)
{
	unsigned long flags;

	if (!is_ppi(intid))
		return;
	vgic_cpu_lock(&v->vgic, &flags);
	v->vgic.priv[intid].hw = false;
	vgic_cpu_unlock(&v->vgic, flags);
}

bool vgic_irq_live(struct arm_vcpu *v, u32 intid)
{
	struct vgic_irq *irq;
	unsigned long flags;
	bool live;

	if (!is_ppi(intid))
		return false;
	irq = &v->vgic.priv[intid];
	vgic_cpu_lock(&v->vgic, &flags);
	if (irq->lr >= 0)
		live = v->vgic.regs->lr[irq->lr] & ICH_LR_STATE;
	else
		live = irq->active || vgic_irq_pends(irq);
	vgic_cpu_unlock(&v->vgic, flags);
	return live;
}

bool vgic_phys_line(struct vgic_irq *irq)
{
	return arm_timer_line(vgic_vcpu(irq->home), irq->intid);
}

void vgic_phys_deactivate(struct vgic_irq *irq)
{
	WARN_ON_ONCE(irq_set_irqchip_state(irq->host_irq, IRQCHIP_STATE_ACTIVE, false));
}

/* ---- references to LPIs; all others stay ---- */

bool vgic_lpi_get(struct vgic_irq *irq)
{
	return !vgic_is_lpi(irq->intid) || kref_get_unless_zero(&irq->refs);
}

static void free_lpi(struct kref *refs)
{
	struct vgic_irq *irq = container_of(refs, struct vgic_irq, refs);

	kfree_rcu(irq, rcu);
}

void vgic_lpi_put(struct vgic_irq *irq)
{
	if (vgic_is_lpi(irq->intid))
		kref_put(&irq->refs, free_lpi);
}
