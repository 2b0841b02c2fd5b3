// SPDX-License-Identifier: GPL-2.0-only
/* x86 instructions on MMIO: each form reads and writes a device of 64 bytes here, and must leave what a processor would. */
#include "arch_x86.h"

#define DEVICE_SIZE 64

static uint8_t device[DEVICE_SIZE];

/* Runs to the end, as the device. Accesses beyond it fail. */
static void run_device(struct vcpu *vcpu, const char *name)
{
	struct kvm_run *run = vcpu->run;

	for (;;) {
		uint64_t at;
		int ret = vcpu_run(vcpu);

		if (!ret && arch_is_done(vcpu))
			return;
		if (ret || run->exit_reason != KVM_EXIT_MMIO)
			fail_test("%s: expected MMIO or the end, seen %d and exit %s at rip %#llx", name, ret,
				  exit_name(run->exit_reason), (unsigned long long)get_regs(vcpu).rip);
		at = run->mmio.phys_addr - MMIO_GPA;
		if (at >= DEVICE_SIZE || at + run->mmio.len > DEVICE_SIZE)
			fail_test("%s: expected an access to the device, seen gpa %#llx", name,
				  (unsigned long long)run->mmio.phys_addr);
		if (run->mmio.is_write)
			memcpy(device + at, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, device + at, run->mmio.len);
	}
}

struct form {
	const char *name;
	const unsigned char *code;
	uint64_t before, after;		/* first 8 bytes of the device */
	uint64_t rax;			/* at the end; rdx is 0x1122334455667788 at the start, rax as well */
};

#define ARG 0x1122334455667788ULL

static void run_forms(const struct form *f, size_t n)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	for (; n--; f++) {
		struct kvm_regs regs;
		uint64_t word;

		memset(device, 0, sizeof(device));
		memcpy(device, &f->before, 8);
		x86_start(vcpu, X86_KEEP, f->code, MMIO_GPA, 0, ARG);
		regs = get_regs(vcpu);
		regs.rax = ARG;
		set_regs(vcpu, &regs);
		run_device(vcpu, f->name);
		memcpy(&word, device, 8);
		if (word != f->after)
			fail_test("%s: device: expected %#llx, seen %#llx", f->name, (unsigned long long)f->after,
				  (unsigned long long)word);
		if (get_regs(vcpu).rax != f->rax)
			fail_test("%s: rax: expected %#llx, seen %#llx", f->name, (unsigned long long)f->rax,
				  (unsigned long long)get_regs(vcpu).rax);
		expect_eq(word, f->after);
	}
}

/* FORM(name, code): the instruction, and the end. */
#define FORM(name, insn) GUEST64(form_##name, insn "\n" DONE)
#define RUN(name, before, after, rax) { #name, form_##name, before, after, rax }

FORM(mov_b_store, "mov %dl, (%rdi)");
FORM(mov_w_store, "mov %dx, (%rdi)");
FORM(mov_l_store, "mov %edx, (%rdi)");
FORM(mov_q_store, "mov %rdx, (%rdi)");
FORM(mov_b_imm, "movb $0x7f, (%rdi)");
FORM(mov_w_imm, "movw $0x7fee, 2(%rdi)");
FORM(mov_l_imm, "movl $0x89abcdef, 4(%rdi)");
FORM(mov_q_imm, "movq $-2, (%rdi)");
FORM(mov_b_load, "mov (%rdi), %al");
FORM(mov_high_load, "mov (%rdi), %ah");
FORM(mov_w_load, "mov (%rdi), %ax");
FORM(mov_l_load, "mov (%rdi), %eax");
FORM(mov_q_load, "mov (%rdi), %rax");
FORM(mov_index, "mov $2, %ecx\n mov (%rdi,%rcx,2), %ax");
FORM(mov_moffs_load, "movabs " STR(0x70000000) ", %eax");
FORM(mov_moffs_store, "movabs %eax, " STR(0x70000000));
FORM(mov_r8, "mov %rdi, %r12\n mov %rdx, %r9\n mov %r9, (%r12)");
FORM(mov_spl, "mov %edx, %esi\n mov %sil, 1(%rdi)");
FORM(movnti, "movnti %edx, (%rdi)");
FORM(mov_sreg, "mov %ds, (%rdi)");

TEST(mmio_mov_forms)
{
	static const struct form forms[] = {
		RUN(mov_b_store, -1ULL, 0xffffffffffffff88, ARG),
		RUN(mov_w_store, -1ULL, 0xffffffffffff7788, ARG),
		RUN(mov_l_store, -1ULL, 0xffffffff55667788, ARG),
		RUN(mov_q_store, -1ULL, ARG, ARG),
		RUN(mov_b_imm, 0, 0x7f, ARG),
		RUN(mov_w_imm, 0, 0x7fee0000, ARG),
		RUN(mov_l_imm, 0, 0x89abcdef00000000, ARG),
		RUN(mov_q_imm, 0, -2ULL, ARG),
		RUN(mov_b_load, 0xf1, 0xf1, 0x11223344556677f1),
		RUN(mov_high_load, 0xf1, 0xf1, 0x112233445566f188),
		RUN(mov_w_load, 0xf1f2, 0xf1f2, 0x112233445566f1f2),
		RUN(mov_l_load, 0xf1f2f3f4, 0xf1f2f3f4, 0xf1f2f3f4),
		RUN(mov_q_load, 0xa1a2a3a4a5a6a7a8, 0xa1a2a3a4a5a6a7a8, 0xa1a2a3a4a5a6a7a8),
		RUN(mov_index, 0x0000cafe00000000, 0x0000cafe00000000, 0x112233445566cafe),
		RUN(mov_moffs_load, 0x99887766, 0x99887766, 0x99887766),
		RUN(mov_moffs_store, 0, 0x55667788, ARG),
		RUN(mov_r8, 0, ARG, ARG),
		RUN(mov_spl, 0, 0x8800, ARG),
		RUN(movnti, 0, 0x55667788, ARG),
		RUN(mov_sreg, 0, SEL_DATA, ARG),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

FORM(movzx_b_w, "movzbw (%rdi), %ax");
FORM(movzx_b_l, "movzbl (%rdi), %eax");
FORM(movzx_b_q, "movzbq (%rdi), %rax");
FORM(movzx_w_l, "movzwl (%rdi), %eax");
FORM(movzx_w_q, "movzwq (%rdi), %rax");
FORM(movsx_b_w, "movsbw (%rdi), %ax");
FORM(movsx_b_l, "movsbl (%rdi), %eax");
FORM(movsx_b_q, "movsbq (%rdi), %rax");
FORM(movsx_w_l, "movswl (%rdi), %eax");
FORM(movsx_w_q, "movswq (%rdi), %rax");
FORM(movsxd, "movslq (%rdi), %rax");

TEST(mmio_extending_loads)
{
	static const struct form forms[] = {
		RUN(movzx_b_w, 0xf180, 0xf180, 0x1122334455660080),
		RUN(movzx_b_l, 0xf180, 0xf180, 0x80),
		RUN(movzx_b_q, 0xf180, 0xf180, 0x80),
		RUN(movzx_w_l, 0xf1f180, 0xf1f180, 0xf180),
		RUN(movzx_w_q, 0xf1f180, 0xf1f180, 0xf180),
		RUN(movsx_b_w, 0x180, 0x180, 0x112233445566ff80),
		RUN(movsx_b_l, 0x180, 0x180, 0xffffff80),
		RUN(movsx_b_q, 0x180, 0x180, 0xffffffffffffff80),
		RUN(movsx_w_l, 0x18001, 0x18001, 0xffff8001),
		RUN(movsx_w_q, 0x18001, 0x18001, 0xffffffffffff8001),
		RUN(movsxd, 0x180000001, 0x180000001, 0xffffffff80000001),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

FORM(or_b_reg, "or %dl, (%rdi)");
FORM(or_l_reg, "or %edx, (%rdi)");
FORM(or_l_imm8, "orl $-2, (%rdi)");
FORM(or_q_imm, "orq $0x1000, (%rdi)");
FORM(or_load, "or (%rdi), %eax");
FORM(and_w_reg, "and %dx, (%rdi)");
FORM(and_l_imm, "andl $0xff00ff, (%rdi)");
FORM(and_load, "and (%rdi), %rax");
FORM(xor_l_reg, "xor %edx, (%rdi)");
FORM(xor_b_imm, "xorb $0xff, (%rdi)");
FORM(xor_load, "xor (%rdi), %ax");
FORM(add_l_reg, "add %edx, (%rdi)");
FORM(add_q_imm, "addq $1, (%rdi)");
FORM(add_load, "add (%rdi), %rax");
FORM(sub_l_reg, "sub %edx, (%rdi)");
FORM(sub_load, "sub (%rdi), %al");
FORM(adc_l_imm, "stc\n adcl $1, (%rdi)");
FORM(sbb_l_imm, "stc\n sbbl $1, (%rdi)");
FORM(inc_l, "incl (%rdi)");
FORM(dec_w, "decw (%rdi)");
FORM(not_l, "notl (%rdi)");
FORM(neg_l, "negl (%rdi)");
FORM(lock_or, "lock orl $0x10, (%rdi)");

TEST(mmio_arithmetic)
{
	static const struct form forms[] = {
		RUN(or_b_reg, 0x100000001, 0x100000089, ARG),
		RUN(or_l_reg, 0x100000001, 0x155667789, ARG),
		RUN(or_l_imm8, 0x100000001, 0x1ffffffff, ARG),
		RUN(or_q_imm, 1ULL << 63, 1ULL << 63 | 0x1000, ARG),
		RUN(or_load, 0x80000001, 0x80000001, 0xd5667789),
		RUN(and_w_reg, 0xffffffff, 0xffff7788, ARG),
		RUN(and_l_imm, 0x1ffffffff, 0x100ff00ff, ARG),
		RUN(and_load, 0xff00ff00ff00ff00, 0xff00ff00ff00ff00, 0x1100330055007700),
		RUN(xor_l_reg, 0xffffffff, 0xaa998877, ARG),
		RUN(xor_b_imm, 0x10f, 0x1f0, ARG),
		RUN(xor_load, 0xffff, 0xffff, 0x1122334455668877),
		RUN(add_l_reg, 0x1ffffffff, 0x155667787, ARG),
		RUN(add_q_imm, 0xffffffff, 0x100000000, ARG),
		RUN(add_load, 1, 1, ARG + 1),
		RUN(sub_l_reg, 0x155667788, 0x100000000, ARG),
		RUN(sub_load, 0x89, 0x89, 0x11223344556677ff),
		RUN(adc_l_imm, 5, 7, ARG),
		RUN(sbb_l_imm, 5, 3, ARG),
		RUN(inc_l, 0x1ffffffff, 0x100000000, ARG),
		RUN(dec_w, 0x10000, 0x1ffff, ARG),
		RUN(not_l, 0x10f0f0f0f, 0x1f0f0f0f0, ARG),
		RUN(neg_l, 1, 0xffffffff, ARG),
		RUN(lock_or, 1, 0x11, ARG),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

/* The arithmetic flags of the last instruction, as a number: CF, ZF, SF, OF, PF. */
#define FLAGS(insn) insn "\n pushf\n pop %rax\n and $0x8c5, %eax"

FORM(cmp_equal, FLAGS("cmpl $5, (%rdi)"));
FORM(cmp_below, FLAGS("cmpl $6, (%rdi)"));
FORM(cmp_reg, FLAGS("cmp %rdx, (%rdi)"));
FORM(cmp_load, FLAGS("cmp (%rdi), %dl"));
FORM(test_zero, FLAGS("testl $0x10, (%rdi)"));
FORM(test_set, FLAGS("testb $0x81, (%rdi)"));
FORM(test_reg, FLAGS("test %edx, (%rdi)"));
FORM(add_carry, FLAGS("addl $1, (%rdi)"));
FORM(add_overflow, FLAGS("addw $1, (%rdi)"));
FORM(and_flags, FLAGS("stc\n andl $0, (%rdi)"));
FORM(sub_flags, FLAGS("subb $0x81, (%rdi)"));

TEST(mmio_flags)
{
	static const struct form forms[] = {
		RUN(cmp_equal, 5, 5, 0x44),
		RUN(cmp_below, 5, 5, 0x85),
		RUN(cmp_reg, ARG, ARG, 0x44),
		RUN(cmp_load, 0x08, 0x08, 0x80),
		RUN(test_zero, 5, 5, 0x44),
		RUN(test_set, 0x80, 0x80, 0x80),
		RUN(test_reg, 0x8, 0x8, 0x0),
		RUN(add_carry, 0xffffffff, 0, 0x45),
		RUN(add_overflow, 0x7fff, 0x8000, 0x884),
		RUN(and_flags, 0xff, 0, 0x44),
		RUN(sub_flags, 0x01, 0x80, 0x881),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

FORM(xchg_l, "xchg %eax, (%rdi)");
FORM(xchg_b, "xchg %al, (%rdi)");
FORM(xchg_q, "xchg %rax, (%rdi)");
FORM(xadd_l, "xadd %eax, (%rdi)");
FORM(cmpxchg_hit, "mov $5, %eax\n cmpxchg %edx, (%rdi)");
FORM(cmpxchg_miss, "mov $6, %eax\n cmpxchg %edx, (%rdi)");

TEST(mmio_exchange)
{
	static const struct form forms[] = {
		RUN(xchg_l, 0x112345678, 0x155667788, 0x12345678),
		RUN(xchg_b, 0x99, 0x88, 0x1122334455667799),
		RUN(xchg_q, 0x99, ARG, 0x99),
		RUN(xadd_l, 1, 0x55667789, 1),
		RUN(cmpxchg_hit, 5, 0x55667788, 5),
		RUN(cmpxchg_miss, 5, 5, 5),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

FORM(bt_imm, "btl $3, (%rdi)\n setc %al");
FORM(bts_imm, "btsl $4, (%rdi)\n setc %al");
FORM(btr_imm, "btrl $3, (%rdi)\n setc %al");
FORM(btc_imm, "btcq $33, (%rdi)\n setc %al");
FORM(bt_reg, "mov $3, %ecx\n bt %ecx, (%rdi)\n setc %al");
FORM(bts_reg_far, "mov $37, %ecx\n bts %ecx, (%rdi)\n setc %al");
FORM(btr_reg_below, "add $4, %rdi\n mov $-29, %rcx\n btr %ecx, (%rdi)\n setc %al");

TEST(mmio_bit_instructions)
{
	static const struct form forms[] = {
		RUN(bt_imm, 0x8, 0x8, 0x1122334455667701),
		RUN(bts_imm, 0x8, 0x18, 0x1122334455667700),
		RUN(btr_imm, 0x18, 0x10, 0x1122334455667701),
		RUN(btc_imm, 0x8, 0x200000008, 0x1122334455667700),
		RUN(bt_reg, 0x8, 0x8, 0x1122334455667701),
		RUN(bts_reg_far, 0x8, 0x2000000008, 0x1122334455667700),
		RUN(btr_reg_below, 0x18, 0x10, 0x1122334455667701),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

FORM(stosb, "stosb");
FORM(rep_stosb, "mov $5, %ecx\n rep stosb");
FORM(rep_stosl, "mov $2, %ecx\n rep stosl");
FORM(rep_stosq_down, "mov $1, %ecx\n std\n rep stosq\n cld");
FORM(rep_none, "xor %ecx, %ecx\n rep stosq");
FORM(lodsl, "mov %rdi, %rsi\n lodsl");
FORM(movsb_in, "mov %rdi, %rsi\n mov $" STR(DATA_GPA) ", %edi\n mov $8, %ecx\n rep movsb\n mov " STR(DATA_GPA) ", %rax");
FORM(movsl_out, "mov $" STR(DATA_GPA) ", %esi\n mov %rdx, (%rsi)\n mov $2, %ecx\n rep movsl");
FORM(movsw_device, "lea 4(%rdi), %rsi\n mov $2, %ecx\n rep movsw");

TEST(mmio_string_instructions)
{
	static const struct form forms[] = {
		RUN(stosb, -1ULL, 0xffffffffffffff88, ARG),
		RUN(rep_stosb, 0, 0x8888888888, ARG),
		RUN(rep_stosl, 0, 0x5566778855667788, ARG),
		RUN(rep_stosq_down, 0, ARG, ARG),
		RUN(rep_none, 7, 7, ARG),
		RUN(lodsl, 0x1a2a3a4a5, 0x1a2a3a4a5, 0xa2a3a4a5),
		RUN(movsb_in, 0xa1a2a3a4a5a6a7a8, 0xa1a2a3a4a5a6a7a8, 0xa1a2a3a4a5a6a7a8),
		RUN(movsl_out, 0, ARG, ARG),
		RUN(movsw_device, 0x1111222200000000, 0x1111222211112222, ARG),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

FORM(push, "push (%rdi)\n pop %rax");
FORM(pop, "push %rdx\n pop (%rdi)");
FORM(shl_imm, "shll $4, (%rdi)");
FORM(sar_one, "sarw (%rdi)");
FORM(cmov_taken, "cmp %eax, %eax\n cmovz (%rdi), %eax");
FORM(setcc, "cmp %eax, %eax\n setz (%rdi)");
FORM(imul, "imul $3, (%rdi), %eax");

TEST(mmio_other_instructions)
{
	static const struct form forms[] = {
		RUN(push, 0x123456789, 0x123456789, 0x123456789),
		RUN(pop, 0, ARG, ARG),
		RUN(shl_imm, 0x123, 0x1230, ARG),
		RUN(sar_one, 0x8000, 0xc000, ARG),
		RUN(cmov_taken, 0x777, 0x777, 0x777),
		RUN(setcc, 0xff00, 0xff01, ARG),
		RUN(imul, 7, 7, 21),
	};

	run_forms(forms, ARRAY_SIZE(forms));
}

GUEST64(guest_rep_stos_page, "mov $4, %ecx\n rep stosq\n" DONE);

TEST(rep_stos_keeps_its_registers)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_regs regs;

	memset(device, 0, sizeof(device));
	x86_start(vcpu, X86_KEEP, guest_rep_stos_page, MMIO_GPA, 0, 0);
	regs = get_regs(vcpu);
	regs.rax = ARG;
	set_regs(vcpu, &regs);
	run_device(vcpu, "rep stosq");
	regs = get_regs(vcpu);
	expect_eq(regs.rcx, 0);
	expect_eq(regs.rdi, MMIO_GPA + 32);
	for (int i = 0; i < 32; i++)
		expect_eq(device[i], (uint8_t)(ARG >> 8 * (i % 8)));
	expect_eq(device[32], 0);
}

GUEST16(guest_real_mmio,
	"mov	$0xa000, %ax\n"
	"mov	%ax, %ds\n"
	"movw	$0x1234, 0x10\n"
	"mov	0x20, %bl\n"
	"out	%al, $" STR(DONE_PORT) "\n");

TEST(mmio_in_real_mode)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_REAL, guest_real_mmio, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, 0xa0010, 2, 0x1234);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, 0xa0020, 1, 0);
	vcpu->run->mmio.data[0] = 0x99;
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rbx & 0xff, 0x99);
}

GUEST32(guest_flat_mmio,
	"mov	%edx, (%edi)\n"
	"mov	4(%edi), %ebx\n"
	"pushl	8(%edi)\n"
	"popl	%ecx\n"
	"out	%al, $" STR(DONE_PORT) "\n");

TEST(mmio_in_protected_mode)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	memset(device, 0x3c, sizeof(device));
	x86_start(vcpu, X86_FLAT32, guest_flat_mmio, MMIO_GPA, 0, 0x12345678);
	run_device(vcpu, "protected mode");
	expect_eq(*(uint32_t *)device, 0x12345678);
	expect_eq(get_regs(vcpu).rbx, 0x3c3c3c3c);
	expect_eq(get_regs(vcpu).rcx, 0x3c3c3c3c);
}

GUEST64(guest_fs_mmio, "mov %eax, %fs:8\n mov %gs:(%rdi), %eax\n" DONE);

TEST(mmio_through_segment_bases)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sregs s = get_sregs(vcpu);

	s.fs.base = MMIO_GPA;
	s.gs.base = MMIO_GPA + 0x1000;
	expect_ok(set_sregs(vcpu, &s));
	x86_start(vcpu, X86_KEEP, guest_fs_mmio, 4, 0, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, MMIO_GPA + 8, 4, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, MMIO_GPA + 0x1004, 4, 0);
}

/* What crosses a page comes in two parts, of which one may be memory. */
#define P page_size()

static void answer(struct vcpu *vcpu, uint64_t value)
{
	memcpy(vcpu->run->mmio.data, &value, 8);
}

TEST(mmio_store_across_pages_comes_in_two)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arch_start(vcpu, GUEST_STORE, MMIO_GPA + P - 3, 8, ARG);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, MMIO_GPA + P - 3, 3, ARG);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, MMIO_GPA + P, 5, ARG >> 24);
	run_done(vcpu);
}

TEST(mmio_load_across_pages_comes_in_two)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	arch_start(vcpu, GUEST_LOAD, MMIO_GPA + P - 2, 4, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, MMIO_GPA + P - 2, 2, 0);
	answer(vcpu, 0x2211);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, MMIO_GPA + P, 2, 0);
	answer(vcpu, 0x4433);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0x44332211);
}

TEST(store_from_memory_into_mmio)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint8_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	arch_start(vcpu, GUEST_STORE, TEST_GPA + P - 4, 8, ARG);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, TEST_GPA + P, 4, ARG >> 32);
	run_done(vcpu);
	expect_eq(*(uint32_t *)(mem + P - 4), (uint32_t)ARG);
}

TEST(load_from_mmio_into_memory)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint32_t *mem = add_slot(vm, 1, 0, TEST_GPA, P);

	*mem = 0x88776655;
	arch_start(vcpu, GUEST_LOAD, TEST_GPA - 4, 8, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, false, TEST_GPA - 4, 4, 0);
	answer(vcpu, 0x44332211);
	run_done(vcpu);
	expect_eq(arch_result(vcpu), 0x8877665544332211);
}
