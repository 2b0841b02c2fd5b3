// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI 6.4 tables of a hardware-reduced machine: processors and IOAPIC (MADT), power and reset
 * (FADT), and the devices that nothing else announces, in a DSDT that is put together here.
 */
#include <string.h>

#include "x86.h"
#include "../../virtio_mmio.h"

/* A table in the making, in guest memory. */
struct table {
	u8 *start, *end, *limit;
};

#define HEADER_SIZE	36
#define CHECKSUM_AT	9
#define MAX_CPUS_MADT	254	/* IDs of a local APIC entry */

/* FADT §5.2.9 */
#define FADT_SIZE	276
#define FADT_FLAG_RESET	(1u << 10)
#define FADT_FLAG_REDUCED (1u << 20)
#define BOOT_NO_VGA	(1u << 2)
#define BOOT_NO_RTC	(1u << 5)
#define SPACE_IO	1
#define ACCESS_BYTE	1

/* AML opcodes, §20.2 */
#define AML_NAME	0x08
#define AML_BYTE	0x0a
#define AML_DWORD	0x0c
#define AML_STRING	0x0d
#define AML_SCOPE	0x10
#define AML_BUFFER	0x11
#define AML_PACKAGE	0x12
#define AML_EXT		0x5b
#define AML_EXT_DEVICE	0x82

/* Resource descriptors, §6.4 */
#define RES_IO		0x47
#define RES_END		0x79
#define RES_MEMORY32	0x86
#define RES_INTERRUPT	0x89
#define RES_IRQ_EDGE	0x03	/* consumer, edge-triggered, active high, exclusive */

static void put(struct table *t, const void *data, size_t size)
{
	if (size > (size_t)(t->limit - t->end))
		die("no room for the ACPI tables");
	memcpy(t->end, data, size);
	t->end += size;
}

static void put8(struct table *t, u8 value)
{
	put(t, &value, 1);
}

static void put16(struct table *t, u16 value)
{
	put(t, &value, 2);
}

static void put32(struct table *t, u32 value)
{
	put(t, &value, 4);
}

static void put64(struct table *t, u64 value)
{
	put(t, &value, 8);
}

static u8 checksum(const u8 *data, size_t size)
{
	u8 sum = 0;

	while (size--)
		sum += *data++;
	return -sum;
}

/* Begins a table after the one before it; end_table() has its length and checksum. */
static void begin_table(struct table *t, const char *signature, u8 revision)
{
	t->start = t->end = (u8 *)align_up((uintptr_t)t->end, 16);
	put(t, signature, 4);
	put32(t, 0);
	put8(t, revision);
	put8(t, 0);
	put(t, "BERTH ", 6);
	put(t, "BERTHVMM", 8);
	put32(t, 1);
	put(t, "BRTH", 4);
	put32(t, 1);
}

static void end_table(struct table *t)
{
	u32 size = t->end - t->start;

	memcpy(t->start + 4, &size, 4);
	t->start[CHECKSUM_AT] = checksum(t->start, size);
}

/* An AML object with a package length, §20.2.4: two bytes here, patched by aml_end(). */
static u8 *aml_begin(struct table *t)
{
	u8 *at = t->end;

	put16(t, 0);
	return at;
}

static void aml_end(struct table *t, u8 *at)
{
	u32 size = t->end - at;

	if (size >= 1u << 12)
		die("no room for the ACPI devices");
	at[0] = 0x40 | (size & 0xf);
	at[1] = size >> 4;
}

static void aml_name(struct table *t, const char *name)
{
	put8(t, AML_NAME);
	put(t, name, 4);
}

static void aml_byte(struct table *t, u8 value)
{
	put8(t, AML_BYTE);
	put8(t, value);
}

static void aml_string(struct table *t, const char *text)
{
	put8(t, AML_STRING);
	put(t, text, strlen(text) + 1);
}

static void res_interrupt(struct table *t, u32 gsi)
{
	put8(t, RES_INTERRUPT);
	put16(t, 6);
	put8(t, RES_IRQ_EDGE);
	put8(t, 1);
	put32(t, gsi);
}

static void res_memory(struct table *t, u32 base, u32 size)
{
	put8(t, RES_MEMORY32);
	put16(t, 9);
	put8(t, 1);	/* read and write */
	put32(t, base);
	put32(t, size);
}

static void res_ports(struct table *t, u16 base, u8 count)
{
	put8(t, RES_IO);
	put8(t, 1);	/* decodes 16 bits */
	put16(t, base);
	put16(t, base);
	put8(t, 1);
	put8(t, count);
}

struct aml_device {
	u8 *device, *buffer, *resources;
};

/* A device up to its resources; what is put then until end_device() are these. */
static struct aml_device begin_device(struct table *t, const char *name, const char *hid, u8 uid)
{
	struct aml_device d;

	put8(t, AML_EXT);
	put8(t, AML_EXT_DEVICE);
	d.device = aml_begin(t);
	put(t, name, 4);
	aml_name(t, "_HID");
	aml_string(t, hid);
	aml_name(t, "_UID");
	aml_byte(t, uid);
	aml_name(t, "_CRS");
	put8(t, AML_BUFFER);
	d.buffer = aml_begin(t);
	aml_byte(t, 0);
	d.resources = t->end;
	return d;
}

static void end_device(struct table *t, const struct aml_device *d)
{
	put8(t, RES_END);
	put8(t, 0);	/* no checksum */
	d->resources[-1] = t->end - d->resources;
	aml_end(t, d->buffer);
	aml_end(t, d->device);
}

static u64 create_dsdt(struct table *t, unsigned int virtio)
{
	struct aml_device d;
	unsigned int i;
	u8 *scope;

	begin_table(t, "DSDT", 2);
	aml_name(t, "_S5_");
	put8(t, AML_PACKAGE);
	scope = aml_begin(t);
	put8(t, 2);
	aml_byte(t, SLEEP_TYPE_OFF);
	aml_byte(t, 0);
	aml_end(t, scope);

	put8(t, AML_SCOPE);
	scope = aml_begin(t);
	put(t, "_SB_", 4);
	d = begin_device(t, "COM1", "PNP0501", 1);
	res_ports(t, SERIAL_PORT, 8);
	res_interrupt(t, SERIAL_GSI);
	end_device(t, &d);
	for (i = 0; i < virtio; i++) {
		char name[5] = { 'V', 'R', '0', '0' + i };

		d = begin_device(t, name, "LNRO0005", i);
		res_memory(t, VIRTIO_AT + i * VIRTIO_MMIO_SIZE, VIRTIO_MMIO_SIZE);
		res_interrupt(t, VIRTIO_GSI + i);
		end_device(t, &d);
	}
	aml_end(t, scope);
	end_table(t);
	return (uintptr_t)t->start;
}

/* §5.2.12 */
static void create_madt(struct table *t, unsigned int cpus)
{
	unsigned int i;

	if (cpus > MAX_CPUS_MADT)
		die("no more than %d CPUs on this architecture", MAX_CPUS_MADT);
	begin_table(t, "APIC", 5);
	put32(t, APIC_AT);
	put32(t, 0);		/* flags: no 8259s that matter */
	for (i = 0; i < cpus; i++) {
		put8(t, 0);	/* a local APIC */
		put8(t, 8);
		put8(t, i);
		put8(t, i);
		put32(t, 1);	/* enabled */
	}
	put8(t, 1);		/* the IOAPIC */
	put8(t, 12);
	put8(t, 0);
	put8(t, 0);
	put32(t, IOAPIC_AT);
	put32(t, 0);
	end_table(t);
}

/* A generic address of one byte-wide port, §5.2.3.2 */
static void set_port(u8 *at, u64 port)
{
	at[0] = SPACE_IO;
	at[1] = 8;
	at[2] = 0;
	at[3] = ACCESS_BYTE;
	memcpy(at + 4, &port, 8);
}

static void set32(u8 *at, u32 value)
{
	memcpy(at, &value, 4);
}

static void create_fadt(struct table *t, u64 dsdt)
{
	u8 *f;

	begin_table(t, "FACP", 6);
	while (t->end < t->start + FADT_SIZE)
		put8(t, 0);
	f = t->start;
	f[109] = BOOT_NO_VGA | BOOT_NO_RTC;	/* and bit 1 is clear: no 8042 keyboard */
	set32(f + 112, FADT_FLAG_RESET | FADT_FLAG_REDUCED);
	set_port(f + 116, I8042_PORT);
	f[128] = I8042_RESET;
	f[131] = 4;				/* ACPI 6.4 */
	memcpy(f + 140, &dsdt, 8);
	set_port(f + 244, SLEEP_PORT);
	set_port(f + 256, SLEEP_PORT + 1);
	end_table(t);
}

u64 acpi_create(struct vm *vm, unsigned int cpus, unsigned int virtio)
{
	u8 *root = memory_at(&vm->memory, ACPI_AT, ACPI_END - ACPI_AT);
	/* From a pointer in guest memory to the guest's address. */
	u64 delta = (uintptr_t)root - ACPI_AT;
	struct table t = { .end = root + 64, .limit = root + (ACPI_END - ACPI_AT) };
	u64 madt, fadt, dsdt;
	struct table r = { .end = root, .limit = root + 64 };

	dsdt = create_dsdt(&t, virtio) - delta;
	create_madt(&t, cpus);
	madt = (uintptr_t)t.start - delta;
	create_fadt(&t, dsdt);
	fadt = (uintptr_t)t.start - delta;
	begin_table(&t, "XSDT", 1);
	put64(&t, fadt);
	put64(&t, madt);
	end_table(&t);

	/* §5.2.5.3: two checksums, the first of the first 20 bytes */
	put(&r, "RSD PTR ", 8);
	put8(&r, 0);
	put(&r, "BERTH ", 6);
	put8(&r, 2);
	put32(&r, 0);
	put32(&r, HEADER_SIZE);
	put64(&r, (uintptr_t)t.start - delta);
	put32(&r, 0);
	root[8] = checksum(root, 20);
	root[32] = checksum(root, HEADER_SIZE);
	return ACPI_AT;
}
