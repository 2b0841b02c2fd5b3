// SPDX-License-Identifier: GPL-2.0-only
/* s390: KVM_{GET,SET}_{REGS,SREGS,FPU,ONE_REG}, the PSW and the registers in struct kvm_run. */
#include "arch_s390.h"

/* Doubles r6 and adds r7 to it. */
GUEST(guest_double, "agr %r6, %r6\n agr %r6, %r7\n" DONE);
GUEST(guest_registers, "lctlg %c3, %c3, 0(%r2)\n"
		       "ear %r5, %a7\n aghi %r5, 1\n sar %a7, %r5\n"
		       "ld %f2, 8(%r2)\n" DONE);

TEST(general_registers_go_in_and_out)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_regs in, out;

	for (unsigned int i = 0; i < 16; i++)
		in.gprs[i] = 0x0123456789abcdefULL * (i + 1);
	s390_start(vcpu, guest_double, 0, 0, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_REGS, &in), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &out), 0);
	expect_mem(&out, &in, sizeof(in));
	run_done(vcpu);
	in.gprs[6] = 2 * in.gprs[6] + in.gprs[7];
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &out), 0);
	expect_mem(&out, &in, sizeof(in));
}

TEST(control_and_access_registers_go_in_and_out)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sregs in, out;
	struct kvm_fpu fpu;
	uint64_t *data = code_at(vcpu->vm, DATA_GPA);

	for (unsigned int i = 0; i < 16; i++)
		in.acrs[i] = 0x01020304 * (i + 1);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &out), 0);
	memcpy(in.crs, out.crs, sizeof(in.crs));
	in.crs[12] = 0x123456789abcd000;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &in), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &out), 0);
	expect_mem(&out, &in, sizeof(in));
	data[0] = 0x00330000;
	data[1] = 0x4010000000000000;
	s390_call(vcpu, guest_registers, DATA_GPA, 0, 0);
	in.crs[3] = 0x00330000;
	in.acrs[7]++;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &out), 0);
	expect_mem(&out, &in, sizeof(in));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &fpu), 0);
	expect_eq(fpu.fprs[2], 0x4010000000000000);
}

/* Guests without the bit for it have but four. */
#define CR0_AFP (1ULL << 18)

GUEST(guest_floating, "adbr %f4, %f6\n stfpc 0(%r2)\n" DONE);

TEST(floating_point_registers_go_in_and_out)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_fpu in = { .fpc = 0x00000003 }, out;

	for (unsigned int i = 0; i < 16; i++)
		in.fprs[i] = 0x4000000000000000 + ((uint64_t)i << 48);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_FPU, &in), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &out), 0);
	expect_eq(out.fpc, in.fpc);
	expect_mem(out.fprs, in.fprs, sizeof(in.fprs));
	set_cr(vcpu, 0, get_cr(vcpu, 0) | CR0_AFP);
	s390_call(vcpu, guest_floating, DATA_GPA, 0, 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &out), 0);
	expect_eq(*(uint32_t *)code_at(vcpu->vm, DATA_GPA), 3);
	expect(out.fprs[4] != in.fprs[4]);
	in.fprs[4] = out.fprs[4];
	expect_mem(out.fprs, in.fprs, sizeof(in.fprs));
}

/* Floating-point control has bits that are not there. */
TEST(invalid_floating_point_control_is_refused)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_fpu fpu = { .fpc = 0xffffffff };
	int r = kvm_ioctl(vcpu->fd, KVM_SET_FPU, &fpu);

	/* Linux 6.12 takes what it will load; before, it was refused at once. */
	expect(r == -EINVAL || r == 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

static const struct {
	uint64_t id, value;
} one_regs[] = {
	{ KVM_REG_S390_TODPR, 0x1234 },
	{ KVM_REG_S390_EPOCHDIFF, 0x0000123456789abc },
	{ KVM_REG_S390_CPU_TIMER, 0x7000000000000000 },
	{ KVM_REG_S390_CLOCK_COMP, 0xff00000000000000 },
	{ KVM_REG_S390_PFTOKEN, 0x1122334455667788 },
	{ KVM_REG_S390_PFCOMPARE, 0x0001000000000000 },
	{ KVM_REG_S390_PFSELECT, 0x0001000000000000 },
	{ KVM_REG_S390_PP, 0x99 },
	{ KVM_REG_S390_GBEA, 0x1000 },
};

TEST(each_single_register_goes_in_and_out)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (size_t i = 0; i < ARRAY_SIZE(one_regs); i++) {
		bool small = (one_regs[i].id & KVM_REG_SIZE_MASK) == KVM_REG_SIZE_U32;
		uint32_t in32 = one_regs[i].value, out32 = 0;
		uint64_t out = 0;

		trace("register %#llx", (unsigned long long)one_regs[i].id);
		if (small) {
			expect_ret(set_one_reg(vcpu, one_regs[i].id, &in32), 0);
			expect_ret(get_one_reg(vcpu, one_regs[i].id, &out32), 0);
			expect_eq(out32, in32);
			continue;
		}
		expect_ret(set_one_reg(vcpu, one_regs[i].id, &one_regs[i].value), 0);
		expect_ret(get_one_reg(vcpu, one_regs[i].id, &out), 0);
		/* A vCPU that does not run has a CPU timer that stands. */
		expect_eq(out, one_regs[i].value);
	}
}

TEST(unknown_single_registers_are_refused)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t value = 0;

	for (uint64_t n = 0; n < 64; n++) {
		uint64_t id = KVM_REG_S390 | KVM_REG_SIZE_U64 | n;
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(one_regs); i++)
			known |= one_regs[i].id == id;
		if (known)
			continue;
		expect_ret(get_one_reg(vcpu, id, &value), -EINVAL);
		expect_ret(set_one_reg(vcpu, id, &value), -EINVAL);
	}
	/* Of another size, of another architecture, of none. */
	expect_ret(get_one_reg(vcpu, KVM_REG_S390_TODPR ^ KVM_REG_SIZE_U32 ^ KVM_REG_SIZE_U64, &value), -EINVAL);
	expect_ret(get_one_reg(vcpu, KVM_REG_X86 | KVM_REG_SIZE_U64 | 1, &value), -EINVAL);
	expect_ret(get_one_reg(vcpu, 0, &value), -EINVAL);
	expect_ret(get_one_reg(vcpu, -1ULL, &value), -EINVAL);
	expect_ret(get_one_reg(vcpu, KVM_REG_S390_PP, guard_page()), -EFAULT);
	expect_ret(set_one_reg(vcpu, KVM_REG_S390_PP, guard_page()), -EFAULT);
}

TEST(sync_regs_unknown_bits_are_refused)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t known = KVM_SYNC_PREFIX | KVM_SYNC_GPRS | KVM_SYNC_ACRS | KVM_SYNC_CRS | KVM_SYNC_ARCH0 | KVM_SYNC_PFAULT |
			 KVM_SYNC_VRS | KVM_SYNC_RICCB | KVM_SYNC_FPRS | KVM_SYNC_GSCB | KVM_SYNC_BPBC | KVM_SYNC_ETOKEN |
			 KVM_SYNC_DIAG318;

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	for (int bit = 0; bit < 64; bit++) {
		if (known >> bit & 1)
			continue;
		vcpu->run->kvm_dirty_regs = 1ULL << bit;
		expect_ret(vcpu_run(vcpu), -EINVAL);
		vcpu->run->kvm_dirty_regs = 0;
		vcpu->run->kvm_valid_regs = 1ULL << bit;
		expect_ret(vcpu_run(vcpu), -EINVAL);
		vcpu->run->kvm_valid_regs = 0;
	}
	arch_vcpu_init(vcpu);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(sync_regs_that_are_dirty_are_taken)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	uint64_t value;

	s390_start(vcpu, guest_double, 0, 0, 0);
	run_done(vcpu);
	s390_start(vcpu, guest_double, 0, 0, 0);
	s->gprs[6] = 5;
	s->gprs[7] = 1;
	s->acrs[3] = 0x3333;
	s->crs[12] = 0x5000;
	s->pp = 0x77;
	s->gbea = 0x2000;
	s->todpr = 0x55;
	s->ckc = 0xff00000000000000;
	s->cputm = 0x7000000000000000;
	s->pft = KVM_S390_PFAULT_TOKEN_INVALID;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_GPRS | KVM_SYNC_ACRS | KVM_SYNC_CRS | KVM_SYNC_ARCH0 | KVM_SYNC_PFAULT;
	run_done(vcpu);
	expect_eq(vcpu->run->kvm_dirty_regs, 0);
	expect_eq(s->gprs[6], 11);
	expect_eq(get_gpr(vcpu, 6), 11);
	expect_eq(get_cr(vcpu, 12), 0x5000);
	expect_eq(s->acrs[3], 0x3333);
	expect_ret(get_one_reg(vcpu, KVM_REG_S390_PP, &value), 0);
	expect_eq(value, 0x77);
	expect_ret(get_one_reg(vcpu, KVM_REG_S390_CLOCK_COMP, &value), 0);
	expect_eq(value, 0xff00000000000000);
	expect_ret(get_one_reg(vcpu, KVM_REG_S390_CPU_TIMER, &value), 0);
	/* It has run since. */
	expect(value <= 0x7000000000000000 && value > 0x6000000000000000);
	/* What is not dirty, but was changed, is not taken, except for what lives there. */
	s390_start(vcpu, guest_double, 0, 0, 0);
	s->crs[12] = 0x6000;
	s->prefix = 0x100000000;
	run_done(vcpu);
	expect_eq(get_cr(vcpu, 12), 0x5000);
	expect_eq(s->prefix, PREFIX_GPA);
}

TEST(control_program_code_is_kept, NEED(KVM_CAP_S390_DIAG318))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sync_regs *s = &vcpu->run->s.regs;

	s390_start(vcpu, guest_double, 0, 0, 0);
	s->diag318 = 0x0004000000060001;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_DIAG318;
	run_done(vcpu);
	/* What is not dirty is not taken. */
	s390_start(vcpu, guest_double, 0, 0, 0);
	s->diag318 = 0x11;
	run_done(vcpu);
	expect_eq(s->diag318, 0x0004000000060001);
	/* Its resets are user space's. */
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_INITIAL_RESET, 0L), 0);
	arch_vcpu_init(vcpu);
	s390_start(vcpu, guest_double, 0, 0, 0);
	run_done(vcpu);
	expect_eq(s->diag318, 0x0004000000060001);
}

TEST(sync_regs_prefix_is_masked)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	vcpu->run->s.regs.prefix = 0x80000000 | PREFIX_GPA | 0x1fff;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_PREFIX;
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	expect_eq(vcpu->run->s.regs.prefix, PREFIX_GPA);
}

TEST(psw_of_the_run_page_is_taken_and_given)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t at;

	s390_start(vcpu, guest_double, 0, 0, 0);
	at = vcpu->run->psw_addr;
	vcpu->run->psw_mask |= 2ULL << PSW_CC_SHIFT;
	run_done(vcpu);
	expect_eq(vcpu->run->psw_addr, at + 12);
	/* 0 + 0: condition code 0. */
	expect_eq(vcpu->run->psw_mask, PSW_64);
}

GUEST(guest_nothing, DONE);

TEST(invalid_psw_is_a_specification_exception)
{
	static const struct {
		uint64_t mask, addr;
	} bad[] = {
		{ PSW_64 | 1ULL << 63, BLOB_GPA },	/* a bit that is zero */
		{ 1ULL << 32, BLOB_GPA },		/* 64-bit addresses without basic mode */
		{ 1ULL << 31, 0x80000000 },		/* more than 31 bits */
		{ 0, 0x1000000 },			/* more than 24 bits */
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	/* An odd address is told of when the instruction would begin: what the old one is then, is left open. */
	s390_start(vcpu, guest_nothing, 0, 0, 0);
	vcpu->run->psw_addr++;
	run_program(vcpu, PGM_SPECIFICATION);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s390_start(vcpu, guest_nothing, 0, 0, 0);
		vcpu->run->psw_mask = bad[i].mask;
		vcpu->run->psw_addr = bad[i].addr;
		trace("psw %zu", i);
		run_program(vcpu, PGM_SPECIFICATION);
		expect_eq(lowcore64(vcpu, LC_PGM_OLD + 8), bad[i].addr);
	}
}

TEST(initial_psw_is_for_stopped_cpus)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_s390_psw psw = { PSW_64, s390_gpa(guest_nothing) };

	set_mp_state(vcpu, KVM_MP_STATE_OPERATING);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_SET_INITIAL_PSW, &psw), -EBUSY);
	set_mp_state(vcpu, KVM_MP_STATE_STOPPED);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_S390_SET_INITIAL_PSW, &psw), 0);
	expect_eq(vcpu->run->psw_mask, psw.mask);
	expect_eq(vcpu->run->psw_addr, psw.addr);
	set_mp_state(vcpu, KVM_MP_STATE_OPERATING);
	run_done(vcpu);
}
