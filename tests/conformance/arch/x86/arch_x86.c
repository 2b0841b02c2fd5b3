// SPDX-License-Identifier: GPL-2.0-only
/* x86: guest memory, modes and registers. See arch_x86.h for the memory map. */
#include "arch_x86.h"

#define PTE_P		(1ULL << 0)
#define PTE_W		(1ULL << 1)
#define PTE_PS		(1ULL << 7)
#define SIZE_2M		0x200000ULL

#define CR0_PE		(1UL << 0)
#define CR0_ET		(1UL << 4)
#define CR0_NE		(1UL << 5)
#define CR0_WP		(1UL << 16)
#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define RFLAGS_IF	(1UL << 9)
#define CR4_OSFXSR	(1UL << 9)
#define EFER_LME	(1UL << 8)
#define EFER_LMA	(1UL << 10)

extern const unsigned char __start_guest_code[], __stop_guest_code[];
extern const unsigned char routine_nop[], routine_load[], routine_store[], routine_fill[], routine_sum[], routine_spin[], routine_beat[],
	routine_copy[], guest_traps[];

static const unsigned char *const routines[GUEST_ROUTINES] = {
	[GUEST_NOP] = routine_nop,
	[GUEST_LOAD] = routine_load,
	[GUEST_STORE] = routine_store,
	[GUEST_FILL] = routine_fill,
	[GUEST_SUM] = routine_sum,
	[GUEST_SPIN] = routine_spin,
	[GUEST_BEAT] = routine_beat,
	[GUEST_COPY] = routine_copy,
};

const char arch_name[] = "x86";
const uint64_t arch_code_gpa;
const uint64_t arch_code_size = CODE_SIZE;
const int arch_unknown_vm_ioctl = -ENOTTY, arch_unknown_vcpu_ioctl = -EINVAL, arch_slot_too_high = -EINVAL;
const uint64_t arch_slot_unit = 1, arch_kernel_address = 0xffff800000000000;
const bool arch_has_mmio = true, arch_takes_hugetlb = true;

uint64_t *code_word(struct vm *vm, uint64_t gpa)
{
	return (uint64_t *)((uint8_t *)vm->code + gpa);
}

uint64_t x86_gpa(const unsigned char *code)
{
	return BLOB_GPA + (code - __start_guest_code);
}

static void write_gate(uint64_t *idt, unsigned int vector, uint64_t entry)
{
	idt[2 * vector] = (entry & 0xffff) | SEL_CODE64 << 16 | 0x8e00ULL << 32 | (entry >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = entry >> 32;
}

void arch_vm_init(struct vm *vm)
{
	uint64_t *gdt = code_word(vm, GDT_GPA), *idt = code_word(vm, IDT_GPA), *pd = code_word(vm, PD_GPA);
	size_t blob = __stop_guest_code - __start_guest_code;

	expect(BLOB_GPA + blob <= PML4_GPA);
	memcpy((uint8_t *)vm->code + BLOB_GPA, __start_guest_code, blob);

	gdt[SEL_CODE64 / 8] = 0x00af9b000000ffffULL;
	gdt[SEL_DATA / 8] = 0x00cf93000000ffffULL;
	gdt[SEL_CODE32 / 8] = 0x00cf9b000000ffffULL;
	gdt[SEL_TSS / 8] = 0x00008b0000000067ULL | (uint64_t)TSS_GPA << 16;
	gdt[SEL_TSS / 8 + 1] = 0;
	for (unsigned int v = 0; v < 256; v++)
		write_gate(idt, v, x86_gpa(guest_traps) + 16 * v);

	*code_word(vm, PML4_GPA) = PDPT_GPA | PTE_P | PTE_W;
	for (unsigned int i = 0; i < 4; i++)
		code_word(vm, PDPT_GPA)[i] = (PD_GPA + i * 0x1000) | PTE_P | PTE_W;
	code_word(vm, PDPT_GPA)[4] = WINDOW_PD_GPA | PTE_P | PTE_W;
	for (unsigned int i = 0; i < 2048; i++)
		pd[i] = i * SIZE_2M | PTE_P | PTE_W | PTE_PS;

	/* Only VT-x without unrestricted guest wants it, and only before the first vCPU. */
	if (cap(KVM_CAP_SET_TSS_ADDR))
		expect_ok(kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000UL));
}

uint64_t arch_window(struct vm *vm, uint64_t gpa)
{
	uint64_t entry = (gpa & ~(SIZE_2M - 1)) | PTE_P | PTE_W | PTE_PS;
	uint64_t *pd = code_word(vm, WINDOW_PD_GPA);
	unsigned int i;

	for (i = 0; i < 512; i++) {
		/* The guest sets the accessed and dirty bits. */
		if ((pd[i] & ~0x60ULL) == entry)
			break;
		if (!pd[i]) {
			pd[i] = entry;
			break;
		}
	}
	expect(i < 512);
	return WINDOW_GVA + i * SIZE_2M + (gpa & (SIZE_2M - 1));
}

void supported_cpuid(struct cpuid_table *table)
{
	memset(table, 0, sizeof(*table));
	table->head.nent = CPUID_MAX;
	expect_ok(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, table));
}

const struct kvm_cpuid_entry2 *cpuid_find(const struct cpuid_table *table, uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < table->head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &table->entries[i];

		if (e->function == function && (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

bool cpu_has(uint32_t function, uint32_t index, unsigned int reg, unsigned int bit)
{
	const struct kvm_cpuid_entry2 *e;
	struct cpuid_table table;

	supported_cpuid(&table);
	e = cpuid_find(&table, function, index);
	if (!e)
		return false;
	return (reg == 0 ? e->eax : reg == 1 ? e->ebx : reg == 2 ? e->ecx : e->edx) >> bit & 1;
}

uint64_t arch_gpa_limit(void)
{
	const struct kvm_cpuid_entry2 *e;
	struct cpuid_table table;

	supported_cpuid(&table);
	e = cpuid_find(&table, 0x80000008, 0);
	return 1ULL << (e ? e->eax & 0xff : 36);
}

void x86_set_mode(struct vcpu *vcpu, enum x86_mode mode)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = SEL_CODE32, .type = 11, .present = 1, .db = 1, .s = 1,
				    .g = 1 };
	struct kvm_segment data = code, tss = { .base = TSS_GPA, .limit = 0x67, .selector = SEL_TSS, .type = 11, .present = 1 };
	struct kvm_sregs s = get_sregs(vcpu);

	if (mode == X86_KEEP)
		return;
	data.type = 3;
	data.selector = SEL_DATA;
	if (mode == X86_REAL) {
		code = (struct kvm_segment){ .limit = 0xffff, .type = 11, .present = 1, .s = 1 };
		data = (struct kvm_segment){ .limit = 0xffff, .type = 3, .present = 1, .s = 1 };
	} else if (mode == X86_LONG) {
		code.selector = SEL_CODE64;
		code.l = 1;
		code.db = 0;
	}
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.tr = tss;
	s.ldt = (struct kvm_segment){ .type = 2, .present = 1, .limit = 0xffff };
	s.gdt.base = GDT_GPA;
	s.gdt.limit = 0x37;
	s.idt.base = mode == X86_REAL ? IVT_GPA : IDT_GPA;
	s.idt.limit = mode == X86_REAL ? 0x3ff : mode == X86_LONG ? 0xfff : 0;
	s.cr0 = CR0_ET | CR0_NE;
	s.cr3 = 0;
	s.cr4 = CR4_OSFXSR;
	s.efer = 0;
	s.cr8 = 0;
	if (mode != X86_REAL)
		s.cr0 |= CR0_PE;
	if (mode == X86_LONG) {
		s.cr0 |= CR0_PG | CR0_WP;
		s.cr3 = PML4_GPA;
		s.cr4 |= CR4_PAE;
		s.efer = EFER_LME | EFER_LMA;
	}
	expect_ok(set_sregs(vcpu, &s));
}

void arch_vcpu_init(struct vcpu *vcpu)
{
	struct cpuid_table table;

	supported_cpuid(&table);
	for (unsigned int i = 0; i < table.head.nent; i++) {
		if (table.entries[i].function == 1)
			table.entries[i].ebx = (table.entries[i].ebx & 0xffffff) | vcpu->id << 24;
	}
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &table));
	x86_set_mode(vcpu, X86_LONG);
}

void x86_start(struct vcpu *vcpu, enum x86_mode mode, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c)
{
	struct kvm_regs regs = {
		.rip = x86_gpa(code),
		.rflags = 2 | (interruptible ? RFLAGS_IF : 0),
		.rsp = mode == X86_REAL ? 0x7f00 : STACK_GPA - (vcpu->id & 15) * 0x1000,
		.rdi = a,
		.rsi = b,
		.rdx = c,
	};

	x86_set_mode(vcpu, mode);
	if (mode == X86_REAL)
		expect(regs.rip < 0x10000);
	set_regs(vcpu, &regs);
}

void arch_start(struct vcpu *vcpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c)
{
	x86_start(vcpu, X86_KEEP, routines[routine], a, b, c);
}

static bool is_out(struct vcpu *vcpu, uint16_t port)
{
	struct kvm_run *run = vcpu->run;

	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT && run->io.port == port;
}

bool arch_is_done(struct vcpu *vcpu)
{
	return is_out(vcpu, DONE_PORT);
}

uint64_t arch_result(struct vcpu *vcpu)
{
	return get_regs(vcpu).rax;
}

void run_port(struct vcpu *vcpu, uint16_t port)
{
	run_until(vcpu, KVM_EXIT_IO);
	if (!is_out(vcpu, port))
		fail_test("expected OUT to port %#x, seen %s port %#x; trap record: vector %llu rip %#llx", port,
			  vcpu->run->io.direction ? "OUT to" : "IN from", vcpu->run->io.port,
			  (unsigned long long)x86_trap(vcpu)->vector, (unsigned long long)x86_trap(vcpu)->rip);
}

struct x86_trap *x86_trap(struct vcpu *vcpu)
{
	return (struct x86_trap *)code_word(vcpu->vm, TRAP_GPA);
}

struct x86_trap *run_trap(struct vcpu *vcpu, unsigned int vector)
{
	struct x86_trap *trap = x86_trap(vcpu);

	run_port(vcpu, TRAP_PORT);
	expect_eq(trap->vector, vector);
	return trap;
}

struct kvm_regs get_regs(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	return regs;
}

void set_regs(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_REGS, regs));
}

struct kvm_sregs get_sregs(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	return sregs;
}

int set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	return kvm_ioctl(vcpu->fd, KVM_SET_SREGS, sregs);
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

int get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	struct one_msr m = { .head.nmsrs = 1, .entry.index = index };
	int r = kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m);

	*value = m.entry.data;
	return r;
}

int set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	struct one_msr m = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m);
}

void arch_describe(struct vcpu *vcpu, char *buf, size_t len)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	if (kvm_ioctl(vcpu->fd, KVM_GET_REGS, &r) || kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		return;
	snprintf(buf, len, "rip %#llx rsp %#llx rflags %#llx rax %#llx cr0 %#llx cr2 %#llx efer %#llx",
		 (unsigned long long)r.rip, (unsigned long long)r.rsp, (unsigned long long)r.rflags,
		 (unsigned long long)r.rax, (unsigned long long)s.cr0, (unsigned long long)s.cr2,
		 (unsigned long long)s.efer);
	if (vcpu->vm->code && is_out(vcpu, TRAP_PORT))
		snprintf(buf, len, "guest trap: vector %llu error %#llx rip %#llx cr2 %#llx",
			 (unsigned long long)x86_trap(vcpu)->vector, (unsigned long long)x86_trap(vcpu)->error,
			 (unsigned long long)x86_trap(vcpu)->rip, (unsigned long long)x86_trap(vcpu)->cr2);
}

bool arch_is_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}
