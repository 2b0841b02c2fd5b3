// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: one table of what exists, who may read and write it and
 * where it is kept; RDMSR, WRMSR, KVM_GET/SET_MSRS and the lists of indices.
 * Machine-check registers are in mce.c.
 */
#include <asm/apicdef.h>
#include <asm/mtrr.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>
#include "irq.h"
#include "state.h"

#define MAX_IO_MSRS	256	/* entries of one KVM_GET/SET_MSRS are fewer than this */

/* Who may; an access nobody allowed is #GP, or ends KVM_GET/SET_MSRS. */
#define GR		BIT(0)	/* guest: RDMSR */
#define GW		BIT(1)	/* guest: WRMSR */
#define HR		BIT(2)	/* user space: KVM_GET_MSRS */
#define HW		BIT(3)	/* user space: KVM_SET_MSRS */
#define SAVE		BIT(4)	/* in KVM_GET_MSR_INDEX_LIST */
#define RD		(GR | HR)
#define WR		(GW | HW)
#define RW		(RD | WR)

/* Registers that are only kept: places in x86_vcpu::msr_store. */
enum {
	SLOT_TSC_ADJUST,
	SLOT_FEAT_CTL,
	SLOT_UCODE_REV,
	SLOT_PLATFORM_INFO,
	SLOT_ARCH_CAPS,
	SLOT_MISC_ENABLE,
	SLOT_POWER_CTL,
	SLOT_MTRR_VAR,				/* base and mask of each */
	SLOT_MTRR_FIX64K = SLOT_MTRR_VAR + 16,
	SLOT_MTRR_FIX16K,
	SLOT_MTRR_FIX4K = SLOT_MTRR_FIX16K + 2,
	SLOT_MTRR_DEFTYPE = SLOT_MTRR_FIX4K + 8,
	SLOT_HWCR,
	SLOT_OSVW_LENGTH,
	SLOT_OSVW_STATUS,
	SLOT_DE_CFG,
	NR_SLOTS,
};

#define MTRR_NR_VAR		8
#define MTRR_CAP		(MTRR_NR_VAR | BIT(8) | BIT(10))	/* fixed ranges, WC */
#define MTRR_DEFTYPE_BITS	0xcffull
#define MTRR_VAR_BASE_RESERVED	0xf00ull
#define MTRR_VAR_MASK_RESERVED	0x7ffull

/* SDM vol. 4, IA32_MISC_ENABLE: no branch trace, no PEBS. */
#define MISC_ENABLE_FIXED	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

/* APM vol. 2, 3.2.10: bits that change nothing for a guest, and those that it may keep. */
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_KEPT		(BIT_ULL(18) | BIT_ULL(24))

#define APIC_BASE_RESERVED	0x2ffull

#define OSVW_KNOWN		4	/* workarounds the status speaks about: none applies */
#define K7_CLK_CTL_RAMP		0x20000000ull

/* The bits of IA32_ARCH_CAPABILITIES that say a flaw is absent or what a fix does. */
#define ARCH_CAPS_PASSED	(ARCH_CAP_RDCL_NO | ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | \
				 ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | \
				 ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | \
				 ARCH_CAP_PSDP_NO | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO | \
				 ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_ITS_NO)

struct msr_row;
typedef int (*msr_get_fn)(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
			  bool host);
typedef int (*msr_set_fn)(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			  bool host);

/*
 * @value: the constant it reads as, or the bits that can be written
 * @feature: what the guest's CPUID must show for the guest's own accesses; 0: nothing
 */
struct msr_row {
	u32 first;
	u32 last;
	u16 feature;
	u8 flags;
	u8 slot;
	u64 value;
	msr_get_fn get;
	msr_set_fn set;
};

/* ---- getters and setters ---- */

static int get_value(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
		     bool host)
{
	*data = row->value;
	return 0;
}

static int get_slot(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
		    bool host)
{
	*data = v->msr_store[row->slot + (index - row->first)];
	return 0;
}

static int set_slot(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		    bool host)
{
	if (data & ~row->value)
		return 1;
	v->msr_store[row->slot + (index - row->first)] = data;
	return 0;
}

static int set_zero(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		    bool host)
{
	return data != 0;
}

static int set_ignored(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		       bool host)
{
	return 0;
}

static int get_vendor(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
		      bool host)
{
	return x86_vendor->get_msr(v, index, data) ? 1 : 0;
}

static int set_vendor(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		      bool host)
{
	return x86_vendor->set_msr(v, index, data) ? 1 : 0;
}

static int set_vendor_canonical(struct x86_vcpu *v, const struct msr_row *row, u32 index,
				u64 data, bool host)
{
	return x86_canonical(v, data) ? set_vendor(v, row, index, data, host) : 1;
}

/* Not canonical: #GP on Intel.  AMD has 32 bits here and takes anything. */
static int set_sysenter(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			bool host)
{
	if (!x86_canonical(v, data)) {
		if (x86_guest_is_intel(v))
			return 1;
		data = (u32)data;
	}
	return set_vendor(v, row, index, data, host);
}

/* Memory types as eight fields of a byte each: UC, WC, WT, WP, WB and, in PAT, UC-. */
static bool memory_types_valid(u64 types, bool pat)
{
	unsigned int i;

	for (i = 0; i < 8; i++, types >>= 8) {
		u8 type = types;

		if (type > 7 || type == 2 || type == 3 || (type == 7 && !pat))
			return false;
	}
	return true;
}

static int set_pat(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data, bool host)
{
	if (!memory_types_valid(data, true))
		return 1;
	return set_vendor(v, row, index, data, host);
}

static int set_mtrr_fixed(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			  bool host)
{
	return memory_types_valid(data, false) ? set_slot(v, row, index, data, host) : 1;
}

static int set_mtrr_variable(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			     bool host)
{
	u64 reserved = x86_gpa_reserved(v);

	if (index & 1) {
		reserved |= MTRR_VAR_MASK_RESERVED;
	} else {
		reserved |= MTRR_VAR_BASE_RESERVED;
		if (!memory_types_valid(data & 0xff, false))
			return 1;
	}
	return data & reserved ? 1 : set_slot(v, row, index, data, host);
}

static int set_mtrr_deftype(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			    bool host)
{
	return memory_types_valid(data & 0xff, false) ? set_slot(v, row, index, data, host) : 1;
}

static int get_tsc(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data, bool host)
{
	*data = x86_guest_tsc(v);
	return 0;
}

static void shift_tsc(struct x86_vcpu *v, u64 by)
{
	if (by)
		x86_set_tsc_offset(v, v->tsc_offset + by);
}

/* The guest's write moves TSC_ADJUST along (SDM vol. 3, 18.17.3); user space's does not. */
static int set_tsc(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data, bool host)
{
	u64 by;

	if (host) {
		x86_set_guest_tsc(v, data);
		return 0;
	}
	by = data - x86_guest_tsc(v);
	shift_tsc(v, by);
	v->msr_store[SLOT_TSC_ADJUST] += by;
	return 0;
}

static int set_tsc_adjust(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			  bool host)
{
	if (!host)
		shift_tsc(v, data - v->msr_store[SLOT_TSC_ADJUST]);
	v->msr_store[SLOT_TSC_ADJUST] = data;
	return 0;
}

/* On AMD the upper half does not exist, on Intel it is reserved. */
static int set_tsc_aux(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		       bool host)
{
	if (!host && !x86_guest_has(v, X86_FEATURE_RDTSCP) && !x86_guest_has(v, X86_FEATURE_RDPID))
		return 1;
	if (upper_32_bits(data) && x86_guest_is_intel(v))
		return 1;
	return set_vendor(v, row, index, (u32)data, host);
}

/* x2APIC mode is of an enabled APIC, and of a guest that knows it (SDM 3A, 11.12.1). */
int x86_check_apic_base(struct x86_vcpu *v, u64 value)
{
	u64 reserved = x86_gpa_reserved(v) | APIC_BASE_RESERVED;

	if (!x86_guest_has(v, X86_FEATURE_X2APIC))
		reserved |= X2APIC_ENABLE;
	if ((value & X2APIC_ENABLE) && !(value & MSR_IA32_APICBASE_ENABLE))
		return 1;
	return (value & reserved) != 0;
}

void x86_set_apic_base(struct x86_vcpu *v, u64 value)
{
	u64 old = v->apic_base;

	WRITE_ONCE(v->apic_base, value);
	if (v->lapic)
		x86_lapic_base_changed(v, old);
}

static int get_apic_base(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
			 bool host)
{
	*data = v->apic_base;
	return 0;
}

static int set_apic_base(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			 bool host)
{
	u64 entered = ~v->apic_base & data, left = v->apic_base & ~data;

	if (x86_check_apic_base(v, data))
		return 1;
	/* A guest enters x2APIC mode from xAPIC mode and leaves it to no mode at all. */
	if (!host && ((entered & X2APIC_ENABLE && entered & MSR_IA32_APICBASE_ENABLE) ||
		      (left & X2APIC_ENABLE && data & MSR_IA32_APICBASE_ENABLE)))
		return 1;
	x86_set_apic_base(v, data);
	return 0;
}

static int get_efer(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data, bool host)
{
	*data = x86_vendor->get_efer(v);
	return 0;
}

static int set_efer(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data, bool host)
{
	return host ? x86_write_efer_host(v, data) : x86_write_efer(v, data);
}

static int get_feat_ctl(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
			bool host)
{
	if (!host && !x86_guest_is_intel(v))
		return 1;
	return get_slot(v, row, index, data, host);
}

/* Loading microcode does nothing; only user space says which is there. */
static int set_ucode_rev(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			 bool host)
{
	return host ? set_slot(v, row, index, data, host) : 0;
}

static int set_misc_enable(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			   bool host)
{
	u64 old = v->msr_store[SLOT_MISC_ENABLE];

	if (!host) {
		if ((old ^ data) & MISC_ENABLE_FIXED)
			return 1;
		data &= ~(u64)MSR_IA32_MISC_ENABLE_EMON;
		data |= old & MSR_IA32_MISC_ENABLE_EMON;
	}
	/* The bit is CPUID's then, and of CPUs with SSE3 (SDM vol. 4). */
	if (((old ^ data) & MSR_IA32_MISC_ENABLE_MWAIT) &&
	    !x86_quirk(v, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) &&
	    !x86_guest_has(v, X86_FEATURE_XMM3))
		return 1;
	return set_slot(v, row, index, data, host);
}

static int set_hwcr(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data, bool host)
{
	return set_slot(v, row, index, data & ~HWCR_IGNORED, host);
}

static u64 host_de_cfg(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? MSR_AMD64_DE_CFG_LFENCE_SERIALIZE : 0;
}

/* LFENCE serializes or not as on the host: the guest cannot change it. */
static int set_de_cfg(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		      bool host)
{
	if (data & ~host_de_cfg() || (!host && data != host_de_cfg()))
		return 1;
	return set_slot(v, row, index, data, host);
}

static int get_x2apic(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
		      bool host)
{
	return x86_lapic_get_msr(v, index, data);
}

static int set_x2apic(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
		      bool host)
{
	return x86_lapic_set_msr(v, index, data);
}

static int get_deadline(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
			bool host)
{
	*data = x86_lapic_get_deadline(v, host);
	return 0;
}

static int set_deadline(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			bool host)
{
	x86_lapic_set_deadline(v, data);
	return 0;
}

/* The paravirtual ones; the two oldest are those of the newer feature, too. */
static int get_pv(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data, bool host)
{
	if (!x86_pv_has(&v->pv, row->value))
		return 1;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = READ_ONCE(to_x86_vm(v->core.vm)->clock.wall_clock);
		return 0;
	case MSR_KVM_POLL_CONTROL:
		*data = !v->core.no_poll;
		return 0;
	case MSR_KVM_STEAL_TIME:
		*data = v->pv.steal;
		return 0;
	default:
		*data = v->pv.system_time;
		return 0;
	}
}

static int set_wall_clock(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			  bool host)
{
	return x86_set_wall_clock(v, data, row->value);
}

static int set_system_time(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			   bool host)
{
	return x86_set_system_time(v, data, row->value);
}

static int set_steal_time(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			  bool host)
{
	return x86_set_steal_time(v, data);
}

/* Bit 0: the host may poll for a while when the guest halts. */
static int set_poll_control(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data,
			    bool host)
{
	if (!x86_pv_has(&v->pv, row->value) || (data & ~1ull))
		return 1;
	v->core.no_poll = !data;
	return 0;
}

static int get_platform_info(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data,
			     bool host)
{
	if (!host && READ_ONCE(to_x86_vm(v->core.vm)->platform_info_hidden))
		return 1;
	return get_slot(v, row, index, data, host);
}

bool x86_misc_enable_mwait(const struct x86_vcpu *v)
{
	return v->msr_store[SLOT_MISC_ENABLE] & MSR_IA32_MISC_ENABLE_MWAIT;
}

static int get_mce(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 *data, bool host)
{
	return x86_get_mce_msr(v, index, data, host);
}

static int set_mce(struct x86_vcpu *v, const struct msr_row *row, u32 index, u64 data, bool host)
{
	return x86_set_mce_msr(v, index, data, host);
}

/* ---- the table, ascending ---- */

#define ONE(n)			.first = n, .last = n
#define RANGE(n, count)		.first = n, .last = (n) + (count) - 1
#define CONSTANT(v)		.flags = RD, .value = v, .get = get_value
#define ZERO			.flags = RW, .get = get_value, .set = set_zero
#define IGNORED(v)		.flags = RW, .value = v, .get = get_value, .set = set_ignored
#define KEPT(s, bits)		.slot = s, .value = bits, .get = get_slot, .set = set_slot
#define PV(feature, setter)	.flags = RW | SAVE, .value = feature, .get = get_pv, .set = setter
#define VENDOR(setter)		.flags = RW, .get = get_vendor, .set = setter

static const struct msr_row rows[] = {
	{ ONE(MSR_IA32_P5_MC_ADDR), CONSTANT(0) },
	{ ONE(MSR_IA32_P5_MC_TYPE), CONSTANT(0) },
	{ ONE(MSR_IA32_TSC), .flags = RW | SAVE, .get = get_tsc, .set = set_tsc },
	{ ONE(MSR_KVM_WALL_CLOCK), PV(KVM_FEATURE_CLOCKSOURCE, set_wall_clock) },
	{ ONE(MSR_KVM_SYSTEM_TIME), PV(KVM_FEATURE_CLOCKSOURCE, set_system_time) },
	{ ONE(MSR_IA32_PLATFORM_ID), CONSTANT(0) },
	{ ONE(MSR_IA32_APICBASE), .flags = RW, .get = get_apic_base, .set = set_apic_base },
	{ ONE(MSR_IA32_EBL_CR_POWERON), CONSTANT(0) },
	{ ONE(MSR_IA32_FEAT_CTL), .flags = RD | HW, .slot = SLOT_FEAT_CTL,
	  .value = FEAT_CTL_LOCKED, .get = get_feat_ctl, .set = set_slot },
	{ ONE(MSR_IA32_TSC_ADJUST), .flags = RW | SAVE, .feature = X86_FEATURE_TSC_ADJUST,
	  .slot = SLOT_TSC_ADJUST, .get = get_slot, .set = set_tsc_adjust },
	{ ONE(MSR_IA32_UCODE_WRITE), .flags = WR, .set = set_ignored },
	{ ONE(MSR_IA32_UCODE_REV), .flags = RW | SAVE, .slot = SLOT_UCODE_REV, .value = ~0ull,
	  .get = get_slot, .set = set_ucode_rev },
	{ RANGE(MSR_P6_PERFCTR0, 2), IGNORED(0) },
	{ ONE(MSR_FSB_FREQ), CONSTANT(5) },			/* 100 MHz */
	{ ONE(MSR_PLATFORM_INFO), .flags = RD | HW | SAVE,
	  .slot = SLOT_PLATFORM_INFO, .value = ~BIT_ULL(MSR_PLATFORM_INFO_CPUID_FAULT_BIT),
	  .get = get_platform_info, .set = set_slot },
	{ ONE(MSR_MTRRcap), CONSTANT(MTRR_CAP) },
	{ ONE(MSR_IA32_ARCH_CAPABILITIES), .flags = RD | HW | SAVE,
	  .feature = X86_FEATURE_ARCH_CAPABILITIES, KEPT(SLOT_ARCH_CAPS, ~0ull) },
	{ ONE(MSR_MISC_FEATURES_ENABLES), ZERO },
	{ ONE(MSR_IA32_SYSENTER_CS), .flags = RW | SAVE, .get = get_vendor, .set = set_vendor },
	{ RANGE(MSR_IA32_SYSENTER_ESP, 2), .flags = RW | SAVE, .get = get_vendor,
	  .set = set_sysenter },
	{ ONE(MSR_IA32_MCG_CAP), .flags = RD, .get = get_mce },
	{ RANGE(MSR_IA32_MCG_STATUS, 2), .flags = RW | SAVE, .get = get_mce, .set = set_mce },
	{ RANGE(MSR_P6_EVNTSEL0, 2), IGNORED(0) },
	{ ONE(MSR_IA32_PERF_STATUS), CONSTANT(0) },
	{ ONE(MSR_IA32_PERF_CTL), CONSTANT(0) },
	{ ONE(MSR_IA32_MISC_ENABLE), .flags = RW | SAVE, .slot = SLOT_MISC_ENABLE,
	  .value = ~0ull, .get = get_slot, .set = set_misc_enable },
	{ ONE(MSR_IA32_DEBUGCTLMSR), VENDOR(set_vendor) },
	{ RANGE(MSR_IA32_LASTBRANCHFROMIP, 4), .flags = RD, .get = get_vendor },
	{ ONE(MSR_IA32_POWER_CTL), .flags = RW | SAVE, KEPT(SLOT_POWER_CTL, ~0ull) },
	{ RANGE(MTRRphysBase_MSR(0), 2 * MTRR_NR_VAR), .flags = RW, .slot = SLOT_MTRR_VAR,
	  .value = ~0ull, .get = get_slot, .set = set_mtrr_variable },
	{ ONE(MSR_MTRRfix64K_00000), .flags = RW, .slot = SLOT_MTRR_FIX64K, .value = ~0ull,
	  .get = get_slot, .set = set_mtrr_fixed },
	{ RANGE(MSR_MTRRfix16K_80000, 2), .flags = RW, .slot = SLOT_MTRR_FIX16K,
	  .value = ~0ull, .get = get_slot, .set = set_mtrr_fixed },
	{ RANGE(MSR_MTRRfix4K_C0000, 8), .flags = RW, .slot = SLOT_MTRR_FIX4K,
	  .value = ~0ull, .get = get_slot, .set = set_mtrr_fixed },
	{ ONE(MSR_IA32_CR_PAT), .flags = RW | SAVE, .get = get_vendor, .set = set_pat },
	{ RANGE(MSR_IA32_MC0_CTL2, X86_MCE_BANKS), .flags = HR | HW, .get = get_value,
	  .set = set_zero },
	{ ONE(MSR_MTRRdefType), .flags = RW, .slot = SLOT_MTRR_DEFTYPE,
	  .value = MTRR_DEFTYPE_BITS, .get = get_slot, .set = set_mtrr_deftype },
	{ ONE(MSR_IA32_PERF_CAPABILITIES), .flags = HR | HW, .get = get_value, .set = set_zero },
	{ RANGE(MSR_IA32_MC0_CTL, 4 * X86_MCE_BANKS), .flags = RW, .get = get_mce,
	  .set = set_mce },
	{ ONE(MSR_RAPL_POWER_UNIT), CONSTANT(0) },
	{ ONE(MSR_PKG_ENERGY_STATUS), CONSTANT(0) },
	{ ONE(MSR_DRAM_ENERGY_STATUS), CONSTANT(0) },
	{ ONE(MSR_PP0_ENERGY_STATUS), CONSTANT(0) },
	{ ONE(MSR_PP1_ENERGY_STATUS), CONSTANT(0) },
	{ ONE(MSR_IA32_TSC_DEADLINE), .flags = RW | SAVE, .get = get_deadline,
	  .set = set_deadline },
	{ RANGE(APIC_BASE_MSR, 0x100), .flags = RW, .get = get_x2apic, .set = set_x2apic },
	{ ONE(MSR_KVM_WALL_CLOCK_NEW), PV(KVM_FEATURE_CLOCKSOURCE2, set_wall_clock) },
	{ ONE(MSR_KVM_SYSTEM_TIME_NEW), PV(KVM_FEATURE_CLOCKSOURCE2, set_system_time) },
	{ ONE(MSR_KVM_STEAL_TIME), PV(KVM_FEATURE_STEAL_TIME, set_steal_time) },
	{ ONE(MSR_KVM_POLL_CONTROL), PV(KVM_FEATURE_POLL_CONTROL, set_poll_control) },
	{ ONE(MSR_EFER), .flags = RW, .get = get_efer, .set = set_efer },
	{ ONE(MSR_STAR), .flags = RW | SAVE, .get = get_vendor, .set = set_vendor },
	{ RANGE(MSR_LSTAR, 2), .flags = RW | SAVE, .get = get_vendor,
	  .set = set_vendor_canonical },			/* and CSTAR */
	{ ONE(MSR_SYSCALL_MASK), .flags = RW | SAVE, .get = get_vendor, .set = set_vendor },
	{ RANGE(MSR_FS_BASE, 2), VENDOR(set_vendor_canonical) },	/* and GS_BASE */
	{ ONE(MSR_KERNEL_GS_BASE), .flags = RW | SAVE, .get = get_vendor,
	  .set = set_vendor_canonical },
	{ ONE(MSR_TSC_AUX), .flags = RW | SAVE, .get = get_vendor, .set = set_tsc_aux },
	{ RANGE(MSR_K7_EVNTSEL0, 4), IGNORED(0) },
	{ RANGE(MSR_K7_PERFCTR0, 4), IGNORED(0) },
	{ ONE(MSR_AMD64_SYSCFG), ZERO },
	{ ONE(MSR_K7_HWCR), .flags = RW | SAVE, .slot = SLOT_HWCR, .value = HWCR_KEPT,
	  .get = get_slot, .set = set_hwcr },
	{ ONE(MSR_K7_CLK_CTL), IGNORED(K7_CLK_CTL_RAMP) },
	{ ONE(MSR_AMD64_NB_CFG), IGNORED(0) },
	{ ONE(MSR_AMD64_PATCH_LOADER), .flags = WR, .set = set_ignored },
	{ ONE(MSR_K8_INT_PENDING_MSG), CONSTANT(0) },
	{ ONE(MSR_FAM10H_MMIO_CONF_BASE), ZERO },
	{ RANGE(MSR_K8_TSEG_ADDR, 2), CONSTANT(0) },
	{ ONE(MSR_VM_CR), ZERO },
	{ ONE(MSR_VM_HSAVE_PA), .flags = HR | HW, .get = get_value, .set = set_zero },
	{ ONE(MSR_AMD64_OSVW_ID_LENGTH), .flags = RD | HW, .feature = X86_FEATURE_OSVW,
	  KEPT(SLOT_OSVW_LENGTH, 0xffff) },
	{ ONE(MSR_AMD64_OSVW_STATUS), .flags = RD | HW, .feature = X86_FEATURE_OSVW,
	  KEPT(SLOT_OSVW_STATUS, ~0ull) },
	{ ONE(MSR_F15H_IC_CFG), CONSTANT(0) },
	{ RANGE(MSR_AMD64_DC_CFG, 2), IGNORED(0) },		/* and TW_CFG */
	{ ONE(MSR_AMD64_DE_CFG), .flags = RW, .slot = SLOT_DE_CFG, .value = ~0ull,
	  .get = get_slot, .set = set_de_cfg },
	{ ONE(MSR_AMD64_BU_CFG2), IGNORED(0) },
	{ ONE(MSR_F15H_EX_CFG), IGNORED(0) },
};

/* ---- access ---- */

static const struct msr_row *find_row(u32 index)
{
	unsigned int low = 0, high = ARRAY_SIZE(rows);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (rows[middle].last < index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ARRAY_SIZE(rows) || rows[low].first > index)
		return NULL;
	return &rows[low];
}

static bool may_access(struct x86_vcpu *v, const struct msr_row *row, u8 flag)
{
	if (!(row->flags & flag))
		return false;
	return !row->feature || !(flag & (GR | GW)) || x86_guest_has(v, row->feature);
}

/*
 * x86_get_msr() - RDMSR, or KVM_GET_MSRS with @host; x86_set_msr(): WRMSR, KVM_SET_MSRS.
 *
 * 0; 1 or X86_MSR_UNKNOWN for #GP.  Context: loaded.
 */
int x86_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	const struct msr_row *row = find_row(index);

	if (unlikely(!row))
		return X86_MSR_UNKNOWN;
	if (!may_access(v, row, host ? HR : GR))
		return 1;
	return row->get(v, row, index, data, host);
}

int x86_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	const struct msr_row *row = find_row(index);

	if (unlikely(!row))
		return X86_MSR_UNKNOWN;
	if (!may_access(v, row, host ? HW : GW))
		return 1;
	return row->set(v, row, index, data, host);
}

/* ---- what user space finds ---- */

static u32 saved[64];
static unsigned int nr_saved;
static u32 features[4];
static unsigned int nr_features;

/* Registers that tell what a guest can be given.  0, or 1 when it is none of them. */
static int get_feature_msr(u32 index, u64 *data)
{
	unsigned long long value = 0;

	switch (index) {
	case MSR_IA32_UCODE_REV:
		rdmsrl_safe(MSR_IA32_UCODE_REV, &value);
		break;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
			rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &value);
		value &= ARCH_CAPS_PASSED;
		break;
	case MSR_IA32_PERF_CAPABILITIES:
		break;
	case MSR_AMD64_DE_CFG:
		if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL)
			return 1;
		value = host_de_cfg();
		break;
	default:
		return 1;
	}
	*data = value;
	return 0;
}

int x86_msr_setup(void)
{
	static const u32 feature_msrs[] = {
		MSR_IA32_UCODE_REV, MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_PERF_CAPABILITIES,
		MSR_AMD64_DE_CFG,
	};
	unsigned int i;
	u32 index;
	u64 data;

	nr_saved = 0;
	nr_features = 0;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (WARN_ON(rows[i].last < rows[i].first ||
			    (i && rows[i].first <= rows[i - 1].last)))
			return -EINVAL;
		if (!(rows[i].flags & SAVE))
			continue;
		if (rows[i].first == MSR_TSC_AUX && !x86_host_offers(X86_FEATURE_RDTSCP) &&
		    !x86_host_offers(X86_FEATURE_RDPID))
			continue;
		for (index = rows[i].first; index <= rows[i].last; index++) {
			if (WARN_ON(nr_saved == ARRAY_SIZE(saved)))
				return -EINVAL;
			saved[nr_saved++] = index;
		}
	}
	for (i = 0; i < ARRAY_SIZE(feature_msrs); i++)
		if (!get_feature_msr(feature_msrs[i], &data))
			features[nr_features++] = feature_msrs[i];
	return 0;
}

/* The count goes out also when there is no room for the indices (-E2BIG). */
static long copy_list(struct kvm_msr_list *list, unsigned long uarg, const u32 *indices,
		      unsigned int nr)
{
	struct kvm_msr_list __user *user = (void __user *)uarg;
	u32 room = list->nmsrs;

	list->nmsrs = nr;
	if (copy_to_user(user, list, sizeof(*list)))
		return -EFAULT;
	if (room < nr)
		return -E2BIG;
	return copy_to_user(user->indices, indices, nr * sizeof(*indices)) ? -EFAULT : 0;
}

/* KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST (api.rst 4.3). */
long x86_ioctl_msr_index_list(void *data, unsigned long uarg)
{
	return copy_list(data, uarg, saved, nr_saved);
}

long x86_ioctl_feature_msr_index_list(void *data, unsigned long uarg)
{
	return copy_list(data, uarg, features, nr_features);
}

/* A vCPU's access, or with @v NULL one to the host's feature registers. */
static int io_one(struct x86_vcpu *v, struct kvm_msr_entry *entry, bool write)
{
	u64 data = 0;
	int r;

	if (write)
		return x86_set_msr(v, entry->index, entry->data, true);
	r = v ? x86_get_msr(v, entry->index, &data, true) : get_feature_msr(entry->index, &data);
	if (!r || !v)
		entry->data = data;
	return r;
}

/* How many of the entries were done before one failed; -E2BIG, -ENOMEM, -EFAULT. */
static long msr_io(struct x86_vcpu *v, const struct kvm_msrs *msrs, unsigned long uarg, bool write)
{
	struct kvm_msrs __user *user = (void __user *)uarg;
	struct kvm_msr_entry *entries;
	size_t size;
	long n;

	if (msrs->nmsrs >= MAX_IO_MSRS)
		return -E2BIG;
	size = msrs->nmsrs * sizeof(*entries);
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (n = 0; n < msrs->nmsrs; n++)
		if (io_one(v, &entries[n], write))
			break;
	if (!write && copy_to_user(user->entries, entries, size))
		n = -EFAULT;
	kfree(entries);
	return n;
}

long x86_ioctl_get_msrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	return msr_io(to_x86(vcpu), data, uarg, false);
}

long x86_ioctl_set_msrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	return msr_io(to_x86(vcpu), data, uarg, true);
}

long x86_ioctl_get_feature_msrs(void *data, unsigned long uarg)
{
	return msr_io(NULL, data, uarg, false);
}

/*
 * x86_msr_init() - a new vCPU's MSRs and TSC frequency.
 *
 * Does not touch the vendor's part.  0 or -ENOMEM.  Inverse: x86_msr_destroy().
 */
int x86_msr_init(struct x86_vcpu *v)
{
	v->msr_store = kcalloc(NR_SLOTS, sizeof(u64), GFP_KERNEL_ACCOUNT);
	v->mce_banks = kcalloc(4 * X86_MCE_BANKS, sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!v->msr_store || !v->mce_banks) {
		x86_msr_destroy(v);
		return -ENOMEM;
	}
	x86_mce_init(v);
	x86_tsc_init(v);
	v->msr_store[SLOT_MISC_ENABLE] = MISC_ENABLE_FIXED;
	v->msr_store[SLOT_OSVW_LENGTH] = OSVW_KNOWN;
	get_feature_msr(MSR_IA32_UCODE_REV, &v->msr_store[SLOT_UCODE_REV]);
	get_feature_msr(MSR_IA32_ARCH_CAPABILITIES, &v->msr_store[SLOT_ARCH_CAPS]);
	get_feature_msr(MSR_AMD64_DE_CFG, &v->msr_store[SLOT_DE_CFG]);
	return 0;
}

void x86_msr_destroy(struct x86_vcpu *v)
{
	kfree(v->mce_banks);
	v->mce_banks = NULL;
	kfree(v->msr_store);
	v->msr_store = NULL;
}
