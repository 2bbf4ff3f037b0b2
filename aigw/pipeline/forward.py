"""The terminal of every chain: sends `exchange.request` to `exchange.target` and returns the reply."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.headers import hop_by_hop
from aigw.core.model import Batch, Chunk, Request, Target
from aigw.core.reply import Reply
from aigw.core.upstream import Upstream, UpstreamBody
from aigw.dialects.reader import is_readable
from aigw.dialects.sse import Event, EventSplitter


class Forward:
    """The terminal of a chain. It raises GatewayError if the exchange has no target, and UpstreamError if sending
    fails."""

    def __init__(self, upstream: Upstream, clock: Clock = time) -> None:
        self._upstream = upstream
        self._clock = clock

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
        for name in hop_by_hop(headers):
            del headers[name]
        events = "text/event-stream" in headers.get("content-type", "").lower() and "content-encoding" not in headers
        body = response.body
        reply = exchange.reply(
            EventSource(body) if events else ByteSource(body), status=response.status, headers=headers, streaming=events
        )
        same = exchange.wire is exchange.dialect
        asked = exchange.asked if same else exchange.wire.asked(request, exchange.api)
        answer = exchange.answer = exchange.wire.reader(asked, streaming=events, provider=exchange.provider)
        piecewise = not exchange.provider or exchange.asked.array
        if events or (response.status == 200 and piecewise and is_readable(exchange.asked, headers)):
            reply.tap(answer.feed)  # ai-proxy reads any other plain answer whole, and feeds it then
        return reply


def _as_plain_proxy(request: Request, target: Target) -> Target:
    """Prepares a request that goes to the route's own target and not to a provider: removes the hop-by-hop headers.
    Returns the target, with the client's Host if the route has none."""
    for name in hop_by_hop(request.headers):
        request.headers.popall(name, None)
    return target if target.authority else target._replace(authority=request.headers.get("host", ""))


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


class EventSource:
    """A body of server-sent events. The events that arrive together are one batch."""

    def __init__(self, body: UpstreamBody) -> None:
        self._body = body
        self._splitter = EventSplitter()
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._ended:
            try:
                events = self._splitter.feed(await self._body.__anext__())
            except StopAsyncIteration:
                self._ended = True
                if rest := self._splitter.rest:
                    return (Event(rest),)  # an event that is cut off, or has no blank line, is passed on as it is
                raise
            except ValueError as error:
                raise UpstreamError(UpstreamFault.PROTOCOL, str(error)) from None
            if events:
                return events
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._ended = True
        await self._body.aclose()
