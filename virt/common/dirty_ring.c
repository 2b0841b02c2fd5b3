// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty ring: the other form of the dirty log.  A vCPU pushes what it writes; user
 * space collects, marks entries for reset, and KVM_RESET_DIRTY_RINGS protects their
 * pages again.
 */
#include <berth/backend.h>
#include <linux/log2.h>
#include <linux/vmalloc.h>

int berth_dirty_ring_cap(struct berth_vm *vm)
{
	return berth_backend.data.dirty_ring_page ?
	       BERTH_RING_MAX_ENTRIES * sizeof(struct kvm_dirty_gfn) : 0;
}

/* args[0] is the size of each ring in bytes. */
int berth_dirty_ring_enable(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	u64 bytes = args->args[0];
	int r = 0;

	if (!berth_dirty_ring_cap(vm) || bytes != (u32)bytes || !is_power_of_2(bytes) ||
	    bytes < PAGE_SIZE || bytes < BERTH_RING_RESERVED * sizeof(struct kvm_dirty_gfn))
		return -EINVAL;
	if (bytes > BERTH_RING_MAX_ENTRIES * sizeof(struct kvm_dirty_gfn))
		return -E2BIG;
	mutex_lock(&vm->lock);
	if (vm->dirty_ring_size || vm->created_vcpus)
		r = -EINVAL;
	else
		vm->dirty_ring_size = bytes / sizeof(struct kvm_dirty_gfn);
	mutex_unlock(&vm->lock);
	return r;
}

int berth_dirty_ring_alloc(struct berth_vcpu *vcpu)
{
	struct berth_dirty_ring *ring = &vcpu->dirty_ring;

	ring->size = vcpu->vm->dirty_ring_size;
	if (!ring->size)
		return 0;
	ring->entries = __vmalloc(array_size(ring->size, sizeof(*ring->entries)),
				  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return ring->entries ? 0 : -ENOMEM;
}

void berth_dirty_ring_free(struct berth_vcpu *vcpu)
{
	vfree(vcpu->dirty_ring.entries);
}

struct page *berth_dirty_ring_page(struct berth_vcpu *vcpu, unsigned long index)
{
	struct berth_dirty_ring *ring = &vcpu->dirty_ring;

	if (index >= array_size(ring->size, sizeof(*ring->entries)) / PAGE_SIZE)
		return NULL;
	return vmalloc_to_page((void *)ring->entries + index * PAGE_SIZE);
}

/* Entries that have not come back.  Never more than there are. */
static u32 used(const struct berth_dirty_ring *ring)
{
	return READ_ONCE(ring->pushed) - READ_ONCE(ring->reset);
}

static bool soft_full(const struct berth_dirty_ring *ring)
{
	return used(ring) >= ring->size - BERTH_RING_RESERVED;
}

void berth_dirty_ring_push(struct berth_vcpu *vcpu, u16 id, u64 offset)
{
	struct berth_dirty_ring *ring = &vcpu->dirty_ring;
	struct kvm_dirty_gfn *entry = &ring->entries[ring->pushed & (ring->size - 1)];

	/* Only a program that never looks at it while its ioctls write gets here. */
	if (used(ring) == ring->size)
		return;
	WRITE_ONCE(entry->slot, id);
	WRITE_ONCE(entry->offset, offset);
	/* Pairs with user space's acquire: a dirty entry is a whole one. */
	smp_store_release(&entry->flags, KVM_DIRTY_GFN_F_DIRTY);
	WRITE_ONCE(ring->pushed, ring->pushed + 1);
	if (soft_full(ring))
		berth_vcpu_request(vcpu, BERTH_REQ_RING_FULL);
}

bool berth_dirty_ring_exit(struct berth_vcpu *vcpu)
{
	if (!test_bit(BERTH_REQ_RING_FULL, &vcpu->requests))
		return false;
	if (!soft_full(&vcpu->dirty_ring)) {
		berth_vcpu_take_request(vcpu, BERTH_REQ_RING_FULL);
		return false;
	}
	vcpu->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
	return true;
}

/* ---- reset ---- */

/* Pages to protect that lie side by side. */
struct run {
	gfn_t start, end;
	bool flush;
};

static void protect(struct berth_vm *vm, struct run *run)
{
	if (run->start < run->end)
		run->flush |= berth_s2_wrprotect(vm, run->start, run->end);
	run->start = run->end = 0;
}

/* What user space handed back: it may name anything by now. */
static void add(struct berth_vm *vm, struct run *run, u32 id, u64 offset)
{
	struct berth_slot *slot = id < BERTH_USER_SLOTS ? berth_slot_by_id(vm, id) : NULL;
	gfn_t gfn;

	if (!slot || !slot_logged(slot) || offset >= slot->npages)
		return;
	gfn = slot->base_gfn + offset;
	if (run->start == run->end || gfn != run->end) {
		protect(vm, run);
		run->start = gfn;
	}
	run->end = gfn + 1;
}

static int reset(struct berth_vm *vm, struct berth_dirty_ring *ring, struct run *run)
{
	int count = 0;

	while (READ_ONCE(ring->pushed) != ring->reset) {
		struct kvm_dirty_gfn *entry = &ring->entries[ring->reset & (ring->size - 1)];
		u64 offset;
		u32 id;

		/* Pairs with user space's release: it is done with the entry. */
		if (!(smp_load_acquire(&entry->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		id = READ_ONCE(entry->slot);
		offset = READ_ONCE(entry->offset);
		WRITE_ONCE(entry->flags, 0);
		add(vm, run, id, offset);
		/* The entry is empty before the vCPU may use it again. */
		smp_store_release(&ring->reset, ring->reset + 1);
		if (++count % 256 == 0)
			cond_resched_rwlock_write(&vm->s2.lock);
	}
	return count;
}

int berth_dirty_rings_reset(struct berth_vm *vm)
{
	struct run run = { };
	struct berth_vcpu *vcpu;
	unsigned int i;
	int count = 0;

	if (!vm->dirty_ring_size)
		return -EINVAL;
	write_lock(&vm->s2.lock);
	berth_for_each_vcpu(i, vcpu, vm)
		count += reset(vm, &vcpu->dirty_ring, &run);
	protect(vm, &run);
	if (run.flush)
		berth_backend.s2_flush(vm, 0, vm->s2.max_gfn);
	write_unlock(&vm->s2.lock);
	return count;
}
