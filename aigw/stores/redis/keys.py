"""Writes keys as Redis has them: unchanged, behind the prefix of the URL. Any text is a key, even half a surrogate
pair."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from aigw.stores.redis.client import RedisClient

HELD = b"aigw:held:"
_TAG = re.compile(rb"[^{]*\{[^}]+\}", re.DOTALL)
_SPECIAL = re.compile(rb"[\\*?\[\]^-]")


class RedisKeys:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def encode(self, key: str) -> bytes:
        return self._prefix + key.encode("utf-8", "surrogatepass")

    def held(self, encoded: bytes) -> bytes:
        """The key that has what is held under a key. It is on the same server of a cluster: its hash tag is that of the
        key, or the whole key. No hash tag can have a `}`: a cluster refuses to hold under a key with a `}` and none."""
        return HELD + encoded if _TAG.match(encoded) else HELD + b"{" + encoded + b"}"

    async def found(self, client: RedisClient, prefix: str) -> AsyncIterator[str]:
        start, seen = self.encode(prefix), set[bytes]()
        async for key in client.scan(_SPECIAL.sub(rb"\\\g<0>", start) + b"*"):
            if key not in seen:
                seen.add(key)
                yield key[len(self._prefix) :].decode("utf-8", "surrogatepass")
