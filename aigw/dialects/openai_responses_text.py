"""Finds and replaces the text of an answer of OpenAI's Responses API. The text is in a delta, again in the events that
say that a part or an item is done, and again in the last event. To replace it, it must be replaced in all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.json_path import JsonPath
from aigw.dialects.json_values import Json
from aigw.dialects.view import text_of

TEXT_EVENTS = {
    "response.output_text.delta": "delta",
    "response.refusal.delta": "delta",
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
}
"""The types of events with a piece of a text or a whole text, and the field with the text."""
_PARTS = {"output_text": "text", "text": "text", "refusal": "refusal"}

Found = Iterator[tuple[JsonPath, str]]


def texts(body: Json) -> Found:
    """Yields the texts of an event or of a plain body, with their places, without reasoning."""
    if member := TEXT_EVENTS.get(text_of(body.get("type"))):
        yield from _member((), body, member)
    elif isinstance(part := body.get("part"), dict):
        yield from _part(("part",), part)
    elif isinstance(item := body.get("item"), dict):
        yield from item_texts(("item",), item)
    elif isinstance(response := body.get("response"), dict):
        yield from _output(("response",), response)
    else:
        yield from _output((), body)


def item_texts(path: JsonPath, item: Json) -> Found:
    content = item.get("content") if item.get("type") == "message" else None
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict):
            yield from _part((*path, "content", index), part)


def written(body: Json, text: str) -> Json | None:
    """Returns the event or body with `text` in the place of its first text, None if it has no text."""
    found = [place for place, _ in texts(body)]
    for place in found:
        body = _put(body, place, text if place is found[0] else "")
    return body if found else None


def _output(path: JsonPath, response: Json) -> Found:
    output = response.get("output")
    for index, item in enumerate(output if isinstance(output, list) else ()):
        if isinstance(item, dict):
            yield from item_texts((*path, "output", index), item)


def _part(path: JsonPath, part: Json) -> Found:
    if member := _PARTS.get(text_of(part.get("type"))):
        yield from _member(path, part, member)


def _member(path: JsonPath, value: Json, member: str) -> Found:
    if text := text_of(value.get(member)):
        yield (*path, member), text


def _put(value: Any, path: JsonPath, text: str) -> Any:
    """Returns a copy with the text at this path, and without the log probabilities of the old text."""
    step, *rest = path
    if isinstance(step, int):
        return [*value[:step], _put(value[step], tuple(rest), text), *value[step + 1 :]]
    if rest:
        return {**value, step: _put(value[step], tuple(rest), text)}
    return {**value, step: text, **({"logprobs": []} if value.get("logprobs") else {})}
