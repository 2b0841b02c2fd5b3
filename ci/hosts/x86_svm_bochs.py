# SPDX-License-Identifier: GPL-2.0-only
# x86 with AMD-V and nested paging as Bochs has them: unlike QEMU's with next RIP saved, flush by
# ASID, pause filter and LBR virtualization. It boots from a CD made for the run.

import shutil
from pathlib import Path

from paths import run

ARCH = "x86"
KERNELS = ("6.1", "6.12", "6.1-debug")
REFERENCE = ("kvm-amd",)
SETUP = ("ata_piix", "sd_mod")
CONSOLE, RESULTS, DISK = "ttyS0", "ttyS1", "sda"
POWERS_OFF = False  # Bochs takes power off for a fatal error
LINES = "tcp"  # what its serial lines connect to
BOOT_SECONDS = 40
# A guest with RFLAGS.IF clear masks the host's interrupts here, though V_INTR_MASKING says no.
CONFORMANCE = ("--interruptible",)
EXACT = "one instruction is one TSC tick"

BIOS, VGABIOS = "/usr/share/bochs/BIOS-bochs-latest", "/usr/share/vgabios/vgabios.bin"
ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"
LDLINUX = "/usr/lib/syslinux/modules/bios/ldlinux.c32"

# A second of the host's time is this many instructions, however long they take.
IPS = 50_000_000

CD = """\
DEFAULT host
PROMPT 0
LABEL host
 KERNEL /vmlinuz
 INITRD /initrd
 APPEND {append}
"""

# Without a display, speaker, sound and the like. Errors and notes are not logged: guests make
# many, and Bochs writes each.
SETTINGS = """\
display_library: rfb, options="timeout=0"
romimage: file={bios}
vgaromimage: file={vgabios}
megs: {spec.memory}
cpu: model={cpu}, count={spec.smp}, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none, time0=1767225600
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={dir}/cd.iso, status=inserted
{disk}
boot: cdrom
com1: enabled=1, mode=socket-client, dev={spec.console}
com2: enabled=1, mode=socket-client, dev={spec.results}
log: {dir}/bochs.txt
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
mouse: enabled=0
sound: waveoutdrv=dummy
speaker: enabled=0
plugin_ctrl: es1370=0, sb16=0, gameport=0, speaker=0, usb_uhci=0
"""

DRIVE = """\
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=disk, path={spec.disk}, mode=volatile, journal={dir}/journal
"""


def append(spec):
    """The host kernel's command line. Bochs has MWAITX without its timer, for which Linux delays
    would wait forever, and real random numbers. Its XSAVEC and XSAVES store AVX state 160 bytes too
    low, over the header that XRSTORS then refuses. To the mitigation that its Ryzen needs Linux
    says WARNING."""
    return (
        f"console={CONSOLE},115200 loglevel=5 panic=-1 oops=panic"
        " mitigations=off nokaslr clearcpuid=mwaitx,rdrand,rdseed,xsaves,xsavec"
    )


def cd(spec):
    """Writes cd.iso, which boots the kernel."""
    tree = spec.dir / "cd"
    tree.mkdir()
    for name, source in (
        ("isolinux.bin", ISOLINUX),  # genisoimage writes into it
        ("ldlinux.c32", LDLINUX),
        ("vmlinuz", spec.kernel),
    ):
        shutil.copyfile(source, tree / name)
    shutil.move(spec.initrd, tree / "initrd")
    (tree / "isolinux.cfg").write_text(CD.format(append=spec.append))
    run(
        [
            *"genisoimage -quiet -R -b isolinux.bin -c boot.cat -no-emul-boot".split(),
            *"-boot-load-size 4 -boot-info-table -o".split(),
            *(spec.dir / "cd.iso", tree),
        ]
    )
    shutil.rmtree(tree)


def argv(spec):
    """The emulator's command; see machine.Spec."""
    cd(spec)
    values = {"spec": spec, "dir": spec.dir}
    settings = SETTINGS.format(
        **values,
        bios=BIOS,
        vgabios=VGABIOS,
        cpu=spec.cpu or "ryzen",
        ips=IPS,
        disk=DRIVE.format(**values) if spec.disk else "",
    )
    (spec.dir / "bochsrc").write_text(settings)
    # Debian's Bochs has its debugger, which waits for this "continue".
    (spec.dir / "debugger").write_text("c\n")
    return [*"bochs -q -rc".split(), str(spec.dir / "debugger"), "-f", str(spec.dir / "bochsrc")]
