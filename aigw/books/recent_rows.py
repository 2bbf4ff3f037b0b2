"""Reads the latest rows of the file of usage, and then new ones as they come. The time does not depend on the size of
the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aigw.books.usage_file import FORMAT, selected
from aigw.books.usage_groups import ERROR
from aigw.books.usage_query import row_of
from aigw.books.usage_row import UsageRow
from aigw.stores.sqlite_file import open_for_reading, unreadable

if TYPE_CHECKING:
    import sqlite3

FAILED = "failed"
MOST = 1 << 62


class RowFilter(NamedTuple):
    """Which rows are read. `model` (the one that answered or the one that was requested), `route` and `consumer` are
    names, in which * stands for any text; "" allows every name. `statuses` are the lowest and the highest status. With
    `failed`, only failed requests are read. `since` is in seconds since 1970."""

    model: str = ""
    route: str = ""
    consumer: str = ""
    statuses: tuple[int, int] | None = None
    failed: bool = False
    since: float = 0.0

    def sql(self) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {"since": self.since}
        parts = ["at >= :since"]
        if self.model:
            parts.append("(model GLOB :model OR asked GLOB :model)")
        parts += [f"{name} GLOB :{name}" for name in ("route", "consumer") if getattr(self, name)]
        values |= {name: _glob(getattr(self, name)) for name in ("model", "route", "consumer")}
        if self.statuses is not None:
            parts.append("status BETWEEN :first AND :last")
            values |= {"first": self.statuses[0], "last": self.statuses[1]}
        return " AND ".join(parts + [ERROR] * self.failed), values


def statuses(text: str) -> tuple[int, int]:
    """The first and the last status that 429 or 4xx mean. Raises ValueError."""
    for digits, unknown in ((text, ""), (text[:1], text[1:])):
        if digits.isdecimal() and digits.isascii() and unknown.lower() in ("", "xx") and len(text) == 3:
            return int(digits + "0" * len(unknown)), int(digits + "9" * len(unknown))
    raise ValueError(f"{text!r} is no status; write 429, 4xx or {FAILED}")


class RecentRows:
    """The rows of a file, from the first call on only new ones. A row that is replaced, because its cost was not known
    yet, comes once."""

    def __init__(self, path: Path, wanted: RowFilter) -> None:
        self._path = path
        self._wanted = wanted
        self._after = 0
        self._seen: dict[str, None] = {}

    def latest(self, number: int) -> list[UsageRow]:
        """The latest ones, in the order in which they ended. Raises FileError."""
        return self._take(number)

    def new(self) -> list[UsageRow]:
        """Returns the rows that have come since the last call. Raises FileError."""
        return self._take(MOST)

    def _take(self, number: int) -> list[UsageRow]:
        with opened(self._path) as connection:
            if connection is None:
                return []
            newest = connection.execute("SELECT coalesce(max(rowid), 0) FROM requests").fetchone()[0]
            after = self._after if newest >= self._after else 0  # it is another file, or all rows had been too old
            self._after = newest
            where, values = self._wanted.sql()
            found = connection.execute(
                f"SELECT {selected(connection)} FROM requests WHERE rowid > :after AND rowid <= :newest AND {where}"  # noqa: S608
                " ORDER BY rowid DESC LIMIT :number",
                values | {"after": after, "newest": newest, "number": number},
            ).fetchall()
        rows = [row_of(each) for each in reversed(found)]
        fresh = [row for row in rows if row.id not in self._seen]
        self._seen = dict.fromkeys([*self._seen, *(row.id for row in fresh)][-10_000:])
        return fresh


def count(path: Path, since: float) -> int | None:
    """Returns how many requests have come since a time, None if there is no file. Raises FileError."""
    with opened(path) as connection:
        if connection is None:
            return None
        found = connection.execute("SELECT count(*) FROM requests WHERE at >= ?", (since,)).fetchone()
        return int(found[0])


def row_with(path: Path, id_: str, since: float) -> UsageRow | None:
    """The row of a request that has come since then. Raises FileError."""
    with opened(path) as connection:
        if connection is None:
            return None
        found = connection.execute(
            f"SELECT {selected(connection)} FROM requests WHERE at >= ? AND id = ?",  # noqa: S608
            (since, id_),
        ).fetchone()
        return row_of(found) if found is not None else None


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Opens the file; yields None if there is none. Raises FileError, also for failures of SQLite in the block."""
    import sqlite3

    connection = open_for_reading(path, FORMAT)
    if connection is None:
        yield None
        return
    with closing(connection):
        try:
            yield connection
        except sqlite3.Error as error:
            raise unreadable(path, error) from None


def _glob(pattern: str) -> str:
    """Returns a GLOB pattern of SQLite in which only * is special."""
    return "".join(f"[{each}]" if each in "[?" else each for each in pattern)
