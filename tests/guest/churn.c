// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps writing memory and verifies what it wrote, on all processors, until it is killed:
 * what a guest does while it is saved, restored and migrated.
 *
 *	churn [MEGABYTES]	of memory per processor
 *
 * A page that was left behind holds what it held a pass earlier, and its generation is told
 * by a table elsewhere.  Clocks may not go back, on no processor and from none to the next.
 * Each second a line "churn: pass N ..." goes out; a line with WRONG is a finding.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096
#define WORDS		(PAGE / sizeof(uint64_t))
#define NS		1000000000ULL
/* A message for each wrong word of a page that was lost would bury the rest. */
#define MAX_WRONG	20

struct worker {
	pthread_t thread;
	unsigned int cpu;
	size_t pages;
	uint64_t *memory;
	uint64_t *generation;	/* of each page */
	atomic_ullong passes;
};

static atomic_uint wrong;

static bool may_complain(void)
{
	return atomic_fetch_add(&wrong, 1) < MAX_WRONG;
}

/* Any function that is another for each argument. */
static uint64_t pattern(uint64_t cpu, uint64_t page, uint64_t word, uint64_t generation)
{
	uint64_t x = cpu << 56 ^ page << 32 ^ word << 16 ^ generation * 0x9e3779b97f4a7c15ULL;

	return x ^ x >> 29;
}

/* ---- clocks ---- */

struct clock {
	const char *name;
	clockid_t id;
	atomic_ullong last;
};

static struct clock clocks[] = {
	{ .name = "CLOCK_MONOTONIC", .id = CLOCK_MONOTONIC },
	{ .name = "CLOCK_BOOTTIME", .id = CLOCK_BOOTTIME },
	{ .name = "CLOCK_REALTIME", .id = CLOCK_REALTIME },
};

static uint64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

/* Every reading comes after one that was published before it began. */
static void check_clock(struct clock *c)
{
	unsigned long long last = atomic_load(&c->last);
	uint64_t time = now(c->id);

	if (time < last && may_complain())
		printf("churn: WRONG: %s went back by %llu ns\n", c->name,
		       (unsigned long long)(last - time));
	while (last < time && !atomic_compare_exchange_weak(&c->last, &last, time))
		;
}

static void check_clocks(void)
{
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		check_clock(&clocks[i]);
}

/* ---- memory ---- */

static void verify(const struct worker *w, size_t page)
{
	const uint64_t *at = w->memory + page * WORDS;

	for (size_t i = 0; i < WORDS; i++) {
		uint64_t expected = pattern(w->cpu, page, i, w->generation[page]);

		if (at[i] == expected)
			continue;
		if (may_complain())
			printf("churn: WRONG: cpu %u page %zu word %zu: %#llx, not %#llx\n", w->cpu,
			       page, i, (unsigned long long)at[i], (unsigned long long)expected);
		return;
	}
}

static void fill(struct worker *w, size_t page)
{
	uint64_t *at = w->memory + page * WORDS;
	uint64_t generation = ++w->generation[page];

	for (size_t i = 0; i < WORDS; i++)
		at[i] = pattern(w->cpu, page, i, generation);
}

static void *work(void *data)
{
	struct worker *w = data;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (size_t page = 0; page < w->pages; page++)
		fill(w, page);
	for (;;) {
		for (size_t page = 0; page < w->pages; page++) {
			verify(w, page);
			fill(w, page);
			if (!(page % 64))
				check_clocks();
		}
		atomic_fetch_add(&w->passes, 1);
	}
	return NULL;
}

static void *room(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("churn: mmap");
		exit(1);
	}
	return p;
}

int main(int argc, char **argv)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 0) : 8) << 20;
	struct worker *workers = room(cpus * sizeof(*workers));

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned int i = 0; i < cpus; i++) {
		struct worker *w = &workers[i];

		w->cpu = i;
		w->pages = size / PAGE;
		w->memory = room(size);
		w->generation = room(w->pages * sizeof(*w->generation));
		if (pthread_create(&w->thread, NULL, work, w)) {
			fprintf(stderr, "churn: no thread\n");
			return 1;
		}
	}
	for (;;) {
		unsigned long long least = -1ULL;

		sleep(1);
		for (unsigned int i = 0; i < cpus; i++) {
			unsigned long long passes = atomic_load(&workers[i].passes);

			least = passes < least ? passes : least;
		}
		printf("churn: pass %llu, up %llu.%03llu, wrong %u\n", least,
		       (unsigned long long)(now(CLOCK_MONOTONIC) / NS),
		       (unsigned long long)(now(CLOCK_MONOTONIC) / 1000000 % 1000),
		       atomic_load(&wrong));
	}
}
