// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's machine-check registers (SDM vol. 3, chapter 16) and the ioctls that
 * set them up and report an error to it.
 */
#include <asm/mce.h>
#include <asm/traps.h>
#include <linux/nospec.h>
#include "state.h"

/* CTL, STATUS, ADDR, MISC of each bank, in the order of their MSRs. */
enum { MCE_CTL, MCE_STATUS, MCE_ADDR, MCE_MISC, MCE_REGS };

/* What KVM_X86_SETUP_MCE may ask for, beside a number of banks and of extended ones. */
#define MCE_CAP_SUPPORTED	(MCG_CTL_P | MCG_SER_P)
#define MCE_CAP_BANKS		0xffull
#define MCE_CAP_EXT		0xff0000ull

#define HWCR_MCSTATUSWREN	BIT_ULL(18)	/* APM vol. 2, 3.2.10 */

/* A CTL register is all ones or zero; old kernels clear one of these two on AMD. */
#define MCE_CTL_MAY_CLEAR	(BIT_ULL(0) | BIT_ULL(10))

static unsigned int nr_banks(const struct x86_vcpu *v)
{
	return v->mcg_cap & MCE_CAP_BANKS;
}

/* All banks until user space says how many. */
void x86_mce_init(struct x86_vcpu *v)
{
	v->mcg_cap = X86_MCE_BANKS;
	v->mcg_status = 0;
	v->mcg_ctl = 0;
}

/* The bank register an MSR is, or NULL beyond the guest's banks. */
static u64 *bank_register(struct x86_vcpu *v, u32 index)
{
	u32 offset = index - MSR_IA32_MC0_CTL;
	u32 nr = nr_banks(v) * MCE_REGS;

	if (offset >= nr)
		return NULL;
	return &v->mce_banks[array_index_nospec(offset, nr)];
}

/* RDMSR of MCG_* and bank registers.  0, or 1 for #GP. */
int x86_get_mce_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	u64 *bank;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = v->mcg_cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = v->mcg_status;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(v->mcg_cap & MCG_CTL_P) && !host)
			return 1;
		*data = v->mcg_ctl;
		return 0;
	}
	bank = bank_register(v, index);
	if (!bank)
		return 1;
	*data = *bank;
	return 0;
}

static bool bank_write_valid(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 hwcr;

	switch ((index - MSR_IA32_MC0_CTL) % MCE_REGS) {
	case MCE_CTL:
		return !data || (data | MCE_CTL_MAY_CLEAR) == ~0ull;
	case MCE_STATUS:
		if (!data || host)
			return true;
		return !x86_guest_is_intel(v) && !x86_get_msr(v, MSR_K7_HWCR, &hwcr, true) &&
		       (hwcr & HWCR_MCSTATUSWREN);
	}
	return true;
}

/* WRMSR of MCG_* and bank registers.  0, or 1 for #GP. */
int x86_set_mce_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 *bank;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		return 1;
	case MSR_IA32_MCG_STATUS:
		v->mcg_status = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(v->mcg_cap & MCG_CTL_P) && (data || !host))
			return 1;
		if (data && data != ~0ull)
			return 1;
		v->mcg_ctl = data;
		return 0;
	}
	bank = bank_register(v, index);
	if (!bank || !bank_write_valid(v, index, data, host))
		return 1;
	*bank = data;
	return 0;
}

long x86_ioctl_get_mce_cap(void *data, unsigned long uarg)
{
	*(u64 *)data = MCE_CAP_SUPPORTED;
	return 0;
}

/* KVM_X86_SETUP_MCE (api.rst 4.105). */
long x86_ioctl_setup_mce(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	u64 cap = *(u64 *)data;
	unsigned int bank, banks = cap & MCE_CAP_BANKS;

	if (!banks || banks > X86_MCE_BANKS)
		return -EINVAL;
	if (cap & ~(MCE_CAP_SUPPORTED | MCE_CAP_BANKS | MCE_CAP_EXT))
		return -EINVAL;
	v->mcg_cap = cap;
	if (cap & MCG_CTL_P)
		v->mcg_ctl = ~0ull;
	for (bank = 0; bank < banks; bank++)
		v->mce_banks[bank * MCE_REGS + MCE_CTL] = ~0ull;
	return 0;
}

static void log_error(u64 *bank, const struct kvm_x86_mce *mce, u64 status)
{
	bank[MCE_STATUS] = status;
	bank[MCE_ADDR] = mce->addr;
	bank[MCE_MISC] = mce->misc;
}

/* An uncorrected error that needs no action is only logged (SDM vol. 3, 16.6.3). */
static bool needs_no_action(const struct kvm_x86_mce *mce)
{
	return !mce->mcg_status && (mce->status & MCI_STATUS_UC) &&
	       !(mce->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

/*
 * x86_ioctl_set_mce() - KVM_X86_SET_MCE: an error happens in a bank.
 *
 * An uncorrected one raises #MC, or shuts the guest down when it cannot take one
 * (SDM vol. 3, 16.3.1.2).  -EINVAL for a bank the guest has not, or without VAL.
 */
long x86_ioctl_set_mce(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	const struct kvm_x86_mce *mce = data;
	u64 overflow;
	u64 *bank;

	if (mce->bank >= nr_banks(v) || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &v->mce_banks[array_index_nospec(mce->bank, nr_banks(v)) * MCE_REGS];
	overflow = bank[MCE_STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0;

	if (needs_no_action(mce)) {
		log_error(bank, mce, mce->status);
		v->mcg_status = mce->mcg_status;
		return 0;
	}
	if (!(mce->status & MCI_STATUS_UC)) {
		if (overflow && (bank[MCE_STATUS] & MCI_STATUS_UC))
			bank[MCE_STATUS] |= MCI_STATUS_OVER;
		else
			log_error(bank, mce, mce->status | overflow);
		return 0;
	}

	/* Reporting is off for all banks, or for this one. */
	if (((v->mcg_cap & MCG_CTL_P) && v->mcg_ctl != ~0ull) || bank[MCE_CTL] != ~0ull)
		return 0;
	if ((v->mcg_status & MCG_STATUS_MCIP) || !(x86_vendor->get_cr(v, 4) & X86_CR4_MCE)) {
		v->ev.triple_fault = true;
		berth_vcpu_request(vcpu, X86_REQ_EVENT);
		return 0;
	}
	log_error(bank, mce, mce->status | overflow);
	v->mcg_status = mce->mcg_status;
	x86_queue_exception(v, X86_TRAP_MC);
	return 0;
}
