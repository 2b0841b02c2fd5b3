/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host layer: allocation.  Every allocation is one of malloc(), which the address sanitizer
 * watches, can be made to fail (host_fail_nth()) and is counted.  Physical addresses are virtual ones.
 */
#ifndef HOST_MEM_H
#define HOST_MEM_H

#include <host/atomic.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PMD_SHIFT	21
#define PUD_SHIFT	30
#define PAGE_ALIGNED(a)	IS_ALIGNED((unsigned long)(a), PAGE_SIZE)
#define offset_in_page(a) ((unsigned long)(a) & ~PAGE_MASK)

#define SMP_CACHE_BYTES	64
#define SLAB_ACCOUNT	0
#define GFP_ATOMIC	BIT(0)
#define GFP_KERNEL	BIT(1)		/* may sleep */
#define GFP_KERNEL_ACCOUNT GFP_KERNEL
#define __GFP_ZERO	BIT(2)

void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p);

static inline void *kzalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp | __GFP_ZERO); }
static inline void *kvmalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp); }
static inline void *kvzalloc(size_t size, gfp_t gfp) { return kzalloc(size, gfp); }
static inline void kvfree(const void *p) { kfree(p); }

static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kzalloc(array_size(n, size), gfp);
}

struct kmem_cache;

struct kmem_cache *kmem_cache_create_usercopy(const char *name, size_t size, size_t align,
					      unsigned int flags, size_t offset, size_t bytes,
					      void (*ctor)(void *p));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *p);

/* A page of memory.  Those of one allocation lie side by side. */
struct page {
	int refs;
	bool compound;
	bool reserved;
	bool dirty;
	bool accessed;
	bool poisoned;			/* a use of it is answered with -EHWPOISON */
	unsigned long pfn;
	struct host_pages *of;		/* the allocation */
	struct page *next;		/* in the hash */
};

/* Whole pages; as the kernel's, naturally aligned. */
void *alloc_pages_exact(size_t bytes, gfp_t gfp);
void free_pages_exact(void *p, size_t bytes);

static inline unsigned int get_order(size_t bytes)
{
	unsigned int order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

static inline unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	return (unsigned long)alloc_pages_exact(PAGE_SIZE << order, gfp);
}

static inline void free_pages(unsigned long p, unsigned int order)
{
	free_pages_exact((void *)p, PAGE_SIZE << order);
}

static inline unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}

static inline void free_page(unsigned long p)
{
	if (p)
		free_pages(p, 0);
}

static inline void *__vmalloc(size_t size, gfp_t gfp)
{
	return alloc_pages_exact(ALIGN(size, PAGE_SIZE), gfp);
}

void vfree(const void *p);

static inline phys_addr_t virt_to_phys(const volatile void *p) { return (phys_addr_t)p; }
static inline void *phys_to_virt(phys_addr_t pa) { return (void *)pa; }

/* NULL: not a page of an allocation. */
struct page *host_page_of(unsigned long pfn);

static inline struct page *virt_to_page(const void *p)
{
	return host_page_of((unsigned long)p >> PAGE_SHIFT);
}

static inline struct page *vmalloc_to_page(const void *p) { return virt_to_page(p); }
static inline bool pfn_valid(unsigned long pfn) { return host_page_of(pfn); }
static inline unsigned long page_to_pfn(const struct page *page) { return page->pfn; }
static inline void *page_address(const struct page *page)
{
	return (void *)(page->pfn << PAGE_SHIFT);
}

/* The last put frees an allocation whose owner has let go of it. */
void get_page(struct page *page);
void put_page(struct page *page);

static inline bool PageCompound(const struct page *page) { return page->compound; }
static inline bool PageReserved(const struct page *page) { return page->reserved; }
static inline void SetPageDirty(struct page *page) { WRITE_ONCE(page->dirty, true); }
static inline void mark_page_accessed(struct page *page) { WRITE_ONCE(page->accessed, true); }

#endif
