// SPDX-License-Identifier: GPL-2.0-only
/* x86 vCPU state ioctls: what is set comes back, what the architecture forbids is refused. */
#include "arch_x86.h"

#define CR0_PE		(1ULL << 0)
#define CR0_CD		(1ULL << 30)
#define CR0_NW		(1ULL << 29)
#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)
#define CR4_OSXSAVE	(1ULL << 18)
#define EFER_SCE	(1ULL << 0)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define EFER_NX		(1ULL << 11)

static struct vcpu *new_vcpu(void)
{
	return vcpu_new(vm_new(), 0);
}

TEST(regs_round_trip)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_regs in, out;
	uint64_t *r = (uint64_t *)&in;

	for (size_t i = 0; i < sizeof(in) / 8; i++)
		r[i] = 0x0102030405060708ULL * (i + 1);
	in.rip = 0x123456789abcULL;
	in.rflags = 0x246;
	set_regs(vcpu, &in);
	out = get_regs(vcpu);
	expect_mem(&out, &in, sizeof(in));
}

TEST(rflags_bit_1_is_always_set)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_regs regs = get_regs(vcpu);

	regs.rflags = 0;
	set_regs(vcpu, &regs);
	expect_eq(get_regs(vcpu).rflags, 2);
}

TEST(new_vcpu_is_in_reset_state)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct kvm_sregs s = get_sregs(vcpu);
	struct kvm_regs r = get_regs(vcpu);

	expect_eq(r.rip, 0xfff0);
	expect_eq(r.rflags, 2);
	expect_eq(r.rax, 0);
	expect_eq(r.rsp, 0);
	expect_eq(s.cs.selector, 0xf000);
	expect_eq(s.cs.base, 0xffff0000);
	expect_eq(s.cs.limit, 0xffff);
	expect_eq(s.ds.base, 0);
	expect_eq(s.ds.limit, 0xffff);
	expect_eq(s.cr0, 0x60000010);
	expect_eq(s.cr3, 0);
	expect_eq(s.cr4, 0);
	expect_eq(s.efer, 0);
	expect_eq(s.idt.limit, 0xffff);
	expect_eq(s.gdt.limit, 0xffff);
	expect_eq(s.apic_base & 0xfffff000, 0xfee00000);
	expect_eq(s.apic_base & 0x900, 0x900);
}

TEST(apic_base_of_second_vcpu_is_no_bsp)
{
	struct vm *vm = vm_new_bare();
	struct vcpu *a = vcpu_new_bare(vm, 0), *b = vcpu_new_bare(vm, 1);

	expect_eq(get_sregs(a).apic_base & 0x100, 0x100);
	expect_eq(get_sregs(b).apic_base & 0x100, 0);
}

TEST(sregs_round_trip)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs in = get_sregs(vcpu), out;

	in.fs.base = 0x7f0011112222;
	in.gs.base = 0xffff888811112222;
	in.gs.selector = 0x2b;
	in.ldt.base = 0x5000;
	in.ldt.limit = 0x37;
	in.ldt.selector = 0x38;
	in.gdt.base = 0xffffffff81000000;
	in.gdt.limit = 0x7f;
	in.cr2 = 0xffff123412341234;
	in.cr8 = 5;
	in.efer |= EFER_SCE | EFER_NX;
	expect_ret(set_sregs(vcpu, &in), 0);
	out = get_sregs(vcpu);
	expect_mem(&out, &in, sizeof(in));
}

TEST(segment_attributes_round_trip)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs in, out;

	x86_set_mode(vcpu, X86_FLAT32);
	in = get_sregs(vcpu);
	/* A loaded segment is an accessed one: only odd types. */
	for (int type = 1; type < 16; type += 2) {
		in.es = (struct kvm_segment){ .base = 0x1000 * type, .limit = 0xfff + type, .selector = 0x10 + 8 * type,
					      .type = type, .present = 1, .dpl = type & 3, .db = type & 1, .s = 1,
					      .avl = type >> 1 & 1 };
		expect_ret(set_sregs(vcpu, &in), 0);
		out = get_sregs(vcpu);
		expect_mem(&out.es, &in.es, sizeof(in.es));
	}
}

TEST(unusable_segment_round_trips)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs s = get_sregs(vcpu);

	s.fs = (struct kvm_segment){ .unusable = 1 };
	expect_ret(set_sregs(vcpu, &s), 0);
	s = get_sregs(vcpu);
	expect_eq(s.fs.unusable, 1);
	expect_eq(s.fs.present, 0);
}

TEST(pending_interrupt_in_sregs_round_trips)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs s = get_sregs(vcpu);

	s.interrupt_bitmap[0x61 / 64] |= 1ULL << 0x61 % 64;
	expect_ret(set_sregs(vcpu, &s), 0);
	s = get_sregs(vcpu);
	expect_eq(s.interrupt_bitmap[0x61 / 64], 1ULL << 0x61 % 64);
	expect_eq(s.interrupt_bitmap[0], 0);
}

static void refuse(struct vcpu *vcpu, const struct kvm_sregs *bad, const char *what)
{
	struct kvm_sregs before = get_sregs(vcpu), after;
	int ret = set_sregs(vcpu, bad);

	if (ret != -EINVAL)
		fail_test("KVM_SET_SREGS with %s: expected -EINVAL, seen %d", what, ret);
	after = get_sregs(vcpu);
	expect(before.cr0 == after.cr0 && before.cr4 == after.cr4 && before.efer == after.efer);
}

#define REFUSE(vcpu, change) do {				\
	struct kvm_sregs s = get_sregs(vcpu);			\
	change;							\
	refuse(vcpu, &s, #change);				\
} while (0)

TEST(sregs_forbidden_combinations_are_refused)
{
	struct vcpu *vcpu = new_vcpu();

	/* From long mode. */
	REFUSE(vcpu, s.cr4 &= ~CR4_PAE);
	REFUSE(vcpu, s.efer &= ~EFER_LMA);
	REFUSE(vcpu, s.efer &= ~EFER_LME);
	REFUSE(vcpu, s.cr0 &= ~CR0_PG);
	REFUSE(vcpu, s.cr0 &= ~CR0_PE);
	REFUSE(vcpu, s.cr0 |= 1ULL << 32);
	REFUSE(vcpu, s.cr0 |= CR0_NW);
	REFUSE(vcpu, s.cr4 |= 1ULL << 63);
	REFUSE(vcpu, s.cr4 |= 1ULL << 31);
	REFUSE(vcpu, s.cr4 |= 1ULL << 13);
	REFUSE(vcpu, s.cr3 |= 1ULL << 62);
	REFUSE(vcpu, s.apic_base |= 1ULL << 60);
	/* From protected mode without paging. */
	x86_set_mode(vcpu, X86_FLAT32);
	REFUSE(vcpu, s.efer |= EFER_LMA);
	REFUSE(vcpu, s.efer |= EFER_LME | EFER_LMA);
	REFUSE(vcpu, s.cr0 = (s.cr0 & ~CR0_PE) | CR0_PG);
}

TEST(sregs_real_protected_and_long_mode_are_accepted)
{
	struct vcpu *vcpu = new_vcpu();

	for (int i = 0; i < 2; i++) {
		x86_set_mode(vcpu, X86_REAL);
		expect_eq(get_sregs(vcpu).cr0 & CR0_PE, 0);
		x86_set_mode(vcpu, X86_LONG);
		expect_eq(get_sregs(vcpu).efer & EFER_LMA, EFER_LMA);
		x86_set_mode(vcpu, X86_FLAT32);
		expect_eq(get_sregs(vcpu).cr0 & (CR0_PE | CR0_PG), CR0_PE);
	}
}

/* What KVM_SET_SREGS cannot know to be wrong the processor refuses (APM vol. 2, 15.5.1): CS of 64 and of 32 bits at once. */
TEST(state_that_the_processor_refuses_fails_the_entry)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sregs sregs, good;

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	good = sregs = get_sregs(vcpu);
	sregs.cs.db = 1;
	if (set_sregs(vcpu, &sregs))
		skip_test("CS.L with CS.D");
	for (unsigned int i = 0; i < 3; i++) {
		run_until(vcpu, KVM_EXIT_FAIL_ENTRY);
		expect_eq(vcpu->run->fail_entry.hardware_entry_failure_reason, 0xffffffff);
	}
	/* The vCPU goes on with state that is good. (TCG writes its RIP.) */
	expect_ret(set_sregs(vcpu, &good), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(cr4_bit_without_its_cpuid_feature_is_refused)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new(), 0);
	struct cpuid_table empty = { 0 };
	struct kvm_sregs s;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &empty));
	s = get_sregs(vcpu);
	s.cr4 |= CR4_OSXSAVE;
	expect_ret(set_sregs(vcpu, &s), -EINVAL);
}

TEST(sregs2_round_trip, NEED(KVM_CAP_SREGS2))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs2 in, out;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_SREGS2, &in));
	in.gs.base = 0x1234567;
	in.cr2 = 0x42;
	in.flags = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SREGS2, &in), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_SREGS2, &out));
	expect_mem(&out, &in, sizeof(in));
	in.flags = 1ULL << 40;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SREGS2, &in), -EINVAL);
	/* The PDPTRs belong to PAE paging, which long mode is not. */
	in.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_SREGS2, &in), -EINVAL);
}

TEST(fpu_round_trip)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_fpu in, out;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &in));
	expect_eq(in.fcw, 0x37f);
	for (int i = 0; i < 8; i++) {
		for (int j = 0; j < 10; j++)
			in.fpr[i][j] = 16 * i + j;
	}
	for (int i = 0; i < 16; i++)
		memset(in.xmm[i], 0x30 + i, 16);
	in.fcw = 0x27f;
	in.fsw = 0x3800;
	in.ftwx = 0xff;
	in.last_opcode = 0x123;
	in.last_ip = 0x55667788;
	in.last_dp = 0x11223344;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_FPU, &in), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &out));
	expect_mem(&out.fpr, &in.fpr, sizeof(in.fpr));
	expect_mem(&out.xmm, &in.xmm, sizeof(in.xmm));
	expect_eq(out.fcw, in.fcw);
	expect_eq(out.fsw, in.fsw);
	expect_eq(out.ftwx, in.ftwx);
	/* MXCSR is not here: the kernel's own KVM leaves it out of both directions. */
	expect_eq(out.last_opcode, in.last_opcode);
	expect_eq(out.last_ip, in.last_ip);
	expect_eq(out.last_dp, in.last_dp);
}

GUEST64(guest_xmm,
	"movups	%xmm3, (%rdi)\n"
	"movups	16(%rdi), %xmm5\n"
	DONE);

/* Words of struct kvm_xsave. */
#define XSTATE_BV (512 / 4)
#define XMM(n) (160 / 4 + (n) * 4)

TEST(guest_sees_the_fpu_that_was_set, NEED(KVM_CAP_XSAVE))
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t *data = (uint8_t *)code_word(vcpu->vm, DATA_GPA);
	struct kvm_xsave xsave;
	struct kvm_fpu fpu;

	/* Not by KVM_SET_FPU: it does not say in XSTATE_BV that SSE state is in use. */
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, &xsave));
	xsave.region[XSTATE_BV] |= 3;
	xsave.region[6] = 0x1f80;
	memset(&xsave.region[XMM(3)], 0x5a, 16);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &xsave));
	memset(data + 16, 0x77, 16);
	x86_start(vcpu, X86_KEEP, guest_xmm, DATA_GPA, 0, 0);
	run_done(vcpu);
	expect_mem(data, &xsave.region[XMM(3)], 16);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_FPU, &fpu));
	expect_mem(fpu.xmm[5], data + 16, 16);
}

GUEST64(guest_change_xmm,
	"pcmpeqd %xmm0, %xmm0\n"
	"movups	%xmm0, (%rdi)\n"
	DONE);

TEST(host_and_guests_have_their_own_fpu)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	struct kvm_fpu fpu;
	uint8_t xmm[16], zero[16] = { 0 };

	x86_start(a, X86_KEEP, guest_change_xmm, DATA_GPA, 0, 0);
	asm volatile("pxor %%xmm0, %%xmm0\n" : : : "xmm0");
	run_done(a);
	asm volatile("movups %%xmm0, %0\n" : "=m"(xmm));
	trace("host xmm0 begins with %#x", xmm[0]);
	expect_ok(kvm_ioctl(b->fd, KVM_GET_FPU, &fpu));
	expect_mem(fpu.xmm[0], zero, 16);
	expect_ok(kvm_ioctl(a->fd, KVM_GET_FPU, &fpu));
	expect_eq(fpu.xmm[0][7], 0xff);
}

TEST(xsave_round_trip, NEED(KVM_CAP_XSAVE))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_xsave in, out;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, &in));
	in.region[XSTATE_BV] |= 3;
	in.region[0] = 0x37f;
	in.region[6] = 0x1f80;
	for (int i = 40; i < 104; i++)
		in.region[i] = 0x01010101 * i;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &in), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, &out));
	expect_eq(out.region[XSTATE_BV] & 3, 3);
	expect_mem(out.region + 40, in.region + 40, 64 * 4);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &out), 0);
}

TEST(xsave_of_unknown_state_is_refused, NEED(KVM_CAP_XSAVE))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_xsave x, bad;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, &x));
	bad = x;
	bad.region[XSTATE_BV + 1] |= 1u << 30;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &bad), -EINVAL);
	bad = x;
	bad.region[XSTATE_BV] |= 3;
	bad.region[6] = 0xffffffff;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &bad), -EINVAL);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &x), 0);
}

TEST(xsave2_holds_what_xsave_does, NEED(KVM_CAP_XSAVE2))
{
	struct vcpu *vcpu = new_vcpu();
	int size = vm_cap(vcpu->vm, KVM_CAP_XSAVE2);
	struct kvm_xsave *a = calloc(1, 4096), *b = calloc(1, size);

	expect(size >= 4096);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, a));
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE2, b));
	expect_mem(b, a, 4096);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, b), 0);
}

TEST(xcrs_are_checked, NEED(KVM_CAP_XCRS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_xcrs x, bad;

	if (!cpu_has(1, 0, 2, 26))
		skip_test("XSAVE");
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XCRS, &x));
	expect_eq(x.nr_xcrs, 1);
	expect_eq(x.flags, 0);
	expect_eq(x.xcrs[0].xcr, 0);
	expect_eq(x.xcrs[0].value, 1);
	x.xcrs[0].value = 3;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &x), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XCRS, &x));
	expect_eq(x.xcrs[0].value, 3);

	bad = x;
	bad.xcrs[0].value = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &bad), -EINVAL);
	bad.xcrs[0].value = 5;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &bad), -EINVAL);
	bad.xcrs[0].value = 1ULL << 61 | 3;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &bad), -EINVAL);
	bad = x;
	bad.flags = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &bad), -EINVAL);
	bad = x;
	bad.nr_xcrs = KVM_MAX_XCRS + 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &bad), -EINVAL);
	bad.nr_xcrs = 0xffffffff;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &bad), -EINVAL);
}

TEST(debugregs_round_trip, NEED(KVM_CAP_DEBUGREGS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_debugregs in, out;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &in));
	expect_eq(in.dr6, 0xffff0ff0);
	expect_eq(in.dr7, 0x400);
	in.db[0] = 0x1000;
	in.db[1] = 0xffff800000002000;
	in.db[3] = 0x4000;
	in.dr6 = 0xffff0ff1;
	in.dr7 = 0x401;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &in), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &out));
	expect_mem(&out, &in, sizeof(in));
	in.dr6 |= 1ULL << 32;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &in), -EINVAL);
	in.dr6 = 0xffff0ff0;
	in.dr7 |= 1ULL << 32;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &in), -EINVAL);
	in.dr7 = 0x400;
	in.flags = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &in), -EINVAL);
}

TEST(mp_state_is_runnable, NEED(KVM_CAP_MP_STATE))
{
	struct vm *vm = vm_new_bare();
	struct kvm_mp_state state = { .mp_state = 99 };

	/* Without an in-kernel interrupt controller every vCPU is. */
	for (int i = 0; i < 2; i++) {
		struct vcpu *vcpu = vcpu_new_bare(vm, i);

		expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state));
		expect_eq(state.mp_state, KVM_MP_STATE_RUNNABLE);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), 0);
		state.mp_state = 99;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), -EINVAL);
		state.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), -EINVAL);
		state.mp_state = KVM_MP_STATE_INIT_RECEIVED;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), -EINVAL);
	}
}

TEST(vcpu_events_round_trip, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_vcpu_events in, out;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &in));
	expect_eq(in.exception.injected | in.interrupt.injected | in.nmi.injected | in.nmi.pending | in.nmi.masked, 0);
	in.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	in.nmi.masked = 1;
	in.nmi.pending = 1;
	in.interrupt.injected = 1;
	in.interrupt.nr = 0x55;
	in.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &in), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &out));
	expect_eq(out.nmi.masked, 1);
	expect_eq(out.nmi.pending, 1);
	expect_eq(out.interrupt.injected, 1);
	expect_eq(out.interrupt.nr, 0x55);
	expect(out.interrupt.shadow != 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &out), 0);
	in.flags = 1U << 31;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &in), -EINVAL);
}

TEST(vcpu_events_exception_round_trips, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_vcpu_events in = { 0 }, out;

	in.exception.injected = 1;
	in.exception.nr = 13;
	in.exception.has_error_code = 1;
	in.exception.error_code = 0x18;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &in), 0);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &out));
	expect_eq(out.exception.injected, 1);
	expect_eq(out.exception.nr, 13);
	expect_eq(out.exception.error_code, 0x18);
	in.exception.nr = 2;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &in), -EINVAL);
	in.exception.nr = 32;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &in), -EINVAL);
}

TEST(translate_walks_the_guests_tables)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_translation t = { .linear_address = 0x12345678 };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_TRANSLATE, &t), 0);
	expect_eq(t.valid, 1);
	expect_eq(t.physical_address, 0x12345678);
	t = (struct kvm_translation){ .linear_address = arch_window(vcpu->vm, TEST_GPA + 0x1234) };
	expect_ret(kvm_ioctl(vcpu->fd, KVM_TRANSLATE, &t), 0);
	expect_eq(t.physical_address, TEST_GPA + 0x1234);
	t = (struct kvm_translation){ .linear_address = UNMAPPED_GVA };
	expect_ret(kvm_ioctl(vcpu->fd, KVM_TRANSLATE, &t), 0);
	expect_eq(t.valid, 0);
	x86_set_mode(vcpu, X86_FLAT32);
	t = (struct kvm_translation){ .linear_address = 0xabcd123 };
	expect_ret(kvm_ioctl(vcpu->fd, KVM_TRANSLATE, &t), 0);
	expect_eq(t.valid, 1);
	expect_eq(t.physical_address, 0xabcd123);
}

TEST(tss_address_is_checked, NEED(KVM_CAP_SET_TSS_ADDR))
{
	struct vm *vm = vm_new_bare();

	expect_ret(kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xffffd000UL), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xffffe000UL), -EINVAL);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0x100000000UL), -EINVAL);
}

TEST(identity_map_address_is_set_before_vcpus, NEED(KVM_CAP_SET_IDENTITY_MAP_ADDR))
{
	struct vm *vm = vm_new_bare();
	uint64_t addr = 0xfffbc000;

	expect_ret(kvm_ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), 0);
	vcpu_new_bare(vm, 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), -EINVAL);
}

TEST(clock_is_set_and_goes_on, NEED(KVM_CAP_ADJUST_CLOCK))
{
	struct vm *vm = vm_new_bare();
	struct kvm_clock_data in = { .clock = 1ULL << 50 }, a, b;

	expect_ok(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &a));
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_CLOCK, &in), 0);
	expect_ok(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &a));
	expect_ok(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &b));
	expect(a.clock >= in.clock);
	expect(b.clock >= a.clock);
	in.flags = 1U << 31;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_CLOCK, &in), -EINVAL);
}

TEST(tsc_frequency_round_trips, NEED(KVM_CAP_GET_TSC_KHZ))
{
	struct vcpu *vcpu = new_vcpu();
	long khz = expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L));

	expect(khz > 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, khz), 0);
	expect_eq(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L), khz);
	/* 0 is the host's own, which it measures again in its first seconds. */
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, 0L), 0);
	expect(labs(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L) - khz) <= khz / 1000);
}

TEST(mce_setup_is_checked, NEED(KVM_CAP_MCE))
{
	struct vcpu *vcpu = new_vcpu();
	int max = cap(KVM_CAP_MCE);
	uint64_t supported = 0, mcg;

	expect_ok(kvm_ioctl(kvm_fd(), KVM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	mcg = (supported & ~0xffULL) | 10;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), 0);
	mcg = supported & ~0xffULL;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), -EINVAL);
	mcg = (supported & ~0xffULL) | (max + 1);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), -EINVAL);
	mcg = supported | 1ULL << 60 | 10;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), -EINVAL);
}

TEST(mce_of_a_bad_bank_is_refused, NEED(KVM_CAP_MCE))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_x86_mce mce = { .status = 1ULL << 63, .bank = 4 };
	uint64_t mcg = 4;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce), -EINVAL);
	mce.bank = 255;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce), -EINVAL);
	mce.bank = 1;
	mce.status = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce), -EINVAL);
}
