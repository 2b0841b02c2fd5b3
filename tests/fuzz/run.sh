#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh DIR SECONDS [keep] TARGET...: runs the fuzzers of DIR, two at a time, each for so long, as KTAP.
# What crashed one stays in DIR/TARGET.crash-*. With keep, new inputs are added to DIR/corpus/TARGET, and each run
# is another; without, runs begin alike, so that a change of the tree is what fails them.
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 seconds=$2 keep= seed=1
shift 2
[ "$1" = keep ] && keep=keep seed=0 && shift
export ASAN_OPTIONS="quarantine_size_mb=32:$ASAN_OPTIONS" UBSAN_OPTIONS="print_stacktrace=1:$UBSAN_OPTIONS"

fuzz() {
	new=$dir/corpus/$1
	[ -n "$keep" ] || rm -rf "$new"
	mkdir -p "$new"
	rm -f "$dir/$1.crash-"* "$dir/$1.timeout-"* "$dir/$1.oom-"* "$dir/$1.leak-"*
	"$dir/fuzz_$1" -seed="$seed" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=1024 -len_control=0 \
		-artifact_prefix="$dir/$1." -print_final_stats=1 -verbosity=1 \
		"$new" "$here/corpus/$1" >"$dir/$1.log" 2>&1
	echo $? >"$dir/$1.status"
}

printf 'KTAP version 1\n1..%u\n' $#
number=0 status=0
while [ $# -gt 0 ]; do
	pair="$1 $2"
	for target in $pair; do
		fuzz "$target" &
	done
	wait
	for target in $pair; do
		number=$((number + 1))
		sed -n 's/^stat::number_of_executed_units: */# inputs: /p' "$dir/$target.log"
		grep -E '^#[0-9]+.*DONE|^#[0-9]+.*RELOAD' "$dir/$target.log" | tail -1 | sed 's/^#/# /'
		if [ "$(cat "$dir/$target.status")" = 0 ]; then
			echo "ok $number fuzz_$target"
		else
			grep -vE '^#[0-9]+' "$dir/$target.log" | tail -40 | sed 's/^/# /'
			echo "not ok $number fuzz_$target"
			status=1
		fi
		shift
	done
done
exit $status
