# SPDX-License-Identifier: GPL-2.0-only
# Reads KTAP (and TAP), counts it, holds its skips against a list, and writes JUnit.

import itertools
import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

RESULT = re.compile(
    r"(?P<indent>\s*)(?P<no>not )?ok\b(?: +(?P<number>\d+))?(?: +- )? *(?P<name>[^#]*?) *"
    r"(?:# *(?P<directive>SKIP)?\b *(?P<note>.*))?$",
    re.I,
)
PLAN = re.compile(r"1\.\.(\d+)")
VERSION = re.compile(r"K?TAP version \d+")

PASS, FAIL, SKIP = "pass", "fail", "skip"


@dataclass
class Case:
    """One test's result; text is why it was skipped, or the diagnostics before it."""

    name: str
    status: str
    text: str = ""


@dataclass
class Report:
    """The results of one row of the matrix; raw is its KTAP."""

    row: str
    cases: list = field(default_factory=list)
    raw: str = ""
    seconds: float = 0

    def count(self, status):
        return sum(c.status == status for c in self.cases)

    def fail(self, name, text):
        self.cases.append(Case(name, FAIL, text))


def parse(text):
    """The top-level test cases of one or several KTAP streams, one after the other; a broken
    plan is a failed case."""
    cases, notes = [], []
    planned, seen = None, 0

    def close():
        if planned is not None and planned != seen:
            cases.append(Case("plan", FAIL, f"{planned} tests were planned, {seen} reported"))

    for line in text.replace("\r", "").splitlines():
        if VERSION.fullmatch(line):
            close()
            planned, seen, notes = None, 0, []
        elif PLAN.match(line):
            planned = int(PLAN.match(line)[1])
        elif line.startswith("Bail out!"):
            cases.append(Case("bail out", FAIL, line[9:].strip()))
        elif (m := RESULT.match(line)) and not m["indent"]:
            seen += 1
            directive = (m["directive"] or "").upper()
            status = SKIP if directive == "SKIP" and not m["no"] else FAIL if m["no"] else PASS
            text = m["note"] or "" if status == SKIP else "\n".join(notes)
            cases.append(Case(m["name"].strip() or str(m["number"]), status, text))
            notes = []
        elif line.strip():
            notes.append(line)
    close()
    return cases


def skip_list(path, kernel, tags=()):
    """Names that may be skipped. A line is `NAME [@WORD...] reason`, each word a kernel or a tag
    of the host; `#` begins a comment; an absent file is empty. A kernel like 6.1-debug may skip
    what 6.1 may."""
    here = {kernel, kernel.split("-")[0], *tags}
    allowed = set()
    for line in path.read_text().splitlines() if path.exists() else []:
        words = line.split("#")[0].split()
        only = {w[1:] for w in itertools.takewhile(lambda w: w.startswith("@"), words[1:])}
        if words and only <= here:
            allowed.add(words[0])
    return allowed


def judge_skips(report, path, kernel, excluded=(), tags=()):
    """Makes a failure of every skip that neither the list names nor the row has excluded; returns
    the names listed that were not skipped."""
    allowed = skip_list(path, kernel, tags)
    skipped = {c.name for c in report.cases if c.status == SKIP}
    for case in report.cases:
        if case.status == SKIP and case.name not in allowed | set(excluded):
            case.status = FAIL
            case.text = f"skipped ({case.text}), but {path.name} does not name it"
    return sorted(allowed - skipped)


def write(report):
    """KTAP made from the cases, for rows that did not write their own."""
    out = ["KTAP version 1", f"1..{len(report.cases)}"]
    for n, c in enumerate(report.cases, 1):
        out += [f"# {line}" for line in c.text.splitlines()] if c.status == FAIL else []
        out.append(
            f"{'not ok' if c.status == FAIL else 'ok'} {n} {c.name}"
            + (f" # SKIP {c.text}" if c.status == SKIP else "")
        )
    return "\n".join(out) + "\n"


def junit(reports):
    """JUnit XML of several reports."""
    top = ElementTree.Element("testsuites")
    clean = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]")
    for r in reports:
        suite = ElementTree.SubElement(
            top,
            "testsuite",
            name=r.row,
            tests=str(len(r.cases)),
            time=f"{r.seconds:.1f}",
            failures=str(r.count(FAIL)),
            skipped=str(r.count(SKIP)),
        )
        for c in r.cases:
            case = ElementTree.SubElement(suite, "testcase", classname=r.row, name=c.name)
            if c.status == FAIL:
                failure = ElementTree.SubElement(
                    case, "failure", message=clean.sub("?", c.text[:200])
                )
                failure.text = clean.sub("?", c.text)
            elif c.status == SKIP:
                ElementTree.SubElement(case, "skipped", message=clean.sub("?", c.text))
    ElementTree.indent(top)
    return ElementTree.tostring(top, encoding="unicode") + "\n"
