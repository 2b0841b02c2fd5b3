/* SPDX-License-Identifier: GPL-2.0-only */
/* What fuzzers of the core share: a process per input, guests that end, a look at what is left. */
#ifndef BERTH_FUZZ_CORE_H
#define BERTH_FUZZ_CORE_H

#include <host/host.h>
#include <berth/backend.h>
#include <toy.h>
#include "input.h"

/* The target: all it opens it closes. */
void fuzz_one(struct input *in);

/* Where user pointers may lead to. */
#define ARENA	(64UL << 10)
extern char arena[ARENA];

/* KVM_RUN, for so many instructions at most; a guest that waits is killed at once. */
long fuzz_run(int vcpu, unsigned int steps);

/* A disagreement: says so and aborts. */
#define FUZZ_CHECK(c, fmt, ...) do {						\
	if (!(c))								\
		host_bug(__FILE__, __LINE__, "%s: " fmt, #c, ##__VA_ARGS__);	\
} while (0)

#endif
