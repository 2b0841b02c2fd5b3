/* SPDX-License-Identifier: GPL-2.0-only */
/* What <linux/kvm.h> and the VMM's s390 files want of s390's <asm/kvm.h>, on whatever machine the unit tests run. */
#ifndef TEST_ASM_KVM_H
#define TEST_ASM_KVM_H

#include <linux/types.h>

struct kvm_regs { __u64 gprs[16]; };
struct kvm_debug_exit_arch { __u64 addr; };
struct kvm_guest_debug_arch { __u32 nr_hw_bp; };
struct kvm_sync_regs { __u64 prefix; };

#endif
