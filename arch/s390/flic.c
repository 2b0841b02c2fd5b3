// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floating interrupt controller (devices/s390_flic.rst), a view of what the VM has anyway, and
 * adapters: devices that set a bit in the guest's storage and interrupt where it was clear.
 */
#include <linux/kthread.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include "s390.h"

static struct sie_adapter *adapter(struct sie_floating *f, u32 id)
{
	if (id >= SIE_MAX_ADAPTERS)
		return NULL;
	return READ_ONCE(f->adapters[array_index_nospec(id, SIE_MAX_ADAPTERS)]);
}

/*
 * Adapter interruptions (api.rst 4.52, KVM_IRQ_ROUTING_S390_ADAPTER).
 */
static bool waits(struct sie_floating *f, unsigned int isc)
{
	struct sie_waiting *w;

	list_for_each_entry(w, &f->io[isc], link)
		if (w->irq.type & KVM_S390_INT_IO_AI_MASK)
			return true;
	return false;
}

/* An ISC has one adapter interruption at a time, and none while the guest suppresses them. */
static int inject_adapter(struct sie_vm *vm, const struct sie_adapter *a)
{
	const struct kvm_s390_irq irq = {
		.type = KVM_S390_INT_IO(1, 0, 0, 0),
		.u.io.io_int_word = (u32)a->isc << 27 | 0x80000000,
	};
	struct sie_floating *f = &vm->floating;
	bool ais = a->suppressible && sie_fac_test(vm->model.fac_list, 72), there;

	spin_lock_irq(&f->lock);
	there = waits(f, a->isc) || (ais && (f->nimm & 0x80 >> a->isc));
	if (!there && ais && (f->simm & 0x80 >> a->isc))
		f->nimm |= 0x80 >> a->isc;
	spin_unlock_irq(&f->lock);
	return there ? 0 : sie_inject_vm(vm, &irq);
}

/*
 * What sets the bits may sleep, and whoever raises the interruption may not: a worker does it.
 */
static struct workqueue_struct *events;

struct event {
	struct work_struct work;
	struct sie_vm *vm;
	struct kvm_irq_routing_s390_adapter route;
};

/* Set bit @nr behind the guest's absolute @address.  Whether it was set, or -EFAULT. */
static int set_bit_of_guest(struct sie_vm *vm, gpa_t address, u64 nr, bool swap)
{
	struct berth_slot *slot;
	struct page *page;
	int r = -EFAULT;
	int idx;

	address += nr / BITS_PER_LONG * sizeof(long);
	nr %= BITS_PER_LONG;
	/* A device may number bits from the left. */
	if (swap)
		nr ^= BITS_PER_LONG - 1;
	idx = srcu_read_lock(&vm->vm.srcu);
	slot = berth_slot_find(&vm->vm, gpa_to_gfn(address), NULL);
	if (slot && get_user_pages_fast(slot_hva(slot, gpa_to_gfn(address)), 1, FOLL_WRITE, &page) == 1) {
		r = test_and_set_bit(nr, page_address(page) + offset_in_page(address & ~7ULL));
		set_page_dirty_lock(page);
		put_page(page);
		sie_mark_dirty(vm, address);
	}
	srcu_read_unlock(&vm->vm.srcu, idx);
	return r;
}

static void event_work(struct work_struct *work)
{
	struct event *e = container_of(work, struct event, work);
	const struct kvm_irq_routing_s390_adapter *route = &e->route;
	struct sie_vm *vm = e->vm;
	struct sie_adapter *a = adapter(&vm->floating, route->adapter_id);
	struct mm_struct *mm = vm->vm.mm;

	if (a && mmget_not_zero(mm)) {
		kthread_use_mm(mm);
		/* Where the summary is set the guest is going to look anyway. */
		if (set_bit_of_guest(vm, route->ind_addr, route->ind_offset, a->swap) >= 0 &&
		    !set_bit_of_guest(vm, route->summary_addr, route->summary_offset, a->swap) &&
		    !READ_ONCE(a->masked))
			inject_adapter(vm, a);
		kthread_unuse_mm(mm);
		mmput(mm);
	}
	kfree(e);
}

/* It is on its way; whether it merges with one that waits nobody knows yet. */
static int deliver(struct berth_vm *b, const struct kvm_irq_routing_entry *route,
		   unsigned int source, bool level)
{
	struct event *e;

	if (!level)
		return 0;
	e = kmalloc(sizeof(*e), GFP_ATOMIC);
	if (!e)
		return -1;
	INIT_WORK(&e->work, event_work);
	e->vm = to_sie_vm(b);
	e->route = route->u.adapter;
	queue_work(events, &e->work);
	return 1;
}

static bool ready(struct berth_vm *b)
{
	return sie_user(to_sie_vm(b), SIE_USER_IRQCHIP);
}

static int irqfd_check(struct berth_vm *b, bool resample)
{
	return ready(b) ? 0 : -EINVAL;
}

static int route_check(struct berth_vm *b, const struct kvm_irq_routing_entry *route)
{
	const struct kvm_irq_routing_s390_adapter *a = &route->u.adapter;
	bool there;
	int idx;

	if (route->type != KVM_IRQ_ROUTING_S390_ADAPTER)
		return -EINVAL;
	idx = srcu_read_lock(&b->srcu);
	there = berth_guest_hva(b, a->ind_addr, true) && berth_guest_hva(b, a->summary_addr, true);
	srcu_read_unlock(&b->srcu, idx);
	return there ? 0 : -EFAULT;
}

static void routes_changed(struct berth_vm *b)
{
}

const struct berth_irq_ops sie_irq_ops = {
	.ready = ready,
	.irqfd_check = irqfd_check,
	.route_check = route_check,
	.routes_changed = routes_changed,
	.deliver = deliver,
};

int sie_flic_setup(void)
{
	events = alloc_workqueue("berth-adapters", WQ_UNBOUND, 0);
	return events ? 0 : -ENOMEM;
}

void sie_flic_unsetup(void)
{
	destroy_workqueue(events);
}

/* No irqfd is left; what they raised is done with. */
void sie_flic_flush(void)
{
	flush_workqueue(events);
}

/*
 * The device.
 */
static struct sie_vm *vm_of(const struct berth_device *dev)
{
	return to_sie_vm(dev->vm);
}

/* All that wait, lists first to last; the count, or -ENOMEM when they are more than @max. */
static int collect(struct sie_floating *f, struct kvm_s390_irq *out, unsigned int max)
{
	struct list_head *lists[SIE_NR_ISC + 2];
	struct sie_waiting *w;
	unsigned int i, n = 0;

	for (i = 0; i < SIE_NR_ISC; i++)
		lists[i] = &f->io[i];
	lists[i++] = &f->pfault_done;
	lists[i] = &f->virtio;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		list_for_each_entry(w, lists[i], link) {
			if (n == max)
				return -ENOMEM;
			out[n++] = w->irq;
		}
	}
	if (f->pending & SIE_FLOATING_SERVICE) {
		if (n == max)
			return -ENOMEM;
		out[n++] = (struct kvm_s390_irq) {
			.type = KVM_S390_INT_SERVICE, .u.ext = f->service,
		};
	}
	if (f->pending & SIE_FLOATING_MCHK) {
		if (n == max)
			return -ENOMEM;
		out[n++] = (struct kvm_s390_irq) { .type = KVM_S390_MCHK, .u.mchk = f->mchk };
	}
	return n;
}

static int get_all(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_irq *irqs;
	int n;

	if (!attr->attr || attr->attr > KVM_S390_FLIC_MAX_BUFFER)
		return -EINVAL;
	irqs = vzalloc(attr->attr);
	if (!irqs)
		return -ENOMEM;
	spin_lock_irq(&vm->floating.lock);
	n = collect(&vm->floating, irqs, attr->attr / sizeof(*irqs));
	spin_unlock_irq(&vm->floating.lock);
	if (n > 0 && copy_to_user((void __user *)attr->addr, irqs, n * sizeof(*irqs)))
		n = -EFAULT;
	vfree(irqs);
	return n;
}

static int enqueue(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	const struct kvm_s390_irq __user *from = (void __user *)attr->addr;
	struct kvm_s390_irq irq;
	u64 n = attr->attr / sizeof(irq);
	int r = 0;

	if (attr->attr % sizeof(irq) || attr->attr > KVM_S390_FLIC_MAX_BUFFER)
		return -EINVAL;
	for (; n && !r; n--, from++)
		r = copy_from_user(&irq, from, sizeof(irq)) ? -EFAULT : sie_inject_vm(vm, &irq);
	return r;
}

static int adapter_register(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct sie_floating *f = &vm->floating;
	struct kvm_s390_io_adapter info;
	struct sie_adapter *a;
	int r = -EINVAL;

	if (copy_from_user(&info, (void __user *)attr->addr, sizeof(info)))
		return -EFAULT;
	if (info.id >= SIE_MAX_ADAPTERS || info.isc >= SIE_NR_ISC)
		return -EINVAL;
	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return -ENOMEM;
	*a = (struct sie_adapter) {
		.id = info.id,
		.isc = info.isc,
		.maskable = info.maskable,
		.swap = info.swap,
		.suppressible = info.flags & KVM_S390_ADAPTER_SUPPRESSIBLE,
	};
	info.id = array_index_nospec(info.id, SIE_MAX_ADAPTERS);
	mutex_lock(&f->adapters_lock);
	if (!f->adapters[info.id]) {
		smp_store_release(&f->adapters[info.id], a);
		r = 0;
	}
	mutex_unlock(&f->adapters_lock);
	if (r)
		kfree(a);
	return r;
}

static int adapter_modify(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_io_adapter_req req;
	struct sie_adapter *a;

	if (copy_from_user(&req, (void __user *)attr->addr, sizeof(req)))
		return -EFAULT;
	a = adapter(&vm->floating, req.id);
	if (!a)
		return -EINVAL;
	switch (req.type) {
	case KVM_S390_IO_ADAPTER_MASK:
		if (!a->maskable)
			return -EINVAL;
		WRITE_ONCE(a->masked, req.mask);
		return 0;
	case KVM_S390_IO_ADAPTER_MAP:
	case KVM_S390_IO_ADAPTER_UNMAP:
		/* Indicators are looked up when they are set. */
		return 0;
	default:
		return -EINVAL;
	}
}

static int clear_io(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	u32 schid;

	if (attr->attr != sizeof(schid))
		return -EINVAL;
	if (copy_from_user(&schid, (void __user *)attr->addr, sizeof(schid)))
		return -EFAULT;
	if (!schid)
		return -EINVAL;
	kfree(sie_take_io(vm, 0xff, schid));
	return 0;
}

static bool has_ais(struct sie_vm *vm)
{
	return sie_fac_test(vm->model.fac_list, 72);
}

static int set_ais(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct sie_floating *f = &vm->floating;
	struct kvm_s390_ais_req req;
	u8 bit;
	int r = 0;

	if (!has_ais(vm))
		return -EOPNOTSUPP;
	if (copy_from_user(&req, (void __user *)attr->addr, sizeof(req)))
		return -EFAULT;
	if (req.isc >= SIE_NR_ISC)
		return -EINVAL;
	bit = 0x80 >> req.isc;
	spin_lock_irq(&f->lock);
	if (req.mode == 0) {		/* all interruptions */
		f->simm &= ~bit;
		f->nimm &= ~bit;
	} else if (req.mode == 1) {	/* a single one */
		f->simm |= bit;
		f->nimm &= ~bit;
	} else {
		r = -EINVAL;
	}
	spin_unlock_irq(&f->lock);
	return r;
}

static int set_ais_all(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_ais_all all;

	if (!has_ais(vm))
		return -EOPNOTSUPP;
	if (copy_from_user(&all, (void __user *)attr->addr, sizeof(all)))
		return -EFAULT;
	spin_lock_irq(&vm->floating.lock);
	vm->floating.simm = all.simm;
	vm->floating.nimm = all.nimm;
	spin_unlock_irq(&vm->floating.lock);
	return 0;
}

static int get_ais_all(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct kvm_s390_ais_all all;

	if (attr->attr < sizeof(all))
		return -EINVAL;
	if (!has_ais(vm))
		return -EOPNOTSUPP;
	spin_lock_irq(&vm->floating.lock);
	all = (struct kvm_s390_ais_all) { .simm = vm->floating.simm, .nimm = vm->floating.nimm };
	spin_unlock_irq(&vm->floating.lock);
	return copy_to_user((void __user *)attr->addr, &all, sizeof(all)) ? -EFAULT : 0;
}

static int inject_by_id(struct sie_vm *vm, const struct kvm_device_attr *attr)
{
	struct sie_adapter *a = attr->attr == (u32)attr->attr ? adapter(&vm->floating, attr->attr) :
								NULL;

	return a ? inject_adapter(vm, a) : -EINVAL;
}

static bool flic_supported(void)
{
	return true;
}

static int flic_create(struct berth_device *dev)
{
	struct sie_floating *f = &vm_of(dev)->floating;

	if (f->has_flic)
		return -EINVAL;
	f->has_flic = true;
	return 0;
}

static void flic_destroy(struct berth_device *dev)
{
	vm_of(dev)->floating.has_flic = false;
}

static int flic_set_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	struct sie_vm *vm = vm_of(dev);

	switch (attr->group) {
	case KVM_DEV_FLIC_ENQUEUE:
		return enqueue(vm, attr);
	case KVM_DEV_FLIC_CLEAR_IRQS:
		sie_clear_floating(vm);
		return 0;
	case KVM_DEV_FLIC_APF_ENABLE:
	case KVM_DEV_FLIC_APF_DISABLE_WAIT:
		/* No page fault is the guest's business here, so none is under way. */
		return 0;
	case KVM_DEV_FLIC_ADAPTER_REGISTER:
		return adapter_register(vm, attr);
	case KVM_DEV_FLIC_ADAPTER_MODIFY:
		return adapter_modify(vm, attr);
	case KVM_DEV_FLIC_CLEAR_IO_IRQ:
		return clear_io(vm, attr);
	case KVM_DEV_FLIC_AISM:
		return set_ais(vm, attr);
	case KVM_DEV_FLIC_AIRQ_INJECT:
		return inject_by_id(vm, attr);
	case KVM_DEV_FLIC_AISM_ALL:
		return set_ais_all(vm, attr);
	default:
		return -EINVAL;
	}
}

static int flic_get_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_FLIC_GET_ALL_IRQS:
		return get_all(vm_of(dev), attr);
	case KVM_DEV_FLIC_AISM_ALL:
		return get_ais_all(vm_of(dev), attr);
	default:
		return -EINVAL;
	}
}

static int flic_has_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	return attr->group >= KVM_DEV_FLIC_GET_ALL_IRQS && attr->group <= KVM_DEV_FLIC_AISM_ALL ?
	       0 : -ENXIO;
}

const struct berth_device_type sie_flic_type = {
	.type = KVM_DEV_TYPE_FLIC,
	.name = "flic",
	.supported = flic_supported,
	.create = flic_create,
	.destroy = flic_destroy,
	.set_attr = flic_set_attr,
	.get_attr = flic_get_attr,
	.has_attr = flic_has_attr,
};
