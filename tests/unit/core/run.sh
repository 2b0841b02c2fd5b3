#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh PROGRAM...: runs test programs, two at a time, and prints what each says in turn; status 1
# when one fails, or hangs: eight minutes are long on the busiest machine.
here=$(cd "$(dirname "$0")" && pwd)
export ASAN_OPTIONS="detect_stack_use_after_return=1:$ASAN_OPTIONS"
export UBSAN_OPTIONS="print_stacktrace=1:$UBSAN_OPTIONS"
export TSAN_OPTIONS="suppressions=$here/tsan.supp:second_deadlock_stack=1:$TSAN_OPTIONS"
printf '%s\n' "$@" | xargs -P 2 -I '{}' sh -c 'timeout 500 {} >{}.out 2>{}.err; echo $? >{}.status'
status=0
for program; do
	cat "$program.out"
	cat "$program.err" >&2
	[ "$(cat "$program.status")" = 0 ] || status=1
done
exit $status
