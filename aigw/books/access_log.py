"""The access log: a JSON line for each request, in a file that all processes with the same state folder share.

Rule: a batch of lines is one write in append mode, so that the lines of several processes never mix. A process that
finds the file too large moves it away under a lock. The others notice that their file has lost its name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from aigw.books.usage_row import UsageRow
from aigw.books.write_queue import Words, WriteQueue
from aigw.core.exchange import Exchange
from aigw.core.plain import plain_json_line
from aigw.core.stores import StoreError
from aigw.stores.private import LineFile, locked

FILE_NAME = "access.jsonl"
MAX_BYTES = 64 * 1024 * 1024
KEEP = 5
WAITING = 20_000
"""How many lines may wait while they cannot be written."""

_encode = msgspec.json.Encoder().encode


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


class AccessQueue(WriteQueue[bytes]):
    """The lines that wait to be written to the log."""

    def __init__(self, log: AccessLog, *, interval: float = 0.0, retry: float = 1.0) -> None:
        words = Words("lines", "the access log cannot be written")
        super().__init__("the access log", words, interval=interval, limit=WAITING, retry=retry, batch=1000)
        self._log = log

    def open(self) -> None:
        """Makes the file, so that it is there before the first request is."""
        with contextlib.suppress(OSError):  # the first write will say what is wrong
            self._log.open()

    def _write(self, items: Sequence[bytes]) -> None:
        try:
            self._log.write(items)
        except OSError as error:
            raise StoreError(error.strerror or str(error)) from None

    def _idle(self) -> None:
        """Does nothing: lines that are written are on disk."""

    def _end(self) -> None:
        self._log.close()


def as_json(row: UsageRow, exchange: Exchange) -> bytes:
    """Returns a line of the log, without the line break."""
    original = exchange.original
    more: dict[str, Any] = {"method": original.method, "path": original.path, "client": exchange.client}
    labels = exchange.labels
    if labels.ai_log:
        more["ai_log"] = labels.ai_log
    if labels.log_properties:
        more["log_properties"] = labels.log_properties
    try:
        rest = _encode(more)
    except UnicodeEncodeError:  # a header or the path has bytes that are not UTF-8
        rest = json.dumps(more, ensure_ascii=False).encode("utf-8", "replace")
    return plain_json_line(
        _encode(row)[:-1] + b"," + rest[1:]
    )  # joins two JSON objects as text, which is faster than as dicts
