# SPDX-License-Identifier: GPL-2.0-only
# The matrix as one static HTML page: a grid of suites and places, then every row with its time,
# its failures and skips with their reasons, and links to what it left.

import html
import os
import time
from collections import Counter

import ktap
from paths import BUILD, LOGS

STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #888; --ok: #2e7d32; --bad: #c62828;
  --skip: #b58900; --none: #8882; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em; }
h1 { font-size: 1.5em; margin: 0 } h2 { font-size: 1.1em; margin: 2em 0 .5em }
p.sum { margin: .3em 0 1em; color: var(--dim) }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--line) }
th, td { padding: .25em .6em; vertical-align: top }
td { border-bottom: 1px solid var(--line) }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.grid { width: auto } .grid th { font-size: .85em } .grid td { padding: 2px; border: 0 }
.grid a { display: block; min-width: 3.4em; text-align: center; border-radius: 3px; color: #fff;
  text-decoration: none; font-size: .85em; padding: .1em .4em; margin-bottom: 1px }
.ok { background: var(--ok) } .bad { background: var(--bad) } .part { background: #558b2f }
.mark { display: inline-block; min-width: 3.2em; text-align: center; border-radius: 3px;
  color: #fff; font-size: .85em }
.bar { display: inline-block; height: .6em; background: var(--dim); border-radius: 2px }
.dim { color: var(--dim) } .failed { color: var(--bad); font-weight: 600 }
.skipped { color: var(--skip) }
details { margin: .2em 0 } summary { cursor: pointer; color: var(--dim) }
pre { margin: .3em 0; padding: .5em; background: var(--none); overflow-x: auto; font-size: 12px;
  white-space: pre-wrap }
:target { outline: 2px solid var(--skip) }
"""


def esc(text):
    return html.escape(str(text))


def shade(report):
    """The class of a row's mark: whole, with tests left out, or failed."""
    if report.count(ktap.FAIL):
        return "bad"
    return "part" if report.count(ktap.SKIP) else "ok"


def place(row):
    """Where a row runs, and with which hypervisor: a column of the grid."""
    a = row.args
    if "host" in a:
        return f"{a['host']} {a['rel']}", a.get("hypervisor", "berth")
    return ("build machine", "")


def grid(chosen, reports):
    columns = list(dict.fromkeys(place(r) for r in chosen))
    suites = list(dict.fromkeys(r.suite for r in chosen))
    cells = {}
    for row, report in zip(chosen, reports):
        cells.setdefault((row.suite, place(row)), []).append((row, report))
    out = ['<table class="grid"><tr><th></th>']
    out += [f"<th>{esc(where)}<br><span class=dim>{esc(hv)}</span></th>" for where, hv in columns]
    out.append("</tr>")
    for suite in suites:
        out.append(f"<tr><th>{esc(suite)}</th>")
        for column in columns:
            links = "".join(
                f'<a class="{shade(report)}" href="#{esc(row.name)}" title="{esc(row.name)}">'
                f"{report.count(ktap.PASS)}/{len(report.cases)}</a>"
                for row, report in cells.get((suite, column), ())
            )
            out.append(f"<td>{links}</td>")
        out.append("</tr>")
    return "".join([*out, "</table>"])


def reasons(report):
    """A row's failures, each with what it said, and its skips, by reason."""
    out = []
    for case in report.cases:
        if case.status == ktap.FAIL:
            out.append(f'<div class="failed">{esc(case.name)}</div>')
            if case.text.strip():
                out.append(f"<pre>{esc(case.text.strip()[-4000:])}</pre>")
    skips = {}
    for case in report.cases:
        if case.status == ktap.SKIP:
            skips.setdefault(case.text or "no reason", []).append(case.name)
    if skips:
        out.append(f'<details><summary>{report.count(ktap.SKIP)} skipped</summary><table>')
        for why, names in skips.items():
            out.append(f'<tr><td class="skipped">{esc(why)}</td><td>{esc(", ".join(names))}</td></tr>')
        out.append("</table></details>")
    return "".join(out)


def line(row, report, longest):
    links = [f'<a href="{esc(row.name)}.ktap">ktap</a>']
    if (LOGS / row.name).is_dir():
        logs = os.path.relpath(LOGS / row.name, BUILD / "report")
        links.append(f'<a href="{esc(logs)}/">log</a>')
    word = "FAIL" if report.count(ktap.FAIL) else "ok"
    width = round(100 * report.seconds / longest)
    counted = "".join(
        f'<td class="n">{report.count(s) or "<span class=dim>0</span>"}</td>'
        for s in (ktap.PASS, ktap.FAIL, ktap.SKIP)
    )
    return (
        f'<tr id="{esc(row.name)}"><td><span class="mark {shade(report)}">{word}</span></td>'
        f"<td>{esc(row.name)}{reasons(report)}</td>{counted}"
        f'<td class="n">{report.seconds:.0f} s</td><td class="n dim">{row.expect} s</td>'
        f'<td><span class="bar" style="width:{width}px"></span></td>'
        f'<td>{" ".join(links)}</td></tr>'
    )


def page(chosen, reports):
    """The page's text. Rows that failed come first; else the order of the matrix."""
    total = Counter(c.status for r in reports for c in r.cases)
    bad = sum(bool(r.count(ktap.FAIL)) for r in reports)
    seconds = sum(r.seconds for r in reports)
    longest = max([r.seconds for r in reports] + [1])
    both = sorted(zip(chosen, reports), key=lambda x: not x[1].count(ktap.FAIL))
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Berth: the matrix</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>
<h1><span class="mark {'bad' if bad else 'ok'}">{'FAIL' if bad else 'ok'}</span> Berth: the matrix</h1>
<p class="sum">{len(reports)} rows, {bad} failed; {total[ktap.PASS]} tests passed,
{total[ktap.FAIL]} failed, {total[ktap.SKIP]} skipped; {seconds / 60:.0f} minutes of rows; {when}.
Dark green: all tests ran; light green: some were skipped, each named by a list in the tree.</p>
{grid(chosen, reports)}
<h2>Rows</h2>
<table><tr><th></th><th>row</th><th class="n">passed</th><th class="n">failed</th>
<th class="n">skipped</th><th class="n">time</th><th class="n">usual</th><th></th><th></th></tr>
{"".join(line(row, report, longest) for row, report in both)}
</table></body></html>
"""
