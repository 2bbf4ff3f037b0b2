"""Answers the calls of a gateway from recordings that were made with another configuration, to find out what would have
become of them.

Rule: nothing goes upstream. A provider that was not called in the recorded run gives the answer of the one that was
called, with as many tokens, in the requested format and under the requested name of the model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.core.answer import Answer, ToolCall, Writer
from aigw.core.dialect import Asked, Dialect
from aigw.core.env import Tokenizer
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.tokens import Tokens
from aigw.metering.estimate import estimate
from aigw.traffic.format.call import service
from aigw.traffic.format.folder import Folder
from aigw.traffic.format.recording import Folded
from aigw.traffic.replay.answers import played_of
from aigw.traffic.runs.client_calls import ClientCall
from aigw.traffic.runs.outcome import Outcome
from aigw.upstream.tape import Outgoing, Played, Player

NAME_HEADER = "x-aigw-recording"
"""Names the recording of a client's request. It goes to no provider."""
_CREATED = 1_735_689_600
EVENTS, JSON = "text/event-stream", "application/json"


class Destination(NamedTuple):
    """Where a call went in the end. The fields are those of `recording.Source`."""

    service: str
    name: str
    origin: str
    model: str
    route: str


class RecordedClock:
    """A `Clock` whose time is that of the calls that are sent again. It never goes back."""

    def __init__(self) -> None:
        self._now = 0.0
        self.monotonic = time.monotonic

    def set(self, at: float) -> None:
        self._now = max(self._now, at)

    def time(self) -> float:
        return self._now


class SupposedPlayer:
    """A `Player` of the door. `others` answers what plugins ask for themselves. `sent` says where each call went, by
    its name; one that is not in it did not leave the gateway."""

    def __init__(self, folder: Folder, calls: Mapping[str, ClientCall], others: Player, tokenizer: Tokenizer) -> None:
        self._folder = folder
        self._calls = calls
        self._others = others
        self._tokenizer = tokenizer
        self.sent: dict[str, Destination] = {}

    async def find(self, outgoing: Outgoing) -> Played | None:
        exchange = outgoing.exchange
        name = exchange.original.headers.get(NAME_HEADER, "") if exchange is not None else ""
        if exchange is None or not outgoing.is_answer or name not in self._calls:
            return await self._others.find(outgoing)
        call, sent = self._calls[name], sent_to(outgoing, exchange)
        self.sent[name] = sent
        return await asyncio.to_thread(self._answer, call, sent, exchange)

    def _answer(self, call: ClientCall, sent: Destination, exchange: Exchange) -> Played:
        recorded = played_of(self._folder.read(call.last), self._folder, call.last)
        if call.source.dialect == exchange.wire.name and call.source.model == sent.model:
            return recorded
        if call.outcome.broken or not call.outcome.status:
            return recorded
        try:
            return written(call.outcome, exchange.wire, exchange.sent, self._tokenizer)
        except ValueError:  # no answer of ours can be made in this format, such as embeddings
            return recorded


def recorded_to(call: ClientCall) -> Destination:
    """Returns to whom a call went when it was recorded."""
    source = call.source
    return Destination(source.service, source.name, source.origin, source.model, source.route)


def sent_to(outgoing: Outgoing, exchange: Exchange) -> Destination:
    return Destination(
        service(outgoing),
        exchange.attempts[-1] if exchange.attempts else "",
        str(outgoing.target.origin),
        exchange.mapped or exchange.named or exchange.sent.model,
        exchange.route.name,
    )


def written(outcome: Outcome, dialect: Dialect, asked: Asked, tokenizer: Tokenizer) -> Played:
    """Returns an answer with the same text and as many tokens in another format. Of several calls of tools it has the
    first one. Raises ValueError if the format has no such answer."""
    if outcome.status >= 400:
        error = GatewayError(outcome.status, outcome.answer.error or "the provider refused this when it was recorded")
        return _played(outcome.status, JSON, dialect.error(error, ""))
    answer = _answer(outcome.answer)
    tokens = outcome.tokens
    if tokens.prompt is None or tokens.output is None:
        tokens = estimate(tokens, prompt=asked.turns, text=answer.text, tokenizer=tokenizer, model=asked.model)
    writer = dialect.writer(asked, "recorded", _CREATED)
    if not asked.stream:
        return _played(200, JSON, writer.whole([answer], tokens))
    return _played(200, JSON if asked.array else EVENTS, b"".join(_events(writer, answer, tokens)))


def _answer(said: Folded) -> Answer:
    if said.calls:
        first = said.calls[0]
        return Answer(first.arguments, "tool_calls", ToolCall(first.name, first.arguments, first.id))
    return Answer("\n".join(said.text), "length" if said.finish == "length" else "stop")


def _events(writer: Writer, answer: Answer, tokens: Tokens) -> list[bytes]:
    return [
        *writer.opening(0, answer.call),
        *writer.piece(0, answer.text, answer.call),
        *writer.closing(0, answer),
        *writer.end(tokens),
    ]


def _played(status: int, kind: str, body: bytes) -> Played:
    return Played(status, CIMultiDict({"content-type": kind}), [(0.0, body)])
