// SPDX-License-Identifier: GPL-2.0-only
/* x86 registers and events that come and go in kvm_run (KVM_CAP_SYNC_REGS), payloads of exceptions, triple faults as events. */
#include "arch_x86.h"

#define ALL	(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)
#define SYNC	NEED(KVM_CAP_SYNC_REGS)

static struct kvm_vcpu_events get_events(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	memset(&events, 0xa5, sizeof(events));
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events), 0);
	return events;
}

static int set_events(struct vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	return kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, events);
}

static void enable(struct vm *vm, uint32_t which, uint64_t value)
{
	struct kvm_enable_cap cap = { .cap = which, .args[0] = value };

	expect_ret(kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
}

GUEST64(guest_add_beat,
	"1:	add	%rdi, %rbx\n"
	"out	%al, $" STR(DONE_PORT) "\n"
	"jmp	1b\n");

TEST(sync_regs_capability_names_the_sets, SYNC)
{
	expect_eq(cap(KVM_CAP_SYNC_REGS), ALL);
}

TEST(sync_regs_are_what_the_ioctls_say, SYNC)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sync_regs *sync = &vcpu->run->s.regs;
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	memset(sync, 0, sizeof(*sync));
	vcpu->run->kvm_valid_regs = ALL;
	run_done(vcpu);
	regs = get_regs(vcpu);
	sregs = get_sregs(vcpu);
	events = get_events(vcpu);
	expect_mem(&sync->regs, &regs, sizeof(regs));
	expect_mem(&sync->sregs, &sregs, sizeof(sregs));
	expect_mem(&sync->events, &events, sizeof(events));
}

TEST(sync_regs_that_are_dirty_are_set, SYNC)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sync_regs *sync = &vcpu->run->s.regs;

	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	vcpu->run->kvm_valid_regs = ALL;
	run_done(vcpu);
	sync->regs.rbx = 0x1000;
	sync->sregs.cr2 = 0xabcdef;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	run_done(vcpu);
	expect_eq(sync->regs.rbx, 0x1001);
	expect_eq(sync->sregs.cr2, 0xabcdef);
	expect_eq(get_regs(vcpu).rbx, 0x1001);
	/* Taken: clean again. */
	expect_eq(vcpu->run->kvm_dirty_regs, 0);
	/* Not dirty: not taken. */
	sync->regs.rbx = 0x5000;
	run_done(vcpu);
	expect_eq(sync->regs.rbx, 0x1002);
	/* Not valid: not shown. */
	vcpu->run->kvm_valid_regs = 0;
	sync->regs.rbx = 0xaaaa;
	run_done(vcpu);
	expect_eq(sync->regs.rbx, 0xaaaa);
	expect_eq(get_regs(vcpu).rbx, 0x1003);
}

TEST(sync_regs_bring_an_nmi, SYNC)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sync_regs *sync = &vcpu->run->s.regs;

	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_EVENTS;
	run_done(vcpu);
	sync->events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	sync->events.nmi.pending = 1;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	run_trap(vcpu, 2);
	expect_eq(sync->events.nmi.masked, 1);
}

TEST(sync_regs_unknown_sets_are_refused, SYNC)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	/* Linux 6.12 does not look at the upper half. */
	for (unsigned int bit = 3; bit < 32; bit++) {
		vcpu->run->kvm_valid_regs = 1ULL << bit;
		expect_ret(vcpu_run(vcpu), -EINVAL);
		vcpu->run->kvm_valid_regs = 0;
		vcpu->run->kvm_dirty_regs = 1ULL << bit;
		expect_ret(vcpu_run(vcpu), -EINVAL);
		vcpu->run->kvm_dirty_regs = 0;
	}
	run_done(vcpu);
}

TEST(sync_regs_that_cannot_be_are_refused, SYNC)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_sync_regs *sync = &vcpu->run->s.regs;

	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	vcpu->run->kvm_valid_regs = ALL;
	run_done(vcpu);
	sync->sregs.cr4 |= 1ULL << 63;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	expect_ret(vcpu_run(vcpu), -EINVAL);
	sync->events.flags = 0x80000000;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	expect_ret(vcpu_run(vcpu), -EINVAL);
	vcpu->run->kvm_dirty_regs = 0;
	run_done(vcpu);
}

/* ---- payloads ---- */

#define PAYLOAD NEED(KVM_CAP_EXCEPTION_PAYLOAD)

TEST(exception_payload_must_be_enabled, PAYLOAD)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events = get_events(vcpu);

	expect_eq(events.flags & KVM_VCPUEVENT_VALID_PAYLOAD, 0);
	events.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	expect_ret(set_events(vcpu, &events), -EINVAL);
	enable(vcpu->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1);
	expect_ret(set_events(vcpu, &events), 0);
	expect_eq(get_events(vcpu).flags & KVM_VCPUEVENT_VALID_PAYLOAD, KVM_VCPUEVENT_VALID_PAYLOAD);
	enable(vcpu->vm, KVM_CAP_EXCEPTION_PAYLOAD, 0);
	expect_eq(get_events(vcpu).flags & KVM_VCPUEVENT_VALID_PAYLOAD, 0);
}

TEST(exception_payload_of_a_page_fault_waits_for_delivery, PAYLOAD)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct x86_trap *t;

	enable(vcpu->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1);
	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	sregs = get_sregs(vcpu);
	sregs.cr2 = 0x1111;
	expect_ret(set_sregs(vcpu, &sregs), 0);
	events = get_events(vcpu);
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	events.exception.pending = 1;
	events.exception.injected = 1;
	events.exception.nr = 14;
	events.exception.has_error_code = 1;
	events.exception.error_code = 2;
	events.exception_has_payload = 1;
	events.exception_payload = 0x2222;
	expect_ret(set_events(vcpu, &events), 0);
	events = get_events(vcpu);
	expect_eq(events.exception.pending, 1);
	expect_eq(events.exception.injected, 0);
	expect_eq(events.exception.nr, 14);
	expect_eq(events.exception_has_payload, 1);
	expect_eq(events.exception_payload, 0x2222);
	expect_eq(get_sregs(vcpu).cr2, 0x1111);
	t = run_trap(vcpu, 14);
	expect_eq(t->cr2, 0x2222);
	expect_eq(t->error, 2);
	expect_eq(get_events(vcpu).exception_has_payload, 0);
}

TEST(exception_payload_goes_with_a_pending_exception_only, PAYLOAD)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events;
	struct x86_trap *t;

	enable(vcpu->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1);
	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	events = get_events(vcpu);
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	events.exception.injected = 1;
	events.exception.nr = 14;
	events.exception.has_error_code = 1;
	events.exception_has_payload = 1;
	events.exception_payload = 0x2222;
	expect_ret(set_events(vcpu, &events), 0);
	events = get_events(vcpu);
	expect_eq(events.exception.injected, 1);
	expect_eq(events.exception.pending, 0);
	expect_eq(events.exception_has_payload, 0);
	t = run_trap(vcpu, 14);
	expect(t->cr2 != 0x2222);
}

TEST(exception_payload_of_a_debug_exception_is_for_dr6, PAYLOAD)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events;
	struct kvm_debugregs regs;

	enable(vcpu->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1);
	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	events = get_events(vcpu);
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	events.exception.pending = 1;
	events.exception.nr = 1;
	events.exception_has_payload = 1;
	events.exception_payload = 1 << 14 | 1 << 12;
	expect_ret(set_events(vcpu, &events), 0);
	run_trap(vcpu, 1);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &regs), 0);
	expect_eq(regs.dr6, 0xffff4ff0);
}

TEST(exception_payload_vector_is_checked, PAYLOAD)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events;

	enable(vcpu->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1);
	events = get_events(vcpu);
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	events.exception.pending = 1;
	events.exception.nr = 32;
	expect_ret(set_events(vcpu, &events), -EINVAL);
	events.exception.nr = 2;
	expect_ret(set_events(vcpu, &events), -EINVAL);
}

/* ---- triple faults ---- */

TEST(triple_fault_is_an_event_once_enabled, NEED(KVM_CAP_X86_TRIPLE_FAULT_EVENT))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_vcpu_events events;

	x86_start(vcpu, X86_KEEP, guest_add_beat, 1, 0, 0);
	events = get_events(vcpu);
	expect_eq(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, 0);
	events.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	expect_ret(set_events(vcpu, &events), -EINVAL);
	enable(vcpu->vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
	events.triple_fault.pending = 1;
	expect_ret(set_events(vcpu, &events), 0);
	events = get_events(vcpu);
	expect_eq(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	expect_eq(events.triple_fault.pending, 1);
	run_until(vcpu, KVM_EXIT_SHUTDOWN);
	expect_eq(get_events(vcpu).triple_fault.pending, 0);
	/* And taken back. */
	events = get_events(vcpu);
	events.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	events.triple_fault.pending = 1;
	expect_ret(set_events(vcpu, &events), 0);
	events.triple_fault.pending = 0;
	expect_ret(set_events(vcpu, &events), 0);
	x86_start(vcpu, X86_LONG, guest_add_beat, 1, 0, 0);
	run_done(vcpu);
}

/* ---- attributes ---- */

TEST(vcpu_tsc_offset_is_an_attribute, NEED(KVM_CAP_VCPU_ATTRIBUTES))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint64_t offset = 0, before, after;
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
					.addr = (uintptr_t)&offset };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_HAS_DEVICE_ATTR, &attr), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr), 0);
	expect_eq(get_msr(vcpu, 0x10, &before), 1);
	offset += 1ULL << 50;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr), 0);
	expect_eq(get_msr(vcpu, 0x10, &after), 1);
	expect(after - before >= 1ULL << 50 && after - before < 1ULL << 51);
	attr.addr = (uintptr_t)guard_page();
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr), -EFAULT);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr), -EFAULT);
	attr.addr = (uintptr_t)&offset;
	attr.attr = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_HAS_DEVICE_ATTR, &attr), -ENXIO);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr), -ENXIO);
	attr.group = 7;
	attr.attr = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_HAS_DEVICE_ATTR, &attr), -ENXIO);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr), -ENXIO);
}

TEST(xcr0_for_guests_is_an_attribute, NEED(KVM_CAP_SYS_ATTRIBUTES))
{
	uint64_t xcr0 = ~0ULL;
	struct kvm_device_attr attr = { .group = 0, .attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (uintptr_t)&xcr0 };
	const struct kvm_cpuid_entry2 *e;
	struct cpuid_table table;

	supported_cpuid(&table);
	e = cpuid_find(&table, 0xd, 0);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_HAS_DEVICE_ATTR, &attr), 0);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_DEVICE_ATTR, &attr), 0);
	expect_eq(xcr0, e ? e->eax | (uint64_t)e->edx << 32 : 0);
	attr.attr = 99;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_HAS_DEVICE_ATTR, &attr), -ENXIO);
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_DEVICE_ATTR, &attr), -ENXIO);
}
