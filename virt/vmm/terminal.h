/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal, that is stdin and stdout: where the guest's console is. */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include "util.h"

/* The device that the keys go to. All are called in the main thread. */
struct terminal_sink {
	/* How many bytes it can take now; loop_wake() after that grew from 0. */
	size_t (*room)(void *ctx);
	void (*input)(void *ctx, const u8 *data, size_t len);
	/* A break on a serial line; NULL where there is no such thing. */
	void (*send_break)(void *ctx);
	void *ctx;
};

/* Connects the keys with a device, and puts a terminal into raw mode until the program ends. */
void terminal_connect(const struct terminal_sink *sink);
/* Shows the guest's output. Any thread; may wait. */
void terminal_write(const void *data, size_t len);
/* Columns and rows; false when stdout is no terminal. */
bool terminal_size(u16 *columns, u16 *rows);

#endif
