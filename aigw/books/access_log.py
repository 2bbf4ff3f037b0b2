"""The access log: a JSON line for each request, in a file that all processes with the same state folder share.

Rule: a batch of lines is one write in append mode, so that the lines of several processes never mix. A process that
finds the file too large moves it away under a lock, before it writes. The others notice that their file has lost its
name."""

from __future__ import annotations

import contextlib
import json
import logging
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

log = logging.getLogger("aigw")

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
        self._stuck = False
        """Whether the last rotation failed."""

    def open(self) -> None:
        """Makes the file, so that it is there before the first request is."""
        if self._file is None:
            self._file = LineFile(self._path)

    def write(self, lines: Sequence[bytes]) -> int:
        """Appends lines, which come without their line ends. Returns how many are in the file now: the first ones, if
        the disk is full. It raises only if none is."""
        return self._current().write(lines) if lines else 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _current(self) -> LineFile:
        """The file to write to. If it has become too large, it is a new one."""
        if self._file is not None and not self._file.is_at(self._path):  # another process moved it away
            self.close()
        if self._file is not None and self._file.size > self._max_bytes:
            self._try_to_rotate(self._file)
        if self._file is None:
            self._file = LineFile(self._path)
        return self._file

    def _try_to_rotate(self, file: LineFile) -> None:
        """Moves the file away. If that fails, lines are appended to it as before, until it succeeds."""
        try:
            self._rotate(file)
            self._stuck = False
        except OSError as error:
            if not self._stuck:
                log.warning("%s cannot be moved away and grows on: %s", self._path, error)
            self._stuck = True

    def _rotate(self, file: LineFile) -> None:
        with locked(self._path.with_suffix(".lock")):
            was_first = file.is_at(self._path)
            self.close()  # Windows moves no open file
            if was_first:
                self._shift()

    def _shift(self) -> None:
        """Gives each file the next number, up to the first number that is free: no file is dropped before one takes its
        place."""
        free = next((number for number in range(1, self._keep) if not self._old(number).exists()), self._keep)
        for number in range(free - 1, 0, -1):
            self._old(number).replace(self._old(number + 1))
        self._path.replace(self._old(1))

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class AccessQueue(WriteQueue[bytes]):
    """The lines that wait to be written to the log."""

    def __init__(self, log: AccessLog, *, interval: float, retry: float = 1.0) -> None:
        words = Words("lines", "the access log cannot be written")
        super().__init__("the access log", words, interval=interval, limit=WAITING, retry=retry, batch=1000)
        self._log = log

    def open(self) -> None:
        """Makes the file, so that it is there before the first request is."""
        with contextlib.suppress(OSError):  # the first write will say what is wrong
            self._log.open()

    def _write(self, items: Sequence[bytes]) -> int:
        try:
            return self._log.write(items)
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
    if labels.failed:
        more["failed"] = [{"provider": name, "reason": reason} for name, reason in labels.failed]
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
