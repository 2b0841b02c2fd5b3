/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host layer: types, arithmetic and complaints.  The host layer stands in for the kernel
 * that virt/common calls, so that it runs in user space; see README.md.
 */
#ifndef HOST_TYPES_H
#define HOST_TYPES_H

#include_next <linux/types.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef unsigned long long u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef long long s64;
typedef u64 phys_addr_t;
typedef unsigned int gfp_t;

/* <linux/kvm_types.h> */
typedef unsigned long gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;
typedef u64 kvm_pfn_t;
#define KVM_STATS_NAME_SIZE	48

/* The kernel that include/berth/compat.h finds. */
#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE	KERNEL_VERSION(6, 1, 0)

#define ERESTARTNOHAND	514
#define ENOIOCTLCMD	515
#define ENOTSUPP	524
#define MAX_ERRNO	4095

#define __user
#define __rcu
#define __force
#define __init
#define __exit
#define __acquire(x)		((void)0)
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __maybe_unused		__attribute__((unused))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
/* What a load of the module finds again as it was linked: host_insmod() puts it back. */
#define host_pristine		__attribute__((section("host_pristine")))
#define __ro_after_init		host_pristine
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define static_assert(e, ...)	_Static_assert(e, #e)

#define BITS_PER_LONG		64
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define sizeof_field(t, m)	sizeof(((t *)0)->m)
#define offsetofend(t, m)	(offsetof(t, m) + sizeof_field(t, m))
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))

#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN(x, a)		ALIGN_DOWN((x) + ((__typeof__(x))(a) - 1), a)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)

#define __pick(a, op, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b);	\
			    _a op _b ? _a : _b; })
#define min(a, b)		__pick(a, <, b)
#define max(a, b)		__pick(a, >, b)
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))

static inline void *ERR_PTR(long error) { return (void *)error; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return (unsigned long)p >= (unsigned long)-MAX_ERRNO; }
static inline bool IS_ERR_OR_NULL(const void *p) { return !p || IS_ERR(p); }
static inline int PTR_ERR_OR_ZERO(const void *p) { return IS_ERR(p) ? PTR_ERR(p) : 0; }

static inline bool is_power_of_2(unsigned long n) { return n && !(n & (n - 1)); }
static inline unsigned int hweight32(u32 w) { return __builtin_popcount(w); }
static inline unsigned long __ffs(unsigned long w) { return __builtin_ctzl(w); }
static inline unsigned long __fls(unsigned long w) { return 63 - __builtin_clzl(w); }

/* Sizes that saturate instead of wrapping. */
static inline size_t array_size(size_t a, size_t b)
{
	size_t r;

	return __builtin_mul_overflow(a, b, &r) ? SIZE_MAX : r;
}

static inline size_t size_add(size_t a, size_t b)
{
	size_t r;

	return __builtin_add_overflow(a, b, &r) ? SIZE_MAX : r;
}

#define struct_size(p, m, n) \
	size_add(offsetof(__typeof__(*(p)), m), array_size(n, sizeof(*(p)->m)))

static inline void *memset64(u64 *to, u64 value, size_t n)
{
	while (n--)
		to[n] = value;
	return to;
}

/* No test passes after one of these: it says what and where, and aborts. */
void host_bug(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn)) __printf(3, 4);

#define HOST_BUG_ON(c) \
	((void)(unlikely(c) ? (host_bug(__FILE__, __LINE__, "%s", #c), 0) : 0))
#define BUG_ON(c)		HOST_BUG_ON(c)
#define WARN_ON(c)		({ HOST_BUG_ON(c); 0; })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define VM_WARN_ON_ONCE(c)	HOST_BUG_ON(c)

/* The kernel's log: kept for tests to look at, see host_log(). */
void host_printk(const char *fmt, ...) __printf(1, 2);

#define pr_err(fmt, ...)	host_printk("berth: " fmt, ##__VA_ARGS__)
#define pr_warn(fmt, ...)	host_printk("berth: " fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...)	host_printk("berth: " fmt, ##__VA_ARGS__)

#define array_index_nospec(i, n)	(i)
#define untagged_addr(a)		(a)

#endif
