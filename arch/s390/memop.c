// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_S390_MEM_OP (api.rst 4.89): user space's access to guest storage as the guest's own, by
 * logical addresses on a vCPU and by absolute ones on a VM, with an access key where it says so.
 * What the guest would be interrupted by is the ioctl's result.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "s390.h"

#define MAX_SIZE	65536		/* KVM_CAP_S390_MEM_OP */

#define LOGICAL_FLAGS	(KVM_S390_MEMOP_F_INJECT_EXCEPTION | KVM_S390_MEMOP_F_CHECK_ONLY | \
			 KVM_S390_MEMOP_F_SKEY_PROTECTION)
#define ABSOLUTE_FLAGS	(KVM_S390_MEMOP_F_CHECK_ONLY | KVM_S390_MEMOP_F_SKEY_PROTECTION)

/* What 6.1's header does not have yet. */
#define ABSOLUTE_CMPXCHG	6

static int check_args(struct kvm_s390_mem_op *op, u64 flags)
{
	if ((op->flags & ~flags) || !op->size)
		return -EINVAL;
	if (op->size > MAX_SIZE)
		return -E2BIG;
	if (!(op->flags & KVM_S390_MEMOP_F_SKEY_PROTECTION))
		op->key = 0;
	return op->key > 0xf ? -EINVAL : 0;
}

static void *buffer(const struct kvm_s390_mem_op *op, bool write)
{
	void *data = vmalloc(op->size);

	if (!data)
		return ERR_PTR(-ENOMEM);
	if (write && copy_from_user(data, (void __user *)op->buf, op->size)) {
		vfree(data);
		return ERR_PTR(-EFAULT);
	}
	return data;
}

static int logical(struct sie_vcpu *v, const struct kvm_s390_mem_op *op, bool write,
		   struct sie_fault *fault)
{
	enum sie_access access = write ? SIE_STORE : SIE_FETCH;
	void *data;
	int r;

	if (op->flags & KVM_S390_MEMOP_F_CHECK_ONLY)
		return sie_check_key(v, op->gaddr, op->ar, op->key, op->size, access, fault);
	data = buffer(op, write);
	if (IS_ERR(data))
		return PTR_ERR(data);
	if (write)
		r = sie_write_key(v, op->gaddr, op->ar, op->key, data, op->size, fault);
	else
		r = sie_read_key(v, op->gaddr, op->ar, op->key, data, op->size, fault);
	if (!r && !write && copy_to_user((void __user *)op->buf, data, op->size))
		r = -EFAULT;
	vfree(data);
	return r;
}

long sie_ioctl_mem_op(struct berth_vcpu *b, void *arg_data, unsigned long arg)
{
	struct sie_vcpu *v = to_sie(b);
	struct kvm_s390_mem_op *op = arg_data;
	struct sie_fault fault;
	int r;

	if (op->op != KVM_S390_MEMOP_LOGICAL_READ && op->op != KVM_S390_MEMOP_LOGICAL_WRITE)
		return -EINVAL;
	r = check_args(op, LOGICAL_FLAGS);
	if (r)
		return r;
	if (op->ar >= 16)
		return -EINVAL;
	/* The guest's state as user space has it now. */
	v->block->gpsw.mask = b->run->psw_mask;
	v->block->gpsw.addr = b->run->psw_addr;
	r = logical(v, op, op->op == KVM_S390_MEMOP_LOGICAL_WRITE, &fault);
	if (r <= 0)
		return r;
	if (op->flags & KVM_S390_MEMOP_F_INJECT_EXCEPTION)
		sie_inject_fault(v, &fault);
	return fault.code;
}

/* 0, or the interruption. */
static int check_absolute(struct sie_vm *vm, const struct kvm_s390_mem_op *op,
			  enum sie_access access)
{
	u64 address = op->gaddr, end = op->gaddr + op->size;

	for (; address < end || end < op->gaddr; address = (address & PAGE_MASK) + PAGE_SIZE) {
		if (!sie_has_page(&vm->vm, address))
			return PGM_ADDRESSING;
		if (op->key && !sie_key_allows(sie_key_get(vm, gpa_to_gfn(address)), op->key, access))
			return PGM_PROTECTION;
	}
	return 0;
}

/* Nobody's vCPU writes: the log is marked here. */
static int write_absolute(struct sie_vm *vm, gpa_t gpa, const void *data, size_t len)
{
	while (len) {
		size_t part = min_t(size_t, len, PAGE_SIZE - offset_in_page(gpa));
		int idx = srcu_read_lock(&vm->vm.srcu);
		unsigned long hva = berth_guest_hva(&vm->vm, gpa, true);
		int r = !hva || copy_to_user((void __user *)hva, data, part) ? -EFAULT : 0;

		sie_mark_dirty(vm, gpa);
		srcu_read_unlock(&vm->vm.srcu, idx);
		if (r)
			return r;
		gpa += part;
		data += part;
		len -= part;
	}
	return 0;
}

static int absolute(struct sie_vm *vm, const struct kvm_s390_mem_op *op, bool write)
{
	void *data;
	int r;

	r = check_absolute(vm, op, write ? SIE_STORE : SIE_FETCH);
	if (r || (op->flags & KVM_S390_MEMOP_F_CHECK_ONLY))
		return r;
	data = buffer(op, write);
	if (IS_ERR(data))
		return PTR_ERR(data);
	if (write)
		r = write_absolute(vm, op->gaddr, data, op->size);
	else
		r = berth_read_guest(&vm->vm, op->gaddr, data, op->size);
	/* The slot is there, and what user space has behind it is not. */
	if (r == -EFAULT)
		r = PGM_ADDRESSING;
	if (!r && !write && copy_to_user((void __user *)op->buf, data, op->size))
		r = -EFAULT;
	vfree(data);
	return r;
}

union value {
	u8 b[16];
	u16 h;
	u32 w;
	u64 d;
	__uint128_t q;
};

/* @old becomes what was there. */
static void exchange(void *place, unsigned int size, union value *old, const union value *new)
{
	switch (size) {
	case 1:
		old->b[0] = cmpxchg((u8 *)place, old->b[0], new->b[0]);
		break;
	case 2:
		old->h = cmpxchg((u16 *)place, old->h, new->h);
		break;
	case 4:
		old->w = cmpxchg((u32 *)place, old->w, new->w);
		break;
	case 8:
		old->d = cmpxchg((u64 *)place, old->d, new->d);
		break;
	default:
		asm volatile("cdsg %[old],%[new],%[place]"
			     : [old] "+d" (old->q), [place] "+QS" (*(__uint128_t *)place)
			     : [new] "d" (new->q) : "memory", "cc");
		break;
	}
}

static int compare_exchange(struct sie_vm *vm, const struct kvm_s390_mem_op *op, u64 old_addr)
{
	union value old = { }, was, new = { };
	struct page *page;
	unsigned long hva;
	int r, idx;

	if (op->size > sizeof(new) || !is_power_of_2(op->size) || (op->gaddr & (op->size - 1)))
		return -EINVAL;
	if (copy_from_user(&new, (void __user *)op->buf, op->size) ||
	    copy_from_user(&old, (void __user *)old_addr, op->size))
		return -EFAULT;
	/* Who may store may fetch. */
	r = check_absolute(vm, op, SIE_STORE);
	if (r)
		return r;
	idx = srcu_read_lock(&vm->vm.srcu);
	hva = berth_guest_hva(&vm->vm, op->gaddr, true);
	r = PGM_ADDRESSING;
	if (hva && get_user_pages_fast(hva, 1, FOLL_WRITE, &page) == 1) {
		was = old;
		exchange(page_address(page) + offset_in_page(hva), op->size, &was, &new);
		set_page_dirty_lock(page);
		put_page(page);
		sie_mark_dirty(vm, op->gaddr);
		r = 0;
	}
	srcu_read_unlock(&vm->vm.srcu, idx);
	if (!r && memcmp(&was, &old, op->size) &&
	    copy_to_user((void __user *)old_addr, &was, op->size))
		r = -EFAULT;
	return r;
}

long sie_ioctl_vm_mem_op(struct berth_vm *b, void *data, unsigned long arg)
{
	struct sie_vm *vm = to_sie_vm(b);
	struct kvm_s390_mem_op *op = data;
	/* Behind ar and key, which 6.1's header does not tell. */
	u64 old_addr = *(u64 *)&op->reserved[8];
	int r;

	if (op->op != KVM_S390_MEMOP_ABSOLUTE_READ && op->op != KVM_S390_MEMOP_ABSOLUTE_WRITE &&
	    op->op != ABSOLUTE_CMPXCHG)
		return -EINVAL;
	r = check_args(op, op->op == ABSOLUTE_CMPXCHG ? KVM_S390_MEMOP_F_SKEY_PROTECTION : ABSOLUTE_FLAGS);
	if (r)
		return r;
	if (op->op == ABSOLUTE_CMPXCHG)
		return compare_exchange(vm, op, old_addr);
	return absolute(vm, op, op->op == KVM_S390_MEMOP_ABSOLUTE_WRITE);
}
