"""The terminal of every chain: sends `exchange.request` to `exchange.target` and returns the reply.

Rule: here, and only here, it is judged how a body ended: of events here, of others by `pipeline.endings`. A stream that
was cut off never looks complete, and half an event is never passed on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

from aigw.core.answer import Reader
from aigw.core.dialect import Asked, Dialect
from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.headers import ID_HEADER, SESSION_HEADER, hop_by_hop
from aigw.core.layers import ChunkSource
from aigw.core.model import Batch, Chunk, Request, Target, raw_of
from aigw.core.reply import Reply
from aigw.core.upstream import Upstream, UpstreamBody
from aigw.dialects.aws_events import CONTENT_TYPE as AWS_EVENTS
from aigw.dialects.bodies import MEDIA, BodyReader, Nobody, Takes, is_coded, is_json
from aigw.dialects.sse import Event, EventSplitter, closed, is_whole
from aigw.pipeline.decoded import uncoded, unframed
from aigw.pipeline.endings import Judged, JudgedArray
from aigw.pipeline.watching import Watched
from aigw.upstream.body import arrived


class Forward:
    """The terminal of a chain. It raises GatewayError if the exchange has no target, and UpstreamError if sending
    fails. If it does not judge ends, a body ends as its connection does, and half an event is passed on."""

    def __init__(self, upstream: Upstream, clock: Clock = time, *, judges_ends: bool = False) -> None:
        self._upstream = upstream
        self._clock = clock
        self._judges_ends = judges_ends

    async def __call__(self, exchange: Exchange) -> Reply:
        if exchange.target is None:
            raise _no_upstream(exchange)
        request, target = exchange.request, exchange.target
        if target is exchange.route.target:
            target = _as_plain_proxy(request, target)
        for gate in exchange.gates:
            await gate()
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
        body = response.body
        if headers.get("content-type") == AWS_EVENTS:
            body = unframed(response)
        if "content-encoding" in headers and self._judges_ends:
            body = uncoded(exchange, response)
        events = "text/event-stream" in headers.get("content-type", "").lower() and "content-encoding" not in headers
        asked = exchange.expected
        answer = exchange.answer = exchange.wire.reader(asked, streaming=events, provider=exchange.provider)
        judged = self._judges_ends and response.status == 200 and request.method != "HEAD"
        sure = exchange.dialect.repeatable or until_close
        if events:
            source: ChunkSource = EventSource(body, answer, exchange.wire if judged else None)
        else:
            source = ByteSource(body)
        reply = exchange.reply(source, status=response.status, headers=headers, streaming=events)
        if events:
            reply.tap(answer.feed)
        elif 200 <= response.status < 300:
            _read(exchange, asked, answer, reply, judged=judged, sure=sure)
        if reply.plain and (whole := arrived(body)) is not None:
            reply.become(whole)
        elif exchange.watchers and 200 <= response.status < 300:
            _show_watchers(exchange, asked, reply)
        return reply


def _show_watchers(exchange: Exchange, asked: Asked, reply: Reply) -> None:
    """Lets the watchers of an answer see it while it arrives. A plain answer is shown by separate readers."""
    probe, size = None, 0
    if reply.plain:
        probe = partial(exchange.wire.reader, asked, streaming=False, provider=exchange.provider)
        length = reply.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else 0
    reply.within(lambda source: Watched(source, exchange, probe, size))


def _read(exchange: Exchange, asked: Asked, answer: Reader, reply: Reply, *, judged: bool, sure: bool) -> None:
    """Lets the reader of an answer see it as it goes by, and judges its end (`judged`). ai-proxy itself reads and
    judges a plain answer in JSON, because it waits for the whole of it."""
    metered, array = asked.metered, asked.array
    coded = is_coded(reply.headers)
    reply.plain = bool(exchange.provider) and not array and not coded and is_json(asked, reply.headers)
    if reply.plain:
        return
    judged = judged and _is_text(exchange, reply)
    if not (metered or judged):
        return

    def opened(streaming: bool) -> Takes:
        if not metered:
            return Nobody()
        if not streaming or exchange.answer is not answer:
            return answer
        exchange.answer = exchange.wire.reader(asked, streaming=True, provider=exchange.provider)
        return exchange.answer

    body = BodyReader(opened, reply.headers)
    reply.tap(body.feed, lambda outcome: body.end())
    if judged:
        _judge(reply, body, sure=sure, array=array, coded=coded)


def _judge(reply: Reply, body: BodyReader, *, sure: bool, array: bool, coded: bool) -> None:
    kind = reply.headers.get("content-type", "").lower()
    live = array or any(name in kind for name in _LIVE)
    if live:
        reply.headers.popall("content-length", None)  # a client could not see that it was broken off
    elif coded:
        sure = False  # an empty body may be right
    if array and not coded:
        reply.in_array = True
        reply.within(lambda source: JudgedArray(source, body))
    else:
        reply.within(lambda source: Judged(source, body, sure=sure or array, live=live))


_LIVE = ("event-stream", "ndjson", "jsonl", "json-seq")
"""Parts of the content types of bodies that are sent piece by piece while they are made."""


def _is_text(exchange: Exchange, reply: Reply) -> bool:
    """Whether the body is, or should be, JSON or events, so that its end can be seen."""
    kind = reply.headers.get("content-type", "").lower()
    return "json" in kind or "event-stream" in kind or (exchange.wire.repeatable and not kind.startswith(MEDIA))


def _as_plain_proxy(request: Request, target: Target) -> Target:
    """Prepares a request that goes to the route's own target and not to a provider: removes the hop-by-hop headers,
    and the name of the session, which is for us. Returns the target, with the client's Host if the route has none."""
    for name in (*hop_by_hop(request.headers), SESSION_HEADER):
        request.headers.popall(name, None)
    return target if target.authority else target._replace(authority=request.headers.get("host", ""))


def _no_upstream(exchange: Exchange) -> GatewayError:
    message = f"the route '{exchange.route.name}' has no upstream and no provider for {exchange.request.path}"
    return GatewayError(404, message, code="no_upstream")


def _loop(exchange: Exchange, target: Target) -> str:
    """Says where the configuration sends a request back to this gateway."""
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


class EventSource:
    """A body of server-sent events. The events that arrive together are one batch."""

    def __init__(self, body: UpstreamBody, answer: Reader, dialect: Dialect | None = None) -> None:
        """`answer` gets the event in the middle of which the body broke off. With the dialect of the answer, the end is
        judged: the answer must have come to its end as its format writes it, and what comes behind is of no account."""
        self._body = body
        self._answer = answer
        self._dialect = dialect
        self._splitter = EventSplitter()
        self._ended = False
        self._broken: UpstreamError | None = None
        """Why nothing comes behind an event that was whole but for its blank line."""
        self._before: Batch = ()
        self._latest: Batch = ()
        """The events that arrived last, without comments."""

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._ended:
            try:
                if self._broken is not None:
                    raise self._broken
                events = self._splitter.feed(await self._body.__anext__())
            except StopAsyncIteration:
                if last := self._rest():
                    return last
                break
            except UpstreamError as error:
                if self._is_over():
                    break
                if last := self._whole_rest():
                    self._broken = error
                    return last
                self._tell_rest()
                raise
            except ValueError as error:
                if self._is_over():
                    break
                self._tell_rest()
                raise UpstreamError(UpstreamFault.PROTOCOL, str(error)) from None
            except asyncio.CancelledError:
                if self._dialect is None or not self._answer.complete:
                    raise
                self._ended = True  # the client has all that was read, and needs no more
                raise StopAsyncIteration from None
            if events:
                if raw_of(events)[:1] != b":":
                    self._before, self._latest = self._latest, events
                return events
        answer = self._answer
        if self._dialect is not None and not answer.ended and not answer.error:
            raise UpstreamError(UpstreamFault.CUT_OFF, "the provider ended its answer before it was complete")
        raise StopAsyncIteration

    def _rest(self) -> Batch:
        """Returns the last event, which may have no blank line. Raises UpstreamError if it is only half an event."""
        rest = self._splitter.rest
        if self._dialect is None or not rest.strip():
            self._ended = True
            return (Event(rest),) if rest else ()
        if not is_whole(Event(rest)):
            if self._is_over():
                return ()
            self._tell_rest()
            raise UpstreamError(UpstreamFault.CUT_OFF, "the provider's answer was cut off in the middle of an event")
        self._ended = True
        return (closed(rest),)

    def _whole_rest(self) -> Batch:
        """Returns the event that lacks only its blank line where the body broke off: it may be the last one."""
        last = Event(self._splitter.rest)
        if self._dialect is None or last.data is None or not is_whole(last):
            return ()
        self._splitter = EventSplitter()
        self._before, self._latest = self._latest, (closed(last.raw),)
        return self._latest

    def _is_over(self) -> bool:
        """Whether the client has all of the answer, so that it does not matter how the body ends. The rest is not
        passed on then."""
        dialect, answer = self._dialect, self._answer
        if dialect is None or not answer.complete:
            return False
        over = dialect.is_last((*self._before, *self._latest)) if dialect.marks_end else answer.finish != ""
        self._ended = self._ended or over
        return over

    async def aclose(self) -> None:
        self._tell_rest()
        await self._body.aclose()

    def _tell_rest(self) -> None:
        if not self._ended and (rest := self._splitter.rest):
            self._answer.feed((Event(rest),))
        self._ended = True
