// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that SIE leaves to its program (PoP ch. 10 and 14), by opcode.  What is not here is
 * user space's.
 */
#include <linux/minmax.h>
#include <linux/seq_file.h>
#include <asm/sysinfo.h>
#include <asm/ebcdic.h>
#include <linux/slab.h>
#include "s390.h"
#include "insn.h"

static bool problem_state(const struct sie_vcpu *v)
{
	return v->block->gpsw.mask & PSW_MASK_PSTATE;
}

/*
 * CPU identity and control.
 */
static int stidp(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u64 id = sie_vm_of(v)->model.cpuid;

	if (op.address & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	return sie_store_operand(v, op.address, op.ar, &id, sizeof(id)) ?:
	       BERTH_RUN_AGAIN;
}

static int stap_insn(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u16 address = v->core.id;

	if (op.address & 1)
		return sie_pgm(v, PGM_SPECIFICATION);
	return sie_store_operand(v, op.address, op.ar, &address, sizeof(address)) ?: BERTH_RUN_AGAIN;
}

static int stpx(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u32 prefix = v->prefix;

	if (op.address & 3)
		return sie_pgm(v, PGM_SPECIFICATION);
	return sie_store_operand(v, op.address, op.ar, &prefix, sizeof(prefix)) ?:
	       BERTH_RUN_AGAIN;
}

static int spx(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u32 prefix;
	int r;

	if (op.address & 3)
		return sie_pgm(v, PGM_SPECIFICATION);
	r = sie_load_operand(v, op.address, op.ar, &prefix, sizeof(prefix));
	if (r)
		return r;
	prefix &= 0x7fffe000;
	if (!sie_has_storage(v, prefix) || !sie_has_storage(v, prefix + PAGE_SIZE))
		return sie_pgm(v, PGM_ADDRESSING);
	sie_set_prefix(v, prefix);
	return BERTH_RUN_AGAIN;
}

static int sck(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u64 tod;
	int r;

	if (op.address & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	r = sie_load_operand(v, op.address, op.ar, &tod, sizeof(tod));
	if (r)
		return r;
	sie_set_tod(sie_vm_of(v), tod);
	sie_set_cc(v, 0);
	return BERTH_RUN_AGAIN;
}

/* No function is there, not even the one that tells which are. */
static int ptff_insn(struct sie_vcpu *v)
{
	sie_set_cc(v, 3);
	return BERTH_RUN_AGAIN;
}

static int sckpf(struct sie_vcpu *v)
{
	if (v->gprs[0] & 0xffff0000)
		return sie_pgm(v, PGM_SPECIFICATION);
	v->block->todpr = v->gprs[0] & 0xffff;
	return BERTH_RUN_AGAIN;
}

static int stfl(struct sie_vcpu *v)
{
	u32 list = sie_vm_of(v)->model.fac_list[0] >> 32;

	return sie_write_real(v, offsetof(struct lowcore, stfl_fac_list), &list, sizeof(list)) ?:
	       BERTH_RUN_AGAIN;
}

/* SYSIB 3.2.2: that the guest is one of a hypervisor's, and of which. */
static void sysib_3_2_2(struct sie_vcpu *v, struct sysinfo_3_2_2 *sysib)
{
	unsigned int cpus = atomic_read(&v->core.vm->online_vcpus);
	static const char name[] = "KVMguest", program[] = "KVM/Linux       ";

	/* Above us the host may be a guest itself. */
	if (stsi(sysib, 3, 2, 2))
		memset(sysib, 0, PAGE_SIZE);
	if (sysib->count < ARRAY_SIZE(sysib->vm))
		sysib->count++;
	memmove(&sysib->vm[1], &sysib->vm[0],
		(ARRAY_SIZE(sysib->vm) - 1) * sizeof(sysib->vm[0]));
	memset(&sysib->vm[0], 0, sizeof(sysib->vm[0]));
	sysib->vm[0].cpus_total = cpus;
	sysib->vm[0].cpus_configured = cpus;
	sysib->vm[0].caf = 1000;
	memcpy(&sysib->vm[0].name, name, 8);
	memcpy(&sysib->vm[0].cpi, program, 16);
	ASCEBC((u8 *)&sysib->vm[0].name, 8);
	ASCEBC((u8 *)&sysib->vm[0].cpi, 16);
}

/* Whether there is such a block; it is in @page then. */
static bool sysib(struct sie_vcpu *v, void *page, unsigned int fc, unsigned int sel1,
		  unsigned int sel2)
{
	if (fc == 1 || fc == 2)
		return !stsi(page, fc, sel1, sel2);
	if (fc != 3 || sel1 != 2 || sel2 != 2)
		return false;
	sysib_3_2_2(v, page);
	return true;
}

static int stsi_insn(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	unsigned int fc = (u32)v->gprs[0] >> 28;
	unsigned int sel1 = v->gprs[0] & 0xff, sel2 = v->gprs[1] & 0xffff;
	struct kvm_run *run = v->core.run;
	void *page;
	int r;

	if ((v->gprs[0] & 0x0fffff00) || (v->gprs[1] & 0xffff0000))
		return sie_pgm(v, PGM_SPECIFICATION);
	if (fc == 0) {
		/* The level of the configuration: a virtual machine's. */
		v->gprs[0] = (v->gprs[0] & ~0xffffffffULL) | 3U << 28;
		sie_set_cc(v, 0);
		return BERTH_RUN_AGAIN;
	}
	if (op.address & ~PAGE_MASK)
		return sie_pgm(v, PGM_SPECIFICATION);
	if (fc > 3) {
		sie_set_cc(v, 3);
		return BERTH_RUN_AGAIN;
	}
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	if (!sysib(v, page, fc, sel1, sel2)) {
		free_page((unsigned long)page);
		sie_set_cc(v, 3);
		return BERTH_RUN_AGAIN;
	}
	r = sie_store_operand(v, op.address, op.ar, page, PAGE_SIZE);
	free_page((unsigned long)page);
	if (r)
		return r;
	v->gprs[0] &= ~0xffffffffULL;
	sie_set_cc(v, 0);
	if (!sie_user(sie_vm_of(v), SIE_USER_STSI))
		return BERTH_RUN_AGAIN;
	run->exit_reason = KVM_EXIT_S390_STSI;
	run->s390_stsi.addr = op.address;
	run->s390_stsi.ar = op.ar;
	run->s390_stsi.fc = fc;
	run->s390_stsi.sel1 = sel1;
	run->s390_stsi.sel2 = sel2;
	return BERTH_RUN_USER;
}

/* Store hypervisor information: what the host knows of its own hypervisors is the guest's, too. */
int sie_sthyi(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	u64 address = v->gprs[regs.r2], rc = 0;
	void *page;
	int r, cc;

	if (!sie_has_fac(&sie_vm_of(v)->model, SIE_FAC_STHYI))
		return sie_pgm(v, PGM_OPERATION);
	if (regs.r1 == regs.r2 || (regs.r1 & 1) || (regs.r2 & 1))
		return sie_pgm(v, PGM_SPECIFICATION);
	/* There is one function. */
	if (v->gprs[regs.r1] & 0xffff) {
		v->gprs[regs.r2 + 1] = 4;
		sie_set_cc(v, 3);
		return BERTH_RUN_AGAIN;
	}
	if (address & ~PAGE_MASK)
		return sie_pgm(v, PGM_SPECIFICATION);
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	cc = sthyi_fill(page, &rc);
	r = min(cc, 0);
	if (!cc)
		r = sie_store_operand(v, address & sie_address_mask(v), regs.r2, page, PAGE_SIZE);
	free_page((unsigned long)page);
	if (r)
		return r;
	v->gprs[regs.r2 + 1] = rc;
	sie_set_cc(v, cc);
	return BERTH_RUN_AGAIN;
}

/*
 * PSWs and control registers.
 */
/* PoP ch. 4, "Program-Status-Word Format". */
bool sie_psw_valid(const psw_t *psw)
{
	u64 mode = psw->mask & (PSW_MASK_EA | PSW_MASK_BA);

	if (psw->mask & 0xb80800fe7fffffffULL)
		return false;
	if (mode == PSW_MASK_EA)
		return false;
	if (!mode)
		return !(psw->addr & ~0xffffffULL);
	return mode != PSW_MASK_BA || !(psw->addr & ~0x7fffffffULL);
}

static int load_psw(struct sie_vcpu *v, const psw_t *psw)
{
	v->block->gpsw = *psw;
	if (sie_psw_valid(psw))
		return BERTH_RUN_AGAIN;
	/* An early exception: the PSW is in place, and there is no instruction. */
	return sie_inject(v, &(struct kvm_s390_irq) {
		.type = KVM_S390_PROGRAM_INT,
		.u.pgm = {
			.code = PGM_SPECIFICATION,
			.flags = KVM_S390_PGM_FLAGS_ILC_VALID | KVM_S390_PGM_FLAGS_NO_REWIND,
		},
	}) ?: BERTH_RUN_AGAIN;
}

static int lpswe(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	psw_t psw;
	int r;

	if (op.address & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	r = sie_load_operand(v, op.address, op.ar, &psw, sizeof(psw));
	return r ?: load_psw(v, &psw);
}

/* The short format: 31 bits of address, and bit 12 inverted. */
static int lpsw(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u32 short_psw[2];
	psw_t psw;
	int r;

	if (op.address & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	r = sie_load_operand(v, op.address, op.ar, short_psw, sizeof(short_psw));
	if (r)
		return r;
	if (!(short_psw[0] & 0x00080000))
		return sie_pgm(v, PGM_SPECIFICATION);
	psw.mask = ((u64)short_psw[0] & ~0x00080000ULL) << 32 | (short_psw[1] & 0x80000000);
	psw.addr = short_psw[1] & 0x7fffffff;
	return load_psw(v, &psw);
}

/* Bytes that LCTL and its kin move: from register r1 to r3, which may wrap. */
static unsigned int nr_registers(struct sie_regs regs)
{
	return ((regs.r3 - regs.r1) & 15) + 1;
}

static int lctl(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	struct sie_regs regs = sie_regs_rs(v);
	unsigned int i, n = nr_registers(regs);
	u32 value[16];
	int r;

	if (op.address & 3)
		return sie_pgm(v, PGM_SPECIFICATION);
	r = sie_load_operand(v, op.address, op.ar, value, n * sizeof(value[0]));
	for (i = 0; i < n && !r; i++) {
		u64 *cr = &v->block->gcr[(regs.r1 + i) & 15];

		*cr = (*cr & ~0xffffffffULL) | value[i];
	}
	return r ?: BERTH_RUN_AGAIN;
}

static int stctl(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	struct sie_regs regs = sie_regs_rs(v);
	unsigned int i, n = nr_registers(regs);
	u32 value[16];

	if (op.address & 3)
		return sie_pgm(v, PGM_SPECIFICATION);
	for (i = 0; i < n; i++)
		value[i] = v->block->gcr[(regs.r1 + i) & 15];
	return sie_store_operand(v, op.address, op.ar, value, n * sizeof(value[0])) ?:
	       BERTH_RUN_AGAIN;
}

static int lctlg(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_rsy(v);
	struct sie_regs regs = sie_regs_rs(v);
	unsigned int i, n = nr_registers(regs);
	u64 value[16];
	int r;

	if (op.address & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	r = sie_load_operand(v, op.address, op.ar, value, n * sizeof(value[0]));
	for (i = 0; i < n && !r; i++)
		v->block->gcr[(regs.r1 + i) & 15] = value[i];
	return r ?: BERTH_RUN_AGAIN;
}

static int stctg(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_rsy(v);
	struct sie_regs regs = sie_regs_rs(v);
	unsigned int i, n = nr_registers(regs);
	u64 value[16];

	if (op.address & 7)
		return sie_pgm(v, PGM_SPECIFICATION);
	for (i = 0; i < n; i++)
		value[i] = v->block->gcr[(regs.r1 + i) & 15];
	return sie_store_operand(v, op.address, op.ar, value, n * sizeof(value[0])) ?:
	       BERTH_RUN_AGAIN;
}

static int epsw(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	u64 mask = v->block->gpsw.mask;

	v->gprs[regs.r1] = (v->gprs[regs.r1] & ~0xffffffffULL) | mask >> 32;
	if (regs.r2)
		v->gprs[regs.r2] = (v->gprs[regs.r2] & ~0xffffffffULL) | (u32)mask;
	return BERTH_RUN_AGAIN;
}

/*
 * Storage.
 */
static int test_block(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	u64 address = v->gprs[regs.r2] & sie_address_mask(v) & PAGE_MASK;
	void *page = (void *)empty_zero_page;
	gpa_t gpa;

	if ((v->block->gcr[0] & GCR0_LOW_PROTECTION) && !(address & ~0x1000ULL))
		return sie_pgm(v, PGM_PROTECTION);
	gpa = sie_real_to_abs(v, address);
	if (!sie_has_storage(v, gpa))
		return sie_pgm(v, PGM_ADDRESSING);
	if (berth_write_guest(&v->core, gpa, page, PAGE_SIZE))
		return -EFAULT;
	v->gprs[0] = 0;
	sie_set_cc(v, 0);
	return BERTH_RUN_AGAIN;
}

/* The condition code: stores, fetches or neither are permitted, or there is no page. */
static int tprot(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	u8 key = sie_operand_second(v).address >> 4 & 0xf;
	struct sie_fault fault;
	unsigned int cc = 0;
	bool r;

	r = sie_check_key(v, op.address, op.ar, key, 1, SIE_STORE, &fault);
	if (r && fault.code == PGM_PROTECTION) {
		cc = 1;
		r = sie_check_key(v, op.address, op.ar, key, 1, SIE_FETCH, &fault);
	}
	if (r && (fault.code == PGM_ADDRESSING || fault.code == PGM_TRANSLATION_SPEC))
		return sie_inject_fault(v, &fault);
	if (r)
		cc = fault.code == PGM_PROTECTION ? 2 : 3;
	sie_set_cc(v, cc);
	return BERTH_RUN_AGAIN;
}

/* Both pages are brought in, and it is done again; its key is SIE's to check. */
int sie_mvpg(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	u64 mask = sie_address_mask(v) & PAGE_MASK;
	struct sie_fault fault;
	gpa_t from, to;
	int r;

	if (sie_translate(v, v->gprs[regs.r2] & mask, regs.r2, SIE_FETCH, &from, &fault) ||
	    sie_translate(v, v->gprs[regs.r1] & mask, regs.r1, SIE_STORE, &to, &fault))
		return sie_inject_fault(v, &fault);
	r = sie_s2_bring(v, from, false) ?: sie_s2_bring(v, to, true);
	if (r)
		return r;
	sie_rewind(v);
	return BERTH_RUN_AGAIN;
}

/* Without collaborative memory there is no such instruction. */
static int essa(struct sie_vcpu *v)
{
	return sie_pgm(v, PGM_OPERATION);
}

/*
 * I/O: with the channel subsystem in user space only what concerns waiting interruptions is ours.
 */
static int tpi(struct sie_vcpu *v)
{
	struct sie_operand op = sie_operand_s(v);
	struct sie_vm *vm = sie_vm_of(v);
	struct sie_waiting *w;
	u32 code[3];
	int r;

	if (op.address & 3)
		return sie_pgm(v, PGM_SPECIFICATION);
	w = sie_take_io(vm, v->block->gcr[6] >> 24, 0);
	if (!w) {
		sie_set_cc(v, 0);
		return BERTH_RUN_AGAIN;
	}
	code[0] = (u32)w->irq.u.io.subchannel_id << 16 | w->irq.u.io.subchannel_nr;
	code[1] = w->irq.u.io.io_int_parm;
	code[2] = w->irq.u.io.io_int_word;
	/* Address 0 is the lowcore's, with the third word. */
	if (op.address)
		r = sie_store_operand(v, op.address, op.ar, code, 8);
	else
		r = sie_write_real(v, offsetof(struct lowcore, subchannel_id), code, sizeof(code));
	if (r) {
		sie_return_io(vm, w);
		return r;
	}
	kfree(w);
	sie_set_cc(v, 1);
	return BERTH_RUN_AGAIN;
}

static int tsch(struct sie_vcpu *v)
{
	struct kvm_run *run = v->core.run;
	struct sie_waiting *w = NULL;

	if ((u32)v->gprs[1])
		w = sie_take_io(sie_vm_of(v), 0xff, v->gprs[1]);
	run->exit_reason = KVM_EXIT_S390_TSCH;
	run->s390_tsch.dequeued = !!w;
	if (w) {
		run->s390_tsch.subchannel_id = w->irq.u.io.subchannel_id;
		run->s390_tsch.subchannel_nr = w->irq.u.io.subchannel_nr;
		run->s390_tsch.io_int_parm = w->irq.u.io.io_int_parm;
		run->s390_tsch.io_int_word = w->irq.u.io.io_int_word;
	}
	run->s390_tsch.ipb = v->block->ipb;
	kfree(w);
	return BERTH_RUN_USER;
}

static int io(struct sie_vcpu *v)
{
	if (!sie_user(sie_vm_of(v), SIE_USER_CSS)) {
		/* There are no channels. */
		sie_set_cc(v, 3);
		return BERTH_RUN_AGAIN;
	}
	switch (v->block->ipa & 0xff) {
	case 0x35:
		return tsch(v);
	case 0x36:
		return tpi(v);
	default:
		return SIE_TO_USER;
	}
}

struct insn {
	u16 opcode;
	bool privileged;
	int (*handle)(struct sie_vcpu *v);
};

static const struct insn two_bytes[] = {
	{ 0x0104, false, ptff_insn },
	{ 0x0107, true,  sckpf },
	{ 0xb202, true,  stidp },
	{ 0xb204, true,  sck },
	{ 0xb210, true,  spx },
	{ 0xb211, true,  stpx },
	{ 0xb212, true,  stap_insn },
	{ 0xb229, true,  sie_iske },
	{ 0xb22a, true,  sie_rrbe },
	{ 0xb22b, true,  sie_sske },
	{ 0xb22c, true,  test_block },
	{ 0xb230, true,  io },		/* CSCH */
	{ 0xb231, true,  io },		/* HSCH */
	{ 0xb232, true,  io },		/* MSCH */
	{ 0xb233, true,  io },		/* SSCH */
	{ 0xb234, true,  io },		/* STSCH */
	{ 0xb235, true,  io },		/* TSCH */
	{ 0xb236, true,  io },		/* TPI */
	{ 0xb237, true,  io },		/* SAL */
	{ 0xb238, true,  io },		/* RSCH */
	{ 0xb239, true,  io },		/* STCRW */
	{ 0xb23a, true,  io },		/* STCPS */
	{ 0xb23b, true,  io },		/* RCHP */
	{ 0xb23c, true,  io },		/* SCHM */
	{ 0xb221, true,  sie_interlock_wait },	/* IPTE */
	{ 0xb250, true,  sie_interlock_wait },	/* CSP */
	{ 0xb256, false, sie_sthyi },
	{ 0xb25f, true,  io },		/* CHSC */
	{ 0xb274, true,  io },		/* SIGA */
	{ 0xb276, true,  io },		/* XSCH */
	{ 0xb27d, true,  stsi_insn },
	{ 0xb2b1, true,  stfl },
	{ 0xb2b2, true,  lpswe },
	{ 0xb98a, true,  sie_interlock_wait },	/* CSPG */
	{ 0xb98d, false, epsw },
	{ 0xb98e, true,  sie_interlock_wait },	/* IDTE */
	{ 0xb98f, true,  sie_interlock_wait },	/* CRDTE */
	{ 0xb9ab, false, essa },
	{ 0xb9af, true,  sie_pfmf },
	{ 0xe501, true,  tprot },
};

/* By the first byte, and by the first and the last. */
static const struct insn one_byte[] = {
	{ 0x82, true,  lpsw },
	{ 0x83, true,  sie_diag },
	{ 0xae, true,  sie_sigp },
	{ 0xb6, true,  stctl },
	{ 0xb7, true,  lctl },
};

static const struct insn six_bytes[] = {
	{ 0xeb25, true,  stctg },
	{ 0xeb2f, true,  lctlg },
};

static const struct insn *find(const struct insn *table, unsigned int n, u16 opcode)
{
	for (; n; n--, table++)
		if (table->opcode == opcode)
			return table;
	return NULL;
}

/* By the bytes that its format has as the operation code. */
static const struct insn *lookup(u16 ipa, u32 ipb)
{
	switch (ipa >> 8) {
	case 0x01:
	case 0xb2:
	case 0xb9:
	case 0xe5:
		return find(two_bytes, ARRAY_SIZE(two_bytes), ipa);
	case 0xeb:
		return find(six_bytes, ARRAY_SIZE(six_bytes), (ipa & 0xff00) | (ipb & 0xff));
	default:
		return find(one_byte, ARRAY_SIZE(one_byte), ipa >> 8);
	}
}

int sie_instruction(struct sie_vcpu *v)
{
	const struct insn *insn = lookup(v->block->ipa, v->block->ipb);

	v->core.stats.instructions_emulated++;
	if (!insn)
		return SIE_TO_USER;
	if (insn->privileged && problem_state(v))
		return sie_pgm(v, PGM_PRIVILEGED);
	return insn->handle(v);
}
