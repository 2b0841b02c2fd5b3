/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line, judged and made into values. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include "util.h"

#define MAX_DISKS	4

enum network { NET_NONE, NET_USER, NET_TAP };
enum console { CONSOLE_SERIAL, CONSOLE_VIRTIO };

struct disk {
	const char *file;
	bool readonly;
};

struct options {
	const char *kvm;	/* the device, usually /dev/kvm */
	const char *kernel;
	const char *initrd;	/* or NULL */
	const char *append;	/* for the guest kernel's command line */
	u64 memory;		/* bytes, whole megabytes */
	unsigned int cpus;
	struct disk disk[MAX_DISKS];
	unsigned int nr_disks;
	enum network network;
	const char *tap;	/* name of the interface, or NULL for any */
	enum console console;	/* what the terminal's keys go to */
	bool all;		/* info: the absent capabilities too */
};

/* Reads the words after `run` or `info`; ends the program where they are wrong. */
void options_run(struct options *options, int argc, char **argv);
void options_info(struct options *options, int argc, char **argv);
/* Writes the help text to stdout. */
void options_help(void);

#endif
