"""An answer as it is stored: bytes with the version of their format in front.

Rule: what cannot be read (another version, a torn or foreign value) is no entry, never an error. Nothing in it is
executed: it is msgpack of texts, numbers and bytes."""

from __future__ import annotations

import msgspec

NAME = b"aigw-cache"
"""How every value begins that an aigw of any version wrote."""
FORMAT = NAME + b" 1\n"
"""Stands before every value. A value with any other beginning is not read."""


class Entry(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A complete answer. `created` is in seconds since 1970, `ttl` in seconds (0: it does not expire).

    A stream's `body` holds its events without the one that only tells usage, which is `usage`, and without the last
    one, which is `tail`. `delays` are the milliseconds that each event of `body` came after the one before. `parts` is
    as in `key.CacheKeys.parts`."""

    created: float
    ttl: int
    api: str
    model: str
    streamed: bool
    content_type: str
    body: bytes
    usage: bytes = b""
    tail: bytes = b""
    delays: tuple[int, ...] = ()
    parts: bytes = b"{}"


_encoder = msgspec.msgpack.Encoder()
_decode = msgspec.msgpack.Decoder(Entry).decode


def encode(entry: Entry) -> bytes:
    return FORMAT + _encoder.encode(entry)


def decode(value: bytes) -> Entry | None:
    if not value.startswith(FORMAT):
        return None
    try:
        return _decode(memoryview(value)[len(FORMAT) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
