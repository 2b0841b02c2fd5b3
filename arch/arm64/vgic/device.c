// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices KVM_DEV_TYPE_ARM_VGIC_V2 and _V3 as user space configures, saves and restores
 * them: arm-vgic.rst and arm-vgic-v3.rst in Documentation/virt/kvm/devices.
 */
#include "internal.h"
#include <linux/bitfield.h>
#include <linux/uaccess.h>

static struct arm_vm *vm_of(struct berth_device *dev)
{
	return to_arm_vm(dev->vm);
}

static void __user *user_of(const struct kvm_device_attr *attr)
{
	return (void __user *)(unsigned long)attr->addr;
}

/* ---- addresses ---- */

struct block {
	u32 model;
	u64 attr;
	u64 align;
	u64 size;
	size_t base;			/* in struct vgic_vm */
};

static const struct block blocks[] = {
	{ KVM_DEV_TYPE_ARM_VGIC_V2, KVM_VGIC_V2_ADDR_TYPE_DIST, SZ_4K, KVM_VGIC_V2_DIST_SIZE,
	  offsetof(struct vgic_vm, dist_base) },
	{ KVM_DEV_TYPE_ARM_VGIC_V2, KVM_VGIC_V2_ADDR_TYPE_CPU, SZ_4K, KVM_VGIC_V2_CPU_SIZE,
	  offsetof(struct vgic_vm, cpu_base) },
	{ KVM_DEV_TYPE_ARM_VGIC_V3, KVM_VGIC_V3_ADDR_TYPE_DIST, SZ_64K, KVM_VGIC_V3_DIST_SIZE,
	  offsetof(struct vgic_vm, dist_base) },
};

static const struct block *block_of(u32 model, u64 attr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i].model == model && blocks[i].attr == attr)
			return &blocks[i];
	return NULL;
}

static bool is_redist_attr(u32 model, u64 attr)
{
	return model == KVM_DEV_TYPE_ARM_VGIC_V3 && (attr == KVM_VGIC_V3_ADDR_TYPE_REDIST ||
						     attr == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION);
}

/* KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION. */
#define REGION_INDEX	GENMASK_ULL(11, 0)
#define REGION_FLAGS	GENMASK_ULL(15, 12)
#define REGION_BASE	GENMASK_ULL(51, 16)
#define REGION_COUNT	GENMASK_ULL(63, 52)

static int set_redist(struct arm_vm *vm, u64 attr, u64 val)
{
	u32 count;

	if (attr == KVM_VGIC_V3_ADDR_TYPE_REDIST)
		return vgic_region_add(vm, 0, val, 0);
	count = FIELD_GET(REGION_COUNT, val);
	if (!count || val & REGION_FLAGS)
		return -EINVAL;
	return vgic_region_add(vm, val & REGION_INDEX, val & REGION_BASE, count);
}

static int get_redist(struct arm_vm *vm, u64 attr, u64 *val)
{
	struct vgic_region *region;

	if (attr == KVM_VGIC_V3_ADDR_TYPE_REDIST) {
		region = vgic_region_find(&vm->vgic, 0);
		*val = region ? region->base : BERTH_INVALID_GPA;
		return 0;
	}
	region = vgic_region_find(&vm->vgic, *val & REGION_INDEX);
	if (!region)
		return -ENOENT;
	*val = region->index | region->base | FIELD_PREP(REGION_COUNT, region->count);
	return 0;
}

static int access_address(struct arm_vm *vm, u64 attr, bool write, u64 *val)
{
	struct vgic_vm *vgic = &vm->vgic;
	const struct block *block;
	gpa_t *base;
	int r;

	if (is_redist_attr(vgic->model, attr))
		return write ? set_redist(vm, attr, *val) : get_redist(vm, attr, val);
	block = block_of(vgic->model, attr);
	if (!block)
		return -ENXIO;
	base = (void *)vgic + block->base;
	if (!write) {
		*val = *base;
		return 0;
	}
	r = vgic_check_range(vm, *base, *val, block->align, block->size);
	if (!r)
		*base = *val;
	return r;
}

static int address_attr(struct arm_vm *vm, const struct kvm_device_attr *attr, bool write)
{
	u64 __user *user = user_of(attr);
	u64 val = 0;
	int r;

	/* Which region is asked about is in the value. */
	if (write || attr->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)
		if (get_user(val, user))
			return -EFAULT;
	mutex_lock(&vm->vgic.lock);
	r = access_address(vm, attr->attr, write, &val);
	mutex_unlock(&vm->vgic.lock);
	return r || write ? r : put_user(val, user);
}

/* ---- the number of interrupts ---- */

static int nr_irqs_attr(struct arm_vm *vm, const struct kvm_device_attr *attr, bool write)
{
	u32 __user *user = user_of(attr);
	int r = 0;
	u32 nr;

	if (!write)
		return put_user(vm->vgic.nr_spis + VGIC_PRIVATE_IRQS, user);
	if (get_user(nr, user))
		return -EFAULT;
	if (nr < VGIC_PRIVATE_IRQS + 32 || nr > VGIC_MAX_IRQS || nr & 31)
		return -EINVAL;
	mutex_lock(&vm->vgic.lock);
	if (vm->vgic.nr_spis)
		r = -EBUSY;
	else
		vm->vgic.nr_spis = nr - VGIC_PRIVATE_IRQS;
	mutex_unlock(&vm->vgic.lock);
	return r;
}

/* ---- control ---- */

static int save_pending(struct arm_vm *vm)
{
	int r;

	if (!vgic_is_v3(&vm->vgic))
		return -ENXIO;
	r = vgic_pause(vm);
	if (r)
		return r;
	mutex_lock(&vm->vgic.lpi_lock);
	r = vgic_initialized(&vm->vgic) ? vgic_lpi_save_pending(&vm->vgic) : -ENXIO;
	mutex_unlock(&vm->vgic.lpi_lock);
	vgic_resume(vm);
	return r;
}

static int control_attr(struct arm_vm *vm, u64 attr)
{
	int r;

	switch (attr) {
	case KVM_DEV_ARM_VGIC_CTRL_INIT:
		mutex_lock(&vm->vm.lock);
		mutex_lock(&vm->vgic.lock);
		r = vgic_init(vm);
		mutex_unlock(&vm->vgic.lock);
		mutex_unlock(&vm->vm.lock);
		return r;
	case KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES:
		return save_pending(vm);
	default:
		return -ENXIO;
	}
}

/* ---- registers ---- */

/* Whose registers, by the attribute; NULL: no such vCPU. */
static struct vgic_cpu *cpu_of(struct arm_vm *vm, const struct kvm_device_attr *attr)
{
	struct berth_vcpu *vcpu;
	u32 mpidr;

	if (!vgic_is_v3(&vm->vgic)) {
		vcpu = berth_vcpu_by_id(&vm->vm, FIELD_GET(KVM_DEV_ARM_VGIC_CPUID_MASK, attr->attr));
	} else if (attr->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS) {
		vcpu = xa_load(&vm->vm.vcpus, 0);
	} else {
		/* Aff3 is in the upper byte; nobody has one. */
		mpidr = FIELD_GET(KVM_DEV_ARM_VGIC_V3_MPIDR_MASK, attr->attr);
		return mpidr >> 24 ? NULL : vgic_cpu_at(&vm->vgic, mpidr);
	}
	return vcpu ? &to_arm(vcpu)->vgic : NULL;
}

static const struct vgic_reg_table *table_of(struct arm_vm *vm, u32 group)
{
	bool v3 = vgic_is_v3(&vm->vgic);

	switch (group) {
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
		return v3 ? &vgic_v3_dist : &vgic_v2_dist;
	case KVM_DEV_ARM_VGIC_GRP_CPU_REGS:
		return v3 ? NULL : &vgic_v2_cpuif;
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
		return v3 ? &vgic_v3_redist : NULL;
	default:
		return NULL;
	}
}

static u32 offset_of(const struct kvm_device_attr *attr)
{
	return attr->attr & KVM_DEV_ARM_VGIC_OFFSET_MASK;
}

/* The encoding is sys_reg()'s, without its place in the instruction. */
static u32 sysreg_of(const struct kvm_device_attr *attr)
{
	u32 instr = attr->attr & KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK;

	return sys_reg(instr >> 14 & 3, instr >> 11 & 7, instr >> 7 & 15, instr >> 3 & 15,
		       instr & 7);
}

static int access_levels(struct vgic_cpu *cpu, u64 attr, bool write, u32 *val)
{
	u32 intid = attr & KVM_DEV_ARM_VGIC_LINE_LEVEL_INTID_MASK;

	if (FIELD_GET(KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK, attr) != VGIC_LEVEL_INFO_LINE_LEVEL ||
	    intid % 32)
		return -EINVAL;
	if (write)
		vgic_set_line_levels(cpu, intid, *val);
	else
		*val = vgic_line_levels(cpu, intid);
	return 0;
}

static int access_regs(struct arm_vm *vm, struct vgic_cpu *cpu, const struct kvm_device_attr *attr,
		       bool write, u64 *val)
{
	u32 word = *val;
	int r;

	if (!vgic_is_v3(&vm->vgic)) {
		r = vgic_init(vm);
		if (r)
			return r;
	} else if (!vgic_initialized(&vm->vgic)) {
		return -EBUSY;
	}
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS)
		return vgic_user_sysreg(cpu, sysreg_of(attr), write, val);
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO)
		r = access_levels(cpu, attr->attr, write, &word);
	else
		r = vgic_user_access(cpu, table_of(vm, attr->group), offset_of(attr), write, &word);
	*val = word;
	return r;
}

/* System registers have 64 bits, all others 32. */
static int regs_attr(struct arm_vm *vm, const struct kvm_device_attr *attr, bool write)
{
	bool wide = attr->group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
	struct vgic_cpu *cpu = cpu_of(vm, attr);
	size_t size = wide ? sizeof(u64) : sizeof(u32);
	u64 val = 0;
	int r;

	if (!cpu)
		return -EINVAL;
	if (write && copy_from_user(&val, user_of(attr), size))
		return -EFAULT;
	r = vgic_pause(vm);
	if (r)
		return r;
	r = access_regs(vm, cpu, attr, write, &val);
	vgic_resume(vm);
	if (!r && !write && copy_to_user(user_of(attr), &val, size))
		return -EFAULT;
	return r;
}

static int has_regs(struct arm_vm *vm, const struct kvm_device_attr *attr)
{
	const struct vgic_reg_table *table = table_of(vm, attr->group);
	struct vgic_cpu *cpu = cpu_of(vm, attr);

	if (!cpu)
		return -EINVAL;
	if (!table)
		return vgic_user_has_sysreg(sysreg_of(attr)) ? 0 : -ENXIO;
	return vgic_user_has(cpu, table, offset_of(attr)) ? 0 : -ENXIO;
}

/* ---- the devices ---- */

static bool is_regs_group(struct arm_vm *vm, u32 group)
{
	return table_of(vm, group) ||
	       (vgic_is_v3(&vm->vgic) && (group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS ||
					  group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO));
}

static int access_attr(struct berth_device *dev, const struct kvm_device_attr *attr, bool write)
{
	struct arm_vm *vm = vm_of(dev);

	if (is_regs_group(vm, attr->group))
		return regs_attr(vm, attr, write);
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return address_attr(vm, attr, write);
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return nr_irqs_attr(vm, attr, write);
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		return write ? control_attr(vm, attr->attr) : -ENXIO;
	default:
		return -ENXIO;
	}
}

static int set_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	return access_attr(dev, attr, true);
}

static int get_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	return access_attr(dev, attr, false);
}

static bool has_control(struct arm_vm *vm, u64 attr)
{
	return attr == KVM_DEV_ARM_VGIC_CTRL_INIT ||
	       (attr == KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES && vgic_is_v3(&vm->vgic));
}

static int has_attr(struct berth_device *dev, const struct kvm_device_attr *attr)
{
	struct arm_vm *vm = vm_of(dev);
	bool has = false;

	if (attr->group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO)
		has = vgic_is_v3(&vm->vgic) &&
		      FIELD_GET(KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK, attr->attr) ==
		      VGIC_LEVEL_INFO_LINE_LEVEL;
	else if (is_regs_group(vm, attr->group))
		return has_regs(vm, attr);
	else if (attr->group == KVM_DEV_ARM_VGIC_GRP_ADDR)
		has = block_of(vm->vgic.model, attr->attr) ||
		      is_redist_attr(vm->vgic.model, attr->attr);
	else if (attr->group == KVM_DEV_ARM_VGIC_GRP_NR_IRQS)
		has = true;
	else if (attr->group == KVM_DEV_ARM_VGIC_GRP_CTRL)
		has = has_control(vm, attr->attr);
	return has ? 0 : -ENXIO;
}

static int create(struct berth_device *dev)
{
	return vgic_create(vm_of(dev), dev->type->type);
}

/* It goes with its VM, but for one whose file could not be made. */
static void destroy(struct berth_device *dev)
{
	WRITE_ONCE(vm_of(dev)->vgic.model, 0);
}

static bool v2_supported(void)
{
	return vgic_host.model == KVM_DEV_TYPE_ARM_VGIC_V2;
}

static bool v3_supported(void)
{
	return vgic_host.model == KVM_DEV_TYPE_ARM_VGIC_V3;
}

static const struct berth_device_type v2_type = {
	.type = KVM_DEV_TYPE_ARM_VGIC_V2,
	.name = "kvm-arm-vgic-v2",
	.supported = v2_supported,
	.create = create,
	.destroy = destroy,
	.set_attr = set_attr,
	.get_attr = get_attr,
	.has_attr = has_attr,
};

static const struct berth_device_type v3_type = {
	.type = KVM_DEV_TYPE_ARM_VGIC_V3,
	.name = "kvm-arm-vgic-v3",
	.supported = v3_supported,
	.create = create,
	.destroy = destroy,
	.set_attr = set_attr,
	.get_attr = get_attr,
	.has_attr = has_attr,
};

const struct berth_device_type *const vgic_device_types[VGIC_NR_DEVICE_TYPES] = {
	&v2_type, &v3_type, &vgic_its_type,
};
