"""Collects an answer while it passes through, and encodes it as bytes that begin with the version of their format.

Rules: a value that cannot be read (of another version, damaged, or not from aigw) is ignored and never an error. A
value is msgpack with only texts, numbers and bytes, so that nothing in it can be executed. An answer is only
kept if its reader says that it is complete, that nothing of it was cut away, and that a client can use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec

from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk, raw_of
from aigw.core.pace import LARGE, resting
from aigw.core.reply import Reply
from aigw.plugins.ai_cache.key import KNOWN, SMALL, CacheKey

NAME = b"aigw-cache"
"""The values of all versions of aigw begin with this."""
FORMAT = NAME + b" 1\n"
"""Every value of this version begins with this. A value with another beginning is not read."""

MAX_BYTES = 8 * 1024 * 1024
"""The size of the largest answer that is kept."""


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
_decoder = msgspec.msgpack.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    return b"".join((FORMAT, _encoder.encode(entry)))  # lets other threads run while it copies much


def decode(value: bytes) -> Entry | None:
    """Returns None if the value cannot be read."""
    return _decode_once(value) if len(value) <= SMALL else _decode(value)


def _decode(value: bytes) -> Entry | None:
    if not value.startswith(FORMAT):
        return None
    try:
        return _decoder.decode(memoryview(value)[len(FORMAT) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_decode_once = lru_cache(maxsize=KNOWN)(_decode)
"""Decodes what answers again and again only once: a hit takes 4 % less of the processor."""


def keepable(reply: Reply) -> bool:
    """Whether an answer with this head may become an entry."""
    if reply.status != 200 or reply.makeshift or "content-encoding" in reply.headers:
        return False
    content_type = reply.headers.get("content-type", "").lower()
    return "json" in content_type or reply.streaming


class Capture:
    """Collects one answer. `now` returns monotonic seconds."""

    __slots__ = ("_batches", "_content_type", "_key", "_now", "_streaming", "size")

    def __init__(self, key: CacheKey, reply: Reply, now: Callable[[], float]) -> None:
        self._key = key
        self._streaming = reply.streaming
        self._content_type = reply.headers.get("content-type", "")
        self._now = now
        self._batches: list[tuple[float, Batch]] = []
        self.size = 0
        """How many bytes have passed through."""

    def batch(self, batch: Batch) -> None:
        self.size += len(raw_of(batch))
        if self.size <= MAX_BYTES:
            self._batches.append((self._now(), batch))

    def entry(self, exchange: Exchange, *, created: float, ttl: int, parts: bytes) -> Entry | None:
        """Returns the entry, None if the answer is too large or must not answer others. Times are in seconds."""
        if self.size > MAX_BYTES or not self._batches or not self._is_repeatable(exchange):
            return None
        delays: tuple[int, ...] = ()
        usage = tail = b""
        if self._streaming:
            body, delays, usage, tail = self._stream(exchange)
        else:
            body = b"".join([raw_of(batch) for _, batch in self._batches])
        if not body:
            return None
        return Entry(
            created=created,
            ttl=ttl,
            api=self._key.api,
            model=self._key.model,
            streamed=self._streaming,
            content_type=self._content_type,
            parts=parts,
            body=body,
            delays=delays,
            usage=usage,
            tail=tail,
        )

    def _is_repeatable(self, exchange: Exchange) -> bool:
        """Whether the answer may be kept. The exchange's own reader says so if it has read the same as the client.
        Otherwise a new reader reads what the client got, in a thread. A translated answer with unreadable parts may not
        be kept, because these are missing in it."""
        answer = exchange.answer
        if answer is not None and exchange.wire is not exchange.dialect and self._streaming and answer.unread:
            return False
        same = exchange.wire is exchange.dialect and self.size <= LARGE
        if answer is None or not answer.complete or same:
            return answer is not None and answer.repeatable
        shown = exchange.dialect.reader(exchange.asked, streaming=self._streaming)
        for _, batch in self._batches:
            shown.feed(batch)
        return shown.repeatable

    def _stream(self, exchange: Exchange) -> tuple[bytes, tuple[int, ...], bytes, bytes]:
        """Returns the events, their delays in milliseconds, the event that only reports usage, and the last event. The
        events are empty if the stream is not complete."""
        dialect, answer = exchange.dialect, exchange.answer
        assert answer is not None
        pairs = [(chunk, at) for at, batch in self._batches for chunk in resting(batch) if _has_data(chunk)]
        tail = pairs.pop()[0].raw if pairs and dialect.is_last([pairs[-1][0]]) else b""
        if dialect.marks_end and not tail:
            return b"", (), b"", b""
        told = next((event for event, _ in pairs[-LAST:] if dialect.tells_only_usage(event)), None)
        if not pairs or (exchange.wire is dialect and any(_is_garbled(event) for event, _ in pairs)):
            return b"", (), b"", b""
        usage = told.raw if told is not None else dialect.usage_event(pairs[0][0], answer.tokens)
        pairs = [pair for pair in pairs if pair[0] is not told]
        times = [at for _, at in pairs]
        delays = [round(1000 * (at - before)) for at, before in zip(times, [*times[:1], *times], strict=False)]
        return b"".join([chunk.raw for chunk, _ in pairs]), tuple(delays), usage, tail


LAST = 4
"""How many events at the end of a stream are searched for the one that only reports usage."""


def _is_garbled(event: Chunk) -> bool:
    """Whether no plain answer can be made of the event."""
    return event.json() is None and event.data != b"null" and bool((event.data or b"").strip())


def _has_data(event: Chunk) -> bool:
    return event.raw.startswith(b"data:") or event.data is not None
