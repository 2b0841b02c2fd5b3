/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host layer: what tests call.  System calls on the module's files, threads and signals,
 * the address space's events, failures on demand, and counts of what is left.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <host/mm.h>

/* The module: load (what its init returns) and unload; module_init's and _exit's names. */
extern int (*const host_module_init)(void);
extern void (*const host_module_exit)(void);
int host_insmod(void);
void host_rmmod(void);
void *host_param(const char *name);	/* a module parameter's variable */
extern bool host_kvm_busy;		/* /dev/kvm belongs to somebody else */
void host_suspend(bool resume);
void host_reboot(void);

/* Files: as the system calls, with negative error numbers. */
int host_open(void);			/* /dev/kvm */
int host_close(int fd);
long host_ioctl(int fd, unsigned int cmd, unsigned long arg);
#define HOST_IOCTL(fd, cmd, arg)	host_ioctl(fd, cmd, (unsigned long)(arg))
long host_read(int fd, void *buf, size_t size, loff_t *pos);
int host_mmap_flags(int fd, unsigned long pgoff, unsigned long npages, unsigned long flags);
void *host_page(int fd, unsigned long pgoff);	/* of its mapping; NULL: SIGBUS */
void host_unmap_page(void *p);
int host_eventfd(unsigned int count);
u64 host_eventfd_read(int fd);		/* 0: nothing was signalled */
int host_eventfd_write(int fd);
unsigned int host_open_fds(void);
extern unsigned int host_fd_limit;	/* further ones are -EMFILE */

/* Threads.  A thread that waits in here, not in the core, has a CPU all the same. */
struct host_thread;
struct host_thread *host_thread(void (*func)(void *arg), void *arg);
struct task_struct *host_task(struct host_thread *thread);
void host_join(struct host_thread *thread);
void host_kill(struct task_struct *task, int sig);
void host_unkill(struct task_struct *task, int sig);	/* its handler has run */
void host_resched(struct task_struct *task);
void host_notify_resume(struct task_struct *task);	/* task work on the way to user space */
bool host_sleeps(struct task_struct *task);		/* in schedule(), until woken */
extern void (*host_on_sleep)(void);	/* called before it: for tests of one thread */

/* The CPU of the calling thread is @cpu for the time of @func. */
void host_on_cpu(int cpu, void (*func)(void *arg), void *arg);

/* What user space's other processes have. */
struct mm_struct *host_first_mm(void);
struct mm_struct *host_mm_new(void);
void host_mm_use(struct mm_struct *mm);			/* of this thread; NULL: the first one again */
void host_mm_exit(struct mm_struct *mm);		/* the process ends */

/* The address space of this thread.  Lengths are in pages, addresses page-aligned. */
#define HOST_HUGE_PAGES	512UL
unsigned long host_map(unsigned long npages, unsigned long vm_flags);	/* 2M-aligned */
void host_unmap(unsigned long address, unsigned long npages);
void host_zap(unsigned long address, unsigned long npages);	/* pages go, the mapping stays */
void host_write_protect(unsigned long address, unsigned long npages);	/* a write copies */
void host_migrate(unsigned long address);			/* same bytes in another page */
void host_make_huge(unsigned long address);			/* the same, 2M in one piece */
void host_poison(unsigned long address);
unsigned long host_map_frames(void *frames, unsigned long npages, unsigned long vm_flags);
void host_frames_ready(unsigned long address, bool writable);	/* of it, after the next fault */
void host_invalidate(unsigned long start, unsigned long end, bool begin);
enum host_age { HOST_CLEAR_FLUSH_YOUNG, HOST_CLEAR_YOUNG, HOST_TEST_YOUNG };
bool host_age(unsigned long address, unsigned long npages, enum host_age how);
void *host_user(unsigned long address);		/* where its byte is now, faulted in for writing */
struct page *host_user_page(unsigned long address);	/* NULL: not there */

/*
 * The only own memory that user pointers may lead to, where user pointers are anybody's guess;
 * without: all of it.
 */
extern char *host_arena;
extern size_t host_arena_size;

/*
 * The n-th allocation of this thread from now fails, or the n-th copy from or to user space;
 * host_failed(): did it come to that?
 */
void host_fail_nth(unsigned int n);
void host_fail_copy(unsigned int n);
bool host_failed(void);
bool host_copy_fails(void);		/* the host layer asks */

/*
 * What others may do at the worst moment, called by the thread itself: a file descriptor has just
 * become visible; the kernel has found the page behind a user address, and not used it yet.
 */
extern void (*host_on_install)(unsigned int fd);
extern void (*host_on_page)(unsigned long address);
/* And host_on_dereference: a reader under RCU or SRCU has got hold of what a pointer leads to. */
bool host_waits_for_readers(void);	/* somebody does */
long host_allocations(void);		/* not freed yet */

/* Was that printed since the last look? */
bool host_log_has(const char *text);
void host_log_clear(void);

#endif
