// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of an ITS in guest memory, revision 0 of their layout (arm-vgic-its.rst).  They
 * are written when user space saves the ITS, and read when it restores one.  Between the
 * two the guest's first levels of the device table are looked at, and what it unmaps is
 * cleared: it may have been written when the ITS was saved before.
 */
#include "its.h"
#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>

/* Entries of the device, collection and translation tables. */
#define ENTRY_VALID	BIT_ULL(63)
#define DTE_NEXT	GENMASK_ULL(62, 49)
#define DTE_ITT		GENMASK_ULL(48, 5)	/* address bits 51 to 8 */
#define DTE_EVENT_BITS	GENMASK_ULL(4, 0)	/* minus one */
#define CTE_TARGET	GENMASK_ULL(51, 16)
#define CTE_ID		GENMASK_ULL(15, 0)
#define ITE_NEXT	GENMASK_ULL(63, 48)
#define ITE_LPI		GENMASK_ULL(47, 16)
#define ITE_COLLECTION	GENMASK_ULL(15, 0)

/* A first-level entry: a page of the second. */
#define L1_ADDRESS	GENMASK_ULL(51, 16)
#define PER_PAGE	(ITS_PAGE / ITS_ENTRY_SIZE)

static int read_entry(struct vgic_its *its, gpa_t gpa, u64 *entry)
{
	__le64 raw;
	int r = berth_read_guest(&its->vm->vm, gpa, &raw, sizeof(raw));

	*entry = le64_to_cpu(raw);
	return r;
}

/* The writer's mutex is held: it is this thread's, or the VM is paused. */
static int write_entry(struct vgic_its *its, gpa_t gpa, u64 entry)
{
	__le64 raw = cpu_to_le64(entry);

	return berth_write_guest(its->writer, gpa, &raw, sizeof(raw));
}

void its_clear_entry(struct vgic_its *its, gpa_t entry)
{
	write_entry(its, entry, 0);
}

static gpa_t table_base(u64 baser)
{
	return GITS_BASER_ADDR_48_to_52(baser);
}

static u64 table_size(u64 baser)
{
	return (u64)GITS_BASER_NR_PAGES(baser) * ITS_PAGE;
}

/* How many first-level entries, or pages of a flat table, there can be. */
static u32 nr_pages(u64 baser)
{
	u64 nr = baser & GITS_BASER_INDIRECT ? table_size(baser) / GITS_LVL1_ENTRY_SIZE :
					       GITS_BASER_NR_PAGES(baser);

	return min_t(u64, nr, BIT(ITS_ID_BITS) / PER_PAGE);
}

/* The page with the entries from @page * PER_PAGE on; false: there is none. */
static bool table_page(struct vgic_its *its, u64 baser, u32 page, gpa_t *gpa)
{
	u64 entry;

	if (!(baser & GITS_BASER_VALID) || page >= nr_pages(baser))
		return false;
	*gpa = table_base(baser) + (u64)page * ITS_PAGE;
	if (!(baser & GITS_BASER_INDIRECT))
		return true;
	if (read_entry(its, table_base(baser) + page * GITS_LVL1_ENTRY_SIZE, &entry) ||
	    !(entry & ENTRY_VALID))
		return false;
	*gpa = entry & L1_ADDRESS;
	return true;
}

bool its_table_entry(struct vgic_its *its, u64 baser, u32 id, gpa_t *entry)
{
	if (!table_page(its, baser, id / PER_PAGE, entry))
		return false;
	*entry += id % PER_PAGE * ITS_ENTRY_SIZE;
	return true;
}

/* ---- saving ---- */

static int save_events(struct vgic_its *its, const struct its_device *device)
{
	unsigned long first = its_key(device->id, 0), last = its_key(device->id + 1, 0) - 1;
	struct its_event *event, *next;
	unsigned long key = first, next_key;
	u64 entry;
	int r = 0;

	event = xa_find(&its->events, &key, last, XA_PRESENT);
	for (; !r && event; event = next, key = next_key) {
		next_key = key;
		next = xa_find_after(&its->events, &next_key, last, XA_PRESENT);
		entry = FIELD_PREP(ITE_LPI, event->irq->intid) |
			FIELD_PREP(ITE_COLLECTION, event->collection);
		if (next)
			entry |= FIELD_PREP(ITE_NEXT, next_key - key);
		r = write_entry(its, device->itt + event->event * ITS_ENTRY_SIZE, entry);
		cond_resched();
	}
	return r;
}

/* The offset to the next one has an upper bound; from there the reader goes on by ones. */
static int save_device(struct vgic_its *its, const struct its_device *device)
{
	unsigned long next = device->id;
	u64 entry = ENTRY_VALID | FIELD_PREP(DTE_ITT, device->itt >> 8) |
		    FIELD_PREP(DTE_EVENT_BITS, device->event_bits - 1);
	gpa_t gpa;
	int r;

	if (xa_find_after(&its->devices, &next, BIT(ITS_ID_BITS) - 1, XA_PRESENT))
		entry |= FIELD_PREP(DTE_NEXT, min_t(u64, next - device->id,
						    FIELD_MAX(DTE_NEXT)));
	if (!its_table_entry(its, its->device_baser, device->id, &gpa))
		return -EINVAL;
	r = save_events(its, device);
	return r ?: write_entry(its, gpa, entry);
}

static int save_collections(struct vgic_its *its)
{
	gpa_t gpa = table_base(its->collection_baser);
	u64 room = table_size(its->collection_baser) / ITS_ENTRY_SIZE;
	struct vgic_cpu *cpu;
	unsigned long id;
	void *value;
	int r;

	xa_for_each(&its->collections, id, value) {
		cpu = its_collection_cpu(its, id);
		if (!room--)
			return -EINVAL;
		r = write_entry(its, gpa, ENTRY_VALID | FIELD_PREP(CTE_ID, id) |
				FIELD_PREP(CTE_TARGET, cpu ? vgic_vcpu(cpu)->core.id :
						       FIELD_MAX(CTE_TARGET) & U32_MAX));
		if (r)
			return r;
		gpa += ITS_ENTRY_SIZE;
	}
	/* The first that is not valid ends the list. */
	return room ? write_entry(its, gpa, 0) : 0;
}

int its_save(struct vgic_its *its)
{
	struct its_device *device;
	unsigned long i;
	int r = 0;

	lockdep_assert_held(&its_vgic(its)->lpi_lock);
	if (its->device_baser & GITS_BASER_VALID) {
		xa_for_each(&its->devices, i, device) {
			r = save_device(its, device);
			if (r)
				return r;
		}
	}
	if (its->collection_baser & GITS_BASER_VALID)
		r = save_collections(its);
	return r;
}

/* ---- restoring ---- */

static int restore_events(struct vgic_its *its, struct its_device *device)
{
	u32 id, next, nr = BIT(device->event_bits);
	u64 entry, lpi;
	int r;

	for (id = 0; id < nr; id += next) {
		cond_resched();
		r = read_entry(its, device->itt + (u64)id * ITS_ENTRY_SIZE, &entry);
		if (r)
			return r;
		next = 1;
		lpi = FIELD_GET(ITE_LPI, entry);
		if (!lpi)
			continue;
		next = FIELD_GET(ITE_NEXT, entry);
		if (lpi < VGIC_FIRST_LPI || lpi >> VGIC_LPI_ID_BITS || next >= nr - id ||
		    !xa_load(&its->collections, FIELD_GET(ITE_COLLECTION, entry)))
			return -EINVAL;
		r = its_map_event(its, device, id, lpi, FIELD_GET(ITE_COLLECTION, entry));
		if (r || !next)
			return r;
	}
	return 0;
}

static int restore_device(struct vgic_its *its, u32 id, u64 entry)
{
	unsigned int event_bits = FIELD_GET(DTE_EVENT_BITS, entry) + 1;
	int r;

	if (event_bits > ITS_ID_BITS)
		return -EINVAL;
	r = its_map_device(its, id, event_bits, FIELD_GET(DTE_ITT, entry) << 8);
	return r ?: restore_events(its, xa_load(&its->devices, id));
}

/* One page of the table: until its end, or the last device.  1 then. */
static int restore_page(struct vgic_its *its, u32 page, gpa_t gpa)
{
	u32 i, next;
	u64 entry;
	int r;

	for (i = 0; i < PER_PAGE; i += next) {
		cond_resched();
		r = read_entry(its, gpa + i * ITS_ENTRY_SIZE, &entry);
		if (r)
			return r;
		next = 1;
		if (!(entry & ENTRY_VALID))
			continue;
		r = restore_device(its, page * PER_PAGE + i, entry);
		if (r)
			return r;
		next = FIELD_GET(DTE_NEXT, entry);
		if (!next)
			return 1;
	}
	return 0;
}

static int restore_devices(struct vgic_its *its)
{
	gpa_t gpa;
	u32 page;
	int r = 0;

	for (page = 0; !r && page < nr_pages(its->device_baser); page++)
		if (table_page(its, its->device_baser, page, &gpa))
			r = restore_page(its, page, gpa);
	return min(r, 0);
}

static int restore_collections(struct vgic_its *its)
{
	gpa_t gpa = table_base(its->collection_baser);
	u64 room = table_size(its->collection_baser) / ITS_ENTRY_SIZE;
	struct berth_vcpu *vcpu;
	u64 entry, target;
	int r;

	for (; room; room--, gpa += ITS_ENTRY_SIZE) {
		r = read_entry(its, gpa, &entry);
		if (r)
			return r;
		if (!(entry & ENTRY_VALID))
			return 0;
		if (xa_load(&its->collections, FIELD_GET(CTE_ID, entry)))
			return -EEXIST;
		/* One that was named by an event, and at no vCPU. */
		target = FIELD_GET(CTE_TARGET, entry);
		vcpu = target < ARM_MAX_VCPUS ? berth_vcpu_by_id(&its->vm->vm, target) : NULL;
		if (!vcpu && target != (FIELD_MAX(CTE_TARGET) & U32_MAX))
			return -EINVAL;
		r = its_map_collection(its, FIELD_GET(CTE_ID, entry),
				       vcpu ? &to_arm(vcpu)->vgic : NULL);
		if (r)
			return r;
	}
	return 0;
}

int its_restore(struct vgic_its *its)
{
	int r = 0;

	lockdep_assert_held(&its_vgic(its)->lpi_lock);
	if (its->collection_baser & GITS_BASER_VALID)
		r = restore_collections(its);
	if (!r && its->device_baser & GITS_BASER_VALID)
		r = restore_devices(its);
	if (!r)
		return 0;
	/* All or nothing. */
	its_forget_devices(its);
	its_forget_collections(its);
	return r;
}
