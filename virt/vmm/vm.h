/* SPDX-License-Identifier: GPL-2.0-only */
/* One virtual machine: what its parts share. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <linux/kvm.h>
#include <pthread.h>

#include "bus.h"
#include "memory.h"
#include "options.h"

struct vm;

struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
};

struct vm {
	const struct options *options;
	int kvm_fd, fd;		/* /dev/kvm, the VM */
	struct memory memory;
	struct bus mmio, pio;	/* pio only where the architecture has ports */
	struct vcpu *vcpu;
	unsigned int nr_vcpus;
	size_t run_size;	/* of a vCPU's shared page */
	bool ioeventfd, irqfd;	/* what this /dev/kvm offers */
};

/* Opens the KVM device and checks its version; ends the program where it cannot be used. */
int vm_open_kvm(const char *file);
/* KVM_CHECK_EXTENSION on the VM, or where that is not offered on /dev/kvm. */
int vm_capability(const struct vm *vm, unsigned int capability);
/* Creates the VM, empty but for its memory and interrupt controllers. vm->options is set. */
void vm_create(struct vm *vm);
/* Sets interrupt line `gsi`. Any thread. */
void vm_irq_line(struct vm *vm, u32 gsi, bool level);
/* Signals the edge-triggered interrupt line `gsi` at each event of `event_fd`; false: not offered. */
bool vm_irqfd(struct vm *vm, u32 gsi, int event_fd);
/*
 * Turns the guest's 4-byte write of `value` to memory-mapped register `gpa` into an event of
 * `event_fd`; false: not offered, the write comes to the bus.
 */
bool vm_ioeventfd(struct vm *vm, u64 gpa, u32 value, int event_fd);

/* Creates the vCPUs and their initial state; then starts them; then stops and awaits them. */
void vcpus_create(struct vm *vm);
void vcpus_start(struct vm *vm);
void vcpus_stop(struct vm *vm);
/* After what arch_may_run() says has changed. Any thread. */
void vcpus_wake(void);

#endif
