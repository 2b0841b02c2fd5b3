// SPDX-License-Identifier: GPL-2.0-only
/*
 * EL2 on the host: is it there, and taking it on each CPU.  With VHE the kernel has it, and
 * there is nothing to take.  Without, a stub of the kernel's answers HVC (asm/virt.h); our
 * code replaces its vectors on each CPU, and gives them back.
 */
#include <asm/cpufeature.h>
#include <linux/acpi.h>
#include <linux/cpu_pm.h>
#include <linux/gfp.h>
#include <linux/of.h>
#include <linux/percpu.h>
#include "arm64.h"
#include "cache.h"
#include "el2_map.h"
#include "vgic/vgic.h"

/* What arm_el2_init finds, without translation: by switch.h's START_*. */
struct arm_el2_start {
	u64 ttbr, mair;
	u64 tcr, sctlr;
	u64 sp, host;
};

static_assert(offsetof(struct arm_el2_start, ttbr) == START_TTBR);
static_assert(offsetof(struct arm_el2_start, tcr) == START_TCR);
static_assert(offsetof(struct arm_el2_start, sp) == START_SP);

/* A CPU's own, in whole pages. */
struct arm_el2_cpu {
	struct arm_context host;
	struct arm_el2_start start;
	u64 stack[32] __aligned(16);
};

static DEFINE_PER_CPU(struct arm_el2_cpu *, el2_cpu);
static DEFINE_PER_CPU(bool, el2_enabled);
static void *el2_text;
static size_t el2_text_size;

extern const char arm_el2_text[], arm_el2_text_end[], arm_el2_init[];

struct arm_context *arm_host_context(void)
{
	return &this_cpu_read(el2_cpu)->host;
}

static void cpus_free(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (per_cpu(el2_cpu, cpu))
			free_pages_exact(per_cpu(el2_cpu, cpu), sizeof(struct arm_el2_cpu));
		per_cpu(el2_cpu, cpu) = NULL;
	}
}

static int cpus_alloc(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		per_cpu(el2_cpu, cpu) = alloc_pages_exact(sizeof(struct arm_el2_cpu),
							  GFP_KERNEL | __GFP_ZERO);
		if (!per_cpu(el2_cpu, cpu))
			return -ENOMEM;
	}
	return 0;
}

/* Our code where EL2 runs it, and how each CPU is to start it. */
static int text_setup(void)
{
	u64 parange = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1) & 7;
	unsigned int cpu;
	int r;

	el2_text_size = arm_el2_text_end - arm_el2_text;
	el2_text = alloc_pages_exact(el2_text_size, GFP_KERNEL);
	if (!el2_text)
		return -ENOMEM;
	memcpy(el2_text, arm_el2_text, el2_text_size);
	r = arm_el2_map_text(el2_text, el2_text_size);
	if (r)
		return r;
	for_each_possible_cpu(cpu) {
		struct arm_el2_cpu *c = per_cpu(el2_cpu, cpu);

		r = arm_el2_map(c, sizeof(*c));
		if (r)
			return r;
		c->start = (struct arm_el2_start) {
			.ttbr = arm_el2_map_root(),
			.mair = read_sysreg(mair_el1),
			.tcr = arm_el2_map_tcr(parange),
			.sctlr = INIT_SCTLR_EL2_MMU_ON,
			.sp = virt_to_phys(c->stack + ARRAY_SIZE(c->stack)),
			.host = virt_to_phys(&c->host),
		};
	}
	return 0;
}

/*
 * The way in is without translation, past the caches; they may have all that memory ought to
 * have, at first and when the host has come back from hibernation.
 */
static void text_clean(void)
{
	arm_clean_inval_poc(el2_text, el2_text_size);
	arm_inval_icache(el2_text, el2_text_size);
	arm_clean_inval_poc(this_cpu_read(el2_cpu), sizeof(struct arm_el2_cpu));
}

static void el2_take(void)
{
	const struct arm_el2_cpu *c = this_cpu_read(el2_cpu);

	arm_el2_call(HVC_SOFT_RESTART,
		     virt_to_phys(el2_text + (arm_el2_init - arm_el2_text)),
		     virt_to_phys(&c->start), 0, 0);
}

static void el2_give_back(void)
{
	arm_el2_call(HVC_RESET_VECTORS, 0, 0, 0, 0);
}

/*
 * A CPU that loses power while it idles comes back with the stub at EL2, and with anything in
 * the GIC's list registers.
 */
static int cpu_pm(struct notifier_block *nb, unsigned long event, void *unused)
{
	if (!this_cpu_read(el2_enabled))
		return NOTIFY_OK;
	if (event == CPU_PM_ENTER && !arm_vhe())
		el2_give_back();
	if (event == CPU_PM_EXIT || event == CPU_PM_ENTER_FAILED) {
		if (!arm_vhe())
			el2_take();
		vgic_cpu_fresh();
	}
	return NOTIFY_OK;
}

static struct notifier_block cpu_pm_notifier = { .notifier_call = cpu_pm };

/* Firmware is called by SMC, as the machine's description says: it is at EL3. */
static bool firmware_by_smc(void)
{
	static const struct of_device_id psci[] = {
		{ .compatible = "arm,psci" },
		{ .compatible = "arm,psci-0.2" },
		{ .compatible = "arm,psci-1.0" },
		{ },
	};
	struct device_node *np;
	const char *method;
	bool smc;

	if (!acpi_disabled)
		return acpi_gbl_FADT.arm_boot_flags & ACPI_FADT_PSCI_COMPLIANT &&
		       !(acpi_gbl_FADT.arm_boot_flags & ACPI_FADT_PSCI_USE_HVC);
	np = of_find_matching_node(NULL, psci);
	smc = np && !of_property_read_string(np, "method", &method) && !strcmp(method, "smc");
	of_node_put(np);
	return smc;
}

/*
 * Was this kernel entered at EL2?  It does not say so to modules, and HVC must not be tried:
 * without EL2 it is undefined.  Firmware at EL3 starts systems at EL2 when there is one; a
 * hypervisor there would have itself called by HVC.
 */
static bool has_el2(void)
{
	u64 pfr0 = read_sysreg(id_aa64pfr0_el1);

	return cpuid_feature_extract_unsigned_field(pfr0, ID_AA64PFR0_EL1_EL2_SHIFT) &&
	       firmware_by_smc();
}

int arm_host_setup(const char **why)
{
	int r;

	if (!arm_vhe() && !has_el2()) {
		*why = "this kernel was not started at EL2: the machine, or its firmware, keeps it";
		return -EOPNOTSUPP;
	}
	r = cpus_alloc();
	if (!r && !arm_vhe())
		r = text_setup();
	if (r)
		arm_host_unsetup();
	else
		cpu_pm_register_notifier(&cpu_pm_notifier);
	return r;
}

void arm_host_unsetup(void)
{
	cpu_pm_unregister_notifier(&cpu_pm_notifier);
	arm_el2_map_free();
	if (el2_text)
		free_pages_exact(el2_text, el2_text_size);
	el2_text = NULL;
	cpus_free();
}

int arm_host_cpu_enable(void)
{
	unsigned long flags;

	if (this_cpu_read(el2_enabled))
		return 0;
	/* With interrupts off nothing that idles comes between. */
	local_irq_save(flags);
	if (!arm_vhe()) {
		text_clean();
		el2_take();
	}
	this_cpu_write(el2_enabled, true);
	local_irq_restore(flags);
	return 0;
}

void arm_host_cpu_disable(void)
{
	unsigned long flags;

	if (!this_cpu_read(el2_enabled))
		return;
	local_irq_save(flags);
	this_cpu_write(el2_enabled, false);
	if (!arm_vhe())
		el2_give_back();
	local_irq_restore(flags);
}
