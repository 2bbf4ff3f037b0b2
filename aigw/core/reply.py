"""A reply: status, headers and one owned stream of chunks.

Chunks come in batches: what arrived together leaves together. Layers are added outwards: `tap` observes and fails
open (a bug in an observer never breaks the user's stream), `through` rewrites and fails closed (a failed rewriter
never leaks what it should have rewritten). Every end of the stream, whichever way it comes, is told once to each
observer and closes each layer once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from typing import Protocol

from multidict import CIMultiDict

from aigw.core.model import Batch, Chunk

log = logging.getLogger("aigw")


class Outcome(Enum):
    """How a stream ended: drained, the client left, or the upstream broke."""

    COMPLETE = "complete"
    ABORTED = "aborted"
    FAILED = "failed"


Stage = Callable[[AsyncIterator[Batch]], AsyncIterator[Batch]]
OnBatch = Callable[[Batch], None]
OnEnd = Callable[[Outcome], None]


class ChunkSource(Protocol):
    """An owned stream of batches. `aclose` may come at any time, also before the first read, and more than once."""

    def __aiter__(self) -> AsyncIterator[Batch]: ...

    def __anext__(self) -> Awaitable[Batch]: ...

    async def aclose(self) -> None: ...


class Fixed:
    """A source of batches that are all there already."""

    def __init__(self, *chunks: Chunk) -> None:
        self._batches = [list(chunks)] if chunks else []

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        if not self._batches:
            raise StopAsyncIteration
        return self._batches.pop()

    def only(self) -> Chunk | None:
        """The chunk, where there is exactly one and it was not read yet."""
        return self._batches[0][0] if self._batches and len(self._batches[0]) == 1 else None

    async def aclose(self) -> None:
        self._batches.clear()


class _Joined:
    """What was read ahead, then the rest. Owns both."""

    def __init__(self, head: Batch, rest: ChunkSource) -> None:
        self._head = head
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    def __anext__(self) -> Awaitable[Batch]:
        if self._head:
            return self._take()
        return self._rest.__anext__()  # no coroutine of its own: every later batch comes this way

    async def _take(self) -> Batch:
        head, self._head = self._head, ()
        return head

    async def aclose(self) -> None:
        self._head = ()
        await self._rest.aclose()


class _Tap:
    """One observer between a source and whoever reads it."""

    def __init__(self, inner: ChunkSource, on_batch: OnBatch | None, on_end: OnEnd | None) -> None:
        self._inner = inner
        self._on_batch = on_batch
        self._on_end = on_end

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        try:
            batch = await self._inner.__anext__()
        except StopAsyncIteration:
            self._end(Outcome.COMPLETE)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self._end(Outcome.ABORTED)
            raise
        except BaseException:
            self._end(Outcome.FAILED)
            raise
        if self._on_batch is not None:
            try:
                self._on_batch(batch)
            except Exception:
                log.exception("an observer failed and sees nothing more of this reply")
                self._on_batch = None
        return batch

    async def aclose(self) -> None:
        self._end(Outcome.ABORTED)
        await self._inner.aclose()

    def _end(self, outcome: Outcome) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is None:
            return
        try:
            on_end(outcome)
        except Exception:
            log.exception("an observer failed at the end of a reply")


class _Rewritten:
    """One rewriter. The stage is an async generator; closing it before its first read is fine because it owns
    nothing."""

    def __init__(self, inner: ChunkSource, stage: Stage) -> None:
        self._inner = inner
        self._stage = stage(inner)

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        return await self._stage.__anext__()

    async def aclose(self) -> None:
        try:
            close = getattr(self._stage, "aclose", None)
            if close is not None:
                await close()
        finally:
            await self._inner.aclose()


class Reply:
    """What the client gets. Made by `Exchange.reply`, which owns it; iterate it once.

    `streaming` says that it is a stream of events, `single` that it is one chunk which is there already,
    `rewriters` how many layers rewrite it."""

    __slots__ = ("_source", "headers", "rewriters", "single", "status", "streaming")

    def __init__(self, source: ChunkSource, status: int, headers: CIMultiDict[str], *, streaming: bool) -> None:
        self._source = source
        self.status = status
        self.headers = headers
        self.streaming = streaming
        self.rewriters = 0
        self.single = isinstance(source, Fixed)

    def tap(self, on_batch: OnBatch | None = None, on_end: OnEnd | None = None) -> Reply:
        """Adds a synchronous observer of what the layers so far let through. Returns self."""
        self._source = _Tap(self._source, on_batch, on_end)
        return self

    def through(self, stage: Stage) -> Reply:
        """Adds a rewriter: an async generator function from batches to batches. Returns self."""
        for name in ("content-length", "content-md5", "digest", "etag"):
            self.headers.popall(name, None)  # they speak of the bytes as they were
        self._source = _Rewritten(self._source, stage)
        self.rewriters += 1
        return self

    def within(self, layer: Callable[[ChunkSource], ChunkSource]) -> Reply:
        """Adds a layer that changes nothing but may wait, which a tap may not. It owns what it is given. Returns
        self."""
        self._source = layer(self._source)
        return self

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self._source.__aiter__()

    async def first(self, until: Callable[[Batch], bool]) -> Batch:
        """Reads ahead up to the first batch that `until` accepts and returns it, or () if the reply ends before. What
        was read still comes out first when the reply is read."""
        held: list[Batch] = []
        found: Batch = ()
        async for batch in self._source:
            held.append(batch)
            if until(batch):
                found = batch
                break
        if held:
            head = held[0] if len(held) == 1 else [chunk for batch in held for chunk in batch]
            self._source = _Joined(head, self._source)
        return found

    async def whole(self, limit: int) -> Chunk | None:
        """Makes the reply one single chunk. None, and a reply as long as it was, if it has more than `limit` bytes."""
        if isinstance(self._source, Fixed) and (only := self._source.only()) is not None:
            return only
        pieces: list[bytes] = []
        size = 0
        async for batch in self._source:
            for chunk in batch:
                pieces.append(chunk.raw)
                size += len(chunk.raw)
            if size > limit:
                self._source = _Joined([Chunk(b"".join(pieces))], self._source)
                return None
        await self._source.aclose()
        body = b"".join(pieces)
        chunk = Chunk(body, body)
        self._source = Fixed(chunk)
        self.single = True
        return chunk

    async def body(self) -> bytes:
        """Reads the reply to its end and returns its bytes."""
        return b"".join([chunk.raw async for batch in self._source for chunk in batch])

    async def aclose(self) -> None:
        """Closes every layer, outermost first. May be called more than once."""
        await self._source.aclose()
