// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug: breakpoints, watchpoints and single steps, the guest's own and those of user space
 * (KVM_SET_GUEST_DEBUG).
 *
 * The guest's debug registers always trap (MDCR_EL2.TDA), so that memory has them.  They, or
 * user space's, are in the CPU from just before the guest is entered until just after, and
 * only if they, or the host's, can do something: with debug exceptions masked, since a
 * breakpoint of the guest's must not stop the host (Arm ARM D2, D19.3).
 */
#include <asm/debug-monitors.h>
#include <asm/hw_breakpoint.h>
#include <linux/bitfield.h>
#include <linux/nospec.h>
#include "sysreg.h"

#define GUESTDBG_VALID	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP |	\
			 KVM_GUESTDBG_USE_HW | KVM_GUESTDBG_SINGLESTEP)

#define MDCR_TRAPS	(MDCR_EL2_TPM | MDCR_EL2_TPMCR | MDCR_EL2_TPMS | MDCR_EL2_TTRF |	\
			 MDCR_EL2_TDRA | MDCR_EL2_TDOSA | MDCR_EL2_TDA)

static unsigned int nr_bps __ro_after_init, nr_wps __ro_after_init;

void arm_debug_setup(void)
{
	u64 dfr0 = read_sanitised_ftr_reg(SYS_ID_AA64DFR0_EL1);

	nr_bps = FIELD_GET(ID_AA64DFR0_EL1_BRPs_MASK, dfr0) + 1;
	nr_wps = FIELD_GET(ID_AA64DFR0_EL1_WRPs_MASK, dfr0) + 1;
}

int arm_cap_hw_bps(struct berth_vm *vm)
{
	return nr_bps;
}

int arm_cap_hw_wps(struct berth_vm *vm)
{
	return nr_wps;
}

/* ---- what is in the CPU ---- */

/*
 * arm_debug_update() - the guest's or user space's debug controls changed: decide with what
 * the guest runs.  Context: the vCPU's thread.
 */
void arm_debug_update(struct arm_vcpu *v)
{
	u32 control = v->core.guest_debug;
	u64 mdscr = arm_read_sys(v, ARM_MDSCR_EL1);

	/* With the OS lock set no debug exceptions but BRK's (Arm ARM D2.7). */
	if (arm_read_sys(v, ARM_OSLSR_EL1) & OSLSR_LOCKED)
		mdscr &= ~(u64)(DBG_MDSCR_MDE | DBG_MDSCR_KDE | DBG_MDSCR_SS);
	/* User space's come to EL2, past the guest: one cannot debug and be debugged. */
	if (control & KVM_GUESTDBG_ENABLE)
		mdscr &= ~(u64)DBG_MDSCR_SS;
	if (control & KVM_GUESTDBG_SINGLESTEP)
		mdscr |= DBG_MDSCR_SS;
	if (control & KVM_GUESTDBG_USE_HW)
		mdscr |= DBG_MDSCR_MDE;
	v->debug.mdscr = mdscr;
	v->debug.active = mdscr & (DBG_MDSCR_MDE | DBG_MDSCR_KDE | DBG_MDSCR_SS);
	v->ctxt.mdcr = (v->ctxt.mdcr & MDCR_EL2_HPMN_MASK) | MDCR_TRAPS |
		       (control & KVM_GUESTDBG_ENABLE ? MDCR_EL2_TDE : 0);
}

#define BVR(n)	sys_reg(2, 0, 0, n, 4)
#define BCR(n)	sys_reg(2, 0, 0, n, 5)
#define WVR(n)	sys_reg(2, 0, 0, n, 6)
#define WCR(n)	sys_reg(2, 0, 0, n, 7)

/* From the last there is down to the first: the numbers are in the instructions. */
#define DOWNWARDS(X)							\
	X(15) X(14) X(13) X(12) X(11) X(10) X(9) X(8)			\
	X(7) X(6) X(5) X(4) X(3) X(2) X(1) X(0)

#define READ_BP(n)							\
	case n:								\
		d->dbg_bvr[n] = read_sysreg_s(BVR(n));			\
		d->dbg_bcr[n] = read_sysreg_s(BCR(n));			\
		fallthrough;
#define READ_WP(n)							\
	case n:								\
		d->dbg_wvr[n] = read_sysreg_s(WVR(n));			\
		d->dbg_wcr[n] = read_sysreg_s(WCR(n));			\
		fallthrough;
#define WRITE_BP(n)							\
	case n:								\
		write_sysreg_s(d->dbg_bvr[n], BVR(n));			\
		write_sysreg_s(d->dbg_bcr[n], BCR(n));			\
		fallthrough;
#define WRITE_WP(n)							\
	case n:								\
		write_sysreg_s(d->dbg_wvr[n], WVR(n));			\
		write_sysreg_s(d->dbg_wcr[n], WCR(n));			\
		fallthrough;

static void read_points(struct kvm_guest_debug_arch *d)
{
	switch (nr_bps - 1) {
	DOWNWARDS(READ_BP)
	default:
		break;
	}
	switch (nr_wps - 1) {
	DOWNWARDS(READ_WP)
	default:
		break;
	}
}

static void write_points(const struct kvm_guest_debug_arch *d)
{
	switch (nr_bps - 1) {
	DOWNWARDS(WRITE_BP)
	default:
		break;
	}
	switch (nr_wps - 1) {
	DOWNWARDS(WRITE_WP)
	default:
		break;
	}
}

/* The host's own, while a guest's are in the CPU. */
static DEFINE_PER_CPU(struct kvm_guest_debug_arch, host_points);
static DEFINE_PER_CPU(u64, host_mdscr);

/* Before the guest is entered, and after.  Context: all exceptions masked. */
void arm_debug_load(struct arm_vcpu *v)
{
	struct arm_debug *d = &v->debug;

	__this_cpu_write(host_mdscr, read_sysreg(mdscr_el1));
	if (d->mdscr & (DBG_MDSCR_MDE | DBG_MDSCR_KDE)) {
		read_points(this_cpu_ptr(&host_points));
		write_points(v->core.guest_debug & KVM_GUESTDBG_USE_HW ? &d->user : &d->guest);
	}
	write_sysreg(d->mdscr, mdscr_el1);
}

void arm_debug_put(struct arm_vcpu *v)
{
	write_sysreg(__this_cpu_read(host_mdscr), mdscr_el1);
	if (v->debug.mdscr & (DBG_MDSCR_MDE | DBG_MDSCR_KDE))
		write_points(this_cpu_ptr(&host_points));
	isb();
}

/* ---- single steps by user space ---- */

/*
 * arm_debug_run_begin() - KVM_RUN starts: one instruction is to be done when it is a step.
 *
 * Comes before an instruction that user space has completed is skipped, which uses the step
 * up.  Inverse: arm_debug_run_end().
 */
void arm_debug_run_begin(struct arm_vcpu *v)
{
	if (!(v->core.guest_debug & KVM_GUESTDBG_SINGLESTEP))
		return;
	v->debug.guest_ss = v->ctxt.pstate & DBG_SPSR_SS;
	v->debug.stepping = true;
	if (v->debug.step_done)
		v->ctxt.pstate &= ~(u64)DBG_SPSR_SS;
	else
		v->ctxt.pstate |= DBG_SPSR_SS;
}

void arm_debug_run_end(struct arm_vcpu *v)
{
	if (!v->debug.stepping)
		return;
	v->debug.stepping = false;
	/* A signal may come between an instruction that was emulated and the exit for it. */
	v->debug.step_done = !(v->ctxt.pstate & DBG_SPSR_SS);
	v->ctxt.pstate = (v->ctxt.pstate & ~(u64)DBG_SPSR_SS) | v->debug.guest_ss;
}

/* arm_debug_exit() - a debug exception of user space's: KVM_EXIT_DEBUG (api.rst 5). */
int arm_debug_exit(struct arm_vcpu *v, u64 esr)
{
	struct kvm_run *run = v->core.run;

	/* The next run is the next step. */
	if (ESR_ELx_EC(esr) == ESR_ELx_EC_SOFTSTP_LOW && v->debug.stepping)
		v->ctxt.pstate |= DBG_SPSR_SS;
	run->exit_reason = KVM_EXIT_DEBUG;
	run->flags = KVM_DEBUG_ARCH_HSR_HIGH_VALID;
	run->debug.arch.hsr = lower_32_bits(esr);
	run->debug.arch.hsr_high = upper_32_bits(esr);
	run->debug.arch.far = ESR_ELx_EC(esr) == ESR_ELx_EC_WATCHPT_LOW ? v->ctxt.far : 0;
	return BERTH_RUN_USER;
}

/* KVM_SET_GUEST_DEBUG (api.rst 4.87).  -EINVAL for bits that mean nothing here. */
long arm_ioctl_set_guest_debug(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_guest_debug *dbg = data;
	struct arm_vcpu *v = to_arm(vcpu);

	if (dbg->control & ~GUESTDBG_VALID)
		return -EINVAL;
	vcpu->guest_debug = dbg->control & KVM_GUESTDBG_ENABLE ? dbg->control : 0;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW)
		v->debug.user = dbg->arch;
	v->debug.step_done = false;
	arm_debug_update(v);
	return 0;
}

int arm_cap_guest_debug2(struct berth_vm *vm)
{
	return GUESTDBG_VALID;
}

/* ---- the guest's registers ---- */

/* DBG{B,W}{V,C}R<n>_EL1 by encoding. */
static u64 *place_of(struct arm_vcpu *v, u32 enc)
{
	struct kvm_guest_debug_arch *g = &v->debug.guest;
	unsigned int n = array_index_nospec(sys_reg_CRm(enc), KVM_ARM_MAX_DBG_REGS);

	switch (sys_reg_Op2(enc)) {
	case 4:
		return &g->dbg_bvr[n];
	case 5:
		return &g->dbg_bcr[n];
	case 6:
		return &g->dbg_wvr[n];
	default:
		return &g->dbg_wcr[n];
	}
}

bool arm_debug_access(struct arm_vcpu *v, const struct sysreg_row *row, struct sysreg_access *a)
{
	if (a->write)
		*place_of(v, a->enc) = a->val;
	else
		a->val = *place_of(v, a->enc);
	return true;
}

u64 arm_debug_get(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc)
{
	return *place_of(v, enc);
}

int arm_debug_set(struct arm_vcpu *v, const struct sysreg_row *row, u32 enc, u64 value)
{
	*place_of(v, enc) = value;
	return 0;
}

void arm_debug_reset(struct arm_vcpu *v)
{
	memset(&v->debug.guest, 0, sizeof(v->debug.guest));
	arm_debug_update(v);
}
