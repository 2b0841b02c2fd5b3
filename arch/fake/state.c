// SPDX-License-Identifier: GPL-2.0-only
/* The toy machine's own ioctls, capabilities and device type, and the backend as the core sees it. */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "fake.h"

static int reg_number(u64 id, unsigned int *reg)
{
	if (id < TOY_REG_ID(0) || id >= TOY_REG_ID(TOY_NR_REGS))
		return -ENOENT;
	*reg = id - TOY_REG_ID(0);
	return 0;
}

static void set_reg(struct fake_vcpu *vcpu, unsigned int reg, u64 value)
{
	if (reg == TOY_INTS_ON)
		value = !!value;
	/* Pending bits come in from anywhere. */
	if (reg)
		WRITE_ONCE(vcpu->regs[reg], value);
}

static long get_one_reg(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	const struct kvm_one_reg *args = data;
	unsigned int reg;
	int r = reg_number(args->id, &reg);
	u64 value;

	if (r)
		return r;
	value = READ_ONCE(to_fake(vcpu)->regs[reg]);
	return copy_to_user((void __user *)(unsigned long)args->addr, &value, sizeof(value)) ?
	       -EFAULT : 0;
}

static long set_one_reg(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	const struct kvm_one_reg *args = data;
	unsigned int reg;
	int r = reg_number(args->id, &reg);
	u64 value;

	if (r)
		return r;
	if (copy_from_user(&value, (void __user *)(unsigned long)args->addr, sizeof(value)))
		return -EFAULT;
	set_reg(to_fake(vcpu), reg, value);
	return 0;
}

static long get_reg_list(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	struct kvm_reg_list __user *user = (void __user *)arg;
	struct kvm_reg_list *list = data;
	u64 room = list->n, i, id;

	list->n = TOY_NR_REGS;
	if (copy_to_user(user, list, sizeof(*list)))
		return -EFAULT;
	if (room < TOY_NR_REGS)
		return -E2BIG;
	for (i = 0; i < TOY_NR_REGS; i++) {
		id = TOY_REG_ID(i);
		if (copy_to_user(&user->reg[i], &id, sizeof(id)))
			return -EFAULT;
	}
	return 0;
}

static long get_state(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	struct toy_state *state = data;
	unsigned int i;

	for (i = 0; i < TOY_NR_REGS; i++)
		state->reg[i] = READ_ONCE(to_fake(vcpu)->regs[i]);
	return 0;
}

static long set_state(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	const struct toy_state *state = data;
	unsigned int i;

	for (i = TOY_NR_REGS; i < ARRAY_SIZE(state->reg); i++)
		if (state->reg[i])
			return -EINVAL;
	for (i = 0; i < TOY_NR_REGS; i++)
		set_reg(to_fake(vcpu), i, state->reg[i]);
	return 0;
}

static long get_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	((struct kvm_mp_state *)data)->mp_state = to_fake(vcpu)->mp_state;
	return 0;
}

static long set_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	const struct kvm_mp_state *state = data;

	if (state->mp_state != KVM_MP_STATE_RUNNABLE && state->mp_state != KVM_MP_STATE_HALTED)
		return -EINVAL;
	to_fake(vcpu)->mp_state = state->mp_state;
	vcpu->initialized = true;
	return 0;
}

/* KVM_INTERRUPT, while the guest runs, too. */
static long interrupt(struct berth_vcpu *vcpu, void *data, unsigned long arg)
{
	const struct kvm_interrupt *args = data;

	if (args->irq >= TOY_CHIPS * TOY_PINS)
		return -EINVAL;
	fake_raise(vcpu, args->irq);
	return 0;
}

static long set_reset(struct berth_vm *vm, void *data, unsigned long arg)
{
	if (vm->created_vcpus)
		return -EINVAL;
	to_fake_vm(vm)->reset_pc = *(u64 *)data;
	return 0;
}

static const struct berth_ioctl ioctls[] = {
	VM_IOCTL(KVM_CREATE_IRQCHIP, IOC_VALUE | IOC_VM_LOCK, KVM_CAP_IRQCHIP,
		 fake_create_irqchip),
	VM_IOCTL(KVM_IRQ_LINE, 0, KVM_CAP_IRQCHIP, fake_irq_line),
	VM_IOCTL(KVM_IRQ_LINE_STATUS, 0, KVM_CAP_IRQ_INJECT_STATUS, fake_irq_line),
	VM_IOCTL(TOY_SET_RESET, IOC_VM_LOCK | IOC_NO_VCPUS, 0, set_reset),

	VCPU_IOCTL(KVM_GET_ONE_REG, 0, KVM_CAP_ONE_REG, get_one_reg),
	VCPU_IOCTL(KVM_SET_ONE_REG, 0, KVM_CAP_ONE_REG, set_one_reg),
	VCPU_IOCTL(KVM_GET_REG_LIST, IOC_VARIABLE, KVM_CAP_ONE_REG, get_reg_list),
	VCPU_IOCTL(TOY_GET_STATE, 0, 0, get_state),
	VCPU_IOCTL(TOY_SET_STATE, 0, 0, set_state),
	VCPU_IOCTL(KVM_GET_MP_STATE, 0, KVM_CAP_MP_STATE, get_mp_state),
	VCPU_IOCTL(KVM_SET_MP_STATE, IOC_UNINIT, KVM_CAP_MP_STATE, set_mp_state),
	VCPU_IOCTL(KVM_INTERRUPT, IOC_ASYNC, 0, interrupt),
};

static int enable_no_poll(struct berth_vcpu *vcpu, const struct kvm_enable_cap *args)
{
	if (args->flags || args->args[0])
		return -EINVAL;
	vcpu->no_poll = true;
	return 0;
}

static int enable_halt_poll(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags || args->args[0] != (unsigned int)args->args[0])
		return -EINVAL;
	WRITE_ONCE(vm->halt_poll_ns, args->args[0]);
	return 0;
}

/* The last hides the core's row: a vCPU may be exempted. */
static const struct berth_cap caps[] = {
	{ KVM_CAP_ONE_REG, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_HALT_POLL, 1, .enable_vm = enable_halt_poll, .enable_vcpu = enable_no_poll },
};

/* ---- the device: a register ---- */

struct fake_device {
	struct berth_io_device io;
	bool mapped;			/* under vm->slots_lock */
	u64 value;
};

static int device_read(struct berth_vcpu *vcpu, struct berth_io_device *io, gpa_t addr,
		       unsigned int len, void *data)
{
	struct fake_device *dev = container_of(io, struct fake_device, io);
	u64 value = READ_ONCE(dev->value);

	if (addr != io->addr || len != sizeof(value))
		return -EOPNOTSUPP;
	memcpy(data, &value, sizeof(value));
	return 0;
}

static int device_write(struct berth_vcpu *vcpu, struct berth_io_device *io, gpa_t addr,
			unsigned int len, const void *data)
{
	struct fake_device *dev = container_of(io, struct fake_device, io);
	u64 value;

	if (addr != io->addr || len != sizeof(value))
		return -EOPNOTSUPP;
	memcpy(&value, data, sizeof(value));
	WRITE_ONCE(dev->value, value);
	return 0;
}

static const struct berth_io_ops device_io_ops = {
	.read = device_read,
	.write = device_write,
};

static int toy_create(struct berth_device *b)
{
	struct fake_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);

	if (!dev)
		return -ENOMEM;
	dev->io.ops = &device_io_ops;
	dev->io.len = sizeof(dev->value);
	b->data = dev;
	return 0;
}

static void toy_destroy(struct berth_device *b)
{
	kfree(b->data);
}

static int device_map(struct berth_vm *vm, struct fake_device *dev, u64 address)
{
	int r = -EEXIST;

	mutex_lock(&vm->slots_lock);
	if (!dev->mapped) {
		dev->io.addr = address;
		r = berth_bus_add(vm, BERTH_MMIO_BUS, &dev->io);
		dev->mapped = !r;
	}
	mutex_unlock(&vm->slots_lock);
	return r;
}

static int toy_has_attr(struct berth_device *b, const struct kvm_device_attr *attr)
{
	return attr->group > TOY_DEVICE_ADDRESS || attr->attr ? -ENXIO : 0;
}

static int toy_set_attr(struct berth_device *b, const struct kvm_device_attr *attr)
{
	struct fake_device *dev = b->data;
	int r = toy_has_attr(b, attr);
	u64 value;

	if (r)
		return r;
	if (copy_from_user(&value, (void __user *)(unsigned long)attr->addr, sizeof(value)))
		return -EFAULT;
	if (attr->group == TOY_DEVICE_ADDRESS)
		return device_map(b->vm, dev, value);
	WRITE_ONCE(dev->value, value);
	return 0;
}

static int toy_get_attr(struct berth_device *b, const struct kvm_device_attr *attr)
{
	struct fake_device *dev = b->data;
	u64 value = READ_ONCE(dev->value);
	int r = toy_has_attr(b, attr);

	if (r || attr->group != TOY_DEVICE_VALUE)
		return -ENXIO;
	return copy_to_user((void __user *)(unsigned long)attr->addr, &value, sizeof(value)) ?
	       -EFAULT : 0;
}

static bool toy_supported(void)
{
	return true;
}

static const struct berth_device_type device_type = {
	.type = TOY_DEVICE,
	.name = "berth-toy",
	.supported = toy_supported,
	.create = toy_create,
	.destroy = toy_destroy,
	.set_attr = toy_set_attr,
	.get_attr = toy_get_attr,
	.has_attr = toy_has_attr,
};

static const struct berth_device_type *const device_types[] = { &device_type };

BERTH_DEFINE_BACKEND(fake,
	.name = "toy machine",
	.vm_size = sizeof(struct fake_vm),
	.vcpu_size = sizeof(struct fake_vcpu),
	.max_vcpus = TOY_MAX_VCPUS,
	.max_vcpu_ids = TOY_MAX_VCPU_ID,
	.run_pages = TOY_RING_PAGE + 1,
	.ring_page = TOY_RING_PAGE,
	.dirty_ring_page = TOY_DIRTY_RING_PAGE,
	.ioctls = ioctls,
	.nr_ioctls = ARRAY_SIZE(ioctls),
	.caps = caps,
	.nr_caps = ARRAY_SIZE(caps),
	.device_types = device_types,
	.nr_device_types = ARRAY_SIZE(device_types),
	.irq = &fake_irq_ops,
	.unknown_vm_ioctl = -ENOTTY,
	.unknown_vcpu_ioctl = -EINVAL,
	.let_go = "unload the kernel's kvm modules first",
);
