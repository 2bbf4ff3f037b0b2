"""Follows a request to its end and calls `settle` with what the request used, exactly once and on every path.

Rule: `settle` has returned before the client gets the end of its answer (of a stream, its last event). So when the
client sends its next request, the counters already include this one. If the answer has no end because the client left,
`settle` runs as a deferred job. If the request is cancelled during `settle`, `settle` runs again as a deferred job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aigw.core.exchange import Exchange
from aigw.core.layers import ChunkSource, Outcome
from aigw.core.model import Batch
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects.bodies import is_json
from aigw.dialects.reader import MAX_PLAIN
from aigw.metering.growth import Growth
from aigw.metering.meter import Meter, Spent

Settle = Callable[[Spent], Coroutine[Any, Any, None]]
"""Ends the reservation of a request and charges what it used. It must not raise StoreError, because the answer has
arrived already. If it is cancelled, it is called again; `holding.Held` makes sure that nothing is charged twice."""


async def follow(
    exchange: Exchange, call_next: Next, settle: Settle, meter: Meter, growth: Growth | None = None
) -> Reply:
    """Sends the request on and returns its reply. Calls `settle` once, with what `meter` says that the request used,
    whatever happens to the request or the reply. `growth` looks at the answer while it arrives."""
    following = _Following(exchange, settle, meter)
    if growth is not None:
        exchange.watchers = (*exchange.watchers, growth)
    try:
        reply = await call_next(exchange)
        await _follow(reply, following)
    except asyncio.CancelledError:
        following.leave()
        raise
    except Exception:
        await following.finish(Outcome.FAILED)
        raise
    return reply


async def _follow(reply: Reply, following: _Following) -> None:
    asked = following.exchange.asked
    piecewise = not reply.single and (reply.streaming or asked.array)
    if not (piecewise or reply.single) and is_json(asked, reply.headers):
        await reply.whole(MAX_PLAIN)
    await following.meter.watch(reply)
    if reply.single:
        await following.finish(Outcome.COMPLETE)
    else:
        reply.within(lambda source: _Followed(source, following))


class _Following:
    """A request that is followed to its end."""

    __slots__ = ("_ended", "_settle", "exchange", "meter")

    def __init__(self, exchange: Exchange, settle: Settle, meter: Meter) -> None:
        self.exchange = exchange
        self.meter = meter
        self._settle = settle
        self._ended = False

    async def finish(self, outcome: Outcome) -> None:
        """Settles now, and returns when that is done."""
        if self._ended:
            return
        self._ended = True
        try:
            await self._run(outcome)
        except asyncio.CancelledError:
            self.exchange.defer(self._run, outcome)
            raise

    def end(self, outcome: Outcome) -> None:
        """Settles after the last byte."""
        if not self._ended:
            self._ended = True
            self.exchange.defer(self._run, outcome)

    def leave(self) -> None:
        self.end(Outcome.ABORTED)

    async def _run(self, outcome: Outcome) -> None:
        await self._settle(await self.meter.spent(outcome))


class _Followed:
    """A layer around the source of a stream. It settles before it passes on the last event."""

    __slots__ = ("_following", "_source")

    def __init__(self, source: ChunkSource, following: _Following) -> None:
        self._source = source
        self._following = following

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        following = self._following
        try:
            batch = await self._source.__anext__()
        except StopAsyncIteration:
            await following.finish(Outcome.COMPLETE)
            raise
        except asyncio.CancelledError:
            following.leave()
            raise
        except Exception:
            await following.finish(Outcome.FAILED)
            raise
        if following.exchange.dialect.is_last(batch):
            await following.finish(Outcome.COMPLETE)
        return batch

    async def aclose(self) -> None:
        self._following.leave()
        await self._source.aclose()
