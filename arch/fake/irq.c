// SPDX-License-Identifier: GPL-2.0-only
/* The toy machine's two interrupt controllers. */
#include <linux/slab.h>
#include "fake.h"

void fake_irq_init(struct fake_vm *vm)
{
	raw_spin_lock_init(&vm->lines_lock);
}

/* The pin of the vCPU becomes pending.  Returns whether it was not. */
static bool raise(struct berth_vcpu *vcpu, unsigned int pin)
{
	unsigned long *pending = (unsigned long *)&to_fake(vcpu)->regs[TOY_PENDING];
	bool new = !test_bit(pin, pending);

	set_bit(pin, pending);
	berth_vcpu_kick(vcpu);
	return new;
}

void fake_raise(struct berth_vcpu *vcpu, unsigned int pin)
{
	raise(vcpu, pin);
}

static struct berth_vcpu *vcpu_at(struct berth_vm *vm, unsigned int index)
{
	if (index >= (unsigned int)atomic_read_acquire(&vm->online_vcpus))
		return NULL;
	return xa_load(&vm->vcpus, index);
}

static int chip_deliver(struct berth_vm *b, unsigned int chip, unsigned int pin,
			unsigned int source, bool level)
{
	struct fake_vm *vm = to_fake_vm(b);
	struct berth_vcpu *vcpu = vcpu_at(b, chip) ?: vcpu_at(b, 0);
	unsigned long flags;
	u32 *line, before;

	raw_spin_lock_irqsave(&vm->lines_lock, flags);
	line = &vm->lines[chip][pin];
	before = *line;
	*line = level ? before | BIT(source) : before & ~BIT(source);
	raw_spin_unlock_irqrestore(&vm->lines_lock, flags);
	if (!vcpu)
		return -1;
	if (!level || before)
		return 0;
	return raise(vcpu, chip * TOY_PINS + pin);
}

static int deliver(struct berth_vm *vm, const struct kvm_irq_routing_entry *route,
		   unsigned int source, bool level)
{
	struct berth_vcpu *vcpu;

	if (route->type == KVM_IRQ_ROUTING_IRQCHIP)
		return chip_deliver(vm, route->u.irqchip.irqchip, route->u.irqchip.pin, source,
				    level);
	if (!level)
		return 0;
	vcpu = vcpu_at(vm, route->u.msi.address_lo);
	return vcpu ? raise(vcpu, route->u.msi.data) : -1;
}

static bool ready(struct berth_vm *vm)
{
	return READ_ONCE(to_fake_vm(vm)->irqchip);
}

static int irqfd_check(struct berth_vm *vm, bool resample)
{
	return ready(vm) ? 0 : -EINVAL;
}

static int route_check(struct berth_vm *vm, const struct kvm_irq_routing_entry *route)
{
	switch (route->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return route->u.irqchip.irqchip < TOY_CHIPS && route->u.irqchip.pin < TOY_PINS ?
		       0 : -EINVAL;
	case KVM_IRQ_ROUTING_MSI:
		return route->u.msi.address_lo < TOY_MAX_VCPUS && !route->u.msi.address_hi &&
		       route->u.msi.data < TOY_CHIPS * TOY_PINS ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* Nothing is derived from them. */
static void routes_changed(struct berth_vm *vm)
{
}

const struct berth_irq_ops fake_irq_ops = {
	.ready = ready,
	.irqfd_check = irqfd_check,
	.route_check = route_check,
	.routes_changed = routes_changed,
	.deliver = deliver,
};

void fake_irq_done(struct fake_vcpu *vcpu, unsigned int pin)
{
	struct fake_vm *vm = to_fake_vm(vcpu->vcpu.vm);
	unsigned int chip = pin / TOY_PINS;
	unsigned long flags;
	bool high;

	if (chip >= TOY_CHIPS || !ready(&vm->vm))
		return;
	if (berth_irq_ack_wanted(&vm->vm, chip, pin % TOY_PINS))
		berth_irq_acked(&vm->vm, chip, pin % TOY_PINS);
	raw_spin_lock_irqsave(&vm->lines_lock, flags);
	high = vm->lines[chip][pin % TOY_PINS];
	raw_spin_unlock_irqrestore(&vm->lines_lock, flags);
	/* A level asks again as long as it is there. */
	if (chip == 1 && high)
		fake_raise(&vcpu->vcpu, pin);
}

/* KVM_CREATE_IRQCHIP: GSI n is pin n of chip 0, the upper half chip 1.  vm->lock held. */
long fake_create_irqchip(struct berth_vm *b, void *data, unsigned long arg)
{
	struct kvm_irq_routing_entry *route;
	struct fake_vm *vm = to_fake_vm(b);
	unsigned int i, nr = TOY_CHIPS * TOY_PINS;
	int r;

	if (vm->irqchip)
		return -EEXIST;
	route = kvcalloc(nr, sizeof(*route), GFP_KERNEL_ACCOUNT);
	if (!route)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		route[i].gsi = i;
		route[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		route[i].u.irqchip.irqchip = i / TOY_PINS;
		route[i].u.irqchip.pin = i % TOY_PINS;
	}
	r = berth_irq_set_routes(b, route, nr);
	kvfree(route);
	if (!r)
		WRITE_ONCE(vm->irqchip, true);
	return r;
}

/* KVM_IRQ_LINE and _STATUS, which puts the answer in the level's place. */
long fake_irq_line(struct berth_vm *vm, void *data, unsigned long arg)
{
	struct kvm_irq_level *args = data;
	int r;

	if (!ready(vm))
		return -ENXIO;
	r = berth_irq_set(vm, BERTH_IRQ_USER, args->irq, args->level);
	args->status = r;
	return 0;
}
