// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives QEMU's monitor one command, and prints its answer.
 *
 *	qmp SOCKET 'savevm here'
 *
 * SOCKET is that of -qmp unix:SOCKET,server,nowait; the command is one for people
 * (human-monitor-command).  Exit status 1: QEMU knows no such command, or is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *monitor;

static void die(const char *what)
{
	fprintf(stderr, "qmp: %s\n", what);
	exit(1);
}

/* The next line that answers a command: neither greeting nor event. */
static char *answer(void)
{
	static char *line;
	static size_t size;

	while (getline(&line, &size, monitor) > 0) {
		if (!strncmp(line, "{\"return\"", 9))
			return line;
		if (!strncmp(line, "{\"error\"", 8))
			die(line);
	}
	die("the monitor is gone");
	return NULL;
}

static void print_string(const char *s)
{
	for (; *s && *s != '"'; s++) {
		if (*s != '\\') {
			putchar(*s);
			continue;
		}
		s++;
		if (*s == 'n')
			putchar('\n');
		else if (*s != 'r')
			putchar(*s);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *text;
	int fd;

	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path) || strpbrk(argv[2], "\"\\"))
		die("usage: qmp SOCKET COMMAND");
	strcpy(address.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("nobody listens");
	monitor = fdopen(fd, "r");
	dprintf(fd, "{\"execute\": \"qmp_capabilities\"}\n");
	answer();
	dprintf(fd, "{\"execute\": \"human-monitor-command\","
		"\"arguments\": {\"command-line\": \"%s\"}}\n", argv[2]);
	text = strchr(answer() + 9, '"');
	if (text)
		print_string(text + 1);
	return 0;
}
