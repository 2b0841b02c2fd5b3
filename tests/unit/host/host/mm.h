/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host layer: an address space whose pages tests map, take away and change (host.h), and the
 * kernel's ways to look at it.  User addresses in [HOST_USER, HOST_USER_END) are its; others are the
 * test program's own memory.
 */
#ifndef HOST_MM_H
#define HOST_MM_H

#include <host/file.h>

#define HOST_USER	0x1000000000UL
#define HOST_USER_END	0x3000000000UL

#define VM_READ		BIT(0)
#define VM_WRITE	BIT(1)
#define VM_EXEC		BIT(2)
#define VM_SHARED	BIT(3)
#define VM_IO		BIT(14)
#define VM_PFNMAP	BIT(10)

struct vm_operations_struct;

struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_start, vm_end;
	unsigned long vm_pgoff;
	unsigned long vm_flags;
	struct file *vm_file;
	const struct vm_operations_struct *vm_ops;
	struct vm_area_struct *next;
};

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

typedef unsigned int vm_fault_t;
#define VM_FAULT_SIGBUS	2
struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long pgoff;
	struct page *page;
};

struct vm_operations_struct { vm_fault_t (*fault)(struct vm_fault *vmf); };

void mmgrab(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);
void mmap_read_lock(struct mm_struct *mm);
void mmap_read_unlock(struct mm_struct *mm);
struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start,
					     unsigned long end);

#define FOLL_WRITE		BIT(0)
#define FOLL_HWPOISON		BIT(8)
#define FAULT_FLAG_WRITE	BIT(0)
int get_user_pages_fast_only(unsigned long start, int nr, unsigned int flags, struct page **page);
long get_user_pages_unlocked(unsigned long start, unsigned long nr, struct page **page,
			     unsigned int flags);
int fixup_user_fault(struct mm_struct *mm, unsigned long address, unsigned int flags,
		     bool *unlocked);

/* One entry, locked until pte_unmap_unlock(). */
typedef struct { unsigned long pfn; bool writable; } pte_t;
int follow_pte(struct mm_struct *mm, unsigned long address, pte_t **pte, spinlock_t **lock);
void pte_unmap_unlock(pte_t *pte, spinlock_t *lock);
#define pte_pfn(e)	((e).pfn)
#define pte_write(e)	((e).writable)

/* An entry of the host's page tables says the size of the mapping it leads to, as a shift. */
typedef struct { unsigned long shift; } pgd_t, p4d_t, pud_t, pmd_t;
void *host_walk(struct mm_struct *mm, unsigned long address);
#define pgd_offset(mm, address)		((pgd_t *)host_walk(mm, address))
#define p4d_offset_lockless(pgdp, pgd, address)	((p4d_t *)(pgdp))
#define pud_offset_lockless(p4dp, p4d, address)	((pud_t *)(p4dp))
#define pmd_offset_lockless(pudp, pud, address)	((pmd_t *)(pudp))
#define pgd_none(e)	(!(e).shift)
#define p4d_none(e)	(!(e).shift)
#define p4d_present(e)	((e).shift)
#define pud_none(e)	(!(e).shift)
#define pud_present(e)	((e).shift)
#define pud_leaf(e)	((e).shift == PUD_SHIFT)
#define pmd_present(e)	((e).shift)
#define pmd_leaf(e)	false
#define pmd_trans_huge(e) ((e).shift == PMD_SHIFT)

struct mmu_notifier;
struct mmu_notifier_range { struct mm_struct *mm; unsigned long start, end; };
struct mmu_notifier_ops {
	int (*invalidate_range_start)(struct mmu_notifier *mn, const struct mmu_notifier_range *r);
	void (*invalidate_range_end)(struct mmu_notifier *mn, const struct mmu_notifier_range *r);
	int (*clear_flush_young)(struct mmu_notifier *mn, struct mm_struct *mm,
				 unsigned long start, unsigned long end);
	int (*clear_young)(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start,
			   unsigned long end);
	int (*test_young)(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address);
	void (*release)(struct mmu_notifier *mn, struct mm_struct *mm);
};

struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
	struct list_head link;
};

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *mm);
void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *mm);

#endif
