"""An answer of tokens as chat and text completions send it: whole, or as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from itertools import zip_longest
from typing import Any, NamedTuple, Protocol

import msgspec

from aigw.dialects.openai_chat import DONE
from aigw.upstream.builtin.delivery import Body, Delivery, Response
from aigw.upstream.builtin.engine import Engine

EVENT_STREAM = "text/event-stream; charset=utf-8"

Usage = Callable[[], Awaitable[dict[str, Any]]]


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Answer(NamedTuple):
    """One choice: its text in token-sized pieces, and why it ended."""

    pieces: list[str]
    finish: str

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Wire(Protocol):
    """How an API writes a choice: whole, or its first events, one piece, its last event."""

    def whole(self, index: int, answer: Answer) -> dict[str, Any]: ...

    def opening(self, index: int) -> dict[str, Any] | None: ...

    def piece(self, index: int, text: str) -> dict[str, Any]: ...

    def closing(self, index: int, answer: Answer) -> dict[str, Any]: ...


async def cut(engine: Engine, text: str, pieces: Callable[[str], list[str]], limit: int | None, model: str) -> Answer:
    """`text` as an answer of at most `limit` tokens."""
    if limit is None:
        return Answer(pieces(text), "stop")
    kept = await engine.tally(len(text), engine.counter.clip, text, limit, model)
    return Answer(pieces(kept), "stop" if kept == text else "length")


async def respond(
    engine: Engine, delivery: Delivery, envelope: dict[str, Any], wire: Wire, answers: list[Answer], usage: Usage
) -> Response:
    choices = [wire.whole(index, answer) for index, answer in enumerate(answers)]
    return await engine.plain(delivery, {**envelope, "choices": choices, "usage": await usage()})


async def respond_streaming(
    engine: Engine, delivery: Delivery, envelope: dict[str, Any], wire: Wire, answers: list[Answer], usage: Usage | None
) -> Response:
    """`usage` is None if the client did not ask for it; then no chunk mentions it."""
    await delivery.head(whole=False)
    headers = engine.headers(EVENT_STREAM)
    headers["cache-control"] = "no-cache"
    return Response(200, headers, Body(_events(delivery, envelope, wire, answers, usage)))


async def _events(
    delivery: Delivery, envelope: dict[str, Any], wire: Wire, answers: list[Answer], usage: Usage | None
) -> AsyncGenerator[bytes, None]:
    rest = {"usage": None} if usage else {}

    def event(position: int, choice: dict[str, Any]) -> bytes:
        return delivery.event(position, msgspec.json.encode({**envelope, "choices": [choice], **rest}))

    for index in range(len(answers)):
        opening = wire.opening(index)
        if opening:
            yield event(-1, opening)
    for position, row in enumerate(zip_longest(*(answer.pieces for answer in answers))):
        await delivery.token(position)
        for index, piece in enumerate(row):
            if piece is not None:
                yield event(position, wire.piece(index, piece))
    await delivery.token(delivery.tokens)
    for index, answer in enumerate(answers):
        yield event(delivery.tokens, wire.closing(index, answer))
    if usage:
        yield b"data: " + msgspec.json.encode({**envelope, "choices": [], "usage": await usage()}) + b"\n\n"
    yield DONE
