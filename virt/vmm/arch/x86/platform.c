// SPDX-License-Identifier: GPL-2.0-only
/* The x86 machine's fixed parts: interrupt controllers, serial line, power and reset. */
#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../loop.h"
#include "../../serial.h"
#include "../../virtio_mmio.h"
#include "x86.h"

/*
 * All the firmware there is, in real mode: mov $0xfe,%al; out %al,$0x64; hlt; jmp back to the hlt.
 * On a hardware-reduced machine Linux does not use ACPI's reset register: it calls EFI, and where
 * there is none it jumps to the reset vector.
 */
static const u8 firmware[] = { 0xb0, I8042_RESET, 0xe6, I8042_PORT, 0xf4, 0xeb, 0xfd };

static unsigned int nr_virtio;

void arch_create_irqchip(struct vm *vm)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	__u64 identity_map = TSS_AT - 0x1000;

	/* Both only mean something to VT-x. */
	if (vm_capability(vm, KVM_CAP_SET_TSS_ADDR) > 0 &&
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)TSS_AT) < 0)
		die_errno("cannot place the task state segment");
	if (vm_capability(vm, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
		die_errno("cannot place the identity map");
	if (vm_capability(vm, KVM_CAP_IRQCHIP) <= 0)
		die("%s has no interrupt controllers in the kernel (KVM_CAP_IRQCHIP)",
		    vm->options->kvm);
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		die_errno("cannot create the interrupt controllers");
	/* The guest measures its time stamp counter by it where nothing else tells its speed. */
	if (vm_capability(vm, KVM_CAP_PIT2) > 0 && ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0)
		die_errno("cannot create the interval timer");
}

/* The keyboard controller's command port: never busy, and knows one command. */
static void access_i8042(void *ctx, u64 offset, u8 *data, unsigned int len, bool write)
{
	(void)ctx;
	(void)offset;
	if (!write)
		memset(data, 0, len);
	else if (*data == I8042_RESET)
		loop_end(STATUS_OK);
}

/* ACPI's sleep control and sleep status registers: type in bits 4 to 2, bit 5 enters it. */
static void access_sleep(void *ctx, u64 offset, u8 *data, unsigned int len, bool write)
{
	(void)ctx;
	if (!write)
		memset(data, 0, len);
	else if (!offset && (*data & 0x20) && ((*data >> 2) & 7) == SLEEP_TYPE_OFF)
		loop_end(STATUS_OK);
}

void arch_create_devices(struct vm *vm)
{
	struct serial *serial = serial_create(vm, SERIAL_GSI);

	bus_add(&vm->pio, SERIAL_PORT, SERIAL_REGISTERS, serial_access, serial);
	bus_add(&vm->pio, I8042_PORT, 1, access_i8042, NULL);
	bus_add(&vm->pio, SLEEP_PORT, 2, access_sleep, NULL);
	if (vm->options->console == CONSOLE_SERIAL)
		terminal_connect(serial_sink(serial));
}

u32 arch_irq_line(u32 gsi)
{
	return gsi;
}

void arch_add_virtio(struct vm *vm, struct virtio_dev *dev)
{
	if (nr_virtio == VIRTIO_DEVICES)
		die("no more than %d virtio devices", VIRTIO_DEVICES);
	virtio_mmio_add(vm, dev, VIRTIO_AT + nr_virtio * VIRTIO_MMIO_SIZE, VIRTIO_GSI + nr_virtio);
	nr_virtio++;
}

void arch_describe(struct vm *vm)
{
	struct boot_params *zero = memory_at(&vm->memory, ZERO_PAGE_AT, sizeof(*zero));

	memcpy(memory_at(&vm->memory, RESET_VECTOR_AT, sizeof(firmware)), firmware,
	       sizeof(firmware));
	zero->acpi_rsdp_addr = acpi_create(vm, vm->options->cpus, nr_virtio);
}
