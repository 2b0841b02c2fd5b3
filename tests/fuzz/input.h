/* SPDX-License-Identifier: GPL-2.0-only */
/* A fuzzer's input as a tape that choices are read from; behind its end are zeros. */
#ifndef BERTH_FUZZ_INPUT_H
#define BERTH_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *at, *end;
};

static inline bool more(const struct input *in)
{
	return in->at < in->end;
}

/* The next @bytes of it (up to 8) as a little-endian number. */
static inline unsigned long long take(struct input *in, unsigned int bytes)
{
	unsigned long long v = 0;
	unsigned int i;

	for (i = 0; i < bytes && more(in); i++)
		v |= (unsigned long long)*in->at++ << 8 * i;
	return v;
}

static inline unsigned int choose(struct input *in, unsigned int n)
{
	return take(in, 1) % n;
}

#endif
