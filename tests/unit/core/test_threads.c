// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that do anything to one VM at the same time: run its vCPUs, change its slots, buses, routes
 * and irqfds, take its logs, make and close files, while memory moves below.  The sanitizers and the
 * host layer judge, and what is left in the end.
 */
#include "lib.h"

#define THREADS	4U
#define STEPS	1000
#define MMIO	0x10000000
#define OTHER	0x40000000UL

struct crew {
	struct machine *m;
	unsigned int id;
	unsigned long long seed;
	unsigned long more;		/* user memory of slots */
	int eventfd[2];
	struct host_thread *thread;
	bool running;			/* in KVM_RUN */
	struct kvm_dirty_gfn *ring;	/* of its vCPU; NULL: the log is in bitmaps */
	unsigned int ring_at;
};

static struct crew crew[THREADS];
static atomic_t working;

static u64 any(struct crew *c, u64 below)
{
	return rnd(&c->seed, below);
}

static void do_run(struct crew *c)
{
	WRITE_ONCE(c->running, true);
	run_vcpu(c->m, c->id);
	WRITE_ONCE(c->running, false);
	host_unkill(current, SIGUSR1);
}

static void do_slot(struct crew *c)
{
	unsigned int id = 1 + any(c, 3);

	machine_slot(c->m, id, OTHER * id + any(c, 2) * 0x10000, any(c, 3) ? 16 : 0,
		     c->more + id * 0x10000, any(c, 2) ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

#define RING_ENTRIES	(PAGE_SIZE / sizeof(struct kvm_dirty_gfn))

static void do_ring(struct crew *c)
{
	struct kvm_dirty_gfn *entry = &c->ring[c->ring_at % RING_ENTRIES];

	while (smp_load_acquire(&entry->flags) == KVM_DIRTY_GFN_F_DIRTY) {
		CHECK(READ_ONCE(entry->slot) < 4);
		smp_store_release(&entry->flags, KVM_DIRTY_GFN_F_RESET);
		entry = &c->ring[++c->ring_at % RING_ENTRIES];
	}
	CHECK(HOST_IOCTL(c->m->vm, KVM_RESET_DIRTY_RINGS, 0) >= 0);
}

static void do_log(struct crew *c)
{
	unsigned long bits[RAM_PAGES / 64];
	struct kvm_dirty_log log = { .slot = any(c, 4), .dirty_bitmap = bits };

	if (any(c, 2))
		machine_slot(c->m, 0, 0, RAM_PAGES, c->m->ram,
			     any(c, 2) ? KVM_MEM_LOG_DIRTY_PAGES : 0);
	if (c->ring)
		do_ring(c);
	else
		HOST_IOCTL(c->m->vm, KVM_GET_DIRTY_LOG, &log);
}

static void do_bus(struct crew *c)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = MMIO + any(c, 4) * 8, .size = 8 };
	struct kvm_ioeventfd eventfd = {
		.fd = c->eventfd[0], .addr = MMIO + any(c, 4) * 8, .len = 8,
		.flags = any(c, 2) ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0,
	};

	if (any(c, 2))
		HOST_IOCTL(c->m->vm, KVM_IOEVENTFD, &eventfd);
	else
		HOST_IOCTL(c->m->vm, any(c, 2) ? KVM_REGISTER_COALESCED_MMIO :
			   KVM_UNREGISTER_COALESCED_MMIO, &zone);
}

static void do_irqfd(struct crew *c)
{
	struct kvm_irqfd args = {
		.fd = c->eventfd[1], .gsi = 30 + any(c, 4), .resamplefd = c->eventfd[0],
		.flags = any(c, 2) ? KVM_IRQFD_FLAG_DEASSIGN :
			 any(c, 2) ? KVM_IRQFD_FLAG_RESAMPLE : 0,
	};

	HOST_IOCTL(c->m->vm, KVM_IRQFD, &args);
	host_eventfd_write(crew[any(c, THREADS)].eventfd[1]);
}

static void do_routes(struct crew *c)
{
	struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry entry[2]; } args = {
		.head.nr = 1 + any(c, 2),
		.entry = {
			{ .gsi = 30 + any(c, 2), .type = KVM_IRQ_ROUTING_IRQCHIP,
			  .u.irqchip = { any(c, 2), any(c, TOY_PINS) } },
			{ .gsi = 32, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .data = any(c, 64) } },
		},
	};
	struct kvm_irq_level level = { .irq = 30 + any(c, 4), .level = any(c, 2) };

	if (!any(c, 4))
		HOST_IOCTL(c->m->vm, KVM_SET_GSI_ROUTING, &args);
	else
		HOST_IOCTL(c->m->vm, KVM_IRQ_LINE, &level);
}

static void do_interrupt(struct crew *c)
{
	struct kvm_interrupt args = { .irq = any(c, 64) };

	HOST_IOCTL(c->m->vcpu[any(c, THREADS)], KVM_INTERRUPT, &args);
}

static void do_files(struct crew *c)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };
	char bytes[512];
	loff_t pos = 0;
	int fd;

	switch (any(c, 3)) {
	case 0:
		fd = HOST_IOCTL(c->m->vcpu[c->id], KVM_GET_STATS_FD, 0);
		break;
	case 1:
		fd = HOST_IOCTL(c->m->vm, KVM_CREATE_VCPU, THREADS + any(c, 60));
		break;
	default:
		fd = any(c, 8) || HOST_IOCTL(c->m->vm, KVM_CREATE_DEVICE, &create) ? -1 :
										     (int)create.fd;
	}
	if (fd < 0)
		return;
	host_read(fd, bytes, sizeof(bytes), &pos);
	host_close(fd);
}

static void do_memory(struct crew *c)
{
	unsigned long page = (any(c, 2) ? c->m->ram : c->more) + (any(c, 64) << PAGE_SHIFT);

	switch (any(c, 4)) {
	case 0:
		host_migrate(page);
		break;
	case 1:
		host_write_protect(page, 1 + any(c, 8));
		break;
	case 2:
		host_age(page, 8, any(c, 3));
		break;
	default:
		host_zap(c->more + (any(c, 64) << PAGE_SHIFT), 1 + any(c, 8));
	}
}

static void do_pre_fault(struct crew *c)
{
	struct kvm_pre_fault_memory args = { .gpa = OTHER * (1 + any(c, 3)), .size = 0x8000 };

	HOST_IOCTL(c->m->vcpu[c->id], KVM_PRE_FAULT_MEMORY, &args);
}

static void member(void *arg)
{
	static void (*const deeds[])(struct crew *c) = {
		do_run, do_run, do_run, do_slot, do_log, do_bus, do_irqfd, do_routes, do_interrupt,
		do_files, do_memory, do_pre_fault,
	};
	struct crew *c = arg;
	unsigned int i;

	for (i = 0; i < STEPS; i++)
		deeds[any(c, ARRAY_SIZE(deeds))](c);
	atomic_dec(&working);
}

/* Ends what runs for long. */
static void conductor(void *arg)
{
	unsigned long long seed = test_seed();
	struct crew *c;

	while (atomic_read(&working)) {
		c = &crew[rnd(&seed, THREADS)];
		if (!rnd(&seed, 8) && READ_ONCE(c->running))
			host_kill(host_task(c->thread), SIGUSR1);
		else if (!rnd(&seed, 8))
			host_resched(host_task(c->thread));
		cpu_relax();
	}
}

/* Touches RAM, all slots and the devices, halts now and then. */
static void load_guest(struct machine *m, unsigned int vcpu)
{
	PROGRAM(m, CODE + vcpu * 0x200, I_INTS(0), I_ADD(1, 1, 0, 1),
		I_STORE(1, 0, 8, 0x20000 + vcpu * 8), I_STORE(1, 0, 8, MMIO),
		I_STORE(1, 0, 8, MMIO + 8), I_STORE(1, 0, 8, OTHER), I_HIGH(2, 0, 0),
		I_LOAD(3, 2, 8, OTHER + 0x3000), I_ADD(2, 2, 0, OTHER), I_STORE(1, 2, 8, OTHER),
		I_DONE(40), I_OUT(1, 4, 0x80), I_BNE(1, 0, -12), I_HALT);
	reg_set(m, vcpu, TOY_PC, CODE + vcpu * 0x200);
}

static void do_anything(bool rings)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { PAGE_SIZE },
	};
	unsigned long long seed = test_seed();
	struct host_thread *t;
	struct machine m;
	unsigned long more;
	unsigned int i;

	machine_make(&m, seed & 2 ? TOY_STRICT : TOY_PLAIN, 0);
	if (rings)
		CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), 0);
	machine_vcpus(&m, THREADS);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_IRQCHIP, 0), 0);
	more = host_map(HOST_HUGE_PAGES, VM_READ | VM_WRITE);
	for (i = 0; i < THREADS; i++) {
		load_guest(&m, i);
		crew[i] = (struct crew) {
			.m = &m, .id = i, .seed = seed + i + 1, .more = more,
			.eventfd = { host_eventfd(0), host_eventfd(0) },
			.ring = rings ? host_page(m.vcpu[i], TOY_DIRTY_RING_PAGE) : NULL,
		};
	}
	atomic_set(&working, THREADS);
	for (i = 0; i < THREADS; i++)
		crew[i].thread = host_thread(member, &crew[i]);
	t = host_thread(conductor, NULL);
	host_join(t);
	for (i = 0; i < THREADS; i++)
		host_join(crew[i].thread);
	for (i = 0; i < THREADS; i++)
		CHECK(ram_read(&m, 0x20000 + i * 8));
	/* It still works. */
	if (rings)
		for (i = 0; i < THREADS; i++)
			do_ring(&crew[i]);
	PROGRAM(&m, CODE, I_SET(1, 77), I_CALL(16));
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HYPERCALL);
	CHECK_EQ(reg_get(&m, 0, 1), 77);
	for (i = 0; rings && i < THREADS; i++)
		host_unmap_page(crew[i].ring);
	machine_free(&m);
	for (i = 0; i < THREADS; i++) {
		host_close(crew[i].eventfd[0]);
		host_close(crew[i].eventfd[1]);
	}
	host_unmap(more, HOST_HUGE_PAGES);
}

static void threads_do_anything(void)
{
	do_anything(false);
	do_anything(true);
}

static const struct test tests[] = {
	TEST(threads_do_anything),
};

int main(void)
{
	return RUN_TESTS(tests);
}
