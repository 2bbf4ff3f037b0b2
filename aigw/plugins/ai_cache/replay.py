"""Makes a stored answer into the form that a client asked for, a plain body or a stream. If it is stored in this form,
the client gets the stored bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from aigw.core.dialect import Dialect
from aigw.core.model import Batch, Chunk
from aigw.dialects.sse import EventSplitter
from aigw.plugins.ai_cache.entry import Entry

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


def body_of(entry: Entry, dialect: Dialect) -> bytes:
    """Returns the entry as a plain answer. Raises ValueError if that is not possible."""
    if not entry.streamed:
        return entry.body
    return dialect.whole(_split(entry.body + entry.usage + entry.tail))


def events_of(entry: Entry, dialect: Dialect, *, usage: bool) -> list[Chunk]:
    """Returns the entry as the events of a stream. `usage` includes the event that reports usage. Raises ValueError if
    that is not possible."""
    if not entry.streamed:
        return list(dialect.events(entry.body, usage=usage))
    return _split(entry.body + (entry.usage if usage else b"") + entry.tail)


def _split(raw: bytes) -> list[Chunk]:
    return [*EventSplitter().feed(raw)] if raw else []


class Replay:
    """A source that yields stored events, either all at once or each after its delay."""

    def __init__(
        self,
        events: Sequence[Chunk],
        delays: Sequence[int] = (),
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        """`delays` are in milliseconds. An event with a delay of 0 comes in the same batch as the one before. Without
        `sleep`, all events come at once."""
        self._events = list(events)
        self._delays = list(delays)
        self._sleep = sleep

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        if not self._events:
            raise StopAsyncIteration
        if self._sleep is None or not self._delays:
            batch, self._events = self._events, []
            return batch
        if delay := self._delays.pop(0):
            await self._sleep(delay / 1000)
        batch = [self._events.pop(0)]
        while self._delays and self._delays[0] == 0 and self._events:
            self._delays.pop(0)
            batch.append(self._events.pop(0))
        return batch

    async def aclose(self) -> None:
        self._events.clear()
