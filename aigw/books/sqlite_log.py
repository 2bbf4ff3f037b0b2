"""The usage log in one SQLite file, shared by all processes that have the same state folder.

Rule: rows that come together are one transaction; a row that SQLite cannot hold keeps no other out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.books import usage_query
from aigw.books.question import Question
from aigw.books.summary import Summary
from aigw.books.usage_file import COLUMNS, FORMAT
from aigw.books.usage_queue import UsageQueue
from aigw.books.usage_row import UsageRow
from aigw.core.stores import StoreError
from aigw.stores.private import identity
from aigw.stores.sqlite_file import (
    FileError,
    ForeignFileError,
    open_for_reading,
    open_for_writing,
)

if TYPE_CHECKING:
    import sqlite3

BATCH = 1000
"""Rows in one transaction, so that other processes wait only milliseconds."""
PRUNE_SECONDS = 3600.0
_INSERT = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_PRUNE = "DELETE FROM requests WHERE rowid IN (SELECT rowid FROM requests WHERE at < ? LIMIT ?)"


class SqliteUsageLog(UsageQueue):
    """A `UsageLog`."""

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
        """The others are as in `UsageQueue`.

        Raises ForeignFileError for a file of another program or of a newer aigw. Everything else, such as a folder that
        cannot be written, only costs the statistics."""
        super().__init__(str(path), interval=interval, limit=limit, retry=retry, batch=BATCH)
        self._path = path
        self._retention = retention_days * 86400
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._prune_at = 0.0
        _refuse_foreign(path)

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970.
        Raises FileError."""
        return usage_query.read(self._path, since=since, until=until)

    def summarise(self, question: Question) -> Summary:
        """Takes about 4 s for a million requests: in a server, call it in a thread. Raises FileError."""
        return usage_query.summarise(self._path, question)

    def _write(self, rows: Sequence[UsageRow]) -> None:
        with self._telling():
            self._insert(self._connect(), rows)

    def _idle(self) -> None:
        with self._telling():
            self._prune()

    def _end(self) -> None:
        self._disconnect()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Makes a StoreError of what goes wrong; next time the file is opened anew."""
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError, FileError) as error:
            self._disconnect()
            raise StoreError(f"{self._path}: {error}") from None

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[UsageRow]) -> None:
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
