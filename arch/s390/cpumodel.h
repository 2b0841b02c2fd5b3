/* SPDX-License-Identifier: GPL-2.0-only */
/* Which CPU the guest has: its id, its level and its facilities. */
#ifndef BERTH_S390_CPUMODEL_H
#define BERTH_S390_CPUMODEL_H

#include <linux/kvm.h>
#include <linux/types.h>

#define SIE_FAC_WORDS	256		/* of the ABI's lists */

/* Facilities that a guest has of the hypervisor. */
#define SIE_FAC_STHYI	74
#define SIE_FAC_CZAM	138		/* z/Architecture is the only one */

struct sie_vm;

struct sie_model {
	u64 cpuid;			/* as STIDP stores it */
	u16 ibc;			/* instruction blocking control: the level */
	u64 fac_list[SIE_FAC_WORDS];	/* what user space says that the guest has */
	u64 fac_mask[SIE_FAC_WORDS];	/* what it may have */
	struct kvm_s390_vm_cpu_subfunc subfunc;	/* what user space has said that it has */
};

/* Facility @nr of a list, which begins with its leftmost bit. */
static inline bool sie_fac_test(const u64 *list, unsigned int nr)
{
	return list[nr / 64] >> (63 - nr % 64) & 1;
}

/* Has the guest facility @nr?  Only what the hypervisor can give it. */
static inline bool sie_has_fac(const struct sie_model *model, unsigned int nr)
{
	return sie_fac_test(model->fac_list, nr) && sie_fac_test(model->fac_mask, nr);
}

/* subfunc.c: what the machine has. */
void sie_subfunctions(struct kvm_s390_vm_cpu_subfunc *subfunc);

void sie_model_init(struct sie_vm *vm);
struct kvm_device_attr;

/* The attributes of KVM_S390_VM_CPU_MODEL. */
int sie_model_set_attr(struct sie_vm *vm, const struct kvm_device_attr *attr);
int sie_model_get_attr(struct sie_vm *vm, const struct kvm_device_attr *attr);
int sie_model_has_attr(const struct kvm_device_attr *attr);
/* What SIE is to tell the guest; before the first vCPU. */
void sie_model_apply(struct sie_vm *vm);

#endif
