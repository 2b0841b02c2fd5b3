// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VM exits, second-stage faults, slot changes, VMs and vCPUs cost under the hypervisor behind /dev/kvm. One line
 * "BENCH name value unit" each. A value is the minimum over several passes, after a warm-up, and nothing is printed while
 * measuring; under QEMU's -icount shift=0 a tick is an instruction. compare.py makes a table of two outputs.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PASSES		12
#define TURNS		256	/* of a loop in a pass: short enough that some pass has no timer interrupt in it */
#define PAGE		4096UL
#define FAULT_PAGES	512UL	/* a pass: 2 MB, so that each one makes one leaf table */
#define SLOT_PAIRS	8
#define GSI		0
#define MANY_VMS	400
#define MANY_VCPUS	800

static const struct {
	enum loop loop;
	const char *name;
} loops[] = {
	{ LOOP_CPUID, "cpuid" },
	{ LOOP_HYPERCALL, "hypercall" },
	{ LOOP_MSR_READ, "rdmsr" },
	{ LOOP_SYSREG, "sysreg" },
	{ LOOP_PREFIX, "prefix" },
	{ LOOP_SIGP, "sigp" },
	{ LOOP_DIAGNOSE, "diagnose" },
	{ LOOP_PIO_OUT, "pio_out" },
	{ LOOP_PIO_IN, "pio_in" },
	{ LOOP_MMIO_STORE, "mmio_store" },
	{ LOOP_MMIO_LOAD, "mmio_load" },
};

static const struct {
	enum loop loop;
	const char *name;
} irq_loops[] = {
	{ LOOP_EOI, "apic_eoi" },
	{ LOOP_GIC_REGISTER, "gic_register" },
	{ LOOP_ACK, "ack" },
	{ LOOP_SELF_IPI, "self_ipi" },
	{ LOOP_SELF_IPI_MSR, "self_ipi_msr" },
	{ LOOP_DEADLINE_ARM, "deadline_arm" },
	{ LOOP_DEADLINE_PASSED, "deadline_passed" },
	{ LOOP_IPI, "ipi_answered" },
};

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

int must(int fd, unsigned long request, unsigned long arg, const char *what)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		die(what);
	return r;
}

static void *map(size_t size, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Memory for slots, where they may lie. */
static uint8_t *map_slots(size_t size)
{
	uintptr_t p = (uintptr_t)map(size + arch_slot_unit - PAGE, -1);

	return (uint8_t *)((p + arch_slot_unit - 1) & ~(arch_slot_unit - 1));
}

static int set_slot(int vm, uint32_t slot, uint64_t gpa, uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Small pages, all present in the host. */
static void *add_ram(int vm, uint32_t slot, uint64_t gpa, uint64_t size)
{
	void *hva = map_slots(size);

	madvise(hva, size, MADV_NOHUGEPAGE);
	memset(hva, 1, size);
	if (set_slot(vm, slot, gpa, size, hva))
		die("KVM_SET_USER_MEMORY_REGION");
	return hva;
}

static void add_vcpu(struct bench_vcpu *v)
{
	v->fd = must(v->vm, KVM_CREATE_VCPU, v->id, "KVM_CREATE_VCPU");
	v->run = map(must(v->kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE"), v->fd);
	arch_vcpu_init(v->vm, v->fd);
	arch_vcpu_setup(v);
}

static void setup(struct bench_vcpu *v)
{
	v->vm = must(v->kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
	if (v->irqchip)
		v->irqchip = arch_irqchip(v);
	arch_load(add_ram(v->vm, 0, 0, RAM_SIZE));
	add_ram(v->vm, 1, FAULT_GPA, FAULT_SIZE);
	add_vcpu(v);
}

static void run_loop(struct bench_vcpu *v)
{
	do {
		if (ioctl(v->fd, KVM_RUN, 0) < 0)
			die("KVM_RUN");
		if (!arch_exited(v->run)) {
			fprintf(stderr, "bench: vCPU %d: exit %u\n", v->id, v->run->exit_reason);
			exit(1);
		}
	} while (!arch_ended(v->run));
}

static uint64_t time_loop(struct bench_vcpu *v, enum loop loop, uint64_t turns, uint64_t address)
{
	uint64_t start;

	arch_start(v, loop, turns, address);
	start = arch_counter();
	run_loop(v);
	return arch_counter() - start;
}

/* Per turn, without what entering and leaving the loop costs. */
static double measure_at(struct bench_vcpu *v, enum loop loop, uint64_t address)
{
	uint64_t best_one = UINT64_MAX, best = UINT64_MAX;

	for (int pass = 0; pass < PASSES + 1; pass++) {
		uint64_t one = time_loop(v, loop, 1, address);
		uint64_t all = time_loop(v, loop, TURNS + 1, address);

		if (!pass)
			continue;
		best_one = one < best_one ? one : best_one;
		best = all < best ? all : best;
	}
	return (double)(best - best_one) / TURNS;
}

static double measure(struct bench_vcpu *v, enum loop loop)
{
	return measure_at(v, loop, MMIO_GPA);
}

/* ---- eventfds ---- */

static void must_write(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		die("eventfd");
}

static void must_read(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		die("eventfd");
}

/* An eventfd that stores to SIGNAL_GPA signal. */
static int make_ioeventfd(int vm)
{
	struct kvm_ioeventfd args = { .addr = SIGNAL_GPA, .len = 4, .fd = eventfd(0, EFD_CLOEXEC) };

	must(vm, KVM_IOEVENTFD, (uintptr_t)&args, "KVM_IOEVENTFD");
	return args.fd;
}

/* An eventfd that sends an interrupt along this route. */
static int make_irqfd(int vm, struct kvm_irq_routing_entry entry)
{
	struct kvm_irqfd args = { .gsi = GSI, .fd = eventfd(0, EFD_CLOEXEC) };
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routing = { .head.nr = 1, .entry = entry };

	routing.entry.gsi = GSI;
	must(vm, KVM_SET_GSI_ROUTING, (uintptr_t)&routing, "KVM_SET_GSI_ROUTING");
	must(vm, KVM_IRQFD, (uintptr_t)&args, "KVM_IRQFD");
	return args.fd;
}

/* A signal while the vCPU is in user space, and the interrupt when it runs again. */
static double measure_irqfd(struct bench_vcpu *v)
{
	uint64_t best_base = UINT64_MAX, best = UINT64_MAX;
	int fd = make_irqfd(v->vm, arch_message(v->id, MESSAGE_EOI));

	for (int pass = 0; pass < PASSES + 1; pass++) {
		uint64_t base = time_loop(v, LOOP_TAKE, 1, 0), start, all;

		arch_start(v, LOOP_TAKE, 1, 0);
		start = arch_counter();
		must_write(fd);
		run_loop(v);
		all = arch_counter() - start;
		if (!pass)
			continue;
		best_base = base < best_base ? base : best_base;
		best = all < best ? all : best;
	}
	close(fd);
	return best - best_base;
}

/* A signal to a halted vCPU, until its handler's own signal is seen. */
static double measure_eventfds(struct bench_vcpu *v, int answer)
{
	int fd = make_irqfd(v->vm, arch_message(v->id, MESSAGE_SIGNAL));
	uint64_t best = UINT64_MAX;

	for (int pass = 0; pass < PASSES + 1; pass++) {
		uint64_t start = arch_counter(), all;

		for (int i = 0; i < TURNS; i++) {
			must_write(fd);
			must_read(answer);
		}
		all = arch_counter() - start;
		if (pass && all < best)
			best = all;
	}
	close(fd);
	return (double)best / TURNS;
}

static double measure_faults(struct bench_vcpu *v)
{
	uint64_t best_base = UINT64_MAX, best = UINT64_MAX;

	for (uint64_t done = 0; done < FAULT_SIZE; done += FAULT_PAGES * PAGE) {
		uint64_t base = time_loop(v, LOOP_EMPTY, FAULT_PAGES, 0);
		uint64_t all = time_loop(v, LOOP_TOUCH, FAULT_PAGES, FAULT_GPA + done);

		if (!done)
			continue;
		best_base = base < best_base ? base : best_base;
		best = all < best ? all : best;
	}
	return (double)(best - best_base) / FAULT_PAGES;
}

/* A slot added and deleted with @present others there. */
static double measure_slots(int kvm, unsigned int present)
{
	int vm = must(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
	const unsigned long unit = arch_slot_unit;
	uint8_t *hva = map_slots((present + 1) * unit);
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < present; i++) {
		/* Apart, so that no two slots touch. */
		if (set_slot(vm, i, SLOTS_GPA + 2 * i * unit, unit, hva + i * unit))
			die("KVM_SET_USER_MEMORY_REGION");
	}
	for (int pass = 0; pass < PASSES + 1; pass++) {
		uint64_t start = arch_counter(), ticks;

		for (int i = 0; i < SLOT_PAIRS; i++) {
			if (set_slot(vm, present, SLOTS_GPA + (present + 1) * unit, unit, hva + present * unit) ||
			    set_slot(vm, present, 0, 0, hva))
				die("KVM_SET_USER_MEMORY_REGION");
		}
		ticks = arch_counter() - start;
		if (pass && ticks < best)
			best = ticks;
	}
	close(vm);
	return (double)best / SLOT_PAIRS;
}

static void poke(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;	/* only makes the figure steadier */
	close(fd);
}

/* Free memory of the machine in bytes, counters folded. */
static long read_free(void)
{
	unsigned long kb;
	char line[128];
	FILE *f;

	poke("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/meminfo", "r");
	if (!f)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemFree: %lu kB", &kb) == 1) {
			fclose(f);
			return kb * 1024;
		}
	}
	die("MemFree");
	return 0;
}

/* read_free(), when it has come to rest: what closed VMs leave is freed after RCU grace periods, in the background. */
static long free_bytes(void)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	long seen, last = read_free();

	for (int same = 0, tries = 0; same < 3 && tries < 100; tries++) {
		nanosleep(&pause, NULL);
		seen = read_free();
		same = labs(seen - last) < 64 * 1024 ? same + 1 : 0;
		last = seen;
	}
	return last;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of some rounds: other memory of the machine comes and goes too. */
static double median(double (*round)(int), int kvm)
{
	double v[5];

	/* Else freed pages wait on the CPU's own list, tens of megabytes of them, and are not in MemFree. */
	poke("/proc/sys/vm/percpu_pagelist_high_fraction", "1000000");
	for (int i = 0; i < 5; i++)
		v[i] = round(kvm);
	poke("/proc/sys/vm/percpu_pagelist_high_fraction", "0");
	qsort(v, 5, sizeof(v[0]), compare);
	return v[2];
}

static double memory_per_vm(int kvm)
{
	static int fds[MANY_VMS];
	long before, after;

	close(must(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM"));
	before = free_bytes();
	for (int i = 0; i < MANY_VMS; i++)
		fds[i] = must(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
	after = free_bytes();
	for (int i = 0; i < MANY_VMS; i++)
		close(fds[i]);
	return (double)(before - after) / MANY_VMS;
}

/* Each has been asked to run once, so that what is allocated late is counted too. */
static double memory_per_vcpu(int kvm)
{
	size_t size = must(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
	int vm = must(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
	int max = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	static int fds[MANY_VCPUS];
	long before = 0, after;
	int n = max > 0 && max <= MANY_VCPUS ? max - 1 : MANY_VCPUS - 1;

	for (int i = 0; i <= n; i++) {
		struct kvm_run *run;

		/* The first one is the warm-up. */
		if (i == 1)
			before = free_bytes();
		fds[i] = must(vm, KVM_CREATE_VCPU, i, "KVM_CREATE_VCPU");
		arch_vcpu_init(vm, fds[i]);
		run = map(size, fds[i]);
		run->immediate_exit = 1;
		if (ioctl(fds[i], KVM_RUN, 0) == 0 || errno != EINTR)
			die("KVM_RUN with immediate_exit");
		munmap(run, size);
	}
	after = free_bytes();
	for (int i = 0; i <= n; i++)
		close(fds[i]);
	close(vm);
	return (double)(before - after) / n;
}

static void print(const char *name, double value, const char *unit)
{
	printf("BENCH %s %.1f %s\n", name, value, unit);
	fflush(stdout);
}

static void *idle(void *vcpu)
{
	run_loop(vcpu);
	return NULL;
}

static void measure_interrupts(int kvm)
{
	struct bench_vcpu v = { .kvm = kvm, .irqchip = 1 }, other;
	pthread_t thread;
	int signal, end;

	setup(&v);
	if (!v.irqchip)
		goto out;
	other = v;
	other.id = 1;
	add_vcpu(&other);
	signal = make_ioeventfd(v.vm);
	print("ioeventfd", measure_at(&v, LOOP_MMIO_STORE, SIGNAL_GPA), arch_unit);
	must_read(signal);
	arch_start(&other, LOOP_IDLE, 1, 0);
	if (pthread_create(&thread, NULL, idle, &other))
		die("pthread_create");
	for (size_t i = 0; i < sizeof(irq_loops) / sizeof(irq_loops[0]); i++) {
		if (arch_has(irq_loops[i].loop))
			print(irq_loops[i].name, measure(&v, irq_loops[i].loop), arch_unit);
	}
	if (arch_has(LOOP_DEADLINE_WAIT))
		print("deadline_late", measure(&v, LOOP_DEADLINE_WAIT) - DEADLINE_TICKS, arch_unit);
	print("irqfd", measure_irqfd(&v), arch_unit);
	print("irqfd_halted", measure_eventfds(&other, signal), arch_unit);
	end = make_irqfd(v.vm, arch_message(1, MESSAGE_END));
	must_write(end);
	pthread_join(thread, NULL);
	close(end);
	close(signal);
	close(other.fd);
out:
	close(v.fd);
	close(v.vm);
}

int main(void)
{
	struct rlimit files = { 4096, 4096 };
	struct bench_vcpu v = { .kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC) };

	if (v.kvm < 0)
		die("/dev/kvm");
	setrlimit(RLIMIT_NOFILE, &files);
	printf("# architecture %s\n", arch_name);
	setup(&v);
	time_loop(&v, LOOP_EMPTY, 1000, 0);
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		if (arch_has(loops[i].loop))
			print(loops[i].name, measure(&v, loops[i].loop), arch_unit);
	}
	measure_interrupts(v.kvm);
	print("fault_4k", measure_faults(&v), arch_unit);
	print("slot_change_1", measure_slots(v.kvm, 1), arch_unit);
	print("slot_change_1000", measure_slots(v.kvm, 1000), arch_unit);
	print("memory_vcpu", median(memory_per_vcpu, v.kvm), "bytes");
	print("memory_vm", median(memory_per_vm, v.kvm), "bytes");
	return 0;
}
