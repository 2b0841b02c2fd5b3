# SPDX-License-Identifier: GPL-2.0-only
# x86 without any virtualization extension: for the module with the toy machine's backend, which
# interprets its guests (arch/fake).

from dataclasses import replace

from hosts import x86_svm

ARCH, BACKEND = "x86", "fake"
KERNELS = x86_svm.KERNELS
REFERENCE = ()  # no other hypervisor runs there
SETUP = x86_svm.SETUP
CONSOLE, RESULTS, DISK = x86_svm.CONSOLE, x86_svm.RESULTS, x86_svm.DISK
POWERS_OFF = x86_svm.POWERS_OFF
BOOT_SECONDS = x86_svm.BOOT_SECONDS
append = x86_svm.append


def argv(spec):
    """The emulator's command; see machine.Spec."""
    return x86_svm.argv(replace(spec, cpu=spec.cpu or "qemu64,-svm"))
