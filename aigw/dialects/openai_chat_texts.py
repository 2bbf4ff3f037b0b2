"""Finds the texts in the answers of chat and text completions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.answer import AnswerText
from aigw.core.json_path import JsonPath
from aigw.dialects.answer_texts import NO_CHOICE, named
from aigw.dialects.view import index_of

_TEXTS = ("content", "refusal")
_REASONING = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"
_CITED = ("title", "url", "content")


def texts(body: Any) -> Iterator[AnswerText]:
    choices = body.get("choices") if isinstance(body, dict) else None
    for position, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict):
            path, index = ("choices", position), index_of(choice, position)
            yield from _member(path, choice, "text", index)
            for name in ("delta", "message"):
                if isinstance(message := choice.get(name), dict):
                    yield from message_texts((*path, name), message, index)


def message_texts(path: JsonPath, message: dict[str, Any], choice: int) -> Iterator[AnswerText]:
    """Yields the texts of a message or of a piece of one."""
    yield from _reasoning(path, message, choice)
    for name in _TEXTS:
        yield from _member(path, message, name, choice)
    content = message.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict):
            here = (*path, "content", index)
            yield from _member(here, part, "text", choice)
            yield from _rows((*here, "thinking"), part.get("thinking"), choice, "thinking")
    yield from named((*path, "annotations"), message.get("annotations"), _CITED)
    if isinstance(audio := message.get("audio"), dict):
        yield from _member((*path, "audio"), audio, "transcript", choice)
    yield from _arguments((*path, "function_call"), message.get("function_call"), choice, "call")
    calls = message.get("tool_calls")
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if not isinstance(call, dict):
            continue
        here, slot = (*path, "tool_calls", position), f"call {index_of(call, position)}"
        yield from _arguments((*here, "function"), call.get("function"), choice, slot)
        if isinstance(custom := call.get("custom"), dict) and isinstance(given := custom.get("input"), str) and given:
            yield AnswerText((*here, "custom", "input"), given, "text", choice, slot)


def _reasoning(path: JsonPath, message: dict[str, Any], choice: int) -> Iterator[AnswerText]:
    """Yields the texts of the reasoning. OpenRouter repeats it in its details."""
    texts = [name for name in _REASONING if isinstance(message.get(name), str) and message[name]]
    for name in texts:
        yield AnswerText((*path, name), message[name], "reasoning", choice, name)
    details = list(_rows((*path, _DETAILS), message.get(_DETAILS), choice, _DETAILS))
    if not texts:
        yield from details
    elif "".join([each.text for each in details]) not in [message[name] for name in texts]:
        yield from (each._replace(choice=NO_CHOICE, slot="") for each in details)


def _rows(path: JsonPath, rows: Any, choice: int, slot: str) -> Iterator[AnswerText]:
    for index, row in enumerate(rows if isinstance(rows, list) else ()):
        for name in ("text", "summary"):
            if isinstance(row, dict) and isinstance(text := row.get(name), str) and text:
                yield AnswerText((*path, index, name), text, "reasoning", choice, slot)


def _member(path: JsonPath, value: dict[str, Any], name: str, choice: int) -> Iterator[AnswerText]:
    if isinstance(text := value.get(name), str) and text:
        yield AnswerText((*path, name), text, "text", choice, name)


def _arguments(path: JsonPath, function: Any, choice: int, slot: str) -> Iterator[AnswerText]:
    """Yields the texts of a call. Its beginning counts as a piece without a text, so that it is not passed on before
    the call has been checked."""
    if not isinstance(function, dict):
        return
    arguments = function.get("arguments") or ""
    if isinstance(arguments, str) and (arguments or function.get("name")):
        yield AnswerText((*path, "arguments"), arguments, "call", choice, slot)
