// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads of random calls on a few VMs, for a set time: what is right and what is not, while guests run, memory is remapped,
 * signals arrive and fds are closed. It looks for what a kernel says of itself (lockdep, KASAN, leaks, stalls), not at
 * results. A round is a process of its own, which ends by itself or is killed; one that does neither is a failure.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "stress.h"
#include "outcome.h"

#define ROUND_SECONDS	3
#define END_SECONDS	120	/* on a slow emulated machine, with eight threads in its kernel */

struct counts *counts;

uint64_t random64(struct worker *w)
{
	/* xorshift64* */
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dULL;
}

uint64_t odd_number(struct worker *w)
{
	uint64_t n = 1ULL << below(w, 64);

	switch (below(w, 5)) {
	case 0:
		return n;
	case 1:
		return n - 1;
	case 2:
		return -n;
	case 3:
		return below(w, 256);
	default:
		return random64(w);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void turn(struct worker *w)
{
	struct world *world = w->world;
	unsigned int dice = below(w, 100);
	pthread_t other;

	if (dice < 45)
		random_call(w);
	else if (dice < 65)
		random_run(w);
	else if (dice < 75)
		random_slot(w);
	else if (dice < 83)
		random_mapping(w);
	else if (dice < 87)
		random_log(w);
	else if (dice < 93)
		scribble(w);
	else if (dice < 94)
		fork_and_use(w);
	else {
		other = atomic_load(&world->threads[below(w, world->nr_threads)]);
		if (other)
			pthread_kill(other, SIGUSR1);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&w->world->stop))
		turn(w);
	return NULL;
}

/* Brings threads back from guests that go on for ever, and from waits for their vCPUs. */
static void tick(struct world *world)
{
	struct timespec pause = { .tv_nsec = 2000000 };

	for (unsigned int i = 0; i < world->nr_threads; i++)
		pthread_kill(atomic_load(&world->threads[i]), SIGUSR1);
	nanosleep(&pause, NULL);
}

static void make_world(struct world *world, struct worker *w)
{
	world->nr_vms = 1 + below(w, MAX_VMS);
	world->arena = alloc_pages(ARENA_PAGES * page_size());
	for (unsigned int i = 0; i < NR_FDS; i++)
		atomic_store(&world->fds[i].fd, -1);
	for (unsigned int i = 0; i < world->nr_vms; i++) {
		struct vm *vm = world->vms[i] = vm_new();

		for (unsigned int n = 1 + below(w, MAX_VCPUS); n; n--) {
			struct vcpu *vcpu = vcpu_new(vm, n - 1);

			world->vcpus[world->nr_vcpus++] = vcpu;
			publish(w, dup(vcpu->fd), SCOPE_VCPU);
			arch_start(vcpu, GUEST_SPIN, TEST_GPA + 64 * n, 0, 0);
		}
		publish(w, dup(vm->fd), SCOPE_VM);
		expect_ok(set_slot(vm, 1, 0, TEST_GPA, 64 * page_size(), world->arena));
		expect_ok(set_slot(vm, 2, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA2, 64 * page_size(), world->arena));
	}
}

static void start_worker(struct worker *w, struct world *world, uint64_t seed, unsigned int round, unsigned int number)
{
	uint8_t *p = alloc_pages(SCRATCH + page_size());

	w->world = world;
	w->number = number;
	w->random = (seed + 1) * 0x9e3779b97f4a7c15ULL + round * 0xbf58476d1ce4e5b9ULL + number * 0x94d049bb133111ebULL;
	w->random |= 1;
	expect_eq(munmap(p + SCRATCH, page_size()), 0);
	w->scratch = p;
	w->bitmap = alloc_pages(MAX_SLOT / page_size() / 8 + page_size());
}

static void round_process(uint64_t seed, unsigned int round, unsigned int threads)
{
	struct rlimit files = { 256, 256 };
	static struct world world;
	static struct worker workers[MAX_THREADS + 1];
	double end = now() + ROUND_SECONDS;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	catch_sigusr1();
	start_worker(&workers[threads], &world, seed, round, threads);
	make_world(&world, &workers[threads]);
	world.nr_threads = threads;
	for (unsigned int i = 0; i < threads; i++) {
		start_worker(&workers[i], &world, seed, round, i);
		expect_eq(pthread_create(&thread, NULL, work, &workers[i]), 0);
		atomic_store(&world.threads[i], thread);
	}
	while (now() < end)
		tick(&world);
	atomic_store(&world.stop, 1);
	/* Those whose fd somebody reads from forever would not come back: the process ends with them. */
	for (int i = 0; i < 50; i++)
		tick(&world);
	_exit(0);
}

/* Every second round is killed in the middle. False when it does not go away. */
static bool one_round(uint64_t seed, unsigned int round, unsigned int threads)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	double begin = now(), kill_at = round % 2 ? begin + 0.3 + (round * 7 % 20) / 10.0 : begin + END_SECONDS / 2;
	pid_t pid = fork();
	int status;

	if (pid < 0) {
		note("fork: %s", strerror(errno));
		return false;
	}
	if (!pid)
		round_process(seed, round, threads);
	setpgid(pid, pid);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now() > kill_at) {
			kill(-pid, SIGKILL);
			kill_at = begin + 2 * END_SECONDS;
			atomic_fetch_add(&counts->killed, 1);
		}
		if (now() > begin + END_SECONDS)
			return false;
		nanosleep(&pause, NULL);
	}
	/* Its own children. */
	kill(-pid, SIGKILL);
	atomic_fetch_add(&counts->rounds, 1);
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		note("round %u ended with status %d", round, WEXITSTATUS(status));
		return false;
	}
	return true;
}

static void report(unsigned int n, bool ok, const char *name)
{
	printf("%sok %u %s\n", ok ? "" : "not ", n, name);
}

int main(int argc, char **argv)
{
	unsigned int seconds = 30, threads = 8, round = 0;
	struct outcome quiet = { 0 };
	uint64_t seed = 1;
	bool ended = true, called, ran;
	double end;

	for (int i = 1; i + 1 < argc; i += 2) {
		unsigned long value = strtoul(argv[i + 1], NULL, 0);

		if (!strcmp(argv[i], "--seconds"))
			seconds = value;
		else if (!strcmp(argv[i], "--threads"))
			threads = value < 1 ? 1 : value > MAX_THREADS ? MAX_THREADS : value;
		else if (!strcmp(argv[i], "--seed"))
			seed = value;
		else if (!strcmp(argv[i], "--round"))
			round = value;	/* to begin with */
		else
			argc = 0;
	}
	if (!(argc % 2)) {
		fprintf(stderr, "usage: %s [--seconds N] [--threads N] [--seed N] [--round N]\n", argv[0]);
		return 2;
	}
	outcome = &quiet;
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("KTAP version 1\n1..3\n");
	fflush(stdout);
	for (end = now() + seconds; ended && now() < end; round++)
		ended = one_round(seed, round, threads);
	called = counts->succeeded > 100 && counts->calls - counts->succeeded > 100;
	ran = counts->exits > 100 && counts->done > 10;
	note("seed %llu, %lu rounds (%lu killed), %lu calls (%lu succeeded), %lu runs (%lu exits, %lu routines done)",
	     (unsigned long long)seed, counts->rounds, counts->killed, counts->calls, counts->succeeded, counts->runs,
	     counts->exits, counts->done);
	report(1, ended, "every_round_ends");
	report(2, called, "calls_succeed_and_fail");
	report(3, ran, "guests_run");
	return !(ended && called && ran);
}
