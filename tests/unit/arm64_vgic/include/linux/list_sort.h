/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's list_sort(), stable as that is. */
#ifndef TEST_LINUX_LIST_SORT_H
#define TEST_LINUX_LIST_SORT_H

#include <linux/list.h>

static inline void list_sort(void *priv, struct list_head *head,
			     int (*cmp)(void *priv, const struct list_head *a,
					const struct list_head *b))
{
	struct list_head *entry = head->next, *next, *at;

	while (entry != head) {
		next = entry->next;
		at = entry->prev;
		while (at != head && cmp(priv, at, entry) > 0)
			at = at->prev;
		list_del(entry);
		list_add(entry, at);
		entry = next;
	}
}

#endif
