// SPDX-License-Identifier: GPL-2.0-only
/* x86: the 8254 that KVM_CREATE_PIT2 makes. */
#include "chips.h"

#define CONTROL		0x43
#define MODE(channel, mode) ((channel) << 6 | 0x30 | (mode) << 1)
#define SPEAKER		0x61
#define PIT_NEEDS	NEED(KVM_CAP_IRQCHIP), NEED(KVM_CAP_PIT2), NEED(KVM_CAP_PIT_STATE2)

static int create_pit(struct vm *vm, uint32_t flags)
{
	struct kvm_pit_config config = { .flags = flags };

	return kvm_ioctl(vm->fd, KVM_CREATE_PIT2, &config);
}

static struct vcpu *pit_vcpu(void)
{
	struct vm *vm = vm_new_irqchip();

	expect_ret(create_pit(vm, KVM_PIT_SPEAKER_DUMMY), 0);
	return vcpu_new_lapic(vm);
}

static struct kvm_pit_state2 get_pit(struct vm *vm)
{
	struct kvm_pit_state2 s;

	memset(&s, 0xaa, sizeof(s));
	expect_ok(kvm_ioctl(vm->fd, KVM_GET_PIT2, &s));
	return s;
}

static int set_pit(struct vm *vm, struct kvm_pit_state2 *s)
{
	return kvm_ioctl(vm->fd, KVM_SET_PIT2, s);
}

static void load(struct vcpu *vcpu, unsigned int channel, unsigned int mode, uint16_t count)
{
	port_out(vcpu, CONTROL, MODE(channel, mode));
	port_out(vcpu, 0x40 + channel, count);
	port_out(vcpu, 0x40 + channel, count >> 8);
}

static uint16_t latched(struct vcpu *vcpu, unsigned int channel)
{
	uint8_t low;

	port_out(vcpu, CONTROL, channel << 6);
	low = port_in(vcpu, 0x40 + channel);
	return port_in(vcpu, 0x40 + channel) << 8 | low;
}

static uint8_t status(struct vcpu *vcpu, unsigned int channel)
{
	port_out(vcpu, CONTROL, 0xe0 | 2 << channel);
	return port_in(vcpu, 0x40 + channel);
}

TEST(pit_is_created_once, PIT_NEEDS)
{
	struct vm *vm = vm_new_irqchip();

	expect_ret(create_pit(vm, 0), 0);
	expect_ret(create_pit(vm, 0), -EEXIST);
	expect_ret(kvm_ioctl(vm->fd, KVM_CREATE_PIT, 0L), -EEXIST);
}

TEST(pit_wants_the_irqchip_first, PIT_NEEDS)
{
	int r = create_pit(vm_new_bare(), 0);

	if (!r)
		skip_test("a kernel that insists on it");
	expect_ret(r, -ENOENT);
}

TEST(pit_ioctls_without_a_pit_are_enxio, PIT_NEEDS, NEED(KVM_CAP_REINJECT_CONTROL))
{
	struct kvm_reinject_control control = { 0 };
	struct vm *vm = vm_new_irqchip();
	struct kvm_pit_state2 s = { 0 };

	expect_ret(kvm_ioctl(vm->fd, KVM_GET_PIT2, &s), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_PIT2, &s), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_PIT, &s), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_PIT, &s), -ENXIO);
	expect_ret(kvm_ioctl(vm->fd, KVM_REINJECT_CONTROL, &control), -ENXIO);
}

TEST(pit_state_is_what_the_guest_programmed, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();
	struct kvm_pit_state2 s;

	load(vcpu, 0, 2, 0x1234);
	load(vcpu, 1, 3, 0);
	s = get_pit(vcpu->vm);
	expect_eq(s.channels[0].count, 0x1234);
	expect_eq(s.channels[0].mode, 2);
	expect_eq(s.channels[0].rw_mode, 3);
	expect_eq(s.channels[0].gate, 1);
	expect_eq(s.channels[1].count, 0x10000);
	expect_eq(s.channels[1].mode, 3);
	expect_eq(s.channels[2].gate, 0);
	expect_eq(s.flags, 0);
	for (size_t i = 0; i < ARRAY_SIZE(s.reserved); i++)
		expect_eq(s.reserved[i], 0);
}

TEST(pit_modes_6_and_7_are_2_and_3, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	load(vcpu, 1, 6, 100);
	load(vcpu, 2, 7, 100);
	expect_eq(get_pit(vcpu->vm).channels[1].mode, 2);
	expect_eq(get_pit(vcpu->vm).channels[2].mode, 3);
}

TEST(pit_status_reads_back, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	load(vcpu, 1, 2, 1000);
	expect_eq(status(vcpu, 1) & 0x3f, 0x30 | 2 << 1);
	port_out(vcpu, CONTROL, 0x40 | 0x10 | 4 << 1 | 1);
	expect_eq(status(vcpu, 1) & 0x3f, 0x10 | 4 << 1 | 1);
}

TEST(pit_status_and_count_read_back_in_that_order, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();
	unsigned int count;

	load(vcpu, 1, 2, 0x300);
	port_out(vcpu, CONTROL, 0xc0 | 4);
	expect_eq(port_in(vcpu, 0x41) & 0x3f, 0x30 | 2 << 1);
	count = port_in(vcpu, 0x41);
	count |= port_in(vcpu, 0x41) << 8;
	expect(count <= 0x300 && count);
}

TEST(pit_latch_holds_until_it_is_read, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();
	struct kvm_pit_state2 s;
	unsigned int first;

	load(vcpu, 1, 2, 0);
	port_out(vcpu, CONTROL, 0x40);
	s = get_pit(vcpu->vm);
	first = s.channels[1].latched_count;
	expect_eq(s.channels[1].count_latched, 3);
	port_out(vcpu, CONTROL, 0x40);
	expect_eq(get_pit(vcpu->vm).channels[1].latched_count, first);
	expect_eq(port_in(vcpu, 0x41), first & 0xff);
	expect_eq(port_in(vcpu, 0x41), first >> 8);
	expect_eq(get_pit(vcpu->vm).channels[1].count_latched, 0);
}

TEST(pit_counters_count, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	for (unsigned int mode = 0; mode < 6; mode++) {
		uint16_t first;

		load(vcpu, 1, mode, 0xfff0);
		first = latched(vcpu, 1);
		while (latched(vcpu, 1) == first)
			;
	}
	expect(true);
}

TEST(pit_period_counts_within_the_count, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	for (unsigned int mode = 2; mode < 4; mode++) {
		load(vcpu, 1, mode, 10);
		for (unsigned int i = 0; i < 50; i++) {
			uint16_t count = latched(vcpu, 1);

			expect(count > 0 && count <= 10);
		}
	}
}

TEST(pit_reads_one_byte_where_told_so, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	port_out(vcpu, CONTROL, 0x40 | 0x20 | 2 << 1);
	port_out(vcpu, 0x41, 0x12);
	expect_eq(get_pit(vcpu->vm).channels[1].count, 0x1200);
	port_out(vcpu, CONTROL, 0x40 | 0x10 | 2 << 1);
	port_out(vcpu, 0x41, 0x34);
	expect_eq(get_pit(vcpu->vm).channels[1].count, 0x34);
	expect(port_in(vcpu, 0x41) <= 0x34);
}

TEST(pit_period_interrupts_again_and_again, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	pic_init(vcpu, 1, 1);
	load(vcpu, 0, 2, 2000);
	for (unsigned int i = 0; i < 5; i++) {
		wait_interrupt(vcpu, PIC_BASE);
		port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	}
}

TEST(pit_period_interrupts_through_the_ioapic, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	pic_init(vcpu, 1, 0);
	ioapic_entry(vcpu, 0, 0x61);
	load(vcpu, 0, 3, 2000);
	/* With reinjection each waits for the one before to be acknowledged. */
	for (unsigned int i = 0; i < 5; i++) {
		wait_interrupt(vcpu, 0x61);
		lapic_eoi(vcpu);
	}
}

TEST(pit_interrupts_after_it_was_masked, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	pic_init(vcpu, 1, 1);
	load(vcpu, 0, 2, 2000);
	wait_interrupt(vcpu, PIC_BASE);
	/* Never acknowledged, and the I/O APIC takes over. */
	port_out(vcpu, 0x21, 0xff);
	ioapic_entry(vcpu, 0, 0x61);
	wait_interrupt(vcpu, 0x61);
	lapic_eoi(vcpu);
	wait_interrupt(vcpu, 0x61);
}

TEST(pit_interrupts_without_reinjection, PIT_NEEDS, NEED(KVM_CAP_REINJECT_CONTROL))
{
	struct kvm_reinject_control control = { 0 };
	struct vcpu *vcpu = pit_vcpu();

	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_REINJECT_CONTROL, &control), 0);
	pic_init(vcpu, 1, 0);
	ioapic_entry(vcpu, 0, 0x61);
	load(vcpu, 0, 2, 2000);
	for (unsigned int i = 0; i < 3; i++) {
		wait_interrupt(vcpu, 0x61);
		lapic_eoi(vcpu);
	}
	control.pit_reinject = 1;
	expect_ret(kvm_ioctl(vcpu->vm->fd, KVM_REINJECT_CONTROL, &control), 0);
	for (unsigned int i = 0; i < 3; i++) {
		wait_interrupt(vcpu, 0x61);
		lapic_eoi(vcpu);
	}
}

TEST(pit_one_shot_interrupts, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	pic_init(vcpu, 1, 1);
	for (unsigned int i = 0; i < 3; i++) {
		load(vcpu, 0, i == 1 ? 4 : 0, 500);
		wait_interrupt(vcpu, PIC_BASE);
		port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	}
}

TEST(pit_smallest_periods_let_the_guest_run, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	pic_init(vcpu, 1, 1);
	for (unsigned int mode = 0; mode < 6; mode++) {
		load(vcpu, 0, mode, 1);
		expect_eq(get_pit(vcpu->vm).channels[0].count, 1);
		latched(vcpu, 0);
		status(vcpu, 0);
	}
	load(vcpu, 0, 2, 1);
	for (unsigned int i = 0; i < 20; i++) {
		wait_interrupt(vcpu, PIC_BASE);
		port_out(vcpu, 0x20, PIC_NON_SPECIFIC_EOI);
	}
	load(vcpu, 0, 2, 0);
	wait_interrupt(vcpu, PIC_BASE);
}

TEST(pit_state_round_trips, PIT_NEEDS)
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_pit_state2 s = { .flags = KVM_PIT_FLAGS_SPEAKER_DATA_ON }, seen;
	struct kvm_pit_state old;

	expect_ret(create_pit(vm, 0), 0);
	for (unsigned int i = 0; i < 3; i++)
		s.channels[i] = (struct kvm_pit_channel_state) {
			.count = 0x8000 + i, .latched_count = 0x1234 + i, .count_latched = 3, .status_latched = 1,
			.status = 0x36, .read_state = 4, .write_state = 4, .write_latch = 0x77, .rw_mode = 3,
			.mode = i, .bcd = i & 1, .gate = 1,
		};
	expect_ret(set_pit(vm, &s), 0);
	seen = get_pit(vm);
	for (unsigned int i = 0; i < 3; i++)
		s.channels[i].count_load_time = seen.channels[i].count_load_time;
	expect_mem(&seen, &s, sizeof(s));
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_PIT, &old), 0);
	expect_mem(old.channels, s.channels, sizeof(old.channels));
	old.channels[1].count = 0x777;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_PIT, &old), 0);
	seen = get_pit(vm);
	expect_eq(seen.channels[1].count, 0x777);
	expect_eq(seen.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
}

TEST(pit_state_that_is_set_runs, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();
	struct kvm_pit_state2 s = get_pit(vcpu->vm);

	pic_init(vcpu, 1, 1);
	s.channels[0].mode = 2;
	s.channels[0].count = 2000;
	expect_ret(set_pit(vcpu->vm, &s), 0);
	wait_interrupt(vcpu, PIC_BASE);
}

TEST(pit_leaves_the_legacy_interrupt_to_the_hpet, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();
	struct kvm_pit_state2 s;

	pic_init(vcpu, 1, 1);
	load(vcpu, 0, 0, 0xffff);
	s = get_pit(vcpu->vm);
	s.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	s.channels[0].mode = 2;
	s.channels[0].count = 2000;
	expect_ret(set_pit(vcpu->vm, &s), 0);
	s = get_pit(vcpu->vm);
	expect_eq(s.flags, KVM_PIT_FLAGS_HPET_LEGACY);
	expect_eq(s.channels[0].mode, 2);
	expect_eq(s.channels[0].count, 2000);
	s.flags = 0;
	expect_ret(set_pit(vcpu->vm, &s), 0);
	wait_interrupt(vcpu, PIC_BASE);
}

TEST(pit_speaker_port_has_gate_and_data, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	port_out(vcpu, SPEAKER, 3);
	expect_eq(port_in(vcpu, SPEAKER) & 0xc3, 3);
	expect_eq(get_pit(vcpu->vm).flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	expect_eq(get_pit(vcpu->vm).channels[2].gate, 1);
	port_out(vcpu, SPEAKER, 0xfc);
	expect_eq(port_in(vcpu, SPEAKER) & 0xc3, 0);
	expect_eq(get_pit(vcpu->vm).flags, 0);
	expect_eq(get_pit(vcpu->vm).channels[2].gate, 0);
}

TEST(pit_speaker_port_shows_the_output, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	port_out(vcpu, SPEAKER, 1);
	load(vcpu, 2, 0, 0xffff);
	while (!(port_in(vcpu, SPEAKER) & 0x20))
		;
	load(vcpu, 2, 3, 2000);
	while (port_in(vcpu, SPEAKER) & 0x20)
		;
	while (!(port_in(vcpu, SPEAKER) & 0x20))
		;
	expect(true);
}

TEST(pit_speaker_port_shows_the_refresh, PIT_NEEDS)
{
	struct vcpu *vcpu = pit_vcpu();

	while (!(port_in(vcpu, SPEAKER) & 0x10))
		;
	while (port_in(vcpu, SPEAKER) & 0x10)
		;
	expect(true);
}

GUEST64(guest_speaker, "mov $0x61, %edx\n in %dx, %al\n" DONE);

TEST(pit_without_speaker_leaves_its_port, PIT_NEEDS)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu;

	expect_ret(create_pit(vm, 0), 0);
	vcpu = vcpu_new_lapic(vm);
	x86_start(vcpu, X86_KEEP, guest_speaker, 0, 0, 0);
	run_until(vcpu, KVM_EXIT_IO);
	expect_eq(vcpu->run->io.port, SPEAKER);
	expect_eq(vcpu->run->io.direction, KVM_EXIT_IO_IN);
}

static void leave_pit_running(void *unused)
{
	struct vcpu *vcpu = pit_vcpu();

	(void)unused;
	load(vcpu, 0, 2, 1);
}

TEST(pit_that_runs_goes_with_its_vm, PIT_NEEDS)
{
	for (unsigned int i = 0; i < 5; i++)
		in_child(leave_pit_running, NULL);
}
