# SPDX-License-Identifier: GPL-2.0-only
# Debian's stock kernels, and those built from its source (built.py), as cache entries: image with
# modules, headers ready for make -C, and the source.

import lzma
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import built
import debs
from paths import Failure, say


@dataclass(frozen=True)
class Arch:
    debian: str  # Debian's name
    kernel: str  # ARCH= of the kernel build
    gnu: str  # prefix of compiler and binutils


@dataclass(frozen=True)
class Release:
    flavour: str  # end of the package names
    image: str  # metapackages, resolved at run time
    headers: str
    suite: str = None  # Debian suite, where the default does not have it


ARCHES = {
    "x86": Arch("amd64", "x86", "x86_64-linux-gnu"),
    "arm64": Arch("arm64", "arm64", "aarch64-linux-gnu"),
    "powerpc": Arch("ppc64el", "powerpc", "powerpc64le-linux-gnu"),
    "s390": Arch("s390x", "s390", "s390x-linux-gnu"),
}

RELEASES = {
    ("x86", "6.1"): Release("cloud-amd64", "linux-image-cloud-amd64", "linux-headers-cloud-amd64"),
    ("x86", "6.12"): Release(
        "cloud-amd64", "linux-image-6.12-cloud-amd64", "linux-headers-6.12-cloud-amd64"
    ),
    ("arm64", "6.1"): Release(
        "cloud-arm64", "linux-image-cloud-arm64", "linux-headers-cloud-arm64"
    ),
    ("arm64", "6.12"): Release(
        "cloud-arm64", "linux-image-6.12-cloud-arm64", "linux-headers-6.12-cloud-arm64"
    ),
    ("powerpc", "6.1"): Release(
        "powerpc64le", "linux-image-powerpc64le", "linux-headers-powerpc64le"
    ),
    ("powerpc", "6.12"): Release(
        "powerpc64le", "linux-image-powerpc64le", "linux-headers-powerpc64le", debs.BACKPORTS
    ),
    ("s390", "6.1"): Release("s390x", "linux-image-s390x", "linux-headers-s390x"),
    ("s390", "6.12"): Release("s390x", "linux-image-s390x", "linux-headers-s390x", debs.BACKPORTS),
}


def release(arch, rel):
    try:
        return ARCHES[arch], RELEASES[arch, rel]
    except KeyError:
        known = ", ".join(f"{a} {r}" for a, r in [*RELEASES, *built.CONFIGS])
        raise Failure(f"no kernel {arch} {rel}; there are: {known}") from None


def kernel(arch, rel, refresh=False):
    """Root directory with one kernel's image, modules and headers, all of one version."""
    if from_source := built.source_release(arch, rel):
        return built.kernel(arch, rel, ARCHES[arch].kernel, source(from_source, refresh))
    a, r = release(arch, rel)

    def fill(temp, final):
        root = debs.Root(a.debian)
        image = root.depends(r.image, r"linux-image-[\d.]+.*", r.suite)
        headers = root.depends(r.headers, r"linux-headers-[\d.]+.*", r.suite)
        version = root.show(headers, r.suite)["Version"]
        common = root.depends(headers, r"linux-headers-.*-common", r.suite)
        kbuild = root.depends(headers, r"linux-kbuild-.*", r.suite)
        say(f"fetching {image} and {headers}, version {version}")
        root.unpack([image, headers, common], temp, r.suite)
        # The build tools run here, so they are this machine's.
        debs.Root(debs.NATIVE).unpack([kbuild], temp, r.suite)
        fix_headers(temp, final, a, headers)
        (temp / "version").write_text(f"{image.removeprefix('linux-image-')} {version}\n")

    return debs.entry(f"kernel/{arch}-{rel}", fill, refresh)


def fix_headers(temp, final, arch, headers):
    """Debian's header packages name /usr/src; here they live in the cache."""
    makefile = temp / "usr/src" / headers / "Makefile"
    makefile.write_text(makefile.read_text().replace("/usr/src/", f"{final}/usr/src/"))
    variables = temp / "usr/src" / headers / ".kernelvariables"
    if variables.exists():
        # It asks dpkg-architecture for these, which is not for foreign architectures.
        variables.write_text(
            f"DEB_HOST_GNU_TYPE = {arch.gnu}\nDEB_BUILD_GNU_TYPE = {ARCHES['x86'].gnu}\n"
            f"DEB_HOST_ARCH = {arch.debian}\nDEB_BUILD_ARCH = {debs.NATIVE}\n"
            + variables.read_text()
        )


def uname(arch, rel):
    """The kernel's own release string, as in /lib/modules."""
    return (kernel(arch, rel) / "version").read_text().split()[0]


def image(arch, rel):
    return kernel(arch, rel) / "boot" / f"vmlinuz-{uname(arch, rel)}"


def headers(arch, rel):
    """The directory for make -C."""
    return kernel(arch, rel) / "usr/src" / f"linux-headers-{uname(arch, rel)}"


def _find(root, name):
    # "-" and "_" are one in module names, but file names have either.
    name = re.sub("[-_]", "[-_]", name)
    for suffix in (".ko", ".ko.xz"):
        found = sorted(root.rglob(name + suffix))
        if found:
            return found[0]
    return None


def modules(arch, rel, names):
    """Unpacked .ko data of modules and of those they need, in load order: [(file name, bytes)];
    built-ins left out."""
    tree = kernel(arch, rel) / "lib/modules" / uname(arch, rel) / "kernel"
    builtin = {
        Path(line).name.replace("-", "_")
        for line in (tree.parent / "modules.builtin").read_text().split()
    }
    result = {}

    def add(name):
        key = name.replace("-", "_")
        if f"{key}.ko" in builtin or f"{key}.ko" in result:
            return
        path = _find(tree, name)
        if not path:
            raise Failure(f"kernel {arch} {rel} has no module {name}")
        data = path.read_bytes()
        if path.suffix == ".xz":
            data = lzma.decompress(data)
        for needed in re.findall(rb"\0depends=([^\0]*)\0", data)[:1]:
            for other in filter(None, needed.decode().split(",")):
                add(other)
        result[f"{key}.ko"] = data

    for name in names:
        add(name)
    return list(result.items())


def source(rel, refresh=False):
    """The kernel source as Debian patches it, unpacked; only the tests that build from it need
    it."""

    def fill(temp, final):
        root = debs.Root(debs.NATIVE)
        package = f"linux-source-{rel}"
        say(f"fetching {package} ({root.show(package)['Version']}), about 140 MB")
        root.unpack([package], temp)
        tar = temp / "usr/src" / f"{package}.tar.xz"
        subprocess.run(["tar", "-C", temp, "-xf", tar], check=True)
        shutil.rmtree(temp / "usr")

    return debs.entry(f"source/{rel}", fill, refresh) / f"linux-source-{rel}"
