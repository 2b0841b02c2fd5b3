# SPDX-License-Identifier: GPL-2.0-only
# Writes a "newc" cpio archive, the format of an initramfs, from Python: device nodes and owners
# need no root here.

import stat
from pathlib import PurePosixPath


class Archive:
    """Files, directories and links gathered by path; bytes() is the archive. Everything is
    root's, all times are 0."""

    def __init__(self):
        self.entries = {}

    def _parents(self, path):
        for parent in reversed(PurePosixPath(path).parents):
            if str(parent) not in (".", "/"):
                self.entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b"", 0))

    def _put(self, path, mode, data=b"", rdev=0):
        path = str(path).lstrip("/")
        self._parents(path)
        self.entries[path] = (mode, data, rdev)

    def directory(self, path, mode=0o755):
        self._put(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o644):
        self._put(path, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def link(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        self._put(path, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def add(self, source, path):
        """A file or a whole directory of the build machine."""
        if source.is_dir() and not source.is_symlink():
            self.directory(path)
            for child in sorted(source.iterdir()):
                self.add(child, f"{path}/{child.name}")
        elif source.is_symlink() and not source.exists():
            self.link(path, str(source.readlink()))
        else:
            self.file(path, source.read_bytes(), stat.S_IMODE(source.stat().st_mode) | 0o444)

    def bytes(self):
        out = []
        for inode, (path, (mode, data, rdev)) in enumerate(
            [*self.entries.items(), ("TRAILER!!!", (0, b"", 0))], 1
        ):
            major, minor = rdev or (0, 0)
            name = path.encode() + b"\0"
            fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name), 0)
            head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
            out += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
        return b"".join(out)
