// SPDX-License-Identifier: GPL-2.0-only
/* The arm64 machine's fixed parts: interrupt controller and serial line. */
#include <errno.h>
#include <sys/ioctl.h>

#include "../../serial.h"
#include "../../virtio_mmio.h"
#include "arm64.h"

unsigned int gic_version;
static int gic_fd;
static unsigned int nr_virtio;

static void set_gic(u32 group, u64 attr, u64 value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)&value };

	if (ioctl(gic_fd, KVM_SET_DEVICE_ATTR, &a) < 0)
		die_errno("cannot set up the interrupt controller");
}

static bool create_gic(struct vm *vm, u32 type)
{
	struct kvm_create_device gic = { .type = type };

	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &gic) < 0)
		return false;
	gic_fd = gic.fd;
	return true;
}

void arch_create_irqchip(struct vm *vm)
{
	u32 addr = KVM_DEV_ARM_VGIC_GRP_ADDR;

	if (create_gic(vm, KVM_DEV_TYPE_ARM_VGIC_V3)) {
		gic_version = 3;
		set_gic(addr, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_AT);
		set_gic(addr, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_AT);
	} else if (create_gic(vm, KVM_DEV_TYPE_ARM_VGIC_V2)) {
		gic_version = 2;
		set_gic(addr, KVM_VGIC_V2_ADDR_TYPE_DIST, GICD_AT);
		set_gic(addr, KVM_VGIC_V2_ADDR_TYPE_CPU, GICC_AT);
	} else {
		die_errno("%s has no interrupt controller in the kernel", vm->options->kvm);
	}
	set_gic(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, NR_IRQS);
}

void arm64_gic_init(void)
{
	set_gic(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

void arch_create_devices(struct vm *vm)
{
	struct serial *serial = serial_create(vm, SERIAL_GSI);

	bus_add(&vm->mmio, SERIAL_AT, SERIAL_REGISTERS, serial_access, serial);
	if (vm->options->console == CONSOLE_SERIAL)
		terminal_connect(serial_sink(serial));
}

void arch_add_virtio(struct vm *vm, struct virtio_dev *dev)
{
	if (nr_virtio == VIRTIO_DEVICES)
		die("no more than %d virtio devices", VIRTIO_DEVICES);
	virtio_mmio_add(vm, dev, VIRTIO_AT + nr_virtio * VIRTIO_MMIO_SIZE, VIRTIO_GSI + nr_virtio);
	nr_virtio++;
}

u32 arch_irq_line(u32 gsi)
{
	return KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (SPI_FIRST + gsi);
}

void arch_describe(struct vm *vm)
{
	fdt_create_machine(vm, nr_virtio);
}
