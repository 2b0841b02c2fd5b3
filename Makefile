# SPDX-License-Identifier: GPL-2.0-only
# The front door: `make` lists what there is. The work is done by the programs in ci/.

# Settings on the command line, for `make run` (empty: the default in brackets).
export ARCH HOST_KIND HOST_KERNEL GUEST_KERNEL HYPERVISOR VMM GUEST_CMD
ROW ?=
JOBS ?= 1
SECONDS ?= 3600
KDIR ?= /lib/modules/$(shell uname -r)/build

.DEFAULT_GOAL := help
.PHONY: help run check check-fast fuzz matrix bench modules deps install clean

help:	## this list
	@echo "Berth: a hypervisor kernel module for Linux, tested in emulated hosts."
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo "Settings of run: ARCH=x86|arm64|s390 HOST_KERNEL=6.1|6.12 GUEST_KERNEL=6.1|6.12 HYPERVISOR=berth|kvm VMM=berth|qemu GUEST_CMD='command'"

run: deps	## boots a Debian guest on Berth in an emulated host, ends in its shell
	@ci/run-guest

check: deps	## static checks, unit tests, module builds, then the emulated hosts
	@ci/matrix.py --level check

check-fast: deps	## the part of check that needs no emulated host
	@ci/matrix.py --level fast --jobs 2

fuzz: deps	## fuzzers, an hour each, two at a time (SECONDS=...); what they find is in build/fuzz
	@$(MAKE) -s -C tests/fuzz fuzz SECONDS=$(SECONDS)

matrix: deps	## everything; ROW='name...' for some rows (ci/matrix.py --list names them), JOBS=2 at a time
	@ci/matrix.py --jobs $(JOBS) $(if $(ROW),--row '$(ROW)')

bench: deps	## exit costs, beside the kernel's own KVM in the same host
	@ci/bench

modules: deps	## berth.ko for every kernel of the matrix, in build/
	@ci/modules

deps:	## installs the Debian packages that are missing (ci/deps --list: which and why)
	@ci/deps

install: deps	## builds berth.ko for this machine's kernel (KDIR=headers) and installs it
	@ci/modules --install '$(KDIR)'

clean:	## removes build/; the cache of downloads stays
	rm -rf build
