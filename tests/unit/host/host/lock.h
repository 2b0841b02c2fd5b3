/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host layer: locks, preemption, interrupts, RCU and SRCU.  Locks are checked for being held,
 * for their order (by class, the expression that initialised them) and for sleeping where nobody
 * may.  "Interrupts off" is holding the CPU's interrupt mutex: others run their interrupts on it.
 */
#ifndef HOST_LOCK_H
#define HOST_LOCK_H

#include <host/mem.h>
#include <pthread.h>

struct host_lock {
	pthread_rwlock_t lock;
	const char *class;
	const void *writer;		/* the task */
	unsigned long writes;		/* times taken for writing, for tests to compare */
};

struct mutex { struct host_lock l; };
typedef struct { struct host_lock l; } spinlock_t;
typedef spinlock_t raw_spinlock_t;
typedef struct { struct host_lock l; } rwlock_t;

void host_lock_init(struct host_lock *l, const char *class);
void host_lock_write(struct host_lock *l);
void host_unlock_write(struct host_lock *l);
void host_lock_read(struct host_lock *l);
void host_unlock_read(struct host_lock *l);
bool host_lock_held(const struct host_lock *l);
int host_lock_killable(struct host_lock *l);

/* No lock that spins, preemption and interrupts on, no wait for oneself. */
void might_sleep(void);

extern __thread int host_preempt_count;
static inline void preempt_disable(void) { host_preempt_count++; }
static inline void preempt_enable(void) { HOST_BUG_ON(--host_preempt_count < 0); }

#define mutex_init(m)		host_lock_init(&(m)->l, #m)
static inline void mutex_lock(struct mutex *m) { might_sleep(); host_lock_write(&m->l); }
static inline void mutex_unlock(struct mutex *m) { host_unlock_write(&m->l); }
static inline int mutex_lock_killable(struct mutex *m)
{
	might_sleep();
	return host_lock_killable(&m->l);
}

#define spin_lock_init(s)	host_lock_init(&(s)->l, #s)
#define raw_spin_lock_init(s)	spin_lock_init(s)
#define rwlock_init(s)		host_lock_init(&(s)->l, #s)

static inline void spin_lock(spinlock_t *s) { preempt_disable(); host_lock_write(&s->l); }
static inline void spin_unlock(spinlock_t *s) { host_unlock_write(&s->l); preempt_enable(); }
static inline void write_lock(rwlock_t *s) { preempt_disable(); host_lock_write(&s->l); }
static inline void write_unlock(rwlock_t *s) { host_unlock_write(&s->l); preempt_enable(); }
static inline void read_lock(rwlock_t *s) { preempt_disable(); host_lock_read(&s->l); }
static inline void read_unlock(rwlock_t *s) { host_unlock_read(&s->l); preempt_enable(); }

void local_irq_disable(void);
void local_irq_enable(void);
bool irqs_disabled(void);

#define local_irq_save(flags) \
	do { (flags) = irqs_disabled(); if (!(flags)) local_irq_disable(); } while (0)
#define local_irq_restore(flags) do { if (!(flags)) local_irq_enable(); } while (0)
#define spin_lock_irq(s)	do { local_irq_disable(); spin_lock(s); } while (0)
#define spin_unlock_irq(s)	do { spin_unlock(s); local_irq_enable(); } while (0)
#define spin_lock_irqsave(s, flags) do { local_irq_save(flags); spin_lock(s); } while (0)
#define spin_unlock_irqrestore(s, flags) do { spin_unlock(s); local_irq_restore(flags); } while (0)
#define raw_spin_lock_irqsave(s, flags)		spin_lock_irqsave(s, flags)
#define raw_spin_unlock_irqrestore(s, flags)	spin_unlock_irqrestore(s, flags)

#define lockdep_is_held(x)		host_lock_held(&(x)->l)
#define lockdep_assert_held(x)		HOST_BUG_ON(!host_lock_held(&(x)->l))
#define lockdep_assert_held_write(x)	lockdep_assert_held(x)
#define lockdep_assert_irqs_disabled()	HOST_BUG_ON(!irqs_disabled())

void cond_resched(void);
/* As where somebody waits for the lock: lets go of it. */
static inline void cond_resched_rwlock_write(rwlock_t *s)
{
	write_unlock(s);
	cond_resched();
	write_lock(s);
}

/* SRCU: two counts of readers; a writer turns the index twice and waits for the old one. */
/* Of what is freed by RCU: the core itself frees nothing so. */
struct rcu_head { void *unused; };

struct srcu_struct {
	struct srcu_counts { atomic_long_t index, readers[2]; } *counts;
	pthread_mutex_t writer;
};

int init_srcu_struct(struct srcu_struct *s);
void cleanup_srcu_struct(struct srcu_struct *s);
int srcu_read_lock(struct srcu_struct *s);
void srcu_read_unlock(struct srcu_struct *s, int idx);
bool srcu_read_lock_held(const struct srcu_struct *s);
void synchronize_srcu(struct srcu_struct *s);
static inline void synchronize_srcu_expedited(struct srcu_struct *s) { synchronize_srcu(s); }
/* No callbacks are used. */
static inline void srcu_barrier(struct srcu_struct *s) { might_sleep(); }

void rcu_read_lock(void);
void rcu_read_unlock(void);
bool rcu_read_lock_held(void);
void synchronize_rcu(void);
static inline void synchronize_rcu_expedited(void) { synchronize_rcu(); }
static inline void rcu_virt_note_context_switch(int cpu) { }

#define rcu_access_pointer(p)		READ_ONCE(p)
/* Called by a reader that has just got hold of what @where pointed to (host.h). */
extern void (*host_on_dereference)(const void *where);

#define rcu_dereference_check(p, c) ({						\
	HOST_BUG_ON(!(c));							\
	__typeof__(p) _p = smp_load_acquire(&(p));				\
	if (unlikely(host_on_dereference))					\
		host_on_dereference(&(p));					\
	_p; })
#define rcu_dereference(p)		rcu_dereference_check(p, rcu_read_lock_held())
#define srcu_dereference_check(p, s, c)	rcu_dereference_check(p, srcu_read_lock_held(s) || (c))
#define srcu_dereference(p, s)		srcu_dereference_check(p, s, false)
#define rcu_dereference_protected(p, c)	({ HOST_BUG_ON(!(c)); READ_ONCE(p); })
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)
#define rcu_replace_pointer(p, v, c) ({ HOST_BUG_ON(!(c)); xchg(&(p), v); })

#endif
