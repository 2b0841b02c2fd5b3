#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A guest that never stops writing (churn.c) is saved, restored and migrated, as KTAP.
#   migrate.sh MODE COMMAND...      COMMAND starts QEMU with the guest, its console and monitor left to this script
# MODE: disk (savevm and loadvm), file (through a file), live (over a socket, between two QEMUs that both run).

mode=$1; shift
tmp=/tmp/migrate
mkdir -p $tmp
. ./ktap.sh
QEMU=
for word in "$@"; do QEMU="$QEMU '$word'"; done

# start NAME ARGUMENT...: a QEMU, when its monitor answers.
start() {
	name=$1; shift
	more=
	for word in "$@"; do more="$more '$word'"; done
	eval "exec $QEMU $more" -serial file:$tmp/$name.log -qmp unix:$tmp/$name.qmp,server,nowait >$tmp/$name.out 2>&1 &
	echo $! >$tmp/$name.pid
	within 60 'ask $name "info status"' && return 0
	cat $tmp/$name.out
	return 1
}

# ask NAME COMMAND: what its monitor answers, unless it is stuck.
ask() { timeout 120 ./qmp $tmp/$1.qmp "$2"; }

# stop NAME: that QEMU ends.
stop() {
	ask $1 quit
	within 30 '! kill -0 $(cat $tmp/'$1'.pid) 2>/dev/null'
}

# within SECONDS CONDITION: waits for it; what it said at last is shown when it does not come.
within() {
	left=$1
	until last=$(eval "$2" 2>&1); do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "not within $1 s: $2"; echo "$last"; return 1; }
		sleep 1
	done
}

said() { grep -c '^churn: pass' $tmp/$1.log; }

# goes_on NAME: the guest tells of progress three times more, and of nothing that is wrong.
goes_on() {
	passes=$(said $1)
	[ -n "$passes" ] || passes=0
	within 120 '[ $(said '$1') -ge $((passes + 3)) ]' && [ $(progress $1) -gt 0 ] && healthy $1 && return 0
	ask $1 'info status'
	ask $1 'info registers -a' | grep -E 'CPU|IP=|HLT='
	tail -20 $tmp/$1.log
	cat $tmp/$1.out
	return 1
}

# progress NAME: the passes of the last line.
progress() { sed -n 's/^churn: pass \([0-9]*\),.*/\1/p' $tmp/$1.log | tail -1; }

# healthy NAME: neither program nor kernel complains.  A guest's clock is not better than its host's.
complaints='WRONG:|BUG:|Oops|Call Trace|lockup|stall|WARNING'
dmesg | grep -q 'TSC unstable' || complaints="$complaints|unstable"
healthy() { ! grep -iE "$complaints" $tmp/$1.log; }

saves() {
	ask a 'savevm one' | grep . && return 1
	ask a 'info snapshots' | grep one && goes_on a
}

loads() {
	before=$(progress a)
	ask a 'loadvm one' | grep . && return 1
	goes_on a
}

another_loads() {
	stop a && start b -loadvm one && goes_on b && stop b
}

# completed NAME: its migration; one that failed is no longer waited for.
completed() {
	status=$(ask $1 'info migrate' | sed -n 's/^Migration status: //p;s/^Status:[[:space:]]*//p')
	echo "$status"
	case $status in completed|failed|cancelled) return 0;; esac
	return 1
}

has_migrated() {
	within 150 "completed $1" || return 1
	ask $1 'info migrate' >$tmp/$1.migrate
	grep -q completed $tmp/$1.migrate || { cat $tmp/$1.migrate $tmp/$1.out; return 1; }
}

# What is written while the rest goes out follows when the guest stands still: on a slow host it never ends else.
to_file() {
	ask a 'migrate_set_parameter downtime-limit 60000'
	ask a "migrate -d exec:cat>$tmp/state" && has_migrated a && stop a
}

# from_file NAME
from_file() {
	start $1 -incoming "exec:cat $tmp/state" && goes_on $1 && stop $1
}

# rounds NAME COUNT: what was written meanwhile has been sent so often.
rounds() {
	ask $1 'info migrate' >$tmp/$1.migrate
	cat $tmp/$1.migrate
	r=$(sed -n 's/^dirty sync count: //p' $tmp/$1.migrate)
	[ ${r:-0} -ge $2 ]
}

# live FROM TO: so slow that it cannot end, then after some rounds with all the time it wants.
live() {
	start $2 -incoming unix:$tmp/$2.in || return 1
	ask $1 'migrate_set_parameter downtime-limit 1'
	ask $1 'migrate_set_parameter max-bandwidth 32M'
	ask $1 "migrate -d unix:$tmp/$2.in"
	within 150 "rounds $1 4" || return 1
	ask $1 'migrate_set_parameter downtime-limit 60000'
	has_migrated $1 && stop $1 && goes_on $2
}

there_and_back() {
	live b a2 && stop a2
}

case $mode in
disk)
	echo "1..4"
	check guest_writes_memory eval 'start a && goes_on a'
	check guest_goes_on_after_savevm saves
	check guest_goes_on_after_loadvm loads
	check guest_goes_on_in_another_qemu_with_loadvm another_loads
	;;
file)
	echo "1..4"
	check guest_writes_memory eval 'start a && goes_on a'
	check guest_is_saved_to_a_file to_file
	check guest_goes_on_from_the_file from_file b
	check guest_goes_on_from_the_file_again from_file c
	;;
live)
	echo "1..3"
	check guest_writes_memory eval 'start a && goes_on a'
	check guest_goes_on_after_live_migration live a b
	check guest_goes_on_after_a_second_live_migration there_and_back
	;;
*)
	exit 2
	;;
esac
# What a QEMU's threads do that is still there: one that is stuck is stuck in one of them.
for f in $tmp/*.pid; do
	pid=$(cat $f)
	[ $failed = 0 ] || grep -s . /proc/$pid/task/*/comm /proc/$pid/task/*/syscall /proc/$pid/task/*/stack | sed 's/^/# /'
	kill $pid 2>/dev/null
	sleep 1
	kill -9 $pid 2>/dev/null
done
[ $failed = 0 ] || head -n 60 $tmp/*.out | sed 's/^/# /'	# what the QEMUs said
for f in $tmp/*.log; do
	echo "# ${f##*/}: $(tail -1 $f)"
done
grep -h -E 'total time|downtime|dirty sync count|transferred ram' $tmp/*.migrate 2>/dev/null | sed 's/^/# /'
wait
exit $failed
