/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an architecture supplies, one directory below arch/ each. The functions are called in this
 * order, by the main thread where nothing else is said; on failure they end the program with die().
 */
#ifndef VMM_ARCH_H
#define VMM_ARCH_H

#include "vm.h"

struct virtio_dev;

/* The console= of the guest kernel that the terminal's serial line is, such as "ttyS0". */
extern const char arch_console[];

/*
 * Where `size` bytes of memory are in the guest's address space: fills the regions' gpa and size,
 * returns how many they are (up to MEMORY_REGIONS). The first is where kernels are loaded.
 */
unsigned int arch_memory_layout(u64 size, struct memory_region *region);

/*
 * Judges the kernel file and the initramfs and loads them with `command_line` into vm->memory.
 * There is no VM yet: a bad file is told of on machines without KVM too.
 */
void arch_load(struct vm *vm, const char *command_line);

/* Creates the interrupt controllers and timers of the empty VM, before its vCPUs. */
void arch_create_irqchip(struct vm *vm);

/*
 * Sets a new vCPU's state, all of them being there; vCPU 0 is to run the loaded kernel, the others
 * wait for its call. After the last one interrupts can be delivered.
 */
void arch_create_vcpu(struct vcpu *vcpu);

/* Adds the devices that every machine of the architecture has: serial line, power switch. */
void arch_create_devices(struct vm *vm);

/* Connects a virtio device with the architecture's transport; it is described to the guest later. */
void arch_add_virtio(struct vm *vm, struct virtio_dev *dev);

/* How KVM_IRQ_LINE names the interrupt line `gsi` of KVM_IRQFD. */
u32 arch_irq_line(u32 gsi);

/* Writes the platform's description (ACPI, device tree, ...): all devices are there now. */
void arch_describe(struct vm *vm);

/*
 * Whether the vCPU is to be in KVM_RUN: asked before each, and again after vcpus_wake(). In the
 * vCPU's thread.
 */
bool arch_may_run(struct vcpu *vcpu);

/*
 * Handles an exit that is not the same on every architecture, in the vCPU's thread: true to go on
 * running, false where the exit is unknown to it.
 */
bool arch_exit(struct vcpu *vcpu);

/* Says on stderr where a vCPU is that cannot go on. In the vCPU's thread. */
void arch_dump(struct vcpu *vcpu);

#endif
