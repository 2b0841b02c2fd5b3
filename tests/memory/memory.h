/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the memory tests share beyond the conformance suite's harness: the host's memory files (/proc, /sys), statistics of
 * a VM by name, guest contents, and VMs that are freed again.
 */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include "harness.h"
#include "arch/arch.h"

#define P page_size()
#define MB (1UL << 20)
#define HUGE_2M (2 * MB)

/* The first number in a file; fails the test when it cannot be read. */
uint64_t file_number(const char *path);
/* The number after @key at the beginning of a line of a file; 0 if there is no such line. */
uint64_t file_field(const char *path, const char *key);
/* 0 or -errno. */
int file_write(const char *path, const char *text);
/* As file_write(); fails the test. */
void file_set(const char *path, const char *text);

/* Of the mapping that holds @addr, in bytes: a field of /proc/self/smaps as "AnonHugePages". */
uint64_t smaps_bytes(const void *addr, const char *field);
/* Pages of a range that are in swap and not in memory (/proc/self/pagemap). */
size_t swapped_pages(const void *addr, size_t size);
/* Page frame number; 0 when none is mapped. Needs CAP_SYS_ADMIN. */
uint64_t page_frame(const void *addr);

/* A statistic of a VM (KVM_GET_STATS_FD) by its name; without such a one the test is skipped. */
uint64_t vm_stat(struct vm *vm, const char *name);

/* Waits until @reached(@arg), looking again and again; fails the test with @what after a time that only a hang can take. */
void wait_until(bool (*reached)(void *arg), void *arg, const char *what);

/* Anonymous memory aligned to 2 MB, with @advice (MADV_HUGEPAGE, MADV_NOHUGEPAGE). */
void *alloc_aligned(size_t size, int advice);
/* Fills with 64-bit words that depend on their place and on @seed; no two pages are the same. */
void fill_pattern(void *mem, size_t size, uint64_t seed);

/*
 * A window through which a guest copies: slot WINDOW_SLOT at WINDOW_GPA, so that contents are seen, or written, by the guest
 * and not by this process.
 */
#define WINDOW_SLOT 9
#define WINDOW_GPA TEST_GPA2

struct window {
	struct vcpu *vcpu;
	void *mem;
	size_t size;
};

struct window window_new(struct vcpu *vcpu, size_t size);
/* The guest writes @data to @gpa. */
void window_write(struct window *w, uint64_t gpa, const void *data, size_t size);
/* What the guest reads at @gpa must be @data. */
void window_check(struct window *w, uint64_t gpa, const void *data, size_t size);

void vcpu_free(struct vcpu *vcpu);
void vm_free(struct vm *vm);	/* of vm_new(); the VM itself lives as long as a vCPU's fd does */

/* The kernel memory in use, by slab cache, and in pages of which nothing else is known. */
struct kernel_memory;
struct kernel_memory *kernel_memory(void);
/* Waits until less than so many objects of each cache and so many pages are there more than @before. */
void expect_no_growth(struct kernel_memory *before, unsigned int objects, unsigned int pages);

#endif
