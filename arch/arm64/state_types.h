/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of a VM and a vCPU that belong to its architected state: identification,
 * firmware, power, debug, timers.  Embedded by arm64.h; what is done with them is in
 * state.h.
 */
#ifndef BERTH_ARM64_STATE_TYPES_H
#define BERTH_ARM64_STATE_TYPES_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/maple_tree.h>

/* What KVM_ARM_VCPU_INIT may ask for, as bits of arm_vm_state::features. */
#define ARM_FEATURE(name)	BIT(KVM_ARM_VCPU_##name)

/* The registers of op0 3, op1 0, CRn 0 by CRm and op2; those of CRm 0 are not used. */
#define ARM_NR_ID_REGS		64

/* The firmware's versions and services: KVM_REG_ARM_FW*, fw.c. */
enum arm_fw_bitmap {
	ARM_FW_STD,
	ARM_FW_STD_HYP,
	ARM_FW_VENDOR_HYP,
	ARM_NR_FW_BITMAPS,
};

/*
 * [c] config lock.  It nests inside the vCPUs' mutexes; what it guards cannot change any
 * more once a vCPU has run, so that exits read it without.
 */
struct arm_vm_state {
	struct mutex lock;
	bool configured;			/* [c] features and id are set */
	bool has_run;				/* [c] a vCPU has run */
	u64 features;				/* [c] all vCPUs have the same, but POWER_OFF */
	u64 id[ARM_NR_ID_REGS];			/* [c] */
	u64 ctr;				/* [c] CTR_EL0 */
	u32 psci_version;			/* [c] PSCI_VERSION(); 0.1: no PSCI_0_2 feature */
	u64 fw[ARM_NR_FW_BITMAPS];		/* [c] */
	bool smccc_filtered;			/* [c] */
	struct maple_tree smccc_filter;		/* [c] function id -> action */
	bool system_suspend;			/* [c] KVM_CAP_ARM_SYSTEM_SUSPEND */
	bool offset_set;			/* [c] KVM_ARM_SET_COUNTER_OFFSET was used */
	u64 virt_offset;			/* [c] CNTVOFF_EL2 */
	u64 phys_offset;			/* [c] the same for the physical counter */
	u8 timer_ppi[2];			/* [c] enum arm_timer_id -> INTID */
};

enum arm_timer_id {
	ARM_VTIMER,
	ARM_PTIMER,
	ARM_NR_TIMERS,
};

/* One of a vCPU's two timers (Arm ARM D11.2). */
struct arm_timer_regs {
	u64 ctl;		/* ENABLE and IMASK; ISTATUS is computed */
	u64 cval;
	bool line;		/* what the interrupt controller was told */
};

struct arm_timer {
	struct arm_timer_regs regs[ARM_NR_TIMERS];	/* [o] */
	struct hrtimer wake;	/* the vCPU sleeps, or waits for the emulated timer */
	bool loaded;		/* [o] the virtual timer's registers are in the CPU */
};

/* Debug: the guest's own registers and user space's, debug.c. */
struct arm_debug {
	struct kvm_guest_debug_arch guest;	/* [o] DBG{B,W}{C,V}R<n>_EL1 */
	struct kvm_guest_debug_arch user;	/* [v] KVM_SET_GUEST_DEBUG */
	u64 mdscr;				/* [o] MDSCR_EL1 while the guest runs, if exchanged */
	u64 guest_ss;				/* [o] the guest's PSTATE.SS, while stepping */
	bool active;				/* [o] the guest runs with other registers */
	bool stepping;				/* [o] user space steps it: PSTATE.SS is not its own */
	bool step_done;				/* [o] and the exit for it is still to come */
};

/* Whether the vCPU runs at all: power.c. */
struct arm_power {
	u32 mp_state;		/* [a] KVM_MP_STATE_RUNNABLE, STOPPED or SUSPENDED */
	spinlock_t lock;	/* reset_*: CPU_ON of another vCPU */
	bool reset_be;		/* the caller's byte order */
	u64 reset_pc;
	u64 reset_x0;
};

/* What user space says of the caches: caches.c.  Two values of CSSELR_EL1 for each level. */
#define ARM_NR_CCSIDRS	14

struct arm_caches {
	u64 clidr;				/* [v] CLIDR_EL1 */
	u32 ccsidr[ARM_NR_CCSIDRS];		/* [v] where ccsidr_set */
	bool ccsidr_set[ARM_NR_CCSIDRS];	/* [v] */
};

/* Stolen time (Arm DEN0057): pvtime.c. */
struct arm_pvtime {
	u64 base;		/* [v] IPA of the structure, or BERTH_INVALID_GPA */
	u64 run_delay;		/* [o] of the thread, when the guest was told last */
};

#endif
