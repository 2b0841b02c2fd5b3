/* SPDX-License-Identifier: GPL-2.0-only */
/* What every file of the VMM uses: short type names, and how errors are told. */
#ifndef VMM_UTIL_H
#define VMM_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define KB			1024ull
#define MB			(1024 * KB)
#define GB			(1024 * MB)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

/* Exit statuses: the guest ended by itself; something failed; the command line is wrong. */
enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE };

static inline u64 align_up(u64 value, u64 to)
{
	return (value + to - 1) & ~(to - 1);
}

/* Says "berth: ..." on stderr. Any thread. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and ends the program with STATUS_FAILED. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The same, with what errno says at the end. */
void die_errno(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Says "berth: ...", points to --help, and ends the program with STATUS_USAGE. */
void usage_error(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Zeroed memory, or the end of the program. */
void *allocate(size_t size);

#endif
