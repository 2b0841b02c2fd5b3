// SPDX-License-Identifier: GPL-2.0-only
/*
 * A serial line for a host that has none: `line NAME TAPE CONSOLE` makes NAME, a terminal, and goes
 * to the background. What is written to the terminal becomes blocks of the tape, which is a file
 * of the emulator that the runner reads; what is typed comes as lines of hexadecimal digits over
 * the console.  SIGTERM: when all that was written is on the tape, NAME goes, and so does it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define KEYS	'K'	/* begins a line of what was typed */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int must(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static int terminal(const char *name)
{
	int master = must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");

	must(grantpt(master), "grantpt");
	must(unlockpt(master), "unlockpt");
	unlink(name);
	must(symlink(ptsname(master), name), name);
	must(fcntl(master, F_SETFL, O_NONBLOCK), "master");
	return master;
}

/* Puts what waits on the terminal on the tape.  False when nothing waited. */
static int to_tape(int master, int tape)
{
	char block[32768];
	ssize_t n, have = 0;

	/* A block is a start and an end of I/O: not one for each line. */
	while (have < (ssize_t)sizeof(block)) {
		n = read(master, block + have, sizeof(block) - have);
		if (n <= 0)
			break;
		have += n;
	}
	if (have && write(tape, block, have) != have)
		die("tape");
	return have != 0;
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? at - digits : -1;
}

static void from_console(int console, int master)
{
	char line[256], keys[sizeof(line)];
	ssize_t n = read(console, line, sizeof(line) - 1);
	int have = 0;

	if (n <= 0 || (line[0] | 0x20) != (KEYS | 0x20))
		return;
	for (int i = 1; i + 1 < n && digit(line[i]) >= 0 && digit(line[i + 1]) >= 0; i += 2)
		keys[have++] = digit(line[i]) << 4 | digit(line[i + 1]);
	if (have && write(master, keys, have) < 0)
		perror("keys");
}

int main(int argc, char **argv)
{
	int master, tape, console, term;
	struct pollfd fds[3];
	struct termios t;
	sigset_t set;

	if (argc != 4) {
		fprintf(stderr, "usage: %s NAME TAPE CONSOLE\n", argv[0]);
		return 2;
	}
	tape = must(open(argv[2], O_WRONLY | O_CLOEXEC), argv[2]);
	console = must(open(argv[3], O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), argv[3]);
	if (!tcgetattr(console, &t)) {
		t.c_lflag &= ~(ECHO | ISIG);
		tcsetattr(console, TCSANOW, &t);
	}
	master = terminal(argv[1]);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	must(daemon(0, 1), "daemon");
	term = must(signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
	fds[0] = (struct pollfd){ .fd = master, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = console, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = term, .events = POLLIN };
	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents)
			from_console(console, master);
		if (!to_tape(master, tape)) {
			if (fds[2].revents)
				break;
			/* Nobody has the terminal open: it is ready with nothing to read. */
			if (fds[0].revents & POLLHUP)
				usleep(20000);
		}
	}
	/* A tape that was written to waits, when closed, for its end. */
	close(tape);
	unlink(argv[1]);
	return 0;
}
