// SPDX-License-Identifier: GPL-2.0-only
/* arm64: guests that program the interrupt controller without sense. Nobody says what it does then; the host is to be whole. */
#include "vgic.h"

struct machine {
	struct vm *vm;
	struct vcpu *vcpu[2];
	struct gic gic;
};

static struct machine machine_new(void)
{
	struct machine m = { .vm = vm_new() };

	for (unsigned int i = 0; i < 2; i++)
		m.vcpu[i] = vcpu_new(m.vm, i);
	m.gic = gic_new(m.vm);
	for (unsigned int i = 0; i < 2; i++)
		gic_on(m.vcpu[i], &m.gic);
	return m;
}

/* Another VM takes its interrupts. */
static void is_whole(void)
{
	struct machine m = machine_new();

	irq_edge(m.vcpu[1], &m.gic, SPI_FIRST, true);
	irq_enable(m.vcpu[1], &m.gic, SPI_FIRST);
	expect_ret(spi_line(m.vm, SPI_FIRST, 1), 0);
	expect_irq(m.vcpu[1], &m.gic, SPI_FIRST);
	irq_eoi(m.vcpu[1], &m.gic, SPI_FIRST);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

TEST(random_values_in_the_gic_are_survived)
{
	static const unsigned int sizes[] = { 1, 2, 4, 4, 4, 8 };
	uint64_t random = 0x123456789abcdef1;
	struct machine m = machine_new();

	for (unsigned int i = 0; i < 3000; i++) {
		struct vcpu *vcpu = m.vcpu[i & 1];
		uint64_t where = i % 3 ? GICD_GPA : m.gic.v3 ? GICR_GPA : GICC_GPA;
		unsigned int len = sizes[next_random(&random) % ARRAY_SIZE(sizes)];
		uint64_t at = next_random(&random) % (m.gic.v3 ? i % 3 ? 0x10000 : 2 * GICR_SIZE : 0x1000);

		if (!(i % 4))
			at &= 0xfff;
		at &= ~(uint64_t)(len - 1);
		arch_start(vcpu, next_random(&random) & 1 ? GUEST_STORE : GUEST_LOAD, where + at, len, next_random(&random));
		expect_ret(vcpu_run(vcpu), 0);
		/* What is no register is user space's. */
		if (!arch_is_done(vcpu))
			run_done(vcpu);
	}
	is_whole();
}

/* x0: instructions, x1: what they load from, one behind the other; TPIDR_EL1 is no register of theirs. */
GUEST(guest_script,
	"	mov	x21, x1\n"
	"	blr	x0\n"
	DONE);

#define LDR_X1_NEXT	0xf84086a1	/* ldr x1, [x21], #8 */
#define LDR_X2_NEXT	0xf84086a2
#define RET		0xd65f03c0
#define STEPS		600
#define SCRIPT_SIZE	0x10000		/* instructions, then what they load */
#define TABLES_SIZE	0x80000
#define TABLES_GPA	TEST_GPA2
#define COMMANDS	0x20000		/* in the tables */

/* With x1 and x2, which is a multiple of 8. */
static const uint32_t accesses[] = {
	0xf9000041,	/* str x1, [x2] */
	0xb9000041,	/* str w1, [x2] */
	0xb9000441,	/* str w1, [x2, #4] */
	0x39000041,	/* strb w1, [x2] */
	0xf9400043,	/* ldr x3, [x2] */
	0xb9400043,	/* ldr w3, [x2] */
};

/* CRn, CRm and op2 of registers of the CPU interface, of which op0 is 3 and op1 is 0; those that are there can be written. */
static const uint8_t icc[][3] = {
	{ 4, 6, 0 }, { 12, 8, 1 }, { 12, 8, 3 }, { 12, 8, 4 }, { 12, 9, 0 }, { 12, 11, 1 }, { 12, 11, 5 },
	{ 12, 11, 6 }, { 12, 11, 7 }, { 12, 12, 1 }, { 12, 12, 3 }, { 12, 12, 4 }, { 12, 12, 6 }, { 12, 12, 7 },
};

/* Most registers are where a frame begins. */
static uint64_t random_register(struct machine *m, uint64_t *random)
{
	static const uint64_t v3[] = { GICD_GPA, GICR_GPA, GICR_GPA + GICR_SGI, GICR_GPA + GICR_SIZE, GITS_GPA, GITS_GPA };
	static const uint64_t v2[] = { GICD_GPA, GICC_GPA };
	uint64_t r = next_random(random), within = r >> 16 & (m->gic.v3 ? 0xfff8 : 0xff8);

	if (r & 0x300)
		within &= 0x1f8;
	return within + (m->gic.v3 ? v3[(r & 0xff) % ARRAY_SIZE(v3)] : v2[(r & 0xff) % ARRAY_SIZE(v2)]);
}

/* Often where tables may be, and valid. */
static uint64_t random_value(uint64_t *random)
{
	uint64_t r = next_random(random);

	return r & 3 ? (r & 0xe00000000000ffff) | TABLES_GPA | (r >> 16 & 0x70000) : r;
}

static void write_script(struct machine *m, uint32_t *code, uint64_t *random)
{
	uint64_t *data = (uint64_t *)((uint8_t *)code + SCRIPT_SIZE / 2);

	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t r = next_random(random);

		*code++ = LDR_X1_NEXT;
		*data++ = random_value(random);
		if (m->gic.v3 && !(r & 7)) {
			const uint8_t *reg = icc[(r >> 8 & 0xff) % ARRAY_SIZE(icc)];

			*code++ = 0xd5180001 | reg[0] << 12 | reg[1] << 8 | reg[2] << 5;
			continue;
		}
		*code++ = LDR_X2_NEXT;
		*data++ = random_register(m, random);
		*code++ = accesses[(r >> 8 & 0xff) % ARRAY_SIZE(accesses)];
	}
	*code = RET;
}

/* Commands of the kinds there are, for a few devices, events and collections. */
static void write_commands(uint64_t *command, uint64_t *random)
{
	for (unsigned int i = 0; i < 0x10000 / 32; i++, command += 4) {
		uint64_t r = next_random(random);

		command[0] = (r & 15) | (r >> 4 & 7) << 32;
		command[1] = (r >> 8 & 7) | (8192 + (r >> 12 & 7)) << 32;
		command[2] = random_value(random) & ~(r & 1 ? 0xffffULL : 0xfff8ULL);
		command[3] = (r >> 16 & 1) << 16;
	}
}

static int make_its(struct machine *m)
{
	uint64_t base = GITS_GPA;
	int fd = expect_ok(create_device(m->vm, KVM_DEV_TYPE_ARM_VGIC_ITS));

	expect_ret(dev_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base), 0);
	return fd;
}

/* Registers that make the rest of the random ones mean something: tables, queue, everything on. */
static void turn_on(struct machine *m)
{
	for (unsigned int i = 0; i < 2; i++) {
		guest_store(m->vcpu[i], GICR_GPA + i * GICR_SIZE + 0x70, 8, (TABLES_GPA + 0x30000) | 15);
		guest_store(m->vcpu[i], GICR_GPA + i * GICR_SIZE + 0x78, 8, TABLES_GPA + 0x40000 + i * 0x10000);
		guest_store(m->vcpu[i], GICR_GPA + i * GICR_SIZE, 4, 1);
	}
	guest_store(m->vcpu[0], GITS_GPA + 0x80, 8, 1ULL << 63 | (TABLES_GPA + COMMANDS) | 15);
	guest_store(m->vcpu[0], GITS_GPA + 0x100, 8, 1ULL << 63 | TABLES_GPA);
	guest_store(m->vcpu[0], GITS_GPA + 0x108, 8, 1ULL << 63 | (TABLES_GPA + 0x10000));
	guest_store(m->vcpu[0], GITS_GPA, 4, 1);
	guest_store(m->vcpu[0], GITS_GPA + 0x88, 8, 0xffe0);
}

TEST(random_values_by_two_vcpus_at_once_are_survived)
{
	uint64_t random = 0xfedcba9876543211;
	struct machine m = machine_new();
	uint8_t *scripts = add_slot(m.vm, 1, 0, TEST_GPA, 2 * SCRIPT_SIZE);
	uint64_t *tables = add_slot(m.vm, 2, 0, TABLES_GPA, TABLES_SIZE);
	int its = m.gic.v3 ? make_its(&m) : -1;

	for (unsigned int turn = 0; turn < 8; turn++) {
		struct runner r[2];

		for (unsigned int i = 0; i < TABLES_SIZE / 8; i++)
			tables[i] = random_value(&random);
		write_commands(tables + COMMANDS / 8, &random);
		if (m.gic.v3)
			turn_on(&m);
		for (unsigned int i = 0; i < 2; i++) {
			write_script(&m, (uint32_t *)(scripts + i * SCRIPT_SIZE), &random);
			arm_start(m.vcpu[i], guest_script, TEST_GPA + i * SCRIPT_SIZE,
				  TEST_GPA + i * SCRIPT_SIZE + SCRIPT_SIZE / 2, 0);
			runner_start(&r[i], m.vcpu[i]);
		}
		/* Meanwhile user space has its own to say. */
		for (unsigned int i = 0; i < 200; i++) {
			uint64_t v = next_random(&random);
			struct kvm_msi msi = {
				.address_lo = GITS_GPA + 0x10040, .data = v & 7,
				.flags = KVM_MSI_VALID_DEVID, .devid = v >> 3 & 7,
			};

			if (m.gic.v3)
				kvm_ioctl(m.vm->fd, KVM_SIGNAL_MSI, &msi);
			spi_line(m.vm, SPI_FIRST + (v >> 8 & 31), v >> 16 & 1);
			irq_line(m.vm, KVM_ARM_IRQ_TYPE_PPI, v >> 17 & 1, 20, v >> 18 & 1);
		}
		for (unsigned int i = 0; i < 2; i++) {
			expect_ret(runner_join(&r[i]), 0);
			if (!arch_is_done(m.vcpu[i]))
				run_done(m.vcpu[i]);
		}
		if (!m.gic.v3)
			continue;
		/* What it has come to, saved and restored; and tables of nonsense, restored. */
		dev_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
		dev_attr(m.gic.fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
		dev_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
		for (unsigned int i = 0; i < TABLES_SIZE / 8; i++)
			tables[i] = random_value(&random);
		dev_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
		expect_ret(dev_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL), 0);
	}
	is_whole();
}
