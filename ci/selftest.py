# SPDX-License-Identifier: GPL-2.0-only
# Tests of ci/ itself that need no host: the parsers that decide what counts as a failure. Writes
# KTAP.

import itertools
import re
import sys
import tempfile
from pathlib import Path

import aws
import dmesg
import guests
import kselftests
import ktap
import page
import rows
from cpio import Archive
from frames import Frames
from paths import Failure, run

STREAM = (
    b"noise\nBERTHREADY 6.1 3.2\n\nBERTHBEGIN 001\nhello\nBERT\n\nBERTHEND 001 3 4.5\n"
    b"\nBERTHBEGIN 002\n\nBERTHEND 002 0 4.6\n\nBERTHDONE\n"
)


def frames_are_the_same_however_the_bytes_come():
    for size, pauses in itertools.product((1, 2, 7, 1000), (False, True)):
        shown = b""

        def hook(event, frame, data):
            nonlocal shown
            if event == "text" and frame.name == "001":
                shown += data

        f = Frames(hook)
        for i in range(0, len(STREAM), size):
            f.feed(STREAM[i : i + size])
            if pauses:
                f.idle()
        # Of an end of a line nobody knows whether it is a mark's, until more comes.
        assert shown.rstrip(b"\n") == b"hello\nBERT", shown
        assert f.ready and f.done and f.frames["001"].output == b"hello\nBERT\n", f.frames
        assert (
            f.frames["001"].status == 3
            and f.frames["002"].output == b""
            and f.frames["002"].status == 0
        )


def a_frame_without_end_stays_current():
    f = Frames(lambda *event: None)
    f.feed(STREAM[:60])
    assert f.current.name == "001" and f.current.status is None and not f.done


def ktap_counts_results_and_skips():
    cases = ktap.parse("KTAP version 1\n1..3\nok 1 a\n# why\nnot ok 2 b\nok 3 c # SKIP no cap\n")
    assert [(c.name, c.status) for c in cases] == [
        ("a", "pass"),
        ("b", "fail"),
        ("c", "skip"),
    ], cases
    assert cases[1].text == "# why" and cases[2].text == "no cap", cases


def ktap_takes_several_streams_and_other_notes():
    cases = ktap.parse(
        "TAP version 13\nok 1 a # 5 checks\n1..1\nKTAP version 1\n1..1\n    ok 1 inner\nok 1 - b\n"
    )
    assert [(c.name, c.status) for c in cases] == [("a", "pass"), ("b", "pass")], cases


def ktap_with_a_missing_result_fails():
    for text in (
        "KTAP version 1\n1..2\nok 1 a\n",
        "KTAP version 1\n1..2\nok 1 a\nKTAP version 1\n1..1\nok 1 a\n",
    ):
        assert any(c.status == ktap.FAIL for c in ktap.parse(text))


def a_skip_that_is_not_listed_fails():
    with tempfile.TemporaryDirectory() as d:
        path = Path(d) / "skips.txt"
        path.write_text("# comment\none reason\ntwo @6.12 reason\nstale reason\n")
        for kernel, want in (("6.12", {"three"}), ("6.1", {"two", "three"})):
            report = ktap.Report("r", [ktap.Case(n, ktap.SKIP) for n in ("one", "two", "three")])
            stale = ktap.judge_skips(report, path, kernel)
            assert {c.name for c in report.cases if c.status == ktap.FAIL} == want and stale == [
                "stale"
            ]
        report = ktap.Report("r", [ktap.Case("three", ktap.SKIP)])
        ktap.judge_skips(report, path, "6.12", {"three"})
        assert not report.count(ktap.FAIL)


TABLE = """\
# What it is.
# test         kvm      berth    reason
one_test -b 4  pass     pass
dir/two        pass     skip     needs a fan
three          skip     ?        no fan here
"""


def kselftest_table_is_written_as_it_was_read():
    table = kselftests.Table(TABLE)
    assert [line.name for line in table.lines] == ["one_test", "dir/two", "three"], table.lines
    again = kselftests.Table(table.text())
    assert (again.head, again.lines) == (table.head, table.lines), table.text()
    for wrong in ("a  pass", "a  pass  good", "a pass pass", "a  pass  pass\na  pass  pass"):
        try:
            kselftests.Table(wrong)
        except Failure:
            continue
        raise AssertionError(wrong)


def kselftest_result_that_is_not_the_tables_fails():
    table = kselftests.Table(TABLE)
    for result, want in (("pass", "fail"), ("fail", "fail"), ("skip", "skip")):
        cases = list(table.judge("berth", {"dir/two": kselftests.Seen(result, "")}))
        assert [(c.name, c.status) for c in cases] == [("dir/two", want)], cases


def kselftest_that_only_kvm_passes_needs_a_reason():
    table = kselftests.Table(TABLE.replace("needs a fan", ""))
    assert [name for name, _ in table.complain()] == ["dir/two"]
    built = {"one_test", "three", "new"}
    names = [name for name, _ in kselftests.Table(TABLE).complain(built)]
    assert names == ["dir/two", "new"], names


def kselftest_results_are_recorded_and_reasons_kept():
    table = kselftests.Table(TABLE)
    skipped = kselftests.Seen("skip", "x\n1..0 # SKIP - no fan\n")
    for hypervisor in ("kvm", "berth"):
        table.record(hypervisor, {"dir/two": skipped, "new -x": skipped})
    assert table.lines[1] == kselftests.Line("dir/two", "skip", "skip", "needs a fan")
    assert table.lines[3] == kselftests.Line("new -x", "skip", "skip", "no fan"), table.lines[3]


def kselftest_tables_of_the_tree_have_their_reasons():
    for path in sorted(kselftests.TABLES.glob("*.txt")):
        complaints = list(kselftests.Table(path.read_text()).complain())
        assert not complaints, (path.name, complaints)


def junit_holds_what_xml_cannot():
    text = ktap.junit(
        [
            ktap.Report(
                "r", [ktap.Case("<a>", ktap.FAIL, "\x1b[0m & \0"), ktap.Case("b", ktap.SKIP, "c")]
            )
        ]
    )
    assert 'failures="1"' in text and "\x1b" not in text and "\0" not in text


def kernel_log_bad_lines_are_found():
    bad = [
        "WARNING: CPU: 0 PID: 1 at x.c:8 f+0x1/0x2",
        "BUG: unable to handle page fault for address: 0",
        "watchdog: BUG: soft lockup - CPU#0 stuck for 26s!",
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "Oops: 0002 [#1] PREEMPT SMP NOPTI",
        "INFO: task a:1 blocked for more than 120 seconds.",
        "BUG: KASAN: slab-out-of-bounds in f",
        "WARNING: possible circular locking dependency detected",
        "UBSAN: shift-out-of-bounds in f",
        "refcount_t: underflow; use-after-free.",
        "kvm: BUG kvm_vcpu (Tainted: G): Objects remaining in kvm_vcpu on __kmem_cache_shutdown()",
    ]
    for line in bad:
        assert dmesg.bad_lines(f"[    1.0] {line}\n"), line


def kernel_log_good_lines_are_not():
    good = [
        "berth: loading out-of-tree module taints kernel.",
        "debug: BUGS are fine",
        "tsc: Unable to calibrate against PIT",
        "berth: module verification failed: signature and/or required key missing - tainting kernel",
        "rcu: Hierarchical RCU implementation.",
        "NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
    ]
    assert not dmesg.bad_lines("\n".join(good)), dmesg.bad_lines("\n".join(good))


def guest_status_is_the_last_one():
    assert (
        guests.status(b"x\nguest: status 3\r\n") == 3
        and guests.status(b"an echo of guest: status") is None
    )


def a_tape_is_read_as_far_as_its_blocks_are_whole():
    blocks = [b"first", b"", b"second" * 1000]
    data = b"".join(aws.BLOCK.pack(len(b), 0, 0xA0, 0) + b for b in blocks)
    for size in (1, 5, 4096):
        with tempfile.TemporaryDirectory() as d:
            path, seen = Path(d) / "tape", b""
            path.touch()
            tape = aws.Tape(path)
            with open(path, "ab") as f:
                for i in range(0, len(data), size):
                    f.write(data[i : i + size])
                    f.flush()
                    seen += tape.read()
                    assert b"".join(blocks).startswith(seen)
            assert seen == b"".join(blocks), size


def cpio_is_aligned_and_complete():
    a = Archive()
    a.file("a/b", "text", 0o755)
    a.link("c", "a/b")
    data = a.bytes()
    assert data.count(b"070701") == 4 and len(data) % 4 == 0 and b"TRAILER!!!" in data


def every_row_is_in_one_job():
    names = [r.name for r in rows.rows()]
    assert len(set(names)) == len(names), names
    for service, pattern in (("github", r' rows: "(.*)"'), ("gitlab", r' ROW: "(.*)"')):
        text = run([Path(__file__).parent / "jobs", service])
        assert " ".join(re.findall(pattern, text)).split() == names, service


def the_page_shows_each_row_and_why():
    chosen = [row for row in rows.rows() if row.name in ("laws", "ci")]
    cases = [ktap.Case("a<b", ktap.FAIL, "seen > 1"), ktap.Case("c", ktap.SKIP, "no fan")]
    reports = [ktap.Report("laws", cases), ktap.Report("ci", [ktap.Case("d", ktap.PASS)])]
    text = page.page(chosen, reports)
    for want in ("a&lt;b", "seen &gt; 1", "no fan", 'id="laws"', 'id="ci"', "2 rows, 1 failed"):
        assert want in text, want


def main():
    tests = [
        f
        for name, f in globals().items()
        if callable(f) and getattr(f, "__module__", "") == "__main__" and name != "main"
    ]
    print(f"KTAP version 1\n1..{len(tests)}")
    failed = 0
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} {test.__name__}")
        except Exception as e:
            failed = 1
            print(f"# {type(e).__name__}: {e}\nnot ok {n} {test.__name__}")
    return failed


sys.exit(main())
