// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN: guests of the toy machine, their exits, signals, halts and interrupts. */
#include "lib.h"

#define MMIO	0x10000000

static void guest_computes_and_stores(void)
{
	struct machine m;
	unsigned long type;

	for (type = TOY_PLAIN; type <= TOY_STRICT; type++) {
		machine_make(&m, type, 1);
		PROGRAM(&m, CODE, I_SET(1, 10), I_SET(2, 0), I_ADD(2, 2, 1, 0), I_ADD(1, 1, 0, -1),
			I_BNE(1, 0, -2), I_STORE(2, 0, 8, 0x4000), I_LOAD(3, 0, 1, 0x4000),
			I_HIGH(4, 3, 2), I_SWAP(4, 0, 0x4000), I_HALT);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
		CHECK_EQ(reg_get(&m, 0, 2), 55);
		CHECK_EQ(reg_get(&m, 0, 4), 55);
		CHECK_EQ(ram_read(&m, 0x4000), 55 + (2ULL << 32));
		CHECK(stat_of(m.vcpu[0], "exits") >= 3);
		CHECK(stat_of(m.vcpu[0], "s2_faults") >= 2);
		CHECK_EQ(stat_of(m.vcpu[0], "halt_exits"), 1);
		machine_free(&m);
	}
}

static void mmio_goes_to_user_space_and_back(void)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };
	u64 value = 0x8877665544332211ULL, mask, given;
	struct machine m;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 1);
	for (i = 0; i < 4; i++) {
		mask = sizes[i] == 8 ? ~0ULL : BIT_ULL(sizes[i] * 8) - 1;
		PROGRAM(&m, CODE, I_STORE(1, 0, sizes[i], MMIO), I_LOAD(2, 0, sizes[i], MMIO + 8),
			I_HALT);
		reg_set(&m, 0, 1, value);
		CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
		CHECK_EQ(m.run[0]->mmio.is_write, 1);
		CHECK_EQ(m.run[0]->mmio.phys_addr, MMIO);
		CHECK_EQ(m.run[0]->mmio.len, sizes[i]);
		memcpy(&given, m.run[0]->mmio.data, 8);
		CHECK_EQ(given & mask, value & mask);

		CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_MMIO);
		CHECK_EQ(m.run[0]->mmio.is_write, 0);
		CHECK_EQ(m.run[0]->mmio.phys_addr, MMIO + 8);
		memcpy(m.run[0]->mmio.data, &value, 8);
		CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
		CHECK_EQ(reg_get(&m, 0, 2), value & mask);
	}
	CHECK_EQ(stat_of(m.vcpu[0], "mmio_exits"), 8);
	machine_free(&m);
}

static void ports_and_calls_go_to_user_space_and_back(void)
{
	struct machine m;
	u32 *data;

	machine_make(&m, TOY_PLAIN, 1);
	data = host_page(m.vcpu[0], TOY_PIO_PAGE);
	PROGRAM(&m, CODE, I_SET(1, 0x1234), I_OUT(1, 2, 0x3f8), I_IN(2, 4, 0x60),
		I_SET(1, 7), I_CALL(20), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_IO);
	CHECK_EQ(m.run[0]->io.direction, KVM_EXIT_IO_OUT);
	CHECK_EQ(m.run[0]->io.port, 0x3f8);
	CHECK_EQ(m.run[0]->io.size, 2);
	CHECK_EQ(*(u16 *)data, 0x1234);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_IO);
	CHECK_EQ(m.run[0]->io.direction, KVM_EXIT_IO_IN);
	*data = 0xfeed;
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HYPERCALL);
	CHECK_EQ(reg_get(&m, 0, 2), 0xfeed);
	CHECK_EQ(m.run[0]->hypercall.nr, 20);
	CHECK_EQ(m.run[0]->hypercall.args[0], 7);
	m.run[0]->hypercall.ret = 77;
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
	CHECK_EQ(reg_get(&m, 0, 1), 77);
	CHECK_EQ(m.run[0]->ready_for_interrupt_injection, 1);
	host_unmap_page(data);
	machine_free(&m);
}

static void broken_guests_stop_with_a_reason(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_SHUTDOWN);
	PROGRAM(&m, CODE, I_LOAD(1, 0, 4, 0x4002));
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_SHUTDOWN);
	PROGRAM(&m, CODE, I_SWAP(1, 0, MMIO));
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(run_at(&m, 0, MMIO), KVM_EXIT_INTERNAL_ERROR);
	host_log_clear();
	CHECK_EQ(run_at(&m, 0, CODE + 1), KVM_EXIT_FAIL_ENTRY);
	CHECK_EQ(m.run[0]->fail_entry.hardware_entry_failure_reason, CODE + 1);
	CHECK(host_log_has("entry failed at 0x1001"));
	/* Past what the second stage reaches there is no memory, whatever slots say. */
	reg_set(&m, 0, 1, 1ULL << 40);
	PROGRAM(&m, CODE, I_LOAD(2, 1, 8, 0));
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.phys_addr, 1ULL << 40);
	machine_free(&m);
}

static void immediate_exit_comes_before_the_guest(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, I_LOAD(1, 0, 8, MMIO), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	*(u64 *)m.run[0]->mmio.data = 5;
	m.run[0]->immediate_exit = 1;
	CHECK_EQ(run_vcpu(&m, 0), -EINTR);
	/* What user space answered has arrived all the same. */
	CHECK_EQ(reg_get(&m, 0, 1), 5);
	m.run[0]->immediate_exit = 0;
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_RUN, 1), -EINVAL);
	machine_free(&m);
}

static void requests_that_ask_for_nothing_else_are_served(void)
{
	struct file *file;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, I_HALT);
	file = fget(m.vcpu[0]);
	berth_vcpu_request(file->private_data, BERTH_REQ_KICK);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	berth_vcpu_request(file->private_data, BERTH_REQ_UNBLOCK);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(((struct berth_vcpu *)file->private_data)->requests, 0);
	fput(file);
	machine_free(&m);
}

/* ---- threads ---- */

struct runner {
	struct machine *m;
	unsigned int vcpu;
	long result;
	bool done;
};

static void run_thread(void *arg)
{
	struct runner *r = arg;

	r->result = run_vcpu(r->m, r->vcpu);
	smp_store_release(&r->done, true);
}

static void wait_for(struct machine *m, u64 gpa, u64 value)
{
	while (ram_read(m, gpa) != value)
		cpu_relax();
}

/* Says at 0x4000 that it runs, then turns until 0x4008 is not 0. */
static void load_spinner(struct machine *m)
{
	ram_write(m, 0x4000, 0);
	ram_write(m, 0x4008, 0);
	PROGRAM(m, CODE, I_SET(1, 1), I_STORE(1, 0, 8, 0x4000), I_LOAD(2, 0, 8, 0x4008),
		I_ADD(3, 3, 0, 1), I_BNE(2, 1, -2), I_CALL(16));
}

static void signal_ends_a_running_guest(void)
{
	struct runner r = { };
	struct host_thread *t;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	load_spinner(&m);
	reg_set(&m, 0, TOY_PC, CODE);
	r.m = &m;
	t = host_thread(run_thread, &r);
	wait_for(&m, 0x4000, 1);
	host_kill(host_task(t), SIGUSR1);
	host_join(t);
	CHECK_EQ(r.result, -EINTR);
	CHECK_EQ(m.run[0]->exit_reason, KVM_EXIT_INTR);
	CHECK_EQ(stat_of(m.vcpu[0], "signal_exits"), 1);
	/* The guest goes on where it was. */
	ram_write(&m, 0x4008, 1);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HYPERCALL);
	machine_free(&m);
}

static void signal_mask_holds_for_the_time_of_the_run(void)
{
	struct { struct kvm_signal_mask head; u8 set[8]; } mask = { .head.len = 8 };
	struct runner r = { };
	struct host_thread *t;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	load_spinner(&m);
	reg_set(&m, 0, TOY_PC, CODE);
	memset(mask.head.sigset, 0xff, 8);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_SIGNAL_MASK, &mask), 0);
	/* The thread's own is back after the run. */
	m.run[0]->immediate_exit = 1;
	CHECK_EQ(run_vcpu(&m, 0), -EINTR);
	m.run[0]->immediate_exit = 0;
	CHECK_EQ(current->blocked.sig[0], 0);
	CHECK_EQ(current->real_blocked.sig[0], 0);
	r.m = &m;
	t = host_thread(run_thread, &r);
	wait_for(&m, 0x4000, 1);
	host_kill(host_task(t), SIGUSR1);
	/* Masked: only this lets it end, as SIGKILL always does. */
	ram_write(&m, 0x4008, 1);
	host_join(t);
	CHECK_EQ(r.result, KVM_EXIT_HYPERCALL);

	load_spinner(&m);
	reg_set(&m, 0, TOY_PC, CODE);
	r.done = false;
	t = host_thread(run_thread, &r);
	wait_for(&m, 0x4000, 1);
	host_kill(host_task(t), SIGKILL);
	host_join(t);
	CHECK_EQ(r.result, -EINTR);

	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_SIGNAL_MASK, 0), 0);
	mask.head.len = 4;
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_SIGNAL_MASK, &mask), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_SIGNAL_MASK, HOST_USER_END - 8), -EFAULT);
	machine_free(&m);
}

static void preempted_guest_goes_on_elsewhere(void)
{
	struct runner r = { };
	struct host_thread *t;
	struct machine m;
	unsigned int i;
	int cpu;

	machine_make(&m, TOY_PLAIN, 1);
	load_spinner(&m);
	reg_set(&m, 0, TOY_PC, CODE);
	r.m = &m;
	t = host_thread(run_thread, &r);
	wait_for(&m, 0x4000, 1);
	for (i = 0; i < 20; i++) {
		cpu = READ_ONCE(host_task(t)->cpu);
		host_resched(host_task(t));
		while (READ_ONCE(host_task(t)->cpu) == cpu)
			cpu_relax();
	}
	CHECK(!smp_load_acquire(&r.done));
	/* Task work is done on the way out; the program does not see it. */
	host_notify_resume(host_task(t));
	while (test_bit(TIF_NOTIFY_RESUME, &host_task(t)->flags))
		cpu_relax();
	ram_write(&m, 0x4008, 1);
	host_join(t);
	CHECK_EQ(r.result, KVM_EXIT_HYPERCALL);
	machine_free(&m);
}

static void one_thread_runs_a_vcpu_at_a_time(void)
{
	struct runner r = { }, second = { };
	struct host_thread *t, *t2;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	load_spinner(&m);
	reg_set(&m, 0, TOY_PC, CODE);
	r.m = second.m = &m;
	t = host_thread(run_thread, &r);
	wait_for(&m, 0x4000, 1);
	t2 = host_thread(run_thread, &second);
	host_kill(host_task(t2), SIGKILL);
	host_join(t2);
	CHECK_EQ(second.result, -EINTR);
	CHECK(!smp_load_acquire(&r.done));
	ram_write(&m, 0x4008, 1);
	host_join(t);
	CHECK_EQ(r.result, KVM_EXIT_HYPERCALL);
	machine_free(&m);
}

static void irqchip(struct machine *m)
{
	CHECK_EQ(HOST_IOCTL(m->vm, KVM_CREATE_IRQCHIP, 0), 0);
	CHECK_EQ(HOST_IOCTL(m->vm, KVM_CREATE_IRQCHIP, 0), -EEXIST);
}

/* Halts; then takes the interrupt at 0x2000, counts it at 0x4000 and leaves by a call. */
static void load_waiter(struct machine *m)
{
	PROGRAM(m, CODE, I_HALT, I_INTS(1), I_CALL(16), I_HALT);
	PROGRAM(m, 0x2000, I_LOAD(1, 0, 8, 0x4000), I_ADD(1, 1, 0, 1), I_STORE(1, 0, 8, 0x4000),
		I_RETURN);
	reg_set(m, 0, TOY_VECTOR, 0x2000);
}

static void halted_guest_sleeps_until_an_interrupt(void)
{
	struct kvm_enable_cap poll = { .cap = KVM_CAP_HALT_POLL };
	struct kvm_interrupt interrupt = { .irq = 9 };
	struct host_thread *t;
	struct runner r = { };
	struct machine m;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 1);
	irqchip(&m);
	load_waiter(&m);
	r.m = &m;
	/* Without polling, with, and with a vCPU that must not. */
	for (i = 0; i < 3; i++) {
		poll.args[0] = i ? 1000000000 : 0;
		CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &poll), 0);
		reg_set(&m, 0, TOY_PC, CODE);
		reg_set(&m, 0, TOY_INTS_ON, 0);
		r.done = false;
		t = host_thread(run_thread, &r);
		if (i != 1)
			while (!host_sleeps(host_task(t)))
				cpu_relax();
		CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_INTERRUPT, &interrupt), 0);
		host_join(t);
		CHECK_EQ(r.result, KVM_EXIT_HYPERCALL);
		CHECK_EQ(ram_read(&m, 0x4000), i + 1);
		CHECK_EQ(reg_get(&m, 0, TOY_CAUSE), 9);
		poll.args[0] = 0;
		if (i == 1)
			CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_ENABLE_CAP, &poll), 0);
	}
	CHECK(stat_of(m.vcpu[0], "halt_wakeup") >= 2);
	machine_free(&m);
}

static void polling_pays_when_the_wakeup_is_near(void)
{
	struct kvm_interrupt interrupt = { .irq = 1 };
	struct host_thread *t;
	struct runner r = { };
	struct machine m;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 1);
	irqchip(&m);
	load_waiter(&m);
	r.m = &m;
	for (i = 0; i < 2000 && !stat_of(m.vcpu[0], "halt_successful_poll"); i++) {
		reg_set(&m, 0, TOY_PC, CODE);
		reg_set(&m, 0, TOY_INTS_ON, 0);
		t = host_thread(run_thread, &r);
		HOST_IOCTL(m.vcpu[0], KVM_INTERRUPT, &interrupt);
		host_join(t);
	}
	CHECK(stat_of(m.vcpu[0], "halt_attempted_poll"));
	CHECK(stat_of(m.vcpu[0], "halt_successful_poll"));
	machine_free(&m);
}

static void signal_wakes_a_halted_guest(void)
{
	struct host_thread *t;
	struct runner r = { };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	irqchip(&m);
	load_waiter(&m);
	reg_set(&m, 0, TOY_PC, CODE);
	r.m = &m;
	t = host_thread(run_thread, &r);
	while (!host_sleeps(host_task(t)))
		cpu_relax();
	host_kill(host_task(t), SIGUSR1);
	host_join(t);
	CHECK_EQ(r.result, -EINTR);
	CHECK_EQ(m.run[0]->exit_reason, KVM_EXIT_INTR);
	machine_free(&m);
}

static void interrupt_reaches_a_running_guest(void)
{
	struct kvm_irq_level line = { .irq = 3, .level = 1 };
	struct host_thread *t;
	struct runner r = { };
	struct machine m;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_IRQ_LINE, &line), -ENXIO);
	irqchip(&m);
	load_spinner(&m);
	PROGRAM(&m, 0x2000, I_LOAD(5, 0, 8, 0x4010), I_ADD(5, 5, 0, 1), I_STORE(5, 0, 8, 0x4010),
		I_RETURN);
	reg_set(&m, 0, TOY_VECTOR, 0x2000);
	reg_set(&m, 0, TOY_INTS_ON, 1);
	reg_set(&m, 0, TOY_PC, CODE);
	r.m = &m;
	t = host_thread(run_thread, &r);
	wait_for(&m, 0x4000, 1);
	for (i = 1; i <= 50; i++) {
		line.level = 1;
		CHECK_EQ(HOST_IOCTL(m.vm, KVM_IRQ_LINE_STATUS, &line), 0);
		CHECK_EQ(line.status, 1);
		wait_for(&m, 0x4010, i);
		line.level = 0;
		CHECK_EQ(HOST_IOCTL(m.vm, KVM_IRQ_LINE, &line), 0);
	}
	ram_write(&m, 0x4008, 1);
	host_join(t);
	CHECK_EQ(r.result, KVM_EXIT_HYPERCALL);
	machine_free(&m);
}

static void kernel_reads_and_writes_guest_memory(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, I_CALL(TOY_CALL_READ), I_CALL(16), I_CALL(TOY_CALL_WRITE), I_CALL(16),
		I_CALL(TOY_CALL_WRITE_NOW), I_CALL(16), I_CALL(TOY_CALL_YIELD), I_HALT);
	ram_write(&m, 0x4ff8, 0x1122334455667788ULL);
	ram_write(&m, 0x5000, 0x99aabbccddeeff00ULL);
	reg_set(&m, 0, 2, 0x4ffc);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HYPERCALL);
	CHECK_EQ(m.run[0]->hypercall.args[0], 0xddeeff0011223344ULL);
	m.run[0]->hypercall.ret = 0x1234;
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HYPERCALL);
	CHECK_EQ(m.run[0]->hypercall.args[0], 0);
	CHECK_EQ(ram_read(&m, 0x4ff8), 0x0000123455667788ULL);
	CHECK_EQ(ram_read(&m, 0x5000), 0x99aabbcc00000000ULL);
	reg_set(&m, 0, 2, 0x5008);
	m.run[0]->hypercall.ret = 0x99;
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HYPERCALL);
	CHECK_EQ(m.run[0]->hypercall.args[0], 0);
	CHECK_EQ(ram_read(&m, 0x5008), 0x99);
	m.run[0]->hypercall.ret = 0;
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
	CHECK_EQ(current->yielded_to, 1);

	/* Where there is none, in a read-only slot, behind what user space took away. */
	CHECK_EQ(machine_slot(&m, 1, 0x40000000, 1, m.ram, KVM_MEM_READONLY), 0);
	reg_set(&m, 0, 2, MMIO);
	run_at(&m, 0, CODE);
	CHECK_EQ(m.run[0]->hypercall.args[0], -1);
	run_vcpu(&m, 0);
	CHECK_EQ((long)m.run[0]->hypercall.args[0], -EFAULT);
	run_vcpu(&m, 0);
	CHECK_EQ((long)m.run[0]->hypercall.args[0], -EFAULT);
	reg_set(&m, 0, 2, 0x40000000);
	run_at(&m, 0, CODE);
	CHECK(m.run[0]->hypercall.args[0] != (u64)-1);
	run_vcpu(&m, 0);
	CHECK_EQ((long)m.run[0]->hypercall.args[0], -EFAULT);
	host_zap(m.ram + 0x8000, 1);
	reg_set(&m, 0, 2, 0x8000);
	reg_set(&m, 0, TOY_PC, CODE + 4 * 8);
	run_vcpu(&m, 0);
	CHECK_EQ((long)m.run[0]->hypercall.args[0], -EFAULT);
	machine_free(&m);
}

static void vcpu_waits_for_its_model(void)
{
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	u64 value, reset = CODE;
	struct kvm_one_reg one = { TOY_REG_ID(1), (unsigned long)&value };
	struct machine m;

	machine_make(&m, TOY_CHOSEN, 1);
	PROGRAM(&m, CODE, I_HALT);
	CHECK_EQ(run_vcpu(&m, 0), -ENOEXEC);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_ONE_REG, &one), -ENOEXEC);
	CHECK_EQ(HOST_IOCTL(m.vm, TOY_SET_RESET, &reset), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_MP_STATE, &state), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	machine_free(&m);
}

static void missing_user_memory_is_an_error(void)
{
	struct machine m;
	unsigned long none = HOST_USER_END - 0x10000000;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(machine_slot(&m, 1, 0x40000000, 1, none, 0), 0);
	PROGRAM(&m, CODE, I_LOAD(2, 0, 8, 0x40000000), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), -EFAULT);
	PROGRAM(&m, CODE, I_LOAD(2, 0, 8, 0x6000), I_HALT);
	host_user(m.ram + 0x6000);
	host_zap(m.ram + 0x6000, 1);
	host_user(m.ram + 0x6000);
	host_poison(m.ram + 0x6000);
	/* A signal says where; the access is tried again when it is dealt with. */
	CHECK_EQ(run_at(&m, 0, CODE), -EINTR);
	CHECK_EQ((unsigned long)current->mce_address, m.ram + 0x6000);
	host_unkill(current, SIGBUS);
	host_zap(m.ram + 0x6000, 1);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
	host_kill(current, SIGKILL);
	host_zap(m.ram + 0x6000, 1);
	CHECK_EQ(run_vcpu(&m, 0), -EINTR);
	host_unkill(current, SIGKILL);
	machine_free(&m);
}

static const struct test tests[] = {
	TEST(guest_computes_and_stores),
	TEST(mmio_goes_to_user_space_and_back),
	TEST(ports_and_calls_go_to_user_space_and_back),
	TEST(broken_guests_stop_with_a_reason),
	TEST(immediate_exit_comes_before_the_guest),
	TEST(requests_that_ask_for_nothing_else_are_served),
	TEST(signal_ends_a_running_guest),
	TEST(signal_mask_holds_for_the_time_of_the_run),
	TEST(preempted_guest_goes_on_elsewhere),
	TEST(one_thread_runs_a_vcpu_at_a_time),
	TEST(halted_guest_sleeps_until_an_interrupt),
	TEST(polling_pays_when_the_wakeup_is_near),
	TEST(signal_wakes_a_halted_guest),
	TEST(interrupt_reaches_a_running_guest),
	TEST(kernel_reads_and_writes_guest_memory),
	TEST(vcpu_waits_for_its_model),
	TEST(missing_user_memory_is_an_error),
};

int main(void)
{
	return RUN_TESTS(tests);
}
