#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Readies a host for the memory tests: swap space in compressed memory (module zram), and huge pages for hugetlbfs.

[ -b /dev/zram0 ] && ! grep -q zram0 /proc/swaps && {
	echo 128M >/sys/block/zram0/disksize
	mkswap /dev/zram0 >/dev/null
	swapon /dev/zram0
}
echo 16 >/proc/sys/vm/nr_hugepages
# Pages are to be collapsed when a test says so, not when khugepaged happens to look.
echo 4294967295 >/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs
cat /proc/swaps | sed 's/^/# /'
grep -H . /sys/kernel/mm/hugepages/*/nr_hugepages | sed 's/^/# /'
exit 0
