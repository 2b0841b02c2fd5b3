/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dirty ring (api.rst 8.29): a vCPU's written pages in a ring that user space maps
 * and reads, instead of a bitmap per slot.  The entries are user-writable; the indices
 * are the kernel's alone.
 */
#ifndef BERTH_DIRTY_RING_H
#define BERTH_DIRTY_RING_H

#include <berth/types.h>

#define BERTH_RING_MAX_ENTRIES	65536
#define BERTH_RING_RESERVED	128	/* what one exit may push past the soft limit */

struct berth_dirty_ring {
	struct kvm_dirty_gfn *entries;	/* [I] user-writable; NULL: bitmaps are used */
	u32 size;			/* [I] a power of two */
	u32 pushed;			/* [v] how many ever; read by anyone */
	u32 reset;			/* [s] how many came back; read by anyone */
};

/* KVM_CAP_DIRTY_LOG_RING and _ACQ_REL: what may be asked for, and asking for it. */
int berth_dirty_ring_cap(struct berth_vm *vm);
int berth_dirty_ring_enable(struct berth_vm *vm, const struct kvm_enable_cap *args);

/* A vCPU's ring as its VM wants it.  0 or -ENOMEM.  Inverse: free. */
int berth_dirty_ring_alloc(struct berth_vcpu *vcpu);
void berth_dirty_ring_free(struct berth_vcpu *vcpu);

/* The page of the ring at @index of its mapping, or NULL. */
struct page *berth_dirty_ring_page(struct berth_vcpu *vcpu, unsigned long index);

/* @vcpu wrote frame @offset of slot @id.  Context: its thread. */
void berth_dirty_ring_push(struct berth_vcpu *vcpu, u16 id, u64 offset);

/* BERTH_REQ_RING_FULL: must user space collect before the guest goes on? */
bool berth_dirty_ring_exit(struct berth_vcpu *vcpu);

/* KVM_RESET_DIRTY_RINGS: how many entries came back; -EINVAL.  slots_lock held. */
int berth_dirty_rings_reset(struct berth_vm *vm);

#endif
