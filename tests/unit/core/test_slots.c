// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots: geometry and lookup, held against a list that is searched from end to end. */
#include "lib.h"

#define IDS	12
#define FRAMES	64ULL
#define FAR	(1ULL << 26)		/* past what the plain format reaches */

struct model {
	struct kvm_userspace_memory_region slot[IDS];	/* memory_size 0: none */
	unsigned int nr;
};

static bool overlaps(const struct kvm_userspace_memory_region *a,
		     const struct kvm_userspace_memory_region *b)
{
	return a->guest_phys_addr < b->guest_phys_addr + b->memory_size &&
	       b->guest_phys_addr < a->guest_phys_addr + a->memory_size;
}

/* What api.rst says of it; on 0 the model has changed. */
static long model_set(struct model *model, const struct kvm_userspace_memory_region *new)
{
	struct kvm_userspace_memory_region *old = &model->slot[new->slot];
	unsigned int i;

	if (!new->memory_size) {
		if (!old->memory_size)
			return -EINVAL;
		old->memory_size = 0;
		return 0;
	}
	if (old->memory_size) {
		if (new->memory_size != old->memory_size ||
		    new->userspace_addr != old->userspace_addr ||
		    ((new->flags ^ old->flags) & KVM_MEM_READONLY))
			return -EINVAL;
	}
	for (i = 0; i < IDS; i++)
		if (i != new->slot && model->slot[i].memory_size && overlaps(&model->slot[i], new))
			return -EEXIST;
	if (new->guest_phys_addr + new->memory_size > FAR * PAGE_SIZE * 2)
		return -EINVAL;
	*old = *new;
	return 0;
}

static void compare(struct berth_vm *vm, const struct model *model, unsigned int *hint)
{
	u64 gfn;
	int idx = srcu_read_lock(&vm->srcu);

	for (gfn = 0; gfn < FRAMES + 8; gfn++) {
		const struct kvm_userspace_memory_region *expect = NULL;
		struct berth_slot *slot = berth_slot_find(vm, gfn, gfn & 1 ? hint : NULL);
		unsigned int i;

		for (i = 0; i < IDS; i++)
			if (gfn * PAGE_SIZE - model->slot[i].guest_phys_addr <
			    model->slot[i].memory_size)
				expect = &model->slot[i];
		if (!test_check(!slot == !expect, "gfn 0x%llx: found %p, not %p", gfn, slot,
				expect) ||
		    !slot)
			continue;
		CHECK_EQ(slot->id, expect->slot);
		CHECK_EQ(slot_hva(slot, gfn), expect->userspace_addr + gfn * PAGE_SIZE -
			 expect->guest_phys_addr);
		CHECK_EQ(slot->flags, expect->flags);
	}
	srcu_read_unlock(&vm->srcu, idx);
}

static void random_slots_agree_with_a_list(void)
{
	unsigned long long seed = test_seed();
	struct model model = { };
	unsigned int hint = 0, i, accepted = 0;
	struct berth_vm *vm;
	struct machine m;
	struct file *file;
	u64 generation;

	machine_make(&m, TOY_PLAIN, 0);
	machine_slot(&m, 0, 0, 0, 0, 0);
	file = fget(m.vm);
	vm = file->private_data;
	for (i = 0; i < 4000; i++) {
		struct kvm_userspace_memory_region r = {
			.slot = rnd(&seed, IDS),
			.guest_phys_addr = rnd(&seed, FRAMES) * PAGE_SIZE,
			.memory_size = rnd(&seed, 12) * PAGE_SIZE,
			.flags = rnd(&seed, 4),
		};
		struct kvm_userspace_memory_region *old = &model.slot[r.slot], before = *old;
		long seen, expected;

		r.userspace_addr = m.ram + r.slot * 16 * PAGE_SIZE;
		/* Often a change that may be. */
		if (old->memory_size && rnd(&seed, 2)) {
			r.memory_size = old->memory_size;
			r.flags = (r.flags & ~KVM_MEM_READONLY) | (old->flags & KVM_MEM_READONLY);
		}
		generation = berth_slots_generation(vm);
		seen = HOST_IOCTL(m.vm, KVM_SET_USER_MEMORY_REGION, &r);
		expected = model_set(&model, &r);
		accepted += !expected;
		if (!test_check(seen == expected, "operation %u: %ld, not %ld", i, seen, expected))
			break;
		/* Whoever remembers a lookup learns that it may be stale. */
		if (seen)
			CHECK_EQ(berth_slots_generation(vm), generation);
		else if (memcmp(&before, &model.slot[r.slot], sizeof(before)))
			CHECK(berth_slots_generation(vm) > generation);
		compare(vm, &model, &hint);
	}
	CHECK(accepted > 500);
	fput(file);
	machine_free(&m);
}

static void slot_arguments_are_judged(void)
{
	struct kvm_userspace_memory_region2 two = { .slot = 5, .memory_size = PAGE_SIZE };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 0);
	CHECK_EQ(machine_slot(&m, BERTH_USER_SLOTS, 1UL << 30, 1, m.ram, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, 1UL << 30, 1, m.ram, 4), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, (1UL << 30) + 1, 1, m.ram, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, 1UL << 30, 1, m.ram + 1, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, 1UL << 30, 1, TASK_SIZE, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, -PAGE_SIZE, 2, m.ram, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, 1UL << 30, 1UL << 31, m.ram, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, 0, 0, 0, 0), -EINVAL);
	/* The backend's limit. */
	CHECK_EQ(machine_slot(&m, 1, (1UL << 39) - PAGE_SIZE, 2, m.ram, 0), -EINVAL);
	CHECK_EQ(machine_slot(&m, 1, (1UL << 39) - PAGE_SIZE, 1, m.ram, 0), 0);
	two.memory_size = PAGE_SIZE + 1;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SET_USER_MEMORY_REGION2, &two), -EINVAL);
	two.memory_size = PAGE_SIZE;
	two.guest_phys_addr = 1UL << 30;
	two.userspace_addr = m.ram;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SET_USER_MEMORY_REGION2, &two), 0);
	/* The same again is no change. */
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_SET_USER_MEMORY_REGION2, &two), 0);
	machine_free(&m);
}

static void readonly_slot_write_exits_as_mmio(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(machine_slot(&m, 1, 0x40000000, 4, m.ram + 0x10000, KVM_MEM_READONLY), 0);
	ram_write(&m, 0x10008, 42);
	PROGRAM(&m, CODE, I_LOAD(1, 0, 8, 0x40000008), I_STORE(1, 0, 8, 0x40000000), I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.is_write, 1);
	CHECK_EQ(reg_get(&m, 0, 1), 42);
	CHECK_EQ(ram_read(&m, 0x10000), 0);
	machine_free(&m);
}

static void moved_and_deleted_slots_are_gone(void)
{
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(machine_slot(&m, 1, 0x40000000, 4, m.ram + 0x10000, 0), 0);
	PROGRAM(&m, CODE, I_SET(1, 1), I_STORE(1, 0, 8, 0x40000000), I_LOAD(2, 0, 8, 0x50000000),
		I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.phys_addr, 0x50000000);
	CHECK_EQ(machine_slot(&m, 1, 0x50000000, 4, m.ram + 0x10000, 0), 0);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_MMIO);
	CHECK_EQ(m.run[0]->mmio.phys_addr, 0x40000000);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_HLT);
	CHECK_EQ(reg_get(&m, 0, 2), 1);
	CHECK_EQ(machine_slot(&m, 1, 0, 0, 0, 0), 0);
	run_at(&m, 0, CODE);
	CHECK_EQ(run_vcpu(&m, 0), KVM_EXIT_MMIO);
	machine_free(&m);
}

static const struct test tests[] = {
	TEST(random_slots_agree_with_a_list),
	TEST(slot_arguments_are_judged),
	TEST(readonly_slot_write_exits_as_mmio),
	TEST(moved_and_deleted_slots_are_gone),
};

int main(void)
{
	return RUN_TESTS(tests);
}
