/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's kernel gives to run a guest: sie64a(), what it says of a host page that the
 * guest did not find, and the floating-point registers.
 *
 * Kernels until 6.8 restore a thread's floating-point registers late, from wherever its save area
 * is, and say so by CIF_FPU.  Later ones save and restore what a part of the kernel has said that
 * it uses, and sie64a() is given the address space; and they can undo what processes share.
 */
#ifndef BERTH_S390_HOST_H
#define BERTH_S390_HOST_H

#include <asm/processor.h>
#ifdef CIF_FPU
#include <asm/fpu/api.h>
#include <asm/fpu/internal.h>
#else
#include <asm/access-regs.h>
#include <asm/fpu.h>
#endif
#include <asm/gmap.h>
#include <asm/switch_to.h>
#include <linux/sched.h>
#include "sie.h"

/* The registers 0-15 of a guest, and the host's while the guest's are loaded. */
struct sie_fpu {
#ifdef CIF_FPU
	/* As wide as the host's save areas. */
	union {
		freg_t fprs[__NUM_FPRS];
		__vector128 vxrs[__NUM_VXRS];
	};
	void *host_regs;
	u32 host_fpc;
#else
	struct kernel_fpu_16 host;
#endif
};

/* A guest's address space. */
struct sie_space {
	u64 asce;
	/*
	 * Where the kernel looks for a page that the guest did not find.  There is nothing but the
	 * ASCE: so it does not know the address, says so, and leaves the rest to us.
	 */
	struct gmap gmap;
};

struct sie_host_fault {
	u16 code;		/* a program interruption's; 0: none */
	bool write;		/* known to be a store */
	u64 address;		/* in the guest's absolute storage, of the page */
};

/*
 * Frames with keys are nobody else's: user space's memory is not merged, and has no zero page in
 * common, from now on.  What is shared all the same comes apart when the guest gets it.  May sleep.
 */
static inline void sie_unshare_memory(void)
{
#ifndef CIF_FPU
	s390_disable_cow_sharing();
#endif
}

static inline void sie_space_init(struct sie_space *space, u64 asce)
{
	space->asce = asce;
	space->gmap.asce = asce;
	space->gmap.asce_end = -1UL;
	INIT_RADIX_TREE(&space->gmap.guest_to_host, GFP_ATOMIC);
	INIT_RADIX_TREE(&space->gmap.host_to_guest, GFP_ATOMIC);
}

/* Preemption off. */
static inline void sie_space_load(struct sie_space *space)
{
	gmap_enable(&space->gmap);
}

static inline void sie_space_put(struct sie_space *space)
{
	gmap_disable(&space->gmap);
}

static inline struct sie_host_fault sie_host_fault(void)
{
	struct thread_struct *thread = &current->thread;
#ifdef BERTH_HAVE_GMAP_TEID
	return (struct sie_host_fault) {
		.code = thread->gmap_int_code,
		.write = thread->gmap_teid.fsi == TEID_FSI_STORE,
		.address = thread->gmap_teid.addr * PAGE_SIZE,
	};
#else
	return (struct sie_host_fault) {
		.code = thread->gmap_int_code,
		.write = thread->gmap_write_flag,
		.address = thread->gmap_addr & PAGE_MASK,
	};
#endif
}

#ifdef CIF_FPU

int sie64a(void *block, u64 *gprs);

static inline int sie_enter(struct sie_block *block, u64 *gprs, struct sie_space *space)
{
	current->thread.gmap_int_code = 0;
	return sie64a(block, gprs);
}

/* Just before, with interrupts off: the guest's floating-point registers are in the CPU. */
static inline void sie_fpu_ready(void)
{
	if (test_cpu_flag(CIF_FPU))
		load_fpu_regs();
}

static inline void sie_fpu_load(struct sie_fpu *fpu, const u64 *fprs, u32 fpc)
{
	save_fpu_regs();
	if (MACHINE_HAS_VX) {
		memset(fpu->vxrs, 0, sizeof(fpu->vxrs));
		convert_fp_to_vx(fpu->vxrs, (freg_t *)fprs);
	} else {
		memcpy(fpu->fprs, fprs, sizeof(fpu->fprs));
	}
	fpu->host_regs = current->thread.fpu.regs;
	fpu->host_fpc = current->thread.fpu.fpc;
	current->thread.fpu.regs = fpu->vxrs;
	current->thread.fpu.fpc = fpc;
}

static inline void sie_fpu_put(struct sie_fpu *fpu, u64 *fprs, u32 *fpc)
{
	save_fpu_regs();
	if (MACHINE_HAS_VX)
		convert_vx_to_fp((freg_t *)fprs, fpu->vxrs);
	else
		memcpy(fprs, fpu->fprs, sizeof(fpu->fprs));
	*fpc = current->thread.fpu.fpc;
	current->thread.fpu.regs = fpu->host_regs;
	current->thread.fpu.fpc = fpu->host_fpc;
}

static inline bool sie_fpc_valid(u32 fpc)
{
	return !test_fp_ctl(fpc);
}

#else

int __sie64a(phys_addr_t block_pa, void *block, u64 *gprs, unsigned long asce);

static inline int sie_enter(struct sie_block *block, u64 *gprs, struct sie_space *space)
{
	current->thread.gmap_int_code = 0;
	return __sie64a(virt_to_phys(block), block, gprs, space->asce);
}

static inline void sie_fpu_ready(void)
{
}

static inline void sie_fpu_load(struct sie_fpu *fpu, const u64 *fprs, u32 fpc)
{
	kernel_fpu_begin(&fpu->host, KERNEL_FPC | KERNEL_VXR_LOW);
	load_fp_regs((freg_t *)fprs);
	fpu_lfpc(&fpc);
}

static inline void sie_fpu_put(struct sie_fpu *fpu, u64 *fprs, u32 *fpc)
{
	fpu_stfpc(fpc);
	save_fp_regs((freg_t *)fprs);
	kernel_fpu_end(&fpu->host, KERNEL_FPC | KERNEL_VXR_LOW);
}

/* Reserved bits are zero, and the rounding modes are those of every CPU. */
static inline bool sie_fpc_valid(u32 fpc)
{
	return !(fpc & 0x07070088) && (fpc & 7) < 4;
}

#endif
#endif
