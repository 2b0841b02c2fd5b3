/* SPDX-License-Identifier: GPL-2.0-only */
/* KTAP for one test program: named results, the reasons of failures, and a plan. */
#ifndef BERTH_X86_EMULATE_KTAP_H
#define BERTH_X86_EMULATE_KTAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int ktap_number, ktap_failures, ktap_checks;
static bool ktap_bad;

static inline void ktap_plan(unsigned int tests)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", tests);
}

/* Counts an assertion of the current test; says why when it does not hold, up to ten times. */
__attribute__((format(printf, 2, 3)))
static inline bool ktap_check(bool ok, const char *fmt, ...)
{
	static unsigned int said;
	va_list ap;

	ktap_checks++;
	if (ok)
		return true;
	if (!ktap_bad)
		said = 0;
	ktap_bad = true;
	if (said++ < 10) {
		printf("# ");
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
	}
	return false;
}

/* Ends the current test. One that asserted nothing has failed. */
static inline void ktap_end(const char *name)
{
	bool ok = !ktap_bad && ktap_checks;

	printf("%sok %u %s # %u checks\n", ok ? "" : "not ", ++ktap_number, name, ktap_checks);
	ktap_failures += !ok;
	ktap_checks = 0;
	ktap_bad = false;
}

static inline void ktap_skip(const char *name, const char *why)
{
	printf("ok %u %s # SKIP %s\n", ++ktap_number, name, why);
	ktap_checks = 0;
}

/* The program's exit status. */
static inline int ktap_result(void)
{
	return ktap_failures ? 1 : 0;
}

/* xorshift64*: the same sequence on every run. */
static inline unsigned long long test_random(unsigned long long *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

#endif /* BERTH_X86_EMULATE_KTAP_H */
