"""Values in a cache folder that all workers share, over diskcache. Only loaded where something is kept.

Rule: a value is read on the event loop, because that takes microseconds and readers wait for nobody; what writes, and
what opens the file, runs in a thread of its own. A value carries its format and when it expires; one of another format
is not there."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import struct
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from diskcache import Cache

from aigw.stores.base import StoreError
from aigw.stores.disk_file import FAILURES, FILE_NAME, heads, limit_values, open_cache
from aigw.stores.opening import Opening

T = TypeVar("T")

FOLDER = "cache"
"""Below the state folder."""
SIZE = 1 << 30
LARGEST = 32 << 20
PAGE = 200
"""Keys that are looked at in one go."""
_FORMAT = b"aigw1"
_EXPIRES = struct.Struct("<d")
_HEAD = len(_FORMAT) + _EXPIRES.size


class DiskCache:
    """The folder of all services. Beyond about `size` bytes the oldest values make room; a value of more than LARGEST
    bytes, or a quarter of `size`, is not kept. `now` gives seconds since 1970."""

    def __init__(self, folder: Path, *, size: int = SIZE, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.largest = min(LARGEST, size // 4)
        self._folder = folder
        self._size = size
        self._thread = ThreadPoolExecutor(1, "cache")
        self._opening = Opening(folder / FILE_NAME, self._open, self._close)
        self._readable: Cache | None = None
        """The one that has a connection of the event loop's thread."""

    async def read(self, act: Callable[[Cache], T]) -> T:
        """On the event loop. Raises StoreError."""
        cache = self._opening.ready() or await self._opening.get()
        try:
            if cache is not self._readable:
                limit_values(cache, self.largest)
                self._readable = cache
            return act(cache)
        except FAILURES as error:
            raise await self._failed(cache, error) from None

    async def work(self, act: Callable[[Cache], T]) -> T:
        """In the thread. Raises StoreError."""
        cache = self._opening.ready() or await self._opening.get()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act, cache)
        except FAILURES as error:
            raise await self._failed(cache, error) from None

    async def aclose(self) -> None:
        await self._opening.aclose()
        self._thread.shutdown()

    async def _open(self) -> Cache:
        arguments = (self._folder, self._size, self.largest)
        return await asyncio.get_running_loop().run_in_executor(self._thread, open_cache, *arguments)

    async def _close(self, cache: Cache) -> None:
        """A connection for each of the two threads."""
        cache.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, cache.close)

    async def _failed(self, cache: Cache, error: Exception) -> StoreError:
        await self._opening.reopen(cache)
        return StoreError(
            f"{self._opening.path} cannot be used: {error or 'another process has been writing too long'}"
        )


class DiskKV:
    """Values under `namespace`, apart from all others in the same folder."""

    def __init__(self, cache: DiskCache, namespace: str = "") -> None:
        self._cache = cache
        self._namespace = f"{namespace}|".encode()

    async def get(self, key: str) -> bytes | None:
        name = self._name(key)
        return await self._cache.read(lambda cache: self._value(cache, name))

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        name = self._name(key)
        if len(value) > self._cache.largest:
            await self.drop(key)
            return
        expires = math.inf if ttl is None else self._cache.now() + ttl
        whole = b"".join((_FORMAT, _EXPIRES.pack(expires), value))
        await self._cache.work(lambda cache: _store(cache, name, whole, ttl))

    async def drop(self, *keys: str) -> int:
        names = [self._name(key) for key in keys]

        def drop(cache: Cache) -> int:
            there = 0
            for name in names:
                there += self._value(cache, name) is not None
                cache.delete(name)
            return there

        return await self._cache.work(drop)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        first = self._name(prefix)
        end = first[:-1] + bytes([first[-1] + 1])  # no UTF-8 has a byte 255
        while True:
            page = await self._cache.work(_page(first, end))
            for name, head in page:
                if _expires(head) > self._cache.now():
                    yield name[len(self._namespace) :].decode(errors="surrogatepass")
            if len(page) < PAGE:
                return
            first = page[-1][0] + b"\0"

    def _name(self, key: str) -> bytes:
        return self._namespace + key.encode(errors="surrogatepass")

    def _value(self, cache: Cache, name: bytes) -> bytes | None:
        try:
            whole: bytes = cache.get(name, b"")
        except sqlite3.DataError:  # larger than aigw writes it
            return None
        return whole[_HEAD:] if _expires(whole) > self._cache.now() else None


def _expires(whole: bytes) -> float:
    """When a value expires, by its head. What is not in this format has expired long ago."""
    if len(whole) < _HEAD or not whole.startswith(_FORMAT):
        return -math.inf
    expires: float = _EXPIRES.unpack_from(whole, len(_FORMAT))[0]
    return expires


def _store(cache: Cache, name: bytes, whole: bytes, ttl: float | None) -> None:
    cache.set(name, whole, expire=ttl)
    if cache.volume() > cache.size_limit:
        cache.cull()


def _page(first: bytes, end: bytes) -> Callable[[Cache], list[tuple[bytes, bytes]]]:
    return lambda cache: heads(cache, first, end, _HEAD, PAGE)
