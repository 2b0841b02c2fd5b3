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
#define READINGS 5
#define DEADLINE 60	/* seconds, for the kernel to free what it frees later */

struct cache {
	char name[48];
	uint64_t objects;
};

struct kernel_memory {
	struct cache cache[MAX_CACHES];
	unsigned int ncaches;
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

/* Free pages that processors keep for themselves, which MemFree does not count. */
static uint64_t pages_of_processors(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	unsigned long long n;
	uint64_t sum = 0;
	char line[256];

	expect(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " count: %llu", &n) == 1)
			sum += n;
	}
	fclose(f);
	return sum;
}

static uint64_t held_pages(void)
{
	static const char *const known[] = {
		"MemFree:", "Buffers:", "Cached:", "SwapCached:", "AnonPages:", "SReclaimable:", "SUnreclaim:",
	};
	uint64_t kb = file_field("/proc/meminfo", "MemTotal:");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		kb -= file_field("/proc/meminfo", known[i]);
	return kb / (P / 1024) - pages_of_processors();
}

static void read_kernel_memory(struct kernel_memory *m)
{
	char line[512];
	FILE *f;

	/* A grace period, after which its callbacks free; then what is kept per processor. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	shrink_slabs();
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
		expect(++m->ncaches < MAX_CACHES);
	}
	fclose(f);
	expect(m->ncaches);
}

static struct cache *find_cache(struct kernel_memory *m, const char *name)
{
	for (unsigned int i = 0; i < m->ncaches; i++) {
		if (!strcmp(m->cache[i].name, name))
			return &m->cache[i];
	}
	return NULL;
}

/*
 * One more reading, of which the least of each number is kept: a slab that a processor works with counts as full, so that
 * what is read is too much by some slabs now and then, and never too little.
 */
static void read_least(struct kernel_memory *least)
{
	struct kernel_memory *now = malloc(sizeof(*now));

	read_kernel_memory(now);
	if (!least->ncaches || now->pages < least->pages)
		least->pages = now->pages;
	for (unsigned int i = 0; i < now->ncaches; i++) {
		struct cache *c = find_cache(least, now->cache[i].name);

		if (!c)
			least->cache[least->ncaches++] = now->cache[i];
		else if (now->cache[i].objects < c->objects)
			c->objects = now->cache[i].objects;
	}
	free(now);
}

/* The cache that grew most, and by how much. */
static const struct cache *most_grown(struct kernel_memory *before, struct kernel_memory *now, int64_t *by)
{
	const struct cache *most = NULL;

	*by = INT64_MIN;
	for (unsigned int i = 0; i < now->ncaches; i++) {
		const struct cache *old = find_cache(before, now->cache[i].name);
		int64_t grown = now->cache[i].objects - (old ? old->objects : 0);

		/* Freed ranges of addresses are kept until they are many; their pages are counted as such. */
		if (grown > *by && strcmp(now->cache[i].name, "vmap_area")) {
			*by = grown;
			most = &now->cache[i];
		}
	}
	return most;
}

struct kernel_memory *kernel_memory(void)
{
	struct kernel_memory *least = calloc(1, sizeof(*least));

	for (int i = 0; i < READINGS; i++)
		read_least(least);
	return least;
}

void expect_no_growth(struct kernel_memory *before, unsigned int objects, unsigned int pages)
{
	struct kernel_memory *now = calloc(1, sizeof(*now));
	time_t start = time(NULL);
	int64_t by, page_growth;
	const struct cache *most;
	bool more;

	do {
		read_least(now);
		most = most_grown(before, now, &by);
		page_growth = now->pages - before->pages;
		more = by >= (int64_t)objects || page_growth >= (int64_t)pages;
	} while (more && time(NULL) - start < DEADLINE);
	if (more)
		fail_test("expected less than %u objects of a slab cache and %u pages more, seen %lld of %s and %lld pages",
			  objects, pages, (long long)by, most->name, (long long)page_growth);
	trace("growth: at most %lld objects (%s), %lld pages", (long long)by, most->name, (long long)page_growth);
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
#define AT_ONCE 20

/* VMs whose vCPU has run, AT_ONCE of them at a time; each goes with the last of its files, whichever that is. */
static void some_vms(unsigned int n)
{
	struct vcpu *vcpu[AT_ONCE];
	void *mem[AT_ONCE];

	for (unsigned int done = 0; done < n; done += AT_ONCE) {
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			vcpu[i] = vcpu_new(vm_new(), 0);
			mem[i] = add_slot(vcpu[i]->vm, 1, 0, TEST_GPA, P);
			guest_store(vcpu[i], TEST_GPA, 8, i);
			expect_eq(*(uint64_t *)mem[i], i);
		}
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			struct vm *vm = vcpu[i]->vm;

			if (i % 2)
				vm_free(vm);
			vcpu_free(vcpu[i]);
			if (!(i % 2))
				vm_free(vm);
			munmap(mem[i], slot_size(P));
		}
	}
}

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
		some_vms(round == 2 ? NVMS : WARM_UP);
	}
	expect_no_growth(before, NVMS / 2, NVMS / 2);
	expect_eq(module_uses(), uses);
}

#define KILLS 50
/* A few partly used slabs; a VM that stays holds some pages at least, so that KILLS pages are the sharper measure. */
#define NOISE 1000

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
		munmap(other, slot_size(16 * P));
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
	expect_no_growth(before, NOISE, KILLS);
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
