# SPDX-License-Identifier: GPL-2.0-only
# Builds berth.ko for one architecture and kernel release, in build/ARCH-RELEASE, which holds
# links to the source tree.

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import kernels
from paths import BUILD, TOP, Failure, fresh_env, run, write_atomically

SYMBOLS = Path(__file__).parent / "symbols"
SOURCES = ("Kbuild", "include", "virt", "arch")
LINKED = re.compile(r"(.*\.([chS]|lds)|Kbuild|Makefile)$")
# Not ours to mend: said when the distribution's compiler got an update after its kernel.
FOREIGN = re.compile(
    r"the compiler differs from the one used to build the kernel"
    r"|^ *(The kernel was built by|You are using):"
)
COMPILERS = re.compile(r"__x86_indirect_thunk_")  # one for each register
WARNING = re.compile(r"\b(warning|error)\b", re.I)
# Of a build that succeeds these are from sparse, to which 128-bit numbers are less aligned.
ASSERTION = re.compile(r"error: static assertion failed")


def cross(arch):
    """CROSS_COMPILE for an architecture."""
    a = kernels.ARCHES[arch]
    return "" if a.debian == kernels.debs.NATIVE else f"{a.gnu}-"


def farm(source, out):
    """Makes `out` a tree of links to the sources, and removes links whose source has gone."""
    want = {}
    for name in SOURCES:
        top = source / name
        files = [top] if top.is_file() else (Path(d) / f for d, _, fs in os.walk(top) for f in fs)
        want.update({out / f.relative_to(source): f for f in files if LINKED.match(f.name)})
    for link in [Path(d) / f for d, _, fs in os.walk(out) for f in fs]:
        if link.is_symlink() and want.get(link) != Path(os.readlink(link)):
            link.unlink()
    for link, target in want.items():
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    # An object whose source has gone must not be taken along.
    for obj in out.rglob("*.o"):
        if (obj.parent / f".{obj.name}.cmd").exists() and not obj.name.endswith(".mod.o"):
            if not any(obj.with_suffix(s).exists() for s in (".c", ".S")) and obj.stem != "berth":
                obj.unlink()


def build(
    arch, rel, sparse=None, strict=False, source=TOP, out=None, variables=(), tree=None, backend=None
):
    """Builds and returns the path of berth.ko; warnings go to stderr, and are errors when `strict`.

    sparse: what it looks at, "all" or the "backend"; None for nothing. tree: kernel headers that
    are not from the cache; rel is then only a name. backend: another directory of arch/ than the
    architecture's own.
    """
    # A strict build begins by removing what is there: not below somebody who runs it.
    source = Path(source)
    out = Path(out or BUILD / f"{'strict-' if strict else ''}{backend or arch}-{rel}")
    if backend:
        variables = (*variables, f"BERTH_ARCH={backend}")
    if not (source / "Kbuild").exists():
        raise Failure(f"{source} has no Kbuild: nothing to build")
    out.mkdir(parents=True, exist_ok=True)
    with open(out / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        farm(source, out)
        module = out / "berth.ko"
        clean = out / ".clean"  # strict: what lies there was built without a warning
        fresh = not strict or not clean.exists() or clean.read_text() != str(sparse)
        if strict and fresh:
            # A run must not pass because an earlier one, which warned, left nothing to compile.
            for old in [module, *out.rglob("*.o")]:
                old.unlink(missing_ok=True)
        clean.unlink(missing_ok=True)
        if sparse:
            variables = (*variables, f"BERTH_SPARSE={sparse}")
        elif strict and not tree:
            # The others show that every file includes what it needs.
            variables = (*variables, "BERTH_PRECOMPILED=1")
        if strict:
            # Nobody debugs this one; and comments here are not kernel-doc, which W=1 looks for.
            variables = (*variables, "CONFIG_DEBUG_INFO=", "cmd_checkdoc=")
        argv = [
            *f"make -s --no-print-directory -j{os.cpu_count()} W=1 C={1 + fresh if sparse else 0}".split(),
            *("-C", tree or kernels.headers(arch, rel), f"M={out}"),
            *(f"ARCH={kernels.ARCHES[arch].kernel}", f"CROSS_COMPILE={cross(arch)}"),
            *("CONFIG_DEBUG_INFO_BTF_MODULES=", *variables, "modules"),
        ]
        done = subprocess.run(
            list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", env=fresh_env(),
        )
        built = not done.returncode and module.exists()
        lines = [
            line for line in done.stdout.splitlines()
            if not FOREIGN.search(line) and not (built and ASSERTION.search(line))
        ]
        said = "\n".join(lines).replace(f"{out}/", "").replace(f"{source}/", "")
        if not built:
            raise Failure(f"berth.ko for {arch} {rel} does not build:\n{said}")
        if strict and any(WARNING.search(line) for line in lines):
            raise Failure(f"berth.ko for {arch} {rel} builds with warnings:\n{said}")
        if strict:
            clean.write_text(str(sparse))
        if said:
            print(said, file=sys.stderr)
    return module


def symbol_list(arch, rel, backend=None):
    """The file with the symbols that berth.ko may want of a kernel."""
    return SYMBOLS / f"{backend or arch}-{rel}.txt"


def wanted(arch, module):
    """The symbols that a module wants of the kernel, less those that only the compiler chooses."""
    names = run([f"{cross(arch)}nm", "-u", module]).split()
    return sorted(n for n in names if n != "U" and not COMPILERS.match(n))


def judge_symbols(arch, rel, module, backend=None):
    """What is wrong with the symbols that a module wants: those that its list does not name, which
    is a decision to make, and those named in vain."""
    path = symbol_list(arch, rel, backend)
    listed = {
        word for line in (path.read_text() if path.exists() else "").splitlines()
        for word in line.split("#")[0].split()
    }
    seen = set(wanted(arch, module))
    for name in sorted(seen - listed):
        yield f"{name} is new: a decision; {path.relative_to(TOP)} does not name it"
    for name in sorted(listed - seen):
        yield f"{name} is in {path.relative_to(TOP)}, and not wanted"


def write_symbols(arch, rel, module, backend=None):
    """Makes the list what the module wants; comments go."""
    write_atomically(
        symbol_list(arch, rel, backend),
        "# What berth.ko wants of the kernel: `ci/modules --symbols` writes it, people decide.\n"
        + "\n".join(wanted(arch, module)) + "\n",
    )


def present(source=TOP):
    """The (architecture, release) pairs for which the tree has a backend."""
    return [
        (a, r)
        for a, r in kernels.RELEASES
        if (source / "arch" / a).is_dir() and any((source / "arch" / a).rglob("*.c"))
    ]
