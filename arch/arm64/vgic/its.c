// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ITS: its registers (IHI 0069, 12.19), messages to it, and the device
 * KVM_DEV_TYPE_ARM_VGIC_ITS (arm-vgic-its.rst).
 */
#include "its.h"
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* ---- messages ---- */

static struct vgic_its *find(struct vgic_vm *vgic, u64 address)
{
	struct vgic_its *its;

	list_for_each_entry_rcu(its, &vgic->itss, link)
		if (address == its->base + GITS_TRANSLATER)
			return its;
	return NULL;
}

static int translate(struct vgic_its *its, u32 event, u32 device)
{
	struct its_event *found;
	struct vgic_cpu *target;

	if (!READ_ONCE(its->enabled))
		return -EBUSY;
	if (event >> ITS_ID_BITS || device >> ITS_ID_BITS)
		return 0;
	found = xa_load(&its->events, its_key(device, event));
	if (!found)
		return 0;
	target = READ_ONCE(found->irq->target);
	if (!target)
		return 0;
	if (!READ_ONCE(target->lpis_enabled))
		return -EBUSY;
	vgic_irq_pulse(found->irq);
	return 1;
}

int vgic_its_deliver(struct vgic_vm *vgic, u64 address, u32 event, u32 device)
{
	struct vgic_its *its;
	int r = -EINVAL;

	rcu_read_lock();
	its = find(vgic, address);
	if (its)
		r = translate(its, event, device);
	rcu_read_unlock();
	return r;
}

/* ---- registers; lpi_lock is held ---- */

struct its_reg {
	u32 offset;
	u32 len;
	u8 access;			/* VGIC_WORD, VGIC_LONG */
	u64 (*read)(struct vgic_its *its, u32 offset);
	int (*write)(struct vgic_its *its, u32 offset, u64 val, u64 mask);
	int (*user_write)(struct vgic_its *its, u32 offset, u64 val, u64 mask);
};

static u64 read_ctlr(struct vgic_its *its, u32 offset)
{
	return (its->enabled ? GITS_CTLR_ENABLE : 0) |
	       (its->creadr == its->cwriter ? GITS_CTLR_QUIESCENT : 0);
}

/* Without tables it stays off: what it would do then is unpredictable (12.19.5). */
static int write_ctlr(struct vgic_its *its, u32 offset, u64 val, u64 mask)
{
	bool enable = val & GITS_CTLR_ENABLE;

	if (!its->enabled && enable &&
	    (!(its->cbaser & GITS_CBASER_VALID) || !(its->device_baser & GITS_BASER_VALID) ||
	     !(its->collection_baser & GITS_BASER_VALID)))
		return 0;
	WRITE_ONCE(its->enabled, enable);
	its_commands(its);
	return 0;
}

/* Revision 0 of the tables. */
static u64 read_iidr(struct vgic_its *its, u32 offset)
{
	return VGIC_PRODUCT << GITS_IIDR_PRODUCTID_SHIFT | VGIC_IMPLEMENTER;
}

static int user_write_iidr(struct vgic_its *its, u32 offset, u64 val, u64 mask)
{
	return GITS_IIDR_REV(val) ? -EINVAL : 0;
}

static u64 read_typer(struct vgic_its *its, u32 offset)
{
	return GITS_TYPER_PLPIS | GIC_ENCODE_SZ(ITS_ENTRY_SIZE, 4) << GITS_TYPER_ITT_ENTRY_SIZE_SHIFT |
	       GIC_ENCODE_SZ(ITS_ID_BITS, 5) << GITS_TYPER_IDBITS_SHIFT |
	       GIC_ENCODE_SZ(ITS_ID_BITS, 5) << GITS_TYPER_DEVBITS_SHIFT;
}

#define ATTRIBUTES	(GITS_CBASER_OUTER_CACHEABILITY_MASK | GITS_CBASER_INNER_CACHEABILITY_MASK | \
			 GITS_CBASER_SHAREABILITY_MASK)

static u64 attributes(u64 reg)
{
	return vgic_table_attributes(reg, GITS_CBASER_SHAREABILITY_SHIFT,
				     GITS_CBASER_INNER_CACHEABILITY_SHIFT,
				     GITS_CBASER_OUTER_CACHEABILITY_SHIFT);
}

static u64 read_cbaser(struct vgic_its *its, u32 offset)
{
	return its->cbaser;
}

static int write_cbaser(struct vgic_its *its, u32 offset, u64 val, u64 mask)
{
	if (its->enabled)
		return 0;
	val = vgic_merge(its->cbaser, val, mask);
	its->cbaser = attributes(val & (GITS_CBASER_VALID | GENMASK_ULL(51, 12) | 0xff |
				       ATTRIBUTES));
	its->creadr = 0;
	its->cwriter = 0;
	return 0;
}

/* Offsets of commands, which are 32 bytes long. */
#define OFFSET_BITS	GENMASK_ULL(19, 5)

static u64 read_cwriter(struct vgic_its *its, u32 offset)
{
	return its->cwriter;
}

static int write_cwriter(struct vgic_its *its, u32 offset, u64 val, u64 mask)
{
	val = vgic_merge(its->cwriter, val, mask) & OFFSET_BITS;
	if (val >= its_queue_size(its))
		return 0;
	its->cwriter = val;
	its_commands(its);
	return 0;
}

static u64 read_creadr(struct vgic_its *its, u32 offset)
{
	return its->creadr;
}

static int user_write_creadr(struct vgic_its *its, u32 offset, u64 val, u64 mask)
{
	val &= OFFSET_BITS;
	if (val >= its_queue_size(its))
		return -EINVAL;
	its->creadr = val;
	return 0;
}

/* Kind and size of the entries are ours, and the size of pages. */
static u64 baser_fixed(unsigned int type)
{
	return (u64)type << GITS_BASER_TYPE_SHIFT |
	       GIC_ENCODE_SZ(ITS_ENTRY_SIZE, 5) << GITS_BASER_ENTRY_SIZE_SHIFT |
	       GITS_BASER_PAGE_SIZE_64K;
}

static u64 *baser_of(struct vgic_its *its, u32 offset)
{
	switch ((offset - GITS_BASER) / 8) {
	case 0:
		return &its->device_baser;
	case 1:
		return &its->collection_baser;
	default:
		return NULL;
	}
}

static u64 read_baser(struct vgic_its *its, u32 offset)
{
	u64 *baser = baser_of(its, offset);

	return baser ? *baser : 0;
}

static int write_baser(struct vgic_its *its, u32 offset, u64 val, u64 mask)
{
	u64 writable = GITS_BASER_VALID | GENMASK_ULL(47, 12) | 0xff | ATTRIBUTES;
	u64 *baser = baser_of(its, offset);
	bool device = baser == &its->device_baser;

	if (!baser || its->enabled)
		return 0;
	/* Two levels are for the devices only. */
	if (device)
		writable |= GITS_BASER_INDIRECT;
	val = vgic_merge(*baser, val, mask) & writable;
	*baser = attributes(val) | baser_fixed(device ? GITS_BASER_TYPE_DEVICE :
							GITS_BASER_TYPE_COLLECTION);
	if (val & GITS_BASER_VALID)
		return 0;
	/* What was in the table is gone. */
	if (device)
		its_forget_devices(its);
	else
		its_forget_collections(its);
	return 0;
}

static u64 read_id(struct vgic_its *its, u32 offset)
{
	return offset == GITS_PIDR2 ? GIC_PIDR2_ARCH_GICv3 | 0xb : 0;
}

static const struct its_reg regs[] = {
	{ GITS_CTLR,		4,  VGIC_WORD, read_ctlr, write_ctlr },
	{ GITS_IIDR,		4,  VGIC_WORD, read_iidr, NULL, user_write_iidr },
	{ GITS_TYPER,		8,  VGIC_WORD | VGIC_LONG, read_typer },
	{ GITS_CBASER,		8,  VGIC_WORD | VGIC_LONG, read_cbaser, write_cbaser },
	{ GITS_CWRITER,		8,  VGIC_WORD | VGIC_LONG, read_cwriter, write_cwriter },
	{ GITS_CREADR,		8,  VGIC_WORD | VGIC_LONG, read_creadr, NULL, user_write_creadr },
	{ GITS_BASER,		64, VGIC_WORD | VGIC_LONG, read_baser, write_baser },
	{ GITS_IDREGS_BASE,	48, VGIC_WORD, read_id },
};

static const struct its_reg *reg_at(u32 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		if (offset - regs[i].offset < regs[i].len)
			return &regs[i];
	return NULL;
}

static u32 size_of(const struct its_reg *reg)
{
	return reg->access & VGIC_LONG ? 8 : 4;
}

static bool allowed(const struct its_reg *reg, u32 offset, unsigned int len)
{
	return (len == VGIC_WORD || len == VGIC_LONG) && (reg->access & len) &&
	       !(offset & (len - 1));
}

/* Devices of the VM's own write here; it is no register for the guest's CPUs to use. */
static int mmio_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, void *data)
{
	struct vgic_its *its = container_of(dev, struct vgic_its, io);
	u32 offset = addr - dev->addr, within;
	const struct its_reg *reg = reg_at(offset);
	u64 val = 0;

	if (reg && reg->read && allowed(reg, offset, len)) {
		within = offset & (size_of(reg) - 1);
		mutex_lock(&its_vgic(its)->lpi_lock);
		val = reg->read(its, offset - within) >> (within * 8);
		mutex_unlock(&its_vgic(its)->lpi_lock);
	}
	vgic_to_bytes(data, len, val);
	return 0;
}

static int mmio_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		      unsigned int len, const void *data)
{
	struct vgic_its *its = container_of(dev, struct vgic_its, io);
	u32 offset = addr - dev->addr, within;
	const struct its_reg *reg = reg_at(offset);
	u64 val = vgic_from_bytes(data, len);

	if (!reg || !reg->write || !allowed(reg, offset, len))
		return 0;
	within = offset & (size_of(reg) - 1);
	mutex_lock(&its_vgic(its)->lpi_lock);
	its->writer = vcpu;
	reg->write(its, offset - within, val << (within * 8),
		   GENMASK_ULL(len * 8 - 1, 0) << (within * 8));
	mutex_unlock(&its_vgic(its)->lpi_lock);
	return 0;
}

static const struct berth_io_ops io_ops = { .read = mmio_read, .write = mmio_write };

/* ---- the device ---- */

static void reset(struct vgic_its *its)
{
	WRITE_ONCE(its->enabled, false);
	its_forget_devices(its);
	its_forget_collections(its);
	its->cbaser = 0;
	its->creadr = 0;
	its->cwriter = 0;
	its->device_baser = attributes(baser_fixed(GITS_BASER_TYPE_DEVICE));
	its->collection_baser = attributes(baser_fixed(GITS_BASER_TYPE_COLLECTION));
}

static int create(struct berth_device *dev)
{
	struct arm_vm *vm = to_arm_vm(dev->vm);
	struct vgic_its *its;

	its = kzalloc(sizeof(*its), GFP_KERNEL_ACCOUNT);
	if (!its)
		return -ENOMEM;
	its->vm = vm;
	its->base = BERTH_INVALID_GPA;
	INIT_LIST_HEAD(&its->link);
	xa_init(&its->devices);
	xa_init(&its->events);
	xa_init(&its->collections);
	dev->data = its;
	mutex_lock(&vm->vgic.lpi_lock);
	reset(its);
	mutex_unlock(&vm->vgic.lpi_lock);
	atomic_inc(&vm->vgic.nr_itss);
	return 0;
}

/* Nothing runs any longer, or it has never had an address. */
static void destroy(struct berth_device *dev)
{
	struct vgic_its *its = dev->data;
	struct vgic_vm *vgic = its_vgic(its);

	mutex_lock(&vgic->lpi_lock);
	its_forget_devices(its);
	its_forget_collections(its);
	list_del(&its->link);
	mutex_unlock(&vgic->lpi_lock);
	atomic_dec(&vgic->nr_itss);
	kfree(its);
}

static int set_base(struct vgic_its *its, u64 base)
{
	struct arm_vm *vm = its->vm;
	int r;

	mutex_lock(&vm->vgic.lock);
	r = vgic_check_range(vm, its->base, base, SZ_64K, KVM_VGIC_V3_ITS_SIZE);
	if (!r) {
		its->io = (struct berth_io_device) { &io_ops, base, KVM_VGIC_V3_ITS_SIZE };
		mutex_lock(&vm->vm.slots_lock);
		r = berth_bus_add(&vm->vm, BERTH_MMIO_BUS, &its->io);
		mutex_unlock(&vm->vm.slots_lock);
	}
	if (!r) {
		mutex_lock(&vm->vgic.lpi_lock);
		its->base = base;
		list_add_tail_rcu(&its->link, &vm->vgic.itss);
		mutex_unlock(&vm->vgic.lpi_lock);
	}
	mutex_unlock(&vm->vgic.lock);
	return r;
}

static int control(struct vgic_its *its, u64 attr)
{
	int r = 0;

	if (attr == KVM_DEV_ARM_VGIC_CTRL_INIT)
		return 0;
	if (attr != KVM_DEV_ARM_ITS_CTRL_RESET && attr != KVM_DEV_ARM_ITS_SAVE_TABLES &&
	    attr != KVM_DEV_ARM_ITS_RESTORE_TABLES)
		return -ENXIO;
	r = vgic_pause(its->vm);
	if (r)
		return r;
	mutex_lock(&its_vgic(its)->lpi_lock);
	its->writer = xa_load(&its->vm->vm.vcpus, 0);
	if (attr == KVM_DEV_ARM_ITS_CTRL_RESET)
		reset(its);
	else if (!its->writer)
		r = -ENXIO;
	else if (attr == KVM_DEV_ARM_ITS_SAVE_TABLES)
		r = its_save(its);
	else
		r = its_restore(its);
	mutex_unlock(&its_vgic(its)->lpi_lock);
	vgic_resume(its->vm);
	return r;
}

/*
 * For user space a register is 64 bits wide and accessed as a whole.  Alignment comes first:
 * those that have 64 bits are between TYPER and the IDs.
 */
static int user_reg(u64 attr, const struct its_reg **reg)
{
	if (attr & (attr < GITS_TYPER || attr >= GITS_PIDR4 ? 3 : 7))
		return -EINVAL;
	*reg = attr < GITS_TRANSLATER ? reg_at(attr) : NULL;
	return *reg ? 0 : -ENXIO;
}

static int access_reg(struct vgic_its *its, u64 attr, bool write, u64 *val)
{
	const struct its_reg *reg;
	int r = user_reg(attr, &reg);

	if (r)
		return r;
	r = vgic_pause(its->vm);
	if (r)
		return r;
	mutex_lock(&its_vgic(its)->lpi_lock);
	its->writer = xa_load(&its->vm->vm.vcpus, 0);
	if (its->base == BERTH_INVALID_GPA || !its->writer)
		r = -ENXIO;
	else if (!write)
		*val = reg->read(its, attr);
	else if (reg->user_write)
		r = reg->user_write(its, attr, *val, GENMASK_ULL(size_of(reg) * 8 - 1, 0));
	else if (reg->write)
		r = reg->write(its, attr, *val, GENMASK_ULL(size_of(reg) * 8 - 1, 0));
	mutex_unlock(&its_vgic(its)->lpi_lock);
	vgic_resume(its->vm);
	return r;
}

static int set_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	u64 __user *user = (u64 __user *)(unsigned long)attr->addr;
	struct vgic_its *its = dev->data;
	u64 val;

	if (attr->group == KVM_DEV_ARM_VGIC_GRP_CTRL)
		return control(its, attr->attr);
	if (attr->group != KVM_DEV_ARM_VGIC_GRP_ADDR && attr->group != KVM_DEV_ARM_VGIC_GRP_ITS_REGS)
		return -ENXIO;
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_ADDR && attr->attr != KVM_VGIC_ITS_ADDR_TYPE)
		return -ENODEV;
	if (get_user(val, user))
		return -EFAULT;
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_ADDR)
		return set_base(its, val);
	return access_reg(its, attr->attr, true, &val);
}

static int get_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	u64 __user *user = (u64 __user *)(unsigned long)attr->addr;
	struct vgic_its *its = dev->data;
	u64 val;
	int r;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (attr->attr != KVM_VGIC_ITS_ADDR_TYPE)
			return -ENODEV;
		val = READ_ONCE(its->base);
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		r = access_reg(its, attr->attr, false, &val);
		if (r)
			return r;
		break;
	default:
		return -ENXIO;
	}
	return put_user(val, user);
}

static int has_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	const struct its_reg *reg;
	bool has = false;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		has = attr->attr == KVM_VGIC_ITS_ADDR_TYPE;
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		has = attr->attr == KVM_DEV_ARM_VGIC_CTRL_INIT ||
		      attr->attr == KVM_DEV_ARM_ITS_CTRL_RESET ||
		      attr->attr == KVM_DEV_ARM_ITS_SAVE_TABLES ||
		      attr->attr == KVM_DEV_ARM_ITS_RESTORE_TABLES;
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		return user_reg(attr->attr, &reg);
	}
	return has ? 0 : -ENXIO;
}

static bool supported(void)
{
	return vgic_host.model == KVM_DEV_TYPE_ARM_VGIC_V3;
}

const struct berth_device_type vgic_its_type = {
	.type = KVM_DEV_TYPE_ARM_VGIC_ITS,
	.name = "kvm-arm-vgic-its",
	.supported = supported,
	.create = create,
	.destroy = destroy,
	.set_attr = set_attr,
	.get_attr = get_attr,
	.has_attr = has_attr,
};
