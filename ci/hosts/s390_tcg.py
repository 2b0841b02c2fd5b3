# SPDX-License-Identifier: GPL-2.0-only
# s390 without SIE, emulated by QEMU TCG (Debian's qemu-system-misc), where every hypervisor must
# refuse to load.

ARCH = "s390"
KERNELS = ("6.1", "6.12")
REFERENCE = ()
SETUP = ("virtio_blk", "ext4")
CONSOLE, RESULTS, DISK = "ttyS0", "ttysclp0", "vda"
POWERS_OFF = True
BOOT_SECONDS = 20
SKIPS = "s390"


def append(spec):
    """The host kernel's command line."""
    return f"console={CONSOLE} loglevel=5 panic=-1 oops=panic nokaslr cryptomgr.notests"


def argv(spec):
    """The emulator's command; see machine.Spec."""
    thread = "multi" if spec.smp > 1 and not spec.in_turn else "single"
    return [
        *f"qemu-system-s390x -accel tcg,thread={thread} -M s390-ccw-virtio".split(),
        *f"-cpu {spec.cpu or 'max'} -m {spec.memory} -smp {spec.smp}".split(),
        *"-nodefaults -no-user-config -no-reboot -display none".split(),
        *("-chardev", f"socket,id=console,path={spec.console}"),
        *("-device", "sclplmconsole,chardev=console"),
        *("-chardev", f"socket,id=results,path={spec.results}"),
        *("-device", "sclpconsole,chardev=results"),
        *(("-drive", f"file={spec.disk},if=none,id=disk,format=raw,snapshot=on",
           "-device", "virtio-blk-ccw,drive=disk") if spec.disk else ()),
        *("-kernel", str(spec.kernel), "-initrd", str(spec.initrd), "-append", spec.append),
    ]
