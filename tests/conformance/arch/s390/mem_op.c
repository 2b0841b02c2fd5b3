// SPDX-License-Identifier: GPL-2.0-only
/* s390: KVM_S390_MEM_OP, logical and absolute, and storage keys. */
#include "arch_s390.h"

#define MAX_SIZE	65536

static struct kvm_s390_mem_op mem_op(uint32_t op, uint64_t gaddr, void *buf, uint32_t size, uint64_t flags)
{
	return (struct kvm_s390_mem_op){ .gaddr = gaddr, .flags = flags, .size = size, .op = op, .buf = (uintptr_t)buf };
}

static int logical(struct vcpu *vcpu, uint32_t op, uint64_t gaddr, void *buf, uint32_t size, uint64_t flags)
{
	struct kvm_s390_mem_op m = mem_op(op, gaddr, buf, size, flags);

	return kvm_ioctl(vcpu->fd, KVM_S390_MEM_OP, &m);
}

static int absolute(struct vm *vm, uint32_t op, uint64_t gaddr, void *buf, uint32_t size, uint64_t flags)
{
	struct kvm_s390_mem_op m = mem_op(op, gaddr, buf, size, flags);

	return kvm_ioctl(vm->fd, KVM_S390_MEM_OP, &m);
}

#define READ	KVM_S390_MEMOP_LOGICAL_READ
#define WRITE	KVM_S390_MEMOP_LOGICAL_WRITE
#define ABS_READ	KVM_S390_MEMOP_ABSOLUTE_READ
#define ABS_WRITE	KVM_S390_MEMOP_ABSOLUTE_WRITE
#define CHECK	KVM_S390_MEMOP_F_CHECK_ONLY
#define INJECT	KVM_S390_MEMOP_F_INJECT_EXCEPTION
#define KEYED	KVM_S390_MEMOP_F_SKEY_PROTECTION

static void fill(uint8_t *p, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = i * 7 + seed + (i >> 8);
}

/* A vCPU that has run, so that its PSW is known, with a MB of memory at TEST_GPA. */
static struct vcpu *vcpu_with_memory(uint8_t **mem)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	*mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 1 << 20);
	memset(*mem, 0, 1 << 20);
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	return vcpu;
}

TEST(mem_op_of_each_size_and_place, NEED(KVM_CAP_S390_MEM_OP))
{
	static const uint32_t sizes[] = { 1, 2, 3, 8, 255, 256, 4095, 4096, 4097, 12288, MAX_SIZE };
	static const uint64_t places[] = { 0, 1, 4095, 8000 };
	static uint8_t in[MAX_SIZE], out[MAX_SIZE];
	uint8_t *mem;
	struct vcpu *vcpu = vcpu_with_memory(&mem);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(places); j++) {
			fill(in, sizes[i], i + j);
			expect_ret(logical(vcpu, WRITE, TEST_GPA + places[j], in, sizes[i], 0), 0);
			expect_mem(mem + places[j], in, sizes[i]);
			fill(mem + places[j], sizes[i], 99);
			expect_ret(logical(vcpu, READ, TEST_GPA + places[j], out, sizes[i], 0), 0);
			expect_mem(out, mem + places[j], sizes[i]);
		}
	}
}

TEST(mem_op_sizes_are_checked, NEED(KVM_CAP_S390_MEM_OP))
{
	uint8_t *mem, *buf = alloc_pages(2 * MAX_SIZE);
	struct vcpu *vcpu = vcpu_with_memory(&mem);

	for (uint32_t op = READ; op <= WRITE; op++) {
		expect_ret(logical(vcpu, op, TEST_GPA, buf, 0, 0), -EINVAL);
		expect_ret(logical(vcpu, op, TEST_GPA, buf, 0, CHECK), -EINVAL);
		expect_ret(logical(vcpu, op, TEST_GPA, buf, MAX_SIZE + 1, 0), -E2BIG);
		expect_ret(logical(vcpu, op, TEST_GPA, buf, 0xffffffff, 0), -E2BIG);
		expect_ret(logical(vcpu, op, TEST_GPA, buf, MAX_SIZE, 0), 0);
		expect_ret(logical(vcpu, op, TEST_GPA, guard_page() - 4, 8, 0), -EFAULT);
		expect_ret(logical(vcpu, op, TEST_GPA, guard_page(), 8, CHECK), 0);
	}
}

TEST(mem_op_flags_and_operations_are_checked, NEED(KVM_CAP_S390_MEM_OP))
{
	bool extension = cap(KVM_CAP_S390_MEM_OP_EXTENSION) > 0;
	uint8_t *mem, buf[16];
	struct vcpu *vcpu = vcpu_with_memory(&mem);

	for (int bit = 0; bit < 64; bit++) {
		uint64_t flag = 1ULL << bit;

		if (!(flag & (CHECK | INJECT | (extension ? KEYED : 0))))
			expect_ret(logical(vcpu, READ, TEST_GPA, buf, 8, flag), -EINVAL);
	}
	for (uint32_t op = 2; op < 40; op++)
		expect_ret(logical(vcpu, op, TEST_GPA, buf, 8, 0), -EINVAL);
	expect_ret(logical(vcpu, 0xffffffff, TEST_GPA, buf, 8, 0), -EINVAL);
	for (unsigned int ar = 0; ar < 256; ar++) {
		struct kvm_s390_mem_op m = mem_op(READ, TEST_GPA, buf, 8, 0);

		m.ar = ar;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_MEM_OP, &m), ar < 16 ? 0 : -EINVAL);
	}
}

TEST(mem_op_of_the_vm_is_absolute, NEED(KVM_CAP_S390_MEM_OP_EXTENSION))
{
	uint64_t value = 0x1122334455667788, seen = 0;
	uint8_t *mem;
	struct vcpu *vcpu = vcpu_with_memory(&mem);
	struct vm *vm = vcpu->vm;

	expect_ret(absolute(vm, ABS_WRITE, TEST_GPA + 4092, &value, 8, 0), 0);
	expect_mem(mem + 4092, &value, 8);
	expect_ret(absolute(vm, ABS_READ, TEST_GPA + 4092, &seen, 8, 0), 0);
	expect_eq(seen, value);
	/* Prefixing is for the vCPU's. */
	*(uint64_t *)code_at(vm, 0x800) = 0xabab;
	*(uint64_t *)s390_lowcore(vcpu, 0x800) = 0xcdcd;
	expect_ret(absolute(vm, ABS_READ, 0x800, &seen, 8, 0), 0);
	expect_eq(seen, 0xabab);
	expect_ret(logical(vcpu, READ, 0x800, &seen, 8, 0), 0);
	expect_eq(seen, 0xcdcd);
	expect_ret(logical(vcpu, READ, PREFIX_GPA + 0x800, &seen, 8, 0), 0);
	expect_eq(seen, 0xabab);
	/* Operations of vCPUs and unknown ones. */
	expect_ret(absolute(vm, READ, TEST_GPA, &seen, 8, 0), -EINVAL);
	expect_ret(absolute(vm, WRITE, TEST_GPA, &seen, 8, 0), -EINVAL);
	for (uint32_t op = 7; op < 40; op++)
		expect_ret(absolute(vm, op, TEST_GPA, &seen, 8, 0), -EINVAL);
	expect_ret(logical(vcpu, ABS_READ, TEST_GPA, &seen, 8, 0), -EINVAL);
	expect_ret(absolute(vm, ABS_READ, TEST_GPA, &seen, 8, INJECT), -EINVAL);
	expect_ret(absolute(vm, ABS_READ, TEST_GPA, &seen, 0, 0), -EINVAL);
	expect_ret(absolute(vm, ABS_READ, TEST_GPA, &seen, MAX_SIZE + 1, 0), -E2BIG);
	expect_ret(absolute(vm, ABS_READ, TEST_GPA, guard_page(), 8, 0), -EFAULT);
	expect_ret(absolute(vm, ABS_READ, MMIO_GPA, &seen, 8, 0), PGM_ADDRESSING);
	expect_ret(absolute(vm, ABS_READ, MMIO_GPA, &seen, 8, CHECK), PGM_ADDRESSING);
	expect_ret(absolute(vm, ABS_WRITE, TEST_GPA + (1 << 20) - 4, &seen, 8, 0), PGM_ADDRESSING);
	expect_ret(absolute(vm, ABS_READ, -4ULL, &seen, 8, 0), PGM_ADDRESSING);
}

TEST(mem_op_where_no_memory_is_gives_the_exception, NEED(KVM_CAP_S390_MEM_OP))
{
	uint64_t value = 0x55;
	uint8_t *mem;
	struct vcpu *vcpu = vcpu_with_memory(&mem);

	for (uint32_t op = READ; op <= WRITE; op++) {
		expect_ret(logical(vcpu, op, MMIO_GPA, &value, 8, 0), PGM_ADDRESSING);
		expect_ret(logical(vcpu, op, MMIO_GPA, &value, 8, CHECK), PGM_ADDRESSING);
		expect_ret(logical(vcpu, op, TEST_GPA + (1 << 20) - 4, &value, 8, 0), PGM_ADDRESSING);
	}
	expect_ret(logical(vcpu, WRITE, TEST_GPA + 8, &(uint64_t){ 1 }, 8, CHECK), 0);
	expect_eq(*(uint64_t *)(mem + 8), 0);
	/* The guest sees none of them... */
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	/* ...but those that are injected. */
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(logical(vcpu, READ, MMIO_GPA, &value, 8, INJECT), PGM_ADDRESSING);
	run_program(vcpu, PGM_ADDRESSING);
	run_done(vcpu);
}

#define CR0_LOW_ADDRESS	(1ULL << 28)

TEST(mem_op_obeys_low_address_protection, NEED(KVM_CAP_S390_MEM_OP))
{
	uint64_t value = 1;
	uint8_t *mem;
	struct vcpu *vcpu = vcpu_with_memory(&mem);

	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_LOW_ADDRESS);
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(logical(vcpu, WRITE, 0, &value, 8, 0), PGM_PROTECTION);
	expect_ret(logical(vcpu, WRITE, 508, &value, 8, CHECK), PGM_PROTECTION);
	expect_ret(logical(vcpu, WRITE, 512, &value, 8, 0), 0);
	expect_ret(logical(vcpu, WRITE, 4096 + 511, &value, 1, 0), PGM_PROTECTION);
	expect_ret(logical(vcpu, READ, 0, &value, 8, 0), 0);
	expect_ret(logical(vcpu, WRITE, TEST_GPA, &value, 8, 0), 0);
}

TEST(mem_op_translates_as_the_guest_does, NEED(KVM_CAP_S390_MEM_OP))
{
	uint8_t *mem, in[5000], out[5000];
	struct vcpu *vcpu = vcpu_with_memory(&mem);
	uint64_t *second = dat_tables(vcpu->vm);

	second[0] = TEST_GPA + 0x5000;
	second[1] = TEST_GPA + 0x3000;
	second[2] = TEST_GPA + 0x7000 + PAGE_PROTECTED;
	second[3] = MMIO_GPA;
	arch_start(vcpu, GUEST_STORE, SECOND_GVA + 0x1008, 8, 0x777);
	dat_on(vcpu);
	run_done(vcpu);
	expect_eq(*(uint64_t *)(mem + 0x3008), 0x777);
	fill(in, sizeof(in), 3);
	expect_ret(logical(vcpu, WRITE, SECOND_GVA + 100, in, sizeof(in), 0), 0);
	expect_mem(mem + 0x5000 + 100, in, 4096 - 100);
	expect_mem(mem + 0x3000, in + 4096 - 100, sizeof(in) - 4096 + 100);
	expect_ret(logical(vcpu, READ, SECOND_GVA + 100, out, sizeof(out), 0), 0);
	expect_mem(out, in, sizeof(in));
	expect_ret(logical(vcpu, READ, SECOND_GVA + 0x2000, out, 8, 0), 0);
	expect_ret(logical(vcpu, WRITE, SECOND_GVA + 0x2000, out, 8, 0), PGM_PROTECTION);
	expect_ret(logical(vcpu, READ, SECOND_GVA + 0x3000, out, 8, 0), PGM_ADDRESSING);
	expect_ret(logical(vcpu, READ, SECOND_GVA + 0x4000, out, 8, 0), PGM_PAGE);
	expect_ret(logical(vcpu, READ, SECOND_GVA + 0x3ffc, out, 8, CHECK), PGM_ADDRESSING);
	expect_ret(logical(vcpu, READ, 0x200000, out, 8, 0), PGM_SEGMENT);
	expect_ret(logical(vcpu, READ, 1ULL << 31, out, 8, 0), 0x38);
	/* What the guest is told. */
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	dat_on(vcpu);
	expect_ret(logical(vcpu, WRITE, SECOND_GVA + 0x4008, out, 8, INJECT), PGM_PAGE);
	run_program(vcpu, PGM_PAGE);
	expect_eq(lowcore64(vcpu, LC_TEID) & ~0xfffULL, SECOND_GVA + 0x4000);
}

GUEST(guest_ipte, "0: ipte %r2, %r3\n stg %r4, 8(%r2)\n brctg %r5, 0b\n" DONE);

/* A page is there or not: what an entry that was invalidated meanwhile leads to is not seen. */
TEST(mem_op_beside_a_guest_that_invalidates_entries, NEED(KVM_CAP_S390_MEM_OP))
{
	uint8_t *mem;
	struct vcpu *other = vcpu_with_memory(&mem), *vcpu = vcpu_new(other->vm, 1);
	uint64_t *second = dat_tables(other->vm), value;
	struct runner r;
	int ret;

	*(uint64_t *)(mem + 0x3000) = 0x777;
	second[1] = TEST_GPA + 0x3000;
	s390_start(vcpu, guest_ipte, SECOND_PAGES, 0x1000, TEST_GPA + 0x3000);
	set_gpr(vcpu, 5, 3000);
	arch_start(other, GUEST_NOP, 0, 0, 0);
	dat_on(other);
	run_done(other);
	runner_start(&r, vcpu);
	do {
		value = 0x777;
		ret = logical(other, READ, SECOND_GVA + 0x1000, &value, 8, 0);
		if (ret)
			expect_eq(ret, PGM_PAGE);
		expect_eq(value, 0x777);
	} while (!r.done);
	expect_ret(runner_join(&r), 0);
	expect(s390_is_diag(vcpu, DIAG_DONE));
	expect_ret(logical(other, READ, SECOND_GVA + 0x1000, &value, 8, 0), 0);
}

/* A second space of the guest: its tables are where the first one's are, and this much on. */
#define OTHER_SPACE	0x8000ULL

static uint64_t *other_space(struct vm *vm)
{
	uint64_t *segments = code_at(vm, SEGMENT_TABLE + OTHER_SPACE), *second = code_at(vm, SECOND_PAGES + OTHER_SPACE);

	for (unsigned int i = 0; i < 2048; i++)
		segments[i] = ENTRY_INVALID;
	segments[0] = FIRST_PAGES;
	segments[1] = SECOND_PAGES + OTHER_SPACE;
	for (unsigned int i = 0; i < 256; i++)
		second[i] = PAGE_INVALID;
	return second;
}

static int by_register(struct vcpu *vcpu, uint32_t op, uint64_t gaddr, unsigned int ar, uint64_t *value)
{
	struct kvm_s390_mem_op m = mem_op(op, gaddr, value, sizeof(*value), 0);

	m.ar = ar;
	return kvm_ioctl(vcpu->fd, KVM_S390_MEM_OP, &m);
}

static void expect_at(struct vcpu *vcpu, uint64_t gaddr, unsigned int ar, uint64_t expected)
{
	uint64_t value = 0;

	expect_ret(by_register(vcpu, READ, gaddr, ar, &value), 0);
	expect_eq(value, expected);
}

/* Its PSW is of this mode from now on, as the guest has run with it. */
static void run_in_space(struct vcpu *vcpu, uint64_t mode)
{
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	dat_on(vcpu);
	vcpu->run->psw_mask |= mode;
	run_done(vcpu);
}

/* A page that the primary space and the secondary space have at SECOND_GVA, of 0x111 and 0x222. */
static struct vcpu *vcpu_with_spaces(void)
{
	uint8_t *mem;
	struct vcpu *vcpu = vcpu_with_memory(&mem);

	dat_tables(vcpu->vm)[0] = TEST_GPA + 0x5000;
	other_space(vcpu->vm)[0] = TEST_GPA + 0x9000;
	*(uint64_t *)(mem + 0x5000) = 0x111;
	*(uint64_t *)(mem + 0x9000) = 0x222;
	set_cr(vcpu, 7, (SEGMENT_TABLE + OTHER_SPACE) | ASCE_SEGMENTS);
	return vcpu;
}

TEST(mem_op_goes_to_the_space_that_the_psw_names, NEED(KVM_CAP_S390_MEM_OP))
{
	struct vcpu *vcpu = vcpu_with_spaces();

	run_in_space(vcpu, 0);
	expect_at(vcpu, SECOND_GVA, 0, 0x111);
	run_in_space(vcpu, PSW_SECONDARY);
	expect_at(vcpu, SECOND_GVA, 0, 0x222);
	set_cr(vcpu, 13, (SEGMENT_TABLE + OTHER_SPACE) | ASCE_SEGMENTS);
	run_in_space(vcpu, PSW_HOME);
	expect_at(vcpu, SECOND_GVA, 0, 0x222);
}

/* Access-register translation: Principles of Operation, chapter 5. */
#define DUCT		(TABLES_GPA + 0x18000)	/* dispatchable-unit control table; CR2 */
#define ACCESS_LIST	(TABLES_GPA + 0x18100)
#define ASTE		(TABLES_GPA + 0x18200)	/* an ASN-second-table entry */
#define ALE_INVALID	0x80000000
#define ALE_FETCH_ONLY	0x02000000
#define ALE_PRIVATE	0x01000000
#define ALE_SEQUENCE	0x00070000

TEST(mem_op_goes_to_the_space_of_the_access_register, NEED(KVM_CAP_S390_MEM_OP))
{
	struct vcpu *vcpu = vcpu_with_spaces();
	uint32_t *duct = code_at(vcpu->vm, DUCT), *list = code_at(vcpu->vm, ACCESS_LIST), *aste = code_at(vcpu->vm, ASTE);
	uint32_t *ale = list + 2 * 4, *acrs = vcpu->run->s.regs.acrs;
	uint64_t value = 0;

	set_cr(vcpu, 2, DUCT);
	duct[4] = ACCESS_LIST;		/* of eight entries */
	for (unsigned int i = 0; i < 8; i++)
		list[i * 4] = ALE_INVALID;
	ale[0] = ALE_SEQUENCE;
	ale[2] = ASTE;
	ale[3] = 0x1234;
	memset(aste, 0, 64);
	aste[3] = (SEGMENT_TABLE + OTHER_SPACE) | ASCE_SEGMENTS;
	aste[5] = 0x1234;
	run_in_space(vcpu, PSW_ACCESS_REGISTER);
	acrs[2] = 1;			/* the secondary space */
	acrs[3] = 0;
	acrs[4] = ALE_SEQUENCE | 2;
	expect_at(vcpu, SECOND_GVA, 0, 0x111);
	expect_at(vcpu, SECOND_GVA, 2, 0x222);
	expect_at(vcpu, SECOND_GVA, 3, 0x111);
	set_cr(vcpu, 7, 0);
	expect_at(vcpu, SECOND_GVA, 4, 0x222);
	/* What is wrong with it. */
	acrs[5] = 0x02000000;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 5, &value), 0x28);	/* ALET specification */
	acrs[5] = 3;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 5, &value), 0x29);	/* ALEN translation */
	acrs[5] = 8;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 5, &value), 0x29);
	acrs[5] = 2;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 5, &value), 0x2a);	/* ALE sequence */
	aste[5]++;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 4, &value), 0x2c);	/* ASTE sequence */
	aste[5]--;
	aste[0] = 0x80000000;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 4, &value), 0x2b);	/* ASTE validity */
	aste[0] = 0;
	ale[0] |= ALE_FETCH_ONLY;
	expect_at(vcpu, SECOND_GVA, 4, 0x222);
	expect_ret(by_register(vcpu, WRITE, SECOND_GVA, 4, &value), PGM_PROTECTION);
	ale[0] = ALE_SEQUENCE | ALE_PRIVATE | 5;
	expect_ret(by_register(vcpu, READ, SECOND_GVA, 4, &value), 0x2d);	/* extended authority */
	set_cr(vcpu, 8, 5 << 16);
	expect_at(vcpu, SECOND_GVA, 4, 0x222);
}

#define CR0_SECONDARY	(1ULL << 26)
#define MVCOS_TO_SECONDARY 0x00810000	/* r0: the first operand is in the secondary space */

/* To r2 from r3, eight bytes, the way that r4 says. */
GUEST(guest_mvcos, "lgr %r0, %r4\n lghi %r5, 8\n mvcos 0(%r2), 0(%r3), %r5\n" DONE);

/* The host has to bring pages that the guest's instruction has in a space which is not the mode's. */
TEST(stores_go_to_the_space_that_the_instruction_names)
{
	struct vcpu *vcpu = vcpu_with_spaces();
	uint64_t *second = code_at(vcpu->vm, SECOND_PAGES + OTHER_SPACE), *data = code_at(vcpu->vm, DATA_GPA);
	uint8_t *fresh = add_slot(vcpu->vm, 2, 0, TEST_GPA2, 1 << 20);

	*data = 0x1234;
	second[1] = TEST_GPA2 + 0x1000;
	second[2] = TEST_GPA2 + 0x2000 + PAGE_PROTECTED;
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_SECONDARY);
	s390_start(vcpu, guest_mvcos, SECOND_GVA + 0x1010, DATA_GPA, MVCOS_TO_SECONDARY);
	dat_on(vcpu);
	run_done(vcpu);
	expect_eq(*(uint64_t *)(fresh + 0x1010), 0x1234);
	/* The guest protects this one, or has none. */
	s390_start(vcpu, guest_mvcos, SECOND_GVA + 0x2010, DATA_GPA, MVCOS_TO_SECONDARY);
	dat_on(vcpu);
	run_program(vcpu, PGM_PROTECTION);
	expect_eq(lowcore64(vcpu, LC_TEID) & ~0xfffULL, SECOND_GVA + 0x2000);
	expect_eq(lowcore64(vcpu, LC_TEID) & 3, 2);
	s390_start(vcpu, guest_mvcos, SECOND_GVA + 0x3010, DATA_GPA, MVCOS_TO_SECONDARY);
	dat_on(vcpu);
	run_program(vcpu, PGM_PAGE);
	expect_eq(*(uint64_t *)(fresh + 0x2010), 0);
}

/* A region-third table above the segment table, and, where there are such, a segment that is a frame of 1 MB. */
TEST(mem_op_translates_by_large_tables_and_frames, NEED(KVM_CAP_S390_MEM_OP))
{
	uint8_t *mem;
	struct vcpu *vcpu = vcpu_with_memory(&mem);
	uint64_t *regions = code_at(vcpu->vm, SEGMENT_TABLE + 0x10000), *segments = code_at(vcpu->vm, SEGMENT_TABLE);
	uint64_t value = 0;

	dat_tables(vcpu->vm)[0] = TEST_GPA + 0x5000;
	*(uint64_t *)(mem + 0x5000) = 0x111;
	*(uint64_t *)(mem + 0x7008) = 0x777;
	for (unsigned int i = 0; i < 2048; i++)
		regions[i] = ENTRY_INVALID | ENTRY_REGION_THIRD;
	regions[0] = SEGMENT_TABLE | ENTRY_REGION_THIRD | 3;
	regions[9] = SEGMENT_TABLE | ENTRY_REGION_THIRD | 3;
	arch_start(vcpu, GUEST_LOAD, (9ULL << 31) + SECOND_GVA, 8, 0);
	dat_on(vcpu);
	set_cr(vcpu, 1, (SEGMENT_TABLE + 0x10000) | ASCE_REGION_THIRD | ASCE_SEGMENTS);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0x111);
	expect_at(vcpu, SECOND_GVA, 0, 0x111);
	expect_at(vcpu, (9ULL << 31) + SECOND_GVA, 0, 0x111);
	expect_ret(logical(vcpu, READ, (1ULL << 31) + SECOND_GVA, &value, 8, 0), 0x3b);	/* region third */
	expect_ret(logical(vcpu, READ, 1ULL << 42, &value, 8, 0), 0x38);		/* ASCE type */
	if (!has_facility(vcpu->vm, 8))
		return;
	segments[2] = TEST_GPA | SEGMENT_FRAME;
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_EDAT);
	arch_start(vcpu, GUEST_LOAD, SECOND_GVA + 0x100000 + 0x7008, 8, 0);
	vcpu->run->psw_mask |= PSW_DAT;
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0x777);
	expect_at(vcpu, SECOND_GVA + 0x100000 + 0x7008, 0, 0x777);
}

/* KVM_S390_MEMOP_ABSOLUTE_CMPXCHG, and where its old value is: newer than some headers. */
#define ABS_CMPXCHG	6

static int exchange(struct vm *vm, uint64_t gaddr, void *old, void *new, uint32_t size, uint64_t flags)
{
	struct kvm_s390_mem_op m = mem_op(ABS_CMPXCHG, gaddr, new, size, flags);
	uint64_t old_addr = (uintptr_t)old;

	memcpy(&m.reserved[8], &old_addr, sizeof(old_addr));
	return kvm_ioctl(vm->fd, KVM_S390_MEM_OP, &m);
}

TEST(mem_op_compares_and_exchanges, NEED(KVM_CAP_S390_MEM_OP_EXTENSION))
{
	uint8_t *mem, old[32], new[32], was[32];
	struct vm *vm = vcpu_with_memory(&mem)->vm;

	if (!(cap(KVM_CAP_S390_MEM_OP_EXTENSION) & 2))
		skip_test("no compare and exchange");
	for (uint32_t size = 1; size <= 16; size *= 2) {
		trace("%u bytes", size);
		fill(mem + 32, 32, 1);
		fill(new, 32, 9);
		memcpy(old, mem + 32, 32);
		memcpy(was, old, 32);
		expect_ret(exchange(vm, TEST_GPA + 32, old, new, size, 0), 0);
		expect_mem(mem + 32, new, size);
		expect_mem(mem + 32 + size, was + size, 32 - size);
		expect_mem(old, was, 32);
		/* Another value is told, and stays. */
		expect_ret(exchange(vm, TEST_GPA + 32, old, was, size, 0), 0);
		expect_mem(old, new, size);
		expect_mem(old + size, was + size, 32 - size);
		expect_mem(mem + 32, new, size);
	}
	expect_ret(exchange(vm, TEST_GPA, old, new, 3, 0), -EINVAL);
	expect_ret(exchange(vm, TEST_GPA, old, new, 32, 0), -EINVAL);
	expect_ret(exchange(vm, TEST_GPA + 4, old, new, 8, 0), -EINVAL);
	expect_ret(exchange(vm, TEST_GPA, guard_page(), new, 8, 0), -EFAULT);
	expect_ret(exchange(vm, TEST_GPA, old, guard_page(), 8, 0), -EFAULT);
	expect_ret(exchange(vm, MMIO_GPA, old, new, 8, 0), PGM_ADDRESSING);
	expect_ret(exchange(vm, TEST_GPA, old, new, 8, INJECT), -EINVAL);
	expect_ret(exchange(vm, TEST_GPA, old, new, 8, CHECK), -EINVAL);
}

/* The key of a page of the guest's own, whose memory is there. */
#define KEY_GPA	DATA_GPA

static int set_skeys(struct vm *vm, uint64_t gfn, uint64_t count, const void *keys)
{
	struct kvm_s390_skeys s = { .start_gfn = gfn, .count = count, .skeydata_addr = (uintptr_t)keys };

	return kvm_ioctl(vm->fd, KVM_S390_SET_SKEYS, &s);
}

static int get_skeys(struct vm *vm, uint64_t gfn, uint64_t count, void *keys)
{
	struct kvm_s390_skeys s = { .start_gfn = gfn, .count = count, .skeydata_addr = (uintptr_t)keys };

	return kvm_ioctl(vm->fd, KVM_S390_GET_SKEYS, &s);
}

GUEST(guest_iske, "lghi %r5, 0\n iske %r5, %r2\n lgr %r2, %r5\n nill %r2, 0xff\n" DONE);
GUEST(guest_sske, "sske %r3, %r2\n" DONE);
GUEST(guest_rrbe, "rrbe %r0, %r2\n ipm %r2\n srl %r2, 28\n" DONE);

TEST(storage_keys_are_none_before_they_are_used, NEED(KVM_CAP_S390_SKEYS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t keys[8];

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(get_skeys(vcpu->vm, 0, 8, keys), KVM_S390_GET_SKEYS_NONE);
}

TEST(storage_keys_go_in_and_out, NEED(KVM_CAP_S390_SKEYS))
{
	static const uint8_t in[4] = { 0x10, 0x36, 0xf8, 0x0e };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct vm *vm = vcpu->vm;
	uint8_t out[4] = { 0 };

	memset(code_at(vm, DATA_GPA), 1, DATA_SIZE);
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, 4, in), 0);
	expect_ret(get_skeys(vm, KEY_GPA >> 12, 4, out), 0);
	expect_mem(out, in, sizeof(in));
	for (unsigned int i = 0; i < 4; i++)
		expect_eq(s390_call(vcpu, guest_iske, KEY_GPA + i * 4096, 0, 0), in[i]);
	s390_call(vcpu, guest_sske, KEY_GPA + 4096, 0x52, 0);
	expect_ret(get_skeys(vm, (KEY_GPA >> 12) + 1, 1, out), 0);
	expect_eq(out[0], 0x52);
}

TEST(reset_reference_bit_tells_of_the_bits, NEED(KVM_CAP_S390_SKEYS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t key = 0x66, out = 0;

	memset(code_at(vcpu->vm, DATA_GPA), 1, DATA_SIZE);
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(set_skeys(vcpu->vm, KEY_GPA >> 12, 1, &key), 0);
	expect_eq(s390_call(vcpu, guest_rrbe, KEY_GPA, 0, 0), 3);
	expect_ret(get_skeys(vcpu->vm, KEY_GPA >> 12, 1, &out), 0);
	expect_eq(out, 0x62);
	expect_eq(s390_call(vcpu, guest_rrbe, KEY_GPA, 0, 0), 1);
}

TEST(storage_key_arguments_are_checked, NEED(KVM_CAP_S390_SKEYS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct vm *vm = vcpu->vm;
	uint8_t keys[4] = { 0, 0, 1, 0 };

	memset(code_at(vm, DATA_GPA), 1, DATA_SIZE);
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, 0, keys), -EINVAL);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, KVM_S390_SKEYS_MAX + 1, keys), -EINVAL);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, -1ULL, keys), -EINVAL);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, 4, keys), -EINVAL);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, 4, guard_page() - 2), -EFAULT);
	keys[2] = 0;
	expect_ret(set_skeys(vm, MMIO_GPA >> 12, 4, keys), -EFAULT);
	expect_ret(set_skeys(vm, -1ULL, 4, keys), -EFAULT);
	expect_ret(set_skeys(vm, KEY_GPA >> 12, 4, keys), 0);
	expect_ret(get_skeys(vm, KEY_GPA >> 12, 0, keys), -EINVAL);
	expect_ret(get_skeys(vm, KEY_GPA >> 12, KVM_S390_SKEYS_MAX + 1, keys), -EINVAL);
	expect_ret(get_skeys(vm, MMIO_GPA >> 12, 4, keys), -EFAULT);
	expect_ret(get_skeys(vm, KEY_GPA >> 12, 4, guard_page() - 2), -EFAULT);
}

TEST(storage_keys_of_pages_that_nobody_touched, NEED(KVM_CAP_S390_SKEYS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct vm *vm = vcpu->vm;
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, 1 << 20), key = 0x50;

	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	expect_eq(s390_call(vcpu, guest_iske, TEST_GPA, 0, 0) & 0xf8, 0);
	s390_call(vcpu, guest_sske, TEST_GPA + 0x1000, 0x30, 0);
	expect_eq(s390_call(vcpu, guest_iske, TEST_GPA + 0x1000, 0, 0) & 0xf8, 0x30);
	s390_call(vcpu, guest_rrbe, TEST_GPA + 0x2000, 0, 0);
	expect_ret(set_skeys(vm, (TEST_GPA >> 12) + 3, 1, &key), 0);
	/* It is the page's when there is one. */
	mem[0x3000] = 1;
	expect_eq(guest_call(vcpu, GUEST_LOAD, TEST_GPA + 0x3000, 1, 0), 1);
	expect_eq(s390_call(vcpu, guest_iske, TEST_GPA + 0x3000, 0, 0) & 0xf8, 0x50);
	expect_ret(get_skeys(vm, (TEST_GPA >> 12) + 1, 1, &key), 0);
	expect_eq(key & 0xf8, 0x30);
}

/* With the key of r4: to r2, from r3, one byte. */
GUEST(guest_mvcdk, "lghi %r0, 0\n lgr %r1, %r4\n mvcdk 0(%r2), 0(%r3)\n" DONE);

TEST(stores_obey_the_key_of_the_psw_and_of_the_instruction, NEED(KVM_CAP_S390_SKEYS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t key = 0x10, *data = code_at(vcpu->vm, KEY_GPA);

	memset(code_at(vcpu->vm, DATA_GPA), 1, DATA_SIZE);
	guest_call(vcpu, GUEST_STORE, KEY_GPA, 8, 0);
	expect_ret(set_skeys(vcpu->vm, KEY_GPA >> 12, 1, &key), 0);
	arch_start(vcpu, GUEST_STORE, KEY_GPA, 8, 7);
	vcpu->run->psw_mask |= 2ULL << PSW_KEY_SHIFT;
	run_program(vcpu, PGM_PROTECTION);
	expect_eq(*(uint64_t *)data, 0);
	arch_start(vcpu, GUEST_STORE, KEY_GPA, 8, 7);
	vcpu->run->psw_mask |= 1ULL << PSW_KEY_SHIFT;
	run_done(vcpu);
	expect_eq(*(uint64_t *)data, 7);
	s390_start(vcpu, guest_mvcdk, KEY_GPA, KEY_GPA + 0x1000, 0x20);
	run_program(vcpu, PGM_PROTECTION);
	expect_eq(*(uint64_t *)data, 7);
	s390_call(vcpu, guest_mvcdk, KEY_GPA, KEY_GPA + 0x1000, 0x10);
	expect_eq(data[0], 1);
}

/* What each combination gives; pages have a key of their own, and are protected from fetches by others. */
TEST(mem_op_with_every_flag_and_size, NEED(KVM_CAP_S390_MEM_OP_EXTENSION))
{
	static const uint32_t sizes[] = { 0, 1, 2, 3, 8, 16, 4096, MAX_SIZE, MAX_SIZE + 1 };
	static const uint64_t flags[] = { CHECK, INJECT, KEYED };
	uint8_t *mem, *buf = alloc_pages(2 * MAX_SIZE), keys[32];
	struct vcpu *vcpu = vcpu_with_memory(&mem);
	struct vm *vm = vcpu->vm;

	memset(mem, 1, 1 << 20);
	memset(keys, 0x18, sizeof(keys));
	expect_ret(set_skeys(vm, TEST_GPA >> 12, sizeof(keys), keys), 0);
	for (unsigned int n = 0; n < 8 * 4 * 3 * ARRAY_SIZE(sizes); n++) {
		unsigned int set = n & 7, op = n >> 3 & 3, what = (n >> 5) % 3;
		struct kvm_s390_mem_op m = { .buf = (uintptr_t)buf, .size = sizes[(n >> 5) / 3] };
		bool on_vm = op >= 2;
		int expected = 0;

		m.op = (const uint32_t[]){ READ, WRITE, ABS_READ, ABS_WRITE }[op];
		for (unsigned int i = 0; i < 3; i++)
			m.flags |= set >> i & 1 ? flags[i] : 0;
		m.gaddr = what == 2 ? MMIO_GPA : TEST_GPA + 8;
		m.key = what == 1 ? 2 : 1;
		if ((on_vm && (m.flags & INJECT)) || !m.size)
			expected = -EINVAL;
		else if (m.size > MAX_SIZE)
			expected = -E2BIG;
		else if (what == 2)
			expected = PGM_ADDRESSING;
		else if (what == 1 && (m.flags & KEYED))
			expected = PGM_PROTECTION;
		trace("op %u, flags %#llx, size %u, case %u", m.op, (unsigned long long)m.flags, m.size, what);
		expect_ret(kvm_ioctl(on_vm ? vm->fd : vcpu->fd, KVM_S390_MEM_OP, &m), expected);
	}
}

TEST(mem_op_obeys_storage_keys, NEED(KVM_CAP_S390_MEM_OP_EXTENSION))
{
	static const struct {
		uint8_t page, access;
		int read, write;
	} cases[] = {
		{ 0x10, 0, 0, 0 }, { 0x10, 1, 0, 0 }, { 0x10, 2, 0, PGM_PROTECTION },
		{ 0x18, 1, 0, 0 }, { 0x18, 0, 0, 0 }, { 0x18, 2, PGM_PROTECTION, PGM_PROTECTION },
		{ 0xf8, 15, 0, 0 }, { 0x08, 3, PGM_PROTECTION, PGM_PROTECTION },
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct vm *vm = vcpu->vm;

	memset(code_at(vm, DATA_GPA), 1, DATA_SIZE);
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;
		struct kvm_s390_mem_op m = mem_op(READ, KEY_GPA + 16, &value, 8, KEYED);

		expect_ret(set_skeys(vm, KEY_GPA >> 12, 1, &cases[i].page), 0);
		m.key = cases[i].access;
		trace("key %#x, access %u", cases[i].page, cases[i].access);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_MEM_OP, &m), cases[i].read);
		m.op = WRITE;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_MEM_OP, &m), cases[i].write);
		m.op = ABS_READ;
		expect_ret(kvm_ioctl(vm->fd, KVM_S390_MEM_OP, &m), cases[i].read);
		m.op = ABS_WRITE;
		expect_ret(kvm_ioctl(vm->fd, KVM_S390_MEM_OP, &m), cases[i].write);
		m.flags |= CHECK;
		expect_ret(kvm_ioctl(vm->fd, KVM_S390_MEM_OP, &m), cases[i].write);
		m.key = 16;
		expect_ret(kvm_ioctl(vm->fd, KVM_S390_MEM_OP, &m), -EINVAL);
		m.op = WRITE;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_MEM_OP, &m), -EINVAL);
	}
}
