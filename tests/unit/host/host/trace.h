/* SPDX-License-Identifier: GPL-2.0-only */
/* The host layer: tracepoints are functions that do nothing. */
#ifndef HOST_TRACE_H
#define HOST_TRACE_H

#define TP_PROTO(...)	__VA_ARGS__
#define TP_ARGS(...)	__VA_ARGS__
#define TRACE_EVENT(name, proto, ...)	static inline void trace_##name(proto) { } struct host_unused
#define TRACE_DEFINE_ENUM(name)		struct host_unused

#endif
