"""The access log: a JSON line for each request, in a file that all processes with the same state folder share.

Rule: a batch of lines is one write in append mode, so that the lines of several processes never mix. A process that
finds the file too large moves it away under a lock. The others notice that their file has lost its name."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from aigw.stores.private import LineFile, locked

FILE_NAME = "access.jsonl"
MAX_BYTES = 64 * 1024 * 1024
KEEP = 5


class AccessLog:
    """Writes the log. `write` waits for the disk, so it must not run on the event loop. Raises OSError."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        """Keeps `keep` old files beside the current one: access.jsonl.1 is the newest of them."""
        self._path = folder / FILE_NAME
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: LineFile | None = None

    def open(self) -> None:
        """Makes the file, so that it is there before the first request is."""
        if self._file is None:
            self._file = LineFile(self._path)

    def write(self, lines: Sequence[bytes]) -> None:
        """Appends lines, which come without their line ends."""
        if not lines:
            return
        if self._file is None or not self._file.is_at(self._path):  # another process moved it away
            self.close()
            self._file = LineFile(self._path)
        self._file.write(lines)
        if self._file.size > self._max_bytes:
            self._rotate(self._file)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rotate(self, file: LineFile) -> None:
        with locked(self._path.with_suffix(".lock")):
            if not file.is_at(self._path):
                return  # another process was first
            for number in range(self._keep - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._old(number).replace(self._old(number + 1))
            self._path.replace(self._old(1))
        self.close()

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
