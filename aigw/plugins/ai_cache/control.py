"""What client and cache tell each other in headers: Cache-Control and Higress's own header, and what the cache did."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.core.exchange import CacheStatus, Exchange

HEADER = "x-aigw-cache"
"""hit, miss or bypass, then reason=, key=, age= and ttl= (both in seconds)."""
SKIP = "x-higress-skip-ai-cache"
"""With the value `on` a request is neither looked up nor kept."""


class Control(NamedTuple):
    """`bypass` says why the request is neither looked up nor kept, "" if it may be. `look`: whether a stored answer may
    be used, one that is at most `max_age` seconds old."""

    bypass: str = ""
    look: bool = True
    max_age: float | None = None

    def objection(self, created: float, now: float) -> str:
        """Why an answer of that time may not be used, "" if it may. Both in seconds since 1970."""
        if not self.look:
            return "no-cache"
        return "max-age" if self.max_age is not None and now - created > self.max_age else ""


NORMAL = Control()
SKIPPED = Control(SKIP)


def control_of(headers: CIMultiDict[str]) -> Control:
    if headers.get(SKIP) == "on":
        return SKIPPED
    return _parse(",".join(headers.getall("cache-control"))) if "cache-control" in headers else NORMAL


@lru_cache(maxsize=256)
def _parse(text: str) -> Control:
    """Cache-Control of a request (RFC 9111 5.2.1): no-store, no-cache, max-age; the others change nothing here."""
    names: dict[str, str] = {}
    for part in text.lower().split(","):
        name, _, value = part.strip().partition("=")
        names[name] = value.strip('" ')
    age = names.get("max-age", "")
    max_age = float(age) if age.isascii() and age.isdigit() else None
    return Control("no-store" if "no-store" in names else "", "no-cache" not in names and max_age != 0, max_age)


def note(exchange: Exchange, status: CacheStatus, logged: str = "") -> None:
    """`status` is for the usage row; the log has it, or `logged`, under Higress's name."""
    exchange.labels.cache = status
    exchange.labels.ai_log["cache_status"] = logged or status
