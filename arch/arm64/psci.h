/* SPDX-License-Identifier: GPL-2.0-only */
/* Firmware as the guest calls it: what psci.c, smccc.c and their neighbours share. */
#ifndef BERTH_ARM64_PSCI_H
#define BERTH_ARM64_PSCI_H

#include <uapi/linux/psci.h>
#include "abi.h"
#include "state.h"

/* Versions there are (PSCI_VERSION's format). */
#define ARM_PSCI_0_1	PSCI_VERSION(0, 1)
#define ARM_PSCI_0_2	PSCI_VERSION(0, 2)
#define ARM_PSCI_1_0	PSCI_VERSION(1, 0)
#define ARM_PSCI_1_1	PSCI_VERSION(1, 1)

/* psci.c: a call of the power state coordination interface; x0 is its result. */
int arm_psci_call(struct arm_vcpu *v, u32 fn);

/* power.c */
void arm_power_init(struct arm_vcpu *v);
bool arm_powered_off(const struct arm_vcpu *v);
void arm_power_set(struct arm_vcpu *v, u32 mp_state);
void arm_power_off(struct arm_vcpu *v);
bool arm_power_on(struct arm_vcpu *v, u64 pc, u64 x0, bool big_endian);

/* pvtime.c: IPA of the stolen time structure, made ready; or SMCCC_RET_NOT_SUPPORTED. */
u64 arm_steal_begin(struct arm_vcpu *v);
bool arm_steal_supported(void);

/* fw.c: what the firmware's registers say. */
bool arm_fw_has(const struct arm_vcpu *v, enum arm_fw_bitmap map, unsigned int bit);
int arm_fw_workaround(u32 call);
void arm_fw_vm_init(struct arm_vm_state *s);

#endif
