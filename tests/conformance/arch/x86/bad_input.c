// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input to the x86 ioctls, beyond ioctl_errors.c: padding both ways, unknown flags, single register bits. After each
 * refused call the state that there is to read is what it was. Counts and arrays: see bad_counts.c.
 */
#include "arch_x86.h"

#define LARGEST 4096	/* struct kvm_xsave */

static struct vcpu *new_vcpu(void)
{
	return vcpu_new(vm_new(), 0);
}

/* What a vCPU has that can be set and read: bytes that mean nothing, and fields of which some bits are unknown. */
struct state {
	const char *name;
	unsigned long get, set;
	size_t size;
	int need;	/* capability, 0 if none */
	struct bytes {
		size_t offset, len;
	} padding[12];
	struct field {
		size_t offset, len;	/* at most 8 bytes with known bits, else any number */
		uint64_t known;
	} fields[4];
	size_t show;	/* a byte of which bit 1 may be changed and is then seen */
};

#define STATE(what, type) .name = #what, .get = KVM_GET_##what, .set = KVM_SET_##what, .size = sizeof(struct type)
#define AT(type, m) offsetof(struct type, m)
#define BYTES(type, m) { AT(type, m), sizeof(((struct type *)0)->m) }
#define FLAGS(type, m, known) { AT(type, m), sizeof(((struct type *)0)->m), known }
#define SREGS_PADDING(type)									\
	BYTES(type, cs.padding), BYTES(type, ds.padding), BYTES(type, es.padding),		\
	BYTES(type, fs.padding), BYTES(type, gs.padding), BYTES(type, ss.padding),		\
	BYTES(type, tr.padding), BYTES(type, ldt.padding), BYTES(type, gdt.padding), BYTES(type, idt.padding)

/* The last one is for a VM that has enabled it: see below. */
#define EVENTS_KNOWN (KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | KVM_VCPUEVENT_VALID_SHADOW | \
		      KVM_VCPUEVENT_VALID_SMM | KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

static const struct state states[] = {
	{ STATE(REGS, kvm_regs) },
	{ STATE(SREGS, kvm_sregs), .padding = { SREGS_PADDING(kvm_sregs) } },
	/* The PDPTRs are refused in long mode, where this vCPU is, as everything unknown. */
	{ STATE(SREGS2, kvm_sregs2), .need = KVM_CAP_SREGS2, .padding = { SREGS_PADDING(kvm_sregs2) },
	  .fields = { FLAGS(kvm_sregs2, flags, 0) }, .show = AT(kvm_sregs2, cr2) },
	{ STATE(FPU, kvm_fpu), .padding = { BYTES(kvm_fpu, pad1), BYTES(kvm_fpu, pad2) } },
	/* XCOMP_BV and the rest of the header. */
	{ STATE(XSAVE, kvm_xsave), .need = KVM_CAP_XSAVE, .fields = { { 520, 56, 0 } } },
	{ STATE(XCRS, kvm_xcrs), .need = KVM_CAP_XCRS,
	  .padding = { BYTES(kvm_xcrs, padding), BYTES(kvm_xcrs, xcrs[0].reserved) },
	  .fields = { FLAGS(kvm_xcrs, flags, 0) }, .show = AT(kvm_xcrs, xcrs[0].value) },
	{ STATE(DEBUGREGS, kvm_debugregs), .need = KVM_CAP_DEBUGREGS, .padding = { BYTES(kvm_debugregs, reserved) },
	  .fields = { FLAGS(kvm_debugregs, flags, 0), FLAGS(kvm_debugregs, dr6, 0xffffffff),
		      FLAGS(kvm_debugregs, dr7, 0xffffffff) }, .show = AT(kvm_debugregs, db) },
	{ STATE(VCPU_EVENTS, kvm_vcpu_events), .need = KVM_CAP_VCPU_EVENTS, .padding = { BYTES(kvm_vcpu_events, reserved) },
	  .fields = { FLAGS(kvm_vcpu_events, flags, EVENTS_KNOWN) }, .show = AT(kvm_vcpu_events, nmi.masked) },
	{ STATE(MP_STATE, kvm_mp_state), .need = KVM_CAP_MP_STATE },
};

static bool have(const struct state *s)
{
	return !s->need || cap(s->need) > 0;
}

static void get(struct vcpu *vcpu, const struct state *s, uint8_t *buf, int fill)
{
	int ret;

	memset(buf, fill, LARGEST);
	ret = kvm_ioctl(vcpu->fd, s->get, buf);
	if (ret)
		fail_test("KVM_GET_%s: expected 0, seen %d", s->name, ret);
}

static void expect_same(const struct state *s, const uint8_t *seen, const uint8_t *expected, const char *when)
{
	for (size_t i = 0; i < s->size; i++) {
		if (seen[i] != expected[i])
			fail_test("KVM_GET_%s %s: byte %zu: expected %#x, seen %#x", s->name, when, i, expected[i], seen[i]);
	}
	expect(true);
}

TEST(state_is_written_whole_and_no_further)
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t a[LARGEST], b[LARGEST];

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!have(&states[i]))
			continue;
		get(vcpu, &states[i], a, 0);
		get(vcpu, &states[i], b, 0xa5);
		expect_same(&states[i], b, a, "into other bytes");
		for (size_t j = states[i].size; j < LARGEST; j++)
			expect_eq(b[j], 0xa5);
	}
}

TEST(padding_of_state_is_zero_and_ignored)
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t before[LARGEST], bad[LARGEST], after[LARGEST];

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const struct state *s = &states[i];
		int ret;

		if (!have(s))
			continue;
		get(vcpu, s, before, 0xa5);
		memcpy(bad, before, LARGEST);
		for (const struct bytes *p = s->padding; p->len; p++) {
			for (size_t j = p->offset; j < p->offset + p->len; j++) {
				if (before[j])
					fail_test("KVM_GET_%s: padding byte %zu: expected 0, seen %#x", s->name, j,
						  before[j]);
				bad[j] = 0xff;
			}
		}
		ret = kvm_ioctl(vcpu->fd, s->set, bad);
		if (ret)
			fail_test("KVM_SET_%s with padding: expected 0, seen %d", s->name, ret);
		get(vcpu, s, after, 0x5a);
		expect_same(s, after, before, "after padding that is not zero");
	}
}

TEST(unknown_bits_of_state_are_refused)
{
	struct vcpu *vcpu = new_vcpu();
	uint8_t before[LARGEST], bad[LARGEST], after[LARGEST];

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const struct state *s = &states[i];

		if (!have(s))
			continue;
		get(vcpu, s, before, 0);
		for (const struct field *f = s->fields; f->len; f++) {
			for (size_t bit = 0; bit < 8 * f->len; bit++) {
				int ret;

				if (bit < 64 && f->known >> bit & 1)
					continue;
				memcpy(bad, before, LARGEST);
				bad[s->show] ^= 2;
				bad[f->offset + bit / 8] |= 1 << bit % 8;
				ret = kvm_ioctl(vcpu->fd, s->set, bad);
				if (ret != -EINVAL)
					fail_test("KVM_SET_%s with bit %zu of byte %zu: expected %d, seen %d", s->name, bit,
						  f->offset, -EINVAL, ret);
				get(vcpu, s, after, 0xff);
				expect_same(s, after, before, "after unknown flags");
			}
		}
	}
}

TEST(vm_types_are_checked)
{
	uint64_t known = cap(KVM_CAP_VM_TYPES) | 1;

	for (unsigned long type = 0; type < 64; type++) {
		if (!(known >> type & 1))
			expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, type), -EINVAL);
	}
	for (int bit = 6; bit < 32; bit++)
		expect_ret(kvm_ioctl(kvm_fd(), KVM_CREATE_VM, 1UL << bit), -EINVAL);
}

TEST(mp_states_without_a_controller_are_refused)
{
	static const uint32_t bad[] = { KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_SIPI_RECEIVED,
					11, 0x7fffffff, 0x80000000, 0xffffffff };
	struct vcpu *vcpu = new_vcpu();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kvm_mp_state state = { .mp_state = bad[i] };

		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), -EINVAL);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state), 0);
		expect_eq(state.mp_state, KVM_MP_STATE_RUNNABLE);
	}
}

TEST(events_beyond_the_vectors_are_refused, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_vcpu_events before, bad, after;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &before), 0);
	for (int nr = 0; nr < 256; nr++) {
		bad = before;
		bad.exception.injected = 1;
		bad.exception.nr = nr;
		bad.interrupt.injected = 1;
		bad.nmi.injected = 1;
		if (nr < 32 && nr != 2)
			continue;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), -EINVAL);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &after), 0);
		expect_mem(&after, &before, sizeof(after));
	}
	/* Without the capability, what waits is not taken; then it has no number either. */
	bad = before;
	bad.exception.pending = 1;
	bad.exception.nr = 200;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &after), 0);
	expect_eq(after.exception.pending | after.exception.injected, 0);
}

/* The kernel's own KVM has taken over the rest by the time it refuses. */
TEST(triple_fault_of_events_wants_its_capability, NEED(KVM_CAP_VCPU_EVENTS))
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT, .triple_fault.pending = 1 };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &e), -EINVAL);
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(control_register_bits_are_taken_or_refused)
{
	static const struct field registers[] = {
		FLAGS(kvm_sregs, cr0, 0), FLAGS(kvm_sregs, cr3, 0), FLAGS(kvm_sregs, cr4, 0),
		FLAGS(kvm_sregs, efer, 0), FLAGS(kvm_sregs, apic_base, 0),
	};
	struct vcpu *vcpu = new_vcpu();
	struct kvm_sregs first = get_sregs(vcpu);

	for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
		for (int bit = 0; bit < 64; bit++) {
			struct kvm_sregs s = first, seen;
			uint64_t *reg = (uint64_t *)((uint8_t *)&s + registers[i].offset);
			int ret;

			*reg ^= 1ULL << bit;
			ret = set_sregs(vcpu, &s);
			seen = get_sregs(vcpu);
			trace("register %zu bit %d: %d, then %#llx", i, bit, ret,
			      (unsigned long long)*(uint64_t *)((uint8_t *)&seen + registers[i].offset));
			if (ret)
				expect_ret(ret, -EINVAL);
			expect_mem(&seen, ret ? &first : &s, sizeof(s));
			expect_ret(set_sregs(vcpu, &first), 0);
		}
	}
	/* A task priority has four bits; one with others changes nothing. */
	for (int bit = 4; bit < 64; bit++) {
		struct kvm_sregs s = first;

		s.cr8 = 1ULL << bit;
		expect_ret(set_sregs(vcpu, &s), 0);
		expect_eq(get_sregs(vcpu).cr8, first.cr8);
	}
	arch_start(vcpu, GUEST_NOP, 0, 0, 0);
	run_done(vcpu);
}

TEST(interrupt_beyond_the_vectors_is_refused)
{
	struct vcpu *vcpu = new_vcpu();

	for (int bit = 8; bit < 32; bit++) {
		struct kvm_interrupt irq = { .irq = 1U << bit | 0x30 };

		expect_ret(kvm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq), -EINVAL);
	}
	for (int i = 0; i < 4; i++)
		expect_eq(get_sregs(vcpu).interrupt_bitmap[i], 0);
}

TEST(clock_flags_and_padding, NEED(KVM_CAP_ADJUST_CLOCK))
{
	const uint64_t far = 1ULL << 62, known = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	struct vm *vm = vm_new_bare();
	struct kvm_clock_data c;

	for (int bit = 0; bit < 32; bit++) {
		memset(&c, 0xff, sizeof(c));
		c.flags = 1U << bit;
		c.clock = far;
		if (known >> bit & 1)
			continue;
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_CLOCK, &c), -EINVAL);
		expect_ret(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &c), 0);
		expect(c.clock < far / 2);
	}
	memset(&c, 0xff, sizeof(c));
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &c), 0);
	expect_eq(c.pad0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(c.pad); i++)
		expect_eq(c.pad[i], 0);
	if (!(c.flags & KVM_CLOCK_HOST_TSC))
		expect_eq(c.host_tsc, 0);
	if (!(c.flags & KVM_CLOCK_REALTIME))
		expect_eq(c.realtime, 0);
	memset(&c, 0xff, sizeof(c));
	c.flags = 0;
	c.clock = far;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_CLOCK, &c), 0);
	expect_ret(kvm_ioctl(vm->fd, KVM_GET_CLOCK, &c), 0);
	expect(c.clock >= far && c.clock < far + far / 2);
}

TEST(guest_debug_control_bits_are_dropped, NEED(KVM_CAP_SET_GUEST_DEBUG))
{
	const uint32_t known = 0x3f0003;
	struct vcpu *vcpu = new_vcpu();

	for (int bit = 0; bit < 32; bit++) {
		struct kvm_guest_debug dbg = { .control = 1U << bit | KVM_GUESTDBG_ENABLE, .pad = 0xffffffff };

		if (known >> bit & 1)
			continue;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg), 0);
		arch_start(vcpu, GUEST_NOP, 0, 0, 0);
		run_done(vcpu);
	}
}

TEST(gsi_routing_without_a_controller, NEED(KVM_CAP_IRQ_ROUTING))
{
	static const uint32_t counts[] = { 0, 1, 4096, 4097, 0x80000000, 0xffffffff };
	struct kvm_irq_routing r = { 0 };
	struct vm *vm = vm_new_bare();

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		r.nr = counts[i];
		expect_ret(kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), -EINVAL);
	}
	r.nr = 0;
	r.flags = 1;
	expect_ret(kvm_ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), -EINVAL);
}

TEST(tsc_frequency_out_of_range_is_refused, NEED(KVM_CAP_GET_TSC_KHZ))
{
	struct vcpu *vcpu = new_vcpu();
	long khz = expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L));

	if (cap(KVM_CAP_TSC_CONTROL))
		skip_test("a host without TSC scaling");
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, 1L), -EINVAL);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, khz / 2), -EINVAL);
	/* Not read here: the kernel's own KVM tells what it has just refused. 32 bits count. */
	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, 0x100000000L + khz), 0);
	expect_eq(kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0L), khz);
}

#define MCG_CAP 0x179

TEST(mce_capability_bits_and_banks, NEED(KVM_CAP_MCE))
{
	struct vcpu *vcpu = new_vcpu();
	uint64_t max = cap(KVM_CAP_MCE), supported = 0, mcg, seen;

	expect_ok(kvm_ioctl(kvm_fd(), KVM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	for (mcg = 0; mcg < 256; mcg++)
		expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), mcg && mcg <= max ? 0 : -EINVAL);
	mcg = 7;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), 0);
	/* Bits 16 to 23 are a number of extended registers, which nobody minds. */
	for (int bit = 8; bit < 64; bit++) {
		if (supported >> bit & 1 || bit / 8 == 2)
			continue;
		mcg = 1ULL << bit | 9;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), -EINVAL);
	}
	expect_eq(get_msr(vcpu, MCG_CAP, &seen), 1);
	expect_eq(seen, 7);
}

TEST(mce_padding_is_ignored_and_banks_are_counted, NEED(KVM_CAP_MCE))
{
	struct vcpu *vcpu = new_vcpu();
	uint64_t mcg = 3, value;
	struct kvm_x86_mce m;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg), 0);
	memset(&m, 0xff, sizeof(m));
	m.status = 1ULL << 63;
	m.addr = 0x1234;
	for (int bank = 3; bank < 256; bank++) {
		m.bank = bank;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &m), -EINVAL);
	}
	m.bank = 2;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &m), 0);
	expect_eq(get_msr(vcpu, 0x402 + 4 * 2, &value), 1);
	expect_eq(value, 0x1234);
	expect_eq(get_msr(vcpu, 0x402, &value), 1);
	expect_eq(value, 0);
}

TEST(xsave2_is_written_whole_and_no_further, NEED(KVM_CAP_XSAVE2))
{
	struct vcpu *vcpu = new_vcpu();
	int size = vm_cap(vcpu->vm, KVM_CAP_XSAVE2);
	uint8_t *a = alloc_pages(size + 4096), *b = alloc_pages(size + 4096);

	memset(a, 0xa5, size + 4096);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE2, a), 0);
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE2, b), 0);
	/* All of the least that there is, and as much as the host has. */
	expect_mem(a, b, LARGEST);
	for (size_t i = size; i < (size_t)size + 4096; i++)
		expect_eq(a[i], 0xa5);
}

TEST(xsave_of_unknown_components_is_refused, NEED(KVM_CAP_XSAVE))
{
	struct vcpu *vcpu = new_vcpu();
	const struct kvm_cpuid_entry2 *e;
	struct kvm_xsave before, bad, after;
	struct cpuid_table table;
	uint64_t known;

	supported_cpuid(&table);
	e = cpuid_find(&table, 0xd, 0);
	known = e ? e->eax | (uint64_t)e->edx << 32 : 3;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, &before), 0);
	for (int bit = 0; bit < 64; bit++) {
		if (known >> bit & 1)
			continue;
		bad = before;
		bad.region[0] ^= 2;
		bad.region[512 / 4 + bit / 32] |= 1U << bit % 32;
		expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, &bad), -EINVAL);
		expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_XSAVE, &after), 0);
		expect_mem(&after, &before, sizeof(after));
	}
}

TEST(translation_padding_comes_back)
{
	struct vcpu *vcpu = new_vcpu();
	struct kvm_translation t;

	memset(&t, 0xa5, sizeof(t));
	t.linear_address = 0x1234;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_TRANSLATE, &t), 0);
	expect_eq(t.physical_address, 0x1234);
	expect_eq(t.valid, 1);
	for (size_t i = 0; i < sizeof(t.pad); i++)
		expect_eq(t.pad[i], 0xa5);
}
