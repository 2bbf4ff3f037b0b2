"""Reads a stream of OpenAI's Responses API.

Rule: the content of an item is taken once, from its deltas or from the first event that has it as a whole. Some
providers send no deltas, and some send the items only in the last event."""

from __future__ import annotations

from typing import Any

from aigw.core.answer import Finish
from aigw.core.model import Chunk
from aigw.dialects.failures import failure_in, failure_of
from aigw.dialects.json_values import Json
from aigw.dialects.usage import UsageReader
from aigw.dialects.view import rows_of, text_of
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
from aigw.translation.responses.write_items import state_of

_ARGUMENTS = {"function_call": "arguments", "custom_tool_call": "input"}
_TEXTS = {"response.output_text": "text", "response.refusal": "refusal"}
_THOUGHTS = ("response.reasoning_summary_text", "response.reasoning_text")
_PIECES = {"response.function_call_arguments": "arguments", "response.custom_tool_call_input": "input"}
_ENDS = ("completed", "incomplete", "failed", "cancelled")


_DELTA = "response.output_text.delta"
_OF_DELTAS = frozenset((
    "type", "sequence_number", "item_id", "output_index", "content_index", "delta", "logprobs", "obfuscation",
))  # fmt: skip
_Place = tuple[Any, Any, Any]
"""The item's id and index, and the index of its part, as an event has them."""


class ResponsesStreamReader:
    def __init__(self, frame: Frame) -> None:
        self._maker, self._notes = frame.rules.maker, frame.notes
        self._usage = UsageReader()
        self._keys: dict[str, int] = {}
        """The index of each item, by its id, for events that have only one of them."""
        self._told: set[tuple[int, str]] = set()
        """The items and the parts whose text was already taken from deltas, as (index of the item, key of the part)."""
        self._thought: set[int] = set()
        """The reasoning that has a text."""
        self._broken: dict[int, str] = {}
        """The last part of the summary of each reasoning."""
        self._growing: _Place | None = None
        """The place to which the last piece of text belongs."""

    def feed(self, chunk: Chunk) -> list[AnswerEvent]:
        body = chunk.json()
        if not isinstance(body, dict):
            return []
        kind = text_of(body.get("type"))
        if kind == _DELTA and body.keys() <= _OF_DELTAS:
            return self._text(body)  # nearly all events of most answers
        name = kind.removeprefix("response.")
        response = body.get("response")
        if name in _ENDS:
            return self._end(response if isinstance(response, dict) else {}, name)
        if (told := failure_in(body)) is not None:
            return [Failed(failure_of(told))]
        if name == "created" and isinstance(response, dict):
            return [Started(text_of(response.get("id")), text_of(response.get("model")))]
        if isinstance(item := body.get("item"), dict):
            return self._item(item, self._key(body, item.get("id")), done=kind.endswith(".done"))
        return self._piece(kind, body, self._key(body, body.get("item_id")))

    def end(self) -> list[AnswerEvent]:
        return [Ended()]

    def _text(self, body: Json) -> list[AnswerEvent]:
        """Takes a piece of text. A place that is known already is not noted again."""
        place = (body.get("item_id"), body.get("output_index"), body.get("content_index"))
        text = body.get("delta")
        if place == self._growing and type(text) is str:
            return [TextDelta(text)] if text else []
        self._growing = place if all(type(each) in (int, str) for each in place) else None
        return self._piece(_DELTA, body, self._key(body, body.get("item_id")))

    def _key(self, body: Json, id: Any) -> int:
        index, id = body.get("output_index"), text_of(id)
        if type(index) is int:
            return self._keys.setdefault(id, index) if id else index
        return self._keys.setdefault(id, len(self._keys))

    def _item(self, item: Json, key: int, *, done: bool) -> list[AnswerEvent]:
        if (key, "done") in self._told:
            return []
        kind = text_of(item.get("type"))
        events: list[AnswerEvent] = []
        if kind in _ARGUMENTS:
            custom = kind == "custom_tool_call"
            if self._first(key, "added"):
                id = text_of(item.get("call_id")) or text_of(item.get("id"))
                events.append(CallStart(key, id, text_of(item.get("name")), custom=custom))
            if done:
                events += [*self._arguments(key, item.get(_ARGUMENTS[kind])), CallEnd(key)]
        elif kind == "message" and done:
            for index, part in enumerate(rows_of(item.get("content"))):
                events += self._part(key, index, part)
        elif kind == "reasoning" and done:
            events += self._reasoning(key, item)
        elif kind not in ("message", "reasoning"):
            self._notes.lose(f"answer: {kind or 'an item without a type'}")
        if done:
            self._told.add((key, "done"))
        return events

    def _first(self, key: int, what: str) -> bool:
        """Whether this piece of information comes for the first time. Notes it."""
        fresh = (key, what) not in self._told
        self._told.add((key, what))
        return fresh

    def _part(self, key: int, index: int, part: Json) -> list[AnswerEvent]:
        refusal = part.get("type") == "refusal"
        text = text_of(part.get("refusal" if refusal else "text"))
        events: list[AnswerEvent] = []
        if self._first(key, f"text {index}") and text:
            events.append(TextDelta(text, refusal=refusal))
        for place, cited in enumerate(rows_of(part.get("annotations"))):
            events += self._cited(key, f"{index} {place}", cited)
        return events

    def _cited(self, key: int, place: str, cited: Any) -> list[AnswerEvent]:
        known = isinstance(cited, dict) and cited.get("type") == "url_citation" and self._first(key, f"cited {place}")
        return [Citation(text_of(cited.get("url")), text_of(cited.get("title")))] if known else []

    def _reasoning(self, key: int, item: Json) -> list[AnswerEvent]:
        """Ends reasoning. Its text is the summary, or else the full text."""
        events: list[AnswerEvent] = []
        if key not in self._thought:
            parts = rows_of(item.get("summary")) or rows_of(item.get("content"))
            text = "\n\n".join(filter(None, (text_of(part.get("text")) for part in parts)))
            if text:
                self._thought.add(key)
                events.append(ThinkingDelta(text))
        encrypted = text_of(item.get("encrypted_content"))
        state = sealed(self._maker, state_of(text_of(item.get("id")), encrypted)) if encrypted else ""
        redacted = key not in self._thought
        return [*events, ThinkingState(state, redacted=redacted)] if state or not redacted else events

    def _piece(self, kind: str, body: Json, key: int) -> list[AnswerEvent]:
        name, _, end = kind.rpartition(".")
        index = body.get("content_index")
        part = f"text {index if type(index) is int else 0}"
        if name in _TEXTS:
            if end == "delta" or (end == "done" and (key, part) not in self._told):
                text = text_of(body.get("delta" if end == "delta" else _TEXTS[name]))
                self._told.add((key, part))
                return [TextDelta(text, refusal=name == "response.refusal")] if text else []
        elif name in _THOUGHTS and end == "delta":
            return self._think(name, body, key)
        elif name in _PIECES and end == "delta":
            self._told.add((key, "arguments"))
            return [CallDelta(key, text_of(body.get("delta")))]
        elif name in _PIECES and end == "done":
            return self._arguments(key, body.get(_PIECES[name]))
        elif kind == "response.output_text.annotation.added":
            place = f"{index if type(index) is int else 0} {body.get('annotation_index')}"
            return self._cited(key, place, body.get("annotation"))
        return []

    def _think(self, name: str, body: Json, key: int) -> list[AnswerEvent]:
        """A summary and the full text beside it would say the same twice: the first to come is taken."""
        text, part = text_of(body.get("delta")), f"{body.get('summary_index')} {body.get('content_index')}"
        if not text or not self._broken.setdefault(key, f"{name} {part}").startswith(name):
            return []
        new = self._broken[key] != f"{name} {part}"
        self._broken[key] = f"{name} {part}"
        self._thought.add(key)
        return [ThinkingDelta("\n\n" + text if new else text)]

    def _arguments(self, key: int, text: Any) -> list[AnswerEvent]:
        """Takes whole arguments, unless pieces of them have come."""
        return [CallDelta(key, text)] if isinstance(text, str) and text and self._first(key, "arguments") else []

    def _end(self, response: Json, status: str) -> list[AnswerEvent]:
        self._usage.take(response)
        events: list[AnswerEvent] = []
        if status in ("completed", "incomplete"):
            for index, item in enumerate(rows_of(response.get("output"))):
                events += self._item(item, self._key({"output_index": index}, item.get("id")), done=True)
        if self._usage.tokens.source != "absent":
            events.append(Counted(self._usage.tokens))
        if status in ("failed", "cancelled") or response.get("error"):
            error = response.get("error") or {"message": f"the response was {status}"}
            return [*events, Failed(failure_of(error))]
        return [*events, Finished(_finish(response, status)), Ended()]


def _finish(response: Json, status: str) -> Finish:
    if status != "incomplete":
        return "stop"
    details = response.get("incomplete_details")
    filtered = isinstance(details, dict) and details.get("reason") == "content_filter"
    return "content_filter" if filtered else "length"
