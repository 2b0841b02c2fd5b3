/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory-mapped transport, for architectures whose virtio devices have registers. */
#ifndef VMM_VIRTIO_MMIO_H
#define VMM_VIRTIO_MMIO_H

#include "virtio.h"

#define VIRTIO_MMIO_SIZE	0x1000	/* of a device's registers */

/* Puts the device's registers at `gpa`; its interrupt is `gsi`, edge-triggered. */
void virtio_mmio_add(struct vm *vm, struct virtio_dev *dev, u64 gpa, u32 gsi);

#endif
