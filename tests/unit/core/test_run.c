// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN: guests of the toy machine, their exits, signals, halts and interrupts. */
#include "lib.h"

static void guest_computes_and_stores(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, I_SET(1, 10), I_SET(2, 0), I_ADD(2, 2, 1, 0), I_ADD(1, 1, 0, -1),
		I_BNE(1, 0, -2), I_STORE(2, 0, 8, 0x4000), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(reg_get(&m, 0, 2), 55);
	CHECK_EQ(ram_read(&m, 0x4000), 55);
	machine_free(&m);
}

static const struct test tests[] = {
	TEST(guest_computes_and_stores),
};

int main(void)
{
	return RUN_TESTS(tests);
}
