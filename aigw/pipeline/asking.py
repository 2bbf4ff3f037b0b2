"""Asks models through the routes of this gateway, on behalf of plugins and stand-ins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from weakref import ref

from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.asking import AskError, Question, asking
from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange, Jobs, current
from aigw.core.headers import CONSUMER_HEADER
from aigw.core.layers import Outcome
from aigw.core.model import Request, Route
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.question import PATH, chat
from aigw.dialects.table import dialect_for
from aigw.pipeline.pipeline import Chain

MAX_BYTES = 4 * 1024 * 1024
"""The size of the largest answer that is read."""
NO_MODEL = 404
"""The status where no provider has the model."""

Find = Callable[[Request, str, bool], tuple[Route, Chain] | None]
"""Finds the route of a request, or the route of this name, and its chain. Returns None if there is none, or if it has
no provider although it must have one."""


class Recorder(Protocol):
    def __call__(self, exchange: Exchange, status: int, outcome: Outcome, error: str, /) -> None: ...


class Asker:
    """Asks models through routes. `record` is called for every question, as for a client's request. It is built before
    the routes are, because plugins get it; `open` brings these."""

    def __init__(self, clock: Clock, new_id: Callable[[], str], record: Recorder, jobs: Jobs) -> None:
        self._clock = clock
        self._new_id = new_id
        self._record = record
        self._jobs = jobs
        self._find: Find = lambda request, route, provided: None
        self._names: frozenset[str] = frozenset()

    def open(self, find: Find, names: frozenset[str]) -> None:
        """Lets questions be asked from now on: `find` finds their route. `names` are the routes that may be asked."""
        self._find, self._names = find, names

    def has(self, route: str) -> bool:
        return not route or route in self._names

    async def ask(self, question: Question) -> str:
        if asking.get():
            raise AskError("a plugin asks no model for a question of a plugin: switch it off on the route that it asks")
        # In a task of its own, so that this question is the current exchange there and nowhere else.
        return await asyncio.create_task(self._within(question, current.get()()))

    async def _within(self, question: Question, outer: Exchange | None) -> str:
        asking.set(True)
        try:
            async with asyncio.timeout(question.seconds):
                return await self._ask(question, outer)
        except TimeoutError:
            raise AskError(f"{_about(question)}: no answer within {question.seconds:g} s") from None

    async def _ask(self, question: Question, outer: Exchange | None) -> str:
        size = sum([len(text) for _, text in question.turns])
        request = await aside(size, _request, question, outer)
        found = self._find(request, question.route, question.provided)
        if found is None:
            raise AskError(f"{_about(question)}: there is no such route", absent=True)
        route, chain = found
        api = apis.detect(PATH) or ""
        exchange = Exchange(
            id=self._new_id(),
            request=request,
            route=route,
            api=api,
            dialect=dialect_for(api, request.headers, PATH),
            client=outer.client if outer is not None else "",
            arrived=self._clock.monotonic(),
            jobs=self._jobs,
        )
        exchange.named = question.model
        current.set(ref(exchange))
        status, outcome, code = 500, Outcome.FAILED, ""
        try:
            reply = await chain.call(exchange)
            status = reply.status
            text = await _text(exchange, reply)
            outcome = Outcome.COMPLETE
            return text
        except asyncio.CancelledError:
            outcome = Outcome.ABORTED
            raise
        except (GatewayError, UpstreamError) as error:
            answer = error.answer() if isinstance(error, UpstreamError) else error
            status, code = answer.status, answer.code or answer.kind
            raise AskError(f"{_about(question)}: {answer.message}", absent=status == NO_MODEL) from None
        finally:
            try:
                await exchange.aclose()
            finally:
                self._record(exchange, status, outcome, code)


def _request(question: Question, outer: Exchange | None) -> Request:
    headers: CIMultiDict[str] = CIMultiDict({"content-type": "application/json"})
    if outer is not None:
        if outer.consumer:
            headers[CONSUMER_HEADER] = outer.consumer
        if "host" in outer.original.headers:
            headers["host"] = outer.original.headers["host"]
    request = Request("POST", PATH, "", headers, chat(question.turns, question.model, question.max_tokens))
    request.parse()
    return request


async def _text(exchange: Exchange, reply: Reply) -> str:
    """Raises AskError if the answer is not a whole one with a text."""
    reader = exchange.dialect.reader(exchange.asked, streaming=reply.streaming)
    size = 0
    async for batch in reply:
        reader.feed(batch)
        size += sum(len(chunk.raw) for chunk in batch)
        if size > MAX_BYTES:
            raise AskError(f"{exchange.route.name}: the answer has more than {MAX_BYTES} bytes")
    if reply.status != 200 or reader.error:
        message = f"{exchange.route.name}: status {reply.status}{': ' if reader.error else ''}{reader.error}"
        raise AskError(message, absent=reply.status == NO_MODEL)
    if not reader.text:
        raise AskError(f"{exchange.route.name}: the answer has no text")
    if reader.finish not in ("stop", ""):
        raise AskError(f"{exchange.route.name}: the answer is not whole: {reader.finish}")
    return reader.text


def _about(question: Question) -> str:
    return f"asking {question.model or 'a model'}" + (f" by the route {question.route}" if question.route else "")
