/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words every part of Berth shares: address kinds, page sizes, exit codes of
 * the run loop.  Nothing here knows an architecture.
 */
#ifndef BERTH_TYPES_H
#define BERTH_TYPES_H

#include <linux/types.h>
#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/mm.h>

/*
 * gpa_t, gfn_t: guest physical address and frame; hva_t: address in the VM
 * owner's address space.  Frames are host pages on every architecture.
 */
typedef u64 pfn64_t;

#define BERTH_INVALID_GPA	(~(gpa_t)0)

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return (gpa_t)gfn << PAGE_SHIFT;
}

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return gpa >> PAGE_SHIFT;
}

struct berth_vm;
struct berth_vcpu;
struct berth_slot;
struct berth_device;
struct berth_s2;
struct s2_format;

#endif
