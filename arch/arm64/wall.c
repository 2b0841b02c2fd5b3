// SPDX-License-Identifier: GPL-2.0-only
/* The ABI of ARM64's ioctls. */
#include <berth/wall.h>
#include "abi.h"

NUMBER(KVM_CREATE_IRQCHIP, _IOC_NONE, 0x60, 0);
NUMBER(KVM_IRQ_LINE, _IOC_WRITE, 0x61, 8);
NUMBER(KVM_ARM_SET_DEVICE_ADDR, _IOC_WRITE, 0xab, 16);
NUMBER(KVM_ARM_PREFERRED_TARGET, _IOC_READ, 0xaf, 32);
NUMBER(KVM_ARM_VCPU_INIT, _IOC_WRITE, 0xae, 32);
NUMBER(KVM_ARM_VCPU_FINALIZE, _IOC_WRITE, 0xc2, 4);
NUMBER(KVM_GET_ONE_REG, _IOC_WRITE, 0xab, 16);
NUMBER(KVM_SET_ONE_REG, _IOC_WRITE, 0xac, 16);
NUMBER(KVM_GET_REG_LIST, _IOC_WRITE | _IOC_READ, 0xb0, 8);
NUMBER(KVM_GET_MP_STATE, _IOC_READ, 0x98, 4);
NUMBER(KVM_SET_MP_STATE, _IOC_WRITE, 0x99, 4);
NUMBER(KVM_GET_VCPU_EVENTS, _IOC_READ, 0x9f, 64);
NUMBER(KVM_SET_VCPU_EVENTS, _IOC_WRITE, 0xa0, 64);
NUMBER(KVM_SET_GUEST_DEBUG, _IOC_WRITE, 0x9b, 520);

NUMBER(KVM_ARM_SET_COUNTER_OFFSET, _IOC_WRITE, 0xb5, 16);
NUMBER(KVM_ARM_GET_REG_WRITABLE_MASKS, _IOC_READ, 0xb6, 64);

SIZE(kvm_arm_counter_offset, 16);
AT(kvm_arm_counter_offset, counter_offset, 0); AT(kvm_arm_counter_offset, reserved, 8);

SIZE(reg_mask_range, 64);
AT(reg_mask_range, addr, 0); AT(reg_mask_range, range, 8); AT(reg_mask_range, reserved, 12);

SIZE(kvm_smccc_filter, 24);
AT(kvm_smccc_filter, base, 0); AT(kvm_smccc_filter, nr_functions, 4);
AT(kvm_smccc_filter, action, 8); AT(kvm_smccc_filter, pad, 9);

SIZE(kvm_irq_level, 8);
AT(kvm_irq_level, irq, 0); AT(kvm_irq_level, status, 0); AT(kvm_irq_level, level, 4);

SIZE(kvm_arm_device_addr, 16);
AT(kvm_arm_device_addr, id, 0); AT(kvm_arm_device_addr, addr, 8);

SIZE(kvm_vcpu_init, 32);
AT(kvm_vcpu_init, target, 0); AT(kvm_vcpu_init, features, 4);

SIZE(kvm_one_reg, 16);
AT(kvm_one_reg, id, 0); AT(kvm_one_reg, addr, 8);

SIZE(kvm_reg_list, 8);
AT(kvm_reg_list, n, 0); AT(kvm_reg_list, reg, 8);

SIZE(kvm_mp_state, 4);
AT(kvm_mp_state, mp_state, 0);

SIZE(kvm_vcpu_events, 64);
AT(kvm_vcpu_events, exception.serror_pending, 0);
AT(kvm_vcpu_events, exception.serror_has_esr, 1);
AT(kvm_vcpu_events, exception.ext_dabt_pending, 2);
AT(kvm_vcpu_events, exception.serror_esr, 8);

SIZE(kvm_guest_debug, 520);
AT(kvm_guest_debug, control, 0); AT(kvm_guest_debug, arch, 8);

SIZE(kvm_regs, 864);
AT(kvm_regs, regs, 0); AT(kvm_regs, sp_el1, 272); AT(kvm_regs, elr_el1, 280);
AT(kvm_regs, spsr, 288); AT(kvm_regs, fp_regs, 336);

SIZE(kvm_debug_exit_arch, 16);
AT(kvm_debug_exit_arch, hsr, 0); AT(kvm_debug_exit_arch, hsr_high, 4);
AT(kvm_debug_exit_arch, far, 8);

SIZE(kvm_sync_regs, 8);
AT(kvm_sync_regs, device_irq_level, 0);

SIZE(user_pt_regs, 272);
AT(user_pt_regs, regs, 0); AT(user_pt_regs, sp, 248); AT(user_pt_regs, pc, 256);
AT(user_pt_regs, pstate, 264);

SIZE(kvm_guest_debug_arch, 512);
AT(kvm_guest_debug_arch, dbg_bcr, 0); AT(kvm_guest_debug_arch, dbg_bvr, 128);
AT(kvm_guest_debug_arch, dbg_wcr, 256); AT(kvm_guest_debug_arch, dbg_wvr, 384);

AT(kvm_run, hw, 32);
