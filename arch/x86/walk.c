// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own page tables, walked as the processor would (AMD APM vol. 2, 5.3 to
 * 5.6): for emulated instructions and KVM_TRANSLATE.  Entries are read once, and
 * their accessed and dirty bits set by compare-and-exchange.
 */
#include <asm/processor-flags.h>
#include <linux/uaccess.h>
#include "x86.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)

#define PFERR_P		BIT(0)
#define PFERR_W		BIT(1)
#define PFERR_U		BIT(2)
#define PFERR_RSVD		BIT(3)
#define PFERR_I		BIT(4)

struct paging {
	u8 levels;		/* 2 (32-bit), 3 (PAE), 4, 5 */
	u8 index_bits;		/* 10 or 9 */
	u8 entry_size;		/* 4 or 8 */
	bool nx;
	bool pse;
	u64 cr0, cr3, cr4;
	u64 reserved;		/* address bits past the guest's width */
};

static void paging_set(struct x86_vcpu *v, const struct x86_context *c, struct paging *p)
{
	p->cr0 = c->cr0;
	p->cr3 = c->cr3;
	p->cr4 = c->cr4;
	p->index_bits = 9;
	p->entry_size = 8;
	p->nx = c->efer & EFER_NX;
	p->pse = true;
	p->reserved = GENMASK_ULL(51, 0) & ~(BIT_ULL(v->maxphyaddr) - 1);
	if (c->efer & EFER_LMA) {
		p->levels = p->cr4 & X86_CR4_LA57 ? 5 : 4;
	} else if (p->cr4 & X86_CR4_PAE) {
		p->levels = 3;
		p->reserved |= GENMASK_ULL(62, 52);
	} else {
		p->levels = 2;
		p->index_bits = 10;
		p->entry_size = 4;
		p->pse = p->cr4 & X86_CR4_PSE;
		p->reserved = 0;
	}
}

/* Set @bits in the entry at @gpa if it still is @pte.  0, 1 to walk again, -EFAULT. */
static int entry_update(struct x86_vcpu *v, gpa_t gpa, u64 pte, u64 bits, unsigned int size)
{
	struct berth_vm *vm = v->core.vm;
	unsigned long hva;
	u32 old32 = pte;
	int idx, r = -EFAULT;

	idx = srcu_read_lock(&vm->srcu);
	hva = berth_guest_hva(vm, gpa, true);
	if (hva && user_access_begin((void __user *)hva, size)) {
		bool same;

		if (size == 8)
			same = unsafe_try_cmpxchg_user((u64 __user *)hva, &pte, pte | bits, fault);
		else
			same = unsafe_try_cmpxchg_user((u32 __user *)hva, &old32,
						       (u32)(old32 | bits), fault);
		r = same ? 0 : 1;
fault:
		user_access_end();
		berth_mark_guest_dirty(&v->core, gpa);
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/* May a walk's combined permissions @pte be used for @access? (APM vol. 2, 5.6) */
static bool permitted(struct x86_vcpu *v, const struct paging *p, u64 pte, u32 access)
{
	bool user = access & X86_WALK_USER;

	if (user && !(pte & PTE_U))
		return false;
	if ((access & X86_WALK_WRITE) && !(pte & PTE_W) && (user || (p->cr0 & X86_CR0_WP)))
		return false;
	if (access & X86_WALK_FETCH) {
		if (p->nx && (pte & PTE_NX))
			return false;
		return user || !(pte & PTE_U) || !(p->cr4 & X86_CR4_SMEP);
	}
	if (!user && (pte & PTE_U) && (p->cr4 & X86_CR4_SMAP))
		return v->rflags & X86_EFLAGS_AC;
	return true;
}

static bool has_reserved(const struct paging *p, u64 pte, unsigned int level, bool leaf)
{
	if (p->entry_size == 4)
		return false;
	if ((pte & p->reserved) || (!p->nx && (pte & PTE_NX)))
		return true;
	/* PAE directory pointers have neither permissions nor NX. */
	if (p->levels == 3 && level == 3)
		return pte & (PTE_NX | BIT(1) | BIT(2) | GENMASK(8, 5));
	if (level >= 4)
		return pte & PTE_PS;
	/* A large page's address bits below its size, but for PAT at bit 12. */
	return leaf && level > 1 && (pte & GENMASK_ULL(11 + 9 * (level - 1), 13));
}

static gpa_t leaf_address(const struct paging *p, u64 pte, unsigned int level, u64 linear)
{
	u64 offset = (1ULL << (12 + p->index_bits * (level - 1))) - 1;
	gpa_t base = pte & GENMASK_ULL(51, 12);

	if (p->entry_size == 4 && level == 2)	/* PSE-36: APM vol. 2, 5.2.2 */
		base = (pte & GENMASK(31, 22)) | ((pte & GENMASK_ULL(20, 13)) << 19);
	return (base & ~offset) | (linear & offset);
}

static int walk_once(struct x86_vcpu *v, const struct paging *p, u64 linear, u32 access,
		     gpa_t *gpa, u32 *error)
{
	gpa_t table = p->cr3 & (p->levels == 3 ? GENMASK_ULL(31, 5) :
						  p->levels == 2 ? GENMASK_ULL(31, 12) :
						  GENMASK_ULL(51, 12));
	u64 rights = PTE_W | PTE_U, nx = 0, pte;
	unsigned int level;
	int r;

	*error = (access & X86_WALK_WRITE ? PFERR_W : 0) | (access & X86_WALK_USER ? PFERR_U : 0);
	if ((access & X86_WALK_FETCH) && (p->nx || (p->cr4 & X86_CR4_SMEP)))
		*error |= PFERR_I;
	for (level = p->levels; ; level--) {
		unsigned int shift = 12 + p->index_bits * (level - 1);
		gpa_t at = table + ((linear >> shift) & ((1 << p->index_bits) - 1)) * p->entry_size;
		bool leaf, topmost = p->levels == 3 && level == 3;
		u64 set = PTE_A;

		if (topmost)	/* only four of them */
			at = table + ((linear >> 30) & 3) * 8;
		pte = 0;
		if (berth_read_guest(v->core.vm, at, &pte, p->entry_size))
			return -EFAULT;
		if (!(pte & PTE_P))
			return 1;
		leaf = level == 1 || ((pte & PTE_PS) && p->pse && level <= 3 && !topmost);
		if (has_reserved(p, pte, level, leaf)) {
			*error |= PFERR_P | PFERR_RSVD;
			return 1;
		}
		if (!topmost) {
			rights &= pte;
			nx |= pte & PTE_NX;
		}
		if (leaf && !(access & X86_WALK_PEEK) &&
		    !permitted(v, p, (rights & (PTE_W | PTE_U)) | nx, access)) {
			*error |= PFERR_P;
			return 1;
		}
		if (leaf && (access & X86_WALK_WRITE))
			set |= PTE_D;
		if (!topmost && !(access & X86_WALK_PEEK) && (pte & set) != set) {
			r = entry_update(v, at, pte, set, p->entry_size);
			if (r)
				return r < 0 ? r : -EAGAIN;
		}
		if (leaf)
			break;
		table = pte & GENMASK_ULL(51, 12);
	}
	*gpa = leaf_address(p, pte, level, linear);
	return 0;
}

int x86_walk(struct x86_vcpu *v, const struct x86_context *c, u64 linear, u32 access,
	     gpa_t *gpa, u32 *error)
{
	struct paging p;
	int r;

	*error = 0;
	if (!(c->cr0 & X86_CR0_PG)) {
		*gpa = linear;
		return 0;
	}
	paging_set(v, c, &p);
	do {
		r = walk_once(v, &p, linear, access, gpa, error);
		cond_resched();
	} while (r == -EAGAIN && !fatal_signal_pending(current));
	return r == -EAGAIN ? -EFAULT : r;
}
