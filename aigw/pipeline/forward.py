"""The terminal of every chain: sends `exchange.request` to `exchange.target` and returns the reply.

Rule: here, and only here, it is judged how a body ended. A stream that was cut off never looks complete, and half an
event is never passed on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from enum import Enum

from aigw.core.dialect import Asked, Reader
from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.headers import ID_HEADER, hop_by_hop
from aigw.core.model import Batch, Chunk, Request, Target
from aigw.core.reply import ChunkSource, Reply
from aigw.core.upstream import Upstream, UpstreamBody
from aigw.dialects.bodies import BodyReader, is_coded, is_json
from aigw.dialects.sse import Event, EventSplitter


class Forward:
    """The terminal of a chain. It raises GatewayError if the exchange has no target, and UpstreamError if sending
    fails. If it does not judge ends, a body ends as its connection does, and half an event is passed on."""

    def __init__(self, upstream: Upstream, clock: Clock = time, *, judges_ends: bool = False) -> None:
        self._upstream = upstream
        self._clock = clock
        self._judges_ends = judges_ends

    async def __call__(self, exchange: Exchange) -> Reply:
        if exchange.target is None:
            raise GatewayError(
                404,
                f"the route '{exchange.route.name}' has no upstream and no provider for {exchange.request.path}",
                code="no_upstream",
            )
        request, target = exchange.request, exchange.target
        if target is exchange.route.target:
            target = _as_plain_proxy(request, target)
        request.seal()
        began = self._clock.monotonic()
        try:
            response = await self._upstream.send(request, target)
        finally:
            exchange.timing.waited += self._clock.monotonic() - began
        headers = response.headers
        if response.status == 508 and ID_HEADER in headers:
            await response.body.aclose()
            raise UpstreamError(UpstreamFault.LOOP, _loop(exchange, target))
        until_close = "content-length" not in headers and "transfer-encoding" not in headers
        for name in hop_by_hop(headers):
            del headers[name]
        events = "text/event-stream" in headers.get("content-type", "").lower() and "content-encoding" not in headers
        body = response.body
        asked = exchange.asked if exchange.wire is exchange.dialect else exchange.wire.asked(request, exchange.api)
        answer = exchange.answer = exchange.wire.reader(asked, streaming=events, provider=exchange.provider)
        source: ChunkSource = ByteSource(body)
        if events:
            end = _End.LOOSE
            if self._judges_ends and response.status == 200:
                end = _End.SURE if exchange.dialect.marks_end or until_close else _End.OPEN
            source = EventSource(body, answer, end)
        reply = exchange.reply(source, status=response.status, headers=headers, streaming=events)
        if events:
            reply.tap(answer.feed)
        elif 200 <= response.status < 300 and exchange.asked.metered:
            _read(exchange, asked, answer, reply)
        return reply


def _read(exchange: Exchange, asked: Asked, answer: Reader, reply: Reply) -> None:
    """Lets the reader of an answer see it as it goes by. ai-proxy itself reads a plain answer in JSON, because it waits
    for the whole of it."""
    piecewise = not exchange.provider or exchange.asked.array
    if not piecewise and is_json(exchange.asked, reply.headers) and not is_coded(reply.headers):
        return

    def opened(streaming: bool) -> Reader:
        if not streaming or exchange.answer is not answer:
            return answer
        exchange.answer = exchange.wire.reader(asked, streaming=True, provider=exchange.provider)
        return exchange.answer

    body = BodyReader(opened, reply.headers)
    reply.tap(body.feed, lambda outcome: body.end())


def _as_plain_proxy(request: Request, target: Target) -> Target:
    """Prepares a request that goes to the route's own target and not to a provider: removes the hop-by-hop headers.
    Returns the target, with the client's Host if the route has none."""
    for name in hop_by_hop(request.headers):
        request.headers.popall(name, None)
    return target if target.authority else target._replace(authority=request.headers.get("host", ""))


def _loop(exchange: Exchange, target: Target) -> str:
    """Where it is configured that a request goes round in a circle."""
    place = f"routes: the upstream of the route '{exchange.route.name}'"
    if exchange.provider:
        place = f"plugins.ai-proxy: the provider '{exchange.attempts[-1]}' (type {exchange.provider})"
    return f"aigw.yaml {place} at {target.origin} leads back to this gateway; name the server that answers there"


class ByteSource:
    """A body that is not split into events: each piece that arrives is one chunk."""

    def __init__(self, body: UpstreamBody) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        return (Chunk(await self._body.__anext__()),)

    async def aclose(self) -> None:
        await self._body.aclose()


class _End(Enum):
    """What the end of a stream must be like."""

    SURE = "sure"
    """The answer must have come to its end, as its dialect writes it."""
    OPEN = "open"
    """It may end anywhere between two events: its framing says that it is whole."""
    LOOSE = "loose"
    """It may end anywhere."""


class EventSource:
    """A body of server-sent events. The events that arrive together are one batch."""

    def __init__(self, body: UpstreamBody, answer: Reader, end: _End = _End.LOOSE) -> None:
        """`answer` gets the event in the middle of which the body broke off."""
        self._body = body
        self._answer = answer
        self._end = end
        self._splitter = EventSplitter()
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._ended:
            try:
                events = self._splitter.feed(await self._body.__anext__())
            except StopAsyncIteration:
                if last := self._last():
                    return last
                break
            except UpstreamError:
                self._tell_rest()
                raise
            except ValueError as error:
                self._tell_rest()
                raise UpstreamError(UpstreamFault.PROTOCOL, str(error)) from None
            except asyncio.CancelledError:
                if self._end is _End.LOOSE or not self._answer.complete:
                    raise
                self._ended = True  # the client has all that was read, and needs no more
                raise StopAsyncIteration from None
            if events:
                return events
        if self._end is _End.SURE and not self._answer.ended and not self._answer.error:
            raise UpstreamError(UpstreamFault.CUT_OFF, "the provider ended its answer before it was complete")
        raise StopAsyncIteration

    def _last(self) -> Batch:
        """Returns the last event, which may have no blank line. Raises UpstreamError if it is only half an event."""
        rest = self._splitter.rest
        if self._end is _End.LOOSE or not rest.strip():
            self._ended = True
            return (Event(rest),) if rest else ()
        event = Event(rest)
        if not _is_whole(event):
            self._tell_rest()
            raise UpstreamError(UpstreamFault.CUT_OFF, "the provider's answer was cut off in the middle of an event")
        self._ended = True
        return (event,)

    async def aclose(self) -> None:
        self._tell_rest()
        await self._body.aclose()

    def _tell_rest(self) -> None:
        if not self._ended and (rest := self._splitter.rest):
            self._answer.feed((Event(rest),))
        self._ended = True


def _is_whole(event: Event) -> bool:
    """Whether an event without a blank line at its end has all of its data. A comment counts as whole."""
    data = event.data
    if data is None:
        return event.raw.startswith(b":") and b"\n" not in event.raw.strip()
    return data == b"[DONE]" or event.json() is not None
