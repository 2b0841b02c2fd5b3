// SPDX-License-Identifier: GPL-2.0-only
/*
 * DIAGNOSE: what a guest asks its hypervisor for, by function code.  What is not here is user
 * space's.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include "s390.h"
#include "insn.h"

#define VIRTIO_CCW_NOTIFY	3	/* DIAG 0x500: a virtqueue has something */

#define IPL_LOAD_CLEAR		3	/* DIAG 0x308 */
#define IPL_LOAD_NORMAL		4

static int yield_cpu(struct sie_vcpu *v)
{
	yield();
	return BERTH_RUN_AGAIN;
}

static int yield_to_cpu(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rs(v);
	struct berth_vcpu *to = NULL;

	if (v->gprs[regs.r1] < SIE_MAX_CPU_ADDRESS)
		to = berth_vcpu_by_id(v->core.vm, v->gprs[regs.r1]);
	if (to && to != &v->core)
		berth_vcpu_yield_to(to);
	return BERTH_RUN_AGAIN;
}

/*
 * The guest wants to hear of pages that the host has to fetch.  It never does: a vCPU's thread
 * waits for them.
 */
static int pfault(struct sie_vcpu *v)
{
	struct {
		u16 code, subcode, length, version;
		u64 token, select, compare, zarch;
	} parm;
	struct sie_regs regs = sie_regs_rs(v);

	if (v->gprs[regs.r1] & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	if (sie_read_real(v, v->gprs[regs.r1] & sie_address_mask(v), &parm, sizeof(parm)))
		return sie_pgm(v, PGM_ADDRESSING);
	if (parm.version != 2 || parm.length < 5 || parm.code != 0x258)
		return sie_pgm(v, PGM_SPECIFICATION);
	switch (parm.subcode) {
	case 0:
		if (v->pft != KVM_S390_PFAULT_TOKEN_INVALID) {
			/* There is a handshake, and it stays. */
			v->gprs[regs.r3] = 8;
			return BERTH_RUN_AGAIN;
		}
		if ((parm.compare & parm.select) != parm.compare || (parm.token & 7) ||
		    parm.zarch != 0x8000000000000000ULL)
			return sie_pgm(v, PGM_SPECIFICATION);
		if (!sie_has_storage(v, parm.token))
			return sie_pgm(v, PGM_ADDRESSING);
		v->pft = parm.token;
		v->pfs = parm.select;
		v->pfc = parm.compare;
		v->gprs[regs.r3] = 0;
		return BERTH_RUN_AGAIN;
	case 1:
		if (parm.token || parm.select || parm.compare || parm.zarch)
			return sie_pgm(v, PGM_SPECIFICATION);
		v->gprs[regs.r3] = v->pft == KVM_S390_PFAULT_TOKEN_INVALID ? 4 : 0;
		v->pft = KVM_S390_PFAULT_TOKEN_INVALID;
		return BERTH_RUN_AGAIN;
	default:
		return SIE_TO_USER;
	}
}

static int ipl(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rs(v);
	struct kvm_run *run = v->core.run;
	u64 flags = KVM_S390_RESET_SUBSYSTEM | KVM_S390_RESET_IPL | KVM_S390_RESET_CPU_INIT;

	switch (v->gprs[regs.r3] & 0xffff) {
	case IPL_LOAD_CLEAR:
		flags |= KVM_S390_RESET_CLEAR;
		break;
	case IPL_LOAD_NORMAL:
		break;
	default:
		return SIE_TO_USER;
	}
	if (!sie_user(sie_vm_of(v), SIE_USER_CPU_STATE))
		sie_stop(v);
	run->exit_reason = KVM_EXIT_S390_RESET;
	run->s390_reset_flags = flags;
	return BERTH_RUN_USER;
}

/* General register 2 has the subchannel, 3 the virtqueue, 4 what we said of it the last time. */
static int virtio(struct sie_vcpu *v)
{
	u64 queue = v->gprs[3];

	if (!sie_user(sie_vm_of(v), SIE_USER_CSS) || v->gprs[1] != VIRTIO_CCW_NOTIFY)
		return SIE_TO_USER;
	if (berth_bus_write(&v->core, BERTH_CCW_BUS, v->gprs[2] & 0xffffffff, 8, &queue))
		return SIE_TO_USER;
	v->gprs[2] = 0;
	return BERTH_RUN_AGAIN;
}

/* User space's pages behind absolute [@start, @end) of one slot are given back. */
static void discard_slot(const struct berth_slot *slot, gpa_t start, gpa_t end)
{
	unsigned long hva, last;
	struct vm_area_struct *vma;

	start = max(start, gfn_to_gpa(slot->base_gfn));
	end = min(end, gfn_to_gpa(slot->base_gfn + slot->npages));
	if (start >= end)
		return;
	hva = slot_hva(slot, gpa_to_gfn(start));
	last = hva + (end - start);
	while ((vma = find_vma(current->mm, hva)) && vma->vm_start < last) {
		hva = max(hva, vma->vm_start);
		if (!(vma->vm_flags & (VM_HUGETLB | VM_PFNMAP | VM_LOCKED)))
			berth_zap_range(vma, hva, min(last, vma->vm_end) - hva);
		hva = vma->vm_end;
		if (hva >= last)
			break;
		cond_resched();
	}
}

static void discard(struct sie_vm *vm, gpa_t start, gpa_t end)
{
	const struct berth_slot_set *slots;
	unsigned int i;
	int idx;

	if (start >= end)
		return;
	mmap_read_lock(current->mm);
	idx = srcu_read_lock(&vm->vm.srcu);
	slots = srcu_dereference(vm->vm.slots, &vm->vm.srcu);
	for (i = 0; i < slots->nr; i++)
		discard_slot(slots->by_gfn[i], start, end);
	srcu_read_unlock(&vm->vm.srcu, idx);
	mmap_read_unlock(current->mm);
}

/* The guest does without what is in real [r1, r3]; the prefix area's place is absolute 0's there. */
static int release(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rs(v);
	u64 start = v->gprs[regs.r1], end = v->gprs[regs.r3] + PAGE_SIZE;
	u64 prefix = v->prefix, after = prefix + 2 * PAGE_SIZE;
	struct sie_vm *vm = sie_vm_of(v);

	if (((start | end) & ~PAGE_MASK) || start >= end || start < 2 * PAGE_SIZE)
		return sie_pgm(v, PGM_SPECIFICATION);
	discard(vm, start, min(end, prefix));
	if (start < after && end > prefix)
		discard(vm, max(start, prefix) - prefix, min(end, after) - prefix);
	discard(vm, max(start, after), end);
	return BERTH_RUN_AGAIN;
}

int sie_diag(struct sie_vcpu *v)
{
	/* The code is the operand's address. */
	switch (sie_operand_s(v).address & 0xffff) {
	case 0x10:
		return release(v);
	case 0x44:
		return yield_cpu(v);
	case 0x9c:
		return yield_to_cpu(v);
	case 0x258:
		return pfault(v);
	case 0x308:
		return ipl(v);
	case 0x500:
		return virtio(v);
	default:
		return SIE_TO_USER;
	}
}
