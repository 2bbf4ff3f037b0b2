"""Reads what a cache has stored under one prefix, for the commands `aigw cache`. Requests do not use it.

With `fidelity: higress`, a value is a text and its key is the question. Any other value is an entry, or was written by
another version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.core.stores import KV
from aigw.dialects.table import dialect_of
from aigw.plugins.ai_cache.entry import NAME, Entry, decode


class Item(NamedTuple):
    """One stored value. `key` is without the prefix. `entry` is None if the value is a text, or cannot be read."""

    key: str
    value: bytes
    entry: Entry | None

    @property
    def text(self) -> str | None:
        """The text if the value was stored with `fidelity: higress`, else None."""
        if self.entry is not None or self.value.startswith(NAME):
            return None
        try:
            return self.value.decode()
        except UnicodeDecodeError:
            return None

    @property
    def asked(self) -> str:
        """The last question of the request, shortened."""
        return self.key if self.entry is None else _last_question(self.entry)


class Contents:
    """The values of one cache. `prefix` is the beginning of all of its keys."""

    def __init__(self, kv: KV, prefix: str) -> None:
        self.kv = kv
        self.prefix = prefix

    async def items(self) -> AsyncIterator[Item]:
        """Yields all values, in no particular order. Raises StoreError."""
        async for name in self.kv.keys(self.prefix):
            value = await self.kv.get(name)
            if value is not None:
                yield Item(name.removeprefix(self.prefix), value, decode(value))

    async def get(self, key: str) -> Item | None:
        value = await self.kv.get(self.prefix + key)
        return None if value is None else Item(key, value, decode(value))

    async def clear(self, wanted: Callable[[Item], bool]) -> int:
        """Deletes the values for which `wanted` is true. Returns how many there were."""
        names = [self.prefix + item.key async for item in self.items() if wanted(item)]
        return await self.kv.drop(*names) if names else 0


def _last_question(entry: Entry) -> str:
    """Returns the last question of the stored request, whose long texts and lists are shortened."""
    parts = msgspec.json.decode(entry.parts)
    body = msgspec.json.encode(parts.get("body"))
    request = Request("POST", str(parts.get("path", "")), "", CIMultiDict({"content-type": "application/json"}), body)
    return dialect_of(entry.api).asked(request, entry.api).question
