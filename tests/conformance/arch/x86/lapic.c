// SPDX-License-Identifier: GPL-2.0-only
/* x86 local APIC in the kernel: registers, priorities, messages, modes, state. Timers are in lapic_timer.c. */
#include <sched.h>

#include "lapic.h"

#define SPLIT NEED(KVM_CAP_SPLIT_IRQCHIP)

/* ---- registers ---- */

TEST(lapic_registers_at_reset, SPLIT)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_split(), 0);

	expect_eq(lapic_reg(vcpu, APIC_ID), 0);
	expect_eq(lapic_reg(vcpu, APIC_VERSION), 0x50014);
	expect_eq(lapic_reg(vcpu, APIC_TPR), 0);
	expect_eq(lapic_reg(vcpu, APIC_LDR), 0);
	expect_eq(lapic_reg(vcpu, APIC_DFR), 0xffffffff);
	expect_eq(lapic_reg(vcpu, APIC_SVR), 0xff);
	expect_eq(lapic_reg(vcpu, APIC_LVTT), LVT_MASKED);
	expect_eq(lapic_reg(vcpu, APIC_THERMAL), LVT_MASKED);
	expect_eq(lapic_reg(vcpu, APIC_PERF), LVT_MASKED);
	/* The PIC reaches the boot CPU before anyone has programmed LINT0. */
	expect_eq(lapic_reg(vcpu, APIC_LINT0), 0x700);
	expect_eq(lapic_reg(vcpu, APIC_LINT1), LVT_MASKED);
	expect_eq(lapic_reg(vcpu, APIC_ERROR), LVT_MASKED);
	expect_eq(lapic_reg(vcpu, APIC_TMICT), 0);
	expect_eq(lapic_reg(vcpu, APIC_TDCR), 0);
	for (unsigned int i = 0; i < 8; i++) {
		expect_eq(lapic_reg(vcpu, APIC_IRR + 16 * i), 0);
		expect_eq(lapic_reg(vcpu, APIC_ISR + 16 * i), 0);
	}
}

TEST(lapic_guest_reads_its_registers, SPLIT)
{
	struct vcpu *vcpu = vcpu_new_on(vm_new_split(), 3);

	expect_eq(apic_read(vcpu, APIC_ID), 3 << 24);
	/* It may say that it can keep EOIs from the I/O APICs. */
	expect_eq(apic_read(vcpu, APIC_VERSION) & 0xffffff, 0x50014);
	expect_eq(apic_read(vcpu, APIC_SVR), SVR_ON);
	expect_eq(apic_read(vcpu, APIC_LVTT), lapic_reg(vcpu, APIC_LVTT));
	expect_eq(apic_read(vcpu, APIC_DFR), 0xffffffff);
}

TEST(lapic_registers_keep_what_can_be_written, SPLIT)
{
	static const struct {
		unsigned int offset;
		uint32_t kept;
	} regs[] = {
		{ APIC_LDR, 0xff000000 }, { APIC_DFR, 0xffffffff },
		{ APIC_ICR2, 0xff000000 }, { APIC_TDCR, 0xb }, { APIC_ID, 0xff000000 },
		{ APIC_THERMAL, 0x107ff }, { APIC_PERF, 0x107ff }, { APIC_LINT0, 0x1e7ff }, { APIC_LINT1, 0x1e7ff },
		{ APIC_ERROR, 0x100ff }, { APIC_LVTT, 0x300ff }, { APIC_VERSION, 0 }, { APIC_PPR, 0 },
	};
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_SVR, 0xffffefff);
	expect_eq(apic_read(vcpu, APIC_SVR), 0x3ff);
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		uint32_t was = apic_read(vcpu, regs[i].offset), now;

		/* Not the delivery status, which is neither here nor there. */
		apic_write(vcpu, regs[i].offset, 0xffffefff);
		now = apic_read(vcpu, regs[i].offset);
		if (regs[i].kept && now != regs[i].kept)
			note("register %#x", regs[i].offset);
		if (regs[i].kept)
			expect_eq(now, regs[i].kept);
		else if (regs[i].offset == APIC_VERSION)
			expect_eq(now, was);
		apic_write(vcpu, regs[i].offset, was);
	}
}

TEST(lapic_loads_of_a_part_of_a_register, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_LDR, 0x5a000000);
	expect_eq(guest_load(vcpu, APIC_BASE + APIC_LDR + 3, 1), 0x5a);
	expect_eq(guest_load(vcpu, APIC_BASE + APIC_LDR + 2, 2), 0x5a00);
	expect_eq(guest_load(vcpu, APIC_BASE + APIC_VERSION, 1), 0x14);
}

TEST(lapic_stores_that_are_no_register_are_ignored, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_TPR, 0x30);
	guest_call(vcpu, GUEST_STORE, APIC_BASE + APIC_TPR, 1, 0x70);
	guest_call(vcpu, GUEST_STORE, APIC_BASE + APIC_TPR, 2, 0x70);
	guest_call(vcpu, GUEST_STORE, APIC_BASE + APIC_TPR + 4, 4, 0x70);
	guest_call(vcpu, GUEST_STORE, APIC_BASE + 0x400, 4, 0x70);
	guest_call(vcpu, GUEST_STORE, APIC_BASE + 0xffc, 4, 0x70);
	expect_eq(apic_read(vcpu, APIC_TPR), 0x30);
}

TEST(lapic_lvts_are_masked_while_disabled, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_LINT1, 0x400);
	apic_write(vcpu, APIC_LVTT, 0x40);
	expect_eq(apic_read(vcpu, APIC_LINT1), 0x400);
	apic_write(vcpu, APIC_SVR, 0xff);
	expect_eq(apic_read(vcpu, APIC_LINT1), LVT_MASKED | 0x400);
	expect_eq(apic_read(vcpu, APIC_LVTT), LVT_MASKED | 0x40);
	apic_write(vcpu, APIC_ERROR, 0x33);
	expect_eq(apic_read(vcpu, APIC_ERROR), LVT_MASKED | 0x33);
}

/* ---- interrupts and priorities ---- */

static void self_ipi(struct vcpu *vcpu, unsigned int vector)
{
	apic_write(vcpu, APIC_ICR, ICR_SELF | vector);
}

TEST(lapic_self_ipi_goes_from_irr_to_isr_to_eoi, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	self_ipi(vcpu, 0x51);
	expect(lapic_bit(vcpu, APIC_IRR, 0x51));
	expect(!lapic_bit(vcpu, APIC_ISR, 0x51));
	expect(!(lapic_reg(vcpu, APIC_ICR) & 0x1000));
	take_interrupt(vcpu, 0x51);
	expect(!lapic_bit(vcpu, APIC_IRR, 0x51));
	expect(lapic_bit(vcpu, APIC_ISR, 0x51));
	expect_eq(apic_read(vcpu, APIC_PPR), 0x50);
	apic_write(vcpu, APIC_EOI, 0);
	expect(!lapic_bit(vcpu, APIC_ISR, 0x51));
	expect_eq(apic_read(vcpu, APIC_PPR), 0);
	take_none(vcpu);
}

TEST(lapic_interrupt_waits_for_if, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	self_ipi(vcpu, 0x41);
	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		run_done(vcpu);
	take_interrupt(vcpu, 0x41);
}

TEST(lapic_every_word_of_irr, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	for (unsigned int v = 0x21; v < 0x100; v += 0x1f) {
		self_ipi(vcpu, v);
		take_interrupt(vcpu, v);
		apic_write(vcpu, APIC_EOI, 0);
	}
}

TEST(lapic_highest_vector_first, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	self_ipi(vcpu, 0x31);
	self_ipi(vcpu, 0xe1);
	self_ipi(vcpu, 0x82);
	take_interrupt(vcpu, 0xe1);
	/* The lower ones wait for its end. */
	take_none(vcpu);
	apic_write(vcpu, APIC_EOI, 0);
	take_interrupt(vcpu, 0x82);
	apic_write(vcpu, APIC_EOI, 0);
	take_interrupt(vcpu, 0x31);
}

TEST(lapic_higher_class_interrupts_a_lower_one, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	self_ipi(vcpu, 0x45);
	take_interrupt(vcpu, 0x45);
	/* Same class: not yet. */
	self_ipi(vcpu, 0x4f);
	take_none(vcpu);
	self_ipi(vcpu, 0x50);
	take_interrupt(vcpu, 0x50);
	expect(lapic_bit(vcpu, APIC_ISR, 0x45) && lapic_bit(vcpu, APIC_ISR, 0x50));
	/* EOI ends the highest. */
	apic_write(vcpu, APIC_EOI, 0);
	expect(lapic_bit(vcpu, APIC_ISR, 0x45) && !lapic_bit(vcpu, APIC_ISR, 0x50));
	apic_write(vcpu, APIC_EOI, 0);
	take_interrupt(vcpu, 0x4f);
}

TEST(lapic_tpr_holds_lower_classes, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_TPR, 0x60);
	expect_eq(apic_read(vcpu, APIC_PPR), 0x60);
	self_ipi(vcpu, 0x6f);
	take_none(vcpu);
	self_ipi(vcpu, 0x70);
	take_interrupt(vcpu, 0x70);
	apic_write(vcpu, APIC_EOI, 0);
	apic_write(vcpu, APIC_TPR, 0x50);
	take_interrupt(vcpu, 0x6f);
}

GUEST64(guest_lower_cr8,
	"mov	%rdi, %cr8\n"
	"sti\n"
	"nop\n"
	"nop\n"
	"out	%al, $" STR(DONE_PORT) "\n"
	"mov	%rsi, %cr8\n"
	"nop\n"
	"nop\n"
	DONE);

TEST(lapic_cr8_is_the_tpr, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	x86_start(vcpu, X86_KEEP, guest_lower_cr8, 9, 4, 0);
	run_done(vcpu);
	expect_eq(vcpu->run->cr8, 9);
	expect_eq(get_sregs(vcpu).cr8, 9);
	expect_eq(lapic_reg(vcpu, APIC_TPR), 0x90);
	/* User space does not hear of a lower one. */
	run_done(vcpu);
	expect_eq(apic_read(vcpu, APIC_TPR), 0x40);
	apic_write(vcpu, APIC_TPR, 0x70);
	expect_eq(get_sregs(vcpu).cr8, 7);
	/* And what it writes there does not matter. */
	vcpu->run->cr8 = 3;
	expect_eq(apic_read(vcpu, APIC_TPR), 0x70);
}

TEST(lapic_lowering_cr8_delivers, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	x86_start(vcpu, X86_KEEP, guest_lower_cr8, 8, 7, 0);
	run_done(vcpu);
	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x81), 1);
	run_trap(vcpu, 0x81);
	expect_eq(vcpu->run->cr8, 7);
	run_done(vcpu);
}

TEST(lapic_disabled_by_software_takes_no_interrupt, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_SVR, 0xff);
	self_ipi(vcpu, 0x55);
	expect(!lapic_bit(vcpu, APIC_IRR, 0x55));
	take_none(vcpu);
	apic_write(vcpu, APIC_SVR, SVR_ON);
	self_ipi(vcpu, 0x55);
	take_interrupt(vcpu, 0x55);
}

GUEST64(guest_sti_hlt_loop,
	"sti\n"
	"1:	hlt\n"
	"out	%al, $" STR(DONE_PORT) "\n"
	"jmp	1b\n");

TEST(lapic_pending_interrupt_ends_hlt, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct x86_trap *t;

	self_ipi(vcpu, 0x77);
	x86_start(vcpu, X86_KEEP, guest_sti_hlt_loop, 0, 0, 0);
	t = run_trap(vcpu, 0x77);
	expect_eq(t->rip, x86_gpa(guest_sti_hlt_loop) + 2);
	run_done(vcpu);
}

GUEST64(guest_tell_and_hlt,
	"incq	(%rdi)\n"
	"sti\n"
	"hlt\n"
	DONE);

TEST(lapic_hlt_stays_in_the_kernel, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct runner r;

	/* Unless the signal was faster than the instruction. */
	do {
		uint64_t was = *code_word(vcpu->vm, DATA_GPA);

		x86_start(vcpu, X86_KEEP, guest_tell_and_hlt, DATA_GPA, 0, 0);
		runner_start(&r, vcpu);
		wait_change(code_word(vcpu->vm, DATA_GPA), was);
		sched_yield();
		expect_ret(runner_stop(&r), -EINTR);
		expect_eq(vcpu->run->exit_reason, KVM_EXIT_INTR);
	} while (mp_state(vcpu) != KVM_MP_STATE_HALTED);
	expect_eq(get_regs(vcpu).rip, x86_gpa(guest_tell_and_hlt) + 5);
	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x66), 1);
	run_trap(vcpu, 0x66);
	/* Awake it is no longer halted. */
	expect_eq(mp_state(vcpu), KVM_MP_STATE_RUNNABLE);
	run_done(vcpu);
}

/* ---- MSIs ---- */

#define MSI_DEST(id)	((id) << 12)
#define MSI_LOGICAL	4
#define MSI_REDIRECT	8

TEST(lapic_msi_is_delivered, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x91), 1);
	expect(lapic_bit(vcpu, APIC_IRR, 0x91));
	expect(!lapic_bit(vcpu, APIC_TMR, 0x91));
	/* Merges with the one that waits. */
	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x91), 1);
	take_interrupt(vcpu, 0x91);
	apic_write(vcpu, APIC_EOI, 0);
	take_none(vcpu);
	/* To an id that no one has. */
	expect(signal_msi(vcpu->vm, APIC_BASE | MSI_DEST(7), 0, 0x91) <= 0);
	expect_ret(signal_msi(vcpu->vm, APIC_BASE | MSI_DEST(0xff), 0, 0x92), 1);
	take_interrupt(vcpu, 0x92);
	apic_write(vcpu, APIC_EOI, 0);
	/* A disabled APIC does not take it. */
	apic_write(vcpu, APIC_SVR, 0xff);
	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x91), 0);
}

TEST(lapic_msi_of_logical_destination, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);

	apic_write(a, APIC_LDR, 0x01000000);
	apic_write(b, APIC_LDR, 0x02000000);
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(2) | MSI_LOGICAL, 0, 0x51), 1);
	expect(!lapic_bit(a, APIC_IRR, 0x51) && lapic_bit(b, APIC_IRR, 0x51));
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(3) | MSI_LOGICAL, 0, 0x52), 2);
	expect(lapic_bit(a, APIC_IRR, 0x52) && lapic_bit(b, APIC_IRR, 0x52));
	expect(signal_msi(vm, APIC_BASE | MSI_DEST(4) | MSI_LOGICAL, 0, 0x53) <= 0);
	/* Either of them, but one. */
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(3) | MSI_LOGICAL, 0, 0x154), 1);
	expect(lapic_bit(a, APIC_IRR, 0x54) != lapic_bit(b, APIC_IRR, 0x54));
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(3) | MSI_LOGICAL | MSI_REDIRECT, 0, 0x56), 1);
	expect(lapic_bit(a, APIC_IRR, 0x56) != lapic_bit(b, APIC_IRR, 0x56));
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(0xff) | MSI_LOGICAL, 0, 0x57), 2);
}

TEST(lapic_msi_of_cluster_destination, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1);

	apic_write(a, APIC_DFR, 0x0fffffff);
	apic_write(b, APIC_DFR, 0x0fffffff);
	apic_write(a, APIC_LDR, 0x12000000);
	apic_write(b, APIC_LDR, 0x22000000);
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(0x12) | MSI_LOGICAL, 0, 0x51), 1);
	expect(lapic_bit(a, APIC_IRR, 0x51) && !lapic_bit(b, APIC_IRR, 0x51));
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(0x2f) | MSI_LOGICAL, 0, 0x52), 1);
	expect(!lapic_bit(a, APIC_IRR, 0x52) && lapic_bit(b, APIC_IRR, 0x52));
	expect(signal_msi(vm, APIC_BASE | MSI_DEST(0x21) | MSI_LOGICAL, 0, 0x53) <= 0);
}

TEST(lapic_msi_follows_a_changed_id, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_write(vcpu, APIC_ID, 5 << 24);
	expect(signal_msi(vcpu->vm, APIC_BASE, 0, 0x51) <= 0);
	expect_ret(signal_msi(vcpu->vm, APIC_BASE | MSI_DEST(5), 0, 0x52), 1);
	take_interrupt(vcpu, 0x52);
}

TEST(lapic_msi_as_nmi, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x400), 1);
	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	run_trap(vcpu, 2);
	run_done(vcpu);
}

TEST(lapic_level_triggered_eoi_exits, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = { .gsi = 4, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = APIC_BASE, .data = 0x8061 } },
	};

	expect_ok(kvm_ioctl(vcpu->vm->fd, KVM_SET_GSI_ROUTING, &routes));
	expect_ret(signal_msi(vcpu->vm, APIC_BASE, 0, 0x8061), 1);
	expect(lapic_bit(vcpu, APIC_TMR, 0x61));
	take_interrupt(vcpu, 0x61);
	arch_start(vcpu, GUEST_STORE, APIC_BASE + APIC_EOI, 4, 0);
	run_until(vcpu, KVM_EXIT_IOAPIC_EOI);
	expect_eq(vcpu->run->eoi.vector, 0x61);
	run_done(vcpu);
	expect(!lapic_bit(vcpu, APIC_ISR, 0x61));
	/* An edge-triggered one has no end for the I/O APIC. */
	self_ipi(vcpu, 0x62);
	take_interrupt(vcpu, 0x62);
	apic_write(vcpu, APIC_EOI, 0);
}

/* ---- the PIC, which is user space's ---- */

static int interrupt(struct vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return kvm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

GUEST64(guest_sti_hlt_done,
	"sti\n"
	"hlt\n"
	DONE);

TEST(lapic_lets_the_pic_through_lint0, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	/* LINT0 as at reset: ExtINT. */
	take_none(vcpu);
	expect_ret(interrupt(vcpu, 0x33), 0);
	expect_ret(interrupt(vcpu, 0x34), -EEXIST);
	expect_ret(interrupt(vcpu, 256), -EINVAL);
	take_interrupt(vcpu, 0x33);
	/* It is the PIC's: not in service here. */
	expect(!lapic_bit(vcpu, APIC_ISR, 0x33));
	/* Masked it waits. */
	apic_write(vcpu, APIC_LINT0, LVT_MASKED | 0x700);
	expect_ret(interrupt(vcpu, 0x35), 0);
	take_none(vcpu);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 0);
	apic_write(vcpu, APIC_LINT0, 0x700);
	take_interrupt(vcpu, 0x35);
}

/* User space acknowledges its PIC's interrupt before it gives it: the next must not be asked for until this one is taken. */
TEST(lapic_has_room_for_one_interrupt_of_the_pic, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_sti_hlt_done, 0, 0, 0);
	regs = get_regs(vcpu);
	regs.rflags |= 0x200;
	set_regs(vcpu, &regs);
	vcpu->run->immediate_exit = 1;
	expect_ret(vcpu_run(vcpu), -EINTR);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 1);
	expect_ret(interrupt(vcpu, 0x36), 0);
	expect_ret(vcpu_run(vcpu), -EINTR);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 0);
	vcpu->run->immediate_exit = 0;
	run_trap(vcpu, 0x36);
}

/* From an STI and HLT to the window. */
static void await_window_in_hlt(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_sti_hlt_done, 0, 0, 0);
	regs = get_regs(vcpu);
	regs.rflags &= ~0x200ULL;
	set_regs(vcpu, &regs);
	vcpu->run->request_interrupt_window = 1;
	run_until(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	expect_eq(vcpu->run->ready_for_interrupt_injection, 1);
}

/* Again, as in interrupt_window_opens_with_if, where the shadow was lost and it opened before. */
TEST(lapic_window_for_the_pic_opens_in_hlt, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	int tries = 4;

	do
		await_window_in_hlt(vcpu);
	while (get_regs(vcpu).rip == x86_gpa(guest_sti_hlt_done) + 1 && --tries);
	expect_eq(mp_state(vcpu), KVM_MP_STATE_HALTED);
	expect_ret(interrupt(vcpu, 0x37), 0);
	expect_eq(run_trap(vcpu, 0x37)->rip, x86_gpa(guest_sti_hlt_done) + 2);
	run_done(vcpu);
}

GUEST64(guest_cli_sti,
	"out	%al, $" STR(DONE_PORT) "\n"
	"sti\n"
	"nop\n"
	"1:	out	%al, $" STR(DONE_PORT) "\n"
	"jmp	1b\n");

TEST(lapic_interrupt_window_is_that_of_lint0, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	vcpu->run->request_interrupt_window = 1;
	x86_start(vcpu, X86_KEEP, guest_cli_sti, 0, 0, 0);
	run_done(vcpu);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 0);
	run_until(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	expect_eq(vcpu->run->if_flag, 1);
	expect_eq(vcpu->run->ready_for_interrupt_injection, 1);
	vcpu->run->request_interrupt_window = 0;
	apic_write(vcpu, APIC_LINT0, LVT_MASKED);
	vcpu->run->request_interrupt_window = 1;
	x86_start(vcpu, X86_KEEP, guest_cli_sti, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		run_done(vcpu);
}

/* ---- x2APIC mode ---- */

static void enter_x2apic(struct vcpu *vcpu)
{
	apic_wrmsr(vcpu, MSR_APIC_BASE, APIC_BASE | BASE_ENABLE | BASE_EXTD | (vcpu->id ? 0 : 0x100));
}

TEST(x2apic_is_always_offered)
{
	expect(cpu_has(1, 0, 2, 21));
	/* That there is a deadline timer only a capability says. */
	expect(!cpu_has(1, 0, 2, 24));
	expect_eq(cap(KVM_CAP_TSC_DEADLINE_TIMER), 1);
}

TEST(x2apic_registers_are_msrs, SPLIT)
{
	struct vcpu *vcpu = vcpu_new_on(vm_new_split(), 18);

	enter_x2apic(vcpu);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_ID)), 18);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_LDR)), 0x10004);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_VERSION)) & 0xffffff, 0x50014);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_SVR)), SVR_ON);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_TPR), 0x35);
	expect_eq(get_sregs(vcpu).cr8, 3);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_TPR), 0);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_ESR), 0);
	/* Read-only, absent, or reserved bits. */
	apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_ID), 1);
	apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_LDR), 1);
	apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_ESR), 1);
	apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_TPR), 1ULL << 32);
	apic_rdmsr_faults(vcpu, MSR_X2APIC(APIC_DFR));
	apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_DFR), 0);
	apic_rdmsr_faults(vcpu, MSR_X2APIC(APIC_ICR2));
	apic_rdmsr_faults(vcpu, MSR_X2APIC(APIC_EOI));
	apic_rdmsr_faults(vcpu, MSR_X2APIC(APIC_SELF_IPI));
	apic_rdmsr_faults(vcpu, 0x8ff);
	/* The page is gone. */
	expect_eq(apic_read(vcpu, APIC_VERSION), 0xffffffff);
	apic_write(vcpu, APIC_TPR, 0x50);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_TPR)), 0);
}

TEST(x2apic_msrs_fault_in_xapic_mode, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_rdmsr_faults(vcpu, MSR_X2APIC(APIC_ID));
	apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_EOI), 0);
	apic_write(vcpu, APIC_SELF_IPI, 0x55);
	expect(!lapic_bit(vcpu, APIC_IRR, 0x55));
}

TEST(x2apic_self_ipi_and_eoi, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	enter_x2apic(vcpu);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_SELF_IPI), 0x61);
	take_interrupt(vcpu, 0x61);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_EOI), 0);
	expect(!lapic_bit(vcpu, APIC_ISR, 0x61));
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_ICR), 0x62);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_ICR)), 0x62);
	take_interrupt(vcpu, 0x62);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_EOI), 0);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_ICR), 5ULL << 32 | 0x63);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_ICR)), 5ULL << 32 | 0x63);
	take_none(vcpu);
}

TEST(x2apic_icr_has_reserved_bits, SPLIT)
{
	static const unsigned int bits[] = { 13, 16, 17, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };
	struct vcpu *vcpu = new_split_vcpu();
	uint64_t value;

	enter_x2apic(vcpu);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_ICR), ICR_SELF | 0x65);
	take_interrupt(vcpu, 0x65);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_EOI), 0);
	/* What the kernel's own KVM does depends on its age. */
	if (set_msr(vcpu, MSR_X2APIC(APIC_ICR), 1 << 13 | 0x65))
		skip_test("a kernel that checks them");
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		apic_wrmsr_faults(vcpu, MSR_X2APIC(APIC_ICR), ICR_SELF | 0x66 | 1ULL << bits[i]);
		expect_eq(set_msr(vcpu, MSR_X2APIC(APIC_ICR), ICR_SELF | 0x66 | 1ULL << bits[i]), 0);
	}
	expect_eq(get_msr(vcpu, MSR_X2APIC(APIC_ICR), &value), 1);
	expect_eq(value, ICR_SELF | 0x65);
	take_none(vcpu);
}

TEST(x2apic_logical_destinations, SPLIT)
{
	struct vm *vm = vm_new_split();
	struct vcpu *a = vcpu_new_on(vm, 0), *b = vcpu_new_on(vm, 1), *c = vcpu_new_on(vm, 33);

	enter_x2apic(a);
	enter_x2apic(b);
	enter_x2apic(c);
	apic_wrmsr(a, MSR_X2APIC(APIC_ICR), 3ULL << 32 | ICR_LOGICAL | 0x51);
	expect(lapic_bit(a, APIC_IRR, 0x51) && lapic_bit(b, APIC_IRR, 0x51) && !lapic_bit(c, APIC_IRR, 0x51));
	apic_wrmsr(a, MSR_X2APIC(APIC_ICR), 0x20002ULL << 32 | ICR_LOGICAL | 0x52);
	expect(!lapic_bit(a, APIC_IRR, 0x52) && !lapic_bit(b, APIC_IRR, 0x52) && lapic_bit(c, APIC_IRR, 0x52));
	apic_wrmsr(a, MSR_X2APIC(APIC_ICR), 0x10002ULL << 32 | ICR_LOGICAL | 0x53);
	expect(!lapic_bit(a, APIC_IRR, 0x53) && !lapic_bit(b, APIC_IRR, 0x53) && !lapic_bit(c, APIC_IRR, 0x53));
	apic_wrmsr(a, MSR_X2APIC(APIC_ICR), 0xffffffffULL << 32 | 0x54);
	expect(lapic_bit(a, APIC_IRR, 0x54) && lapic_bit(b, APIC_IRR, 0x54) && lapic_bit(c, APIC_IRR, 0x54));
	/* A number that is nobody's, and far beyond all. */
	apic_wrmsr(a, MSR_X2APIC(APIC_ICR), 0xfffffff0ULL << 32 | 0x55);
	expect(!lapic_bit(a, APIC_IRR, 0x55) && !lapic_bit(c, APIC_IRR, 0x55));
	apic_wrmsr(a, MSR_X2APIC(APIC_ICR), 33ULL << 32 | 0x56);
	expect(!lapic_bit(a, APIC_IRR, 0x56) && lapic_bit(c, APIC_IRR, 0x56));
}

TEST(x2apic_broadcast_of_an_msi_can_be_a_quirk, SPLIT, NEED(KVM_CAP_X2APIC_API))
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_X2APIC_API };
	struct vm *vm = vm_new_split();
	struct vcpu *vcpu = vcpu_new_on(vm, 0);

	enter_x2apic(vcpu);
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(0xff), 0, 0x51), 1);
	args.args[0] = 4;
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), -EINVAL);
	args.args[0] = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &args), 0);
	expect(signal_msi(vm, APIC_BASE | MSI_DEST(0xff), 0, 0x52) <= 0);
	expect_ret(signal_msi(vm, APIC_BASE | MSI_DEST(0xff), 0xffffff00, 0x53), 1);
	/* Bits 7:0 of the upper half are reserved. */
	expect_ret(signal_msi(vm, APIC_BASE, 1, 0x54), -EINVAL);
}

TEST(apic_base_transitions_are_those_of_the_hardware, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	uint64_t base = APIC_BASE | 0x100;

	/* No mode has EXTD alone; x2APIC is entered from xAPIC and left to disabled. */
	apic_wrmsr_faults(vcpu, MSR_APIC_BASE, base | BASE_EXTD);
	apic_wrmsr_faults(vcpu, MSR_APIC_BASE, base | BASE_ENABLE | 1);
	apic_wrmsr(vcpu, MSR_APIC_BASE, base | BASE_ENABLE | BASE_EXTD);
	apic_wrmsr_faults(vcpu, MSR_APIC_BASE, base | BASE_ENABLE);
	apic_wrmsr(vcpu, MSR_APIC_BASE, base);
	apic_wrmsr_faults(vcpu, MSR_APIC_BASE, base | BASE_ENABLE | BASE_EXTD);
	apic_wrmsr(vcpu, MSR_APIC_BASE, base | BASE_ENABLE);
	expect_eq(apic_read(vcpu, APIC_ID), 0);
	expect_eq(vcpu->run->apic_base, base | BASE_ENABLE);
	/* User space may do as it likes. */
	expect_ret(set_msr(vcpu, MSR_APIC_BASE, base), 1);
	expect_ret(set_msr(vcpu, MSR_APIC_BASE, base | BASE_ENABLE | BASE_EXTD), 1);
	expect_ret(set_msr(vcpu, MSR_APIC_BASE, base | BASE_ENABLE), 1);
	expect_ret(set_msr(vcpu, MSR_APIC_BASE, base | BASE_EXTD), 0);
}

GUEST64(guest_cpuid_1, "mov $1, %eax\n xor %ecx, %ecx\n cpuid\n" DONE);

TEST(apic_base_disables_the_apic_in_cpuid, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	x86_start(vcpu, X86_KEEP, guest_cpuid_1, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rdx >> 9 & 1, 1);
	apic_wrmsr(vcpu, MSR_APIC_BASE, APIC_BASE | 0x100);
	x86_start(vcpu, X86_KEEP, guest_cpuid_1, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rdx >> 9 & 1, 0);
	expect_eq(apic_read(vcpu, APIC_VERSION), 0xffffffff);
	expect(signal_msi(vcpu->vm, APIC_BASE, 0, 0x51) <= 0);
}

TEST(apic_page_moves_with_apic_base, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	apic_wrmsr(vcpu, MSR_APIC_BASE, 0x80000000ULL | 0x100 | BASE_ENABLE);
	expect_eq(guest_load(vcpu, 0x80000000ULL + APIC_SVR, 4), SVR_ON);
	arch_start(vcpu, GUEST_LOAD, APIC_BASE + APIC_SVR, 4, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, APIC_BASE + APIC_SVR, 4, 0);
}

/* ---- state ---- */

TEST(lapic_ioctls_need_an_apic)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_lapic_state state = {};

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_LAPIC, &state), -EINVAL);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state), -EINVAL);
}

TEST(lapic_vapic_address_is_memory, SPLIT)
{
	struct kvm_vapic_addr addr = { DATA_GPA };
	struct vcpu *vcpu = new_split_vcpu();

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VAPIC_ADDR, &addr), 0);
	addr.vapic_addr = MMIO_GPA;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VAPIC_ADDR, &addr), -EINVAL);
	addr.vapic_addr = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VAPIC_ADDR, &addr), 0);
	vcpu = vcpu_new(vm_new(), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VAPIC_ADDR, &addr), -EINVAL);
}

TEST(lapic_state_goes_round, SPLIT)
{
	struct vcpu *a = new_split_vcpu(), *b;
	struct kvm_lapic_state state, again;

	apic_write(a, APIC_TPR, 0x20);
	apic_write(a, APIC_LDR, 0x04000000);
	apic_write(a, APIC_ICR2, 0x07000000);
	apic_write(a, APIC_LINT1, 0x400);
	apic_write(a, APIC_ERROR, 0xfe);
	apic_write(a, APIC_TDCR, 3);
	self_ipi(a, 0x91);
	take_interrupt(a, 0x91);
	self_ipi(a, 0x61);
	state = get_lapic(a);

	b = new_split_vcpu();
	expect_ok(kvm_ioctl(b->fd, KVM_SET_LAPIC, &state));
	again = get_lapic(b);
	/* The kernel's own KVM computes the processor priority at the next chance only. */
	memcpy(again.regs + APIC_PPR, state.regs + APIC_PPR, 4);
	expect_mem(again.regs, state.regs, sizeof(state.regs));
	expect_eq(get_sregs(b).cr8, 2);
	take_none(b);
	apic_write(b, APIC_EOI, 0);
	take_interrupt(b, 0x61);
}

TEST(lapic_state_with_an_interrupt_delivers_it, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();

	set_lapic_reg(vcpu, APIC_IRR + 0x30, 1 << 5);
	take_interrupt(vcpu, 0x65);
	expect(lapic_bit(vcpu, APIC_ISR, 0x65));
}

TEST(lapic_state_with_another_id_in_x2apic_mode, SPLIT, NEED(KVM_CAP_X2APIC_API))
{
	struct kvm_enable_cap args = { .cap = KVM_CAP_X2APIC_API, .args = { KVM_X2APIC_API_USE_32BIT_IDS } };
	struct vcpu *vcpu = vcpu_new_on(vm_new_split(), 2);
	struct kvm_lapic_state state;
	uint32_t id = 3;

	enter_x2apic(vcpu);
	expect_eq(lapic_reg(vcpu, APIC_ID), 2 << 24);
	expect_ok(kvm_ioctl(vcpu->vm->fd, KVM_ENABLE_CAP, &args));
	expect_eq(lapic_reg(vcpu, APIC_ID), 2);
	state = get_lapic(vcpu);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
	memcpy(state.regs + APIC_ID, &id, sizeof(id));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state), -EINVAL);
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_ID)), 2);
}

TEST(lapic_state_keeps_x2apics_icr, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct kvm_lapic_state state;

	enter_x2apic(vcpu);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_ICR), 0x1234567ULL << 32 | 0x51);
	expect_eq(lapic_reg(vcpu, APIC_ICR), 0x51);
	expect_eq(lapic_reg(vcpu, APIC_ICR2), 0x1234567);
	state = get_lapic(vcpu);
	apic_wrmsr(vcpu, MSR_X2APIC(APIC_ICR), 0x52);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
	expect_eq(apic_rdmsr(vcpu, MSR_X2APIC(APIC_ICR)), 0x1234567ULL << 32 | 0x51);
}

/* Whatever is written there, nothing of the host breaks. */
TEST(lapic_state_of_random_bits_is_survived, SPLIT)
{
	struct vcpu *vcpu = new_split_vcpu();
	struct kvm_lapic_state state;
	unsigned int seed = 1;

	for (int n = 0; n < 50; n++) {
		for (size_t i = 0; i < sizeof(state.regs); i++)
			state.regs[i] = (seed = seed * 1103515245 + 12345) >> 16;
		expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
		arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
		run_done(vcpu);
	}
}
