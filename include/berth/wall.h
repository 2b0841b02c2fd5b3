/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wall between the kernel's headers and the ABI: numbers, sizes and offsets as they are in programs that exist, held
 * against the headers of each build.  wall.c of the core and of each backend have one line per row of their ioctl tables.
 */
#ifndef BERTH_WALL_H
#define BERTH_WALL_H

#include <linux/build_bug.h>
#include <berth/compat.h>

#define NUMBER(ioctl, direction, number, size) \
	static_assert((ioctl) == _IOC(direction, KVMIO, number, size))
#define SIZE(type, size) \
	static_assert(sizeof(struct type) == (size))
#define AT(type, member, offset) \
	static_assert(offsetof(struct type, member) == (offset))

#endif
