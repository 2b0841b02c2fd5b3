// SPDX-License-Identifier: GPL-2.0-only
/* The s390 backend: the contract's callbacks, but for those of the run loop and the second stage. */

#include <asm/sclp.h>
#include "s390.h"
#include "insn.h"

int sie_setup(const char **why)
{
	if (!sclp.has_sief2) {
		*why = "this machine has no SIE (start interpretive execution, format 2)";
		return -EOPNOTSUPP;
	}
	sie_s2_setup();
	return sie_flic_setup();
}

void sie_unsetup(void)
{
	sie_flic_unsetup();
}

/* SIE is an instruction: nothing is turned on. */
int sie_cpu_enable(void)
{
	return 0;
}

void sie_cpu_disable(void)
{
}

int sie_vm_init(struct berth_vm *b, unsigned long type)
{
	struct sie_vm *vm = to_sie_vm(b);
	int r;

	/* VMs whose page faults and interrupts are user space's are not done. */
	if (type)
		return -EINVAL;
	/* SIE has 31 bits for its address. */
	vm->fac_page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT | GFP_DMA);
	if (!vm->fac_page)
		return -ENOMEM;
	r = sie_interlock_init(vm);
	if (r)
		goto no_interlock;
	r = berth_s2_init(&b->s2, sie_s2_format());
	if (r)
		goto no_tables;
	sie_space_init(&vm->space, sie_s2_asce(&b->s2));
	vm->mem_limit = sie_max_memory();
	sie_model_init(vm);
	sie_floating_init(vm);
	return 0;

no_tables:
	sie_interlock_destroy(vm);
no_interlock:
	free_page((unsigned long)vm->fac_page);
	return r;
}

void sie_vm_destroy(struct berth_vm *b)
{
	struct sie_vm *vm = to_sie_vm(b);

	sie_floating_destroy(vm);
	berth_s2_destroy(&b->s2);
	sie_interlock_destroy(vm);
	free_page((unsigned long)vm->fac_page);
}

/* The guest's absolute storage ends where the machine's addresses do, or a process's. */
u64 sie_max_memory(void)
{
	return min_t(u64, sclp.hamax, TASK_SIZE_MAX - 1) + 1;
}

/* In units of a segment, as the kernel's own KVM has it. */
#define SEGMENT_MASK	(~PMD_MASK)

int sie_slot_check(struct berth_vm *vm, const struct berth_slot *slot)
{
	if ((slot->flags & KVM_MEM_READONLY) || (slot->hva & SEGMENT_MASK) ||
	    ((slot->npages << PAGE_SHIFT) & SEGMENT_MASK))
		return -EINVAL;
	if (slot->base_gfn + slot->npages > gpa_to_gfn(sie_max_memory()))
		return -EINVAL;
	return 0;
}

int sie_vcpu_check(struct berth_vm *vm, unsigned int id)
{
	if (!vm->created_vcpus)
		sie_model_apply(to_sie_vm(vm));
	return 0;
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct sie_vcpu *v = container_of(timer, struct sie_vcpu, timer);

	/* It sleeps, and looks for itself. */
	berth_vcpu_kick(&v->core);
	return HRTIMER_NORESTART;
}

static void block_init(struct sie_vcpu *v)
{
	struct sie_vm *vm = sie_vm_of(v);
	struct sie_block *block = v->block;

	atomic_set(&block->cpuflags, SIE_ZARCH | SIE_SM | SIE_STOPPED);
	if (sie_has_fac(&vm->model, 78))
		atomic_or(SIE_GED2, &block->cpuflags);
	else if (sie_has_fac(&vm->model, 8))
		atomic_or(SIE_GED, &block->cpuflags);
	block->prefix = vm->model.ibc;
	block->icpua = v->core.id;
	block->ihcpu = 0xffff;
	block->ictl = SIE_ICTL_OPEREXC | SIE_ICTL_ISKE | SIE_ICTL_SSKE | SIE_ICTL_RRBE |
		      SIE_ICTL_TPROT;
	block->eca = SIE_ECA_MVPGI;
	block->msl = vm->mem_limit - 1;
	block->hpid = SIE_HPID;
	if (sie_has_fac(&vm->model, 7))
		block->fac = virt_to_phys(vm->fac_page);
	/* For its lock alone: there are no entries of CPUs in the system control area. */
	block->scaol = virt_to_phys(vm->interlock.control);
}

int sie_vcpu_init(struct berth_vcpu *b)
{
	struct sie_vcpu *v = to_sie(b);

	v->block = (struct sie_block *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!v->block)
		return -ENOMEM;
	spin_lock_init(&v->local.lock);
	hrtimer_init(&v->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	v->timer.function = timer_fired;
	block_init(v);
	/* Nobody finds it yet to tell it of another clock. */
	berth_vcpu_request(b, SIE_REQ_TOD);
	sie_reset_clear(v);
	b->run->kvm_valid_regs = KVM_SYNC_PREFIX | KVM_SYNC_GPRS | KVM_SYNC_ACRS | KVM_SYNC_CRS |
				 KVM_SYNC_ARCH0 | KVM_SYNC_PFAULT | KVM_SYNC_FPRS |
				 KVM_SYNC_DIAG318;
	b->initialized = true;
	return 0;
}

void sie_vcpu_destroy(struct berth_vcpu *b)
{
	struct sie_vcpu *v = to_sie(b);

	hrtimer_cancel(&v->timer);
	sie_debug_off(v);
	free_page((unsigned long)v->block);
}

void sie_set_tod(struct sie_vm *vm, u64 tod)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	WRITE_ONCE(vm->epoch, tod - get_tod_clock_fast());
	/* After this none runs by the old one; those that wait may have no need to any more. */
	berth_request_all(&vm->vm, SIE_REQ_TOD);
	berth_for_each_vcpu(i, vcpu, &vm->vm)
		berth_vcpu_kick(vcpu);
}
