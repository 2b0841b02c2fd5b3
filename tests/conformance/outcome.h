/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test's process tells the runner: its verdict, how much it asserted, and why it was skipped. */
#ifndef CONFORMANCE_OUTCOME_H
#define CONFORMANCE_OUTCOME_H

#include <stdatomic.h>
#include <stdbool.h>

enum verdict {
	VERDICT_NONE = 0x40,	/* neither returned nor failed by an assertion */
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_SKIP,
};

/* In memory shared between the runner and the test's processes. */
struct outcome {
	_Atomic unsigned int assertions;
	enum verdict verdict;
	char skip[128];
};

extern struct outcome *outcome;
extern bool verbose;

#endif
