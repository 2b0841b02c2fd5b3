// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 decoder beside Zydis: of bytes that both call an instruction, length, operand size, address
 * size and memory operand are the same. Bytes end where the buffer ends; the sanitizer watches.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>
#include "decode.h"
#include "input.h"

static ZydisDecoder decoder[4];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const ZydisMachineMode mode[] = {
		ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_MACHINE_MODE_LEGACY_16,
		ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_MACHINE_MODE_LONG_64,
	};
	static const ZydisStackWidth stack[] = {
		ZYDIS_STACK_WIDTH_16,
		ZYDIS_STACK_WIDTH_16,
		ZYDIS_STACK_WIDTH_32,
		ZYDIS_STACK_WIDTH_64,
	};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		ZydisDecoderInit(&decoder[i], mode[i], stack[i]);
		ZydisDecoderEnableMode(&decoder[i], ZYDIS_DECODER_MODE_KNC, ZYAN_FALSE);
	}
	return 0;
}

static void differ(const uint8_t *bytes, unsigned int n, const char *what, long ours, long theirs)
{
	fprintf(stderr, "%s: %ld, Zydis has %ld, of", what, ours, theirs);
	while (n--)
		fprintf(stderr, " %02x", *bytes++);
	fprintf(stderr, "\n");
	abort();
}

static unsigned int number_of(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_NONE ? X86_REG_NONE :
	       reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP ? X86_REG_RIP :
	       (unsigned int)ZydisRegisterGetId(reg);
}

/* The memory operand that is written out in the instruction, if there is one; both must say so. */
static void compare_memory(const struct x86_insn *ours, const ZydisDecodedInstruction *theirs,
			   const ZydisDecodedOperand *operand)
{
	const ZydisDecodedOperandMem *mem;
	unsigned int i = 0;

	/* 16-bit addressing has its pairs in Zydis' order; only ModRM's operand is looked at. */
	if (!ours->has_modrm || ours->addr_size == 2)
		return;
	while (i < theirs->operand_count &&
	       (operand[i].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		operand[i].encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM))
		i++;
	if (i == theirs->operand_count)
		return;
	mem = &operand[i].mem;
	if (!ours->has_mem)
		differ(ours->bytes, ours->len, "memory operand", 0, 1);
	/*
	 * A SIB byte without a base (mod 0, base 5) has none with REX.B either (Intel SDM vol. 2, table
	 * 2-5); Zydis 4.0 has r13d there, when addresses have 32 bits.
	 */
	if (ours->addr_size == 4 && (ours->rex & 1) && !ours->mod && (ours->modrm & 7) == 4 &&
	    ours->base == X86_REG_NONE)
		return;
	if (ours->base != number_of(mem->base))
		differ(ours->bytes, ours->len, "base", ours->base, number_of(mem->base));
	if (ours->index != number_of(mem->index))
		differ(ours->bytes, ours->len, "index", ours->index, number_of(mem->index));
	if (ours->index != X86_REG_NONE && 1 << ours->scale != mem->scale)
		differ(ours->bytes, ours->len, "scale", 1 << ours->scale, mem->scale);
	if (ours->disp != (mem->disp.has_displacement ? mem->disp.value : 0))
		differ(ours->bytes, ours->len, "displacement", ours->disp, mem->disp.value);
}

/*
 * Instructions that have one address size to Zydis, whatever the prefix: 0F 1A and 1B, which are MPX to
 * it (Intel SDM vol. 1, 17.3) and hints to us, and SGX' leaves (vol. 3D, 37.2), which have no ModRM
 * operand in memory.
 */
static bool knows_no_67(const struct x86_insn *ours, const ZydisDecodedInstruction *theirs)
{
	return (ours->map == X86_MAP_0F && (ours->opcode == 0x1a || ours->opcode == 0x1b)) ||
	       theirs->mnemonic == ZYDIS_MNEMONIC_ENCLS ||
	       theirs->mnemonic == ZYDIS_MNEMONIC_ENCLU || theirs->mnemonic == ZYDIS_MNEMONIC_ENCLV;
}

static void compare(const struct x86_insn *ours, const uint8_t *bytes, unsigned int n,
		    unsigned int mode)
{
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction theirs;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder[mode], bytes, n, &theirs, operand)))
		return;
	if (ours->len != theirs.length)
		differ(bytes, n, "length", ours->len, theirs.length);
	if (ours->addr_size * 8 != theirs.address_width && !knows_no_67(ours, &theirs))
		differ(bytes, n, "address size", ours->addr_size * 8, theirs.address_width);
	compare_memory(ours, &theirs, operand);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	unsigned int mode = choose(&in, 4), n = in.end - in.at < 20 ? in.end - in.at : 20, shorter;
	struct x86_insn insn, again;
	int r;

	if (in.at == in.end)
		return 0;
	/* To the end of the allocation, so that a read past it is seen. */
	r = x86_decode(&insn, in.end - n, n, mode);
	if (r == -EAGAIN && n >= X86_INSN_MAX)
		differ(in.end - n, n, "more bytes than an instruction has", r, 0);
	if (r)
		return 0;
	if (!insn.len || insn.len > n || insn.len > X86_INSN_MAX)
		differ(in.end - n, n, "length", insn.len, 0);
	compare(&insn, in.end - n, n, mode);
	/* The same with nothing behind it, and with less: it asks for more. */
	if (x86_decode(&again, insn.bytes, insn.len, mode) || memcmp(&insn, &again, sizeof(insn)))
		differ(insn.bytes, insn.len, "of its own bytes", 0, 0);
	for (shorter = 0; shorter < insn.len; shorter++)
		if (x86_decode(&again, insn.bytes, shorter, mode) != -EAGAIN)
			differ(insn.bytes, shorter, "of a beginning", 0, -EAGAIN);
	return 0;
}
