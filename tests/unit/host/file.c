// SPDX-License-Identifier: GPL-2.0-only
/* The host layer's files, eventfds, system calls and the module's life. */
#include <host/host.h>
#include <stdlib.h>

#define FDS	1024
#define FD_RESERVED	((struct file *)1UL)

static struct file *fds[FDS];
static pthread_mutex_t fd_lock = PTHREAD_MUTEX_INITIALIZER;
unsigned int host_fd_limit = FDS;

int get_unused_fd_flags(unsigned int flags)
{
	unsigned int fd = 3;

	pthread_mutex_lock(&fd_lock);
	while (fd < host_fd_limit && fds[fd])
		fd++;
	if (fd < host_fd_limit)
		fds[fd] = FD_RESERVED;
	pthread_mutex_unlock(&fd_lock);
	return fd < host_fd_limit ? (int)fd : -EMFILE;
}

static struct file *fd_replace(unsigned int fd, struct file *file)
{
	struct file *old;

	pthread_mutex_lock(&fd_lock);
	old = fds[fd];
	fds[fd] = file;
	pthread_mutex_unlock(&fd_lock);
	return old;
}

void put_unused_fd(unsigned int fd)
{
	HOST_BUG_ON(fd_replace(fd, NULL) != FD_RESERVED);
}

void (*host_on_install)(unsigned int fd);

void fd_install(unsigned int fd, struct file *file)
{
	HOST_BUG_ON(fd_replace(fd, file) != FD_RESERVED);
	if (host_on_install)
		host_on_install(fd);
}

struct file *fget(unsigned int fd)
{
	struct file *file = NULL;

	pthread_mutex_lock(&fd_lock);
	if (fd < FDS && fds[fd] && fds[fd] != FD_RESERVED) {
		file = fds[fd];
		atomic_inc(&file->refs);
	}
	pthread_mutex_unlock(&fd_lock);
	return file;
}

void fput(struct file *file)
{
	if (atomic_dec_return(&file->refs))
		return;
	if (file->f_op->release)
		file->f_op->release(NULL, file);
	kfree(file);
}

struct file *anon_inode_getfile(const char *name, const struct file_operations *fops, void *data,
				int flags)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return ERR_PTR(-ENOMEM);
	atomic_set(&file->refs, 1);
	file->f_op = fops;
	file->private_data = data;
	return file;
}

/* ---- eventfds ---- */

struct eventfd_ctx {
	struct kref refs;
	u64 count;
	wait_queue_head_t queue;
};

static void eventfd_free(struct kref *refs)
{
	kfree(container_of(refs, struct eventfd_ctx, refs));
}

void eventfd_ctx_put(struct eventfd_ctx *ctx)
{
	kref_put(&ctx->refs, eventfd_free);
}

static void wake(struct eventfd_ctx *ctx, __poll_t events)
{
	wait_queue_entry_t *entry, *next;

	list_for_each_entry_safe(entry, next, &ctx->queue.head, entry)
		entry->func(entry, 0, 0, (void *)(uintptr_t)events);
}

u64 eventfd_signal(struct eventfd_ctx *ctx, u64 n)
{
	unsigned long flags;

	spin_lock_irqsave(&ctx->queue.lock, flags);
	ctx->count += n;
	wake(ctx, EPOLLIN);
	spin_unlock_irqrestore(&ctx->queue.lock, flags);
	return n;
}

void eventfd_ctx_do_read(struct eventfd_ctx *ctx, u64 *count)
{
	lockdep_assert_held(&ctx->queue.lock);
	*count = ctx->count;
	ctx->count = 0;
}

int eventfd_ctx_remove_wait_queue(struct eventfd_ctx *ctx, wait_queue_entry_t *entry, u64 *count)
{
	spin_lock_irq(&ctx->queue.lock);
	eventfd_ctx_do_read(ctx, count);
	list_del(&entry->entry);
	spin_unlock_irq(&ctx->queue.lock);
	return *count ? 0 : -EAGAIN;
}

void add_wait_queue_priority(wait_queue_head_t *queue, wait_queue_entry_t *entry)
{
	spin_lock_irq(&queue->lock);
	list_add(&entry->entry, &queue->head);
	spin_unlock_irq(&queue->lock);
}

static int eventfd_release(struct inode *inode, struct file *file)
{
	struct eventfd_ctx *ctx = file->private_data;
	unsigned long flags;

	spin_lock_irqsave(&ctx->queue.lock, flags);
	wake(ctx, EPOLLHUP);
	spin_unlock_irqrestore(&ctx->queue.lock, flags);
	eventfd_ctx_put(ctx);
	return 0;
}

static __poll_t eventfd_poll(struct file *file, poll_table *table)
{
	struct eventfd_ctx *ctx = file->private_data;
	__poll_t events;

	table->proc(file, &ctx->queue, table);
	spin_lock_irq(&ctx->queue.lock);
	events = ctx->count ? EPOLLIN : 0;
	spin_unlock_irq(&ctx->queue.lock);
	return events;
}

static const struct file_operations eventfd_fops = {
	.release = eventfd_release,
	.poll = eventfd_poll,
};

struct eventfd_ctx *eventfd_ctx_fileget(struct file *file)
{
	struct eventfd_ctx *ctx = file->private_data;

	if (file->f_op != &eventfd_fops)
		return ERR_PTR(-EINVAL);
	kref_get(&ctx->refs);
	return ctx;
}

struct eventfd_ctx *eventfd_ctx_fdget(int fd)
{
	struct file *file = fget(fd);
	struct eventfd_ctx *ctx;

	if (!file)
		return ERR_PTR(-EBADF);
	ctx = eventfd_ctx_fileget(file);
	fput(file);
	return ctx;
}

int host_eventfd(unsigned int count)
{
	struct eventfd_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	int fd = get_unused_fd_flags(0);

	HOST_BUG_ON(!ctx || fd < 0);
	kref_init(&ctx->refs);
	spin_lock_init(&ctx->queue.lock);
	INIT_LIST_HEAD(&ctx->queue.head);
	ctx->count = count;
	fd_install(fd, anon_inode_getfile("eventfd", &eventfd_fops, ctx, 0));
	return fd;
}

u64 host_eventfd_read(int fd)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);
	u64 count;

	HOST_BUG_ON(IS_ERR(ctx));
	spin_lock_irq(&ctx->queue.lock);
	eventfd_ctx_do_read(ctx, &count);
	spin_unlock_irq(&ctx->queue.lock);
	eventfd_ctx_put(ctx);
	return count;
}

int host_eventfd_write(int fd)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	eventfd_signal(ctx, 1);
	eventfd_ctx_put(ctx);
	return 0;
}

/* ---- system calls ---- */

static struct miscdevice *kvm;
bool host_kvm_busy;

int misc_register(struct miscdevice *misc)
{
	if (host_kvm_busy)
		return -EBUSY;
	HOST_BUG_ON(kvm || misc->minor != KVM_MINOR);
	kvm = misc;
	return 0;
}

void misc_deregister(struct miscdevice *misc)
{
	HOST_BUG_ON(kvm != misc);
	kvm = NULL;
}

int host_open(void)
{
	struct file *file;
	int fd, r;

	if (!kvm)
		return -ENOENT;
	fd = get_unused_fd_flags(0);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile(kvm->name, kvm->fops, NULL, 0);
	r = PTR_ERR_OR_ZERO(file);
	if (!r)
		r = kvm->fops->open(NULL, file);
	if (r) {
		put_unused_fd(fd);
		kfree(IS_ERR(file) ? NULL : file);
		return r;
	}
	fd_install(fd, file);
	return fd;
}

int host_close(int fd)
{
	struct file *file = NULL;

	pthread_mutex_lock(&fd_lock);
	if (fd >= 0 && fd < FDS && fds[fd] != FD_RESERVED) {
		file = fds[fd];
		fds[fd] = NULL;
	}
	pthread_mutex_unlock(&fd_lock);
	if (!file)
		return -EBADF;
	fput(file);
	return 0;
}

unsigned int host_open_fds(void)
{
	unsigned int i, n = 0;

	pthread_mutex_lock(&fd_lock);
	for (i = 0; i < FDS; i++)
		n += !!fds[i];
	pthread_mutex_unlock(&fd_lock);
	return n;
}

/* On the way to user space: task work, then the restart, unless a handler runs. */
static bool restarts(long r)
{
	struct task_struct *t = current;
	bool handler;

	clear_bit(TIF_NOTIFY_RESUME, &t->flags);
	if (r != -ERESTARTNOHAND)
		return false;
	handler = READ_ONCE(t->pending) & ~t->blocked.sig[0];
	if (!handler)
		clear_bit(TIF_SIGPENDING, &t->flags);
	return !handler;
}

long host_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	struct file *file = fget(fd);
	long r;

	if (!file)
		return -EBADF;
	do {
		r = file->f_op->unlocked_ioctl ? file->f_op->unlocked_ioctl(file, cmd, arg) : -ENOTTY;
		HOST_BUG_ON(host_preempt_count || irqs_disabled() || current->notifier);
	} while (restarts(r));
	fput(file);
	return r == -ERESTARTNOHAND ? -EINTR : r;
}

long host_read(int fd, void *buf, size_t size, loff_t *pos)
{
	struct file *file = fget(fd);
	long r;

	if (!file)
		return -EBADF;
	r = file->f_op->read ? file->f_op->read(file, buf, size, pos) : -EINVAL;
	fput(file);
	return r;
}

static int map_file(int fd, struct vm_area_struct *vma, struct file **file)
{
	*file = fget(fd);
	if (!*file)
		return -EBADF;
	vma->vm_file = *file;
	return (*file)->f_op->mmap ? (*file)->f_op->mmap(*file, vma) : -ENODEV;
}

int host_mmap_flags(int fd, unsigned long pgoff, unsigned long npages, unsigned long flags)
{
	struct vm_area_struct vma = {
		.vm_start = HOST_USER, .vm_end = HOST_USER + npages * PAGE_SIZE,
		.vm_pgoff = pgoff, .vm_flags = flags,
	};
	struct file *file;
	int r = map_file(fd, &vma, &file);

	if (file)
		fput(file);
	return r;
}

void *host_page(int fd, unsigned long pgoff)
{
	struct vm_area_struct vma = {
		.vm_start = HOST_USER, .vm_end = HOST_USER + PAGE_SIZE,
		.vm_pgoff = pgoff, .vm_flags = VM_READ | VM_WRITE | VM_SHARED,
	};
	struct vm_fault vmf = { .vma = &vma, .pgoff = pgoff };
	struct file *file;

	if (!map_file(fd, &vma, &file) && vma.vm_ops->fault(&vmf))
		vmf.page = NULL;
	if (file)
		fput(file);
	return vmf.page ? page_address(vmf.page) : NULL;
}

void host_unmap_page(void *p)
{
	put_page(virt_to_page(p));
}

/* ---- the module and what it registers ---- */

static int (*cpu_up)(unsigned int cpu), (*cpu_down)(unsigned int cpu);
static struct syscore_ops *syscore;
static struct notifier_block *reboot_notifier;

/* The hotplug thread of a CPU calls these there. */
struct on_cpu {
	int (*func)(unsigned int cpu);
	int cpu, r;
};

static void on_cpu(void *arg)
{
	struct on_cpu *call = arg;

	call->r = call->func(call->cpu);
}

static int call_on_cpu(int cpu, int (*func)(unsigned int cpu))
{
	struct on_cpu call = { .func = func, .cpu = cpu };

	host_on_cpu(cpu, on_cpu, &call);
	return call.r;
}

int cpuhp_setup_state(enum cpuhp_state state, const char *name, int (*up)(unsigned int cpu),
		      int (*down)(unsigned int cpu))
{
	int cpu, r = 0;

	for (cpu = 0; cpu < HOST_CPUS && !r; cpu++)
		r = call_on_cpu(cpu, up);
	if (r) {
		for (cpu -= 2; cpu >= 0; cpu--)
			call_on_cpu(cpu, down);
		return r;
	}
	cpu_up = up;
	cpu_down = down;
	return state + 1;
}

void cpuhp_remove_state(enum cpuhp_state state)
{
	int cpu;

	HOST_BUG_ON(state != CPUHP_AP_ONLINE_DYN + 1);
	for (cpu = 0; cpu < HOST_CPUS; cpu++)
		call_on_cpu(cpu, cpu_down);
}

void register_syscore_ops(struct syscore_ops *ops)
{
	syscore = ops;
}

void unregister_syscore_ops(struct syscore_ops *ops)
{
	HOST_BUG_ON(syscore != ops);
	syscore = NULL;
}

int register_reboot_notifier(struct notifier_block *nb)
{
	reboot_notifier = nb;
	return 0;
}

int unregister_reboot_notifier(struct notifier_block *nb)
{
	HOST_BUG_ON(reboot_notifier != nb);
	reboot_notifier = NULL;
	return 0;
}

void host_suspend(bool resume)
{
	local_irq_disable();
	if (resume)
		syscore->resume();
	else
		syscore->suspend();
	local_irq_enable();
}

/* ---- parameters ---- */

static struct param {
	const char *name;
	void *value;
} params[16];

void host_param_add(const char *name, void *value)
{
	unsigned int i = 0;

	while (params[i].name)
		i++;
	HOST_BUG_ON(i == ARRAY_SIZE(params) - 1);
	params[i] = (struct param) { name, value };
}

void *host_param(const char *name)
{
	unsigned int i = 0;

	while (params[i].name && strcmp(params[i].name, name))
		i++;
	HOST_BUG_ON(!params[i].name);
	return params[i].value;
}

void host_reboot(void)
{
	reboot_notifier->notifier_call(reboot_notifier, 0, NULL);
}

/* What the module's memory holds before init, for the next load. */
extern char __start_host_pristine[], __stop_host_pristine[];
static char *pristine;

int host_insmod(void)
{
	size_t size = __stop_host_pristine - __start_host_pristine;

	if (!pristine) {
		pristine = malloc(size);
		HOST_BUG_ON(!pristine);
		memcpy(pristine, __start_host_pristine, size);
	}
	memcpy(__start_host_pristine, pristine, size);
	return host_module_init();
}

void host_rmmod(void)
{
	host_module_exit();
}
