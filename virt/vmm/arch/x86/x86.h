/* SPDX-License-Identifier: GPL-2.0-only */
/* The x86 machine: its addresses, and what its files share. */
#ifndef VMM_X86_H
#define VMM_X86_H

#include "../../arch.h"

/* Memory below 640 KB, all written before the first instruction. */
#define GDT_AT		0x1000
#define ZERO_PAGE_AT	0x7000
#define PAGE_TABLES_AT	0x9000		/* six pages */
#define CMDLINE_AT	0x20000
#define CMDLINE_MAX	0x10000
#define LOW_END		0x9fc00		/* of memory below the BIOS's */
#define ACPI_AT		0xe0000		/* the BIOS area, where ACPI tables may be */
#define ACPI_END	0xfff00
#define RESET_VECTOR_AT	0xffff0		/* f000:fff0, where a processor begins */
#define HIGH_AT		0x100000

#define HOLE_AT		0xc0000000ull	/* no memory from here to 4 GB */
#define HOLE_END	(4 * GB)
#define VIRTIO_AT	0xd0000000ull	/* one page for each device */
#define IOAPIC_AT	0xfec00000u
#define APIC_AT		0xfee00000u
#define TSS_AT		0xfffbd000u	/* three pages that VT-x needs, and one before them */

/* Interrupts: pins of the IOAPIC. The last eight have no meaning in the PC's tradition. */
#define SERIAL_GSI	4
#define VIRTIO_GSI	16
#define VIRTIO_DEVICES	8

#define SERIAL_PORT	0x3f8
#define I8042_PORT	0x64
#define I8042_RESET	0xfe		/* command: pulse the processor's reset line */
#define SLEEP_PORT	0x600		/* ACPI 6.4 §4.8.3.7: sleep control, then sleep status */
#define SLEEP_TYPE_OFF	5

/* Boot selectors that the 64-bit protocol names. */
#define BOOT_CS		0x10
#define BOOT_DS		0x18

/* Where vCPU 0 begins. */
extern u64 x86_entry;

/* Writes ACPI tables for `cpus` CPUs and `virtio` devices; returns the root pointer's address. */
u64 acpi_create(struct vm *vm, unsigned int cpus, unsigned int virtio);
/* Gives a vCPU the processor's features, less what the VM cannot have. */
void cpuid_set(struct vcpu *vcpu);

#endif
