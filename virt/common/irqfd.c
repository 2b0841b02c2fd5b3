// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_IRQFD (api.rst 4.75): an eventfd whose signal raises a GSI.  It is delivered on
 * the spot, in whatever context the signal comes from.
 *
 * With KVM_IRQFD_FLAG_RESAMPLE the line stays high until the guest's acknowledgement
 * lowers it; the second eventfd asks the device to raise it again if it has to.
 */
#include <berth/backend.h>
#include <berth/compat.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/* All resampling irqfds of one GSI: the line falls once for all, then each is asked. */
struct resampler {
	struct berth_irq_ack ack;
	struct berth_vm *vm;			/* [I] */
	struct list_head irqfds;		/* [r][q] */
	struct list_head link;			/* [q] vm->resamplers */
};

struct irqfd {
	struct berth_vm *vm;			/* [I] */
	u32 gsi;				/* [I] */
	struct eventfd_ctx *eventfd;		/* [I] */
	wait_queue_entry_t wait;
	struct list_head link;			/* vm->irqfds_lock; empty: on its way out */
	struct work_struct shutdown;
	struct resampler *resampler;		/* [I] NULL: edges only */
	struct eventfd_ctx *resamplefd;		/* [I] */
	struct list_head resampler_link;	/* [r][q] */
};

/* Joins vfs_poll(), which has no argument for it, with the irqfd. */
struct polled {
	poll_table table;
	struct irqfd *irqfd;
};

static struct workqueue_struct *cleanup;

static void fire(struct irqfd *irqfd)
{
	if (irqfd->resampler) {
		berth_irq_set(irqfd->vm, BERTH_IRQ_RESAMPLE, irqfd->gsi, true);
		return;
	}
	berth_irq_set(irqfd->vm, BERTH_IRQ_USER, irqfd->gsi, true);
	berth_irq_set(irqfd->vm, BERTH_IRQ_USER, irqfd->gsi, false);
}

/* Whoever takes it off the list shuts it down.  Context: irqfds_lock held. */
static void deactivate(struct irqfd *irqfd)
{
	lockdep_assert_held(&irqfd->vm->irqfds_lock);
	if (list_empty(&irqfd->link))
		return;
	list_del_init(&irqfd->link);
	queue_work(cleanup, &irqfd->shutdown);
}

/* The eventfd was signalled, or closed.  Its wait queue's lock is held, interrupts off. */
static int wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		fire(irqfd);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&irqfd->vm->irqfds_lock, flags);
		deactivate(irqfd);
		spin_unlock_irqrestore(&irqfd->vm->irqfds_lock, flags);
	}
	return !!(events & EPOLLIN);
}

static void join_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	/* Before the program's own waiters: the count is taken before they see it. */
	add_wait_queue_priority(queue, &container_of(table, struct polled, table)->irqfd->wait);
}

/* ---- resampling ---- */

static void resample(struct berth_irq_ack *ack)
{
	struct resampler *resampler = container_of(ack, struct resampler, ack);
	struct berth_vm *vm = resampler->vm;
	struct irqfd *irqfd;

	berth_irq_set(vm, BERTH_IRQ_RESAMPLE, ack->gsi, false);
	list_for_each_entry_srcu(irqfd, &resampler->irqfds, resampler_link,
				 srcu_read_lock_held(&vm->irq_srcu))
		berth_eventfd_signal(irqfd->resamplefd);
}

/* The GSI's resampler, new if need be.  Context: irq_lock held. */
static struct resampler *resampler_get(struct berth_vm *vm, u32 gsi)
{
	struct resampler *resampler;

	list_for_each_entry(resampler, &vm->resamplers, link)
		if (resampler->ack.gsi == gsi)
			return resampler;
	resampler = kzalloc(sizeof(*resampler), GFP_KERNEL_ACCOUNT);
	if (!resampler)
		return NULL;
	resampler->vm = vm;
	resampler->ack.gsi = gsi;
	resampler->ack.acked = resample;
	INIT_LIST_HEAD(&resampler->irqfds);
	list_add(&resampler->link, &vm->resamplers);
	berth_irq_ack_add(vm, &resampler->ack);
	return resampler;
}

/* Context: irq_lock held. */
static void resampler_leave(struct irqfd *irqfd)
{
	struct resampler *resampler = irqfd->resampler;
	struct berth_vm *vm = irqfd->vm;

	list_del_rcu(&irqfd->resampler_link);
	if (!list_empty(&resampler->irqfds)) {
		synchronize_srcu_expedited(&vm->irq_srcu);
		return;
	}
	list_del(&resampler->link);
	berth_irq_ack_remove(vm, &resampler->ack);
	/* Nobody is left who could lower it. */
	berth_irq_set(vm, BERTH_IRQ_RESAMPLE, irqfd->gsi, false);
	kfree(resampler);
}

/* ---- coming and going ---- */

static void irqfd_free(struct irqfd *irqfd)
{
	if (irqfd->resamplefd)
		eventfd_ctx_put(irqfd->resamplefd);
	if (irqfd->eventfd)
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* irq_lock also holds it off until the assignment is over. */
static void shutdown(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, shutdown);
	u64 count;

	mutex_lock(&irqfd->vm->irq_lock);
	/* After this wakeup() does not run: it does so under the queue's lock. */
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	if (irqfd->resampler)
		resampler_leave(irqfd);
	mutex_unlock(&irqfd->vm->irq_lock);
	irqfd_free(irqfd);
}

/* On the list, unless the eventfd is there already: -EBUSY. */
static int activate(struct irqfd *irqfd)
{
	struct berth_vm *vm = irqfd->vm;
	struct irqfd *other;
	int r = 0;

	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry(other, &vm->irqfds, link)
		if (other->eventfd == irqfd->eventfd)
			r = -EBUSY;
	if (!r)
		list_add_tail(&irqfd->link, &vm->irqfds);
	spin_unlock_irq(&vm->irqfds_lock);
	return r;
}

/* Its eventfds.  -EBADF, -EINVAL: what the numbers stand for is none. */
static int open_fds(struct irqfd *irqfd, struct file *file, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	irqfd->eventfd = ctx;
	if (!(args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return 0;
	ctx = eventfd_ctx_fdget(args->resamplefd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	irqfd->resamplefd = ctx;
	return 0;
}

/* All that can fail, then the eventfd's queue, from where it fires. irq_lock held. */
static int start(struct irqfd *irqfd, struct file *file)
{
	struct polled polled = { .irqfd = irqfd };
	struct berth_vm *vm = irqfd->vm;
	int r;

	if (irqfd->resamplefd) {
		irqfd->resampler = resampler_get(vm, irqfd->gsi);
		if (!irqfd->resampler)
			return -ENOMEM;
		list_add_rcu(&irqfd->resampler_link, &irqfd->resampler->irqfds);
	}
	r = activate(irqfd);
	if (r) {
		if (irqfd->resampler)
			resampler_leave(irqfd);
		return r;
	}
	init_waitqueue_func_entry(&irqfd->wait, wakeup);
	init_poll_funcptr(&polled.table, join_queue);
	/* Signalled before anyone listened. */
	if (vfs_poll(file, &polled.table) & EPOLLIN)
		fire(irqfd);
	return 0;
}

static int assign(struct berth_vm *vm, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int r;

	r = berth_backend.data.irq->irqfd_check(vm, args->flags & KVM_IRQFD_FLAG_RESAMPLE);
	if (r)
		return r;
	file = fget(args->fd);
	if (!file)
		return -EBADF;
	r = -ENOMEM;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		goto put_file;
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_WORK(&irqfd->shutdown, shutdown);
	r = open_fds(irqfd, file, args);
	if (!r) {
		mutex_lock(&vm->irq_lock);
		r = start(irqfd, file);
		mutex_unlock(&vm->irq_lock);
	}
	if (r)
		irqfd_free(irqfd);
put_file:
	fput(file);
	return r;
}

static int deassign(struct berth_vm *vm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd, *next;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link)
		if (irqfd->eventfd == eventfd && irqfd->gsi == args->gsi)
			deactivate(irqfd);
	spin_unlock_irq(&vm->irqfds_lock);
	eventfd_ctx_put(eventfd);
	/* No interrupt comes of it once the ioctl has returned. */
	flush_workqueue(cleanup);
	return 0;
}

int berth_irqfd(struct berth_vm *vm, const struct kvm_irqfd *args)
{
	if (!berth_backend.data.irq ||
	    args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return args->flags & KVM_IRQFD_FLAG_DEASSIGN ? deassign(vm, args) : assign(vm, args);
}

void berth_irqfds_destroy(struct berth_vm *vm)
{
	struct irqfd *irqfd, *next;

	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link)
		deactivate(irqfd);
	spin_unlock_irq(&vm->irqfds_lock);
	/* Also those whose eventfd was closed just now. */
	flush_workqueue(cleanup);
}

int berth_irqfd_module_init(void)
{
	cleanup = alloc_workqueue("berth-irqfd", 0, 0);
	return cleanup ? 0 : -ENOMEM;
}

void berth_irqfd_module_exit(void)
{
	destroy_workqueue(cleanup);
}
