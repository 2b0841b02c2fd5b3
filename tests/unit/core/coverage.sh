#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# coverage.sh OBJECTS SOURCES: lines of each file of SOURCES that the tests reached, and of all, as a
# KTAP case that fails below the limit. Lines that none reached are in uncovered.txt beside OBJECTS.
set -eu
objects=$1 sources=$2 limit=90
cd "$objects"
rm -f ./*.gcov
gcov -o . ./*.gcda >/dev/null 2>&1
: >../uncovered.txt
for c in "$sources"/*.c; do
	name=$(basename "$c")
	# Tracepoints and assertions at compile time are no code here.
	case $name in trace.c|wall.c) continue ;; esac
	awk -v file="$name" '
		{ count = $1; sub(/:.*/, "", count); line = $0; sub(/^[^:]*:/, "", line) }
		count == "-" || line + 0 == 0 { next }
		{ all++; if (count ~ /^[0-9]/) hit++; else print file ":" line >>"../uncovered.txt" }
		END { print file, hit + 0, all + 0 }' "$name.gcov"
done | awk -v limit="$limit" '
	{ hit += $2; all += $3; printf "# %-16s %5.1f%% of %d lines\n", $1, 100 * $2 / $3, $3 }
	END {
		share = all ? 100 * hit / all : 0
		printf "# %-16s %5.1f%% of %d lines\n", "virt/common", share, all
		print (share < limit ? "not ok" : "ok") " 1 tests_reach_" limit "_percent_of_the_core"
		exit share < limit
	}' >../coverage.txt && status=0 || status=1
printf 'KTAP version 1\n1..1\n'
cat ../coverage.txt
exit $status
