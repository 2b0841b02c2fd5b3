/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a folder under arch/ supplies to the neutral tests: a guest's own memory, a vCPU that can run the guest routines
 * below, and how to see that a routine has ended. A new architecture writes these and nothing else.
 */
#ifndef CONFORMANCE_ARCH_H
#define CONFORMANCE_ARCH_H

#include "../harness.h"
#include "../ioctl_errors.h"

/* Guest routines; a, b, c are their arguments. Each ends with "done" except spin. */
enum guest_routine {
	GUEST_NOP,	/* nothing */
	GUEST_LOAD,	/* result = load of b bytes at address a */
	GUEST_STORE,	/* store the low b bytes of c at address a */
	GUEST_FILL,	/* for i in 0..b-1: store the byte i + 1 at address a + i * c */
	GUEST_SUM,	/* result = sum over i in 0..b-1 of the 64-bit word at a + i * c */
	GUEST_SPIN,	/* for ever: add 1 to the 64-bit word at a */
	GUEST_BEAT,	/* for ever: "done", so that every KVM_RUN comes back with one */
	GUEST_COPY,	/* copy b bytes from a to c, by 8 */
	GUEST_ROUTINES
};

/* gpa ranges that arch_vm_init() leaves free, below 4 GB and reachable by every routine at the same address. */
#define TEST_GPA	0x10000000ULL
#define TEST_GPA2	0x30000000ULL
#define MMIO_GPA	0x70000000ULL

extern const char arch_name[];
extern const uint64_t arch_code_gpa;
extern const uint64_t arch_code_size;
/* What the ABI leaves to the architecture: an ioctl that a VM or a vCPU does not know, a slot beyond arch_gpa_limit(). */
extern const int arch_unknown_vm_ioctl, arch_unknown_vcpu_ioctl, arch_slot_too_high;
/* What a slot's size and address in user space must be multiples of; 1: of a page. */
extern const uint64_t arch_slot_unit;
/* What no process can have at its addresses; 0: each is one of user space, too. */
extern const uint64_t arch_kernel_address;
/* Whether accesses where no slot is, or nothing behind it, come to user space; else they are exceptions of the guest. */
extern const bool arch_has_mmio;
/* Whether huge pages that user space has reserved may be guest memory without more ado. */
extern const bool arch_takes_hugetlb;
/* Highest guest physical address + 1 that a vCPU made by vcpu_new() can reach through arch_window(). */
uint64_t arch_gpa_limit(void);

void arch_vm_init(struct vm *vm);
void arch_vcpu_init(struct vcpu *vcpu);
/* Readies the vCPU to run a routine from its first instruction. */
void arch_start(struct vcpu *vcpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c);
/* Whether the last exit is a routine's "done"; its result. */
bool arch_is_done(struct vcpu *vcpu);
uint64_t arch_result(struct vcpu *vcpu);
/* Maps the 2 MB around a gpa that may lie beyond 4 GB into the guest's address space: the address to use for it. */
uint64_t arch_window(struct vm *vm, uint64_t gpa);
/* Whether the last exit tells of such an exception; unless arch_has_mmio. */
bool arch_is_nothing(struct vcpu *vcpu);
/* One line with the vCPU's registers for a diagnostic. */
void arch_describe(struct vcpu *vcpu, char *buf, size_t len);
/* Whether the kernel behind /dev/kvm is too old for an ioctl that no capability tells of. */
bool arch_lacks_ioctl(struct vm *vm, unsigned long request, enum scope scope);
/* For the bad-input tests; the last one's request is 0. */
extern const struct ioctl_exception arch_exceptions[];

/* Start, run to the end, result. */
static inline uint64_t guest_call(struct vcpu *vcpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c)
{
	arch_start(vcpu, routine, a, b, c);
	run_done(vcpu);
	return arch_result(vcpu);
}

static inline uint64_t guest_load(struct vcpu *vcpu, uint64_t gva, unsigned int len)
{
	return guest_call(vcpu, GUEST_LOAD, gva, len, 0);
}

static inline void guest_store(struct vcpu *vcpu, uint64_t gva, unsigned int len, uint64_t value)
{
	guest_call(vcpu, GUEST_STORE, gva, len, value);
}

#endif
