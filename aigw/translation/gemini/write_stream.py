"""Writes an answer as a stream of Gemini's generateContent.

Rules of the format: an event has only the new parts, and the last one says why the answer ended and what was used. A
call is never split. Google's SDK dies of a comment, of an `event:` line and of [DONE]. The state of the reasoning is
the signature of the part behind it, because clients keep those and drop the thoughts."""

from __future__ import annotations

from aigw.core.model import Chunk
from aigw.core.tokens import Tokens
from aigw.dialects.gemini_writer import REASONS, usage_of
from aigw.dialects.json_values import Json, encoded, object_of
from aigw.dialects.sse import Event, json_event
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.frame import Frame

_MALFORMED = "MALFORMED_FUNCTION_CALL"


_TEXT_HEAD = b'data: {"candidates":[{"content":{"parts":[{"text":'
_TEXT_TAIL = b'}],"role":"model"},"index":0}],'
"""Pieces of texts are nearly all events of most answers, and are written without encoding what is always the same."""


class ContentWriter:
    bears_comments = False

    def __init__(self, frame: Frame) -> None:
        self._shows = frame.conversation.reasoning.shown is True
        self._head: Json = {"modelVersion": frame.conversation.model, "responseId": frame.id}
        self._text_tail = self._tail()
        self._states: dict[int, str] = {}
        """The state of the reasoning of each choice, for its next part."""
        self._calls: dict[tuple[int, int], tuple[CallStart, list[str]]] = {}
        self._malformed: dict[int, str] = {}
        """The arguments that are no JSON object, by choice."""
        self._sources: dict[int, list[Json]] = {}
        self._ends: list[Json] = []
        self._tokens: Tokens | None = None

    def write(self, event: AnswerEvent) -> list[Chunk]:
        match event:
            case TextDelta():
                if event.choice == 0 and not self._states:
                    return [Event(_TEXT_HEAD + encoded(event.text) + self._text_tail)]
                return [self._part({"text": event.text}, event.choice)]
            case ThinkingDelta():
                return [self._event([_candidate(event.choice, [{"text": event.text, "thought": True}])])][: self._shows]
            case ThinkingState():
                self._states[event.choice] = event.state
            case CallStart():
                self._calls[event.choice, event.key] = (event, [])
            case CallDelta():
                self._calls[event.choice, event.key][1].append(event.text)
            case CallEnd():
                return self._call(*self._calls.pop((event.choice, event.key)))
            case Started():
                self._head["modelVersion"] = event.model or self._head["modelVersion"]
                self._text_tail = self._tail()
            case Citation():
                source = {"web": {"uri": event.url, **({"title": event.title} if event.title else {})}}
                self._sources.setdefault(event.choice, []).append(source)
            case Counted():
                self._tokens = event.tokens
            case Finished():
                self._ends.append(self._end(event))
            case Ended():
                return [self._last()]
        return []

    def _tail(self) -> bytes:
        """Returns the bytes behind a piece of text."""
        return _TEXT_TAIL + encoded(self._head)[1:] + b"\n\n"

    def _part(self, part: Json, choice: int, state: str = "") -> Chunk:
        held = self._states.pop(choice, "")
        if signature := state or held:
            part["thoughtSignature"] = signature
        return self._event([_candidate(choice, [part])])

    def _call(self, call: CallStart, pieces: list[str]) -> list[Chunk]:
        arguments = "".join(pieces)
        try:
            args = object_of((arguments.strip() or "{}").encode("utf-8", "surrogatepass"))
        except ValueError:
            self._malformed[call.choice] = arguments
            return []
        part: Json = {"functionCall": {"id": call.id, "name": call.name, "args": args}}
        return [self._part(part, call.choice, call.state)]

    def _end(self, event: Finished) -> Json:
        """Ends the answer. A call whose arguments were cut off by the limit is left out; other invalid arguments are an
        error."""
        end = {"finishReason": REASONS.get(event.reason, "STOP")}
        if (arguments := self._malformed.get(event.choice)) is not None and event.reason != "length":
            end = {"finishReason": _MALFORMED, "finishMessage": f"Malformed function call: {arguments}"}
        if sources := self._sources.get(event.choice):
            end["groundingMetadata"] = {"groundingChunks": sources}  # type: ignore[assignment]
        return {**_candidate(event.choice, [{"text": ""}]), **end}

    def _last(self) -> Chunk:
        usage = {} if self._tokens is None else {"usageMetadata": usage_of(self._tokens)}
        return self._event(self._ends, usage)

    def _event(self, candidates: list[Json], rest: Json | None = None) -> Chunk:
        return json_event({"candidates": candidates, **(rest or {}), **self._head})


def _candidate(choice: int, parts: list[Json]) -> Json:
    return {"content": {"parts": parts, "role": "model"}, "index": choice}
