#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Runs rows of the matrix, one after the other or some at a time, with progress; writes KTAP, JUnit
# and a page to look at to build/report; ends with the totals.

import argparse
import fnmatch
import os
import pickle
import sys
import tempfile
import threading
import time
from pathlib import Path

from paths import BUILD, Failure, main, write_atomically
import ktap
import page
import rows
import suites
import suites_guest

REPORT = BUILD / "report"


class Progress:
    """On a terminal one line that changes, if rows run one by one; elsewhere a line when a row
    begins and ends, and one a minute between."""

    def __init__(self, row, position, alone):
        self.row, self.position, self.began = row, position, time.monotonic()
        self.live, self.text = alone and sys.stderr.isatty(), ""
        self.indent = "    " if alone else f"    {position} "
        self.ended = threading.Event()
        self.lock = threading.Lock()
        print(f"{position} {row.name} (usually {row.expect} s)", file=sys.stderr, flush=True)
        self.ticker = threading.Thread(target=self._tick, daemon=True)
        self.ticker.start()

    def elapsed(self):
        return time.monotonic() - self.began

    def tell(self, text):
        self.text = text

    def _show(self, text, end):
        with self.lock:
            print(("\r\033[K" if self.live else "") + text, end=end, file=sys.stderr, flush=True)

    def _tick(self):
        while not self.ended.wait(0.5 if self.live else 60):
            line = f"{self.indent}{self.elapsed():4.0f} s of about {self.row.expect}  {self.text}"
            self._show(
                line[: os.get_terminal_size(2).columns - 1] if self.live else line,
                "" if self.live else "\n",
            )

    def end(self, report):
        self.ended.set()
        self.ticker.join()
        lines = [f"{self.indent}{verdict(report)} in {report.seconds:.0f} s: {counts(report)}"]
        for case in report.cases:
            if case.status == ktap.FAIL:
                lines.append(f"    not ok {case.name}")
                lines += [f"        {line}" for line in case.text.strip().splitlines()[-25:]]
        self._show("\n".join(lines), "\n")


def verdict(report):
    return "FAIL" if report.count(ktap.FAIL) else "ok"


def counts(report):
    passed, failed, skipped = map(report.count, (ktap.PASS, ktap.FAIL, ktap.SKIP))
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def run_row(row, position, alone=True):
    """Runs one row and returns its report; whatever goes wrong in it is a failed case, not the
    end of the matrix."""
    report, progress = ktap.Report(row.name), Progress(row, position, alone)
    try:
        suite = getattr(suites, row.suite, None) or getattr(suites_guest, row.suite)
        suite(report, progress.tell, **row.args)
    except Failure as e:
        report.fail("row", str(e))
    except Exception as e:  # a fault of ours must fail the row too
        report.fail("row", f"{type(e).__name__}: {e}")
    if not report.cases:
        report.fail("row", "no test ran")
    report.seconds = progress.elapsed()
    progress.end(report)
    write_atomically(REPORT / f"{row.name}.ktap", report.raw or ktap.write(report))
    return report


def in_process(row, position, path):
    """Runs a row in a process of its own, which leaves its report in a file; returns its id."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            path.write_bytes(pickle.dumps(run_row(row, position, alone=False)))
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid


def side_by_side(chosen, jobs):
    """The reports of rows that run `jobs` at a time, those with two processors beside nothing
    else; in the order of the rows."""
    waiting, running, reports = list(enumerate(chosen)), {}, {}
    with tempfile.TemporaryDirectory(prefix="berth-matrix-") as temp:
        while waiting or running:
            room = jobs - sum(min(jobs, chosen[n].processors) for n in running.values())
            fits = [(n, r) for n, r in waiting if min(jobs, r.processors) <= room][:1]
            for n, r in fits:
                waiting.remove((n, r))
                pid = in_process(r, f"[{n + 1}/{len(chosen)}]", Path(temp) / str(n))
                running[pid] = n
            if not fits:
                pid, _ = os.wait()
                n = running.pop(pid)
                try:
                    reports[n] = pickle.loads((Path(temp) / str(n)).read_bytes())
                except (OSError, EOFError, pickle.UnpicklingError):
                    reports[n] = ktap.Report(chosen[n].name)
                    reports[n].fail("row", "its process ended without a report")
    return [reports[n] for n in range(len(chosen))]


def select(level, patterns):
    chosen = [
        r
        for r in rows.rows()
        if r.level <= level and (not patterns or any(fnmatch.fnmatch(r.name, p) for p in patterns))
    ]
    for p in patterns:
        if not any(fnmatch.fnmatch(r.name, p) for r in chosen):
            raise Failure(f"no row {p}; there are: {' '.join(r.name for r in rows.rows())}")
    return chosen


def table(chosen, reports):
    """The table at the end, as text."""
    width = max(len(r.name) for r in chosen)
    lines = [f"{'row':{width}}  result  passed  failed  skipped  seconds  usual"]
    for row, r in zip(chosen, reports):
        lines.append(
            f"{row.name:{width}}  {verdict(r):6}  {r.count(ktap.PASS):6}  {r.count(ktap.FAIL):6}  "
            f"{r.count(ktap.SKIP):7}  {r.seconds:7.0f}  {row.expect:5}"
        )
    return "\n".join(lines)


def command():
    p = argparse.ArgumentParser(description="Runs rows of the test matrix.")
    p.add_argument("--level", choices=("fast", "check", "full"), default="full")
    p.add_argument(
        "--row", action="append", default=[], help="only rows of this name; * and ? match"
    )
    p.add_argument("--jobs", type=int, default=1, help="how many run at a time (1)")
    p.add_argument("--list", action="store_true", help="the rows, and what they usually take")
    a = p.parse_args()
    patterns = [word for r in a.row for word in r.split()]
    level = (
        rows.FULL
        if patterns
        else {"fast": rows.FAST, "check": rows.CHECK, "full": rows.FULL}[a.level]
    )
    chosen = select(level, patterns)
    if a.list:
        for r in chosen:
            print(f"{r.name:40} {('fast', 'check', 'full')[r.level]:6} {r.expect:4} s")
        return 0
    print(f"{len(chosen)} rows, usually {sum(r.expect for r in chosen)} s in all", file=sys.stderr)
    if a.jobs > 1:
        reports = side_by_side(chosen, a.jobs)
    else:
        reports = [run_row(r, f"[{n}/{len(chosen)}]") for n, r in enumerate(chosen, 1)]
    write_atomically(REPORT / "junit.xml", ktap.junit(reports))
    write_atomically(REPORT / "index.html", page.page(chosen, reports))
    text = table(chosen, reports)
    total = ktap.Report("total", [c for r in reports for c in r.cases])
    text += (
        f"\n\nTo look at: {REPORT / 'index.html'}. KTAP and JUnit are beside it, hosts' logs in "
        f"{BUILD / 'logs'}.\n{counts(total)}\n"
    )
    write_atomically(REPORT / "table.txt", text)
    sys.stderr.flush()
    print(f"\n{text}", end="", flush=True)
    return 1 if total.count(ktap.FAIL) else 0


main(command)
