// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host layer's address spaces.  Mappings have an array of page-table entries; what changes one
 * tells the notifiers first, as mm/ does, and lets go of the page before it tells them of the end, so
 * that who still uses it is found by the sanitizers.
 */
#include <host/host.h>
#include <stdlib.h>

struct pte {
	struct page *page;		/* referenced; NULL: not there, or frames of a device */
	unsigned long pfn;
	bool present, writable;
	u8 shift;			/* the size of the mapping it is part of */
};

struct area {
	struct vm_area_struct vma;	/* first */
	void *frames;			/* VM_PFNMAP */
	bool frames_writable;
	struct pte pte[];
};

struct mm_struct {
	atomic_t refs;
	pthread_mutex_t ptes;		/* entries, and which areas there are */
	struct host_lock mmap_lock;
	pthread_rwlock_t notifier_lock;
	struct list_head notifiers;
	struct vm_area_struct *areas;
	unsigned long next;		/* the next free address */
};

bool host_copy_own(void *to, const void *from, size_t n, bool write);
char *host_arena;
size_t host_arena_size;

static struct mm_struct first_mm;

static void mm_init(struct mm_struct *mm)
{
	atomic_set(&mm->refs, 1);
	pthread_mutex_init(&mm->ptes, NULL);
	host_lock_init(&mm->mmap_lock, "mmap_lock");
	pthread_rwlock_init(&mm->notifier_lock, NULL);
	INIT_LIST_HEAD(&mm->notifiers);
	mm->next = HOST_USER;
}

struct mm_struct *host_first_mm(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (!first_mm.next)
		mm_init(&first_mm);
	pthread_mutex_unlock(&lock);
	return &first_mm;
}

void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->refs);
}

void mmdrop(struct mm_struct *mm)
{
	int left = atomic_dec_return(&mm->refs);

	HOST_BUG_ON(left < 0);
	if (!left) {
		HOST_BUG_ON(mm == &first_mm || mm->areas || !list_empty(&mm->notifiers));
		free(mm);
	}
}

struct mm_struct *host_mm_new(void)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));

	HOST_BUG_ON(!mm);
	mm_init(mm);
	return mm;
}

void host_mm_use(struct mm_struct *mm)
{
	current->mm = mm ?: host_first_mm();
}

void mmap_read_lock(struct mm_struct *mm)
{
	might_sleep();
	host_lock_read(&mm->mmap_lock);
}

void mmap_read_unlock(struct mm_struct *mm)
{
	host_unlock_read(&mm->mmap_lock);
}

/* ---- entries ---- */

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start,
					     unsigned long end)
{
	struct vm_area_struct *vma = mm->areas;

	while (vma && (vma->vm_end <= start || vma->vm_start >= end))
		vma = vma->next;
	return vma;
}

static struct area *area_at(struct mm_struct *mm, unsigned long address)
{
	return (struct area *)find_vma_intersection(mm, address, address + 1);
}

/* NULL outside of all areas.  ptes held. */
static struct pte *pte_at(struct mm_struct *mm, unsigned long address)
{
	struct area *area = area_at(mm, address);

	return area ? &area->pte[(address - area->vma.vm_start) >> PAGE_SHIFT] : NULL;
}

static void pte_set(struct pte *pte, struct page *page, bool writable, unsigned int shift)
{
	*pte = (struct pte) {
		.page = page, .pfn = page_to_pfn(page), .present = true, .writable = writable,
		.shift = shift,
	};
}

static struct page *page_new(const void *bytes)
{
	void *p = alloc_pages_exact(PAGE_SIZE, bytes ? 0 : __GFP_ZERO);

	HOST_BUG_ON(!p);
	if (bytes)
		memcpy(p, bytes, PAGE_SIZE);
	return virt_to_page(p);
}

/* ---- events ---- */

void host_invalidate(unsigned long start, unsigned long end, bool begin)
{
	struct mm_struct *mm = current->mm;
	struct mmu_notifier_range range = { mm, start, end };
	struct mmu_notifier *mn;

	pthread_rwlock_rdlock(&mm->notifier_lock);
	list_for_each_entry(mn, &mm->notifiers, link) {
		if (begin)
			mn->ops->invalidate_range_start(mn, &range);
		else
			mn->ops->invalidate_range_end(mn, &range);
	}
	pthread_rwlock_unlock(&mm->notifier_lock);
}

/*
 * A huge mapping of which a part is to change becomes single ones, and notifiers hear of all of it,
 * as from __split_huge_pmd().  @address: where in it; nothing to do where that is its border.
 */
static void split_huge(struct mm_struct *mm, unsigned long address)
{
	unsigned long start = ALIGN_DOWN(address, 1UL << PMD_SHIFT), i;
	struct pte *pte;

	if (start == address)
		return;
	pthread_mutex_lock(&mm->ptes);
	pte = pte_at(mm, address);
	if (!pte || pte->shift != PMD_SHIFT) {
		pthread_mutex_unlock(&mm->ptes);
		return;
	}
	pthread_mutex_unlock(&mm->ptes);
	host_invalidate(start, start + (1UL << PMD_SHIFT), true);
	pthread_mutex_lock(&mm->ptes);
	for (i = 0; i < HOST_HUGE_PAGES; i++) {
		pte = pte_at(mm, start + i * PAGE_SIZE);
		if (pte && pte->present)
			pte->shift = PAGE_SHIFT;
	}
	pthread_mutex_unlock(&mm->ptes);
	host_invalidate(start, start + (1UL << PMD_SHIFT), false);
}

/* Every entry of the range goes through @change, which may replace the page. */
static void change_range(unsigned long start, unsigned long npages,
			 void (*change)(struct pte *pte, unsigned long address, void *arg), void *arg)
{
	struct mm_struct *mm = current->mm;
	unsigned long i, end = start + npages * PAGE_SIZE;
	struct page **old = calloc(npages, sizeof(*old));

	HOST_BUG_ON(!old);
	host_lock_read(&mm->mmap_lock);
	split_huge(mm, start);
	split_huge(mm, end);
	host_invalidate(start, end, true);
	pthread_mutex_lock(&mm->ptes);
	for (i = 0; i < npages; i++) {
		struct pte *pte = pte_at(mm, start + i * PAGE_SIZE);
		struct page *page;

		if (!pte)
			continue;
		page = pte->page;
		change(pte, start + i * PAGE_SIZE, arg);
		if (page != pte->page)
			old[i] = page;
	}
	pthread_mutex_unlock(&mm->ptes);
	for (i = 0; i < npages; i++)
		if (old[i])
			put_page(old[i]);
	host_invalidate(start, end, false);
	host_unlock_read(&mm->mmap_lock);
	free(old);
}

static void change_drop(struct pte *pte, unsigned long address, void *arg)
{
	*pte = (struct pte) { };
}

static void change_protect(struct pte *pte, unsigned long address, void *arg)
{
	pte->writable = false;
}

static void change_move(struct pte *pte, unsigned long address, void *arg)
{
	if (pte->page)
		pte_set(pte, page_new(page_address(pte->page)), pte->writable, PAGE_SHIFT);
}

static void change_huge(struct pte *pte, unsigned long address, void *arg)
{
	struct page *page = (struct page *)arg + ((address >> PAGE_SHIFT) & (HOST_HUGE_PAGES - 1));

	if (pte->page)
		memcpy(page_address(page), page_address(pte->page), PAGE_SIZE);
	else
		memset(page_address(page), 0, PAGE_SIZE);
	pte_set(pte, page, true, PMD_SHIFT);
}

void host_zap(unsigned long address, unsigned long npages)
{
	change_range(address, npages, change_drop, NULL);
}

void host_write_protect(unsigned long address, unsigned long npages)
{
	change_range(address, npages, change_protect, NULL);
}

void host_migrate(unsigned long address)
{
	change_range(address, 1, change_move, NULL);
}

void host_make_huge(unsigned long address)
{
	void *p = alloc_pages_exact(HOST_HUGE_PAGES * PAGE_SIZE, 0);
	struct page *pages = virt_to_page(p);
	unsigned long i;

	HOST_BUG_ON(!p || !IS_ALIGNED(address, 1UL << PMD_SHIFT));
	for (i = 0; i < HOST_HUGE_PAGES; i++)
		pages[i].compound = true;
	change_range(address, HOST_HUGE_PAGES, change_huge, pages);
}

bool host_age(unsigned long address, unsigned long npages, enum host_age how)
{
	unsigned long end = address + npages * PAGE_SIZE;
	struct mm_struct *mm = current->mm;
	struct mmu_notifier *mn;
	bool young = false;

	pthread_rwlock_rdlock(&mm->notifier_lock);
	list_for_each_entry(mn, &mm->notifiers, link) {
		if (how == HOST_CLEAR_FLUSH_YOUNG)
			young |= mn->ops->clear_flush_young(mn, mm, address, end);
		else if (how == HOST_CLEAR_YOUNG)
			young |= mn->ops->clear_young(mn, mm, address, end);
		else
			young |= mn->ops->test_young(mn, mm, address);
	}
	pthread_rwlock_unlock(&mm->notifier_lock);
	return young;
}

/* ---- mapping ---- */

unsigned long host_map(unsigned long npages, unsigned long vm_flags)
{
	struct area *area = calloc(1, sizeof(*area) + npages * sizeof(*area->pte));
	struct mm_struct *mm = current->mm;

	HOST_BUG_ON(!area);
	host_lock_write(&mm->mmap_lock);
	pthread_mutex_lock(&mm->ptes);
	area->vma.vm_mm = mm;
	area->vma.vm_start = mm->next;
	area->vma.vm_end = mm->next + npages * PAGE_SIZE;
	area->vma.vm_flags = vm_flags;
	area->vma.next = mm->areas;
	mm->areas = &area->vma;
	/* A hole between two, so that none runs into the next. */
	mm->next = ALIGN(area->vma.vm_end + PAGE_SIZE, 1UL << PMD_SHIFT);
	HOST_BUG_ON(mm->next > HOST_USER_END);
	pthread_mutex_unlock(&mm->ptes);
	host_unlock_write(&mm->mmap_lock);
	return area->vma.vm_start;
}

/* An area as a whole. */
void host_unmap(unsigned long address, unsigned long npages)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct **p, *vma;

	host_zap(address, npages);
	host_lock_write(&mm->mmap_lock);
	pthread_mutex_lock(&mm->ptes);
	for (p = &mm->areas; *p && (*p)->vm_start != address; p = &(*p)->next)
		;
	vma = *p;
	HOST_BUG_ON(!vma || vma_pages(vma) != npages);
	*p = vma->next;
	pthread_mutex_unlock(&mm->ptes);
	host_unlock_write(&mm->mmap_lock);
	/* What a fault brought back in between. */
	for (; npages; npages--)
		if (((struct area *)vma)->pte[npages - 1].page)
			put_page(((struct area *)vma)->pte[npages - 1].page);
	free(vma);
}

void host_mm_exit(struct mm_struct *mm)
{
	struct mmu_notifier *mn;

	pthread_rwlock_rdlock(&mm->notifier_lock);
	list_for_each_entry(mn, &mm->notifiers, link)
		mn->ops->release(mn, mm);
	pthread_rwlock_unlock(&mm->notifier_lock);
	while (mm->areas)
		host_unmap(mm->areas->vm_start, vma_pages(mm->areas));
	mmdrop(mm);
}

unsigned long host_map_frames(void *frames, unsigned long npages, unsigned long vm_flags)
{
	unsigned long address = host_map(npages, vm_flags | VM_IO | VM_PFNMAP);

	area_at(current->mm, address)->frames = frames;
	return address;
}

void host_frames_ready(unsigned long address, bool writable)
{
	area_at(current->mm, address)->frames_writable = writable;
}

void host_poison(unsigned long address)
{
	host_user_page(address)->poisoned = true;
}

/* ---- the kernel's ways in ---- */

/* The page with a reference; 0, -EFAULT, -EHWPOISON. */
static int fault(struct mm_struct *mm, unsigned long address, bool write, struct page **page)
{
	struct area *area;
	struct pte *pte;
	int r = -EFAULT;

	pthread_mutex_lock(&mm->ptes);
	area = area_at(mm, address);
	if (!area || area->frames || !(area->vma.vm_flags & (write ? VM_WRITE : VM_READ)))
		goto out;
	pte = pte_at(mm, address);
	if (!pte->present)
		pte_set(pte, page_new(NULL), area->vma.vm_flags & VM_WRITE, PAGE_SHIFT);
	r = -EHWPOISON;
	if (pte->page->poisoned)
		goto out;
	r = -EAGAIN;
	if (write && !pte->writable)
		goto out;
	get_page(pte->page);
	*page = pte->page;
	r = 0;
out:
	pthread_mutex_unlock(&mm->ptes);
	return r;
}

/* A write to a protected page: it gets one of its own. */
static void change_copy(struct pte *pte, unsigned long address, void *arg)
{
	if (pte->page && !pte->writable)
		pte_set(pte, page_new(page_address(pte->page)), true, PAGE_SHIFT);
}

static int fault_in(struct mm_struct *mm, unsigned long address, bool write, struct page **page)
{
	int r = fault(mm, address, write, page);

	while (r == -EAGAIN) {
		change_range(address & PAGE_MASK, 1, change_copy, NULL);
		r = fault(mm, address, write, page);
	}
	return r;
}

void (*host_on_page)(unsigned long address);

int get_user_pages_fast_only(unsigned long start, int nr, unsigned int flags, struct page **page)
{
	struct mm_struct *mm = current->mm;
	struct pte *pte;
	int r = 0;

	HOST_BUG_ON(nr != 1);
	pthread_mutex_lock(&mm->ptes);
	pte = pte_at(mm, start);
	if (pte && pte->page && !pte->page->poisoned && (pte->writable || !(flags & FOLL_WRITE))) {
		get_page(pte->page);
		*page = pte->page;
		r = 1;
	}
	pthread_mutex_unlock(&mm->ptes);
	if (r && host_on_page)
		host_on_page(start);
	return r;
}

long get_user_pages_unlocked(unsigned long start, unsigned long nr, struct page **page,
			     unsigned int flags)
{
	int r;

	might_sleep();
	HOST_BUG_ON(nr != 1 || !(flags & FOLL_HWPOISON));
	if (fatal_signal_pending(current))
		return -EINTR;
	r = fault_in(current->mm, start, flags & FOLL_WRITE, page);
	if (!r && host_on_page)
		host_on_page(start);
	return r ?: 1;
}

int fixup_user_fault(struct mm_struct *mm, unsigned long address, unsigned int flags,
		     bool *unlocked)
{
	struct area *area = area_at(mm, address);
	struct pte *pte;

	if (!area || !area->frames)
		return -EFAULT;
	if ((flags & FAULT_FLAG_WRITE) && !area->frames_writable)
		return -EFAULT;
	pthread_mutex_lock(&mm->ptes);
	pte = pte_at(mm, address);
	pte->pfn = ((unsigned long)area->frames + (address & PAGE_MASK) - area->vma.vm_start) >>
		   PAGE_SHIFT;
	pte->present = true;
	pte->writable = area->frames_writable;
	pte->shift = PAGE_SHIFT;
	pthread_mutex_unlock(&mm->ptes);
	return 0;
}

int follow_pte(struct mm_struct *mm, unsigned long address, pte_t **entry, spinlock_t **lock)
{
	static __thread pte_t copy;
	struct pte *pte;

	int r = -EINVAL;

	pthread_mutex_lock(&mm->ptes);
	pte = pte_at(mm, address);
	if (pte && pte->present) {
		copy = (pte_t) { pte->pfn, pte->writable };
		*entry = &copy;
		*lock = NULL;
		r = 0;
	}
	pthread_mutex_unlock(&mm->ptes);
	return r;
}

/* The entry is a copy. */
void pte_unmap_unlock(pte_t *pte, spinlock_t *lock)
{
}

void *host_walk(struct mm_struct *mm, unsigned long address)
{
	static __thread pmd_t entry;
	struct pte *pte;

	HOST_BUG_ON(!irqs_disabled());
	pthread_mutex_lock(&mm->ptes);
	pte = pte_at(mm, address);
	entry.shift = pte && pte->present ? pte->shift : 0;
	pthread_mutex_unlock(&mm->ptes);
	return &entry;
}

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *mm)
{
	void *p = kmalloc(1, GFP_KERNEL);

	/* The kernel allocates the mm's list head. */
	kfree(p);
	if (!p)
		return -ENOMEM;
	pthread_rwlock_wrlock(&mm->notifier_lock);
	list_add(&mn->link, &mm->notifiers);
	pthread_rwlock_unlock(&mm->notifier_lock);
	mmgrab(mm);
	return 0;
}

void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *mm)
{
	might_sleep();
	pthread_rwlock_wrlock(&mm->notifier_lock);
	list_del(&mn->link);
	pthread_rwlock_unlock(&mm->notifier_lock);
	mn->ops->release(mn, mm);
	mmdrop(mm);
}

/* ---- user space's own accesses ---- */

/* Guests access it meanwhile: byte by byte, as memory that is shared. */
static void copy_shared(char *to, const char *from, size_t n)
{
	for (; n; n--, to++, from++)
		__atomic_store_n(to, __atomic_load_n(from, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static bool is_simulated(unsigned long address)
{
	return address >= HOST_USER && address < HOST_USER_END;
}

/* Bytes left.  @user is an address of the simulated space. */
static size_t copy_simulated(unsigned long user, char *data, size_t n, bool write, bool may_fault)
{
	struct mm_struct *mm = current->mm;

	while (n) {
		size_t part = min(n, PAGE_SIZE - offset_in_page(user));
		struct page *page;
		char *p;

		if (may_fault ? fault_in(mm, user, write, &page) :
		    get_user_pages_fast_only(user, 1, write ? FOLL_WRITE : 0, &page) != 1)
			break;
		p = (char *)page_address(page) + offset_in_page(user);
		copy_shared(write ? p : data, write ? data : p, part);
		put_page(page);
		user += part;
		data += part;
		n -= part;
	}
	return n;
}

/* To or from the test program's own memory, or the part of it that is a user's.  All or nothing. */
static bool copy_own(void *user, void *data, size_t n, bool write)
{
	size_t offset = (char *)user - host_arena;

	if (!host_arena)
		return host_copy_own(write ? user : data, write ? data : user, n, write);
	if (offset > host_arena_size || n > host_arena_size - offset)
		return false;
	memcpy(write ? user : data, write ? data : user, n);
	return true;
}

unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	size_t left = n;

	might_sleep();
	if (!n || !access_ok(from, n))
		return n;
	if (host_copy_fails())
		goto out;
	if (is_simulated((unsigned long)from))
		left = copy_simulated((unsigned long)from, to, n, false, true);
	else if (copy_own((void *)from, to, n, false))
		return 0;
out:
	/* As the kernel's: what did not come is zero. */
	memset((char *)to + n - left, 0, left);
	return left;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	might_sleep();
	if (!n || !access_ok(to, n) || host_copy_fails())
		return n;
	if (is_simulated((unsigned long)to))
		return copy_simulated((unsigned long)to, (char *)from, n, true, true);
	return copy_own(to, (void *)from, n, true) ? 0 : n;
}

long copy_to_user_nofault(void *to, const void *from, size_t n)
{
	return copy_simulated((unsigned long)to, (char *)from, n, true, false) ? -EFAULT : 0;
}

void *vmemdup_user(const void *from, size_t n)
{
	void *p = kvmalloc(n, GFP_KERNEL);

	if (!p)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(p, from, n)) {
		kvfree(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}

void *host_user(unsigned long address)
{
	struct page *page;

	HOST_BUG_ON(fault_in(current->mm, address, true, &page));
	put_page(page);
	return (char *)page_address(page) + offset_in_page(address);
}

struct page *host_user_page(unsigned long address)
{
	struct mm_struct *mm = current->mm;
	struct pte *pte;
	struct page *page;

	pthread_mutex_lock(&mm->ptes);
	pte = pte_at(mm, address);
	page = pte ? pte->page : NULL;
	pthread_mutex_unlock(&mm->ptes);
	return page;
}
