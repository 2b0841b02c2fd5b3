// SPDX-License-Identifier: GPL-2.0-only
/* The host layer's locks, with a check of their order by class, and RCU and SRCU. */
#include <host/host.h>

__thread int host_preempt_count;

/* ---- order: who was ever held when whom was taken ---- */

#define MAX_CLASSES	64
#define MAX_HELD	16

static const char *classes[MAX_CLASSES];
static u64 after[MAX_CLASSES];		/* bit: a class that was taken while this one was held */
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

static __thread struct { const struct host_lock *lock; unsigned int class; } held[MAX_HELD];
static __thread unsigned int nr_held;

static unsigned int class_of(const struct host_lock *l)
{
	unsigned int i;

	for (i = 0; i < MAX_CLASSES && classes[i]; i++)
		if (!strcmp(classes[i], l->class))
			return i;
	HOST_BUG_ON(i == MAX_CLASSES);
	classes[i] = l->class;
	return i;
}

static bool leads_to(unsigned int from, unsigned int to)
{
	unsigned int i;
	u64 seen = 0, next = BIT_ULL(from);

	while (next & ~seen) {
		i = __ffs(next & ~seen);
		seen |= BIT_ULL(i);
		next |= after[i];
	}
	return next & BIT_ULL(to);
}

static void order_check(const struct host_lock *l)
{
	unsigned int i, class;

	HOST_BUG_ON(!l->class || nr_held == MAX_HELD);
	pthread_mutex_lock(&order_lock);
	class = class_of(l);
	for (i = 0; i < nr_held; i++) {
		if (held[i].lock == l)
			host_bug(__FILE__, __LINE__, "%s is taken again by its holder", l->class);
		if (leads_to(class, held[i].class))
			host_bug(__FILE__, __LINE__, "%s is taken inside %s, elsewhere the other way",
				 l->class, classes[held[i].class]);
		after[held[i].class] |= BIT_ULL(class);
	}
	pthread_mutex_unlock(&order_lock);
	held[nr_held].class = class;
}

static void order_release(const struct host_lock *l)
{
	unsigned int i = nr_held;

	while (i && held[i - 1].lock != l)
		i--;
	if (!i)
		host_bug(__FILE__, __LINE__, "%s is not held by who lets it go", l->class);
	for (nr_held--; i <= nr_held; i++)
		held[i - 1] = held[i];
}

void host_lock_init(struct host_lock *l, const char *class)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&l->lock, &attr);
	l->class = class;
	l->writer = NULL;
	l->writes = 0;
}

void host_lock_write(struct host_lock *l)
{
	order_check(l);
	pthread_rwlock_wrlock(&l->lock);
	WRITE_ONCE(l->writer, current);
	l->writes++;
	held[nr_held++].lock = l;
}

void host_unlock_write(struct host_lock *l)
{
	order_release(l);
	WRITE_ONCE(l->writer, NULL);
	pthread_rwlock_unlock(&l->lock);
}

void host_lock_read(struct host_lock *l)
{
	order_check(l);
	pthread_rwlock_rdlock(&l->lock);
	held[nr_held++].lock = l;
}

void host_unlock_read(struct host_lock *l)
{
	order_release(l);
	pthread_rwlock_unlock(&l->lock);
}

bool host_lock_held(const struct host_lock *l)
{
	return READ_ONCE(l->writer) == current;
}

int host_lock_killable(struct host_lock *l)
{
	order_check(l);
	while (pthread_rwlock_trywrlock(&l->lock)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cpu_relax();
	}
	WRITE_ONCE(l->writer, current);
	held[nr_held++].lock = l;
	return 0;
}

/* ---- SRCU ---- */

static __thread struct { const struct srcu_struct *srcu; unsigned int depth; } reading[MAX_HELD];

static unsigned int *depth_of(const struct srcu_struct *s)
{
	unsigned int i;

	for (i = 0; i < MAX_HELD; i++)
		if (reading[i].depth && reading[i].srcu == s)
			return &reading[i].depth;
	for (i = 0; i < MAX_HELD && reading[i].depth; i++)
		;
	HOST_BUG_ON(i == MAX_HELD);
	reading[i].srcu = s;
	return &reading[i].depth;
}

int init_srcu_struct(struct srcu_struct *s)
{
	pthread_mutex_init(&s->writer, NULL);
	s->counts = kzalloc(sizeof(*s->counts), GFP_KERNEL);
	return s->counts ? 0 : -ENOMEM;
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
	HOST_BUG_ON(!s->counts || atomic_long_read(&s->counts->readers[0]) ||
		    atomic_long_read(&s->counts->readers[1]));
	kfree(s->counts);
	s->counts = NULL;
}

int srcu_read_lock(struct srcu_struct *s)
{
	int idx = atomic_long_read(&s->counts->index) & 1;

	atomic_long_inc(&s->counts->readers[idx]);
	++*depth_of(s);
	return idx;
}

void srcu_read_unlock(struct srcu_struct *s, int idx)
{
	unsigned int *depth = depth_of(s);

	HOST_BUG_ON(!*depth);
	--*depth;
	atomic_long_dec(&s->counts->readers[idx]);
}

bool srcu_read_lock_held(const struct srcu_struct *s)
{
	return *depth_of(s);
}

static void wait_readers(atomic_long_t *readers)
{
	/* Acquires what the last of them did. */
	while (__atomic_load_n(&readers->counter, __ATOMIC_SEQ_CST))
		cpu_relax();
}

void (*host_on_dereference)(const void *where);
static atomic_t waiting;

bool host_waits_for_readers(void)
{
	return atomic_read(&waiting);
}

static void synchronize(struct srcu_struct *s)
{
	unsigned int turn;

	atomic_inc(&waiting);
	pthread_mutex_lock(&s->writer);
	/* Twice, for a reader who took the index before the first turn and counts after it. */
	for (turn = 0; turn < 2; turn++) {
		long old = atomic_long_read(&s->counts->index);

		atomic_long_inc(&s->counts->index);
		wait_readers(&s->counts->readers[old & 1]);
	}
	pthread_mutex_unlock(&s->writer);
	atomic_dec(&waiting);
}

void synchronize_srcu(struct srcu_struct *s)
{
	might_sleep();
	HOST_BUG_ON(srcu_read_lock_held(s));
	synchronize(s);
}

/* ---- RCU: one SRCU whose readers do not sleep ---- */

static struct srcu_counts rcu_counts;
static struct srcu_struct rcu = { &rcu_counts, PTHREAD_MUTEX_INITIALIZER };
static __thread int rcu_index, rcu_depth;

void rcu_read_lock(void)
{
	if (rcu_depth++)
		return;
	rcu_index = atomic_long_read(&rcu_counts.index) & 1;
	atomic_long_inc(&rcu_counts.readers[rcu_index]);
}

void rcu_read_unlock(void)
{
	HOST_BUG_ON(rcu_depth <= 0);
	if (!--rcu_depth)
		atomic_long_dec(&rcu_counts.readers[rcu_index]);
}

bool rcu_read_lock_held(void)
{
	return rcu_depth;
}

void synchronize_rcu(void)
{
	might_sleep();
	synchronize(&rcu);
}

void might_sleep(void)
{
	HOST_BUG_ON(host_preempt_count || irqs_disabled() || rcu_depth);
}
