// SPDX-License-Identifier: GPL-2.0-only
/* x86: KVM_IRQFD on the pins of the controllers in the kernel, with and without resampling, and the sizes of routing tables. */
#include <sys/eventfd.h>

#include "chips.h"
#include "lapic.h"

#define IRQFD NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQFD)
#define RESAMPLED NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQFD), NEED(KVM_CAP_IRQFD_RESAMPLE)
#define ROUTES_MAX 4096
#define PIN 20	/* of the I/O APIC alone */

static int irqfd(struct vm *vm, int fd, uint32_t gsi, uint32_t flags, int resamplefd)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd };

	return kvm_ioctl(vm->fd, KVM_IRQFD, &args);
}

static int new_eventfd(unsigned int count)
{
	int fd = eventfd(count, EFD_NONBLOCK);

	expect(fd >= 0);
	return fd;
}

static void signal_fd(int fd)
{
	expect_eq(eventfd_write(fd, 1), 0);
}

/* How often it was signalled since the last look. */
static uint64_t taken(int fd)
{
	eventfd_t n;

	return eventfd_read(fd, &n) ? 0 : n;
}

static int set_routes(struct vm *vm, const struct kvm_irq_routing_entry *entry, unsigned int present, uint32_t nr,
		      uint32_t flags)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r) + present * sizeof(*entry));
	int ret;

	expect(r);
	r->nr = nr;
	r->flags = flags;
	if (present)
		memcpy(r->entries, entry, present * sizeof(*entry));
	ret = kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, r);
	free(r);
	return ret;
}

static struct kvm_irq_routing_entry to_pin(uint32_t gsi, uint32_t pin)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = pin },
	};
}

TEST(irqfd_interrupts_the_guest, IRQFD)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	int fd = new_eventfd(0);

	ioapic_entry(vcpu, PIN, 0x77);
	expect_ret(irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	signal_fd(fd);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	/* The count is the kernel's, and each signal an edge. */
	expect_eq(taken(fd), 0);
	signal_fd(fd);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	expect_ret(irqfd(vcpu->vm, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	signal_fd(fd);
	expect_no_interrupt(vcpu);
	expect_eq(taken(fd), 1);
}

TEST(irqfd_that_was_signalled_before_interrupts, IRQFD)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	int fd = new_eventfd(3);

	ioapic_entry(vcpu, PIN, 0x77);
	expect_ret(irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	wait_interrupt(vcpu, 0x77);
}

TEST(irqfd_without_a_route_reaches_nobody, IRQFD, NEED(KVM_CAP_IRQ_ROUTING))
{
	static const uint32_t gsis[] = { 24, ROUTES_MAX - 1, ROUTES_MAX, 0x7fffffff, 0xffffffff };
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	struct kvm_irq_routing_entry entry = to_pin(24, PIN);
	int fd[ARRAY_SIZE(gsis)];

	ioapic_entry(vcpu, PIN, 0x77);
	for (size_t i = 0; i < ARRAY_SIZE(gsis); i++) {
		fd[i] = new_eventfd(1);
		expect_ret(irqfd(vcpu->vm, fd[i], gsis[i], 0, 0), 0);
		signal_fd(fd[i]);
	}
	expect_no_interrupt(vcpu);
	/* A route that comes later is taken, and nothing of before is kept for it. */
	expect_ret(set_routes(vcpu->vm, &entry, 1, 1, 0), 0);
	expect_no_interrupt(vcpu);
	signal_fd(fd[0]);
	wait_interrupt(vcpu, 0x77);
	for (size_t i = 0; i < ARRAY_SIZE(gsis); i++)
		expect_ret(irqfd(vcpu->vm, fd[i], gsis[i], KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
}

TEST(irqfd_is_assigned_once, IRQFD)
{
	struct vm *vm = vm_new_irqchip();
	int fd = new_eventfd(0), other = new_eventfd(0);

	expect_ret(irqfd(vm, fd, PIN, 0, 0), 0);
	expect_ret(irqfd(vm, fd, PIN, 0, 0), -EBUSY);
	expect_ret(irqfd(vm, fd, 8, 0, 0), -EBUSY);
	/* Two eventfds for one line are two irqfds; a VM of its own is another world. */
	expect_ret(irqfd(vm, other, PIN, 0, 0), 0);
	expect_ret(irqfd(vm_new_irqchip(), new_eventfd(0), PIN, 0, 0), 0);
	/* Not there: nothing to take away, which is no error. */
	expect_ret(irqfd(vm, fd, 9, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	expect_ret(irqfd(vm, fd, PIN, 0, 0), -EBUSY);
	expect_ret(irqfd(vm, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	expect_ret(irqfd(vm, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	expect_ret(irqfd(vm, fd, 8, 0, 0), 0);
}

TEST(irqfd_arguments_are_checked, IRQFD)
{
	struct vm *vm = vm_new_irqchip(), *bare = vm_new_bare();
	int fd = new_eventfd(0), closed = new_eventfd(0);

	close(closed);
	expect_ret(irqfd(vm, closed, PIN, 0, 0), -EBADF);
	expect_ret(irqfd(vm, -1, PIN, 0, 0), -EBADF);
	expect_ret(irqfd(vm, vm->fd, PIN, 0, 0), -EINVAL);
	expect_ret(irqfd(vm, closed, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), -EBADF);
	expect_ret(irqfd(vm, vm->fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), -EINVAL);
	for (unsigned int bit = 2; bit < 32; bit++)
		expect_ret(irqfd(vm, fd, PIN, 1u << bit, 0), -EINVAL);
	expect_ret(irqfd(vm, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, closed), -EBADF);
	expect_ret(irqfd(vm, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, vm->fd), -EINVAL);
	/* Without controllers there are no lines. */
	expect_ret(irqfd(bare, fd, PIN, 0, 0), -EINVAL);
	/* Nothing of all that is left. */
	expect_ret(irqfd(vm, fd, PIN, 0, 0), 0);
}

TEST(irqfd_ends_with_its_eventfd, IRQFD)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	for (unsigned int i = 0; i < 50; i++) {
		int fd = new_eventfd(0);

		expect_ret(irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
		if (i & 1)
			signal_fd(fd);
		close(fd);
	}
	guest_call(vcpu, GUEST_NOP, 0, 0, 0);
}

TEST(irqfd_without_the_pins_in_the_kernel, IRQFD, NEED(KVM_CAP_SPLIT_IRQCHIP), NEED(KVM_CAP_IRQ_ROUTING))
{
	struct vcpu *vcpu = new_split_vcpu();
	struct kvm_irq_routing_entry msi = {
		.gsi = 3, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = 0x66 },
	};
	int fd = new_eventfd(0);

	/* The end of an interrupt on a pin is user space's to see. */
	expect_ret(irqfd(vcpu->vm, fd, 3, KVM_IRQFD_FLAG_RESAMPLE, new_eventfd(0)), -EINVAL);
	expect_ret(set_routes(vcpu->vm, &msi, 1, 1, 0), 0);
	expect_ret(irqfd(vcpu->vm, fd, 3, 0, 0), 0);
	signal_fd(fd);
	take_interrupt(vcpu, 0x66);
}

struct signaller {
	int fd;
	_Atomic int stop;
	_Atomic uint64_t count;
};

static void *signal_always(void *arg)
{
	struct signaller *s = arg;

	while (!atomic_load(&s->stop)) {
		eventfd_write(s->fd, 1);
		atomic_fetch_add(&s->count, 1);
	}
	return NULL;
}

TEST(irqfd_deassigned_while_it_fires, IRQFD, NEED(KVM_CAP_IRQ_ROUTING))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	struct signaller s = { .fd = new_eventfd(0) };
	pthread_t thread;

	ioapic_entry(vcpu, PIN, 0x77);
	expect_eq(pthread_create(&thread, NULL, signal_always, &s), 0);
	for (unsigned int i = 0; i < 100; i++) {
		struct kvm_irq_routing_entry entry = to_pin(PIN, PIN + i % 2);
		uint64_t before = atomic_load(&s.count);

		expect_ret(irqfd(vcpu->vm, s.fd, PIN, 0, 0), 0);
		/* Some of them while it is there. */
		while (i % 10 == 0 && atomic_load(&s.count) < before + 2)
			sched_yield();
		expect_ret(set_routes(vcpu->vm, &entry, 1, 1, 0), 0);
		expect_ret(irqfd(vcpu->vm, s.fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	}
	atomic_store(&s.stop, 1);
	pthread_join(thread, NULL);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	signal_fd(s.fd);
	expect_no_interrupt(vcpu);
}

TEST(irqfd_resamples_when_the_guest_is_done, RESAMPLED)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	int fd = new_eventfd(0), again = new_eventfd(0);

	ioapic_entry(vcpu, PIN, 0x77 | ENTRY_LEVEL);
	expect_ret(irqfd(vcpu->vm, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, again), 0);
	signal_fd(fd);
	wait_interrupt(vcpu, 0x77);
	expect_eq(taken(again), 0);
	lapic_eoi(vcpu);
	expect_eq(taken(again), 1);
	/* It was lowered with that. */
	expect_no_interrupt(vcpu);
	signal_fd(fd);
	wait_interrupt(vcpu, 0x77);
	/* With it goes its level. */
	expect_ret(irqfd(vcpu->vm, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
	expect_eq(taken(again), 0);
}

TEST(irqfds_that_resample_share_a_line, RESAMPLED)
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());
	int fd[2], again[2];

	ioapic_entry(vcpu, PIN, 0x77 | ENTRY_LEVEL);
	for (unsigned int i = 0; i < 2; i++) {
		fd[i] = new_eventfd(0);
		again[i] = new_eventfd(0);
		expect_ret(irqfd(vcpu->vm, fd[i], PIN, KVM_IRQFD_FLAG_RESAMPLE, again[i]), 0);
	}
	signal_fd(fd[0]);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	for (unsigned int i = 0; i < 2; i++)
		expect_eq(taken(again[i]), 1);
	/* A line that user space holds stays high. */
	expect_ret(irq_line(vcpu->vm, PIN, 1), 0);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	wait_interrupt(vcpu, 0x77);
	expect_ret(irq_line(vcpu->vm, PIN, 0), 0);
	lapic_eoi(vcpu);
	expect_no_interrupt(vcpu);
}

/* ---- routing tables ---- */

TEST(routing_table_sizes, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_ROUTING))
{
	static struct kvm_irq_routing_entry entry[ROUTES_MAX + 1];
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	expect_eq(cap(KVM_CAP_IRQ_ROUTING), ROUTES_MAX);
	for (unsigned int i = 0; i < ARRAY_SIZE(entry); i++)
		entry[i] = to_pin(i, PIN);
	ioapic_entry(vcpu, PIN, 0x77);
	expect_ret(set_routes(vcpu->vm, entry, ROUTES_MAX, ROUTES_MAX, 0), 0);
	expect_ret(irq_line_status(vcpu->vm, ROUTES_MAX - 1, 1), 1);
	expect_ret(irq_line(vcpu->vm, ROUTES_MAX - 1, 0), 0);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	/* What is refused leaves the table. */
	expect_ret(set_routes(vcpu->vm, entry, ROUTES_MAX + 1, ROUTES_MAX + 1, 0), -EINVAL);
	expect_ret(set_routes(vcpu->vm, entry, 1, 0x7fffffff, 0), -EINVAL);
	expect_ret(set_routes(vcpu->vm, entry, 1, 0xffffffff, 0), -EINVAL);
	expect_ret(set_routes(vcpu->vm, entry + ROUTES_MAX, 1, 1, 0), -EINVAL);
	expect_ret(set_routes(vcpu->vm, entry, 1, 1, 1), -EINVAL);
	expect_ret(irq_line_status(vcpu->vm, 1000, 1), 1);
	expect_ret(irq_line(vcpu->vm, 1000, 0), 0);
	wait_interrupt(vcpu, 0x77);
	lapic_eoi(vcpu);
	expect_ret(set_routes(vcpu->vm, NULL, 0, 0, 0), 0);
	expect_ret(irq_line_status(vcpu->vm, PIN, 1), -1);
	expect_no_interrupt(vcpu);
}

TEST(routing_entries_are_checked, NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_IRQ_ROUTING))
{
	static const uint32_t types[] = { 0, 3, 6, 0x7fffffff, 0xffffffff };
	struct vm *vm = vm_new_irqchip();
	struct kvm_irq_routing_entry two[2] = { to_pin(5, 5), to_pin(6, 6) };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		two[1].type = types[i];
		expect_ret(set_routes(vm, two, 2, 2, 0), -EINVAL);
	}
	two[1] = to_pin(6, 6);
	two[1].flags = 1;
	expect_ret(set_routes(vm, two, 2, 2, 0), -EINVAL);
	/* A line may lead to one pin of each chip, and to no message besides. */
	two[1] = to_pin(5, 6);
	expect_ret(set_routes(vm, two, 2, 2, 0), -EINVAL);
	two[1] = (struct kvm_irq_routing_entry) { .gsi = 5, .type = KVM_IRQ_ROUTING_MSI };
	expect_ret(set_routes(vm, two, 2, 2, 0), -EINVAL);
	/* The first table is still there. */
	expect_ret(irq_line(vm, 23, 1), 0);
	expect_eq(get_chip(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr, 1 << 23);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, 0L), -EFAULT);
}
