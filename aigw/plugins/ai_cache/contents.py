"""What a store holds under one prefix: for people who look at it, not for requests.

A value of `fidelity: higress` is a text under its question, any other is an entry, or of another version."""

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
    """One value. `key` is without the prefix. `entry` is None for a text, and for what cannot be read."""

    key: str
    value: bytes
    entry: Entry | None

    @property
    def text(self) -> str | None:
        """The text that Higress would have stored; None if this is something else."""
        if self.entry is not None or self.value.startswith(NAME):
            return None
        try:
            return self.value.decode()
        except UnicodeDecodeError:
            return None

    @property
    def asked(self) -> str:
        """The last thing that was asked, shortened."""
        return self.key if self.entry is None else _last_question(self.entry)


class Contents:
    def __init__(self, kv: KV, prefix: str) -> None:
        self.kv = kv
        self.prefix = prefix

    async def items(self) -> AsyncIterator[Item]:
        """In no order. Raises StoreError."""
        async for name in self.kv.keys(self.prefix):
            value = await self.kv.get(name)
            if value is not None:
                yield Item(name.removeprefix(self.prefix), value, decode(value))

    async def get(self, key: str) -> Item | None:
        value = await self.kv.get(self.prefix + key)
        return None if value is None else Item(key, value, decode(value))

    async def clear(self, wanted: Callable[[Item], bool]) -> int:
        """Drops what is wanted. Returns how many there were."""
        names = [self.prefix + item.key async for item in self.items() if wanted(item)]
        return await self.kv.drop(*names) if names else 0


def _last_question(entry: Entry) -> str:
    """Of the request as it was kept, where long texts and lists are shortened."""
    parts = msgspec.json.decode(entry.parts)
    body = msgspec.json.encode(parts.get("body"))
    request = Request("POST", str(parts.get("path", "")), "", CIMultiDict({"content-type": "application/json"}), body)
    return dialect_of(entry.api).asked(request, entry.api).question
