// SPDX-License-Identifier: GPL-2.0-only
/* What user space may write at any moment is read once: kvm_run, the coalesced ring, the dirty rings. */
#include "hostile.h"
#include "lib.h"

#ifdef HAVE_HOSTILE
#define MMIO	0x10000000

static struct kvm_coalesced_mmio_ring *ring;
static struct kvm_dirty_gfn *dirty;
static struct kvm_run *run;
static unsigned int turn;

/* An index that may be, and one that may not. */
static void change_ring(void)
{
	ring->last = turn++ & 1 ? 0x7fffffff : turn % KVM_COALESCED_MMIO_MAX;
}

static void coalesced_rings_index_is_read_once(void)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = MMIO, .size = 8 };
	struct machine m;
	unsigned int i;
	long r;

	machine_make(&m, TOY_PLAIN, 1);
	ring = host_page(m.vcpu[0], TOY_RING_PAGE);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_REGISTER_COALESCED_MMIO, &zone), 0);
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, MMIO), I_HALT);
	for (i = 0; i < 20; i++) {
		turn = i;
		ring->first = ring->last = 0;
		reg_set(&m, 0, TOY_PC, CODE);
		hostile_begin(ring, change_ring);
		r = HOST_IOCTL(m.vcpu[0], KVM_RUN, 0);
		hostile_end();
		CHECK_EQ(r, 0);
		CHECK_EQ(hostile_reads(offsetof(struct kvm_coalesced_mmio_ring, last)), 1);
		CHECK(hostile_reads(offsetof(struct kvm_coalesced_mmio_ring, first)) <= 1);
	}
	host_unmap_page(ring);
	machine_free(&m);
}

static void change_dirty(void)
{
	unsigned int i;

	turn++;
	for (i = 0; i < 4; i++) {
		dirty[i].slot = turn & 1 ? ~0U : 0;
		dirty[i].offset = turn & 2 ? ~0ULL : 16 + i;
	}
}

static void dirty_rings_entries_are_read_once(void)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { PAGE_SIZE },
	};
	struct machine m;
	unsigned int i;
	long r;

	machine_make(&m, TOY_PLAIN, 0);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), 0);
	m.vcpu[0] = HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 0);
	m.run[0] = host_page(m.vcpu[0], 0);
	m.nr_vcpus = 1;
	dirty = host_page(m.vcpu[0], TOY_DIRTY_RING_PAGE);
	CHECK_EQ(machine_slot(&m, 0, 0, RAM_PAGES, m.ram, KVM_MEM_LOG_DIRTY_PAGES), 0);
	PROGRAM(&m, CODE, I_STORE(1, 0, 8, 16 << 12), I_STORE(1, 0, 8, 17 << 12),
		I_STORE(1, 0, 8, 18 << 12), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	for (i = 0; i < 3; i++)
		dirty[i].flags = KVM_DIRTY_GFN_F_RESET;
	hostile_begin(dirty, change_dirty);
	r = HOST_IOCTL(m.vm, KVM_RESET_DIRTY_RINGS, 0);
	hostile_end();
	CHECK_EQ(r, 3);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(hostile_reads(i * 16 + offsetof(struct kvm_dirty_gfn, flags)), 1);
		CHECK_EQ(hostile_reads(i * 16 + offsetof(struct kvm_dirty_gfn, slot)), 1);
		CHECK_EQ(hostile_reads(i * 16 + offsetof(struct kvm_dirty_gfn, offset)), 1);
	}
	host_unmap_page(dirty);
	machine_free(&m);
}

/* Everything but what asks to leave. */
static void change_run(void)
{
	turn++;
	memset(&run->exit_reason, turn, sizeof(*run) - offsetof(struct kvm_run, exit_reason));
}

static void run_page_is_read_once(void)
{
	struct machine m;
	unsigned int i;
	long r;

	machine_make(&m, TOY_PLAIN, 1);
	run = m.run[0];
	PROGRAM(&m, CODE, I_LOAD(1, 0, 8, MMIO), I_STORE(1, 0, 8, MMIO), I_IN(2, 4, 0x80),
		I_OUT(2, 4, 0x80), I_CALL(16), I_LOAD(3, 0, 1, MMIO + 3), I_HALT,
		TOY_INSN(TOY_ILLEGAL, 0, 0, 0, 0));
	reg_set(&m, 0, TOY_PC, CODE);
	for (i = 0; i < 8; i++) {
		hostile_begin(run, change_run);
		r = HOST_IOCTL(m.vcpu[0], KVM_RUN, 0);
		hostile_end();
		CHECK_EQ(r, 0);
		CHECK_EQ(hostile_reads(offsetof(struct kvm_run, immediate_exit)), 1);
		/* Data, which the C library copies in parts that overlap, is not looked at. */
		CHECK_EQ(hostile_most_reads(offsetof(struct kvm_run, mmio.data)), 1);
	}
	/* It has come to the end, whatever the page said of its exits. */
	CHECK_EQ(reg_get(&m, 0, TOY_PC), CODE + 7 * 8);
	machine_free(&m);
}

static const struct test tests[] = {
	TEST(coalesced_rings_index_is_read_once),
	TEST(dirty_rings_entries_are_read_once),
	TEST(run_page_is_read_once),
};

int main(void)
{
	return RUN_TESTS(tests);
}
#else
/* The thread sanitizer holds signals back; another processor steps in another way. */
int main(void)
{
	return 0;
}
#endif
