# SPDX-License-Identifier: GPL-2.0-only
# x86 with AMD-V and nested paging, emulated by QEMU TCG (Debian's qemu-system-x86).

from tsc import tsc_khz

ARCH = "x86"
KERNELS = ("6.1", "6.12", "6.1-debug")
REFERENCE = ("kvm-amd",)  # the kernel's own KVM, to compare with
SETUP = ("virtio_pci", "virtio_blk")
CONSOLE, RESULTS, DISK = "ttyS0", "ttyS1", "vda"
POWERS_OFF = True  # else the runner ends it after the last frame
BOOT_SECONDS = 10
EXACT = "one instruction is one nanosecond of guest time and one TSC tick"


def append(spec):
    """The host kernel's command line."""
    # On a busy machine the emulated timer is late for the kernel's look whether it ticks.
    line = f"console={CONSOLE},115200 loglevel=5 panic=-1 oops=panic no_timer_check"
    if spec.kernel.name.endswith("-debug"):
        # Else it tells of the first fault only, and is too slow for the tables of interrupt pins.
        line += " kasan_multi_shot acpi=noirq"
    # Linux 6.12 tests its ciphers for seconds after it has booted.
    return line + (" nokaslr mitigations=off cryptomgr.notests" if spec.exact else tsc_append())


def tsc_append():
    """QEMU shows its guests this machine's TSC. A kernel that is held up while it measures how
    fast that counts is wrong by orders of magnitude, and all its time-outs with it."""
    khz = tsc_khz()
    return f" tsc_early_khz={khz}" if khz else ""


def argv(spec):
    """The emulator's command; see machine.Spec."""
    thread = "multi" if spec.smp > 1 and not spec.exact and not spec.in_turn else "single"
    cpu, clock, disk = spec.cpu or "max,+svm,+npt", "", ""
    if spec.exact:
        cpu += ",-rdrand,-rdseed"
        clock = "-icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm -seed 1"
    if spec.disk:
        disk = "-device virtio-blk-pci,drive=disk"
    return [
        *f"qemu-system-x86_64 -accel tcg,thread={thread} -machine pc -cpu {cpu} {clock}".split(),
        *f"-m {spec.memory} -smp {spec.smp} -nodefaults -no-user-config -no-reboot".split(),
        *f"-display none -serial chardev:console -serial chardev:results {disk}".split(),
        *("-chardev", f"socket,id=console,path={spec.console}"),
        *("-chardev", f"socket,id=results,path={spec.results}"),
        *(("-drive", f"file={spec.disk},if=none,id=disk,format=raw,snapshot=on") if disk else ()),
        *("-kernel", str(spec.kernel), "-initrd", str(spec.initrd), "-append", spec.append),
    ]
