/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory slots: which guest frames are which user addresses.
 *
 * A slot is immutable but for its dirty bitmap's bits.  All slots of a VM are one
 * array sorted by guest frame, replaced as a whole under slots_lock and read
 * under SRCU: readers never wait and look up by binary search.  The way from user
 * address to slot (for MMU notifiers) is an interval tree under the second
 * stage's lock.
 */
#ifndef BERTH_SLOTS_H
#define BERTH_SLOTS_H

#include <berth/compat.h>
#include <berth/types.h>
#include <linux/interval_tree.h>

#define BERTH_USER_SLOTS	32764		/* as KVM_CAP_NR_MEMSLOTS says on x86 */
#define BERTH_MAX_SLOT_PAGES	((1UL << 31) - 1)

struct berth_slot {
	struct interval_tree_node hva_node;	/* [m] inclusive user address range */
	gfn_t base_gfn;				/* [I] */
	u64 npages;				/* [I] */
	unsigned long hva;			/* [I] */
	u32 flags;				/* [I] KVM_MEM_* */
	u16 id;					/* [I] */
	unsigned long *dirty;			/* [I] pointer; bits [a], in little-endian order as
						 * user space reads them; NULL unless logging here */
};

struct berth_slot_set {
	u64 generation;				/* [I] */
	unsigned int nr;			/* [I] */
	struct berth_slot *by_gfn[];		/* [I] ascending, disjoint */
};

static inline bool slot_contains(const struct berth_slot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

static inline unsigned long slot_hva(const struct berth_slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

static inline bool slot_readonly(const struct berth_slot *slot)
{
	return slot->flags & KVM_MEM_READONLY;
}

/**
 * berth_slot_find() - the slot that holds @gfn, or NULL.
 * @hint: index of the last hit, updated; NULL for none
 *
 * Context: inside srcu_read_lock(&vm->srcu) or with slots_lock held; the slot is
 * valid as long as that lasts.
 */
struct berth_slot *berth_slot_find(struct berth_vm *vm, gfn_t gfn, unsigned int *hint);

static inline bool slot_logged(const struct berth_slot *slot)
{
	return slot->flags & KVM_MEM_LOG_DIRTY_PAGES;
}

/**
 * berth_slot_mark_dirty() - note in the log, bitmap or ring, that @vcpu wrote @gfn.
 *
 * Nothing happens when the slot is not logged.  Context: as berth_slot_find(), the
 * vCPU's thread.
 */
void berth_slot_mark_dirty(struct berth_vcpu *vcpu, struct berth_slot *slot, gfn_t gfn);

/* The slots' generation: changes whenever a cached translation may be stale. */
u64 berth_slots_generation(struct berth_vm *vm);

/**
 * berth_slot_set_region() - KVM_SET_USER_MEMORY_REGION(2).
 *
 * Errors as api.rst 4.35: -EINVAL, -EEXIST (overlap), -ENOMEM; on error nothing
 * has changed.  Context: may sleep, slots_lock held.
 */
int berth_slot_set_region(struct berth_vm *vm, const struct kvm_userspace_memory_region2 *mem);

/* The slot with that id, or NULL.  Context: slots_lock held. */
struct berth_slot *berth_slot_by_id(struct berth_vm *vm, u32 id);

int berth_slots_init(struct berth_vm *vm);
void berth_slots_destroy(struct berth_vm *vm);

/* KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG.  May sleep, slots_lock held. */
int berth_dirty_log_get(struct berth_vm *vm, const struct kvm_dirty_log *log);
int berth_dirty_log_clear(struct berth_vm *vm, const struct kvm_clear_dirty_log *log);

/* Bytes of one dirty bitmap of @npages, as user space sees it. */
static inline size_t berth_dirty_bytes(u64 npages)
{
	return ALIGN(npages, BITS_PER_LONG) / 8;
}

/**
 * berth_read_guest() - copy from guest memory; berth_write_guest() copies to it.
 *
 * The range may cross pages and slots.  0, or -EFAULT (no slot, read-only slot,
 * user page gone); a failed write may have written the part before.  Writes are the
 * vCPU's, in whose log they stand.
 * Context: may sleep (user access), in the VM owner's mm; write: the vCPU's thread.
 */
int berth_read_guest(struct berth_vm *vm, gpa_t gpa, void *data, size_t len);
int berth_write_guest(struct berth_vcpu *vcpu, gpa_t gpa, const void *data, size_t len);

/**
 * berth_write_guest_nofault() - the same where nobody may sleep, inside a page.
 *
 * -EFAULT also when the owner's page is not there at the moment.
 * Context: the vCPU's thread in the owner's mm, also from the scheduler.
 */
int berth_write_guest_nofault(struct berth_vcpu *vcpu, gpa_t gpa, const void *data, size_t len);

/**
 * berth_guest_hva() - the user address behind @gpa for access within its page.
 * @write: for writing: a read-only slot does not count
 *
 * 0 when there is none.  Who writes there calls berth_mark_guest_dirty() after it:
 * marking before would let a log reader take the bit and miss the write.
 * Context: both inside srcu_read_lock(&vm->srcu).
 */
unsigned long berth_guest_hva(struct berth_vm *vm, gpa_t gpa, bool write);
void berth_mark_guest_dirty(struct berth_vcpu *vcpu, gpa_t gpa);

#endif
