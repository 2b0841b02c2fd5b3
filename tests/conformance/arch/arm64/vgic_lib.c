// SPDX-License-Identifier: GPL-2.0-only
/* arm64: interrupt controllers for the tests. See vgic.h. */
#include "vgic.h"

#define GICD_ENABLE_V3	0x12	/* affinity routing, group 1 */

int dev_attr(int fd, unsigned long request, uint32_t group, uint64_t attr, const void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return kvm_ioctl(fd, request, &a);
}

bool has_device(struct vm *vm, uint32_t type)
{
	struct kvm_create_device d = { .type = type, .flags = KVM_CREATE_DEVICE_TEST };

	return !kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d);
}

int create_device(struct vm *vm, uint32_t type)
{
	struct kvm_create_device d = { .type = type };
	int r = kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &d);

	return r ? r : (int)d.fd;
}

static bool host_has(uint32_t type)
{
	struct vm *vm = vm_new_bare();
	bool has = has_device(vm, type);

	close(vm->fd);
	return has;
}

void need_v3(void)
{
	if (!host_has(KVM_DEV_TYPE_ARM_VGIC_V3))
		skip_test("KVM_DEV_TYPE_ARM_VGIC_V3");
}

void need_v2(void)
{
	if (!host_has(KVM_DEV_TYPE_ARM_VGIC_V2))
		skip_test("KVM_DEV_TYPE_ARM_VGIC_V2");
}

struct gic gic_bare(struct vm *vm)
{
	struct gic gic = { .vm = vm, .v3 = host_has(KVM_DEV_TYPE_ARM_VGIC_V3) };

	gic.fd = expect_ok(create_device(vm, gic.v3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2));
	return gic;
}

int gic_init(struct gic *gic)
{
	return dev_attr(gic->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

int gic_place(struct gic *gic)
{
	uint64_t dist = GICD_GPA, other = gic->v3 ? GICR_GPA : GICC_GPA;
	int r;

	r = dev_attr(gic->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR,
		     gic->v3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &dist);
	return r ? r : dev_attr(gic->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR,
				gic->v3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU, &other);
}

struct gic gic_new(struct vm *vm)
{
	struct gic gic = gic_bare(vm);
	uint32_t n = NR_IRQS;

	expect_ret(dev_attr(gic.fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &n), 0);
	expect_ret(gic_place(&gic), 0);
	expect_ret(gic_init(&gic), 0);
	return gic;
}

uint32_t gicd_read(struct vcpu *vcpu, uint32_t offset)
{
	return guest_load(vcpu, GICD_GPA + offset, 4);
}

void gicd_write(struct vcpu *vcpu, uint32_t offset, uint32_t value)
{
	guest_store(vcpu, GICD_GPA + offset, 4, value);
}

/* Where the registers for an interrupt are. */
static uint64_t frame(struct vcpu *vcpu, struct gic *gic, unsigned int intid)
{
	return gic->v3 && intid < SPI_FIRST ? GICR_GPA + vcpu->id * GICR_SIZE + GICR_SGI : GICD_GPA;
}

void irq_bit(struct vcpu *vcpu, struct gic *gic, uint32_t reg, unsigned int intid)
{
	guest_store(vcpu, frame(vcpu, gic, intid) + reg + intid / 32 * 4, 4, 1U << intid % 32);
}

bool irq_bit_is_set(struct vcpu *vcpu, struct gic *gic, uint32_t reg, unsigned int intid)
{
	return guest_load(vcpu, frame(vcpu, gic, intid) + reg + intid / 32 * 4, 4) >> intid % 32 & 1;
}

void irq_priority(struct vcpu *vcpu, struct gic *gic, unsigned int intid, uint8_t priority)
{
	guest_store(vcpu, frame(vcpu, gic, intid) + GICD_IPRIORITYR + intid, 1, priority);
}

void irq_edge(struct vcpu *vcpu, struct gic *gic, unsigned int intid, bool edge)
{
	uint64_t at = frame(vcpu, gic, intid) + GICD_ICFGR + intid / 16 * 4;
	uint32_t bit = 2U << intid % 16 * 2, old = guest_load(vcpu, at, 4);

	guest_store(vcpu, at, 4, edge ? old | bit : old & ~bit);
}

/* ICC_PMR_EL1, ICC_IGRPEN1_EL1; ICC_SRE_EL1 comes first. */
GUEST(guest_icc_on,
	"	mrs	x3, s3_0_c12_c12_5\n"
	"	orr	x3, x3, #1\n"
	"	msr	s3_0_c12_c12_5, x3\n"
	"	isb\n"
	"	mov	x3, #0xf0\n"
	"	msr	s3_0_c4_c6_0, x3\n"
	"	mov	x3, #1\n"
	"	msr	s3_0_c12_c12_7, x3\n"
	"	isb\n"
	DONE);
GUEST(guest_icc_iar, "	mrs	x0, s3_0_c12_c12_0\n	dsb	sy\n" DONE);
GUEST(guest_icc_eoi, "	msr	s3_0_c12_c12_1, x0\n	isb\n" DONE);
GUEST(guest_icc_sgi, "	msr	s3_0_c12_c11_5, x0\n	isb\n" DONE);

void gic_on(struct vcpu *vcpu, struct gic *gic)
{
	if (gic->v3) {
		gicd_write(vcpu, GICD_CTLR, GICD_ENABLE_V3);
		guest_store(vcpu, GICR_GPA + vcpu->id * GICR_SIZE + GICR_WAKER, 4, 0);
		arm_call(vcpu, guest_icc_on, 0, 0, 0);
		return;
	}
	gicd_write(vcpu, GICD_CTLR, 1);
	guest_store(vcpu, GICC_GPA + GICC_PMR, 4, 0xf0);
	guest_store(vcpu, GICC_GPA + GICC_CTLR, 4, 1);
}

/* Group 1, of which the others keep theirs. */
static void irq_group(struct vcpu *vcpu, struct gic *gic, unsigned int intid)
{
	uint64_t at = frame(vcpu, gic, intid) + GICD_IGROUPR + intid / 32 * 4;

	guest_store(vcpu, at, 4, guest_load(vcpu, at, 4) | 1U << intid % 32);
}

void irq_enable(struct vcpu *vcpu, struct gic *gic, unsigned int intid)
{
	irq_priority(vcpu, gic, intid, 0xa0);
	if (gic->v3)
		irq_group(vcpu, gic, intid);
	else if (intid >= SPI_FIRST)
		guest_store(vcpu, GICD_GPA + GICD_ITARGETSR + intid, 1, 1 << vcpu->id);
	if (gic->v3 && intid >= SPI_FIRST)
		guest_store(vcpu, GICD_GPA + GICD_IROUTER + 8 * intid, 8, vcpu->id);
	irq_bit(vcpu, gic, GICD_ISENABLER, intid);
}

void send_sgi(struct vcpu *vcpu, struct gic *gic, unsigned int intid, unsigned int target)
{
	if (gic->v3)
		arm_call(vcpu, guest_icc_sgi, (uint64_t)intid << 24 | 1 << target, 0, 0);
	else
		gicd_write(vcpu, GICD_SGIR, 1 << (16 + target) | intid);
}

unsigned int irq_ack(struct vcpu *vcpu, struct gic *gic)
{
	/* Of a GICv2's SGI the sender is in it, too. */
	return gic->v3 ? arm_call(vcpu, guest_icc_iar, 0, 0, 0) : guest_load(vcpu, GICC_GPA + GICC_IAR, 4) & 0x3ff;
}

void irq_eoi(struct vcpu *vcpu, struct gic *gic, unsigned int intid)
{
	if (gic->v3)
		arm_call(vcpu, guest_icc_eoi, intid, 0, 0);
	else
		guest_store(vcpu, GICC_GPA + GICC_EOIR, 4, intid);
}

GUEST(guest_open, "	msr	daifclr, #2\n	nop\n	nop\n	nop\n	msr	daifset, #2\n" DONE);

void expect_irq(struct vcpu *vcpu, struct gic *gic, unsigned int intid)
{
	arm_start(vcpu, guest_open, 0, 0, 0);
	run_trap(vcpu, VECTOR_IRQ);
	expect_eq(irq_ack(vcpu, gic), intid);
}

void expect_no_irq(struct vcpu *vcpu)
{
	arm_call(vcpu, guest_open, 0, 0, 0);
}

int irq_line(struct vm *vm, unsigned int type, unsigned int vcpu, unsigned int intid, int level)
{
	struct kvm_irq_level line = {
		.irq = type << KVM_ARM_IRQ_TYPE_SHIFT | vcpu << KVM_ARM_IRQ_VCPU_SHIFT | intid,
		.level = level,
	};

	return kvm_ioctl(vm->fd, KVM_IRQ_LINE, &line);
}

int spi_line(struct vm *vm, unsigned int intid, int level)
{
	return irq_line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, intid, level);
}
