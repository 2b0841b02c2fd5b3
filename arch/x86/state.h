/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that hold and check guest state (regs, debug, fpu, state, cpuid,
 * msr, mce) share among themselves, and the handlers ioctls.c puts into its table.
 */
#ifndef BERTH_X86_STATE_H
#define BERTH_X86_STATE_H

#include "x86.h"

/* XCR0 components whose state moves with the guest (SDM vol. 1, 13.1). */
#define X86_XCR0_BERTH	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512)

/* What a guest may be shown, for one word of the kernel's feature numbering. */
struct x86_cpuid_word {
	u32 function;
	u32 index;
	u8 reg;				/* 0..3: EAX, EBX, ECX, EDX */
	u8 word;			/* enum cpuid_leafs */
	bool raw;			/* the kernel's own choice does not matter */
	u32 mask;			/* features that are virtualized completely */
	u32 always;			/* there whatever the host has */
};

/* ---- cpuid_host.c ---- */
extern u64 x86_host_xcr0;		/* XCR0 bits a guest may have; 0 without XSAVE */
extern u64 x86_host_cr4_reserved;	/* CR4 bits no guest may set */
extern u64 x86_host_efer_reserved;

/* Build what the host can offer, once at module load.  0 or -errno. */
int x86_cpuid_host_setup(void);
/* The table row of a feature word, or NULL when guests have no such word. */
const struct x86_cpuid_word *x86_cpuid_word(unsigned int word);
/* May guests be shown X86_FEATURE_@feature? */
bool x86_host_offers(unsigned int feature);
/* CR4 bits that are reserved for whoever lacks the features @has denies. */
u64 x86_cr4_reserved(bool (*has)(const void *who, unsigned int feature), const void *who);
/* Bytes of an XSAVE area with these components (SDM vol. 1, 13.4). */
u32 x86_xsave_size(u64 xcr0, bool compacted);

/* ---- cpuid.c ---- */
/* A vCPU without CPUID: what follows from that.  Inverse: x86_cpuid_destroy(). */
void x86_cpuid_init(struct x86_vcpu *v);
void x86_cpuid_destroy(struct x86_vcpu *v);

/* ---- regs.c ---- */
/* As x86_write_efer(), but what user space may do that the guest may not. */
int x86_write_efer_host(struct x86_vcpu *v, u64 value);

static inline bool x86_canonical(struct x86_vcpu *v, u64 address)
{
	return __is_canonical_address(address,
				      x86_vendor->get_cr(v, 4) & X86_CR4_LA57 ? 57 : 48);
}

/* Bits of a physical address the guest's CPUID does not have. */
static inline u64 x86_gpa_reserved(const struct x86_vcpu *v)
{
	return ~0ull << v->maxphyaddr;
}

long x86_ioctl_get_regs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_regs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_sregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_sregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_sregs2(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_sregs2(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- debug.c ---- */
#define X86_GUESTDBG_VALID	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | \
				 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | \
				 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

#define X86_DR6_BD	BIT_ULL(13)
#define X86_DR7_GD	BIT_ULL(13)
#define X86_DR6_FIXED	0xffff0ff0ull	/* reads as one: no RTM, no bus-lock trap */
#define X86_DR6_STATUS	0x0000e00full	/* B0..B3, BD, BS, BT */
#define X86_DR7_FIXED	0x00000400ull
#define X86_DR7_WRITE	0xffff2bffull

long x86_ioctl_get_debugregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_debugregs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_guest_debug(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- fpu.c ---- */
int x86_cap_xsave2(struct berth_vm *vm);
int x86_cap_xcrs(struct berth_vm *vm);
long x86_ioctl_get_fpu(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_fpu(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_xsave(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_xsave2(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_xsave(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_xcrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_xcrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- state.c ---- */
long x86_ioctl_get_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_mp_state(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_translate(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_tss_addr(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_set_identity_map_addr(struct berth_vm *vm, void *data, unsigned long uarg);

/* ---- tsc.c ---- */
long x86_ioctl_get_tsc_khz(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_tsc_khz(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_vm_get_tsc_khz(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_vm_set_tsc_khz(struct berth_vm *vm, void *data, unsigned long uarg);
int x86_cap_tsc_control(struct berth_vm *vm);

/* ---- sync_regs.c ---- */
int x86_sync_begin(struct x86_vcpu *v);
void x86_sync_end(struct x86_vcpu *v);

/* ---- vm_caps.c ---- */
/*
 * What may be disabled.  SLOT_ZAP_ALL is about what is invalidated when a slot goes: here
 * never more than the slot, which a guest cannot tell.
 */
#define X86_QUIRKS		(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED | \
				 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP | \
				 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | \
				 KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
				 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_SLOT_ZAP_ALL)

#define X86_HYPERCALL_EXITS	BIT(KVM_HC_MAP_GPA_RANGE)

int x86_enable_exception_payload(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_enable_triple_fault_event(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_enable_emulation_exits(struct berth_vm *vm, const struct kvm_enable_cap *args);
long x86_ioctl_set_nr_mmu_pages(struct berth_vm *vm, void *data, unsigned long uarg);
int x86_enable_platform_info(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_enable_hypercall_exits(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_disable_quirks(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_disable_quirks2(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_cap_steal_time(struct berth_vm *vm);
int x86_cap_disable_exits(struct berth_vm *vm);
int x86_disable_exits(struct berth_vm *vm, const struct kvm_enable_cap *args);
int x86_enforce_pv(struct berth_vcpu *vcpu, const struct kvm_enable_cap *args);
long x86_ioctl_has_sys_attr(void *data, unsigned long uarg);
long x86_ioctl_get_sys_attr(void *data, unsigned long uarg);
long x86_ioctl_has_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_vcpu_attr(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- pvclock.c ---- */
/* What KVM_GET_CLOCK can fill. */
#define X86_CLOCK_FLAGS	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

long x86_ioctl_get_clock(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_set_clock(struct berth_vm *vm, void *data, unsigned long uarg);
long x86_ioctl_kvmclock_ctrl(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- msr.c ---- */
/* Check the table and choose the lists this host can keep, once.  0 or -EINVAL. */
int x86_msr_setup(void);
bool x86_misc_enable_mwait(const struct x86_vcpu *v);
/* May APIC_BASE have this value?  0, or 1 for #GP. */
int x86_check_apic_base(struct x86_vcpu *v, u64 value);
/* It may: the local APIC in the kernel follows.  May sleep. */
void x86_set_apic_base(struct x86_vcpu *v, u64 value);

/* ---- mce.c ---- */
void x86_mce_init(struct x86_vcpu *v);
int x86_get_mce_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int x86_set_mce_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
long x86_ioctl_get_mce_cap(void *data, unsigned long uarg);

#endif
