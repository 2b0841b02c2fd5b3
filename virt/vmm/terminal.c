// SPDX-License-Identifier: GPL-2.0-only
/* The terminal in raw mode, with Ctrl-a as the escape key; or a pipe or file, passed as it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "loop.h"
#include "terminal.h"

#define ESCAPE		('a' & 0x1f)

static const char escapes[] =
	"\r\nCtrl-a x  ends the machine\r\nCtrl-a b  sends a break\r\n"
	"Ctrl-a a  sends Ctrl-a\r\nCtrl-a h  lists these\r\n";

static const struct terminal_sink *sink;
static struct termios saved;
static bool raw, escaped;

static void restore(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

void terminal_write(const void *data, size_t len)
{
	const u8 *from = data;

	while (len) {
		ssize_t done = write(STDOUT_FILENO, from, len);

		if (done < 0 && errno != EINTR)
			return;	/* nobody reads it any more: the guest runs on */
		if (done > 0) {
			from += done;
			len -= done;
		}
	}
}

bool terminal_size(u16 *columns, u16 *rows)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		return false;
	*columns = size.ws_col;
	*rows = size.ws_row;
	return true;
}

/* The key after the escape key; true when it is one for the guest. */
static bool escape_key(u8 key)
{
	switch (key) {
	case ESCAPE:
	case 'a':
		return true;
	case 'x':
		loop_end(STATUS_OK);
		return false;
	case 'b':
		if (sink->send_break)
			sink->send_break(sink->ctx);
		return false;
	default:
		terminal_write(escapes, strlen(escapes));
		return false;
	}
}

static bool wants(void *ctx)
{
	(void)ctx;
	return sink->room(sink->ctx) > 0;
}

static void readable(void *ctx)
{
	u8 in[64], out[64];
	size_t room = sink->room(sink->ctx), len = 0;
	ssize_t got, i;

	(void)ctx;
	got = read(STDIN_FILENO, in, room < sizeof(in) ? room : sizeof(in));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		loop_remove(STDIN_FILENO);
		return;
	}
	for (i = 0; i < got; i++) {
		if (escaped) {
			escaped = false;
			if (escape_key(in[i]))
				out[len++] = ESCAPE;
		} else if (raw && in[i] == ESCAPE) {
			escaped = true;
		} else {
			out[len++] = in[i];
		}
	}
	if (len)
		sink->input(sink->ctx, out, len);
}

void terminal_connect(const struct terminal_sink *s)
{
	sink = s;
	if (!tcgetattr(STDIN_FILENO, &saved)) {
		struct termios mode = saved;

		cfmakeraw(&mode);
		/* Messages of this program have no carriage return. */
		mode.c_oflag |= OPOST;
		raw = true;
		atexit(restore);
		tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	}
	loop_add(STDIN_FILENO, wants, readable, NULL);
}
