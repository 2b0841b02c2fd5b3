/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio 1.2 devices and their split rings, whatever the transport: a model (block, net, ...) has
 * a struct virtio_dev, a transport (virtio_mmio.c) shows it to the guest.
 *
 * What a guest puts into rings may change at any moment and may be anything. It is read once,
 * judged, and turned into pointers here; a device that is given nonsense stops and asks for reset.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <sys/uio.h>

#include "vm.h"

#define VIRTIO_QUEUES		2	/* of a device, at most */
#define VIRTQ_MAX		256	/* entries of a queue */
#define FEATURE(bit)		(1ull << (bit))

/* A buffer that the guest gave: segments to read from, then segments to write to. */
struct chain {
	u16 head;
	unsigned int nr_out, nr_in;
	size_t out_len, in_len;
	struct iovec iov[VIRTQ_MAX];	/* nr_out, then nr_in */
};

struct virtq {
	u16 num;			/* entries, as the driver set it */
	bool ready;
	u64 desc_gpa, avail_gpa, used_gpa;
	struct vring_desc *desc;	/* the rest is valid while ready */
	struct vring_avail *avail;
	struct vring_used *used;
	u16 next_avail, next_used, signalled;
	int kick;			/* eventfd: the driver's notification */
};

struct virtio_dev;

struct virtio_model {
	const char *name;
	u32 id;
	unsigned int queues;
	u64 features;			/* beside those of rings and transport */
	/* Works on a queue after its notification; in the main thread, dev->lock held. */
	void (*work)(struct virtio_dev *dev, unsigned int queue);
	/* Forgets what it has of the queues; dev->lock held. NULL: nothing. */
	void (*reset)(struct virtio_dev *dev);
};

struct virtio_dev {
	const struct virtio_model *model;
	struct vm *vm;
	pthread_mutex_t lock;		/* for all below but what is set by the creation */
	u64 offered;
	u64 accepted;			/* by the driver */
	u8 status;
	struct virtq vq[VIRTIO_QUEUES];
	const void *config;		/* the device's own, constant */
	size_t config_len;
	/* Set by the transport: interrupts for used buffers, or for a changed configuration. */
	void (*raise)(struct virtio_dev *dev, bool config);
	void *transport;
};

/* Makes a device; `features` are those of this device beside the model's. */
void virtio_init(struct virtio_dev *dev, struct vm *vm, const struct virtio_model *model,
		 u64 features, const void *config, size_t config_len);

/* For transports; dev->lock held. */
void virtio_reset(struct virtio_dev *dev);
void virtio_set_status(struct virtio_dev *dev, u8 status);
/* Makes the queue ready where its addresses are memory; else the device asks for reset. */
void virtio_enable_queue(struct virtio_dev *dev, struct virtq *vq);

/* For models; dev->lock held. */
/* Whether a buffer waits; where not, the driver's next one comes with a notification. */
bool virtq_waiting(struct virtio_dev *dev, struct virtq *vq);
/* Takes the next buffer; false where there is none, or the device stopped. */
bool virtq_pop(struct virtio_dev *dev, struct virtq *vq, struct chain *c);
/* Gives the last buffer back unused. */
void virtq_unpop(struct virtq *vq);
/* Gives a buffer back with `len` bytes written; then, after some of them, tells the driver. */
void virtq_push(struct virtq *vq, const struct chain *c, u32 len);
void virtq_signal(struct virtio_dev *dev, struct virtq *vq);
/* The guest broke the rules: the device stops until it is reset. */
void virtio_broken(struct virtio_dev *dev, const char *why);

/* Copies from or to segments, from byte `skip` of them; returns how much there was room for. */
size_t iov_read(const struct iovec *iov, unsigned int nr, size_t skip, void *to, size_t len);
size_t iov_write(const struct iovec *iov, unsigned int nr, size_t skip, const void *from,
		 size_t len);
/* Takes `skip` bytes off the front and keeps at most `len`; returns how many segments are left. */
unsigned int iov_cut(struct iovec *iov, unsigned int nr, size_t skip, size_t len);

/* The models; they end the program where the backend cannot be opened. */
struct virtio_dev *virtio_blk_create(struct vm *vm, const struct disk *disk);
/* A network card whose frames are the datagrams of `fd`, not blocking. */
struct virtio_dev *virtio_net_create(struct vm *vm, int fd);
struct virtio_dev *virtio_rng_create(struct vm *vm);
/* A console that has the terminal's keys. */
struct virtio_dev *virtio_console_create(struct vm *vm);

#endif
