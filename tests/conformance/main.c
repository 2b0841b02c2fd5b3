// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conformance suite's runner: one forked process per test with a time-out, so that a crash or a hang is one failure;
 * KTAP version 1 on stdout. Exit status 0 when nothing failed, 1 when something did, 2 for a wrong command line.
 */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "outcome.h"
#include "arch/arch.h"

#define DEFAULT_TIMEOUT 60	/* seconds; tests take well under one, an emulated and loaded host may stretch that */

extern const struct test __start_conformance_tests[], __stop_conformance_tests[];

static volatile sig_atomic_t timed_out;
static volatile pid_t child;
static unsigned int timeout = DEFAULT_TIMEOUT;

/* What --exclude names. */
static struct exclusion {
	char name[96], reason[sizeof(((struct outcome *)0)->skip)];
} *exclusions;
static unsigned int nr_exclusions;

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
	kill(-child, SIGKILL);
}

static bool selected(const struct test *t, char **globs)
{
	if (!*globs)
		return true;
	for (; *globs; globs++) {
		if (!fnmatch(*globs, t->name, 0))
			return true;
	}
	return false;
}

/*
 * A line is NAME and why this machine cannot run it; # begins a comment. A name that no test has is an error: it would
 * exclude nothing.
 */
static int read_exclusions(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[256];
	int r = 0;

	if (!f) {
		perror(path);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		const struct test *t = __start_conformance_tests;
		struct exclusion e = { };

		line[strcspn(line, "#\n")] = 0;
		if (sscanf(line, "%95s %127[^\n]", e.name, e.reason) < 1)
			continue;
		while (t < __stop_conformance_tests && strcmp(t->name, e.name))
			t++;
		if (t == __stop_conformance_tests || !*e.reason) {
			fprintf(stderr, "%s: %s is %s\n", path, e.name, *e.reason ? "no test" : "without a reason");
			r = -1;
		}
		exclusions = realloc(exclusions, (nr_exclusions + 1) * sizeof(e));
		exclusions[nr_exclusions++] = e;
	}
	fclose(f);
	return r;
}

/* Why the test is not to be run, or NULL. */
static const char *excluded(const struct test *t)
{
	for (unsigned int i = 0; i < nr_exclusions; i++) {
		if (!strcmp(exclusions[i].name, t->name))
			return exclusions[i].reason;
	}
	return NULL;
}

/* The first capability that is missing, or NULL. Asked of a VM: some capabilities depend on it. */
static const char *missing_cap(const struct test *t)
{
	if (!t->needs[0].name)
		return NULL;
	for (unsigned int i = 0; i < MAX_NEEDS && t->needs[i].name; i++) {
		if (cap(t->needs[i].cap) <= 0 && vm_cap(vm_new_bare(), t->needs[i].cap) <= 0)
			return t->needs[i].name;
	}
	return NULL;
}

static void __attribute__((noreturn)) test_process(const struct test *t, pid_t parent)
{
	const char *missing;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(VERDICT_NONE);
	missing = missing_cap(t);
	if (missing)
		skip_test(missing);
	atomic_store(&outcome->assertions, 0);
	t->fn();
	fflush(stdout);
	outcome->verdict = VERDICT_PASS;
	_exit(VERDICT_PASS);
}

static enum verdict run_test(const struct test *t)
{
	struct outcome zero = { .verdict = VERDICT_NONE };
	pid_t parent = getpid();
	int status;

	memcpy(outcome, &zero, sizeof(zero));
	timed_out = 0;
	fflush(stdout);
	child = fork();
	if (child < 0) {
		note("fork: %s", strerror(errno));
		return VERDICT_FAIL;
	}
	if (!child)
		test_process(t, parent);
	setpgid(child, child);
	alarm(timeout);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	alarm(0);
	kill(-child, SIGKILL);

	if (timed_out) {
		note("expected an end within %u s, seen none", timeout);
		return VERDICT_FAIL;
	}
	if (WIFSIGNALED(status)) {
		note("expected a return, seen death by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
		return VERDICT_FAIL;
	}
	if (WEXITSTATUS(status) != (int)outcome->verdict) {
		note("expected a verdict, seen exit status %d", WEXITSTATUS(status));
		return VERDICT_FAIL;
	}
	if (outcome->verdict == VERDICT_PASS && !atomic_load(&outcome->assertions)) {
		note("expected at least one assertion, seen none");
		return VERDICT_FAIL;
	}
	return outcome->verdict;
}

static uint64_t milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static int usage(const char *me)
{
	fprintf(stderr, "usage: %s [--list] [--verbose] [--timeout SECONDS] [--exclude FILE] [--interruptible] [GLOB...]\n"
		"--exclude FILE    skip what it names; its lines are NAME REASON\n"
		"--interruptible   guests begin with interrupts enabled, where the architecture's tests leave the choice\n", me);
	return 2;
}

static void list_tests(char **globs)
{
	for (const struct test *t = __start_conformance_tests; t < __stop_conformance_tests; t++) {
		if (!selected(t, globs))
			continue;
		printf("%s", t->name);
		for (unsigned int i = 0; i < MAX_NEEDS && t->needs[i].name; i++)
			printf(" %s", t->needs[i].name);
		putchar('\n');
	}
}

/* In a process that was made by exec: what an fd from before gives there. */
static int use_fds_after_exec(int vm, int vcpu)
{
	struct kvm_mp_state state;
	bool same = kvm_ioctl(vm, KVM_CREATE_VCPU, 1L) == -EIO && kvm_ioctl(vcpu, KVM_RUN, 0L) == -EIO &&
		    kvm_ioctl(vcpu, KVM_GET_MP_STATE, &state) == -EIO &&
		    kvm_ioctl(vm, KVM_CHECK_EXTENSION, (long)KVM_CAP_USER_MEMORY) == -EIO;

	return same ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned int n = 0, planned = 0, failed = 0, skipped = 0;
	struct sigaction sa = { .sa_handler = on_alarm };
	const struct test *t;
	bool list = false;
	int i;

	if (argc == 4 && !strcmp(argv[1], USE_FDS))
		return use_fds_after_exec(atoi(argv[2]), atoi(argv[3]));
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--list"))
			list = true;
		else if (!strcmp(argv[i], "--verbose"))
			verbose = true;
		else if (!strcmp(argv[i], "--timeout") && i + 1 < argc)
			timeout = strtoul(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--interruptible"))
			interruptible = true;
		else if (!strcmp(argv[i], "--exclude") && i + 1 < argc) {
			if (read_exclusions(argv[++i]))
				return 2;
		}
		else
			return usage(argv[0]);
	}
	argv += i;
	if (list) {
		list_tests(argv);
		return 0;
	}

	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	sigaction(SIGALRM, &sa, NULL);
	for (t = __start_conformance_tests; t < __stop_conformance_tests; t++)
		planned += selected(t, argv);
	if (!planned) {
		fprintf(stderr, "no test of that name; --list shows them\n");
		return 2;
	}

	printf("KTAP version 1\n1..%u\n", planned);
	for (t = __start_conformance_tests; t < __stop_conformance_tests; t++) {
		enum verdict verdict;
		const char *why;
		uint64_t start;

		if (!selected(t, argv))
			continue;
		why = excluded(t);
		if (why) {
			n++;
			skipped++;
			printf("ok %u %s # SKIP excluded: %s\n", n, t->name, why);
			continue;
		}
		if (verbose)
			note("%s (%s)", t->name, t->file);
		start = milliseconds();
		verdict = run_test(t);
		trace("took %llu ms", (unsigned long long)(milliseconds() - start));
		n++;
		if (verdict == VERDICT_SKIP) {
			skipped++;
			printf("ok %u %s # SKIP needs %s\n", n, t->name, outcome->skip);
		} else if (verdict == VERDICT_PASS) {
			printf("ok %u %s\n", n, t->name);
		} else {
			failed++;
			printf("not ok %u %s\n", n, t->name);
		}
	}
	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n", planned - failed - skipped, failed, skipped);
	printf("# architecture %s\n", arch_name);
	return failed ? 1 : 0;
}
