// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_IOEVENTFD: a guest's store to an address signals an eventfd and does not leave
 * the kernel.  Finding the store's device is the bus's work.
 */
#include <berth/compat.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "bus_internal.h"

struct ioeventfd {
	struct berth_io_device dev;	/* [I] on the bus; dev.len 0: any length */
	struct list_head link;		/* [s] vm->ioeventfds */
	struct eventfd_ctx *eventfd;	/* [I] */
	enum berth_bus_id bus;		/* [I] */
	bool match;			/* [I] only for stores of @datamatch */
	u64 datamatch;			/* [I] */
};

static u64 stored_value(unsigned int len, const void *data)
{
	union {
		u8 b;
		u16 h;
		u32 w;
		u64 d;
	} v;

	memcpy(&v, data, len);
	switch (len) {
	case 1:
		return v.b;
	case 2:
		return v.h;
	case 4:
		return v.w;
	default:
		return v.d;
	}
}

static int ioeventfd_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
			   unsigned int len, const void *data)
{
	struct ioeventfd *p = container_of(dev, struct ioeventfd, dev);

	if (addr != dev->addr || (dev->len && dev->len != len))
		return -EOPNOTSUPP;
	if (p->match && stored_value(len, data) != p->datamatch)
		return -EOPNOTSUPP;
	berth_eventfd_signal(p->eventfd);
	return 0;
}

static int ioeventfd_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
			  unsigned int len, void *data)
{
	return -EOPNOTSUPP;
}

const struct berth_io_ops berth_ioeventfd_ops = {
	.read = ioeventfd_read,
	.write = ioeventfd_write,
};

/* The bus @flags speak of. */
static enum berth_bus_id bus_of(u32 flags)
{
	if (flags & KVM_IOEVENTFD_FLAG_PIO)
		return BERTH_PIO_BUS;
	if (flags & KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)
		return BERTH_CCW_BUS;
	return BERTH_MMIO_BUS;
}

/* Is there a store that both would take? */
static bool collide(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->bus != b->bus || a->dev.addr != b->dev.addr)
		return false;
	if (!a->dev.len || !b->dev.len)
		return true;
	if (a->dev.len != b->dev.len)
		return false;
	return !a->match || !b->match || a->datamatch == b->datamatch;
}

static int check_args(const struct kvm_ioeventfd *args)
{
	/* An access is 1, 2, 4 or 8 bytes, 0 stands for any. */
	if (args->len > 8 || hweight32(args->len) > 1)
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~KVM_IOEVENTFD_VALID_FLAG_MASK)
		return -EINVAL;
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

static void ioeventfd_free(struct ioeventfd *p)
{
	eventfd_ctx_put(p->eventfd);
	kfree(p);
}

static int ioeventfd_assign(struct berth_vm *vm, const struct kvm_ioeventfd *args)
{
	struct ioeventfd *p, *other;
	struct eventfd_ctx *eventfd;
	int r = check_args(args);

	if (r)
		return r;
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p) {
		eventfd_ctx_put(eventfd);
		return -ENOMEM;
	}
	p->dev.ops = &berth_ioeventfd_ops;
	p->dev.addr = args->addr;
	p->dev.len = args->len;
	p->eventfd = eventfd;
	p->bus = bus_of(args->flags);
	p->match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	p->datamatch = p->match ? args->datamatch : 0;

	r = -EEXIST;
	list_for_each_entry(other, &vm->ioeventfds, link)
		if (collide(p, other))
			goto free;
	r = berth_bus_add(vm, p->bus, &p->dev);
	if (r)
		goto free;
	list_add_tail(&p->link, &vm->ioeventfds);
	return 0;

free:
	ioeventfd_free(p);
	return r;
}

static int ioeventfd_deassign(struct berth_vm *vm, const struct kvm_ioeventfd *args)
{
	bool match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	enum berth_bus_id bus = bus_of(args->flags);
	struct eventfd_ctx *eventfd;
	struct ioeventfd *p;
	int r = -ENOENT;

	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	list_for_each_entry(p, &vm->ioeventfds, link) {
		if (p->bus != bus || p->eventfd != eventfd || p->dev.addr != args->addr ||
		    p->dev.len != args->len || p->match != match)
			continue;
		if (match && p->datamatch != args->datamatch)
			continue;
		r = berth_bus_remove(vm, bus, &p->dev);
		if (!r) {
			list_del(&p->link);
			ioeventfd_free(p);
		}
		break;
	}
	eventfd_ctx_put(eventfd);
	return r;
}

int berth_ioeventfd(struct berth_vm *vm, const struct kvm_ioeventfd *args)
{
	int r;

	mutex_lock(&vm->slots_lock);
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		r = ioeventfd_deassign(vm, args);
	else
		r = ioeventfd_assign(vm, args);
	mutex_unlock(&vm->slots_lock);
	return r;
}

void berth_ioeventfds_destroy(struct berth_vm *vm)
{
	struct ioeventfd *p, *next;

	list_for_each_entry_safe(p, next, &vm->ioeventfds, link) {
		list_del(&p->link);
		ioeventfd_free(p);
	}
}
