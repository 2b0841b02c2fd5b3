// SPDX-License-Identifier: GPL-2.0-only
/* arm64: the interrupt translation service: its device, its commands, messages, its tables in another VM; arm-vgic-its.rst. */
#include <sys/eventfd.h>

#include "vgic.h"

#define SET KVM_SET_DEVICE_ATTR
#define GET KVM_GET_DEVICE_ATTR
#define HAS KVM_HAS_DEVICE_ATTR
#define CONTROL KVM_DEV_ARM_VGIC_GRP_CTRL
#define REGS KVM_DEV_ARM_VGIC_GRP_ITS_REGS
#define REDIST KVM_DEV_ARM_VGIC_GRP_REDIST_REGS

/* IHI 0069 12.19. */
#define GITS_CTLR	0x0000
#define GITS_IIDR	0x0004
#define GITS_CBASER	0x0080
#define GITS_CWRITER	0x0088
#define GITS_CREADR	0x0090
#define GITS_BASER(n)	(0x0100 + 8 * (n))
#define GITS_TRANSLATER	0x10040
#define GICR_CTLR	0x0000
#define GICR_PROPBASER	0x0070
#define GICR_PENDBASER	0x0078
#define VALID		(1ULL << 63)
#define PENDBASER_PTZ	(1ULL << 62)
#define LPI_BITS	16

/* Commands, 5.3. */
#define CMD_MOVI	0x01
#define CMD_INT		0x03
#define CMD_CLEAR	0x04
#define CMD_MAPD	0x08
#define CMD_MAPC	0x09
#define CMD_MAPTI	0x0a
#define CMD_INV		0x0c
#define CMD_DISCARD	0x0f

/* What the guest gives its GIC, in slot 1. */
#define MEMORY_SIZE	0x80000
#define DEVICES		0x00000
#define COLLECTIONS	0x10000
#define COMMANDS	0x20000
#define CONFIGURATION	0x30000
#define PENDING		0x40000	/* one for each vCPU */
#define PENDING_SIZE	0x10000
#define ITT		0x60000

#define DEVICE		5
#define EVENTS		4
#define LPI(event)	(8192 + 16 + (event))

extern const unsigned char guest_wfi[];

struct its {
	struct vm *vm;
	struct vcpu *vcpu[2];
	struct gic gic;
	int fd;
	uint8_t *memory;
	unsigned int commands;
};

static uint64_t *word(struct its *its, uint64_t offset)
{
	return (uint64_t *)(its->memory + offset);
}

/* Two vCPUs, a GIC, an ITS at its place. */
static struct its its_new(void)
{
	uint64_t base = GITS_GPA;
	struct its its = { .vm = NULL };

	need_v3();
	its.vm = vm_new();
	its.memory = add_slot(its.vm, 1, 0, TEST_GPA, MEMORY_SIZE);
	for (unsigned int i = 0; i < 2; i++)
		its.vcpu[i] = vcpu_new(its.vm, i);
	its.gic = gic_new(its.vm);
	its.fd = expect_ok(create_device(its.vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
	expect_ret(dev_attr(its.fd, SET, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base), 0);
	expect_ret(dev_attr(its.fd, SET, CONTROL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL), 0);
	for (unsigned int i = 0; i < 2; i++)
		gic_on(its.vcpu[i], &its.gic);
	return its;
}

static void its_write(struct its *its, uint32_t reg, unsigned int len, uint64_t value)
{
	guest_store(its->vcpu[0], GITS_GPA + reg, len, value);
}

static void its_command(struct its *its, uint64_t number, uint32_t device, uint64_t w1, uint64_t w2)
{
	uint64_t *command = word(its, COMMANDS + its->commands);

	command[0] = number | (uint64_t)device << 32;
	command[1] = w1;
	command[2] = w2;
	command[3] = 0;
	its->commands += 32;
	its_write(its, GITS_CWRITER, 8, its->commands);
}

static void its_on(struct its *its)
{
	its_write(its, GITS_CBASER, 8, VALID | (TEST_GPA + COMMANDS));
	its_write(its, GITS_BASER(0), 8, VALID | (TEST_GPA + DEVICES));
	its_write(its, GITS_BASER(1), 8, VALID | (TEST_GPA + COLLECTIONS));
	its_write(its, GITS_CTLR, 4, 1);
	its->commands = 0;
}

/* LPIs on; collection n at vCPU n; a device with some events, all enabled and in collection 0. */
static struct its its_ready(void)
{
	struct its its = its_new();

	for (unsigned int i = 0; i < EVENTS; i++)
		its.memory[CONFIGURATION + LPI(i) - 8192] = 0xa0 | 1;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t redist = GICR_GPA + i * GICR_SIZE;

		guest_store(its.vcpu[i], redist + GICR_PROPBASER, 8, (TEST_GPA + CONFIGURATION) | (LPI_BITS - 1));
		guest_store(its.vcpu[i], redist + GICR_PENDBASER, 8,
			    (TEST_GPA + PENDING + i * PENDING_SIZE) | PENDBASER_PTZ);
		guest_store(its.vcpu[i], redist + GICR_CTLR, 4, 1);
	}
	its_on(&its);
	its_command(&its, CMD_MAPD, DEVICE, 4 - 1, VALID | (TEST_GPA + ITT));
	for (unsigned int i = 0; i < 2; i++)
		its_command(&its, CMD_MAPC, 0, 0, VALID | (uint64_t)i << 16 | i);
	for (unsigned int i = 0; i < EVENTS; i++)
		its_command(&its, CMD_MAPTI, DEVICE, (uint64_t)LPI(i) << 32 | i, 0);
	return its;
}

static int send(struct its *its, uint32_t device, uint32_t event)
{
	struct kvm_msi msi = {
		.address_lo = GITS_GPA + GITS_TRANSLATER,
		.data = event,
		.flags = KVM_MSI_VALID_DEVID,
		.devid = device,
	};

	return kvm_ioctl(its->vm->fd, KVM_SIGNAL_MSI, &msi);
}

static void take(struct its *its, unsigned int vcpu, unsigned int event)
{
	expect_irq(its->vcpu[vcpu], &its->gic, LPI(event));
	irq_eoi(its->vcpu[vcpu], &its->gic, LPI(event));
}

static uint64_t its_reg(struct its *its, uint32_t reg)
{
	uint64_t v = ~0ULL;

	expect_ret(dev_attr(its->fd, GET, REGS, reg, &v), 0);
	return v;
}

TEST(its_addresses_are_checked, NEED(KVM_CAP_SIGNAL_MSI))
{
	const uint32_t addr = KVM_DEV_ARM_VGIC_GRP_ADDR;
	struct vm *vm;
	uint64_t a;
	int fd;

	need_v3();
	vm = vm_new();
	vcpu_new(vm, 0);
	gic_new(vm);
	expect_eq(vm_cap(vm, KVM_CAP_MSI_DEVID), 0);
	fd = expect_ok(create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
	expect_eq(vm_cap(vm, KVM_CAP_MSI_DEVID), 1);
	expect_ret(dev_attr(fd, HAS, addr, KVM_VGIC_ITS_ADDR_TYPE, NULL), 0);
	expect_ret(dev_attr(fd, HAS, addr, 17, NULL), -ENXIO);
	a = GITS_GPA;
	expect_ret(dev_attr(fd, SET, addr, 17, &a), -ENODEV);
	expect_ret(dev_attr(fd, SET, addr, KVM_VGIC_ITS_ADDR_TYPE, guard_page()), -EFAULT);
	a = GITS_GPA + 0x1000;
	expect_ret(dev_attr(fd, SET, addr, KVM_VGIC_ITS_ADDR_TYPE, &a), -EINVAL);
	a = (1ULL << 40) - 0x10000;
	expect_ret(dev_attr(fd, SET, addr, KVM_VGIC_ITS_ADDR_TYPE, &a), -E2BIG);
	a = GITS_GPA;
	expect_ret(dev_attr(fd, SET, addr, KVM_VGIC_ITS_ADDR_TYPE, &a), 0);
	expect_ret(dev_attr(fd, SET, addr, KVM_VGIC_ITS_ADDR_TYPE, &a), -EEXIST);
	a = 0;
	expect_ret(dev_attr(fd, GET, addr, KVM_VGIC_ITS_ADDR_TYPE, &a), 0);
	expect_eq(a, GITS_GPA);
}

TEST(its_registers_wait_for_its_address)
{
	uint64_t base = GITS_GPA, v = 0;
	struct vm *vm;
	int fd;

	need_v3();
	vm = vm_new();
	vcpu_new(vm, 0);
	gic_new(vm);
	fd = expect_ok(create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
	for (unsigned int i = 0; i < 8; i++)
		expect_ret(dev_attr(fd, HAS, CONTROL, i, NULL),
			   i == KVM_DEV_ARM_VGIC_CTRL_INIT || i == KVM_DEV_ARM_ITS_SAVE_TABLES ||
			   i == KVM_DEV_ARM_ITS_RESTORE_TABLES || i == KVM_DEV_ARM_ITS_CTRL_RESET ? 0 : -ENXIO);
	expect_ret(dev_attr(fd, HAS, REGS, GITS_CBASER, NULL), 0);
	expect_ret(dev_attr(fd, HAS, REGS, GITS_CBASER + 4, NULL), -EINVAL);
	expect_ret(dev_attr(fd, HAS, REGS, 0x8000, NULL), -ENXIO);
	expect_ret(dev_attr(fd, GET, REGS, GITS_CBASER, &v), -ENXIO);
	expect_ret(dev_attr(fd, SET, REGS, GITS_CBASER, &v), -ENXIO);
	expect_ret(dev_attr(fd, SET, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base), 0);
	expect_ret(dev_attr(fd, GET, REGS, GITS_CBASER, &v), 0);
	expect_ret(dev_attr(fd, GET, REGS, GITS_CBASER + 4, &v), -EINVAL);
	expect_ret(dev_attr(fd, GET, REGS, 0x8000, &v), -ENXIO);
	expect_ret(dev_attr(fd, GET, REGS, GITS_CBASER, guard_page()), -EFAULT);
	expect_ret(dev_attr(fd, SET, REGS, GITS_CBASER, guard_page()), -EFAULT);
	v = 15ULL << 12;	/* a layout of the tables that nobody knows */
	expect_ret(dev_attr(fd, SET, REGS, GITS_IIDR, &v), -EINVAL);
	v = 0x10000;		/* beyond the queue */
	expect_ret(dev_attr(fd, SET, REGS, GITS_CREADR, &v), -EINVAL);
}

TEST(message_becomes_an_lpi, NEED(KVM_CAP_SIGNAL_MSI))
{
	struct its its = its_ready();
	struct kvm_msi msi = { .address_lo = GITS_GPA + GITS_TRANSLATER, .data = 1 };

	expect_ret(send(&its, DEVICE, 1), 1);
	take(&its, 0, 1);
	expect_no_irq(its.vcpu[0]);
	/* Blocked by the guest, which has no such device or event. */
	expect_ret(send(&its, DEVICE, EVENTS), 0);
	expect_ret(send(&its, DEVICE + 1, 1), 0);
	expect_no_irq(its.vcpu[0]);
	/* From nobody; with flags that mean nothing; to where no ITS is. */
	expect_ret(kvm_ioctl(its.vm->fd, KVM_SIGNAL_MSI, &msi), -EINVAL);
	msi.flags = 2;
	expect_ret(kvm_ioctl(its.vm->fd, KVM_SIGNAL_MSI, &msi), -EINVAL);
	msi.flags = KVM_MSI_VALID_DEVID;
	msi.devid = DEVICE;
	msi.address_lo = GICD_GPA;
	expect_ret(kvm_ioctl(its.vm->fd, KVM_SIGNAL_MSI, &msi), -EINVAL);
	/* An ITS that is off takes none. */
	its_write(&its, GITS_CTLR, 4, 0);
	expect_ret(send(&its, DEVICE, 1), -EBUSY);
	expect_no_irq(its.vcpu[0]);
}

TEST(its_commands_change_what_a_message_does, NEED(KVM_CAP_SIGNAL_MSI))
{
	struct its its = its_ready();

	/* Disabled in the table, of which the GIC hears by INV. */
	its.memory[CONFIGURATION + LPI(0) - 8192] = 0xa0;
	its_command(&its, CMD_INV, DEVICE, 0, 0);
	expect_ret(send(&its, DEVICE, 0), 1);
	expect_no_irq(its.vcpu[0]);
	its.memory[CONFIGURATION + LPI(0) - 8192] = 0xa1;
	its_command(&its, CMD_INV, DEVICE, 0, 0);
	take(&its, 0, 0);
	its_command(&its, CMD_INT, DEVICE, 2, 0);
	take(&its, 0, 2);
	its_command(&its, CMD_INT, DEVICE, 2, 0);
	its_command(&its, CMD_CLEAR, DEVICE, 2, 0);
	expect_no_irq(its.vcpu[0]);
	its_command(&its, CMD_MOVI, DEVICE, 3, 1);
	expect_ret(send(&its, DEVICE, 3), 1);
	expect_no_irq(its.vcpu[0]);
	take(&its, 1, 3);
	its_command(&its, CMD_DISCARD, DEVICE, 1, 0);
	expect_ret(send(&its, DEVICE, 1), 0);
	its_command(&its, CMD_MAPD, DEVICE, 0, 0);
	expect_ret(send(&its, DEVICE, 0), 0);
}

TEST(irqfd_sends_its_message, NEED(KVM_CAP_IRQFD), NEED(KVM_CAP_SIGNAL_MSI))
{
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = 7 };
	struct its its = its_ready();
	struct kvm_irq_routing *routing = calloc(1, sizeof(*routing) + sizeof(routing->entries[0]));
	uint64_t n = 1;

	routing->nr = 1;
	routing->entries[0] = (struct kvm_irq_routing_entry) {
		.gsi = 7,
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = KVM_MSI_VALID_DEVID,
		.u.msi = { .address_lo = GITS_GPA + GITS_TRANSLATER, .data = 2, .devid = DEVICE },
	};
	expect_ret(kvm_ioctl(its.vm->fd, KVM_SET_GSI_ROUTING, routing), 0);
	expect_ret(kvm_ioctl(its.vm->fd, KVM_IRQFD, &irqfd), 0);
	for (unsigned int turn = 0; turn < 3; turn++) {
		expect_eq(write(irqfd.fd, &n, 8), 8);
		/* The message may be sent a little later. */
		arm_start(its.vcpu[0], guest_wfi, 0, 0, 0);
		run_trap(its.vcpu[0], VECTOR_IRQ);
		expect_eq(irq_ack(its.vcpu[0], &its.gic), LPI(2));
		irq_eoi(its.vcpu[0], &its.gic, LPI(2));
	}
	free(routing);
}

static void copy_redist(struct its *from, struct its *to, uint64_t reg, uint64_t attr)
{
	uint32_t v = 0;

	expect_ret(dev_attr(from->gic.fd, GET, REDIST, attr | reg, &v), 0);
	expect_ret(dev_attr(to->gic.fd, SET, REDIST, attr | reg, &v), 0);
}

/* The order of arm-vgic-its.rst, but for the tables and what comes after them. */
static void copy_its(struct its *from, struct its *to)
{
	static const uint32_t regs[] = { GITS_IIDR, GITS_CBASER, GITS_CREADR, GITS_CWRITER, GITS_BASER(0), GITS_BASER(1) };

	expect_ret(dev_attr(from->fd, SET, CONTROL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL), 0);
	expect_ret(dev_attr(from->gic.fd, SET, CONTROL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL), 0);
	memcpy(to->memory, from->memory, MEMORY_SIZE);
	for (uint64_t vcpu = 0; vcpu < 2; vcpu++) {
		for (unsigned int i = 0; i < 8; i += 4) {
			copy_redist(from, to, GICR_PROPBASER + i, vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT);
			copy_redist(from, to, GICR_PENDBASER + i, vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT);
		}
		copy_redist(from, to, GICR_CTLR, vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		uint64_t v = its_reg(from, regs[i]);

		expect_ret(dev_attr(to->fd, SET, REGS, regs[i], &v), 0);
	}
}

static int restore_tables(struct its *its)
{
	return dev_attr(its->fd, SET, CONTROL, KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
}

static void restore_ctlr(struct its *from, struct its *to)
{
	uint64_t v = its_reg(from, GITS_CTLR);

	expect_ret(dev_attr(to->fd, SET, REGS, GITS_CTLR, &v), 0);
	to->commands = from->commands;
}

TEST(state_of_an_its_moves_to_another, NEED(KVM_CAP_SIGNAL_MSI))
{
	struct its a = its_ready(), b = its_new();

	its_command(&a, CMD_MOVI, DEVICE, 3, 1);
	expect_ret(send(&a, DEVICE, 1), 1);
	expect_ret(send(&a, DEVICE, 3), 1);
	copy_its(&a, &b);
	/* What is pending is in the tables now. */
	expect_eq(b.memory[PENDING + LPI(1) / 8], 1 << LPI(1) % 8);
	expect_eq(b.memory[PENDING + PENDING_SIZE + LPI(3) / 8], 1 << LPI(3) % 8);
	expect_eq(*word(&b, ITT) >> 16 & 0xffffffff, LPI(0));
	expect_ret(restore_tables(&b), 0);
	restore_ctlr(&a, &b);
	take(&b, 0, 1);
	expect_no_irq(b.vcpu[0]);
	take(&b, 1, 3);
	expect_no_irq(b.vcpu[1]);
	expect_ret(send(&b, DEVICE, 0), 1);
	take(&b, 0, 0);
	expect_ret(send(&b, DEVICE, 3), 1);
	take(&b, 1, 3);
	/* The queue goes on where it was. */
	its_command(&b, CMD_INT, DEVICE, 2, 0);
	take(&b, 0, 2);
}

TEST(its_tables_that_make_no_sense_are_refused, NEED(KVM_CAP_SIGNAL_MSI))
{
	static const struct {
		uint64_t offset, bits;
	} flips[] = {
		{ COLLECTIONS, 0x3fffULL << 16 },	/* a vCPU that is not there */
		{ ITT, 0x2000ULL << 16 },		/* an LPI below the first */
		{ ITT, 0x8000 },			/* a collection that is not there */
		{ ITT, 0x7000ULL << 48 },		/* the next event beyond the table */
	};
	struct its a = its_ready(), b = its_new();

	copy_its(&a, &b);
	for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
		*word(&b, flips[i].offset) ^= flips[i].bits;
		trace("entry %#llx at %#llx", (unsigned long long)*word(&b, flips[i].offset),
		      (unsigned long long)flips[i].offset);
		expect_ret(restore_tables(&b), -EINVAL);
		*word(&b, flips[i].offset) ^= flips[i].bits;
	}
	/* Nothing of what was before the fault has stayed, and what makes sense is taken. */
	restore_ctlr(&a, &b);
	for (unsigned int i = 0; i < EVENTS; i++)
		expect_ret(send(&b, DEVICE, i), 0);
	expect_ret(restore_tables(&b), 0);
	expect_ret(send(&b, DEVICE, 1), 1);
	take(&b, 0, 1);
}

TEST(its_is_as_new_after_its_reset, NEED(KVM_CAP_SIGNAL_MSI))
{
	struct its its = its_ready();

	expect_ret(send(&its, DEVICE, 1), 1);
	take(&its, 0, 1);
	expect_ret(dev_attr(its.fd, SET, CONTROL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL), 0);
	expect_eq(its_reg(&its, GITS_CTLR) & 1, 0);
	expect_eq(its_reg(&its, GITS_CBASER) & VALID, 0);
	expect_eq(its_reg(&its, GITS_CREADR), 0);
	expect_eq(its_reg(&its, GITS_CWRITER), 0);
	expect_eq(its_reg(&its, GITS_BASER(0)) & VALID, 0);
	expect_eq(its_reg(&its, GITS_BASER(1)) & VALID, 0);
	expect_ret(send(&its, DEVICE, 1), -EBUSY);
	/* The mappings are gone, too; its address is not. */
	its_on(&its);
	its_command(&its, CMD_MAPC, 0, 0, VALID);
	expect_ret(send(&its, DEVICE, 1), 0);
	its_command(&its, CMD_MAPD, DEVICE, 4 - 1, VALID | (TEST_GPA + ITT));
	its_command(&its, CMD_MAPTI, DEVICE, (uint64_t)LPI(1) << 32 | 1, 0);
	expect_ret(send(&its, DEVICE, 1), 1);
	take(&its, 0, 1);
}
