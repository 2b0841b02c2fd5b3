// SPDX-License-Identifier: GPL-2.0-only
/* The dirty ring: KVM_CAP_DIRTY_LOG_RING_ACQ_REL, the ring that a vCPU's fd maps, and KVM_RESET_DIRTY_RINGS. */
#include <sys/mman.h>

#include "harness.h"
#include "arch/arch.h"

#define P page_size()
#define NPAGES 400
#define ENTRIES (4 * 4096 / sizeof(struct kvm_dirty_gfn))
#define RING_BYTES (ENTRIES * sizeof(struct kvm_dirty_gfn))
#define RING_NEEDED NEED(KVM_CAP_DIRTY_LOG_RING_ACQ_REL)

struct ring_vm {
	struct vm *vm;
	struct vcpu *vcpu;
	void *mem;
	struct kvm_dirty_gfn *ring;
	unsigned int next;	/* first entry not collected yet */
};

static int enable_ring(struct vm *vm, uint64_t bytes)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { bytes } };

	return kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &c);
}

static void *map_ring(struct vcpu *vcpu, int prot, int flags)
{
	return mmap(NULL, RING_BYTES, prot, flags, vcpu->fd, KVM_DIRTY_LOG_PAGE_OFFSET * P);
}

static struct ring_vm ring_vm(void)
{
	struct ring_vm r = { .vm = vm_new() };

	expect_ret(enable_ring(r.vm, RING_BYTES), 0);
	r.vcpu = vcpu_new(r.vm, 0);
	r.ring = map_ring(r.vcpu, PROT_READ | PROT_WRITE, MAP_SHARED);
	expect(r.ring != MAP_FAILED);
	r.mem = add_slot(r.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, TEST_GPA, NPAGES * P);
	return r;
}

static struct kvm_dirty_gfn *entry(struct ring_vm *r, unsigned int index)
{
	return &r->ring[index % ENTRIES];
}

/* The next entry is this page of slot 1; it is given back. */
static void collect(struct ring_vm *r, uint64_t page)
{
	struct kvm_dirty_gfn *e = entry(r, r->next++);

	expect_eq(__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE), KVM_DIRTY_GFN_F_DIRTY);
	expect_eq(e->slot, 1);
	expect_eq(e->offset, page);
	__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
}

static void expect_no_more(struct ring_vm *r)
{
	expect_eq(entry(r, r->next)->flags, 0);
}

static void touch(struct ring_vm *r, int page)
{
	guest_store(r->vcpu, TEST_GPA + page * P, 8, page + 1);
}

static int reset_rings(struct ring_vm *r)
{
	return kvm_ioctl(r->vm->fd, KVM_RESET_DIRTY_RINGS, 0L);
}

TEST(dirty_ring_has_each_written_page_in_order, RING_NEEDED)
{
	struct ring_vm r = ring_vm();

	expect_no_more(&r);
	touch(&r, 7);
	touch(&r, 0);
	touch(&r, NPAGES - 1);
	touch(&r, 7);
	collect(&r, 7);
	collect(&r, 0);
	collect(&r, NPAGES - 1);
	expect_no_more(&r);
}

TEST(dirty_ring_reset_catches_the_next_write, RING_NEEDED)
{
	struct ring_vm r = ring_vm();

	expect_ret(reset_rings(&r), 0);
	touch(&r, 3);
	touch(&r, 4);
	expect_ret(reset_rings(&r), 0);		/* none has been collected */
	collect(&r, 3);
	collect(&r, 4);
	touch(&r, 3);				/* still writable */
	expect_no_more(&r);
	expect_ret(reset_rings(&r), 2);
	expect_eq(entry(&r, 0)->flags, 0);
	touch(&r, 4);
	touch(&r, 3);
	collect(&r, 4);
	collect(&r, 3);
	expect_ret(reset_rings(&r), 2);
}

TEST(dirty_ring_reset_stops_at_an_entry_not_given_back, RING_NEEDED)
{
	struct ring_vm r = ring_vm();

	for (int page = 0; page < 4; page++)
		touch(&r, page);
	entry(&r, 0)->flags = KVM_DIRTY_GFN_F_RESET;
	entry(&r, 2)->flags = KVM_DIRTY_GFN_F_RESET;
	expect_ret(reset_rings(&r), 1);
	entry(&r, 1)->flags = KVM_DIRTY_GFN_F_RESET;
	expect_ret(reset_rings(&r), 2);
	expect_eq(entry(&r, 3)->flags, KVM_DIRTY_GFN_F_DIRTY);
}

#define FILL_GPA (TEST_GPA + 0x10000000)

/* Writes page after page until the ring is full; the last page is where the vCPU stands now. */
static unsigned int fill(struct ring_vm *r)
{
	for (unsigned int page = 0; page < ENTRIES; page++) {
		arch_start(r->vcpu, GUEST_STORE, FILL_GPA + page * P, 8, page);
		expect_ret(vcpu_run(r->vcpu), 0);
		if (r->vcpu->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL)
			return page;
	}
	fail_test("the ring took %u pages without an exit", (unsigned int)ENTRIES);
}

static int give_back_all(struct ring_vm *r)
{
	int n = 0;

	for (; entry(r, r->next)->flags == KVM_DIRTY_GFN_F_DIRTY; n++)
		entry(r, r->next++)->flags = KVM_DIRTY_GFN_F_RESET;
	return n;
}

TEST(dirty_ring_that_is_full_exits_until_there_is_room, RING_NEEDED)
{
	struct ring_vm r = ring_vm();
	uint64_t *mem = add_slot(r.vm, 2, KVM_MEM_LOG_DIRTY_PAGES, FILL_GPA, ENTRIES * P);

	for (int turn = 0; turn < 2; turn++) {
		unsigned int last = fill(&r);
		int given;

		expect_ret(reset_rings(&r), 0);
		run_until(r.vcpu, KVM_EXIT_DIRTY_RING_FULL);
		given = give_back_all(&r);
		expect(given > 1);
		expect_ret(reset_rings(&r), given);
		run_done(r.vcpu);
		expect_eq(mem[last * P / 8], last);
	}
}

TEST(dirty_ring_size_is_checked, RING_NEEDED)
{
	struct vm *vm = vm_new_bare();
	uint64_t max = cap(KVM_CAP_DIRTY_LOG_RING_ACQ_REL);

	expect_ret(enable_ring(vm, 0), -EINVAL);
	expect_ret(enable_ring(vm, P - 1), -EINVAL);
	expect_ret(enable_ring(vm, P / 2), -EINVAL);
	expect_ret(enable_ring(vm, 3 * P), -EINVAL);
	expect_ret(enable_ring(vm, max * 2), -E2BIG);
	expect_ret(enable_ring(vm, 1ULL << 63), -EINVAL);
	expect_ret(enable_ring(vm, max), 0);
	expect_ret(enable_ring(vm, max), -EINVAL);
}

TEST(dirty_ring_comes_before_the_vcpus, RING_NEEDED)
{
	struct vm *vm = vm_new_bare();

	vcpu_new_bare(vm, 0);
	expect_ret(enable_ring(vm, RING_BYTES), -EINVAL);
}

TEST(dirty_ring_and_bitmap_exclude_each_other, RING_NEEDED)
{
	struct ring_vm r = ring_vm();
	uint64_t bitmap[NPAGES / 64 + 1];
	struct kvm_dirty_log get = { .slot = 1, .dirty_bitmap = bitmap };
	struct kvm_clear_dirty_log clear = { .slot = 1, .num_pages = NPAGES, .dirty_bitmap = bitmap };

	expect_ret(kvm_ioctl(r.vm->fd, KVM_GET_DIRTY_LOG, &get), -ENXIO);
	expect_ret(kvm_ioctl(r.vm->fd, KVM_CLEAR_DIRTY_LOG, &clear), -ENXIO);
	expect_ret(kvm_ioctl(vm_new_bare()->fd, KVM_RESET_DIRTY_RINGS, 0L), -EINVAL);
}

TEST(dirty_ring_maps_shared_and_not_for_execution, RING_NEEDED)
{
	struct ring_vm r = ring_vm();

	expect(map_ring(r.vcpu, PROT_READ | PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == EINVAL);
	expect(map_ring(r.vcpu, PROT_READ | PROT_EXEC, MAP_SHARED) == MAP_FAILED && errno == EINVAL);
	expect(map_ring(r.vcpu, PROT_READ, MAP_SHARED) != MAP_FAILED);
}

TEST(dirty_ring_entries_may_hold_anything_when_given_back, RING_NEEDED)
{
	static const struct kvm_dirty_gfn bad[] = {
		{ .slot = 0xffffffff, .offset = 0 }, { .slot = 0x10001, .offset = 0 },
		{ .slot = 2, .offset = 0 }, { .slot = 1, .offset = NPAGES },
		{ .slot = 1, .offset = ~0ULL }, { .slot = 1, .offset = 1ULL << 52 },
		{ .slot = 32764, .offset = 5 }, { .slot = 0, .offset = 0 },
	};
	struct ring_vm r = ring_vm();
	unsigned int n = ARRAY_SIZE(bad);

	for (unsigned int i = 0; i < n; i++)
		touch(&r, i);
	for (unsigned int i = 0; i < n; i++) {
		*entry(&r, i) = bad[i];
		entry(&r, i)->flags = KVM_DIRTY_GFN_F_RESET;
	}
	expect_ret(reset_rings(&r), n);
	r.next = n;
	touch(&r, 100);
	collect(&r, 100);
}
