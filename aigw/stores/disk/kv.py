"""A KV in a cache folder that all workers share, on diskcache. It is loaded only when something is kept.

Rule: a value carries its format and its expiry. A value of another format counts as missing."""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator, Callable

from diskcache import Cache

from aigw.stores.disk.cache import DiskCache
from aigw.stores.disk.file import heads, store, value_of
from aigw.stores.namespace import Namespace

PAGE = 200
"""How many keys are listed at a time."""
_FORMAT = b"aigw1"
_EXPIRES = struct.Struct("<d")
_HEAD = len(_FORMAT) + _EXPIRES.size


class DiskKV:
    """The values of one `namespace`. Other namespaces share the folder."""

    def __init__(self, cache: DiskCache, namespace: str = "") -> None:
        self._cache = cache
        self._namespace = Namespace(namespace)

    async def get(self, key: str) -> bytes | None:
        whole = await self._cache.value(self._namespace.encode(key))
        return whole[_HEAD:] if _expires(whole) > self._cache.now() else None

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        name = self._namespace.encode(key)
        if len(value) > self._cache.largest:
            await self.drop(key)
            return
        whole = self._with_head(value, ttl)
        await self._cache.write(lambda cache: store(cache, {name: (whole, ttl)}))

    def put_soon(self, key: str, value: bytes, ttl: float | None, then: Callable[[], None]) -> None:
        name = self._namespace.encode(key)
        if len(value) > self._cache.largest:
            self._cache.drop_soon(name)
        else:
            self._cache.put_soon(name, self._with_head(value, ttl), ttl)
        then()

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        name = self._namespace.encode(key)
        whole = self._with_head(new, ttl) if len(new) <= self._cache.largest else None

        def swap(cache: Cache) -> bool:
            same = self._value(cache, name) == old
            if same and whole is None:
                cache.delete(name)
            elif same and whole is not None:
                store(cache, {name: (whole, ttl)})
            return same

        return await self._cache.write(swap)

    async def drop(self, *keys: str) -> int:
        names = [self._namespace.encode(key) for key in keys]

        def drop(cache: Cache) -> int:
            there = 0
            for name in names:
                there += self._value(cache, name) is not None
                cache.delete(name)
            return there

        return await self._cache.write(drop)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        first, end = self._namespace.span(prefix)
        while True:
            page = await self._cache.write(_page(first, end))  # it reads too much for the event loop
            for name, head in page:
                if _expires(head) > self._cache.now():
                    yield self._namespace.decode(name)
            if len(page) < PAGE:
                return
            first = page[-1][0] + b"\0"

    def _with_head(self, value: bytes, ttl: float | None) -> bytes:
        expires = math.inf if ttl is None else self._cache.now() + ttl
        return b"".join((_FORMAT, _EXPIRES.pack(expires), value))

    def _value(self, cache: Cache, name: bytes) -> bytes | None:
        whole = value_of(cache, name)
        return whole[_HEAD:] if _expires(whole) > self._cache.now() else None


def _expires(whole: bytes) -> float:
    """The time at which a value expires, read from its head. A value of another format has expired long ago."""
    if len(whole) < _HEAD or not whole.startswith(_FORMAT):
        return -math.inf
    expires: float = _EXPIRES.unpack_from(whole, len(_FORMAT))[0]
    return expires


def _page(first: bytes, end: bytes) -> Callable[[Cache], list[tuple[bytes, bytes]]]:
    return lambda cache: heads(cache, first, end, _HEAD, PAGE)
