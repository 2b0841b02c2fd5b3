// SPDX-License-Identifier: GPL-2.0-only
/* The host layer's interval tree (a list in ascending order), xarray (a sorted array) and log. */
#include <host/host.h>
#include <stdarg.h>
#include <stdlib.h>

void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root)
{
	struct interval_tree_node **p = &root->first;

	while (*p && (*p)->start < node->start)
		p = &(*p)->next;
	node->next = *p;
	*p = node;
}

void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root)
{
	struct interval_tree_node **p = &root->first;

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
}

static struct interval_tree_node *overlap(struct interval_tree_node *node, unsigned long start,
					  unsigned long last)
{
	while (node && (node->last < start || node->start > last))
		node = node->next;
	return node;
}

struct interval_tree_node *interval_tree_iter_first(struct rb_root_cached *root,
						    unsigned long start, unsigned long last)
{
	return overlap(root->first, start, last);
}

struct interval_tree_node *interval_tree_iter_next(struct interval_tree_node *node,
						   unsigned long start, unsigned long last)
{
	return overlap(node->next, start, last);
}

/* ---- xarray ---- */

/* The first place whose index is not below. */
static unsigned int place(const struct xarray *xa, unsigned long index)
{
	unsigned int lo = 0, hi = xa->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (xa->slot[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool at(const struct xarray *xa, unsigned int i, unsigned long index)
{
	return i < xa->nr && xa->slot[i].index == index;
}

static void *visible(void *entry)
{
	return entry == XA_RESERVED ? NULL : entry;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	void *entry = NULL;
	unsigned int i;

	pthread_mutex_lock(&xa->lock);
	i = place(xa, index);
	if (at(xa, i, index))
		entry = xa->slot[i].entry;
	pthread_mutex_unlock(&xa->lock);
	return visible(entry);
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct xarray_slot *grown;
	void *old = NULL;
	unsigned int i;

	HOST_BUG_ON(!entry);
	pthread_mutex_lock(&xa->lock);
	i = place(xa, index);
	if (at(xa, i, index)) {
		old = xa->slot[i].entry;
		xa->slot[i].entry = entry;
		goto out;
	}
	/* A new place needs memory, even where there is room: the kernel's may. */
	grown = kmalloc((xa->nr + 1) * sizeof(*grown), gfp);
	if (!grown) {
		old = ERR_PTR(-ENOMEM);
		goto out;
	}
	if (xa->nr) {
		memcpy(grown, xa->slot, i * sizeof(*grown));
		memcpy(grown + i + 1, xa->slot + i, (xa->nr - i) * sizeof(*grown));
	}
	kfree(xa->slot);
	xa->slot = grown;
	xa->slot[i] = (struct xarray_slot) { index, entry };
	xa->nr++;
out:
	pthread_mutex_unlock(&xa->lock);
	return IS_ERR(old) ? old : visible(old);
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	void *old = NULL;
	unsigned int i;

	pthread_mutex_lock(&xa->lock);
	i = place(xa, index);
	if (at(xa, i, index)) {
		old = xa->slot[i].entry;
		memmove(xa->slot + i, xa->slot + i + 1, (--xa->nr - i) * sizeof(*xa->slot));
	}
	if (!xa->nr) {
		kfree(xa->slot);
		xa->slot = NULL;
	}
	pthread_mutex_unlock(&xa->lock);
	return visible(old);
}

int xa_reserve(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	return xa_load(xa, index) ? 0 : xa_err(xa_store(xa, index, XA_RESERVED, gfp));
}

void xa_release(struct xarray *xa, unsigned long index)
{
	if (!xa_load(xa, index))
		xa_erase(xa, index);
}

void *xa_find(struct xarray *xa, unsigned long *index)
{
	void *entry = NULL;
	unsigned int i;

	pthread_mutex_lock(&xa->lock);
	for (i = place(xa, *index); i < xa->nr && !entry; i++) {
		entry = visible(xa->slot[i].entry);
		*index = xa->slot[i].index;
	}
	pthread_mutex_unlock(&xa->lock);
	return entry;
}

void xa_destroy(struct xarray *xa)
{
	kfree(xa->slot);
	xa->slot = NULL;
	xa->nr = 0;
}

/* ---- the log ---- */

static char log_text[16384];
static size_t log_length;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

void host_printk(const char *fmt, ...)
{
	size_t room;
	va_list ap;
	int n;

	pthread_mutex_lock(&log_lock);
	room = sizeof(log_text) - log_length;
	va_start(ap, fmt);
	n = vsnprintf(log_text + log_length, room, fmt, ap);
	va_end(ap);
	log_length += min((size_t)n, room - 1);
	pthread_mutex_unlock(&log_lock);
}

bool host_log_has(const char *text)
{
	bool has;

	pthread_mutex_lock(&log_lock);
	has = strstr(log_text, text);
	pthread_mutex_unlock(&log_lock);
	return has;
}

void host_log_clear(void)
{
	pthread_mutex_lock(&log_lock);
	log_length = 0;
	log_text[0] = 0;
	pthread_mutex_unlock(&log_lock);
}

void host_bug(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nBail out!\n");
	fflush(stdout);
	abort();
}
