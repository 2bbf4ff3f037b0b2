"""Reads a stream of Amazon Bedrock's ConverseStream, in the events of `dialects.aws_events`."""

from __future__ import annotations

from typing import Any

from aigw.core.model import Chunk
from aigw.dialects.converse import FINISHES, failure_in
from aigw.dialects.failures import failure_of
from aigw.dialects.json_values import Json
from aigw.dialects.usage import UsageReader
from aigw.dialects.view import text_of
from aigw.translation.envelope import sealed
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.frame import Frame


class ConverseReader:
    def __init__(self, frame: Frame) -> None:
        self._maker = frame.rules.maker
        self._usage = UsageReader()
        self._thinking = False
        self._calls: set[int] = set()

    def feed(self, chunk: Chunk) -> list[AnswerEvent]:
        body = chunk.json()
        if not isinstance(body, dict):
            return []
        if (failure := failure_in(body)) is not None:
            return [Failed(failure_of(failure))]
        events: list[AnswerEvent] = []
        if "messageStart" in body:
            events.append(Started())
        self._block(body, events)
        if isinstance(stop := body.get("messageStop"), dict):
            events += self._stopped(text_of(stop.get("stopReason")))
        if isinstance(told := body.get("metadata"), dict):
            self._usage.take(told)
            events.append(Counted(self._usage.tokens))
        return events

    def end(self) -> list[AnswerEvent]:
        return [Ended()]

    def _block(self, body: Json, events: list[AnswerEvent]) -> None:
        start, piece, stop = (body.get(f"contentBlock{name}") for name in ("Start", "Delta", "Stop"))
        if isinstance(start, dict) and isinstance(given := start.get("start"), dict):
            self._start(_index(start), given.get("toolUse"), events)
        if isinstance(piece, dict) and isinstance(delta := piece.get("delta"), dict):
            self._delta(_index(piece), delta, events)
        if isinstance(stop, dict):
            if self._thinking:
                events.append(ThinkingState(""))
            self._thinking = False
            if (key := _index(stop)) in self._calls:
                events.append(CallEnd(key))

    def _start(self, key: int, call: Any, events: list[AnswerEvent]) -> None:
        if isinstance(call, dict):
            self._calls.add(key)
            events.append(CallStart(key, text_of(call.get("toolUseId")), text_of(call.get("name"))))

    def _delta(self, key: int, delta: Json, events: list[AnswerEvent]) -> None:
        if text := text_of(delta.get("text")):
            events.append(TextDelta(text))
        if isinstance(call := delta.get("toolUse"), dict) and (arguments := text_of(call.get("input"))):
            events.append(CallDelta(key, arguments))
        if isinstance(thought := delta.get("reasoningContent"), dict):
            if text := text_of(thought.get("text")):
                self._thinking = True
                events.append(ThinkingDelta(text))
            if signature := text_of(thought.get("signature")):
                self._thinking = False
                events.append(ThinkingState(sealed(self._maker, signature)))
            if redacted := text_of(thought.get("redactedContent")):
                events.append(ThinkingState(sealed(self._maker, redacted), redacted=True))

    def _stopped(self, reason: str) -> list[AnswerEvent]:
        finish = FINISHES.get(reason, "stop")
        if finish == "error":
            return [Failed(failure_of({"message": f"the answer ended with {reason}"}))]
        return [Finished(finish)]


def _index(body: Json) -> int:
    index = body.get("contentBlockIndex")
    return index if isinstance(index, int) else 0
