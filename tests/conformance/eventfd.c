// SPDX-License-Identifier: GPL-2.0-only
/* KVM_IOEVENTFD on memory addresses, and coalesced MMIO. Ports: see arch/x86/exits.c. */
#include <sys/eventfd.h>

#include "harness.h"
#include "arch/arch.h"

static int ioeventfd(struct vm *vm, int fd, uint64_t addr, uint32_t len, uint64_t match, uint32_t flags)
{
	struct kvm_ioeventfd e = { .datamatch = match, .addr = addr, .len = len, .fd = fd, .flags = flags };

	return kvm_ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	expect(fd >= 0);
	return fd;
}

/* How often it was signalled since the last look. */
static uint64_t signals(int fd)
{
	uint64_t n = 0;

	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

/* The store must come to user space. */
static void store_exits(struct vcpu *vcpu, uint64_t gpa, unsigned int len, uint64_t value)
{
	arch_start(vcpu, GUEST_STORE, gpa, len, value);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, gpa, len, value);
	run_done(vcpu);
}

TEST(ioeventfd_takes_the_store, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = new_eventfd();

	need_mmio();
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 4, 0, 0), 0);
	guest_store(vcpu, MMIO_GPA, 4, 1);
	guest_store(vcpu, MMIO_GPA, 4, 2);
	expect_eq(signals(fd), 2);
	/* Other lengths and addresses are none of its business. */
	store_exits(vcpu, MMIO_GPA, 2, 1);
	store_exits(vcpu, MMIO_GPA, 8, 1);
	store_exits(vcpu, MMIO_GPA + 4, 4, 1);
	expect_eq(signals(fd), 0);
}

TEST(ioeventfd_does_not_take_loads, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = new_eventfd();

	need_mmio();
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 4, 0, 0), 0);
	arch_start(vcpu, GUEST_LOAD, MMIO_GPA, 4, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, MMIO_GPA, 4, 0);
	expect_eq(signals(fd), 0);
}

TEST(ioeventfd_datamatch_selects, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int a = new_eventfd(), b = new_eventfd();

	need_mmio();
	for (unsigned int len = 1; len <= 8; len *= 2) {
		expect_ret(ioeventfd(vm, a, MMIO_GPA, len, 0x11, KVM_IOEVENTFD_FLAG_DATAMATCH), 0);
		expect_ret(ioeventfd(vm, b, MMIO_GPA, len, 0x22, KVM_IOEVENTFD_FLAG_DATAMATCH), 0);
		guest_store(vcpu, MMIO_GPA, len, 0x11);
		expect_eq(signals(a), 1);
		expect_eq(signals(b), 0);
		guest_store(vcpu, MMIO_GPA, len, 0x22);
		expect_eq(signals(a), 0);
		expect_eq(signals(b), 1);
		store_exits(vcpu, MMIO_GPA, len, 0x33);
	}
}

TEST(ioeventfd_of_any_length, NEED(KVM_CAP_IOEVENTFD_ANY_LENGTH))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = new_eventfd();

	need_mmio();
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 0, 0, 0), 0);
	for (unsigned int len = 1; len <= 8; len *= 2)
		guest_store(vcpu, MMIO_GPA, len, len);
	expect_eq(signals(fd), 4);
	store_exits(vcpu, MMIO_GPA + 1, 1, 5);
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 0, 0, KVM_IOEVENTFD_FLAG_DATAMATCH), -EINVAL);
}

TEST(ioeventfd_duplicates_fail, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new_bare();
	int a = new_eventfd(), b = new_eventfd();

	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, 0), 0);
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, 0), -EEXIST);
	expect_ret(ioeventfd(vm, b, MMIO_GPA, 4, 0, 0), -EEXIST);
	/* Without datamatch it matches every value. */
	expect_ret(ioeventfd(vm, b, MMIO_GPA, 4, 7, KVM_IOEVENTFD_FLAG_DATAMATCH), -EEXIST);
	expect_ret(ioeventfd(vm, b, MMIO_GPA, 2, 0, 0), 0);
	expect_ret(ioeventfd(vm, b, MMIO_GPA + 8, 4, 7, KVM_IOEVENTFD_FLAG_DATAMATCH), 0);
	expect_ret(ioeventfd(vm, a, MMIO_GPA + 8, 4, 7, KVM_IOEVENTFD_FLAG_DATAMATCH), -EEXIST);
	expect_ret(ioeventfd(vm, a, MMIO_GPA + 8, 4, 8, KVM_IOEVENTFD_FLAG_DATAMATCH), 0);
}

TEST(ioeventfd_deassign_must_fit, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int a = new_eventfd(), b = new_eventfd();
	const uint32_t off = KVM_IOEVENTFD_FLAG_DEASSIGN;

	need_mmio();
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, off), -ENOENT);
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, 0), 0);
	expect_ret(ioeventfd(vm, b, MMIO_GPA, 4, 0, off), -ENOENT);
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 2, 0, off), -ENOENT);
	expect_ret(ioeventfd(vm, a, MMIO_GPA + 4, 4, 0, off), -ENOENT);
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, off | KVM_IOEVENTFD_FLAG_DATAMATCH), -ENOENT);
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, off), 0);
	expect_ret(ioeventfd(vm, a, MMIO_GPA, 4, 0, off), -ENOENT);
	store_exits(vcpu, MMIO_GPA, 4, 1);
}

TEST(ioeventfd_arguments_are_checked, NEED(KVM_CAP_IOEVENTFD))
{
	static const uint32_t bad_len[] = { 3, 5, 6, 7, 9, 16, 0xffffffff };
	struct vm *vm = vm_new_bare();
	int fd = new_eventfd(), fds[2];

	for (size_t i = 0; i < ARRAY_SIZE(bad_len); i++)
		expect_ret(ioeventfd(vm, fd, MMIO_GPA, bad_len[i], 0, 0), -EINVAL);
	for (int bit = 5; bit < 32; bit++)
		expect_ret(ioeventfd(vm, fd, MMIO_GPA, 4, 0, 1U << bit), -EINVAL);
	expect_ret(ioeventfd(vm, fd, -1ULL, 4, 0, 0), -EINVAL);
	expect_ret(ioeventfd(vm, fd, -4ULL, 8, 0, 0), -EINVAL);
	expect_ret(ioeventfd(vm, -1, MMIO_GPA, 4, 0, 0), -EBADF);
	expect_ret(ioeventfd(vm, 1000, MMIO_GPA, 4, 0, 0), -EBADF);
	expect_eq(pipe(fds), 0);
	expect_ret(ioeventfd(vm, fds[0], MMIO_GPA, 4, 0, 0), -EINVAL);
	expect_ret(ioeventfd(vm, kvm_fd(), MMIO_GPA, 4, 0, 0), -EINVAL);
}

TEST(ioeventfd_outlives_its_fd, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd = new_eventfd();

	need_mmio();
	expect_ret(ioeventfd(vm, fd, MMIO_GPA, 4, 0, 0), 0);
	close(fd);
	guest_store(vcpu, MMIO_GPA, 4, 1);
	guest_store(vcpu, MMIO_GPA, 4, 1);
}

TEST(many_ioeventfds_are_told_apart, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int fd[200];

	need_mmio();
	for (int i = 0; i < 200; i++) {
		fd[i] = new_eventfd();
		expect_ret(ioeventfd(vm, fd[i], MMIO_GPA + (i * 77 % 200) * 8, 4, 0, 0), 0);
	}
	for (int i = 0; i < 200; i += 13) {
		guest_store(vcpu, MMIO_GPA + (i * 77 % 200) * 8, 4, 1);
		for (int j = 0; j < 200; j++)
			expect_eq(signals(fd[j]), i == j);
	}
	for (int i = 0; i < 200; i++)
		expect_ret(ioeventfd(vm, fd[i], MMIO_GPA + (i * 77 % 200) * 8, 4, 0, KVM_IOEVENTFD_FLAG_DEASSIGN), 0);
}

TEST(ioeventfd_hidden_by_a_slot_is_silent, NEED(KVM_CAP_IOEVENTFD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint32_t *mem = add_slot(vm, 1, 0, TEST_GPA, page_size());
	int fd = new_eventfd();

	need_mmio();
	expect_ret(ioeventfd(vm, fd, TEST_GPA, 4, 0, 0), 0);
	guest_store(vcpu, TEST_GPA, 4, 5);
	expect_eq(*mem, 5);
	expect_eq(signals(fd), 0);
	expect_ret(set_slot(vm, 1, 0, 0, 0, NULL), 0);
	guest_store(vcpu, TEST_GPA, 4, 5);
	expect_eq(signals(fd), 1);
}

static int zone(struct vm *vm, unsigned long request, uint64_t addr, uint32_t size, uint32_t pio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size, .pio = pio };

	return kvm_ioctl(vm->fd, request, &z);
}

static struct kvm_coalesced_mmio_ring *ring_of(struct vcpu *vcpu)
{
	return (void *)((uint8_t *)vcpu->run + cap(KVM_CAP_COALESCED_MMIO) * page_size());
}

static unsigned int ring_size(void)
{
	return (page_size() - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio);
}

TEST(coalesced_stores_go_to_the_ring, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);
	uint64_t value = 0x8877665544332211;

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 64, 0), 0);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int len = 1 << i;

		guest_store(vcpu, MMIO_GPA + 8 * i, len, value);
		expect_eq(ring->last, i + 1);
		expect_eq(ring->coalesced_mmio[i].phys_addr, MMIO_GPA + 8 * i);
		expect_eq(ring->coalesced_mmio[i].len, len);
		expect_eq(ring->coalesced_mmio[i].pio, 0);
		expect_mem(ring->coalesced_mmio[i].data, &value, len);
	}
	expect_eq(ring->first, 0);
}

TEST(coalesced_zone_has_borders, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA + 16, 16, 0), 0);
	store_exits(vcpu, MMIO_GPA + 12, 4, 1);
	store_exits(vcpu, MMIO_GPA + 32, 4, 1);
	store_exits(vcpu, MMIO_GPA + 28, 8, 1);
	guest_store(vcpu, MMIO_GPA + 28, 4, 1);
	expect_eq(ring_of(vcpu)->last, 1);
	/* Loads are not coalesced. */
	arch_start(vcpu, GUEST_LOAD, MMIO_GPA + 16, 4, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
}

TEST(full_coalesced_ring_exits, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);
	unsigned int n = ring_size(), i;

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 4096, 0), 0);
	/* One entry stays free. Linux before 6.12 says full earlier, at 85 of 170 entries. */
	for (i = 0; i < n; i++) {
		arch_start(vcpu, GUEST_STORE, MMIO_GPA + i % 512 * 8, 4, i);
		expect_ret(vcpu_run(vcpu), 0);
		if (!arch_is_done(vcpu))
			break;
		expect_eq(ring->last, i + 1);
	}
	expect(i >= n / 2 && i <= n - 1);
	expect_mmio(vcpu, true, MMIO_GPA + i % 512 * 8, 4, i);
	expect_eq(ring->last, i);
	run_done(vcpu);
	/* Room again: it wraps. */
	ring->first = ring->last = n - 1;
	guest_store(vcpu, MMIO_GPA, 4, 78);
	expect_eq(ring->last, 0);
	expect_eq(ring->coalesced_mmio[n - 1].data[0], 78);
	guest_store(vcpu, MMIO_GPA, 4, 79);
	expect_eq(ring->last, 1);
}

TEST(coalesced_ring_indices_are_not_trusted, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);
	static const uint32_t bad[] = { 0xffffffff, 0x80000000, 0x7fffffff, 4096, 1000 };

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 4096, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ring->first = 0;
		ring->last = bad[i];
		store_exits(vcpu, MMIO_GPA, 4, 1);
		expect_eq(ring->last, bad[i]);
	}
	ring->last = ring_size();
	ring->first = 0;
	store_exits(vcpu, MMIO_GPA, 4, 1);
	ring->first = ring->last = 0;
	guest_store(vcpu, MMIO_GPA, 4, 1);
	expect_eq(ring->last, 1);
}

TEST(unregistered_zone_exits_again, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	/* Taking away what is not there is no error. */
	expect_ret(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, MMIO_GPA, 64, 0), 0);
	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 64, 0), 0);
	guest_store(vcpu, MMIO_GPA, 4, 1);
	expect_ret(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, MMIO_GPA, 64, 0), 0);
	store_exits(vcpu, MMIO_GPA, 4, 1);
	expect_eq(ring_of(vcpu)->last, 1);
}

TEST(coalesced_zone_arguments_are_checked, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new_bare();

	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 64, 2), -EINVAL);
	expect_ret(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, MMIO_GPA, 64, 2), -EINVAL);
	expect_ret(zone(vm, KVM_REGISTER_COALESCED_MMIO, MMIO_GPA, 64, 0xffffffff), -EINVAL);
}

TEST(coalesced_wrapped_zone_takes_nothing, NEED(KVM_CAP_COALESCED_MMIO))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	zone(vm, KVM_REGISTER_COALESCED_MMIO, -16ULL, 64, 0);
	store_exits(vcpu, MMIO_GPA, 4, 1);
	expect_eq(ring_of(vcpu)->last, 0);
}
