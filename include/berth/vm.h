/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine as the core sees it.  A backend embeds struct berth_vm as
 * the first member of its own.
 *
 * Lock legend of every shared struct in include/berth:
 *   [I] immutable once visible    [a] atomic             [v] vcpu->mutex
 *   [l] vm->lock                  [s] vm->slots_lock     [m] vm->s2.lock
 *   [q] vm->irq_lock
 *   [r] SRCU or RCU read side, replaced under the lock named second
 *   [o] the vCPU's own thread only
 * Lock order: vm->lock, vcpu->mutex, vm->slots_lock, vm->irq_lock, vm->s2.lock.
 */
#ifndef BERTH_VM_H
#define BERTH_VM_H

#include <berth/bus.h>
#include <berth/irq.h>
#include <berth/s2.h>
#include <berth/slots.h>
#include <berth/stats.h>
#include <berth/types.h>
#include <linux/kref.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

struct berth_vm {
	struct kref refs;			/* [a] one per open VM, vCPU, device fd */
	struct mm_struct *mm;			/* [I] mmgrab()ed */
	struct mutex lock;			/* vCPU and device creation, VM-wide state */
	bool dead;				/* [a] set once: every ioctl is -EIO */

	struct xarray vcpus;			/* [l] index -> vcpu, read under RCU */
	unsigned int created_vcpus;		/* [l] counts those being built, too */
	atomic_t online_vcpus;			/* [a] all indices below are valid */
	unsigned int max_vcpu_id;		/* [l] */

	struct mutex slots_lock;
	struct srcu_struct srcu;		/* slots and buses */
	struct berth_slot_set __rcu *slots;	/* [r][s] */
	struct xarray slots_by_id;		/* [s] */
	u64 slot_pages;				/* [s] */
	u32 manual_dirty_protect;		/* [s] args of the capability */
	u32 dirty_ring_size;			/* [l] entries of each vCPU's; 0: bitmaps */

	struct berth_s2 s2;			/* second stage, its own lock inside */
	struct rb_root_cached slots_by_hva;	/* [m] interval tree for the notifier */
	struct mmu_notifier notifier;		/* [I] */

	struct berth_bus __rcu *bus[BERTH_NR_BUSES];	/* [r][s] */
	struct list_head ioeventfds;		/* [s] */
	struct list_head coalesced_zones;	/* [s] */
	struct kvm_coalesced_mmio_ring *ring;	/* [I] its page is user-writable */
	spinlock_t ring_lock;			/* the ring's kernel-side index */

	struct mutex irq_lock;			/* what interrupts come in by */
	struct srcu_struct irq_srcu;		/* readers in any context */
	struct berth_routes __rcu *routes;	/* [r][q] */
	struct hlist_head irq_acks;		/* [r][q] */
	struct list_head resamplers;		/* [q] */
	spinlock_t irqfds_lock;			/* taken with interrupts off */
	struct list_head irqfds;		/* irqfds_lock */

	struct list_head devices;		/* [l] */
	unsigned int halt_poll_ns;		/* [a] upper bound of polling */
	struct berth_vm_stats stats;		/* [a] relaxed */
	char stats_id[48];			/* [I] */
};

/**
 * berth_vm_get() - take a reference; berth_vm_put() drops it.
 *
 * The last put destroys the VM.  Context: get: any; put: may sleep.
 */
void berth_vm_get(struct berth_vm *vm);
void berth_vm_put(struct berth_vm *vm);

/**
 * berth_vm_kill() - make the VM refuse all further work with -EIO.
 *
 * For inconsistencies that must not go on.  Context: any.
 */
void berth_vm_kill(struct berth_vm *vm);

/* KVM_CREATE_VM: a new VM's fd, or -EINVAL (type), -ENOMEM, -EMFILE ... May sleep. */
int berth_vm_create_fd(unsigned long type);

/* All vCPUs created so far, in creation order.  Safe without locks. */
#define berth_for_each_vcpu(i, vcpu, vm)						\
	for ((i) = 0; (i) < (unsigned int)atomic_read_acquire(&(vm)->online_vcpus) &&	\
		      ((vcpu) = xa_load(&(vm)->vcpus, (i))); (i)++)

/* The vCPU with that id, or NULL.  Context: any. */
struct berth_vcpu *berth_vcpu_by_id(struct berth_vm *vm, unsigned int id);

#endif
