// SPDX-License-Identifier: GPL-2.0-only
/* virtio-console (virtio 1.2 §5.3), one port, on the terminal. */
#include <endian.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "loop.h"
#include "terminal.h"
#include "virtio.h"

#define RX	0
#define TX	1

struct hvc {
	struct virtio_dev dev;
	struct virtio_console_config config;
	struct terminal_sink sink;
};

static size_t room(void *ctx)
{
	struct hvc *con = ctx;
	struct chain c;
	size_t bytes = 0;

	pthread_mutex_lock(&con->dev.lock);
	if (virtq_pop(&con->dev, &con->dev.vq[RX], &c)) {
		bytes = c.in_len;
		virtq_unpop(&con->dev.vq[RX]);
	}
	pthread_mutex_unlock(&con->dev.lock);
	return bytes;
}

static void input(void *ctx, const u8 *data, size_t len)
{
	struct hvc *con = ctx;
	struct virtq *vq = &con->dev.vq[RX];
	struct chain c;

	pthread_mutex_lock(&con->dev.lock);
	if (virtq_pop(&con->dev, vq, &c)) {
		virtq_push(vq, &c, iov_write(c.iov + c.nr_out, c.nr_in, 0, data, len));
		virtq_signal(&con->dev, vq);
	}
	pthread_mutex_unlock(&con->dev.lock);
}

static void work(struct virtio_dev *dev, unsigned int queue)
{
	struct virtq *vq = &dev->vq[queue];
	struct chain c;
	unsigned int i;

	/* New buffers for input: the loop asks room() anyway. */
	if (queue != TX)
		return;
	while (virtq_pop(dev, vq, &c)) {
		for (i = 0; i < c.nr_out; i++)
			terminal_write(c.iov[i].iov_base, c.iov[i].iov_len);
		virtq_push(vq, &c, 0);
	}
	virtq_signal(dev, vq);
}

static const struct virtio_model model = {
	.name = "console", .id = VIRTIO_ID_CONSOLE, .queues = 2, .work = work,
};

struct virtio_dev *virtio_console_create(struct vm *vm)
{
	struct hvc *con = allocate(sizeof(*con));
	u16 columns, rows;
	u64 features = 0;

	if (terminal_size(&columns, &rows)) {
		con->config.cols = htole16(columns);
		con->config.rows = htole16(rows);
		features = FEATURE(VIRTIO_CONSOLE_F_SIZE);
	}
	virtio_init(&con->dev, vm, &model, features, &con->config, sizeof(con->config));
	con->sink = (struct terminal_sink){ room, input, NULL, con };
	terminal_connect(&con->sink);
	return &con->dev;
}
