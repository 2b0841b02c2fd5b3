// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GICv2's distributor (IHI 0048, chapter 4), and its CPU interface as user space saves
 * and restores it; the guest has the hardware's own.
 */
#include "loop.h"
#include "internal.h"
#include <linux/bitops.h>
#include <linux/irqchip/arm-gic.h>

#define WORD		VGIC_WORD
#define BYTE_WORD	(VGIC_BYTE | VGIC_WORD)

static struct vgic_cpu *cpu_by_id(struct vgic_vm *vgic, unsigned int id)
{
	struct berth_vcpu *vcpu = berth_vcpu_by_id(&vgic_arm_vm(vgic)->vm, id);

	return vcpu ? &to_arm(vcpu)->vgic : NULL;
}

static unsigned int id_of(struct vgic_cpu *cpu)
{
	return vgic_vcpu(cpu)->core.id;
}

/* ---- the distributor ---- */

static u64 read_ctlr(struct vgic_cpu *cpu, u32 offset)
{
	return READ_ONCE(vgic_of(cpu)->ctlr);
}

static u64 read_typer(struct vgic_cpu *cpu, u32 offset)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	u32 cpus = atomic_read(&vgic_arm_vm(vgic)->vm.online_vcpus);

	return ((vgic->nr_spis + VGIC_PRIVATE_IRQS) / 32 - 1) | (cpus - 1) << 5;
}

static u32 get_group(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return vgic_group.get(cpu, irq);
}

static void set_group(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	vgic_group.set(cpu, irq, val);
}

/*
 * What user space saved before it knew of groups, which it shows by writing the revision, has
 * all in group 1 though they were in group 0 (arm-vgic.rst).
 */
static void user_set_group(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	if (vgic_of(cpu)->user_rev)
		vgic_group.set(cpu, irq, val);
}

static const struct vgic_field group = {
	.get = get_group, .set = set_group, .user_set = user_set_group,
};

/*
 * SPIs go to one of the CPUs that are named, the first, or to CPU 0: the only one of a
 * uniprocessor, where the register is not there.  Private ones are their own CPU's.
 */
static u32 get_target(struct vgic_cpu *cpu, struct vgic_irq *irq)
{
	return vgic_is_private(irq->intid) ? BIT(id_of(cpu)) : READ_ONCE(irq->route);
}

static void set_target(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	u32 cpus = atomic_read(&vgic_arm_vm(vgic)->vm.online_vcpus);

	if (vgic_is_private(irq->intid))
		return;
	val &= GENMASK(min(cpus, VGIC_V2_MAX_VCPUS) - 1, 0);
	vgic_irq_set_target(irq, cpu_by_id(vgic, val ? __ffs(val) : 0), val);
}

static const struct vgic_field targets = { .get = get_target, .set = set_target };

/* GICD_SGIR: who is it for? (4.3.15) */
static int write_sgir(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vm *vgic = vgic_of(cpu);
	struct berth_vcpu *vcpu;
	u32 list = val >> 16 & 0xff;
	unsigned int i;

	switch (val >> 24 & 3) {
	case 0:
		break;
	case 1:
		list = ~BIT(id_of(cpu));
		break;
	case 2:
		list = BIT(id_of(cpu));
		break;
	default:
		return 0;
	}
	berth_for_each_vcpu(i, vcpu, &vgic_arm_vm(vgic)->vm)
		if (vcpu->id < VGIC_V2_MAX_VCPUS && list & BIT(vcpu->id))
			vgic_send_sgi(&to_arm(vcpu)->vgic, val & 0xf, id_of(cpu), true);
	return 0;
}

/* Who has sent an SGI that waits: a byte each (4.3.16, 4.3.17). */
static u64 read_sgi_sources(struct vgic_cpu *cpu, u32 offset)
{
	struct vgic_cpu *home;
	unsigned long flags;
	u32 i, val = 0;

	for (i = 0; i < 4; i++) {
		struct vgic_irq *irq = &cpu->priv[(offset & 0xc) + i];

		home = vgic_irq_lock_taken(irq, &flags);
		val |= (u32)irq->sources << (i * 8);
		vgic_cpu_unlock(home, flags);
	}
	return val;
}

static void change_sources(struct vgic_cpu *cpu, u32 offset, u32 set, u32 clear)
{
	struct vgic_cpu *home;
	unsigned long flags;
	u32 i;

	for (i = 0; i < 4; i++) {
		struct vgic_irq *irq = &cpu->priv[(offset & 0xc) + i];

		home = vgic_irq_lock_taken(irq, &flags);
		irq->sources = (irq->sources | set >> (i * 8)) & ~(clear >> (i * 8));
		irq->latch = irq->sources;
		vgic_irq_queue_unlock(irq, home, flags);
	}
}

static int write_spendsgir(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	change_sources(cpu, offset, val & mask, 0);
	return 0;
}

static int write_cpendsgir(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	change_sources(cpu, offset, 0, val & mask);
	return 0;
}

static const struct vgic_reg dist_regs[] = {
	{ GIC_DIST_CTRL,		4,    WORD, .read = read_ctlr, .write = vgic_write_ctlr },
	{ GIC_DIST_CTR,			4,    WORD, .read = read_typer },
	{ GIC_DIST_IIDR,		4,    WORD, .read = vgic_read_iidr,
	  .user_write = vgic_user_write_iidr },
	{ GIC_DIST_IGROUP,		128,  WORD, 1, &group },
	{ GIC_DIST_ENABLE_SET,		128,  WORD, 1, &vgic_enable_set },
	{ GIC_DIST_ENABLE_CLEAR,	128,  WORD, 1, &vgic_enable_clear },
	{ GIC_DIST_PENDING_SET,		128,  WORD, 1, &vgic_pending_set },
	{ GIC_DIST_PENDING_CLEAR,	128,  WORD, 1, &vgic_pending_clear },
	{ GIC_DIST_ACTIVE_SET,		128,  WORD, 1, &vgic_active_set },
	{ GIC_DIST_ACTIVE_CLEAR,	128,  WORD, 1, &vgic_active_clear },
	{ GIC_DIST_PRI,			1024, BYTE_WORD, 8, &vgic_priority },
	{ GIC_DIST_TARGET,		1024, BYTE_WORD, 8, &targets },
	{ GIC_DIST_CONFIG,		256,  WORD, 2, &vgic_config },
	{ GIC_DIST_SOFTINT,		4,    WORD, .write = write_sgir },
	{ GIC_DIST_SGI_PENDING_CLEAR,	16,   BYTE_WORD, .read = read_sgi_sources,
	  .write = write_cpendsgir },
	{ GIC_DIST_SGI_PENDING_SET,	16,   BYTE_WORD, .read = read_sgi_sources,
	  .write = write_spendsgir },
};

const struct vgic_reg_table vgic_v2_dist = {
	dist_regs, ARRAY_SIZE(dist_regs), 0, VGIC_MAX_IRQS,
};

static int dist_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, void *data)
{
	vgic_to_bytes(data, len, vgic_mmio_read(&to_arm(vcpu)->vgic, &vgic_v2_dist,
						addr - dev->addr, len));
	return 0;
}

static int dist_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		      unsigned int len, const void *data)
{
	vgic_mmio_write(&to_arm(vcpu)->vgic, &vgic_v2_dist, addr - dev->addr, len,
			vgic_from_bytes(data, len));
	return 0;
}

const struct berth_io_ops vgic_v2_dist_ops = { .read = dist_read, .write = dist_write };

/* ---- the CPU interface, when nobody runs ---- */

/* GICC_CTLR as a GIC without the security extensions has it (4.4.1). */
static u64 read_cpu_ctrl(struct vgic_cpu *cpu, u32 offset)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	return vmcr.group0 << GIC_CPU_CTRL_EnableGrp0_SHIFT |
	       vmcr.group1 << GIC_CPU_CTRL_EnableGrp1_SHIFT |
	       vmcr.ack_ctl << GIC_CPU_CTRL_AckCtl_SHIFT |
	       vmcr.fiq_en << GIC_CPU_CTRL_FIQEn_SHIFT |
	       vmcr.cbpr << GIC_CPU_CTRL_CBPR_SHIFT |
	       vmcr.eoim << GIC_CPU_CTRL_EOImodeNS_SHIFT;
}

static int write_cpu_ctrl(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	vmcr.group0 = val & GIC_CPU_CTRL_EnableGrp0;
	vmcr.group1 = val & GIC_CPU_CTRL_EnableGrp1;
	vmcr.ack_ctl = val & GIC_CPU_CTRL_AckCtl;
	vmcr.fiq_en = val & GIC_CPU_CTRL_FIQEn;
	vmcr.cbpr = val & GIC_CPU_CTRL_CBPR;
	vmcr.eoim = val & GIC_CPU_CTRL_EOImodeNS;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

/* In the format of GICH_VMCR: 5 bits, at the bottom (arm-vgic.rst). */
static u64 read_cpu_pmr(struct vgic_cpu *cpu, u32 offset)
{
	return vgic_get_vmcr(cpu).pmr >> GICV_PMR_PRIORITY_SHIFT;
}

static int write_cpu_pmr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	vmcr.pmr = val << GICV_PMR_PRIORITY_SHIFT & GICV_PMR_PRIORITY_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

static u64 read_cpu_bpr(struct vgic_cpu *cpu, u32 offset)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	return offset == GIC_CPU_BINPOINT ? vmcr.bpr0 : vmcr.bpr1;
}

static int write_cpu_bpr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	*(offset == GIC_CPU_BINPOINT ? &vmcr.bpr0 : &vmcr.bpr1) = val & 7;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

/* 32 priorities: the first of the four registers has them all. */
static u64 read_cpu_apr(struct vgic_cpu *cpu, u32 offset)
{
	return offset == GIC_CPU_ACTIVEPRIO ? cpu->regs->ap1r[0] : 0;
}

static int write_cpu_apr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask)
{
	if (offset == GIC_CPU_ACTIVEPRIO)
		cpu->regs->ap1r[0] = (u32)val;
	return 0;
}

static u64 read_cpu_iidr(struct vgic_cpu *cpu, u32 offset)
{
	/* Architecture version 2 in bits 19 to 16 (4.4.14). */
	return VGIC_PRODUCT << 20 | 2 << 16 | VGIC_IMPLEMENTER;
}

static const struct vgic_reg cpu_regs[] = {
	{ GIC_CPU_CTRL,		  4,  WORD, .read = read_cpu_ctrl, .write = write_cpu_ctrl },
	{ GIC_CPU_PRIMASK,	  4,  WORD, .read = read_cpu_pmr, .write = write_cpu_pmr },
	{ GIC_CPU_BINPOINT,	  4,  WORD, .read = read_cpu_bpr, .write = write_cpu_bpr },
	{ GIC_CPU_ALIAS_BINPOINT, 4,  WORD, .read = read_cpu_bpr, .write = write_cpu_bpr },
	{ GIC_CPU_ACTIVEPRIO,	  16, WORD, .read = read_cpu_apr, .write = write_cpu_apr },
	{ GIC_CPU_IDENT,	  4,  WORD, .read = read_cpu_iidr },
};

const struct vgic_reg_table vgic_v2_cpuif = { cpu_regs, ARRAY_SIZE(cpu_regs) };
