// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 decoder alone: instruction lengths and fields by hand, errors, and its agreement with
 * Zydis on random bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>
#endif

#include "decode.h"
#include "ktap.h"

#define R	(1 << X86_MODE_REAL)
#define S	(1 << X86_MODE_16)
#define P	(1 << X86_MODE_32)
#define Q	(1 << X86_MODE_64)
#define ALL	(R | S | P | Q)
#define LEGACY	(R | S | P)

static const char *const mode_name[] = { "real", "16", "32", "64" };

/* One instruction as hexadecimal text, and the modes in which that is its whole length. */
struct golden {
	const char *name;
	const char *hex;
	unsigned int modes;
};

static const struct golden intercepted[] = {
	{ "cpuid", "0fa2", ALL },
	{ "rex cpuid", "480fa2", Q },
	{ "66 f3 2e cpuid", "66f32e0fa2", ALL },
	{ "hlt", "f4", ALL },
	{ "fs hlt", "64f4", ALL },
	{ "rdmsr", "0f32", ALL },
	{ "wrmsr", "0f30", ALL },
	{ "rdtsc", "0f31", ALL },
	{ "rdtscp", "0f01f9", ALL },
	{ "rdpmc", "0f33", ALL },
	{ "invd", "0f08", ALL },
	{ "wbinvd", "0f09", ALL },
	{ "wbnoinvd", "f30f09", ALL },
	{ "invlpg [bx/rdi]", "0f013f", ALL },
	{ "invlpg disp8", "0f017f10", ALL },
	{ "invlpg sib disp32", "0f01bc8878563412", P | Q },
	{ "invlpg [disp16]", "0f013e3412", R | S },
	{ "invlpg rip", "0f013d78563412", P | Q },
	{ "invlpga", "0f01df", ALL },
	{ "67 invlpga", "670f01df", ALL },
	{ "vmrun", "0f01d8", ALL },
	{ "vmmcall", "0f01d9", ALL },
	{ "vmcall", "0f01c1", ALL },
	{ "vmload", "0f01da", ALL },
	{ "vmsave", "0f01db", ALL },
	{ "stgi", "0f01dc", ALL },
	{ "clgi", "0f01dd", ALL },
	{ "skinit", "0f01de", ALL },
	{ "xgetbv", "0f01d0", ALL },
	{ "xsetbv", "0f01d1", ALL },
	{ "monitor", "0f01c8", ALL },
	{ "67 monitor", "670f01c8", ALL },
	{ "mwait", "0f01c9", ALL },
	{ "monitorx", "0f01fa", ALL },
	{ "mwaitx", "0f01fb", ALL },
	{ "pause", "f390", ALL },
	{ "pause with rex", "f34890", Q },
	{ "in al,ib", "e410", ALL },
	{ "in ax,ib", "e510", ALL },
	{ "66 in", "66e510", ALL },
	{ "in al,dx", "ec", ALL },
	{ "in eax,dx", "ed", ALL },
	{ "rex.w in eax,dx", "48ed", Q },
	{ "out ib,al", "e680", ALL },
	{ "out ib,eax", "e780", ALL },
	{ "out dx,al", "ee", ALL },
	{ "66 out dx,ax", "66ef", ALL },
	{ "insb", "6c", ALL },
	{ "rep insw", "f3666d", ALL },
	{ "rep 67 insd", "f3676d", ALL },
	{ "outsb", "6e", ALL },
	{ "rep fs outsw", "f364666f", ALL },
	{ "mov rax,cr0", "0f20c0", ALL },
	{ "mov cr3,rax", "0f22d8", ALL },
	{ "mov cr4,rax, mod 0", "0f2220", ALL },
	{ "mov cr0, mod 1 rm 4", "0f2244", ALL },
	{ "mov cr0, mod 0 rm 5", "0f2205", ALL },
	{ "rex rex mov cr8", "45440f22c7", Q },
	{ "mov cr8,rax", "440f22c0", Q },
	{ "lock mov cr0,eax", "f00f22c0", ALL },
	{ "66 mov cr0", "660f22c0", ALL },
	{ "mov rax,dr7", "0f21f8", ALL },
	{ "mov dr7,rax", "0f23f8", ALL },
	{ "clts", "0f06", ALL },
	{ "lmsw ax", "0f01f0", ALL },
	{ "lmsw m", "0f0130", ALL },
	{ "smsw eax", "0f01e0", ALL },
	{ "smsw m", "0f0120", ALL },
	{ "sgdt", "0f0100", ALL },
	{ "sidt", "0f0108", ALL },
	{ "lgdt", "0f0110", ALL },
	{ "lgdt [disp16]", "0f01163412", R | S },
	{ "lidt", "0f0118", ALL },
	{ "lidt cs:[esi]", "2e670f011e", R | S },
	{ "lldt ax", "0f00d0", ALL },
	{ "lldt m", "0f0010", ALL },
	{ "ltr ax", "0f00d8", ALL },
	{ "sldt ax", "0f00c0", ALL },
	{ "str eax", "0f00c8", ALL },
	{ "str m", "0f0008", ALL },
	{ "pushf", "9c", ALL },
	{ "66 pushf", "669c", ALL },
	{ "popf", "9d", ALL },
	{ "iret", "cf", ALL },
	{ "iretq", "48cf", Q },
	{ "66 iret", "66cf", ALL },
	{ "int n", "cd80", ALL },
	{ "int3", "cc", ALL },
	{ "into", "ce", LEGACY },
	{ "int1", "f1", ALL },
	{ "rsm", "0faa", ALL },
	{ "bound", "6207", LEGACY },
	{ "bound disp8", "624701", LEGACY },
	{ "ud2", "0f0b", ALL },
	{ "syscall", "0f05", ALL },
	{ "sysenter", "0f34", ALL },
	{ "getsec", "0f37", ALL },
	{ "vmread", "0f7800", ALL },
	{ "15 bytes of cpuid", "666666666666666666666666660fa2", ALL },
};

static const struct golden memory[] = {
	{ "mov [rax],cl", "8808", ALL },
	{ "mov [m16],ax", "a33412", R | S },
	{ "mov [m32],eax", "a378563412", P },
	{ "67 mov [m32],eax", "67a378563412", R | S | Q },
	{ "mov [m64],rax", "48a3f0debc9a78563412", Q },
	{ "mov [rsp+disp8],eax", "89442410", P | Q },
	{ "mov [rbp],eax", "894500", P | Q },
	{ "mov [disp32],eax by sib", "89042578563412", P | Q },
	{ "mov [r13+0],r8", "4d894500", Q },
	{ "mov [r12],eax", "41890424", Q },
	{ "mov [bp+disp16],ax", "89863412", R | S },
	{ "67 mov [eax+ecx*8+disp32]", "678984c878563412", R | S | Q },
	{ "mov m,imm8", "c60055", ALL },
	{ "mov m,imm16", "c7005555", R | S },
	{ "mov m,imm32", "c70055555555", P | Q },
	{ "rex.w mov m,imm32", "48c70055555555", Q },
	{ "66 mov m,imm16", "66c7005555", P | Q },
	{ "66 rex.w mov m,imm32", "6648c70055555555", Q },
	{ "add m,imm8", "830001", ALL },
	{ "lock add m,imm32", "f0810055555555", P | Q },
	{ "82 add m8,imm8", "820001", LEGACY },
	{ "test m8,imm8", "f60055", ALL },
	{ "f6 /1", "f60855", ALL },
	{ "not m8", "f610", ALL },
	{ "test m,imm32", "f70055555555", P | Q },
	{ "neg m", "f718", ALL },
	{ "mov r,imm64", "48b8f0debc9a78563412", Q },
	{ "mov r,imm32", "b878563412", P | Q },
	{ "movzx", "0fb600", ALL },
	{ "movsxd", "486300", Q },
	{ "arpl", "6300", LEGACY },
	{ "movnti", "0fc300", ALL },
	{ "movbe load", "0f38f000", ALL },
	{ "crc32", "f20f38f1c0", ALL },
	{ "rep movs", "f3a4", ALL },
	{ "cmpxchg8b", "0fc708", ALL },
	{ "cmpxchg16b", "480fc708", Q },
	{ "bts m,imm8", "0fba2807", ALL },
	{ "call m", "ff10", ALL },
	{ "call far m", "ff18", ALL },
	{ "push m", "ff30", ALL },
	{ "pop m", "8f00", ALL },
	{ "enter", "c8100001", ALL },
	{ "call far 16:16", "9a34127856", R | S },
	{ "jmp far 16:32", "ea785634122301", P },
	{ "jmp rel16", "e93412", R | S },
	{ "jmp rel32", "e978563412", P | Q },
	{ "66 jmp rel16", "66e93412", P },
	{ "jcc rel32", "0f8478563412", P | Q },
	{ "push imm", "6878563412", P | Q },
	{ "66 push imm16", "66683412", P | Q },
	{ "imul imm32", "690078563412", P | Q },
	{ "les", "c400", LEGACY },
	{ "shld", "0fa40005", ALL },
	{ "movups store", "0f1100", ALL },
	{ "movaps store", "0f2900", ALL },
	{ "movdqa store", "660f7f00", ALL },
	{ "movdqu store", "f30f7f00", ALL },
	{ "movq store", "660fd600", ALL },
	{ "movd store", "660f7e00", ALL },
	{ "movntdq", "660fe700", ALL },
	{ "movntps", "0f2b00", ALL },
	{ "pshufd", "660f70c01b", ALL },
	{ "psrldq", "660f73d804", ALL },
	{ "fnstsw m", "dd38", ALL },
	{ "nop m, disp32", "0f1f8000000000", P | Q },
	{ "endbr64", "f30f1efa", ALL },
};

/* Bytes that are no instruction in a mode. */
static const struct golden refused[] = {
	{ "0f 04", "0f04", ALL },
	{ "vex 2", "c5f877", Q },
	{ "vex 2, register form", "c5f877", LEGACY },
	{ "evex", "62f17c4810c0", ALL },
	{ "xop", "8fe97812c0", ALL },
	{ "push es", "06", Q },
	{ "into", "ce", Q },
	{ "82", "820001", Q },
	{ "mov cs,ax", "8ec8", ALL },
	{ "lea register", "8dc0", ALL },
	{ "c6 /1", "c60800", ALL },
	{ "fe /2", "fe10", ALL },
	{ "ff /7", "ff38", ALL },
	{ "call far register", "ffd8", ALL },
	{ "bt /0", "0fba0000", ALL },
	{ "66 call rel", "66e878563412", Q },
	{ "66 jcc rel", "660f8478563412", Q },
	{ "0f 3a", "0f3a0fc008", ALL },
	{ "f3 movbe", "f30f38f000", ALL },
	{ "extrq", "660f78c00101", ALL },
	{ "jmpe", "0fb800", ALL },
	{ "16 bytes", "66666666666666666666666666660fa2", ALL },
	{ "only prefixes", "666666666666666666666666666666", ALL },
	{ "16 with immediate", "666666666666666666666666c7000000", P | Q },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static unsigned int from_hex(const char *hex, u8 *bytes)
{
	unsigned int n = 0, v;

	for (; *hex; hex += 2, n++) {
		sscanf(hex, "%2x", &v);
		bytes[n] = v;
	}
	return n;
}

/* The whole is decoded, and each shorter piece asks for more. */
static void check_golden(const struct golden *g, enum x86_mode mode)
{
	struct x86_insn insn;
	u8 bytes[32] = { 0 };
	unsigned int n = from_hex(g->hex, bytes), i;
	int r;

	r = x86_decode(&insn, bytes, n, mode);
	ktap_check(!r && insn.len == n, "%s, mode %s: expected %u, saw result %d length %u", g->name,
		   mode_name[mode], n, r, insn.len);
	ktap_check(!memcmp(insn.bytes, bytes, n < 15 ? n : 15), "%s: bytes are kept", g->name);
	memset(bytes + n, 0xcc, sizeof(bytes) - n);
	r = x86_decode(&insn, bytes, sizeof(bytes), mode);
	ktap_check(!r && insn.len == n, "%s, mode %s: longer buffer gives result %d length %u",
		   g->name, mode_name[mode], r, insn.len);
	for (i = 0; i < n; i++) {
		u8 *exact = malloc(i + !i);

		memcpy(exact, bytes, i);
		r = x86_decode(&insn, exact, i, mode);
		ktap_check(r == -EAGAIN, "%s, mode %s: %u of %u bytes give %d", g->name,
			   mode_name[mode], i, n, r);
		free(exact);
	}
}

static void golden_lengths(const struct golden *table, unsigned int n, const char *test)
{
	unsigned int i, mode;

	for (i = 0; i < n; i++)
		for (mode = 0; mode < 4; mode++)
			if (table[i].modes & (1 << mode))
				check_golden(&table[i], mode);
	ktap_end(test);
}

static void undefined_bytes_are_refused(void)
{
	struct x86_insn insn;
	u8 bytes[32];
	unsigned int i, mode, n;
	int r;

	for (i = 0; i < COUNT(refused); i++) {
		n = from_hex(refused[i].hex, bytes);
		for (mode = 0; mode < 4; mode++) {
			if (!(refused[i].modes & (1 << mode)))
				continue;
			r = x86_decode(&insn, bytes, n, mode);
			ktap_check(r == -EINVAL, "%s, mode %s: expected -EINVAL, saw %d length %u",
				   refused[i].name, mode_name[mode], r, insn.len);
		}
	}
	ktap_end("undefined_bytes_are_refused");
}

/* What an exit handler reads besides the length. */
struct fields {
	const char *hex;
	enum x86_mode mode;
	u8 op_size, addr_size, seg, rep, reg, rm, base, index, scale;
	bool has_mem, lock_ok;
	s64 disp;
	u64 imm;
};

#define NO	X86_REG_NONE

static const struct fields fields[] = {
	{ "0f22d8", X86_MODE_64, 8, 8, X86_DS, 0, 3, 0, NO, NO, 0, false, false, 0, 0 },
	{ "440f22c1", X86_MODE_64, 8, 8, X86_DS, 0, 8, 1, NO, NO, 0, false, false, 0, 0 },
	{ "660f20c1", X86_MODE_REAL, 4, 2, X86_DS, 0, 0, 1, NO, NO, 0, false, false, 0, 0 },
	{ "e5ff", X86_MODE_64, 4, 8, X86_DS, 0, 0, 0, NO, NO, 0, false, false, 0, 0xff },
	{ "48ed", X86_MODE_64, 4, 8, X86_DS, 0, 0, 0, NO, NO, 0, false, false, 0, 0 },
	{ "ec", X86_MODE_REAL, 1, 2, X86_DS, 0, 0, 0, NO, NO, 0, false, false, 0, 0 },
	{ "f366656d", X86_MODE_32, 2, 4, X86_GS, 0xf3, 0, 0, NO, NO, 0, false, false, 0, 0 },
	{ "89442cf0", X86_MODE_32, 4, 4, X86_SS, 0, 0, 4, X86_RSP, X86_RBP, 0, true, false, -16, 0 },
	{ "4b89442cf0", X86_MODE_64, 8, 8, X86_DS, 0, 0, 4, 12, 13, 0, true, false, -16, 0 },
	{ "2e8945f0", X86_MODE_64, 4, 8, X86_SS, 0, 0, 5, X86_RBP, NO, 0, true, false, -16, 0 },
	{ "2e8945f0", X86_MODE_32, 4, 4, X86_CS, 0, 0, 5, X86_RBP, NO, 0, true, false, -16, 0 },
	{ "8902", X86_MODE_16, 2, 2, X86_SS, 0, 0, 2, X86_RBP, X86_RSI, 0, true, false, 0, 0 },
	{ "8901", X86_MODE_16, 2, 2, X86_DS, 0, 0, 1, X86_RBX, X86_RDI, 0, true, false, 0, 0 },
	{ "89068034", X86_MODE_16, 2, 2, X86_DS, 0, 0, 6, NO, NO, 0, true, false, 0x3480, 0 },
	{ "890580345612", X86_MODE_64, 4, 8, X86_DS, 0, 0, 5, X86_REG_RIP, NO, 0, true, false,
	  0x12563480, 0 },
	{ "890580345682", X86_MODE_32, 4, 4, X86_DS, 0, 0, 5, NO, NO, 0, true, false,
	  (s64)0xffffffff82563480, 0 },
	{ "8904e500000080", X86_MODE_64, 4, 8, X86_DS, 0, 0, 4, NO, NO, 0, true, false,
	  (s64)0xffffffff80000000, 0 },
	{ "a3000000800000000f", X86_MODE_64, 4, 8, X86_DS, 0, 0, 0, NO, NO, 0, true, false,
	  0x0f00000080000000, 0 },
	{ "67a300000080", X86_MODE_64, 4, 4, X86_DS, 0, 0, 0, NO, NO, 0, true, false, 0x80000000, 0 },
	{ "f048830080", X86_MODE_64, 8, 8, X86_DS, 0, 0, 0, X86_RAX, NO, 0, true, true, 0,
	  0xffffffffffffff80 },
	{ "4880380f", X86_MODE_64, 1, 8, X86_DS, 0, 7, 0, X86_RAX, NO, 0, true, false, 0, 0x0f },
	{ "83c001", X86_MODE_64, 4, 8, X86_DS, 0, 0, 0, NO, NO, 0, false, false, 0, 1 },
	{ "4a893488", X86_MODE_64, 8, 8, X86_DS, 0, 6, 4, X86_RAX, 9, 2, true, false, 0, 0 },
	{ "48668908", X86_MODE_64, 2, 8, X86_DS, 0, 1, 0, X86_RAX, NO, 0, true, false, 0, 0 },
	{ "ff30", X86_MODE_64, 8, 8, X86_DS, 0, 6, 0, X86_RAX, NO, 0, true, false, 0, 0 },
	{ "f2f390", X86_MODE_64, 4, 8, X86_DS, 0xf3, 0, 0, NO, NO, 0, false, false, 0, 0 },
	{ "c8340112", X86_MODE_32, 4, 4, X86_DS, 0, 0, 0, NO, NO, 0, false, false, 0, 0x120134 },
	{ "ea785634122301", X86_MODE_32, 4, 4, X86_DS, 0, 0, 0, NO, NO, 0, false, false, 0,
	  0x12312345678 },
};

static void fields_are_those_of_the_manual(void)
{
	unsigned int i, n;

	for (i = 0; i < COUNT(fields); i++) {
		const struct fields *f = &fields[i];
		struct x86_insn insn;
		u8 bytes[32];
		u8 base, index;

		n = from_hex(f->hex, bytes);
		ktap_check(!x86_decode(&insn, bytes, n, f->mode), "%s is decoded", f->hex);
		base = f->base;
		index = f->index;
		ktap_check(insn.op_size == f->op_size && insn.addr_size == f->addr_size,
			   "%s: sizes %u %u", f->hex, insn.op_size, insn.addr_size);
		ktap_check(insn.seg == f->seg && insn.rep == f->rep, "%s: seg %u rep %x", f->hex,
			   insn.seg, insn.rep);
		ktap_check(!insn.has_modrm || (insn.reg == f->reg && (insn.rm & 7) == (f->rm & 7)),
			   "%s: reg %u rm %u", f->hex, insn.reg, insn.rm);
		ktap_check(insn.base == base && insn.index == index && insn.scale == f->scale,
			   "%s: base %u index %u scale %u", f->hex, insn.base, insn.index, insn.scale);
		ktap_check(insn.has_mem == f->has_mem && insn.lock_ok == f->lock_ok,
			   "%s: has_mem %d lock_ok %d", f->hex, insn.has_mem, insn.lock_ok);
		ktap_check(insn.disp == f->disp && insn.imm == f->imm, "%s: disp %llx imm %llx", f->hex,
			   insn.disp, insn.imm);
	}
	ktap_end("fields_are_those_of_the_manual");
}

/* Which instructions may be locked, by opcode and reg, memory form, against the manual's list. */
static bool lockable(unsigned int map, u8 op, unsigned int reg)
{
	if (map)
		switch (op) {
		case 0xab: case 0xb0: case 0xb1: case 0xb3: case 0xbb: case 0xc0: case 0xc1:
			return true;
		case 0xba:
			return reg >= 5;
		case 0xc7:
			return reg == 1;
		default:
			return false;
		}
	if (op < 0x38)
		return (op & 7) < 2;
	switch (op) {
	case 0x80: case 0x81: case 0x82: case 0x83:
		return reg != 7;
	case 0x86: case 0x87:
		return true;
	case 0xf6: case 0xf7:
		return reg == 2 || reg == 3;
	case 0xfe: case 0xff:
		return reg < 2;
	}
	return false;
}

static void lock_is_legal_where_the_manual_lists_it(void)
{
	unsigned int map, op, reg, n;
	struct x86_insn insn;
	u8 bytes[15] = { 0 };

	for (map = 0; map < 2; map++)
		for (op = 0; op < 256; op++)
			for (reg = 0; reg < 8; reg++) {
				n = 0;
				bytes[n++] = 0xf0;
				if (map)
					bytes[n++] = 0x0f;
				bytes[n++] = op;
				bytes[n++] = reg << 3;
				bytes[n] = 0;
				if (x86_decode(&insn, bytes, 15, X86_MODE_32) || !insn.has_modrm ||
				    insn.opcode != op)
					continue;
				ktap_check(insn.lock_ok == (insn.has_mem && lockable(map, op, reg)),
					   "map %u op %02x /%u: lock_ok %d", map, op, reg, insn.lock_ok);
			}
	ktap_end("lock_is_legal_where_the_manual_lists_it");
}

/* No read past the buffer, no result but the three: the sanitizers watch. */
static void random_bytes_end_in_a_known_result(void)
{
	unsigned long long seed = 0x5eed1;
	unsigned int i, j, n;
	struct x86_insn insn;
	int r;

	for (i = 0; i < 200000; i++) {
		u8 *bytes;

		n = test_random(&seed) % 17;
		bytes = malloc(n + !n);
		for (j = 0; j < n; j++)
			bytes[j] = test_random(&seed) >> 32;
		r = x86_decode(&insn, bytes, n, i & 3);
		ktap_check(r == -EINVAL || (r == -EAGAIN && n < 15) ||
			   (!r && insn.len && insn.len <= n && insn.len <= 15), "result %d", r);
		free(bytes);
	}
	ktap_end("random_bytes_end_in_a_known_result");
}

#ifdef HAVE_ZYDIS
static const u8 prefixes[] = {
	0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65,
	0x40, 0x41, 0x42, 0x44, 0x48, 0x4c, 0x4f,
};

/* Bytes with more prefixes and escapes than chance would have. */
static void plausible_bytes(unsigned long long *seed, u8 *bytes)
{
	unsigned int n = 0, i;

	while (n < 6 && test_random(seed) >> 33 & 1)
		bytes[n++] = prefixes[(test_random(seed) >> 32) % COUNT(prefixes)];
	if (test_random(seed) >> 33 & 1)
		bytes[n++] = 0x0f;
	for (i = n; i < 20; i++)
		bytes[i] = test_random(seed) >> 32;
}

static void lengths_agree_with_zydis(enum x86_mode mode)
{
	static const ZydisMachineMode machine[] = {
		ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_MACHINE_MODE_LEGACY_16,
		ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_MACHINE_MODE_LONG_64,
	};
	unsigned long long seed = 0x5eed2 + mode;
	unsigned int i, both = 0, only_us = 0, only_zydis = 0;
	char name[64], hex[64];
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, machine[mode], mode == X86_MODE_64 ? ZYDIS_STACK_WIDTH_64 :
			 mode == X86_MODE_32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
	ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_KNC, ZYAN_FALSE);
	for (i = 0; i < 250000; i++) {
		ZydisDecodedInstruction theirs;
		struct x86_insn ours;
		unsigned int j;
		u8 bytes[20];
		bool a, b;

		plausible_bytes(&seed, bytes);
		a = !x86_decode(&ours, bytes, sizeof(bytes), mode);
		b = ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, sizeof(bytes),
							       &theirs));
		only_us += a && !b;
		only_zydis += b && !a;
		if (!a || !b)
			continue;
		both++;
		for (j = 0; j < 15; j++)
			sprintf(hex + 2 * j, "%02x", bytes[j]);
		ktap_check(ours.len == theirs.length, "mode %s %s: length %u, Zydis has %u (%s)",
			   mode_name[mode], hex, ours.len, theirs.length,
			   ZydisMnemonicGetString(theirs.mnemonic));
	}
	printf("# mode %s: %u by both, %u by us alone, %u by Zydis alone\n", mode_name[mode], both,
	       only_us, only_zydis);
	ktap_check(both > 25000, "only %u in common", both);
	snprintf(name, sizeof(name), "lengths_agree_with_zydis_mode_%s", mode_name[mode]);
	ktap_end(name);
}
#else
static void lengths_agree_with_zydis(enum x86_mode mode)
{
	char name[64];

	snprintf(name, sizeof(name), "lengths_agree_with_zydis_mode_%s", mode_name[mode]);
	ktap_skip(name, "libzydis-dev is not installed");
}
#endif

int main(void)
{
	unsigned int mode;

	ktap_plan(10);
	golden_lengths(intercepted, COUNT(intercepted), "intercepted_instructions_have_their_length");
	golden_lengths(memory, COUNT(memory), "memory_instructions_have_their_length");
	undefined_bytes_are_refused();
	fields_are_those_of_the_manual();
	lock_is_legal_where_the_manual_lists_it();
	random_bytes_end_in_a_known_result();
	for (mode = 0; mode < 4; mode++)
		lengths_agree_with_zydis(mode);
	return ktap_result();
}
