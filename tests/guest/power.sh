#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The host's CPUs go and come, it sleeps, it hibernates, while a guest never stops writing (churn.c), as KTAP.
#   power.sh COMMAND...     COMMAND starts the VMM with the guest
# Wants a disk that may be overwritten, /dev/vdb: it becomes swap space.

log=/tmp/guest.log
. ./ktap.sh

said() { grep -c '^churn: pass' $log; }

# goes_on: the guest tells of progress three times more, and of nothing that is wrong.
goes_on() {
	want=$(($(said) + 3))
	left=200
	until [ $(said) -ge $want ]; do
		left=$((left - 1))
		[ $left -gt 0 ] && kill -0 $vmm || { tail -20 $log; return 1; }
		sleep 1
	done
	! grep -E 'WRONG:|BUG:|Oops|Call Trace' $log
}

switch() { echo $2 >/sys/devices/system/cpu/cpu$1/online && [ $(cat /sys/devices/system/cpu/cpu$1/online) = $2 ]; }

# The second CPU, five times, each time with a guest on it.
cpus_go_and_come() {
	for i in 1 2 3 4 5; do
		sleep 1
		switch 1 0 || return 1
		sleep 1
		switch 1 1 || return 1
	done
	goes_on
}

# The CPUs idle, with all processes frozen, until the clock wakes them.
sleeps() {
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	before=$(cat /sys/power/suspend_stats/success)
	echo +5 >/sys/class/rtc/rtc0/wakealarm && echo freeze >/sys/power/state || return 1
	[ $(cat /sys/power/suspend_stats/success) -gt $before ] || { echo "expected a sleep, seen none"; return 1; }
	goes_on
}

# All of memory goes to the disk, and comes back as after a boot; CPUs go on the way out, and on the way in.  Linux 6.1
# does not read what it wrote: the disk is taken (-EBUSY), by its own swapping.
hibernates() {
	mkswap /dev/vdb && swapon /dev/vdb || return 1
	echo test_resume >/sys/power/disk || return 1
	case $(uname -r) in
	6.1.*)
		echo disk >/sys/power/state
		dmesg | grep 'Image saving done' || { dmesg | tail -20; return 1; }
		;;
	*)
		echo disk >/sys/power/state || return 1
		# The log is as it was when the image was made: of its writing there is nothing.
		dmesg | grep 'Creating image' && ! dmesg | grep 'Image saving done' || { dmesg | tail -20; return 1; }
		;;
	esac
	goes_on
}

"$@" </dev/null >$log 2>&1 &
vmm=$!
echo "1..4"
check guest_writes_memory goes_on
check guest_goes_on_while_cpus_go_and_come cpus_go_and_come
check guest_goes_on_when_the_host_has_slept sleeps
check guest_goes_on_when_the_host_has_hibernated hibernates
echo "# $(tail -1 $log)"
kill -9 $vmm
wait
exit $failed
