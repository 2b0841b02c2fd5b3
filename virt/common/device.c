// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel devices: the fd of KVM_CREATE_DEVICE, its reference to the VM, and the
 * three attribute ioctls.  What a device does is its type's, in a backend.
 */
#include <berth/backend.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

static long set_attr(struct berth_device *dev, void *data, unsigned long uarg)
{
	return dev->type->set_attr(dev, data);
}

static long get_attr(struct berth_device *dev, void *data, unsigned long uarg)
{
	return dev->type->get_attr(dev, data);
}

static long has_attr(struct berth_device *dev, void *data, unsigned long uarg)
{
	return dev->type->has_attr(dev, data);
}

const struct berth_ioctl berth_device_ioctls[] = {
	DEVICE_IOCTL(KVM_SET_DEVICE_ATTR, 0, KVM_CAP_DEVICE_CTRL, set_attr),
	DEVICE_IOCTL(KVM_GET_DEVICE_ATTR, 0, KVM_CAP_DEVICE_CTRL, get_attr),
	DEVICE_IOCTL(KVM_HAS_DEVICE_ATTR, 0, KVM_CAP_DEVICE_CTRL, has_attr),
};
const unsigned int berth_nr_device_ioctls = ARRAY_SIZE(berth_device_ioctls);

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	struct berth_device *dev = file->private_data;

	if (dev->vm->mm != current->mm || READ_ONCE(dev->vm->dead))
		return -EIO;
	return berth_ioctl_dispatch(BERTH_SCOPE_DEVICE,
				    (union berth_ioctl_object){ .dev = dev }, cmd, uarg);
}

/* The device itself stays with its VM: others may hold pointers to it. */
static int device_release(struct inode *inode, struct file *file)
{
	struct berth_device *dev = file->private_data;

	berth_vm_put(dev->vm);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.release = device_release,
	.llseek = noop_llseek,
};

static const struct berth_device_type *find_type(u32 number)
{
	const struct berth_backend_data *data = &berth_backend.data;
	unsigned int i;

	for (i = 0; i < data->nr_device_types; i++)
		if (data->device_types[i]->type == number)
			return data->device_types[i]->supported() ? data->device_types[i] : NULL;
	return NULL;
}

/* A device of @type and its fd, or a negative errno.  Context: vm->lock held. */
static int create_fd(struct berth_vm *vm, const struct berth_device_type *type, u32 *fdp)
{
	struct berth_device *dev;
	struct file *file;
	int r, fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	r = -ENOMEM;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		goto put_fd;
	dev->type = type;
	dev->vm = vm;
	r = type->create(dev);
	if (r)
		goto free;
	file = anon_inode_getfile(type->name, &device_fops, dev, O_RDWR);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto destroy;
	}

	berth_vm_get(vm);
	list_add_tail(&dev->link, &vm->devices);
	*fdp = fd;
	/* Last: from here on any thread may use the fd, or close it. */
	fd_install(fd, file);
	return 0;

destroy:
	type->destroy(dev);
free:
	kfree(dev);
put_fd:
	put_unused_fd(fd);
	return r;
}

int berth_device_create(struct berth_vm *vm, struct kvm_create_device *args)
{
	const struct berth_device_type *type = find_type(args->type);
	int r;

	if (!type)
		return -ENODEV;
	if (args->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	mutex_lock(&vm->lock);
	r = create_fd(vm, type, &args->fd);
	mutex_unlock(&vm->lock);
	return r;
}

void berth_devices_destroy(struct berth_vm *vm)
{
	struct berth_device *dev, *next;

	mutex_lock(&vm->lock);
	list_for_each_entry_safe_reverse(dev, next, &vm->devices, link) {
		list_del(&dev->link);
		dev->type->destroy(dev);
		kfree(dev);
	}
	mutex_unlock(&vm->lock);
}
