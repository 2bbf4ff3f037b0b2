"""Finds the texts in the answers of chat and text completions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.dialect import AnswerText
from aigw.core.json_path import JsonPath
from aigw.dialects.view import index_of, rows_of

_TEXTS = ("content", "refusal")
_REASONING = ("reasoning_content", "reasoning")


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
    for name in _REASONING:
        if isinstance(text := message.get(name), str) and text:
            yield AnswerText((*path, name), text, "reasoning", choice, name)
    for name in _TEXTS:
        yield from _member(path, message, name, choice)
    content = message.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict):
            yield from _member((*path, "content", index), part, "text", choice)
    if isinstance(audio := message.get("audio"), dict):
        yield from _member((*path, "audio"), audio, "transcript", choice)
    yield from _arguments((*path, "function_call"), message.get("function_call"), choice, "call")
    calls = message.get("tool_calls")
    for position, call in enumerate(rows_of(calls)):
        here, slot = (*path, "tool_calls", position), f"call {index_of(call, position)}"
        yield from _arguments((*here, "function"), call.get("function"), choice, slot)
        if isinstance(custom := call.get("custom"), dict) and isinstance(given := custom.get("input"), str) and given:
            yield AnswerText((*here, "custom", "input"), given, "text", choice, slot)


def _member(path: JsonPath, value: dict[str, Any], name: str, choice: int) -> Iterator[AnswerText]:
    if isinstance(text := value.get(name), str) and text:
        yield AnswerText((*path, name), text, "text", choice, name)


def _arguments(path: JsonPath, function: Any, choice: int, slot: str) -> Iterator[AnswerText]:
    """The beginning of a call counts as a piece without a text, so that it is not passed on before the call."""
    if not isinstance(function, dict):
        return
    arguments = function.get("arguments") or ""
    if isinstance(arguments, str) and (arguments or function.get("name")):
        yield AnswerText((*path, "arguments"), arguments, "call", choice, slot)
