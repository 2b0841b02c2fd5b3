// SPDX-License-Identifier: GPL-2.0-only
/* x86: making interrupt controllers, routes to their pins, lines from user space. */
#include "chips.h"

static int create_irqchip(struct vm *vm)
{
	return kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L);
}

static int split_irqchip(struct vm *vm, uint64_t pins)
{
	struct kvm_enable_cap ec = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { pins } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &ec);
}

static int set_route(struct vm *vm, uint32_t gsi, uint32_t chip, uint32_t pin)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} r = {
		.head.nr = 1,
		.entry = { .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin } },
	};

	return kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

TEST(irqchip_is_created_once, NEED(KVM_CAP_IRQCHIP))
{
	struct vm *vm = vm_new_bare();

	expect_ret(create_irqchip(vm), 0);
	expect_ret(create_irqchip(vm), -EEXIST);
	vcpu_new_bare(vm, 0);
	expect_ret(create_irqchip(vm), -EEXIST);
}

TEST(irqchip_comes_before_vcpus, NEED(KVM_CAP_IRQCHIP))
{
	struct vm *vm = vm_new_bare();

	vcpu_new_bare(vm, 0);
	expect_ret(create_irqchip(vm), -EINVAL);
}

TEST(split_irqchip_is_created_once, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_SPLIT_IRQCHIP))
{
	struct vm *vm = vm_new_bare();

	expect_ret(split_irqchip(vm, 24), 0);
	expect_ret(split_irqchip(vm, 24), -EEXIST);
	expect_ret(create_irqchip(vm), -EEXIST);
	vm = vm_new_bare();
	expect_ret(create_irqchip(vm), 0);
	expect_ret(split_irqchip(vm, 24), -EEXIST);
}

TEST(split_irqchip_checks_its_arguments, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_SPLIT_IRQCHIP))
{
	struct kvm_enable_cap ec = { .cap = KVM_CAP_SPLIT_IRQCHIP, .flags = 1 };
	struct vm *vm = vm_new_bare();

	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &ec), -EINVAL);
	expect_ret(split_irqchip(vm, 1 << 20), -EINVAL);
	expect_ret(split_irqchip(vm, -1ULL), -EINVAL);
	vcpu_new_bare(vm, 0);
	expect_ret(split_irqchip(vm, 24), -EEXIST);
}

TEST(irqchip_state_without_one_is_enxio, NEED(KVM_CAP_IRQCHIP))
{
	struct kvm_irqchip chip = { .chip_id = 99 };
	struct vm *vm = vm_new_bare();

	expect_ret(kvm_ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), -ENXIO);
	if (cap(KVM_CAP_SPLIT_IRQCHIP)) {
		expect_ret(split_irqchip(vm, 24), 0);
		expect_ret(kvm_ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), -ENXIO);
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), -ENXIO);
	}
}

TEST(irqchip_id_is_checked, NEED(KVM_CAP_IRQCHIP))
{
	static const uint32_t ids[] = { 3, 0x100, 0x7fffffff, 0x80000000, 0xffffffff };
	struct vm *vm = vm_new_irqchip();
	struct kvm_irqchip chip = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		chip.chip_id = ids[i];
		expect_ret(kvm_ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), -EINVAL);
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), -EINVAL);
	}
}

TEST(irq_line_without_an_irqchip_is_enxio, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_INJECT_STATUS))
{
	struct kvm_irq_level line = { .irq = 4, .level = 1 };
	struct vm *vm = vm_new_bare();

	expect_ret(irq_line(vm, 4, 1), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &line), -ENXIO);
}

TEST(irq_line_that_leads_nowhere_reaches_nobody, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_INJECT_STATUS))
{
	static const uint32_t gsis[] = { 24, 4095, 4096, 0x7fffffff, 0xffffffff };
	struct vm *vm = vm_new_irqchip();

	for (size_t i = 0; i < ARRAY_SIZE(gsis); i++) {
		expect_ret(irq_line(vm, gsis[i], 1), 0);
		expect_ret(irq_line_status(vm, gsis[i], 1), -1);
	}
}

TEST(irq_lines_lead_to_both_controllers, NEED(KVM_CAP_IRQCHIP))
{
	struct vm *vm = vm_new_irqchip();
	uint32_t pics = 0;

	for (uint32_t gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++)
		expect_ret(irq_line(vm, gsi, 1), 0);
	expect_eq(get_chip(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr, 0xffffff);
	for (unsigned int i = 0; i < 2; i++)
		pics |= (uint32_t)get_chip(vm, i).chip.pic.last_irr << 8 * i;
	/* The second chip is on line 2 of the first. */
	expect_eq(pics | 4, 0xffff);
}

TEST(routes_to_pins_that_are_not_there_are_refused, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_ROUTING))
{
	struct vm *vm = vm_new_irqchip();

	expect_ret(set_route(vm, 5, KVM_IRQCHIP_PIC_MASTER, 8), -EINVAL);
	expect_ret(set_route(vm, 5, KVM_IRQCHIP_PIC_SLAVE, 8), -EINVAL);
	expect_ret(set_route(vm, 5, KVM_IRQCHIP_IOAPIC, 24), -EINVAL);
	expect_ret(set_route(vm, 5, KVM_IRQCHIP_IOAPIC, 0xffffffff), -EINVAL);
	expect_ret(set_route(vm, 5, 3, 0), -EINVAL);
	expect_ret(set_route(vm, 5, 0xffffffff, 0), -EINVAL);
	/* The old ones are still there. */
	expect_ret(irq_line(vm, 23, 1), 0);
	expect_eq(get_chip(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr, 1 << 23);
}

TEST(routes_to_pins_need_their_chips, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_SPLIT_IRQCHIP), NEED(KVM_CAP_IRQ_ROUTING))
{
	struct vm *vm = vm_new_bare();

	expect_ret(split_irqchip(vm, 24), 0);
	expect_ret(set_route(vm, 5, KVM_IRQCHIP_PIC_MASTER, 5), -EINVAL);
	expect_ret(set_route(vm, 5, KVM_IRQCHIP_IOAPIC, 5), -EINVAL);
}

TEST(routed_line_goes_to_its_new_pin, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_ROUTING))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	ioapic_entry(vcpu, 7, 0x77);
	expect_ret(set_route(vcpu->vm, 1000, KVM_IRQCHIP_IOAPIC, 7), 0);
	expect_ret(irq_line(vcpu->vm, 7, 1), 0);
	expect_no_interrupt(vcpu);
	expect_ret(irq_line(vcpu->vm, 1000, 1), 0);
	expect_interrupt(vcpu, 0x77);
}

struct shaker {
	struct vm *vm;
	_Atomic int stop;
};

static void *shake(void *arg)
{
	struct shaker *s = arg;

	for (uint32_t i = 0; !atomic_load(&s->stop); i++)
		irq_line(s->vm, i % 24, i / 24 & 1);
	return NULL;
}

TEST(irq_lines_change_while_the_guest_programs_the_chips, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	struct shaker s = { .vm = vcpu->vm };
	struct kvm_irqchip chip;
	pthread_t thread;

	expect_eq(pthread_create(&thread, NULL, shake, &s), 0);
	for (unsigned int i = 0; i < 20; i++) {
		pic_init(vcpu, 1 + (i & 2), 0xffff);
		for (unsigned int pin = 0; pin < 24; pin++)
			ioapic_entry(vcpu, pin, (0x40 + pin) | (i & 1 ? ENTRY_LEVEL : 0));
		port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
		lapic_eoi(vcpu);
		for (unsigned int id = 0; id < 3; id++) {
			chip = get_chip(vcpu->vm, id);
			expect_ret(set_chip(vcpu->vm, &chip), 0);
		}
	}
	atomic_store(&s.stop, 1);
	pthread_join(thread, NULL);
}
