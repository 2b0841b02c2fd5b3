// SPDX-License-Identifier: GPL-2.0-only
/* The main thread's loop. poll and not epoll: a disk file may be stdin, and the set is small. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"

#define WATCHES		40

struct watch {
	int fd;
	bool (*wants)(void *ctx);
	void (*handle)(void *ctx);
	void *ctx;
};

static struct watch watches[WATCHES];
static unsigned int nr_watches;
static int wake_fd = -1;
static atomic_int end_status = -1;

int event_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		die_errno("cannot create an eventfd");
	return fd;
}

void event_signal(int fd)
{
	u64 one = 1;

	/* It fails only when the count is at its end, and then the event is there already. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void event_take(int fd)
{
	u64 count;

	/* It fails only when there is none. */
	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

void loop_add(int fd, bool (*wants)(void *ctx), void (*handle)(void *ctx), void *ctx)
{
	if (nr_watches == WATCHES)
		die("too many devices");
	watches[nr_watches++] = (struct watch){ fd, wants, handle, ctx };
}

void loop_remove(int fd)
{
	unsigned int i;

	for (i = 0; i < nr_watches; i++)
		if (watches[i].fd == fd)
			watches[i].fd = -1;
}

void loop_wake(void)
{
	event_signal(wake_fd);
}

void loop_end(int status)
{
	int running = -1;

	atomic_compare_exchange_strong(&end_status, &running, status);
	loop_wake();
}

static void woken(void *ctx)
{
	(void)ctx;
	event_take(wake_fd);
}

void loop_create(void)
{
	wake_fd = event_create();
	loop_add(wake_fd, NULL, woken, NULL);
}

int loop_run(void)
{
	struct pollfd fds[WATCHES];
	unsigned int i;

	while (atomic_load(&end_status) < 0) {
		for (i = 0; i < nr_watches; i++) {
			const struct watch *w = &watches[i];
			bool wanted = w->fd >= 0 && (!w->wants || w->wants(w->ctx));

			fds[i] = (struct pollfd){ .fd = wanted ? w->fd : -1, .events = POLLIN };
		}
		if (poll(fds, nr_watches, -1) < 0 && errno != EINTR)
			die_errno("cannot wait for events");
		for (i = 0; i < nr_watches; i++)
			if (fds[i].fd >= 0 && fds[i].revents && watches[i].fd >= 0)
				watches[i].handle(watches[i].ctx);
	}
	return atomic_load(&end_status);
}
