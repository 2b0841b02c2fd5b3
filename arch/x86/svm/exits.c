// SPDX-License-Identifier: GPL-2.0-only
/*
 * What AMD-V's exits mean (APM vol. 2, appendix C), and what is done for those that
 * both vendors do not have alike.
 */
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/traps.h>
#include <asm/trap_pf.h>
#include <berth/trace.h>
#include <linux/nospec.h>
#include "state.h"
#include "svm.h"

/* EXITINFO1 of IOIO exits (15.10.2). */
#define IOIO_IN			BIT(0)
#define IOIO_STRING		BIT(2)
#define IOIO_REP		BIT(3)
#define IOIO_SIZE(info)		(((info) >> 4) & 7)
#define IOIO_PORT(info)		((u16)((info) >> 16))

/* EXITINFO1 of MOV CR exits with decode assists: a MOV, not LMSW or CLTS (15.33.1). */
#define CR_IS_MOV		BIT_ULL(63)

/* EXITINFO1 of nested page faults: met while walking the guest's tables (15.25.6). */
#define NPF_TABLE_WALK		BIT_ULL(33)

/* Exit codes of CR and DR accesses are made of these. */
#define ACCESS_NR(code)		((code) & 0xf)
#define ACCESS_WRITE		0x10

/* LMSW sets PE but cannot clear it, and loads these (APM vol. 3). */
#define LMSW_LOADED		(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

#define DR6_TRAPS		(DR_TRAP_BITS | DR_STEP | DR_SWITCH | BIT(13) /* BD */)
#define DR6_BD			BIT(13)
#define DR7_GD			BIT(13)

typedef int (*exit_fn)(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code);

static int undefined(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	x86_queue_exception(v, UD_VECTOR);
	return BERTH_RUN_AGAIN;
}

/* The interrupt was the host's, and is served by now. */
static int nothing(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return BERTH_RUN_AGAIN;
}

/* INVD would lose the host's data, too; WBINVD changes nothing a guest can see. */
static int skip(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return x86_skip_insn(v, svm_insn_len(v, svm));
}

/* ---- instructions ---- */

static int do_cpuid(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return x86_exit_cpuid(v, svm_insn_len(v, svm));
}

static int do_msr(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	unsigned int len = svm_insn_len(v, svm);

	return svm->vmcb->control.exit_info_1 ? x86_exit_wrmsr(v, len) : x86_exit_rdmsr(v, len);
}

static int do_ioio(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	u64 info = svm->vmcb->control.exit_info_1;

	return x86_exit_pio(v, IOIO_PORT(info), IOIO_SIZE(info), info & IOIO_IN,
			    info & IOIO_STRING, info & IOIO_REP,
			    svm->vmcb->control.exit_info_2);
}

static int do_vmmcall(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return x86_exit_hypercall(v, svm_insn_len(v, svm));
}

static int do_hlt(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return x86_exit_hlt(v, svm_insn_len(v, svm));
}

bool svm_xsetbv_exits;

static int do_xsetbv(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	if (unlikely(!READ_ONCE(svm_xsetbv_exits))) {
		WRITE_ONCE(svm_xsetbv_exits, true);
		svm_update_traps(v);
	}
	return x86_exit_xsetbv(v, svm_insn_len(v, svm));
}

static int do_rdpmc(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return x86_exit_rdpmc(v, svm_insn_len(v, svm));
}

/* The guest spins: whoever holds what it waits for may need this CPU. */
static int do_pause(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	int r = skip(v, svm, code);

	yield();
	return r;
}

/* An x87 error for which a guest without CR0.NE awaits an interrupt (15.12.16). */
static int do_ferr(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	yield();
	return BERTH_RUN_AGAIN;
}

/* CPUID does not show them, yet guests use them: see KVM_CAP_DISABLE_QUIRKS2. */
static int do_mwait(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	if (!x86_quirk(v, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) && !x86_guest_has_mwait(v))
		return undefined(v, svm, code);
	return skip(v, svm, code);
}

/* ---- control and debug registers ---- */

/* A general register as a MOV to CR or DR reads and writes it (APM vol. 3). */
static u64 read_gpr(struct x86_vcpu *v, unsigned int gpr)
{
	return x86_mode(v) == X86_MODE_64 ? v->gpr[gpr] : (u32)v->gpr[gpr];
}

static void write_gpr(struct x86_vcpu *v, unsigned int gpr, u64 value)
{
	v->gpr[gpr] = x86_mode(v) == X86_MODE_64 ? value : (u32)value;
}

static int finish_write(struct x86_vcpu *v, int fault, unsigned int len)
{
	if (!fault)
		return x86_skip_insn(v, len);
	x86_inject_gp(v);
	return BERTH_RUN_AGAIN;
}

/*
 * Where user space has the interrupt controller it must hear of a lower priority, which
 * may let an interrupt through.
 */
static int write_cr8(struct x86_vcpu *v, u64 value, unsigned int len)
{
	u64 old = v->cr8;
	int r = finish_write(v, x86_write_cr8(v, value), len);

	if (r != BERTH_RUN_AGAIN || v->lapic || v->cr8 >= old)
		return r;
	v->core.run->exit_reason = KVM_EXIT_SET_TPR;
	return BERTH_RUN_USER;
}

static int mov_cr(struct x86_vcpu *v, unsigned int nr, unsigned int gpr, bool write,
		  unsigned int len)
{
	u64 value;

	if (!write) {
		write_gpr(v, gpr, nr == 8 ? v->cr8 : svm_get_cr(v, nr));
		return x86_skip_insn(v, len);
	}
	value = read_gpr(v, gpr);
	switch (nr) {
	case 0:
		return finish_write(v, x86_write_cr0(v, value), len);
	case 4:
		return finish_write(v, x86_write_cr4(v, value), len);
	default:
		return write_cr8(v, value, len);
	}
}

/* CLTS, and LMSW and SMSW with a register.  With memory they are not executed. */
static int machine_status_word(struct x86_vcpu *v, const struct x86_insn *insn)
{
	u64 cr0 = svm_get_cr(v, 0), src;
	bool user = svm_get_cpl(v);

	/* Of these only SMSW exits from user mode; the bytes may be others by now. */
	if (user && (insn->opcode == 0x06 || ((insn->modrm >> 3) & 7) == 6))
		return BERTH_RUN_AGAIN;
	if (insn->map == X86_MAP_0F && insn->opcode == 0x06)
		return finish_write(v, x86_write_cr0(v, cr0 & ~(u64)X86_CR0_TS), insn->len);
	if (insn->map != X86_MAP_0F || insn->opcode != 0x01 || insn->has_mem)
		return x86_exit_emulate(v);
	switch ((insn->modrm >> 3) & 7) {
	case 4:
		if (insn->op_size == 2)
			cr0 = (v->gpr[insn->rm & 15] & ~0xffffull) | (u16)cr0;
		else if (insn->op_size == 4)
			cr0 = (u32)cr0;
		v->gpr[insn->rm & 15] = cr0;
		return x86_skip_insn(v, insn->len);
	case 6:
		src = v->gpr[insn->rm & 15];
		cr0 = (cr0 & ~(u64)LMSW_LOADED) | (src & (LMSW_LOADED | X86_CR0_PE));
		return finish_write(v, x86_write_cr0(v, cr0), insn->len);
	default:
		return x86_exit_emulate(v);
	}
}

/* The register's number is in the exit code, also for LOCK MOV CR0, which means CR8. */
static int access_cr(struct x86_vcpu *v, struct svm_vcpu *svm, unsigned int nr, bool write)
{
	u64 info = svm->vmcb->control.exit_info_1;
	struct x86_insn insn;
	int r;

	if (svm_decode_assists && svm_nrips && (info & CR_IS_MOV))
		return mov_cr(v, nr, info & SVM_EXITINFO_REG_MASK, write, svm_insn_len(v, svm));
	r = x86_fetch_insn(v, &insn);
	if (r != BERTH_RUN_AGAIN || !insn.len)
		return r;
	if (insn.map == X86_MAP_0F && insn.opcode == (write ? 0x22 : 0x20))
		return mov_cr(v, nr, insn.rm & 15, write, insn.len);
	return machine_status_word(v, &insn);
}

static int do_cr(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return access_cr(v, svm, ACCESS_NR(code), code & ACCESS_WRITE);
}

static int do_cr0_write(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return access_cr(v, svm, 0, true);
}

/* While user space has breakpoints in the CPU's debug registers the guest's are ours. */
static int do_dr(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	unsigned int nr = ACCESS_NR(code), gpr, len;
	bool write = code & ACCESS_WRITE;
	struct x86_insn insn;
	int r;

	if (!(v->core.guest_debug & KVM_GUESTDBG_USE_HW_BP)) {
		svm_give_debug_registers(v);
		return BERTH_RUN_AGAIN;
	}
	if (v->dr7 & DR7_GD) {
		x86_queue_debug(v, DR6_BD);
		return BERTH_RUN_AGAIN;
	}
	if (svm_decode_assists && svm_nrips) {
		gpr = svm->vmcb->control.exit_info_1 & SVM_EXITINFO_REG_MASK;
		len = svm_insn_len(v, svm);
	} else {
		r = x86_fetch_insn(v, &insn);
		if (r != BERTH_RUN_AGAIN || !insn.len)
			return r;
		if (insn.map != X86_MAP_0F || insn.opcode != (write ? 0x23 : 0x21))
			return BERTH_RUN_AGAIN;	/* the guest changed it meanwhile */
		gpr = insn.rm & 15;
		len = insn.len;
	}
	if (write)
		return finish_write(v, x86_write_dr(v, nr, read_gpr(v, gpr)), len);
	write_gpr(v, gpr, x86_read_dr(v, nr));
	return x86_skip_insn(v, len);
}

/* ---- exceptions ---- */

static u64 linear_rip(struct x86_vcpu *v)
{
	struct x86_context c;

	svm_get_context(v, &c);
	return c.linear_rip;
}

static int do_db(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	u64 traps = (save->dr6 ^ X86_DR6_FIXED) & DR6_TRAPS;

	/* The guest's DR6 is v->dr6: this one only collects what is new. */
	save->dr6 = X86_DR6_FIXED;
	svm_dirty(svm, SVM_CLEAN_DR);
	if (v->core.guest_debug & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
		return x86_exit_debug(v, DB_VECTOR, X86_DR6_FIXED | traps, linear_rip(v));
	if (svm->stepped) {
		traps &= ~(u64)DR_STEP;
		if (!traps)
			return BERTH_RUN_AGAIN;
	}
	x86_queue_debug(v, traps);
	return BERTH_RUN_AGAIN;
}

/* Intercepted only while user space has breakpoints in the guest's code. */
static int do_bp(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	return x86_exit_debug(v, BP_VECTOR, 0, linear_rip(v));
}

/* VMCALL is the other vendor's hypercall; guests that know only that one get theirs. */
#define OPCODE_VMCALL	0xc1010f

static int do_ud(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	static const u8 vmmcall[3] = { 0x0f, 0x01, 0xd9 };

	if (x86_quirk(v, KVM_X86_QUIRK_FIX_HYPERCALL_INSN) && x86_code_is(v, OPCODE_VMCALL, 3)) {
		x86_patch_insn(v, vmmcall, sizeof(vmmcall));
		return x86_exit_hypercall(v, 3);
	}
	return undefined(v, svm, code);
}

static int do_ac(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	x86_queue_exception_error(v, AC_VECTOR, 0);
	return BERTH_RUN_AGAIN;
}

/* ---- events ---- */

static int do_vintr(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	svm_close_irq_window(svm);
	return BERTH_RUN_AGAIN;
}

/* NMIs are masked until the IRET is over, which svm_inject_finish() notices. */
static int do_iret(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	svm->exiting |= SVM_EXITING_IRET;
	svm->iret_rip = v->rip;
	svm_update_traps(v);
	return BERTH_RUN_AGAIN;
}

/* The VMCB's contents are undefined now (15.14.3). */
static int do_shutdown(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	u64 pat = svm->vmcb->save.g_pat;

	svm_vmcb_init(v);
	svm->vmcb->save.g_pat = pat;
	x86_reset_regs(v, true);
	if (v->lapic)
		x86_lapic_reset(v, true);
	v->core.run->exit_reason = KVM_EXIT_SHUTDOWN;
	return BERTH_RUN_USER;
}

/* ---- memory ---- */

/*
 * A fault of the nested tables (15.25.6).  No entry of ours has reserved bits set.
 * Device memory cannot be where an event's delivery reads or writes: what to emulate
 * would not be the instruction at RIP.
 */
static int do_npf(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	u64 error = c->exit_info_1;
	gpa_t gpa = c->exit_info_2;
	u32 access = error & X86_PF_WRITE ? S2_W : error & X86_PF_INSTR ? S2_X : S2_R;
	int r;

	if (WARN_ON_ONCE(error & X86_PF_RSVD))
		return x86_exit_internal_error(v, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 3,
					       (u64)code, error, gpa);
	r = berth_s2_fault(&v->core, gpa, access);
	if (likely(r == S2_FAULT_MAPPED))
		return BERTH_RUN_AGAIN;
	if (r == -EINTR)
		return BERTH_RUN_WORK;
	if (r < 0)
		return r;
	if (c->exit_int_info & SVM_EXITINTINFO_VALID)
		return x86_exit_internal_error(v, KVM_INTERNAL_ERROR_DELIVERY_EV, 4,
					       (u64)c->exit_int_info, (u64)code, error, gpa);
	if (svm_decode_assists) {
		v->nr_fetched = min_t(u8, c->insn_len, sizeof(v->fetched));
		memcpy(v->fetched, c->insn_bytes, sizeof(v->fetched));
	}
	/* Of a table walk it is the table's address, not the operand's. */
	return x86_exit_mmio(v, error & NPF_TABLE_WALK ? BERTH_INVALID_GPA : gpa, access);
}

/* ---- what must not happen ---- */

static int invalid(struct x86_vcpu *v)
{
	struct kvm_run *run = v->core.run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = (u32)SVM_EXIT_ERR;
	run->fail_entry.cpu = v->core.cpu;
	return BERTH_RUN_FAILED;
}

static int unexpected(struct x86_vcpu *v, u32 code)
{
	return x86_exit_internal_error(v, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 2,
				       (u64)code, (u64)v->core.cpu);
}

/* ---- the table ---- */

#define EXIT(code, fn, why)	[SVM_EXIT_##code] = { fn, BERTH_EXIT_##why }
#define EXCEPTION(nr, fn, why)	[SVM_EXIT_EXCP_BASE + nr] = { fn, BERTH_EXIT_##why }

static const struct {
	exit_fn fn;
	u8 reason;			/* enum berth_exit_reason */
} exits[] = {
	EXIT(READ_CR0, do_cr, SYSREG),
	EXIT(READ_CR4, do_cr, SYSREG),
	EXIT(WRITE_CR0, do_cr, SYSREG),
	EXIT(WRITE_CR4, do_cr, SYSREG),
	EXIT(WRITE_CR8, do_cr, SYSREG),
	EXIT(CR0_SEL_WRITE, do_cr0_write, SYSREG),
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7] = { do_dr, BERTH_EXIT_SYSREG },
	[SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7] = { do_dr, BERTH_EXIT_SYSREG },
	EXCEPTION(DB_VECTOR, do_db, DEBUG),
	EXCEPTION(BP_VECTOR, do_bp, DEBUG),
	EXCEPTION(UD_VECTOR, do_ud, EXCEPTION),
	EXCEPTION(AC_VECTOR, do_ac, EXCEPTION),
	EXCEPTION(MC_VECTOR, nothing, MACHINE_CHECK),
	EXIT(INTR, nothing, INTERRUPT),
	EXIT(NMI, nothing, NMI),
	EXIT(SMI, nothing, INTERRUPT),
	EXIT(INIT, nothing, INTERRUPT),
	EXIT(VINTR, do_vintr, WINDOW),
	EXIT(RDPMC, do_rdpmc, SYSREG),
	EXIT(CPUID, do_cpuid, IDENTIFY),
	EXIT(RSM, undefined, INSTRUCTION),
	EXIT(IRET, do_iret, WINDOW),
	EXIT(INVD, skip, CACHE),
	EXIT(PAUSE, do_pause, YIELD),
	EXIT(HLT, do_hlt, HALT),
	EXIT(INVLPGA, undefined, INSTRUCTION),
	EXIT(IOIO, do_ioio, PIO),
	EXIT(MSR, do_msr, SYSREG),
	EXIT(FERR_FREEZE, do_ferr, YIELD),
	EXIT(SHUTDOWN, do_shutdown, SHUTDOWN),
	EXIT(VMRUN, undefined, INSTRUCTION),
	EXIT(VMMCALL, do_vmmcall, HYPERCALL),
	EXIT(VMLOAD, undefined, INSTRUCTION),
	EXIT(VMSAVE, undefined, INSTRUCTION),
	EXIT(STGI, undefined, INSTRUCTION),
	EXIT(CLGI, undefined, INSTRUCTION),
	EXIT(SKINIT, undefined, INSTRUCTION),
	EXIT(RDTSCP, undefined, INSTRUCTION),
	EXIT(WBINVD, skip, CACHE),
	EXIT(MONITOR, do_mwait, INSTRUCTION),
	EXIT(MWAIT, do_mwait, INSTRUCTION),
	EXIT(XSETBV, do_xsetbv, SYSREG),
	EXIT(RDPRU, undefined, INSTRUCTION),
	EXIT(INVPCID, undefined, INSTRUCTION),
};

static noinline void trace_exit(struct x86_vcpu *v, struct svm_vcpu *svm, u32 code)
{
	const struct vmcb_control_area *c = &svm->vmcb->control;
	enum berth_exit_reason reason = BERTH_EXIT_UNKNOWN;

	if (code == SVM_EXIT_NPF)
		reason = BERTH_EXIT_FAULT;
	else if (code == SVM_EXIT_ERR)
		reason = BERTH_EXIT_ENTRY_FAILED;
	else if (code < ARRAY_SIZE(exits))
		reason = exits[array_index_nospec(code, ARRAY_SIZE(exits))].reason;
	trace_berth_exit(v->core.id, reason, code, v->rip, c->exit_info_1, c->exit_info_2);
}

/*
 * The host's interrupt came before the guest's next instruction.  Where that is still the
 * one in a shadow the shadow is still there; QEMU's TCG loses it at VMRUN.
 */
static void keep_shadow(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	u32 *state = &svm->vmcb->control.int_state;

	if (likely(!(*state & SVM_INTERRUPT_SHADOW_MASK))) {
		if (likely(v->rip != svm->shadow_rip)) {
			svm->shadow_rip = ~0ull;
			return;
		}
		*state |= SVM_INTERRUPT_SHADOW_MASK;
	}
	svm->shadow_rip = v->rip;
}

/* The frequent ones are compared for: an indirect call costs more than all of that. */
int svm_handle_exit(struct x86_vcpu *v, struct svm_vcpu *svm)
{
	u32 code = svm->vmcb->control.exit_code;
	exit_fn fn;

	if (trace_berth_exit_enabled())
		trace_exit(v, svm, code);
	if (code == SVM_EXIT_NPF)
		return do_npf(v, svm, code);
	if (code == SVM_EXIT_IOIO)
		return do_ioio(v, svm, code);
	if (code == SVM_EXIT_CPUID)
		return do_cpuid(v, svm, code);
	if (code == SVM_EXIT_MSR)
		return do_msr(v, svm, code);
	if (code == SVM_EXIT_INTR) {
		keep_shadow(v, svm);
		return BERTH_RUN_AGAIN;
	}
	if (code == SVM_EXIT_HLT)
		return do_hlt(v, svm, code);
	if (code == SVM_EXIT_VMMCALL)
		return do_vmmcall(v, svm, code);

	if (code == (u32)SVM_EXIT_ERR)
		return invalid(v);
	if (code >= ARRAY_SIZE(exits))
		return unexpected(v, code);
	fn = exits[array_index_nospec(code, ARRAY_SIZE(exits))].fn;
	return fn ? fn(v, svm, code) : unexpected(v, code);
}
