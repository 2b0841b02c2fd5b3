// SPDX-License-Identifier: GPL-2.0-only
/* The bodies of the tracepoints that <berth/trace.h> declares. */
#define CREATE_TRACE_POINTS
#include <berth/trace.h>
