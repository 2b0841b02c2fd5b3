// SPDX-License-Identifier: GPL-2.0-only
/* virtio-net (virtio 1.2 §5.1) in front of a file descriptor whose datagrams are Ethernet frames. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "virtio.h"

#define RX		0
#define TX		1
#define BURST		64	/* frames at a time: other devices wait meanwhile */
#define HEADER		sizeof(struct virtio_net_hdr_v1)

struct net {
	struct virtio_dev dev;
	struct virtio_net_config config;
	int fd;
};

/* A locally administered address: the last five bytes spell the program's name. */
static const u8 address[6] = { 0x02, 'b', 'e', 'r', 't', 'h' };

static bool wants(void *ctx)
{
	struct net *n = ctx;
	bool yes;

	pthread_mutex_lock(&n->dev.lock);
	yes = virtq_waiting(&n->dev, &n->dev.vq[RX]);
	pthread_mutex_unlock(&n->dev.lock);
	return yes;
}

/* Puts one frame into the driver's next buffer; false when there are no more of one of them. */
static bool receive(struct net *n, struct virtq *vq)
{
	struct virtio_net_hdr_v1 header = { .num_buffers = htole16(1) };
	struct iovec data[VIRTQ_MAX];
	struct chain c;
	unsigned int nr;
	ssize_t got;

	if (!virtq_pop(&n->dev, vq, &c))
		return false;
	if (c.in_len <= HEADER) {
		virtio_broken(&n->dev, "a buffer too short for a frame");
		return false;
	}
	memcpy(data, c.iov + c.nr_out, c.nr_in * sizeof(*data));
	nr = iov_cut(data, c.nr_in, HEADER, SIZE_MAX);
	got = readv(n->fd, data, nr);
	if (got <= 0) {
		virtq_unpop(vq);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		warn("the network is gone");
		loop_remove(n->fd);
		return false;
	}
	iov_write(c.iov + c.nr_out, c.nr_in, 0, &header, HEADER);
	virtq_push(vq, &c, HEADER + got);
	return true;
}

static void readable(void *ctx)
{
	struct net *n = ctx;
	struct virtq *vq = &n->dev.vq[RX];
	unsigned int i;

	pthread_mutex_lock(&n->dev.lock);
	for (i = 0; i < BURST && receive(n, vq); i++)
		;
	if (vq->ready)
		virtq_signal(&n->dev, vq);
	pthread_mutex_unlock(&n->dev.lock);
}

/* Sends what the driver has; a network that cannot take a frame now loses it, as networks do. */
static void transmit(struct virtio_dev *dev)
{
	struct net *n = container_of(dev, struct net, dev);
	struct virtq *vq = &dev->vq[TX];
	struct chain c;
	unsigned int nr;

	while (virtq_pop(dev, vq, &c)) {
		if (c.out_len <= HEADER) {
			virtio_broken(dev, "a frame without header");
			return;
		}
		nr = iov_cut(c.iov, c.nr_out, HEADER, SIZE_MAX);
		if (writev(n->fd, c.iov, nr) < 0 && errno == EINTR) {
			virtq_unpop(vq);
			continue;
		}
		virtq_push(vq, &c, 0);
	}
	virtq_signal(dev, vq);
}

static void work(struct virtio_dev *dev, unsigned int queue)
{
	/* New buffers to receive into: the loop asks wants() anyway. */
	if (queue == TX)
		transmit(dev);
}

static const struct virtio_model model = {
	.name = "network",
	.id = VIRTIO_ID_NET,
	.queues = 2,
	.features = FEATURE(VIRTIO_NET_F_MAC),
	.work = work,
};

struct virtio_dev *virtio_net_create(struct vm *vm, int fd)
{
	struct net *n = allocate(sizeof(*n));

	n->fd = fd;
	memcpy(n->config.mac, address, sizeof(address));
	virtio_init(&n->dev, vm, &model, 0, &n->config, sizeof(n->config));
	loop_add(fd, wants, readable, n);
	return &n->dev;
}
