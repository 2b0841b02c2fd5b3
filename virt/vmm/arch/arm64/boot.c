// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads an arm64 Image (Documentation/arch/arm64/booting.rst): the kernel at the beginning of
 * memory, device tree and initramfs at its end. Images that are gzipped, as a whole or as an EFI
 * program that unpacks itself (drivers/firmware/efi/libstub/zboot-header.S), are unpacked first.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "../../file.h"
#include "arm64.h"

#define MAGIC		0x644d5241	/* "ARM\x64" */
#define BIG_ENDIAN_FLAG	(1u << 0)
#define GZIP_MAGIC	0x8b1f
#define KERNEL_ALIGN	(2 * MB)
#define TEXT_OFFSET	0x80000u	/* of kernels that do not say how large they are */
#define INITRD_REACH	(32 * GB)	/* from the kernel to the initramfs' end */

/* Little-endian. */
struct image_header {
	u32 code[2];
	u64 text_offset, image_size, flags;
	u64 reserved[3];
	u32 magic, pe;
};

struct zboot_header {
	u32 mz;
	char magic[4];		/* "zimg" */
	u32 offset, size;
	u32 reserved[2];
	char type[32];
};

const char arch_console[] = "ttyS0";
struct boot boot;

unsigned int arch_memory_layout(u64 size, struct memory_region *region)
{
	region[0] = (struct memory_region){ .gpa = RAM_AT, .size = size };
	return 1;
}

static void *ram(struct vm *vm, u64 gpa, u64 size, const char *what)
{
	void *at = memory_at(&vm->memory, gpa, size);

	if (!at)
		die("no room for %s in %llu MB of memory", what,
		    (unsigned long long)(vm->options->memory / MB));
	return at;
}

static void unpack(struct file *f)
{
	struct zboot_header z;
	u16 magic;

	if (f->size < sizeof(z))
		die("%s is not an Image: too short", f->name);
	file_read(f, 0, &magic, sizeof(magic));
	file_read(f, 0, &z, sizeof(z));
	if (le16toh(magic) == GZIP_MAGIC) {
		file_gunzip(f, 0);
	} else if (!memcmp(z.magic, "zimg", sizeof(z.magic))) {
		if (strncmp(z.type, "gzip", sizeof(z.type)))
			die("%s is packed by %.*s, not by gzip", f->name, (int)sizeof(z.type), z.type);
		file_gunzip(f, le32toh(z.offset));
	}
}

/* Returns the address after the kernel, with what it needs beside the file. */
static u64 load_kernel(struct vm *vm)
{
	struct file f = file_open(vm->options->kernel);
	u64 offset = TEXT_OFFSET, size;
	struct image_header h;

	unpack(&f);
	if (f.size < sizeof(h))
		die("%s is not an Image: too short", f.name);
	file_read(&f, 0, &h, sizeof(h));
	if (le32toh(h.magic) != MAGIC)
		die("%s is not an Image", f.name);
	if (le64toh(h.flags) & BIG_ENDIAN_FLAG)
		die("%s is big-endian", f.name);
	size = le64toh(h.image_size);
	if (size)
		offset = le64toh(h.text_offset);
	if (size < f.size)
		size = f.size;
	if (offset >= KERNEL_ALIGN)
		die("%s wants to be 0x%llx behind the beginning of memory", f.name,
		    (unsigned long long)offset);
	boot.entry = RAM_AT + offset;
	file_read(&f, 0, ram(vm, boot.entry, size, f.name), f.size);
	file_close(&f);
	return boot.entry + size;
}

static void load_initrd(struct vm *vm, u64 from, u64 end)
{
	struct file f;

	if (!vm->options->initrd)
		return;
	f = file_open(vm->options->initrd);
	if (!f.size)
		die("%s is empty", f.name);
	if (f.size > end || ((end - f.size) & ~0xfffull) < from)
		die("no room for %s in %llu MB of memory", f.name,
		    (unsigned long long)(vm->options->memory / MB));
	boot.initrd = (end - f.size) & ~0xfffull;
	boot.initrd_size = f.size;
	file_read(&f, 0, ram(vm, boot.initrd, f.size, f.name), f.size);
	file_close(&f);
}

void arch_load(struct vm *vm, const char *command_line)
{
	u64 kernel_end = load_kernel(vm), end = RAM_AT + vm->memory.region[0].size;

	if (end > RAM_AT + INITRD_REACH)
		end = RAM_AT + INITRD_REACH;
	/* A tree must not cross 2 MB. */
	boot.fdt = (end - FDT_SIZE) & ~(2 * MB - 1);
	if (boot.fdt < kernel_end)
		die("no room for %s in %llu MB of memory", vm->options->kernel,
		    (unsigned long long)(vm->options->memory / MB));
	load_initrd(vm, kernel_end, boot.fdt);
	boot.command_line = strdup(command_line);
	if (!boot.command_line)
		die("out of memory");
}
