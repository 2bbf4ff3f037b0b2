"""The access log: one JSON line a request, shared by all processes that have the same state folder, rotated by size.

Rule: a batch of lines is one write in append mode, so that lines of several processes never mix; whoever finds the file
too large moves it away under a lock, and the others notice that their file is no longer the one of that name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from aigw.stores.private import identity, locked, open_to_append, write_all

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
        self._identity: tuple[int, int] | None = None

    def write(self, lines: Sequence[bytes]) -> None:
        """Appends the lines, each without its line end."""
        if not lines:
            return
        self._reopen()
        write_all(self._file, b"".join(line + b"\n" for line in lines))
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
        self._file = open_to_append(self._path)
        self._identity = identity(self._file)

    def _rotate(self) -> None:
        with locked(self._path.with_suffix(".lock")):
            if not self._is_current():
                return  # another process was first
            for number in range(self._keep - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._old(number).replace(self._old(number + 1))
            self._path.replace(self._old(1))
        self.close()

    def _is_current(self) -> bool:
        """Whether the open file is still the one of that name."""
        return identity(self._path) == self._identity

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
