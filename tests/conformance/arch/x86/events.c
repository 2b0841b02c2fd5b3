// SPDX-License-Identifier: GPL-2.0-only
/* x86 events from user space: KVM_INTERRUPT, the interrupt window, KVM_NMI, task priority. */
#include "arch_x86.h"

static int interrupt(struct vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return kvm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

GUEST64(guest_sti_beat,
	"sti\n"
	"nop\n"
	"1:	out	%al, $" STR(DONE_PORT) "\n"
	"jmp	1b\n");

GUEST64(guest_cli_beat,
	"out	%al, $" STR(DONE_PORT) "\n"
	"sti\n"
	"nop\n"
	"2:	out	%al, $" STR(DONE_PORT) "\n"
	"jmp	2b\n");

static void disable_interrupts(struct vcpu *vcpu)
{
	struct kvm_regs regs = get_regs(vcpu);

	regs.rflags &= ~0x200ULL;
	set_regs(vcpu, &regs);
}

TEST(interrupt_is_delivered_through_the_guests_idt)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct x86_trap *t;

	x86_start(vcpu, X86_KEEP, guest_sti_beat, 0, 0, 0);
	run_done(vcpu);
	expect_eq(vcpu->run->if_flag, 1);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 1);
	expect_ret(interrupt(vcpu, 0x51), 0);
	t = run_trap(vcpu, 0x51);
	expect_eq(t->rip, x86_gpa(guest_sti_beat) + 4);
	expect_eq(t->rflags & 0x200, 0x200);
	run_done(vcpu);
	expect_eq(t->count, 1);
}

TEST(interrupt_vector_is_checked)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(interrupt(vcpu, 256), -EINVAL);
	expect_ret(interrupt(vcpu, 0xffffffff), -EINVAL);
}

TEST(every_vector_is_delivered)
{
	static const uint32_t vectors[] = { 0x20, 0x30, 0x7f, 0x80, 0xfe, 0xff };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_sti_beat, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		run_done(vcpu);
		expect_ret(interrupt(vcpu, vectors[i]), 0);
		run_trap(vcpu, vectors[i]);
	}
}

/* Where the window opens after guest_cli_beat's STI: offset in that guest. */
static uint64_t window_after_sti(struct vcpu *vcpu)
{
	x86_start(vcpu, X86_KEEP, guest_cli_beat, 0, 0, 0);
	disable_interrupts(vcpu);
	vcpu->run->request_interrupt_window = 1;
	run_done(vcpu);
	expect_eq(vcpu->run->if_flag, 0);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 0);
	run_until(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	expect_eq(vcpu->run->if_flag, 1);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 1);
	return get_regs(vcpu).rip - x86_gpa(guest_cli_beat);
}

/*
 * Not in the shadow of STI.  A host's interrupt that comes in the shadow ends it where VMRUN
 * loses it (docs/limits.md); that does not come several times in a row.
 */
TEST(interrupt_window_opens_with_if)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct x86_trap *t;
	int tries = 4;
	uint64_t at;

	do
		at = window_after_sti(vcpu);
	while (at == 3 && --tries);
	expect(at >= 4);
	expect_ret(interrupt(vcpu, 0x61), 0);
	t = run_trap(vcpu, 0x61);
	expect(t->rip >= x86_gpa(guest_cli_beat) + 4);
}

TEST(interrupt_window_is_at_once_with_if_set)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_sti_beat, 0, 0, 0);
	run_done(vcpu);
	vcpu->run->request_interrupt_window = 1;
	run_until(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	run_done(vcpu);
}

GUEST64(guest_sti_hlt,
	"sti\n"
	"hlt\n"
	DONE);

TEST(interrupt_wakes_from_hlt)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct x86_trap *t;

	x86_start(vcpu, X86_KEEP, guest_sti_hlt, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_HLT);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 1);
	expect_ret(interrupt(vcpu, 0x71), 0);
	t = run_trap(vcpu, 0x71);
	expect_eq(t->rip, x86_gpa(guest_sti_hlt) + 2);
	run_done(vcpu);
}

GUEST64(guest_faulting_stack,
	"mov	%rdi, %rsp\n"
	"sti\n"
	"nop\n"
	"1:	out	%al, $" STR(DONE_PORT) "\n"
	"jmp	1b\n");

TEST(interrupt_survives_a_fault_in_its_delivery)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	/* The stack's page has not been touched: the push faults in the second stage. */
	add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());
	x86_start(vcpu, X86_KEEP, guest_faulting_stack, TEST_GPA + page_size(), 0, 0);
	run_done(vcpu);
	expect_ret(interrupt(vcpu, 0x44), 0);
	run_trap(vcpu, 0x44);
	run_done(vcpu);
	expect_eq(x86_trap(vcpu)->count, 1);
}

TEST(pending_interrupt_shows_in_events)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events e;

	expect_ret(interrupt(vcpu, 0x33), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &e));
	expect_eq(e.interrupt.injected, 1);
	expect_eq(e.interrupt.nr, 0x33);
	expect_eq(get_sregs(vcpu).interrupt_bitmap[0], 1ULL << 0x33);
}

TEST(nmi_is_delivered_whatever_if_says, NEED(KVM_CAP_USER_NMI))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	disable_interrupts(vcpu);
	run_done(vcpu);
	expect_eq(vcpu->run->if_flag, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_NMI, 0L), 0);
	run_trap(vcpu, 2);
	run_done(vcpu);
	expect_eq(x86_trap(vcpu)->count, 1);
}

TEST(nmi_is_masked_until_iret, NEED(KVM_CAP_USER_NMI))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events e;
	struct x86_trap *t;
	uint64_t rip;

	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	run_done(vcpu);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_NMI, 0L), 0);
	t = run_trap(vcpu, 2);
	rip = t->rip;
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &e));
	expect_eq(e.nmi.masked, 1);
	/* In the handler: the second waits for its IRET. */
	expect_ret(kvm_ioctl(vcpu->fd, KVM_NMI, 0L), 0);
	t = run_trap(vcpu, 2);
	expect_eq(t->count, 2);
	expect(t->rip >= rip && t->rip <= rip + 4);
	run_done(vcpu);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &e));
	expect_eq(e.nmi.masked, 0);
	expect_eq(x86_trap(vcpu)->count, 2);
}

TEST(exception_set_through_events_is_delivered, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events e = { .exception = { .injected = 1, .nr = 13, .has_error_code = 1, .error_code = 0x50 } };

	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &e), 0);
	expect_eq(run_trap(vcpu, 13)->error, 0x50);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &e));
	expect_eq(e.exception.injected, 0);
}

GUEST64(guest_cr8,
	"mov	%rdi, %cr8\n"
	"mov	%cr8, %rax\n"
	DONE);

TEST(cr8_is_shared_through_kvm_run)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_cr8, 9, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 9);
	expect_eq(vcpu->run->cr8, 9);
	expect_eq(get_sregs(vcpu).cr8, 9);
	/* Lowering it is told: an interrupt may be deliverable now. */
	x86_start(vcpu, X86_KEEP, guest_cr8, 3, 0, 0);
	run_until(vcpu, KVM_EXIT_SET_TPR);
	expect_eq(vcpu->run->cr8, 3);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 3);
}

TEST(cr8_of_kvm_run_reaches_the_guest)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_cr8, 12, 0, 0);
	vcpu->run->cr8 = 7;
	run_done(vcpu);
	expect_eq(vcpu->run->cr8, 12);
	vcpu->run->cr8 = 16;
	expect_ret(vcpu_run(vcpu), -EINVAL);
	vcpu->run->cr8 = -1ULL;
	expect_ret(vcpu_run(vcpu), -EINVAL);
}

GUEST64(guest_bad_cr8, "mov $16, %eax\n mov %rax, %cr8\n");

TEST(bad_cr8_is_gp)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_bad_cr8, 0, 0, 0);
	run_trap(vcpu, 13);
}
