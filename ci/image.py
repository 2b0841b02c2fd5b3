# SPDX-License-Identifier: GPL-2.0-only
# Builds what the machines boot: the host's initramfs, the guest's initramfs, and the ext4 disk
# with QEMU for the host.

import hashlib
import shlex
import tempfile
from pathlib import Path

import kernels
import roots
from cpio import Archive
from paths import CACHE, lock, run, say

HERE = Path(__file__).parent


def base(arch, init):
    """An archive with busybox and /init; the init script makes the rest."""
    a = Archive()
    for d in ("proc", "sys", "dev", "tmp", "root"):
        a.directory(d)
    a.device("dev/console", 5, 1)
    a.file("bin/busybox", roots.busybox(arch).read_bytes(), 0o755)
    a.link("bin/sh", "busybox")
    a.file("init", init, 0o755)
    return a


def put_modules(a, modules, where):
    """Puts [(file name, data)] below `where`; returns their paths in load order."""
    for name, data in modules:
        a.file(f"{where}/{name}", data)
    return [f"/{where}/{name}" for name, _ in modules]


def host(
    arch,
    rel,
    *,
    results,
    setup=(),
    hypervisor=(),
    options="",
    commands=(),
    add=(),
    disk="",
    hostname="host",
    interactive=False,
    size=(80, 24),
    early=(),
):
    """The initramfs of an emulated host.

    results: the serial line for frames; setup: names of modules of that kernel;
    hypervisor: module names or files;
    options: parameters of the last hypervisor module;
    commands: shell texts, the last of them on the terminal when `interactive`;
    add: (file, path) pairs;
    early: (path, data, mode) of what makes the line, where there is none.
    """
    a = base(arch, (HERE / "host-init").read_text())
    for path, data, mode in early:
        a.file(path, data, mode)
    setup_files = put_modules(a, kernels.modules(arch, rel, setup), "berth/setup")
    loaded = {Path(p).name for p in setup_files}
    paths = []
    for item in hypervisor:
        if isinstance(item, Path):
            a.file(f"berth/hypervisor/{item.name}", item.read_bytes())
            paths.append(f"/berth/hypervisor/{item.name}")
        else:
            found = [m for m in kernels.modules(arch, rel, [item]) if m[0] not in loaded]
            paths += [p for p in put_modules(a, found, "berth/hypervisor") if p not in paths]
    config = {
        "RESULTS": results,
        "HOSTNAME": hostname,
        "DISK": disk,
        "HYPERVISOR": " ".join(paths),
        "OPTIONS": options,
        "INTERACTIVE": f"{len(commands):03}" if interactive else "",
        "ROWS": size[1],
        "COLS": size[0],
    }
    a.file("berth/config", "".join(f"{k}={shlex.quote(str(v))}\n" for k, v in config.items()))
    a.file("berth/modules", "".join(p + "\n" for p in setup_files))
    for n, text in enumerate(commands, 1):
        a.file(f"berth/commands/{n:03}", text + "\n", 0o755)
    for source, path in add:
        a.add(Path(source), path)
    return a.bytes()


def guest(arch, rel, modules, script=None, add=()):
    """The initramfs of a guest: gives a shell, or with berth.run=/script runs the shell text
    `script` (guest-init). add: (file, path) pairs."""
    a = base(arch, (HERE / "guest-init").read_text())
    paths = put_modules(a, kernels.modules(arch, rel, modules), "modules.d")
    a.file("modules.list", "".join(p + "\n" for p in paths))
    if script is not None:
        a.file("script", script + "\n", 0o755)
    for source, path in add:
        a.add(Path(source), path)
    return a.bytes()


UNWANTED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/info",
    "var/lib/dpkg",
)


def qemu_disk(arch, release="7.2"):
    """An ext4 image with Debian's QEMU of that release and its libraries, made once per content;
    returns its path."""
    root = roots.qemu(arch, release=release)
    names = sorted(str(p.relative_to(root)) + f" {p.lstat().st_size}" for p in root.rglob("*"))
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    image = CACHE / "images" / f"qemu-{arch}-{key}.ext4"
    if image.exists():
        return image
    with lock(f"image-{arch}"):
        if not image.exists():
            say("making the ext4 disk with QEMU for the host")
            tree(root, image, slack=64)
    return image


def tree(root, image, slack=16):
    """Makes an ext4 image of a directory, without root; `slack` is the free space in MB."""
    image.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".tree.") as temp:
        copy = Path(temp) / "root"
        run(["cp", "-a", "--reflink=auto", root, copy])
        for name in UNWANTED:
            run(["rm", "-rf", copy / name])
        size = int(run(["du", "-sm", "--apparent-size", copy]).split()[0])
        out = Path(temp) / "image"
        run(
            [
                "/sbin/mke2fs",
                "-q",
                "-t",
                "ext4",
                "-O",
                "^has_journal",
                "-E",
                "root_owner=0:0",
                "-d",
                copy,
                out,
                f"{int(size * 1.15) + slack}M",
            ]
        )
        out.rename(image)
