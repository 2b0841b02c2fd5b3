// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio over channel I/O (virtio 1.2 §4.3), revisions 1 and 2, with a device's own indicators.
 * Notifications go to the queue's eventfd, in the kernel where KVM has that and from the vCPU's
 * thread where not.
 */
#include <endian.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../loop.h"
#include "../../virtio.h"
#include "s390.h"

#define CU_TYPE		0x3832
#define REVISION	2		/* the highest */

#define CMD_WRITE_FEAT	0x11
#define CMD_READ_FEAT	0x12
#define CMD_SET_VQ	0x13
#define CMD_WRITE_CONF	0x21
#define CMD_READ_CONF	0x22
#define CMD_WRITE_STATUS 0x31
#define CMD_READ_VQ_CONF 0x32
#define CMD_RESET	0x33
#define CMD_SET_IND	0x43
#define CMD_SET_CONF_IND 0x53
#define CMD_READ_STATUS	0x72
#define CMD_SET_REVISION 0x83

/* Big-endian, but for the features. */
struct features {
	u32 value;
	u8 index;
} __attribute__((packed));

struct vq_info {
	u64 desc;
	u32 reserved;
	u16 index, num;
	u64 driver, device;
} __attribute__((packed));

struct vq_config {
	u16 index, num;
};

struct revision {
	u16 number, length;
};

struct ccw_transport {
	struct virtio_dev *dev;
	unsigned int subchannel;
	u64 *indicator, *config_indicator;	/* dev->lock */
};

static void raise_irq(struct virtio_dev *dev, bool config)
{
	struct ccw_transport *t = dev->transport;
	u64 *indicator = config ? t->config_indicator : t->indicator;

	if (!indicator)
		return;
	/* Which queue it was, the driver sees there. */
	__atomic_fetch_or(indicator, config ? 1 : (1ull << dev->model->queues) - 1, __ATOMIC_SEQ_CST);
	css_attention(dev->vm, t->subchannel);
}

/* Copies what the guest gives, or what it is given, if there is that much room. */
static bool take(struct vm *vm, const struct ccw *ccw, void *to, u32 len)
{
	const void *from = ccw->count >= len ? memory_at(&vm->memory, ccw->address, len) : NULL;

	if (from)
		memcpy(to, from, len);
	return from;
}

static bool give(struct vm *vm, const struct ccw *ccw, const void *from, u32 len)
{
	void *to = ccw->count >= len ? memory_at(&vm->memory, ccw->address, len) : NULL;

	if (to)
		memcpy(to, from, len);
	return to;
}

static enum ccw_result set_queue(struct virtio_dev *dev, const struct vq_info *info)
{
	struct virtq *vq;

	if (info->index >= dev->model->queues)
		return CCW_REJECT;
	vq = &dev->vq[info->index];
	if (!info->desc) {
		vq->ready = false;
		return CCW_DONE;
	}
	if (vq->ready)
		return CCW_REJECT;
	vq->num = info->num > VIRTQ_MAX ? 0 : info->num;
	vq->desc_gpa = info->desc;
	vq->avail_gpa = info->driver;
	vq->used_gpa = info->device;
	virtio_enable_queue(dev, vq);
	return CCW_DONE;
}

static enum ccw_result features(struct virtio_dev *dev, const struct ccw *ccw)
{
	struct features f;
	unsigned int shift;

	if (!take(dev->vm, ccw, &f, sizeof(f)))
		return CCW_PROGRAM_CHECK;
	shift = 32 * f.index;
	if (ccw->command == CMD_READ_FEAT) {
		f.value = f.index < 2 ? htole32(dev->offered >> shift) : 0;
		return give(dev->vm, ccw, &f, sizeof(f)) ? CCW_DONE : CCW_PROGRAM_CHECK;
	}
	if (f.index < 2 && !(dev->status & VIRTIO_CONFIG_S_FEATURES_OK))
		dev->accepted = (dev->accepted & ~(0xffffffffull << shift)) | (u64)le32toh(f.value) << shift;
	return CCW_DONE;
}

static enum ccw_result indicator(struct virtio_dev *dev, const struct ccw *ccw, u64 **where)
{
	u64 gpa;

	if (!take(dev->vm, ccw, &gpa, sizeof(gpa)))
		return CCW_PROGRAM_CHECK;
	*where = gpa && gpa % 8 == 0 ? memory_at(&dev->vm->memory, gpa, 8) : NULL;
	return !gpa || *where ? CCW_DONE : CCW_REJECT;
}

static void reset(struct ccw_transport *t)
{
	virtio_reset(t->dev);
	t->indicator = t->config_indicator = NULL;
}

static enum ccw_result locked_command(struct ccw_transport *t, const struct ccw *ccw, u32 *count)
{
	struct virtio_dev *dev = t->dev;
	struct vq_config queue;
	struct revision r;
	struct vq_info info;
	u8 status;

	switch (ccw->command) {
	case CMD_SET_REVISION:
		*count = sizeof(r);
		if (!take(dev->vm, ccw, &r, sizeof(r)))
			return CCW_PROGRAM_CHECK;
		return r.number && r.number <= REVISION ? CCW_DONE : CCW_REJECT;
	case CMD_RESET:
		reset(t);
		return CCW_DONE;
	case CMD_READ_FEAT:
	case CMD_WRITE_FEAT:
		*count = sizeof(struct features);
		return features(dev, ccw);
	case CMD_READ_CONF:
		*count = dev->config_len < ccw->count ? dev->config_len : ccw->count;
		return give(dev->vm, ccw, dev->config, *count) ? CCW_DONE : CCW_PROGRAM_CHECK;
	case CMD_WRITE_CONF:
		/* No device here has a configuration that can be written. */
		*count = ccw->count;
		return CCW_DONE;
	case CMD_READ_STATUS:
		*count = sizeof(status);
		status = dev->status;
		return give(dev->vm, ccw, &status, sizeof(status)) ? CCW_DONE : CCW_PROGRAM_CHECK;
	case CMD_WRITE_STATUS:
		*count = sizeof(status);
		if (!take(dev->vm, ccw, &status, sizeof(status)))
			return CCW_PROGRAM_CHECK;
		virtio_set_status(dev, status);
		return CCW_DONE;
	case CMD_READ_VQ_CONF:
		*count = sizeof(queue);
		if (!take(dev->vm, ccw, &queue, sizeof(queue)))
			return CCW_PROGRAM_CHECK;
		queue.num = queue.index < dev->model->queues ? VIRTQ_MAX : 0;
		return give(dev->vm, ccw, &queue, sizeof(queue)) ? CCW_DONE : CCW_PROGRAM_CHECK;
	case CMD_SET_VQ:
		*count = sizeof(info);
		return take(dev->vm, ccw, &info, sizeof(info)) ? set_queue(dev, &info) : CCW_PROGRAM_CHECK;
	case CMD_SET_IND:
		*count = sizeof(u64);
		return indicator(dev, ccw, &t->indicator);
	case CMD_SET_CONF_IND:
		*count = sizeof(u64);
		return indicator(dev, ccw, &t->config_indicator);
	default:
		return CCW_REJECT;
	}
}

static enum ccw_result command(void *ctx, const struct ccw *ccw, u32 *count)
{
	struct ccw_transport *t = ctx;
	enum ccw_result result;

	pthread_mutex_lock(&t->dev->lock);
	result = locked_command(t, ccw, count);
	pthread_mutex_unlock(&t->dev->lock);
	return result;
}

static void notify(void *ctx, u32 queue)
{
	struct ccw_transport *t = ctx;

	if (queue < t->dev->model->queues)
		event_signal(t->dev->vq[queue].kick);
}

void arch_add_virtio(struct vm *vm, struct virtio_dev *dev)
{
	struct ccw_transport *t = allocate(sizeof(*t));
	struct css_device device = {
		.cu_type = CU_TYPE, .cu_model = dev->model->id, .command = command, .notify = notify, .ctx = t,
	};
	unsigned int i;

	t->dev = dev;
	t->subchannel = css_add(vm, &device);
	dev->transport = t;
	dev->raise = raise_irq;
	/* Where KVM does not take it, it comes to notify(). */
	for (i = 0; vm->ioeventfd && i < dev->model->queues; i++) {
		struct kvm_ioeventfd event = {
			.datamatch = i, .addr = css_schid(t->subchannel), .len = 8, .fd = dev->vq[i].kick,
			.flags = KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY | KVM_IOEVENTFD_FLAG_DATAMATCH,
		};

		ioctl(vm->fd, KVM_IOEVENTFD, &event);
	}
}

void arch_create_devices(struct vm *vm)
{
	sclp_create(vm);
}

/* The guest asks the service element and the channel subsystem. */
void arch_describe(struct vm *vm)
{
	(void)vm;
}
