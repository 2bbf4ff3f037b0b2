"""Numbers the rows of the file of usage, so that a reader can ask for rows that are newer than those it has seen.

Rule: a row's number grows with the time at which it was written, in whatever process. A row that replaces a draft gets
a number of its own, so that readers see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from aigw.books.recent_rows import opened
from aigw.books.usage_file import selected
from aigw.books.usage_query import row_of
from aigw.books.usage_row import UsageRow

if TYPE_CHECKING:
    import sqlite3

_decode = msgspec.json.Decoder(list[list[Any]]).decode


class Recent(NamedTuple):
    """The newest rows. `last` is the number of the newest row, 0 if there is none. `rows` are the newest ones, oldest
    first, each with its number. `left_out` counts the further rows that are newer than the ones that the reader has
    seen."""

    last: int
    rows: list[tuple[int, UsageRow]]
    left_out: int = 0


def recent(path: Path, after: int, most: int) -> Recent:
    """Returns at most `most` rows with numbers above `after`. If no row has the number `after`, the file was begun
    anew, and all its rows are new. Raises FileError.

    SQLite returns all rows as one JSON text, in which numbers have 15 digits. A thread that fetched them one by one
    would have to wait for Python's lock at each row."""
    with opened(path) as connection:
        return Recent(0, []) if connection is None else _recent(connection, after, most)


def _recent(connection: sqlite3.Connection, after: int, most: int) -> Recent:
    (last,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM requests").fetchone()
    after = after if after <= last else 0
    if after == last or not most:
        return Recent(last, [], last - after)
    (found,) = connection.execute(
        f"SELECT json_group_array(json_array(rowid, {selected(connection)})) FROM (SELECT rowid, * FROM requests"  # noqa: S608
        " WHERE rowid > ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?)",
        (after, last, most),
    ).fetchone()
    rows = [(number, row_of(tuple(values))) for number, *values in reversed(_decode(found))]
    return Recent(last, rows, max(last - after - len(rows), 0))


def find(path: Path, id_: str) -> tuple[int, UsageRow] | None:
    """Returns the row of a request with its number, None if there is none. The older the row, the longer it takes.
    Raises FileError."""
    with opened(path) as connection:
        if connection is None:
            return None
        found = connection.execute(
            f"SELECT rowid, {selected(connection)} FROM requests WHERE id = ? ORDER BY rowid DESC LIMIT 1",  # noqa: S608
            (id_,),
        ).fetchone()
    return None if found is None else (found[0], row_of(tuple(found[1:])))
