// SPDX-License-Identifier: GPL-2.0-only
/* The core's interrupt routing with the toy machine's two controllers: a pin that is raised is a bit of TOY_PENDING. */
#include <sys/eventfd.h>

#include "../arch.h"
#include "../../../../arch/fake/toy.h"

static uint64_t pending(struct vcpu *vcpu)
{
	struct toy_state state;

	expect_ok(kvm_ioctl(vcpu->fd, TOY_GET_STATE, &state));
	return state.reg[TOY_PENDING];
}

static int line(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	return kvm_ioctl(vm->fd, KVM_IRQ_LINE, &l);
}

static struct vcpu *vcpu_with_chips(void)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_CREATE_IRQCHIP, 0L), 0);
	return vcpu;
}

TEST(lines_without_controllers_are_refused)
{
	struct vm *vm = vm_new_bare();
	struct kvm_irqfd irqfd = { .fd = eventfd(0, 0), .gsi = 3 };
	struct kvm_msi msi = { .data = 3 };

	expect_ret(line(vm, 3, 1), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_IRQFD, &irqfd), -EINVAL);
	expect_ret(kvm_ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), -EINVAL);
}

TEST(line_becomes_pending_at_its_pin)
{
	struct vcpu *vcpu = vcpu_with_chips();

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_CREATE_IRQCHIP, 0L), -EEXIST);
	expect_ret(line(vcpu->vm, 3, 1), 0);
	expect_eq(pending(vcpu), 1ULL << 3);
	expect_ret(line(vcpu->vm, 35, 1), 0);
	expect_eq(pending(vcpu), 1ULL << 3 | 1ULL << 35);
	expect_ret(line(vcpu->vm, 3, 0), 0);
	/* A line that leads nowhere is no error. */
	expect_ret(line(vcpu->vm, 4000, 1), 0);
	expect_eq(pending(vcpu), 1ULL << 3 | 1ULL << 35);
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

TEST(routes_lead_lines_elsewhere)
{
	struct vcpu *vcpu = vcpu_with_chips();

	expect_ret(set_route(vcpu->vm, 3, 0, 9), 0);
	expect_ret(line(vcpu->vm, 3, 1), 0);
	expect_eq(pending(vcpu), 1ULL << 9);
	expect_ret(set_route(vcpu->vm, 3, TOY_CHIPS, 0), -EINVAL);
	expect_ret(set_route(vcpu->vm, 3, 0, TOY_PINS), -EINVAL);
	expect_ret(set_route(vcpu->vm, 4096, 0, 1), -EINVAL);
	expect_ret(line(vcpu->vm, 3, 0), 0);
	expect_ret(line(vcpu->vm, 3, 1), 0);
	expect_eq(pending(vcpu), 1ULL << 9);
}

/* The work that a signalled eventfd makes is done a moment later. */
TEST(irqfd_raises_its_line)
{
	struct vcpu *vcpu = vcpu_with_chips();
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = 6 };
	uint64_t one = 1;

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &irqfd), 0);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &irqfd), -EBUSY);
	expect_eq(write(irqfd.fd, &one, 8), 8);
	while (!pending(vcpu))
		;
	expect_eq(pending(vcpu), 1ULL << 6);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &irqfd), 0);
}

TEST(message_reaches_the_vcpu_it_names)
{
	struct vcpu *vcpu = vcpu_with_chips(), *other = vcpu_new(vcpu->vm, 1);
	struct kvm_msi msi = { .address_lo = 1, .data = 12 };

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	expect_eq(pending(other), 1ULL << 12);
	expect_eq(pending(vcpu), 0);
	msi.data = TOY_CHIPS * TOY_PINS;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_SIGNAL_MSI, &msi), -EINVAL);
}

static int one_reg(struct vcpu *vcpu, unsigned long request, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg r = { .id = id, .addr = (uintptr_t)value };

	return kvm_ioctl(vcpu->fd, request, &r);
}

TEST(registers_are_those_of_the_list)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct {
		struct kvm_reg_list head;
		uint64_t id[TOY_NR_REGS];
	} list = { .head.n = 3 };
	uint64_t value = 0x1234;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, &list), -E2BIG);
	expect_eq(list.head.n, TOY_NR_REGS);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, &list), 0);
	for (unsigned int i = 0; i < TOY_NR_REGS; i++)
		expect_ret(one_reg(vcpu, KVM_GET_ONE_REG, list.id[i], &value), 0);
	expect_ret(one_reg(vcpu, KVM_GET_ONE_REG, TOY_REG_ID(TOY_NR_REGS), &value), -ENOENT);
	expect_ret(one_reg(vcpu, KVM_SET_ONE_REG, TOY_REG_ID(5), NULL), -EFAULT);
	value = 99;
	expect_ret(one_reg(vcpu, KVM_SET_ONE_REG, TOY_REG_ID(5), &value), 0);
	value = 0;
	expect_ret(one_reg(vcpu, KVM_GET_ONE_REG, TOY_REG_ID(5), &value), 0);
	expect_eq(value, 99);
}
