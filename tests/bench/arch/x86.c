// SPDX-License-Identifier: GPL-2.0-only
/* x86 guest loops for the benchmark: flat 32-bit protected mode, so that no guest page table is in the figures. */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../bench.h"

#define END_PORT	0x99
#define APIC_BASE_MSR	"0x1b"
#define UNKNOWN_CALL	"0x7fff"	/* no such hypercall: answered at once */
#define CPUID_ENTRIES	256

/* Interrupts of the local APIC: a vector for each handler below. */
#define IRQ_VECTOR	0x41
#define ANSWER_VECTOR	0x42
#define SIGNAL_VECTOR	0x43
#define END_VECTOR	0x44
#define GDT_GPA		0x8000
#define IDT_GPA		0x9000
#define STACK_GPA	0xb000		/* and below: a page for each vCPU */
#define STACK_SIZE	0x800
#define EOI_GPA		0xfee000b0ULL
#define ICR_GPA		0xfee00300ULL
#define SVR		0x0f0
#define ICR2		0x310
#define ID_SHIFT	24
#define LVTT		0x320
#define APIC_ON		0x1ff
#define DEADLINE_MODE	0x40000
#define CPUID_1_ECX_DEADLINE	(1u << 24)
#define X2APIC_ENABLED	0xfee00d00ULL

extern const unsigned char loops_begin[], loops_end[];
extern const unsigned char loop_empty[], loop_cpuid[], loop_vmmcall[], loop_vmcall[], loop_rdmsr[], loop_out[], loop_in[],
	loop_store[], loop_load[], loop_touch[], loop_self_ipi[], loop_self_ipi_msr[], loop_arm[], loop_passed[], loop_wait[],
	loop_ipi[], loop_take[], loop_idle[], eoi_store[], eoi_msr[], answer[], signal_user[], end[];

/* edi: turns, esi: address. */
#define LOOP(name, before, body)				\
	#name ":\n" before "\n"					\
	"1:	" body "\n"					\
	"	dec	%edi\n"					\
	"	jnz	1b\n"					\
	"	out	%al, $0x99\n"				\
	"	hlt\n"

asm(".pushsection .rodata\n"
    "	.code32\n"
    "loops_begin:\n"
    LOOP(loop_empty, "", "nop")
    LOOP(loop_cpuid, "", "xor %eax, %eax\n cpuid")
    LOOP(loop_vmmcall, "", "mov $" UNKNOWN_CALL ", %eax\n .byte 0x0f, 0x01, 0xd9")
    LOOP(loop_vmcall, "", "mov $" UNKNOWN_CALL ", %eax\n .byte 0x0f, 0x01, 0xc1")
    LOOP(loop_rdmsr, "mov $" APIC_BASE_MSR ", %ecx", "rdmsr")
    LOOP(loop_out, "", "out %al, $0x10")
    LOOP(loop_in, "", "in $0x10, %al")
    LOOP(loop_store, "", "mov %eax, (%esi)")
    LOOP(loop_load, "", "mov (%esi), %eax")
    LOOP(loop_self_ipi, "sti\n mov $0x40041, %eax", "mov %eax, (%esi)\n nop")
    LOOP(loop_self_ipi_msr, "sti\n mov $0x83f, %ecx\n mov $0x41, %eax\n xor %edx, %edx", "wrmsr\n nop")
    LOOP(loop_arm, "mov $0x6e0, %ecx\n mov $0x10000000, %edx", "wrmsr")
    LOOP(loop_passed, "sti\n mov $0x6e0, %ecx\n mov $1, %eax\n xor %edx, %edx", "wrmsr\n nop")
    LOOP(loop_wait, "mov $0x6e0, %ecx", "rdtsc\n add $20000, %eax\n adc $0, %edx\n cli\n wrmsr\n sti\n hlt")
    LOOP(loop_ipi, "mov $0x4042, %eax", "cli\n mov %eax, (%esi)\n sti\n hlt")
    LOOP(loop_take, "", "sti\n nop\n cli")
    "loop_idle:\n	sti\n hlt\n jmp loop_idle\n"
    "eoi_store:\n	movl $0, 0xfee000b0\n	iret\n"
    "eoi_msr:\n	push %eax\n push %ecx\n mov $0x80b, %ecx\n xor %eax, %eax\n wrmsr\n pop %ecx\n pop %eax\n iret\n"
    "answer:\n	movl $0x41, 0xfee00300\n movl $0, 0xfee000b0\n iret\n"
    "signal_user:\n	movl $0, 0xd0001000\n movl $0, 0xfee000b0\n iret\n"
    "end:\n	movl $0, 0xfee000b0\n out %al, $0x99\n hlt\n"
    LOOP(loop_touch, "", "mov (%esi), %eax\n add $0x1000, %esi")
    "loops_end:\n"
    "	.code64\n"
    ".popsection\n");

const char arch_name[] = "x86";
const char arch_unit[] = "ticks";
const unsigned long arch_slot_unit = 4096;

uint64_t arch_counter(void)
{
	uint32_t low, high;

	asm volatile("lfence\n rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (uint64_t)high << 32;
}

static uint8_t *guest_ram;	/* of the last VM */

void arch_load(void *ram)
{
	uint64_t *gdt = (uint64_t *)((uint8_t *)ram + GDT_GPA);

	memcpy((uint8_t *)ram + CODE_GPA, loops_begin, loops_end - loops_begin);
	gdt[1] = 0x00cf9b000000ffffULL;
	gdt[2] = 0x00cf93000000ffffULL;
	guest_ram = ram;
}

static void set_handler(unsigned int vector, const unsigned char *code)
{
	uint64_t *idt = (uint64_t *)(guest_ram + IDT_GPA), entry = CODE_GPA + (code - loops_begin);

	idt[vector] = (entry & 0xffff) | 8ULL << 16 | 0x8e00ULL << 32 | (entry >> 16) << 48;
}

static int is_intel(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx;
}

static const unsigned char *code_of(enum loop loop)
{
	switch (loop) {
	case LOOP_EMPTY: return loop_empty;
	case LOOP_CPUID: return loop_cpuid;
	case LOOP_HYPERCALL: return is_intel() ? loop_vmcall : loop_vmmcall;
	case LOOP_MSR_READ: return loop_rdmsr;
	case LOOP_PIO_OUT: return loop_out;
	case LOOP_PIO_IN: return loop_in;
	case LOOP_MMIO_STORE: return loop_store;
	case LOOP_MMIO_LOAD: return loop_load;
	case LOOP_EOI: return loop_store;
	case LOOP_SELF_IPI: return loop_self_ipi;
	case LOOP_SELF_IPI_MSR: return loop_self_ipi_msr;
	case LOOP_DEADLINE_ARM: return loop_arm;
	case LOOP_DEADLINE_PASSED: return loop_passed;
	case LOOP_DEADLINE_WAIT: return loop_wait;
	case LOOP_IPI: return loop_ipi;
	case LOOP_TAKE: return loop_take;
	case LOOP_IDLE: return loop_idle;
	case LOOP_TOUCH: return loop_touch;
	default: return NULL;
	}
}

int arch_has(enum loop loop)
{
	return code_of(loop) != NULL;
}

void arch_vcpu_init(int vm, int vcpu)
{
	(void)vm;
	(void)vcpu;
}

void arch_vcpu_setup(struct bench_vcpu *v)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1 };
	struct kvm_segment data = code;
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	struct kvm_mp_state running = { KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs sregs;

	cpuid->nent = CPUID_ENTRIES;
	must(v->kvm, KVM_GET_SUPPORTED_CPUID, (uintptr_t)cpuid, "KVM_GET_SUPPORTED_CPUID");
	for (unsigned int i = 0; v->irqchip && i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= CPUID_1_ECX_DEADLINE;
	}
	must(v->fd, KVM_SET_CPUID2, (uintptr_t)cpuid, "KVM_SET_CPUID2");
	free(cpuid);

	data.selector = 16;
	data.type = 3;
	must(v->fd, KVM_GET_SREGS, (uintptr_t)&sregs, "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
	sregs.gdt.base = GDT_GPA;
	sregs.gdt.limit = 0x17;
	sregs.idt.base = IDT_GPA;
	sregs.idt.limit = 0x7ff;
	must(v->fd, KVM_SET_SREGS, (uintptr_t)&sregs, "KVM_SET_SREGS");
	if (v->irqchip)
		must(v->fd, KVM_SET_MP_STATE, (uintptr_t)&running, "KVM_SET_MP_STATE");
}

int arch_irqchip(struct bench_vcpu *v)
{
	return !ioctl(v->vm, KVM_CREATE_IRQCHIP, 0);
}

struct kvm_irq_routing_entry arch_message(int id, enum message message)
{
	static const uint8_t vectors[] = { IRQ_VECTOR, SIGNAL_VECTOR, END_VECTOR };

	return (struct kvm_irq_routing_entry) {
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000 | id << 12, .data = vectors[message] },
	};
}

/* Enabled, in the mode that the loop is about; ready to send to vCPU 1, or there to 0. */
static void apic_setup(struct bench_vcpu *v, enum loop loop)
{
	int x2apic = loop == LOOP_SELF_IPI_MSR;
	struct kvm_lapic_state state;
	struct kvm_sregs sregs;
	uint32_t value = APIC_ON;

	must(v->fd, KVM_GET_SREGS, (uintptr_t)&sregs, "KVM_GET_SREGS");
	sregs.apic_base = x2apic ? X2APIC_ENABLED : X2APIC_ENABLED & ~0x400ULL;
	must(v->fd, KVM_SET_SREGS, (uintptr_t)&sregs, "KVM_SET_SREGS");
	must(v->fd, KVM_GET_LAPIC, (uintptr_t)&state, "KVM_GET_LAPIC");
	memcpy(state.regs + SVR, &value, sizeof(value));
	value = DEADLINE_MODE | IRQ_VECTOR;
	memcpy(state.regs + LVTT, &value, sizeof(value));
	value = !v->id << ID_SHIFT;
	memcpy(state.regs + ICR2, &value, sizeof(value));
	must(v->fd, KVM_SET_LAPIC, (uintptr_t)&state, "KVM_SET_LAPIC");
	set_handler(IRQ_VECTOR, x2apic ? eoi_msr : eoi_store);
	set_handler(ANSWER_VECTOR, answer);
	set_handler(SIGNAL_VECTOR, signal_user);
	set_handler(END_VECTOR, end);
}

void arch_start(struct bench_vcpu *v, enum loop loop, uint64_t turns, uint64_t address)
{
	struct kvm_regs regs = {
		.rip = CODE_GPA + (code_of(loop) - loops_begin),
		.rflags = 2,
		.rdi = turns,
		.rsp = STACK_GPA - v->id * STACK_SIZE,
		.rsi = loop == LOOP_EOI ? EOI_GPA : loop == LOOP_SELF_IPI || loop == LOOP_IPI ? ICR_GPA : address,
	};

	if (v->irqchip)
		apic_setup(v, loop);

	must(v->fd, KVM_SET_REGS, (uintptr_t)&regs, "KVM_SET_REGS");
}

int arch_exited(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO;
}

int arch_ended(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT && run->io.port == END_PORT;
}
