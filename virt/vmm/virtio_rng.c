// SPDX-License-Identifier: GPL-2.0-only
/* virtio-rng (virtio 1.2 §5.4): fills buffers with the host's random bytes. */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <sys/random.h>

#include "virtio.h"

#define MOST	4096	/* bytes for one buffer: a guest cannot keep the thread busy with more */

static void work(struct virtio_dev *dev, unsigned int queue)
{
	struct virtq *vq = &dev->vq[queue];
	struct chain c;

	while (virtq_pop(dev, vq, &c)) {
		u8 bytes[MOST];
		ssize_t got = getrandom(bytes, c.in_len < MOST ? c.in_len : MOST, 0);

		virtq_push(vq, &c, iov_write(c.iov + c.nr_out, c.nr_in, 0, bytes, got < 0 ? 0 : got));
	}
	virtq_signal(dev, vq);
}

static const struct virtio_model model = {
	.name = "rng", .id = VIRTIO_ID_RNG, .queues = 1, .work = work,
};

struct virtio_dev *virtio_rng_create(struct vm *vm)
{
	struct virtio_dev *dev = allocate(sizeof(*dev));

	virtio_init(dev, vm, &model, 0, NULL, 0);
	return dev;
}
