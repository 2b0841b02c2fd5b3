/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conformance suite's harness: test registry, assertions with KTAP diagnostics, and VM, vCPU, memory-slot and thread
 * helpers over /dev/kvm. No architecture in it: what runs inside a guest is behind arch/arch.h.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi_new.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_NEEDS 4

/* A capability that a test needs; with none of them left out the test runs, else it is skipped by name. */
struct need {
	int cap;
	const char *name;
};

struct test {
	const char *name;
	const char *file;
	void (*fn)(void);
	struct need needs[MAX_NEEDS];
};

#define NEED(c) { c, #c }

/*
 * TEST(name, NEED(KVM_CAP_A), ...) { body }
 * The linker gathers the tests of all files in one array, in link order.
 */
#define TEST(tname, ...)									\
	static void tname(void);								\
	static const struct test test_##tname							\
		__attribute__((used, section("conformance_tests"), aligned(8))) = {		\
			.name = #tname, .file = __FILE__, .fn = tname, .needs = { __VA_ARGS__ },	\
	};											\
	static void tname(void)

/*
 * Assertions. Each one is counted; the first that fails prints a diagnostic and ends the test. Values compare as 64-bit
 * integers. A negative errno, as kvm_ioctl() returns it, is printed by name.
 */
void check_true(bool ok, const char *what, const char *file, int line);
void check_eq(uint64_t seen, uint64_t expected, const char *what, const char *file, int line);
void check_ret(int64_t seen, int64_t expected, const char *what, const char *file, int line);
int64_t check_ok(int64_t seen, const char *what, const char *file, int line);
void check_mem(const void *seen, const void *expected, size_t len, const char *what, const char *file, int line);

#define expect(cond)		check_true(!!(cond), #cond, __FILE__, __LINE__)
#define expect_eq(seen, exp)	check_eq((uint64_t)(seen), (uint64_t)(exp), #seen, __FILE__, __LINE__)
#define expect_ret(call, exp)	check_ret((call), (exp), #call, __FILE__, __LINE__)
#define expect_ok(call)		check_ok((call), #call, __FILE__, __LINE__)
#define expect_mem(seen, exp, len) check_mem((seen), (exp), (len), #seen, __FILE__, __LINE__)

/* The test cannot be made here for want of @what (a CPU feature, a kernel facility): ends it as skipped. */
void skip_test(const char *what) __attribute__((noreturn));
/* A diagnostic line, printed always (note) or with --verbose only (trace). */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints as note() and fails the test. */
void fail_test(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
const char *exit_name(uint32_t reason);

/*
 * --interruptible: where a test has no opinion, its guest begins with interrupts enabled. There is an emulated machine on
 * which a guest with interrupts disabled disables the host's.
 */
extern bool interruptible;

/* ioctl() with -errno as its result. */
int kvm_ioctl(int fd, unsigned long request, ...);

struct vm {
	int fd;
	void *code;		/* the architecture's own memory: code, tables, stacks; NULL in a bare VM */
};

struct vcpu {
	int fd;
	struct vm *vm;
	unsigned int id;
	struct kvm_run *run;
	size_t run_size;
};

int open_kvm(void);		/* a new fd of /dev/kvm */
int kvm_fd(void);		/* this process's own, opened once */
int cap(int which);		/* KVM_CHECK_EXTENSION on the system fd, 0 if unknown */
int vm_cap(struct vm *vm, int which);

struct vm *vm_new_bare(void);	/* no memory */
struct vm *vm_new(void);	/* with the architecture's code memory in slot 0 */
struct vcpu *vcpu_new_bare(struct vm *vm, unsigned int id);	/* state as the kernel made it */
struct vcpu *vcpu_new(struct vm *vm, unsigned int id);		/* ready for guest_start() */

size_t page_size(void);
/* What a slot's size and address in user space are multiples of: a page or more. */
size_t slot_unit(void);
/* The least that a slot of @size bytes may have. */
size_t slot_size(size_t size);
/* Where a slot's memory may be: room for a MAP_FIXED mapping of @size bytes. */
void *slot_room(size_t size);
/* Anonymous private memory, without huge pages, zeroed by the kernel. */
void *alloc_pages(size_t size);
/* A page after which an unmapped one follows: returns the address of the guard. */
uint8_t *guard_page(void);

/* Skip a test that is about accesses which come to user space, or about slots of one page, where there are none. */
void need_mmio(void);
void need_small_slots(void);

int set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *hva);
/* Of @size bytes or, where the architecture wants it, of some more; returns its memory. */
void *add_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size);

/* One KVM_RUN: 0 or -errno. */
int vcpu_run(struct vcpu *vcpu);

/* A register of an architecture that has them by number; 0 or -errno. */
int get_one_reg(struct vcpu *vcpu, uint64_t id, void *value);
int set_one_reg(struct vcpu *vcpu, uint64_t id, const void *value);
/* KVM_RUN that must return 0 with this exit reason; prints what came instead. */
void run_until(struct vcpu *vcpu, uint32_t reason);
/* Runs until the guest routine says that it is done; every other exit fails the test. */
void run_done(struct vcpu *vcpu);
/* Runs until the guest finds that there is no memory at @gpa: KVM_EXIT_MMIO, or what arch_is_nothing() knows. */
void run_nothing(struct vcpu *vcpu, bool write, uint64_t gpa, uint32_t len);
/* Runs until the guest finds that user space has nothing behind a slot: -EFAULT, or that exception. */
void run_fault(struct vcpu *vcpu);
void expect_mmio(struct vcpu *vcpu, bool write, uint64_t gpa, uint32_t len, uint64_t data);

/*
 * A thread that calls KVM_RUN once. runner_stop() sends SIGUSR1 (whose handler does nothing) until KVM_RUN is back, joins,
 * and returns KVM_RUN's result.
 */
struct runner {
	pthread_t thread;
	struct vcpu *vcpu;
	_Atomic int done;
	int ret;
};

void runner_start(struct runner *r, struct vcpu *vcpu);
int runner_join(struct runner *r);
int runner_stop(struct runner *r);
void catch_sigusr1(void);

/* Waits until a guest has changed the 64-bit word from @old; yields the processor in between. */
uint64_t wait_change(volatile uint64_t *word, uint64_t old);
/* Runs @fn in a forked child; its assertions are this test's. */
void in_child(void (*fn)(void *), void *arg);
unsigned int count_fds(void);
/* The program's other life: "conformance USE_FDS VM VCPU" is what a test executes itself as (fds.c). */
#define USE_FDS "--use-fds"

/* fds.c: what KVM_IRQFD says of other fds, with an interrupt controller that is ready. */
void irqfd_takes_eventfds_only(struct vm *vm);

#endif
