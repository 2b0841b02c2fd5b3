/* SPDX-License-Identifier: GPL-2.0-only */
/* The host layer: files and their numbers, eventfds, wait queues, user copies, the module's hooks. */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include <host/sched.h>
#include <linux/ioctl.h>
#include <fcntl.h>

struct file;
struct inode;
struct page;
struct vm_area_struct;
struct poll_table_struct;
typedef struct poll_table_struct poll_table;

#ifndef EPOLLIN
#define EPOLLIN		((__poll_t)0x1)
#define EPOLLHUP	((__poll_t)0x10)
#endif

struct file_operations {
	void *owner;
	int (*open)(struct inode *inode, struct file *file);
	int (*release)(struct inode *inode, struct file *file);
	ssize_t (*read)(struct file *file, char *buf, size_t size, loff_t *pos);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	__poll_t (*poll)(struct file *file, poll_table *table);
	void *llseek;
};

#define THIS_MODULE	NULL
#define FMODE_PREAD	BIT(3)
#define noop_llseek	NULL

struct file {
	atomic_t refs;
	unsigned int f_mode;
	const struct file_operations *f_op;
	void *private_data;
};

struct file *anon_inode_getfile(const char *name, const struct file_operations *fops, void *data,
				int flags);
int get_unused_fd_flags(unsigned int flags);
void put_unused_fd(unsigned int fd);
void fd_install(unsigned int fd, struct file *file);
struct file *fget(unsigned int fd);
void fput(struct file *file);

/* Wait queues, of which only waking functions are used. */
typedef struct wait_queue_head { spinlock_t lock; struct list_head head; } wait_queue_head_t;
typedef struct wait_queue_entry wait_queue_entry_t;
typedef int (*wait_queue_func_t)(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key);
struct wait_queue_entry {
	wait_queue_func_t func;
	struct list_head entry;
};

#define init_waitqueue_func_entry(e, f)	((e)->func = (f))
#define key_to_poll(key)		((__poll_t)(uintptr_t)(key))
void add_wait_queue_priority(wait_queue_head_t *queue, wait_queue_entry_t *entry);

typedef void (*poll_queue_proc)(struct file *file, wait_queue_head_t *queue, poll_table *table);
struct poll_table_struct { poll_queue_proc proc; };
#define init_poll_funcptr(t, p)		((t)->proc = (p))
static inline __poll_t vfs_poll(struct file *file, poll_table *table)
{
	return file->f_op->poll(file, table);
}

struct eventfd_ctx;
struct eventfd_ctx *eventfd_ctx_fdget(int fd);
struct eventfd_ctx *eventfd_ctx_fileget(struct file *file);
void eventfd_ctx_put(struct eventfd_ctx *ctx);
u64 eventfd_signal(struct eventfd_ctx *ctx, u64 n);
void eventfd_ctx_do_read(struct eventfd_ctx *ctx, u64 *count);
int eventfd_ctx_remove_wait_queue(struct eventfd_ctx *ctx, wait_queue_entry_t *entry, u64 *count);

/* Bytes that were not copied, as the kernel's; the user's memory may be anything. */
unsigned long copy_from_user(void *to, const void *from, unsigned long n);
unsigned long copy_to_user(void *to, const void *from, unsigned long n);
long copy_to_user_nofault(void *to, const void *from, size_t n);
void *vmemdup_user(const void *from, size_t n);
#define TASK_SIZE	(1UL << 47)
#define access_ok(p, n)	((n) <= TASK_SIZE && (unsigned long)(p) <= TASK_SIZE - (n))
#define put_user(v, p) ({ __typeof__(*(p)) _u = (v);					\
			  copy_to_user(p, &_u, sizeof(_u)) ? -EFAULT : 0; })
#define get_user(v, p)	(copy_from_user(&(v), p, sizeof(v)) ? -EFAULT : 0)

/* The module. */
#define module_init(f)	int (*const host_module_init)(void) = f
#define module_exit(f)	void (*const host_module_exit)(void) = f
void host_param_add(const char *name, void *value);
#define module_param(name, type, mode)							\
	__attribute__((constructor)) static void host_param_##name(void)		\
	{ host_param_add(#name, &name); }						\
	struct host_unused
#define MODULE_PARM_DESC(name, text)	struct host_unused
#define MODULE_LICENSE(text)		struct host_unused
#define MODULE_DESCRIPTION(text)	struct host_unused
#define MODULE_ALIAS(text)		struct host_unused
#define MODULE_ALIAS_MISCDEV(minor)	struct host_unused

#define KVM_MINOR	232
struct miscdevice {
	int minor;
	const char *name;
	const struct file_operations *fops;
};

int misc_register(struct miscdevice *misc);
void misc_deregister(struct miscdevice *misc);

enum cpuhp_state { CPUHP_AP_ONLINE_DYN = 100 };
int cpuhp_setup_state(enum cpuhp_state state, const char *name, int (*up)(unsigned int cpu),
		      int (*down)(unsigned int cpu));
void cpuhp_remove_state(enum cpuhp_state state);

struct syscore_ops {
	int (*suspend)(void);
	void (*resume)(void);
};

void register_syscore_ops(struct syscore_ops *ops);
void unregister_syscore_ops(struct syscore_ops *ops);

#define NOTIFY_OK	1
struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long event, void *data);
};

int register_reboot_notifier(struct notifier_block *nb);
int unregister_reboot_notifier(struct notifier_block *nb);

#endif
