"""The access log: one JSON line a request, shared by all processes that have the same state folder, rotated by size.

Rule: a batch of lines is one write in append mode, so that lines of several processes never mix; whoever finds the file
too large moves it away under a lock, and the others notice that their file is no longer the one of that name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

FILE_NAME = "access.jsonl"
MAX_BYTES = 64 * 1024 * 1024
KEEP = 5


class AccessLog:
    """`write` blocks for the time of a disk write: not on the event loop. Raises OSError."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        """Keeps `keep` old files beside the current one: access.jsonl.1 is the newest of them."""
        self._path = folder / FILE_NAME
        self._max_bytes = max_bytes
        self._keep = keep
        self._file = -1
        self._inode = (0, 0)
        self._torn = False  # a full disk took a part of a line; the next one must not go on behind it

    def write(self, lines: Sequence[bytes]) -> None:
        """Appends the lines, each without its line end."""
        if not lines:
            return
        self._reopen()
        data = memoryview(b"\n" * self._torn + b"".join(line + b"\n" for line in lines))
        whole = len(data)
        try:
            while data:
                data = data[os.write(self._file, data) :]
        finally:
            self._torn = bool(data) and (self._torn or len(data) < whole)
        if os.fstat(self._file).st_size > self._max_bytes:
            self._rotate()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _reopen(self) -> None:
        """Opens the file if it is not open, or if another process moved it away."""
        if self._file >= 0:
            if self._is_current():
                return
            self.close()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._inode = _inode(os.fstat(self._file))

    def _rotate(self) -> None:
        with _lock(self._path.with_suffix(".lock")):
            if not self._is_current():
                return  # another process was first
            for number in range(self._keep - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._old(number).replace(self._old(number + 1))
            self._path.replace(self._old(1))
        self.close()

    def _is_current(self) -> bool:
        """Whether the open file is still the one of that name."""
        try:
            return _inode(self._path.stat()) == self._inode
        except FileNotFoundError:
            return False

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _inode(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Held by one process at a time; the system releases it if that dies."""
    try:
        import fcntl
    except ImportError:  # Windows, where there is one process
        yield
        return
    lock = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
