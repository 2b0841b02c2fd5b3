// SPDX-License-Identifier: GPL-2.0-only
/* x86 hypercalls to other vCPUs, with local APICs in the kernel: waking one that halted, messages to many. */
#include "lapic.h"

#define SPLIT		NEED(KVM_CAP_SPLIT_IRQCHIP)
#define HC_KICK_CPU	5
#define HC_SEND_IPI	10
#define KVM_EINVAL_	22

#define FEATURE_UNHALT		7
#define FEATURE_SEND_IPI	11

GUEST64(guest_hypercall,
	"mov	%rdi, %rax\n"
	"vmmcall\n"
	DONE);

static int64_t hypercall(struct vcpu *vcpu, uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_hypercall, nr, d, c);
	regs = get_regs(vcpu);
	regs.rbx = a;
	regs.rcx = b;
	set_regs(vcpu, &regs);
	run_done(vcpu);
	return get_regs(vcpu).rax;
}

static void need_feature(unsigned int bit, const char *name)
{
	if (!cpu_has(0x40000001, 0, 0, bit))
		skip_test(name);
}

GUEST64(guest_halt_with_interrupts_off,
	"incq	(%rdi)\n"
	"hlt\n"
	DONE);

TEST(pv_kick_wakes_a_halted_vcpu, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);
	volatile uint64_t *word = code_word(vm, DATA_GPA);
	struct runner r;

	need_feature(FEATURE_UNHALT, "KVM_FEATURE_PV_UNHALT");
	catch_sigusr1();
	for (int i = 0; i < 20; i++) {
		uint64_t before = *word;

		x86_start(b, X86_KEEP, guest_halt_with_interrupts_off, DATA_GPA, 0, 0);
		runner_start(&r, b);
		wait_change(word, before);
		/* Before the HLT or after it: it wakes. */
		expect_eq(hypercall(a, HC_KICK_CPU, 0, 1, 0, 0), 0);
		expect_ret(runner_join(&r), 0);
		expect_eq(b->run->exit_reason, KVM_EXIT_IO);
	}
	/* Nobody there, and the caller itself. */
	expect_eq(hypercall(a, HC_KICK_CPU, 0, 77, 0, 0), 0);
	expect_eq(hypercall(a, HC_KICK_CPU, 0, ~0ULL, 0, 0), 0);
}

TEST(pv_kick_is_told_as_state, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);

	need_feature(FEATURE_UNHALT, "KVM_FEATURE_PV_UNHALT");
	expect_ok(set_mp_state(b, KVM_MP_STATE_HALTED));
	expect_eq(mp_state(b), KVM_MP_STATE_HALTED);
	expect_eq(hypercall(a, HC_KICK_CPU, 0, 1, 0, 0), 0);
	expect_eq(mp_state(b), KVM_MP_STATE_RUNNABLE);
}

TEST(pv_ipis_go_to_all_that_are_named, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *v[3];

	need_feature(FEATURE_SEND_IPI, "KVM_FEATURE_PV_SEND_IPI");
	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = vcpu_new_on(vm, i);
	/* Bits for ids 1, 2 and one there is not. */
	expect_eq(hypercall(v[0], HC_SEND_IPI, 0x86, 0, 0, 0x51), 2);
	expect(!lapic_bit(v[0], APIC_IRR, 0x51));
	expect(lapic_bit(v[1], APIC_IRR, 0x51));
	expect(lapic_bit(v[2], APIC_IRR, 0x51));
	/* From id 2 on; the second register goes on where the first ends. */
	expect_eq(hypercall(v[0], HC_SEND_IPI, 1, 0, 2, 0x52), 1);
	expect(!lapic_bit(v[1], APIC_IRR, 0x52));
	expect(lapic_bit(v[2], APIC_IRR, 0x52));
	expect_eq(hypercall(v[0], HC_SEND_IPI, 0, 1, 0, 0x53), 0);
	expect_eq(hypercall(v[0], HC_SEND_IPI, 0, 0, 0, 0x54), 0);
	/* Ids that are broadcasts elsewhere reach nobody. */
	expect_eq(hypercall(v[0], HC_SEND_IPI, 1, 0, 0xff, 0x55), 0);
	expect_eq(hypercall(v[0], HC_SEND_IPI, 1, 0, 0xffffffff, 0x55), 0);
	expect(!lapic_bit(v[1], APIC_IRR, 0x55));
	take_interrupt(v[1], 0x51);
}

TEST(pv_ipis_are_physical_and_have_no_shorthand, SPLIT)
{
	static const uint32_t bad[] = { ICR_LOGICAL, ICR_SELF, ICR_ALL, ICR_OTHERS };
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);

	need_feature(FEATURE_SEND_IPI, "KVM_FEATURE_PV_SEND_IPI");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_eq(hypercall(a, HC_SEND_IPI, 2, 0, 0, 0x51 | bad[i]), -KVM_EINVAL_);
	expect(!lapic_bit(b, APIC_IRR, 0x51));
}

TEST(pv_unhalt_is_hidden_where_hlt_does_not_exit, NEED(KVM_CAP_X86_DISABLE_EXITS))
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_X86_DISABLE_EXITS, .args[0] = KVM_X86_DISABLE_EXITS_HLT };
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct cpuid_table table;
	const struct kvm_cpuid_entry2 *e;

	need_feature(FEATURE_UNHALT, "KVM_FEATURE_PV_UNHALT");
	if (!(cap(KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_HLT))
		skip_test("a HLT without exit");
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_ENABLE_CAP, &args), 0);
	supported_cpuid(&table);
	/* Twice: the first time Linux 6.1 does not know yet where the leaf is. */
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table), 0);
	table.head.nent = CPUID_MAX;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &table), 0);
	e = cpuid_find(&table, 0x40000001, 0);
	expect(e);
	expect_eq(e->eax >> FEATURE_UNHALT & 1, 0);
}
