"""Converts a response of OpenAI's Responses API from a stream of events into one body, and back. Sans-io.

Rule: nothing is lost. The last event has the whole response; what it does not have is taken from the earlier events.
Unknown items are kept. `whole(pieces(body))` is equal to the body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from aigw.dialects.failures import message_of
from aigw.dialects.json_values import Json
from aigw.dialects.view import rows_of, text_of

_ENDS = ("completed", "incomplete", "failed")
_UNKNOWN_YET = ("usage", "error", "incomplete_details", "completed_at")
"""The fields of a response that are null until its end."""
_INPUTS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
"""For each type of call, the field that grows, and the name of the events with its pieces."""


class _Part(NamedTuple):
    """How a part of an item is streamed: the field that grows, the names of the events with its pieces and of those
    before and after them, and the field with the number of the part."""

    member: str = ""
    growth: str = ""
    around: str = "response.content_part"
    number: str = "content_index"


_PARTS = {
    "output_text": _Part("text", "response.output_text"),
    "refusal": _Part("refusal", "response.refusal"),
    "reasoning_text": _Part("text", "response.reasoning_text"),
    "summary_text": _Part(
        "text", "response.reasoning_summary_text", "response.reasoning_summary_part", "summary_index"
    ),
}
_LISTS = {"message": ("content",), "reasoning": ("summary", "content")}
"""The fields of an item that are lists of parts."""


def whole(events: Iterable[Json]) -> Json:
    """Returns the body with the same content as a complete stream. Raises ValueError if there is none."""
    folded = _Folded()
    try:
        for event in events:
            folded.take(event)
        return folded.body()
    except KeyError as error:
        raise ValueError(f"these are no events of a response: there is no {error}") from None
    except (AttributeError, TypeError) as error:
        raise ValueError(f"these are no events of a response: {error}") from None


class _Folded:
    """A response that is put together from events."""

    def __init__(self) -> None:
        self._first: Json = {}
        self._last: Json | None = None
        self._status = ""
        self._added: set[int] = set()
        self._items: dict[int, Json] = {}

    def take(self, event: Json) -> None:
        kind = event.get("type")
        name = text_of(kind).removeprefix("response.")
        if name == "created":
            self._first = event["response"]
        elif name == "output_item.added":
            self._added.add(event["output_index"])
        elif name == "output_item.done":
            self._items[event.get("output_index", len(self._items))] = event["item"]
        elif name in _ENDS:
            self._last, self._status = event["response"], name
        elif kind == "error" or event.get("error"):
            raise ValueError(f"the stream broke off: {message_of(event.get('error') or event)}")

    def body(self) -> Json:
        if self._last is None:
            raise ValueError("a stream that did not come to its end")
        body = {"object": "response", **self._first, "status": self._status, **self._last}
        if not self._last.get("output"):
            if self._status != "failed" and not self._added <= self._items.keys():
                raise ValueError("a stream with an item that was not finished")
            body["output"] = [self._items[index] for index in sorted(self._items)]
        return body


def pieces(body: Json) -> Iterator[Json]:
    """Yields the events of a stream with the same content as the body, in OpenAI's order. Raises ValueError if the body
    is not a finished response."""
    status, output = body.get("status"), body.get("output")
    if status not in _ENDS or not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise ValueError("a body that is no finished response")
    for number, event in enumerate(_events(body, output)):
        yield numbered(event, number)


def _events(body: Json, output: list[Json]) -> Iterator[Json]:
    begun = {**body, "status": "in_progress", "output": [], **dict.fromkeys(body.keys() & set(_UNKNOWN_YET))}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(output):
        yield from item_events(index, item)
    yield {"type": f"response.{body['status']}", "response": body}


def numbered(event: Json, number: int) -> Json:
    return {"type": event["type"], "sequence_number": number, **event}


def item_events(index: int, item: Json) -> Iterator[Json]:
    """Yields the events of one item. Their types end with `.added`, `.delta` and `.done`."""
    kind, place = text_of(item.get("type")), {"output_index": index}
    at = {"item_id": text_of(item.get("id")), **place}
    yield {"type": "response.output_item.added", **place, "item": _begun(item)}
    if kind in _INPUTS:
        member, growth = _INPUTS[kind]
        yield from _growth(growth, at, member, item.get(member), {})
    for name in _LISTS.get(kind, ()):
        for number, part in enumerate(rows_of(item.get(name))):
            yield from _part_events(at, number, part)
    yield {"type": "response.output_item.done", **place, "item": item}


def _part_events(at: Json, number: int, part: Json) -> Iterator[Json]:
    how = _PARTS.get(text_of(part.get("type")), _Part())
    at = {**at, how.number: number}
    yield {"type": f"{how.around}.added", **at, "part": _begun_part(part, how.member)}
    more = {"logprobs": part.get("logprobs") or []} if how.growth == "response.output_text" else {}
    yield from _growth(how.growth, at, how.member, part.get(how.member), more)
    for place, annotation in enumerate(rows_of(part.get("annotations"))):
        named = {"annotation_index": place, "annotation": annotation}
        yield {"type": "response.output_text.annotation.added", **at, **named}
    yield {"type": f"{how.around}.done", **at, "part": part}


def _growth(name: str, at: Json, member: str, text: Any, more: Json) -> Iterator[Json]:
    if not isinstance(text, str):
        return
    if text:
        yield {"type": f"{name}.delta", **at, "delta": text, **more}
    yield {"type": f"{name}.done", **at, member: text, **more}


def _begun(item: Json) -> Json:
    """Returns an item as it is when it is added, without its content."""
    kind = text_of(item.get("type"))
    empty: Json = {name: [] for name in _LISTS.get(kind, ()) if isinstance(item.get(name), list)}
    if kind in _INPUTS:
        empty[_INPUTS[kind][0]] = ""
    if "status" in item:
        empty["status"] = "in_progress"
    return {**{name: value for name, value in item.items() if name != "encrypted_content"}, **empty}


def _begun_part(part: Json, member: str) -> Json:
    empty: Json = {name: [] for name in ("annotations", "logprobs") if isinstance(part.get(name), list)}
    return {**part, **empty, **({member: ""} if isinstance(part.get(member), str) else {})}
