// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86 ioctls with counted arrays: counts at their limits and beyond, arrays that end early, and what is written behind the
 * last entry. After each refused call the state that there is to read is what it was.
 */
#include "arch_x86.h"

#define SYSENTER_ESP 0x175

/*
 * An ioctl with a counted array, which is put where its header ends with the page, or where a part of the first entries
 * still fits in.
 */
struct array {
	const char *name;
	unsigned long request;
	bool system;
	size_t entry;
	uint32_t count;		/* entries that are asked for: enough for the answer, or to be read */
	int error;
};

#define ARRAY(request, system, type, count, error) { #request, request, system, sizeof(type), count, error }

TEST(arrays_that_end_early_fault)
{
	static const struct array arrays[] = {
		ARRAY(KVM_GET_MSR_INDEX_LIST, true, uint32_t, 512, -EFAULT),
		ARRAY(KVM_GET_MSR_FEATURE_INDEX_LIST, true, uint32_t, 512, -EFAULT),
		ARRAY(KVM_GET_SUPPORTED_CPUID, true, struct kvm_cpuid_entry2, 256, -EFAULT),
		/* Reads the entries' padding first, and takes what it cannot read for bad. */
		ARRAY(KVM_GET_EMULATED_CPUID, true, struct kvm_cpuid_entry2, 256, -EINVAL),
		ARRAY(KVM_GET_MSRS, true, struct kvm_msr_entry, 1, -EFAULT),
		ARRAY(KVM_GET_MSRS, true, struct kvm_msr_entry, 255, -EFAULT),
		ARRAY(KVM_GET_MSRS, false, struct kvm_msr_entry, 1, -EFAULT),
		ARRAY(KVM_GET_MSRS, false, struct kvm_msr_entry, 255, -EFAULT),
		ARRAY(KVM_SET_MSRS, false, struct kvm_msr_entry, 1, -EFAULT),
		ARRAY(KVM_SET_MSRS, false, struct kvm_msr_entry, 255, -EFAULT),
		ARRAY(KVM_GET_CPUID2, false, struct kvm_cpuid_entry2, 256, -EFAULT),
		ARRAY(KVM_SET_CPUID2, false, struct kvm_cpuid_entry2, 1, -EFAULT),
		ARRAY(KVM_SET_CPUID2, false, struct kvm_cpuid_entry2, 256, -EFAULT),
		ARRAY(KVM_SET_CPUID, false, struct kvm_cpuid_entry, 1, -EFAULT),
		ARRAY(KVM_SET_CPUID, false, struct kvm_cpuid_entry, 256, -EFAULT),
	};
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	uint8_t *guard = guard_page();

	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
		const struct array *a = &arrays[i];
		/* The count is the first word of each. */
		size_t head = a->entry == sizeof(uint32_t) ? 4 : 8;

		for (size_t room = 0; room < 2 * a->entry; room += a->entry - 1) {
			uint32_t *p = (uint32_t *)(guard - head - room);
			int ret;

			if (a->count == 1 && room >= a->entry)
				break;
			memset(p, 0, head + room);
			*p = a->count;
			ret = kvm_ioctl(a->system ? kvm_fd() : vcpu->fd, a->request, p);
			if (ret != a->error)
				fail_test("%s of %u with room for %zu bytes: expected %d, seen %d", a->name, a->count, room,
					  a->error, ret);
		}
	}
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[256];
};

TEST(msr_counts_at_their_limits)
{
	static const uint32_t bad[] = { 256, 257, 0x10000, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct msrs m, zero;
	uint64_t seen;

	for (size_t i = 0; i < 256; i++)
		m.entry[i] = (struct kvm_msr_entry){ .index = SYSENTER_ESP, .reserved = 0xffffffff, .data = i };
	m.head.pad = 0xffffffff;
	expect_eq(set_msr(vcpu, SYSENTER_ESP, 0x77), 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		m.head.nmsrs = bad[i];
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m), -E2BIG);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m), -E2BIG);
		expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_MSRS, &m), -E2BIG);
	}
	m.head.nmsrs = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m), 0);
	expect_eq(get_msr(vcpu, SYSENTER_ESP, &seen), 1);
	expect_eq(seen, 0x77);
	m.head.nmsrs = 255;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MSRS, &m), 255);
	zero = m;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MSRS, &m), 255);
	/* Nothing but the data is written, and nothing behind the last. */
	for (size_t i = 0; i < 255; i++)
		zero.entry[i].data = 254;
	expect_mem(&m, &zero, sizeof(m));
}

TEST(feature_msrs_stop_at_an_unknown_one)
{
	struct msrs m = { .head.nmsrs = 2 };

	m.entry[0] = m.entry[1] = (struct kvm_msr_entry){ .index = 0x12345678, .reserved = 0xa5, .data = 0xa5 };
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_MSRS, &m), 0);
	expect_eq(m.entry[0].reserved, 0xa5);
	expect_eq(m.entry[1].data, 0xa5);
	/* And there is nothing to set. */
	expect_ret(kvm_ioctl(kvm_fd(), KVM_SET_MSRS, &m), -EINVAL);
}

/* The vCPU's table as KVM_GET_CPUID2 gives it. */
static uint32_t cpuid_of(struct vcpu *vcpu, struct cpuid_table *t)
{
	struct cpuid_table supported;

	supported_cpuid(&supported);
	memset(t, 0xa5, sizeof(*t));
	t->head.nent = CPUID_MAX;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, t), 0);
	return supported.head.nent;
}

TEST(refused_cpuid_leaves_the_table)
{
	static const uint32_t bad[] = { 257, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff };
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct cpuid_table before, after, t = { 0 };
	struct kvm_cpuid_entry2 *e = &t.entries[0];
	uint32_t n = cpuid_of(vcpu, &before);

	/* Addresses of a width that there is not. */
	e->function = 0x80000008;
	e->eax = 0x2f30;
	t.head.nent = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &t), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		t.head.nent = bad[i];
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &t), -E2BIG);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID, &t), -E2BIG);
	}
	expect_eq(cpuid_of(vcpu, &after), n);
	expect_mem(&after, &before, sizeof(after));
}

TEST(cpuid_counts_at_their_limits)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct cpuid_table t = { .head = { .nent = CPUID_MAX, .padding = 0xffffffff } }, seen;

	for (unsigned int i = 0; i < CPUID_MAX; i++)
		t.entries[i] = (struct kvm_cpuid_entry2){ .function = 0x40002000 + i, .eax = i + 1,
							  .flags = 0xfffffff8, .padding = { 0xffffffff, 1, 2 } };
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &t), 0);
	memset(&seen, 0, sizeof(seen));
	seen.head.nent = 0x80000000;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &seen), 0);
	/* What nobody knows comes back, too. */
	expect_mem(seen.entries, t.entries, sizeof(t.entries));
	seen.head.nent = 0xffffffff;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &seen), 0);
	seen.head.nent = CPUID_MAX - 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &seen), -E2BIG);
	t.head.nent = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &t), 0);
	seen.head.nent = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &seen), 0);
	expect_eq(seen.entries[0].eax, 1);
	/* None, and then there is room enough for it. */
	t.head.nent = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, &t), 0);
	seen.head.nent = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &seen), 0);
}

TEST(old_cpuid_entries_have_no_padding_of_ours)
{
	struct vcpu *vcpu = vcpu_new_bare(vm_new_bare(), 0);
	struct cpuid_table seen;
	struct {
		struct kvm_cpuid head;
		struct kvm_cpuid_entry entries[CPUID_MAX];
	} t = { .head.nent = CPUID_MAX };

	memset(t.entries, 0xff, sizeof(t.entries));
	for (unsigned int i = 0; i < CPUID_MAX; i++)
		t.entries[i].function = 0x40002000 + i;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_CPUID, &t), 0);
	memset(&seen, 0xa5, sizeof(seen));
	seen.head.nent = CPUID_MAX;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_CPUID2, &seen), 0);
	for (unsigned int i = 0; i < CPUID_MAX; i++) {
		const struct kvm_cpuid_entry2 *e = &seen.entries[i];

		expect_eq(e->eax, 0xffffffff);
		expect_eq(e->index | e->flags | e->padding[0] | e->padding[1] | e->padding[2], 0);
	}
}

TEST(emulated_cpuid_checks_padding)
{
	struct cpuid_table t = { 0 };

	for (int word = 0; word < 3; word++) {
		memset(&t, 0, sizeof(t));
		t.head.nent = 8;
		t.entries[7].padding[word] = 1;
		expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_EMULATED_CPUID, &t), -EINVAL);
		expect_eq(t.head.nent, 8);
		t.head.nent = 7;
		expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_EMULATED_CPUID, &t), 0);
	}
	t.head.nent = 0x80000000;
	memset(t.entries, 0, sizeof(t.entries));
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_EMULATED_CPUID, &t), 0);
}

TEST(lists_are_written_no_further_than_their_count)
{
	static const unsigned long requests[] = { KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST };
	struct {
		struct kvm_msr_list head;
		uint32_t indices[1024];
	} list;
	struct cpuid_table t;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		memset(&list, 0xa5, sizeof(list));
		list.head.nmsrs = 0x80000000;
		expect_ret(kvm_ioctl(kvm_fd(), requests[i], &list), 0);
		for (size_t j = list.head.nmsrs; j < 1024; j++)
			expect_eq(list.indices[j], 0xa5a5a5a5);
	}
	memset(&t, 0xa5, sizeof(t));
	t.head.nent = 0x80000000;
	expect_ret(kvm_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &t), 0);
	for (size_t j = t.head.nent; j < CPUID_MAX; j++)
		expect_eq(t.entries[j].function, 0xa5a5a5a5);
}

TEST(xcr_counts_at_their_limits, NEED(KVM_CAP_XCRS))
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_xcrs before, x, after;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XCRS, &before), 0);
	if (!before.nr_xcrs)
		skip_test("XSAVE");
	x = before;
	x.xcrs[0].value = 3;
	for (uint64_t nr = KVM_MAX_XCRS + 1; nr < 0x100000000; nr = nr * 2 - 1) {
		x.nr_xcrs = nr;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &x), -EINVAL);
	}
	x.nr_xcrs = 0;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &x), 0);
	/* One that there is not is passed over. */
	x.nr_xcrs = 1;
	x.xcrs[0].xcr = 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &x), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XCRS, &after), 0);
	expect_mem(&after, &before, sizeof(after));
	x.nr_xcrs = KVM_MAX_XCRS;
	x.xcrs[KVM_MAX_XCRS - 1].xcr = 0;
	x.xcrs[KVM_MAX_XCRS - 1].value = 3;
	for (int i = 0; i < KVM_MAX_XCRS - 1; i++)
		x.xcrs[i].xcr = i + 1;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &x), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XCRS, &after), 0);
	expect_eq(after.xcrs[0].value, 3);
}
