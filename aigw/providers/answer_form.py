"""Gives clients the form of answer that they asked for, because some providers send JSON instead of a stream, or the
reverse.

Rule: an answer is converted only when the whole of it is there, and one that cannot be converted has failed."""

from __future__ import annotations

from aigw.core.errors import FailedAnswerError
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk
from aigw.core.reply import Fixed, Reply
from aigw.dialects.bodies import begins_events
from aigw.dialects.openai_error import JSON
from aigw.dialects.reader import MAX_PLAIN
from aigw.dialects.sse import EventSplitter
from aigw.providers.call import Call
from aigw.providers.failed_answer import failed

EVENTS = "text/event-stream; charset=utf-8"


async def fit(exchange: Exchange, call: Call, reply: Reply) -> Reply:
    asked = call.asked
    if reply.status != 200 or not call.spoken.convertible or asked.array:
        return reply
    if reply.plain and not (asked.stream or (exchange.answer is not None and exchange.answer.streaming)):
        return reply
    if not reply.streaming:
        return await _from_body(exchange, call, reply)
    if asked.stream or not exchange.request.is_json:
        return reply  # a request that nobody could read may have asked for a stream
    events = [chunk async for batch in reply for chunk in batch if chunk.data is not None]
    return _plain(exchange, call, reply, events)


async def _from_body(exchange: Exchange, call: Call, reply: Reply) -> Reply:
    kind = reply.headers.get("content-type", "").lower()
    whole = await reply.whole(MAX_PLAIN) if reply.single else None
    if whole is None:
        return reply  # nobody has read it, so it is no JSON
    if begins_events(whole.raw):
        events = [chunk for chunk in EventSplitter().feed(whole.raw + b"\n\n") if chunk.data is not None]
        return _stream(exchange, call, reply, events) if call.asked.stream else _plain(exchange, call, reply, events)
    if not call.asked.stream:
        if "json" not in kind:
            reply.headers["content-type"] = JSON
        return reply
    try:
        events = list(call.spoken.events(whole.raw, usage=True))
    except ValueError as error:
        raise _misfit(error) from None
    shown = events
    if not call.asked.wants_usage:
        shown = [event for event in events if not call.spoken.tells_only_usage(event)]
    return _stream(exchange, call, reply, shown, read=events)


def _stream(exchange: Exchange, call: Call, reply: Reply, events: Batch, *, read: Batch = ()) -> Reply:
    """`read` are the events that are read in place of those that the client gets."""
    answer = call.spoken.reader(call.asked, streaming=True, provider=exchange.provider)
    answer.feed(read or events)
    exchange.answer = answer
    return exchange.reply(Fixed(*events), headers=_headers(reply, EVENTS), streaming=True)


def _plain(exchange: Exchange, call: Call, reply: Reply, events: Batch) -> Reply:
    if exchange.answer is not None and exchange.answer.error:
        raise failed(exchange)
    try:
        body = call.spoken.whole(events)
    except ValueError as error:
        raise _misfit(error) from None
    if exchange.answer is None or not exchange.answer.ended:
        raise _misfit("the stream has no end")
    unread = exchange.answer.unread
    answer = call.spoken.reader(call.asked, streaming=False, provider=exchange.provider)
    answer.feed((Chunk(body, body),))
    exchange.answer = answer
    made = exchange.reply(body, headers=_headers(reply, JSON))
    made.makeshift = reply.makeshift or unread > 0  # what could not be read may be a piece of the answer
    return made


def _headers(reply: Reply, kind: str) -> list[tuple[str, str]]:
    own = ("content-type", "content-length")
    return [
        *((name, value) for name, value in reply.headers.items() if name.lower() not in own),
        ("content-type", kind),
    ]


def _misfit(why: object) -> FailedAnswerError:
    return FailedAnswerError(502, f"the provider's answer is not of the form that was asked for: {why}")
