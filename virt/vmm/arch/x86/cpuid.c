// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vCPU says of itself: all that KVM supports, and a topology of one package with one
 * thread per core (Intel SDM vol. 2 CPUID; AMD APM vol. 3 appendix E).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "x86.h"

#define ENTRIES			256

#define LEAF1_TSC_DEADLINE	(1u << 24)	/* ecx */
#define LEAF1_HYPERVISOR	(1u << 31)
#define LEAF1_HTT		(1u << 28)	/* edx: EBX[23:16] is valid */
#define EXT1_CMP_LEGACY		(1u << 1)	/* ecx: HTT means cores */
#define EXT1_TOPOEXT		(1u << 22)	/* ecx: leaves 0x8000001d and 1e are there */

#define LEVEL_SMT		1		/* leaf 0xb, ECX[15:8] */
#define LEVEL_CORE		2

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[ENTRIES];
};

/* Bits of the APIC ID that tell cores apart. */
static unsigned int core_bits(unsigned int cpus)
{
	unsigned int bits = 0;

	while ((1u << bits) < cpus)
		bits++;
	return bits;
}

/* Leaf 0xb or 0x1f: KVM tells of no levels, so both are added here. */
static void add_topology(struct cpuid *c, u32 leaf, unsigned int id, unsigned int cpus)
{
	const struct kvm_cpuid_entry2 smt = {
		.function = leaf, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = 0, .ebx = 1, .ecx = LEVEL_SMT << 8 | 0, .edx = id,
	};
	const struct kvm_cpuid_entry2 core = {
		.function = leaf, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = core_bits(cpus), .ebx = cpus, .ecx = LEVEL_CORE << 8 | 1, .edx = id,
	};

	if (c->head.nent + 2 > ENTRIES)
		die("no room for the CPU's topology");
	c->entry[c->head.nent++] = smt;
	c->entry[c->head.nent++] = core;
}

static void adapt(struct kvm_cpuid_entry2 *e, struct vm *vm, unsigned int id)
{
	unsigned int cpus = vm->nr_vcpus, bits = core_bits(cpus);

	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0xffff) | (cpus & 0xff) << 16 | id << 24;
		e->ecx |= LEAF1_HYPERVISOR;
		if (vm_capability(vm, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
			e->ecx |= LEAF1_TSC_DEADLINE;
		e->edx = cpus > 1 ? e->edx | LEAF1_HTT : e->edx & ~LEAF1_HTT;
		break;
	case 4:
		/* Cores of the package, and one thread for each cache but the last level's. */
		e->eax &= 0x3ff;
		if (e->eax & 0x1f)
			e->eax |= ((1u << bits) - 1) << 26;
		if (((e->eax >> 5) & 7) == 3)
			e->eax |= ((1u << bits) - 1) << 14;
		break;
	case 0x80000001:
		e->ecx &= ~(EXT1_TOPOEXT | EXT1_CMP_LEGACY);
		if (cpus > 1)
			e->ecx |= EXT1_CMP_LEGACY;
		break;
	case 0x80000008:
		e->ecx = bits << 12 | (cpus - 1);
		break;
	case 0x8000001d:
	case 0x8000001e:
		e->eax = e->ebx = e->ecx = e->edx = 0;
		break;
	}
}

void cpuid_set(struct vcpu *vcpu)
{
	static struct cpuid supported;
	struct cpuid mine = { };
	unsigned int i;
	u32 last = 0;

	if (!supported.head.nent) {
		supported.head.nent = ENTRIES;
		if (ioctl(vcpu->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, &supported) < 0)
			die_errno("cannot get the supported CPU features");
	}
	for (i = 0; i < supported.head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &supported.entry[i];

		if (e->function != 0xb && e->function != 0x1f) {
			mine.entry[mine.head.nent] = *e;
			adapt(&mine.entry[mine.head.nent++], vcpu->vm, vcpu->id);
		} else if (e->function != last) {
			last = e->function;
			add_topology(&mine, last, vcpu->id, vcpu->vm->nr_vcpus);
		}
	}
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, &mine) < 0)
		die_errno("cannot set the features of CPU %u", vcpu->id);
}
