// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second stage on this machine: entries change by IPTE and CSPG, storage keys live in the
 * frame while a page has one and in the PGSTE while it has none, and faults of SIE are the
 * engine's.
 */
#include <asm/page.h>
#include <asm/pgtable.h>
#include "s390.h"
#include "insn.h"

/* Of a PGSTE, a bit of the program's: the frame's storage key is the guest's. */
#define PGSTE_KEYED	0x1ULL

static struct s2_format format __ro_after_init;

/* The page-table entry becomes invalid, and no CPU has a translation by it (PoP ch. 10, IPTE). */
static void ipte(u64 *entry)
{
	unsigned long pa = virt_to_phys(entry);
	unsigned long origin = pa & ~(SIE_PAGE_ENTRIES * sizeof(u64) - 1);
	unsigned long address = (pa / sizeof(u64) % SIE_PAGE_ENTRIES) << PAGE_SHIFT;

	asm volatile("ipte %0,%1,0" : : "a" (origin), "a" (address) : "memory");
}

bool sie_s2_keyed(const u64 *entry)
{
	return (entry[SIE_PGSTE_OFFSET] & PGSTE_KEYED) && (format.attr(*entry, 0) & S2_LEAF) &&
	       pfn_valid(*entry >> PAGE_SHIFT);
}

static u64 clear(u64 *entry, unsigned int level)
{
	u64 old = READ_ONCE(*entry);
	u64 *pgste = entry + SIE_PGSTE_OFFSET;

	if (level) {
		cspg((unsigned long *)entry, old, format.empty[level]);
		return old;
	}
	if (!(old & SIE_PTE_INVALID))
		ipte(entry);
	if (sie_s2_keyed(entry))
		*pgste = sie_pgste_with_key(*pgste, page_get_storage_key(old & PAGE_MASK));
	WRITE_ONCE(*entry, format.empty[0]);
	return old;
}

void sie_s2_setup(void)
{
	u64 last = sie_max_memory() - 1;
	unsigned int levels = 3;

	/* As many levels as reach the end of what a guest may have. */
	while (levels < S2_MAX_LEVELS && last >> (31 + 11 * (levels - 2)))
		levels++;
	sie_s2_format_init(&format, levels);
	format.clear = clear;
}

const struct s2_format *sie_s2_format(void)
{
	return &format;
}

u64 sie_s2_asce(const struct berth_s2 *s2)
{
	/* The type of the root's entries, and its full length. */
	return berth_s2_root_pa(s2) | (u64)(format.levels - 2) << 2 | 3;
}

/*
 * An entry that was taken away by instruction has no translations left.  A vCPU whose prefix area
 * went with it looks after that before it enters the guest again.
 */
void sie_s2_flush(struct berth_vm *vm, gfn_t start, gfn_t end)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, vm) {
		gfn_t gfn = READ_ONCE(to_sie(vcpu)->prefix) >> PAGE_SHIFT;

		if (gfn + 1 >= start && gfn < end)
			WRITE_ONCE(to_sie(vcpu)->prefix_mapped, false);
	}
}

u64 *sie_s2_pte(struct berth_s2 *s2, gfn_t gfn)
{
	unsigned int level = format.levels - 1;
	u64 *table = s2->root;

	if (gfn >= s2->max_gfn)
		return NULL;
	for (;; level--) {
		u64 *entry = &table[gfn_to_gpa(gfn) >> format.shift[level] &
				    (BIT(format.bits[level]) - 1)];

		if (!level)
			return entry;
		if (!(format.attr(READ_ONCE(*entry), level) & S2_TABLE))
			return NULL;
		table = phys_to_virt(format.pa(READ_ONCE(*entry), level));
	}
}

/* A frame that is the guest's own gets the page's key; others' keys say nothing then. */
void sie_s2_prepare(struct berth_vm *vm, gfn_t gfn, phys_addr_t pa, size_t size, u32 gained)
{
	u64 *pgste = sie_s2_pte(&vm->s2, gfn) + SIE_PGSTE_OFFSET;

	*pgste &= ~PGSTE_KEYED;
	if (!(gained & S2_W))
		return;
	if (READ_ONCE(to_sie_vm(vm)->skeys))
		*pgste |= PGSTE_KEYED;
	page_set_storage_key(pa, sie_pgste_key(*pgste), 0);
}

void sie_s2_enable_skeys(struct sie_vm *vm)
{
	if (READ_ONCE(vm->skeys))
		return;
	WRITE_ONCE(vm->skeys, true);
	sie_unshare_memory();
	/* What is mapped comes again, with a frame of its own and its key. */
	berth_s2_zap(&vm->vm, 0, vm->vm.s2.max_gfn);
}

static int fault_in(struct sie_vcpu *v, gpa_t gpa, bool write)
{
	/* A frame with a key must not be anybody else's: as for a store. */
	bool own = write || READ_ONCE(sie_vm_of(v)->skeys);
	int r = berth_s2_fault(&v->core, gpa, S2_R | (own ? S2_W : 0));

	if (r == -EFAULT && own && !write)
		r = berth_s2_fault(&v->core, gpa, S2_R);
	return r;
}

int sie_s2_bring(struct sie_vcpu *v, gpa_t gpa, bool write)
{
	int r = fault_in(v, gpa, write);

	return r == S2_FAULT_MMIO ? -EFAULT : r < 0 ? r : 0;
}

/* The guest's storage ends before, or user space has none there: an addressing exception. */
static int no_storage(struct sie_vcpu *v)
{
	psw_t *psw = &v->block->gpsw;
	struct sie_fault fault;
	unsigned int len;
	u8 op;
	int r;

	r = sie_read(v, psw->addr, 0, &op, 1, &fault);
	if (r < 0)
		return r;
	if (r)
		return sie_inject_fault(v, &fault);
	len = sie_insn_length(op);
	psw->addr = (psw->addr + len) & sie_address_mask(v);
	return sie_inject(v, &(struct kvm_s390_irq) {
		.type = KVM_S390_PROGRAM_INT,
		.u.pgm = {
			.code = PGM_ADDRESSING,
			.flags = len | KVM_S390_PGM_FLAGS_ILC_VALID | KVM_S390_PGM_FLAGS_NO_REWIND,
		},
	}) ?: BERTH_RUN_AGAIN;
}

int sie_s2_host_fault(struct sie_vcpu *v, struct sie_host_fault fault)
{
	int r = -EFAULT;

	switch (fault.code) {
	case PGM_PROTECTION:
		fault.write = true;
		fallthrough;
	case PGM_SEGMENT_TRANSLATION:
	case PGM_PAGE_TRANSLATION:
	case PGM_ASCE_TYPE:
	case PGM_REGION_FIRST:
	case PGM_REGION_SECOND:
	case PGM_REGION_THIRD:
		r = fault_in(v, fault.address, fault.write);
		break;
	}
	if (r == S2_FAULT_MAPPED)
		return BERTH_RUN_AGAIN;
	if (r == S2_FAULT_MMIO || r == -EFAULT)
		return no_storage(v);
	return r;
}

/*
 * The next instruction, and the guest's tables that lead to it.  It saves the first faults of
 * all.  And on Hercules a CPU's first guest must not begin with one: its PSW would move on by
 * 2 (docs/limits.md).
 */
static void fault_in_instruction(struct sie_vcpu *v)
{
	u64 address = v->block->gpsw.addr & sie_address_mask(v), entries[SIE_WALK_ENTRIES];
	unsigned int n = sie_walk_fetch(v, address, entries);
	struct sie_fault fault;
	gpa_t gpa;

	while (n--)
		fault_in(v, sie_real_to_abs(v, entries[n]), false);
	if (!sie_translate(v, address, 0, SIE_IFETCH, &gpa, &fault))
		fault_in(v, gpa, false);
}

int sie_s2_ready(struct sie_vcpu *v)
{
	int r;

	fault_in_instruction(v);

	/* What goes after this is seen at the next entry, or by SIE. */
	WRITE_ONCE(v->prefix_mapped, true);
	smp_mb();
	r = fault_in(v, v->prefix, true);
	if (r == S2_FAULT_MAPPED)
		r = fault_in(v, v->prefix + PAGE_SIZE, true);
	if (r != S2_FAULT_MAPPED)
		WRITE_ONCE(v->prefix_mapped, false);
	return r == S2_FAULT_MMIO ? -EFAULT : r;
}

int sie_s2_unprotect(struct sie_vcpu *v, gpa_t gpa)
{
	struct berth_s2 *s2 = &v->core.vm->s2;
	bool protected;
	u64 *entry;
	int r;

	read_lock(&s2->lock);
	entry = sie_s2_pte(s2, gpa_to_gfn(gpa));
	protected = entry && (format.attr(READ_ONCE(*entry), 0) & (S2_LEAF | S2_W)) != (S2_LEAF | S2_W);
	read_unlock(&s2->lock);
	if (!protected)
		return 0;
	r = berth_s2_fault(&v->core, gpa, S2_R | S2_W);
	if (r == S2_FAULT_MAPPED)
		return 1;
	return r == S2_FAULT_MMIO ? -EFAULT : r;
}
