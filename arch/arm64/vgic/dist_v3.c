// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GICv3's distributor and redistributors (IHI 0069, 12.9 to 12.11): affinity routing
 * always, one security state.
 */
#include "internal.h"
#include <linux/irqchip/arm-gic-v3.h>

#define ID_BITS_SPIS	10
#define AFFINITY_MASK	GENMASK(23, 0)

#define WORD		VGIC_WORD
#define BYTE_WORD	(VGIC_BYTE | VGIC_WORD)
#define WORD_LONG	(VGIC_WORD | VGIC_LONG)

/* ---- the distributor ---- */

static u64 read_ctlr(struct vgic_cpu *cpu, u32 offset)
{
	return READ_ONCE(vgic_of(cpu)->ctlr) | GICD_CTLR_ARE_NS | GICD_CTLR_DS;
}

static u64 read_typer(struct vgic_cpu *cpu, u32 offset)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	u32 typer = (vgic->nr_spis + VGIC_PRIVATE_IRQS) / 32 - 1;

	if (vgic_has_its(vgic))
		return typer | GICD_TYPER_LPIS | (VGIC_LPI_ID_BITS - 1) << 19;
	return typer | (ID_BITS_SPIS - 1) << 19;
}

/* None of it: no vSGIs, no extended ranges. */
static int user_write_typer2(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	return val ? -EINVAL : 0;
}

struct vgic_cpu *vgic_cpu_at(struct vgic_vm *vgic, u32 affinity)
{
	struct arm_vcpu *v = arm_vcpu_by_mpidr(vgic_arm_vm(vgic), affinity);

	return v ? &v->vgic : NULL;
}

/* Aff3 is not there, nor routing to any: bits 31 and above are zero. */
static u64 read_irouter(struct vgic_cpu *cpu, u32 offset)
{
	struct vgic_irq *irq = vgic_irq_find(vgic_of(cpu), NULL, (offset - GICD_IROUTER) / 8);

	return irq ? READ_ONCE(irq->route) : 0;
}

static int write_irouter(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_irq *irq = vgic_irq_find(vgic_of(cpu), NULL, (offset - GICD_IROUTER) / 8);
	u32 route;

	if (!irq)
		return 0;
	route = vgic_merge(READ_ONCE(irq->route), val, mask) & AFFINITY_MASK;
	if (route != READ_ONCE(irq->route))
		vgic_irq_set_target(irq, vgic_cpu_at(vgic_of(cpu), route), route);
	return 0;
}

/* Only GICx_PIDR2 says something: the version (12.9.32). */
static u64 read_id(struct vgic_cpu *cpu, u32 offset)
{
	return (offset & 0xffff) == GICD_PIDR2 ? GIC_PIDR2_ARCH_GICv3 | 0xb : 0;
}

static const struct vgic_reg dist_regs[] = {
	{ GICD_CTLR,		4,    WORD, .read = read_ctlr, .write = vgic_write_ctlr },
	{ GICD_TYPER,		4,    WORD, .read = read_typer },
	{ GICD_IIDR,		4,    WORD, .read = vgic_read_iidr,
	  .user_write = vgic_user_write_iidr },
	{ GICD_TYPER2,		4,    WORD, .user_write = user_write_typer2 },
	{ GICD_STATUSR,		4,    WORD },
	{ GICD_IGROUPR,		128,  WORD, 1, &vgic_group },
	{ GICD_ISENABLER,	128,  WORD, 1, &vgic_enable_set },
	{ GICD_ICENABLER,	128,  WORD, 1, &vgic_enable_clear },
	{ GICD_ISPENDR,		128,  WORD, 1, &vgic_v3_pending_set },
	{ GICD_ICPENDR,		128,  WORD, 1, &vgic_v3_pending_clear },
	{ GICD_ISACTIVER,	128,  WORD, 1, &vgic_active_set },
	{ GICD_ICACTIVER,	128,  WORD, 1, &vgic_active_clear },
	{ GICD_IPRIORITYR,	1024, BYTE_WORD, 8, &vgic_priority },
	{ GICD_ITARGETSR,	1024, BYTE_WORD, 8, &vgic_none },
	{ GICD_ICFGR,		256,  WORD, 2, &vgic_config },
	{ GICD_IGRPMODR,	128,  WORD, 1, &vgic_none },
	{ GICD_IROUTER,		8192, WORD_LONG, .read = read_irouter, .write = write_irouter },
	{ GICD_IDREGS,		48,   WORD, .read = read_id },
};

const struct vgic_reg_table vgic_v3_dist = {
	dist_regs, ARRAY_SIZE(dist_regs), VGIC_PRIVATE_IRQS, VGIC_MAX_IRQS,
};

static int dist_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, void *data)
{
	vgic_to_bytes(data, len, vgic_mmio_read(&to_arm(vcpu)->vgic, &vgic_v3_dist,
						addr - dev->addr, len));
	return 0;
}

static int dist_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		      unsigned int len, const void *data)
{
	vgic_mmio_write(&to_arm(vcpu)->vgic, &vgic_v3_dist, addr - dev->addr, len,
			vgic_from_bytes(data, len));
	return 0;
}

const struct berth_io_ops vgic_v3_dist_ops = { .read = dist_read, .write = dist_write };

/* ---- redistributors ---- */

static u64 read_rctlr(struct vgic_cpu *cpu, u32 offset)
{
	u64 ctlr = READ_ONCE(cpu->lpis_enabled) ? GICR_CTLR_ENABLE_LPIS : 0;

	/* Revision 3 has GICR_INVLPIR and lets LPIs be disabled again. */
	if (READ_ONCE(vgic_of(cpu)->revision) >= 3)
		ctlr |= GICR_CTLR_IR | GICR_CTLR_CES;
	return ctlr;
}

static int write_rctlr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);

	if (!vgic_has_its(vgic))
		return 0;
	mutex_lock(&vgic->lpi_lock);
	if (val & GICR_CTLR_ENABLE_LPIS)
		vgic_lpi_enable(cpu);
	else
		vgic_lpi_disable(cpu);
	mutex_unlock(&vgic->lpi_lock);
	return 0;
}

static u64 read_riidr(struct vgic_cpu *cpu, u32 offset)
{
	return VGIC_PRODUCT << 24 | VGIC_IMPLEMENTER;
}

static u64 read_rtyper(struct vgic_cpu *cpu, u32 offset)
{
	struct arm_vcpu *v = vgic_vcpu(cpu);
	u64 typer = (arm_mpidr(v) & AFFINITY_MASK) << 32 | (v->core.id & 0xffff) << 8;

	if (vgic_has_its(vgic_of(cpu)))
		typer |= GICR_TYPER_PLPIS;
	return vgic_is_last_redist(cpu) ? typer | GICR_TYPER_LAST : typer;
}

/* Where the guest has the tables of LPIs; they stay there while LPIs are enabled. */
static u64 table_attributes(u64 reg)
{
	return vgic_table_attributes(reg, GICR_PROPBASER_SHAREABILITY_SHIFT,
				     GICR_PROPBASER_INNER_CACHEABILITY_SHIFT,
				     GICR_PROPBASER_OUTER_CACHEABILITY_SHIFT);
}

#define ATTRIBUTE_BITS	(GICR_PROPBASER_SHAREABILITY_MASK | \
			 GICR_PROPBASER_INNER_CACHEABILITY_MASK | \
			 GICR_PROPBASER_OUTER_CACHEABILITY_MASK)
#define PROPBASER_BITS	(GENMASK_ULL(51, 12) | GICR_PROPBASER_IDBITS_MASK | ATTRIBUTE_BITS)
#define PENDBASER_BITS	(GENMASK_ULL(51, 16) | GICR_PENDBASER_PTZ | ATTRIBUTE_BITS)

static u64 read_propbaser(struct vgic_cpu *cpu, u32 offset)
{
	return table_attributes(READ_ONCE(vgic_of(cpu)->propbaser));
}

static int write_propbaser(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);

	mutex_lock(&vgic->lpi_lock);
	if (!cpu->lpis_enabled)
		WRITE_ONCE(vgic->propbaser, vgic_merge(vgic->propbaser, val, mask) & PROPBASER_BITS);
	mutex_unlock(&vgic->lpi_lock);
	return 0;
}

/* PTZ reads as zero (12.11.33). */
static u64 read_pendbaser(struct vgic_cpu *cpu, u32 offset)
{
	return table_attributes(READ_ONCE(cpu->pendbaser)) & ~GICR_PENDBASER_PTZ;
}

static int write_pendbaser(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);

	mutex_lock(&vgic->lpi_lock);
	if (!cpu->lpis_enabled)
		WRITE_ONCE(cpu->pendbaser, vgic_merge(cpu->pendbaser, val, mask) & PENDBASER_BITS);
	mutex_unlock(&vgic->lpi_lock);
	return 0;
}

/* The whole register is written, or its lower word, which has the number. */
static int write_invlpir(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	struct vgic_irq *irq;

	if (!(mask & GICR_INVLPIR_INTID) || !READ_ONCE(cpu->lpis_enabled))
		return 0;
	mutex_lock(&vgic->lpi_lock);
	irq = xa_load(&vgic->lpis, val & GICR_INVLPIR_INTID);
	if (irq)
		vgic_lpi_configure(vgic, irq);
	mutex_unlock(&vgic->lpi_lock);
	return 0;
}

static int write_invallr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);

	if (!(mask & U32_MAX) || !READ_ONCE(cpu->lpis_enabled))
		return 0;
	mutex_lock(&vgic->lpi_lock);
	vgic_lpi_configure_all(vgic, cpu);
	mutex_unlock(&vgic->lpi_lock);
	return 0;
}

#define SGI(reg)	(SZ_64K + (reg))

static const struct vgic_reg redist_regs[] = {
	{ GICR_CTLR,		4,  WORD, .read = read_rctlr, .write = write_rctlr },
	{ GICR_IIDR,		4,  WORD, .read = read_riidr },
	{ GICR_TYPER,		8,  WORD_LONG, .read = read_rtyper },
	{ GICR_STATUSR,		4,  WORD },
	{ GICR_WAKER,		4,  WORD },
	{ GICR_PROPBASER,	8,  WORD_LONG, .read = read_propbaser, .write = write_propbaser },
	{ GICR_PENDBASER,	8,  WORD_LONG, .read = read_pendbaser, .write = write_pendbaser },
	{ GICR_INVLPIR,		8,  WORD_LONG, .write = write_invlpir },
	{ GICR_INVALLR,		8,  WORD_LONG, .write = write_invallr },
	{ GICR_SYNCR,		4,  WORD },
	{ GICR_IDREGS,		48, WORD, .read = read_id },
	{ SGI(GICR_IGROUPR0),	4,  WORD, 1, &vgic_group },
	{ SGI(GICR_ISENABLER0),	4,  WORD, 1, &vgic_enable_set },
	{ SGI(GICR_ICENABLER0),	4,  WORD, 1, &vgic_enable_clear },
	{ SGI(GICR_ISPENDR0),	4,  WORD, 1, &vgic_v3_pending_set },
	{ SGI(GICR_ICPENDR0),	4,  WORD, 1, &vgic_v3_pending_clear },
	{ SGI(GICR_ISACTIVER0),	4,  WORD, 1, &vgic_active_set },
	{ SGI(GICR_ICACTIVER0),	4,  WORD, 1, &vgic_active_clear },
	{ SGI(GICR_IPRIORITYR0), 32, BYTE_WORD, 8, &vgic_priority },
	{ SGI(GICR_ICFGR0),	8,  WORD, 2, &vgic_config },
	{ SGI(GICR_IGRPMODR0),	4,  WORD, 1, &vgic_none },
	{ SGI(GICR_NSACR),	4,  WORD },
};

const struct vgic_reg_table vgic_v3_redist = {
	redist_regs, ARRAY_SIZE(redist_regs), 0, VGIC_PRIVATE_IRQS,
};

/* A vCPU may access any vCPU's redistributor. */
static int redist_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		       unsigned int len, void *data)
{
	struct vgic_cpu *cpu = container_of(dev, struct vgic_cpu, rd);

	vgic_to_bytes(data, len, vgic_mmio_read(cpu, &vgic_v3_redist, addr - dev->addr, len));
	return 0;
}

static int redist_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
			unsigned int len, const void *data)
{
	struct vgic_cpu *cpu = container_of(dev, struct vgic_cpu, rd);

	vgic_mmio_write(cpu, &vgic_v3_redist, addr - dev->addr, len, vgic_from_bytes(data, len));
	return 0;
}

const struct berth_io_ops vgic_v3_redist_ops = { .read = redist_read, .write = redist_write };
