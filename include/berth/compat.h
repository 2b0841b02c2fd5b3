/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the kernels Berth is built for (6.1 and 6.12),
 * and the ABI items the older uapi header does not have yet.  No other file
 * tests a kernel version.
 */
#ifndef BERTH_COMPAT_H
#define BERTH_COMPAT_H

#include <linux/version.h>
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#define BERTH_SINCE(major, minor) (LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

/* The KVM ABI is the same whatever the host kernel: what 6.12 added. */
#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2	231
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};
#define KVM_PRE_FAULT_MEMORY	_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

/* Of one VMA, under mmap_lock. */
#if BERTH_SINCE(6, 3)
#define berth_zap_range(vma, start, size)	zap_page_range_single(vma, start, size, NULL)
#else
#define berth_zap_range(vma, start, size)	zap_page_range(vma, start, size)
#endif

/* 6.12 renames kvm_run::immediate_exit inside the kernel to mark double reads. */
#ifdef HINT_UNSAFE_IN_KVM
#define berth_run_immediate_exit(run)	READ_ONCE((run)->immediate_exit__unsafe)
#else
#define berth_run_immediate_exit(run)	READ_ONCE((run)->immediate_exit)
#endif

/* A 32-bit flag became the lowest of 64. */
static inline void berth_run_set_hypercall_flags(struct kvm_run *run, u64 flags)
{
#if BERTH_SINCE(6, 6)
	run->hypercall.flags = flags;
#else
	run->hypercall.longmode = flags;
#endif
}

/* Tell RCU that this CPU held no reference: context as rcu_note_context_switch(). */
static inline void berth_rcu_note(void)
{
#if BERTH_SINCE(6, 3)
	rcu_virt_note_context_switch();
#else
	rcu_virt_note_context_switch(smp_processor_id());
#endif
}

static inline void berth_eventfd_signal(struct eventfd_ctx *ctx)
{
#if BERTH_SINCE(6, 8)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/*
 * The page frame behind @address of a VM_IO or VM_PFNMAP mapping, as the page
 * table says at this moment.  Context: mmap_lock held.  0, or -EINVAL when
 * nothing is mapped there (fault it in and ask again).
 */
static inline int berth_follow_pfn(struct vm_area_struct *vma, unsigned long address,
				   unsigned long *pfn, bool *writable)
{
#if BERTH_SINCE(6, 12)
	struct follow_pfnmap_args args = { .vma = vma, .address = address };
	int r = follow_pfnmap_start(&args);

	if (r)
		return r;
	*pfn = args.pfn;
	*writable = args.writable;
	follow_pfnmap_end(&args);
	return 0;
#else
	spinlock_t *ptl;
	pte_t *ptep;
	int r = follow_pte(vma->vm_mm, address, &ptep, &ptl);

	if (r)
		return r;
	__acquire(ptl);		/* as follow_pte() left it */
	*pfn = pte_pfn(*ptep);
	*writable = pte_write(*ptep);
	pte_unmap_unlock(ptep, ptl);
	return 0;
#endif
}

#if BERTH_SINCE(6, 12)
#define berth_pmd_leaf(pmd)	pmd_leaf(pmd)
#define berth_pud_leaf(pud)	pud_leaf(pud)
#else
#define berth_pmd_leaf(pmd)	(pmd_leaf(pmd) || pmd_trans_huge(pmd))
#define berth_pud_leaf(pud)	pud_leaf(pud)
#endif

/* Suspend hooks of the boot CPU: the interface changed inside the 6.12 series. */
struct berth_syscore {
	struct syscore_ops ops;
#ifdef BERTH_HAVE_REGISTER_SYSCORE
	struct syscore syscore;
#endif
};

#ifdef BERTH_HAVE_REGISTER_SYSCORE
#define BERTH_SYSCORE_ARG	void *data
#else
#define BERTH_SYSCORE_ARG	void
#endif

#define BERTH_SYSCORE(name, suspend_fn, resume_fn)					\
	static struct berth_syscore name = {						\
		.ops = { .suspend = suspend_fn, .resume = resume_fn },			\
	}

static inline void berth_syscore_register(struct berth_syscore *s)
{
#ifdef BERTH_HAVE_REGISTER_SYSCORE
	s->syscore.ops = &s->ops;
	register_syscore(&s->syscore);
#else
	register_syscore_ops(&s->ops);
#endif
}

static inline void berth_syscore_unregister(struct berth_syscore *s)
{
#ifdef BERTH_HAVE_REGISTER_SYSCORE
	unregister_syscore(&s->syscore);
#else
	unregister_syscore_ops(&s->ops);
#endif
}

/* Take NUMA hinting faults as the owner itself would. */
#if BERTH_SINCE(6, 6)
#define BERTH_FOLL_NUMA	FOLL_HONOR_NUMA_FAULT
#else
#define BERTH_FOLL_NUMA	0
#endif

#endif
