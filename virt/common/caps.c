// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities: what KVM_CHECK_EXTENSION answers and KVM_ENABLE_CAP does.  One row
 * each; the core's own are here, the backend brings its.
 */
#include <berth/backend.h>
#include <linux/cpumask.h>

static int check_nr_vcpus(struct berth_vm *vm)
{
	return min(num_online_cpus(), berth_backend.data.max_vcpus);
}

static int check_max_vcpus(struct berth_vm *vm)
{
	return berth_backend.data.max_vcpus;
}

static int check_max_vcpu_id(struct berth_vm *vm)
{
	return berth_backend.data.max_vcpu_ids;
}

static int check_ring_page(struct berth_vm *vm)
{
	return berth_backend.data.ring_page;
}

static int check_coalesced_pio(struct berth_vm *vm)
{
	return !!berth_backend.data.ring_page;
}

static int check_irq(struct berth_vm *vm)
{
	return !!berth_backend.data.irq;
}

static int check_irq_routing(struct berth_vm *vm)
{
	return berth_backend.data.irq ? BERTH_MAX_ROUTES : 0;
}

static int enable_manual_protect(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	u64 valid = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	u64 mode = args->args[0];

	/* Initially-set means nothing without manual protection. */
	if (args->flags || (mode & ~valid) ||
	    ((mode & KVM_DIRTY_LOG_INITIALLY_SET) && !(mode & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)))
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	vm->manual_dirty_protect = mode;
	mutex_unlock(&vm->slots_lock);
	return 0;
}

static int enable_halt_poll(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	if (args->flags || args->args[0] != (unsigned int)args->args[0])
		return -EINVAL;
	WRITE_ONCE(vm->halt_poll_ns, args->args[0]);
	return 0;
}

static const struct berth_cap core_caps[] = {
	{ KVM_CAP_USER_MEMORY, 1 },
	{ KVM_CAP_USER_MEMORY2, 1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ KVM_CAP_NR_MEMSLOTS, BERTH_USER_SLOTS },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_SYNC_MMU, 1 },
	{ KVM_CAP_PRE_FAULT_MEMORY, 1 },
	{ KVM_CAP_NR_VCPUS, .check = check_nr_vcpus },
	{ KVM_CAP_MAX_VCPUS, .check = check_max_vcpus },
	{ KVM_CAP_MAX_VCPU_ID, .check = check_max_vcpu_id },
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_ENABLE_CAP, 1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_IOEVENTFD, 1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH, 1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
	{ KVM_CAP_COALESCED_MMIO, .check = check_ring_page },
	{ KVM_CAP_COALESCED_PIO, .check = check_coalesced_pio },
	{ KVM_CAP_IRQFD, .check = check_irq },
	{ KVM_CAP_IRQFD_RESAMPLE, .check = check_irq },
	{ KVM_CAP_SIGNAL_MSI, .check = check_irq },
	{ KVM_CAP_IRQ_ROUTING, .check = check_irq_routing },
	{ KVM_CAP_DEVICE_CTRL, 1 },
	{ KVM_CAP_BINARY_STATS_FD, 1 },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET,
	  .enable_vm = enable_manual_protect },
	{ KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .check = berth_dirty_ring_cap,
	  .enable_vm = berth_dirty_ring_enable },
	{ KVM_CAP_HALT_POLL, 1, .enable_vm = enable_halt_poll },
};

static const struct berth_cap *cap_find(u32 cap)
{
	const struct berth_backend_data *data = &berth_backend.data;
	unsigned int i;

	for (i = 0; i < data->nr_caps; i++)
		if (data->caps[i].cap == cap)
			return &data->caps[i];
	for (i = 0; i < ARRAY_SIZE(core_caps); i++)
		if (core_caps[i].cap == cap)
			return &core_caps[i];
	return NULL;
}

int berth_cap_check(struct berth_vm *vm, u32 cap)
{
	const struct berth_cap *row = cap_find(cap);

	if (!row)
		return 0;
	return row->check ? row->check(vm) : row->value;
}

int berth_cap_enable_vm(struct berth_vm *vm, const struct kvm_enable_cap *args)
{
	const struct berth_cap *row = cap_find(args->cap);

	return row && row->enable_vm ? row->enable_vm(vm, args) : -EINVAL;
}

int berth_cap_enable_vcpu(struct berth_vcpu *vcpu, const struct kvm_enable_cap *args)
{
	const struct berth_cap *row = cap_find(args->cap);

	return row && row->enable_vcpu ? row->enable_vcpu(vcpu, args) : -EINVAL;
}
