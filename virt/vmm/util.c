// SPDX-License-Identifier: GPL-2.0-only
/* How errors are told, and memory that is there. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* One write per message, so that those of several threads do not mix. */
static void say(const char *format, va_list args, const char *end)
{
	char text[1024];
	int len = vsnprintf(text, sizeof(text), format, args);

	if (len >= 0)
		fprintf(stderr, "berth: %s%s\n", text, end);
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "");
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "");
	va_end(args);
	exit(STATUS_FAILED);
}

void die_errno(const char *format, ...)
{
	char reason[128];
	va_list args;

	snprintf(reason, sizeof(reason), ": %s", strerror(errno));
	va_start(args, format);
	say(format, args, reason);
	va_end(args);
	exit(STATUS_FAILED);
}

void usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, " (berth --help tells more)");
	va_end(args);
	exit(STATUS_USAGE);
}

void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		die("out of memory");
	return memory;
}
