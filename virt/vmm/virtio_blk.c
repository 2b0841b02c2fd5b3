// SPDX-License-Identifier: GPL-2.0-only
/* virtio-blk (virtio 1.2 §5.2) on a raw image file or block device. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virtio.h"

#define SECTOR		512
#define SEGMENTS	(VIRTQ_MAX - 2)	/* of data, beside header and status */

struct blk {
	struct virtio_dev dev;
	struct virtio_blk_config config;
	int fd;
	u64 sectors;
};

/* The data is all that is read or all that was written, or it is an error. */
static bool transfer(struct blk *b, struct iovec *iov, unsigned int nr, u64 offset, bool write)
{
	while (nr) {
		ssize_t done = write ? pwritev(b->fd, iov, nr, offset) :
				       preadv(b->fd, iov, nr, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		offset += done;
		nr = iov_cut(iov, nr, done, SIZE_MAX);
	}
	return true;
}

/* Reads or writes the `len` bytes of the segments. */
static u8 read_write(struct blk *b, u64 sector, struct iovec *iov, unsigned int nr, size_t len,
		     bool write)
{
	if (len % SECTOR || sector > b->sectors || len / SECTOR > b->sectors - sector)
		return VIRTIO_BLK_S_IOERR;
	if (write && (b->dev.offered & FEATURE(VIRTIO_BLK_F_RO)))
		return VIRTIO_BLK_S_IOERR;
	return transfer(b, iov, nr, sector * SECTOR, write) ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* Does one request: header, data, and a last byte for the status. Returns the bytes written. */
static u32 request(struct blk *b, struct chain *c)
{
	struct iovec *in = c->iov + c->nr_out;
	struct virtio_blk_outhdr header = { };
	size_t data_in = c->in_len - 1;
	char id[VIRTIO_BLK_ID_BYTES] = "berth";
	struct iovec last;
	unsigned int nr;
	u8 status;

	iov_read(c->iov, c->nr_out, 0, &header, sizeof(header));
	/* Cutting changes the segments: the status byte's place is kept. */
	last = in[c->nr_in - 1];
	switch (le32toh(header.type)) {
	case VIRTIO_BLK_T_IN:
		nr = iov_cut(in, c->nr_in, 0, data_in);
		status = read_write(b, le64toh(header.sector), in, nr, data_in, false);
		break;
	case VIRTIO_BLK_T_OUT:
		nr = iov_cut(c->iov, c->nr_out, sizeof(header), SIZE_MAX);
		status = read_write(b, le64toh(header.sector), c->iov, nr,
				    c->out_len - sizeof(header), true);
		data_in = 0;
		break;
	case VIRTIO_BLK_T_FLUSH:
		status = fdatasync(b->fd) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
		data_in = 0;
		break;
	case VIRTIO_BLK_T_GET_ID:
		data_in = iov_write(in, c->nr_in, 0, id, data_in < sizeof(id) ? data_in : sizeof(id));
		status = VIRTIO_BLK_S_OK;
		break;
	default:
		status = VIRTIO_BLK_S_UNSUPP;
		data_in = 0;
	}
	((u8 *)last.iov_base)[last.iov_len - 1] = status;
	return data_in + 1;
}

static void work(struct virtio_dev *dev, unsigned int queue)
{
	struct blk *b = container_of(dev, struct blk, dev);
	struct virtq *vq = &dev->vq[queue];
	struct chain c;

	while (virtq_pop(dev, vq, &c)) {
		if (c.out_len < sizeof(struct virtio_blk_outhdr) || !c.in_len) {
			virtio_broken(dev, "a request without header or status");
			return;
		}
		virtq_push(vq, &c, request(b, &c));
		virtq_signal(dev, vq);
	}
}

static const struct virtio_model model = {
	.name = "disk",
	.id = VIRTIO_ID_BLOCK,
	.queues = 1,
	.features = FEATURE(VIRTIO_BLK_F_FLUSH) | FEATURE(VIRTIO_BLK_F_SEG_MAX) |
		    FEATURE(VIRTIO_BLK_F_BLK_SIZE),
	.work = work,
};

struct virtio_dev *virtio_blk_create(struct vm *vm, const struct disk *disk)
{
	struct blk *b = allocate(sizeof(*b));
	struct stat st;
	off_t size;

	b->fd = open(disk->file, (disk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (b->fd < 0 || fstat(b->fd, &st))
		die_errno("cannot open %s", disk->file);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		die("%s is neither a file nor a block device", disk->file);
	size = lseek(b->fd, 0, SEEK_END);
	if (size < SECTOR)
		die("%s is shorter than a sector", disk->file);
	b->sectors = size / SECTOR;
	b->config.capacity = htole64(b->sectors);
	b->config.seg_max = htole32(SEGMENTS);
	b->config.blk_size = htole32(SECTOR);
	virtio_init(&b->dev, vm, &model, disk->readonly ? FEATURE(VIRTIO_BLK_F_RO) : 0, &b->config,
		    sizeof(b->config));
	return &b->dev;
}
