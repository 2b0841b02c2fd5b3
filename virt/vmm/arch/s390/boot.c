// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads a kernel image to address 0, as a boot loader does that has read it from a disk: the image
 * has a mark at 0x10008 and begins at 0x10000; its parameter area (the kernel's
 * arch/s390/include/asm/setup.h) is told where the initramfs is, and the command line.
 */
#include <string.h>

#include "../../file.h"
#include "s390.h"


#define MARK_AT		0x10008u
#define INITRD_AT	0x10408u	/* start and size */
#define LINE_MAX_AT	0x10430u	/* bytes of the command line; 0 in old images */
#define LINE_AT		0x10480u
#define OLD_LINE_MAX	896u
#define UNPACKED	(32 * MB)	/* below it a kernel unpacks itself */

static const char mark[] = "S390EP";

/* The second console of the service element is the one that takes single keys. */
const char arch_console[] = "ttyS1";

unsigned int arch_memory_layout(u64 size, struct memory_region *region)
{
	region[0] = (struct memory_region){ .gpa = 0, .size = size };
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

static void load_initrd(struct vm *vm, u64 from)
{
	struct file f = file_open(vm->options->initrd);
	u64 *where = ram(vm, INITRD_AT, 16, f.name);

	if (!f.size)
		die("%s is empty", f.name);
	file_read(&f, 0, ram(vm, from, f.size, f.name), f.size);
	where[0] = from;
	where[1] = f.size;
	file_close(&f);
}

void arch_load(struct vm *vm, const char *command_line)
{
	struct file f = file_open(vm->options->kernel);
	size_t len = strlen(command_line) + 1;
	u64 most;
	u8 *at;

	if (f.size < LINE_AT + OLD_LINE_MAX)
		die("%s is not a kernel image: too short", f.name);
	at = ram(vm, 0, f.size, f.name);
	file_read(&f, 0, at, f.size);
	if (memcmp(at + MARK_AT, mark, sizeof(mark) - 1))
		die("%s is not a kernel image", f.name);
	memcpy(&most, at + LINE_MAX_AT, sizeof(most));
	if (!most)
		most = OLD_LINE_MAX;
	if (len > most)
		die("the command line has %zu bytes, but the kernel takes %llu", len,
		    (unsigned long long)most);
	memcpy(ram(vm, LINE_AT, len, "the command line"), command_line, len);
	if (vm->options->initrd)
		load_initrd(vm, align_up(f.size > UNPACKED ? f.size : UNPACKED, MB));
	file_close(&f);
}
