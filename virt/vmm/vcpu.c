// SPDX-License-Identifier: GPL-2.0-only
/* A thread per vCPU: runs it, and sees to its exits. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "arch.h"
#include "loop.h"

#define KICK		SIGUSR1

static atomic_bool stopping;
/* For those that wait until they may run. */
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t park_end = PTHREAD_COND_INITIALIZER;

static void kicked(int signal)
{
	(void)signal;
}

static void failed(struct vcpu *vcpu, const char *what, u64 detail)
{
	warn("CPU %u: %s (0x%llx)", vcpu->id, what, (unsigned long long)detail);
	arch_dump(vcpu);
	loop_end(STATUS_FAILED);
}

static bool system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
	case KVM_SYSTEM_EVENT_RESET:
		loop_end(STATUS_OK);
		return false;
	case KVM_SYSTEM_EVENT_CRASH:
		warn("the guest says that it crashed");
		loop_end(STATUS_FAILED);
		return false;
	default:
		return true;
	}
}

/* Returns false when this vCPU is not to run on. */
static bool handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		bus_access(&vcpu->vm->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
			   run->mmio.is_write);
		return true;
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_SHUTDOWN:
		/* On x86 a triple fault, Linux's last way to reset; or the end of one in trouble. */
		warn("CPU %u has shut down", vcpu->id);
		arch_dump(vcpu);
		loop_end(STATUS_OK);
		return false;
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(vcpu);
	case KVM_EXIT_FAIL_ENTRY:
		failed(vcpu, "the processor refuses the guest's state",
		       run->fail_entry.hardware_entry_failure_reason);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		failed(vcpu, "KVM cannot go on", run->internal.suberror);
		return false;
	default:
		if (arch_exit(vcpu))
			return true;
		failed(vcpu, "unknown exit", run->exit_reason);
		return false;
	}
}

void vcpus_wake(void)
{
	pthread_mutex_lock(&park_lock);
	pthread_cond_broadcast(&park_end);
	pthread_mutex_unlock(&park_lock);
}

static void park(struct vcpu *vcpu)
{
	pthread_mutex_lock(&park_lock);
	while (!arch_may_run(vcpu) && !atomic_load(&stopping))
		pthread_cond_wait(&park_end, &park_lock);
	pthread_mutex_unlock(&park_lock);
}

static void *run(void *arg)
{
	struct vcpu *vcpu = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu %u", vcpu->id);
	pthread_setname_np(pthread_self(), name);
	while (!atomic_load(&stopping)) {
		if (!arch_may_run(vcpu)) {
			park(vcpu);
			continue;
		}
		if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (!handle_exit(vcpu))
				break;
		} else if (errno != EINTR && errno != EAGAIN) {
			failed(vcpu, strerror(errno), vcpu->run->exit_reason);
			break;
		}
	}
	return NULL;
}

void vcpus_create(struct vm *vm)
{
	int max = vm_capability(vm, KVM_CAP_MAX_VCPUS);
	unsigned int i;

	if (max <= 0)
		max = 4;	/* what the ABI says for those that do not tell */
	if (vm->options->cpus > (unsigned int)max)
		die("%s gives a guest no more than %d CPUs", vm->options->kvm, max);
	vm->nr_vcpus = vm->options->cpus;
	vm->vcpu = allocate(vm->nr_vcpus * sizeof(*vm->vcpu));
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		vcpu->vm = vm;
		vcpu->id = i;
		vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)i);
		if (vcpu->fd < 0)
			die_errno("cannot create CPU %u", i);
		vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 vcpu->fd, 0);
		if (vcpu->run == MAP_FAILED)
			die_errno("cannot map CPU %u", i);
	}
	/* Only now: some state names the number of CPUs. */
	for (i = 0; i < vm->nr_vcpus; i++)
		arch_create_vcpu(&vm->vcpu[i]);
}

void vcpus_start(struct vm *vm)
{
	struct sigaction action = { .sa_handler = kicked };
	unsigned int i;

	sigaction(KICK, &action, NULL);
	for (i = 0; i < vm->nr_vcpus; i++) {
		errno = pthread_create(&vm->vcpu[i].thread, NULL, run, &vm->vcpu[i]);
		if (errno)
			die_errno("cannot start CPU %u", i);
	}
}

void vcpus_stop(struct vm *vm)
{
	unsigned int i;

	atomic_store(&stopping, true);
	for (i = 0; i < vm->nr_vcpus; i++) {
		/* A signal before KVM_RUN would be lost but for this (KVM_CAP_IMMEDIATE_EXIT). */
		WRITE_ONCE(vm->vcpu[i].run->immediate_exit, 1);
		pthread_kill(vm->vcpu[i].thread, KICK);
	}
	vcpus_wake();
	for (i = 0; i < vm->nr_vcpus; i++)
		pthread_join(vm->vcpu[i].thread, NULL);
}
