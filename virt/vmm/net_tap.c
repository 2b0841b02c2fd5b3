// SPDX-License-Identifier: GPL-2.0-only
/* Frames to and from a tap interface of the host. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "net.h"
#include "util.h"

#define TUN	"/dev/net/tun"

int net_tap_open(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		die_errno("cannot open " TUN);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name ? name : "");
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		die_errno("cannot have the tap interface %s", name ? name : "");
	if (!name)
		warn("the guest's network is %s", request.ifr_name);
	return fd;
}
