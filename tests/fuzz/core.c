// SPDX-License-Identifier: GPL-2.0-only
/* What fuzzers of the core share: libFuzzer's two functions, around fuzz_one(). */
#include "core.h"
#include <stdlib.h>

char arena[ARENA] __attribute__((aligned(4096)));
unsigned int fuzz_steps;

/* No signal mask of a vCPU's holds this one off. */
void fuzz_kill(void)
{
	host_kill(current, SIGKILL);
}

long fuzz_run(int vcpu, unsigned int steps)
{
	long r;

	fuzz_steps = steps;
	r = host_ioctl(vcpu, KVM_RUN, 0);
	host_unkill(current, SIGKILL);
	return r;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	host_arena = arena;
	host_arena_size = ARENA;
	host_on_sleep = fuzz_kill;
	HOST_BUG_ON(host_insmod());
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct mm_struct *mm = host_mm_new();
	long before = host_allocations();

	memset(arena, 0, sizeof(arena));
	host_mm_use(mm);
	fuzz_one(&in);
	host_fail_nth(0);
	host_mm_exit(mm);
	host_mm_use(NULL);
	host_log_clear();
	FUZZ_CHECK(!host_open_fds(), "%u descriptors are left", host_open_fds());
	FUZZ_CHECK(host_allocations() == before, "%ld allocations are left",
		   host_allocations() - before);
	return 0;
}
