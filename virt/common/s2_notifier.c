// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-stage engine's ear: what the host's memory management does to the
 * owner's address space is done to the guest's mappings, so that guest memory swaps,
 * merges, migrates and ages as any other.
 */
#include <berth/backend.h>

static struct berth_vm *notifier_vm(struct mmu_notifier *mn)
{
	return container_of(mn, struct berth_vm, notifier);
}

/*
 * Apply @op to the frames behind user addresses [@start, @end) in every slot, and
 * flush once if it says so.  Returns whether any did.
 */
static bool for_user_range(struct berth_vm *vm, unsigned long start, unsigned long end,
			   bool (*op)(struct berth_vm *vm, gfn_t start, gfn_t end), bool flush)
{
	struct interval_tree_node *node;
	bool any = false;

	lockdep_assert_held_write(&vm->s2.lock);
	for (node = interval_tree_iter_first(&vm->slots_by_hva, start, end - 1); node;
	     node = interval_tree_iter_next(node, start, end - 1)) {
		struct berth_slot *slot = container_of(node, struct berth_slot, hva_node);
		unsigned long from = max(start, slot->hva);
		unsigned long to = min(end, slot->hva + (slot->npages << PAGE_SHIFT));
		gfn_t first = slot->base_gfn + ((from - slot->hva) >> PAGE_SHIFT);
		gfn_t last = slot->base_gfn + ((to - slot->hva + PAGE_SIZE - 1) >> PAGE_SHIFT);

		if (op(vm, first, last)) {
			any = true;
			if (flush)
				berth_backend.s2_flush(vm, first, last);
		}
	}
	return any;
}

static bool op_age(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	return berth_s2_age(vm, start, end, true);
}

static bool op_test_young(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	return berth_s2_age(vm, start, end, false);
}

static int invalidate_range_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct berth_vm *vm = notifier_vm(mn);
	struct berth_s2 *s2 = &vm->s2;

	write_lock(&s2->lock);
	if (!s2->invalidate_count++) {
		s2->invalidate_start = range->start;
		s2->invalidate_end = range->end;
	} else {
		s2->invalidate_start = min(s2->invalidate_start, range->start);
		s2->invalidate_end = max(s2->invalidate_end, range->end);
	}
	if (for_user_range(vm, range->start, range->end, berth_s2_unmap, true))
		vm->stats.s2_unmapped++;
	write_unlock(&s2->lock);
	return 0;
}

static void invalidate_range_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct berth_s2 *s2 = &notifier_vm(mn)->s2;

	/*
	 * A fault that read the old sequence compares it under the lock and starts over;
	 * one that reads the new sequence also sees the new page tables.
	 */
	write_lock(&s2->lock);
	WRITE_ONCE(s2->invalidate_seq, s2->invalidate_seq + 1);
	s2->invalidate_count--;
	write_unlock(&s2->lock);
}

static int clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start,
			     unsigned long end)
{
	struct berth_vm *vm = notifier_vm(mn);
	bool young;

	write_lock(&vm->s2.lock);
	young = for_user_range(vm, start, end, op_age, true);
	write_unlock(&vm->s2.lock);
	return young;
}

/* Without a flush: a translation cached meanwhile only makes the page look older. */
static int clear_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	struct berth_vm *vm = notifier_vm(mn);
	bool young;

	write_lock(&vm->s2.lock);
	young = for_user_range(vm, start, end, op_age, false);
	write_unlock(&vm->s2.lock);
	return young;
}

static int test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	struct berth_vm *vm = notifier_vm(mn);
	bool young;

	write_lock(&vm->s2.lock);
	young = for_user_range(vm, address, address + 1, op_test_young, false);
	write_unlock(&vm->s2.lock);
	return young;
}

/* The address space ends: nothing of it may stay reachable, vCPUs or not. */
static void release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct berth_vm *vm = notifier_vm(mn);

	berth_s2_zap(vm, 0, vm->s2.max_gfn);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start	= invalidate_range_start,
	.invalidate_range_end	= invalidate_range_end,
	.clear_flush_young	= clear_flush_young,
	.clear_young		= clear_young,
	.test_young		= test_young,
	.release		= release,
};

int berth_notifier_register(struct berth_vm *vm)
{
	vm->notifier.ops = &notifier_ops;
	return mmu_notifier_register(&vm->notifier, vm->mm);
}

void berth_notifier_unregister(struct berth_vm *vm)
{
	mmu_notifier_unregister(&vm->notifier, vm->mm);
}
