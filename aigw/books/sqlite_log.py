"""The usage log in an SQLite file, which all processes with the same state folder share.

Rule: rows that come together are one transaction. If SQLite cannot hold one of them, the others are written all the
same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.books import numbered_rows, usage_query
from aigw.books.summary import Summary
from aigw.books.usage_file import COLUMNS, FORMAT
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.books.write_queue import WriteQueue
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
"""How many rows a transaction may have, so that other processes wait only milliseconds."""
PRUNE_SECONDS = 3600.0
_INSERT = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_SAME = "at = ?1 AND id = ?2"
_REPLACED = f"DELETE FROM requests WHERE {_SAME} AND rowid < (SELECT max(rowid) FROM requests WHERE {_SAME})"  # noqa: S608
"""Executed behind the insertion of what replaces it, which has a larger number then: who follows the file sees it."""
_PRUNE = "DELETE FROM requests WHERE rowid IN (SELECT rowid FROM requests WHERE at < ? LIMIT ?)"


class SqliteUsageLog(WriteQueue[UsageRow]):
    """A `UsageLog`."""

    def __init__(
        self,
        path: Path,
        *,
        interval: float,
        limit: int = 20_000,
        retention_days: float = 90.0,
        retry: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """The other parameters are those of `WriteQueue`.

        Raises ForeignFileError if the file belongs to another program or to a newer aigw. Other failures, such as a
        folder that cannot be written, only cost the statistics."""
        super().__init__(str(path), interval=interval, limit=limit, retry=retry, batch=BATCH)
        self.path = self._path = path
        self._retention = retention_days * 86400
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._prune_at = 0.0
        self._drafts: dict[str, UsageRow] = {}
        """The rows that will be replaced, by their ids."""
        _refuse_foreign(path)

    def draft(self, row: UsageRow) -> None:
        self._drafts[row.id] = row
        self.append(row)  # if the queue is full, this forgets the draft

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970.
        Raises FileError."""
        return usage_query.read(self._path, since=since, until=until)

    def recent(self, after: int, most: int) -> numbered_rows.Recent:
        """Returns the newest rows. Raises FileError."""
        return numbered_rows.recent(self._path, after, most)

    def find(self, id_: str) -> tuple[int, UsageRow] | None:
        """The row of a request, with its number. Raises FileError."""
        return numbered_rows.find(self._path, id_)

    def summarise(self, question: Question) -> Summary:
        """Takes up to 3 s for a million requests, and 0.3 s the next time, so a server must call it in a thread. Raises
        FileError."""
        return usage_query.summarise(self._path, question)

    def _write(self, rows: Sequence[UsageRow]) -> int:
        with self._as_store_errors():
            self._insert(self._connect(), rows)
        return len(rows)

    def _idle(self) -> None:
        with self._as_store_errors():
            self._prune()

    def _lose(self, rows: Sequence[UsageRow]) -> None:
        super()._lose(rows)
        for row in rows:
            self._drafts.pop(row.id, None)

    def _end(self) -> None:
        self._disconnect()

    @contextmanager
    def _as_store_errors(self) -> Iterator[None]:
        """Turns failures into StoreError, after which the file is opened again."""
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError, FileError) as error:
            self._disconnect()
            raise StoreError(f"{self._path}: {error}") from None

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[UsageRow]) -> None:
        complete = {row.id: row for row in rows if self._drafts.get(row.id, row) is not row}
        rows = [row for row in rows if complete.get(row.id, row) is row]
        replaced = [(row.at, row.id) for row in complete.values()]
        try:
            with _transaction(connection):
                connection.executemany(_INSERT, map(usage_query.values_of, rows))
                connection.executemany(_REPLACED, replaced)
        except _bad_row():
            with _transaction(connection):
                for row in rows:
                    self._insert_one(connection, row)
                connection.executemany(_REPLACED, replaced)
        for id_ in complete:
            self._drafts.pop(id_, None)

    def _insert_one(self, connection: sqlite3.Connection, row: UsageRow) -> None:
        """Writes one row. A row that SQLite cannot hold is lost, so that the others are written."""
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
        """The connection. It is opened again if somebody moved or deleted the file, which SQLite does not notice."""
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
        pass  # the trouble may pass before the first row comes


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
    """The exceptions for values that SQLite cannot hold, such as half a surrogate pair."""
    import sqlite3

    return (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError, OverflowError)
