"""The files of traced requests: JSON lines in `trace/` below the state folder. All processes share the folder.

Rule: each process writes its own files, which have a bounded length; each line is one write. A process that begins a
new file deletes the oldest files, so that about the last 1,000 requests or 50 MiB stay. Readers skip torn lines."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from aigw.stores.private import LineFile, make_folder, open_file, refuse_strange_folder

FOLDER = "trace"
"""The folder below the state folder."""
MAX_REQUESTS, MAX_BYTES = 1000, 50 * 1024 * 1024
_PARTS = 10
"""A file has at most one such part of everything that is kept."""


class TraceFiles:
    """Writes traces. `write` waits for the disk, so it must not run on the event loop. Raises OSError."""

    def __init__(
        self,
        folder: Path,
        *,
        max_requests: int = MAX_REQUESTS,
        max_bytes: int = MAX_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._now = now
        self._path = folder
        self._file: LineFile | None = None
        self._lines = self._bytes = self._number = 0
        self._counted: dict[str, int] = {}

    def write(self, line: bytes) -> None:
        """Appends a line, which comes without its line end."""
        full = self._lines >= self._max_requests // _PARTS or self._bytes + len(line) > self._max_bytes // _PARTS
        file = self._file
        if file is None or full or not file.is_at(self._path):  # another process may have deleted it
            file = self._begin()
        file.write([line])
        self._lines += 1
        self._bytes += len(line) + 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> LineFile:
        self.close()
        make_folder(self._folder)
        self._prune()
        self._number += 1
        began = datetime.fromtimestamp(self._now(), UTC)
        self._path = self._folder / f"{began:%Y%m%dT%H%M%S.%f}-{os.getpid()}-{self._number}.jsonl"
        self._file = LineFile(self._path)
        self._lines = self._bytes = 0
        return self._file

    def _prune(self) -> None:
        """Makes room for a new file."""
        requests, size = self._max_requests // _PARTS, self._max_bytes // _PARTS
        for path in sorted(self._folder.glob("*.jsonl"), reverse=True):
            with contextlib.suppress(FileNotFoundError):
                requests += self._count(path)
                size += path.stat().st_size
                if requests > self._max_requests or size > self._max_bytes:
                    path.unlink()
                    self._counted.pop(path.name, None)

    def _count(self, path: Path) -> int:
        """Counts the lines of a file. Finished files of this process do not grow, so they are counted once."""
        count = self._counted.get(path.name)
        if count is None:
            with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
                count = sum(1 for _ in file)
            if f"-{os.getpid()}-" in path.name:
                self._counted[path.name] = count
        return count


def read_lines(folder: Path) -> Iterator[bytes]:
    """All lines, from the oldest file to the newest. Raises OSError."""
    refuse_strange_folder(folder)
    for path in sorted(folder.glob("*.jsonl")):
        try:
            with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
                yield from file
        except FileNotFoundError:
            continue  # deleted to make room meanwhile
