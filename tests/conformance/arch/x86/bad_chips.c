// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input to the ioctls of the controllers in the kernel: padding that is not zero, which means nothing, and unknown
 * flags. After each refused call the pin or route is what it was.
 */
#include <sys/eventfd.h>

#include "chips.h"
#include "lapic.h"

#define PIN 20	/* of the I/O APIC alone */
#define ONES(m) memset((m), 0xff, sizeof(m))

TEST(padding_of_a_chip_is_ignored, NEED(KVM_CAP_IRQCHIP))
{
	struct vm *vm = vm_new_irqchip();

	for (uint32_t id = 0; id < KVM_NR_IRQCHIPS; id++) {
		struct kvm_irqchip before = { .chip_id = id }, bad = { .chip_id = id, .pad = 0xffffffff }, after;

		expect_ret(kvm_ioctl(vm->fd, KVM_GET_IRQCHIP, &before), 0);
		expect_ret(kvm_ioctl(vm->fd, KVM_GET_IRQCHIP, &bad), 0);
		expect_mem(&bad.chip, &before.chip, sizeof(bad.chip));
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_IRQCHIP, &bad), 0);
		after = get_chip(vm, id);
		expect_mem(&after, &before, sizeof(after));
	}
}

TEST(padding_of_the_pit_is_ignored, NEED(KVM_CAP_PIT2), NEED(KVM_CAP_PIT_STATE2), NEED(KVM_CAP_REINJECT_CONTROL))
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_pit_config config = { .flags = 0xfffffffe };
	struct kvm_reinject_control control = { .pit_reinject = 1 };
	struct kvm_pit_state2 before, bad, after;

	ONES(config.pad);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_PIT2, &config), 0);
	ONES(control.reserved);
	expect_ret(kvm_ioctl(vm->fd, KVM_REINJECT_CONTROL, &control), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_PIT2, &before), 0);
	bad = before;
	ONES(bad.reserved);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_PIT2, &bad), 0);
	ONES(after.reserved);
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_PIT2, &after), 0);
	expect_eq(after.flags, before.flags);
	expect_mem(after.reserved, before.reserved, sizeof(after.reserved));
	/* Setting begins the count anew. */
	for (size_t i = 0; i < ARRAY_SIZE(after.channels); i++)
		after.channels[i].count_load_time = before.channels[i].count_load_time;
	expect_mem(after.channels, before.channels, sizeof(after.channels));
}

TEST(padding_of_an_irqfd_is_ignored_and_its_flags_are_checked, NEED(KVM_CAP_IRQFD))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	struct kvm_irqfd args = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = PIN };

	expect((int)args.fd >= 0);
	ioapic_entry(vcpu, PIN, 0x57);
	ONES(args.pad);
	for (int bit = 2; bit < 32; bit++) {
		args.flags = 1U << bit;
		expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &args), -EINVAL);
		expect_eq(eventfd_write(args.fd, 1), 0);
	}
	expect_no_interrupt(vcpu);
	args.flags = 0;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &args), 0);
	wait_interrupt(vcpu, 0x57);
	for (int bit = 2; bit < 32; bit++) {
		args.flags = 1U << bit | KVM_IRQFD_FLAG_DEASSIGN;
		expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &args), -EINVAL);
	}
	lapic_eoi(vcpu);
	expect_eq(eventfd_write(args.fd, 1), 0);
	wait_interrupt(vcpu, 0x57);
	args.flags = KVM_IRQFD_FLAG_DEASSIGN;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &args), 0);
}

TEST(padding_of_an_msi_is_ignored_and_its_flags_are_checked, NEED(KVM_CAP_SIGNAL_MSI))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	struct kvm_msi msi = { .address_lo = LAPIC_GPA, .data = 0x91 };

	ONES(msi.pad);
	msi.devid = 0xffffffff;
	for (int bit = 0; bit < 32; bit++) {
		if (1U << bit == KVM_MSI_VALID_DEVID)
			continue;	/* means nothing here, and is taken */
		msi.flags = 1U << bit;
		expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SIGNAL_MSI, &msi), -EINVAL);
	}
	expect_no_interrupt(vcpu);
	msi.flags = 0;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	expect_interrupt(vcpu, 0x91);
}

TEST(padding_of_routes_is_ignored_and_their_flags_are_checked, NEED(KVM_CAP_IRQ_ROUTING))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} r = { .head.nr = 2 };
	int fd = vcpu->vm->fd;

	memset(r.entry, 0xff, sizeof(r.entry));
	for (unsigned int i = 0; i < 2; i++) {
		r.entry[i].gsi = 5;
		r.entry[i].flags = 0;
	}
	r.entry[0].type = KVM_IRQ_ROUTING_IRQCHIP;
	r.entry[0].u.irqchip = (struct kvm_irq_routing_irqchip){ .irqchip = KVM_IRQCHIP_IOAPIC, .pin = PIN };
	r.entry[1].type = KVM_IRQ_ROUTING_MSI;
	r.entry[1].gsi = 6;
	r.entry[1].u.msi.address_lo = LAPIC_GPA;
	r.entry[1].u.msi.address_hi = 0;
	r.entry[1].u.msi.data = 0x92;
	ioapic_entry(vcpu, PIN, 0x58);
	expect_ret(kvm_ioctl(fd, KVM_SET_GSI_ROUTING, &r), 0);

	for (int bit = 0; bit < 32; bit++) {
		r.head.flags = 1U << bit;
		expect_ret(kvm_ioctl(fd, KVM_SET_GSI_ROUTING, &r), -EINVAL);
	}
	r.head.flags = 0;
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t gsi = r.entry[i].gsi;

		r.entry[i].gsi = 7;
		for (int bit = 0; bit < 32; bit++) {
			/* The device's number, which an MSI may have. */
			if (r.entry[i].type == KVM_IRQ_ROUTING_MSI && 1U << bit == KVM_MSI_VALID_DEVID)
				continue;
			r.entry[i].flags = 1U << bit;
			expect_ret(kvm_ioctl(fd, KVM_SET_GSI_ROUTING, &r), -EINVAL);
		}
		r.entry[i].flags = 0;
		r.entry[i].gsi = gsi;
	}
	irq_pulse(vcpu->vm, 7);
	expect_no_interrupt(vcpu);
	irq_pulse(vcpu->vm, 5);
	expect_interrupt(vcpu, 0x58);
	lapic_eoi(vcpu);
	irq_pulse(vcpu->vm, 6);
	expect_interrupt(vcpu, 0x92);
}

TEST(flags_of_device_attributes_are_ignored, NEED(KVM_CAP_VCPU_ATTRIBUTES))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t offset = 0xa5a5, seen;
	struct kvm_device_attr attr = {
		.flags = 0xffffffff, .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)&offset,
	};

	expect_ret(kvm_ioctl(vcpu->fd, KVM_HAS_DEVICE_ATTR, &attr), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr), 0);
	attr.addr = (uintptr_t)&seen;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr), 0);
	expect_eq(seen, offset);
	attr.addr = 8;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr), -EFAULT);
	attr.addr = (uintptr_t)&seen;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr), 0);
	expect_eq(seen, offset);
}
