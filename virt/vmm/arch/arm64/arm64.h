/* SPDX-License-Identifier: GPL-2.0-only */
/* The arm64 machine: its addresses and interrupts, and what its files share. */
#ifndef VMM_ARM64_H
#define VMM_ARM64_H

#include "../../arch.h"

#define GICD_AT		0x08000000ull
#define GICD_SIZE	0x10000u
#define GICC_AT		0x08010000ull	/* of a GICv2 */
#define GICC_SIZE	0x10000u
#define GICR_AT		0x0c000000ull	/* of a GICv3; room for MAX_CPUS */
#define GICR_SIZE	0x20000u	/* for each CPU */
#define MAX_CPUS	512
#define SERIAL_AT	0x09000000ull
#define VIRTIO_AT	0x0a000000ull	/* one page for each device */
#define RAM_AT		0x40000000ull

#define FDT_SIZE	(64 * KB)	/* more than any machine here needs */

/* Interrupt lines: shared peripheral interrupts, from 0. */
#define SERIAL_GSI	1
#define VIRTIO_GSI	16
#define VIRTIO_DEVICES	8
#define SPI_FIRST	32		/* their number in the GIC */
#define NR_IRQS		128

/* What arch_load() found, for the device tree and the first vCPU. */
struct boot {
	u64 entry, fdt;
	u64 initrd, initrd_size;
	char *command_line;
};

extern struct boot boot;
/* Which GIC guests have: 3 or 2. */
extern unsigned int gic_version;

/* Makes the GIC ready: only with all vCPUs there, and before any of them runs. */
void arm64_gic_init(void);
/* MPIDR_EL1's affinity fields of a vCPU, as the device tree names it. */
u64 arm64_affinity(const struct vcpu *vcpu);
/* Writes the device tree to boot.fdt. */
void fdt_create_machine(struct vm *vm, unsigned int virtio);

#endif
