# SPDX-License-Identifier: GPL-2.0-only
# Reads a tape in AWS's format, a file of Hercules, while it is written.

import struct

# Of a block: its length, that of the one before, flags. A tape mark is a block of nothing.
BLOCK = struct.Struct("<HHBB")


class Tape:
    """What the host has written to the tape so far."""

    def __init__(self, path):
        self.file = open(path, "rb")

    def read(self):
        """The blocks that are whole by now, as one."""
        data = b""
        while True:
            at = self.file.tell()
            head = self.file.read(BLOCK.size)
            block = b""
            if len(head) == BLOCK.size:
                length = BLOCK.unpack(head)[0]
                block = self.file.read(length)
                if len(block) == length:
                    data += block
                    continue
            self.file.seek(at)
            return data
