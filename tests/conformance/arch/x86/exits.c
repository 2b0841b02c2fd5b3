// SPDX-License-Identifier: GPL-2.0-only
/* x86 exits: ports, HLT, hypercalls, shutdown, guest faults, privileged instructions, emulation failure. */
#include <sys/eventfd.h>

#include "arch_x86.h"

#define PTE_U (1ULL << 2)

static struct vcpu *new_vcpu(void)
{
	return vcpu_new(vm_new(), 0);
}

static void *io_data(struct vcpu *vcpu)
{
	return (uint8_t *)vcpu->run + vcpu->run->io.data_offset;
}

static void expect_io(struct vcpu *vcpu, int direction, uint16_t port, unsigned int size, unsigned int count)
{
	run_until(vcpu, KVM_EXIT_IO);
	expect_eq(vcpu->run->io.direction, direction);
	expect_eq(vcpu->run->io.port, port);
	expect_eq(vcpu->run->io.size, size);
	expect_eq(vcpu->run->io.count, count);
}

GUEST64(guest_outs,
	"mov	$0x44332211, %eax\n"
	"mov	$0x3f8, %dx\n"
	"out	%al, %dx\n"
	"out	%ax, %dx\n"
	"out	%eax, %dx\n"
	"out	%al, $0x80\n"
	DONE);

TEST(port_out_of_each_size)
{
	struct vcpu *vcpu = new_vcpu();
	uint32_t value = 0x44332211;

	x86_start(vcpu, X86_KEEP, guest_outs, 0, 0, 0);
	for (unsigned int size = 1; size <= 4; size *= 2) {
		expect_io(vcpu, KVM_EXIT_IO_OUT, 0x3f8, size, 1);
		expect_mem(io_data(vcpu), &value, size);
	}
	expect_io(vcpu, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	run_done(vcpu);
}

GUEST64(guest_ins,
	"mov	$0x123456789abcdef0, %rax\n"
	"mov	$0x60, %edx\n"
	"in	%dx, %al\n"
	"mov	%rax, %r8\n"
	"in	%dx, %ax\n"
	"mov	%rax, %r9\n"
	"in	%dx, %eax\n"
	DONE);

TEST(port_in_of_each_size)
{
	struct vcpu *vcpu = new_vcpu();
	uint32_t value = 0x44332211;

	x86_start(vcpu, X86_KEEP, guest_ins, 0, 0, 0);
	for (unsigned int size = 1; size <= 4; size *= 2) {
		expect_io(vcpu, KVM_EXIT_IO_IN, 0x60, size, 1);
		memcpy(io_data(vcpu), &value, size);
	}
	run_done(vcpu);
	expect_eq(get_regs(vcpu).r8, 0x123456789abcde11);
	expect_eq(get_regs(vcpu).r9, 0x123456789abc2211);
	/* A 32-bit result clears the upper half. */
	expect_eq(get_regs(vcpu).rax, 0x44332211);
}

#define REP_IO(name, insn)	\
	GUEST64(name,		\
		"mov	%rdx, %rcx\n"	\
		"mov	$0x1f0, %edx\n"	\
		insn "\n"		\
		DONE)

REP_IO(guest_rep_outsb, "rep outsb");
REP_IO(guest_rep_outsw, "rep outsw");
REP_IO(guest_rep_outsl, "rep outsl");
REP_IO(guest_rep_insb, "rep insb");
REP_IO(guest_rep_insw, "rep insw");
REP_IO(guest_rep_insl, "rep insl");

/* However many elements an exit carries, in the end all have passed in order. */
static void rep_out(const unsigned char *code, unsigned int size, unsigned int n)
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 2 * page_size());
	unsigned int done = 0;

	for (unsigned int i = 0; i < n * size; i++)
		mem[100 + i] = i * 7 + 1;
	x86_start(vcpu, X86_KEEP, code, 0, TEST_GPA + 100, n);
	while (done < n) {
		run_until(vcpu, KVM_EXIT_IO);
		expect_eq(vcpu->run->io.port, 0x1f0);
		expect_eq(vcpu->run->io.direction, KVM_EXIT_IO_OUT);
		expect_eq(vcpu->run->io.size, size);
		expect(vcpu->run->io.count >= 1 && done + vcpu->run->io.count <= n);
		expect_mem(io_data(vcpu), mem + 100 + done * size, vcpu->run->io.count * size);
		done += vcpu->run->io.count;
	}
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rcx, 0);
	expect_eq(get_regs(vcpu).rsi, TEST_GPA + 100 + n * size);
}

static void rep_in(const unsigned char *code, unsigned int size, unsigned int n, uint64_t gpa)
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, 2 * page_size());
	unsigned int done = 0;

	x86_start(vcpu, X86_KEEP, code, gpa, 0, n);
	while (done < n) {
		uint8_t *data;

		run_until(vcpu, KVM_EXIT_IO);
		expect_eq(vcpu->run->io.direction, KVM_EXIT_IO_IN);
		expect_eq(vcpu->run->io.size, size);
		expect(vcpu->run->io.count >= 1 && done + vcpu->run->io.count <= n);
		data = io_data(vcpu);
		for (unsigned int i = 0; i < vcpu->run->io.count * size; i++)
			data[i] = (done * size + i) * 5 + 3;
		done += vcpu->run->io.count;
	}
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rcx, 0);
	expect_eq(get_regs(vcpu).rdi, gpa + n * size);
	for (unsigned int i = 0; i < n * size; i++)
		expect_eq(mem[gpa - TEST_GPA + i], (uint8_t)(i * 5 + 3));
}

TEST(rep_outs_of_each_size)
{
	rep_out(guest_rep_outsb, 1, 20);
	rep_out(guest_rep_outsw, 2, 20);
	rep_out(guest_rep_outsl, 4, 20);
}

TEST(rep_ins_of_each_size)
{
	rep_in(guest_rep_insb, 1, 20, TEST_GPA + 8);
	rep_in(guest_rep_insw, 2, 20, TEST_GPA + 8);
	rep_in(guest_rep_insl, 4, 20, TEST_GPA + 8);
}

TEST(rep_ins_across_a_page)
{
	rep_in(guest_rep_insl, 4, 40, TEST_GPA + page_size() - 62);
	rep_in(guest_rep_insb, 1, 1500, TEST_GPA + page_size() - 700);
}

TEST(rep_io_of_zero_elements_does_not_exit)
{
	struct vcpu *vcpu = new_vcpu();

	x86_start(vcpu, X86_KEEP, guest_rep_outsb, 0, TEST_GPA, 0);
	run_done(vcpu);
	x86_start(vcpu, X86_KEEP, guest_rep_insl, TEST_GPA, 0, 0);
	run_done(vcpu);
}

GUEST64(guest_std_outs,
	"mov	%rdx, %rcx\n"
	"mov	$0x1f0, %edx\n"
	"std\n"
	"rep outsw\n"
	"cld\n"
	DONE);

TEST(rep_outs_goes_downwards_with_df)
{
	struct vcpu *vcpu = new_vcpu();
	uint16_t *mem = add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());
	unsigned int done = 0;

	for (int i = 0; i < 8; i++)
		mem[i] = 0x1100 + i;
	x86_start(vcpu, X86_KEEP, guest_std_outs, 0, TEST_GPA + 10, 4);
	while (done < 4) {
		run_until(vcpu, KVM_EXIT_IO);
		for (unsigned int i = 0; i < vcpu->run->io.count; i++)
			expect_eq(((uint16_t *)io_data(vcpu))[i], mem[5 - done - i]);
		done += vcpu->run->io.count;
	}
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rsi, TEST_GPA + 2);
}

GUEST64(guest_out_dx,
	"mov	%rdi, %rdx\n"
	"mov	%rsi, %rax\n"
	"out	%al, %dx\n"
	"out	%ax, %dx\n"
	DONE);

static int pio_eventfd(struct vm *vm, int fd, uint64_t port, uint32_t len, uint64_t match, uint32_t flags)
{
	struct kvm_ioeventfd e = { .datamatch = match, .addr = port, .len = len, .fd = fd,
				   .flags = flags | KVM_IOEVENTFD_FLAG_PIO };

	return kvm_ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

TEST(ioeventfd_takes_port_writes, NEED(KVM_CAP_IOEVENTFD))
{
	struct vcpu *vcpu = new_vcpu();
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 0;

	expect_ret(pio_eventfd(vcpu->vm, fd, 0x510, 1, 7, KVM_IOEVENTFD_FLAG_DATAMATCH), 0);
	expect_ret(pio_eventfd(vcpu->vm, fd, 0x510, 1, 7, KVM_IOEVENTFD_FLAG_DATAMATCH), -EEXIST);
	x86_start(vcpu, X86_KEEP, guest_out_dx, 0x510, 7, 0);
	expect_io(vcpu, KVM_EXIT_IO_OUT, 0x510, 2, 1);
	run_done(vcpu);
	expect_eq(read(fd, &n, 8), 8);
	expect_eq(n, 1);
	x86_start(vcpu, X86_KEEP, guest_out_dx, 0x510, 8, 0);
	expect_io(vcpu, KVM_EXIT_IO_OUT, 0x510, 1, 1);
	expect_io(vcpu, KVM_EXIT_IO_OUT, 0x510, 2, 1);
	run_done(vcpu);
	/* A memory address of the same number is another thing. */
	arch_start(vcpu, GUEST_STORE, MMIO_GPA + 0x510, 1, 7);
	run_until(vcpu, KVM_EXIT_MMIO);
	run_done(vcpu);
	expect_ret(pio_eventfd(vcpu->vm, fd, 0x510, 1, 7,
			       KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN), 0);
}

TEST(coalesced_port_writes_go_to_the_ring, NEED(KVM_CAP_COALESCED_PIO))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_coalesced_mmio_ring *ring =
		(void *)((uint8_t *)vcpu->run + cap(KVM_CAP_COALESCED_MMIO) * page_size());
	struct kvm_coalesced_mmio_zone z = { .addr = 0x70, .size = 2, .pio = 1 };

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_REGISTER_COALESCED_MMIO, &z), 0);
	x86_start(vcpu, X86_KEEP, guest_out_dx, 0x70, 0x1234, 0);
	run_done(vcpu);
	expect_eq(ring->last, 2);
	expect_eq(ring->coalesced_mmio[0].phys_addr, 0x70);
	expect_eq(ring->coalesced_mmio[0].len, 1);
	expect_eq(ring->coalesced_mmio[0].pio, 1);
	expect_eq(ring->coalesced_mmio[0].data[0], 0x34);
	expect_eq(ring->coalesced_mmio[1].len, 2);
	expect_eq(ring->coalesced_mmio[1].data[1], 0x12);
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &z), 0);
	x86_start(vcpu, X86_KEEP, guest_out_dx, 0x70, 1, 0);
	expect_io(vcpu, KVM_EXIT_IO_OUT, 0x70, 1, 1);
}

GUEST64(guest_hlt,
	"hlt\n"
	DONE);

TEST(hlt_exits)
{
	struct vcpu *vcpu = new_vcpu();

	x86_start(vcpu, X86_KEEP, guest_hlt, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_HLT);
	expect_eq(get_regs(vcpu).rip, x86_gpa(guest_hlt) + 1);
	run_done(vcpu);
}

GUEST16(guest_real,
	"mov	$0x1234, %ax\n"
	"mov	%ax, %ds\n"
	"mov	%ds, %bx\n"
	"out	%al, $" STR(DONE_PORT) "\n");

TEST(real_mode_runs)
{
	struct vcpu *vcpu = new_vcpu();

	x86_start(vcpu, X86_REAL, guest_real, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rbx & 0xffff, 0x1234);
	expect_eq(get_sregs(vcpu).ds.base, 0x12340);
}

GUEST32(guest_flat32,
	"mov	$0xffffffff, %eax\n"
	"inc	%eax\n"
	"pushl	$0x55\n"
	"popl	%ebx\n"
	"out	%al, $" STR(DONE_PORT) "\n");

TEST(protected_mode_runs)
{
	struct vcpu *vcpu = new_vcpu();

	x86_start(vcpu, X86_FLAT32, guest_flat32, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 0);
	expect_eq(get_regs(vcpu).rbx, 0x55);
}

GUEST64(guest_vmmcall, "mov %rdi, %rax\n vmmcall\n mov %rax, %rbx\n" DONE);
GUEST64(guest_vmcall, "mov %rdi, %rax\n vmcall\n mov %rax, %rbx\n" DONE);

static const unsigned char *hypercall(void)
{
	return cpu_has(0x80000001, 0, 2, 2) ? guest_vmmcall : guest_vmcall;
}

TEST(unknown_hypercall_returns_enosys)
{
	struct vcpu *vcpu = new_vcpu();

	x86_start(vcpu, X86_KEEP, hypercall(), 0x7fff, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, -1000LL);
}

GUEST64(guest_ud2, "ud2\n");
GUEST64(guest_load_rdi, "mov (%rdi), %rax\n" DONE);
GUEST64(guest_store_rdi, "mov %rax, (%rdi)\n" DONE);
GUEST64(guest_divide, "xor %ecx, %ecx\n div %ecx\n");
GUEST64(guest_int, "int $0x41\n" DONE);

TEST(guest_exceptions_go_to_the_guest)
{
	struct vcpu *vcpu = new_vcpu();
	struct x86_trap *t;

	x86_start(vcpu, X86_KEEP, guest_ud2, 0, 0, 0);
	t = run_trap(vcpu, 6);
	expect_eq(t->rip, x86_gpa(guest_ud2));
	x86_start(vcpu, X86_KEEP, guest_divide, 0, 0, 0);
	t = run_trap(vcpu, 0);
	expect_eq(t->rip, x86_gpa(guest_divide) + 2);
	x86_start(vcpu, X86_KEEP, guest_load_rdi, 0x8000000000000000, 0, 0);
	t = run_trap(vcpu, 13);
	expect_eq(t->error, 0);
	x86_start(vcpu, X86_KEEP, guest_int, 0, 0, 0);
	t = run_trap(vcpu, 0x41);
	expect_eq(t->rip, x86_gpa(guest_int) + 2);
	run_done(vcpu);
}

TEST(guest_page_fault_goes_to_the_guest)
{
	struct vcpu *vcpu = new_vcpu();
	struct x86_trap *t;

	x86_start(vcpu, X86_KEEP, guest_load_rdi, UNMAPPED_GVA + 0x123, 0, 0);
	t = run_trap(vcpu, 14);
	expect_eq(t->cr2, UNMAPPED_GVA + 0x123);
	expect_eq(t->error, 0);
	expect_eq(t->rip, x86_gpa(guest_load_rdi));
	x86_start(vcpu, X86_KEEP, guest_store_rdi, UNMAPPED_GVA, 0, 0);
	t = run_trap(vcpu, 14);
	expect_eq(t->error, 2);
	/* A page that may only be read, and CR0.WP. */
	code_word(vcpu->vm, PD_GPA)[TEST_GPA >> 21] &= ~2ULL;
	x86_start(vcpu, X86_KEEP, guest_store_rdi, TEST_GPA, 0, 0);
	t = run_trap(vcpu, 14);
	expect_eq(t->cr2, TEST_GPA);
	expect_eq(t->error, 3);
}

TEST(mmio_through_readonly_guest_page_is_a_guest_fault)
{
	struct vcpu *vcpu = new_vcpu();

	code_word(vcpu->vm, PD_GPA)[MMIO_GPA >> 21] &= ~2ULL;
	x86_start(vcpu, X86_KEEP, guest_store_rdi, MMIO_GPA, 0, 0);
	expect_eq(run_trap(vcpu, 14)->error, 3);
	x86_start(vcpu, X86_KEEP, guest_load_rdi, MMIO_GPA, 0, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
}

TEST(triple_fault_is_shutdown)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs s = get_sregs(vcpu);

	s.idt.limit = 0;
	expect_ok(set_sregs(vcpu, &s));
	x86_start(vcpu, X86_KEEP, guest_ud2, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_SHUTDOWN);
}

TEST(vcpu_is_usable_after_shutdown)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs s = get_sregs(vcpu);

	s.idt.limit = 0;
	expect_ok(set_sregs(vcpu, &s));
	x86_start(vcpu, X86_KEEP, guest_ud2, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_SHUTDOWN);
	x86_start(vcpu, X86_LONG, guest_ud2, 0, 0, 0);
	run_trap(vcpu, 6);
}

/* An instruction on MMIO that no emulator of the small kind knows. */
GUEST64(guest_strange_mmio, "paddd (%rdi), %xmm0\n" DONE);

TEST(unknown_mmio_instruction_is_an_emulation_failure)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_run *run = vcpu->run;

	x86_start(vcpu, X86_KEEP, guest_strange_mmio, MMIO_GPA, 0, 0);
	run_until(vcpu, KVM_EXIT_INTERNAL_ERROR);
	expect_eq(run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	expect(run->emulation_failure.ndata >= 3);
	if (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) {
		expect(run->emulation_failure.insn_size >= 4 && run->emulation_failure.insn_size <= 15);
		expect_mem(run->emulation_failure.insn_bytes, guest_strange_mmio, 4);
	}
	expect_eq(get_regs(vcpu).rip, x86_gpa(guest_strange_mmio));
}

TEST(instruction_fetch_from_mmio_is_an_internal_error)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_ud2, 0, 0, 0);
	regs = get_regs(vcpu);
	regs.rip = MMIO_GPA;
	set_regs(vcpu, &regs);
	run_until(vcpu, KVM_EXIT_INTERNAL_ERROR);
	expect_eq(vcpu->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
}

/* Makes every guest page a user page, and the vCPU run with privilege 3. */
static void enter_user_mode(struct vcpu *vcpu, const unsigned char *code, uint64_t a)
{
	struct kvm_sregs s;

	for (unsigned int i = 0; i < 2048; i++)
		code_word(vcpu->vm, PD_GPA)[i] |= PTE_U;
	for (unsigned int i = 0; i < 5; i++)
		code_word(vcpu->vm, PDPT_GPA)[i] |= PTE_U;
	*code_word(vcpu->vm, PML4_GPA) |= PTE_U;
	/* RSP0 of the TSS: where a trap pushes. */
	*(uint64_t *)((uint8_t *)vcpu->vm->code + TSS_GPA + 4) = STACK_GPA - 0x2000;
	x86_start(vcpu, X86_LONG, code, a, 0, 0);
	s = get_sregs(vcpu);
	s.cs.selector |= 3;
	s.cs.dpl = 3;
	s.ss.selector |= 3;
	s.ss.dpl = 3;
	expect_ok(set_sregs(vcpu, &s));
}

GUEST64(user_hlt, "hlt\n");
GUEST64(user_rdmsr, "mov $0x1b, %ecx\n rdmsr\n");
GUEST64(user_wrmsr, "mov $0x1b, %ecx\n wrmsr\n");
GUEST64(user_mov_cr0, "mov %cr0, %rax\n");
GUEST64(user_mov_cr3, "mov %rax, %cr3\n");
GUEST64(user_mov_cr4, "mov %rax, %cr4\n");
GUEST64(user_mov_cr8, "mov %rax, %cr8\n");
GUEST64(user_mov_dr7, "mov %rax, %dr7\n");
GUEST64(user_invd, "invd\n");
GUEST64(user_wbinvd, "wbinvd\n");
GUEST64(user_invlpg, "invlpg (%rdi)\n");
GUEST64(user_out, "out %al, $0x10\n");
GUEST64(user_in, "in $0x10, %al\n");
GUEST64(user_cli, "cli\n");
GUEST64(user_sti, "sti\n");
GUEST64(user_lgdt, "lgdt (%rdi)\n");
GUEST64(user_clts, "clts\n");
GUEST64(user_xsetbv, "xor %ecx, %ecx\n mov $1, %eax\n xor %edx, %edx\n xsetbv\n");
GUEST64(user_insb, "mov $0x10, %edx\n insb\n");

struct user_code {
	const char *name;
	const unsigned char *code;
};

static void expect_gp_in_user_mode(const struct user_code *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct vcpu *vcpu = new_vcpu();

		enter_user_mode(vcpu, all[i].code, DATA_GPA);
		run_port(vcpu, TRAP_PORT);
		if (x86_trap(vcpu)->vector != 13 || x86_trap(vcpu)->error)
			fail_test("%s: expected vector 13 error 0, seen %llu error %llu", all[i].name,
				  (unsigned long long)x86_trap(vcpu)->vector, (unsigned long long)x86_trap(vcpu)->error);
		expect_eq(x86_trap(vcpu)->cs & 3, 3);
	}
}

TEST(privileged_instructions_fault_in_user_mode)
{
	static const struct user_code all[] = {
		{ "hlt", user_hlt }, { "rdmsr", user_rdmsr }, { "wrmsr", user_wrmsr }, { "mov from cr0", user_mov_cr0 },
		{ "mov to cr3", user_mov_cr3 }, { "mov to cr4", user_mov_cr4 }, { "mov to cr8", user_mov_cr8 },
		{ "mov to dr7", user_mov_dr7 }, { "invd", user_invd }, { "wbinvd", user_wbinvd },
		{ "invlpg", user_invlpg }, { "cli", user_cli }, { "sti", user_sti }, { "lgdt", user_lgdt },
		{ "clts", user_clts },
	};

	expect_gp_in_user_mode(all, ARRAY_SIZE(all));
}

TEST(port_instructions_fault_in_user_mode)
{
	static const struct user_code all[] = {
		{ "out", user_out }, { "in", user_in }, { "insb", user_insb },
	};

	expect_gp_in_user_mode(all, ARRAY_SIZE(all));
}

GUEST64(user_cpuid, "xor %eax, %eax\n cpuid\n ud2\n");
GUEST64(user_mmio, "mov %rax, (%rdi)\n ud2\n");

TEST(unprivileged_instructions_work_in_user_mode)
{
	struct vcpu *vcpu = new_vcpu();

	enter_user_mode(vcpu, user_cpuid, 0);
	run_trap(vcpu, 6);
	expect_eq(x86_trap(vcpu)->cs & 3, 3);
	enter_user_mode(vcpu, user_mmio, MMIO_GPA);
	run_until(vcpu, KVM_EXIT_MMIO);
	expect_mmio(vcpu, true, MMIO_GPA, 8, 0);
	run_trap(vcpu, 6);
}

TEST(mmio_of_a_supervisor_page_faults_in_user_mode)
{
	struct vcpu *vcpu = new_vcpu();

	enter_user_mode(vcpu, user_mmio, MMIO_GPA);
	code_word(vcpu->vm, PD_GPA)[MMIO_GPA >> 21] &= ~PTE_U;
	expect_eq(run_trap(vcpu, 14)->error, 7);
}

TEST(unknown_mmio_instruction_in_user_mode_is_ud)
{
	struct vcpu *vcpu = new_vcpu();

	enter_user_mode(vcpu, guest_strange_mmio, MMIO_GPA);
	run_trap(vcpu, 6);
}

TEST(hypercall_in_user_mode_is_refused)
{
	struct vcpu *vcpu = new_vcpu();

	enter_user_mode(vcpu, hypercall(), 1);
	/* Its OUT faults: the result is in rbx by then. */
	run_trap(vcpu, 13);
	expect_eq(get_regs(vcpu).rbx, -1LL);
}

GUEST64(guest_invd, "invd\n wbinvd\n" DONE);
GUEST64(guest_bad_cr0, "mov %rdi, %cr0\n" DONE);
GUEST64(guest_bad_cr4, "mov %rdi, %cr4\n" DONE);
GUEST64(guest_cr_roundtrip,
	"mov	%cr3, %rax\n"
	"mov	%rax, %cr3\n"
	"mov	%cr4, %rbx\n"
	"or	$0x80, %rbx\n"
	"mov	%rbx, %cr4\n"
	"mov	%cr0, %rcx\n"
	"or	$0x20, %rcx\n"
	"mov	%rcx, %cr0\n"
	"mov	$0x1000, %edx\n"
	"mov	%rdx, %dr1\n"
	"mov	%dr1, %rsi\n"
	DONE);

TEST(guest_control_registers)
{
	struct vcpu *vcpu = new_vcpu();

	x86_start(vcpu, X86_KEEP, guest_invd, 0, 0, 0);
	run_done(vcpu);
	x86_start(vcpu, X86_KEEP, guest_cr_roundtrip, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, PML4_GPA);
	expect_eq(get_regs(vcpu).rsi, 0x1000);
	expect_eq(get_sregs(vcpu).cr4 & 0x80, 0x80);
	x86_start(vcpu, X86_KEEP, guest_bad_cr0, 1ULL << 32, 0, 0);
	run_trap(vcpu, 13);
	x86_start(vcpu, X86_KEEP, guest_bad_cr0, 0x80000000, 0, 0);
	run_trap(vcpu, 13);
	x86_start(vcpu, X86_KEEP, guest_bad_cr4, 1ULL << 40, 0, 0);
	run_trap(vcpu, 13);
	x86_start(vcpu, X86_KEEP, guest_bad_cr4, 0, 0, 0);
	run_trap(vcpu, 13);
}

GUEST64(guest_xsetbv,
	"mov	%cr4, %rax\n"
	"or	$0x40000, %rax\n"
	"mov	%rax, %cr4\n"
	"xor	%ecx, %ecx\n"
	"xor	%edx, %edx\n"
	"mov	%edi, %eax\n"
	"xsetbv\n"
	"xgetbv\n"
	DONE);

GUEST64(guest_xgetbv, "xor %ecx, %ecx\n xgetbv\n" DONE);

TEST(guest_xsetbv_is_checked)
{
	struct vcpu *vcpu = new_vcpu();

	if (!cpu_has(1, 0, 2, 26))
		skip_test("XSAVE");
	x86_start(vcpu, X86_KEEP, guest_xsetbv, 3, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 3);
	x86_start(vcpu, X86_KEEP, guest_xsetbv, 2, 0, 0);
	run_trap(vcpu, 13);
}

static uint64_t xgetbv(void)
{
	uint32_t low, high;

	asm volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
	return (uint64_t)high << 32 | low;
}

/* The guest begins with all that there is, which may be just the host's: then there is nothing to switch. */
TEST(guest_xsetbv_leaves_the_hosts_xcr0, NEED(KVM_CAP_XCRS))
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	struct vcpu *vcpu = new_vcpu();
	struct cpuid_table table;
	uint64_t host;

	if (!cpu_has(1, 0, 2, 26))
		skip_test("XSAVE");
	supported_cpuid(&table);
	xcrs.xcrs[0].value = cpuid_find(&table, 0xd, 0)->eax;
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs));
	host = xgetbv();
	x86_start(vcpu, X86_KEEP, guest_xsetbv, 1, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 1);
	expect_eq(xgetbv(), host);
}

TEST(guest_xcr0_outlasts_an_exit, NEED(KVM_CAP_XCRS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_xcrs xcrs;

	if (!cpu_has(1, 0, 2, 26))
		skip_test("XSAVE");
	x86_start(vcpu, X86_KEEP, guest_xsetbv, 3, 0, 0);
	run_done(vcpu);
	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs));
	expect_eq(xcrs.xcrs[0].value, 3);
	x86_start(vcpu, X86_KEEP, guest_xgetbv, 0, 0, 0);
	run_done(vcpu);
	expect_eq(get_regs(vcpu).rax, 3);
}
