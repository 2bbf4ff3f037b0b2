"""Reads a stream of Gemini's generateContent.

Parts are pieces of the answer, but a call comes whole, and may have no id. Its signature is what Gemini wants back with
it: clients get it in the call, and before it as the end of the reasoning, because those of other formats return only
that. No event marks the end, and the reason for it is STOP also where there are calls."""

from __future__ import annotations

from typing import Any

from aigw.core.answer import Failure
from aigw.core.model import Chunk
from aigw.dialects.cumulative import objects_of
from aigw.dialects.failures import failure_in_event, failure_of
from aigw.dialects.gemini import finish_of, is_blocked, names_reason
from aigw.dialects.gemini_request import SIGNATURES, arguments_of, parts_of
from aigw.dialects.json_values import Json
from aigw.dialects.usage import UsageReader, mentions_usage
from aigw.dialects.view import index_of, rows_of, text_of
from aigw.translation.envelope import sealed
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
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

_OF_TEXT = (
    frozenset(("candidates", "usageMetadata", "modelVersion", "responseId", "createTime")),
    frozenset(("content", "index")),
    frozenset(("parts", "role")),
)
"""The fields of an event, of its candidate and of the content, where there is nothing else than a piece of text."""
_READ = frozenset(("text", "thought", "functionCall", "inlineData", *SIGNATURES))


def _only_text(body: Any) -> str:
    """Returns the text of an event that has nothing else than a piece of the first candidate's text, else ""."""
    if type(body) is not dict or not body.keys() <= _OF_TEXT[0]:
        return ""
    candidates = body.get("candidates")
    if type(candidates) is not list or len(candidates) != 1:
        return ""
    candidate = candidates[0]
    if type(candidate) is not dict or not candidate.keys() <= _OF_TEXT[1] or candidate.get("index"):
        return ""
    content = candidate.get("content")
    if type(content) is not dict or not content.keys() <= _OF_TEXT[2]:
        return ""
    parts = content.get("parts")
    part = parts[0] if type(parts) is list and len(parts) == 1 else None
    text = part.get("text") if type(part) is dict and len(part) == 1 else None
    return text if type(text) is str else ""


class GeminiReader:
    def __init__(self, frame: Frame) -> None:
        self._maker, self._notes = frame.rules.maker, frame.notes
        self._usage = UsageReader()
        self._started = False
        self._thinking: set[int] = set()
        """The choices that are thinking."""
        self._calls = 0
        self._cited: set[tuple[int, str]] = set()
        self._unread: Any = None
        """The last event whose usage has not been read. Each has all of it, and the last one counts."""

    def feed(self, chunk: Chunk) -> list[AnswerEvent]:
        if self._started and not self._thinking and chunk.raw.startswith(b"data:"):
            body = chunk.json()
            if text := _only_text(body):
                self._unread = body if "usageMetadata" in body else self._unread
                return [TextDelta(text)]  # nearly all events of most answers
        return [*self._count(), *self._read(chunk)]

    def end(self) -> list[AnswerEvent]:
        return [*self._count(), Ended()]

    def _count(self) -> list[AnswerEvent]:
        body, self._unread = self._unread, None
        if body is None:
            return []
        self._usage.take(body)
        return [Counted(self._usage.tokens)]

    def _read(self, chunk: Chunk) -> list[AnswerEvent]:
        if (told := failure_in_event(chunk)) is not None:
            return [Failed(failure_of(told))]
        events: list[AnswerEvent] = []
        for body in objects_of(chunk.json()):
            self._body(body, events)
        if mentions_usage(chunk.raw):
            self._usage.take(chunk.json())
            events.append(Counted(self._usage.tokens))
        return events

    def _body(self, body: Json, events: list[AnswerEvent]) -> None:
        candidates = rows_of(body.get("candidates"))
        if not self._started and (candidates or "promptFeedback" in body):
            self._started = True
            events.append(Started(text_of(body.get("responseId")), text_of(body.get("modelVersion"))))
        for position, candidate in enumerate(candidates):
            self._candidate(candidate, index_of(candidate, position), events)
        if is_blocked(body):
            events += [*_refused(body["promptFeedback"].get("blockReasonMessage")), Finished("content_filter")]

    def _candidate(self, candidate: Json, index: int, events: list[AnswerEvent]) -> None:
        for part in parts_of(candidate):
            self._part(part, index, events)
        self._cite(candidate, index, events)
        reason = text_of(candidate.get("finishReason")).upper()
        if names_reason(reason):
            self._stop_thinking(index, "", events)
            if (finish := finish_of(reason)) == "error":
                said = text_of(candidate.get("finishMessage")) or f"the answer ended with {reason}"
                events.append(Failed(Failure(502, said)))
            else:
                told = _refused(candidate.get("finishMessage"), index) if finish == "content_filter" else []
                events += [*told, Finished(finish, choice=index)]

    def _part(self, part: Json, index: int, events: list[AnswerEvent]) -> None:
        text, call, signature = text_of(part.get("text")), part.get("functionCall"), _signature(part)
        if part.get("thought") is True:
            if text:
                self._thinking.add(index)
                events.append(ThinkingDelta(text, index))
            return
        if text or isinstance(call, dict):
            self._stop_thinking(index, signature if call else "", events)
        if text:
            events.append(TextDelta(text, index))
        if isinstance(call, dict):
            self._call(call, signature, index, events)
        if isinstance(media := part.get("inlineData"), dict):
            events.append(TextDelta(_as_markdown(media), index))
        self._notes.lose_unread(part, _READ, "answer: ")

    def _call(self, call: Json, signature: str, index: int, events: list[AnswerEvent]) -> None:
        key, state = self._calls, sealed(self._maker, signature) if signature else ""
        self._calls += 1
        events.append(CallStart(key, text_of(call.get("id")), text_of(call.get("name")), index, state=state))
        events += [CallDelta(key, arguments_of(call), index), CallEnd(key, index)]

    def _stop_thinking(self, index: int, signature: str, events: list[AnswerEvent]) -> None:
        """Ends the reasoning with a signature, which may stand alone."""
        if index in self._thinking or signature:
            state = sealed(self._maker, signature)
            events.append(ThinkingState(state, redacted=index not in self._thinking, choice=index))
            self._thinking.discard(index)

    def _cite(self, candidate: Json, index: int, events: list[AnswerEvent]) -> None:
        """Adds the sources of a candidate as citations, each once, because a stream repeats its sources."""
        grounding, citations = candidate.get("groundingMetadata"), candidate.get("citationMetadata")
        grounded = rows_of(grounding.get("groundingChunks")) if isinstance(grounding, dict) else []
        found = rows_of([each.get("web") for each in grounded])
        found += rows_of(citations.get("citations")) if isinstance(citations, dict) else []
        for source in found:
            url = text_of(source.get("uri"))
            if url and (index, url) not in self._cited:
                self._cited.add((index, url))
                events.append(Citation(url, text_of(source.get("title")), index))


def _refused(words: object, index: int = 0) -> list[AnswerEvent]:
    """Why there is no answer, where Gemini says it."""
    return [TextDelta(words, index, refusal=True)] if isinstance(words, str) and words else []


def _signature(part: Json) -> str:
    return next((text_of(part[name]) for name in SIGNATURES if part.get(name)), "")


def _as_markdown(media: Json) -> str:
    """An image that the model made, as text in Markdown: no other format has a place for it."""
    return f"![image](data:{text_of(media.get('mimeType'))};base64,{text_of(media.get('data'))})"
