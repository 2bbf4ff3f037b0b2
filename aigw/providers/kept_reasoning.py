"""Keeps the reasoning that clients leave out: in the memory of this process, and for a time in a store, where the next
run of the gateway and the other workers find it.

Rules: nothing leaves the memory if the configuration keeps no responses, or if the request says `store: false` or
`Cache-Control: no-store`. If the store fails, the conversation goes on with what is in memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.stores import KV, Service, StoreError
from aigw.dialects.json_values import decoded, encoded
from aigw.translation.kept_thoughts import KeptThought, KeptThoughts

SERVICE = Service("aigw-reasoning")
_TOGETHER = 64
"""How many entries are looked up at a time, before others get their turn."""


class KeptReasoning:
    """The kept reasoning of one provider."""

    def __init__(self, provider: str, env: Env) -> None:
        self._provider = provider
        self._thoughts: KeptThoughts = env.lasting.setdefault(f"reasoning of {provider}", KeptThoughts())
        keeping = env.choose(safe=env.responses, higress=None)
        self._seconds = keeping.seconds if keeping is not None else 0.0
        self._kv = env.stores.kv(SERVICE) if keeping is not None else None

    def of(self, exchange: Exchange) -> KeptFor:
        """What is kept for one request."""
        return KeptFor(self._thoughts, self._kv if _may_last(exchange) else None, self._seconds, self._provider)


class KeptFor:
    """A `translation.kept_thoughts.Kept` for one request. Its `get` and `put` may be called in another thread."""

    def __init__(self, thoughts: KeptThoughts, kv: KV | None, seconds: float, provider: str) -> None:
        self._thoughts = thoughts
        self._kv = kv
        self._seconds = seconds
        self._provider = provider
        self._loop = asyncio.get_running_loop()
        self._missed: list[bytes] = []

    def get(self, key: bytes) -> KeptThought | None:
        found = self._thoughts.get(key)
        if found is None and self._kv is not None:
            self._missed.append(key)
        return found

    def put(self, key: bytes, kept: KeptThought) -> None:
        self._thoughts.put(key, kept)
        if self._kv is not None:
            self._loop.call_soon_threadsafe(self._save, self._kv, key, kept)

    async def load(self) -> bool:
        """Looks in the store for what `get` has not found in memory. Returns whether something of it is there now."""
        missed, self._missed = self._missed, []
        found = False
        for start in range(0, len(missed), _TOGETHER):
            for each in await asyncio.gather(*map(self._load, missed[start : start + _TOGETHER])):
                found = found or each
        return found

    async def _load(self, key: bytes) -> bool:
        value = None
        with suppress(StoreError):
            value = await self._kv.get(self._name(key)) if self._kv is not None else None
        if value is None:
            return False
        with suppress(ValueError):  # of another version
            self._thoughts.put(key, msgspec.convert(decoded(value), KeptThought))
            return True
        return False

    def _save(self, kv: KV, key: bytes, kept: KeptThought) -> None:
        kv.put_soon(self._name(key), encoded(msgspec.to_builtins(kept)), self._seconds, _done)

    def _name(self, key: bytes) -> str:
        return f"{self._provider}/{key.hex()}"


def _may_last(exchange: Exchange) -> bool:
    if "no-store" in exchange.original.headers.get("cache-control", "").lower():
        return False
    request = exchange.request
    if request.parsed is None:
        request.parse()
    return request.parsed is None or request.parsed.get("store") is not False


def _done() -> None:
    pass
