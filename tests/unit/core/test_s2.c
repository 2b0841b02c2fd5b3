// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-stage engine, held against an array with an element per page, for every format that
 * compiles here, and for the geometries that docs/porting.md has, in the byte order of each.
 */
#include "lib.h"
#include "fake.h"
#include <stdlib.h>
#include "../../../arch/arm64/s2_format.h"
#include "../../../arch/s390/dat_format.h"
#include "../../../arch/x86/svm/npt.h"

extern const struct s2_format fake_plain_format, fake_strict_format;

/* What one thread does the thread sanitizer has seen soon. */
#ifdef __SANITIZE_THREAD__
#define ROUNDS	60
#else
#define ROUNDS	1200
#endif

#define WINDOWS	3
#define FRAMES	(4 * 512U)		/* of a window: 8M */

/* Where the windows are: at the beginning, at a place like any other, at a gigabyte's edge. */
static const gfn_t window[WINDOWS] = { 0, 0x1234800, 0xfffc00 };

struct frame {
	bool present;
	u8 level;
	u32 attr;			/* without S2_LEAF */
	phys_addr_t pa;
};

struct state {
	struct machine m;
	struct berth_vm *vm;
	struct berth_s2 *s2;
	struct s2_cache cache;
	unsigned long long seed;
	struct frame frame[WINDOWS][FRAMES];
};

/* Every page's entry, by a walk of our own. */
static struct frame look(struct state *s, gfn_t gfn)
{
	const struct s2_format *f = s->s2->format;
	unsigned int level = f->levels - 1;
	u64 *table = s->s2->root;

	for (;; level--) {
		u64 entry = table[(gfn << PAGE_SHIFT) >> f->shift[level] & (BIT(f->bits[level]) - 1)];
		u32 attr = f->attr(entry, level);

		if (attr & S2_LEAF)
			return (struct frame) {
				.present = true, .level = level, .attr = attr & ~S2_LEAF,
				.pa = f->pa(entry, level) + ((gfn << PAGE_SHIFT) &
							     (BIT(f->shift[level]) - 1)),
			};
		if (!(attr & S2_TABLE)) {
			HOST_BUG_ON(entry != f->empty[level]);
			return (struct frame) { };
		}
		table = phys_to_virt(f->pa(entry, level));
	}
}

static bool compare(struct state *s)
{
	unsigned long pages[S2_MAX_LEVELS] = { };
	unsigned int w, i, level;
	bool same = true;

	for (w = 0; w < WINDOWS; w++) {
		for (i = 0; i < FRAMES; i++) {
			struct frame seen = look(s, window[w] + i), *e = &s->frame[w][i];

			pages[seen.level] += seen.present;
			if (seen.present == e->present && seen.level == e->level &&
			    seen.attr == e->attr && seen.pa == e->pa)
				continue;
			same = false;
			test_check(false, "gfn 0x%llx: level %u attr 0x%x pa 0x%llx, not %u 0x%x 0x%llx",
				   window[w] + i, seen.level, seen.attr, seen.pa, e->level, e->attr,
				   e->pa);
		}
	}
	for (level = 0; level < s->s2->format->levels; level++)
		same &= test_check(atomic_long_read(&s->s2->pages[level]) *
				   (long)s2_level_pages(s->s2->format, level) == (long)pages[level],
				   "level %u: %ld leaves are counted, %lu pages are there", level,
				   atomic_long_read(&s->s2->pages[level]), pages[level]);
	return test_check(same, "the model and the tree differ");
}

/* The frames of the model's leaf at @i: [*first, return). */
static unsigned int leaf_of(struct state *s, unsigned int w, unsigned int i, unsigned int *first)
{
	struct frame *e = &s->frame[w][i];
	unsigned int pages = e->present ? s2_level_pages(s->s2->format, e->level) : 1;

	*first = ALIGN_DOWN(window[w] + i, (gfn_t)pages) - window[w];
	return *first + pages;
}

/* All leaves that touch [@from, @to) lose @clear; with ~0 they go. */
static void model_clear(struct state *s, unsigned int w, unsigned int from, unsigned int to, u32 clear)
{
	unsigned int i, j, end;

	for (i = from; i < to; i = end) {
		end = leaf_of(s, w, i, &j);
		for (; j < end; j++) {
			if (clear == ~0U)
				s->frame[w][j] = (struct frame) { };
			else
				s->frame[w][j].attr &= ~clear;
		}
	}
}

/* The leaf of @i becomes leaves of the next level, down to @level in the one that @i is in. */
static void model_split(struct state *s, unsigned int w, unsigned int i, unsigned int level)
{
	while (s->frame[w][i].present && s->frame[w][i].level > level) {
		unsigned int first, end = leaf_of(s, w, i, &first);

		for (; first < end; first++)
			s->frame[w][first].level--;
	}
}

/* Mostly the lowest one. */
static unsigned int leaf_level(struct state *s)
{
	const struct s2_format *f = s->s2->format;
	unsigned int level = rnd(&s->seed, 3) ? 0 : 1 + rnd(&s->seed, 2);

	return f->leaf_levels & BIT(level) && s2_level_pages(f, level) <= 512 ? level : 0;
}

/* What the format has room for. */
static u32 kept(const struct s2_format *f, phys_addr_t pa, unsigned int level, u32 attr)
{
	return f->attr(f->leaf(pa, level, attr), level) & ~S2_LEAF;
}

static void op_map(struct state *s, unsigned int w, unsigned int i)
{
	const struct s2_format *f = s->s2->format;
	unsigned int level = leaf_level(s), pages = s2_level_pages(f, level), j;
	u32 attr = S2_R | S2_X | S2_ACCESSED | (rnd(&s->seed, 2) ? S2_W | S2_DIRTY : 0);
	gfn_t gfn = ALIGN_DOWN(window[w] + i, (gfn_t)pages);
	phys_addr_t pa;
	bool flush = false;
	int r;

	i = gfn - window[w];
	/* Half of the time the same page as a large leaf there has. */
	pa = ((gfn + (rnd(&s->seed, 2) << 30)) & 0x7fffffff) << PAGE_SHIFT;
	HOST_BUG_ON(s2_cache_fill(s->s2, &s->cache));
	read_lock(&s->s2->lock);
	r = s2_map(s->s2, &s->cache, gfn, level, pa, attr, false, &flush);
	read_unlock(&s->s2->lock);
	if (r) {
		CHECK_EQ(r, -EAGAIN);
		write_lock(&s->s2->lock);
		CHECK_EQ(s2_map(s->s2, &s->cache, gfn, level, pa, attr, true, &flush), 0);
		write_unlock(&s->s2->lock);
	}
	model_split(s, w, i, level);
	for (j = 0; j < pages; j++) {
		struct frame *e = &s->frame[w][i + j];
		bool same = e->present && e->level == level &&
			    e->pa == pa + ((phys_addr_t)j << PAGE_SHIFT);
		u32 keep = same ? e->attr : 0;

		/* Another page behind a live translation: it must be flushed, or was on the way. */
		if (e->present && !same && !r)
			CHECK(flush && !f->break_before_make);
		if (same && f->flush_on_grant && (attr & ~keep & S2_W))
			CHECK(flush);
		*e = (struct frame) { true, level, kept(f, pa, level, attr | keep),
				      pa + ((phys_addr_t)j << PAGE_SHIFT) };
	}
}

static void op_range(struct state *s, unsigned int w, unsigned int i, unsigned int op)
{
	unsigned int n = 1 + rnd(&s->seed, rnd(&s->seed, 2) ? 8 : FRAMES), end = min(i + n, FRAMES);
	gfn_t from = window[w] + i, to = window[w] + end;

	switch (op) {
	case 0:
		berth_s2_zap(s->vm, from, to);
		model_clear(s, w, i, end, ~0U);
		return;
	case 1:
		berth_s2_split(s->vm, from, to);
		for (; i < end; i++)
			model_split(s, w, i, 0);
		return;
	}
	write_lock(&s->s2->lock);
	switch (op) {
	case 2:
		berth_s2_unmap(s->vm, from, to);
		model_clear(s, w, i, end, ~0U);
		break;
	case 3:
		berth_s2_wrprotect(s->vm, from, to);
		CHECK(!berth_s2_wrprotect(s->vm, from, to));
		model_clear(s, w, i, end, S2_W | S2_DIRTY);
		break;
	case 4:
		berth_s2_age(s->vm, from, to, true);
		CHECK(!berth_s2_age(s->vm, from, to, false));
		model_clear(s, w, i, end, S2_ACCESSED);
		break;
	}
	write_unlock(&s->s2->lock);
}

static void check_format(const struct s2_format *format)
{
	struct state *s = calloc(1, sizeof(*s));
	struct file *file;
	unsigned int i;

	HOST_BUG_ON(!s);
	machine_make(&s->m, TOY_PLAIN, 0);
	file = fget(s->m.vm);
	s->vm = file->private_data;
	s->s2 = &s->vm->s2;
	berth_s2_destroy(s->s2);
	HOST_BUG_ON(berth_s2_init(s->s2, format));
	s->seed = test_seed();
	for (i = 0; i < ROUNDS; i++) {
		unsigned int w = rnd(&s->seed, WINDOWS), at = rnd(&s->seed, FRAMES);

		if (rnd(&s->seed, 3))
			op_map(s, w, at);
		else
			op_range(s, w, at, rnd(&s->seed, 5));
		if (i % 8 == 0 && !compare(s))
			break;
	}
	compare(s);
	CHECK(atomic_long_read(&s->s2->tables) > 0);
	berth_s2_zap(s->vm, 0, s->s2->max_gfn);
	CHECK_EQ(atomic_long_read(&s->s2->tables), 0);
	memset(s->frame, 0, sizeof(s->frame));
	compare(s);
	s2_cache_drain(s->s2, &s->cache);
	fput(file);
	machine_free(&s->m);
	free(s);
}

/* ---- the same with threads: whatever comes first, the tree is whole and leads to the right pages ---- */

#define RACERS	3

struct racer {
	struct state *s;
	struct host_thread *thread;
	unsigned long long seed;
};

static phys_addr_t page_of(gfn_t gfn)
{
	return (gfn & 0x7fffff) << PAGE_SHIFT;
}

static void racer(void *arg)
{
	struct racer *r = arg;
	struct berth_s2 *s2 = r->s->s2;
	struct s2_cache cache = { };
	unsigned int i;

	for (i = 0; i < 300; i++) {
		unsigned int level = rnd(&r->seed, 4) ? 0 : !!(s2->format->leaf_levels & BIT(1));
		gfn_t gfn = window[rnd(&r->seed, WINDOWS)] + rnd(&r->seed, FRAMES);
		u32 attr = S2_R | S2_ACCESSED | (rnd(&r->seed, 2) ? S2_W | S2_DIRTY : 0);
		bool flush = false;
		int e;

		gfn = ALIGN_DOWN(gfn, s2_level_pages(s2->format, level));
		HOST_BUG_ON(s2_cache_fill(s2, &cache));
		read_lock(&s2->lock);
		e = s2_map(s2, &cache, gfn, level, page_of(gfn), attr, false, &flush);
		read_unlock(&s2->lock);
		if (!e && !flush)
			continue;
		HOST_BUG_ON(s2_cache_fill(s2, &cache));
		write_lock(&s2->lock);
		if (e)
			CHECK_EQ(s2_map(s2, &cache, gfn, level, page_of(gfn), attr, true, &flush), 0);
		if (flush)
			berth_backend.s2_flush(r->s->vm, gfn, gfn + 1);
		write_unlock(&s2->lock);
	}
	s2_cache_drain(s2, &cache);
}

static void disturb(struct state *s)
{
	unsigned int w = rnd(&s->seed, WINDOWS), i = rnd(&s->seed, FRAMES);
	gfn_t from = window[w] + i, to = from + 1 + rnd(&s->seed, FRAMES - i);
	unsigned int op = rnd(&s->seed, 5);

	if (op == 0)
		berth_s2_zap(s->vm, from, to);
	else if (op == 1)
		berth_s2_split(s->vm, from, to);
	if (op < 2)
		return;
	write_lock(&s->s2->lock);
	if (op == 2 ? berth_s2_unmap(s->vm, from, to) : op == 3 ? berth_s2_wrprotect(s->vm, from, to) :
	    berth_s2_age(s->vm, from, to, true))
		berth_backend.s2_flush(s->vm, from, to);
	write_unlock(&s->s2->lock);
}

static void count(struct berth_s2 *s2, const u64 *table, unsigned int level, long *tables, long *leaves)
{
	const struct s2_format *f = s2->format;
	unsigned int i;

	for (i = 0; i < BIT(f->bits[level]); i++) {
		u32 attr = f->attr(table[i], level);

		leaves[level] += !!(attr & S2_LEAF);
		if (attr & S2_TABLE) {
			++*tables;
			count(s2, phys_to_virt(f->pa(table[i], level)), level - 1, tables, leaves);
		}
	}
}

static void race_format(const struct s2_format *format)
{
	struct state *s = calloc(1, sizeof(*s));
	long tables = 0, leaves[S2_MAX_LEVELS] = { };
	struct racer racers[RACERS];
	struct file *file;
	unsigned int i, w;

	HOST_BUG_ON(!s);
	machine_make(&s->m, TOY_PLAIN, 0);
	file = fget(s->m.vm);
	s->vm = file->private_data;
	s->s2 = &s->vm->s2;
	berth_s2_destroy(s->s2);
	HOST_BUG_ON(berth_s2_init(s->s2, format));
	s->seed = test_seed();
	for (i = 0; i < RACERS; i++) {
		racers[i] = (struct racer) { .s = s, .seed = s->seed + i + 1 };
		racers[i].thread = host_thread(racer, &racers[i]);
	}
	for (i = 0; i < 150; i++)
		disturb(s);
	for (i = 0; i < RACERS; i++)
		host_join(racers[i].thread);
	for (w = 0; w < WINDOWS; w++)
		for (i = 0; i < FRAMES; i++) {
			struct frame seen = look(s, window[w] + i);

			if (seen.present)
				CHECK_EQ(seen.pa, page_of(window[w] + i));
		}
	count(s->s2, s->s2->root, format->levels - 1, &tables, leaves);
	CHECK_EQ(atomic_long_read(&s->s2->tables), tables);
	for (i = 0; i < format->levels; i++)
		CHECK_EQ(atomic_long_read(&s->s2->pages[i]), leaves[i]);
	fput(file);
	machine_free(&s->m);
	free(s);
}

/* Large leaves are many entries as well, where there are many. */
static void zap_lets_go_of_the_lock(void)
{
	const phys_addr_t gigabyte = 1UL << 30;
	struct s2_cache cache = { };
	struct berth_vm *vm;
	struct machine m;
	struct file *file;
	unsigned long writes;
	unsigned int i, tables = 200;
	bool flush = false;

	machine_make(&m, TOY_PLAIN, 0);
	file = fget(m.vm);
	vm = file->private_data;
	for (i = 1; i <= tables; i++) {
		HOST_BUG_ON(s2_cache_fill(&vm->s2, &cache));
		read_lock(&vm->s2.lock);
		CHECK_EQ(s2_map(&vm->s2, &cache, gpa_to_gfn(i * gigabyte), 1, 0, S2_R,
				false, &flush), 0);
		read_unlock(&vm->s2.lock);
	}
	writes = vm->s2.lock.l.writes;
	berth_s2_zap(vm, 0, vm->s2.max_gfn);
	CHECK(vm->s2.lock.l.writes - writes > 2);
	CHECK_EQ(atomic_long_read(&vm->s2.tables), 0);
	CHECK_EQ(atomic_long_read(&vm->s2.pages[1]), 0);
	/* A tree that nobody emptied ends as well. */
	HOST_BUG_ON(s2_cache_fill(&vm->s2, &cache));
	read_lock(&vm->s2.lock);
	CHECK_EQ(s2_map(&vm->s2, &cache, 5, 0, 0, S2_R, false, &flush), 0);
	read_unlock(&vm->s2.lock);
	berth_s2_destroy(&vm->s2);
	CHECK_EQ(atomic_long_read(&vm->s2.tables), 0);
	HOST_BUG_ON(berth_s2_init(&vm->s2, &fake_plain_format));
	s2_cache_drain(&vm->s2, &cache);
	fput(file);
	machine_free(&m);
}

/* A backend may keep something of a page in its table, before the page is mapped. */
static void tables_are_there_before_what_they_map(void)
{
	struct berth_vm *vm;
	struct machine m;
	struct file *file;

	machine_make(&m, TOY_PLAIN, 0);
	file = fget(m.vm);
	vm = file->private_data;
	CHECK_EQ(berth_s2_tables(vm, 0x1234), 0);
	CHECK_EQ(atomic_long_read(&vm->s2.tables), vm->s2.format->levels - 1);
	CHECK_EQ(berth_s2_tables(vm, 0x1234), 0);
	CHECK_EQ(atomic_long_read(&vm->s2.tables), vm->s2.format->levels - 1);
	CHECK_EQ(atomic_long_read(&vm->s2.pages[0]), 0);
	berth_s2_zap(vm, 0, vm->s2.max_gfn);
	CHECK_EQ(atomic_long_read(&vm->s2.tables), 0);
	fput(file);
	machine_free(&m);
}

static void plain_format_agrees_with_an_array(void)
{
	check_format(&fake_plain_format);
	race_format(&fake_plain_format);
}

static void strict_format_agrees_with_an_array(void)
{
	check_format(&fake_strict_format);
	race_format(&fake_strict_format);
}

static void npt_agrees_with_an_array(void)
{
	svm_npt_setup(true, false, false);
	check_format(svm_npt_format());
	svm_npt_setup(true, true, true);
	CHECK_EQ(svm_npt_format()->levels, 5);
	check_format(svm_npt_format());
	race_format(svm_npt_format());
	svm_npt_setup(true, false, false);
}

static void arm_stage_2_agrees_with_an_array(void)
{
	static const unsigned int bits[] = { 40, 43, 44, 48 };
	struct s2_format format;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		memset(&format, 0, sizeof(format));
		arm_s2_format_init(&format, bits[i], i & 1, i & 2);
		/* Up to 16 tables side by side at the root save a level (Arm ARM D8.2.2). */
		CHECK_EQ(format.levels, bits[i] > 43 ? 4 : 3);
		CHECK_EQ(format.bits[format.levels - 1] + format.shift[format.levels - 1], bits[i]);
		check_format(&format);
		race_format(&format);
	}
}

static atomic_long_t cleared;

/* As IPTE does: the entry and its translations go at once. */
static u64 clear_by_instruction(u64 *entry, unsigned int level)
{
	atomic_long_inc(&cleared);
	return xchg(entry, level ? 0x20 | (level - 1) << 2 : 0x400);
}

static void s390_tables_agree_with_an_array(void)
{
	unsigned int levels;

	for (levels = 3; levels <= 5; levels++) {
		struct s2_format format = { };

		sie_s2_format_init(&format, levels);
		check_format(&format);
		race_format(&format);
		format.clear = clear_by_instruction;
		atomic_long_set(&cleared, 0);
		check_format(&format);
		race_format(&format);
		CHECK(atomic_long_read(&cleared) > 1000);
	}
}

/* What the manual says of an entry (PoP ch. 3, "Translation Tables"). */
static void s390_entries_have_the_manuals_bits(void)
{
	const u64 pa = 0x123456000, soft = 0xff;
	struct s2_format f = { };

	sie_s2_format_init(&f, 5);
	CHECK_EQ(f.leaf(pa, 0, S2_RWX | S2_ACCESSED) & ~soft, pa);
	CHECK_EQ(f.leaf(pa, 0, S2_R | S2_ACCESSED) & ~soft, pa | 0x200);
	CHECK_EQ(f.leaf(pa, 0, S2_RWX) & ~soft, pa | 0x400);
	CHECK_EQ(f.table(pa + 0x800, 1), pa + 0x800);
	CHECK_EQ(f.table(pa, 2), pa | 0x7);
	CHECK_EQ(f.table(pa, 3), pa | 0xb);
	CHECK_EQ(f.table(pa, 4), pa | 0xf);
	CHECK_EQ(f.empty[0], 0x400);
	CHECK_EQ(f.empty[1], 0x20);
	CHECK_EQ(f.empty[2], 0x24);
	CHECK_EQ(f.empty[3], 0x28);
	CHECK_EQ(f.table_bytes[0], 4096);
	CHECK_EQ(f.pa(f.leaf(pa, 0, S2_R), 0), pa);
	CHECK_EQ(f.pa(f.table(pa + 0x800, 1), 1), pa + 0x800);
	CHECK_EQ(f.pa(f.table(pa, 3), 3), pa);
	CHECK_EQ(sie_pgste_key(sie_pgste_with_key(~0ULL, 0xa4)), 0xa4);
	CHECK_EQ(sie_pgste_key(sie_pgste_with_key(0, 0x5a)), 0x5a);
}

/* What the manual says of a descriptor (Arm ARM D8.3.2, D8.5.5). */
static void arm_descriptors_have_the_manuals_bits(void)
{
	const u64 pa = 0x123456000, xn = 2ULL << 53, af = 1ULL << 10, inner = 3ULL << 8;
	struct s2_format f = { };

	arm_s2_format_init(&f, 40, false, false);
	CHECK_EQ(f.leaf(pa, 0, S2_R), pa | 3 | 0xf << 2 | 1 << 6 | inner | xn);
	CHECK_EQ(f.leaf(pa, 0, S2_RWX | S2_ACCESSED), pa | 3 | 0xf << 2 | 3 << 6 | inner | af);
	CHECK_EQ(f.leaf(0x40000000, 1, S2_R | S2_X), 0x40000000 | 1 | 0xf << 2 | 1 << 6 | inner);
	CHECK_EQ(f.leaf(pa, 0, S2_R | S2_X | S2_DEVICE) & 0xf << 2, 1 << 2);
	CHECK_EQ(f.table(pa, 1), pa | 3);
	CHECK_EQ(f.attr(0, 0), 0);
	CHECK_EQ(f.attr(f.table(pa, 1), 1), S2_TABLE | S2_RWX);
	CHECK_EQ(f.attr(f.leaf(pa, 0, S2_R | S2_DEVICE), 0), S2_LEAF | S2_R | S2_DEVICE);
	CHECK_EQ(f.pa(f.leaf(pa, 0, S2_RWX), 0), pa);
	arm_s2_format_init(&f, 40, true, false);
	CHECK_EQ(f.leaf(pa, 0, S2_R | S2_X) & 0xf << 2, 6 << 2);
}

/* formats/: as hosts with pages of 16K and 64K have them. */
void arm_s2_format_init_16k(struct s2_format *f, unsigned int ipa_bits, bool fwb, bool fetch_coherent);
void arm_s2_format_init_64k(struct s2_format *f, unsigned int ipa_bits, bool fwb, bool fetch_coherent);

static void check_levels(const struct s2_format *f, unsigned int ipa_bits, unsigned int page_shift)
{
	const unsigned int bits = page_shift - 3, root = f->levels - 1;
	unsigned int level;

	for (level = 0; level < root; level++) {
		CHECK_EQ(f->shift[level], page_shift + level * bits);
		CHECK_EQ(f->bits[level], bits);
	}
	CHECK_EQ(f->shift[root], page_shift + root * bits);
	CHECK_EQ(f->shift[root] + f->bits[root], ipa_bits);
	/* At most 16 tables side by side, and a level less only where it takes them (D8.2.2). */
	CHECK(f->bits[root] >= 1 && f->bits[root] <= bits + 4);
	CHECK(root == 1 || ipa_bits > page_shift + root * bits + 4);
	/* There are always blocks of the first size: of 2M, 32M, 512M. */
	CHECK(f->leaf_levels & BIT(1));
	CHECK(!(f->leaf_levels >> f->levels));
}

/* VTCR_EL2.SL0 must be able to say where the walk begins: at most 3 levels but with pages of 4K. */
static void arm_levels_suit_every_size_of_page_and_address(void)
{
	struct s2_format f;
	unsigned int bits;

	for (bits = 32; bits <= 48; bits++) {
		memset(&f, 0, sizeof(f));
		arm_s2_format_init(&f, bits, false, false);
		CHECK_EQ(f.levels, bits > 43 ? 4 : bits > 34 ? 3 : 2);
		CHECK_EQ(f.leaf_levels, bits > 34 ? 7 : 3);
		check_levels(&f, bits, 12);
		memset(&f, 0, sizeof(f));
		arm_s2_format_init_16k(&f, bits, false, false);
		CHECK_EQ(f.levels, bits > 40 ? 3 : 2);
		CHECK_EQ(f.leaf_levels, 3);
		check_levels(&f, bits, 14);
		memset(&f, 0, sizeof(f));
		arm_s2_format_init_64k(&f, bits, false, false);
		CHECK_EQ(f.levels, bits > 46 ? 3 : 2);
		CHECK_EQ(f.leaf_levels, 3);
		check_levels(&f, bits, 16);
	}
}

/* Of an address, the bits from the page's size on; the rest is the same. */
static void arm_descriptors_of_other_pages(void)
{
	const u64 pa = 0x812345670000, inner = 3ULL << 8, xn = 2ULL << 53;
	struct s2_format f = { };

	arm_s2_format_init_64k(&f, 48, false, false);
	CHECK_EQ(f.leaf(pa, 0, S2_R), pa | 3 | 0xf << 2 | 1 << 6 | inner | xn);
	CHECK_EQ(f.leaf(0x20000000, 1, S2_R | S2_X), 0x20000000 | 1 | 0xf << 2 | 1 << 6 | inner);
	CHECK_EQ(f.pa(f.leaf(pa, 0, S2_RWX) | 0xf000, 0), pa);
	CHECK_EQ(f.table(pa, 1), pa | 3);
	CHECK_EQ(f.attr(f.table(pa, 2), 2), S2_TABLE | S2_RWX);
	CHECK_EQ(f.attr(f.leaf(0x20000000, 1, S2_RWX), 1), S2_LEAF | S2_RWX);
	arm_s2_format_init_16k(&f, 48, false, false);
	CHECK_EQ(f.pa(f.leaf(pa + 0x4000, 0, S2_RWX) | 0x3000, 0), pa + 0x4000);
}

/* ---- the geometries of docs/porting.md that host pages of 4K have, with entries of no machine ---- */

#define E_PRESENT	BIT_ULL(7)	/* inverted where 0 is a valid entry */
#define E_TABLE		BIT_ULL(6)
#define E_ATTR		0x3fULL		/* the engine's own bits */
#define E_PA		0x00ffffffffffff00ULL

static bool big_endian, zero_is_valid;

static u64 in_memory(u64 value)
{
	value ^= zero_is_valid ? E_PRESENT : 0;
	return big_endian ? __builtin_bswap64(value) : value;
}

static u64 e_leaf(phys_addr_t pa, unsigned int level, u32 attr)
{
	return in_memory(pa | E_PRESENT | (attr & E_ATTR));
}

static u64 e_table(phys_addr_t pa, unsigned int level)
{
	return in_memory(pa | E_PRESENT | E_TABLE);
}

/* From memory is as to memory. */
static u32 e_attr(u64 entry, unsigned int level)
{
	u64 value = big_endian ? __builtin_bswap64(entry) : entry;

	value ^= zero_is_valid ? E_PRESENT : 0;
	if (!(value & E_PRESENT))
		return 0;
	return value & E_TABLE ? S2_TABLE | S2_RWX : S2_LEAF | (value & E_ATTR);
}

static phys_addr_t e_pa(u64 entry, unsigned int level)
{
	return (big_endian ? __builtin_bswap64(entry) : entry) & E_PA;
}

static const struct geometry {
	struct s2_format format;
	bool big_endian, zero_is_valid;
} geometries[] = {
	{ { "POWER radix", 4, { 12, 21, 30, 39 }, { 9, 9, 9, 13 }, 7, .break_before_make = true,
	    .hw_dirty = true }, true },
	{ { "s390, 42 bits", 3, { 12, 20, 31 }, { 8, 11, 11 }, 7, { 4096 }, .break_before_make = true },
	  true, true },
	{ { "s390, 64 bits", 5, { 12, 20, 31, 42, 53 }, { 8, 11, 11, 11, 11 }, 7, { 4096 },
	    .break_before_make = true }, true, true },
	{ { "Sv39x4", 3, { 12, 21, 30 }, { 9, 9, 11 }, 7, .hw_dirty = true } },
	{ { "Sv48x4", 4, { 12, 21, 30, 39 }, { 9, 9, 9, 11 }, 15 } },
	/* Nobody's: leaves of three sizes in a small space, tables that are mostly something else. */
	{ { "small", 4, { 12, 15, 18, 20 }, { 3, 3, 2, 17 }, 7, { 256, 256, 256 }, .hw_dirty = true },
	  true },
	{ { "small, strict", 4, { 12, 15, 18, 20 }, { 3, 3, 2, 17 }, 7, { 256, 256, 256 },
	    .break_before_make = true }, false, true },
};

static void geometries_agree_with_an_array(void)
{
	unsigned int i, level;

	for (i = 0; i < ARRAY_SIZE(geometries); i++) {
		struct s2_format format = geometries[i].format;

		big_endian = geometries[i].big_endian;
		zero_is_valid = geometries[i].zero_is_valid;
		format.leaf = e_leaf;
		format.table = e_table;
		format.attr = e_attr;
		format.pa = e_pa;
		for (level = 0; level < format.levels; level++)
			format.empty[level] = in_memory(0);
		printf("# %s\n", format.name);
		check_format(&format);
		race_format(&format);
	}
}

static void memory_is_prepared_before_it_is_mapped_and_before_it_is_executed(void)
{
	struct machine m;
	struct s2_cache cache = { };
	bool flush = false;
	struct fake_vm *vm;
	struct file *file;

	machine_make(&m, TOY_STRICT, 0);
	file = fget(m.vm);
	vm = to_fake_vm(file->private_data);
	HOST_BUG_ON(s2_cache_fill(&vm->vm.s2, &cache));
	read_lock(&vm->vm.s2.lock);
	CHECK_EQ(s2_map(&vm->vm.s2, &cache, 5, 0, 0x5000, S2_R | S2_ACCESSED, false, &flush), 0);
	CHECK_EQ(atomic_long_read(&vm->prepared), 1);
	CHECK_EQ(s2_map(&vm->vm.s2, &cache, 5, 0, 0x5000, S2_R | S2_W, false, &flush), 0);
	CHECK_EQ(atomic_long_read(&vm->prepared), 1);
	CHECK_EQ(atomic_long_read(&vm->prepared_exec), 0);
	CHECK_EQ(s2_map(&vm->vm.s2, &cache, 5, 0, 0x5000, S2_R | S2_X, false, &flush), 0);
	CHECK_EQ(s2_map(&vm->vm.s2, &cache, 5, 0, 0x5000, S2_R | S2_X, false, &flush), 0);
	CHECK_EQ(atomic_long_read(&vm->prepared), 1);
	CHECK_EQ(atomic_long_read(&vm->prepared_exec), 1);
	CHECK_EQ(s2_map(&vm->vm.s2, &cache, 6, 0, 0x6000, S2_R | S2_DEVICE, false, &flush), 0);
	read_unlock(&vm->vm.s2.lock);
	CHECK_EQ(atomic_long_read(&vm->prepared), 1);
	berth_s2_prepare_again(&vm->vm);
	CHECK_EQ(atomic_long_read(&vm->prepared), 2);
	CHECK_EQ(atomic_long_read(&vm->prepared_exec), 1);
	s2_cache_drain(&vm->vm.s2, &cache);
	fput(file);
	machine_free(&m);
}

/* What the manual says of an entry (APM vol. 2, 5.4 and 15.25.5). */
static void npt_entries_have_the_manuals_bits(void)
{
	const struct s2_format *f = svm_npt_format();
	const u64 pa = 0x123456000, nx = 1ULL << 63;

	CHECK_EQ(f->leaf(pa, 0, S2_R), pa | 0x5 | nx);
	CHECK_EQ(f->leaf(pa, 0, S2_RWX), pa | 0x7);
	CHECK_EQ(f->leaf(pa, 0, S2_RWX | S2_ACCESSED | S2_DIRTY), pa | 0x67);
	CHECK_EQ(f->leaf(pa, 0, S2_R | S2_X | S2_DEVICE), pa | 0x1d);
	CHECK_EQ(f->leaf(0x40000000, 1, S2_R | S2_X), 0x40000000 | 0x85);
	CHECK_EQ(f->table(pa, 2), pa | 0x27);
	CHECK_EQ(f->attr(0, 0), 0);
	CHECK_EQ(f->attr(f->table(pa, 1), 1), S2_TABLE | S2_RWX);
	CHECK_EQ(f->attr(f->leaf(pa, 0, S2_R | S2_DEVICE), 0), S2_LEAF | S2_R | S2_DEVICE);
	CHECK_EQ(f->pa(f->leaf(pa, 0, S2_RWX), 0), pa);
	CHECK_EQ(f->pa(f->table(pa, 3), 3), pa);
}

static const struct test tests[] = {
	TEST(plain_format_agrees_with_an_array),
	TEST(strict_format_agrees_with_an_array),
	TEST(npt_agrees_with_an_array),
	TEST(arm_stage_2_agrees_with_an_array),
	TEST(arm_descriptors_have_the_manuals_bits),
	TEST(arm_levels_suit_every_size_of_page_and_address),
	TEST(arm_descriptors_of_other_pages),
	TEST(s390_tables_agree_with_an_array),
	TEST(s390_entries_have_the_manuals_bits),
	TEST(geometries_agree_with_an_array),
	TEST(tables_are_there_before_what_they_map),
	TEST(zap_lets_go_of_the_lock),
	TEST(memory_is_prepared_before_it_is_mapped_and_before_it_is_executed),
	TEST(npt_entries_have_the_manuals_bits),
};

int main(void)
{
	return RUN_TESTS(tests);
}
