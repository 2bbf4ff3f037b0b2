"""Follows a request that was let in to its end and tells, exactly once and on every path, what it used.

Rule: `settle` has returned before the client gets the end of its answer (of a stream: its last event), so that the next
request of a client that waits for its answers finds the counters as this one left them. Where there is no end, because
the client left, it runs as a deferred job. A request that is cancelled while it settles is settled all the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

from aigw.core.dialect import Reader
from aigw.core.env import Tokenizer
from aigw.core.exchange import Exchange
from aigw.core.model import Batch
from aigw.core.plugin import Next
from aigw.core.reply import ChunkSource, Outcome, Reply
from aigw.core.tokens import Tokens
from aigw.dialects.reader import MAX_PLAIN, is_readable
from aigw.higress.bodies import is_unseen
from aigw.higress.usage import HigressUsage
from aigw.metering.estimate import estimate_answer, has_produced, is_told

log = logging.getLogger("aigw")


class Spent(NamedTuple):
    """`tokens` are input and output as limits count them: with the cached ones where the provider counts them as input
    (OpenAI), without where it counts them apart (Anthropic). `usage` has them in buckets, for a price.

    `answer` knows the provider, its model, the parts of the usage and the cost that it reported; None with
    `faithful`, and where nobody was asked."""

    tokens: int
    usage: Tokens
    answer: Reader | None = None


NOTHING = Spent(0, Tokens())

Settle = Callable[[Spent], Coroutine[Any, Any, None]]
"""Frees what is held and charges what was used. Must not raise StoreError: the answer is there already. It is called
again if it is cancelled; `holding.Held` sees to it that nothing is charged twice."""


async def follow(
    exchange: Exchange, call_next: Next, settle: Settle, *, tokenizer: Tokenizer, faithful: bool = False
) -> Reply:
    """Sends the request on, and gives its reply. `settle` is awaited once, whatever happens to either.

    `faithful` counts as Higress does: what the client gets to see, and nothing for an answer without an end. Otherwise
    an answer whose provider told no usage, and what came of one that was cut off, is estimated."""
    following = _Following(exchange, settle, tokenizer, faithful=faithful)
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
    following.status = reply.status
    if reply.streaming:
        reply.within(lambda source: _Followed(source, following))
        return
    if not reply.single and is_readable(following.exchange.api, reply.headers):
        await reply.whole(MAX_PLAIN)
    if reply.single:
        if following.seen is not None and not is_unseen(reply.headers):
            whole = await reply.whole(MAX_PLAIN)
            following.seen.feed((whole and whole.data) or b"")
        await following.finish(Outcome.COMPLETE)
    else:
        reply.tap(None, following.end)


class _Following:
    """One request on its way to its end. `seen` counts what the client sees, as Higress does; None otherwise."""

    __slots__ = ("_ended", "_settle", "_tokenizer", "exchange", "seen", "status")

    def __init__(self, exchange: Exchange, settle: Settle, tokenizer: Tokenizer, *, faithful: bool) -> None:
        self.exchange = exchange
        self.seen = HigressUsage() if faithful else None
        self.status = 0
        self._settle = settle
        self._tokenizer = tokenizer
        self._ended = False

    async def finish(self, outcome: Outcome) -> None:
        """Settles now."""
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
        await self._settle(await self._spent(outcome))

    async def _spent(self, outcome: Outcome) -> Spent:
        if (seen := self.seen) is not None:
            return Spent(seen.input + seen.output, Tokens()) if outcome is Outcome.COMPLETE else NOTHING
        answer = self.exchange.answer  # where no reply came back to here, a provider may have answered
        if answer is None:
            return NOTHING
        tokens = answer.tokens
        if not is_told(answer, outcome) and self.status < 400 and has_produced(answer):
            tokens = await self._estimated(answer)
        return Spent(_limited(tokens, beside=answer.cache_beside), tokens, answer)

    async def _estimated(self, answer: Reader) -> Tokens:
        """What was reported, where nothing can be counted: the answer comes all the same, and what is held is freed."""
        exchange, model = self.exchange, answer.model
        try:
            return await asyncio.to_thread(estimate_answer, exchange, answer, tokenizer=self._tokenizer, model=model)
        except (ImportError, OSError, ValueError):
            log.exception("what %s used cannot be estimated", exchange.id)
            return answer.tokens


def _limited(tokens: Tokens, *, beside: bool) -> int:
    cached = 0 if beside else (tokens.cache_read or 0) + (tokens.cache_write or 0)
    return (tokens.input or 0) + cached + (tokens.output or 0)


class _Followed:
    """A stream, as a layer of its reply."""

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
        if following.seen is not None:
            for chunk in batch:
                if chunk.data is not None:
                    following.seen.feed(chunk.data)
        if following.exchange.dialect.is_last(batch):
            await following.finish(Outcome.COMPLETE)
        return batch

    async def aclose(self) -> None:
        self._following.leave()
        await self._source.aclose()
