/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual CPU as the core sees it.  A backend embeds struct berth_vcpu as the
 * first member of its own.
 */
#ifndef BERTH_VCPU_H
#define BERTH_VCPU_H

#include <berth/dirty_ring.h>
#include <berth/stats.h>
#include <berth/types.h>
#include <berth/vm.h>
#include <linux/mmdebug.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <linux/smp.h>

/*
 * Where a vCPU is.  A kick interrupts only a vCPU that is in the guest or
 * entering it; everyone else sees the request before the next entry.
 */
enum berth_vcpu_state {
	BERTH_VCPU_IDLE,	/* no thread runs it */
	BERTH_VCPU_LOADED,	/* in its thread, outside the guest */
	BERTH_VCPU_IN_GUEST,	/* in the guest, or past the last look at requests */
	BERTH_VCPU_EXITING,	/* in the guest, kicked, not out yet */
	BERTH_VCPU_BLOCKED,	/* its thread sleeps until it is runnable */
};

/* Which states may lead to @to.  Kernels with CONFIG_DEBUG_VM hold every change to it. */
static inline unsigned long berth_vcpu_states_before(enum berth_vcpu_state to)
{
	switch (to) {
	case BERTH_VCPU_LOADED:
		return ~BIT(BERTH_VCPU_LOADED);
	case BERTH_VCPU_EXITING:
		return BIT(BERTH_VCPU_IN_GUEST);
	default:
		return BIT(BERTH_VCPU_LOADED);
	}
}

#define berth_vcpu_check_state(vcpu, to) \
	VM_WARN_ON_ONCE(!(BIT(READ_ONCE((vcpu)->state)) & berth_vcpu_states_before(to)))

/* Requests: bits of berth_vcpu::requests, seen before the next entry. */
enum berth_request {
	BERTH_REQ_TLB_FLUSH,		/* the backend's: drop second-stage translations */
	BERTH_REQ_UNBLOCK,		/* look whether the vCPU is runnable */
	BERTH_REQ_DEAD,			/* the VM is dead: leave with -EIO */
	BERTH_REQ_KICK,			/* leave the guest, nothing else to do */
	BERTH_REQ_RING_FULL,		/* user space must collect the dirty ring */
	BERTH_REQ_ARCH = 8,		/* first of the backend's own */
};

struct berth_vcpu {
	struct berth_vm *vm;			/* [I] the fd holds a reference */
	unsigned int id;			/* [I] user space's number */
	unsigned int index;			/* [I] place in vm->vcpus */
	struct mutex mutex;			/* one ioctl at a time */
	struct kvm_run *run;			/* [I] pages user space may write any time */
	unsigned int cpu;			/* [a] where loaded or last loaded */
	enum berth_vcpu_state state;		/* [a] see berth_vcpu_kick() */
	unsigned long requests;			/* [a] */
	bool initialized;			/* [v] state ioctls allowed */
	bool sigset_active;			/* [v] */
	sigset_t sigset;			/* [v] KVM_SET_SIGNAL_MASK */
	struct preempt_notifier preempt;	/* [o] */
	struct rcuwait wait;			/* [a] */
	struct pid __rcu *pid;			/* [r][v] the thread that ran it last */
	bool no_poll;				/* [o] sleep at once: the guest polls itself */
	unsigned int poll_ns;			/* [o] current halt-polling window */
	unsigned int slot_hint;			/* [o] last slot hit */
	bool rcu_note;				/* [o] report a quiescent state at entry */
	struct s2_cache s2_cache;		/* [o] */
	struct berth_dirty_ring dirty_ring;
	u32 guest_debug;			/* [v] KVM_GUESTDBG_* */
	struct berth_vcpu_stats stats;		/* [o] */
	char stats_id[48];			/* [I] */
};

/* KVM_CREATE_VCPU: the fd, or -EINVAL (id, count), -EEXIST, -ENOMEM ...  May sleep. */
int berth_vcpu_create_fd(struct berth_vm *vm, unsigned long id);

/* Called once by the VM's destruction. */
void berth_vcpu_free(struct berth_vcpu *vcpu);

/**
 * berth_vcpu_load() - bind the vCPU to this thread and CPU; berth_vcpu_put() undoes it.
 *
 * Between the two the backend's load/put follow the thread across CPUs.
 * Context: vcpu->mutex held, preemption on.
 */
void berth_vcpu_load(struct berth_vcpu *vcpu);
void berth_vcpu_put(struct berth_vcpu *vcpu);

/**
 * berth_vcpu_kick() - have the vCPU look at its requests soon.
 *
 * Wakes it when blocked, interrupts it when in the guest.  Context: any, also
 * hard interrupt.
 */
void berth_vcpu_kick(struct berth_vcpu *vcpu);

/**
 * berth_vcpu_yield_to() - give this CPU to the thread of @vcpu, where it waits for one.
 *
 * Context: may sleep.
 */
void berth_vcpu_yield_to(struct berth_vcpu *vcpu);

/* Set a request; pairs with the barrier in berth_enter_guest(). */
static inline void berth_vcpu_request(struct berth_vcpu *vcpu, unsigned int request)
{
	set_bit(request, &vcpu->requests);
	smp_mb__after_atomic();
}

static inline bool berth_vcpu_take_request(struct berth_vcpu *vcpu, unsigned int request)
{
	if (likely(!test_bit(request, &vcpu->requests)))
		return false;
	clear_bit(request, &vcpu->requests);
	smp_mb__after_atomic();
	return true;
}

/**
 * berth_request_all() - make @request of every vCPU and wait until none that was in
 * the guest can still act on the state before.
 *
 * Returns whether an interrupt had to be sent.  Context: preemptible or under a
 * spinlock, interrupts on.
 */
bool berth_request_all(struct berth_vm *vm, unsigned int request);

/* What the vCPU code needs once per module. */
int berth_vcpu_module_init(void);
void berth_vcpu_module_exit(void);

/* KVM_RUN.  0 with kvm_run filled, or -EINTR and friends.  Context: vcpu->mutex held. */
int berth_vcpu_run(struct berth_vcpu *vcpu);

#endif
