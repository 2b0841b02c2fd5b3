#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# coverage.sh OBJECTS SOURCES: lines of each file of SOURCES that the tests reached, and of all.
set -eu
objects=$1 sources=$2
cd "$objects"
for c in "$sources"/*.c; do
	gcov -n -o . "$(basename "$c" .c).o" 2>/dev/null |
		awk -v file="'$c'" '$1 == "File" { ours = $2 == file }
			ours && sub(/^Lines executed:/, "") { sub(/% of/, ""); print $2, $1, file; ours = 0 }'
done | awk '{
		hit += $1 * $2 / 100; all += $1
		sub(/.*\//, "", $3); sub(/.$/, "", $3)
		printf "%-16s %5.1f%% of %d lines\n", $3, $2, $1
	}
	END { printf "%-16s %5.1f%% of %d lines\n", "virt/common", 100 * hit / all, all }'
