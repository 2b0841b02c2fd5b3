/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code common to the tests: the neutral routines of arch/arch.h (64 bit; rdi, rsi, rdx are a, b, c; the result is
 * rax), and trap entries for all vectors. Runs at BLOB_GPA, wherever this program was linked: nothing here may use an
 * absolute address of its own.
 */
#define __ASSEMBLER__ 1
#include "arch_x86.h"

	.section guest_code, "a"
	.code64
	.balign 16

	.globl routine_nop, routine_load, routine_store, routine_fill, routine_sum, routine_spin, routine_beat, routine_copy
/* The OUT is not where a routine begins: else user space could not tell "again" from "go on". */
routine_nop:
	nop
	out	%al, $DONE_PORT
	hlt

routine_load:
	cmp	$1, %rsi
	je	1f
	cmp	$2, %rsi
	je	2f
	cmp	$4, %rsi
	je	4f
	mov	(%rdi), %rax
	jmp	routine_nop
1:	movzbl	(%rdi), %eax
	jmp	routine_nop
2:	movzwl	(%rdi), %eax
	jmp	routine_nop
4:	mov	(%rdi), %eax
	jmp	routine_nop

routine_store:
	cmp	$1, %rsi
	je	1f
	cmp	$2, %rsi
	je	2f
	cmp	$4, %rsi
	je	4f
	mov	%rdx, (%rdi)
	jmp	routine_nop
1:	mov	%dl, (%rdi)
	jmp	routine_nop
2:	mov	%dx, (%rdi)
	jmp	routine_nop
4:	mov	%edx, (%rdi)
	jmp	routine_nop

routine_fill:
	xor	%eax, %eax
1:	cmp	%rsi, %rax
	jae	routine_nop
	inc	%rax
	mov	%al, (%rdi)
	add	%rdx, %rdi
	jmp	1b

routine_sum:
	xor	%eax, %eax
1:	test	%rsi, %rsi
	jz	routine_nop
	add	(%rdi), %rax
	add	%rdx, %rdi
	dec	%rsi
	jmp	1b

routine_spin:
	incq	(%rdi)
	jmp	routine_spin

routine_beat:
	out	%al, $DONE_PORT
	jmp	routine_beat

routine_copy:
	mov	%rsi, %rcx
	shr	$3, %rcx
	mov	%rdi, %rsi
	mov	%rdx, %rdi
1:	test	%rcx, %rcx
	jz	routine_nop
	mov	(%rsi), %rax
	mov	%rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	dec	%rcx
	jmp	1b

/* 16 bytes per vector. Vectors for which the processor pushes no error code get a 0 in its place. */
	.balign 16
	.globl guest_traps
guest_traps:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

/* Stack: rax, vector, error, rip, cs, rflags, rsp, ss. Keeps every register. */
trap_common:
	push	%rax
	mov	8(%rsp), %rax
	mov	%rax, TRAP_GPA
	mov	16(%rsp), %rax
	mov	%rax, TRAP_GPA + 8
	mov	24(%rsp), %rax
	mov	%rax, TRAP_GPA + 16
	mov	32(%rsp), %rax
	mov	%rax, TRAP_GPA + 24
	mov	40(%rsp), %rax
	mov	%rax, TRAP_GPA + 32
	mov	48(%rsp), %rax
	mov	%rax, TRAP_GPA + 40
	mov	%cr2, %rax
	mov	%rax, TRAP_GPA + 48
	incq	TRAP_GPA + 56
	out	%al, $TRAP_PORT
	pop	%rax
	add	$16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
