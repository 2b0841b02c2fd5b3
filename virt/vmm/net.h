/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks: each gives a file descriptor, not blocking, whose datagrams are Ethernet frames. */
#ifndef VMM_NET_H
#define VMM_NET_H

/* The tap interface `name`, or a new one; ends the program where it cannot be had. */
int net_tap_open(const char *name);
/* A network of its own behind this user's connections; ends the program where not built in. */
int net_user_open(void);

#endif
