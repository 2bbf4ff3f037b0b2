"""Reads a stream of chat completions.

Some providers end an answer with calls by "stop", or by no reason at all; `ordered` mends that. Reasoning is in
`reasoning_content` or in `reasoning`, or in parts of the content (Mistral)."""

from __future__ import annotations

from typing import Any

from aigw.core.answer import Finish
from aigw.core.model import Chunk
from aigw.dialects.failures import failure_in_event, failure_of, is_failed_end
from aigw.dialects.json_values import Json
from aigw.dialects.openai_chat import DONE_DATA
from aigw.dialects.openai_chat_calls import CallNumbers, content_of
from aigw.dialects.usage import UsageReader, mentions_usage
from aigw.dialects.view import index_of, rows_of, text_of
from aigw.translation.envelope import sealed
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
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

_FINISHES: dict[str, Finish] = {
    "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls", "content_filter": "content_filter",
}  # fmt: skip
_READ = frozenset((
    "role", "content", "reasoning_content", "reasoning", "reasoning_details", "refusal", "tool_calls", "function_call",
    "annotations",
))  # fmt: skip
_OLD = -1
"""The key of a call in the old form, of which there is one."""


def _only_text(body: Json) -> str:
    """Returns the text of an event that has nothing else than a piece of the first choice's text, else ""."""
    choices = body.get("choices")
    if type(choices) is not list or len(choices) != 1 or body.get("usage") or "error" in body:
        return ""
    choice = choices[0]
    if type(choice) is not dict or choice.get("finish_reason") or choice.get("index") or "error" in choice:
        return ""
    delta = choice.get("delta")
    text = delta.get("content") if type(delta) is dict and len(delta) == 1 else None
    return text if type(text) is str else ""


class ChatReader:
    def __init__(self, frame: Frame) -> None:
        self._state = sealed(frame.rules.maker) if frame.rules.maker else ""
        """The state that clients send back with the reasoning, so that its maker gets it again, and nobody else."""
        self._notes = frame.notes
        self._usage = UsageReader()
        self._started = False
        self._thinking: set[int] = set()
        """The choices that are thinking."""
        self._numbers: dict[int, CallNumbers] = {}
        self._named: set[tuple[int, int]] = set()

    def feed(self, chunk: Chunk) -> list[AnswerEvent]:
        if chunk.data == DONE_DATA:
            return [Ended()]
        body = chunk.json()
        if not isinstance(body, dict):
            return []
        if self._started and not self._thinking and (text := _only_text(body)):
            return [TextDelta(text)]  # nearly all events of most answers: this halves their cost
        if (told := failure_in_event(chunk)) is not None:
            return [Failed(failure_of(told))]
        events: list[AnswerEvent] = []
        if not self._started and body.get("choices"):
            self._started = True
            events.append(Started(text_of(body.get("id")), text_of(body.get("model"))))
        if mentions_usage(chunk.raw):
            self._usage.take(body)
            events.append(Counted(self._usage.tokens))
        for position, choice in enumerate(rows_of(body.get("choices"))):
            self._choice(choice, index_of(choice, position), events)
        return events

    def end(self) -> list[AnswerEvent]:
        return [Ended()]

    def _choice(self, choice: Json, index: int, events: list[AnswerEvent]) -> None:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, index, events)
        reason = text_of(choice.get("finish_reason"))
        if reason:
            self._stop_thinking(index, events)
            if reason not in _FINISHES and is_failed_end(reason):
                events.append(Failed(failure_of({"message": f"the answer ended with {reason}"})))
            else:
                events.append(Finished(_FINISHES.get(reason, "stop"), choice=index))

    def _delta(self, delta: Json, index: int, events: list[AnswerEvent]) -> None:
        self._notes.lose_unread(delta, _READ, "answer: ")
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and thought:
            self._thinking.add(index)
            events.append(ThinkingDelta(thought, index))
        content = delta.get("content")
        if isinstance(content, str):
            self._text(content, index, events)
        elif content:
            self._parts(content, index, events)
        if (refusal := delta.get("refusal")) and isinstance(refusal, str):
            self._stop_thinking(index, events)
            events.append(TextDelta(refusal, index, refusal=True))
        if calls := rows_of(delta.get("tool_calls")):
            self._calls(calls, index, events)
        if isinstance(old := delta.get("function_call"), dict):
            self._piece(_OLD, {"function": old}, index, events)
        cited = [each["url_citation"] for each in rows_of(delta.get("annotations")) if each.get("url_citation")]
        events += [Citation(text_of(each.get("url")), text_of(each.get("title")), index) for each in rows_of(cited)]

    def _text(self, text: str, index: int, events: list[AnswerEvent]) -> None:
        if text:
            self._stop_thinking(index, events)
            events.append(TextDelta(text, index))

    def _parts(self, content: Any, index: int, events: list[AnswerEvent]) -> None:
        for part in rows_of(content):
            if part.get("type") == "thinking":
                for each in rows_of(part.get("thinking")):
                    self._delta({"reasoning": each.get("text")}, index, events)
            else:
                self._text(text_of(part.get("text")), index, events)

    def _calls(self, pieces: list[Json], index: int, events: list[AnswerEvent]) -> None:
        self._stop_thinking(index, events)
        numbers = self._numbers.setdefault(index, CallNumbers())
        for position, piece in enumerate(pieces):
            if content_of(piece) is not None:
                self._piece(numbers.number_of(piece, position), piece, index, events)

    def _piece(self, key: int, piece: Json, index: int, events: list[AnswerEvent]) -> None:
        name, arguments = content_of(piece) or ("", "")
        if (index, key) not in self._named and (text_of(name) or piece.get("id")):
            if text_of(name):
                self._named.add((index, key))
            events.append(CallStart(key, text_of(piece.get("id")), text_of(name), index, custom="custom" in piece))
        if text_of(arguments):
            events.append(CallDelta(key, arguments, index))

    def _stop_thinking(self, index: int, events: list[AnswerEvent]) -> None:
        if index in self._thinking:
            self._thinking.discard(index)
            events.append(ThinkingState(self._state, choice=index))
