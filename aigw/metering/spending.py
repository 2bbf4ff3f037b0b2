"""Follows a request to its end and calls `settle` with what the request used, exactly once and on every path.

Rule: `settle` has returned before the client gets the end of its answer (of a stream, its last event). So when the
client sends its next request, the counters already include this one. If the answer has no end because the client left,
`settle` runs as a deferred job. If the request is cancelled during `settle`, `settle` runs again as a deferred job."""

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
from aigw.higress.usage import HigressUsage
from aigw.metering.estimate import estimate_answer, needs_estimate

log = logging.getLogger("aigw")


class Spent(NamedTuple):
    """What a request used. `tokens` is input plus output, as limits count it: cached tokens are included if the
    provider counts them as input (OpenAI does, Anthropic does not). `usage` has the single counts, from which a price
    is made.

    `answer` has the provider, its model, the parts of the usage and the reported cost. It is None if `follow` is
    `faithful`, and if no upstream was asked."""

    tokens: int
    usage: Tokens
    answer: Reader | None = None


NOTHING = Spent(0, Tokens())

Settle = Callable[[Spent], Coroutine[Any, Any, None]]
"""Ends the reservation of a request and charges what it used. It must not raise StoreError, because the answer has
arrived already. If it is cancelled, it is called again; `holding.Held` makes sure that nothing is charged twice."""


async def follow(
    exchange: Exchange, call_next: Next, settle: Settle, *, tokenizer: Tokenizer, faithful: bool = False
) -> Reply:
    """Sends the request on and returns its reply. Calls `settle` once, whatever happens to the request or the reply.

    With `faithful`, usage is counted as Higress counts it: from the events that the client sees, and nothing for an
    answer that was cut off. Otherwise, usage is estimated if the provider did not report it or the answer was cut
    off."""
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
    if reply.streaming:
        reply.within(lambda source: _Followed(source, following))
        return
    if not reply.single and is_readable(following.exchange.asked, reply.headers):
        await reply.whole(MAX_PLAIN)
    if reply.single:
        if following.seen is not None and (whole := await reply.whole(MAX_PLAIN)) is not None and whole.data:
            following.seen.feed(whole.data)
        await following.finish(Outcome.COMPLETE)
    else:
        reply.tap(None, following.end)


class _Following:
    """One request whose end is awaited. `seen` counts as Higress does, from what the client sees; it is None if
    `follow` is not `faithful`."""

    __slots__ = ("_ended", "_settle", "_tokenizer", "exchange", "seen")

    def __init__(self, exchange: Exchange, settle: Settle, tokenizer: Tokenizer, *, faithful: bool) -> None:
        self.exchange = exchange
        self.seen = HigressUsage() if faithful else None
        self._settle = settle
        self._tokenizer = tokenizer
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
        await self._settle(await self._spent(outcome))

    async def _spent(self, outcome: Outcome) -> Spent:
        if (seen := self.seen) is not None:
            return Spent(seen.input + seen.output, Tokens()) if outcome is Outcome.COMPLETE else NOTHING
        answer = self.exchange.answer  # may be set even if no reply came back to this plugin
        if answer is None:
            return NOTHING
        tokens = answer.tokens
        if needs_estimate(self.exchange, answer):
            tokens = await self._estimated(answer)
        return Spent(_limited(tokens, beside=answer.cache_beside), tokens, answer)

    async def _estimated(self, answer: Reader) -> Tokens:
        """Returns the estimated usage, or the reported usage if the estimate fails: the request must be settled in any
        case."""
        try:
            return await asyncio.to_thread(estimate_answer, self.exchange, answer, tokenizer=self._tokenizer)
        except (ImportError, OSError, ValueError):
            log.exception("what %s used cannot be estimated", self.exchange.id)
            return answer.tokens


def _limited(tokens: Tokens, *, beside: bool) -> int:
    cached = 0 if beside else (tokens.cache_read or 0) + (tokens.cache_write or 0)
    return (tokens.input or 0) + cached + (tokens.output or 0)


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
