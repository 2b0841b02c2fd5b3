/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trampolines of test_native.c: load every register from struct control at CODE + CTL, go to the
 * instruction under test, and store every register again. rbx, rbp and r12 to r15 are saved on the
 * host's stack, whose pointer is in the control block meanwhile.
 */
#include "native.h"

#define ABS(off)	(CODE + CTL + (off))

	.text
	.macro save_host
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, ABS(CTL_HOST_RSP)
	.endm

	.macro restore_host
	cld
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.endm

	.globl	native_run64, native_exit64
native_run64:
	save_host
	pushq	ABS(CTL_FLAGS)
	popfq
	mov	ABS(0), %rax
	mov	ABS(8), %rcx
	mov	ABS(16), %rdx
	mov	ABS(24), %rbx
	mov	ABS(32), %rsp
	mov	ABS(40), %rbp
	mov	ABS(48), %rsi
	mov	ABS(56), %rdi
	mov	ABS(64), %r8
	mov	ABS(72), %r9
	mov	ABS(80), %r10
	mov	ABS(88), %r11
	mov	ABS(96), %r12
	mov	ABS(104), %r13
	mov	ABS(112), %r14
	mov	ABS(120), %r15
	jmp	*native_insn(%rip)
native_exit64:
	mov	%rax, ABS(0)
	mov	%rcx, ABS(8)
	mov	%rdx, ABS(16)
	mov	%rbx, ABS(24)
	mov	%rsp, ABS(32)
	mov	%rbp, ABS(40)
	mov	%rsi, ABS(48)
	mov	%rdi, ABS(56)
	mov	%r8, ABS(64)
	mov	%r9, ABS(72)
	mov	%r10, ABS(80)
	mov	%r11, ABS(88)
	mov	%r12, ABS(96)
	mov	%r13, ABS(104)
	mov	%r14, ABS(112)
	mov	%r15, ABS(120)
	mov	ABS(CTL_HOST_RSP), %rsp
	pushfq
	popq	ABS(CTL_FLAGS)
	restore_host

/* Where a signal handler returns to. */
	.globl	native_abort
native_abort:
	mov	ABS(CTL_HOST_RSP), %rsp
	restore_host

	.globl	native_run_legacy
native_run_legacy:
	save_host
	mov	$TMP_STACK, %esp
	ljmp	*native_entry32(%rip)

	.section .rodata
native_insn:
	.quad	CODE + CODE_INSN
native_entry32:
	.long	0
	.word	SEL_CODE32
	.text

/* Copied to CODE. Offsets in CS are offsets in the page. */
	.globl	native_blob, native_blob_end, native_exit32
	.code32
native_blob:
	pushl	%cs:CTL + CTL_FLAGS
	popfl
	mov	%cs:CTL + CTL_DS, %ds
	mov	%cs:CTL + CTL_ES, %es
	mov	%cs:CTL + CTL_GS, %gs
	mov	%cs:CTL + CTL_SS, %ss
	mov	%cs:CTL + 0, %eax
	mov	%cs:CTL + 8, %ecx
	mov	%cs:CTL + 16, %edx
	mov	%cs:CTL + 24, %ebx
	mov	%cs:CTL + 32, %esp
	mov	%cs:CTL + 40, %ebp
	mov	%cs:CTL + 48, %esi
	mov	%cs:CTL + 56, %edi
	ljmp	*%cs:CTL + CTL_ENTRY
native_exit32:
	mov	%cs:CTL + CTL_FLAT, %ds
	mov	%eax, ABS(0)
	mov	%ecx, ABS(8)
	mov	%edx, ABS(16)
	mov	%ebx, ABS(24)
	mov	%esp, ABS(32)
	mov	%ebp, ABS(40)
	mov	%esi, ABS(48)
	mov	%edi, ABS(56)
	mov	%ds:ABS(CTL_FLAT), %ss
	mov	$TMP_STACK, %esp
	pushfl
	popl	ABS(CTL_FLAGS)
	ljmp	$SEL_USER64, $(CODE + native_blob64 - native_blob)
	.code64
native_blob64:
	mov	ABS(CTL_HOST_RSP), %rsp
	restore_host
native_blob_end:

	.section .note.GNU-stack, "", @progbits
