/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the bad-input tests know beside ioctl_table.h: rows whose argument is not the first thing that is looked at. A row
 * with a struct gives -EFAULT for one that is not there; one without takes a number, and any will do.
 */
#ifndef CONFORMANCE_IOCTL_ERRORS_H
#define CONFORMANCE_IOCTL_ERRORS_H

enum scope {
	SCOPE_SYSTEM = 1 << 0,
	SCOPE_VM = 1 << 1,
	SCOPE_VCPU = 1 << 2,
	SCOPE_DEVICE = 1 << 3,
};

struct ioctl_exception {
	unsigned long request;
	int null;		/* what a NULL argument gives */
	int bad;		/* what an unmapped argument gives, and one of which the last byte is */
	enum scope scope;	/* only there; 0 for all */
};

#endif
