/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An Interrupt Translation Service (IHI 0069, chapter 5.2): an event of a device becomes an
 * LPI of a collection, which is at a vCPU.  its.c has the registers and the device that user
 * space sees, its_cmd.c the commands and the mappings, its_table.c the tables in guest
 * memory.
 */
#ifndef BERTH_ARM64_VGIC_ITS_H
#define BERTH_ARM64_VGIC_ITS_H

#include "internal.h"

#define ITS_ID_BITS		16	/* of devices, events and collections each */
#define ITS_ENTRY_SIZE		8	/* of all tables: revision 0 of their layout */
#define ITS_MAX_EVENTS		65536	/* as many as there can be LPIs */
#define ITS_PAGE		SZ_64K	/* of the device and collection tables */

/* What a device may send, and where the guest has its translation table. */
struct its_device {
	u32 id;				/* [I] */
	u8 event_bits;			/* [I] */
	gpa_t itt;			/* [I] */
};

struct its_event {
	struct vgic_irq *irq;		/* [I] with one of its events counted */
	u32 event;			/* [I] */
	u32 collection;			/* [lpi_lock] */
	struct rcu_head rcu;
};

struct vgic_its {
	struct arm_vm *vm;		/* [I] */
	struct list_head link;		/* [r][lpi_lock] vgic_vm::itss; once it has a base */
	struct berth_io_device io;	/* [I] once on the bus */
	gpa_t base;			/* [lpi_lock] */
	bool enabled;			/* [a] GITS_CTLR.Enabled */
	u64 cbaser, cwriter, creadr;	/* [lpi_lock] GITS_CBASER and so on */
	u64 device_baser;		/* [lpi_lock] GITS_BASER0 */
	u64 collection_baser;		/* [lpi_lock] GITS_BASER1 */
	struct xarray devices;		/* [lpi_lock] by id */
	struct xarray events;		/* [r][lpi_lock] by its_key() */
	struct xarray collections;	/* [lpi_lock] by id: values, the vCPU's index or ITS_NOWHERE */
	unsigned int nr_events;		/* [lpi_lock] */
	struct berth_vcpu *writer;	/* [lpi_lock] whose writes to guest memory ours are now */
};

#define ITS_NOWHERE	ARM_MAX_VCPUS	/* a collection that events name, not mapped yet */

/* Where the events of all devices are found at once. */
static inline unsigned long its_key(u32 device, u32 event)
{
	return (unsigned long)device << ITS_ID_BITS | event;
}

static inline struct vgic_vm *its_vgic(const struct vgic_its *its)
{
	return &its->vm->vgic;
}

/* ---- its_cmd.c: mappings; 0, -EINVAL, -ENOMEM.  lpi_lock held by callers of all. ---- */

/* GITS_CWRITER has moved, or the ITS was enabled: whatever is in the queue is done. */
void its_commands(struct vgic_its *its);
/* The size of the command queue in bytes. */
u32 its_queue_size(const struct vgic_its *its);

int its_map_device(struct vgic_its *its, u32 id, unsigned int event_bits, gpa_t itt);
void its_unmap_device(struct vgic_its *its, struct its_device *device);
int its_map_collection(struct vgic_its *its, u32 id, struct vgic_cpu *cpu);
int its_map_event(struct vgic_its *its, struct its_device *device, u32 event, u32 lpi,
		  u32 collection);
/* The vCPU that a collection is at; NULL: none. */
struct vgic_cpu *its_collection_cpu(struct vgic_its *its, u32 id);
void its_forget_devices(struct vgic_its *its);
void its_forget_collections(struct vgic_its *its);

/* ---- its_table.c ---- */

/* Where the table of @baser has the entry of @id; false: it has none. */
bool its_table_entry(struct vgic_its *its, u64 baser, u32 id, gpa_t *entry);
/* What is no longer mapped must not be found by whoever restores the tables. */
void its_clear_entry(struct vgic_its *its, gpa_t entry);
/* KVM_DEV_ARM_ITS_SAVE_TABLES and _RESTORE_TABLES: -EFAULT, -EINVAL, -ENOMEM.  Paused. */
int its_save(struct vgic_its *its);
int its_restore(struct vgic_its *its);

#endif
