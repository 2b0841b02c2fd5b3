#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs test programs one after the other; status 1 when one fails
# or takes longer than a minute.
here=$(dirname "$0")
export ASAN_OPTIONS="detect_stack_use_after_return=1:$ASAN_OPTIONS"
export UBSAN_OPTIONS="print_stacktrace=1:$UBSAN_OPTIONS"
export TSAN_OPTIONS="suppressions=$here/tsan.supp:second_deadlock_stack=1:$TSAN_OPTIONS"
status=0
for program; do
	timeout 60 "$program" || status=1
done
exit $status
