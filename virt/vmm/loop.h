/* SPDX-License-Identifier: GPL-2.0-only */
/* The main thread's loop: waits for file descriptors and calls those who wait for them. */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include "util.h"

/* Before all others here. */
void loop_create(void);
/*
 * Calls handle(ctx) in the main thread whenever `fd` has something to read. Where `wants` is given,
 * it is asked before each wait, and `fd` is left alone while it says no: loop_wake() after the
 * answer changes. Only before the loop runs.
 */
void loop_add(int fd, bool (*wants)(void *ctx), void (*handle)(void *ctx), void *ctx);
/* Makes `fd` be left alone from now on. In the main thread. */
void loop_remove(int fd);
/* Makes the loop ask all again. Any thread. */
void loop_wake(void);
/* Ends the loop; the first caller's status counts. Any thread. */
void loop_end(int status);
/* Runs until loop_end(), returns its status. */
int loop_run(void);
/* An eventfd; ends the program where there is none. */
int event_create(void);
/* Counts an event there; takes all events from there. */
void event_signal(int fd);
void event_take(int fd);

#endif
