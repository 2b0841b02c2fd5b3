// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints this machine's time-stamp counter's frequency in kHz.  QEMU's TCG gives its guests
 * this counter, and a guest that is interrupted while it measures it measures it wrong.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* A clock and a counter that belong together: the pair that took the least time to read. */
static void read_pair(uint64_t *ns, uint64_t *ticks)
{
	uint64_t least = UINT64_MAX;
	int i;

	for (i = 0; i < 1000; i++) {
		uint64_t before = __rdtsc(), t = now(), after = __rdtsc();

		if (after - before >= least)
			continue;
		least = after - before;
		*ns = t;
		*ticks = before + least / 2;
	}
}

int main(void)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	uint64_t ns[2], ticks[2];

	read_pair(&ns[0], &ticks[0]);
	nanosleep(&pause, NULL);
	read_pair(&ns[1], &ticks[1]);
	printf("%.0f\n", (ticks[1] - ticks[0]) * 1e6 / (ns[1] - ns[0]));
	return 0;
}
