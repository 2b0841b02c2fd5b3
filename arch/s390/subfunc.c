// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the machine's instructions with functions can do (devices/vm.rst,
 * KVM_S390_VM_CPU_MACHINE_SUBFUNC): each says so itself, to its query function.
 */
#include <asm/facility.h>
#include "s390.h"

/* Function 0 with the result at general register 1; operands are even registers. */
#define QUERY(block, instruction) asm volatile(						\
	"	lghi	0,0\n"								\
	"	lgr	1,%[to]\n"							\
	"	" instruction "\n"							\
	: : [to] "a" (block) : "0", "1", "2", "3", "4", "5", "6", "7", "cc", "memory")

/* Function 0 of the instructions with two and with three register operands. */
#define QUERY_RRE(block, opcode)	QUERY(block, ".insn rre," opcode "0000,2,4")
#define QUERY_RRF(block, opcode)	QUERY(block, ".insn rrf," opcode "0000,2,4,6,0")

/* PLO has a bit of general register 0 to ask for each function (PoP ch. 7). */
static bool plo_has(unsigned int function)
{
	unsigned long r0 = 0x100 | function;
	int cc;

	asm volatile("	lgr	0,%[r0]\n"
		     "	plo	0,0,0,0\n"
		     "	ipm	%[cc]\n"
		     "	srl	%[cc],28\n"
		     : [cc] "=d" (cc) : [r0] "d" (r0) : "0", "cc");
	return !cc;
}

void sie_subfunctions(struct kvm_s390_vm_cpu_subfunc *f)
{
	unsigned int i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < 256; i++)
		if (plo_has(i))
			f->plo[i / 8] |= 0x80 >> i % 8;
	if (test_facility(28))		/* TOD-clock steering */
		QUERY(f->ptff, ".insn e,0x0104");
	if (test_facility(17)) {	/* message-security assist */
		QUERY_RRE(f->kmac, "0xb91e");
		QUERY_RRE(f->kmc, "0xb92f");
		QUERY_RRE(f->km, "0xb92e");
		QUERY_RRE(f->kimd, "0xb93e");
		QUERY_RRE(f->klmd, "0xb93f");
	}
	if (test_facility(76))		/* extension 3 */
		QUERY_RRE(f->pckmo, "0xb928");
	if (test_facility(77)) {	/* extension 4 */
		QUERY_RRF(f->kmctr, "0xb92d");
		QUERY_RRE(f->kmf, "0xb92a");
		QUERY_RRE(f->kmo, "0xb92b");
		QUERY_RRE(f->pcc, "0xb92c");
	}
	if (test_facility(57))		/* extension 5 */
		QUERY_RRE(f->ppno, "0xb93c");
	if (test_facility(146))		/* extension 8 */
		QUERY_RRF(f->kma, "0xb929");
	if (test_facility(155))		/* extension 9 */
		QUERY_RRE(f->kdsa, "0xb93a");
	if (test_facility(150))		/* enhanced sort */
		QUERY_RRE(f->sortl, "0xb938");
	if (test_facility(151))		/* deflate conversion */
		QUERY_RRF(f->dfltcc, "0xb939");
}
