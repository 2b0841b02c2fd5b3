# SPDX-License-Identifier: GPL-2.0-only
# Kernels that are built here, from Debian's source and a configuration beside this file: with the
# debugging aids that Debian's kernels lack. In the cache they look like Debian's packages.

import hashlib
import os
import shutil
from pathlib import Path

import debs
from paths import fresh_env, run, step

# (architecture, release) -> (release of the source, the whole configuration)
CONFIGS = {("x86", "6.1-debug"): ("6.1", "debug.config")}
IMAGE = {"x86": "arch/x86/boot/bzImage"}
RECIPE = 1  # changes when fill() makes something else of the same input
MINUTES = 8  # on an idle machine with two cores

# What a finished build keeps beside the image and the modules: what modules are built with.
KEEP = ("scripts", "tools", "include")


def source_release(arch, rel):
    """The release whose source such a kernel is built from; None when it is not one of ours."""
    return CONFIGS.get((arch, rel), (None,))[0]


def kernel(arch, rel, make_arch, source):
    """Root directory of a kernel built from the tree `source`: image, modules, headers, as in
    Debian's packages. One per source version and configuration."""
    config = Path(__file__).parent / CONFIGS[arch, rel][1]
    key = hashlib.sha256(
        b"\0".join([str(RECIPE).encode(), (source / "Makefile").read_bytes(), config.read_bytes()])
    ).hexdigest()[:12]
    make = [
        *f"nice -n 5 make -s ARCH={make_arch} -C {source}".split(),
        *"KBUILD_BUILD_USER=berth KBUILD_BUILD_HOST=berth KBUILD_BUILD_TIMESTAMP=@0".split(),
    ]

    def fill(temp, final):
        build = temp / "build"
        build.mkdir(exist_ok=True)

        def kbuild(*args):
            return run([*make, f"O={build}", *args], env=fresh_env())

        with step(f"building Linux {rel} for {arch}", MINUTES * 60):
            kbuild(f"KCONFIG_ALLCONFIG={config}", "allnoconfig")
            kbuild(f"-j{os.cpu_count() + 1}", Path(IMAGE[arch]).name, "modules")
        release = (build / "include/config/kernel.release").read_text().strip()
        kbuild("DEPMOD=true", f"INSTALL_MOD_PATH={temp}", "modules_install")
        for name in ("source", "build"):
            (temp / "lib/modules" / release / name).unlink(missing_ok=True)
        (temp / "boot").mkdir()
        shutil.copy(build / IMAGE[arch], temp / "boot" / f"vmlinuz-{release}")
        shutil.copy(build / "System.map", temp / "boot" / f"System.map-{release}")
        prune(build)
        (temp / "usr/src").mkdir(parents=True)
        build.rename(temp / "usr/src" / f"linux-headers-{release}")
        (temp / "version").write_text(f"{release} {key}\n")

    return debs.entry(f"kernel/{arch}-{rel}-{key}", fill, guard="build")


def prune(build):
    """Removes objects that no module build reads; vmlinux stays, to look addresses up in."""
    for path in [Path(d) / f for d, _, files in os.walk(build) for f in files]:
        inside = path.relative_to(build).parts[0]
        if inside not in KEEP and path.suffix in (".o", ".a", ".ko", ".mod", ".cmd", ".symvers"):
            if path.name != "Module.symvers":
                path.unlink()
