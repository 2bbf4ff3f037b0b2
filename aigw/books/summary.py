"""Usage summed up: what `/-/usage` answers and `aigw top` and `aigw usage` print.

Rule: what is not known is never 0. An unknown cost is None, or counted in `unpriced` beside what is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from aigw.books.question import Question

SHORTEST_WINDOW = 1.0
"""Seconds. A single request that arrived just now is not extrapolated any further."""


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What adds up over requests, in tokens, requests and USD.

    Tokens are in the disjoint buckets of `usage.row`. `cost` is None when no price was known, and `unpriced` counts
    the requests without one. `estimated` and `absent` count requests by where their tokens come from; errors and cache
    hits are never absent. An answer that the client broke off is no error."""

    requests: int
    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cost: float | None
    unpriced: int
    errors: int
    cache_hits: int
    estimated: int
    absent: int

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write


class Line(Amounts, frozen=True, kw_only=True):
    """One key of a summary, or the total.

    Tokens per second: `tokens_per_s` while an answer was generated (None: none was), `window_tokens_per_s` over the
    whole window. First tokens are in milliseconds (nearest rank)."""

    key: dict[str, str]
    tokens_per_s: float | None
    window_tokens_per_s: float
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None
    cost_per_min: float | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` are sorted by their keys. All times are in seconds since 1970, `window_s` in seconds: from `since` or the
    first request in the window, whichever is later, to `until`; rates are over it.

    `series` is output tokens per second by the time when answers ended, oldest first, in buckets of `bucket_s` seconds
    that end at `series_end`. `latest` is when the newest request of the log arrived, inside the window or not."""

    by: tuple[str, ...]
    since: float
    until: float
    window_s: float
    rows: list[Line]
    total: Line
    series: list[float]
    bucket_s: float
    series_end: float
    latest: float | None = None


class Sums(Amounts, frozen=True, kw_only=True):
    """`generated` are the output tokens, and `generation_ms` the time, of answers whose time of generation is known."""

    generated: int
    generation_ms: float


class Group(NamedTuple):
    """One key's requests. `first_tokens` are in milliseconds, in any order; `first` is the earliest arrival."""

    key: tuple[str, ...]
    sums: Sums
    first_tokens: list[float]
    first: float


def summarise(question: Question, groups: Sequence[Group], series: Sequence[int], latest: float | None) -> Summary:
    """`series` are output tokens per bucket, oldest first."""
    first = min((group.first for group in groups), default=question.until)
    window = max(SHORTEST_WINDOW, question.until - max(question.since, first))
    rows = [
        _line(dict(zip(question.by, group.key, strict=True)), group.sums, group.first_tokens, window)
        for group in sorted(groups, key=lambda group: group.key)
    ]
    total = _add([group.sums for group in groups])
    first_tokens = list(chain.from_iterable(group.first_tokens for group in groups))
    return Summary(
        by=question.by,
        since=question.since,
        until=question.until,
        window_s=window,
        rows=rows,
        total=_line({}, total, first_tokens, window),
        series=[tokens / question.bucket_s for tokens in series],
        bucket_s=question.bucket_s,
        series_end=series_end(question),
        latest=latest,
    )


def series_end(question: Question) -> float:
    """Where the last complete bucket ends. Buckets lie still, at multiples of their width, while time goes on."""
    return math.floor(question.until / question.bucket_s) * question.bucket_s


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest rank: the smallest value that at least `share` (0 to 1) of all are not above. None without values."""
    return ordered[max(0, math.ceil(round(share * len(ordered), 9)) - 1)] if ordered else None


def _line(key: dict[str, str], sums: Sums, first_tokens: list[float], window: float) -> Line:
    ordered = sorted(first_tokens)
    cost = None if sums.cost is None and sums.unpriced else sums.cost or 0.0
    amounts = {name: getattr(sums, name) for name in Amounts.__struct_fields__}
    return Line(
        **{**amounts, "cost": cost},
        key=key,
        tokens_per_s=sums.generated / sums.generation_ms * 1000 if sums.generation_ms > 0 else None,
        window_tokens_per_s=sums.output / window,
        first_token_p50_ms=percentile(ordered, 0.5),
        first_token_p95_ms=percentile(ordered, 0.95),
        cost_per_min=None if cost is None else cost / window * 60,
    )


def _add(sums: Sequence[Sums]) -> Sums:
    known = {name: [getattr(each, name) for each in sums] for name in Sums.__struct_fields__}
    costs = [cost for cost in known.pop("cost") if cost is not None]
    return Sums(**{name: sum(values) for name, values in known.items()}, cost=sum(costs) if costs else None)
