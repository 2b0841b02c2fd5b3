// SPDX-License-Identifier: GPL-2.0-only
/* VMs that come and go, in order or by SIGKILL, leave nothing behind; a module that is in use stays. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "memory.h"

#define MAX_CACHES 512
#define SETTLED 32	/* objects or pages by which an idle host's memory goes up and down */
#define DEADLINE 120	/* seconds, for the kernel to free what it frees later */

struct cache {
	char name[48];
	uint64_t objects;
};

struct kernel_memory {
	struct cache cache[MAX_CACHES];
	unsigned int ncaches;
	uint64_t objects;	/* of all caches */
	uint64_t pages;		/* that the kernel holds outside of slab, user memory and page cache */
};

/* Slabs that processors keep for themselves count as used: give them back. */
static void shrink_slabs(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *d;
	char path[300];

	if (!dir)
		skip_test("/sys/kernel/slab");
	while ((d = readdir(dir))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", d->d_name);
		file_write(path, "1\n");
	}
	closedir(dir);
}

static uint64_t held_pages(void)
{
	static const char *const known[] = {
		"MemFree:", "Buffers:", "Cached:", "SwapCached:", "AnonPages:", "SReclaimable:", "SUnreclaim:",
	};
	uint64_t kb = file_field("/proc/meminfo", "MemTotal:");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		kb -= file_field("/proc/meminfo", known[i]);
	return kb / (P / 1024);
}

static void read_kernel_memory(struct kernel_memory *m)
{
	char line[512];
	FILE *f;

	/* Callbacks of a grace period, then pages and counts that are kept per processor. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	shrink_slabs();
	file_write("/proc/sys/vm/compact_memory", "1\n");
	file_write("/proc/sys/vm/stat_refresh", "1\n");

	memset(m, 0, sizeof(*m));
	m->pages = held_pages();
	f = fopen("/proc/slabinfo", "r");
	if (!f)
		skip_test("/proc/slabinfo");
	while (fgets(line, sizeof(line), f)) {
		struct cache *c = &m->cache[m->ncaches];
		unsigned long long active;

		if (line[0] == '#' || sscanf(line, "%47s %llu", c->name, &active) != 2)
			continue;
		c->objects = active;
		m->objects += active;
		expect(++m->ncaches < MAX_CACHES);
	}
	fclose(f);
	expect(m->ncaches);
}

/* Read until nothing more is being freed. */
struct kernel_memory *kernel_memory(void)
{
	struct kernel_memory *m = malloc(sizeof(*m));
	uint64_t objects = UINT64_MAX, pages = UINT64_MAX;

	for (;;) {
		read_kernel_memory(m);
		if (m->objects + SETTLED >= objects && m->pages + SETTLED >= pages)
			return m;
		objects = m->objects;
		pages = m->pages;
	}
}

static const struct cache *find_cache(const struct kernel_memory *m, const char *name)
{
	for (unsigned int i = 0; i < m->ncaches; i++) {
		if (!strcmp(m->cache[i].name, name))
			return &m->cache[i];
	}
	return NULL;
}

/* The cache that grew most; NULL: the pages did. */
static const struct cache *most_grown(const struct kernel_memory *before, const struct kernel_memory *now, int64_t *by)
{
	const struct cache *most = NULL;

	*by = now->pages - before->pages;
	for (unsigned int i = 0; i < now->ncaches; i++) {
		const struct cache *old = find_cache(before, now->cache[i].name);
		int64_t grown = now->cache[i].objects - (old ? old->objects : 0);

		if (grown > *by) {
			*by = grown;
			most = &now->cache[i];
		}
	}
	return most;
}

void expect_no_growth(const struct kernel_memory *before, unsigned int limit)
{
	struct kernel_memory *now = malloc(sizeof(*now));
	time_t start = time(NULL);
	const struct cache *most;
	int64_t by;

	do {
		read_kernel_memory(now);
		most = most_grown(before, now, &by);
	} while (by >= (int64_t)limit && time(NULL) - start < DEADLINE);
	trace("most growth: %lld of %s", (long long)by, most ? most->name : "pages");
	if (by >= (int64_t)limit)
		fail_test("expected less than %u %s more, seen %lld more", limit, most ? most->name : "pages of the kernel",
			  (long long)by);
	expect(true);
	free(now);
}

/* The module whose count the hypervisor's files hold. */
static const char *module_name(void)
{
	static const char *const names[] = { "berth", "kvm_amd", "kvm_intel", "kvm_hv" };
	char path[80];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s/refcnt", names[i]);
		if (!access(path, R_OK))
			return names[i];
	}
	skip_test("a hypervisor that is a module");
}

static uint64_t module_uses(void)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module_name());
	return file_number(path);
}

static bool module_uses_are(void *arg)
{
	return module_uses() == *(uint64_t *)arg;
}

#define NVMS 1000
#define WARM_UP 100

/*
 * Two short rounds fill what the kernel keeps for the next VM. A leak of one object or page per VM would then be NVMS of
 * them: half of that is far above what an idle host does by itself.
 */
TEST(thousand_vms_leave_nothing)
{
	struct kernel_memory *before = NULL;
	uint64_t uses;

	kvm_fd();
	uses = module_uses();
	for (int round = 0; round < 3; round++) {
		if (round == 2)
			before = kernel_memory();
		for (unsigned int n = 0; n < (round == 2 ? NVMS : WARM_UP); n++)
			one_vm(n);
	}
	expect_no_growth(before, NVMS / 2);
	expect_eq(module_uses(), uses);
}

/* Many at one time, so that their numbers, too, go up and come down. */
TEST(hundred_vms_at_a_time_leave_nothing)
{
	enum { N = 100 };
	static struct vm *vm[N];
	static struct vcpu *vcpu[N];
	struct kernel_memory *before = NULL;

	for (int round = 0; round < 3; round++) {
		if (round == 2)
			before = kernel_memory();
		for (int i = 0; i < N; i++) {
			vm[i] = vm_new();
			vcpu[i] = vcpu_new(vm[i], 0);
			expect_eq(guest_load(vcpu[i], arch_code_gpa, 1) <= 0xff, 1);
		}
		for (int i = 0; i < N; i++) {
			int at = i * 37 % N;

			vm_free(vm[at]);
			vcpu_free(vcpu[at]);
		}
	}
	expect_no_growth(before, N / 2);
}

#define KILLS 50

static void *spin(void *arg)
{
	vcpu_run(arg);
	return NULL;
}

/* Two running vCPUs, and slots and memory that come and go, until killed. */
static void __attribute__((noreturn)) victim(_Atomic int *started)
{
	struct vm *vm = vm_new();
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, 64 * P);
	pthread_t thread;

	for (unsigned int i = 0; i < 2; i++) {
		struct vcpu *vcpu = vcpu_new(vm, i);

		arch_start(vcpu, GUEST_SPIN, TEST_GPA + i * P, 0, 0);
		expect_eq(pthread_create(&thread, NULL, spin, vcpu), 0);
	}
	for (unsigned int i = 0; i < 2; i++)
		wait_change((uint64_t *)(mem + i * P), 0);
	atomic_store(started, 1);
	for (;;) {
		void *other = add_slot(vm, 2, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA2, 16 * P);

		madvise(mem, 64 * P, MADV_DONTNEED);
		memset(mem + 2 * P, 1, 62 * P);
		vm_free(vm_new_bare());
		set_slot(vm, 2, 0, 0, 0, NULL);
		munmap(other, 16 * P);
	}
}

static void kill_victims(void)
{
	_Atomic int *started = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < KILLS; i++) {
		int status;
		pid_t pid;

		atomic_store(started, 0);
		fflush(stdout);
		pid = fork();
		expect(pid >= 0);
		if (!pid)
			victim(started);
		/* One in five while it sets its VM up, the others somewhere in what they do. */
		for (int turn = 0; i % 5 ? !atomic_load(started) : turn < i; turn++) {
			expect_eq(waitpid(pid, &status, WNOHANG), 0);
			sched_yield();
		}
		for (int turn = 0; turn < i; turn++)
			sched_yield();
		expect_eq(kill(pid, SIGKILL), 0);
		expect_eq(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail_test("expected death by SIGKILL, seen wait status %#x", status);
	}
	munmap(started, P);
}

TEST(killed_processes_leave_nothing)
{
	struct kernel_memory *before;
	uint64_t uses = module_uses();

	kill_victims();
	wait_until(module_uses_are, &uses, "no file of a dead process uses the module");
	before = kernel_memory();
	kill_victims();
	wait_until(module_uses_are, &uses, "no file of a dead process uses the module");
	expect_no_growth(before, KILLS);
}

static int remove_module(void)
{
	return syscall(SYS_delete_module, module_name(), O_NONBLOCK) ? -errno : 0;
}

/* Which file is the last must not matter: the name is what rmmod(8) would be told. */
TEST(open_files_keep_the_module)
{
	int kvm = expect_ok(open_kvm()), vm, vcpu, stats, other = -1;
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };

	expect_ret(remove_module(), -EWOULDBLOCK);
	vm = expect_ok(kvm_ioctl(kvm, KVM_CREATE_VM, 0L));
	close(kvm);
	expect_ret(remove_module(), -EWOULDBLOCK);
	stats = expect_ok(kvm_ioctl(vm, KVM_GET_STATS_FD, 0L));
	vcpu = expect_ok(kvm_ioctl(vm, KVM_CREATE_VCPU, 0L));
	if (!kvm_ioctl(vm, KVM_CREATE_DEVICE, &device))
		other = device.fd;
	close(vm);
	expect_ret(remove_module(), -EWOULDBLOCK);
	close(vcpu);
	expect_ret(remove_module(), -EWOULDBLOCK);
	if (other >= 0) {
		close(stats);
		expect_ret(remove_module(), -EWOULDBLOCK);
	}
}
