// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves this kernel for another, as kexec -l and kexec -e do (arm64):
 *
 *	kexec IMAGE INITRD	with this kernel's command line
 *
 * The device tree is this kernel's, with the new initrd's place written into it.
 */
#include <endian.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where QEMU's `virt` has memory, and nothing else. */
#define KERNEL	0x44000000
#define STUB	0x4f000000
#define DTB	0x4f200000
#define INITRD	0x50000000

#define TEXT_(x)	#x
#define TEXT(x)		TEXT_(x)
#define PAGE		4096UL
#define PAGES(size)	(((size) + PAGE - 1) & ~(PAGE - 1))

/* What the boot protocol wants in registers (Documentation/arm64/booting.rst). */
extern const char stub[], stub_end[];
asm(".pushsection .rodata\n"
    ".balign 8\n"
    ".globl stub, stub_end\n"
    "stub:	ldr	x0, 1f\n"
    "	mov	x1, xzr\n"
    "	mov	x2, xzr\n"
    "	mov	x3, xzr\n"
    "	ldr	x4, 2f\n"
    "	br	x4\n"
    "1:	.quad	" TEXT(DTB) "\n"
    "2:	.quad	" TEXT(KERNEL) "\n"
    "stub_end:\n"
    ".popsection\n");

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *load(const char *path, size_t *size)
{
	size_t room = 64 << 20;
	char *data = malloc(room);
	FILE *f = fopen(path, "r");

	if (!data || !f)
		die(path);
	*size = fread(data, 1, room, f);
	if (ferror(f) || *size == room)
		die(path);
	fclose(f);
	return data;
}

/* ---- the device tree (Devicetree Specification 5) ---- */

enum { BEGIN_NODE = 1, PROP = 3, END = 9 };

static uint32_t word(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

/* /chosen has the property already, in one cell or two: the value is replaced.  0: it has not. */
static int set_property(char *dtb, const char *name, uint64_t value)
{
	char *at = dtb + word(dtb + 8), *names = dtb + word(dtb + 12);
	uint64_t both = htobe64(value);
	uint32_t size;

	for (;;) {
		uint32_t token = word(at);

		at += 4;
		switch (token) {
		case BEGIN_NODE:
			at += (strlen(at) + 4) & ~3UL;
			break;
		case PROP:
			size = word(at);
			if (!strcmp(names + word(at + 4), name) && size <= sizeof(both)) {
				memcpy(at + 8, (char *)&both + sizeof(both) - size, size);
				return 1;
			}
			at += 8 + ((size + 3) & ~3UL);
			break;
		case END:
			return 0;
		default:
			break;
		}
	}
}

static struct kexec_segment segment(void *data, size_t size, unsigned long where, size_t room)
{
	return (struct kexec_segment) {
		.buf = data, .bufsz = size, .mem = (void *)where, .memsz = PAGES(room),
	};
}

int main(int argc, char **argv)
{
	size_t kernel_size, initrd_size, dtb_size;
	struct kexec_segment segments[4];
	char *kernel, *initrd, *dtb;
	uint64_t room;

	if (argc != 3) {
		fprintf(stderr, "usage: kexec IMAGE INITRD\n");
		return 2;
	}
	kernel = load(argv[1], &kernel_size);
	initrd = load(argv[2], &initrd_size);
	dtb = load("/sys/firmware/fdt", &dtb_size);
	if (!set_property(dtb, "linux,initrd-start", INITRD) ||
	    !set_property(dtb, "linux,initrd-end", INITRD + initrd_size)) {
		fprintf(stderr, "kexec: the device tree tells of no initrd\n");
		return 1;
	}
	/* image_size, with what the file does not have. */
	memcpy(&room, kernel + 16, sizeof(room));
	segments[0] = segment(kernel, kernel_size, KERNEL, le64toh(room));
	segments[1] = segment((void *)stub, stub_end - stub, STUB, stub_end - stub);
	segments[2] = segment(dtb, dtb_size, DTB, dtb_size);
	segments[3] = segment(initrd, initrd_size, INITRD, initrd_size);
	if (syscall(SYS_kexec_load, STUB, 4, segments, KEXEC_ARCH_AARCH64))
		die("kexec_load");
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	die("reboot");
}
