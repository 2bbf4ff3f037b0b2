"""Finds out what a request used: from what the provider said, or as Higress does from what the client sees."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from aigw.core.answer import Reader
from aigw.core.env import Env, Tokenizer
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.model import Batch
from aigw.core.reply import Reply
from aigw.core.tokens import Tokens
from aigw.dialects.reader import MAX_PLAIN
from aigw.higress.bodies import is_unseen
from aigw.higress.usage import HigressUsage
from aigw.metering.estimate import estimate_answer, needs_estimate

log = logging.getLogger("aigw")


class Spent(NamedTuple):
    """What a request used. `tokens` is input plus output, as limits count it: cached tokens are included if the
    provider counts them as input (OpenAI does, Anthropic does not). `usage` has the single counts, from which a price
    is made.

    `answer` has the provider, its model, the parts of the usage and the reported cost. It is None if only what the
    client saw was counted, and if no upstream was asked."""

    tokens: int
    usage: Tokens
    answer: Reader | None = None


NOTHING = Spent(0, Tokens())


class Meter(Protocol):
    """Counts one request."""

    async def watch(self, reply: Reply) -> None:
        """Is called once with the reply, if there is one, before anybody reads it."""
        ...

    async def spent(self, outcome: Outcome) -> Spent:
        """Returns what the request used, once its answer has ended in this way."""
        ...


def meters(env: Env) -> Callable[[Exchange], Meter]:
    """Returns what makes the meters that the fidelity wants."""

    def read(exchange: Exchange) -> Meter:
        return ReadOfProvider(exchange, env.tokenizer)

    def seen(exchange: Exchange) -> Meter:
        return SeenByClient()

    return env.choose(safe=read, higress=seen)


class ReadOfProvider:
    """Counts what the provider reported to the gateway. If it did not, or if the answer was cut off, it estimates."""

    __slots__ = ("_exchange", "_tokenizer")

    def __init__(self, exchange: Exchange, tokenizer: Tokenizer) -> None:
        self._exchange = exchange
        self._tokenizer = tokenizer

    async def watch(self, reply: Reply) -> None:
        """Does nothing: the exchange has a reader of the answer."""

    async def spent(self, outcome: Outcome) -> Spent:
        answer = self._exchange.answer  # may be set even if no reply came back to the plugin
        if answer is None:
            return NOTHING
        tokens = answer.tokens
        if needs_estimate(self._exchange, answer):
            tokens = await self._estimated(answer)
        return Spent(_limited(tokens, beside=answer.usage.beside), tokens, answer)

    async def _estimated(self, answer: Reader) -> Tokens:
        """Returns the estimated usage, or the reported usage if the estimate fails: the request must be settled in any
        case."""
        try:
            return await asyncio.to_thread(estimate_answer, self._exchange, answer, tokenizer=self._tokenizer)
        except (ImportError, OSError, ValueError):
            log.exception("what %s used cannot be estimated", self._exchange.id)
            return answer.tokens


def _limited(tokens: Tokens, *, beside: bool) -> int:
    cached = 0 if beside else (tokens.cache_read or 0) + (tokens.cache_write or 0)
    return (tokens.input or 0) + cached + (tokens.output or 0)


class SeenByClient:
    """Counts as Higress does: the usage in what goes to the client, and nothing if the answer was cut off."""

    __slots__ = ("_usage",)

    def __init__(self) -> None:
        self._usage = HigressUsage()

    async def watch(self, reply: Reply) -> None:
        if is_unseen(reply.headers):
            return
        if reply.streaming:
            reply.tap(self._events)
        elif not reply.single:
            reply.tap(self._pieces)  # of an API that is not known here
        elif (whole := await reply.whole(MAX_PLAIN)) is not None and whole.data is not None:
            self._usage.feed(whole.data)

    def _events(self, batch: Batch) -> None:
        for chunk in batch:
            if chunk.data is not None:
                self._usage.feed(chunk.data)

    def _pieces(self, batch: Batch) -> None:
        for chunk in batch:
            self._usage.feed(chunk.raw)

    async def spent(self, outcome: Outcome) -> Spent:
        usage = self._usage
        return Spent(usage.input + usage.output, Tokens()) if outcome is Outcome.COMPLETE else NOTHING
