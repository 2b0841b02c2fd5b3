/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract: all that an architecture supplies, once.
 *
 * A backend writes one function per row of BERTH_CALLBACKS, named by its prefix
 * (x86_vm_init), declares them by BERTH_DECLARE_BACKEND(x86) and binds them by
 * BERTH_DEFINE_BACKEND(x86, ...).  A missing function or another prototype does not
 * compile.  No entry may be NULL.
 * docs/porting.md says how each architecture meets each row.
 */
#ifndef BERTH_BACKEND_H
#define BERTH_BACKEND_H

#include <berth/device.h>
#include <berth/ioctl.h>
#include <berth/irq.h>
#include <berth/run.h>
#include <berth/s2.h>
#include <berth/slots.h>
#include <berth/vcpu.h>
#include <berth/vm.h>

/*
 * The machine.
 *
 * setup: may this machine run guests?  Called once at load, may sleep, changes
 *	nothing that unsetup does not undo.  0, -EOPNOTSUPP (no extension) or -EBUSY
 *	(someone else owns it); on error *why is a sentence for the log.
 * unsetup: undo setup.  All CPUs are disabled, no VM exists.
 * cpu_enable: turn the extension on for this CPU.  Preemption off; 0 or -errno,
 *	-EBUSY when someone else has it.  Also called when a CPU comes online and
 *	after resume.
 * cpu_disable: undo cpu_enable; the CPU is as it was before.  Preemption off, or
 *	interrupts off on the way into suspend or reboot.
 *
 * The VM.
 *
 * vm_init: the VM's part, with @type as KVM_CREATE_VM gave it: -EINVAL for an
 *	unknown one.  Sets vm->s2 up by berth_s2_init().  May sleep; nothing else sees
 *	the VM yet.  Inverse: vm_destroy, which runs after all vCPUs are gone and
 *	frees the second stage by berth_s2_destroy().
 * slot_check: may this slot be?  For limits of the architecture alone (address
 *	width, alignment).  0, or the errno of its ABI.  slots_lock held.
 *
 * The vCPU.
 *
 * vcpu_check: before a vCPU is built: -EINVAL for an id the architecture cannot
 *	have.  vm->lock held.
 * vcpu_init: the backend's part of a vCPU, in its reset state.  May sleep.
 *	vcpu->initialized is set here unless user space must choose a model first.
 *	Inverse: vcpu_destroy, never while loaded.
 * vcpu_load: this thread on this CPU now owns the vCPU.  Preemption off, possibly
 *	from the scheduler (no sleeping, run-queue lock not held).  Inverse: vcpu_put,
 *	where from the scheduler the run-queue lock is held and interrupts are off: no
 *	timer is started there and nobody woken.
 * run_begin: KVM_RUN starts, loaded: take what user space put into kvm_run and
 *	finish the exit it answered.  BERTH_RUN_AGAIN to go on, BERTH_RUN_USER when
 *	another exit is due at once, or -errno.  Inverse: run_end, which fills the
 *	fields of kvm_run that hold for every exit.
 * vcpu_run: enter the guest and handle its exits until the core is needed: one of
 *	enum berth_run except AGAIN, or -errno.  Preemption on at call and return.
 *	The turn is: serve own requests, interrupts off, berth_enter_guest(), world
 *	switch, berth_leave_guest(), interrupts on, handle.
 * vcpu_runnable: has the blocked vCPU a reason to run?  Called from its own
 *	thread, interrupts on, may be called while not loaded.  After false, its state
 *	being BLOCKED, a kick comes when that changes: a timer of the host's for each
 *	of the guest's that is on and was not due, though it may be by now.
 * vcpu_kick: the vCPU is in the guest or past its last look at requests, and an
 *	interrupt to its CPU follows.  Where the guest is entered with interrupts on,
 *	and that interrupt may come before the entry, the entry must not take place.
 *	Any context, any number of times.
 * vcpu_dump: print guest and control state to the log, at most some forty lines;
 *	the core limits the rate.  Loaded.
 *
 * The second stage.
 *
 * s2_flush: no vCPU of the VM uses a translation of [@start, @end) from before the
 *	call once it returns.  The backend may flush more.  s2.lock held for
 *	writing, no sleeping, interrupts on.
 * s2_prepare: ordinary memory is about to be mapped (@gained has S2_R), or to become
 *	executable (S2_X): caches between the host's view and the guest's are made one.
 *	s2.lock held, no sleeping.  The tables down to @gfn's entry are there.
 */
#define BERTH_CALLBACKS(X, p)								\
	X(p, int, setup, (const char **why))						\
	X(p, void, unsetup, (void))							\
	X(p, int, cpu_enable, (void))							\
	X(p, void, cpu_disable, (void))							\
	X(p, int, vm_init, (struct berth_vm *vm, unsigned long type))			\
	X(p, void, vm_destroy, (struct berth_vm *vm))					\
	X(p, int, slot_check, (struct berth_vm *vm, const struct berth_slot *slot))	\
	X(p, int, vcpu_check, (struct berth_vm *vm, unsigned int id))			\
	X(p, int, vcpu_init, (struct berth_vcpu *vcpu))					\
	X(p, void, vcpu_destroy, (struct berth_vcpu *vcpu))				\
	X(p, void, vcpu_load, (struct berth_vcpu *vcpu, unsigned int cpu))			\
	X(p, void, vcpu_put, (struct berth_vcpu *vcpu))					\
	X(p, int, run_begin, (struct berth_vcpu *vcpu))					\
	X(p, int, vcpu_run, (struct berth_vcpu *vcpu))					\
	X(p, void, run_end, (struct berth_vcpu *vcpu))					\
	X(p, bool, vcpu_runnable, (struct berth_vcpu *vcpu))				\
	X(p, void, vcpu_kick, (struct berth_vcpu *vcpu))					\
	X(p, void, vcpu_dump, (struct berth_vcpu *vcpu))					\
	X(p, void, s2_flush, (struct berth_vm *vm, gfn_t start, gfn_t end))		\
	X(p, void, s2_prepare, (struct berth_vm *vm, gfn_t gfn, phys_addr_t pa, size_t size,	\
				u32 gained))

/* Plain data of a backend; every member is set. */
struct berth_backend_data {
	const char *name;
	size_t vm_size;			/* of the struct that begins with struct berth_vm */
	size_t vcpu_size;
	unsigned int max_vcpus;		/* KVM_CAP_MAX_VCPUS */
	unsigned int max_vcpu_ids;	/* KVM_CAP_MAX_VCPU_ID */
	unsigned int run_pages;		/* pages of a vCPU's mmap(), kvm_run first */
	unsigned int ring_page;		/* the one of them with the coalesced ring; 0: none */
	unsigned int dirty_ring_page;	/* where the dirty ring begins; 0: none */
	const struct berth_ioctl *ioctls;
	unsigned int nr_ioctls;
	const struct berth_cap *caps;
	unsigned int nr_caps;
	const struct berth_device_type *const *device_types;
	unsigned int nr_device_types;
	const struct berth_irq_ops *irq;	/* interrupt controllers in the kernel; NULL: none */
	int unknown_vm_ioctl;		/* what an unknown ioctl of a VM's fd returns in its ABI */
	int unknown_vcpu_ioctl;		/* and of a vCPU's */
	const char *let_go;		/* how the kernel's own KVM leaves /dev/kvm, for the log */
};

#define BERTH_MEMBER(p, ret, name, args)	ret (*name) args;
#define BERTH_PROTOTYPE(p, ret, name, args)	ret p##_##name args;
#define BERTH_BINDING(p, ret, name, args)	.name = p##_##name,

struct berth_backend {
	struct berth_backend_data data;
	BERTH_CALLBACKS(BERTH_MEMBER, none)
};

/* The one backend of this module. */
extern const struct berth_backend berth_backend;

/* In a backend's header: the prototypes of its callbacks. */
#define BERTH_DECLARE_BACKEND(prefix)	BERTH_CALLBACKS(BERTH_PROTOTYPE, prefix)

/* In one of its files, once: the backend itself. */
#define BERTH_DEFINE_BACKEND(prefix, ...)						\
	const struct berth_backend berth_backend = {					\
		.data = { __VA_ARGS__ },						\
		BERTH_CALLBACKS(BERTH_BINDING, prefix)					\
	}

#endif
