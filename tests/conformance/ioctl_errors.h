/* SPDX-License-Identifier: GPL-2.0-only */
/* The table that the bad-input tests walk: one line per ioctl, the neutral ones in ioctl_errors.c, others in arch/. */
#ifndef CONFORMANCE_IOCTL_ERRORS_H
#define CONFORMANCE_IOCTL_ERRORS_H

enum scope {
	SCOPE_SYSTEM = 1 << 0,
	SCOPE_VM = 1 << 1,
	SCOPE_VCPU = 1 << 2,
};

struct ioctl_desc {
	const char *name;
	unsigned long request;
	unsigned int scopes;	/* where it is known */
	int need;		/* capability, 0 if none */
	int null;		/* what a NULL argument gives */
	int bad;		/* what an unmapped argument gives, and one of which the last byte is */
};

#define IOCTL(request, scopes, need, null, bad) { #request, request, scopes, need, null, bad }
/* The usual one. */
#define FAULTS(request, scopes) { #request, request, scopes, 0, -EFAULT, -EFAULT }
#define IOCTL_END { NULL, 0, 0, 0, 0, 0 }

#endif
