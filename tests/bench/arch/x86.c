// SPDX-License-Identifier: GPL-2.0-only
/* x86 guest loops for the benchmark: flat 32-bit protected mode, so that no guest page table is in the figures. */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "../bench.h"

#define END_PORT	0x99
#define APIC_BASE_MSR	"0x1b"
#define UNKNOWN_CALL	"0x7fff"	/* no such hypercall: answered at once */
#define CPUID_ENTRIES	256

extern const unsigned char loops_begin[], loops_end[];
extern const unsigned char loop_empty[], loop_cpuid[], loop_vmmcall[], loop_vmcall[], loop_rdmsr[], loop_out[], loop_in[],
	loop_store[], loop_load[], loop_touch[];

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
    LOOP(loop_touch, "", "mov (%esi), %eax\n add $0x1000, %esi")
    "loops_end:\n"
    "	.code64\n"
    ".popsection\n");

const char arch_unit[] = "ticks";

uint64_t arch_counter(void)
{
	uint32_t low, high;

	asm volatile("lfence\n rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (uint64_t)high << 32;
}

void arch_load(void *ram)
{
	memcpy((uint8_t *)ram + CODE_GPA, loops_begin, loops_end - loops_begin);
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
	case LOOP_TOUCH: return loop_touch;
	default: return NULL;
	}
}

int arch_has(enum loop loop)
{
	return code_of(loop) != NULL;
}

void arch_vcpu_setup(struct bench_vcpu *v)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1 };
	struct kvm_segment data = code;
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	struct kvm_sregs sregs;

	cpuid->nent = CPUID_ENTRIES;
	must(v->kvm, KVM_GET_SUPPORTED_CPUID, (uintptr_t)cpuid, "KVM_GET_SUPPORTED_CPUID");
	must(v->fd, KVM_SET_CPUID2, (uintptr_t)cpuid, "KVM_SET_CPUID2");
	free(cpuid);

	data.selector = 16;
	data.type = 3;
	must(v->fd, KVM_GET_SREGS, (uintptr_t)&sregs, "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
	must(v->fd, KVM_SET_SREGS, (uintptr_t)&sregs, "KVM_SET_SREGS");
}

void arch_start(struct bench_vcpu *v, enum loop loop, uint64_t turns, uint64_t address)
{
	struct kvm_regs regs = {
		.rip = CODE_GPA + (code_of(loop) - loops_begin),
		.rflags = 2,
		.rdi = turns,
		.rsi = loop == LOOP_TOUCH ? address : MMIO_GPA,
	};

	must(v->fd, KVM_SET_REGS, (uintptr_t)&regs, "KVM_SET_REGS");
}

int arch_ended(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT && run->io.port == END_PORT;
}
