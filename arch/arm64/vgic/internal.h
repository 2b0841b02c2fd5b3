/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the virtual GIC share.
 */
#ifndef BERTH_ARM64_VGIC_INTERNAL_H
#define BERTH_ARM64_VGIC_INTERNAL_H

#include "arm64.h"
#include "state.h"
#include "vgic/lr.h"

/* Whom the identification registers name: what KVM's do, so that guests know the quirks. */
#define VGIC_IMPLEMENTER	0x43b		/* Arm */
#define VGIC_PRODUCT		0x4b
#define VGIC_REVISION		3		/* of GICD_IIDR; 1 to 3 can be asked for */

static inline struct arm_vcpu *vgic_vcpu(struct vgic_cpu *cpu)
{
	return container_of(cpu, struct arm_vcpu, vgic);
}

static inline struct vgic_vm *vgic_of(struct vgic_cpu *cpu)
{
	return &arm_vm_of(vgic_vcpu(cpu))->vgic;
}

static inline struct arm_vm *vgic_arm_vm(struct vgic_vm *vgic)
{
	return container_of(vgic, struct arm_vm, vgic);
}

/*
 * Interrupts off.  An interrupt's home may change while its lock is waited for, and it is
 * given back by others: sparse cannot follow, so it is not shown.
 */
static inline void vgic_cpu_lock(struct vgic_cpu *cpu, unsigned long *flags)
{
	raw_spin_lock_irqsave(&cpu->lock, *flags);
	__release(&cpu->lock);
}

static inline void vgic_cpu_unlock(struct vgic_cpu *cpu, unsigned long flags)
{
	__acquire(&cpu->lock);
	raw_spin_unlock_irqrestore(&cpu->lock, flags);
}

static inline bool vgic_is_v3(const struct vgic_vm *vgic)
{
	return vgic_model(vgic) == KVM_DEV_TYPE_ARM_VGIC_V3;
}

/* ---- irq.c ---- */

/*
 * The interrupt @intid of @cpu's view, or NULL; bounded against speculation.  LPIs: inside
 * rcu_read_lock(), and for longer with vgic_lpi_get().
 */
struct vgic_irq *vgic_irq_find(struct vgic_vm *vgic, struct vgic_cpu *cpu, u32 intid);

/*
 * Take the lock of the interrupt's home, which cannot change under it; vgic_cpu_unlock().
 * With vgic_irq_queue_unlock() it is put in the queue where its state now belongs, and the
 * vCPU there hears of it.  Context: any; interrupts are off in between.
 */
struct vgic_cpu *vgic_irq_lock(struct vgic_irq *irq, unsigned long *flags);
void vgic_irq_queue_unlock(struct vgic_irq *irq, struct vgic_cpu *cpu, unsigned long flags);

/*
 * The same, with what is in a list register taken out of it.  Context: may spin until the
 * vCPU has left the guest; no lock held, interrupts on.
 */
struct vgic_cpu *vgic_irq_lock_taken(struct vgic_irq *irq, unsigned long *flags);

/* The vCPU is to look at its queue; kicked out of the guest for it. */
void vgic_kick(struct vgic_cpu *cpu);
void vgic_kick_all(struct vgic_vm *vgic);
void vgic_tell_acks(struct vgic_vm *vgic, const struct vgic_acks *acks);

/* An interrupt's place changes: pending there from now on, unless it is active. */
void vgic_irq_set_target(struct vgic_irq *irq, struct vgic_cpu *target, u32 route);
/* An edge. */
void vgic_irq_pulse(struct vgic_irq *irq);
/* KVM_IRQ_LINE, irqfds: @source is one of BERTH_IRQ_*. */
void vgic_irq_set_line(struct vgic_irq *irq, unsigned int source, bool level,
		       const void *owner);
/* SGI @intid from @from to @cpu; @group1: to its Group 1 interrupts, too. */
void vgic_send_sgi(struct vgic_cpu *cpu, u32 intid, unsigned int from, bool group1);

/* LPIs live as long as somebody has a reference; vgic_lpi_put(). */
bool vgic_lpi_get(struct vgic_irq *irq);

/* ---- cpu.c ---- */

/* The one that is loaded on this CPU, or NULL.  Preemption off. */
struct vgic_cpu *vgic_loaded_cpu(void);
void vgic_reload(struct arm_vcpu *v);

/* ---- host.c ---- */

struct vgic_host {
	u32 model;			/* KVM_DEV_TYPE_ARM_VGIC_V2, _V3 or 0 */
	unsigned int irq;		/* maintenance interrupt, as Linux numbers it */
	unsigned int nr_lrs;		/* [a] these are known when a CPU is enabled */
	unsigned int pri_bits;
	unsigned int nr_apr;		/* active priority registers of a group */
	unsigned int id_bits;		/* as ICC_CTLR_EL1.IDbits has them */
	bool seis, a3v;
	phys_addr_t gich, gicv;		/* GICv2 */
	size_t gich_size;
};

extern struct vgic_host vgic_host;

/* ICH_VTR_EL2 or GICH_VTR, which agree in what both have. */
void vgic_host_features(u32 vtr);

/*
 * host_v2.c: by MMIO, in a file of its own since arm-gic.h and arm-gic-v3.h exclude each
 * other.  setup: -ENOMEM when the registers cannot be mapped.
 */
int vgic_v2_setup(void);
void vgic_v2_unsetup(void);
void vgic_v2_cpu_enable(void);
void vgic_v2_load(struct vgic_cpu *cpu);
void vgic_v2_put(struct vgic_cpu *cpu);
void vgic_v2_save(struct vgic_cpu *cpu);

/* ---- the CPU interface's control state, whatever the host's format ---- */

struct vgic_vmcr {
	u8 pmr;				/* 8 bits */
	u8 bpr0, bpr1;
	bool group0, group1;
	bool cbpr, eoim;
	bool ack_ctl, fiq_en;		/* GICv2 */
};

struct vgic_vmcr vgic_get_vmcr(const struct vgic_cpu *cpu);
void vgic_set_vmcr(struct vgic_cpu *cpu, const struct vgic_vmcr *vmcr);
struct vgic_vmcr vgic_v2_decode_vmcr(u32 vmcr);
u32 vgic_v2_encode_vmcr(const struct vgic_vmcr *vmcr);

/* ---- init.c ---- */

/* -EEXIST, -EBUSY (a vCPU runs, or has run), -E2BIG (too many vCPUs).  vm->lock held. */
int vgic_create(struct arm_vm *vm, u32 model);
/* 0 again when it is done.  -EBUSY, -ENODEV (no vCPU), -ENOMEM.  vgic->lock held. */
int vgic_init(struct arm_vm *vm);
/* Before an injection: a GICv2 initializes itself, a GICv3 is -EBUSY.  May sleep. */
int vgic_lazy_init(struct arm_vm *vm);

/*
 * May a block of registers be at @addr?  -EEXIST when @old is set, -EINVAL (alignment),
 * -E2BIG (beyond the guest's addresses).
 */
int vgic_check_range(struct arm_vm *vm, gpa_t old, gpa_t addr, u64 align, u64 size);

/*
 * Redistributors: @count of them at @base, 0: as many as there are vCPUs.  As
 * KVM_VGIC_V3_ADDR_TYPE_REDIST(_REGION).  vgic->lock held.
 */
int vgic_region_add(struct arm_vm *vm, u32 index, gpa_t base, u32 count);
struct vgic_region *vgic_region_find(struct vgic_vm *vgic, u32 index);
bool vgic_is_last_redist(struct vgic_cpu *cpu);

/*
 * No vCPU is in an ioctl until vgic_resume(): -EBUSY when one is.  Takes vm->lock, all
 * vCPUs' mutexes and vgic->lock.
 */
int vgic_pause(struct arm_vm *vm);
void vgic_resume(struct arm_vm *vm);

/* ---- mmio.c: tables of registers ---- */

/* One interrupt's part of a register.  Context of all: vCPU thread or ioctl, may sleep. */
struct vgic_field {
	u32 (*get)(struct vgic_cpu *cpu, struct vgic_irq *irq);
	void (*set)(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val);
	/* what user space saves and restores, where that is something else */
	u32 (*user_get)(struct vgic_cpu *cpu, struct vgic_irq *irq);
	void (*user_set)(struct vgic_cpu *cpu, struct vgic_irq *irq, u32 val);
};

/* Widths, in bytes, that a register may be accessed with. */
#define VGIC_BYTE	1
#define VGIC_WORD	4
#define VGIC_LONG	8

/*
 * A row of registers, one beside the other.  With @field, @bits of each interrupt from 0
 * on.  Else read and write have one register as a whole, at @offset: a member that is not
 * there reads as zero and is not written.  Errors are for user space.
 */
struct vgic_reg {
	u32 offset;
	u32 len;			/* bytes of the row */
	u8 access;			/* VGIC_BYTE ... */
	u8 bits;
	const struct vgic_field *field;
	u64 (*read)(struct vgic_cpu *cpu, u32 offset);
	int (*write)(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask);
	int (*user_write)(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask);
};

struct vgic_reg_table {
	const struct vgic_reg *reg;	/* ascending offset */
	unsigned int nr;
	u32 first_irq;			/* those whose fields are here and not elsewhere */
	u32 end_irq;
};

u64 vgic_mmio_read(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset,
		   unsigned int len);
void vgic_mmio_write(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset,
		     unsigned int len, u64 val);
/* KVM_DEV_ARM_VGIC_GRP_*_REGS: -ENXIO for none, or what the register says. */
int vgic_user_access(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset,
		     bool write, u32 *val);
bool vgic_user_has(struct vgic_cpu *cpu, const struct vgic_reg_table *table, u32 offset);

extern const struct vgic_field vgic_group, vgic_enable_set, vgic_enable_clear,
	vgic_pending_set, vgic_pending_clear, vgic_v3_pending_set, vgic_v3_pending_clear,
	vgic_active_set, vgic_active_clear, vgic_priority, vgic_config, vgic_none;

u32 vgic_line_levels(struct vgic_cpu *cpu, u32 intid);
void vgic_set_line_levels(struct vgic_cpu *cpu, u32 intid, u32 levels);

/* Part of a register: the bits of @mask are replaced. */
static inline u64 vgic_merge(u64 old, u64 val, u64 mask)
{
	return (old & ~mask) | (val & mask);
}

/* What the guest's access brings, and wants: bytes in the order of its memory. */
static inline u64 vgic_from_bytes(const void *data, unsigned int len)
{
	__le64 val = 0;

	memcpy(&val, data, min_t(unsigned int, len, sizeof(val)));
	return le64_to_cpu(val);
}

static inline void vgic_to_bytes(void *data, unsigned int len, u64 reg)
{
	__le64 val = cpu_to_le64(reg);

	memset(data, 0, len);
	memcpy(data, &val, min_t(unsigned int, len, sizeof(val)));
}

/*
 * Cacheability and shareability of a table in guest memory, as the guest wrote them where
 * that is how we access it: cacheable, inner shareable.  @share, @inner, @outer: where the
 * fields begin (IHI 0069, 12.11.33 and 12.19.2).
 */
static inline u64 vgic_table_attributes(u64 reg, unsigned int share, unsigned int inner,
					unsigned int outer)
{
	u64 attr = reg & ~(3ULL << share | 7ULL << inner | 7ULL << outer);

	/* Outer shareable is inner, not cacheable is write-back, outer is none or the same. */
	attr |= (u64)min_t(u32, reg >> share & 3, 1) << share;
	attr |= ((reg >> inner & 7) < 2 ? 5ULL : reg >> inner & 7) << inner;
	return attr | (u64)min_t(u32, reg >> outer & 7, 1) << outer;
}

/* dist.c: what both versions' distributors have */
int vgic_write_ctlr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask);
u64 vgic_read_iidr(struct vgic_cpu *cpu, u32 offset);
int vgic_user_write_iidr(struct vgic_cpu *cpu, u32 offset, u64 val, u64 mask);

/* dist_v3.c, dist_v2.c */
extern const struct vgic_reg_table vgic_v3_dist, vgic_v3_redist, vgic_v2_dist, vgic_v2_cpuif;
extern const struct berth_io_ops vgic_v3_dist_ops, vgic_v3_redist_ops, vgic_v2_dist_ops;
/* The vCPU at an affinity, Aff2 to Aff0 in bits 23 to 0; NULL: none. */
struct vgic_cpu *vgic_cpu_at(struct vgic_vm *vgic, u32 affinity);

/* sysregs.c: KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS; -ENXIO, -EINVAL. */
int vgic_user_sysreg(struct vgic_cpu *cpu, u32 sys, bool write, u64 *val);
bool vgic_user_has_sysreg(u32 sys);

/* ---- lpi.c; lpi_lock held by callers of all ---- */

#define VGIC_LPI_ID_BITS	16

bool vgic_has_its(const struct vgic_vm *vgic);
/* An event's LPI, made if need be: NULL without memory.  Unmap gives it back. */
struct vgic_irq *vgic_lpi_map(struct vgic_vm *vgic, u32 intid, struct vgic_cpu *target);
void vgic_lpi_unmap(struct vgic_vm *vgic, struct vgic_irq *irq);
/* Read its byte of the guest's configuration table; those of all that go to @cpu. */
void vgic_lpi_configure(struct vgic_vm *vgic, struct vgic_irq *irq);
void vgic_lpi_configure_all(struct vgic_vm *vgic, struct vgic_cpu *cpu);
/* GICR_CTLR.EnableLPIs of @cpu. */
void vgic_lpi_enable(struct vgic_cpu *cpu);
void vgic_lpi_disable(struct vgic_cpu *cpu);
void vgic_lpi_clear(struct vgic_irq *irq);
void vgic_lpi_move_all(struct vgic_vm *vgic, struct vgic_cpu *from, struct vgic_cpu *to);
/* Pending bits to the guest's tables: 0 or -EFAULT.  The VM is paused. */
int vgic_lpi_save_pending(struct vgic_vm *vgic);
/* None is mapped any longer. */
void vgic_lpi_destroy(struct vgic_vm *vgic);

/* its.c: a message; 1, 0 when the guest blocks it, -EINVAL, -EBUSY.  Any context. */
int vgic_its_deliver(struct vgic_vm *vgic, u64 address, u32 event, u32 device);
extern const struct berth_device_type vgic_its_type;

#endif
