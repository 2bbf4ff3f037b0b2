"""Writes an answer as a stream of chat completions.

Rules: id, model and time are the same in all chunks. `tool_calls[].index` counts the calls of a choice. The opaque
state of reasoning has no place here; that of a call is where Gemini's own OpenAI-compatible endpoint has it. Usage
comes only if the client asked for it. A client that sent `functions` gets the first call alone, in their form."""

from __future__ import annotations

from aigw.core.model import Chunk
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.openai_chat import DONE, DONE_DATA
from aigw.dialects.openai_chat_writer import usage_of
from aigw.dialects.sse import Event, json_event
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
)
from aigw.translation.frame import Frame

_OLD_CALL = "function_call"
_TEXT_HEAD = b',"choices":[{"index":0,"delta":{"content":'
_TEXT_TAIL = b'},"finish_reason":null}]'
"""Pieces of texts are nearly all events of most answers, and are written without encoding what is always the same."""


class _Choice:
    """The state of one choice: what has been written of it."""

    __slots__ = ("calls", "length")

    def __init__(self) -> None:
        self.length = 0
        """How many characters its text has."""
        self.calls: dict[int, tuple[int, str]] = {}
        """The number and the kind of each call, by its key."""


class ChatWriter:
    bears_comments = True

    def __init__(self, frame: Frame) -> None:
        asked = frame.conversation
        self._model = asked.model
        self._head: Json = {"id": f"chatcmpl-{frame.id}", "object": "chat.completion.chunk", "created": frame.created}
        self._one_call = asked.one_call
        self._shows = asked.reasoning.shown is not False
        self._tells_usage = asked.wants_usage or not asked.stream
        self._rest: Json = {"usage": None} if asked.stream and asked.wants_usage else {}
        self._text_head = b""
        """The bytes before a piece of the first choice's text, once that text has begun."""
        self._text_tail = _TEXT_TAIL + (b',"usage":null}\n\n' if self._rest else b"}\n\n")
        self._choices: dict[int, _Choice] = {}
        self._tokens: Tokens | None = None

    def write(self, event: AnswerEvent) -> list[Chunk]:
        match event:
            case TextDelta():
                return [self._text(event)]
            case ThinkingDelta():
                return [self._chunk(event.choice, {"reasoning_content": event.text})] if self._shows else []
            case CallDelta():
                return self._argue(event)
            case CallStart():
                return self._call(event)
            case Citation():
                return [self._cite(event)]
            case Started():
                self._head["model"] = event.model or self._model
            case Counted():
                self._tokens = event.tokens
            case Finished():
                return [self._finish(event)]
            case Ended():
                return self._end()
        return []

    def _chunk(self, choice: int, delta: Json, finish: str | None = None) -> Chunk:
        if choice not in self._choices:
            self._choices[choice] = _Choice()
            delta = {"role": "assistant", **delta}
            if choice == 0:
                self._text_head = b"data: " + encoded(self._head)[:-1] + _TEXT_HEAD
        told = {"index": choice, "delta": delta, "finish_reason": finish}
        return json_event({**self._head, "choices": [told], **self._rest})

    def _text(self, event: TextDelta) -> Chunk:
        if event.choice == 0 and self._text_head and not event.refusal:
            self._choices[0].length += len(event.text)
            return Event(self._text_head + encoded(event.text) + self._text_tail)
        chunk = self._chunk(event.choice, {"refusal" if event.refusal else "content": event.text})
        if not event.refusal:
            self._choices[event.choice].length += len(event.text)
        return chunk

    def _call(self, event: CallStart) -> list[Chunk]:
        kind, arguments = ("custom", "input") if event.custom else ("function", "arguments")
        known = self._choices.get(event.choice) or _Choice()
        number = len(known.calls)
        if self._one_call and number:
            return []
        call: Json = {"index": number, "id": event.id, "type": kind, kind: {"name": event.name, arguments: ""}}
        if event.state:
            call["extra_content"] = {"google": {"thought_signature": event.state}}
        chunk = self._chunk(event.choice, {_OLD_CALL: call[kind]} if self._one_call else {"tool_calls": [call]})
        self._choices[event.choice].calls[event.key] = (number, kind)
        return [chunk]

    def _argue(self, event: CallDelta) -> list[Chunk]:
        number, kind = self._choices[event.choice].calls.get(event.key, (0, ""))
        if not kind:
            return []
        piece = {"input" if kind == "custom" else "arguments": event.text}
        call = {_OLD_CALL: piece} if self._one_call else {"tool_calls": [{"index": number, kind: piece}]}
        return [self._chunk(event.choice, call)]

    def _cite(self, event: Citation) -> Chunk:
        known = self._choices.get(event.choice) or _Choice()
        cited = {"start_index": known.length, "end_index": known.length, "title": event.title, "url": event.url}
        return self._chunk(event.choice, {"annotations": [{"type": "url_citation", "url_citation": cited}]})

    def _finish(self, event: Finished) -> Chunk:
        empty = {} if event.choice in self._choices else {"content": ""}
        reason = _OLD_CALL if self._one_call and event.reason == "tool_calls" else event.reason
        return self._chunk(event.choice, empty, reason or "stop")

    def _end(self) -> list[Chunk]:
        done = Chunk(DONE, DONE_DATA)
        if self._tokens is None or not self._tells_usage:
            return [done]
        return [json_event({**self._head, "choices": [], "usage": usage_of(self._tokens)}), done]
