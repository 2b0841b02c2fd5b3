/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of user space's whose contents change after each access to it: what is read twice is not the
 * same twice.  Every access traps, so this is of one thread, and of the build host's processor.
 */
#ifndef BERTH_CORE_HOSTILE_H
#define BERTH_CORE_HOSTILE_H

#if defined(__x86_64__) && defined(__SANITIZE_ADDRESS__)
#define HAVE_HOSTILE 1
#endif

/* Until hostile_end() @change is called after each access to @page. */
void hostile_begin(void *page, void (*change)(void));
void hostile_end(void);
/* How often the 4 bytes at @offset were read since the beginning. */
unsigned int hostile_reads(unsigned int offset);
/* And the most that any below @end were. */
unsigned int hostile_most_reads(unsigned int end);

#endif
