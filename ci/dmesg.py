# SPDX-License-Identifier: GPL-2.0-only
# Reads a kernel log for what must never be in it, whatever the tests said.

import re

BAD = re.compile(
    r"""
    \bBUG:\ | \bkernel\ BUG\ at | \bWARNING:\ | \bOops\b | \bCall\ Trace:
    | \bgeneral\ protection\ fault | Kernel\ panic | unable\ to\ handle
    | INFO:\ (?:task|rcu|possible|trying|suspicious|inconsistent) | rcu:\ INFO: | rcu.*\bstall
    | suspicious\ RCU | (?:soft|hard)\ (?:lockup|LOCKUP)
    | \bKASAN: | \bUBSAN: | \bKCSAN: | \bKFENCE: | unreferenced\ object
    | possible\ (?:circular|recursive)\ locking | DEBUG_LOCKS_WARN | lock\ held\ when\ returning
    | scheduling\ while\ atomic | sleeping\ function\ called | refcount_t:
    | unexpected\ (?:\#|NMI|exception) | double\ fault | hung_task | blocked\ for\ more\ than
    | turning\ off\ the\ locking | leak\ detector\ disabled
    | detected\ stalls | [Bb]ad\ page | BUG\ \w+\ \(.*\):\ Objects\ remaining
    """,
    re.X,
)
TIME = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\] ?")


def excerpt(text, lines=40):
    """The log around its first bad line, or nothing."""
    all_lines = text.replace("\r", "").splitlines()
    first = next((n for n, line in enumerate(all_lines) if BAD.search(line)), None)
    if first is None:
        return ""
    return "\n".join(all_lines[max(0, first - 3) : first + lines]) + "\n"


def bad_lines(text):
    """The lines of a kernel log (dmesg or console) that fail a run, each once."""
    found = {}
    for line in text.replace("\r", "").splitlines():
        if BAD.search(line):
            found.setdefault(TIME.sub("", line), line)
    return list(found.values())
