// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMIDs and TLB maintenance (Arm ARM D8.13).  A VM has a VMID of a generation; when the ids
 * are used up a new generation begins: every guest is left, all translations go, and each VM
 * takes a new id at its next entry.
 */
#include <asm/cpufeature.h>
#include <asm/tlbflush.h>
#include <linux/moduleparam.h>
#include "arm64.h"

#define VMID_BITS	16			/* of arm_vmid::value; the generation is above */
#define VMID_MASK	GENMASK_ULL(VMID_BITS - 1, 0)

static unsigned int vmid_bits = 16;
module_param(vmid_bits, uint, 0444);
MODULE_PARM_DESC(vmid_bits, "VMIDs to use are below 1 << this");

static atomic64_t generation = ATOMIC64_INIT(1);	/* [a] changes under vmid_lock */
static u32 next_vmid = 1;				/* vmid_lock; 0 is the host's */
static DEFINE_SPINLOCK(vmid_lock);

void arm_vmid_setup(void)
{
	u64 mmfr1 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR1_EL1);
	unsigned int bits = 8;

	if (cpuid_feature_extract_unsigned_field(mmfr1, ID_AA64MMFR1_EL1_VMIDBits_SHIFT) == 2)
		bits = 16;
	vmid_bits = clamp(vmid_bits, 1u, bits);
}

bool arm_vmid_current(const struct arm_vm *vm)
{
	return atomic64_read(&vm->vmid.value) >> VMID_BITS == atomic64_read(&generation);
}

u64 arm_vttbr(const struct arm_vm *vm)
{
	u64 vmid = atomic64_read(&vm->vmid.value) & VMID_MASK;

	return berth_s2_root_pa(&vm->vm.s2) | vmid << VTTBR_VMID_SHIFT;
}

/* ---- what EL2 is asked for ---- */

/*
 * With VHE the instructions mean the guest's translations only while HCR_EL2.TGE is clear
 * and its VMID is in VTTBR_EL2; what a loaded vCPU has there comes back.
 */
struct vhe_guest {
	unsigned long flags;
	u64 vttbr, hcr;
};

static void vhe_enter(struct vhe_guest *was, u64 vttbr)
{
	local_irq_save(was->flags);
	was->vttbr = read_sysreg(vttbr_el2);
	was->hcr = read_sysreg(hcr_el2);
	write_sysreg(vttbr, vttbr_el2);
	isb();
	write_sysreg(was->hcr & ~HCR_TGE, hcr_el2);
	isb();
}

static void vhe_leave(const struct vhe_guest *was)
{
	write_sysreg(was->hcr, hcr_el2);
	isb();
	write_sysreg(was->vttbr, vttbr_el2);
	isb();
	local_irq_restore(was->flags);
}

/* Every translation of the VM, on all CPUs. */
static void flush_vm(u64 vttbr)
{
	struct vhe_guest was;

	dsb(ishst);
	if (!arm_vhe()) {
		arm_el2_call(ARM_EL2_TLB_VM, vttbr, 0, 0, 0);
		return;
	}
	vhe_enter(&was, vttbr);
	__tlbi(vmalls12e1is);
	dsb(ish);
	isb();
	vhe_leave(&was);
}

/* Those of some pages: their second stage, and stage 1 as a whole, which may be made of it. */
static void flush_pages(u64 vttbr, gfn_t start, u64 pages)
{
	struct vhe_guest was;
	gfn_t gfn;

	dsb(ishst);
	if (!arm_vhe()) {
		arm_el2_call(ARM_EL2_TLB_RANGE, vttbr, gfn_to_gpa(start) >> 12, pages,
			     PAGE_SIZE >> 12);
		return;
	}
	vhe_enter(&was, vttbr);
	for (gfn = start; gfn < start + pages; gfn++)
		__tlbi(ipas2e1is, gfn_to_gpa(gfn) >> 12);
	dsb(ish);
	__tlbi(vmalle1is);
	dsb(ish);
	isb();
	vhe_leave(&was);
}

/* Beyond this all of the VM's translations go: one instruction each would take longer. */
#define FLUSH_PAGES	64

void arm_s2_flush(struct berth_vm *b, gfn_t start, gfn_t end)
{
	struct arm_vm *vm = to_arm_vm(b);

	b->stats.remote_tlb_flush_requests++;
	/*
	 * Never entered: nothing is cached.  A VMID of an old generation may be another VM's by
	 * now, or still be in use by a vCPU that has not seen the new one: to flush it is right.
	 */
	if (!atomic64_read(&vm->vmid.value))
		return;
	preempt_disable();
	if (end - start > FLUSH_PAGES)
		flush_vm(arm_vttbr(vm));
	else
		flush_pages(arm_vttbr(vm), start, end - start);
	preempt_enable();
	b->stats.remote_tlb_flush++;
}

static void leave_guest_ipi(void *unused)
{
}

/* A new generation.  vmid_lock held: whoever enters a guest from here on comes by it. */
static void new_generation(void)
{
	struct vhe_guest was;

	atomic64_inc(&generation);
	next_vmid = 1;
	/* Guests that run with old ids leave, and see the new generation before they enter. */
	on_each_cpu(leave_guest_ipi, NULL, 1);
	if (!arm_vhe()) {
		arm_el2_call(ARM_EL2_TLB_ALL, 0, 0, 0, 0);
		return;
	}
	vhe_enter(&was, read_sysreg(vttbr_el2));
	__tlbi(alle1is);
	dsb(ish);
	isb();
	vhe_leave(&was);
}

void arm_vmid_update(struct arm_vm *vm)
{
	if (likely(arm_vmid_current(vm)))
		return;
	spin_lock(&vmid_lock);
	if (!arm_vmid_current(vm)) {
		if (next_vmid == BIT(vmid_bits))
			new_generation();
		atomic64_set(&vm->vmid.value,
			     atomic64_read(&generation) << VMID_BITS | next_vmid++);
	}
	spin_unlock(&vmid_lock);
}

void arm_tlb_vcpu_load(struct arm_vcpu *v)
{
	struct arm_vm *vm = arm_vm_of(v);
	int *last = this_cpu_ptr(vm->last_vcpu);
	struct vhe_guest was;

	if (*last == (int)v->core.id)
		return;
	if (*last >= 0 && arm_vhe()) {
		vhe_enter(&was, arm_vttbr(vm));
		__tlbi(vmalle1);
		dsb(nsh);
		isb();
		vhe_leave(&was);
	} else if (*last >= 0) {
		arm_el2_call(ARM_EL2_TLB_LOCAL, arm_vttbr(vm), 0, 0, 0);
	}
	*last = v->core.id;
}
