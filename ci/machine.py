# SPDX-License-Identifier: GPL-2.0-only
# Runs one emulated machine from power-on to its end: starts the emulator, serves its two serial
# lines and the terminal.

import ctypes
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
import tty
from dataclasses import dataclass
from pathlib import Path

from frames import Frames
from paths import Failure

ESCAPE = b"\x1d"  # Ctrl-]
PANIC = re.compile(rb"Kernel panic - not syncing[^\r\n]*")
PR_SET_PDEATHSIG = 1


@dataclass
class Spec:
    """What a host description turns into an emulator's command line."""

    kernel: Path
    initrd: Path
    append: str = ""
    memory: int = 1024
    smp: int = 1
    disk: Path = None
    blank: Path = None
    exact: bool = False
    in_turn: bool = False  # the processors run one after the other, in one thread of the emulator
    cpu: str = ""  # CPU model; empty: the host's own
    hypervisor: str = ""  # as in session.Plan
    console: str = ""  # to which the emulator connects its serial lines: a socket's path, or
    # address:port of a host with LINES = "tcp"
    results: str = ""
    dir: Path = None  # for whatever else the emulator wants to be written


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """One run. `why` says after run() how it ended: "off", "timeout", "stuck" (in a frame),
    "panic", "gone", "escape"."""

    def __init__(self, host, spec, hook, on_console=None):
        self.host, self.spec = host, spec
        self.frames = Frames(hook)
        self.on_console = on_console
        self.console = b""
        self.interactive = False  # the terminal's keystrokes go to the results line
        self.why = None
        self.stderr = ""

    def run(self, timeout, step_timeout=None):
        """Runs to the end, or to `timeout` seconds, or until one frame took `step_timeout`
        (None: as long as it likes)."""
        spec = self.spec
        self.step_timeout = step_timeout
        listeners = []
        for name in ("console", "results"):
            listener, address = self._listen(name)
            setattr(spec, name, address)
            listeners.append(listener)
        argv = self.host.argv(spec)
        log = open(spec.dir / "emulator.txt", "w+")
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
        )
        lines = []
        try:
            for listener in listeners:
                lines.append(self._accept(listener, argv))
            self._serve(process, *lines, deadline=timeout and time.monotonic() + timeout)
        finally:
            process.kill()
            process.wait()
            for s in listeners + lines:
                s.close()
            log.seek(0)
            self.stderr = log.read()
            log.close()
        return self.why

    def _listen(self, name):
        """A socket for a serial line, and what the emulator calls it."""
        if getattr(self.host, "LINES", "unix") == "tcp":
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            address = "{}:{}".format(*listener.getsockname())
        else:
            listener = socket.socket(socket.AF_UNIX)
            address = str(self.spec.dir / f"{name}.socket")
            listener.bind(address)
        listener.listen(1)
        listener.settimeout(20)
        return listener, address

    def _accept(self, listener, argv):
        try:
            return listener.accept()[0]
        except TimeoutError:
            raise Failure(
                f"{argv[0]} did not start:\n"
                + (self.spec.dir / "emulator.txt").read_text()
            ) from None

    def _serve(self, process, console, results, deadline):
        keyboard = sys.stdin.fileno() if sys.stdin.isatty() else None
        saved = None
        open_lines = [console, results]
        try:
            while open_lines:
                if self.interactive and saved is None and keyboard is not None:
                    saved = termios.tcgetattr(keyboard)
                    tty.setraw(keyboard)
                elif not self.interactive and saved is not None:
                    termios.tcsetattr(keyboard, termios.TCSADRAIN, saved)
                    saved = None
                watch = open_lines + ([keyboard] if saved else [])
                readable = select.select(watch, [], [], 0.05 if self.frames.waiting else 1)[0]
                if not readable:
                    self.frames.idle()
                for source in readable:
                    if source == keyboard:
                        if self._keys(os.read(keyboard, 1024), results):
                            self.why = "escape"
                            return
                        continue
                    data = self._receive(source)
                    if not data:
                        open_lines.remove(source)
                    elif source is results:
                        self.frames.feed(data)
                    else:
                        self._console(data)
                if deadline and time.monotonic() > deadline:
                    self.why = "timeout"
                    return
                frame = self.frames.current
                if self.step_timeout and frame and frame.age() > self.step_timeout:
                    self.why = "stuck"
                    return
                if not self.host.POWERS_OFF and (
                    self.frames.done or PANIC.search(self.console)
                ):
                    break
        finally:
            if saved is not None:
                termios.tcsetattr(keyboard, termios.TCSADRAIN, saved)
        if PANIC.search(self.console):
            self.why = "panic"
        else:
            self.why = "off" if self.frames.done else "gone"

    @staticmethod
    def _receive(line):
        try:
            return line.recv(65536)
        except ConnectionResetError:
            return b""

    @staticmethod
    def _keys(data, results):
        head, escape, _ = data.partition(ESCAPE)
        results.sendall(head)
        return bool(escape)

    def _console(self, data):
        self.console += data
        if self.on_console:
            self.on_console(data)
