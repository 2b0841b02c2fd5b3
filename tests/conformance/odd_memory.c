// SPDX-License-Identifier: GPL-2.0-only
/* Slots over memory that is no ordinary one, and memory that changes in the middle of a run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "arch/arch.h"

#define P slot_unit()

TEST(sealed_memfd_is_for_loads_only)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	uint64_t *mem, word = 0x5ea1;

	expect(fd >= 0);
	expect_eq(ftruncate(fd, P), 0);
	expect_eq(pwrite(fd, &word, sizeof(word), 0), sizeof(word));
	expect_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	mem = mmap(slot_room(P), P, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	expect(mem != MAP_FAILED);
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, P, mem), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), word);
	arch_start(vcpu, GUEST_STORE, TEST_GPA, 8, 1);
	run_fault(vcpu);
	expect_eq(mem[0], word);
}

/* A private mapping of it may be written: that makes copies. */
TEST(private_mapping_of_a_sealed_memfd_is_copied)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	uint64_t *mem, word = 0x5ea1, seen;

	expect(fd >= 0);
	expect_eq(ftruncate(fd, P), 0);
	expect_eq(pwrite(fd, &word, sizeof(word), 0), sizeof(word));
	expect_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	mem = mmap(slot_room(P), P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	expect(mem != MAP_FAILED);
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, P, mem), 0);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), word);
	guest_store(vcpu, TEST_GPA, 8, 2);
	expect_eq(mem[0], 2);
	expect_eq(pread(fd, &seen, sizeof(seen), 0), sizeof(seen));
	expect_eq(seen, word);
}

/* The line of /proc/self/maps of that name: its start, and what may be done there. */
static void *mapping_named(const char *name)
{
	char line[256], is[64];
	void *start = NULL;
	unsigned long from;
	FILE *maps = fopen("/proc/self/maps", "r");

	expect(maps != NULL);
	while (!start && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%*x %*s %*s %*s %*s %63s", &from, is) == 2 && !strcmp(is, name))
			start = (void *)from;
	}
	fclose(maps);
	return start;
}

/* Frames that are the kernel's own and not counted: a guest sees what user space does, or nothing, and never writes. */
TEST(slot_over_frames_of_the_kernel)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	void *mem = mapping_named("[vvar]");
	int r;

	need_small_slots();
	if (!mem)
		skip_test("pages that the kernel maps without counting them");
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, P, mem), 0);
	arch_start(vcpu, GUEST_LOAD, TEST_GPA + 512, 8, 0);
	r = vcpu_run(vcpu);
	expect(r == -EFAULT || (r == 0 && arch_is_done(vcpu)));
	arch_start(vcpu, GUEST_STORE, TEST_GPA + 512, 8, -1);
	r = vcpu_run(vcpu);
	expect(r == -EFAULT || (r == 0 && vcpu->run->exit_reason == KVM_EXIT_MMIO));
	expect_ret(set_slot(vcpu->vm, 1, 0, 0, 0, NULL), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

/* A guest that has its own vCPU's struct kvm_run as memory. */
TEST(slot_over_the_run_page)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_small_slots();
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, P, vcpu->run), 0);
	arch_start(vcpu, GUEST_FILL, TEST_GPA, P / 8, 8);
	/* Whatever they say: the flags and registers in it are the guest's doing. */
	for (int i = 0; i < 5; i++)
		vcpu_run(vcpu);
	expect_ret(set_slot(vcpu->vm, 1, 0, 0, 0, NULL), 0);
	memset(vcpu->run, 0, P);
	arch_vcpu_init(vcpu);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(hole_in_a_slot_is_efault_and_the_rest_is_memory)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 3 * P);

	expect_eq(munmap(mem + P, P), 0);
	guest_store(vcpu, TEST_GPA, 8, 1);
	guest_store(vcpu, TEST_GPA + 2 * P, 8, 3);
	arch_start(vcpu, GUEST_LOAD, TEST_GPA + P, 8, 0);
	run_fault(vcpu);
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 1);
	expect_eq(guest_load(vcpu, TEST_GPA + 2 * P, 8), 3);
}

TEST(file_that_grows_becomes_memory)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	int fd = memfd_create("growing", 0);
	void *mem = mmap(slot_room(4 * P), 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);

	expect(mem != MAP_FAILED);
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
	for (unsigned int n = 0; n < 4; n++) {
		arch_start(vcpu, GUEST_STORE, TEST_GPA + n * P, 8, n);
		run_fault(vcpu);
		expect_eq(ftruncate(fd, (n + 1) * P), 0);
		if (!arch_has_mmio)
			arch_start(vcpu, GUEST_STORE, TEST_GPA + n * P, 8, n);
		run_done(vcpu);
	}
}

static int kernel_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY), r;

	if (fd < 0)
		return -1;
	r = write(fd, value, strlen(value)) < 0 ? -1 : 0;
	close(fd);
	return r;
}

TEST(hugetlb_memory_is_memory)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	size_t size = 4 << 20;
	uint64_t *mem;

	if (!arch_takes_hugetlb)
		skip_test("hugetlb memory without more ado");
	kernel_setting("/proc/sys/vm/nr_hugepages", "4");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED)
		skip_test("huge pages of the host");
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, size, mem), 0);
	guest_call(vcpu, GUEST_FILL, TEST_GPA, 64, size / 64);
	for (unsigned int i = 0; i < 64; i++)
		expect_eq(((uint8_t *)mem)[i * (size / 64)], i + 1);
	/* A slot may begin and end inside one. */
	expect_ret(set_slot(vcpu->vm, 1, 0, 0, 0, NULL), 0);
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA + P, size - 2 * P, (uint8_t *)mem + P), 0);
	expect_eq(guest_load(vcpu, TEST_GPA + size / 2, 1), 33);
	arch_start(vcpu, GUEST_LOAD, TEST_GPA, 8, 0);
	run_nothing(vcpu, false, TEST_GPA, 8);
	expect_ret(set_slot(vcpu->vm, 1, 0, 0, 0, NULL), 0);
	munmap(mem, size);
	kernel_setting("/proc/sys/vm/nr_hugepages", "0");
}

struct changer {
	pthread_t thread;
	uint8_t *mem;
	void (*change)(uint8_t *mem, int turn);
	_Atomic bool done;
};

static void *change_memory(void *arg)
{
	struct changer *c = arg;

	for (int turn = 0; turn < 150; turn++) {
		c->change(c->mem, turn);
		sched_yield();
	}
	atomic_store(&c->done, true);
	return NULL;
}

#define CHANGED_PAGES 16

/* A vCPU writes to all pages, over and over, while @change is at them; at the end its stores are where user space looks. */
static void write_while(void (*change)(uint8_t *mem, int turn))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct changer c = { .change = change };

	c.mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, CHANGED_PAGES * P);
	expect_eq(pthread_create(&c.thread, NULL, change_memory, &c), 0);
	while (!atomic_load(&c.done)) {
		int r;

		arch_start(vcpu, GUEST_FILL, TEST_GPA, CHANGED_PAGES, P);
		r = vcpu_run(vcpu);
		expect(r == -EFAULT || (r == 0 && (arch_is_done(vcpu) || arch_is_nothing(vcpu))));
	}
	pthread_join(c.thread, NULL);
	guest_call(vcpu, GUEST_FILL, TEST_GPA, CHANGED_PAGES, P);
	for (unsigned int i = 0; i < CHANGED_PAGES; i++)
		expect_eq(c.mem[i * P], i + 1);
}

static void discard(uint8_t *mem, int turn)
{
	(void)turn;
	madvise(mem, CHANGED_PAGES * P, MADV_DONTNEED);
}

TEST(discarding_while_a_vcpu_writes)
{
	write_while(discard);
}

/* Away and back: in between there is nothing. */
static void move(uint8_t *mem, int turn)
{
	size_t size = CHANGED_PAGES / 2 * P;
	void *away = mremap(mem, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, alloc_pages(size));

	(void)turn;
	if (away != MAP_FAILED)
		mremap(away, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, mem);
}

TEST(moving_memory_while_a_vcpu_writes)
{
	write_while(move);
}

static void protect(uint8_t *mem, int turn)
{
	static const int prots[] = { PROT_READ, PROT_NONE };

	mprotect(mem + P, 4 * P, prots[turn & 1]);
	mprotect(mem + P, 4 * P, PROT_READ | PROT_WRITE);
}

TEST(protecting_while_a_vcpu_writes)
{
	write_while(protect);
}

/* Every fork makes all pages shared: the next store copies. */
static void fork_once(uint8_t *mem, int turn)
{
	pid_t pid;

	(void)mem;
	if (turn % 8)
		return;
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

TEST(forking_while_a_vcpu_writes)
{
	write_while(fork_once);
}

/* What an exit tells may be overwritten before it is answered: only the answer counts. */
TEST(exit_that_is_scribbled_is_answered_all_the_same)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_mmio();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t value = 0x1122334455667788, mask = sizes[i] < 8 ? (1ULL << 8 * sizes[i]) - 1 : -1ULL;

		arch_start(vcpu, GUEST_LOAD, MMIO_GPA, sizes[i], 0);
		run_until(vcpu, KVM_EXIT_MMIO);
		memset(&vcpu->run->mmio, 0xff, sizeof(vcpu->run->mmio));
		vcpu->run->exit_reason = 0xffffffff;
		memcpy(vcpu->run->mmio.data, &value, 8);
		run_done(vcpu);
		/* The low bytes, in the guest's own order. */
		expect_mem(&(uint64_t){ arch_result(vcpu) & mask }, &value, sizes[i]);
	}
}
