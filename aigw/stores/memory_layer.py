"""A small memory in front of a KV.

Rule: it serves only values that it read or wrote less than FRESH_SECONDS ago. So a value that has expired, or that
another worker has changed, is served no longer than that. It does not remember that a key has no value."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from aigw.core.stores import KV

FRESH_SECONDS = 1.0
SIZE = 64 << 20
_ENTRY_BYTES = 300
"""How much memory an entry takes beside its key and value."""


class LayeredKV:
    """A KV over `below`, with at most `size` bytes of it in memory."""

    def __init__(self, below: KV, *, size: int = SIZE, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._below = below
        self._room = size
        self._largest = size // 8
        self._monotonic = monotonic
        self._entries: dict[str, tuple[float, bytes]] = {}
        """For each key, the time until which it is fresh and its value. The oldest entries come first."""
        self._changes = 0

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is not None and self._monotonic() < entry[0]:
            return entry[1]
        asked, changes = self._monotonic(), self._changes
        value = await self._below.get(key)
        if changes == self._changes:  # otherwise the value may be an old one
            self._forget(key)
            if value is not None:
                self._keep(key, value, asked + FRESH_SECONDS)
        return value

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        began = self._monotonic()
        self._forget(key)
        try:
            await self._below.put(key, value, ttl)
        finally:
            self._changes += 1
            self._forget(key)
        self._keep(key, value, _fresh_until(began, ttl))

    def put_soon(self, key: str, value: bytes, ttl: float | None, then: Callable[[], None]) -> None:
        self._changes += 1
        self._forget(key)
        self._keep(key, value, _fresh_until(self._monotonic(), ttl))
        self._below.put_soon(key, value, ttl, then)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        began = self._monotonic()
        self._forget(key)
        try:
            swapped = await self._below.swap(key, old, new, ttl)
        finally:
            self._changes += 1
            self._forget(key)
        if swapped:
            self._keep(key, new, _fresh_until(began, ttl))
        return swapped

    async def drop(self, *keys: str) -> int:
        try:
            return await self._below.drop(*keys)
        finally:
            self._changes += 1
            for key in keys:
                self._forget(key)

    def keys(self, prefix: str = "") -> AsyncIterator[str]:
        return self._below.keys(prefix)

    def _keep(self, key: str, value: bytes, until: float) -> None:
        size = _size(key, value)
        if size > self._largest:
            return
        self._entries[key] = until, value
        self._room -= size
        now = self._monotonic()
        while self._entries:
            oldest = next(iter(self._entries))
            if self._room >= 0 and self._entries[oldest][0] > now:
                break
            self._forget(oldest)

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._room += _size(key, entry[1])


def _fresh_until(began: float, ttl: float | None) -> float:
    return began + (FRESH_SECONDS if ttl is None else min(ttl, FRESH_SECONDS))


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + _ENTRY_BYTES
