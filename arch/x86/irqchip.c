// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which interrupt controllers a VM has in the kernel, how lines and messages get to
 * them, and what user space asks of them as a whole.
 */
#include <linux/slab.h>
#include "irqchip.h"

/* GSIs that KVM_CREATE_IRQCHIP routes: n to pin n of the I/O APIC, and of the PICs. */
#define DEFAULT_ROUTES	(X86_IOAPIC_PINS + X86_PIC_PINS)

int x86_chip_dev_add(struct x86_vm *vm, enum berth_bus_id bus, struct x86_chip_dev *dev)
{
	int r;

	lockdep_assert_held(&vm->core.lock);
	if (dev->on_bus)
		return 0;
	mutex_lock(&vm->core.slots_lock);
	r = berth_bus_add(&vm->core, bus, &dev->io);
	mutex_unlock(&vm->core.slots_lock);
	dev->on_bus = !r;
	return r;
}

/* ---- routes ---- */

static bool irq_ready(struct berth_vm *vm)
{
	return x86_irqchip(vm) != X86_IRQCHIP_NONE;
}

/* Whoever resamples wants to know of the end of interrupts on pins. */
static int irqfd_check(struct berth_vm *vm, bool resample)
{
	bool allowed = resample ? x86_irqchip(vm) == X86_IRQCHIP_KERNEL : irq_ready(vm);

	return allowed ? 0 : -EINVAL;
}

/* The first routes are checked before the chips they lead to can be seen. */
static int route_check(struct berth_vm *vm, const struct kvm_irq_routing_entry *route)
{
	const struct kvm_irq_routing_irqchip *chip = &route->u.irqchip;

	if (route->type == KVM_IRQ_ROUTING_MSI)
		return x86_msi_check(to_x86_vm(vm), route->u.msi.address_hi);
	if (route->type != KVM_IRQ_ROUTING_IRQCHIP || x86_irqchip(vm) == X86_IRQCHIP_SPLIT)
		return -EINVAL;
	switch (chip->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return chip->pin < X86_PIC_PINS / 2 ? 0 : -EINVAL;
	case KVM_IRQCHIP_IOAPIC:
		return chip->pin < X86_IOAPIC_PINS ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* A tick that went the old way may be acknowledged to nobody. */
static void routes_changed(struct berth_vm *vm)
{
	x86_pit_unmasked(to_x86_vm(vm));
}

static int deliver(struct berth_vm *vm, const struct kvm_irq_routing_entry *route,
		   unsigned int source, bool level)
{
	const struct kvm_irq_routing_irqchip *chip = &route->u.irqchip;
	const struct kvm_irq_routing_msi *msi = &route->u.msi;
	struct x86_vm *xvm = to_x86_vm(vm);

	if (route->type == KVM_IRQ_ROUTING_MSI)
		return level ? x86_msi_send(xvm, msi->address_lo, msi->address_hi, msi->data) : -1;
	if (chip->irqchip == KVM_IRQCHIP_IOAPIC)
		return x86_ioapic_set(xvm, chip->pin, source, level);
	return x86_pic_set(xvm, chip->irqchip * 8 + chip->pin, source, level);
}

const struct berth_irq_ops x86_irq_ops = {
	.ready = irq_ready,
	.irqfd_check = irqfd_check,
	.route_check = route_check,
	.routes_changed = routes_changed,
	.deliver = deliver,
};

/* ---- creation ---- */

static void default_route(struct kvm_irq_routing_entry *route, u32 gsi, u32 chip, u32 pin)
{
	*route = (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static int set_default_routes(struct berth_vm *vm)
{
	struct kvm_irq_routing_entry *routes;
	unsigned int gsi, n = 0;
	int r;

	routes = kcalloc(DEFAULT_ROUTES, sizeof(*routes), GFP_KERNEL);
	if (!routes)
		return -ENOMEM;
	for (gsi = 0; gsi < X86_IOAPIC_PINS; gsi++) {
		default_route(&routes[n++], gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < X86_PIC_PINS)
			default_route(&routes[n++], gsi, gsi / 8, gsi % 8);
	}
	r = berth_irq_set_routes(vm, routes, n);
	kfree(routes);
	return r;
}

/* What a vCPU has is decided when it is made, and its VM's controllers decide it. */
static void publish(struct berth_vm *vm, enum x86_irqchip irqchip)
{
	/* Pairs with x86_irqchip(). */
	smp_store_release(&to_x86_vm(vm)->irqchip, irqchip);
}

/* KVM_CREATE_IRQCHIP (api.rst 4.24).  vm->lock held. */
long x86_ioctl_create_irqchip(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_vm *xvm = to_x86_vm(vm);
	int r;

	if (irq_ready(vm))
		return -EEXIST;
	if (vm->created_vcpus)
		return -EINVAL;
	r = x86_pic_create(xvm);
	if (!r)
		r = x86_ioapic_create(xvm);
	if (!r)
		r = set_default_routes(vm);
	if (r)
		return r;
	publish(vm, X86_IRQCHIP_KERNEL);
	return 0;
}

/*
 * KVM_CAP_SPLIT_IRQCHIP (api.rst 7.5).  How many routes are for the pins of user space's
 * I/O APIC makes no difference: it hears of the end of every level-triggered message.
 */
int x86_enable_split_irqchip(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	int r = -EEXIST;

	if (args->flags || args->args[0] > BERTH_MAX_ROUTES)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (!irq_ready(vm) && !vm->created_vcpus) {
		publish(vm, X86_IRQCHIP_SPLIT);
		r = 0;
	}
	mutex_unlock(&vm->lock);
	return r;
}

void x86_irqchip_destroy(struct x86_vm *vm)
{
	x86_pit_destroy(vm);
	x86_ioapic_destroy(vm);
	x86_pic_destroy(vm);
}

/* ---- state and lines ---- */

long x86_ioctl_get_irqchip(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct kvm_irqchip *chip = data;

	if (x86_irqchip(vm) != X86_IRQCHIP_KERNEL)
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		x86_pic_get_state(to_x86_vm(vm), chip->chip_id, &chip->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		x86_ioapic_get_state(to_x86_vm(vm), &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

long x86_ioctl_set_irqchip(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct kvm_irqchip *chip = data;

	if (x86_irqchip(vm) != X86_IRQCHIP_KERNEL)
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return x86_pic_set_state(to_x86_vm(vm), chip->chip_id, &chip->chip.pic);
	case KVM_IRQCHIP_IOAPIC:
		x86_ioapic_set_state(to_x86_vm(vm), &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

/* KVM_IRQ_LINE and KVM_IRQ_LINE_STATUS (api.rst 4.25): only the latter tells the status. */
long x86_ioctl_irq_line(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct kvm_irq_level *line = data;

	if (!irq_ready(vm))
		return -ENXIO;
	line->status = berth_irq_set(vm, BERTH_IRQ_USER, line->irq, line->level);
	return 0;
}
