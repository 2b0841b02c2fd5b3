/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted, and KVM_GET_STATS_FD (api.rst 4.134).  The lists below make
 * the struct members, the descriptors and the order of the data block.
 *
 * X(name, type, unit): type CUMULATIVE, INSTANT or PEAK; unit NONE, BYTES,
 * SECONDS (nanoseconds), CYCLES or BOOLEAN.
 */
#ifndef BERTH_STATS_H
#define BERTH_STATS_H

#include <berth/types.h>

#define BERTH_VM_STATS(X)				\
	X(remote_tlb_flush, CUMULATIVE, NONE)		\
	X(remote_tlb_flush_requests, CUMULATIVE, NONE)	\
	X(s2_table_pages, INSTANT, NONE)		\
	X(s2_unmapped, CUMULATIVE, NONE)		\
	X(s2_splits, CUMULATIVE, NONE)			\
	X(pages_4k, INSTANT, NONE)			\
	X(pages_2m, INSTANT, NONE)			\
	X(pages_1g, INSTANT, NONE)

#define BERTH_VCPU_STATS(X)				\
	X(exits, CUMULATIVE, NONE)			\
	X(irq_exits, CUMULATIVE, NONE)			\
	X(mmio_exits, CUMULATIVE, NONE)			\
	X(io_exits, CUMULATIVE, NONE)			\
	X(halt_exits, CUMULATIVE, NONE)			\
	X(signal_exits, CUMULATIVE, NONE)		\
	X(s2_faults, CUMULATIVE, NONE)			\
	X(injections, CUMULATIVE, NONE)			\
	X(instructions_emulated, CUMULATIVE, NONE)	\
	X(halt_successful_poll, CUMULATIVE, NONE)	\
	X(halt_attempted_poll, CUMULATIVE, NONE)	\
	X(halt_wakeup, CUMULATIVE, NONE)		\
	X(blocking, INSTANT, BOOLEAN)

#define BERTH_STAT_MEMBER(name, type, unit) u64 name;

struct berth_vm_stats { BERTH_VM_STATS(BERTH_STAT_MEMBER) };
struct berth_vcpu_stats { BERTH_VCPU_STATS(BERTH_STAT_MEMBER) };

/* A read-only stats fd for a VM or vCPU, which it keeps alive; or a negative errno. */
int berth_vm_stats_fd(struct berth_vm *vm);
int berth_vcpu_stats_fd(struct berth_vcpu *vcpu);

#endif
