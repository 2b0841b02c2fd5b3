// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 backend: the contract's callbacks, which choose AMD-V or VT-x once and lead
 * to its files.
 */

#include <asm/cpufeature.h>
#include <asm/tsc.h>
#include "irq.h"
#include "state.h"

const struct x86_vendor *x86_vendor __ro_after_init;

int x86_setup(const char **why)
{
	int r;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		*why = boot_cpu_has(X86_FEATURE_VMX) ?
			"VT-x is not supported yet: AMD-V is needed" :
			"this CPU has no AMD-V, or firmware disabled it";
		return -EOPNOTSUPP;
	}
	/* Guests' TSCs are the host's, and clocks and timers are worked out of it. */
	if (!tsc_khz) {
		*why = "the frequency of this CPU's time-stamp counter is not known";
		return -EOPNOTSUPP;
	}
	x86_vendor = &svm_vendor;
	r = x86_vendor->setup(why);
	if (r)
		return r;
	r = x86_cpuid_host_setup();
	if (!r)
		r = x86_clock_setup();
	if (r)
		x86_vendor->unsetup();
	return r;
}

void x86_unsetup(void)
{
	x86_clock_unsetup();
	x86_vendor->unsetup();
}

int x86_cpu_enable(void)
{
	x86_clock_cpu_enabled();
	return x86_vendor->cpu_enable();
}

void x86_cpu_disable(void)
{
	x86_vendor->cpu_disable();
	x86_clock_cpu_disabled();
}

int x86_vm_init(struct berth_vm *vm, unsigned long type)
{
	int r;

	if (type)
		return -EINVAL;
	r = berth_s2_init(&vm->s2, x86_vendor->s2_format());
	if (r)
		return r;
	vm->s2.max_gfn = min_t(gfn_t, vm->s2.max_gfn,
			       BIT_ULL(boot_cpu_data.x86_phys_bits - PAGE_SHIFT));
	mutex_init(&to_x86_vm(vm)->apic_map_lock);
	to_x86_vm(vm)->apic_tick_ns = X86_APIC_TICK_NS;
	x86_clock_init(to_x86_vm(vm));
	return 0;
}

void x86_vm_destroy(struct berth_vm *vm)
{
	x86_irqchip_destroy(to_x86_vm(vm));
	x86_apic_map_destroy(to_x86_vm(vm));
	x86_msr_filter_destroy(to_x86_vm(vm));
	x86_clock_destroy(to_x86_vm(vm));
	berth_s2_destroy(&vm->s2);
}

int x86_slot_check(struct berth_vm *vm, const struct berth_slot *slot)
{
	return slot->base_gfn + slot->npages > vm->s2.max_gfn ? -EINVAL : 0;
}

/* xAPIC ids above 255 are user space's affair while the controllers are. */
int x86_vcpu_check(struct berth_vm *vm, unsigned int id)
{
	struct x86_vm *x86 = to_x86_vm(vm);

	/* KVM_CAP_MAX_VCPU_ID cannot be given any more. */
	if (!x86->max_vcpu_ids)
		x86->max_vcpu_ids = X86_MAX_VCPU_IDS;
	return id >= x86->max_vcpu_ids ? -EINVAL : 0;
}

int x86_vcpu_init(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);
	int r = -ENOMEM;

	if (!fpu_alloc_guest_fpstate(&v->fpu))
		return r;
	r = x86_msr_init(v);
	if (r)
		goto out_fpu;
	if (x86_irqchip(vcpu->vm) != X86_IRQCHIP_NONE) {
		r = x86_lapic_create(v);
		if (r)
			goto out_msr;
	}
	r = x86_vendor->vcpu_init(v);
	if (r)
		goto out_lapic;
	x86_cpuid_init(v);
	x86_reset_regs(v, false);
	if (v->lapic) {
		x86_lapic_reset(v, false);
		/* All but the boot CPU wait for INIT and SIPI. */
		if (vcpu->id != to_x86_vm(vcpu->vm)->bsp_id)
			v->mp_state = KVM_MP_STATE_UNINITIALIZED;
	}
	/* What these are about may change before anyone can see this vCPU. */
	berth_vcpu_request(vcpu, X86_REQ_MSR_FILTER);
	berth_vcpu_request(vcpu, X86_REQ_TRAPS);
	vcpu->initialized = true;
	return 0;

out_lapic:
	x86_lapic_destroy(v);
out_msr:
	x86_msr_destroy(v);
out_fpu:
	fpu_free_guest_fpstate(&v->fpu);
	return r;
}

void x86_vcpu_destroy(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	x86_lapic_destroy(v);
	x86_vendor->vcpu_destroy(v);
	x86_cpuid_destroy(v);
	x86_msr_destroy(v);
	fpu_free_guest_fpstate(&v->fpu);
}

void x86_vcpu_load(struct berth_vcpu *vcpu, unsigned int cpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	x86_vendor->vcpu_load(v, cpu);
	if (v->pv.active)
		x86_pv_load(v, cpu);
}

void x86_vcpu_put(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	if (v->pv.active & X86_PV_STEAL)
		x86_steal_put(v);
	x86_vendor->vcpu_put(v);
}

int x86_run_begin(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_run *run = vcpu->run;
	int (*complete)(struct x86_vcpu *v);

	/* The guest's FPU state is this task's until run_end(), whatever the scheduler does. */
	fpu_swap_kvm_fpstate(&v->fpu, true);
	if (x86_sync_begin(v))
		return -EINVAL;
	/* The task priority of a local APIC in the kernel is not user space's to give here. */
	if (!v->lapic && x86_write_cr8(v, READ_ONCE(run->cr8)))
		return -EINVAL;
	v->want_irq_window = READ_ONCE(run->request_interrupt_window) &&
			     x86_irqchip(vcpu->vm) != X86_IRQCHIP_KERNEL;
	complete = v->complete;
	if (!complete)
		return BERTH_RUN_AGAIN;
	v->complete = NULL;
	return complete(v);
}

/*
 * A vCPU that does not run: halted, or before its start-up message.  As with the kernel's
 * KVM, one that had not even got its INIT returns to user space when something came.
 */
static noinline int wait(struct x86_vcpu *v)
{
	u32 was = v->mp_state;

	if (!x86_vcpu_runnable(&v->core))
		return berth_work_pending(&v->core) ? BERTH_RUN_WORK : BERTH_RUN_BLOCK;
	x86_lapic_take_events(v);
	if (was == KVM_MP_STATE_UNINITIALIZED)
		return -EAGAIN;
	if (v->mp_state == KVM_MP_STATE_HALTED) {
		v->mp_state = KVM_MP_STATE_RUNNABLE;
		WRITE_ONCE(v->pv.unhalted, false);
	}
	return v->mp_state == KVM_MP_STATE_RUNNABLE ? BERTH_RUN_AGAIN : BERTH_RUN_BLOCK;
}

/* Context: the vCPU's thread, may sleep. */
void x86_serve_requests(struct x86_vcpu *v)
{
	if (berth_vcpu_take_request(&v->core, X86_REQ_CLOCK))
		x86_clock_write(v);
	if (berth_vcpu_take_request(&v->core, X86_REQ_STEAL))
		x86_steal_write(v);
	if (berth_vcpu_take_request(&v->core, X86_REQ_MSR_FILTER))
		x86_vendor->update_msr_filter(v);
	if (berth_vcpu_take_request(&v->core, X86_REQ_TRAPS))
		x86_vendor->update_traps(v);
}

int x86_vcpu_run(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);
	int r;

	if (unlikely(v->mp_state != KVM_MP_STATE_RUNNABLE)) {
		r = wait(v);
		if (r != BERTH_RUN_AGAIN)
			return r;
	}
	return x86_vendor->run(v);
}

void x86_run_end(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_run *run = vcpu->run;

	fpu_swap_kvm_fpstate(&v->fpu, false);
	run->if_flag = !!(v->rflags & X86_EFLAGS_IF);
	run->flags = 0;
	run->cr8 = v->cr8;
	run->apic_base = v->apic_base;
	run->ready_for_interrupt_injection =
		likely(!v->lapic) ? x86_interrupt_allowed(v) :
		x86_irqchip(vcpu->vm) == X86_IRQCHIP_KERNEL || x86_window_open(v);
	if (unlikely(v->sync_regs))
		x86_sync_end(v);
}

bool x86_vcpu_runnable(struct berth_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	return x86_lapic_runnable(v) ||
	       (v->mp_state == KVM_MP_STATE_HALTED && READ_ONCE(v->pv.unhalted));
}

void x86_vcpu_dump(struct berth_vcpu *vcpu)
{
	x86_vendor->dump(to_x86(vcpu));
}

/* The guest is entered with interrupts off: the interrupt that follows is enough. */
void x86_vcpu_kick(struct berth_vcpu *vcpu)
{
}

void x86_s2_flush(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	vm->stats.remote_tlb_flush_requests++;
	if (berth_request_all(vm, BERTH_REQ_TLB_FLUSH))
		vm->stats.remote_tlb_flush++;
}

/* The caches see all there is to see. */
void x86_s2_prepare(struct berth_vm *vm, gfn_t gfn, phys_addr_t pa, size_t size, u32 gained)
{
}
