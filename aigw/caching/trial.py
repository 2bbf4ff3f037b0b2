"""What a cache would do with a request, without sending it: for `aigw cache explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from aigw.caching.asked import CACHED, Keys
from aigw.caching.explain import Nearest, nearest
from aigw.caching.shelf import Item, Shelf
from aigw.core.exchange import Exchange
from aigw.providers import apis


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is hit, miss or bypass. Times are in seconds since 1970. `nearest` is the stored request that a miss is
    nearest to."""

    status: str
    key: str = ""
    reason: str = ""
    created: float | None = None
    ttl: int = 0
    nearest: Nearest | None = None


async def try_request(exchange: Exchange, after: Mapping[str, Any], shelf: Shelf) -> Explanation:
    """`after` is as in `core.plugin`. Raises StoreError."""
    api = apis.detect(exchange.request.path)
    if api not in CACHED:
        return Explanation(status="bypass", reason=f"{exchange.request.path} is not cached")
    keys = Keys(after)
    asked = keys.read(exchange, api)
    if asked.reason:
        return Explanation(status="bypass", reason=asked.reason)
    stored = await shelf.get(asked.key)
    if stored is not None and stored.entry is not None:
        return Explanation(status="hit", key=asked.key, created=stored.entry.created, ttl=stored.entry.ttl)
    others = [(item.key, item.entry) async for item in shelf.items() if item.entry is not None]
    return Explanation(status="miss", key=asked.key, nearest=nearest(keys.parts(asked), others))


async def last_miss(shelf: Shelf) -> Explanation | None:
    """The newest entry was a miss when it was asked for: how it differed from those before it. None if there is no
    entry."""
    items = [item async for item in shelf.items() if item.entry is not None]
    if not items:
        return None
    last = max(items, key=_created)
    assert last.entry is not None
    others = [(item.key, item.entry) for item in items if item is not last and item.entry is not None]
    return Explanation(
        status="miss",
        key=last.key,
        created=last.entry.created,
        ttl=last.entry.ttl,
        nearest=nearest(last.entry.parts, others),
    )


def _created(item: Item) -> float:
    return item.entry.created if item.entry is not None else 0.0
