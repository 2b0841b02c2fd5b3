// SPDX-License-Identifier: GPL-2.0-only
/* arm64: interrupts through the kernel's controller: lines, SGIs, PPIs, SPIs, priorities, and its state in another VM. */
#include <sys/eventfd.h>

#include "vgic.h"

#define SPI 40

struct one {
	struct vm *vm;
	struct vcpu *vcpu, *other;
	struct gic gic;
};

static struct one machine(unsigned int vcpus)
{
	struct one m = { .vm = vm_new() };

	m.vcpu = vcpu_new(m.vm, 0);
	if (vcpus > 1)
		m.other = vcpu_new(m.vm, 1);
	m.gic = gic_new(m.vm);
	gic_on(m.vcpu, &m.gic);
	if (vcpus > 1)
		gic_on(m.other, &m.gic);
	return m;
}

TEST(spi_line_that_is_high_is_taken)
{
	struct one m = machine(1);

	irq_edge(m.vcpu, &m.gic, SPI, false);
	irq_enable(m.vcpu, &m.gic, SPI);
	expect_no_irq(m.vcpu);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect_irq(m.vcpu, &m.gic, SPI);
	/* Active: not again, until its end. */
	expect_no_irq(m.vcpu);
	irq_eoi(m.vcpu, &m.gic, SPI);
	/* The line is still high. */
	expect_irq(m.vcpu, &m.gic, SPI);
	expect_ret(spi_line(m.vm, SPI, 0), 0);
	irq_eoi(m.vcpu, &m.gic, SPI);
	expect_no_irq(m.vcpu);
}

TEST(level_that_goes_is_no_interrupt)
{
	struct one m = machine(1);

	irq_edge(m.vcpu, &m.gic, SPI, false);
	irq_enable(m.vcpu, &m.gic, SPI);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect(irq_bit_is_set(m.vcpu, &m.gic, GICD_ISPENDR, SPI));
	expect_ret(spi_line(m.vm, SPI, 0), 0);
	expect(!irq_bit_is_set(m.vcpu, &m.gic, GICD_ISPENDR, SPI));
	expect_no_irq(m.vcpu);
}

TEST(edge_is_taken_once)
{
	struct one m = machine(1);

	irq_edge(m.vcpu, &m.gic, SPI, true);
	irq_enable(m.vcpu, &m.gic, SPI);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect_ret(spi_line(m.vm, SPI, 0), 0);
	expect_irq(m.vcpu, &m.gic, SPI);
	/* One that comes while it is active waits. */
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect_no_irq(m.vcpu);
	irq_eoi(m.vcpu, &m.gic, SPI);
	expect_irq(m.vcpu, &m.gic, SPI);
	irq_eoi(m.vcpu, &m.gic, SPI);
	expect_no_irq(m.vcpu);
}

TEST(disabled_interrupt_waits)
{
	struct one m = machine(1);

	irq_edge(m.vcpu, &m.gic, SPI, true);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect_no_irq(m.vcpu);
	irq_enable(m.vcpu, &m.gic, SPI);
	irq_bit(m.vcpu, &m.gic, GICD_ICENABLER, SPI);
	expect_no_irq(m.vcpu);
	irq_enable(m.vcpu, &m.gic, SPI);
	expect_irq(m.vcpu, &m.gic, SPI);
}

TEST(pending_bits_make_and_take_interrupts)
{
	struct one m = machine(1);

	irq_enable(m.vcpu, &m.gic, SPI);
	irq_bit(m.vcpu, &m.gic, GICD_ISPENDR, SPI);
	expect_irq(m.vcpu, &m.gic, SPI);
	irq_eoi(m.vcpu, &m.gic, SPI);
	expect_no_irq(m.vcpu);
	irq_edge(m.vcpu, &m.gic, SPI, true);
	irq_bit(m.vcpu, &m.gic, GICD_ISPENDR, SPI);
	irq_bit(m.vcpu, &m.gic, GICD_ICPENDR, SPI);
	expect_no_irq(m.vcpu);
}

TEST(higher_priority_comes_first)
{
	struct one m = machine(1);

	for (unsigned int i = 0; i < 6; i++) {
		irq_edge(m.vcpu, &m.gic, SPI + i, true);
		irq_enable(m.vcpu, &m.gic, SPI + i);
		irq_priority(m.vcpu, &m.gic, SPI + i, 0xa0 - 0x10 * i);
	}
	for (unsigned int i = 0; i < 6; i++)
		expect_ret(spi_line(m.vm, SPI + i, 1), 0);
	for (unsigned int i = 6; i-- > 0;) {
		expect_irq(m.vcpu, &m.gic, SPI + i);
		/* It is active now: the rest is lower. */
		expect_no_irq(m.vcpu);
		irq_eoi(m.vcpu, &m.gic, SPI + i);
	}
	expect_no_irq(m.vcpu);
}

/* More than there are list registers. */
#define MANY	40

static void raise_many(struct one *m)
{
	for (unsigned int i = 0; i < MANY; i++) {
		irq_edge(m->vcpu, &m->gic, SPI + i, true);
		irq_enable(m->vcpu, &m->gic, SPI + i);
		expect_ret(spi_line(m->vm, SPI + i, 1), 0);
	}
}

TEST(many_interrupts_all_come)
{
	struct one m = machine(1);
	uint64_t seen = 0;

	raise_many(&m);
	for (unsigned int i = 0; i < MANY; i++) {
		unsigned int intid;

		intid = irq_ack(m.vcpu, &m.gic);
		trace("%u: %u", i, intid);
		expect(intid >= SPI && intid < SPI + MANY && !(seen >> (intid - SPI) & 1));
		seen |= 1ULL << (intid - SPI);
		irq_eoi(m.vcpu, &m.gic, intid);
	}
	expect_no_irq(m.vcpu);
}

/* Those that found no list register are waited for in the guest only, not in the host, nor in another vCPU. */
TEST(many_interrupts_wait_while_another_vcpu_runs)
{
	struct one m = machine(2);

	raise_many(&m);
	for (unsigned int i = 0; i < MANY; i++) {
		unsigned int intid;

		expect_no_irq(m.other);
		intid = irq_ack(m.vcpu, &m.gic);
		expect(intid >= SPI && intid < SPI + MANY);
		expect_no_irq(m.other);
		irq_eoi(m.vcpu, &m.gic, intid);
	}
	expect_no_irq(m.vcpu);
}

TEST(sgi_reaches_its_target)
{
	struct one m = machine(2);

	irq_enable(m.vcpu, &m.gic, 3);
	irq_enable(m.other, &m.gic, 3);
	send_sgi(m.vcpu, &m.gic, 3, 1);
	expect_no_irq(m.vcpu);
	expect_irq(m.other, &m.gic, 3);
	irq_eoi(m.other, &m.gic, 3);
	expect_no_irq(m.other);
	send_sgi(m.other, &m.gic, 3, 0);
	expect_irq(m.vcpu, &m.gic, 3);
}

TEST(sgi_to_oneself)
{
	struct one m = machine(1);

	irq_enable(m.vcpu, &m.gic, 7);
	send_sgi(m.vcpu, &m.gic, 7, 0);
	expect_irq(m.vcpu, &m.gic, 7);
	irq_eoi(m.vcpu, &m.gic, 7);
	expect_no_irq(m.vcpu);
}

TEST(ppi_line_is_each_vcpus_own)
{
	struct one m = machine(2);

	irq_enable(m.vcpu, &m.gic, 20);
	irq_enable(m.other, &m.gic, 20);
	expect_ret(irq_line(m.vm, KVM_ARM_IRQ_TYPE_PPI, 1, 20, 1), 0);
	expect_no_irq(m.vcpu);
	expect_irq(m.other, &m.gic, 20);
	expect_ret(irq_line(m.vm, KVM_ARM_IRQ_TYPE_PPI, 1, 20, 0), 0);
	irq_eoi(m.other, &m.gic, 20);
	expect_no_irq(m.other);
}

TEST(spi_goes_where_it_is_routed)
{
	struct one m = machine(2);

	irq_edge(m.vcpu, &m.gic, SPI, true);
	irq_enable(m.other, &m.gic, SPI);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect_no_irq(m.vcpu);
	expect_irq(m.other, &m.gic, SPI);
	irq_eoi(m.other, &m.gic, SPI);
	irq_enable(m.vcpu, &m.gic, SPI);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	expect_no_irq(m.other);
	expect_irq(m.vcpu, &m.gic, SPI);
}

TEST(irq_lines_are_checked)
{
	struct vm *bare = vm_new_bare();
	struct one m = machine(1);

	expect_ret(spi_line(m.vm, 31, 1), -EINVAL);
	expect_ret(spi_line(m.vm, NR_IRQS, 1), -EINVAL);
	expect_ret(irq_line(m.vm, KVM_ARM_IRQ_TYPE_PPI, 0, 15, 1), -EINVAL);
	expect_ret(irq_line(m.vm, KVM_ARM_IRQ_TYPE_PPI, 0, 32, 1), -EINVAL);
	expect_ret(irq_line(m.vm, KVM_ARM_IRQ_TYPE_PPI, 9, 20, 1), -EINVAL);
	expect_ret(irq_line(m.vm, KVM_ARM_IRQ_TYPE_CPU, 0, 0, 1), -ENXIO);
	expect_ret(irq_line(m.vm, 3, 0, 40, 1), -EINVAL);
	expect_ret(spi_line(bare, SPI, 1), -ENXIO);
	expect_ret(irq_line(bare, KVM_ARM_IRQ_TYPE_CPU, 0, 0, 1), -EINVAL);
}

GUEST(guest_wfi, "1:	msr	daifclr, #2\n	wfi\n	b	1b\n");

TEST(interrupt_wakes_a_vcpu_that_waits)
{
	struct one m = machine(1);
	struct runner r;

	irq_enable(m.vcpu, &m.gic, SPI);
	for (unsigned int turn = 0; turn < 3; turn++) {
		arm_start(m.vcpu, guest_wfi, 0, 0, 0);
		runner_start(&r, m.vcpu);
		expect_ret(spi_line(m.vm, SPI, 1), 0);
		expect_ret(runner_join(&r), 0);
		expect_eq(m.vcpu->run->mmio.phys_addr, TRAPPED_GPA);
		expect_eq(irq_ack(m.vcpu, &m.gic), SPI);
		expect_ret(spi_line(m.vm, SPI, 0), 0);
		irq_eoi(m.vcpu, &m.gic, SPI);
	}
}

TEST(irqfd_wants_an_eventfd_and_a_gic_that_is_ready, NEED(KVM_CAP_IRQFD))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_NONBLOCK) };
	struct gic gic = gic_bare(vcpu->vm);

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_IRQFD, &irqfd), -EAGAIN);
	expect_ret(gic_place(&gic), 0);
	expect_ret(gic_init(&gic), 0);
	irqfd_takes_eventfds_only(vcpu->vm);
}

TEST(irqfd_raises_its_spi, NEED(KVM_CAP_IRQFD))
{
	struct one m = machine(1);
	/* The default route of a GSI is the SPI of that number. */
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = SPI - SPI_FIRST };
	uint64_t n = 1;

	irq_edge(m.vcpu, &m.gic, SPI, true);
	irq_enable(m.vcpu, &m.gic, SPI);
	expect_ret(kvm_ioctl(m.vm->fd, KVM_IRQFD, &irqfd), 0);
	for (unsigned int turn = 0; turn < 3; turn++) {
		expect_eq(write(irqfd.fd, &n, 8), 8);
		expect_irq(m.vcpu, &m.gic, SPI);
		irq_eoi(m.vcpu, &m.gic, SPI);
	}
	expect_no_irq(m.vcpu);
}

static void copy_word(struct gic *from, struct gic *to, uint32_t group, uint64_t attr)
{
	uint64_t v = 0;

	expect_ret(dev_attr(from->fd, KVM_GET_DEVICE_ATTR, group, attr, &v), 0);
	expect_ret(dev_attr(to->fd, KVM_SET_DEVICE_ATTR, group, attr, &v), 0);
}

/* As a VMM migrates: registers of the distributor, of the redistributor, of the CPU interface. */
static void copy_state(struct gic *from, struct gic *to)
{
	static const uint32_t per_irq[] = { GICD_IGROUPR, GICD_ISENABLER, GICD_ISPENDR, GICD_ISACTIVER };
	static const uint32_t icc[] = { SYS(3, 0, 12, 12, 5) & 0xffff, SYS(3, 0, 12, 12, 4) & 0xffff, SYS(3, 0, 4, 6, 0) & 0xffff,
					SYS(3, 0, 12, 12, 3) & 0xffff, SYS(3, 0, 12, 12, 7) & 0xffff, SYS(3, 0, 12, 9, 0) & 0xffff };
	const uint32_t dist = KVM_DEV_ARM_VGIC_GRP_DIST_REGS, redist = KVM_DEV_ARM_VGIC_GRP_REDIST_REGS;

	copy_word(from, to, dist, GICD_IIDR);
	copy_word(from, to, dist, GICD_CTLR);
	copy_word(from, to, redist, GICR_WAKER);
	for (size_t i = 0; i < ARRAY_SIZE(per_irq); i++) {
		copy_word(from, to, redist, GICR_SGI + per_irq[i]);
		for (unsigned int n = 4; n < NR_IRQS / 8; n += 4)
			copy_word(from, to, dist, per_irq[i] + n);
	}
	for (unsigned int n = 0; n < NR_IRQS; n += 4)
		copy_word(from, to, n < 32 ? redist : dist, (n < 32 ? GICR_SGI : 0) + GICD_IPRIORITYR + n);
	for (unsigned int n = 0; n < NR_IRQS / 4; n += 4)
		copy_word(from, to, n < 8 ? redist : dist, (n < 8 ? GICR_SGI : 0) + GICD_ICFGR + n);
	for (unsigned int n = 32; n < NR_IRQS; n++) {
		copy_word(from, to, dist, GICD_IROUTER + 8 * n);
		copy_word(from, to, dist, GICD_IROUTER + 8 * n + 4);
	}
	for (size_t i = 0; i < ARRAY_SIZE(icc); i++)
		copy_word(from, to, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, icc[i]);
	for (unsigned int n = 0; n < NR_IRQS; n += 32)
		copy_word(from, to, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, n | VGIC_LEVEL_INFO_LINE_LEVEL << 10);
}

TEST(state_of_a_vgic_v3_moves_to_another)
{
	struct one a, b = { .vm = vm_new() };

	need_v3();
	a = machine(1);
	/* Active, pending by an edge, pending by a level, pending by software, an SGI; and one that is not enabled. */
	for (unsigned int i = 0; i < 5; i++) {
		irq_edge(a.vcpu, &a.gic, SPI + i, i != 2);
		if (i != 4)
			irq_enable(a.vcpu, &a.gic, SPI + i);
	}
	irq_priority(a.vcpu, &a.gic, SPI + 1, 0x40);
	irq_enable(a.vcpu, &a.gic, 5);
	irq_priority(a.vcpu, &a.gic, SPI + 2, 0xb0);
	irq_priority(a.vcpu, &a.gic, SPI + 3, 0xc0);
	expect_ret(spi_line(a.vm, SPI, 1), 0);
	expect_irq(a.vcpu, &a.gic, SPI);
	for (unsigned int i = 1; i < 5; i++)
		expect_ret(spi_line(a.vm, SPI + i, 1), 0);
	send_sgi(a.vcpu, &a.gic, 5, 0);

	b.vcpu = vcpu_new(b.vm, 0);
	b.gic = gic_new(b.vm);
	copy_state(&a.gic, &b.gic);
	/* The priority of the one that is active lets only a higher one through. */
	expect_irq(b.vcpu, &b.gic, SPI + 1);
	irq_eoi(b.vcpu, &b.gic, SPI + 1);
	expect_no_irq(b.vcpu);
	irq_eoi(b.vcpu, &b.gic, SPI);
	expect_irq(b.vcpu, &b.gic, 5);
	irq_eoi(b.vcpu, &b.gic, 5);
	expect_irq(b.vcpu, &b.gic, SPI + 2);
	expect_ret(spi_line(b.vm, SPI + 2, 0), 0);
	irq_eoi(b.vcpu, &b.gic, SPI + 2);
	expect_irq(b.vcpu, &b.gic, SPI + 3);
	irq_eoi(b.vcpu, &b.gic, SPI + 3);
	expect_no_irq(b.vcpu);
	irq_enable(b.vcpu, &b.gic, SPI + 4);
	expect_irq(b.vcpu, &b.gic, SPI + 4);
}

/* The same for a GICv2, whose CPU interface is the device's, too. */
static void copy_state_v2(struct gic *from, struct gic *to, unsigned int vcpus)
{
	static const uint32_t per_irq[] = { GICD_IGROUPR, GICD_ISENABLER, GICD_ISACTIVER };
	static const uint32_t gicc[] = { GICC_CTLR, GICC_PMR, GICC_BPR, GICC_ABPR, GICC_APR };
	const uint32_t dist = KVM_DEV_ARM_VGIC_GRP_DIST_REGS;

	copy_word(from, to, dist, GICD_IIDR);
	copy_word(from, to, dist, GICD_CTLR);
	for (uint64_t vcpu = 0; vcpu < vcpus; vcpu++) {
		uint64_t cpu = vcpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT;

		/* The first 32 interrupts are each vCPU's own. */
		for (size_t i = 0; i < ARRAY_SIZE(per_irq); i++) {
			for (unsigned int n = 0; n < (vcpu ? 4 : NR_IRQS / 8); n += 4)
				copy_word(from, to, dist, cpu | (per_irq[i] + n));
		}
		for (unsigned int n = 0; n < (vcpu ? 32 : NR_IRQS); n += 4)
			copy_word(from, to, dist, cpu | (GICD_IPRIORITYR + n));
		/* Who has sent an SGI tells more than that it is pending. */
		for (unsigned int n = 0; n < 16; n += 4)
			copy_word(from, to, dist, cpu | (GICD_SPENDSGIR + n));
		for (size_t i = 0; i < ARRAY_SIZE(gicc); i++)
			copy_word(from, to, KVM_DEV_ARM_VGIC_GRP_CPU_REGS, cpu | gicc[i]);
	}
	for (unsigned int n = 32; n < NR_IRQS; n += 4)
		copy_word(from, to, dist, GICD_ITARGETSR + n);
	for (unsigned int n = 8; n < NR_IRQS / 4; n += 4)
		copy_word(from, to, dist, GICD_ICFGR + n);
	for (unsigned int n = 4; n < NR_IRQS / 8; n += 4)
		copy_word(from, to, dist, GICD_ISPENDR + n);
	/* The lines are the devices' to raise again. */
}

TEST(state_of_a_vgic_v2_moves_to_another)
{
	struct one a, b = { .vm = vm_new() };

	need_v2();
	a = machine(2);
	/* Active, pending by an edge, pending in the other group, and an SGI of both vCPUs. */
	for (unsigned int i = 0; i < 3; i++) {
		irq_edge(a.vcpu, &a.gic, SPI + i, true);
		irq_enable(a.vcpu, &a.gic, SPI + i);
		irq_priority(a.vcpu, &a.gic, SPI + i, 0xa0 - 0x20 * i);
	}
	guest_store(a.vcpu, GICD_GPA + GICD_ITARGETSR + SPI + 2, 1, 2);
	irq_bit(a.vcpu, &a.gic, GICD_IGROUPR, SPI + 2);
	irq_enable(a.other, &a.gic, 5);
	irq_priority(a.other, &a.gic, 5, 0xb0);
	expect_ret(spi_line(a.vm, SPI, 1), 0);
	expect_irq(a.vcpu, &a.gic, SPI);
	expect_ret(spi_line(a.vm, SPI + 1, 1), 0);
	send_sgi(a.vcpu, &a.gic, 5, 1);
	send_sgi(a.other, &a.gic, 5, 1);

	b.vcpu = vcpu_new(b.vm, 0);
	b.other = vcpu_new(b.vm, 1);
	b.gic = gic_new(b.vm);
	copy_state_v2(&a.gic, &b.gic, 2);
	expect_irq(b.vcpu, &b.gic, SPI + 1);
	irq_eoi(b.vcpu, &b.gic, SPI + 1);
	expect_no_irq(b.vcpu);
	irq_eoi(b.vcpu, &b.gic, SPI);
	/* Each sender's is taken for itself. */
	for (unsigned int seen = 0, i = 0; i < 2; i++) {
		uint32_t iar;

		arm_start(b.other, guest_open, 0, 0, 0);
		run_trap(b.other, VECTOR_IRQ);
		iar = guest_load(b.other, GICC_GPA + GICC_IAR, 4);
		expect_eq(iar & 0x3ff, 5);
		expect(iar >> 10 <= 1 && !(seen >> (iar >> 10) & 1));
		seen |= 1 << (iar >> 10);
		guest_store(b.other, GICC_GPA + GICC_EOIR, 4, iar);
	}
	expect_no_irq(b.other);
	expect(irq_bit_is_set(b.vcpu, &b.gic, GICD_IGROUPR, SPI + 2));
	expect(!irq_bit_is_set(b.vcpu, &b.gic, GICD_IGROUPR, SPI + 1));
	expect_eq(guest_load(b.vcpu, GICD_GPA + GICD_ITARGETSR + SPI + 2, 1), 2);
	expect_eq(guest_load(b.vcpu, GICD_GPA + GICD_IPRIORITYR + SPI + 2, 1), 0x60);
}

TEST(guest_of_a_vgic_v2_has_groups)
{
	struct one m;

	need_v2();
	m = machine(1);
	irq_edge(m.vcpu, &m.gic, SPI, true);
	irq_enable(m.vcpu, &m.gic, SPI);
	irq_bit(m.vcpu, &m.gic, GICD_IGROUPR, SPI);
	expect(irq_bit_is_set(m.vcpu, &m.gic, GICD_IGROUPR, SPI));
	expect(!irq_bit_is_set(m.vcpu, &m.gic, GICD_IGROUPR, SPI + 1));
	/* Both groups on; for GICC_IAR to acknowledge those of group 1 takes AckCtl, too. */
	gicd_write(m.vcpu, GICD_CTLR, 3);
	guest_store(m.vcpu, GICC_GPA + GICC_CTLR, 4, 3);
	expect_ret(spi_line(m.vm, SPI, 1), 0);
	arm_start(m.vcpu, guest_open, 0, 0, 0);
	run_trap(m.vcpu, VECTOR_IRQ);
	expect_eq(guest_load(m.vcpu, GICC_GPA + GICC_IAR, 4) & 0x3ff, 1022);
	guest_store(m.vcpu, GICC_GPA + GICC_CTLR, 4, 7);
	expect_eq(guest_load(m.vcpu, GICC_GPA + GICC_IAR, 4) & 0x3ff, SPI);
	irq_eoi(m.vcpu, &m.gic, SPI);
	expect_no_irq(m.vcpu);
}
