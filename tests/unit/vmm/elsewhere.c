// SPDX-License-Identifier: GPL-2.0-only
/* What the VMM's files under test call elsewhere, as far as it is the same for all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "loop.h"
#include "util.h"

/* What is said of a bad guest is no news. */
void warn(const char *format, ...)
{
	(void)format;
}

void die(const char *format, ...)
{
	puts(format);
	exit(1);
}

void die_errno(const char *format, ...)
{
	die("%s", format);
}

void *allocate(size_t size)
{
	return calloc(1, size);
}

void loop_wake(void)
{
}
