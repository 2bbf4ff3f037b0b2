"""Reads the file of the usage rows: the rows themselves, or a summary of them.

Every call opens the file by itself. So it works in any thread, whether a gateway runs or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aigw.books import summary, usage_blocks, usage_groups
from aigw.books.usage_file import COLUMNS, FORMAT, selected
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.core.retrieval import Retrieved
from aigw.core.tokens import Tokens
from aigw.stores.sqlite_file import open_for_reading, unreadable

if TYPE_CHECKING:
    import sqlite3

_TOKENS = tuple(msgspec.structs.fields(Tokens))
_FIRST_TOKEN = list(COLUMNS).index("input")
_decode = msgspec.json.Decoder(tuple[Retrieved, ...]).decode

_LONGEST_SECONDS = 86_400.0
"""The longest possible duration of an answer, in seconds."""
_WINDOW = "FROM requests WHERE at >= :since AND at < :until"


def read(path: Path, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
    """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970.
    Raises FileError."""
    import sqlite3

    connection = open_for_reading(path, FORMAT)
    if connection is None:
        return
    with closing(connection):
        try:
            found = connection.execute(
                f"SELECT {selected(connection)} {_WINDOW} ORDER BY at, rowid",
                {"since": since, "until": float("inf") if until is None else until},
            )
            for values in found:
                yield row_of(values)
        except sqlite3.Error as error:
            raise unreadable(path, error) from None


def summarise(path: Path, question: Question, *, block: int = usage_blocks.BLOCK, threads: int = 1) -> summary.Summary:
    """Returns the summary of the file at one moment. Without a file, it is a summary of no requests. `block` is how
    many rows are added up at a time, `threads` how many threads do so. Raises FileError."""
    import sqlite3

    connection = open_for_reading(path, FORMAT)
    if connection is None:
        return summary.summarise(question, [], [0] * question.buckets, None)
    with closing(connection):
        try:
            connection.execute("BEGIN")  # all queries see one state of the file
            parts = usage_blocks.UsageBlocks(path, block, threads).read(connection, question)
            return _summary(connection, question, parts)
        except sqlite3.Error as error:
            raise unreadable(path, error) from None


def summarise_in(connection: sqlite3.Connection, question: Question) -> summary.Summary:
    """The summary of an open file. Raises sqlite3.Error."""
    rows = usage_groups.Rows(question.since, question.until)
    return _summary(connection, question, usage_groups.read(connection, question.by, rows))


def _summary(connection: sqlite3.Connection, question: Question, parts: Sequence[usage_groups.Part]) -> summary.Summary:
    groups = usage_groups.joined(connection, question.by, question.since, parts)
    series = _series(connection, question)
    (latest,) = connection.execute("SELECT max(at) FROM requests").fetchone()
    return summary.summarise(question, groups, series, latest)


def _series(connection: sqlite3.Connection, question: Question) -> list[int]:
    end = summary.series_end(question)
    start = end - question.buckets * question.bucket_s
    since = max(question.since, start - _LONGEST_SECONDS)
    found = connection.execute(
        f"SELECT CAST((at + total_ms / 1000 - :start) / :width AS INTEGER), sum(output) {_WINDOW}"
        " AND at + total_ms / 1000 >= :start AND at + total_ms / 1000 < :end AND output > 0 GROUP BY 1",
        {"since": since, "until": question.until, "start": start, "end": end, "width": question.bucket_s},
    )
    series = [0] * question.buckets
    for bucket, tokens in found:
        series[min(bucket, question.buckets - 1)] += tokens  # rounding may give one bucket too many
    return series


def row_of(values: tuple[Any, ...]) -> UsageRow:
    """Makes a row of the values of COLUMNS."""
    fields = dict(zip(COLUMNS, values, strict=True))
    tokens = Tokens(**{field.name: fields.pop(field.name) for field in _TOKENS})
    retrieved = _decode(fields["retrieved"]) if fields["retrieved"] else ()
    return UsageRow(**fields | {"stream": bool(fields["stream"]), "tokens": tokens, "retrieved": retrieved})


def values_of(row: UsageRow) -> tuple[Any, ...]:
    """The values of a row, in the order of COLUMNS."""
    values = msgspec.structs.astuple(row)
    retrieved = msgspec.json.encode(row.retrieved).decode() if row.retrieved else ""
    tokens = msgspec.structs.astuple(row.tokens)
    return (*values[:_FIRST_TOKEN], *tokens, *values[_FIRST_TOKEN + 1 : -3], retrieved, row.guard, row.session)
