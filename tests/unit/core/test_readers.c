// SPDX-License-Identifier: GPL-2.0-only
/*
 * What readers without a lock look at stays until they are done: slots, buses, routes.  A writer is
 * sent on its way at the moment a reader has got hold of the old state, and must wait.
 */
#include "lib.h"

#define MMIO	0x10000000
#define OTHER	0x40000000UL

static struct race {
	struct machine *m;
	const void *where;		/* the pointer the reader goes by */
	void (*change)(struct machine *m);
	struct task_struct *reader;
	struct host_thread *writer;
	bool changed;
} race;

static void writer(void *arg)
{
	race.change(race.m);
	smp_store_release(&race.changed, true);
}

static void reader_has_it(const void *where)
{
	if (where != race.where || current != race.reader)
		return;
	host_on_dereference = NULL;
	race.writer = host_thread(writer, NULL);
	while (!smp_load_acquire(&race.changed) && !host_waits_for_readers())
		cpu_relax();
	CHECK(!smp_load_acquire(&race.changed));
}

static struct berth_vm *vm_of(struct machine *m)
{
	struct file *file = fget(m->vm);
	struct berth_vm *vm = file->private_data;

	fput(file);
	return vm;
}

static void race_begin(struct machine *m, const void *where, void (*change)(struct machine *m))
{
	race = (struct race) { .m = m, .where = where, .change = change, .reader = current };
	host_on_dereference = reader_has_it;
}

static void race_end(void)
{
	CHECK(race.writer);
	if (race.writer)
		host_join(race.writer);
	host_on_dereference = NULL;
	CHECK(race.changed);
}

static void delete_slot(struct machine *m)
{
	CHECK_EQ(machine_slot(m, 1, 0, 0, 0, 0), 0);
}

static void fault_keeps_its_slot(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(machine_slot(&m, 1, OTHER, 4, m.ram + 0x10000, 0), 0);
	PROGRAM(&m, CODE, I_SET(1, 7), I_BNE(2, 0, 2), I_HALT, I_STORE(1, 0, 8, OTHER), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	reg_set(&m, 0, 2, 1);
	race_begin(&m, &vm_of(&m)->slots, delete_slot);
	/* Either comes first; what was mapped is gone in the end. */
	run_at(&m, 0, CODE);
	race_end();
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	machine_free(&m);
}

static void zone(struct machine *m, unsigned int cmd)
{
	struct kvm_coalesced_mmio_zone args = { .addr = MMIO, .size = 8 };

	CHECK_EQ(HOST_IOCTL(m->vm, cmd, &args), 0);
}

static void remove_zone(struct machine *m)
{
	zone(m, KVM_UNREGISTER_COALESCED_MMIO);
}

static void store_keeps_its_bus(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	zone(&m, KVM_REGISTER_COALESCED_MMIO);
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, MMIO), I_HALT);
	race_begin(&m, &vm_of(&m)->bus[BERTH_MMIO_BUS], remove_zone);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	race_end();
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	machine_free(&m);
}

static void remove_routes(struct machine *m)
{
	struct kvm_irq_routing none = { };

	CHECK_EQ(HOST_IOCTL(m->vm, KVM_SET_GSI_ROUTING, &none), 0);
}

static void line_keeps_its_routes(void)
{
	struct kvm_irq_level level = { .irq = 5, .level = 1 };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	race_begin(&m, &vm_of(&m)->routes, remove_routes);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_IRQ_LINE, &level), 0);
	race_end();
	CHECK_EQ(reg_get(&m, 0, TOY_PENDING), BIT_ULL(5));
	machine_free(&m);
}

static int irqfd, resamplefd;

static long set_irqfd(struct machine *m, u32 flags)
{
	struct kvm_irqfd args = {
		.fd = irqfd, .gsi = 40, .flags = flags, .resamplefd = resamplefd,
	};

	return HOST_IOCTL(m->vm, KVM_IRQFD, &args);
}

static void remove_irqfd(struct machine *m)
{
	CHECK_EQ(set_irqfd(m, KVM_IRQFD_FLAG_DEASSIGN), 0);
}

static void acknowledgement_keeps_its_listeners(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	irqfd = host_eventfd(0);
	resamplefd = host_eventfd(0);
	CHECK_EQ(set_irqfd(&m, KVM_IRQFD_FLAG_RESAMPLE), 0);
	PROGRAM(&m, CODE, I_DONE(40), I_CALL(16));
	race_begin(&m, &vm_of(&m)->routes, remove_irqfd);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HYPERCALL);
	race_end();
	machine_free(&m);
	host_close(irqfd);
	host_close(resamplefd);
}

static const struct test tests[] = {
	TEST(fault_keeps_its_slot),
	TEST(store_keeps_its_bus),
	TEST(line_keeps_its_routes),
	TEST(acknowledgement_keeps_its_listeners),
};

int main(void)
{
	return RUN_TESTS(tests);
}
