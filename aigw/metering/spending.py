"""Follows a request that was let in to its end and tells, exactly once and on every path, what it used.

Rule: `settle` has returned before the client gets the end of its answer (of a stream: its last event), so that the next
request of a client that waits for its answers finds the counters as this one left them. Where there is no end, because
the client left, it runs as a deferred job. A request that is cancelled while it settles is settled all the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

from aigw.core.env import Tokens as Counter
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk
from aigw.core.plugin import Next
from aigw.core.reply import ChunkSource, Outcome, Reply
from aigw.core.tokens import Tokens
from aigw.dialects.openai_chat import DONE_DATA
from aigw.dialects.watch import UsageWatch
from aigw.higress.usage import HigressUsage
from aigw.metering.estimate import estimate_answer, is_told

log = logging.getLogger("aigw")

MAX_PLAIN = 100 * 1024 * 1024
"""Bytes of a JSON answer that are read for their usage before it is passed on; Higress's limit as well."""

_LAST = tuple(
    b'{"type":' + space + name
    for space in (b"", b" ")
    for name in (b'"message_stop"', b'"response.completed"', b'"response.incomplete"', b'"response.failed"')
)
"""How the data of an event begins after which SDKs read no further: Anthropic's, and those of OpenAI's Responses."""


class Spent(NamedTuple):
    """`tokens` are input and output as limits count them: with the cached ones where the provider counts them as input
    (OpenAI), without where it counts them apart (Anthropic). `usage` has them in buckets, for a price.

    `watch` knows the provider, its model, the parts of the usage and the cost that it reported; None with
    `faithful`."""

    tokens: int
    usage: Tokens
    watch: UsageWatch | None = None


NOTHING = Spent(0, Tokens())

Settle = Callable[[Spent], Coroutine[Any, Any, None]]
"""Frees what is held and charges what was used. Must not raise StoreError: the answer is there already. It is called
again if it is cancelled; `holding.Held` sees to it that nothing is charged twice."""


async def follow(
    exchange: Exchange, call_next: Next, settle: Settle, *, counter: Counter, faithful: bool = False
) -> Reply:
    """Sends the request on, and gives its reply. `settle` is awaited once, whatever happens to either.

    `faithful` counts as Higress does: what the client gets to see, and nothing for an answer without an end. Otherwise
    an answer whose provider told no usage, and what came of one that was cut off, is estimated."""
    following = _Following(exchange, settle, counter, faithful=faithful)
    try:
        reply = await call_next(exchange)
        await _watch(reply, following)
    except asyncio.CancelledError:
        following.leave()
        raise
    except Exception:
        await following.finish(Outcome.FAILED)
        raise
    return reply


async def _watch(reply: Reply, following: _Following) -> None:
    following.begin(reply)
    if reply.streaming:
        reply.within(lambda source: _Followed(source, following))
        return
    if not reply.single and _is_readable(reply):
        await reply.whole(MAX_PLAIN)
    if reply.single:
        if following.reads and (whole := await reply.whole(MAX_PLAIN)) is not None and whole.data:
            following.feed(whole)
        await following.finish(Outcome.COMPLETE)
    else:
        reply.tap(None, following.end)


def _is_readable(reply: Reply) -> bool:
    headers = reply.headers
    return "json" in headers.get("content-type", "") and "content-encoding" not in headers


class _Following:
    """One request on its way to its end. `reads`: it wants to see the answer, because nobody further in reads its
    usage, or because it counts what the client sees."""

    __slots__ = ("_counter", "_ended", "_exchange", "_higress", "_settle", "_status", "_streaming", "_watch", "reads")

    def __init__(self, exchange: Exchange, settle: Settle, counter: Counter, *, faithful: bool) -> None:
        self._exchange = exchange
        self._settle = settle
        self._counter = counter
        self._higress = HigressUsage() if faithful else None
        self._watch: UsageWatch | None = None
        self._status = 0
        self._streaming = False
        self._ended = False
        self.reads = True

    def begin(self, reply: Reply) -> None:
        self._status, self._streaming = reply.status, reply.streaming
        if self._higress is None:
            self._watch = self._meter()
            self.reads = self._watch is None
            self._watch = self._watch or UsageWatch("")

    def _meter(self) -> UsageWatch | None:
        meter = self._exchange.meter
        return meter if isinstance(meter, UsageWatch) else None

    def feed(self, chunk: Chunk) -> None:
        if chunk.data is None:
            return
        if self._higress is not None:
            self._higress.feed(chunk.data)
        elif self._watch is not None and self._streaming:
            self._watch.events((chunk,))
        elif self._watch is not None:
            self._watch.feed(chunk.data)

    async def finish(self, outcome: Outcome) -> None:
        """Settles now."""
        if self._ended:
            return
        self._ended = True
        try:
            await self._run(outcome)
        except asyncio.CancelledError:
            self._exchange.defer(self._run, outcome)
            raise

    def end(self, outcome: Outcome) -> None:
        """Settles after the last byte."""
        if not self._ended:
            self._ended = True
            self._exchange.defer(self._run, outcome)

    def leave(self) -> None:
        self.end(Outcome.ABORTED)

    async def _run(self, outcome: Outcome) -> None:
        await self._settle(await self._spent(outcome))

    async def _spent(self, outcome: Outcome) -> Spent:
        if (seen := self._higress) is not None:
            return Spent(seen.input + seen.output, Tokens()) if outcome is Outcome.COMPLETE else NOTHING
        watch = self._watch or self._meter()  # where no reply came back to here, a provider may have answered
        if watch is None:
            return NOTHING
        tokens = watch.tokens
        if not is_told(tokens, outcome) and self._made_something(watch):
            tokens = await self._estimated(watch)
        return Spent(_limited(tokens, beside=watch.reader.cache_beside), tokens, watch)

    async def _estimated(self, watch: UsageWatch) -> Tokens:
        """What was reported, where nothing can be counted: the answer comes all the same, and what is held is freed."""
        request, model = self._exchange.request, watch.model
        try:
            return await asyncio.to_thread(estimate_answer, request, watch, counter=self._counter, model=model)
        except (ImportError, OSError, ValueError):
            log.exception("what %s used cannot be estimated", self._exchange.id)
            return watch.tokens

    def _made_something(self, watch: UsageWatch) -> bool:
        """Whether there is something to estimate by, and somebody who is paid for it."""
        return self._status < 400 and self._exchange.timing.waited > 0 and any(watch.produced())


def _limited(tokens: Tokens, *, beside: bool) -> int:
    cached = 0 if beside else (tokens.cache_read or 0) + (tokens.cache_write or 0)
    return (tokens.input or 0) + cached + (tokens.output or 0)


class _Followed:
    """A stream, as a layer of its reply."""

    __slots__ = ("_following", "_reads", "_source")

    def __init__(self, source: ChunkSource, following: _Following) -> None:
        self._source = source
        self._following = following
        self._reads = following.reads

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
        if self._reads:
            for chunk in batch:
                following.feed(chunk)
        if (data := batch[-1].data) is not None and (data == DONE_DATA or data.startswith(_LAST)):
            await following.finish(Outcome.COMPLETE)
        return batch

    async def aclose(self) -> None:
        self._following.leave()
        await self._source.aclose()
