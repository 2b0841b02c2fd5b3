// SPDX-License-Identifier: GPL-2.0-only
/* x86 several vCPUs with local APICs in the kernel: who boots, INIT and SIPI, messages between them, MP state. */
#include <sched.h>

#include "lapic.h"

#define SPLIT		NEED(KVM_CAP_SPLIT_IRQCHIP)
#define SIPI_VECTOR	0x30
#define SIPI_GPA	(SIPI_VECTOR << 12)
#define AP_WORD		DATA_GPA

static void ipi(struct vcpu *from, unsigned int dest, uint32_t icr)
{
	apic_write(from, APIC_ICR2, dest << 24);
	apic_write(from, APIC_ICR, icr);
}

/* A thread that runs a vCPU until it says that it is done, or traps; that is what @port tells. */
struct ap {
	pthread_t thread;
	struct vcpu *vcpu;
	uint16_t port;
	int ret;
	_Atomic int again;
};

static void *ap_main(void *arg)
{
	struct ap *ap = arg;

	do {
		ap->ret = vcpu_run(ap->vcpu);
		ap->again += ap->ret == -EAGAIN;
	} while (ap->ret == -EAGAIN);
	if (!ap->ret && ap->vcpu->run->exit_reason == KVM_EXIT_IO)
		ap->port = ap->vcpu->run->io.port;
	return NULL;
}

static void ap_start(struct ap *ap, struct vcpu *vcpu)
{
	catch_sigusr1();
	memset(ap, 0, sizeof(*ap));
	ap->vcpu = vcpu;
	expect_eq(pthread_create(&ap->thread, NULL, ap_main, ap), 0);
}

/* Until KVM_RUN has come back with -EAGAIN. */
static void wait_again(struct ap *ap)
{
	while (!ap->again)
		sched_yield();
}

static void ap_expect(struct ap *ap, uint16_t port)
{
	pthread_join(ap->thread, NULL);
	expect_ret(ap->ret, 0);
	expect_eq(ap->vcpu->run->exit_reason, KVM_EXIT_IO);
	expect_eq(ap->port, port);
}

static struct kvm_regs enable_interrupts(struct vcpu *vcpu)
{
	struct kvm_regs regs = get_regs(vcpu);

	regs.rflags |= 0x200;
	set_regs(vcpu, &regs);
	return regs;
}

/* ---- who boots ---- */

TEST(smp_boot_cpu_runs_and_others_wait, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_bare(vm, 0), *b = vcpu_new_bare(vm, 1);

	expect_eq(mp_state(a), KVM_MP_STATE_RUNNABLE);
	expect_eq(mp_state(b), KVM_MP_STATE_UNINITIALIZED);
	expect_eq(get_sregs(a).apic_base, APIC_BASE | BASE_ENABLE | 0x100);
	expect_eq(get_sregs(b).apic_base, APIC_BASE | BASE_ENABLE);
	expect_eq(lapic_reg(b, APIC_LINT0), LVT_MASKED);
}

TEST(smp_boot_cpu_id_chooses, SPLIT, NEED(KVM_CAP_SET_BOOT_CPU_ID))
{
	struct vm *vm = vm_new_split();
	struct vcpu *a, *b;

	expect_ret(kvm_ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 2L), 0);
	a = vcpu_new_bare(vm, 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 0L), -EBUSY);
	b = vcpu_new_bare(vm, 2);
	expect_eq(mp_state(a), KVM_MP_STATE_UNINITIALIZED);
	expect_eq(mp_state(b), KVM_MP_STATE_RUNNABLE);
	expect_eq(get_sregs(a).apic_base & 0x100, 0);
	expect_eq(get_sregs(b).apic_base & 0x100, 0x100);
}

TEST(smp_max_vcpu_id_is_a_limit, NEED(KVM_CAP_MAX_VCPU_ID))
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_MAX_VCPU_ID, .args = { 1u << 30 } };
	struct vm *vm = vm_new_bare();

	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), -EINVAL);
	args.args[0] = 4;
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), 0);
	args.args[0] = 5;
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), -EINVAL);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 4L), -EINVAL);
	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 3L));
}

TEST(smp_max_vcpu_id_is_late_after_a_vcpu, NEED(KVM_CAP_MAX_VCPU_ID))
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_MAX_VCPU_ID, .args = { 8 } };
	struct vm *vm = vm_new_bare();

	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0L));
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), -EINVAL);
}

TEST(smp_max_vcpu_id_is_not_below_the_boot_cpus, NEED(KVM_CAP_MAX_VCPU_ID), NEED(KVM_CAP_SET_BOOT_CPU_ID))
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_MAX_VCPU_ID, .args = { 4 } };
	struct vm *vm = vm_new_bare();
	int r;

	expect_ret(kvm_ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 5L), 0);
	r = kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args);
	if (!r)
		skip_test("a kernel that looks at it");
	expect_ret(r, -EINVAL);
	args.args[0] = 6;
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 7L), -EINVAL);
}

/* ---- MP state ---- */

TEST(smp_mp_states_are_kept, SPLIT)
{
	static const uint32_t states[] = { KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_HALTED,
					   KVM_MP_STATE_RUNNABLE };
	struct vcpu *vcpu = vcpu_new_on(vm_new_split(), 1);

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		expect_ret(set_mp_state(vcpu, states[i]), 0);
		expect_eq(mp_state(vcpu), states[i]);
	}
	expect_ret(set_mp_state(vcpu, KVM_MP_STATE_STOPPED), -EINVAL);
	expect_ret(set_mp_state(vcpu, 1000), -EINVAL);
}

TEST(smp_halted_state_waits_for_an_interrupt, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct kvm_regs regs;
	struct ap ap;

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	regs = enable_interrupts(vcpu);
	expect_ret(set_mp_state(vcpu, KVM_MP_STATE_HALTED), 0);
	ap_start(&ap, vcpu);
	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x55), 1);
	ap_expect(&ap, TRAP_PORT);
	expect_eq(x86_trap(vcpu)->vector, 0x55);
	expect_eq(x86_trap(vcpu)->rip, regs.rip);
}

TEST(smp_run_of_a_waiting_vcpu_is_interrupted_by_a_signal, SPLIT)
{
	struct vcpu *b;
	struct vm *vm = vm_new_split();
	struct runner r;

	vcpu_new_bare(vm, 0);
	b = vcpu_new(vm, 1);
	runner_start(&r, b);
	expect_ret(runner_stop(&r), -EINTR);
	expect_eq(b->run->exit_reason, KVM_EXIT_INTR);
	expect_eq(mp_state(b), KVM_MP_STATE_UNINITIALIZED);
	b->run->immediate_exit = 1;
	expect_ret(vcpu_run(b), -EINTR);
}

/* ---- INIT and SIPI ---- */

GUEST16(ap_entry,
	"mov	%cs, %ax\n"
	"xor	%bx, %bx\n"
	"mov	%bx, %ds\n"
	"mov	%ax, " STR(DATA_GPA) "\n"
	"out	%al, $" STR(DONE_PORT) "\n"
	"hlt\n");

static struct vm *vm_with_ap_code(void)
{
	struct vm *vm = vm_new_split();

	memcpy(code_word(vm, SIPI_GPA), ap_entry, 64);
	return vm;
}

TEST(smp_init_and_sipi_start_a_vcpu, SPLIT)
{
	struct vm *vm = vm_with_ap_code();
	struct vcpu *b = vcpu_new(vm, 1), *a = vcpu_new_on(vm, 0);
	struct ap ap;

	ap_start(&ap, b);
	ipi(a, 1, ICR_INIT | ICR_ASSERT);
	wait_again(&ap);
	ipi(a, 1, ICR_SIPI | ICR_ASSERT | SIPI_VECTOR);
	ap_expect(&ap, DONE_PORT);
	/* It comes back to user space once, when the first message is there. */
	expect_eq(ap.again, 1);
	expect_eq(*code_word(vm, DATA_GPA) & 0xffff, SIPI_VECTOR << 8);
	expect_eq(mp_state(b), KVM_MP_STATE_RUNNABLE);
	expect_eq(get_sregs(b).cs.base, SIPI_GPA);
	expect_eq(get_sregs(b).cs.selector, SIPI_VECTOR << 8);
	expect_eq(get_sregs(b).cr0 & 1, 0);
}

TEST(smp_init_is_told_as_state, SPLIT)
{
	struct vm *vm = vm_with_ap_code();
	struct vcpu *b = vcpu_new(vm, 1), *a = vcpu_new_on(vm, 0);

	/* A SIPI without INIT is nothing. */
	ipi(a, 1, ICR_SIPI | ICR_ASSERT | SIPI_VECTOR);
	expect_eq(mp_state(b), KVM_MP_STATE_UNINITIALIZED);
	ipi(a, 1, ICR_INIT | ICR_ASSERT);
	expect_eq(mp_state(b), KVM_MP_STATE_INIT_RECEIVED);
	expect_eq(get_regs(b).rip, 0xfff0);
	ipi(a, 1, ICR_SIPI | ICR_ASSERT | SIPI_VECTOR);
	expect_eq(mp_state(b), KVM_MP_STATE_RUNNABLE);
	expect_eq(get_regs(b).rip, 0);
	run_done(b);
}

TEST(smp_waiting_init_survives_set_vcpu_events, SPLIT)
{
	struct vm *vm = vm_with_ap_code();
	struct vcpu *b = vcpu_new(vm, 1), *a = vcpu_new_on(vm, 0);
	struct kvm_vcpu_events events;

	ipi(a, 1, ICR_INIT | ICR_ASSERT);
	expect_ok(kvm_ioctl(b->fd, KVM_GET_VCPU_EVENTS, &events));
	expect_eq(events.smi.latched_init, 1);
	expect_ok(kvm_ioctl(b->fd, KVM_SET_VCPU_EVENTS, &events));
	expect_eq(mp_state(b), KVM_MP_STATE_INIT_RECEIVED);
	expect_ok(kvm_ioctl(b->fd, KVM_GET_VCPU_EVENTS, &events));
	expect_eq(events.smi.latched_init, 0);
}

TEST(smp_init_forgets_an_nmi, SPLIT)
{
	struct vm *vm = vm_with_ap_code();
	struct vcpu *b = vcpu_new(vm, 1), *a = vcpu_new_on(vm, 0);
	struct kvm_vcpu_events events;

	ipi(a, 1, ICR_NMI | ICR_ASSERT);
	ipi(a, 1, ICR_INIT | ICR_ASSERT);
	expect_eq(mp_state(b), KVM_MP_STATE_INIT_RECEIVED);
	expect_ok(kvm_ioctl(b->fd, KVM_GET_VCPU_EVENTS, &events));
	expect_eq(events.nmi.pending, 0);
}

TEST(smp_level_deassert_of_init_does_nothing, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *b = vcpu_new(vm, 1), *a = vcpu_new_on(vm, 0);

	ipi(a, 1, ICR_INIT | ICR_LEVEL);
	expect_eq(mp_state(b), KVM_MP_STATE_UNINITIALIZED);
	ipi(a, 1, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
	expect_eq(mp_state(b), KVM_MP_STATE_INIT_RECEIVED);
}

TEST(smp_init_stops_a_running_vcpu, SPLIT)
{
	struct vm *vm = vm_with_ap_code();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);
	struct ap ap;

	apic_write(b, APIC_LVTT, 0x44);
	arch_start(b, GUEST_SPIN, DATA_GPA + 8, 0, 0);
	enable_interrupts(b);
	ap_start(&ap, b);
	wait_change(code_word(vm, DATA_GPA + 8), 0);
	ipi(a, 1, ICR_INIT | ICR_ASSERT);
	ipi(a, 1, ICR_SIPI | ICR_ASSERT | SIPI_VECTOR);
	ap_expect(&ap, DONE_PORT);
	expect_eq(ap.again, 0);
	/* INIT resets the APIC, too. */
	expect_eq(lapic_reg(b, APIC_SVR), 0xff);
	expect_eq(lapic_reg(b, APIC_LVTT), LVT_MASKED);
}

TEST(smp_sipi_received_state_starts_at_the_vector_of_events, SPLIT)
{
	struct kvm_vcpu_events e;
	struct vm *vm = vm_with_ap_code();
	struct vcpu *b;

	vcpu_new_bare(vm, 0);
	b = vcpu_new(vm, 1);
	expect_ok(kvm_ioctl(b->fd, KVM_GET_VCPU_EVENTS, &e));
	e.flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	e.sipi_vector = SIPI_VECTOR;
	expect_ok(kvm_ioctl(b->fd, KVM_SET_VCPU_EVENTS, &e));
	expect_ret(set_mp_state(b, KVM_MP_STATE_SIPI_RECEIVED), 0);
	expect_eq(mp_state(b), KVM_MP_STATE_RUNNABLE);
	expect_eq(get_sregs(b).cs.base, SIPI_GPA);
}

/* ---- messages between vCPUs ---- */

GUEST64(ap_sti_hlt,
	"sti\n"
	"1:	incq	(%rdi)\n"
	"hlt\n"
	"jmp	1b\n");

/* Runs @b until it takes @vector, which @icr from @a sends it; whether it is halted by then or not. */
static void expect_ipi(struct vcpu *a, struct vcpu *b, unsigned int dest, uint32_t icr, unsigned int vector)
{
	volatile uint64_t *word = code_word(a->vm, DATA_GPA + 16);
	struct ap ap;

	*word = 0;
	x86_start(b, X86_KEEP, ap_sti_hlt, DATA_GPA + 16, 0, 0);
	ap_start(&ap, b);
	wait_change(word, 0);
	ipi(a, dest, icr);
	ap_expect(&ap, TRAP_PORT);
	expect_eq(x86_trap(b)->vector, vector);
}

TEST(smp_ipi_wakes_a_halted_vcpu, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);

	for (unsigned int i = 0; i < 20; i++) {
		expect_ipi(a, b, 1, 0x41 + i, 0x41 + i);
		apic_write(b, APIC_EOI, 0);
	}
}

TEST(smp_ipi_reaches_a_running_vcpu, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);
	struct ap ap;

	arch_start(b, GUEST_SPIN, DATA_GPA + 8, 0, 0);
	enable_interrupts(b);
	ap_start(&ap, b);
	wait_change(code_word(vm, DATA_GPA + 8), 0);
	ipi(a, 1, 0x61);
	ap_expect(&ap, TRAP_PORT);
	expect_eq(x86_trap(b)->vector, 0x61);
}

TEST(smp_ipi_as_nmi, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);

	expect_ipi(a, b, 1, ICR_NMI, 2);
}

TEST(smp_ipi_by_shorthand, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *v[3];

	for (unsigned int i = 0; i < 3; i++)
		v[i] = vcpu_new_on(vm, i);
	ipi(v[1], 0, ICR_OTHERS | 0x51);
	expect(lapic_bit(v[0], APIC_IRR, 0x51) && !lapic_bit(v[1], APIC_IRR, 0x51) && lapic_bit(v[2], APIC_IRR, 0x51));
	ipi(v[1], 0, ICR_ALL | 0x52);
	expect(lapic_bit(v[0], APIC_IRR, 0x52) && lapic_bit(v[1], APIC_IRR, 0x52) && lapic_bit(v[2], APIC_IRR, 0x52));
	ipi(v[1], 0xff, 0x53);
	expect(lapic_bit(v[0], APIC_IRR, 0x53) && lapic_bit(v[1], APIC_IRR, 0x53) && lapic_bit(v[2], APIC_IRR, 0x53));
}

TEST(smp_ipi_of_logical_destination, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *v[3];

	for (unsigned int i = 0; i < 3; i++) {
		v[i] = vcpu_new_on(vm, i);
		apic_write(v[i], APIC_LDR, 1 << (24 + i));
	}
	ipi(v[0], 6, ICR_LOGICAL | 0x51);
	expect(!lapic_bit(v[0], APIC_IRR, 0x51) && lapic_bit(v[1], APIC_IRR, 0x51) && lapic_bit(v[2], APIC_IRR, 0x51));
	ipi(v[0], 6, ICR_LOGICAL | ICR_LOWEST | 0x52);
	expect(!lapic_bit(v[0], APIC_IRR, 0x52) && lapic_bit(v[1], APIC_IRR, 0x52) != lapic_bit(v[2], APIC_IRR, 0x52));
}

TEST(smp_both_modes_beside_each_other, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1), *c = vcpu_new_on(vm, 2);

	apic_write(c, APIC_LDR, 0x04000000);
	apic_wrmsr(b, MSR_APIC_BASE, APIC_BASE | BASE_ENABLE | BASE_EXTD);
	ipi(a, 1, 0x51);
	expect(lapic_bit(b, APIC_IRR, 0x51) && !lapic_bit(c, APIC_IRR, 0x51));
	ipi(a, 2, 0x52);
	expect(!lapic_bit(b, APIC_IRR, 0x52) && lapic_bit(c, APIC_IRR, 0x52));
	ipi(a, 4, ICR_LOGICAL | 0x53);
	expect(!lapic_bit(b, APIC_IRR, 0x53) && lapic_bit(c, APIC_IRR, 0x53));
}

/* Two vCPUs answer each other, each halted in between. */
GUEST64(guest_await,
	"sti\n"
	"hlt\n"
	"cli\n"
	"jmp	guest_ping\n");

GUEST64(guest_ping,
	"1:	incq	(%rdi)\n"
	"mov	$0xfee00300, %eax\n"
	"mov	%esi, 0x10(%rax)\n"
	"mov	%edx, (%rax)\n"
	"sti\n"
	"hlt\n"
	"cli\n"
	"cmpq	$200, (%rdi)\n"
	"jb	1b\n"
	"out	%al, $" STR(DONE_PORT) "\n"
	"jmp	1b\n");

/* Replaces the gate of this vector by: end of interrupt, and back. */
GUEST64(guest_eoi_handler,
	"push	%rax\n"
	"mov	$0xfee000b0, %eax\n"
	"movl	$0, (%rax)\n"
	"pop	%rax\n"
	"iretq\n");

static void set_gate(struct vm *vm, unsigned int vector, const unsigned char *code)
{
	uint64_t *idt = code_word(vm, IDT_GPA), entry = x86_gpa(code);

	idt[2 * vector] = (entry & 0xffff) | SEL_CODE64 << 16 | 0x8e00ULL << 32 | (entry >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = entry >> 32;
}

TEST(smp_two_vcpus_play_ping_pong, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);
	struct runner other;
	struct ap one;

	set_gate(vm, 0x41, guest_eoi_handler);
	x86_start(a, X86_KEEP, guest_ping, DATA_GPA, 1 << 24, 0x41);
	x86_start(b, X86_KEEP, guest_await, DATA_GPA + 64, 0 << 24, 0x41);
	ap_start(&one, a);
	runner_start(&other, b);
	ap_expect(&one, DONE_PORT);
	/* Its last ball was the answer to a's: it is done, or at it. */
	expect_eq(*code_word(vm, DATA_GPA), 200);
	expect_eq(*code_word(vm, DATA_GPA + 64), 200);
	runner_stop(&other);
}

TEST(smp_sixty_four_vcpus_are_addressed, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *v[64];

	for (unsigned int i = 0; i < 64; i++) {
		v[i] = vcpu_new_on(vm, i);
		apic_wrmsr(v[i], MSR_APIC_BASE, APIC_BASE | BASE_ENABLE | BASE_EXTD | (i ? 0 : 0x100));
	}
	for (unsigned int i = 0; i < 64; i++) {
		apic_wrmsr(v[0], MSR_X2APIC(APIC_ICR), (uint64_t)i << 32 | 0x51);
		for (unsigned int j = 0; j < 64; j += 7)
			expect_eq(lapic_bit(v[j], APIC_IRR, 0x51), j <= i);
	}
	apic_wrmsr(v[5], MSR_X2APIC(APIC_ICR), ICR_OTHERS | 0x52);
	for (unsigned int i = 0; i < 64; i++)
		expect_eq(lapic_bit(v[i], APIC_IRR, 0x52), i != 5);
}

/* Waits for a message, counts it, and passes one on to the next. */
GUEST64(guest_pass_on,
	"sti\n"
	"hlt\n"
	"cli\n"
	"lock incq (%rdi)\n"
	"mov	$0xfee00300, %eax\n"
	"mov	%esi, 0x10(%rax)\n"
	"mov	%edx, (%rax)\n"
	"out	%al, $" STR(DONE_PORT) "\n"
	"jmp	guest_pass_on\n");

TEST(smp_sixty_four_running_vcpus_pass_a_message_around, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct ap aps[64];

	set_gate(vm, 0x41, guest_eoi_handler);
	for (unsigned int i = 0; i < 64; i++) {
		struct vcpu *vcpu = vcpu_new_on(vm, i);

		x86_start(vcpu, X86_KEEP, guest_pass_on, DATA_GPA, (i + 1) % 64 << 24, 0x41);
		aps[i].vcpu = vcpu;
	}
	for (unsigned int round = 1; round <= 4; round++) {
		for (unsigned int i = 0; i < 64; i++)
			ap_start(&aps[i], aps[i].vcpu);
		/* The second round begins with what the last vCPU of the first has sent. */
		if (round == 1)
			expect_ret(signal_msi(vm, APIC_BASE, 0, 0x41), 1);
		for (unsigned int i = 0; i < 64; i++)
			ap_expect(&aps[i], DONE_PORT);
		expect_eq(*code_word(vm, DATA_GPA), 64 * round);
	}
}
