// SPDX-License-Identifier: GPL-2.0-only
/* What guests' stores and user space's signals reach in the kernel: buses, eventfds, rings, routes. */
#include "lib.h"

#define MMIO	0x10000000

static long ioeventfd(struct machine *m, int fd, u64 addr, u32 len, u32 flags, u64 match)
{
	struct kvm_ioeventfd args = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = match,
	};

	return HOST_IOCTL(m->vm, KVM_IOEVENTFD, &args);
}

static void ioeventfd_takes_the_stores_it_matches(void)
{
	const u32 match = KVM_IOEVENTFD_FLAG_DATAMATCH, pio = KVM_IOEVENTFD_FLAG_PIO,
		  gone = KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct machine m;
	int fd[4], i;

	machine_make(&m, TOY_PLAIN, 1);
	for (i = 0; i < 4; i++)
		fd[i] = host_eventfd(0);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 4, match, 7), 0);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 4, match, 7), -EEXIST);
	CHECK_EQ(ioeventfd(&m, fd[1], MMIO, 4, match, 8), 0);
	CHECK_EQ(ioeventfd(&m, fd[2], MMIO + 16, 0, 0, 0), 0);
	CHECK_EQ(ioeventfd(&m, fd[2], MMIO + 16, 8, 0, 0), -EEXIST);
	CHECK_EQ(ioeventfd(&m, fd[3], 0x80, 2, pio, 0), 0);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 3, 0, 0), -EINVAL);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 16, 0, 0), -EINVAL);
	CHECK_EQ(ioeventfd(&m, fd[0], ~0ULL, 2, 0, 0), -EINVAL);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 4, 1 << 20, 0), -EINVAL);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 0, match, 0), -EINVAL);
	CHECK_EQ(ioeventfd(&m, 999, MMIO, 4, 0, 0), -EBADF);
	CHECK_EQ(ioeventfd(&m, m.vm, MMIO, 4, 0, 0), -EINVAL);

	PROGRAM(&m, CODE, I_SET(1, 7), I_STORE(1, 0, 4, MMIO), I_SET(1, 8), I_STORE(1, 0, 4, MMIO),
		I_STORE(1, 0, 1, MMIO + 16), I_STORE(1, 0, 8, MMIO + 16),
		I_STORE(1, 0, 2, MMIO + 16), I_OUT(1, 2, 0x80), I_SET(1, 9), I_STORE(1, 0, 4, MMIO),
		I_STORE(1, 0, 8, MMIO), I_OUT(1, 1, 0x80), I_LOAD(1, 0, 4, MMIO), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.data[0], 9);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.len, 8);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_IO);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.is_write, 0);
	CHECK_EQ(host_eventfd_read(fd[0]), 1);
	CHECK_EQ(host_eventfd_read(fd[1]), 1);
	CHECK_EQ(host_eventfd_read(fd[2]), 3);
	CHECK_EQ(host_eventfd_read(fd[3]), 1);

	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 4, match | gone, 8), -ENOENT);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 4, match | gone, 7), 0);
	CHECK_EQ(ioeventfd(&m, fd[0], MMIO, 4, match | gone, 7), -ENOENT);
	CHECK_EQ(ioeventfd(&m, 999, MMIO, 4, gone, 7), -EBADF);
	CHECK_EQ(ioeventfd(&m, fd[3], 0x80, 2, pio | gone, 0), 0);
	CHECK_EQ(ioeventfd(&m, fd[3], 0x80, 2, KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY | gone, 0),
		 -ENOENT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	for (i = 0; i < 4; i++)
		host_close(fd[i]);
	machine_free(&m);
}

static long zone(struct machine *m, u64 addr, u32 size, u32 pio, bool add)
{
	struct kvm_coalesced_mmio_zone args = { .addr = addr, .size = size, .pio = pio };

	return HOST_IOCTL(m->vm, add ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
			  &args);
}

static void coalesced_stores_wait_in_the_ring(void)
{
	struct kvm_coalesced_mmio_ring *ring;
	struct machine m;
	unsigned int n;

	machine_make(&m, TOY_PLAIN, 1);
	ring = host_page(m.vcpu[0], TOY_RING_PAGE);
	CHECK_EQ(zone(&m, MMIO, 0x100, 2, true), -EINVAL);
	CHECK_EQ(zone(&m, MMIO, 0x100, 0, true), 0);
	CHECK_EQ(zone(&m, 0x40, 0x10, 1, true), 0);
	PROGRAM(&m, CODE, I_SET(1, 0x77), I_STORE(1, 0, 4, MMIO), I_OUT(1, 1, 0x41), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(ring->last, 2);
	CHECK_EQ(ring->coalesced_mmio[0].phys_addr, MMIO);
	CHECK_EQ(ring->coalesced_mmio[0].len, 4);
	CHECK_EQ(ring->coalesced_mmio[0].data[0], 0x77);
	CHECK_EQ(ring->coalesced_mmio[1].phys_addr, 0x41);
	CHECK_EQ(ring->coalesced_mmio[1].pio, 1);
	/* A store over the end, a load: user space's. */
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, MMIO + 0x100), I_LOAD(1, 0, 8, MMIO), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_MMIO);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
	/* Until it is full, whatever user space writes into it. */
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, MMIO), I_BNE(1, 0, -1), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	reg_set(&m, 0, 1, 1);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	n = (ring->last - ring->first + KVM_COALESCED_MMIO_MAX) % KVM_COALESCED_MMIO_MAX;
	CHECK_EQ(n, KVM_COALESCED_MMIO_MAX - 1);
	ring->last = 0x7fffffff;
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	ring->last = ring->first = KVM_COALESCED_MMIO_MAX - 1;
	reg_set(&m, 0, 1, 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(ring->last, 0);

	/* Of memory only, and only those around it. */
	CHECK_EQ(zone(&m, MMIO + 0x200, 8, 0, false), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(zone(&m, MMIO + 8, 8, 0, false), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	ring->first = ring->last;
	PROGRAM(&m, CODE, I_OUT(1, 1, 0x41), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(zone(&m, 0x40, 1, 0, false), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(zone(&m, 0x40, 1, 1, false), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_IO);
	CHECK_EQ(zone(&m, MMIO + 8, 8, 2, false), -EINVAL);
	host_unmap_page(ring);
	machine_free(&m);
}

static void stores_forever(void *arg)
{
	struct machine *m = arg;
	long r;

	do
		r = run_at(m, 0, CODE);
	while (r == KVM_EXIT_MMIO || r == KVM_EXIT_HLT);
	CHECK_EQ(r, -EINTR);
}

static void zones_come_and_go_while_stored_to(void)
{
	struct kvm_coalesced_mmio_ring *ring;
	struct host_thread *t;
	struct machine m;
	unsigned int i;
	int fd;

	machine_make(&m, TOY_PLAIN, 1);
	fd = host_eventfd(0);
	ring = host_page(m.vcpu[0], TOY_RING_PAGE);
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, MMIO), I_STORE(1, 0, 4, MMIO), I_STORE(1, 0, 8, MMIO),
		I_BNE(2, 0, -3), I_HALT);
	reg_set(&m, 0, 2, 1);
	t = host_thread(stores_forever, &m);
	for (i = 0; i < 400; i++) {
		CHECK_EQ(zone(&m, MMIO, 8, 0, true), 0);
		CHECK_EQ(ioeventfd(&m, fd, MMIO, 4, 0, 0), 0);
		WRITE_ONCE(ring->first, READ_ONCE(ring->last));
		CHECK_EQ(zone(&m, MMIO, 8, 0, false), 0);
		CHECK_EQ(ioeventfd(&m, fd, MMIO, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0), 0);
	}
	host_kill(host_task(t), SIGUSR1);
	host_join(t);
	host_unmap_page(ring);
	host_close(fd);
	machine_free(&m);
}

static void bus_holds_a_thousand_devices(void)
{
	unsigned int i, n = 0;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	for (i = 0; i <= BERTH_MAX_IO_DEVICES; i++)
		n += !zone(&m, MMIO + (i * 7919) % 65536 * 8, 8, 0, true);
	CHECK_EQ(n, BERTH_MAX_IO_DEVICES);
	CHECK_EQ(zone(&m, MMIO, 8, 0, true), -ENOSPC);
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, MMIO + 7919 * 8), I_STORE(1, 0, 8, MMIO + 8), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.phys_addr, MMIO + 8);
	machine_free(&m);
}

static int device(struct machine *m, u64 address)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };
	struct kvm_device_attr attr = {
		.group = TOY_DEVICE_ADDRESS, .addr = (unsigned long)&address,
	};

	CHECK_EQ(HOST_IOCTL(m->vm, KVM_CREATE_DEVICE, &create), 0);
	CHECK_EQ(HOST_IOCTL(create.fd, KVM_SET_DEVICE_ATTR, &attr), 0);
	CHECK_EQ(HOST_IOCTL(create.fd, KVM_SET_DEVICE_ATTR, &attr), -EEXIST);
	return create.fd;
}

static void device_answers_in_the_kernel(void)
{
	struct kvm_create_device create = { .type = 0x71 };
	struct kvm_device_attr attr = { .group = TOY_DEVICE_VALUE };
	struct machine m;
	u64 value = 3;
	int fd;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_DEVICE, &create), -ENODEV);
	create.type = TOY_DEVICE;
	create.flags = KVM_CREATE_DEVICE_TEST;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_DEVICE, &create), 0);
	fd = device(&m, MMIO);
	attr.addr = (unsigned long)&value;
	CHECK_EQ(HOST_IOCTL(fd, KVM_SET_DEVICE_ATTR, &attr), 0);
	PROGRAM(&m, CODE, I_LOAD(1, 0, 8, MMIO), I_ADD(1, 1, 1, 0), I_STORE(1, 0, 8, MMIO),
		I_STORE(1, 0, 4, MMIO), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(HOST_IOCTL(fd, KVM_GET_DEVICE_ATTR, &attr), 0);
	CHECK_EQ(value, 6);
	attr.attr = 1;
	CHECK_EQ(HOST_IOCTL(fd, KVM_HAS_DEVICE_ATTR, &attr), -ENXIO);
	CHECK_EQ(HOST_IOCTL(fd, KVM_GET_DEVICE_ATTR, &attr), -ENXIO);
	CHECK_EQ(HOST_IOCTL(fd, KVM_SET_DEVICE_ATTR, &attr), -ENXIO);
	CHECK_EQ(HOST_IOCTL(fd, KVM_RUN, 0), -ENOTTY);
	host_close(fd);
	machine_free(&m);
}

/* ---- interrupts ---- */

static long routing(struct machine *m, const struct kvm_irq_routing_entry *routes, u32 nr,
		    u32 flags)
{
	struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry entry[8]; } args = { };

	args.head.nr = nr;
	args.head.flags = flags;
	if (nr && nr <= ARRAY_SIZE(args.entry))
		memcpy(args.entry, routes, nr * sizeof(*routes));
	return HOST_IOCTL(m->vm, KVM_SET_GSI_ROUTING, &args);
}

static struct kvm_irq_routing_entry pin(u32 gsi, u32 chip, u32 number)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = number },
	};
}

static struct kvm_irq_routing_entry message(u32 gsi, u32 vcpu, u32 number)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = vcpu, .data = number },
	};
}

static long line(struct machine *m, u32 gsi, bool level, int *status)
{
	struct kvm_irq_level args = { .irq = gsi, .level = level };
	long r = HOST_IOCTL(m->vm, KVM_IRQ_LINE_STATUS, &args);

	*status = args.status;
	return r;
}

static void routes_lead_lines_and_messages(void)
{
	struct kvm_irq_routing_entry bad[] = { pin(4, 0, 1), pin(4, 0, 2) };
	struct kvm_irq_routing_entry both[] = { pin(100, 1, 4), message(7, 1, 60), pin(100, 0, 3) };
	struct kvm_irq_routing_entry one;
	struct kvm_msi msi = { .address_lo = 1, .data = 50 };
	struct machine m;
	int status;

	machine_make(&m, TOY_PLAIN, 2);
	CHECK_EQ(routing(&m, both, 3, 0), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SIGNAL_MSI, &msi), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	CHECK_EQ(line(&m, 40, true, &status), 0);
	CHECK_EQ(status, 1);
	CHECK_EQ(reg_get(&m, 1, TOY_PENDING), BIT_ULL(40));
	CHECK_EQ(routing(&m, both, 3, 0), 0);
	line(&m, 100, true, &status);
	CHECK_EQ(status, 2);
	CHECK_EQ(reg_get(&m, 0, TOY_PENDING), BIT_ULL(3));
	CHECK_EQ(reg_get(&m, 1, TOY_PENDING), BIT_ULL(40) | BIT_ULL(36));
	line(&m, 7, true, &status);
	CHECK_EQ(status, 1);
	line(&m, 7, true, &status);
	CHECK_EQ(status, 0);
	line(&m, 8, true, &status);
	CHECK_EQ(status, -1);
	line(&m, 4000000000U, true, &status);
	CHECK_EQ(status, -1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SIGNAL_MSI, &msi), 1);
	msi.data = 64;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SIGNAL_MSI, &msi), -EINVAL);
	msi = (struct kvm_msi) { .address_lo = 3, .data = 1 };
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SIGNAL_MSI, &msi), -1);

	/* What cannot be changes nothing. */
	CHECK_EQ(routing(&m, bad, 2, 0), -EINVAL);
	CHECK_EQ(routing(&m, both, 3, 1), -EINVAL);
	CHECK_EQ(routing(&m, both, BERTH_MAX_ROUTES + 1, 0), -EINVAL);
	one = pin(BERTH_MAX_ROUTES, 0, 0);
	CHECK_EQ(routing(&m, &one, 1, 0), -EINVAL);
	one = pin(1, 2, 0);
	CHECK_EQ(routing(&m, &one, 1, 0), -EINVAL);
	one = pin(1, 0, 0);
	one.flags = 1;
	CHECK_EQ(routing(&m, &one, 1, 0), -EINVAL);
	one = pin(1, 0, 0);
	one.type = 77;
	CHECK_EQ(routing(&m, &one, 1, 0), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SET_GSI_ROUTING, 0), -EFAULT);
	line(&m, 7, true, &status);
	CHECK_EQ(status, 0);
	CHECK_EQ(routing(&m, NULL, 0, 0), 0);
	line(&m, 7, true, &status);
	CHECK_EQ(status, -1);
	machine_free(&m);
}

static long irqfd(struct machine *m, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return HOST_IOCTL(m->vm, KVM_IRQFD, &args);
}

static u64 take_pending(struct machine *m, unsigned int vcpu)
{
	u64 pending = reg_get(m, vcpu, TOY_PENDING);

	reg_set(m, vcpu, TOY_PENDING, 0);
	return pending;
}

static void irqfd_raises_its_gsi(void)
{
	struct machine m;
	int fd, signalled;

	machine_make(&m, TOY_PLAIN, 1);
	fd = host_eventfd(0);
	CHECK_EQ(irqfd(&m, fd, 5, 0, 0), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	CHECK_EQ(irqfd(&m, fd, 5, 0, 0), 0);
	CHECK_EQ(irqfd(&m, fd, 6, 0, 0), -EBUSY);
	CHECK_EQ(irqfd(&m, fd, 5, 0x80, 0), -EINVAL);
	CHECK_EQ(irqfd(&m, 999, 5, 0, 0), -EBADF);
	CHECK_EQ(irqfd(&m, m.vm, 5, 0, 0), -EINVAL);
	CHECK_EQ(irqfd(&m, 999, 5, KVM_IRQFD_FLAG_DEASSIGN, 0), -EBADF);
	host_eventfd_write(fd);
	CHECK_EQ(take_pending(&m, 0), BIT_ULL(5));
	CHECK_EQ(host_eventfd_read(fd), 0);
	host_eventfd_write(fd);
	CHECK_EQ(take_pending(&m, 0), BIT_ULL(5));
	CHECK_EQ(irqfd(&m, fd, 5, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	host_eventfd_write(fd);
	CHECK_EQ(take_pending(&m, 0), 0);
	/* A signal from before it was one is not lost. */
	signalled = host_eventfd(3);
	CHECK_EQ(irqfd(&m, signalled, 6, 0, 0), 0);
	CHECK_EQ(take_pending(&m, 0), BIT_ULL(6));
	/* Closing the eventfd ends it as well, and the VM ends what is left. */
	host_close(signalled);
	CHECK_EQ(irqfd(&m, fd, 7, 0, 0), 0);
	machine_free(&m);
	host_eventfd_write(fd);
	host_close(fd);
}

static void resampling_irqfds_share_a_level(void)
{
	const u32 resample = KVM_IRQFD_FLAG_RESAMPLE;
	struct machine m;
	int fd[2], again[2], i;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	for (i = 0; i < 2; i++) {
		fd[i] = host_eventfd(0);
		again[i] = host_eventfd(0);
	}
	CHECK_EQ(irqfd(&m, fd[0], 40, resample, 999), -EBADF);
	CHECK_EQ(irqfd(&m, fd[0], 40, resample, again[0]), 0);
	CHECK_EQ(irqfd(&m, fd[0], 40, resample, again[1]), -EBUSY);
	CHECK_EQ(irqfd(&m, fd[0], 41, resample, again[1]), -EBUSY);
	CHECK_EQ(irqfd(&m, fd[1], 40, resample, again[1]), 0);
	host_eventfd_write(fd[0]);
	CHECK_EQ(reg_get(&m, 0, TOY_PENDING), BIT_ULL(40));
	/* High until the guest is done with it, then everyone is asked. */
	take_pending(&m, 0);
	host_eventfd_write(fd[1]);
	CHECK_EQ(take_pending(&m, 0), 0);
	PROGRAM(&m, CODE, I_DONE(40), I_DONE(41), I_DONE(64), I_CALL(16));
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HYPERCALL);
	CHECK_EQ(host_eventfd_read(again[0]), 1);
	CHECK_EQ(host_eventfd_read(again[1]), 1);
	CHECK_EQ(take_pending(&m, 0), 0);
	host_eventfd_write(fd[1]);
	CHECK_EQ(take_pending(&m, 0), BIT_ULL(40));
	CHECK_EQ(irqfd(&m, fd[0], 40, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	/* The last one lowers the line. */
	CHECK_EQ(irqfd(&m, fd[1], 40, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HYPERCALL);
	CHECK_EQ(take_pending(&m, 0), 0);
	CHECK_EQ(host_eventfd_read(again[1]), 0);
	machine_free(&m);
	for (i = 0; i < 2; i++) {
		host_close(fd[i]);
		host_close(again[i]);
	}
}

struct storm {
	struct machine *m;
	int fd;
	bool stop;
};

static void signal_storm(void *arg)
{
	struct storm *s = arg;

	while (!smp_load_acquire(&s->stop))
		host_eventfd_write(s->fd);
}

static void irqfds_come_and_go_while_signalled(void)
{
	struct storm s = { };
	struct host_thread *t;
	struct machine m;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	s.m = &m;
	s.fd = host_eventfd(0);
	t = host_thread(signal_storm, &s);
	for (i = 0; i < 200; i++) {
		struct kvm_irq_routing_entry route = pin(5, 0, i % TOY_PINS);

		CHECK_EQ(irqfd(&m, s.fd, 5, 0, 0), 0);
		CHECK_EQ(routing(&m, &route, 1, 0), 0);
		CHECK_EQ(irqfd(&m, s.fd, 5, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	}
	smp_store_release(&s.stop, true);
	host_join(t);
	machine_free(&m);
	host_close(s.fd);
}

static const struct test tests[] = {
	TEST(ioeventfd_takes_the_stores_it_matches),
	TEST(coalesced_stores_wait_in_the_ring),
	TEST(zones_come_and_go_while_stored_to),
	TEST(bus_holds_a_thousand_devices),
	TEST(device_answers_in_the_kernel),
	TEST(routes_lead_lines_and_messages),
	TEST(irqfd_raises_its_gsi),
	TEST(resampling_irqfds_share_a_level),
	TEST(irqfds_come_and_go_while_signalled),
};

int main(void)
{
	return RUN_TESTS(tests);
}
