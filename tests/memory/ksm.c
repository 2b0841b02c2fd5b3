// SPDX-License-Identifier: GPL-2.0-only
/* KSM merges guests' pages, and what one guest writes is its own. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "memory.h"
#include "outcome.h"

#define KSM "/sys/kernel/mm/ksm/"
#define NPAGES 64
#define SIZE (NPAGES * P)

struct ksm_guest {
	struct vm *vm;
	struct vcpu *vcpu;
	struct window window;
	uint8_t *mem, *pattern;
};

/* A guest that wrote the pattern itself: all is mapped writable when KSM comes. */
static struct ksm_guest ksm_guest(void)
{
	struct ksm_guest g = { .vm = vm_new() };

	g.vcpu = vcpu_new(g.vm, 0);
	g.window = window_new(g.vcpu, SIZE);
	g.mem = add_slot(g.vm, 1, 0, TEST_GPA, SIZE);
	g.pattern = malloc(SIZE);
	fill_pattern(g.pattern, SIZE, 7);
	window_write(&g.window, TEST_GPA, g.pattern, SIZE);
	/* The copies in between may not be merged instead. */
	memset(g.window.mem, 0, SIZE);
	expect_eq(madvise(g.mem, SIZE, MADV_MERGEABLE), 0);
	return g;
}

static void ksm_start(void)
{
	if (access(KSM "run", W_OK))
		skip_test(KSM);
	file_set(KSM "run", "2\n");	/* undo what earlier tests merged */
	file_set(KSM "sleep_millisecs", "2\n");
	file_set(KSM "pages_to_scan", "2000\n");
	file_write(KSM "smart_scan", "0\n");
	file_set(KSM "run", "1\n");
}

static void ksm_stop(void)
{
	file_set(KSM "run", "2\n");
	file_set(KSM "run", "0\n");
}

static bool merged(void *arg)
{
	return file_number(KSM "pages_sharing") >= *(uint64_t *)arg + NPAGES;
}

static void tell(int sock, char c)
{
	expect_eq(write(sock, &c, 1), 1);
}

static void hear(int sock, char expected)
{
	char c = 0;

	if (read(sock, &c, 1) != 1)
		fail_test("expected '%c' from the other process, seen its end", expected);
	expect_eq(c, expected);
}

/* The second guest, in a process of its own. */
static void other_guest(int sock)
{
	struct ksm_guest g = ksm_guest();

	tell(sock, 'r');
	hear(sock, 'm');	/* merged */
	window_check(&g.window, TEST_GPA, g.pattern, SIZE);
	tell(sock, 'c');
	hear(sock, 'w');	/* the first guest has written to all pages with an even number */
	window_check(&g.window, TEST_GPA, g.pattern, SIZE);
	expect_mem(g.mem, g.pattern, SIZE);
	for (size_t i = 1; i < NPAGES; i += 2) {
		guest_store(g.vcpu, TEST_GPA + i * P, 8, i);
		*(uint64_t *)(g.pattern + i * P) = i;
	}
	window_check(&g.window, TEST_GPA, g.pattern, SIZE);
	expect_mem(g.mem, g.pattern, SIZE);
	tell(sock, 'd');
}

TEST(ksm_merges_two_guests)
{
	int sock[2], status;
	struct ksm_guest g;
	uint64_t before;
	pid_t pid;

	ksm_start();
	before = file_number(KSM "pages_sharing");
	expect_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sock), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(sock[0]);
		other_guest(sock[1]);
		_exit(VERDICT_PASS);
	}
	close(sock[1]);
	g = ksm_guest();
	hear(sock[0], 'r');
	wait_until(merged, &before, "pages_sharing has grown by the guest's pages");
	window_check(&g.window, TEST_GPA, g.pattern, SIZE);
	tell(sock[0], 'm');
	hear(sock[0], 'c');
	/* Both have read: all is mapped, and read only. */
	for (size_t i = 0; i < NPAGES; i += 2) {
		guest_store(g.vcpu, TEST_GPA + i * P + 8, 8, i);
		*(uint64_t *)(g.pattern + i * P + 8) = i;
	}
	tell(sock[0], 'w');
	hear(sock[0], 'd');
	window_check(&g.window, TEST_GPA, g.pattern, SIZE);
	expect_mem(g.mem, g.pattern, SIZE);
	expect(waitpid(pid, &status, 0) == pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == VERDICT_PASS);
	ksm_stop();
}

/* Two pages of one guest, and both must be seen to be the same frame. */
TEST(ksm_merges_pages_of_one_guest)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t before, *mem = add_slot(vm, 1, 0, TEST_GPA, (NPAGES + 1) * P);

	ksm_start();
	before = file_number(KSM "pages_sharing");
	for (size_t i = 0; i <= NPAGES; i++) {
		guest_store(vcpu, TEST_GPA + i * P, 8, 0x1234);
		guest_store(vcpu, TEST_GPA + i * P + 8, 8, 0x5678);
	}
	expect_eq(madvise(mem, (NPAGES + 1) * P, MADV_MERGEABLE), 0);
	wait_until(merged, &before, "pages_sharing has grown by the guest's pages");
	for (size_t i = 1; i <= NPAGES; i++)
		expect_eq(page_frame(mem + i * P / 8), page_frame(mem));
	expect_eq(guest_call(vcpu, GUEST_SUM, TEST_GPA, NPAGES + 1, P), 0x1234 * (NPAGES + 1));
	guest_store(vcpu, TEST_GPA + 3 * P, 8, 9);
	expect_eq(mem[3 * P / 8], 9);
	expect_eq(guest_call(vcpu, GUEST_SUM, TEST_GPA, NPAGES + 1, P), 0x1234 * NPAGES + 9);
	expect_eq(guest_call(vcpu, GUEST_SUM, TEST_GPA + 8, NPAGES + 1, P), 0x5678 * (NPAGES + 1));
	ksm_stop();
	/* Unmerged, everything is in a page of its own and the same as before. */
	expect_eq(guest_call(vcpu, GUEST_SUM, TEST_GPA, NPAGES + 1, P), 0x1234 * NPAGES + 9);
	guest_store(vcpu, TEST_GPA + 4 * P, 8, 10);
	expect_eq(mem[5 * P / 8], 0x1234);
}
