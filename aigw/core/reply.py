"""A reply: a status, headers, and a body that comes in batches of chunks.

Plugins add layers around the body. `tap` adds an observer: if it fails, the client still gets the answer. `decode` and
`through` add a rewriter: if it fails, the answer fails too, so that nothing gets out that should have been rewritten.
In whatever way the body ends, each observer is told once, and each layer is closed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.layers import ChunkSource, Decoder, Layers, Observer, OnBatch, OnEnd
from aigw.core.model import Batch, Chunk, joined, large_of, raw_of
from aigw.core.pace import LARGE

Stage = Callable[[AsyncIterator[Batch]], AsyncIterator[Batch]]


class Fixed:
    """A source of one batch that exists already."""

    def __init__(self, *chunks: Chunk) -> None:
        self._batches = [list(chunks)] if chunks else []

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        if not self._batches:
            raise StopAsyncIteration
        return self._batches.pop()

    def only(self) -> Chunk | None:
        """Returns the chunk if there is exactly one and it was not read yet, else None."""
        return self._batches[0][0] if self._batches and len(self._batches[0]) == 1 else None

    async def aclose(self) -> None:
        self._batches.clear()


class _Joined:
    """Yields what was read ahead, then the rest of the source. Closing it closes the source."""

    def __init__(self, head: Batch, rest: ChunkSource) -> None:
        self._head = head
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    def __anext__(self) -> Awaitable[Batch]:
        if self._head:
            return self._take()
        return self._rest.__anext__()  # without a coroutine of its own, which would cost time for every batch

    async def _take(self) -> Batch:
        head, self._head = self._head, ()
        return head

    async def aclose(self) -> None:
        self._head = ()
        await self._rest.aclose()


async def _next(source: ChunkSource) -> Batch:
    return await source.__anext__()


async def _within(read: asyncio.Task[Batch], late: float) -> bool:
    """Returns whether the read is done before the loop's time is `late`. A cancelled wait cancels the read."""
    try:
        await asyncio.wait((read,), timeout=max(0.0, late - asyncio.get_running_loop().time()))
    except asyncio.CancelledError:
        read.cancel()
        await asyncio.wait((read,))
        raise
    return read.done()


class _Reading:
    """A source of which one read is under way. It is not broken off, because the layers below would take that for a
    client that left."""

    def __init__(self, read: asyncio.Task[Batch], rest: ChunkSource) -> None:
        self._read: asyncio.Task[Batch] | None = read
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    def __anext__(self) -> Awaitable[Batch]:
        read, self._read = self._read, None
        return self._rest.__anext__() if read is None else read

    async def aclose(self) -> None:
        read, self._read = self._read, None
        if read is not None:
            read.cancel()
            await asyncio.wait((read,))
            if not read.cancelled():
                read.exception()  # it was seen
        await self._rest.aclose()


class _Rewritten:
    """A source whose batches a stage rewrites. Closing it closes the stage and the source. A stage that was never
    started is closed without running, so it must own nothing."""

    def __init__(self, inner: ChunkSource, stage: Stage) -> None:
        self._inner = inner
        self._stage = stage(inner)

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    def __anext__(self) -> Awaitable[Batch]:
        return self._stage.__anext__()  # without a coroutine of its own, which would cost time for every batch

    async def aclose(self) -> None:
        try:
            close = getattr(self._stage, "aclose", None)
            if close is not None:
                await close()
        finally:
            await self._inner.aclose()


class Reply:
    """What the client gets. `Exchange.reply` makes it, and the exchange closes it. It can be iterated only once.

    `streaming` is true for a stream of events. `in_array` is true if the body is a JSON array in which another element
    may follow after any batch. `single` is true if the body is one chunk that exists already. `plain` is true for the
    JSON of a provider's answer, which is judged only when all of it has arrived. `rewriters` is how many layers rewrite
    the body. `arrived` is the part of a body that had arrived when `whole` failed. `makeshift` is true if the answer
    must not be used for later requests, because a plugin went on without something it needs or knew more than the
    request says, or because a piece could not be read."""

    __slots__ = (
        "_source", "arrived", "headers", "in_array", "makeshift", "plain", "rewriters", "single", "status", "streaming"
    )  # fmt: skip

    def __init__(self, source: ChunkSource, status: int, headers: CIMultiDict[str], *, streaming: bool) -> None:
        self._source = source
        self.status = status
        self.headers = headers
        self.streaming = streaming
        self.rewriters = 0
        self.in_array = False
        self.plain = False
        self.makeshift = False
        self.arrived = b""
        self.single = isinstance(source, Fixed) and not streaming

    def tap(self, on_batch: OnBatch | None = None, on_end: OnEnd | None = None) -> Reply:
        """Adds an observer. It sees the body as the earlier layers have left it, and must not block. Returns self."""
        return self._add(Observer(on_batch, on_end))

    def decode(self, decoder: Decoder) -> Reply:
        """Adds a rewriter that does no I/O. Returns self."""
        self._changes()
        return self._add(decoder)

    def through(self, stage: Stage) -> Reply:
        """Adds a rewriter that may wait: an async generator function from batches to batches. Returns self."""
        self._changes()
        self._source = _Rewritten(self._source, stage)
        return self

    def within(self, layer: Callable[[ChunkSource], ChunkSource]) -> Reply:
        """Adds a layer that does not change the body, but may wait, which an observer may not. The layer must close the
        source that it gets. Returns self."""
        self._source = layer(self._source)
        return self

    def _changes(self) -> None:
        for name in ("content-length", "content-md5", "digest", "etag"):
            self.headers.popall(name, None)  # they describe the bytes before the change
        self.rewriters += 1

    def _add(self, layer: Decoder) -> Reply:
        if not isinstance(self._source, Layers):
            self._source = Layers(self._source)
        self._source.add(layer)
        return self

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self._source.__aiter__()

    async def first(self, until: Callable[[Batch], bool], seconds: float | None = None) -> tuple[Batch, bool]:
        """Reads up to the first batch that `until` accepts, or until `seconds` have passed since the first batch.
        Returns what was read, and whether more may come. The batches that were read here come again when the reply is
        iterated."""
        held: list[Batch] = []
        source: ChunkSource = self._source
        more = True
        late = 0.0
        while True:
            try:
                if not held or seconds is None:
                    batch = await source.__anext__()
                else:
                    late = late or asyncio.get_running_loop().time() + seconds
                    read = asyncio.ensure_future(_next(source))
                    if not await _within(read, late):
                        source = _Reading(read, source)
                        break
                    batch = read.result()
            except StopAsyncIteration:
                more = False
                break
            held.append(batch)
            if await aside(size, until, batch) if (size := large_of(batch)) else until(batch):
                break
        head = held[0] if len(held) == 1 else await aside(sum(map(large_of, held)), joined, held)
        if held and isinstance(source, Layers):
            source.put_back(head)
        elif held:
            source = _Joined(head, source)
        self._source = source
        return head, more

    async def whole(self, limit: int) -> Chunk | None:
        """Makes the whole body one chunk, and returns it. If the body has more than `limit` bytes, returns None; the
        reply can still be read as before."""
        if (only := self.only) is not None:
            return only
        pieces: list[bytes] = []
        size = 0
        try:
            async for batch in self._source:
                raw = raw_of(batch)
                pieces.append(raw)
                size += len(raw)
                if size > limit:
                    self._source = _Joined([Chunk(b"".join(pieces))], self._source)
                    return None
        except BaseException:
            self.arrived = b"".join(pieces)
            raise
        await self._source.aclose()
        return self.become(await aside(size, b"".join, pieces) if size > LARGE else b"".join(pieces))

    def become(self, body: bytes) -> Chunk:
        """Puts these bytes in the place of a source that has nothing to give or to close any more."""
        chunk = Chunk(body, body)
        self._source = Fixed(chunk)
        self.single = True
        return chunk

    @property
    def only(self) -> Chunk | None:
        """Returns the body if it is a single chunk that exists already, was not read yet, and is neither observed nor
        rewritten."""
        return self._source.only() if isinstance(self._source, Fixed) else None

    async def body(self) -> bytes:
        """Reads the reply to its end and returns its bytes."""
        if (only := self.only) is not None:
            return only.raw
        return b"".join([raw_of(batch) async for batch in self._source])

    async def aclose(self) -> None:
        """Closes all layers, outermost first. It may be called more than once."""
        await self._source.aclose()
