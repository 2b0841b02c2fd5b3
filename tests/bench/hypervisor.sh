#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Takes turns with hypervisors: hypervisor.sh load|unload berth|kvm
# Wants /add/berth.ko and /add/kvm/*.ko, which load in the order of their names.

case $2 in
berth) files=/add/berth.ko;;
kvm) files=$(ls /add/kvm/*.ko);;
esac
if [ $1 = load ]; then
	for f in $files; do insmod $f || exit 1; done
else
	back=
	for f in $files; do back="$f $back"; done
	for f in $back; do f=${f##*/}; f=${f#[0-9][0-9]-}; rmmod ${f%.ko} || exit 1; done
fi
