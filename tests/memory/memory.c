// SPDX-License-Identifier: GPL-2.0-only
/* Helpers of memory.h, but for kernel memory (lifetime.c). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>

#include "memory.h"

#define DEADLINE 200	/* seconds; only a hang takes so long, even on a loaded machine */

uint64_t file_number(const char *path)
{
	unsigned long long value;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%llu", &value) != 1)
		fail_test("expected a number in %s, seen none", path);
	fclose(f);
	return value;
}

uint64_t file_field(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	uint64_t value = 0;
	char line[512];

	if (!f)
		fail_test("expected a file %s, seen none", path);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key))) {
			value = strtoull(line + strlen(key), NULL, 10);
			break;
		}
	}
	fclose(f);
	return value;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		r = -errno;
	close(fd);
	return r;
}

void file_set(const char *path, const char *text)
{
	int r = file_write(path, text);

	if (r)
		fail_test("expected to write %s to %s, seen %s", text, path, strerror(-r));
}

uint64_t smaps_bytes(const void *addr, const char *field)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long long from, to, kb;
	bool inside = false;
	char line[512];

	expect(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx ", &from, &to) == 2)
			inside = (uintptr_t)addr >= from && (uintptr_t)addr < to;
		else if (inside && !strncmp(line, field, strlen(field)) && line[strlen(field)] == ':' &&
			 sscanf(line + strlen(field) + 1, "%llu", &kb) == 1)
			goto found;
	}
	fail_test("expected %s of %p in smaps, seen none", field, addr);
found:
	fclose(f);
	return kb << 10;
}

#define PM_PRESENT (1ULL << 63)
#define PM_SWAPPED (1ULL << 62)
#define PM_FRAME ((1ULL << 55) - 1)

static int pagemap_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	expect(fd >= 0);
	return fd;
}

size_t swapped_pages(const void *addr, size_t size)
{
	size_t n = size / P, swapped = 0;
	uint64_t *entries = calloc(n, 8);

	expect_eq(pread(pagemap_fd(), entries, n * 8, (uintptr_t)addr / P * 8), n * 8);
	for (size_t i = 0; i < n; i++)
		swapped += (entries[i] & (PM_SWAPPED | PM_PRESENT)) == PM_SWAPPED;
	free(entries);
	return swapped;
}

uint64_t page_frame(const void *addr)
{
	uint64_t entry;

	expect_eq(pread(pagemap_fd(), &entry, 8, (uintptr_t)addr / P * 8), 8);
	return entry & PM_PRESENT ? entry & PM_FRAME : 0;
}

uint64_t vm_stat(struct vm *vm, const char *name)
{
	int fd = expect_ok(kvm_ioctl(vm->fd, KVM_GET_STATS_FD, 0L));
	struct kvm_stats_header h;
	bool found = false;
	uint64_t value = 0;
	size_t size;

	expect_eq(pread(fd, &h, sizeof(h), 0), sizeof(h));
	size = sizeof(struct kvm_stats_desc) + h.name_size;
	for (uint32_t i = 0; i < h.num_desc && !found; i++) {
		struct kvm_stats_desc *d = calloc(1, size);

		expect_eq(pread(fd, d, size, h.desc_offset + i * size), size);
		found = !strcmp(d->name, name);
		if (found)
			expect_eq(pread(fd, &value, 8, h.data_offset + d->offset), 8);
		free(d);
	}
	close(fd);
	if (!found)
		skip_test(name);
	return value;
}

void wait_until(bool (*reached)(void *arg), void *arg, const char *what)
{
	struct timespec now, start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!reached(arg)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > DEADLINE)
			fail_test("expected within %d s that %s, seen that it does not hold", DEADLINE, what);
		poll(NULL, 0, 1);	/* the kernel's threads need the processor to get there */
	}
	expect(true);
}

void *alloc_aligned(size_t size, int advice)
{
	uint8_t *raw = mmap(NULL, size + HUGE_2M, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *mem = (uint8_t *)(((uintptr_t)raw + HUGE_2M - 1) & ~(HUGE_2M - 1));

	expect(raw != MAP_FAILED);
	if (mem != raw)
		munmap(raw, mem - raw);
	if (mem + size != raw + size + HUGE_2M)
		munmap(mem + size, raw + HUGE_2M - mem);
	expect_eq(madvise(mem, size, advice), 0);
	return mem;
}

void fill_pattern(void *mem, size_t size, uint64_t seed)
{
	uint64_t *word = mem, x = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (size_t i = 0; i < size / 8; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		word[i] = x;
	}
}

struct window window_new(struct vcpu *vcpu, size_t size)
{
	struct window w = { .vcpu = vcpu, .size = size };

	w.mem = add_slot(vcpu->vm, WINDOW_SLOT, 0, WINDOW_GPA, size);
	return w;
}

void window_write(struct window *w, uint64_t gpa, const void *data, size_t size)
{
	expect(size <= w->size);
	memcpy(w->mem, data, size);
	guest_call(w->vcpu, GUEST_COPY, WINDOW_GPA, size, gpa);
}

void window_check(struct window *w, uint64_t gpa, const void *data, size_t size)
{
	expect(size <= w->size);
	memset(w->mem, 0x5a, size);
	guest_call(w->vcpu, GUEST_COPY, gpa, size, WINDOW_GPA);
	expect_mem(w->mem, data, size);
}

void vcpu_free(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	free(vcpu);
}

void vm_free(struct vm *vm)
{
	if (vm->code)
		munmap(vm->code, arch_code_size);
	close(vm->fd);
	free(vm);
}
