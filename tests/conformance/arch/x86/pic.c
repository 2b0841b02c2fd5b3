// SPDX-License-Identifier: GPL-2.0-only
/* x86: the pair of 8259s that KVM_CREATE_IRQCHIP makes. */
#include "chips.h"

#define LINE(n)		(1 << (n))
#define CASCADE		LINE(2)
#define READ_IRR	0x0a
#define READ_ISR	0x0b
#define SPECIFIC_EOI	0x60

static struct vcpu *pic_vcpu(uint16_t unmasked)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	pic_init(vcpu, 1, unmasked);
	return vcpu;
}

static uint8_t pic_reg(struct vcpu *vcpu, uint16_t port, uint8_t ocw3)
{
	port_out(vcpu, port, ocw3);
	return port_in(vcpu, port);
}

TEST(pic_line_interrupts_through_lint0, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4));

	irq_pulse(vcpu->vm, 4);
	expect_eq(pic_reg(vcpu, 0x20, READ_IRR), LINE(4));
	expect_interrupt(vcpu, PIC_BASE + 4);
	expect_eq(pic_reg(vcpu, 0x20, READ_IRR), 0);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), LINE(4));
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), 0);
	expect_no_interrupt(vcpu);
}

TEST(pic_slave_interrupts_through_line_2, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(CASCADE | LINE(10));

	irq_pulse(vcpu->vm, 10);
	expect_interrupt(vcpu, PIC_BASE + 10);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), CASCADE);
	expect_eq(pic_reg(vcpu, 0xa0, READ_ISR), LINE(2));
	port_out(vcpu, 0xa0, PIC_NON_SPECIFIC_EOI);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	irq_pulse(vcpu->vm, 10);
	expect_interrupt(vcpu, PIC_BASE + 10);
}

TEST(pic_masked_slave_says_nothing, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(10));

	irq_pulse(vcpu->vm, 10);
	expect_no_interrupt(vcpu);
	port_out(vcpu, 0x21, (uint8_t)~CASCADE);
	expect_interrupt(vcpu, PIC_BASE + 10);
}

TEST(pic_masked_edge_waits_for_the_unmask, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(0);

	irq_pulse(vcpu->vm, 3);
	expect_no_interrupt(vcpu);
	port_out(vcpu, 0x21, (uint8_t)~LINE(3));
	expect_interrupt(vcpu, PIC_BASE + 3);
}

TEST(pic_higher_line_interrupts_a_lower_one, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(3) | LINE(5) | LINE(6));

	irq_pulse(vcpu->vm, 5);
	expect_interrupt(vcpu, PIC_BASE + 5);
	irq_pulse(vcpu->vm, 6);
	expect_no_interrupt(vcpu);
	irq_pulse(vcpu->vm, 3);
	expect_interrupt(vcpu, PIC_BASE + 3);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), LINE(5));
	expect_no_interrupt(vcpu);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_interrupt(vcpu, PIC_BASE + 6);
}

TEST(pic_edge_needs_a_rise, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4));

	expect_ret(irq_line(vcpu->vm, 4, 1), 0);
	expect_interrupt(vcpu, PIC_BASE + 4);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_ret(irq_line(vcpu->vm, 4, 1), 0);
	expect_no_interrupt(vcpu);
	expect_ret(irq_line(vcpu->vm, 4, 0), 0);
	expect_ret(irq_line(vcpu->vm, 4, 1), 0);
	expect_interrupt(vcpu, PIC_BASE + 4);
}

TEST(pic_level_comes_again_until_it_is_lowered, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(5));

	port_out(vcpu, 0x4d0, LINE(5));
	expect_ret(irq_line(vcpu->vm, 5, 1), 0);
	expect_interrupt(vcpu, PIC_BASE + 5);
	expect_no_interrupt(vcpu);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_interrupt(vcpu, PIC_BASE + 5);
	expect_ret(irq_line(vcpu->vm, 5, 0), 0);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_no_interrupt(vcpu);
}

TEST(pic_lowered_level_is_no_interrupt, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(CASCADE | LINE(5));

	port_out(vcpu, 0x4d0, LINE(5));
	irq_pulse(vcpu->vm, 5);
	expect_eq(pic_reg(vcpu, 0x20, READ_IRR), 0);
	expect_no_interrupt(vcpu);
}

TEST(pic_elcr_keeps_wired_lines_edges, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(0);

	port_out(vcpu, 0x4d0, 0xff);
	port_out(vcpu, 0x4d1, 0xff);
	expect_eq(port_in(vcpu, 0x4d0), 0xf8);
	expect_eq(port_in(vcpu, 0x4d1), 0xde);
}

TEST(pic_auto_eoi_leaves_nothing_in_service, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	pic_init(vcpu, 3, LINE(4) | LINE(6));
	irq_pulse(vcpu->vm, 4);
	expect_interrupt(vcpu, PIC_BASE + 4);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), 0);
	irq_pulse(vcpu->vm, 6);
	expect_interrupt(vcpu, PIC_BASE + 6);
}

TEST(pic_specific_eoi_ends_that_line, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(3) | LINE(5));

	irq_pulse(vcpu->vm, 5);
	expect_interrupt(vcpu, PIC_BASE + 5);
	irq_pulse(vcpu->vm, 3);
	expect_interrupt(vcpu, PIC_BASE + 3);
	port_out(vcpu, 0x20, SPECIFIC_EOI | 5);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), LINE(3));
}

TEST(pic_priority_can_be_set, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(1) | LINE(4));

	/* Line 3 becomes the last, so that 4 is the first. */
	port_out(vcpu, 0x20, 0xc3);
	irq_pulse(vcpu->vm, 1);
	irq_pulse(vcpu->vm, 4);
	expect_interrupt(vcpu, PIC_BASE + 4);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_interrupt(vcpu, PIC_BASE + 1);
}

TEST(pic_rotating_eoi_makes_the_line_last, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(1) | LINE(4));

	irq_pulse(vcpu->vm, 1);
	expect_interrupt(vcpu, PIC_BASE + 1);
	irq_pulse(vcpu->vm, 1);
	irq_pulse(vcpu->vm, 4);
	port_out(vcpu, 0x20, 0xa0);
	expect_interrupt(vcpu, PIC_BASE + 4);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_interrupt(vcpu, PIC_BASE + 1);
	expect_eq(get_chip(vcpu->vm, 0).chip.pic.priority_add, 2);
}

TEST(pic_special_fully_nested_lets_the_slave_nest, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	pic_init(vcpu, 0x11, CASCADE | LINE(9) | LINE(12));
	irq_pulse(vcpu->vm, 12);
	expect_interrupt(vcpu, PIC_BASE + 12);
	irq_pulse(vcpu->vm, 9);
	expect_interrupt(vcpu, PIC_BASE + 9);
}

TEST(pic_slave_waits_for_the_masters_eoi, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(CASCADE | LINE(9) | LINE(12));

	irq_pulse(vcpu->vm, 12);
	expect_interrupt(vcpu, PIC_BASE + 12);
	irq_pulse(vcpu->vm, 9);
	expect_no_interrupt(vcpu);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_interrupt(vcpu, PIC_BASE + 9);
}

TEST(pic_poll_takes_the_interrupt, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(6));

	irq_pulse(vcpu->vm, 6);
	/* Of a poll's byte the kernel's KVM gives the line only, without the bit that there is one. */
	expect_eq(pic_reg(vcpu, 0x20, 0x0c) & 7, 6);
	port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	expect_eq(pic_reg(vcpu, 0x20, READ_IRR), 0);
	expect_eq(pic_reg(vcpu, 0x20, READ_ISR), 0);
	expect_no_interrupt(vcpu);
	expect_eq(pic_reg(vcpu, 0x20, 0x0c) >> 7, 0);
}

TEST(pic_initialization_clears_mask_and_requests, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(0);

	irq_pulse(vcpu->vm, 4);
	expect_eq(port_in(vcpu, 0x21), 0xff);
	port_out(vcpu, 0x20, 0x11);
	expect_eq(port_in(vcpu, 0x21), 0);
	expect_eq(pic_reg(vcpu, 0x20, READ_IRR), 0);
}

TEST(pic_initialization_without_icw4_is_short, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(0);

	port_out(vcpu, 0x20, 0x10);
	port_out(vcpu, 0x21, 0x47);
	port_out(vcpu, 0x21, 4);
	port_out(vcpu, 0x21, 0xef);
	expect_eq(port_in(vcpu, 0x21), 0xef);
	expect_eq(get_chip(vcpu->vm, 0).chip.pic.irq_base, 0x40);
	irq_pulse(vcpu->vm, 4);
	expect_interrupt(vcpu, 0x44);
}

GUEST64(guest_outw, "mov %edi, %edx\n mov %esi, %eax\n out %ax, %dx\n" DONE);

TEST(pic_takes_bytes_only, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4));

	x86_start(vcpu, X86_KEEP, guest_outw, 0x20, 0x1111, 0);
	run_done(vcpu);
	expect_eq(port_in(vcpu, 0x21), (uint8_t)~LINE(4));
	expect_eq(get_chip(vcpu->vm, 0).chip.pic.init_state, 0);
}

TEST(pic_status_tells_whether_it_was_taken, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_INJECT_STATUS))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4));

	expect_ret(irq_line_status(vcpu->vm, 4, 1), 1);
	irq_line(vcpu->vm, 4, 0);
	/* Still requested: the second merges with it. */
	expect_ret(irq_line_status(vcpu->vm, 4, 1), 0);
	irq_line(vcpu->vm, 4, 0);
	expect_ret(irq_line_status(vcpu->vm, 3, 1), -1);
}

TEST(pic_state_is_what_the_guest_programmed, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4) | LINE(15));
	struct kvm_pic_state *s;
	struct kvm_irqchip chip;

	irq_pulse(vcpu->vm, 4);
	expect_ret(irq_line(vcpu->vm, 6, 1), 0);
	chip = get_chip(vcpu->vm, 0);
	s = &chip.chip.pic;
	expect_eq(s->irq_base, PIC_BASE);
	expect_eq(s->imr, (uint8_t)~LINE(4));
	expect_eq(s->irr, LINE(4) | LINE(6));
	expect_eq(s->last_irr, LINE(6));
	expect_eq(s->init_state, 0);
	expect_eq(s->init4, 1);
	expect_eq(s->elcr_mask, 0xf8);
	chip = get_chip(vcpu->vm, 1);
	expect_eq(s->irq_base, PIC_BASE + 8);
	expect_eq(s->imr, 0x7f);
	expect_eq(s->elcr_mask, 0xde);
}

TEST(pic_state_round_trips, NEED(KVM_CAP_IRQCHIP))
{
	static const struct kvm_pic_state state = {
		.last_irr = 0x41, .irr = 0x41, .imr = 0xa5, .isr = 0x10, .priority_add = 5, .irq_base = 0x68,
		.read_reg_select = 1, .special_mask = 1, .init_state = 2, .auto_eoi = 1, .rotate_on_auto_eoi = 1,
		.special_fully_nested_mode = 1, .init4 = 1, .elcr = 0x88, .elcr_mask = 0xf8,
	};
	struct vm *vm = vm_new_irqchip();
	struct kvm_irqchip chip = { .chip.pic = state };

	expect_ret(set_chip(vm, &chip), 0);
	memset(&chip, 0, sizeof(chip));
	chip = get_chip(vm, 0);
	expect_mem(&chip.chip.pic, &state, sizeof(state));
}

TEST(pic_state_that_is_set_interrupts, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4));
	struct kvm_irqchip chip = get_chip(vcpu->vm, 0);

	chip.chip.pic.irr = LINE(4);
	chip.chip.pic.irq_base = 0x58;
	expect_ret(set_chip(vcpu->vm, &chip), 0);
	expect_interrupt(vcpu, 0x5c);
}

TEST(pic_restored_slave_request_interrupts, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *from = pic_vcpu(CASCADE | LINE(11)), *to = pic_vcpu(0);
	struct kvm_irqchip chips[2];

	irq_pulse(from->vm, 11);
	for (unsigned int i = 0; i < 2; i++)
		chips[i] = get_chip(from->vm, i);
	for (unsigned int i = 0; i < 2; i++)
		expect_ret(set_chip(to->vm, &chips[i]), 0);
	expect_interrupt(to, PIC_BASE + 11);
}

TEST(pic_wakes_a_halted_vcpu, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = pic_vcpu(LINE(4));
	struct runner r;

	x86_start(vcpu, X86_KEEP, guest_open_halt, 0, 0, 0);
	runner_start(&r, vcpu);
	irq_pulse(vcpu->vm, 4);
	expect_ret(runner_join(&r), 0);
	expect_eq(vcpu->run->exit_reason, KVM_EXIT_IO);
	expect_eq(x86_trap(vcpu)->vector, PIC_BASE + 4);
}
