/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of Berth's tracepoints: a trace buffer of the test's own, and what must be in it. */
#ifndef CONFORMANCE_TRACE_H
#define CONFORMANCE_TRACE_H

#include "harness.h"

/* Skips the test where there are no such tracepoints: the kernel's own KVM has others. */
void trace_begin(void);
void trace_end(void);
/* The event is told from here on. */
void trace_on(const char *event);
/* The buffer has a line of that event whose text begins with @text; else the test fails, and shows what it has. */
void expect_traced(const char *event, const char *text);

#endif
