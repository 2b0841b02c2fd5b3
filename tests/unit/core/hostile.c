// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hostile page: protected, so that an access traps; then opened for one instruction.  Of the C
 * library alone: the host layer has signals of its own.
 */
#define _GNU_SOURCE
#include "hostile.h"

#ifdef HAVE_HOSTILE
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define PAGE		4096UL
#define FLAG_TRAP	0x100
#define ERROR_WRITE	2

static char *page;
static void (*change)(void);
static unsigned int reads[PAGE / 4];
static struct sigaction old_segv, old_trap;

static void open_page(bool open)
{
	if (mprotect(page, PAGE, open ? PROT_READ | PROT_WRITE : PROT_NONE))
		abort();
}

static void segv(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned long offset = (char *)info->si_addr - page;

	if (offset >= PAGE) {
		/* Somebody else's: it comes again. */
		sigaction(sig, &old_segv, NULL);
		return;
	}
	if (!(regs[REG_ERR] & ERROR_WRITE))
		reads[offset / 4]++;
	open_page(true);
	regs[REG_EFL] |= FLAG_TRAP;
}

static void trap(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)FLAG_TRAP;
	change();
	open_page(false);
}

void hostile_begin(void *p, void (*f)(void))
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	page = p;
	change = f;
	memset(reads, 0, sizeof(reads));
	action.sa_sigaction = segv;
	sigaction(SIGSEGV, &action, &old_segv);
	action.sa_sigaction = trap;
	sigaction(SIGTRAP, &action, &old_trap);
	open_page(false);
}

void hostile_end(void)
{
	open_page(true);
	sigaction(SIGSEGV, &old_segv, NULL);
	sigaction(SIGTRAP, &old_trap, NULL);
}

unsigned int hostile_reads(unsigned int offset)
{
	return reads[offset / 4];
}

unsigned int hostile_most_reads(unsigned int end)
{
	unsigned int i, most = 0;

	for (i = 0; i < end / 4; i++)
		if (reads[i] > most)
			most = reads[i];
	return most;
}
#endif
