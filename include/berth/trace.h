/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints, the same on every architecture: events/berth/ in tracefs.  A
 * backend calls them and says its own exit code as the raw reason beside the
 * neutral one.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM berth

#ifndef BERTH_TRACE_NAMES
#define BERTH_TRACE_NAMES

#include <berth/s2.h>

/* Why the guest was left, in words every architecture has.  X(NAME, "as printed") */
#define BERTH_EXIT_REASONS(X, L)						\
	X(UNKNOWN,	"unknown")						\
	X(ENTRY_FAILED,	"entry-failed")	/* the hardware refused the state */	\
	X(INTERRUPT,	"interrupt")	/* the host's, any kind */		\
	X(NMI,		"nmi")							\
	X(MACHINE_CHECK, "machine-check") /* and SError */			\
	X(FAULT,	"fault")	/* second stage */			\
	X(PIO,		"pio")							\
	X(SYSREG,	"sysreg")	/* MSR, CR, DR, system register, CSR, SPR */ \
	X(IDENTIFY,	"identify")	/* CPUID, STIDP, ID registers */	\
	X(HYPERCALL,	"hypercall")	/* VMCALL, HVC, SMC, H_*, DIAG, SBI */	\
	X(HALT,		"halt")		/* HLT, WFI, H_CEDE, wait state */	\
	X(YIELD,	"yield")	/* PAUSE, WFE, DIAG 44 */		\
	X(EXCEPTION,	"exception")	/* the guest's own, intercepted */	\
	X(DEBUG,	"debug")						\
	X(INSTRUCTION,	"instruction")	/* any other, intercepted */		\
	X(WINDOW,	"window")	/* the guest takes interrupts again */	\
	X(TIMER,	"timer")						\
	X(CACHE,	"cache")	/* cache and TLB maintenance */		\
	X(SHUTDOWN,	"shutdown")	/* triple fault, disabled wait, ... */	\
	L(KICK,		"kick")		/* a stop request in the control block */

#define BERTH_EXIT_MEMBER(name, text)	BERTH_EXIT_##name,
enum berth_exit_reason {
	BERTH_EXIT_REASONS(BERTH_EXIT_MEMBER, BERTH_EXIT_MEMBER)
};
#undef BERTH_EXIT_MEMBER

/* What berth_inject() brings to the guest; its vector is the architecture's. */
enum berth_inject_kind {
	BERTH_INJECT_INTERRUPT,
	BERTH_INJECT_NMI,
	BERTH_INJECT_EXCEPTION,
	BERTH_INJECT_MACHINE_CHECK,
};

#endif /* BERTH_TRACE_NAMES */

#if !defined(BERTH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BERTH_TRACE_H

#include <linux/tracepoint.h>

#define BERTH_EXIT_ENUM(name, text)	TRACE_DEFINE_ENUM(BERTH_EXIT_##name);
BERTH_EXIT_REASONS(BERTH_EXIT_ENUM, BERTH_EXIT_ENUM)
TRACE_DEFINE_ENUM(BERTH_INJECT_INTERRUPT);
TRACE_DEFINE_ENUM(BERTH_INJECT_NMI);
TRACE_DEFINE_ENUM(BERTH_INJECT_EXCEPTION);
TRACE_DEFINE_ENUM(BERTH_INJECT_MACHINE_CHECK);
TRACE_DEFINE_ENUM(S2_FAULT_MAPPED);
TRACE_DEFINE_ENUM(S2_FAULT_MMIO);
#undef BERTH_EXIT_ENUM

#define BERTH_EXIT_SYMBOL(name, text)	{ BERTH_EXIT_##name, text },
#define BERTH_EXIT_LAST(name, text)	{ BERTH_EXIT_##name, text }

/* The next entry of the guest is at @pc. */
TRACE_EVENT(berth_entry,
	TP_PROTO(unsigned int vcpu_id, u64 pc),
	TP_ARGS(vcpu_id, pc),
	TP_STRUCT__entry(
		__field(u64, pc)
		__field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		__entry->pc = pc;
		__entry->vcpu_id = vcpu_id;
	),
	TP_printk("vcpu %u pc 0x%llx", __entry->vcpu_id, __entry->pc)
);

/* The guest was left; @raw, @info1 and @info2 as the hardware says them. */
TRACE_EVENT(berth_exit,
	TP_PROTO(unsigned int vcpu_id, enum berth_exit_reason reason, u64 raw, u64 pc,
		 u64 info1, u64 info2),
	TP_ARGS(vcpu_id, reason, raw, pc, info1, info2),
	TP_STRUCT__entry(
		__field(u64, raw)
		__field(u64, pc)
		__field(u64, info1)
		__field(u64, info2)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, reason)
	),
	TP_fast_assign(
		__entry->raw = raw;
		__entry->pc = pc;
		__entry->info1 = info1;
		__entry->info2 = info2;
		__entry->vcpu_id = vcpu_id;
		__entry->reason = reason;
	),
	TP_printk("vcpu %u %s raw 0x%llx pc 0x%llx info 0x%llx 0x%llx",
		  __entry->vcpu_id,
		  __print_symbolic(__entry->reason,
				   BERTH_EXIT_REASONS(BERTH_EXIT_SYMBOL, BERTH_EXIT_LAST)),
		  __entry->raw, __entry->pc, __entry->info1, __entry->info2)
);

/* A second-stage fault was dealt with; @result: enum s2_fault_result or -errno. */
TRACE_EVENT(berth_fault,
	TP_PROTO(unsigned int vcpu_id, u64 gpa, u32 access, int result),
	TP_ARGS(vcpu_id, gpa, access, result),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(unsigned int, vcpu_id)
		__field(u32, access)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->gpa = gpa;
		__entry->vcpu_id = vcpu_id;
		__entry->access = access;
		__entry->result = result;
	),
	TP_printk("vcpu %u gpa 0x%llx %s%s%s result %d (%s)",
		  __entry->vcpu_id, __entry->gpa,
		  __entry->access & S2_R ? "r" : "-",
		  __entry->access & S2_W ? "w" : "-",
		  __entry->access & S2_X ? "x" : "-",
		  __entry->result,
		  __entry->result < 0 ? "error" :
		  __print_symbolic(__entry->result,
				   { S2_FAULT_MAPPED, "mapped" },
				   { S2_FAULT_MMIO, "mmio" }))
);

/* An event goes into the guest at its next entry. */
TRACE_EVENT(berth_inject,
	TP_PROTO(unsigned int vcpu_id, enum berth_inject_kind kind, u64 vector),
	TP_ARGS(vcpu_id, kind, vector),
	TP_STRUCT__entry(
		__field(u64, vector)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, kind)
	),
	TP_fast_assign(
		__entry->vector = vector;
		__entry->vcpu_id = vcpu_id;
		__entry->kind = kind;
	),
	TP_printk("vcpu %u %s 0x%llx", __entry->vcpu_id,
		  __print_symbolic(__entry->kind,
				   { BERTH_INJECT_INTERRUPT, "interrupt" },
				   { BERTH_INJECT_NMI, "nmi" },
				   { BERTH_INJECT_EXCEPTION, "exception" },
				   { BERTH_INJECT_MACHINE_CHECK, "machine-check" }),
		  __entry->vector)
);

/* A guest access outside memory; of a read, the value that it got. */
TRACE_EVENT(berth_mmio,
	TP_PROTO(unsigned int vcpu_id, bool write, u64 gpa, unsigned int len, u64 value),
	TP_ARGS(vcpu_id, write, gpa, len, value),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, value)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, len)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->gpa = gpa;
		__entry->value = value;
		__entry->vcpu_id = vcpu_id;
		__entry->len = len;
		__entry->write = write;
	),
	TP_printk("vcpu %u %s gpa 0x%llx len %u value 0x%llx", __entry->vcpu_id,
		  __entry->write ? "write" : "read", __entry->gpa, __entry->len,
		  __entry->value)
);

/* An access to an I/O port; @count of them for a string instruction. */
TRACE_EVENT(berth_pio,
	TP_PROTO(unsigned int vcpu_id, bool write, unsigned int port, unsigned int size,
		 unsigned int count),
	TP_ARGS(vcpu_id, write, port, size, count),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned int, port)
		__field(unsigned int, size)
		__field(unsigned int, count)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->write = write;
	),
	TP_printk("vcpu %u %s port 0x%x size %u count %u", __entry->vcpu_id,
		  __entry->write ? "out" : "in", __entry->port, __entry->size,
		  __entry->count)
);

/* Guest frames [@start, @end) lost their mapping. */
TRACE_EVENT(berth_s2_zap,
	TP_PROTO(u64 start, u64 end),
	TP_ARGS(start, end),
	TP_STRUCT__entry(
		__field(u64, start)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("gfn 0x%llx-0x%llx", __entry->start, __entry->end)
);

/* KVM_RUN returns with kvm_run's @exit_reason: one of KVM_EXIT_*. */
TRACE_EVENT(berth_user_exit,
	TP_PROTO(unsigned int vcpu_id, u32 exit_reason),
	TP_ARGS(vcpu_id, exit_reason),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(u32, exit_reason)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->exit_reason = exit_reason;
	),
	TP_printk("vcpu %u %s (%u)", __entry->vcpu_id,
		  __print_symbolic(__entry->exit_reason,
				   { KVM_EXIT_UNKNOWN, "unknown" },
				   { KVM_EXIT_EXCEPTION, "exception" },
				   { KVM_EXIT_IO, "io" },
				   { KVM_EXIT_HYPERCALL, "hypercall" },
				   { KVM_EXIT_DEBUG, "debug" },
				   { KVM_EXIT_HLT, "hlt" },
				   { KVM_EXIT_MMIO, "mmio" },
				   { KVM_EXIT_IRQ_WINDOW_OPEN, "irq-window" },
				   { KVM_EXIT_SHUTDOWN, "shutdown" },
				   { KVM_EXIT_FAIL_ENTRY, "fail-entry" },
				   { KVM_EXIT_INTR, "intr" },
				   { KVM_EXIT_SET_TPR, "set-tpr" },
				   { KVM_EXIT_INTERNAL_ERROR, "internal-error" },
				   { KVM_EXIT_SYSTEM_EVENT, "system-event" }),
		  __entry->exit_reason)
);

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH berth
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#endif /* BERTH_TRACE_H */

/* Outside the guard: read once more for each pass over the events. */
#include <trace/define_trace.h>
