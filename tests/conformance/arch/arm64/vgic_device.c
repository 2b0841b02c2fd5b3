// SPDX-License-Identifier: GPL-2.0-only
/* arm64: the attributes of interrupt controllers before and after they are initialized; Documentation/virt/kvm/devices. */
#include "vgic.h"

#define SET KVM_SET_DEVICE_ATTR
#define GET KVM_GET_DEVICE_ATTR
#define HAS KVM_HAS_DEVICE_ATTR
#define ADDR KVM_DEV_ARM_VGIC_GRP_ADDR

static uint32_t type_of(struct gic *gic)
{
	return gic->v3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2;
}

static uint64_t dist_attr(struct gic *gic)
{
	return gic->v3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST;
}

TEST(vgic_is_made_once)
{
	struct vm *vm = vm_new_bare();
	struct gic gic = gic_bare(vm);

	expect_ret(create_device(vm, type_of(&gic)), -EEXIST);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), gic.v3 ? -ENODEV : -EEXIST);
	close(gic.fd);
	/* It stays as long as its VM. */
	expect_ret(create_device(vm, type_of(&gic)), -EEXIST);
}

TEST(vgic_of_the_other_kind_is_not_there)
{
	struct vm *vm = vm_new_bare();

	if (has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3) && has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2)) {
		expect_ok(create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3));
		expect_ret(create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2), -EEXIST);
	} else if (has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3)) {
		expect_ret(create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2), -ENODEV);
	} else {
		expect_ret(create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3), -ENODEV);
	}
}

TEST(create_irqchip_makes_a_vgic_v2)
{
	struct vm *vm = vm_new_bare();
	bool v2 = has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2);

	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), v2 ? 0 : -ENODEV);
}

TEST(vgic_addresses_are_checked)
{
	struct vm *vm = vm_new();
	struct gic gic = gic_bare(vm);
	uint64_t a, size = gic.v3 ? 0x10000 : 0x1000;

	vcpu_new(vm, 0);
	a = GICD_GPA + size / 2;
	expect_ret(dev_attr(gic.fd, SET, ADDR, dist_attr(&gic), &a), -EINVAL);
	a = 1ULL << 40;
	expect_ret(dev_attr(gic.fd, SET, ADDR, dist_attr(&gic), &a), -E2BIG);
	a = -size;
	expect_ret(dev_attr(gic.fd, SET, ADDR, dist_attr(&gic), &a), -EINVAL);
	expect_ret(dev_attr(gic.fd, SET, ADDR, dist_attr(&gic), guard_page()), -EFAULT);
	a = GICD_GPA;
	expect_ret(dev_attr(gic.fd, SET, ADDR, 17, &a), -ENXIO);
	expect_ret(dev_attr(gic.fd, HAS, ADDR, 17, &a), -ENXIO);
	expect_ret(dev_attr(gic.fd, HAS, ADDR, dist_attr(&gic), NULL), 0);
	expect_ret(dev_attr(gic.fd, SET, ADDR, dist_attr(&gic), &a), 0);
	expect_ret(dev_attr(gic.fd, SET, ADDR, dist_attr(&gic), &a), -EEXIST);
	a = 0;
	expect_ret(dev_attr(gic.fd, GET, ADDR, dist_attr(&gic), &a), 0);
	expect_eq(a, GICD_GPA);
}

TEST(vgic_attributes_of_unknown_groups_fail)
{
	struct gic gic = gic_bare(vm_new_bare());
	uint64_t v = 0;

	for (uint32_t group = 32; group < 40; group++) {
		expect_ret(dev_attr(gic.fd, HAS, group, 0, &v), -ENXIO);
		expect_ret(dev_attr(gic.fd, GET, group, 0, &v), -ENXIO);
		expect_ret(dev_attr(gic.fd, SET, group, 0, &v), -ENXIO);
	}
	expect_ret(dev_attr(gic.fd, HAS, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL), 0);
	expect_ret(dev_attr(gic.fd, HAS, KVM_DEV_ARM_VGIC_GRP_CTRL, 99, NULL), -ENXIO);
	expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_CTRL, 99, NULL), -ENXIO);
}

TEST(number_of_interrupts_is_checked)
{
	static const uint32_t bad[] = { 0, 1, 32, 63, 65, 1025, 1024 + 32, 0xffffffff };
	struct gic gic = gic_bare(vm_new_bare());
	uint32_t n;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &bad[i]), -EINVAL);
	expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, guard_page()), -EFAULT);
	n = 128;
	expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &n), 0);
	expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &n), -EBUSY);
	n = 0;
	expect_ret(dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &n), 0);
	expect_eq(n, 128);
}

TEST(registers_of_a_vgic_wait_for_its_init)
{
	struct vm *vm = vm_new();
	struct gic gic = gic_bare(vm);
	uint32_t v = 0;

	need_v3();
	vcpu_new(vm, 0);
	expect_ret(dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, &v), -EBUSY);
	expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, GICR_WAKER, &v), -EBUSY);
	expect_ret(gic_place(&gic), 0);
	expect_ret(gic_init(&gic), 0);
	expect_ret(gic_init(&gic), 0);
	expect_ret(dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, &v), 0);
	expect_ret(dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, GICR_WAKER, &v), 0);
}

/* arm-vgic.rst: before that, an access to them is what initializes it. */
TEST(registers_of_a_vgic_v2_initialize_it)
{
	const uint32_t dist = KVM_DEV_ARM_VGIC_GRP_DIST_REGS, cpu = KVM_DEV_ARM_VGIC_GRP_CPU_REGS;
	struct vm *vm = vm_new();
	struct gic gic = gic_bare(vm);
	uint32_t v = 0;

	need_v2();
	expect_ret(dev_attr(gic.fd, GET, dist, GICD_CTLR, &v), -EINVAL);
	vcpu_new(vm, 0);
	expect_ret(dev_attr(gic.fd, HAS, dist, GICD_CTLR, NULL), 0);
	expect_ret(dev_attr(gic.fd, HAS, cpu, GICC_PMR, NULL), 0);
	expect_ret(dev_attr(gic.fd, HAS, cpu, GICC_IAR, NULL), -ENXIO);
	expect_ret(dev_attr(gic.fd, HAS, dist, 0xe00, NULL), -ENXIO);
	expect_ok(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 1L));
	expect_ret(dev_attr(gic.fd, GET, dist, GICD_CTLR, &v), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 2L), -EBUSY);
	expect_ret(dev_attr(gic.fd, GET, dist, 1ULL << KVM_DEV_ARM_VGIC_CPUID_SHIFT | GICD_CTLR, &v), 0);
	expect_ret(dev_attr(gic.fd, GET, dist, 2ULL << KVM_DEV_ARM_VGIC_CPUID_SHIFT | GICD_CTLR, &v), -EINVAL);
	expect_ret(dev_attr(gic.fd, GET, cpu, GICC_PMR, guard_page()), -EFAULT);
	expect_ret(dev_attr(gic.fd, SET, cpu, GICC_PMR, guard_page()), -EFAULT);
	v = 0x15;
	expect_ret(dev_attr(gic.fd, SET, cpu, GICC_PMR, &v), 0);
	v = 0;
	expect_ret(dev_attr(gic.fd, GET, cpu, GICC_PMR, &v), 0);
	expect_eq(v, 0x15);
	/* One that knows no groups leaves those alone; the revision says which it knows. */
	v = 1;
	expect_ret(dev_attr(gic.fd, SET, dist, GICD_IGROUPR + 4, &v), 0);
	expect_ret(dev_attr(gic.fd, GET, dist, GICD_IGROUPR + 4, &v), 0);
	expect_eq(v, 0);
	expect_ret(dev_attr(gic.fd, GET, dist, GICD_IIDR, &v), 0);
	expect_ret(dev_attr(gic.fd, SET, dist, GICD_IIDR, &v), 0);
	v ^= 1 << 24;
	expect_ret(dev_attr(gic.fd, SET, dist, GICD_IIDR, &v), -EINVAL);
	v = 1;
	expect_ret(dev_attr(gic.fd, SET, dist, GICD_IGROUPR + 4, &v), 0);
	v = 0;
	expect_ret(dev_attr(gic.fd, GET, dist, GICD_IGROUPR + 4, &v), 0);
	expect_eq(v, 1);
	/* SGI 3 from vCPU 1; then from nobody that is named, which is vCPU 0 itself. */
	v = 2 << 24;
	expect_ret(dev_attr(gic.fd, SET, dist, GICD_SPENDSGIR, &v), 0);
	v = 1 << 3;
	expect_ret(dev_attr(gic.fd, SET, dist, GICD_ISPENDR, &v), 0);
	expect_ret(dev_attr(gic.fd, GET, dist, GICD_SPENDSGIR, &v), 0);
	expect_eq(v, 3 << 24);
}

TEST(vcpu_does_not_run_with_half_a_vgic)
{
	struct vm *vm = vm_new();
	struct gic gic = gic_bare(vm);
	struct vcpu *vcpu = vcpu_new(vm, 0);

	need_v3();
	expect_ret(gic_init(&gic), 0);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	expect_ret(vcpu_run(vcpu), -ENXIO);
}

TEST(registers_of_nobody_and_nothing)
{
	struct vm *vm = vm_new();
	struct gic gic;
	uint64_t v = 0;
	int r;

	need_v3();
	vcpu_new(vm, 0);
	gic = gic_new(vm);
	/* vCPU 1 is not there; CRn 7 has no register. */
	expect_ret(dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 1ULL << 32, &v), -EINVAL);
	expect_ret(dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, guard_page()), -EFAULT);
	expect_ret(dev_attr(gic.fd, SET, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, guard_page()), -EFAULT);
	r = dev_attr(gic.fd, GET, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 3 << 14 | 7 << 7, &v);
	/* The latter since Linux 6.2. */
	expect(r == -ENXIO || r == -ENOENT);
}

#define ICC(crn, crm, op2) (SYS(3, 0, crn, crm, op2) & KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK)

/* As many as preemption levels need, at 32 to a register; IHI 0069 12.2.1. */
TEST(active_priorities_that_are_not_there)
{
	const uint32_t group = KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
	unsigned int bits, there;
	struct vm *vm = vm_new();
	struct gic gic;
	uint64_t v = 0;

	need_v3();
	vcpu_new(vm, 0);
	gic = gic_new(vm);
	expect_ret(dev_attr(gic.fd, GET, group, ICC(12, 12, 4), &v), 0);
	bits = (v >> 8 & 7) + 1;
	there = bits > 6 ? 4 : bits > 5 ? 2 : 1;
	for (unsigned int i = 0; i < 4; i++) {
		int r = i < there ? 0 : -EINVAL;

		v = 0;
		expect_ret(dev_attr(gic.fd, GET, group, ICC(12, 8, 4 + i), &v), r);
		expect_ret(dev_attr(gic.fd, SET, group, ICC(12, 8, 4 + i), &v), r);
		expect_ret(dev_attr(gic.fd, GET, group, ICC(12, 9, i), &v), r);
		expect_ret(dev_attr(gic.fd, SET, group, ICC(12, 9, i), &v), r);
	}
}

TEST(vgic_comes_before_the_first_run)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	uint32_t type = has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3) ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2;

	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
	expect_ret(create_device(vm, type), -EBUSY);
}

TEST(vcpu_comes_before_the_vgic_is_initialized)
{
	struct vm *vm = vm_new();
	struct gic gic = gic_bare(vm);

	vcpu_new(vm, 0);
	expect_ret(gic_place(&gic), 0);
	expect_ret(gic_init(&gic), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_VCPU, 1L), -EBUSY);
}

TEST(redistributor_regions_are_checked)
{
	struct vm *vm = vm_new();
	struct gic gic;
	uint64_t r, mixed = GICR_GPA;

	need_v3();
	vcpu_new(vm, 0);
	gic = gic_bare(vm);
#define REGION(count, base, flags, index) ((uint64_t)(count) << 52 | (base) | (flags) << 12 | (index))
	r = REGION(0, GICR_GPA, 0, 0);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), -EINVAL);
	r = REGION(1, GICR_GPA, 1, 0);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), -EINVAL);
	r = REGION(1, GICR_GPA, 0, 1);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), -EINVAL);
	r = REGION(1, (1ULL << 40) - 0x10000, 0, 0);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), -E2BIG);
	r = REGION(2, GICR_GPA, 0, 0);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), 0);
	r = REGION(2, GICR_GPA + GICR_SIZE, 0, 1);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), -EINVAL);
	expect_ret(dev_attr(gic.fd, SET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &mixed), -EINVAL);
	r = 0;
	expect_ret(dev_attr(gic.fd, GET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), 0);
	expect_eq(r, REGION(2, GICR_GPA, 0, 0));
	r = 1;
	expect_ret(dev_attr(gic.fd, GET, ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &r), -ENOENT);
}

TEST(set_device_addr_places_a_vgic_v2)
{
	struct kvm_arm_device_addr a = { .id = KVM_VGIC_V2_ADDR_TYPE_DIST, .addr = GICD_GPA };
	struct vm *vm = vm_new_bare();

	need_v2();
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), -ENODEV);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0L), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), -EEXIST);
	a.id = KVM_VGIC_V2_ADDR_TYPE_CPU;
	a.addr = GICC_GPA + 4;
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), -EINVAL);
	a.id = 99ULL << KVM_ARM_DEVICE_ID_SHIFT;
	expect_ret(kvm_ioctl(vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), -ENODEV);
}

/* As the first programs for KVM on Arm did, which knew no devices. */
TEST(vgic_v2_of_create_irqchip_takes_interrupts)
{
	struct kvm_arm_device_addr a = { .id = KVM_VGIC_V2_ADDR_TYPE_DIST, .addr = GICD_GPA };
	struct gic gic = { .v3 = false };
	struct vcpu *vcpu;

	need_v2();
	gic.vm = vm_new();
	expect_ret(kvm_ioctl(gic.vm->fd, KVM_CREATE_IRQCHIP, 0L), 0);
	vcpu = vcpu_new(gic.vm, 0);
	expect_ret(kvm_ioctl(gic.vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), 0);
	a.id = KVM_VGIC_V2_ADDR_TYPE_CPU;
	a.addr = GICC_GPA;
	expect_ret(kvm_ioctl(gic.vm->fd, KVM_ARM_SET_DEVICE_ADDR, &a), 0);
	gic_on(vcpu, &gic);
	irq_edge(vcpu, &gic, SPI_FIRST, true);
	irq_enable(vcpu, &gic, SPI_FIRST);
	/* It is initialized by now: it has been used. */
	expect_ret(spi_line(gic.vm, SPI_FIRST, 1), 0);
	expect_irq(vcpu, &gic, SPI_FIRST);
	irq_eoi(vcpu, &gic, SPI_FIRST);
	expect_no_irq(vcpu);
}
