# SPDX-License-Identifier: GPL-2.0-only
# Where things are, and the few helpers that every ci/ program shares: progress lines, atomic
# cache entries, commands.

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

TOP = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BERTH_BUILD", TOP / "build"))
LOGS = BUILD / "logs"
CACHE = Path(os.environ.get("BERTH_CACHE", Path.home() / ".cache" / "berth"))
STARTED = time.monotonic()


class Failure(Exception):
    """Something the user should read; the programs print it and end with status 1."""


def say(text):
    """A progress line with the time since the program started, on stderr: stdout carries
    results."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text, expect=None):
    """Says that a step begins and how long it took; `expect` is the usual time in seconds."""
    say(text + (f" (usually {expect} s)" if expect else ""))
    before = time.monotonic()
    yield
    took = time.monotonic() - before
    if took >= 2:
        say(f"  done in {took:.0f} s")


def run(argv, **kw):
    """Runs a command; its output appears only when it fails. Returns stdout as text."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(
        [str(a) for a in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        **kw,
    )
    if done.returncode:
        raise Failure(
            f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout}{done.stderr}".rstrip()
        )
    return done.stdout


def fresh_env():
    """The environment without the settings of a make that started us: another make must not take
    them for its own. (ARCH is what `make run` is for.)"""
    ours = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARCH")
    return {k: v for k, v in os.environ.items() if k not in ours}


@contextlib.contextmanager
def lock(name):
    """One process at a time may fill a part of the cache; the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".lock-{name}", "w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another program that fills the cache ({name})")
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def fresh_dir(final):
    """Gives an empty directory beside `final`, which becomes `final` only when the block ends
    well."""
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    temp = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        yield temp
        temp.chmod(0o755)
        if final.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
            final.rename(old / "old")
            temp.rename(final)
            shutil.rmtree(old, ignore_errors=True)
        else:
            temp.rename(final)
    finally:
        if temp.exists():
            shutil.rmtree(temp, ignore_errors=True)


def write_atomically(path, data):
    """Puts a whole file in place or none."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, temp = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(fd, "wb" if isinstance(data, bytes) else "w") as f:
            f.write(data)
        os.chmod(temp, 0o644)
        os.rename(temp, path)
    except BaseException:
        os.unlink(temp)
        raise


def main(function):
    """Runs a program's main function and turns expected failures into one message."""
    try:
        sys.exit(function())
    except Failure as e:
        print(f"{Path(sys.argv[0]).name}: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
