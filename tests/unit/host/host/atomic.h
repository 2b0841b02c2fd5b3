/* SPDX-License-Identifier: GPL-2.0-only */
/* The host layer: single accesses, barriers, atomics and bits. */
#ifndef HOST_ATOMIC_H
#define HOST_ATOMIC_H

#include <host/types.h>

#define READ_ONCE(x) ({ __typeof__(({ x; })) _v;			\
			__atomic_load(&(x), &_v, __ATOMIC_RELAXED); _v; })
#define WRITE_ONCE(x, v) ({ __typeof__(({ x; })) _w = (v);		\
			    __atomic_store(&(x), &_w, __ATOMIC_RELAXED); })
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_store_mb(x, v)	__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
/* The operations below are full barriers themselves. */
#define smp_mb__after_atomic()	((void)0)
#define smp_mb__before_atomic()	((void)0)

#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new) ({ __typeof__(*(p)) _o = (old);			\
	__atomic_compare_exchange_n(p, &_o, new, false, __ATOMIC_SEQ_CST,	\
				    __ATOMIC_SEQ_CST); _o; })
#define cmpxchg64(p, old, new)	cmpxchg(p, old, new)

#define smp_cond_load_relaxed(p, cond) ({			\
	__typeof__(*(p)) VAL;					\
	while (VAL = READ_ONCE(*(p)), !(cond))			\
		cpu_relax();					\
	VAL; })

/* Another thread gets the processor: what it is waited for may be its work. */
void cpu_relax(void);

#define HOST_ATOMIC(name, type, integer)						\
typedef struct { integer counter; } type;						\
static inline integer name##_read(const type *a) { return READ_ONCE(a->counter); }	\
static inline integer name##_read_acquire(const type *a)				\
{ return smp_load_acquire(&a->counter); }						\
static inline void name##_set(type *a, integer v) { WRITE_ONCE(a->counter, v); }	\
static inline void name##_set_release(type *a, integer v)				\
{ smp_store_release(&a->counter, v); }							\
static inline void name##_add(integer v, type *a)					\
{ __atomic_fetch_add(&a->counter, v, __ATOMIC_SEQ_CST); }				\
static inline void name##_sub(integer v, type *a) { name##_add(-v, a); }		\
static inline void name##_inc(type *a) { name##_add(1, a); }				\
static inline void name##_dec(type *a) { name##_add(-1, a); }				\
static inline integer name##_inc_return(type *a)					\
{ return __atomic_add_fetch(&a->counter, 1, __ATOMIC_SEQ_CST); }			\
static inline integer name##_dec_return(type *a)					\
{ return __atomic_sub_fetch(&a->counter, 1, __ATOMIC_SEQ_CST); }			\
static inline integer name##_fetch_andnot(integer v, type *a)				\
{ return __atomic_fetch_and(&a->counter, ~v, __ATOMIC_SEQ_CST); }

HOST_ATOMIC(atomic, atomic_t, int)
HOST_ATOMIC(atomic_long, atomic_long_t, long)

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return READ_ONCE(map[n / BITS_PER_LONG]) >> n % BITS_PER_LONG & 1;
}

static inline void set_bit(unsigned long n, unsigned long *map)
{
	__atomic_fetch_or(&map[n / BITS_PER_LONG], BIT(n % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

/* This machine is little-endian. */
#define test_bit_le	test_bit
#define set_bit_le	set_bit
#define le64_to_cpu(x)	(x)
#define cpu_to_le64(x)	(x)

static inline void clear_bit(unsigned long n, unsigned long *map)
{
	__atomic_fetch_and(&map[n / BITS_PER_LONG], ~BIT(n % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

static inline void bitmap_set(unsigned long *map, unsigned long first, unsigned long n)
{
	for (; n; n--, first++)
		map[first / BITS_PER_LONG] |= BIT(first % BITS_PER_LONG);
}

#define BITMAP_LAST_WORD_MASK(n)	(~0UL >> (-(n) & (BITS_PER_LONG - 1)))

/* <linux/kref.h> */
struct kref { atomic_t refs; };

static inline void kref_init(struct kref *k) { atomic_set(&k->refs, 1); }

static inline void kref_get(struct kref *k)
{
	HOST_BUG_ON(atomic_inc_return(&k->refs) <= 1);
}

static inline int kref_put(struct kref *k, void (*release)(struct kref *k))
{
	int left = atomic_dec_return(&k->refs);

	HOST_BUG_ON(left < 0);
	if (!left)
		release(k);
	return !left;
}

#endif
