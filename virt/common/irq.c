// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routes: what a line or a message of user space's numbering leads to, and who
 * hears of the guest's acknowledgement.  Delivering is the backend's.
 *
 * Routes and listeners are read under vm->irq_srcu, by anyone in any context, and
 * changed under vm->irq_lock.
 */
#include <berth/backend.h>
#include <linux/nospec.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static const struct berth_irq_ops *ops(void)
{
	return berth_backend.data.irq;
}

static bool ready(struct berth_vm *vm)
{
	return ops() && ops()->ready(vm);
}

/* The routes of @gsi: [*first, return). */
static unsigned int find(const struct berth_routes *routes, u32 gsi, unsigned int *first)
{
	*first = 0;
	if (!routes || gsi >= routes->nr_gsis)
		return 0;
	gsi = array_index_nospec(gsi, routes->nr_gsis);
	*first = routes->first[gsi];
	return routes->first[gsi + 1];
}

int berth_irq_set(struct berth_vm *vm, unsigned int source, u32 gsi, bool level)
{
	const struct berth_routes *routes;
	unsigned int i, end;
	int idx, r, reached = -1;

	idx = srcu_read_lock(&vm->irq_srcu);
	routes = srcu_dereference(vm->routes, &vm->irq_srcu);
	for (end = find(routes, gsi, &i); i < end; i++) {
		r = ops()->deliver(vm, &routes->route[i], source, level);
		if (r >= 0)
			reached = max(reached, 0) + r;
	}
	srcu_read_unlock(&vm->irq_srcu, idx);
	return reached;
}

/* ---- acknowledgements ---- */

static bool leads_to(const struct berth_routes *routes, u32 gsi, unsigned int chip,
		     unsigned int pin)
{
	unsigned int i, end;

	for (end = find(routes, gsi, &i); i < end; i++) {
		const struct kvm_irq_routing_entry *route = &routes->route[i];

		if (route->type == KVM_IRQ_ROUTING_IRQCHIP && route->u.irqchip.irqchip == chip &&
		    route->u.irqchip.pin == pin)
			return true;
	}
	return false;
}

/* Tell the listeners of that pin, or with @ask only find out whether there are any. */
static bool acked(struct berth_vm *vm, unsigned int chip, unsigned int pin, bool ask)
{
	const struct berth_routes *routes;
	struct berth_irq_ack *ack;
	bool any = false;
	int idx;

	if (hlist_empty(&vm->irq_acks))
		return false;
	idx = srcu_read_lock(&vm->irq_srcu);
	routes = srcu_dereference(vm->routes, &vm->irq_srcu);
	hlist_for_each_entry_srcu(ack, &vm->irq_acks, link, srcu_read_lock_held(&vm->irq_srcu)) {
		if (!leads_to(routes, ack->gsi, chip, pin))
			continue;
		any = true;
		if (ask)
			break;
		ack->acked(ack);
	}
	srcu_read_unlock(&vm->irq_srcu, idx);
	return any;
}

void berth_irq_acked(struct berth_vm *vm, unsigned int chip, unsigned int pin)
{
	acked(vm, chip, pin, false);
}

bool berth_irq_ack_wanted(struct berth_vm *vm, unsigned int chip, unsigned int pin)
{
	return acked(vm, chip, pin, true);
}

void berth_irq_ack_add(struct berth_vm *vm, struct berth_irq_ack *ack)
{
	lockdep_assert_held(&vm->irq_lock);
	hlist_add_head_rcu(&ack->link, &vm->irq_acks);
}

void berth_irq_ack_remove(struct berth_vm *vm, struct berth_irq_ack *ack)
{
	lockdep_assert_held(&vm->irq_lock);
	hlist_del_init_rcu(&ack->link);
	synchronize_srcu_expedited(&vm->irq_srcu);
}

/* ---- replacing the routes ---- */

/* A message goes alone; a line reaches at most one pin of each chip. */
static bool may_share(const struct kvm_irq_routing_entry *a, const struct kvm_irq_routing_entry *b)
{
	return a->type == KVM_IRQ_ROUTING_IRQCHIP && b->type == KVM_IRQ_ROUTING_IRQCHIP &&
	       a->u.irqchip.irqchip != b->u.irqchip.irqchip;
}

static int check_route(struct berth_vm *vm, const struct kvm_irq_routing_entry *route)
{
	u32 flags = route->type == KVM_IRQ_ROUTING_MSI ? KVM_MSI_VALID_DEVID : 0;

	if (route->gsi >= BERTH_MAX_ROUTES || route->flags & ~flags)
		return -EINVAL;
	return ops()->route_check(vm, route);
}

/* Sorted by GSI: counted, then put in place.  The last of first[] ends the last GSI. */
static int sort(struct berth_routes *to, const struct kvm_irq_routing_entry *from)
{
	unsigned int i, j, gsi;

	for (i = 0; i < to->nr; i++)
		to->first[from[i].gsi]++;
	/* From counts to ends; putting in from behind makes them beginnings. */
	for (gsi = 1; gsi <= to->nr_gsis; gsi++)
		to->first[gsi] += to->first[gsi - 1];
	for (i = to->nr; i--; )
		to->route[--to->first[from[i].gsi]] = from[i];
	for (gsi = 0; gsi < to->nr_gsis; gsi++)
		for (i = to->first[gsi]; i < to->first[gsi + 1]; i++)
			for (j = i + 1; j < to->first[gsi + 1]; j++)
				if (!may_share(&to->route[i], &to->route[j]))
					return -EINVAL;
	return 0;
}

/* NULL for no routes; -EINVAL, -ENOMEM. */
static struct berth_routes *build(struct berth_vm *vm, const struct kvm_irq_routing_entry *routes,
				  unsigned int nr)
{
	unsigned int i, nr_gsis = 0;
	struct berth_routes *new;
	size_t head;
	int r;

	if (nr > BERTH_MAX_ROUTES)
		return ERR_PTR(-EINVAL);
	for (i = 0; i < nr; i++) {
		r = check_route(vm, &routes[i]);
		if (r)
			return ERR_PTR(r);
		nr_gsis = max(nr_gsis, routes[i].gsi + 1);
	}
	if (!nr)
		return NULL;
	head = ALIGN(struct_size(new, first, nr_gsis + 1), sizeof(u64));
	new = kvzalloc(head + nr * sizeof(*routes), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->nr = nr;
	new->nr_gsis = nr_gsis;
	new->route = (void *)new + head;
	r = sort(new, routes);
	if (!r)
		return new;
	kvfree(new);
	return ERR_PTR(r);
}

int berth_irq_set_routes(struct berth_vm *vm, const struct kvm_irq_routing_entry *routes,
			 unsigned int nr)
{
	struct berth_routes *new = build(vm, routes, nr), *old;

	if (IS_ERR(new))
		return PTR_ERR(new);
	mutex_lock(&vm->irq_lock);
	old = rcu_replace_pointer(vm->routes, new, lockdep_is_held(&vm->irq_lock));
	/* What is signalled after the ioctl goes the new way, and nothing the old one. */
	synchronize_srcu_expedited(&vm->irq_srcu);
	mutex_unlock(&vm->irq_lock);
	kvfree(old);
	ops()->routes_changed(vm);
	return 0;
}

/* KVM_SET_GSI_ROUTING (api.rst 4.52): -EINVAL without controllers, as for bad routes. */
int berth_irq_set_routing(struct berth_vm *vm, const struct kvm_irq_routing *args,
			  const struct kvm_irq_routing_entry __user *user)
{
	struct kvm_irq_routing_entry *routes = NULL;
	int r;

	if (!ready(vm) || args->nr > BERTH_MAX_ROUTES || args->flags)
		return -EINVAL;
	if (args->nr) {
		routes = vmemdup_user(user, array_size(args->nr, sizeof(*routes)));
		if (IS_ERR(routes))
			return PTR_ERR(routes);
	}
	r = berth_irq_set_routes(vm, routes, args->nr);
	kvfree(routes);
	return r;
}

/* KVM_SIGNAL_MSI (api.rst 4.70): as berth_irq_set(), or -EINVAL. */
int berth_irq_signal_msi(struct berth_vm *vm, const struct kvm_msi *msi)
{
	struct kvm_irq_routing_entry route = {
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = msi->flags,
		.u.msi.address_lo = msi->address_lo,
		.u.msi.address_hi = msi->address_hi,
		.u.msi.data = msi->data,
		.u.msi.devid = msi->devid,
	};
	int idx, r;

	if (!ready(vm))
		return -EINVAL;
	r = check_route(vm, &route);
	if (r)
		return r;
	idx = srcu_read_lock(&vm->irq_srcu);
	r = ops()->deliver(vm, &route, BERTH_IRQ_USER, true);
	srcu_read_unlock(&vm->irq_srcu, idx);
	return r;
}

int berth_irq_init(struct berth_vm *vm)
{
	mutex_init(&vm->irq_lock);
	spin_lock_init(&vm->irqfds_lock);
	INIT_HLIST_HEAD(&vm->irq_acks);
	INIT_LIST_HEAD(&vm->irqfds);
	INIT_LIST_HEAD(&vm->resamplers);
	return init_srcu_struct(&vm->irq_srcu);
}

void berth_irq_destroy(struct berth_vm *vm)
{
	kvfree(rcu_access_pointer(vm->routes));
	cleanup_srcu_struct(&vm->irq_srcu);
}
