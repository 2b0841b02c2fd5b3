/* SPDX-License-Identifier: GPL-2.0-only */
/* A 16550A serial line. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "terminal.h"
#include "vm.h"

#define SERIAL_REGISTERS	8

struct serial;

/* A serial line whose interrupt is `gsi`; its output is the terminal's. */
struct serial *serial_create(struct vm *vm, u32 gsi);
/* Its registers, one byte each: a bus_access_fn. */
void serial_access(void *serial, u64 offset, u8 *data, unsigned int len, bool write);
/* What takes keys. */
const struct terminal_sink *serial_sink(struct serial *serial);

#endif
