// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads a bzImage by the 64-bit boot protocol (Documentation/arch/x86/boot.rst): the kernel at its
 * preferred address, the initramfs at the end of low memory, the zero page that describes both.
 */
#include <asm/bootparam.h>
#include <string.h>

#include "../../file.h"
#include "x86.h"

#define SECTOR		512
#define BOOT_FLAG	0xaa55
#define HEADER_MAGIC	0x53726448	/* "HdrS" */
#define HEADER_AT	offsetof(struct boot_params, hdr)
#define MIN_VERSION	0x020c		/* the first with xloadflags */
#define ENTRY_64	0x200
#define LOADER_UNKNOWN	0xff
#define E820_RAM	1
#define E820_RESERVED	2

const char arch_console[] = "ttyS0";
u64 x86_entry;

unsigned int arch_memory_layout(u64 size, struct memory_region *region)
{
	u64 low = size < HOLE_AT ? size : HOLE_AT;

	region[0] = (struct memory_region){ .gpa = 0, .size = low };
	region[1] = (struct memory_region){ .gpa = HOLE_END, .size = size - low };
	return size > low ? 2 : 1;
}

static void *low_memory(struct vm *vm, u64 gpa, u64 size, const char *what)
{
	void *at = memory_at(&vm->memory, gpa, size);

	if (!at)
		die("no room for %s in %llu MB of memory", what,
		    (unsigned long long)(vm->options->memory / MB));
	return at;
}

/* Reads and judges the setup header; returns where the file's 64-bit part begins. */
static u64 read_header(const struct file *f, struct setup_header *h)
{
	u64 setup;

	memset(h, 0, sizeof(*h));
	if (f->size < HEADER_AT + sizeof(*h))
		die("%s is not a bzImage: too short", f->name);
	file_read(f, HEADER_AT, h, sizeof(*h));
	if (h->boot_flag != BOOT_FLAG || h->header != HEADER_MAGIC)
		die("%s is not a bzImage", f->name);
	if (h->version < MIN_VERSION || !(h->xloadflags & XLF_KERNEL_64) ||
	    !(h->loadflags & LOADED_HIGH))
		die("%s has no 64-bit entry (boot protocol %u.%02u)", f->name,
		    h->version >> 8, h->version & 0xff);
	setup = (u64)((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	if (f->size <= setup || f->size - setup < (u64)h->syssize * 16)
		die("%s is truncated", f->name);
	return setup;
}

static void load_kernel(struct vm *vm, struct boot_params *zero)
{
	struct file f = file_open(vm->options->kernel);
	struct setup_header *h = &zero->hdr;
	u64 setup = read_header(&f, h);
	u64 at = h->pref_address, size = f.size - setup;

	if (at < HIGH_AT)
		die("%s wants to be at 0x%llx, below 1 MB", f.name, (unsigned long long)at);
	if (h->init_size > size)
		size = h->init_size;
	file_read(&f, setup, low_memory(vm, at, size, f.name), f.size - setup);
	file_close(&f);
	x86_entry = at + ENTRY_64;
	h->type_of_loader = LOADER_UNKNOWN;
	h->code32_start = at;
	h->init_size = size;
}

static void load_initrd(struct vm *vm, struct boot_params *zero)
{
	struct setup_header *h = &zero->hdr;
	u64 kernel_end = h->code32_start + (u64)h->init_size;
	u64 end = vm->memory.region[0].size, at;
	struct file f;

	if (!vm->options->initrd)
		return;
	f = file_open(vm->options->initrd);
	if (!f.size)
		die("%s is empty", f.name);
	if (end > h->initrd_addr_max)
		end = (u64)h->initrd_addr_max + 1;
	if (f.size > end || ((end - f.size) & ~0xfffull) < kernel_end)
		die("no room for %s in %llu MB of memory", f.name,
		    (unsigned long long)(vm->options->memory / MB));
	at = (end - f.size) & ~0xfffull;
	file_read(&f, 0, low_memory(vm, at, f.size, f.name), f.size);
	file_close(&f);
	h->ramdisk_image = at;
	h->ramdisk_size = f.size;
}

static void load_command_line(struct vm *vm, struct boot_params *zero, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > CMDLINE_MAX || size - 1 > zero->hdr.cmdline_size)
		die("the command line is longer than the %u bytes that the kernel takes",
		    zero->hdr.cmdline_size);
	memcpy(low_memory(vm, CMDLINE_AT, size, "the command line"), text, size);
	zero->hdr.cmd_line_ptr = CMDLINE_AT;
}

static void add_e820(struct boot_params *zero, u64 from, u64 to, u32 type)
{
	if (from < to)
		zero->e820_table[zero->e820_entries++] =
			(struct boot_e820_entry){ from, to - from, type };
}

void arch_load(struct vm *vm, const char *command_line)
{
	struct boot_params *zero = low_memory(vm, ZERO_PAGE_AT, sizeof(*zero), "the zero page");
	const struct memory_region *r = vm->memory.region;

	load_kernel(vm, zero);
	load_initrd(vm, zero);
	load_command_line(vm, zero, command_line);
	add_e820(zero, 0, LOW_END, E820_RAM);
	add_e820(zero, ACPI_AT, HIGH_AT, E820_RESERVED);
	add_e820(zero, HIGH_AT, r[0].size, E820_RAM);
	if (vm->memory.nr > 1)
		add_e820(zero, r[1].gpa, r[1].gpa + r[1].size, E820_RAM);
}
