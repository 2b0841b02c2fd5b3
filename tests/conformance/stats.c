// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_STATS_FD: the layout that api.rst promises, on VM and vCPU. */
#include <fcntl.h>

#include "harness.h"
#include "arch/arch.h"

static int stats_fd(int fd)
{
	return expect_ok(kvm_ioctl(fd, KVM_GET_STATS_FD, 0L));
}

static void check_layout(int fd)
{
	struct kvm_stats_header header;
	char id[256] = "", *all;
	size_t desc_size, data_end = 0;

	expect_eq(pread(fd, &header, sizeof(header), 0), sizeof(header));
	expect_eq(header.flags, 0);
	expect(header.name_size > 0 && header.name_size <= 256);
	expect(header.num_desc > 0);
	expect_eq(header.id_offset, sizeof(header));
	expect_eq(pread(fd, id, sizeof(id) - 1, header.id_offset) > 0, 1);
	expect(!strncmp(id, "kvm-", 4));
	expect(header.desc_offset >= header.id_offset + header.name_size);

	desc_size = sizeof(struct kvm_stats_desc) + header.name_size;
	expect(header.data_offset >= header.desc_offset + header.num_desc * desc_size);
	all = malloc(header.num_desc * desc_size);
	expect_eq(pread(fd, all, header.num_desc * desc_size, header.desc_offset), header.num_desc * desc_size);
	for (uint32_t i = 0; i < header.num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(all + i * desc_size);
		size_t end = d->offset + d->size * 8;

		expect((d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX);
		expect((d->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX);
		expect((d->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_MAX);
		expect(d->size >= 1);
		expect_eq(d->offset % 8, 0);
		expect(d->name[0]);
		expect(strnlen(d->name, header.name_size) < header.name_size);
		for (uint32_t j = 0; j < i; j++)
			expect(strcmp(d->name, ((struct kvm_stats_desc *)(all + j * desc_size))->name));
		data_end = end > data_end ? end : data_end;
	}
	/* Data ends where the file does. */
	expect_eq(pread(fd, id, 8, header.data_offset + data_end - 8), 8);
	expect_eq(pread(fd, id, 8, header.data_offset + data_end), 0);
	expect_eq(pread(fd, id, 8, header.data_offset + data_end - 4), 4);
}

/* The sum of all values; 0 if none has changed since the fd was made. */
static uint64_t checksum(int fd)
{
	struct kvm_stats_header header;
	uint64_t sum = 0, v;

	expect_eq(pread(fd, &header, sizeof(header), 0), sizeof(header));
	for (off_t at = header.data_offset; pread(fd, &v, 8, at) == 8; at += 8)
		sum += v;
	return sum;
}

TEST(vm_stats_layout, NEED(KVM_CAP_BINARY_STATS_FD))
{
	check_layout(stats_fd(vm_new_bare()->fd));
}

TEST(vcpu_stats_layout, NEED(KVM_CAP_BINARY_STATS_FD))
{
	check_layout(stats_fd(vcpu_new_bare(vm_new_bare(), 0)->fd));
}

TEST(vcpu_stats_count, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	int fd = stats_fd(vcpu->fd);
	uint64_t before = checksum(fd);

	arch_start(vcpu, GUEST_BEAT, 0, 0, 0);
	for (int i = 0; i < 10; i++)
		run_done(vcpu);
	expect(checksum(fd) >= before + 10);
}

TEST(stats_are_read_in_sequence, NEED(KVM_CAP_BINARY_STATS_FD))
{
	int fd = stats_fd(vm_new_bare()->fd);
	struct kvm_stats_header a, b;

	expect_eq(read(fd, &a, sizeof(a)), sizeof(a));
	expect_eq(pread(fd, &b, sizeof(b), 0), sizeof(b));
	expect_mem(&a, &b, sizeof(a));
	expect(read(fd, &b, 4) == 4);
	expect(!memcmp(&b, "kvm-", 4));
}

TEST(stats_are_read_only, NEED(KVM_CAP_BINARY_STATS_FD))
{
	int fd = stats_fd(vm_new_bare()->fd);

	expect(write(fd, "x", 1) < 0 && (errno == EBADF || errno == EINVAL));
	expect(pread(fd, guard_page(), 8, 0) < 0 && errno == EFAULT);
	expect_eq(pread(fd, (char[8]){ 0 }, 8, 1 << 30), 0);
}

TEST(stats_fd_keeps_its_vm, NEED(KVM_CAP_BINARY_STATS_FD))
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	int of_vm = stats_fd(vm->fd), of_vcpu = stats_fd(vcpu->fd);

	close(vcpu->fd);
	close(vm->fd);
	check_layout(of_vm);
	check_layout(of_vcpu);
}
