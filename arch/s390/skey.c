// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storage keys (PoP ch. 3 and 10).  All instructions that look at them are intercepted: until the
 * guest's first one all keys are zero.  Afterwards a page's key is its frame's while it has one,
 * and the PGSTE's while it has none; both change under s2.lock.
 */
#include <asm/page.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "s390.h"
#include "insn.h"

/* SSKE's m3, and the same in PFMF's register. */
#define M3_NQ	8
#define M3_MR	4
#define M3_MC	2
#define M3_MB	1

#define PFMF_RESERVED	0xfffc0101UL
#define PFMF_SET_KEY	0x20000
#define PFMF_CLEAR	0x10000
#define PFMF_FRAME	0x7000
#define PFMF_FRAME_1M	0x1000
#define PFMF_FRAME_2G	0x2000
#define PFMF_NQ		0x800

enum key_op {
	KEY_GET,
	KEY_SET,
	KEY_RESET,		/* the reference bit; of the old key that and the change bit are told */
};

/* Old key and, with KEY_SET, new one.  False: there is no table for the page. */
static bool exchange(struct sie_vm *vm, gfn_t gfn, enum key_op op, u8 set, u8 *old)
{
	struct berth_s2 *s2 = &vm->vm.s2;
	u64 *entry;

	write_lock(&s2->lock);
	entry = sie_s2_pte(s2, gfn);
	if (!entry) {
		*old = 0;
	} else if (sie_s2_keyed(entry)) {
		unsigned long frame = *entry & PAGE_MASK;

		/* A store of another vCPU may set the change bit meanwhile: it is not written back. */
		*old = op == KEY_RESET ? page_reset_referenced(frame) << 1 : page_get_storage_key(frame);
		if (op == KEY_SET)
			page_set_storage_key(frame, set, 1);
	} else {
		u64 *pgste = &entry[SIE_PGSTE_OFFSET];

		*old = sie_pgste_key(*pgste);
		if (op != KEY_GET)
			*pgste = sie_pgste_with_key(*pgste, op == KEY_SET ? set : *old & ~_PAGE_REFERENCED);
	}
	write_unlock(&s2->lock);
	return entry;
}

static u8 get_key(struct sie_vm *vm, gfn_t gfn)
{
	u8 key;

	exchange(vm, gfn, KEY_GET, 0, &key);
	return key;
}

/* A table is made for the key, and again if it goes meanwhile.  -ENOMEM. */
static int store_key(struct sie_vm *vm, gfn_t gfn, u8 key)
{
	int r = 0;
	u8 old;

	while (!r && !exchange(vm, gfn, KEY_SET, key, &old))
		r = berth_s2_tables(&vm->vm, gfn);
	return r;
}

u8 sie_key_get(struct sie_vm *vm, gfn_t gfn)
{
	return READ_ONCE(vm->skeys) ? get_key(vm, gfn) : 0;
}

/* The page that an operand's real address is in.  BERTH_RUN_AGAIN: an interruption. */
static int operand_page(struct sie_vcpu *v, u64 address, gpa_t *gpa)
{
	sie_s2_enable_skeys(sie_vm_of(v));
	*gpa = sie_real_to_abs(v, address & sie_address_mask(v) & PAGE_MASK);
	return sie_has_storage(v, *gpa) ? 0 : sie_pgm(v, PGM_ADDRESSING);
}

int sie_iske(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	gpa_t gpa;
	int r;

	r = operand_page(v, v->gprs[regs.r2], &gpa);
	if (r)
		return r;
	v->gprs[regs.r1] = (v->gprs[regs.r1] & ~0xffULL) | get_key(sie_vm_of(v), gpa_to_gfn(gpa));
	return BERTH_RUN_AGAIN;
}

int sie_rrbe(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	gpa_t gpa;
	u8 key;
	int r;

	r = operand_page(v, v->gprs[regs.r2], &gpa);
	if (r)
		return r;
	exchange(sie_vm_of(v), gpa_to_gfn(gpa), KEY_RESET, 0, &key);
	sie_set_cc(v, key >> 1 & 3);
	return BERTH_RUN_AGAIN;
}

/*
 * Set a key, or find that what counts of it is there already: with M3_MR or M3_MC a difference in
 * the reference, or the change bit does not count.  Returns the condition code, or -errno.
 */
static int set_key(struct sie_vm *vm, gfn_t gfn, u8 key, unsigned int m3, u8 *old)
{
	u8 ignored = (m3 & M3_MR ? 4 : 0) | (m3 & M3_MC ? 2 : 0);

	if (ignored) {
		*old = get_key(vm, gfn);
		if (!((*old ^ key) & ~ignored))
			return 0;
	}
	return store_key(vm, gfn, key) ?: !!ignored;
}

static unsigned int m3_installed(struct sie_vcpu *v, unsigned int m3)
{
	const struct sie_model *model = &sie_vm_of(v)->model;

	if (!sie_has_fac(model, 8))
		m3 &= ~M3_MB;
	if (!sie_has_fac(model, 10))
		m3 &= ~(M3_MR | M3_MC);
	if (!sie_has_fac(model, 14))
		m3 &= ~M3_NQ;
	return m3;
}

/* Put an operand's address back, as wide as the addressing mode has it. */
static void set_address(struct sie_vcpu *v, unsigned int r, u64 address)
{
	if (v->block->gpsw.mask & PSW_MASK_EA)
		v->gprs[r] = address;
	else
		v->gprs[r] = (v->gprs[r] & ~0xffffffffULL) | (address & sie_address_mask(v));
}

int sie_sske(struct sie_vcpu *v)
{
	struct sie_regs regs = sie_regs_rre(v);
	unsigned int m3 = m3_installed(v, regs.r3);
	u64 address = v->gprs[regs.r2] & sie_address_mask(v) & PAGE_MASK;
	u8 key = v->gprs[regs.r1] & 0xfe, old = 0;
	u64 end = m3 & M3_MB ? ALIGN_DOWN(address, 1UL << 20) + (1UL << 20) : address + PAGE_SIZE;
	int cc = 0;
	gpa_t gpa;

	sie_s2_enable_skeys(sie_vm_of(v));
	for (; address < end; address += PAGE_SIZE) {
		/* Of several blocks the addresses are absolute. */
		gpa = m3 & M3_MB ? address : sie_real_to_abs(v, address);
		if (!sie_has_storage(v, gpa))
			return sie_pgm(v, PGM_ADDRESSING);
		cc = set_key(sie_vm_of(v), gpa_to_gfn(gpa), key, m3, &old);
		if (cc < 0)
			return cc;
		cond_resched();
	}
	if (m3 & (M3_MR | M3_MC)) {
		if (m3 & M3_MB) {
			cc = 3;
		} else {
			sie_set_cc(v, cc);
			v->gprs[regs.r1] = (v->gprs[regs.r1] & ~0xff00ULL) | (u64)old << 8;
		}
		sie_set_cc(v, cc);
	}
	if (m3 & M3_MB)
		set_address(v, regs.r2, end);
	return BERTH_RUN_AGAIN;
}

int sie_pfmf(struct sie_vcpu *v)
{
	const struct sie_model *model = &sie_vm_of(v)->model;
	struct sie_regs regs = sie_regs_rre(v);
	u64 control = v->gprs[regs.r1], address, end, size = PAGE_SIZE;
	unsigned int m3 = control >> 8 & (M3_MR | M3_MC);
	bool real = false;
	u8 old;
	int r;

	if (!sie_has_fac(model, 8))
		return sie_pgm(v, PGM_OPERATION);
	if (control & PFMF_RESERVED)
		return sie_pgm(v, PGM_SPECIFICATION);
	if ((control & PFMF_NQ) && !sie_has_fac(model, 14))
		return sie_pgm(v, PGM_SPECIFICATION);
	if (!sie_has_fac(model, 10))
		m3 = 0;
	address = v->gprs[regs.r2] & sie_address_mask(v) & PAGE_MASK;
	switch (control & PFMF_FRAME) {
	case 0:
		real = true;
		break;
	case PFMF_FRAME_1M:
		size = 1UL << 20;
		break;
	case PFMF_FRAME_2G:
		/* Only where there are such frames, and 64-bit addresses. */
		if (!sie_has_fac(model, 78) || !(v->block->gpsw.mask & PSW_MASK_EA))
			return sie_pgm(v, PGM_SPECIFICATION);
		size = 1UL << 31;
		break;
	default:
		return sie_pgm(v, PGM_SPECIFICATION);
	}
	if ((control & PFMF_CLEAR) && real && (v->block->gcr[0] & GCR0_LOW_PROTECTION) &&
	    !(address & ~0x1000ULL))
		return sie_pgm(v, PGM_PROTECTION);
	if (control & PFMF_SET_KEY)
		sie_s2_enable_skeys(sie_vm_of(v));
	for (end = ALIGN_DOWN(address, size) + size; address < end; address += PAGE_SIZE) {
		gpa_t gpa = real ? sie_real_to_abs(v, address) : address;

		if (!sie_has_storage(v, gpa))
			return sie_pgm(v, PGM_ADDRESSING);
		if ((control & PFMF_CLEAR) &&
		    berth_write_guest(&v->core, gpa, (void *)empty_zero_page, PAGE_SIZE))
			return sie_pgm(v, PGM_ADDRESSING);
		if (control & PFMF_SET_KEY) {
			r = set_key(sie_vm_of(v), gpa_to_gfn(gpa), control & 0xfe, m3, &old);
			if (r < 0)
				return r;
		}
		/* It may be begun anew from here. */
		if (!real)
			set_address(v, regs.r2, address + PAGE_SIZE);
		cond_resched();
	}
	return BERTH_RUN_AGAIN;
}

/*
 * KVM_S390_GET_SKEYS, KVM_S390_SET_SKEYS (api.rst 4.87, 4.88).
 */
#define CHUNK	512

static bool args_valid(const struct kvm_s390_skeys *args)
{
	return !args->flags && args->count && args->count <= KVM_S390_SKEYS_MAX;
}

long sie_ioctl_get_skeys(struct berth_vm *b, void *data, unsigned long arg)
{
	const struct kvm_s390_skeys *args = data;
	struct sie_vm *vm = to_sie_vm(b);
	u8 keys[CHUNK];
	u64 i, n, done;

	if (args->flags)
		return -EINVAL;
	if (!READ_ONCE(vm->skeys))
		return KVM_S390_GET_SKEYS_NONE;
	if (!args_valid(args))
		return -EINVAL;
	for (done = 0; done < args->count; done += n) {
		n = min_t(u64, args->count - done, CHUNK);
		for (i = 0; i < n; i++) {
			gfn_t gfn = args->start_gfn + done + i;

			if (!sie_has_page(b, gfn_to_gpa(gfn)))
				return -EFAULT;
			keys[i] = get_key(vm, gfn);
		}
		if (copy_to_user((u8 __user *)args->skeydata_addr + done, keys, n))
			return -EFAULT;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

long sie_ioctl_set_skeys(struct berth_vm *b, void *data, unsigned long arg)
{
	const struct kvm_s390_skeys *args = data;
	struct sie_vm *vm = to_sie_vm(b);
	u8 keys[CHUNK];
	u64 i, n, done;
	int r;

	if (!args_valid(args))
		return -EINVAL;
	for (done = 0; done < args->count; done += n) {
		n = min_t(u64, args->count - done, CHUNK);
		if (copy_from_user(keys, (u8 __user *)args->skeydata_addr + done, n))
			return -EFAULT;
		sie_s2_enable_skeys(vm);
		for (i = 0; i < n; i++) {
			gfn_t gfn = args->start_gfn + done + i;

			if (!sie_has_page(b, gfn_to_gpa(gfn)))
				return -EFAULT;
			/* There is no such bit. */
			if (keys[i] & 1)
				return -EINVAL;
			r = store_key(vm, gfn, keys[i]);
			if (r)
				return r;
		}
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
