"""Encodes and decodes stored answers. The bytes begin with the version of their format.

Rule: a value that cannot be read (of another version, damaged, or not from aigw) is ignored and never an error. A value
is msgpack with only texts, numbers and bytes, so that nothing in it can be executed."""

from __future__ import annotations

import msgspec

NAME = b"aigw-cache"
"""The values of all versions of aigw begin with this."""
FORMAT = NAME + b" 1\n"
"""Every value of this version begins with this. A value with another beginning is not read."""


class Entry(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A complete answer. `created` is in seconds since 1970, `ttl` in seconds (0: it does not expire).

    For a stream, `usage` is the event that only reports usage, `tail` is the last event, and `body` has all other
    events. `delays` are how many milliseconds each event of `body` came after the one before. `parts` is the request,
    as `key.CacheKeys.parts` returns it."""

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
    """Returns None if the value cannot be read."""
    if not value.startswith(FORMAT):
        return None
    try:
        return _decode(memoryview(value)[len(FORMAT) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
