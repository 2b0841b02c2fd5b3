// SPDX-License-Identifier: GPL-2.0-only
/* The toy machine's run loop and its exits. */
#include <berth/trace.h>
#include <linux/string.h>
#include "fake.h"

static int emulation_failed(struct fake_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->internal.ndata = 0;
	return BERTH_RUN_USER;
}

/* An access that no memory answers: the kernel's devices, then user space. */
static int mmio(struct fake_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;
	unsigned int a = insn_a(vcpu->insn), size = insn_c(vcpu->insn);
	bool write = vcpu->access & S2_W;
	u64 value = write ? vcpu->regs[a] : 0;
	int r;

	if ((vcpu->access & S2_X) || insn_op(vcpu->insn) == TOY_SWAP)
		return emulation_failed(vcpu);
	vcpu->vcpu.stats.instructions_emulated++;
	vcpu->regs[TOY_PC] += sizeof(vcpu->insn);
	if (write)
		r = berth_bus_write(&vcpu->vcpu, BERTH_MMIO_BUS, vcpu->access_gpa, size, &value);
	else
		r = berth_bus_read(&vcpu->vcpu, BERTH_MMIO_BUS, vcpu->access_gpa, size, &value);
	/* What user space answers to a load is traced when it has. */
	if (!r || write)
		trace_berth_mmio(vcpu->vcpu.id, write, vcpu->access_gpa, size, value);
	if (!r) {
		if (!write)
			fake_set_gpr(vcpu, a, value);
		return BERTH_RUN_AGAIN;
	}
	vcpu->vcpu.stats.mmio_exits++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = vcpu->access_gpa;
	run->mmio.len = size;
	run->mmio.is_write = write;
	memcpy(run->mmio.data, &value, sizeof(value));
	vcpu->pending = write ? FAKE_NOTHING : FAKE_MMIO_READ;
	return BERTH_RUN_USER;
}

static int exit_interrupt(struct fake_vcpu *vcpu)
{
	return BERTH_RUN_AGAIN;
}

static int exit_fault(struct fake_vcpu *vcpu)
{
	int r = berth_s2_fault(&vcpu->vcpu, vcpu->access_gpa, vcpu->access);

	if (r == S2_FAULT_MMIO)
		return mmio(vcpu);
	return r < 0 ? r : BERTH_RUN_AGAIN;
}

static void *pio_data(struct fake_vcpu *vcpu)
{
	return (void *)vcpu->vcpu.run + TOY_PIO_PAGE * PAGE_SIZE;
}

static int exit_pio(struct fake_vcpu *vcpu)
{
	unsigned int size = insn_c(vcpu->insn), a = insn_a(vcpu->insn);
	bool in = insn_op(vcpu->insn) == TOY_IN;
	u16 port = vcpu->regs[insn_b(vcpu->insn)] + insn_imm(vcpu->insn);
	struct kvm_run *run = vcpu->vcpu.run;
	u64 value = in ? 0 : vcpu->regs[a];
	int r;

	if (size != 1 && size != 2 && size != 4)
		return emulation_failed(vcpu);
	if (in)
		r = berth_bus_read(&vcpu->vcpu, BERTH_PIO_BUS, port, size, &value);
	else
		r = berth_bus_write(&vcpu->vcpu, BERTH_PIO_BUS, port, size, &value);
	trace_berth_pio(vcpu->vcpu.id, !in, port, size, 1);
	if (!r) {
		if (in)
			fake_set_gpr(vcpu, a, value);
		return BERTH_RUN_AGAIN;
	}
	vcpu->vcpu.stats.io_exits++;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = TOY_PIO_PAGE * PAGE_SIZE;
	memcpy(pio_data(vcpu), &value, size);
	vcpu->pending = in ? FAKE_PIO_READ : FAKE_NOTHING;
	return BERTH_RUN_USER;
}

static int exit_call(struct fake_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;
	struct berth_vcpu *to;
	u64 *regs = vcpu->regs;
	unsigned int i;

	switch (insn_imm(vcpu->insn)) {
	case TOY_CALL_READ:
		if (berth_read_guest(vcpu->vcpu.vm, regs[2], &regs[1], sizeof(u64)))
			regs[1] = -1;
		return BERTH_RUN_AGAIN;
	case TOY_CALL_WRITE:
		regs[1] = berth_write_guest(&vcpu->vcpu, regs[2], &regs[1], sizeof(u64));
		return BERTH_RUN_AGAIN;
	case TOY_CALL_WRITE_NOW:
		regs[1] = berth_write_guest_nofault(&vcpu->vcpu, regs[2], &regs[1], sizeof(u64));
		return BERTH_RUN_AGAIN;
	case TOY_CALL_YIELD:
		to = regs[1] < TOY_MAX_VCPUS ? xa_load(&vcpu->vcpu.vm->vcpus, regs[1]) : NULL;
		if (to)
			berth_vcpu_yield_to(to);
		return BERTH_RUN_AGAIN;
	}
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = insn_imm(vcpu->insn);
	for (i = 0; i < 6; i++)
		run->hypercall.args[i] = regs[1 + i];
	run->hypercall.ret = 0;
	vcpu->pending = FAKE_CALL;
	return BERTH_RUN_USER;
}

static int exit_halt(struct fake_vcpu *vcpu)
{
	vcpu->vcpu.stats.halt_exits++;
	/* Without controllers only user space can know what it waits for. */
	if (READ_ONCE(to_fake_vm(vcpu->vcpu.vm)->irqchip)) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return BERTH_RUN_AGAIN;
	}
	vcpu->vcpu.run->exit_reason = KVM_EXIT_HLT;
	return BERTH_RUN_USER;
}

static int exit_done(struct fake_vcpu *vcpu)
{
	fake_irq_done(vcpu, insn_imm(vcpu->insn) + vcpu->regs[insn_b(vcpu->insn)]);
	return BERTH_RUN_AGAIN;
}

static int exit_shutdown(struct fake_vcpu *vcpu)
{
	vcpu->vcpu.run->exit_reason = KVM_EXIT_SHUTDOWN;
	return BERTH_RUN_USER;
}

static int exit_bad_state(struct fake_vcpu *vcpu)
{
	vcpu->vcpu.run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->vcpu.run->fail_entry.hardware_entry_failure_reason = vcpu->regs[TOY_PC];
	return BERTH_RUN_FAILED;
}

static const struct {
	int (*handle)(struct fake_vcpu *vcpu);
	enum berth_exit_reason reason;
} exits[FAKE_NR_EXITS] = {
	[FAKE_EXIT_INTERRUPT]	= { exit_interrupt, BERTH_EXIT_INTERRUPT },
	[FAKE_EXIT_FAULT]	= { exit_fault, BERTH_EXIT_FAULT },
	[FAKE_EXIT_IN]		= { exit_pio, BERTH_EXIT_PIO },
	[FAKE_EXIT_OUT]		= { exit_pio, BERTH_EXIT_PIO },
	[FAKE_EXIT_CALL]	= { exit_call, BERTH_EXIT_HYPERCALL },
	[FAKE_EXIT_HALT]	= { exit_halt, BERTH_EXIT_HALT },
	[FAKE_EXIT_DONE]	= { exit_done, BERTH_EXIT_INSTRUCTION },
	[FAKE_EXIT_SHUTDOWN]	= { exit_shutdown, BERTH_EXIT_SHUTDOWN },
	[FAKE_EXIT_BAD_STATE]	= { exit_bad_state, BERTH_EXIT_ENTRY_FAILED },
};

int fake_run_begin(struct berth_vcpu *b)
{
	struct fake_vcpu *vcpu = to_fake(b);
	enum fake_pending pending = vcpu->pending;
	unsigned int a = insn_a(vcpu->insn), size = insn_c(vcpu->insn);
	u64 value = 0;

	vcpu->pending = FAKE_NOTHING;
	switch (pending) {
	case FAKE_NOTHING:
		break;
	case FAKE_MMIO_READ:
		memcpy(&value, b->run->mmio.data, size);
		trace_berth_mmio(b->id, false, vcpu->access_gpa, size, value);
		fake_set_gpr(vcpu, a, value);
		break;
	case FAKE_PIO_READ:
		memcpy(&value, pio_data(vcpu), size);
		fake_set_gpr(vcpu, a, value);
		break;
	case FAKE_CALL:
		vcpu->regs[1] = READ_ONCE(b->run->hypercall.ret);
		break;
	}
	return BERTH_RUN_AGAIN;
}

void fake_run_end(struct berth_vcpu *vcpu)
{
	vcpu->run->if_flag = to_fake(vcpu)->regs[TOY_INTS_ON];
	vcpu->run->ready_for_interrupt_injection = 1;
}

bool fake_vcpu_runnable(struct berth_vcpu *vcpu)
{
	return READ_ONCE(to_fake(vcpu)->regs[TOY_PENDING]);
}

int fake_vcpu_run(struct berth_vcpu *b)
{
	struct fake_vcpu *vcpu = to_fake(b);
	enum fake_exit exit;
	int r;

	do {
		WARN_ON_ONCE(!vcpu->loaded);
		if (vcpu->mp_state == KVM_MP_STATE_HALTED) {
			if (!fake_vcpu_runnable(b))
				return BERTH_RUN_BLOCK;
			vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		}
		if (berth_vcpu_take_request(b, BERTH_REQ_TLB_FLUSH))
			fake_tlb_flush(vcpu);
		local_irq_disable();
		if (!berth_enter_guest(b)) {
			local_irq_enable();
			return BERTH_RUN_WORK;
		}
		trace_berth_entry(b->id, vcpu->regs[TOY_PC]);
		berth_guest_context_enter(b);
		exit = fake_cpu_run(vcpu);
		berth_guest_context_exit();
		if (exit == FAKE_EXIT_INTERRUPT) {
			/* Not scheduled away as one that is in the guest; the loop looks at that. */
			preempt_disable();
			berth_take_interrupt(b);
			preempt_enable();
		}
		berth_leave_guest(b);
		local_irq_enable();
		trace_berth_exit(b->id, exits[exit].reason, exit, vcpu->regs[TOY_PC],
				 vcpu->insn, vcpu->access_gpa);
		r = exits[exit].handle(vcpu);
	} while (r == BERTH_RUN_AGAIN);
	return r;
}

void fake_vcpu_dump(struct berth_vcpu *b)
{
	struct fake_vcpu *vcpu = to_fake(b);
	unsigned int i;

	pr_err("vcpu %u: entry failed at 0x%llx\n", b->id, vcpu->regs[TOY_PC]);
	for (i = 0; i < TOY_NR_REGS; i++)
		pr_err("  r%u 0x%llx\n", i, vcpu->regs[i]);
}
