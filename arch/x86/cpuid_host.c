// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID may show to guests: the host's features, masked by what Berth
 * virtualizes completely.  Computed once; KVM_GET_SUPPORTED_CPUID copies it out.
 * What one guest is shown is in cpuid.c.
 */
#include <linux/kvm_para.h>
#include <linux/uaccess.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include "state.h"

#define F(name)		BIT(X86_FEATURE_##name & 31)

#define MAX_BASIC	0xdu
#define MAX_EXTENDED	0x80000021u
#define MAX_ENTRIES	96
#define MAX_CACHES	8		/* subleaves of the cache leaves */
#define MAX_XSTATE	16		/* components X86_XCR0_BERTH can name */

enum { EAX, EBX, ECX, EDX };

u64 x86_host_xcr0;
u64 x86_host_cr4_reserved;
u64 x86_host_efer_reserved;

/*
 * Left out because state or exits behind them are not virtualized: MONITOR, PDCM and
 * the PMU, TSC deadline (KVM_CAP_TSC_DEADLINE_TIMER says that), VMX, SVM, SMX, PKU, CET,
 * XSAVES, XFD and AMX, HLE/RTM, SGX, PT, speculation controls, topology leaves.
 */
static const struct x86_cpuid_word words[] = {
	{ 1, 0, ECX, CPUID_1_ECX, .always = F(X2APIC), .mask =
	  F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) | F(XMM4_1) |
	  F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND) },
	{ 1, 0, EDX, CPUID_1_EDX, .mask =
	  F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) |
	  F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) | F(PAT) | F(PSE36) |
	  F(CLFLUSH) | F(MMX) | F(FXSR) | F(XMM) | F(XMM2) | F(SELFSNOOP) },
	{ 7, 0, EBX, CPUID_7_0_EBX, .always = F(TSC_ADJUST), .mask =
	  F(FSGSBASE) | F(BMI1) | F(AVX2) | F(FDP_EXCPTN_ONLY) | F(SMEP) | F(BMI2) | F(ERMS) |
	  F(INVPCID) | F(ZERO_FCS_FDS) | F(AVX512F) | F(AVX512DQ) | F(RDSEED) | F(ADX) |
	  F(SMAP) | F(AVX512IFMA) | F(CLFLUSHOPT) | F(CLWB) | F(AVX512PF) | F(AVX512ER) |
	  F(AVX512CD) | F(SHA_NI) | F(AVX512BW) | F(AVX512VL) },
	{ 7, 0, ECX, CPUID_7_ECX, .mask =
	  F(AVX512VBMI) | F(RDPID) | F(AVX512_VPOPCNTDQ) | F(UMIP) | F(AVX512_VBMI2) |
	  F(GFNI) | F(VAES) | F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) |
	  F(CLDEMOTE) | F(MOVDIRI) | F(MOVDIR64B) },
	/* The guest's own page tables may have a fifth level although the host's have not. */
	{ 7, 0, ECX, CPUID_7_ECX, .raw = true, .mask = F(LA57) },
	{ 7, 0, EDX, CPUID_7_EDX, .mask =
	  F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(AVX512_VP2INTERSECT) |
	  F(SERIALIZE) | F(AVX512_FP16) },
	{ 7, 1, EAX, CPUID_7_1_EAX, .mask = F(AVX_VNNI) | F(AVX512_BF16) },
	{ 0xd, 1, EAX, CPUID_D_1_EAX, .mask = F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) },
	{ 0x80000001, 0, ECX, CPUID_8000_0001_ECX, .mask =
	  F(LAHF_LM) | F(CMP_LEGACY) | F(CR8_LEGACY) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) |
	  F(3DNOWPREFETCH) | F(OSVW) | F(XOP) | F(FMA4) | F(TBM) },
	{ 0x80000001, 0, EDX, CPUID_8000_0001_EDX, .mask =
	  F(SYSCALL) | F(NX) | F(MMXEXT) | F(FXSR_OPT) | F(GBPAGES) | F(RDTSCP) | F(LM) |
	  F(3DNOWEXT) | F(3DNOW) },
	/* AMD repeats leaf 1's features here; the kernel keeps them in that word alone. */
	{ 0x80000001, 0, EDX, CPUID_8000_0001_EDX, .raw = true, .mask =
	  F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) |
	  F(APIC) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) | F(PAT) | F(PSE36) | F(MMX) | F(FXSR) },
	{ 0x80000008, 0, EBX, CPUID_8000_0008_EBX, .mask =
	  F(CLZERO) | F(XSAVEERPTR) | F(WBNOINVD) },
};

/*
 * All other registers: what of the host's value is passed on.  A leaf that is in
 * neither table is zero.  Feature words are added to what is here.
 */
static const struct {
	u32 function;
	u32 mask[4];
} plain[] = {
	{ 0x0,	      { ~0u, ~0u, ~0u, ~0u } },
	{ 0x1,	      { ~0u, 0xffff, 0, 0 } },		/* signature; line size, brand */
	{ 0x2,	      { ~0u, ~0u, ~0u, ~0u } },		/* cache and TLB descriptors */
	{ 0x4,	      { ~0u, ~0u, ~0u, ~0u } },		/* caches, by subleaf */
	{ 0x80000000, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000001, { ~0u, 0xf000ffff, 0, 0 } },	/* signature, package */
	{ 0x80000002, { ~0u, ~0u, ~0u, ~0u } },		/* name */
	{ 0x80000003, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000004, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000005, { ~0u, ~0u, ~0u, ~0u } },		/* L1 and TLBs */
	{ 0x80000006, { ~0u, ~0u, ~0u, 0xfffcffff } },	/* L2, L3 */
	{ 0x80000007, { 0, 0, 0, BIT(8) } },		/* invariant TSC */
	{ 0x80000008, { 0xffff, 0, 0xf0ff, 0 } },	/* address widths, core count */
	{ 0x80000019, { ~0u, ~0u, 0, 0 } },		/* 1 GiB TLBs */
	{ 0x8000001a, { 7, 0, 0, 0 } },			/* SIMD widths */
	{ 0x8000001d, { ~0u, ~0u, ~0u, ~0u } },		/* caches, by subleaf */
	{ 0x80000021, { BIT(0) | BIT(2) | BIT(6), 0, 0, 0 } },	/* immunities, see below */
};

/* CR4 bits that exist only with a feature. */
static const struct {
	u64 bit;
	unsigned int feature;
} cr4_features[] = {
	{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE },
	{ X86_CR4_SMEP, X86_FEATURE_SMEP },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE },
	{ X86_CR4_UMIP, X86_FEATURE_UMIP },
	{ X86_CR4_PCIDE, X86_FEATURE_PCID },
	{ X86_CR4_LA57, X86_FEATURE_LA57 },
};

#define CR4_ALWAYS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static struct kvm_cpuid_entry2 supported[MAX_ENTRIES];
static unsigned int nr_supported;
static u32 offered[NCAPINTS];		/* by the kernel's feature words */

static struct {
	u32 size;
	u32 offset;
	bool aligned;			/* to 64 bytes in the compacted form */
} xstate[MAX_XSTATE];

const struct x86_cpuid_word *x86_cpuid_word(unsigned int word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].word == word)
			return &words[i];
	return NULL;
}

bool x86_host_offers(unsigned int feature)
{
	return offered[feature / 32] & BIT(feature % 32);
}

static bool host_has(const void *who, unsigned int feature)
{
	return x86_host_offers(feature);
}

u64 x86_cr4_reserved(bool (*has)(const void *who, unsigned int feature), const void *who)
{
	u64 defined = CR4_ALWAYS;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (has(who, cr4_features[i].feature))
			defined |= cr4_features[i].bit;
	return ~defined;
}

u32 x86_xsave_size(u64 xcr0, bool compacted)
{
	u32 size = FXSAVE_SIZE + XSAVE_HDR_SIZE;
	unsigned int i;

	for (i = XFEATURE_YMM; i < MAX_XSTATE; i++) {
		u32 offset = xstate[i].offset;

		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (compacted)
			offset = xstate[i].aligned ? ALIGN(size, 64) : size;
		size = max(size, offset + xstate[i].size);
	}
	return size;
}

static void setup_xsave(void)
{
	u32 eax, ebx, ecx, edx;
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	x86_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) & X86_XCR0_BERTH;
	for (i = XFEATURE_YMM; i < MAX_XSTATE; i++) {
		if (!(x86_host_xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		xstate[i].size = eax;
		xstate[i].offset = ebx;
		xstate[i].aligned = ecx & BIT(1);
	}
}

static void setup_words(void)
{
	u32 reg[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		const struct x86_cpuid_word *w = &words[i];
		u32 kernel = w->raw ? ~0u : boot_cpu_data.x86_capability[w->word];
		u32 max = cpuid_eax(w->function & 0x80000000);

		if (max < w->function)
			continue;
		if (w->function == 7 && w->index > cpuid_eax(7))
			continue;
		cpuid_count(w->function, w->index, &reg[0], &reg[1], &reg[2], &reg[3]);
		offered[w->word] |= (reg[w->reg] & kernel & w->mask) | w->always;
	}
}

/* The next entry, with the host's values; NULL when the table is full. */
static struct kvm_cpuid_entry2 *add_entry(u32 function, u32 index, u32 flags)
{
	struct kvm_cpuid_entry2 *e = &supported[nr_supported];

	if (nr_supported == ARRAY_SIZE(supported))
		return NULL;
	nr_supported++;
	e->function = function;
	e->index = index;
	e->flags = flags;
	cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

/* Mask an entry by both tables. */
static void mask_entry(struct kvm_cpuid_entry2 *e)
{
	u32 *reg[4] = { &e->eax, &e->ebx, &e->ecx, &e->edx };
	u32 mask[4] = {};
	unsigned int i, r;

	for (i = 0; i < ARRAY_SIZE(plain); i++)
		if (plain[i].function == e->function)
			memcpy(mask, plain[i].mask, sizeof(mask));
	for (r = 0; r < 4; r++)
		*reg[r] &= mask[r];
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].function == e->function && words[i].index == e->index)
			*reg[words[i].reg] |= offered[words[i].word];
}

static int add_caches(u32 function)
{
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	for (i = 0; i < MAX_CACHES; i++) {
		e = add_entry(function, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		if (!e)
			return -E2BIG;
		if (!(e->eax & 0x1f))
			break;
	}
	return 0;
}

static int add_features(void)
{
	struct kvm_cpuid_entry2 *e = add_entry(7, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	u32 last;

	if (!e)
		return -E2BIG;
	last = min(e->eax, 1u);
	mask_entry(e);
	e->eax = last;
	if (!last)
		return 0;
	e = add_entry(7, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	mask_entry(e);
	return 0;
}

static int add_xsave(void)
{
	struct kvm_cpuid_entry2 *e = add_entry(0xd, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	unsigned int i;

	if (!e)
		return -E2BIG;
	e->eax = x86_host_xcr0;
	e->ebx = x86_host_xcr0 ? x86_xsave_size(x86_host_xcr0, false) : 0;
	e->ecx = e->ebx;
	e->edx = upper_32_bits(x86_host_xcr0);
	if (!x86_host_xcr0)
		return 0;

	e = add_entry(0xd, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	mask_entry(e);
	if (x86_host_offers(X86_FEATURE_XSAVEC))
		e->ebx = x86_xsave_size(x86_host_xcr0, true);
	for (i = XFEATURE_YMM; i < MAX_XSTATE; i++) {
		if (!(x86_host_xcr0 & BIT_ULL(i)))
			continue;
		e = add_entry(0xd, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		if (!e)
			return -E2BIG;
		e->ecx &= BIT(1);
		e->edx = 0;
	}
	return 0;
}

static int add_leaf(u32 function)
{
	struct kvm_cpuid_entry2 *e;

	switch (function) {
	case 0x4:
	case 0x8000001d:
		return add_caches(function);
	case 0x7:
		return add_features();
	case 0xd:
		return add_xsave();
	}
	e = add_entry(function, 0, 0);
	if (!e)
		return -E2BIG;
	mask_entry(e);
	switch (function) {
	case 0:
		e->eax = min(e->eax, MAX_BASIC);
		break;
	case 6:
		e->eax = BIT(2);	/* the APIC timer does not stop */
		break;
	case 0x80000000:
		e->eax = min(e->eax, MAX_EXTENDED);
		break;
	case 0x80000008:
		/* Guests may use 48 bits of linear address where the host says less. */
		e->eax = (e->eax & 0xff) | max(e->eax >> 8, 48u) << 8;
		break;
	}
	return 0;
}

/* Every leaf from @base to the last one its own EAX names. */
static int add_class(u32 base)
{
	unsigned int first = nr_supported;
	u32 function;
	int r;

	if (cpuid_eax(base) < base)
		return 0;
	r = add_leaf(base);
	for (function = base + 1; !r && function <= supported[first].eax; function++)
		r = add_leaf(function);
	return r;
}

/* What this is, and what it offers that hardware does not (cpuid.rst). */
static int add_pv(void)
{
	static const char signature[12] = "KVMKVMKVM";
	struct kvm_cpuid_entry2 *e;

	if (nr_supported + 2 > MAX_ENTRIES)
		return -E2BIG;
	e = &supported[nr_supported++];
	memset(e, 0, 2 * sizeof(*e));
	e->function = KVM_CPUID_SIGNATURE;
	e->eax = KVM_CPUID_FEATURES;
	memcpy(&e->ebx, signature, 4);
	memcpy(&e->ecx, signature + 4, 4);
	memcpy(&e->edx, signature + 8, 4);
	e = &supported[nr_supported++];
	e->function = KVM_CPUID_FEATURES;
	e->eax = x86_pv_supported();
	return 0;
}

/*
 * x86_cpuid_host_setup() - compute what guests may be shown, MSRs included.
 *
 * 0, or -E2BIG when this host has more leaves than the table holds.  Context: module
 * load, on one CPU.
 */
int x86_cpuid_host_setup(void)
{
	u64 efer = EFER_SCE | EFER_LME | EFER_LMA;
	int r;

	nr_supported = 0;
	memset(offered, 0, sizeof(offered));
	setup_xsave();
	setup_words();
	x86_host_cr4_reserved = x86_cr4_reserved(host_has, NULL);
	if (x86_host_offers(X86_FEATURE_NX))
		efer |= EFER_NX;
	if (x86_host_offers(X86_FEATURE_FXSR_OPT))
		efer |= EFER_FFXSR;
	x86_host_efer_reserved = ~efer;

	r = add_class(0);
	if (!r)
		r = add_class(0x80000000);
	if (!r)
		r = add_pv();
	return r ? r : x86_msr_setup();
}

/*
 * x86_ioctl_get_supported_cpuid() - KVM_GET_SUPPORTED_CPUID (api.rst 4.46).
 *
 * -E2BIG when user space has room for fewer; then nothing is copied.
 */
long x86_ioctl_get_supported_cpuid(void *data, unsigned long uarg)
{
	struct kvm_cpuid2 __user *user = (void __user *)uarg;
	struct kvm_cpuid2 *cpuid = data;

	if (cpuid->nent < nr_supported)
		return -E2BIG;
	cpuid->nent = nr_supported;
	if (copy_to_user(user->entries, supported, nr_supported * sizeof(*supported)) ||
	    copy_to_user(user, cpuid, sizeof(*cpuid)))
		return -EFAULT;
	return 0;
}

/*
 * x86_ioctl_get_emulated_cpuid() - KVM_GET_EMULATED_CPUID: no feature is emulated:
 * leaf 0 says that there is no other.
 *
 * The entries' padding must be zero (-EINVAL) as for those of a longer answer.
 */
long x86_ioctl_get_emulated_cpuid(void *data, unsigned long uarg)
{
	struct kvm_cpuid2 __user *user = (void __user *)uarg;
	struct kvm_cpuid2 *cpuid = data;
	struct kvm_cpuid_entry2 leaf0 = { };
	u32 padding[3];
	unsigned int i;

	if (!cpuid->nent)
		return -E2BIG;
	cpuid->nent = min_t(u32, cpuid->nent, X86_MAX_CPUID_ENTRIES);
	for (i = 0; i < cpuid->nent; i++)
		if (copy_from_user(padding, user->entries[i].padding, sizeof(padding)) ||
		    memchr_inv(padding, 0, sizeof(padding)))
			return -EINVAL;
	cpuid->nent = 1;
	if (copy_to_user(user, cpuid, sizeof(*cpuid)) ||
	    copy_to_user(user->entries, &leaf0, sizeof(leaf0)))
		return -EFAULT;
	return 0;
}
