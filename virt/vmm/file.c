// SPDX-License-Identifier: GPL-2.0-only
/* Files that a guest is loaded from: see file.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"

#define GZIP_WARNING	2	/* its exit status where something follows the data */

struct file file_open(const char *name)
{
	struct file f = { .name = name, .fd = open(name, O_RDONLY | O_CLOEXEC) };
	struct stat st;

	if (f.fd < 0 || fstat(f.fd, &st))
		die_errno("cannot open %s", name);
	if (!S_ISREG(st.st_mode))
		die("%s is not a file", name);
	f.size = st.st_size;
	return f;
}

void file_read(const struct file *f, u64 from, void *to, u64 size)
{
	ssize_t got;

	while (size) {
		got = pread(f->fd, to, size, from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die_errno("cannot read %s", f->name);
		if (!got)
			die("%s is truncated", f->name);
		from += got;
		to = (u8 *)to + got;
		size -= got;
	}
}

void file_gunzip(struct file *f, u64 from)
{
	int status, out = memfd_create("gunzip", MFD_CLOEXEC);
	struct stat st;
	pid_t child;

	if (out < 0 || lseek(f->fd, from, SEEK_SET) < 0)
		die_errno("cannot unpack %s", f->name);
	child = fork();
	if (child < 0)
		die_errno("cannot unpack %s", f->name);
	if (!child) {
		dup2(f->fd, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		execlp("gzip", "gzip", "-dc", NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
	    (WEXITSTATUS(status) && WEXITSTATUS(status) != GZIP_WARNING) || fstat(out, &st))
		die("cannot unpack %s: gzip failed", f->name);
	close(f->fd);
	f->fd = out;
	f->size = st.st_size;
}

void file_close(struct file *f)
{
	close(f->fd);
	f->fd = -1;
}
