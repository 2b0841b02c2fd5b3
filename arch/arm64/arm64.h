/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the arm64 backend share: the VM, the vCPU, the state that the world
 * switch loads and stores, and what the parts call of each other.
 *
 * One source for two ways to have EL2.  VHE: the kernel runs there, and the guest's EL1
 * registers stay in the CPU between load and put.  nVHE: the kernel runs at EL1, and they
 * are exchanged at every entry and exit, by code of ours at EL2.
 */
#ifndef BERTH_ARM64_H
#define BERTH_ARM64_H

#include <asm/esr.h>
#include <asm/kvm_arm.h>
#include <asm/ptrace.h>
#include <asm/sysreg.h>
#include <asm/virt.h>
#include <berth/backend.h>
#include "state_types.h"
#include "switch.h"
#include "sysregs.h"
#include "vgic/vgic.h"

#define ARM_MAX_VCPUS	512		/* the ABI's limit for a GICv3 */
#define ARM_DIRTY_RING_PAGE 64		/* KVM_DIRTY_LOG_PAGE_OFFSET, which 6.1 does not have yet */

/* The GIC's part of the switch: GICv3's hypervisor registers while the guest runs. [o] */
struct arm_gic_cpu {
	u64 hcr;		/* ICH_HCR_EL2; 0: the guest has nothing of the GIC's to see */
	u64 nr;			/* list registers in use: written at entry, read back at exit */
	u64 lr[16];		/* ICH_LR<n>_EL2 */
	u64 vmcr;		/* ICH_VMCR_EL2: from load to put in the CPU */
	u64 nr_apr;		/* active priority registers per group: 1, 2 or 4 */
	u64 ap0r[4];		/* ICH_AP0R<n>_EL2: as VMCR */
	u64 ap1r[4];
};

/*
 * What is exchanged when the guest is entered and left.  Each vCPU has one, and with nVHE
 * each CPU has one for its host.
 */
struct arm_context {
	u64 x[31];
	u64 sp_el0;
	u64 pc;			/* ELR_EL2 */
	u64 pstate;		/* SPSR_EL2, as SPSR has it, also for AArch32 */

	/* How the guest runs. */
	u64 hcr;		/* HCR_EL2; VSE is read back */
	u64 cptr;		/* CPTR_EL2, in the format of the mode (E2H or not) */
	u64 mdcr;		/* MDCR_EL2 */
	u64 vttbr;		/* VTTBR_EL2 */
	u64 vtcr;		/* VTCR_EL2 */
	u64 vmpidr;		/* VMPIDR_EL2 */
	u64 cnthctl;		/* CNTHCTL_EL2; nVHE only */
	u64 enter;		/* mask of ARM_ENTER_* */
	u64 host;		/* the CPU's host context; nVHE: its physical address */
	u64 vsesr;		/* VSESR_EL2: with ARM_ENTER_VSESR */
	u64 sve;		/* Z, P and FFR registers: with ARM_ENTER_SVE; nVHE: physical */

	/* Why it was left. */
	u64 exit;		/* ARM_EXIT_* */
	u64 esr;		/* ESR_EL2, after ARM_EXIT_SYNC and SERROR */
	u64 far;		/* FAR_EL2, after an abort or a watchpoint */
	u64 hpfar;		/* HPFAR_EL2, after an abort; may be ARM_HPFAR_UNKNOWN */

	struct arm_gic_cpu gic;
	struct user_fpsimd_state fp;	/* ARM_ENTER_FP */
	u64 sys[ARM_NR_SYSREGS];	/* by enum arm_sysreg; see arm_read_sys() */
};

/* A VM's place in the TLBs: an id, good as long as its generation is the current one. */
struct arm_vmid {
	atomic64_t value;		/* [a] generation << 16 | id; 0: none yet */
};

struct arm_vm {
	struct berth_vm vm;
	struct arm_vmid vmid;
	u64 vtcr;			/* [I] */
	unsigned int ipa_bits;		/* [I] */
	int __percpu *last_vcpu;	/* [I] index of the vCPU that ran last on each CPU, or -1 */
	bool nisv_to_user;		/* [l] KVM_CAP_ARM_NISV_TO_USER */
	struct arm_vm_state state;
	struct vgic_vm vgic;
};

struct arm_vcpu {
	struct berth_vcpu core;
	struct arm_context ctxt __aligned(16);
	u64 host_tpidr[2];		/* [o] VHE: TPIDR_EL0 and TPIDRRO_EL0 of the host while loaded */
	u64 tpidr2;			/* [o] TPIDR2_EL0 of who has not the CPU, where there is SME */
	bool on_cpu;			/* [o] VHE: the EL1 registers are in the CPU, not in ctxt */
	bool aarch32;			/* [v] EL1 is AArch32 (KVM_ARM_VCPU_EL1_32BIT) */
	bool has_run;			/* [v] arm_first_run() was called */
	u8 fp_turns;			/* [o] entries left with the FP registers loaded unasked */

	unsigned int sve_vq;		/* [v] longest SVE vectors, in quadwords; fixed with sve */
	void *sve;			/* [v] Z, P and FFR registers: KVM_ARM_VCPU_FINALIZE */

	struct vgic_cpu vgic;
	struct arm_timer timer;
	struct arm_debug debug;
	struct arm_power power;
	struct arm_pvtime pvtime;
	struct arm_caches caches;

	/* An access that user space is to answer: the instruction is still to be completed. [v] */
	bool mmio_pending;
};

static inline struct arm_vm *to_arm_vm(struct berth_vm *vm)
{
	return container_of(vm, struct arm_vm, vm);
}

static inline struct arm_vcpu *to_arm(struct berth_vcpu *vcpu)
{
	return container_of(vcpu, struct arm_vcpu, core);
}

static inline struct arm_vm *arm_vm_of(const struct arm_vcpu *v)
{
	return to_arm_vm(v->core.vm);
}

static __always_inline bool arm_vhe(void)
{
	return is_kernel_in_hyp_mode();
}

/* The instruction that trapped was AArch64, or a 32-bit one of T32 (ESR_ELx.IL). */
static inline unsigned int arm_insn_len(const struct arm_vcpu *v)
{
	return v->ctxt.esr & ESR_ELx_IL ? 4 : 2;
}

/* A general register as an instruction names it: 31 is the zero register. */
static inline u64 arm_get_reg(const struct arm_vcpu *v, unsigned int r)
{
	return r < 31 ? v->ctxt.x[r] : 0;
}

static inline void arm_set_reg(struct arm_vcpu *v, unsigned int r, u64 value)
{
	if (r < 31)
		v->ctxt.x[r] = value;
}

/* The guest runs AArch32 code, at whichever level. */
static inline bool arm_in_aarch32(const struct arm_vcpu *v)
{
	return v->ctxt.pstate & PSR_MODE32_BIT;
}

/* Of the last abort: HPFAR_EL2 has bits 47:12 of the address from bit 4 on, FAR_EL2 those below. */
static inline gpa_t arm_fault_gpa(const struct arm_vcpu *v)
{
	return (v->ctxt.hpfar & GENMASK_ULL(39, 4)) << 8 | (v->ctxt.far & 0xfff);
}

/* Behind the instruction that trapped, for those that the CPU has not completed. */
void arm_skip_insn(struct arm_vcpu *v);

/*
 * sysregs.c: a register of the guest's, wherever it is now.  Context: the vCPU's thread
 * between load and put, or nobody runs it.
 */
u64 arm_read_sys(const struct arm_vcpu *v, enum arm_sysreg r);
void arm_write_sys(struct arm_vcpu *v, enum arm_sysreg r, u64 value);
/* VHE: all of them into the CPU, and back.  Preemption off. */
void arm_sys_load(struct arm_vcpu *v);
void arm_sys_put(struct arm_vcpu *v);
extern bool arm_host_has_sme;

/* host.c: EL2 on this machine and on this CPU. */
int arm_host_setup(const char **why);
void arm_host_unsetup(void);
int arm_host_cpu_enable(void);
void arm_host_cpu_disable(void);
/* This CPU's host context.  Preemption off. */
struct arm_context *arm_host_context(void);

/* switch.S; nVHE: one of ARM_EL2_*, or what the stub answers.  Context: preemption off. */
u64 arm_el2_call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4);
/* el2_map.c; nVHE: let code at EL2 reach [@p, @p + @size) of the linear map.  May sleep. */
int arm_el2_map(const void *p, size_t size);

/* s2.c: the second stage. */
extern bool arm_s2_fwb;
void arm_s2_setup(void);
unsigned int arm_s2_max_ipa_bits(void);
/* The format and VTCR_EL2 for addresses of @bits; NULL: not on this machine. */
const struct s2_format *arm_s2_format(unsigned int bits, u64 *vtcr);

/* tlb.c: VMIDs and TLB maintenance. */
void arm_vmid_setup(void);
/* The VM has a VMID of the current generation; may change until interrupts are off. */
void arm_vmid_update(struct arm_vm *vm);
/* Still current?  Interrupts off, the vCPU in the guest's state. */
bool arm_vmid_current(const struct arm_vm *vm);
u64 arm_vttbr(const struct arm_vm *vm);
/* This vCPU comes to a CPU: another vCPU's stage 1 translations there are not its own. */
void arm_tlb_vcpu_load(struct arm_vcpu *v);

/* run.c: what a new vCPU runs with, before any state is chosen. */
void arm_run_init(struct arm_vcpu *v);
/* The guest has used a trapped FP/SIMD register: for a while they are loaded unasked. */
void arm_fp_trap(struct arm_vcpu *v);

/* exits.c, mmio.c: enum berth_run or -errno. */
int arm_handle_exit(struct arm_vcpu *v);
int arm_mmio(struct arm_vcpu *v, gpa_t gpa);	/* a data abort that no memory answers */
void arm_mmio_finish(struct arm_vcpu *v);	/* user space has answered */

/* switch.S.  Interrupts and all other exceptions masked. */
void arm_vhe_run(struct arm_context *guest);
/* HVC_STUB_ERR: EL2 is not ours, and nothing was done. */
u64 arm_nvhe_run(phys_addr_t guest, phys_addr_t host);

/* s2.c: clean and invalidate every page the guest has, for guests whose caches go on or off. */
void arm_flush_vm(struct berth_vm *vm);

BERTH_DECLARE_BACKEND(arm)

#endif
