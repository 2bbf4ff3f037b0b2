"""Files of the state folder: their user's alone, and shared by all processes that have the same folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def make_folder(path: Path) -> None:
    """Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


class LineFile:
    """A file that lines are appended to. A batch is one write, so that lines of several processes never mix. All of it
    raises OSError."""

    def __init__(self, path: Path) -> None:
        """Makes the file and its folder where they are missing."""
        make_folder(path.parent)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._identity = identity(self._file)
        self._torn = False  # a full disk took a part of a line; the next one must not go on behind it

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    def is_at(self, path: Path) -> bool:
        """Whether the file of that name is still this one."""
        return identity(path) == self._identity

    def write(self, lines: Sequence[bytes]) -> None:
        """Appends lines, each without its end."""
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
    """Tells a file from another one that took its name. None without a file."""
    try:
        status = os.fstat(file) if isinstance(file, int) else file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Held by one process at a time; the system releases it if that dies. Windows has one process and needs none.
    Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
