# SPDX-License-Identifier: GPL-2.0-only
# Debian packages of any architecture without root and without touching the system: a private apt
# root in the cache,
# apt-get download, and dpkg-deb -x into directories there.

import functools
import os
import re
import shutil
import time

from paths import CACHE, Failure, fresh_dir, lock, run, say

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITE = "bookworm"
BACKPORTS = f"{SUITE}-backports"
NATIVE = "amd64"


def mirrors():
    """The system's own Debian mirror and security mirror."""
    main = security = None
    listed = run(
        [
            "apt-get",
            "indextargets",
            "Created-By: Packages",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        ]
    )
    for line in listed.splitlines():
        uri, release, component = (line.split() + ["", ""])[:3]
        if component != "main" or not re.match(
            r"(bookworm|trixie|oldstable|stable|testing|sid|unstable)\b", release
        ):
            continue
        if release.endswith(("-security", "/updates")):
            security = security or uri
        elif re.fullmatch(r"\w+(-updates|-backports)?", release):
            main = main or uri
    if not main or not security:
        raise Failure("apt's sources name no Debian mirror or no security mirror: add them")
    return main, security


@functools.cache
class Root:
    """A private apt root for one Debian architecture (amd64, arm64, ppc64el, s390x).

    Nothing is installed in it. One object per architecture and program: the package lists are
    read once. Only entry() below uses them, one program at a time.
    """

    def __init__(self, arch):
        self.arch = arch
        self.dir = CACHE / "apt" / arch
        settings = f"""
            APT::Architecture={arch} APT::Architectures={arch} APT::Sandbox::User=root
            Dir::State={self.dir}/state Dir::State::status={self.dir}/status
            Dir::Cache={self.dir}/cache Dir::Etc::sourcelist={self.dir}/sources.list
            Dir::Etc::sourceparts=/dev/null Dir::Etc::preferences=/dev/null
            Dir::Etc::preferencesparts=/dev/null
            Acquire::Languages=none Acquire::Retries=3 Debug::NoLocking=1
        """
        self.options = [word for setting in settings.split() for word in ("-o", setting)]
        self.updated = False

    def update(self):
        """Writes the sources and reads the package lists, once per program."""
        if self.updated:
            return
        for d in ("state/lists/partial", "cache/archives/partial"):
            (self.dir / d).mkdir(parents=True, exist_ok=True)
        (self.dir / "status").touch()
        main, security = mirrors()
        (self.dir / "sources.list").write_text(
            "".join(
                f"deb [signed-by={KEYRING}] {uri} {suite} main\n"
                for uri, suite in (
                    (main, SUITE),
                    (main, f"{SUITE}-updates"),
                    (main, BACKPORTS),
                    (security, f"{SUITE}-security"),
                )
            )
        )
        say(f"reading Debian's package lists for {self.arch}")
        try:
            run(["apt-get", *self.options, "update"])
        except Failure:
            # A mirror in the middle of its own update.
            time.sleep(15)
            run(["apt-get", *self.options, "update"])
        self.updated = True

    def _suite(self, suite):
        return ["-t", suite] if suite else []

    def show(self, package, suite=None):
        """The control fields of the candidate version of a package."""
        self.update()
        out = run(
            ["apt-cache", *self.options, *self._suite(suite), "show", "--no-all-versions", package]
        )
        return dict(re.findall(r"^([\w-]+): (.*)$", out.split("\n\n")[0], re.M))

    def depends(self, package, pattern, suite=None):
        """The first dependency of a package whose name matches `pattern`: what a metapackage
        stands for."""
        fields = self.show(package, suite)
        for name in re.findall(r"[a-z0-9][a-z0-9+.-]+", fields.get("Depends", "")):
            if re.fullmatch(pattern, name):
                return name
        raise Failure(f"{package} ({self.arch}) depends on nothing like {pattern}")

    def closure(self, packages, suite=None):
        """name=version of the packages and all that they depend on, Recommends left out."""
        self.update()
        out = run(
            [
                "apt-get",
                *self.options,
                *self._suite(suite),
                "-s",
                "--no-install-recommends",
                "install",
                *packages,
            ]
        )
        return [
            f"{name}:{self.arch}={version}"
            for name, version in re.findall(r"^Inst (\S+?)(?::\w+)? \((\S+)", out, re.M)
        ]

    def unpack(self, packages, into, suite=None):
        """Downloads packages (names or name=version) and unpacks each into the directory `into`."""
        self.update()
        debs = into / ".debs"
        debs.mkdir(parents=True)
        run(["apt-get", *self.options, *self._suite(suite), "download", *packages], cwd=debs)
        for deb in sorted(debs.iterdir()):
            run(["dpkg-deb", "-x", deb, into])
        shutil.rmtree(debs)


def entry(name, fill, refresh=False, guard="fetch"):
    """The cache directory `name`; when absent, or with refresh, fill(dir, final) makes it, whole
    or not at all. One program at a time fills under the same `guard`."""
    final = CACHE / name
    if final.is_dir() and not refresh:
        return final
    with lock(guard):
        if not final.is_dir() or refresh:
            # What an interrupted program left; nobody else is at it now.
            for rest in final.parent.glob(f".{final.name}.*"):
                shutil.rmtree(rest, ignore_errors=True)
            with fresh_dir(final) as temp:
                fill(temp, final)
    return final


def du(path):
    """Megabytes below a directory."""
    return (
        sum(os.lstat(os.path.join(d, f)).st_size for d, _, files in os.walk(path) for f in files)
        / 1e6
    )
