// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conformance suite's harness, the part that runs inside a test's own process: assertions, VMs, vCPUs, slots, threads.
 * The runner that forks a process per test is main.c.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "outcome.h"
#include "arch/arch.h"

struct outcome *outcome;
bool verbose, interruptible;

static const struct {
	int no;
	const char *name;
} errnos[] = {
	{ EPERM, "EPERM" }, { ENOENT, "ENOENT" }, { EINTR, "EINTR" }, { EIO, "EIO" }, { ENXIO, "ENXIO" },
	{ E2BIG, "E2BIG" }, { EBADF, "EBADF" }, { EAGAIN, "EAGAIN" }, { ENOMEM, "ENOMEM" }, { EACCES, "EACCES" },
	{ EFAULT, "EFAULT" }, { EBUSY, "EBUSY" }, { EEXIST, "EEXIST" }, { ENODEV, "ENODEV" }, { EINVAL, "EINVAL" },
	{ EMFILE, "EMFILE" }, { ENOTTY, "ENOTTY" }, { ENOSPC, "ENOSPC" }, { ERANGE, "ERANGE" },
	{ ENOSYS, "ENOSYS" }, { EOPNOTSUPP, "EOPNOTSUPP" }, { EHWPOISON, "EHWPOISON" }, { ENOEXEC, "ENOEXEC" },
};

static const char *const exits[] = {
	"UNKNOWN", "EXCEPTION", "IO", "HYPERCALL", "DEBUG", "HLT", "MMIO", "IRQ_WINDOW_OPEN", "SHUTDOWN", "FAIL_ENTRY",
	"INTR", "SET_TPR", "TPR_ACCESS", "S390_SIEIC", "S390_RESET", "DCR", "NMI", "INTERNAL_ERROR", "OSI", "PAPR_HCALL",
	"S390_UCONTROL", "WATCHDOG", "S390_TSCH", "EPR", "SYSTEM_EVENT", "S390_STSI", "IOAPIC_EOI", "HYPERV",
};

const char *exit_name(uint32_t reason)
{
	static char other[16];

	if (reason < ARRAY_SIZE(exits))
		return exits[reason];
	snprintf(other, sizeof(other), "%u", reason);
	return other;
}

static const char *ret_name(int64_t ret, char *buf, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++) {
		if (ret == -errnos[i].no) {
			snprintf(buf, len, "-%s", errnos[i].name);
			return buf;
		}
	}
	snprintf(buf, len, "%lld", (long long)ret);
	return buf;
}

static void end_test(enum verdict verdict)
{
	outcome->verdict = verdict;
	fflush(stdout);
	_exit(verdict);
}

void note(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void trace(const char *fmt, ...)
{
	va_list ap;

	if (!verbose)
		return;
	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void fail_test(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	end_test(VERDICT_FAIL);
	__builtin_unreachable();
}

void skip_test(const char *what)
{
	snprintf(outcome->skip, sizeof(outcome->skip), "%s", what);
	end_test(VERDICT_SKIP);
	__builtin_unreachable();
}

void check_true(bool ok, const char *what, const char *file, int line)
{
	atomic_fetch_add(&outcome->assertions, 1);
	if (!ok)
		fail_test("%s:%d: expected %s, seen that it does not hold", file, line, what);
}

void check_eq(uint64_t seen, uint64_t expected, const char *what, const char *file, int line)
{
	atomic_fetch_add(&outcome->assertions, 1);
	if (seen != expected)
		fail_test("%s:%d: %s: expected %#llx (%lld), seen %#llx (%lld)", file, line, what,
			  (unsigned long long)expected, (long long)expected, (unsigned long long)seen, (long long)seen);
}

void check_ret(int64_t seen, int64_t expected, const char *what, const char *file, int line)
{
	char a[32], b[32];

	atomic_fetch_add(&outcome->assertions, 1);
	if (seen != expected)
		fail_test("%s:%d: %s: expected %s, seen %s", file, line, what, ret_name(expected, a, sizeof(a)),
			  ret_name(seen, b, sizeof(b)));
}

int64_t check_ok(int64_t seen, const char *what, const char *file, int line)
{
	char a[32];

	atomic_fetch_add(&outcome->assertions, 1);
	if (seen < 0)
		fail_test("%s:%d: %s: expected success, seen %s", file, line, what, ret_name(seen, a, sizeof(a)));
	return seen;
}

void check_mem(const void *seen, const void *expected, size_t len, const char *what, const char *file, int line)
{
	const uint8_t *s = seen, *e = expected;

	atomic_fetch_add(&outcome->assertions, 1);
	for (size_t i = 0; i < len; i++) {
		if (s[i] != e[i])
			fail_test("%s:%d: %s: byte %zu of %zu: expected %#x, seen %#x", file, line, what, i, len, e[i],
				  s[i]);
	}
}

int kvm_ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;
	int r;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	r = ioctl(fd, request, arg);
	return r < 0 ? -errno : r;
}

int open_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int kvm_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = expect_ok(open_kvm());
	return fd;
}

int cap(int which)
{
	int r = kvm_ioctl(kvm_fd(), KVM_CHECK_EXTENSION, (long)which);

	return r < 0 ? 0 : r;
}

int vm_cap(struct vm *vm, int which)
{
	int r = kvm_ioctl(vm->fd, KVM_CHECK_EXTENSION, (long)which);

	return r < 0 ? 0 : r;
}

struct vm *vm_new_bare(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	vm->fd = expect_ok(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, 0L));
	return vm;
}

struct vm *vm_new(void)
{
	struct vm *vm = vm_new_bare();

	vm->code = add_slot(vm, 0, 0, arch_code_gpa, arch_code_size);
	arch_vm_init(vm);
	return vm;
}

struct vcpu *vcpu_new_bare(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, (long)id));
	vcpu->run_size = expect_ok(kvm_ioctl(kvm_fd(), KVM_GET_VCPU_MMAP_SIZE, 0L));
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	expect(vcpu->run != MAP_FAILED);
	return vcpu;
}

struct vcpu *vcpu_new(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = vcpu_new_bare(vm, id);

	arch_vcpu_init(vcpu);
	return vcpu;
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

size_t slot_unit(void)
{
	return arch_slot_unit > page_size() ? arch_slot_unit : page_size();
}

void *slot_room(size_t size)
{
	size_t unit = slot_unit(), slack = unit - page_size();
	uint8_t *p = mmap(NULL, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before = -(uintptr_t)p % unit;

	expect(p != MAP_FAILED);
	if (before)
		munmap(p, before);
	if (before < slack)
		munmap(p + before + (size + page_size() - 1) / page_size() * page_size(), slack - before);
	return p + before;
}

size_t slot_size(size_t size)
{
	return (size + slot_unit() - 1) / slot_unit() * slot_unit();
}

void *alloc_pages(size_t size)
{
	void *p = mmap(slot_room(size), size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	expect(p != MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

void need_mmio(void)
{
	if (!arch_has_mmio)
		skip_test("MMIO");
}

void need_small_slots(void)
{
	if (slot_unit() > page_size())
		skip_test("slots of one page");
}

uint8_t *guard_page(void)
{
	uint8_t *p = alloc_pages(2 * page_size());

	expect(munmap(p + page_size(), page_size()) == 0);
	return p + page_size();
}

int set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

void *add_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size)
{
	void *hva;

	size = slot_size(size);
	hva = alloc_pages(size);
	expect_ok(set_slot(vm, slot, flags, gpa, size, hva));
	return hva;
}

int vcpu_run(struct vcpu *vcpu)
{
	return kvm_ioctl(vcpu->fd, KVM_RUN, 0L);
}

int get_one_reg(struct vcpu *vcpu, uint64_t id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return kvm_ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg);
}

int set_one_reg(struct vcpu *vcpu, uint64_t id, const void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return kvm_ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg);
}

static void unexpected_exit(struct vcpu *vcpu, int ret, const char *wanted)
{
	struct kvm_run *run = vcpu->run;
	char regs[200] = "", detail[160] = "", buf[32];

	if (run->exit_reason == KVM_EXIT_MMIO)
		snprintf(detail, sizeof(detail), " %s gpa %#llx len %u", run->mmio.is_write ? "write" : "read",
			 (unsigned long long)run->mmio.phys_addr, run->mmio.len);
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(detail, sizeof(detail), " suberror %u", run->internal.suberror);
	else if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		snprintf(detail, sizeof(detail), " hardware reason %#llx",
			 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	arch_describe(vcpu, regs, sizeof(regs));
	fail_test("KVM_RUN: expected 0 and %s, seen %s and exit %s%s; %s", wanted, ret_name(ret, buf, sizeof(buf)),
		  exit_name(run->exit_reason), detail, regs);
}

void run_until(struct vcpu *vcpu, uint32_t reason)
{
	int ret = vcpu_run(vcpu);

	atomic_fetch_add(&outcome->assertions, 1);
	if (ret || vcpu->run->exit_reason != reason)
		unexpected_exit(vcpu, ret, exit_name(reason));
}

void run_done(struct vcpu *vcpu)
{
	int ret = vcpu_run(vcpu);

	atomic_fetch_add(&outcome->assertions, 1);
	if (ret || !arch_is_done(vcpu))
		unexpected_exit(vcpu, ret, "the routine's end");
}

void run_nothing(struct vcpu *vcpu, bool write, uint64_t gpa, uint32_t len)
{
	int ret;

	if (arch_has_mmio) {
		run_until(vcpu, KVM_EXIT_MMIO);
		expect_eq(vcpu->run->mmio.phys_addr, gpa);
		expect_eq(vcpu->run->mmio.len, len);
		expect_eq(vcpu->run->mmio.is_write, write);
		return;
	}
	ret = vcpu_run(vcpu);
	atomic_fetch_add(&outcome->assertions, 1);
	if (ret || !arch_is_nothing(vcpu))
		unexpected_exit(vcpu, ret, "no memory");
}

void run_fault(struct vcpu *vcpu)
{
	int ret = vcpu_run(vcpu);

	atomic_fetch_add(&outcome->assertions, 1);
	if (arch_has_mmio ? ret != -EFAULT : ret || !arch_is_nothing(vcpu))
		unexpected_exit(vcpu, ret, "a fault");
}

void expect_mmio(struct vcpu *vcpu, bool write, uint64_t gpa, uint32_t len, uint64_t data)
{
	struct kvm_run *run = vcpu->run;

	expect_eq(run->exit_reason, KVM_EXIT_MMIO);
	expect_eq(run->mmio.phys_addr, gpa);
	expect_eq(run->mmio.len, len);
	expect_eq(run->mmio.is_write, write);
	if (write)
		expect_mem(run->mmio.data, &data, len);
}

static void ignore_signal(int sig)
{
	(void)sig;
}

void catch_sigusr1(void)
{
	struct sigaction sa = { .sa_handler = ignore_signal };

	sigaction(SIGUSR1, &sa, NULL);
}

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	r->ret = vcpu_run(r->vcpu);
	atomic_store(&r->done, 1);
	return NULL;
}

void runner_start(struct runner *r, struct vcpu *vcpu)
{
	catch_sigusr1();
	r->vcpu = vcpu;
	r->ret = 1;
	atomic_store(&r->done, 0);
	expect_eq(pthread_create(&r->thread, NULL, runner_main, r), 0);
}

int runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
	return r->ret;
}

int runner_stop(struct runner *r)
{
	while (!atomic_load(&r->done)) {
		pthread_kill(r->thread, SIGUSR1);
		/* On another processor a thread that signals rain on gets nowhere. */
		usleep(1000);
	}
	return runner_join(r);
}

uint64_t wait_change(volatile uint64_t *word, uint64_t old)
{
	while (*word == old)
		sched_yield();
	return *word;
}

void in_child(void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	expect(pid >= 0);
	if (!pid) {
		fn(arg);
		fflush(stdout);
		_exit(VERDICT_PASS);
	}
	expect(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != VERDICT_PASS)
		fail_test("expected the child to pass, seen its wait status %#x", status);
}

unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	expect(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
