"""Writes keys as Redis has them: unchanged, behind the prefix of the URL. Any text is a key, even half a surrogate
pair."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import lru_cache
from itertools import count

from redis.crc import key_slot

from aigw.stores.redis.client import RedisClient

HELD = b"aigw:held:"
_TAG = re.compile(rb"[^{]*\{[^}]+\}", re.DOTALL)
_SPECIAL = re.compile(rb"[\\*?\[\]^-]")


@lru_cache(maxsize=4096)
def _tag_of(encoded: bytes) -> bytes:
    """Returns a hash tag for the slot of a key. It is found in some 10 ms by trying."""
    slot = key_slot(encoded)
    return next(tag for tag in map(b"%d".__mod__, count()) if key_slot(tag) == slot)


class RedisKeys:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def encode(self, key: str) -> bytes:
        return self._prefix + key.encode("utf-8", "surrogatepass")

    def held(self, encoded: bytes) -> bytes:
        """Returns the key with what is held under a key. It must be on the same server of a cluster, so its hash tag is
        the tag of the key, or else the whole key. A hash tag cannot contain `}`, so for a key with `}` and without a
        tag, a tag of the same server is searched for."""
        if _TAG.match(encoded):
            return HELD + encoded
        return HELD + b"{" + encoded + b"}" if b"}" not in encoded else HELD + b"{" + _tag_of(encoded) + b"}" + encoded

    async def found(self, client: RedisClient, prefix: str) -> AsyncIterator[str]:
        start, seen = self.encode(prefix), set[bytes]()
        async for key in client.scan(_SPECIAL.sub(rb"\\\g<0>", start) + b"*"):
            if key not in seen:
                seen.add(key)
                yield key[len(self._prefix) :].decode("utf-8", "surrogatepass")
