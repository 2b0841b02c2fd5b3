// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's GIC, found in the device tree or in ACPI's MADT: its version, where a GICv2
 * has its virtualization registers, and the maintenance interrupt.
 */
#include "loop.h"
#include "internal.h"
#include <linux/acpi.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_irq.h>
#include <linux/percpu.h>

struct vgic_host vgic_host;

/* request_percpu_irq() wants something of each CPU's own. */
static DEFINE_PER_CPU(struct vgic_host *, cookie);

/*
 * What it tells is looked at on the way out of the guest.  It only has to end the guest,
 * and its cause is gone when the host could take it.
 */
static irqreturn_t maintenance(int irq, void *data)
{
	return IRQ_HANDLED;
}

/* ---- device tree ---- */

static const struct of_device_id gicv3_nodes[] = {
	{ .compatible = "arm,gic-v3" },
	{}
};

static const struct of_device_id gicv2_nodes[] = {
	{ .compatible = "arm,gic-400" },
	{ .compatible = "arm,cortex-a15-gic" },
	{ .compatible = "arm,cortex-a7-gic" },
	{}
};

static void probe_dt(struct vgic_host *host)
{
	struct device_node *node = of_find_matching_node(NULL, gicv3_nodes);
	struct resource gich, gicv;

	if (node) {
		host->model = KVM_DEV_TYPE_ARM_VGIC_V3;
	} else {
		/* Distributor, CPU interface, GICH, GICV. */
		node = of_find_matching_node(NULL, gicv2_nodes);
		if (!node || of_address_to_resource(node, 2, &gich) ||
		    of_address_to_resource(node, 3, &gicv))
			goto put;
		host->model = KVM_DEV_TYPE_ARM_VGIC_V2;
		host->gich = gich.start;
		host->gich_size = resource_size(&gich);
		host->gicv = gicv.start;
	}
	host->irq = irq_of_parse_and_map(node, 0);
put:
	of_node_put(node);
}

/* ---- ACPI (6.5, 5.2.12.14) ---- */

#ifdef CONFIG_ACPI
static void probe_gicc(struct vgic_host *host, const struct acpi_madt_generic_interrupt *gicc)
{
	int trigger = gicc->flags & ACPI_MADT_VGIC_IRQ_MODE ? ACPI_EDGE_SENSITIVE :
							      ACPI_LEVEL_SENSITIVE;
	int irq;

	if (host->irq || !gicc->vgic_interrupt)
		return;
	irq = acpi_register_gsi(NULL, gicc->vgic_interrupt, trigger, ACPI_ACTIVE_HIGH);
	if (irq <= 0)
		return;
	host->irq = irq;
	host->gich = gicc->gich_base_address;
	host->gich_size = SZ_4K;
	host->gicv = gicc->gicv_base_address;
}

static void probe_acpi(struct vgic_host *host)
{
	struct acpi_subtable_header *entry;
	struct acpi_table_header *table;
	void *end;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table(ACPI_SIG_MADT, 0, &table)))
		return;
	end = (void *)table + table->length;
	entry = (void *)((struct acpi_table_madt *)table + 1);
	for (; (void *)(entry + 1) <= end && entry->length; entry = (void *)entry + entry->length) {
		if (entry->type == ACPI_MADT_TYPE_GENERIC_INTERRUPT)
			probe_gicc(host, (void *)entry);
		else if (entry->type == ACPI_MADT_TYPE_GENERIC_DISTRIBUTOR)
			host->model = ((struct acpi_madt_generic_distributor *)entry)->version >=
				ACPI_MADT_GIC_VERSION_V3 ? KVM_DEV_TYPE_ARM_VGIC_V3 :
				KVM_DEV_TYPE_ARM_VGIC_V2;
	}
	acpi_put_table(table);
}
#else
static void probe_acpi(struct vgic_host *host)
{
}
#endif

/* ---- setup ---- */

/* Is there all that a virtual GIC needs? */
static bool usable(const struct vgic_host *host)
{
	if (!host->model || !host->irq)
		return false;
	if (host->model == KVM_DEV_TYPE_ARM_VGIC_V3)
		return true;
	/* Guests see the page that GICV is in, and no more. */
	return host->gich && host->gicv && PAGE_ALIGNED(host->gicv) &&
	       PAGE_ALIGNED(KVM_VGIC_V2_CPU_SIZE);
}

int vgic_host_setup(const char **why)
{
	struct vgic_host *host = &vgic_host;
	int r;

	probe_dt(host);
	if (!host->model)
		probe_acpi(host);
	if (!usable(host)) {
		pr_info("no GIC that virtualizes: guests have no interrupt controller\n");
		host->model = 0;
		return 0;
	}
	if (host->model == KVM_DEV_TYPE_ARM_VGIC_V2) {
		r = vgic_v2_setup();
		if (r) {
			*why = "the GIC's virtualization registers cannot be mapped";
			return r;
		}
		static_branch_enable(&vgic_host_is_v2);
	}
	r = request_percpu_irq(host->irq, maintenance, "berth-vgic", &cookie);
	if (r) {
		*why = "the GIC's maintenance interrupt is in use";
		vgic_v2_unsetup();
	}
	return r;
}

void vgic_host_unsetup(void)
{
	if (!vgic_host.model)
		return;
	free_percpu_irq(vgic_host.irq, &cookie);
	vgic_v2_unsetup();
}

/* Preemption bits decide how many active priority registers there are (IHI 0069, 12.4.11). */
void vgic_host_features(u32 vtr)
{
	unsigned int preemption = (vtr >> 26 & 7) + 1;

	WRITE_ONCE(vgic_host.nr_lrs, min_t(unsigned int, (vtr & 0x1f) + 1, VGIC_MAX_LRS));
	WRITE_ONCE(vgic_host.pri_bits, (vtr >> ICH_VTR_PRI_BITS_SHIFT) + 1);
	WRITE_ONCE(vgic_host.nr_apr, preemption > 6 ? 4 : preemption > 5 ? 2 : 1);
	WRITE_ONCE(vgic_host.id_bits, vtr >> ICH_VTR_ID_BITS_SHIFT & 7);
	WRITE_ONCE(vgic_host.seis, vtr & ICH_VTR_SEIS_MASK);
	WRITE_ONCE(vgic_host.a3v, vtr & ICH_VTR_A3V_MASK);
}

void vgic_cpu_enable(void)
{
	if (!vgic_host.model)
		return;
	if (static_branch_unlikely(&vgic_host_is_v2))
		vgic_v2_cpu_enable();
	else if (arm_vhe())
		vgic_host_features(read_sysreg_s(SYS_ICH_VTR_EL2));
	else
		vgic_host_features(arm_el2_call(ARM_EL2_GIC_VTR, 0, 0, 0, 0));
	vgic_cpu_fresh();
	enable_percpu_irq(vgic_host.irq, IRQ_TYPE_NONE);
}

void vgic_cpu_disable(void)
{
	if (vgic_host.model)
		disable_percpu_irq(vgic_host.irq);
}
