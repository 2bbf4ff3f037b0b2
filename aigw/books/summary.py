"""The summary of usage that `/-/usage` answers, and that `aigw top` and `aigw usage` print.

Rule: an unknown number is never 0. An unknown cost is None; if only some costs are unknown, `unpriced` counts them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from aigw.books.usage_question import Question

SHORTEST_WINDOW = 1.0
"""Seconds. Rates are computed over this time at least, so that one request just now does not look like many."""


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over requests, in tokens, requests and USD.

    Tokens are in the disjoint buckets of `UsageRow`. `cost` is None if no price was known; `unpriced` counts the
    requests without a price. `estimated` counts the requests whose tokens were estimated, `absent` those whose tokens
    are unknown; errors and cache hits are not among these. A client that leaves is not an error. `denied` counts the
    requests that a content guard has denied, or whose answers it has denied."""

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
    denied: int = 0
    estimated: int
    absent: int

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write


class UsageLine(Amounts, frozen=True, kw_only=True):
    """One line of a summary, or the total.

    `tokens_per_s` are tokens per second while answers were generated (None: there were no answers), and
    `window_tokens_per_s` over the whole window. Times to the first token are in milliseconds (nearest rank)."""

    key: dict[str, str]
    tokens_per_s: float | None
    window_tokens_per_s: float
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None
    cost_per_min: float | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A summary of usage. `rows` are sorted by their keys. Times are in seconds since 1970. The window ends at `until`
    and begins at `since`, or at the first request if that is later. `window_s` is the window's length in seconds, to
    which rates refer.

    `series` has output tokens per second by the time at which answers ended, oldest first, in buckets of `bucket_s`
    seconds that end at `series_end`. `latest` is when the newest request of the log arrived, in the window or not."""

    by: tuple[str, ...]
    since: float
    until: float
    window_s: float
    rows: list[UsageLine]
    total: UsageLine
    series: list[float]
    bucket_s: float
    series_end: float
    latest: float | None = None


class Sums(Amounts, frozen=True, kw_only=True):
    """Sums, and for the answers with a known time of generation their output tokens (`generated`) and that time."""

    generated: int
    generation_ms: float


class Group(NamedTuple):
    """The requests of one key. `first_tokens` says how often each time to the first token was there, in milliseconds.
    `first` is the earliest arrival."""

    key: tuple[str, ...]
    sums: Sums
    first_tokens: Mapping[float, int]
    first: float


def summarise(question: Question, groups: Sequence[Group], series: Sequence[int], latest: float | None) -> Summary:
    """Makes the summary. `series` are output tokens per bucket, oldest first."""
    first = min((group.first for group in groups), default=question.until)
    window = max(SHORTEST_WINDOW, question.until - max(question.since, first))
    rows = [
        _line(dict(zip(question.by, group.key, strict=True)), group.sums, group.first_tokens, window)
        for group in sorted(groups, key=lambda group: group.key)
    ]
    total = _add([group.sums for group in groups])
    first_tokens = dict[float, int]()
    for group in groups:
        for time, number in group.first_tokens.items():
            first_tokens[time] = first_tokens.get(time, 0) + number
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
    """The end of the last complete bucket. Buckets begin at multiples of their width, so they do not move with time."""
    return math.floor(question.until / question.bucket_s) * question.bucket_s


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that is not below `share` (0 to 1) of all values: the nearest rank. None without values."""
    return ordered[_rank(share, len(ordered))] if ordered else None


def percentile_of(counts: Mapping[float, int], share: float) -> float | None:
    """Like `percentile`, for values of which `counts` says how often each occurs."""
    left = _rank(share, sum(counts.values()))
    for value in sorted(counts):
        left -= counts[value]
        if left < 0:
            return value
    return None


def _rank(share: float, number: int) -> int:
    return max(0, math.ceil(round(share * number, 9)) - 1)


def _line(key: dict[str, str], sums: Sums, first_tokens: Mapping[float, int], window: float) -> UsageLine:
    cost = None if sums.cost is None and sums.unpriced else sums.cost or 0.0
    amounts = {name: getattr(sums, name) for name in Amounts.__struct_fields__}
    return UsageLine(
        **{**amounts, "cost": cost},
        key=key,
        tokens_per_s=sums.generated / sums.generation_ms * 1000 if sums.generation_ms > 0 else None,
        window_tokens_per_s=sums.output / window,
        first_token_p50_ms=percentile_of(first_tokens, 0.5),
        first_token_p95_ms=percentile_of(first_tokens, 0.95),
        cost_per_min=None if cost is None else cost / window * 60,
    )


def _add(sums: Sequence[Sums]) -> Sums:
    known = {name: [getattr(each, name) for each in sums] for name in Sums.__struct_fields__}
    costs = [cost for cost in known.pop("cost") if cost is not None]
    return Sums(**{name: sum(values) for name, values in known.items()}, cost=sum(costs) if costs else None)
