#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# How long a guest takes from the VMM's start to its end, by turns on Berth and on the kernel's own KVM.
#   boots.sh PAIRS COMMAND...    COMMAND starts the VMM, whose guest powers off in the end
# Wants /add/berth.ko and /add/kvm/*.ko, which load in the order of their names. Writes lines "BOOT berth|kvm MILLISECONDS".

pairs=$1; shift

load() {
	if [ $1 = berth ]; then
		insmod /add/berth.ko
	else
		for m in /add/kvm/*.ko; do insmod $m || return 1; done
	fi
}

unload() {
	if [ $1 = berth ]; then
		rmmod berth
	else
		for m in $(ls -r /add/kvm); do m=${m#*-}; rmmod ${m%.ko} || return 1; done
	fi
}

# In hundredths of a second.
uptime_of() { cut -d' ' -f1 /proc/uptime | tr -d .; }

boot() {
	hypervisor=$1; shift
	load $hypervisor || exit 1
	before=$(uptime_of)
	"$@" >/tmp/boot.log 2>&1
	after=$(uptime_of)
	unload $hypervisor || exit 1
	grep -q '^guest: status 0' /tmp/boot.log || { cat /tmp/boot.log; exit 1; }
	echo "BOOT $hypervisor $(((after - before) * 10))"
}

while [ $pairs -gt 0 ]; do
	boot berth "$@"
	boot kvm "$@"
	pairs=$((pairs - 1))
done
