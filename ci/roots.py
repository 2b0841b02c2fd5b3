# SPDX-License-Identifier: GPL-2.0-only
# User space for the emulated hosts as cache entries: a static busybox, and a root directory with
# Debian's QEMU.

import debs
import kernels
from paths import say


def busybox(arch, refresh=False):
    """Path of a static busybox."""
    debian = kernels.ARCHES[arch].debian

    def fill(temp, final):
        say(f"fetching busybox for {arch}")
        debs.Root(debian).unpack(["busybox-static"], temp)

    root = debs.entry(f"busybox/{arch}", fill, refresh)
    return next(p for p in (root / "bin/busybox", root / "usr/bin/busybox") if p.exists())


# What programs of another architecture are linked with: headers and libraries, not what these need
# themselves, which comes with QEMU.
LIBRARIES = ["libslirp-dev", "libslirp0", "libfdt-dev", "libfdt1"]


def libraries(arch, refresh=False):
    """Root directory with LIBRARIES."""

    def fill(temp, final):
        say(f"fetching libraries for {arch}: {' '.join(LIBRARIES)}")
        debs.Root(kernels.ARCHES[arch].debian).unpack(LIBRARIES, temp)

    return debs.entry(f"libraries/{arch}", fill, refresh)


def firmware(refresh=False):
    """Path of a UEFI image for QEMU's arm64 machine, which describes it by ACPI."""

    def fill(temp, final):
        say("fetching UEFI for arm64")
        debs.Root("arm64").unpack(["qemu-efi-aarch64"], temp)

    return debs.entry("firmware/arm64", fill, refresh) / "usr/share/qemu-efi-aarch64/QEMU_EFI.fd"


# What each architecture's QEMU needs beside its libraries.
QEMU = {
    "x86": ["qemu-system-x86"],
    "arm64": ["qemu-system-arm"],
    "powerpc": ["qemu-system-ppc"],
    "s390": ["qemu-system-misc"],
}


# QEMU's releases, and the Debian suite that has them where the default does not.
RELEASES = {"7.2": None, "10.0": debs.BACKPORTS}


def qemu(arch, refresh=False, release="7.2"):
    """Root directory with Debian's QEMU for that architecture, running on it, and all its
    libraries."""
    debian = kernels.ARCHES[arch].debian
    suite = RELEASES[release]

    def fill(temp, final):
        root = debs.Root(debian)
        packages = root.closure(QEMU[arch], suite)
        say(
            f"fetching QEMU {release} for {arch} and its libraries: {len(packages)} packages, "
            "about 80 MB"
        )
        root.unpack(packages, temp, suite)
        say(f"  {debs.du(temp):.0f} MB unpacked")

    name = arch if suite is None else f"{arch}-{release}"
    return debs.entry(f"qemu/{name}", fill, refresh)
