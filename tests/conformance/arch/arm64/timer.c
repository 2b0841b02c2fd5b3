// SPDX-License-Identifier: GPL-2.0-only
/* arm64: the generic timer: counters, interrupts of the virtual and of the physical timer, waiting for them. */
#include "vgic.h"

#define SECOND_TICKS 0x40000000000ULL	/* longer than any test, at any frequency */

GUEST(guest_counters, "	isb\n	mrs	x3, cntvct_el0\n	mrs	x4, cntpct_el0\n	mrs	x5, cntfrq_el0\n	isb\n	mrs	x6, cntvct_el0\n" DONE);

TEST(counters_run)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t before;

	arm_call(vcpu, guest_counters, 0, 0, 0);
	before = get_reg(vcpu, XREG(3));
	expect(get_reg(vcpu, XREG(5)) > 1000);
	expect(get_reg(vcpu, XREG(6)) >= before);
	arm_call(vcpu, guest_counters, 0, 0, 0);
	expect(get_reg(vcpu, XREG(3)) > before);
	expect(get_reg(vcpu, KVM_REG_ARM_TIMER_CNT) > before);
}

TEST(virtual_counter_is_set_by_user_space)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t where = 1ULL << 50;

	set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, where);
	arm_call(vcpu, guest_counters, 0, 0, 0);
	expect(get_reg(vcpu, XREG(3)) >= where && get_reg(vcpu, XREG(3)) < where + SECOND_TICKS);
	set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, 5);
	arm_call(vcpu, guest_counters, 0, 0, 0);
	expect(get_reg(vcpu, XREG(3)) < SECOND_TICKS);
}

TEST(vcpus_of_a_vm_have_one_virtual_counter)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);
	uint64_t first, second;

	set_reg(a, KVM_REG_ARM_TIMER_CNT, 1ULL << 48);
	arm_call(a, guest_counters, 0, 0, 0);
	first = get_reg(a, XREG(3));
	arm_call(b, guest_counters, 0, 0, 0);
	second = get_reg(b, XREG(3));
	expect(second > first && second < first + SECOND_TICKS);
}

struct one {
	struct vcpu *vcpu;
	struct gic gic;
};

static struct one machine(unsigned int ppi)
{
	struct one m = { .vcpu = vcpu_new(vm_new(), 0) };

	m.gic = gic_new(m.vcpu->vm);
	gic_on(m.vcpu, &m.gic);
	irq_enable(m.vcpu, &m.gic, ppi);
	return m;
}

/* x0 ticks from now; then off. */
GUEST(guest_vtimer, "	msr	cntv_tval_el0, x0\n	mov	x3, #1\n	msr	cntv_ctl_el0, x3\n	isb\n" DONE);
GUEST(guest_vtimer_off, "	msr	cntv_ctl_el0, xzr\n	isb\n" DONE);
GUEST(guest_vtimer_status, "	mrs	x0, cntv_ctl_el0\n" DONE);
GUEST(guest_ptimer, "	msr	cntp_tval_el0, x0\n	mov	x3, #1\n	msr	cntp_ctl_el0, x3\n	isb\n" DONE);
GUEST(guest_ptimer_off, "	msr	cntp_ctl_el0, xzr\n	isb\n" DONE);
GUEST(guest_ptimer_status, "	mrs	x0, cntp_ctl_el0\n" DONE);

static void timer_fires(unsigned int ppi, const unsigned char *set, const unsigned char *status, const unsigned char *off)
{
	struct one m = machine(ppi);

	for (unsigned int turn = 0; turn < 3; turn++) {
		arm_call(m.vcpu, set, -1, 0, 0);
		expect_eq(arm_call(m.vcpu, status, 0, 0, 0), 5);
		expect_irq(m.vcpu, &m.gic, ppi);
		/* Its line stays high until the timer is off. */
		irq_eoi(m.vcpu, &m.gic, ppi);
		expect_irq(m.vcpu, &m.gic, ppi);
		arm_call(m.vcpu, off, 0, 0, 0);
		irq_eoi(m.vcpu, &m.gic, ppi);
		expect_no_irq(m.vcpu);
	}
	/* Far away. */
	arm_call(m.vcpu, set, 0x7fffffff, 0, 0);
	expect_eq(arm_call(m.vcpu, status, 0, 0, 0), 1);
	expect_no_irq(m.vcpu);
}

TEST(virtual_timer_fires)
{
	timer_fires(PPI_VTIMER, guest_vtimer, guest_vtimer_status, guest_vtimer_off);
}

TEST(physical_timer_fires)
{
	timer_fires(PPI_PTIMER, guest_ptimer, guest_ptimer_status, guest_ptimer_off);
}

/* x0 ticks from now, and waits; no other interrupt ends the loop. */
GUEST(guest_vtimer_wait, "	msr	cntv_tval_el0, x0\n	mov	x3, #1\n	msr	cntv_ctl_el0, x3\n	isb\n	msr	daifclr, #2\n1:	wfi\n	b	1b\n");
GUEST(guest_ptimer_wait, "	msr	cntp_tval_el0, x0\n	mov	x3, #1\n	msr	cntp_ctl_el0, x3\n	isb\n	msr	daifclr, #2\n1:	wfi\n	b	1b\n");
GUEST(guest_vtimer_spin, "	msr	cntv_tval_el0, x0\n	mov	x3, #1\n	msr	cntv_ctl_el0, x3\n	isb\n	msr	daifclr, #2\n1:	b	1b\n");
GUEST(guest_ptimer_spin, "	msr	cntp_tval_el0, x0\n	mov	x3, #1\n	msr	cntp_ctl_el0, x3\n	isb\n	msr	daifclr, #2\n1:	b	1b\n");

static void timer_ends_after(struct one *m, unsigned int ppi, const unsigned char *code, const unsigned char *off, uint64_t ticks)
{
	arm_start(m->vcpu, code, ticks, 0, 0);
	run_trap(m->vcpu, VECTOR_IRQ);
	expect_eq(irq_ack(m->vcpu, &m->gic), ppi);
	arm_call(m->vcpu, off, 0, 0, 0);
	irq_eoi(m->vcpu, &m->gic, ppi);
}

static void timer_ends(unsigned int ppi, const unsigned char *code, const unsigned char *off)
{
	struct one m = machine(ppi);

	for (unsigned int turn = 0; turn < 3; turn++)
		timer_ends_after(&m, ppi, code, off, 100000 << turn);
}

TEST(virtual_timer_ends_a_wait)
{
	timer_ends(PPI_VTIMER, guest_vtimer_wait, guest_vtimer_off);
}

TEST(physical_timer_ends_a_wait)
{
	timer_ends(PPI_PTIMER, guest_ptimer_wait, guest_ptimer_off);
}

/* Comes due at each moment of the vCPU's way to sleep: it must not be missed between two looks at it. */
static void timer_ends_each_wait(unsigned int ppi, const unsigned char *code, const unsigned char *off)
{
	struct one m = machine(ppi);
	uint64_t step;

	arm_call(m.vcpu, guest_counters, 0, 0, 0);
	step = get_reg(m.vcpu, XREG(5)) / 2000000;
	for (unsigned int turn = 0; turn < 1000; turn++)
		timer_ends_after(&m, ppi, code, off, turn % 500 * step);
}

TEST(virtual_timer_ends_a_wait_that_only_begins)
{
	timer_ends_each_wait(PPI_VTIMER, guest_vtimer_wait, guest_vtimer_off);
}

TEST(physical_timer_ends_a_wait_that_only_begins)
{
	timer_ends_each_wait(PPI_PTIMER, guest_ptimer_wait, guest_ptimer_off);
}

TEST(virtual_timer_interrupts_a_loop)
{
	timer_ends(PPI_VTIMER, guest_vtimer_spin, guest_vtimer_off);
}

TEST(physical_timer_interrupts_a_loop)
{
	timer_ends(PPI_PTIMER, guest_ptimer_spin, guest_ptimer_off);
}

/* Its state is taken along by ONE_REG. */
TEST(virtual_timer_moves_to_another_vm)
{
	struct one a = machine(PPI_VTIMER), b;

	arm_call(a.vcpu, guest_vtimer, 0x100000, 0, 0);
	b = machine(PPI_VTIMER);
	set_reg(b.vcpu, KVM_REG_ARM_TIMER_CNT, get_reg(a.vcpu, KVM_REG_ARM_TIMER_CNT));
	set_reg(b.vcpu, KVM_REG_ARM_TIMER_CVAL, get_reg(a.vcpu, KVM_REG_ARM_TIMER_CVAL));
	set_reg(b.vcpu, KVM_REG_ARM_TIMER_CTL, get_reg(a.vcpu, KVM_REG_ARM_TIMER_CTL));
	expect_eq(get_reg(b.vcpu, KVM_REG_ARM_TIMER_CTL) & 3, 1);
	/* The moment passes while it is not run. */
	set_reg(b.vcpu, KVM_REG_ARM_TIMER_CNT, get_reg(a.vcpu, KVM_REG_ARM_TIMER_CVAL) + 1);
	expect_irq(b.vcpu, &b.gic, PPI_VTIMER);
}

TEST(timer_interrupts_are_set_before_the_first_run, NEED(KVM_CAP_ARM_PSCI))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct gic gic = gic_new(vcpu->vm);
	int ppi = 21, bad[] = { 15, 32, -1, 0 };
	const uint32_t group = KVM_ARM_VCPU_TIMER_CTRL, attr = KVM_ARM_VCPU_TIMER_IRQ_VTIMER;

	expect_ret(dev_attr(vcpu->fd, KVM_HAS_DEVICE_ATTR, group, attr, NULL), 0);
	expect_ret(dev_attr(vcpu->fd, KVM_HAS_DEVICE_ATTR, group, 77, NULL), -ENXIO);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, guard_page()), -EFAULT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &bad[i]), -EINVAL);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &ppi), 0);
	ppi = 0;
	expect_ret(dev_attr(vcpu->fd, KVM_GET_DEVICE_ATTR, group, attr, &ppi), 0);
	expect_eq(ppi, 21);
	gic_on(vcpu, &gic);
	irq_enable(vcpu, &gic, 21);
	arm_call(vcpu, guest_vtimer, -1, 0, 0);
	expect_irq(vcpu, &gic, 21);
	expect_ret(dev_attr(vcpu->fd, KVM_SET_DEVICE_ATTR, group, attr, &ppi), -EBUSY);
}
