// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own addresses: access-register translation and DAT in its tables (PoP ch. 3 and 5),
 * and storage by logical addresses, with the program interruption that the guest's own access would
 * have met.
 */
#include "s390.h"

/* Address-space-control elements. */
#define ASCE_ORIGIN	(~0xfffULL)
#define ASCE_PRIVATE	0x100
#define ASCE_REAL	0x20

/* Region and segment-table entries. */
#define ENTRY_INVALID	0x20
#define ENTRY_PROTECT	0x200
#define ENTRY_FRAME	0x400		/* format control: an EDAT frame */
#define ENTRY_COMMON	0x10
#define ENTRY_ORIGIN	(~0xfffULL)
#define SEGMENT_ORIGIN	(~0x7ffULL)
#define PTE_ZERO	0x800

/* TEID: which space, fetch or store, and what protects (PoP ch. 3, "Suppression on Protection"). */
enum space { SPACE_PRIMARY, SPACE_AR, SPACE_SECONDARY, SPACE_HOME };
#define TEID_SPACE	0x003
#define TEID_DAT	0x004
#define TEID_KEY	0x008
#define TEID_LOW	0x080
#define TEID_STORE	0x400
#define TEID_FETCH	0x800
#define TEID_PROTECTION	(TEID_DAT | TEID_KEY | TEID_LOW)

/* Below this fetch protection may be overridden. */
#define FETCH_OVERRIDE	2048

int sie_read_real(struct sie_vcpu *v, u64 real, void *data, unsigned int len)
{
	return berth_read_guest(v->core.vm, sie_real_to_abs(v, real), data, len);
}

int sie_write_real(struct sie_vcpu *v, u64 real, const void *data, unsigned int len)
{
	return berth_write_guest(&v->core, sie_real_to_abs(v, real), data, len);
}

/*
 * The IPTE interlock (SA22-7095, "System Control Area").
 */
#define INTERLOCK	0x8000000000000000ULL
/* A vCPU has the lock as long as one instruction takes; Hercules may forget it (docs/limits.md). */
#define FORGOTTEN_NS	(10 * NSEC_PER_MSEC)

int sie_interlock_init(struct sie_vm *vm)
{
	struct sie_interlock *lock = &vm->interlock;

	/* SIE has 32 bits for its address. */
	lock->control = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT | GFP_DMA);
	mutex_init(&lock->lock);
	init_waitqueue_head(&lock->free);
	return lock->control ? 0 : -ENOMEM;
}

void sie_interlock_destroy(struct sie_vm *vm)
{
	free_page((unsigned long)vm->interlock.control);
}

void sie_interlock_hold(struct sie_vm *vm)
{
	struct sie_interlock *lock = &vm->interlock;
	u64 old, end;

	mutex_lock(&lock->lock);
	WRITE_ONCE(lock->holders, lock->holders + 1);
	if (lock->holders == 1) {
		end = ktime_get_ns() + FORGOTTEN_NS;
		for (;;) {
			old = READ_ONCE(*lock->control) & ~INTERLOCK;
			if (cmpxchg(lock->control, old, old | INTERLOCK) == old ||
			    ktime_get_ns() > end)
				break;
			cond_resched();
		}
	}
	mutex_unlock(&lock->lock);
}

void sie_interlock_release(struct sie_vm *vm)
{
	struct sie_interlock *lock = &vm->interlock;
	u64 old;

	mutex_lock(&lock->lock);
	WRITE_ONCE(lock->holders, lock->holders - 1);
	if (!lock->holders) {
		do {
			old = READ_ONCE(*lock->control);
		} while (cmpxchg(lock->control, old, old & ~INTERLOCK) != old);
		wake_up_all(&lock->free);
	}
	mutex_unlock(&lock->lock);
}

int sie_interlock_wait(struct sie_vcpu *v)
{
	struct sie_interlock *lock = &sie_vm_of(v)->interlock;

	/* A signal is seen on the way to the next try. */
	wait_event_interruptible(lock->free, !READ_ONCE(lock->holders));
	if (READ_ONCE(*lock->control) & INTERLOCK) {
		sie_interlock_hold(sie_vm_of(v));
		sie_interlock_release(sie_vm_of(v));
	}
	sie_rewind(v);
	return BERTH_RUN_AGAIN;
}

/* What DAT found on its way. */
struct walk {
	u64 real;
	bool protected;			/* it may not be stored to */
	u64 entries[SIE_WALK_ENTRIES];	/* where those lie that it looked at */
	unsigned int nr_entries;
};

/* One entry of a table; 0 or the interruption. */
static u16 fetch(struct sie_vcpu *v, struct walk *w, u64 address, u64 *entry)
{
	w->entries[w->nr_entries++] = address;
	return sie_read_real(v, address, entry, sizeof(*entry)) ? PGM_ADDRESSING : 0;
}

/*
 * Access-register translation (PoP ch. 5): the ASCE of access register @ar.  0 or the interruption.
 */
static u16 art_lists(struct sie_vcpu *v, u32 alet, enum sie_access access, u64 *asce)
{
	const u64 *cr = v->block->gcr;
	u32 ald, aste[16], ale[4], authority, index;
	u64 designation;
	u16 eax = cr[8] >> 16;

	if (alet & 0xfe000000)
		return PGM_ALET_SPECIFICATION;
	/* The primary space's list, or the dispatchable unit's. */
	designation = (alet & 0x01000000 ? cr[5] : cr[2]) & 0x7fffffc0;
	if (sie_read_real(v, designation + 16, &ald, sizeof(ald)))
		return PGM_ADDRESSING;
	if ((alet & 0xffff) >> 3 > (ald & 0x7f))
		return PGM_ALEN_TRANSLATION;
	if (sie_read_real(v, (ald & 0x7fffff80) + (alet & 0xffff) * 16, ale, sizeof(ale)))
		return PGM_ADDRESSING;
	if (ale[0] & 0x80000000)
		return PGM_ALEN_TRANSLATION;
	if ((ale[0] ^ alet) & 0x00ff0000)
		return PGM_ALE_SEQUENCE;
	if (sie_read_real(v, ale[2] & 0x7fffffc0, aste, sizeof(aste)))
		return PGM_ADDRESSING;
	if (aste[0] & 0x80000000)
		return PGM_ASTE_VALIDITY;
	if (aste[5] != ale[3])
		return PGM_ASTE_SEQUENCE;
	/* A private entry is for whom it names, or whom the authority table lets in. */
	if ((ale[0] & 0x01000000) && (u16)ale[0] != eax) {
		index = eax >> 4;
		if (index > (aste[1] >> 4 & 0xfff) ||
		    sie_read_real(v, (aste[0] & 0x7ffffffc) + (eax >> 2), &authority, 1))
			return PGM_EXTENDED_AUTHORITY;
		/* Two bits each: primary and secondary authority; the latter counts. */
		if (!(authority >> 24 & 0x40 >> (eax & 3) * 2))
			return PGM_EXTENDED_AUTHORITY;
	}
	if ((ale[0] & 0x02000000) && access == SIE_STORE)
		return PGM_PROTECTION;
	*asce = (u64)aste[2] << 32 | aste[3];
	return 0;
}

static u16 art(struct sie_vcpu *v, unsigned int ar, enum sie_access access, u64 *asce)
{
	u32 alet = 0;

	if (ar) {
		/* Between runs the CPU's are the thread's own. */
		if (v->running)
			save_access_regs(v->acrs);
		alet = v->running ? v->acrs[ar] : READ_ONCE(v->core.run->s.regs.acrs[ar]);
	}
	switch (alet) {
	case 0:
		*asce = v->block->gcr[1];
		return 0;
	case 1:
		*asce = v->block->gcr[7];
		return 0;
	default:
		return art_lists(v, alet, access, asce);
	}
}

/* Bits of a virtual address that index region-first to segment tables: level 3 down to 0. */
static unsigned int table_index(u64 address, unsigned int type)
{
	return address >> (20 + 11 * type) & 0x7ff;
}

static const u16 not_there[] = {
	PGM_SEGMENT_TRANSLATION, PGM_REGION_THIRD, PGM_REGION_SECOND, PGM_REGION_FIRST,
};

/* DAT (PoP ch. 3): where @address is in the space of @asce.  0 or the interruption. */
static u16 dat(struct sie_vcpu *v, u64 asce, u64 address, struct walk *w)
{
	const struct sie_model *model = &sie_vm_of(v)->model;
	bool edat1 = sie_has_fac(model, 8) && (v->block->gcr[0] & GCR0_EDAT);
	bool edat2 = edat1 && sie_has_fac(model, 78);
	unsigned int type = asce >> 2 & 3, first = 0, last = asce & 3, i;
	u64 entry = 0, table = asce & ASCE_ORIGIN;
	u16 code;

	*w = (struct walk){ };
	if (asce & ASCE_REAL) {
		w->real = address;
		return 0;
	}
	for (i = 3; i > type; i--)
		if (table_index(address, i))
			return PGM_ASCE_TYPE;
	for (;; type--) {
		unsigned int index = table_index(address, type);

		if (index >> 9 < first || index >> 9 > last)
			return not_there[type];
		code = fetch(v, w, table + index * sizeof(u64), &entry);
		if (code)
			return code;
		if (entry & ENTRY_INVALID)
			return not_there[type];
		if ((entry >> 2 & 3) != type)
			return PGM_TRANSLATION_SPEC;
		if ((!type || edat1) && (entry & ENTRY_PROTECT))
			w->protected = true;
		if ((entry & ENTRY_FRAME) && (type == 0 ? edat1 : type == 1 && edat2)) {
			u64 mask = (1ULL << (20 + 11 * type)) - 1;

			w->real = (entry & ~mask) | (address & mask);
			return 0;
		}
		if (!type)
			break;
		table = entry & ENTRY_ORIGIN;
		first = entry >> 6 & 3;
		last = entry & 3;
	}
	if ((entry & ENTRY_COMMON) && (asce & ASCE_PRIVATE))
		return PGM_TRANSLATION_SPEC;
	code = fetch(v, w, (entry & SEGMENT_ORIGIN) + (address >> 12 & 0xff) * sizeof(u64), &entry);
	if (code)
		return code;
	if (entry & SIE_PTE_INVALID)
		return PGM_PAGE_TRANSLATION;
	if (entry & PTE_ZERO)
		return PGM_TRANSLATION_SPEC;
	if (entry & SIE_PTE_PROTECT)
		w->protected = true;
	w->real = (entry & PAGE_MASK) | (address & ~PAGE_MASK);
	return 0;
}

/* The space that an access goes to in the guest's mode.  0 or the interruption. */
static u16 space_of(struct sie_vcpu *v, unsigned int ar, enum sie_access access, u64 *asce,
		    enum space *space)
{
	u64 mode = v->block->gpsw.mask & PSW_MASK_ASC;

	*space = SPACE_PRIMARY;
	if (mode == PSW_ASC_HOME) {
		*space = SPACE_HOME;
		*asce = v->block->gcr[13];
	} else if (mode == PSW_ASC_SECONDARY && access != SIE_IFETCH) {
		*space = SPACE_SECONDARY;
		*asce = v->block->gcr[7];
	} else if (mode == PSW_ASC_ACCREG && access != SIE_IFETCH) {
		*space = SPACE_AR;
		return art(v, ar, access, asce);
	} else {
		*asce = v->block->gcr[1];
	}
	return 0;
}

/* What a storage key says to an access with key @key (PoP ch. 3, "Key-Controlled Protection"). */
bool sie_key_allows(u8 storage_key, u8 key, enum sie_access access)
{
	return !key || storage_key >> 4 == key || (access != SIE_STORE && !(storage_key & 0x08));
}

/* With the overrides of CR0. */
static bool key_permits(struct sie_vcpu *v, u64 address, gpa_t gpa, u64 asce, u8 key,
			enum sie_access access)
{
	u64 cr0 = v->block->gcr[0];
	u8 storage_key;

	if (!key)
		return true;
	storage_key = sie_key_get(sie_vm_of(v), gpa_to_gfn(gpa));
	if (sie_key_allows(storage_key, key, access))
		return true;
	if ((cr0 & GCR0_STORAGE_OVERRIDE) && storage_key >> 4 == 9)
		return true;
	return access != SIE_STORE && (cr0 & GCR0_FETCH_OVERRIDE) && !(asce & ASCE_PRIVATE) &&
	       address < FETCH_OVERRIDE;
}

/* Where an access goes: the space of a mode, or the one that the machine has named. */
struct target {
	enum space space;
	u64 asce;
	u16 code;		/* there is no such space */
};

static int translate(struct sie_vcpu *v, u64 address, const struct target *in, unsigned int ar,
		     u8 key, enum sie_access access, gpa_t *gpa, struct sie_fault *fault)
{
	bool on = v->block->gpsw.mask & PSW_MASK_DAT;
	struct walk w = { .real = address };
	u16 code = in->code;

	*fault = (struct sie_fault) {
		.teid = (address & PAGE_MASK) | in->space |
			(access == SIE_STORE ? TEID_STORE : TEID_FETCH),
		.eai = in->space == SPACE_AR ? ar : 0,
	};
	if (code) {
		if (code == PGM_PROTECTION)
			fault->teid |= TEID_KEY | TEID_DAT;
		goto out;
	}
	if (access == SIE_STORE && (v->block->gcr[0] & GCR0_LOW_PROTECTION) &&
	    !(in->asce & ASCE_PRIVATE) && (address & ~0x11ffULL) == 0) {
		fault->teid |= TEID_LOW;
		code = PGM_PROTECTION;
		goto out;
	}
	if (on)
		code = dat(v, in->asce, address, &w);
	if (!code && w.protected && access == SIE_STORE) {
		code = PGM_PROTECTION;
		fault->teid |= TEID_DAT;
	}
	if (code)
		goto out;
	*gpa = sie_real_to_abs(v, w.real);
	if (!sie_has_page(v->core.vm, *gpa)) {
		code = PGM_ADDRESSING;
		goto out;
	}
	if (!key_permits(v, address, *gpa, in->asce, key, access)) {
		code = PGM_PROTECTION;
		fault->teid |= TEID_KEY;
	}
out:
	fault->code = code;
	return !!code;
}

int sie_translate_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key,
		      enum sie_access access, gpa_t *gpa, struct sie_fault *fault)
{
	struct target in = { .space = SPACE_PRIMARY };

	if (v->block->gpsw.mask & PSW_MASK_DAT)
		in.code = space_of(v, ar, access, &in.asce, &in.space);
	return translate(v, address, &in, ar, key, access, gpa, fault);
}

int sie_translate_refused(struct sie_vcpu *v, u64 teid, unsigned int ar, u8 key, gpa_t *gpa,
			  struct sie_fault *fault)
{
	static const u8 cr[] = {
		[SPACE_PRIMARY] = 1, [SPACE_SECONDARY] = 7, [SPACE_HOME] = 13,
	};
	struct target in = { .space = teid & TEID_SPACE };

	if (!(v->block->gpsw.mask & PSW_MASK_DAT))
		in.space = SPACE_PRIMARY;
	else if (in.space == SPACE_AR)
		in.code = art(v, ar, SIE_STORE, &in.asce);
	else
		in.asce = v->block->gcr[cr[in.space]];
	return translate(v, teid & PAGE_MASK, &in, ar, key, SIE_STORE, gpa, fault);
}

unsigned int sie_walk_fetch(struct sie_vcpu *v, u64 address, u64 *entries)
{
	enum space space;
	struct walk w;
	u64 asce;

	if (!(v->block->gpsw.mask & PSW_MASK_DAT) || space_of(v, 0, SIE_IFETCH, &asce, &space))
		return 0;
	dat(v, asce, address, &w);
	memcpy(entries, w.entries, sizeof(w.entries));
	return w.nr_entries;
}

int sie_translate(struct sie_vcpu *v, u64 address, unsigned int ar, enum sie_access access,
		  gpa_t *gpa, struct sie_fault *fault)
{
	return sie_translate_key(v, address, ar, 0, access, gpa, fault);
}

bool sie_has_page(struct berth_vm *vm, gpa_t gpa)
{
	int idx = srcu_read_lock(&vm->srcu);
	bool there = berth_guest_hva(vm, gpa, true);

	srcu_read_unlock(&vm->srcu, idx);
	return there;
}

int sie_inject_fault(struct sie_vcpu *v, const struct sie_fault *fault)
{
	return sie_inject(v, &(struct kvm_s390_irq) {
		.type = KVM_S390_PROGRAM_INT,
		.u.pgm = {
			.code = fault->code,
			.trans_exc_code = fault->teid,
			.exc_access_id = fault->eai,
		},
	}) ?: BERTH_RUN_AGAIN;
}

/* Each part of [@address, @address + @len) in one page: translated, and with @data copied. */
static int parts(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, void *data,
		 unsigned int len, enum sie_access access, struct sie_fault *fault)
{
	bool walks = v->block->gpsw.mask & PSW_MASK_DAT, first = true;
	u64 mask = sie_address_mask(v);
	int r = 0;

	if (walks)
		sie_interlock_hold(sie_vm_of(v));
	while (len && !r) {
		unsigned int part;
		gpa_t gpa;

		address &= mask;
		part = min_t(u64, len, PAGE_SIZE - offset_in_page(address));
		if (address < FETCH_OVERRIDE)
			part = min_t(u64, part, FETCH_OVERRIDE - address);
		r = sie_translate_key(v, address, ar, key, access, &gpa, fault);
		if (!r && data && access == SIE_STORE)
			r = berth_write_guest(&v->core, gpa, data, part);
		else if (!r && data)
			r = berth_read_guest(v->core.vm, gpa, data, part);
		/* An operation that ends in its middle is terminated, not suppressed. */
		if (r == 1 && !first && access == SIE_STORE && (fault->teid & TEID_KEY))
			fault->teid &= ~TEID_PROTECTION;
		/* The slot is there, and what user space has behind it is not. */
		if (r == -EFAULT) {
			fault->code = PGM_ADDRESSING;
			r = 1;
		}
		if (data)
			data += part;
		address += part;
		len -= part;
		first = false;
	}
	if (walks)
		sie_interlock_release(sie_vm_of(v));
	return r;
}

int sie_check_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, unsigned int len,
		  enum sie_access access, struct sie_fault *fault)
{
	return parts(v, address, ar, key, NULL, len, access, fault);
}

int sie_read_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, void *data,
		 unsigned int len, struct sie_fault *fault)
{
	return parts(v, address, ar, key, data, len, SIE_FETCH, fault);
}

int sie_write_key(struct sie_vcpu *v, u64 address, unsigned int ar, u8 key, const void *data,
		  unsigned int len, struct sie_fault *fault)
{
	int r = parts(v, address, ar, key, NULL, len, SIE_STORE, fault);

	return r ?: parts(v, address, ar, key, (void *)data, len, SIE_STORE, fault);
}

int sie_read(struct sie_vcpu *v, u64 address, unsigned int ar, void *data, unsigned int len,
	     struct sie_fault *fault)
{
	return sie_read_key(v, address, ar, 0, data, len, fault);
}

int sie_write(struct sie_vcpu *v, u64 address, unsigned int ar, const void *data, unsigned int len,
	      struct sie_fault *fault)
{
	return sie_write_key(v, address, ar, 0, data, len, fault);
}

int sie_load_operand(struct sie_vcpu *v, u64 address, unsigned int ar, void *data, unsigned int len)
{
	struct sie_fault fault;
	int r = sie_read(v, address, ar, data, len, &fault);

	return r > 0 ? sie_inject_fault(v, &fault) : r;
}

int sie_store_operand(struct sie_vcpu *v, u64 address, unsigned int ar, const void *data,
		      unsigned int len)
{
	struct sie_fault fault;
	int r = sie_write(v, address, ar, data, len, &fault);

	return r > 0 ? sie_inject_fault(v, &fault) : r;
}
