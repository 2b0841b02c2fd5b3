/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host layer: tasks, which are threads, and CPUs, of which a running thread has one.  A thread
 * that sleeps or is preempted gives its CPU back and may get another.
 */
#ifndef HOST_SCHED_H
#define HOST_SCHED_H

#include <host/list.h>

#define HOST_CPUS	16		/* no test runs more threads at once */
#define NR_CPUS		HOST_CPUS

/* The kernel's signal set, not the C library's. */
#define sigset_t		host_sigset_t
typedef struct { unsigned long sig[1]; } sigset_t;
#undef sigmask
#undef sigemptyset
#define sigmask(n)		BIT((n) - 1)
#define sigdelsetmask(s, m)	((s)->sig[0] &= ~(m))
#define sigemptyset(s)		((s)->sig[0] = 0)
#define sigprocmask		host_sigprocmask
#ifndef SIGKILL
#define SIGBUS			7
#define SIGKILL			9
#define SIGUSR1			10
#define SIGSTOP			19
#define SIG_SETMASK		2
#endif
#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR		4
#endif

enum { TASK_RUNNING, TASK_INTERRUPTIBLE };
enum { TIF_SIGPENDING, TIF_NEED_RESCHED, TIF_NOTIFY_RESUME };
enum pid_type { PIDTYPE_PID };

struct mm_struct;
struct task_struct;
struct preempt_notifier;

struct pid {
	atomic_t refs;
	int nr;
	struct task_struct *task;	/* under the pid lock; NULL: has ended */
};

struct task_struct {
	atomic_t refs;
	struct mm_struct *mm;
	struct pid *pid;
	unsigned long flags;		/* TIF_* */
	unsigned long pending;		/* signals */
	sigset_t blocked, real_blocked;
	int state;
	int cpu;
	pthread_mutex_t lock;		/* sleeping and waking */
	pthread_cond_t wake;
	struct preempt_notifier *notifier;
	unsigned int yielded_to;	/* times */
	void *mce_address;		/* of the last memory error's signal */
};

#define current			host_current()
struct task_struct *host_current(void);

static inline bool test_thread_flag(int flag) { return test_bit(flag, &current->flags); }
static inline void set_thread_flag(int flag) { set_bit(flag, &current->flags); }
static inline bool need_resched(void) { return test_thread_flag(TIF_NEED_RESCHED); }
/* A CPU has one thread. */
static inline bool single_task_running(void) { return true; }
static inline bool signal_pending(struct task_struct *t)
{
	return test_bit(TIF_SIGPENDING, &t->flags);
}

static inline bool fatal_signal_pending(struct task_struct *t)
{
	return READ_ONCE(t->pending) & sigmask(SIGKILL);
}

int sigprocmask(int how, sigset_t *set, sigset_t *old);
void send_sig_mceerr(int code, void *address, short shift, struct task_struct *t);

#define set_current_state(s)	smp_store_mb(current->state, s)
void schedule(void);
int wake_up_process(struct task_struct *t);
int yield_to(struct task_struct *t, bool preempt);
void put_task_struct(struct task_struct *t);

static inline struct pid *task_pid(struct task_struct *t) { return t->pid; }
static inline int task_pid_nr(struct task_struct *t) { return t->pid->nr; }
struct pid *get_task_pid(struct task_struct *t, enum pid_type type);
void put_pid(struct pid *pid);
struct task_struct *get_pid_task(struct pid *pid, enum pid_type type);

struct rcuwait { struct task_struct *task; };
static inline void rcuwait_init(struct rcuwait *w) { w->task = NULL; }
void prepare_to_rcuwait(struct rcuwait *w);
void finish_rcuwait(struct rcuwait *w);
int rcuwait_wake_up(struct rcuwait *w);

struct preempt_ops {
	void (*sched_in)(struct preempt_notifier *notifier, int cpu);
	void (*sched_out)(struct preempt_notifier *notifier, struct task_struct *next);
};

struct preempt_notifier { struct preempt_ops *ops; };

static inline void preempt_notifier_init(struct preempt_notifier *n, struct preempt_ops *ops)
{
	n->ops = ops;
}

void preempt_notifier_inc(void);
void preempt_notifier_dec(void);
void preempt_notifier_register(struct preempt_notifier *n);
void preempt_notifier_unregister(struct preempt_notifier *n);

/* CPUs. */
typedef struct cpumask { unsigned long bits; } cpumask_t;
typedef struct cpumask *cpumask_var_t;

#define cpumask_clear(m)		((m)->bits = 0)
#define cpumask_set_cpu(cpu, m)		((m)->bits |= BIT(cpu))
#define cpumask_clear_cpu(cpu, m)	((m)->bits &= ~BIT(cpu))
#define cpumask_empty(m)		(!(m)->bits)
#define cpu_to_node(cpu)		0
#define num_online_cpus()		((unsigned int)HOST_CPUS)
#define for_each_possible_cpu(cpu)	for (cpu = 0; cpu < HOST_CPUS; cpu++)

static inline bool zalloc_cpumask_var_node(cpumask_var_t *m, gfp_t gfp, int node)
{
	return (*m = kzalloc(sizeof(**m), gfp));
}

static inline void free_cpumask_var(cpumask_var_t m) { kfree(m); }

int smp_processor_id(void);
static inline int get_cpu(void) { preempt_disable(); return smp_processor_id(); }
static inline void put_cpu(void) { preempt_enable(); }

#define DEFINE_PER_CPU(type, name)	__typeof__(type) name[HOST_CPUS] host_pristine
#define per_cpu(name, cpu)		(name)[cpu]
#define per_cpu_ptr(p, cpu)		(&(*(p))[cpu])
#define this_cpu_ptr(p)			per_cpu_ptr(p, smp_processor_id())

typedef void (*smp_call_func_t)(void *info);
typedef struct __call_single_data {
	struct __call_single_data *next;
	smp_call_func_t func;
	void *info;
	int busy;
	int *waiting;			/* who counts the ends of such calls */
} call_single_data_t;

#define INIT_CSD(c, f, i) (*(c) = (call_single_data_t) { .func = (f), .info = (i) })
int smp_call_function_single_async(int cpu, call_single_data_t *csd);
void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, bool wait);
void on_each_cpu(smp_call_func_t func, void *info, int wait);

/* Where the toy CPU leaves its guest: an interrupt waits for this CPU. */
bool host_interrupt_pending(void);

/* Time, accounting. */
typedef s64 ktime_t;
#define HZ	250
ktime_t ktime_get(void);
static inline ktime_t ktime_add_ns(ktime_t t, u64 ns) { return t + ns; }
static inline ktime_t ktime_sub(ktime_t a, ktime_t b) { return a - b; }
static inline s64 ktime_to_ns(ktime_t t) { return t; }
static inline bool ktime_before(ktime_t a, ktime_t b) { return a < b; }

struct ratelimit_state { int unused; };
#define DEFINE_RATELIMIT_STATE(name, interval, burst) struct ratelimit_state name
#define __ratelimit(state)	((void)(state), true)

static inline bool context_tracking_guest_enter(void) { return false; }
static inline void context_tracking_guest_exit(void) { }
static inline void vtime_account_guest_enter(void) { }
static inline void vtime_account_guest_exit(void) { }

/* Work, done by a thread per queue. */
struct work_struct {
	struct list_head link;
	void (*func)(struct work_struct *work);
};

struct workqueue_struct;
#define INIT_WORK(w, f)	do { INIT_LIST_HEAD(&(w)->link); (w)->func = (f); } while (0)
struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags, int max_active);
void destroy_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void flush_workqueue(struct workqueue_struct *wq);

#endif
