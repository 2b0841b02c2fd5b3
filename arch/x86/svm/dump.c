// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state and its VMCB in the log, for entries that the CPU refused.
 */

#include "svm.h"

static void dump_segment(const char *name, const struct vmcb_seg *s)
{
	pr_err("  %-4s %04x attr %04x limit %08x base %016llx\n", name, s->selector, s->attrib,
	       s->limit, s->base);
}

static void dump_registers(struct x86_vcpu *v)
{
	const u64 *r = v->gpr;

	pr_err("  rip %016llx rflags %08llx dr6 %08llx dr7 %08llx\n", v->rip, v->rflags, v->dr6,
	       v->dr7);
	pr_err("  rax %016llx rcx %016llx rdx %016llx rbx %016llx\n", r[0], r[1], r[2], r[3]);
	pr_err("  rsp %016llx rbp %016llx rsi %016llx rdi %016llx\n", r[4], r[5], r[6], r[7]);
	pr_err("  r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n", r[8], r[9], r[10], r[11]);
	pr_err("  r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n", r[12], r[13], r[14], r[15]);
}

static void dump_control(const struct vmcb_control_area *c)
{
	const u32 *i = c->intercepts;

	pr_err("  intercepts cr %08x dr %08x exceptions %08x %08x %08x %08x\n", i[0], i[1], i[2],
	       i[3], i[4], i[5]);
	pr_err("  exit %08x%08x info %016llx %016llx intinfo %08x error %08x\n", c->exit_code_hi,
	       c->exit_code, c->exit_info_1, c->exit_info_2, c->exit_int_info,
	       c->exit_int_info_err);
	pr_err("  eventinj %08x error %08x int_ctl %08x vector %08x state %08x\n", c->event_inj,
	       c->event_inj_err, c->int_ctl, c->int_vector, c->int_state);
	pr_err("  nested_ctl %llx ncr3 %016llx asid %u tlb_ctl %u clean %08x\n", c->nested_ctl,
	       c->nested_cr3, c->asid, c->tlb_ctl, c->clean);
	pr_err("  iopm %016llx msrpm %016llx tsc_offset %016llx next_rip %016llx\n",
	       c->iopm_base_pa, c->msrpm_base_pa, c->tsc_offset, c->next_rip);
}

static void dump_save(const struct vmcb_save_area *s)
{
	dump_segment("cs", &s->cs);
	dump_segment("ss", &s->ss);
	dump_segment("ds", &s->ds);
	dump_segment("es", &s->es);
	dump_segment("fs", &s->fs);
	dump_segment("gs", &s->gs);
	dump_segment("tr", &s->tr);
	dump_segment("ldtr", &s->ldtr);
	dump_segment("gdtr", &s->gdtr);
	dump_segment("idtr", &s->idtr);
	pr_err("  cpl %u efer %08llx cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx\n", s->cpl,
	       s->efer, s->cr0, s->cr2, s->cr3, s->cr4);
	pr_err("  rip %016llx rflags %08llx rsp %016llx rax %016llx\n", s->rip, s->rflags,
	       s->rsp, s->rax);
	pr_err("  dr6 %08llx dr7 %08llx pat %016llx star %016llx lstar %016llx\n", s->dr6,
	       s->dr7, s->g_pat, s->star, s->lstar);
	pr_err("  cstar %016llx sfmask %08llx kernel_gs_base %016llx\n", s->cstar, s->sfmask,
	       s->kernel_gs_base);
	pr_err("  sysenter cs %llx esp %016llx eip %016llx\n", s->sysenter_cs, s->sysenter_esp,
	       s->sysenter_eip);
}

void svm_dump(struct x86_vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	pr_err("vcpu %u on cpu %u, vmcb %pa: guest cr0 %08llx cr4 %08llx efer %08llx\n",
	       v->core.id, v->core.cpu, &svm->vmcb_pa, svm_get_cr(v, 0), svm->cr4, svm->efer);
	dump_registers(v);
	dump_control(&svm->vmcb->control);
	dump_save(&svm->vmcb->save);
}
