// SPDX-License-Identifier: GPL-2.0-only
/* The ABI of s390's ioctls. */
#include <berth/wall.h>

NUMBER(KVM_S390_ENABLE_SIE, _IOC_NONE, 0x06, 0);
NUMBER(KVM_CREATE_IRQCHIP, _IOC_NONE, 0x60, 0);
NUMBER(KVM_S390_INTERRUPT, _IOC_WRITE, 0x94, 16);
NUMBER(KVM_S390_STORE_STATUS, _IOC_WRITE, 0x95, 8);
NUMBER(KVM_S390_SET_INITIAL_PSW, _IOC_WRITE, 0x96, 16);
NUMBER(KVM_S390_INITIAL_RESET, _IOC_NONE, 0x97, 0);
NUMBER(KVM_S390_MEM_OP, _IOC_WRITE, 0xb1, 64);
NUMBER(KVM_S390_GET_SKEYS, _IOC_WRITE, 0xb2, 64);
NUMBER(KVM_S390_SET_SKEYS, _IOC_WRITE, 0xb3, 64);
NUMBER(KVM_S390_IRQ, _IOC_WRITE, 0xb4, 72);
NUMBER(KVM_S390_SET_IRQ_STATE, _IOC_WRITE, 0xb5, 32);
NUMBER(KVM_S390_GET_IRQ_STATE, _IOC_WRITE, 0xb6, 32);
NUMBER(KVM_S390_NORMAL_RESET, _IOC_NONE, 0xc3, 0);
NUMBER(KVM_S390_CLEAR_RESET, _IOC_NONE, 0xc4, 0);
NUMBER(KVM_GET_REGS, _IOC_READ, 0x81, 128);
NUMBER(KVM_SET_REGS, _IOC_WRITE, 0x82, 128);
NUMBER(KVM_GET_SREGS, _IOC_READ, 0x83, 192);
NUMBER(KVM_SET_SREGS, _IOC_WRITE, 0x84, 192);
NUMBER(KVM_GET_FPU, _IOC_READ, 0x8c, 136);
NUMBER(KVM_SET_FPU, _IOC_WRITE, 0x8d, 136);
NUMBER(KVM_GET_ONE_REG, _IOC_WRITE, 0xab, 16);
NUMBER(KVM_SET_ONE_REG, _IOC_WRITE, 0xac, 16);
NUMBER(KVM_GET_MP_STATE, _IOC_READ, 0x98, 4);
NUMBER(KVM_SET_MP_STATE, _IOC_WRITE, 0x99, 4);
NUMBER(KVM_SET_GUEST_DEBUG, _IOC_WRITE, 0x9b, 24);

SIZE(kvm_hw_breakpoint, 32);
AT(kvm_hw_breakpoint, phys_addr, 8); AT(kvm_hw_breakpoint, len, 16); AT(kvm_hw_breakpoint, type, 24);
SIZE(kvm_guest_debug, 24);
AT(kvm_guest_debug, control, 0); AT(kvm_guest_debug, arch, 8);
SIZE(kvm_debug_exit_arch, 16);
SIZE(kvm_sync_regs, 1984);
AT(kvm_sync_regs, gprs, 8); AT(kvm_sync_regs, acrs, 136); AT(kvm_sync_regs, crs, 200);
AT(kvm_sync_regs, todpr, 328); AT(kvm_sync_regs, cputm, 336); AT(kvm_sync_regs, ckc, 344);
AT(kvm_sync_regs, pp, 352); AT(kvm_sync_regs, gbea, 360); AT(kvm_sync_regs, pft, 368);
AT(kvm_sync_regs, fprs, 392);
SIZE(kvm_s390_irq, 72);
AT(kvm_s390_irq, u, 8);
SIZE(kvm_s390_irq_state, 32);
SIZE(kvm_s390_skeys, 64);
SIZE(kvm_s390_mem_op, 64);
AT(kvm_s390_mem_op, buf, 24); AT(kvm_s390_mem_op, ar, 32); AT(kvm_s390_mem_op, key, 33);
SIZE(kvm_s390_interrupt, 16);
AT(kvm_run, psw_mask, 32); AT(kvm_run, psw_addr, 40);
AT(kvm_run, hw, 48);
AT(kvm_run, s390_sieic, 48);
