// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host layer's tasks, CPUs, interrupts between them, signals, sleep and work queues.
 *
 * A CPU's interrupts are off while its `off` mutex is held.  Who sends one and finds it free runs
 * the interrupt there and then, as that CPU; else who lets go of it does.
 */
#include <host/host.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define TASKS	256

struct cpu {
	pthread_mutex_t off;
	pthread_mutex_t queue_lock;
	call_single_data_t *queue;
	int resched;			/* an interrupt with no function */
	bool taken;			/* a thread has it */
};

static struct cpu cpus[HOST_CPUS];
static pthread_mutex_t pick_lock = PTHREAD_MUTEX_INITIALIZER;	/* cpus' taken, tasks, pids */
static pthread_cond_t cpu_freed = PTHREAD_COND_INITIALIZER;

static struct task_struct tasks[TASKS];
static atomic_t next_pid = { 1000 };

static __thread struct task_struct *self;
static __thread int this_cpu;
static __thread bool irqs_off;

__attribute__((constructor)) static void cpus_init(void)
{
	unsigned int i;

	for (i = 0; i < HOST_CPUS; i++) {
		pthread_mutex_init(&cpus[i].off, NULL);
		pthread_mutex_init(&cpus[i].queue_lock, NULL);
	}
}

void cpu_relax(void)
{
	sched_yield();
}

ktime_t ktime_get(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Any free CPU, rather another than @not. */
static void cpu_take(int not)
{
	int i, found = -1;

	pthread_mutex_lock(&pick_lock);
	while (found < 0) {
		for (i = 1; i <= HOST_CPUS && found < 0; i++)
			if (!cpus[(not + i) % HOST_CPUS].taken)
				found = (not + i) % HOST_CPUS;
		if (found < 0)
			pthread_cond_wait(&cpu_freed, &pick_lock);
	}
	cpus[found].taken = true;
	pthread_mutex_unlock(&pick_lock);
	this_cpu = found;
	WRITE_ONCE(self->cpu, found);
}

static void cpu_release(void)
{
	pthread_mutex_lock(&pick_lock);
	cpus[this_cpu].taken = false;
	pthread_cond_signal(&cpu_freed);
	pthread_mutex_unlock(&pick_lock);
}

struct task_struct *host_current(void)
{
	struct task_struct *t = tasks;
	struct pid *pid;

	if (likely(self))
		return self;
	pthread_mutex_lock(&pick_lock);
	while (t < tasks + TASKS && atomic_read(&t->refs))
		t++;
	HOST_BUG_ON(t == tasks + TASKS);
	atomic_set(&t->refs, 1);
	pthread_mutex_unlock(&pick_lock);
	t->flags = t->pending = 0;
	t->blocked.sig[0] = t->real_blocked.sig[0] = 0;
	t->state = TASK_RUNNING;
	t->notifier = NULL;
	t->mm = host_first_mm();
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	pid = calloc(1, sizeof(*pid));
	HOST_BUG_ON(!pid);
	atomic_set(&pid->refs, 1);
	pid->nr = atomic_inc_return(&next_pid);
	pid->task = t;
	t->pid = pid;
	self = t;
	cpu_take(0);
	return t;
}

/* The thread ends. */
static void task_exit(void)
{
	HOST_BUG_ON(host_preempt_count || irqs_off || self->notifier);
	pthread_mutex_lock(&pick_lock);
	self->pid->task = NULL;
	pthread_mutex_unlock(&pick_lock);
	put_pid(self->pid);
	cpu_release();
	put_task_struct(self);
	self = NULL;
}

void put_task_struct(struct task_struct *t)
{
	HOST_BUG_ON(atomic_dec_return(&t->refs) < 0);
}

struct pid *get_task_pid(struct task_struct *t, enum pid_type type)
{
	atomic_inc(&t->pid->refs);
	return t->pid;
}

void put_pid(struct pid *pid)
{
	if (pid && !atomic_dec_return(&pid->refs))
		free(pid);
}

struct task_struct *get_pid_task(struct pid *pid, enum pid_type type)
{
	struct task_struct *t;

	if (!pid)
		return NULL;
	pthread_mutex_lock(&pick_lock);
	t = pid->task;
	if (t)
		atomic_inc(&t->refs);
	pthread_mutex_unlock(&pick_lock);
	return t;
}

/* ---- interrupts ---- */

int smp_processor_id(void)
{
	HOST_BUG_ON(!host_preempt_count && !irqs_off);
	return this_cpu;
}

bool irqs_disabled(void)
{
	return irqs_off;
}

bool host_interrupt_pending(void)
{
	return READ_ONCE(cpus[this_cpu].queue) || READ_ONCE(cpus[this_cpu].resched);
}

void host_on_cpu(int cpu, void (*func)(void *arg), void *arg)
{
	int was;

	host_current();
	was = this_cpu;
	preempt_disable();
	this_cpu = cpu;
	func(arg);
	this_cpu = was;
	preempt_enable();
}

/* Its `off` mutex is held. */
static void run_interrupts(int cpu)
{
	bool was_off = irqs_off;
	int was_cpu = this_cpu;
	call_single_data_t *csd, *next;

	host_current();
	irqs_off = true;
	this_cpu = cpu;
	WRITE_ONCE(cpus[cpu].resched, 0);
	pthread_mutex_lock(&cpus[cpu].queue_lock);
	csd = cpus[cpu].queue;
	WRITE_ONCE(cpus[cpu].queue, NULL);
	pthread_mutex_unlock(&cpus[cpu].queue_lock);
	for (; csd; csd = next) {
		smp_call_func_t func = csd->func;
		int *waiting = csd->waiting;
		void *info = csd->info;

		next = csd->next;
		/* From here on it may be sent again. */
		smp_store_release(&csd->busy, 0);
		func(info);
		if (waiting)
			__atomic_sub_fetch(waiting, 1, __ATOMIC_SEQ_CST);
	}
	irqs_off = was_off;
	this_cpu = was_cpu;
}

static bool waits_for(int cpu)
{
	return READ_ONCE(cpus[cpu].queue) || READ_ONCE(cpus[cpu].resched);
}

/* Whoever holds the mutex looks again when letting it go. */
static void deliver(int cpu)
{
	while (waits_for(cpu) && !pthread_mutex_trylock(&cpus[cpu].off)) {
		run_interrupts(cpu);
		pthread_mutex_unlock(&cpus[cpu].off);
	}
}

void local_irq_disable(void)
{
	host_current();
	HOST_BUG_ON(irqs_off);
	/* The CPU stays this one: nobody is preempted here but in schedule(). */
	pthread_mutex_lock(&cpus[this_cpu].off);
	irqs_off = true;
}

void local_irq_enable(void)
{
	HOST_BUG_ON(!irqs_off);
	run_interrupts(this_cpu);
	irqs_off = false;
	pthread_mutex_unlock(&cpus[this_cpu].off);
	deliver(this_cpu);
}

static void queue_csd(int cpu, call_single_data_t *csd)
{
	pthread_mutex_lock(&cpus[cpu].queue_lock);
	csd->next = cpus[cpu].queue;
	WRITE_ONCE(cpus[cpu].queue, csd);
	pthread_mutex_unlock(&cpus[cpu].queue_lock);
	deliver(cpu);
}

int smp_call_function_single_async(int cpu, call_single_data_t *csd)
{
	if (__atomic_exchange_n(&csd->busy, 1, __ATOMIC_SEQ_CST))
		return -EBUSY;
	queue_csd(cpu, csd);
	return 0;
}

void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, bool wait)
{
	call_single_data_t csd[HOST_CPUS] = { };
	int cpu, waiting = __builtin_popcountl(mask->bits);

	/* Two with interrupts off would wait for each other. */
	HOST_BUG_ON(irqs_off || !host_preempt_count || !wait || mask->bits & BIT(this_cpu));
	for (cpu = 0; cpu < HOST_CPUS; cpu++) {
		if (!(mask->bits & BIT(cpu)))
			continue;
		csd[cpu] = (call_single_data_t) {
			.func = func, .info = info, .waiting = &waiting,
		};
		queue_csd(cpu, &csd[cpu]);
	}
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST))
		cpu_relax();
}

void on_each_cpu(smp_call_func_t func, void *info, int wait)
{
	struct cpumask others = { BIT(HOST_CPUS) - 1 };

	get_cpu();
	cpumask_clear_cpu(this_cpu, &others);
	smp_call_function_many(&others, func, info, true);
	local_irq_disable();
	func(info);
	local_irq_enable();
	put_cpu();
}

static void interrupt_task(struct task_struct *t)
{
	int cpu = READ_ONCE(t->cpu);

	WRITE_ONCE(cpus[cpu].resched, 1);
	deliver(cpu);
}

/* ---- sleep, preemption, signals ---- */

static void notify_out(void)
{
	if (!self->notifier)
		return;
	preempt_disable();
	self->notifier->ops->sched_out(self->notifier, NULL);
	preempt_enable();
}

static void notify_in(void)
{
	if (!self->notifier)
		return;
	preempt_disable();
	self->notifier->ops->sched_in(self->notifier, this_cpu);
	preempt_enable();
}

void (*host_on_sleep)(void);

void schedule(void)
{
	struct task_struct *t = current;
	int cpu = this_cpu;

	might_sleep();
	clear_bit(TIF_NEED_RESCHED, &t->flags);
	notify_out();
	cpu_release();
	if (host_on_sleep && READ_ONCE(t->state) == TASK_INTERRUPTIBLE)
		host_on_sleep();
	pthread_mutex_lock(&t->lock);
	while (READ_ONCE(t->state) == TASK_INTERRUPTIBLE && !signal_pending(t))
		pthread_cond_wait(&t->wake, &t->lock);
	WRITE_ONCE(t->state, TASK_RUNNING);
	pthread_mutex_unlock(&t->lock);
	cpu_take(cpu);
	notify_in();
}

void cond_resched(void)
{
	might_sleep();
	if (need_resched())
		schedule();
}

int wake_up_process(struct task_struct *t)
{
	int slept;

	pthread_mutex_lock(&t->lock);
	slept = READ_ONCE(t->state) == TASK_INTERRUPTIBLE;
	WRITE_ONCE(t->state, TASK_RUNNING);
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	return slept;
}

bool host_sleeps(struct task_struct *t)
{
	return READ_ONCE(t->state) == TASK_INTERRUPTIBLE;
}

void host_resched(struct task_struct *t)
{
	set_bit(TIF_NEED_RESCHED, &t->flags);
	interrupt_task(t);
}

void host_notify_resume(struct task_struct *t)
{
	set_bit(TIF_NOTIFY_RESUME, &t->flags);
	interrupt_task(t);
}

static void recalc_signals(struct task_struct *t)
{
	if (READ_ONCE(t->pending) & ~READ_ONCE(t->blocked.sig[0]))
		set_bit(TIF_SIGPENDING, &t->flags);
	else
		clear_bit(TIF_SIGPENDING, &t->flags);
}

void host_kill(struct task_struct *t, int sig)
{
	pthread_mutex_lock(&t->lock);
	__atomic_fetch_or(&t->pending, sigmask(sig), __ATOMIC_SEQ_CST);
	recalc_signals(t);
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	interrupt_task(t);
}

void host_unkill(struct task_struct *t, int sig)
{
	pthread_mutex_lock(&t->lock);
	__atomic_fetch_and(&t->pending, ~sigmask(sig), __ATOMIC_SEQ_CST);
	recalc_signals(t);
	pthread_mutex_unlock(&t->lock);
}

int sigprocmask(int how, sigset_t *set, sigset_t *old)
{
	struct task_struct *t = current;

	HOST_BUG_ON(how != SIG_SETMASK);
	pthread_mutex_lock(&t->lock);
	if (old)
		*old = t->blocked;
	WRITE_ONCE(t->blocked.sig[0], set->sig[0]);
	recalc_signals(t);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

void send_sig_mceerr(int code, void *address, short shift, struct task_struct *t)
{
	t->mce_address = address;
	host_kill(t, SIGBUS);
}

int yield_to(struct task_struct *t, bool preempt)
{
	__atomic_fetch_add(&t->yielded_to, 1, __ATOMIC_SEQ_CST);
	cpu_relax();
	return 1;
}

void prepare_to_rcuwait(struct rcuwait *w)
{
	HOST_BUG_ON(READ_ONCE(w->task));
	smp_store_release(&w->task, current);
}

void finish_rcuwait(struct rcuwait *w)
{
	smp_store_release(&w->task, NULL);
	set_current_state(TASK_RUNNING);
}

/* Tasks' memory stays: one that has ended meanwhile is woken for nothing. */
int rcuwait_wake_up(struct rcuwait *w)
{
	struct task_struct *t = smp_load_acquire(&w->task);

	return t ? wake_up_process(t) : 0;
}

static atomic_t notifier_users;

void preempt_notifier_inc(void)
{
	atomic_inc(&notifier_users);
}

void preempt_notifier_dec(void)
{
	HOST_BUG_ON(atomic_dec_return(&notifier_users) < 0);
}

void preempt_notifier_register(struct preempt_notifier *n)
{
	HOST_BUG_ON(!atomic_read(&notifier_users) || current->notifier);
	self->notifier = n;
}

void preempt_notifier_unregister(struct preempt_notifier *n)
{
	HOST_BUG_ON(current->notifier != n);
	self->notifier = NULL;
}

/* ---- threads ---- */

struct host_thread {
	pthread_t thread;
	void (*func)(void *arg);
	void *arg;
	struct mm_struct *mm;
	struct task_struct *task;
};

static void *thread_main(void *arg)
{
	struct host_thread *thread = arg;

	host_current()->mm = thread->mm;
	smp_store_release(&thread->task, self);
	thread->func(thread->arg);
	task_exit();
	return NULL;
}

struct host_thread *host_thread(void (*func)(void *arg), void *arg)
{
	struct host_thread *thread = calloc(1, sizeof(*thread));

	HOST_BUG_ON(!thread);
	thread->func = func;
	thread->arg = arg;
	thread->mm = current->mm;
	HOST_BUG_ON(pthread_create(&thread->thread, NULL, thread_main, thread));
	while (!smp_load_acquire(&thread->task))
		cpu_relax();
	return thread;
}

struct task_struct *host_task(struct host_thread *thread)
{
	return thread->task;
}

void host_join(struct host_thread *thread)
{
	pthread_join(thread->thread, NULL);
	free(thread);
}

/* ---- work ---- */

struct workqueue_struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list_head work;
	bool busy, stop;
	struct host_thread *thread;
};

static void worker(void *arg)
{
	struct workqueue_struct *wq = arg;

	pthread_mutex_lock(&wq->lock);
	for (;;) {
		struct work_struct *work;

		while (!wq->stop && list_empty(&wq->work))
			pthread_cond_wait(&wq->changed, &wq->lock);
		if (list_empty(&wq->work))
			break;
		work = list_entry(wq->work.next, struct work_struct, link);
		list_del_init(&work->link);
		wq->busy = true;
		pthread_mutex_unlock(&wq->lock);
		/* It may free itself. */
		work->func(work);
		pthread_mutex_lock(&wq->lock);
		wq->busy = false;
		pthread_cond_broadcast(&wq->changed);
	}
	pthread_mutex_unlock(&wq->lock);
}

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags, int max_active)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);

	if (!wq)
		return NULL;
	pthread_mutex_init(&wq->lock, NULL);
	pthread_cond_init(&wq->changed, NULL);
	INIT_LIST_HEAD(&wq->work);
	wq->thread = host_thread(worker, wq);
	return wq;
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	pthread_mutex_lock(&wq->lock);
	wq->stop = true;
	pthread_cond_broadcast(&wq->changed);
	pthread_mutex_unlock(&wq->lock);
	host_join(wq->thread);
	kfree(wq);
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool queued = false;

	pthread_mutex_lock(&wq->lock);
	if (list_empty(&work->link)) {
		list_add_tail(&work->link, &wq->work);
		queued = true;
		pthread_cond_broadcast(&wq->changed);
	}
	pthread_mutex_unlock(&wq->lock);
	return queued;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	might_sleep();
	pthread_mutex_lock(&wq->lock);
	while (wq->busy || !list_empty(&wq->work))
		pthread_cond_wait(&wq->changed, &wq->lock);
	pthread_mutex_unlock(&wq->lock);
}
