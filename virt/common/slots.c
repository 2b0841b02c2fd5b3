// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: KVM_SET_USER_MEMORY_REGION(2) and the lookups.  What a slot is
 * and how readers see the set: include/berth/slots.h.
 */
#include <berth/backend.h>
#include <linux/slab.h>

static struct berth_slot_set *slots_locked(struct berth_vm *vm)
{
	return srcu_dereference_check(vm->slots, &vm->srcu, lockdep_is_held(&vm->slots_lock));
}

/* Index of the first slot that ends above @gfn. */
static unsigned int first_above(const struct berth_slot_set *set, gfn_t gfn)
{
	unsigned int lo = 0, hi = set->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;
		const struct berth_slot *slot = set->by_gfn[mid];

		if (slot->base_gfn + slot->npages > gfn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

struct berth_slot *berth_slot_find(struct berth_vm *vm, gfn_t gfn, unsigned int *hint)
{
	struct berth_slot_set *set = slots_locked(vm);
	unsigned int i = hint ? READ_ONCE(*hint) : 0;

	if (i < set->nr && slot_contains(set->by_gfn[i], gfn))
		return set->by_gfn[i];
	i = first_above(set, gfn);
	if (i == set->nr || !slot_contains(set->by_gfn[i], gfn))
		return NULL;
	if (hint)
		WRITE_ONCE(*hint, i);
	return set->by_gfn[i];
}

u64 berth_slots_generation(struct berth_vm *vm)
{
	u64 generation;
	int idx = srcu_read_lock(&vm->srcu);

	generation = slots_locked(vm)->generation;
	srcu_read_unlock(&vm->srcu, idx);
	return generation;
}

struct berth_slot *berth_slot_by_id(struct berth_vm *vm, u32 id)
{
	lockdep_assert_held(&vm->slots_lock);
	return xa_load(&vm->slots_by_id, id);
}

static void set_append(struct berth_slot_set *to, const struct berth_slot_set *from,
		       unsigned int first, unsigned int end)
{
	memcpy(&to->by_gfn[to->nr], &from->by_gfn[first], (end - first) * sizeof(*to->by_gfn));
	to->nr += end - first;
}

/* The present set without @old and with @new (either may be NULL); NULL: no memory. */
static struct berth_slot_set *set_build(struct berth_vm *vm, struct berth_slot *old,
					struct berth_slot *new)
{
	struct berth_slot_set *from = slots_locked(vm), *to;
	unsigned int at;

	to = kvmalloc(struct_size(to, by_gfn, from->nr + 1), GFP_KERNEL_ACCOUNT);
	if (!to)
		return NULL;
	to->generation = from->generation + 1;
	to->nr = 0;
	at = old ? first_above(from, old->base_gfn) : from->nr;
	set_append(to, from, 0, at);
	if (old)
		set_append(to, from, at + 1, from->nr);
	if (new) {
		at = first_above(to, new->base_gfn);
		memmove(&to->by_gfn[at + 1], &to->by_gfn[at],
			(to->nr - at) * sizeof(*to->by_gfn));
		to->by_gfn[at] = new;
		to->nr++;
	}
	return to;
}

/*
 * Make @set the VM's, and come back when nobody looks at the old one any more.  (Not
 * freed by call_srcu(): an ordinary grace period under way would make the next,
 * expedited one wait for its ticks.)
 */
static void set_publish(struct berth_vm *vm, struct berth_slot_set *set)
{
	struct berth_slot_set *old = slots_locked(vm);

	rcu_assign_pointer(vm->slots, set);
	synchronize_srcu_expedited(&vm->srcu);
	kvfree(old);
}

static void slot_hva_insert(struct berth_vm *vm, struct berth_slot *slot)
{
	slot->hva_node.start = slot->hva;
	slot->hva_node.last = slot->hva + (slot->npages << PAGE_SHIFT) - 1;
	write_lock(&vm->s2.lock);
	interval_tree_insert(&slot->hva_node, &vm->slots_by_hva);
	write_unlock(&vm->s2.lock);
}

static void slot_hva_remove(struct berth_vm *vm, struct berth_slot *slot)
{
	write_lock(&vm->s2.lock);
	interval_tree_remove(&slot->hva_node, &vm->slots_by_hva);
	write_unlock(&vm->s2.lock);
}

/* The bitmap is kept twice: the second half is KVM_GET_DIRTY_LOG's snapshot. */
static int slot_alloc_dirty(struct berth_vm *vm, struct berth_slot *slot)
{
	/* With rings the vCPUs keep the log. */
	if (vm->dirty_ring_size)
		return 0;
	slot->dirty = kvcalloc(2, berth_dirty_bytes(slot->npages), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return -ENOMEM;
	if (vm->manual_dirty_protect & KVM_DIRTY_LOG_INITIALLY_SET)
		bitmap_set(slot->dirty, 0, slot->npages);
	return 0;
}

static bool overlaps(struct berth_vm *vm, const struct berth_slot *new, u16 but_id)
{
	struct berth_slot_set *set = slots_locked(vm);
	unsigned int i = first_above(set, new->base_gfn);

	for (; i < set->nr && set->by_gfn[i]->base_gfn < new->base_gfn + new->npages; i++)
		if (set->by_gfn[i]->id != but_id)
			return true;
	return false;
}

static int slot_delete(struct berth_vm *vm, struct berth_slot *old)
{
	struct berth_slot_set *set = set_build(vm, old, NULL);

	if (!set)
		return -ENOMEM;
	/* Then faults that saw the slot have mapped what they will; all of it goes. */
	set_publish(vm, set);
	xa_erase(&vm->slots_by_id, old->id);
	vm->slot_pages -= old->npages;
	berth_s2_zap(vm, old->base_gfn, old->base_gfn + old->npages);
	slot_hva_remove(vm, old);
	kvfree(old->dirty);
	kfree(old);
	return 0;
}

static int slot_create(struct berth_vm *vm, struct berth_slot *new)
{
	struct berth_slot_set *set;
	int r;

	if ((new->flags & KVM_MEM_LOG_DIRTY_PAGES) && slot_alloc_dirty(vm, new))
		return -ENOMEM;
	set = set_build(vm, NULL, new);
	r = set ? xa_err(xa_store(&vm->slots_by_id, new->id, new, GFP_KERNEL_ACCOUNT)) : -ENOMEM;
	if (r) {
		kvfree(set);
		kvfree(new->dirty);
		return r;
	}
	vm->slot_pages += new->npages;
	slot_hva_insert(vm, new);
	set_publish(vm, set);
	return 0;
}

/* Are all pages of a newly logged slot dirty, so that none needs protection yet? */
static bool initially_set(struct berth_vm *vm)
{
	return (vm->manual_dirty_protect & KVM_DIRTY_LOG_INITIALLY_SET) && !vm->dirty_ring_size;
}

/* Pages protected between two chances to reschedule. */
#define PROTECT_TURN	32768

/* No page of @slot stays writable.  What faults make so meanwhile is in its log. */
static void slot_protect(struct berth_vm *vm, const struct berth_slot *slot)
{
	gfn_t gfn = slot->base_gfn, end = gfn + slot->npages, to;
	bool flush = false;

	for (; gfn < end; gfn = to) {
		to = min(gfn + PROTECT_TURN, end);
		write_lock(&vm->s2.lock);
		flush |= berth_s2_wrprotect(vm, gfn, to);
		if (flush && to == end)
			berth_backend.s2_flush(vm, slot->base_gfn, end);
		write_unlock(&vm->s2.lock);
		cond_resched();
	}
}

/* After @new took @old's place in the set: bring the mappings in line. */
static void slot_settle(struct berth_vm *vm, struct berth_slot *old, struct berth_slot *new)
{
	if (new->base_gfn != old->base_gfn || (slot_logged(old) && !slot_logged(new))) {
		/* Moved; or no longer logged: large leaves may come back. */
		berth_s2_zap(vm, old->base_gfn, old->base_gfn + old->npages);
	} else if (slot_logged(new) && !slot_logged(old) && !initially_set(vm)) {
		berth_s2_split(vm, new->base_gfn, new->base_gfn + new->npages);
		slot_protect(vm, new);
	}
}

static int slot_replace(struct berth_vm *vm, struct berth_slot *old, struct berth_slot *new)
{
	struct berth_slot_set *set;

	if (new->flags & KVM_MEM_LOG_DIRTY_PAGES) {
		new->dirty = old->dirty;
		if (!new->dirty && slot_alloc_dirty(vm, new))
			return -ENOMEM;
	}
	set = set_build(vm, old, new);
	if (!set) {
		if (new->dirty != old->dirty)
			kvfree(new->dirty);
		return -ENOMEM;
	}
	/* Replacing an entry needs no memory and cannot fail. */
	xa_store(&vm->slots_by_id, new->id, new, GFP_KERNEL);
	slot_hva_insert(vm, new);
	set_publish(vm, set);
	slot_settle(vm, old, new);
	slot_hva_remove(vm, old);
	if (old->dirty != new->dirty)
		kvfree(old->dirty);
	kfree(old);
	return 0;
}

/* What api.rst 4.35 and 4.140 ask of the arguments alone. */
static int region_check(const struct kvm_userspace_memory_region2 *mem)
{
	u64 bytes = mem->memory_size;

	if (mem->flags & ~(u32)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	if (mem->slot >= BERTH_USER_SLOTS)
		return -EINVAL;
	if ((bytes & ~PAGE_MASK) || bytes != (unsigned long)bytes ||
	    (mem->guest_phys_addr & ~PAGE_MASK))
		return -EINVAL;
	if ((mem->userspace_addr & ~PAGE_MASK) ||
	    mem->userspace_addr != (unsigned long)mem->userspace_addr ||
	    mem->userspace_addr != untagged_addr((unsigned long)mem->userspace_addr) ||
	    !access_ok((void __user *)(unsigned long)mem->userspace_addr, bytes))
		return -EINVAL;
	if (mem->guest_phys_addr + bytes < mem->guest_phys_addr ||
	    bytes >> PAGE_SHIFT > BERTH_MAX_SLOT_PAGES)
		return -EINVAL;
	return 0;
}

int berth_slot_set_region(struct berth_vm *vm, const struct kvm_userspace_memory_region2 *mem)
{
	struct berth_slot *old, *new;
	int r = region_check(mem);

	lockdep_assert_held(&vm->slots_lock);
	if (r)
		return r;
	old = berth_slot_by_id(vm, mem->slot);
	if (!mem->memory_size)
		return old ? slot_delete(vm, old) : -EINVAL;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->base_gfn = gpa_to_gfn(mem->guest_phys_addr);
	new->npages = mem->memory_size >> PAGE_SHIFT;
	new->hva = mem->userspace_addr;
	new->flags = mem->flags;
	new->id = mem->slot;

	r = -EINVAL;
	if (old) {
		if (new->hva != old->hva || new->npages != old->npages ||
		    ((new->flags ^ old->flags) & KVM_MEM_READONLY))
			goto fail;
		r = 0;
		if (new->base_gfn == old->base_gfn && new->flags == old->flags)
			goto fail;
	} else if (vm->slot_pages + new->npages < vm->slot_pages) {
		goto fail;
	}
	r = -EEXIST;
	if ((!old || new->base_gfn != old->base_gfn) && overlaps(vm, new, new->id))
		goto fail;
	r = berth_backend.slot_check(vm, new);
	if (r)
		goto fail;
	r = old ? slot_replace(vm, old, new) : slot_create(vm, new);
	if (!r)
		return 0;
fail:
	kfree(new);
	return r;
}

int berth_slots_init(struct berth_vm *vm)
{
	struct berth_slot_set *set = kvzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return -ENOMEM;
	xa_init(&vm->slots_by_id);
	vm->slots_by_hva = RB_ROOT_CACHED;
	RCU_INIT_POINTER(vm->slots, set);
	return 0;
}

void berth_slots_destroy(struct berth_vm *vm)
{
	struct berth_slot_set *set = rcu_dereference_protected(vm->slots, true);
	unsigned int i;

	if (!set)
		return;
	for (i = 0; i < set->nr; i++) {
		kvfree(set->by_gfn[i]->dirty);
		kfree(set->by_gfn[i]);
	}
	xa_destroy(&vm->slots_by_id);
	kvfree(set);
	RCU_INIT_POINTER(vm->slots, NULL);
}
