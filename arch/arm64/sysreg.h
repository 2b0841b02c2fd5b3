/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System registers as traps and KVM_{GET,SET}_ONE_REG see them.  One row of the table says
 * what the guest's access does, and what user space's.
 */
#ifndef BERTH_ARM64_SYSREG_H
#define BERTH_ARM64_SYSREG_H

#include "abi.h"
#include "state.h"

/* CLIDR_EL1: what user space may write, all that is defined (Arm ARM D19.2.29). */
#define CLIDR_EL1_WRITABLE	GENMASK_ULL(46, 0)

/* OSLSR_EL1, OSLAR_EL1 (D19.3.23): the OS lock is there, is set; sets it. */
#define OSLSR_OSLM	BIT(3)
#define OSLSR_LOCKED	BIT(1)
#define OSLAR_LOCKED	BIT(0)

/* A guest's access that trapped.  @val goes in or comes out. */
struct sysreg_access {
	u32 enc;		/* sys_reg(op0, op1, CRn, CRm, op2) */
	bool write;
	u64 val;
};

struct sysreg_row {
	u32 enc;		/* the first, where there are several */
	u8 nr;			/* how many, with CRm ascending; 0: one */
	u8 nr_op2;		/* and of each as many with op2 ascending; 0: one */
	u8 feature;		/* KVM_ARM_VCPU_* it comes with; 0: always there */
	u16 store;		/* enum arm_sysreg, where get and set are the table's own */
	u64 reset;
	/* The guest's: false where it is undefined.  NULL: always, or it never traps. */
	bool (*access)(struct arm_vcpu *v, const struct sysreg_row *row, struct sysreg_access *a);
	/* User space's: 0 or -EINVAL, -EBUSY ...; NULL: it does not see the register. */
	u64 (*get)(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc);
	int (*set)(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc, u64 value);
};

/* The row of an encoding, or NULL.  Context: any. */
const struct sysreg_row *arm_sysreg_find(u32 enc);

/* A guest's access of either width: false for undefined.  Context: exits. */
bool arm_sysreg_access(struct arm_vcpu *v, struct sysreg_access *a);

/* KVM_{GET,SET}_ONE_REG of the registers in the table; -ENOENT for others. */
int arm_sysreg_get(struct arm_vcpu *v, u32 enc, u64 *value);
int arm_sysreg_set(struct arm_vcpu *v, u32 enc, u64 value);
/* Write the ids that user space sees to @ids, where not NULL; how many.  -EFAULT. */
long arm_sysreg_list(struct arm_vcpu *v, u64 __user *ids);

/* All of the table to their values after reset. */
void arm_sysreg_reset(struct arm_vcpu *v);
int arm_sysreg_setup(void);
void arm_sysreg_unsetup(void);

/* idregs.c */
void arm_idregs_setup(void);
bool arm_aarch32_el0(void);
bool arm_id_offers(u32 reg, unsigned int shift, unsigned int least);
void arm_idregs_reset(struct arm_vm_state *s);
void arm_idregs_no_gicv3(struct arm_vm_state *s);
int arm_id_set(struct arm_vm_state *s, unsigned int id, u64 value);
u64 arm_host_ctr(void);
int arm_ctr_set(struct arm_vm_state *s, u64 value);

/* fw.c: KVM_{GET,SET}_ONE_REG and KVM_GET_REG_LIST of the firmware's registers. */
int arm_fw_get_reg(struct arm_vcpu *v, u64 id, u64 *value);
int arm_fw_set_reg(struct arm_vcpu *v, u64 id, u64 value);
long arm_fw_list(u64 __user *ids);

/* caches.c: the caches a guest sees, and maintenance of whole caches. */
void arm_caches_reset(struct arm_vcpu *v);
u64 arm_ccsidr(const struct arm_vcpu *v, u64 csselr);
int arm_clidr_set(struct arm_vcpu *v, u64 value);
int arm_ccsidr_set(struct arm_vcpu *v, unsigned int csselr, u32 value);
void arm_set_way(struct arm_vcpu *v);
/* A register of the stage 1 MMU was written: caches may have gone on or off. */
bool arm_caches_on(const struct arm_vcpu *v);
void arm_caches_toggled(struct arm_vcpu *v, bool were_on);

/* debug.c, timer.c: their rows' functions. */
bool arm_debug_access(struct arm_vcpu *v, const struct sysreg_row *row, struct sysreg_access *a);
u64 arm_debug_get(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc);
int arm_debug_set(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc, u64 value);
bool arm_timer_access(struct arm_vcpu *v, const struct sysreg_row *row, struct sysreg_access *a);
u64 arm_timer_get(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc);
int arm_timer_set(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc, u64 value);

#endif
