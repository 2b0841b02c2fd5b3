// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process costs while it does nothing in particular:
 *
 *	cputime PID SECONDS
 *
 * Prints the CPU time that all threads of PID took in that many seconds, in parts per ten
 * thousand of one CPU, and how often they were switched to.  The scheduler's own numbers
 * (sum_exec_runtime) are used: ticks miss what is shorter than they are.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct cost {
	unsigned long long ns, switches;
};

static struct cost cost_of(const char *pid)
{
	struct cost sum = { 0 };
	struct dirent *entry;
	char path[300];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		unsigned long long ns, waited, switches;
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%llu %llu %llu", &ns, &waited, &switches) == 3) {
			sum.ns += ns;
			sum.switches += switches;
		}
		fclose(f);
	}
	if (!tasks) {
		fprintf(stderr, "cputime: no process %s\n", pid);
		exit(1);
	}
	closedir(tasks);
	return sum;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct cost before, after;
	double began, took;

	if (argc != 3) {
		fprintf(stderr, "usage: cputime PID SECONDS\n");
		return 2;
	}
	began = now();
	before = cost_of(argv[1]);
	sleep(strtoul(argv[2], NULL, 0));
	after = cost_of(argv[1]);
	took = now() - began;
	printf("cputime: %.0f of 10000, %llu switches in %.1f s\n",
	       (after.ns - before.ns) / took / 1e5, after.switches - before.switches, took);
	return 0;
}
