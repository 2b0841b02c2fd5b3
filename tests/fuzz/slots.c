// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-slot programs against a flat model: slots come, move and go, guests and the kernel load and
 * store, pages move below, the dirty log is taken, from bitmaps or a ring. Each access must find what
 * the model says, each log must have what was written.
 */
#include "core.h"

#define IDS		6U		/* of slots that the program has */
#define CODE_SLOT	100
#define CODE		0x3fff000000ULL	/* where its code is: below the reach of both formats */
#define PAGES		(HOST_HUGE_PAGES + 40)
#define WORDS		2U		/* of a page that are looked at */

/* Guest frames that slots may be in: three windows. */
static const u64 window[] = { 0, 0x40000, 0x3e00000 };
#define WINDOW		640U

struct slot {
	u64 gfn, npages, first;		/* npages 0: none; first: page of user memory */
	u32 flags;
	bool dirty[PAGES];		/* written since the log was taken */
	bool may[PAGES];		/* in the log, be it written or not */
};

static struct session {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	unsigned long memory, code;	/* user addresses */
	bool manual, initially_set;
	struct kvm_dirty_gfn *ring;	/* NULL: bitmaps */
	unsigned int ring_at;
	u64 word[PAGES][WORDS];		/* what user memory holds */
	struct slot slot[IDS];
} s;

static struct slot *slot_at(u64 gfn)
{
	unsigned int i;

	for (i = 0; i < IDS; i++)
		if (gfn - s.slot[i].gfn < s.slot[i].npages)
			return &s.slot[i];
	return NULL;
}

static long region(u32 id, u64 gfn, u64 npages, unsigned long hva, u32 flags)
{
	struct kvm_userspace_memory_region *mem = (void *)arena;

	*mem = (struct kvm_userspace_memory_region) {
		.slot = id, .flags = flags, .guest_phys_addr = gfn * PAGE_SIZE,
		.memory_size = npages * PAGE_SIZE, .userspace_addr = hva,
	};
	return HOST_IOCTL(s.vm, KVM_SET_USER_MEMORY_REGION, mem);
}

/* What api.rst says of it. */
static long model_region(u32 id, u64 gfn, u64 npages, u64 first, u32 flags)
{
	struct slot *old = &s.slot[id];
	unsigned int i;
	bool logged;

	if (!npages) {
		if (!old->npages)
			return -EINVAL;
		old->npages = 0;
		return 0;
	}
	if (old->npages && (old->npages != npages || old->first != first ||
			    ((old->flags ^ flags) & KVM_MEM_READONLY)))
		return -EINVAL;
	for (i = 0; i < IDS; i++)
		if (i != id && s.slot[i].npages && s.slot[i].gfn < gfn + npages &&
		    gfn < s.slot[i].gfn + s.slot[i].npages)
			return -EEXIST;
	logged = old->npages && (old->flags & KVM_MEM_LOG_DIRTY_PAGES);
	old->gfn = gfn;
	old->npages = npages;
	old->first = first;
	old->flags = flags;
	for (i = 0; !logged && i < npages; i++) {
		old->dirty[i] = s.initially_set && !s.ring;
		old->may[i] = s.initially_set;
	}
	return 0;
}

static void op_region(struct input *in)
{
	unsigned int id = choose(in, IDS), w = choose(in, ARRAY_SIZE(window)), how = choose(in, 8);
	struct slot *old = &s.slot[id];
	u64 gfn = window[w] + take(in, 2) % WINDOW, npages = 1 + choose(in, 40),
	    first = choose(in, 64);
	u32 flags = choose(in, 4);
	long seen, expected;

	switch (how) {
	case 0:
		npages = 0;
		break;
	case 1:
		/* Room for a large leaf. */
		npages = HOST_HUGE_PAGES;
		gfn = window[w];
		first = 0;
		break;
	case 2:
	case 3:
	case 4:
		/* A change that may be. */
		npages = old->npages ?: npages;
		first = old->npages ? old->first : first;
		gfn = how == 2 && old->npages ? old->gfn : gfn;
		if (old->npages)
			flags = (flags & ~KVM_MEM_READONLY) | (old->flags & KVM_MEM_READONLY);
		break;
	}
	seen = region(id, gfn, npages, s.memory + first * PAGE_SIZE, flags);
	expected = model_region(id, gfn, npages, first, flags);
	FUZZ_CHECK(seen == expected, "slot %u at 0x%llx, %llu pages, flags %u: %ld, not %ld", id,
		   gfn, npages, flags, seen, expected);
}

static void set_reg(unsigned int reg, u64 value)
{
	struct kvm_one_reg *one = (void *)arena;

	*(u64 *)(arena + 64) = value;
	*one = (struct kvm_one_reg) { TOY_REG_ID(reg), (unsigned long)arena + 64 };
	HOST_BUG_ON(HOST_IOCTL(s.vcpu, KVM_SET_ONE_REG, one));
}

static u64 get_reg(unsigned int reg)
{
	struct kvm_one_reg *one = (void *)arena;

	*one = (struct kvm_one_reg) { TOY_REG_ID(reg), (unsigned long)arena + 64 };
	HOST_BUG_ON(HOST_IOCTL(s.vcpu, KVM_GET_ONE_REG, one));
	return *(u64 *)(arena + 64);
}

enum access { LOAD, STORE, SWAP, KERNEL_READ, KERNEL_WRITE, NR_ACCESSES };

/* The code page has a pair of instructions for each. */
static void load_code(void)
{
	u64 *to = host_user(s.code);
	unsigned int i;

	*to++ = TOY_INSN(TOY_LOAD, 1, 2, 8, 0);
	*to++ = TOY_INSN(TOY_CALL, 0, 0, 0, TOY_CALL_USER);
	*to++ = TOY_INSN(TOY_STORE, 1, 2, 8, 0);
	*to++ = TOY_INSN(TOY_CALL, 0, 0, 0, TOY_CALL_USER);
	*to++ = TOY_INSN(TOY_SWAP, 1, 2, 0, 0);
	*to++ = TOY_INSN(TOY_CALL, 0, 0, 0, TOY_CALL_USER);
	for (i = TOY_CALL_READ; i <= TOY_CALL_WRITE; i++) {
		*to++ = TOY_INSN(TOY_CALL, 0, 0, 0, i);
		*to++ = TOY_INSN(TOY_CALL, 0, 0, 0, TOY_CALL_USER);
	}
}

static void op_access(struct input *in)
{
	enum access how = choose(in, NR_ACCESSES);
	u64 gfn = window[choose(in, ARRAY_SIZE(window))] + take(in, 2) % WINDOW;
	unsigned int word = choose(in, WORDS), exit = KVM_EXIT_HYPERCALL;
	bool write = how == STORE || how == SWAP || how == KERNEL_WRITE,
	     kernel = how >= KERNEL_READ;
	u64 value = take(in, 2), gpa = gfn * PAGE_SIZE + word * sizeof(u64), seen;
	struct slot *slot = slot_at(gfn);
	u64 page = slot ? gfn - slot->gfn : 0,
	    *memory = slot ? &s.word[slot->first + page][word] : NULL;
	bool memory_there = slot && !(write && (slot->flags & KVM_MEM_READONLY));
	long r;

	/* The last run's call is answered by this one. */
	s.run->hypercall.ret = value;
	set_reg(1, value);
	set_reg(2, gpa);
	set_reg(TOY_PC, CODE + how * 16);
	r = fuzz_run(s.vcpu, 1000);
	if (!memory_there && !kernel)
		exit = how == SWAP ? KVM_EXIT_INTERNAL_ERROR : KVM_EXIT_MMIO;
	FUZZ_CHECK(!r && s.run->exit_reason == exit, "access %u to 0x%llx: %ld, exit %u, not %u",
		   how, gpa, r, s.run->exit_reason, exit);
	if (exit == KVM_EXIT_MMIO) {
		FUZZ_CHECK(s.run->mmio.phys_addr == gpa && s.run->mmio.is_write == write,
			   "MMIO at 0x%llx, not 0x%llx", s.run->mmio.phys_addr, gpa);
		/* What waits for an answer gets one. */
		fuzz_run(s.vcpu, 1000);
		return;
	}
	seen = get_reg(1);
	if (exit != KVM_EXIT_HYPERCALL)
		return;
	if (kernel && !memory_there) {
		FUZZ_CHECK(seen == (how == KERNEL_READ ? ~0ULL : (u64)-EFAULT), "r1 is 0x%llx",
			   seen);
		return;
	}
	if (how != STORE)
		FUZZ_CHECK(seen == (how == KERNEL_WRITE ? 0 : *memory),
			   "access %u: 0x%llx at 0x%llx, not 0x%llx", how, seen, gpa,
			   how == KERNEL_WRITE ? 0 : *memory);
	if (!write)
		return;
	*memory = value;
	slot->dirty[page] = slot->may[page] = true;
}

#define RING_ENTRIES	(PAGE_SIZE / sizeof(struct kvm_dirty_gfn))

/* Takes what the ring has, hands it back, and looks whether it is all that was written. */
static void collect(void)
{
	static bool seen[IDS][PAGES];
	unsigned int id, i, n = 0;
	long r;

	memset(seen, 0, sizeof(seen));
	for (; s.ring[s.ring_at % RING_ENTRIES].flags == KVM_DIRTY_GFN_F_DIRTY; s.ring_at++, n++) {
		struct kvm_dirty_gfn *entry = &s.ring[s.ring_at % RING_ENTRIES];

		FUZZ_CHECK(entry->slot < IDS && entry->offset < PAGES, "slot %u, offset 0x%llx",
			   entry->slot, entry->offset);
		seen[entry->slot][entry->offset] = true;
		entry->flags = KVM_DIRTY_GFN_F_RESET;
	}
	r = HOST_IOCTL(s.vm, KVM_RESET_DIRTY_RINGS, 0);
	FUZZ_CHECK(r == (long)n, "%ld entries were reset, not %u", r, n);
	for (id = 0; id < IDS; id++) {
		struct slot *slot = &s.slot[id];

		for (i = 0; i < slot->npages && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES); i++) {
			FUZZ_CHECK(!slot->dirty[i] || seen[id][i],
				   "page %u of slot %u is in no ring", i, id);
			slot->dirty[i] = false;
		}
	}
}

static void op_log(struct input *in)
{
	unsigned int id = choose(in, IDS), i;
	struct kvm_dirty_log *log = (void *)arena;
	unsigned long *bits = (void *)(arena + 1024);
	struct slot *slot = &s.slot[id];
	bool logged = slot->npages && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES);
	long r;

	if (s.ring) {
		collect();
		return;
	}
	memset(bits, 0xff, 1024);
	*log = (struct kvm_dirty_log) { .slot = id, .dirty_bitmap = bits };
	r = HOST_IOCTL(s.vm, KVM_GET_DIRTY_LOG, log);
	FUZZ_CHECK(r == (logged ? 0 : -ENOENT), "%ld of slot %u", r, id);
	for (i = 0; logged && i < slot->npages; i++) {
		bool bit = bits[i / 64] >> i % 64 & 1;

		FUZZ_CHECK(bit || !slot->dirty[i], "page %u of slot %u is not in the log", i, id);
		FUZZ_CHECK(!bit || slot->may[i], "page %u of slot %u is in the log", i, id);
		if (!s.manual)
			slot->dirty[i] = slot->may[i] = false;
	}
}

static void op_clear(struct input *in)
{
	unsigned int id = choose(in, IDS), i;
	struct kvm_clear_dirty_log *log = (void *)arena;
	unsigned long *bits = (void *)(arena + 1024);
	struct slot *slot = &s.slot[id];
	bool logged = slot->npages && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES);
	u64 first = choose(in, 10) * 64, num = choose(in, 2) ? slot->npages - first : 64;
	long r, expected = 0;

	for (i = 0; i < 10; i++)
		bits[i] = take(in, 8);
	*log = (struct kvm_clear_dirty_log) {
		.slot = id, .first_page = first, .num_pages = num, .dirty_bitmap = bits,
	};
	num = log->num_pages;
	if (s.ring)
		expected = -ENXIO;
	else if (!logged)
		expected = -ENOENT;
	else if (first > slot->npages || num > slot->npages - first)
		expected = -EINVAL;
	r = HOST_IOCTL(s.vm, KVM_CLEAR_DIRTY_LOG, log);
	FUZZ_CHECK(r == expected, "%ld, not %ld, of slot %u", r, expected, id);
	for (i = 0; !r && i < num; i++)
		if (bits[i / 64] >> i % 64 & 1)
			slot->dirty[first + i] = slot->may[first + i] = false;
}

static void forget(unsigned int page, unsigned int n)
{
	for (; n; n--, page++)
		memset(s.word[page], 0, sizeof(s.word[page]));
}

static void op_memory(struct input *in)
{
	unsigned int page = take(in, 2) % PAGES, n = min(1 + choose(in, 40), PAGES - page);
	unsigned long at = s.memory + page * PAGE_SIZE;

	switch (choose(in, 7)) {
	case 0:
		host_zap(at, n);
		forget(page, n);
		break;
	case 1:
		host_write_protect(at, n);
		break;
	case 2:
		host_user(at);
		host_migrate(at);
		break;
	case 3:
		/* Seldom: it is work. */
		if (!(n & 3))
			host_make_huge(s.memory);
		break;
	case 4:
		host_age(at, n, choose(in, 3));
		break;
	case 5:
		/* The program's own store. */
		s.word[page][0] = take(in, 2);
		*(u64 *)host_user(at) = s.word[page][0];
		break;
	default: {
		struct kvm_pre_fault_memory *args = (void *)arena;

		*args = (struct kvm_pre_fault_memory) {
			.gpa = (window[choose(in, ARRAY_SIZE(window))] + page) * PAGE_SIZE,
			.size = n * PAGE_SIZE,
		};
		HOST_IOCTL(s.vcpu, KVM_PRE_FAULT_MEMORY, args);
	}
	}
}

static void begin(struct input *in)
{
	unsigned int how = choose(in, 16);

	memset(&s, 0, sizeof(s));
	s.kvm = host_open();
	s.vm = HOST_IOCTL(s.kvm, KVM_CREATE_VM, how & 1 ? TOY_STRICT : TOY_PLAIN);
	s.memory = host_map(PAGES, VM_READ | VM_WRITE);
	s.code = host_map(1, VM_READ | VM_WRITE);
	load_code();
	HOST_BUG_ON(region(CODE_SLOT, CODE / PAGE_SIZE, 1, s.code, KVM_MEM_READONLY));
	s.manual = how & 2;
	s.initially_set = s.manual && (how & 4);
	if (s.manual) {
		*(struct kvm_enable_cap *)arena = (struct kvm_enable_cap) {
			.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			.args = { KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
				  (s.initially_set ? KVM_DIRTY_LOG_INITIALLY_SET : 0) },
		};
		HOST_BUG_ON(HOST_IOCTL(s.vm, KVM_ENABLE_CAP, arena));
	}
	if (how & 8) {
		*(struct kvm_enable_cap *)arena = (struct kvm_enable_cap){
			.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { PAGE_SIZE },
		};
		HOST_BUG_ON(HOST_IOCTL(s.vm, KVM_ENABLE_CAP, arena));
	}
	s.vcpu = HOST_IOCTL(s.vm, KVM_CREATE_VCPU, 0);
	s.run = host_page(s.vcpu, 0);
	s.ring = how & 8 ? host_page(s.vcpu, TOY_DIRTY_RING_PAGE) : NULL;
}

void fuzz_one(struct input *in)
{
	static void (*const ops[])(struct input *in) = {
		op_access, op_access, op_access, op_access, op_region, op_region, op_memory, op_log,
		op_clear,
	};
	unsigned int n = 0;

	begin(in);
	while (more(in) && n++ < 100)
		ops[choose(in, ARRAY_SIZE(ops))](in);
	host_unmap_page(s.run);
	if (s.ring)
		host_unmap_page(s.ring);
	host_close(s.vcpu);
	host_close(s.vm);
	host_close(s.kvm);
}
