/* SPDX-License-Identifier: GPL-2.0-only */
/* The host layer: lists, the interval tree (a sorted list), the xarray (a sorted array). */
#ifndef HOST_LIST_H
#define HOST_LIST_H

#include <host/lock.h>

struct list_head { struct list_head *next, *prev; };

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	WRITE_ONCE(h->next, h);
	h->prev = h;
}

static inline bool list_empty(const struct list_head *h) { return READ_ONCE(h->next) == h; }

static inline void list_insert(struct list_head *e, struct list_head *prev, struct list_head *next)
{
	e->next = next;
	e->prev = prev;
	next->prev = e;
	/* Readers that walk meanwhile find a whole entry. */
	smp_store_release(&prev->next, e);
}

static inline void list_add(struct list_head *e, struct list_head *h) { list_insert(e, h, h->next); }
static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	list_insert(e, h->prev, h);
}

/* The entry goes on leading readers back into the list. */
static inline void list_del_rcu(struct list_head *e)
{
	e->next->prev = e->prev;
	WRITE_ONCE(e->prev->next, e->next);
	e->prev = NULL;
}

static inline void list_del(struct list_head *e)
{
	list_del_rcu(e);
	e->next = NULL;
}

static inline void list_del_init(struct list_head *e)
{
	list_del_rcu(e);
	INIT_LIST_HEAD(e);
}

#define list_add_rcu(e, h)		list_add(e, h)
#define list_entry(p, t, m)		container_of(p, t, m)
#define list_next_of(p, m)		\
	list_entry(__atomic_load_n(&(p)->m.next, __ATOMIC_ACQUIRE), __typeof__(*(p)), m)

#define list_for_each_entry(p, h, m)						\
	for (p = list_entry(__atomic_load_n(&(h)->next, __ATOMIC_ACQUIRE),	\
			    __typeof__(*p), m);					\
	     &p->m != (h); p = list_next_of(p, m))
#define list_for_each_entry_safe(p, n, h, m)					\
	for (p = list_entry((h)->next, __typeof__(*p), m), n = list_next_of(p, m); \
	     &p->m != (h); p = n, n = list_next_of(n, m))
#define list_for_each_entry_safe_reverse(p, n, h, m)				\
	for (p = list_entry((h)->prev, __typeof__(*p), m),			\
	     n = list_entry(p->m.prev, __typeof__(*p), m);			\
	     &p->m != (h); p = n, n = list_entry(n->m.prev, __typeof__(*p), m))
#define list_for_each_entry_srcu(p, h, m, c)					\
	for (HOST_BUG_ON(!(c)), p = list_entry(__atomic_load_n(&(h)->next,	\
			__ATOMIC_ACQUIRE), __typeof__(*p), m);			\
	     &p->m != (h); p = list_next_of(p, m))

struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };

#define INIT_HLIST_HEAD(h)	((h)->first = NULL)
static inline bool hlist_empty(const struct hlist_head *h) { return !READ_ONCE(h->first); }

static inline void hlist_add_head_rcu(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (h->first)
		h->first->pprev = &n->next;
	smp_store_release(&h->first, n);
}

static inline void hlist_del_init_rcu(struct hlist_node *n)
{
	if (!n->pprev)
		return;
	WRITE_ONCE(*n->pprev, n->next);
	if (n->next)
		n->next->pprev = n->pprev;
	n->pprev = NULL;
}

#define hlist_entry_or_null(n, t, m) \
	({ struct hlist_node *_n = (n); _n ? container_of(_n, t, m) : NULL; })
#define hlist_for_each_entry_srcu(p, h, m, c)						\
	for (HOST_BUG_ON(!(c)), p = hlist_entry_or_null(				\
			__atomic_load_n(&(h)->first, __ATOMIC_ACQUIRE), __typeof__(*p), m); \
	     p; p = hlist_entry_or_null(__atomic_load_n(&p->m.next, __ATOMIC_ACQUIRE),	\
					__typeof__(*p), m))

/* <linux/interval_tree.h>: inclusive ranges. */
struct interval_tree_node {
	unsigned long start, last;
	struct interval_tree_node *next;
};

struct rb_root_cached { struct interval_tree_node *first; };
#define RB_ROOT_CACHED	((struct rb_root_cached) { })

void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root);
void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root);
struct interval_tree_node *interval_tree_iter_first(struct rb_root_cached *root,
						    unsigned long start, unsigned long last);
struct interval_tree_node *interval_tree_iter_next(struct interval_tree_node *node,
						   unsigned long start, unsigned long last);

/* <linux/xarray.h>: readers need no lock. */
struct xarray {
	pthread_mutex_t lock;
	unsigned int nr, room;
	struct xarray_slot { unsigned long index; void *entry; } *slot;
};

#define XA_FLAGS_ACCOUNT	0
#define XA_RESERVED		((void *)1UL)

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	*xa = (struct xarray) { .lock = PTHREAD_MUTEX_INITIALIZER };
}

static inline void xa_init(struct xarray *xa) { xa_init_flags(xa, 0); }
static inline int xa_err(void *entry) { return IS_ERR(entry) ? PTR_ERR(entry) : 0; }
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, unsigned long index);
int xa_reserve(struct xarray *xa, unsigned long index, gfp_t gfp);
void xa_release(struct xarray *xa, unsigned long index);
void xa_destroy(struct xarray *xa);
/* The first entry at or above *index, which becomes its. */
void *xa_find(struct xarray *xa, unsigned long *index);

#define xa_for_each(xa, i, entry) \
	for (i = 0; (entry = xa_find(xa, &i)); i++)

#endif
