// SPDX-License-Identifier: GPL-2.0-only
/*
 * s390 guest loops for the benchmark: supervisor state, 64-bit addresses, DAT off, so that no guest page table is in the
 * figures. The host does not count instructions: the figures are time.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "../bench.h"

#define DATA_GPA	0x20000ULL
#define PSW_64BIT	0x180000000ULL	/* extended and basic addressing */

/* Function codes of DIAGNOSE that no hypervisor knows. */
#define DIAG_END	0x5f0
#define DIAG_TURN	0x5f1
#define STR2(x) #x
#define STR(x) STR2(x)

extern const unsigned char loops_begin[], loops_end[];
extern const unsigned char loop_empty[], loop_yield[], loop_prefix[], loop_sigp[], loop_diagnose[], loop_touch[];

/* r2: turns, r3: address. */
#define LOOP(name, body)						\
	"	.globl " #name "\n"					\
	#name ":\n"							\
	"1:	" body "\n"						\
	"	brctg	%r2, 1b\n"					\
	"	diag	%r0, %r0, " STR(DIAG_END) "\n"

asm(".pushsection .rodata\n"
    "	.balign	16\n"
    "	.globl	loops_begin, loops_end\n"
    "loops_begin:\n"
    LOOP(loop_empty, "nopr	%r7")
    LOOP(loop_yield, "diag	%r0, %r0, 0x44")
    LOOP(loop_prefix, "stpx	0(%r3)")
    /* Order 1, the CPU address in r4. */
    LOOP(loop_sigp, "sigp	%r6, %r4, 1")
    LOOP(loop_diagnose, "diag	%r0, %r0, " STR(DIAG_TURN))
    LOOP(loop_touch, "lg	%r0, 0(%r3)\n aghi %r3, 4096")
    "loops_end:\n"
    ".popsection\n");

const char arch_name[] = "s390";
const char arch_unit[] = "ns";
const unsigned long arch_slot_unit = 1 << 20;

/* The time-of-day clock: 4096 in a microsecond. */
uint64_t arch_counter(void)
{
	uint64_t tod;

	asm volatile("stckf	%0" : "=Q"(tod) : : "cc");
	return (tod >> 9) * 125 + ((tod & 511) * 125 >> 9);
}

void arch_load(void *ram)
{
	memcpy((uint8_t *)ram + CODE_GPA, loops_begin, loops_end - loops_begin);
}

static const unsigned char *code_of(enum loop loop)
{
	switch (loop) {
	case LOOP_EMPTY: return loop_empty;
	case LOOP_HYPERCALL: return loop_yield;
	case LOOP_PREFIX: return loop_prefix;
	case LOOP_SIGP: return loop_sigp;
	case LOOP_DIAGNOSE: return loop_diagnose;
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
	(void)vm, (void)vcpu;
}

void arch_vcpu_setup(struct bench_vcpu *v)
{
	(void)v;
}

/* They are always in the kernel, and have no EOI or timer that an exit could be about. */
int arch_irqchip(struct bench_vcpu *v)
{
	(void)v;
	return 0;
}

struct kvm_irq_routing_entry arch_message(int id, enum message message)
{
	(void)id, (void)message;
	return (struct kvm_irq_routing_entry){ 0 };
}

void arch_start(struct bench_vcpu *v, enum loop loop, uint64_t turns, uint64_t address)
{
	struct kvm_regs regs = { .gprs = { [2] = turns, [3] = loop == LOOP_TOUCH ? address : DATA_GPA, [4] = v->id } };

	must(v->fd, KVM_SET_REGS, (uintptr_t)&regs, "KVM_SET_REGS");
	v->run->psw_mask = PSW_64BIT;
	v->run->psw_addr = CODE_GPA + (code_of(loop) - loops_begin);
}

/* An instruction, DIAGNOSE, of this function. */
static int is_diagnose(const struct kvm_run *run, unsigned int function)
{
	return run->exit_reason == KVM_EXIT_S390_SIEIC && run->s390_sieic.icptcode == 4 &&
	       run->s390_sieic.ipa >> 8 == 0x83 && run->s390_sieic.ipb >> 16 == function;
}

int arch_exited(const struct kvm_run *run)
{
	return is_diagnose(run, DIAG_TURN) || is_diagnose(run, DIAG_END);
}

int arch_ended(const struct kvm_run *run)
{
	return is_diagnose(run, DIAG_END);
}
