"""Tries every Redis that the configuration names: it writes a key that lives for a second, as plugins will."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from aigw.cli.doctor.check import Check
from aigw.config.load import Loaded
from aigw.core.stores import StoreError
from aigw.server.guard import is_loopback
from aigw.stores.redis.url import is_redis_url, parse_redis_url

KEY = "aigw:doctor"
LOGIN = ("authentication", "password")


async def ask_redis(loaded: Loaded, *, everywhere: bool) -> list[Check]:
    """Checks every Redis of the configuration, or only those on this machine."""
    urls = dict.fromkeys(filter(is_redis_url, [*loaded.config.services.values(), loaded.config.usage]))
    return list(await asyncio.gather(*(_ask(url) for url in urls if everywhere or _is_here(url))))


def _is_here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


async def _ask(url: str) -> Check:
    from aigw.stores.redis.stores import RedisStores

    stores = RedisStores(url)
    try:
        await stores.kv().put(KEY, b"", ttl=1.0)
    except StoreError as error:
        if "@" not in url and any(word in str(error).lower() for word in LOGIN):
            return Check("redis", "note", f"{error}; its URL has no login, the plugins' YAML may have one")
        return Check("redis", "problem", str(error), "see services in aigw.yaml, and whether it runs")
    finally:
        await stores.aclose()
    return Check("redis", "ok", f"{parse_redis_url(url).name} answers and can be written to")
