# SPDX-License-Identifier: GPL-2.0-only
# The rows of the ioctl and capability tables, read from the source, and what is made of them:
# docs/abi.md, the table that the bad-input tests walk, and descriptions for syzkaller.

import re
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from paths import TOP, Failure

CORE = "core"
SCOPES = ("SYS", "VM", "VCPU", "DEVICE")
UAPI = Path("/usr/include/linux/kvm.h")
NEWER = ("tests/conformance/abi_new.h", "arch/fake/toy.h")  # ABI that is not in the system's header

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
ROW = re.compile(r"\b(SYS|VM|VCPU|DEVICE)_IOCTL\(\s*(\w+),\s*([^,]+?),\s*(\w+),\s*(\w+)\s*\)")
MADE = re.compile(r"\b(?:SYS|VM|VCPU|DEVICE)_IOCTL\(")
CAPS = re.compile(r"struct berth_cap \w+\[\] = \{\n(.*?)\n\};", re.S)
CAP_ROW = re.compile(r"\{([^{}]*)\}")
DEVICE = re.compile(r"struct berth_device_type \w+ = \{(.*?)\n\};", re.S)
DEFINE = re.compile(r"^#define\s+(\w+)\s+(.+?)\s*$", re.M)
FUNCTION = r"^(?!return\b)[a-z][\w ]*[ *]{}\("
ERRNO = re.compile(r"-(E[A-Z0-9]+)\b")
CALL = re.compile(r"(?:\breturn\b|=)([^;{}]*);")
NAME = re.compile(r"\b([a-z_]\w+)\(")
DEPTH = 4


@dataclass(frozen=True)
class Ioctl:
    """A row: scope is one of SCOPES, backend CORE or a directory of arch/."""

    backend: str
    scope: str
    name: str
    flags: tuple
    cap: str
    handler: str


@dataclass(frozen=True)
class Cap:
    """A capability: value is the expression, or the function that answers; enable: of what."""

    backend: str
    name: str
    value: str
    check: str
    enable: tuple


def plain(text):
    return COMMENT.sub(" ", text).replace("\\\n", " ")


class Tables:
    """All rows of a source tree."""

    def __init__(self, top=TOP):
        self.top = top
        self.sources = {}  # backend -> text of its files
        for path in sorted([*top.glob("virt/common/*.c"), *top.glob("arch/*/**/*.[ch]")]):
            backend = path.relative_to(top).parts[1] if path.is_relative_to(top / "arch") else CORE
            self.sources.setdefault(backend, []).append(plain(path.read_text()))
        for path in sorted(top.glob("include/berth/*.h")):
            self.sources[CORE].append(plain(path.read_text()))
        self.backends = [CORE, *sorted(b for b in self.sources if b != CORE)]
        self.defines = {
            b: dict(d for text in texts for d in DEFINE.findall(text))
            for b, texts in self.sources.items()
        }
        self.ioctls, self.caps, self.devices = [], [], []
        self.bodies = {}  # found already, by body()
        for backend in self.backends:
            for text in self.sources[backend]:
                self._ioctls(backend, text)
                self._caps(backend, text)
                for body in DEVICE.findall(text):
                    self.devices.append((backend, re.search(r"\.type = (\w+)", body)[1]))
        self.numbers = {}
        for header in (UAPI, *(top / name for name in NEWER)):
            self.numbers.update(numbers(header))

    def _ioctls(self, backend, text):
        text = re.sub(r"^#define \w+_IOCTL\(.*$", "", text, flags=re.M)
        found, made = ROW.findall(text), len(MADE.findall(text))
        if len(found) != made:
            raise Failure(f"{backend}: {made} ioctl rows, of which {len(found)} can be read")
        for scope, name, flags, cap, handler in found:
            words = tuple(
                w if w.startswith("IOC_") else self.defines[backend].get(w, w)
                for w in map(str.strip, flags.split("|"))
                if w != "0"
            )
            self.ioctls.append(Ioctl(backend, scope, name, words, "" if cap == "0" else cap, handler))

    def _caps(self, backend, text):
        for body in CAPS.findall(text):
            for row in CAP_ROW.findall(body):
                fields = [f.strip() for f in re.split(r",(?![^(]*\))", row) if f.strip()]
                named = dict(re.findall(r"\.(\w+) = (.+)", "\n".join(fields)))
                bare = [f for f in fields if not f.startswith(".")]
                named.setdefault("cap", bare[0] if bare else "")
                if len(bare) > 1:
                    named.setdefault("value", bare[1])
                enable = tuple(w for w in ("vm", "vcpu") if f"enable_{w}" in named)
                self.caps.append(
                    Cap(
                        backend, named["cap"], " ".join(named.get("value", "").split()),
                        named.get("check", ""), enable,
                    )
                )

    def where(self, backend):
        """The texts that a backend's functions may be in: its own, then the core's."""
        return [*self.sources[backend], *(self.sources[CORE] if backend != CORE else ())]

    def body(self, backend, function):
        """The text between a function's braces; empty when it is not the tree's."""
        if (backend, function) not in self.bodies:
            pattern = re.compile(
                FUNCTION.format(function) + r"[^;{]*\n\{\n(.*?)^\}", re.M | re.S
            )
            found = (m for text in self.where(backend) if (m := pattern.search(text)))
            first = next(found, None)
            self.bodies[backend, function] = first[1] if first else ""
        return self.bodies[backend, function]

    def errors(self, backend, function, depth=DEPTH, seen=None):
        """The error numbers in a function, and in those whose value it returns or keeps."""
        seen = set() if seen is None else seen
        if function in seen or not depth:
            return set()
        seen.add(function)
        body = self.body(backend, function)
        result = set(ERRNO.findall(body))
        for statement in CALL.findall(body):
            for callee in NAME.findall(statement):
                result |= self.errors(backend, callee, depth - 1, seen)
        return result

    def value(self, backend, cap):
        """What KVM_CHECK_EXTENSION answers, as text: a number, an expression, or of what."""
        if not cap.check:
            return self.spelled(cap.value or "0", backend)
        own = re.findall(r"^\s*return ([^;]+);", self.body(cap.backend, cap.check), re.M)
        if len(own) != 1 or self.body(cap.backend, cap.check).count(";") > 1:
            return f"`{cap.check}()`"
        data = self.data(backend)
        text = re.sub(r"berth_backend\.data\.(\w+)", lambda m: data.get(m[1], "0"), own[0])
        text = " ".join(text.split())
        # A table or a number that is there is true, one that is not is 0.
        text = re.sub(r"!!(&?\w+)", lambda m: "0" if m[1] == "0" else "1", text)
        if m := re.fullmatch(r"(&?\w+) \? (.+) : (.+)", text):
            text = m[3] if m[1] == "0" else m[2]
        return self.spelled(text, backend)

    def data(self, backend):
        """The fields of a backend's BERTH_DEFINE_BACKEND."""
        for text in self.sources[backend]:
            if m := re.search(r"BERTH_DEFINE_BACKEND\(\w+,(.*?)\n\);", text, re.S):
                return dict(re.findall(r"\.(\w+) = (.+?),?$", m[1], re.M))
        return {}

    def spelled(self, expression, backend):
        """An expression with the tree's own names replaced by what they stand for."""
        expression = " ".join(expression.split())
        for _ in range(4):
            expression = re.sub(
                r"\b([A-Z]\w+)\b",
                lambda m: self.defines[backend].get(m[1], self.defines[CORE].get(m[1], m[1])),
                expression,
            )
        expression = re.sub(r"\s+", " ", expression)
        while m := re.fullmatch(r"\(([^()]*)\)", expression):
            expression = m[1]
        return expression if expression.isdigit() else f"`{expression}`"


def numbers(header):
    """name -> (direction, number, type) of the ioctls that a header defines."""
    text = plain(header.read_text())
    return {
        name: (direction, number, " ".join(kind.split()))
        for name, direction, number, kind in re.findall(
            r"^#define\s+(\w+)\s+_(IO[WR]*)\(\s*(?:KVMIO|0xAE),\s*(0x[0-9a-f]+)\s*(?:,\s*([^)]+))?\)",
            text, re.M,
        )
    }


# ---- docs/abi.md ----

HEAD = """\
# The ABI, from the tables

Made by `ci/abi --write` from the rows of `virt/common` and `arch`; `make check-fast` fails when it is not current. The
interface is the kernel's: what an ioctl does is in `Documentation/virt/kvm/api.rst`. Here is which of it there is, where,
and what is looked at before its handler runs. What is left out on purpose is in [limits.md](limits.md).

## What every call may give

| error | when |
|---|---|
| `EIO` | the VM is another process's: made before a fork or an exec (all VM, vCPU and device fds) |
| `EINVAL` | a number that the fd does not know: on `/dev/kvm` and on vCPUs |
| `ENOTTY` | a number that the fd does not know: on VMs and devices |
| `EFAULT` | the argument is not where the pointer says; nothing has been changed |
| `ENOMEM` | the host has no memory for the argument or what is made of it |
| `EINTR` | vCPU: the wait for the thread that has it was ended by a deadly signal |
| `ENOEXEC` | vCPU: not initialized yet, and the row does not say *before init* |

These are not repeated below. *In* and *out* say which way the struct is copied, *header* that only its fixed part is and
the handler copies the array behind it, *number* that the argument itself is meant (or ignored). The errors listed are
those that appear in the handler and in this tree's functions whose result it returns.
"""

FLAG_WORDS = {
    "IOC_VM_LOCK": "the VM's lock",
    "IOC_SLOTS_LOCK": "the slots' lock",
    "IOC_NO_VCPUS": "no vCPU yet (else `EINVAL`)",
    "IOC_UNINIT": "before init, too",
    "IOC_ASYNC": "from any thread, beside a run",
    "IOC_NO_LOAD": "vCPU mutex, not loaded",
}
KNOWN = {*FLAG_WORDS, "IOC_VALUE", "IOC_VARIABLE", "IOC_IN_ONLY"}
TITLES = {"SYS": "On /dev/kvm", "VM": "On a VM", "VCPU": "On a vCPU", "DEVICE": "On a device"}
GENERIC = {"EFAULT", "ENOMEM", "EIO", "ENOEXEC", "ERESTARTNOHAND"}


def argument(tables, row):
    if row.name not in tables.numbers:
        raise Failure(f"no header says what {row.name} is")
    direction, _, kind = tables.numbers[row.name]
    if "IOC_VALUE" in row.flags and not kind:
        return "number"
    kind = f"`{kind}`" if kind else "pointer"
    if "IOC_VALUE" in row.flags:
        return f"{kind}, by the handler"
    if "IOC_VARIABLE" in row.flags:
        return f"{kind}, header"
    ways = [] if not direction[2:] else ["in"] * ("W" in direction) + ["out"] * ("R" in direction)
    if "IOC_IN_ONLY" in row.flags:
        ways = ["in"]
    return f"{kind}, {' and '.join(ways)}"


def before(row):
    unknown = set(row.flags) - KNOWN
    if unknown:
        raise Failure(f"{row.name}: no words for {unknown}")
    words = [FLAG_WORDS[f] for f in row.flags if f in FLAG_WORDS]
    if row.scope == "VCPU" and not {"IOC_ASYNC", "IOC_NO_LOAD"} & set(row.flags):
        words.insert(0, "loaded")
    return ", ".join(words)


def table(head, rows):
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            "|" + "---|" * len(head),
            *(f"| {' | '.join(field.replace('|', chr(92) + '|') for field in r)} |" for r in rows),
        ]
    )


def places(tables, backends):
    return "all" if CORE in backends else " ".join(b for b in tables.backends if b in backends)


def ioctl_rows(tables, scope):
    """One line per ioctl that is the same wherever it is; else a line for each."""
    lines = defaultdict(list)
    for row in tables.ioctls:
        if row.scope == scope:
            key = (row.name, argument(tables, row), row.cap, before(row))
            lines[key].append(row)
    out = []
    for (name, arg, cap, words), rows in lines.items():
        errors = set().union(*(tables.errors(r.backend, r.handler) for r in rows)) - GENERIC
        out.append(
            (
                f"`{name}`", places(tables, [r.backend for r in rows]), arg,
                f"`{cap}`" if cap else "", words, " ".join(f"`{e}`" for e in sorted(errors)),
            )
        )
    return out


def cap_rows(tables):
    """Name, what each backend answers, and what it can be enabled on."""
    backends = tables.backends[1:]
    names = list(dict.fromkeys(c.name for c in sorted(tables.caps, key=lambda c: c.name)))
    out = []
    for name in names:
        rows = {c.backend: c for c in tables.caps if c.name == name}
        answers, enable = [], []
        for b in backends:
            c = rows.get(b, rows.get(CORE))
            answers.append(tables.value(b, c) if c else "")
            for e in c.enable if c else ():
                enable.append((b, e))
        on = []
        for e in ("vm", "vcpu"):
            have = [b for b, x in enable if x == e]
            if have:
                word = {"vm": "VM", "vcpu": "vCPU"}[e]
                on.append(word if have == backends else f"{word} ({' '.join(have)})")
        out.append((f"`{name}`", *answers, ", ".join(on)))
    return out


def document(tables):
    parts = [HEAD]
    head = ("ioctl", "where", "argument", "capability", "before the handler", "errors")
    for scope in SCOPES:
        parts.append(f"\n## {TITLES[scope]}\n\n{table(head, ioctl_rows(tables, scope))}\n")
    parts.append(
        "\n## Device types (KVM_CREATE_DEVICE)\n\n"
        + table(("type", "where"), [(f"`{t}`", b) for b, t in tables.devices])
        + "\n\n## Capabilities\n\nWhat `KVM_CHECK_EXTENSION` answers, `0` where the field is empty, and what "
        "`KVM_ENABLE_CAP`\ntakes it on. A name with `()` is asked of the machine or the VM.\n\n"
        + table(("capability", *tables.backends[1:], "enable"), cap_rows(tables))
        + "\n\n## What no backend has\n\nThe ioctls of Linux 6.1's `<linux/kvm.h>` without a row:\n"
    )
    absent = sorted(set(numbers(UAPI)) - {r.name for r in tables.ioctls})
    names = ", ".join(f"`{n}`" for n in absent if not n.startswith("_")) + "."
    parts.append("\n".join(textwrap.wrap(names, 120, break_on_hyphens=False)) + "\n")
    return "".join(parts)


# ---- the table of the bad-input tests ----

TABLE_HEAD = """\
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Made by `ci/abi --write`: the rows of the ioctl tables as the bad-input tests walk them, the core's and each backend's.
 * ROW(ioctl, scope, capability or 0)
 */
#ifndef CONFORMANCE_IOCTL_TABLE_H
#define CONFORMANCE_IOCTL_TABLE_H

#include "../../arch/fake/toy.h"
"""
SCOPE_NAMES = {"SYS": "SCOPE_SYSTEM", "VM": "SCOPE_VM", "VCPU": "SCOPE_VCPU", "DEVICE": "SCOPE_DEVICE"}


def test_table(tables):
    out = [TABLE_HEAD]
    for backend in tables.backends:
        rows = [r for r in tables.ioctls if r.backend == backend]
        lines = [f"\tROW({r.name}, {SCOPE_NAMES[r.scope]}, {r.cap or 0})" for r in rows]
        out.append(f"#define {backend.upper()}_IOCTLS(ROW) \\\n" + " \\\n".join(lines) + "\n")
    out.append("#endif\n")
    return "\n".join(out)


# ---- syzkaller ----

SYZ_HEAD = """\
# SPDX-License-Identifier: GPL-2.0-only
# Made by `ci/abi --write`: every ioctl of /dev/kvm that Berth has, for syzkaller (sys/linux). What is in a struct is left
# to the fuzzer, its size is the ABI's.

include <linux/kvm.h>
include <uapi/linux/fcntl.h>

resource fd_berth[fd]
resource fd_berth_vm[fd]
resource fd_berth_vcpu[fd]
resource fd_berth_device[fd]

openat$berth(fd const[AT_FDCWD], file ptr[in, string["/dev/kvm"]], flags flags[open_flags], mode const[0]) fd_berth
mmap$berth_vcpu(addr vma, len len[addr], prot flags[mmap_prot], flags flags[mmap_flags], fd fd_berth_vcpu, offset fileoff)
"""
SYZ_FD = {"SYS": "fd_berth", "VM": "fd_berth_vm", "VCPU": "fd_berth_vcpu", "DEVICE": "fd_berth_device"}
SYZ_MAKES = {"KVM_CREATE_VM": "fd_berth_vm", "KVM_CREATE_VCPU": "fd_berth_vcpu"}
CREATE_DEVICE = "kvm_create_device"


def syz_argument(tables, row):
    direction, _, kind = tables.numbers[row.name]
    if not kind:
        return "arg intptr"
    way = {"IOW": "in", "IOR": "out", "IOWR": "inout"}[direction]
    if "IOC_VARIABLE" in row.flags:
        return "arg ptr[inout, array[int8]]"
    if kind == "struct kvm_create_device":
        return "arg ptr[inout, berth_create_device]"
    return f"arg ptr[{way}, berth_{kind.removeprefix('struct ').replace(' ', '_')}]"


def syzkaller(tables):
    out, types, seen = [SYZ_HEAD], {}, set()
    for backend in tables.backends:
        if backend == "fake":
            continue  # its own numbers are in no header of the kernel
        out.append(f"# {backend}")
        for row in (r for r in tables.ioctls if r.backend == backend):
            name = f"{row.name}_{row.scope.lower()}"
            if name in seen:
                continue
            seen.add(name)
            kind = tables.numbers[row.name][2]
            if kind and "IOC_VARIABLE" not in row.flags:
                types[kind] = f"berth_{kind.removeprefix('struct ').replace(' ', '_')}"
            result = f" {SYZ_MAKES[row.name]}" if row.name in SYZ_MAKES else ""
            out.append(
                f"ioctl${name}(fd {SYZ_FD[row.scope]}, cmd const[{row.name}], "
                f"{syz_argument(tables, row)}){result}"
            )
        out.append("")
    for kind, name in sorted(types.items(), key=lambda x: x[1]):
        if kind == "struct kvm_create_device":
            out.append(f"{name} {{\n\ttype\tint32\n\tfd\tfd_berth_device (out)\n\tflags\tint32\n}}\n")
        else:
            out.append(f"type {name} array[int8, SIZEOF_{name.upper()}]")
    out.append("")
    for kind, name in sorted(types.items(), key=lambda x: x[1]):
        if kind != "struct kvm_create_device":
            out.append(f"define SIZEOF_{name.upper()} sizeof({kind})")
    return "\n".join(out) + "\n"


# ---- the files ----

MADE_FILES = {
    "docs/abi.md": document,
    "tests/conformance/ioctl_table.h": test_table,
    "tests/syzkaller/berth.txt": syzkaller,
}


def stale(top=TOP):
    """The files that are not what the tables say."""
    tables = Tables(top)
    for name, make in MADE_FILES.items():
        path = top / name
        if not path.exists() or path.read_text() != make(tables):
            yield f"{name} is not current: ci/abi --write"


def write(top=TOP):
    tables = Tables(top)
    for name, make in MADE_FILES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(make(tables))
