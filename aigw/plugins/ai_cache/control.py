"""Reads what a client wants from the cache (the headers Cache-Control and x-higress-skip-ai-cache), and says what the
cache did."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.core.exchange import CacheStatus, Exchange

HEADER = "x-aigw-cache"
"""The header with hit, miss or bypass, followed by reason=, key=, and age= and ttl= in seconds. kept=no says that the
answer will not be kept, because it failed, is from another provider, or depends on more than the request
(ai-history)."""
SKIP = "x-higress-skip-ai-cache"
"""If a client sends this header with `on`, the cache is not used: its request is not looked up and the answer is not
kept."""


class Control(NamedTuple):
    """What a client wants from the cache. `bypass` is the reason why the request must not be looked up or kept, "" if
    there is none. If `look` is true, a stored answer may be used, if it is at most `max_age` seconds old (None: of any
    age)."""

    bypass: str = ""
    look: bool = True
    max_age: float | None = None

    def objection(self, created: float, now: float) -> str:
        """Returns why an answer that was stored at `created` must not be used, "" if it may be used. Both times are in
        seconds since 1970."""
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
    """Reads the Cache-Control header of a request (RFC 9111): no-store, no-cache and max-age. Other directives have no
    effect."""
    names: dict[str, str] = {}
    for part in text.lower().split(","):
        name, _, value = part.strip().partition("=")
        names[name] = value.strip('" ')
    age = names.get("max-age", "")
    max_age = float(age) if age.isascii() and age.isdigit() else None
    return Control("no-store" if "no-store" in names else "", "no-cache" not in names and max_age != 0, max_age)


def note(exchange: Exchange, status: CacheStatus, logged: str = "") -> None:
    """Sets the labels of a request. `status` is for the usage row. The log gets `logged` if it is given, else
    `status`."""
    exchange.labels.cache = status
    exchange.labels.ai_log["cache_status"] = logged or status
