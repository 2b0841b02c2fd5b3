#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What a VMM with its guest takes of the host's CPU time, as KTAP.
#   cost.sh idle COMMAND...     the guest sleeps for a minute: less than 2 % of a CPU
#   cost.sh share COMMAND...    the guest spins: the cgroup's limit and its weight hold as for any process
# COMMAND starts the VMM; the guest says "guest: settled" when it begins to do that.

mode=$1; shift
cg=/sys/fs/cgroup
log=/tmp/guest.log
. ./ktap.sh

settled() {
	left=300
	until grep -q '^guest: settled' $log; do
		left=$((left - 1))
		[ $left -gt 0 ] && kill -0 $vmm || { tail -20 $log; return 1; }
		sleep 1
	done
}

# taken PID SECONDS: parts per ten thousand of a CPU, in $took.
taken() {
	said=$(./cputime $1 $2) || return 1
	echo "$said"
	took=${said#cputime: }
	took=${took%% *}
}

idle() {
	sleep 10	# what a kernel still does after its start
	taken $vmm 60 && [ $took -lt 200 ]
}

# group NAME FILE VALUE PID...: a cgroup with that setting and those processes.
group() {
	mkdir -p $cg/$1 && echo $3 >$cg/$1/$2 || return 1
	dir=$cg/$1; shift 3
	for pid in "$@"; do echo $pid >$dir/cgroup.procs || return 1; done
}

# between LOW HIGH: $took is.
between() {
	[ $took -ge $1 ] && [ $took -le $2 ] || { echo "expected $1 to $2, seen $took"; return 1; }
}

# Half a CPU, for a process first: what it gets is what a guest must get.
limit() {
	group limited cpu.max "50000 100000" $spinner && taken $spinner 10 && between 4000 5500 || return 1
	process=$took
	echo $spinner >$cg/cgroup.procs; kill -STOP $spinner
	group limited cpu.max "50000 100000" $vmm && taken $vmm 10 || return 1
	between $((process - 700)) $((process + 700))
}

# One CPU for both: what the guest gets beside a process of the same weight, and of three times that.
weight() {
	echo $vmm >$cg/cgroup.procs
	kill -CONT $spinner
	taskset -ap 1 $vmm && taskset -p 1 $spinner || return 1
	group guest cpu.weight 100 $vmm && group process cpu.weight 100 $spinner || return 1
	taken $vmm 10 && between 4000 6000 || return 1
	group process cpu.weight 300
	taken $vmm 10 && between 1700 3500
}

"$@" </dev/null >$log 2>&1 &
vmm=$!
case $mode in
idle)
	echo "1..2"
	check guest_settles settled
	check idle_guest_costs_less_than_2_percent idle
	;;
share)
	mount -t cgroup2 cgroup2 $cg && echo +cpu >$cg/cgroup.subtree_control
	sh -c 'while :; do :; done' &
	spinner=$!
	echo "1..3"
	check guest_settles settled
	check spinning_guest_keeps_its_cgroups_limit limit
	check spinning_guest_gets_its_cgroups_share weight
	kill -9 $spinner
	;;
*)
	exit 2
	;;
esac
kill -9 $vmm
wait
exit $failed
