#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs one of the kernel's selftests in a host: run.sh SECONDS NAME ARGUMENT...  Ends with the
# test's status, 137 when the time was over. Nothing of the test is left running.

limit=$1 name=$2
shift 2
cd /add/kselftests || exit 1

# A test skips itself when a parameter of kvm.ko that it wants to know is not there. With Berth there
# is no kvm.ko: what it would say of Berth is said here.
if [ ! -e /sys/module/kvm ]; then
	mount -t tmpfs params /sys/module
	mkdir -p /sys/module/kvm/parameters /sys/module/kvm_amd/parameters
	cd /sys/module/kvm/parameters || exit 1
	echo 0 >force_emulation_prefix
	echo N >enable_pmu
	echo Y | tee tdp_mmu >eager_page_split
	cd /sys/module/kvm_amd/parameters || exit 1
	echo Y >npt
	echo N >avic
	cd /add/kselftests || exit 1
fi
echo 64 >/proc/sys/vm/nr_hugepages

# A script among the tests wants to know who it is, and to be more.
mkdir -p /etc
echo 'root:x:0:0::/root:/bin/sh' >/etc/passwd
printf '#!/bin/sh\nexec "$@"\n' >/bin/sudo
chmod +x /bin/sudo

program=./$name
[ "${name%.sh}" = "$name" ] || program="sh $program"
# shellcheck disable=SC2086
timeout -s KILL "$limit" $program "$@"
status=$?
for p in /proc/[0-9]*; do
	case $(readlink "$p/exe") in
	/add/kselftests/*) kill -9 "${p#/proc/}" ;;
	esac
done
exit $status
