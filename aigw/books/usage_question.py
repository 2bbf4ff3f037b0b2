"""What a summary of usage is about: the names by which it groups requests, and the time. The command line and the page
`/-/usage` read it from the same texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

BY = ("route", "service", "provider", "model", "consumer", "session", "day")
"""`model` is the model that answered, or else the one asked for. `day` is the local day of the machine with the
rows."""

USAGE_BY, TOP_BY = ("day",), ("model",)
"""How `aigw usage` and `aigw top` group requests by default."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_AGO = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])")
_EPOCH = re.compile(r"\d{9,11}(?:\.\d+)?")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that arrived from `since` (inclusive) until `until` (exclusive), in seconds since 1970.

    The series ends at `until` and has `buckets` values of `bucket_s` seconds each."""

    by: tuple[str, ...]
    since: float = 0.0
    until: float
    buckets: int = 60
    bucket_s: float = 2.0


def parse(by: Sequence[str], since: str, until: str, *, now: float) -> Question:
    """Reads the texts of options or of a query. An empty `until` means now. Raises ValueError, which says what to
    write."""
    names = tuple(dict.fromkeys(by))
    for name in names:
        if name not in BY:
            raise ValueError(f"there is nothing to group by called {name!r}; choose from {', '.join(BY)}")
    start, end = moment(since, now=now), moment(until, now=now) if until else now
    if until and end <= start:
        raise ValueError(f"until {until!r} is not after since {since!r}")
    return Question(by=names, since=start, until=end)


def moment(text: str, *, now: float) -> float:
    """Seconds since 1970 of "90s", "15m", "1h", "7d", "2w" (that long ago), "all" (0), an ISO 8601 date or time (local
    if it names no zone), or seconds since 1970. Raises ValueError."""
    text = text.strip()
    if text == "all":
        return 0.0
    if ago := _AGO.fullmatch(text):
        return max(0.0, now - float(ago[1]) * _SECONDS[ago[2]])
    if _EPOCH.fullmatch(text):
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is not a time; write 15m, 1h, 7d, all, 2026-11-22 or 2026-11-22T18:30") from None
