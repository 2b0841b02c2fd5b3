// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 rows of the ioctl table and of the capability table.  What is not whole
 * has no row.
 */
#include "irq.h"
#include "state.h"

#define VARIABLE	IOC_VARIABLE
#define VALUE		IOC_VALUE

const struct berth_ioctl x86_ioctls[] = {
	SYS_IOCTL(KVM_GET_SUPPORTED_CPUID, VARIABLE, KVM_CAP_EXT_CPUID,
		  x86_ioctl_get_supported_cpuid),
	SYS_IOCTL(KVM_GET_EMULATED_CPUID, VARIABLE, KVM_CAP_EXT_EMUL_CPUID,
		  x86_ioctl_get_emulated_cpuid),
	SYS_IOCTL(KVM_GET_MSR_INDEX_LIST, VARIABLE, 0, x86_ioctl_msr_index_list),
	SYS_IOCTL(KVM_GET_MSR_FEATURE_INDEX_LIST, VARIABLE, KVM_CAP_GET_MSR_FEATURES,
		  x86_ioctl_feature_msr_index_list),
	SYS_IOCTL(KVM_GET_MSRS, VARIABLE, KVM_CAP_GET_MSR_FEATURES, x86_ioctl_get_feature_msrs),
	SYS_IOCTL(KVM_X86_GET_MCE_CAP_SUPPORTED, 0, KVM_CAP_MCE, x86_ioctl_get_mce_cap),

	VM_IOCTL(KVM_SET_TSS_ADDR, VALUE | IOC_VM_LOCK, KVM_CAP_SET_TSS_ADDR,
		 x86_ioctl_set_tss_addr),
	VM_IOCTL(KVM_SET_IDENTITY_MAP_ADDR, IOC_VM_LOCK | IOC_NO_VCPUS,
		 KVM_CAP_SET_IDENTITY_MAP_ADDR, x86_ioctl_set_identity_map_addr),
	VM_IOCTL(KVM_SET_BOOT_CPU_ID, VALUE | IOC_VM_LOCK, KVM_CAP_SET_BOOT_CPU_ID,
		 x86_ioctl_set_boot_cpu_id),
	VM_IOCTL(KVM_GET_CLOCK, IOC_VM_LOCK, KVM_CAP_ADJUST_CLOCK, x86_ioctl_get_clock),
	VM_IOCTL(KVM_SET_CLOCK, IOC_VM_LOCK, KVM_CAP_ADJUST_CLOCK, x86_ioctl_set_clock),
	VCPU_IOCTL(KVM_KVMCLOCK_CTRL, VALUE, KVM_CAP_KVMCLOCK_CTRL, x86_ioctl_kvmclock_ctrl),
	VM_IOCTL(KVM_GET_TSC_KHZ, VALUE, KVM_CAP_GET_TSC_KHZ, x86_ioctl_vm_get_tsc_khz),
	VM_IOCTL(KVM_SET_TSC_KHZ, VALUE | IOC_VM_LOCK, KVM_CAP_GET_TSC_KHZ,
		 x86_ioctl_vm_set_tsc_khz),

	VM_IOCTL(KVM_CREATE_IRQCHIP, VALUE | IOC_VM_LOCK, KVM_CAP_IRQCHIP,
		 x86_ioctl_create_irqchip),
	VM_IOCTL(KVM_GET_IRQCHIP, 0, KVM_CAP_IRQCHIP, x86_ioctl_get_irqchip),
	/* Those that set have numbers that say the argument comes out, but it goes in. */
	VM_IOCTL(KVM_SET_IRQCHIP, VARIABLE, KVM_CAP_IRQCHIP, x86_ioctl_set_irqchip),
	VM_IOCTL(KVM_IRQ_LINE, 0, KVM_CAP_IRQCHIP, x86_ioctl_irq_line),
	VM_IOCTL(KVM_IRQ_LINE_STATUS, 0, KVM_CAP_IRQ_INJECT_STATUS, x86_ioctl_irq_line),
	VM_IOCTL(KVM_CREATE_PIT, VALUE | IOC_VM_LOCK, KVM_CAP_PIT, x86_ioctl_create_pit),
	VM_IOCTL(KVM_GET_PIT, 0, KVM_CAP_PIT, x86_ioctl_get_pit),
	VM_IOCTL(KVM_SET_PIT, VARIABLE | IOC_VM_LOCK, KVM_CAP_PIT, x86_ioctl_set_pit),
	VM_IOCTL(KVM_CREATE_PIT2, IOC_VM_LOCK, KVM_CAP_PIT2, x86_ioctl_create_pit2),
	VM_IOCTL(KVM_GET_PIT2, 0, KVM_CAP_PIT_STATE2, x86_ioctl_get_pit2),
	VM_IOCTL(KVM_SET_PIT2, IOC_VM_LOCK, KVM_CAP_PIT_STATE2, x86_ioctl_set_pit2),
	VM_IOCTL(KVM_REINJECT_CONTROL, VALUE, KVM_CAP_REINJECT_CONTROL,
		 x86_ioctl_reinject_control),

	VCPU_IOCTL(KVM_GET_REGS, 0, 0, x86_ioctl_get_regs),
	VCPU_IOCTL(KVM_SET_REGS, 0, 0, x86_ioctl_set_regs),
	VCPU_IOCTL(KVM_GET_SREGS, 0, 0, x86_ioctl_get_sregs),
	VCPU_IOCTL(KVM_SET_SREGS, 0, 0, x86_ioctl_set_sregs),
	VCPU_IOCTL(KVM_GET_SREGS2, 0, KVM_CAP_SREGS2, x86_ioctl_get_sregs2),
	VCPU_IOCTL(KVM_SET_SREGS2, 0, KVM_CAP_SREGS2, x86_ioctl_set_sregs2),
	VCPU_IOCTL(KVM_GET_FPU, 0, 0, x86_ioctl_get_fpu),
	VCPU_IOCTL(KVM_SET_FPU, 0, 0, x86_ioctl_set_fpu),
	VCPU_IOCTL(KVM_GET_XSAVE, 0, KVM_CAP_XSAVE, x86_ioctl_get_xsave),
	VCPU_IOCTL(KVM_SET_XSAVE, VARIABLE, KVM_CAP_XSAVE, x86_ioctl_set_xsave),
	VCPU_IOCTL(KVM_GET_XSAVE2, VARIABLE, KVM_CAP_XSAVE2, x86_ioctl_get_xsave2),
	VCPU_IOCTL(KVM_GET_XCRS, 0, KVM_CAP_XCRS, x86_ioctl_get_xcrs),
	VCPU_IOCTL(KVM_SET_XCRS, 0, KVM_CAP_XCRS, x86_ioctl_set_xcrs),
	VCPU_IOCTL(KVM_GET_DEBUGREGS, 0, KVM_CAP_DEBUGREGS, x86_ioctl_get_debugregs),
	VCPU_IOCTL(KVM_SET_DEBUGREGS, 0, KVM_CAP_DEBUGREGS, x86_ioctl_set_debugregs),
	VCPU_IOCTL(KVM_SET_GUEST_DEBUG, 0, KVM_CAP_SET_GUEST_DEBUG, x86_ioctl_set_guest_debug),
	VCPU_IOCTL(KVM_GET_MP_STATE, 0, KVM_CAP_MP_STATE, x86_ioctl_get_mp_state),
	VCPU_IOCTL(KVM_SET_MP_STATE, 0, KVM_CAP_MP_STATE, x86_ioctl_set_mp_state),
	VCPU_IOCTL(KVM_GET_LAPIC, 0, KVM_CAP_IRQCHIP, x86_ioctl_get_lapic),
	/* Without a local APIC it does not matter where the argument is. */
	VCPU_IOCTL(KVM_SET_LAPIC, VALUE, KVM_CAP_IRQCHIP, x86_ioctl_set_lapic),
	VCPU_IOCTL(KVM_SET_VAPIC_ADDR, VALUE, KVM_CAP_IRQCHIP, x86_ioctl_set_vapic_addr),
	VCPU_IOCTL(KVM_TRANSLATE, 0, 0, x86_ioctl_translate),
	VCPU_IOCTL(KVM_GET_TSC_KHZ, VALUE, KVM_CAP_GET_TSC_KHZ, x86_ioctl_get_tsc_khz),
	VCPU_IOCTL(KVM_SET_TSC_KHZ, VALUE, KVM_CAP_GET_TSC_KHZ, x86_ioctl_set_tsc_khz),

	VCPU_IOCTL(KVM_SET_CPUID, VARIABLE, 0, x86_ioctl_set_cpuid),
	VCPU_IOCTL(KVM_SET_CPUID2, VARIABLE, KVM_CAP_EXT_CPUID, x86_ioctl_set_cpuid2),
	VCPU_IOCTL(KVM_GET_CPUID2, VARIABLE, KVM_CAP_EXT_CPUID, x86_ioctl_get_cpuid2),
	VCPU_IOCTL(KVM_GET_MSRS, VARIABLE, 0, x86_ioctl_get_msrs),
	VCPU_IOCTL(KVM_SET_MSRS, VARIABLE, 0, x86_ioctl_set_msrs),
	VCPU_IOCTL(KVM_X86_SETUP_MCE, 0, KVM_CAP_MCE, x86_ioctl_setup_mce),
	VCPU_IOCTL(KVM_X86_SET_MCE, 0, KVM_CAP_MCE, x86_ioctl_set_mce),

	VCPU_IOCTL(KVM_INTERRUPT, 0, 0, x86_ioctl_interrupt),
	VCPU_IOCTL(KVM_NMI, VALUE, KVM_CAP_USER_NMI, x86_ioctl_nmi),
	VCPU_IOCTL(KVM_GET_VCPU_EVENTS, 0, KVM_CAP_VCPU_EVENTS, x86_ioctl_get_events),
	VCPU_IOCTL(KVM_SET_VCPU_EVENTS, 0, KVM_CAP_VCPU_EVENTS, x86_ioctl_set_events),
};

const unsigned int x86_nr_ioctls = ARRAY_SIZE(x86_ioctls);

const struct berth_cap x86_caps[] = {
	{ .cap = KVM_CAP_HLT, .value = 1 },
	{ .cap = KVM_CAP_SET_TSS_ADDR, .value = 1 },
	{ .cap = KVM_CAP_EXT_CPUID, .value = 1 },
	{ .cap = KVM_CAP_EXT_EMUL_CPUID, .value = 1 },
	{ .cap = KVM_CAP_MP_STATE, .value = 1 },
	{ .cap = KVM_CAP_USER_NMI, .value = 1 },
	{ .cap = KVM_CAP_SET_GUEST_DEBUG, .value = 1 },
	{ .cap = KVM_CAP_SET_GUEST_DEBUG2, .value = X86_GUESTDBG_VALID },
	{ .cap = KVM_CAP_MCE, .value = X86_MCE_BANKS },
	{ .cap = KVM_CAP_SET_IDENTITY_MAP_ADDR, .value = 1 },
	{ .cap = KVM_CAP_ADJUST_CLOCK, .value = X86_CLOCK_FLAGS },
	{ .cap = KVM_CAP_KVMCLOCK_CTRL, .value = 1 },
	{ .cap = KVM_CAP_VCPU_EVENTS, .value = 1 },
	{ .cap = KVM_CAP_DEBUGREGS, .value = 1 },
	{ .cap = KVM_CAP_X86_ROBUST_SINGLESTEP, .value = 1 },
	{ .cap = KVM_CAP_XSAVE, .value = 1 },
	{ .cap = KVM_CAP_XSAVE2, .check = x86_cap_xsave2 },
	{ .cap = KVM_CAP_XCRS, .check = x86_cap_xcrs },
	{ .cap = KVM_CAP_GET_TSC_KHZ, .value = 1 },
	{ .cap = KVM_CAP_IRQCHIP, .value = 1 },
	{ .cap = KVM_CAP_SPLIT_IRQCHIP, .value = 1, .enable_vm = x86_enable_split_irqchip },
	{ .cap = KVM_CAP_IRQ_INJECT_STATUS, .value = 1 },
	{ .cap = KVM_CAP_PIT, .value = 1 },
	{ .cap = KVM_CAP_PIT2, .value = 1 },
	{ .cap = KVM_CAP_PIT_STATE2, .value = 1 },
	{ .cap = KVM_CAP_REINJECT_CONTROL, .value = 1 },
	{ .cap = KVM_CAP_NOP_IO_DELAY, .value = 1 },
	{ .cap = KVM_CAP_GET_MSR_FEATURES, .value = 1 },
	{ .cap = KVM_CAP_SREGS2, .value = 1 },
	/* Stores are seen in order here, so the ring needs no barriers of user space. */
	{ .cap = KVM_CAP_DIRTY_LOG_RING, .check = berth_dirty_ring_cap,
	  .enable_vm = berth_dirty_ring_enable },
	{ .cap = KVM_CAP_SET_BOOT_CPU_ID, .value = 1 },
	{ .cap = KVM_CAP_TSC_DEADLINE_TIMER, .value = 1 },
	{ .cap = KVM_CAP_X2APIC_API, .value = X86_X2APIC_API_FLAGS,
	  .enable_vm = x86_enable_x2apic_api },
	{ .cap = KVM_CAP_MAX_VCPU_ID, .value = X86_MAX_VCPU_IDS,
	  .enable_vm = x86_enable_max_vcpu_id },
};

const unsigned int x86_nr_caps = ARRAY_SIZE(x86_caps);

BERTH_DEFINE_BACKEND(x86,
	.name = "x86",
	.vm_size = sizeof(struct x86_vm),
	.vcpu_size = sizeof(struct x86_vcpu),
	.max_vcpus = 1024,
	.max_vcpu_ids = X86_MAX_VCPU_IDS,
	.run_pages = 3,
	.ring_page = KVM_COALESCED_MMIO_PAGE_OFFSET,
	.dirty_ring_page = KVM_DIRTY_LOG_PAGE_OFFSET,
	.ioctls = x86_ioctls,
	.nr_ioctls = ARRAY_SIZE(x86_ioctls),
	.caps = x86_caps,
	.nr_caps = ARRAY_SIZE(x86_caps),
	.irq = &x86_irq_ops,
);
