// SPDX-License-Identifier: GPL-2.0-only
/* arm64: guests with SVE: their registers in KVM_{GET,SET}_ONE_REG, and in the guest between exits. */
#include <sys/prctl.h>

#include "arch_arm64.h"

#define ZCR_EL1		SYS(3, 0, 1, 2, 0)
#define ID_AA64ZFR0_EL1	SYS(3, 0, 0, 4, 4)
#define CPACR_FP_SVE	(3ULL << 20 | 3ULL << 16)
#define MAX_VL		256
#define LOAD_GPA	TEST_GPA
#define STORE_GPA	(TEST_GPA + 0x4000)

/* Z, P and FFR one behind the other. */
struct vectors {
	uint8_t bytes[MAX_VL * 32 + MAX_VL / 8 * 17];
};

#define EACH_16(op, address) \
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n" op ", [" address ", #\\n, mul vl]\n	.endr\n"
#define NEXT_16(op, address) \
	"	.irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n" op ", [" address \
	", #\\n, mul vl]\n	.endr\n"
#define BEHIND	"	addvl x3, x2, #16\n	addvl x3, x3, #16\n"

/* Loads all from x0, tells the vector length; stores all to x1. */
GUEST(guest_vectors_go,
	"	.arch_extension sve\n"
	"	mov	x2, x0\n"
	BEHIND
	EACH_16("ldr z\\n", "x2")
	NEXT_16("ldr z\\n", "x2")
	"	ldr	p0, [x3, #16, mul vl]\n"
	"	wrffr	p0.b\n"
	EACH_16("ldr p\\n", "x3")
	"	rdvl	x0, #1\n"
	DONE
	"	mov	x2, x1\n"
	BEHIND
	EACH_16("str z\\n", "x2")
	NEXT_16("str z\\n", "x2")
	EACH_16("str p\\n", "x3")
	"	rdffr	p0.b\n"
	"	str	p0, [x3, #16, mul vl]\n"
	DONE);

GUEST(guest_vector_length,
	"	.arch_extension sve\n"
	"	rdvl	x0, #1\n"
	DONE);

/* The lengths of the vCPU, those above @most quadwords taken away, if it is not 0. */
static struct vcpu *vcpu_with_sve(struct vm *vm, unsigned int id, unsigned int most, unsigned int *vl)
{
	uint64_t vls[KVM_ARM64_SVE_VLS_WORDS];
	struct vcpu *vcpu = vcpu_new_bare(vm, id);
	struct kvm_vcpu_init init = arm_target(vm);
	int what = KVM_ARM_VCPU_SVE;

	init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
	expect_ret(arm_init(vcpu, &init), 0);
	expect_ret(get_one_reg(vcpu, KVM_REG_ARM64_SVE_VLS, vls), 0);
	expect(vls[0]);
	if (most) {
		vls[0] &= (1ULL << most) - 1;
		expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_VLS, vls), 0);
	}
	*vl = 16 * (64 - __builtin_clzll(vls[0]));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &what), 0);
	arm_setup(vcpu);
	set_reg(vcpu, CPACR_EL1, CPACR_FP_SVE);
	set_reg(vcpu, ZCR_EL1, 15);
	return vcpu;
}

static size_t size_of(unsigned int vl)
{
	return vl * 32 + vl / 8 * 17;
}

/* Anything; FFR has ones up to somewhere, and no others. */
static void fill(struct vectors *v, unsigned int vl, unsigned int seed)
{
	uint8_t *ffr = v->bytes + vl * 32 + vl / 8 * 16;

	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < size_of(vl); i++)
		v->bytes[i] = seed + 29 * i + i / 251;
	memset(ffr, 0, vl / 8);
	memset(ffr, 0xff, vl / 16);
	ffr[vl / 16] = seed & 7 ? (1 << (seed & 7)) - 1 : 0;
}

/* The same from the registers of user space. */
static void get_vectors(struct vcpu *vcpu, struct vectors *v, unsigned int vl)
{
	uint8_t reg[MAX_VL], zero[MAX_VL] = { 0 }, *at = v->bytes;

	memset(v, 0, sizeof(*v));
	for (unsigned int n = 0; n < 32 + 17; n++) {
		uint64_t id = n < 32 ? KVM_REG_ARM64_SVE_ZREG(n, 0) :
			      n < 48 ? KVM_REG_ARM64_SVE_PREG(n - 32, 0) : KVM_REG_ARM64_SVE_FFR(0);
		size_t room = n < 32 ? MAX_VL : MAX_VL / 8, bytes = n < 32 ? vl : vl / 8;

		memset(reg, 0xee, sizeof(reg));
		expect_ret(get_one_reg(vcpu, id, reg), 0);
		memcpy(at, reg, bytes);
		/* What is beyond the vCPU's length is zero, and nothing is written beyond the register. */
		expect_mem(reg + bytes, zero, room - bytes);
		for (size_t i = room; i < sizeof(reg); i++)
			expect_eq(reg[i], 0xee);
		at += bytes;
	}
}

static void start(struct vcpu *vcpu, uint64_t load, uint64_t store)
{
	arm_start(vcpu, guest_vectors_go, load, store, 0);
}

static uint64_t run_told(struct vcpu *vcpu)
{
	run_done(vcpu);
	return get_reg(vcpu, XREG(0));
}

TEST(sve_registers_go_in_and_out, NEED(KVM_CAP_ARM_SVE))
{
	struct vm *vm = vm_new();
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, 0x8000);
	struct vectors want, seen;
	unsigned int vl;
	struct vcpu *vcpu = vcpu_with_sve(vm, 0, 0, &vl);
	uint8_t z[MAX_VL] = { 0 }, p[MAX_VL / 8] = { 0 };

	get_vectors(vcpu, &seen, vl);
	memset(&want, 0, sizeof(want));
	expect_mem(seen.bytes, want.bytes, sizeof(want.bytes));

	fill(&want, vl, 3);
	memcpy(mem, want.bytes, size_of(vl));
	start(vcpu, LOAD_GPA, STORE_GPA);
	expect_eq(run_told(vcpu), vl);
	get_vectors(vcpu, &seen, vl);
	expect_mem(seen.bytes, want.bytes, size_of(vl));

	/* Others than the guest had. */
	memset(z, 0x5a, vl);
	memset(p, 0xa5, vl / 8);
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_ZREG(31, 0), z), 0);
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_PREG(15, 0), p), 0);
	memcpy(want.bytes + 31 * vl, z, vl);
	memcpy(want.bytes + 32 * vl + 15 * vl / 8, p, vl / 8);
	run_done(vcpu);
	expect_mem(mem + 0x4000, want.bytes, size_of(vl));
}

TEST(sve_registers_of_two_vcpus_do_not_mix, NEED(KVM_CAP_ARM_SVE))
{
	struct vm *vm = vm_new();
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, 0x10000);
	struct vectors want[2];
	struct vcpu *vcpu[2];
	unsigned int vl[2];

	for (unsigned int i = 0; i < 2; i++) {
		vcpu[i] = vcpu_with_sve(vm, i, i ? 1 : 0, &vl[i]);
		fill(&want[i], vl[i], 5 + 31 * i);
		memcpy(mem + 0x8000 * i, want[i].bytes, size_of(vl[i]));
		start(vcpu[i], LOAD_GPA + 0x8000 * i, STORE_GPA + 0x8000 * i);
		expect_eq(run_told(vcpu[i]), vl[i]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		run_done(vcpu[i]);
		expect_mem(mem + 0x8000 * i + 0x4000, want[i].bytes, size_of(vl[i]));
	}
}

TEST(sve_vector_length_is_the_lesser_of_guest_and_user_space, NEED(KVM_CAP_ARM_SVE))
{
	unsigned int vl, most;
	struct vcpu *vcpu = vcpu_with_sve(vm_new(), 0, 0, &most);

	expect_eq(arm_call(vcpu, guest_vector_length, 0, 0, 0), most);
	set_reg(vcpu, ZCR_EL1, 0);
	expect_eq(arm_call(vcpu, guest_vector_length, 0, 0, 0), 16);
	expect_eq(get_reg(vcpu, ZCR_EL1), 0);
	vcpu = vcpu_with_sve(vm_new(), 0, 2, &vl);
	expect_eq(arm_call(vcpu, guest_vector_length, 0, 0, 0), vl);
	expect(vl <= 32 && vl <= most);
	expect_eq(get_reg(vcpu, ZCR_EL1), 15);
}

TEST(sve_registers_are_zero_after_another_init, NEED(KVM_CAP_ARM_SVE))
{
	struct vm *vm = vm_new();
	unsigned int vl;
	struct vcpu *vcpu = vcpu_with_sve(vm, 0, 0, &vl);
	struct kvm_vcpu_init init = arm_target(vm);
	struct vectors zero = { { 0 } }, seen;
	uint8_t z[MAX_VL];

	memset(z, 0xff, sizeof(z));
	expect_ret(set_one_reg(vcpu, KVM_REG_ARM64_SVE_ZREG(7, 0), z), 0);
	init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
	expect_ret(arm_init(vcpu, &init), 0);
	/* It stays finalized. */
	get_vectors(vcpu, &seen, vl);
	expect_mem(seen.bytes, zero.bytes, sizeof(zero.bytes));
	expect_eq(get_reg(vcpu, ZCR_EL1), 0);
}

TEST(sve_registers_take_the_place_of_the_vector_registers, NEED(KVM_CAP_ARM_SVE))
{
	const uint64_t v0 = KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE |
			    (offsetof(struct kvm_regs, fp_regs.vregs[0]) / sizeof(uint32_t));
	uint8_t value[MAX_VL];
	unsigned int vl;
	struct vcpu *vcpu = vcpu_with_sve(vm_new(), 0, 0, &vl), *plain = vcpu_new(vm_new(), 0);
	struct kvm_reg_list *list = reg_list(vcpu), *without = reg_list(plain);

	expect_ret(get_one_reg(vcpu, v0, value), -EINVAL);
	expect_ret(set_one_reg(vcpu, v0, value), -EINVAL);
	expect(!has_reg(list, v0) && has_reg(list, KVM_REG_ARM64_SVE_FFR(0)) && has_reg(list, ZCR_EL1));
	expect(has_reg(list, KVM_REG_ARM64_SVE_VLS) && has_reg(list, KVM_REG_ARM64_SVE_PREG(15, 0)));
	/* Slices are of 2048 bits, of which there are not more. */
	expect_ret(get_one_reg(vcpu, KVM_REG_ARM64_SVE_ZREG(0, 1), value), -ENOENT);
	expect_ret(get_one_reg(vcpu, KVM_REG_ARM64_SVE_FFR(1), value), -ENOENT);
	expect(get_reg(vcpu, ID_AA64PFR0_EL1) >> 32 & 0xf);

	expect(has_reg(without, v0) && !has_reg(without, ZCR_EL1));
	expect_ret(get_one_reg(plain, ZCR_EL1, value), -ENOENT);
	expect_ret(get_one_reg(plain, KVM_REG_ARM64_SVE_VLS, value), -ENOENT);
	expect_ret(get_one_reg(plain, KVM_REG_ARM64_SVE_ZREG(0, 0), value), -ENOENT);
	expect_eq(get_reg(plain, ID_AA64ZFR0_EL1), 0);
}

TEST(sve_is_undefined_without_the_feature, NEED(KVM_CAP_ARM_SVE))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	set_reg(vcpu, CPACR_EL1, CPACR_FP_SVE);
	arm_start(vcpu, guest_vector_length, 0, 0, 0);
	run_sync(vcpu, EC_UNKNOWN);
}

/* The thread's own vector length is what it was. */
TEST(sve_of_the_guest_leaves_the_thread_its_length, NEED(KVM_CAP_ARM_SVE))
{
	struct vm *vm = vm_new();
	unsigned int vl;
	struct vcpu *vcpu = vcpu_with_sve(vm, 0, 0, &vl);
	uint64_t bytes;

	add_slot(vm, 1, 0, TEST_GPA, 0x8000);
	expect_eq(prctl(PR_SVE_SET_VL, 16), 16);
	start(vcpu, LOAD_GPA, STORE_GPA);
	expect_eq(run_told(vcpu), vl);
	asm volatile(".arch_extension sve\n rdvl %0, #1" : "=r"(bytes));
	expect_eq(bytes, 16);
	run_done(vcpu);
	asm volatile("rdvl %0, #1" : "=r"(bytes));
	expect_eq(bytes, 16);
}
