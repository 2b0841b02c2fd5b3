// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-stage engine's tree: walking, mapping, unmapping, write protection and
 * ageing, in whatever format the architecture gave.  Finding the host page is
 * s2_fault.c's, hearing of its loss s2_notifier.c's.
 */
#include <berth/backend.h>
#include <berth/trace.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

static struct berth_vm *s2_vm(struct berth_s2 *s2)
{
	return container_of(s2, struct berth_vm, s2);
}

static size_t table_bytes(const struct s2_format *format, unsigned int level)
{
	return format->table_bytes[level] ?: sizeof(u64) << format->bits[level];
}

static void table_clear(const struct s2_format *format, unsigned int level, u64 *table)
{
	memset64(table, format->empty[level], BIT(format->bits[level]));
}

static u64 *table_alloc(const struct s2_format *format, unsigned int level)
{
	size_t bytes = table_bytes(format, level);
	u64 *table;

	/* kmalloc() of a power of two is naturally aligned, as tables must be. */
	if (bytes < PAGE_SIZE)
		table = kzalloc(bytes, GFP_KERNEL_ACCOUNT);
	else
		table = (u64 *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, get_order(bytes));
	if (table && format->empty[level])
		table_clear(format, level, table);
	return table;
}

static void table_free(const struct s2_format *format, unsigned int level, u64 *table)
{
	size_t bytes = table_bytes(format, level);

	if (bytes < PAGE_SIZE)
		kfree(table);
	else
		free_pages((unsigned long)table, get_order(bytes));
}

int s2_cache_fill(const struct berth_s2 *s2, struct s2_cache *cache)
{
	unsigned int level;

	for (level = 0; level + 1 < s2->format->levels; level++) {
		if (!cache->table[level])
			cache->table[level] = table_alloc(s2->format, level);
		if (!cache->table[level])
			return -ENOMEM;
	}
	return 0;
}

void s2_cache_drain(const struct berth_s2 *s2, struct s2_cache *cache)
{
	unsigned int level;

	for (level = 0; level < S2_MAX_LEVELS; level++) {
		if (cache->table[level])
			table_free(s2->format, level, cache->table[level]);
		cache->table[level] = NULL;
	}
}

static unsigned int entry_index(const struct s2_format *format, gfn_t gfn, unsigned int level)
{
	return (gfn_to_gpa(gfn) >> format->shift[level]) & (BIT(format->bits[level]) - 1);
}

static u64 *entry_child(const struct s2_format *format, u64 entry, unsigned int level)
{
	return phys_to_virt(format->pa(entry, level));
}

/* A live entry goes, in the way that hardware wants. */
static u64 entry_clear(const struct s2_format *format, u64 *entry, unsigned int level)
{
	return format->clear ? format->clear(entry, level) : xchg(entry, format->empty[level]);
}

/*
 * @new in the place of @old; false when it is not @old any more.  A live leaf that goes by
 * instruction nobody else changes meanwhile: the lock is held for writing.
 */
static bool entry_replace(const struct s2_format *format, u64 *entry, unsigned int level, u64 old,
			  u64 new)
{
	if (!format->clear || !(format->attr(old, level) & S2_LEAF))
		return cmpxchg64(entry, old, new) == old;
	entry_clear(format, entry, level);
	WRITE_ONCE(*entry, new);
	return true;
}

/* Memory that a new entry lets the guest reach, or execute, is made ready for it. */
static void prepare(struct berth_s2 *s2, gfn_t gfn, phys_addr_t pa, unsigned int level, u32 old,
		    u32 new)
{
	u32 gained = new & ~old;

	if (!(new & S2_DEVICE) && (gained & (S2_R | S2_X)))
		berth_backend.s2_prepare(s2_vm(s2), gfn, pa, 1UL << s2->format->shift[level],
					 gained & S2_RWX);
}

/*
 * Replace a large leaf by a table of leaves one level down that say the same.  Where hardware
 * wants the old entry broken first that takes the write lock (@exclusive): else -EAGAIN.
 */
static int split_leaf(struct berth_s2 *s2, struct s2_cache *cache, gfn_t gfn, u64 *entry, u64 old,
		      unsigned int level, bool exclusive)
{
	const struct s2_format *format = s2->format;
	u64 *child = cache->table[level - 1];
	unsigned int i, n = BIT(format->bits[level - 1]);
	phys_addr_t pa;
	u64 table;
	u32 attr;

	if (!child || (format->break_before_make && !exclusive))
		return -EAGAIN;
	if (format->break_before_make) {
		/* What hardware notes until here is in what comes out. */
		old = entry_clear(format, entry, level);
		gfn = ALIGN_DOWN(gfn, s2_level_pages(format, level));
		berth_backend.s2_flush(s2_vm(s2), gfn, gfn + s2_level_pages(format, level));
	}
	attr = format->attr(old, level) & ~(S2_LEAF | S2_TABLE);
	pa = format->pa(old, level);
	for (i = 0; i < n; i++)
		child[i] = format->leaf(pa + ((phys_addr_t)i << format->shift[level - 1]),
					level - 1, attr);
	table = format->table(virt_to_phys(child), level);
	if (format->break_before_make) {
		/* The table's contents are visible before the entry. */
		smp_store_release(entry, table);
	} else if (cmpxchg64(entry, old, table) != old) {
		/* Lost to another fault or to an accessed bit: the table is not empty now. */
		table_clear(format, level - 1, child);
		return 0;
	}
	cache->table[level - 1] = NULL;
	atomic_long_inc(&s2->tables);
	atomic_long_inc(&s2->splits);
	atomic_long_dec(&s2->pages[level]);
	atomic_long_add(n, &s2->pages[level - 1]);
	return 0;
}

/*
 * Walk down to the table that holds @level's entry for @gfn, adding tables and
 * splitting leaves on the way.  NULL when that needs the write lock.
 */
static u64 *walk_to(struct berth_s2 *s2, struct s2_cache *cache, gfn_t gfn, unsigned int level,
		    bool exclusive)
{
	const struct s2_format *format = s2->format;
	u64 *table = s2->root;
	unsigned int l = format->levels - 1;

	while (l > level) {
		u64 *entry = &table[entry_index(format, gfn, l)];
		/* With what it leads to: pairs with the release of whoever published it. */
		u64 old = smp_load_acquire(entry);
		u32 attr = format->attr(old, l);

		if (attr & S2_TABLE) {
			table = entry_child(format, old, l);
			l--;
			continue;
		}
		if (attr & S2_LEAF) {
			if (split_leaf(s2, cache, gfn, entry, old, l, exclusive))
				return NULL;
			continue;
		}
		if (!cache->table[l - 1])
			return NULL;
		/* The empty table is visible before the entry: cmpxchg orders the two. */
		if (cmpxchg64(entry, old, format->table(virt_to_phys(cache->table[l - 1]), l)) ==
		    old) {
			cache->table[l - 1] = NULL;
			atomic_long_inc(&s2->tables);
		}
	}
	return table;
}

static void clear_for(struct berth_s2 *s2, gfn_t gfn, unsigned int level);

int s2_map(struct berth_s2 *s2, struct s2_cache *cache, gfn_t gfn, unsigned int level,
	   phys_addr_t pa, u32 attr, bool exclusive, bool *flush)
{
	const struct s2_format *format = s2->format;
	u64 *table = walk_to(s2, cache, gfn, level, exclusive);
	u64 *entry, old, new;
	u32 old_attr, had;

	if (!table)
		return -EAGAIN;
	entry = &table[entry_index(format, gfn, level)];
	for (;;) {
		old = READ_ONCE(*entry);
		old_attr = format->attr(old, level);
		had = 0;
		if ((old_attr & S2_LEAF) && format->pa(old, level) == pa)
			had = old_attr & ~S2_LEAF;
		if ((old_attr & S2_TABLE) ||
		    ((old_attr & S2_LEAF) && !had && format->break_before_make)) {
			if (!exclusive)
				return -EAGAIN;
			clear_for(s2, gfn, level);
			continue;
		}
		new = format->leaf(pa, level, attr | had);
		if (new == old)
			return 0;
		if (format->clear && (old_attr & S2_LEAF) && !exclusive)
			return -EAGAIN;
		prepare(s2, gfn, pa, level, had, attr);
		if ((old_attr & S2_LEAF) &&
		    (!had || (format->flush_on_grant && (attr & ~had & S2_RWX))))
			*flush = true;
		if (entry_replace(format, entry, level, old, new))
			break;
	}
	if (!(old_attr & S2_LEAF))
		atomic_long_inc(&s2->pages[level]);
	return 0;
}

int berth_s2_tables(struct berth_vm *vm, gfn_t gfn)
{
	struct berth_s2 *s2 = &vm->s2;
	struct s2_cache cache = { };
	int r = s2_cache_fill(s2, &cache);

	if (!r) {
		write_lock(&s2->lock);
		walk_to(s2, &cache, gfn, 0, true);
		write_unlock(&s2->lock);
	}
	s2_cache_drain(s2, &cache);
	return r;
}

/* Unlinked tables wait here for the flush that makes freeing them safe. */
#define GATHER_TABLES	32

struct s2_gather {
	unsigned int nr;
	bool changed;			/* an entry changed: a flush is due */
	u64 *table[GATHER_TABLES];
	u8 level[GATHER_TABLES];
};

/*
 * One traversal of a range.  @leaf acts on a present leaf's entry.  A walk with a
 * budget stops after that many tables, to be taken up again at @cursor.
 */
struct s2_walk {
	struct berth_vm *vm;		/* NULL: nothing can use the tree, no flush */
	struct berth_s2 *s2;
	gfn_t start, end;
	gfn_t cursor;
	gfn_t gfn;			/* first frame of the leaf at hand */
	unsigned int budget;		/* 0: no limit */
	bool stopped;
	void (*leaf)(struct s2_walk *walk, u64 *entry, unsigned int level);
	bool free_tables;		/* unlink and free tables wholly inside */
	struct s2_gather gather;
};

static void gather_finish(struct s2_walk *walk)
{
	struct s2_gather *gather = &walk->gather;
	unsigned int i;

	if (gather->changed && walk->vm)
		berth_backend.s2_flush(walk->vm, walk->start, walk->end);
	for (i = 0; i < gather->nr; i++)
		table_free(walk->s2->format, gather->level[i], gather->table[i]);
	atomic_long_sub(gather->nr, &walk->s2->tables);
	gather->nr = 0;
	gather->changed = false;
}

static void gather_table(struct s2_walk *walk, u64 *table, unsigned int level)
{
	struct s2_gather *gather = &walk->gather;

	gather->table[gather->nr] = table;
	gather->level[gather->nr] = level;
	gather->changed = true;
	if (++gather->nr == GATHER_TABLES)
		gather_finish(walk);
}

static void walk_table(struct s2_walk *walk, u64 *table, unsigned int level, gfn_t base)
{
	const struct s2_format *format = walk->s2->format;
	u64 pages = s2_level_pages(format, level);
	gfn_t start = max(walk->cursor, base);
	gfn_t end = min(walk->end, base + (pages << format->bits[level]));
	gfn_t gfn;

	for (gfn = ALIGN_DOWN(start, pages); gfn < end; gfn += pages) {
		u64 *entry = &table[entry_index(format, gfn, level)];
		u64 old = READ_ONCE(*entry);
		u32 attr = format->attr(old, level);

		if (attr & S2_LEAF) {
			walk->gfn = gfn;
			walk->leaf(walk, entry, level);
			continue;
		}
		if (!(attr & S2_TABLE))
			continue;
		walk_table(walk, entry_child(format, old, level), level - 1, gfn);
		if (walk->stopped)
			return;
		/*
		 * Only what this pass has seen whole, since faults may refill what an earlier
		 * one emptied.  Past the end of the address space there is nothing to see.
		 */
		if (walk->free_tables && gfn >= walk->cursor &&
		    (gfn + pages <= walk->end || walk->end == walk->s2->max_gfn)) {
			if (walk->vm)
				entry_clear(format, entry, level);
			gather_table(walk, entry_child(format, old, level), level - 1);
		}
		if (!walk->vm)
			cond_resched();
		if (walk->budget && !--walk->budget) {
			walk->cursor = gfn + pages;
			walk->stopped = true;
			return;
		}
	}
}

static void walk_range(struct s2_walk *walk)
{
	walk->end = min(walk->end, walk->s2->max_gfn);
	walk->cursor = max(walk->cursor, walk->start);
	walk->stopped = false;
	if (walk->cursor < walk->end)
		walk_table(walk, walk->s2->root, walk->s2->format->levels - 1, 0);
}

static void leaf_unmap(struct s2_walk *walk, u64 *entry, unsigned int level)
{
	if (walk->vm)
		entry_clear(walk->s2->format, entry, level);
	atomic_long_dec(&walk->s2->pages[level]);
	walk->gather.changed = true;
}

/* Change a leaf's attributes whatever the hardware does to it meanwhile. */
static bool leaf_clear_attr(struct s2_walk *walk, u64 *entry, unsigned int level, u32 clear)
{
	const struct s2_format *format = walk->s2->format;
	u64 old, new;

	do {
		old = READ_ONCE(*entry);
		new = format->leaf(format->pa(old, level), level,
				   format->attr(old, level) & ~(clear | S2_LEAF));
		if (new == old)
			return false;
	} while (!entry_replace(format, entry, level, old, new));
	return true;
}

static void leaf_wrprotect(struct s2_walk *walk, u64 *entry, unsigned int level)
{
	if (leaf_clear_attr(walk, entry, level, S2_W | S2_DIRTY))
		walk->gather.changed = true;
}

static void leaf_age(struct s2_walk *walk, u64 *entry, unsigned int level)
{
	if (leaf_clear_attr(walk, entry, level, S2_ACCESSED))
		walk->gather.changed = true;
}

static void leaf_test_young(struct s2_walk *walk, u64 *entry, unsigned int level)
{
	if (walk->s2->format->attr(READ_ONCE(*entry), level) & S2_ACCESSED)
		walk->gather.changed = true;
}

/* Tables emptied between two chances to reschedule. */
#define ZAP_BUDGET	64

/* The whole range once.  Returns whether that took more than one pass. */
static bool zap_round(struct s2_walk *walk)
{
	unsigned int passes = 0;

	walk->cursor = walk->start;
	do {
		walk->budget = ZAP_BUDGET;
		write_lock(&walk->s2->lock);
		walk_range(walk);
		gather_finish(walk);
		write_unlock(&walk->s2->lock);
		cond_resched();
		passes++;
	} while (walk->stopped);
	return passes > 1;
}

void berth_s2_zap(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	struct s2_walk walk = {
		.vm = vm, .s2 = &vm->s2, .start = start, .end = end,
		.leaf = leaf_unmap, .free_tables = true,
	};

	trace_berth_s2_zap(start, end);
	/* A table that several passes emptied was seen whole by none: the next round frees it. */
	if (zap_round(&walk))
		zap_round(&walk);
}

/* A walk that frees nothing, so the caller may flush later: true when one is due. */
static bool walk_leaves(struct berth_vm *vm, gfn_t start, gfn_t end,
			void (*leaf)(struct s2_walk *walk, u64 *entry, unsigned int level))
{
	struct s2_walk walk = {
		.vm = vm, .s2 = &vm->s2, .start = start, .end = end, .leaf = leaf,
	};

	walk_range(&walk);
	return walk.gather.changed;
}

bool berth_s2_unmap(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&vm->s2.lock);
	return walk_leaves(vm, start, end, leaf_unmap);
}

bool berth_s2_wrprotect(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&vm->s2.lock);
	return walk_leaves(vm, start, end, leaf_wrprotect);
}

bool berth_s2_age(struct berth_vm *vm, gfn_t start, gfn_t end, bool clear)
{
	lockdep_assert_held_write(&vm->s2.lock);
	return walk_leaves(vm, start, end, clear ? leaf_age : leaf_test_young);
}

/*
 * Split what large leaf there is at @gfn.  Returns where to look next: behind the table
 * of small leaves, or behind what is not there or cannot be split.
 */
static gfn_t split_at(struct berth_s2 *s2, struct s2_cache *cache, gfn_t gfn, bool exclusive)
{
	const struct s2_format *format = s2->format;
	unsigned int level = format->levels - 1;
	u64 *table = s2->root;

	for (;; level--) {
		u64 entry = smp_load_acquire(&table[entry_index(format, gfn, level)]);
		u32 attr = format->attr(entry, level);

		if ((attr & S2_LEAF) && walk_to(s2, cache, gfn, 0, exclusive))
			level = 1;
		if (!(attr & S2_TABLE) || level == 1)
			break;
		table = entry_child(format, entry, level);
	}
	return ALIGN_DOWN(gfn, s2_level_pages(format, level)) + s2_level_pages(format, level);
}

void berth_s2_split(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	struct berth_s2 *s2 = &vm->s2;
	bool exclusive = s2->format->break_before_make;
	struct s2_cache cache = { };
	gfn_t gfn = start;

	while (gfn < end && !s2_cache_fill(s2, &cache)) {
		if (exclusive)
			write_lock(&s2->lock);
		else
			read_lock(&s2->lock);
		gfn = split_at(s2, &cache, gfn, exclusive);
		if (exclusive)
			write_unlock(&s2->lock);
		else
			read_unlock(&s2->lock);
		cond_resched();
	}
	s2_cache_drain(s2, &cache);
}

/* Remove and free what stands in the way of a leaf.  s2.lock for writing. */
static void clear_for(struct berth_s2 *s2, gfn_t gfn, unsigned int level)
{
	struct s2_walk walk = {
		.vm = s2_vm(s2), .s2 = s2, .leaf = leaf_unmap, .free_tables = true,
		.start = gfn, .end = gfn + s2_level_pages(s2->format, level),
	};

	lockdep_assert_held_write(&s2->lock);
	walk_range(&walk);
	gather_finish(&walk);
}

static void leaf_prepare(struct s2_walk *walk, u64 *entry, unsigned int level)
{
	u64 old = READ_ONCE(*entry);

	prepare(walk->s2, walk->gfn, walk->s2->format->pa(old, level), level, 0,
		walk->s2->format->attr(old, level) & (S2_R | S2_DEVICE));
}

void berth_s2_prepare_again(struct berth_vm *vm)
{
	struct s2_walk walk = {
		.vm = vm, .s2 = &vm->s2, .end = vm->s2.max_gfn, .leaf = leaf_prepare,
	};

	do {
		walk.budget = 1;
		read_lock(&vm->s2.lock);
		walk_range(&walk);
		read_unlock(&vm->s2.lock);
		cond_resched();
	} while (walk.stopped);
}

int berth_s2_init(struct berth_s2 *s2, const struct s2_format *format)
{
	unsigned int top = format->levels - 1;

	rwlock_init(&s2->lock);
	s2->format = format;
	s2->max_gfn = 1ULL << (format->shift[top] + format->bits[top] - PAGE_SHIFT);
	s2->root = table_alloc(format, top);
	return s2->root ? 0 : -ENOMEM;
}

void berth_s2_destroy(struct berth_s2 *s2)
{
	struct s2_walk walk = {
		.s2 = s2, .end = s2->max_gfn, .leaf = leaf_unmap, .free_tables = true,
	};

	if (!s2->root)
		return;
	walk_range(&walk);
	gather_finish(&walk);
	table_free(s2->format, s2->format->levels - 1, s2->root);
	s2->root = NULL;
}
