# SPDX-License-Identifier: GPL-2.0-only
# The guest that shows a hypervisor at work: Debian's kernel and a busybox, inside a host, under
# Debian's own QEMU or under berth, the VMM of this tree.

import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import image
import kernels
import modules
import programs
import roots

VMMS = ("qemu", "berth")
STATUS = re.compile(rb"^guest: status (\d+)\r?$", re.M)
WELCOME = "Hello from the host, by way of the guest's virtio network card.\n"


@dataclass(frozen=True)
class Qemu:
    """How QEMU is started in a host of one architecture."""

    program: str
    machine: tuple  # machine, accelerator and processor
    console: str
    name: str = "pc"  # of a machine that is not the table's
    modules: tuple = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net")


QEMU = {
    # The interrupt controllers are QEMU's: with them there its processor model must be this one.
    "x86": Qemu(
        "qemu-system-x86_64",
        tuple("-accel kvm,kernel-irqchip=off -cpu qemu64,kvm=off -M pc".split()),
        "ttyS0",
    ),
    "arm64": Qemu(
        "qemu-system-aarch64",
        tuple("-accel kvm -cpu host -M virt,gic-version=host".split()),
        "ttyAMA0",
        "virt,gic-version=host",
    ),
    "s390": Qemu(
        "qemu-system-s390x",
        tuple("-accel kvm -cpu host -M s390-ccw-virtio".split()),
        "ttyS0",
        modules=("virtio_blk", "virtio_net", "crc32c_generic", "ext4"),
    ),
}


# Machines whose virtio devices are not on a PCI bus.
NO_PCI = ("microvm",)


def machine(name, irqchip, cpu):
    """QEMU's arguments for a machine whose interrupt controllers are the kernel's ("on") or partly
    so ("split")."""
    return ("-accel", f"kvm,kernel-irqchip={irqchip}", "-cpu", cpu, "-M", name)


# For a guest of berth: its modules, and more for its command line. berth shows the guest all that
# the host's KVM supports, but in QEMU's emulated AMD-V a guest's XSETBV is not intercepted
# (docs/limits.md), and its kernel would warn of sizes that do not fit.
BERTH_MODULES = ("virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng")
S390_MODULES = ("virtio_blk", "virtio_net", "virtio_rng", "crc32c_generic", "ext4")
BERTH_APPEND = {"x86": "noxsave"}


def program(arch):
    """Builds berth, the VMM, and returns its path. It is linked with libraries that QEMU has too."""
    libraries = [f"LIBRARIES={roots.libraries(arch)}"] if modules.cross(arch) else []
    return programs.build("virt/vmm", arch, *libraries) / "vmm/berth"


def qemu_argv(arch, memory, append, machine, smp):
    q = QEMU[arch]
    bus = "ccw" if arch == "s390" else "device" if machine and machine[-1] in NO_PCI else "pci"
    return [
        *(q.program, *(machine or q.machine), "-m", str(memory), "-smp", str(smp)),
        *"-display none -no-reboot -nodefaults -serial mon:stdio".split(),
        *("-kernel", "/add/guest/vmlinuz", "-initrd", "/add/guest/initrd"),
        *("-append", f"console={q.console} quiet panic=-1 {append}".strip()),
        *("-drive", "file=/add/guest/disk.ext4,if=none,id=disk,format=raw"),
        *f"-device virtio-blk-{bus},drive=disk -netdev user,id=net".split(),
        *("-device", f"virtio-net-{bus},netdev=net" + (",romfile=" if bus == "pci" else "")),
    ]


def berth_argv(arch, memory, append, smp):
    return [
        *("/add/guest/berth", "run", "--mem", str(memory), "--cpus", str(smp)),
        *("--kernel", "/add/guest/vmlinuz", "--initrd", "/add/guest/initrd"),
        *("--disk", "/add/guest/disk.ext4", "--net", "user"),
        *("--append", f"quiet panic=-1 {BERTH_APPEND.get(arch, '')} {append}".strip()),
    ]


def command(arch, *, memory=256, append="", machine=None, smp=1, vmm="qemu"):
    """The shell text that starts the guest in the host; `machine` replaces the table's
    arguments of QEMU."""
    if vmm == "qemu":
        argv = qemu_argv(arch, memory, append, machine, smp)
    else:
        argv = berth_argv(arch, memory, append, smp)
    # The guest's gateway is the host's own loopback.
    return "httpd -p 127.0.0.1:80 -h /add/guest/www\nexec " + shlex.join(argv)


def files(arch, rel, directory, script=None, vmm="qemu", add=()):
    """Writes the guest's files below `directory`, with the VMM where it is berth; returns the
    (file, path in the host) pairs to add. `add`: such pairs for the guest itself."""
    directory = Path(directory)
    (directory / "www").mkdir(parents=True)
    (directory / "www/index.html").write_text(WELCOME)
    modules = QEMU[arch].modules
    if vmm == "berth":
        modules = S390_MODULES if arch == "s390" else BERTH_MODULES
        shutil.copy(program(arch), directory / "berth")
    (directory / "initrd").write_bytes(image.guest(arch, rel, modules, script, add))
    with tempfile.TemporaryDirectory() as content:
        (Path(content) / "README").write_text("The guest's virtio disk.\n")
        image.tree(Path(content), directory / "disk.ext4", slack=15)
    (directory / "vmlinuz").symlink_to(kernels.image(arch, rel))
    return [(directory, "add/guest")]


def status(output):
    """The exit status of the guest's script, from the guest's console; None when it never ended."""
    found = STATUS.findall(output)
    return int(found[-1]) if found else None
