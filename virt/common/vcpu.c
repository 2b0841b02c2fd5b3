// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtual CPU: its file and pages, its life, and how others reach it (requests and
 * kicks).  Running it is run.c's.
 */
#include <berth/backend.h>
#include <linux/anon_inodes.h>
#include <linux/cpumask.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/percpu.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

/*
 * The interrupt that takes a CPU out of a guest.  It belongs to the CPU it goes to, not
 * to a vCPU, which may have moved on: one under way to this CPU serves everyone.
 */
struct kick {
	call_single_data_t csd;
	int sent;
	cpumask_var_t mask;	/* scratch of berth_request_all() on this CPU */
};

static struct kmem_cache *vcpu_cache;
static DEFINE_PER_CPU(struct kick, kicks);

/* The pages of the mapping that belong to the vCPU itself. */
static unsigned int own_pages(void)
{
	const struct berth_backend_data *data = &berth_backend.data;

	return data->run_pages - !!data->ring_page;
}

/* The page of the dirty ring at @pgoff of the mapping, or NULL. */
static struct page *ring_page(struct berth_vcpu *vcpu, unsigned long pgoff)
{
	unsigned long first = berth_backend.data.dirty_ring_page;

	return first && pgoff >= first ? berth_dirty_ring_page(vcpu, pgoff - first) : NULL;
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct berth_vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *page;

	if (vmf->pgoff < own_pages())
		page = (void *)vcpu->run + (vmf->pgoff << PAGE_SHIFT);
	else if (vmf->pgoff == berth_backend.data.ring_page)
		page = vcpu->vm->ring;
	else
		page = NULL;
	vmf->page = page ? virt_to_page(page) : ring_page(vcpu, vmf->pgoff);
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct berth_vcpu *vcpu = file->private_data;

	/* What user space marks in the ring must reach us. */
	if ((ring_page(vcpu, vma->vm_pgoff) ||
	     ring_page(vcpu, vma->vm_pgoff + vma_pages(vma) - 1)) &&
	    ((vma->vm_flags & VM_EXEC) || !(vma->vm_flags & VM_SHARED)))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct berth_vcpu *vcpu = file->private_data;

	berth_vm_put(vcpu->vm);
	return 0;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct berth_vcpu *vcpu = file->private_data;

	if (vcpu->vm->mm != current->mm || READ_ONCE(vcpu->vm->dead))
		return -EIO;
	if (unlikely(_IOC_TYPE(cmd) != KVMIO))
		return -EINVAL;
	return berth_ioctl_dispatch(BERTH_SCOPE_VCPU, (union berth_ioctl_object) { .vcpu = vcpu },
				    cmd, arg);
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.release	= vcpu_release,
	.unlocked_ioctl	= vcpu_ioctl,
	.mmap		= vcpu_mmap,
	.llseek		= noop_llseek,
};

/* The scheduler takes the thread off its CPU, or puts it on one. */
static void preempt_in(struct preempt_notifier *pn, int cpu)
{
	struct berth_vcpu *vcpu = container_of(pn, struct berth_vcpu, preempt);

	WRITE_ONCE(vcpu->cpu, cpu);
	berth_backend.vcpu_load(vcpu, cpu);
}

static void preempt_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct berth_vcpu *vcpu = container_of(pn, struct berth_vcpu, preempt);

	berth_backend.vcpu_put(vcpu);
}

static struct preempt_ops preempt_ops = {
	.sched_in	= preempt_in,
	.sched_out	= preempt_out,
};

void berth_vcpu_load(struct berth_vcpu *vcpu)
{
	int cpu = get_cpu();

	WRITE_ONCE(vcpu->cpu, cpu);
	berth_vcpu_check_state(vcpu, BERTH_VCPU_LOADED);
	WRITE_ONCE(vcpu->state, BERTH_VCPU_LOADED);
	preempt_notifier_register(&vcpu->preempt);
	berth_backend.vcpu_load(vcpu, cpu);
	put_cpu();
}

void berth_vcpu_put(struct berth_vcpu *vcpu)
{
	preempt_disable();
	berth_backend.vcpu_put(vcpu);
	preempt_notifier_unregister(&vcpu->preempt);
	berth_vcpu_check_state(vcpu, BERTH_VCPU_IDLE);
	WRITE_ONCE(vcpu->state, BERTH_VCPU_IDLE);
	preempt_enable();
}

/* The interrupt is the message: it takes the CPU out of the guest. */
static void kick_ipi(void *unused)
{
}

static void kick_one(void *data)
{
	struct kick *kick = data;

	/* Before this CPU can say that it enters a guest: pairs with kick_cpu(). */
	smp_store_mb(kick->sent, 0);
}

/* One that is sent and not yet taken interrupts @cpu after this call: as good as another. */
static void kick_cpu(unsigned int cpu)
{
	struct kick *kick = per_cpu_ptr(&kicks, cpu);

	if (!xchg(&kick->sent, 1) && smp_call_function_single_async(cpu, &kick->csd))
		WRITE_ONCE(kick->sent, 0);
}

void berth_vcpu_kick(struct berth_vcpu *vcpu)
{
	unsigned int cpu, target;

	rcuwait_wake_up(&vcpu->wait);
	/* Others leave it to whoever said that it exits: nobody else runs here in between. */
	cpu = get_cpu();
	if (cmpxchg(&vcpu->state, BERTH_VCPU_IN_GUEST, BERTH_VCPU_EXITING) ==
	    BERTH_VCPU_IN_GUEST) {
		berth_backend.vcpu_kick(vcpu);
		/* Where it is after that is where it is, if it is in the guest. */
		smp_mb();
		target = READ_ONCE(vcpu->cpu);
		/* On this very CPU it is out already: this is an interrupt's context. */
		if (target != cpu)
			kick_cpu(target);
	}
	put_cpu();
}

void berth_vcpu_yield_to(struct berth_vcpu *vcpu)
{
	struct task_struct *task;

	rcu_read_lock();
	task = get_pid_task(rcu_dereference(vcpu->pid), PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return;
	yield_to(task, true);
	put_task_struct(task);
}

bool berth_request_all(struct berth_vm *vm, unsigned int request)
{
	struct berth_vcpu *vcpu;
	struct cpumask *mask;
	unsigned int i;
	bool sent;

	preempt_disable();
	mask = this_cpu_ptr(&kicks)->mask;
	cpumask_clear(mask);
	berth_for_each_vcpu(i, vcpu, vm) {
		enum berth_vcpu_state was;

		berth_vcpu_request(vcpu, request);
		was = cmpxchg(&vcpu->state, BERTH_VCPU_IN_GUEST, BERTH_VCPU_EXITING);
		/* Kicked by someone else is not out yet. */
		if (was == BERTH_VCPU_IN_GUEST || was == BERTH_VCPU_EXITING) {
			berth_backend.vcpu_kick(vcpu);
			smp_mb();
			cpumask_set_cpu(READ_ONCE(vcpu->cpu), mask);
		}
	}
	/* Whoever was out is done with what comes next; pairs with berth_leave_guest(). */
	smp_mb();
	cpumask_clear_cpu(smp_processor_id(), mask);
	sent = !cpumask_empty(mask);
	if (sent)
		smp_call_function_many(mask, kick_ipi, NULL, true);
	preempt_enable();
	return sent;
}

static struct berth_vcpu *vcpu_build(struct berth_vm *vm, unsigned int id)
{
	struct berth_vcpu *vcpu = kmem_cache_zalloc(vcpu_cache, GFP_KERNEL_ACCOUNT);
	int r = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(r);
	vcpu->vm = vm;
	vcpu->id = id;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->preempt, &preempt_ops);
	snprintf(vcpu->stats_id, sizeof(vcpu->stats_id), "kvm-%d/vcpu-%u",
		 task_pid_nr(current), id);
	/* Split into single pages: user space maps them one by one. */
	vcpu->run = alloc_pages_exact(own_pages() * PAGE_SIZE, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vcpu->run)
		goto out_vcpu;
	r = berth_dirty_ring_alloc(vcpu);
	if (r)
		goto out_run;
	r = berth_backend.vcpu_init(vcpu);
	if (r)
		goto out_ring;
	return vcpu;

out_ring:
	berth_dirty_ring_free(vcpu);
out_run:
	free_pages_exact(vcpu->run, own_pages() * PAGE_SIZE);
out_vcpu:
	kmem_cache_free(vcpu_cache, vcpu);
	return ERR_PTR(r);
}

void berth_vcpu_free(struct berth_vcpu *vcpu)
{
	berth_backend.vcpu_destroy(vcpu);
	put_pid(rcu_dereference_protected(vcpu->pid, true));
	s2_cache_drain(&vcpu->vm->s2, &vcpu->s2_cache);
	berth_dirty_ring_free(vcpu);
	free_pages_exact(vcpu->run, own_pages() * PAGE_SIZE);
	kmem_cache_free(vcpu_cache, vcpu);
}

/* Count the vCPU that is about to be built, so that limits hold without the lock. */
static int vcpu_reserve(struct berth_vm *vm, unsigned long id)
{
	int r = 0;

	if (id >= berth_backend.data.max_vcpu_ids)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm->created_vcpus >= berth_backend.data.max_vcpus)
		r = -EINVAL;
	else
		r = berth_backend.vcpu_check(vm, id);
	if (!r)
		vm->created_vcpus++;
	mutex_unlock(&vm->lock);
	return r;
}

static void vcpu_unreserve(struct berth_vm *vm)
{
	mutex_lock(&vm->lock);
	vm->created_vcpus--;
	mutex_unlock(&vm->lock);
}

/*
 * Give the vCPU its file and make it findable.  On error nobody has seen it: -EEXIST,
 * -ENOMEM, -ENFILE.
 */
static struct file *vcpu_publish(struct berth_vm *vm, struct berth_vcpu *vcpu)
{
	struct file *file = ERR_PTR(-EEXIST);
	char name[24];
	int r;

	mutex_lock(&vm->lock);
	if (berth_vcpu_by_id(vm, vcpu->id))
		goto out;
	vcpu->index = atomic_read(&vm->online_vcpus);
	r = xa_reserve(&vm->vcpus, vcpu->index, GFP_KERNEL_ACCOUNT);
	file = ERR_PTR(r);
	if (r)
		goto out;
	snprintf(name, sizeof(name), "kvm-vcpu:%u", vcpu->id);
	file = anon_inode_getfile(name, &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		xa_release(&vm->vcpus, vcpu->index);
		goto out;
	}
	berth_vm_get(vm);
	/* The place is reserved: this cannot fail. */
	xa_store(&vm->vcpus, vcpu->index, vcpu, GFP_KERNEL_ACCOUNT);
	/* Pairs with the acquire in berth_for_each_vcpu(). */
	atomic_set_release(&vm->online_vcpus, vcpu->index + 1);
out:
	mutex_unlock(&vm->lock);
	return file;
}

int berth_vcpu_create_fd(struct berth_vm *vm, unsigned long id)
{
	struct berth_vcpu *vcpu;
	struct file *file;
	int fd, r;

	r = vcpu_reserve(vm, id);
	if (r)
		return r;
	fd = r = get_unused_fd_flags(O_CLOEXEC);
	if (r < 0)
		goto out_reserve;
	vcpu = vcpu_build(vm, id);
	r = PTR_ERR_OR_ZERO(vcpu);
	if (r)
		goto out_fd;
	file = vcpu_publish(vm, vcpu);
	r = PTR_ERR_OR_ZERO(file);
	if (r)
		goto out_vcpu;
	fd_install(fd, file);
	return fd;

out_vcpu:
	berth_vcpu_free(vcpu);
out_fd:
	put_unused_fd(fd);
out_reserve:
	vcpu_unreserve(vm);
	return r;
}

static void vcpu_module_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_cpumask_var(per_cpu(kicks, cpu).mask);
	kmem_cache_destroy(vcpu_cache);
}

int berth_vcpu_module_init(void)
{
	int cpu;

	/* Only the statistics are copied to user space from the object itself. */
	vcpu_cache = kmem_cache_create_usercopy("berth_vcpu", berth_backend.data.vcpu_size,
						SMP_CACHE_BYTES, SLAB_ACCOUNT,
						offsetof(struct berth_vcpu, stats),
						offsetofend(struct berth_vcpu, stats_id) -
						offsetof(struct berth_vcpu, stats), NULL);
	if (!vcpu_cache)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct kick *kick = per_cpu_ptr(&kicks, cpu);

		INIT_CSD(&kick->csd, kick_one, kick);
		if (zalloc_cpumask_var_node(&kick->mask, GFP_KERNEL, cpu_to_node(cpu)))
			continue;
		vcpu_module_free();
		return -ENOMEM;
	}
	preempt_notifier_inc();
	return 0;
}

void berth_vcpu_module_exit(void)
{
	int cpu;

	preempt_notifier_dec();
	/* The last kicks may still be on their way. */
	for_each_possible_cpu(cpu)
		smp_cond_load_relaxed(&per_cpu(kicks, cpu).sent, !VAL);
	synchronize_rcu();
	vcpu_module_free();
}
