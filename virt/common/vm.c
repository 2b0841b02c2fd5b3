// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtual machine: its file, its life by references, and the neutral VM ioctls.
 */
#include <berth/backend.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "Longest polling for a wake-up before a halted vCPU sleeps (ns)");

static void vm_destroy(struct kref *refs)
{
	struct berth_vm *vm = container_of(refs, struct berth_vm, refs);
	struct berth_vcpu *vcpu;
	unsigned long i;

	berth_notifier_unregister(vm);
	berth_irqfds_destroy(vm);
	/* What is not a vCPU's own (timers, host events) may still send: it finds none now. */
	atomic_set(&vm->online_vcpus, 0);
	synchronize_rcu_expedited();
	berth_devices_destroy(vm);
	xa_for_each(&vm->vcpus, i, vcpu)
		berth_vcpu_free(vcpu);
	xa_destroy(&vm->vcpus);
	berth_backend.vm_destroy(vm);
	berth_irq_destroy(vm);
	berth_bus_destroy(vm);
	srcu_barrier(&vm->srcu);
	berth_slots_destroy(vm);
	cleanup_srcu_struct(&vm->srcu);
	free_page((unsigned long)vm->ring);
	mmdrop(vm->mm);
	kvfree(vm);
}

void berth_vm_get(struct berth_vm *vm)
{
	kref_get(&vm->refs);
}

void berth_vm_put(struct berth_vm *vm)
{
	kref_put(&vm->refs, vm_destroy);
}

void berth_vm_kill(struct berth_vm *vm)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	WRITE_ONCE(vm->dead, true);
	berth_for_each_vcpu(i, vcpu, vm) {
		berth_vcpu_request(vcpu, BERTH_REQ_DEAD);
		berth_vcpu_kick(vcpu);
	}
}

struct berth_vcpu *berth_vcpu_by_id(struct berth_vm *vm, unsigned int id)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	/* Most programs number their vCPUs from 0 in order. */
	vcpu = xa_load(&vm->vcpus, id);
	if (vcpu && vcpu->id == id)
		return vcpu;
	berth_for_each_vcpu(i, vcpu, vm)
		if (vcpu->id == id)
			return vcpu;
	return NULL;
}

static int vm_release(struct inode *inode, struct file *file)
{
	berth_vm_put(file->private_data);
	return 0;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct berth_vm *vm = file->private_data;

	if (vm->mm != current->mm || READ_ONCE(vm->dead))
		return -EIO;
	return berth_ioctl_dispatch(BERTH_SCOPE_VM, (union berth_ioctl_object) { .vm = vm },
				    cmd, arg);
}

static const struct file_operations vm_fops = {
	.owner		= THIS_MODULE,
	.release	= vm_release,
	.unlocked_ioctl	= vm_ioctl,
	.llseek		= noop_llseek,
};

static struct berth_vm *vm_create(unsigned long type)
{
	struct berth_vm *vm = kvzalloc(berth_backend.data.vm_size, GFP_KERNEL_ACCOUNT);
	int r = -ENOMEM;

	if (!vm)
		return ERR_PTR(r);
	kref_init(&vm->refs);
	mutex_init(&vm->lock);
	mutex_init(&vm->slots_lock);
	spin_lock_init(&vm->ring_lock);
	xa_init_flags(&vm->vcpus, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&vm->devices);
	INIT_LIST_HEAD(&vm->ioeventfds);
	INIT_LIST_HEAD(&vm->coalesced_zones);
	vm->halt_poll_ns = READ_ONCE(halt_poll_ns);
	snprintf(vm->stats_id, sizeof(vm->stats_id), "kvm-%d", task_pid_nr(current));
	vm->mm = current->mm;
	mmgrab(vm->mm);

	if (berth_backend.data.ring_page) {
		vm->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!vm->ring)
			goto out_mm;
	}
	r = init_srcu_struct(&vm->srcu);
	if (r)
		goto out_ring;
	r = berth_slots_init(vm);
	if (r)
		goto out_srcu;
	r = berth_bus_init(vm);
	if (r)
		goto out_slots;
	r = berth_irq_init(vm);
	if (r)
		goto out_bus;
	r = berth_backend.vm_init(vm, type);
	if (r)
		goto out_irq;
	r = berth_notifier_register(vm);
	if (r)
		goto out_backend;
	return vm;

out_backend:
	berth_backend.vm_destroy(vm);
out_irq:
	berth_irq_destroy(vm);
out_bus:
	berth_bus_destroy(vm);
out_slots:
	berth_slots_destroy(vm);
out_srcu:
	cleanup_srcu_struct(&vm->srcu);
out_ring:
	free_page((unsigned long)vm->ring);
out_mm:
	mmdrop(vm->mm);
	kvfree(vm);
	return ERR_PTR(r);
}

int berth_vm_create_fd(unsigned long type)
{
	struct berth_vm *vm;
	struct file *file;
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	vm = vm_create(type);
	if (IS_ERR(vm)) {
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}
	file = anon_inode_getfile("kvm-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		berth_vm_put(vm);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}
