"""The usage log in one SQLite file, shared by all processes that have the same state folder.

Rule: a caller only puts its row into a bounded queue. One thread writes what is there in one transaction, at most
`interval` seconds later; what cannot be written is tried again until the queue is full, then counted as lost."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.stores import usage_query
from aigw.stores.private import identity
from aigw.stores.sqlite_file import (
    BUSY_SECONDS,
    FileError,
    ForeignFileError,
    open_for_reading,
    open_for_writing,
)
from aigw.stores.usage_file import COLUMNS, FORMAT
from aigw.usage.question import Question
from aigw.usage.row import UsageRow
from aigw.usage.summary import Summary

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger("aigw")

BATCH = 1000
"""Rows in one transaction, so that other processes wait only milliseconds."""
PRUNE_SECONDS = 3600.0
_INSERT = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_PRUNE = "DELETE FROM requests WHERE rowid IN (SELECT rowid FROM requests WHERE at < ? LIMIT ?)"


class SqliteUsageLog:
    """A `UsageLog`. `lost` counts the rows that were given up, `failures` the writes that failed.

    The first failure is logged; the next ones are only counted. How many rows were lost is logged at the end."""

    def __init__(
        self,
        path: Path,
        *,
        interval: float = 0.1,
        limit: int = 20_000,
        retention_days: float = 90.0,
        retry: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`limit` is how many rows wait at most, `retry` the seconds between two attempts after a failure.

        Raises ForeignFileError for a file of another program or of a newer aigw. Everything else, such as a folder that
        cannot be written, only costs the statistics."""
        self.lost = 0
        self.failures = 0
        self._path = path
        self._interval = interval
        self._limit = limit
        self._retention = retention_days * 86400
        self._retry = retry
        self._now = now
        self._queue: deque[UsageRow] = deque()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._prune_at = 0.0
        _refuse_foreign(path)

    def append(self, row: UsageRow) -> None:
        if len(self._queue) >= self._limit or self._stop.is_set():
            self.lost += 1
            return
        self._queue.append(row)
        if not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._start()

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970.
        Raises FileError."""
        return usage_query.read(self._path, since=since, until=until)

    def summarise(self, question: Question) -> Summary:
        """Takes about 4 s for a million requests: in a server, call it in a thread. Raises FileError."""
        return usage_query.summarise(self._path, question)

    def close(self, seconds: float = 2 * BUSY_SECONDS) -> None:
        """Writes what is left; waits for so long at most. A thread that is later still writes on while the process
        lives."""
        with self._starting:
            if self._stop.is_set():
                return
            self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._thread is not None and self._thread.is_alive():
            log.warning("%d usage rows may be lost: %s takes too long", len(self._queue), self._path)
            return
        self.lost += len(self._queue)
        self._queue.clear()
        if self.lost:
            log.warning("%d usage rows could not be written to %s", self.lost, self._path)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="usage log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._stop.wait(self._interval)
            self._wake.clear()
            if not self._write():
                self._stop.wait(self._retry)
                self._wake.set()
        self._write()
        self._disconnect()

    def _write(self) -> bool:
        """Writes all that waits. False if that is not possible now."""
        import sqlite3

        try:
            while self._queue:
                rows = [self._queue[n] for n in range(min(len(self._queue), BATCH))]
                self._insert(self._connect(), rows)
                for _ in rows:
                    self._queue.popleft()
            self._prune()
        except (sqlite3.Error, OSError, FileError) as error:
            self._disconnect()
            self._failed(error)
            return False
        return True

    def _insert(self, connection: sqlite3.Connection, rows: list[UsageRow]) -> None:
        try:
            with _transaction(connection):
                connection.executemany(_INSERT, map(usage_query.values_of, rows))
        except _bad_row():
            with _transaction(connection):
                for row in rows:
                    self._insert_one(connection, row)

    def _insert_one(self, connection: sqlite3.Connection, row: UsageRow) -> None:
        """One row that SQLite cannot hold must not keep the others out."""
        try:
            connection.execute(_INSERT, usage_query.values_of(row))
        except _bad_row() as error:
            self.lost += 1
            self._failed(error)

    def _prune(self) -> None:
        if self._now() < self._prune_at or self._connection is None:
            return
        oldest = self._now() - self._retention
        while self._connection.execute(_PRUNE, (oldest, BATCH)).rowcount == BATCH:
            pass
        self._prune_at = self._now() + PRUNE_SECONDS

    def _connect(self) -> sqlite3.Connection:
        """Opened again when somebody moved or deleted the file, which SQLite itself would not notice."""
        if self._connection is not None and identity(self._path) != self._file:
            self._disconnect()
        if self._connection is None:
            self._connection = open_for_writing(self._path, FORMAT)
            self._file = identity(self._path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            log.warning("usage is not kept: %s: %s", self._path, error)


def _refuse_foreign(path: Path) -> None:
    try:
        if connection := open_for_reading(path, FORMAT):
            connection.close()
    except ForeignFileError:
        raise
    except FileError:
        pass  # may pass until the first row is written


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself may have rolled back
            connection.execute("ROLLBACK")
        raise


def _bad_row() -> tuple[type[Exception], ...]:
    """What a value raises that SQLite cannot hold, such as half of a surrogate pair."""
    import sqlite3

    return (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError, OverflowError)
