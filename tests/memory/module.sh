#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the module does when it is loaded and unloaded, as KTAP.
#   module.sh churn             100 times, with VMs in between; beside the kernel's own KVM (modules in /add/kvm)
#   module.sh refuse SENTENCE   on a CPU that it cannot use: -EOPNOTSUPP, and the sentence in the kernel's log
#   module.sh busy SENTENCE     where the kernel's own KVM is built in and has the extension: -EBUSY, and the sentence
# Wants /add/berth.ko, /add/memory, /add/conformance and, where they are modules, /add/kvm/*.ko, which load in the order of their names.

cd /add || exit 1
. ./ktap.sh

loaded() { [ -d /sys/module/$1 ]; }

# Not tried: kvm-amd beside Berth. Linux 6.1's kvm_init() leaves its syscore_ops registered when /dev/kvm is taken, and the
# next list operation finds them in a module that is gone.

# insmod fails with a text of strerror(3), says a sentence in the log, and leaves nothing behind.
refused() {
	said=$(insmod ./berth.ko 2>&1) && { echo "expected insmod to fail, seen success"; rmmod berth; return 1; }
	case $said in *"$1"*) ;; *) echo "expected '$1', seen '$said'"; return 1;; esac
	dmesg | grep -q "berth: .*$2" || { echo "expected '$2' in the log, seen"; dmesg | grep berth; return 1; }
	! loaded berth || { echo "expected no module, seen it loaded"; return 1; }
}

vm_runs() { ./conformance two_vcpus_see_each_others_stores; }
# Linux 6.12's lets no guest store to new memory in Hercules (docs/limits.md).
reference_runs() { ./conformance run_argument_must_be_zero; }

churn() {
	i=0
	while [ $i -lt 100 ]; do
		insmod ./berth.ko || return 1
		[ -c /dev/kvm ] || { echo "expected /dev/kvm in round $i, seen none"; return 1; }
		[ $((i % 10)) != 0 ] || vm_runs || return 1
		rmmod berth || return 1
		[ ! -e /dev/kvm ] || { echo "expected no /dev/kvm after round $i, seen one"; return 1; }
		i=$((i + 1))
	done
}

churn_leaves_nothing() {
	! grep "^berth" /proc/slabinfo && ! loaded berth && ! grep "virt/berth" /sys/devices/system/cpu/hotplug/states
}

module_in_use_stays() {
	insmod ./berth.ko && ./memory open_files_keep_the_module && loaded berth
}

load_kvm() { for m in kvm/*.ko; do insmod $m || return 1; done; }
unload_kvm() { for m in $(ls -r kvm/*.ko); do m=${m##*/}; m=${m%.ko}; rmmod ${m#*-} 2>/dev/null; done; return 0; }

case $1 in
churn)
	[ -d kvm ] && echo "1..8" || echo "1..4"
	check loads_and_unloads_100_times churn
	check nothing_is_left_when_unloaded churn_leaves_nothing
	check module_in_use_stays module_in_use_stays
	check unloads_after_that rmmod berth
	[ -d kvm ] || exit $failed
	check reference_loads load_kvm
	check refuses_beside_the_kernels_own_kvm refused "Device or resource busy" "another hypervisor"
	check reference_works_on reference_runs
	unload_kvm
	check loads_when_the_reference_is_gone sh -c 'insmod ./berth.ko && ./conformance two_vcpus_see_each_others_stores && rmmod berth'
	;;
refuse)
	echo "1..1"
	check refuses_with_a_sentence refused "Operation not supported" "$2"
	;;
busy)
	echo "1..2"
	check refuses_beside_the_kernels_own_kvm refused "Device or resource busy" "$2"
	check reference_works_on ./conformance two_vcpus_see_each_others_stores
	;;
*)
	exit 2
	;;
esac
exit $failed
