// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the processors of a guest must agree on, all of them at work at once:
 *
 *	smp [PAGES]	to replace
 *
 * Time: no clock and no TSC goes back from one processor to the next.  Translations: once a
 * page was replaced, no processor reads the old one (remote TLB flush).  Prints what it
 * found, and "smp: all well"; its exit status says the same.
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

#ifdef __x86_64__
#include <x86intrin.h>
#endif

#define PAGE	4096
#define NS	1000000000ULL

static atomic_ullong last_clock, last_tsc, replaced;
static atomic_uint wrong;
static atomic_bool over;
static volatile uint64_t *window;
static unsigned int processors;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

static uint64_t tsc(void)
{
#ifdef __x86_64__
	unsigned int cpu;
	uint64_t value;

	_mm_lfence();
	value = __rdtscp(&cpu);
	_mm_lfence();
	return value;
#else
	return now();
#endif
}

static void complain(const char *what, unsigned int cpu, uint64_t seen, uint64_t expected)
{
	if (atomic_fetch_add(&wrong, 1) < 20)
		printf("smp: WRONG: %s on cpu %u: %llu after %llu\n", what, cpu,
		       (unsigned long long)seen, (unsigned long long)expected);
}

static void check_time(atomic_ullong *last, uint64_t (*read)(void), const char *what, unsigned int cpu)
{
	unsigned long long before = atomic_load(last);
	uint64_t time = read();

	if (time < before)
		complain(what, cpu, time, before);
	while (before < time && !atomic_compare_exchange_weak(last, &before, time))
		;
}

struct worker {
	pthread_t thread;
	unsigned int cpu;
	unsigned long long turns;
};

static void *work(void *data)
{
	struct worker *w = data;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		complain("no such processor", w->cpu, 0, 0);
	while (!atomic_load(&over)) {
		unsigned long long least = atomic_load(&replaced);
		uint64_t seen = *window;

		if (seen < least)
			complain("a page that is gone was read", w->cpu, seen, least);
		check_time(&last_tsc, tsc, "TSC", w->cpu);
		check_time(&last_clock, now, "clock", w->cpu);
		w->turns++;
		/* There may be fewer processors in truth: together they wake 500 times a second. */
		if (!(w->turns % 64))
			usleep(processors * 2000);
	}
	return NULL;
}

/* A page with @value, put where the window is. */
static void replace(uint64_t value)
{
	uint64_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		perror("smp: mmap");
		exit(1);
	}
	*page = value;
	if (!window)
		window = page;
	else if (mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)window) !=
		 (void *)window) {
		perror("smp: mremap");
		exit(1);
	}
	atomic_store(&replaced, value);
}

int main(int argc, char **argv)
{
	uint64_t pages = argc > 1 ? strtoul(argv[1], NULL, 0) : 200;
	unsigned long long least = -1ULL;
	struct worker *workers;
	uint64_t value = 0;

	processors = sysconf(_SC_NPROCESSORS_ONLN);
	workers = calloc(processors, sizeof(*workers));
	replace(++value);
	for (unsigned int i = 0; i < processors; i++) {
		workers[i].cpu = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
			fprintf(stderr, "smp: no thread\n");
			return 1;
		}
	}
	while (value < pages)
		replace(++value);
	atomic_store(&over, true);
	for (unsigned int i = 0; i < processors; i++) {
		pthread_join(workers[i].thread, NULL);
		least = workers[i].turns < least ? workers[i].turns : least;
	}
	printf("smp: %u processors, %llu turns on the slowest, %llu pages replaced\n", processors, least,
	       (unsigned long long)value);
	if (!least)
		complain("a processor did nothing", 0, 0, 0);
	if (atomic_load(&wrong))
		return 1;
	printf("smp: all well\n");
	return 0;
}
