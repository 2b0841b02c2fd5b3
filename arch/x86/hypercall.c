// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls (Documentation/virt/kvm/x86/hypercalls.rst).
 */
#include <linux/kvm_para.h>
#include "irq.h"
#include "lapic.h"
#include "state.h"

#define NR_ARGS	4

/* Of an ICR's low half (SDM 3A, 11.6.1). */
#define APIC_SHORTHAND	(3 << 18)

/* A call as the guest made it: registers are 32 bits wide outside of 64-bit mode. */
struct hypercall {
	u64 nr;
	u64 arg[NR_ARGS];
	bool long_mode;
};

static void fetch(struct x86_vcpu *v, struct hypercall *call)
{
	static const u8 gpr[NR_ARGS] = { X86_RBX, X86_RCX, X86_RDX, X86_RSI };
	u64 mask;
	unsigned int i;

	call->long_mode = x86_mode(v) == X86_MODE_64;
	mask = call->long_mode ? ~0ull : U32_MAX;
	call->nr = v->gpr[X86_RAX] & mask;
	for (i = 0; i < NR_ARGS; i++)
		call->arg[i] = v->gpr[gpr[i]] & mask;
}

static int finish(struct x86_vcpu *v, unsigned int len, u64 result)
{
	v->gpr[X86_RAX] = x86_mode(v) == X86_MODE_64 ? result : (u32)result;
	return x86_skip_hypercall(v, len);
}

static int complete_hypercall(struct x86_vcpu *v)
{
	return finish(v, v->insn_len, READ_ONCE(v->core.run->hypercall.ret));
}

/* KVM_HC_MAP_GPA_RANGE is user space's (KVM_CAP_EXIT_HYPERCALL), once it makes sense. */
static int map_gpa_range(struct x86_vcpu *v, const struct hypercall *call, unsigned int len)
{
	struct kvm_run *run = v->core.run;
	gpa_t gpa = call->arg[0];
	u64 npages = call->arg[1];

	if (!(READ_ONCE(to_x86_vm(v->core.vm)->hypercall_exits) & BIT(KVM_HC_MAP_GPA_RANGE)))
		return finish(v, len, -KVM_ENOSYS);
	if (offset_in_page(gpa) || !npages || gpa_to_gfn(gpa) + npages <= gpa_to_gfn(gpa))
		return finish(v, len, -KVM_EINVAL);
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = call->nr;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = npages;
	run->hypercall.args[2] = call->arg[2];
	berth_run_set_hypercall_flags(run, call->long_mode);
	v->insn_len = len;
	v->complete = complete_hypercall;
	return BERTH_RUN_USER;
}

static bool has_apic_id(const struct berth_vcpu *vcpu, u64 id)
{
	const struct x86_lapic *l = to_x86((struct berth_vcpu *)vcpu)->lapic;

	return id == (!l || lapic_is_x2apic(l) ? vcpu->id : lapic_xapic_id(l));
}

/* The vCPU whose local APIC has that id, which is the vCPU's where nobody changed it. */
static struct berth_vcpu *find_apic(struct berth_vm *vm, u64 id)
{
	struct berth_vcpu *vcpu = id <= UINT_MAX ? berth_vcpu_by_id(vm, id) : NULL;
	unsigned int i;

	if (vcpu && has_apic_id(vcpu, id))
		return vcpu;
	berth_for_each_vcpu(i, vcpu, vm)
		if (has_apic_id(vcpu, id))
			return vcpu;
	return NULL;
}

/* The guest waits for an answer of that vCPU. */
static void sched_yield(struct x86_vcpu *v, struct berth_vcpu *target)
{
	if (target && target != &v->core)
		berth_vcpu_yield_to(target);
}

/* What that vCPU waits for in a HLT, perhaps with interrupts off, has come. */
static void kick_cpu(struct x86_vcpu *v, u64 apic_id)
{
	struct berth_vcpu *target = find_apic(v->core.vm, apic_id);

	if (!target || !to_x86(target)->lapic)
		return;
	WRITE_ONCE(to_x86(target)->pv.unhalted, true);
	berth_vcpu_request(target, BERTH_REQ_UNBLOCK);
	berth_vcpu_kick(target);
	sched_yield(v, target);
}

/*
 * An IPI to as many APIC ids as two registers have bits, from the one in arg[2] on.
 * Returns how many vCPUs take it.
 */
static s64 send_ipi(struct x86_vcpu *v, const struct hypercall *call)
{
	unsigned int width = call->long_mode ? 64 : 32, bit;
	struct x86_irq_msg msg = {
		.vector = call->arg[3] & APIC_VECTOR_MASK,
		.mode = call->arg[3] >> 8 & 7,
		.level = call->arg[3] & APIC_INT_LEVELTRIG,
		/* Guests leave it out where it means nothing. */
		.assert = (call->arg[3] & (APIC_INT_ASSERT | APIC_INT_LEVELTRIG)) !=
			  APIC_INT_LEVELTRIG,
	};
	s64 n = 0;

	if (call->arg[3] & (APIC_DEST_LOGICAL | APIC_SHORTHAND))
		return -KVM_EINVAL;
	if (!v->lapic)
		return -KVM_EOPNOTSUPP;
	for (bit = 0; bit < 2 * width; bit++) {
		u64 dest = (u32)call->arg[2] + (u64)bit;

		if (!(call->arg[bit / width] >> (bit % width) & 1))
			continue;
		/* Ids are meant, not broadcasts. */
		if (dest >= U32_MAX || (dest == LAPIC_XAPIC_BROADCAST && !lapic_is_x2apic(v->lapic)))
			continue;
		msg.dest = dest;
		n += x86_apic_send(to_x86_vm(v->core.vm), v, &msg);
	}
	return n;
}

int x86_exit_hypercall(struct x86_vcpu *v, unsigned int len)
{
	struct hypercall call;

	fetch(v, &call);
	if (x86_vendor->get_cpl(v))
		return finish(v, len, -KVM_EPERM);
	switch (call.nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		return finish(v, len, 0);
	case KVM_HC_SCHED_YIELD:
		if (!x86_pv_has(&v->pv, KVM_FEATURE_PV_SCHED_YIELD))
			return finish(v, len, -KVM_ENOSYS);
		sched_yield(v, find_apic(v->core.vm, call.arg[0]));
		return finish(v, len, 0);
	case KVM_HC_KICK_CPU:
		if (!x86_pv_has(&v->pv, KVM_FEATURE_PV_UNHALT))
			return finish(v, len, -KVM_ENOSYS);
		kick_cpu(v, call.arg[1]);
		return finish(v, len, 0);
	case KVM_HC_SEND_IPI:
		if (!x86_pv_has(&v->pv, KVM_FEATURE_PV_SEND_IPI))
			return finish(v, len, -KVM_ENOSYS);
		return finish(v, len, send_ipi(v, &call));
	case KVM_HC_MAP_GPA_RANGE:
		return map_gpa_range(v, &call, len);
	default:
		return finish(v, len, -KVM_ENOSYS);
	}
}

/*
 * x86_patch_insn() - put @n bytes where RIP is, where the guest's kernel may write.
 *
 * Done for what the guest will execute again and again; if not, nothing is lost.
 */
void x86_patch_insn(struct x86_vcpu *v, const void *bytes, unsigned int n)
{
	struct x86_context c;
	u32 error;
	gpa_t gpa;

	x86_vendor->get_context(v, &c);
	if (offset_in_page(c.linear_rip) > PAGE_SIZE - n || c.cpl ||
	    x86_walk(v, &c, c.linear_rip, X86_WALK_WRITE, &gpa, &error))
		return;
	berth_write_guest(&v->core, gpa, bytes, n);
}
