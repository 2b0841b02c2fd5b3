// SPDX-License-Identifier: GPL-2.0-only
/* x86: the I/O APIC that KVM_CREATE_IRQCHIP makes. */
#include "chips.h"

/* A pin that is no PIC's as well. */
#define PIN	20
#define VECTOR	0x51

static struct vcpu *ioapic_vcpu(uint64_t entry)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	ioapic_entry(vcpu, PIN, entry);
	return vcpu;
}

TEST(ioapic_registers_read_as_the_data_sheet_says, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	expect_eq(ioapic_read(vcpu, 1), 0x170011);
	ioapic_write(vcpu, 1, 0);
	expect_eq(ioapic_read(vcpu, 1), 0x170011);
	ioapic_write(vcpu, 0, 0xf5ffffff);
	expect_eq(ioapic_read(vcpu, 0), 0x05000000);
	expect_eq(ioapic_read(vcpu, 2), 0x05000000);
	for (unsigned int pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		expect_eq(ioapic_read_entry(vcpu, pin), ENTRY_MASKED);
	guest_store(vcpu, IOAPIC_GPA, 4, 0xffffff12);
	expect_eq(guest_load(vcpu, IOAPIC_GPA, 4), 0x12);
	expect_eq(guest_load(vcpu, IOAPIC_GPA, 1), 0x12);
	expect_eq(guest_load(vcpu, IOAPIC_GPA, 8), 0x12);
	expect_eq(guest_load(vcpu, IOAPIC_GPA + 0x20, 4), 0);
}

TEST(ioapic_registers_that_are_not_there_are_ones, NEED(KVM_CAP_IRQCHIP))
{
	static const uint8_t regs[] = { 0x40, 0x41, 0x7f, 0x80, 0xfe, 0xff };
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		ioapic_write(vcpu, regs[i], 0x1234);
		expect_eq(ioapic_read(vcpu, regs[i]), 0xffffffff);
	}
	expect_eq(ioapic_read_entry(vcpu, 23), ENTRY_MASKED);
}

TEST(ioapic_entry_keeps_its_read_only_bits, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(ENTRY_MASKED | ENTRY_LEVEL | ENTRY_REMOTE | 1 << 12 | 1 << 13 | VECTOR | 7ULL << 56);

	expect_eq(ioapic_read_entry(vcpu, PIN), ENTRY_MASKED | ENTRY_LEVEL | 1 << 13 | VECTOR | 7ULL << 56);
}

TEST(ioapic_edge_interrupts_once, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR);

	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_interrupt(vcpu, VECTOR);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
	expect_ret(irq_line(vcpu->vm, PIN, 0), 0);
	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_interrupt(vcpu, VECTOR);
	expect_eq(ioapic_read_entry(vcpu, PIN) & ENTRY_REMOTE, 0);
}

TEST(ioapic_edge_that_meets_a_mask_is_lost, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_MASKED);

	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_no_interrupt(vcpu);
	ioapic_entry(vcpu, PIN, VECTOR);
	expect_no_interrupt(vcpu);
}

TEST(ioapic_level_comes_again_until_it_is_lowered, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LEVEL);

	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_eq(ioapic_read_entry(vcpu, PIN), VECTOR | ENTRY_LEVEL | ENTRY_REMOTE);
	expect_interrupt(vcpu, VECTOR);
	expect_no_interrupt(vcpu);
	lapic_eoi(vcpu);
	expect_interrupt(vcpu, VECTOR);
	expect_ret(irq_line(vcpu->vm, PIN, 0), 0);
	expect_eq(ioapic_read_entry(vcpu, PIN), VECTOR | ENTRY_LEVEL | ENTRY_REMOTE);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
	expect_eq(ioapic_read_entry(vcpu, PIN), VECTOR | ENTRY_LEVEL);
}

TEST(ioapic_level_that_was_masked_comes_with_the_unmask, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LEVEL | ENTRY_MASKED);

	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_no_interrupt(vcpu);
	ioapic_entry(vcpu, PIN, VECTOR | ENTRY_LEVEL);
	expect_interrupt(vcpu, VECTOR);
}

TEST(ioapic_level_masked_in_service_comes_with_the_unmask, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LEVEL);

	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_interrupt(vcpu, VECTOR);
	ioapic_entry(vcpu, PIN, VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
	ioapic_entry(vcpu, PIN, VECTOR | ENTRY_LEVEL);
	expect_interrupt(vcpu, VECTOR);
}

TEST(ioapic_edge_mode_clears_remote_irr, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LEVEL);

	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	ioapic_entry(vcpu, PIN, VECTOR | ENTRY_MASKED);
	ioapic_entry(vcpu, PIN, VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
	expect_eq(ioapic_read_entry(vcpu, PIN), VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
}

TEST(ioapic_pins_share_a_vector, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LEVEL);

	ioapic_entry(vcpu, PIN + 1, VECTOR | ENTRY_LEVEL);
	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	expect_ret(irq_line(vcpu->vm, PIN + 1, 1), 0);
	expect_interrupt(vcpu, VECTOR);
	expect_ret(irq_line(vcpu->vm, PIN, 0), 0);
	lapic_eoi(vcpu);
	expect_interrupt(vcpu, VECTOR);
	expect_ret(irq_line(vcpu->vm, PIN + 1, 0), 0);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
}

TEST(ioapic_sends_nmis, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(ENTRY_NMI);

	irq_pulse(vcpu->vm, PIN);
	x86_start(vcpu, X86_KEEP, guest_open_halt, 0, 0, 0);
	run_trap(vcpu, 2);
}

TEST(ioapic_finds_logical_destinations, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LOGICAL | 4ULL << 56);

	guest_store(vcpu, LAPIC_GPA + 0xe0, 4, 0xffffffff);
	guest_store(vcpu, LAPIC_GPA + 0xd0, 4, 4 << 24);
	irq_pulse(vcpu->vm, PIN);
	expect_interrupt(vcpu, VECTOR);
}

TEST(ioapic_status_tells_whether_it_was_taken, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_INJECT_STATUS))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR);

	expect_ret(irq_line_status(vcpu->vm, PIN, 1), 1);
	/* High already: there is no edge. */
	expect_ret(irq_line_status(vcpu->vm, PIN, 1), 0);
	expect_ret(irq_line_status(vcpu->vm, PIN, 0), 1);
	ioapic_entry(vcpu, PIN, VECTOR | ENTRY_MASKED);
	expect_ret(irq_line_status(vcpu->vm, PIN, 1), -1);
}

TEST(ioapic_state_round_trips, NEED(KVM_CAP_IRQCHIP))
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_irqchip chip = get_chip(vm, KVM_IRQCHIP_IOAPIC), seen;
	struct kvm_ioapic_state *s = &chip.chip.ioapic;

	expect_eq(s->base_address, IOAPIC_GPA);
	s->ioregsel = 0x17;
	s->id = 9;
	for (unsigned int pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		s->redirtbl[pin].bits = (uint64_t)pin << 56 | ENTRY_MASKED | (pin & 1 ? ENTRY_LEVEL : 0) | (0x40 + pin);
	s->redirtbl[3].bits |= ENTRY_REMOTE;
	/* Lines that are high and masked. */
	s->irr = 0xa50000;
	expect_ret(set_chip(vm, &chip), 0);
	seen = get_chip(vm, KVM_IRQCHIP_IOAPIC);
	expect_mem(&seen.chip.ioapic, s, sizeof(*s));
}

TEST(ioapic_state_tells_high_lines_but_no_sent_edges, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR);

	ioapic_entry(vcpu, PIN + 1, (VECTOR + 1) | ENTRY_LEVEL);
	for (unsigned int pin = PIN; pin < PIN + 3; pin++)
		expect_ret(irq_line(vcpu->vm, pin, 1), 0);
	expect_eq(get_chip(vcpu->vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr, 6 << PIN);
}

TEST(ioapic_state_that_is_set_interrupts, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(ENTRY_MASKED);
	struct kvm_irqchip chip = get_chip(vcpu->vm, KVM_IRQCHIP_IOAPIC);

	chip.chip.ioapic.redirtbl[PIN].bits = VECTOR | ENTRY_LEVEL;
	chip.chip.ioapic.irr = 1 << PIN;
	expect_ret(set_chip(vcpu->vm, &chip), 0);
	expect_interrupt(vcpu, VECTOR);
	expect_eq(ioapic_read_entry(vcpu, PIN), VECTOR | ENTRY_LEVEL | ENTRY_REMOTE);
	/* And ends: user space lowers it, whoever had raised it before. */
	expect_ret(irq_line(vcpu->vm, PIN, 0), 0);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
}

TEST(ioapic_takes_any_state_of_registers, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(ENTRY_MASKED);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	memset(&chip.chip, 0xff, sizeof(chip.chip));
	chip.chip.ioapic.base_address = IOAPIC_GPA;
	expect_ret(set_chip(vcpu->vm, &chip), 0);
	expect_eq(guest_load(vcpu, IOAPIC_GPA + 0x10, 4), 0xffffffff);
	for (unsigned int pin = 16; pin < KVM_IOAPIC_NUM_PINS; pin++)
		expect_ret(irq_line(vcpu->vm, pin, pin & 1), 0);
	expect_no_interrupt(vcpu);
}

/* The handler leaves the line high; what was interrupted counts. */
GUEST64(guest_bad_handler,
	"push	%rax\n"
	"mov	$0xfee000b0, %eax\n"
	"movl	$0, (%rax)\n"
	"incq	" STR(DATA_GPA) "\n"
	"pop	%rax\n"
	"iretq\n");

GUEST64(guest_gets_on, "sti\n nop\n nop\n cli\n" DONE);

TEST(ioapic_line_that_is_never_lowered_lets_the_guest_run, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = ioapic_vcpu(VECTOR | ENTRY_LEVEL);
	uint64_t entry = x86_gpa(guest_bad_handler), *gate = code_word(vcpu->vm, IDT_GPA + 16 * VECTOR);

	gate[0] = (entry & 0xffff) | SEL_CODE64 << 16 | 0x8e00ULL << 32 | (entry >> 16 & 0xffff) << 48;
	gate[1] = entry >> 32;
	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	x86_start(vcpu, X86_KEEP, guest_gets_on, 0, 0, 0);
	run_done(vcpu);
	expect(*code_word(vcpu->vm, DATA_GPA) > 1);
}
