// SPDX-License-Identifier: GPL-2.0-only
/* The backend's rows of the ioctl table and of the capabilities. */
#include "s390.h"

static int enable(struct berth_vm *b, const struct kvm_enable_cap *args, enum sie_user what)
{
	if (args->flags)
		return -EINVAL;
	set_bit(what, &to_sie_vm(b)->user);
	return 0;
}

static int enable_irqchip(struct berth_vm *b, const struct kvm_enable_cap *args)
{
	return enable(b, args, SIE_USER_IRQCHIP);
}

static int enable_user_sigp(struct berth_vm *b, const struct kvm_enable_cap *args)
{
	return enable(b, args, SIE_USER_SIGP);
}

static int enable_user_stsi(struct berth_vm *b, const struct kvm_enable_cap *args)
{
	return enable(b, args, SIE_USER_STSI);
}

static int enable_user_instr0(struct berth_vm *b, const struct kvm_enable_cap *args)
{
	return enable(b, args, SIE_USER_INSTR0);
}

/* Adapter-interruption suppression: a facility that user space decides about. */
static int enable_ais(struct berth_vm *b, const struct kvm_enable_cap *args)
{
	struct sie_vm *vm = to_sie_vm(b);
	int r = -EBUSY;

	if (args->flags)
		return -EINVAL;
	mutex_lock(&b->lock);
	if (!b->created_vcpus) {
		vm->model.fac_mask[72 / 64] |= 1ULL << (63 - 72 % 64);
		vm->model.fac_list[72 / 64] |= 1ULL << (63 - 72 % 64);
		r = 0;
	}
	mutex_unlock(&b->lock);
	return r;
}

static int enable_css(struct berth_vcpu *b, const struct kvm_enable_cap *args)
{
	return enable(b->vm, args, SIE_USER_CSS);
}

static const struct berth_cap caps[] = {
	{ KVM_CAP_S390_PSW, 1 },
	{ KVM_CAP_S390_GMAP, 1 },
	/* A page of the host's that is shared is found out by the guest's first store. */
	{ KVM_CAP_S390_COW, 1 },
	{ KVM_CAP_SYNC_REGS, 1 },
	{ KVM_CAP_ONE_REG, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_VM_ATTRIBUTES, 1 },
	{ KVM_CAP_S390_CSS_SUPPORT, 1, .enable_vcpu = enable_css },
	{ KVM_CAP_S390_IRQCHIP, 1, .enable_vm = enable_irqchip },
	{ KVM_CAP_S390_INJECT_IRQ, 1 },
	{ KVM_CAP_S390_IRQ_STATE, 1 },
	{ KVM_CAP_S390_USER_SIGP, 1, .enable_vm = enable_user_sigp },
	{ KVM_CAP_S390_USER_STSI, 1, .enable_vm = enable_user_stsi },
	{ KVM_CAP_S390_USER_INSTR0, 1, .enable_vm = enable_user_instr0 },
	{ KVM_CAP_S390_AIS, 1, .enable_vm = enable_ais },
	{ KVM_CAP_S390_AIS_MIGRATION, 1 },
	{ KVM_CAP_S390_SKEYS, 1 },
	{ KVM_CAP_S390_MEM_OP, 65536 },
	/* Absolute addresses and keys; compare and exchange. */
	{ KVM_CAP_S390_MEM_OP_EXTENSION, BIT(0) | BIT(1) },
	{ KVM_CAP_S390_VCPU_RESETS, 1 },
	{ KVM_CAP_S390_DIAG318, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, .check = sie_cap_guest_debug },
	{ KVM_CAP_SET_GUEST_DEBUG2, .check = sie_cap_guest_debug2 },
	/* No memory is for loads only, and there are no messages. */
	{ KVM_CAP_READONLY_MEM, 0 },
	{ KVM_CAP_SIGNAL_MSI, 0 },
};

static long create_irqchip(struct berth_vm *b, void *data, unsigned long arg)
{
	/* It is there; there is nothing to build. */
	return sie_user(to_sie_vm(b), SIE_USER_IRQCHIP) ? 0 : -EINVAL;
}

/* The process' page tables need nothing for a guest's. */
static long enable_sie(void *data, unsigned long arg)
{
	return 0;
}

static const struct berth_ioctl ioctls[] = {
	SYS_IOCTL(KVM_S390_ENABLE_SIE, IOC_VALUE, 0, enable_sie),

	VM_IOCTL(KVM_CREATE_IRQCHIP, IOC_VALUE, KVM_CAP_S390_IRQCHIP, create_irqchip),
	VM_IOCTL(KVM_S390_INTERRUPT, 0, 0, sie_ioctl_vm_interrupt),
	VM_IOCTL(KVM_SET_DEVICE_ATTR, 0, KVM_CAP_VM_ATTRIBUTES, sie_ioctl_set_vm_attr),
	VM_IOCTL(KVM_GET_DEVICE_ATTR, 0, KVM_CAP_VM_ATTRIBUTES, sie_ioctl_get_vm_attr),
	VM_IOCTL(KVM_HAS_DEVICE_ATTR, 0, KVM_CAP_VM_ATTRIBUTES, sie_ioctl_has_vm_attr),
	VM_IOCTL(KVM_S390_MEM_OP, 0, KVM_CAP_S390_MEM_OP_EXTENSION, sie_ioctl_vm_mem_op),
	VM_IOCTL(KVM_S390_GET_SKEYS, 0, KVM_CAP_S390_SKEYS, sie_ioctl_get_skeys),
	VM_IOCTL(KVM_S390_SET_SKEYS, 0, KVM_CAP_S390_SKEYS, sie_ioctl_set_skeys),

	VCPU_IOCTL(KVM_GET_REGS, 0, 0, sie_ioctl_get_regs),
	VCPU_IOCTL(KVM_SET_REGS, 0, 0, sie_ioctl_set_regs),
	VCPU_IOCTL(KVM_GET_SREGS, 0, 0, sie_ioctl_get_sregs),
	VCPU_IOCTL(KVM_SET_SREGS, 0, 0, sie_ioctl_set_sregs),
	VCPU_IOCTL(KVM_GET_FPU, 0, 0, sie_ioctl_get_fpu),
	VCPU_IOCTL(KVM_SET_FPU, 0, 0, sie_ioctl_set_fpu),
	VCPU_IOCTL(KVM_GET_ONE_REG, IOC_IN_ONLY, KVM_CAP_ONE_REG, sie_ioctl_get_one_reg),
	VCPU_IOCTL(KVM_SET_ONE_REG, 0, KVM_CAP_ONE_REG, sie_ioctl_set_one_reg),
	VCPU_IOCTL(KVM_GET_MP_STATE, IOC_IN_ONLY, KVM_CAP_MP_STATE, sie_ioctl_get_mp_state),
	VCPU_IOCTL(KVM_SET_MP_STATE, 0, KVM_CAP_MP_STATE, sie_ioctl_set_mp_state),
	VCPU_IOCTL(KVM_SET_GUEST_DEBUG, 0, KVM_CAP_SET_GUEST_DEBUG, sie_ioctl_set_guest_debug),
	VCPU_IOCTL(KVM_S390_MEM_OP, 0, KVM_CAP_S390_MEM_OP, sie_ioctl_mem_op),
	VCPU_IOCTL(KVM_S390_SET_INITIAL_PSW, 0, 0, sie_ioctl_set_initial_psw),
	VCPU_IOCTL(KVM_S390_STORE_STATUS, IOC_VALUE, 0, sie_ioctl_store_status),
	VCPU_IOCTL(KVM_S390_INITIAL_RESET, IOC_VALUE, 0, sie_ioctl_initial_reset),
	VCPU_IOCTL(KVM_S390_NORMAL_RESET, IOC_VALUE, KVM_CAP_S390_VCPU_RESETS,
		   sie_ioctl_normal_reset),
	VCPU_IOCTL(KVM_S390_CLEAR_RESET, IOC_VALUE, KVM_CAP_S390_VCPU_RESETS,
		   sie_ioctl_clear_reset),
	/* Others interrupt it while it runs. */
	VCPU_IOCTL(KVM_S390_INTERRUPT, IOC_ASYNC, 0, sie_ioctl_interrupt),
	VCPU_IOCTL(KVM_S390_IRQ, IOC_ASYNC, KVM_CAP_S390_INJECT_IRQ, sie_ioctl_irq),
	VCPU_IOCTL(KVM_S390_SET_IRQ_STATE, IOC_NO_LOAD, KVM_CAP_S390_IRQ_STATE,
		   sie_ioctl_set_irq_state),
	VCPU_IOCTL(KVM_S390_GET_IRQ_STATE, IOC_NO_LOAD, KVM_CAP_S390_IRQ_STATE,
		   sie_ioctl_get_irq_state),
};

static const struct berth_device_type *const device_types[] = { &sie_flic_type };

BERTH_DEFINE_BACKEND(sie,
	.name = "s390 (SIE)",
	.vm_size = sizeof(struct sie_vm),
	.vcpu_size = sizeof(struct sie_vcpu),
	.max_vcpus = SIE_MAX_VCPUS,
	.max_vcpu_ids = SIE_MAX_VCPUS,
	.run_pages = 1,
	.ring_page = 0,
	.dirty_ring_page = 0,
	.ioctls = ioctls,
	.nr_ioctls = ARRAY_SIZE(ioctls),
	.caps = caps,
	.nr_caps = ARRAY_SIZE(caps),
	.device_types = device_types,
	.nr_device_types = ARRAY_SIZE(device_types),
	.irq = &sie_irq_ops,
	.unknown_vm_ioctl = -ENOTTY,
	.unknown_vcpu_ioctl = -ENOTTY,
	.let_go = "unload it (rmmod kvm)",
);
