"""Layers over bodies that are not split into events: they see how such a body ended.

Rule: one that was cut off never looks complete. Half an element of an array, and the last piece of half a body, are
never passed on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.layers import ChunkSource
from aigw.core.model import Batch, Chunk, raw_of
from aigw.dialects.bodies import BodyReader
from aigw.dialects.sse import MAX_EVENT


class Judged:
    """A layer over a body that is not split into events, for `Reply.within`. It holds the last piece back until it is
    known that the body is whole, so that a client cannot take a part of it for the whole. `live`: the body comes piece
    by piece on purpose, so nothing is held back, and it does not matter how the connection ends behind it."""

    def __init__(self, inner: ChunkSource, body: BodyReader, *, sure: bool, live: bool) -> None:
        self._inner = inner
        self._body = body
        self._sure = sure
        self._live = self._pieced = live
        self._over = False
        self._held: Batch = ()

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            try:
                batch = await self._inner.__anext__()
            except StopAsyncIteration:
                if flaw := self._body.flaw(sure=self._sure):
                    raise UpstreamError(UpstreamFault.CUT_OFF, f"the provider's answer was cut off {flaw}") from None
                if batch := self._left():
                    return batch
                raise
            except UpstreamError:
                if not (self._pieced and self._body.over):
                    raise
                self._over = True
                if batch := self._left():
                    return batch
            else:
                if out := self._passed(batch):
                    return out
        raise StopAsyncIteration

    def _passed(self, batch: Batch) -> Batch:
        """Returns what leaves when this has arrived."""
        if self._live:
            return batch
        out, self._held = self._held, batch
        return out

    def _left(self) -> Batch:
        """Returns the piece that was held back, once the body has ended well."""
        out, self._held = self._held, ()
        return out

    async def aclose(self) -> None:
        self._held = ()
        await self._inner.aclose()


class JudgedArray(Judged):
    """Like `Judged`, for a JSON array that comes element by element. Only whole elements leave, without the comma
    before the next one and without the last bracket, so that an error can follow as one more element."""

    def __init__(self, inner: ChunkSource, body: BodyReader) -> None:
        super().__init__(inner, body, sure=True, live=False)
        self._pieced = True
        self._pieces = bytearray()

    def _passed(self, batch: Batch) -> Batch:
        self._pieces += raw_of(batch)
        if len(self._pieces) > MAX_EVENT:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"an element is larger than {MAX_EVENT} bytes")
        end = self._pieces.rfind(b"}") + 1 if self._body.between else 0
        if end:
            end = len(self._pieces) - len(self._pieces[end:].lstrip())
        out = bytes(self._pieces[:end])
        del self._pieces[:end]
        return (Chunk(out),) if out else ()

    def _left(self) -> Batch:
        out = bytes(self._pieces)
        self._pieces.clear()
        return (Chunk(out),) if out else ()
