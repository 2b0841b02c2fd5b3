// SPDX-License-Identifier: GPL-2.0-only
/* Virtio devices and split rings (virtio 1.2 §2.7); every guest address goes through memory_at(). */
#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#include "loop.h"
#include "virtio.h"

#define RING_FEATURES	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_RING_F_EVENT_IDX) | \
			 FEATURE(VIRTIO_RING_F_INDIRECT_DESC))
#define DESC_SIZE	sizeof(struct vring_desc)

struct queue_watch {
	struct virtio_dev *dev;
	unsigned int queue;
};

static void kicked(void *ctx)
{
	struct queue_watch *w = ctx;
	struct virtio_dev *dev = w->dev;

	event_take(dev->vq[w->queue].kick);
	pthread_mutex_lock(&dev->lock);
	if (dev->vq[w->queue].ready && (dev->status & VIRTIO_CONFIG_S_DRIVER_OK))
		dev->model->work(dev, w->queue);
	pthread_mutex_unlock(&dev->lock);
}

void virtio_init(struct virtio_dev *dev, struct vm *vm, const struct virtio_model *model,
		 u64 features, const void *config, size_t config_len)
{
	unsigned int i;

	dev->vm = vm;
	dev->model = model;
	dev->offered = RING_FEATURES | model->features | features;
	dev->config = config;
	dev->config_len = config_len;
	pthread_mutex_init(&dev->lock, NULL);
	for (i = 0; i < model->queues; i++) {
		struct queue_watch *w = allocate(sizeof(*w));

		*w = (struct queue_watch){ dev, i };
		dev->vq[i].kick = event_create();
		loop_add(dev->vq[i].kick, NULL, kicked, w);
	}
}

void virtio_reset(struct virtio_dev *dev)
{
	unsigned int i;

	dev->status = 0;
	dev->accepted = 0;
	for (i = 0; i < dev->model->queues; i++)
		dev->vq[i] = (struct virtq){ .kick = dev->vq[i].kick };
	if (dev->model->reset)
		dev->model->reset(dev);
}

void virtio_set_status(struct virtio_dev *dev, u8 status)
{
	if (!status) {
		virtio_reset(dev);
		return;
	}
	/* §3.1.1: the driver reads back whether its choice of features holds. */
	if ((status & ~dev->status & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    ((dev->accepted & ~dev->offered) || !(dev->accepted & FEATURE(VIRTIO_F_VERSION_1))))
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	dev->status = status | (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	loop_wake();
}

void virtio_broken(struct virtio_dev *dev, const char *why)
{
	if (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	warn("the guest's %s driver: %s", dev->model->name, why);
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (dev->raise && (dev->status & VIRTIO_CONFIG_S_DRIVER_OK))
		dev->raise(dev, true);
}

static bool event_idx(const struct virtio_dev *dev)
{
	return dev->accepted & FEATURE(VIRTIO_RING_F_EVENT_IDX);
}

/* used_event and avail_event are the words after each other's ring, §2.7.7 and §2.7.10. */
static __virtio16 *used_event(const struct virtq *vq)
{
	return &vq->avail->ring[vq->num];
}

static __virtio16 *avail_event(const struct virtq *vq)
{
	return (__virtio16 *)&vq->used->ring[vq->num];
}

void virtio_enable_queue(struct virtio_dev *dev, struct virtq *vq)
{
	const struct memory *m = &dev->vm->memory;
	u16 num = vq->num;

	if (vq->ready)
		return;
	if (!num || num > VIRTQ_MAX || (num & (num - 1))) {
		virtio_broken(dev, "bad size of a queue");
		return;
	}
	/* Each ring with its flags, index and event word. */
	vq->desc = memory_at(m, vq->desc_gpa, num * DESC_SIZE);
	vq->avail = memory_at(m, vq->avail_gpa, 6 + 2 * num);
	vq->used = memory_at(m, vq->used_gpa, 6 + 8 * num);
	if (!vq->desc || !vq->avail || !vq->used ||
	    vq->desc_gpa % 16 || vq->avail_gpa % 2 || vq->used_gpa % 4) {
		virtio_broken(dev, "bad address of a queue");
		return;
	}
	vq->next_avail = vq->next_used = vq->signalled = 0;
	vq->ready = true;
	loop_wake();
}

/* How many buffers the driver says are waiting; more than the queue has is nonsense. */
static u16 waiting(const struct virtq *vq)
{
	/* Pairs with the driver's barrier between ring and index. */
	u16 idx = le16toh(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE));

	return idx - vq->next_avail;
}

bool virtq_waiting(struct virtio_dev *dev, struct virtq *vq)
{
	u16 count;

	if (!vq->ready || (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET) ||
	    !(dev->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return false;
	count = waiting(vq);
	if (!count && event_idx(dev)) {
		WRITE_ONCE(*avail_event(vq), htole16(vq->next_avail));
		/* Pairs with the driver's barrier between index and avail_event. */
		atomic_thread_fence(memory_order_seq_cst);
		count = waiting(vq);
	}
	if (count > vq->num) {
		virtio_broken(dev, "bad index in a queue");
		return false;
	}
	return count;
}

/* Adds what one descriptor points to; NULL, or why it cannot be. */
static const char *add_segment(const struct memory *m, struct chain *c, const struct vring_desc *d)
{
	u32 len = le32toh(d->len);
	struct iovec *v;

	if (!len)
		return NULL;
	if (c->nr_out + c->nr_in == VIRTQ_MAX)
		return "a buffer of too many segments";
	v = &c->iov[c->nr_out + c->nr_in];
	v->iov_base = memory_at(m, le64toh(d->addr), len);
	v->iov_len = len;
	if (!v->iov_base)
		return "a buffer that is not in memory";
	if (le16toh(d->flags) & VRING_DESC_F_WRITE) {
		c->nr_in++;
		c->in_len += len;
	} else if (c->nr_in) {
		return "a buffer to read from after one to write to";
	} else {
		c->nr_out++;
		c->out_len += len;
	}
	return NULL;
}

/* Follows a chain of descriptors, at most once into an indirect table. */
static const char *collect(struct virtio_dev *dev, struct virtq *vq, struct chain *c)
{
	const struct memory *m = &dev->vm->memory;
	const struct vring_desc *table = vq->desc;
	u32 num = vq->num, i = c->head, steps;
	const char *wrong;

	for (steps = 0; steps < num; steps++) {
		struct vring_desc d;
		u16 flags;

		if (i >= num)
			return "a descriptor outside of its table";
		/* The guest can change it meanwhile: one copy, and then only that. It need not be aligned. */
		memcpy(&d, (const u8 *)table + i * DESC_SIZE, DESC_SIZE);
		atomic_signal_fence(memory_order_seq_cst);
		flags = le16toh(d.flags);
		if (flags & VRING_DESC_F_INDIRECT) {
			u32 size = le32toh(d.len);

			if (!(dev->accepted & FEATURE(VIRTIO_RING_F_INDIRECT_DESC)) ||
			    table != vq->desc || (flags & VRING_DESC_F_NEXT))
				return "an indirect table where none may be";
			table = memory_at(m, le64toh(d.addr), size);
			num = size / DESC_SIZE;
			if (!table || !num || num > VIRTQ_MAX || size % DESC_SIZE)
				return "a bad indirect table";
			i = 0;
			steps = -1;	/* begin again there; never a second time */
			continue;
		}
		wrong = add_segment(m, c, &d);
		if (wrong || !(flags & VRING_DESC_F_NEXT))
			return wrong;
		i = le16toh(d.next);
	}
	return "a chain of descriptors without an end";
}

bool virtq_pop(struct virtio_dev *dev, struct virtq *vq, struct chain *c)
{
	const char *wrong;

	if (!virtq_waiting(dev, vq))
		return false;
	c->head = le16toh(READ_ONCE(vq->avail->ring[vq->next_avail & (vq->num - 1)]));
	c->nr_out = c->nr_in = 0;
	c->out_len = c->in_len = 0;
	wrong = collect(dev, vq, c);
	if (wrong) {
		virtio_broken(dev, wrong);
		return false;
	}
	vq->next_avail++;
	return true;
}

void virtq_unpop(struct virtq *vq)
{
	vq->next_avail--;
}

void virtq_push(struct virtq *vq, const struct chain *c, u32 len)
{
	struct vring_used_elem *e = &vq->used->ring[vq->next_used & (vq->num - 1)];

	WRITE_ONCE(e->id, htole32(c->head));
	WRITE_ONCE(e->len, htole32(len));
	/* Pairs with the driver's barrier between index and ring. */
	__atomic_store_n(&vq->used->idx, htole16(++vq->next_used), __ATOMIC_RELEASE);
}

void virtq_signal(struct virtio_dev *dev, struct virtq *vq)
{
	u16 old = vq->signalled;
	bool wanted;

	if (vq->next_used == old)
		return;
	/* Pairs with the driver's barrier between its wish and its last look at the index. */
	atomic_thread_fence(memory_order_seq_cst);
	if (event_idx(dev))
		wanted = vring_need_event(le16toh(READ_ONCE(*used_event(vq))), vq->next_used, old);
	else
		wanted = !(le16toh(READ_ONCE(vq->avail->flags)) & VRING_AVAIL_F_NO_INTERRUPT);
	vq->signalled = vq->next_used;
	if (wanted)
		dev->raise(dev, false);
}

static size_t iov_copy(const struct iovec *iov, unsigned int nr, size_t skip, u8 *data, size_t len,
		       bool to_guest)
{
	size_t done = 0;

	for (; nr && done < len; iov++, nr--) {
		size_t n = iov->iov_len;
		u8 *at = iov->iov_base;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		at += skip;
		n -= skip;
		skip = 0;
		if (n > len - done)
			n = len - done;
		if (to_guest)
			memcpy(at, data + done, n);
		else
			memcpy(data + done, at, n);
		done += n;
	}
	return done;
}

size_t iov_read(const struct iovec *iov, unsigned int nr, size_t skip, void *to, size_t len)
{
	return iov_copy(iov, nr, skip, to, len, false);
}

size_t iov_write(const struct iovec *iov, unsigned int nr, size_t skip, const void *from,
		 size_t len)
{
	return iov_copy(iov, nr, skip, (u8 *)from, len, true);
}

unsigned int iov_cut(struct iovec *iov, unsigned int nr, size_t skip, size_t len)
{
	unsigned int i, left = 0;

	for (i = 0; i < nr && len; i++) {
		struct iovec v = iov[i];

		if (skip >= v.iov_len) {
			skip -= v.iov_len;
			continue;
		}
		v.iov_base = (u8 *)v.iov_base + skip;
		v.iov_len -= skip;
		skip = 0;
		if (v.iov_len > len)
			v.iov_len = len;
		len -= v.iov_len;
		iov[left++] = v;
	}
	return left;
}
