"""A rewriter of a reply's events that does no I/O itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from aigw.core.model import Batch
from aigw.core.reply import Stage


class Decoder(Protocol):
    """Rewrites the events of a stream, sans-io. `end` returns the events that are added when the stream ends."""

    def feed(self, batch: Batch) -> Batch: ...

    def end(self) -> Batch: ...


def stage(decoder: Decoder) -> Stage:
    """Returns a rewriter for `Reply.through` that uses a decoder."""
    return lambda batches: _Decoded(decoder, batches)


class _Decoded:
    """The batches that a decoder returns. It is a class, because an async generator costs the event loop more time."""

    __slots__ = ("_batches", "_decoder", "_ended")

    def __init__(self, decoder: Decoder, batches: AsyncIterator[Batch]) -> None:
        self._decoder = decoder
        self._batches = batches
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._ended:
            try:
                out = self._decoder.feed(await self._batches.__anext__())
            except StopAsyncIteration:
                self._ended = True
                out = self._decoder.end()
            if out:
                return out
        raise StopAsyncIteration
