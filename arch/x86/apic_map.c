// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which local APICs a message is for (SDM 3A, 11.6.2).  A map, replaced as a whole and
 * read under RCU, finds them at once where ids are unique and all logical ids are of one
 * kind; for broadcasts and anything odd every vCPU is asked.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include "lapic.h"

#define NR_LOGICAL	64		/* 8 of the flat model; 16 clusters of 4 */

enum logical_kind {
	LOGICAL_NONE,			/* no APIC is enabled yet */
	LOGICAL_FLAT,
	LOGICAL_CLUSTER,
	LOGICAL_X2APIC,			/* follows from the id */
	LOGICAL_MIXED,
};

struct x86_apic_map {
	struct rcu_head rcu;
	unsigned int nr_vcpus;		/* when it was made: with more it is out of date */
	unsigned int nr_ids;
	bool ambiguous;			/* two APICs have one id */
	enum logical_kind kind;
	struct x86_lapic *logical[NR_LOGICAL];
	struct x86_lapic *by_id[];
};

/* ---- making it ---- */

static u32 highest_id(struct berth_vm *vm, unsigned int nr)
{
	u32 max = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct x86_vcpu *v = to_x86(xa_load(&vm->vcpus, i));

		max = max(max, v->core.id);
		if (!lapic_is_x2apic(v->lapic))
			max = max_t(u32, max, lapic_xapic_id(v->lapic));
	}
	return max;
}

static void add_id(struct x86_apic_map *map, struct x86_lapic *l, u32 id)
{
	if (map->by_id[id] && map->by_id[id] != l)
		map->ambiguous = true;
	map->by_id[id] = l;
}

static enum logical_kind kind_of(const struct x86_lapic *l)
{
	if (lapic_is_x2apic(l))
		return LOGICAL_X2APIC;
	return lapic_get(l, APIC_DFR) == APIC_DFR_FLAT ? LOGICAL_FLAT : LOGICAL_CLUSTER;
}

static void add_logical(struct x86_apic_map *map, struct x86_lapic *l)
{
	enum logical_kind kind = kind_of(l);
	u32 id = GET_APIC_LOGICAL_ID(lapic_get(l, APIC_LDR)), bits = id, first = 0;

	if (map->kind != LOGICAL_NONE && map->kind != kind)
		kind = LOGICAL_MIXED;
	map->kind = kind;
	if (kind != LOGICAL_FLAT && kind != LOGICAL_CLUSTER)
		return;
	if (kind == LOGICAL_CLUSTER) {
		bits = id & 0xf;
		first = (id >> 4) * 4;
	}
	if (!bits)
		return;
	first += __ffs(bits);
	if (hweight32(bits) > 1 || map->logical[first])
		map->kind = LOGICAL_MIXED;
	map->logical[first] = l;
}

static void fill(struct x86_apic_map *map, struct berth_vm *vm)
{
	unsigned int i;

	for (i = 0; i < map->nr_vcpus; i++) {
		struct x86_lapic *l = to_x86(xa_load(&vm->vcpus, i))->lapic;

		if (!lapic_hw_enabled(l))
			continue;
		if (!lapic_is_x2apic(l))
			add_id(map, l, lapic_xapic_id(l));
		/* A high id reaches an APIC that is yet to be switched to x2APIC mode. */
		if (lapic_is_x2apic(l) || l->v->core.id > 0xff)
			add_id(map, l, l->v->core.id);
		if (lapic_enabled(l))
			add_logical(map, l);
	}
}

/*
 * x86_apic_map_update() - an id, LDR, DFR, mode or enable bit changed, or a vCPU is new.
 *
 * Without memory there is no map, and every vCPU is asked.  Context: may sleep.
 */
void x86_apic_map_update(struct x86_vm *vm)
{
	struct x86_apic_map *map, *old;
	unsigned int nr, nr_ids;

	mutex_lock(&vm->apic_map_lock);
	nr = atomic_read_acquire(&vm->core.online_vcpus);
	/* Ids may change meanwhile; whoever changes one comes here next. */
	nr_ids = max(highest_id(&vm->core, nr), 0xffu) + 1;
	map = kvzalloc(struct_size(map, by_id, nr_ids), GFP_KERNEL_ACCOUNT);
	if (map) {
		map->nr_vcpus = nr;
		map->nr_ids = nr_ids;
		fill(map, &vm->core);
	}
	old = rcu_replace_pointer(vm->apic_map, map, lockdep_is_held(&vm->apic_map_lock));
	mutex_unlock(&vm->apic_map_lock);
	if (old)
		kvfree_rcu(old, rcu);
}

/* No vCPU is left.  Context: may sleep. */
void x86_apic_map_destroy(struct x86_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->apic_map, true));
	RCU_INIT_POINTER(vm->apic_map, NULL);
}

/* ---- whom a message is for ---- */

/*
 * Devices' messages have 8 bits of destination: 0xff is everyone also in x2APIC mode,
 * unless user space says that it gives all 32 (KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK).
 */
static bool is_broadcast(const struct x86_lapic *l, const struct x86_vcpu *source, u32 dest)
{
	if (!lapic_is_x2apic(l))
		return dest == LAPIC_XAPIC_BROADCAST;
	if (dest == LAPIC_XAPIC_BROADCAST && !source)
		return !to_x86_vm(l->v->core.vm)->x2apic_quirk_off;
	return dest == LAPIC_X2APIC_BROADCAST;
}

static bool matches_physical(const struct x86_lapic *l, u32 dest)
{
	u32 id = l->v->core.id;

	if (lapic_is_x2apic(l))
		return dest == id;
	return dest == lapic_xapic_id(l) || (id > 0xff && dest == id);
}

static bool matches_logical(const struct x86_lapic *l, u32 dest)
{
	u32 id = lapic_get(l, APIC_LDR);

	if (lapic_is_x2apic(l)) {
		id = lapic_x2apic_ldr(l->v->core.id);
		return id >> 16 == dest >> 16 && (id & dest & 0xffff);
	}
	id = GET_APIC_LOGICAL_ID(id);
	switch (lapic_get(l, APIC_DFR)) {
	case APIC_DFR_FLAT:
		return id & dest;
	case APIC_DFR_CLUSTER:
		return id >> 4 == dest >> 4 && (id & dest & 0xf);
	default:
		return false;
	}
}

static bool matches(const struct x86_lapic *l, const struct x86_vcpu *source,
		    const struct x86_irq_msg *msg)
{
	if (msg->shorthand)
		return msg->shorthand == X86_SHORTHAND_ALL || l->v != source;
	if (!lapic_hw_enabled(l))
		return false;
	if (is_broadcast(l, source, msg->dest))
		return true;
	return msg->logical ? matches_logical(l, msg->dest) : matches_physical(l, msg->dest);
}

/* Those a message is for, one after the other. */
struct targets {
	struct berth_vm *vm;
	const struct x86_vcpu *source;
	const struct x86_irq_msg *msg;
	struct x86_lapic *const *list;	/* NULL: all vCPUs, each of them asked */
	unsigned long mask;		/* of the list */
	unsigned int nr;
	unsigned int next;
};

/* True when the map tells; then the list is what @t is to go through. */
static bool targets_from_map(struct targets *t, const struct x86_apic_map *map)
{
	const struct x86_irq_msg *msg = t->msg;
	u32 dest = msg->dest, first;

	if (!map || map->ambiguous || map->nr_vcpus != t->nr || msg->shorthand ||
	    dest == LAPIC_XAPIC_BROADCAST || dest == LAPIC_X2APIC_BROADCAST)
		return false;
	if (!msg->logical) {
		t->mask = dest < map->nr_ids;
		t->list = &map->by_id[array_index_nospec(dest, map->nr_ids)];
		t->nr = 1;
		return true;
	}
	switch (map->kind) {
	case LOGICAL_FLAT:
		t->list = map->logical;
		t->mask = dest & 0xff;
		t->nr = dest > 0xff ? 0 : 8;
		return true;
	case LOGICAL_CLUSTER:
		t->list = &map->logical[(dest >> 4 & 0xf) * 4];
		t->mask = dest & 0xf;
		t->nr = dest > 0xff ? 0 : 4;
		return true;
	case LOGICAL_X2APIC:
		first = dest >> 16 << 4;
		t->list = &map->by_id[array_index_nospec(first, map->nr_ids)];
		t->mask = dest & 0xffff;
		t->nr = first < map->nr_ids ? min(16u, map->nr_ids - first) : 0;
		return true;
	default:
		return false;
	}
}

static struct x86_lapic *next_target(struct targets *t)
{
	while (t->next < t->nr) {
		unsigned int i = t->next++;
		struct x86_lapic *l;

		if (!t->list) {
			l = to_x86(xa_load(&t->vm->vcpus, i))->lapic;
			if (matches(l, t->source, t->msg))
				return l;
		} else if (t->mask >> i & 1) {
			l = t->list[i];
			if (l)
				return l;
		}
	}
	return NULL;
}

/* Any one of them; the vector chooses, so that interrupts spread and each has its home. */
static int send_lowest(struct targets *t)
{
	struct targets again = *t;
	struct x86_lapic *l;
	unsigned int n = 0;

	while ((l = next_target(t)))
		n += lapic_enabled(l);
	if (!n)
		return 0;
	n = t->msg->vector % n;
	while ((l = next_target(&again)))
		if (lapic_enabled(l) && !n--)
			return lapic_accept_msg(l, t->msg, t->source);
	return 0;
}

int x86_apic_send(struct x86_vm *vm, struct x86_vcpu *source, const struct x86_irq_msg *msg)
{
	struct targets t = { .vm = &vm->core, .source = source, .msg = msg };
	struct x86_lapic *l;
	int r = 0;

	if (msg->shorthand == X86_SHORTHAND_SELF)
		return lapic_accept_msg(source->lapic, msg, source);
	rcu_read_lock();
	t.nr = atomic_read_acquire(&vm->core.online_vcpus);
	targets_from_map(&t, rcu_dereference(vm->apic_map));
	if (msg->mode == X86_LOWEST || msg->redirect)
		r = send_lowest(&t);
	else
		while ((l = next_target(&t)))
			r += lapic_accept_msg(l, msg, source);
	rcu_read_unlock();
	return r;
}

/* ---- MSIs (SDM 3A, 11.11) ---- */

int x86_msi_check(struct x86_vm *vm, u32 address_hi)
{
	return READ_ONCE(vm->x2apic_format) && (address_hi & 0xff) ? -EINVAL : 0;
}

int x86_msi_send(struct x86_vm *vm, u32 address_lo, u32 address_hi, u32 data)
{
	struct x86_irq_msg msg = {
		.dest = address_lo >> 12 & 0xff,
		.vector = data,
		.mode = data >> 8 & 7,
		.logical = address_lo & BIT(2),
		.level = data & BIT(15),
		.assert = true,
		.redirect = address_lo & BIT(3),
	};

	if (x86_msi_check(vm, address_hi))
		return -EINVAL;
	if (vm->x2apic_format)
		msg.dest |= address_hi & 0xffffff00;
	return x86_apic_send(vm, NULL, &msg);
}
