/* SPDX-License-Identifier: GPL-2.0-only */
/* Between bus.c and the two kinds of device user space puts on a bus. */
#ifndef BERTH_BUS_INTERNAL_H
#define BERTH_BUS_INTERNAL_H

#include <berth/vm.h>

/* Tells ioeventfds apart: they do not count against BERTH_MAX_IO_DEVICES. */
extern const struct berth_io_ops berth_ioeventfd_ops;

/*
 * Free what is still registered.  Context: the VM's destruction; nothing reads the
 * buses any more, and their arrays point to freed devices afterwards.
 */
void berth_ioeventfds_destroy(struct berth_vm *vm);
void berth_coalesced_zones_destroy(struct berth_vm *vm);

#endif
