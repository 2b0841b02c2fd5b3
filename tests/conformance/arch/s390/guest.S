/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest code common to the tests: the neutral routines of arch/arch.h (r2, r3, r4 are a, b, c; the result is r2), and the
 * handlers of interruptions, which exit to the test and return to where they came from if run on. Runs at BLOB_GPA,
 * wherever this program was linked.
 */
#define __ASSEMBLER__ 1
#include "arch_s390.h"

	.section guest_code, "a"
	.balign	8
	.globl	handle_restart, handle_external, handle_svc, handle_program, handle_mcheck, handle_io
handle_restart:
	diag	%r0, %r0, DIAG_RESTART
	lpswe	LC_RESTART_OLD
handle_external:
	diag	%r0, %r0, DIAG_EXTERNAL
	lpswe	LC_EXT_OLD
handle_svc:
	diag	%r0, %r0, DIAG_SVC
	lpswe	LC_SVC_OLD
handle_program:
	diag	%r0, %r0, DIAG_PROGRAM
	lpswe	LC_PGM_OLD
handle_mcheck:
	diag	%r0, %r0, DIAG_MCHECK
	lpswe	LC_MCHECK_OLD
handle_io:
	diag	%r0, %r0, DIAG_IO
	lpswe	LC_IO_OLD

	.globl	routine_nop, routine_load, routine_store, routine_fill, routine_sum, routine_spin, routine_beat, routine_copy
routine_nop:
	nopr
/* Whoever runs on after the end comes to the end again. */
done:
	diag	%r0, %r0, DIAG_DONE
	j	done

routine_load:
	cgije	%r3, 1, 1f
	cgije	%r3, 2, 2f
	cgije	%r3, 4, 4f
	lg	%r2, 0(%r2)
	j	done
1:	llgc	%r2, 0(%r2)
	j	done
2:	llgh	%r2, 0(%r2)
	j	done
4:	llgf	%r2, 0(%r2)
	j	done

routine_store:
	cgije	%r3, 1, 1f
	cgije	%r3, 2, 2f
	cgije	%r3, 4, 4f
	stg	%r4, 0(%r2)
	j	done
1:	stc	%r4, 0(%r2)
	j	done
2:	sth	%r4, 0(%r2)
	j	done
4:	st	%r4, 0(%r2)
	j	done

routine_fill:
	lghi	%r5, 0
1:	clgrjnl	%r5, %r3, done
	aghi	%r5, 1
	stc	%r5, 0(%r2)
	agr	%r2, %r4
	j	1b

routine_sum:
	lghi	%r5, 0
1:	cgije	%r3, 0, 2f
	ag	%r5, 0(%r2)
	agr	%r2, %r4
	aghi	%r3, -1
	j	1b
2:	lgr	%r2, %r5
	j	done

routine_spin:
	lg	%r5, 0(%r2)
	aghi	%r5, 1
	stg	%r5, 0(%r2)
	j	routine_spin

routine_beat:
	diag	%r0, %r0, DIAG_DONE
	j	routine_beat

routine_copy:
	srlg	%r3, %r3, 3
1:	cgije	%r3, 0, done
	lg	%r5, 0(%r2)
	stg	%r5, 0(%r4)
	aghi	%r2, 8
	aghi	%r4, 8
	aghi	%r3, -1
	j	1b

	.section .note.GNU-stack, "", %progbits
