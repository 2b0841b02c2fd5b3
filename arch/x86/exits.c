// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vendor-neutral part of x86 exits: instructions that are handled or handed to user
 * space whole.  Memory operands are emulation.c's.
 */
#include <asm/cpufeatures.h>
#include <berth/trace.h>
#include <linux/stdarg.h>
#include "irq.h"
#include "state.h"

int x86_exit_debug(struct x86_vcpu *v, u8 vector, u64 dr6, u64 pc)
{
	struct kvm_run *run = v->core.run;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = vector;
	run->debug.arch.dr6 = dr6;
	run->debug.arch.dr7 = v->core.guest_debug & KVM_GUESTDBG_USE_HW_BP ?
			      v->debug.debugreg[7] : v->dr7;
	run->debug.arch.pc = pc;
	return BERTH_RUN_USER;
}

int x86_exit_internal_error(struct x86_vcpu *v, u32 suberror, unsigned int n, ...)
{
	struct kvm_run *run = v->core.run;
	unsigned int i;
	va_list args;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = n;
	va_start(args, n);
	for (i = 0; i < n; i++)
		run->internal.data[i] = va_arg(args, u64);
	va_end(args);
	return BERTH_RUN_USER;
}

int x86_single_step(struct x86_vcpu *v)
{
	struct x86_context c;

	if (!(v->core.guest_debug & KVM_GUESTDBG_SINGLESTEP)) {
		x86_queue_debug(v, DR_STEP);
		return BERTH_RUN_AGAIN;
	}
	x86_vendor->get_context(v, &c);
	return x86_exit_debug(v, DB_VECTOR, X86_DR6_FIXED | DR_STEP, c.linear_rip);
}

int x86_skip_insn(struct x86_vcpu *v, unsigned int len)
{
	u64 rip;

	if (unlikely(!len)) {
		struct x86_insn insn;
		int r = x86_fetch_insn(v, &insn);

		if (r != BERTH_RUN_AGAIN || !insn.len)
			return r;
		len = insn.len;
	}
	rip = v->rip + len;
	/* Past 4 GiB only 64-bit code can be. */
	if (unlikely((rip ^ v->rip) >> 32) && x86_mode(v) != X86_MODE_64)
		rip = (u32)rip;
	v->rip = rip;
	x86_vendor->set_shadow(v, 0);
	if (unlikely(v->rflags & X86_EFLAGS_TF))
		return x86_single_step(v);
	return BERTH_RUN_AGAIN;
}

/* Opcodes of instructions that always look alike, for CPUs that do not tell the length. */
#define OPCODE_CPUID	0xa20f
#define OPCODE_RDMSR	0x320f
#define OPCODE_WRMSR	0x300f
#define OPCODE_HLT	0xf4
#define OPCODE_VMMCALL	0xd9010f

int x86_skip_opcode(struct x86_vcpu *v, unsigned int len, u32 opcode, unsigned int n)
{
	/* With prefixes, or changed since it exited: then it is decoded. */
	if (!len && x86_code_is(v, opcode, n))
		len = n;
	return x86_skip_insn(v, len);
}

int x86_exit_cpuid(struct x86_vcpu *v, unsigned int len)
{
	u32 eax = v->gpr[X86_RAX], ebx, ecx = v->gpr[X86_RCX], edx;

	x86_cpuid(v, &eax, &ebx, &ecx, &edx);
	v->gpr[X86_RAX] = eax;
	v->gpr[X86_RBX] = ebx;
	v->gpr[X86_RCX] = ecx;
	v->gpr[X86_RDX] = edx;
	return x86_skip_opcode(v, len, OPCODE_CPUID, 2);
}

int x86_finish_msr(struct x86_vcpu *v, unsigned int len, const u64 *data)
{
	if (data) {
		v->gpr[X86_RAX] = (u32)*data;
		v->gpr[X86_RDX] = *data >> 32;
	}
	return x86_skip_opcode(v, len, data ? OPCODE_RDMSR : OPCODE_WRMSR, 2);
}

int x86_exit_rdmsr(struct x86_vcpu *v, unsigned int len)
{
	u64 data;

	if (unlikely(READ_ONCE(to_x86_vm(v->core.vm)->msr_policy)))
		return x86_exit_msr_policy(v, len, false);
	if (x86_get_msr(v, v->gpr[X86_RCX], &data, false)) {
		x86_inject_gp(v);
		return BERTH_RUN_AGAIN;
	}
	v->gpr[X86_RAX] = (u32)data;
	v->gpr[X86_RDX] = data >> 32;
	return x86_skip_opcode(v, len, OPCODE_RDMSR, 2);
}

int x86_exit_wrmsr(struct x86_vcpu *v, unsigned int len)
{
	u64 data = (u32)v->gpr[X86_RAX] | v->gpr[X86_RDX] << 32;

	if (unlikely(READ_ONCE(to_x86_vm(v->core.vm)->msr_policy)))
		return x86_exit_msr_policy(v, len, true);
	if (x86_set_msr(v, v->gpr[X86_RCX], data, false)) {
		x86_inject_gp(v);
		return BERTH_RUN_AGAIN;
	}
	return x86_skip_opcode(v, len, OPCODE_WRMSR, 2);
}

int x86_exit_hlt(struct x86_vcpu *v, unsigned int len)
{
	int r = x86_skip_opcode(v, len, OPCODE_HLT, 1);

	/* A halt that was stepped over is still a halt. */
	if (r < 0)
		return r;
	v->core.stats.halt_exits++;
	if (v->lapic) {
		v->mp_state = KVM_MP_STATE_HALTED;
		/* After STI the HLT comes before the window: it must not be slept through. */
		if (r == BERTH_RUN_AGAIN && x86_exit_window(v))
			return BERTH_RUN_USER;
		if (r == BERTH_RUN_AGAIN && !x86_vcpu_runnable(&v->core))
			return BERTH_RUN_BLOCK;
		WRITE_ONCE(v->pv.unhalted, false);
		v->mp_state = r == BERTH_RUN_AGAIN ? KVM_MP_STATE_RUNNABLE : v->mp_state;
		return r;
	}
	v->core.run->exit_reason = KVM_EXIT_HLT;
	return BERTH_RUN_USER;
}

int x86_exit_xsetbv(struct x86_vcpu *v, unsigned int len)
{
	u64 value = (u32)v->gpr[X86_RAX] | v->gpr[X86_RDX] << 32;

	if (x86_vendor->get_cpl(v) || (u32)v->gpr[X86_RCX] || x86_write_xcr0(v, value)) {
		x86_inject_gp(v);
		return BERTH_RUN_AGAIN;
	}
	return x86_skip_insn(v, len);
}

/* There is no performance counter to read. */
int x86_exit_rdpmc(struct x86_vcpu *v, unsigned int len)
{
	x86_inject_gp(v);
	return BERTH_RUN_AGAIN;
}

int x86_skip_hypercall(struct x86_vcpu *v, unsigned int len)
{
	return x86_skip_opcode(v, len, OPCODE_VMMCALL, 3);
}

static void *pio_data(struct x86_vcpu *v)
{
	return (void *)v->core.run + PAGE_SIZE * KVM_PIO_PAGE_OFFSET;
}

/* A register's low bytes change; 32-bit results clear the upper half. */
static void set_rax(struct x86_vcpu *v, const void *data, unsigned int size)
{
	if (size == 4)
		v->gpr[X86_RAX] = 0;
	memcpy(&v->gpr[X86_RAX], data, size);
}

/* User space may have moved RIP itself; then the instruction is its business. */
static int pio_finish(struct x86_vcpu *v)
{
	if (v->rip != v->pio.rip)
		return BERTH_RUN_AGAIN;
	return x86_skip_insn(v, v->pio.next_rip - v->pio.rip);
}

static int complete_in(struct x86_vcpu *v)
{
	if (v->rip == v->pio.rip)
		set_rax(v, pio_data(v), v->pio.size);
	return pio_finish(v);
}

/* An OUT to this port is over before user space sees it (KVM_X86_QUIRK_OUT_7E_INC_RIP). */
#define QUIRKY_PORT	0x7e

static int pio_quirk(struct x86_vcpu *v)
{
	int r;

	if (!x86_quirk(v, KVM_X86_QUIRK_OUT_7E_INC_RIP))
		return BERTH_RUN_USER;
	r = x86_skip_insn(v, v->pio.next_rip - v->pio.rip);
	v->complete = NULL;
	return r == BERTH_RUN_AGAIN ? BERTH_RUN_USER : r;
}

int x86_exit_pio(struct x86_vcpu *v, u16 port, unsigned int size, bool in, bool string,
		 bool rep, u64 next_rip)
{
	struct kvm_run *run = v->core.run;
	u32 value = v->gpr[X86_RAX];

	v->core.stats.io_exits++;
	if (string)
		return x86_exit_string_pio(v, port, size, in);
	trace_berth_pio(v->core.id, !in, port, size, 1);
	if (in && !berth_bus_read(&v->core, BERTH_PIO_BUS, port, size, &value)) {
		set_rax(v, &value, size);
		return x86_skip_insn(v, next_rip - v->rip);
	}
	if (!in && !berth_bus_write(&v->core, BERTH_PIO_BUS, port, size, &value))
		return x86_skip_insn(v, next_rip - v->rip);

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	if (!in)
		memcpy(pio_data(v), &value, size);
	v->pio.rip = v->rip;
	v->pio.next_rip = next_rip;
	v->pio.size = size;
	v->complete = in ? complete_in : pio_finish;
	if (unlikely(port == QUIRKY_PORT && !in))
		return pio_quirk(v);
	return BERTH_RUN_USER;
}
