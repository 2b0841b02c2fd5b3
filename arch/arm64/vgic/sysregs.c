// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU interface's system registers (IHI 0069, 12.2).  The guest has the hardware's own
 * ones but for those that concern other CPUs, which trap; user space saves and restores
 * all of them while nobody runs.
 */
#include "internal.h"
#include <linux/irqchip/arm-gic-v3.h>

/* ---- traps ---- */

/* ICC_SGI1R_EL1 and its like (12.2.23): by affinity, or to all others. */
static void send_sgis(struct arm_vcpu *v, u64 val, bool group1)
{
	struct vgic_vm *vgic = &arm_vm_of(v)->vgic;
	u32 intid = val >> ICC_SGI1R_SGI_ID_SHIFT & 0xf;
	unsigned long list = val & ICC_SGI1R_TARGET_LIST_MASK;
	struct berth_vcpu *vcpu;
	struct vgic_cpu *target;
	unsigned int i;
	u32 cluster;

	if (val & BIT_ULL(ICC_SGI1R_IRQ_ROUTING_MODE_BIT)) {
		berth_for_each_vcpu(i, vcpu, v->core.vm)
			if (vcpu != &v->core)
				vgic_send_sgi(&to_arm(vcpu)->vgic, intid, 0, group1);
		return;
	}
	/* Aff3 and the range selector are not there: nobody has such an affinity. */
	if (val & (ICC_SGI1R_AFFINITY_3_MASK | ICC_SGI1R_RS_MASK))
		return;
	cluster = (val >> ICC_SGI1R_AFFINITY_2_SHIFT & 0xff) << 16 |
		  (val >> ICC_SGI1R_AFFINITY_1_SHIFT & 0xff) << 8;
	for_each_set_bit(i, &list, 16) {
		target = vgic_cpu_at(vgic, cluster | i);
		if (target)
			vgic_send_sgi(target, intid, 0, group1);
	}
}

bool vgic_sysreg(struct arm_vcpu *v, u32 sys, bool write, u64 *val)
{
	if (!vgic_is_v3(&arm_vm_of(v)->vgic) || !vgic_initialized(&arm_vm_of(v)->vgic))
		return false;
	switch (sys) {
	case SYS_ICC_SGI1R_EL1:
	/* With one security state, the other one is Group 0 as ICC_SGI0R_EL1 is. */
	case SYS_ICC_ASGI1R_EL1:
	case SYS_ICC_SGI0R_EL1:
		if (write)
			send_sgis(v, *val, sys == SYS_ICC_SGI1R_EL1);
		return write;
	case SYS_ICC_SRE_EL1:
		if (!write)
			*val = ICC_SRE_EL1_SRE | ICC_SRE_EL1_DFB | ICC_SRE_EL1_DIB;
		return true;
	default:
		return false;
	}
}

/* ---- KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS ---- */

/*
 * What user space restores must be this host's: one that promised the guest more than
 * there is cannot come here (arm-vgic-v3.rst).
 */
static int access_ctlr(struct vgic_cpu *cpu, bool write, u64 *val)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);
	u64 fixed = (u64)(vgic_host.pri_bits - 1) << ICC_CTLR_EL1_PRI_BITS_SHIFT |
		    (u64)vgic_host.id_bits << ICC_CTLR_EL1_ID_BITS_SHIFT |
		    (vgic_host.seis ? ICC_CTLR_EL1_SEIS_MASK : 0) |
		    (vgic_host.a3v ? ICC_CTLR_EL1_A3V_MASK : 0);
	u32 pri_bits, id_bits;

	if (!write) {
		*val = fixed | (vmcr.cbpr ? ICC_CTLR_EL1_CBPR_MASK : 0) |
		       (vmcr.eoim ? ICC_CTLR_EL1_EOImode_MASK : 0);
		return 0;
	}
	pri_bits = (*val & ICC_CTLR_EL1_PRI_BITS_MASK) >> ICC_CTLR_EL1_PRI_BITS_SHIFT;
	id_bits = (*val & ICC_CTLR_EL1_ID_BITS_MASK) >> ICC_CTLR_EL1_ID_BITS_SHIFT;
	if (pri_bits + 1 > vgic_host.pri_bits || id_bits > vgic_host.id_bits ||
	    (*val ^ fixed) & (ICC_CTLR_EL1_SEIS_MASK | ICC_CTLR_EL1_A3V_MASK))
		return -EINVAL;
	vmcr.cbpr = *val & ICC_CTLR_EL1_CBPR_MASK;
	vmcr.eoim = *val & ICC_CTLR_EL1_EOImode_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

static int access_pmr(struct vgic_cpu *cpu, bool write, u64 *val)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	if (!write) {
		*val = vmcr.pmr;
		return 0;
	}
	vmcr.pmr = *val & ICC_PMR_EL1_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

static int access_bpr0(struct vgic_cpu *cpu, bool write, u64 *val)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	if (!write) {
		*val = vmcr.bpr0;
		return 0;
	}
	vmcr.bpr0 = *val & ICC_BPR0_EL1_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

/* With a common binary point it is BPR0 and one, and not to be written (12.2.5). */
static int access_bpr1(struct vgic_cpu *cpu, bool write, u64 *val)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	if (!write) {
		*val = vmcr.cbpr ? min(vmcr.bpr0 + 1, 7) : vmcr.bpr1;
		return 0;
	}
	if (vmcr.cbpr)
		return 0;
	vmcr.bpr1 = *val & ICC_BPR1_EL1_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

static int access_group0(struct vgic_cpu *cpu, bool write, u64 *val)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	if (!write) {
		*val = vmcr.group0;
		return 0;
	}
	vmcr.group0 = *val & ICC_IGRPEN0_EL1_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

static int access_group1(struct vgic_cpu *cpu, bool write, u64 *val)
{
	struct vgic_vmcr vmcr = vgic_get_vmcr(cpu);

	if (!write) {
		*val = vmcr.group1;
		return 0;
	}
	vmcr.group1 = *val & ICC_IGRPEN1_EL1_MASK;
	vgic_set_vmcr(cpu, &vmcr);
	return 0;
}

/* System registers, no bypass: it cannot be otherwise. */
static int access_sre(struct vgic_cpu *cpu, bool write, u64 *val)
{
	u64 sre = ICC_SRE_EL1_SRE | ICC_SRE_EL1_DFB | ICC_SRE_EL1_DIB;

	if (write)
		return *val & ICC_SRE_EL1_SRE ? 0 : -EINVAL;
	*val = sre;
	return 0;
}

static int access_apr(u64 *apr, unsigned int nr, bool write, u64 *val)
{
	/* Not for those beyond the preemption levels there are (12.2.1). */
	if (nr >= vgic_host.nr_apr)
		return -EINVAL;
	if (write)
		apr[nr] = (u32)*val;
	else
		*val = apr[nr];
	return 0;
}

struct user_reg {
	u32 sys;
	int (*access)(struct vgic_cpu *cpu, bool write, u64 *val);
};

static const struct user_reg user_regs[] = {
	{ SYS_ICC_PMR_EL1,	access_pmr },
	{ SYS_ICC_BPR0_EL1,	access_bpr0 },
	{ SYS_ICC_BPR1_EL1,	access_bpr1 },
	{ SYS_ICC_CTLR_EL1,	access_ctlr },
	{ SYS_ICC_SRE_EL1,	access_sre },
	{ SYS_ICC_IGRPEN0_EL1,	access_group0 },
	{ SYS_ICC_IGRPEN1_EL1,	access_group1 },
};

static bool is_ap0r(u32 sys)
{
	return sys >= SYS_ICC_AP0R0_EL1 && sys <= SYS_ICC_AP0R3_EL1;
}

static bool is_ap1r(u32 sys)
{
	return sys >= SYS_ICC_AP1R0_EL1 && sys <= SYS_ICC_AP1R3_EL1;
}

static const struct user_reg *find(u32 sys)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(user_regs); i++)
		if (user_regs[i].sys == sys)
			return &user_regs[i];
	return NULL;
}

bool vgic_user_has_sysreg(u32 sys)
{
	return find(sys) || is_ap0r(sys) || is_ap1r(sys);
}

int vgic_user_sysreg(struct vgic_cpu *cpu, u32 sys, bool write, u64 *val)
{
	const struct user_reg *reg = find(sys);

	if (reg)
		return reg->access(cpu, write, val);
	if (is_ap0r(sys))
		return access_apr(cpu->regs->ap0r, sys_reg_Op2(sys) & 3, write, val);
	if (is_ap1r(sys))
		return access_apr(cpu->regs->ap1r, sys_reg_Op2(sys) & 3, write, val);
	return -ENXIO;
}
