// SPDX-License-Identifier: GPL-2.0-only
/* The host's interrupt of the virtual timer: found by device tree or ACPI, and claimed. */
#include <linux/acpi.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <linux/percpu.h>
#include "state.h"

static unsigned int vtimer_irq __ro_after_init;
static int __percpu *cookie;

unsigned int arm_vtimer_irq(void)
{
	return vtimer_irq;
}

/* Documentation/devicetree/bindings/timer/arm,arch_timer.yaml: by name, else the third. */
static unsigned int from_device_tree(void)
{
	static const struct of_device_id timers[] = {
		{ .compatible = "arm,armv8-timer" },
		{ .compatible = "arm,armv7-timer" },
		{ }
	};
	struct device_node *node = of_find_matching_node(NULL, timers);
	unsigned int irq;
	int index;

	if (!node)
		return 0;
	index = of_property_match_string(node, "interrupt-names", "virt");
	irq = irq_of_parse_and_map(node, index < 0 ? 2 : index);
	of_node_put(node);
	return irq;
}

#ifdef CONFIG_ACPI
static unsigned int from_acpi(void)
{
	struct acpi_table_header *header;
	struct acpi_table_gtdt *gtdt;
	int irq;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table(ACPI_SIG_GTDT, 0, &header)))
		return 0;
	gtdt = container_of(header, struct acpi_table_gtdt, header);
	irq = acpi_register_gsi(NULL, gtdt->virtual_timer_interrupt,
				gtdt->virtual_timer_flags & ACPI_GTDT_INTERRUPT_MODE ?
				ACPI_EDGE_SENSITIVE : ACPI_LEVEL_SENSITIVE,
				gtdt->virtual_timer_flags & ACPI_GTDT_INTERRUPT_POLARITY ?
				ACPI_ACTIVE_LOW : ACPI_ACTIVE_HIGH);
	acpi_put_table(header);
	return max(irq, 0);
}
#else
static unsigned int from_acpi(void)
{
	return 0;
}
#endif

/*
 * arm_timer_irq_setup() - claim the interrupt.  -ENODEV when there is none, -EBUSY when
 * someone else has it.  Inverse: arm_timer_irq_unsetup().
 */
int arm_timer_irq_setup(const char **why)
{
	unsigned int irq = from_device_tree() ?: from_acpi();
	int r = -ENODEV;

	*why = "the virtual timer's interrupt is not to be had";
	if (!irq)
		return r;
	cookie = alloc_percpu(int);
	if (!cookie)
		return -ENOMEM;
	r = request_percpu_irq(irq, arm_vtimer_interrupt, "berth-vtimer", cookie);
	if (r)
		goto out;
	/* Whoever handles it leaves it active, for the guest to end. */
	r = irq_set_vcpu_affinity(irq, (__force void *)cookie);	/* any but NULL */
	if (r)
		goto out_irq;
	vtimer_irq = irq;
	return 0;

out_irq:
	free_percpu_irq(irq, cookie);
out:
	free_percpu(cookie);
	return r;
}

void arm_timer_irq_unsetup(void)
{
	irq_set_vcpu_affinity(vtimer_irq, NULL);
	free_percpu_irq(vtimer_irq, cookie);
	free_percpu(cookie);
}

/* Context: preemption off. */
void arm_timer_irq_enable(void)
{
	enable_percpu_irq(vtimer_irq, irq_get_trigger_type(vtimer_irq));
}

void arm_timer_irq_disable(void)
{
	disable_percpu_irq(vtimer_irq);
}
