// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to the registers of distributors and redistributors, by the guest and by user
 * space, through tables; and the fields that each interrupt has in them.
 *
 * What a guest does wrong, a register that is not there or another width, reads as zero and
 * writes nothing (IHI 0069, 12.1.3).
 */
#include "internal.h"
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/nospec.h>

/* ---- tables ---- */

static const struct vgic_reg *find(const struct vgic_reg_table *table, u32 offset)
{
	unsigned int low = 0, high = table->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct vgic_reg *reg = &table->reg[mid];

		if (offset < reg->offset)
			high = mid;
		else if (offset - reg->offset >= reg->len)
			low = mid + 1;
		else
			return reg;
	}
	return NULL;
}

/* Which interrupts an access is about; those that the table does not have are left out. */
struct span {
	u32 first;
	u32 nr;
};

static struct span span_of(const struct vgic_reg *reg, u32 offset, unsigned int len)
{
	return (struct span) { (offset - reg->offset) * 8 / reg->bits, len * 8 / reg->bits };
}

static struct vgic_irq *irq_of(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 intid)
{
	if (intid < table->first_irq || intid >= table->end_irq)
		return NULL;
	return vgic_irq_find(vgic_of(cpu), cpu, intid);
}

static u64 read_fields(struct vgic_cpu *cpu, const struct vgic_reg_table *table,
		       const struct vgic_reg *reg, u32 offset, unsigned int len, bool user)
{
	const struct vgic_field *field = reg->field;
	u32 (*get)(struct vgic_cpu *, struct vgic_irq *) =
		user && field->user_get ? field->user_get : field->get;
	struct span span = span_of(reg, offset, len);
	struct vgic_irq *irq;
	u64 val = 0;
	u32 i;

	for (i = 0; get && i < span.nr; i++) {
		irq = irq_of(cpu, table, span.first + i);
		if (irq)
			val |= (u64)get(cpu, irq) << (i * reg->bits);
	}
	return val;
}

static void write_fields(struct vgic_cpu *cpu, const struct vgic_reg_table *table,
			 const struct vgic_reg *reg, u32 offset, unsigned int len, u64 val,
			 bool user)
{
	const struct vgic_field *field = reg->field;
	void (*set)(struct vgic_cpu *, struct vgic_irq *, u32) =
		user && field->user_set ? field->user_set : field->set;
	struct span span = span_of(reg, offset, len);
	struct vgic_irq *irq;
	u32 i;

	for (i = 0; set && i < span.nr; i++) {
		irq = irq_of(cpu, table, span.first + i);
		if (irq)
			set(cpu, irq, val >> (i * reg->bits) & GENMASK(reg->bits - 1, 0));
	}
}

/* The register that @offset is in: 8 bytes where that is allowed, else 4. */
static u32 size_of(const struct vgic_reg *reg)
{
	return reg->access & VGIC_LONG ? 8 : 4;
}

static u64 read_reg(struct vgic_cpu *cpu, const struct vgic_reg_table *table,
		    const struct vgic_reg *reg, u32 offset, unsigned int len, bool user)
{
	u32 within = offset & (size_of(reg) - 1);

	if (reg->field)
		return read_fields(cpu, table, reg, offset, len, user);
	return reg->read ? reg->read(cpu, offset - within) >> (within * 8) : 0;
}

static int write_reg(struct vgic_cpu *cpu, const struct vgic_reg_table *table,
		     const struct vgic_reg *reg, u32 offset, unsigned int len, u64 val, bool user)
{
	int (*write)(struct vgic_cpu *, u32, u64, u64) =
		user && reg->user_write ? reg->user_write : reg->write;
	u32 within = offset & (size_of(reg) - 1);
	u64 mask = GENMASK_ULL(len * 8 - 1, 0) << (within * 8);

	if (reg->field) {
		write_fields(cpu, table, reg, offset, len, val, user);
		return 0;
	}
	return write ? write(cpu, offset - within, val << (within * 8), mask) : 0;
}

static bool allowed(const struct vgic_reg *reg, u32 offset, unsigned int len)
{
	return (len == VGIC_BYTE || len == VGIC_WORD || len == VGIC_LONG) &&
	       (reg->access & len) && !(offset & (len - 1));
}

u64 vgic_mmio_read(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset,
		   unsigned int len)
{
	const struct vgic_reg *reg = find(table, offset);

	return reg && allowed(reg, offset, len) ? read_reg(cpu, table, reg, offset, len, false) : 0;
}

void vgic_mmio_write(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset,
		     unsigned int len, u64 val)
{
	const struct vgic_reg *reg = find(table, offset);

	if (reg && allowed(reg, offset, len))
		write_reg(cpu, table, reg, offset, len, val, false);
}

/* User space is told of registers and interrupts that are not there. */
static const struct vgic_reg *find_for_user(struct vgic_cpu *cpu,
					    const struct vgic_reg_table *table, u32 offset)
{
	const struct vgic_reg *reg = find(table, offset);

	if (!reg || !allowed(reg, offset, VGIC_WORD))
		return NULL;
	if (reg->field &&
	    span_of(reg, offset, VGIC_WORD).first >= vgic_of(cpu)->nr_spis + VGIC_PRIVATE_IRQS)
		return NULL;
	return reg;
}

bool vgic_user_has(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset)
{
	return find_for_user(cpu, table, offset);
}

int vgic_user_access(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset,
		     bool write, u32 *val)
{
	const struct vgic_reg *reg = find_for_user(cpu, table, offset);

	if (!reg)
		return -ENXIO;
	if (write)
		return write_reg(cpu, table, reg, offset, VGIC_WORD, *val, true);
	*val = read_reg(cpu, table, reg, offset, VGIC_WORD, true);
	return 0;
}

/* ---- fields that take effect at the next forwarding ---- */

static u32 get_group(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return irq->group1;
}

static void set_group(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock(irq, &flags);

	irq->group1 = val;
	vgic_irq_queue_unlock(irq, home, flags);
}

const struct vgic_field vgic_group = { .get = get_group, .set = set_group };

static u32 get_enable(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return irq->enabled;
}

static void change_enable(struct vgic_irq *irq, bool enabled)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock(irq, &flags);

	irq->enabled = enabled;
	vgic_irq_queue_unlock(irq, home, flags);
}

static void set_enable(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val)
		change_enable(irq, true);
}

static void clear_enable(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val)
		change_enable(irq, false);
}

const struct vgic_field vgic_enable_set = { .get = get_enable, .set = set_enable };
const struct vgic_field vgic_enable_clear = { .get = get_enable, .set = clear_enable };

/* 32 levels are what guests can rely on. */
#define PRIORITY_MASK	0xf8

static u32 get_priority(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return irq->priority;
}

static void set_priority(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock(irq, &flags);
	bool queued = !list_empty(&irq->link);

	irq->priority = val & PRIORITY_MASK;
	if (queued)
		vgic_irq_queue_unlock(irq, home, flags);
	else
		vgic_cpu_unlock(home, flags);
}

const struct vgic_field vgic_priority = { .get = get_priority, .set = set_priority };

static u32 get_config(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return irq->edge ? 2 : 0;
}

/* SGIs are edges, PPIs are what the devices behind them are. */
static void set_config(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	unsigned long flags;
	struct vgic_cpu *home;

	if (vgic_is_private(irq->intid))
		return;
	home = vgic_irq_lock_taken(irq, &flags);
	irq->edge = val & 2;
	vgic_irq_queue_unlock(irq, home, flags);
}

const struct vgic_field vgic_config = { .get = get_config, .set = set_config };

/* Registers that are there, and always zero. */
const struct vgic_field vgic_none;

/* ---- pending ---- */

static u32 get_pending(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);
	bool pending = vgic_irq_pends(irq);

	vgic_cpu_unlock(home, flags);
	return pending;
}

static u32 get_latch(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);
	bool latch = irq->latch;

	vgic_cpu_unlock(home, flags);
	return latch;
}

static void latch(struct vgic_irq *irq, bool latched, unsigned int source)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);

	irq->latch = latched;
	if (irq->by_source)
		irq->sources = latched ? irq->sources | BIT(source) : 0;
	vgic_irq_queue_unlock(irq, home, flags);
}

/* A GICv2's SGIs have registers of their own for it. */
static void set_pending(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val && !irq->by_source)
		latch(irq, true, 0);
}

static void clear_pending(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val && !irq->by_source)
		latch(irq, false, 0);
}

/* Who sent it is not told: it comes from the vCPU itself, too. */
static void user_set_pending(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val)
		latch(irq, true, vgic_vcpu(cpu)->core.id % VGIC_V2_MAX_VCPUS);
}

static void user_clear_pending(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val)
		latch(irq, false, 0);
}

/* Both ways by one register, the other is nothing (arm-vgic-v3.rst). */
static void user_write_latch(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	latch(irq, val, 0);
}

static u32 get_zero(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return 0;
}

static void set_nothing(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
}

const struct vgic_field vgic_pending_set = { get_pending, set_pending, get_latch,
					     user_set_pending };
const struct vgic_field vgic_pending_clear = { get_pending, clear_pending, get_latch,
					       user_clear_pending };
const struct vgic_field vgic_v3_pending_set = { get_pending, set_pending, get_latch,
						user_write_latch };
const struct vgic_field vgic_v3_pending_clear = { get_pending, clear_pending, get_zero,
						  set_nothing };

/* ---- active ---- */

static u32 get_active(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);
	bool active = irq->active;

	vgic_cpu_unlock(home, flags);
	return active;
}

static void change_active(struct vgic_irq *irq, bool active)
{
	unsigned long flags;
	struct vgic_cpu *home = vgic_irq_lock_taken(irq, &flags);

	irq->active = active;
	if (irq->by_source && !active)
		irq->active_source = 0;
	/* The physical one goes along where it can be reached. */
	if (irq->hw && home == vgic_loaded_cpu())
		irq_set_irqchip_state(irq->host_irq, IRQCHIP_STATE_ACTIVE, active);
	vgic_irq_queue_unlock(irq, home, flags);
}

static void set_active(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val)
		change_active(irq, true);
}

static void clear_active(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (val)
		change_active(irq, false);
}

const struct vgic_field vgic_active_set = { .get = get_active, .set = set_active };
const struct vgic_field vgic_active_clear = { .get = get_active, .set = clear_active };

/* ---- KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO ---- */

u32 vgic_line_levels(struct vgic_cpu *cpu, u32 intid)
{
	struct vgic_irq *irq;
	u32 i, levels = 0;

	for (i = 0; i < 32; i++) {
		irq = vgic_irq_find(vgic_of(cpu), cpu, intid + i);
		if (irq && !irq->edge && irq->lines)
			levels |= BIT(i);
	}
	return levels;
}

void vgic_set_line_levels(struct vgic_cpu *cpu, u32 intid, u32 levels)
{
	struct vgic_cpu *home;
	struct vgic_irq *irq;
	unsigned long flags;
	u32 i;

	for (i = 0; i < 32; i++) {
		irq = vgic_irq_find(vgic_of(cpu), cpu, intid + i);
		if (!irq || irq->edge)
			continue;
		home = vgic_irq_lock_taken(irq, &flags);
		irq->lines = levels & BIT(i) ? BIT(irq->owner ? BERTH_IRQ_ARCH : BERTH_IRQ_USER) : 0;
		vgic_irq_queue_unlock(irq, home, flags);
	}
}
