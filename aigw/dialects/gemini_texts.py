"""Finds the texts in the answers of Gemini's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.answer import AnswerText
from aigw.core.json_path import JsonPath
from aigw.dialects.answer_texts import leaves, named
from aigw.dialects.view import index_of

_GROUNDING = "groundingMetadata"
_CITED = ("text", "title", "uri", "webSearchQueries")
"""The fields with texts in the sources of an answer. `text` repeats a part of the answer."""


def texts(body: Any) -> Iterator[AnswerText]:
    """A plain answer may be an array of what are the events of a stream."""
    if isinstance(body, list):
        for position, each in enumerate(body):
            yield from _answer((position,), each)
    else:
        yield from _answer((), body)


def _answer(path: JsonPath, body: Any) -> Iterator[AnswerText]:
    candidates = body.get("candidates") if isinstance(body, dict) else None
    for position, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
        if not isinstance(candidate, dict):
            continue
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for index, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict):
                here = (*path, "candidates", position, "content", "parts", index)
                yield from _part(here, part, index_of(candidate, position))
        grounding = candidate.get(_GROUNDING)
        yield from named((*path, "candidates", position, _GROUNDING), grounding, _CITED)


def _part(path: JsonPath, part: dict[str, Any], choice: int) -> Iterator[AnswerText]:
    if isinstance(text := part.get("text"), str) and text:
        kind, slot = ("reasoning", "thought") if part.get("thought") is True else ("text", "text")
        yield AnswerText((*path, "text"), text, kind, choice, slot)  # type: ignore[arg-type]
    for name, member in (("functionCall", "args"), ("executableCode", "code"), ("codeExecutionResult", "output")):
        if isinstance(given := part.get(name), dict):
            yield from leaves((*path, name, member), given.get(member), choice)
