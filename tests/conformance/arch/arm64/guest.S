/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code common to the tests: the neutral routines of arch/arch.h (x0, x1, x2 are a, b, c; the result is x0), and the
 * vector table. Runs at BLOB_GPA, wherever this program was linked. Loads and stores are of the plain form, for which the
 * processor describes an access in ESR_EL2.
 */
#define __ASSEMBLER__ 1
#include "arch_arm64.h"

	.section guest_code, "a"
	.balign 2048
	.globl guest_vectors
guest_vectors:
	.set	vector, 0
	.rept	16
	.balign	128
	stp	x0, x1, [sp, #-16]!
	mov	x0, #vector
	b	trap_common
	.set	vector, vector + 1
	.endr

/* Keeps every register. */
	.balign 128
trap_common:
	stp	x2, x3, [sp, #-16]!
	mrs	x1, mpidr_el1
	and	x1, x1, #3
	add	x1, x1, #TRAP_GPA >> 12
	lsl	x1, x1, #12
	str	x0, [x1]
	mrs	x0, esr_el1
	str	x0, [x1, #8]
	mrs	x0, elr_el1
	str	x0, [x1, #16]
	mrs	x0, far_el1
	str	x0, [x1, #24]
	mrs	x0, spsr_el1
	str	x0, [x1, #32]
	ldr	x0, [x1, #40]
	add	x0, x0, #1
	str	x0, [x1, #40]
	mov	x1, #DONE_GPA
	str	x0, [x1, #TRAPPED_GPA - DONE_GPA]
	ldp	x2, x3, [sp], #16
	ldp	x0, x1, [sp], #16
	eret

	.globl routine_nop, routine_load, routine_store, routine_fill, routine_sum, routine_spin, routine_beat, routine_copy
routine_nop:
	nop
/* Whoever runs on after the end comes to the end again. */
done:
	mov	x9, #DONE_GPA
1:	str	x0, [x9]
	b	1b

routine_load:
	cmp	x1, #2
	b.lo	1f
	b.eq	2f
	cmp	x1, #4
	b.eq	4f
	ldr	x0, [x0]
	b	done
1:	ldrb	w0, [x0]
	b	done
2:	ldrh	w0, [x0]
	b	done
4:	ldr	w0, [x0]
	b	done

routine_store:
	cmp	x1, #2
	b.lo	1f
	b.eq	2f
	cmp	x1, #4
	b.eq	4f
	str	x2, [x0]
	b	done
1:	strb	w2, [x0]
	b	done
2:	strh	w2, [x0]
	b	done
4:	str	w2, [x0]
	b	done

routine_fill:
	mov	x3, #0
1:	cmp	x3, x1
	b.hs	done
	add	x3, x3, #1
	strb	w3, [x0]
	add	x0, x0, x2
	b	1b

routine_sum:
	mov	x3, #0
1:	cbz	x1, 2f
	ldr	x4, [x0]
	add	x3, x3, x4
	add	x0, x0, x2
	sub	x1, x1, #1
	b	1b
2:	mov	x0, x3
	b	done

routine_spin:
	ldr	x1, [x0]
	add	x1, x1, #1
	str	x1, [x0]
	b	routine_spin

routine_beat:
	mov	x9, #DONE_GPA
1:	str	x0, [x9]
	b	1b

routine_copy:
	lsr	x1, x1, #3
1:	cbz	x1, done
	ldr	x3, [x0]
	str	x3, [x2]
	add	x0, x0, #8
	add	x2, x2, #8
	sub	x1, x1, #1
	b	1b

	.section .note.GNU-stack, "", %progbits
