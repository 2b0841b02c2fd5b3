// SPDX-License-Identifier: GPL-2.0-only
/* The ABI of x86's ioctls. */
#include <berth/wall.h>

NUMBER(KVM_GET_SUPPORTED_CPUID, _IOC_WRITE | _IOC_READ, 0x05, 8);
NUMBER(KVM_GET_EMULATED_CPUID, _IOC_WRITE | _IOC_READ, 0x09, 8);
NUMBER(KVM_GET_MSR_INDEX_LIST, _IOC_WRITE | _IOC_READ, 0x02, 4);
NUMBER(KVM_GET_MSR_FEATURE_INDEX_LIST, _IOC_WRITE | _IOC_READ, 0x0a, 4);
NUMBER(KVM_GET_MSRS, _IOC_WRITE | _IOC_READ, 0x88, 8);
NUMBER(KVM_X86_GET_MCE_CAP_SUPPORTED, _IOC_READ, 0x9d, 8);
NUMBER(KVM_SET_TSS_ADDR, _IOC_NONE, 0x47, 0);
NUMBER(KVM_SET_IDENTITY_MAP_ADDR, _IOC_WRITE, 0x48, 8);
NUMBER(KVM_SET_NR_MMU_PAGES, _IOC_NONE, 0x44, 0);
NUMBER(KVM_SET_BOOT_CPU_ID, _IOC_NONE, 0x78, 0);
NUMBER(KVM_GET_CLOCK, _IOC_READ, 0x7c, 48);
NUMBER(KVM_SET_CLOCK, _IOC_WRITE, 0x7b, 48);
NUMBER(KVM_KVMCLOCK_CTRL, _IOC_NONE, 0xad, 0);
NUMBER(KVM_X86_SET_MSR_FILTER, _IOC_WRITE, 0xc6, 392);
NUMBER(KVM_GET_TSC_KHZ, _IOC_NONE, 0xa3, 0);
NUMBER(KVM_SET_TSC_KHZ, _IOC_NONE, 0xa2, 0);
NUMBER(KVM_CREATE_IRQCHIP, _IOC_NONE, 0x60, 0);
NUMBER(KVM_GET_IRQCHIP, _IOC_WRITE | _IOC_READ, 0x62, 520);
NUMBER(KVM_SET_IRQCHIP, _IOC_READ, 0x63, 520);
NUMBER(KVM_IRQ_LINE, _IOC_WRITE, 0x61, 8);
NUMBER(KVM_IRQ_LINE_STATUS, _IOC_WRITE | _IOC_READ, 0x67, 8);
NUMBER(KVM_CREATE_PIT, _IOC_NONE, 0x64, 0);
NUMBER(KVM_GET_PIT, _IOC_WRITE | _IOC_READ, 0x65, 72);
NUMBER(KVM_SET_PIT, _IOC_READ, 0x66, 72);
NUMBER(KVM_CREATE_PIT2, _IOC_WRITE, 0x77, 64);
NUMBER(KVM_GET_PIT2, _IOC_READ, 0x9f, 112);
NUMBER(KVM_SET_PIT2, _IOC_WRITE, 0xa0, 112);
NUMBER(KVM_REINJECT_CONTROL, _IOC_NONE, 0x71, 0);
NUMBER(KVM_GET_REGS, _IOC_READ, 0x81, 144);
NUMBER(KVM_SET_REGS, _IOC_WRITE, 0x82, 144);
NUMBER(KVM_GET_SREGS, _IOC_READ, 0x83, 312);
NUMBER(KVM_SET_SREGS, _IOC_WRITE, 0x84, 312);
NUMBER(KVM_GET_SREGS2, _IOC_READ, 0xcc, 320);
NUMBER(KVM_SET_SREGS2, _IOC_WRITE, 0xcd, 320);
NUMBER(KVM_GET_FPU, _IOC_READ, 0x8c, 416);
NUMBER(KVM_SET_FPU, _IOC_WRITE, 0x8d, 416);
NUMBER(KVM_GET_XSAVE, _IOC_READ, 0xa4, 4096);
NUMBER(KVM_SET_XSAVE, _IOC_WRITE, 0xa5, 4096);
NUMBER(KVM_GET_XSAVE2, _IOC_READ, 0xcf, 4096);
NUMBER(KVM_GET_XCRS, _IOC_READ, 0xa6, 392);
NUMBER(KVM_SET_XCRS, _IOC_WRITE, 0xa7, 392);
NUMBER(KVM_GET_DEBUGREGS, _IOC_READ, 0xa1, 128);
NUMBER(KVM_SET_DEBUGREGS, _IOC_WRITE, 0xa2, 128);
NUMBER(KVM_SET_GUEST_DEBUG, _IOC_WRITE, 0x9b, 72);
NUMBER(KVM_GET_MP_STATE, _IOC_READ, 0x98, 4);
NUMBER(KVM_SET_MP_STATE, _IOC_WRITE, 0x99, 4);
NUMBER(KVM_GET_LAPIC, _IOC_READ, 0x8e, 1024);
NUMBER(KVM_SET_LAPIC, _IOC_WRITE, 0x8f, 1024);
NUMBER(KVM_SET_VAPIC_ADDR, _IOC_WRITE, 0x93, 8);
NUMBER(KVM_TRANSLATE, _IOC_WRITE | _IOC_READ, 0x85, 24);
NUMBER(KVM_SET_CPUID, _IOC_WRITE, 0x8a, 8);
NUMBER(KVM_SET_CPUID2, _IOC_WRITE, 0x90, 8);
NUMBER(KVM_GET_CPUID2, _IOC_WRITE | _IOC_READ, 0x91, 8);
NUMBER(KVM_SET_MSRS, _IOC_WRITE, 0x89, 8);
NUMBER(KVM_X86_SETUP_MCE, _IOC_WRITE, 0x9c, 8);
NUMBER(KVM_X86_SET_MCE, _IOC_WRITE, 0x9e, 64);
NUMBER(KVM_INTERRUPT, _IOC_WRITE, 0x86, 4);
NUMBER(KVM_NMI, _IOC_NONE, 0x9a, 0);
NUMBER(KVM_GET_VCPU_EVENTS, _IOC_READ, 0x9f, 64);
NUMBER(KVM_SET_VCPU_EVENTS, _IOC_WRITE, 0xa0, 64);

SIZE(kvm_cpuid2, 8);
AT(kvm_cpuid2, nent, 0); AT(kvm_cpuid2, entries, 8);

SIZE(kvm_msr_list, 4);
AT(kvm_msr_list, nmsrs, 0); AT(kvm_msr_list, indices, 4);

SIZE(kvm_msrs, 8);
AT(kvm_msrs, nmsrs, 0); AT(kvm_msrs, entries, 8);

SIZE(kvm_clock_data, 48);
AT(kvm_clock_data, clock, 0); AT(kvm_clock_data, flags, 8); AT(kvm_clock_data, realtime, 16);
AT(kvm_clock_data, host_tsc, 24);

SIZE(kvm_msr_filter, 392);
AT(kvm_msr_filter, flags, 0); AT(kvm_msr_filter, ranges, 8);

SIZE(kvm_irqchip, 520);
AT(kvm_irqchip, chip_id, 0); AT(kvm_irqchip, chip.dummy, 8); AT(kvm_irqchip, chip.pic, 8);
AT(kvm_irqchip, chip.ioapic, 8);

SIZE(kvm_irq_level, 8);
AT(kvm_irq_level, irq, 0); AT(kvm_irq_level, status, 0); AT(kvm_irq_level, level, 4);

SIZE(kvm_pit_state, 72);
AT(kvm_pit_state, channels, 0);

SIZE(kvm_pit_config, 64);
AT(kvm_pit_config, flags, 0);

SIZE(kvm_pit_state2, 112);
AT(kvm_pit_state2, channels, 0); AT(kvm_pit_state2, flags, 72);

SIZE(kvm_regs, 144);
AT(kvm_regs, rax, 0); AT(kvm_regs, rbx, 8); AT(kvm_regs, rcx, 16); AT(kvm_regs, rdx, 24);
AT(kvm_regs, rsi, 32); AT(kvm_regs, rdi, 40); AT(kvm_regs, rsp, 48); AT(kvm_regs, rbp, 56);
AT(kvm_regs, r8, 64); AT(kvm_regs, r9, 72); AT(kvm_regs, r10, 80); AT(kvm_regs, r11, 88);
AT(kvm_regs, r12, 96); AT(kvm_regs, r13, 104); AT(kvm_regs, r14, 112); AT(kvm_regs, r15, 120);
AT(kvm_regs, rip, 128); AT(kvm_regs, rflags, 136);

SIZE(kvm_sregs, 312);
AT(kvm_sregs, cs, 0); AT(kvm_sregs, ds, 24); AT(kvm_sregs, es, 48); AT(kvm_sregs, fs, 72);
AT(kvm_sregs, gs, 96); AT(kvm_sregs, ss, 120); AT(kvm_sregs, tr, 144); AT(kvm_sregs, ldt, 168);
AT(kvm_sregs, gdt, 192); AT(kvm_sregs, idt, 208); AT(kvm_sregs, cr0, 224);
AT(kvm_sregs, cr2, 232); AT(kvm_sregs, cr3, 240); AT(kvm_sregs, cr4, 248);
AT(kvm_sregs, cr8, 256); AT(kvm_sregs, efer, 264); AT(kvm_sregs, apic_base, 272);
AT(kvm_sregs, interrupt_bitmap, 280);

SIZE(kvm_sregs2, 320);
AT(kvm_sregs2, cs, 0); AT(kvm_sregs2, ds, 24); AT(kvm_sregs2, es, 48); AT(kvm_sregs2, fs, 72);
AT(kvm_sregs2, gs, 96); AT(kvm_sregs2, ss, 120); AT(kvm_sregs2, tr, 144);
AT(kvm_sregs2, ldt, 168); AT(kvm_sregs2, gdt, 192); AT(kvm_sregs2, idt, 208);
AT(kvm_sregs2, cr0, 224); AT(kvm_sregs2, cr2, 232); AT(kvm_sregs2, cr3, 240);
AT(kvm_sregs2, cr4, 248); AT(kvm_sregs2, cr8, 256); AT(kvm_sregs2, efer, 264);
AT(kvm_sregs2, apic_base, 272); AT(kvm_sregs2, flags, 280); AT(kvm_sregs2, pdptrs, 288);

SIZE(kvm_fpu, 416);
AT(kvm_fpu, fpr, 0); AT(kvm_fpu, fcw, 128); AT(kvm_fpu, fsw, 130); AT(kvm_fpu, ftwx, 132);
AT(kvm_fpu, last_opcode, 134); AT(kvm_fpu, last_ip, 136); AT(kvm_fpu, last_dp, 144);
AT(kvm_fpu, xmm, 152); AT(kvm_fpu, mxcsr, 408);

SIZE(kvm_xsave, 4096);
AT(kvm_xsave, region, 0); AT(kvm_xsave, extra, 4096);

SIZE(kvm_xcrs, 392);
AT(kvm_xcrs, nr_xcrs, 0); AT(kvm_xcrs, flags, 4); AT(kvm_xcrs, xcrs, 8);

SIZE(kvm_debugregs, 128);
AT(kvm_debugregs, db, 0); AT(kvm_debugregs, dr6, 32); AT(kvm_debugregs, dr7, 40);
AT(kvm_debugregs, flags, 48);

SIZE(kvm_guest_debug, 72);
AT(kvm_guest_debug, control, 0); AT(kvm_guest_debug, arch, 8);

SIZE(kvm_mp_state, 4);
AT(kvm_mp_state, mp_state, 0);

SIZE(kvm_lapic_state, 1024);
AT(kvm_lapic_state, regs, 0);

SIZE(kvm_vapic_addr, 8);
AT(kvm_vapic_addr, vapic_addr, 0);

SIZE(kvm_translation, 24);
AT(kvm_translation, linear_address, 0); AT(kvm_translation, physical_address, 8);
AT(kvm_translation, valid, 16); AT(kvm_translation, writeable, 17);
AT(kvm_translation, usermode, 18);

SIZE(kvm_cpuid, 8);
AT(kvm_cpuid, nent, 0); AT(kvm_cpuid, entries, 8);

SIZE(kvm_x86_mce, 64);
AT(kvm_x86_mce, status, 0); AT(kvm_x86_mce, addr, 8); AT(kvm_x86_mce, misc, 16);
AT(kvm_x86_mce, mcg_status, 24); AT(kvm_x86_mce, bank, 32);

SIZE(kvm_interrupt, 4);
AT(kvm_interrupt, irq, 0);

SIZE(kvm_vcpu_events, 64);
AT(kvm_vcpu_events, exception.injected, 0); AT(kvm_vcpu_events, exception.nr, 1);
AT(kvm_vcpu_events, exception.has_error_code, 2); AT(kvm_vcpu_events, exception.pending, 3);
AT(kvm_vcpu_events, exception.error_code, 4); AT(kvm_vcpu_events, interrupt.injected, 8);
AT(kvm_vcpu_events, interrupt.nr, 9); AT(kvm_vcpu_events, interrupt.soft, 10);
AT(kvm_vcpu_events, interrupt.shadow, 11); AT(kvm_vcpu_events, nmi.injected, 12);
AT(kvm_vcpu_events, nmi.pending, 13); AT(kvm_vcpu_events, nmi.masked, 14);
AT(kvm_vcpu_events, sipi_vector, 16); AT(kvm_vcpu_events, flags, 20);
AT(kvm_vcpu_events, smi.smm, 24); AT(kvm_vcpu_events, smi.pending, 25);
AT(kvm_vcpu_events, smi.smm_inside_nmi, 26); AT(kvm_vcpu_events, smi.latched_init, 27);
AT(kvm_vcpu_events, triple_fault.pending, 28); AT(kvm_vcpu_events, exception_has_payload, 55);
AT(kvm_vcpu_events, exception_payload, 56);

SIZE(kvm_segment, 24);
AT(kvm_segment, base, 0); AT(kvm_segment, limit, 8); AT(kvm_segment, selector, 12);
AT(kvm_segment, type, 14); AT(kvm_segment, present, 15); AT(kvm_segment, dpl, 16);
AT(kvm_segment, db, 17); AT(kvm_segment, s, 18); AT(kvm_segment, l, 19); AT(kvm_segment, g, 20);
AT(kvm_segment, avl, 21); AT(kvm_segment, unusable, 22);

SIZE(kvm_dtable, 16);
AT(kvm_dtable, base, 0); AT(kvm_dtable, limit, 8);

SIZE(kvm_cpuid_entry, 24);
AT(kvm_cpuid_entry, function, 0); AT(kvm_cpuid_entry, eax, 4); AT(kvm_cpuid_entry, ebx, 8);
AT(kvm_cpuid_entry, ecx, 12); AT(kvm_cpuid_entry, edx, 16);

SIZE(kvm_cpuid_entry2, 40);
AT(kvm_cpuid_entry2, function, 0); AT(kvm_cpuid_entry2, index, 4);
AT(kvm_cpuid_entry2, flags, 8); AT(kvm_cpuid_entry2, eax, 12); AT(kvm_cpuid_entry2, ebx, 16);
AT(kvm_cpuid_entry2, ecx, 20); AT(kvm_cpuid_entry2, edx, 24);

SIZE(kvm_msr_entry, 16);
AT(kvm_msr_entry, index, 0); AT(kvm_msr_entry, data, 8);

SIZE(kvm_xcr, 16);
AT(kvm_xcr, xcr, 0); AT(kvm_xcr, value, 8);

SIZE(kvm_debug_exit_arch, 32);
AT(kvm_debug_exit_arch, exception, 0); AT(kvm_debug_exit_arch, pc, 8);
AT(kvm_debug_exit_arch, dr6, 16); AT(kvm_debug_exit_arch, dr7, 24);

SIZE(kvm_sync_regs, 520);
AT(kvm_sync_regs, regs, 0); AT(kvm_sync_regs, sregs, 144); AT(kvm_sync_regs, events, 456);

SIZE(kvm_pit_channel_state, 24);
AT(kvm_pit_channel_state, count, 0); AT(kvm_pit_channel_state, latched_count, 4);
AT(kvm_pit_channel_state, count_latched, 6); AT(kvm_pit_channel_state, status_latched, 7);
AT(kvm_pit_channel_state, status, 8); AT(kvm_pit_channel_state, read_state, 9);
AT(kvm_pit_channel_state, write_state, 10); AT(kvm_pit_channel_state, write_latch, 11);
AT(kvm_pit_channel_state, rw_mode, 12); AT(kvm_pit_channel_state, mode, 13);
AT(kvm_pit_channel_state, bcd, 14); AT(kvm_pit_channel_state, gate, 15);
AT(kvm_pit_channel_state, count_load_time, 16);

SIZE(kvm_pic_state, 16);
AT(kvm_pic_state, last_irr, 0); AT(kvm_pic_state, irr, 1); AT(kvm_pic_state, imr, 2);
AT(kvm_pic_state, isr, 3); AT(kvm_pic_state, priority_add, 4); AT(kvm_pic_state, irq_base, 5);
AT(kvm_pic_state, read_reg_select, 6); AT(kvm_pic_state, poll, 7);
AT(kvm_pic_state, special_mask, 8); AT(kvm_pic_state, init_state, 9);
AT(kvm_pic_state, auto_eoi, 10); AT(kvm_pic_state, rotate_on_auto_eoi, 11);
AT(kvm_pic_state, special_fully_nested_mode, 12); AT(kvm_pic_state, init4, 13);
AT(kvm_pic_state, elcr, 14); AT(kvm_pic_state, elcr_mask, 15);

SIZE(kvm_ioapic_state, 216);
AT(kvm_ioapic_state, base_address, 0); AT(kvm_ioapic_state, ioregsel, 8);
AT(kvm_ioapic_state, id, 12); AT(kvm_ioapic_state, irr, 16);

SIZE(kvm_msr_filter_range, 24);
AT(kvm_msr_filter_range, flags, 0); AT(kvm_msr_filter_range, nmsrs, 4);
AT(kvm_msr_filter_range, base, 8); AT(kvm_msr_filter_range, bitmap, 16);

AT(kvm_run, hw, 32);
