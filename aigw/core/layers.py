"""The synchronous layers around a body: observers and decoders, in one list, so that a batch passes all of them in one
coroutine.

Rule: in whatever way the body ends, each observer is told once. It sees the body as the layers before it have left it.
A large batch passes the layers in the thread of `core.aside`, so a layer must not need the event loop for a batch; ends
are always told in the loop's own thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from typing import Protocol

from aigw.core.aside import aside
from aigw.core.model import Batch, large_of

log = logging.getLogger("aigw")


class Outcome(Enum):
    """How a reply ended: it was read to its end, or the client left before, or it failed."""

    COMPLETE = "complete"
    ABORTED = "aborted"
    FAILED = "failed"


OnBatch = Callable[[Batch], None]
OnEnd = Callable[[Outcome], None]


class ChunkSource(Protocol):
    """A stream of batches. `aclose` may be called at any time, also before the first read, and more than once."""

    def __aiter__(self) -> AsyncIterator[Batch]: ...

    def __anext__(self) -> Awaitable[Batch]: ...

    async def aclose(self) -> None: ...


class Decoder(Protocol):
    """Rewrites the batches of a body, sans-io. `end` returns what is added when the body ends. If it fails, so does the
    answer."""

    def feed(self, batch: Batch) -> Batch: ...

    def end(self) -> Batch: ...


class Observer:
    """A layer that changes nothing. If it fails, the answer goes on without it."""

    __slots__ = ("_on_batch", "_on_end")

    def __init__(self, on_batch: OnBatch | None, on_end: OnEnd | None) -> None:
        self._on_batch = on_batch
        self._on_end = on_end

    def feed(self, batch: Batch) -> Batch:
        if self._on_batch is not None:
            try:
                self._on_batch(batch)
            except Exception:
                log.exception("an observer failed and sees nothing more of this reply")
                self._on_batch = None
        return batch

    def end(self) -> Batch:
        self.tell(Outcome.COMPLETE)
        return ()

    def tell(self, outcome: Outcome) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is None:
            return
        try:
            on_end(outcome)
        except Exception:
            log.exception("an observer failed at the end of a reply")


class Layers:
    """A source with layers around it. Layers can be added until its end was read."""

    __slots__ = ("_ahead", "_failed", "_inner", "_layers", "_over")

    def __init__(self, inner: ChunkSource) -> None:
        self._inner = inner
        self._layers: list[Decoder] = []
        self._over: int | None = None
        """How many layers have been told that the source has ended. None: it has not."""
        self._ahead: tuple[Batch, int] | None = None
        self._failed = 0
        """The index behind the layer that failed, 0 if none has."""

    def add(self, layer: Decoder) -> None:
        self._layers.append(layer)

    def put_back(self, batch: Batch) -> None:
        """Lets a batch that was read come again. Only the layers that are added from now on have not seen it."""
        self._ahead = batch, len(self._layers)

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        if self._ahead is not None:
            (batch, place), self._ahead = self._ahead, None
            if shown := await self._pass_aside(batch, place) if large_of(batch) else self._pass(batch, place):
                return shown
        while self._over is None:
            try:
                batch = await self._inner.__anext__()
            except StopAsyncIteration:
                self._over = 0
            except (asyncio.CancelledError, GeneratorExit):
                self._tell(Outcome.ABORTED)
                raise
            except BaseException:
                self._tell(Outcome.FAILED)
                raise
            else:
                if shown := await self._pass_aside(batch, 0) if large_of(batch) else self._pass(batch, 0):
                    return shown
        return self._last(self._over)

    async def _pass_aside(self, batch: Batch, place: int) -> Batch:
        """Like `_pass`, but a large batch is handled in a thread."""
        try:
            return await aside(large_of(batch), self._pass, batch, place, tells=False)
        except Exception:
            self._tell(Outcome.FAILED, self._failed)
            raise

    def _pass(self, batch: Batch, place: int, *, tells: bool = True) -> Batch:
        """Passes a batch through the layers from `place` on. `tells`: if one fails, the layers behind it are told."""
        layers = self._layers[place:] if place else self._layers
        for layer in layers:
            try:
                batch = layer.feed(batch)
            except BaseException:
                self._failed = self._layers.index(layer) + 1
                if tells:
                    self._tell(Outcome.FAILED, self._failed)
                raise
            if not batch:
                break
        return batch

    def _last(self, place: int) -> Batch:
        """Returns what the next layer adds at the end. Raises StopAsyncIteration if none adds anything more."""
        while place < len(self._layers):
            layer = self._layers[place]
            place = self._over = place + 1
            try:
                added = layer.end()
            except BaseException:
                self._tell(Outcome.FAILED, place)
                raise
            if added and (shown := self._pass(added, place)):
                return shown
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._ahead = None
        self._tell(Outcome.ABORTED)
        await self._inner.aclose()

    def _tell(self, outcome: Outcome, place: int = 0) -> None:
        """Tells the observers from `place` on, outermost last, how the body ended, unless they know."""
        for layer in self._layers[place:]:
            if isinstance(layer, Observer):
                layer.tell(outcome)
