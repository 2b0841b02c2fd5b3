// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space asks of the interrupt controller outside its device: the older way to
 * make it, interrupt lines, GSI routes and messages, capabilities.
 */
#include "internal.h"
#include <linux/nospec.h>

/* KVM_CREATE_IRQCHIP (api.rst 4.24): a GICv2.  vm->lock held. */
long arm_ioctl_create_irqchip(struct berth_vm *vm, void *data, unsigned long uarg)
{
	if (!vgic_host.model)
		return -ENXIO;
	if (vgic_host.model != KVM_DEV_TYPE_ARM_VGIC_V2)
		return -ENODEV;
	return vgic_create(to_arm_vm(vm), KVM_DEV_TYPE_ARM_VGIC_V2);
}

/* KVM_ARM_SET_DEVICE_ADDR (api.rst 4.85). */
long arm_ioctl_set_device_addr(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct kvm_arm_device_addr *args = data;
	u32 device = (args->id & KVM_ARM_DEVICE_ID_MASK) >> KVM_ARM_DEVICE_ID_SHIFT;
	struct vgic_vm *vgic = &to_arm_vm(vm)->vgic;
	u64 size = KVM_VGIC_V2_DIST_SIZE;
	gpa_t *base = &vgic->dist_base;
	int r;

	if (device != KVM_ARM_DEVICE_VGIC_V2)
		return -ENODEV;
	if (!vgic_host.model)
		return -ENXIO;
	switch ((args->id & KVM_ARM_DEVICE_TYPE_MASK) >> KVM_ARM_DEVICE_TYPE_SHIFT) {
	case KVM_VGIC_V2_ADDR_TYPE_DIST:
		break;
	case KVM_VGIC_V2_ADDR_TYPE_CPU:
		base = &vgic->cpu_base;
		size = KVM_VGIC_V2_CPU_SIZE;
		break;
	default:
		return -ENODEV;
	}
	if (vgic_model(vgic) != KVM_DEV_TYPE_ARM_VGIC_V2)
		return -ENODEV;
	mutex_lock(&vgic->lock);
	r = vgic_check_range(to_arm_vm(vm), *base, args->addr, SZ_4K, size);
	if (!r)
		*base = args->addr;
	mutex_unlock(&vgic->lock);
	return r;
}

/* ---- KVM_IRQ_LINE (api.rst 4.25) ---- */

/* Without a GIC: the vCPU's own IRQ and FIQ inputs. */
static long cpu_line(struct arm_vcpu *v, u32 number, bool level)
{
	unsigned int bit;

	if (number > KVM_ARM_IRQ_CPU_FIQ)
		return -EINVAL;
	bit = __ffs(number == KVM_ARM_IRQ_CPU_IRQ ? HCR_VI : HCR_VF);
	if (level == test_bit(bit, &v->vgic.lines))
		return 0;
	if (level)
		set_bit(bit, &v->vgic.lines);
	else
		clear_bit(bit, &v->vgic.lines);
	vgic_kick(&v->vgic);
	return 0;
}

long arm_ioctl_irq_line(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct kvm_irq_level *line = data;
	u32 type = line->irq >> KVM_ARM_IRQ_TYPE_SHIFT & KVM_ARM_IRQ_TYPE_MASK;
	u32 id = line->irq >> KVM_ARM_IRQ_VCPU_SHIFT & KVM_ARM_IRQ_VCPU_MASK;
	u32 number = line->irq >> KVM_ARM_IRQ_NUM_SHIFT & KVM_ARM_IRQ_NUM_MASK;
	struct arm_vm *avm = to_arm_vm(vm);
	bool gic = vgic_model(&avm->vgic);
	struct berth_vcpu *vcpu = NULL;
	int r;

	id += (line->irq >> KVM_ARM_IRQ_VCPU2_SHIFT & KVM_ARM_IRQ_VCPU2_MASK) *
	      (KVM_ARM_IRQ_VCPU_MASK + 1);
	if (type > KVM_ARM_IRQ_TYPE_PPI)
		return -EINVAL;
	if (gic == (type == KVM_ARM_IRQ_TYPE_CPU))
		return -ENXIO;
	if (type != KVM_ARM_IRQ_TYPE_SPI) {
		vcpu = berth_vcpu_by_id(vm, id);
		if (!vcpu)
			return -EINVAL;
	}
	if (type == KVM_ARM_IRQ_TYPE_CPU)
		return cpu_line(to_arm(vcpu), number, line->level);
	if (type == KVM_ARM_IRQ_TYPE_PPI && (number < VGIC_SGIS || number >= VGIC_PRIVATE_IRQS))
		return -EINVAL;
	if (type == KVM_ARM_IRQ_TYPE_SPI && number < VGIC_PRIVATE_IRQS)
		return -EINVAL;
	r = vgic_lazy_init(avm);
	if (r)
		return r;
	return vgic_inject(avm, vcpu ? to_arm(vcpu) : NULL, number, line->level);
}

/* ---- routes ---- */

static bool ready(struct berth_vm *vm)
{
	return vgic_model(&to_arm_vm(vm)->vgic);
}

/* Later is not too late: user space has to initialize the GIC first. */
static int irqfd_check(struct berth_vm *vm, bool resample)
{
	return vgic_initialized(&to_arm_vm(vm)->vgic) ? 0 : -EAGAIN;
}

/* The chip has as many pins as a GIC can have SPIs. */
static int route_check(struct berth_vm *vm, const struct kvm_irq_routing_entry *route)
{
	const struct kvm_irq_routing_irqchip *chip = &route->u.irqchip;

	if (route->type == KVM_IRQ_ROUTING_MSI)
		return 0;
	if (route->type != KVM_IRQ_ROUTING_IRQCHIP || chip->irqchip ||
	    chip->pin >= 1020 - VGIC_PRIVATE_IRQS)
		return -EINVAL;
	return 0;
}

static void routes_changed(struct berth_vm *vm)
{
}

static int deliver(struct berth_vm *vm, const struct kvm_irq_routing_entry *route,
		   unsigned int source, bool level)
{
	struct vgic_vm *vgic = &to_arm_vm(vm)->vgic;
	const struct kvm_irq_routing_msi *msi = &route->u.msi;
	struct vgic_irq *irq;

	if (route->type == KVM_IRQ_ROUTING_MSI) {
		if (!vgic_has_its(vgic))
			return -ENODEV;
		if (!level)
			return -1;
		if (!(route->flags & KVM_MSI_VALID_DEVID))
			return -EINVAL;
		return vgic_its_deliver(vgic, (u64)msi->address_hi << 32 | msi->address_lo,
					msi->data, msi->devid);
	}
	if (!vgic_initialized(vgic))
		return -1;
	/*
	 * An irqfd that does not resample raises a line; of a level-sensitive interrupt
	 * it is KVM_IRQ_LINE that lowers it, as with the kernel's own KVM.
	 */
	if (source == BERTH_IRQ_USER && !level)
		return 0;
	irq = vgic_irq_find(vgic, NULL, route->u.irqchip.pin + VGIC_PRIVATE_IRQS);
	if (!irq)
		return -EINVAL;
	vgic_irq_set_line(irq, source, level, NULL);
	return 1;
}

const struct berth_irq_ops vgic_irq_ops = {
	.ready = ready,
	.irqfd_check = irqfd_check,
	.route_check = route_check,
	.routes_changed = routes_changed,
	.deliver = deliver,
};

/* ---- capabilities ---- */

int vgic_cap_irqchip(struct berth_vm *vm)
{
	return !!vgic_host.model;
}

/* An ITS tells devices apart by their ids. */
int vgic_cap_msi_devid(struct berth_vm *vm)
{
	return vm ? vgic_has_its(&to_arm_vm(vm)->vgic) : -EINVAL;
}
