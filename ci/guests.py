# SPDX-License-Identifier: GPL-2.0-only
# The guest that shows a hypervisor at work: Debian's kernel and a busybox, under Debian's own
# QEMU, inside a host.

import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

import image
import kernels

STATUS = re.compile(rb"^guest: status (\d+)\r?$", re.M)
WELCOME = "Hello from the host, by way of the guest's virtio network card.\n"


@dataclass(frozen=True)
class Qemu:
    """How QEMU is started in a host of one architecture."""

    program: str
    machine: tuple  # machine, accelerator and processor
    console: str
    modules: tuple = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net")


QEMU = {
    # The interrupt controllers are QEMU's: with them there its processor model must be this one.
    "x86": Qemu(
        "qemu-system-x86_64",
        tuple("-accel kvm,kernel-irqchip=off -cpu qemu64,kvm=off -M pc".split()),
        "ttyS0",
    )
}


# Machines whose virtio devices are not on a PCI bus.
NO_PCI = ("microvm",)


def machine(name, irqchip, cpu):
    """QEMU's arguments for a machine whose interrupt controllers are the kernel's ("on") or partly
    so ("split")."""
    return ("-accel", f"kvm,kernel-irqchip={irqchip}", "-cpu", cpu, "-M", name)


def command(arch, *, memory=256, append="", machine=None, smp=1):
    """The shell text that starts the guest in the host; `machine` replaces the table's
    arguments."""
    q = QEMU[arch]
    bus = "device" if machine and machine[-1] in NO_PCI else "pci"
    argv = [
        *(q.program, *(machine or q.machine), "-m", str(memory), "-smp", str(smp)),
        *"-display none -no-reboot -nodefaults -serial mon:stdio".split(),
        *("-kernel", "/add/guest/vmlinuz", "-initrd", "/add/guest/initrd"),
        *("-append", f"console={q.console} quiet panic=-1 {append}".strip()),
        *("-drive", "file=/add/guest/disk.ext4,if=none,id=disk,format=raw"),
        *f"-device virtio-blk-{bus},drive=disk -netdev user,id=net".split(),
        *("-device", f"virtio-net-{bus},netdev=net" + (",romfile=" if bus == "pci" else "")),
    ]
    # The guest's gateway is the host's own loopback.
    return "httpd -p 127.0.0.1:80 -h /add/guest/www\nexec " + shlex.join(argv)


def files(arch, rel, directory, script=None):
    """Writes the guest's files below `directory`; returns the (file, path in the host) pairs to
    add."""
    directory = Path(directory)
    (directory / "www").mkdir(parents=True)
    (directory / "www/index.html").write_text(WELCOME)
    (directory / "initrd").write_bytes(image.guest(arch, rel, QEMU[arch].modules, script))
    with tempfile.TemporaryDirectory() as content:
        (Path(content) / "README").write_text("The guest's virtio disk.\n")
        image.tree(Path(content), directory / "disk.ext4", slack=15)
    (directory / "vmlinuz").symlink_to(kernels.image(arch, rel))
    return [(directory, "add/guest")]


def status(output):
    """The exit status of the guest's script, from the guest's console; None when it never ended."""
    found = STATUS.findall(output)
    return int(found[-1]) if found else None
