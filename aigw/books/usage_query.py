"""Reads the file of the usage rows: the rows themselves, or a summary that SQLite groups and adds up.

Every call opens the file by itself. So it works in any thread, whether a gateway runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aigw.books import summary
from aigw.books.question import BY, Question
from aigw.books.usage_file import COLUMNS, FORMAT, has, selected
from aigw.books.usage_row import UsageRow
from aigw.core.retrieval import Retrieved
from aigw.core.tokens import Tokens
from aigw.stores.sqlite_file import open_for_reading, unreadable

if TYPE_CHECKING:
    import sqlite3

_TOKENS = tuple(msgspec.structs.fields(Tokens))
_FIRST_TOKEN = list(COLUMNS).index("input")
_decode = msgspec.json.Decoder(tuple[Retrieved, ...]).decode

UNKNOWN_MODEL = "unknown model"
MODEL = "CASE WHEN model <> '' THEN model ELSE asked END"
_DENIED = "(status = 404 OR error = 'price_unknown' OR error LIKE '%model%not%')"
TAKEN = f"(status < 400 OR (attempts > 0 AND NOT {_DENIED}))"
REFUSED = f"((status >= 400 AND {_DENIED}) OR (status BETWEEN 400 AND 498 AND attempts = 0))"
_KNOWN = f"SELECT {MODEL} FROM requests WHERE at >= :since - 86400 AND at < :until AND {TAKEN}"  # noqa: S608
_UNKNOWN = f"({MODEL} <> '' AND {REFUSED} AND {MODEL} NOT IN ({_KNOWN}))"
"""A refused name that no provider was asked for, or that those who were asked did not know, in this time and the day
before: whatever clients make up is one line."""
_KEYS = dict(zip(BY, BY, strict=True)) | {
    "model": f"CASE WHEN {_UNKNOWN} THEN '{UNKNOWN_MODEL}' ELSE {MODEL} END",
    "day": "strftime('%Y-%m-%d', CAST(at AS INTEGER), 'unixepoch', 'localtime')",
}
"""SQL for the names that are not columns."""

ERROR = "(outcome = 'failed' OR (status >= 400 AND outcome <> 'aborted'))"
"""SQL for what `UsageRow.failed` says."""
_NOTHING_USED = f"(source = 'absent' AND ({ERROR} OR cache = 'hit' OR cost IS 0))"
GENERATION_MS = "(total_ms - coalesce(first_token_ms, 0))"
GENERATED = f"(output > 0 AND cache <> 'hit' AND {GENERATION_MS} > 0)"

_TOTAL = ("input", "cache_read", "cache_write", "output", "reasoning")
_SUMS = {name: f"coalesce(sum({name}), 0)" for name in _TOTAL} | {
    "requests": "count(*)",
    "cost": "sum(cost)",
    "unpriced": f"sum(cost IS NULL AND NOT {_NOTHING_USED})",
    "errors": f"sum({ERROR})",
    "cache_hits": "sum(cache = 'hit')",
    "denied": "sum(guard = 'denied')",
    "estimated": "sum(source = 'estimated')",
    "absent": f"sum(source = 'absent' AND NOT {_NOTHING_USED})",
    "generated": f"coalesce(sum(CASE WHEN {GENERATED} THEN output END), 0)",
    "generation_ms": f"coalesce(sum(CASE WHEN {GENERATED} THEN {GENERATION_MS} END), 0.0)",
}
"""SQL for the fields of `summary.Sums`."""

# One text a group, in whole microseconds: four times as fast as one row a request.
_FIRST_TOKENS = "group_concat(CAST(round(first_token_ms * 1000) AS INTEGER))"
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


def summarise(path: Path, question: Question) -> summary.Summary:
    """The summary of the file at one moment. Without a file it is one of no requests. Raises FileError."""
    import sqlite3

    connection = open_for_reading(path, FORMAT)
    if connection is None:
        return summary.summarise(question, [], [0] * question.buckets, None)
    with closing(connection):
        try:
            connection.execute("BEGIN")  # all queries see one state of the file
            return summarise_in(connection, question)
        except sqlite3.Error as error:
            raise unreadable(path, error) from None


def summarise_in(connection: sqlite3.Connection, question: Question) -> summary.Summary:
    """The summary of an open file. Raises sqlite3.Error."""
    groups = _groups(connection, question)
    series = _series(connection, question)
    (latest,) = connection.execute("SELECT max(at) FROM requests").fetchone()
    return summary.summarise(question, groups, series, latest)


def _groups(connection: sqlite3.Connection, question: Question) -> list[summary.Group]:
    keys = [_KEYS[name] if has(connection, name) else "''" for name in question.by]
    sums = _SUMS | ({} if has(connection, "guard") else {"denied": "0"})
    grouping = f"GROUP BY {', '.join(str(n + 1) for n in range(len(keys)))}" if keys else "GROUP BY NULL"
    found = connection.execute(
        f"SELECT {', '.join([*keys, *sums.values(), _FIRST_TOKENS, 'min(at)'])} {_WINDOW} {grouping}",
        {"since": question.since, "until": question.until},
    )
    return [_group(values, len(keys)) for values in found]


def _group(values: tuple[Any, ...], keys: int) -> summary.Group:
    *found, first_tokens, first = values
    sums = summary.Sums(**dict(zip(_SUMS, found[keys:], strict=True)))
    return summary.Group(tuple(found[:keys]), sums, _milliseconds(first_tokens), first)


def _series(connection: sqlite3.Connection, question: Question) -> list[int]:
    end = summary.series_end(question)
    start = end - question.buckets * question.bucket_s
    found = connection.execute(
        f"SELECT CAST((at + total_ms / 1000 - :start) / :width AS INTEGER), sum(output) {_WINDOW}"
        " AND at + total_ms / 1000 >= :start AND at + total_ms / 1000 < :end AND output > 0 GROUP BY 1",
        {"since": question.since, "until": question.until, "start": start, "end": end, "width": question.bucket_s},
    )
    series = [0] * question.buckets
    for bucket, tokens in found:
        series[min(bucket, question.buckets - 1)] += tokens  # rounding may give one bucket too many
    return series


def _milliseconds(text: str | None) -> list[float]:
    return [int(each) / 1000 for each in text.split(",")] if text else []


def row_of(values: tuple[Any, ...]) -> UsageRow:
    """The row of the values of COLUMNS."""
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
