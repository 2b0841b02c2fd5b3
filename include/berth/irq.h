/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts that come from outside the vCPUs: GSI routes, MSIs, eventfds that raise
 * them.  The core keeps the routes and the eventfds; the controllers are the backend's,
 * which has struct berth_irq_ops when it has any.
 *
 * Everything that delivers may run in any context, hard interrupts included: a
 * controller's lock is a raw spinlock taken with interrupts off, and nothing sleeps.
 */
#ifndef BERTH_IRQ_H
#define BERTH_IRQ_H

#include <berth/types.h>
#include <linux/list.h>

#define BERTH_MAX_ROUTES	4096	/* KVM_CAP_IRQ_ROUTING; GSIs are below it */

/* A line is high while any of its sources is. */
enum berth_irq_source {
	BERTH_IRQ_USER,			/* KVM_IRQ_LINE */
	BERTH_IRQ_RESAMPLE,		/* irqfds with KVM_IRQFD_FLAG_RESAMPLE */
	BERTH_IRQ_ARCH,			/* first of the backend's own, up to 31 */
};

/*
 * What a backend with interrupt controllers supplies; no entry is NULL.
 *
 * ready: has this VM controllers in the kernel, so that routes mean something?
 * irqfd_check: may there be irqfds with KVM_IRQFD_FLAG_RESAMPLE, or (@resample false)
 *	without?  0 or the errno that KVM_IRQFD gives.
 * route_check: -EINVAL for a type, chip, pin or message that cannot be.  Flags and
 *	number are checked already.
 * routes_changed: routes are new, readers of the old ones are gone.  May sleep.
 * deliver: the route's pin goes to @level for @source, or its message is sent when
 *	@level is true.  Returns the number of vCPUs that take it, 0 when it merges
 *	with one that waits, -1 when masked.  Any context, vm->irq_srcu held.
 */
struct berth_irq_ops {
	bool (*ready)(struct berth_vm *vm);
	int (*irqfd_check)(struct berth_vm *vm, bool resample);
	int (*route_check)(struct berth_vm *vm, const struct kvm_irq_routing_entry *route);
	void (*routes_changed)(struct berth_vm *vm);
	int (*deliver)(struct berth_vm *vm, const struct kvm_irq_routing_entry *route,
		       unsigned int source, bool level);
};

/* Routes by GSI, replaced as a whole. */
struct berth_routes {
	unsigned int nr;			/* [I] */
	unsigned int nr_gsis;			/* [I] one past the highest GSI */
	struct kvm_irq_routing_entry *route;	/* [I] ascending GSI */
	u16 first[];				/* [I] by GSI: its first route; first[nr_gsis]: nr */
};

/* Someone to be told that the guest is done with an interrupt (EOI). */
struct berth_irq_ack {
	struct hlist_node link;			/* [r][q] */
	u32 gsi;				/* [I] */
	/* Any context, no controller's lock held. */
	void (*acked)(struct berth_irq_ack *ack);
};

/**
 * berth_irq_set() - a GSI's line changes, or its message is sent when @level is true.
 *
 * Returns as KVM_IRQ_LINE_STATUS: vCPUs reached, 0 merged, -1 masked or no route.
 * Context: any.
 */
int berth_irq_set(struct berth_vm *vm, unsigned int source, u32 gsi, bool level);

/**
 * berth_irq_set_routes() - replace all routes.
 *
 * -EINVAL for a route that cannot be, -ENOMEM; nothing changed then.
 * Context: may sleep, takes vm->irq_lock.
 */
int berth_irq_set_routes(struct berth_vm *vm, const struct kvm_irq_routing_entry *routes,
			 unsigned int nr);

/**
 * berth_irq_acked() - the guest is done with the interrupt of @pin of @chip.
 *
 * Context: any; no controller's lock held, since whoever listens may lower the line.
 */
void berth_irq_acked(struct berth_vm *vm, unsigned int chip, unsigned int pin);

/* Does anyone listen for that pin?  Context: any. */
bool berth_irq_ack_wanted(struct berth_vm *vm, unsigned int chip, unsigned int pin);

/*
 * Listen, and stop: after remove, which may sleep, @ack->acked does not run.
 * Context: vm->irq_lock held.
 */
void berth_irq_ack_add(struct berth_vm *vm, struct berth_irq_ack *ack);
void berth_irq_ack_remove(struct berth_vm *vm, struct berth_irq_ack *ack);

/* KVM_SET_GSI_ROUTING, KVM_SIGNAL_MSI (api.rst 4.52, 4.70). */
int berth_irq_set_routing(struct berth_vm *vm, const struct kvm_irq_routing *args,
			  const struct kvm_irq_routing_entry __user *user);
int berth_irq_signal_msi(struct berth_vm *vm, const struct kvm_msi *msi);

/* The part of a VM: 0 or -ENOMEM; destroy is the last thing that concerns interrupts. */
int berth_irq_init(struct berth_vm *vm);
void berth_irq_destroy(struct berth_vm *vm);

/*
 * KVM_IRQFD (api.rst 4.75): -EINVAL, -EBADF, -EBUSY (the eventfd has one), -ENOMEM.
 * Destroy comes before the vCPUs': none fires afterwards.
 */
int berth_irqfd(struct berth_vm *vm, const struct kvm_irqfd *args);
void berth_irqfds_destroy(struct berth_vm *vm);
int berth_irqfd_module_init(void);
void berth_irqfd_module_exit(void);

#endif
