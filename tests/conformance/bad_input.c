// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input to the neutral ioctls, beyond ioctl_errors.c: padding, unknown flags, counts at their limits, odd ranges, and
 * threads that close what is being made. After each refused call what was there before still works.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "harness.h"
#include "arch/arch.h"

#define P slot_unit()

TEST(numbers_have_no_high_half)
{
	struct vm *vm = vm_new_bare();

	for (int bit = 32; bit < 64; bit++) {
		expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, 1UL << bit), -EINVAL);
		expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_API_VERSION, 1UL << bit), -EINVAL);
		expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_VCPU_MMAP_SIZE, 1UL << bit), -EINVAL);
		expect_ret(kvm_ioctl(kvm_fd(), KVM_CHECK_EXTENSION, 1UL << bit | KVM_CAP_USER_MEMORY), 0);
		expect_ret(kvm_ioctl(vm->fd, KVM_CHECK_EXTENSION, 1UL << bit | KVM_CAP_USER_MEMORY), 0);
	}
}

static int enable(int fd, uint32_t which, uint32_t flags, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = which, .flags = flags, .args = { arg } };

	return kvm_ioctl(fd, KVM_ENABLE_CAP, &c);
}

TEST(enable_cap_with_flags_fails)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);

	for (uint32_t which = 0; which < 300; which++) {
		static const uint32_t flags[] = { 1, 2, 1U << 31, 0xffffffff };

		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			expect_ret(enable(vcpu->vm->fd, which, flags[i], 0), -EINVAL);
			expect_ret(enable(vcpu->fd, which, flags[i], 0), -EINVAL);
		}
	}
}

TEST(halt_poll_takes_32_bits, NEED(KVM_CAP_HALT_POLL))
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_HALT_POLL };
	struct vm *vm = vm_new_bare();

	expect_ret(enable(vm->fd, KVM_CAP_HALT_POLL, 0, 0xffffffff), 0);
	expect_ret(enable(vm->fd, KVM_CAP_HALT_POLL, 0, 0x100000000), -EINVAL);
	expect_ret(enable(vm->fd, KVM_CAP_HALT_POLL, 0, -1ULL), -EINVAL);
	for (int bit = 0; bit < 32; bit++)
		expect_ret(enable(vm->fd, KVM_CAP_HALT_POLL, 1U << bit, 0), -EINVAL);
	/* What is behind the first argument is not looked at. */
	memset(c.args + 1, 0xff, sizeof(c) - offsetof(struct kvm_enable_cap, args[1]));
	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &c), 0);
}

TEST(manual_protect_flags_and_modes_are_checked, NEED(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
{
	uint64_t known = cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	struct vm *vm = vm_new_bare();

	for (int bit = 0; bit < 64; bit++) {
		if (bit < 32)
			expect_ret(enable(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1U << bit, 1), -EINVAL);
		if (!(known >> bit & 1))
			expect_ret(enable(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 0, 1ULL << bit | 1), -EINVAL);
	}
}

TEST(create_device_flags_make_no_device)
{
	struct vm *vm = vm_new_bare();
	unsigned int before = count_fds();

	for (int bit = 0; bit < 32; bit++) {
		struct kvm_create_device d = { .type = 0xffffffff, .fd = 1234, .flags = 1U << bit };

		expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d), -ENODEV);
		expect_eq(d.fd, 1234);
	}
	expect_eq(count_fds(), before);
}

TEST(guest_debug_padding_is_ignored, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_guest_debug dbg = { .pad = 0xffffffff };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

struct bad_region {
	uint32_t slot, flags;
	uint64_t gpa, size, hva;
	int error;
};

/* All of a VM with slot 1 at TEST_GPA, slot 2 at TEST_GPA2, 4 pages each from @mem and @mem + 4 pages. */
static size_t bad_regions(struct bad_region *b, uint64_t mem)
{
	uint64_t size = 4 * P, top = 1ULL << 63;
	uint32_t slots = cap(KVM_CAP_NR_MEMSLOTS);
	const struct bad_region bad[] = {
		{ 1, 0, TEST_GPA, 3 * P, mem, -EINVAL },
		{ 1, 0, TEST_GPA, size, mem + P, -EINVAL },
		{ 1, 0, TEST_GPA, size, mem + 1, -EINVAL },
		{ 1, 0, TEST_GPA + 1, size, mem, -EINVAL },
		{ 1, 0, TEST_GPA, size + 1, mem, -EINVAL },
		{ 1, 1U << 31, TEST_GPA, size, mem, -EINVAL },
		{ 1, 0, TEST_GPA2, size, mem, -EEXIST },
		{ 1, 0, TEST_GPA2 - 3 * P, size, mem, -EEXIST },
		{ 1, 0, TEST_GPA2 + 3 * P, size, mem, -EEXIST },
		{ 1, 0, -P, size, mem, -EINVAL },
		{ 1, 0, arch_gpa_limit() - P, size, mem, arch_slot_too_high },
		{ 1, 0, TEST_GPA, size, top, -EINVAL },
		{ 1, 1U << 31, TEST_GPA, 0, mem, -EINVAL },
		{ 1, 0, 1, 0, mem, -EINVAL },
		{ 1, 0, 0, 0, mem + 1, -EINVAL },
		{ 3, 0, TEST_GPA - P, 2 * P, mem, -EEXIST },
		{ 3, 0, TEST_GPA2 + P, P, mem, -EEXIST },
		{ 3, 0, 0, 0, 0, -EINVAL },
		{ slots, 0, TEST_GPA, size, mem, -EINVAL },
		{ 0xffffffff, 0, TEST_GPA, size, mem, -EINVAL },
		{ 0xffff, 0, 0, 0, 0, -EINVAL },
	};

	memcpy(b, bad, sizeof(bad));
	return ARRAY_SIZE(bad);
}

TEST(refused_regions_leave_every_slot_as_it_was)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t *mem = alloc_pages(8 * P);
	struct bad_region bad[32];
	size_t n = bad_regions(bad, (uintptr_t)mem);

	expect_ret(set_slot(vm, 1, 0, TEST_GPA, 4 * P, mem), 0);
	expect_ret(set_slot(vm, 2, 0, TEST_GPA2, 4 * P, mem + 4 * P), 0);
	for (size_t i = 0; i < n; i++) {
		struct bad_region *b = &bad[i];
		int ret = set_slot(vm, b->slot, b->flags, b->gpa, b->size, (void *)b->hva);

		if (ret != b->error)
			fail_test("region %zu: expected %d, seen %d", i, b->error, ret);
		guest_store(vcpu, TEST_GPA + 3 * P, 8, i + 1);
		guest_store(vcpu, TEST_GPA2 + 3 * P, 8, i + 2);
		expect_eq(*(uint64_t *)(mem + 3 * P), i + 1);
		expect_eq(*(uint64_t *)(mem + 7 * P), i + 2);
	}
	/* Nothing was made beside them. */
	arch_start(vcpu, GUEST_LOAD, TEST_GPA - P, 8, 0);
	run_nothing(vcpu, false, TEST_GPA - P, 8);
}

TEST(region2_reserved_fields_are_ignored, NEED(KVM_CAP_USER_MEMORY2))
{
	struct kvm_userspace_memory_region2 r;
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	memset(&r, 0xff, sizeof(r));
	r.slot = 1;
	r.flags = 0;
	r.guest_phys_addr = TEST_GPA;
	r.memory_size = P;
	r.userspace_addr = (uintptr_t)alloc_pages(P);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &r), 0);
	guest_store(vcpu, TEST_GPA, 8, 9);
	expect_eq(*(uint64_t *)r.userspace_addr, 9);
	/* Memory of a guest_memfd is for VMs of another type. */
	for (int bit = 2; bit < 32; bit++) {
		r.flags = 1U << bit;
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &r), -EINVAL);
	}
	expect_eq(guest_load(vcpu, TEST_GPA, 8), 9);
}

TEST(dirty_log_padding_is_ignored)
{
	struct kvm_dirty_log log = { .slot = 1, .padding1 = 0xffffffff };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t bitmap[4];

	/* No more than 256 pages, in a unit of whatever architecture. */
	add_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, 4 * page_size());
	guest_store(vcpu, TEST_GPA + 2 * page_size(), 8, 1);
	log.dirty_bitmap = bitmap;
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	expect_eq(le64toh(bitmap[0]), 4);
}

static int ioeventfd(struct vm *vm, int fd, uint64_t addr, uint32_t len, uint32_t flags)
{
	struct kvm_ioeventfd e = { .addr = addr, .len = len, .fd = fd, .flags = flags };

	memset(e.pad, 0xff, sizeof(e.pad));
	return kvm_ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

TEST(refused_ioeventfds_leave_the_others, NEED(KVM_CAP_IOEVENTFD))
{
	int fd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint64_t n;

	need_mmio();
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 4, 0), 0);
	for (int bit = 5; bit < 32; bit++) {
		expect_ret(ioeventfd(vm, other, MMIO_GPA, 4, 1U << bit), -EINVAL);
		expect_ret(ioeventfd(vm, other, MMIO_GPA, 4, 1U << bit | KVM_IOEVENTFD_FLAG_DEASSIGN), -ENOENT);
	}
	expect_ret(ioeventfd(vm, other, MMIO_GPA, 4, 0), -EEXIST);
	expect_ret(ioeventfd(vm, other, -4ULL, 4, 0), -EINVAL);
	expect_ret(ioeventfd(vm, other, -7ULL, 8, 0), -EINVAL);
	expect_ret(ioeventfd(vm, other, MMIO_GPA, 0x80000000, 0), -EINVAL);
	expect_ret(ioeventfd(vm, other, MMIO_GPA, 0x80000000, KVM_IOEVENTFD_FLAG_DEASSIGN), -ENOENT);
	expect_ret(ioeventfd(vm, -1, MMIO_GPA, 4, KVM_IOEVENTFD_FLAG_DEASSIGN), -EBADF);
	guest_store(vcpu, MMIO_GPA, 4, 1);
	expect_eq(read(fd, &n, 8), 8);
	expect_eq(n, 1);
	expect(read(other, &n, 8) < 0 && errno == EAGAIN);
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 4, KVM_IOEVENTFD_FLAG_DEASSIGN), 0);
}

/* An address that is no multiple of the length, and the last bytes there are. */
TEST(ioeventfd_at_odd_addresses, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t n;

	need_mmio();
	expect_ret(ioeventfd(vm, fd, MMIO_GPA + 1, 4, 0), 0);
	guest_store(vcpu, MMIO_GPA + 1, 4, 1);
	expect_eq(read(fd, &n, 8), 8);
	expect_ret(ioeventfd(vm, fd, -5ULL, 4, 0), 0);
	expect_ret(ioeventfd(vm, fd, -5ULL, 4, KVM_IOEVENTFD_FLAG_DEASSIGN), 0);
}

static int zone(struct vm *vm, unsigned long request, uint64_t addr, uint32_t size, uint32_t pio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size, .pio = pio };

	return kvm_ioctl(vm->fd, request, &z);
}

/* The store must come to user space. */
static void store_exits(struct vcpu *vcpu, uint64_t gpa)
{
	arch_start(vcpu, GUEST_STORE, gpa, 4, 1);
	run_until(vcpu, KVM_EXIT_MMIO);
	run_done(vcpu);
}

TEST(coalesced_zones_of_odd_sizes, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 0, 0), 0);
	store_exits(vcpu, MMIO_GPA);
	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA + P, 3, 0), 0);
	store_exits(vcpu, MMIO_GPA + P);
	for (int bit = 1; bit < 32; bit++) {
		expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, P, 1U << bit), -EINVAL);
		expect_ret(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, MMIO_GPA, P, 1U << bit | 1), -EINVAL);
	}
	store_exits(vcpu, MMIO_GPA);
}

/* The kernel's own KVM takes no store to one of 2 GB or more. */
TEST(coalesced_zone_of_a_large_size, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 0x7fffffff, 0), 0);
	guest_store(vcpu, MMIO_GPA + 2 * P, 4, 1);
	store_exits(vcpu, MMIO_GPA - 4);
	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, 1ULL << 40, 0xffffffff, 0), 0);
}

TEST(number_of_coalesced_zones_is_limited, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	unsigned int n = 0;
	int ret;

	while (!(ret = zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA + 16 * n, 8, 0)))
		n++;
	expect_ret(ret, -ENOSPC);
	expect(n >= 200);
	guest_store(vcpu, MMIO_GPA + 16 * (n - 1), 4, 1);
	store_exits(vcpu, MMIO_GPA + 16 * n);
	expect_ret(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, MMIO_GPA, 8, 0), 0);
	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA + 16 * n, 8, 0), 0);
	guest_store(vcpu, MMIO_GPA + 16 * n, 4, 1);
	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 8, 0), -ENOSPC);
}

TEST(number_of_vcpus_is_limited)
{
	unsigned int max = cap(KVM_CAP_MAX_VCPUS), n = 0;
	struct vm *vm = vm_new_bare();
	int ret;

	/* Not above the limit of open files: a closed vCPU stays one. */
	while (n <= max && (ret = kvm_ioctl(vm->fd, KVM_CREATE_VCPU, (long)n)) >= 0) {
		close(ret);
		n++;
	}
	expect_ret(ret, -EINVAL);
	expect_eq(n, max);
}

/* Linux before 6.10 takes the low half of a number that has more than 32 bits. */
TEST(vcpu_id_has_no_high_half)
{
	struct vm *vm = vm_new_bare();
	int ret = kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 0x100000003L);

	if (ret >= 0) {
		expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 3L), -EEXIST);
		return;
	}
	expect_ret(ret, -EINVAL);
	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 3L));
}

static int signal_mask(struct vcpu *vcpu, uint32_t len, uint64_t mask)
{
	struct {
		struct kvm_signal_mask head;
		uint64_t mask;
	} __attribute__((packed)) m = { { .len = len }, mask };

	return kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &m);
}

TEST(refused_signal_mask_changes_nothing)
{
	static const uint32_t bad[] = { 0, 1, 4, 7, 9, 16, 128, 0x80000000, 0x80000008, 0xffffffff };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *guard = guard_page();
	sigset_t set;

	catch_sigusr1();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	expect_ret(signal_mask(vcpu, 8, 1ULL << (SIGUSR1 - 1)), 0);
	/* These would let the signal in. */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_ret(signal_mask(vcpu, bad[i], 0), -EINVAL);
	*(uint32_t *)(guard - 4) = 8;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, guard - 4), -EFAULT);
	raise(SIGUSR1);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

static void *get_mp_state(void *arg)
{
	struct runner *r = arg;
	struct kvm_mp_state state;

	/* On s390 the state itself is the result. */
	r->ret = kvm_ioctl(r->vcpu->fd, KVM_GET_MP_STATE, &state);
	atomic_store(&r->done, 1);
	return NULL;
}

/* It waits for the end of the run, or for a moment in which the vCPU is not in the guest. */
TEST(ioctl_of_a_busy_vcpu_does_not_disturb_it)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile uint64_t *word = add_slot(vm, 1, 0, TEST_GPA, P);
	struct runner r, other = { .vcpu = vcpu };

	arch_start(vcpu, GUEST_SPIN, TEST_GPA, 0, 0);
	runner_start(&r, vcpu);
	wait_change(word, 0);
	expect_eq(pthread_create(&other.thread, NULL, get_mp_state, &other), 0);
	for (int i = 0; i < 5; i++)
		wait_change(word, *word);
	expect_eq(atomic_load(&r.done), 0);
	expect_ret(runner_stop(&r), -EINTR);
	expect_eq(pthread_join(other.thread, NULL), 0);
	expect_ok(other.ret);
}

struct closer {
	pthread_t thread;
	int first;
	_Atomic bool stop;
};

/* Closes the numbers that the next fds will have, over and over. */
static void *close_all(void *arg)
{
	struct closer *c = arg;

	while (!atomic_load(&c->stop)) {
		for (int i = 0; i < 4; i++)
			close(c->first + i);
		sched_yield();
	}
	return NULL;
}

static void create_device(struct vm *vm)
{
	for (unsigned int type = 1; type < 16; type++) {
		struct kvm_create_device d = { .type = type, .flags = KVM_CREATE_DEVICE_TEST };

		if (kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d))
			continue;
		d.flags = 0;
		if (!kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d))
			close(d.fd);
	}
}

/* For the case that nobody else did. */
static void made(int fd)
{
	expect_ok(fd);
	close(fd);
}

TEST(fds_closed_while_they_are_made)
{
	struct vm *vm = vm_new(), *other = vm_new_bare();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct closer c = { .first = dup(vm->fd) };

	expect(c.first > vm->fd && c.first > other->fd && c.first > vcpu->fd);
	expect_eq(pthread_create(&c.thread, NULL, close_all, &c), 0);
	for (int i = 0; i < 200; i++) {
		/* Slow to go: not every time. */
		if (i % 8 == 0) {
			int fd = kvm_ioctl(kvm_fd(), KVM_CREATE_VM, 0L);

			/* Whatever that number is by now: another fd, or none. */
			kvm_ioctl(fd, KVM_CREATE_VCPU, 0L);
			made(fd);
		}
		if (i + 1 < cap(KVM_CAP_MAX_VCPUS))
			made(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, i + 1L));
		if (cap(KVM_CAP_BINARY_STATS_FD)) {
			made(kvm_ioctl(vm->fd, KVM_GET_STATS_FD, 0L));
			made(kvm_ioctl(vcpu->fd, KVM_GET_STATS_FD, 0L));
		}
		create_device(other);
	}
	atomic_store(&c.stop, true);
	pthread_join(c.thread, NULL);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}
