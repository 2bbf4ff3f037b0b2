"""Groups usage rows by names and adds them up with SQLite, and joins such sums of several parts of the rows.

Rule: whether a client has made a name up shows only when all parts are together. So each group says whether a provider
knew its model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from aigw.books import summary
from aigw.books.usage_file import has
from aigw.books.usage_question import BY

if TYPE_CHECKING:
    import sqlite3

UNKNOWN_MODEL = "unknown model"
MODEL = "CASE WHEN model <> '' THEN model ELSE asked END"
_DENIED = "(status = 404 OR error = 'price_unknown' OR error LIKE '%model%not%')"
TAKEN = f"(status < 400 OR (attempts > 0 AND NOT {_DENIED}))"
REFUSED = f"((status >= 400 AND {_DENIED}) OR (status BETWEEN 400 AND 498 AND attempts = 0))"
"""SQL for a request whose model a provider knew, and for one that was refused before a provider was asked, or because
the provider did not know its model. No request is both."""
_WAS_TAKEN, _WAS_REFUSED = 1, 2
_KIND = f"CASE WHEN {REFUSED} THEN {_WAS_REFUSED} WHEN {TAKEN} THEN {_WAS_TAKEN} ELSE 0 END"
_DAY_SECONDS = 86_400.0
_KEYS = dict(zip(BY, BY, strict=True)) | {
    "model": MODEL,
    "day": "strftime('%Y-%m-%d', CAST(at AS INTEGER), 'unixepoch', 'localtime')",
}
"""SQL for the names that are not columns."""

ERROR = "(outcome = 'failed' OR (status >= 400 AND outcome <> 'aborted'))"
"""The condition of `UsageRow.failed` in SQL."""
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
_REQUESTS = list(_SUMS).index("requests")

# One text a group: four times as fast as one row a request.
_EXACT = "group_concat(CAST(round(first_token_ms * 1000) AS INTEGER))"
_ROUNDED = "group_concat(CASE WHEN first_token_ms IS NOT NULL THEN printf('%.2e', first_token_ms) END)"


class Rows(NamedTuple):
    """The rows that arrived from `since` until before `until`, in seconds since 1970, and that have the numbers from
    `first` until before `end`, if these are given."""

    since: float
    until: float
    first: int | None = None
    end: int | None = None


class Part(msgspec.Struct, array_like=True):
    """The requests with one key among some rows. `kind` says whether a provider knew their model. `sums` are as in
    _SUMS. `first_tokens` counts the times to the first token, in milliseconds. `first` is the earliest arrival."""

    key: tuple[str, ...]
    kind: int
    sums: list[int | float | None]
    first_tokens: dict[float, int]
    first: float

    @property
    def requests(self) -> int:
        return int(self.sums[_REQUESTS] or 0)

    def add(self, other: Part) -> None:
        self.sums = [
            mine if its is None else its if mine is None else mine + its
            for mine, its in zip(self.sums, other.sums, strict=True)
        ]
        for time, number in other.first_tokens.items():
            self.first_tokens[time] = self.first_tokens.get(time, 0) + number
        self.first = min(self.first, other.first)


def statement(connection: sqlite3.Connection, by: Sequence[str], *, numbered: bool, rounded: bool) -> str:
    """`numbered` is for rows with certain numbers, which are read in the order of these. With `rounded`, times to the
    first token have three digits."""
    keys = [_KEYS[name] if has(connection, name) else "''" for name in by]
    sums = _SUMS | ({} if has(connection, "guard") else {"denied": "0"})
    columns = [*keys, _KIND if "model" in by else "0", *sums.values(), _ROUNDED if rounded else _EXACT, "min(at)"]
    table = "requests NOT INDEXED" if numbered else "requests"
    numbers = " AND rowid >= :first AND rowid < :end" if numbered else ""
    grouped = ", ".join(str(place + 1) for place in range(len(keys) + 1))
    return (
        f"SELECT {', '.join(columns)} FROM {table} WHERE at >= :since AND at < :until{numbers}"  # noqa: S608
        f" GROUP BY {grouped}"
    )


def read(connection: sqlite3.Connection, by: Sequence[str], rows: Rows, *, rounded: bool = False) -> list[Part]:
    text = statement(connection, by, numbered=rows.first is not None, rounded=rounded)
    scale = 1.0 if rounded else 1000.0
    return [_part(values, len(by), scale) for values in connection.execute(text, rows._asdict())]


def _part(values: tuple[Any, ...], keys: int, scale: float) -> Part:
    *found, first_tokens, first = values
    counted = Counter(first_tokens.split(",")) if first_tokens else {}
    times = {float(time) / scale: number for time, number in counted.items()}
    return Part(tuple(found[:keys]), found[keys], found[keys + 1 :], times, first)


def joined(
    connection: sqlite3.Connection, by: Sequence[str], since: float, parts: Iterable[Part]
) -> list[summary.Group]:
    """The groups of all parts. A refused model's name becomes UNKNOWN_MODEL if no provider knew it since `since` or on
    the day before, so that all names that clients make up are one line."""
    found: dict[tuple[tuple[str, ...], int], Part] = {}
    for part in parts:
        _add(found, (part.key, part.kind), part)
    named: dict[tuple[str, ...], Part] = {}
    place = by.index("model") if "model" in by else -1
    unknown = _unknown(connection, since, found.values(), place) if place >= 0 else frozenset()
    for part in found.values():
        key = part.key
        if part.kind == _WAS_REFUSED and key[place] in unknown:
            key = (*key[:place], UNKNOWN_MODEL, *key[place + 1 :])
        _add(named, key, part)
    return [_group(key, part) for key, part in named.items()]


def _add(found: dict[Any, Part], key: Any, part: Part) -> None:
    if key in found:
        found[key].add(part)
    else:
        found[key] = part


def _unknown(connection: sqlite3.Connection, since: float, parts: Iterable[Part], place: int) -> frozenset[str]:
    """The names of models that were only refused."""
    names: dict[int, set[str]] = {_WAS_TAKEN: set(), _WAS_REFUSED: set()}
    for part in parts:
        names.setdefault(part.kind, set()).add(part.key[place])
    doubtful = names[_WAS_REFUSED] - names[_WAS_TAKEN] - {""}
    if not doubtful:
        return frozenset()
    before = connection.execute(
        f"SELECT DISTINCT {MODEL} FROM requests WHERE at >= ? AND at < ? AND {TAKEN}",  # noqa: S608
        (since - _DAY_SECONDS, since),
    )
    return frozenset(doubtful.difference(name for (name,) in before))


def _group(key: tuple[str, ...], part: Part) -> summary.Group:
    sums = summary.Sums(**dict(zip(_SUMS, part.sums, strict=True)))  # type: ignore[arg-type]
    return summary.Group(key, sums, part.first_tokens, part.first)
