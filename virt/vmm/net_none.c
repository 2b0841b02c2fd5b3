// SPDX-License-Identifier: GPL-2.0-only
/* Stands for net_user.c where the program is built without libslirp. */
#include "net.h"
#include "util.h"

int net_user_open(void)
{
	die("--net user: this program was built without libslirp");
}
