# SPDX-License-Identifier: GPL-2.0-only
# s390 with SIE, emulated by Hercules (Debian's hercules): QEMU has none.

import shutil
import struct
from pathlib import Path

import kernels
import modules
from paths import BUILD, run

HERE = Path(__file__).resolve().parent.parent
ARCH = "s390"
KERNELS = ("6.1", "6.12")
REFERENCE = ("kvm",)
SETUP = ("dasd_fba_mod", "crc32c_generic", "ext4")
CONSOLE, RESULTS, DISK = "ttyS0", "line", "dasda"
POWERS_OFF = True
EXACT = False  # it cannot count instructions
BOOT_SECONDS = 60
SKIPS = "s390"
WRONG_CHECKSUMS = ("6.12",)  # what Linux 6.12 computes here (docs/limits.md)
ZRAM = {"6.1": ("lz4", "zram"), "6.12": ("zram",)}  # compressed memory to swap to

# A z10 with as few devices as do: a console, a tape for the results, and the disk.
CONFIGURATION = """\
CPUSERIAL 002623
CPUMODEL 2097
MAINSIZE {spec.memory}
XPNDSIZE 0
NUMCPU {spec.smp}
LOADPARM ........
OSTAILOR QUIET
PANRATE SLOW
ARCHMODE z/Arch
0009 3215-C / noprompt
0130 3490 {spec.dir}/results.aws
"""
DISK_LINE = "0120 3370 {spec.dir}/disk\n"
# What is loaded at which address: Documentation/s390 calls the last three the parameter area.
LOAD = """\
* Linux
kernel 0x00000000
append 0x00010480
where 0x00010408
initrd {initrd:#010x}
"""
INITRD = 0x2000000


def append(spec):
    """The host kernel's command line."""
    return (
        f"console={CONSOLE} conmode=3215 condev=0x0009 loglevel=5 panic=-1 oops=panic nokaslr"
        " cryptomgr.notests"
    )


def early(rel):
    """What the host's init makes the results line of: (path, data, mode)."""
    line = BUILD / ARCH / "hercules_line"
    line.parent.mkdir(parents=True, exist_ok=True)
    run([
        *(f"{modules.cross(ARCH)}gcc", "-O2", "-Wall", "-Wextra", "-static", "-s"),
        *("-o", line, HERE / "hercules_line.c"),
    ])
    names = []
    for name, data in kernels.modules(ARCH, rel, ("tape_34xx",)):
        names.append(f"/berth/line/{name}\n")
        yield f"berth/line/{name}", data, 0o644
    yield "berth/line/modules", "".join(names), 0o644
    yield "berth/line/init", (HERE / "hercules-init").read_text(), 0o644
    yield "berth/line/line", line.read_bytes(), 0o755


def argv(spec):
    """The emulator's command; see machine.Spec."""
    d, configuration = spec.dir, CONFIGURATION
    # Hercules gives its rights away, and with them the way to the cache.
    shutil.copyfile(spec.kernel, d / "kernel")
    if spec.disk:
        shutil.copyfile(spec.disk, d / "disk")
        configuration += DISK_LINE
    (d / "append").write_text(spec.append + "\0")
    (d / "where").write_bytes(struct.pack(">QQ", INITRD, spec.initrd.stat().st_size))
    (d / "host.ins").write_text(LOAD.format(initrd=INITRD))
    (d / "configuration").write_text(configuration.format(spec=spec))
    (d / "commands").write_text(f"ipl {d}/host.ins\n")
    files = (d / name for name in ("configuration", "commands", "results.aws"))
    return [str(HERE / "hercules"), *map(str, files), spec.console, spec.results]
