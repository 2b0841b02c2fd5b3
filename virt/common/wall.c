// SPDX-License-Identifier: GPL-2.0-only
/* The ABI of the core's ioctls, and of what it shares with user space. */
#include <berth/wall.h>

NUMBER(KVM_SET_DEVICE_ATTR, _IOC_WRITE, 0xe1, 24);
NUMBER(KVM_GET_DEVICE_ATTR, _IOC_WRITE, 0xe2, 24);
NUMBER(KVM_HAS_DEVICE_ATTR, _IOC_WRITE, 0xe3, 24);
NUMBER(KVM_GET_API_VERSION, _IOC_NONE, 0x00, 0);
NUMBER(KVM_CREATE_VM, _IOC_NONE, 0x01, 0);
NUMBER(KVM_CHECK_EXTENSION, _IOC_NONE, 0x03, 0);
NUMBER(KVM_GET_VCPU_MMAP_SIZE, _IOC_NONE, 0x04, 0);
NUMBER(KVM_ENABLE_CAP, _IOC_WRITE, 0xa3, 104);
NUMBER(KVM_CREATE_VCPU, _IOC_NONE, 0x41, 0);
NUMBER(KVM_SET_USER_MEMORY_REGION, _IOC_WRITE, 0x46, 32);
NUMBER(KVM_SET_USER_MEMORY_REGION2, _IOC_WRITE, 0x49, 160);
NUMBER(KVM_GET_DIRTY_LOG, _IOC_WRITE, 0x42, 16);
NUMBER(KVM_CLEAR_DIRTY_LOG, _IOC_WRITE | _IOC_READ, 0xc0, 24);
NUMBER(KVM_RESET_DIRTY_RINGS, _IOC_NONE, 0xc7, 0);
NUMBER(KVM_IOEVENTFD, _IOC_WRITE, 0x79, 64);
NUMBER(KVM_REGISTER_COALESCED_MMIO, _IOC_WRITE, 0x67, 16);
NUMBER(KVM_UNREGISTER_COALESCED_MMIO, _IOC_WRITE, 0x68, 16);
NUMBER(KVM_IRQFD, _IOC_WRITE, 0x76, 32);
NUMBER(KVM_SET_GSI_ROUTING, _IOC_WRITE, 0x6a, 8);
NUMBER(KVM_SIGNAL_MSI, _IOC_WRITE, 0xa5, 32);
NUMBER(KVM_CREATE_DEVICE, _IOC_WRITE | _IOC_READ, 0xe0, 12);
NUMBER(KVM_GET_STATS_FD, _IOC_NONE, 0xce, 0);
NUMBER(KVM_RUN, _IOC_NONE, 0x80, 0);
NUMBER(KVM_PRE_FAULT_MEMORY, _IOC_WRITE | _IOC_READ, 0xd5, 64);
NUMBER(KVM_SET_SIGNAL_MASK, _IOC_WRITE, 0x8b, 4);

SIZE(kvm_device_attr, 24);
AT(kvm_device_attr, flags, 0); AT(kvm_device_attr, group, 4); AT(kvm_device_attr, attr, 8);
AT(kvm_device_attr, addr, 16);

SIZE(kvm_enable_cap, 104);
AT(kvm_enable_cap, cap, 0); AT(kvm_enable_cap, flags, 4); AT(kvm_enable_cap, args, 8);

SIZE(kvm_userspace_memory_region, 32);
AT(kvm_userspace_memory_region, slot, 0); AT(kvm_userspace_memory_region, flags, 4);
AT(kvm_userspace_memory_region, guest_phys_addr, 8);
AT(kvm_userspace_memory_region, memory_size, 16);
AT(kvm_userspace_memory_region, userspace_addr, 24);

SIZE(kvm_userspace_memory_region2, 160);
AT(kvm_userspace_memory_region2, slot, 0); AT(kvm_userspace_memory_region2, flags, 4);
AT(kvm_userspace_memory_region2, guest_phys_addr, 8);
AT(kvm_userspace_memory_region2, memory_size, 16);
AT(kvm_userspace_memory_region2, userspace_addr, 24);
AT(kvm_userspace_memory_region2, guest_memfd_offset, 32);
AT(kvm_userspace_memory_region2, guest_memfd, 40);

SIZE(kvm_dirty_log, 16);
AT(kvm_dirty_log, slot, 0); AT(kvm_dirty_log, dirty_bitmap, 8);

SIZE(kvm_clear_dirty_log, 24);
AT(kvm_clear_dirty_log, slot, 0); AT(kvm_clear_dirty_log, num_pages, 4);
AT(kvm_clear_dirty_log, first_page, 8); AT(kvm_clear_dirty_log, dirty_bitmap, 16);

SIZE(kvm_ioeventfd, 64);
AT(kvm_ioeventfd, datamatch, 0); AT(kvm_ioeventfd, addr, 8); AT(kvm_ioeventfd, len, 16);
AT(kvm_ioeventfd, fd, 20); AT(kvm_ioeventfd, flags, 24);

SIZE(kvm_coalesced_mmio_zone, 16);
AT(kvm_coalesced_mmio_zone, addr, 0); AT(kvm_coalesced_mmio_zone, size, 8);
AT(kvm_coalesced_mmio_zone, pio, 12);

SIZE(kvm_irqfd, 32);
AT(kvm_irqfd, fd, 0); AT(kvm_irqfd, gsi, 4); AT(kvm_irqfd, flags, 8);
AT(kvm_irqfd, resamplefd, 12);

SIZE(kvm_irq_routing, 8);
AT(kvm_irq_routing, nr, 0); AT(kvm_irq_routing, flags, 4); AT(kvm_irq_routing, entries, 8);

SIZE(kvm_msi, 32);
AT(kvm_msi, address_lo, 0); AT(kvm_msi, address_hi, 4); AT(kvm_msi, data, 8);
AT(kvm_msi, flags, 12); AT(kvm_msi, devid, 16);

SIZE(kvm_create_device, 12);
AT(kvm_create_device, type, 0); AT(kvm_create_device, fd, 4); AT(kvm_create_device, flags, 8);

SIZE(kvm_pre_fault_memory, 64);
AT(kvm_pre_fault_memory, gpa, 0); AT(kvm_pre_fault_memory, size, 8);
AT(kvm_pre_fault_memory, flags, 16);

SIZE(kvm_signal_mask, 4);
AT(kvm_signal_mask, len, 0); AT(kvm_signal_mask, sigset, 4);

/*
 * Between kvm_run's head and its exits an architecture may have registers: where the exits begin
 * is in its own wall.
 */
#define EXITS	offsetof(struct kvm_run, hw)
#define EXIT(member, offset)	AT(kvm_run, member, EXITS + (offset))

SIZE(kvm_run, EXITS + 2320);
AT(kvm_run, request_interrupt_window, 0); AT(kvm_run, exit_reason, 8);
AT(kvm_run, ready_for_interrupt_injection, 12); AT(kvm_run, if_flag, 13); AT(kvm_run, flags, 14);
AT(kvm_run, cr8, 16); AT(kvm_run, apic_base, 24);
EXIT(hw.hardware_exit_reason, 0); EXIT(fail_entry.hardware_entry_failure_reason, 0);
EXIT(fail_entry.cpu, 8); EXIT(ex.exception, 0); EXIT(ex.error_code, 4); EXIT(io.direction, 0);
EXIT(io.size, 1); EXIT(io.port, 2); EXIT(io.count, 4); EXIT(io.data_offset, 8); EXIT(debug.arch, 0);
EXIT(mmio.phys_addr, 0); EXIT(mmio.data, 8); EXIT(mmio.len, 16); EXIT(mmio.is_write, 20);
EXIT(hypercall.nr, 0); EXIT(hypercall.args, 8); EXIT(hypercall.ret, 56); EXIT(tpr_access.rip, 0);
EXIT(tpr_access.is_write, 8); EXIT(s390_sieic.icptcode, 0); EXIT(s390_sieic.ipa, 2);
EXIT(s390_sieic.ipb, 4); EXIT(internal.suberror, 0); EXIT(internal.ndata, 4);
EXIT(internal.data, 8); EXIT(emulation_failure.flags, 8); EXIT(emulation_failure.insn_size, 16);
EXIT(emulation_failure.insn_bytes, 17); EXIT(papr_hcall.nr, 0); EXIT(papr_hcall.ret, 8);
EXIT(papr_hcall.args, 16); EXIT(system_event.type, 0); EXIT(system_event.ndata, 4);
EXIT(system_event.data, 8); EXIT(eoi.vector, 0); EXIT(arm_nisv.esr_iss, 0);
EXIT(arm_nisv.fault_ipa, 8); EXIT(msr.error, 0); EXIT(msr.reason, 8); EXIT(msr.index, 12);
EXIT(msr.data, 16); EXIT(kvm_valid_regs, 256); EXIT(kvm_dirty_regs, 264); EXIT(s.regs, 272);

SIZE(kvm_coalesced_mmio, 24);
AT(kvm_coalesced_mmio, phys_addr, 0); AT(kvm_coalesced_mmio, len, 8);
AT(kvm_coalesced_mmio, pio, 12); AT(kvm_coalesced_mmio, data, 16);

SIZE(kvm_coalesced_mmio_ring, 8);
AT(kvm_coalesced_mmio_ring, first, 0); AT(kvm_coalesced_mmio_ring, last, 4);
AT(kvm_coalesced_mmio_ring, coalesced_mmio, 8);

SIZE(kvm_dirty_gfn, 16);
AT(kvm_dirty_gfn, flags, 0); AT(kvm_dirty_gfn, slot, 4); AT(kvm_dirty_gfn, offset, 8);

SIZE(kvm_stats_header, 24);
AT(kvm_stats_header, flags, 0); AT(kvm_stats_header, name_size, 4);
AT(kvm_stats_header, num_desc, 8); AT(kvm_stats_header, id_offset, 12);
AT(kvm_stats_header, desc_offset, 16); AT(kvm_stats_header, data_offset, 20);

AT(kvm_stats_desc, flags, 0); AT(kvm_stats_desc, exponent, 4); AT(kvm_stats_desc, size, 6);
AT(kvm_stats_desc, offset, 8); AT(kvm_stats_desc, bucket_size, 12);
AT(kvm_stats_desc, name, 16);

SIZE(kvm_irq_routing_entry, 48);
AT(kvm_irq_routing_entry, gsi, 0); AT(kvm_irq_routing_entry, type, 4);
AT(kvm_irq_routing_entry, flags, 8); AT(kvm_irq_routing_entry, u.irqchip, 16);
AT(kvm_irq_routing_entry, u.msi, 16); AT(kvm_irq_routing_entry, u.adapter, 16);
AT(kvm_irq_routing_entry, u.hv_sint, 16); AT(kvm_irq_routing_entry, u.xen_evtchn, 16);
