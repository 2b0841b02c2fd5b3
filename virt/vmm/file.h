/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that a guest is loaded from. All functions end the program where the file is no good. */
#ifndef VMM_FILE_H
#define VMM_FILE_H

#include "util.h"

struct file {
	const char *name;
	int fd;
	u64 size;
};

struct file file_open(const char *name);
/* Reads exactly `size` bytes at `from`. */
void file_read(const struct file *f, u64 from, void *to, u64 size);
/* Puts what gzip(1) makes of the file from `from` on in place of it. */
void file_gunzip(struct file *f, u64 from);
void file_close(struct file *f);

#endif
