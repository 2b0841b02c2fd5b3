# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own KVM selftests: builds them from Debian's source, runs them in a host, one frame
# each, and holds their results against the tables in tests/kselftests.

import hashlib
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import debs
import dmesg
import kernels
import ktap
import modules
import session
from paths import TOP, Failure, fresh_env, run as run_command, step, write_atomically

TABLES = TOP / "tests/kselftests"
RUNNER = TABLES / "run.sh"
SELFTESTS = "tools/testing/selftests/kvm"
RECIPE = 1  # changes when programs() makes something else of the same source
# What the tests of a release lack to compile, by themselves or with Debian's compiler.
FLAGS = {"6.1": "-DTEST_ASSERT_EQ=ASSERT_EQ -include linux/stddef.h"}

# ARCH= of the tests' Makefile, and the directory of the architecture's own tests.
TREES = {"x86": ("x86_64", "x86_64"), "arm64": ("arm64", "aarch64"), "s390": ("s390", "s390x")}
# Beside the other flags of the linker.
LINK = {"s390": " -Wl,--s390-pgste"}

LACKS_HEADERS = ("arm64",)

SMP, MEMORY = 2, 2048  # some tests want two processors
LIMIT = 900  # seconds for one test, on a busy machine, too
BRIEF = 60  # for one that is known to take more than that
BOOT = 120  # seconds for all that is not a test

# How a test ends: `timeout` after LIMIT, `died` with the host, `warn` when the kernel's log has what
# dmesg.py looks for, whatever the test says. UNKNOWN: nobody has run it yet.
PASS, SKIP, FAIL, TIMEOUT, WARN, DIED = "pass", "skip", "fail", "timeout", "warn", "died"
UNKNOWN = "?"
WORDS = (PASS, SKIP, FAIL, TIMEOUT, WARN, DIED, UNKNOWN)
KSFT_SKIP, KILLED = 4, 137


def programs(arch, rel):
    """Directory with the tests of a release, static and stripped, as in the kernel's tree. One
    per source version; objects and headers are made outside the source."""
    source, flags = kernels.source(rel), FLAGS.get(rel, "")
    parts = [str(RECIPE).encode(), flags.encode(), (source / "Makefile").read_bytes()]
    # Headers that the tests of a release lack.
    include = TABLES / f"include-{rel}"
    if arch in LACKS_HEADERS:
        parts += [p.read_bytes() for p in sorted(include.rglob("*.h"))]
        flags += f" -I{include}"
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]

    def fill(temp, final):
        build = temp / "build"
        out = build / "kvm"
        out.mkdir(parents=True)
        with step(f"building the KVM selftests of Linux {rel}", 30):
            # `headers` alone, without installing them: that would want rsync.
            common = ["nice", "-n", "5", "make", "-s", f"-j{os.cpu_count() + 1}", "-C"]
            run_command(
                [*common, source, f"ARCH={kernels.ARCHES[arch].kernel}", f"O={build}", "headers"],
                env=fresh_env(),
            )
            run_command(
                [
                    *(*common, source / SELFTESTS, f"ARCH={TREES[arch][0]}", f"OUTPUT={out}"),
                    f"CROSS_COMPILE={modules.cross(arch)}",
                    f"KHDR_INCLUDES=-isystem {build}/usr/include",
                    f"LDFLAGS=-static -pthread -no-pie{LINK.get(arch, '')}",
                    f"USERCFLAGS={flags}",
                ],
                env=fresh_env(),
            )
        scripts = sorted((source / SELFTESTS).glob(f"{TREES[arch][1]}/*.sh"))
        built = sorted(p for p in out.rglob("*") if p.is_file() and os.access(p, os.X_OK))
        for program in built:
            target = temp / program.relative_to(out)
            target.parent.mkdir(exist_ok=True)
            run_command([f"{modules.cross(arch)}strip", "-o", target, program])
        for script in scripts:
            shutil.copy(script, temp / script.relative_to(source / SELFTESTS))
        shutil.rmtree(build)

    return debs.entry(f"kselftests/{arch}-{rel}-{key}", fill, guard="kselftests")


def directory(host, rel):
    """programs() for the architecture of a host."""
    return programs(session.host(host).ARCH, rel)


def names(directory):
    """The tests in a directory of programs(): a program that has a script is run by it."""
    found = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}
    return sorted(n for n in found if f"{n}.sh" not in found)


@dataclass(frozen=True)
class Line:
    """One line of a table. test: name and arguments; a reason explains what is not `pass`."""

    test: str
    kvm: str = UNKNOWN
    berth: str = UNKNOWN
    reason: str = ""

    @property
    def name(self):
        return self.test.split()[0]


@dataclass
class Seen:
    """How a test ended here. text: what it printed, and the bad lines of the kernel's log, which
    are in `log` too."""

    result: str
    text: str
    seconds: float = 0
    log: tuple = ()


LINE = re.compile(r"(?P<test>\S+(?: \S+)*) {2,}(?P<kvm>\S+) +(?P<berth>\S+)(?: +(?P<reason>.*))?")
COLUMNS = Line("# test", "kvm", "berth", "reason")


class Table:
    """The results of one host and kernel, as the tree has them: comments, then a line per test."""

    def __init__(self, text):
        self.head, self.lines = [], []
        for number, text in enumerate(text.splitlines(), 1):
            if text.startswith("#"):
                self.head.append(text)
            elif text.strip():
                match = LINE.fullmatch(text.strip())
                if not match or not {match["kvm"], match["berth"]} <= set(WORDS):
                    raise Failure(
                        f"line {number} of a table is not `TEST  KVM  BERTH  REASON` with results "
                        f"of {' '.join(WORDS)}: {text}"
                    )
                self.lines.append(Line(**{k: v or "" for k, v in match.groupdict().items()}))
        self.head = [line for line in self.head if not line.startswith(COLUMNS.test)]
        tests = [line.test for line in self.lines]
        for test in tests:
            if tests.count(test) > 1:
                raise Failure(f"a table has {test} more than once")

    def text(self):
        width = max([len(line.test) for line in self.lines] + [len(COLUMNS.test)])
        rows = [
            f"{line.test:{width}}  {line.kvm:7}  {line.berth:7}  {line.reason}".rstrip()
            for line in (COLUMNS, *self.lines)
        ]
        return "\n".join([*self.head, *rows]) + "\n"

    def complain(self, built=None):
        """What is wrong with the table itself: (name, why). `built`: the tests that exist."""
        for line in self.lines:
            if line.kvm == PASS and line.berth not in (PASS, UNKNOWN) and not line.reason:
                yield line.test, f"passes on kvm, is {line.berth} on berth: the table has no reason"
            if built is not None and line.name not in built:
                yield line.test, "the table names it, and there is no such test"
        for name in sorted(set(built or ()) - {line.name for line in self.lines}):
            yield name, "the table does not name it"

    def judge(self, hypervisor, seen):
        """The results against the table, as KTAP cases. What does not pass, as the table says,
        counts as skipped."""
        for line in self.lines:
            if line.test not in seen:
                continue
            want, got = getattr(line, hypervisor), seen[line.test]
            if want != got.result:
                text = f"the table says {want}, seen {got.result}\n{got.text}"
                yield ktap.Case(line.test, ktap.FAIL, text)
            elif want == PASS:
                yield ktap.Case(line.test, ktap.PASS)
            else:
                text = f"{want}, as the table says: {line.reason or said(got)}"
                yield ktap.Case(line.test, ktap.SKIP, text)

    def record(self, hypervisor, seen):
        """Puts results in; reasons stay. Where the kernel's own KVM does not pass and there is no
        reason yet, it is what the test said."""
        known = {line.test for line in self.lines}
        self.lines += [Line(test) for test in sorted(seen) if test not in known]
        for n, line in enumerate(self.lines):
            if line.test in seen:
                got = seen[line.test]
                reason = line.reason
                if hypervisor == "kvm" and got.result != PASS:
                    reason = reason or said(got)
                self.lines[n] = replace(line, **{hypervisor: got.result}, reason=reason)


def path(host, rel):
    return TABLES / f"{host}-{rel}.txt"


def load(host, rel):
    """The table of a host and kernel; without a file, one that has no lines."""
    file = path(host, rel)
    return Table(file.read_text() if file.exists() else "")


def save(host, rel, table):
    write_atomically(path(host, rel), table.text())


def said(seen):
    """What a test gives as its reason, in one line."""
    lines = [line.strip() for line in seen.text.splitlines() if line.strip()]
    for line in lines:
        if m := re.search(r"\bSKIP\b[\s-]*(.*)|(.*), skipping test", line):
            return (m[1] or m[2] or "").strip()
    return lines[-1] if lines else ""


def limits(lines, hypervisor):
    """Seconds for each test: {test: limit}."""
    return {x.test: BRIEF if getattr(x, hypervisor) == TIMEOUT else LIMIT for x in lines}


def command(test, limit):
    """What the host runs for a test."""
    return f"./run.sh {limit} {test}"


class Run:
    """Runs tests in a host, which boots again after a test that it did not survive.

    seen: {test: Seen}; problems: what was wrong with a host, and no test's doing.
    """

    def __init__(self, host, rel, hypervisor, limits, name, tell, told=lambda seen: None):
        """limits: {test: seconds}; tell(test) when one begins, told(seen) when it has ended."""
        self.host, self.rel, self.hypervisor, self.tell = host, rel, hypervisor, tell
        self.limits = limits
        self.name, self.told = name, told
        self.seen, self.problems, self.logs = {}, [], []
        self.directory = directory(host, rel)
        tests = list(limits)
        while tests:
            done = self._boot(tests)
            if not done:
                raise Failure("\n".join(["no test ran", *self.problems]))
            tests = tests[done:]

    def _boot(self, tests):
        """One boot. Returns how many of the tests began."""
        plan = session.Plan(
            host=self.host,
            kernel=self.rel,
            hypervisor=self.hypervisor,
            commands=[command(t, self.limits[t]) for t in tests],
            add=[(RUNNER, "add/run.sh"), (self.directory, "add/kselftests")],
            smp=SMP,
            in_turn=True,
            append="tsc=reliable",  # clock tests want it as the clock source, emulated or not
            memory=MEMORY,
            timeout=BOOT + sum(self.limits[t] for t in tests),
            step_timeout=LIMIT + 60,
            name=self.name + (f"-{len(self.logs) + 1}" if self.logs else ""),
        )
        console, current = {}, ""

        def hook(event, frame, data):
            nonlocal current
            if event == "begin":
                current = frame.name
                if current.isdigit():
                    self.tell(tests[int(current) - 1])
            elif event == "end" and frame.name.isdigit():
                self.told(self._judge(tests[int(frame.name) - 1], frame, console))

        def on_console(data):
            console[current] = console.get(current, b"") + data

        r = session.run(plan, hook, on_console)
        self.logs.append(r.logs)
        done, died, explained = 0, False, set()
        for n, test in enumerate(tests, 1):
            frame = r.frames.get(f"{n:03}")
            if not frame:
                break
            self.seen[test] = seen = self._judge(test, frame, console)
            explained |= {dmesg.TIME.sub("", line).strip() for line in seen.log}
            done, died = n, frame.status is None
        for reason in r.reasons:
            log = reason.removeprefix("kernel log: ")
            if log != reason:
                if dmesg.TIME.sub("", log).strip() not in explained:
                    self.problems.append(f"{reason}\n{r.excerpt}logs in {r.logs}")
            elif died:
                self.seen[tests[done - 1]].text += f"{reason}\n"
            elif not reason.startswith("command "):
                self.problems.append(f"{reason}\nlogs in {r.logs}")
        return done

    def _judge(self, test, frame, console):
        """How a test ended, from its frame and what the kernel said meanwhile."""
        bad = dmesg.bad_lines(console.get(frame.name, b"").decode(errors="replace"))
        if frame.status is None:
            word = DIED
        elif frame.status == KILLED and frame.took > self.limits[test] - 10:
            word = TIMEOUT  # the host's clock is its own
        else:
            word = {0: PASS, KSFT_SKIP: SKIP}.get(frame.status, FAIL)
        if bad and word != DIED:
            word = WARN
        text = frame.output.decode(errors="replace") + "".join(f"{line}\n" for line in bad)
        if frame.status and 128 < frame.status <= 128 + 64:
            text += f"ended by signal {frame.status - 128}\n"
        return Seen(word, text, frame.took or frame.age(), bad)
