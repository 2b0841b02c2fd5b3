// SPDX-License-Identifier: GPL-2.0-only
/* The device tree, by libfdt; bindings are in Documentation/devicetree/bindings. */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "../../serial.h"
#include "../../virtio_mmio.h"
#include "arm64.h"

#define GIC_PHANDLE	1
#define SEED_SIZE	64
#define SERIAL_PATH	"/serial@9000000"

/* Interrupt specifiers of a GIC: type, number, trigger (arm,gic.yaml, arm,gic-v3.yaml). */
#define SPI		0
#define PPI		1
#define EDGE		1
#define LEVEL_HIGH	4
#define LEVEL_LOW	8
#define ALL_CPUS	0xff00	/* of a GICv2's PPI */

/* The timers' PPIs, from 16: secure and not secure physical, virtual, hypervisor's. */
static const u32 timers[] = { 13, 14, 11, 10 };

static char tree[FDT_SIZE];

static void check(int error)
{
	if (error)
		die("cannot make the device tree: %s", fdt_strerror(error));
}

static void begin(const char *name, u64 address)
{
	char full[32];

	if (address)
		snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
	else
		snprintf(full, sizeof(full), "%s", name);
	check(fdt_begin_node(tree, full));
}

static void end(void)
{
	check(fdt_end_node(tree));
}

static void text(const char *name, const char *value)
{
	check(fdt_property_string(tree, name, value));
}

static void number(const char *name, u32 value)
{
	check(fdt_property_u32(tree, name, value));
}

static void number64(const char *name, u64 value)
{
	check(fdt_property_u64(tree, name, value));
}

static void flag(const char *name)
{
	check(fdt_property(tree, name, NULL, 0));
}

static void cells(const char *name, const u32 *value, unsigned int n)
{
	fdt32_t be[16];

	for (unsigned int i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(value[i]);
	check(fdt_property(tree, name, be, n * sizeof(*be)));
}

/* Addresses and sizes, two cells each. */
static void reg(const u64 *value, unsigned int n)
{
	u32 half[8];

	for (unsigned int i = 0; i < n; i++) {
		half[2 * i] = value[i] >> 32;
		half[2 * i + 1] = value[i];
	}
	cells("reg", half, 2 * n);
}

static void interrupt(u32 gsi, u32 trigger)
{
	cells("interrupts", (u32[]){ SPI, gsi, trigger }, 3);
}

static void add_chosen(void)
{
	u8 seed[SEED_SIZE];

	begin("chosen", 0);
	text("bootargs", boot.command_line);
	text("stdout-path", SERIAL_PATH);
	if (boot.initrd) {
		number64("linux,initrd-start", boot.initrd);
		number64("linux,initrd-end", boot.initrd + boot.initrd_size);
	}
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		check(fdt_property(tree, "rng-seed", seed, sizeof(seed)));
	end();
}

static void add_cpus(const struct vm *vm)
{
	begin("cpus", 0);
	number("#address-cells", 2);
	number("#size-cells", 0);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		u64 affinity = arm64_affinity(&vm->vcpu[i]);
		char name[24];

		snprintf(name, sizeof(name), "cpu@%llx", (unsigned long long)affinity);
		check(fdt_begin_node(tree, name));
		text("device_type", "cpu");
		text("compatible", "arm,armv8");
		text("enable-method", "psci");
		reg(&affinity, 1);
		end();
	}
	end();
}

static void add_gic(const struct vm *vm)
{
	const u64 v3[] = { GICD_AT, GICD_SIZE, GICR_AT, (u64)GICR_SIZE * vm->nr_vcpus };
	const u64 v2[] = { GICD_AT, GICD_SIZE, GICC_AT, GICC_SIZE };

	begin("interrupt-controller", GICD_AT);
	text("compatible", gic_version == 3 ? "arm,gic-v3" : "arm,cortex-a15-gic");
	flag("interrupt-controller");
	number("#interrupt-cells", 3);
	number("#address-cells", 0);
	reg(gic_version == 3 ? v3 : v2, 4);
	number("phandle", GIC_PHANDLE);
	end();
}

static void add_timer(void)
{
	u32 value[3 * ARRAY_SIZE(timers)];

	for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++) {
		value[3 * i] = PPI;
		value[3 * i + 1] = timers[i];
		value[3 * i + 2] = LEVEL_LOW | (gic_version == 2 ? ALL_CPUS : 0);
	}
	begin("timer", 0);
	text("compatible", "arm,armv8-timer");
	cells("interrupts", value, ARRAY_SIZE(value));
	flag("always-on");
	end();
}

static void add_psci(void)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	begin("psci", 0);
	check(fdt_property(tree, "compatible", compatible, sizeof(compatible)));
	text("method", "hvc");
	end();
}

static void add_serial(void)
{
	begin("serial", SERIAL_AT);
	text("compatible", "ns16550a");
	reg((u64[]){ SERIAL_AT, SERIAL_REGISTERS }, 2);
	number("clock-frequency", 1843200);
	interrupt(SERIAL_GSI, LEVEL_HIGH);
	end();
}

static void add_virtio(unsigned int n)
{
	u64 at = VIRTIO_AT + n * VIRTIO_MMIO_SIZE;

	begin("virtio_mmio", at);
	text("compatible", "virtio,mmio");
	reg((u64[]){ at, VIRTIO_MMIO_SIZE }, 2);
	interrupt(VIRTIO_GSI + n, EDGE);
	flag("dma-coherent");
	end();
}

static void add_memory(const struct vm *vm)
{
	const struct memory_region *r = vm->memory.region;

	begin("memory", r->gpa);
	text("device_type", "memory");
	reg((u64[]){ r->gpa, r->size }, 2);
	end();
}

void fdt_create_machine(struct vm *vm, unsigned int virtio)
{
	check(fdt_create(tree, sizeof(tree)));
	check(fdt_finish_reservemap(tree));
	check(fdt_begin_node(tree, ""));
	text("compatible", "linux,dummy-virt");
	text("model", "berth");
	number("#address-cells", 2);
	number("#size-cells", 2);
	number("interrupt-parent", GIC_PHANDLE);
	add_chosen();
	add_memory(vm);
	add_cpus(vm);
	add_psci();
	add_gic(vm);
	add_timer();
	add_serial();
	for (unsigned int i = 0; i < virtio; i++)
		add_virtio(i);
	end();
	check(fdt_finish(tree));
	memcpy(memory_at(&vm->memory, boot.fdt, sizeof(tree)), tree, sizeof(tree));
}
