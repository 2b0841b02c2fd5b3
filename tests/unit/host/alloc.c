// SPDX-License-Identifier: GPL-2.0-only
/* The host layer's allocator: malloc() with counts, failures on demand and pages that know their use. */
#include <host/host.h>
#include <stdlib.h>

#define POISON	0xa5

static __thread unsigned int fail_in, fail_copy_in;
static __thread bool failed;
static atomic_long_t live;

void host_fail_nth(unsigned int n)
{
	fail_in = n;
	failed = false;
}

void host_fail_copy(unsigned int n)
{
	fail_copy_in = n;
	failed = false;
}

bool host_copy_fails(void)
{
	if (!fail_copy_in || --fail_copy_in)
		return false;
	failed = true;
	return true;
}

bool host_failed(void)
{
	return failed;
}

long host_allocations(void)
{
	return atomic_long_read(&live);
}

static bool fails(gfp_t gfp)
{
	/* Without: user space's own pages. */
	if (!(gfp & GFP_KERNEL))
		return false;
	might_sleep();
	if (!fail_in || --fail_in)
		return false;
	failed = true;
	return true;
}

static void *take(size_t align, size_t size, gfp_t gfp)
{
	void *p;

	if (fails(gfp) || size > 1UL << 32)
		return NULL;
	p = aligned_alloc(align, ALIGN(size ?: 1, align));
	HOST_BUG_ON(!p);
	memset(p, gfp & __GFP_ZERO ? 0 : POISON, size);
	atomic_long_inc(&live);
	return p;
}

static void give(const void *p)
{
	atomic_long_dec(&live);
	free((void *)p);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	/* Powers of two are naturally aligned, as second-stage tables rely on. */
	size_t align = is_power_of_2(size) && size > 16 ? min(size, PAGE_SIZE) : 16;

	return take(align, size, gfp);
}

void kfree(const void *p)
{
	if (p)
		give(p);
}

struct kmem_cache {
	size_t size, align;
	atomic_long_t objects;
};

struct kmem_cache *kmem_cache_create_usercopy(const char *name, size_t size, size_t align,
					      unsigned int flags, size_t offset, size_t bytes,
					      void (*ctor)(void *p))
{
	struct kmem_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	if (!cache)
		return NULL;
	HOST_BUG_ON(offset + bytes > size || ctor);
	cache->size = size;
	cache->align = align;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	if (!cache)
		return;
	HOST_BUG_ON(atomic_long_read(&cache->objects));
	kfree(cache);
}

void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = take(cache->align, cache->size, gfp | __GFP_ZERO);

	if (p)
		atomic_long_inc(&cache->objects);
	return p;
}

void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	atomic_long_dec(&cache->objects);
	give(p);
}

/* ---- pages ---- */

struct host_pages {
	void *base;
	unsigned long nr;
	atomic_long_t left;		/* pages with references */
	struct page page[];
};

#define HASH	4096
static struct page *hash[HASH];
static pthread_rwlock_t hash_lock = PTHREAD_RWLOCK_INITIALIZER;

struct page *host_page_of(unsigned long pfn)
{
	struct page *page;

	pthread_rwlock_rdlock(&hash_lock);
	for (page = hash[pfn % HASH]; page && page->pfn != pfn; page = page->next)
		;
	pthread_rwlock_unlock(&hash_lock);
	return page;
}

static void hash_add(struct page *page)
{
	page->next = hash[page->pfn % HASH];
	hash[page->pfn % HASH] = page;
}

static void hash_remove(struct page *page)
{
	struct page **p = &hash[page->pfn % HASH];

	while (*p != page)
		p = &(*p)->next;
	*p = page->next;
}

void *alloc_pages_exact(size_t bytes, gfp_t gfp)
{
	unsigned long i, nr = ALIGN(bytes, PAGE_SIZE) / PAGE_SIZE;
	struct host_pages *of;
	size_t align = PAGE_SIZE;
	void *base;

	while (align < nr * PAGE_SIZE)
		align <<= 1;
	base = take(align, nr * PAGE_SIZE, gfp);
	if (!base)
		return NULL;
	of = calloc(1, struct_size(of, page, nr));
	HOST_BUG_ON(!of);
	of->base = base;
	of->nr = nr;
	atomic_long_set(&of->left, nr);
	pthread_rwlock_wrlock(&hash_lock);
	for (i = 0; i < nr; i++) {
		of->page[i].refs = 1;
		of->page[i].pfn = ((unsigned long)base >> PAGE_SHIFT) + i;
		of->page[i].of = of;
		hash_add(&of->page[i]);
	}
	pthread_rwlock_unlock(&hash_lock);
	return base;
}

void get_page(struct page *page)
{
	HOST_BUG_ON(__atomic_fetch_add(&page->refs, 1, __ATOMIC_SEQ_CST) < 1);
}

void put_page(struct page *page)
{
	struct host_pages *of = page->of;
	int left = __atomic_sub_fetch(&page->refs, 1, __ATOMIC_SEQ_CST);
	unsigned long i;

	HOST_BUG_ON(left < 0);
	if (left || atomic_long_dec_return(&of->left))
		return;
	pthread_rwlock_wrlock(&hash_lock);
	for (i = 0; i < of->nr; i++)
		hash_remove(&of->page[i]);
	pthread_rwlock_unlock(&hash_lock);
	give(of->base);
	free(of);
}

void free_pages_exact(void *p, size_t bytes)
{
	struct page *page = virt_to_page(p);
	unsigned long i, nr = ALIGN(bytes, PAGE_SIZE) / PAGE_SIZE;

	HOST_BUG_ON(!page || page->of->base != p || page->of->nr != nr);
	/* The allocation may go with its last page. */
	for (i = 0; i < nr; i++)
		put_page(page + i);
}

void vfree(const void *p)
{
	if (p)
		free_pages_exact((void *)p, virt_to_page(p)->of->nr * PAGE_SIZE);
}
