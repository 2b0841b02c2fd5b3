// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which processor a vCPU is (KVM_ARM_VCPU_INIT, _FINALIZE), its state after reset, and the
 * life of all that state.h is about.
 */
#include <asm/cputype.h>
#include "psci.h"
#include "sysreg.h"
#include "vgic/vgic.h"

/* Features with a number that means something; of those not there, -EINVAL says so. */
#define KNOWN_FEATURES	(ARM_FEATURE(POWER_OFF) | ARM_FEATURE(EL1_32BIT) |	\
			 ARM_FEATURE(PSCI_0_2) | ARM_FEATURE(PMU_V3) |		\
			 ARM_FEATURE(SVE) | PTRAUTH)
#define PTRAUTH		(ARM_FEATURE(PTRAUTH_ADDRESS) | ARM_FEATURE(PTRAUTH_GENERIC))

static u64 supported __ro_after_init;
bool arm_ras __ro_after_init;

int arm_cap_el1_32bit(struct berth_vm *vm)
{
	return !!(supported & ARM_FEATURE(EL1_32BIT));
}

int arm_cap_sve(struct berth_vm *vm)
{
	return !!arm_sve_max_vq();
}

int arm_cap_ptrauth(struct berth_vm *vm)
{
	return !!(supported & PTRAUTH);
}

/* Both kinds, by whichever algorithm. */
static bool has_ptrauth(void)
{
	return (arm_id_offers(SYS_ID_AA64ISAR1_EL1, ID_AA64ISAR1_EL1_APA_SHIFT, 1) ||
		arm_id_offers(SYS_ID_AA64ISAR1_EL1, ID_AA64ISAR1_EL1_API_SHIFT, 1) ||
		arm_id_offers(SYS_ID_AA64ISAR2_EL1, ID_AA64ISAR2_EL1_APA3_SHIFT, 1)) &&
	       (arm_id_offers(SYS_ID_AA64ISAR1_EL1, ID_AA64ISAR1_EL1_GPA_SHIFT, 1) ||
		arm_id_offers(SYS_ID_AA64ISAR1_EL1, ID_AA64ISAR1_EL1_GPI_SHIFT, 1) ||
		arm_id_offers(SYS_ID_AA64ISAR2_EL1, ID_AA64ISAR2_EL1_GPA3_SHIFT, 1));
}

static void find_features(void)
{
	arm_ras = arm_id_offers(SYS_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_RAS_SHIFT, 1);
	supported = ARM_FEATURE(PSCI_0_2);
	if (arm_id_offers(SYS_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_EL1_SHIFT, 2))
		supported |= ARM_FEATURE(EL1_32BIT);
	if (has_ptrauth())
		supported |= PTRAUTH;
}

/* ---- KVM_ARM_PREFERRED_TARGET ---- */

/* Processors that the ABI has a number of their own for. */
static const struct {
	u32 model;
	u32 target;
} targets[] = {
	{ MIDR_CPU_MODEL(ARM_CPU_IMP_ARM, ARM_CPU_PART_AEM_V8), KVM_ARM_TARGET_AEM_V8 },
	{ MIDR_CPU_MODEL(ARM_CPU_IMP_ARM, ARM_CPU_PART_FOUNDATION), KVM_ARM_TARGET_FOUNDATION_V8 },
	{ MIDR_CPU_MODEL(ARM_CPU_IMP_ARM, ARM_CPU_PART_CORTEX_A53), KVM_ARM_TARGET_CORTEX_A53 },
	{ MIDR_CPU_MODEL(ARM_CPU_IMP_ARM, ARM_CPU_PART_CORTEX_A57), KVM_ARM_TARGET_CORTEX_A57 },
	{ MIDR_CPU_MODEL(ARM_CPU_IMP_APM, APM_CPU_PART_XGENE), KVM_ARM_TARGET_XGENE_POTENZA },
};

static u32 host_target(void)
{
	u32 model = read_cpuid_id() & MIDR_CPU_MODEL_MASK;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(targets); i++)
		if (targets[i].model == model)
			return targets[i].target;
	return KVM_ARM_TARGET_GENERIC_V8;
}

/* api.rst 4.83: nothing is recommended beyond the processor itself. */
long arm_ioctl_preferred_target(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct kvm_vcpu_init *init = data;

	init->target = host_target();
	return 0;
}

/* ---- reset ---- */

static void reset_registers(struct arm_vcpu *v)
{
	struct arm_context *c = &v->ctxt;
	enum arm_sysreg r;

	memset(c->x, 0, sizeof(c->x));
	memset(&c->fp, 0, sizeof(c->fp));
	arm_sve_reset(v);
	c->sp_el0 = 0;
	c->pc = 0;
	c->pstate = v->aarch32 ? PSR_AA32_A_BIT | PSR_AA32_I_BIT | PSR_AA32_F_BIT |
				 PSR_AA32_MODE_SVC | PSR_MODE32_BIT :
				 PSR_MODE_EL1h | PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT;
	arm_write_sys(v, ARM_SP_EL1, 0);
	arm_write_sys(v, ARM_ELR_EL1, 0);
	arm_write_sys(v, ARM_SPSR_EL1, 0);
	for (r = ARM_SPSR_abt; r <= ARM_SPSR_fiq; r++)
		arm_write_sys(v, r, 0);
	arm_sysreg_reset(v);
}

/*
 * arm_vcpu_reset() - all registers as after a warm reset to EL1 (api.rst 4.82).
 *
 * What identifies the CPU stays.  Context: the vCPU's thread, loaded.
 */
void arm_vcpu_reset(struct arm_vcpu *v)
{
	reset_registers(v);
	v->ctxt.hcr &= ~(HCR_VSE | HCR_VI | HCR_VF);
	v->ctxt.enter &= ~BIT(ARM_ENTER_VSESR);
	/* Caches are off: memory is watched until they are on. */
	if (!(v->ctxt.hcr & HCR_FWB))
		v->ctxt.hcr |= HCR_TVM;
	v->mmio_pending = false;
	arm_debug_reset(v);
	arm_timer_reset(v);
}

/* ---- KVM_ARM_VCPU_INIT ---- */

/* 0; -ENOENT for what has no meaning, -EINVAL for what this machine or the mix cannot be. */
static int check_features(const struct kvm_vcpu_init *init)
{
	u64 features = init->features[0];
	unsigned int i;

	if (features & ~(u64)KNOWN_FEATURES)
		return -ENOENT;
	for (i = 1; i < ARRAY_SIZE(init->features); i++)
		if (init->features[i])
			return -ENOENT;
	features &= ~ARM_FEATURE(POWER_OFF);
	if (features & ~(supported | (arm_sve_max_vq() ? ARM_FEATURE(SVE) : 0)))
		return -EINVAL;
	if ((features & PTRAUTH) && (features & PTRAUTH) != PTRAUTH)
		return -EINVAL;
	if ((features & ARM_FEATURE(EL1_32BIT)) && (features & (ARM_FEATURE(SVE) | PTRAUTH)))
		return -EINVAL;
	return 0;
}

/* All vCPUs of a VM are alike: the first to be initialized says how.  0 or -EINVAL. */
static int configure_vm(struct arm_vm_state *s, u64 features)
{
	int r = 0;

	mutex_lock(&s->lock);
	if (!s->configured) {
		s->features = features;
		s->psci_version = features & ARM_FEATURE(PSCI_0_2) ? ARM_PSCI_1_1 : ARM_PSCI_0_1;
		arm_idregs_reset(s);
		s->configured = true;
	} else if (s->features != features) {
		r = -EINVAL;
	}
	mutex_unlock(&s->lock);
	return r;
}

/* What follows from the VM's features, once. */
static void configure_vcpu(struct arm_vcpu *v)
{
	u64 features = arm_vm_of(v)->state.features;

	v->aarch32 = features & ARM_FEATURE(EL1_32BIT);
	if (v->aarch32) {
		v->ctxt.hcr &= ~HCR_RW;
		v->ctxt.enter |= BIT(ARM_ENTER_AARCH32);
	}
	if (features & PTRAUTH) {
		v->ctxt.hcr |= HCR_API | HCR_APK;
		v->ctxt.enter |= BIT(ARM_ENTER_KEYS);
	}
	if (features & ARM_FEATURE(SVE))
		v->sve_vq = arm_sve_max_vq();
	v->ctxt.hcr |= HCR_TID2;
	arm_caches_reset(v);
}

/* KVM_ARM_VCPU_INIT (api.rst 4.82).  Context: vcpu->mutex held, loaded. */
long arm_ioctl_vcpu_init(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	const struct kvm_vcpu_init *init = data;
	struct arm_vcpu *v = to_arm(vcpu);
	u64 features = init->features[0];
	int r;

	if (init->target != KVM_ARM_TARGET_GENERIC_V8 && init->target != host_target())
		return -EINVAL;
	r = check_features(init);
	if (!r)
		r = configure_vm(&arm_vm_of(v)->state, features & ~ARM_FEATURE(POWER_OFF));
	if (r)
		return r;
	if (!vcpu->initialized)
		configure_vcpu(v);
	else if (v->has_run && !(v->ctxt.hcr & HCR_FWB))
		/* It begins with caches off: memory must have what they hold. */
		arm_flush_vm(vcpu->vm);
	clear_bit(ARM_REQ_RESET, &vcpu->requests);
	arm_vcpu_reset(v);
	vgic_vcpu_reset(v);
	arm_power_set(v, features & ARM_FEATURE(POWER_OFF) ? KVM_MP_STATE_STOPPED :
							     KVM_MP_STATE_RUNNABLE);
	vcpu->initialized = true;
	return 0;
}

/* KVM_ARM_VCPU_FINALIZE (api.rst 4.119). */
long arm_ioctl_vcpu_finalize(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct arm_vcpu *v = to_arm(vcpu);
	const int *feature = data;

	if (*feature != KVM_ARM_VCPU_SVE || !arm_has_sve(v))
		return -EINVAL;
	return arm_sve_finalize(v);
}

/*
 * arm_first_run() - KVM_RUN, for the first time: what the VM is can no longer change.
 *
 * -EPERM when SVE is not finalized; as the GIC and the timers say.  Context: may sleep.
 */
int arm_first_run(struct arm_vcpu *v)
{
	struct arm_vm *vm = arm_vm_of(v);
	int r;

	if (arm_has_sve(v) && !v->sve)
		return -EPERM;
	r = vgic_first_run(v);
	if (!r)
		r = arm_timer_first_run(v);
	if (r)
		return r;
	mutex_lock(&vm->state.lock);
	if (vgic_model(&vm->vgic) != KVM_DEV_TYPE_ARM_VGIC_V3)
		arm_idregs_no_gicv3(&vm->state);
	vm->state.has_run = true;
	mutex_unlock(&vm->state.lock);
	return 0;
}

/* ---- life ---- */

int arm_state_setup(const char **why)
{
	int r;

	arm_idregs_setup();
	arm_debug_setup();
	find_features();
	*why = "out of memory";
	r = arm_sysreg_setup();
	if (r)
		return r;
	r = arm_timer_irq_setup(why);
	if (r)
		arm_sysreg_unsetup();
	return r;
}

void arm_state_unsetup(void)
{
	arm_timer_irq_unsetup();
	arm_sysreg_unsetup();
}

void arm_state_cpu_enable(void)
{
	arm_timer_irq_enable();
	arm_sve_cpu_enable();
}

void arm_state_cpu_disable(void)
{
	arm_timer_irq_disable();
}

int arm_state_vm_init(struct arm_vm *vm)
{
	mutex_init(&vm->state.lock);
	mt_init(&vm->state.smccc_filter);
	arm_fw_vm_init(&vm->state);
	arm_timer_vm_init(&vm->state);
	return 0;
}

void arm_state_vm_destroy(struct arm_vm *vm)
{
	mtree_destroy(&vm->state.smccc_filter);
}

/* A vCPU's place in the topology: sixteen to a cluster, as GICv3's SGIs reach them. */
static u64 mpidr_of(unsigned int id)
{
	return BIT_ULL(31) | (id & 0xf) | (u64)(id >> 4 & 0xff) << 8 | (u64)(id >> 12) << 16;
}

int arm_state_vcpu_init(struct arm_vcpu *v)
{
	v->ctxt.vmpidr = mpidr_of(v->core.id);
	arm_power_init(v);
	arm_pvtime_init(v);
	arm_timer_vcpu_init(v);
	return 0;
}

void arm_state_vcpu_destroy(struct arm_vcpu *v)
{
	arm_timer_vcpu_destroy(v);
	arm_sve_destroy(v);
}
