// SPDX-License-Identifier: GPL-2.0-only
/* x86: a slot over memory that is no ordinary page (VM_IO, VM_PFNMAP): the firmware below 1 MB, as /dev/mem maps it. */
#include <fcntl.h>
#include <sys/mman.h>

#include "arch_x86.h"

#define FIRMWARE	0xf0000
#define FIRMWARE_SIZE	0x10000
#define RESET_VECTOR	0xfff0

static void *map_firmware(int prot)
{
	int fd = open("/dev/mem", O_RDONLY);
	void *p;

	if (fd < 0)
		skip_test("/dev/mem");
	p = mmap(NULL, FIRMWARE_SIZE, prot, MAP_SHARED, fd, FIRMWARE);
	close(fd);
	if (p == MAP_FAILED)
		skip_test("firmware in /dev/mem");
	return p;
}

TEST(slot_of_a_device_mapping_is_read)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *rom = map_firmware(PROT_READ);
	uint64_t value;

	expect_ret(set_slot(vcpu->vm, 1, KVM_MEM_READONLY, TEST_GPA, FIRMWARE_SIZE, rom), 0);
	for (unsigned int at = 0; at < FIRMWARE_SIZE; at += 0xff8) {
		memcpy(&value, rom + at, sizeof(value));
		expect_eq(guest_load(vcpu, TEST_GPA + at, 8), value);
	}
	memcpy(&value, rom + RESET_VECTOR, sizeof(value));
	expect(value);
	expect_eq(guest_load(vcpu, TEST_GPA + RESET_VECTOR, 8), value);
}

TEST(slot_of_a_device_mapping_goes_with_it)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *rom = map_firmware(PROT_READ);

	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, FIRMWARE_SIZE, rom), 0);
	guest_load(vcpu, TEST_GPA + RESET_VECTOR, 8);
	expect_eq(munmap(rom, FIRMWARE_SIZE), 0);
	arch_start(vcpu, GUEST_LOAD, TEST_GPA + RESET_VECTOR, 8, 0);
	expect_ret(vcpu_run(vcpu), -EFAULT);
	/* Ordinary memory in its place is seen at once. */
	expect(mmap(rom, FIRMWARE_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == rom);
	expect_eq(guest_load(vcpu, TEST_GPA + RESET_VECTOR, 8), 0);
	guest_store(vcpu, TEST_GPA + RESET_VECTOR, 8, 0x1234);
	expect_eq(*(uint64_t *)(rom + RESET_VECTOR), 0x1234);
}
