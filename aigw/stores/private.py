"""Files of the state folder. Only their user can read them; all processes with the same folder share them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def make_folder(path: Path) -> None:
    """Makes a folder that only its user can open. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


class LineFile:
    """A file to which lines are appended. A batch is one write, so that the lines of several processes never mix. Its
    methods raise OSError."""

    def __init__(self, path: Path) -> None:
        """Makes the file and its folder if they are missing."""
        make_folder(path.parent)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._identity = identity(self._file)
        self._torn = False  # a full disk took a part of a line: the next write must begin a new line

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    def is_at(self, path: Path) -> bool:
        """True if this file still has that name."""
        return identity(path) == self._identity

    def write(self, lines: Sequence[bytes]) -> None:
        """Appends lines, which come without their line ends."""
        data = memoryview(b"\n" * self._torn + b"".join(line + b"\n" for line in lines))
        whole = len(data)
        try:
            while data:
                data = data[os.write(self._file, data) :]
        finally:
            self._torn = bool(data) and (self._torn or len(data) < whole)

    def close(self) -> None:
        os.close(self._file)


def identity(file: Path | int) -> tuple[int, int] | None:
    """Tells a file from another one that took its name. None if there is no file."""
    try:
        status = os.fstat(file) if isinstance(file, int) else file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """A lock that one process holds at a time. The system releases it if the process dies. On Windows the gateway has
    one process and there is no lock. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
