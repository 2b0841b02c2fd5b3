# SPDX-License-Identifier: GPL-2.0-only
# How fast this machine's time-stamp counter counts.

import functools
import platform
import tempfile
from pathlib import Path

from paths import TOP, run


@functools.cache
def tsc_khz():
    """In kHz; 0 where the machine has none."""
    if platform.machine() != "x86_64":
        return 0
    with tempfile.TemporaryDirectory(prefix="berth-tsc-") as temp:
        program = Path(temp) / "tsc_khz"
        run(["gcc", "-O2", "-Wall", "-o", program, TOP / "ci/tsc_khz.c"])
        return int(run([program]))
