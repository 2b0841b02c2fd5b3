/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual GIC as the rest of the backend sees it: what a VM and a vCPU hold of it, and
 * what the run loop, the timers, the system registers and the tables call.  Sections are
 * those of the GICv3 architecture specification, IHI 0069, or of GICv2's, IHI 0048.
 *
 * An interrupt is at one vCPU at any time, its home, and that vCPU's lock guards it.  One
 * that is pending or active stands in its home's queue; what the CPU's list registers can
 * hold of the queue is put there before the guest is entered, and read back when somebody
 * has to know.
 *
 * Lock legend, beside that of berth/vm.h:
 *   [h] the lock of vgic_irq::home    [g] vgic_vm::lock
 * Order: vm->lock, vcpu->mutex, vgic_vm::lock, vm->slots_lock; vgic_vm::lpi_lock inside
 * vgic_vm::lock; vgic_cpu::lock innermost, one at a time.
 */
#ifndef BERTH_ARM64_VGIC_H
#define BERTH_ARM64_VGIC_H

#include <berth/bus.h>
#include <berth/device.h>
#include <berth/irq.h>
#include <berth/types.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#define VGIC_SGIS		16
#define VGIC_PRIVATE_IRQS	32	/* SGIs and PPIs */
#define VGIC_MAX_IRQS		1024	/* with SPIs; 1020 to 1023 are special */
#define VGIC_DEFAULT_IRQS	256
#define VGIC_FIRST_LPI		8192
#define VGIC_MAX_LRS		16
#define VGIC_V2_MAX_VCPUS	8

struct arm_gic_cpu;
struct arm_vm;
struct arm_vcpu;
struct vgic_cpu;
struct vgic_region;

struct vgic_irq {
	struct list_head link;		/* [h] home->queue; empty: neither pending nor active */
	struct vgic_cpu *home;		/* [h] see vgic_irq_lock() */
	struct vgic_cpu *target;	/* [h] where it is routed; NULL: to none there is */
	const void *owner;		/* [h] who alone may raise it; NULL: user space */
	u32 route;			/* [h] GICD_IROUTER's affinity, GICD_ITARGETSR's byte */
	u32 intid;			/* [I] */
	unsigned int host_irq;		/* [h] hw: the host's number, */
	u32 hw_intid;			/* [h] and the physical GIC's */
	u32 events;			/* [lpi_lock] LPIs: events that lead to it */
	struct kref refs;		/* [a] LPIs: one for all events, one for the queue */
	u8 priority;			/* [h] */
	u8 lines;			/* [h] sources that hold the line high, by BERTH_IRQ_* */
	u8 sources;			/* [h] GICv2's SGIs: CPUs whose request waits */
	u8 active_source;		/* [h] and the one being served */
	s8 lr;				/* [h] its list register; -1: none */
	bool enabled : 1;		/* [h] */
	bool edge : 1;			/* [h] else level-sensitive */
	bool group1 : 1;		/* [h] */
	bool latch : 1;			/* [h] pending by an edge, a message or GICD_ISPENDR */
	bool lr_latch : 1;		/* [h] the latch, gone to the list register */
	bool active : 1;		/* [h] */
	bool hw : 1;			/* [h] ends together with a physical interrupt */
	bool by_source : 1;		/* [I] GICv2's SGIs: each sender's request is one */
	struct rcu_head rcu;
};

struct vgic_cpu {
	raw_spinlock_t lock;
	struct list_head queue;		/* [lock] interrupts that are pending or active here */
	struct vgic_irq *lr_irq[VGIC_MAX_LRS];	/* [lock] whose the list registers are */
	struct vgic_irq priv[VGIC_PRIVATE_IRQS];
	struct arm_gic_cpu *regs;	/* [I] list registers and what goes with them */
	u8 used;			/* [o] how many are filled; regs->nr may be more */
	bool loaded;			/* [o] the other registers are in the CPU, not in regs */
	unsigned long lines;		/* [a] KVM_ARM_IRQ_TYPE_CPU: bits of HCR_EL2.VI, VF */

	/* The redistributor (IHI 0069, 12.10). */
	struct berth_io_device rd;	/* [I] once on the bus */
	struct vgic_region *region;	/* [g] where it is; NULL: nowhere yet */
	u32 rd_index;			/* [g] and its place there */
	u64 pendbaser;			/* [a] */
	bool lpis_enabled;		/* [a] GICR_CTLR.EnableLPIs */
};

/* Redistributors in a row, as user space laid them out. */
struct vgic_region {
	struct list_head link;		/* [g] vgic_vm::regions */
	gpa_t base;			/* [I] */
	u32 index;			/* [I] */
	u32 count;			/* [I] 0: one region for all, by ADDR_TYPE_REDIST */
	u32 used;			/* [g] */
};

struct vgic_vm {
	struct mutex lock;		/* configuration */
	u32 model;			/* [a] KVM_DEV_TYPE_ARM_VGIC_*, written once; 0: none */
	bool initialized;		/* [a] set once: everything below is there */
	bool ready;			/* [a] set once: the guest sees the registers */
	bool user_rev;			/* [g] user space has set GICD_IIDR */
	u8 revision;			/* [g] GICD_IIDR.Revision */
	u32 nr_spis;			/* [g] then [I]; 0: the default */
	struct vgic_irq *spis;		/* [I] once initialized */
	struct xarray lpis;		/* by INTID, read under RCU */
	u32 ctlr;			/* [a] GICD_CTLR's enable bits */
	struct mutex lpi_lock;		/* LPIs, their tables, and the ITSs */
	u64 propbaser;			/* [a] GICR_PROPBASER, one for all */
	gpa_t dist_base;		/* [g] BERTH_INVALID_GPA: not set, as those below */
	gpa_t cpu_base;			/* [g] GICv2 */
	struct berth_io_device dist;	/* [I] once on the bus */
	struct list_head regions;	/* [g] */
	struct list_head itss;		/* [r][g] */
	atomic_t nr_itss;		/* [a] */
};

/* ---- the machine: host.c ---- */

/*
 * What GIC the host has.  Without one that virtualizes there are no device types, which is
 * no error.  0, or what claiming the maintenance interrupt says.
 */
int vgic_host_setup(const char **why);
void vgic_host_unsetup(void);
/* EL2 is ours; preemption off. */
void vgic_cpu_enable(void);
void vgic_cpu_disable(void);
/* Its list registers may hold anything: it has lost power. */
void vgic_cpu_fresh(void);

/* ---- life: init.c ---- */

int vgic_vm_init(struct arm_vm *vm);
void vgic_vm_destroy(struct arm_vm *vm);
/* -EINVAL for an id that the VM's GIC has no place for.  vm->lock held. */
int vgic_vcpu_check(struct arm_vm *vm, unsigned int id);
int vgic_vcpu_init(struct arm_vcpu *v);
void vgic_vcpu_destroy(struct arm_vcpu *v);
/* KVM_ARM_VCPU_INIT: the CPU interface as after reset. */
void vgic_vcpu_reset(struct arm_vcpu *v);
/*
 * Before a vCPU of the VM runs for the first time: the guest sees the GIC from here on.
 * -EBUSY (not initialized), -ENXIO (no addresses), -EINVAL (they overlap), -ENOMEM.
 * Context: vcpu->mutex held, may sleep.
 */
int vgic_first_run(struct arm_vcpu *v);

/* ---- the run loop: cpu.c, and loop.h for what is inline ---- */

/* The vCPU is loaded, or put; preemption off. */
void vgic_load(struct arm_vcpu *v);
void vgic_put(struct arm_vcpu *v);

/*
 * Is there an interrupt that the guest would take if it did not mask them?  Context: the
 * vCPU's thread, loaded or not, interrupts on.
 */
bool vgic_pending(struct arm_vcpu *v);

/* ---- interrupts: irq.c ---- */

/**
 * vgic_inject() - the line of @intid goes to @level; an edge when it is edge-triggered.
 * @v: whose SGI or PPI; for an SPI it does not matter
 *
 * 0, also when nothing came of it; -EBUSY (not initialized), -EINVAL (no such interrupt).
 * Context: any.
 */
int vgic_inject(struct arm_vm *vm, struct arm_vcpu *v, u32 intid, bool level);
/* The same of a PPI by its owner, once there is a GIC. */
void vgic_inject_owned(struct arm_vcpu *v, u32 intid, bool level, const void *owner);

/* Only @owner may raise @v's PPI @intid from here on.  -EEXIST: it has another owner. */
int vgic_set_owner(struct arm_vcpu *v, u32 intid, const void *owner);

/*
 * The guest's end of @intid ends the physical interrupt @host_irq, too; and no longer.
 * arm_timer_line() says how its line is.  -EINVAL: none of the GIC's.
 */
int vgic_map_phys_irq(struct arm_vcpu *v, unsigned int host_irq, u32 intid);
void vgic_unmap_phys_irq(struct arm_vcpu *v, u32 intid);

/* Is it pending or active here?  Then its physical interrupt stays active.  Any context. */
bool vgic_irq_live(struct arm_vcpu *v, u32 intid);

/* ---- registers ---- */

/*
 * sysregs.c: an access to one of ICC_*; false: it is UNDEFINED.  Context: exit handler.
 */
bool vgic_sysreg(struct arm_vcpu *v, u32 sys, bool write, u64 *val);

/* ---- tables ---- */

extern const struct berth_irq_ops vgic_irq_ops;
#define VGIC_NR_DEVICE_TYPES	3
extern const struct berth_device_type *const vgic_device_types[VGIC_NR_DEVICE_TYPES];

long arm_ioctl_create_irqchip(struct berth_vm *vm, void *data, unsigned long uarg);
long arm_ioctl_set_device_addr(struct berth_vm *vm, void *data, unsigned long uarg);
long arm_ioctl_irq_line(struct berth_vm *vm, void *data, unsigned long uarg);

/* KVM_CHECK_EXTENSION; @vm may be NULL. */
int vgic_cap_irqchip(struct berth_vm *vm);
int vgic_cap_msi_devid(struct berth_vm *vm);
/* vCPUs that a VM, or with NULL any VM, can have for its GIC. */
int vgic_max_vcpus(struct berth_vm *vm);

/* KVM_DEV_TYPE_ARM_VGIC_V2, _V3, or 0 for a VM without. */
static inline u32 vgic_model(const struct vgic_vm *vgic)
{
	/* Pairs with the creation's release. */
	return smp_load_acquire(&vgic->model);
}

static inline bool vgic_initialized(const struct vgic_vm *vgic)
{
	return smp_load_acquire(&vgic->initialized);
}

#endif
