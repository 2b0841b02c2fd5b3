// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory below a running guest: the dirty log in both forms, huge pages, frames of a device,
 * and vCPUs that work while pages move, are protected, merged and aged.
 */
#include "lib.h"
#include <stdlib.h>

#define MMIO		0x10000000
#define HUGE		0x40000000UL		/* guest-physical */
#define FIRST_PAGE	16UL			/* where work begins in RAM */

static long log_ram(struct machine *m, bool on)
{
	return machine_slot(m, 0, 0, RAM_PAGES, m->ram, on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

static long get_log(struct machine *m, u32 slot, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return HOST_IOCTL(m->vm, KVM_GET_DIRTY_LOG, &log);
}

static long clear_log(struct machine *m, u32 slot, u64 first, u32 num, void *bitmap)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot, .first_page = first, .num_pages = num, .dirty_bitmap = bitmap,
	};

	return HOST_IOCTL(m->vm, KVM_CLEAR_DIRTY_LOG, &log);
}

/* Stores r1 to pages 16, 20 and 81, then leaves. */
static void load_three_stores(struct machine *m)
{
	PROGRAM(m, CODE, I_STORE(1, 0, 8, 16 << 12), I_STORE(1, 0, 8, 20 << 12),
		I_STORE(1, 0, 8, 81 << 12), I_HALT);
}

static bool only_three(const unsigned long *log)
{
	unsigned int i;

	for (i = 2; i < RAM_PAGES / 64; i++)
		if (log[i])
			return false;
	return log[0] == (BIT(16) | BIT(20)) && log[1] == BIT(17);
}

static void log_has_what_was_written(void)
{
	unsigned long log[RAM_PAGES / 64], type;
	struct machine m;
	unsigned int i;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++) {
		machine_make(&m, type, 1);
		load_three_stores(&m);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK_EQ(get_log(&m, 0, log), -ENOENT);
		CHECK_EQ(get_log(&m, BERTH_USER_SLOTS, log), -EINVAL);
		CHECK_EQ(log_ram(&m, true), 0);
		/* Twice: taking the log protects the pages again. */
		for (i = 0; i < 2; i++) {
			CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
			CHECK_EQ(get_log(&m, 0, log), 0);
			CHECK(only_three(log));
			CHECK_EQ(get_log(&m, 0, log), 0);
			CHECK(!log[0] && !log[1]);
		}
		CHECK_EQ(get_log(&m, 0, NULL), -EFAULT);
		/* The kernel's own writes count. */
		PROGRAM(&m, CODE, I_SET(2, 30 << 12), I_CALL(TOY_CALL_WRITE), I_HALT);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK_EQ(get_log(&m, 0, log), 0);
		CHECK_EQ(log[0], BIT(30));
		CHECK_EQ(log_ram(&m, false), 0);
		CHECK_EQ(get_log(&m, 0, log), -ENOENT);
		machine_free(&m);
	}
}

/* A load maps the page, but not for stores: those are to be logged. */
static void store_after_a_load_is_logged(void)
{
	unsigned long log[RAM_PAGES / 64], type;
	struct machine m;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++) {
		machine_make(&m, type, 1);
		/* The host has a page that can be written; the end of a log takes the guest's mapping. */
		PROGRAM(&m, CODE, I_STORE(1, 0, 8, 20 << 12), I_HALT);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK_EQ(log_ram(&m, true), 0);
		CHECK_EQ(log_ram(&m, false), 0);
		CHECK_EQ(log_ram(&m, true), 0);
		PROGRAM(&m, CODE, I_LOAD(1, 0, 8, 20 << 12), I_HALT);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK_EQ(get_log(&m, 0, log), 0);
		CHECK_EQ(log[0] & BIT(20), 0);
		PROGRAM(&m, CODE, I_STORE(1, 0, 8, 20 << 12), I_HALT);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK_EQ(get_log(&m, 0, log), 0);
		CHECK_EQ(log[0] & BIT(20), BIT(20));
		machine_free(&m);
	}
}

static void manual_log_is_cleared_on_demand(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 };
	unsigned long log[RAM_PAGES / 64], take[RAM_PAGES / 64] = { };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	cap.args[0] = KVM_DIRTY_LOG_INITIALLY_SET;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.args[0] |= KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), 0);
	load_three_stores(&m);
	CHECK_EQ(log_ram(&m, true), 0);
	CHECK_EQ(get_log(&m, 0, log), 0);
	CHECK(!~log[0] && !~log[RAM_PAGES / 64 - 1]);
	CHECK_EQ(clear_log(&m, 0, 0, RAM_PAGES, log), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(get_log(&m, 0, log), 0);
	CHECK(only_three(log));
	/* Only what is named goes. */
	take[0] = BIT(20) | BIT(21);
	CHECK_EQ(clear_log(&m, 0, 0, 64, take), 0);
	CHECK_EQ(get_log(&m, 0, log), 0);
	CHECK_EQ(log[0], BIT(16));
	CHECK_EQ(log[1], BIT(17));
	take[0] = ~0UL;
	CHECK_EQ(clear_log(&m, 0, 64, 64, take), 0);
	CHECK_EQ(get_log(&m, 0, log), 0);
	CHECK_EQ(log[1], 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(get_log(&m, 0, log), 0);
	CHECK(only_three(log));

	CHECK_EQ(clear_log(&m, 0, 1, 64, take), -EINVAL);
	CHECK_EQ(clear_log(&m, 0, 0, 63, take), -EINVAL);
	CHECK_EQ(clear_log(&m, 0, 0, RAM_PAGES + 64, take), -EINVAL);
	CHECK_EQ(clear_log(&m, 0, RAM_PAGES + 64, 0, take), -EINVAL);
	CHECK_EQ(clear_log(&m, BERTH_USER_SLOTS, 0, 64, take), -EINVAL);
	CHECK_EQ(clear_log(&m, 3, 0, 64, take), -ENOENT);
	CHECK_EQ(clear_log(&m, 0, 0, 64, NULL), -EFAULT);
	/* A slot whose size is no multiple of 64 ends inside a word. */
	CHECK_EQ(machine_slot(&m, 2, HUGE, 70, m.ram, KVM_MEM_LOG_DIRTY_PAGES), 0);
	CHECK_EQ(clear_log(&m, 2, 64, 6, take), 0);
	CHECK_EQ(get_log(&m, 2, log), 0);
	CHECK_EQ(log[1], 0);
	machine_free(&m);
}

/* ---- rings ---- */

#define RING_ENTRIES	256U

/* Takes what there is from entry @at on; where it ended. */
static unsigned int collect(struct kvm_dirty_gfn *ring, unsigned int at, bool *found)
{
	for (; ring[at % RING_ENTRIES].flags == KVM_DIRTY_GFN_F_DIRTY; at++) {
		HOST_BUG_ON(ring[at % RING_ENTRIES].offset >= RAM_PAGES);
		found[ring[at % RING_ENTRIES].offset] = true;
		ring[at % RING_ENTRIES].flags = KVM_DIRTY_GFN_F_RESET;
	}
	return at;
}

static void rings_have_what_was_written(void)
{
	bool found[RAM_PAGES] = { };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL };
	struct kvm_dirty_gfn *ring;
	unsigned long log[RAM_PAGES / 64];
	unsigned int i, seen;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 0);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CHECK_EXTENSION, cap.cap), 65536 * 16);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_RESET_DIRTY_RINGS, 0), -EINVAL);
	cap.args[0] = 1000;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.args[0] = 65536 * 32;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -E2BIG);
	cap.args[0] = RING_ENTRIES * sizeof(*ring);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), 0);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	m.vcpu[0] = HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 0);
	m.run[0] = host_page(m.vcpu[0], 0);
	m.nr_vcpus = 1;
	ring = host_page(m.vcpu[0], TOY_DIRTY_RING_PAGE);
	CHECK(ring);
	CHECK(!host_page(m.vcpu[0], TOY_DIRTY_RING_PAGE + 1));
	CHECK_EQ(host_mmap_flags(m.vcpu[0], TOY_DIRTY_RING_PAGE, 1, VM_READ), -EINVAL);
	CHECK_EQ(host_mmap_flags(m.vcpu[0], TOY_DIRTY_RING_PAGE, 1, VM_SHARED | VM_EXEC), -EINVAL);
	CHECK_EQ(log_ram(&m, true), 0);
	CHECK_EQ(get_log(&m, 0, log), -ENXIO);
	CHECK_EQ(clear_log(&m, 0, 0, 64, log), -ENXIO);
	load_three_stores(&m);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(ring[0].offset, 16);
	CHECK_EQ(ring[1].offset, 20);
	CHECK_EQ(ring[2].offset, 81);
	CHECK_EQ(ring[3].flags, 0);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(ring[i].flags, KVM_DIRTY_GFN_F_DIRTY);
		ring[i].flags = KVM_DIRTY_GFN_F_RESET;
	}
	/* User space may write anything into what it hands back. */
	ring[1].slot = 0x7fffffff;
	ring[2].offset = ~0ULL;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_RESET_DIRTY_RINGS, 0), 3);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(ring[3].offset, 16);
	CHECK_EQ(ring[4].flags, 0);

	/* Full: the guest stops until user space has collected, and loses nothing. */
	PROGRAM(&m, CODE, I_SET(1, 0), I_SET(2, FIRST_PAGE << 12), I_SET(3, (int)(RAM_PAGES << 12)),
		I_STORE(1, 2, 8, 0), I_ADD(2, 2, 0, 4096), I_BNE(2, 3, -2), I_CALL(16));
	reg_set(&m, 0, TOY_PC, CODE);
	for (seen = 3; run_vcpu(&m, 0) == KVM_EXIT_DIRTY_RING_FULL; ) {
		CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_DIRTY_RING_FULL);
		seen = collect(ring, seen, found);
		CHECK(HOST_IOCTL(m.vm, KVM_RESET_DIRTY_RINGS, 0) > 100);
	}
	CHECK_EQ(m.run[0]->exit_reason, KVM_EXIT_HYPERCALL);
	collect(ring, seen, found);
	/* Those that were handed back as something else are still known as written. */
	for (i = FIRST_PAGE; i < RAM_PAGES; i++)
		test_check(found[i] || i == 20 || i == 81, "page %u is in no ring", i);
	host_unmap_page(ring);
	machine_free(&m);
}

/* ---- large pages, device frames, other ways in ---- */

static void huge_pages_are_mapped_whole(void)
{
	unsigned long bitmap[8], type;
	struct machine m;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++) {
		machine_make(&m, type, 1);
		host_make_huge(m.ram);
		CHECK_EQ(machine_slot(&m, 0, 0, 0, 0, 0), 0);
		CHECK_EQ(machine_slot(&m, 0, 0, 1, m.ram, 0), 0);
		CHECK_EQ(machine_slot(&m, 1, HUGE, RAM_PAGES, m.ram, 0), 0);
		PROGRAM(&m, 0, I_HIGH(2, 0, 0), I_STORE(1, 2, 8, HUGE + 0x3000),
			I_STORE(1, 2, 8, HUGE + 0x1ff000), I_HALT);
		CHECK_EQ(run_at(&m, 0, 0), KVM_EXIT_HLT);
		CHECK_EQ(stat_of(m.vm, "pages_2m"), type == TOY_STRICT ? 2 : 1);
		CHECK_EQ(stat_of(m.vm, "pages_4k"), 1);
		/* Logging splits it, the end of logging lets it come back. */
		CHECK_EQ(machine_slot(&m, 1, HUGE, RAM_PAGES, m.ram, KVM_MEM_LOG_DIRTY_PAGES), 0);
		CHECK_EQ(run_at(&m, 0, 0), KVM_EXIT_HLT);
		CHECK_EQ(get_log(&m, 1, bitmap), 0);
		CHECK_EQ(bitmap[0], BIT(3));
		CHECK_EQ(bitmap[7], BIT(63));
		CHECK_EQ(stat_of(m.vm, "pages_2m"), 0);
		CHECK_EQ(machine_slot(&m, 1, HUGE, RAM_PAGES, m.ram, 0), 0);
		CHECK_EQ(run_at(&m, 0, 0), KVM_EXIT_HLT);
		CHECK(stat_of(m.vm, "pages_2m") >= 1);
		/* A page of it that moves takes it apart; made whole, a fault joins it again. */
		host_migrate(m.ram + 0x3000);
		CHECK_EQ(run_at(&m, 0, 0), KVM_EXIT_HLT);
		host_make_huge(m.ram);
		CHECK_EQ(run_at(&m, 0, 0), KVM_EXIT_HLT);
		CHECK(stat_of(m.vm, "pages_2m") >= 1);
		machine_free(&m);
	}
}

static void device_frames_are_mapped_as_they_are(void)
{
	void *frames = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);
	unsigned long hva = host_map_frames(frames, 2, VM_READ | VM_WRITE);
	struct machine m;

	memset(frames, 0, 2 * PAGE_SIZE);
	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(machine_slot(&m, 1, HUGE, 2, hva, 0), 0);
	PROGRAM(&m, CODE, I_SET(1, 77), I_LOAD(2, 0, 8, HUGE + 0x1000), I_HALT);
	PROGRAM(&m, CODE + 0x100, I_SET(1, 77), I_STORE(1, 0, 8, HUGE + 0x1008), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(run_at(&m, 0, CODE + 0x100), -EFAULT);
	host_frames_ready(hva, true);
	CHECK_EQ(run_at(&m, 0, CODE + 0x100), KVM_EXIT_HLT);
	CHECK_EQ(((u64 *)frames)[513], 77);
	machine_free(&m);
	host_unmap(hva, 2);
	free(frames);
}

static void pages_are_faulted_in_ahead(void)
{
	struct kvm_pre_fault_memory args = { .gpa = 0x10000, .size = 0x8000 };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args), 0);
	CHECK_EQ(args.gpa, 0x18000);
	CHECK_EQ(args.size, 0);
	CHECK_EQ(stat_of(m.vm, "pages_4k"), 8);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args), -EINVAL);
	args = (struct kvm_pre_fault_memory) { .gpa = (RAM_PAGES - 1) << 12, .size = 0x2000 };
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args), 0);
	CHECK_EQ(args.size, 0x1000);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args), -ENOENT);
	args.flags = 1;
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args), -EINVAL);
	machine_free(&m);
}

static void pages_age(void)
{
	unsigned long type, page = FIRST_PAGE << 12;
	struct machine m;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++) {
		machine_make(&m, type, 1);
		load_three_stores(&m);
		CHECK(!host_age(m.ram + page, 1, HOST_TEST_YOUNG));
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK(host_user_page(m.ram + page)->accessed);
		CHECK(host_user_page(m.ram + page)->dirty);
		CHECK(host_age(m.ram + page, 1, HOST_TEST_YOUNG));
		CHECK(host_age(m.ram + page, 1, HOST_CLEAR_FLUSH_YOUNG));
		CHECK(!host_age(m.ram + page, 1, HOST_TEST_YOUNG));
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK(host_age(m.ram + page, 1, HOST_CLEAR_YOUNG));
		CHECK(!host_age(m.ram + page, 1, HOST_CLEAR_YOUNG));
		machine_free(&m);
	}
}

/* The fault has found the page; the signal ends its waiting. */
static void signal_self(unsigned long address)
{
	host_kill(current, SIGUSR1);
}

/* It waits, lets others have the processor, and goes on at the end. */
static unsigned long waited_for;
static unsigned int waits;

static void end_at_last(unsigned long address)
{
	if (++waits == 3)
		set_thread_flag(TIF_NEED_RESCHED);
	if (waits == 6) {
		CHECK(!need_resched());
		host_invalidate(waited_for, waited_for + PAGE_SIZE, false);
	}
}

static void waiting_fault_gives_the_processor_away(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	load_three_stores(&m);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	waited_for = m.ram + (16 << 12);
	waits = 0;
	host_invalidate(waited_for, waited_for + PAGE_SIZE, true);
	host_on_page = end_at_last;
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	host_on_page = NULL;
	CHECK(waits >= 6);
	machine_free(&m);
}

/* A fault waits for the end of an invalidation of its page, not of another. */
static void faults_wait_for_invalidations(void)
{
	struct machine m;
	u64 mapped;

	machine_make(&m, TOY_PLAIN, 1);
	load_three_stores(&m);
	host_invalidate(m.ram + (40 << 12), m.ram + (41 << 12), true);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	host_invalidate(m.ram + (16 << 12), m.ram + (17 << 12), true);
	mapped = stat_of(m.vm, "pages_4k");
	host_on_page = signal_self;
	CHECK_EQ(run_at(&m, 0, CODE), -EINTR);
	host_on_page = NULL;
	CHECK_EQ(stat_of(m.vm, "pages_4k"), mapped);
	host_unkill(current, SIGUSR1);
	host_invalidate(m.ram + (16 << 12), m.ram + (17 << 12), false);
	host_invalidate(m.ram + (40 << 12), m.ram + (41 << 12), false);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	machine_free(&m);
}

/* What happens to the page between its being found and its being mapped. */
static void (*worst)(unsigned long address);
static unsigned int worst_times;

static void worst_moment(unsigned long address)
{
	if (worst_times && worst_times--)
		worst(address & PAGE_MASK);
}

static void lose(unsigned long address)
{
	host_zap(address, 1);
}

static void protect(unsigned long address)
{
	host_write_protect(address, 1);
}

static void fault_that_lost_its_page_starts_over(void)
{
	static void (*const ways[])(unsigned long) = { host_migrate, lose, protect };
	unsigned long type, i;
	struct machine m;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++)
		for (i = 0; i < ARRAY_SIZE(ways); i++) {
			machine_make(&m, type, 1);
			PROGRAM(&m, CODE, I_SET(1, 7), I_STORE(1, 0, 8, 16 << 12), I_HALT);
			/* The code is mapped, the page is not. */
			CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
			host_zap(m.ram + (16 << 12), 1);
			worst = ways[i];
			worst_times = 3;
			host_on_page = worst_moment;
			CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
			host_on_page = NULL;
			CHECK_EQ(worst_times, 0);
			CHECK_EQ(ram_read(&m, 16 << 12), 7);
			machine_free(&m);
		}
}

/* Tables of the lowest level that are more than is done in one go. */
#define MANY_TABLES	80UL
#define MANY_PAGES	(MANY_TABLES * 512)

/* How often the VM's second stage was locked for writing. */
static unsigned long s2_writes(struct machine *m)
{
	struct file *file = fget(m->vm);
	struct berth_vm *vm = file->private_data;

	fput(file);
	return vm->s2.lock.l.writes;
}

static void long_work_gives_the_processor_away(void)
{
	struct kvm_pre_fault_memory args;
	unsigned long *log = calloc(MANY_PAGES / 64, sizeof(*log)), hva, i, writes;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	hva = host_map(MANY_PAGES, VM_READ | VM_WRITE);
	for (i = 0; i < 2; i++) {
		unsigned long at;

		CHECK_EQ(machine_slot(&m, 1, HUGE, MANY_PAGES, hva, 0), 0);
		for (at = 0; at < MANY_PAGES; at += 512) {
			args = (struct kvm_pre_fault_memory){ .gpa = HUGE + (at << 12),
							      .size = 4096 };
			CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args), 0);
		}
		CHECK_EQ(stat_of(m.vm, "pages_4k"), MANY_TABLES);
		writes = s2_writes(&m);
		CHECK_EQ(machine_slot(&m, 1, HUGE, MANY_PAGES, hva, KVM_MEM_LOG_DIRTY_PAGES), 0);
		/* Two are for the index of user addresses, one would be for all of the pages. */
		CHECK(s2_writes(&m) - writes > 3);
		set_thread_flag(TIF_NEED_RESCHED);
		CHECK_EQ(get_log(&m, 1, log), 0);
		CHECK(!need_resched());
		set_thread_flag(TIF_NEED_RESCHED);
		if (!i)
			CHECK_EQ(machine_slot(&m, 1, 0, 0, 0, 0), 0);
		else
			machine_free(&m);
		CHECK(!need_resched());
	}
	host_unmap(hva, MANY_PAGES);
	free(log);
}

/* ---- everything at once ---- */

#define WORKERS	3U
#define WORK	64UL		/* pages */

struct work {
	struct machine *m;
	unsigned int vcpu;
	bool done;
};

/*
 * Each vCPU adds 1 to its own counter in every page of the work r4 times over; its code is in a page
 * of its own.
 */
static void load_worker(struct machine *m, unsigned int vcpu, u64 rounds)
{
	u64 code = CODE + vcpu * 0x1000;

	PROGRAM(m, code, I_SET(2, FIRST_PAGE << 12), I_SET(3, (FIRST_PAGE + WORK) << 12),
		I_LOAD(1, 2, 8, vcpu * 8), I_ADD(1, 1, 0, 1), I_STORE(1, 2, 8, vcpu * 8),
		I_ADD(2, 2, 0, 4096), I_BNE(2, 3, -4), I_ADD(4, 4, 0, -1), I_BNE(4, 0, -8),
		I_CALL(16));
	reg_set(m, vcpu, 4, rounds);
	reg_set(m, vcpu, TOY_PC, code);
}

static void worker(void *arg)
{
	struct work *w = arg;

	CHECK_EQ(run_vcpu(w->m, w->vcpu), KVM_EXIT_HYPERCALL);
	smp_store_release(&w->done, true);
}

static void harvest(struct machine *m, u64 *copy)
{
	unsigned long log[RAM_PAGES / 64], i, v;

	CHECK_EQ(get_log(m, 0, log), 0);
	for (i = FIRST_PAGE; i < FIRST_PAGE + WORK; i++)
		if (log[i / 64] & BIT(i % 64))
			for (v = 0; v < WORKERS; v++)
				copy[(i - FIRST_PAGE) * WORKERS + v] =
					ram_read(m, (i << 12) + v * 8);
}

static void disturb(struct machine *m, unsigned long long *seed, u64 *copy)
{
	unsigned long page = m->ram + ((FIRST_PAGE + rnd(seed, WORK)) << 12);

	switch (rnd(seed, 7)) {
	case 0:
	case 1:
		host_migrate(page);
		break;
	case 2:
		host_write_protect(page, 1 + rnd(seed, 8));
		break;
	case 3:
		host_age(page, 8, rnd(seed, 3));
		break;
	case 4:
		if (!rnd(seed, 8))
			host_make_huge(m->ram);
		break;
	case 5:
		machine_slot(m, 1, HUGE, 4, m->ram, 0);
		machine_slot(m, 1, 0, 0, 0, 0);
		break;
	default:
		harvest(m, copy);
	}
}

static void no_write_is_lost(void)
{
	unsigned long long seed = test_seed();
	struct host_thread *t[WORKERS];
	struct work work[WORKERS];
	unsigned int i, rounds = 5000, type, disturbed;
	u64 copy[WORK * WORKERS];
	struct machine m;
	bool done;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++) {
		disturbed = 0;
		memset(copy, 0, sizeof(copy));
		machine_make(&m, type, WORKERS);
		CHECK_EQ(log_ram(&m, true), 0);
		for (i = 0; i < WORKERS; i++) {
			work[i] = (struct work) { .m = &m, .vcpu = i };
			load_worker(&m, i, rounds);
			t[i] = host_thread(worker, &work[i]);
		}
		do {
			disturb(&m, &seed, copy);
			disturbed++;
			host_resched(host_task(t[rnd(&seed, WORKERS)]));
			for (done = true, i = 0; i < WORKERS; i++)
				done &= smp_load_acquire(&work[i].done);
		} while (!done);
		for (i = 0; i < WORKERS; i++)
			host_join(t[i]);
		harvest(&m, copy);
		for (i = 0; i < WORK * WORKERS; i++) {
			u64 seen =
				ram_read(&m, ((FIRST_PAGE + i / WORKERS) << 12) + i % WORKERS * 8);

			test_check(seen == rounds, "page %u: %llu, not %u", i / WORKERS, seen,
				   rounds);
			test_check(copy[i] == seen, "page %u: the log gave %llu, not %llu",
				   i / WORKERS, copy[i], seen);
		}
		CHECK(disturbed > 10);
		machine_free(&m);
	}
}

static const struct test tests[] = {
	TEST(log_has_what_was_written),
	TEST(store_after_a_load_is_logged),
	TEST(manual_log_is_cleared_on_demand),
	TEST(rings_have_what_was_written),
	TEST(huge_pages_are_mapped_whole),
	TEST(device_frames_are_mapped_as_they_are),
	TEST(pages_are_faulted_in_ahead),
	TEST(pages_age),
	TEST(faults_wait_for_invalidations),
	TEST(waiting_fault_gives_the_processor_away),
	TEST(fault_that_lost_its_page_starts_over),
	TEST(long_work_gives_the_processor_away),
	TEST(no_write_is_lost),
};

int main(void)
{
	return RUN_TESTS(tests);
}
