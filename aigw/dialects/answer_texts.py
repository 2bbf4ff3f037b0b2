"""Finds the strings in a part of an answer, and puts others in their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aigw.core.dialect import AnswerText
from aigw.core.json_path import JsonPath
from aigw.core.model import Chunk
from aigw.dialects.sse import rewritten

_BESIDE = "logprobs"
"""The field that spells out the text again, beside it or beside the message or delta that it stands in."""


def rewrite(chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
    """Returns a chunk with other texts, and without the log probabilities of the old ones."""
    body = before = chunk.json()
    for place, text in texts:
        if text != place.text:
            body = _put(body, place.path, text)
    return chunk if body is before else rewritten(chunk, body)


def leaves(path: JsonPath, value: Any, choice: int = 0) -> Iterator[AnswerText]:
    """Yields the strings in a value, such as the arguments of a call that is an object on the wire."""
    waiting: list[tuple[JsonPath, Any]] = [(path, value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            yield AnswerText(place, value, choice=choice)
        elif isinstance(value, dict):
            waiting += [((*place, name), each) for name, each in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*place, index), each) for index, each in reversed(list(enumerate(value)))]


def _put(value: Any, path: JsonPath, text: str) -> Any:
    if not path:
        return text
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return [*value[:step], _put(value[step], rest, text), *value[step + 1 :]]
    made = {**value, step: _put(value[step], rest, text)}
    if made.get(_BESIDE) and step != _BESIDE:
        made[_BESIDE] = [] if isinstance(made[_BESIDE], list) else None
    return made
