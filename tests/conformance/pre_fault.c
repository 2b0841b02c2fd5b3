// SPDX-License-Identifier: GPL-2.0-only
/* KVM_PRE_FAULT_MEMORY: guest memory is mapped before the guest touches it. */
#define _GNU_SOURCE
#include <endian.h>
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"

#define P page_size()
#define NPAGES 64
#define PRE_FAULT_NEEDED NEED(KVM_CAP_PRE_FAULT_MEMORY)

static struct kvm_pre_fault_memory last;

static int pre_fault(struct vcpu *vcpu, uint64_t gpa, uint64_t size, uint64_t flags)
{
	last = (struct kvm_pre_fault_memory){ .gpa = gpa, .size = size, .flags = flags };
	return kvm_ioctl(vcpu->fd, KVM_PRE_FAULT_MEMORY, &last);
}

TEST(pre_fault_brings_the_pages_in, PRE_FAULT_NEEDED)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	void *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, NPAGES * P);
	unsigned char in[NPAGES];

	expect_ret(pre_fault(vcpu, TEST_GPA, NPAGES * P, 0), 0);
	expect_eq(last.gpa, TEST_GPA + NPAGES * P);
	expect_eq(last.size, 0);
	expect_eq(mincore(mem, NPAGES * P, in), 0);
	for (int i = 0; i < NPAGES; i++)
		expect(in[i] & 1);
	guest_store(vcpu, TEST_GPA + 5 * P, 8, 77);
	expect_eq(*(uint64_t *)((char *)mem + 5 * P), 77);
}

TEST(pre_fault_stops_where_the_slot_ends, PRE_FAULT_NEEDED)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t end = TEST_GPA + slot_unit();

	add_slot(vcpu->vm, 1, 0, TEST_GPA, slot_unit());
	expect_ret(pre_fault(vcpu, end - P, 8 * P, 0), 0);
	expect_eq(last.gpa, end);
	expect_eq(last.size, 7 * P);
	expect_ret(pre_fault(vcpu, end, P, 0), -ENOENT);
	expect_eq(last.gpa, end);
	expect_eq(last.size, P);
}

TEST(pre_fault_arguments_are_checked, PRE_FAULT_NEEDED)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	add_slot(vcpu->vm, 1, 0, TEST_GPA, 4 * P);
	expect_ret(pre_fault(vcpu, TEST_GPA, 0, 0), -EINVAL);
	expect_ret(pre_fault(vcpu, TEST_GPA + 1, P, 0), -EINVAL);
	expect_ret(pre_fault(vcpu, TEST_GPA, P + 1, 0), -EINVAL);
	expect_ret(pre_fault(vcpu, TEST_GPA, P, 1), -EINVAL);
	expect_ret(pre_fault(vcpu, -P, P, 0), -EINVAL);
	expect_ret(pre_fault(vcpu, -2 * P, P, 0), -ENOENT);
}

TEST(pre_fault_does_not_write_into_the_log, PRE_FAULT_NEEDED)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t bitmap[4];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	add_slot(vcpu->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, 4 * P);
	expect_ret(pre_fault(vcpu, TEST_GPA, 4 * P, 0), 0);
	guest_store(vcpu, TEST_GPA + 2 * P, 8, 1);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	expect_eq(le64toh(bitmap[0]), 1 << 2);
}

TEST(pre_fault_of_absent_user_memory_fails, PRE_FAULT_NEEDED)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	char *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 4 * P);

	expect_eq(munmap(mem + P, P), 0);
	expect_ret(pre_fault(vcpu, TEST_GPA, 4 * P, 0), 0);
	expect_eq(last.gpa, TEST_GPA + P);
	expect_ret(pre_fault(vcpu, TEST_GPA + P, P, 0), -EFAULT);
}
