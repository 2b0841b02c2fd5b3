/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second-stage engine: guest physical to host physical, as a radix tree in
 * the format the hardware walks.  The engine owns mapping, unmapping, dirty
 * logging, ageing and huge pages; an architecture gives a format (geometry and
 * four pure functions) and the flush callbacks of the contract.
 *
 * Locking: faults hold s2.lock for reading and publish entries by cmpxchg, so
 * faults run beside each other; whoever removes tables or must see a still tree
 * holds it for writing.  Tables are freed only after the TLB flush that follows
 * their unlinking, under the same write lock.
 */
#ifndef BERTH_S2_H
#define BERTH_S2_H

#include <berth/compat.h>
#include <berth/types.h>
#include <linux/io.h>
#include <linux/spinlock.h>

#define S2_MAX_LEVELS	5

/* What an entry says, in neutral words. */
#define S2_R		BIT(0)
#define S2_W		BIT(1)
#define S2_X		BIT(2)
#define S2_RWX		(S2_R | S2_W | S2_X)
#define S2_ACCESSED	BIT(3)
#define S2_DIRTY	BIT(4)
#define S2_DEVICE	BIT(5)		/* not ordinary memory: map uncached */
#define S2_LEAF		BIT(6)		/* read only: present and maps memory */
#define S2_TABLE	BIT(7)		/* read only: present and points to a table */

#define S2_PRESENT(attr)	((attr) & (S2_LEAF | S2_TABLE))

/**
 * struct s2_format - how one architecture writes second-stage tables.
 *
 * Level 0 maps PAGE_SIZE.  An entry is the 64 bits as memory holds them, in the byte
 * order the hardware reads.  The functions are pure, but for clear.
 */
struct s2_format {
	const char *name;
	u8 levels;			/* the root is level levels - 1 */
	u8 shift[S2_MAX_LEVELS];	/* lowest address bit that indexes the level */
	u8 bits[S2_MAX_LEVELS];		/* entries of a table: 1 << bits */
	u8 leaf_levels;			/* mask of the levels that may hold a leaf */
	u32 table_bytes[S2_MAX_LEVELS];	/* 0: just the entries.  More where tables carry
					 * something behind them (s390's PGSTEs) */
	u64 empty[S2_MAX_LEVELS];	/* an entry that is not present */
	bool break_before_make;		/* a live entry must be cleared and flushed
					 * before another table or size replaces it */
	bool flush_on_grant;		/* a CPU may keep an entry that did not permit enough:
					 * permitting more takes a flush */
	bool exec_on_fetch;		/* pages are executable from the first fetch on, for
					 * which s2_prepare() makes them ready */
	bool hw_dirty;			/* hardware sets the dirty state itself */
	/* take a live entry away where hardware wants an instruction for that, and return what it
	 * was; the entry holds empty[] then and no CPU a translation by it.  NULL: a store does */
	u64 (*clear)(u64 *entry, unsigned int level);
	/* an entry mapping @pa with @attr (S2_R, W, X, ACCESSED, DIRTY, DEVICE) */
	u64 (*leaf)(phys_addr_t pa, unsigned int level, u32 attr);
	/* an entry pointing to the table at @pa */
	u64 (*table)(phys_addr_t pa, unsigned int level);
	/* what @entry says: S2_* mask; 0 when not present, as empty[] is */
	u32 (*attr)(u64 entry, unsigned int level);
	/* the address a present @entry holds */
	phys_addr_t (*pa)(u64 entry, unsigned int level);
};

struct berth_s2 {
	const struct s2_format *format;	/* [I] */
	rwlock_t lock;
	u64 *root;			/* [I] the table; its entries [m] */
	gfn_t max_gfn;			/* [I] first frame past what the format reaches */

	unsigned long invalidate_seq;	/* [m] bumped when an invalidation ends */
	long invalidate_count;		/* [m] invalidations under way */
	unsigned long invalidate_start;	/* [m] union of their user ranges */
	unsigned long invalidate_end;	/* [m] */

	atomic_long_t tables;		/* [a] table pages in use */
	atomic_long_t splits;		/* [a] large leaves split so far */
	atomic_long_t pages[S2_MAX_LEVELS];	/* [a] leaves mapped per level */
};

/* A zeroed table per level below the root, set aside before a fault takes the lock. [o] */
struct s2_cache {
	u64 *table[S2_MAX_LEVELS];
};

/**
 * berth_s2_init() - an empty tree in @format; berth_s2_destroy() frees it.
 *
 * 0 or -ENOMEM.  Context: may sleep.  Destroy runs when nothing walks the tree
 * any more, and reschedules.
 */
int berth_s2_init(struct berth_s2 *s2, const struct s2_format *format);
void berth_s2_destroy(struct berth_s2 *s2);

static inline phys_addr_t berth_s2_root_pa(const struct berth_s2 *s2)
{
	return virt_to_phys(s2->root);
}

enum s2_fault_result {
	S2_FAULT_MAPPED,	/* the access may be tried again */
	S2_FAULT_MMIO,		/* no memory there, or not for writing: emulate */
};

/**
 * berth_s2_fault() - resolve a guest access that found no permission.
 * @gpa: the address
 * @access: S2_R, S2_W, S2_X: what was tried
 *
 * enum s2_fault_result, or -EFAULT (the slot's user memory is not there),
 * -EHWPOISON, -ENOMEM, -EINTR.  Context: the vCPU's thread, may sleep, no locks.
 */
int berth_s2_fault(struct berth_vcpu *vcpu, gpa_t gpa, u32 access);

/* KVM_PRE_FAULT_MEMORY (api.rst 4.143): @args moves on past what is mapped.  As a fault. */
int berth_s2_pre_fault(struct berth_vcpu *vcpu, struct kvm_pre_fault_memory *args);

/* The tables down to @gfn's entry are there, until a zap.  0 or -ENOMEM.  May sleep, no s2.lock. */
int berth_s2_tables(struct berth_vm *vm, gfn_t gfn);

/**
 * berth_s2_zap() - unmap [@start, @end) and free the tables wholly inside.
 *
 * Flushes; lets go of the lock now and then.  What faults map again meanwhile may stay.
 * Context: may sleep, no s2.lock.
 */
void berth_s2_zap(struct berth_vm *vm, gfn_t start, gfn_t end);

/**
 * berth_s2_wrprotect() - take write permission from [@start, @end).
 *
 * Returns whether an entry changed; the caller flushes.  Large leaves lose the
 * permission as a whole.  Context: s2.lock held for writing.
 */
bool berth_s2_wrprotect(struct berth_vm *vm, gfn_t start, gfn_t end);

/**
 * berth_s2_split() - large leaves in [@start, @end) become small ones that say the same.
 *
 * So that a guest whose pages are to be logged one by one does not split them itself,
 * fault by fault.  What cannot be split for want of memory stays for the faults.  Context: may sleep, no s2.lock.
 */
void berth_s2_split(struct berth_vm *vm, gfn_t start, gfn_t end);

/**
 * berth_s2_unmap() - unmap [@start, @end) for a notifier: leaves go, tables stay.
 *
 * Returns whether the caller must flush.  Context: s2.lock held for writing.
 */
bool berth_s2_unmap(struct berth_vm *vm, gfn_t start, gfn_t end);

/* Call s2_prepare() again for all that is mapped and can be read.  May sleep, no s2.lock. */
void berth_s2_prepare_again(struct berth_vm *vm);

/* Was [@start, @end) accessed?  With @clear, forget it.  s2.lock for writing. */
bool berth_s2_age(struct berth_vm *vm, gfn_t start, gfn_t end, bool clear);

/*
 * The vCPU's tables set aside: fill makes the cache whole (0 or -ENOMEM, may sleep),
 * drain empties it.
 */
int s2_cache_fill(const struct berth_s2 *s2, struct s2_cache *cache);
void s2_cache_drain(const struct berth_s2 *s2, struct s2_cache *cache);

/**
 * s2_map() - publish a leaf.
 * @gfn: first frame it maps, aligned to the level
 * @attr: what it permits; an older leaf's permissions for the same page stay
 * @flush: set when translations from before must go
 *
 * @exclusive: s2.lock is held for writing
 *
 * 0; -EAGAIN when the tree must change in a way that needs the lock for writing (a
 * table stands where a large leaf goes, or a live entry must be broken first): try
 * again with it, and it is done.  Context: s2.lock held, @cache filled.
 */
int s2_map(struct berth_s2 *s2, struct s2_cache *cache, gfn_t gfn, unsigned int level,
	   phys_addr_t pa, u32 attr, bool exclusive, bool *flush);

/* Frames a leaf of @level maps. */
static inline u64 s2_level_pages(const struct s2_format *format, unsigned int level)
{
	return 1ULL << (format->shift[level] - PAGE_SHIFT);
}

/* Register with, and leave, the owner's mm. */
int berth_notifier_register(struct berth_vm *vm);
void berth_notifier_unregister(struct berth_vm *vm);

#endif
