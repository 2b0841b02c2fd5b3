// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network for one guest, 10.0.2.0/24, in a thread of its own: libslirp turns the guest's
 * connections into this process's. The host is 10.0.2.2 there, the guest gets 10.0.2.15 by DHCP.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "util.h"

#define FRAME_MAX	65536
#define POLLS		256
#define NO_TIME		-1

struct timer {
	SlirpTimerCb handle;
	void *arg;
	int64_t expires;	/* ms, or NO_TIME */
	struct timer *next;
};

/* All belongs to the thread. */
struct network {
	Slirp *slirp;
	int fd;			/* our end; the device has the other */
	struct timer *timers;
	struct pollfd poll[POLLS];
	unsigned int nr_polls;
};

static const struct {
	int slirp, poll;
} events[] = {
	{ SLIRP_POLL_IN, POLLIN }, { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

static ssize_t send_packet(const void *frame, size_t len, void *ctx)
{
	struct network *n = ctx;

	/* A guest that does not listen loses it, and TCP sends it again. */
	send(n->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return len;
}

static void guest_error(const char *text, void *ctx)
{
	(void)ctx;
	warn("network: %s", text);
}

static int64_t clock_get_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void *timer_new(SlirpTimerCb handle, void *arg, void *ctx)
{
	struct network *n = ctx;
	struct timer *t = allocate(sizeof(*t));

	*t = (struct timer){ handle, arg, NO_TIME, n->timers };
	n->timers = t;
	return t;
}

static void timer_free(void *timer, void *ctx)
{
	struct network *n = ctx;
	struct timer **at;

	for (at = &n->timers; *at && *at != timer; at = &(*at)->next)
		;
	if (*at)
		*at = (*at)->next;
	free(timer);
}

static void timer_mod(void *timer, int64_t expires, void *ctx)
{
	(void)ctx;
	((struct timer *)timer)->expires = expires;
}

/* poll() needs no registration, and the thread that would be woken is the caller. */
static void poll_fd(int fd, void *ctx)
{
	(void)fd;
	(void)ctx;
}

static void notify(void *ctx)
{
	(void)ctx;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd,
	.unregister_poll_fd = poll_fd,
	.notify = notify,
};

static int add_poll(int fd, int wanted, void *ctx)
{
	struct network *n = ctx;
	struct pollfd *p = &n->poll[n->nr_polls];
	unsigned int i;

	if (n->nr_polls == POLLS)
		return -1;
	*p = (struct pollfd){ .fd = fd };
	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (wanted & events[i].slirp)
			p->events |= events[i].poll;
	return n->nr_polls++;
}

static int get_revents(int index, void *ctx)
{
	struct network *n = ctx;
	unsigned int i;
	int got = 0;

	if (index < 0 || index >= (int)n->nr_polls)
		return 0;
	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (n->poll[index].revents & events[i].poll)
			got |= events[i].slirp;
	return got;
}

/* Calls what is due, returns the ms until the next, at most `most`. */
static int run_timers(struct network *n, u32 most)
{
	int64_t now = clock_get_ns(NULL) / 1000000;
	int64_t wait = most > INT32_MAX ? INT32_MAX : most;
	struct timer *t, *next;

	for (t = n->timers; t; t = next) {
		next = t->next;
		if (t->expires == NO_TIME)
			continue;
		if (t->expires > now) {
			if (t->expires - now < wait)
				wait = t->expires - now;
			continue;
		}
		t->expires = NO_TIME;
		t->handle(t->arg);
		wait = 0;
	}
	return wait;
}

static void *run(void *arg)
{
	struct network *n = arg;
	static u8 frame[FRAME_MAX];

	for (;;) {
		u32 timeout = UINT32_MAX;
		int ready;
		ssize_t len;

		n->nr_polls = 0;
		add_poll(n->fd, SLIRP_POLL_IN, n);
		slirp_pollfds_fill(n->slirp, &timeout, add_poll, n);
		ready = poll(n->poll, n->nr_polls, run_timers(n, timeout));
		slirp_pollfds_poll(n->slirp, ready < 0, get_revents, n);
		while ((len = recv(n->fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
			slirp_input(n->slirp, frame, len);
		if (!len)
			return NULL;
	}
}

static struct in_addr address(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

int net_user_open(void)
{
	const SlirpConfig config = {
		.version = 1,
		.in_enabled = true,
		.vnetwork = address("10.0.2.0"),
		.vnetmask = address("255.255.255.0"),
		.vhost = address("10.0.2.2"),
		.vnameserver = address("10.0.2.3"),
		.vdhcp_start = address("10.0.2.15"),
	};
	struct network *n = allocate(sizeof(*n));
	pthread_t thread;
	int ends[2];

	/* Sequenced packets: each message is one frame. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
		die_errno("cannot create the network");
	n->fd = ends[0];
	n->slirp = slirp_new(&config, &callbacks, n);
	if (!n->slirp)
		die("cannot create the network");
	errno = pthread_create(&thread, NULL, run, n);
	if (errno)
		die_errno("cannot start the network");
	return ends[1];
}
