# SPDX-License-Identifier: GPL-2.0-only
# The protocol of the results line (see host-init): splits its bytes into named frames with
# output and exit status.

import re
import time
from dataclasses import dataclass

MARK = re.compile(rb"\r?\nBERTH(READY|BEGIN|END|DONE)\b ?([^\r\n]*)\r?\n")
# The end of a buffer that may become a mark.
HELD = re.compile(rb"(\r?\n(B|BE|BER|BERT|BERTH[^\r\n]{0,200}\r?)?|\r)\Z")


@dataclass
class Frame:
    """One step in the host: its output, exit status, the host's uptime at its end, and the time
    it took here."""

    name: str
    began: float
    output: bytes = b""
    status: int = None
    uptime: float = None
    took: float = None

    def age(self):
        return time.monotonic() - self.began


class Frames:
    """Calls hook(event, frame, data): "ready" (data: kernel, uptime), "begin", "text" (data:
    bytes), "end", "done"."""

    def __init__(self, hook):
        self.hook, self.buffer, self.current = hook, b"", None
        self.shown = 0  # how much of the buffer the hook has seen already
        self.frames = {}
        self.ready = self.done = False

    def feed(self, data):
        self.buffer += data
        while mark := MARK.search(self.buffer):
            self._text(self.buffer[: mark.start()])
            self.buffer, self.shown = self.buffer[mark.end() :], 0
            self._mark(mark[1].decode(), mark[2].decode(errors="replace").split())
        held = HELD.search(self.buffer)
        cut = held.start() if held else len(self.buffer)
        text, self.buffer = self.buffer[:cut], self.buffer[cut:]
        self._text(text)

    @property
    def waiting(self):
        """Is there something that idle() would show?"""
        return len(self.buffer) > self.shown and b"B" not in self.buffer

    def idle(self):
        """Nothing came for a moment: who types wants to see a line's end, a mark's or not."""
        if self.waiting:
            if self.current:
                self.hook("text", self.current, self.buffer[self.shown :])
            self.shown = len(self.buffer)

    def _text(self, data):
        if data and self.current:
            self.current.output += data
            if len(data) > self.shown:
                self.hook("text", self.current, data[self.shown :])
        self.shown = max(0, self.shown - len(data))

    def _mark(self, kind, words):
        if kind == "READY":
            self.ready = True
            self.hook("ready", None, words)
        elif kind == "DONE":
            self.done = True
            self.hook("done", None, None)
        elif kind == "BEGIN":
            self.current = self.frames[words[0]] = Frame(words[0], time.monotonic())
            self.hook("begin", self.current, None)
        elif kind == "END" and self.current and words[:1] == [self.current.name]:
            frame, self.current = self.current, None
            frame.status, frame.uptime = int(words[1]), float(words[2])
            frame.took = frame.age()
            self.hook("end", frame, None)
