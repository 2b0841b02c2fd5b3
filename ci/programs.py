# SPDX-License-Identifier: GPL-2.0-only
# Builds the tree's user space, tests and VMM, for this machine or for the architecture of a host.

import fcntl

import modules
from paths import BUILD, TOP, fresh_env, run


def build(directory, arch, *variables):
    """Runs make in a directory of the tree, one program at a time. Returns where it builds: in
    build/ itself for this machine's architecture, else in build/ARCH. Guests of the toy machine
    are in programs of this machine."""
    toy = arch == "fake"
    cross = "" if toy else modules.cross(arch)
    out = BUILD / arch if cross or toy else BUILD
    if toy:
        variables = (*variables, f"ARCH={arch}")
    out.mkdir(parents=True, exist_ok=True)
    with open(out / ".lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        run(
            ["make", "-s", "-C", TOP / directory, f"O={out}", f"CROSS_COMPILE={cross}", *variables],
            env=fresh_env(),
        )
    return out
