"""The figures of a time: of each of its steps, and by model, consumer, route and day.

Rule: an unknown number is never 0. A cache hit has saved what such a request usually cost in the same time; this is
unknown if no such request was paid for. A step that is over is read once. If there are very many requests, the times to
the first token are those of a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from aigw.books.recent_rows import opened
from aigw.books.summary import percentile
from aigw.books.usage_groups import ERROR, GENERATED, GENERATION_MS, MODEL, REFUSED, TAKEN, UNKNOWN_MODEL

if TYPE_CHECKING:
    import sqlite3

OTHERS = "..."
"""The name under which all are summed up that are not among the MOST_NAMES with the most requests."""
MOST_NAMES = 100
_MOST_GROUPS = 2000
"""How many combinations of names are read of a step. Clients may make names up."""
_SAMPLE = 50_000
"""About how many requests are sampled for the times to the first token."""
_SETTLED_SECONDS = 300.0
"""How long after the end of a step its rows may still be replaced."""
_MOST_KEPT = 2000
"""How many parts are remembered."""
_STEPS_A_CHECK = 100_000
"""How many steps of SQLite's machine pass between two looks at whether the answer is still wanted."""

_KINDS = ("model", "consumer", "route")
_WINDOW = "FROM requests WHERE at >= :since AND at < :until"
_SUMS = (
    "count(*)", f"sum({ERROR})", "sum(coalesce(input, 0) + coalesce(cache_read, 0) + coalesce(cache_write, 0))",
    "sum(output)", "sum(cost)", "sum(cost IS NULL)", "sum(cache = 'hit')",
    f"sum(CASE WHEN {GENERATED} THEN output END)", f"sum(CASE WHEN {GENERATED} THEN {GENERATION_MS} END)",
)  # fmt: skip
_HITS = 6
_FIRST_TOKENS = "group_concat(CASE WHEN rowid % :every = 0 THEN CAST(round(first_token_ms * 1000) AS INTEGER) END)"
_NAME = f"CASE WHEN {MODEL} <> '' AND {REFUSED} AND NOT known({MODEL}) THEN '{UNKNOWN_MODEL}' ELSE {MODEL} END"
_GROUPS = (
    f"SELECT {_NAME}, consumer, route, CASE WHEN cache = 'hit' THEN asked END, {', '.join(_SUMS)}, {_FIRST_TOKENS}"
    f" {_WINDOW} GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT {_MOST_GROUPS}"
)
_PAID = (
    f"SELECT asked, sum(cost), count(*) {_WINDOW} AND cost > 0 AND cache <> 'hit' AND status < 400"
    f" GROUP BY 1 ORDER BY 3 DESC LIMIT {_MOST_GROUPS}"
)


class Figures(Struct, frozen=True, kw_only=True):
    """Sums over requests. `input` has all tokens of prompts, also those from a provider's cache. `cost` and `saved_usd`
    are in USD; None if no price is known. `unpriced` counts the requests without a price. `tokens_per_second` is the
    speed at which answers were generated, None if there were none. Times to the first token are in milliseconds."""

    requests: int = 0
    failed: int = 0
    input: int = 0
    output: int = 0
    cost: float | None = None
    unpriced: int = 0
    cache_hits: int = 0
    saved_usd: float | None = None
    tokens_per_second: float | None = None
    first_token_p50: float | None = None
    first_token_p95: float | None = None


class Steps(NamedTuple):
    """The figures of a time. `series` has the figures of each step, oldest first; `by` those of each model, consumer,
    route and day that was there, the ones with the most requests first, and days in their order."""

    totals: Figures
    series: list[Figures]
    by: Mapping[str, list[tuple[str, Figures]]]


class Asked(NamedTuple):
    """Requests that arrived from `since` until `steps` times `step` seconds later. Times are in seconds since 1970."""

    since: float
    step: float
    steps: int

    @property
    def until(self) -> float:
        return self.since + self.steps * self.step


class _Sums:
    """Sums over some requests: `values` as in _SUMS, `hits` by the model that was asked for."""

    __slots__ = ("first_tokens", "hits", "values")

    def __init__(self, values: Sequence[Any] = ()) -> None:
        self.values = list(values) or [None] * len(_SUMS)
        self.hits: dict[str, int] = {}
        self.first_tokens: list[int] = []

    def add(self, other: _Sums) -> None:
        self.values = [
            mine if its is None else its if mine is None else mine + its
            for mine, its in zip(self.values, other.values, strict=True)
        ]
        for asked, number in other.hits.items():
            self.hits[asked] = self.hits.get(asked, 0) + number
        self.first_tokens += other.first_tokens

    @property
    def requests(self) -> int:
        return self.values[0] or 0


Named = dict[str, _Sums]


class _Piece(NamedTuple):
    """A step, or the part of it that is in one day."""

    step: int
    day: str
    since: float
    until: float


class _Part(NamedTuple):
    """The requests of a part of a step. `by` has the sums by the names of each of _KINDS. `paid` has the cost and the
    number of paid requests, by the requested model."""

    step: int
    day: str
    whole: _Sums
    by: Sequence[Named]
    paid: Sequence[tuple[str, float, int]]


class UsageSteps:
    """Reads one file. `unwanted` returns true when nobody waits for the answer any more."""

    def __init__(self, path: Path, unwanted: Callable[[], bool] = lambda: False) -> None:
        self._path = path
        self._unwanted = unwanted
        self._kept: dict[tuple[float, float, int], _Part] = {}

    def read(self, asked: Asked, now: float) -> Steps:
        """Takes seconds for a million requests: not for the event loop. Raises FileError, also if it is unwanted
        meanwhile."""
        with opened(self._path) as connection:
            parts = []
            if connection is not None:
                connection.set_progress_handler(self._unwanted, _STEPS_A_CHECK)
                connection.execute("BEGIN")  # all queries see one state of the file
                parts = self._parts(connection, asked, now)
        return _Told(parts, asked.steps).steps()

    def _parts(self, connection: sqlite3.Connection, asked: Asked, now: float) -> list[_Part]:
        window = {"since": asked.since, "until": asked.until}
        (number,) = connection.execute(f"SELECT count(*) {_WINDOW}", window).fetchone()
        every = 1 << max(0, (number // _SAMPLE).bit_length())
        cut = [(each, self._kept.get((each.since, each.until, every))) for each in _cut(asked)]
        unread = min((each.since for each, part in cut if part is None), default=asked.until)
        before = {"since": unread - 86_400, "until": asked.until}
        models = connection.execute(f"SELECT DISTINCT {MODEL} {_WINDOW} AND {TAKEN}", before)
        connection.create_function("known", 1, {name for (name,) in models}.__contains__)
        parts = []
        for each, kept in cut:
            part = kept or _read(connection, each, every)
            if kept is None and each.until < now - _SETTLED_SECONDS:
                self._keep((each.since, each.until, every), part)
            parts.append(part._replace(step=each.step))
        return parts

    def _keep(self, key: tuple[float, float, int], part: _Part) -> None:
        self._kept[key] = part
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]


def _read(connection: sqlite3.Connection, piece: _Piece, every: int) -> _Part:
    values = {"since": piece.since, "until": piece.until, "every": every}
    whole = _Sums(connection.execute(f"SELECT {', '.join(_SUMS)} {_WINDOW}", values).fetchone())
    by = [Named() for _ in _KINDS]
    if not whole.requests:
        return _Part(piece.step, piece.day, whole, by, ())
    grouped = _Sums()
    for names, group in _groups(connection, values):
        grouped.add(group)
        for name, named in zip(names, by, strict=True):
            named.setdefault(name, _Sums()).add(group)
    whole.hits, whole.first_tokens = grouped.hits, grouped.first_tokens
    if whole.requests > grouped.requests:
        left = _Sums(
            [
                None if all_ is None else all_ - (its or 0)
                for all_, its in zip(whole.values, grouped.values, strict=True)
            ]
        )
        for named in by:
            named.setdefault(OTHERS, _Sums()).add(left)
    return _Part(piece.step, piece.day, whole, by, connection.execute(_PAID, values).fetchall())


def _groups(connection: sqlite3.Connection, values: Mapping[str, Any]) -> Iterator[tuple[Sequence[str], _Sums]]:
    """Yields the names of _KINDS, and the sums of the requests that have them."""
    for model, consumer, route, hit, *sums, first_tokens in connection.execute(_GROUPS, values):
        group = _Sums(sums)
        group.first_tokens = _numbers(first_tokens)
        if hit is not None:
            group.hits[hit] = sums[_HITS]
        yield (model, consumer, route), group


class _Told:
    """Makes figures of the parts."""

    def __init__(self, parts: Sequence[_Part], steps: int) -> None:
        self._parts = parts
        self._steps = steps
        paid: dict[str, list[float]] = {}
        for asked, cost, number in (each for part in parts for each in part.paid):
            sums = paid.setdefault(asked, [0.0, 0])
            sums[0] += cost
            sums[1] += number
        self._usual = {asked: cost / number for asked, (cost, number) in paid.items()}

    def steps(self) -> Steps:
        whole, steps, days = _Sums(), [_Sums() for _ in range(self._steps)], Named()
        for part in self._parts:
            for sums in (whole, steps[part.step], days.setdefault(part.day, _Sums())):
                sums.add(part.whole)
        by = {kind: self._by(place) for place, kind in enumerate(_KINDS)}
        by["day"] = [(day, self._figures(sums)) for day, sums in days.items() if sums.requests]
        return Steps(self._figures(whole), [self._figures(sums) for sums in steps], by)

    def _by(self, place: int) -> list[tuple[str, Figures]]:
        found = Named()
        for part in self._parts:
            for name, sums in part.by[place].items():
                found.setdefault(name, _Sums()).add(sums)
        others = found.pop(OTHERS, _Sums())
        names = sorted(found, key=lambda name: (-found[name].requests, name))
        for name in names[MOST_NAMES:]:
            others.add(found[name])
        told = [(name, self._figures(found[name])) for name in names[:MOST_NAMES]]
        return [*told, (OTHERS, self._figures(others))] if others.requests else told

    def _figures(self, sums: _Sums) -> Figures:
        requests, failed, given, output, cost, unpriced, hits, generated, generation_ms = sums.values
        ordered = sorted(sums.first_tokens)
        p50, p95 = (percentile(ordered, share) for share in (0.5, 0.95))
        saved = [number * self._usual[asked] for asked, number in sums.hits.items() if asked in self._usual]
        return Figures(
            requests=requests or 0,
            failed=failed or 0,
            input=given or 0,
            output=output or 0,
            cost=cost,
            unpriced=unpriced or 0,
            cache_hits=hits or 0,
            saved_usd=sum(saved) if saved else None,
            tokens_per_second=generated / generation_ms * 1000 if generation_ms else None,
            first_token_p50=None if p50 is None else p50 / 1000,
            first_token_p95=None if p95 is None else p95 / 1000,
        )


def _numbers(text: str | None) -> list[int]:
    return list(map(int, text.split(","))) if text else []


def _cut(asked: Asked) -> list[_Piece]:
    """The steps, cut where a local day begins."""
    found = []
    for step in range(asked.steps):
        since, end = asked.since + step * asked.step, asked.since + (step + 1) * asked.step
        while since < end:
            day = datetime.fromtimestamp(since).date()
            tomorrow = day + timedelta(days=1)
            midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day).timestamp()
            until = min(end, midnight) if midnight > since else end
            found.append(_Piece(step, day.isoformat(), since, until))
            since = until
    return found
