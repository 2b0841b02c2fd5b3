// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-stage engine's fault path: from a guest access to the host's page, with
 * the MMU notifier's sequence deciding whether what was found still holds.
 * Guest memory is not pinned: the mapping lives until a notifier takes it.
 */
#include <berth/backend.h>
#include <berth/trace.h>
#include <linux/page-flags.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

struct host_page {
	kvm_pfn_t pfn;
	struct page *page;	/* referenced; NULL for VM_IO and VM_PFNMAP */
	bool writable;
	bool device;
};

/*
 * Size of the host's own mapping of @hva, as a shift.  Interrupts keep the tables alive.  Where a
 * level is folded the next one's table is found by the entry's place, not only by what it holds.
 */
static unsigned int host_mapping_shift(struct mm_struct *mm, unsigned long hva)
{
	unsigned int shift = PAGE_SHIFT;
	unsigned long flags;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgdp = pgd_offset(mm, hva);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		goto out;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (berth_pud_leaf(pud)) {
		shift = PUD_SHIFT;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	if (pmd_present(pmd) && berth_pmd_leaf(pmd))
		shift = PMD_SHIFT;
out:
	local_irq_restore(flags);
	return shift;
}

/* Frames outside ordinary memory, mapped by a driver: what its page table says now. */
static int host_pfnmap(struct mm_struct *mm, unsigned long hva, bool write,
		       struct host_page *hp)
{
	struct vm_area_struct *vma;
	unsigned long pfn;
	bool unlocked = false;
	int r = -EFAULT;

	mmap_read_lock(mm);
	vma = find_vma_intersection(mm, hva, hva + 1);
	if (!vma || !(vma->vm_flags & (VM_IO | VM_PFNMAP)) ||
	    !(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		goto out;
	r = berth_follow_pfn(vma, hva, &pfn, &hp->writable);
	if (r || (write && !hp->writable)) {
		r = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		r = r ? -EFAULT : -EAGAIN;
		goto out;
	}
	hp->pfn = pfn;
	hp->page = NULL;
	hp->device = !pfn_valid(pfn);
out:
	mmap_read_unlock(mm);
	return r;
}

/*
 * The page behind @hva.  A writable one is tried for first, without sleeping, since
 * most pages will be written sooner or later.
 */
static int host_page_get(struct mm_struct *mm, unsigned long hva, bool write, bool may_write,
			 struct host_page *hp)
{
	long n;

	*hp = (struct host_page) { };
	if (may_write && get_user_pages_fast_only(hva, 1, FOLL_WRITE, &hp->page) == 1) {
		hp->writable = true;
		hp->pfn = page_to_pfn(hp->page);
		return 0;
	}
	n = get_user_pages_unlocked(hva, 1, &hp->page,
				    FOLL_HWPOISON | BERTH_FOLL_NUMA | (write ? FOLL_WRITE : 0));
	if (n == 1) {
		hp->writable = write;
		hp->pfn = page_to_pfn(hp->page);
		return 0;
	}
	hp->page = NULL;
	if (n == -EHWPOISON || n == -EINTR)
		return n;
	if (fatal_signal_pending(current))
		return -EINTR;
	return host_pfnmap(mm, hva, write, hp);
}

static void host_page_put(struct host_page *hp)
{
	if (!hp->page)
		return;
	mark_page_accessed(hp->page);
	put_page(hp->page);
}

/*
 * The largest leaf for @gfn: inside the slot, no larger than the host's mapping, at
 * an offset the two address spaces share.  Pages of a logged slot are tracked one
 * by one.
 */
static unsigned int leaf_level(struct berth_vm *vm, const struct berth_slot *slot, gfn_t gfn,
			       const struct host_page *hp)
{
	const struct s2_format *format = vm->s2.format;
	unsigned int level, host_shift;

	if (!hp->page || slot_logged(slot) || !PageCompound(hp->page))
		return 0;
	host_shift = host_mapping_shift(vm->mm, slot_hva(slot, gfn));
	for (level = format->levels - 1; level > 0; level--) {
		u64 pages = s2_level_pages(format, level);
		gfn_t first = ALIGN_DOWN(gfn, pages);

		if ((format->leaf_levels & BIT(level)) && format->shift[level] <= host_shift &&
		    first >= slot->base_gfn && first + pages <= slot->base_gfn + slot->npages &&
		    !((slot_hva(slot, gfn) >> PAGE_SHIFT ^ gfn) & (pages - 1)))
			return level;
	}
	return 0;
}

/* Has an invalidation begun or ended that may concern @hva since @seq was read? */
static bool invalidated(const struct berth_s2 *s2, unsigned long seq, unsigned long hva)
{
	return s2->invalidate_seq != seq ||
	       (unlikely(s2->invalidate_count) && hva >= s2->invalidate_start &&
		hva < s2->invalidate_end);
}

/*
 * Publish the page while no invalidation is under way.  0; 1 when a flush is due;
 * -EAGAIN to start over; -EBUSY when something stands in the way, which goes with
 * @exclusive (the write lock held).
 */
static int publish(struct berth_vcpu *vcpu, struct berth_slot *slot, gfn_t gfn, u32 access,
		   unsigned long seq, const struct host_page *hp, bool exclusive)
{
	struct berth_vm *vm = vcpu->vm;
	struct berth_s2 *s2 = &vm->s2;
	u32 attr = S2_R | S2_ACCESSED;
	unsigned int level;
	bool flush = false;
	u64 mask;
	int r;

	if (invalidated(s2, seq, slot_hva(slot, gfn)))
		return -EAGAIN;
	level = leaf_level(vm, slot, gfn, hp);
	mask = s2_level_pages(s2->format, level) - 1;
	if (hp->writable && !slot_readonly(slot) && (!slot_logged(slot) || (access & S2_W)))
		attr |= S2_W | (access & S2_W ? S2_DIRTY : 0);
	if (!s2->format->exec_on_fetch || (access & S2_X))
		attr |= S2_X;
	if (hp->device)
		attr |= S2_DEVICE;
	r = s2_map(s2, &vcpu->s2_cache, gfn & ~mask, level,
		   (phys_addr_t)(hp->pfn & ~mask) << PAGE_SHIFT, attr, exclusive, &flush);
	if (r)
		return -EBUSY;
	if (access & S2_W)
		berth_slot_mark_dirty(vcpu, slot, gfn);
	/* The host's own dirty bit may be clear; under the lock no writeback comes between. */
	if ((attr & S2_W) && hp->page && !PageReserved(hp->page))
		SetPageDirty(hp->page);
	return flush ? 1 : 0;
}

static int fault_once(struct berth_vcpu *vcpu, struct berth_slot *slot, gfn_t gfn, u32 access)
{
	struct berth_vm *vm = vcpu->vm;
	struct berth_s2 *s2 = &vm->s2;
	unsigned long seq = READ_ONCE(s2->invalidate_seq);
	struct host_page hp;
	int r;

	/* The sequence is read before the page; pairs with the notifier's write lock. */
	smp_rmb();
	r = host_page_get(vm->mm, slot_hva(slot, gfn), access & S2_W, !slot_readonly(slot), &hp);
	if (r)
		return r;
	read_lock(&s2->lock);
	r = publish(vcpu, slot, gfn, access, seq, &hp, false);
	read_unlock(&s2->lock);
	if (unlikely(r == -EBUSY || r > 0)) {
		write_lock(&s2->lock);
		if (r == -EBUSY)
			r = publish(vcpu, slot, gfn, access, seq, &hp, true);
		if (r > 0)
			berth_backend.s2_flush(vm, gfn, gfn + 1);
		write_unlock(&s2->lock);
	}
	host_page_put(&hp);
	if (r == -EBUSY)
		return -EAGAIN;
	return r < 0 ? r : 0;
}

int berth_s2_fault(struct berth_vcpu *vcpu, gpa_t gpa, u32 access)
{
	struct berth_vm *vm = vcpu->vm;
	gfn_t gfn = gpa_to_gfn(gpa);
	struct berth_slot *slot;
	int r, idx;

	vcpu->stats.s2_faults++;
	idx = srcu_read_lock(&vm->srcu);
	slot = gfn < vm->s2.max_gfn ? berth_slot_find(vm, gfn, &vcpu->slot_hint) : NULL;
	if (!slot || ((access & S2_W) && slot_readonly(slot))) {
		r = S2_FAULT_MMIO;
		goto out;
	}
	for (;;) {
		r = s2_cache_fill(&vm->s2, &vcpu->s2_cache);
		if (!r)
			r = fault_once(vcpu, slot, gfn, access);
		if (r != -EAGAIN)
			break;
		/* The run loop deals with a signal; the access comes again. */
		if (signal_pending(current)) {
			r = 0;
			break;
		}
		/* Whoever is in the middle of the invalidation may need this CPU to end it. */
		cond_resched();
	}
	if (r == -EHWPOISON) {
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)slot_hva(slot, gfn), PAGE_SHIFT,
				current);
		r = 0;
	}
	if (!r)
		r = S2_FAULT_MAPPED;
out:
	srcu_read_unlock(&vm->srcu, idx);
	trace_berth_fault(vcpu->id, gpa, access, r);
	return r;
}

int berth_s2_pre_fault(struct berth_vcpu *vcpu, struct kvm_pre_fault_memory *args)
{
	u64 size = args->size;
	int r;

	if (args->flags || !PAGE_ALIGNED(args->gpa) || !PAGE_ALIGNED(size) ||
	    args->gpa + size <= args->gpa)
		return -EINVAL;
	do {
		r = signal_pending(current) ? -EINTR : berth_s2_fault(vcpu, args->gpa, S2_R);
		if (r == S2_FAULT_MMIO)
			r = -ENOENT;
		if (r)
			break;
		args->gpa += PAGE_SIZE;
		args->size -= PAGE_SIZE;
		cond_resched();
	} while (args->size);
	return args->size == size ? r : 0;
}
