// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's CPUID: KVM_SET_CPUID(2), KVM_GET_CPUID2, the CPUID instruction, and
 * what follows from its features.  What may be offered is in cpuid_host.c.
 *
 * Entries keep user space's order.  Behind them, in the same allocation, are their
 * numbers in order of leaf: lookup is a binary search and a step or two.
 */
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/xstate.h>
#include "irq.h"
#include "state.h"

#define DEFAULT_MAXPHYADDR	36	/* without leaf 0x80000008 (SDM vol. 2, CPUID) */
#define LARGEST_MAXPHYADDR	52

/* "GenuineIntel", "AuthenticAMD" and "HygonGenuine" in EBX, EDX, ECX. */
#define INTEL_EBX	0x756e6547
#define INTEL_EDX	0x49656e69
#define INTEL_ECX	0x6c65746e
#define AMD_EBX		0x68747541
#define AMD_EDX		0x69746e65
#define AMD_ECX		0x444d4163
#define HYGON_EBX	0x6f677948
#define HYGON_EDX	0x6e65476e
#define HYGON_ECX	0x656e6975

static u8 *cpuid_order(const struct kvm_cpuid_entry2 *entries, unsigned int nr)
{
	return (u8 *)(entries + nr);
}

static struct kvm_cpuid_entry2 *find_among(struct kvm_cpuid_entry2 *entries, unsigned int nr,
					   u32 function, u32 index)
{
	const u8 *order = cpuid_order(entries, nr);
	unsigned int low = 0, high = nr;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (entries[order[middle]].function < function)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < nr; low++) {
		struct kvm_cpuid_entry2 *e = &entries[order[low]];

		if (e->function != function)
			break;
		if (e->index == index || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))
			return e;
	}
	return NULL;
}

static struct kvm_cpuid_entry2 *find(struct x86_vcpu *v, u32 function, u32 index)
{
	return find_among(v->cpuid, v->nr_cpuid, function, index);
}

/* Bits that show the state of the moment: OSXSAVE, APIC enabled, size of the XSAVE area. */
static void apply_state(struct x86_vcpu *v, struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case 1:
		e->ecx &= ~BIT(X86_FEATURE_OSXSAVE & 31);
		if (x86_vendor->get_cr(v, 4) & X86_CR4_OSXSAVE)
			e->ecx |= BIT(X86_FEATURE_OSXSAVE & 31);
		e->edx &= ~BIT(X86_FEATURE_APIC & 31);
		if (v->apic_base & MSR_IA32_APICBASE_ENABLE)
			e->edx |= BIT(X86_FEATURE_APIC & 31);
		if (!x86_quirk(v, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)) {
			e->ecx &= ~BIT(X86_FEATURE_MWAIT & 31);
			if (x86_misc_enable_mwait(v))
				e->ecx |= BIT(X86_FEATURE_MWAIT & 31);
		}
		break;
	case 0xd:
		if (e->index == 0)
			e->ebx = x86_xsave_size(v->xcr0, false);
		else if (e->index == 1 && (e->eax & (BIT(X86_FEATURE_XSAVEC & 31) |
						     BIT(X86_FEATURE_XSAVES & 31))))
			e->ebx = x86_xsave_size(v->xcr0, true);
		break;
	}
}

static bool vendor_is(const struct kvm_cpuid_entry2 *e, u32 ebx, u32 ecx, u32 edx)
{
	return e && e->ebx == ebx && e->ecx == ecx && e->edx == edx;
}

bool x86_guest_is_intel(struct x86_vcpu *v)
{
	return vendor_is(find(v, 0, 0), INTEL_EBX, INTEL_ECX, INTEL_EDX);
}

/*
 * A leaf beyond the last one of its range reads as the highest basic leaf on Intel
 * and as zeros on AMD (SDM vol. 2, CPUID; APM vol. 3, appendix E).  The range of a
 * hypervisor's leaves is 256 of them.  *@function: the leaf that is read.
 */
static struct kvm_cpuid_entry2 *find_out_of_range(struct x86_vcpu *v, u32 *function, u32 index)
{
	struct kvm_cpuid_entry2 *basic = find(v, 0, 0);
	struct kvm_cpuid_entry2 *range;

	if (!basic || vendor_is(basic, AMD_EBX, AMD_ECX, AMD_EDX) ||
	    vendor_is(basic, HYGON_EBX, HYGON_ECX, HYGON_EDX))
		return NULL;
	if (*function >> 28 == 4)
		range = find(v, *function & 0xffffff00, 0);
	else if (*function >= 0xc0000000)
		range = find(v, 0xc0000000, 0);
	else
		range = find(v, *function & 0x80000000, 0);
	if (range && *function <= range->eax)
		return NULL;
	*function = basic->eax;
	return find(v, basic->eax, index);
}

/*
 * x86_cpuid() - run CPUID for the guest.
 *
 * Context: the vendor's part of the vCPU is built.
 */
void x86_cpuid(struct x86_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 function = *eax, index = *ecx;
	struct kvm_cpuid_entry2 *e, now;

	e = find(v, function, index);
	if (unlikely(!e))
		e = find_out_of_range(v, &function, index);
	if (likely(e)) {
		if (unlikely(e->function == 1 || e->function == 0xd)) {
			now = *e;
			apply_state(v, &now);
			e = &now;
		}
		*eax = e->eax;
		*ebx = e->ebx;
		*ecx = e->ecx;
		*edx = e->edx;
		return;
	}

	*eax = *ebx = *ecx = *edx = 0;
	/* Topology: the subleaf's number and the APIC id are there for any subleaf. */
	if (function == 0xb || function == 0x1f) {
		e = find(v, function, 1);
		if (e) {
			*ecx = index & 0xff;
			*edx = e->edx;
		}
	}
}

/* Does the guest's CPUID show the feature?  False for words guests do not have. */
bool x86_guest_has(struct x86_vcpu *v, unsigned int feature)
{
	const struct x86_cpuid_word *w = x86_cpuid_word(feature / 32);
	struct kvm_cpuid_entry2 *e;
	u32 reg[4];

	if (!w)
		return false;
	e = find(v, w->function, w->index);
	if (!e)
		return false;
	reg[0] = e->eax;
	reg[1] = e->ebx;
	reg[2] = e->ecx;
	reg[3] = e->edx;
	return reg[w->reg] & BIT(feature % 32);
}

bool x86_guest_has_mwait(struct x86_vcpu *v)
{
	if (!x86_quirk(v, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
		return x86_misc_enable_mwait(v);
	return x86_guest_has(v, X86_FEATURE_MWAIT);
}

static bool guest_has(const void *who, unsigned int feature)
{
	return x86_guest_has((struct x86_vcpu *)who, feature);
}

/*
 * The leaf of KVM's features: behind its signature, which user space may have put after
 * other hypervisors' (cpuid.rst).
 */
static struct kvm_cpuid_entry2 *find_pv(struct kvm_cpuid_entry2 *entries, unsigned int nr)
{
	static const char signature[12] = "KVMKVMKVM";
	struct kvm_cpuid_entry2 *e;
	u32 base;

	for (base = KVM_CPUID_SIGNATURE; base < KVM_CPUID_SIGNATURE + 0x10000; base += 0x100) {
		e = find_among(entries, nr, base, 0);
		if (e && !memcmp(&e->ebx, signature, 4) && !memcmp(&e->ecx, signature + 4, 4) &&
		    !memcmp(&e->edx, signature + 8, 4))
			return find_among(entries, nr, base | KVM_CPUID_FEATURES, 0);
	}
	return NULL;
}

/*
 * A guest whose HLT does not exit cannot be woken from it by a hypercall: what user
 * space says of that does not hold (KVM_CAP_X86_DISABLE_EXITS).
 */
static void fix_pv(struct x86_vcpu *v, struct kvm_cpuid_entry2 *entries, unsigned int nr)
{
	struct kvm_cpuid_entry2 *e = find_pv(entries, nr);

	if (e && READ_ONCE(to_x86_vm(v->core.vm)->disabled_exits) & KVM_X86_DISABLE_EXITS_HLT)
		e->eax &= ~BIT(KVM_FEATURE_PV_UNHALT);
}

/* x86_pv_update() - which paravirtual features the guest may use. */
void x86_pv_update(struct x86_vcpu *v)
{
	struct kvm_cpuid_entry2 *e = find_pv(v->cpuid, v->nr_cpuid);

	v->pv.features = !v->pv.enforce ? ~0u : e ? e->eax : 0;
}

/* Everything that is computed from the entries. */
static void derive(struct x86_vcpu *v)
{
	struct kvm_cpuid_entry2 *e;

	x86_pv_update(v);

	v->maxphyaddr = DEFAULT_MAXPHYADDR;
	e = find(v, 0x80000000, 0);
	if (e && e->eax >= 0x80000008) {
		e = find(v, 0x80000008, 0);
		if (e)
			v->maxphyaddr = min_t(u32, e->eax & 0xff, LARGEST_MAXPHYADDR);
	}

	e = find(v, 0xd, 0);
	v->supported_xcr0 = e ? (e->eax | (u64)e->edx << 32) & x86_host_xcr0 : 0;

	v->cr4_reserved = x86_host_cr4_reserved | x86_cr4_reserved(guest_has, v);
	v->efer_reserved = x86_host_efer_reserved;
	if (!x86_guest_has(v, X86_FEATURE_NX))
		v->efer_reserved |= EFER_NX;
	if (!x86_guest_has(v, X86_FEATURE_FXSR_OPT))
		v->efer_reserved |= EFER_FFXSR;
	if (!x86_guest_has(v, X86_FEATURE_LM))
		v->efer_reserved |= EFER_LME | EFER_LMA;
}

/*
 * x86_cpuid_init() - a new vCPU: no leaves, and CR4 and EFER bound by the host alone
 * until user space says what the guest has.  Inverse: x86_cpuid_destroy().
 */
void x86_cpuid_init(struct x86_vcpu *v)
{
	v->cpuid = NULL;
	v->nr_cpuid = 0;
	v->maxphyaddr = DEFAULT_MAXPHYADDR;
	v->supported_xcr0 = 0;
	v->pv.features = ~0u;
	v->cr4_reserved = x86_host_cr4_reserved;
	v->efer_reserved = x86_host_efer_reserved & ~(u64)(EFER_LME | EFER_LMA);
}

void x86_cpuid_destroy(struct x86_vcpu *v)
{
	kvfree(v->cpuid);
	v->cpuid = NULL;
	v->nr_cpuid = 0;
}

/* 0, or what is wrong with the entries. */
static int check_entries(struct kvm_cpuid_entry2 *entries, unsigned int nr)
{
	struct kvm_cpuid_entry2 *e;
	unsigned int bits;

	/* Canonical addresses have 48 or 57 bits; 0 leaves it to the default. */
	e = find_among(entries, nr, 0x80000008, 0);
	if (e) {
		bits = e->eax >> 8 & 0xff;
		if (bits && bits != 48 && bits != 57)
			return -EINVAL;
	}
	/* State that would need a larger fpstate cannot be switched. */
	e = find_among(entries, nr, 0xd, 0);
	if (e && (e->eax & XFEATURE_MASK_USER_DYNAMIC))
		return -EPERM;
	return 0;
}

static bool same_entry(struct x86_vcpu *v, const struct kvm_cpuid_entry2 *a,
		       const struct kvm_cpuid_entry2 *b)
{
	struct kvm_cpuid_entry2 x = *a, y = *b;

	apply_state(v, &x);
	apply_state(v, &y);
	return x.function == y.function && x.index == y.index && x.flags == y.flags &&
	       x.eax == y.eax && x.ebx == y.ebx && x.ecx == y.ecx && x.edx == y.edx;
}

static void sort_entries(const struct kvm_cpuid_entry2 *entries, unsigned int nr)
{
	u8 *order = cpuid_order(entries, nr);
	unsigned int i, j;

	/* By insertion: entries of one leaf stay in user space's order. */
	for (i = 0; i < nr; i++) {
		for (j = i; j && entries[order[j - 1]].function > entries[i].function; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
}

/* Room for @nr entries and their order; none needs none. */
static struct kvm_cpuid_entry2 *alloc_entries(unsigned int nr)
{
	return kvzalloc(nr * (sizeof(struct kvm_cpuid_entry2) + 1), GFP_KERNEL_ACCOUNT);
}

/*
 * Make @entries the guest's CPUID and own them.  Once the guest has run it may not
 * change any more (-EINVAL), but saying the same again is fine.
 */
static int set_entries(struct x86_vcpu *v, struct kvm_cpuid_entry2 *entries, unsigned int nr)
{
	unsigned int i;
	int r;

	sort_entries(entries, nr);
	fix_pv(v, entries, nr);
	if (v->core.stats.exits) {
		if (nr != v->nr_cpuid)
			return -EINVAL;
		for (i = 0; i < nr; i++)
			if (!same_entry(v, &entries[i], &v->cpuid[i]))
				return -EINVAL;
		kvfree(entries);
		return 0;
	}
	r = check_entries(entries, nr);
	if (r)
		return r;
	x86_cpuid_destroy(v);
	v->cpuid = entries;
	v->nr_cpuid = nr;
	derive(v);
	x86_vendor->update_traps(v);
	if (v->lapic)
		x86_lapic_cpuid_changed(v);
	return 0;
}

/* KVM_SET_CPUID2 (api.rst 4.59): -E2BIG (more than 256), -EINVAL, -EPERM, -ENOMEM. */
long x86_ioctl_set_cpuid2(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_cpuid2 __user *user = (void __user *)uarg;
	const struct kvm_cpuid2 *cpuid = data;
	struct kvm_cpuid_entry2 *entries;
	long r;

	if (cpuid->nent > X86_MAX_CPUID_ENTRIES)
		return -E2BIG;
	entries = alloc_entries(cpuid->nent);
	if (!entries)
		return -ENOMEM;
	r = -EFAULT;
	if (!copy_from_user(entries, user->entries, cpuid->nent * sizeof(*entries)))
		r = set_entries(to_x86(vcpu), entries, cpuid->nent);
	if (r)
		kvfree(entries);
	return r;
}

/* KVM_SET_CPUID: the same without subleaves. */
long x86_ioctl_set_cpuid(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct kvm_cpuid __user *user = (void __user *)uarg;
	const struct kvm_cpuid *cpuid = data;
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid_entry old;
	unsigned int i;
	long r = 0;

	if (cpuid->nent > X86_MAX_CPUID_ENTRIES)
		return -E2BIG;
	entries = alloc_entries(cpuid->nent);
	if (!entries)
		return -ENOMEM;
	for (i = 0; i < cpuid->nent && !r; i++) {
		if (copy_from_user(&old, &user->entries[i], sizeof(old))) {
			r = -EFAULT;
			break;
		}
		entries[i].function = old.function;
		entries[i].eax = old.eax;
		entries[i].ebx = old.ebx;
		entries[i].ecx = old.ecx;
		entries[i].edx = old.edx;
	}
	if (!r)
		r = set_entries(to_x86(vcpu), entries, cpuid->nent);
	if (r)
		kvfree(entries);
	return r;
}

/* KVM_GET_CPUID2: what the guest would read.  -E2BIG without room, nent as it was. */
long x86_ioctl_get_cpuid2(struct berth_vcpu *vcpu, void *data, unsigned long uarg)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct kvm_cpuid2 __user *user = (void __user *)uarg;
	struct kvm_cpuid2 *cpuid = data;
	struct kvm_cpuid_entry2 now;
	unsigned int i;

	if (cpuid->nent < v->nr_cpuid)
		return -E2BIG;
	for (i = 0; i < v->nr_cpuid; i++) {
		now = v->cpuid[i];
		apply_state(v, &now);
		if (copy_to_user(&user->entries[i], &now, sizeof(now)))
			return -EFAULT;
	}
	cpuid->nent = v->nr_cpuid;
	return copy_to_user(user, cpuid, sizeof(*cpuid)) ? -EFAULT : 0;
}
