// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio over memory-mapped registers, version 2 (virtio 1.2 §4.2).
 *
 * Notifications go to the queue's eventfd, in the kernel where KVM has ioeventfd and from the
 * vCPU's thread where not. The interrupt is edge-triggered: the status bit is set before the edge,
 * and the driver clears the bits that it saw before it looks at the queues.
 */
#include <endian.h>
#include <linux/virtio_mmio.h>
#include <stdatomic.h>
#include <string.h>

#include "loop.h"
#include "virtio_mmio.h"

#define MAGIC		0x74726976	/* "virt" */
#define VERSION		2
#define VENDOR		0x48545242	/* "BRTH" */

struct mmio {
	struct virtio_dev *dev;
	u64 gpa;
	u32 gsi;
	int irq;			/* eventfd behind the interrupt, or -1 */
	atomic_uint interrupt_status;
	u32 device_features_sel, driver_features_sel, queue_sel;	/* dev->lock */
};

static void raise_irq(struct virtio_dev *dev, bool config)
{
	struct mmio *t = dev->transport;

	atomic_fetch_or(&t->interrupt_status, config ? VIRTIO_MMIO_INT_CONFIG : VIRTIO_MMIO_INT_VRING);
	if (t->irq >= 0) {
		event_signal(t->irq);
	} else {
		vm_irq_line(dev->vm, t->gsi, true);
		vm_irq_line(dev->vm, t->gsi, false);
	}
}

/* The selected queue, or NULL. */
static struct virtq *selected(struct mmio *t)
{
	return t->queue_sel < t->dev->model->queues ? &t->dev->vq[t->queue_sel] : NULL;
}

static u32 read_register(struct mmio *t, u64 offset)
{
	struct virtio_dev *dev = t->dev;
	struct virtq *vq = selected(t);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return dev->model->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return t->device_features_sel > 1 ? 0 : dev->offered >> 32 * t->device_features_sel;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? VIRTQ_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return vq && vq->ready;
	case VIRTIO_MMIO_STATUS:
		return dev->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return ~0u;	/* no such region, §4.2.2 */
	default:
		return 0;	/* the configuration never changes: generation 0 */
	}
}

static void set_half(u64 *value, u32 half, bool high)
{
	if (high)
		*value = (u32)*value | (u64)half << 32;
	else
		*value = (*value & ~0xffffffffull) | half;
}

/* Registers of the selected queue. */
static void write_queue(struct mmio *t, struct virtq *vq, u64 offset, u32 value)
{
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		if (value == 1)
			virtio_enable_queue(t->dev, vq);
		else
			vq->ready = false;
		return;
	}
	/* The driver must not change a queue that is in use, §4.2.2.2. */
	if (vq->ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		vq->num = value > VIRTQ_MAX ? 0 : value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&vq->desc_gpa, value, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&vq->avail_gpa, value, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&vq->used_gpa, value, offset == VIRTIO_MMIO_QUEUE_USED_HIGH);
		break;
	}
}

static void write_register(struct mmio *t, u64 offset, u32 value)
{
	struct virtio_dev *dev = t->dev;

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		t->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		t->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (t->driver_features_sel <= 1 && !(dev->status & VIRTIO_CONFIG_S_FEATURES_OK))
			set_half(&dev->accepted, value, t->driver_features_sel);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		t->queue_sel = value;
		break;
	case VIRTIO_MMIO_STATUS:
		virtio_set_status(dev, value);
		if (!(value & 0xff))
			atomic_store(&t->interrupt_status, 0);
		break;
	default:
		if (selected(t))
			write_queue(t, selected(t), offset, value);
	}
}

static void access_config(const struct virtio_dev *dev, u64 offset, u8 *data, unsigned int len,
			  bool write)
{
	/* No device here has a configuration that can be written. */
	if (write)
		return;
	memset(data, 0, len);
	if (offset < dev->config_len && len <= dev->config_len - offset)
		memcpy(data, (const u8 *)dev->config + offset, len);
}

/* What a guest does often, and without the lock: a disk may be busy under it. */
static bool access_fast(struct mmio *t, u64 offset, u32 *value, bool write)
{
	if (write && offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		if (*value < t->dev->model->queues)
			event_signal(t->dev->vq[*value].kick);
	} else if (write && offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		atomic_fetch_and(&t->interrupt_status, ~*value);
	} else if (!write && offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		*value = atomic_load(&t->interrupt_status);
	} else {
		return false;
	}
	return true;
}

static void access_mmio(void *ctx, u64 offset, u8 *data, unsigned int len, bool write)
{
	struct mmio *t = ctx;
	u32 value = 0;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		access_config(t->dev, offset - VIRTIO_MMIO_CONFIG, data, len, write);
		return;
	}
	if (len != sizeof(value) || offset % sizeof(value)) {
		if (!write)
			memset(data, 0, len);
		return;
	}
	/* Registers are little-endian on every architecture. */
	if (write)
		memcpy(&value, data, sizeof(value));
	value = le32toh(value);
	if (!access_fast(t, offset, &value, write)) {
		pthread_mutex_lock(&t->dev->lock);
		if (write)
			write_register(t, offset, value);
		else
			value = read_register(t, offset);
		pthread_mutex_unlock(&t->dev->lock);
	}
	value = htole32(value);
	if (!write)
		memcpy(data, &value, sizeof(value));
}

void virtio_mmio_add(struct vm *vm, struct virtio_dev *dev, u64 gpa, u32 gsi)
{
	struct mmio *t = allocate(sizeof(*t));
	unsigned int i;

	t->dev = dev;
	t->gpa = gpa;
	t->gsi = gsi;
	t->irq = event_create();
	if (!vm_irqfd(vm, gsi, t->irq))
		t->irq = -1;
	dev->transport = t;
	dev->raise = raise_irq;
	/* Where KVM does not take it, the write comes to access_fast(). */
	for (i = 0; i < dev->model->queues; i++)
		vm_ioeventfd(vm, gpa + VIRTIO_MMIO_QUEUE_NOTIFY, i, dev->vq[i].kick);
	bus_add(&vm->mmio, gpa, VIRTIO_MMIO_SIZE, access_mmio, t);
}
