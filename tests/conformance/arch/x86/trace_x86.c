// SPDX-License-Identifier: GPL-2.0-only
/* x86: the tracepoints of what not every architecture's neutral guest does: ports, and events that are brought in. */
#include "../../trace.h"
#include "chips.h"

GUEST64(guest_trace_ports,
	"mov	$0x1234, %edx\n"
	"out	%ax, %dx\n"
	"in	%dx, %eax\n"
	"mov	$3, %ecx\n"
	"rep outsb\n"
	DONE);

TEST(tracepoints_tell_of_ports)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	trace_begin();
	trace_on("berth_pio");
	add_slot(vcpu->vm, 1, 0, TEST_GPA, page_size());
	x86_start(vcpu, X86_KEEP, guest_trace_ports, 0, TEST_GPA, 0);
	run_port(vcpu, 0x1234);
	run_until(vcpu, KVM_EXIT_IO);
	expect_eq(vcpu->run->io.direction, KVM_EXIT_IO_IN);
	run_port(vcpu, 0x1234);
	run_done(vcpu);
	expect_traced("berth_pio", "vcpu 0 out port 0x1234 size 2 count 1\n");
	expect_traced("berth_pio", "vcpu 0 in port 0x1234 size 4 count 1\n");
	expect_traced("berth_pio", "vcpu 0 out port 0x1234 size 1 count 3\n");
	trace_end();
}

TEST(tracepoints_tell_of_injections, NEED(KVM_CAP_IRQCHIP))
{
	struct vcpu *vcpu = vcpu_new_lapic(vm_new_irqchip());

	trace_begin();
	trace_on("berth_inject");
	ioapic_entry(vcpu, 20, 0x77);
	irq_pulse(vcpu->vm, 20);
	expect_interrupt(vcpu, 0x77);
	expect_traced("berth_inject", "vcpu 0 interrupt 0x77\n");
	trace_end();
}
