"""Finds out what a cache would do with a request, without sending the request, for `aigw cache explain`."""

from __future__ import annotations

import msgspec

from aigw.core.exchange import Exchange
from aigw.core.plugin import Behind
from aigw.plugins.ai_cache.contents import Contents, Item
from aigw.plugins.ai_cache.control import control_of
from aigw.plugins.ai_cache.explain import Nearest, nearest
from aigw.plugins.ai_cache.key import CacheKeys


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What the cache does with a request, and why. `status` is hit, miss or bypass. `created` is in seconds since 1970,
    `ttl` in seconds. For a miss, `nearest` is the most similar stored request. If the request itself is stored and yet
    a miss, `reason` says why."""

    status: str
    key: str = ""
    reason: str = ""
    created: float | None = None
    ttl: int = 0
    nearest: Nearest | None = None


async def try_request(exchange: Exchange, behind: Behind, contents: Contents, now: float) -> Explanation:
    """Explains what the cache would do with the request of `exchange`. `now` is in seconds since 1970. Raises
    StoreError."""
    if not exchange.dialect.repeatable:
        return Explanation(status="bypass", reason=f"{exchange.request.path} is not cached")
    keys = CacheKeys(behind)
    key = keys.read(exchange)
    control = control_of(exchange.request.headers)
    if reason := control.bypass or key.reason:
        return Explanation(status="bypass", reason=reason)
    stored = await contents.get(key.key)
    if stored is not None and (entry := stored.entry) is not None:
        reason = control.objection(entry.created, now)
        status = "miss" if reason else "hit"
        return Explanation(status=status, key=key.key, reason=reason, created=entry.created, ttl=entry.ttl)
    others = [(item.key, item.entry) async for item in contents.items() if item.entry is not None]
    return Explanation(status="miss", key=key.key, nearest=nearest(keys.parts(key), others))


async def last_miss(contents: Contents) -> Explanation | None:
    """Explains the last miss, which is the newest entry: returns how it differs from the other entries. None if there
    are no entries."""
    items = [item async for item in contents.items() if item.entry is not None]
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
