"""Keeps what a model made of a message, for equal messages.

Rule: it never makes a message fail. What cannot be read from the store is asked again."""

from __future__ import annotations

import hashlib

from aigw.core.stores import KV, StoreError

PREFIX = "aigw-transformer:"
MOST = 1 << 20
"""The longest text that is kept, in characters."""


class KeptMessages:
    """Keeps transformed messages for `ttl` seconds."""

    def __init__(self, kv: KV, ttl: float) -> None:
        self._kv = kv
        self._ttl = ttl

    async def get(self, key: str) -> str | None:
        try:
            value = await self._kv.get(PREFIX + key)
        except StoreError:
            return None
        return None if value is None else value.decode("utf-8", "replace")

    async def put(self, key: str, text: str) -> None:
        if len(text) > MOST:
            return
        try:
            await self._kv.put(PREFIX + key, text.encode("utf-8", "replace"), self._ttl)
        except StoreError:
            return


def key_of(model: str, prompt: str, text: str) -> str:
    """Equal for the same message under the same prompt of the same model."""
    parts = [part.encode("utf-8", "replace") for part in (model, prompt, text)]
    return hashlib.sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).hexdigest()
