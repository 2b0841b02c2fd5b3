// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64 guest loops for the benchmark: EL1 without MMU, so that no guest page table is in the figures. Interrupts are a
 * GICv3's, which user space sets up, so that guests only take them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../bench.h"

#define END_GPA		0xd0002000ULL
#define VECTORS_GPA	0x10000ULL
#define GICD_GPA	0x08000000ULL
#define GICR_GPA	0x080a0000ULL
#define GICR_SIZE	0x20000

/* Interrupt numbers: two SGIs, the virtual timer, and SPIs for messages, of which each vCPU has its own. */
#define SGI_HERE	1
#define SGI_ANSWER	2
#define VTIMER		27
#define SPI_FIRST	32
#define SPI(id, message) (SPI_FIRST + 4 * (id) + (message))
#define NR_IRQS		64

#define PSTATE_EL1H	0x3c5
#define CORE(field)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, field) / 4))
#define VBAR_EL1	ARM64_SYS_REG(3, 0, 12, 0, 0)

extern const unsigned char loops_begin[], loops_end[], vectors_begin[], vectors_end[];
extern const unsigned char loop_empty[], loop_hvc[], loop_sysreg[], loop_store[], loop_load[], loop_touch[], loop_gic[],
	loop_ack[], loop_self_ipi[], loop_ipi[], loop_take[], loop_idle[], loop_passed[], loop_wait[];

/* x0: turns, x1: address. The end is a store to END_GPA. */
#define LOOP(name, before, body)			\
	"	.globl " #name "\n"			\
	#name ":\n" before "\n"				\
	"	mov	x19, x0\n"			\
	"1:	" body "\n"				\
	"	subs	x19, x19, #1\n"			\
	"	b.ne	1b\n"				\
	END
#define END "	mov	x9, #0xd0000000\n	str	x0, [x9, #0x2000]\n	b	.\n"
/* ICC_SGI1R_EL1, ICC_IAR1_EL1, ICC_EOIR1_EL1 */
#define SGI1R "s3_0_c12_c11_5"
#define IAR1 "s3_0_c12_c12_0"
#define EOIR1 "s3_0_c12_c12_1"
/* SGI @n for the vCPUs whose bits are in @targets. */
#define SGI(reg, n, targets) "movz " reg ", #" n " << 8, lsl #16\n movk " reg ", #" targets "\n"

asm(".pushsection .rodata\n"
    "	.balign	16\n"
    /* Global, as the linker gives local symbols of a section one entry in the table of addresses. */
    "	.globl	loops_begin, loops_end, loop_idle, vectors_begin, vectors_end\n"
    "loops_begin:\n"
    LOOP(loop_empty, "", "nop")
    LOOP(loop_hvc, "", "mov x0, #0x84000000\n hvc #0")	/* PSCI_VERSION */
    LOOP(loop_sysreg, "", "mrs x2, actlr_el1")
    LOOP(loop_store, "", "str w2, [x1]")
    LOOP(loop_load, "", "ldr w2, [x1]")
    LOOP(loop_touch, "", "ldr w2, [x1]\n add x1, x1, #0x1000")
    LOOP(loop_gic, "", "ldr w2, [x1]")
    /* Taken without an exception. */
    LOOP(loop_ack, SGI("x2", "1", "1"), "msr " SGI1R ", x2\n isb\n mrs x3, " IAR1 "\n dsb sy\n msr " EOIR1 ", x3\n isb")
    LOOP(loop_self_ipi, SGI("x2", "1", "1") "msr daifclr, #2", "msr " SGI1R ", x2\n isb\n nop")
    LOOP(loop_ipi, SGI("x2", "2", "2"), "msr " SGI1R ", x2\n wfi\n msr daifclr, #2\n isb\n msr daifset, #2")
    LOOP(loop_take, "", "msr daifclr, #2\n isb\n msr daifset, #2")
    LOOP(loop_passed, "mov x2, #1\n msr daifclr, #2", "msr cntv_cval_el0, xzr\n msr cntv_ctl_el0, x2\n isb\n nop")
    LOOP(loop_wait, "mov x2, #1\n mov x3, #20000",
	 "msr cntv_tval_el0, x3\n msr cntv_ctl_el0, x2\n isb\n wfi\n msr daifclr, #2\n isb\n msr daifset, #2")
    "loop_idle:\n	msr	daifclr, #2\n1:	wfi\n	b	1b\n"
    "loops_end:\n"
    /* Only interrupts at EL1 come here. The first SPI of a vCPU only ends, the second signals, the third ends its loop. */
    "	.balign	16\n"
    "vectors_begin:\n"
    "	.space	0x280\n"
    "	mrs	x10, " IAR1 "\n"
    "	cmp	x10, #2\n"
    "	b.eq	2f\n"
    "	cmp	x10, #27\n"
    "	b.eq	3f\n"
    "	cmp	x10, #32\n"
    "	b.lo	1f\n"
    "	and	x11, x10, #3\n"
    "	cmp	x11, #1\n"
    "	b.eq	4f\n"
    "	cmp	x11, #2\n"
    "	b.eq	5f\n"
    "1:	msr	" EOIR1 ", x10\n"
    "	eret\n"
    "2:	" SGI("x11", "1", "1")
    "	msr	" SGI1R ", x11\n"
    "	b	1b\n"
    "3:	msr	cntv_ctl_el0, xzr\n"
    "	isb\n"
    "	b	1b\n"
    "4:	mov	x11, #0xd0000000\n"
    "	str	wzr, [x11, #0x1000]\n"
    "	b	1b\n"
    "5:	msr	" EOIR1 ", x10\n"
    END
    "vectors_end:\n"
    ".popsection\n");

const char arch_name[] = "arm64";
const char arch_unit[] = "ticks";
const unsigned long arch_slot_unit = 4096;

uint64_t arch_counter(void)
{
	uint64_t value;

	asm volatile("isb\n mrs %0, cntvct_el0" : "=r"(value) : : "memory");
	return value;
}

void arch_load(void *ram)
{
	memcpy((uint8_t *)ram + CODE_GPA, loops_begin, loops_end - loops_begin);
	memcpy((uint8_t *)ram + VECTORS_GPA, vectors_begin, vectors_end - vectors_begin);
}

static const unsigned char *code_of(enum loop loop)
{
	switch (loop) {
	case LOOP_EMPTY: return loop_empty;
	case LOOP_HYPERCALL: return loop_hvc;
	case LOOP_SYSREG: return loop_sysreg;
	case LOOP_MMIO_STORE: return loop_store;
	case LOOP_MMIO_LOAD: return loop_load;
	case LOOP_GIC_REGISTER: return loop_gic;
	case LOOP_ACK: return loop_ack;
	case LOOP_SELF_IPI: return loop_self_ipi;
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

static void set_reg(struct bench_vcpu *v, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	must(v->fd, KVM_SET_ONE_REG, (uintptr_t)&reg, "KVM_SET_ONE_REG");
}

void arch_vcpu_init(int vm, int vcpu)
{
	struct kvm_vcpu_init init;

	memset(&init, 0, sizeof(init));
	must(vm, KVM_ARM_PREFERRED_TARGET, (uintptr_t)&init, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	must(vcpu, KVM_ARM_VCPU_INIT, (uintptr_t)&init, "KVM_ARM_VCPU_INIT");
}

void arch_vcpu_setup(struct bench_vcpu *v)
{
	set_reg(v, VBAR_EL1, VECTORS_GPA);
}

static int gic;	/* of the last VM, and whether it is initialized */
static int gic_ready;

static void gic_attr(uint32_t group, uint64_t attr, uint64_t value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)&value };

	must(gic, KVM_SET_DEVICE_ATTR, (uintptr_t)&a, "KVM_SET_DEVICE_ATTR");
}

int arch_irqchip(struct bench_vcpu *v)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };

	if (ioctl(v->vm, KVM_CREATE_DEVICE, &d))
		return 0;
	gic = d.fd;
	gic_ready = 0;
	return 1;
}

/* Group 1, enabled, of one priority; SPIs are edges, and each vCPU's own. */
static void gic_setup(unsigned int vcpus)
{
	const uint32_t dist = KVM_DEV_ARM_VGIC_GRP_DIST_REGS, redist = KVM_DEV_ARM_VGIC_GRP_REDIST_REGS;

	gic_attr(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, NR_IRQS);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_GPA);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_GPA);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
	gic_attr(dist, 0x0000, 0x12);			/* GICD_CTLR: affinity routing, group 1 */
	gic_attr(dist, 0x0084, 0xffffffff);		/* GICD_IGROUPR1 */
	gic_attr(dist, 0x0c08, 0xaaaaaaaa);		/* GICD_ICFGR2, 3 */
	gic_attr(dist, 0x0c0c, 0xaaaaaaaa);
	for (unsigned int n = SPI_FIRST; n < NR_IRQS; n += 4)
		gic_attr(dist, 0x0400 + n, 0xa0a0a0a0);	/* GICD_IPRIORITYR */
	for (unsigned int id = 0; id < vcpus; id++) {
		uint64_t cpu = (uint64_t)id << 32;

		for (unsigned int n = 0; n < 4; n++)
			gic_attr(dist, 0x6000 + 8 * SPI(id, n), id);	/* GICD_IROUTER */
		gic_attr(redist, cpu | 0x0014, 0);		/* GICR_WAKER */
		gic_attr(redist, cpu | 0x10080, 0xffffffff);	/* GICR_IGROUPR0 */
		gic_attr(redist, cpu | 0x10100, 1 << SGI_HERE | 1 << SGI_ANSWER | 1 << VTIMER);	/* GICR_ISENABLER0 */
		for (unsigned int n = 0; n < SPI_FIRST; n += 4)
			gic_attr(redist, cpu | (0x10400 + n), 0xa0a0a0a0);
#define ICC(op1, crn, crm, op2) (cpu | (ARM64_SYS_REG(3, op1, crn, crm, op2) & 0xffff))
		gic_attr(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, ICC(0, 12, 12, 5), 7);	/* ICC_SRE_EL1 */
		gic_attr(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, ICC(0, 4, 6, 0), 0xf0);	/* ICC_PMR_EL1 */
		gic_attr(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, ICC(0, 12, 12, 7), 1);	/* ICC_IGRPEN1_EL1 */
	}
	gic_attr(dist, 0x0104, 0xffffffff);		/* GICD_ISENABLER1 */
}

struct kvm_irq_routing_entry arch_message(int id, enum message message)
{
	return (struct kvm_irq_routing_entry) {
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip.pin = SPI(id, message) - SPI_FIRST,
	};
}

void arch_start(struct bench_vcpu *v, enum loop loop, uint64_t turns, uint64_t address)
{
	if (v->irqchip && !gic_ready) {
		gic_setup(2);
		gic_ready = 1;
	}
	/* The store that ended the last loop is completed by the next KVM_RUN: else it would move the PC set here. */
	if (v->run->exit_reason == KVM_EXIT_MMIO) {
		v->run->immediate_exit = 1;
		ioctl(v->fd, KVM_RUN, 0);
		v->run->immediate_exit = 0;
	}
	set_reg(v, CORE(regs.pc), CODE_GPA + (code_of(loop) - loops_begin));
	set_reg(v, CORE(regs.pstate), PSTATE_EL1H);
	set_reg(v, CORE(regs.regs[0]), turns);
	set_reg(v, CORE(regs.regs[1]), loop == LOOP_GIC_REGISTER ? GICD_GPA : address);
}

int arch_exited(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_MMIO;
}

int arch_ended(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write && run->mmio.phys_addr == END_GPA;
}
