// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG (api.rst 4.8, 4.117).
 * Bits are set by faults and the kernel's own writes; taking them out takes the
 * write permission away again.
 *
 * A fault sets a page's bit under s2.lock together with the permission, so taking
 * both away under the write lock loses no write.
 */
#include <berth/backend.h>
#include <linux/uaccess.h>

/* Bitmap words handled between two chances to give the lock away. */
#define WORDS_PER_TURN	512

static struct berth_slot *logged_slot(struct berth_vm *vm, u32 id, int *r)
{
	struct berth_slot *slot;

	/* The rings have the log. */
	*r = -ENXIO;
	if (vm->dirty_ring_size)
		return NULL;
	*r = -EINVAL;
	if (id >= BERTH_USER_SLOTS)
		return NULL;
	*r = -ENOENT;
	slot = berth_slot_by_id(vm, id);
	if (!slot || !slot->dirty)
		return NULL;
	*r = 0;
	return slot;
}

/* Write protect the pages of @mask, as the bitmap has it, in bitmap word @word. */
static bool protect_word(struct berth_vm *vm, struct berth_slot *slot, unsigned long word,
			 unsigned long mask)
{
	gfn_t base = slot->base_gfn + word * BITS_PER_LONG;

	mask = le64_to_cpu((__force __le64)mask);
	return berth_s2_wrprotect(vm, base + __ffs(mask), base + __fls(mask) + 1);
}

/*
 * For @words words from @first: take the bits of @take (NULL: all) out of the log and
 * protect their pages; the bits taken go to @out when there is one.
 */
static void dirty_take(struct berth_vm *vm, struct berth_slot *slot, unsigned long first,
		       unsigned long words, const unsigned long *take, unsigned long *out)
{
	unsigned long i, mask;
	bool flush = false;

	write_lock(&vm->s2.lock);
	for (i = 0; i < words; i++) {
		unsigned long *word = &slot->dirty[first + i];

		if (i && i % WORDS_PER_TURN == 0)
			cond_resched_rwlock_write(&vm->s2.lock);
		if (!take && !READ_ONCE(*word))
			continue;
		if (take)
			mask = take[i] ? atomic_long_fetch_andnot(take[i], (atomic_long_t *)word) &
					 take[i] : 0;
		else
			mask = xchg(word, 0);
		if (out)
			out[i] = mask;
		if (mask)
			flush |= protect_word(vm, slot, first + i, mask);
	}
	if (flush)
		berth_backend.s2_flush(vm, slot->base_gfn, slot->base_gfn + slot->npages);
	write_unlock(&vm->s2.lock);
}

int berth_dirty_log_get(struct berth_vm *vm, const struct kvm_dirty_log *log)
{
	unsigned long *snapshot;
	struct berth_slot *slot;
	size_t bytes;
	int r;

	slot = logged_slot(vm, log->slot, &r);
	if (!slot)
		return r;
	bytes = berth_dirty_bytes(slot->npages);
	snapshot = slot->dirty;
	if (!vm->manual_dirty_protect) {
		snapshot = slot->dirty + bytes / sizeof(long);
		memset(snapshot, 0, bytes);
		dirty_take(vm, slot, 0, bytes / sizeof(long), NULL, snapshot);
	}
	return copy_to_user(log->dirty_bitmap, snapshot, bytes) ? -EFAULT : 0;
}

int berth_dirty_log_clear(struct berth_vm *vm, const struct kvm_clear_dirty_log *log)
{
	unsigned long *take, words;
	struct berth_slot *slot;
	u64 first = log->first_page, num = log->num_pages;
	size_t bytes;
	int r;

	if (!vm->dirty_ring_size && (log->slot >= BERTH_USER_SLOTS || (first & 63)))
		return -EINVAL;
	slot = logged_slot(vm, log->slot, &r);
	if (!slot)
		return r;
	if (first > slot->npages || num > slot->npages - first ||
	    (num < slot->npages - first && (num & 63)))
		return -EINVAL;

	bytes = berth_dirty_bytes(num);
	words = bytes / sizeof(long);
	take = slot->dirty + berth_dirty_bytes(slot->npages) / sizeof(long);
	if (copy_from_user(take, log->dirty_bitmap, bytes))
		return -EFAULT;
	if (num % BITS_PER_LONG)
		take[words - 1] &= (__force unsigned long)cpu_to_le64(BITMAP_LAST_WORD_MASK(num));
	berth_s2_split(vm, slot->base_gfn + first, slot->base_gfn + first + num);
	dirty_take(vm, slot, first / BITS_PER_LONG, words, take, NULL);
	return 0;
}
