// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of an ITS (IHI 0069, 5.3) and the mappings they make.  A command that makes
 * no sense is skipped, as one that cannot be read from the guest's memory.
 */
#include "its.h"
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/* Four doublewords each, little-endian. */
struct its_cmd {
	__le64 word[4];
};

static u64 bits(const struct its_cmd *cmd, unsigned int word, unsigned int high, unsigned int low)
{
	return (le64_to_cpu(cmd->word[word]) & GENMASK_ULL(high, low)) >> low;
}

#define CMD_DEVICE(c)		bits(c, 0, 63, 32)
#define CMD_EVENT(c)		bits(c, 1, 31, 0)
#define CMD_LPI(c)		bits(c, 1, 63, 32)
#define CMD_EVENT_BITS(c)	(bits(c, 1, 4, 0) + 1)
#define CMD_VALID(c)		bits(c, 2, 63, 63)
#define CMD_ITT(c)		(bits(c, 2, 51, 8) << 8)
#define CMD_COLLECTION(c)	bits(c, 2, 15, 0)
#define CMD_TARGET(c)		bits(c, 2, 51, 16)
#define CMD_TARGET2(c)		bits(c, 3, 51, 16)

/* ---- collections ---- */

struct vgic_cpu *its_collection_cpu(struct vgic_its *its, u32 id)
{
	void *entry = xa_load(&its->collections, id);
	struct berth_vcpu *vcpu;

	if (!entry || xa_to_value(entry) == ITS_NOWHERE)
		return NULL;
	vcpu = xa_load(&its->vm->vm.vcpus, xa_to_value(entry));
	return vcpu ? &to_arm(vcpu)->vgic : NULL;
}

/* Its events follow it. */
static void retarget(struct vgic_its *its, u32 id, struct vgic_cpu *cpu)
{
	struct its_event *event;
	unsigned long i;

	xa_for_each(&its->events, i, event) {
		if (event->collection == id)
			vgic_irq_set_target(event->irq, cpu, 0);
		cond_resched();
	}
}

int its_map_collection(struct vgic_its *its, u32 id, struct vgic_cpu *cpu)
{
	unsigned long index = cpu ? vgic_vcpu(cpu)->core.index : ITS_NOWHERE;
	void *old;

	old = xa_store(&its->collections, id, xa_mk_value(index), GFP_KERNEL_ACCOUNT);
	if (xa_is_err(old))
		return xa_err(old);
	if (old)
		retarget(its, id, cpu);
	return 0;
}

void its_forget_collections(struct vgic_its *its)
{
	struct its_event *event;
	unsigned long i;

	xa_for_each(&its->events, i, event) {
		vgic_irq_set_target(event->irq, NULL, 0);
		cond_resched();
	}
	xa_destroy(&its->collections);
}

/* ---- events ---- */

int its_map_event(struct vgic_its *its, struct its_device *device, u32 event, u32 lpi,
		  u32 collection)
{
	unsigned long key = its_key(device->id, event);
	struct its_event *new;
	int r = -ENOMEM;

	/* A second mapping has no effect; the guest has to discard the first (5.3.12). */
	if (xa_load(&its->events, key))
		return 0;
	if (its->nr_events == ITS_MAX_EVENTS)
		return -EINVAL;
	if (!xa_load(&its->collections, collection)) {
		r = its_map_collection(its, collection, NULL);
		if (r)
			return r;
	}
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->event = event;
	new->collection = collection;
	new->irq = vgic_lpi_map(its_vgic(its), lpi, its_collection_cpu(its, collection));
	if (!new->irq)
		goto free;
	r = xa_err(xa_store(&its->events, key, new, GFP_KERNEL_ACCOUNT));
	if (r)
		goto unmap;
	its->nr_events++;
	return 0;
unmap:
	vgic_lpi_unmap(its_vgic(its), new->irq);
free:
	kfree(new);
	return r;
}

static void unmap_event(struct vgic_its *its, unsigned long key, struct its_event *event)
{
	xa_erase(&its->events, key);
	its->nr_events--;
	vgic_lpi_unmap(its_vgic(its), event->irq);
	kfree_rcu(event, rcu);
}

static struct its_event *find_event(struct vgic_its *its, const struct its_cmd *cmd,
				    unsigned long *key)
{
	u64 device = CMD_DEVICE(cmd), event = CMD_EVENT(cmd);

	if (device >> ITS_ID_BITS || event >> ITS_ID_BITS)
		return NULL;
	*key = its_key(device, event);
	return xa_load(&its->events, *key);
}

/* ---- devices ---- */

int its_map_device(struct vgic_its *its, u32 id, unsigned int event_bits, gpa_t itt)
{
	struct its_device *new, *old = xa_load(&its->devices, id);
	int r;

	/* A new table is empty. */
	if (old)
		its_unmap_device(its, old);
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->id = id;
	new->event_bits = event_bits;
	new->itt = itt;
	r = xa_err(xa_store(&its->devices, id, new, GFP_KERNEL_ACCOUNT));
	if (r)
		kfree(new);
	return r;
}

void its_unmap_device(struct vgic_its *its, struct its_device *device)
{
	unsigned long first = its_key(device->id, 0), last = its_key(device->id + 1, 0) - 1, key;
	struct its_event *event;

	xa_for_each_range(&its->events, key, event, first, last) {
		unmap_event(its, key, event);
		cond_resched();
	}
	xa_erase(&its->devices, device->id);
	kfree(device);
}

void its_forget_devices(struct vgic_its *its)
{
	struct its_device *device;
	unsigned long i;

	xa_for_each(&its->devices, i, device)
		its_unmap_device(its, device);
}

/* ---- commands, in the order of 5.3 ---- */

static void cmd_clear(struct vgic_its *its, const struct its_cmd *cmd)
{
	unsigned long key;
	struct its_event *event = find_event(its, cmd, &key);

	if (event)
		vgic_lpi_clear(event->irq);
}

static void cmd_discard(struct vgic_its *its, const struct its_cmd *cmd)
{
	unsigned long key;
	struct its_event *event = find_event(its, cmd, &key);
	struct its_device *device = xa_load(&its->devices, CMD_DEVICE(cmd));

	if (!event || !device)
		return;
	its_clear_entry(its, device->itt + (u64)event->event * ITS_ENTRY_SIZE);
	unmap_event(its, key, event);
}

static void cmd_int(struct vgic_its *its, const struct its_cmd *cmd)
{
	unsigned long key;
	struct its_event *event = find_event(its, cmd, &key);
	struct vgic_cpu *cpu;

	if (!event)
		return;
	cpu = its_collection_cpu(its, event->collection);
	if (cpu && READ_ONCE(cpu->lpis_enabled))
		vgic_irq_pulse(event->irq);
}

static void cmd_inv(struct vgic_its *its, const struct its_cmd *cmd)
{
	unsigned long key;
	struct its_event *event = find_event(its, cmd, &key);

	if (event)
		vgic_lpi_configure(its_vgic(its), event->irq);
}

static void cmd_invall(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct vgic_cpu *cpu = its_collection_cpu(its, CMD_COLLECTION(cmd));

	if (cpu)
		vgic_lpi_configure_all(its_vgic(its), cpu);
}

static void cmd_mapc(struct vgic_its *its, const struct its_cmd *cmd)
{
	u32 id = CMD_COLLECTION(cmd);
	struct berth_vcpu *vcpu;
	gpa_t entry;

	if (!CMD_VALID(cmd)) {
		retarget(its, id, NULL);
		xa_erase(&its->collections, id);
		return;
	}
	/* The target is a redistributor's Processor_Number: GITS_TYPER.PTA is 0. */
	if (CMD_TARGET(cmd) >= ARM_MAX_VCPUS ||
	    !its_table_entry(its, its->collection_baser, id, &entry))
		return;
	vcpu = berth_vcpu_by_id(&its->vm->vm, CMD_TARGET(cmd));
	if (vcpu)
		its_map_collection(its, id, &to_arm(vcpu)->vgic);
}

static void cmd_mapd(struct vgic_its *its, const struct its_cmd *cmd)
{
	u64 id = CMD_DEVICE(cmd);
	struct its_device *device;
	gpa_t entry;

	if (id >> ITS_ID_BITS)
		return;
	if (CMD_VALID(cmd)) {
		if (CMD_EVENT_BITS(cmd) <= ITS_ID_BITS &&
		    its_table_entry(its, its->device_baser, id, &entry))
			its_map_device(its, id, CMD_EVENT_BITS(cmd), CMD_ITT(cmd));
		return;
	}
	device = xa_load(&its->devices, id);
	if (!device)
		return;
	if (its_table_entry(its, its->device_baser, id, &entry))
		its_clear_entry(its, entry);
	its_unmap_device(its, device);
}

/* MAPI maps an event to the LPI of the same number. */
static void map_event(struct vgic_its *its, const struct its_cmd *cmd, u64 lpi)
{
	u64 id = CMD_DEVICE(cmd), event = CMD_EVENT(cmd);
	struct its_device *device = xa_load(&its->devices, id);
	gpa_t entry;

	if (!device || event >> device->event_bits || lpi < VGIC_FIRST_LPI ||
	    lpi >> VGIC_LPI_ID_BITS ||
	    !its_table_entry(its, its->collection_baser, CMD_COLLECTION(cmd), &entry))
		return;
	its_map_event(its, device, event, lpi, CMD_COLLECTION(cmd));
}

static void cmd_mapi(struct vgic_its *its, const struct its_cmd *cmd)
{
	map_event(its, cmd, CMD_EVENT(cmd));
}

static void cmd_mapti(struct vgic_its *its, const struct its_cmd *cmd)
{
	map_event(its, cmd, CMD_LPI(cmd));
}

static void cmd_movall(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct berth_vm *vm = &its->vm->vm;
	struct berth_vcpu *from, *to;

	if (CMD_TARGET(cmd) >= ARM_MAX_VCPUS || CMD_TARGET2(cmd) >= ARM_MAX_VCPUS)
		return;
	from = berth_vcpu_by_id(vm, CMD_TARGET(cmd));
	to = berth_vcpu_by_id(vm, CMD_TARGET2(cmd));
	if (from && to && from != to)
		vgic_lpi_move_all(its_vgic(its), &to_arm(from)->vgic, &to_arm(to)->vgic);
}

static void cmd_movi(struct vgic_its *its, const struct its_cmd *cmd)
{
	unsigned long key;
	struct its_event *event = find_event(its, cmd, &key);
	struct vgic_cpu *cpu = its_collection_cpu(its, CMD_COLLECTION(cmd));

	if (!event || !cpu || !its_collection_cpu(its, event->collection))
		return;
	event->collection = CMD_COLLECTION(cmd);
	vgic_irq_set_target(event->irq, cpu, 0);
}

/* All commands are done when the next begins. */
static void cmd_sync(struct vgic_its *its, const struct its_cmd *cmd)
{
}

static void (*const commands[])(struct vgic_its *its, const struct its_cmd *cmd) = {
	[GITS_CMD_MOVI] = cmd_movi,
	[GITS_CMD_INT] = cmd_int,
	[GITS_CMD_CLEAR] = cmd_clear,
	[GITS_CMD_SYNC] = cmd_sync,
	[GITS_CMD_MAPD] = cmd_mapd,
	[GITS_CMD_MAPC] = cmd_mapc,
	[GITS_CMD_MAPTI] = cmd_mapti,
	[GITS_CMD_MAPI] = cmd_mapi,
	[GITS_CMD_INV] = cmd_inv,
	[GITS_CMD_INVALL] = cmd_invall,
	[GITS_CMD_MOVALL] = cmd_movall,
	[GITS_CMD_DISCARD] = cmd_discard,
};

u32 its_queue_size(const struct vgic_its *its)
{
	return ((its->cbaser & 0xff) + 1) * SZ_4K;
}

void its_commands(struct vgic_its *its)
{
	gpa_t base = GITS_CBASER_ADDRESS(its->cbaser);
	u32 size = its_queue_size(its);
	struct its_cmd cmd;
	u32 number;

	lockdep_assert_held(&its_vgic(its)->lpi_lock);
	/* A queue may take long to do; nobody waits for it when the program is killed. */
	while (its->enabled && its->creadr != its->cwriter && !fatal_signal_pending(current)) {
		if (!berth_read_guest(&its->vm->vm, base + its->creadr, &cmd, sizeof(cmd))) {
			number = bits(&cmd, 0, 7, 0);
			if (number < ARRAY_SIZE(commands) && commands[number])
				commands[array_index_nospec(number, ARRAY_SIZE(commands))](its, &cmd);
		}
		its->creadr += sizeof(cmd);
		if (its->creadr == size)
			its->creadr = 0;
		cond_resched();
	}
}
