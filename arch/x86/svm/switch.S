/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: what C cannot do, and nothing else.
 *
 *	RDI	u64 gpr[16] in hardware order	saved on the stack
 *	RSI	physical address of the VMCB	in RAX across VMRUN, which keeps it
 *	RDX	physical address of the host's	saved on the stack
 *		FS, GS, TR, LDTR and syscall MSRs
 *	RBX, RBP, R12-R15			saved on the stack
 *	RAX, RSP, RIP, RFLAGS of the guest	in the VMCB, not here
 *	all others				the guest's, zero on return
 *
 * Returns whether the guest ran, in EAX.  Called with interrupts off.  With the global
 * interrupt flag clear (APM vol. 2, 15.17) nothing can interrupt while registers are
 * the guest's; RFLAGS.IF is set meanwhile because under V_INTR_MASKING it is the
 * host's IF at VMRUN that lets a physical interrupt end the guest (15.21.1).
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

#define GPR(nr)	(nr * 8)

.section .noinstr.text, "ax"

SYM_FUNC_START(svm_world_switch)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdx
	push	%rdi
	mov	%rsi, %rax

	/* A reboot may have turned AMD-V off; after this it can no longer come between. */
.Lclgi:	clgi
	sti
	vmload	%rax

	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	GPR(7)(%rdi), %rdi
	VM_CLEAR_CPU_BUFFERS

	vmrun	%rax

	vmsave	%rax
	pop	%rax
	mov	%rcx, GPR(1)(%rax)
	mov	%rdx, GPR(2)(%rax)
	mov	%rbx, GPR(3)(%rax)
	mov	%rbp, GPR(5)(%rax)
	mov	%rsi, GPR(6)(%rax)
	mov	%rdi, GPR(7)(%rax)
	mov	%r8, GPR(8)(%rax)
	mov	%r9, GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)

	/* GS is the host's again: per-CPU variables, which the mitigations may use. */
	pop	%rax
	vmload	%rax

	/* Before the first RET, and before STGI lets an NMI's handler return. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
#ifdef UNTRAIN_RET_VM
	UNTRAIN_RET_VM
#else
	UNTRAIN_RET
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
	cli
	stgi

	/* No speculation with the guest's values. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	mov	$1, %eax
.Lout:
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Loff:
	add	$16, %rsp
	xor	%eax, %eax
	jmp	.Lout
	_ASM_EXTABLE(.Lclgi, .Loff)
SYM_FUNC_END(svm_world_switch)
