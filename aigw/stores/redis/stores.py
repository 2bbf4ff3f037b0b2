"""The stores in a Redis, which all gateways that use it share; and the KV among them.

A value stands under its own key, unchanged, with the expiry of Redis: the shape that Higress uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from aigw.core.stores import KV, LOCAL, Counter, Service, StoreError
from aigw.stores.redis.client import RedisClient, Script
from aigw.stores.redis.counter import RedisCounter
from aigw.stores.redis.keys import RedisKeys
from aigw.stores.redis.url import RedisAddress, parse_redis_url

log = logging.getLogger("aigw")

_SWAP = Script("""
local value = redis.call('GET', KEYS[1])
if ARGV[1] == '1' and value ~= ARGV[2] or ARGV[1] == '0' and value then return 0 end
redis.call('SET', KEYS[1], ARGV[3], unpack(ARGV, 4))
return 1
""")
"""Whether there must be a value, which one, the new one, and its expiry."""


class RedisKV:
    def __init__(self, client: RedisClient, keys: RedisKeys) -> None:
        self._client = client
        self._keys = keys

    async def get(self, key: str) -> bytes | None:
        return self._client.parse(await self._client.call("GET", self._keys.encode(key)), _value)

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._client.call("SET", self._keys.encode(key), value, *_expiry(ttl))

    def put_soon(self, key: str, value: bytes, ttl: float | None, then: Callable[[], None]) -> None:
        def sent(reply: asyncio.Future[object]) -> None:
            if not reply.cancelled() and (error := reply.exception()):
                log.debug("a value was not kept: %s", error)
            then()

        try:
            self._client.send("SET", self._keys.encode(key), value, *_expiry(ttl)).add_done_callback(sent)
        except StoreError as error:
            log.debug("a value was not kept: %s", error)
            then()

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        words = ("0", b"", new) if old is None else ("1", old, new)
        swapped = await self._client.run(_SWAP, [self._keys.encode(key)], [*words, *_expiry(ttl)])
        return self._client.parse(swapped, int) == 1

    async def drop(self, *keys: str) -> int:
        dropped = await asyncio.gather(*(self._client.call("DEL", self._keys.encode(key)) for key in keys))
        return self._client.parse(dropped, sum)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        async for key in self._keys.found(self._client, prefix):
            yield key


def _value(reply: object) -> bytes | None:
    if reply is None or isinstance(reply, bytes):
        return reply
    raise TypeError


def _expiry(ttl: float | None) -> tuple[str | int, ...]:
    """The words of SET that give a value its expiry, in whole seconds as Higress writes them."""
    if ttl is None:
        return ()
    return ("EX", int(ttl)) if ttl >= 1 and ttl == int(ttl) else ("PX", max(1, round(ttl * 1000)))


class RedisStores:
    """The stores at one URL. Services with the same login, database and timeout share their connections."""

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises ValueError if the URL is not one of a Redis."""
        self._address: RedisAddress = parse_redis_url(url)
        self._clients: dict[tuple[object, ...], RedisClient] = {}

    def kv(self, service: Service = LOCAL) -> KV:
        return RedisKV(self._client(service), RedisKeys(self._address.prefix))

    def counter(self, service: Service = LOCAL) -> Counter:
        return RedisCounter(self._client(service), RedisKeys(self._address.prefix))

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, service: Service) -> RedisClient:
        same = (service.username, service.password, service.database, service.timeout)
        client = self._clients.get(same)
        if client is None:
            client = self._clients[same] = RedisClient(self._address, service)
        return client
