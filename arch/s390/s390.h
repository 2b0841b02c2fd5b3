/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the s390 backend share: the VM, the vCPU, and what the parts call of each
 * other.  The guest runs by SIE in the thread of its vCPU, with host interrupts on.
 */
#ifndef BERTH_S390_S390_H
#define BERTH_S390_S390_H

#include <berth/backend.h>
#include <asm/lowcore.h>
#include <asm/timex.h>
#include "cpumodel.h"
#include "dat_format.h"
#include "host.h"
#include "irq.h"
#include "sie.h"

#define SIE_MAX_VCPUS		248	/* the ABI's limit */

/* The backend's requests. */
#define SIE_REQ_IRQ		BERTH_REQ_ARCH		/* look at what is pending */
#define SIE_REQ_TOD		(BERTH_REQ_ARCH + 1)	/* the VM's clock was set */

/* What KVM_ENABLE_CAP has turned on for a VM: exits that user space asked for. */
enum sie_user {
	SIE_USER_CPU_STATE,	/* it decides which vCPUs are stopped */
	SIE_USER_SIGP,
	SIE_USER_STSI,
	SIE_USER_INSTR0,
	SIE_USER_CSS,
	SIE_USER_IRQCHIP,
};

/*
 * The guest's tables are walked by the kernel while none of its vCPUs invalidates an entry of them:
 * SIE gives IPTE and its like back to us while the lock bit in the system control area is on.
 */
struct sie_interlock {
	u64 *control;			/* [I] in the page of the system control area */
	struct mutex lock;
	unsigned int holders;		/* [lock], read by anyone */
	wait_queue_head_t free;
};

struct sie_vm {
	struct berth_vm vm;
	struct sie_space space;
	void *fac_page;			/* [I] what SIE reads: the facilities, below 2 GiB */
	struct sie_model model;		/* [l] */
	u64 mem_limit;			/* [l] first address past what there may be */
	u64 epoch;			/* [a] of every vCPU, but for those that user space set apart */
	unsigned long user;		/* [a] bits of enum sie_user */
	bool skeys;			/* [a] the guest has used a storage key */
	struct sie_floating floating;
	struct sie_interlock interlock;
};

struct sie_point;

/* Guest debugging. */
struct sie_debug {
	struct sie_point *points;	/* [v] and so on */
	unsigned int nr_points;
	bool pending;			/* user space is to hear of @type at @address */
	u8 type;
	u64 address;
	u64 last;			/* the breakpoint that was reported last */
	u64 cr0, cr9[3];		/* the guest's own while it is in SIE */
};

struct sie_vcpu {
	struct berth_vcpu core;
	struct sie_block *block;	/* [v] a page of its own */
	/* From run_begin to run_end; before and after they are in kvm_run. [o] */
	u64 gprs[16];
	u32 acrs[16], host_acrs[16];
	u64 fprs[16];
	u32 fpc;
	struct sie_fpu fpu;
	u32 prefix;			/* [v] */
	bool prefix_mapped;		/* [a] its pages were there for stores at the last look */
	u64 pft, pfs, pfc;		/* [v] pseudo-page-fault token, select mask, compare mask */
	u64 diag318;			/* [v] what the guest said that it is */
	struct sie_local local;
	struct hrtimer timer;		/* [o] the blocked guest's clock comparator or CPU timer */
	u64 wait_since;			/* [o] TOD clock when the guest began to wait; 0: it does not */
	struct sie_refused {
		u64 exit, psw, address;
		unsigned int times;
	} refused;			/* [o] the last store that was, for no reason that is seen */
	bool running;			/* [o] between run_begin and run_end */
	struct sie_debug debug;
};

static inline struct sie_vm *to_sie_vm(struct berth_vm *vm)
{
	return container_of(vm, struct sie_vm, vm);
}

static inline struct sie_vcpu *to_sie(struct berth_vcpu *vcpu)
{
	return container_of(vcpu, struct sie_vcpu, core);
}

static inline struct sie_vm *sie_vm_of(const struct sie_vcpu *v)
{
	return to_sie_vm(v->core.vm);
}

static inline bool sie_user(const struct sie_vm *vm, enum sie_user what)
{
	return test_bit(what, &vm->user);
}

static inline bool sie_stepping(const struct sie_vcpu *v)
{
	return v->core.guest_debug & KVM_GUESTDBG_SINGLESTEP;
}

static inline bool sie_stopped(const struct sie_vcpu *v)
{
	return atomic_read(&v->block->cpuflags) & SIE_STOPPED;
}

static inline void sie_set_prefix(struct sie_vcpu *v, u32 prefix)
{
	v->prefix = prefix & 0x7fffe000;
	WRITE_ONCE(v->prefix_mapped, false);
	v->block->prefix = (v->block->prefix & ~0x7fffe000) | v->prefix;
}

/* The vCPU's thread: what was set for all is the vCPU's. */
static inline void sie_update_tod(struct sie_vcpu *v)
{
	if (berth_vcpu_take_request(&v->core, SIE_REQ_TOD))
		v->block->epoch = READ_ONCE(sie_vm_of(v)->epoch);
}

/* What the guest's TOD clock shows. */
static inline u64 sie_guest_tod(const struct sie_vcpu *v)
{
	return get_tod_clock_fast() + v->block->epoch;
}

static inline void sie_set_cc(struct sie_vcpu *v, unsigned int cc)
{
	v->block->gpsw.mask = (v->block->gpsw.mask & ~PSW_MASK_CC) | (u64)cc << 44;
}

/* Bits of an address that count in the guest's addressing mode. */
static inline u64 sie_address_mask(const struct sie_vcpu *v)
{
	u64 mask = v->block->gpsw.mask;

	return mask & PSW_MASK_EA ? ~0ULL : mask & PSW_MASK_BA ? 0x7fffffff : 0xffffff;
}

/* Somebody who is no vCPU wrote @gpa.  Inside srcu_read_lock(&vm->srcu). */
static inline void sie_mark_dirty(struct sie_vm *vm, gpa_t gpa)
{
	struct berth_slot *slot = berth_slot_find(&vm->vm, gpa_to_gfn(gpa), NULL);

	if (slot && slot->dirty)
		set_bit_le(gpa_to_gfn(gpa) - slot->base_gfn, slot->dirty);
}

/* s2.c: the second stage. */
void sie_s2_setup(void);
const struct s2_format *sie_s2_format(void);
u64 sie_s2_asce(const struct berth_s2 *s2);
/* A host page that the guest did not find, or find writable.  enum berth_run or -errno. */
int sie_s2_host_fault(struct sie_vcpu *v, struct sie_host_fault fault);
/* A page of the guest's storage is there.  0 or -errno. */
int sie_s2_bring(struct sie_vcpu *v, gpa_t gpa, bool write);
/* The prefix area is there for stores, as SIE wants it; so is the next instruction.  0 or -errno. */
int sie_s2_ready(struct sie_vcpu *v);
/*
 * A store to @gpa was refused.  0: not by its entry; 1: the entry permits it now, the access is to
 * be repeated; or -errno, -EFAULT where user space lets nobody write.
 */
int sie_s2_unprotect(struct sie_vcpu *v, gpa_t gpa);
/* From now on the guest has storage keys. */
void sie_s2_enable_skeys(struct sie_vm *vm);
/* The PGSTE of a page that is mapped, or was, and its entry; NULL: no table.  s2.lock held. */
u64 *sie_s2_pte(struct berth_s2 *s2, gfn_t gfn);
/* The page's storage key is that of the frame which its entry maps.  s2.lock held. */
bool sie_s2_keyed(const u64 *entry);

/* state.c: resets, registers in and out. */
void sie_reset_normal(struct sie_vcpu *v);
void sie_reset_initial(struct sie_vcpu *v);
void sie_reset_clear(struct sie_vcpu *v);
void sie_sync_in(struct sie_vcpu *v);
void sie_sync_out(struct sie_vcpu *v);
/* While it runs: what is in the CPU is in @v and kvm_run as well. */
void sie_snapshot(struct sie_vcpu *v);
void sie_start(struct sie_vcpu *v);
void sie_stop(struct sie_vcpu *v);
/* Store status at absolute 0x1200 + @gpa...; nobody runs it.  0 or -EFAULT. */
int sie_store_status(struct sie_vcpu *v, struct berth_vcpu *writer, unsigned long gpa);
/* It has stopped, and KVM_S390_STOP_FLAG_* tells what else is to be done.  As above. */
int sie_stop_done(struct sie_vcpu *v, struct berth_vcpu *writer, u32 flags);

long sie_ioctl_get_regs(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_regs(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_get_sregs(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_sregs(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_get_fpu(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_fpu(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_get_one_reg(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_one_reg(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_get_mp_state(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_mp_state(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_initial_psw(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_store_status(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_normal_reset(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_initial_reset(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_clear_reset(struct berth_vcpu *b, void *data, unsigned long arg);

/*
 * exits.c: enum berth_run or -errno; SIE_TO_USER: the intercept goes to user space as it is.
 */
#define SIE_TO_USER	(-EOPNOTSUPP)
int sie_handle_exit(struct sie_vcpu *v);
/* The instruction's length, of an intercept that has one. */
unsigned int sie_ilc(const struct sie_vcpu *v);
/* Back to the instruction that was intercepted. */
void sie_rewind(struct sie_vcpu *v);

/*
 * debug.c: the guest's control registers in SIE, and outside; interceptions that keep them apart.
 */
void sie_debug_enter(struct sie_vcpu *v);
void sie_debug_leave(struct sie_vcpu *v);
void sie_debug_intercept(struct sie_vcpu *v);
/* A PER event from SIE: what is left of it in the state description is the guest's. */
void sie_debug_program(struct sie_vcpu *v);
/* The guest, which is taken step by step, has come to an interruption's handler. */
void sie_debug_interrupted(struct sie_vcpu *v);
/* User space made a program interruption of the instruction that it did: the step ends with that. */
void sie_debug_injected(struct sie_vcpu *v);
/* What waits goes to user space. */
int sie_debug_exit(struct sie_vcpu *v);
void sie_debug_off(struct sie_vcpu *v);

/* An instruction that the kernel does, and whose fetch is a PER event: before it, and after. */
struct sie_per {
	u64 address;
	u8 atmid;
	bool guest;			/* the guest asked for it */
};

void sie_per_begin(struct sie_vcpu *v, struct sie_per *per);
void sie_per_end(struct sie_vcpu *v, const struct sie_per *per);
int sie_cap_guest_debug(struct berth_vm *vm);
int sie_cap_guest_debug2(struct berth_vm *vm);
long sie_ioctl_set_guest_debug(struct berth_vcpu *b, void *data, unsigned long arg);

/* skey.c: a page's storage key; and the ioctls. */
u8 sie_key_get(struct sie_vm *vm, gfn_t gfn);
long sie_ioctl_get_skeys(struct berth_vm *b, void *data, unsigned long arg);
long sie_ioctl_set_skeys(struct berth_vm *b, void *data, unsigned long arg);

/* priv.c, diag.c, sigp.c: instructions. */
int sie_instruction(struct sie_vcpu *v);
int sie_diag(struct sie_vcpu *v);
int sie_sigp(struct sie_vcpu *v);

/* access.c: a guest's own addresses. */
int sie_interlock_init(struct sie_vm *vm);
void sie_interlock_destroy(struct sie_vm *vm);
/* Nobody invalidates an entry between these two.  May sleep. */
void sie_interlock_hold(struct sie_vm *vm);
void sie_interlock_release(struct sie_vm *vm);
/* An IPTE that met the lock: it is tried again without. */
int sie_interlock_wait(struct sie_vcpu *v);

enum sie_access {
	SIE_FETCH,
	SIE_STORE,
	SIE_IFETCH,		/* an instruction's: from the home or the primary space */
};

struct sie_fault {
	u16 code;		/* 0: none */
	u64 teid;
	u8 eai;			/* exception access id */
};

/*
 * A logical address's absolute one, within its page.  0; 1 with @fault filled: the guest's
 * program interruption.  The vCPU's thread, may sleep.
 */
int sie_translate(struct sie_vcpu *v, u64 address, unsigned int ar, enum sie_access access,
		  gpa_t *gpa, struct sie_fault *fault);
/* The same for an access with a key that may differ from the page's. */
int sie_translate_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key,
		      enum sie_access access, gpa_t *gpa, struct sie_fault *fault);
/* The store that the machine refused, in the space that it says (TEID): MVCOS and its like choose. */
int sie_translate_refused(struct sie_vcpu *v, u64 teid, unsigned int ar, u8 key, gpa_t *gpa,
			  struct sie_fault *fault);
/*
 * Where the entries of the guest's tables lie (real addresses) by which it fetches an
 * instruction.  Returns how many there are, 0 without DAT; the last may lead nowhere.
 */
#define SIE_WALK_ENTRIES 5
unsigned int sie_walk_fetch(struct sie_vcpu *v, u64 address, u64 *entries);
bool sie_key_allows(u8 storage_key, u8 key, enum sie_access access);
/* The VM has storage there. */
bool sie_has_page(struct berth_vm *vm, gpa_t gpa);
/* Queue what sie_translate() found. */
int sie_inject_fault(struct sie_vcpu *v, const struct sie_fault *fault);
/* Logical storage.  As sie_translate(); a store that faults has changed nothing. */
int sie_read(struct sie_vcpu *v, u64 address, unsigned int ar, void *data, unsigned int len,
	     struct sie_fault *fault);
int sie_write(struct sie_vcpu *v, u64 address, unsigned int ar, const void *data, unsigned int len,
	      struct sie_fault *fault);
int sie_check_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, unsigned int len,
		  enum sie_access access, struct sie_fault *fault);
int sie_read_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, void *data,
		 unsigned int len, struct sie_fault *fault);
int sie_write_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, const void *data,
		  unsigned int len, struct sie_fault *fault);
/* The same, and the interruption is queued: 0, BERTH_RUN_AGAIN (after an interruption), -errno. */
int sie_load_operand(struct sie_vcpu *v, u64 address, unsigned int ar, void *data, unsigned int len);
int sie_store_operand(struct sie_vcpu *v, u64 address, unsigned int ar, const void *data,
		      unsigned int len);

/* The guest's real storage: the prefix area changes places with 0. */
static inline gpa_t sie_real_to_abs(const struct sie_vcpu *v, u64 real)
{
	if (real < 0x2000)
		return real + v->prefix;
	if (real - v->prefix < 0x2000)
		return real - v->prefix;
	return real;
}

int sie_read_real(struct sie_vcpu *v, u64 real, void *data, unsigned int len);
int sie_write_real(struct sie_vcpu *v, u64 real, const void *data, unsigned int len);

/* s390.c */
u64 sie_max_memory(void);

/* irq_abi.c, vm_attr.c, memop.c: ioctls. */
long sie_ioctl_mem_op(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_vm_mem_op(struct berth_vm *b, void *data, unsigned long arg);
long sie_ioctl_interrupt(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_irq(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_vm_interrupt(struct berth_vm *vm, void *data, unsigned long arg);
long sie_ioctl_set_irq_state(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_get_irq_state(struct berth_vcpu *b, void *data, unsigned long arg);
long sie_ioctl_set_vm_attr(struct berth_vm *b, void *data, unsigned long arg);
long sie_ioctl_get_vm_attr(struct berth_vm *b, void *data, unsigned long arg);
long sie_ioctl_has_vm_attr(struct berth_vm *b, void *data, unsigned long arg);

BERTH_DECLARE_BACKEND(sie)

#endif
